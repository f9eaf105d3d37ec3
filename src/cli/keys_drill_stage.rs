//! The throw-away provider of `sceau keys drill`: three replicas over one database, each with its own knowledge, jobs and
//! port, and an officer's process beside them. Nothing of the settings or the environment is read.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde_json::Value;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::adapter::log_sender::LogSender;
use crate::app::server::Server;
use crate::app::{App, Durable, Ephemeral, Parts, RelyingParty};
use crate::base::{Entropy, EntropyExt as _, OsEntropy, Secret, SystemClock};
use crate::config::Limits;
use crate::device::AttestationPolicy;
use crate::flow::{ActivationPolicy, DirectoryPolicy, KeyOfficers, Lifetimes, NewClient, Policy};
use crate::http::HttpLimits;
use crate::identity::{Acr, AssurancePolicy, InsEnvironment, SectorSettings};
use crate::jose::Algorithm;
use crate::keyring::{KeyPolicy, SHIPPED_POLICY};
use crate::oauth::{ClientAuthMethod, GrantType, Profile, ResponseProtection, ScopeSet};
use crate::worker::Worker;

const REPLICAS: usize = 3;
const CLIENT: &str = "drill";
const PATIENCE: Duration = Duration::from_secs(2);
/// Of one request.
const TIMEOUT: Duration = Duration::from_secs(5);

/// A provider made for one rehearsal.
pub(super) struct Stage {
    /// Knows of the replicas, and they of it, through the database only.
    officer: App,
    origins: Vec<String>,
    secret: Secret,
    http: reqwest::Client,
    workers: Vec<Worker>,
    serving: TaskTracker,
    stop: CancellationToken,
    folder: TempDir,
}

impl Stage {
    /// Makes database, keys and a client, and serves.
    pub(super) async fn set() -> anyhow::Result<Self> {
        let folder =
            tempfile::Builder::new().prefix("sceau-drill-").tempdir().context("a temporary folder")?;
        let mut servers = Vec::new();
        for _ in 0..REPLICAS {
            servers.push(Server::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await.context("a port")?);
        }
        let origin = |server: &Server| format!("http://localhost:{}", server.local_addr().port());
        let origins: Vec<String> = servers.iter().map(origin).collect();
        let entropy: Arc<dyn Entropy> = Arc::new(OsEntropy);
        let issuer = origins.first().context("no replica")?.clone();
        let officer = App::assemble(parts(issuer, &folder, &entropy)?).await?;
        let registered = officer.provider.register_client(client()?).await?;
        let secret = registered.secret.context("a client without a secret")?;
        let (stop, serving, mut workers) = (CancellationToken::new(), TaskTracker::new(), Vec::new());
        let limits = Limits { drain: PATIENCE, ..Limits::default() };
        for server in servers {
            let replica = officer.replica().await?;
            workers.push(Worker::start(replica.jobs(None), &entropy));
            let routes = replica.router(Vec::new(), &HttpLimits::default());
            serving.spawn(server.serve(routes, limits, stop.clone()));
        }
        serving.close();
        let http = reqwest::Client::builder().timeout(TIMEOUT).no_proxy().build()?;
        Ok(Self { officer, origins, secret, http, workers, serving, stop, folder })
    }

    /// Where the replicas answer.
    pub(super) fn replicas(&self) -> &[String] {
        &self.origins
    }

    /// A new access token of replica `at` (RFC 6749 4.4).
    pub(super) async fn token(&self, at: usize) -> anyhow::Result<Secret> {
        let answer = self.post(at, "/token", &[("grant_type", "client_credentials")]).await?;
        let token = answer.get("access_token").and_then(Value::as_str).context("no access token")?;
        Ok(Secret::new(token.to_owned()))
    }

    /// Whether replica `at` says that the token is active (RFC 7662 2.2).
    pub(super) async fn accepts(&self, at: usize, token: &Secret) -> anyhow::Result<bool> {
        let answer = self.post(at, "/introspect", &[("token", token.expose())]).await?;
        answer.get("active").and_then(Value::as_bool).context("an introspection without verdict")
    }

