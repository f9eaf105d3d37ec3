//! The authenticator of the software phone: client data, authenticator data, attestation and assertion.
//!
//! `WebAuthn Level 3` 5.8.1 (client data), 6.1 (authenticator data), 6.5 (attested credential data, attestation
//! object), 8.2 (packed), 8.7 (none); COSE keys of RFC 9053 7.1.1.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_cbor_2::Value as Cbor;
use serde_json::{Value, json};
use uuid::{Uuid, uuid};

use super::PhoneError;
use super::test_root::AttestationKey;
use crate::base::{base64url, sha256};
use crate::jose::{P256Key, PrivateKey, PublicKey};

/// The model that the software phone names in its authenticator data. Only a demonstration lists it.
pub const SOFTWARE_PHONE_AAGUID: Uuid = uuid!("5ce40f0e-1d0a-4b5b-9a52-7e3c1f0a0001");

const UP: u8 = 0x01;
const UV: u8 = 0x04;
const BE: u8 = 0x08;
const BS: u8 = 0x10;
const AT: u8 = 0x40;

/// Test faults: what a broken or hostile phone would do. All off by default; a server must refuse each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "independent switches")]
pub struct Faults {
    /// Sets BE: the key may leave the phone.
    pub backup_eligible: bool,
    /// Sets BS: the key is backed up.
    pub backup_state: bool,
    /// Clears UV: the person was not verified.
    pub no_uv: bool,
    /// Clears UP: nobody was there.
    pub no_up: bool,
    /// Signs the last counter again instead of the next (assertions).
    pub stale_counter: bool,
    /// Names another origin.
    pub wrong_origin: bool,
    /// Says that the page was embedded.
    pub cross_origin: bool,
    /// Hashes another relying party id.
    pub wrong_rp: bool,
    /// Flips a bit of the signature.
    pub tamper_signature: bool,
    /// Signs another challenge.
    pub wrong_challenge: bool,
}

/// One ceremony as the client sees it.
pub(super) struct Ceremony<'a> {
    pub rp_id: &'a str,
    pub origin: &'a str,
    /// The challenge, 32 bytes, recomputed by the phone.
    pub challenge: [u8; 32],
    pub counter: u32,
    pub faults: Faults,
}

/// Who vouches for a new credential.
pub(super) enum Attestor {
    /// The credential itself.
    SelfSigned,
    /// A certified key.
    Certified(AttestationKey),
    /// Nobody.
    Nobody,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ClientData<'a> {
    r#type: &'a str,
    challenge: String,
    origin: &'a str,
    cross_origin: bool,
}

