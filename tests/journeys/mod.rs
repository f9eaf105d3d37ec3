//! What a person goes through, end to end, and what an attacker tries on the way.

mod approvals;
mod approvals_refused;
mod approvals_review;
mod code_replay;
mod consent;
mod enrolment;
mod enrolment_refused;
mod identifier_probing;
mod interaction_browser;
mod key_material;
mod limits_review;
mod login_page;
mod login_review;
mod own_devices;
mod professional_login;
mod pushed_requests;
mod races;
mod refresh;
mod refresh_ended;
mod requested_claims;
mod review;
mod sso_and_prompts;
mod tokens_review;
