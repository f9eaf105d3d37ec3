//! The reading of sources, tested: a bad snippet for each rule, and good ones beside it.

use std::collections::BTreeSet;

use super::imports::{Surroundings, adapter_names, judge};
use super::lexer::tokens;
use super::paths;

fn surroundings() -> Surroundings {
    let crates = "async_trait axum aws_lc_rs config http reqwest serde serde_cbor_2 serde_json sqlx tokio toml \
                  tracing url webauthn_rs";
    let adapters: BTreeSet<_> = ["inprocess", "sql", "webauthn"].map(str::to_owned).into();
    let shared = "mod sql;\npub use sql::{Pool, Row as Record};\npub use crate::ports::PortError;";
    Surroundings {
        dependencies: crates.split_whitespace().map(str::to_owned).collect(),
        adapters: adapter_names(shared, &adapters),
    }
}

/// The snippet breaks exactly one rule, this one.
fn bad(file: &str, snippet: &str, reason: &str) {
    let broken = judge(file, snippet, &surroundings());
    assert!(broken.len() == 1 && broken.iter().all(|b| b.contains(reason)), "{file}: {snippet}\n{broken:#?}");
}

fn good(file: &str, snippet: &str) {
    let broken = judge(file, snippet, &surroundings());
    assert!(broken.is_empty(), "{file}: {snippet}\n{broken:#?}");
}

#[test]
fn a_higher_layer_is_refused_however_it_is_written() {
    let file = "src/oauth/rfc7636_pkce.rs";
    for snippet in [
        "use crate::flow::token;",
        "use crate::{base::Clock, flow::{self}};",
        "use crate::{base::{Clock, Secret}, flow::issue::Gate as G, jose::Jws};",
        "use sceau::flow::token;",
        "use super::super::flow::token;",
        "use self::super::super::flow::token;",
        "use crate::flow;",
        "use crate::flow as f;",
        "use crate::flow::*;",
        "pub(crate) use crate::flow::token;",
        "fn f() -> crate::flow::Token { g() }",
        "fn f() { use crate::flow::token; }",
        "fn f() { let x = Y { a: 1, ..crate::flow::empty() }; }",
        "fn f<T: crate::flow::Step<u8>>(t: T) {}",
        "fn f() { m!(crate::flow::token()); }",
        "type X = Vec<<crate::flow::Token as Y>::Z>;",
        "#[serde(with = \"crate::flow::token\")] struct X;",
        "#[derive(crate::flow::Step)] struct X;",
        "mod inner { use super::super::super::flow::token; }",
        "mod inner { fn f() { super::super::super::flow::token() } }",
        "/* crate::base */ use crate /* :: */ :: flow\n  :: token;",
        "const A: char = '\"'; use crate::flow::token; const B: char = '\"';",
        "const A: &str = r#\"\"\"#; use crate::flow::token; const B: &str = \"\";",
        "fn f<'a>(x: &'a u8) { crate::flow::token() }",
        "macro_x! { $crate::flow::token() }",
        "pub struct X(pub (crate::flow::Token, u8));",
    ] {
        bad(file, snippet, "`oauth` may not import `flow`");
    }
}

#[test]
fn what_is_no_import_is_not_taken_for_one() {
    let file = "src/oauth/rfc7636_pkce.rs";
    for snippet in [
        "// use crate::flow::token;\n/// [`crate::flow::token`]\n/* /* */ crate::flow::x */",
        "const A: &str = \"crate::flow::token \\\" sqlx::query\"; const B: &[u8] = br#\"crate::flow::x\"#;",
        "pub(crate) fn f() {} pub(in crate::oauth) fn g() {}",
        "use crate::{base::{Clock, Secret as S}, jose::{self, Jws}};",
        "use super::{error::OAuthError, scope};",
        "mod inner { use super::*; fn f() { super::super::scope::f() } }",
        "fn f(flow: u8) -> u8 { flow }",
        "fn f() { Vec::<u8>::new(); x.sqlx::<u8>(); <T as U>::sqlx(); Self::tokio(); }",
        "fn f() -> impl Iterator<Item = u8> + use<'_> { g() }",
        "use std::net::IpAddr; use core::fmt; fn f() { std::mem::take(x) }",
        "use url::Url; #[derive(serde::Serialize)] #[serde(rename = \"a\")] struct X(url::Host);",
        "mod tokio { pub fn f() {} } fn g() { tokio::f() }",
        "#[error(\"a::b c\")] struct X;",
    ] {
        good(file, snippet);
    }
}

