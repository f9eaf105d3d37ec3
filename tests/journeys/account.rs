//! The pages of a person's own account.

use std::time::Duration;

use http::Method;
use sceau::phone::Phone;

use crate::support::{CAMILLE, HUGO, Harness, PageBrowser, SESSION, Service, between, csrf, registration};

pub(super) const ACCOUNT: &str = "/account";
pub(super) const NEW_PHONE: &str = "/account/phones/new";

/// Goes to `page`, signs in on the way, and comes back to it.
pub(super) async fn visit(browser: &mut PageBrowser, page: &str, phone: &mut Phone, person: &str) {
    let sent = browser.get(page).await;
    assert_eq!(sent.status, 303, "{}", sent.text);
    assert!(
        sent.header("location").starts_with("/authorize?client_id=sceau-account&"),
        "{}",
        sent.header("location")
    );
    sign_in(browser, sent.header("location"), page, phone, person).await;
}

pub(super) async fn sign_in(
    browser: &mut PageBrowser,
    authorize: &str,
    page: &str,
    phone: &mut Phone,
    person: &str,
) {
    let tab = browser.open(authorize).await;
    let number = browser.identify(&tab, person).await;
    let text = &phone.pending().await.unwrap()[0].text;
    assert_eq!(text.service, "Mon compte sceau");
    assert_eq!(
        text.purpose,
        "Accès à votre compte : ajouter ou retirer un téléphone, associer un autre compte"
    );
    phone.approve(None, Some(&number)).await.unwrap();
    let answered = browser.get(&tab).await;
    let back = answered.header("location").strip_prefix("https://sceau.example").unwrap().to_owned();
    assert!(back.starts_with("/account?"), "{back}");
    let back = browser.get(&back).await;
    assert_eq!((back.status, back.header("location")), (303, page), "the code leaves the address");
}

#[tokio::test]
async fn a_person_signs_in_and_sees_their_phones() {
    let harness = Harness::new().await;
    let mut phone = harness.enrolled("camille", CAMILLE).await;
    let _other = harness.enrolled("hugo", HUGO).await;
    let mut browser = harness.page_browser();
    visit(&mut browser, ACCOUNT, &mut phone, CAMILLE).await;
    let page = browser.get(ACCOUNT).await;
    page.assert_page(200, "Vous êtes connecté en tant que Camille");
    assert_eq!(page.text.matches("/revoke\"").count(), 1, "only their own");
    assert!(page.text.contains("(utilisé pour cette connexion)"), "{}", page.text);
    assert_eq!(page.header("cache-control"), "no-store");
    assert!(page.header("content-security-policy").starts_with("default-src 'none'"));
    browser.languages = "en-GB";
    browser.get(ACCOUNT).await.assert_page(200, "You are signed in as Camille");
    // The ordinary way out.
    browser.get("/end_session").await.assert_page(200, "Do you want to sign out?");
}

#[tokio::test]
async fn a_session_of_a_service_opens_the_account_without_asking_again() {
    let harness = Harness::new().await;
    let mut phone = harness.enrolled("camille", CAMILLE).await;
    let service = Service::oidc(&harness, "dossier").await;
    let mut browser = harness.page_browser();
    browser.sign_in(&service.ask().url(), &mut phone, CAMILLE).await.code();
    browser.get(ACCOUNT).await.assert_page(200, "Vous êtes connecté en tant que Camille");
}

#[tokio::test]
async fn a_phone_is_revoked_by_a_form_of_this_session_alone() {
    let harness = Harness::new().await;
    let mut phone = harness.enrolled("camille", CAMILLE).await;
    let mut old = harness.enrolled("old", CAMILLE).await;
    let mut hugo = harness.enrolled("hugo", HUGO).await;
    let mut browser = harness.page_browser();
    visit(&mut browser, ACCOUNT, &mut phone, CAMILLE).await;
    let good = csrf(&browser.get(ACCOUNT).await.text);
    let path = |phone: &Phone| format!("/account/phones/{}/revoke", phone.device_id().unwrap());
    for bad in [vec![], vec![("csrf", "")], vec![("csrf", "wrong")]] {
        let (page, rows) = harness.audited_during(browser.post(&path(&old), &bad)).await;
        assert_eq!(page.status, 400, "{}", page.text);
        assert_eq!(rows, ["interaction.opened form_value_wrong"]);
    }
    // Another person's form value, another person's phone, no session, a link instead of a form.
    let mut other = harness.page_browser();
    visit(&mut other, ACCOUNT, &mut hugo, HUGO).await;
    assert_eq!(other.post(&path(&old), &[("csrf", &good)]).await.status, 400);
    let (sent, rows) = harness.audited_during(browser.post(&path(&hugo), &[("csrf", &good)])).await;
    assert_eq!((sent.header("location"), rows), ("/account", vec![String::from("device.revoked not_found")]));
    let nobody = harness.page_browser().post(&path(&old), &[("csrf", &good)]).await;
    assert!(nobody.header("location").starts_with("/authorize?"), "{}", nobody.header("location"));
    assert_eq!(browser.send(crate::support::bare(&Method::GET, &path(&old), &[])).await.status, 405);
    assert!(old.pending().await.is_ok() && hugo.pending().await.is_ok());

    let (sent, rows) = harness.audited_during(browser.post(&path(&old), &[("csrf", &good)])).await;
    assert_eq!((sent.status, sent.header("location")), (303, "/account?done=revoked"));
    assert_eq!(rows, ["device.revoked from_account"]);
    browser.get("/account?done=revoked").await.assert_page(200, "Le téléphone est retiré");
    assert!(old.pending().await.is_err());
    // The phone of this session: the session ends with it.
    browser.post(&path(&phone), &[("csrf", &good)]).await;
    assert_eq!(browser.get(ACCOUNT).await.status, 303);
    assert!(phone.pending().await.is_err());
}

