//! What a key is for, where it is in its life, and its stored record.
//!
//! States: `staged → active → retiring → gone`, `revoked` reachable from all. `OpenID Connect Core 10.1.1`.
//! Private parts appear here only sealed.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::base::UnixTime;

/// A stored word names no purpose or state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown key purpose, state or custody")]
pub struct UnknownKeyWord;

/// The one use of a key (RFC 7517 4.2 makes two of them public: `sig` and `enc`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Purpose {
    /// Signs tokens; published in `/jwks`.
    Sign,
    /// Decrypts what relying parties and upstreams encrypt to us; published until it retires.
    Decrypt,
    /// Seals stored values.
    Seal,
    /// Nothing: cookies are bare random values, or authenticated under a seal key. Stores of earlier versions hold such
    /// keys, which leave; none is made.
    Cookie,
    /// Authenticates `DPoP` nonces (RFC 9449 8).
    Nonce,
    /// Derives pairwise subjects (`OpenID Connect Core 8.1`); never replaced by schedule.
    Pairwise,
    /// Signs checkpoints of the audit log.
    Audit,
}

impl Purpose {
    /// Every purpose.
    pub const ALL: [Self; 7] =
        [Self::Sign, Self::Decrypt, Self::Seal, Self::Cookie, Self::Nonce, Self::Pairwise, Self::Audit];

    /// The word stored for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sign => "sign",
            Self::Decrypt => "decrypt",
            Self::Seal => "seal",
            Self::Cookie => "cookie",
            Self::Nonce => "nonce",
            Self::Pairwise => "pairwise",
            Self::Audit => "audit",
        }
    }

    /// Whether keys are made for it.
    #[must_use]
    pub const fn is_used(self) -> bool {
        !matches!(self, Self::Cookie)
    }

    /// Whether time alone may replace a key: a new pairwise key would change every subject.
    #[must_use]
    pub const fn rotates(self) -> bool {
        !matches!(self, Self::Pairwise | Self::Seal)
    }

    /// Whether time alone may destroy a key: what was sealed may be as old as the database.
    #[must_use]
    pub const fn forgettable(self) -> bool {
        !matches!(self, Self::Pairwise | Self::Seal)
    }

    /// Whether the private part serves in `state`: signatures are made by active keys only, while the
    /// others must still open or recognise what was made before.
    #[must_use]
    pub const fn needs_private(self, state: KeyState) -> bool {
        match state {
            KeyState::Staged | KeyState::Active => true,
            KeyState::Retiring => !matches!(self, Self::Sign | Self::Audit),
            KeyState::Gone => false,
            KeyState::Revoked => !self.forgettable(),
        }
    }
}

impl FromStr for Purpose {
    type Err = UnknownKeyWord;

    fn from_str(text: &str) -> Result<Self, UnknownKeyWord> {
        Self::ALL.into_iter().find(|purpose| purpose.as_str() == text).ok_or(UnknownKeyWord)
    }
}

/// Where a key is in its life. The order is the order of life, so that the later of two views is right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyState {
    /// Published, does not sign yet: the standby.
    Staged,
    /// The one in use.
    Active,
    /// Replaced; still published, signs nothing.
    Retiring,
    /// Not published; the public half is kept for hints and archives.
    Gone,
    /// Not to be trusted, whatever it made.
    Revoked,
}

impl KeyState {
    /// Every state, in order of life.
    pub const ALL: [Self; 5] = [Self::Staged, Self::Active, Self::Retiring, Self::Gone, Self::Revoked];

    /// What two views of one key amount to: a key never goes back, and `Revoked` wins.
    #[must_use]
    pub fn merge(self, other: Self) -> Self {
        self.max(other)
    }

    /// The word stored for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Staged => "staged",
            Self::Active => "active",
            Self::Retiring => "retiring",
            Self::Gone => "gone",
            Self::Revoked => "revoked",
        }
    }
}

impl FromStr for KeyState {
    type Err = UnknownKeyWord;

