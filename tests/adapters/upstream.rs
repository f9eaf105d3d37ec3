//! The bridge with a provider that does what it should: what is sent, what is kept, what is asked again.

use std::collections::BTreeMap;
use std::time::Duration;

use sceau::base::Secret;
use sceau::federation::{AssertionAudience, ProviderId, UpstreamAuth, UserinfoForm};
use sceau::jose::{Algorithm, JwkSet, Unverified};
use sceau::ports::{
    Upstream as _, UpstreamError, UpstreamLogout, UpstreamOutage, UpstreamRefusal, UpstreamRequest,
};
use serde_json::json;

use super::upstream_fake::{By, CLIENT, Instead, Lab, REDIRECT, SECRET, Wrap, callback, id, request};

const DISCOVERY: &str = "/.well-known/openid-configuration";

#[tokio::test]
async fn s3_1_2_1_the_request_carries_what_was_agreed() {
    let lab = Lab::with(true, |draft| draft.asks_amr = true).await;
    let url = lab.bridge.authorization_url(&request()).await.unwrap();
    let sent: BTreeMap<_, _> = url.query_pairs().into_owned().collect();
    let expected = json!({
        "response_type": "code",
        "client_id": CLIENT,
        "redirect_uri": REDIRECT,
        "scope": "openid identite_pivot preferred_username email",
        "state": "5".repeat(64),
        "nonce": "7".repeat(64),
        "acr_values": "eidas2 eidas3",
        "code_challenge": "rSiDSaikjmnMazvjSF2eFDXbyhhWFPVQX84fsHI2tLk",
        "code_challenge_method": "S256",
        "claims": "{\"id_token\":{\"amr\":{\"essential\":true}}}",
    });
    let mut expected: BTreeMap<String, String> = serde_json::from_value(expected).unwrap();
    // RFC 7636 4.2, by the function that checks verifiers presented to us.
    let challenge = sceau::base::base64url(sceau::base::sha256(&["v".repeat(43).as_bytes()]));
    expected.insert(String::from("code_challenge"), challenge);
    assert_eq!(sent, expected);
    assert!(url.as_str().starts_with(&format!("{}/authorize?", lab.provider.issuer)));

    let asked = UpstreamRequest {
        acr_values: vec![String::from("eidas3")],
        login: true,
        ui_locale: Some(String::from("fr")),
        ..request()
    };
    let url = lab.bridge.authorization_url(&asked).await.unwrap();
    let sent: BTreeMap<_, _> = url.query_pairs().into_owned().collect();
    assert_eq!((sent["acr_values"].as_str(), sent["prompt"].as_str()), ("eidas3", "login"));
    assert_eq!(sent["ui_locales"], "fr");
    let lower = UpstreamRequest { acr_values: vec![String::from("eidas1")], ..request() };
    assert_eq!(
        lab.bridge.authorization_url(&lower).await.err(),
        Some(UpstreamError::Refused(UpstreamRefusal::AcrNotAgreed))
    );
    assert_eq!(lab.calls(DISCOVERY), 1, "read once");
}

#[tokio::test]
async fn s3_1_3_a_login_gives_the_claims_and_the_signed_hint() {
    for encrypted in [true, false] {
        let lab = Lab::new(encrypted).await;
        let answer = lab.login().await.unwrap();
        assert_eq!(answer.issuer, lab.provider.issuer);
        assert_eq!(
            (&answer.id_token["acr"], &answer.userinfo["family_name"]),
            (&json!("eidas2"), &json!("DUBOIS"))
        );
        // For logout the hint is the signed token, whatever was around it.
        let keys = JwkSet::parse(&lab.inner.key_set()).unwrap();
        let hint = Unverified::parse(answer.id_token_hint.expose(), 65_536).unwrap();
        assert!(hint.verify(&keys.keys[0].key, &[Algorithm::Es256]).is_ok());
        assert!(!format!("{answer:?}").contains("DUBOIS"));

        let calls = lab.inner.calls.lock().unwrap().clone();
        let token = calls.iter().find(|call| call.starts_with("/token")).unwrap();
        for part in ["grant_type=authorization_code", "code=the-code", "code_verifier=vvv", SECRET] {
            assert!(token.contains(part), "{part}");
        }
        assert!(calls.iter().any(|call| call.starts_with("/userinfo Bearer upstream-access-token")));
    }
}

