//! Registered clients. Their metadata holds public keys and hashes of secrets, nothing to seal.

use async_trait::async_trait;

use super::row::corrupt;
use super::statements::{CLIENT_FIND, CLIENT_LIST, CLIENT_UPSERT};
use super::store::Store;
use crate::audit::AuditEvent;
use crate::base::ClientId;
use crate::oauth::Client;
use crate::ports::{Clients, PortResult};

pub(super) struct SqlClients(pub(super) Store);

#[async_trait]
impl Clients for SqlClients {
    async fn find(&self, id: &ClientId) -> PortResult<Option<Client>> {
        let row: Option<Stored> =
            on!(self.0.db.reader(), |c| sqlx::query_as(CLIENT_FIND).bind(id.as_str()).fetch_optional(c))?;
        row.map(read).transpose()
    }

    async fn upsert(&self, client: &Client, event: &AuditEvent) -> PortResult<()> {
        let metadata = serde_json::to_string(client).map_err(|_| corrupt("a client has no JSON form"))?;
        let mut write = self.0.write().await?;
        on!(write.connection(), |c| sqlx::query_as::<_, ()>(CLIENT_UPSERT)
            .bind(client.client_id.as_str())
            .bind(client.enabled)
            .bind(metadata)
            .fetch_optional(c))?;
        write.commit(event).await
    }

    async fn list(&self) -> PortResult<Vec<Client>> {
        let rows: Vec<Stored> = on!(self.0.db.reader(), |c| sqlx::query_as(CLIENT_LIST).fetch_all(c))?;
        rows.into_iter().map(read).collect()
    }
}

type Stored = (bool, String);

/// The column says whether the client is enabled: a revocation changes nothing else.
fn read((enabled, metadata): Stored) -> PortResult<Client> {
    let client =
        serde_json::from_str(&metadata).map_err(|_| corrupt("a client's metadata have another shape"))?;
    Ok(Client { enabled, ..client })
}
