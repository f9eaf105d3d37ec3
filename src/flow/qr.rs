//! Sign-in without an identifier: the page shows a QR code, the phone that reads it first claims the request, then
//! the number is shown and typed as ever (one decision path, in `decision`).
//!
//! A code can be shown to somebody else's phone (`attacks.md`, relay): the way is capped at `eidas2`, the phone shows
//! where the request comes from, and the number is not there before the claim, so that it must be read off the page.

use std::time::Duration;

use crate::approval::{
    Approval, ApprovalRequest, Claim, Claimant, Number, NumberSource, Recipient, StoredApproval,
};
use crate::audit::{AuditEvent, EventKind};
use crate::base::{ApprovalId, DeviceId, InteractionId, UnixTime};
use crate::interaction::{Interaction, Step};
use crate::oauth::Client;
use crate::ports::{ClaimOutcome, OpenLimits, OpenOutcome, ThrottleRule, Versioned};

use super::identify::{Asked, TRIES, approval_text};
use super::{
    ApprovalView, AuthenticatedDevice, BrowserState, DecideError, FlowError, Identified, Origin, Provider,
    TurnError,
};

/// Claims of one phone: a person reads a code now and then.
const CLAIMS: ThrottleRule = ThrottleRule { name: "claims", limit: 10, window: Duration::from_mins(1) };

impl Provider {
    /// The person asks for a QR code: an approval is opened that names nobody.
    pub async fn open_qr(
        &self,
        id: InteractionId,
        browser: &BrowserState,
        csrf: &str,
        origin: &Origin,
    ) -> Result<Identified, TurnError> {
        let now = self.now();
        let Versioned { version, value: mut interaction } =
            self.form_interaction(id, browser, csrf, now).await?;
        if interaction.step != Step::Identify && !matches!(interaction.step, Step::Approve { .. }) {
            return Err(TurnError::Gone);
        }
        // Nobody is named, so that nobody's places are taken: what is limited is the source.
        if !self.ports.throttle.hit(TRIES, &origin.source(), now).await? {
            return Ok(Identified::TooMany);
        }
        let client = self.client_of(&interaction).await?;
        let Some(approval) = self.open_unaddressed(&interaction, &client, origin, now).await? else {
            return Ok(Identified::TooMany);
        };
        interaction.step = Step::Approve { approval };
        interaction.proof = None;
        if !self.ports.interactions.advance(version, &interaction).await? {
            return Err(TurnError::Gone);
        }
        let event =
            self.succeeded(EventKind::ApprovalOpened, "qr", now).with_client(client.client_id.clone());
        self.ports.audit.append(&event.with_transaction(approval.to_string())).await?;
        Ok(Identified::Accepted)
    }

    /// A phone has read a QR code: the request is its own from now on, and nobody else's.
    pub async fn claim_approval(
        &self,
        device: &AuthenticatedDevice,
        id: ApprovalId,
    ) -> Result<ApprovalView, DecideError> {
        let now = self.now();
        let device = device.device();
        let about = |event: AuditEvent| {
            event.with_device(device.id).with_person(device.person).with_transaction(id.to_string())
        };
        if !self.ports.throttle.hit(CLAIMS, device.id.uuid().as_bytes(), now).await? {
            let event = about(self.refused(EventKind::ApprovalRefused, "too_many_claims", now));
            self.ports.audit.append(&event).await?;
            return Err(DecideError::Throttled);
        }
        let recipient = self.recipient_of_claims(device.id);
        let claimant = Claimant { device: device.id, person: device.person, recipient };
        let (reason, error) = match self.ports.approvals.claim(id, &claimant, now).await? {
            ClaimOutcome::Claimed(stored) => {
                let event = about(self.succeeded(EventKind::ApprovalOpened, "claimed", now));
                self.ports.audit.append(&event).await?;
                return Ok(ApprovalView::of(&stored));
            }
            ClaimOutcome::Own(stored) => return Ok(ApprovalView::of(&stored)),
            ClaimOutcome::Taken => ("claimed_by_another", DecideError::Claimed),
            ClaimOutcome::Gone => ("claim_not_found", DecideError::NotFound),
        };
        self.ports.audit.append(&about(self.refused(EventKind::ApprovalRefused, reason, now))).await?;
        Err(error)
    }

    /// What the QR code of an approval says.
    pub(super) fn claim_address(&self, id: ApprovalId) -> String {
        format!("{}/q/{id}", self.policy.issuer)
    }

    /// The recipient of what a phone has claimed: its other phones could not answer.
    pub(super) fn recipient_of_claims(&self, device: DeviceId) -> Recipient {
        Recipient::from_bytes(self.storage.mac("recipient_claims", &[device.uuid().as_bytes()]))
    }

    async fn open_unaddressed(
        &self,
        interaction: &Interaction,
        client: &Client,
        origin: &Origin,
        now: UnixTime,
    ) -> Result<Option<ApprovalId>, FlowError> {
        let Some(number) = Number::draw(&*self.ports.entropy, &[]) else { return Ok(None) };
        let id = ApprovalId::random(&*self.ports.entropy);
        let request = ApprovalRequest {
            id,
            // A list of its own: it is in nobody's before it is claimed.
            recipient: Recipient::from_bytes(self.storage.mac("recipient_qr", &[id.uuid().as_bytes()])),
            person: None,
            client: client.client_id.clone(),
            interaction: Some(interaction.id),
            text: approval_text(id, &Asked { interaction, client, origin, linking: None }, now),
            claim: Claim::Open,
            number: NumberSource::Ours(number),
            created: now,
            deadline: now.plus(self.policy.lifetimes.approval),
        };
        let approval = StoredApproval::Pending(Approval::open(request));
        let opened = self.ports.approvals.open(&approval, OpenLimits { live: 1 }, now).await?;
        Ok((opened == OpenOutcome::Opened).then_some(id))
    }
}
