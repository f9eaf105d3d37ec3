//! Redis that is gone, stopped, emptied, full, of the wrong kind, or seen by two replicas.

use std::net::TcpListener;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use sceau::adapter::redis::{History, RedisSettings, RedisStore, Servers};
use sceau::base::{Clock as _, Secret, SeededEntropy, TestClock, TokenHash};
use sceau::jose::Sealer;
use sceau::ports::{OpenLimits, PortError, PortResult, ReplayKind, Sighting, ThrottleRule};
use tokio::task::JoinSet;

use super::ephemeral::{Kit, MILLISECOND, MINUTE, START};
use super::ephemeral_redis::{kit_around, store};
use super::ephemeral_samples::{
    approval, code, denied, interaction, mistyped, recipient, record, session, token,
};
use super::redis_server::Server;

const RULE: ThrottleRule = ThrottleRule { name: "contract", limit: 3, window: MINUTE };
const BOUND: Duration = Duration::from_secs(2);
/// For the machine, not for the provider.
const PROMPT: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_redis_every_port_says_so_within_two_seconds_and_works_again_after() {
    let (mut server, _, kit) = begin(History::None).await;
    let begun = interaction(&kit, kit.soon());
    kit.interactions.insert(&begun).await.unwrap();
    server.kill();
    let (hash, now) = (token(&kit), kit.now());
    unavailable(kit.one_shot.put_code(&hash, &code(&kit, kit.soon()))).await;
    unavailable(kit.one_shot.take_code(&hash, now)).await;
    unavailable(kit.interactions.advance(0, &begun)).await;
    unavailable(kit.approvals.list(&recipient(&kit), now)).await;
    unavailable(kit.sessions.insert(&hash, &session(&kit, kit.soon(), kit.soon()))).await;
    unavailable(kit.access_tokens.load(&hash, now)).await;
    unavailable(kit.replay.generation()).await;
    unavailable(kit.replay.first_seen(kit.proof(), &hash, kit.soon(), now)).await;
    unavailable(kit.throttle.hit(RULE, b"a", now)).await;
    unavailable(kit.throttle.allows(RULE, b"a", now)).await;
    server.start_again();
    assert!(!answered(|| kit.interactions.advance(0, &begun)).await, "gone, hence refused");
    kit.one_shot.put_code(&hash, &code(&kit, kit.soon())).await.unwrap();
    assert!(kit.one_shot.take_code(&hash, now).await.unwrap().is_some());
}

/// A partition: the connection stands and nobody answers.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_redis_is_as_one_that_is_gone() {
    let (server, _, kit) = begin(History::None).await;
    let (hash, now) = (token(&kit), kit.now());
    kit.one_shot.put_code(&hash, &code(&kit, kit.soon())).await.unwrap();
    server.command(&["CLIENT", "PAUSE", "4000", "ALL"]).await;
    unavailable(kit.one_shot.load_pushed(&hash, now)).await;
    unavailable(kit.throttle.allows(RULE, b"a", now)).await;
    assert!(answered(|| kit.one_shot.take_code(&hash, now)).await.is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_lost_store_may_have_seen_is_refused_and_the_rest_taken_at_once() {
    let (mut server, store, kit) = begin(History::None).await;
    let (assertion, proof) = (token(&kit), token(&kit));
    let (made, nonce) = (kit.assertion(), kit.proof());
    let before = store.generation().current();
    assert_eq!(seen(&kit, made, &assertion).await, Sighting::First);
    assert_eq!(seen(&kit, nonce, &proof).await, Sighting::First);
    server.kill();
    server.start_again();
    kit.clock.advance(Duration::from_secs(1));
    for (kind, hash) in [(made, &assertion), (nonce, &proof), (made, &token(&kit)), (nonce, &token(&kit))] {
        assert_eq!(seen(&kit, kind, hash).await, Sighting::Forgotten);
    }
    assert!(store.generation().current() > before);
    assert_eq!(seen(&kit, kit.assertion(), &token(&kit)).await, Sighting::Forgotten, "in the same instant");
    assert_eq!(seen(&kit, kit.proof(), &token(&kit)).await, Sighting::First);
    kit.clock.advance(MILLISECOND);
    assert_eq!(seen(&kit, kit.assertion(), &token(&kit)).await, Sighting::First);
}

/// A client's clock is ahead: its assertion looks made after the loss, and was used before it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_assertion_of_a_clock_ahead_is_not_younger_than_the_loss() {
    let (mut server, _, kit) = begin(History::None).await;
    let hash = token(&kit);
    let ahead = ReplayKind::ClientAssertion { made: kit.now().plus(Duration::from_secs(8)) };
    assert_eq!(seen(&kit, ahead, &hash).await, Sighting::First);
    server.kill();
    server.start_again();
    kit.clock.advance(Duration::from_secs(1));
    assert_eq!(seen(&kit, ahead, &hash).await, Sighting::Forgotten);
    kit.clock.advance(Duration::from_secs(8));
    assert_eq!(seen(&kit, kit.assertion(), &token(&kit)).await, Sighting::First);
}

