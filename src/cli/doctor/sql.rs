//! The database: that it answers, fits, keeps what it acknowledged, and has room; then the keys and the audit log in it.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;

use super::super::open;
use super::outside::Expected;
use super::{Diagnosis, PATIENCE, audit, keys};
use crate::app::examined::{Examined, Openers};
use crate::base::{Clock, Entropy, OsEntropy, SystemClock, UnixTime};
use crate::config::{Config, Documents, Kek, Sql};

const CHECK: &str = "database";
/// A clock farther than this from that of SQL is wrong, here or there.
const SKEW: Duration = Duration::from_secs(2);
/// Partitions are made some days ahead.
const AHEAD: Duration = Duration::from_hours(24);
/// Connections of one replica, and of everybody else (docs/operations.md, PostgreSQL).
const OF_ONE: u32 = 18;
const OF_OTHERS: u32 = 20;

/// What was found, and what the outside must then show.
pub(super) struct Found {
    pub(super) told: Vec<Diagnosis>,
    pub(super) expected: Expected,
}

/// The database of the settings.
pub(super) async fn examine(config: &Config, documents: &Documents) -> Found {
    let mut found = Found { told: Vec::new(), expected: Expected::default() };
    if let Some(missing) = missing(config) {
        found.told.push(missing);
        return found;
    }
    let examined = match in_time(opened(config, documents)).await {
        Ok(examined) => examined,
        Err(error) => {
            let sentence = format!(
                "it cannot be opened ({error:#}): nothing works without it; look at the server, storage.sql and its password, and the network between"
            );
            found.told.push(Diagnosis::wrong(CHECK, sentence));
            return found;
        }
    };
    inside(&mut found, &examined, config, documents).await;
    // Whatever was found is told.
    let _ = examined.close().await;
    found
}

/// A key or a file that `serve` would make is not made here.
fn missing(config: &Config) -> Option<Diagnosis> {
    if let Sql::Sqlite(path) = &config.storage.sql {
        let is_new = std::fs::metadata(path).map_or(true, |file| file.len() == 0);
        if is_new {
            let sentence = format!(
                "{} does not exist yet: start `sceau serve` once, which makes it, then ask again; if there was one, storage.sql names another place",
                path.display()
            );
            return Some(Diagnosis::wrong(CHECK, sentence));
        }
    }
    let path = &config.keys.kek_file;
    (!path.exists()).then(|| {
        let sentence = format!(
            "{} (keys.kek_file) does not exist: without it no key in the database can be opened; restore it from where you keep it",
            path.display()
        );
        Diagnosis::wrong("key-encryption key", sentence)
    })
}

async fn opened(config: &Config, documents: &Documents) -> anyhow::Result<Examined> {
    let entropy: Arc<dyn Entropy> = Arc::new(OsEntropy);
    let kek = config.keys.kek(&config.storage, &*entropy)?;
    let other = config.keys.kek_previous(&kek)?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let openers = Openers {
        kek: kek.expose(),
        other: other.as_ref().map(Kek::expose),
        token: open::key_token(config)?,
        entropy,
        clock,
    };
    open::durable(config, documents).examine(openers).await
}

