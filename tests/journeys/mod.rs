//! What a person goes through, end to end, and what an attacker tries on the way.

mod approvals;
mod approvals_refused;
mod enrolment;
mod enrolment_refused;
mod own_devices;
