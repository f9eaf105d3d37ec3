//! Enrolment of a phone (design decision 9, `security.md` EI-07, WR-*).
//!
//! 1. [`Provider::send_activation_codes`]: two codes over the two channels of the directory
//! 2. [`Provider::start_enrolment`]: the codes, or a ticket, and the request key, against a challenge that binds that key
//! 3. [`Provider::finish_enrolment`]: the credential, verified, judged, bound in one transaction

use std::time::Duration;

use serde_json::Value;

use crate::approval::enrolment_challenge;
use crate::audit::{AuditEvent, EventKind};
use crate::base::{DeviceId, EnrolmentId, EntropyExt, PersonId, TokenHash, UnixTime, sha256};
use crate::device::{
    ActivationMode, CodesVerdict, Device, DeviceFacts, DeviceStatus, EnrolmentProof, PendingEnrolment, assess,
};
use crate::identity::{Acr, Person};
use crate::jose::Thumbprint;
use crate::ports::{
    AuthenticatorError, BindOutcome, BindPlan, Fence, FenceKind, FenceLife, PortError, RegistrationRequest,
    ThrottleRule, VerifiedRegistration,
};

use super::{FlowError, Origin, PresentedProof, Provider};

/// Codes asked for and enrolments tried from one source.
pub(super) const SOURCE: ThrottleRule =
    ThrottleRule { name: "enrolment_source", limit: 30, window: Duration::from_mins(10) };

/// An enrolment as the phone begins it.
pub struct EnrolmentStart {
    /// Whose; with codes alone, a ticket says it.
    pub national_id: String,
    /// What proves it.
    pub proof: EnrolmentProof,
}

/// A proof of identity that was judged: what it used up, and what it is worth.
pub(super) struct Proved {
    /// Hash of the codes or of the ticket, for the fence that lets them work once.
    pub(super) used: TokenHash,
    /// From what instant on those are void.
    pub(super) deadline: Option<UnixTime>,
    /// How the phone will have been activated.
    pub(super) mode: ActivationMode,
    /// What the proof is worth.
    pub(super) enrolment: Acr,
}

/// What the phone needs to make its credential.
pub struct EnrolmentOptions {
    /// Identifier of the enrolment.
    pub id: EnrolmentId,
    /// The server's part of the challenge.
    pub server_challenge: [u8; 32],
    /// `PublicKeyCredentialCreationOptionsJSON`.
    pub options: Value,
}

/// Why a phone was not enrolled.
#[derive(Debug, thiserror::Error)]
pub enum EnrolError {
    /// Wrong, expired, used or never sent: one answer.
    #[error("activation codes refused")]
    Codes,
    /// A ticket that is unknown, used, expired, or whose sign-in has ended: one answer.
    #[error("ticket refused")]
    Ticket,
    /// The enrolment or its credential is refused: one answer.
    #[error("attestation refused")]
    Attestation,
    /// The person has as many phones as allowed.
    #[error("too many devices")]
    TooMany,
    /// Too many tries from here.
    #[error("too many tries")]
    Throttled,
    /// A port, or the proof of the request key.
    #[error(transparent)]
    Flow(#[from] FlowError),
}

impl From<PortError> for EnrolError {
    fn from(error: PortError) -> Self {
        Self::Flow(error.into())
    }
}

impl Provider {
    /// Judges the proof of identity and begins the ceremony for the phone that holds the request key.
    pub async fn start_enrolment(
        &self,
        start: EnrolmentStart,
        proof: &PresentedProof,
        origin: &Origin,
    ) -> Result<EnrolmentOptions, EnrolError> {
        let now = self.now();
        let jkt = self.prove_request_key(proof, now).await?;
        if !self.ports.throttle.hit(SOURCE, &origin.source(), now).await? {
            return Err(EnrolError::Throttled);
        }
        let (email, phone) = match start.proof {
            EnrolmentProof::ContactCodes { email, phone } => (email, phone),
            EnrolmentProof::Ticket { ticket } => return self.redeem_ticket(&ticket, jkt, now).await,
        };
        let person = self.active_person(&start.national_id).await?;
        let looked_up =
            person.as_ref().map_or_else(|| PersonId::random(&*self.ports.entropy), |person| person.id);
        let codes = self.ports.one_shot.take_activation(looked_up, now).await?;
        let (Some(person), Some(codes)) = (person, codes) else {
            return self.refuse_codes("codes_unknown", None, now).await;
        };
        let used = TokenHash::from_bytes(sha256(&[codes.email.as_bytes(), codes.phone.as_bytes()]));
        let deadline = codes.deadline;
        match codes.judge(email.expose(), phone.expose(), now) {
            CodesVerdict::Right => {}
            CodesVerdict::Wrong(left) => {
                self.ports.one_shot.put_back_activation(&left).await?;
                return self.refuse_codes("codes_wrong", Some(person.id), now).await;
            }
            CodesVerdict::Locked => return self.refuse_codes("codes_locked", Some(person.id), now).await,
            CodesVerdict::Expired => return self.refuse_codes("codes_expired", Some(person.id), now).await,
        }
        let proved = Proved { used, deadline, mode: ActivationMode::ContactCodes, enrolment: Acr::Eidas2 };
        self.begin_registration(&person, jkt, proved, now).await
    }

