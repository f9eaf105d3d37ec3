//! Sign-in by another provider that comes to nothing: a page, an audit row, no session, no link, and the next attempt works
//! (`attacks.md` ).

use std::time::Duration;

use sceau::ports::CutoffScope;
use serde_json::{Value, json};

use super::federation_stage::Stage;
use crate::adapters::upstream_fake::{By, Instead, Play};
use crate::support::{SESSION, Service};

const NOT_ACCEPTED: &str = "n’a pas été acceptée";
const SILENT: &str = "ne répond pas";

type Fault = (&'static str, fn(&mut Play), u16, &'static str);

const FAULTS: [Fault; 21] = [
    ("nonce", |play| play.claims["nonce"] = json!("x".repeat(64)), 403, NOT_ACCEPTED),
    ("nonce", |play| play.claims["nonce"] = Value::Null, 403, NOT_ACCEPTED),
    ("audience", |play| play.claims["aud"] = json!("somebody"), 403, NOT_ACCEPTED),
    ("authorized_party", |play| play.claims["azp"] = json!("somebody"), 403, NOT_ACCEPTED),
    ("issuer", |play| play.claims["iss"] = json!("https://else.example"), 403, NOT_ACCEPTED),
    ("expired", |play| play.claims["exp"] = json!("-120"), 403, NOT_ACCEPTED),
    ("issued_in_future", |play| play.claims["iat"] = json!("+120"), 403, NOT_ACCEPTED),
    ("access_token_hash", |play| play.claims["at_hash"] = json!("AAAAAAAAAAAAAAAAAAAAAA"), 403, NOT_ACCEPTED),
    ("signature", |play| play.by = By::Impostor, 403, NOT_ACCEPTED),
    ("unknown_key", |play| play.by = By::Stranger, 403, NOT_ACCEPTED),
    ("malformed", |play| play.by = By::Nobody, 403, NOT_ACCEPTED),
    ("userinfo_subject", |play| play.userinfo["sub"] = json!("another"), 403, NOT_ACCEPTED),
    ("userinfo_unsigned", |play| play.userinfo_json = true, 403, NOT_ACCEPTED),
    ("userinfo_signature", |play| play.userinfo_by = By::Impostor, 403, NOT_ACCEPTED),
    ("level_too_low", |play| play.claims["acr"] = json!("eidas1"), 403, "n’est pas assez sûr"),
    ("level_too_low", |play| play.claims["acr"] = Value::Null, 403, "n’est pas assez sûr"),
    ("claim_missing", |play| play.userinfo["birthdate"] = Value::Null, 403, NOT_ACCEPTED),
    ("no_account", |play| play.userinfo["family_name"] = json!("Personne"), 403, "Aucun compte"),
    ("token_error", |play| at(play, 400, "invalid_request"), 403, NOT_ACCEPTED),
    ("code_refused", |play| at(play, 400, "invalid_grant"), 403, NOT_ACCEPTED),
    ("server_error", |play| at(play, 502, "server_error"), 503, SILENT),
];

fn at(play: &mut Play, status: u16, error: &str) {
    let body = json!({ "error": error }).to_string();
    play.instead = Some(("/token", Instead::Status(status, "application/json", body)));
}

#[tokio::test]
async fn each_fault_is_a_page_and_the_next_attempt_works() {
    let stage = Stage::new().await;
    let service = Service::oidc(&stage.harness, "dossier").await;
    for (reason, fault, status, told) in FAULTS {
        let mut browser = stage.harness.page_browser();
        let tab = browser.open(&service.ask().url()).await;
        stage.plays("p-04", fault);
        let (page, rows) = stage.harness.audited_during(stage.federate(&mut browser, &tab)).await;
        page.assert_page(status, told);
        assert!(page.text.contains(&format!("href=\"{tab}\"")), "{reason}: a way back");
        assert!(page.text.contains("id=\"reference\""), "{reason}: a case reference");
        assert_eq!(rows.last(), Some(&format!("federation.answer {reason}")), "{rows:?}");
        assert!(!browser.cookies.contains_key(SESSION), "{reason}: no session");
        assert_eq!(stage.linked("p-04").await, None, "{reason}: no link");
        // The interaction is still open: another person signs in by it, so that p-04 stays unlinked.
        stage.harness.clock.advance(Duration::from_secs(61));
        stage.plays("p-01", |_| ());
        let tab = browser.open(&service.ask().url()).await;
        stage.federated(&mut browser, &tab).await;
        browser.finish(&tab).await.code();
    }
}

