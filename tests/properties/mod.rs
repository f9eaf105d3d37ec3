//! What holds for every input.

mod approval;
mod federation;
mod keyring;
