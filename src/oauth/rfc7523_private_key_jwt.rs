//! A client that authenticates by a signed assertion: `private_key_jwt`.
//!
//! Spec: <https://www.rfc-editor.org/rfc/rfc7523> and OpenID Connect Core 9. Covers RFC 7523 2.2 and 3, with the
//! tightening of FAPI 2.0 Security Profile 5.3.2.1 (`aud` is the issuer and nothing else, clock, algorithms). It does
//! not remember assertions: the caller stores [`AcceptedAssertion::jti_hash`] once, until `expires`.

use std::time::Duration;

use serde_json::Value;

use crate::base::{ClientId, TokenHash, UnixTime, sha256};
use crate::jose::{Algorithm, Audience, JwkSet, JwsError, RegisteredClaims, TypRule, Unverified, check_typ};
use crate::oauth::{ErrorCode, OAuthError};

/// What this provider accepts in an assertion.
#[derive(Clone, Copy, Debug)]
pub struct AssertionPolicy<'a> {
    /// The issuer: the only audience.
    pub issuer: &'a str,
    /// How far the client's clock may be off. FAPI 2.0 Security Profile 5.3.2.1: at least 10 s, at most 60 s.
    pub leeway: Duration,
    /// How far ahead `exp` may lie: bounds how long a `jti` must be remembered.
    pub max_lifetime: Duration,
}

/// A valid assertion, to be accepted once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AcceptedAssertion {
    /// Hash of the client and the `jti`: seen twice is a replay (RFC 7523 3, item 7).
    pub jti_hash: TokenHash,
    /// From then on the assertion is refused by its own `exp`: remember the hash until then.
    pub expires: UnixTime,
    /// When the client made it: its `iat`; without one, the earliest moment at which `exp` let it pass.
    pub made: UnixTime,
}

/// The assertion does not authenticate the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AssertionError {
    /// Not a compact JWS, too long, or a header or claim of the wrong type (RFC 7523 3, item 9).
    #[error("the assertion is not a JWT")]
    Malformed,
    /// Another kind of token (RFC 8725 3.11).
    #[error("the assertion is another kind of token")]
    WrongType,
    /// An algorithm that is not accepted for assertions (FAPI 2.0 Security Profile 5.4.1).
    #[error("the algorithm is not allowed for assertions")]
    Algorithm,
    /// No registered key of the client fits (RFC 8725 3.10).
    #[error("the client has no such key")]
    UnknownKey,
    /// The signature is wrong (RFC 7523 3, item 9).
    #[error("the signature is wrong")]
    Signature,
    /// `iss` is missing or is not a client identifier (RFC 7523 3, item 1).
    #[error("iss is not the client")]
    Issuer,
    /// `sub` is missing or is not the client (RFC 7523 3, item 2B).
    #[error("sub is not the client")]
    Subject,
    /// `aud` is not the issuer as one string (RFC 7523 3, item 3).
    #[error("aud is not the issuer")]
    Audience,
    /// `exp` is missing (RFC 7523 3, item 4).
    #[error("exp is missing")]
    NoExpiry,
    /// `exp` has passed (RFC 7523 3, item 4).
    #[error("the assertion has expired")]
    Expired,
    /// `exp` is unreasonably far ahead (RFC 7523 3, item 4).
    #[error("exp is too far ahead")]
    TooLongLived,
    /// `nbf` or `iat` is ahead of our clock (RFC 7523 3, items 5 and 6).
    #[error("the assertion is not valid yet")]
    NotYetValid,
    /// `jti` is missing, empty or too long (OpenID Connect Core 9).
    #[error("jti is missing or too long")]
    Jti,
}

impl AssertionError {
    /// Machine reason for the audit log.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Malformed => "assertion_malformed",
            Self::WrongType => "assertion_wrong_type",
            Self::Algorithm => "assertion_algorithm",
            Self::UnknownKey => "assertion_unknown_key",
            Self::Signature => "assertion_signature",
            Self::Issuer => "assertion_issuer",
            Self::Subject => "assertion_subject",
            Self::Audience => "assertion_audience",
            Self::NoExpiry => "assertion_no_expiry",
            Self::Expired => "assertion_expired",
            Self::TooLongLived => "assertion_too_long_lived",
            Self::NotYetValid => "assertion_not_yet_valid",
            Self::Jti => "assertion_jti",
        }
    }
}

impl From<JwsError> for AssertionError {
    fn from(error: JwsError) -> Self {
        match error {
            JwsError::UnknownAlgorithm | JwsError::AlgorithmNotAllowed => Self::Algorithm,
            JwsError::Signature(_) => Self::Signature,
            _ => Self::Malformed,
        }
    }
}

