//! Metadata and key sets that must not be taken over: what is known already stays (A-159), and no address is called
//! that the operator did not name (A-161).

use sceau::ports::UpstreamRefusal::*;
use sceau::ports::{Upstream as _, UpstreamOutage};
use serde_json::json;

use super::upstream_fake::{By, Instead, Lab, Play, Row, big, html, outage, refused, request};

const DISCOVERY: &str = "/.well-known/openid-configuration";

/// Answers of the key set that no verifier may take over (A-159).
fn poisons() -> Vec<Row> {
    vec![
        ("10 MiB", |p| p.instead = Some(("/jwks", big())), refused(TooLong)),
        ("ten thousand keys", |p| p.keys = Some(keys(10_000)), refused(TooLong)),
        ("one hundred and one keys", |p| p.keys = Some(keys(101)), refused(KeySet)),
        (
            "one name for two keys",
            |p| {
                p.keys = Some(keys(2).replace("\"k1\"", "\"k0\""));
            },
            refused(KeySet),
        ),
        (
            "a symmetric key",
            |p| p.keys = Some(json!({ "keys": [{ "kty": "oct", "k": "AAAA" }] }).to_string()),
            refused(KeySet),
        ),
        (
            "a private key",
            |p| p.keys = Some(keys(1).replace("\"kty\"", "\"d\":\"AAAA\",\"kty\"")),
            refused(KeySet),
        ),
        ("a member twice", |p| p.keys = Some(String::from(r#"{"keys":[],"keys":[]}"#)), refused(KeySet)),
        ("no set", |p| p.keys = Some(String::from("[]")), refused(KeySet)),
        ("redirected", |p| p.instead = Some(("/jwks", Instead::Redirect)), refused(Redirected)),
        (
            "another type",
            |p| {
                p.instead = Some(("/jwks", Instead::Header("content-type", "application/octet-stream")));
            },
            refused(ContentType),
        ),
        ("HTML", |p| p.instead = Some(("/jwks", html())), refused(ContentType)),
        (
            "compressed",
            |p| p.instead = Some(("/jwks", Instead::Header("content-encoding", "gzip"))),
            refused(ContentEncoding),
        ),
        ("slow drip", |p| p.instead = Some(("/jwks", Instead::Drip)), outage(UpstreamOutage::TimedOut)),
    ]
}

fn keys(count: usize) -> String {
    let (x, y) =
        ("gI0GAILBdu7T53akrFmMyGcsF3n5dO7MmwNBHKW5SV0", "SLW_xSffzlPWrHEVI30DHM_4egVwt3NQqeUD7nMFpps");
    let key =
        |at| json!({ "kty": "EC", "crv": "P-256", "x": x, "y": y, "kid": format!("k{at}"), "alg": "ES256" });
    json!({ "keys": (0..count).map(key).collect::<Vec<_>>() }).to_string()
}

#[tokio::test]
async fn a_poisoned_key_set_leaves_the_last_good_one() {
    let lab = Lab::new(true).await;
    lab.works("nothing").await;
    for (what, poison, _) in poisons() {
        // An unknown key makes us read the set again, which is refused.
        lab.play(poison);
        lab.inner.play.lock().unwrap().by = By::Stranger;
        assert!(lab.login().await.is_err(), "{what}");
        let read = lab.calls("/jwks");
        assert!((1..=2).contains(&read), "once for the token, once if ten minutes are over: {what}");
        // Still poisoned, and the good key still verifies.
        lab.inner.play.lock().unwrap().by = By::Itself;
        assert!(lab.login().await.is_ok(), "{what}");
        assert_eq!((lab.calls("/jwks"), lab.calls("/canary")), (read, 0), "{what}");
        lab.works(what).await;
    }
}

#[tokio::test]
async fn a_poisoned_first_key_set_is_named() {
    let mut lab = Lab::new(true).await;
    for (what, poison, expected) in poisons() {
        lab.bridge = lab.fresh();
        lab.play(poison);
        assert_eq!(lab.login().await.err(), Some(expected), "{what}");
        lab.works(what).await;
    }
}

#[tokio::test]
async fn each_wrong_metadata() {
    fn member(play: &mut Play, name: &str, value: serde_json::Value) {
        play.metadata[name] = value;
    }
    let table: [Row; 16] = [
        ("another issuer", |p| member(p, "issuer", json!("https://evil.example")), refused(MetadataIssuer)),
        ("no issuer", |p| member(p, "issuer", json!(null)), refused(MetadataIssuer)),
        (
            "keys elsewhere",
            |p| member(p, "jwks_uri", json!("https://evil.example/jwks")),
            refused(MetadataEndpoint),
        ),
        (
            "the cloud's metadata",
            |p| member(p, "token_endpoint", json!("http://169.254.169.254/token")),
            refused(MetadataEndpoint),
        ),
        (
            "another port here",
            |p| member(p, "userinfo_endpoint", json!("http://127.0.0.1:6379/")),
            refused(MetadataEndpoint),
        ),
        ("a file", |p| member(p, "token_endpoint", json!("file:///etc/passwd")), refused(MetadataEndpoint)),
        (
            "a user name",
            |p| {
                let there = p.metadata["token_endpoint"].as_str().unwrap().replace("http://", "http://a@");
                member(p, "token_endpoint", json!(there));
            },
            refused(MetadataEndpoint),
        ),
        (
            "logout elsewhere",
            |p| member(p, "end_session_endpoint", json!("https://evil.example/")),
            refused(MetadataEndpoint),
        ),
        ("no keys", |p| member(p, "jwks_uri", json!(null)), refused(Metadata)),
        ("a list", |p| p.metadata = json!([]), refused(Metadata)),
        (
            "404",
            |p| p.instead = Some((DISCOVERY, Instead::Status(404, "text/html", String::new()))),
            refused(Status),
        ),
        ("HTML", |p| p.instead = Some((DISCOVERY, html())), refused(ContentType)),
        ("redirected", |p| p.instead = Some((DISCOVERY, Instead::Redirect)), refused(Redirected)),
        ("oversize", |p| p.instead = Some((DISCOVERY, big())), refused(TooLong)),
        ("slow", |p| p.instead = Some((DISCOVERY, Instead::Slow)), outage(UpstreamOutage::TimedOut)),
        ("cut", |p| p.instead = Some((DISCOVERY, Instead::Cut)), outage(UpstreamOutage::Unreachable)),
    ];
    let mut lab = Lab::new(true).await;
    for (what, change, expected) in table {
        lab.bridge = lab.fresh();
        lab.play(change);
        assert_eq!(lab.bridge.authorization_url(&request()).await.err(), Some(expected), "{what}");
        assert_eq!((lab.calls("/canary"), lab.calls("/token")), (0, 0), "{what}");
        lab.works(what).await;
    }
}
