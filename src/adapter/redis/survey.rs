//! Each server of the settings, asked for `INFO` and nothing else: for an operator who looks, before or beside `serve`.

use redis::{AsyncConnectionConfig, Client};

use super::address::{RedisSettings, Servers};
use super::connection::{OPENING, PATIENCE, unavailable};
use super::masters::Masters;
use super::sentinels::Sentinels;
use super::server::{Server, fact};
use crate::ports::{PortError, PortResult};

/// What one server says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerReport {
    /// Where it is; none for the only one.
    pub at: Option<String>,
    /// Why `serve` would refuse it, in words.
    pub refusal: Option<String>,
    /// Whether it takes no writes while its replicas are away.
    pub guarded: bool,
    /// Replicas that follow it.
    pub replicas: u32,
    /// Its last snapshot or append to disk failed, after which it takes no writes.
    pub cannot_save: bool,
    /// Bytes in use, and how many it may use; 0: no limit.
    pub memory: (u64, u64),
}

/// Finds the servers as `serve` does and asks each. Writes nothing.
///
/// # Errors
/// [`PortError::Unavailable`] when they cannot be found or do not answer.
pub async fn survey(settings: &RedisSettings) -> PortResult<Vec<ServerReport>> {
    let wrong = |error: redis::RedisError| unavailable(&error);
    let mut reports = Vec::new();
    match &settings.servers {
        Servers::One(url) => reports.push(ask(&settings.to_one(url).map_err(wrong)?, None, true).await?),
        Servers::Sentinel(watched) => {
            let node = Sentinels::new(settings, watched).map_err(wrong)?.primary().await?;
            let client = settings.to_node(&node).map_err(wrong)?;
            reports.push(ask(&client, Some(node.to_string()), true).await?);
        }
        Servers::Cluster { seeds, .. } => {
            for master in Masters::new(seeds).find(settings, &[]).await? {
                let client = settings.to_node(&master.node).map_err(wrong)?;
                reports.push(ask(&client, Some(master.node.to_string()), false).await?);
            }
        }
    }
    Ok(reports)
}

async fn ask(client: &Client, at: Option<String>, alone: bool) -> PortResult<ServerReport> {
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(OPENING))
        .set_response_timeout(Some(PATIENCE));
    let connection = client.get_multiplexed_async_connection_with_config(&config).await;
    let mut connection = connection.map_err(|error| unavailable(&error))?;
    let info: String =
        redis::cmd("INFO").query_async(&mut connection).await.map_err(|error| unavailable(&error))?;
    Ok(report(&info, at, alone))
}

fn report(info: &str, at: Option<String>, alone: bool) -> ServerReport {
    let number = |name| fact(info, name).parse().unwrap_or_default();
    let server = Server::read(info);
    let refusal = match &server {
        Err(PortError::Unavailable(reason)) => Some(reason.clone()),
        Err(error) => Some(error.to_string()),
        Ok(server) if alone && server.in_cluster => {
            Some(String::from("it has a part of the keys only: its address is redis+cluster://"))
        }
        Ok(_) => None,
    };
    let failed = |name| !matches!(fact(info, name), "ok" | "");
    ServerReport {
        at,
        refusal,
        guarded: server.is_ok_and(|server| server.guarded),
        replicas: fact(info, "connected_slaves").parse().unwrap_or_default(),
        cannot_save: failed("rdb_last_bgsave_status") || failed("aof_last_write_status"),
        memory: (number("used_memory"), number("maxmemory")),
    }
}
