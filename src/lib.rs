//! `sceau`: the authentication backend behind a phone that replaces a health card.
//!
//! An OpenID Connect provider for French health professionals and patients, and the WebAuthn relying party of their
//! phones. Start with [`flow`]: every use case is a method of [`flow::Provider`].
//!
//! | layer | modules | |
//! |---|---|---|
//! | 0 | [`base`] | time, entropy, identifiers, secrets, encodings |
//! | 1 | [`jose`] | signatures, keys, strict decoding, sealing |
//! | 2 | [`oauth`], [`oidc`] | one file per specification, pure |
//! | 3 | [`identity`], [`interaction`], [`approval`], [`device`], [`keyring`], [`federation`], [`audit`] | the domain, pure |
//! | 4 | [`ports`] | what the flows need from outside, one method per atomic rule |
//! | 5 | [`flow`] | use cases: load, decide, store, audit |
//! | 6 | [`adapter`] | SQL, in-process, WebAuthn, senders |
//! | 7 | [`http`] | routes, extractors, responders |
//! | 8 | [`config`], [`telemetry`] | settings, logs and metrics |
//! | 9 | [`app`], [`worker`], [`phone`], [`demo`], [`cli`] | composition root, jobs, software phone, demonstration, commands |
//!
//! A module imports modules on a lower line only; `tests/architecture.rs` enforces it.

pub mod adapter;
pub mod app;
pub mod approval;
pub mod audit;
pub mod base;
pub mod cli;
pub mod config;
pub mod demo;
pub mod device;
pub mod federation;
pub mod flow;
pub mod http;
pub mod identity;
pub mod interaction;
pub mod jose;
pub mod keyring;
pub mod oauth;
pub mod oidc;
pub mod phone;
pub mod ports;
pub mod telemetry;
pub mod worker;
