//! The answer of another identity provider, brought by the browser (`OpenID Connect Core` 3.1.2.5 to 3.1.3.7; RFC 9207 2;
//! RFC 9700 4.4, 4.7).
//!
//! In this order: the ticket is taken, once; the interaction's own cookie is asked for, and nothing is redeemed without
//! it; the code is redeemed and everything verified (port); the claims are read; the level is held against the one asked
//! for; the account is decided. What fails is a page and an audit event, and the interaction stays open.

use crate::audit::EventKind;
use crate::base::{Secret, TokenHash};
use crate::federation::{
    ClaimRules, ClaimsError, ClaimsReason, FederationTicket, IdentityForm, Preset, Purpose, Question,
    SignInTicket, UpstreamIdentity, UpstreamProvider, map_claims,
};
use crate::identity::{Acr, UpstreamSession};
use crate::interaction::Step;
use crate::oauth::RawParams;
use crate::ports::{PortError, UpstreamCallback, Versioned};

use super::link_account::LinkReturn;
use super::setback::{setback, upstream_words};
use super::{BrowserState, FlowError, Origin, Provider, Setback, SetbackSentence, TurnError};

/// What an answer leads to.
pub enum Federated {
    /// The interaction goes on.
    GoOn,
    /// A page with a way back to it.
    Failed(Setback),
}

/// The browser's return, by what it was sent for.
pub enum Returned<'a> {
    /// To sign in here.
    SignIn(SignInReturn<'a>),
    /// To link the account there.
    Link(LinkReturn<'a>),
}

/// The browser's return to an interaction.
pub struct SignInReturn<'a> {
    /// The provider, settings and all.
    pub(super) provider: &'a UpstreamProvider,
    /// What was kept.
    pub(super) ticket: SignInTicket,
}

impl SignInReturn<'_> {
    /// The interaction that the browser must own.
    #[must_use]
    pub const fn interaction(&self) -> crate::base::InteractionId {
        self.ticket.interaction
    }
}

/// Why an answer came to nothing.
pub(super) enum Fault {
    /// Refused, for this machine reason.
    Refused(&'static str, SetbackSentence),
    /// Not even a page of ours can be shown for it.
    Turn(TurnError),
}

impl From<TurnError> for Fault {
    fn from(error: TurnError) -> Self {
        Self::Turn(error)
    }
}

impl From<PortError> for Fault {
    fn from(error: PortError) -> Self {
        Self::Turn(error.into())
    }
}

impl From<FlowError> for Fault {
    fn from(error: FlowError) -> Self {
        Self::Turn(error.into())
    }
}

/// A login of another provider, verified.
pub(super) struct Login<'a> {
    pub(super) provider: &'a UpstreamProvider,
    pub(super) requested: Option<Acr>,
    pub(super) identity: UpstreamIdentity,
    pub(super) session: UpstreamSession,
}

