//! The hub (design, "The walk"): an authorization request comes in, one pure decision says what comes next, that
//! one step is done, and whoever finishes a step comes back here.
//!
//! 1. [`Provider::begin`] reads the request, pushed or not, and answers at once or opens an interaction
//! 2. [`Provider::identify`] (in `identify.rs`) opens an approval
//! 3. the phone decides (in `approve.rs`)
//! 4. [`Provider::resume`] decides again, and finishes

use std::sync::Arc;

use crate::audit::EventKind;
use crate::base::{EntropyExt, InteractionId, Secret, TokenHash, UnixTime};
use crate::federation::UpstreamProvider;
use crate::interaction::{ApprovalProgress, Interaction, Locale, NextStep, Situation, Step, decide};
use crate::oauth::{AuthorizationResponse, AuthorizeError, Client, RawParams};
use crate::oidc::{AuthenticationRequest, authentication_request};
use crate::ports::{Session, Versioned};

use super::consent::asked;
use super::hub::minimum_acr;
use super::par::must_push;
use super::{Answer, Begun, BrowserState, FlowError, Opened, Provider, Screen, Turn, TurnError};

/// A request with the client and the `request_uri` it came by.
struct Incoming {
    request: AuthenticationRequest,
    client: Arc<Client>,
    pushed: Option<TokenHash>,
    /// The provider that the service wants, by its name here.
    idp_hint: Option<String>,
}

impl Provider {
    /// `GET|POST /authorize`.
    pub async fn begin(&self, params: &RawParams, browser: &BrowserState) -> Result<Begun, TurnError> {
        let now = self.now();
        let incoming = match self.read_request(params, now).await? {
            Ok(incoming) => incoming,
            Err(AuthorizeError::Page(error)) => return Err(FlowError::from(error).into()),
            Err(AuthorizeError::Redirect(redirect)) => {
                let response = self.error_response(
                    (&redirect.redirect_uri, redirect.response_mode, redirect.state.as_deref()),
                    &redirect.error,
                );
                let event = self.refused(EventKind::AuthorizationRequest, redirect.error.code.as_str(), now);
                self.append_anonymous(&event, &browser.origin).await?;
                return Ok(Begun::Answer(Box::new(bare(response))));
            }
        };
        match self.answer_or_open(&incoming, browser, now).await {
            // RFC 6749 4.1.2.1: what a status cannot tell through a redirect.
            Err(TurnError::Request(error @ FlowError::Port(_))) => {
                let error = error.into_oauth();
                tracing::error!(error = error.code.as_str(), reason = error.internal, "no authorization");
                let oauth = &incoming.request.oauth;
                let to = (oauth.redirect_uri.as_str(), oauth.response_mode, oauth.state.as_deref());
                Ok(Begun::Answer(Box::new(bare(self.error_response(to, &error)))))
            }
            done => done,
        }
    }

    async fn answer_or_open(
        &self,
        incoming: &Incoming,
        browser: &BrowserState,
        now: UnixTime,
    ) -> Result<Begun, TurnError> {
        let session = self.current_session(browser.session.as_ref(), now).await?;
        let interaction = self.new_interaction(incoming, browser, now);
        let next = self.next_step(
            &interaction.value,
            &incoming.client,
            session.as_ref(),
            ApprovalProgress::None,
            now,
        );
        match next.await? {
            step @ (NextStep::Issue { .. } | NextStep::Refuse { .. }) => {
                let held = Held { interaction: &interaction.value, client: &incoming.client, session, now };
                Ok(Begun::Answer(Box::new(self.answer_at_once(&held, browser, step).await?)))
            }
            step @ (NextStep::Identify { .. }
            | NextStep::Approve
            | NextStep::Email
            | NextStep::Represent
            | NextStep::Consent) => {
                self.allow_one_more(&browser.origin, now).await?;
                // The first look at its page says which step it is at.
                let opened = interaction.value;
                let event = self
                    .succeeded(EventKind::InteractionOpened, "opened", now)
                    .with_client(incoming.client.client_id.clone())
                    .with_transaction(opened.id.to_string());
                self.ports.audit.append(&event).await?;
                self.ports.interactions.insert(&opened).await?;
                let hint = incoming.idp_hint.as_deref().filter(|_| matches!(step, NextStep::Identify { .. }));
                let leave = self.straight_to(hint, &opened, now).await?;
                Ok(Begun::Opened(Opened { id: opened.id, cookie: interaction.cookie, leave }))
            }
        }
    }

