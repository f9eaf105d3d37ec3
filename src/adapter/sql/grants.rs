//! Grants, families and consents, to read; and the memory of consents. A grant is sealed as a whole.

use async_trait::async_trait;
use uuid::Uuid;

use super::group_read::GroupRead;
use super::revocation::end_grant;
use super::rivals::insisting;
use super::row::{corrupt, counter, hash, thumbprint, word};
use super::statements::{CONSENT_FIND, CONSENT_UPSERT};
use super::statements_directory::{PERSON_FOR_CHANGE, PERSON_FOR_CHANGE_LOCKED};
use super::statements_groups::FAMILY;
use super::statements_people::{CONSENT_DELETE, CONSENT_LIST, CONSENT_WITHDRAW, GRANTS_ALIVE};
use super::statements_representation::{BEHALF_DELETE, BEHALF_FIND, BEHALF_UPSERT};
use super::store::Store;
use crate::audit::AuditEvent;
use crate::base::{FamilyId, GrantId, PersonId, UnixTime};
use crate::identity::GuardianKind;
use crate::oauth::{Family, ScopeSet};
use crate::ports::{Consent, ConsentSubject, Grant, Grants, PortResult, StoredFamily};

pub(super) struct SqlGrants {
    store: Store,
    families: GroupRead<Uuid, FamilyRow>,
}

#[async_trait]
impl Grants for SqlGrants {
    async fn family(&self, id: FamilyId) -> PortResult<Option<StoredFamily>> {
        match self.families.row(id.uuid()).await? {
            Some(row) => self.read(row).await.map(Some),
            None => Ok(None),
        }
    }

    async fn consent(&self, subject: ConsentSubject<'_>) -> PortResult<Option<Consent>> {
        let ConsentSubject { person, on_behalf_of, client } = subject;
        let row: Option<(String, i64, Option<String>)> = match on_behalf_of {
            None => {
                let row: Option<(String, i64)> =
                    on!(self.store.db.reader(), |c| sqlx::query_as(CONSENT_FIND)
                        .bind(person.uuid())
                        .bind(client.as_str())
                        .fetch_optional(c))?;
                row.map(|(scope, at)| (scope, at, None))
            }
            Some(represented) => on!(self.store.db.reader(), |c| sqlx::query_as(BEHALF_FIND)
                .bind(person.uuid())
                .bind(client.as_str())
                .bind(represented.uuid())
                .fetch_optional(c))?,
        };
        row.map(|(scope, at, kind)| {
            let (kind, at) = (kind.as_deref().and_then(GuardianKind::from_stored), UnixTime::from_millis(at));
            let scope = ScopeSet::parse(&scope).map_err(|_| corrupt("a consent's scope is malformed"))?;
            Ok(Consent { person, on_behalf_of, kind, client: client.clone(), scope, at })
        })
        .transpose()
    }

    async fn remember_consent(&self, consent: &Consent, event: &AuditEvent) -> PortResult<()> {
        let mut write = self.store.write().await?;
        match consent.on_behalf_of {
            None => on!(write.connection(), |c| sqlx::query_as::<_, ()>(CONSENT_UPSERT)
                .bind(consent.person.uuid())
                .bind(consent.client.as_str())
                .bind(consent.scope.to_string())
                .bind(consent.at.millis())
                .fetch_optional(c))?,
            Some(represented) => on!(write.connection(), |c| sqlx::query_as::<_, ()>(BEHALF_UPSERT)
                .bind(consent.person.uuid())
                .bind(consent.client.as_str())
                .bind(consent.scope.to_string())
                .bind(consent.at.millis())
                .bind(represented.uuid())
                .bind(consent.kind.map(GuardianKind::as_str))
                .fetch_optional(c))?,
        };
        write.commit(event).await
    }

    async fn consents_of(&self, person: PersonId) -> PortResult<Vec<Consent>> {
        let rows: Vec<ConsentRow> =
            on!(self.store.db.reader(), |c| sqlx::query_as(CONSENT_LIST).bind(person.uuid()).fetch_all(c))?;
        let consents = rows.into_iter().map(|(client, scope, at, represented, kind): ConsentRow| {
            let scope = ScopeSet::parse(&scope).map_err(|_| corrupt("a consent's scope is malformed"))?;
            let client = word(&client, "a consent's client is malformed")?;
            let on_behalf_of = represented.map(PersonId::from_uuid);
            let kind = kind.as_deref().and_then(GuardianKind::from_stored);
            Ok(Consent { person, on_behalf_of, kind, client, scope, at: UnixTime::from_millis(at) })
        });
        consents.collect()
    }