#[test]
fn neighbours_on_a_line_are_refused_but_for_the_named_ones() {
    good("src/oidc/ciba.rs", "use crate::oauth::OAuthError;");
    bad("src/oauth/error.rs", "use crate::oidc::Ciba;", "`oauth` may not import `oidc`");
    good("src/approval/state.rs", "use crate::identity::Person;");
    bad("src/approval/state.rs", "use crate::device::DeviceProof;", "`approval` may not import `device`");
    bad("src/identity/mod.rs", "use crate::audit::Event;", "`identity` may not import `audit`");
    bad("src/config/mod.rs", "use crate::telemetry::Format;", "`config` may not import `telemetry`");
    bad("src/worker.rs", "use crate::phone::Phone;", "`worker` may not import `phone`");
    good("src/app/mod.rs", "use crate::{adapter::sql::Sql, worker, phone, config::Config};");
    bad("src/app/mod.rs", "use crate::demo::Play;", "`app` may not import `demo`");
    good("src/cli/demo.rs", "use crate::{app, demo};");
    bad("src/demo/mod.rs", "use crate::cli::Output;", "`demo` may not import `cli`");
    good("src/main.rs", "use sceau::cli; fn main() { cli::run() }");
    bad("src/cli/mod.rs", "use crate::main;", "`cli` may not import `main`");
}

#[test]
fn adapters_are_named_by_the_composition_root_alone() {
    bad("src/http/token.rs", "use crate::adapter::sql::Sql;", "`http` may not import `adapter`");
    bad("src/config/storage.rs", "use crate::adapter::sql::Sql;", "`config` may not import `adapter`");
    bad("src/telemetry.rs", "fn f() { crate::adapter::sql::f() }", "`telemetry` may not import `adapter`");
    bad("src/adapter/sql/keys.rs", "use crate::flow::Gate;", "`adapter` may not import `flow`");
    bad("src/adapter/sql/keys.rs", "use crate::http::router;", "`adapter` may not import `http`");
    good("src/adapter/sql/keys.rs", "use crate::ports::keys::Keys; use crate::base::Clock;");
}

#[test]
fn adapters_do_not_know_each_other() {
    let reason = "adapter `sql` may not import adapter `webauthn`";
    bad("src/adapter/sql/keys.rs", "use crate::adapter::webauthn::Ceremony;", reason);
    bad("src/adapter/sql/keys.rs", "use super::super::webauthn::Ceremony;", reason);
    bad("src/adapter/sql.rs", "use super::webauthn;", reason);
    bad("src/adapter/webauthn.rs", "use super::Pool;", "may not import adapter `sql`");
    bad("src/adapter/webauthn.rs", "use crate::adapter::Record;", "may not import adapter `sql`");
    bad("src/adapter/webauthn.rs", "use crate::adapter;", "names all adapters at once");
    bad("src/adapter/webauthn.rs", "use super::*;", "names all adapters at once");
    good("src/adapter/webauthn.rs", "use crate::adapter::PortError; use super::deadline;");
    good(
        "src/adapter/sql/keys.rs",
        "use super::pool; use crate::adapter::sql::pool as p; use crate::adapter::Pool;",
    );
    good("src/adapter/mod.rs", "mod sql; pub mod webauthn; pub use sql::Pool;");
}

#[test]
fn the_software_phone_is_a_client_and_nothing_more() {
    good(
        "src/phone/mod.rs",
        "use crate::{base::Clock, jose::Jws}; use reqwest::Client; use serde_cbor_2::Value;",
    );
    bad("src/phone/mod.rs", "use crate::device::Enrolment;", "`phone` may not import `device`");
    bad("src/phone/mod.rs", "use webauthn_rs::Webauthn;", "`phone` may not use the crate `webauthn_rs`");
}

#[test]
fn a_layer_has_its_own_external_crates() {
    for (file, snippet, reason) in [
        ("src/base/id.rs", "use serde_json::Value;", "`base` may not use the crate `serde_json`"),
        ("src/jose/seal.rs", "use url::Url;", "`jose` may not use the crate `url`"),
        ("src/oidc/ciba.rs", "fn f() { tracing::info!(\"x\") }", "`oidc` may not use the crate `tracing`"),
        ("src/ports/keys.rs", "use sqlx;", "`ports` may not use the crate `sqlx`"),
        ("src/ports/keys.rs", "use {sqlx as s};", "`ports` may not use the crate `sqlx`"),
        ("src/ports/keys.rs", "#[tokio::test] fn f() {}", "`ports` may not use the crate `tokio`"),
        ("src/flow/token.rs", "use tokio::sync::Mutex;", "`flow` may not use the crate `tokio`"),
        ("src/flow/token.rs", "fn f() -> ::axum::Router { g() }", "`flow` may not use the crate `axum`"),
        ("src/flow/token.rs", "mod axum {} fn f() -> ::axum::Router { g() }", "crate `axum`"),
        ("src/flow/token.rs", "mod axum {} mod b { fn f() -> axum::Router { g() } }", "crate `axum`"),
        ("src/flow/token.rs", "fn f() { r#sqlx::query(\"\") }", "`flow` may not use the crate `sqlx`"),
        (
            "src/flow/token.rs",
            "use crate::base::Clock; use http::Uri;",
            "`flow` may not use the crate `http`",
        ),
        ("src/adapter/sql/mod.rs", "use axum::Router;", "`adapter` may not use the crate `axum`"),
        ("src/http/token.rs", "use sqlx::Pool;", "`http` may not use the crate `sqlx`"),
        ("src/approval/state.rs", "use toml::Value;", "`approval` may not use the crate `toml`"),
        ("src/base/digest.rs", "use aws_lc_rs::hmac;", "may use only [\"digest\"] of `aws_lc_rs`"),
        ("src/base/digest.rs", "use aws_lc_rs as lc;", "may use only [\"digest\"] of `aws_lc_rs`"),
        ("src/base/digest.rs", "use aws_lc_rs::*;", "may use only [\"digest\"] of `aws_lc_rs`"),
        ("src/http/authorize.rs", "fn f() { tokio::spawn(x) }", "of `tokio`"),
    ] {
        bad(file, snippet, reason);
    }
    good("src/base/digest.rs", "use aws_lc_rs::digest::{SHA256, digest};");
    good("src/keyring/policy.rs", "use toml::Value;");
    good("src/http/authorize.rs", "use tokio::{sync::watch, time::timeout}; use http::StatusCode;");
    good("src/config/mod.rs", "use config::Config;");
    good("src/cli/serve.rs", "use crate::http; fn f() { http::router(); sqlx::query(\"\") }");
}