    /// Decides again, for the browser the interaction belongs to.
    pub async fn resume(&self, id: InteractionId, browser: &BrowserState) -> Result<Turn, TurnError> {
        let now = self.now();
        let Versioned { version, value: mut interaction } = self.own_interaction(id, browser, now).await?;
        let client = self.client_of(&interaction).await?;
        let (progress, approval) = self.follow_approval(&mut interaction, now).await?;
        self.complete_link(&mut interaction, now).await?;
        self.drop_cut_proof(&mut interaction, now).await?;
        let session = self.current_session(browser.session.as_ref(), now).await?;
        let next = self.next_step(&interaction, &client, session.as_ref(), progress, now).await?;
        let step = match &next {
            NextStep::Identify { .. } => Step::Identify,
            NextStep::Approve => interaction.step.clone(),
            NextStep::Email => Step::Email { person: asked(&interaction, session.as_ref())?.person },
            NextStep::Represent => Step::Represent { person: asked(&interaction, session.as_ref())?.person },
            NextStep::Consent => Step::Consent { person: asked(&interaction, session.as_ref())?.person },
            NextStep::Issue { .. } | NextStep::Refuse { .. } => {
                let held = Held { interaction: &interaction, client: &client, session, now };
                return self.conclude((version, held), browser, next).await;
            }
        };
        if step != interaction.step || matches!(step, Step::Consent { .. }) {
            interaction.step = step;
            // One step wins: another tab that was faster has moved it on already.
            if !self.ports.interactions.advance(version, &interaction).await? {
                return Err(TurnError::Gone);
            }
        }
        let screen = match next {
            NextStep::Issue { .. } | NextStep::Refuse { .. } => return Err(TurnError::Gone),
            NextStep::Identify { expired } => {
                self.identify_screen(&interaction, client.name.clone(), expired)
            }
            NextStep::Approve => self.number_screen(approval.as_ref(), client.name.clone(), now)?,
            NextStep::Email => Screen::Email { service: client.name.clone() },
            NextStep::Represent => {
                let proof = asked(&interaction, session.as_ref())?;
                self.represent_screen(&interaction, &client, proof, now).await?
            }
            NextStep::Consent => {
                let proof = asked(&interaction, session.as_ref())?;
                self.consent_screen(&interaction, client.name.clone(), proof).await?
            }
        };
        Ok(self.page(&interaction, browser, screen))
    }

    /// The interaction `id`, when `browser` holds its cookie (design decision 11).
    pub(super) async fn own_interaction(
        &self,
        id: InteractionId,
        browser: &BrowserState,
        now: UnixTime,
    ) -> Result<Versioned<Interaction>, TurnError> {
        let Some(stored) = self.ports.interactions.load(id, now).await? else { return Err(TurnError::Gone) };
        // Before the cookie, which the browser was told to forget: its back button is no other browser.
        if stored.value.step == Step::Done {
            return Err(TurnError::Gone);
        }
        let owner = browser
            .interaction
            .as_ref()
            .is_some_and(|cookie| TokenHash::of(cookie.expose()).matches(&stored.value.browser));
        if !owner {
            let event = self
                .refused(EventKind::InteractionOpened, "another_browser", now)
                .with_client(stored.value.request.oauth.client_id.clone())
                .with_transaction(id.to_string());
            self.append_stray(&event, id).await?;
            return Err(TurnError::OtherBrowser);
        }
        Ok(stored)
    }

    pub(super) async fn client_of(&self, interaction: &Interaction) -> Result<Arc<Client>, TurnError> {
        let client = self.browser_client(&interaction.request.oauth.client_id).await?;
        client.filter(|client| client.enabled).ok_or(TurnError::Gone)
    }

