//! The hot pieces with the physical floor beside: `cargo run --release --example micro [REDIS_URL]`.
//!
//! Prints one JSON object a line: what, microseconds through our layer, microseconds of the bare library. One thread; its
//! processor time, the median of seven rounds. Redis is asked one after the other, where the clock counts, and by 50 at
//! once.
#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    clippy::as_conversions,
    clippy::cast_precision_loss,
    reason = "a measurement, run by hand and by tests/bench/run"
)]

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, ParsedPublicKey,
};
use futures_util::future::join_all;
use redis::aio::MultiplexedConnection;
use sceau::adapter::redis::{History, RedisSettings, RedisStore, Servers};
use sceau::base::{Clock as _, OsEntropy, Sid, SystemClock, TokenHash, UnixTime, sha256};
use sceau::jose::{Algorithm, PrivateKey, Sealer, Unverified, compact, signing_input};
use sceau::oauth::ScopeSet;
use sceau::oidc::{ClaimsRequest, IdTokenContent, id_token_claims};
use sceau::ports::{AccessTokenRecord, AccessTokens as _};
use serde_json::{Map, json};

const ROUNDS: usize = 7;
const ROUND: Duration = Duration::from_millis(200);
const AT_ONCE: usize = 50;

fn main() {
    signatures();
    id_token();
    if let Some(url) = std::env::args().nth(1) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(redis_round_trip(&url));
    }
}

/// ES256 over the bytes of an ID token, through `jose` and bare.
fn signatures() {
    let message = [7; 640];
    let key = PrivateKey::generate(Algorithm::Es256).expect("a key");
    let bare =
        EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, key.to_pkcs8()).expect("the same key");
    let random = SystemRandom::new();
    let own = micros(|| drop(black_box(key.sign(black_box(&message)).expect("it signs"))));
    let floor = micros(|| {
        black_box(bare.sign(&random, black_box(&message)).expect("it signs"));
    });
    say("ES256 sign", own, Some(floor));

    let signature = key.sign(&message).expect("it signs");
    let parsed = ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, bare.public_key().as_ref()).expect("a point");
    let own = micros(|| {
        key.public().verify(Algorithm::Es256, black_box(&message), &signature).expect("it verifies");
    });
    let floor = micros(|| parsed.verify_sig(black_box(&message), &signature).expect("it verifies"));
    say("ES256 verify", own, Some(floor));

    let header = json!({ "alg": "ES256", "typ": "JWT", "kid": "bench" });
    let claims =
        json!({ "iss": "bench", "sub": "bench", "aud": "https://id.example.fr", "jti": "a1b2", "exp": 1 });
    let input = signing_input(&header, &claims);
    let token = compact(input.clone(), &key.sign(input.as_bytes()).expect("it signs"));
    let read = || Unverified::parse(black_box(&token), 4096).expect("a token");
    let own =
        micros(|| drop(black_box(read().verify(key.public(), &[Algorithm::Es256]).expect("it verifies"))));
    say("compact JWS: read strictly and verify", own, Some(floor));
}

fn id_token() {
    let key = PrivateKey::generate(Algorithm::Es256).expect("a key");
    let bare =
        EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, key.to_pkcs8()).expect("the same key");
    let (client, amr) = ("bench".parse().expect("a client"), [String::from("hwk"), String::from("user")]);
    let now = SystemClock.now();
    let header = json!({ "alg": "ES256", "typ": "JWT", "kid": "2026-11-a" });
    let input = || {
        let claims = id_token_claims(&IdTokenContent {
            issuer: "https://id.example.fr",
            subject: "3e0a44f5c1b24d1b9d6b2a3f4c5d6e7f",
            client_id: &client,
            iat: now,
            exp: now.plus(Duration::from_mins(2)),
            auth_time: now,
            nonce: Some("n-0S6_WzA2Mj-abcdefghijklmnop"),
            acr: "eidas2",
            amr: &amr,
            sid: Some(Sid::from_uuid(uuid::Uuid::nil())),
            at_hash: Some("MTIzNDU2Nzg5MDEyMzQ1Ng"),
            extra: Map::new(),
        });
        signing_input(&header, &claims)
    };
    let own = micros(|| {
        let input = input();
        let signature = key.sign(input.as_bytes()).expect("it signs");
        drop(black_box(compact(input, &signature)));
    });
    let (whole, random) = (input(), SystemRandom::new());
    let floor = micros(|| {
        black_box(bare.sign(&random, whole.as_bytes()).expect("it signs"));
    });
    say("ID token: serialise and sign", own, Some(floor));
    say("ID token: serialise alone", micros(|| drop(black_box(input()))), None);
}

