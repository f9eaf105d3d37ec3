//! Services prove who they are by the one way they registered (`security.md` CA-01 to CA-10; `attacks.md` 2.4). The
//! answer is one; the audit log has the reason.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderValue, Request};
use sceau::jose::{Algorithm, Jwk, PrivateKey, compact, signing_input};
use sceau::oauth::ASSERTION_TYPE;
use serde_json::{Value, json};

use crate::support::{Harness, ISSUER, Received, Service, form};

type Form = Request<axum::body::Body>;

async fn assert_refused(harness: &Harness, request: Form, reason: &str) -> Received {
    let (refused, rows) = harness.audited_during(harness.exchange(request)).await;
    assert_eq!(refused.error(), (401, String::from("invalid_client")), "{reason}: {}", refused.text);
    assert_eq!(refused.text_of("error_description"), "client authentication failed");
    assert_eq!(rows, [format!("client.authentication {reason}")]);
    refused
}

fn code_with<'a>(fields: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let mut all = vec![("grant_type", "authorization_code"), ("code", "none")];
    all.extend_from_slice(fields);
    all
}

fn pair(id: &str, secret: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")))
}

#[tokio::test]
async fn secrets_that_are_not_the_clients_own() {
    let harness = Harness::new().await;
    let (basic, post) = (Service::oidc(&harness, "basic").await, Service::psc(&harness, "post").await);
    let native = Service::native(&harness, "native").await;
    let (secret, of_post) = (basic.secret.clone().unwrap(), post.secret.clone().unwrap());
    let in_header = [
        (pair("basic", "wrong"), "secret_wrong"),
        (pair("basic", ""), "secret_wrong"),
        (pair("basic", &of_post), "secret_wrong"),
        (pair("basic", &format!("{secret}x")), "secret_wrong"),
        (pair("basic", &secret[..42]), "secret_wrong"),
        (pair("unknown", &secret), "client_unknown"),
        (pair("BASIC", &secret), "client_unknown"),
        (pair("ba%C3%A9sic", &secret), "client_id_malformed"),
        (pair("post", &of_post), "method_not_registered"),
        (pair("native", ""), "method_not_registered"),
    ];
    for (header, reason) in in_header {
        let request = form("/token", &[("authorization", &header)], &code_with(&[]));
        let refused = assert_refused(&harness, request, reason).await;
        // RFC 6749 5.2: in the scheme that was tried.
        assert!(refused.header("www-authenticate").starts_with("Basic realm="), "{reason}");
    }
    let in_form: [(&[(&str, &str)], &str); 6] = [
        (&[("client_id", "post"), ("client_secret", "wrong")], "secret_wrong"),
        (&[("client_id", "basic"), ("client_secret", &secret)], "method_not_registered"),
        (&[("client_id", "native"), ("client_secret", &of_post)], "method_not_registered"),
        (&[("client_id", "basic")], "method_not_registered"),
        (&[("client_id", "post"), ("client_secret", "")], "method_not_registered"),
        (&[("client_id", "nobody")], "client_unknown"),
    ];
    for (fields, reason) in in_form {
        let refused = assert_refused(&harness, form("/token", &[], &code_with(fields)), reason).await;
        assert_eq!(refused.header("www-authenticate"), "", "{reason}");
    }
    assert!(native.secret.is_none());
    let good = form("/token", &[("authorization", &pair("basic", &secret))], &code_with(&[]));
    assert_eq!(harness.exchange(good).await.error().1, "invalid_grant");
}

/// CA-06, A-057.
#[tokio::test]
async fn two_ways_at_once_are_a_broken_request() {
    let harness = Harness::new().await;
    let basic = Service::oidc(&harness, "basic").await;
    let fapi = Service::fapi2(&harness, "fapi").await;
    let assertion = fapi.assertion(&fapi.assertion_claims());
    let secret = basic.secret.clone().unwrap();
    let header = basic.basic();
    let asserted = [("client_assertion_type", ASSERTION_TYPE), ("client_assertion", &assertion)];
    let posted = [("client_id", "basic"), ("client_secret", &secret)];
    let table = [
        (true, posted.to_vec()),
        (true, asserted.to_vec()),
        (false, [posted, asserted].concat()),
        (true, vec![("client_id", "fapi")]),
        (false, vec![("client_assertion", assertion.as_str())]),
        (false, vec![("client_assertion_type", "x"), ("client_assertion", &assertion)]),
        (false, vec![("client_id", "basic"), ("client_id", "basic")]),
    ];
    for (with_header, fields) in table {
        let headers = if with_header { vec![("authorization", header.as_str())] } else { Vec::new() };
        let (refused, rows) =
            harness.audited_during(harness.exchange(form("/token", &headers, &code_with(&fields)))).await;
        assert_eq!(refused.error(), (400, String::from("invalid_request")), "{fields:?}");
        assert_eq!(rows, Vec::<String>::new());
    }
    let nobody = harness.exchange(form("/token", &[], &code_with(&[]))).await;
    assert_eq!(nobody.error(), (401, String::from("invalid_client")));
}

