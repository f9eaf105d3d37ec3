//! Another replica within this process, for rehearsals: what separate processes share is shared, what each of them knows by itself
//! is its own.

use std::sync::Arc;

use anyhow::Context as _;

use super::App;
use crate::base::Rate;
use crate::flow::{Cutoffs, HealthMemory, Keyring, Provider, Watchers};
use crate::ports::Keys as _;

impl App {
    /// A provider over the stores of this one, which has read the keys now and knows nothing else of what this one has
    /// noted: a revocation comes to it through the store.
    ///
    /// # Errors
    /// The keys cannot be read.
    pub async fn replica(&self) -> anyhow::Result<Self> {
        let first = &*self.provider;
        let now = first.now();
        let records = self.keys.list().await.context("reading the keys")?;
        let symmetric = (*first.keyring.symmetric()).clone();
        let provider = Provider {
            ports: first.ports.clone(),
            policy: first.policy.clone(),
            keyring: Keyring::new(records, symmetric, now),
            cutoffs: Cutoffs::default(),
            storage: first.storage.clone(),
            watchers: Watchers::default(),
            health: HealthMemory::default(),
            client_pace: Rate::per_second(first.policy.client_rate),
        };
        Ok(Self { provider: Arc::new(provider), ..self.clone() })
    }
}
