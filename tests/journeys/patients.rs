//! Patients: imported, and what services learn of them (docs/patients.md).

use std::time::Duration;

use sceau::base::{EntropyExt as _, OsEntropy, PersonId, Sid, TokenHash};
use sceau::flow::{ImportOptions, NewClient, PatientsError, PatientsReport, Silent, text_lines};
use sceau::identity::{
    Acr, AssuranceTerms, AuthMode, AuthenticationProof, InsEnvironment, PatientClaim, PatientRef,
    PersonStatus, Way,
};
use sceau::oauth::{ClientAuthMethod, Profile, ScopeSet};
use sceau::ports::{ConsentSubject, Session};
use serde_json::{Value, json};

use crate::support::{CAMILLE, Harness, PageBrowser, SAMPLE, SESSION, Service, registration};

const IDENTITIES: &str = include_str!("../data/identities.json");

pub(super) fn file() -> String {
    let entries: Vec<Value> = serde_json::from_str(IDENTITIES).unwrap();
    entries.iter().map(|entry| entry["patient"].to_string() + "\n").collect()
}

pub(super) async fn imported(harness: &Harness, text: &str) -> (PatientsReport, Vec<String>) {
    let mut told = Vec::new();
    let mut rejected = |error: &sceau::identity::PatientFileError| told.push(error.to_string());
    let report = harness.provider.import_patients(&mut text_lines(text), &mut rejected).await.unwrap();
    (report, told)
}

pub(super) async fn patient(harness: &Harness, reference: &str) -> sceau::identity::Person {
    let reference = PatientRef::parse(reference).unwrap();
    harness.provider.ports.patients.find(&reference).await.unwrap().unwrap()
}

pub(super) async fn loaded() -> Harness {
    let harness = Harness::new().await;
    let (report, told) = imported(&harness, &file()).await;
    assert_eq!((report.lines, report.rejected, report.counts.created), (18, 0, 18), "{told:?}");
    harness
}

/// A browser in which the patient has a session, as another provider's answer begins it.
pub(super) async fn signed_in(harness: &Harness, person: PersonId) -> PageBrowser {
    let now = harness.provider.now();
    let proof = AuthenticationProof {
        person,
        device: None,
        auth_time: now,
        amr: vec![String::from("pwd")],
        terms: AssuranceTerms {
            enrolment: Acr::Eidas2,
            enrolment_reason: String::from("upstream"),
            authenticator: Acr::Eidas2,
            authenticator_reason: String::from("upstream"),
            way: Way::Federation,
        },
        auth_mode: AuthMode::Mobile,
    };
    let end = now.plus(Duration::from_hours(2));
    let sid = Sid::random(&OsEntropy);
    let session = Session {
        sid,
        person,
        proof,
        upstream: None,
        begun_for: None,
        created: now,
        absolute_end: end,
        idle_end: end,
    };
    let cookie = OsEntropy.token();
    harness.provider.ports.sessions.insert(&TokenHash::of(cookie.expose()), &session).await.unwrap();
    let mut browser = harness.page_browser();
    browser.cookies.insert(SESSION.to_owned(), cookie.expose().to_owned());
    browser
}

fn reader(id: &str, release: &[PatientClaim]) -> NewClient {
    let mut new = registration(id, Profile::Oidc, ClientAuthMethod::SecretBasic);
    new.scope = ScopeSet::parse("openid profile birth identite_pivot email ins").unwrap();
    new.release = release.iter().copied().collect();
    new
}