#[tokio::test]
async fn the_same_interaction_goes_on_after_a_fault() {
    let stage = Stage::new().await;
    let service = Service::oidc(&stage.harness, "dossier").await;
    let mut browser = stage.harness.page_browser();
    let tab = browser.open(&service.ask().url()).await;
    stage.plays("p-01", |play| play.by = By::Impostor);
    stage.federate(&mut browser, &tab).await.assert_page(403, NOT_ACCEPTED);
    stage.harness.clock.advance(Duration::from_secs(61));
    stage.plays("p-01", |_| ());
    stage.federated(&mut browser, &tab).await;
    browser.finish(&tab).await.code();
}

#[tokio::test]
async fn a_callback_serves_once_in_time_and_in_its_own_browser() {
    let stage = Stage::new().await;
    let service = Service::oidc(&stage.harness, "dossier").await;
    let mut browser = stage.harness.page_browser();
    let tab = browser.open(&service.ask().url()).await;

    // Another browser: nothing is redeemed, and the ticket is used up.
    let away = stage.leave(&mut browser, &tab).await;
    let mut stranger = stage.harness.page_browser();
    stage.back(&mut stranger, &away).await.assert_page(400, "appartient à un autre navigateur");
    stage.back(&mut browser, &away).await.assert_page(400, "a expiré");
    assert_eq!(stage.redeemed(), 0);

    // Too late.
    let away = stage.leave(&mut browser, &tab).await;
    stage.harness.clock.advance(Duration::from_mins(10));
    stage.back(&mut browser, &away).await.assert_page(400, "a expiré");
    assert_eq!(stage.redeemed(), 0);

    // A state that nobody was given, and none.
    let unknown = format!("/federation/fc/callback?code=x&state={}", "0".repeat(64));
    browser.get(&unknown).await.assert_page(400, "a expiré");
    browser.get("/federation/fc/callback?code=x").await.assert_page(400, "a expiré");
    browser.get("/federation/nobody/callback?code=x&state=y").await.assert_page(400, "a expiré");

    // Good, then again.
    let away = stage.leave(&mut browser, &tab).await;
    assert_eq!(stage.back(&mut browser, &away).await.header("location"), tab);
    stage.back(&mut browser, &away).await.assert_page(400, "a expiré");
    assert_eq!(stage.redeemed(), 1);
    browser.finish(&tab).await.code();
}

/// an answer of one provider on the way of another.
#[tokio::test]
async fn a153_mix_up_redeems_nothing() {
    let stage = Stage::new().await;
    let service = Service::oidc(&stage.harness, "dossier").await;
    let mut browser = stage.harness.page_browser();
    let tab = browser.open(&service.ask().url()).await;

    let away = stage.leave(&mut browser, &tab).await;
    let elsewhere = away.callback().replace("/fc/", "/autre/");
    let (page, rows) = stage.harness.audited_during(browser.get(&elsewhere)).await;
    page.assert_page(400, "a expiré");
    assert_eq!(rows, ["federation.answer other_provider"]);

    let away = stage.leave(&mut browser, &tab).await;
    let (page, rows) = stage
        .harness
        .audited_during(browser.get(&format!("{}&iss=http%3A%2F%2F127.0.0.1%3A9", away.callback())))
        .await;
    page.assert_page(403, NOT_ACCEPTED);
    assert_eq!(rows, ["federation.answer callback_issuer"]);

    let away = stage.leave(&mut browser, &tab).await;
    let error = format!("/federation/fc/callback?error=access_denied&state={}&iss=x", away.state());
    browser.get(&error).await.assert_page(403, NOT_ACCEPTED);
    assert_eq!(stage.redeemed(), 0);
}

