//! One line of the import file of patients: JSON object → patient.
//!
//! Every member is taken by name; what is left over is unknown.

use jiff::civil::Date;
use serde_json::{Map, Value};

use super::contact::{is_email, is_phone};
use super::pivot::is_name;
use super::{
    BirthDate, CogCommune, CogCountry, GuardianKind, Guardianship, Ins, InsEnvironment, InsError, InsOid,
    InsStatus, Patient, PatientFileReason as Reason, PatientRef, Pivot, PivotError, PivotTraits, Sex,
};

const MAX_GUARDIANS: usize = 8;

/// What is wrong, and in which member.
pub(super) struct LineFault {
    pub(super) member: Option<&'static str>,
    pub(super) reason: Reason,
}

/// A fault and, when a member is unknown, its name, to find its column; never shown.
pub(super) struct Unread {
    pub(super) fault: LineFault,
    pub(super) unknown: Option<String>,
}

impl LineFault {
    pub(super) const fn at(member: &'static str, reason: Reason) -> Self {
        Self { member: Some(member), reason }
    }

    pub(super) const fn whole(reason: Reason) -> Self {
        Self { member: None, reason }
    }
}

impl From<LineFault> for Unread {
    fn from(fault: LineFault) -> Self {
        Self { fault, unknown: None }
    }
}

/// Reads a whole line.
pub(super) fn read_patient(value: Value, environment: InsEnvironment) -> Result<Patient, Unread> {
    let Value::Object(map) = value else { return Err(LineFault::whole(Reason::NotObject).into()) };
    let mut members = Members(map);
    let reference = members.parsed("reference", |text| PatientRef::parse(text).ok())?;
    let pivot = pivot(&mut members)?;
    let ins_status = members.parsed("ins_status", InsStatus::from_stored)?;
    let ins = ins(&mut members, environment)?;
    if ins_status.has_matricule() && ins.is_none() {
        return Err(LineFault::at("ins", Reason::InsMissing).into());
    }
    let name = |text: &str| is_name(text).then(|| text.to_owned());
    let used_family_name = members.optional("used_family_name", name)?;
    let used_given_name = members.optional("used_given_name", name)?;
    let email = members.optional("email", |text| is_email(text).then(|| text.to_owned()))?;
    let phone = members.optional("phone", |text| is_phone(text).then(|| text.to_owned()))?;
    let deceased = members.flag("deceased")?;
    let guardians = guardians(&mut members, &reference)?;
    members.finish()?;
    Ok(Patient {
        reference,
        pivot,
        ins,
        ins_status,
        used_family_name,
        used_given_name,
        email,
        phone,
        deceased,
        guardians,
    })
}

fn pivot(members: &mut Members) -> Result<Pivot, LineFault> {
    let traits = PivotTraits {
        family_name: members.parsed("family_name", |text| Some(text.to_owned()))?,
        given_names: texts(
            members.list("given_names")?.ok_or(LineFault::at("given_names", Reason::Missing))?,
        )?,
        sex: members.parsed("sex", Sex::from_claim)?,
        birth_date: members.parsed("birth_date", |text| BirthDate::parse(text).ok())?,
        birth_place: members.optional("birth_place", |text| CogCommune::parse(text).ok())?,
        birth_country: members.parsed("birth_country", |text| CogCountry::parse(text).ok())?,
    };
    Pivot::new(traits).map_err(|error| match error {
        PivotError::FamilyName => LineFault::at("family_name", Reason::Malformed),
        PivotError::GivenNames => LineFault::at("given_names", Reason::Malformed),
        PivotError::PlaceMissing => LineFault::at("birth_place", Reason::BirthPlaceMissing),
        PivotError::PlaceAbroad => LineFault::at("birth_place", Reason::BirthPlaceAbroad),
    })
}

fn texts(values: Vec<Value>) -> Result<Vec<String>, LineFault> {
    let text = |value| match value {
        Value::String(text) => Ok(text),
        _ => Err(LineFault::at("given_names", Reason::WrongType)),
    };
    values.into_iter().map(text).collect()
}

