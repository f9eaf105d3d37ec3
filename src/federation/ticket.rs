//! What is kept while a browser is at another identity provider, under the hash of `state`: taken once, sealed in store.
//!
//! `OpenID Connect Core` 3.1.2.1 (`state`, `nonce`), RFC 7636 4.1 (verifier), RFC 9700 4.4 and 4.7 (mix-up, forgery);
//! RP-Initiated Logout 2 (`state`).

use std::fmt;

use serde::{Deserialize, Serialize};

use super::ProviderId;
use crate::base::{InteractionId, Secret, UnixTime, sealed_text};
use crate::identity::Acr;

/// A browser sent to a provider.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FederationTicket {
    /// What for.
    pub purpose: Purpose,
    /// Which provider: its answer comes to its own address (RFC 9700 4.4.2.2).
    pub provider: ProviderId,
    /// From this instant on it is worth nothing.
    pub deadline: UnixTime,
}

/// What a browser was sent for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// To sign in.
    SignIn(SignInTicket),
    /// To link the account there to that of the person who is signed in.
    Link(LinkTicket),
    /// To sign out there too.
    SignOut {
        /// Where the service that asked wants the browser back; none for our own page.
        way_back: Option<String>,
    },
}

/// A sign-in at a provider for an interaction here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignInTicket {
    /// The interaction it serves, whose cookie must come back with the answer.
    pub interaction: InteractionId,
    /// What the answer is held against.
    pub question: Question,
}

/// A sign-in at a provider for a link, asked for on the pages of the account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkTicket {
    /// Hash of the cookie of the session that asked, base64url: the same session must come back with the answer.
    pub session: String,
    /// What the answer is held against.
    pub question: Question,
}

/// What an answer is held against. Redacted in `Debug`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// `nonce` of the request.
    #[serde(with = "sealed_text")]
    pub nonce: Secret,
    /// PKCE verifier of the request.
    #[serde(with = "sealed_text")]
    pub verifier: Secret,
    /// The level asked for; none when no level was agreed with the provider.
    pub requested: Option<Acr>,
    /// Since when the person must have signed in there; none when any sign-in serves.
    pub since: Option<UnixTime>,
}

impl fmt::Debug for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Question").field("requested", &self.requested).finish_non_exhaustive()
    }
}
