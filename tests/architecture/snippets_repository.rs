//! The checks of the repository, tested on made-up files.

use super::repository::{
    Files, judge_build, judge_keys, judge_lock, judge_names, judge_sizes, judge_specifications,
    judge_top_level, judge_twins,
};
use super::rules::LONGEST_FILE;

fn files(named: &[(&str, &str)]) -> Files {
    named.iter().map(|(name, text)| ((*name).to_owned(), Some((*text).to_owned()))).collect()
}

#[test]
fn long_files_are_found() {
    let long = "\n".repeat(LONGEST_FILE + 1);
    let (text, limit) = (long.as_str(), long.get(1..).unwrap_or_default());
    let broken = judge_sizes(&files(&[("src/a.rs", text), ("src/b.rs", limit), ("tests/c.rs", text)]));
    assert_eq!(broken, ["src/a.rs: 301 lines"]);
}

#[test]
fn empty_names_are_found() {
    let broken = judge_names(&files(&[
        ("src/oauth/utils.rs", ""),
        ("src/token_manager.rs", ""),
        ("tests/common/mod.rs", ""),
        ("src/oauth/rfc6749_commonality.rs", ""),
        ("helm/templates/_helpers.tpl", ""),
    ]));
    assert_eq!(broken.len(), 3, "{broken:?}");
}

#[test]
fn strange_entries_at_the_top_are_found() {
    let broken =
        judge_top_level(&files(&[("build.rs", ""), ("scripts/x", ""), (".ci/run", ""), ("src/lib.rs", "")]));
    assert_eq!(broken.len(), 2, "{broken:?}");
}

#[test]
fn a_specification_without_listed_tests_is_found() {
    let source = ("src/oauth/rfc7636_pkce.rs", "");
    let twin = ("tests/spec/rfc7636_pkce.rs", "#[test] fn s4_6() {}");
    let list = ("tests/spec/mod.rs", "mod rfc7636_pkce;");
    assert_eq!(judge_twins(&files(&[source, list])).len(), 1);
    assert_eq!(judge_twins(&files(&[source, twin])).len(), 1);
    assert_eq!(judge_twins(&files(&[source, list, ("tests/spec/rfc7636_pkce.rs", "")])).len(), 1);
    assert!(judge_twins(&files(&[source, twin, list])).is_empty());
    assert_eq!(judge_twins(&files(&[("src/oidc/ciba.rs", "")])).len(), 1);
    assert!(judge_twins(&files(&[("src/oidc/mod.rs", ""), ("src/oauth/scope.rs", "")])).is_empty());
}

#[test]
fn private_keys_are_found() {
    let material = "A".repeat(43);
    let marker = concat!("-----BEGIN PRIVATE ", "KEY-----");
    let pem = format!("{marker}\n{material}");
    let escaped = format!("\"{marker}\\n{material}\"");
    let jwk = format!("{{\"kty\":\"EC\", {}: \"{material}\"}}", "\"d\"");
    let in_string = jwk.replace('"', "\\\"");
    for text in [&pem, &escaped, &jwk, &in_string] {
        assert_eq!(judge_keys(&files(&[("tests/a.rs", text)])).len(), 1, "{text}");
    }
    assert_eq!(judge_keys(&files(&[("keys/README.md", marker)])).len(), 1);
    assert!(judge_keys(&files(&[("src/jose/pem.rs", marker)])).is_empty());
    assert!(judge_keys(&files(&[("tests/a.rs", "json!({\"d\": \"short\"})")])).is_empty());
    assert_eq!(judge_keys(&files(&[("helm/ci/tls.key", "")])).len(), 1);
}

#[test]
fn refused_packages_and_sources_are_found() {
    let package =
        |name: &str, source: &str| format!("[[package]]\nname = \"{name}\"\nversion = \"1.0.0\"\n{source}\n");
    let registry = "source = \"registry+https://github.com/rust-lang/crates.io-index\"";
    assert!(judge_lock(&(package("sceau", "") + &package("serde", registry))).is_empty());
    for (name, source) in [
        ("openssl", registry),
        ("openssl-sys", registry),
        ("native-tls", registry),
        ("serde", ""),
        ("serde", "source = \"git+https://github.com/serde-rs/serde\""),
        ("serde", "source = \"registry+https://mirror.example\""),
    ] {
        assert_eq!(judge_lock(&package(name, source)).len(), 1, "{name} {source}");
    }
    assert_eq!(judge_build("sceau v0.1.0 (/a)\nring v0.17.14\nstring v1.0.0 (*)").len(), 1);
}

#[test]
fn rows_that_name_nothing_real_are_found() {
    let there = files(&[("src/a.rs", ""), ("tests/a.rs", "fn s1() {}"), ("tests/interop/b.mjs", "")]);
    let judge =
        |row: &str| judge_specifications(&format!("# T\n| s | f | t |\n|---|---|---|\n{row}\n"), &there);
    assert!(judge("| RFC 1 | `src/a.rs` | `tests/a.rs::s1`, `tests/interop/` |").is_empty());
    assert!(judge("").is_empty());
    for row in [
        "| RFC 1 | `src/b.rs` | `tests/a.rs` |",
        "| RFC 1 | `src/a.rs` | `tests/a.rs::s2` |",
        "| RFC 1 | `src/a.rs` | later |",
        "| RFC 1 | `src/a.rs` |",
    ] {
        assert_eq!(judge(row).len(), 1, "{row}");
    }
}
