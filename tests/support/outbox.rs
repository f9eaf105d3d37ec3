//! What was sent to persons.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use sceau::base::{PersonId, Secret};
use sceau::ports::{Channel, CodeSender, PortError, PortResult};

/// A sender that keeps the codes.
#[derive(Default)]
pub(crate) struct Outbox {
    sent: Mutex<Vec<(PersonId, Channel, String)>>,
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

    pub(crate) fn len(&self) -> usize {
        self.sent.lock().unwrap().len()
    }
}

#[async_trait]
impl CodeSender for Outbox {
    async fn send(&self, person: PersonId, channel: Channel, _: &Secret, code: &Secret) -> PortResult<()> {
        if self.is_broken.load(Ordering::SeqCst) {
            return Err(PortError::Unavailable(String::from("the sender is broken")));
        }
        self.sent.lock().unwrap().push((person, channel, code.expose().to_owned()));
        Ok(())
    }
}
