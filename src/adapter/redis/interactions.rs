//! [`Interactions`]: compare-and-set on the version.

use async_trait::async_trait;

use super::RedisStore;
use super::steps::Bell;
use crate::adapter::ephemeral::{Place, interaction_head};
use crate::base::{InteractionId, UnixTime};
use crate::interaction::Interaction;
use crate::ports::{Interactions, PortResult, Versioned};

#[async_trait]
impl Interactions for RedisStore {
    async fn insert(&self, interaction: &Interaction) -> PortResult<()> {
        let place = Place::interaction(interaction.id);
        self.insert_steps(&place, interaction_head(0, interaction), interaction).await
    }

    async fn load(&self, id: InteractionId, now: UnixTime) -> PortResult<Option<Versioned<Interaction>>> {
        self.load_steps(&Place::interaction(id), now).await
    }

    async fn advance(&self, expected: u64, next: &Interaction) -> PortResult<bool> {
        let head = interaction_head(expected.saturating_add(1), next);
        self.advance_steps(&Place::interaction(next.id), expected, (head, next), Bell::Silent).await
    }
}