async fn inside(found: &mut Found, examined: &Examined, config: &Config, documents: &Documents) {
    let told = &mut found.told;
    match in_time(async { Ok(examined.unfit().await?) }).await {
        Ok(None) => told.push(Diagnosis::ok(CHECK, "it answers, and its schema fits this program")),
        Ok(Some(unfit)) => {
            told.push(Diagnosis::wrong("schema", unfit));
            return;
        }
        Err(error) => {
            told.push(Diagnosis::wrong(
                CHECK,
                format!("it does not answer ({error:#}): nothing works without it"),
            ));
            return;
        }
    }
    let (state, commits, room, keys, audit) = tokio::join!(
        in_time(state(examined)),
        in_time(commits(examined, config.storage.without_standby)),
        in_time(room(examined)),
        in_time(keys::examine(examined, &documents.policy)),
        in_time(audit::examine(&*examined.log, config)),
    );
    let lost = |check, error: anyhow::Error| {
        Diagnosis::wrong(
            check,
            format!(
                "this could not be looked at ({error:#}): ask again, and look at the database if it stays so"
            ),
        )
    };
    told.extend(state.unwrap_or_else(|error| vec![lost("clock", error)]));
    told.extend(commits.unwrap_or_else(|error| vec![lost("commits", error)]));
    told.extend(room.unwrap_or_else(|error| Some(lost("connections", error))));
    match keys {
        Ok((keys, expected)) => {
            told.extend(keys);
            found.expected = expected;
        }
        Err(error) => told.push(lost("keys", error)),
    }
    found.told.extend(audit.unwrap_or_else(|error| vec![lost("audit log", error)]));
}

async fn in_time<T>(asked: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    tokio::time::timeout(PATIENCE, asked).await.context("no answer within 5 s")?
}

async fn state(examined: &Examined) -> anyhow::Result<Vec<Diagnosis>> {
    let asked = SystemClock.now();
    let state = examined.health.state().await?;
    let now = SystemClock.now();
    let clock = state.clock.map(|there| clock(there, asked, now));
    let partitions = state.partitions_end.map(|end| {
        if end < now.plus(AHEAD) {
            let sentence = format!(
                "they are made until {end} only: later rows cannot be dropped when their time is over; look why the job `partitions` of `serve` fails (its log, its rights)"
            );
            Diagnosis::wrong("partitions", sentence)
        } else {
            Diagnosis::ok("partitions", format!("made ahead until {end}"))
        }
    });
    Ok(clock.into_iter().chain(partitions).collect())
}

fn clock(there: UnixTime, asked: UnixTime, answered: UnixTime) -> Diagnosis {
    let apart = asked.since(there).max(there.since(answered));
    if apart < SKEW {
        return Diagnosis::ok("clock", "that of the database agrees with that of this machine");
    }
    let sentence = format!(
        "it is {} s from that of the database: codes and tokens end too early or too late, and no replica here becomes ready; run NTP on both",
        apart.as_secs()
    );
    Diagnosis::wrong("clock", sentence)
}

async fn commits(examined: &Examined, alone_is_meant: bool) -> anyhow::Result<Vec<Diagnosis>> {
    let Some(safety) = examined.health.commits().await? else { return Ok(Vec::new()) };
    let mut told = Vec::new();
    if !safety.disk {
        told.push(Diagnosis::wrong(
            "commits",
            "PostgreSQL does not wait for its disk: a crash forgets what was used and revoked, and it could be used again; set fsync and full_page_writes to on",
        ));
    }
    if !safety.standby && !alone_is_meant {
        told.push(Diagnosis::warn(
            "commits",
            "PostgreSQL has no synchronous standby: a fail-over forgets what was used and revoked; set synchronous_standby_names, or say that it is meant by storage.sql_standby = \"none\"",
        ));
    }
    if told.is_empty() {
        told.push(Diagnosis::ok("commits", "what was acknowledged survives as the settings say"));
    }
    Ok(told)
}

async fn room(examined: &Examined) -> anyhow::Result<Option<Diagnosis>> {
    let Some(allowed) = examined.health.connections().await? else { return Ok(None) };
    let replicas = allowed.saturating_sub(OF_OTHERS) / OF_ONE;
    Ok(Some(if replicas < 2 {
        let sentence = format!(
            "PostgreSQL allows {allowed} connections, enough for {replicas} replicas of {OF_ONE}: while one replaces another both need theirs; raise max_connections"
        );
        Diagnosis::warn("connections", sentence)
    } else {
        let sentence = format!("PostgreSQL allows {allowed} connections, enough for {replicas} replicas");
        Diagnosis::ok("connections", sentence)
    }))
}
