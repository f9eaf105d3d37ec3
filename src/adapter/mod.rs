//! Layer 6: the ports, answered by engines and services. One port per file; adapters do not know each other.

pub mod ephemeral;
pub mod file_sender;
pub mod inprocess;
pub mod log_push;
pub mod log_sender;
pub mod redis;
pub mod sealed_value;
pub mod sql;
pub mod upstream;
pub mod webauthn;
