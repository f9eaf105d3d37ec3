//! A phone: its state file, its way to the server, and its calls with proof of the request key.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use reqwest::Method;
use serde_json::Value;
use url::Url;

use super::dpop::{ProofOf, prove};
use super::state::{Credential, PhoneState};
use super::wire::{expect, value_at};
use super::{Call, EnrolledDevice, Faults, PhoneError, Reply, Transport};
use crate::base::{Clock, Entropy, OsEntropy, SystemClock};

/// What a phone needs from the outside.
#[derive(Clone)]
pub struct Surroundings {
    /// The way to the server.
    pub transport: Arc<dyn Transport>,
    /// The time, for `iat`.
    pub clock: Arc<dyn Clock>,
    /// Randomness, for identifiers. Keys come from the operating system.
    pub entropy: Arc<dyn Entropy>,
}

impl Surroundings {
    /// The operating system's clock and generator.
    #[must_use]
    pub fn over(transport: Arc<dyn Transport>) -> Self {
        Self { transport, clock: Arc::new(SystemClock), entropy: Arc::new(OsEntropy) }
    }
}

/// A phone in software.
pub struct Phone {
    pub(super) path: PathBuf,
    pub(super) state: PhoneState,
    pub(super) faults: Faults,
    surroundings: Surroundings,
    nonce: Option<String>,
}

impl Phone {
    /// A new phone of `server`, kept in a new file at `path`; its origin is that of the server.
    ///
    /// # Errors
    /// [`PhoneError::State`] when the file exists or cannot be written.
    pub fn create(path: &Path, server: &Url, surroundings: Surroundings) -> Result<Self, PhoneError> {
        if path.exists() {
            return Err(PhoneError::State(format!("{}: exists already", path.display())));
        }
        let state = PhoneState::fresh(server, server.origin().ascii_serialization())?;
        state.save(path)?;
        Ok(Self::of(path, state, surroundings))
    }

    /// The phone kept at `path`.
    ///
    /// # Errors
    /// [`PhoneError::State`] when the file cannot be read.
    pub fn open(path: &Path, surroundings: Surroundings) -> Result<Self, PhoneError> {
        Ok(Self::of(path, PhoneState::load(path)?, surroundings))
    }

    /// The server kept in the state file at `path`.
    ///
    /// # Errors
    /// [`PhoneError::State`] when the file cannot be read.
    pub fn server_of(path: &Path) -> Result<Url, PhoneError> {
        PhoneState::load(path).map(|state| state.server)
    }

    fn of(path: &Path, state: PhoneState, surroundings: Surroundings) -> Self {
        Self { path: path.to_path_buf(), state, faults: Faults::default(), surroundings, nonce: None }
    }

    /// Names another origin than the server's, such as `android:apk-key-hash:…`.
    ///
    /// # Errors
    /// [`PhoneError::State`] when the file cannot be written.
    pub fn set_origin(&mut self, origin: &str) -> Result<(), PhoneError> {
        origin.clone_into(&mut self.state.origin);
        self.save()
    }

    /// Names the phone, for its holder.
    ///
    /// # Errors
    /// [`PhoneError::State`] when the file cannot be written.
    pub fn set_name(&mut self, name: &str) -> Result<(), PhoneError> {
        name.clone_into(&mut self.state.name);
        self.save()
    }

    /// Makes the phone misbehave, for tests.
    pub fn set_faults(&mut self, faults: Faults) {
        self.faults = faults;
    }

    /// The device this phone is for the server, once enrolled.
    #[must_use]
    pub fn device_id(&self) -> Option<&str> {
        self.state.credential.as_ref().and_then(|credential| credential.device_id.as_deref())
    }

    /// The enrolled phones of the same person.
    ///
    /// # Errors
    /// [`PhoneError`].
    pub async fn devices(&mut self) -> Result<Vec<EnrolledDevice>, PhoneError> {
        self.enrolled()?;
        let body = expect(self.call(Method::GET, "/mobile/v1/devices", None).await?, 200)?;
        value_at(&body, "/devices")
    }

    /// Revokes a phone of the same person, this one included.
    ///
    /// # Errors
    /// [`PhoneError`].
    pub async fn revoke(&mut self, id: &str) -> Result<(), PhoneError> {
        self.enrolled()?;
        let path = format!("/mobile/v1/devices/{}", segment(id)?);
        expect(self.call(Method::DELETE, &path, None).await?, 204).map(|_| ())
    }

    /// The server's address, as QR codes begin.
    pub(super) fn base(&self) -> &str {
        self.state.server.as_str().trim_end_matches('/')
    }

    pub(super) fn save(&self) -> Result<(), PhoneError> {
        self.state.save(&self.path)
    }

    pub(super) fn entropy(&self) -> &dyn Entropy {
        &*self.surroundings.entropy
    }

    /// The credential of an enrolled phone.
    pub(super) fn enrolled(&self) -> Result<&Credential, PhoneError> {
        let credential = self.state.credential.as_ref().ok_or(PhoneError::NotEnrolled)?;
        if credential.device_id.is_some() { Ok(credential) } else { Err(PhoneError::NotEnrolled) }
    }

    /// Calls without proof: the one call that needs none.
    pub(super) async fn call_bare(&mut self, path: &str, body: Value) -> Result<Reply, PhoneError> {
        self.send(Call { method: Method::POST, path: String::from(path), dpop: None, body: Some(body) }).await
    }

    /// Calls with proof; once more with the server's nonce when it asks for one (RFC 9449 8).
    pub(super) async fn call(
        &mut self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Result<Reply, PhoneError> {
        let reply = self.call_once(&method, path, body.clone()).await?;
        let asks_nonce = reply.status == 401
            && reply.body.get("error").and_then(Value::as_str) == Some("use_dpop_nonce")
            && reply.dpop_nonce.is_some();
        if asks_nonce { self.call_once(&method, path, body).await } else { Ok(reply) }
    }

    async fn call_once(
        &mut self,
        method: &Method,
        path: &str,
        body: Option<Value>,
    ) -> Result<Reply, PhoneError> {
        let url = self.state.server.join(path).map_err(|_| PhoneError::Answer("path"))?;
        let what = ProofOf { method: method.as_str(), url: &url, nonce: self.nonce.as_deref() };
        let now = self.surroundings.clock.now();
        let proof = prove(&self.state.request_key()?, &what, now, &*self.surroundings.entropy)?;
        self.send(Call { method: method.clone(), path: String::from(path), dpop: Some(proof), body }).await
    }

    async fn send(&mut self, call: Call) -> Result<Reply, PhoneError> {
        let reply = self.surroundings.transport.send(call).await?;
        if reply.dpop_nonce.is_some() {
            self.nonce.clone_from(&reply.dpop_nonce); // RFC 9449 8.2
        }
        Ok(reply)
    }
}

/// An identifier as one segment of a path: it comes from the server or from the command line.
pub(super) fn segment(id: &str) -> Result<&str, PhoneError> {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if !id.is_empty() && id.bytes().all(legal) { Ok(id) } else { Err(PhoneError::Answer("identifier")) }
}
