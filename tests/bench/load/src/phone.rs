//! A phone in software: the client side of `/mobile/v1` and its WebAuthn authenticator, packed self attestation.
//! It computes every challenge itself, as a phone does.

use serde_json::{Value, json};

use crate::clock::now;
use crate::http::{Answer, Host};
use crate::keys::{Key, base64url, from_base64url, random, sha256};

/// The model that a demonstration accepts from software.
const MODEL: [u8; 16] = [0x5c, 0xe4, 0x0f, 0x0e, 0x1d, 0x0a, 0x4b, 0x5b, 0x9a, 0x52, 0x7e, 0x3c, 0x1f, 0x0a, 0, 1];
const PRESENT_AND_VERIFIED: u8 = 0x05;
const WITH_CREDENTIAL: u8 = 0x40;

pub struct Phone {
    /// Whose it is: the national identifier.
    pub person: String,
    origin: String,
    domain: String,
    request_key: Key,
    approval_key: Key,
    credential: Vec<u8>,
    user_handle: String,
    counter: u32,
    nonce: Option<String>,
}

impl Phone {
    pub fn new(person: &str, origin: &str) -> Self {
        let host = origin.split("://").nth(1).unwrap_or("").split(':').next().unwrap_or("");
        Self {
            person: person.to_owned(),
            origin: origin.to_owned(),
            domain: host.to_owned(),
            request_key: Key::generate(),
            approval_key: Key::generate(),
            credential: random::<32>().to_vec(),
            user_handle: String::new(),
            counter: 1,
            nonce: None,
        }
    }

    pub fn to_json(&self) -> Value {
        json!({
            "person": self.person, "origin": self.origin, "domain": self.domain, "user_handle": self.user_handle,
            "request_key": base64url(self.request_key.pkcs8()), "approval_key": base64url(self.approval_key.pkcs8()),
            "credential": base64url(&self.credential), "enrolled_at": now(),
        })
    }

    pub fn from_json(value: &Value) -> Self {
        let text = |name: &str| value[name].as_str().unwrap_or("").to_owned();
        Self {
            person: text("person"),
            origin: text("origin"),
            domain: text("domain"),
            request_key: Key::from_pkcs8(&from_base64url(&text("request_key"))),
            approval_key: Key::from_pkcs8(&from_base64url(&text("approval_key"))),
            credential: from_base64url(&text("credential")),
            user_handle: text("user_handle"),
            counter: first_counter(value["enrolled_at"].as_u64().unwrap_or_default()),
            nonce: None,
        }
    }

    /// Keeps the nonce of an answer, and says whether the call must be made again with it (RFC 9449 8).
    pub fn wants_again(&mut self, answer: Answer<'_>) -> bool {
        if let Some(nonce) = answer.header("dpop-nonce") {
            self.nonce = Some(nonce.to_owned());
        }
        answer.status() == 401 && answer.json()["error"] == "use_dpop_nonce"
    }

    pub fn list(&self, host: &Host) -> Vec<u8> {
        let path = "/mobile/v1/approvals";
        host.get(path, &self.proof("GET", path))
    }

    pub fn post(&self, host: &Host, path: &str, body: &Value) -> Vec<u8> {
        host.json(path, &self.proof("POST", path), body)
    }

    fn proof(&self, method: &str, path: &str) -> String {
        self.request_key.proof(method, &format!("{}{path}", self.origin), self.nonce.as_deref(), None)
    }

    /// The body of the decision that approves, for the answer to a challenge; nothing when it is not what is shown.
    pub fn decision(&mut self, challenge: &Value, number: &str) -> Option<Value> {
        let random = from_base64url(challenge["random"].as_str()?);
        // RFC 8785 for strings of printable characters: sorted members, no spaces. serde_json sorts by itself.
        let text = challenge["text"].to_string();
        let own = sha256(&[b"sceau/approval/1", &random, &sha256(&[text.as_bytes()])]);
        if from_base64url(challenge["options"]["challenge"].as_str()?) != own {
            return None;
        }
        self.counter += 1;
        let client_data = self.client_data("webauthn.get", &own);
        let data = self.authenticator_data(PRESENT_AND_VERIFIED);
        let signature = self.approval_key.sign_asn1(&[data.as_slice(), &sha256(&[&client_data])].concat());
        let assertion = self.credential(json!({
            "clientDataJSON": base64url(client_data), "authenticatorData": base64url(data),
            "signature": base64url(signature), "userHandle": self.user_handle,
        }));
        Some(json!({ "decision": "approve", "number": number, "assertion": assertion }))
    }

