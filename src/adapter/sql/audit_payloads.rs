//! [`AuditPayloads`]: personal values, sealed, and their end.

use async_trait::async_trait;
use serde::Deserialize;
use uuid::Uuid;

use super::row::corrupt;
use super::statements_audit::{PAYLOAD_AGED, PAYLOAD_ERASE, PAYLOAD_FIND};
use super::store::Store;
use crate::audit::{AuditEvent, SaltedField};
use crate::base::{AuditId, Secret, UnixTime, from_base64url};
use crate::ports::{AgedPayload, AuditPayloads, PortResult};

/// The values in one database.
pub(super) struct SqlAuditPayloads(pub(super) Store);

#[async_trait]
impl AuditPayloads for SqlAuditPayloads {
    async fn personal(&self, event: AuditId) -> PortResult<Option<Vec<SaltedField>>> {
        let sealed: Option<Vec<u8>> = on!(self.0.db.reader(), |c| sqlx::query_scalar(PAYLOAD_FIND)
            .bind(event.uuid())
            .fetch_optional(c))?;
        let Some(sealed) = sealed else { return Ok(None) };
        let fields: Vec<Field> =
            self.0.open(super::audit_insert::PAYLOAD, event.uuid().as_bytes(), &sealed).await?;
        fields.into_iter().map(Field::read).collect::<PortResult<_>>().map(Some)
    }

    async fn aged(
        &self,
        before: UnixTime,
        after: Option<(UnixTime, AuditId)>,
        limit: u32,
    ) -> PortResult<Vec<AgedPayload>> {
        let (at, event) = after.map_or((i64::MIN, Uuid::nil()), |(at, event)| (at.millis(), event.uuid()));
        let rows: Vec<(Uuid, i64, String)> = on!(self.0.db.reader(), |c| sqlx::query_as(PAYLOAD_AGED)
            .bind(before.millis())
            .bind(at)
            .bind(event)
            .bind(i64::from(limit))
            .fetch_all(c))?;
        let read = |(event, at, kind)| AgedPayload {
            event: AuditId::from_uuid(event),
            at: UnixTime::from_millis(at),
            kind,
        };
        Ok(rows.into_iter().map(read).collect())
    }

    async fn erase(&self, events: &[AuditId], event: &AuditEvent) -> PortResult<u64> {
        let mut write = self.0.write().await?;
        let mut erased: u64 = 0;
        for id in events {
            let gone: Option<Uuid> = on!(write.connection(), |c| sqlx::query_scalar(PAYLOAD_ERASE)
                .bind(id.uuid())
                .fetch_optional(c))?;
            erased = erased.saturating_add(u64::from(gone.is_some()));
        }
        if erased > 0 {
            write.commit(&event.clone().with_count("erased", erased)).await?;
        }
        Ok(erased)
    }
}

/// As [`super::write`] seals it.
#[derive(Deserialize)]
struct Field {
    name: String,
    salt: String,
    #[serde(with = "crate::base::sealed_text")]
    value: Secret,
}

impl Field {
    fn read(self) -> PortResult<SaltedField> {
        let salt = from_base64url(&self.salt).ok().and_then(|salt| salt.try_into().ok());
        let salt = salt.ok_or_else(|| corrupt("a salt is not 32 bytes"))?;
        Ok(SaltedField { name: self.name, salt, value: self.value })
    }
}
