//! Registered claims of verified tokens (RFC 7519 2 and 4.1) and the type rule of RFC 8725 3.11.
//!
//! Reads `iss`, `sub`, `aud`, `exp`, `nbf`, `iat` and `jti`, and checks the times. Which of them are required, and
//! which values fit, is for the document that uses the token.

use std::time::Duration;

use serde_json::{Map, Value};

use crate::base::UnixTime;

/// Last second of the year 9999.
const MAX_SECONDS: f64 = 253_402_300_799.0;

/// Why claims or a type are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JwtError {
    /// This claim is of the wrong type or out of range.
    #[error("malformed claim {0}")]
    Malformed(&'static str),
    /// At or past `exp` (RFC 7519 4.1.4).
    #[error("token expired")]
    Expired,
    /// Before `nbf` (RFC 7519 4.1.5).
    #[error("token not valid yet")]
    NotYetValid,
    /// `iat` lies in the future (RFC 7519 4.1.6).
    #[error("token issued in the future")]
    IssuedInFuture,
    /// A token of another kind (RFC 8725 3.11).
    #[error("token of another type")]
    Typ,
}

/// The `aud` claim (RFC 7519 4.1.3).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Audience {
    /// Absent.
    #[default]
    None,
    /// A single string.
    One(String),
    /// An array of one or more strings.
    Many(Vec<String>),
}

impl Audience {
    /// Whether `name` is among the audience.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.names().any(|own| own == name)
    }

    /// Whether `name` is all of the audience.
    #[must_use]
    pub fn is_only(&self, name: &str) -> bool {
        let mut names = self.names();
        names.next() == Some(name) && names.next().is_none()
    }

    /// The names, in the order of the token.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let names = match self {
            Self::None => &[],
            Self::One(name) => std::slice::from_ref(name),
            Self::Many(names) => names.as_slice(),
        };
        names.iter().map(String::as_str)
    }
}

/// The registered claims (RFC 7519 4.1).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RegisteredClaims {
    /// Issuer (4.1.1).
    pub iss: Option<String>,
    /// Subject (4.1.2).
    pub sub: Option<String>,
    /// Audience (4.1.3).
    pub aud: Audience,
    /// Expiry: not valid at or after it (4.1.4).
    pub exp: Option<UnixTime>,
    /// Not valid before (4.1.5).
    pub nbf: Option<UnixTime>,
    /// Issued at (4.1.6).
    pub iat: Option<UnixTime>,
    /// Identifier of the token (4.1.7).
    pub jti: Option<String>,
}

impl RegisteredClaims {
    /// Reads the registered claims; a claim that is `null` is malformed.
    ///
    /// # Errors
    /// [`JwtError::Malformed`] with the name of the claim.
    pub fn parse(claims: &Map<String, Value>) -> Result<Self, JwtError> {
        Ok(Self {
            iss: text(claims, "iss")?,
            sub: text(claims, "sub")?,
            aud: audience(claims)?,
            exp: numeric_date(claims, "exp")?,
            nbf: numeric_date(claims, "nbf")?,
            iat: numeric_date(claims, "iat")?,
            jti: text(claims, "jti")?,
        })
    }

    /// Checks the times that are present against `now`, with `leeway` for clocks that differ.
    ///
    /// # Errors
    /// [`JwtError::Expired`], [`JwtError::NotYetValid`] or [`JwtError::IssuedInFuture`].
    pub fn check_time(&self, now: UnixTime, leeway: Duration) -> Result<(), JwtError> {
        if self.exp.is_some_and(|exp| now >= exp.plus(leeway)) {
            return Err(JwtError::Expired); // RFC 7519 4.1.4
        }
        let horizon = now.plus(leeway);
        if self.nbf.is_some_and(|nbf| nbf > horizon) {
            return Err(JwtError::NotYetValid); // RFC 7519 4.1.5
        }
        if self.iat.is_some_and(|iat| iat > horizon) {
            return Err(JwtError::IssuedInFuture);
        }
        Ok(())
    }
}

/// Which `typ` a kind of token must have (RFC 8725 3.11).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TypRule {
    /// Exactly this one, as in `dpop+jwt`.
    Required(&'static str),
    /// None, `JWT`, or one of these.
    Optional(&'static [&'static str]),
}

/// Checks the `typ` of a header; names are compared without case and without `application/` (RFC 7515 4.1.9).
///
/// # Errors
/// [`JwtError::Typ`] for a token of another kind.
pub fn check_typ(header_typ: Option<&str>, rule: TypRule) -> Result<(), JwtError> {
    let is = |own: &&str| header_typ.is_some_and(|typ| media_type(typ).eq_ignore_ascii_case(media_type(own)));
    let accepted = match rule {
        TypRule::Required(own) => is(&own),
        TypRule::Optional(own) => header_typ.is_none() || is(&"JWT") || own.iter().any(is),
    };
    if accepted { Ok(()) } else { Err(JwtError::Typ) }
}

/// `typ` without its `application/`, which may be left out when no other `/` follows.
fn media_type(typ: &str) -> &str {
    const PREFIX: &str = "application/";
    match typ.split_at_checked(PREFIX.len()) {
        Some((start, rest)) if start.eq_ignore_ascii_case(PREFIX) && !rest.contains('/') => rest,
        _ => typ,
    }
}

fn text(claims: &Map<String, Value>, name: &'static str) -> Result<Option<String>, JwtError> {
    let Some(value) = claims.get(name) else { return Ok(None) };
    value.as_str().map(|text| Some(text.to_owned())).ok_or(JwtError::Malformed(name))
}

fn audience(claims: &Map<String, Value>) -> Result<Audience, JwtError> {
    match claims.get("aud") {
        None => Ok(Audience::None),
        Some(Value::String(name)) => Ok(Audience::One(name.clone())),
        Some(Value::Array(names)) if !names.is_empty() => {
            let names: Option<Vec<String>> =
                names.iter().map(|name| name.as_str().map(str::to_owned)).collect();
            names.map(Audience::Many).ok_or(JwtError::Malformed("aud"))
        }
        Some(_) => Err(JwtError::Malformed("aud")),
    }
}

/// RFC 7519 2: seconds since the epoch, decimals allowed; kept to the millisecond.
fn numeric_date(claims: &Map<String, Value>, name: &'static str) -> Result<Option<UnixTime>, JwtError> {
    let Some(value) = claims.get(name) else { return Ok(None) };
    let malformed = JwtError::Malformed(name);
    let seconds = value.as_f64().filter(|seconds| (0.0..=MAX_SECONDS).contains(seconds)).ok_or(malformed)?;
    let since_epoch = Duration::try_from_secs_f64(seconds).map_err(|_| malformed)?;
    let millis = i64::try_from(since_epoch.as_millis()).map_err(|_| malformed)?;
    Ok(Some(UnixTime::from_millis(millis)))
}