/// The connection stands; only the data is gone.
#[tokio::test]
async fn an_emptied_store_is_noticed_without_losing_the_connection() {
    let (server, store, kit) = begin(History::None).await;
    let hash = token(&kit);
    for shown in [Kit::assertion, Kit::proof] {
        kit.clock.advance(MILLISECOND);
        let kind = shown(&kit);
        let before = store.generation().current();
        assert_eq!(seen(&kit, kind, &hash).await, Sighting::First);
        server.command(&["FLUSHALL"]).await;
        let first = kit.replay.first_seen(kind, &hash, kit.soon(), kit.now()).await;
        assert!(!matches!(first, Ok(Sighting::First)), "{first:?}");
        assert!(store.generation().current() > before, "known to whoever asks next");
        assert_eq!(seen(&kit, kind, &hash).await, Sighting::Forgotten);
        assert_eq!(seen(&kit, kit.proof(), &token(&kit)).await, Sighting::First);
    }
}

#[tokio::test]
async fn replicas_agree_on_the_generation() {
    let server = Server::start(&[]);
    let clock = Arc::new(TestClock::at(START));
    let first = store(&server.settings(), &clock, History::Some).await;
    clock.advance(MINUTE);
    let second = store(&server.settings(), &clock, History::None).await;
    assert_eq!(first.generation().current(), second.generation().current());
    let kit = kit_around(&server, "sceau", Arc::new(second), clock);
    assert_eq!(first.generation().known(), kit.replay.known_generation());
    let early = ReplayKind::ClientAssertion { made: START };
    assert_eq!(seen(&kit, early, &token(&kit)).await, Sighting::Forgotten, "the first replica began then");
    let elsewhere = RedisSettings { prefix: String::from("other"), ..server.settings() };
    let other = store(&elsewhere, &kit.clock, History::None).await;
    assert!(other.generation().current() > first.generation().current());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_decision_on_one_replica_wakes_the_other() {
    let (server, _, kit) = begin(History::None).await;
    let other = Arc::new(store(&server.settings(), &kit.clock, History::None).await);
    let other = kit_around(&server, "sceau", other, kit.clock.clone());
    let asked = approval(&kit, recipient(&kit), "42");
    kit.approvals.open(&asked, OpenLimits { live: 5 }, kit.now()).await.unwrap();
    let mut pending = asked.clone();
    for version in 0..2 {
        let (waiter, id) = (Arc::clone(&other.approvals), asked.request().id);
        let mut woken = JoinSet::new();
        woken.spawn(async move {
            waiter.changed(id, MINUTE).await;
            Instant::now()
        });
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert!(woken.try_join_next().is_none(), "nothing has changed yet");
        let next = if version == 0 { mistyped(&kit, &pending) } else { denied(&pending, kit.now()) };
        let told = Instant::now();
        assert!(kit.approvals.advance(version, &next).await.unwrap());
        assert!(woken.join_all().await[0].duration_since(told) < Duration::from_secs(1));
        pending = next;
    }
    assert!(other.approvals.list(&asked.request().recipient, kit.now()).await.unwrap().is_empty());
}

#[tokio::test]
async fn forgotten_scripts_are_sent_again() {
    let (server, _, kit) = begin(History::None).await;
    let begun = interaction(&kit, kit.soon());
    for version in 0..2 {
        server.command(&["SCRIPT", "FLUSH"]).await;
        if version == 0 {
            kit.interactions.insert(&begun).await.unwrap();
        }
        assert!(kit.interactions.advance(version, &begun).await.unwrap());
        assert!(kit.throttle.hit(RULE, b"a", kit.now()).await.unwrap());
    }
}

/// Nothing new is taken; what runs goes on; counting never stops.
#[tokio::test]
async fn full_memory_refuses_what_is_new() {
    let (server, _, kit) = begin(History::None).await;
    let (hash, other, now) = (token(&kit), token(&kit), kit.now());
    let begun = interaction(&kit, kit.soon());
    let asked = approval(&kit, recipient(&kit), "42");
    kit.one_shot.put_code(&hash, &code(&kit, kit.soon())).await.unwrap();
    kit.interactions.insert(&begun).await.unwrap();
    kit.approvals.open(&asked, OpenLimits { live: 5 }, now).await.unwrap();
    kit.sessions.insert(&hash, &session(&kit, kit.soon(), kit.soon())).await.unwrap();
    let (issued, spent) = (token(&kit), token(&kit));
    for held in [&issued, &spent] {
        kit.access_tokens.put(held, &record(&kit, kit.soon())).await.unwrap();
    }
    server.command(&["CONFIG", "SET", "maxmemory", "1"]).await;
    unavailable(kit.one_shot.put_code(&other, &code(&kit, kit.soon()))).await;
    unavailable(kit.interactions.insert(&interaction(&kit, kit.soon()))).await;
    unavailable(kit.approvals.open(&approval(&kit, recipient(&kit), "43"), OpenLimits { live: 5 }, now))
        .await;
    unavailable(kit.replay.first_seen(kit.proof(), &other, kit.soon(), now)).await;
    unavailable(kit.replay.first_seen(kit.assertion(), &other, kit.soon(), now)).await;
    unavailable(kit.sessions.insert(&other, &session(&kit, kit.soon(), kit.soon()))).await;
    // A code is redeemed, its token answered and revoked.
    assert!(kit.one_shot.take_code(&hash, now).await.unwrap().is_some());
    kit.access_tokens.put(&other, &record(&kit, kit.soon())).await.unwrap();
    assert!(kit.access_tokens.load(&other, now).await.unwrap().is_some());
    kit.access_tokens.remove(&issued).await.unwrap();
    assert!(kit.access_tokens.load(&issued, now).await.unwrap().is_none());
    assert!(kit.access_tokens.take(&spent, now).await.unwrap().is_some());
    assert!(kit.interactions.advance(0, &begun).await.unwrap());
    assert!(kit.approvals.advance(0, &denied(&asked, now)).await.unwrap());
    assert!(kit.sessions.touch(&hash, kit.soon(), now).await.unwrap());
    kit.sessions.remove(&hash).await.unwrap();
    for allowed in [true, true, true, false] {
        assert_eq!(kit.throttle.hit(RULE, b"a", now).await.unwrap(), allowed);
    }
}

#[tokio::test]
async fn a_redis_that_evicts_is_refused() {
    let server = Server::start(&["--maxmemory-policy", "allkeys-lru"]);
    let PortError::Unavailable(sentence) = connect(&server.settings()).await.err().unwrap() else {
        panic!("another error");
    };
    assert!(sentence.contains("maxmemory-policy must be noeviction"), "{sentence}");
}

#[tokio::test]
async fn users_have_passwords() {
    let rules = ["--user", "sceau", "on", ">right", "~sceau:*", "&sceau:*", "+@all", "-@dangerous", "+info"];
    let server = Server::start(&[&["--user", "default", "off"], rules.as_slice()].concat());
    let named = |password: Option<&str>| {
        let servers = Servers::One(format!("{}?user=sceau", server.url()));
        let password = password.map(|password| Secret::new(password.to_owned()));
        RedisSettings { servers, password, ..server.settings() }
    };
    for refused in [server.settings(), named(None), named(Some("wrong"))] {
        assert!(matches!(connect(&refused).await, Err(PortError::Unavailable(_))));
    }
    let clock = Arc::new(TestClock::at(START));
    let kit = kit_around(&server, "sceau", Arc::new(connect(&named(Some("right"))).await.unwrap()), clock);
    let asked = approval(&kit, recipient(&kit), "42");
    kit.approvals.open(&asked, OpenLimits { live: 5 }, kit.now()).await.unwrap();
    assert!(kit.approvals.advance(0, &denied(&asked, kit.now())).await.unwrap());
    assert_eq!(seen(&kit, kit.proof(), &token(&kit)).await, Sighting::First);
    assert!(kit.throttle.hit(RULE, b"a", kit.now()).await.unwrap());
    assert!(!format!("{:?}", named(Some("right"))).contains("right"));
}

#[tokio::test]
async fn the_server_of_rediss_proves_itself() {
    // The binary installs it at its start.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let files = tempfile::tempdir().unwrap();
    let path = |name: &str| files.path().join(name).display().to_string();
    let authority = write_certificates(files.path());
    // Another program could take the port in between; then the start fails, and says so.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    let (cert, key) = (path("cert.pem"), path("key.pem"));
    let tls = ["--tls-port", &port, "--tls-cert-file", &cert, "--tls-key-file", &key, "--tls-ca-cert-file"];
    let server = Server::start(&[tls.as_slice(), &[&cert, "--tls-auth-clients", "no"]].concat());
    let settings = |authorities| {
        let servers = Servers::One(format!("rediss://localhost:{port}"));
        RedisSettings { servers, authorities, ..server.settings() }
    };
    assert!(matches!(connect(&settings(None)).await, Err(PortError::Unavailable(_))), "unknown authority");
    let store = connect(&settings(Some(authority))).await.unwrap();
    let clock = TestClock::at(START);
    let kit = kit_around(&server, "sceau", Arc::new(store), Arc::new(clock));
    assert!(kit.one_shot.take_code(&token(&kit), kit.clock.now()).await.unwrap().is_none());
}

/// A server with its store and the rest of a kit.
async fn begin(history: History) -> (Server, Arc<RedisStore>, Kit) {
    let server = Server::start(&[]);
    let clock = Arc::new(TestClock::at(START));
    let store = Arc::new(store(&server.settings(), &clock, history).await);
    let kit = kit_around(&server, "sceau", Arc::clone(&store), clock);
    (server, store, kit)
}

async fn connect(settings: &RedisSettings) -> PortResult<RedisStore> {
    let (sealer, entropy) = (Sealer::new(1, &[5; 32]), Arc::new(SeededEntropy::new(1)));
    RedisStore::connect(settings, sealer, entropy, Arc::new(TestClock::at(START)), History::None).await
}

async fn unavailable<T: std::fmt::Debug>(call: impl Future<Output = PortResult<T>>) {
    let begun = Instant::now();
    let answer = call.await;
    assert!(matches!(answer, Err(PortError::Unavailable(_))), "{answer:?}");
    assert!(begun.elapsed() < BOUND, "{:?}", begun.elapsed());
}

/// The answer once Redis is there again; until then the port says that it is not.
pub(super) async fn answered<T, F: Future<Output = PortResult<T>>>(call: impl Fn() -> F) -> T {
    let begun = Instant::now();
    loop {
        match call().await {
            Ok(answer) => return answer,
            Err(PortError::Unavailable(_)) if begun.elapsed() < PROMPT => {}
            Err(error) => panic!("{error}"),
        }
    }
}

pub(super) async fn seen(kit: &Kit, kind: ReplayKind, hash: &TokenHash) -> Sighting {
    answered(|| kit.replay.first_seen(kind, hash, kit.soon(), kit.now())).await
}

/// Certificate and key of `localhost` in files; the authority's certificate, PEM.
fn write_certificates(folder: &std::path::Path) -> String {
    let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority_key = KeyPair::generate().unwrap();
    let authority = params.self_signed(&authority_key).unwrap();
    let issuer = Issuer::new(params, authority_key);
    let key = KeyPair::generate().unwrap();
    let own = CertificateParams::new(vec![String::from("localhost")]).unwrap();
    let own = own.signed_by(&key, &issuer).unwrap();
    std::fs::write(folder.join("cert.pem"), own.pem()).unwrap();
    std::fs::write(folder.join("key.pem"), key.serialize_pem()).unwrap();
    authority.pem()
}
