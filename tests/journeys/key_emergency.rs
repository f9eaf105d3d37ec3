//! A signing key is lost: it is revoked by a command, and every process refuses what it signed (`attacks.md` A-217).

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sceau::base::{Secret, UnixTime, from_base64url};
use sceau::flow::{KeyChangeError, KeyOfficers, PresentedProof, Provider, Revoked};
use sceau::jose::{compact, signing_input};
use sceau::keyring::{KeyRefusal, KeyState, Purpose};
use sceau::oauth::NonceClass;
use sceau::ports::{PortResult, Signer};
use serde_json::{Value, json};

use crate::support::{
    CAMILLE, Caller, Fails, HUGO, Harness, Outage, Received, Relier, SignedIn, bare, exchange, form, machine,
    reliance, routes,
};

fn officer() -> KeyOfficers {
    KeyOfficers { first: Secret::new(String::from("Mme Première")), second: None, reason: None }
}

fn officers() -> KeyOfficers {
    KeyOfficers { second: Some(Secret::new(String::from("M. Deux"))), ..officer() }
}

/// Two processes that serve, the process of the command, and somebody signed in.
struct Scene {
    harness: Harness,
    other: Arc<Provider>,
    routes: [Router; 2],
    command: Provider,
    service: Relier,
    signed_in: SignedIn,
}

async fn scene() -> Scene {
    let harness = Harness::new().await;
    let service = Relier::register(&harness, reliance("dmp")).await;
    let mut phone = harness.enrolled("camille", CAMILLE).await;
    let signed_in = service.sign_in(&harness, &mut phone).await;
    let command = harness.replica(|_| ()).await;
    let other = Arc::new(harness.replica(|_| ()).await);
    let routes = [harness.router.clone(), routes(Arc::clone(&other))];
    Scene { harness, other, routes, command, service, signed_in }
}

impl Scene {
    /// The jobs of both processes, a few seconds later.
    async fn soon(&self) {
        self.harness.clock.advance(Duration::from_secs(4));
        for provider in [&self.harness.provider, &self.other] {
            provider.refresh_cutoffs().await.unwrap();
        }
    }

    async fn introspect(&self, routes: &Router, token: &str) -> Received {
        self.post(routes, "/introspect", &[("token", token)]).await
    }

    async fn post(&self, routes: &Router, path: &str, fields: &[(&str, &str)]) -> Received {
        let basic =
            format!("Basic {}", STANDARD.encode(format!("{}:{}", self.service.id, self.service.secret)));
        exchange(routes, form(path, &[("authorization", &basic)], fields)).await
    }

    async fn refresh(&self, routes: &Router) -> Received {
        let token = self.signed_in.token("refresh_token");
        self.post(routes, "/token", &[("grant_type", "refresh_token"), ("refresh_token", token)]).await
    }

    /// Single sign-on with the ID token as a hint: where the browser is sent.
    async fn hinted(&self, routes: &Router) -> String {
        let path = format!(
            "/authorize?client_id=dmp&response_type=code&scope=openid&prompt=none&state=s&nonce=n&redirect_uri={}&id_token_hint={}",
            "https%3A%2F%2Fdmp.example%2Fretour",
            self.signed_in.token("id_token"),
        );
        let cookie = self.signed_in.cookie();
        let answer = exchange(routes, bare(&http::Method::GET, &path, &[("cookie", &cookie)])).await;
        answer.header("location").to_owned()
    }
}

async fn jwks(routes: &Router) -> (Vec<String>, String) {
    let answer = exchange(routes, bare(&http::Method::GET, "/jwks", &[])).await;
    assert_eq!(answer.header("cache-control"), "public, max-age=600");
    let keys = answer.json()["keys"].as_array().unwrap().clone();
    (
        keys.iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect(),
        answer.header("etag").to_owned(),
    )
}

async fn userinfo(routes: &Router, token: &str) -> u16 {
    let bearer = format!("Bearer {token}");
    exchange(routes, bare(&http::Method::GET, "/userinfo", &[("authorization", &bearer)])).await.status
}

fn kid_of(token: &str) -> String {
    let header = from_base64url(token.split('.').next().unwrap()).unwrap();
    serde_json::from_slice::<Value>(&header).unwrap()["kid"].as_str().unwrap().to_owned()
}

/// What whoever holds the key can make: a token of somebody else's session, an hour old.
async fn forged(scene: &Scene) -> String {
    let token = scene.signed_in.token("access_token");
    let part = |at: usize| from_base64url(token.split('.').nth(at).unwrap()).unwrap();
    let header: Value = serde_json::from_slice(&part(0)).unwrap();
    let mut claims: Value = serde_json::from_slice(&part(1)).unwrap();
    claims["iat"] = json!(scene.harness.provider.now().secs() - 3600);
    claims["jti"] = json!("forged");
    let input = signing_input(&header, &claims);
    let signature = scene.harness.provider.ports.signer.sign(&kid_of(token), input.as_bytes()).await.unwrap();
    compact(input, &signature)
}