impl Ceremony<'_> {
    /// `RegistrationResponseJSON` of a new credential (5.1, 6.5).
    pub(super) fn register(
        &self,
        id: &[u8],
        key: &PrivateKey,
        attestor: &Attestor,
    ) -> Result<Value, PhoneError> {
        let client_data = self.client_data("webauthn.create")?;
        let attested = [
            SOFTWARE_PHONE_AAGUID.as_bytes().as_slice(),
            &u16::try_from(id.len()).map_err(|_| PhoneError::Crypto("credential id"))?.to_be_bytes(),
            id,
            &cose_key(key.public())?,
        ]
        .concat();
        let data = [self.authenticator_data(AT), attested].concat();
        let message = [data.as_slice(), &sha256(&[&client_data])].concat();
        let (format, statement) = self.statement(attestor, key, &message)?;
        let object = encode(&Cbor::Map(BTreeMap::from([
            (text("fmt"), text(format)),
            (text("attStmt"), statement),
            (text("authData"), Cbor::Bytes(data)),
        ])))?;
        Ok(credential(
            id,
            &json!({
                "clientDataJSON": base64url(client_data),
                "attestationObject": base64url(object),
                "transports": ["internal"],
            }),
        ))
    }

    /// `AuthenticationResponseJSON` by an existing credential (5.1, 6.3.3).
    pub(super) fn assert(&self, id: &[u8], key: &PrivateKey, user_handle: &str) -> Result<Value, PhoneError> {
        let client_data = self.client_data("webauthn.get")?;
        let data = self.authenticator_data(0);
        let message = [data.as_slice(), &sha256(&[&client_data])].concat();
        Ok(credential(
            id,
            &json!({
                "clientDataJSON": base64url(client_data),
                "authenticatorData": base64url(data),
                "signature": base64url(self.sign(key, &message)?),
                "userHandle": user_handle,
            }),
        ))
    }

    fn client_data(&self, kind: &str) -> Result<Vec<u8>, PhoneError> {
        let challenge = if self.faults.wrong_challenge { [0; 32] } else { self.challenge };
        let data = ClientData {
            r#type: kind,
            challenge: base64url(challenge),
            origin: if self.faults.wrong_origin { "https://phish.example" } else { self.origin },
            cross_origin: self.faults.cross_origin,
        };
        serde_json::to_vec(&data).map_err(|_| PhoneError::Crypto("client data"))
    }

    /// 6.1: hash of the relying party id, flags, counter.
    fn authenticator_data(&self, flags: u8) -> Vec<u8> {
        let faults = self.faults;
        let rp_id = if faults.wrong_rp { "phish.example" } else { self.rp_id };
        let set = |bit, on| if on { bit } else { 0 };
        let flags = flags
            | set(UP, !faults.no_up)
            | set(UV, !faults.no_uv)
            | set(BE, faults.backup_eligible)
            | set(BS, faults.backup_state);
        [sha256(&[rp_id.as_bytes()]).as_slice(), &[flags], &self.counter.to_be_bytes()].concat()
    }

    /// 8.2 and 8.7: the format and its statement.
    fn statement(
        &self,
        attestor: &Attestor,
        key: &PrivateKey,
        message: &[u8],
    ) -> Result<(&'static str, Cbor), PhoneError> {
        let (signer, chain) = match attestor {
            Attestor::Nobody => return Ok(("none", Cbor::Map(BTreeMap::new()))),
            Attestor::SelfSigned => (key, None),
            Attestor::Certified(certified) => (&certified.key, Some(&certified.chain)),
        };
        let mut members = BTreeMap::from([
            (text("alg"), Cbor::Integer(-7)),
            (text("sig"), Cbor::Bytes(self.sign(signer, message)?)),
        ]);
        if let Some(chain) = chain {
            members.insert(text("x5c"), Cbor::Array(chain.iter().cloned().map(Cbor::Bytes).collect()));
        }
        Ok(("packed", Cbor::Map(members)))
    }

    /// 6.5.5: an ES256 signature is the DER form of r and s.
    fn sign(&self, key: &PrivateKey, message: &[u8]) -> Result<Vec<u8>, PhoneError> {
        let fixed = key.sign(message).map_err(|_| PhoneError::Crypto("signature"))?;
        let signature =
            p256::ecdsa::Signature::from_slice(&fixed).map_err(|_| PhoneError::Crypto("signature"))?;
        let mut der = signature.to_der().as_bytes().to_vec();
        if let (true, Some(last)) = (self.faults.tamper_signature, der.last_mut()) {
            *last ^= 1;
        }
        Ok(der)
    }
}

/// RFC 9053 7.1.1: kty EC2, alg ES256, crv P-256, x, y.
fn cose_key(public: &PublicKey) -> Result<Vec<u8>, PhoneError> {
    let PublicKey::P256(key) = public else { return Err(PhoneError::Crypto("approval key")) };
    let (x, y) = P256Key::coordinates(key);
    encode(&Cbor::Map(BTreeMap::from([
        (Cbor::Integer(1), Cbor::Integer(2)),
        (Cbor::Integer(3), Cbor::Integer(-7)),
        (Cbor::Integer(-1), Cbor::Integer(1)),
        (Cbor::Integer(-2), Cbor::Bytes(x.to_vec())),
        (Cbor::Integer(-3), Cbor::Bytes(y.to_vec())),
    ])))
}

fn credential(id: &[u8], response: &Value) -> Value {
    let id = base64url(id);
    json!({
        "id": id,
        "rawId": id,
        "type": "public-key",
        "authenticatorAttachment": "platform",
        "clientExtensionResults": {},
        "response": response,
    })
}

fn text(value: &str) -> Cbor {
    Cbor::Text(String::from(value))
}

fn encode(value: &Cbor) -> Result<Vec<u8>, PhoneError> {
    serde_cbor_2::to_vec(value).map_err(|_| PhoneError::Crypto("CBOR"))
}
