//! `/authorize`: what is refused on a page, what is told to the client, and what comes back whole
//! (`security.md` 1.1, `attacks.md` 2.1).

use sceau::oauth::{ClientAuthMethod, Profile};

use crate::support::{CAMILLE, Harness, Service, registration};

const NOT_REGISTERED: &str = "redirect_uri not registered";

/// `attacks.md`; AZ-03, AZ-04, AZ-07. The registered one is `https://rp.example/cb`.
#[tokio::test]
async fn an_address_that_is_not_the_registered_one_gets_nothing() {
    let harness = Harness::new().await;
    let mut new = registration("rp", Profile::Oidc, ClientAuthMethod::SecretBasic);
    new.redirect_uris = vec![String::from("https://rp.example/cb")];
    let service = Service::register(&harness, new).await;
    let long = format!("https://rp.example/cb?{}", "x".repeat(8192));
    let variants = [
        "https://rp.example@evil.example/cb",
        "https://rp.example/cb@evil.example",
        "https://evil.example/https://rp.example/cb",
        "https://rp.example.evil.example/cb",
        "https://evilrp.example/cb",
        "https://sub.rp.example/cb",
        "//evil.example/cb",
        "//rp.example/cb",
        "/cb",
        "cb",
        "https://rp.example/cb/../x",
        "https://rp.example/x/../cb",
        "https://rp.example/cb/..;/x",
        "https://rp.example/cb%2f%2e%2e%2fx",
        "https://rp.example/%63b",
        "https://rp.example/cb%252fx",
        "https:\\\\rp.example\\cb",
        "https://rp.example\\@evil.example/cb",
        "https://rp.example/cb\tx",
        "https://rp.example/cb\n",
        "https://rp.example/cb\r\nLocation: https://evil.example/",
        "https://rp.example/cb#f",
        "https://rp.example/cb?x=1",
        "https://rp.example/cb?",
        "https://rp.example/cb?code=x",
        "https://rp.example/cb/",
        "https://rp.example/CB",
        "https://RP.example/cb",
        "HTTPS://rp.example/cb",
        "https://rp.example./cb",
        "https://rp.example:443/cb",
        "https://rp.example:8443/cb",
        "https://[::ffff:192.0.2.1]/cb",
        "https://user@rp.example/cb",
        "https://@rp.example/cb",
        "https://rp\u{2024}example/cb",
        "https://r\u{440}.example/cb",
        "http://rp.example/cb",
        "javascript:alert(1)//https://rp.example/cb",
        "data:text/html,x",
        " https://rp.example/cb",
        "https://rp.example/cb\0",
        &long,
    ];
    for variant in variants {
        // `prompt=none` must not turn the page into a redirect (`attacks.md` A-013).
        for ask in [service.ask(), service.ask().with("prompt", "none")] {
            let mut browser = harness.page_browser();
            let page = browser.get(&ask.with("redirect_uri", variant).url()).await;
            page.assert_page(400, "class=\"detail\"");
            assert!(!page.text.contains("evil"), "{variant} is reflected");
            assert!(browser.cookies.is_empty(), "{variant} opened something");
        }
    }
    assert_eq!(harness.audited("interaction.opened opened").await, 0);
}

/// RFC 8252 7.3: the port of a loopback address is the application's choice; nothing else of it is.
#[tokio::test]
async fn a_native_application_chooses_its_port_and_nothing_else() {
    let harness = Harness::new().await;
    let service = Service::native(&harness, "native").await;
    for good in ["http://127.0.0.1/retour", "http://127.0.0.1:1/retour", "http://127.0.0.1:65535/retour"] {
        harness.page_browser().open(&service.ask().with("redirect_uri", good).url()).await;
    }
    let variants = [
        "http://127.0.0.1:0/retour",
        "http://127.0.0.1:65536/retour",
        "http://127.0.0.1:80a/retour",
        "http://127.0.0.1:/retour",
        "http://127.0.0.1:80@evil.example/retour",
        "http://127.0.0.1.evil.example/retour",
        "http://127.0.0.2/retour",
        "http://localhost/retour",
        "http://[::1]/retour",
        "https://127.0.0.1/retour",
        "http://127.0.0.1/retour/",
        "http://127.0.0.1:4711/autre",
        "com.example.app:/retour",
    ];
    for variant in variants {
        let page = harness.page_browser().get(&service.ask().with("redirect_uri", variant).url()).await;
        page.assert_page(400, NOT_REGISTERED);
    }
}

#[tokio::test]
async fn without_a_client_and_its_address_there_is_nobody_to_answer() {
    let harness = Harness::new().await;
    let service = Service::oidc(&harness, "dossier").await;
    let ask = || service.ask();
    let table = [
        ask().without("client_id"),
        ask().with("client_id", "unknown"),
        ask().with("client_id", "dossier\u{e9}"),
        ask().with("client_id", ""),
        ask().and("client_id", "dossier"),
        ask().without("redirect_uri"),
        ask().and("redirect_uri", service.redirect_uri()),
    ];
    for ask in table {
        let page = harness.page_browser().get(&ask.url()).await;
        page.assert_page(400, "class=\"detail\"");
    }
    for query in ["", "?", "?client_id", "?%zz", "?client_id=%ff", "?=&&=&"] {
        harness.get(&format!("/authorize{query}")).await.assert_page(400, "pas valable");
    }
}