#[tokio::test]
async fn s9_private_key_jwt_is_signed_with_the_key_we_publish() {
    for audience in [AssertionAudience::Issuer, AssertionAudience::TokenEndpoint] {
        let lab = Lab::with(true, |draft| draft.auth = UpstreamAuth::PrivateKeyJwt(audience)).await;
        lab.login().await.unwrap();
        let calls = lab.inner.calls.lock().unwrap().clone();
        let body = calls.iter().find_map(|call| call.strip_prefix("/token  ")).unwrap();
        let form: BTreeMap<_, _> = url::form_urlencoded::parse(body.as_bytes()).into_owned().collect();
        assert!(!form.contains_key("client_secret"));
        let assertion = Unverified::parse(&form["client_assertion"], 4096).unwrap();
        let ours = JwkSet::parse(&lab.harness.provider.jwks()).unwrap();
        let key = ours.find(assertion.header().kid.as_deref(), Algorithm::Es256).unwrap();
        let claims = assertion.verify(&key.key, &[Algorithm::Es256]).unwrap().claims;
        let expected = match audience {
            AssertionAudience::Issuer => lab.provider.issuer.clone(),
            AssertionAudience::TokenEndpoint => format!("{}/token", lab.provider.issuer),
        };
        assert_eq!(
            (&claims["iss"], &claims["sub"], &claims["aud"]),
            (&json!(CLIENT), &json!(CLIENT), &json!(expected))
        );
        let life = claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap();
        assert_eq!(life, 60);
    }
}

