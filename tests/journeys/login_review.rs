//! Pushed requests, known browsers and consents, where somebody else or another time comes in between.

use std::time::Duration;

use sceau::flow::{BrowserState, ClientCall, Identified, PresentedCredentials, PresentedProof, Screen, Turn};
use sceau::jose::{Algorithm, Jwk, JwkSet, PrivateKey};
use sceau::oauth::{ClientAuthMethod, NonceClass, Profile, RawParams};
use sceau::phone::Phone;

use super::review::{SERVICE, csrf, from, location, opened, params, registered};
use crate::support::{CAMILLE, HUGO, Harness};

const BROWSER: &str = "192.0.2.44";

async fn identify(
    harness: &Harness,
    (id, browser): &(sceau::base::InteractionId, BrowserState),
    typed: &str,
) -> Identified {
    let token = csrf(&harness.provider.resume(*id, browser).await.unwrap());
    let origin = from(BROWSER);
    harness.provider.identify(*id, browser, (typed, token.as_str()), &origin).await.unwrap()
}

/// Signs in; gives the browser with its session.
async fn signed_in(
    harness: &Harness,
    phone: &mut Phone,
    national_id: &str,
    browser: BrowserState,
) -> BrowserState {
    let at = opened(harness, &params(&[("prompt", "login")]), browser).await;
    assert_eq!(identify(harness, &at, national_id).await, Identified::Accepted);
    let turn = harness.provider.resume(at.0, &at.1).await.unwrap();
    let Turn::Page { screen: Screen::Number { number: Some(number), .. }, .. } = turn else {
        panic!("no number")
    };
    phone.approve(None, Some(number.expose())).await.unwrap();
    let Turn::Answer(answer) = harness.provider.resume(at.0, &at.1).await.unwrap() else {
        panic!("no answer")
    };
    let session = answer.session.map(|started| started.cookie);
    BrowserState { session, known: answer.known, ..BrowserState::default() }
}

#[tokio::test]
async fn a_client_that_must_push_is_not_served_by_a_posted_form() {
    let harness = Harness::new().await;
    let key = PrivateKey::generate(Algorithm::Es256).unwrap();
    registered(&harness, |new| {
        new.profile = Profile::Fapi2;
        new.auth = ClientAuthMethod::PrivateKeyJwt;
        new.jwks = Some(JwkSet {
            keys: vec![Jwk { kid: Some(String::from("k1")), ..Jwk::from(key.public().clone()) }],
        });
    })
    .await;
    let stashed = harness.provider.stash_request(&params(&[]), &from(BROWSER)).await;
    assert_eq!(stashed.unwrap_err().into_oauth().public, "this client must push its requests");
}

#[tokio::test]
async fn a_login_may_last_longer_than_its_pushed_request() {
    let harness = Harness::new().await;
    let mut phone = harness.enrolled("camille", CAMILLE).await;
    registered(&harness, |_| ()).await;
    let kept = harness.provider.stash_request(&params(&[]), &from(BROWSER)).await.unwrap();
    let uri = kept.request_uri.expose();
    let pushed = RawParams::from_pairs(
        [("client_id", SERVICE), ("request_uri", uri.as_str())].map(|(a, b)| (a.to_owned(), b.to_owned())),
    );
    let at = opened(&harness, &pushed, BrowserState::default()).await;
    let twin = opened(&harness, &pushed, BrowserState::default()).await;
    harness.clock.advance(Duration::from_mins(5));
    assert!(harness.provider.begin(&pushed, &BrowserState::default()).await.is_err(), "expired for new ones");
    assert_eq!(identify(&harness, &at, CAMILLE).await, Identified::Accepted);
    let turn = harness.provider.resume(at.0, &at.1).await.unwrap();
    let Turn::Page { screen: Screen::Number { number: Some(number), .. }, .. } = turn else {
        panic!("no number")
    };
    phone.approve(None, Some(number.expose())).await.unwrap();
    assert!(location(harness.provider.resume(at.0, &at.1).await.unwrap()).contains("code="));
    // RFC 9126 7.3: the other interaction of the same request is not answered.
    let token = csrf(&harness.provider.resume(twin.0, &twin.1).await.unwrap());
    harness.provider.cancel(twin.0, &twin.1, &token).await.unwrap();
    assert!(harness.provider.resume(twin.0, &twin.1).await.is_err());
}

#[tokio::test]
async fn a_refused_push_has_one_row() {
    let harness = Harness::new().await;
    let secret = registered(&harness, |_| ()).await.unwrap();
    let credentials = PresentedCredentials::Basic { client_id: SERVICE.to_owned(), secret };
    let (method, path) = (String::from("POST"), String::from("/par"));
    let call = ClientCall {
        params: params(&[("max_age", "soon")]),
        credentials,
        proof: PresentedProof { headers: Vec::new(), method, path, class: NonceClass::AuthorizationServer },
        origin: from(BROWSER),
    };
    assert!(harness.provider.push_request(call).await.is_err());
    assert_eq!(harness.audited("authorization.pushed invalid_request").await, 1);
}