    pub(super) fn page(&self, interaction: &Interaction, browser: &BrowserState, screen: Screen) -> Turn {
        let cookie = browser.interaction.as_ref().map_or("", Secret::expose);
        Turn::Page {
            screen,
            locale: interaction.locale,
            redirect_uri: interaction.request.oauth.redirect_uri.clone(),
            csrf: self.csrf_token(cookie),
        }
    }

    /// The token that the forms of an interaction carry: derived from its cookie, so that nothing else is stored.
    pub(super) fn csrf_token(&self, cookie: &str) -> String {
        crate::base::base64url(self.storage.mac("csrf", &[cookie.as_bytes()]))
    }

    async fn read_request(
        &self,
        params: &RawParams,
        now: UnixTime,
    ) -> Result<Result<Incoming, AuthorizeError>, FlowError> {
        let client = self.requesting_client(params).await?;
        let (params, pushed) = match params.get("request_uri")? {
            None if client.profile.requires_par() => return Err(must_push()),
            None => (params.clone(), None),
            Some(uri) => {
                let Some((hash, parameters)) = self.pushed_by(&client, uri, now).await? else {
                    return Err(self.refuse_request_uri(&client, now).await?);
                };
                (RawParams::parse(parameters.as_bytes())?, Some(hash))
            }
        };
        // Given twice it says nothing; the rest of the request is judged on its own.
        let idp_hint = params.get("idp_hint").ok().flatten().map(str::to_owned);
        let request = authentication_request(&params, &client);
        Ok(request.map(|request| Incoming { request, client, pushed, idp_hint }))
    }

    fn new_interaction(&self, incoming: &Incoming, browser: &BrowserState, now: UnixTime) -> NewInteraction {
        let cookie = self.ports.entropy.token();
        let asked = incoming.request.ui_locales.iter().chain(&browser.languages).map(String::as_str);
        let value = Interaction {
            id: InteractionId::random(&*self.ports.entropy),
            request: incoming.request.clone(),
            pushed: incoming.pushed,
            browser: TokenHash::of(cookie.expose()),
            locale: Locale::choose(asked),
            opened: now,
            deadline: now.plus(self.policy.lifetimes.interaction),
            step: Step::Identify,
            proof: None,
            acting: None,
            consented: None,
            consented_at: None,
            refusal: None,
            pending_link: None,
            upstream: None,
        };
        NewInteraction { value, cookie }
    }

    async fn next_step(
        &self,
        interaction: &Interaction,
        client: &Client,
        session: Option<&Session>,
        approval: ApprovalProgress,
        now: UnixTime,
    ) -> Result<NextStep, FlowError> {
        let session = session.map(|session| &session.proof);
        let hinted =
            self.hinted_person(&interaction.request, client, [interaction.proof.as_ref(), session]).await?;
        let proof = interaction.proof.as_ref().or(session);
        let representation = self.representation_progress(interaction, client, proof, now).await?;
        let consent = self.consent_progress(interaction, client, proof).await?;
        let lacks_email = self.lacks_email(client, proof).await?;
        let next = decide(&Situation {
            request: &interaction.request,
            opened: interaction.opened,
            session,
            fresh: interaction.proof.as_ref(),
            approval,
            hinted,
            lacks_email,
            representation,
            consent,
            refusal: interaction.refusal,
            minimum: minimum_acr(client),
            upstreams: self.reaching(None).into_iter().map(UpstreamProvider::ceiling).max(),
            policy: &self.policy.assurance,
            now,
        });
        self.admitted(client, next).await
    }
}

/// An answer that changes nothing in the browser.
fn bare(response: AuthorizationResponse) -> Answer {
    Answer { response, session: None, known: None, locale: Locale::default() }
}

struct NewInteraction {
    value: Interaction,
    cookie: Secret,
}

/// An interaction about to be answered.
pub(super) struct Held<'a> {
    /// The interaction.
    pub(super) interaction: &'a Interaction,
    /// Its client.
    pub(super) client: &'a Client,
    /// The browser's session.
    pub(super) session: Option<Session>,
    /// Now.
    pub(super) now: UnixTime,
}
