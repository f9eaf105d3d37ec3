//! `DPoP`: a proof that the caller holds a key.
//!
//! Spec: <https://www.rfc-editor.org/rfc/rfc9449>. Covers 4.2 and 4.3 (the proof), 7.1 (`ath`) and 11.1 (replay). It
//! does not remember proofs: the caller stores [`DpopProof::jti_hash`] once, compares [`DpopProof::jkt`] with the `cnf`
//! of the token, and has the nonce checked (`rfc9449_nonce.rs`).

use std::time::Duration;

use serde_json::{Map, Value};
use url::Url;

use crate::base::{Secret, TokenHash, UnixTime, base64url, sha256};
use crate::jose::{Algorithm, JwsError, Thumbprint, TypRule, Unverified, check_typ};
use crate::oauth::{ErrorCode, OAuthError};

/// A valid proof, to be accepted once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DpopProof {
    /// Thumbprint of the key that signed it (RFC 7638).
    pub jkt: Thumbprint,
    /// Hash of key, `htu` and `jti`: seen twice within the window is a replay (11.1).
    pub jti_hash: TokenHash,
    /// The nonce it carries, not yet checked (8).
    pub nonce: Option<String>,
    /// The `ath` it carries: checked only where an access token was expected.
    pub ath: Option<String>,
    /// When the client says it made it: remember `jti_hash` until this plus the window.
    pub iat: UnixTime,
}

/// What a proof must be about.
#[derive(Clone, Copy, Debug)]
pub struct DpopExpectation<'a> {
    /// The method of the request.
    pub method: &'a str,
    /// The public address of the request, without query and fragment.
    pub uri: &'a str,
    /// The current time.
    pub now: UnixTime,
    /// How old the proof may be; ahead of us at most this and never more than 60 s.
    pub window: Duration,
    /// The access token presented with it: then `ath` is required and must be its hash.
    pub access_token: Option<&'a Secret>,
}

/// The proof is not acceptable; one variant for each check of RFC 9449 4.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DpopError {
    /// No `DPoP` header.
    #[error("there is no proof")]
    Missing,
    /// More than one `DPoP` header (4.3, item 1).
    #[error("there is more than one proof")]
    Repeated,
    /// Not one compact JWS with a public key in its header, or too long (4.3, items 2, 3, 6).
    #[error("the proof is not a JWT with a usable public key")]
    Malformed,
    /// `typ` is not `dpop+jwt` (4.3, item 4).
    #[error("typ is not dpop+jwt")]
    WrongType,
    /// The algorithm is `none`, symmetric, or not accepted in proofs (4.3, item 5).
    #[error("the algorithm is not allowed in proofs")]
    Algorithm,
    /// The signature is wrong (4.3, item 7).
    #[error("the signature is wrong")]
    Signature,
    /// `htm` is missing or another method (4.3, item 8).
    #[error("htm is not the method of the request")]
    Method,
    /// `htu` is missing or another address (4.3, item 9).
    #[error("htu is not the address of the request")]
    Uri,
    /// `iat` is missing, not an integer, or out of the window (4.3, item 11).
    #[error("iat is missing or out of the window")]
    IssuedAt,
    /// `jti` is missing, empty or too long (4.2, 11.1).
    #[error("jti is missing or too long")]
    Jti,
    /// `nonce` is not a string of reasonable length (4.2).
    #[error("nonce is malformed")]
    Nonce,
    /// `ath` is missing or not the hash of the access token (4.3, item 12).
    #[error("ath is not the hash of the access token")]
    AccessTokenHash,
}

impl DpopError {
    /// Machine reason for the audit log.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Missing => "proof_missing",
            Self::Repeated => "proof_repeated",
            Self::Malformed => "proof_malformed",
            Self::WrongType => "proof_wrong_type",
            Self::Algorithm => "proof_algorithm",
            Self::Signature => "proof_signature",
            Self::Method => "proof_method",
            Self::Uri => "proof_uri",
            Self::IssuedAt => "proof_issued_at",
            Self::Jti => "proof_jti",
            Self::Nonce => "proof_nonce",
            Self::AccessTokenHash => "proof_access_token_hash",
        }
    }
}

