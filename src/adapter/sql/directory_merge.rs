//! One person under two identifiers: moved to the new one, or two accounts made one (design decision 20).
//!
//! The account that stays keeps identifier, seed and therefore subjects. The other's row stays too, so that what was
//! granted keeps its holder, but under an index that no identity number has.

use super::devices::{SEALED as DEVICE_SEALED, Stored as StoredDevice};
use super::persons::StoredPerson;
use super::revocation::cut;
use super::row::corrupt;
use super::statements_directory::{
    CONSENT_MOVE, DEVICE_MOVE, DEVICE_OF_PERSON, DEVICE_OF_PERSON_LOCKED, PERSON_BY_INDEX,
    PERSON_BY_INDEX_LOCKED, PERSON_IDENTITY, PERSON_RETIRE, PERSON_USED, RUN_ANY_ACTIVE,
};
use super::statements_people::{LINK_MOVE, PERSON_HAD_LINK};
use super::store::Store;
use super::write::Write;
use crate::audit::AuditEvent;
use crate::base::PersonId;
use crate::device::Device;
use crate::identity::{IdentifierChange, Identity, NationalId, Person, PersonStatus};
use crate::ports::{Cutoff, CutoffScope, MergeOutcome, PortError, PortResult};

pub(super) async fn merge(
    store: &Store,
    change: &IdentifierChange,
    event: &AuditEvent,
) -> PortResult<MergeOutcome> {
    let mut write = store.write().await?;
    let run = on!(write.connection(), |c| sqlx::query_as::<_, ()>(RUN_ANY_ACTIVE).fetch_optional(c))?;
    if run.is_some() {
        return Err(PortError::Conflict);
    }
    let from = find(store, &mut write, &change.from).await?;
    let to = find(store, &mut write, &change.to).await?;
    let (outcome, person) = match (from, to) {
        (None, None) => return Ok(MergeOutcome::Unknown),
        (Some(from), None) => (MergeOutcome::Moved, adopt(store, &mut write, from, change).await?),
        (None, Some(to)) if knows(&to, &change.from) => return Ok(MergeOutcome::Unchanged),
        (None, Some(to)) => (MergeOutcome::Noted, adopt(store, &mut write, to, change).await?),
        (Some(from), Some(to)) => unite(store, &mut write, (from, to), change).await?,
    };
    let event = event.clone().with_person(person);
    write.commit_saying(&event, reason(outcome)).await?;
    Ok(outcome)
}

const fn reason(outcome: MergeOutcome) -> &'static str {
    match outcome {
        MergeOutcome::Moved => "identifier_changed",
        MergeOutcome::Merged => "merged",
        MergeOutcome::MergedBothUsed => "merged_both_used",
        MergeOutcome::Noted => "former_identifier_noted",
        MergeOutcome::Unchanged | MergeOutcome::Unknown => "nothing",
    }
}

async fn find(store: &Store, write: &mut Write<'_>, id: &NationalId) -> PortResult<Option<Person>> {
    let text = write.text(PERSON_BY_INDEX, PERSON_BY_INDEX_LOCKED);
    let index = store.national_index(id);
    let row: Option<StoredPerson> =
        on!(write.connection(), |c| sqlx::query_as(text).bind(index.as_slice()).fetch_optional(c))?;
    match row {
        Some(row) => store.person(&row).await.map(Some),
        None => Ok(None),
    }
}

/// The index of an identity number led to somebody who has none.
fn no_professional() -> PortError {
    corrupt("an identity number leads to no professional")
}

fn knows(person: &Person, id: &NationalId) -> bool {
    person
        .professional()
        .is_some_and(|professional| professional.other_ids.iter().any(|other| other.identifiant == *id))
}

/// Gives `person` the new identifier and, among the others, the former one.
async fn adopt(
    store: &Store,
    write: &mut Write<'_>,
    mut person: Person,
    change: &IdentifierChange,
) -> PortResult<PersonId> {
    let known = knows(&person, &change.from);
    let professional = person.professional_mut().ok_or_else(no_professional)?;
    professional.national_id = change.to.clone();
    if !known {
        professional.other_ids.push(change.former());
    }
    on!(write.connection(), |c| sqlx::query_as::<_, ()>(PERSON_IDENTITY)
        .bind(person.id.uuid())
        .bind(store.national_index(&change.to).as_slice())
        .bind(person.status.as_str())
        .bind(store.seal_person(&person)?)
        .fetch_optional(c))?;
    Ok(person.id)
}

