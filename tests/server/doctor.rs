//! `sceau doctor` on a provider that is well, and on one with each fault in turn: the sentence names it.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::response::IntoResponse as _;
use axum::routing::get;
use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use sceau::adapter::checkpoint_sinks::CheckpointFile;
use sceau::app::AuditDuties;
use sceau::app::server::{Drained, Server};
use sceau::app::tls::{Certificates, server_config};
use sceau::cli::config::ConfigFile;
use sceau::cli::doctor::{Diagnosis, DoctorArgs, Verdict, examine};
use sceau::cli::open::{Opened, open};
use sceau::config::{Limits, TlsDocuments};
use sceau::http::HttpLimits;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use zeroize::Zeroizing;

use crate::stores::redis_server;

const ISSUER: &str = "http://localhost:8080";

/// A provider in a folder, its log signed and handed over.
struct Deployment {
    folder: tempfile::TempDir,
    opened: Opened,
    serving: JoinSet<Drained>,
}

impl Deployment {
    async fn begun() -> Self {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let folder = tempfile::tempdir().unwrap();
        let text = settings(folder.path(), ISSUER, "", &sinks(folder.path()));
        std::fs::write(folder.path().join("sceau.toml"), text).unwrap();
        let opened = open(&ConfigFile { path: Some(folder.path().join("sceau.toml")) }).await.unwrap();
        let sink = Arc::new(CheckpointFile::new(folder.path().join("checkpoints")));
        let duties = AuditDuties { sinks: vec![sink], retention: opened.config.audit.retention };
        assert!(opened.app.audit_work(duties).end.leave(Duration::from_secs(20)).await);
        Self { folder, opened, serving: JoinSet::new() }
    }

    fn public(&self) -> Router {
        let limits = HttpLimits { hsts: true, ..HttpLimits::default() };
        self.opened.app.router(Vec::new(), &limits)
    }

    fn admin(&self) -> Router {
        self.opened.app.admin_router(Arc::new(|| String::from("sceau_ready 1\n")))
    }

    /// The port where `routes` are served.
    async fn serve(&mut self, routes: Router, tls: Option<&TlsDocuments>) -> u16 {
        let mut server = Server::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        if let Some(tls) = tls {
            server = server.with_tls(server_config(&Certificates::new(tls).unwrap()).unwrap());
        }
        let port = server.local_addr().port();
        self.serving.spawn(server.serve(routes, Limits::default(), CancellationToken::new()));
        port
    }

