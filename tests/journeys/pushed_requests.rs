//! Pushed authorization requests (RFC 9126) from the service's push to the browser's answer.

use std::time::Duration;

use serde_json::json;

use crate::support::{Ask, CAMILLE, DpopKey, Harness, Received, Service, wire_url};

const REFUSED: &str = "request_uri is unknown or expired";

#[tokio::test]
async fn a_push_is_answered_with_a_reference_and_its_life() {
    let harness = Harness::new().await;
    let service = Service::fapi2(&harness, "fapi").await;
    let (answer, rows) = harness
        .audited_during(harness.exchange(service.authenticated("/par", &service.ask().pairs(), None)))
        .await;
    assert_eq!(answer.status, 201);
    assert_eq!(answer.json()["expires_in"], 90);
    assert_eq!(answer.header("cache-control"), "no-store");
    let uri = answer.text_of("request_uri");
    assert_eq!(uri.strip_prefix("urn:ietf:params:oauth:request_uri:").unwrap().len(), 43);
    assert_eq!(rows, ["authorization.pushed pushed"]);
}

/// `attacks.md` A-027: a link checker or a preview opens the address first.
#[tokio::test]
async fn who_looks_first_takes_nothing_from_who_signs_in() {
    let harness = Harness::new().await;
    let mut phone = harness.enrolled("camille", CAMILLE).await;
    let service = Service::fapi2(&harness, "fapi").await;
    let url = service.pushed(&service.ask()).await;
    let mut bot = harness.page_browser();
    let its_tab = bot.open(&url).await;
    let mut browser = harness.page_browser();
    let answer = browser.sign_in(&url, &mut phone, CAMILLE).await;
    service.redeem(answer.code()).await;
    // The other interaction of the same request ends on a page.
    let (page, rows) = harness.audited_during(async { bot.submit(&its_tab, "cancel", &[]).await }).await;
    page.assert_page(400, REFUSED);
    assert_eq!(rows, ["authorization.request request_uri_used"]);
    assert_eq!(bot.session(), "");
}

/// A person who takes their time has opened the address in time (RFC 9126 4).
#[tokio::test]
async fn the_life_of_a_reference_ends_where_the_login_begins() {
    let harness = Harness::new().await;
    let mut phone = harness.enrolled("camille", CAMILLE).await;
    let service = Service::fapi2(&harness, "fapi").await;
    let mut browser = harness.page_browser();
    let tab = browser.open(&service.pushed(&service.ask()).await).await;
    harness.clock.advance(Duration::from_secs(100));
    browser.identify(&tab, CAMILLE).await;
    harness.clock.advance(Duration::from_secs(100));
    browser.get(&tab).await.assert_page(200, "Le délai est passé");
    let number = browser.identify(&tab, CAMILLE).await;
    harness.clock.advance(Duration::from_mins(1));
    phone.approve(None, Some(&number)).await.unwrap();
    service.redeem(browser.finish(&tab).await.code()).await;
}

/// `attacks.md` A-025: whatever is wrong with a reference looks the same.
#[tokio::test]
async fn references_that_are_not_good_look_alike() {
    let harness = Harness::new().await;
    let mut phone = harness.enrolled("camille", CAMILLE).await;
    let service = Service::fapi2(&harness, "fapi").await;
    let other = Service::fapi2(&harness, "other").await;
    let mut browser = harness.page_browser();
    let used = service.pushed(&service.ask()).await;
    browser.sign_in(&used, &mut phone, CAMILLE).await.code();
    let refused = service.pushed(&service.ask().with("prompt", "login")).await;
    harness.clock.advance(Duration::from_secs(1));
    let tab = browser.open(&refused).await;
    browser.submit(&tab, "cancel", &[]).await.to_client();
    let expired = service.pushed(&service.ask()).await;
    harness.clock.advance(Duration::from_secs(90));
    let foreign = other.pushed(&other.ask()).await.replace("client_id=other", "client_id=fapi");
    let good = service.pushed(&service.ask()).await;
    let last = if good.ends_with('A') { 'B' } else { 'A' };
    let altered = format!("{}{last}", &good[..good.len() - 1]);
    let elsewhere = wire_url("fapi", "https://evil.example/request.jwt");
    let malformed = wire_url("fapi", "urn:ietf:params:oauth:request_uri:x");
    let mut bodies = Vec::new();
    for url in [&used, &refused, &expired, &foreign, &altered, &elsewhere, &malformed] {
        let (page, rows) = harness.audited_during(browser.get(url)).await;
        page.assert_page(400, REFUSED);
        assert_eq!(rows, ["authorization.request request_uri_unknown"]);
        bodies.push((page.text, page.headers.len()));
    }
    bodies.dedup();
    assert_eq!(bodies.len(), 1);
    browser.answered(&good).await.code();
}

