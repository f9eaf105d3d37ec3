//! What the server says, read strictly: what is shown must be all that is signed.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{PhoneError, Refusal, Reply};
use crate::base::from_base64url;

/// The text of a request: exactly what the person reads, and what the phone signs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShownText {
    /// Name of the service that asks.
    pub service: String,
    /// What for.
    pub purpose: String,
    /// Where the request comes from.
    pub origin: String,
    /// When, as shown.
    pub at: String,
    /// Further lines.
    pub details: Vec<String>,
    /// The approval it belongs to.
    pub approval: String,
}

/// A request that waits for the person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingApproval {
    /// Identifier.
    pub id: String,
    /// What is shown.
    pub text: ShownText,
    /// Unix seconds after which it is void.
    pub expires_at: i64,
    /// Whether a number must be typed.
    pub number_required: bool,
}

/// An enrolled phone of the same person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnrolledDevice {
    /// Identifier.
    pub id: String,
    /// Name given by its holder.
    pub name: String,
    /// Maker's model.
    pub model: String,
    /// Operating system and version.
    pub operating_system: String,
    /// Version of the application.
    pub app_version: String,
    /// Serial number, for support.
    pub serial: String,
    /// Enrolment, Unix seconds.
    pub created_at: i64,
    /// End of validity, Unix seconds.
    pub valid_until: i64,
    /// How it was activated.
    pub activation_mode: String,
    /// Level it reaches.
    pub acr: String,
    /// `active` or `revoked`.
    pub status: String,
    /// Whether it is this phone.
    pub current: bool,
}

/// The body of an answer of status `expected`; any other is a refusal.
pub(super) fn expect(reply: Reply, expected: u16) -> Result<Value, PhoneError> {
    if reply.status == expected {
        return Ok(reply.body);
    }
    let text = |name: &str| reply.body.get(name).and_then(Value::as_str).map(str::to_owned);
    Err(PhoneError::Refused(Refusal {
        status: reply.status,
        error: text("error").unwrap_or_else(|| String::from("unexplained")),
        tries_left: reply.body.get("tries_left").and_then(Value::as_u64),
        approval: text("status"),
    }))
}

/// The text at `pointer` (RFC 6901) of an answer.
pub(super) fn text_at(body: &Value, pointer: &'static str) -> Result<String, PhoneError> {
    body.pointer(pointer).and_then(Value::as_str).map(str::to_owned).ok_or(PhoneError::Answer(pointer))
}

/// The base64url bytes at `pointer` of an answer.
pub(super) fn bytes_at(body: &Value, pointer: &'static str) -> Result<Vec<u8>, PhoneError> {
    from_base64url(&text_at(body, pointer)?).map_err(|_| PhoneError::Answer(pointer))
}

/// The typed value at `pointer` of an answer.
pub(super) fn value_at<T: serde::de::DeserializeOwned>(
    body: &Value,
    pointer: &'static str,
) -> Result<T, PhoneError> {
    let value = body.pointer(pointer).ok_or(PhoneError::Answer(pointer))?;
    T::deserialize(value).map_err(|_| PhoneError::Answer(pointer))
}