async fn redis_round_trip(url: &str) {
    let settings = RedisSettings {
        servers: Servers::One(url.to_owned()),
        password: None,
        sentinel_password: None,
        authorities: None,
        prefix: String::from("micro"),
    };
    let (entropy, clock) = (Arc::new(OsEntropy), Arc::new(SystemClock));
    let sealer = Sealer::new(1, &[7; 32]);
    let store = RedisStore::connect(&settings, sealer, entropy, clock, History::Some).await.expect("Redis");
    let client = redis::Client::open(url).expect("an address");
    let bare = client.get_multiplexed_async_connection().await.expect("Redis");

    let now = SystemClock.now();
    let token = TokenHash::of("micro");
    store.put(&token, &record(now)).await.expect("kept");
    let value = sha256(&[b"micro"]).repeat(12);
    let mut line = bare.clone();
    let kept: Result<(), _> = redis::cmd("SET").arg("micro:bare").arg(value).query_async(&mut line).await;
    kept.expect("kept");

    let own = || async { drop(black_box(store.load(&token, now).await.expect("read"))) };
    let floor = || get(bare.clone());
    say("Redis: one access-token record, round trip", wall(1, own).await, Some(wall(1, floor).await));
    let name = format!("Redis: the same, {AT_ONCE} at once, processor time");
    say(&name, processor(AT_ONCE, own).await, Some(processor(AT_ONCE, floor).await));
    let put = || async { store.put(&token, &record(now)).await.expect("kept") };
    say("Redis: keep an access-token record, round trip", wall(1, put).await, None);
}

async fn get(mut line: MultiplexedConnection) {
    let read: Result<Vec<u8>, _> = redis::cmd("GET").arg("micro:bare").query_async(&mut line).await;
    drop(black_box(read.expect("read")));
}

fn record(now: UnixTime) -> AccessTokenRecord {
    AccessTokenRecord {
        client: "bench".parse().expect("a client"),
        person: None,
        on_behalf_of: None,
        device: None,
        sid: None,
        grant: None,
        family: None,
        subject: String::from("bench"),
        scope: ScopeSet::parse("openid scope_all").expect("a scope"),
        claims: ClaimsRequest::default(),
        audience: String::from("https://id.example.fr"),
        jti: String::from("3e0a44f5c1b24d1b9d6b2a3f4c5d6e7f"),
        auth_time: None,
        acr: None,
        nonce: None,
        kid: String::from("2026-11-a"),
        jkt: None,
        auth_mode: None,
        told: None,
        issued_at: now,
        expires_at: now.plus(Duration::from_mins(10)),
    }
}

/// Microseconds of processor time of one call.
fn micros(mut call: impl FnMut()) -> f64 {
    call();
    let mut rounds: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let (began, used, mut calls) = (Instant::now(), own_time(), 0_u32);
            while began.elapsed() < ROUND {
                (0..50).for_each(|_| call());
                calls += 50;
            }
            (own_time() - used) * 1e6 / f64::from(calls)
        })
        .collect();
    middle(&mut rounds)
}

/// Microseconds of the clock for one call, `at_once` of them under way.
async fn wall<F: Future<Output = ()>>(at_once: usize, call: impl Fn() -> F) -> f64 {
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        let (began, mut calls) = (Instant::now(), 0_usize);
        while began.elapsed() < ROUND {
            join_all((0..at_once).map(|_| call())).await;
            calls += at_once;
        }
        rounds.push(began.elapsed().as_secs_f64() * 1e6 / calls as f64);
    }
    middle(&mut rounds)
}

/// Microseconds of this process's processor time for one call.
async fn processor<F: Future<Output = ()>>(at_once: usize, call: impl Fn() -> F) -> f64 {
    let (began, used, mut calls) = (Instant::now(), own_time(), 0_usize);
    while began.elapsed() < 2 * Duration::from_secs(1) {
        join_all((0..at_once).map(|_| call())).await;
        calls += at_once;
    }
    (own_time() - used) * 1e6 / calls as f64
}

/// Seconds that this thread was on a processor: the first field of schedstat, in nanoseconds.
fn own_time() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/schedstat").expect("Linux");
    let nanoseconds = stat.split_whitespace().next().and_then(|field| field.parse::<f64>().ok());
    nanoseconds.expect("a number") / 1e9
}

fn middle(rounds: &mut [f64]) -> f64 {
    rounds.sort_by(f64::total_cmp);
    rounds.get(rounds.len() / 2).copied().unwrap_or_default()
}

fn say(what: &str, own: f64, floor: Option<f64>) {
    println!("{}", json!({ "what": what, "us": own, "floor": floor }));
}
