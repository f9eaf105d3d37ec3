//! `/token`: its form, and what its refusals look like (`security.md` TK-06, TK-07, TK-09, TK-10; `attacks.md` A-045).

use axum::body::Body;
use http::{Method, Request};

use crate::support::{Harness, Received, Service, bare, encoded, form};

/// RFC 6749 5.1, 5.2: JSON that nobody keeps, in legal characters, without what was sent.
fn assert_refusal(refused: &Received, status: u16, code: &str) {
    assert_eq!(refused.error(), (status, code.to_owned()), "{}", refused.text);
    assert_eq!(refused.header("content-type"), "application/json");
    assert_eq!((refused.header("cache-control"), refused.header("pragma")), ("no-store", "no-cache"));
    let told = refused.text_of("error_description");
    let legal = |b: u8| matches!(b, 0x20..=0x21 | 0x23..=0x5b | 0x5d..=0x7e);
    assert!(!told.is_empty() && told.bytes().all(legal), "{told}");
    assert_eq!(refused.json().as_object().unwrap().len(), 2);
    assert!(!refused.text.contains("reflected"), "{}", refused.text);
}

#[tokio::test]
async fn what_is_no_token_request_is_refused() {
    let harness = Harness::new().await;
    let service = Service::oidc(&harness, "dossier").await;
    let code = [("grant_type", "authorization_code"), ("code", "reflected-code")];
    let table: [(&[(&str, &str)], &str); 15] = [
        (&[], "invalid_request"),
        (&[("grant_type", "")], "invalid_request"),
        (
            &[("grant_type", "password"), ("username", "reflected"), ("password", "x")],
            "unsupported_grant_type",
        ),
        (&[("grant_type", "implicit")], "unsupported_grant_type"),
        (&[("grant_type", "reflected\"\\\n")], "unsupported_grant_type"),
        (&[("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer")], "unsupported_grant_type"),
        (&[("grant_type", "authorization_code")], "invalid_request"),
        (&[("grant_type", "authorization_code"), ("code", "")], "invalid_request"),
        (&[code[0], code[1], ("code", "other")], "invalid_request"),
        (&[code[0], code[1], ("x", "1"), ("x", "2")], "invalid_request"),
        (&[code[0], code[1], ("resource", "https://reflected.example")], "invalid_target"),
        (&[("grant_type", "refresh_token")], "invalid_request"),
        (&[("grant_type", "refresh_token"), ("refresh_token", "x"), ("scope", "\u{e9}")], "invalid_scope"),
        (&[("grant_type", "client_credentials")], "unauthorized_client"),
        (&code, "invalid_grant"),
    ];
    for (fields, expected) in table {
        assert_refusal(&service.token(fields).await, 400, expected);
    }
    assert_eq!(harness.audited("client.authentication grant_not_registered").await, 1);
    assert_eq!(harness.audited("tokens.replay code_unknown").await, 1);
}

/// TK-10, A-045.
#[tokio::test]
async fn only_a_form_is_read() {
    let harness = Harness::new().await;
    let service = Service::oidc(&harness, "dossier").await;
    let body = encoded(&service.redemption("code"));
    let kinds = [
        "application/json",
        "multipart/form-data; boundary=x",
        "text/plain",
        "application/x-www-form-urlencoded; charset=utf-16",
        "application/x-www-form-urlencoded; charset",
        "application/x-www-form-urlencodedx",
        "",
    ];
    for kind in kinds {
        let request = form("/token", &[("authorization", &service.basic()), ("content-type", kind)], &[]);
        let (parts, _) = request.into_parts();
        let request = Request::from_parts(parts, Body::from(body.clone()));
        assert_refusal(&harness.exchange(request).await, 400, "invalid_request");
    }
    let mut without = form("/token", &[("authorization", &service.basic())], &[]);
    without.headers_mut().remove("content-type");
    assert_refusal(&harness.exchange(without).await, 400, "invalid_request");
    for kind in ["application/x-www-form-urlencoded; charset=UTF-8", "Application/X-WWW-Form-Urlencoded"] {
        let headers = [("authorization", service.basic()), ("content-type", kind.to_owned())];
        let headers: Vec<(&str, &str)> =
            headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let answer = harness.exchange(form("/token", &headers, &service.redemption("code"))).await;
        assert_refusal(&answer, 400, "invalid_grant");
    }
}

#[tokio::test]
async fn a_body_that_is_no_form_is_refused() {
    let harness = Harness::new().await;
    let service = Service::oidc(&harness, "dossier").await;
    let bodies: [&[u8]; 5] =
        [b"grant_type=%zz", b"grant_type=%ff", b"\xff\xfe", b"\x1f\x8b\x08\x00", b"{\"a\":1}"];
    for body in bodies {
        let (parts, _) = form("/token", &[("authorization", &service.basic())], &[]).into_parts();
        let refused = harness.exchange(Request::from_parts(parts, Body::from(body.to_vec()))).await;
        assert_refusal(&refused, 400, "invalid_request");
    }
}

#[tokio::test]
async fn what_the_query_says_counts_for_nothing() {
    let harness = Harness::new().await;
    let service = Service::psc(&harness, "dossier").await;
    let secret = service.secret.clone().unwrap();
    let query = encoded(&[("client_id", "dossier"), ("client_secret", &secret)]);
    let request = form(&format!("/token?{query}"), &[], &service.redemption("code"));
    assert_refusal(&harness.exchange(request).await, 401, "invalid_client");
}

#[tokio::test]
async fn only_post_is_answered() {
    let harness = Harness::new().await;
    for path in ["/token", "/par"] {
        for method in [Method::GET, Method::PUT, Method::DELETE, Method::PATCH, Method::TRACE, Method::HEAD] {
            let overriding = [("x-http-method-override", "POST"), ("x-method-override", "POST")];
            let refused = harness.exchange(bare(&method, path, &overriding)).await;
            assert_eq!((refused.status, refused.header("allow")), (405, "POST"), "{method} {path}");
        }
    }
    let deleted = form("/authorize", &[("x-http-method-override", "DELETE")], &[]);
    assert_eq!(harness.exchange(deleted).await.status, 400);
    for (path, method) in
        [("/jwks", Method::POST), ("/authorize", Method::PUT), ("/userinfo", Method::DELETE)]
    {
        assert_eq!(harness.exchange(bare(&method, path, &[])).await.status, 405, "{method} {path}");
    }
}

/// PAR-07, A-193.
#[tokio::test]
async fn a_body_over_the_limit_is_refused_before_it_is_read() {
    let harness = Harness::new().await;
    let service = Service::oidc(&harness, "dossier").await;
    let padding = "x".repeat(64 * 1024);
    for path in ["/token", "/par"] {
        let refused = harness.exchange(service.authenticated(path, &[("state", &padding)], None)).await;
        assert_refusal(&refused, 413, "invalid_request");
    }
    assert_eq!(harness.audited("client.authentication secret_wrong").await, 0);
}
