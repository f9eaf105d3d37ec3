//! A person signs out of a service (LO-01 to LO-06; `attacks.md` ).

use std::time::Duration;

use sceau::base::{base64url, from_base64url};
use sceau::flow::{Turn, TurnError};
use sceau::oauth::AuthorizationResponse;
use sceau::phone::Phone;

use crate::support::{CAMILLE, Harness, Relier, Shown, SignedIn, encoded, form, page, reliance, shown};

const ADIEU: &str = "https://dmp.example/adieu";

struct Scene {
    harness: Harness,
    service: Relier,
    phone: Phone,
    signed_in: SignedIn,
}

async fn scene() -> Scene {
    let harness = Harness::new().await;
    let service = Relier::register(&harness, reliance("dmp")).await;
    let mut phone = harness.enrolled("camille", CAMILLE).await;
    let signed_in = service.sign_in(&harness, &mut phone).await;
    Scene { harness, service, phone, signed_in }
}

impl Scene {
    fn hint(&self) -> &str {
        self.signed_in.token("id_token")
    }

    /// What the person's browser is shown.
    async fn get(&self, fields: &[(&str, &str)]) -> Shown {
        let path = format!("/end_session?{}", encoded(fields));
        shown(&self.harness, &path, &self.signed_in.cookie()).await
    }

    async fn answer(&self, question: &Shown, decision: &str, csrf: &str) -> Shown {
        let ticket = question.field("ticket");
        let fields = [("decision", decision), ("ticket", ticket.as_str()), ("csrf", csrf)];
        let cookie = self.signed_in.cookie();
        page(&self.harness, form("/end_session", &[("cookie", &cookie)], &fields)).await
    }

    async fn alive(&self) -> bool {
        let location = self.service.silent(&self.harness, &self.signed_in.browser()).await;
        assert!(location.contains("code=") || location.contains("error=login_required"), "{location}");
        location.contains("code=")
    }
}

fn asked(shown: &Shown) {
    assert_eq!(shown.status, 200);
    assert!(shown.html.contains("Voulez-vous vous déconnecter"), "{}", shown.html);
    assert!(shown.cookies.is_empty());
}

fn gone(shown: &Shown) -> bool {
    shown.cookies.iter().any(|cookie| {
        cookie.starts_with("__Host-sceau-session=;")
            && cookie.contains("Max-Age=0")
            && cookie.contains("Secure")
    })
}

#[tokio::test]
async fn the_hint_of_the_session_ends_it_and_the_browser_goes_back() {
    let scene = scene().await;
    let fields = [
        ("id_token_hint", scene.hint()),
        ("post_logout_redirect_uri", ADIEU),
        ("state", "é&1"),
        ("client_id", "dmp"),
    ];
    let shown = scene.get(&fields).await;
    assert_eq!(shown.status, 303);
    assert_eq!(shown.location.as_deref(), Some("https://dmp.example/adieu?state=%C3%A9%261"));
    assert!(gone(&shown), "{:?}", shown.cookies);
    assert!(!scene.alive().await);
    for token in ["access_token", "refresh_token"] {
        let told = scene.service.introspect(&scene.harness, scene.signed_in.token(token)).await;
        assert_eq!(told["active"], false, "{token}");
    }
    assert_eq!(scene.harness.audited("session.ended logout").await, 1);
    // LO-06: once more, with what the browser still has.
    let again = scene.get(&fields).await;
    assert_eq!(again.status, 303);
    let bare = scene.get(&[]).await;
    assert_eq!(bare.status, 200);
    assert!(bare.html.contains("Vous êtes déconnecté"), "{}", bare.html);
    assert_eq!(scene.harness.audited("session.ended logout").await, 1);
}

#[tokio::test]
async fn a_service_may_post_and_the_address_shows_no_token() {
    let scene = scene().await;
    // A cross-site form carries no session cookie (SameSite=Lax).
    let fields = [("id_token_hint", scene.hint()), ("post_logout_redirect_uri", ADIEU), ("state", "s1")];
    let first = page(&scene.harness, form("/end_session", &[], &fields)).await;
    assert_eq!(first.status, 303);
    let location = first.location.unwrap();
    assert!(location.starts_with("/end_session?ticket="), "{location}");
    assert!(!location.contains(&scene.hint()[..40]));
    let shown = shown(&scene.harness, &location, &scene.signed_in.cookie()).await;
    assert_eq!(shown.location.as_deref(), Some("https://dmp.example/adieu?state=s1"));
    assert!(gone(&shown));
    assert!(!scene.alive().await);
}

