//! Acting for somebody: a parent for a child, a legal guardian (docs/patients.md). What ends it is in
//! `representation_ended`.

use std::time::Duration;

use sceau::audit::{AuditEvent, Decision, EventKind};
use sceau::base::{AuditId, OsEntropy, PersonId, from_base64url};
use sceau::flow::NewClient;
use sceau::identity::{GuardianKind, PatientClaim, Person};
use sceau::oauth::{ClientAuthMethod, Profile, ScopeSet};
use sceau::oidc::pairwise_subject;
use sceau::ports::{Consent, ConsentSubject};
use serde_json::{Value, json};

use super::account::NEW_PHONE;
use super::patients::{file, imported, loaded, patient, signed_in};
use crate::support::{
    CAMILLE, Harness, PageBrowser, Received, SESSION, Service, between, csrf, number, registration,
};

/// Claire, her son Hugo; Louis, whose ward is Odile until 2028-06-30; Mamadou, whose daughter may be 16.
pub(super) const CLAIRE: &str = "p-01";
pub(super) const HUGO: &str = "p-13";
pub(super) const LOUIS: &str = "p-09";
pub(super) const ODILE: &str = "p-15";
const MAMADOU: &str = "p-05";
const AWA: &str = "p-14";
pub(super) const SCOPE: &str = "openid identite_pivot ins email offline_access representation";

/// A service that may know everything and ask for whom a person acts.
pub(super) fn portal(id: &str) -> NewClient {
    let mut new = registration(id, Profile::Oidc, ClientAuthMethod::SecretBasic);
    new.scope = ScopeSet::parse(SCOPE).unwrap();
    new.release = PatientClaim::ALL.into_iter().collect();
    new.representation = true;
    new
}

/// Imports the line of `reference`, changed.
pub(super) async fn change(harness: &Harness, reference: &str, change: impl FnOnce(&mut Value)) {
    let file = file();
    let mut lines = file.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let mut line = lines.find(|line| line["reference"] == reference).unwrap();
    change(&mut line);
    let (report, told) = imported(harness, &line.to_string()).await;
    assert_eq!((report.rejected, report.counts.updated), (0, 1), "{told:?}");
}

pub(super) fn subject(harness: &Harness, service: &Service<'_>, person: &Person) -> String {
    let keys = harness.provider.keyring.symmetric();
    pairwise_subject(keys.pairwise(), &service.client.sector, &person.subject_seed)
}

/// Opens a request, chooses `who` and allows: what the service gets.
pub(super) async fn acting(browser: &mut PageBrowser, service: &Service<'_>, who: &str) -> Received {
    let tab = browser.open(&service.ask().with("scope", SCOPE).url()).await;
    let next = choose(browser, &tab, who).await;
    let answer = if next.text.contains("name=\"decision\"") {
        browser.submit(&tab, "consent", &[("decision", "allow")]).await
    } else {
        next
    };
    service.redeem(answer.to_client().code()).await
}

pub(super) async fn choose(browser: &mut PageBrowser, tab: &str, who: &str) -> Received {
    browser.get(tab).await.assert_page(200, "Pour qui agissez-vous");
    browser.submit(tab, "represent", &[("who", who)]).await
}

pub(super) async fn introspected(harness: &Harness, service: &Service<'_>, token: &str) -> Value {
    harness.exchange(service.authenticated("/introspect", &[("token", token)], None)).await.json()
}

/// The rows that name `represented` as the one acted for: kind, reason, person.
pub(super) async fn rows_for(harness: &Harness, represented: PersonId) -> Vec<(String, PersonId)> {
    let rows = harness.provider.ports.audit.rows(None, 10_000).await.unwrap();
    let records = rows.iter().map(|row| serde_json::from_slice::<Value>(&row.record).unwrap());
    let named = records.filter(|record| record["on_behalf_of"] == represented.to_string());
    let text = |record: &Value, name: &str| record[name].as_str().unwrap().to_owned();
    named
        .map(|record| {
            let said = format!("{} {}", text(&record, "kind"), text(&record, "reason"));
            (said, text(&record, "person").parse().unwrap())
        })
        .collect()
}

