//! Registered clients.

use async_trait::async_trait;

use super::PortResult;
use crate::audit::AuditEvent;
use crate::base::ClientId;
use crate::oauth::Client;

/// Store of clients, durable.
#[async_trait]
pub trait Clients: Send + Sync {
    /// The client, enabled or not.
    async fn find(&self, id: &ClientId) -> PortResult<Option<Client>>;
    /// Adds or replaces a client.
    async fn upsert(&self, client: &Client, event: &AuditEvent) -> PortResult<()>;
    /// Every client by identifier.
    async fn list(&self) -> PortResult<Vec<Client>>;
}
