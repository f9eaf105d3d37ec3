//! What was sent to persons.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use sceau::base::PersonId;
use sceau::device::Content;
use sceau::ports::{Channel, CodeSender, Message, PortError, PortResult};

/// A sender that keeps the codes, and the channels of notices.
#[derive(Default)]
pub(crate) struct Outbox {
    sent: Mutex<Vec<(PersonId, Channel, String)>>,
    notices: Mutex<Vec<Message>>,
    is_broken: AtomicBool,
}

impl Outbox {
    /// Makes every further message fail.
    pub(crate) fn fail(&self) {
        self.is_broken.store(true, Ordering::SeqCst);
    }

    pub(crate) fn last(&self, person: PersonId, channel: Channel) -> Option<String> {
        let sent = self.sent.lock().unwrap();
        let code = sent.iter().rev().find(|(whose, by, _)| *whose == person && *by == channel);
        code.map(|(.., code)| code.clone())
    }

    /// The notices so far.
    pub(crate) fn notices(&self) -> Vec<Message> {
        self.notices.lock().unwrap().clone()
    }

    pub(crate) fn len(&self) -> usize {
        self.sent.lock().unwrap().len()
    }
}

#[async_trait]
impl CodeSender for Outbox {
    async fn send(&self, message: Message) -> PortResult<()> {
        if self.is_broken.load(Ordering::SeqCst) {
            return Err(PortError::Unavailable(String::from("the sender is broken")));
        }
        match &message.content {
            Content::Code { code, .. } => {
                let code = code.expose().to_owned();
                self.sent.lock().unwrap().push((message.person, message.channel, code));
            }
            Content::NewDevice { .. } | Content::NewLink { .. } => self.notices.lock().unwrap().push(message),
        }
        Ok(())
    }
}
