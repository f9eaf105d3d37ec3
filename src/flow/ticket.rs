//! Tickets: a person who is signed in in a browser enrols a phone (NIST SP 800-63B-4 4.1.2, binding an additional
//! authenticator).
//!
//! 1. [`Provider::draw_ticket`]: a page of the account shows 256 random bits, for 90 seconds
//! 2. [`Provider::start_enrolment`] takes it, once; the phone is worth no more than the sign-in behind the ticket

use std::time::Duration;

use crate::audit::EventKind;
use crate::base::{EntropyExt, PersonId, Secret, TokenHash, UnixTime};
use crate::device::ActivationMode;
use crate::identity::{Acr, AuthenticationProof, PersonStatus, Way};
use crate::jose::Thumbprint;
use crate::ports::{EnrolmentTicket, Session, ThrottleRule};

use super::account_client::is_account;
use super::enrol::Proved;
use super::{AccountVisit, EnrolError, EnrolmentOptions, FlowError, Provider};

/// How long a ticket is good.
const LIFE: Duration = Duration::from_secs(90);
/// How long after the sign-in a ticket is drawn, or an account at another provider linked.
pub(super) const FRESH: Duration = Duration::from_mins(20);
/// Tickets of one session: the page draws one a minute.
const TICKETS: ThrottleRule =
    ThrottleRule { name: "enrolment_tickets", limit: 60, window: Duration::from_mins(20) };

/// A ticket, for the page that shows it.
pub struct DrawnTicket {
    /// What the phone sends, base64url.
    pub ticket: Secret,
    /// What the QR code says: behind the `#` is what no server sees.
    pub address: Secret,
    /// Seconds it is good.
    pub expires_in: u64,
}

/// Why no ticket is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TicketRefusal {
    /// The sign-in is worth less than `eidas2`.
    TooLow,
    /// The sign-in is older than twenty minutes, or was made for another service.
    TooOld,
    /// Too many tickets.
    TooMany,
}

impl TicketRefusal {
    const fn as_str(self) -> &'static str {
        match self {
            Self::TooLow => "ticket_level_too_low",
            Self::TooOld => "ticket_sign_in_too_old",
            Self::TooMany => "too_many_tickets",
        }
    }
}

impl Provider {
    /// Draws a ticket for the person of a session, if its sign-in is good enough to vouch for a phone.
    pub async fn draw_ticket(
        &self,
        visit: &AccountVisit,
    ) -> Result<Result<DrawnTicket, TicketRefusal>, FlowError> {
        let now = self.now();
        let session = &visit.session;
        let mut entitled = self.entitled(session, now);
        if entitled.is_ok()
            && !self.ports.throttle.hit(TICKETS, session.sid.to_string().as_bytes(), now).await?
        {
            entitled = Err(TicketRefusal::TooMany);
        }
        let mode = match entitled {
            Ok(mode) => mode,
            Err(refusal) => {
                let event = self.refused(EventKind::EnrolmentCodes, refusal.as_str(), now);
                self.ports.audit.append(&event.with_person(session.person)).await?;
                return Ok(Err(refusal));
            }
        };
        let ticket = self.ports.entropy.token();
        let kept = EnrolmentTicket {
            proof: session.proof.clone(),
            sid: session.sid,
            mode,
            deadline: now.plus(LIFE),
        };
        self.ports.one_shot.put_enrolment_ticket(&TokenHash::of(ticket.expose()), &kept).await?;
        let event = self.succeeded(EventKind::EnrolmentCodes, "ticket", now).with_person(session.person);
        self.ports.audit.append(&event).await?;
        let address = Secret::new(format!("{}/e#{}", self.policy.issuer, ticket.expose()));
        Ok(Ok(DrawnTicket { ticket, address, expires_in: LIFE.as_secs() }))
    }

    /// By what a phone would be activated. A sign-in by phone can be relayed, so it must have been made for the
    /// account itself: its text said that a phone may be added.
    fn entitled(&self, session: &Session, now: UnixTime) -> Result<ActivationMode, TicketRefusal> {
        let proof = &session.proof;
        if self.worth(proof).is_none_or(|acr| acr < Acr::Eidas2) {
            return Err(TicketRefusal::TooLow);
        }
        if now.since(proof.auth_time) >= FRESH {
            return Err(TicketRefusal::TooOld);
        }
        match proof.terms.way {
            Way::Federation => Ok(ActivationMode::Federation),
            Way::TypedNumber | Way::Qr | Way::SamePhoneLink => {
                let here = session.begun_for.as_ref().is_some_and(is_account);
                here.then_some(ActivationMode::Device).ok_or(TicketRefusal::TooOld)
            }
        }
    }

    pub(super) fn worth(&self, proof: &AuthenticationProof) -> Option<Acr> {
        proof.terms.acr(&self.policy.assurance)
    }

    /// A phone presents a ticket: taken, whatever becomes of it.
    pub(super) async fn redeem_ticket(
        &self,
        ticket: &Secret,
        jkt: Thumbprint,
        now: UnixTime,
    ) -> Result<EnrolmentOptions, EnrolError> {
        let hash = TokenHash::of(ticket.expose());
        let Some(taken) = self.ports.one_shot.take_enrolment_ticket(&hash, now).await? else {
            return self.refuse_ticket("ticket_unknown", None, now).await;
        };
        let owner = Some(taken.proof.person);
        // Signed out, revoked or locked in between: the sign-in vouches for nothing any more.
        if !self.proof_stands(&taken.proof, Some(taken.sid), now).await? {
            return self.refuse_ticket("ticket_sign_in_ended", owner, now).await;
        }
        let person = self.ports.persons.find(taken.proof.person).await?;
        let Some(person) = person.filter(|person| person.status == PersonStatus::Active) else {
            return self.refuse_ticket("person_inactive", owner, now).await;
        };
        let Some(enrolment) = self.worth(&taken.proof) else {
            return self.refuse_ticket("ticket_level_too_low", owner, now).await;
        };
        let proved = Proved { used: hash, deadline: Some(taken.deadline), mode: taken.mode, enrolment };
        self.begin_registration(&person, jkt, proved, now).await
    }

    async fn refuse_ticket<T>(
        &self,
        reason: &'static str,
        person: Option<PersonId>,
        now: UnixTime,
    ) -> Result<T, EnrolError> {
        self.audit_refusal(EventKind::EnrolmentStarted, reason, person, now).await?;
        Err(EnrolError::Ticket)
    }
}
