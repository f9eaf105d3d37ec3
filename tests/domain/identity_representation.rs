//! Who may act for whom, and the claims that tell.

use sceau::base::UnixTime;
use sceau::identity::{
    BirthDate, GuardianKind, Patient, Pivot, PivotTraits, RepresentationRefusal as Refusal, may_represent,
    on_behalf_claims,
};
use serde_json::json;

use crate::support::identity;

fn at(text: &str) -> UnixTime {
    UnixTime::from_secs(text.parse::<jiff::Timestamp>().unwrap().as_second())
}

fn born(patient: &Patient, date: &str) -> Patient {
    let birth_date = BirthDate::parse(date).unwrap();
    let traits = PivotTraits { birth_date, ..patient.pivot.expose().clone() };
    Patient { pivot: Pivot::new(traits).unwrap(), ..patient.clone() }
}

type Row = (&'static str, fn(&mut Case), Refusal);

struct Case {
    guardian: Patient,
    patient: Patient,
    now: UnixTime,
}

fn parent() -> Case {
    let (guardian, patient) = (identity("p-01").patient, identity("p-13").patient);
    Case { guardian, patient, now: at("2026-11-22T12:00:00Z") }
}

fn guardian() -> Case {
    let (guardian, patient) = (identity("p-09").patient, identity("p-15").patient);
    Case { guardian, patient, now: at("2026-11-22T12:00:00Z") }
}

fn judge(case: &Case) -> Result<GuardianKind, Refusal> {
    may_represent(&case.guardian, &case.patient, case.now)
}

#[test]
fn a_parent_acts_for_a_child_under_16_and_no_longer() {
    assert_eq!(judge(&parent()), Ok(GuardianKind::Parent));
    // Born on 2015-09-14; days are those of UTC+2.
    assert_eq!(judge(&Case { now: at("2031-09-13T21:59:59Z"), ..parent() }), Ok(GuardianKind::Parent));
    assert_eq!(judge(&Case { now: at("2031-09-13T22:00:00Z"), ..parent() }), Err(Refusal::NotAChild));
    let presumed = born(&parent().patient, "2010-00-00");
    assert_eq!(judge(&Case { patient: presumed, ..parent() }), Err(Refusal::NotAChild));
    let presumed = born(&parent().patient, "2010-12-00");
    assert_eq!(judge(&Case { patient: presumed, ..parent() }), Ok(GuardianKind::Parent));
}

#[test]
fn a_legal_guardian_acts_until_the_last_day_included() {
    assert_eq!(judge(&guardian()), Ok(GuardianKind::LegalGuardian));
    assert_eq!(
        judge(&Case { now: at("2028-06-30T21:59:59Z"), ..guardian() }),
        Ok(GuardianKind::LegalGuardian)
    );
    assert_eq!(judge(&Case { now: at("2028-06-30T22:00:00Z"), ..guardian() }), Err(Refusal::Expired));
    let mut endless = guardian();
    endless.patient.guardians[0].until = None;
    assert_eq!(judge(&endless), Err(Refusal::Expired));
}

#[test]
fn each_trait_changed_refuses() {
    let rows: [Row; 8] = [
        ("another person", |case| case.guardian = identity("p-02").patient, Refusal::NotGuardian),
        ("no tie", |case| case.patient.guardians.clear(), Refusal::NotGuardian),
        ("oneself", |case| case.guardian = case.patient.clone(), Refusal::Oneself),
        ("guardian deceased", |case| case.guardian.deceased = true, Refusal::Deceased),
        ("patient deceased", |case| case.patient.deceased = true, Refusal::Deceased),
        ("adult", |case| case.patient = born(&case.patient, "2000-01-01"), Refusal::NotAChild),
        (
            "term over",
            |case| case.patient.guardians[0].until = Some(jiff::civil::date(2026, 11, 21)),
            Refusal::Expired,
        ),
        (
            "the other way round",
            |case| std::mem::swap(&mut case.guardian, &mut case.patient),
            Refusal::NotGuardian,
        ),
    ];
    for (name, change, refusal) in rows {
        let mut case = parent();
        change(&mut case);
        assert_eq!(judge(&case), Err(refusal), "{name}");
    }
    assert_eq!(Refusal::NotGuardian.as_str(), "not_guardian");
}

#[test]
fn the_claims_name_the_actor_and_the_quality() {
    let claims = on_behalf_claims("sub-of-the-parent", GuardianKind::Parent);
    let wanted = json!({ "act": { "sub": "sub-of-the-parent" }, "representation": "parent" });
    assert_eq!(serde_json::Value::Object(claims), wanted);
    let guardian = on_behalf_claims("s", GuardianKind::LegalGuardian);
    assert_eq!(guardian["representation"], "legal_guardian");
}
