//! The runs of the directory import. A run belongs to the process that claimed it last: each of its transactions
//! looks at the claim first.

use std::time::{Duration, Instant};

use async_trait::async_trait;
use uuid::Uuid;

use super::db::Engine;
use super::directory_walk::Walk;
use super::row::{corrupt, millis};
use super::statements_directory::{
    BLOCK_CLEAR, RUN_ACTIVE, RUN_ADVANCE, RUN_DROP_REFUSED, RUN_INSERT, RUN_LAST, RUN_LAST_WHOLE, RUN_OWNED,
    RUN_OWNED_LOCKED, RUN_POSITION, RUN_TAKE,
};
use super::store::Store;
use super::write::Write;
use super::{directory_apply, directory_merge, directory_staging};
use crate::audit::AuditEvent;
use crate::base::{RunId, UnixTime};
use crate::identity::{ExtractSize, IdentifierChange, Wholeness};
use crate::ports::{
    Directory, DirectoryBatch, DirectoryRun, DirectoryWalk, MergeOutcome, PortError, PortResult, RunClaim,
    RunNumbers, RunState, StagedLine,
};

pub(super) struct SqlDirectory(pub(super) Store);

#[async_trait]
impl Directory for SqlDirectory {
    async fn begin(&self, claim: RunClaim, event: &AuditEvent) -> PortResult<bool> {
        let mut write = self.0.write().await?;
        let now = write.now().millis();
        on!(write.connection(), |c| sqlx::query_as::<_, ()>(RUN_DROP_REFUSED).bind(now).fetch_optional(c))?;
        let begun = on!(write.connection(), |c| sqlx::query_as::<_, ()>(RUN_INSERT)
            .bind(claim.run.uuid())
            .bind(RunState::Staging.as_str())
            .bind(claim.owner)
            .bind(now)
            .bind(START)
            .bind(written(&RunNumbers::default())?)
            .fetch_optional(c))?;
        if begun.is_none() {
            return Ok(false);
        }
        write.commit(event).await?;
        Ok(true)
    }

    async fn active(&self) -> PortResult<Option<DirectoryRun>> {
        self.run(RUN_ACTIVE).await
    }

    async fn last(&self) -> PortResult<Option<DirectoryRun>> {
        self.run(RUN_LAST).await
    }

    async fn last_whole(&self) -> PortResult<Option<ExtractSize>> {
        Ok(self.run(RUN_LAST_WHOLE).await?.map(|run| run.numbers.size))
    }

    async fn take_over(&self, claim: RunClaim, event: &AuditEvent) -> PortResult<bool> {
        let mut write = self.0.write().await?;
        let taken = on!(write.connection(), |c| sqlx::query_as::<_, ()>(RUN_TAKE)
            .bind(claim.run.uuid())
            .bind(claim.owner)
            .fetch_optional(c))?;
        if taken.is_none() {
            return Ok(false);
        }
        write.commit(event).await?;
        Ok(true)
    }

    async fn stage(&self, claim: RunClaim, chunk: u32, lines: Vec<StagedLine>) -> PortResult<()> {
        directory_staging::stage(&self.0, claim, chunk, lines).await
    }

    async fn advance(
        &self,
        claim: RunClaim,
        state: RunState,
        numbers: &RunNumbers,
        event: &AuditEvent,
    ) -> PortResult<()> {
        let mut write = self.0.write().await?;
        let ended = state.is_over().then(|| write.now());
        on!(write.connection(), |c| sqlx::query_as::<_, ()>(RUN_ADVANCE)
            .bind(claim.run.uuid())
            .bind(claim.owner)
            .bind(state.as_str())
            .bind(!state.is_over())
            .bind(millis(ended))
            .bind(numbers.wholeness == Wholeness::Whole)
            .bind(written(numbers)?)
            .fetch_optional(c))?
        .ok_or(PortError::Conflict)?;
        write.commit(event).await
    }

    async fn walk(&self, run: &DirectoryRun) -> PortResult<Box<dyn DirectoryWalk>> {
        let position: Vec<u8> =
            on!(self.0.db.reader(), |c| sqlx::query_scalar(RUN_POSITION).bind(run.id.uuid()).fetch_one(c))?;
        Ok(Box::new(Walk::new(self.0.clone(), run.id, run.numbers.chunks, &position)))
    }

    async fn apply(&self, claim: RunClaim, batch: &DirectoryBatch) -> PortResult<()> {
        directory_apply::apply(&self.0, claim, batch).await
    }

    async fn clear(&self) -> PortResult<()> {
        loop {
            let began = Instant::now();
            let gone: Vec<(i64,)> =
                on!(self.0.db.writer(), |c| sqlx::query_as(BLOCK_CLEAR).bind(CLEARED_AT_ONCE).fetch_all(c))?;
            if gone.is_empty() {
                return Ok(());
            }
            self.0.let_others_write(began.elapsed()).await;
        }
    }

    async fn merge(&self, change: &IdentifierChange, event: &AuditEvent) -> PortResult<MergeOutcome> {
        directory_merge::merge(&self.0, change, event).await
    }
}

impl SqlDirectory {
    async fn run(&self, statement: &'static str) -> PortResult<Option<DirectoryRun>> {
        let row: Option<StoredRun> =
            on!(self.0.db.reader(), |c| sqlx::query_as(statement).fetch_optional(c))?;
        row.map(read).transpose()
    }
}

impl Store {
    /// A pause after a transaction that took `busy`. Processes that share a SQLite file find its one writer's place
    /// by trying: a long row of transactions would leave them none.
    pub(super) async fn let_others_write(&self, busy: Duration) {
        if matches!(self.db.engine(), Engine::Sqlite(_)) {
            tokio::time::sleep(busy / 3).await;
        }
    }
}

/// Refuses to go on in a run that another process has taken over or ended.
pub(super) async fn hold(write: &mut Write<'_>, claim: RunClaim) -> PortResult<()> {
    let text = write.text(RUN_OWNED, RUN_OWNED_LOCKED);
    on!(write.connection(), |c| sqlx::query_as::<_, ()>(text)
        .bind(claim.run.uuid())
        .bind(claim.owner)
        .fetch_optional(c))?
    .ok_or(PortError::Conflict)
}

pub(super) fn written(numbers: &RunNumbers) -> PortResult<String> {
    serde_json::to_string(numbers).map_err(|_| corrupt("a run's numbers have no JSON form"))
}

type StoredRun = (Uuid, String, i64, Option<i64>, String);

fn read((id, state, began, ended, numbers): StoredRun) -> PortResult<DirectoryRun> {
    Ok(DirectoryRun {
        id: RunId::from_uuid(id),
        state: RunState::from_stored(&state).ok_or_else(|| corrupt("a run's state is unknown"))?,
        began: UnixTime::from_millis(began),
        ended: super::row::time(ended),
        numbers: serde_json::from_str(&numbers).map_err(|_| corrupt("a run's numbers are malformed"))?,
    })
}

/// Before the first person.
const START: &[u8] = &[];
/// Of 64 KiB each.
const CLEARED_AT_ONCE: i64 = 16;