/// RFC 6749 5.2: an unsupported method is a failed authentication, and the header was tried.
#[tokio::test]
async fn another_scheme_is_no_authentication_of_a_client() {
    let harness = Harness::new().await;
    let service = Service::oidc(&harness, "dossier").await;
    for path in ["/token", "/par", "/introspect", "/revoke"] {
        for header in ["Bearer QUFB", "DPoP QUFB", "Digest QUFB"] {
            let fields = code_with(&[("token", "x"), ("client_id", service.id())]);
            let refused = harness.exchange(form(path, &[("authorization", header)], &fields)).await;
            assert_eq!(refused.error(), (401, String::from("invalid_client")), "{path} {header}");
            assert!(refused.header("www-authenticate").starts_with("Basic realm="), "{path} {header}");
        }
    }
}

/// A-061.
#[tokio::test]
async fn a_header_that_cannot_be_read_is_a_broken_request() {
    let harness = Harness::new().await;
    let service = Service::oidc(&harness, "dossier").await;
    let long = format!("Basic {}", "QUFB".repeat(2560));
    let encoded = |text: &[u8]| format!("Basic {}", STANDARD.encode(text));
    let headers = [
        long,
        String::from("Basic"),
        String::from("Basic "),
        String::from("Basic ***"),
        String::from("BasicZG9zc2llcjp4"),
        encoded(b"no-colon"),
        encoded(b"\xff\xfe:x"),
        encoded(b"%zz:x"),
    ];
    for header in &headers {
        let request = form("/token", &[("authorization", header)], &code_with(&[]));
        let refused = harness.exchange(request).await;
        assert_eq!(refused.error(), (400, String::from("invalid_request")), "{header}");
    }
    let mut twice = form("/token", &[("authorization", &service.basic())], &code_with(&[]));
    twice.headers_mut().append("authorization", HeaderValue::try_from(service.basic()).unwrap());
    assert_eq!(harness.exchange(twice).await.error(), (400, String::from("invalid_request")));
    let mut opaque = form("/token", &[], &code_with(&[]));
    opaque.headers_mut().insert("authorization", HeaderValue::from_bytes(b"Basic \xff").unwrap());
    assert_eq!(harness.exchange(opaque).await.error(), (400, String::from("invalid_request")));
    let lower = service.basic().replacen("Basic", "bAsIc", 1);
    let request = form("/token", &[("authorization", &lower)], &code_with(&[]));
    assert_eq!(harness.exchange(request).await.error().1, "invalid_grant");
}

fn asserted(token: &str) -> Form {
    let fields = [("client_assertion_type", ASSERTION_TYPE), ("client_assertion", token)];
    form("/token", &[], &code_with(&fields))
}

fn signed(key: &PrivateKey, header: &Value, claims: &Value) -> String {
    let input = signing_input(header, claims);
    let signature = key.sign(input.as_bytes()).unwrap();
    compact(input, &signature)
}

/// A good assertion with one claim changed (CA-01 to CA-05, A-053, A-055).
#[tokio::test]
async fn an_assertion_that_says_something_else() {
    let harness = Harness::new().await;
    let service = Service::fapi2(&harness, "fapi").await;
    let _other = Service::fapi2(&harness, "other").await;
    let now = service.assertion_claims()["iat"].as_i64().unwrap();
    let table = [
        ("aud", json!(format!("{ISSUER}/token"))),
        ("aud", json!(format!("{ISSUER}/par"))),
        ("aud", json!(format!("{ISSUER}/"))),
        ("aud", json!([ISSUER])),
        ("aud", json!("https://other.example")),
        ("aud", Value::Null),
        ("sub", json!("other")),
        ("sub", Value::Null),
        ("exp", Value::Null),
        ("exp", json!(now - 11)),
        ("exp", json!(now + 3600)),
        ("nbf", json!(now + 61)),
        ("iat", json!(now + 61)),
        ("jti", Value::Null),
    ];
    for (name, value) in table {
        let mut claims = service.assertion_claims();
        if value.is_null() {
            claims.as_object_mut().unwrap().remove(name);
        } else {
            claims[name] = value.clone();
        }
        let request = asserted(&service.assertion(&claims));
        let (refused, rows) = harness.audited_during(harness.exchange(request)).await;
        assert_eq!(refused.error(), (401, String::from("invalid_client")), "{name} {value}");
        assert_eq!(rows.len(), 1, "{name} {value}: {rows:?}");
        assert!(rows[0].starts_with("client.authentication "), "{rows:?}");
    }
    for (name, skew) in [("iat", 8), ("nbf", 8), ("iat", 0)] {
        let mut claims = service.assertion_claims();
        claims[name] = json!(now + skew);
        let answer = harness.exchange(asserted(&service.assertion(&claims))).await;
        assert_eq!(
            answer.error(),
            (400, String::from("invalid_dpop_proof")),
            "{name} +{skew} s: {}",
            answer.text
        );
    }
}