/// RFC 9126 4, RFC 9101 6.3: beside a reference nothing else counts.
#[tokio::test]
async fn what_stands_beside_the_reference_has_no_effect() {
    let harness = Harness::new().await;
    let mut phone = harness.enrolled("camille", CAMILLE).await;
    let service = Service::fapi2(&harness, "fapi").await;
    let url = service.pushed(&service.ask()).await;
    let beside =
        "&scope=openid+rpps&redirect_uri=https%3A%2F%2Fevil.example%2F&state=evil&response_mode=form_post";
    let mut browser = harness.page_browser();
    let answer = browser.sign_in(&format!("{url}{beside}"), &mut phone, CAMILLE).await;
    assert_eq!((answer.address.as_str(), answer.get("state")), (service.redirect_uri(), "état=1&2"));
    assert_eq!(service.redeem(answer.code()).await.text_of("scope"), "openid");
}

/// `security.md` AZ-02 (FAPI 2.0 5.3.2.2), by GET and by POST.
#[tokio::test]
async fn a_client_that_must_push_is_not_served_otherwise() {
    let harness = Harness::new().await;
    let service = Service::fapi2(&harness, "fapi").await;
    let mut browser = harness.page_browser();
    browser.get(&service.ask().url()).await.assert_page(400, "this client must push its requests");
    let posted = browser.post("/authorize", &service.ask().pairs()).await;
    posted.assert_page(400, "this client must push its requests");
    assert_eq!(browser.cookies.len(), 0);
    let url = service.pushed(&service.ask()).await;
    let fields = url.split_once('?').unwrap().1;
    let fields = sceau::oauth::RawParams::parse(fields.as_bytes()).unwrap();
    let posted = browser.post("/authorize", &fields.iter().collect::<Vec<_>>()).await;
    assert_eq!((posted.status, posted.header("location")), (303, url.as_str()));
}

#[tokio::test]
async fn what_cannot_be_pushed_is_refused_to_the_service() {
    let harness = Harness::new().await;
    let service = Service::fapi2(&harness, "fapi").await;
    let ask = || service.ask();
    let table = [
        (ask().without("redirect_uri"), "invalid_request"),
        (ask().with("redirect_uri", "https://evil.example/"), "invalid_request"),
        (ask().without("code_challenge"), "invalid_request"),
        (ask().with("code_challenge_method", "plain"), "invalid_request"),
        (ask().without("code_challenge_method"), "invalid_request"),
        (ask().without("code_challenge").without("code_challenge_method"), "invalid_request"),
        (ask().without("response_type"), "invalid_request"),
        (ask().with("response_type", "token"), "unsupported_response_type"),
        (ask().with("response_type", "code id_token"), "unsupported_response_type"),
        (ask().with("response_type", "none"), "unsupported_response_type"),
        (ask().with("scope", "profile"), "invalid_scope"),
        (ask().with("request_uri", "urn:ietf:params:oauth:request_uri:x"), "invalid_request"),
        (ask().with("request", "e30.e30."), "request_not_supported"),
        (ask().with("resource", "https://api.example"), "invalid_target"),
        (ask().and("scope", "openid"), "invalid_request"),
        (ask().with("state", &"x".repeat(4097)), "invalid_request"),
        (ask().with("dpop_jkt", "short"), "invalid_request"),
        (ask().with("prompt", "none login"), "invalid_request"),
    ];
    for (ask, expected) in table {
        let refused = harness.exchange(service.authenticated("/par", &ask.pairs(), None)).await;
        assert_eq!(refused.error(), (400, expected.to_owned()), "{}", ask.url());
        assert_eq!(refused.header("cache-control"), "no-store");
    }
    assert_eq!(harness.audited("authorization.pushed pushed").await, 0);
}

