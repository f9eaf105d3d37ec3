//! Refresh tokens: their form, their family, and what a presented one is worth.
//!
//! <https://www.rfc-editor.org/rfc/rfc6749#section-6>, <https://www.rfc-editor.org/rfc/rfc9700#section-4.14.2>
//! (rotation, reuse), <https://www.rfc-editor.org/rfc/rfc9449#section-5> (key of a public client). Storage and the
//! guarded update belong to the caller; person, device and client are checked again there.
//!
//! | presented to a rotating family | verdict |
//! |---|---|
//! | current token, right key | `Rotate` |
//! | previous token, right key | `Repeat`: the answer was lost, the current token is given again |
//! | current or previous token, another key | `WrongKey`: family unchanged |
//! | older than previous | `Reuse`: the family dies |
//! | a token the family never had (nothing older than previous exists) | `Unknown` |

use uuid::Uuid;

use super::error::{ErrorCode, OAuthError};
use super::scope::ScopeSet;
use crate::base::{EntropyExt, FamilyId, Secret, TokenHash, UnixTime, base64url, from_base64url};
use crate::jose::Thumbprint;

/// A refresh token: the identifier of its family (22 characters) and 256 random bits (43 characters), so that a stale
/// one still finds its family.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefreshToken(Secret);

impl RefreshToken {
    /// A fresh token of `family`.
    #[must_use]
    pub fn new(family: FamilyId, entropy: &(impl EntropyExt + ?Sized)) -> Self {
        let family = base64url(family.uuid().as_bytes());
        Self(Secret::new(format!("{family}{}", entropy.token().expose())))
    }

    /// The family a presented text names, and the hash to look for in it.
    #[must_use]
    pub fn parse(text: &str) -> Option<(FamilyId, TokenHash)> {
        let (family, random) = text.split_at_checked(FAMILY_CHARS)?;
        let uuid: [u8; 16] = from_base64url(family).ok()?.try_into().ok()?;
        let _: [u8; 32] = from_base64url(random).ok()?.try_into().ok()?;
        Some((FamilyId::from_uuid(Uuid::from_bytes(uuid)), TokenHash::of(text)))
    }

    /// The hash under which the family keeps it.
    #[must_use]
    pub fn hash(&self) -> TokenHash {
        TokenHash::of(self.0.expose())
    }

    /// The token as sent.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose()
    }

    /// The token as a secret, for the answer.
    #[must_use]
    pub fn into_secret(self) -> Secret {
        self.0
    }
}

/// The state of a family (RFC 9700 4.14.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Family {
    /// Which family.
    pub id: FamilyId,
    /// How many times it has rotated; 0 at birth.
    pub generation: u64,
    /// The token given last.
    pub current: TokenHash,
    /// The one before.
    pub previous: Option<TokenHash>,
    /// The key it is bound to (RFC 9449 5).
    pub jkt: Option<Thumbprint>,
    /// When it ends whatever is done.
    pub absolute_expiry: UnixTime,
    /// When it ends unless used.
    pub idle_expiry: UnixTime,
    /// Whether it was revoked.
    pub dead: bool,
}

/// What a presented refresh token is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FamilyVerdict {
    /// Give tokens and a new refresh token.
    Rotate,
    /// Give tokens and no new refresh token: the client does not rotate (FAPI 2.0 5.3.2.1).
    Keep,
    /// Give tokens and the current refresh token again.
    Repeat,
    /// `invalid_grant`; the family dies and the person is told.
    Reuse,
    /// `invalid_grant`; an alert, the family unchanged.
    WrongKey,
    /// `invalid_grant`: revoked.
    Dead,
    /// `invalid_grant`: idle or absolute expiry.
    Expired,
    /// `invalid_grant`: never a token of this family.
    Unknown,
}

/// Judges a presented token by the table above; `rotates` is that of the client.
#[must_use]
pub fn judge_refresh(
    family: &Family,
    presented: &TokenHash,
    proof_jkt: Option<Thumbprint>,
    rotates: bool,
    now: UnixTime,
) -> FamilyVerdict {
    if family.dead {
        return FamilyVerdict::Dead;
    }
    if now >= family.absolute_expiry || now >= family.idle_expiry {
        return FamilyVerdict::Expired;
    }
    let is_current = family.current.matches(presented);
    let is_previous = rotates && family.previous.is_some_and(|previous| previous.matches(presented));
    if !is_current && !is_previous {
        // Before the second rotation there is nothing older than `previous`.
        let has_older = rotates && family.generation >= 2;
        return if has_older { FamilyVerdict::Reuse } else { FamilyVerdict::Unknown };
    }
    // RFC 9449 5
    if family.jkt.is_some() && family.jkt != proof_jkt {
        return FamilyVerdict::WrongKey;
    }
    match (is_current, rotates) {
        (true, true) => FamilyVerdict::Rotate,
        (true, false) => FamilyVerdict::Keep,
        (false, _) => FamilyVerdict::Repeat,
    }
}

/// The scope of the new access token: `requested` within `original`, or all of `original` (RFC 6749 6).
///
/// # Errors
/// `invalid_scope` when the scope would grow.
pub fn narrowed_scope(original: &ScopeSet, requested: Option<&ScopeSet>) -> Result<ScopeSet, OAuthError> {
    match requested {
        None => Ok(original.clone()),
        Some(requested) if requested.is_subset(original) => Ok(requested.clone()),
        Some(_) => Err(OAuthError::new(ErrorCode::InvalidScope, "scope exceeds what was granted")),
    }
}

const FAMILY_CHARS: usize = 22;
