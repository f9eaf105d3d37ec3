//! Identity providers above us, `[[upstream]]`: a preset and what was agreed with it.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::str::FromStr;

use crate::base::Secret;
use crate::federation::{
    AssertionAudience, DEFAULT_TIMEOUT, Encryption, ProviderDraft, ProviderError, UpstreamAuth,
    UpstreamProvider,
};

use super::raw::RawUpstream;
use super::{ConfigError, duration};

/// One section, checked as far as it can be without the files it names.
#[derive(Clone, Debug)]
pub struct Upstream {
    /// Holds the client secret; none when we sign assertions instead.
    pub client_secret_file: Option<PathBuf>,
    draft: ProviderDraft,
}

impl Upstream {
    pub(super) fn check_all(raw: &[RawUpstream]) -> Result<Vec<Self>, ConfigError> {
        let all: Vec<Self> = raw.iter().map(Self::check).collect::<Result<_, _>>()?;
        let names: BTreeSet<&str> = all.iter().map(|upstream| upstream.draft.id.as_str()).collect();
        let issuers: BTreeSet<String> = all
            .iter()
            .map(|one| one.settings(PLACE.to_owned()))
            .map(|one| one.map(|one| one.issuer))
            .collect::<Result<_, _>>()?;
        if names.len() != all.len() {
            return Err(ConfigError::refused("upstream.id", "two sections have the same one"));
        }
        // Links are kept by issuer: two sections would share the persons of one.
        if issuers.len() != all.len() {
            return Err(ConfigError::refused("upstream.issuer", "two sections name the same one"));
        }
        Ok(all)
    }

    fn check(raw: &RawUpstream) -> Result<Self, ConfigError> {
        let id = raw.id.clone().ok_or_else(|| missing("upstream.id"))?;
        let preset = raw.preset.ok_or_else(|| {
            ConfigError::refused(
                "upstream.preset",
                "missing: franceconnect, franceconnect+, proconnect or custom",
            )
        })?;
        let client_id = raw.client_id.clone().ok_or_else(|| missing("upstream.client_id"))?;
        let auth = match (&raw.client_secret_file, raw.client_auth) {
            (Some(_), None) => UpstreamAuth::ClientSecretPost(Secret::new(PLACE.to_owned())),
            (None, Some(RawClientAuth::PrivateKeyJwt)) => {
                UpstreamAuth::PrivateKeyJwt(raw.assertion_audience.unwrap_or_default())
            }
            _ => {
                let reason = "give either client_secret_file or client_auth = \"private_key_jwt\"";
                return Err(ConfigError::refused("upstream.client_auth", reason));
            }
        };
        let draft = ProviderDraft {
            id,
            name: raw.name.clone(),
            preset,
            environment: raw.environment,
            issuer: raw.issuer.clone(),
            client_id,
            auth,
            acr_values: raw.acr_values.clone(),
            signature_algorithms: parse("upstream.signature_algorithms", raw.signature_algorithms.as_ref())?,
            encryption: parse("upstream.encryption", raw.encryption.as_ref())?,
            scopes: raw.scopes.clone(),
            userinfo: raw.userinfo,
            asks_amr: raw.amr,
            timeout: Some(duration::read("upstream.timeout", raw.timeout.as_deref(), DEFAULT_TIMEOUT)?),
        };
        let upstream = Self { client_secret_file: raw.client_secret_file.clone(), draft };
        // A section that cannot be followed is refused before any file is read.
        upstream.settings(PLACE.to_owned()).map(|_| upstream)
    }

    /// The settings with the client's secret, which is ignored where none is used.
    ///
    /// # Errors
    /// [`ConfigError`] for a secret that cannot be sent.
    pub fn settings(&self, secret: String) -> Result<UpstreamProvider, ConfigError> {
        let mut draft = self.draft.clone();
        if let UpstreamAuth::ClientSecretPost(place) = &mut draft.auth {
            *place = Secret::new(secret);
        }
        UpstreamProvider::check(draft).map_err(|error| named(&self.draft.id, error))
    }

    /// What was understood, in one line.
    pub(super) fn line(&self) -> String {
        let Ok(settings) = self.settings(PLACE.to_owned()) else { return String::new() };
        let auth = match &settings.auth {
            UpstreamAuth::ClientSecretPost(_) => "client_secret_post",
            UpstreamAuth::PrivateKeyJwt(AssertionAudience::Issuer) => "private_key_jwt to the issuer",
            UpstreamAuth::PrivateKeyJwt(AssertionAudience::TokenEndpoint) => "private_key_jwt",
        };
        let encryption = match &settings.encryption {
            Encryption::None => String::from("not encrypted"),
            Encryption::Required(_) => format!("encrypted with {}", joined(settings.encryption.algorithms())),
        };
        format!(
            "{} ({}) at {}, client {} by {auth}, acr {}, signed with {}, {encryption}",
            settings.id,
            settings.preset.as_str(),
            settings.issuer,
            settings.client_id,
            if settings.acr_values.is_empty() { String::from("any") } else { settings.acr_values.join(" ") },
            joined(&settings.signature_algorithms),
        )
    }
}

/// How we prove ourselves, where no secret does.
#[derive(Clone, Copy, Debug, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum RawClientAuth {
    PrivateKeyJwt,
}

fn parse<T: FromStr>(
    setting: &'static str,
    names: Option<&Vec<String>>,
) -> Result<Option<Vec<T>>, ConfigError> {
    let read = |names: &Vec<String>| names.iter().map(|name| name.parse()).collect::<Result<Vec<T>, _>>();
    let unknown = |_| ConfigError::refused(setting, "names an algorithm that this program does not know");
    names.map(read).transpose().map_err(unknown)
}

fn joined<T: ToString>(items: &[T]) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

fn missing(setting: &'static str) -> ConfigError {
    ConfigError::refused(setting, "missing")
}

fn named(id: &str, error: ProviderError) -> ConfigError {
    let setting = match error.setting {
        "id" => "upstream.id",
        "name" => "upstream.name",
        "environment" => "upstream.environment",
        "issuer" => "upstream.issuer",
        "client_id" => "upstream.client_id",
        "client_secret_file" => SECRET_FILE,
        "acr_values" => "upstream.acr_values",
        "signature_algorithms" => "upstream.signature_algorithms",
        "encryption" => "upstream.encryption",
        "scopes" => "upstream.scopes",
        "userinfo" => "upstream.userinfo",
        "timeout" => "upstream.timeout",
        _ => "upstream",
    };
    ConfigError::refused(setting, format!("{} (of the section {id:?})", error.reason))
}

/// Stands where a secret will be read.
const PLACE: &str = "-";
pub(super) const SECRET_FILE: &str = "upstream.client_secret_file";