/// What userinfo and the ID token say of a patient to a service that may get everything.
async fn told(harness: &Harness, reference: &str, claims: &Value) -> (Value, Value) {
    let service = Service::register(harness, reader("dossier", &PatientClaim::ALL)).await;
    let person = patient(harness, reference).await;
    let mut browser = signed_in(harness, person.id).await;
    let ask = service.ask().with("scope", "openid profile birth identite_pivot email ins");
    let ask = ask.with("claims", &claims.to_string()).with("prompt", "consent");
    let tab = browser.open(&ask.url()).await;
    let answer = browser.submit(&tab, "consent", &[("decision", "allow")]).await.to_client();
    let tokens = service.redeem(answer.code()).await;
    let id_token = service.verified(&tokens.text_of("id_token")).await;
    let userinfo = service.userinfo(&tokens.text_of("access_token")).await;
    (userinfo.json(), Value::Object(id_token))
}

#[tokio::test]
async fn an_import_of_professionals_never_sees_a_patient() {
    let harness = loaded().await;
    let options = ImportOptions { allow_share: Some(0), ..ImportOptions::default() };
    let again = harness.provider.import_directory(&mut text_lines(SAMPLE), options, &mut Silent).await;
    let done = again.unwrap().numbers.done;
    assert_eq!((done.created, done.updated, done.deactivated), (0, 0, 0));
    assert_eq!(patient(&harness, "p-01").await.status, PersonStatus::Active);
    let (report, _) = imported(&harness, &file()).await;
    assert_eq!(report.counts.unchanged, 18);
}

#[tokio::test]
async fn a_rejected_line_is_named_and_stops_nothing_else() {
    let harness = Harness::new().await;
    let lines: Vec<String> = file().lines().map(str::to_owned).collect();
    let unknown = lines[12].replace("\"p-01\"", "\"p-99\"");
    let chained = lines[13].replace("\"p-05\"", "\"p-13\"");
    let text = [lines[0].as_str(), "{\"reference\":", &unknown, &chained, &lines[3]].join("\n");
    let (report, told) = imported(&harness, &text).await;
    assert_eq!((report.lines, report.rejected, report.counts.created), (5, 3, 2));
    assert!(told[0].starts_with("line 2, column"), "{told:?}");
    assert_eq!(told[1], "line 3, guardians: names somebody unknown");
    assert_eq!(told[2], "line 4, guardians: names somebody unknown", "the guardian was rejected too");
    // A guardian of an earlier file is known.
    let (report, told) = imported(&harness, &lines[12]).await;
    assert_eq!((report.rejected, report.counts.created), (0, 1), "{told:?}");
    assert_eq!(harness.audited("patients.import batch").await, 2);
}

#[tokio::test]
async fn numbers_of_another_environment_stop_an_import() {
    let harness = Harness::with(|policy| policy.patients_ins = InsEnvironment::Production).await;
    let mut silent = |_: &sceau::identity::PatientFileError| ();
    let refused = harness.provider.import_patients(&mut text_lines(&file()), &mut silent).await;
    assert!(matches!(refused, Err(PatientsError::FileEnvironment(error)) if error.line == 1));
    let reference = PatientRef::parse("p-01").unwrap();
    assert!(harness.provider.ports.patients.find(&reference).await.unwrap().is_none());
}

#[tokio::test]
async fn userinfo_gives_what_scopes_and_policy_allow_in_the_register_formats() {
    let harness = loaded().await;
    let cases = [
        ("p-04", "1990-02-28", "", "99351", json!(null), "290029935111849"),
        ("p-06", "1949-00-00", "", "99212", json!(null), "149209921200385"),
        ("p-02", "1969-05-02", "2A004", "99100", json!("Ferrandi"), "269052A00401228"),
    ];
    for (reference, date, place, country, used, matricule) in cases {
        let (said, id_token) = told(&harness, reference, &json!({})).await;
        let traits = (&said["birthdate"], &said["birthplace"], &said["birthcountry"]);
        assert_eq!(traits, (&json!(date), &json!(place), &json!(country)), "{reference}");
        assert_eq!(said["preferred_username"], used);
        assert_eq!(
            said["ins"],
            json!({ "matricule": matricule, "oid": "1.2.250.1.213.1.4.10", "status": "qualified" })
        );
        assert_eq!(said["sub"], id_token["sub"]);
        for claim in PatientClaim::ALL {
            assert_eq!(id_token.get(claim.as_str()), None, "what a scope releases is for userinfo");
        }
    }
}