#[tokio::test]
async fn what_a_revoked_key_signed_is_refused_by_every_process() {
    let scene = scene().await;
    let token = scene.signed_in.token("access_token");
    let (old, forged) = (kid_of(token), forged(&scene).await);
    let mut etags = Vec::new();
    for routes in &scene.routes {
        assert_eq!(scene.introspect(routes, token).await.json()["active"], true);
        assert_eq!(scene.introspect(routes, &forged).await.json()["active"], false, "no record");
        assert_eq!((userinfo(routes, token).await, userinfo(routes, &forged).await), (200, 401));
        assert!(scene.hinted(routes).await.contains("code="));
        let (kids, etag) = jwks(routes).await;
        assert_eq!((kids.len(), &kids[0]), (2, &old));
        etags.push(etag);
    }
    let done = scene.command.revoke_key(&old, None, &officer()).await.unwrap();
    assert!(done.changed && done.sessions == 0);
    scene.soon().await;
    for (routes, etag) in scene.routes.iter().zip(etags) {
        let (kids, anew) = jwks(routes).await;
        assert_eq!(kids, [done.successor.clone().unwrap(), done.standby.clone().unwrap()]);
        assert_ne!(etag, anew, "whoever asks again gets the new set");
        for token in [token, &forged] {
            assert_eq!(scene.introspect(routes, token).await.json()["active"], false);
            assert_eq!(userinfo(routes, token).await, 401);
        }
        assert!(scene.hinted(routes).await.contains("error=login_required"), "its hints count no more");
    }
    // No session was to end: the standby signs for it at once.
    let refreshed = scene.refresh(&scene.routes[1]).await;
    assert_eq!(kid_of(&refreshed.text_of("access_token")), done.successor.unwrap());
    assert_eq!(scene.harness.audited("key.revoked officer_unverified").await, 1);
    assert_eq!(scene.harness.audited("key.activated takes_over").await, 1);
    let again = scene.command.revoke_key(&old, None, &officer()).await.unwrap();
    assert!(!again.changed);
    assert_eq!(scene.harness.audited("key.revoked officer_unverified").await, 1);
    let log = scene.harness.provider.ports.audit.rows(None, 10_000).await.unwrap();
    assert!(log.iter().all(|row| !String::from_utf8_lossy(&row.record).contains("Première")));
}

#[tokio::test]
async fn since_chooses_the_sessions_that_end() {
    let scene = scene().await;
    let mut phone = scene.harness.enrolled("hugo", HUGO).await;
    scene.harness.clock.advance(Duration::from_mins(2));
    let since = scene.harness.provider.now();
    scene.harness.clock.advance(Duration::from_secs(1));
    let later = scene.service.sign_in_as(&scene.harness, &mut phone, HUGO).await;
    let old = kid_of(later.token("access_token"));
    let done = scene.command.revoke_key(&old, Some(since), &officer()).await.unwrap();
    assert_eq!(done.sessions, 1);
    scene.soon().await;
    let [first, second] = &scene.routes;
    assert_eq!(scene.refresh(first).await.status, 200, "nothing was signed in it since");
    let fields = [("grant_type", "refresh_token"), ("refresh_token", later.token("refresh_token"))];
    assert_eq!(scene.post(second, "/token", &fields).await.error().1, "invalid_grant");
    let location = scene.service.silent(&scene.harness, &later.browser()).await;
    assert!(location.contains("error=login_required"), "{location}");
    // Once more, from the beginning: the rest ends, nothing twice.
    let again = scene.command.revoke_key(&old, Some(UnixTime::from_secs(0)), &officer()).await.unwrap();
    assert_eq!((again.changed, again.sessions), (false, 1));
    assert_eq!(scene.harness.audited("key.revoked sessions_ended").await, 2);
    scene.soon().await;
    assert_eq!(scene.refresh(first).await.error().1, "invalid_grant");
}

