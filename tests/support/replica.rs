//! Another process over the same stores, which knows nothing of what this one has noted.

use std::sync::Arc;

use axum::Router;
use sceau::flow::{
    Cutoffs, DroppedRows, HealthMemory, Keyring, KnownClients, Provider, Watchers, WrittenMetadata,
};
use sceau::http::{AppState, HttpLimits, router};
use sceau::ports::Ports;

use super::Harness;

impl Harness {
    /// A provider that shares the stores, with its ports changed by `change`.
    pub(crate) async fn replica(&self, change: impl FnOnce(&mut Ports)) -> Provider {
        let provider = &self.provider;
        let mut ports = provider.ports.clone();
        change(&mut ports);
        let records = ports.keys.list().await.unwrap();
        Provider {
            ports,
            policy: provider.policy.clone(),
            keyring: Keyring::new(records, (*provider.keyring.symmetric()).clone(), provider.now()),
            cutoffs: Cutoffs::default(),
            storage: provider.storage.clone(),
            watchers: Watchers::default(),
            health: HealthMemory::default(),
            clients: KnownClients::default(),
            written_metadata: WrittenMetadata::default(),
            dropped: DroppedRows::default(),
            client_pace: None,
        }
    }
}

/// The router of another process.
pub(crate) fn routes(provider: Arc<Provider>) -> Router {
    let state = AppState {
        provider,
        trusted_proxies: Arc::new([]),
        leaving: sceau::http::Leaving::default(),
        mobile_origins: Arc::new([]),
    };
    router(state, &HttpLimits::default())
}
