//! The ephemeral store that was chosen, as the ports it answers.

use std::sync::Arc;

use anyhow::Context as _;

use super::{Ephemeral, Parts};
use crate::adapter::ephemeral::History;
use crate::adapter::inprocess::InProcess;
use crate::adapter::redis::RedisStore;
use crate::base::UnixTime;
use crate::ports::{
    AccessTokens, Approvals, HighWaterMark, Interactions, OneShot, Replay, Sealing, Sessions, Throttle,
};

/// An open store.
#[derive(Clone)]
pub(super) enum EphemeralStore {
    InProcess(Arc<InProcess>),
    Redis(Arc<RedisStore>),
}

/// The ephemeral ports, all answered by one store.
pub(super) struct EphemeralPorts {
    pub(super) one_shot: Arc<dyn OneShot>,
    pub(super) interactions: Arc<dyn Interactions>,
    pub(super) approvals: Arc<dyn Approvals>,
    pub(super) sessions: Arc<dyn Sessions>,
    pub(super) access_tokens: Arc<dyn AccessTokens>,
    pub(super) replay: Arc<dyn Replay>,
    pub(super) throttle: Arc<dyn Throttle>,
    pub(super) high_water: Arc<dyn HighWaterMark>,
}

impl EphemeralStore {
    pub(super) async fn open(parts: &Parts, storage: &Sealing, history: History) -> anyhow::Result<Self> {
        let (entropy, clock) = (parts.entropy.clone(), parts.clock.clone());
        match &parts.ephemeral {
            Ephemeral::InProcess => {
                Ok(Self::InProcess(Arc::new(InProcess::new(storage.clone(), entropy, clock, history))))
            }
            Ephemeral::Redis(settings) => {
                let store = RedisStore::connect(settings, storage.clone(), entropy, clock, history);
                Ok(Self::Redis(Arc::new(store.await.context("connecting to Redis (storage.redis)")?)))
            }
        }
    }

    pub(super) fn ports(&self) -> EphemeralPorts {
        match self {
            Self::InProcess(store) => answered_by(store),
            Self::Redis(store) => answered_by(store),
        }
    }

    /// Forgets what is dead at `now`; Redis does it by itself.
    pub(super) fn sweep(&self, now: UnixTime) {
        match self {
            Self::InProcess(store) => {
                store.sweep(now);
            }
            Self::Redis(_) => {}
        }
    }
}

fn answered_by<S>(store: &Arc<S>) -> EphemeralPorts
where
    S: OneShot
        + Interactions
        + Approvals
        + Sessions
        + AccessTokens
        + Replay
        + Throttle
        + HighWaterMark
        + 'static,
{
    EphemeralPorts {
        one_shot: store.clone(),
        interactions: store.clone(),
        approvals: store.clone(),
        sessions: store.clone(),
        access_tokens: store.clone(),
        replay: store.clone(),
        throttle: store.clone(),
        high_water: store.clone(),
    }
}