#[tokio::test]
async fn an_image_signs_nobody_out() {
    // A-095, LO-03.
    let scene = scene().await;
    let question = scene.get(&[]).await;
    asked(&question);
    assert!(scene.alive().await);
    let csrf = question.field("csrf");
    let forged = scene.answer(&question, "logout", "AAAA").await;
    assert_eq!(forged.status, 400);
    assert!(scene.alive().await);
    let stay = scene.answer(&question, "stay", &csrf).await;
    assert!(stay.html.contains("Vous restez connecté"), "{}", stay.html);
    assert!(stay.cookies.is_empty() && scene.alive().await);
    let done = scene.answer(&question, "logout", &csrf).await;
    assert!(done.html.contains("Vous êtes déconnecté"), "{}", done.html);
    assert!(gone(&done) && !scene.alive().await);
}

#[tokio::test]
async fn an_expired_hint_is_good() {
    let scene = scene().await;
    scene.harness.clock.advance(Duration::from_mins(20));
    let shown = scene.get(&[("id_token_hint", scene.hint()), ("post_logout_redirect_uri", ADIEU)]).await;
    assert_eq!(shown.location.as_deref(), Some(ADIEU));
    assert!(!scene.alive().await);
}

#[tokio::test]
async fn a_hint_of_a_key_long_gone_is_good() {
    let scene = scene().await;
    let header = from_base64url(scene.hint().split('.').next().unwrap()).unwrap();
    let header: serde_json::Value = serde_json::from_slice(&header).unwrap();
    let kid = header["kid"].as_str().unwrap();
    let provider = &scene.harness.provider;
    let mut days = 0;
    while provider.keyring.published_key(kid).is_some() {
        scene.harness.clock.advance(Duration::from_hours(24));
        provider.sweep_keys().await.unwrap();
        days += 1;
        assert!(days < 1000, "the key is never forgotten");
    }
    let shown = scene.get(&[("id_token_hint", scene.hint()), ("post_logout_redirect_uri", ADIEU)]).await;
    assert_eq!(shown.location.as_deref(), Some(ADIEU), "after {days} days");
}

#[tokio::test]
async fn a_hint_that_is_not_ours_is_none() {
    // LO-02.
    let scene = scene().await;
    let hint = scene.hint();
    let (signed, signature) = hint.rsplit_once('.').unwrap();
    let mut bytes = from_base64url(signature).unwrap();
    bytes[9] ^= 1;
    let altered = format!("{signed}.{}", base64url(bytes));
    let access = scene.signed_in.token("access_token");
    for bad in ["x", "a.b.c", &altered, access, signed] {
        let fields = [("id_token_hint", bad), ("post_logout_redirect_uri", ADIEU), ("client_id", "dmp")];
        let question = scene.get(&fields).await;
        asked(&question);
        assert!(question.html.contains("Service dmp"), "the client says its name");
        assert!(scene.alive().await);
        // Nor does the browser go there once the person has agreed.
        if bad == altered {
            let done = scene.answer(&question, "logout", &question.field("csrf")).await;
            assert_eq!((done.status, done.location), (200, None));
            assert!(done.html.contains("Vous êtes déconnecté"));
            break;
        }
    }
}

#[tokio::test]
async fn a_hint_of_another_session_asks() {
    // LO-03: the same person, in another browser.
    let mut scene = scene().await;
    let elsewhere = scene.service.sign_in(&scene.harness, &mut scene.phone).await;
    let fields = [("id_token_hint", elsewhere.token("id_token")), ("post_logout_redirect_uri", ADIEU)];
    let question = scene.get(&fields).await;
    asked(&question);
    assert!(scene.alive().await);
    let done = scene.answer(&question, "logout", &question.field("csrf")).await;
    assert_eq!(done.location.as_deref(), Some(ADIEU));
    assert!(!scene.alive().await);
}

#[tokio::test]
async fn a_session_whose_cookie_is_gone_ends_by_its_hint() {
    let scene = scene().await;
    let path = format!("/end_session?{}", encoded(&[("id_token_hint", scene.hint())]));
    let shown = shown(&scene.harness, &path, "other=1").await;
    assert!(shown.html.contains("Vous êtes déconnecté"));
    let again = scene.service.refresh(&scene.harness, scene.signed_in.token("refresh_token")).await;
    assert_eq!(again.refusal(), (400, "invalid_grant"));
}

#[tokio::test]
async fn the_client_must_be_that_of_the_hint() {
    // LO-04.
    let scene = scene().await;
    Relier::register(&scene.harness, reliance("autre")).await;
    for client in ["autre", "nobody"] {
        let shown = scene.get(&[("id_token_hint", scene.hint()), ("client_id", client)]).await;
        assert_eq!((shown.status, shown.location.clone()), (400, None));
        assert!(shown.cookies.is_empty() && scene.alive().await);
    }
}

