//! What passes the gate in a group: redemptions, rotations and decisions in whose way nothing stands, all of a kind by one
//! call of a function of PostgreSQL (migration 0009).
//!
//! Of one that does not pass nothing has happened: it is taken step by step, which finds the reason and records it. SQLite,
//! which no network is in front of, takes each step by step.

use uuid::Uuid;

use super::db::Engine;
use super::fence::presented_name;
use super::postgres::stated;
use super::standing::{artefact_lock, session_lock};
use super::statements_gate::{GATE_DECIDE, GATE_ISSUE, GATE_ROTATE};
use super::write::Write;
use crate::base::{DeviceId, TokenHash, UnixTime};
use crate::ports::{Decision, Fence, Grant, IssuanceRecord, IssuePlan, PortResult, RotatePlan};

/// One of a group.
pub(super) enum Passing {
    /// A redemption.
    Issue(Box<Issue>),
    /// A rotation.
    Rotate(Box<Rotate>),
    /// A decision.
    Decide(Box<Decide>),
}

/// A redemption.
pub(super) struct Issue {
    fence: Fence,
    presented: [u8; 32],
    standing: Standing,
    agreed: UnixTime,
    created: UnixTime,
    sealed: Vec<u8>,
    family: Option<Family>,
    record: IssuanceRecord,
}

struct Family {
    id: Uuid,
    current: TokenHash,
    sealed: Vec<u8>,
    jkt: Option<Vec<u8>>,
    absolute_expiry: UnixTime,
    idle_expiry: UnixTime,
}

/// A rotation.
pub(super) struct Rotate {
    standing: Standing,
    family: Uuid,
    generation: i64,
    presented: TokenHash,
    next: (TokenHash, Vec<u8>),
    idle_expiry: UnixTime,
    record: IssuanceRecord,
}

/// A decision.
pub(super) struct Decide {
    approval: Uuid,
    fences: [Fence; 2],
    device: Uuid,
    person: Uuid,
    sign_count: i64,
    at: UnixTime,
    proof: Vec<u8>,
    evidence: Vec<u8>,
}

/// Whose standing is looked at.
struct Standing {
    grant: Uuid,
    sid: Uuid,
    session: i64,
    person: Uuid,
    client: String,
    device: Option<Uuid>,
    authenticated: UnixTime,
    represented: Option<(Uuid, UnixTime)>,
}

impl Passing {
    /// `plan`, whose grant is `sealed`.
    pub(super) fn issue(plan: &IssuePlan, sealed: Vec<u8>) -> Self {
        let family = plan.family.as_ref().map(|family| Family {
            id: family.id.uuid(),
            current: family.current,
            sealed: family.current_sealed.clone(),
            jkt: family.jkt.as_ref().map(|jkt| jkt.as_bytes().to_vec()),
            absolute_expiry: family.absolute_expiry,
            idle_expiry: family.idle_expiry,
        });
        Self::Issue(Box::new(Issue {
            fence: plan.fence,
            presented: presented_name(plan.fence.kind, &plan.fence.hash, &plan.grant.client),
            standing: Standing::of(&plan.grant),
            agreed: plan.agreed,
            created: plan.grant.created,
            sealed,
            family,
            record: plan.record.clone(),
        }))
    }

    /// `plan`, which replaces the token of `generation`.
    pub(super) fn rotate(plan: &RotatePlan, generation: i64) -> Self {
        Self::Rotate(Box::new(Rotate {
            standing: Standing::of(&plan.grant),
            family: plan.family.uuid(),
            generation,
            presented: plan.presented,
            next: plan.next.clone(),
            idle_expiry: plan.idle_expiry,
            record: plan.record.clone(),
        }))
    }

