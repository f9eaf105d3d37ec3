//! What holds for every input.

mod approval;
mod keyring;
