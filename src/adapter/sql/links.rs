//! Links to accounts at other providers: sealed, found by a keyed hash of issuer and subject.
//!
//! Every change locks the person's row first: a link, a binding of a phone and an issue of tokens that concern one
//! person pass one after the other.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::revocation::cut;
use super::row::corrupt;
use super::statements_people::{
    LINK_DELETE, LINK_FIND, LINK_HELD, LINK_HELD_LOCKED, LINK_INSERT, LINK_LIST, PERSON_CANDIDATES,
    PERSON_LINKABLE, PERSON_LINKABLE_LOCKED, PERSON_LINKED,
};
use super::store::Store;
use super::write::Write;
use crate::audit::AuditEvent;
use crate::base::{LinkId, PersonId, Secret, UnixTime};
use crate::federation::{ProviderId, UpstreamKey, index_material};
use crate::identity::{Person, PersonStatus, Pivot};
use crate::ports::{Cutoff, CutoffScope, Link, LinkCandidate, LinkOutcome, LinkedBy, Links, PortResult};

pub(super) struct SqlLinks(pub(super) Store);

#[async_trait]
impl Links for SqlLinks {
    async fn find(&self, key: &UpstreamKey) -> PortResult<Option<Link>> {
        let index = self.0.link_index(key);
        let row: Option<Row> =
            on!(self.0.db.reader(), |c| sqlx::query_as(LINK_FIND).bind(index.as_slice()).fetch_optional(c))?;
        match row {
            Some(row) => self.0.link(&row).await.map(Some),
            None => Ok(None),
        }
    }

    async fn stands(&self, key: &UpstreamKey, person: PersonId) -> PortResult<bool> {
        let index = self.0.link_index(key);
        // In a writer's place, and nothing is written.
        let mut write = self.0.write().await?;
        let text = write.text(LINK_HELD, LINK_HELD_LOCKED);
        let holder: Option<Uuid> =
            on!(write.connection(), |c| sqlx::query_scalar(text).bind(index.as_slice()).fetch_optional(c))?;
        Ok(holder == Some(person.uuid()))
    }

    async fn of(&self, person: PersonId) -> PortResult<Vec<Link>> {
        let rows: Vec<Row> =
            on!(self.0.db.reader(), |c| sqlx::query_as(LINK_LIST).bind(person.uuid()).fetch_all(c))?;
        let mut links = Vec::with_capacity(rows.len());
        for row in &rows {
            links.push(self.0.link(row).await?);
        }
        Ok(links)
    }

    async fn candidates(&self, pivot: &Pivot) -> PortResult<Vec<LinkCandidate>> {
        let index = self.0.pivot_index(pivot);
        let rows: Vec<LinkableRow> = on!(self.0.db.reader(), |c| sqlx::query_as(PERSON_CANDIDATES)
            .bind(index.as_slice())
            .fetch_all(c))?;
        let mut candidates = Vec::with_capacity(rows.len());
        for row in rows {
            candidates.push(self.0.candidate(row).await?);
        }
        Ok(candidates)
    }

    async fn link_first(
        &self,
        link: &Link,
        cooling_until: UnixTime,
        event: &AuditEvent,
    ) -> PortResult<LinkOutcome> {
        let mut write = self.0.write().await?;
        let found = self.0.linkable(&mut write, link.person).await?;
        if self.0.is_taken(&mut write, &link.key).await? {
            return Ok(LinkOutcome::Taken);
        }
        let unused = found.filter(|candidate| !candidate.has_device && !candidate.has_link);
        let Some(LinkCandidate { person, .. }) = unused else { return Ok(LinkOutcome::Refused) };
        let person = Person { cooling_until: Some(cooling_until), ..person };
        self.0.make(write, (link, &person), event).await
    }

    async fn link_proved(&self, link: &Link, event: &AuditEvent) -> PortResult<LinkOutcome> {
        let mut write = self.0.write().await?;
        let found = self.0.linkable(&mut write, link.person).await?;
        if self.0.is_taken(&mut write, &link.key).await? {
            return Ok(LinkOutcome::Taken);
        }
        let Some(LinkCandidate { person, .. }) = found else { return Ok(LinkOutcome::Refused) };
        self.0.make(write, (link, &person), event).await
    }

    async fn unlink(&self, person: PersonId, link: LinkId, event: &AuditEvent) -> PortResult<bool> {
        let mut write = self.0.write().await?;
        self.0.held(&mut write, person).await?;
        let gone = on!(write.connection(), |c| sqlx::query_as::<_, ()>(LINK_DELETE)
            .bind(link.uuid())
            .bind(person.uuid())
            .fetch_optional(c))?;
        if gone.is_none() {
            return Ok(false);
        }
        // Not the time at which it was asked for: a sign-in by this link may have begun since.
        let at = write.now().max(event.at);
        cut(&mut write, &Cutoff { scope: CutoffScope::Person(person), at }).await?;
        write.commit(event).await?;
        Ok(true)
    }
}

