//! The phone's answers (`RegistrationResponseJSON`, `AuthenticationResponseJSON`: `WebAuthn L3` 5.1), within limits.
//!
//! Only the members that are verified are read: client extension outputs, transports and copies are ignored, and
//! so is any challenge beside the signed one.

use serde_json::Value;
use webauthn_rs::prelude::{PublicKeyCredential, RegisterPublicKeyCredential};
use webauthn_rs_proto::{
    AuthenticationExtensionsClientOutputs, AuthenticatorAssertionResponseRaw,
    AuthenticatorAttestationResponseRaw, RegistrationExtensionsClientOutputs,
};

use crate::base::{base64url, from_base64url};
use crate::ports::AuthenticatorError;

/// 7.1: longest credential id.
const MAX_CREDENTIAL_ID: usize = 1023;
const MAX_CLIENT_DATA: usize = 4 * 1024;
const MAX_ATTESTATION_OBJECT: usize = 32 * 1024;
const MAX_AUTHENTICATOR_DATA: usize = 1024;
const MAX_SIGNATURE: usize = 1024;
const MAX_USER_HANDLE: usize = 64;

/// The answer to a registration.
pub(super) struct RegistrationAnswer {
    pub credential_id: Vec<u8>,
    pub client_data: Vec<u8>,
    pub attestation_object: Vec<u8>,
}

/// The answer to an assertion.
pub(super) struct AssertionAnswer {
    pub credential_id: Vec<u8>,
    pub client_data: Vec<u8>,
    pub authenticator_data: Vec<u8>,
    pub signature: Vec<u8>,
    pub user_handle: Option<Vec<u8>>,
}

impl RegistrationAnswer {
    /// Reads the answer; refused: other types, `id` unlike `rawId`, over-long members.
    pub(super) fn read(json: &Value) -> Result<Self, AuthenticatorError> {
        Ok(Self {
            credential_id: credential_id(json)?,
            client_data: member(json, "/response/clientDataJSON", MAX_CLIENT_DATA)?,
            attestation_object: member(json, "/response/attestationObject", MAX_ATTESTATION_OBJECT)?,
        })
    }

    /// The same for webauthn-rs.
    pub(super) fn into_proto(self) -> RegisterPublicKeyCredential {
        RegisterPublicKeyCredential {
            id: base64url(&self.credential_id),
            raw_id: self.credential_id,
            response: AuthenticatorAttestationResponseRaw {
                attestation_object: self.attestation_object,
                client_data_json: self.client_data,
                transports: None,
            },
            type_: String::from("public-key"),
            extensions: RegistrationExtensionsClientOutputs::default(),
        }
    }
}

impl AssertionAnswer {
    /// Reads the answer; refused: other types, `id` unlike `rawId`, over-long members.
    pub(super) fn read(json: &Value) -> Result<Self, AuthenticatorError> {
        let user_handle = match json.pointer("/response/userHandle") {
            None | Some(Value::Null) => None,
            Some(_) => Some(member(json, "/response/userHandle", MAX_USER_HANDLE)?),
        };
        Ok(Self {
            credential_id: credential_id(json)?,
            client_data: member(json, "/response/clientDataJSON", MAX_CLIENT_DATA)?,
            authenticator_data: member(json, "/response/authenticatorData", MAX_AUTHENTICATOR_DATA)?,
            signature: member(json, "/response/signature", MAX_SIGNATURE)?,
            user_handle,
        })
    }

    /// The same for webauthn-rs.
    pub(super) fn to_proto(&self) -> PublicKeyCredential {
        PublicKeyCredential {
            id: base64url(&self.credential_id),
            raw_id: self.credential_id.clone(),
            response: AuthenticatorAssertionResponseRaw {
                authenticator_data: self.authenticator_data.clone(),
                client_data_json: self.client_data.clone(),
                signature: self.signature.clone(),
                user_handle: self.user_handle.clone(),
            },
            extensions: AuthenticationExtensionsClientOutputs::default(),
            type_: String::from("public-key"),
        }
    }
}

fn credential_id(json: &Value) -> Result<Vec<u8>, AuthenticatorError> {
    if json.pointer("/type").and_then(Value::as_str) != Some("public-key") {
        return Err(AuthenticatorError::Refused("credential_type"));
    }
    // CVE-2026-0723: both spellings of the id must be one, and a difference ends the ceremony.
    if json.pointer("/id") != json.pointer("/rawId") {
        return Err(AuthenticatorError::Refused("credential_id"));
    }
    let id = member(json, "/rawId", MAX_CREDENTIAL_ID)
        .map_err(|_| AuthenticatorError::Refused("credential_id"))?;
    if id.is_empty() { Err(AuthenticatorError::Refused("credential_id")) } else { Ok(id) }
}

fn member(json: &Value, pointer: &str, max: usize) -> Result<Vec<u8>, AuthenticatorError> {
    let malformed = AuthenticatorError::Refused("malformed_response");
    let Some(text) = json.pointer(pointer).and_then(Value::as_str) else { return Err(malformed) };
    if text.len() / 4 > max / 3 {
        return Err(malformed); // 4 characters carry 3 bytes
    }
    let bytes = from_base64url(text).map_err(|_| AuthenticatorError::Refused("malformed_response"))?;
    if bytes.len() > max { Err(malformed) } else { Ok(bytes) }
}
