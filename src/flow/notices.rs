//! What persons are told: of a new phone or link, over every channel of the directory (`security.md` WR-15, NIST SP 800-63B-4
//! 4.1); and how each queued message ended.

use std::time::Duration;

use async_trait::async_trait;

use crate::audit::EventKind;
use crate::base::{MessageId, PersonId, Secret, UnixTime};
use crate::device::{Channel, Content, Device};
use crate::ports::{Delivery, DeliveryObserver, Message, PortError};

use super::Provider;

/// How long a notice is worth sending.
const NOTICE: Duration = Duration::from_hours(4);

impl Provider {
    /// Tells the person of a phone that was just enrolled. A sender that fails does not undo the enrolment.
    pub(super) async fn announce_device(&self, device: &Device, now: UnixTime) -> Result<(), PortError> {
        let person = self.ports.persons.find(device.person).await?;
        let contacts = person.map(|person| person.contacts()).unwrap_or_default();
        let channels = [(Channel::Email, contacts.email), (Channel::Phone, contacts.phone)];
        let content = || Content::NewDevice { serial: device.serial.clone(), at: now };
        let event = match self.tell(device.person, channels, content, now).await {
            Ok(reason) => self.succeeded(EventKind::DeviceAnnounced, reason, now),
            Err(reason) => self.refused(EventKind::DeviceAnnounced, reason, now),
        };
        self.ports.audit.append(&event.with_person(device.person).with_device(device.id)).await
    }

    /// Queues a notice for every known contact; the machine reason, good or bad.
    pub(super) async fn tell(
        &self,
        person: PersonId,
        channels: [(Channel, Option<String>); 2],
        content: impl Fn() -> Content + Send,
        now: UnixTime,
    ) -> Result<&'static str, &'static str> {
        let (mut queued, mut failed) = (false, false);
        for (channel, contact) in channels {
            let Some(contact) = contact else { continue };
            let message = self.message(person, (channel, contact), content(), now.plus(NOTICE));
            let sent = self.ports.code_sender.send(message).await.is_ok();
            queued |= sent;
            failed |= !sent;
        }
        match (queued, failed) {
            (_, true) => Err("not_sent"),
            (true, false) => Ok("queued"),
            (false, false) => Err("channel_missing"),
        }
    }

    /// A message to a contact of the directory.
    pub(super) fn message(
        &self,
        person: PersonId,
        (channel, contact): (Channel, String),
        content: Content,
        deadline: UnixTime,
    ) -> Message {
        let id = MessageId::random(&*self.ports.entropy);
        Message { id, person, channel, contact: Secret::new(contact), content, deadline }
    }
}

#[async_trait]
impl DeliveryObserver for Provider {
    async fn ended(&self, message: &Message, delivery: Delivery) {
        // What was queued is audited; what became of it, only when it did not arrive.
        let Some(reason) = failure(message.channel, delivery) else { return };
        let kind = match message.content {
            Content::Code { .. } => EventKind::EnrolmentCodes,
            Content::NewDevice { .. } => EventKind::DeviceAnnounced,
            Content::NewLink { .. } => EventKind::UpstreamLinkAnnounced,
        };
        let event = self.refused(kind, reason, self.now()).with_person(message.person);
        if let Err(error) = self.ports.audit.append(&event.with_transaction(message.id.to_string())).await {
            tracing::error!(message.id = %message.id, reason, %error, "a failed message is not in the audit log");
        }
    }
}

const fn failure(channel: Channel, delivery: Delivery) -> Option<&'static str> {
    Some(match (channel, delivery) {
        (_, Delivery::Delivered) => return None,
        (Channel::Email, Delivery::Refused) => "email_not_delivered",
        (Channel::Email, Delivery::TooLate) => "email_too_late",
        (Channel::Email, Delivery::Stopped) => "email_stopped",
        (Channel::Phone, Delivery::Refused) => "phone_not_delivered",
        (Channel::Phone, Delivery::TooLate) => "phone_too_late",
        (Channel::Phone, Delivery::Stopped) => "phone_stopped",
    })
}