fn ins(members: &mut Members, environment: InsEnvironment) -> Result<Option<Ins>, Unread> {
    let Some(value) = members.0.remove("ins") else { return Ok(None) };
    let Value::Object(map) = value else { return Err(LineFault::at("ins", Reason::WrongType).into()) };
    let mut inner = Members(map);
    let oid = inner.named("oid", "ins.oid", |text| InsOid::parse(text).ok())?;
    let matricule = inner.named("matricule", "ins.matricule", |text| Some(text.to_owned()))?;
    inner.finish()?;
    let ins = Ins::parse(&matricule, oid).map_err(|error| {
        let reason = if error == InsError::Key { Reason::InsKey } else { Reason::Malformed };
        LineFault::at("ins.matricule", reason)
    })?;
    if !ins.accepted_in(environment) {
        return Err(LineFault::at("ins.oid", Reason::InsEnvironment).into());
    }
    Ok(Some(ins))
}

fn guardians(members: &mut Members, patient: &PatientRef) -> Result<Vec<Guardianship>, Unread> {
    let values = members.list("guardians")?.unwrap_or_default();
    if values.len() > MAX_GUARDIANS {
        return Err(LineFault::at("guardians", Reason::Malformed).into());
    }
    let mut guardians: Vec<Guardianship> = Vec::with_capacity(values.len());
    for value in values {
        let Value::Object(map) = value else {
            return Err(LineFault::at("guardians", Reason::WrongType).into());
        };
        let guardian = guardian(Members(map))?;
        if guardian.guardian_ref == *patient {
            return Err(LineFault::at("guardians.reference", Reason::Oneself).into());
        }
        if guardians.iter().any(|known| known.guardian_ref == guardian.guardian_ref) {
            return Err(LineFault::at("guardians.reference", Reason::Duplicate).into());
        }
        guardians.push(guardian);
    }
    Ok(guardians)
}

fn guardian(mut inner: Members) -> Result<Guardianship, Unread> {
    let guardian_ref =
        inner.named("reference", "guardians.reference", |text| PatientRef::parse(text).ok())?;
    let kind = inner.named("kind", "guardians.kind", GuardianKind::from_stored)?;
    let until = match inner.text("until", "guardians.until")? {
        Some(text) => Some(day(&text).ok_or(LineFault::at("guardians.until", Reason::Malformed))?),
        None if kind == GuardianKind::LegalGuardian => {
            return Err(LineFault::at("guardians.until", Reason::Missing).into());
        }
        None => None,
    };
    inner.finish()?;
    Ok(Guardianship { guardian_ref, kind, until })
}

/// The members of an object that were not yet taken.
struct Members(Map<String, Value>);

impl Members {
    fn text(&mut self, name: &str, path: &'static str) -> Result<Option<String>, LineFault> {
        match self.0.remove(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(LineFault::at(path, Reason::WrongType)),
        }
    }

    fn named<T>(
        &mut self,
        name: &str,
        path: &'static str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<T, LineFault> {
        let text = self.text(name, path)?.ok_or(LineFault::at(path, Reason::Missing))?;
        parse(&text).ok_or(LineFault::at(path, Reason::Malformed))
    }

    fn parsed<T>(&mut self, name: &'static str, parse: impl Fn(&str) -> Option<T>) -> Result<T, LineFault> {
        self.named(name, name, parse)
    }

    fn optional<T>(
        &mut self,
        name: &'static str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, LineFault> {
        let Some(text) = self.text(name, name)? else { return Ok(None) };
        parse(&text).map(Some).ok_or(LineFault::at(name, Reason::Malformed))
    }

    fn list(&mut self, name: &'static str) -> Result<Option<Vec<Value>>, LineFault> {
        match self.0.remove(name) {
            None => Ok(None),
            Some(Value::Array(values)) => Ok(Some(values)),
            Some(_) => Err(LineFault::at(name, Reason::WrongType)),
        }
    }

    fn flag(&mut self, name: &'static str) -> Result<bool, LineFault> {
        match self.0.remove(name) {
            None => Ok(false),
            Some(Value::Bool(flag)) => Ok(flag),
            Some(_) => Err(LineFault::at(name, Reason::WrongType)),
        }
    }

    fn finish(self) -> Result<(), Unread> {
        let Some((name, _)) = self.0.into_iter().next() else { return Ok(()) };
        Err(Unread { fault: LineFault::whole(Reason::UnknownMember), unknown: Some(name) })
    }
}

/// `YYYY-MM-DD` and nothing else.
fn day(text: &str) -> Option<Date> {
    text.parse::<Date>().ok().filter(|day| day.to_string() == text)
}