    /// `decision`, with the fences of its approval and its challenge, its proof and its evidence sealed.
    pub(super) fn decide(
        decision: &Decision,
        fences: [Fence; 2],
        (proof, evidence): (Vec<u8>, Vec<u8>),
    ) -> Self {
        Self::Decide(Box::new(Decide {
            approval: decision.approval.uuid(),
            fences,
            device: decision.device.uuid(),
            person: decision.proof.person.uuid(),
            sign_count: i64::from(decision.sign_count),
            at: decision.evidence.decided_at,
            proof,
            evidence,
        }))
    }
}

impl Standing {
    fn of(grant: &Grant) -> Self {
        Self {
            grant: grant.id.uuid(),
            sid: grant.sid.uuid(),
            session: session_lock(grant.sid),
            person: grant.person.uuid(),
            client: grant.client.as_str().to_owned(),
            device: grant.proof.device.map(DeviceId::uuid),
            authenticated: grant.proof.auth_time,
            represented: grant.on_behalf_of.map(|behalf| (behalf.person.uuid(), behalf.since)),
        }
    }
}

/// Lets `group` pass, within `write`: for each of it whether it did. Decisions first, for they lock a phone for a change.
pub(super) async fn pass(write: &mut Write<'_>, group: &[Option<&Passing>]) -> PortResult<Vec<bool>> {
    let decided = decide_all(
        write,
        &of_kind(group, |one| if let Passing::Decide(it) = one { Some(&**it) } else { None }),
    )
    .await?;
    let issued = issue_all(
        write,
        &of_kind(group, |one| if let Passing::Issue(it) = one { Some(&**it) } else { None }),
    )
    .await?;
    let rotated = rotate_all(
        write,
        &of_kind(group, |one| if let Passing::Rotate(it) = one { Some(&**it) } else { None }),
    )
    .await?;
    let (mut decided, mut issued, mut rotated) =
        (decided.into_iter(), issued.into_iter(), rotated.into_iter());
    let outcome = group.iter().map(|one| match one {
        None => Some(true),
        Some(Passing::Decide(_)) => decided.next(),
        Some(Passing::Issue(_)) => issued.next(),
        Some(Passing::Rotate(_)) => rotated.next(),
    });
    Ok(outcome.map(|passed| passed == Some(true)).collect())
}

fn of_kind<'a, Kind>(
    group: &[Option<&'a Passing>],
    kind: impl Fn(&'a Passing) -> Option<&'a Kind>,
) -> Vec<&'a Kind> {
    group.iter().copied().flatten().filter_map(kind).collect()
}

async fn issue_all(write: &mut Write<'_>, group: &[&Issue]) -> PortResult<Vec<bool>> {
    let Engine::Postgres(server) = write.connection() else { return Ok(Vec::new()) };
    if group.is_empty() {
        return Ok(Vec::new());
    }
    let families = |value: fn(&Family) -> &[u8]| column(group, move |one| one.family.as_ref().map(value));
    let passed = sqlx::query_scalar(GATE_ISSUE)
        .bind(column(group, |one| artefact_lock(&one.fence.hash).0))
        .bind(column(group, |one| artefact_lock(&one.fence.hash).1))
        .bind(column(group, |one| one.standing.session))
        .bind(column(group, |one| one.fence.kind.as_str()))
        .bind(column(group, |one| one.fence.hash.as_bytes().as_slice()))
        .bind(column(group, |one| one.fence.life.until.millis()))
        .bind(column(group, |one| one.fence.life.expires.millis()))
        .bind(column(group, |one| one.presented.as_slice()))
        .bind(column(group, |one| one.standing.grant))
        .bind(column(group, |one| one.standing.sid))
        .bind(column(group, |one| one.standing.person))
        .bind(column(group, |one| one.standing.client.as_str()))
        .bind(column(group, |one| one.standing.device))
        .bind(column(group, |one| one.standing.authenticated.millis()))
        .bind(column(group, |one| one.standing.represented.map(|(person, _)| person)))
        .bind(column(group, |one| one.standing.represented.map(|(_, since)| since.millis())))
        .bind(column(group, |one| one.agreed.millis()))
        .bind(column(group, |one| one.created.millis()))
        .bind(column(group, |one| one.sealed.as_slice()))
        .bind(column(group, |one| one.family.as_ref().map(|family| family.id)))
        .bind(families(|family| family.current.as_bytes()))
        .bind(families(|family| &family.sealed))
        .bind(column(group, |one| one.family.as_ref().and_then(|family| family.jkt.as_deref())))
        .bind(column(group, |one| one.family.as_ref().map(|family| family.absolute_expiry.millis())))
        .bind(column(group, |one| one.family.as_ref().map(|family| family.idle_expiry.millis())))
        .bind(column(group, |one| one.record.jti.as_str()))
        .bind(column(group, |one| one.record.kid.as_str()))
        .bind(column(group, |one| one.record.at.millis()))
        .bind(column(group, |one| one.record.kept_until.millis()))
        .fetch_all(&mut *server.executor);
    stated(server.patience, passed).await
}

