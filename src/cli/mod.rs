//! Layer 9: commands.

pub mod config;
pub mod output;
pub mod phone;