impl From<AssertionError> for OAuthError {
    fn from(error: AssertionError) -> Self {
        // One answer for all: which check failed is for the log.
        Self::new(ErrorCode::InvalidClient, "client authentication failed").with_internal(error.to_string())
    }
}

/// The client an assertion claims to come from: unverified, only good for finding its keys.
pub fn claimed_client(assertion: &str) -> Result<ClientId, AssertionError> {
    let unverified = Unverified::parse(assertion, MAX_ASSERTION)?;
    let iss = unverified.claims().get("iss").and_then(Value::as_str).ok_or(AssertionError::Issuer)?;
    iss.parse().map_err(|_| AssertionError::Issuer)
}

/// Validates a client assertion (RFC 7523 3).
///
/// `client_id` is the client found by [`claimed_client`], already compared with a `client_id` parameter if one was
/// sent; `keys` are the keys it registered, and no key from elsewhere is ever used.
pub fn validate_assertion(
    assertion: &str,
    client_id: &ClientId,
    keys: &JwkSet,
    policy: &AssertionPolicy<'_>,
    now: UnixTime,
) -> Result<AcceptedAssertion, AssertionError> {
    let claims = verified_claims(assertion, keys)?;
    // RFC 7523 3, items 1 and 2B; RFC 7521 4.2: the same client everywhere.
    if claims.iss.as_deref() != Some(client_id.as_str()) {
        return Err(AssertionError::Issuer);
    }
    if claims.sub.as_deref() != Some(client_id.as_str()) {
        return Err(AssertionError::Subject);
    }
    // FAPI 2.0 Security Profile 5.3.2.1: the issuer, as a string: neither an array nor an endpoint.
    if claims.aud != Audience::One(policy.issuer.to_owned()) {
        return Err(AssertionError::Audience);
    }
    let expires = check_times(&claims, policy, now)?;
    let earliest = expires.minus(policy.leeway).minus(policy.max_lifetime).minus(policy.leeway);
    let made = claims.iat.unwrap_or(earliest);
    let jti = claims.jti.filter(|jti| (1..=MAX_JTI).contains(&jti.len())).ok_or(AssertionError::Jti)?;
    let client = client_id.as_str().as_bytes();
    // The separator cannot occur in a client identifier.
    let jti_hash = TokenHash::from_bytes(sha256(&[b"client assertion\0", client, b"\0", jti.as_bytes()]));
    Ok(AcceptedAssertion { jti_hash, expires, made })
}

fn verified_claims(assertion: &str, keys: &JwkSet) -> Result<RegisteredClaims, AssertionError> {
    let unverified = Unverified::parse(assertion, MAX_ASSERTION)?;
    let header = unverified.header();
    // RFC 8725 3.11
    check_typ(header.typ.as_deref(), TypRule::Optional(&["client-authentication+jwt"]))
        .map_err(|_| AssertionError::WrongType)?;
    // FAPI 2.0 Security Profile 5.4.1: said before the key is looked for.
    if !ASSERTION_ALGORITHMS.contains(&header.alg) {
        return Err(AssertionError::Algorithm);
    }
    let jwk = keys.find(header.kid.as_deref(), header.alg).ok_or(AssertionError::UnknownKey)?;
    let verified = unverified.verify(&jwk.key, ASSERTION_ALGORITHMS)?;
    RegisteredClaims::parse(&verified.claims).map_err(|_| AssertionError::Malformed)
}

/// RFC 7523 3, items 4 to 6. Returns the moment from which `exp` alone refuses the assertion.
fn check_times(
    claims: &RegisteredClaims,
    policy: &AssertionPolicy<'_>,
    now: UnixTime,
) -> Result<UnixTime, AssertionError> {
    let exp = claims.exp.ok_or(AssertionError::NoExpiry)?;
    let expires = exp.plus(policy.leeway);
    if expires <= now {
        return Err(AssertionError::Expired);
    }
    if exp > now.plus(policy.max_lifetime).plus(policy.leeway) {
        return Err(AssertionError::TooLongLived);
    }
    let latest = now.plus(policy.leeway);
    if claims.nbf.is_some_and(|nbf| nbf > latest) || claims.iat.is_some_and(|iat| iat > latest) {
        return Err(AssertionError::NotYetValid);
    }
    Ok(expires)
}

/// The `client_assertion_type` of a JWT (RFC 7523 2.2).
pub const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// The algorithms accepted in assertions (FAPI 2.0 Security Profile 5.4.1).
pub const ASSERTION_ALGORITHMS: &[Algorithm] = &[Algorithm::Es256, Algorithm::Ps256, Algorithm::EdDsa];

/// Longest assertion read, in bytes.
const MAX_ASSERTION: usize = 8 * 1024;
/// Longest `jti`, in bytes.
const MAX_JTI: usize = 512;
