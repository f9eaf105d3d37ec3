//! [`Interactions`]: compare-and-set on the version.

use async_trait::async_trait;

use super::InProcess;
use crate::adapter::ephemeral::{Place, interaction_head};
use crate::base::{InteractionId, UnixTime};
use crate::interaction::Interaction;
use crate::ports::{Interactions, PortResult, Versioned};

#[async_trait]
impl Interactions for InProcess {
    async fn insert(&self, interaction: &Interaction) -> PortResult<()> {
        self.insert_value(&Place::interaction(interaction.id), interaction_head(0, interaction), interaction)
    }

    async fn load(&self, id: InteractionId, now: UnixTime) -> PortResult<Option<Versioned<Interaction>>> {
        self.load_value(&Place::interaction(id), now)
    }

    async fn advance(&self, expected: u64, next: &Interaction) -> PortResult<bool> {
        let head = interaction_head(expected.saturating_add(1), next);
        self.replace_value(&Place::interaction(next.id), expected, head, next)
    }
}
