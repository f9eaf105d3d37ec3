//! Consent: asked on a page, remembered where memory suffices (OpenID Connect Core 3.1.2.4).

use std::time::Duration;

use crate::audit::EventKind;
use crate::base::{ClientId, InteractionId, PersonId};
use crate::identity::AuthenticationProof;
use crate::interaction::{ConsentProgress, Interaction, Refusal, Step};
use crate::oauth::{Client, ConsentPolicy};
use crate::oidc::{AuthenticationRequest, Prompt};
use crate::ports::{Consent, Cutoff, CutoffScope, PortResult, Versioned};

use super::claims::consent_scope;
use super::hub::as_told;
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
        self.remembered_consent(&interaction.request, client, proof).await
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
        interaction.refusal = (!allowed).then_some(Refusal::Consent);
        if !self.ports.interactions.advance(version, &interaction).await? {
            return Err(TurnError::Gone);
        }
        let client_id = interaction.request.oauth.client_id.clone();
        let Some(client) = self.ports.clients.find(&client_id).await? else { return Err(TurnError::Gone) };
        let consent = Consent {
            person,
            client: client_id,
            scope: consent_scope(&client, &interaction.request),
            at: now,
        };
        if allowed {
            let event = self.succeeded(EventKind::Consent, "allowed", now);
            let event = event.with_person(consent.person).with_client(consent.client.clone());
            self.ports.grants.remember_consent(&consent, &event).await?;
        } else {
            let event = self.refused(EventKind::Consent, "refused", now);
            let event = event.with_person(consent.person).with_client(consent.client.clone());
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
        let client = self.ports.clients.find(&interaction.request.oauth.client_id).await?;
        let Some(client) = client else { return Err(TurnError::Gone) };
        Ok(Screen::Consent {
            service,
            identity: person.spoken_name(),
            scopes: self.consent_lines(&client, &as_told(&client, person), &interaction.request),
        })
    }

    /// What is known of the person's consent without asking: not asked of implicit clients; never from memory for a
    /// public client (RFC 8252 8.6) or when the client asks again.
    pub(super) async fn remembered_consent(
        &self,
        request: &AuthenticationRequest,
        client: &Client,
        proof: Option<&AuthenticationProof>,
    ) -> Result<ConsentProgress, FlowError> {
        let asked_again = request.prompt.contains(Prompt::Consent);
        if client.consent == ConsentPolicy::Implicit && !client.is_public() && !asked_again {
            return Ok(ConsentProgress::NotNeeded);
        }
        let Some(proof) = proof else { return Ok(ConsentProgress::Missing) };
        if client.is_public() || asked_again {
            return Ok(ConsentProgress::Missing);
        }
        let remembered = self.ports.grants.consent(proof.person, &client.client_id).await?;
        let covers =
            remembered.is_some_and(|consent| consent_scope(client, request).is_subset(&consent.scope));
        Ok(if covers { ConsentProgress::Given } else { ConsentProgress::Missing })
    }

    /// The consents of a person, oldest first.
    pub async fn consents_of(&self, person: PersonId) -> PortResult<Vec<Consent>> {
        self.ports.grants.consents_of(person).await
    }

    /// Takes a consent back: the client's tokens about this person end, and the next login asks again. False when there
    /// was nothing to take back.
    pub async fn withdraw_consent(&self, person: PersonId, client: &ClientId) -> PortResult<bool> {
        let now = self.now();
        let event = self.succeeded(EventKind::Consent, "withdrawn", now);
        let event = event.with_person(person).with_client(client.clone());
        let since = now.minus(self.policy.lifetimes.session.max(LONGEST_GRANT));
        let ended = self.ports.grants.withdraw_consent((person, client), since, &event).await?;
        for grant in ended.iter().flatten() {
            self.cutoffs.note(&Cutoff { scope: CutoffScope::Grant(*grant), at: now });
        }
        Ok(ended.is_some())
    }
}

/// No token of an older grant lives, whatever the lifetime of sessions was when it was made.
const LONGEST_GRANT: Duration = Duration::from_hours(30 * 24);
