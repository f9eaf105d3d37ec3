//! A [`CodeSender`] for development and demonstration: messages go to a sink that the operator chose, never to the
//! log.
//!
//! It must not serve real persons: whoever reads the sink can enrol a phone in their name.

use async_trait::async_trait;

use crate::ports::{CodeSender, Message, PortError, PortResult};

/// Where messages go.
pub type Sink = Box<dyn Fn(&Message) + Send + Sync>;

/// Hands messages to a sink. The default has none and refuses every message, so that nothing is printed by accident
/// and nobody waits for a code that was never sent.
#[derive(Default)]
pub struct LogSender {
    sink: Option<Sink>,
}

impl LogSender {
    /// A sender that hands messages to `sink`.
    #[must_use]
    pub fn new(sink: Sink) -> Self {
        Self { sink: Some(sink) }
    }
}

#[async_trait]
impl CodeSender for LogSender {
    async fn send(&self, message: Message) -> PortResult<()> {
        let Some(sink) = &self.sink else {
            return Err(PortError::Unavailable(String::from("no sender of messages was chosen")));
        };
        sink(&message);
        tracing::info!(person.id = %message.person, channel = message.channel.as_str(), "message handed to the chosen sink");
        Ok(())
    }
}
