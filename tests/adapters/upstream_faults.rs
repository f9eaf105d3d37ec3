//! Each fault of a provider, alone: its machine word, no answer, and the next login works (A-153 to A-157).

use sceau::ports::UpstreamRefusal::*;
use sceau::ports::{Upstream as _, UpstreamCallback, UpstreamOutage};
use serde_json::json;

use super::upstream_fake::{By, Instead, Lab, Row, Wrap, big, callback, error, html, outage, refused};

/// Every row on one provider, a good login after each.
async fn each(rows: &[Row]) {
    let lab = Lab::new(true).await;
    lab.works("nothing").await;
    for (what, change, expected) in rows {
        lab.play(change);
        let outcome = lab.login().await;
        assert_eq!(outcome.err(), Some(*expected), "{what}");
        assert_eq!(lab.calls("/canary"), 0, "{what}");
        lab.works(what).await;
    }
}

#[tokio::test]
async fn each_wrong_claim_of_an_id_token() {
    each(&[
        ("iss of another", |p| p.claims = json!({ "iss": "https://evil.example" }), refused(Issuer)),
        ("no iss", |p| p.claims = json!({ "iss": null }), refused(Issuer)),
        (
            "iss off by a slash",
            |p| {
                let issuer = p.metadata["issuer"].as_str().unwrap().to_owned();
                p.claims = json!({ "iss": format!("{issuer}/") });
            },
            refused(Issuer),
        ),
        ("aud of another", |p| p.claims = json!({ "aud": "another" }), refused(Audience)),
        (
            "aud with another beside",
            |p| p.claims = json!({ "aud": ["sceau-at-upstream", "another"] }),
            refused(Audience),
        ),
        (
            "the same with azp",
            |p| {
                p.claims = json!({ "aud": ["sceau-at-upstream", "another"], "azp": "sceau-at-upstream" });
            },
            refused(Audience),
        ),
        ("no aud", |p| p.claims = json!({ "aud": null }), refused(Audience)),
        ("azp of another", |p| p.claims = json!({ "azp": "another" }), refused(AuthorizedParty)),
        ("no nonce", |p| p.claims = json!({ "nonce": null }), refused(Nonce)),
        ("nonce of another login", |p| p.claims = json!({ "nonce": "8".repeat(64) }), refused(Nonce)),
        ("nonce that is no text", |p| p.claims = json!({ "nonce": 7 }), refused(Nonce)),
        ("expired", |p| p.claims = json!({ "exp": "-11" }), refused(Expired)),
        ("no exp", |p| p.claims = json!({ "exp": null }), refused(Expired)),
        ("of the future", |p| p.claims = json!({ "iat": "+61" }), refused(IssuedInFuture)),
        ("no iat", |p| p.claims = json!({ "iat": null }), refused(IssuedInFuture)),
        ("not yet valid", |p| p.claims = json!({ "nbf": "+61" }), refused(IssuedInFuture)),
        (
            "at_hash of another token",
            |p| p.claims = json!({ "at_hash": "AAAAAAAAAAAAAAAAAAAAAA" }),
            refused(AccessTokenHash),
        ),
        ("no sub", |p| p.claims = json!({ "sub": null }), refused(Subject)),
        ("empty sub", |p| p.claims = json!({ "sub": "" }), refused(Subject)),
        ("sub with a space", |p| p.claims = json!({ "sub": "a b" }), refused(Subject)),
        ("exp that is no number", |p| p.claims = json!({ "exp": "soon" }), refused(Malformed)),
        (
            "sub twice",
            |p| p.claims_text = Some(String::from(r#"{"sub":"a","\u0073ub":"b"}"#)),
            refused(Malformed),
        ),
        ("a list of claims", |p| p.claims_text = Some(String::from("[]")), refused(Malformed)),
    ])
    .await;
}

#[tokio::test]
async fn each_wrong_signature_or_wrapping_of_an_id_token() {
    each(&[
        ("none", |p| p.by = By::Nobody, refused(Malformed)),
        ("none with a signature", |p| p.header = json!({ "alg": "none" }), refused(Algorithm)),
        ("HS256 with the public key", |p| p.by = By::PublicKey, refused(Algorithm)),
        ("RS256 where ES256 was agreed", |p| p.header = json!({ "alg": "RS256" }), refused(Algorithm)),
        ("unknown kid", |p| p.by = By::Stranger, refused(UnknownKey)),
        ("the key of another under the right kid", |p| p.by = By::Impostor, refused(Signature)),
        ("a key in the header", |p| p.header = json!({ "jwk": {} }), refused(Malformed)),
        ("crit", |p| p.header = json!({ "crit": ["x"], "x": 1 }), refused(Malformed)),
        ("an access token", |p| p.header = json!({ "typ": "at+jwt" }), refused(Type)),
        ("in clear", |p| p.wrap = Wrap::Clear, refused(NotEncrypted)),
        ("encrypted to another", |p| p.wrap = Wrap::OtherKey, refused(Undecryptable)),
        ("encrypted otherwise", |p| p.wrap = Wrap::OtherAlgorithm, refused(Undecryptable)),
    ])
    .await;
}

#[tokio::test]
async fn each_wrong_answer_of_the_token_endpoint() {
    each(&[
        (
            "replayed code",
            |p| p.instead = Some(("/token", error(400, "invalid_grant"))),
            refused(CodeRefused),
        ),
        (
            "invalid_client",
            |p| p.instead = Some(("/token", error(401, "invalid_client"))),
            refused(ClientRefused),
        ),
        (
            "another error",
            |p| p.instead = Some(("/token", error(400, "invalid_request"))),
            refused(TokenError),
        ),
        (
            "404",
            |p| p.instead = Some(("/token", Instead::Status(404, "text/html", String::from("<html>")))),
            refused(Status),
        ),
        ("HTML", |p| p.instead = Some(("/token", html())), refused(ContentType)),
        (
            "500 in HTML",
            |p| {
                p.instead = Some(("/token", Instead::Status(500, "text/html", String::from("<html>"))));
            },
            outage(UpstreamOutage::ServerError),
        ),
        (
            "half of JSON",
            |p| {
                p.instead = Some((
                    "/token",
                    Instead::Status(200, "application/json", String::from("{\"id_token\":")),
                ));
            },
            refused(TokenAnswer),
        ),
    ])
    .await;
}

#[tokio::test]
async fn each_way_not_to_answer_at_the_token_endpoint() {
    each(&[
        ("redirected", |p| p.instead = Some(("/token", Instead::Redirect)), refused(Redirected)),
        (
            "compressed",
            |p| {
                p.instead = Some(("/token", Instead::Header("content-encoding", "gzip")));
            },
            refused(ContentEncoding),
        ),
        ("oversize", |p| p.instead = Some(("/token", big())), refused(TooLong)),
        ("slow", |p| p.instead = Some(("/token", Instead::Slow)), outage(UpstreamOutage::TimedOut)),
        ("slow drip", |p| p.instead = Some(("/token", Instead::Drip)), outage(UpstreamOutage::TimedOut)),
        ("cut", |p| p.instead = Some(("/token", Instead::Cut)), outage(UpstreamOutage::Unreachable)),
    ])
    .await;
}

#[tokio::test]
async fn each_wrong_member_of_a_token_answer() {
    each(&[
        ("no ID token", |p| p.token_answer = json!({ "id_token": null }), refused(NoIdToken)),
        ("no access token", |p| p.token_answer = json!({ "access_token": null }), refused(TokenAnswer)),
        (
            "a header in the access token",
            |p| p.token_answer = json!({ "access_token": "a\r\nb: c" }),
            refused(TokenAnswer),
        ),
        ("another type of token", |p| p.token_answer = json!({ "token_type": "DPoP" }), refused(TokenType)),
        (
            "an ID token that is none",
            |p| p.token_answer = json!({ "id_token": "a.b.c.d.e" }),
            refused(Undecryptable),
        ),
    ])
    .await;
}

#[tokio::test]
async fn each_wrong_userinfo() {
    each(&[
        ("unsigned JSON", |p| p.userinfo_json = true, refused(UserinfoUnsigned)),
        ("in clear", |p| p.userinfo_wrap = Wrap::Clear, refused(UserinfoEncryption)),
        ("encrypted to another", |p| p.userinfo_wrap = Wrap::OtherKey, refused(Undecryptable)),
        ("signed by another key", |p| p.userinfo_by = By::Impostor, refused(UserinfoSignature)),
        ("signed by an unknown key", |p| p.userinfo_by = By::Stranger, refused(UserinfoSignature)),
        ("HS256 with the public key", |p| p.userinfo_by = By::PublicKey, refused(UserinfoSignature)),
        ("none", |p| p.userinfo_by = By::Nobody, refused(UserinfoMalformed)),
        ("another person", |p| p.userinfo = json!({ "sub": "e".repeat(64) }), refused(UserinfoSubject)),
        ("nobody", |p| p.userinfo = json!({ "sub": null }), refused(UserinfoSubject)),
        (
            "another issuer",
            |p| p.userinfo = json!({ "iss": "https://evil.example" }),
            refused(UserinfoIssuer),
        ),
        ("another client", |p| p.userinfo = json!({ "aud": "another" }), refused(UserinfoAudience)),
        ("expired", |p| p.userinfo = json!({ "exp": "-11" }), refused(UserinfoExpired)),
        ("401", |p| p.instead = Some(("/userinfo", error(401, "invalid_token"))), refused(Status)),
        ("HTML", |p| p.instead = Some(("/userinfo", html())), refused(ContentType)),
        ("oversize", |p| p.instead = Some(("/userinfo", big())), refused(TooLong)),
        ("cut", |p| p.instead = Some(("/userinfo", Instead::Cut)), outage(UpstreamOutage::Unreachable)),
    ])
    .await;
}

#[tokio::test]
async fn a_code_of_another_provider_is_sent_to_nobody() {
    let lab = Lab::new(true).await;
    let named = |iss: Option<String>| UpstreamCallback { iss, ..callback() };
    let mixed = lab.bridge.redeem(&named(Some(String::from("https://other.example")))).await;
    assert_eq!(mixed.err(), Some(refused(CallbackIssuer)));
    assert_eq!(lab.calls("/token"), 0);
    assert!(lab.bridge.redeem(&named(Some(lab.provider.issuer.clone()))).await.is_ok());
    assert!(lab.bridge.redeem(&named(None)).await.is_ok(), "it never said that it names itself");

    lab.play(|play| play.metadata["authorization_response_iss_parameter_supported"] = json!(true));
    let bridge = lab.fresh();
    assert_eq!(bridge.redeem(&named(None)).await.err(), Some(refused(CallbackIssuerMissing)));
    assert_eq!(lab.calls("/token"), 0);
    assert!(bridge.redeem(&named(Some(lab.provider.issuer.clone()))).await.is_ok());
}
