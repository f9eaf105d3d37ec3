//! What a browser brings to the hub and what it takes away.

use url::Url;

use crate::base::{InteractionId, PersonId, Secret};
use crate::interaction::Locale;
use crate::oauth::AuthorizationResponse;

use super::{FlowError, OfferedProvider, Origin, StartedSession};

/// What a browser shows of itself.
#[derive(Clone, Debug, Default)]
pub struct BrowserState {
    /// Session cookie.
    pub session: Option<Secret>,
    /// Cookie of the interaction addressed, if any.
    pub interaction: Option<Secret>,
    /// Cookie that says who has signed in here before.
    pub known: Option<Secret>,
    /// Languages of `Accept-Language`, best first.
    pub languages: Vec<String>,
    /// Where it is, for limits.
    pub origin: Origin,
}

/// What `/authorize` answers.
pub enum Begun {
    /// The client, through the browser.
    Answer(Box<Answer>),
    /// The person must do something: an interaction was opened.
    Opened(Opened),
}

/// An interaction opened in a browser.
pub struct Opened {
    /// Its identifier, for the address.
    pub id: InteractionId,
    /// Its cookie.
    pub cookie: Secret,
    /// Another identity provider, where the browser goes first.
    pub leave: Option<Url>,
}

/// An answer to the client.
pub struct Answer {
    /// Redirect or form.
    pub response: AuthorizationResponse,
    /// The session that begins, for its cookie.
    pub session: Option<Box<StartedSession>>,
    /// Who has signed in here before, for its cookie, when that changes.
    pub known: Option<Secret>,
    /// Language of the form page.
    pub locale: Locale,
}

/// What comes next in an interaction.
pub enum Turn {
    /// A page for the person.
    Page {
        /// Which.
        screen: Screen,
        /// In what language.
        locale: Locale,
        /// Where the client will be answered, for the page's form targets.
        redirect_uri: String,
        /// Token the page's forms carry.
        csrf: String,
    },
    /// The answer to the client.
    Answer(Answer),
}

/// Somebody for whom a person may act, as they know them.
pub struct OfferedPerson {
    /// Value of the form.
    pub id: PersonId,
    /// First name; the whole name where two would read alike.
    pub name: String,
    /// Year of birth.
    pub birth_year: i16,
}

/// A page to show.
pub enum Screen {
    /// Ask who the person is.
    Identify {
        /// Name of the service.
        service: String,
        /// The last request died unanswered.
        expired: bool,
        /// Other identity providers that reach the level asked for.
        providers: Vec<OfferedProvider>,
        /// Whether the phone reaches it.
        phone: bool,
    },
    /// Show the number and wait.
    Number {
        /// Name of the service.
        service: String,
        /// The number to type on the phone.
        number: Option<Secret>,
        /// Seconds left.
        expires_in: u64,
    },
    /// Show the QR code of a request that no phone has claimed, and wait.
    Qr {
        /// Name of the service.
        service: String,
        /// What the code says.
        address: String,
        /// Seconds left.
        expires_in: u64,
    },
    /// Ask for an e-mail address.
    Email {
        /// Name of the service that wants it.
        service: String,
    },
    /// Ask for whom the person acts.
    Represent {
        /// Name of the service.
        service: String,
        /// Who the person is, as they know themselves.
        identity: String,
        /// Whether they may act for themself.
        oneself: bool,
        /// For whom else.
        others: Vec<OfferedPerson>,
    },
    /// Ask for consent.
    Consent {
        /// Name of the service.
        service: String,
        /// Scope asked for.
        scopes: Vec<String>,
        /// Who the person is, as they know themselves.
        identity: String,
        /// For whom they act, when not for themself: the scopes are about that one.
        on_behalf_of: Option<String>,
    },
}

/// Why a browser is shown an error page.
#[derive(Debug, thiserror::Error)]
pub enum TurnError {
    /// The request cannot be answered to its client (RFC 6749 4.1.2.1).
    #[error(transparent)]
    Request(FlowError),
    /// The interaction is over, or never was.
    #[error("interaction gone")]
    Gone,
    /// It belongs to another browser.
    #[error("interaction of another browser")]
    OtherBrowser,
}

impl<E: Into<FlowError>> From<E> for TurnError {
    fn from(error: E) -> Self {
        Self::Request(error.into())
    }
}