/// Makes two persons one.
async fn unite(
    store: &Store,
    write: &mut Write<'_>,
    (from, to): (Person, Person),
    change: &IdentifierChange,
) -> PortResult<(MergeOutcome, PersonId)> {
    let (from_phones, to_phones) = (phones(store, write, from.id).await?, phones(store, write, to.id).await?);
    let (from_used, to_used) = (used(write, from.id).await?, used(write, to.id).await?);
    let mut newest = to.professional().ok_or_else(no_professional)?.clone();
    let from_stays = stays((living(&from_phones), from_used), (living(&to_phones), to_used));
    let ((mut kept, other), moving) =
        if from_stays { ((from, to), to_phones) } else { ((to, from), from_phones) };
    kept.status = united(kept.status, other.status);
    let records = [&kept, &other].map(Person::professional).into_iter().flatten();
    let mut ids = Vec::new();
    for id in records.flat_map(|record| &record.other_ids) {
        if !ids.contains(id) {
            ids.push(id.clone());
        }
    }
    newest.other_ids = ids;
    kept.identity = Identity::Professional(Box::new(newest));
    // Its index first: the other account may have the new identifier.
    let retired = store.sealer.mac("merged_person", &[other.id.uuid().as_bytes()]);
    on!(write.connection(), |c| sqlx::query_as::<_, ()>(PERSON_RETIRE)
        .bind(other.id.uuid())
        .bind(retired.as_slice())
        .fetch_optional(c))?;
    let id = adopt(store, write, kept, change).await?;
    for phone in moving {
        let phone = Device { person: id, ..phone };
        on!(write.connection(), |c| sqlx::query_as::<_, ()>(DEVICE_MOVE)
            .bind(phone.id.uuid())
            .bind(id.uuid())
            .bind(store.seal(DEVICE_SEALED, phone.id.uuid().as_bytes(), &phone)?)
            .fetch_optional(c))?;
    }
    on!(write.connection(), |c| sqlx::query_as::<_, ()>(CONSENT_MOVE)
        .bind(other.id.uuid())
        .bind(id.uuid())
        .fetch_optional(c))?;
    for statement in [LINK_MOVE, PERSON_HAD_LINK] {
        on!(write.connection(), |c| sqlx::query_as::<_, ()>(statement)
            .bind(other.id.uuid())
            .bind(id.uuid())
            .fetch_optional(c))?;
    }
    let at = write.now();
    cut(write, &Cutoff { scope: CutoffScope::Person(other.id), at }).await?;
    let both = from_used && to_used;
    Ok((if both { MergeOutcome::MergedBothUsed } else { MergeOutcome::Merged }, id))
}

/// Whether the account of the former identifier stays, by `(living phone, used)` of each. Services have known it
/// longest, so it stays where nothing speaks for the other.
fn stays(from: (bool, bool), to: (bool, bool)) -> bool {
    from >= to
}

/// An officer's lock survives; a person whom either register knows is active.
fn united(one: PersonStatus, other: PersonStatus) -> PersonStatus {
    if [one, other].contains(&PersonStatus::Locked) {
        return PersonStatus::Locked;
    }
    if [one, other].contains(&PersonStatus::Active) { PersonStatus::Active } else { one }
}

fn living(phones: &[Device]) -> bool {
    phones.iter().any(|phone| phone.status == crate::device::DeviceStatus::Active)
}

async fn phones(store: &Store, write: &mut Write<'_>, person: PersonId) -> PortResult<Vec<Device>> {
    let text = write.text(DEVICE_OF_PERSON, DEVICE_OF_PERSON_LOCKED);
    let rows: Vec<StoredDevice> =
        on!(write.connection(), |c| sqlx::query_as(text).bind(person.uuid()).fetch_all(c))?;
    store.devices(&rows).await
}

async fn used(write: &mut Write<'_>, person: PersonId) -> PortResult<bool> {
    let row = on!(write.connection(), |c| sqlx::query_as::<_, ()>(PERSON_USED)
        .bind(person.uuid())
        .fetch_optional(c))?;
    Ok(row.is_some())
}
