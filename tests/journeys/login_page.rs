//! What the login page says and does besides the good way: hints, languages, refusals, expiry.

use std::time::Duration;

use http::Method;

use crate::support::{CAMILLE, Harness, NOBODY, Service, bare, between, number, other_number};

const ELEVEN: &str = "ajoutez un 8 devant votre numéro RPPS";
const MALFORMED: &str = "Cet identifiant n’a pas la bonne forme";

#[tokio::test]
async fn what_is_typed_wrongly_is_explained_and_opens_nothing() {
    let harness = Harness::new().await;
    let service = Service::oidc(&harness, "dossier").await;
    let mut browser = harness.page_browser();
    let tab = browser.open(&service.ask().url()).await;
    let table = [
        ("99700000013", ELEVEN),
        ("9970000001", MALFORMED),
        ("8997000000130", MALFORMED),
        ("", MALFORMED),
        ("camille", MALFORMED),
        ("8997000000l3", MALFORMED),
    ];
    for (typed, told) in table {
        let (page, rows) =
            harness.audited_during(browser.submit(&tab, "identify", &[("identifier", typed)])).await;
        page.assert_page(200, told);
        assert!(!page.text.contains("id=\"number\""), "{typed}");
        assert!(typed.is_empty() || !page.text.contains(&format!("\"{typed}\"")), "{typed} is reflected");
        assert_eq!(rows, Vec::<String>::new(), "{typed}");
    }
}

#[tokio::test]
async fn a_number_stays_the_same_when_the_page_is_loaded_again() {
    let harness = Harness::new().await;
    let service = Service::oidc(&harness, "dossier").await;
    let mut browser = harness.page_browser();
    let tab = browser.open(&service.ask().url()).await;
    let shown = browser.identify(&tab, NOBODY).await;
    assert_eq!(number(&browser.get(&tab).await.text), shown);
    let page = browser.get(&tab).await;
    assert!(page.text.contains("Service dossier"), "{}", page.text);
    assert!(page.text.contains(&format!("data-status=\"{tab}/status\"")), "{}", page.text);
}

#[tokio::test]
async fn an_unanswered_request_expires_and_a_new_one_succeeds() {
    let harness = Harness::new().await;
    let mut phone = harness.enrolled("camille", CAMILLE).await;
    let service = Service::oidc(&harness, "dossier").await;
    let mut browser = harness.page_browser();
    let tab = browser.open(&service.ask().url()).await;
    browser.identify(&tab, CAMILLE).await;
    harness.clock.advance(Duration::from_secs(90));
    browser.get(&tab).await.assert_page(200, "Le délai est passé sans confirmation sur le téléphone");
    let number = browser.identify(&tab, CAMILLE).await;
    phone.approve(None, Some(&number)).await.unwrap();
    browser.finish(&tab).await.code();
}

#[tokio::test]
async fn three_wrong_numbers_are_told_to_the_client_as_access_denied() {
    let harness = Harness::new().await;
    let mut phone = harness.enrolled("camille", CAMILLE).await;
    let service = Service::oidc(&harness, "dossier").await;
    let mut browser = harness.page_browser();
    let tab = browser.open(&service.ask().url()).await;
    let shown = browser.identify(&tab, CAMILLE).await;
    for _ in 0..3 {
        phone.approve(None, Some(&other_number(&shown))).await.unwrap_err();
    }
    let (answer, rows) = harness.audited_during(browser.finish(&tab)).await;
    assert_eq!(answer.error(), "access_denied");
    assert_eq!(answer.get("error_description"), "too many wrong numbers");
    assert_eq!((answer.get("iss"), answer.get("state")), ("https://sceau.example", "état=1&2"));
    assert_eq!(rows, ["authorization.request access_denied"]);
    assert_eq!(browser.session(), "", "no session begins");
}

#[tokio::test]
async fn a_refusal_on_the_phone_is_told_to_the_client() {
    let harness = Harness::new().await;
    let mut phone = harness.enrolled("camille", CAMILLE).await;
    let service = Service::oidc(&harness, "dossier").await;
    let mut browser = harness.page_browser();
    for reported in [false, true] {
        let tab = browser.open(&service.ask().url()).await;
        browser.identify(&tab, CAMILLE).await;
        phone.deny(None, reported).await.unwrap();
        assert_eq!(browser.finish(&tab).await.error(), "access_denied");
        // It is over: nothing more happens here (`attacks.md` A-011).
        browser.get(&tab).await.assert_page(400, "a expiré");
    }
}

#[tokio::test]
async fn cancelling_is_told_to_the_client_before_and_after_the_number() {
    let harness = Harness::new().await;
    let mut phone = harness.enrolled("camille", CAMILLE).await;
    let service = Service::oidc(&harness, "dossier").await;
    let mut browser = harness.page_browser();
    let tab = browser.open(&service.ask().url()).await;
    assert_eq!(browser.submit(&tab, "cancel", &[]).await.to_client().error(), "access_denied");
    let tab = browser.open(&service.ask().url()).await;
    let number = browser.identify(&tab, CAMILLE).await;
    let (answer, rows) = harness.audited_during(browser.submit(&tab, "cancel", &[])).await;
    assert_eq!(answer.to_client().error(), "access_denied");
    assert_eq!(rows, ["authorization.request access_denied"]);
    // The phone may still answer: it opens nothing.
    phone.approve(None, Some(&number)).await.unwrap();
    browser.get(&tab).await.assert_page(400, "a expiré");
    assert_eq!(browser.session(), "");
}

