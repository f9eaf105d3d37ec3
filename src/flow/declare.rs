//! A person declares an e-mail address, for a service that wants one of everybody and whose person has none in their
//! directory. It is kept as typed, and nothing shows that it is theirs.

use crate::audit::EventKind;
use crate::base::InteractionId;
use crate::identity::{EmailFault, typed_email};
use crate::interaction::Step;
use crate::ports::Versioned;

use super::{BrowserState, Provider, TurnError};

impl Provider {
    /// The person answered the page that asks for an address: what is wrong with it, or nothing when it is kept.
    pub async fn declare_email(
        &self,
        id: InteractionId,
        browser: &BrowserState,
        (typed, csrf): (&str, &str),
    ) -> Result<Option<EmailFault>, TurnError> {
        let now = self.now();
        let Versioned { version, value: interaction } = self.form_interaction(id, browser, csrf, now).await?;
        let Step::Email { person } = interaction.step else { return Err(TurnError::Gone) };
        let email = match typed_email(typed) {
            Ok(email) => email,
            Err(fault) => return Ok(Some(fault)),
        };
        let session = self.current_session(browser.session.as_ref(), now).await?;
        let proof = interaction.proof.clone().or_else(|| session.map(|session| session.proof));
        // Somebody else signed in since the page asked, or nobody is any more: the address is not theirs, and what
        // follows asks again.
        if proof.is_none_or(|proof| proof.person != person) {
            return Ok(None);
        }
        // One form wins of several.
        if !self.ports.interactions.advance(version, &interaction).await? {
            return Err(TurnError::Gone);
        }
        let event = self
            .succeeded(EventKind::EmailDeclared, "typed", now)
            .with_person(person)
            .with_client(interaction.request.oauth.client_id.clone())
            .with_transaction(id.to_string());
        if self.ports.patients.declare_email(person, email, &event).await? {
            return Ok(None);
        }
        Err(TurnError::Gone)
    }
}
