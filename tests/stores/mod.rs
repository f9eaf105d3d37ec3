//! The contract of the stores, the same on every backend.

mod ephemeral;
mod ephemeral_approvals;
mod ephemeral_at_rest;
mod ephemeral_counters;
mod ephemeral_inprocess;
mod ephemeral_interactions;
mod ephemeral_one_shot;
mod ephemeral_samples;
mod ephemeral_sessions;
mod outbound;