#[tokio::test]
async fn the_language_is_that_of_the_request_then_of_the_browser_then_french() {
    let harness = Harness::new().await;
    let service = Service::oidc(&harness, "dossier").await;
    let mut browser = harness.page_browser();
    let table = [
        (None, "en-GB,en;q=0.9,fr;q=0.8", "en"),
        (None, "de-DE,de;q=0.9", "fr"),
        (None, "de,en;q=0.5", "en"),
        (Some("en"), "fr-FR", "en"),
        (Some("de pt en-US fr"), "fr-FR", "en"),
        (Some("fr-CA"), "en-GB", "fr"),
        (Some("xx"), "en-GB", "en"),
    ];
    for (asked, languages, expected) in table {
        browser.languages = languages;
        let ask = asked.map_or_else(|| service.ask(), |asked| service.ask().with("ui_locales", asked));
        let tab = browser.open(&ask.url()).await;
        let page = browser.get(&tab).await;
        assert_eq!(page.header("content-language"), expected, "{asked:?} {languages}");
        assert!(page.text.contains(&format!("<html lang=\"{expected}\">")));
    }
}

#[tokio::test]
async fn the_language_can_be_changed_on_the_page_and_stays() {
    let harness = Harness::new().await;
    let service = Service::oidc(&harness, "dossier").await;
    let mut browser = harness.page_browser();
    let tab = browser.open(&service.ask().url()).await;
    let page = browser.get(&tab).await;
    let switch = between(&page.text, "class=\"language\" href=\"", "\"").unwrap().to_owned();
    assert_eq!(switch, format!("{tab}?ui_locales=en"));
    assert_eq!(browser.get(&switch).await.header("content-language"), "en");
    assert_eq!(browser.get(&tab).await.header("content-language"), "en");
}

#[tokio::test]
async fn form_post_carries_the_answer_in_a_form_of_ours() {
    let harness = Harness::new().await;
    let mut phone = harness.enrolled("camille", CAMILLE).await;
    let service = Service::oidc(&harness, "dossier").await;
    let mut browser = harness.page_browser();
    let ask = service.ask().with("response_mode", "form_post");
    let tab = browser.open(&ask.url()).await;
    let number = browser.identify(&tab, CAMILLE).await;
    phone.approve(None, Some(&number)).await.unwrap();
    let page = browser.get(&tab).await;
    page.assert_page(200, "action=\"https://dossier.example/retour\"");
    assert!(page.header("content-security-policy").ends_with("form-action 'self' https://dossier.example"));
    assert_eq!(page.header("cache-control"), "no-store");
    let field = |name: &str| between(&page.text, &format!("name=\"{name}\" value=\""), "\"");
    assert_eq!(field("iss"), Some("https://sceau.example"));
    assert_eq!(field("state"), Some("état=1&#38;2"));
    service.redeem(field("code").unwrap()).await;
    assert!(!browser.session().is_empty());
    // An error takes the same way.
    let page = harness.page_browser().get(&ask.with("prompt", "none").url()).await;
    page.assert_page(200, "name=\"error\" value=\"login_required\"");
}

#[tokio::test]
async fn an_interaction_dies_after_a_quarter_of_an_hour() {
    let harness = Harness::new().await;
    let service = Service::oidc(&harness, "dossier").await;
    let mut browser = harness.page_browser();
    let tab = browser.open(&service.ask().url()).await;
    harness.clock.advance(Duration::from_secs(15 * 60 - 1));
    browser.get(&tab).await.assert_page(200, "Qui êtes-vous");
    harness.clock.advance(Duration::from_secs(1));
    browser.get(&tab).await.assert_page(400, "a expiré");
}

#[tokio::test]
async fn status_answers_the_browser_of_the_interaction() {
    let harness = Harness::new().await;
    let mut phone = harness.enrolled("camille", CAMILLE).await;
    let service = Service::oidc(&harness, "dossier").await;
    let mut browser = harness.page_browser();
    let tab = browser.open(&service.ask().url()).await;
    let number = browser.identify(&tab, CAMILLE).await;
    let (mut waiting, path) = (browser.clone(), format!("{tab}/status"));
    let (status, ()) = tokio::join!(waiting.get(&path), async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        phone.approve(None, Some(&number)).await.unwrap();
    });
    assert_eq!((status.status, status.text.as_str()), (200, "{\"status\":\"done\"}"));
    assert_eq!(status.header("cache-control"), "no-store");
    let stranger = harness.exchange(bare(&Method::GET, &path, &[])).await;
    assert_eq!((stranger.status, stranger.text.as_str()), (403, "{\"status\":\"refused\"}"));
    browser.finish(&tab).await.code();
}
