//! A few persons changed by the directory, in one transaction with the run's place.

use std::time::Instant;

use super::directory::{hold, written};
use super::persons::StoredPerson;
use super::revocation::cut;
use super::rivals::insisting;
use super::row::corrupt;
use super::statements_directory::{
    PERSON_DEACTIVATE, PERSON_FOR_CHANGE, PERSON_FOR_CHANGE_LOCKED, PERSON_IMPORT, PERSON_RECORD,
    RUN_PROGRESS,
};
use super::store::Store;
use super::write::Write;
use crate::audit::AuditEvent;
use crate::base::PersonId;
use crate::identity::{Person, PersonStatus, Professional};
use crate::ports::{
    Cutoff, CutoffScope, DirectoryBatch, DirectoryChange, PortError, PortResult, RecordDigest, RunClaim,
};

pub(super) async fn apply(store: &Store, claim: RunClaim, batch: &DirectoryBatch) -> PortResult<()> {
    // Who signs in holds a person for a moment: that is nobody else's import.
    insisting(|| try_apply(store, claim, batch)).await
}

async fn try_apply(store: &Store, claim: RunClaim, batch: &DirectoryBatch) -> PortResult<()> {
    let began = Instant::now();
    let mut write = store.write().await?;
    hold(&mut write, claim).await?;
    let mut events: Vec<&AuditEvent> = Vec::new();
    for change in &batch.changes {
        events.extend(apply_one(store, &mut write, change).await?);
    }
    on!(write.connection(), |c| sqlx::query_as::<_, ()>(RUN_PROGRESS)
        .bind(claim.run.uuid())
        .bind(claim.owner)
        .bind(batch.upto.as_slice())
        .bind(written(&batch.numbers)?)
        .fetch_optional(c))?
    .ok_or(PortError::Conflict)?;
    write.commit_all(events.into_iter()).await?;
    store.let_others_write(began.elapsed()).await;
    Ok(())
}

/// The event of a change that needs one.
async fn apply_one<'a>(
    store: &Store,
    write: &mut Write<'_>,
    change: &'a DirectoryChange,
) -> PortResult<Option<&'a AuditEvent>> {
    match change {
        DirectoryChange::Create(person, digest) => {
            create(store, write, person, digest).await?;
            Ok(None)
        }
        DirectoryChange::Update { id, professional, digest, returned } => {
            let back = update(store, write, *id, (professional, digest)).await?;
            Ok(back.then_some(returned))
        }
        DirectoryChange::Deactivate(id, event) => {
            let left = on!(write.connection(), |c| sqlx::query_as::<_, ()>(PERSON_DEACTIVATE)
                .bind(id.uuid())
                .fetch_optional(c))?;
            if left.is_none() {
                return Ok(None); // locked in the meantime
            }
            cut(write, &Cutoff { scope: CutoffScope::Person(*id), at: event.at }).await?;
            Ok(Some(event))
        }
    }
}

async fn create(
    store: &Store,
    write: &mut Write<'_>,
    person: &Person,
    digest: &RecordDigest,
) -> PortResult<()> {
    let professional = person.professional().ok_or_else(|| corrupt("not a professional"))?;
    on!(write.connection(), |c| sqlx::query_as::<_, ()>(PERSON_IMPORT)
        .bind(person.id.uuid())
        .bind(store.national_index(&professional.national_id).as_slice())
        .bind(person.status.as_str())
        .bind(store.seal_person(person)?)
        .bind(digest.as_slice())
        .fetch_optional(c))?
    .ok_or(PortError::Conflict)
}

/// Whether the person had left before. Identifier, seed, other identifiers and a lock stay.
async fn update(
    store: &Store,
    write: &mut Write<'_>,
    id: PersonId,
    (professional, digest): (&Professional, &RecordDigest),
) -> PortResult<bool> {
    let text = write.text(PERSON_FOR_CHANGE, PERSON_FOR_CHANGE_LOCKED);
    let row: Option<StoredPerson> =
        on!(write.connection(), |c| sqlx::query_as(text).bind(id.uuid()).fetch_optional(c))?;
    let mut person = store.person(&row.ok_or(PortError::Conflict)?).await?;
    let back = person.status == PersonStatus::Deactivated;
    if back {
        person.status = PersonStatus::Active;
    }
    let known = person.professional_mut().ok_or_else(|| corrupt("not a professional"))?;
    let other_ids = std::mem::take(&mut known.other_ids);
    *known = Professional { other_ids, ..professional.clone() };
    on!(write.connection(), |c| sqlx::query_as::<_, ()>(PERSON_RECORD)
        .bind(id.uuid())
        .bind(person.status.as_str())
        .bind(store.seal_person(&person)?)
        .bind(digest.as_slice())
        .fetch_optional(c))?;
    Ok(back)
}
