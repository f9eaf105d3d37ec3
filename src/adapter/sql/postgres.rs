//! A PostgreSQL server: where it is, how long to wait for it, and its connections.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions, PgSslMode};

use tracing::Instrument as _;

use super::kept_connection::Left;
use super::primary::Cluster;
use super::sqlite::STATEMENT_CACHE;
use super::timing::Step;
use crate::base::Secret;
use crate::ports::{PortError, PortResult};

/// How to reach a database.
#[derive(Clone, Debug)]
pub struct PostgresSettings {
    /// Host name or address; a folder, absolute, for the socket of a server on this machine.
    pub host: String,
    /// Port, also part of the socket's name.
    pub port: u16,
    /// Host and port of other servers of the same cluster: whichever of them takes writes is used.
    pub standbys: Vec<(String, u16)>,
    /// Role.
    pub user: String,
    /// Password, when the server asks for one.
    pub password: Option<Secret>,
    /// Database.
    pub database: String,
    /// Certificates (PEM) that may have signed the server's; without it, those that browsers trust.
    pub root_cert: Option<PathBuf>,
    /// How long a connection, a lock or one statement may take: [`PostgresSettings::PATIENCE`] but in tests. The
    /// overlap in which revocations are read again is made for it.
    pub patience: Duration,
}

/// An executor with the time it has to answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patient<T> {
    pub(super) executor: T,
    pub(super) patience: Duration,
}

/// The connections of one process.
#[derive(Clone, Debug)]
pub(super) struct PostgresServer {
    pub(super) pool: PgPool,
    pub(super) patience: Duration,
    pub(super) left: Left,
    /// Where the primary is, without limits of time.
    unlimited: Arc<RwLock<PgConnectOptions>>,
}

impl PostgresServer {
    pub(super) async fn connect(settings: &PostgresSettings) -> PortResult<Self> {
        let patience = settings.patience;
        let mut cluster = Cluster::new(settings.hosts(), patience);
        let primary = cluster.primary().await?;
        let unlimited = Arc::new(RwLock::new(primary.clone()));
        let pool = cluster
            .guard(PgPoolOptions::new().max_connections(CONNECTIONS).acquire_timeout(patience))
            .connect_with(limited(primary, patience))
            .await?;
        cluster.watch(pool.clone(), Arc::clone(&unlimited));
        Ok(Self { pool, patience, left: Left::new(), unlimited })
    }

    /// For changes of the schema, which take the time they need.
    pub(super) fn migrator(&self) -> PgConnectOptions {
        self.unlimited.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Connections that serve requests: nothing in them takes longer than `patience`.
pub(super) fn limited(options: PgConnectOptions, patience: Duration) -> PgConnectOptions {
    let milliseconds = |time: Duration| time.as_millis().to_string();
    options.options([
        ("statement_timeout", milliseconds(patience)),
        // Before the statement's own end: which of the two it was tells a rival from a slow server.
        ("lock_timeout", milliseconds(patience.mul_f32(0.7))),
        ("idle_in_transaction_session_timeout", milliseconds(patience.saturating_mul(2))),
    ])
}

impl PostgresSettings {
    /// A server that is gone is noticed within two seconds.
    pub const PATIENCE: Duration = Duration::from_millis(1500);

    fn hosts(&self) -> Vec<PgConnectOptions> {
        let first = std::iter::once((self.host.as_str(), self.port));
        let others = self.standbys.iter().map(|(host, port)| (host.as_str(), *port));
        first.chain(others).map(|(host, port)| self.options(host, port)).collect()
    }

    fn options(&self, host: &str, port: u16) -> PgConnectOptions {
        let mut options = PgConnectOptions::new_without_pgpass()
            .port(port)
            .username(&self.user)
            .database(&self.database)
            .application_name("sceau")
            .statement_cache_capacity(STATEMENT_CACHE);
        options = if host.starts_with('/') {
            options.socket(host)
        } else {
            options.host(host).ssl_mode(ssl_mode(host))
        };
        if let Some(password) = &self.password {
            options = options.password(password.expose());
        }
        if let Some(path) = &self.root_cert {
            options = options.ssl_root_cert(path);
        }
        // A committed fence survives the server's end.
        options.options([("synchronous_commit", "on")])
    }
}

/// Nobody stands between this process and its own machine.
fn ssl_mode(host: &str) -> PgSslMode {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    let loopback = host == "localhost" || address.is_ok_and(|address| address.is_loopback());
    if loopback { PgSslMode::Prefer } else { PgSslMode::VerifyFull }
}

/// The answer of the server. It ends a statement that takes too long; a network that swallows everything is given up
/// a little later.
pub(super) async fn answered<T>(
    patience: Duration,
    query: impl Future<Output = Result<T, sqlx::Error>>,
) -> PortResult<T> {
    match tokio::time::timeout(patience.saturating_add(GRACE), query).await {
        Ok(answer) => answer.map_err(PortError::from),
        Err(_) => Err(PortError::Unavailable(String::from("PostgreSQL does not answer"))),
    }
}

/// The same of a statement that only PostgreSQL runs, timed as others are.
pub(super) async fn stated<T>(
    patience: Duration,
    query: impl Future<Output = Result<T, sqlx::Error>>,
) -> PortResult<T> {
    let _begun = Step::Statement.begun();
    answered(patience, query).instrument(Step::Statement.span()).await
}

const GRACE: Duration = Duration::from_millis(300);
/// Of a replica, in all.
const CONNECTIONS: u32 = 16;
/// Of them, those in a transaction at a time: the rest is always left to reads.
pub(super) const WRITERS: usize = 12;
