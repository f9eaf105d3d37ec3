//! Adapters against what they adapt, without a network.

mod checkpoint_sinks;
mod client_keys;
mod lab;
mod measured;
mod message_queue;
mod phone;
mod phone_command;
mod sms_gateway;
mod smtp_sender;
mod upstream;
pub(crate) mod upstream_fake;
mod upstream_faults;
mod upstream_poison;
mod webauthn;
mod webauthn_certificates;
mod webauthn_vectors;
