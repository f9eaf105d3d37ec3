//! Redis, as its servers tell of themselves.

use super::super::open;
use super::{Diagnosis, PATIENCE};
use crate::adapter::redis::{ServerReport, survey};
use crate::app::Ephemeral;
use crate::config::{Config, Documents, RedisServers, Sql};

const CHECK: &str = "redis";

/// The servers of the settings.
pub(super) async fn examine(config: &Config, documents: &Documents) -> Vec<Diagnosis> {
    let (Ephemeral::Redis(settings), Some(redis)) =
        (open::ephemeral(config, documents), &config.storage.redis)
    else {
        return vec![without(config)];
    };
    let reports = match tokio::time::timeout(PATIENCE, survey(&settings)).await {
        Ok(Ok(reports)) => reports,
        Ok(Err(error)) => return vec![gone(&error.to_string())],
        Err(_) => return vec![gone("no answer within 5 s")],
    };
    let alone = matches!(redis.servers, RedisServers::One(_));
    let mut told: Vec<_> = reports.iter().flat_map(|report| of_one(report, alone)).collect();
    if told.is_empty() {
        let count = reports.len();
        told.push(Diagnosis::ok(CHECK, format!("{count} primary answers, evicts nothing and takes writes")));
    }
    told
}

fn without(config: &Config) -> Diagnosis {
    match config.storage.sql {
        Sql::Sqlite(_) => Diagnosis::ok(CHECK, "none: sign-ins under way are kept in the one process"),
        Sql::Postgres(_) => Diagnosis::warn(
            CHECK,
            "none: sign-ins under way are kept in each process, so a second replica would not know them; set storage.redis before you start one",
        ),
    }
}

fn gone(reason: &str) -> Diagnosis {
    let sentence = format!(
        "it cannot be asked ({reason}): nobody can sign in; look at the server, storage.redis and its password, and the network between"
    );
    Diagnosis::wrong(CHECK, sentence)
}

fn of_one(report: &ServerReport, alone: bool) -> Vec<Diagnosis> {
    let at = report.at.as_ref().map(|at| format!("{at}: ")).unwrap_or_default();
    let mut told = Vec::new();
    if let Some(refusal) = &report.refusal {
        let sentence = format!("{at}{refusal}; `serve` refuses it: change the server");
        told.push(Diagnosis::wrong(CHECK, sentence));
    }
    if report.cannot_save {
        let sentence = format!(
            "{at}its last write to disk failed, and it may refuse writes until one works: look at the space on its disk and at its log"
        );
        told.push(Diagnosis::wrong(CHECK, sentence));
    }
    let (used, most) = report.memory;
    if most > 0 && used.saturating_mul(5) > most.saturating_mul(4) {
        let sentence = format!(
            "{at}{used} of {most} bytes of memory are in use: when it is full nobody can begin to sign in; raise maxmemory"
        );
        told.push(Diagnosis::warn(CHECK, sentence));
    }
    if !alone && !report.guarded {
        let sentence = format!(
            "{at}it takes writes while it is cut off from its replicas, and a failover loses them: set min-replicas-to-write to 1 on every server"
        );
        told.push(Diagnosis::warn(CHECK, sentence));
    }
    if !alone && report.replicas == 0 {
        let sentence = format!("{at}no replica follows it: if it dies nobody can sign in; start one");
        told.push(Diagnosis::warn(CHECK, sentence));
    }
    told
}
