//! Linking an account at another provider from one's own: by the phone here and a sign-in there, in one session.

use std::time::Duration;

use sceau::base::{EntropyExt as _, PersonId, Sid, TokenHash};
use sceau::device::Content;
use sceau::federation::{Preset, ProviderDraft};
use sceau::flow::ACCOUNT_CLIENT;
use sceau::identity::{Acr, AssuranceTerms, AuthMode, AuthenticationProof, Way};
use sceau::ports::{LinkedBy, Session};
use serde_json::json;

use super::account::{sign_in, visit};
use super::account_links::LINKS;
use super::federation::link;
use super::federation_stage::{Away, Stage};
use crate::adapters::upstream_fake::{By, Instead, Play};
use crate::support::{CAMILLE, HUGO, PageBrowser, Received, SESSION, Service, csrf};

/// The played provider is `ProConnect`.
fn proconnect(draft: &mut ProviderDraft) {
    draft.name = Some(String::from("ProConnect"));
    draft.preset = Preset::ProConnect;
    (draft.acr_values, draft.encryption, draft.userinfo) = (None, None, None);
}

/// An agent signs in there.
fn agent(play: &mut Play) {
    play.claims["acr"] = json!("eidas1");
    play.userinfo = json!({
        "sub": "sub-of-p-01", "uid": "42", "given_name": "Camille", "usual_name": "VERDIER",
        "email": "camille@hopital.example", "siret": "73282932000074",
    });
}

async fn choose(browser: &mut PageBrowser, csrf: &str) -> Received {
    browser.post(LINKS, &[("provider", "fc"), ("csrf", csrf)]).await
}

/// From the page to the provider.
async fn begin(stage: &Stage, browser: &mut PageBrowser) -> Away {
    let csrf = csrf(&browser.get(LINKS).await.text);
    let sent = choose(browser, &csrf).await;
    assert_eq!(sent.status, 303, "{}", sent.text);
    stage.away(sent.header("location"))
}

/// From the page to the provider and back, linked.
async fn linked(stage: &Stage, browser: &mut PageBrowser) {
    let away = begin(stage, browser).await;
    let back = stage.back(browser, &away).await;
    assert_eq!((back.status, back.header("location")), (303, "/account/links?done=linked"), "{}", back.text);
}

/// A browser in which `person` is signed in to their account since now.
async fn present(stage: &Stage, person: PersonId, way: Way) -> PageBrowser {
    let provider = &stage.harness.provider;
    let (now, entropy) = (provider.now(), &*provider.ports.entropy);
    let (enrolment, authenticator) = (Acr::Eidas2, Acr::Eidas2);
    let [enrolment_reason, authenticator_reason] = ["test", "test"].map(str::to_owned);
    let terms = AssuranceTerms { enrolment, enrolment_reason, authenticator, authenticator_reason, way };
    let auth_mode = AuthMode::Mobile;
    let proof =
        AuthenticationProof { person, device: None, auth_time: now, amr: Vec::new(), terms, auth_mode };
    let end = now.plus(Duration::from_hours(4));
    let begun_for = Some(ACCOUNT_CLIENT.parse().unwrap());
    let (sid, cookie) = (Sid::random(entropy), entropy.token());
    let (created, absolute_end, idle_end) = (now, end, end);
    let session = Session { sid, person, proof, upstream: None, begun_for, created, absolute_end, idle_end };
    provider.ports.sessions.insert(&TokenHash::of(cookie.expose()), &session).await.unwrap();
    let mut browser = stage.harness.page_browser();
    browser.cookies.insert(SESSION.to_owned(), cookie.expose().to_owned());
    browser
}

