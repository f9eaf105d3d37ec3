//! What is taken from the claims of another provider, and what is refused.

use sceau::base::UnixTime;
use sceau::federation::{
    ClaimRules, ClaimsReason as Reason, IdentityForm, UpstreamIdentity, map_claims, same_identity,
};
use sceau::identity::{Acr, InsEnvironment, PatientClaim, ReleasePolicy, patient_claims};
use serde_json::{Map, Value, json};

use crate::support::{identities, identity};

const ISSUER: &str = "https://fc.example";
const NOW: UnixTime = UnixTime::from_secs(1_795_000_000);

#[derive(Clone)]
struct Answer {
    id_token: Value,
    userinfo: Value,
    rules: ClaimRules,
}

type Change = fn(&mut Answer);
type Row = (&'static str, Change, &'static str, Reason);

fn good() -> Answer {
    Answer {
        id_token: json!({
            "iss": ISSUER, "sub": "0123abcdv1", "acr": "eidas2", "amr": ["fc", "pop", "mfa", "pin"],
            "auth_time": 1_794_999_990, "nonce": "n", "aud": "c", "exp": 1_795_000_050, "iat": 1_795_000_000,
        }),
        userinfo: json!({
            "sub": "0123abcdv1", "given_name": "Anne-Sophie Zoë", "given_name_array": ["Anne-Sophie", "Zoë"],
            "family_name": "L'Hôte", "birthdate": "1999-12-31", "gender": "female", "birthplace": "97105",
            "birthcountry": "99100", "preferred_username": "Marchand", "email": "as@example.org",
        }),
        rules: ClaimRules {
            issuer: ISSUER.to_owned(),
            form: IdentityForm::Pivot,
            requested: Some(Acr::Eidas2),
            now: NOW,
        },
    }
}

fn plus() -> Answer {
    let mut answer = good();
    answer.rules.form = IdentityForm::PivotWithRegister;
    for (name, value) in [
        ("rnipp_given_name", json!("ANNE SOPHIE ZOE")),
        ("rnipp_given_name_array", json!(["ANNE SOPHIE", "ZOE"])),
        ("rnipp_family_name", json!("L HOTE")),
        ("rnipp_birthdate", json!("1999-12-00")),
        ("rnipp_gender", json!("female")),
        ("rnipp_birthplace", json!("")),
        ("rnipp_birthcountry", json!("99351")),
    ] {
        answer.userinfo[name] = value;
    }
    answer
}

fn agent() -> Answer {
    let mut answer = good();
    answer.rules.form = IdentityForm::Agent;
    answer.rules.requested = Some(Acr::Eidas1);
    answer.id_token["acr"] = json!("eidas1");
    answer.userinfo = json!({
        "sub": "0123abcdv1", "uid": "agent-7", "given_name": "Alex", "usual_name": "Moreau",
        "email": "alex.moreau@example.org", "siret": "13002526500013",
    });
    answer
}

fn read(answer: &Answer) -> Result<UpstreamIdentity, (&'static str, Reason)> {
    let object = |value: &Value| -> Map<String, Value> { value.as_object().unwrap().clone() };
    map_claims(&object(&answer.id_token), &object(&answer.userinfo), &answer.rules)
        .map_err(|error| (error.claim, error.reason))
}

fn remove(value: &mut Value, name: &str) {
    value.as_object_mut().unwrap().remove(name).unwrap();
}

fn refuses(base: fn() -> Answer, rows: &[Row]) {
    assert!(read(&base()).is_ok());
    for (what, change, claim, reason) in rows {
        let mut answer = base();
        change(&mut answer);
        assert_eq!(read(&answer), Err((*claim, *reason)), "{what}");
    }
}

#[test]
fn a_good_answer_is_read_whole() {
    let upstream = read(&good()).unwrap();
    assert_eq!((upstream.key.issuer(), upstream.key.subject().expose()), (ISSUER, "0123abcdv1"));
    assert_eq!(upstream.acr, Some(Acr::Eidas2));
    assert_eq!(upstream.amr, ["fc", "pop", "mfa", "pin"]);
    assert_eq!(upstream.auth_time, Some(UnixTime::from_secs(1_794_999_990)));
    assert_eq!(upstream.email.as_deref(), Some("as@example.org"));
    assert_eq!(upstream.used_family_name.as_deref(), Some("Marchand"));
    assert_eq!(upstream.agent, None);
    let traits = upstream.pivot.as_ref().unwrap().expose();
    assert_eq!((traits.family_name.as_str(), traits.given_names.len()), ("L'Hôte", 2));
    let shown = format!("{upstream:?}");
    for part in ["0123abcdv1", "Hôte", "Anne", "1999", "97105", "as@example.org", "Marchand"] {
        assert!(!shown.contains(part), "{shown}");
    }
}