    /// The body that ends an enrolment, for the answer to its start; nothing when the challenge is of another key.
    pub fn registration(&mut self, start: &Value) -> Option<Value> {
        let server = from_base64url(start["server_challenge"].as_str()?);
        let own = sha256(&[&server, &self.request_key.thumbprint()]);
        if from_base64url(start["options"]["challenge"].as_str()?) != own {
            return None;
        }
        self.user_handle = start["options"]["user"]["id"].as_str()?.to_owned();
        let client_data = self.client_data("webauthn.create", &own);
        let (x, y) = self.approval_key.coordinates();
        let length = [0, 32];
        let key = [&[0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20][..], x, &[0x22, 0x58, 0x20], y];
        let head = self.authenticator_data(PRESENT_AND_VERIFIED | WITH_CREDENTIAL);
        let data = [&head[..], &MODEL, &length, &self.credential, &key.concat()].concat();
        let signature = self.approval_key.sign_asn1(&[data.as_slice(), &sha256(&[&client_data])].concat());
        let response = json!({
            "clientDataJSON": base64url(client_data), "transports": ["internal"],
            "attestationObject": base64url(attestation(&data, &signature)),
        });
        let device = json!({
            "name": "Load", "model": "sceau load generator", "operating_system": "linux", "app_version": "1",
        });
        Some(json!({ "credential": self.credential(response), "device": device }))
    }

    fn client_data(&self, kind: &str, challenge: &[u8]) -> Vec<u8> {
        let (challenge, origin) = (base64url(challenge), &self.origin);
        format!(r#"{{"type":"{kind}","challenge":"{challenge}","origin":"{origin}","crossOrigin":false}}"#).into()
    }

    /// WebAuthn Level 3, 6.1.
    fn authenticator_data(&self, flags: u8) -> Vec<u8> {
        [&sha256(&[self.domain.as_bytes()])[..], &[flags], &self.counter.to_be_bytes()].concat()
    }

    fn credential(&self, response: Value) -> Value {
        let id = base64url(&self.credential);
        json!({
            "id": id, "rawId": id, "type": "public-key", "authenticatorAttachment": "platform",
            "clientExtensionResults": {}, "response": response,
        })
    }
}

/// Counters are not saved: each run begins above what an earlier one can have reached, by the time since.
fn first_counter(enrolled_at: u64) -> u32 {
    const A_SECOND: u64 = 256;
    let elapsed = now().saturating_sub(enrolled_at);
    u32::try_from(1 + elapsed * A_SECOND).unwrap_or(u32::MAX)
}

/// WebAuthn Level 3, 6.5 and 8.2, in CBOR: `{fmt: "packed", attStmt: {alg: -7, sig}, authData}`.
fn attestation(data: &[u8], signature: &[u8]) -> Vec<u8> {
    let text = |word: &str| [&[0x60 + word.len() as u8][..], word.as_bytes()].concat();
    let bytes = |value: &[u8]| match value.len() {
        length @ 0..=255 => [&[0x58, length as u8][..], value].concat(),
        length => [&[0x59, (length >> 8) as u8, (length & 255) as u8][..], value].concat(),
    };
    [
        vec![0xa3],
        [text("fmt"), text("packed")].concat(),
        [text("attStmt"), vec![0xa2], text("alg"), vec![0x26], text("sig"), bytes(signature)].concat(),
        [text("authData"), bytes(data)].concat(),
    ]
    .concat()
}
