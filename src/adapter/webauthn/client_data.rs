//! Client data beyond what webauthn-rs checks (`WebAuthn Level 3` 5.8.1, 7.1 and 7.2 steps on `C`, 13.4.9).
//!
//! Type and challenge are left to webauthn-rs. A byte order mark, which the specification strips, is refused: no
//! client writes one, and webauthn-rs does not strip it.

use serde_json::Value;

use crate::jose::{JsonCaps, parse_strict};
use crate::ports::AuthenticatorError;

const CAPS: JsonCaps = JsonCaps { bytes: 4 * 1024, members: 32, depth: 8 };

/// Refuses client data that is not strict JSON, was made in an embedded page, or in another origin.
pub(super) fn check_client_data(json: &[u8], origins: &[String]) -> Result<(), AuthenticatorError> {
    let data = parse_strict(json, CAPS).map_err(|_| AuthenticatorError::Refused("client_data"))?;
    // 7.1 step 10, 7.2 step 13: this relying party is never embedded.
    match data.get("crossOrigin") {
        None | Some(Value::Bool(false)) => {}
        Some(_) => return Err(AuthenticatorError::Refused("cross_origin")),
    }
    if data.get("topOrigin").is_some() {
        return Err(AuthenticatorError::Refused("top_origin"));
    }
    // 13.4.9: exactly one of the origins, letter by letter; a URL parser would forgive too much.
    let origin = data.get("origin").and_then(Value::as_str);
    if origin.is_some_and(|origin| origins.iter().any(|allowed| allowed == origin)) {
        Ok(())
    } else {
        Err(AuthenticatorError::Refused("origin"))
    }
}
