//! The parameters of a request, decoded strictly and before anything is believed.
//!
//! <https://www.rfc-editor.org/rfc/rfc6749#section-3.1>, 3.1 and 3.2 (repeated and empty parameters), and appendix B
//! (`application/x-www-form-urlencoded`). Does not know which parameters exist.

use std::collections::BTreeSet;
use std::fmt;

use super::error::{ErrorCode, OAuthError};

/// Decoded parameters in the order sent. `Debug` shows names only: values hold codes, secrets and hints.
#[derive(Clone, PartialEq, Eq)]
pub struct RawParams(Vec<(String, String)>);

impl RawParams {
    /// Decodes a query or a form body.
    ///
    /// # Errors
    /// `invalid_request` beyond 64 KiB or 64 parameters, for a broken `%` escape, for text that is not UTF-8, and
    /// for control characters other than the white space JSON allows (`claims` may be printed over several lines).
    pub fn parse(encoded: &[u8]) -> Result<Self, OAuthError> {
        if encoded.len() > MAX_BYTES {
            return Err(malformed("request too large"));
        }
        let mut pairs = Vec::new();
        for piece in encoded.split(|&b| b == b'&').filter(|piece| !piece.is_empty()) {
            if pairs.len() == MAX_PARAMS {
                return Err(malformed("too many parameters"));
            }
            let mut halves = piece.splitn(2, |&b| b == b'=');
            let name = decode(halves.next().unwrap_or_default())?;
            let value = decode(halves.next().unwrap_or_default())?;
            pairs.push((name, value));
        }
        Ok(Self(pairs))
    }

    /// Parameters already decoded elsewhere.
    #[must_use]
    pub fn from_pairs(pairs: impl IntoIterator<Item = (String, String)>) -> Self {
        Self(pairs.into_iter().collect())
    }

    /// The value of `name`; a parameter without a value counts as omitted.
    ///
    /// # Errors
    /// `invalid_request` when the parameter is sent twice (RFC 6749 3.1).
    pub fn get(&self, name: &str) -> Result<Option<&str>, OAuthError> {
        let mut values = self.iter().filter(|(n, _)| *n == name).map(|(_, value)| value);
        let first = values.next();
        // RFC 6749 3.1
        if values.next().is_some() {
            return Err(repeated());
        }
        Ok(first.filter(|value| !value.is_empty()))
    }

    /// The value of a parameter that must be there.
    ///
    /// # Errors
    /// `invalid_request` when it is absent, empty or sent twice; the log is told which.
    pub fn require(&self, name: &'static str) -> Result<&str, OAuthError> {
        self.get(name)?.ok_or_else(|| malformed("a required parameter is missing").with_internal(name))
    }

    /// Whether `name` is sent with a value, once or more.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.iter().any(|(n, value)| n == name && !value.is_empty())
    }

    /// Refuses any parameter sent twice, known or not (RFC 6749 3.1); only `resource` may repeat (RFC 8707 2).
    ///
    /// # Errors
    /// `invalid_request`.
    pub fn check_unique(&self) -> Result<(), OAuthError> {
        let mut seen = BTreeSet::new();
        let unique = self.iter().all(|(name, _)| name == "resource" || seen.insert(name));
        if unique { Ok(()) } else { Err(repeated()) }
    }

    /// The same parameters without those in `names`.
    #[must_use]
    pub fn without(self, names: &[&str]) -> Self {
        Self(self.0.into_iter().filter(|(name, _)| !names.contains(&name.as_str())).collect())
    }

    /// The parameters in the order sent.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The parameters as a query or form body; [`RawParams::parse`] gives them back.
    #[must_use]
    pub fn encode(&self) -> String {
        url::form_urlencoded::Serializer::new(String::new()).extend_pairs(self.iter()).finish()
    }
}

impl fmt::Debug for RawParams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter().map(|(name, _)| name)).finish()
    }
}

// RFC 6749 appendix B: `+` is a space, `%` introduces two hexadecimal digits, the result is UTF-8.
fn decode(encoded: &[u8]) -> Result<String, OAuthError> {
    // Tokens are long, and printed without either; looked at without an early end, many bytes are compared at once.
    let printed = encoded.iter().fold(true, |printed, byte| printed & matches!(byte, 0x20..=0x7e));
    if printed && !encoded.contains(&b'%') && !encoded.contains(&b'+') {
        return String::from_utf8(encoded.to_vec()).map_err(|_| malformed("parameters are not UTF-8"));
    }
    let mut bytes = Vec::with_capacity(encoded.len());
    let mut rest = encoded.iter().copied();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => hex(rest.next())? << 4 | hex(rest.next())?,
            other => other,
        });
    }
    let text = String::from_utf8(bytes).map_err(|_| malformed("parameters are not UTF-8"))?;
    if text.chars().any(|c| c.is_control() && !matches!(c, '\t' | '\n' | '\r')) {
        return Err(malformed("control character in a parameter"));
    }
    Ok(text)
}

fn hex(digit: Option<u8>) -> Result<u8, OAuthError> {
    digit
        .and_then(|digit| char::from(digit).to_digit(16))
        .and_then(|value| u8::try_from(value).ok())
        .ok_or_else(|| malformed("broken percent escape"))
}

const fn malformed(public: &'static str) -> OAuthError {
    OAuthError::new(ErrorCode::InvalidRequest, public)
}

const fn repeated() -> OAuthError {
    malformed("a parameter is sent twice")
}

const MAX_BYTES: usize = 64 * 1024;
const MAX_PARAMS: usize = 64;
