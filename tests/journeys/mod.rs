//! What a person goes through, end to end, and what an attacker tries on the way.

mod approvals;
mod approvals_refused;
mod client_credentials;
mod enrolment;
mod enrolment_refused;
mod introspection;
mod logout;
mod operator_commands;
mod own_devices;
mod revocation;
