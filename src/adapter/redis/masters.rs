//! The masters of a cluster and the slots of each, as its nodes tell them (`CLUSTER SLOTS`).
//!
//! A node that has not heard of a failover yet names the master of before, which is then refused as any server is that
//! is gone or a replica: the next attempt begins with another node.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Value};

use super::address::{Node, RedisSettings};
use super::connection::unavailable;
use super::lines::{Line, Slots};
use super::server::refuse_if;
use super::slot::SLOTS;
use crate::ports::{PortError, PortResult};

/// A master with its slots.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Master {
    pub(super) node: Node,
    pub(super) slots: Vec<Slots>,
}

/// Who can be asked for the masters.
pub(super) struct Masters {
    seeds: Vec<Node>,
    /// Every node of the last answer.
    known: RwLock<Vec<Node>>,
    attempts: AtomicUsize,
}

impl Masters {
    pub(super) fn new(seeds: &[Node]) -> Self {
        Self { seeds: seeds.to_vec(), known: RwLock::default(), attempts: AtomicUsize::new(0) }
    }

    /// The masters, as the first node says that answers.
    pub(super) async fn find(&self, settings: &RedisSettings, open: &[Line]) -> PortResult<Vec<Master>> {
        let mut nodes = self.known.read().unwrap_or_else(PoisonError::into_inner).clone();
        nodes.extend(self.seeds.iter().cloned());
        let first = self.attempts.fetch_add(1, Ordering::SeqCst) % nodes.len().max(1);
        nodes.rotate_left(first);
        let mut reason = PortError::Unavailable(String::from("redis: no node of the cluster is known"));
        for node in nodes {
            let line = open.iter().find(|line| line.node.as_ref() == Some(&node));
            let asked = tokio::time::timeout(PATIENCE, ask(settings, &node, line)).await;
            match asked.unwrap_or_else(|_| Err(late(&node))) {
                Ok((masters, all)) => {
                    *self.known.write().unwrap_or_else(PoisonError::into_inner) = all;
                    return Ok(masters);
                }
                Err(error) => reason = error,
            }
        }
        Err(reason)
    }
}

fn late(node: &Node) -> PortError {
    PortError::Unavailable(format!("redis: {node} does not answer"))
}

/// The masters, and every node, as `node` tells them.
async fn ask(
    settings: &RedisSettings,
    node: &Node,
    line: Option<&Line>,
) -> PortResult<(Vec<Master>, Vec<Node>)> {
    let mut connection = match line {
        Some(line) => line.connection.clone(),
        None => connect(settings, node).await?,
    };
    let mut both = redis::pipe();
    both.cmd("CLUSTER").arg("INFO").cmd("CLUSTER").arg("SLOTS");
    let (info, slots): (String, Vec<Vec<Value>>) =
        both.query_async(&mut connection).await.map_err(|error| unavailable(&error))?;
    let serves = info.lines().any(|line| line.trim() == "cluster_state:ok");
    refuse_if(!serves, "its cluster does not serve")?;
    let (masters, all) = read(slots, &node.host).unwrap_or_default();
    let slots = masters.iter().flat_map(|master| &master.slots);
    refuse_if(
        slots.map(ExactSizeIterator::len).sum::<usize>() != usize::from(SLOTS),
        "its cluster lacks slots",
    )?;
    Ok((masters, all))
}

async fn connect(settings: &RedisSettings, node: &Node) -> PortResult<MultiplexedConnection> {
    let client = settings.to_node(node).map_err(|error| unavailable(&error))?;
    let config = AsyncConnectionConfig::new().set_connection_timeout(Some(PATIENCE));
    let connection = client.get_multiplexed_async_connection_with_config(&config).await;
    connection.map_err(|error| unavailable(&error))
}

/// Reads `CLUSTER SLOTS`: first and last slot, then master and replicas. A node without a name is at `host`, which was
/// asked.
fn read(entries: Vec<Vec<Value>>, host: &str) -> Option<(Vec<Master>, Vec<Node>)> {
    let (mut masters, mut all) = (Vec::<Master>::new(), Vec::new());
    for entry in entries {
        let mut fields = entry.into_iter();
        let (first, last) = (number(&fields.next()?)?, number(&fields.next()?)?);
        let mut nodes = fields.map(|node| read_node(node, host)).collect::<Option<Vec<_>>>()?.into_iter();
        let node = nodes.next()?;
        all.push(node.clone());
        all.extend(nodes);
        match masters.iter_mut().find(|master| master.node == node) {
            Some(master) => master.slots.push(first..=last),
            None => masters.push(Master { node, slots: vec![first..=last] }),
        }
    }
    all.dedup();
    Some((masters, all))
}

fn read_node(node: Value, asked: &str) -> Option<Node> {
    let Value::Array(fields) = node else { return None };
    let name: Option<String> = redis::from_redis_value(fields.first()?.clone()).ok()?;
    let host = name.filter(|name| !name.is_empty() && name != "?").unwrap_or_else(|| asked.to_owned());
    Some(Node { host, port: number(fields.get(1)?)? })
}

fn number(value: &Value) -> Option<u16> {
    let Value::Int(number) = value else { return None };
    u16::try_from(*number).ok()
}

/// How long a node may take.
const PATIENCE: Duration = Duration::from_millis(300);