#[tokio::test]
async fn a_second_revocation_within_the_lead_waits_for_the_caches() {
    let scene = scene().await;
    let old = kid_of(scene.signed_in.token("access_token"));
    scene.harness.clock.advance(Duration::from_mins(1));
    let Revoked { successor, standby, signs_from, .. } =
        scene.command.revoke_key(&old, None, &officer()).await.unwrap();
    assert_eq!(signs_from, Some(scene.command.now()), "the standby is as old as the store");
    scene.soon().await;
    let second = scene.command.revoke_key(&successor.unwrap(), None, &officer()).await.unwrap();
    assert_eq!(second.successor, standby);
    let until = second.signs_from.unwrap();
    // Staged when the first was revoked, four seconds ago.
    assert_eq!(until.since(scene.command.now()), Duration::from_secs(690 - 4));
    scene.soon().await;
    for (provider, routes) in [&scene.harness.provider, &scene.other].into_iter().zip(&scene.routes) {
        let refused = scene.refresh(routes).await;
        assert_eq!(refused.error(), (503, String::from("temporarily_unavailable")));
        assert_eq!(refused.header("retry-after"), (690 - 8).to_string(), "what is left of the wait");
        let (kids, _) = jwks(routes).await;
        assert!(kids.contains(second.successor.as_ref().unwrap()), "it is shown before it signs");
        let checks = provider.durable_checks().await;
        let signing = checks.iter().find(|check| check.name == "signing_key").unwrap();
        assert!(signing.failure.is_some() && !signing.decides, "no replica is better: {signing:?}");
        assert!(scene.harness.provider.sweep_keys().await.is_ok());
    }
    scene.harness.clock.set(until);
    for provider in [&scene.harness.provider, &scene.other] {
        provider.sweep_keys().await.unwrap();
    }
    let refreshed = scene.refresh(&scene.routes[0]).await;
    assert_eq!(kid_of(&refreshed.text_of("access_token")), second.successor.unwrap());
}

#[tokio::test]
async fn a_code_is_not_spent_while_nobody_can_sign() {
    let scene = scene().await;
    let location = scene.service.silent(&scene.harness, &scene.signed_in.browser()).await;
    for _ in 0..2 {
        scene.harness.clock.advance(Duration::from_secs(1));
        let keys = scene.command.key_records().await.unwrap();
        let active = keys.iter().find(|key| key.purpose == Purpose::Sign && key.state == KeyState::Active);
        scene.command.revoke_key(&active.unwrap().kid, None, &officer()).await.unwrap();
    }
    scene.soon().await;
    for _ in 0..2 {
        let answer = scene.service.redeem(&scene.harness, &location).await;
        assert_eq!(answer.refusal(), (503, "temporarily_unavailable"), "and not invalid_grant");
    }
}

#[tokio::test]
async fn a_process_that_cannot_read_refuses() {
    let scene = scene().await;
    let outage = Outage::none();
    let blind = Arc::new(scene.harness.replica(|ports| *ports = outage.of(ports.clone())).await);
    let routes = routes(Arc::clone(&blind));
    let token = scene.signed_in.token("access_token");
    assert_eq!(userinfo(&routes, token).await, 200);
    outage.begin(|_, name| {
        (name.starts_with("revocation") || name.starts_with("keys")).then_some(Fails::Before)
    });
    scene.command.revoke_key(&kid_of(token), None, &officer()).await.unwrap();
    scene.harness.clock.advance(Duration::from_secs(6));
    assert!(blind.refresh_cutoffs().await.is_err());
    assert_eq!(userinfo(&routes, token).await, 503);
    assert_eq!(scene.introspect(&routes, token).await.status, 503);
    assert_eq!(scene.refresh(&routes).await.status, 503);
    outage.end();
    assert_eq!(userinfo(&routes, token).await, 401);
}

#[tokio::test]
async fn officers_cannot_do_what_the_rules_forbid() {
    let scene = scene().await;
    let keys = scene.command.key_records().await.unwrap();
    let of = |purpose, state| keys.iter().find(|key| key.purpose == purpose && key.state == state).unwrap();
    let (active, standby) = (of(Purpose::Sign, KeyState::Active), of(Purpose::Sign, KeyState::Staged));
    let refused = |done: Result<_, KeyChangeError>| match done.map(|_: sceau::keyring::Takeover| ()) {
        Err(KeyChangeError::Refused(refusal)) => refusal,
        other => panic!("{other:?}"),
    };
    let activated = scene.command.activate_key(&active.kid, &officers()).await;
    assert_eq!(refused(activated), KeyRefusal::NotStaged("active"));
    assert_eq!(
        refused(scene.command.retire_key(&standby.kid, &officer()).await),
        KeyRefusal::NotActive("staged")
    );
    assert_eq!(refused(scene.command.retire_key("nobody", &officer()).await), KeyRefusal::Unknown);
    let pairwise = of(Purpose::Pairwise, KeyState::Active);
    let revoked = scene.command.revoke_key(&pairwise.kid, None, &officer()).await.unwrap_err();
    assert!(matches!(revoked, KeyChangeError::Refused(KeyRefusal::Irreplaceable("pairwise"))), "{revoked}");
    // Retired in good order: the standby signs, the old key still verifies.
    let takeover = scene.command.retire_key(&active.kid, &officer()).await.unwrap();
    assert_eq!(takeover.next.kid, standby.kid);
    scene.harness.clock.advance(Duration::from_secs(11));
    let refreshed = scene.refresh(&scene.routes[0]).await;
    assert_eq!(kid_of(&refreshed.text_of("access_token")), standby.kid);
    assert!(jwks(&scene.routes[0]).await.0.contains(&active.kid));
    assert!(scene.command.verify_keys().await.unwrap().iter().all(|finding| finding.kid.is_none()));
}