#[tokio::test]
async fn an_assertion_by_another_key_or_another_way() {
    let harness = Harness::new().await;
    let service = Service::fapi2(&harness, "fapi").await;
    let stranger = PrivateKey::generate(Algorithm::Es256).unwrap();
    let jwk = Jwk::from(stranger.public().clone()).to_json();
    let claims = || service.assertion_claims();
    let good = service.assertion(&claims());
    let parts: Vec<&str> = good.split('.').collect();
    let none = sceau::base::base64url(br#"{"alg":"none"}"#);
    let tokens = [
        signed(&stranger, &json!({ "alg": "ES256", "kid": "k1" }), &claims()),
        signed(&stranger, &json!({ "alg": "ES256", "kid": "k1", "jwk": jwk }), &claims()),
        signed(
            &stranger,
            &json!({ "alg": "ES256", "kid": "k1", "jku": "https://evil.example/jwks" }),
            &claims(),
        ),
        signed(&stranger, &json!({ "alg": "ES256", "kid": "k2" }), &claims()),
        signed(service.key.as_ref().unwrap(), &json!({ "alg": "RS256", "kid": "k1" }), &claims()),
        signed(service.key.as_ref().unwrap(), &json!({ "alg": "HS256", "kid": "k1" }), &claims()),
        signed(
            service.key.as_ref().unwrap(),
            &json!({ "alg": "ES256", "kid": "k1", "typ": "dpop+jwt" }),
            &claims(),
        ),
        format!("{none}.{}.", parts[1]),
        format!("{}.{}.", parts[0], parts[1]),
        format!("{}.{}", parts[0], parts[1]),
        format!("{good}.x"),
        String::from("x"),
    ];
    for token in &tokens {
        let (refused, rows) = harness.audited_during(harness.exchange(asserted(token))).await;
        assert_eq!(refused.error(), (401, String::from("invalid_client")), "{token}");
        assert_eq!(rows.len(), 1, "{rows:?}");
    }
    // RFC 7521 4.2, CA-10
    let fields =
        [("client_assertion_type", ASSERTION_TYPE), ("client_assertion", &good), ("client_id", "other")];
    assert_refused(&harness, form("/token", &[], &code_with(&fields)), "client_id_differs").await;
}

/// CA-02, A-051: once, wherever.
#[tokio::test]
async fn an_assertion_is_good_once() {
    let harness = Harness::new().await;
    let service = Service::fapi2(&harness, "fapi").await;
    let ask = service.ask();
    for (first, second) in [("/par", "/token"), ("/par", "/par")] {
        let token = service.assertion(&service.assertion_claims());
        let fields = [("client_assertion_type", ASSERTION_TYPE), ("client_assertion", token.as_str())];
        let pushed: Vec<_> = ask.pairs().into_iter().chain(fields).collect();
        assert_eq!(harness.exchange(form(first, &[], &pushed)).await.status, 201);
        let again = if second == "/par" { pushed } else { code_with(&fields) };
        assert_refused(&harness, form(second, &[], &again), "assertion_replayed").await;
    }
}

/// PAR-01, A-023: the pushing endpoint asks as the token endpoint does.
#[tokio::test]
async fn a_push_needs_the_same_proof() {
    let harness = Harness::new().await;
    let (service, other) = (Service::oidc(&harness, "one").await, Service::oidc(&harness, "two").await);
    let ask = service.ask();
    assert_refused(&harness, form("/par", &[], &ask.pairs()), "method_not_registered").await;
    let wrong = pair("one", "wrong");
    let refused =
        assert_refused(&harness, form("/par", &[("authorization", &wrong)], &ask.pairs()), "secret_wrong")
            .await;
    assert!(refused.header("www-authenticate").starts_with("Basic "));
    let crossed = form("/par", &[("authorization", &other.basic())], &ask.pairs());
    assert_eq!(harness.exchange(crossed).await.error(), (400, String::from("invalid_request")));
}