/// RFC 6749 4.1.2.1: everything else is told to the client, with `state` and `iss`.
#[tokio::test]
async fn what_else_is_wrong_is_told_to_the_client() {
    let harness = Harness::new().await;
    let service = Service::oidc(&harness, "dossier").await;
    let ask = || service.ask();
    let many = (0..10_000).map(|one| format!("s{one}")).collect::<Vec<_>>().join(" ");
    let levels = vec!["eidas1"; 500].join(" ");
    let table = [
        (ask().without("response_type"), "invalid_request"),
        (ask().with("response_type", "token"), "unsupported_response_type"),
        (ask().with("response_type", "code token"), "unsupported_response_type"),
        (ask().with("response_mode", "fragment"), "invalid_request"),
        (ask().without("scope"), "invalid_scope"),
        (ask().with("scope", "profile"), "invalid_scope"),
        (ask().with("scope", "openid \u{e9}"), "invalid_scope"),
        (ask().with("scope", &many), "invalid_request"),
        (ask().and("scope", "openid"), "invalid_request"),
        (ask().and("nonce", "again"), "invalid_request"),
        (ask().and("x", "1").and("x", "2"), "invalid_request"),
        (ask().with("code_challenge_method", "plain"), "invalid_request"),
        (ask().with("code_challenge", "short"), "invalid_request"),
        (ask().with("request", "e30.e30."), "request_not_supported"),
        (ask().with("registration", "{}"), "registration_not_supported"),
        (ask().with("resource", "https://api.example"), "invalid_target"),
        (ask().with("prompt", "create"), "invalid_request"),
        (ask().with("max_age", "1e3"), "invalid_request"),
        (ask().with("acr_values", &levels), "invalid_request"),
        (ask().with("nonce", &"n".repeat(513)), "invalid_request"),
        (ask().with("dpop_jkt", "x"), "invalid_request"),
    ];
    for (ask, expected) in table {
        let (answer, rows) =
            harness.audited_during(async { harness.page_browser().answered(&ask.url()).await }).await;
        assert_eq!(answer.error(), expected, "{}", ask.url());
        assert_eq!(answer.address, service.redirect_uri());
        assert_eq!((answer.get("iss"), answer.get("state")), ("https://sceau.example", "état=1&2"));
        assert_eq!(rows, [format!("authorization.request {expected}")]);
    }
    let two = ask().and("state", "other");
    let answer = harness.page_browser().answered(&two.url()).await;
    assert_eq!((answer.error(), answer.params.contains_key("state")), ("invalid_request", false));
}

/// AZ-11, AZ-12, AZ-13, AZ-14.
#[tokio::test]
async fn state_and_nonce_come_back_whole_or_not_at_all() {
    let harness = Harness::new().await;
    let service = Service::oidc(&harness, "dossier").await;
    let mut phone = harness.enrolled("camille", CAMILLE).await;
    let mut browser = harness.page_browser();
    browser.sign_in(&service.ask().url(), &mut phone, CAMILLE).await.code();
    let state = format!("{}&=+%20#é€\u{1f512}", "s".repeat(2048));
    let nonce = "n".repeat(512);
    let ask = service.ask().with("state", &state).with("nonce", &nonce).with("foo", "bar");
    let answer = browser.answered(&ask.url()).await;
    assert_eq!(answer.get("state"), state);
    let claims = service.verified(&service.redeem(answer.code()).await.text_of("id_token")).await;
    assert_eq!(claims["nonce"], nonce);
    let bare = service.ask().without("state").without("nonce");
    let answer = browser.answered(&bare.url()).await;
    assert_eq!(answer.params.keys().collect::<Vec<_>>(), ["code", "iss"]);
    let claims = service.verified(&service.redeem(answer.code()).await.text_of("id_token")).await;
    assert_eq!(claims.get("nonce"), None);
}

/// AZ-06, AZ-21, AZ-26 and design decision 19.
#[tokio::test]
async fn a_request_by_post_comes_back_by_get_with_nothing_personal_in_the_address() {
    let harness = Harness::new().await;
    let service = Service::oidc(&harness, "dossier").await;
    let mut browser = harness.page_browser();
    let ask = service.ask().with("login_hint", CAMILLE);
    let posted = browser.post("/authorize", &ask.pairs()).await;
    assert_eq!((posted.status, posted.text.as_str()), (303, ""));
    let location = posted.header("location");
    assert!(location.starts_with("/authorize?client_id=dossier&request_uri=urn"), "{location}");
    assert!(!location.contains(CAMILLE));
    let tab = browser.open(location).await;
    browser.get(&tab).await.assert_page(200, "Service dossier");
    for bad in [service.ask().without("client_id"), service.ask().with("client_id", "unknown")] {
        browser.post("/authorize", &bad.pairs()).await.assert_page(400, "pas valable");
    }
    let wrong = service.ask().with("redirect_uri", "https://evil.example/");
    let posted = browser.post("/authorize", &wrong.pairs()).await;
    browser.get(posted.header("location")).await.assert_page(400, NOT_REGISTERED);
}