#[tokio::test]
async fn strangers_do_not_take_the_place_of_a_known_browser() {
    let harness = Harness::new().await;
    let mut phone = harness.enrolled("camille", CAMILLE).await;
    registered(&harness, |_| ()).await;
    let known = signed_in(&harness, &mut phone, CAMILLE, BrowserState::default()).await.known;
    assert!(known.is_some());
    for expected in [Identified::Accepted, Identified::Accepted, Identified::Accepted, Identified::TooMany] {
        let stranger = opened(&harness, &params(&[]), BrowserState::default()).await;
        assert_eq!(identify(&harness, &stranger, CAMILLE).await, expected);
    }
    let returning = BrowserState { known: known.clone(), ..BrowserState::default() };
    let at = opened(&harness, &params(&[]), returning.clone()).await;
    assert_eq!(identify(&harness, &at, CAMILLE).await, Identified::Accepted);
    // It is known for Camille and for nobody else.
    for expected in [Identified::Accepted, Identified::Accepted, Identified::Accepted, Identified::TooMany] {
        let at = opened(&harness, &params(&[]), returning.clone()).await;
        assert_eq!(identify(&harness, &at, HUGO).await, expected);
    }
    let text = known.unwrap().expose().to_owned();
    let other = if text.as_bytes()[20] == b'A' { "B" } else { "A" };
    let altered = sceau::base::Secret::new(format!("{}{other}{}", &text[..20], &text[21..]));
    let forged = BrowserState { known: Some(altered), ..BrowserState::default() };
    let at = opened(&harness, &params(&[]), forged).await;
    assert_eq!(identify(&harness, &at, CAMILLE).await, Identified::TooMany);
}

#[tokio::test]
async fn a_shared_workstation_is_known_to_all_who_signed_in_there() {
    let harness = Harness::new().await;
    let mut camille = harness.enrolled("camille", CAMILLE).await;
    let mut hugo = harness.enrolled("hugo", HUGO).await;
    registered(&harness, |_| ()).await;
    let first = signed_in(&harness, &mut camille, CAMILLE, BrowserState::default()).await;
    harness.clock.advance(Duration::from_secs(1));
    let both = signed_in(&harness, &mut hugo, HUGO, first).await.known;
    let shared = BrowserState { known: both, ..BrowserState::default() };
    for typed in [CAMILLE, HUGO] {
        for _ in 0..4 {
            let at = opened(&harness, &params(&[]), shared.clone()).await;
            assert_eq!(identify(&harness, &at, typed).await, Identified::Accepted);
        }
    }
}

#[tokio::test]
async fn a_consent_page_that_named_one_person_does_not_bind_another() {
    let harness = Harness::new().await;
    let mut camille = harness.enrolled("camille", CAMILLE).await;
    let mut hugo = harness.enrolled("hugo", HUGO).await;
    registered(&harness, |_| ()).await;
    let browser = signed_in(&harness, &mut camille, CAMILLE, BrowserState::default()).await;
    let at = opened(&harness, &params(&[("prompt", "consent")]), browser).await;
    let page = harness.provider.resume(at.0, &at.1).await.unwrap();
    assert!(matches!(page, Turn::Page { screen: Screen::Consent { .. }, .. }));
    let token = csrf(&page);
    // In another tab Hugo signs in; Camille's page is still open and its button is pressed.
    let other = signed_in(&harness, &mut hugo, HUGO, BrowserState::default()).await;
    let mixed = BrowserState { session: other.session, ..at.1.clone() };
    harness.provider.consent(at.0, &mixed, (true, token.as_str())).await.unwrap();
    let turn = harness.provider.resume(at.0, &mixed).await.unwrap();
    assert!(matches!(turn, Turn::Page { screen: Screen::Consent { .. }, .. }), "asked again");
    assert_eq!(harness.audited("consent.decided allowed").await, 0);
    // Pressed by Hugo, whose page it is now, it counts; back in Camille's session it does not.
    harness.provider.consent(at.0, &mixed, (true, token.as_str())).await.unwrap();
    let turn = harness.provider.resume(at.0, &at.1).await.unwrap();
    assert!(matches!(turn, Turn::Page { screen: Screen::Consent { .. }, .. }), "Camille has not consented");
    harness.provider.consent(at.0, &at.1, (true, token.as_str())).await.unwrap();
    assert!(location(harness.provider.resume(at.0, &at.1).await.unwrap()).contains("code="));
}
