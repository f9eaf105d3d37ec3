//! Refreshes that keep their token, within a group: the new end of idleness of families that live, and the issuance
//! records of what is given. PostgreSQL takes a whole group by two statements.

use std::collections::BTreeSet;

use uuid::Uuid;

use super::db::Engine;
use super::postgres::stated;
use super::statements::{FAMILY_KEEP, FAMILY_KEEP_ALL, ISSUANCE_INSERT, ISSUANCE_INSERT_ALL};
use super::write::Write;
use crate::audit::AuditEvent;
use crate::ports::{KeepPlan, PortResult};

/// A refresh that keeps its token.
pub(super) struct Kept {
    plan: KeepPlan,
    /// What is recorded when its family has died.
    pub(super) refused: AuditEvent,
}

impl Kept {
    pub(super) const fn new(plan: KeepPlan, refused: AuditEvent) -> Self {
        Self { plan, refused }
    }
}

/// Writes what `group` keeps, within `write`. For each of it, whether it stands: its family lives, or it has none.
pub(super) async fn keep_alive(write: &mut Write<'_>, group: &[Option<&Kept>]) -> PortResult<Vec<bool>> {
    let plans: Vec<_> = group.iter().flatten().map(|kept| &kept.plan).collect();
    let alive = match (plans.as_slice(), write.connection()) {
        ([], _) => BTreeSet::new(),
        (plans, Engine::Postgres(_)) => keep_all(write, plans).await?,
        (plans, Engine::Sqlite(_)) => keep_each(write, plans).await?,
    };
    let stands = |kept: Option<&Kept>| kept.is_none_or(|kept| alive.contains(&kept.plan.family.uuid()));
    Ok(group.iter().copied().map(stands).collect())
}

async fn keep_each(write: &mut Write<'_>, plans: &[&KeepPlan]) -> PortResult<BTreeSet<Uuid>> {
    let mut alive = BTreeSet::new();
    for plan in plans {
        let kept: Option<Uuid> = on!(write.connection(), |c| sqlx::query_scalar(FAMILY_KEEP)
            .bind(plan.family.uuid())
            .bind(plan.idle_expiry.millis())
            .fetch_optional(c))?;
        if kept.is_none() {
            continue;
        }
        on!(write.connection(), |c| sqlx::query_as::<_, ()>(ISSUANCE_INSERT)
            .bind(plan.record.jti.as_str())
            .bind(plan.record.kid.as_str())
            .bind(plan.record.at.millis())
            .bind(plan.client.as_str())
            .bind(plan.person.uuid())
            .bind(plan.sid.uuid())
            .bind(plan.grant.uuid())
            .bind(plan.family.uuid())
            .bind(plan.record.kept_until.millis())
            .fetch_optional(c))?;
        alive.insert(plan.family.uuid());
    }
    Ok(alive)
}

async fn keep_all(write: &mut Write<'_>, plans: &[&KeepPlan]) -> PortResult<BTreeSet<Uuid>> {
    let Engine::Postgres(server) = write.connection() else { return Ok(BTreeSet::new()) };
    let kept = sqlx::query_scalar::<_, Uuid>(FAMILY_KEEP_ALL)
        .bind(column(plans, |plan| plan.family.uuid()))
        .bind(column(plans, |plan| plan.idle_expiry.millis()))
        .fetch_all(&mut *server.executor);
    let alive: BTreeSet<Uuid> = stated(server.patience, kept).await?.into_iter().collect();
    let given: Vec<_> = plans.iter().copied().filter(|plan| alive.contains(&plan.family.uuid())).collect();
    if given.is_empty() {
        return Ok(alive);
    }
    let recorded = sqlx::query_as::<_, ()>(ISSUANCE_INSERT_ALL)
        .bind(column(&given, |plan| plan.record.jti.as_str()))
        .bind(column(&given, |plan| plan.record.kid.as_str()))
        .bind(column(&given, |plan| plan.record.at.millis()))
        .bind(column(&given, |plan| plan.client.as_str()))
        .bind(column(&given, |plan| plan.person.uuid()))
        .bind(column(&given, |plan| plan.sid.uuid()))
        .bind(column(&given, |plan| plan.grant.uuid()))
        .bind(column(&given, |plan| plan.family.uuid()))
        .bind(column(&given, |plan| plan.record.kept_until.millis()))
        .fetch_optional(&mut *server.executor);
    stated(server.patience, recorded).await?;
    Ok(alive)
}

fn column<'a, Value>(plans: &[&'a KeepPlan], value: impl Fn(&'a KeepPlan) -> Value) -> Vec<Value> {
    plans.iter().map(|plan| value(plan)).collect()
}