#[tokio::test]
async fn an_id_token_says_the_claims_named_one_by_one() {
    let harness = loaded().await;
    let named = json!({ "id_token": { "birthdate": null, "family_name": { "essential": true } } });
    let (_, id_token) = told(&harness, "p-02", &named).await;
    let said = (&id_token["birthdate"], &id_token["family_name"], &id_token["given_name"]);
    assert_eq!(said, (&json!("1969-05-02"), &json!("Colonna"), &json!(null)));
}

#[tokio::test]
async fn without_a_release_policy_a_service_gets_the_sub_alone() {
    let harness = loaded().await;
    let service = Service::register(&harness, reader("muet", &[])).await;
    let mut browser = signed_in(&harness, patient(&harness, "p-01").await.id).await;
    let named = json!({ "userinfo": { "ins": null }, "id_token": { "birthdate": null } }).to_string();
    let ask = service.ask().with("scope", "openid identite_pivot email ins").with("claims", &named);
    let tokens = service.redeem(browser.answered(&ask.url()).await.code()).await;
    let said = service.userinfo(&tokens.text_of("access_token")).await.json();
    assert_eq!(said.as_object().unwrap().keys().collect::<Vec<_>>(), ["sub"]);
    assert_eq!(service.verified(&tokens.text_of("id_token")).await.get("birthdate"), None);
}

#[tokio::test]
async fn a_matricule_that_is_not_qualified_stays() {
    let harness = loaded().await;
    let (said, _) = told(&harness, "p-17", &json!({})).await;
    assert_eq!((said.get("ins"), &said["family_name"]), (None, &json!("Kowalski")));
}

#[tokio::test]
async fn a_sub_comes_from_the_seed_and_not_from_the_matricule() {
    let (one, other) = (loaded().await, loaded().await);
    let (first, _) = told(&one, "p-01", &json!({})).await;
    let (second, _) = told(&one, "p-01", &json!({})).await;
    assert_eq!(first["sub"], second["sub"]);
    // The same person and key material, another seed.
    let mut person = patient(&one, "p-01").await;
    let same = |harness: &Harness, person: &sceau::identity::Person| {
        let symmetric = harness.provider.keyring.symmetric();
        let key = symmetric.pairwise();
        sceau::oidc::pairwise_subject(key, "dossier.example", &person.subject_seed)
    };
    assert_eq!(same(&one, &person), first["sub"].as_str().unwrap());
    person.subject_seed = OsEntropy.bytes();
    assert_ne!(same(&one, &person), first["sub"].as_str().unwrap());
    // The INS changes, the subject stays.
    let line = file().lines().next().unwrap().replace("284057511203151", "250015935010116");
    let (report, told_lines) = imported(&one, &line).await;
    assert_eq!(report.counts.updated, 1, "{told_lines:?}");
    let (third, _) = told(&one, "p-01", &json!({})).await;
    assert_eq!((&third["sub"], &third["ins"]["matricule"]), (&first["sub"], &json!("250015935010116")));
    drop(other);
}

