//! The composition root: the only place that names concrete adapters. It opens the stores, makes or reads the keys,
//! fills the ports and hands out the routers.

pub mod examined;
pub mod server;
pub mod tls;

mod audit_jobs;
mod audit_reader;
mod connection;
mod deliveries;
mod durable;
mod ephemeral;
mod jobs;
mod key_encryption;
mod key_metrics;
mod pem;
mod reseal;
mod sources;

use std::sync::Arc;

use anyhow::Context as _;
use axum::Router;
use url::Url;

pub use audit_jobs::{AuditDuties, AuditWork, LastCheckpoint};
pub use audit_reader::AuditReader;
pub use deliveries::Deliveries;
pub use durable::Durable;
pub use reseal::{ResealReport, SealKeyNeed};

use crate::adapter::ephemeral::History;
use crate::adapter::log_push::LogPush;
use crate::adapter::measured::{MeasuredApprovals, MeasuredSigner, MeasuredUpstream};
use crate::adapter::redis::RedisSettings;
use crate::adapter::sql::{CustodySigner, SealKeyReader, SealedDecrypter, SqlKeys, SqlStores, kek_sealer};
use crate::adapter::upstream::{Bridge, ClientKeySets, OwnSide};
use crate::adapter::webauthn::WebauthnAuthenticator;
use crate::base::{Clock, Entropy, Rate};
use crate::federation::UpstreamProvider;
use crate::flow::{
    Cutoffs, DroppedRows, HealthMemory, Keyring, KnownClients, Policy, Provider, Watchers, WrittenMetadata,
    bootstrap_keys,
};
use crate::http::{AppState, Health, HttpLimits, Leaving, Network, admin_router, router};
use crate::jose::Sealer;
use crate::oauth::is_loopback;
use crate::ports::{CodeSender, Decrypter, KeyToken, Keys, Ports, Sealing, Signer};
use ephemeral::{EphemeralPorts, EphemeralStore};

/// Where ephemeral values live.
#[derive(Clone, Debug)]
pub enum Ephemeral {
    /// This process: for one replica.
    InProcess,
    /// Redis, shared by replicas.
    Redis(RedisSettings),
}

/// What a provider is made of.
pub struct Parts {
    /// Rules and lifetimes.
    pub policy: Policy,
    /// Where durable records live.
    pub durable: Durable,
    /// Where ephemeral values live.
    pub ephemeral: Ephemeral,
    /// The key-encryption key.
    pub key_encryption_key: [u8; 32],
    /// The hardware token on which new signing keys are made; none: they are sealed in the database.
    pub key_token: Option<Arc<dyn KeyToken>>,
    /// WebAuthn relying party.
    pub relying_party: RelyingParty,
    /// Identity providers above us.
    pub upstreams: Vec<UpstreamProvider>,
    /// Sender of activation codes and notices.
    pub code_sender: Arc<dyn CodeSender>,
    /// Clock.
    pub clock: Arc<dyn Clock>,
    /// Entropy.
    pub entropy: Arc<dyn Entropy>,
}

impl Parts {
    /// Whoever encrypts to us needs a published key of its algorithm.
    fn open_for_upstreams(&mut self) {
        let wanted = self.upstreams.iter().flat_map(|upstream| upstream.encryption.algorithms());
        let decryption = &mut self.policy.keys.decryption;
        decryption.extend(wanted);
        decryption.sort_unstable();
        decryption.dedup();
    }
}

const FOREIGN_INS: &str =
    "health numbers of another environment are stored: `patients.ins` does not fit this database";

/// The WebAuthn relying party and whom it trusts.
pub struct RelyingParty {
    /// Identifier: a domain, never an address (Web Authentication 5.1.2).
    pub id: String,
    /// Name shown by phones.
    pub name: String,
    /// Origins of phone apps beside the issuer's own.
    pub allowed_origins: Vec<Url>,
    /// Roots of attestation chains, DER.
    pub attestation_roots: Vec<Vec<u8>>,
}