#[tokio::test]
async fn a_professional_links_proconnect_and_signs_in_by_it_at_eidas1() {
    let stage = Stage::with(proconnect, |ports| ports).await;
    stage.plays("p-01", agent);
    let service = Service::oidc(&stage.harness, "dossier").await;
    let camille = stage.harness.person(CAMILLE).await;
    // Before, nobody here is known by it.
    let mut browser = stage.harness.page_browser();
    let tab = browser.open(&service.ask().url()).await;
    stage.federate(&mut browser, &tab).await.assert_page(403, "Aucun compte");

    // The weakest phone is enough for the weakest provider.
    let mut phone = stage.harness.enrolled("camille", CAMILLE).await;
    visit(&mut browser, LINKS, &mut phone, CAMILLE).await;
    browser.get(LINKS).await.assert_page(200, "Associer ProConnect");
    let before = stage.harness.outbox.notices().len();
    let (away, rows) = stage.harness.audited_during(begin(&stage, &mut browser)).await;
    assert_eq!(rows, ["federation.request sent_to_link"]);
    assert_eq!((away.state().len(), away.sent["nonce"].len()), (64, 64));
    assert_eq!(
        (away.sent["code_challenge_method"].as_str(), away.sent["prompt"].as_str()),
        ("S256", "login")
    );
    assert_eq!(away.sent["redirect_uri"], "https://sceau.example/federation/fc/callback");
    let (back, rows) = stage.harness.audited_during(stage.back(&mut browser, &away)).await;
    assert_eq!(back.header("location"), "/account/links?done=linked", "{}", back.text);
    assert_eq!(rows, ["federation.linked both_sides_from_account", "federation.link_announced queued"]);
    browser.get(back.header("location")).await.assert_page(200, "Le compte est associé");
    let links = stage.harness.provider.links_of(camille).await.unwrap();
    assert_eq!((links.len(), links[0].by), (1, LinkedBy::BothSides));
    assert_eq!(stage.linked("p-01").await, Some(camille));
    let notices = stage.harness.outbox.notices().split_off(before);
    assert_eq!(notices.len(), 2, "on every known contact");
    assert!(notices.iter().all(|notice| notice.person == camille
        && matches!(&notice.content, Content::NewLink { provider, .. } if provider == "ProConnect")));
    stage.back(&mut browser, &away).await.assert_page(400, "a expiré");

    // Whatever it claims to be, what was agreed with it is the most.
    for acr in ["eidas1", "eidas2"] {
        stage.plays("p-01", |play| {
            agent(play);
            play.claims["acr"] = json!(acr);
        });
        let mut browser = stage.harness.page_browser();
        let tab = browser.open(&service.ask().url()).await;
        stage.federated(&mut browser, &tab).await;
        let tokens = service.redeem(browser.finish(&tab).await.code()).await;
        assert_eq!(service.verified(&tokens.text_of("id_token")).await["acr"], "eidas1", "{acr}");
    }
}

#[tokio::test]
async fn a_phone_vouches_for_no_more_than_itself() {
    let stage = Stage::new().await;
    let mut weak = stage.harness.enrolled("weak", CAMILLE).await;
    let mut browser = stage.harness.page_browser();
    visit(&mut browser, LINKS, &mut weak, CAMILLE).await;
    let page = browser.get(LINKS).await;
    page.assert_page(200, "FranceConnect+ ne peut pas être associé avec ce téléphone");
    assert!(!page.text.contains("value=\"fc\""), "{}", page.text);
    assert!(!page.text.contains("Vous serez conduit"), "no button leads anywhere: {}", page.text);
    let csrf = csrf(&browser.get("/account").await.text);
    let (sent, rows) = stage.harness.audited_during(choose(&mut browser, &csrf)).await;
    assert_eq!((sent.status, sent.header("location")), (303, LINKS));
    assert_eq!(rows, ["federation.request link_level_too_low"]);

    let mut strong = stage.harness.attested_phone("strong", CAMILLE).await;
    let mut browser = stage.harness.page_browser();
    visit(&mut browser, LINKS, &mut strong, CAMILLE).await;
    browser.get(LINKS).await.assert_page(200, "Vous serez conduit");
    linked(&stage, &mut browser).await;
}

