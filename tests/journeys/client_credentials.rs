//! A machine gets tokens for itself (RFC 6749 4.4): the light form of the gate.

use std::time::Duration;

use http::Method;
use sceau::oauth::{ClientAuthMethod, GrantType, Profile};
use serde_json::Value;

use crate::support::{Harness, ISSUER, Relier, Reply, form, machine, reliance, send};

const FORM: [(&str, &str); 1] = [("grant_type", "client_credentials")];

async fn robot(harness: &Harness) -> Relier {
    Relier::register(harness, machine("robot", "annuaire dmp")).await
}

fn token(reply: &Reply) -> &str {
    reply.body["access_token"].as_str().unwrap_or_else(|| panic!("{:?}", reply.body))
}

#[tokio::test]
async fn a_token_and_nothing_else() {
    let harness = Harness::new().await;
    let robot = robot(&harness).await;
    let reply = robot.post(&harness, "/token", &FORM).await;
    let members: Vec<_> = reply.body.as_object().unwrap().keys().cloned().collect();
    assert_eq!(members, ["access_token", "expires_in", "scope", "token_type"]);
    assert_eq!(reply.body["scope"], "annuaire dmp");
    assert_eq!(reply.body["token_type"], "Bearer");
    let told = robot.introspect(&harness, token(&reply)).await;
    assert_eq!(told["active"], true);
    assert_eq!(told["sub"], "robot");
    assert_eq!(told["client_id"], "robot");
    assert_eq!(told["aud"], ISSUER);
    for absent in ["sid", "acr", "auth_time", "username", "authMode"] {
        assert_eq!(told.get(absent), None, "{absent}");
    }
    assert_eq!(harness.audited("tokens.issued client_credentials").await, 1);
    // The audit row is the issuance record: kid and jti.
    let rows = harness.provider.ports.audit.rows(None, 10_000).await.unwrap();
    let records = rows.iter().map(|row| serde_json::from_slice::<Value>(&row.record).unwrap());
    let issued = records.into_iter().find(|record| record["reason"] == "client_credentials").unwrap();
    let (kid, jti) = issued["txn"].as_str().unwrap().split_once('.').unwrap();
    assert_eq!(told["jti"], jti);
    assert!(harness.provider.keyring.published_key(kid).is_some());
}

#[tokio::test]
async fn the_scope_is_narrowed_on_request_and_never_grows() {
    let harness = Harness::new().await;
    let robot = robot(&harness).await;
    let ask = async |scope| robot.post(&harness, "/token", &[FORM[0], ("scope", scope)]).await;
    assert_eq!(ask("dmp").await.body["scope"], "dmp");
    for wider in ["openid", "dmp openid", "scope_all"] {
        assert_eq!(ask(wider).await.refusal(), (400, "invalid_scope"), "{wider}");
    }
}

#[tokio::test]
async fn only_for_clients_that_registered_the_grant_and_prove_who_they_are() {
    let harness = Harness::new().await;
    let service = Relier::register(&harness, reliance("dmp")).await;
    assert_eq!(service.post(&harness, "/token", &FORM).await.refusal(), (400, "unauthorized_client"));
    let mut native = machine("natif", "annuaire");
    native.auth = ClientAuthMethod::None;
    assert!(harness.provider.register_client(native).await.is_err());
    let mut psc = machine("psc", "annuaire");
    psc.profile = Profile::Fapi2;
    psc.grant_types = vec![GrantType::ClientCredentials, GrantType::RefreshToken];
    assert!(harness.provider.register_client(psc).await.is_err());
    let robot = robot(&harness).await;
    let wrong = Relier { secret: String::from("wrong"), ..robot };
    assert_eq!(wrong.post(&harness, "/token", &FORM).await.refusal(), (401, "invalid_client"));
    // The machine cannot have a person sign in.
    let robot_code = [("client_id", "robot"), ("response_type", "code"), ("scope", "openid")];
    let par = send(&harness.router, form("/par", &[], &robot_code)).await;
    assert_eq!(par.status, 401);
}

#[tokio::test]
async fn the_token_opens_nothing_about_persons() {
    let harness = Harness::new().await;
    let robot = robot(&harness).await;
    let reply = robot.post(&harness, "/token", &FORM).await;
    let bearer = format!("Bearer {}", token(&reply));
    let request = form("/userinfo", &[("authorization", &bearer)], &[]);
    assert_eq!(send(&harness.router, request).await.refusal(), (403, "insufficient_scope"));
}

#[tokio::test]
async fn a_disabled_client_has_no_tokens_left_and_gets_none() {
    let harness = Harness::new().await;
    let robot = robot(&harness).await;
    let mut new = machine("api-sante", "annuaire");
    new.resource_server = true;
    let api = Relier::register(&harness, new).await;
    let reply = robot.post(&harness, "/token", &FORM).await;
    let held = token(&reply);
    assert_eq!(api.introspect(&harness, held).await["active"], true);
    harness.provider.disable_client(&robot.id.parse().unwrap()).await.unwrap();
    assert_eq!(api.introspect(&harness, held).await["active"], false);
    assert_eq!(robot.post(&harness, "/token", &FORM).await.refusal(), (401, "invalid_client"));
}

#[tokio::test]
async fn fifty_at_once_are_fifty_rows() {
    let harness = Harness::new().await;
    let robot = robot(&harness).await;
    let asked = (0..50).map(|_| robot.post(&harness, "/token", &FORM));
    let replies = futures_util::future::join_all(asked).await;
    let mut tokens: Vec<_> = replies.iter().map(token).collect();
    tokens.sort_unstable();
    tokens.dedup();
    assert_eq!(tokens.len(), 50);
    assert_eq!(harness.audited("tokens.issued client_credentials").await, 50);
    harness.clock.advance(Duration::from_mins(2));
    assert_eq!(robot.introspect(&harness, tokens[0]).await["active"], false);
}

#[tokio::test]
async fn discovery_announces_it() {
    let harness = Harness::new().await;
    let document = crate::support::plain(&harness, &Method::GET, "/.well-known/openid-configuration").await;
    let grants = document.body["grant_types_supported"].as_array().unwrap();
    assert!(grants.iter().any(|grant| grant == "client_credentials"));
    for (name, path) in [
        ("introspection_endpoint", "/introspect"),
        ("revocation_endpoint", "/revoke"),
        ("end_session_endpoint", "/end_session"),
    ] {
        assert_eq!(document.body[name], format!("{ISSUER}{path}"));
    }
}
