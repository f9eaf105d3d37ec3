//! Consent: asked on a page, remembered where memory suffices (OpenID Connect Core 3.1.2.4).

use std::time::Duration;

use crate::audit::{AuditEvent, EventKind};
use crate::base::{InteractionId, PersonId};
use crate::identity::{AuthenticationProof, GuardianKind};
use crate::interaction::{ConsentProgress, Interaction, Refusal, Step};
use crate::oauth::{Client, ConsentPolicy};
use crate::oidc::{AuthenticationRequest, Prompt};
use crate::ports::{Consent, ConsentSubject, Cutoff, CutoffScope, PortResult, Session, Versioned};

use super::claims::consent_scope;
use super::{BrowserState, FlowError, Provider, Screen, TurnError};

impl Provider {
    /// Whether the person of `proof` has consented, on this page or before.
    pub(super) async fn consent_progress(
        &self,
        interaction: &Interaction,
        client: &Client,
        proof: Option<&AuthenticationProof>,
    ) -> Result<ConsentProgress, FlowError> {
        // Another person may have signed in in this browser since.
        if interaction.consented.is_some_and(|person| proof.is_some_and(|proof| proof.person == person)) {
            return Ok(ConsentProgress::Given);
        }
        let behalf = proof.and_then(|proof| interaction.on_behalf_of(proof.person));
        let on_behalf_of = behalf.map(|behalf| behalf.person);
        let client_id = &client.client_id;
        let about = proof.map(|proof| {
            let subject = ConsentSubject { person: proof.person, on_behalf_of, client: client_id };
            (subject, behalf.map(|behalf| behalf.kind))
        });
        self.remembered_consent(&interaction.request, client, about).await
    }

    /// The person answered the consent page. A yes is remembered where memory suffices.
    pub async fn consent(
        &self,
        id: InteractionId,
        browser: &BrowserState,
        (allowed, csrf): (bool, &str),
    ) -> Result<(), TurnError> {
        let now = self.now();
        let Versioned { version, value: mut interaction } =
            self.form_interaction(id, browser, csrf, now).await?;
        let Step::Consent { person } = interaction.step else { return Err(TurnError::Gone) };
        let session = self.current_session(browser.session.as_ref(), now).await?;
        let proof = interaction.proof.clone().or_else(|| session.map(|session| session.proof));
        // Somebody else signed in since the page named a person, or nobody is any more: the answer is not theirs, and
        // what follows asks again.
        if proof.is_none_or(|proof| proof.person != person) {
            return Ok(());
        }
        interaction.consented = allowed.then_some(person);
        interaction.consented_at = allowed.then_some(now);
        interaction.refusal = (!allowed).then_some(Refusal::Consent);
        if !self.ports.interactions.advance(version, &interaction).await? {
            return Err(TurnError::Gone);
        }
        let client_id = interaction.request.oauth.client_id.clone();
        let Some(client) = self.registered_client(&client_id).await? else { return Err(TurnError::Gone) };
        let behalf = interaction.on_behalf_of(person);
        let consent = Consent {
            person,
            on_behalf_of: behalf.map(|behalf| behalf.person),
            kind: behalf.map(|behalf| behalf.kind),
            client: client_id,
            scope: consent_scope(&client, &interaction.request),
            at: now,
        };
        let about = |event: AuditEvent| {
            let event = event.with_person(consent.person).with_on_behalf_of(consent.on_behalf_of);
            event.with_client(consent.client.clone()).with_transaction(id.to_string())
        };
        if allowed {
            let event = about(self.succeeded(EventKind::Consent, "allowed", now));
            self.ports.grants.remember_consent(&consent, &event).await?;
        } else {
            let event = about(self.refused(EventKind::Consent, "refused", now));
            self.ports.audit.append(&event).await?;
        }
        Ok(())
    }

    pub(super) async fn consent_screen(
        &self,
        interaction: &Interaction,
        service: String,
        proof: &AuthenticationProof,
    ) -> Result<Screen, TurnError> {
        let Some(person) = self.ports.persons.find(proof.person).await? else { return Err(TurnError::Gone) };
        let client = self.registered_client(&interaction.request.oauth.client_id).await?;
        let Some(client) = client else { return Err(TurnError::Gone) };
        let behalf = interaction.on_behalf_of(person.id);
        let identity = person.spoken_name();
        // Who may not act any more is refused before this page.
        let parties = self.parties(&client, (person, behalf.as_ref()), self.now()).await?;
        let parties = parties.map_err(|_| TurnError::Gone)?;
        Ok(Screen::Consent {
            service,
            scopes: self.consent_lines(&client, &parties, &interaction.request),
            identity,
            on_behalf_of: behalf.map(|_| parties.about().spoken_name()),
        })
    }

    /// What is known of the person's consent without asking: not asked of implicit clients; never from memory for a
    /// public client (RFC 8252 8.6), in another quality than it was given in, or when the client asks again.
    pub(super) async fn remembered_consent(
        &self,
        request: &AuthenticationRequest,
        client: &Client,
        about: Option<(ConsentSubject<'_>, Option<GuardianKind>)>,
    ) -> Result<ConsentProgress, FlowError> {
        let asked_again = request.prompt.contains(Prompt::Consent);
        if client.consent == ConsentPolicy::Implicit && !client.is_public() && !asked_again {
            return Ok(ConsentProgress::NotNeeded);
        }
        let Some((about, kind)) = about else { return Ok(ConsentProgress::Missing) };
        if client.is_public() || asked_again {
            return Ok(ConsentProgress::Missing);
        }
        let remembered = self.ports.grants.consent(about).await?;
        let asked = consent_scope(client, request);
        let covers =
            remembered.is_some_and(|consent| consent.kind == kind && asked.is_subset(&consent.scope));
        Ok(if covers { ConsentProgress::Given } else { ConsentProgress::Missing })
    }

    /// The consents that a person gave, for themself or for another, oldest first.
    pub async fn consents_of(&self, person: PersonId) -> PortResult<Vec<Consent>> {
        self.ports.grants.consents_of(person).await
    }

    /// Takes a consent back: the client's tokens of this person about this one end, and the next login asks again. False when there
    /// was nothing to take back.
    pub async fn withdraw_consent(&self, subject: ConsentSubject<'_>) -> PortResult<bool> {
        let now = self.now();
        let event = self.succeeded(EventKind::Consent, "withdrawn", now);
        let event = event.with_person(subject.person).with_on_behalf_of(subject.on_behalf_of);
        let event = event.with_client(subject.client.clone());
        let since = now.minus(self.policy.lifetimes.session.max(LONGEST_GRANT));
        let ended = self.ports.grants.withdraw_consent(subject, since, &event).await?;
        for grant in ended.iter().flatten() {
            self.cutoffs.note(&Cutoff { scope: CutoffScope::Grant(*grant), at: now });
        }
        Ok(ended.is_some())
    }
}

/// The proof of the person whom a page asks.
pub(super) fn asked<'a>(
    interaction: &'a Interaction,
    session: Option<&'a Session>,
) -> Result<&'a AuthenticationProof, TurnError> {
    let proof = interaction.proof.as_ref().or(session.map(|session| &session.proof));
    proof.ok_or(TurnError::Gone)
}

/// No token of an older grant lives, whatever the lifetime of sessions was when it was made.
const LONGEST_GRANT: Duration = Duration::from_hours(30 * 24);
