//! What is kept between the two halves of a ceremony, and with a device: webauthn-rs' values in ours.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;
use webauthn_rs::prelude::{
    CreationChallengeResponse, Passkey, PasskeyAuthentication, PasskeyRegistration, RequestChallengeResponse,
};

use crate::base::base64url;
use crate::ports::{AssertionCeremony, AuthenticatorError, RegistrationCeremony, RegistrationRequest};

/// A registration under way.
#[derive(Deserialize)]
pub(super) struct KeptRegistration {
    pub user_handle: Uuid,
    pub webauthn: PasskeyRegistration,
}

/// An assertion under way.
#[derive(Deserialize)]
pub(super) struct KeptAssertion {
    pub user_handle: Uuid,
    pub sign_count: u32,
    pub webauthn: PasskeyAuthentication,
}

/// A credential as kept with its device.
#[derive(Serialize, Deserialize)]
pub(super) struct KeptCredential {
    pub user_handle: Uuid,
    /// At registration.
    pub sign_count: u32,
    pub passkey: Passkey,
}

impl KeptRegistration {
    pub(super) fn read(text: &str) -> Result<Self, AuthenticatorError> {
        read(text)
    }
}

impl KeptAssertion {
    pub(super) fn read(text: &str) -> Result<Self, AuthenticatorError> {
        read(text)
    }
}

impl KeptCredential {
    pub(super) fn read(text: &str) -> Result<Self, AuthenticatorError> {
        read(text)
    }

    pub(super) fn write(&self) -> Result<String, AuthenticatorError> {
        serde_json::to_string(self).map_err(unreadable)
    }
}

/// Options and state of a registration by our challenge.
pub(super) fn registration(
    options: &CreationChallengeResponse,
    state: &PasskeyRegistration,
    request: &RegistrationRequest<'_>,
) -> Result<RegistrationCeremony, AuthenticatorError> {
    let mut options = json_of(&options.public_key)?;
    let mut state = json_of(state)?;
    write_challenge(&mut options, &mut state, "/rs", request.challenge)?;
    // Only ES256 is offered (7.1, step on alg), attestation is asked for, extensions are not.
    replace(&mut state, "/rs/credential_algorithms", json!(["ES256"]))?;
    replace(&mut options, "/pubKeyCredParams", json!([{ "type": "public-key", "alg": -7 }]))?;
    replace(&mut options, "/attestation", json!("direct"))?;
    if let Some(members) = options.as_object_mut() {
        members.remove("extensions");
    }
    let state = json!({ "user_handle": request.user_handle, "webauthn": state });
    Ok(RegistrationCeremony { options, state: state.to_string() })
}

/// Options and state of an assertion by our challenge.
pub(super) fn assertion(
    options: &RequestChallengeResponse,
    state: &PasskeyAuthentication,
    credential: &KeptCredential,
    challenge: [u8; 32],
) -> Result<AssertionCeremony, AuthenticatorError> {
    let mut options = json_of(&options.public_key)?;
    let mut state = json_of(state)?;
    write_challenge(&mut options, &mut state, "/ast", challenge)?;
    // 7.2 step 19: BE never changes.
    replace(&mut state, "/ast/allow_backup_eligible_upgrade", json!(false))?;
    let state = json!({
        "user_handle": credential.user_handle,
        "sign_count": credential.sign_count,
        "webauthn": state,
    });
    Ok(AssertionCeremony { options, state: state.to_string() })
}

/// Puts our challenge in the place of the one that webauthn-rs drew, in both halves. The only place that knows
/// where it lies; a test pins the version and the shape.
fn write_challenge(
    options: &mut Value,
    state: &mut Value,
    part: &str,
    challenge: [u8; 32],
) -> Result<(), AuthenticatorError> {
    let drawn = options.get("challenge").cloned();
    let place = format!("{part}/challenge");
    if drawn.is_none() || state.pointer(&place) != drawn.as_ref() {
        return Err(AuthenticatorError::State(String::from("webauthn-rs keeps its challenge elsewhere")));
    }
    let ours = json!(base64url(challenge));
    replace(state, &place, ours.clone())?;
    replace(options, "/challenge", ours)
}

/// Replaces what is there; it must be there.
fn replace(json: &mut Value, pointer: &str, value: Value) -> Result<(), AuthenticatorError> {
    let place = json
        .pointer_mut(pointer)
        .ok_or_else(|| AuthenticatorError::State(format!("webauthn-rs has no {pointer}")))?;
    *place = value;
    Ok(())
}

fn json_of(value: &impl Serialize) -> Result<Value, AuthenticatorError> {
    serde_json::to_value(value).map_err(unreadable)
}

fn read<T: DeserializeOwned>(text: &str) -> Result<T, AuthenticatorError> {
    serde_json::from_str(text).map_err(unreadable)
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn unreadable(error: serde_json::Error) -> AuthenticatorError {
    AuthenticatorError::State(error.to_string())
}