/// A provider put together.
#[derive(Clone)]
pub struct App {
    /// The use cases.
    pub provider: Arc<Provider>,
    durable: Arc<SqlStores>,
    seal_keys: Arc<SealKeyReader>,
    keys: SqlKeys,
    /// Opens what is under the key-encryption key in use, and nothing else.
    own_kek: Sealer,
    ephemeral: EphemeralStore,
    mobile_origins: Arc<[String]>,
    /// Set when this process is about to end.
    pub leaving: Leaving,
}

impl App {
    /// Opens the stores, migrates them where nobody else uses them, makes the first keys where there are none, and fills the ports.
    pub async fn assemble(parts: Parts) -> anyhow::Result<Self> {
        Self::assemble_between(parts, None).await
    }

    /// The same while one key-encryption key replaces another: `other` opens, and seals nothing.
    pub async fn assemble_between(mut parts: Parts, other: Option<[u8; 32]>) -> anyhow::Result<Self> {
        parts.open_for_upstreams();
        let db = parts.durable.open().await?;
        let kek = kek_sealer(&parts.key_encryption_key, other.as_ref());
        let own_kek = kek_sealer(&parts.key_encryption_key, None);
        let keys = SqlKeys::new(&db, &kek, &parts.entropy, &parts.clock);
        let keys = match &parts.key_token {
            Some(token) => keys.with_token(token.clone()),
            None => keys,
        };
        key_encryption::check(&keys, &own_kek, other.is_some()).await?;
        // Before the first keys nothing was issued or accepted.
        let history = if keys.list().await?.is_empty() { History::None } else { History::Some };
        let keyring = bootstrap_keys(&keys, &parts.policy.keys, &*parts.clock, &*parts.entropy)
            .await
            .context("reading the keys")?;
        let seal_keys = SealKeyReader::open(&keys, &parts.policy.keys, &parts.clock).await?;
        let storage = seal_keys.sealing();
        let keys = keys.with_storage(&storage);
        let durable = Arc::new(SqlStores::new(&db, &storage, &parts.entropy, &parts.clock));
        let ephemeral = EphemeralStore::open(&parts, &storage, history).await?;
        let mobile_origins =
            parts.relying_party.allowed_origins.iter().map(|url| url.origin().ascii_serialization());
        let mobile_origins = mobile_origins.filter(|origin| origin.starts_with("http")).collect();
        let filled = fill_ports(&parts, keys.clone(), &durable, ephemeral.ports())?;
        let provider = assemble_provider(filled, parts.policy, keyring, storage);
        // Before anything is served or imported: real and invented people never share a database.
        anyhow::ensure!(!provider.foreign_ins_stored().await?, FOREIGN_INS);
        let provider = Arc::new(provider);
        let leaving = Leaving::default();
        Ok(Self { provider, durable, seal_keys, keys, own_kek, ephemeral, mobile_origins, leaving })
    }

    /// The public routes.
    pub fn router(&self, trusted_proxies: Vec<Network>, limits: &HttpLimits) -> Router {
        let state = AppState {
            provider: self.provider.clone(),
            trusted_proxies: trusted_proxies.into(),
            leaving: self.leaving.clone(),
            mobile_origins: self.mobile_origins.clone(),
        };
        router(state, limits)
    }

    /// The operator's routes.
    pub fn admin_router(&self, metrics: Arc<dyn Fn() -> String + Send + Sync>) -> Router {
        admin_router(Health::new(self.provider.clone(), metrics, self.leaving.clone()))
    }

    /// Closes the database; SQLite leaves one whole file. Nothing is served afterwards.
    pub async fn close(&self) {
        self.durable.close().await;
    }

    /// Forgets what has expired.
    pub async fn purge(&self) -> anyhow::Result<()> {
        let now = self.provider.now();
        self.ephemeral.sweep(now);
        self.durable.purge(now).await?;
        Ok(())
    }

