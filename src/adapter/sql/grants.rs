//! Grants, families and consents, to read; and the memory of consents. A grant is sealed as a whole.

use async_trait::async_trait;
use uuid::Uuid;

use super::row::{corrupt, counter, hash, thumbprint};
use super::statements::{CONSENT_FIND, CONSENT_UPSERT, FAMILY_FIND};
use super::store::Store;
use crate::audit::AuditEvent;
use crate::base::{ClientId, FamilyId, PersonId, UnixTime};
use crate::oauth::{Family, ScopeSet};
use crate::ports::{Consent, Grant, Grants, PortResult, StoredFamily};

pub(super) struct SqlGrants(pub(super) Store);

#[async_trait]
impl Grants for SqlGrants {
    async fn family(&self, id: FamilyId) -> PortResult<Option<StoredFamily>> {
        let row: Option<FamilyRow> =
            on!(self.0.db.reader(), |c| sqlx::query_as(FAMILY_FIND).bind(id.uuid()).fetch_optional(c))?;
        row.map(|row| self.read(row)).transpose()
    }

    async fn consent(&self, person: PersonId, client: &ClientId) -> PortResult<Option<Consent>> {
        let row: Option<(String, i64)> = on!(self.0.db.reader(), |c| sqlx::query_as(CONSENT_FIND)
            .bind(person.uuid())
            .bind(client.as_str())
            .fetch_optional(c))?;
        row.map(|(scope, at)| {
            let scope = ScopeSet::parse(&scope).map_err(|_| corrupt("a consent's scope is malformed"))?;
            Ok(Consent { person, client: client.clone(), scope, at: UnixTime::from_millis(at) })
        })
        .transpose()
    }

    async fn remember_consent(&self, consent: &Consent, event: &AuditEvent) -> PortResult<()> {
        let mut write = self.0.write().await?;
        on!(write.connection(), |c| sqlx::query_as::<_, ()>(CONSENT_UPSERT)
            .bind(consent.person.uuid())
            .bind(consent.client.as_str())
            .bind(consent.scope.to_string())
            .bind(consent.at.millis())
            .fetch_optional(c))?;
        write.commit(event).await
    }
}

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
    /// `dead` is true when the family or its grant is.
    fn read(&self, row: FamilyRow) -> PortResult<StoredFamily> {
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
        let grant = self.0.open_grant(row.grant_id, &row.sealed)?;
        Ok(StoredFamily { family, grant, current_sealed: row.current_sealed })
    }
}

impl Store {
    pub(super) fn seal_grant(&self, grant: &Grant) -> PortResult<Vec<u8>> {
        self.seal(SEALED, grant.id.uuid().as_bytes(), grant)
    }

    fn open_grant(&self, id: Uuid, sealed: &[u8]) -> PortResult<Grant> {
        self.open(SEALED, id.as_bytes(), sealed)
    }
}

const SEALED: &str = "grants/sealed";
