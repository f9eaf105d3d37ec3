//! What a person goes through, end to end, and what an attacker tries on the way.

mod approvals;
mod approvals_refused;
mod approvals_review;
mod enrolment;
mod enrolment_refused;
mod limits_review;
mod login_review;
mod own_devices;
mod review;
mod tokens_review;
