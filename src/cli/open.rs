//! Opens the provider that settings describe, for `serve` and for the commands of an operator.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;

use crate::adapter::message_queue::QueueWorker;
use crate::adapter::pkcs11::{Pkcs11Token, TokenSettings};
use crate::adapter::redis::{Node, RedisSettings, Servers, Watched};
use crate::adapter::sql::PostgresSettings;
use crate::adapter::webauthn::is_test_root;
use crate::app::{App, AuditReader, Durable, Ephemeral, Parts, RelyingParty};
use crate::base::{Clock, Entropy, OsEntropy, SystemClock};
use crate::config::{Config, Documents, ProcessStrings, Redis, RedisServers, Sql};
use crate::device::AttestationPolicy;
use crate::flow::{ActivationPolicy, DirectoryPolicy, Lifetimes, Policy};
use crate::identity::{Acr, AssurancePolicy, SectorSettings};
use crate::keyring::KeyPolicy;
use crate::ports::KeyToken;

use super::config::ConfigFile;
use super::senders;

/// Which provider a command works on.
#[derive(Clone, Debug, clap::Args)]
pub struct Target {
    #[command(flatten)]
    config: ConfigFile,
    /// The folder of a demonstration kept with `sceau demo --data`
    #[arg(long, value_name = "DIR", conflicts_with = "path")]
    data: Option<PathBuf>,
}

/// A provider opened with its settings.
pub struct Opened {
    /// The settings.
    pub config: Config,
    /// The files they name.
    pub documents: Documents,
    /// The provider.
    pub app: App,
    /// Carries the messages of the provider, once started.
    pub worker: Option<QueueWorker>,
}

impl Target {
    /// Opens the stores of the target.
    pub async fn open(&self) -> anyhow::Result<App> {
        match &self.data {
            Some(folder) => open_data(folder.clone()).await,
            None => Ok(open(&self.config).await?.app),
        }
    }
}

impl Target {
    /// Opens the durable store alone, for what is about keys: an incident may have taken Redis too.
    pub async fn open_keys(&self) -> anyhow::Result<App> {
        match &self.data {
            Some(folder) => open_data(folder.clone()).await,
            None => Ok(open_with(&self.config, |_, _| Ephemeral::InProcess).await?.app),
        }
    }

    /// Opens the stores of the target, whose database is there: no command makes a new one by a mistyped name.
    pub async fn open_old(&self) -> anyhow::Result<App> {
        if self.data.is_none() {
            let config = Config::load(self.config.path.as_deref(), &ProcessStrings)?;
            if let Sql::Sqlite(path) = &config.storage.sql {
                anyhow::ensure!(path.exists(), "{} does not exist", path.display());
            }
        }
        self.open().await
    }

    /// Opens the audit log of the target, which takes no key and no right to write.
    pub async fn open_audit(&self) -> anyhow::Result<AuditReader> {
        let durable = if let Some(folder) = &self.data {
            Durable::File(folder.join("sceau.sqlite"))
        } else {
            let config = Config::load(self.config.path.as_deref(), &ProcessStrings)?;
            durable(&config, &config.documents(&ProcessStrings, is_test_root)?)
        };
        if let Durable::File(path) = &durable {
            anyhow::ensure!(path.exists(), "{} does not exist", path.display());
        }
        durable.audit_reader().await
    }
}

/// Reads the settings and opens the provider they describe.
pub async fn open(file: &ConfigFile) -> anyhow::Result<Opened> {
    open_with(file, ephemeral).await
}

async fn open_with(
    file: &ConfigFile,
    ephemeral: impl FnOnce(&Config, &Documents) -> Ephemeral,
) -> anyhow::Result<Opened> {
    let config = Config::load(file.path.as_deref(), &ProcessStrings)?;
    let documents = config.documents(&ProcessStrings, is_test_root)?;
    let entropy: Arc<dyn Entropy> = Arc::new(OsEntropy);
    // Before the database is opened: a key is made only for a database that is new.
    let kek = config.keys.kek(&config.storage, &*entropy)?;
    let other_kek = config.keys.kek_previous(&kek)?.map(|kek| *kek.expose());
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let chosen = senders::choose(&config, documents.senders.as_ref(), &clock)?;
    let parts = Parts {
        policy: policy(&config, documents.policy.clone()),
        durable: durable(&config, &documents),
        ephemeral: ephemeral(&config, &documents),
        key_encryption_key: *kek.expose(),
        key_token: key_token(&config)?,
        relying_party: RelyingParty {
            id: config.mobile.rp_id.clone(),
            name: config.mobile.rp_name.clone(),
            allowed_origins: config.mobile.allowed_origins.clone(),
            attestation_roots: documents.attestation_roots.clone(),
        },
        upstreams: documents.upstreams.clone(),
        code_sender: chosen.sender,
        clock,
        entropy,
    };
    let app = App::assemble_between(parts, other_kek).await?;
    Ok(Opened { config, documents, app, worker: chosen.worker })
}

