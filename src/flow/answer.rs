//! The end of an interaction: a code or an error, for the client, through the browser.

use crate::audit::{AuditEvent, EventKind};
use crate::base::{EntropyExt, GrantId, PersonId, Secret, TokenHash, UnixTime};
use crate::identity::AuthenticationProof;
use crate::interaction::{Interaction, NextStep, Step};
use crate::oauth::{
    AuthorizationResponse, Client, CodeBinding, ErrorCode, OAuthError, REPRESENTATION, ResponseMode,
    authorization_response, error_params, success_params,
};
use crate::oidc::{AuthenticationRequest, HintClaims, validate_hint};
use crate::ports::{CodePayload, PortResult, Session};

use super::authorize::Held;
use super::{Answer, BrowserState, FlowError, Provider, Turn, TurnError};

impl Provider {
    /// Answers for a stored interaction. Session and code are kept first: nobody knows them until the step to `Done`,
    /// which has one winner of several tabs. When a port fails before it, or the audit log after it, the interaction
    /// is as it was, and the same browser may come again (`security.md` 4.4, S).
    pub(super) async fn conclude(
        &self,
        (version, held): (u64, Held<'_>),
        browser: &BrowserState,
        next: NextStep,
    ) -> Result<Turn, TurnError> {
        self.burn(&held, browser).await?;
        let (answer, events) = self.prepare_answer(&held, browser, next).await?;
        let done = Interaction { step: Step::Done, ..held.interaction.clone() };
        if !self.ports.interactions.advance(version, &done).await? {
            return Err(TurnError::Gone);
        }
        if let Err(error) = self.append_all(&events).await {
            self.reopen(version.saturating_add(1), held.interaction).await;
            return Err(error.into());
        }
        self.forget_replaced(&answer, browser).await;
        Ok(Turn::Answer(answer))
    }

    /// Takes the step to `Done` back: nothing was answered.
    async fn reopen(&self, version: u64, interaction: &Interaction) {
        if let Err(error) = self.ports.interactions.advance(version, interaction).await {
            tracing::warn!(reason = %error, "an interaction that was not answered cannot go on");
        }
    }

    /// Answers at once, without a stored interaction. A failure is told to the client, whose request is then over.
    pub(super) async fn answer_at_once(
        &self,
        held: &Held<'_>,
        browser: &BrowserState,
        next: NextStep,
    ) -> Result<Answer, TurnError> {
        self.burn(held, browser).await?;
        let refused = matches!(next, NextStep::Refuse { .. });
        let (answer, events) = self.prepare_answer(held, browser, next).await?;
        for event in &events {
            if refused {
                self.append_anonymous(event, &browser.origin).await?;
            } else {
                self.ports.audit.append(event).await?;
            }
        }
        self.forget_replaced(&answer, browser).await;
        Ok(answer)
    }

    async fn append_all(&self, events: &[AuditEvent]) -> PortResult<()> {
        for event in events {
            self.ports.audit.append(event).await?;
        }
        Ok(())
    }

    /// The answer to the client, and what the audit log will say of it.
    async fn prepare_answer(
        &self,
        held: &Held<'_>,
        browser: &BrowserState,
        step: NextStep,
    ) -> Result<(Answer, Vec<AuditEvent>), TurnError> {
        match step {
            NextStep::Issue { proof, renew } => self.answer_code(held, browser, &proof, renew).await,
            NextStep::Refuse { code, public } => Ok(self.answer_error(held, &OAuthError::new(code, public))),
            NextStep::Identify { .. }
            | NextStep::Approve
            | NextStep::Email
            | NextStep::Represent
            | NextStep::Consent => Err(TurnError::Gone),
        }
    }

    /// Finishes the `request_uri`: of several interactions it opened, one is answered (RFC 9126 7.3, design decision
    /// 11). That one may ask again.
    async fn burn(&self, held: &Held<'_>, browser: &BrowserState) -> Result<(), TurnError> {
        let Some(pushed) = &held.interaction.pushed else { return Ok(()) };
        if self.ports.one_shot.finish_pushed(pushed, held.interaction.id, held.now).await? {
            return Ok(());
        }
        let event = self
            .refused(EventKind::AuthorizationRequest, "request_uri_used", held.now)
            .with_client(held.client.client_id.clone());
        self.append_anonymous(&event, &browser.origin).await?;
        let error = OAuthError::new(ErrorCode::InvalidRequestUri, "request_uri is unknown or expired");
        Err(FlowError::from(error).into())
    }

    /// Forgets the session that `answer` replaces in this browser. The answer is given already: a store that fails
    /// now keeps it until its idle end, with nobody's browser holding its cookie.
    async fn forget_replaced(&self, answer: &Answer, browser: &BrowserState) {
        let Some(cookie) = browser.session.as_ref().filter(|_| answer.session.is_some()) else { return };
        if let Err(error) = self.ports.sessions.remove(&TokenHash::of(cookie.expose())).await {
            tracing::warn!(reason = %error, "a session that was replaced is kept until its idle end");
        }
    }

    /// The authorization error response (RFC 6749 4.1.2.1, RFC 9207 2).
    pub(super) fn error_response(
        &self,
        (redirect_uri, mode, state): (&str, ResponseMode, Option<&str>),
        error: &OAuthError,
    ) -> AuthorizationResponse {
        let params = error_params(error, state, &self.policy.issuer);
        authorization_response(redirect_uri, mode, &params)
    }

    fn answer_error(&self, held: &Held<'_>, error: &OAuthError) -> (Answer, Vec<AuditEvent>) {
        let oauth = &held.interaction.request.oauth;
        let event = self
            .refused(EventKind::AuthorizationRequest, error.code.as_str(), held.now)
            .with_client(oauth.client_id.clone())
            .with_transaction(held.interaction.id.to_string());
        let response =
            self.error_response((&oauth.redirect_uri, oauth.response_mode, oauth.state.as_deref()), error);
        (Answer { response, session: None, known: None, locale: held.interaction.locale }, vec![event])
    }

    async fn answer_code(
        &self,
        held: &Held<'_>,
        browser: &BrowserState,
        proof: &AuthenticationProof,
        renew: bool,
    ) -> Result<(Answer, Vec<AuditEvent>), TurnError> {
        let old = held.session.as_ref();
        let begins = (proof, held.interaction.upstream.as_ref(), &held.client.client_id);
        let started = if renew { Some(self.start_session(old, begins, held.now).await?) } else { None };
        let session = started.as_ref().map(|started| &started.session).or(held.session.as_ref());
        let session = session.ok_or(TurnError::Gone)?;
        let code = self.put_code(held, session, proof).await?;
        let known = match &started {
            Some(_) => self.known_with(browser, proof.person, held.now).await?,
            None => None,
        };
        let begun = started.as_ref().map(|_| {
            let event = self.succeeded(EventKind::SessionStarted, "authenticated", held.now);
            event.with_person(proof.person)
        });
        let issued = self
            .succeeded(EventKind::CodeIssued, if renew { "authenticated" } else { "session" }, held.now)
            .with_client(held.client.client_id.clone())
            .with_person(proof.person)
            .with_on_behalf_of(held.interaction.on_behalf_of(proof.person).map(|behalf| behalf.person))
            .with_transaction(held.interaction.id.to_string());
        let events = begun.into_iter().chain([issued]).collect();
        let oauth = &held.interaction.request.oauth;
        let params = success_params(&code, oauth.state.as_deref(), &self.policy.issuer);
        let response = authorization_response(&oauth.redirect_uri, oauth.response_mode, &params);
        Ok((
            Answer { response, session: started.map(Box::new), known, locale: held.interaction.locale },
            events,
        ))
    }

    async fn known_with(
        &self,
        browser: &BrowserState,
        person: PersonId,
        now: UnixTime,
    ) -> Result<Option<Secret>, FlowError> {
        let person = self.ports.persons.find(person).await?;
        Ok(person
            .map(|person| self.remember_browser(browser.known.as_ref(), &self.recipient_of(&person), now)))
    }

    async fn put_code(
        &self,
        held: &Held<'_>,
        session: &Session,
        proof: &AuthenticationProof,
    ) -> Result<Secret, FlowError> {
        let code = self.ports.entropy.token();
        let request = &held.interaction.request;
        let payload = CodePayload {
            binding: CodeBinding {
                client_id: held.client.client_id.clone(),
                redirect_uri: request.oauth.redirect_uri.clone(),
                redirect_uri_sent: request.oauth.redirect_uri_sent,
                code_challenge: request.oauth.code_challenge,
                dpop_jkt: request.oauth.dpop_jkt,
            },
            grant: GrantId::random(&*self.ports.entropy),
            person: proof.person,
            on_behalf_of: held.interaction.on_behalf_of(proof.person),
            sid: session.sid,
            session_end: session.absolute_end,
            scope: request.oauth.scope.clone(),
            claims: request.claims.clone(),
            nonce: request.nonce.clone(),
            proof: proof.clone(),
            issued_at: held.now,
            consented_at: held.interaction.consented_at,
            deadline: self.code_deadline(held.now),
        };
        self.ports.one_shot.put_code(&TokenHash::of(code.expose()), &payload).await?;
        Ok(code)
    }

    fn code_deadline(&self, now: UnixTime) -> UnixTime {
        now.plus(self.policy.lifetimes.code)
    }

    /// The person that `id_token_hint` names, among those whose proof is at hand (OpenID Connect Core 3.1.2.2).
    pub(super) async fn hinted_person(
        &self,
        request: &AuthenticationRequest,
        client: &Client,
        proofs: [Option<&AuthenticationProof>; 2],
    ) -> Result<Option<Option<PersonId>>, FlowError> {
        let Some(hint) = &request.id_token_hint else { return Ok(None) };
        let Some(hinted) = self.hinted_subject(hint, client) else { return Ok(Some(None)) };
        // What was issued on behalf of another is answered so again, or not at all: the subject would be another.
        if hinted.actor.is_some() && !request.oauth.scope.contains(REPRESENTATION) {
            return Ok(Some(None));
        }
        for proof in proofs.into_iter().flatten() {
            let person = self.ports.persons.find(proof.person).await?;
            if person.is_some_and(|person| self.subject_for(client, &person) == hinted.authenticated()) {
                return Ok(Some(Some(proof.person)));
            }
        }
        Ok(Some(None))
    }

    /// What an `id_token_hint` of ours says to `client`; `None` when the token is not one of ours or was issued to
    /// another client. An expired one is good (OpenID Connect Core 3.1.2.1).
    pub(super) fn hinted_subject(&self, hint: &Secret, client: &Client) -> Option<HintClaims> {
        let claims = self.read_hint(hint)?;
        (claims.aud == client.client_id).then_some(claims)
    }

    /// What an ID token of ours says, expired or not, signed with a key in use or retired.
    pub(super) fn read_hint(&self, hint: &Secret) -> Option<HintClaims> {
        validate_hint(hint, &self.hint_keys(), &self.policy.issuer).ok()
    }
}