#[tokio::test]
async fn a_parent_signs_in_by_phone_and_acts_for_a_child() {
    let harness = loaded().await;
    let (claire, hugo) = (patient(&harness, CLAIRE).await, patient(&harness, HUGO).await);
    let service = Service::register(&harness, portal("portail")).await;
    let page = signed_in(&harness, claire.id).await.get(NEW_PHONE).await;
    let ticket = between(&page.text, "<code id=\"ticket\">", "</code>").unwrap().to_owned();
    let mut phone = harness.phone("claire");
    phone.enrol_with_ticket(&ticket, &harness.attested()).await.unwrap();

    let mut browser = harness.page_browser();
    let tab = browser.open(&service.ask().with("scope", SCOPE).url()).await;
    browser.submit(&tab, "qr", &[]).await;
    let code = browser.get(&tab).await.text;
    phone.claim(between(&code, "<code id=\"qr-text\">", "</code>").unwrap()).await.unwrap();
    let shown = number(&browser.get(&tab).await.text);
    phone.approve(None, Some(&shown)).await.unwrap();

    let page = browser.get(&tab).await;
    for said in ["Pour qui agissez-vous", "Moi-même", "Claire Marchand", "Hugo", "2015"] {
        assert!(page.text.contains(said), "{said}: {}", page.text);
    }
    assert!(!page.text.contains("Hugo Marchand") && !page.text.contains("2015-09-14"), "{}", page.text);
    let page = choose(&mut browser, &tab, &hugo.id.to_string()).await;
    for said in ["Claire Marchand", "au nom de", "Hugo Marchand", "Sa date de naissance"] {
        assert!(page.text.contains(said), "{said}: {}", page.text);
    }
    assert!(!page.text.contains("Votre date") && !page.text.contains("Votre nom"), "{}", page.text);
    let answer = browser.submit(&tab, "consent", &[("decision", "allow")]).await.to_client();
    let tokens = service.redeem(answer.code()).await;

    let (child, parent) = (subject(&harness, &service, &hugo), subject(&harness, &service, &claire));
    let told = |said: &Value| (said["sub"].clone(), said["act"].clone(), said["representation"].clone());
    let expected = (json!(child), json!({ "sub": parent }), json!("parent"));
    let id_token = Value::Object(service.verified(&tokens.text_of("id_token")).await);
    assert_eq!((told(&id_token), &id_token["acr"]), (expected.clone(), &json!("eidas2")));
    let access = tokens.text_of("access_token");
    let claims = from_base64url(access.split('.').nth(1).unwrap()).unwrap();
    assert_eq!(told(&serde_json::from_slice(&claims).unwrap()), expected);
    let userinfo = service.userinfo(&access).await.json();
    assert_eq!(told(&userinfo), expected);
    assert_eq!((&userinfo["birthdate"], userinfo.get("email")), (&json!("2015-09-14"), None));
    for token in [&access, &tokens.text_of("refresh_token")] {
        assert_eq!(told(&introspected(&harness, &service, token).await), expected);
    }
    let refreshed = service.refresh(&tokens.text_of("refresh_token")).await;
    assert_eq!(told(&Value::Object(service.verified(&refreshed.text_of("id_token")).await)), expected);
    let rows = rows_for(&harness, hugo.id).await;
    assert!(rows.iter().all(|(_, person)| *person == claire.id), "{rows:?}");
    let said: Vec<&str> = rows.iter().map(|(said, _)| said.as_str()).collect();
    let expected = [
        "representation.decision parent",
        "consent.decision allowed",
        "code.issued authenticated",
        "tokens.issued code",
        "tokens.refreshed refreshed",
    ];
    assert_eq!(said, expected);
}

#[tokio::test]
async fn a_legal_guardian_acts_until_the_last_day_of_the_term() {
    let harness = loaded().await;
    let (louis, odile) = (patient(&harness, LOUIS).await, patient(&harness, ODILE).await);
    let service = Service::register(&harness, portal("portail")).await;
    let tokens = acting(&mut signed_in(&harness, louis.id).await, &service, &odile.id.to_string()).await;
    let said = service.verified(&tokens.text_of("id_token")).await;
    assert_eq!(
        (&said["sub"], &said["representation"]),
        (&json!(subject(&harness, &service, &odile)), &json!("legal_guardian"))
    );
    // 2027-01-15 to 2028-07-01.
    harness.clock.advance(Duration::from_hours(24 * 533));
    let mut browser = signed_in(&harness, louis.id).await;
    let tab = browser.open(&service.ask().with("scope", SCOPE).url()).await;
    browser.get(&tab).await.assert_page(200, "Partager ces informations");
}

