//! Logout (RP-Initiated Logout 1.0): who may end a session without asking, and what ends with it.
//!
//! Steps: (1) parse, (2) read the hint, (3) find the browser's session, (4) judge: proceed or ask, (5) end: cut-off
//! of the session in SQL, which every token, family and code of it obeys, then the browser's own things. The request
//! travels through the question in a sealed ticket, so that nothing is stored for it and the address shows no ID
//! token.

use std::sync::Arc;

use crate::approval::{Approval, Pending, StoredApproval};
use crate::audit::EventKind;
use crate::base::{InteractionId, Secret, Sid, TokenHash, UnixTime, base64url, from_base64url};
use crate::interaction::{Locale, Refusal, Step};
use crate::jose::SealContext;
use crate::oauth::{Client, ErrorCode, RawParams};
use crate::oidc::{
    BrowserSession, HintClaims, LogoutRequest, LogoutReturn, LogoutVerdict, judge_logout, logout_request,
    logout_return,
};
use crate::ports::{Cutoff, CutoffScope, PortResult, Session};

use super::{BrowserState, FlowError, Provider, TurnError};

/// An interaction whose cookie a browser shows.
pub struct BrowserInteraction {
    /// Which.
    pub id: InteractionId,
    /// Its cookie.
    pub cookie: Secret,
}

/// The question whether the person wants to sign out.
pub struct LogoutPage {
    /// Name of the service that asks, when a valid hint or a `client_id` tells.
    pub service: Option<String>,
    /// The request, sealed, for the form.
    pub ticket: String,
    /// Token the form carries.
    pub csrf: String,
    /// Where the browser may go afterwards, for the page's form targets.
    pub target: Option<String>,
    /// The identity provider that the browser passes on the way, for the same.
    pub upstream: Option<String>,
    /// Language.
    pub locale: Locale,
}

/// A logout that is done, or declined.
pub struct LoggedOut {
    /// Where the browser goes.
    pub way_back: LogoutReturn,
    /// False when the person chose to stay.
    pub ended: bool,
    /// Language of the page, when it goes nowhere.
    pub locale: Locale,
}

/// What comes next in a logout.
pub enum LogoutStep {
    /// Ask the person.
    Ask(LogoutPage),
    /// Done.
    Done(LoggedOut),
}

/// A request with all that is known about it.
struct Incoming {
    request: LogoutRequest,
    hint: Option<HintClaims>,
    /// The client of a valid hint.
    client: Option<Arc<Client>>,
    session: Option<Session>,
    standing: BrowserSession,
    locale: Locale,
}

impl Provider {
    /// A logout request as it travels through the browser.
    pub fn logout_ticket(&self, params: &RawParams) -> Result<String, FlowError> {
        let text = params.encode();
        if text.len() > MAX_TICKET {
            return Err(FlowError::protocol(ErrorCode::InvalidRequest, "the logout request is too large"));
        }
        let deadline = self.now().plus(self.policy.lifetimes.interaction).millis();
        let plain = [deadline.to_be_bytes().as_slice(), text.as_bytes()].concat();
        Ok(base64url(self.storage.seal(&*self.ports.entropy, &TICKET, &plain)))
    }

    /// A logout request arrives: with its parameters or, as `ticket`, sealed.
    pub async fn begin_logout(
        &self,
        params: &RawParams,
        browser: &BrowserState,
        interactions: &[BrowserInteraction],
    ) -> Result<LogoutStep, TurnError> {
        let now = self.now();
        let opened = match params.get("ticket")? {
            Some(ticket) => Some(self.open_ticket(ticket, now).await.ok_or(TurnError::Gone)?),
            None => None,
        };
        let params = opened.as_ref().unwrap_or(params);
        let incoming = self.incoming(params, browser, now).await?;
        match judge_logout(&incoming.request, incoming.hint.as_ref(), incoming.standing)? {
            LogoutVerdict::Proceed => self.log_out(incoming, browser, interactions, now).await,
            LogoutVerdict::Ask => {
                let cookie = browser.session.as_ref().map_or("", Secret::expose);
                Ok(LogoutStep::Ask(LogoutPage {
                    service: self.asking_service(&incoming).await?,
                    ticket: self.logout_ticket(params)?,
                    csrf: self.csrf_token(cookie),
                    upstream: self.upstream_origin(incoming.session.as_ref()),
                    target: match logout_return(&incoming.request, incoming.client.as_deref()) {
                        LogoutReturn::Redirect(location) => Some(location),
                        LogoutReturn::Stay | LogoutReturn::Refused => None,
                    },
                    locale: incoming.locale,
                }))
            }
        }
    }

