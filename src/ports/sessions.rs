//! Browser sessions, ephemeral, under the hash of their cookie.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::PortResult;
use crate::base::{ClientId, PersonId, Sid, TokenHash, UnixTime};
use crate::identity::{AuthenticationProof, UpstreamSession};

/// A browser session.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Session {
    /// Its name for relying parties.
    pub sid: Sid,
    /// Whose.
    pub person: PersonId,
    /// The authentication behind it.
    pub proof: AuthenticationProof,
    /// The browser's session at the provider that answered, to be ended with this one.
    #[serde(default)]
    pub upstream: Option<UpstreamSession>,
    /// The service for which the person authenticated: what the phone named.
    #[serde(default)]
    pub begun_for: Option<ClientId>,
    /// Beginning.
    pub created: UnixTime,
    /// Absolute end.
    pub absolute_end: UnixTime,
    /// End by idleness, moved at each use.
    pub idle_end: UnixTime,
}

/// Store of sessions.
#[async_trait]
pub trait Sessions: Send + Sync {
    /// Adds a session.
    async fn insert(&self, cookie: &TokenHash, session: &Session) -> PortResult<()>;
    /// A session in time.
    async fn load(&self, cookie: &TokenHash, now: UnixTime) -> PortResult<Option<Session>>;
    /// Moves the idle end of a live session; false when it is gone.
    async fn touch(&self, cookie: &TokenHash, idle_end: UnixTime, now: UnixTime) -> PortResult<bool>;
    /// Removes a session.
    async fn remove(&self, cookie: &TokenHash) -> PortResult<()>;
}