impl Provider {
    /// Takes what was kept for the `state` of an answer that came to the address of `provider`.
    pub async fn returned(
        &self,
        provider: &str,
        params: &RawParams,
        origin: &Origin,
    ) -> Result<Returned<'_>, TurnError> {
        let ticket = self.take_ticket(provider, params, origin).await?;
        let (ticket, provider) = ticket.ok_or(TurnError::Gone)?;
        match ticket.purpose {
            Purpose::SignIn(ticket) => Ok(Returned::SignIn(SignInReturn { provider, ticket })),
            Purpose::Link(ticket) => Ok(Returned::Link(LinkReturn { provider, ticket })),
            Purpose::SignOut { .. } => Err(TurnError::Gone),
        }
    }

    /// The ticket of `state`, once, when it is this provider's.
    pub(super) async fn take_ticket(
        &self,
        provider: &str,
        params: &RawParams,
        origin: &Origin,
    ) -> Result<Option<(FederationTicket, &UpstreamProvider)>, TurnError> {
        let now = self.now();
        let state = params.get("state")?.unwrap_or("");
        let ticket = self.ports.one_shot.take_federation(&TokenHash::of(state), now).await?;
        let providers = self.ports.upstream.providers();
        let provider = providers.into_iter().find(|known| known.id.as_str() == provider);
        let reason = match (ticket, provider) {
            (Some(ticket), Some(provider)) if ticket.provider == provider.id => {
                return Ok(Some((ticket, provider)));
            }
            // RFC 9700 4.4.2: the answer of one provider to the question put to another.
            (Some(_), Some(_)) => "other_provider",
            (_, None) => "unknown_provider",
            (None, Some(_)) => "state_unknown",
        };
        let event = self.refused(EventKind::UpstreamAnswer, reason, now);
        let named = provider.map_or(event.clone(), |provider| event.with_actor(provider.id.as_str()));
        self.append_anonymous(&named, origin).await?;
        Ok(None)
    }

    /// `GET /federation/{provider}/callback`, for the browser that owns the interaction.
    pub async fn federated(
        &self,
        returned: SignInReturn<'_>,
        browser: &BrowserState,
        params: &RawParams,
    ) -> Result<Federated, TurnError> {
        let now = self.now();
        let SignInReturn { provider, ticket } = returned;
        let Versioned { version, value: mut interaction } =
            self.own_interaction(ticket.interaction, browser, now).await?;
        if interaction.step != Step::Identify && !matches!(interaction.step, Step::Approve { .. }) {
            return Err(TurnError::Gone);
        }
        let done = match self.redeem(provider, &ticket.question, params).await {
            Ok(login) => self.settle_login((version, &mut interaction), &login, browser).await,
            Err(fault) => Err(fault),
        };
        match done {
            Ok(()) => Ok(Federated::GoOn),
            Err(Fault::Turn(error)) => Err(error),
            Err(Fault::Refused(reason, sentence)) => {
                let now = self.now();
                let event = self.about(&interaction, provider, EventKind::UpstreamAnswer, Err(reason), now);
                self.ports.audit.append(&event).await?;
                Ok(Federated::Failed(setback(&interaction, provider, (sentence, event.id))))
            }
        }
    }

    /// Redeems the code of an answer, and reads who came.
    pub(super) async fn redeem<'a>(
        &self,
        provider: &'a UpstreamProvider,
        question: &Question,
        params: &RawParams,
    ) -> Result<Login<'a>, Fault> {
        let iss = params.get("iss").map_err(|error| Fault::Turn(error.into()))?;
        let code = code_of(provider, params, iss)?;
        let callback = UpstreamCallback {
            provider: provider.id.clone(),
            redirect_uri: self.federation_address(provider, "callback"),
            code,
            iss: iss.map(str::to_owned),
            nonce: question.nonce.clone(),
            code_verifier: question.verifier.clone(),
        };
        let answer = self.ports.upstream.redeem(&callback).await.map_err(|error| {
            let (reason, sentence) = upstream_words(error);
            Fault::Refused(reason, sentence)
        })?;
        let rules = ClaimRules {
            issuer: answer.issuer,
            form: form_of(provider.preset),
            requested: question.requested,
            now: self.now(),
        };
        let identity = map_claims(&answer.id_token, &answer.userinfo, &rules).map_err(|error| {
            tracing::warn!(claim = error.claim, reason = error.reason.as_str(), "upstream claims refused");
            claims_fault(error)
        })?;
        self.check_age(question, &identity)?;
        let session = UpstreamSession {
            provider: provider.id.as_str().to_owned(),
            id_token_hint: answer.id_token_hint,
        };
        Ok(Login { provider, requested: question.requested, identity, session })
    }

    /// `OpenID Connect Core` 3.1.3.7 (13): where a new sign-in was asked for, an older one does not serve.
    fn check_age(&self, question: &Question, identity: &UpstreamIdentity) -> Result<(), Fault> {
        let (Some(since), Some(auth_time)) = (question.since, identity.auth_time) else { return Ok(()) };
        // Seconds there, milliseconds here.
        let tolerated = self.policy.lifetimes.skew.saturating_add(std::time::Duration::from_secs(1));
        if auth_time.plus(tolerated) < since {
            return Err(Fault::Refused("sign_in_too_old", SetbackSentence::NotAccepted));
        }
        Ok(())
    }
}

/// The code of an answer, or what its error means (`OpenID Connect Core` 3.1.2.6; RFC 6749 4.1.2.1).
fn code_of(provider: &UpstreamProvider, params: &RawParams, iss: Option<&str>) -> Result<Secret, Fault> {
    let get = |name| params.get(name).map_err(|error| Fault::Turn(TurnError::from(error)));
    let Some(error) = get("error")? else {
        let code = get("code")?.filter(|code| !code.is_empty());
        let code = code.ok_or(Fault::Refused("no_code", SetbackSentence::NotAccepted))?;
        return Ok(Secret::new(code.to_owned()));
    };
    // RFC 9207 2.4: an error of another provider is not this one's.
    if iss.is_some_and(|iss| iss != provider.issuer) {
        return Err(Fault::Refused("callback_issuer", SetbackSentence::NotAccepted));
    }
    Err(match error {
        "access_denied" => Fault::Refused("denied_there", SetbackSentence::Unfinished),
        "login_required" | "interaction_required" | "consent_required" | "account_selection_required" => {
            Fault::Refused("unfinished_there", SetbackSentence::Unfinished)
        }
        "server_error" => Fault::Refused("server_error", SetbackSentence::Unavailable),
        "temporarily_unavailable" => Fault::Refused("unavailable_there", SetbackSentence::Unavailable),
        "unmet_authentication_requirements" => Fault::Refused("level_too_low", SetbackSentence::LevelTooLow),
        _ => Fault::Refused("error_there", SetbackSentence::NotAccepted),
    })
}

const fn form_of(preset: Preset) -> IdentityForm {
    match preset {
        Preset::FranceConnectPlus => IdentityForm::PivotWithRegister,
        Preset::FranceConnect | Preset::Custom => IdentityForm::Pivot,
        Preset::ProConnect => IdentityForm::Agent,
    }
}

const fn claims_fault(error: ClaimsError) -> Fault {
    let reason = match error.reason {
        ClaimsReason::TooLow => return Fault::Refused("level_too_low", SetbackSentence::LevelTooLow),
        ClaimsReason::Missing => "claim_missing",
        ClaimsReason::WrongType => "claim_wrong_type",
        ClaimsReason::Malformed => "claim_malformed",
        ClaimsReason::Mismatch => "claim_mismatch",
        ClaimsReason::Disagrees => "claim_disagrees",
        ClaimsReason::Abroad => "claim_abroad",
        ClaimsReason::Incomplete => "claim_incomplete",
        ClaimsReason::Future => "claim_future",
    };
    Fault::Refused(reason, SetbackSentence::NotAccepted)
}