    /// The person has answered the question; `csrf` must be that of the browser's session.
    pub async fn answer_logout(
        &self,
        (ticket, csrf, wanted): (&str, &str, bool),
        browser: &BrowserState,
        interactions: &[BrowserInteraction],
    ) -> Result<LogoutStep, TurnError> {
        let now = self.now();
        let params = self.open_ticket(ticket, now).await.ok_or(TurnError::Gone)?;
        let incoming = self.incoming(&params, browser, now).await?;
        let cookie = browser.session.as_ref().map_or("", Secret::expose);
        let expected = Secret::new(self.csrf_token(cookie));
        // RP-Initiated Logout 6: only a form of ours, in this very session.
        if incoming.session.is_some() && expected != Secret::new(csrf.to_owned()) {
            return Err(TurnError::OtherBrowser);
        }
        judge_logout(&incoming.request, incoming.hint.as_ref(), incoming.standing)?;
        if wanted {
            return self.log_out(incoming, browser, interactions, now).await;
        }
        let way_back = LogoutReturn::Stay;
        Ok(LogoutStep::Done(LoggedOut { way_back, ended: false, locale: incoming.locale }))
    }

    async fn open_ticket(&self, ticket: &str, now: UnixTime) -> Option<RawParams> {
        let plain = self.storage.open(&TICKET, &from_base64url(ticket).ok()?).await.ok()?;
        let (deadline, text) = plain.split_first_chunk::<8>()?;
        if now.millis() >= i64::from_be_bytes(*deadline) {
            return None;
        }
        RawParams::parse(text).ok()
    }

    async fn incoming(
        &self,
        params: &RawParams,
        browser: &BrowserState,
        now: UnixTime,
    ) -> Result<Incoming, TurnError> {
        let request = logout_request(params)?;
        let hint = request.id_token_hint.as_ref().and_then(|hint| self.read_hint(hint));
        let client = match &hint {
            Some(hint) => self.registered_client(&hint.aud).await?.filter(|client| client.enabled),
            None => None,
        };
        let session = self.current_session(browser.session.as_ref(), now).await?;
        let standing = self.standing(session.as_ref(), hint.as_ref(), client.as_deref()).await?;
        let tags = request.ui_locales.iter().chain(&browser.languages).map(String::as_str);
        let locale = Locale::choose(tags);
        Ok(Incoming { request, hint, client, session, standing, locale })
    }

    async fn standing(
        &self,
        session: Option<&Session>,
        hint: Option<&HintClaims>,
        client: Option<&Client>,
    ) -> PortResult<BrowserSession> {
        let Some(session) = session else { return Ok(BrowserSession::None) };
        let Some((hint, client)) = hint.zip(client) else { return Ok(BrowserSession::Other) };
        if hint.sid != Some(session.sid) {
            return Ok(BrowserSession::Other);
        }
        // The session is of who authenticated, whoever they acted for.
        let person = self.ports.persons.find(session.person).await?;
        let same = person.is_some_and(|person| self.subject_for(client, &person) == hint.authenticated());
        Ok(if same { BrowserSession::OfHint } else { BrowserSession::Other })
    }