    async fn withdraw_consent(
        &self,
        subject: ConsentSubject<'_>,
        since: UnixTime,
        event: &AuditEvent,
    ) -> PortResult<Option<Vec<GrantId>>> {
        insisting(|| self.try_withdraw(subject, since, event)).await
    }
}

/// Client, scope, time, who is represented, in which quality.
type ConsentRow = (String, String, i64, Option<Uuid>, Option<String>);

#[derive(sqlx::FromRow)]
struct FamilyRow {
    id: Uuid,
    generation: i64,
    current_hash: Vec<u8>,
    previous_hash: Option<Vec<u8>>,
    jkt: Option<Vec<u8>>,
    absolute_expiry: i64,
    idle_expiry: i64,
    dead: bool,
    current_sealed: Vec<u8>,
    grant_id: Uuid,
    sealed: Vec<u8>,
}

impl SqlGrants {
    pub(super) fn new(store: Store) -> Self {
        let families = GroupRead::new(&store.db, FAMILY);
        Self { store, families }
    }

    async fn try_withdraw(
        &self,
        subject: ConsentSubject<'_>,
        since: UnixTime,
        event: &AuditEvent,
    ) -> PortResult<Option<Vec<GrantId>>> {
        let ConsentSubject { person, on_behalf_of, client } = subject;
        let represented = on_behalf_of.map(PersonId::uuid);
        let mut write = self.store.write().await?;
        // An issue under way is waited for, so that what it grants ends too.
        let text = write.text(PERSON_FOR_CHANGE, PERSON_FOR_CHANGE_LOCKED);
        on!(write.connection(), |c| sqlx::query_as::<_, ()>(text).bind(person.uuid()).fetch_optional(c))?;
        let forgotten = match represented {
            None => on!(write.connection(), |c| sqlx::query_as::<_, ()>(CONSENT_DELETE)
                .bind(person.uuid())
                .bind(client.as_str())
                .fetch_optional(c))?,
            Some(represented) => on!(write.connection(), |c| sqlx::query_as::<_, ()>(BEHALF_DELETE)
                .bind(person.uuid())
                .bind(client.as_str())
                .bind(represented)
                .fetch_optional(c))?,
        };
        let rows: Vec<(Uuid,)> = on!(write.connection(), |c| sqlx::query_as(GRANTS_ALIVE)
            .bind(person.uuid())
            .bind(client.as_str())
            .bind(since.millis())
            .bind(represented)
            .fetch_all(c))?;
        if forgotten.is_none() && rows.is_empty() {
            return Ok(None);
        }
        // Codes that rely on it are in no table yet.
        on!(write.connection(), |c| sqlx::query_as::<_, ()>(CONSENT_WITHDRAW)
            .bind(person.uuid())
            .bind(represented.unwrap_or_else(|| person.uuid()))
            .bind(client.as_str())
            .bind(event.at.millis())
            .fetch_optional(c))?;
        let ended: Vec<GrantId> = rows.into_iter().map(|(id,)| GrantId::from_uuid(id)).collect();
        for grant in &ended {
            end_grant(&mut write, *grant, event.at).await?;
        }
        write.commit(event).await?;
        Ok(Some(ended))
    }

    /// `dead` is true when the family or its grant is.
    async fn read(&self, row: FamilyRow) -> PortResult<StoredFamily> {
        let family = Family {
            id: FamilyId::from_uuid(row.id),
            generation: counter(row.generation)?,
            current: hash(&row.current_hash)?,
            previous: row.previous_hash.as_deref().map(hash).transpose()?,
            jkt: row.jkt.as_deref().map(thumbprint).transpose()?,
            absolute_expiry: UnixTime::from_millis(row.absolute_expiry),
            idle_expiry: UnixTime::from_millis(row.idle_expiry),
            dead: row.dead,
        };
        let grant = self.store.open_grant(row.grant_id, &row.sealed).await?;
        Ok(StoredFamily { family, grant, current_sealed: row.current_sealed })
    }
}

impl Store {
    pub(super) fn seal_grant(&self, grant: &Grant) -> PortResult<Vec<u8>> {
        self.seal(SEALED, grant.id.uuid().as_bytes(), grant)
    }

    async fn open_grant(&self, id: Uuid, sealed: &[u8]) -> PortResult<Grant> {
        self.open(SEALED, id.as_bytes(), sealed).await
    }
}

pub(super) const SEALED: &str = "grants/sealed";
