//! The sentinels, which know where the primary is (Redis Sentinel, "Guidelines for Redis clients").
//!
//! All are asked at once, and the answer of the latest configuration counts: a sentinel that is cut off from the others
//! still names the primary of before. What they name is checked like any server.

use std::sync::Arc;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, ErrorKind, RedisError, RedisResult, Value};
use tokio::sync::Mutex;
use tokio::task::JoinSet;

use super::address::{Node, RedisSettings, Watched};
use super::lines::Shared;
use crate::ports::{PortError, PortResult};

/// The sentinels of one primary.
pub(super) struct Sentinels {
    all: Vec<Arc<Sentinel>>,
    name: String,
}

struct Sentinel {
    client: Client,
    connection: Mutex<Option<MultiplexedConnection>>,
}

/// What one says: how recent it is, and where the primary is.
type Told = (u64, Node);

impl Sentinels {
    pub(super) fn new(settings: &RedisSettings, watched: &Watched) -> RedisResult<Self> {
        let sentinel = |node| {
            let client = settings.to_sentinel(node, watched)?;
            Ok(Arc::new(Sentinel { client, connection: Mutex::new(None) }))
        };
        let all = watched.sentinels.iter().map(sentinel).collect::<RedisResult<_>>()?;
        Ok(Self { all, name: watched.name.clone() })
    }

    /// Where the primary is, by the latest of what they say.
    pub(super) async fn primary(&self) -> PortResult<Node> {
        let mut asked = JoinSet::new();
        for sentinel in &self.all {
            let (sentinel, name) = (Arc::clone(sentinel), self.name.clone());
            asked.spawn(async move { sentinel.tell(&name).await });
        }
        let answers = asked.join_all().await;
        let latest = answers.iter().flatten().flatten().max_by_key(|(epoch, _)| *epoch);
        if let Some((_, node)) = latest {
            return Ok(node.clone());
        }
        let why = if answers.iter().any(Result::is_ok) {
            "the sentinels know no primary of this name"
        } else {
            "no sentinel answers"
        };
        Err(PortError::Unavailable(format!("redis: {why}")))
    }

    /// Gives up line `serial` as soon as the primary is not at `node` any more: a primary of before that is cut off
    /// from its sentinels does not know.
    pub(super) async fn watch(self: Arc<Self>, shared: std::sync::Weak<Shared>, serial: u64, node: Node) {
        loop {
            tokio::time::sleep(EVERY).await;
            let moved = self.primary().await.is_ok_and(|found| found != node);
            let Some(shared) = shared.upgrade().filter(|shared| shared.uses(serial)) else { return };
            if moved {
                tracing::warn!(%node, "the sentinels name another primary");
                shared.lose(serial);
                shared.bells.ring_all();
                return;
            }
        }
    }
}

impl Sentinel {
    /// What it says of the primary called `name`; none: it knows none.
    async fn tell(&self, name: &str) -> RedisResult<Option<Told>> {
        let mut connection = self.connection.lock().await;
        let told = tokio::time::timeout(PATIENCE, self.ask(&mut connection, name)).await;
        let told = told.unwrap_or_else(|_| Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into()));
        if told.is_err() {
            *connection = None;
        }
        told
    }

    async fn ask(&self, open: &mut Option<MultiplexedConnection>, name: &str) -> RedisResult<Option<Told>> {
        let connection = if let Some(connection) = open {
            connection
        } else {
            let config = AsyncConnectionConfig::new().set_connection_timeout(Some(PATIENCE));
            open.insert(self.client.get_multiplexed_async_connection_with_config(&config).await?)
        };
        let mut ask = redis::cmd("SENTINEL");
        // During a failover this one has the new address already, and the other command the new epoch.
        ask.arg("GET-MASTER-ADDR-BY-NAME").arg(name);
        let Some((host, port)): Option<(String, u16)> = ask.query_async(connection).await? else {
            return Ok(None);
        };
        let facts: Value = redis::cmd("SENTINEL").arg("MASTER").arg(name).query_async(connection).await?;
        let facts: std::collections::HashMap<String, String> = redis::from_redis_value(facts)?;
        let epoch = facts.get("config-epoch").and_then(|epoch| epoch.parse().ok());
        let epoch = epoch.ok_or_else(|| {
            RedisError::from((ErrorKind::UnexpectedReturnType, "a sentinel tells no epoch"))
        })?;
        Ok(Some((epoch, Node { host, port })))
    }
}

/// How long one may take.
const PATIENCE: Duration = Duration::from_millis(300);
/// How often they are asked whether the primary is still the same.
const EVERY: Duration = Duration::from_secs(1);