    async fn asking_service(&self, incoming: &Incoming) -> PortResult<Option<String>> {
        if let Some(client) = &incoming.client {
            return Ok(Some(client.name.clone()));
        }
        let Some(id) = &incoming.request.client_id else { return Ok(None) };
        let client = self.registered_client(id).await?;
        Ok(client.filter(|client| client.enabled).map(|client| client.name.clone()))
    }

    /// Ends the browser's session and the one the hint names, and all that hangs on them.
    async fn log_out(
        &self,
        incoming: Incoming,
        browser: &BrowserState,
        interactions: &[BrowserInteraction],
        now: UnixTime,
    ) -> Result<LogoutStep, TurnError> {
        // The session of a hint may live on without its cookie: its families would be refreshed for hours.
        let named = incoming.hint.as_ref().filter(|_| incoming.client.is_some()).and_then(|hint| hint.sid);
        let current = incoming.session.as_ref().map(|session| session.sid);
        for sid in current.into_iter().chain(named.filter(|sid| current != Some(*sid))) {
            self.cut_session(sid, &incoming, now).await?;
        }
        if let Some(cookie) = &browser.session {
            self.ports.sessions.remove(&TokenHash::of(cookie.expose())).await?;
        }
        for shown in interactions {
            self.abandon(shown, now).await?;
        }
        let way_back = logout_return(&incoming.request, incoming.client.as_deref());
        let way_back = self.by_way_of_upstream(incoming.session.as_ref(), way_back, now).await?;
        Ok(LogoutStep::Done(LoggedOut { way_back, ended: true, locale: incoming.locale }))
    }

    async fn cut_session(&self, sid: Sid, incoming: &Incoming, now: UnixTime) -> PortResult<()> {
        let cutoff = Cutoff { scope: CutoffScope::Session(sid), at: now };
        let mut event =
            self.succeeded(EventKind::SessionEnded, "logout", now).with_transaction(sid.to_string());
        if let Some(session) = incoming.session.as_ref().filter(|session| session.sid == sid) {
            event = event.with_person(session.person);
        }
        if let Some(client) = &incoming.client {
            event = event.with_client(client.client_id.clone());
        }
        self.ports.revocation.revoke(&cutoff, &event).await?;
        self.cutoffs.note(&cutoff);
        Ok(())
    }

    /// An authorization under way in the browser ends too, with the request on the phone (`attacks.md` A-101).
    async fn abandon(&self, shown: &BrowserInteraction, now: UnixTime) -> PortResult<()> {
        let Some(stored) = self.ports.interactions.load(shown.id, now).await? else { return Ok(()) };
        let mut interaction = stored.value;
        let own = TokenHash::of(shown.cookie.expose()).matches(&interaction.browser);
        if !own || interaction.step == Step::Done {
            return Ok(());
        }
        if let Step::Approve { approval } = interaction.step
            && let Some(waiting) = self.ports.approvals.load(approval, now).await?
            && let StoredApproval::Pending(pending) = waiting.value
        {
            let next = withdrawn(pending, now);
            self.ports.approvals.advance(waiting.version, &next).await?;
        }
        interaction.refusal = Some(Refusal::Cancelled);
        let event = self
            .succeeded(EventKind::InteractionAbandoned, "logout", now)
            .with_client(interaction.request.oauth.client_id.clone())
            .with_transaction(interaction.id.to_string());
        self.ports.audit.append(&event).await?;
        self.ports.interactions.advance(stored.version, &interaction).await.map(drop)
    }
}

/// The person's own logout is their refusal.
fn withdrawn(pending: Approval<Pending>, now: UnixTime) -> StoredApproval {
    match pending.deny(now, false) {
        Ok(denied) => StoredApproval::Denied(denied),
        Err(expired) => StoredApproval::Expired(expired),
    }
}

const TICKET: SealContext<'_> = SealContext { kind: "logout/request", name: b"", clear: &[] };
/// Bytes of a request that still fit, sealed, in an address.
const MAX_TICKET: usize = 16 * 1024;
