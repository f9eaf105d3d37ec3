//! What a Redis server says of itself (`INFO`), and whether it can be trusted with security state.

use crate::ports::{PortError, PortResult};

/// A server fit for use.
pub(super) struct Server {
    /// Changes when another history of writes begins: restart, failover.
    pub(super) replication_id: String,
    /// Whether it has a part of the keys only.
    pub(super) in_cluster: bool,
    /// Whether it takes no writes while its replicas are away (`min-replicas-to-write`).
    pub(super) guarded: bool,
}

impl Server {
    /// Reads `INFO`.
    pub(super) fn read(info: &str) -> PortResult<Self> {
        let fact = |name: &str| fact(info, name);
        let major = fact("redis_version").split('.').next().and_then(|major| major.parse::<u32>().ok());
        refuse_if(major.is_none_or(|major| major < OLDEST), "it must be version 7 or later")?;
        refuse_if(fact("role") != "master", "it is not a primary")?;
        refuse_if(fact("loading") != "0", "it is still loading its data")?;
        refuse_if(
            fact("maxmemory_policy") != "noeviction",
            "its maxmemory-policy must be noeviction: what it evicts could be used twice",
        )?;
        let replication_id = fact("master_replid");
        refuse_if(replication_id.is_empty(), "it does not tell its replication id")?;
        Ok(Self {
            replication_id: replication_id.to_owned(),
            in_cluster: fact("cluster_enabled") == "1",
            // Told only where the setting is not 0.
            guarded: !fact("min_slaves_good_slaves").is_empty(),
        })
    }
}

/// The value of `name` in `INFO`; empty where it is not told.
pub(super) fn fact<'a>(info: &'a str, name: &str) -> &'a str {
    let line = info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line.map(str::trim).unwrap_or_default()
}

/// Refuses a server with `reason`.
pub(super) fn refuse_if(broken: bool, reason: &str) -> PortResult<()> {
    if broken { Err(PortError::Unavailable(format!("this Redis cannot be used: {reason}"))) } else { Ok(()) }
}

/// Scripts say by flags what may run when memory is full: Redis 7.
const OLDEST: u32 = 7;
