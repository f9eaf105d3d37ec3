//! Enrolment of the phone: proof of the codes, then a credential bound to the request key.
//!
//! The challenge is SHA-256(server challenge ‖ RFC 7638 thumbprint of the request key); any other is refused.

use std::path::PathBuf;

use reqwest::Method;
use serde_json::{Value, json};

use super::authenticator::{Attestor, Ceremony};
use super::client::segment;
use super::state::{Credential, KeptKey};
use super::wire::{bytes_at, expect, text_at, value_at};
use super::{EnrolledDevice, Phone, PhoneError, SOFTWARE_PHONE_AAGUID, TestRoot};
use crate::base::{EntropyExt as _, base64url, from_base64url, sha256};

/// Who vouches for the phone's credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attestation {
    /// Nobody but itself (packed, self).
    SelfSigned,
    /// The throw-away root kept in this file, made when missing (packed, x5c).
    Root(PathBuf),
    /// Nobody (none).
    None,
}

impl Phone {
    /// Asks for activation codes; the server answers alike whether the person exists or not.
    ///
    /// # Errors
    /// [`PhoneError`].
    pub async fn request_codes(&mut self, national_id: &str) -> Result<(), PhoneError> {
        let body = json!({ "national_id": national_id });
        expect(self.call_bare("/mobile/v1/enrolments/codes", body).await?, 202).map(|_| ())
    }

    /// Enrols this phone for the person who received the two codes.
    ///
    /// # Errors
    /// [`PhoneError`]; after a refusal the phone is as before.
    pub async fn enrol(
        &mut self,
        national_id: &str,
        email_code: &str,
        phone_code: &str,
        attestation: &Attestation,
    ) -> Result<EnrolledDevice, PhoneError> {
        let proof = json!({ "type": "contact_codes", "email": email_code, "phone": phone_code });
        self.enrol_by(json!({ "national_id": national_id, "proof": proof }), attestation).await
    }

    /// Enrols this phone with the ticket that a page of the account shows, or the address of its QR code.
    ///
    /// # Errors
    /// [`PhoneError`]; after a refusal the phone is as before.
    pub async fn enrol_with_ticket(
        &mut self,
        ticket: &str,
        attestation: &Attestation,
    ) -> Result<EnrolledDevice, PhoneError> {
        let ticket = match ticket.trim().split_once("/e#") {
            Some((server, ticket)) if server == self.base() => ticket,
            Some(_) => return Err(PhoneError::OtherServer),
            None => ticket.trim(),
        };
        let proof = json!({ "type": "ticket", "ticket": ticket });
        self.enrol_by(json!({ "proof": proof }), attestation).await
    }

    async fn enrol_by(
        &mut self,
        body: Value,
        attestation: &Attestation,
    ) -> Result<EnrolledDevice, PhoneError> {
        if self.device_id().is_some() {
            return Err(PhoneError::AlreadyEnrolled);
        }
        let start = expect(self.call(Method::POST, "/mobile/v1/enrolments", Some(body)).await?, 201)?;
        let response = self.new_credential(&start, attestation)?;
        self.save()?;
        let enrolment = text_at(&start, "/enrolment_id")?;
        let path = format!("/mobile/v1/enrolments/{}/credential", segment(&enrolment)?);
        let body = json!({ "credential": response, "device": self.description() });
        let finish = expect(self.call(Method::POST, &path, Some(body)).await?, 201);
        if matches!(finish, Err(PhoneError::Refused(_))) {
            self.state.credential = None;
            self.save()?;
        }
        let device: EnrolledDevice = value_at(&finish?, "/device")?;
        if let Some(credential) = &mut self.state.credential {
            credential.device_id = Some(device.id.clone());
        }
        self.save()?;
        Ok(device)
    }

    /// Makes the credential in the state, and the answer to the server's options.
    fn new_credential(&mut self, start: &Value, attestation: &Attestation) -> Result<Value, PhoneError> {
        let challenge = self.enrolment_challenge(start)?;
        let rp_id = text_at(start, "/options/rp/id")?;
        if !is_own_domain(&self.state.origin, &rp_id) {
            return Err(PhoneError::NotWhatIsShown("rp.id"));
        }
        if !offers_es256(start) {
            return Err(PhoneError::Answer("/options/pubKeyCredParams"));
        }
        let attestor = match attestation {
            Attestation::SelfSigned => Attestor::SelfSigned,
            Attestation::None => Attestor::Nobody,
            Attestation::Root(path) => {
                Attestor::Certified(TestRoot::load_or_make(path)?.attest(SOFTWARE_PHONE_AAGUID)?)
            }
        };
        let id = self.entropy().bytes::<32>();
        let approval_key = KeptKey::generate()?;
        let ceremony = Ceremony {
            rp_id: &rp_id,
            origin: &self.state.origin,
            challenge,
            counter: 1,
            faults: self.faults,
        };
        let response = ceremony.register(&id, &approval_key.open()?, &attestor)?;
        let user_handle = text_at(start, "/options/user/id")?;
        from_base64url(&user_handle).map_err(|_| PhoneError::Answer("/options/user/id"))?;
        self.state.credential = Some(Credential {
            id: base64url(id),
            rp_id,
            user_handle,
            approval_key,
            sign_count: 1,
            device_id: None,
        });
        Ok(response)
    }

    /// The challenge as this phone computes it, if the server's is the same.
    fn enrolment_challenge(&self, start: &Value) -> Result<[u8; 32], PhoneError> {
        let server = bytes_at(start, "/server_challenge")?;
        if server.len() != 32 {
            return Err(PhoneError::Answer("/server_challenge"));
        }
        let thumbprint = self.state.request_key()?.public().thumbprint();
        let own = sha256(&[&server, thumbprint.as_bytes()]);
        if bytes_at(start, "/options/challenge")? == own {
            Ok(own)
        } else {
            Err(PhoneError::NotWhatIsShown("enrolment"))
        }
    }

    fn description(&self) -> Value {
        json!({
            "name": self.state.name,
            "model": "sceau software phone",
            "operating_system": std::env::consts::OS,
            "app_version": env!("CARGO_PKG_VERSION"),
        })
    }
}

/// `WebAuthn L3` 5.1.3: the relying party id is the origin's host or a domain above it. An application's origin
/// has no host: its platform checks this by asset links.
fn is_own_domain(origin: &str, rp_id: &str) -> bool {
    let Ok(url) = url::Url::parse(origin) else { return false };
    match url.host_str() {
        Some(host) => host.strip_suffix(rp_id).is_some_and(|rest| rest.is_empty() || rest.ends_with('.')),
        None => url.scheme() != "http" && url.scheme() != "https",
    }
}

fn offers_es256(start: &Value) -> bool {
    let offered = start.pointer("/options/pubKeyCredParams").and_then(Value::as_array);
    offered.is_some_and(|all| all.iter().any(|one| one.get("alg").and_then(Value::as_i64) == Some(-7)))
}