async fn rotate_all(write: &mut Write<'_>, group: &[&Rotate]) -> PortResult<Vec<bool>> {
    let Engine::Postgres(server) = write.connection() else { return Ok(Vec::new()) };
    if group.is_empty() {
        return Ok(Vec::new());
    }
    let passed = sqlx::query_scalar(GATE_ROTATE)
        .bind(column(group, |one| one.standing.grant))
        .bind(column(group, |one| one.standing.sid))
        .bind(column(group, |one| one.standing.person))
        .bind(column(group, |one| one.standing.client.as_str()))
        .bind(column(group, |one| one.standing.device))
        .bind(column(group, |one| one.standing.authenticated.millis()))
        .bind(column(group, |one| one.standing.represented.map(|(person, _)| person)))
        .bind(column(group, |one| one.standing.represented.map(|(_, since)| since.millis())))
        .bind(column(group, |one| one.family))
        .bind(column(group, |one| one.generation))
        .bind(column(group, |one| one.presented.as_bytes().as_slice()))
        .bind(column(group, |one| one.next.0.as_bytes().as_slice()))
        .bind(column(group, |one| one.next.1.as_slice()))
        .bind(column(group, |one| one.idle_expiry.millis()))
        .bind(column(group, |one| one.record.jti.as_str()))
        .bind(column(group, |one| one.record.kid.as_str()))
        .bind(column(group, |one| one.record.at.millis()))
        .bind(column(group, |one| one.record.kept_until.millis()))
        .fetch_all(&mut *server.executor);
    stated(server.patience, passed).await
}

async fn decide_all(write: &mut Write<'_>, group: &[&Decide]) -> PortResult<Vec<bool>> {
    let Engine::Postgres(server) = write.connection() else { return Ok(Vec::new()) };
    if group.is_empty() {
        return Ok(Vec::new());
    }
    let passed = sqlx::query_scalar(GATE_DECIDE)
        .bind(column(group, |one| one.fences[0].hash.as_bytes().as_slice()))
        .bind(column(group, |one| one.fences[1].hash.as_bytes().as_slice()))
        .bind(column(group, |one| one.fences[0].life.until.millis()))
        .bind(column(group, |one| one.fences[0].life.expires.millis()))
        .bind(column(group, |one| one.device))
        .bind(column(group, |one| one.person))
        .bind(column(group, |one| one.sign_count))
        .bind(column(group, |one| one.approval))
        .bind(column(group, |one| one.at.millis()))
        .bind(column(group, |one| one.proof.as_slice()))
        .bind(column(group, |one| one.evidence.as_slice()))
        .fetch_all(&mut *server.executor);
    stated(server.patience, passed).await
}

fn column<'a, Row, Value>(group: &[&'a Row], value: impl Fn(&'a Row) -> Value) -> Vec<Value> {
    group.iter().map(|one| value(one)).collect()
}
