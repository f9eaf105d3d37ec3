//! Which server of a cluster takes writes: found at the start, followed through fail-overs.
//!
//! A standby is never used, nor a primary of an older timeline than one seen before: it was replaced, and what it would
//! accept or tell is not what counts. Connections made before the primary changed are dropped.

use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool, PgPoolOptions};
use sqlx::{ConnectOptions as _, Connection as _};

use super::postgres::limited;
use super::statements::SERVER_ROLE;
use crate::ports::{PortError, PortResult};

/// The servers of a cluster, and what is known of them.
pub(super) struct Cluster {
    hosts: Vec<Host>,
    patience: Duration,
    chosen: usize,
    known: Arc<Mutex<Known>>,
}

struct Host {
    options: PgConnectOptions,
    /// Kept open, for the next question.
    connection: Option<PgConnection>,
}

#[derive(Debug, Default)]
struct Known {
    /// The latest timeline of a primary, hexadecimal in eight digits: the later one is the greater text.
    timeline: String,
    /// Connections made earlier are dropped.
    changed: Option<Instant>,
}

/// What a server says of itself.
enum Role {
    /// It takes writes, on this timeline.
    Primary(String),
    /// It takes none.
    Standby,
}

impl Cluster {
    pub(super) fn new(hosts: Vec<PgConnectOptions>, patience: Duration) -> Self {
        let hosts = hosts.into_iter().map(|options| Host { options, connection: None }).collect();
        Self { hosts, patience, chosen: 0, known: Arc::default() }
    }

    /// The server that takes writes.
    pub(super) async fn primary(&mut self) -> PortResult<PgConnectOptions> {
        // Nobody waits for an answer yet.
        self.look(self.patience.saturating_mul(4)).await.map_err(PortError::Unavailable)?;
        self.options().ok_or_else(|| PortError::Unavailable(String::from("no server is named")))
    }

    /// Lets a pool use connections to the primary alone.
    pub(super) fn guard(&self, pool: PgPoolOptions) -> PgPoolOptions {
        let (known, made) = (Arc::clone(&self.known), Arc::clone(&self.known));
        pool.after_connect(move |connection, _| {
            let known = Arc::clone(&known);
            Box::pin(async move {
                let refused = match role(connection).await? {
                    Role::Standby => Some("the server takes no writes"),
                    Role::Primary(timeline) => {
                        (!lock(&known).accept(&timeline)).then_some("the server was replaced")
                    }
                };
                refused.map_or(Ok(()), |reason| Err(sqlx::Error::Protocol(reason.to_owned())))
            })
        })
        // Tested as it was given back; asked again only when it has rested since.
        .test_before_acquire(false)
        .before_acquire(move |connection, so_far| {
            let changed = lock(&made).changed;
            let born = Instant::now().checked_sub(so_far.age);
            Box::pin(async move {
                if so_far.idle_for > RESTED {
                    connection.ping().await?;
                }
                Ok(changed.is_none_or(|changed| born.is_none_or(|born| changed < born)))
            })
        })
    }

    /// Follows the primary until `pool` is closed.
    #[expect(
        clippy::disallowed_methods,
        reason = "it belongs to the pool, which tells when it is closed, and holds nothing that has to be given back"
    )]
    pub(super) fn watch(mut self, pool: PgPool, unlimited: Arc<RwLock<PgConnectOptions>>) {
        tokio::spawn(async move {
            let closed = pool.close_event();
            tokio::pin!(closed);
            loop {
                tokio::select! {
                    () = &mut closed => return,
                    () = tokio::time::sleep(EVERY) => {}
                }
                self.follow(&pool, &unlimited).await;
            }
        });
    }

    async fn follow(&mut self, pool: &PgPool, unlimited: &RwLock<PgConnectOptions>) {
        let before = self.chosen;
        match self.look(self.patience).await {
            Ok(()) if self.chosen == before => {}
            Ok(()) => {
                let Some(options) = self.options() else { return };
                tracing::warn!(host = options.get_host(), "another PostgreSQL server takes the writes");
                pool.set_connect_options(limited(options.clone(), self.patience));
                *unlimited.write().unwrap_or_else(PoisonError::into_inner) = options;
                lock(&self.known).changed = Some(Instant::now());
            }
            Err(reason) => tracing::warn!(reason, "no PostgreSQL server takes writes"),
        }
    }

    fn options(&self) -> Option<PgConnectOptions> {
        self.hosts.get(self.chosen).map(|host| host.options.clone())
    }

    /// Asks every server at once and chooses the primary of the latest timeline; the one before, among equals.
    async fn look(&mut self, patience: Duration) -> Result<(), String> {
        let roles = join_all(self.hosts.iter_mut().map(|host| host.ask(patience))).await;
        let mut best: Option<(&str, bool, usize)> = None;
        let mut reasons = Vec::new();
        for (place, role) in roles.iter().enumerate() {
            match role {
                Ok(Role::Primary(timeline)) => {
                    let candidate = (timeline.as_str(), place == self.chosen, place);
                    let better = best.is_none_or(|best| (best.0, best.1) < (candidate.0, candidate.1));
                    best = if better { Some(candidate) } else { best };
                }
                Ok(Role::Standby) => {
                    reasons.push(String::from("it is a standby"));
                    // It may have been the primary: connections to it are worth nothing.
                    if place == self.chosen {
                        lock(&self.known).changed = Some(Instant::now());
                    }
                }
                Err(reason) => reasons.push(reason.clone()),
            }
        }
        let Some((timeline, _, place)) = best else { return Err(reasons.join("; ")) };
        if !lock(&self.known).accept(timeline) {
            return Err(String::from("it was replaced by another one, which does not answer"));
        }
        self.chosen = place;
        Ok(())
    }
}

impl Host {
    async fn ask(&mut self, patience: Duration) -> Result<Role, String> {
        let asked = async {
            let mut connection = match self.connection.take() {
                Some(connection) => connection,
                None => self.options.connect().await?,
            };
            let role = role(&mut connection).await?;
            self.connection = Some(connection);
            Ok::<_, sqlx::Error>(role)
        };
        match tokio::time::timeout(patience, asked).await {
            Ok(answer) => answer.map_err(|error| error.to_string()),
            Err(_) => Err(String::from("it does not answer")),
        }
    }
}

impl Known {
    /// Takes note of a primary; false when a later one was seen.
    fn accept(&mut self, timeline: &str) -> bool {
        if timeline < self.timeline.as_str() {
            return false;
        }
        if timeline > self.timeline.as_str() {
            timeline.clone_into(&mut self.timeline);
        }
        true
    }
}

async fn role(connection: &mut PgConnection) -> Result<Role, sqlx::Error> {
    let timeline: Option<String> = sqlx::query_scalar(SERVER_ROLE).fetch_one(connection).await?;
    Ok(timeline.map_or(Role::Standby, Role::Primary))
}

fn lock(known: &Mutex<Known>) -> std::sync::MutexGuard<'_, Known> {
    known.lock().unwrap_or_else(PoisonError::into_inner)
}

const EVERY: Duration = Duration::from_secs(1);

/// A connection idle for longer may have been cut by the server, or by something between.
const RESTED: Duration = Duration::from_secs(1);