    /// The kids of /jwks of replica `at`.
    pub(super) async fn published(&self, at: usize) -> anyhow::Result<Vec<String>> {
        let set: Value = self.http.get(self.address(at, "/jwks")?).send().await?.json().await?;
        let keys = set.get("keys").and_then(Value::as_array).context("no JWK Set")?;
        let kid = |key: &Value| key.get("kid").and_then(Value::as_str).map(str::to_owned);
        Ok(keys.iter().filter_map(kid).collect())
    }

    /// What an officer's command does. The key that signs from now on.
    pub(super) async fn revoke(&self, kid: &str) -> anyhow::Result<String> {
        let first = Secret::new(String::from("drill"));
        let officers = KeyOfficers { first, second: None, reason: None };
        let done = self.officer.provider.revoke_key(kid, None, &officers).await?;
        done.successor.context("no standby took over")
    }

    /// Ends everything, and deletes it.
    pub(super) async fn strike(self) {
        self.stop.cancel();
        self.serving.wait().await;
        for worker in self.workers {
            worker.stop(PATIENCE).await;
        }
        self.officer.close().await;
        drop(self.folder);
    }

    async fn post(&self, at: usize, path: &str, fields: &[(&str, &str)]) -> anyhow::Result<Value> {
        let request = self.http.post(self.address(at, path)?).basic_auth(CLIENT, Some(self.secret.expose()));
        let answer = request.form(fields).send().await?;
        let status = answer.status();
        ensure!(status.is_success(), "replica {} answered {path} with {status}", at.saturating_add(1));
        Ok(answer.json().await?)
    }

    fn address(&self, at: usize, path: &str) -> anyhow::Result<String> {
        Ok(format!("{}{path}", self.origins.get(at).context("no such replica")?))
    }
}

fn parts(issuer: String, folder: &TempDir, entropy: &Arc<dyn Entropy>) -> anyhow::Result<Parts> {
    Ok(Parts {
        policy: policy(issuer)?,
        durable: Durable::File(folder.path().join("drill.sqlite")),
        ephemeral: Ephemeral::InProcess,
        key_encryption_key: entropy.bytes::<32>(),
        key_token: None,
        relying_party: RelyingParty {
            id: String::from("localhost"),
            name: String::from("sceau (drill)"),
            allowed_origins: Vec::new(),
            attestation_roots: Vec::new(),
        },
        upstreams: Vec::new(),
        code_sender: Arc::new(LogSender::default()),
        clock: Arc::new(SystemClock),
        entropy: Arc::clone(entropy),
    })
}

/// The rules as shipped, those of the keys before all.
fn policy(issuer: String) -> anyhow::Result<Policy> {
    Ok(Policy {
        issuer,
        lifetimes: Lifetimes::default(),
        assurance: AssurancePolicy { ceiling: Acr::Eidas3 },
        attestation: AttestationPolicy { allow_self: false, aaguids: Vec::new() },
        sector: SectorSettings::default(),
        keys: KeyPolicy::parse(SHIPPED_POLICY).context("the shipped key policy")?,
        client_rate: 0,
        devices_per_person: 1,
        live_approvals: 1,
        activation: ActivationPolicy::Limited,
        codes_per_hour: 1,
        directory: DirectoryPolicy::default(),
        patients_ins: InsEnvironment::Test,
    })
}

/// A machine that gets tokens for itself and asks whether they are good.
fn client() -> anyhow::Result<NewClient> {
    Ok(NewClient {
        client_id: Some(CLIENT.parse()?),
        name: String::from("Drill"),
        profile: Profile::Oidc,
        auth: ClientAuthMethod::SecretBasic,
        jwks: None,
        redirect_uris: Vec::new(),
        post_logout_redirect_uris: Vec::new(),
        scope: CLIENT.parse::<ScopeSet>()?,
        sector: None,
        id_token_alg: Algorithm::Es256,
        ask_consent: false,
        grant_types: vec![GrantType::ClientCredentials],
        resource_server: true,
        release: BTreeSet::new(),
        responses: ResponseProtection::default(),
        representation: false,
    })
}
