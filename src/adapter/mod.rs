//! Layer 6: the ports, answered by engines and services. One port per file; adapters do not know each other.

pub mod checkpoint_sinks;
pub mod ephemeral;
pub mod extract_file;
pub mod file_sender;
pub mod inprocess;
pub mod log_push;
pub mod log_sender;
pub mod measured;
pub mod message_queue;
pub mod pkcs11;
pub mod redis;
pub mod sealed_value;
pub mod sms_gateway;
pub mod smtp_sender;
pub mod sql;
pub mod upstream;
pub mod webauthn;
