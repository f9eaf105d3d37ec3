//! Extractors: they parse, and never decide.

mod browser;
mod client_credentials;
mod raw_params;

pub(crate) use browser::{browser_state, interaction_cookie, session_cookie};
pub(crate) use client_credentials::client_credentials;
pub(crate) use raw_params::{FormParams, QueryParams};
