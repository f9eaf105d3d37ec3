//! A [`CodeSender`] for development and demonstration: the codes go to a sink that the operator chose, never to the
//! log, and the contacts go nowhere.
//!
//! It must not serve real persons: whoever reads the sink can enrol a phone in their name.

use async_trait::async_trait;

use crate::base::{PersonId, Secret};
use crate::ports::{Channel, CodeSender, PortError, PortResult};

/// Where codes go: called with the person, the channel and the code.
pub type Sink = Box<dyn Fn(PersonId, Channel, &Secret) + Send + Sync>;

/// Hands codes to a sink. The default has none and refuses every code, so that nothing is printed by accident and
/// nobody waits for a code that was never sent.
#[derive(Default)]
pub struct LogSender {
    sink: Option<Sink>,
}

impl LogSender {
    /// A sender that hands codes to `sink`.
    #[must_use]
    pub fn new(sink: Sink) -> Self {
        Self { sink: Some(sink) }
    }
}

#[async_trait]
impl CodeSender for LogSender {
    async fn send(
        &self,
        person: PersonId,
        channel: Channel,
        _contact: &Secret,
        code: &Secret,
    ) -> PortResult<()> {
        let Some(sink) = &self.sink else {
            return Err(PortError::Unavailable(String::from("no sink was chosen for activation codes")));
        };
        sink(person, channel, code);
        tracing::info!(person.id = %person, ?channel, "activation code handed to the chosen sink");
        Ok(())
    }
}
