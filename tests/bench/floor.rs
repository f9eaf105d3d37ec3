//! The floor: a bare axum server that does only the unavoidable work of each endpoint (signatures with aws-lc-rs, one
//! round trip to Redis), with no policy, limit, audit, log or metric. What a real server can approach and not pass.
//!
//! `floor PORT REDIS_URL DISCOVERY_FILE CLIENT_JWKS_FILE`; the discovery document is served as it is.
#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "a measurement, run by tests/bench/run"
)]

use std::collections::HashMap;
use std::sync::Arc;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::{SecureRandom as _, SystemRandom};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, ParsedPublicKey,
};
use axum::body::{Body, Bytes};
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::{get, post};
use axum::{Form, Router};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use redis::aio::MultiplexedConnection;
use serde_json::{Value, json};

/// Opaque tokens known from the start: `tok0`, `tok1`, …
const TOKENS: usize = 100_000;

struct Floor {
    issuer: String,
    discovery: Bytes,
    jwks: Bytes,
    key: EcdsaKeyPair,
    random: SystemRandom,
    client_key: ParsedPublicKey,
    /// Of the client's secret: whatever the first request shows.
    secret: std::sync::OnceLock<Vec<u8>>,
    redis: MultiplexedConnection,
}

type Shared = State<Arc<Floor>>;
type Fields = HashMap<String, String>;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let words: Vec<String> = std::env::args().collect();
    let [_, port, redis, discovery, jwks] = words.as_slice() else { panic_usage() };
    let discovery = std::fs::read(discovery).expect("the discovery document");
    let metadata: Value = serde_json::from_slice(&discovery).expect("JSON");
    let random = SystemRandom::new();
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).expect("a key");
    let client = redis::Client::open(redis.as_str()).expect("an address");
    let floor = Floor {
        issuer: metadata["issuer"].as_str().unwrap_or("").to_owned(),
        discovery: discovery.into(),
        jwks: std::fs::read(jwks).expect("the client's keys").into(),
        key: EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref()).expect("a key"),
        random,
        client_key: client_key(jwks),
        secret: std::sync::OnceLock::new(),
        redis: client.get_multiplexed_async_connection().await.expect("Redis"),
    };
    keep_tokens(floor.redis.clone()).await;
    let app = Router::new()
        .route(
            "/.well-known/openid-configuration",
            get(|State(floor): Shared| async move { json_of(floor.discovery.clone()) }),
        )
        .route("/jwks", get(|State(floor): Shared| async move { json_of(floor.jwks.clone()) }))
        .route("/authorize", get(authorize))
        .route("/token", post(token))
        .route("/introspect", post(introspect))
        .route("/userinfo", get(userinfo))
        .with_state(Arc::new(floor));
    let listener = tokio::net::TcpListener::bind(format!("127.0.0.1:{port}")).await.expect("the port");
    println!("ready");
    axum::serve(axum::serve::ListenerExt::tap_io(listener, |stream| drop(stream.set_nodelay(true))), app)
        .await
        .expect("it serves");
}

fn panic_usage() -> ! {
    println!("floor PORT REDIS_URL DISCOVERY_FILE CLIENT_JWKS_FILE");
    std::process::exit(2)
}

fn client_key(file: &str) -> ParsedPublicKey {
    let jwks: Value = serde_json::from_slice(&std::fs::read(file).expect("the client's keys")).expect("JSON");
    let coordinate =
        |name: &str| URL_SAFE_NO_PAD.decode(jwks["keys"][0][name].as_str().unwrap_or("")).expect("base64url");
    let point = [vec![4], coordinate("x"), coordinate("y")].concat();
    ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).expect("a point")
}

async fn keep_tokens(mut redis: MultiplexedConnection) {
    for from in (0..TOKENS).step_by(1000) {
        let mut pipe = redis::pipe();
        for at in from..from + 1000 {
            pipe.cmd("SET")
                .arg(format!("floor:ot:tok{at}"))
                .arg(format!("user{at}"))
                .arg("EX")
                .arg(7200)
                .ignore();
        }
        let kept: Result<(), _> = pipe.query_async(&mut redis).await;
        kept.expect("kept");
    }
}

async fn authorize(Query(fields): Query<Fields>) -> Response {
    let value = |name| fields.get(name).map_or("", String::as_str);
    Redirect::to(&format!("{}?code=any&state={}", value("redirect_uri"), value("state"))).into_response()
}