/// RFC 9449 10.1, `security.md` PAR-12: the proof beside a push binds the code to its key.
#[tokio::test]
async fn a_proof_beside_the_push_binds_the_code() {
    let harness = Harness::new().await;
    let mut phone = harness.enrolled("camille", CAMILLE).await;
    let service = Service::psc(&harness, "psc").await;
    let (key, other) = (DpopKey::generate(), DpopKey::generate());
    let asked = push_with(&harness, &service, &service.ask(), (&key, None)).await;
    assert_eq!(asked.error(), (400, String::from("use_dpop_nonce")));
    let nonce = asked.header("dpop-nonce").to_owned();
    for thief in [true, false] {
        let pushed = push_with(&harness, &service, &service.ask(), (&key, Some(&nonce))).await;
        assert_eq!(pushed.status, 201, "{}", pushed.text);
        assert_ne!(pushed.header("dpop-nonce"), "");
        let url = wire_url(service.id(), &pushed.text_of("request_uri"));
        let mut browser = harness.page_browser();
        let answer = browser.sign_in(&url, &mut phone, CAMILLE).await;
        let presenter = if thief { &other } else { &key };
        let redeemed = service.token_with(presenter, &service.redemption(answer.code())).await;
        assert_eq!(redeemed.status, if thief { 400 } else { 200 }, "{}", redeemed.text);
    }
}

#[tokio::test]
async fn a_push_is_not_kept_with_a_bad_proof() {
    let harness = Harness::new().await;
    let service = Service::psc(&harness, "psc").await;
    let (key, other) = (DpopKey::generate(), DpopKey::generate());
    let asked = push_with(&harness, &service, &service.ask(), (&key, None)).await;
    let nonce = asked.header("dpop-nonce").to_owned();
    let named = service.ask().with("dpop_jkt", &other.thumbprint());
    let refused = push_with(&harness, &service, &named, (&key, Some(&nonce))).await;
    assert_eq!(refused.error(), (400, String::from("invalid_dpop_proof")));
    // One proof, one push; and not a proof made for another endpoint.
    let mut draft = key.draft(&harness, "POST", "/par");
    draft.claims["nonce"] = json!(nonce);
    let once = key.sign(&draft);
    let elsewhere = key.for_token(&harness, Some(&nonce));
    for (proof, status) in [(&once, 201), (&once, 400), (&elsewhere, 400)] {
        let pairs = service.ask();
        let answer = harness.exchange(service.authenticated("/par", &pairs.pairs(), Some(proof))).await;
        assert_eq!(answer.status, status, "{}", answer.text);
    }
    assert_eq!(harness.audited("authorization.pushed pushed").await, 1);
    assert_eq!(harness.audited("authorization.pushed invalid_dpop_proof").await, 1);
}

async fn push_with(
    harness: &Harness,
    service: &Service<'_>,
    ask: &Ask,
    (key, nonce): (&DpopKey, Option<&str>),
) -> Received {
    let mut draft = key.draft(harness, "POST", "/par");
    if let Some(nonce) = nonce {
        draft.claims["nonce"] = json!(nonce);
    }
    let proof = key.sign(&draft);
    harness.exchange(service.authenticated("/par", &ask.pairs(), Some(&proof))).await
}