#[tokio::test]
async fn an_old_sign_in_or_one_for_a_service_asks_again() {
    let stage = Stage::new().await;
    let service = Service::oidc(&stage.harness, "dossier").await;
    let mut phone = stage.harness.attested_phone("camille", CAMILLE).await;
    let mut browser = stage.harness.page_browser();
    let refused = async |browser: &mut PageBrowser, csrf: &str| {
        browser.get(LINKS).await.assert_page(200, "moins de vingt minutes");
        let (sent, rows) = stage.harness.audited_during(choose(browser, csrf)).await;
        assert_eq!(rows, ["federation.request link_sign_in_too_old"]);
        let authorize = sent.header("location").to_owned();
        assert!(authorize.starts_with("/authorize?client_id=sceau-account&"), "{authorize}");
        assert!(authorize.contains("prompt=login") && authorize.contains("state=links"), "{authorize}");
        authorize
    };
    visit(&mut browser, LINKS, &mut phone, CAMILLE).await;
    let good = csrf(&browser.get(LINKS).await.text);
    stage.harness.clock.advance(Duration::from_mins(20));
    let authorize = refused(&mut browser, &good).await;
    sign_in(&mut browser, &authorize, LINKS, &mut phone, CAMILLE).await;
    linked(&stage, &mut browser).await;

    // A sign-in to another service may have been relayed: it said nothing of the account.
    let mut browser = stage.harness.page_browser();
    let mut hugos = stage.harness.attested_phone("hugo", HUGO).await;
    browser.sign_in(&service.ask().url(), &mut hugos, HUGO).await.code();
    let page = browser.get("/account").await;
    refused(&mut browser, &csrf(&page.text)).await;
}

#[tokio::test]
async fn a_session_of_another_provider_links_nothing() {
    let stage = Stage::new().await;
    let mut browser = present(&stage, stage.harness.person(CAMILLE).await, Way::Federation).await;
    let mut phone = stage.harness.attested_phone("camille", CAMILLE).await;
    browser.get(LINKS).await.assert_page(200, "la connexion par un autre compte ne suffit pas");
    let good = csrf(&browser.get("/account").await.text);
    let (sent, rows) = stage.harness.audited_during(choose(&mut browser, &good)).await;
    assert_eq!(rows, ["federation.request link_needs_phone"]);
    let authorize = sent.header("location").to_owned();
    sign_in(&mut browser, &authorize, LINKS, &mut phone, CAMILLE).await;
    linked(&stage, &mut browser).await;
}

#[tokio::test]
async fn an_account_of_somebody_else_is_not_taken() {
    let stage = Stage::new().await;
    let hugo = stage.harness.person(HUGO).await;
    link(&stage, "p-01", hugo).await;
    let mut phone = stage.harness.attested_phone("camille", CAMILLE).await;
    let mut browser = stage.harness.page_browser();
    visit(&mut browser, LINKS, &mut phone, CAMILLE).await;
    let away = begin(&stage, &mut browser).await;
    let (page, rows) = stage.harness.audited_during(stage.back(&mut browser, &away)).await;
    page.assert_page(403, "est déjà associé à une autre personne");
    assert!(page.text.contains("id=\"reference\"") && page.text.contains("href=\"/account/links\""));
    assert_eq!(rows, ["federation.answer taken"]);
    assert_eq!(stage.linked("p-01").await, Some(hugo));
    let camille = stage.harness.person(CAMILLE).await;
    assert!(stage.harness.provider.links_of(camille).await.unwrap().is_empty());
    // What was not linked is open there all the same.
    browser.get(LINKS).await.assert_page(200, "Se déconnecter de FranceConnect+");
    // Their own is still to be had.
    stage.plays("p-02", |_| ());
    linked(&stage, &mut browser).await;
}

