//! What a person goes through, end to end, and what an attacker tries on the way.

mod approvals;
mod approvals_refused;
mod approvals_review;
mod client_credentials;
mod enrolment;
mod enrolment_refused;
mod introspection;
mod limits_review;
mod login_review;
mod logout;
mod operator_commands;
mod own_devices;
mod review;
mod revocation;
mod tokens_review;
