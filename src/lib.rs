//! `sceau`: the authentication backend behind a phone that replaces a health card.

pub mod audit;
pub mod base;
pub mod identity;
pub mod jose;
pub mod phone;
