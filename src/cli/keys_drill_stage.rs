//! The throw-away provider of `sceau keys drill`: three processes of `sceau serve` over one SQLite file in a temporary
//! folder, and commands beside them as an officer runs them. Nothing of the settings or the environment is read.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use futures_util::future::try_join_all;
use serde_json::Value;
use tempfile::TempDir;

use super::keys_drill_process::Process;
use crate::base::Secret;

const REPLICAS: usize = 3;
const CLIENT: &str = "drill";
/// Of one request.
const TIMEOUT: Duration = Duration::from_secs(5);
/// The processes run in the folder. Ports are those that the system finds free.
const SETTINGS: &str = r#"issuer = "http://localhost:8080"
[http]
listen = "127.0.0.1:0"
admin_listen = "127.0.0.1:0"
[http.limits]
drain = "2s"
[storage]
sql = "sqlite://drill.sqlite"
[keys]
kek_file = "drill.kek"
[patients]
ins = "test"
"#;
const SETTINGS_FILE: &str = "sceau.toml";

/// A provider made for one rehearsal. Dropped, its processes are ended and its folder is deleted.
pub(super) struct Stage {
    replicas: Vec<Replica>,
    secret: Secret,
    http: reqwest::Client,
    // After the processes, whose files are in them.
    folder: TempDir,
    logs: TempDir,
}

struct Replica {
    process: Process,
    origin: String,
}

impl Stage {
    /// Makes database, keys and a client, and starts the replicas.
    pub(super) async fn set() -> anyhow::Result<Self> {
        let (folder, logs) = (temporary("sceau-drill-")?, temporary("sceau-drill-logs-")?);
        std::fs::write(folder.path().join(SETTINGS_FILE), SETTINGS).context("a temporary settings file")?;
        let http = reqwest::Client::builder().timeout(TIMEOUT).no_proxy().build()?;
        let mut stage = Self { replicas: Vec::new(), secret: Secret::new(String::new()), http, folder, logs };
        match stage.fill().await {
            Ok(()) => Ok(stage),
            Err(error) => Err(stage.keeping_logs(error)),
        }
    }

    async fn fill(&mut self) -> anyhow::Result<()> {
        // The first process makes the key-encryption key and the keys; alone.
        let add = ["clients", "add", "--name", "Drill", "--client-id", CLIENT, "--scope", CLIENT];
        let add = [&add[..], &["--grant", "client_credentials", "--resource-server", "--json"]].concat();
        let client = self.command("client", &add)?.said().await?;
        let secret =
            client.get("client_secret").and_then(Value::as_str).context("a client without a secret")?;
        self.secret = Secret::new(secret.to_owned());
        let mut started = Vec::new();
        for name in 1..=REPLICAS {
            started.push(self.command(&format!("replica-{name}"), &["serve", "--while-input"])?);
        }
        for mut process in started {
            let origin = format!("http://127.0.0.1:{}", process.port().await?);
            self.replicas.push(Replica { process, origin });
        }
        Ok(())
    }

    /// How many replicas there are.
    pub(super) fn replicas(&self) -> usize {
        self.replicas.len()
    }

    /// Their process identifiers.
    pub(super) fn processes(&self) -> Vec<u32> {
        self.replicas.iter().map(|replica| replica.process.id()).collect()
    }

    /// A new access token of replica `at` (RFC 6749 4.4), which no other replica has a record of.
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

    /// The command of an officer, in a process of its own. The key that signs from now on.
    pub(super) async fn revoke(&self, kid: &str) -> anyhow::Result<String> {
        let words = ["keys", "revoke", kid, "--officer", "drill", "--yes", "--json"];
        let done = self.command("officer", &words)?.said().await?;
        done.get("active").and_then(Value::as_str).map(str::to_owned).context("no standby took over")
    }

    /// Lets every process end by itself.
    pub(super) async fn dismiss(&mut self) -> anyhow::Result<()> {
        try_join_all(self.replicas.iter_mut().map(|replica| replica.process.dismiss())).await.map(drop)
    }

    /// Keeps the logs after `error`, which then names their folder. All else goes.
    pub(super) fn keeping_logs(mut self, error: anyhow::Error) -> anyhow::Error {
        self.logs.disable_cleanup(true);
        let logs: PathBuf = self.logs.path().to_owned();
        error.context(format!("the rehearsal failed; the logs of its processes are in {}", logs.display()))
    }

    fn command(&self, name: &str, words: &[&str]) -> anyhow::Result<Process> {
        let words = [words, &["--config", SETTINGS_FILE]].concat();
        Process::spawn(&words, self.folder.path(), (self.logs.path(), name))
    }

    async fn post(&self, at: usize, path: &str, fields: &[(&str, &str)]) -> anyhow::Result<Value> {
        let request = self.http.post(self.address(at, path)?).basic_auth(CLIENT, Some(self.secret.expose()));
        let answer = request.form(fields).send().await?;
        let status = answer.status();
        ensure!(status.is_success(), "replica {} answered {path} with {status}", at.saturating_add(1));
        Ok(answer.json().await?)
    }

    fn address(&self, at: usize, path: &str) -> anyhow::Result<String> {
        Ok(format!("{}{path}", self.replicas.get(at).context("no such replica")?.origin))
    }
}

fn temporary(prefix: &str) -> anyhow::Result<TempDir> {
    tempfile::Builder::new().prefix(prefix).tempdir().context("a temporary folder")
}