#[tokio::test]
async fn errors_of_the_provider_are_pages() {
    let stage = Stage::new().await;
    let service = Service::oidc(&stage.harness, "dossier").await;
    let mut browser = stage.harness.page_browser();
    let tab = browser.open(&service.ask().url()).await;
    for (error, reason, status, told) in [
        ("access_denied", "denied_there", 403, "n’est pas allée au bout"),
        ("login_required", "unfinished_there", 403, "n’est pas allée au bout"),
        ("server_error", "server_error", 503, SILENT),
        ("temporarily_unavailable", "unavailable_there", 503, SILENT),
        ("<script>", "error_there", 403, NOT_ACCEPTED),
    ] {
        let away = stage.leave(&mut browser, &tab).await;
        let error = error.replace('<', "%3C").replace('>', "%3E");
        let path = format!("/federation/fc/callback?error={error}&state={}", away.state());
        let (page, rows) = stage.harness.audited_during(browser.get(&path)).await;
        page.assert_page(status, told);
        assert!(!page.text.contains("<script>"), "{error} is reflected");
        assert_eq!(rows, [format!("federation.answer {reason}")]);
    }
    let away = stage.leave(&mut browser, &tab).await;
    let path = format!("/federation/fc/callback?state={}", away.state());
    browser.get(&path).await.assert_page(403, NOT_ACCEPTED);
    stage.federated(&mut browser, &tab).await;
    browser.finish(&tab).await.code();
}

#[tokio::test]
async fn the_page_speaks_the_language_of_the_interaction() {
    let stage = Stage::new().await;
    let service = Service::oidc(&stage.harness, "dossier").await;
    let mut browser = stage.harness.page_browser();
    let tab = browser.open(&service.ask().with("ui_locales", "en").url()).await;
    stage.plays("p-01", |play| play.by = By::Impostor);
    stage
        .federate(&mut browser, &tab)
        .await
        .assert_page(403, "The answer of FranceConnect+ was not accepted");
}

/// who the answer is about is decided by issuer and subject, then once by traits.
#[tokio::test]
async fn accounts_that_cannot_be_told_or_used_are_refused() {
    let stage = Stage::new().await;
    let service = Service::oidc(&stage.harness, "dossier").await;
    let refused = async |reference: &str, change: fn(&mut Play), reason: &str, told: &str| {
        let mut browser = stage.harness.page_browser();
        let tab = browser.open(&service.ask().url()).await;
        stage.plays(reference, change);
        let (page, rows) = stage.harness.audited_during(stage.federate(&mut browser, &tab)).await;
        page.assert_page(403, told);
        assert_eq!(rows.last(), Some(&format!("federation.answer {reason}")));
        assert!(!browser.cookies.contains_key(SESSION));
    };
    // Two patients alike.
    refused("p-11", |_| (), "ambiguous", "avec certitude").await;
    // the subject of p-02, linked, is given to somebody else.
    let mut browser = stage.harness.page_browser();
    let tab = browser.open(&service.ask().url()).await;
    stage.plays("p-02", |_| ());
    stage.federated(&mut browser, &tab).await;
    browser.finish(&tab).await.code();
    refused("p-02", |play| play.userinfo["family_name"] = json!("Autre"), "pivot_changed", "avec certitude")
        .await;
    // the traits of p-02 with another subject: the account has a link, and no phone to prove it with.
    let other = |play: &mut Play| {
        play.claims["sub"] = json!("other");
        play.userinfo["sub"] = json!("other");
    };
    refused("p-02", other, "no_phone", "Votre téléphone est nécessaire").await;
    // an account that was locked, and one that is found by traits alone.
    for reference in ["p-02", "p-03"] {
        stage.harness.revoke(CutoffScope::Person(stage.patient(reference).await)).await;
        refused(reference, |_| (), "locked", "ne permet pas de se connecter").await;
    }
    assert_eq!(stage.linked("p-03").await, None);
}

#[tokio::test]
async fn the_form_needs_its_token_its_browser_and_a_provider_that_is_offered() {
    let stage = Stage::new().await;
    let service = Service::oidc(&stage.harness, "dossier").await;
    let mut browser = stage.harness.page_browser();
    let tab = browser.open(&service.ask().url()).await;
    let path = format!("{tab}/federate");
    let forged = browser.post(&path, &[("provider", "fc"), ("csrf", "x")]).await;
    forged.assert_page(400, "appartient à un autre navigateur");
    browser.submit(&tab, "federate", &[("provider", "nobody")]).await.assert_page(400, "a expiré");
    // A provider that is down when it is chosen.
    let (page, rows) =
        stage.harness.audited_during(browser.submit(&tab, "federate", &[("provider", "autre")])).await;
    page.assert_page(503, SILENT);
    assert_eq!(rows, ["federation.request unreachable"]);
    stage.federated(&mut browser, &tab).await;
    browser.finish(&tab).await.code();
}
