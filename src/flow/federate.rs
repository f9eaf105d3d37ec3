//! Sign-in by another identity provider, the way there (`OpenID Connect Core` 3.1.2.1): offered, chosen, sent.
//!
//! 1. [`Provider::federate`]: the person chose a provider on the page; `idp_hint` of the request goes straight there
//! 2. the answer comes back in `federated.rs`
//! 3. whose account it opens is decided in `linking.rs`

use std::time::Duration;

use url::Url;

use crate::audit::EventKind;
use crate::base::{AuditId, Entropy, InteractionId, Secret, TokenHash, UnixTime};
use crate::federation::{FederationTicket, Purpose, SignInTicket, UpstreamProvider};
use crate::identity::{Acr, Way};
use crate::interaction::{Interaction, Locale, Step, required_acr};
use crate::oidc::{AuthenticationRequest, Prompt};
use crate::ports::{ThrottleRule, UpstreamError, UpstreamRequest, Versioned};

use super::{BrowserState, FlowError, Origin, Provider, Screen, TurnError};

/// Browsers sent to other providers from one source.
const SENT: ThrottleRule =
    ThrottleRule { name: "federate_source", limit: 60, window: Duration::from_mins(1) };

/// A provider as the page offers it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfferedProvider {
    /// Its name in addresses.
    pub id: String,
    /// Its name for persons.
    pub name: String,
    /// Where the browser goes, for the page's form targets.
    pub origin: String,
}

/// What became of a wish to sign in elsewhere.
pub enum Federating {
    /// The browser goes there.
    Leave(Url),
    /// It cannot.
    Failed(Setback),
}

/// A sign-in by another provider that came to nothing; the interaction is still open.
#[derive(Clone, Debug)]
pub struct Setback {
    /// The interaction to go back to.
    pub interaction: InteractionId,
    /// Language of the page.
    pub locale: Locale,
    /// The provider's name.
    pub provider: String,
    /// What to tell the person.
    pub sentence: SetbackSentence,
    /// Under what the audit log has it.
    pub reference: AuditId,
}

/// What the person is told; the audit log knows more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SetbackSentence {
    /// The person did not finish there.
    Unfinished,
    /// The provider does not answer.
    Unavailable,
    /// Its answer cannot be accepted.
    NotAccepted,
    /// It did not identify the person surely enough.
    LevelTooLow,
    /// It did not identify the person surely enough to lead to an account the first time.
    LinkTooLow,
    /// Nobody here has this identity.
    NoAccount,
    /// Only support can tell who this is.
    AskSupport,
    /// The account may not be used.
    AccountClosed,
    /// The account has to be proved by a phone, and has none in use.
    NoPhone,
    /// Too many requests wait.
    TooMany,
}

impl Provider {
    /// `POST /interaction/{id}/federate`: the person chose a provider.
    pub async fn federate(
        &self,
        id: InteractionId,
        browser: &BrowserState,
        (provider, csrf): (&str, &str),
        origin: &Origin,
    ) -> Result<Federating, TurnError> {
        let now = self.now();
        let Versioned { value: interaction, .. } = self.form_interaction(id, browser, csrf, now).await?;
        if interaction.step != Step::Identify && !matches!(interaction.step, Step::Approve { .. }) {
            return Err(TurnError::Gone);
        }
        let floor = required_acr(&interaction.request);
        let provider = self.reaching(floor).into_iter().find(|offered| offered.id.as_str() == provider);
        let Some(provider) = provider else { return Err(TurnError::Gone) };
        if !self.ports.throttle.hit(SENT, &origin.source(), now).await? {
            let event = self.about(&interaction, provider, EventKind::UpstreamRequest, Err("too_many"), now);
            self.ports.audit.append(&event).await?;
            let reference = event.id;
            return Ok(Federating::Failed(setback(
                &interaction,
                provider,
                (SetbackSentence::TooMany, reference),
            )));
        }
        Ok(self.send(&interaction, provider, now).await?)
    }

    /// Sends the browser of an interaction to a provider: what its answer must match is kept under the hash of `state`.
    pub(super) async fn send(
        &self,
        interaction: &Interaction,
        provider: &UpstreamProvider,
        now: UnixTime,
    ) -> Result<Federating, FlowError> {
        let [state, nonce, verifier] = [(); 3].map(|()| hex_secret(&*self.ports.entropy));
        let requested = provider.level_for(required_acr(&interaction.request));
        let login = wants_new_sign_in(&interaction.request);
        let request = UpstreamRequest {
            provider: provider.id.clone(),
            redirect_uri: self.federation_address(provider, "callback"),
            state: state.clone(),
            nonce: nonce.clone(),
            code_verifier: verifier.clone(),
            acr_values: requested.iter().map(|level| level.as_str().to_owned()).collect(),
            login,
            ui_locale: Some(interaction.locale.as_str().to_owned()),
        };
        let url = match self.ports.upstream.authorization_url(&request).await {
            Ok(url) => url,
            Err(error) => {
                let (reason, sentence) = upstream_words(error);
                let event = self.about(interaction, provider, EventKind::UpstreamRequest, Err(reason), now);
                self.ports.audit.append(&event).await?;
                return Ok(Federating::Failed(setback(interaction, provider, (sentence, event.id))));
            }
        };
        let since = login.then_some(now);
        let interaction_id = interaction.id;
        let purpose =
            Purpose::SignIn(SignInTicket { interaction: interaction_id, nonce, verifier, requested, since });
        let deadline = now.plus(self.policy.lifetimes.federation).min(interaction.deadline);
        let ticket = FederationTicket { purpose, provider: provider.id.clone(), deadline };
        self.ports.one_shot.put_federation(&TokenHash::of(state.expose()), &ticket).await?;
        let event = self.about(interaction, provider, EventKind::UpstreamRequest, Ok("sent"), now);
        self.ports.audit.append(&event).await?;
        Ok(Federating::Leave(url))
    }

