//! `/userinfo` and what is no access token there (`security.md` UI-01, UI-02, AT-02, AT-04; `attacks.md` A-091, A-093).

use http::{HeaderValue, Method};
use serde_json::json;

use crate::support::{CAMILLE, DpopKey, Harness, Received, Service, bare, form};

async fn tokens(harness: &Harness, service: &Service<'_>) -> Received {
    let mut phone = harness.enrolled("camille", CAMILLE).await;
    let answer = harness.page_browser().sign_in(&service.ask().url(), &mut phone, CAMILLE).await;
    service.redeem(answer.code()).await
}

fn assert_unauthorised(refused: &Received, scheme: &str) {
    assert_eq!(refused.error(), (401, String::from("invalid_token")), "{}", refused.text);
    let challenge = refused.header("www-authenticate");
    assert!(challenge.starts_with(scheme), "{challenge}");
    assert_eq!(refused.header("cache-control"), "no-store");
}

#[tokio::test]
async fn what_is_no_access_token_is_refused() {
    let harness = Harness::new().await;
    let service = Service::psc(&harness, "dossier").await;
    let answer = tokens(&harness, &service).await;
    let access = answer.text_of("access_token");
    let parts: Vec<&str> = access.split('.').collect();
    let stripped = format!("{}.{}.", parts[0], parts[1]);
    let none = sceau::base::base64url(br#"{"alg":"none","typ":"at+jwt"}"#);
    let unsigned = format!("{none}.{}.", parts[1]);
    let table = [
        answer.text_of("id_token"),
        answer.text_of("refresh_token"),
        access[..access.len() - 1].to_owned(),
        format!("{access}A"),
        stripped,
        unsigned,
        access.to_lowercase(),
        String::from("x"),
        "x".repeat(4096),
    ];
    for token in &table {
        assert_unauthorised(&harness.userinfo(&format!("Bearer {token}"), None).await, "Bearer ");
    }
    // RFC 9449 7.2: an unbound token is no DPoP token.
    let key = DpopKey::generate();
    let proof = key.for_userinfo(&harness, &access, None);
    assert_unauthorised(&harness.userinfo(&format!("DPoP {access}"), Some(&proof)).await, "DPoP ");
    assert_eq!(harness.userinfo(&format!("bearer {access}"), None).await.status, 200);
}

#[tokio::test]
async fn the_token_comes_in_the_header_or_in_a_form_and_once() {
    let harness = Harness::new().await;
    let service = Service::psc(&harness, "dossier").await;
    let access = tokens(&harness, &service).await.text_of("access_token");
    let header = format!("Bearer {access}");
    let by_query = bare(&Method::GET, &format!("/userinfo?access_token={access}"), &[]);
    let refused = harness.exchange(by_query).await;
    assert_eq!(refused.status, 401);
    assert!(refused.header("www-authenticate").starts_with("Bearer"));
    let by_query = form(&format!("/userinfo?access_token={access}"), &[], &[]);
    assert_eq!(harness.exchange(by_query).await.status, 401);
    let nothing = harness.exchange(bare(&Method::GET, "/userinfo", &[])).await;
    assert_eq!(nothing.status, 401);
    let in_form = harness.exchange(form("/userinfo", &[], &[("access_token", &access)])).await;
    assert_eq!(in_form.status, 200, "{}", in_form.text);
    let in_header = harness.exchange(form("/userinfo", &[("authorization", &header)], &[])).await;
    assert_eq!(in_header.text, in_form.text);
    let both = form("/userinfo", &[("authorization", &header)], &[("access_token", &access)]);
    assert_eq!(harness.exchange(both).await.error(), (400, String::from("invalid_request")));
    let mut twice = bare(&Method::GET, "/userinfo", &[("authorization", &header)]);
    twice.headers_mut().append("authorization", HeaderValue::try_from(&header).unwrap());
    assert_eq!(harness.exchange(twice).await.error(), (400, String::from("invalid_request")));
    for malformed in ["Bearer", "Bearer ", "Basic eDp4", &access, "Bearer a b", "Bearer \u{e9}"] {
        let refused =
            harness.exchange(bare(&Method::GET, "/userinfo", &[("authorization", malformed)])).await;
        assert!([400, 401].contains(&refused.status), "{malformed}: {}", refused.text);
        assert!(!refused.text.contains(CAMILLE));
    }
}

/// A sector claim that names nobody else: two services, one person, two subjects, never the other's claims.
#[tokio::test]
async fn a_service_is_told_what_it_asked_for() {
    let harness = Harness::new().await;
    let narrow = Service::oidc(&harness, "narrow").await;
    let access = tokens(&harness, &narrow).await.text_of("access_token");
    let told = narrow.userinfo(&access).await.json();
    let members: Vec<&String> = told.as_object().unwrap().keys().collect();
    assert_eq!(members, ["sub"]);
    let wide = Service::psc(&harness, "wide").await;
    harness.clock.advance(std::time::Duration::from_secs(61));
    let mut phone = harness.reopened("camille", harness.transport());
    let answer = harness.page_browser().sign_in(&wide.ask().url(), &mut phone, CAMILLE).await;
    let access = wide.redeem(answer.code()).await.text_of("access_token");
    let everything = wide.userinfo(&access).await.json();
    assert_eq!(everything["SubjectNameID"], json!(CAMILLE));
    assert_ne!(everything["sub"], told["sub"]);
}