pub(super) fn ephemeral(config: &Config, documents: &Documents) -> Ephemeral {
    let Some(redis) = &config.storage.redis else { return Ephemeral::InProcess };
    Ephemeral::Redis(RedisSettings {
        servers: servers(redis),
        password: documents.redis_password.clone(),
        sentinel_password: documents.redis_sentinel_password.clone(),
        authorities: documents.redis_authorities.clone(),
        prefix: redis.key_prefix.clone(),
    })
}

fn servers(redis: &Redis) -> Servers {
    let tls = redis.encrypted;
    let nodes = |all: &[(String, u16)]| {
        all.iter().map(|(host, port)| Node { host: host.clone(), port: *port }).collect::<Vec<_>>()
    };
    match &redis.servers {
        RedisServers::One(url) => Servers::One(url.clone()),
        RedisServers::Sentinel { sentinels, name, database, user, sentinel_user } => {
            Servers::Sentinel(Box::new(Watched {
                sentinels: nodes(sentinels),
                name: name.clone(),
                database: i64::from(*database),
                user: user.clone(),
                sentinel_user: sentinel_user.clone(),
                tls,
            }))
        }
        RedisServers::Cluster { seeds, user } => {
            Servers::Cluster { seeds: nodes(seeds), user: user.clone(), tls }
        }
    }
}

/// Opens the stores of a kept demonstration. They are read and written; nothing is served.
async fn open_data(folder: PathBuf) -> anyhow::Result<App> {
    let database = folder.join("sceau.sqlite");
    anyhow::ensure!(database.exists(), "{} does not exist", database.display());
    let toml = format!(
        "issuer = \"http://localhost:8080\"\n[storage]\nsql = \"sqlite://{0}/sceau.sqlite\"\n[keys]\nkek_file = \"{0}/sceau.kek\"\n[patients]\nins = \"test\"\n",
        folder.display()
    );
    let settings = tempfile::NamedTempFile::with_suffix(".toml").context("a temporary settings file")?;
    std::fs::write(settings.path(), toml).context("a temporary settings file")?;
    Ok(open(&ConfigFile { path: Some(settings.path().to_owned()) }).await?.app)
}

/// Where the settings keep durable records.
pub(super) fn durable(config: &Config, documents: &Documents) -> Durable {
    match &config.storage.sql {
        Sql::Sqlite(path) => Durable::File(path.clone()),
        Sql::Postgres(postgres) => Durable::Postgres(PostgresSettings {
            host: postgres.host.clone(),
            port: postgres.port,
            standbys: postgres.standbys.clone(),
            user: postgres.user.clone(),
            password: documents.sql_password.clone(),
            database: postgres.database.clone(),
            root_cert: postgres.root_cert.clone(),
            patience: PostgresSettings::PATIENCE,
        }),
    }
}

fn policy(config: &Config, keys: KeyPolicy) -> Policy {
    let tokens = &config.tokens;
    Policy {
        issuer: config.issuer.as_str().to_owned(),
        lifetimes: Lifetimes {
            access_token: tokens.access_token,
            refresh_idle: tokens.refresh_idle,
            session: tokens.session,
            session_idle: tokens.session_idle,
            code: tokens.code,
            pushed_request: tokens.pushed_request,
            interaction: tokens.interaction,
            approval: tokens.approval,
            ceremony: tokens.ceremony,
            activation: tokens.activation,
            device: tokens.device,
            skew: tokens.skew,
            cooling: config.patients.cooling,
            ..Lifetimes::default()
        },
        assurance: AssurancePolicy { ceiling: Acr::Eidas3 },
        attestation: AttestationPolicy {
            allow_self: config.mobile.allow_self_attestation,
            aaguids: config.mobile.aaguids.clone(),
        },
        sector: SectorSettings::default(),
        keys,
        client_rate: config.http.limits.client_rate,
        devices_per_person: config.mobile.devices_per_person,
        live_approvals: config.approval.live,
        activation: ActivationPolicy::Limited,
        codes_per_hour: config.mobile.codes_per_hour,
        directory: DirectoryPolicy {
            max_change_share: config.directory.max_change_share,
            excluded_professions: config.directory.excluded_professions.clone(),
        },
        patients_ins: config.patients.ins,
    }
}

/// The token of the settings. A module that cannot be loaded stops the process: nothing would sign in its place.
pub(super) fn key_token(config: &Config) -> anyhow::Result<Option<Arc<dyn KeyToken>>> {
    let Some(pkcs11) = &config.keys.pkcs11 else { return Ok(None) };
    let settings = TokenSettings {
        module: pkcs11.module.clone(),
        label: pkcs11.token.clone(),
        pin_file: pkcs11.pin_file.clone(),
        sessions: pkcs11.sessions,
        timeout: pkcs11.timeout,
    };
    let token = Pkcs11Token::open(settings).context("loading the module of keys.pkcs11")?;
    Ok(Some(Arc::new(token)))
}