#[tokio::test]
async fn a_planned_activation_comes_by_itself() {
    let scene = scene().await;
    let at = scene.command.now().plus(Duration::from_hours(3));
    let planned = scene.command.plan_key((Purpose::Sign, "ES256"), at, &officers()).await.unwrap();
    assert_eq!(planned.activates_at, Some(at));
    for (hours, signs) in [(2, false), (1, true)] {
        scene.harness.clock.advance(Duration::from_hours(hours));
        scene.harness.provider.sweep_keys().await.unwrap();
        let keys = scene.command.key_records().await.unwrap();
        let key = keys.iter().find(|key| key.kid == planned.kid).unwrap();
        assert_eq!(key.state == KeyState::Active, signs);
    }
    assert_eq!(scene.harness.audited("key.staged planned_officers_unverified").await, 1);
    assert_eq!(scene.harness.audited("key.activated planned").await, 1);
}

#[tokio::test]
async fn a_nonce_made_with_the_next_key_or_the_last_is_good_everywhere() {
    let scene = scene().await;
    let phone = Caller::with_key_of(&scene.harness, &scene.harness.path("camille"));
    let good = async |made_by: &Provider, shown_to: &Provider| {
        let nonce = made_by.fresh_nonce(NonceClass::Phone);
        let proof = phone.proof_with(&http::Method::GET, "/mobile/v1/devices", Some(&nonce));
        let presented = PresentedProof {
            headers: vec![proof],
            method: String::from("GET"),
            path: String::from("/mobile/v1/devices"),
            class: NonceClass::Phone,
        };
        shown_to.authenticate_device(&presented).await.is_ok()
    };
    let (early, late): (&Provider, &Provider) = (&scene.harness.provider, &scene.other);
    for _ in 0..3 {
        let keys = scene.command.key_records().await.unwrap();
        let standby = keys.iter().find(|key| key.purpose == Purpose::Nonce && key.state == KeyState::Staged);
        scene.command.activate_key(&standby.unwrap().kid, &officers()).await.unwrap();
        early.sweep_keys().await.unwrap();
        assert!(good(early, late).await, "made with a key that the other one holds as its standby");
        assert!(good(late, early).await, "made with the key before");
        late.sweep_keys().await.unwrap();
        assert!(good(early, late).await && good(late, early).await);
        scene.harness.clock.advance(Duration::from_secs(700));
    }
}

/// Answers with the signature of something else.
struct Faulty {
    inner: Arc<dyn Signer>,
    remote: bool,
    good: std::sync::atomic::AtomicUsize,
}

#[async_trait]
impl Signer for Faulty {
    async fn sign(&self, kid: &str, input: &[u8]) -> PortResult<Vec<u8>> {
        let good = &self.good;
        let ordering = std::sync::atomic::Ordering::SeqCst;
        let still_good = good.fetch_update(ordering, ordering, |left| left.checked_sub(1)).is_ok();
        self.inner.sign(kid, if still_good { input } else { b"something else" }).await
    }

    fn is_remote(&self) -> bool {
        self.remote
    }
}

#[tokio::test]
async fn a_signature_that_does_not_verify_does_not_leave() {
    // Of a local key the first is verified; of one in a device each.
    for (remote, good, statuses) in [(false, 0, [503, 200]), (true, 0, [503, 503]), (true, 1, [200, 503])] {
        let harness = Harness::new().await;
        let robot = Relier::register(&harness, machine("robot", "registre")).await;
        let replica = harness
            .replica(|ports| {
                let inner = ports.signer.clone();
                ports.signer = Arc::new(Faulty { inner, remote, good: good.into() });
            })
            .await;
        let routes = routes(Arc::new(replica));
        for status in statuses {
            let basic = format!("Basic {}", STANDARD.encode(format!("{}:{}", robot.id, robot.secret)));
            let ask = form("/token", &[("authorization", &basic)], &[("grant_type", "client_credentials")]);
            let answer = exchange(&routes, ask).await;
            assert_eq!(answer.status, status, "remote {remote}: {}", answer.text);
        }
    }
}