    fn place(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The inside, with settings changed.
    async fn inside(&self, issuer: &str, storage: &str, rest: &str) -> Vec<Diagnosis> {
        let path = self.place("changed.toml");
        std::fs::write(&path, settings(self.folder.path(), issuer, storage, rest)).unwrap();
        let config = ConfigFile { path: Some(path) };
        examine(&DoctorArgs { config, inside_only: true, ..DoctorArgs::default() }).await.unwrap()
    }

    /// Everything, with the outside at `port`.
    async fn all(&self, port: u16) -> Vec<Diagnosis> {
        let config = ConfigFile { path: Some(self.place("sceau.toml")) };
        let at = format!("http://127.0.0.1:{port}");
        examine(&DoctorArgs { config, from_outside: Some(at), ..DoctorArgs::default() }).await.unwrap()
    }
}

fn settings(folder: &Path, issuer: &str, storage: &str, rest: &str) -> String {
    format!(
        "issuer = \"{issuer}\"\n[storage]\nsql = \"sqlite://{0}/s.sqlite\"\n{storage}\n[patients]\nins = \"test\"\n\
         [mobile]\nallow_self_attestation = true\nactivation_codes_file = \"{0}/codes\"\n{rest}\n",
        folder.display()
    )
}

fn sinks(folder: &Path) -> String {
    format!("[audit]\ncheckpoint_files = [\"{}/checkpoints\"]", folder.display())
}

/// What is `verdict`, as it is printed without the verdict.
fn of(told: &[Diagnosis], verdict: Verdict) -> Vec<String> {
    let of = told.iter().filter(|told| told.verdict == verdict);
    of.map(|told| format!("{}: {}", told.check, told.sentence)).collect()
}

/// Exactly one thing is wrong, and its sentence has each of `words`.
#[track_caller]
fn one_wrong(told: &[Diagnosis], words: &[&str]) {
    let wrong = of(told, Verdict::Wrong);
    assert_eq!(wrong.len(), 1, "{wrong:#?}");
    for word in words {
        assert!(wrong[0].contains(word), "{word}: {wrong:#?}");
    }
}

#[tokio::test]
async fn nothing_is_wrong_with_a_provider_that_is_well() {
    let mut deployment = Deployment::begun().await;
    let routes = deployment.public();
    let port = deployment.serve(routes, None).await;
    let before = std::fs::read(deployment.place("s.sqlite.kek")).unwrap();
    let told = deployment.all(port).await;
    assert_eq!(of(&told, Verdict::Wrong), Vec::<String>::new(), "{told:#?}");
    let well: Vec<_> =
        told.iter().filter(|told| told.verdict == Verdict::Ok).map(|told| told.check).collect();
    for check in [
        "settings",
        "secret files",
        "phones",
        "checkpoint places",
        "database",
        "key-encryption key",
        "audit log",
        "redis",
        "tls",
        "date",
        "discovery",
        "jwks",
        "operator's paths",
        "unknown path",
        "sign-in page",
    ] {
        assert!(well.contains(&check), "{check}: {told:#?}");
    }
    assert_eq!(std::fs::read(deployment.place("s.sqlite.kek")).unwrap(), before);
}

#[tokio::test]
async fn a_key_that_everybody_may_read_and_one_of_another_database() {
    let deployment = Deployment::begun().await;
    let kek = deployment.place("s.sqlite.kek");
    std::fs::set_permissions(&kek, std::fs::Permissions::from_mode(0o644)).unwrap();
    let sinks = sinks(deployment.folder.path());
    let told = deployment.inside(ISSUER, "", &sinks).await;
    one_wrong(&told, &["secret files: ", "keys.kek_file", "mode 0644", "chmod 600"]);
    std::fs::set_permissions(&kek, std::fs::Permissions::from_mode(0o600)).unwrap();
    std::fs::write(&kek, format!("{}\n", "A".repeat(43))).unwrap();
    let told = deployment.inside(ISSUER, "", &sinks).await;
    one_wrong(&told, &["key-encryption key: ", "is this the key-encryption key of this database?"]);
    std::fs::remove_file(&kek).unwrap();
    let told = deployment.inside(ISSUER, "", &sinks).await;
    one_wrong(&told, &["key-encryption key: ", "does not exist", "restore it"]);
    assert!(!kek.exists());
}

#[tokio::test]
async fn a_database_that_is_not_there_is_one_thing_and_none_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sceau.toml");
    std::fs::write(&path, settings(folder.path(), ISSUER, "", "")).unwrap();
    let config = ConfigFile { path: Some(path) };
    let told = examine(&DoctorArgs { config, inside_only: true, ..DoctorArgs::default() }).await.unwrap();
    one_wrong(&told, &["database: ", "does not exist yet", "start `sceau serve` once"]);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "something was made");
    let warned = of(&told, Verdict::Warn);
    assert!(
        warned
            .iter()
            .any(|told| told.contains("stay in the database") && told.contains("audit.checkpoint_files")),
        "{warned:#?}"
    );
}

#[tokio::test]
async fn settings_that_cannot_be_used_are_told_as_such() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sceau.toml");
    std::fs::write(&path, "issuer = \"http://sceau.example\"\n").unwrap();
    let config = ConfigFile { path: Some(path) };
    let error = examine(&DoctorArgs { config, ..DoctorArgs::default() }).await.unwrap_err();
    assert_eq!(error.setting(), Some("issuer"));
}

#[tokio::test]
async fn a_redis_that_evicts_and_one_that_is_gone() {
    let deployment = Deployment::begun().await;
    let sinks = sinks(deployment.folder.path());
    let mut redis = redis_server::Server::start(&["--maxmemory-policy", "allkeys-lru"]);
    let storage = format!("redis = \"{}\"", redis.url());
    let told = deployment.inside(ISSUER, &storage, &sinks).await;
    one_wrong(&told, &["redis: ", "maxmemory-policy must be noeviction", "`serve` refuses it"]);
    redis.command(&["CONFIG", "SET", "maxmemory-policy", "noeviction"]).await;
    let told = deployment.inside(ISSUER, &storage, &sinks).await;
    assert_eq!(of(&told, Verdict::Wrong), Vec::<String>::new());
    redis.kill();
    let told = deployment.inside(ISSUER, &storage, &sinks).await;
    one_wrong(&told, &["redis: ", "cannot be asked", "nobody can sign in"]);
}

#[tokio::test]
async fn the_operators_paths_at_the_public_address() {
    let mut deployment = Deployment::begun().await;
    let routes = deployment.public().merge(deployment.admin());
    let port = deployment.serve(routes, None).await;
    let told = deployment.all(port).await;
    one_wrong(&told, &["operator's paths: /metrics and /health/ready answer", "http.admin_listen"]);
}

