//! Twin of `src/oauth/rfc9068_access_token.rs`.

use std::sync::LazyLock;

use sceau::base::{ClientId, SeededEntropy, Sid, UnixTime};
use sceau::jose::{Algorithm, Thumbprint};
use sceau::oauth::{AccessTokenContent, ScopeSet, access_token_claims, access_token_header};
use serde_json::{Map, Value, json};

const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);

fn nobody() -> &'static Map<String, Value> {
    static NOBODY: LazyLock<Map<String, Value>> = LazyLock::new(Map::new);
    &NOBODY
}

fn content<'a>(client_id: &'a ClientId, scope: &'a ScopeSet) -> AccessTokenContent<'a> {
    AccessTokenContent {
        issuer: "https://id.example",
        subject: "5dVGQfRX0zYJ",
        client_id,
        audience: "https://api.example",
        scope,
        jti: "t1",
        iat: NOW,
        exp: UnixTime::from_secs(NOW.secs() + 300),
        auth_time: Some(UnixTime::from_millis(NOW.millis() - 9_500)),
        acr: Some("eidas2"),
        sid: None,
        jkt: None,
        acting: nobody(),
    }
}

#[test]
fn s2_1_header_says_at_jwt() {
    let header = access_token_header(Algorithm::Es256, "k1");
    assert_eq!(header, json!({ "alg": "ES256", "typ": "at+jwt", "kid": "k1" }));
}

#[test]
fn s2_2_claims_are_the_required_ones_and_those_that_apply() {
    let (client, scope) = ("c1".parse().unwrap(), ScopeSet::parse("openid rpps").unwrap());
    assert_eq!(
        access_token_claims(&content(&client, &scope)),
        json!({
            "iss": "https://id.example", "sub": "5dVGQfRX0zYJ", "client_id": "c1",
            "aud": "https://api.example", "scope": "openid rpps", "jti": "t1",
            "iat": 1_800_000_000, "exp": 1_800_000_300, "auth_time": 1_799_999_990, "acr": "eidas2",
        })
    );
}

#[test]
fn s2_2_1_nothing_about_a_sign_in_that_did_not_happen() {
    let (client, scope) = ("c1".parse().unwrap(), ScopeSet::parse("api").unwrap());
    let content =
        AccessTokenContent { subject: "c1", auth_time: None, acr: None, ..content(&client, &scope) };
    let claims = access_token_claims(&content);
    for name in ["auth_time", "acr", "sid", "cnf"] {
        assert!(claims.get(name).is_none(), "{name}");
    }
    assert_eq!(claims["sub"], claims["client_id"]);
}

#[test]
fn rfc9449_s6_1_bound_token_names_its_key() {
    let (client, scope) = ("c1".parse().unwrap(), ScopeSet::parse("openid").unwrap());
    let jkt = Thumbprint::from_bytes([7; 32]);
    let sid = Sid::random(&SeededEntropy::new(1));
    let content = AccessTokenContent { jkt: Some(jkt), sid: Some(sid), ..content(&client, &scope) };
    let claims = access_token_claims(&content);
    assert_eq!(claims["cnf"], json!({ "jkt": jkt.to_string() }));
    assert_eq!(claims["sid"], json!(sid.to_string()));
}

#[test]
fn rfc8693_s4_1_who_acts_is_named_and_replaces_no_claim_of_the_protocol() {
    let (client, scope) = ("c1".parse().unwrap(), ScopeSet::parse("openid").unwrap());
    let said = json!({ "act": { "sub": "actor" }, "representation": "parent", "sub": "other", "exp": 1 });
    let acting = said.as_object().unwrap();
    let claims = access_token_claims(&AccessTokenContent { acting, ..content(&client, &scope) });
    assert_eq!((&claims["act"], &claims["representation"]), (&said["act"], &json!("parent")));
    assert_eq!((&claims["sub"], &claims["exp"]), (&json!("5dVGQfRX0zYJ"), &json!(NOW.secs() + 300)));
    let alone = access_token_claims(&content(&client, &scope));
    assert_eq!((alone.get("act"), alone.get("representation")), (None, None));
}