    /// Makes the partitions of the database that are due, and drops those whose time is over.
    pub async fn keep_partitions(&self) -> anyhow::Result<()> {
        for kept in self.durable.keep_partitions().await? {
            let gauge = metrics::gauge!("sceau_partition_default_rows", "table" => kept.table);
            gauge.set(f64::from(u32::try_from(kept.in_default).unwrap_or(u32::MAX)));
            if kept.made > 0 || kept.dropped > 0 {
                tracing::info!(table = kept.table, made = kept.made, dropped = kept.dropped, "partitions");
            }
        }
        Ok(())
    }
}

fn fill_ports(
    parts: &Parts,
    keys: SqlKeys,
    durable: &SqlStores,
    ephemeral: EphemeralPorts,
) -> anyhow::Result<Ports> {
    let issuer = Url::parse(&parts.policy.issuer).context("issuer")?;
    let webauthn = &parts.relying_party;
    let authenticator = WebauthnAuthenticator::new(
        &webauthn.id,
        &issuer,
        &webauthn.allowed_origins,
        &pem::pem(&webauthn.attestation_roots),
        &webauthn.name,
    )
    .context("WebAuthn relying party")?
    .with_clock(parts.clock.clone());
    let signer: Arc<dyn Signer> = Arc::new(MeasuredSigner::new(Arc::new(CustodySigner::new(keys.clone()))));
    let decrypter: Arc<dyn Decrypter> = Arc::new(SealedDecrypter::new(keys.clone()));
    let keys: Arc<dyn Keys> = Arc::new(keys);
    let own = OwnSide {
        keys: keys.clone(),
        signer: signer.clone(),
        decrypter: decrypter.clone(),
        clock: parts.clock.clone(),
        entropy: parts.entropy.clone(),
    };
    Ok(Ports {
        upstream: Arc::new(MeasuredUpstream::new(Arc::new(Bridge::new(parts.upstreams.clone(), &own)?))),
        clock: parts.clock.clone(),
        entropy: parts.entropy.clone(),
        clients: durable.clients.clone(),
        client_keys: Arc::new(ClientKeySets::new(is_loopback(&parts.policy.issuer), parts.clock.clone())?),
        persons: durable.persons.clone(),
        patients: durable.patients.clone(),
        links: durable.links.clone(),
        directory: durable.directory.clone(),
        devices: durable.devices.clone(),
        grants: durable.grants.clone(),
        issuance: durable.issuance.clone(),
        decisions: durable.decisions.clone(),
        revocation: durable.revocation.clone(),
        signer,
        decrypter,
        keys,
        audit: durable.audit.clone(),
        audit_log: durable.audit_log.clone(),
        audit_payloads: durable.audit_payloads.clone(),
        durable: durable.health.clone(),
        one_shot: ephemeral.one_shot,
        interactions: ephemeral.interactions,
        approvals: Arc::new(MeasuredApprovals::new(ephemeral.approvals)),
        sessions: ephemeral.sessions,
        access_tokens: ephemeral.access_tokens,
        replay: ephemeral.replay,
        throttle: ephemeral.throttle,
        high_water: ephemeral.high_water,
        authenticator: Arc::new(authenticator),
        push: Arc::new(LogPush),
        code_sender: parts.code_sender.clone(),
    })
}

fn assemble_provider(ports: Ports, policy: Policy, keyring: Keyring, storage: Sealing) -> Provider {
    let client_pace = Rate::per_second(policy.client_rate);
    Provider {
        ports,
        policy,
        keyring,
        cutoffs: Cutoffs::default(),
        clients: KnownClients::default(),
        written_metadata: WrittenMetadata::default(),
        storage,
        watchers: Watchers::default(),
        health: HealthMemory::default(),
        dropped: DroppedRows::default(),
        client_pace,
    }
}