async fn token(State(floor): Shared, headers: HeaderMap, Form(fields): Form<Fields>) -> Response {
    let mut redis = floor.redis.clone();
    if let Some(assertion) = fields.get("client_assertion") {
        let Some(jti) = floor.asserted(assertion) else { return refused("invalid_client") };
        let mut once = redis::cmd("SET");
        once.arg(format!("floor:jti:{jti}")).arg(1).arg("NX").arg("EX").arg(300);
        let first: Option<String> = once.query_async(&mut redis).await.expect("Redis");
        if first.is_none() {
            return refused("invalid_client");
        }
    } else if !floor.has_secret(&headers) {
        return refused("invalid_client");
    }
    match fields.get("grant_type").map_or("", String::as_str) {
        "client_credentials" => {
            let (jti, access) = floor.access_token("bench");
            let mut keep = redis::cmd("SET");
            keep.arg(format!("floor:at:{jti}")).arg("bench openid").arg("EX").arg(600);
            let kept: Result<(), _> = keep.query_async(&mut redis).await;
            kept.expect("kept");
            json_of(format!(r#"{{"access_token":"{access}","token_type":"Bearer","expires_in":600}}"#))
        }
        "refresh_token" => {
            let old = fields.get("refresh_token").map_or("", String::as_str);
            let take = redis::cmd("GETDEL").arg(format!("floor:rt:{old}")).to_owned();
            let grant: Option<String> = take.query_async(&mut redis).await.expect("Redis");
            let Some(grant) = grant else { return refused("invalid_grant") };
            floor.tokens(&grant, redis).await
        }
        _ => floor.tokens("user1 sid openid", redis).await,
    }
}

async fn introspect(State(floor): Shared, headers: HeaderMap, Form(fields): Form<Fields>) -> Response {
    if !floor.has_secret(&headers) {
        return refused("invalid_client");
    }
    let Some(subject) = floor.subject_of(fields.get("token").map_or("", String::as_str)).await else {
        return json_of(r#"{"active":false}"#);
    };
    let issuer = &floor.issuer;
    json_of(format!(
        r#"{{"active":true,"client_id":"bench","scope":"openid","sub":"{subject}","iat":1,"exp":2,"token_type":"Bearer","iss":"{issuer}"}}"#
    ))
}

async fn userinfo(State(floor): Shared, headers: HeaderMap) -> Response {
    let shown = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let Some(token) = shown.and_then(|value| value.strip_prefix("Bearer ")) else {
        return refused("invalid_token");
    };
    let Some(subject) = floor.subject_of(token).await else { return refused("invalid_token") };
    json_of(
        json!({ "sub": subject, "name": "User", "email": "u@example.org", "email_verified": true })
            .to_string(),
    )
}

impl Floor {
    fn has_secret(&self, headers: &HeaderMap) -> bool {
        let shown = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let pair = shown
            .and_then(|value| value.strip_prefix("Basic "))
            .and_then(|value| STANDARD.decode(value).ok());
        let hash = |pair: Vec<u8>| digest(&SHA256, &pair).as_ref().to_vec();
        let Some(hash) = pair.map(hash) else { return false };
        verify_slices_are_equal(&hash, self.secret.get_or_init(|| hash.clone())).is_ok()
    }

    /// The `jti` of an assertion whose signature and claims are right.
    fn asserted(&self, assertion: &str) -> Option<String> {
        let (input, signature) = assertion.rsplit_once('.')?;
        self.client_key.verify_sig(input.as_bytes(), &URL_SAFE_NO_PAD.decode(signature).ok()?).ok()?;
        let claims: Value =
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(input.split_once('.')?.1).ok()?).ok()?;
        let right =
            claims["iss"] == claims["sub"] && claims["aud"] == self.issuer.as_str() && claims["exp"].is_u64();
        right.then(|| claims["jti"].as_str().map(str::to_owned)).flatten()
    }

    async fn subject_of(&self, token: &str) -> Option<String> {
        let read = redis::cmd("GET").arg(format!("floor:ot:{token}")).to_owned();
        read.query_async(&mut self.redis.clone()).await.expect("Redis")
    }

    /// Access, ID and refresh token, the last two of them kept.
    async fn tokens(&self, grant: &str, mut redis: MultiplexedConnection) -> Response {
        let (jti, access) = self.access_token("user1");
        let issuer = &self.issuer;
        let claims = json!({
            "iss": issuer, "sub": "user1", "aud": "bench", "iat": 1, "exp": 2, "auth_time": 1, "acr": "eidas2",
            "amr": ["hwk", "user"], "sid": "9f0d2b1e-6f0a-4c0e-8f50-2f6d9a1f4f11", "nonce": "n-0S6_WzA2Mj",
        });
        let (id, refresh) = (self.signed("JWT", &claims), self.random_text());
        let mut pipe = redis::pipe();
        pipe.cmd("SET").arg(format!("floor:rt:{refresh}")).arg(grant).arg("EX").arg(1800).ignore();
        pipe.cmd("SET").arg(format!("floor:at:{jti}")).arg(grant).arg("EX").arg(600).ignore();
        let kept: Result<(), _> = pipe.query_async(&mut redis).await;
        kept.expect("kept");
        json_of(format!(
            r#"{{"access_token":"{access}","token_type":"Bearer","expires_in":600,"id_token":"{id}","refresh_token":"{refresh}"}}"#
        ))
    }

    fn access_token(&self, subject: &str) -> (String, String) {
        let (jti, issuer) = (self.random_text(), &self.issuer);
        let claims = json!({
            "iss": issuer, "sub": subject, "aud": issuer, "client_id": "bench", "jti": jti, "iat": 1, "exp": 2, "scope": "openid",
        });
        let token = self.signed("at+jwt", &claims);
        (jti, token)
    }

    fn signed(&self, kind: &str, claims: &Value) -> String {
        let header = URL_SAFE_NO_PAD.encode(format!(r#"{{"alg":"ES256","typ":"{kind}","kid":"floor"}}"#));
        let input = format!("{header}.{}", URL_SAFE_NO_PAD.encode(claims.to_string()));
        let signature = self.key.sign(&self.random, input.as_bytes()).expect("it signs");
        format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    fn random_text(&self) -> String {
        let mut bytes = [0; 24];
        self.random.fill(&mut bytes).expect("randomness");
        URL_SAFE_NO_PAD.encode(bytes)
    }
}

fn json_of(body: impl Into<Body>) -> Response {
    ([(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")], body.into())
        .into_response()
}

fn refused(error: &'static str) -> Response {
    (
        StatusCode::BAD_REQUEST,
        [(header::CONTENT_TYPE, "application/json")],
        format!(r#"{{"error":"{error}"}}"#),
    )
        .into_response()
}
