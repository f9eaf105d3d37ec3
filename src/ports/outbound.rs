//! Messages to phones and persons.

use async_trait::async_trait;

use super::PortResult;
use crate::base::{DeviceId, PersonId, Secret};

/// A channel of the directory over which an activation code travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    /// The e-mail address recorded in the directory.
    Email,
    /// The telephone number recorded in the directory.
    Phone,
}

/// Wakes a phone; the message holds no number, name or service (design decision 7).
#[async_trait]
pub trait Push: Send + Sync {
    /// Tells the phone that something waits. Failure is not an error of the login: the phone also asks by itself.
    /// Returns once the message is queued: a wait on the network would tell who has a phone (design decision 12).
    async fn notify(&self, device: DeviceId);
}

/// Sends activation codes.
#[async_trait]
pub trait CodeSender: Send + Sync {
    /// Sends `code` to `contact` over `channel`. Returns once the message is queued: a wait on the network would tell
    /// who is known (design decision 12).
    async fn send(
        &self,
        person: PersonId,
        channel: Channel,
        contact: &Secret,
        code: &Secret,
    ) -> PortResult<()>;
}
