//! The phones: their relying party id, the apps, and which authenticators are accepted.
//!
//! `WebAuthn Level 3` 5.1.2 and 13.4.9 (origins), 5.4.2 (`rp.id`), 6.5.1 (AAGUID).

use std::path::PathBuf;

use url::{Host, Url};
use uuid::Uuid;

use crate::base::from_base64url;

use super::error::refuse_if;
use super::raw::RawMobile;
use super::{ConfigError, Issuer, Senders};

/// Checked settings of the phones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mobile {
    /// The domain of the credentials.
    pub rp_id: String,
    /// The name phones may show.
    pub rp_name: String,
    /// Origins accepted besides the issuer's own: `https`, `android:apk-key-hash:…`, `ios:bundle-id:…`.
    pub allowed_origins: Vec<Url>,
    /// PEM files with the roots of the makers.
    pub attestation_roots: Vec<PathBuf>,
    /// Models accepted.
    pub aaguids: Vec<Uuid>,
    /// Whether a credential may attest itself; on loopback only.
    pub allow_self_attestation: bool,
    /// Active phones per person.
    pub devices_per_person: u32,
    /// Where activation codes go instead of persons; on loopback only.
    pub activation_codes_file: Option<PathBuf>,
    /// Times an hour that anybody may ask for activation codes, for anybody.
    pub codes_per_hour: u32,
    /// Who carries messages to persons.
    pub senders: Option<Senders>,
}

impl Mobile {
    pub(super) fn check(raw: &RawMobile, issuer: &Issuer) -> Result<Self, ConfigError> {
        let mobile = Self {
            rp_id: rp_id(raw.rp_id.as_deref(), issuer)?,
            rp_name: raw.rp_name.clone().unwrap_or_else(|| String::from("sceau")),
            allowed_origins: origins(&raw.allowed_origins, issuer)?,
            attestation_roots: raw.attestation_roots.clone(),
            aaguids: aaguids(&raw.aaguids)?,
            allow_self_attestation: raw.allow_self_attestation,
            devices_per_person: raw.devices_per_person.unwrap_or(5),
            activation_codes_file: raw.activation_codes_file.clone(),
            codes_per_hour: raw.codes_per_hour.unwrap_or(1000),
            senders: Senders::check(raw)?,
        };
        let named = !mobile.rp_name.trim().is_empty() && mobile.rp_name.chars().count() <= 64;
        refuse_if(!named, "mobile.rp_name", "must have between 1 and 64 characters")?;
        refuse_if(
            mobile.activation_codes_file.is_some() && !issuer.is_loopback(),
            "mobile.activation_codes_file",
            "is for trying out on loopback: whoever reads it can enrol a phone in anybody's name",
        )?;
        mobile.check_attestation(issuer)?;
        let few = (1..=20).contains(&mobile.devices_per_person);
        refuse_if(!few, "mobile.devices_per_person", "must be between 1 and 20")?;
        let some = (1..=1_000_000).contains(&mobile.codes_per_hour);
        refuse_if(!some, "mobile.codes_per_hour", "must be between 1 and 1000000")?;
        Ok(mobile)
    }

    /// Whether any phone can be enrolled.
    #[must_use]
    pub fn can_enrol(&self) -> bool {
        self.allow_self_attestation || !self.aaguids.is_empty()
    }

    fn check_attestation(&self, issuer: &Issuer) -> Result<(), ConfigError> {
        refuse_if(
            self.allow_self_attestation && !issuer.is_loopback(),
            "mobile.allow_self_attestation",
            "is for demonstrations on loopback: anybody's program would pass for a phone",
        )?;
        refuse_if(
            !self.aaguids.is_empty() && self.attestation_roots.is_empty(),
            "mobile.attestation_roots",
            "missing: the models of mobile.aaguids are proved by certificates of their makers",
        )?;
        refuse_if(
            self.aaguids.is_empty() && !self.attestation_roots.is_empty(),
            "mobile.aaguids",
            "missing: the roots of mobile.attestation_roots vouch for models, none of which is accepted",
        )
    }
}

fn rp_id(text: Option<&str>, issuer: &Issuer) -> Result<String, ConfigError> {
    let setting = "mobile.rp_id";
    // WebAuthn L3 5.1.2: an effective domain, never an address.
    refuse_if(
        !issuer.has_domain(),
        setting,
        "WebAuthn needs a domain name, and the issuer is an IP address: use a name, such as localhost",
    )?;
    let Some(text) = text else { return Ok(issuer.host().to_owned()) };
    let canonical = Host::parse(text).is_ok_and(|host| matches!(host, Host::Domain(name) if name == text));
    refuse_if(!canonical, setting, "must be a domain name in lower case, never an IP address or a URL")?;
    // WebAuthn L3 5.1.2 (HTML 7.1.1.2): equal to the host or a suffix of it at a dot.
    let above =
        issuer.host().strip_suffix(text).is_some_and(|rest| rest.ends_with('.')) && text.contains('.');
    refuse_if(
        text != issuer.host() && !above,
        setting,
        "must be the host of the issuer or a domain above it",
    )?;
    Ok(text.to_owned())
}

fn origins(texts: &[String], issuer: &Issuer) -> Result<Vec<Url>, ConfigError> {
    let origin = |text: &String| {
        let url = Url::parse(text).ok().filter(|url| is_origin(url, text, issuer));
        url.ok_or_else(|| {
            ConfigError::refused(
                "mobile.allowed_origins",
                "an origin is https://HOST without a path, android:apk-key-hash:HASH (43 characters of base64url) or ios:bundle-id:NAME",
            )
        })
    };
    texts.iter().map(origin).collect()
}

fn is_origin(url: &Url, text: &str, issuer: &Issuer) -> bool {
    if let Some(hash) = text.strip_prefix("android:apk-key-hash:") {
        return from_base64url(hash).is_ok_and(|bytes| bytes.len() == 32);
    }
    if let Some(name) = text.strip_prefix("ios:bundle-id:") {
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
        return !name.is_empty() && name.chars().all(allowed);
    }
    let scheme = url.scheme() == "https" || (url.scheme() == "http" && issuer.is_loopback());
    scheme && url.origin().ascii_serialization() == text
}

fn aaguids(texts: &[String]) -> Result<Vec<Uuid>, ConfigError> {
    let aaguid = |text: &String| {
        // WebAuthn L3 6.5.1: all zeros says that the model is not told.
        let known = Uuid::try_parse(text).ok().filter(|aaguid| !aaguid.is_nil());
        known.ok_or_else(|| ConfigError::refused("mobile.aaguids", "a model is a UUID that is not all zeros"))
    };
    texts.iter().map(aaguid).collect()
}
