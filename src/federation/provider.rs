//! The settings of one identity provider above us, checked: who it is, who we are to it, what we accept from it.
//!
//! `OpenID Connect Core` 3.1.2.1, 9, 10; `Registration` 2 (the values agreed with the provider). Everything an answer
//! must satisfy is pinned here, and nothing of it is read from the answer.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::agreed::{acr_values, encryption, is_printable, issuer, scopes, signature_algorithms, userinfo};
use super::{Environment, Preset};
use crate::base::Secret;
use crate::identity::Acr;
use crate::jose::{Algorithm, KeyManagement};

/// Names a provider in settings, addresses and stored links: 1 to 32 of `a-z`, `0-9` and `-`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct ProviderId(String);

impl ProviderId {
    /// Reads an identifier.
    ///
    /// # Errors
    /// [`ProviderError`] on `id`.
    pub fn parse(text: &str) -> Result<Self, ProviderError> {
        let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if (1..=32).contains(&text.len()) && text.bytes().all(fits) {
            Ok(Self(text.to_owned()))
        } else {
            Err(refused("id", "must be 1 to 32 of a-z, 0-9 and -"))
        }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ProviderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for ProviderId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

/// Why settings of a provider cannot be used, with the sentence an operator reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{setting} {reason}")]
pub struct ProviderError {
    /// The setting at fault.
    pub setting: &'static str,
    /// What is wrong with it.
    pub reason: &'static str,
}

/// How we prove ourselves to its token endpoint (`OpenID Connect Core` 9).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UpstreamAuth {
    /// `client_secret_post`.
    ClientSecretPost(Secret),
    /// `private_key_jwt` with our own ES256 signing key, which `/jwks` publishes.
    PrivateKeyJwt(AssertionAudience),
}

/// Whom an assertion of ours names (RFC 7523 3; `OpenID Connect Core` 9).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AssertionAudience {
    /// The issuer, as RFC 7523bis wants: no other endpoint can be meant.
    Issuer,
    /// The token endpoint, as `OpenID Connect Core` 9 has it.
    #[default]
    TokenEndpoint,
}

/// Whether its tokens are encrypted to us. It is never both: what comes in the other form is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Encryption {
    /// Signed only.
    None,
    /// Signed, then encrypted with one of these.
    Required(Vec<KeyManagement>),
}

impl Encryption {
    /// The key managements accepted.
    #[must_use]
    pub fn algorithms(&self) -> &[KeyManagement] {
        match self {
            Self::None => &[],
            Self::Required(algorithms) => algorithms,
        }
    }
}

/// The form of userinfo (`OpenID Connect Core` 5.3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UserinfoForm {
    /// Bare JSON, trusted for the channel it came by.
    Json,
    /// A signed token, encrypted like the ID token.
    Jwt,
}

/// What the settings say; an absent value is the preset's.
#[derive(Clone, Debug)]
pub struct ProviderDraft {
    /// See [`UpstreamProvider::id`].
    pub id: String,
    /// See [`UpstreamProvider::name`].
    pub name: Option<String>,
    /// The kind of provider.
    pub preset: Preset,
    /// Which installation, where the preset knows the addresses.
    pub environment: Option<Environment>,
    /// The issuer, where it does not.
    pub issuer: Option<String>,
    /// See [`UpstreamProvider::client_id`].
    pub client_id: String,
    /// See [`UpstreamProvider::auth`].
    pub auth: UpstreamAuth,
    /// See [`UpstreamProvider::acr_values`].
    pub acr_values: Option<Vec<String>>,
    /// See [`UpstreamProvider::signature_algorithms`].
    pub signature_algorithms: Option<Vec<Algorithm>>,
    /// Key managements; empty for no encryption.
    pub encryption: Option<Vec<KeyManagement>>,
    /// See [`UpstreamProvider::scopes`].
    pub scopes: Option<Vec<String>>,
    /// See [`UpstreamProvider::userinfo`].
    pub userinfo: Option<UserinfoForm>,
    /// See [`UpstreamProvider::asks_amr`].
    pub asks_amr: bool,
    /// See [`UpstreamProvider::timeout`].
    pub timeout: Option<Duration>,
}

