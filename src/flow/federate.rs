//! Sign-in by another identity provider, the way there (`OpenID Connect Core` 3.1.2.1): offered, chosen, sent.
//!
//! 1. [`Provider::federate`]: the person chose a provider on the page; `idp_hint` of the request goes straight there
//! 2. the answer comes back in `federated.rs`
//! 3. whose account it opens is decided in `linking.rs`

use std::time::Duration;

use url::Url;

use crate::audit::EventKind;
use crate::base::{Entropy, InteractionId, Secret, TokenHash, UnixTime};
use crate::federation::{FederationTicket, Purpose, Question, SignInTicket, UpstreamProvider};
use crate::identity::{Acr, Way};
use crate::interaction::{Interaction, Locale, Step, required_acr};
use crate::oidc::{AuthenticationRequest, Prompt};
use crate::ports::{ThrottleRule, UpstreamError, UpstreamRequest, Versioned};

use super::setback::{setback, upstream_words};
use super::{BrowserState, FlowError, Origin, Provider, Screen, Setback, SetbackSentence, TurnError};

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

/// A sign-in that is asked of a provider.
pub(super) struct Wish {
    /// The level asked for.
    pub(super) requested: Option<Acr>,
    /// Whether the person must sign in anew there.
    pub(super) login: bool,
    /// Language.
    pub(super) locale: Locale,
    /// Until when the answer is taken.
    pub(super) deadline: UnixTime,
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
        if !self.may_leave(origin, now).await? {
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
        let wish = Wish {
            requested: provider.level_for(required_acr(&interaction.request)),
            login: wants_new_sign_in(&interaction.request),
            locale: interaction.locale,
            deadline: now.plus(self.policy.lifetimes.federation).min(interaction.deadline),
        };
        let sign_in = |question| Purpose::SignIn(SignInTicket { interaction: interaction.id, question });
        match self.ask_upstream(provider, &wish, sign_in, now).await? {
            Ok(url) => {
                let event = self.about(interaction, provider, EventKind::UpstreamRequest, Ok("sent"), now);
                self.ports.audit.append(&event).await?;
                Ok(Federating::Leave(url))
            }
            Err(error) => {
                let (reason, sentence) = upstream_words(error);
                let event = self.about(interaction, provider, EventKind::UpstreamRequest, Err(reason), now);
                self.ports.audit.append(&event).await?;
                Ok(Federating::Failed(setback(interaction, provider, (sentence, event.id))))
            }
        }
    }

    /// Where a browser goes to sign in at a provider: what its answer must match is kept under the hash of `state`, once
    /// it is known that there is such a place.
    pub(super) async fn ask_upstream(
        &self,
        provider: &UpstreamProvider,
        wish: &Wish,
        purpose: impl FnOnce(Question) -> Purpose + Send,
        now: UnixTime,
    ) -> Result<Result<Url, UpstreamError>, FlowError> {
        let [state, nonce, verifier] = [(); 3].map(|()| hex_secret(&*self.ports.entropy));
        let request = UpstreamRequest {
            provider: provider.id.clone(),
            redirect_uri: self.federation_address(provider, "callback"),
            state: state.clone(),
            nonce: nonce.clone(),
            code_verifier: verifier.clone(),
            acr_values: wish.requested.iter().map(|level| level.as_str().to_owned()).collect(),
            login: wish.login,
            ui_locale: Some(wish.locale.as_str().to_owned()),
        };
        let url = match self.ports.upstream.authorization_url(&request).await {
            Ok(url) => url,
            Err(error) => return Ok(Err(error)),
        };
        let since = wish.login.then_some(now);
        let purpose = purpose(Question { nonce, verifier, requested: wish.requested, since });
        let ticket = FederationTicket { purpose, provider: provider.id.clone(), deadline: wish.deadline };
        self.ports.one_shot.put_federation(&TokenHash::of(state.expose()), &ticket).await?;
        Ok(Ok(url))
    }

    /// Counts a browser that wants to be sent to a provider; false when its source was sent too often.
    pub(super) async fn may_leave(&self, origin: &Origin, now: UnixTime) -> Result<bool, FlowError> {
        Ok(self.ports.throttle.hit(SENT, &origin.source(), now).await?)
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