#[tokio::test]
async fn s3_1_3_7_what_is_odd_and_right_is_accepted() {
    type Row = (&'static str, serde_json::Value);
    let lab = Lab::new(true).await;
    let table: [Row; 6] = [
        ("an audience in an array of one", json!({ "aud": [CLIENT] })),
        ("azp that is us", json!({ "azp": CLIENT })),
        ("a clock nine seconds behind", json!({ "iat": "+9" })),
        ("expired nine seconds ago", json!({ "exp": "-9" })),
        ("no at_hash", json!({ "at_hash": null })),
        // What a level means is judged where it was asked for.
        ("a lower level", json!({ "acr": "eidas1" })),
    ];
    for (what, claims) in table {
        lab.play(|play| play.claims = claims);
        let answer = lab.login().await.unwrap_or_else(|error| panic!("{what}: {error}"));
        assert_eq!(answer.id_token["acr"] == "eidas1", what == "a lower level");
    }
}

#[tokio::test]
async fn s5_3_2_bare_userinfo_where_that_was_agreed() {
    let lab = Lab::with(false, |draft| {
        draft.preset = sceau::federation::Preset::Custom;
        draft.name = Some(String::from("Custom"));
        draft.userinfo = Some(UserinfoForm::Json);
    })
    .await;
    lab.play(|play| play.userinfo_json = true);
    assert_eq!(lab.login().await.unwrap().userinfo["family_name"], "DUBOIS");
    lab.play(|play| {
        play.userinfo_json = true;
        play.userinfo = json!({ "sub": "e".repeat(64) });
    });
    assert_eq!(lab.login().await.err(), Some(UpstreamError::Refused(UpstreamRefusal::UserinfoSubject)));
    lab.reset();
    assert_eq!(lab.login().await.err(), Some(UpstreamError::Refused(UpstreamRefusal::ContentType)));
}

#[tokio::test]
async fn s10_1_1_a_key_rotated_between_discovery_and_token_is_found() {
    let lab = Lab::new(true).await;
    lab.login().await.unwrap();
    lab.rotate();
    lab.login().await.unwrap();
    assert_eq!(lab.calls("/jwks"), 2);
    // Not twice within a minute, whatever is thrown at us.
    for by in [By::Stranger, By::Impostor, By::Stranger] {
        lab.play(|play| play.by = by);
        assert!(lab.login().await.is_err());
        assert_eq!(lab.calls("/jwks"), 0);
    }
    lab.harness.clock.advance(Duration::from_secs(61));
    assert!(lab.login().await.is_err());
    assert_eq!(lab.calls("/jwks"), 1);
    lab.works("a rotation").await;
}

#[tokio::test]
async fn logout_goes_there_with_the_signed_token() {
    let lab = Lab::new(true).await;
    let logout = UpstreamLogout {
        provider: id(),
        id_token_hint: Secret::new(String::from("a.b.c")),
        state: Secret::new("9".repeat(64)),
        post_logout_redirect_uri: String::from("https://sceau.example/out"),
    };
    let url = lab.bridge.logout_url(&logout).await.unwrap().unwrap();
    let sent: Vec<_> = url.query_pairs().into_owned().collect();
    assert_eq!(url.path(), "/session/end");
    assert_eq!(
        sent.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect::<Vec<_>>(),
        [
            ("id_token_hint", "a.b.c"),
            ("state", "9".repeat(64).as_str()),
            ("post_logout_redirect_uri", "https://sceau.example/out")
        ]
    );
    lab.play(|play| drop(play.metadata.as_object_mut().unwrap().remove("end_session_endpoint")));
    assert_eq!(lab.fresh().logout_url(&logout).await.unwrap(), None);
}

#[tokio::test]
async fn metadata_that_cannot_be_read_again_stay_as_they_were() {
    let lab = Lab::new(true).await;
    lab.login().await.unwrap();
    lab.harness.clock.advance(Duration::from_mins(11));
    let html = || Instead::Status(200, "text/html", String::from("<html>"));
    lab.play(|play| play.instead = Some((DISCOVERY, html())));
    for _ in 0..3 {
        assert!(lab.bridge.authorization_url(&request()).await.is_ok());
    }
    assert_eq!(lab.calls(DISCOVERY), 1, "tried once a minute");
    lab.harness.clock.advance(Duration::from_secs(61));
    assert!(lab.login().await.is_ok());
    assert_eq!(lab.calls(DISCOVERY), 2);
}

#[tokio::test]
async fn a_provider_that_fails_five_times_is_left_alone_for_five_seconds() {
    let lab = Lab::new(true).await;
    let down = || Instead::Status(503, "text/html", String::from("<html>maintenance</html>"));
    let open = Some(UpstreamError::Unavailable(UpstreamOutage::CircuitOpen));
    let failed = Some(UpstreamError::Unavailable(UpstreamOutage::ServerError));
    lab.play(|play| play.instead = Some((DISCOVERY, down())));
    for _ in 0..5 {
        assert_eq!(lab.bridge.authorization_url(&request()).await.err(), failed);
    }
    assert_eq!(lab.bridge.authorization_url(&request()).await.err(), open);
    assert_eq!(lab.calls(DISCOVERY), 5, "not even asked");
    // A login that comes back is redeemed all the same.
    assert_eq!(lab.login().await.err(), failed);
    lab.harness.clock.advance(Duration::from_secs(5));
    assert_eq!(lab.bridge.authorization_url(&request()).await.err(), failed, "one tries");
    assert_eq!(lab.bridge.authorization_url(&request()).await.err(), open, "the others wait");
    lab.reset();
    assert_eq!(lab.bridge.authorization_url(&request()).await.err(), open);
    lab.harness.clock.advance(Duration::from_secs(5));
    assert!(lab.bridge.authorization_url(&request()).await.is_ok());
    assert!(lab.bridge.authorization_url(&request()).await.is_ok(), "closed again");
}

#[tokio::test]
async fn without_a_provider_every_call_is_refused() {
    let lab = Lab::new(false).await;
    let unknown = Some(UpstreamError::Refused(UpstreamRefusal::UnknownProvider));
    assert_eq!(lab.harness.provider.ports.upstream.redeem(&callback()).await.err(), unknown);
    assert_eq!(lab.harness.provider.ports.upstream.authorization_url(&request()).await.err(), unknown);
    let other = UpstreamRequest { provider: ProviderId::parse("other").unwrap(), ..request() };
    assert_eq!(lab.bridge.authorization_url(&other).await.err(), unknown);
    // An encrypted answer where none was agreed.
    lab.play(|play| play.wrap = Wrap::OtherKey);
    assert_eq!(lab.login().await.err(), Some(UpstreamError::Refused(UpstreamRefusal::Encrypted)));
    lab.play(|play| play.userinfo_wrap = Wrap::OtherKey);
    assert_eq!(lab.login().await.err(), Some(UpstreamError::Refused(UpstreamRefusal::UserinfoEncryption)));
}