#[tokio::test]
async fn who_may_act_for_nobody_is_not_asked() {
    let harness = loaded().await;
    let service = Service::register(&harness, portal("portail")).await;
    let ask = service.ask().with("scope", "openid representation");
    let allowed = async |browser: &mut PageBrowser| {
        let tab = browser.open(&ask.clone().url()).await;
        browser.submit(&tab, "consent", &[("decision", "allow")]).await.to_client().code().to_owned()
    };
    // Awa may be 16 already; a child acts for no parent.
    for person in [patient(&harness, MAMADOU).await.id, patient(&harness, HUGO).await.id] {
        let mut browser = signed_in(&harness, person).await;
        let tokens = service.redeem(&allowed(&mut browser).await).await;
        let said = service.verified(&tokens.text_of("id_token")).await;
        assert_eq!((said.get("act"), said.get("representation")), (None, None));
    }
    let camille = harness.person(CAMILLE).await;
    allowed(&mut signed_in(&harness, camille).await).await;
}

#[tokio::test]
async fn the_question_is_asked_each_time_and_never_in_silence() {
    let harness = loaded().await;
    let (claire, hugo) = (patient(&harness, CLAIRE).await, patient(&harness, HUGO).await);
    let service = Service::register(&harness, portal("portail")).await;
    let mut browser = signed_in(&harness, claire.id).await;
    let ask = service.ask().with("scope", SCOPE);
    let silent = ask.clone().with("prompt", "none").url();
    assert_eq!(browser.answered(&silent).await.error(), "interaction_required");
    acting(&mut browser, &service, &hugo.id.to_string()).await;
    assert_eq!(browser.answered(&silent).await.error(), "interaction_required");
    // Consent for Hugo is remembered, the choice is not; and it is no consent of Claire for herself.
    let tab = browser.open(&ask.url()).await;
    let next = choose(&mut browser, &tab, &hugo.id.to_string()).await;
    next.to_client().code();
    let tab = browser.open(&ask.url()).await;
    choose(&mut browser, &tab, "self").await.assert_page(200, "Votre date de naissance");
    let answer = browser.submit(&tab, "consent", &[("decision", "allow")]).await.to_client();
    let tokens = service.redeem(answer.code()).await;
    let said = service.verified(&tokens.text_of("id_token")).await;
    assert_eq!((&said["sub"], said.get("act")), (&json!(subject(&harness, &service, &claire)), None));
    // Without the scope nothing is asked and nothing said.
    browser.answered(&ask.with("scope", "openid identite_pivot").with("prompt", "none").url()).await.code();
}

#[tokio::test]
async fn each_consent_is_taken_back_by_itself() {
    let harness = loaded().await;
    let (claire, hugo) = (patient(&harness, CLAIRE).await, patient(&harness, HUGO).await);
    let service = Service::register(&harness, portal("portail")).await;
    let mut browser = signed_in(&harness, claire.id).await;
    let child = acting(&mut browser, &service, &hugo.id.to_string()).await;
    let own = acting(&mut browser, &service, "self").await;
    let alive = async |tokens: &Received| service.userinfo(&tokens.text_of("access_token")).await.status;
    let client = &service.client.client_id;
    let consents = harness.provider.consents_of(claire.id).await.unwrap();
    let named: Vec<_> = consents.iter().map(|consent| consent.on_behalf_of).collect();
    assert_eq!(named.len(), 2);
    assert!(named.contains(&None) && named.contains(&Some(hugo.id)));
    for (on_behalf_of, after) in [(None, (200, 401)), (Some(hugo.id), (401, 401))] {
        let subject = ConsentSubject { person: claire.id, on_behalf_of, client };
        assert!(harness.provider.withdraw_consent(subject).await.unwrap());
        assert_eq!((alive(&child).await, alive(&own).await), after);
        assert!(!harness.provider.withdraw_consent(subject).await.unwrap());
    }
    assert!(
        rows_for(&harness, hugo.id).await.contains(&("consent.decision withdrawn".to_owned(), claire.id))
    );
    let tab = browser.open(&service.ask().with("scope", SCOPE).url()).await;
    let page = choose(&mut browser, &tab, &hugo.id.to_string()).await;
    page.assert_page(200, "name=\"decision\"");
    let refused = browser.submit(&tab, "consent", &[("decision", "deny")]).await.to_client();
    assert_eq!(refused.error(), "access_denied");
    assert!(rows_for(&harness, hugo.id).await.contains(&("consent.decision refused".to_owned(), claire.id)));
}

