//! What a person does on the login page: says who they are, waits, cancels, consents.

use std::time::Duration;

use crate::approval::{
    Approval, ApprovalRequest, ApprovalText, Claim, Number, NumberSource, Recipient, StoredApproval,
};
use crate::audit::EventKind;
use crate::base::{ApprovalId, DeviceId, InteractionId, PersonId, UnixTime};
use crate::device::{Device, DeviceStatus};
use crate::identity::{Identity, NationalId, NationalIdError, Person, PersonStatus};
use crate::interaction::{Interaction, Locale, Refusal, Step};
use crate::oauth::Client;
use crate::ports::{OpenLimits, OpenOutcome, ThrottleRule, Versioned};

use super::account_client::is_account;
use super::{BrowserState, FlowError, Origin, Provider, TurnError};

/// Identifiers tried from one source.
pub(super) const TRIES: ThrottleRule =
    ThrottleRule { name: "identify_source", limit: 60, window: Duration::from_mins(1) };
/// Pushes to one person (design decision 12).
const PUSHES: ThrottleRule = ThrottleRule { name: "push", limit: 1, window: Duration::from_mins(1) };
/// What became of an identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Identified {
    /// Accepted, known or not: the number page comes next.
    Accepted,
    /// 11 digits: the type digit is missing.
    MissingTypeDigit,
    /// Not an identifier.
    Malformed,
    /// Too many requests wait, or too many tries from here.
    TooMany,
}

/// What a phone is asked for.
pub(super) struct Asked<'a> {
    /// The interaction it serves.
    pub(super) interaction: &'a Interaction,
    /// Who asks.
    pub(super) client: &'a Client,
    /// From where.
    pub(super) origin: &'a Origin,
    /// The name of the provider whose account would be linked.
    pub(super) linking: Option<&'a str>,
}

impl Provider {
    /// The person typed an identifier: an approval is opened, the same way for a known, unknown, locked or phone-less
    /// one (design decision 12, `security.md` D10).
    pub async fn identify(
        &self,
        id: InteractionId,
        browser: &BrowserState,
        (typed, csrf): (&str, &str),
        origin: &Origin,
    ) -> Result<Identified, TurnError> {
        let now = self.now();
        let Versioned { version, value: mut interaction } =
            self.form_interaction(id, browser, csrf, now).await?;
        if interaction.step != Step::Identify && !matches!(interaction.step, Step::Approve { .. }) {
            return Err(TurnError::Gone);
        }
        if !self.ports.throttle.hit(TRIES, &origin.source(), now).await? {
            return Ok(Identified::TooMany);
        }
        let national_id = match NationalId::parse(typed.trim()) {
            Ok(national_id) => national_id,
            Err(NationalIdError::MissingTypeDigit) => return Ok(Identified::MissingTypeDigit),
            Err(_) => return Ok(Identified::Malformed),
        };
        let client = self.client_of(&interaction).await?;
        let (person, devices) = self.reachable(&national_id).await?;
        let recipient = self.recipient(&national_id);
        let limits = self.places(browser.known.as_ref(), &recipient, now);
        let asked = Asked { interaction: &interaction, client: &client, origin, linking: None };
        let opened = self.open_approval(asked, (recipient, limits), person, now).await?;
        let Some(approval) = opened else {
            let event = self.refused(EventKind::ApprovalOpened, "too_many_waiting", now);
            self.ports.audit.append(&event.with_client(client.client_id.clone())).await?;
            return Ok(Identified::TooMany);
        };
        interaction.step = Step::Approve { approval };
        interaction.proof = None;
        interaction.pending_link = None;
        interaction.upstream = None;
        if !self.ports.interactions.advance(version, &interaction).await? {
            return Err(TurnError::Gone);
        }
        let event = self
            .succeeded(EventKind::ApprovalOpened, "opened", now)
            .with_client(client.client_id.clone())
            .with_transaction(approval.to_string());
        self.ports.audit.append(&event).await?;
        self.notify(recipient, &devices, now).await?;
        Ok(Identified::Accepted)
    }

    /// The person cancelled.
    pub async fn cancel(
        &self,
        id: InteractionId,
        browser: &BrowserState,
        csrf: &str,
    ) -> Result<(), TurnError> {
        let now = self.now();
        let Versioned { version, value: mut interaction } =
            self.form_interaction(id, browser, csrf, now).await?;
        interaction.refusal = Some(Refusal::Cancelled);
        if self.ports.interactions.advance(version, &interaction).await? {
            Ok(())
        } else {
            Err(TurnError::Gone)
        }
    }

    /// The same page in another language.
    pub async fn speak(
        &self,
        id: InteractionId,
        browser: &BrowserState,
        locale: Locale,
    ) -> Result<(), TurnError> {
        let stored = self.own_interaction(id, browser, self.now()).await?;
        let mut interaction = stored.value;
        if interaction.locale != locale {
            interaction.locale = locale;
            self.ports.interactions.advance(stored.version, &interaction).await?;
        }
        Ok(())
    }

    /// The interaction behind a form: its browser and its token.
    pub(super) async fn form_interaction(
        &self,
        id: InteractionId,
        browser: &BrowserState,
        csrf: &str,
        now: UnixTime,
    ) -> Result<Versioned<Interaction>, TurnError> {
        let stored = self.own_interaction(id, browser, now).await?;
        let cookie = browser.interaction.as_ref().map_or("", crate::base::Secret::expose);
        let expected = crate::base::Secret::new(self.csrf_token(cookie));
        if expected == crate::base::Secret::new(csrf.to_owned()) {
            return Ok(stored);
        }
        let event = self
            .refused(EventKind::InteractionOpened, "form_value_wrong", now)
            .with_client(stored.value.request.oauth.client_id.clone())
            .with_transaction(id.to_string());
        self.ports.audit.append(&event).await?;
        Err(TurnError::OtherBrowser)
    }

