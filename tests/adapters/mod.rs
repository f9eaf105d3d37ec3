//! Adapters against what they adapt, without a network.

mod lab;
mod phone;
mod phone_command;
mod upstream;
mod upstream_fake;
mod upstream_faults;
mod upstream_poison;
mod webauthn;
mod webauthn_certificates;
mod webauthn_vectors;