#[tokio::test]
async fn an_address_that_leads_to_another_server() {
    let mut deployment = Deployment::begun().await;
    let json = |text: &'static str| {
        get(move || async move {
            let headers = [("content-type", "application/json"), ("server", "nginx/1.18.0")];
            (headers, text).into_response()
        })
    };
    let routes = Router::new()
        .route("/.well-known/openid-configuration", json(r#"{"issuer":"https://other.example"}"#))
        .route("/jwks", json(r#"{"keys":[{"kid":"of-another"}]}"#))
        .route("/authorize", get(|| async { http::StatusCode::INTERNAL_SERVER_ERROR }))
        .fallback(json("nothing"));
    let port = deployment.serve(routes, None).await;
    let told = deployment.all(port).await;
    let wrong = of(&told, Verdict::Wrong);
    let expected = [
        "discovery: it names the issuer \"https://other.example\", and \"http://localhost:8080\" is expected",
        "jwks: /jwks lacks ",
        "sign-in page: /authorize without parameters answers 500",
    ];
    assert_eq!(wrong.len(), expected.len(), "{wrong:#?}");
    for (wrong, expected) in wrong.iter().zip(expected) {
        assert!(wrong.starts_with(expected), "{wrong}");
    }
    let warned = of(&told, Verdict::Warn);
    assert!(warned.iter().any(|told| told.starts_with("unknown path: ") && told.contains("nginx/1.18.0")));
    assert!(warned.iter().any(|told| told.starts_with("jwks: no Cache-Control")), "{warned:#?}");
}

#[tokio::test]
async fn an_endpoint_away_from_the_issuer_and_a_clock_that_is_wrong() {
    let mut deployment = Deployment::begun().await;
    let document = r#"{"issuer":"http://localhost:8080","token_endpoint":"https://elsewhere.example/token","jwks_uri":"http://localhost:8080/jwks"}"#;
    let discovery = get(move || async move { ([("date", "Sun, 06 Nov 1994 08:49:37 GMT")], document) });
    let routes = deployment.public();
    let routes = Router::new().route("/.well-known/openid-configuration", discovery).fallback_service(routes);
    let port = deployment.serve(routes, None).await;
    let wrong = of(&deployment.all(port).await, Verdict::Wrong);
    assert_eq!(wrong.len(), 2, "{wrong:#?}");
    assert!(wrong[0].starts_with("date: the clock there is "), "{wrong:#?}");
    assert!(wrong[1].starts_with("discovery: token_endpoint lead away from the issuer"), "{wrong:#?}");
}

#[tokio::test]
async fn nothing_answers_outside() {
    let deployment = Deployment::begun().await;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    one_wrong(&deployment.all(port).await, &["outside: ", "cannot be asked from here", "nobody can sign in"]);
}

/// A certificate for localhost that counts until `year`.
fn certificate(year: i32) -> TlsDocuments {
    let mut params = CertificateParams::new([String::from("localhost")]).unwrap();
    params.not_before = date_time_ymd(2019, 1, 1);
    params.not_after = date_time_ymd(year, 1, 1);
    let key = KeyPair::generate().unwrap();
    let cert = params.self_signed(&key).unwrap().pem();
    TlsDocuments { cert, key: Zeroizing::new(key.serialize_pem()) }
}

#[tokio::test]
async fn a_certificate_that_expired() {
    let deployment = Deployment::begun().await;
    let tls = format!(
        "[http.tls]\ncert_file = \"{0}/cert.pem\"\nkey_file = \"{0}/key.pem\"\n{1}",
        deployment.folder.path().display(),
        sinks(deployment.folder.path())
    );
    for (year, wrong) in [(2020, true), (2100, false)] {
        let documents = certificate(year);
        std::fs::write(deployment.place("cert.pem"), &documents.cert).unwrap();
        std::fs::write(deployment.place("key.pem"), documents.key.as_bytes()).unwrap();
        let mode = std::fs::Permissions::from_mode(0o600);
        std::fs::set_permissions(deployment.place("key.pem"), mode).unwrap();
        let told = deployment.inside("https://localhost:8443", "", &tls).await;
        if wrong {
            one_wrong(&told, &["certificate file: the certificate expired at 2020-01-01", "renew it now"]);
        } else {
            assert_eq!(of(&told, Verdict::Wrong), Vec::<String>::new());
        }
    }
}

#[tokio::test]
async fn a_certificate_of_an_authority_that_nobody_knows() {
    let mut deployment = Deployment::begun().await;
    let documents = certificate(2100);
    std::fs::write(deployment.place("ca.pem"), &documents.cert).unwrap();
    let routes = deployment.public();
    let port = deployment.serve(routes, Some(&documents)).await;
    let args = DoctorArgs {
        config: ConfigFile { path: Some(deployment.place("sceau.toml")) },
        from_outside: Some(format!("https://localhost:{port}")),
        ..DoctorArgs::default()
    };
    let told = examine(&args).await.unwrap();
    one_wrong(&told, &["outside: ", "cannot be asked from here", "certificate"]);
    let told = examine(&DoctorArgs { authorities: Some(deployment.place("ca.pem")), ..args }).await.unwrap();
    assert_eq!(of(&told, Verdict::Wrong), Vec::<String>::new(), "{told:#?}");
    let well = of(&told, Verdict::Ok);
    assert!(well.iter().any(|told| told.starts_with("certificate: the certificate counts for")), "{well:#?}");
    assert!(well.iter().any(|told| told.starts_with("hsts: ")), "{well:#?}");
}