    /// The person who can answer, with their phones. Every identifier costs the same reads.
    async fn reachable(&self, national_id: &NationalId) -> Result<(Option<Person>, Vec<Device>), FlowError> {
        let person = self.ports.persons.find_by_national_id(national_id).await?;
        let looked_up =
            person.as_ref().map_or_else(|| PersonId::random(&*self.ports.entropy), |person| person.id);
        let mut devices = self.ports.devices.list(looked_up).await?;
        devices.retain(|device| device.status == DeviceStatus::Active);
        let person = person.filter(|person| person.status == PersonStatus::Active && !devices.is_empty());
        // Nobody who can answer: no phone is disturbed.
        if person.is_none() {
            devices.clear();
        }
        Ok((person, devices))
    }

    /// A recipient is a keyed hash of the identifier: an unknown one has as much a mailbox as a known one.
    fn recipient(&self, national_id: &NationalId) -> Recipient {
        Recipient::from_bytes(self.storage.mac("recipient", &[national_id.expose().as_bytes()]))
    }

    /// The recipient of a person's approvals.
    pub(super) fn recipient_of(&self, person: &Person) -> Recipient {
        match &person.identity {
            Identity::Professional(professional) => self.recipient(&professional.national_id),
            // Nothing is ever typed: nobody else has this recipient.
            Identity::Patient(_) => {
                Recipient::from_bytes(self.storage.mac("recipient", &[person.id.uuid().as_bytes()]))
            }
        }
    }

    pub(super) async fn open_approval(
        &self,
        asked: Asked<'_>,
        (recipient, limits): (Recipient, OpenLimits),
        person: Option<Person>,
        now: UnixTime,
    ) -> Result<Option<ApprovalId>, FlowError> {
        // A number is taken with a chance of at most 4 in 100: a few draws always suffice.
        for _ in 0..16 {
            let Some(number) = Number::draw(&*self.ports.entropy, &[]) else { return Ok(None) };
            let id = ApprovalId::random(&*self.ports.entropy);
            let request = ApprovalRequest {
                id,
                recipient,
                person: person.as_ref().map(|person| person.id),
                client: asked.client.client_id.clone(),
                interaction: Some(asked.interaction.id),
                text: approval_text(id, &asked, now),
                claim: Claim::Addressed,
                number: NumberSource::Ours(number),
                created: now,
                deadline: now.plus(self.policy.lifetimes.approval),
            };
            let approval = StoredApproval::Pending(Approval::open(request));
            match self.ports.approvals.open(&approval, limits, now).await? {
                OpenOutcome::Opened => return Ok(Some(id)),
                OpenOutcome::Full => return Ok(None),
                OpenOutcome::NumberTaken => {}
            }
        }
        Ok(None)
    }

    pub(super) async fn notify(
        &self,
        recipient: Recipient,
        devices: &[Device],
        now: UnixTime,
    ) -> Result<(), FlowError> {
        if self.ports.throttle.hit(PUSHES, recipient.as_bytes(), now).await? {
            let targets: Vec<DeviceId> = devices.iter().map(|device| device.id).collect();
            for device in targets {
                self.ports.push.notify(device).await;
            }
        }
        Ok(())
    }
}

/// What the phone shows, word for word (design decision 8).
pub(super) fn approval_text(id: ApprovalId, asked: &Asked<'_>, now: UnixTime) -> ApprovalText {
    // A person who is asked to sign in elsewhere must see that their own account would be opened.
    let account = is_account(&asked.client.client_id);
    let purpose = match (asked.interaction.locale, asked.linking, account) {
        (Locale::Fr, None, false) => String::from("Connexion à un service en ligne"),
        (Locale::En, None, false) => String::from("Sign-in to an online service"),
        (Locale::Fr, None, true) => {
            String::from("Accès à votre compte : ajouter ou retirer un téléphone, associer un autre compte")
        }
        (Locale::En, None, true) => {
            String::from("Access to your account: adding or removing a phone, linking another account")
        }
        (Locale::Fr, Some(provider), false) => {
            format!("Relier votre compte à {provider}, et connexion à un service en ligne")
        }
        (Locale::En, Some(provider), false) => {
            format!("Link your account to {provider}, and sign in to an online service")
        }
        (Locale::Fr, Some(provider), true) => {
            format!(
                "Relier votre compte à {provider}, et y accéder : ajouter ou retirer un téléphone, associer un autre compte"
            )
        }
        (Locale::En, Some(provider), true) => {
            format!(
                "Link your account to {provider}, and access it: adding or removing a phone, linking another account"
            )
        }
    };
    let warning = |provider: &str| match asked.interaction.locale {
        Locale::Fr => format!("Ensuite, {provider} ouvrira aussi votre compte."),
        Locale::En => format!("From then on, {provider} will open your account too."),
    };
    ApprovalText {
        service: asked.client.name.clone(),
        purpose,
        origin: format!("{} ({})", asked.origin.agent, asked.origin.address),
        at: now.rfc3339(),
        details: asked.linking.map(warning).into_iter().collect(),
        approval: id,
    }
}
