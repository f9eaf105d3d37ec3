//! Messages to phones and persons.

use std::time::Duration;

use async_trait::async_trait;

use super::PortResult;
use crate::base::{DeviceId, MessageId, PersonId, Secret, UnixTime};
use crate::device::{Channel, Content};

/// Wakes a phone; the message holds no number, name or service (design decision 7).
#[async_trait]
pub trait Push: Send + Sync {
    /// Tells the phone that something waits. Failure is not an error of the login: the phone also asks by itself.
    /// Returns once the message is queued: a wait on the network would tell who has a phone (design decision 12).
    async fn notify(&self, device: DeviceId);
}

/// A message to a person.
#[derive(Clone, Debug)]
pub struct Message {
    /// Its identifier, the same at every try, so that a message sent twice can be known as one.
    pub id: MessageId,
    /// To whom.
    pub person: PersonId,
    /// By which way.
    pub channel: Channel,
    /// The address or number recorded in the directory.
    pub contact: Secret,
    /// What.
    pub content: Content,
    /// From this instant on it is worth nothing and is not sent.
    pub deadline: UnixTime,
}

/// Sends activation codes and notices.
#[async_trait]
pub trait CodeSender: Send + Sync {
    /// Sends a message. Returns once it is queued: a wait on the network would tell who is known (design
    /// decision 12). Refuses what it has no room for.
    async fn send(&self, message: Message) -> PortResult<()>;
}

/// Carries messages of one channel over the network.
#[async_trait]
pub trait Carrier: Send + Sync {
    /// Hands one message over, once, and waits for the answer.
    async fn carry(&self, message: &Message) -> Result<(), CarrierError>;
}

/// Why a message was not carried. The words are ours: answers of a server may repeat the contact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CarrierError {
    /// Another try may succeed.
    #[error("not now: {reason}")]
    Temporary {
        /// What happened.
        reason: &'static str,
        /// When the server wants to be asked again.
        after: Option<Duration>,
    },
    /// No try will succeed.
    #[error("never: {reason}")]
    Permanent {
        /// What happened.
        reason: &'static str,
    },
}

/// How a queued message ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// A server took it.
    Delivered,
    /// No server will take it.
    Refused,
    /// Its deadline came first.
    TooLate,
    /// This process ended first.
    Stopped,
}

/// Hears how queued messages ended.
#[async_trait]
pub trait DeliveryObserver: Send + Sync {
    /// Called once per queued message.
    async fn ended(&self, message: &Message, delivery: Delivery);
}
