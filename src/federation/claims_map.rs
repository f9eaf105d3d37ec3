//! The claims of another provider → who it says came, and how surely.
//!
//! `OpenID` Connect Core 2, 5.1, 5.3.2; claims of `FranceConnect` (`identite_pivot`, `rnipp_*`) and of `ProConnect`. Strict: a
//! claim of another type, length or form refuses the whole answer. Signatures, `aud`, `nonce` and `exp` are checked
//! before.

use std::time::Duration;

use serde_json::{Map, Value};

use super::claims_error::{ClaimsError, ClaimsReason};
use super::pivot_claims::{agent, optional_text, pivot, text};
use super::upstream_identity::{UpstreamIdentity, UpstreamKey};
use crate::base::{Secret, UnixTime};
use crate::identity::{Acr, is_email, is_name};

/// Core 2: `sub` has 255 ASCII characters at most.
const MAX_SUBJECT: usize = 255;
const MAX_AMR: usize = 16;
const MAX_AMR_VALUE: usize = 64;
/// How far `auth_time` may be ahead of our clock.
const LEEWAY: Duration = Duration::from_mins(1);

/// What is expected of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimRules {
    /// The issuer that was asked.
    pub issuer: String,
    /// Which claims identify the person.
    pub form: IdentityForm,
    /// The level that was asked for; none when none was agreed: then every answer has at least the lowest.
    pub requested: Option<Acr>,
    /// Now.
    pub now: UnixTime,
}

/// Which claims identify the person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IdentityForm {
    /// The "identité pivot", as `FranceConnect` gives it: corrected by the national register.
    Pivot,
    /// The same, as `FranceConnect`+ gives it: with the national register's version in `rnipp_*`, which is preferred when it is
    /// there, whole: the directory of patients follows the register too.
    PivotWithRegister,
    /// An agent, as `ProConnect` gives one: no traits of the civil register.
    Agent,
}

/// Reads the claims of ID token and userinfo.
///
/// # Errors
/// [`ClaimsError`]: the first claim that breaks a rule.
pub fn map_claims(
    id_token: &Map<String, Value>,
    userinfo: &Map<String, Value>,
    rules: &ClaimRules,
) -> Result<UpstreamIdentity, ClaimsError> {
    let key = key(id_token, userinfo, rules)?;
    let acr = acr(id_token, rules.requested)?;
    let amr = amr(id_token)?;
    let auth_time = auth_time(id_token, rules.now)?;
    let email = optional_text(userinfo, "email")?;
    // Core 5.1: an address, or nothing.
    if email.as_deref().is_some_and(|email| !is_email(email)) {
        return Err(ClaimsError::malformed("email"));
    }
    let (pivot, agent, used) = match rules.form {
        IdentityForm::Pivot => (Some(pivot(userinfo, false)?), None, "preferred_username"),
        IdentityForm::PivotWithRegister => (Some(pivot(userinfo, true)?), None, "preferred_username"),
        IdentityForm::Agent => (None, Some(agent(userinfo)?), "usual_name"),
    };
    let used_family_name = optional_text(userinfo, used)?;
    if used_family_name.as_deref().is_some_and(|name| !is_name(name)) {
        return Err(ClaimsError::malformed(used));
    }
    Ok(UpstreamIdentity { key, acr, amr, auth_time, pivot, agent, email, used_family_name })
}

fn key(
    id_token: &Map<String, Value>,
    userinfo: &Map<String, Value>,
    rules: &ClaimRules,
) -> Result<UpstreamKey, ClaimsError> {
    // Core 3.1.3.7 (2).
    if text(id_token, "iss")? != rules.issuer {
        return Err(ClaimsError::new("iss", ClaimsReason::Mismatch));
    }
    let subject = text(id_token, "sub")?;
    if subject.len() > MAX_SUBJECT || !subject.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(ClaimsError::malformed("sub"));
    }
    // Core 5.3.2: userinfo of another subject must not be used.
    if text(userinfo, "sub")? != subject {
        return Err(ClaimsError::new("sub", ClaimsReason::Mismatch));
    }
    Ok(UpstreamKey::new(rules.issuer.clone(), Secret::new(subject.to_owned())))
}

/// Unknown and absent levels are none (ASVS 6.8.4); levels are compared by order, so a stronger one serves.
fn acr(id_token: &Map<String, Value>, requested: Option<Acr>) -> Result<Option<Acr>, ClaimsError> {
    let acr: Option<Acr> = optional_text(id_token, "acr")?.and_then(|acr| acr.parse().ok());
    if acr < requested {
        return Err(ClaimsError::new("acr", ClaimsReason::TooLow));
    }
    Ok(acr)
}

fn amr(id_token: &Map<String, Value>) -> Result<Vec<String>, ClaimsError> {
    let Some(amr) = id_token.get("amr") else { return Ok(Vec::new()) };
    let wrong = ClaimsError::new("amr", ClaimsReason::WrongType);
    let values = amr.as_array().ok_or(wrong)?;
    let values = values.iter().map(|value| value.as_str().map(str::to_owned).ok_or(wrong));
    let values: Vec<String> = values.collect::<Result<_, _>>()?;
    let legal = |value: &String| {
        (1..=MAX_AMR_VALUE).contains(&value.len()) && value.bytes().all(|b| b.is_ascii_graphic())
    };
    if values.len() > MAX_AMR || !values.iter().all(legal) {
        return Err(ClaimsError::malformed("amr"));
    }
    Ok(values)
}

fn auth_time(id_token: &Map<String, Value>, now: UnixTime) -> Result<Option<UnixTime>, ClaimsError> {
    let Some(auth_time) = id_token.get("auth_time") else { return Ok(None) };
    let secs = auth_time.as_i64().ok_or(ClaimsError::new("auth_time", ClaimsReason::WrongType))?;
    if secs < 0 {
        return Err(ClaimsError::malformed("auth_time"));
    }
    let auth_time = UnixTime::from_secs(secs);
    if auth_time > now.plus(LEEWAY) {
        return Err(ClaimsError::new("auth_time", ClaimsReason::Future));
    }
    Ok(Some(auth_time.min(now)))
}