#[tokio::test]
async fn two_tabs_make_one_link() {
    let stage = Stage::new().await;
    let mut phone = stage.harness.attested_phone("camille", CAMILLE).await;
    let mut browser = stage.harness.page_browser();
    visit(&mut browser, LINKS, &mut phone, CAMILLE).await;
    let tabs = [begin(&stage, &mut browser).await, begin(&stage, &mut browser).await];
    assert_eq!(stage.back(&mut browser, &tabs[0]).await.header("location"), "/account/links?done=linked");
    let (back, rows) = stage.harness.audited_during(stage.back(&mut browser, &tabs[1])).await;
    assert_eq!(back.header("location"), "/account/links?done=already");
    assert_eq!(rows, ["federation.answer linked_before"]);
    browser.get(back.header("location")).await.assert_page(200, "était déjà associé");
    let camille = stage.harness.person(CAMILLE).await;
    assert_eq!(stage.harness.provider.links_of(camille).await.unwrap().len(), 1);
}

#[tokio::test]
async fn an_answer_serves_the_session_that_asked_and_no_other() {
    let stage = Stage::new().await;
    let mut phone = stage.harness.attested_phone("camille", CAMILLE).await;
    let mut hugos = stage.harness.attested_phone("hugo", HUGO).await;
    let mut browser = stage.harness.page_browser();
    visit(&mut browser, LINKS, &mut phone, CAMILLE).await;
    let mut other = stage.harness.page_browser();
    visit(&mut other, LINKS, &mut hugos, HUGO).await;
    let mut stranger = stage.harness.page_browser();
    for thief in [&mut other, &mut stranger] {
        let away = begin(&stage, &mut browser).await;
        let (page, rows) = stage.harness.audited_during(stage.back(thief, &away)).await;
        page.assert_page(400, "appartient à un autre navigateur");
        assert_eq!(rows, ["federation.answer other_session"]);
        stage.back(&mut browser, &away).await.assert_page(400, "a expiré");
    }
    // The same person, signed in anew in between: what was asked in the old session is not answered in the new one.
    let away = begin(&stage, &mut browser).await;
    let again = browser.get("/account/sign-in?page=links&again=yes").await.header("location").to_owned();
    sign_in(&mut browser, &again, LINKS, &mut phone, CAMILLE).await;
    stage.back(&mut browser, &away).await.assert_page(400, "appartient à un autre navigateur");
    // The session ended in between.
    let away = begin(&stage, &mut browser).await;
    let camille = stage.harness.person(CAMILLE).await;
    stage.harness.clock.advance(Duration::from_secs(1));
    stage.harness.revoke(sceau::ports::CutoffScope::Person(camille)).await;
    let (page, rows) = stage.harness.audited_during(stage.back(&mut browser, &away)).await;
    page.assert_page(400, "a expiré");
    assert_eq!(rows, ["federation.answer session_ended"]);
    // The answer of a link signs nobody in, and is not brought to another address.
    let away = begin(&stage, &mut other).await;
    other.get(&away.callback().replace("/fc/", "/autre/")).await.assert_page(400, "a expiré");
    let away = begin(&stage, &mut other).await;
    other.get(&away.callback().replace("/callback", "/logged_out")).await.assert_page(400, "a expiré");
    assert_eq!(stage.redeemed(), 0);
    assert_eq!(stage.linked("p-01").await, None);
}

#[tokio::test]
async fn the_form_needs_its_token_and_a_provider_that_is_offered() {
    let stage = Stage::new().await;
    let mut phone = stage.harness.attested_phone("camille", CAMILLE).await;
    let mut browser = stage.harness.page_browser();
    visit(&mut browser, LINKS, &mut phone, CAMILLE).await;
    let good = csrf(&browser.get(LINKS).await.text);
    for bad in ["", "wrong"] {
        let (page, rows) = stage.harness.audited_during(choose(&mut browser, bad)).await;
        page.assert_page(400, "appartient à un autre navigateur");
        assert_eq!(rows, ["interaction.opened form_value_wrong"]);
    }
    for unknown in ["", "nobody"] {
        let sent = browser.post(LINKS, &[("provider", unknown), ("csrf", &good)]).await;
        assert_eq!((sent.status, sent.header("location")), (303, LINKS));
    }
    let nobody = choose(&mut stage.harness.page_browser(), &good).await;
    assert!(nobody.header("location").starts_with("/authorize?client_id=sceau-account&"));
    // A provider that is down when it is chosen.
    let fields = [("provider", "autre"), ("csrf", good.as_str())];
    let (page, rows) = stage.harness.audited_during(browser.post(LINKS, &fields)).await;
    page.assert_page(503, "ne répond pas");
    assert!(page.text.contains("href=\"/account/links\"") && page.text.contains("id=\"reference\""));
    assert_eq!(rows, ["federation.request unreachable"]);
    linked(&stage, &mut browser).await;
    // Linked: offered no more.
    assert_eq!(choose(&mut browser, &good).await.header("location"), LINKS);
}