const ACCOUNT: &[Row] = &[
    ("no issuer", |a| remove(&mut a.id_token, "iss"), "iss", Reason::Missing),
    ("issuer of another", |a| a.id_token["iss"] = json!("https://evil.example"), "iss", Reason::Mismatch),
    ("no subject", |a| remove(&mut a.id_token, "sub"), "sub", Reason::Missing),
    ("empty subject", |a| a.id_token["sub"] = json!(""), "sub", Reason::Missing),
    ("subject as number", |a| a.id_token["sub"] = json!(7), "sub", Reason::WrongType),
    ("subject too long", |a| a.id_token["sub"] = json!("a".repeat(256)), "sub", Reason::Malformed),
    ("subject not ASCII", |a| a.id_token["sub"] = json!("é"), "sub", Reason::Malformed),
    ("subject with a blank", |a| a.id_token["sub"] = json!("a b"), "sub", Reason::Malformed),
    ("userinfo of nobody", |a| remove(&mut a.userinfo, "sub"), "sub", Reason::Missing),
    ("userinfo of another", |a| a.userinfo["sub"] = json!("0123abcev1"), "sub", Reason::Mismatch),
    ("userinfo in other case", |a| a.userinfo["sub"] = json!("0123ABCDV1"), "sub", Reason::Mismatch),
    ("no level", |a| remove(&mut a.id_token, "acr"), "acr", Reason::TooLow),
    ("lower level", |a| a.id_token["acr"] = json!("eidas1"), "acr", Reason::TooLow),
    ("unknown level", |a| a.id_token["acr"] = json!("eidas4"), "acr", Reason::TooLow),
    ("level in other case", |a| a.id_token["acr"] = json!("EIDAS3"), "acr", Reason::TooLow),
    ("level as number", |a| a.id_token["acr"] = json!(2), "acr", Reason::WrongType),
    ("level as list", |a| a.id_token["acr"] = json!(["eidas2"]), "acr", Reason::WrongType),
    ("methods as text", |a| a.id_token["amr"] = json!("fc pop"), "amr", Reason::WrongType),
    ("method as number", |a| a.id_token["amr"] = json!(["fc", 1]), "amr", Reason::WrongType),
    ("method empty", |a| a.id_token["amr"] = json!([""]), "amr", Reason::Malformed),
    ("method with a blank", |a| a.id_token["amr"] = json!(["fc pop"]), "amr", Reason::Malformed),
    ("too many methods", |a| a.id_token["amr"] = json!(vec!["fc"; 17]), "amr", Reason::Malformed),
    ("time as text", |a| a.id_token["auth_time"] = json!("1794999990"), "auth_time", Reason::WrongType),
    ("time as fraction", |a| a.id_token["auth_time"] = json!(1.5), "auth_time", Reason::WrongType),
    ("time before 1970", |a| a.id_token["auth_time"] = json!(-1), "auth_time", Reason::Malformed),
    ("time to come", |a| a.id_token["auth_time"] = json!(1_795_000_061), "auth_time", Reason::Future),
];

#[test]
fn assurance_and_account_one_claim_changed() {
    refuses(good, ACCOUNT);
}

#[test]
fn levels_are_compared_by_order() {
    for (requested, given, passes) in [
        (Acr::Eidas1, "eidas1", true),
        (Acr::Eidas1, "eidas2", true),
        (Acr::Eidas2, "eidas3", true),
        (Acr::Eidas3, "eidas2", false),
        (Acr::Eidas1, "", false),
    ] {
        let mut answer = good();
        answer.rules.requested = Some(requested);
        answer.id_token["acr"] = json!(given);
        assert_eq!(read(&answer).is_ok(), passes, "{given} for {requested}");
    }
    for given in [json!("eidas1"), json!("urn:else"), Value::Null] {
        let mut answer = good();
        answer.rules.requested = None;
        answer.id_token["acr"] = given.clone();
        if given.is_null() {
            remove(&mut answer.id_token, "acr");
        }
        assert!(read(&answer).is_ok(), "{given} where no level was agreed");
    }
    let mut answer = good();
    remove(&mut answer.id_token, "amr");
    remove(&mut answer.id_token, "auth_time");
    let upstream = read(&answer).unwrap();
    assert!(upstream.amr.is_empty() && upstream.auth_time.is_none());
    answer.id_token["auth_time"] = json!(1_795_000_060);
    assert_eq!(read(&answer).unwrap().auth_time, Some(NOW), "a clock a little ahead gives now");
}