    /// Verifies the credential, judges its attestation and binds the phone.
    pub async fn finish_enrolment(
        &self,
        id: EnrolmentId,
        (credential, facts): (&Value, DeviceFacts),
        proof: &PresentedProof,
    ) -> Result<Device, EnrolError> {
        let now = self.now();
        let jkt = self.prove_request_key(proof, now).await?;
        let pending = self.ports.one_shot.take_enrolment(id, now).await?;
        // Bound to the key that began it (`attacks.md` A-127).
        let Some(pending) = pending.filter(|pending| pending.jkt == jkt) else {
            return self.refuse_attestation("enrolment_unknown", None, now).await;
        };
        let Some(person) = pending.person else {
            return self.refuse_attestation("enrolment_unknown", None, now).await;
        };
        let registration = match self.ports.authenticator.finish_registration(&pending.ceremony, credential) {
            Ok(registration) => registration,
            Err(AuthenticatorError::Refused(reason)) => {
                return self.refuse_attestation(reason, Some(person), now).await;
            }
            Err(AuthenticatorError::State(text)) => return Err(PortError::Corrupt(text).into()),
        };
        let judged = assess(&registration.facts, &self.policy.attestation);
        let (evidence, reason) = match judged {
            Ok(assessed) => assessed,
            Err(refusal) => return self.refuse_attestation(refusal.as_str(), Some(person), now).await,
        };
        let device = self.new_device((person, &pending), registration, facts, (evidence, reason), now);
        self.bind(device, &pending, now).await
    }

    pub(super) async fn begin_registration(
        &self,
        person: &Person,
        jkt: Thumbprint,
        proved: Proved,
        now: UnixTime,
    ) -> Result<EnrolmentOptions, EnrolError> {
        let known = self.ports.devices.list(person.id).await?;
        let server_challenge = self.ports.entropy.bytes::<32>();
        let request = RegistrationRequest {
            user_handle: person.id.uuid(),
            display_name: "sceau",
            challenge: enrolment_challenge(&server_challenge, &jkt),
            exclude: known.into_iter().map(|device| device.credential_id).collect(),
        };
        let begun = self.ports.authenticator.begin_registration(&request);
        let begun = begun.map_err(|error| PortError::Corrupt(error.to_string()))?;
        let pending = PendingEnrolment {
            id: EnrolmentId::random(&*self.ports.entropy),
            person: Some(person.id),
            jkt,
            server_challenge,
            ceremony: begun.state,
            codes: Some(proved.used),
            codes_deadline: proved.deadline,
            activation_mode: proved.mode,
            enrolment: proved.enrolment,
            deadline: now.plus(self.policy.lifetimes.ceremony),
        };
        self.ports.one_shot.put_enrolment(&pending).await?;
        let event =
            self.succeeded(EventKind::EnrolmentStarted, proved.mode.as_str(), now).with_person(person.id);
        self.ports.audit.append(&event.with_transaction(pending.id.to_string())).await?;
        Ok(EnrolmentOptions { id: pending.id, server_challenge, options: begun.options })
    }