#[tokio::test]
async fn a_forged_choice_is_refused_recorded_and_changes_nothing() {
    let harness = loaded().await;
    let (claire, hugo) = (patient(&harness, CLAIRE).await, patient(&harness, HUGO).await);
    let service = Service::register(&harness, portal("portail")).await;
    let mut browser = signed_in(&harness, claire.id).await;
    let tab = browser.open(&service.ask().with("scope", SCOPE).url()).await;
    browser.get(&tab).await;
    let camille = harness.person(CAMILLE).await;
    let (awa, odile) = (patient(&harness, AWA).await.id, patient(&harness, ODILE).await.id);
    let cases = [
        (odile.to_string(), "not_guardian", Some(odile)),
        (awa.to_string(), "not_guardian", Some(awa)),
        (claire.id.to_string(), "oneself", Some(claire.id)),
        (camille.to_string(), "no_patient", Some(camille)),
        (PersonId::random(&OsEntropy).to_string(), "not_found", None),
        (HUGO.to_owned(), "malformed", None),
        (String::new(), "malformed", None),
    ];
    for (who, reason, named) in cases {
        let sent = browser.submit(&tab, "represent", &[("who", &who)]).await;
        sent.assert_page(400, "you may not act for this person");
        assert_eq!(harness.audit().await.last().unwrap(), &format!("representation.decision {reason}"));
        if let Some(named) = named {
            let rows = rows_for(&harness, named).await;
            assert_eq!(rows.last().unwrap(), &(format!("representation.decision {reason}"), claire.id));
        }
        browser.get(&tab).await.assert_page(200, "Pour qui agissez-vous");
    }
    let forged = [("who", hugo.id.to_string()), ("csrf", "forged".to_owned())];
    let fields: Vec<(&str, &str)> = forged.iter().map(|(name, value)| (*name, value.as_str())).collect();
    assert_eq!(browser.post(&format!("{tab}/represent"), &fields).await.status, 400);
    browser.get(&tab).await.assert_page(200, "Pour qui agissez-vous");
    choose(&mut browser, &tab, &hugo.id.to_string()).await.assert_page(200, "Hugo Marchand");
    // Said once: the page that is still open in another tab says nothing any more.
    let token = csrf(&browser.get(&tab).await.text);
    let again = browser.post(&format!("{tab}/represent"), &[("who", "self"), ("csrf", &token)]).await;
    assert_eq!(again.status, 400);
    browser.get(&tab).await.assert_page(200, "Hugo Marchand");
}