impl From<JwsError> for DpopError {
    fn from(error: JwsError) -> Self {
        match error {
            JwsError::UnknownAlgorithm | JwsError::AlgorithmNotAllowed => Self::Algorithm,
            JwsError::Signature(_) => Self::Signature,
            _ => Self::Malformed,
        }
    }
}

impl From<DpopError> for OAuthError {
    fn from(error: DpopError) -> Self {
        Self::new(ErrorCode::InvalidDpopProof, "the DPoP proof is not acceptable")
            .with_internal(error.to_string())
    }
}

/// The nonce a proof claims: unverified, only good for asking for a current one before anything is judged or
/// recorded (8).
pub fn claimed_nonce(header_value: &str) -> Result<Option<String>, DpopError> {
    let unverified = Unverified::parse_with_embedded_key(header_value, MAX_PROOF)?;
    Ok(unverified.claims().get("nonce").and_then(Value::as_str).map(str::to_owned))
}

/// Validates the `DPoP` headers of one request (RFC 9449 4.3, all items but 10: the nonce is checked by
/// [`NonceIssuer::check`](super::NonceIssuer::check), replay by the caller).
pub fn validate_proof(header_values: &[&str], expect: &DpopExpectation<'_>) -> Result<DpopProof, DpopError> {
    // Item 1. Values joined by a comma are not a JWT and fail below.
    let token = match header_values {
        [] => return Err(DpopError::Missing),
        [one] => *one,
        _ => return Err(DpopError::Repeated),
    };
    let (jkt, claims) = verified_claims(token)?;
    // Item 8: methods are case-sensitive (RFC 9110 9.1).
    if text(&claims, "htm") != Some(expect.method) {
        return Err(DpopError::Method);
    }
    // Item 9
    let htu = text(&claims, "htu").ok_or(DpopError::Uri)?;
    if !same_target(htu, expect.uri) {
        return Err(DpopError::Uri);
    }
    let iat = issued_at(&claims, expect)?;
    let jti = text(&claims, "jti").filter(|jti| (1..=MAX_JTI).contains(&jti.len())).ok_or(DpopError::Jti)?;
    let nonce = optional_text(&claims, "nonce", DpopError::Nonce)?;
    let ath = optional_text(&claims, "ath", DpopError::AccessTokenHash)?;
    // Item 12, 7.1
    if let Some(access_token) = expect.access_token {
        let hash = base64url(sha256(&[access_token.expose().as_bytes()]));
        if ath.as_deref() != Some(hash.as_str()) {
            return Err(DpopError::AccessTokenHash);
        }
    }
    // 11.1: the expected address, so that two spellings of one address are one.
    let parts: [&[u8]; 6] =
        [b"dpop\0", jkt.as_bytes(), expect.method.as_bytes(), b"\0", expect.uri.as_bytes(), b"\0"];
    let jti_hash = TokenHash::from_bytes(sha256(&[&sha256(&parts), jti.as_bytes()]));
    Ok(DpopProof { jkt, jti_hash, nonce, ath, iat })
}

fn verified_claims(token: &str) -> Result<(Thumbprint, Map<String, Value>), DpopError> {
    // Items 2, 5 and 6: a private or symmetric key does not parse.
    let unverified = Unverified::parse_with_embedded_key(token, MAX_PROOF)?;
    // Item 4
    check_typ(unverified.header().typ.as_deref(), TypRule::Required("dpop+jwt"))
        .map_err(|_| DpopError::WrongType)?;
    let jwk = unverified.header().jwk.clone().ok_or(DpopError::Malformed)?;
    // Items 5 and 7
    let verified = unverified.verify(&jwk.key, DPOP_ALGORITHMS)?;
    // RFC 7517 4.2 and 4.4: a key that says it is for something else.
    if !jwk.suits(verified.header.alg) {
        return Err(DpopError::Malformed);
    }
    Ok((jwk.key.thumbprint(), verified.claims))
}