#[tokio::test]
async fn a_patient_is_shown_what_will_be_sent_and_takes_it_back() {
    let harness = loaded().await;
    let allowed = [PatientClaim::FamilyName, PatientClaim::Birthdate, PatientClaim::Ins];
    let service = Service::register(&harness, reader("asking", &allowed)).await;
    let person = patient(&harness, "p-01").await.id;
    let mut browser = signed_in(&harness, person).await;
    let ask = service.ask().with("scope", "openid identite_pivot ins");
    let tab = browser.open(&ask.url()).await;
    let page = browser.get(&tab).await;
    for shown in ["Votre nom de naissance", "Votre date de naissance", "matricule INS", "Claire Marchand"] {
        assert!(page.text.contains(shown), "{shown}: {}", page.text);
    }
    for hidden in ["commune", "sexe", "électronique", "identité pivot"] {
        assert!(!page.text.contains(hidden), "{hidden}: {}", page.text);
    }
    let code = browser.submit(&tab, "consent", &[("decision", "allow")]).await.to_client();
    let tokens = service.redeem(code.code()).await;
    assert_eq!(service.userinfo(&tokens.text_of("access_token")).await.status, 200);
    browser.answered(&ask.url()).await.code();

    let consents = harness.provider.consents_of(person).await.unwrap();
    assert_eq!(consents.len(), 1);
    assert!(consents[0].scope.contains("ins") && consents[0].scope.contains("birthdate"));
    let own = |person| ConsentSubject { person, on_behalf_of: None, client: &service.client.client_id };
    assert!(harness.provider.withdraw_consent(own(person)).await.unwrap());
    assert_eq!(service.userinfo(&tokens.text_of("access_token")).await.status, 401);
    assert_eq!(harness.audited("consent.decision withdrawn").await, 1);
    assert!(harness.provider.consents_of(person).await.unwrap().is_empty());
    let again = browser.answered(&ask.with("prompt", "none").url()).await;
    assert_eq!(again.error(), "consent_required");
    let camille = harness.person(CAMILLE).await;
    assert!(!harness.provider.withdraw_consent(own(camille)).await.unwrap());
}

#[tokio::test]
async fn whoever_may_learn_of_patients_asks_them_first() {
    let harness = loaded().await;
    let one = [PatientClaim::FamilyName];
    // Whether claims are released, whether it may ask for whom a person acts, whether the operator wants it asked.
    let cases: [(&[PatientClaim], bool, bool, bool); 5] = [
        (&[], false, false, false),
        (&one, false, false, true),
        (&[], true, false, true),
        (&one, true, false, true),
        (&[], false, true, true),
    ];
    for (release, representation, ask_consent, asked) in cases {
        let mut new = reader("dossier", release);
        (new.representation, new.ask_consent) = (representation, ask_consent);
        let service = Service::register(&harness, new).await;
        let mut browser = signed_in(&harness, patient(&harness, "p-02").await.id).await;
        let silent = service.ask().with("scope", "openid identite_pivot").with("prompt", "none");
        let answer = browser.answered(&silent.url()).await;
        if asked {
            assert_eq!(answer.error(), "consent_required", "{release:?} {representation} {ask_consent}");
        } else {
            answer.code();
        }
    }
}

#[tokio::test]
async fn a_policy_that_grew_is_asked_again() {
    let harness = loaded().await;
    let service = Service::register(&harness, reader("growing", &[PatientClaim::FamilyName])).await;
    let mut browser = signed_in(&harness, patient(&harness, "p-01").await.id).await;
    let ask = service.ask().with("scope", "openid identite_pivot");
    let tab = browser.open(&ask.url()).await;
    browser.submit(&tab, "consent", &[("decision", "allow")]).await.to_client().code();
    browser.answered(&ask.url()).await.code();
    let new = reader("growing", &[PatientClaim::FamilyName, PatientClaim::Birthplace]);
    harness.provider.register_client(new).await.unwrap();
    assert_eq!(browser.answered(&ask.with("prompt", "none").url()).await.error(), "consent_required");
}

#[tokio::test]
async fn discovery_lists_what_patients_have() {
    let document = Harness::new().await.provider.metadata();
    for claim in PatientClaim::ALL {
        let name = json!(claim.as_str());
        let claims = document["claims_supported"].as_array().unwrap();
        assert_eq!(claims.iter().filter(|one| **one == name).count(), 1, "{name}");
        assert!(document["scopes_supported"].as_array().unwrap().contains(&name));
    }
    for scope in ["birth", "identite_pivot", "profile"] {
        assert!(document["scopes_supported"].as_array().unwrap().contains(&json!(scope)));
    }
}