#[tokio::test]
async fn the_browser_goes_nowhere_that_is_not_registered() {
    // LO-05, A-097.
    for uri in [
        "https://dmp.example/adieu?x=1",
        "https://dmp.example/adieu/",
        "https://dmp.example/retour",
        "https://autre.example/adieu",
        "https://evil.example/",
        "javascript:alert(1)",
    ] {
        let scene = scene().await;
        let fields = [("id_token_hint", scene.hint()), ("post_logout_redirect_uri", uri), ("state", "s")];
        let shown = scene.get(&fields).await;
        assert_eq!((shown.status, shown.location.clone()), (200, None), "{uri}");
        assert!(shown.html.contains("post_logout_redirect_uri was not followed"));
        assert!(!shown.html.contains("evil"), "nothing of the request is shown");
        assert!(!scene.alive().await, "the person wanted to leave");
    }
}

#[tokio::test]
async fn every_service_of_the_session_loses_its_tokens() {
    let scene = scene().await;
    let second = Relier::register(&scene.harness, reliance("labo")).await;
    let location = second.silent(&scene.harness, &scene.signed_in.browser()).await;
    let tokens = second.redeem(&scene.harness, &location).await;
    let held = tokens.body["refresh_token"].as_str().unwrap_or_else(|| panic!("{:?}", tokens.body));
    // A code given before the logout and not yet redeemed.
    let pending = second.silent(&scene.harness, &scene.signed_in.browser()).await;
    scene.get(&[("id_token_hint", scene.hint())]).await;
    assert_eq!(second.refresh(&scene.harness, held).await.refusal(), (400, "invalid_grant"));
    assert_eq!(second.redeem(&scene.harness, &pending).await.refusal(), (400, "invalid_grant"));
    let access = tokens.body["access_token"].as_str().unwrap();
    assert_eq!(second.introspect(&scene.harness, access).await["active"], false);
}

#[tokio::test]
async fn nothing_of_the_session_can_be_used_again() {
    // cookie, refresh token, interaction, open approval.
    let mut scene = scene().await;
    scene.harness.clock.advance(Duration::from_secs(1));
    let waiting = scene.service.wait_for_phone(&scene.harness, &scene.signed_in.browser()).await;
    let (id, browser, number) = waiting;
    assert_eq!(scene.phone.pending().await.unwrap().len(), 1);
    let open = browser.interaction.as_ref().unwrap().expose();
    let cookies = format!("{}; __Host-sceau-i-{}={open}", scene.signed_in.cookie(), id.uuid().simple());
    let path = format!("/end_session?{}", encoded(&[("id_token_hint", scene.hint())]));
    assert!(gone(&shown(&scene.harness, &path, &cookies).await));
    assert!(!scene.alive().await);
    let again = scene.service.refresh(&scene.harness, scene.signed_in.token("refresh_token")).await;
    assert_eq!(again.refusal(), (400, "invalid_grant"));
    assert!(scene.phone.pending().await.unwrap().is_empty());
    assert!(scene.phone.approve(None, Some(&number)).await.is_err());
    match scene.harness.provider.resume(id, &browser).await {
        Ok(Turn::Answer(answer)) => {
            let AuthorizationResponse::Redirect(location) = answer.response else { panic!("a form") };
            assert!(location.contains("error=access_denied"), "{location}");
            assert!(answer.session.is_none());
        }
        Ok(Turn::Page { .. }) => panic!("the interaction goes on"),
        Err(error) => assert!(matches!(error, TurnError::Gone)),
    }
    assert_eq!(scene.harness.audited("interaction.abandoned logout").await, 1);
}

#[tokio::test]
async fn somebody_else_s_interaction_is_left_alone() {
    let scene = scene().await;
    let other = sceau::flow::BrowserState::default();
    let (id, browser, _) = scene.service.wait_for_phone(&scene.harness, &other).await;
    let cookies = format!("{}; __Host-sceau-i-{}=guess", scene.signed_in.cookie(), id.uuid().simple());
    let path = format!("/end_session?{}", encoded(&[("id_token_hint", scene.hint())]));
    shown(&scene.harness, &path, &cookies).await;
    assert!(matches!(scene.harness.provider.resume(id, &browser).await, Ok(Turn::Page { .. })));
}

#[tokio::test]
async fn a_ticket_is_ours_and_fresh() {
    let scene = scene().await;
    let question = scene.get(&[]).await;
    let csrf = question.field("csrf");
    let ticket = question.field("ticket");
    for bad in ["", "AAAA", &ticket[1..]] {
        let shown = scene.get(&[("ticket", bad)]).await;
        // An empty parameter counts as none: the person is asked.
        assert_eq!(shown.status, if bad.is_empty() { 200 } else { 400 }, "{bad}");
    }
    scene.harness.clock.advance(Duration::from_mins(15));
    assert_eq!(scene.answer(&question, "logout", &csrf).await.status, 400);
    assert!(scene.alive().await);
}