/// Item 11: a whole number of seconds near `now`.
fn issued_at(claims: &Map<String, Value>, expect: &DpopExpectation<'_>) -> Result<UnixTime, DpopError> {
    let seconds = claims.get("iat").and_then(Value::as_i64).ok_or(DpopError::IssuedAt)?;
    let iat = UnixTime::from_secs(seconds);
    let oldest = expect.now.minus(expect.window);
    let newest = expect.now.plus(expect.window.min(MAX_AHEAD));
    if (oldest..=newest).contains(&iat) { Ok(iat) } else { Err(DpopError::IssuedAt) }
}

/// Whether two addresses name the same target, query and fragment aside (RFC 3986 6.2.2 and 6.2.3).
fn same_target(htu: &str, expected: &str) -> bool {
    htu == expected || normalised(htu).is_some_and(|htu| Some(htu) == normalised(expected))
}

fn normalised(uri: &str) -> Option<String> {
    // The parser below repairs spaces, control characters and backslashes: here they are wrong.
    let clean = |b: u8| b.is_ascii_graphic() && b != b'\\';
    if uri.len() > MAX_URI || !uri.bytes().all(clean) {
        return None;
    }
    let mut url = Url::parse(uri).ok()?;
    let web = matches!(url.scheme(), "https" | "http");
    if !web || !url.username().is_empty() || url.password().is_some() {
        return None;
    }
    url.set_query(None);
    url.set_fragment(None);
    let path = normalised_escapes(url.path())?;
    Some(format!("{}{path}", url.origin().ascii_serialization()))
}

/// RFC 3986 6.2.2.1 and 6.2.2.2: escapes in upper case, unreserved characters not escaped.
fn normalised_escapes(path: &str) -> Option<String> {
    let mut out = String::with_capacity(path.len());
    let mut pieces = path.split('%');
    out.push_str(pieces.next()?);
    for piece in pieces {
        let (digits, rest) = piece.split_at_checked(2)?;
        let byte = u8::from_str_radix(digits, 16).ok().filter(|_| !digits.starts_with('+'))?;
        let character = char::from(byte);
        if character.is_ascii_alphanumeric() || "-._~".contains(character) {
            out.push(character);
        } else {
            out.push('%');
            out.push_str(&digits.to_ascii_uppercase());
        }
        out.push_str(rest);
    }
    Some(out)
}

fn text<'a>(claims: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    claims.get(name).and_then(Value::as_str)
}

/// `error` when the member is there but is not a short string.
fn optional_text(
    claims: &Map<String, Value>,
    name: &str,
    error: DpopError,
) -> Result<Option<String>, DpopError> {
    match claims.get(name) {
        None => Ok(None),
        Some(Value::String(text)) if text.len() <= MAX_TEXT => Ok(Some(text.clone())),
        Some(_) => Err(error),
    }
}

/// The algorithms accepted in proofs (RFC 9449 4.3, item 5).
pub const DPOP_ALGORITHMS: &[Algorithm] = &[Algorithm::Es256, Algorithm::EdDsa, Algorithm::Ps256];

/// Longest proof read, in bytes.
const MAX_PROOF: usize = 8 * 1024;
/// Longest `jti`, in bytes: it is hashed anyway, this bounds the work.
const MAX_JTI: usize = 512;
/// Longest `nonce` and `ath`, in bytes.
const MAX_TEXT: usize = 512;
/// Longest `htu`, in bytes.
const MAX_URI: usize = 2048;
/// How far ahead of our clock `iat` may be (FAPI 2.0 Security Profile 5.3.2.1).
const MAX_AHEAD: Duration = Duration::from_mins(1);
