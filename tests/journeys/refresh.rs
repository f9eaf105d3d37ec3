//! Refresh tokens of each kind of client (RFC 6749 6, RFC 9700 4.14, RFC 9449 5).

use std::time::Duration;

use serde_json::json;

use crate::support::{CAMILLE, DpopKey, Harness, PageBrowser, Received, Service};

/// Tokens of a person who signed in; `scope` as asked.
pub(super) async fn tokens(harness: &Harness, service: &Service<'_>, scope: &str) -> Received {
    let mut phone = harness.enrolled("camille", CAMILLE).await;
    let mut browser = harness.page_browser();
    let url = service.ask().with("scope", scope).url();
    let answer = sign_in(&mut browser, service, &url, &mut phone).await;
    service.redeem(&answer).await
}

async fn sign_in(
    browser: &mut PageBrowser,
    service: &Service<'_>,
    url: &str,
    phone: &mut sceau::phone::Phone,
) -> String {
    if service.client.is_public() {
        browser.sign_in_and_allow(url, phone, CAMILLE).await.code().to_owned()
    } else {
        browser.sign_in(url, phone, CAMILLE).await.code().to_owned()
    }
}

#[tokio::test]
async fn who_gets_a_refresh_token() {
    let harness = Harness::new().await;
    let oidc = Service::oidc(&harness, "oidc").await;
    let (psc, native) = (Service::psc(&harness, "psc").await, Service::native(&harness, "native").await);
    let mut phone = harness.enrolled("camille", CAMILLE).await;
    let table = [
        (&psc, "openid", true),
        (&oidc, "openid", false),
        (&oidc, "openid offline_access", true),
        (&native, "openid", false),
        (&native, "openid offline_access", true),
    ];
    for (service, scope, given) in table {
        let mut browser = harness.page_browser();
        let url = service.ask().with("scope", scope).url();
        let code = sign_in(&mut browser, service, &url, &mut phone).await;
        let answer = service.redeem(&code).await.json();
        assert_eq!(answer.get("refresh_token").is_some(), given, "{} {scope}", service.id());
        harness.clock.advance(Duration::from_secs(61));
    }
}

#[tokio::test]
async fn a_confidential_client_keeps_its_token() {
    let harness = Harness::new().await;
    let service = Service::psc(&harness, "dossier").await;
    let first = tokens(&harness, &service, "openid scope_all").await;
    let refresh = first.text_of("refresh_token");
    let claims = service.verified(&first.text_of("id_token")).await;
    for _ in 0..3 {
        harness.clock.advance(Duration::from_mins(20));
        let again = service.refresh(&refresh).await;
        assert_eq!((again.status, again.text_of("refresh_token")), (200, refresh.clone()));
        assert_ne!(again.text_of("access_token"), first.text_of("access_token"));
        assert_eq!(again.json()["scope"], "openid scope_all");
        assert_eq!(service.userinfo(&again.text_of("access_token")).await.status, 200);
        // OpenID Connect Core 12.2
        let said = service.verified(&again.text_of("id_token")).await;
        for name in ["iss", "sub", "aud", "auth_time", "sid", "acr"] {
            assert_eq!(said[name], claims[name], "{name}");
        }
        assert_eq!(said.get("nonce"), None);
        assert_eq!(said["iat"], json!(harness.provider.now().secs()));
    }
    assert_eq!(harness.audited("tokens.refreshed refreshed").await, 3);
}

#[tokio::test]
async fn a_native_application_gets_a_new_token_each_time() {
    let harness = Harness::new().await;
    let service = Service::native(&harness, "native").await;
    let mut current = tokens(&harness, &service, "openid offline_access").await.text_of("refresh_token");
    for _ in 0..3 {
        let answer = service.refresh(&current).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert_eq!(service.userinfo(&answer.text_of("access_token")).await.status, 200);
        let next = answer.text_of("refresh_token");
        assert_ne!(next, current);
        current = next;
    }
}

/// `security.md` RT-03: the answer was lost on the way.
#[tokio::test]
async fn a_lost_answer_is_given_again() {
    let harness = Harness::new().await;
    let service = Service::native(&harness, "native").await;
    let first = tokens(&harness, &service, "openid offline_access").await.text_of("refresh_token");
    let lost = service.refresh(&first).await;
    harness.clock.advance(Duration::from_mins(5));
    let again = service.refresh(&first).await;
    assert_eq!((again.status, again.text_of("refresh_token")), (200, lost.text_of("refresh_token")));
    assert_ne!(again.text_of("access_token"), lost.text_of("access_token"));
    let next = service.refresh(&again.text_of("refresh_token")).await;
    assert_ne!(next.text_of("refresh_token"), lost.text_of("refresh_token"));
    assert_eq!(harness.audited("tokens.refreshed repeated").await, 1);
}

