//! Client profiles: which rules of the field a client follows, and the methods and grants they speak of.
//!
//! `oidc` is OpenID Connect with RFC 9700; `psc` is the dialect of Pro Santé Connect; `fapi2` is
//! <https://openid.net/specs/fapi-security-profile-2_0-final.html> 5.3 and 5.4; `fapi-ciba` is
//! <https://openid.net/specs/openid-financial-api-ciba.html>; `france_connect` is a hub for which this provider is one of
//! its identity providers. One method per row of the table; the client's own
//! registration is judged in `client.rs`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::jose::Algorithm;

/// The text is not a wire name of this kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown name")]
pub struct NameError;

/// The rules a client follows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Profile {
    /// OpenID Connect: the default of registration.
    #[default]
    Oidc,
    /// A service written for Pro Santé Connect.
    Psc,
    /// FAPI 2.0 Security Profile.
    Fapi2,
    /// FAPI client-initiated backchannel authentication.
    FapiCiba,
    /// A hub like `FranceConnect+`, above this provider.
    FranceConnect,
}

impl Profile {
    /// Every profile.
    pub const ALL: [Self; 5] = [Self::Oidc, Self::Psc, Self::Fapi2, Self::FapiCiba, Self::FranceConnect];

    /// The profile as stored and configured.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Oidc => "oidc",
            Self::Psc => "psc",
            Self::Fapi2 => "fapi2",
            Self::FapiCiba => "fapi_ciba",
            Self::FranceConnect => "france_connect",
        }
    }

    /// Whether authorization requests must be pushed (FAPI 2.0 5.3.2.2).
    #[must_use]
    pub const fn requires_par(self) -> bool {
        matches!(self, Self::Fapi2)
    }

    /// Whether a client that authenticates with `auth` must send a PKCE challenge (RFC 9700 2.1.1, FAPI 2.0 5.3.2.2).
    #[must_use]
    pub const fn requires_pkce_for(self, auth: ClientAuthMethod) -> bool {
        matches!(self, Self::Fapi2) || matches!(auth, ClientAuthMethod::None)
    }

    /// Whether a client may authenticate with `auth` (FAPI 2.0 5.3.2.1).
    #[must_use]
    pub const fn allows_auth(self, auth: ClientAuthMethod) -> bool {
        match self {
            Self::Oidc => true,
            Self::Psc | Self::FranceConnect => !matches!(auth, ClientAuthMethod::None),
            Self::Fapi2 | Self::FapiCiba => matches!(auth, ClientAuthMethod::PrivateKeyJwt),
        }
    }

    /// Whether a client may use `grant`; `fapi_ciba` has no authorization endpoint, `france_connect` nothing else.
    #[must_use]
    pub const fn allows_grant(self, grant: GrantType) -> bool {
        match self {
            Self::Oidc | Self::Psc | Self::Fapi2 => true,
            Self::FapiCiba => !matches!(grant, GrantType::AuthorizationCode),
            Self::FranceConnect => matches!(grant, GrantType::AuthorizationCode),
        }
    }

    /// The algorithms an ID token may be signed with, the default first (FAPI 2.0 5.4.1).
    #[must_use]
    pub const fn id_token_algorithms(self) -> &'static [Algorithm] {
        match self {
            Self::Oidc | Self::Psc => &[Algorithm::Es256, Algorithm::Rs256],
            Self::Fapi2 => &[Algorithm::Es256, Algorithm::Ps256, Algorithm::EdDsa],
            Self::FapiCiba => &[Algorithm::Es256, Algorithm::Ps256],
            Self::FranceConnect => &[Algorithm::Es256],
        }
    }

    /// Whether access tokens must be bound to a key of the client (FAPI 2.0 5.3.2.1).
    #[must_use]
    pub const fn requires_sender_constraint(self) -> bool {
        matches!(self, Self::Fapi2 | Self::FapiCiba)
    }

    /// Whether redirect URIs must be `https` (FAPI 2.0 5.3.2.2).
    #[must_use]
    pub const fn requires_https(self) -> bool {
        matches!(self, Self::Fapi2 | Self::FapiCiba | Self::FranceConnect)
    }

    /// Whether ID token and `UserInfo` must be encrypted.
    #[must_use]
    pub const fn requires_encryption(self) -> bool {
        matches!(self, Self::FranceConnect)
    }

    /// Whether an access token serves once.
    #[must_use]
    pub const fn single_use_access_token(self) -> bool {
        matches!(self, Self::FranceConnect)
    }

    /// How long an access token and its ID token live, of configured lifetimes of `configured`.
    #[must_use]
    pub fn access_token_lifetime(self, configured: Duration) -> Duration {
        if matches!(self, Self::FranceConnect) { configured.min(HUB_LIFETIME) } else { configured }
    }

    /// Whether a refresh token is given without `offline_access`.
    #[must_use]
    pub const fn refreshes_always(self) -> bool {
        matches!(self, Self::Psc)
    }
}

/// As short as `FranceConnect`'s own.
const HUB_LIFETIME: Duration = Duration::from_mins(1);

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Profile {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        Self::ALL.into_iter().find(|profile| profile.as_str() == text).ok_or(NameError)
    }
}

/// How a client authenticates (OIDC Core 9).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ClientAuthMethod {
    /// A secret in the `Authorization` header.
    #[serde(rename = "client_secret_basic")]
    SecretBasic,
    /// A secret in the form.
    #[serde(rename = "client_secret_post")]
    SecretPost,
    /// An assertion signed with a registered key (RFC 7523).
    #[serde(rename = "private_key_jwt")]
    PrivateKeyJwt,
    /// Not at all: a native application.
    #[serde(rename = "none")]
    None,
}

impl ClientAuthMethod {
    /// Every method.
    pub const ALL: [Self; 4] = [Self::SecretBasic, Self::SecretPost, Self::PrivateKeyJwt, Self::None];

    /// The method as sent.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SecretBasic => "client_secret_basic",
            Self::SecretPost => "client_secret_post",
            Self::PrivateKeyJwt => "private_key_jwt",
            Self::None => "none",
        }
    }

    /// Whether the client has a secret.
    #[must_use]
    pub const fn uses_secret(self) -> bool {
        matches!(self, Self::SecretBasic | Self::SecretPost)
    }
}

impl fmt::Display for ClientAuthMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for ClientAuthMethod {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        Self::ALL.into_iter().find(|method| method.as_str() == text).ok_or(NameError)
    }
}

/// A grant type (RFC 6749 4.1, 4.4, 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GrantType {
    /// RFC 6749 4.1.
    AuthorizationCode,
    /// RFC 6749 6.
    RefreshToken,
    /// RFC 6749 4.4.
    ClientCredentials,
}

impl GrantType {
    /// Every grant type.
    pub const ALL: [Self; 3] = [Self::AuthorizationCode, Self::RefreshToken, Self::ClientCredentials];

    /// The grant type as sent.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AuthorizationCode => "authorization_code",
            Self::RefreshToken => "refresh_token",
            Self::ClientCredentials => "client_credentials",
        }
    }
}

impl fmt::Display for GrantType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for GrantType {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        Self::ALL.into_iter().find(|grant| grant.as_str() == text).ok_or(NameError)
    }
}