    /// Where the provider that the service wants is, when it is configured, sure enough and answers.
    pub(super) async fn straight_to(
        &self,
        hint: Option<&str>,
        interaction: &Interaction,
        now: UnixTime,
    ) -> Result<Option<Url>, FlowError> {
        let offered = self.reaching(required_acr(&interaction.request));
        let wanted = offered.into_iter().find(|provider| Some(provider.id.as_str()) == hint);
        let Some(provider) = wanted else { return Ok(None) };
        match self.send(interaction, provider, now).await? {
            Federating::Leave(url) => Ok(Some(url)),
            Federating::Failed(_) => Ok(None),
        }
    }

    /// The providers that can reach `floor`, in the order of the settings.
    pub(super) fn reaching(&self, floor: Option<Acr>) -> Vec<&UpstreamProvider> {
        let mut providers = self.ports.upstream.providers();
        providers.retain(|provider| Some(provider.ceiling()) >= floor);
        providers
    }

    /// The same, for the page.
    fn offered(&self, interaction: &Interaction) -> Vec<OfferedProvider> {
        let offer = |provider: &UpstreamProvider| OfferedProvider {
            id: provider.id.as_str().to_owned(),
            name: provider.name.clone(),
            origin: provider.issuer.clone(),
        };
        self.reaching(required_acr(&interaction.request)).into_iter().map(offer).collect()
    }

    /// The page that asks who the person is.
    pub(super) fn identify_screen(
        &self,
        interaction: &Interaction,
        service: String,
        expired: bool,
    ) -> Screen {
        let floor = required_acr(&interaction.request);
        let phone = Some(Way::TypedNumber.ceiling()) >= floor;
        Screen::Identify { service, expired, providers: self.offered(interaction), phone }
    }

    /// Where a provider sends browsers back: one address for each (RFC 9700 4.4.2.2).
    pub(super) fn federation_address(&self, provider: &UpstreamProvider, end: &str) -> String {
        format!("{}/federation/{}/{end}", self.policy.issuer, provider.id)
    }

    /// An event of an interaction and a provider.
    pub(super) fn about(
        &self,
        interaction: &Interaction,
        provider: &UpstreamProvider,
        kind: EventKind,
        outcome: Result<&'static str, &'static str>,
        now: UnixTime,
    ) -> crate::audit::AuditEvent {
        let event = match outcome {
            Ok(reason) => self.succeeded(kind, reason, now),
            Err(reason) => self.refused(kind, reason, now),
        };
        event
            .with_client(interaction.request.oauth.client_id.clone())
            .with_transaction(interaction.id.to_string())
            .with_actor(provider.id.as_str())
    }
}

/// What a failed call is called, and what the person is told.
pub(super) const fn upstream_words(error: UpstreamError) -> (&'static str, SetbackSentence) {
    match error {
        UpstreamError::Unavailable(outage) => (outage.as_str(), SetbackSentence::Unavailable),
        UpstreamError::Refused(refusal) => (refusal.as_str(), SetbackSentence::NotAccepted),
    }
}

pub(super) fn setback(
    interaction: &Interaction,
    provider: &UpstreamProvider,
    (sentence, reference): (SetbackSentence, AuditId),
) -> Setback {
    Setback {
        interaction: interaction.id,
        locale: interaction.locale,
        provider: provider.name.clone(),
        sentence,
        reference,
    }
}

/// 64 hexadecimal digits: letters and digits are what every provider takes, 256 bits are more than any asks for.
pub(super) fn hex_secret(entropy: &dyn Entropy) -> Secret {
    let bytes = crate::base::EntropyExt::bytes::<32>(entropy);
    let mut digits = String::with_capacity(64);
    for nibble in bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]) {
        digits.extend(char::from_digit(u32::from(nibble), 16));
    }
    Secret::new(digits)
}

/// `OpenID` Connect Core 3.1.2.1: what a session here would not satisfy, one there does not either.
fn wants_new_sign_in(request: &AuthenticationRequest) -> bool {
    request.max_age.is_some()
        || [Prompt::Login, Prompt::SelectAccount].into_iter().any(|prompt| request.prompt.contains(prompt))
}
