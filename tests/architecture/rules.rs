//! What is allowed, as data. A change here is a decision about the design.

/// One top-level module of `src`.
pub(crate) struct Module {
    pub(crate) name: &'static str,
    /// It may import modules of lower lines.
    pub(crate) line: u8,
    /// Modules of its own line it may import.
    pub(crate) beside: &'static [&'static str],
    /// Lower modules it may not import all the same.
    pub(crate) except: &'static [&'static str],
    /// When given, the only modules it may import.
    pub(crate) only: Option<&'static [&'static str]>,
    pub(crate) crates: Crates,
}

/// The external crates of a module.
pub(crate) enum Crates {
    /// Those of these lists and no other.
    Listed(&'static [&'static [&'static str]]),
    /// Whatever the manifest declares.
    Any,
}

use Crates::{Any, Listed};

// 0-5 are cumulative; 6 and 7 each have 0-5 and their own.
const BASE: &[&str] =
    &["subtle", "zeroize", "secrecy", "rand", "base64", "uuid", "jiff", "thiserror", "serde", "aws_lc_rs"];
const JOSE: &[&str] = &["serde_json", "p256"];
const DOMAIN: &[&str] = &["url", "serde_html_form", "serde_cbor_2", "x509_parser", "unicode_normalization"];
/// `keys/policy.toml` is read by the keyring alone.
const KEYRING: &[&str] = &["toml"];
const PORTS: &[&str] = &["async_trait", "tracing"];
const ADAPTER: &[&str] = &[
    "tokio",
    "sqlx",
    "redis",
    "reqwest",
    "webauthn_rs",
    "webauthn_rs_proto",
    "openidconnect",
    "cryptoki",
    "lettre",
    "zip",
    "futures_util",
    "metrics",
    "rustls",
    "rustls_pki_types",
    "tokio_rustls",
];
const HTTP: &[&str] = &[
    "axum",
    "axum_extra",
    "http",
    "http_body_util",
    "hyper",
    "bytes",
    "futures_util",
    "tokio",
    "tokio_stream",
    "tower",
    "tower_http",
    "askama",
    "fluent_templates",
    "fast_qr",
    "utoipa",
    "utoipa_axum",
    "metrics",
    "opentelemetry",
    "tracing_opentelemetry",
];
/// The client library of the software phone: a transport, CBOR, and the certificates of its attestation.
const PHONE: &[&str] = &["reqwest", "serde_cbor_2", "url", "rcgen", "rustls_pki_types", "tokio"];

const PURE: Crates = Listed(&[BASE, JOSE, DOMAIN]);
const FLOW: Crates = Listed(&[BASE, JOSE, DOMAIN, PORTS]);

const fn module(name: &'static str, line: u8, crates: Crates) -> Module {
    Module { name, line, beside: &[], except: &[], only: None, crates }
}

const fn domain(name: &'static str, crates: Crates) -> Module {
    Module { name, line: 3, beside: &["identity"], except: &[], only: None, crates }
}

const fn root(name: &'static str, beside: &'static [&'static str]) -> Module {
    Module { name, line: 9, beside, except: &[], only: None, crates: Any }
}

/// Who may import whom.
pub(crate) const MODULES: &[Module] = &[
    module("base", 0, Listed(&[BASE])),
    module("jose", 1, Listed(&[BASE, JOSE])),
    module("oauth", 2, PURE),
    Module { beside: &["oauth"], ..module("oidc", 2, PURE) },
    domain("identity", PURE),
    domain("interaction", PURE),
    domain("approval", PURE),
    domain("device", PURE),
    domain("keyring", Listed(&[BASE, JOSE, DOMAIN, KEYRING])),
    domain("federation", PURE),
    domain("audit", PURE),
    module("ports", 4, FLOW),
    module("flow", 5, FLOW),
    Module { except: &["flow"], ..module("adapter", 6, Listed(&[BASE, JOSE, DOMAIN, PORTS, ADAPTER])) },
    Module { except: &["adapter"], ..module("http", 7, Listed(&[BASE, JOSE, DOMAIN, PORTS, HTTP])) },
    // Concrete adapters are named on line 9 only.
    Module { except: &["adapter"], ..module("config", 8, Any) },
    Module { except: &["adapter"], ..module("telemetry", 8, Any) },
    Module { only: Some(&["base", "jose"]), ..module("phone", 9, Listed(&[BASE, JOSE, PHONE])) },
    root("worker", &[]),
    root("app", &["phone", "worker"]),
    root("demo", &["phone", "worker", "app"]),
    root("cli", &["phone", "worker", "app", "demo"]),
    root("main", &["phone", "worker", "app", "demo", "cli"]),
];

/// Modules up to this line are pure: synchronous, without input or output.
pub(crate) const LAST_PURE_LINE: u8 = 3;

/// Parts of the standard library that pure modules may not name.
pub(crate) const IMPURE_STD: &[&[&str]] = &[
    &["env"],
    &["fs"],
    &["future"],
    &["io"],
    &["net", "TcpListener"],
    &["net", "TcpStream"],
    &["net", "ToSocketAddrs"],
    &["net", "UdpSocket"],
    &["os"],
    &["process"],
    &["task"],
    &["thread"],
];

/// Crates of which a module may use some parts only: `(module, crate, parts)`.
pub(crate) const PARTS: &[(&str, &str, &[&str])] =
    &[("base", "aws_lc_rs", &["digest"]), ("http", "tokio", &["sync", "time"])];

/// The only files with a `macro_rules!`.
pub(crate) const MACROS: &[&str] = &["src/base/id.rs", "src/adapter/sql/mod.rs"];

pub(crate) const LONGEST_FILE: usize = 300;
/// Longer files, each with the reason. Kept empty.
pub(crate) const LONGER: &[(&str, &str)] = &[];

/// Words that say nothing; no file or folder of `src` and `tests` has one in its name.
pub(crate) const EMPTY_WORDS: &[&str] =
    &["common", "helper", "helpers", "manager", "managers", "misc", "prelude", "util", "utils"];

pub(crate) const TOP_LEVEL: &[&str] = &[
    "CHANGELOG.md",
    "Cargo.lock",
    "Cargo.toml",
    "Dockerfile",
    "LICENSE",
    "README.md",
    "docs",
    "helm",
    "keys",
    "src",
    "tests",
];

/// Packages that no build may contain.
pub(crate) const REFUSED_PACKAGES: &[&str] = &["native-tls", "openssl", "openssl-sys", "ring"];
/// Cargo locks what weak optional features could bring: `ring` stands in the lock file by reqwest's HTTP/3,
/// which nothing turns on. The graph of the build has the last word.
pub(crate) const LOCKED_NOT_BUILT: &[&str] = &["ring"];
pub(crate) const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// `(folder, prefix)`: files there have tests of the same name in `tests/spec`.
pub(crate) const SPECIFICATIONS: &[(&str, &str)] =
    &[("src/jose/", "rfc"), ("src/oauth/", "rfc"), ("src/oidc/", ""), ("src/audit/", "rfc")];

/// Modules of `src/adapter/` that are no adapter: what the adapters of ephemeral ports have in common. Both engines
/// seal values and name keys by one piece of code.
pub(crate) const SHARED_BY_ADAPTERS: [&str; 3] = ["ephemeral", "measured", "sealed_value"];
