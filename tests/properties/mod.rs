//! What holds for every input.

mod approval;
mod federation;
mod keyring;
mod keyring_replicas;