/// Machine reason, what the provider does, status, words of the page.
type Fault = (&'static str, fn(&mut Play), u16, &'static str);

#[tokio::test]
async fn each_fault_is_a_page_with_a_way_back_and_the_next_attempt_works() {
    let stage = Stage::new().await;
    let mut phone = stage.harness.attested_phone("camille", CAMILLE).await;
    let mut browser = stage.harness.page_browser();
    visit(&mut browser, LINKS, &mut phone, CAMILLE).await;
    let faults: [Fault; 7] = [
        ("nonce", |play| play.claims["nonce"] = json!("x".repeat(64)), 403, "n’a pas été acceptée"),
        ("signature", |play| play.by = By::Impostor, 403, "n’a pas été acceptée"),
        ("issuer", |play| play.claims["iss"] = json!("https://else.example"), 403, "n’a pas été acceptée"),
        ("level_too_low", |play| play.claims["acr"] = json!("eidas1"), 403, "n’est pas assez sûr"),
        ("sign_in_age_unknown", |play| play.claims["auth_time"] = json!(null), 403, "n’a pas été acceptée"),
        ("sign_in_too_old", |play| play.claims["auth_time"] = json!("-600"), 403, "n’a pas été acceptée"),
        (
            "server_error",
            |play| {
                let body = String::from("{\"error\":\"server_error\"}");
                play.instead = Some(("/token", Instead::Status(502, "application/json", body)));
            },
            503,
            "ne répond pas",
        ),
    ];
    for (reason, fault, status, told) in faults {
        stage.plays("p-01", fault);
        let away = begin(&stage, &mut browser).await;
        let (page, rows) = stage.harness.audited_during(stage.back(&mut browser, &away)).await;
        page.assert_page(status, told);
        for shown in ["href=\"/account/links\"", "id=\"reference\"", "Revenir à mes comptes associés"] {
            assert!(page.text.contains(shown), "{reason}: {shown}: {}", page.text);
        }
        assert!(!page.text.contains("identifiez-vous autrement"), "{reason}: {}", page.text);
        assert_eq!(rows, [format!("federation.answer {reason}")]);
        assert_eq!(stage.linked("p-01").await, None, "{reason}");
        stage.harness.clock.advance(Duration::from_secs(61));
    }
    stage.plays("p-01", |_| ());
    let away = begin(&stage, &mut browser).await;
    let denied = format!("/federation/fc/callback?error=access_denied&state={}", away.state());
    browser.get(&denied).await.assert_page(403, "aucun compte n’a été associé");
    linked(&stage, &mut browser).await;
}

#[tokio::test]
async fn a_patient_links_no_account_of_another_person() {
    let stage = Stage::new().await;
    let patient = stage.patient("p-02").await;
    let mut browser = present(&stage, patient, Way::Qr).await;
    stage.plays("p-04", |_| ());
    let away = begin(&stage, &mut browser).await;
    let (page, rows) = stage.harness.audited_during(stage.back(&mut browser, &away)).await;
    page.assert_page(403, "décrit une autre personne");
    assert_eq!(rows, ["federation.answer traits_differ"]);
    assert_eq!((stage.linked("p-04").await, stage.linked("p-02").await), (None, None));
    stage.plays("p-02", |_| ());
    linked(&stage, &mut browser).await;
    assert_eq!(stage.linked("p-02").await, Some(patient));
    let person = stage.harness.provider.ports.persons.find(patient).await.unwrap().unwrap();
    assert_eq!(person.cooling_until, None, "both sides were proved");
}