#[tokio::test]
async fn our_own_client_is_nobodys() {
    let harness = Harness::new().await;
    let mut new = registration(
        "sceau-account",
        sceau::oauth::Profile::Oidc,
        sceau::oauth::ClientAuthMethod::SecretBasic,
    );
    new.client_id = Some("sceau-account".parse().unwrap());
    assert!(harness.provider.register_client(new).await.is_err(), "the name is taken");
    // Its code is redeemed by nobody, and it sends nobody elsewhere.
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", "any"),
        ("redirect_uri", "https://sceau.example/account"),
        ("client_id", "sceau-account"),
        ("client_secret", ""),
    ];
    let reply = harness.exchange(crate::support::form("/token", &[], &fields)).await;
    assert!(
        reply.text.contains("invalid_client") || reply.text.contains("invalid_request"),
        "{}",
        reply.text
    );
    let away = "/authorize?client_id=sceau-account&response_type=code&scope=openid&redirect_uri=https%3A%2F%2Fevil.example%2Faccount";
    let page = harness.page_browser().get(away).await;
    assert_eq!(page.status, 400, "{}", page.text);
}

#[tokio::test]
async fn whoever_cancels_is_not_asked_again_by_itself() {
    let harness = Harness::new().await;
    let mut browser = harness.page_browser();
    let sent = browser.get(ACCOUNT).await;
    let tab = browser.open(sent.header("location")).await;
    let answered = browser.submit(&tab, "cancel", &[]).await;
    let back = answered.header("location").strip_prefix("https://sceau.example").unwrap().to_owned();
    assert!(back.contains("error=access_denied"), "{back}");
    assert_eq!(browser.get(&back).await.status, 400);
}

#[tokio::test]
async fn a_second_phone_needs_a_fresh_sign_in_to_the_account_at_eidas2() {
    let harness = Harness::with(|policy| policy.devices_per_person = 5).await;
    let mut weak = harness.enrolled("weak", CAMILLE).await;
    let mut strong = harness.attested_phone("strong", CAMILLE).await;
    let service = Service::oidc(&harness, "dossier").await;

    let mut browser = harness.page_browser();
    visit(&mut browser, NEW_PHONE, &mut weak, CAMILLE).await;
    let (page, rows) = harness.audited_during(browser.get(NEW_PHONE)).await;
    page.assert_page(200, "n’est pas assez sûre");
    assert_eq!(rows, ["enrolment.codes ticket_level_too_low"]);
    assert!(!page.text.contains("id=\"ticket\""));

    // A sign-in to another service, which may have been relayed, vouches for no phone.
    let mut browser = harness.page_browser();
    let answer = browser.sign_in(&service.ask().url(), &mut strong, CAMILLE).await;
    answer.code();
    let page = browser.get(NEW_PHONE).await;
    page.assert_page(200, "connectez-vous de nouveau");
    let again = between(&page.text, "class=\"primary\" href=\"", "\"")
        .unwrap()
        .replace("&#38;", "&")
        .replace("&amp;", "&");
    let authorize = browser.get(&again).await.header("location").to_owned();
    assert!(authorize.contains("prompt=login"), "{authorize}");
    sign_in(&mut browser, &authorize, NEW_PHONE, &mut strong, CAMILLE).await;
    browser.get(NEW_PHONE).await.assert_page(200, "id=\"ticket\"");
    assert_eq!(browser.cookies.keys().filter(|name| *name == SESSION).count(), 1);

    harness.clock.advance(Duration::from_mins(20));
    browser.get(NEW_PHONE).await.assert_page(200, "connectez-vous de nouveau");
    assert_eq!(harness.audited("enrolment.codes ticket_sign_in_too_old").await, 2);
}
