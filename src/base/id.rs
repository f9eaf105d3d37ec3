//! One typed identifier per concept. None of them is a secret and none is an identity number.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{EntropyExt, UnixTime};

/// The text is not an identifier of this kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("malformed identifier")]
pub struct IdError;

macro_rules! uuid_id {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// A fresh random identifier (UUID version 4, RFC 9562 5.4).
            #[must_use]
            pub fn random(entropy: &(impl EntropyExt + ?Sized)) -> Self {
                Self(uuid::Builder::from_random_bytes(entropy.bytes()).into_uuid())
            }

            /// A fresh identifier that sorts by `now` (UUID version 7, RFC 9562 5.7).
            #[must_use]
            pub fn ordered(entropy: &(impl EntropyExt + ?Sized), now: UnixTime) -> Self {
                let millis = u64::try_from(now.millis()).unwrap_or(0);
                Self(uuid::Builder::from_unix_timestamp_millis(millis, &entropy.bytes()).into_uuid())
            }

            /// The identifier kept as `uuid`.
            #[must_use]
            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// The identifier as a UUID, for storage.
            #[must_use]
            pub const fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                // Only the hyphenated lower-case form: one identifier, one spelling.
                let uuid = Uuid::try_parse(text).map_err(|_| IdError)?;
                if uuid.hyphenated().to_string() == text { Ok(Self(uuid)) } else { Err(IdError) }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}", self.0.hyphenated())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0.hyphenated())
            }
        }
    )*};
}

uuid_id! {
    /// A person known to this provider; drawn at random, never derived from an identity number.
    PersonId;
    /// An enrolled phone.
    DeviceId;
    /// An enrolment in progress.
    EnrolmentId;
    /// A request for approval shown on a phone.
    ApprovalId;
    /// An authorization request in progress in one browser.
    InteractionId;
    /// What one authorization gave: the root of its tokens.
    GrantId;
    /// A refresh token family (RFC 9700 4.14).
    FamilyId;
    /// A row of the audit log.
    AuditId;
    /// A message to a person, the same at every try.
    MessageId;
    /// A link to an account of another provider.
    LinkId;
    /// A run of the directory import.
    RunId;
    /// A session as relying parties see it: the `sid` claim (OpenID Connect Back-Channel Logout 2.1). Not the cookie.
    Sid;
}

/// A client identifier (RFC 6749 2.2): 1 to 128 characters of `A-Z a-z 0-9 . _ ~ -`, never shaped like a UUID
/// so that it cannot be taken for a subject (RFC 9700 4.15).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ClientId(String);

impl ClientId {
    /// The identifier as sent on the wire.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ClientId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let legal = |b: u8| b.is_ascii_alphanumeric() || b"._~-".contains(&b);
        let sized = (1..=128).contains(&text.len());
        if sized && text.bytes().all(legal) && Uuid::try_parse(text).is_err() {
            Ok(Self(text.to_owned()))
        } else {
            Err(IdError)
        }
    }
}

impl TryFrom<String> for ClientId {
    type Error = IdError;

    fn try_from(text: String) -> Result<Self, IdError> {
        text.parse()
    }
}

impl From<ClientId> for String {
    fn from(id: ClientId) -> Self {
        id.0
    }
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