#[test]
fn pure_layers_are_synchronous_and_touch_nothing() {
    for (snippet, reason) in [
        ("pub async fn f() {}", "`device` is synchronous"),
        ("fn f() { g().await }", "`device` is synchronous"),
        ("use std::fs;", "no std::fs"),
        ("use std::{fmt, io::Read};", "no std::io"),
        ("fn f() { std::thread::sleep(x) }", "no std::thread"),
        ("use std::net;", "no std::net"),
        ("use std::net::*;", "no std::net"),
        ("use std::net::TcpStream;", "no std::net::TcpStream"),
        ("use core::future::Future;", "no std::future"),
        ("use std as s;", "names all of std"),
    ] {
        bad("src/device/credential.rs", snippet, reason);
    }
    good(
        "src/ports/keys.rs",
        "use std::future::Future; #[async_trait::async_trait] trait X { async fn f(); }",
    );
}

#[test]
fn nothing_hides_from_this_reading() {
    for (snippet, reason) in [
        ("#[path = \"../flow/token.rs\"] mod token;", "#[path] is refused"),
        ("#[cfg_attr(all(), path = \"../flow/token.rs\")] mod token;", "#[path] is refused"),
        ("include!(\"../flow/token.rs\");", "include! is refused"),
        ("extern crate sqlx as s;", "extern crate is refused"),
        ("macro_rules! m { () => {} }", "no macro of ours here"),
        ("use super::super::*;", "names the root of the crate"),
        ("use crate as c;", "names the root of the crate"),
        ("use crate::gateway::Gate;", "`crate::gateway` has no layer"),
        ("pub use crate::base::*;", "glob re-export of `base`"),
        ("pub(crate) use crate::{jose::*};", "glob re-export of `jose`"),
        ("pub use serde::*;", "glob re-export of the crate `serde`"),
    ] {
        bad("src/oauth/scope.rs", snippet, reason);
    }
    good("src/oauth/mod.rs", "mod scope; pub use scope::*; pub use self::error::OAuthError;");
    good("src/base/id.rs", "macro_rules! id { () => {} }");
    good(
        "src/http/token.rs",
        "#[utoipa::path(post, path = \"/token\")] fn f() {} const A: &str = include_str!(\"a\");",
    );
    bad("src/gateway/mod.rs", "fn f() {}", "module `gateway` has no layer");
    bad("src/lib.rs", "pub mod base; pub use base::Clock;", "lib.rs imports nothing");
    good("src/lib.rs", "//! Map.\npub mod base;\npub mod jose;");
}

#[test]
fn violations_carry_their_line() {
    let broken =
        judge("src/base/id.rs", "/* a\nb */\nuse crate::{\n    jose::A,\n    flow::B,\n};", &surroundings());
    let places: Vec<_> = broken.iter().filter_map(|b| b.split(": ").next()).collect();
    assert_eq!(places, ["src/base/id.rs:4", "src/base/id.rs:5"]);
}

#[test]
fn use_trees_are_expanded() {
    let source = paths::read("use a::{b::{self, c as d, e::*}, ::f, g};");
    let written: Vec<_> = source.paths.iter().map(|p| (p.segments.join("::"), p.glob)).collect();
    let expected = [("a::b", false), ("a::b::c", false), ("a::b::e", true), ("a::f", false), ("a::g", false)];
    let expected: Vec<_> = expected.iter().map(|(path, glob)| ((*path).to_owned(), *glob)).collect();
    assert_eq!(written, expected);
}

#[test]
fn tokens_leave_out_comments_and_keep_strings_whole() {
    let texts: Vec<_> = tokens("a/*x*/b // c\n'\\'' \"d\\\"\" r##\"e\"#\"## '_ b'\\\\' 1.5 ..= 'f'")
        .into_iter()
        .map(|t| t.text)
        .collect();
    assert_eq!(texts, ["a", "b", "", "d\"", "e\"#", "'", "", "1", ".", "5", "..=", ""]);
}
