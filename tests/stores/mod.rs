//! The contract of the stores, the same on every backend.

mod durable;
mod durable_at_rest;
mod durable_decisions;
mod durable_devices;
mod durable_issuance;
mod durable_keys;
mod durable_people;
mod durable_revocation;
mod durable_rotation;
mod durable_samples;
