//! Twin of `src/oauth/rfc7662_introspection.rs`.

use sceau::base::{SeededEntropy, Sid, UnixTime};
use sceau::jose::{Algorithm, PrivateKey};
use sceau::oauth::{
    ActiveKind, ActiveToken, ErrorCode, PersonalClaims, RawParams, ScopeSet, TokenType, TokenTypeHint,
    inactive, introspection_request,
};
use serde_json::{Map, Value, json};

const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);

fn active(kind: ActiveKind) -> ActiveToken {
    let person = json!({
        "preferred_username": "899700000013",
        "SubjectNameID": "899700000013",
        "otherIds": [{ "identifiant": "899700000013", "origine": "RPPS", "qualite": 1 }],
        "authMode": "MOBILE",
        "family_name": "ARNOUX",
    });
    ActiveToken {
        kind,
        issuer: "https://id.example".to_owned(),
        subject: "5dVGQfRX0zYJ".to_owned(),
        client: "c1".parse().unwrap(),
        audience: Some("https://id.example".to_owned()),
        scope: ScopeSet::parse("openid scope_all").unwrap(),
        jti: "j1".to_owned(),
        issued_at: NOW,
        expires_at: UnixTime::from_secs(NOW.secs() + 120),
        auth_time: Some(UnixTime::from_secs(NOW.secs() - 10)),
        acr: Some("eidas2".to_owned()),
        sid: Some(Sid::random(&SeededEntropy::new(1))),
        nonce: Some("n-0S6".to_owned()),
        jkt: None,
        person: person.as_object().unwrap().clone(),
        acting: Map::new(),
    }
}

/// The answer, each member of which is written once.
fn told(token: &ActiveToken) -> Value {
    let text = serde_json::to_string(token).unwrap();
    let answer: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(answer.to_string().len(), text.len(), "a member twice: {text}");
    answer
}

fn names(answer: &Value) -> Vec<&str> {
    answer.as_object().unwrap().keys().map(String::as_str).collect()
}

#[test]
fn s2_1_a_token_and_perhaps_a_hint() {
    let read = |text: &str| introspection_request(&RawParams::parse(text.as_bytes()).unwrap());
    let request = read("token=mF_9.B5f-4.1JqM&token_type_hint=access_token").unwrap();
    assert_eq!(request.token.expose(), "mF_9.B5f-4.1JqM");
    assert_eq!(request.hint, Some(TokenTypeHint::AccessToken));
    assert_eq!(read("token=a&token_type_hint=pixel").unwrap().hint, None);
    for bad in ["", "token=", "token=a&token=b", "token=a&token_type_hint=x&token_type_hint=y"] {
        assert_eq!(read(bad).unwrap_err().code, ErrorCode::InvalidRequest, "{bad}");
    }
}

#[test]
fn s2_2_an_access_token_has_the_members_of_the_sector() {
    let token = active(ActiveKind::Access(TokenType::Bearer));
    let answer = told(&token);
    let sid = token.sid.unwrap().to_string();
    assert_eq!(
        answer,
        json!({
            "active": true, "iss": "https://id.example", "sub": "5dVGQfRX0zYJ", "client_id": "c1", "azp": "c1",
            "aud": "https://id.example", "scope": "openid scope_all", "jti": "j1", "iat": 1_800_000_000,
            "exp": 1_800_000_120, "auth_time": 1_799_999_990, "typ": "Bearer", "token_type": "Bearer",
            "acr": "eidas2", "sid": sid, "session_state": sid, "nonce": "n-0S6", "authMode": "MOBILE",
            "preferred_username": "899700000013", "username": "899700000013",
            "SubjectNameID": "899700000013",
            "otherIds": [{ "identifiant": "899700000013", "origine": "RPPS", "qualite": 1 }],
        })
    );
}

#[test]
fn s2_2_a_refresh_token_has_neither_subject_name_nor_token_type() {
    let answer = told(&ActiveToken { audience: None, ..active(ActiveKind::Refresh) });
    assert_eq!(answer["typ"], "Refresh");
    assert_eq!(answer["preferred_username"], "899700000013");
    for absent in ["SubjectNameID", "token_type", "aud"] {
        assert_eq!(answer.get(absent), None, "{absent}");
    }
}

#[test]
fn s2_2_a_token_of_the_client_itself_speaks_of_nobody() {
    let token = ActiveToken {
        auth_time: None,
        acr: None,
        sid: None,
        nonce: None,
        person: Map::new(),
        ..active(ActiveKind::Access(TokenType::Bearer))
    };
    let expected = [
        "active",
        "aud",
        "azp",
        "client_id",
        "exp",
        "iat",
        "iss",
        "jti",
        "scope",
        "sub",
        "token_type",
        "typ",
    ];
    assert_eq!(names(&told(&token)), expected);
}

#[test]
fn s2_2_a_claim_about_the_person_never_replaces_the_protocol() {
    let hostile = json!({ "preferred_username": "x", "active": false, "scope": "all", "sub": "another" });
    let token = ActiveToken {
        person: hostile.as_object().unwrap().clone(),
        ..active(ActiveKind::Access(TokenType::Bearer))
    };
    let answer = told(&token);
    assert_eq!(answer["active"], true);
    assert_eq!(answer["scope"], "openid scope_all");
    assert_eq!(answer["sub"], "5dVGQfRX0zYJ");
}

#[test]
fn s2_2_what_is_not_active_says_nothing_else() {
    assert_eq!(inactive().to_string(), r#"{"active":false}"#);
}

#[test]
fn rfc9449_s6_2_a_bound_token_names_its_key() {
    let jkt = PrivateKey::generate(Algorithm::Es256).unwrap().public().thumbprint();
    let token = ActiveToken { jkt: Some(jkt), ..active(ActiveKind::Access(TokenType::Dpop)) };
    let answer = told(&token);
    assert_eq!(answer["cnf"], json!({ "jkt": jkt.to_string() }));
    assert_eq!(answer["token_type"], "DPoP");
    assert_eq!(answer["typ"], "Bearer");
}

#[test]
fn rfc8693_s4_1_who_acts_is_told_of_both_kinds() {
    let said = json!({ "act": { "sub": "actor" }, "representation": "parent", "active": false });
    for kind in [ActiveKind::Access(TokenType::Bearer), ActiveKind::Refresh] {
        let acting = said.as_object().unwrap().clone();
        let answer = told(&ActiveToken { acting, ..active(kind) });
        assert_eq!((&answer["act"], &answer["representation"]), (&said["act"], &json!("parent")));
        assert_eq!((&answer["active"], &answer["sub"]), (&json!(true), &json!("5dVGQfRX0zYJ")));
    }
}

#[test]
fn s2_2_of_the_claims_about_a_person_those_of_an_answer_are_read() {
    let all = json!({
        "SubjectNameID": "899700000013", "family_name": "ARNOUX", "otherIds": [{ "origine": "RPPS" }],
        "SubjectRefPro": { "exercices": [{ "activities": [] }] }, "preferred_username": "8997",
    });
    let escaped = all.to_string().replace("preferred_", "preferred\\u005f");
    let PersonalClaims(read) = serde_json::from_str(&escaped).unwrap();
    let expected = json!({ "SubjectNameID": "899700000013", "otherIds": [{ "origine": "RPPS" }], "preferred_username": "8997" });
    assert_eq!(Value::Object(read), expected);
    for bad in ["[]", "\"x\"", "{\"a\":1", ""] {
        assert!(serde_json::from_str::<PersonalClaims>(bad).is_err(), "{bad}");
    }
}