/// `security.md` RT-01: a thief or the owner holds a copy; nobody can say which.
#[tokio::test]
async fn a_token_older_than_the_previous_ends_everything() {
    let harness = Harness::new().await;
    let service = Service::native(&harness, "native").await;
    let first = tokens(&harness, &service, "openid offline_access").await;
    let stolen = first.text_of("refresh_token");
    let second = service.refresh(&stolen).await.text_of("refresh_token");
    let third = service.refresh(&second).await;
    let current = third.text_of("refresh_token");
    let (refused, rows) = harness.audited_during(service.refresh(&stolen)).await;
    assert_eq!(refused.error(), (400, String::from("invalid_grant")));
    assert_eq!(rows, ["tokens.replay refresh_token_reused"]);
    for token in [&second, &current] {
        assert_eq!(service.refresh(token).await.error().1, "invalid_grant");
    }
    for tokens in [&first, &third] {
        let dead = service.userinfo(&tokens.text_of("access_token")).await;
        assert_eq!(dead.error(), (401, String::from("invalid_token")));
    }
}

#[tokio::test]
async fn another_key_gets_nothing_and_ends_nothing() {
    let harness = Harness::new().await;
    let service = Service::native(&harness, "native").await;
    let token = tokens(&harness, &service, "openid offline_access").await.text_of("refresh_token");
    let fields = [("grant_type", "refresh_token"), ("refresh_token", token.as_str())];
    let (refused, rows) = harness.audited_during(service.token_with(&DpopKey::generate(), &fields)).await;
    assert_eq!(refused.error(), (400, String::from("invalid_grant")));
    assert_eq!(rows, ["tokens.refreshed wrong_key"]);
    let without = harness.exchange(service.authenticated("/token", &fields, None)).await;
    assert_eq!(without.error(), (400, String::from("invalid_dpop_proof")));
    assert_eq!(service.refresh(&token).await.status, 200);
}

/// RFC 9449 5: a confidential client is held by its authentication; its key may change.
#[tokio::test]
async fn a_confidential_client_may_change_its_key() {
    let harness = Harness::new().await;
    let mut service = Service::fapi2(&harness, "fapi").await;
    let mut phone = harness.enrolled("camille", CAMILLE).await;
    let url = service.pushed(&service.ask().with("scope", "openid offline_access")).await;
    let answer = harness.page_browser().sign_in(&url, &mut phone, CAMILLE).await;
    let tokens = service.redeem(answer.code()).await;
    service.dpop = Some(DpopKey::generate());
    let again = service.refresh(&tokens.text_of("refresh_token")).await;
    assert_eq!((again.status, again.text_of("refresh_token")), (200, tokens.text_of("refresh_token")));
    assert_eq!(service.userinfo(&again.text_of("access_token")).await.status, 200);
    assert_eq!(service.userinfo(&tokens.text_of("access_token")).await.status, 401, "another key's token");
}

#[tokio::test]
async fn a_scope_can_be_narrowed_and_never_grows() {
    let harness = Harness::new().await;
    let service = Service::oidc(&harness, "dossier").await;
    let token = tokens(&harness, &service, "openid profile offline_access").await.text_of("refresh_token");
    let with = |scope: &'static str| {
        [("grant_type", "refresh_token"), ("refresh_token", token.as_str()), ("scope", scope)]
    };
    let narrow = service.token(&with("openid")).await;
    assert_eq!(narrow.json()["scope"], "openid");
    let userinfo = service.userinfo(&narrow.text_of("access_token")).await.json();
    assert_eq!(userinfo.as_object().unwrap().len(), 1, "{userinfo}");
    for wider in ["openid rpps", "openid profile offline_access scope_all", "unknown"] {
        assert_eq!(
            service.token(&with(wider)).await.error(),
            (400, String::from("invalid_scope")),
            "{wider}"
        );
    }
    // RFC 6749 6: what was narrowed once is whole again when nothing is said.
    let whole = service.refresh(&token).await;
    assert_eq!(whole.json()["scope"], "offline_access openid profile");
}

#[tokio::test]
async fn a_token_is_worth_nothing_to_another_client_or_when_altered() {
    let harness = Harness::new().await;
    let (service, other) = (Service::psc(&harness, "dossier").await, Service::psc(&harness, "other").await);
    let token = tokens(&harness, &service, "openid").await.text_of("refresh_token");
    let (refused, rows) = harness.audited_during(other.refresh(&token)).await;
    assert_eq!(refused.error(), (400, String::from("invalid_grant")));
    assert_eq!(rows, ["tokens.refreshed family_unknown"]);
    let end = if token.ends_with('A') { "E" } else { "A" };
    let altered = format!("{}{end}", &token[..token.len() - 1]);
    let (refused, rows) = harness.audited_during(service.refresh(&altered)).await;
    assert_eq!(refused.error(), (400, String::from("invalid_grant")));
    assert_eq!(rows, ["tokens.refreshed token_unknown"]);
    for garbage in ["x", "", &token[..40], &format!("{token}A")] {
        let refused = service.refresh(garbage).await;
        assert_eq!(refused.status, 400, "{garbage}: {}", refused.text);
    }
    assert_eq!(service.refresh(&token).await.status, 200);
}
