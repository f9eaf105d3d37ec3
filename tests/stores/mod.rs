//! The contract of the stores, the same on every backend.

mod durable;
mod durable_at_rest;
mod durable_audit;
mod durable_decisions;
mod durable_devices;
mod durable_issuance;
mod durable_keys;
mod durable_people;
mod durable_postgres;
mod durable_revocation;
mod durable_rotation;
mod durable_samples;
mod ephemeral;
mod ephemeral_approvals;
mod ephemeral_at_rest;
mod ephemeral_counters;
mod ephemeral_inprocess;
mod ephemeral_interactions;
mod ephemeral_one_shot;
mod ephemeral_redis;
mod ephemeral_redis_faults;
mod ephemeral_samples;
mod ephemeral_sessions;
mod outbound;
mod postgres_replicas;
mod postgres_server;
pub(crate) mod redis_server;
