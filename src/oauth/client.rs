//! A registered client: its metadata and what they entitle it to.
//!
//! <https://www.rfc-editor.org/rfc/rfc7591#section-2> (names),
//! <https://openid.net/specs/openid-connect-core-1_0.html> 8.1 (sector).
//! Authentication methods, grants and the profile table are in `profile.rs`. Does not authenticate anybody.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::client_responses::{ResponseProtection, ResponsesError};
use super::error::{ErrorCode, OAuthError};
use super::profile::{ClientAuthMethod, GrantType, Profile};
use super::redirect_uri::{RedirectUri, RedirectUriError};
use super::scope::ScopeSet;
use crate::base::{ClientId, TokenHash};
use crate::jose::{Algorithm, JwkSet};

/// Whether the person is asked before a client gets what it asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConsentPolicy {
    /// Agreed when the service was registered.
    Implicit,
    /// Asked each time; the only policy of a public client (RFC 8252 8.6).
    #[default]
    Ask,
}

/// A registered client. Serialised with the names of RFC 7591 where it has one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Client {
    /// Its identifier.
    pub client_id: ClientId,
    /// The name shown to people.
    #[serde(rename = "client_name")]
    pub name: String,
    /// The rules it follows.
    #[serde(default)]
    pub profile: Profile,
    /// How it authenticates.
    #[serde(rename = "token_endpoint_auth_method")]
    pub auth: ClientAuthMethod,
    /// SHA-256 of its secret, which has at least 256 random bits.
    #[serde(rename = "client_secret_hash", default, skip_serializing_if = "Option::is_none")]
    pub secret_hash: Option<TokenHash>,
    /// Its public keys, for `private_key_jwt`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwks: Option<JwkSet>,
    /// Where its answers may go.
    #[serde(default)]
    pub redirect_uris: Vec<RedirectUri>,
    /// Where a browser may go after logout.
    #[serde(default)]
    pub post_logout_redirect_uris: Vec<String>,
    /// The grants it may use.
    pub grant_types: Vec<GrantType>,
    /// The scopes it may ask for.
    #[serde(rename = "scope")]
    pub scopes: ScopeSet,
    /// The sector its subjects are computed for (OIDC Core 8.1).
    #[serde(default)]
    pub sector: String,
    /// The algorithm of its ID tokens.
    #[serde(rename = "id_token_signed_response_alg")]
    pub id_token_alg: Algorithm,
    /// Whether its access tokens are always bound to a key (RFC 9449 5.2).
    #[serde(default)]
    pub dpop_bound_access_tokens: bool,
    /// Whether the person is asked.
    #[serde(default)]
    pub consent: ConsentPolicy,
    /// Whether it is a protected resource, which may introspect the access tokens meant for it (RFC 7662 2.1).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub resource_server: bool,
    /// The claims about patients that it may get, by name, and [`REPRESENTATION`]; none unless registered.
    #[serde(default, skip_serializing_if = "ScopeSet::is_empty")]
    pub release: ScopeSet,
    /// How its answers are signed and encrypted.
    #[serde(flatten)]
    pub responses: ResponseProtection,
    /// Whether it may do anything at all.
    pub enabled: bool,
}