    fn new_device(
        &self,
        (person, pending): (PersonId, &PendingEnrolment),
        registration: VerifiedRegistration,
        facts: DeviceFacts,
        (evidence, reason): (Acr, &'static str),
        now: UnixTime,
    ) -> Device {
        let id = DeviceId::random(&*self.ports.entropy);
        Device {
            id,
            person,
            credential_id: registration.credential_id,
            credential: registration.credential,
            credential_key: registration.credential_key,
            jkt: pending.jkt,
            sign_count: registration.sign_count,
            facts,
            created: now,
            valid_until: now.plus(self.policy.lifetimes.device),
            activation_mode: pending.activation_mode,
            enrolment: pending.enrolment,
            enrolment_reason: pending.activation_mode.as_str().to_owned(),
            evidence,
            evidence_reason: reason.to_owned(),
            serial: serial(id),
            status: DeviceStatus::Active,
        }
    }

    async fn bind(
        &self,
        device: Device,
        pending: &PendingEnrolment,
        now: UnixTime,
    ) -> Result<Device, EnrolError> {
        let until = now.plus(self.policy.lifetimes.session);
        let life = |expires| FenceLife { expires, until };
        let challenge = enrolment_challenge(&pending.server_challenge, &pending.jkt);
        let hash = TokenHash::from_bytes(sha256(&[&challenge]));
        let mut fences = vec![Fence { kind: FenceKind::Challenge, hash, life: life(pending.deadline) }];
        // Of the codes, not of the ceremony: they may begin another one. Those of a demonstration never end.
        let life = life(pending.codes_deadline.unwrap_or(UnixTime::from_millis(0)));
        fences.extend(pending.codes.map(|hash| Fence { kind: FenceKind::Activation, hash, life }));
        let about = |event: AuditEvent| event.with_person(device.person).with_device(device.id);
        let granted = about(self.succeeded(EventKind::DeviceEnrolled, pending.activation_mode.as_str(), now))
            .with_acr(device.enrolment.min(device.evidence).as_str());
        let refused = about(self.refused(EventKind::DeviceEnrolled, "refused", now));
        let plan = BindPlan { device, fences, cap: self.policy.devices_per_person };
        match self.ports.devices.bind(&plan, &granted, &refused).await? {
            BindOutcome::Bound => {
                self.announce_device(&plan.device, now).await?;
                Ok(plan.device)
            }
            BindOutcome::Full => Err(EnrolError::TooMany),
            BindOutcome::Replayed | BindOutcome::Duplicate | BindOutcome::PersonInactive => {
                Err(EnrolError::Attestation)
            }
        }
    }

    async fn refuse_codes<T>(
        &self,
        reason: &'static str,
        person: Option<PersonId>,
        now: UnixTime,
    ) -> Result<T, EnrolError> {
        self.audit_refusal(EventKind::EnrolmentStarted, reason, person, now).await?;
        Err(EnrolError::Codes)
    }

    async fn refuse_attestation<T>(
        &self,
        reason: &'static str,
        person: Option<PersonId>,
        now: UnixTime,
    ) -> Result<T, EnrolError> {
        self.audit_refusal(EventKind::DeviceEnrolled, reason, person, now).await?;
        Err(EnrolError::Attestation)
    }

    pub(super) async fn audit_refusal(
        &self,
        kind: EventKind,
        reason: &'static str,
        person: Option<PersonId>,
        now: UnixTime,
    ) -> Result<(), PortError> {
        let event = self.refused(kind, reason, now);
        let event = match person {
            Some(person) => event.with_person(person),
            None => event,
        };
        self.ports.audit.append(&event).await
    }
}

/// A serial number that a person can read out: the first 12 hexadecimal digits of the identifier.
fn serial(id: DeviceId) -> String {
    let text = id.uuid().simple().to_string().to_uppercase();
    text.chars().take(12).collect()
}
