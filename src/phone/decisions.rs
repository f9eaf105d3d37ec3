//! Requests for approval: list, approve with a number, refuse.
//!
//! The challenge is SHA-256(`sceau/approval/1` ‖ random ‖ SHA-256(JCS(text))) with RFC 8785; the phone signs it
//! only for the text it shows.

use reqwest::Method;
use serde_json::{Value, json};

use super::authenticator::Ceremony;
use super::client::segment;
use super::wire::{bytes_at, expect, text_at, value_at};
use super::{PendingApproval, Phone, PhoneError, ShownText};
use crate::base::{from_base64url, sha256};
use crate::jose::canonicalise;

const APPROVAL_LABEL: &[u8] = b"sceau/approval/1";

/// A decision that the server has taken in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decided {
    /// The approval.
    pub id: String,
    /// `approved` or `denied`.
    pub status: String,
    /// What was shown.
    pub text: ShownText,
}

impl Phone {
    /// The requests that wait for the person.
    ///
    /// # Errors
    /// [`PhoneError`].
    pub async fn pending(&mut self) -> Result<Vec<PendingApproval>, PhoneError> {
        self.enrolled()?;
        let body = expect(self.call(Method::GET, "/mobile/v1/approvals", None).await?, 200)?;
        value_at(&body, "/approvals")
    }

    /// Claims the request of a QR code: `address` is what the code says, or the identifier at its end.
    ///
    /// # Errors
    /// [`PhoneError`]; [`PhoneError::OtherServer`] when the code is not of this phone's server.
    pub async fn claim(&mut self, address: &str) -> Result<PendingApproval, PhoneError> {
        self.enrolled()?;
        let id = match address.trim().split_once("/q/") {
            Some((server, id)) if server == self.base() => id,
            Some(_) => return Err(PhoneError::OtherServer),
            None => address.trim(),
        };
        let path = format!("/mobile/v1/approvals/{}/claim", segment(id)?);
        let body = expect(self.call(Method::POST, &path, Some(json!({}))).await?, 200)?;
        value_at(&body, "")
    }

    /// Approves the request `id`, or the only one, with the number that the asking screen shows.
    ///
    /// # Errors
    /// [`PhoneError`]; a wrong number is [`PhoneError::Refused`] with the tries left.
    pub async fn approve(&mut self, id: Option<&str>, number: Option<&str>) -> Result<Decided, PhoneError> {
        let pending = self.pick(id).await?;
        let path = format!("/mobile/v1/approvals/{}/challenge", segment(&pending.id)?);
        let body = expect(self.call(Method::POST, &path, Some(json!({}))).await?, 200)?;
        let challenge = self.approval_challenge(&body, &pending)?;
        let assertion = self.sign(challenge)?;
        let mut decision = json!({ "decision": "approve", "assertion": assertion });
        if let (Some(number), Some(members)) = (number, decision.as_object_mut()) {
            members.insert(String::from("number"), json!(number));
        }
        self.decide(pending, decision).await
    }

    /// Refuses the request `id`, or the only one; `reported` when the person did not ask for it.
    ///
    /// # Errors
    /// [`PhoneError`].
    pub async fn deny(&mut self, id: Option<&str>, reported: bool) -> Result<Decided, PhoneError> {
        let pending = self.pick(id).await?;
        self.decide(pending, json!({ "decision": "deny", "reported": reported })).await
    }

    async fn pick(&mut self, id: Option<&str>) -> Result<PendingApproval, PhoneError> {
        let mut pending = self.pending().await?;
        if let Some(id) = id {
            return pending.into_iter().find(|one| one.id == id).ok_or(PhoneError::NothingPending);
        }
        match (pending.pop(), pending.is_empty()) {
            (None, _) => Err(PhoneError::NothingPending),
            (Some(only), true) => Ok(only),
            (Some(_), false) => Err(PhoneError::SeveralPending),
        }
    }

    async fn decide(&mut self, pending: PendingApproval, decision: Value) -> Result<Decided, PhoneError> {
        let path = format!("/mobile/v1/approvals/{}/decision", segment(&pending.id)?);
        let body = expect(self.call(Method::POST, &path, Some(decision)).await?, 200)?;
        Ok(Decided { status: text_at(&body, "/status")?, id: pending.id, text: pending.text })
    }

    /// The challenge as this phone computes it from what it shows, if the server's is the same.
    fn approval_challenge(&self, body: &Value, pending: &PendingApproval) -> Result<[u8; 32], PhoneError> {
        let shown: ShownText = value_at(body, "/text")?;
        if shown != pending.text || shown.approval != pending.id {
            return Err(PhoneError::NotWhatIsShown("text"));
        }
        let credential = self.enrolled()?;
        if text_at(body, "/options/rpId")? != credential.rp_id {
            return Err(PhoneError::NotWhatIsShown("rpId"));
        }
        let allowed: Vec<Value> = value_at(body, "/options/allowCredentials")?;
        let is_own = |one: &Value| one.get("id").and_then(Value::as_str) == Some(credential.id.as_str());
        if !allowed.iter().any(is_own) {
            return Err(PhoneError::Answer("/options/allowCredentials"));
        }
        let random = bytes_at(body, "/random")?;
        if random.len() != 32 {
            return Err(PhoneError::Answer("/random"));
        }
        let text = serde_json::to_value(&shown).map_err(|_| PhoneError::Answer("/text"))?;
        let canonical = canonicalise(&text).map_err(|_| PhoneError::Answer("/text"))?;
        let own = sha256(&[APPROVAL_LABEL, &random, &sha256(&[&canonical])]);
        if bytes_at(body, "/options/challenge")? == own {
            Ok(own)
        } else {
            Err(PhoneError::NotWhatIsShown("challenge"))
        }
    }

    /// Signs; the counter is on disk before the signature leaves the phone.
    fn sign(&mut self, challenge: [u8; 32]) -> Result<Value, PhoneError> {
        let stale = self.faults.stale_counter;
        let credential = self.state.credential.as_mut().ok_or(PhoneError::NotEnrolled)?;
        if !stale {
            credential.sign_count =
                credential.sign_count.checked_add(1).ok_or(PhoneError::Crypto("counter at its end"))?;
        }
        self.save()?;
        let credential = self.enrolled()?;
        let ceremony = Ceremony {
            rp_id: &credential.rp_id,
            origin: &self.state.origin,
            challenge,
            counter: credential.sign_count,
            faults: self.faults,
        };
        let id = from_base64url(&credential.id)
            .map_err(|_| PhoneError::State(String::from("malformed credential id")))?;
        ceremony.assert(&id, &credential.approval_key.open()?, &credential.user_handle)
    }
}