/// One provider, as agreed with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamProvider {
    /// Its name here.
    pub id: ProviderId,
    /// Its name for persons.
    pub name: String,
    /// Its kind.
    pub preset: Preset,
    /// Its issuer identifier, compared byte for byte.
    pub issuer: String,
    /// Our identifier there.
    pub client_id: String,
    /// Our proof there.
    pub auth: UpstreamAuth,
    /// The levels it may be asked for, lowest first; when it gives none, empty.
    pub acr_values: Vec<String>,
    /// The only algorithms its signatures may use.
    pub signature_algorithms: Vec<Algorithm>,
    /// Whether its tokens are encrypted.
    pub encryption: Encryption,
    /// What is asked about the person, `openid` first.
    pub scopes: Vec<String>,
    /// The form of its userinfo.
    pub userinfo: UserinfoForm,
    /// Whether `amr` is asked for by the `claims` parameter: FranceConnect gives it to services it allowed only.
    pub asks_amr: bool,
    /// How long all calls of one login may take together.
    pub timeout: Duration,
}

impl UpstreamProvider {
    /// The settings of `draft`, completed by its preset and checked against it.
    ///
    /// # Errors
    /// [`ProviderError`] for the first setting that cannot be used.
    pub fn check(draft: ProviderDraft) -> Result<Self, ProviderError> {
        let id = ProviderId::parse(&draft.id)?;
        let preset = draft.preset;
        let name = draft.name.or_else(|| preset.display_name().map(str::to_owned));
        let name = name.filter(|name| (1..=64).contains(&name.chars().count()));
        let client_id = Some(draft.client_id).filter(|client| is_printable(client));
        let timeout = draft.timeout.unwrap_or(DEFAULT_TIMEOUT);
        if !(Duration::from_millis(1)..=Duration::from_secs(10)).contains(&timeout) {
            return Err(refused("timeout", "must be between 1s and 10s: a person waits for it"));
        }
        if let UpstreamAuth::ClientSecretPost(secret) = &draft.auth
            && !is_printable(secret.expose())
        {
            return Err(refused("client_secret_file", "must hold one line of printable characters"));
        }
        Ok(Self {
            id,
            name: name.ok_or_else(|| refused("name", "must be given, 1 to 64 characters"))?,
            preset,
            issuer: issuer(preset, draft.environment, draft.issuer)?,
            client_id: client_id
                .ok_or_else(|| refused("client_id", "must be 1 to 256 printable characters"))?,
            auth: draft.auth,
            acr_values: acr_values(preset, draft.acr_values)?,
            signature_algorithms: signature_algorithms(preset, draft.signature_algorithms)?,
            encryption: encryption(preset, draft.encryption)?,
            scopes: scopes(preset, draft.scopes)?,
            userinfo: userinfo(preset, draft.userinfo)?,
            asks_amr: draft.asks_amr,
            timeout,
        })
    }

    /// The highest level it gives; the lowest there is when none was agreed.
    #[must_use]
    pub fn ceiling(&self) -> Acr {
        self.levels().max().unwrap_or(Acr::Eidas1)
    }

    /// The level to ask for where `floor` must be reached: the lowest one agreed that is no lower. None when no known
    /// level was agreed.
    #[must_use]
    pub fn level_for(&self, floor: Option<Acr>) -> Option<Acr> {
        self.levels().filter(|level| Some(*level) >= floor).min()
    }

    fn levels(&self) -> impl Iterator<Item = Acr> {
        self.acr_values.iter().filter_map(|value| value.parse().ok())
    }

    /// Where its metadata are (`OpenID Connect Discovery` 4.1).
    #[must_use]
    pub fn discovery_url(&self) -> String {
        format!("{}/.well-known/openid-configuration", self.issuer.trim_end_matches('/'))
    }
}

pub(super) const fn refused(setting: &'static str, reason: &'static str) -> ProviderError {
    ProviderError { setting, reason }
}

/// How long all calls of one login may take together: what FranceConnect itself waits for others.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(6);
