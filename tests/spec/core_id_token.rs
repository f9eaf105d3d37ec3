//! Twin of `src/oidc/core_id_token.rs`.

use sceau::base::{ClientId, Secret, SeededEntropy, Sid, UnixTime};
use sceau::jose::{Algorithm, Jwk, JwkSet, PrivateKey, compact, signing_input};
use sceau::oidc::{HintClaims, HintError, IdTokenContent, at_hash, id_token_claims, validate_hint};
use serde_json::{Map, Value, json};

const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);
const ISSUER: &str = "https://id.example";

fn content(client_id: &ClientId) -> IdTokenContent<'_> {
    IdTokenContent {
        issuer: ISSUER,
        subject: "5dVGQfRX0zYJ",
        client_id,
        iat: NOW,
        exp: UnixTime::from_secs(NOW.secs() + 300),
        auth_time: UnixTime::from_secs(NOW.secs() - 10),
        nonce: None,
        acr: "eidas2",
        amr: &[],
        sid: None,
        at_hash: None,
        extra: Map::new(),
    }
}

#[test]
fn s2_claims_that_are_always_there() {
    let client = "c1".parse().unwrap();
    assert_eq!(
        id_token_claims(&content(&client)),
        json!({
            "iss": ISSUER, "sub": "5dVGQfRX0zYJ", "aud": "c1", "iat": 1_800_000_000,
            "exp": 1_800_000_300, "auth_time": 1_799_999_990, "acr": "eidas2",
        })
    );
}

#[test]
fn s2_claims_of_a_phone_sign_in() {
    let client = "c1".parse().unwrap();
    let sid = Sid::random(&SeededEntropy::new(1));
    let nonce = "n".repeat(512);
    let amr = ["hwk".to_owned(), "user".to_owned()];
    let content = IdTokenContent {
        nonce: Some(&nonce),
        amr: &amr,
        sid: Some(sid),
        at_hash: Some("half"),
        ..content(&client)
    };
    let claims = id_token_claims(&content);
    assert_eq!(claims["nonce"], json!(nonce));
    assert_eq!(claims["amr"], json!(["hwk", "user"]));
    assert_eq!(claims["sid"], json!(sid.to_string()));
    assert_eq!(claims["at_hash"], "half");
}

#[test]
fn s5_6_claims_about_the_person_never_replace_the_protocol() {
    let client = "c1".parse().unwrap();
    let extra = json!({ "sub": "evil", "aud": "evil", "acr": "eidas3", "family_name": "DOC0042788" });
    let content = IdTokenContent { extra: extra.as_object().unwrap().clone(), ..content(&client) };
    let claims = id_token_claims(&content);
    assert_eq!(claims["sub"], "5dVGQfRX0zYJ");
    assert_eq!(claims["aud"], "c1");
    assert_eq!(claims["acr"], "eidas2");
    assert_eq!(claims["family_name"], "DOC0042788");
}

#[test]
fn s3_1_3_6_at_hash_is_the_left_half_of_the_hash_of_the_algorithm() {
    // OpenID Connect Core A.3 (its access token and its at_hash).
    let token = Secret::new("jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y".to_owned());
    for alg in [Algorithm::Es256, Algorithm::Ps256, Algorithm::Rs256] {
        assert_eq!(at_hash(alg, &token), "77QmUPtjPfzWtF2AnpK9RQ", "{alg}");
    }
    // SHA-512, half of it: 32 bytes.
    assert_eq!(at_hash(Algorithm::EdDsa, &token).len(), 43);
}

struct Hint {
    key: PrivateKey,
    keys: JwkSet,
    header: Value,
    claims: Value,
}

impl Hint {
    fn good() -> Self {
        let key = PrivateKey::generate(Algorithm::Es256).unwrap();
        let jwk = Jwk { kid: Some("k1".to_owned()), ..Jwk::from(key.public().clone()) };
        let sid = Sid::random(&SeededEntropy::new(1));
        let client = "c1".parse().unwrap();
        let claims = id_token_claims(&IdTokenContent { sid: Some(sid), ..content(&client) });
        let header = json!({ "alg": "ES256", "kid": "k1" });
        Self { key, keys: JwkSet { keys: vec![jwk] }, header, claims }
    }

    fn validate(&self) -> Result<HintClaims, HintError> {
        let input = signing_input(&self.header, &self.claims);
        let signature = self.key.sign(input.as_bytes()).unwrap();
        validate_hint(&Secret::new(compact(input, &signature)), &self.keys, ISSUER)
    }
}

#[test]
fn s3_1_2_1_expired_hint_of_ours_is_accepted() {
    let mut hint = Hint::good();
    hint.claims["exp"] = json!(1);
    assert_eq!(
        hint.validate().unwrap(),
        HintClaims {
            sub: "5dVGQfRX0zYJ".to_owned(),
            actor: None,
            sid: Some(Sid::random(&SeededEntropy::new(1))),
            aud: "c1".parse().unwrap(),
        }
    );
    hint.claims.as_object_mut().unwrap().remove("sid");
    assert_eq!(hint.validate().unwrap().sid, None);
}

#[test]
fn s3_1_2_1_a_hint_on_behalf_of_another_names_who_authenticated() {
    let mut hint = Hint::good();
    assert_eq!(hint.validate().unwrap().authenticated(), "5dVGQfRX0zYJ");
    hint.claims["act"] = json!({ "sub": "actor" });
    let read = hint.validate().unwrap();
    assert_eq!((read.sub.as_str(), read.authenticated()), ("5dVGQfRX0zYJ", "actor"));
    for act in [json!("actor"), json!({}), json!({ "sub": 1 }), json!(null)] {
        hint.claims["act"] = act;
        assert_eq!(hint.validate(), Err(HintError::Malformed));
    }
}

#[test]
fn s3_1_2_1_each_bad_hint_is_refused() {
    type Change = fn(&mut Hint);
    let cases: &[(&str, Change, HintError)] = &[
        ("access token", |h| h.header["typ"] = json!("at+jwt"), HintError::WrongKind),
        ("logout token", |h| h.header["typ"] = json!("logout+jwt"), HintError::WrongKind),
        ("logout token by its events", |h| h.claims["events"] = json!({}), HintError::WrongKind),
        ("alg none", |h| h.header["alg"] = json!("none"), HintError::Malformed),
        ("embedded key", |h| h.header["jwk"] = h.keys.keys[0].to_json(), HintError::Malformed),
        ("unknown kid", |h| h.header["kid"] = json!("k2"), HintError::Signature),
        (
            "key of somebody else",
            |h| h.key = PrivateKey::generate(Algorithm::Es256).unwrap(),
            HintError::Signature,
        ),
        ("other issuer", |h| h.claims["iss"] = json!("https://evil.example"), HintError::Issuer),
        ("no issuer", |h| drop(h.claims.as_object_mut().unwrap().remove("iss")), HintError::Issuer),
        ("no sub", |h| drop(h.claims.as_object_mut().unwrap().remove("sub")), HintError::Incomplete),
        ("empty sub", |h| h.claims["sub"] = json!(""), HintError::Incomplete),
        ("two audiences", |h| h.claims["aud"] = json!(["c1", "c2"]), HintError::Incomplete),
        ("no audience", |h| drop(h.claims.as_object_mut().unwrap().remove("aud")), HintError::Incomplete),
        ("sid of another kind", |h| h.claims["sid"] = json!(1), HintError::Malformed),
    ];
    for (name, change, error) in cases {
        let mut hint = Hint::good();
        change(&mut hint);
        assert_eq!(hint.validate(), Err(*error), "{name}");
    }
}
