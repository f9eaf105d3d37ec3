//! `sceau`: the authentication backend behind a phone that replaces a health card.

pub mod adapter;
pub mod app;
pub mod approval;
pub mod audit;
pub mod base;
pub mod cli;
pub mod config;
pub mod demo;
pub mod device;
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
