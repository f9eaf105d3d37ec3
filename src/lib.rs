//! `sceau`: the authentication backend behind a phone that replaces a health card.

pub mod base;
pub mod jose;
pub mod oauth;
