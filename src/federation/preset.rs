//! What the state's providers publish about themselves: hosts, levels, algorithms, encryption.
//!
//! Sources: the published code of FranceConnect (`core-fcp-low`, `core-fcp-high`) and of ProConnect. What a provider
//! does not publish has no default here.

use serde::{Deserialize, Serialize};

use super::UserinfoForm;
use crate::jose::{Algorithm, KeyManagement};

/// A kind of provider whose values are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Preset {
    /// FranceConnect: `eidas1`, signed and not encrypted.
    FranceConnect,
    /// FranceConnect+: `eidas2` and `eidas3`, ES256 inside an encrypted token.
    #[serde(rename = "franceconnect+")]
    FranceConnectPlus,
    /// ProConnect, for agents: `eidas1`, signed and not encrypted.
    ProConnect,
    /// Any other: everything is said in the settings.
    Custom,
}

/// Which installation of a provider.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Environment {
    /// With fictitious persons.
    Integration,
    /// The real one.
    #[default]
    Production,
}

impl Preset {
    /// The word of the settings.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::FranceConnect => "franceconnect",
            Self::FranceConnectPlus => "franceconnect+",
            Self::ProConnect => "proconnect",
            Self::Custom => "custom",
        }
    }

    /// The name shown to persons.
    #[must_use]
    pub const fn display_name(self) -> Option<&'static str> {
        match self {
            Self::FranceConnect => Some("FranceConnect"),
            Self::FranceConnectPlus => Some("FranceConnect+"),
            Self::ProConnect => Some("ProConnect"),
            Self::Custom => None,
        }
    }

    /// The issuer, where it is published.
    #[must_use]
    pub const fn issuer(self, environment: Environment) -> Option<&'static str> {
        match (self, environment) {
            (Self::FranceConnect, Environment::Integration) => {
                Some("https://fcp-low.integ01.dev-franceconnect.fr/api/v2")
            }
            (Self::FranceConnect, Environment::Production) => {
                Some("https://app.franceconnect.gouv.fr/api/v2")
            }
            (Self::FranceConnectPlus, Environment::Integration) => {
                Some("https://auth.integ01.dev-franceconnect.fr/api/v2")
            }
            (Self::FranceConnectPlus, Environment::Production) => {
                Some("https://auth.franceconnect.gouv.fr/api/v2")
            }
            (Self::ProConnect | Self::Custom, _) => None,
        }
    }

    /// The levels it gives, lowest first; empty when unknown.
    #[must_use]
    pub const fn acr_values(self) -> &'static [&'static str] {
        match self {
            Self::FranceConnect | Self::ProConnect => &["eidas1"],
            Self::FranceConnectPlus => &["eidas2", "eidas3"],
            Self::Custom => &[],
        }
    }

    /// The algorithms it signs with. HS256, which FranceConnect also knew, is none of ours.
    #[must_use]
    pub const fn signature_algorithms(self) -> &'static [Algorithm] {
        match self {
            Self::FranceConnectPlus => &[Algorithm::Es256],
            Self::FranceConnect | Self::ProConnect | Self::Custom => &[Algorithm::Es256, Algorithm::Rs256],
        }
    }

    /// The key managements it encrypts with; empty when it does not encrypt.
    #[must_use]
    pub const fn encryption(self) -> &'static [KeyManagement] {
        match self {
            Self::FranceConnectPlus => {
                &[KeyManagement::EcdhEs, KeyManagement::RsaOaep256, KeyManagement::RsaOaep]
            }
            Self::Custom => &KeyManagement::ALL,
            Self::FranceConnect | Self::ProConnect => &[],
        }
    }

    /// What is asked about the person, unless the settings say otherwise.
    #[must_use]
    pub const fn scopes(self) -> &'static [&'static str] {
        match self {
            Self::FranceConnect | Self::FranceConnectPlus => {
                &["openid", "identite_pivot", "preferred_username", "email"]
            }
            Self::ProConnect => &["openid", "uid", "given_name", "usual_name", "email", "siret"],
            Self::Custom => &["openid"],
        }
    }

    /// The form of its userinfo answers.
    #[must_use]
    pub const fn userinfo(self) -> UserinfoForm {
        match self {
            Self::Custom => UserinfoForm::Json,
            Self::FranceConnect | Self::FranceConnectPlus | Self::ProConnect => UserinfoForm::Jwt,
        }
    }
}
