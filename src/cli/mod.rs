//! Layer 9: the command line.

pub mod output;
pub mod phone;