/// Why the metadata of a client are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClientMetadataError {
    /// The name is empty, longer than 200 bytes, or holds control characters.
    #[error("unusable client_name")]
    Name,
    /// The profile does not allow this authentication method (FAPI 2.0 5.3.2.1).
    #[error("token_endpoint_auth_method not allowed by the profile")]
    AuthMethod,
    /// A secret method without a secret, or a secret with another method.
    #[error("secret and token_endpoint_auth_method disagree")]
    Secret,
    /// `private_key_jwt` without keys, or keys with another method.
    #[error("jwks and token_endpoint_auth_method disagree")]
    Keys,
    /// No grant type, one the profile excludes, `refresh_token` without `authorization_code`, or
    /// `client_credentials` of a public client (RFC 6749 4.4).
    #[error("grant_types not allowed")]
    GrantTypes,
    /// A redirect URI is not acceptable.
    #[error("redirect_uris: {0}")]
    RedirectUri(RedirectUriError),
    /// `authorization_code` without redirect URI, the reverse, or more than 32 of them.
    #[error("redirect_uris and grant_types disagree")]
    RedirectUriCount,
    /// The address after logout is not acceptable.
    #[error("post_logout_redirect_uris: {0}")]
    PostLogoutRedirectUri(RedirectUriError),
    /// `authorization_code` without the scope `openid`, or `offline_access` where the profile has no refreshing.
    #[error("scope lacks openid, or has offline_access")]
    Scope,
    /// No sector, or one that is not a host name in lower case (OIDC Core 8.1).
    #[error("unusable sector")]
    Sector,
    /// The profile does not allow this ID token algorithm (FAPI 2.0 5.4.1).
    #[error("id_token_signed_response_alg not allowed by the profile")]
    IdTokenAlgorithm,
    /// The profile, or refreshing without authentication, needs bound tokens (FAPI 2.0 5.3.2.1, RFC 9449 5).
    #[error("dpop_bound_access_tokens required")]
    SenderConstraint,
    /// A public client asks the person each time (RFC 8252 8.6).
    #[error("a public client cannot have implicit consent")]
    Consent,
    /// Signature and encryption of its answers do not hold together.
    #[error(transparent)]
    Responses(#[from] ResponsesError),
}

impl From<ClientMetadataError> for OAuthError {
    fn from(error: ClientMetadataError) -> Self {
        // RFC 7591 3.2.2
        let refusal = match error {
            ClientMetadataError::RedirectUri(_) | ClientMetadataError::RedirectUriCount => {
                Self::new(ErrorCode::InvalidRedirectUri, "redirect_uris not acceptable")
            }
            _ => Self::new(ErrorCode::InvalidRequest, "client metadata not acceptable"),
        };
        refusal.with_internal(error.to_string())
    }
}

impl Client {
    /// Whether the client has no authentication (RFC 6749 2.1): a native application.
    #[must_use]
    pub const fn is_public(&self) -> bool {
        matches!(self.auth, ClientAuthMethod::None)
    }

    /// Whether the client may use `grant`.
    #[must_use]
    pub fn allows_grant(&self, grant: GrantType) -> bool {
        self.grant_types.contains(&grant)
    }

    /// The registered redirect URI that `requested` is (RFC 9700 4.1.3).
    #[must_use]
    pub fn redirect_uri(&self, requested: &str) -> Option<&RedirectUri> {
        self.redirect_uris.iter().find(|uri| uri.matches(requested, self.is_public()))
    }

    /// Whether its authorization requests need a PKCE challenge (RFC 9700 2.1.1).
    #[must_use]
    pub const fn pkce_required(&self) -> bool {
        self.profile.requires_pkce_for(self.auth)
    }

    /// Whether a grant of `scope` comes with a refresh token (OIDC Core 11).
    #[must_use]
    pub fn wants_refresh(&self, scope: &ScopeSet) -> bool {
        let asked = self.profile.refreshes_always() || scope.contains("offline_access");
        asked && self.allows_grant(GrantType::RefreshToken)
    }

    /// Whether each refresh replaces the refresh token (RFC 9700 4.14.2, FAPI 2.0 5.3.2.1).
    #[must_use]
    pub const fn rotates_refresh(&self) -> bool {
        self.is_public()
    }

    /// Whether it may ask for whom a person acts, and be given tokens about that one.
    #[must_use]
    pub fn may_ask_representation(&self) -> bool {
        self.release.contains(REPRESENTATION)
    }

    /// The sector of `redirect_uris`: their host, when they all have the same one (OIDC Core 8.1).
    #[must_use]
    pub fn sector_of(redirect_uris: &[RedirectUri]) -> Option<String> {
        let hosts: Option<BTreeSet<String>> = redirect_uris.iter().map(RedirectUri::host).collect();
        let hosts = hosts?;
        if hosts.len() == 1 { hosts.into_iter().next() } else { None }
    }

    /// Judges the metadata as a whole (RFC 7591 2 and the profile).
    ///
    /// # Errors
    /// The first [`ClientMetadataError`].
    pub fn validate(&self) -> Result<(), ClientMetadataError> {
        let name = self.name.trim();
        if name.is_empty() || name.len() > MAX_NAME || name.chars().any(char::is_control) {
            return Err(ClientMetadataError::Name);
        }
        self.check_authentication()?;
        self.check_grants()?;
        self.check_addresses()?;
        self.check_tokens()
    }