const TRAITS: &[Row] = &[
    ("no family name", |a| remove(&mut a.userinfo, "family_name"), "family_name", Reason::Missing),
    ("family name empty", |a| a.userinfo["family_name"] = json!(""), "family_name", Reason::Missing),
    ("family name null", |a| a.userinfo["family_name"] = json!(null), "family_name", Reason::WrongType),
    (
        "family name too long",
        |a| a.userinfo["family_name"] = json!("a".repeat(257)),
        "family_name",
        Reason::Malformed,
    ),
    (
        "family name with NUL",
        |a| a.userinfo["family_name"] = json!("L\u{0}"),
        "family_name",
        Reason::Malformed,
    ),
    (
        "family name without letter",
        |a| a.userinfo["family_name"] = json!("- -"),
        "family_name",
        Reason::Malformed,
    ),
    ("first names as list", |a| a.userinfo["given_name"] = json!(["Zoë"]), "given_name", Reason::WrongType),
    (
        "first names disagree",
        |a| a.userinfo["given_name"] = json!("Anne-Sophie"),
        "given_name",
        Reason::Disagrees,
    ),
    (
        "list as text",
        |a| a.userinfo["given_name_array"] = json!("Zoë"),
        "given_name_array",
        Reason::WrongType,
    ),
    (
        "list of numbers",
        |a| a.userinfo["given_name_array"] = json!([1]),
        "given_name_array",
        Reason::WrongType,
    ),
    ("list empty", |a| a.userinfo["given_name_array"] = json!([]), "given_name", Reason::Disagrees),
    (
        "list with an empty name",
        |a| a.userinfo["given_name_array"] = json!(["Anne-Sophie", "Zoë", ""]),
        "given_name",
        Reason::Malformed,
    ),
    (
        "no first names at all",
        |a| {
            remove(&mut a.userinfo, "given_name");
            remove(&mut a.userinfo, "given_name_array");
        },
        "given_name",
        Reason::Missing,
    ),
    ("no birth date", |a| remove(&mut a.userinfo, "birthdate"), "birthdate", Reason::Missing),
    ("birth date French", |a| a.userinfo["birthdate"] = json!("31/12/1999"), "birthdate", Reason::Malformed),
    ("day without month", |a| a.userinfo["birthdate"] = json!("1999-00-31"), "birthdate", Reason::Malformed),
    ("no such day", |a| a.userinfo["birthdate"] = json!("1999-02-29"), "birthdate", Reason::Malformed),
    ("no gender", |a| remove(&mut a.userinfo, "gender"), "gender", Reason::Missing),
    ("gender of the INS", |a| a.userinfo["gender"] = json!("F"), "gender", Reason::Malformed),
    ("no country", |a| remove(&mut a.userinfo, "birthcountry"), "birthcountry", Reason::Missing),
    ("country ISO", |a| a.userinfo["birthcountry"] = json!("FR"), "birthcountry", Reason::Malformed),
    ("no place in France", |a| remove(&mut a.userinfo, "birthplace"), "birthplace", Reason::Missing),
    ("place empty in France", |a| a.userinfo["birthplace"] = json!(""), "birthplace", Reason::Missing),
    ("place by name", |a| a.userinfo["birthplace"] = json!("Basse-Terre"), "birthplace", Reason::Malformed),
    ("place as number", |a| a.userinfo["birthplace"] = json!(97105), "birthplace", Reason::WrongType),
    ("place abroad", |a| a.userinfo["birthcountry"] = json!("99351"), "birthplace", Reason::Abroad),
    ("e-mail malformed", |a| a.userinfo["email"] = json!("nobody"), "email", Reason::Malformed),
    ("e-mail as list", |a| a.userinfo["email"] = json!([]), "email", Reason::WrongType),
    (
        "name in use without letter",
        |a| a.userinfo["preferred_username"] = json!("--"),
        "preferred_username",
        Reason::Malformed,
    ),
];

#[test]
fn traits_one_claim_changed() {
    refuses(good, TRAITS);
}

#[test]
fn what_may_be_absent() {
    let mut answer = good();
    for name in ["email", "preferred_username", "given_name"] {
        remove(&mut answer.userinfo, name);
    }
    answer.userinfo["email"] = json!("");
    answer.userinfo["birthcountry"] = json!("99351");
    answer.userinfo["birthplace"] = json!("");
    answer.userinfo["gender"] = json!("unspecified");
    answer.userinfo["birthdate"] = json!("1999-00-00");
    let upstream = read(&answer).unwrap();
    assert_eq!((upstream.email, upstream.used_family_name), (None, None));

    let mut words = good();
    remove(&mut words.userinfo, "given_name_array");
    let upstream = read(&words).unwrap();
    assert_eq!(upstream.pivot.unwrap().expose().given_names, ["Anne-Sophie", "Zoë"]);
    words.userinfo["rnipp_family_name"] = json!("OTHER");
    let upstream = read(&words).unwrap();
    assert_eq!(upstream.pivot.unwrap().expose().family_name, "L'Hôte", "not of this provider");
}

