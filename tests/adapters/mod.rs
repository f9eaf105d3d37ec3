//! Adapters against what they adapt, without a network.

mod lab;
mod phone;
mod phone_command;
mod webauthn;
mod webauthn_certificates;
mod webauthn_vectors;
