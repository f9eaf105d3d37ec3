//! Which claims about a patient leave, and in which form.

use std::collections::BTreeSet;

use sceau::identity::{
    Ins, InsEnvironment, InsOid, InsStatus, Patient, PatientClaim, ReleasePolicy, claims_of_scopes,
    patient_claims,
};
use sceau::oauth::ScopeSet;
use serde_json::{Value, json};

use crate::support::{identities, identity};

fn wanted(scopes: &str) -> BTreeSet<PatientClaim> {
    claims_of_scopes(&ScopeSet::parse(scopes).unwrap())
}

fn everything() -> ReleasePolicy {
    ReleasePolicy::of(PatientClaim::ALL)
}

fn claims(patient: &Patient, scopes: &str) -> Value {
    Value::Object(patient_claims(patient, &wanted(scopes), &everything(), InsEnvironment::Test))
}

fn names(scopes: &str) -> Vec<&'static str> {
    wanted(scopes).into_iter().map(PatientClaim::as_str).collect()
}

#[test]
fn each_scope_asks_for_its_claims() {
    assert_eq!(
        names("openid profile"),
        ["given_name", "given_name_array", "family_name", "birthdate", "gender", "preferred_username"]
    );
    assert_eq!(names("birth"), ["birthplace", "birthcountry"]);
    assert_eq!(
        names("identite_pivot"),
        [
            "given_name",
            "given_name_array",
            "family_name",
            "birthdate",
            "gender",
            "birthplace",
            "birthcountry"
        ]
    );
    for claim in PatientClaim::ALL {
        assert_eq!(names(claim.as_str()), [claim.as_str()]);
        assert_eq!(PatientClaim::named(claim.as_str()), Some(claim));
        assert_eq!(serde_json::to_value(claim).unwrap(), claim.as_str());
    }
    assert!(names("openid offline_access phone address sub rnipp_gender").is_empty());
}

#[test]
fn formats_are_those_of_franceconnect() {
    let corsica = identity("p-02").patient;
    assert_eq!(
        claims(&corsica, "openid profile birth email"),
        json!({
            "given_name": "Lucia Maria", "given_name_array": ["Lucia", "Maria"], "family_name": "Colonna",
            "birthdate": "1969-05-02", "gender": "female", "preferred_username": "Ferrandi",
            "birthplace": "2A004", "birthcountry": "99100", "email": "l.ferrandi@example.org",
        })
    );
    let abroad = identity("p-06").patient;
    assert_eq!(
        claims(&abroad, "identite_pivot preferred_username email"),
        json!({
            "given_name": "Farid", "given_name_array": ["Farid"], "family_name": "Rahimi", "gender": "male",
            "birthdate": "1949-00-00", "birthplace": "", "birthcountry": "99212",
        })
    );
}

#[test]
fn preferred_username_is_never_an_identity_number() {
    for one in identities() {
        let claims = claims(&one.patient, "profile birth email");
        let text = claims.to_string();
        assert_eq!(claims.get("preferred_username").is_some(), one.patient.used_family_name.is_some());
        assert!(one.patient.ins.is_none_or(|ins| !text.contains(&ins.expose()[..13])), "{}", one.case);
    }
}

#[test]
fn the_ins_leaves_only_qualified_from_the_right_register_to_a_client_allowed_it() {
    let good = identity("p-01").patient;
    let only_ins = ReleasePolicy::of([PatientClaim::Ins]);
    let ins = |patient: &Patient, policy: &ReleasePolicy, environment| {
        patient_claims(patient, &wanted("ins"), policy, environment).remove("ins")
    };
    let given = json!({
        "matricule": good.ins.as_ref().unwrap().expose(), "oid": "1.2.250.1.213.1.4.10", "status": "qualified",
    });
    assert_eq!(ins(&good, &only_ins, InsEnvironment::Test), Some(given));

    assert_eq!(ins(&good, &only_ins, InsEnvironment::Production), None, "test register in production");
    let all_but_ins =
        ReleasePolicy::of(PatientClaim::ALL.into_iter().filter(|claim| *claim != PatientClaim::Ins));
    assert_eq!(ins(&good, &all_but_ins, InsEnvironment::Test), None, "client not allowed");
    for ins_status in [InsStatus::Provisional, InsStatus::Retrieved, InsStatus::Validated] {
        let other = Patient { ins_status, ..good.clone() };
        assert_eq!(ins(&other, &only_ins, InsEnvironment::Test), None, "{ins_status:?}");
    }
    let none = Patient { ins: None, ..good.clone() };
    assert_eq!(ins(&none, &only_ins, InsEnvironment::Test), None);
    for (oid, in_production) in [(InsOid::Nir, true), (InsOid::Nia, true), (InsOid::NirDemo, false)] {
        let number = good.ins.as_ref().unwrap().expose();
        let real = Patient { ins: Some(Ins::parse(number, oid).unwrap()), ..good.clone() };
        assert_eq!(ins(&real, &only_ins, InsEnvironment::Production).is_some(), in_production);
        assert_eq!(ins(&real, &only_ins, InsEnvironment::Test).is_some(), !in_production);
    }
    let not_asked = patient_claims(&good, &wanted("profile birth"), &everything(), InsEnvironment::Test);
    assert!(!not_asked.contains_key("ins"));
}

#[test]
fn a_policy_only_takes_away() {
    let patient = identity("p-02").patient;
    let all: BTreeSet<_> = PatientClaim::ALL.into_iter().collect();
    let none = patient_claims(&patient, &all, &ReleasePolicy::default(), InsEnvironment::Test);
    assert!(none.is_empty());
    for claim in PatientClaim::ALL {
        let policy = ReleasePolicy::of([claim]);
        assert!(policy.allows(claim));
        let given = patient_claims(&patient, &all, &policy, InsEnvironment::Test);
        assert_eq!(given.keys().collect::<Vec<_>>(), [claim.as_str()]);
        assert!(patient_claims(&patient, &BTreeSet::new(), &policy, InsEnvironment::Test).is_empty());
    }
}

/// `FranceConnect` refuses the whole answer of an identity provider that holds another claim.
#[test]
fn a_hub_gets_what_it_accepts() {
    let all: BTreeSet<_> = PatientClaim::ALL.into_iter().collect();
    let policy = ReleasePolicy::for_france_connect();
    let given = patient_claims(&identity("p-02").patient, &all, &policy, InsEnvironment::Test);
    let mut names: Vec<_> = given.keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(
        names,
        [
            "birthcountry",
            "birthdate",
            "birthplace",
            "email",
            "family_name",
            "gender",
            "given_name",
            "preferred_username",
        ]
    );
    assert_eq!(
        serde_json::from_str::<ReleasePolicy>(r#"["ins"]"#).unwrap(),
        ReleasePolicy::of([PatientClaim::Ins])
    );
}