/// Identifier, person, time, sealed link.
type Row = (Uuid, Uuid, i64, Vec<u8>);
/// Identifier, status, sealed person, whether a link was ever made, whether a phone was ever enrolled.
type LinkableRow = (Uuid, String, Vec<u8>, bool, bool);

#[derive(Serialize, Deserialize)]
struct SealedLink {
    provider: String,
    issuer: String,
    subject: String,
    pivot: Option<Pivot>,
    by: StoredBy,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StoredBy {
    FirstMatch,
    BothSides,
}

impl Store {
    /// The blind index of an account at another provider.
    fn link_index(&self, key: &UpstreamKey) -> [u8; 32] {
        self.sealer.mac("link", &[key.index_material().expose()])
    }

    /// The blind index of civil-register traits.
    pub(super) fn pivot_index(&self, pivot: &Pivot) -> [u8; 32] {
        self.sealer.mac("pivot", &[index_material(pivot).expose()])
    }

    async fn link(&self, (id, person, linked_at, sealed): &Row) -> PortResult<Link> {
        let link: SealedLink = self.open(SEALED, id.as_bytes(), sealed).await?;
        Ok(Link {
            id: LinkId::from_uuid(*id),
            person: PersonId::from_uuid(*person),
            provider: ProviderId::parse(&link.provider)
                .map_err(|_| corrupt("a link's provider is malformed"))?,
            key: UpstreamKey::new(link.issuer, Secret::new(link.subject)),
            pivot: link.pivot,
            linked_at: UnixTime::from_millis(*linked_at),
            by: match link.by {
                StoredBy::FirstMatch => LinkedBy::FirstMatch,
                StoredBy::BothSides => LinkedBy::BothSides,
            },
        })
    }

    fn seal_link(&self, link: &Link) -> PortResult<Vec<u8>> {
        let sealed = SealedLink {
            provider: link.provider.as_str().to_owned(),
            issuer: link.key.issuer().to_owned(),
            subject: link.key.subject().expose().to_owned(),
            pivot: link.pivot.clone(),
            by: match link.by {
                LinkedBy::FirstMatch => StoredBy::FirstMatch,
                LinkedBy::BothSides => StoredBy::BothSides,
            },
        };
        self.seal(SEALED, link.id.uuid().as_bytes(), &sealed)
    }

    async fn candidate(
        &self,
        (id, status, sealed, linked, had_device): LinkableRow,
    ) -> PortResult<LinkCandidate> {
        let person = self.person(&(id, status, sealed)).await?;
        Ok(LinkCandidate { person, has_device: had_device, has_link: linked })
    }

    /// Takes the row's lock.
    async fn held(&self, write: &mut Write<'_>, person: PersonId) -> PortResult<Option<LinkCandidate>> {
        let text = write.text(PERSON_LINKABLE, PERSON_LINKABLE_LOCKED);
        let row: Option<LinkableRow> =
            on!(write.connection(), |c| sqlx::query_as(text).bind(person.uuid()).fetch_optional(c))?;
        match row {
            Some(row) => self.candidate(row).await.map(Some),
            None => Ok(None),
        }
    }

    /// The person, when active.
    pub(super) async fn linkable(
        &self,
        write: &mut Write<'_>,
        person: PersonId,
    ) -> PortResult<Option<LinkCandidate>> {
        let found = self.held(write, person).await?;
        Ok(found.filter(|candidate| candidate.person.status == PersonStatus::Active))
    }

    async fn is_taken(&self, write: &mut Write<'_>, key: &UpstreamKey) -> PortResult<bool> {
        let index = self.link_index(key);
        let row: Option<Row> =
            on!(write.connection(), |c| sqlx::query_as(LINK_FIND).bind(index.as_slice()).fetch_optional(c))?;
        Ok(row.is_some())
    }

    /// Another transaction may have made the same link since it was looked for: the index has one place.
    async fn make(
        &self,
        mut write: Write<'_>,
        (link, person): (&Link, &Person),
        event: &AuditEvent,
    ) -> PortResult<LinkOutcome> {
        let row: Option<Uuid> = on!(write.connection(), |c| sqlx::query_scalar(LINK_INSERT)
            .bind(link.id.uuid())
            .bind(link.person.uuid())
            .bind(self.link_index(&link.key).as_slice())
            .bind(link.linked_at.millis())
            .bind(self.seal_link(link)?)
            .fetch_optional(c))?;
        if row.is_none() {
            return Ok(LinkOutcome::Taken);
        }
        on!(write.connection(), |c| sqlx::query_as::<_, ()>(PERSON_LINKED)
            .bind(person.id.uuid())
            .bind(self.seal_person(person)?)
            .fetch_optional(c))?;
        write.commit(event).await?;
        Ok(LinkOutcome::Linked)
    }
}

pub(super) const SEALED: &str = "links/sealed";
