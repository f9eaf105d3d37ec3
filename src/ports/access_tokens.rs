//! Access-token records: what our own endpoints believe, instead of a signature (design decision 3).

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::PortResult;
use crate::base::{ClientId, DeviceId, FamilyId, GrantId, PersonId, Sid, TokenHash, UnixTime};
use crate::identity::{AuthMode, OnBehalf};
use crate::jose::Thumbprint;
use crate::oauth::ScopeSet;
use crate::oidc::ClaimsRequest;

/// What an access token stands for. No record: the token is not active.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AccessTokenRecord {
    /// The client it was issued to.
    pub client: ClientId,
    /// The person, absent for a token of the client itself.
    pub person: Option<PersonId>,
    /// For whom the person acts, when not for themself: `subject` is then that one's.
    #[serde(default)]
    pub on_behalf_of: Option<OnBehalf>,
    /// The phone that authenticated the person.
    pub device: Option<DeviceId>,
    /// The session it belongs to.
    pub sid: Option<Sid>,
    /// The grant it comes from.
    pub grant: Option<GrantId>,
    /// The refresh token family it comes from.
    pub family: Option<FamilyId>,
    /// The subject the client knows.
    pub subject: String,
    /// Granted scope.
    pub scope: ScopeSet,
    /// Claims requested one by one (OpenID Connect Core 5.5).
    pub claims: ClaimsRequest,
    /// Audience.
    pub audience: String,
    /// Its unique name.
    pub jti: String,
    /// When the person was authenticated, absent for a token of the client itself.
    pub auth_time: Option<UnixTime>,
    /// The level the token says.
    pub acr: Option<String>,
    /// `nonce` of the authorization request.
    pub nonce: Option<String>,
    /// The key that signed it.
    pub kid: String,
    /// Thumbprint of the DPoP key it is bound to (RFC 9449 6.1).
    pub jkt: Option<Thumbprint>,
    /// How the person was authenticated (`authMode` of the sector claims), `MOBILE` or `CARD`.
    pub auth_mode: Option<AuthMode>,
    /// What its client is told of the person, as of the issue: a read of the database less for each use. None when it
    /// must be decided anew at each use: for whom somebody else acts, and for a hub. A JSON object without `sub`, as it
    /// is written: most uses hand it on as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub told: Option<Box<RawValue>>,
    /// Time of issue.
    pub issued_at: UnixTime,
    /// Time of expiry.
    pub expires_at: UnixTime,
}

/// Store of access-token records, ephemeral.
#[async_trait]
pub trait AccessTokens: Send + Sync {
    /// Keeps `record` under the hash of its token until it expires.
    async fn put(&self, token: &TokenHash, record: &AccessTokenRecord) -> PortResult<()>;
    /// The record of a token that has not expired at `now`.
    async fn load(&self, token: &TokenHash, now: UnixTime) -> PortResult<Option<AccessTokenRecord>>;
    /// The same, taken: of callers at once, one gets it.
    async fn take(&self, token: &TokenHash, now: UnixTime) -> PortResult<Option<AccessTokenRecord>>;
    /// Forgets a token.
    async fn remove(&self, token: &TokenHash) -> PortResult<()>;
}