#[tokio::test]
async fn a_patient_is_not_offered_a_provider_of_agents() {
    let stage = Stage::with(proconnect, |ports| ports).await;
    let mut browser = present(&stage, stage.patient("p-02").await, Way::TypedNumber).await;
    let page = browser.get(LINKS).await;
    page.assert_page(200, "Associer Autre");
    assert!(!page.text.contains("ProConnect"), "{}", page.text);
    let sent = choose(&mut browser, &csrf(&page.text)).await;
    assert_eq!(sent.header("location"), LINKS);
}

/// A shared computer: the sign-in made there in order to link is ended from the page, or with the session here.
#[tokio::test]
async fn the_sign_in_made_there_is_ended_from_the_page_or_with_the_session() {
    let stage = Stage::new().await;
    let hugo = stage.patient("p-01").await;
    let mut browser = present(&stage, hugo, Way::TypedNumber).await;
    assert!(!browser.get(LINKS).await.text.contains("Se déconnecter de"), "nothing to end yet");
    linked(&stage, &mut browser).await;
    let page = browser.get("/account/links?done=linked").await;
    page.assert_page(200, "Se déconnecter de FranceConnect+");
    assert!(page.header("content-security-policy").contains(&stage.issuer), "Chromium follows redirects");
    let wrong = browser.post("/account/links/sign-out", &[("csrf", "wrong")]).await;
    assert_eq!(wrong.status, 400, "{}", wrong.text);
    let mut other = browser.clone();
    let form = [("csrf", csrf(&page.text))];
    let form: Vec<_> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let away = browser.post("/account/links/sign-out", &form).await;
    let url: url::Url = away.header("location").parse().unwrap();
    assert!(url.as_str().starts_with(&format!("{}/session/end?", stage.issuer)), "{url}");
    let sent: std::collections::BTreeMap<_, _> = url.query_pairs().into_owned().collect();
    assert_eq!(sent["id_token_hint"].split('.').count(), 3);
    assert_eq!(stage.harness.audited("federation.logout sent").await, 1);
    let back = browser.get(&format!("/federation/fc/logged_out?state={}", sent["state"])).await;
    assert_eq!(back.header("location"), "/account/links?done=signed-out", "{}", back.text);
    let page = browser.get("/account/links?done=signed-out").await;
    page.assert_page(200, "Vous êtes déconnecté de l’autre compte");
    assert!(!page.text.contains("Se déconnecter de"), "the session here goes on, and nothing is open there");
    browser.languages = "en-GB";
    browser.get("/account/links?done=signed-out").await.assert_page(200, "You are signed out of the other");

    // Nothing to end any more: said, and nobody is sent anywhere.
    let again = other.post("/account/links/sign-out", &form).await;
    assert_eq!(again.header("location"), "/account/links?done=signed-in-there");
}

#[tokio::test]
async fn a_sign_out_here_passes_by_the_provider_whose_account_was_linked() {
    let stage = Stage::new().await;
    let person = stage.patient("p-01").await;
    let mut browser = present(&stage, person, Way::TypedNumber).await;
    linked(&stage, &mut browser).await;
    let page = browser.get("/end_session").await;
    page.assert_page(200, "ticket");
    let ticket = crate::support::between(&page.text, "name=\"ticket\" value=\"", "\"").unwrap().to_owned();
    let fields = [("ticket", ticket.as_str()), ("csrf", &csrf(&page.text)), ("decision", "logout")];
    let away = browser.post("/end_session", &fields).await;
    assert!(away.header("location").starts_with(&format!("{}/session/end?", stage.issuer)), "{}", away.text);
}
