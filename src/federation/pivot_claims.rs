//! The claims that identify a person: "identité pivot" of `FranceConnect`, agent of `ProConnect`.

use serde_json::{Map, Value};

use super::claims_error::{ClaimsError, ClaimsReason};
use super::names::normalise_name;
use super::upstream_identity::AgentIdentity;
use crate::base::Secret;
use crate::identity::{
    BirthDate, CogCommune, CogCountry, Pivot, PivotError, PivotTraits, Sex, is_email, is_name,
};

const MAX_TEXT: usize = 256;

/// The names of one set of claims.
struct Names {
    given_name: &'static str,
    given_name_array: &'static str,
    family_name: &'static str,
    birthdate: &'static str,
    gender: &'static str,
    birthplace: &'static str,
    birthcountry: &'static str,
}

const PLAIN: Names = Names {
    given_name: "given_name",
    given_name_array: "given_name_array",
    family_name: "family_name",
    birthdate: "birthdate",
    gender: "gender",
    birthplace: "birthplace",
    birthcountry: "birthcountry",
};

/// The same traits as the national register has them (`FranceConnect`+).
const REGISTER: Names = Names {
    given_name: "rnipp_given_name",
    given_name_array: "rnipp_given_name_array",
    family_name: "rnipp_family_name",
    birthdate: "rnipp_birthdate",
    gender: "rnipp_gender",
    birthplace: "rnipp_birthplace",
    birthcountry: "rnipp_birthcountry",
};

/// The traits. With `register`, those of the national register when it gave any: then it gave all, and the plain ones
/// are not looked at; two sources are never mixed.
pub(super) fn pivot(claims: &Map<String, Value>, register: bool) -> Result<Pivot, ClaimsError> {
    if register && claims.keys().any(|name| name.starts_with("rnipp_")) {
        return traits(claims, &REGISTER).map_err(|error| match error.reason {
            ClaimsReason::Missing => ClaimsError::new(error.claim, ClaimsReason::Incomplete),
            _ => error,
        });
    }
    traits(claims, &PLAIN)
}

fn traits(claims: &Map<String, Value>, names: &Names) -> Result<Pivot, ClaimsError> {
    let family_name = text(claims, names.family_name)?.to_owned();
    let given_names = given_names(claims, names)?;
    let sex = Sex::from_claim(text(claims, names.gender)?).ok_or(ClaimsError::malformed(names.gender))?;
    let birth_date = BirthDate::parse(text(claims, names.birthdate)?)
        .map_err(|_| ClaimsError::malformed(names.birthdate))?;
    let birth_country = CogCountry::parse(text(claims, names.birthcountry)?)
        .map_err(|_| ClaimsError::malformed(names.birthcountry))?;
    let birth_place = optional_text(claims, names.birthplace)?
        .map(|place| CogCommune::parse(&place).map_err(|_| ClaimsError::malformed(names.birthplace)))
        .transpose()?;
    let traits = PivotTraits { family_name, given_names, sex, birth_date, birth_place, birth_country };
    Pivot::new(traits).map_err(|error| match error {
        PivotError::FamilyName => ClaimsError::malformed(names.family_name),
        PivotError::GivenNames => ClaimsError::malformed(names.given_name),
        PivotError::PlaceMissing => ClaimsError::new(names.birthplace, ClaimsReason::Missing),
        PivotError::PlaceAbroad => ClaimsError::new(names.birthplace, ClaimsReason::Abroad),
    })
}

/// The list when it is there, else the words of the string. When both are, they must say the same.
fn given_names(claims: &Map<String, Value>, names: &Names) -> Result<Vec<String>, ClaimsError> {
    let joined = optional_text(claims, names.given_name)?;
    let list =
        claims.get(names.given_name_array).map(|value| texts(value, names.given_name_array)).transpose()?;
    match (joined, list) {
        (Some(joined), Some(list)) if normalise_name(&joined) == normalise_name(&list.join(" ")) => Ok(list),
        (Some(_), Some(_)) => Err(ClaimsError::new(names.given_name, ClaimsReason::Disagrees)),
        (None, Some(list)) => Ok(list),
        (Some(joined), None) => Ok(joined.split_whitespace().map(str::to_owned).collect()),
        (None, None) => Err(ClaimsError::new(names.given_name, ClaimsReason::Missing)),
    }
}

/// An agent: every claim is mandatory.
pub(super) fn agent(claims: &Map<String, Value>) -> Result<AgentIdentity, ClaimsError> {
    let uid = Secret::new(text(claims, "uid")?.to_owned());
    let given_name = text(claims, "given_name")?.to_owned();
    if !is_name(&given_name) {
        return Err(ClaimsError::malformed("given_name"));
    }
    text(claims, "usual_name")?;
    if !is_email(text(claims, "email")?) {
        return Err(ClaimsError::malformed("email"));
    }
    let siret = text(claims, "siret")?.to_owned();
    if siret.len() != 14 || !luhn(&siret) {
        return Err(ClaimsError::malformed("siret"));
    }
    Ok(AgentIdentity { uid, given_name, siret })
}

/// A claim that must be there: a string of 1 to 256 characters without control characters.
pub(super) fn text<'a>(claims: &'a Map<String, Value>, name: &'static str) -> Result<&'a str, ClaimsError> {
    let value = claims.get(name).ok_or(ClaimsError::new(name, ClaimsReason::Missing))?;
    let text = value.as_str().ok_or(ClaimsError::new(name, ClaimsReason::WrongType))?;
    if text.is_empty() {
        return Err(ClaimsError::new(name, ClaimsReason::Missing));
    }
    if text.chars().count() > MAX_TEXT || text.chars().any(char::is_control) {
        return Err(ClaimsError::malformed(name));
    }
    Ok(text)
}

/// A claim that may be absent; the empty string is absence too.
pub(super) fn optional_text(
    claims: &Map<String, Value>,
    name: &'static str,
) -> Result<Option<String>, ClaimsError> {
    match text(claims, name) {
        Ok(text) => Ok(Some(text.to_owned())),
        Err(ClaimsError { reason: ClaimsReason::Missing, .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

fn texts(value: &Value, name: &'static str) -> Result<Vec<String>, ClaimsError> {
    let wrong = ClaimsError::new(name, ClaimsReason::WrongType);
    let texts =
        value.as_array().ok_or(wrong)?.iter().map(|item| item.as_str().map(str::to_owned).ok_or(wrong));
    texts.collect()
}

/// ISO/IEC 7812-1, annex B, over digits only.
fn luhn(text: &str) -> bool {
    let digits: Option<Vec<u32>> = text.chars().rev().map(|c| c.to_digit(10)).collect();
    digits.is_some_and(|digits| {
        let products = digits.iter().zip([1, 2].into_iter().cycle()).map(|(digit, weight)| digit * weight);
        products.map(|product| product / 10 + product % 10).sum::<u32>().is_multiple_of(10)
    })
}
