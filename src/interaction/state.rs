//! What is remembered of an authorization request while a person answers it.

use serde::{Deserialize, Serialize};

use super::PendingLink;
use crate::base::{ApprovalId, InteractionId, PersonId, TokenHash, UnixTime};
use crate::identity::{AuthenticationProof, OnBehalf, UpstreamSession};
use crate::oidc::AuthenticationRequest;

/// Languages of the pages, French first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Locale {
    /// French.
    #[default]
    Fr,
    /// English.
    En,
}

impl Locale {
    /// BCP 47 tag.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fr => "fr",
            Self::En => "en",
        }
    }

    /// The first supported language of `tags` (`ui_locales`, or the tags of `Accept-Language`), else French.
    pub fn choose<'a>(tags: impl IntoIterator<Item = &'a str>) -> Self {
        let supported = |tag: &str| match tag.split('-').next().map(str::to_ascii_lowercase).as_deref() {
            Some("fr") => Some(Self::Fr),
            Some("en") => Some(Self::En),
            _ => None,
        };
        tags.into_iter().find_map(supported).unwrap_or_default()
    }
}

/// How far the person is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Must say who they are.
    Identify,
    /// Must approve on the phone.
    Approve {
        /// The approval waited for.
        approval: ApprovalId,
    },
    /// Must give an e-mail address.
    Email {
        /// Of whom the page asks one.
        person: PersonId,
    },
    /// Must say for whom they act.
    Represent {
        /// Who is asked.
        person: PersonId,
    },
    /// Must consent.
    Consent {
        /// Whose consent the page asks for, by name.
        person: PersonId,
    },
    /// Answered; nothing more happens here.
    Done,
}

/// For whom a person acts, as they said on this interaction's page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acting {
    /// Who said it.
    pub person: PersonId,
    /// For whom; none for oneself.
    pub on_behalf_of: Option<OnBehalf>,
}

/// Why the person said no.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// Cancelled on the page.
    Cancelled,
    /// Refused the consent.
    Consent,
}

/// An authorization request in progress. It belongs to one browser: the one that holds the cookie whose hash is
/// `browser` (design decision 11).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Interaction {
    /// Public identifier, in the page's address; never enough by itself.
    pub id: InteractionId,
    /// The validated request.
    pub request: AuthenticationRequest,
    /// Hash of the `request_uri` it came from.
    pub pushed: Option<TokenHash>,
    /// Hash of this interaction's cookie.
    pub browser: TokenHash,
    /// Language of the pages.
    pub locale: Locale,
    /// When the browser opened it.
    pub opened: UnixTime,
    /// When it dies.
    pub deadline: UnixTime,
    /// How far the person is.
    pub step: Step,
    /// Authentication made in this interaction.
    pub proof: Option<AuthenticationProof>,
    /// For whom the person acts, once asked.
    #[serde(default)]
    pub acting: Option<Acting>,
    /// Who consented on this interaction's page.
    pub consented: Option<PersonId>,
    /// When they did.
    #[serde(default)]
    pub consented_at: Option<UnixTime>,
    /// The person said no.
    pub refusal: Option<Refusal>,
    /// A link to another provider that waits for the phone.
    #[serde(default)]
    pub pending_link: Option<PendingLink>,
    /// The browser's session at another provider.
    #[serde(default)]
    pub upstream: Option<UpstreamSession>,
}

impl Interaction {
    /// What `person` said of whom they act for; none when they were not asked.
    #[must_use]
    pub fn acting(&self, person: PersonId) -> Option<&Acting> {
        self.acting.as_ref().filter(|acting| acting.person == person)
    }

    /// The one for whom `person` acts, when that is somebody else.
    #[must_use]
    pub fn on_behalf_of(&self, person: PersonId) -> Option<OnBehalf> {
        self.acting(person).and_then(|acting| acting.on_behalf_of)
    }
}