    fn from_str(text: &str) -> Result<Self, UnknownKeyWord> {
        Self::ALL.into_iter().find(|state| state.as_str() == text).ok_or(UnknownKeyWord)
    }
}

/// Who keeps the private part of a key. It stays so for the life of the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Custody {
    /// The database, sealed under the key-encryption key.
    Sealed,
    /// A hardware token, which never gives it away.
    Token,
}

impl Custody {
    /// The word stored for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sealed => "sealed",
            Self::Token => "token",
        }
    }
}

impl FromStr for Custody {
    type Err = UnknownKeyWord;

    fn from_str(text: &str) -> Result<Self, UnknownKeyWord> {
        [Self::Sealed, Self::Token].into_iter().find(|custody| custody.as_str() == text).ok_or(UnknownKeyWord)
    }
}

/// A key as stored.
#[derive(Clone, PartialEq)]
pub struct KeyRecord {
    /// Key identifier (RFC 7517 4.5), unique among all keys ever.
    pub kid: String,
    /// Its one use.
    pub purpose: Purpose,
    /// `ES256`, `A256GCM`, `HS256`, `Ed25519`… (RFC 7518 3.1, 5.1; RFC 9864).
    pub algorithm: String,
    /// Where it is in its life.
    pub state: KeyState,
    /// Who keeps the private part.
    pub custody: Custody,
    /// The public key as a JWK; none for a symmetric key.
    pub public_jwk: Option<serde_json::Value>,
    /// When it was published.
    pub staged_at: UnixTime,
    /// When it is to be put in use, when officers planned that; otherwise the policy alone decides.
    pub activates_at: Option<UnixTime>,
    /// When it began to be used.
    pub activated_at: Option<UnixTime>,
    /// When it was replaced.
    pub retired_at: Option<UnixTime>,
    /// When it left publication.
    pub gone_at: Option<UnixTime>,
    /// When it was revoked.
    pub revoked_at: Option<UnixTime>,
    /// Grows at each change: the compare-and-set of the store.
    pub revision: u64,
    /// The private or symmetric key, sealed under the key-encryption key; none once destroyed or in an HSM.
    pub sealed_private: Option<Vec<u8>>,
}

impl KeyRecord {
    /// A key published at `at`, its private part elsewhere.
    #[must_use]
    pub const fn staged(kid: String, purpose: Purpose, algorithm: String, at: UnixTime) -> Self {
        Self {
            kid,
            purpose,
            algorithm,
            state: KeyState::Staged,
            public_jwk: None,
            staged_at: at,
            activates_at: None,
            activated_at: None,
            retired_at: None,
            gone_at: None,
            revoked_at: None,
            revision: 0,
            custody: Custody::Sealed,
            sealed_private: None,
        }
    }

    /// Whether its private part is kept in the state it is in.
    #[must_use]
    pub const fn keeps_private(&self) -> bool {
        self.purpose.needs_private(self.state)
    }

    /// The record after a move to `state` at `now`; unchanged when the key is already there or further.
    /// The sealed private part is dropped as soon as nothing more needs it.
    #[must_use]
    pub fn moved_to(mut self, state: KeyState, now: UnixTime) -> Self {
        if self.state.merge(state) == self.state {
            return self;
        }
        self.state = state;
        self.revision = self.revision.saturating_add(1);
        match state {
            KeyState::Staged => self.staged_at = now,
            KeyState::Active => self.activated_at = Some(now),
            KeyState::Retiring => self.retired_at = Some(now),
            KeyState::Gone => self.gone_at = Some(now),
            KeyState::Revoked => self.revoked_at = Some(now),
        }
        if !self.purpose.needs_private(state) {
            self.sealed_private = None;
        }
        self
    }
}

impl fmt::Debug for KeyRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyRecord")
            .field("kid", &self.kid)
            .field("purpose", &self.purpose)
            .field("algorithm", &self.algorithm)
            .field("state", &self.state)
            .field("custody", &self.custody)
            .field("revision", &self.revision)
            .field("sealed_private", &self.sealed_private.as_ref().map(|_| "[redacted]"))
            .finish_non_exhaustive()
    }
}