/// Two sit at one browser: what one of them chose and allowed is neither chosen nor allowed by the other, nor by themself
/// once they choose again.
#[tokio::test]
async fn a_choice_is_of_who_was_asked_and_a_consent_of_that_choice() {
    let harness = loaded().await;
    let (claire, hugo) = (patient(&harness, CLAIRE).await, patient(&harness, HUGO).await);
    let louis = patient(&harness, LOUIS).await;
    let service = Service::register(&harness, portal("portail")).await;
    let mut browser = signed_in(&harness, claire.id).await;
    let cookies = [browser.session(), signed_in(&harness, louis.id).await.session()];
    let sits = |browser: &mut PageBrowser, cookie: &String| {
        browser.cookies.insert(SESSION.to_owned(), cookie.clone());
    };
    let who = hugo.id.to_string();
    let tab = browser.open(&service.ask().with("scope", SCOPE).url()).await;
    let token = csrf(&browser.get(&tab).await.text);
    // Asked of Claire, answered when Louis is there.
    sits(&mut browser, &cookies[1]);
    let sent = browser.post(&format!("{tab}/represent"), &[("who", &who), ("csrf", &token)]).await;
    assert_eq!((sent.status, sent.header("location")), (303, tab.as_str()), "{}", sent.text);
    assert_eq!(rows_for(&harness, hugo.id).await, []);
    let page = browser.get(&tab).await;
    page.assert_page(200, "Pour qui agissez-vous");
    assert!(page.text.contains("Odile") && !page.text.contains("Hugo"), "{}", page.text);
    // Chosen and allowed by Claire; Louis is asked anew.
    sits(&mut browser, &cookies[0]);
    let page = choose(&mut browser, &tab, &who).await;
    let fields = [("decision", "allow"), ("csrf", &csrf(&page.text))];
    assert_eq!(browser.post(&format!("{tab}/consent"), &fields).await.status, 303);
    sits(&mut browser, &cookies[1]);
    choose(&mut browser, &tab, "self").await.assert_page(200, "name=\"decision\"");
    // Claire, for herself this time: she is asked.
    sits(&mut browser, &cookies[0]);
    choose(&mut browser, &tab, "self").await.assert_page(200, "Votre date de naissance");
}

#[tokio::test]
async fn a_client_without_permission_is_not_given_the_scope() {
    let harness = loaded().await;
    let claire = patient(&harness, CLAIRE).await;
    for (permitted, registered, asked) in [(true, true, true), (false, true, false), (true, false, false)] {
        let mut new = portal(&format!("portail-{permitted}"));
        new.representation = permitted;
        if !registered {
            new.scope = new.scope.without(&["representation"]);
        }
        let service = Service::register(&harness, new).await;
        let mut browser = signed_in(&harness, claire.id).await;
        let silent = service.ask().with("scope", SCOPE).with("prompt", "none");
        let answer = browser.answered(&silent.url()).await;
        if asked {
            assert_eq!(answer.error(), "interaction_required");
            continue;
        }
        assert_eq!(answer.error(), "consent_required", "no choice to make");
        let tab = browser.open(&service.ask().with("scope", SCOPE).url()).await;
        let answer = browser.submit(&tab, "consent", &[("decision", "allow")]).await.to_client();
        let tokens = service.redeem(answer.code()).await;
        assert!(!tokens.text_of("scope").contains("representation"), "{}", tokens.text);
    }
}

#[tokio::test]
async fn a_hint_issued_on_behalf_of_another_is_about_that_one() {
    let harness = loaded().await;
    let (claire, hugo) = (patient(&harness, CLAIRE).await, patient(&harness, HUGO).await);
    let mut new = portal("portail");
    new.post_logout_redirect_uris = vec!["https://portail.example/adieu".to_owned()];
    let service = Service::register(&harness, new).await;
    let mut browser = signed_in(&harness, claire.id).await;
    let child = acting(&mut browser, &service, &hugo.id.to_string()).await.text_of("id_token");
    let own = acting(&mut browser, &service, "self").await.text_of("id_token");
    let ask = service.ask().with("scope", SCOPE);
    // About the child: no other answer is offered, and none is taken.
    let tab = browser.open(&ask.clone().with("id_token_hint", &child).url()).await;
    let page = browser.get(&tab).await;
    assert!(page.text.contains("Hugo") && !page.text.contains("Moi-même"), "{}", page.text);
    browser.submit(&tab, "represent", &[("who", "self")]).await.assert_page(400, "may not act");
    choose(&mut browser, &tab, &hugo.id.to_string()).await.to_client().code();
    let silent = ask.clone().with("prompt", "none").with("id_token_hint", &child);
    assert_eq!(browser.answered(&silent.clone().url()).await.error(), "interaction_required");
    let without = silent.with("scope", "openid");
    assert_eq!(browser.answered(&without.url()).await.error(), "login_required");
    // About the parent: nothing to ask.
    let silent = ask.with("prompt", "none").with("id_token_hint", &own);
    browser.answered(&silent.clone().url()).await.code();
    // Another's session is not that of the actor.
    let mut louis = signed_in(&harness, patient(&harness, LOUIS).await.id).await;
    let hinted = silent.with("id_token_hint", &child);
    assert_eq!(louis.answered(&hinted.url()).await.error(), "login_required");
    // The session is of who authenticated: its logout by that hint needs no question, another's does.
    let query =
        [("id_token_hint", child.as_str()), ("post_logout_redirect_uri", "https://portail.example/adieu")];
    let path = format!("/end_session?{}", crate::support::encoded(&query));
    louis.get(&path).await.assert_page(200, "Voulez-vous vous déconnecter");
    let out = browser.get(&path).await;
    assert_eq!((out.status, out.header("location")), (303, "https://portail.example/adieu"), "{}", out.text);
    assert_eq!(harness.audited("session.ended logout").await, 1);
}