#[test]
fn the_register_is_preferred_whole() {
    let traits = read(&plus()).unwrap().pivot.unwrap().expose().clone();
    assert_eq!(
        (traits.family_name.as_str(), traits.given_names.join("|").as_str()),
        ("L HOTE", "ANNE SOPHIE|ZOE")
    );
    assert_eq!(
        (traits.birth_date.to_string().as_str(), traits.birth_country.as_str()),
        ("1999-12-00", "99351")
    );
    let mut without = plus();
    without.userinfo.as_object_mut().unwrap().retain(|name, _| !name.starts_with("rnipp_"));
    assert_eq!(read(&without).unwrap().pivot.unwrap().expose().family_name, "L'Hôte");

    let rows: &[Row] = &[
        (
            "part of it",
            |a| remove(&mut a.userinfo, "rnipp_family_name"),
            "rnipp_family_name",
            Reason::Incomplete,
        ),
        ("no date", |a| remove(&mut a.userinfo, "rnipp_birthdate"), "rnipp_birthdate", Reason::Incomplete),
        (
            "no country",
            |a| remove(&mut a.userinfo, "rnipp_birthcountry"),
            "rnipp_birthcountry",
            Reason::Incomplete,
        ),
        ("malformed", |a| a.userinfo["rnipp_gender"] = json!("F"), "rnipp_gender", Reason::Malformed),
        (
            "disagrees",
            |a| a.userinfo["rnipp_given_name"] = json!("ANNE"),
            "rnipp_given_name",
            Reason::Disagrees,
        ),
    ];
    refuses(plus, rows);
}

#[test]
fn an_agent_has_no_traits_of_the_register() {
    let upstream = read(&agent()).unwrap();
    assert_eq!((upstream.pivot, upstream.used_family_name.as_deref()), (None, Some("Moreau")));
    let found = upstream.agent.unwrap();
    assert_eq!(
        (found.uid.expose(), found.given_name.as_str(), found.siret.as_str()),
        ("agent-7", "Alex", "13002526500013")
    );
    assert_eq!(format!("{found:?}"), "AgentIdentity([redacted])");
    let rows: &[Row] = &[
        ("no uid", |a| remove(&mut a.userinfo, "uid"), "uid", Reason::Missing),
        ("no first name", |a| remove(&mut a.userinfo, "given_name"), "given_name", Reason::Missing),
        ("no name", |a| remove(&mut a.userinfo, "usual_name"), "usual_name", Reason::Missing),
        ("no e-mail", |a| remove(&mut a.userinfo, "email"), "email", Reason::Missing),
        ("no siret", |a| remove(&mut a.userinfo, "siret"), "siret", Reason::Missing),
        ("siret of 13 digits", |a| a.userinfo["siret"] = json!("1300252650001"), "siret", Reason::Malformed),
        (
            "siret with another key",
            |a| a.userinfo["siret"] = json!("13002526500014"),
            "siret",
            Reason::Malformed,
        ),
        (
            "siret with a letter",
            |a| a.userinfo["siret"] = json!("1300252650001A"),
            "siret",
            Reason::Malformed,
        ),
        ("field level", |a| a.id_token["acr"] = json!("eidas0"), "acr", Reason::TooLow),
    ];
    refuses(agent, rows);
}

/// What this provider says of a patient, a provider of its kind understands.
#[test]
fn the_invented_patients_come_back_as_they_left() {
    for one in identities() {
        let all = PatientClaim::ALL.into_iter().collect();
        let given =
            patient_claims(&one.patient, &all, &ReleasePolicy::for_france_connect(), InsEnvironment::Test);
        let mut answer = good();
        answer.userinfo = Value::Object(given);
        answer.userinfo["sub"] = json!("0123abcdv1");
        if let Some((family_name, given_names)) = one.register {
            answer.userinfo["family_name"] = json!(family_name);
            answer.userinfo["given_name_array"] = given_names;
        } else {
            answer.userinfo["given_name_array"] = json!(one.patient.pivot.expose().given_names);
        }
        let pivot = read(&answer).unwrap().pivot.unwrap();
        assert!(same_identity(&pivot, &one.patient.pivot), "{}", one.case);
        assert_eq!(
            same_identity(&pivot, &identity("p-01").patient.pivot),
            one.case == "plain",
            "{}",
            one.case
        );
    }
}
