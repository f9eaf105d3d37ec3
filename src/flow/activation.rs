//! Activation codes: two, over the two channels of the directory (order of 4 April 2022, `domain.md` 2.1).

use std::time::Duration;

use crate::audit::EventKind;
use crate::base::{EntropyExt, PersonId, Secret, TokenHash, UnixTime};
use crate::device::{ActivationCodes, Channel, Content};
use crate::identity::{NationalId, Person, PersonStatus};
use crate::ports::{PortError, ThrottleRule};

use super::enrol::SOURCE;
use super::{EnrolError, Origin, Provider};

/// Pairs of codes sent to one person, whoever asks.
const CODES: ThrottleRule =
    ThrottleRule { name: "activation_codes", limit: 3, window: Duration::from_hours(24) };

/// How activation codes are drawn and kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActivationPolicy {
    /// In time, and so many a day.
    Limited,
    /// No time limit and no limit of number: only for the demonstration.
    Unlimited,
}

impl Provider {
    /// Sends two codes to the contacts recorded in the directory, never to one from the request. The caller learns
    /// nothing: known and unknown look alike.
    pub async fn send_activation_codes(&self, typed: &str, origin: &Origin) -> Result<(), EnrolError> {
        let now = self.now();
        if !self.may_ask_for_codes(origin, now).await? {
            return Err(EnrolError::Throttled);
        }
        let person = self.active_person(typed).await?;
        let Some(person) = person else {
            let event = self.refused(EventKind::EnrolmentCodes, "person_unknown_or_inactive", now);
            self.ports.audit.append(&event).await?;
            return Ok(());
        };
        let contacts = person.contacts();
        let (Some(email), Some(phone)) = (contacts.email, contacts.phone) else {
            let event =
                self.refused(EventKind::EnrolmentCodes, "channel_missing", now).with_person(person.id);
            self.ports.audit.append(&event).await?;
            return Ok(());
        };
        if !self.may_send_codes(person.id, now).await? {
            let event = self.refused(EventKind::EnrolmentCodes, "too_many_codes", now).with_person(person.id);
            self.ports.audit.append(&event).await?;
            return Ok(());
        }
        let (by_email, by_phone) = self.issue_codes(person.id, now).await?;
        let sent = self.send_codes(person.id, (email, by_email), (phone, by_phone), now).await;
        // A sender that fails must not tell that there was somebody to send to.
        let event = match sent {
            Ok(()) => self.succeeded(EventKind::EnrolmentCodes, "queued", now),
            Err(_) => self.refused(EventKind::EnrolmentCodes, "not_sent", now),
        };
        self.ports.audit.append(&event.with_person(person.id)).await?;
        Ok(())
    }

    /// The limits that a caller sees: counted before anybody is looked up, alike for known and unknown.
    async fn may_ask_for_codes(&self, origin: &Origin, now: UnixTime) -> Result<bool, PortError> {
        let throttle = &self.ports.throttle;
        // The source first: one that is over its own limit does not use up everybody's.
        if !throttle.hit(SOURCE, &origin.source(), now).await? {
            return Ok(false);
        }
        let limit = self.policy.codes_per_hour;
        let everybody =
            ThrottleRule { name: "activation_codes_everybody", limit, window: Duration::from_hours(1) };
        let within = throttle.hit(everybody, &[], now).await?;
        if !within {
            tracing::warn!(limit, "activation codes are asked for more often than mobile.codes_per_hour");
        }
        Ok(within)
    }

    async fn may_send_codes(&self, person: PersonId, now: UnixTime) -> Result<bool, PortError> {
        if self.policy.activation == ActivationPolicy::Unlimited {
            return Ok(true);
        }
        self.ports.throttle.hit(CODES, person.uuid().as_bytes(), now).await
    }

    /// Each contact with its code.
    async fn send_codes(
        &self,
        person: PersonId,
        (email, by_email): (String, Secret),
        (phone, by_phone): (String, Secret),
        now: UnixTime,
    ) -> Result<(), PortError> {
        let limited = self.policy.activation == ActivationPolicy::Limited;
        let life = self.policy.lifetimes.activation;
        let codes = [(Channel::Email, email, by_email), (Channel::Phone, phone, by_phone)];
        for (channel, contact, code) in codes {
            let content = Content::Code { code, life: limited.then_some(life) };
            let message = self.message(person, (channel, contact), content, now.plus(life));
            self.ports.code_sender.send(message).await?;
        }
        Ok(())
    }

    /// Draws a pair of codes for a person and keeps their hashes.
    pub async fn issue_codes(&self, person: PersonId, now: UnixTime) -> Result<(Secret, Secret), PortError> {
        let email = self.activation_code();
        let mut phone = self.activation_code();
        while phone == email {
            phone = self.activation_code();
        }
        let limited = self.policy.activation == ActivationPolicy::Limited;
        let codes = ActivationCodes {
            person,
            email: TokenHash::of(email.expose()),
            phone: TokenHash::of(phone.expose()),
            tries: 0,
            deadline: limited.then(|| now.plus(self.policy.lifetimes.activation)),
        };
        self.ports.one_shot.put_activation(&codes).await?;
        Ok((email, phone))
    }

    pub(super) async fn active_person(&self, typed: &str) -> Result<Option<Person>, PortError> {
        let Ok(national_id) = NationalId::parse(typed.trim()) else { return Ok(None) };
        let person = self.ports.persons.find_by_national_id(&national_id).await?;
        Ok(person.filter(|person| person.status == PersonStatus::Active))
    }

    /// Eight digits, uniform: five tries leave a chance of one in twenty million.
    fn activation_code(&self) -> Secret {
        const RANGE: u64 = 100_000_000;
        let fair = u64::MAX - u64::MAX % RANGE;
        loop {
            let drawn = u64::from_be_bytes(self.ports.entropy.bytes());
            if drawn < fair {
                return Secret::new(format!("{:08}", drawn % RANGE));
            }
        }
    }
}
