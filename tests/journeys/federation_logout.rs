//! Signing out of a session that another provider began (RP-Initiated Logout 2, 3).

use super::federation_stage::Stage;
use crate::support::{SESSION, Service, encoded, registration};
use sceau::oauth::{ClientAuthMethod, Profile};

const RETURN: &str = "https://dossier.example/parti";

#[tokio::test]
async fn a_logout_passes_by_the_provider_and_goes_on_to_the_service() {
    let stage = Stage::new().await;
    let mut new = registration("dossier", Profile::Oidc, ClientAuthMethod::SecretBasic);
    new.post_logout_redirect_uris = vec![RETURN.to_owned()];
    let service = Service::register(&stage.harness, new).await;
    let mut browser = stage.harness.page_browser();
    let tab = browser.open(&service.ask().url()).await;
    stage.federated(&mut browser, &tab).await;
    let tokens = service.redeem(browser.finish(&tab).await.code()).await;
    let hint = tokens.text_of("id_token");
    let query =
        encoded(&[("id_token_hint", &hint), ("post_logout_redirect_uri", RETURN), ("state", "retour 7")]);
    let away = browser.get(&format!("/end_session?{query}")).await;
    assert_eq!(away.status, 303, "{}", away.text);
    assert!(!browser.cookies.contains_key(SESSION), "the session here has ended at once");
    let url: url::Url = away.header("location").parse().unwrap();
    assert!(url.as_str().starts_with(&format!("{}/session/end?", stage.issuer)), "{url}");
    let sent: std::collections::BTreeMap<_, _> = url.query_pairs().into_owned().collect();
    assert_eq!(sent["post_logout_redirect_uri"], "https://sceau.example/federation/fc/logged_out");
    assert!(sent["id_token_hint"].split('.').count() == 3 && sent["id_token_hint"] != hint);
    assert_eq!(sent["state"].len(), 64);

    let back = format!("/federation/fc/logged_out?state={}", sent["state"]);
    browser.get(&back.replace("/fc/", "/autre/")).await.assert_page(400, "a expiré");
    browser.get(&back).await.assert_page(400, "a expiré");
    assert_eq!(stage.harness.audited("federation.logout sent").await, 1);
}

#[tokio::test]
async fn the_browser_comes_back_once_to_the_service_or_to_our_page() {
    let stage = Stage::new().await;
    let mut new = registration("dossier", Profile::Oidc, ClientAuthMethod::SecretBasic);
    new.post_logout_redirect_uris = vec![RETURN.to_owned()];
    let service = Service::register(&stage.harness, new).await;
    for (with_return, expected) in [(true, format!("{RETURN}?state=s")), (false, String::new())] {
        let mut browser = stage.harness.page_browser();
        let tab = browser.open(&service.ask().url()).await;
        stage.federated(&mut browser, &tab).await;
        let tokens = service.redeem(browser.finish(&tab).await.code()).await;
        let hint = tokens.text_of("id_token");
        let mut fields = vec![("id_token_hint", hint.as_str()), ("state", "s")];
        if with_return {
            fields.push(("post_logout_redirect_uri", RETURN));
        }
        let away = browser.get(&format!("/end_session?{}", encoded(&fields))).await;
        let url: url::Url = away.header("location").parse().unwrap();
        let (_, ours) = url.query_pairs().find(|(name, _)| name == "state").unwrap();
        let back = browser.get(&format!("/federation/fc/logged_out?state={ours}")).await;
        assert_eq!(back.header("location"), expected, "{}", back.text);
        if !with_return {
            back.assert_page(200, "Vous êtes déconnecté");
        }
        let again = browser.get(&format!("/federation/fc/logged_out?state={ours}")).await;
        again.assert_page(400, "a expiré");
    }
}