    fn check_authentication(&self) -> Result<(), ClientMetadataError> {
        if !self.profile.allows_auth(self.auth) {
            return Err(ClientMetadataError::AuthMethod);
        }
        if self.auth.uses_secret() != self.secret_hash.is_some() {
            return Err(ClientMetadataError::Secret);
        }
        let has_keys = self.jwks.as_ref().is_some_and(|set| !set.keys.is_empty());
        let wants_keys = matches!(self.auth, ClientAuthMethod::PrivateKeyJwt);
        if wants_keys != has_keys || self.jwks.is_some() != has_keys {
            return Err(ClientMetadataError::Keys);
        }
        // RFC 8252 8.6
        if self.is_public() && self.consent == ConsentPolicy::Implicit {
            return Err(ClientMetadataError::Consent);
        }
        Ok(())
    }

    fn check_grants(&self) -> Result<(), ClientMetadataError> {
        let code = self.allows_grant(GrantType::AuthorizationCode);
        let refresh = self.allows_grant(GrantType::RefreshToken);
        // RFC 6749 4.4: confidential clients only.
        let credentials_of_public = self.is_public() && self.allows_grant(GrantType::ClientCredentials);
        let all_allowed = self.grant_types.iter().all(|&grant| self.profile.allows_grant(grant));
        if self.grant_types.is_empty() || !all_allowed || credentials_of_public || (refresh && !code) {
            return Err(ClientMetadataError::GrantTypes);
        }
        if code && !self.scopes.contains("openid") {
            return Err(ClientMetadataError::Scope);
        }
        // A scope of refreshing for who may not refresh.
        let refreshes = self.profile.allows_grant(GrantType::RefreshToken);
        if self.scopes.contains("offline_access") && code && !refreshes {
            return Err(ClientMetadataError::Scope);
        }
        Ok(())
    }

    fn check_addresses(&self) -> Result<(), ClientMetadataError> {
        let code = self.allows_grant(GrantType::AuthorizationCode);
        if code == self.redirect_uris.is_empty() || self.redirect_uris.len() > MAX_REDIRECT_URIS {
            return Err(ClientMetadataError::RedirectUriCount);
        }
        for uri in &self.redirect_uris {
            RedirectUri::parse(uri.as_str(), self.is_public()).map_err(ClientMetadataError::RedirectUri)?;
            if self.profile.requires_https() && !uri.is_https() {
                return Err(ClientMetadataError::RedirectUri(RedirectUriError::Http));
            }
        }
        // OIDC RP-Initiated Logout 2.1
        for uri in &self.post_logout_redirect_uris {
            RedirectUri::parse(uri, self.is_public()).map_err(ClientMetadataError::PostLogoutRedirectUri)?;
        }
        let legal = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-.:[]".contains(&b);
        if code && (self.sector.is_empty() || !self.sector.bytes().all(legal)) {
            return Err(ClientMetadataError::Sector);
        }
        Ok(())
    }

    fn check_tokens(&self) -> Result<(), ClientMetadataError> {
        if !self.profile.id_token_algorithms().contains(&self.id_token_alg) {
            return Err(ClientMetadataError::IdTokenAlgorithm);
        }
        // RFC 9449 5: what binds the refresh token of a public client.
        let public_refresh = self.is_public() && self.allows_grant(GrantType::RefreshToken);
        let needs_binding = self.profile.requires_sender_constraint() || public_refresh;
        if needs_binding && !self.dpop_bound_access_tokens {
            return Err(ClientMetadataError::SenderConstraint);
        }
        self.responses.validate()?;
        if self.profile.requires_encryption() && !self.responses.is_whole() {
            return Err(ResponsesError::Required.into());
        }
        Ok(())
    }
}

/// The scope that asks for whom a person acts, and the word of a release policy that lets a client ask.
pub const REPRESENTATION: &str = "representation";

const MAX_NAME: usize = 200;
const MAX_REDIRECT_URIS: usize = 32;
