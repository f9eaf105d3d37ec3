//! Registered clients as this replica knows them: read again after a second, so that what was changed elsewhere, or
//! disabled, counts everywhere well within the five seconds of a revocation (design decision 15).
//!
//! Only clients that exist are remembered: unknown identifiers, of which strangers make up any number, are not.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
use std::time::Duration;

use crate::base::{ClientId, UnixTime};
use crate::oauth::Client;
use crate::ports::PortResult;

use super::Provider;

/// Knowledge older than this is read again.
const FRESH: Duration = Duration::from_secs(1);
/// Clients remembered at most; beyond it all are forgotten and read again.
const MOST: usize = 10_000;

/// The cache of clients.
#[derive(Default)]
pub struct KnownClients {
    known: RwLock<HashMap<ClientId, Known>>,
}

struct Known {
    client: Arc<Client>,
    read_at: UnixTime,
}

impl KnownClients {
    fn fresh(&self, id: &ClientId, now: UnixTime) -> Option<Arc<Client>> {
        let known = self.read();
        // A clock that went back makes the age unknown: read again.
        let found = known.get(id).filter(|known| now >= known.read_at && now.since(known.read_at) <= FRESH);
        found.map(|known| Arc::clone(&known.client))
    }

    fn remember(&self, client: &Arc<Client>, read_at: UnixTime) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST {
            known.clear();
        }
        known.insert(client.client_id.clone(), Known { client: Arc::clone(client), read_at });
    }

    /// Reads `id` again when it is next asked for: this replica has just changed it.
    pub(super) fn forget(&self, id: &ClientId) {
        self.known.write().unwrap_or_else(PoisonError::into_inner).remove(id);
    }

    fn read(&self) -> RwLockReadGuard<'_, HashMap<ClientId, Known>> {
        self.known.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Provider {
    /// The client registered as `id`, enabled or not, as it was a second ago at most.
    pub(super) async fn registered_client(&self, id: &ClientId) -> PortResult<Option<Arc<Client>>> {
        let now = self.now();
        if let Some(client) = self.clients.fresh(id, now) {
            return Ok(Some(client));
        }
        let Some(client) = self.ports.clients.find(id).await?.map(Arc::new) else {
            self.clients.forget(id);
            return Ok(None);
        };
        self.clients.remember(&client, now);
        Ok(Some(client))
    }
}
