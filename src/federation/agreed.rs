//! Each setting of a provider, completed by its preset and held against it.

use std::collections::BTreeSet;

use url::{Host, Url};

use super::provider::refused;
use super::{Encryption, Environment, Preset, ProviderError, UserinfoForm};
use crate::jose::{Algorithm, KeyManagement};

/// Whether `url` may be called: https, or http to this machine alone; without user name or fragment.
#[must_use]
pub fn is_callable(url: &Url) -> bool {
    let is_loopback = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    let is_bare = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
    is_bare && (url.scheme() == "https" || (url.scheme() == "http" && is_loopback))
}

pub(super) fn issuer(
    preset: Preset,
    environment: Option<Environment>,
    own: Option<String>,
) -> Result<String, ProviderError> {
    let issuer = match (own, environment) {
        (Some(_), Some(_)) => return Err(refused("environment", "cannot be given together with issuer")),
        (Some(own), None) => own,
        (None, environment) => preset
            .issuer(environment.unwrap_or_default())
            .ok_or_else(|| refused("issuer", "must be given: this preset has no known address"))?
            .to_owned(),
    };
    let url = Url::parse(&issuer).map_err(|_| refused("issuer", "is not a URL"))?;
    if !is_callable(&url) || url.query().is_some() {
        return Err(refused("issuer", "must be an https URL without query, fragment or user name"));
    }
    Ok(issuer)
}

pub(super) fn acr_values(preset: Preset, own: Option<Vec<String>>) -> Result<Vec<String>, ProviderError> {
    let known = preset.acr_values();
    let values = own.unwrap_or_else(|| known.iter().map(|&value| value.to_owned()).collect());
    if !known.is_empty() && (values.is_empty() || !values.iter().all(|value| known.contains(&value.as_str())))
    {
        return Err(refused("acr_values", "names none, or a level that this provider does not give"));
    }
    if !values.iter().all(|value| is_word(value)) || !are_distinct(&values) {
        return Err(refused("acr_values", "must be different words without spaces"));
    }
    Ok(values)
}

pub(super) fn signature_algorithms(
    preset: Preset,
    own: Option<Vec<Algorithm>>,
) -> Result<Vec<Algorithm>, ProviderError> {
    let known = preset.signature_algorithms();
    let algorithms = own.unwrap_or_else(|| known.to_vec());
    if algorithms.is_empty() || !algorithms.iter().all(|own| known.contains(own)) {
        return Err(refused(
            "signature_algorithms",
            "names none, or one that is not accepted from this provider",
        ));
    }
    Ok(algorithms)
}

pub(super) fn encryption(
    preset: Preset,
    own: Option<Vec<KeyManagement>>,
) -> Result<Encryption, ProviderError> {
    let known = preset.encryption();
    let algorithms = match (own, preset) {
        (Some(own), _) => own,
        // One is enough to publish one key; the others are for those who agreed on them.
        (None, Preset::FranceConnectPlus) => vec![KeyManagement::EcdhEs],
        (None, _) => Vec::new(),
    };
    if !algorithms.iter().all(|own| known.contains(own)) || !are_distinct(&algorithms) {
        return Err(refused("encryption", "names a key management twice, or one this provider does not use"));
    }
    match (algorithms.is_empty(), preset) {
        (true, Preset::FranceConnectPlus) => {
            Err(refused("encryption", "cannot be left out with FranceConnect+"))
        }
        (true, _) => Ok(Encryption::None),
        (false, _) => Ok(Encryption::Required(algorithms)),
    }
}

pub(super) fn scopes(preset: Preset, own: Option<Vec<String>>) -> Result<Vec<String>, ProviderError> {
    let scopes = own.unwrap_or_else(|| preset.scopes().iter().map(|&scope| scope.to_owned()).collect());
    // OpenID Connect Core 3.1.2.1
    if !scopes.iter().any(|scope| scope == "openid") {
        return Err(refused("scopes", "must contain openid"));
    }
    if !scopes.iter().all(|scope| is_word(scope)) || !are_distinct(&scopes) {
        return Err(refused("scopes", "must be different words without spaces"));
    }
    Ok(scopes)
}

pub(super) fn userinfo(preset: Preset, own: Option<UserinfoForm>) -> Result<UserinfoForm, ProviderError> {
    let form = own.unwrap_or_else(|| preset.userinfo());
    if preset != Preset::Custom && form != preset.userinfo() {
        return Err(refused("userinfo", "must be jwt: this provider signs it"));
    }
    Ok(form)
}

pub(super) fn is_printable(text: &str) -> bool {
    (1..=256).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ')
}

fn is_word(text: &str) -> bool {
    (1..=128).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

fn are_distinct<T: Ord>(items: &[T]) -> bool {
    items.iter().collect::<BTreeSet<_>>().len() == items.len()
}