#[tokio::test]
async fn a_contact_of_the_actor_is_not_told_as_that_of_the_child() {
    let harness = loaded().await;
    let (claire, hugo) = (patient(&harness, CLAIRE).await, patient(&harness, HUGO).await);
    let service = Service::register(&harness, portal("portail")).await;
    for (email, told) in
        [("Claire.Marchand@example.org", None), ("hugo@example.org", Some("hugo@example.org"))]
    {
        change(&harness, HUGO, |line| line["email"] = json!(email)).await;
        let mut browser = signed_in(&harness, claire.id).await;
        let tokens = acting(&mut browser, &service, &hugo.id.to_string()).await;
        let said = service.userinfo(&tokens.text_of("access_token")).await.json();
        assert_eq!(said.get("email").and_then(Value::as_str), told);
    }
    let own = acting(&mut signed_in(&harness, claire.id).await, &service, "self").await;
    let said = service.userinfo(&own.text_of("access_token")).await.json();
    assert_eq!(said["email"], "claire.marchand@example.org");
}

#[tokio::test]
async fn two_whose_names_read_alike_are_shown_by_their_whole_names() {
    let harness = loaded().await;
    let claire = patient(&harness, CLAIRE).await;
    let tie = json!([{ "reference": CLAIRE, "kind": "legal_guardian", "until": "2030-01-01" }]);
    for reference in ["p-11", "p-12", "p-06"] {
        change(&harness, reference, |line| line["guardians"] = tie.clone()).await;
    }
    let service = Service::register(&harness, portal("portail")).await;
    let mut browser = signed_in(&harness, claire.id).await;
    let tab = browser.open(&service.ask().with("scope", SCOPE).url()).await;
    let page = browser.get(&tab).await.text;
    assert_eq!(page.matches("<strong>Jeanne Petit</strong>").count(), 2, "{page}");
    assert!(page.contains("<strong>Farid</strong>") && page.contains("<strong>Hugo</strong>"), "{page}");
}

#[tokio::test]
async fn a_consent_in_one_quality_is_asked_anew_in_another() {
    let harness = loaded().await;
    let (claire, hugo) = (patient(&harness, CLAIRE).await, patient(&harness, HUGO).await);
    let service = Service::register(&harness, portal("portail")).await;
    let mut browser = signed_in(&harness, claire.id).await;
    acting(&mut browser, &service, &hugo.id.to_string()).await;
    let subject =
        ConsentSubject { person: claire.id, on_behalf_of: Some(hugo.id), client: &service.client.client_id };
    let grants = &harness.provider.ports.grants;
    let given = grants.consent(subject).await.unwrap().unwrap();
    assert_eq!(given.kind, Some(GuardianKind::Parent));
    // Claire is a parent: what she agreed to as a guardian, or before the quality was kept, does not serve.
    let kinds =
        [(Some(GuardianKind::LegalGuardian), true), (None, true), (Some(GuardianKind::Parent), false)];
    for (kind, asked) in kinds {
        let consent = Consent { kind, ..given.clone() };
        let id = AuditId::ordered(&OsEntropy, consent.at);
        let event = AuditEvent::new(id, consent.at, EventKind::Consent, Decision::Success, "test");
        grants.remember_consent(&consent, &event).await.unwrap();
        let tab = browser.open(&service.ask().with("scope", SCOPE).url()).await;
        let next = choose(&mut browser, &tab, &hugo.id.to_string()).await;
        assert_eq!(next.text.contains("name=\"decision\""), asked, "{kind:?}");
    }
}
