//! A key replaced by another process between the commit and the signature: the answer comes all the same, signed and
//! recorded with the key that signs now (`design.md` decision 5).

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use sceau::audit::{AuditEvent, Decision, EventKind};
use sceau::base::{AuditId, Secret, UnixTime};
use sceau::flow::{KeyOfficers, Provider};
use sceau::identity::NationalId;
use sceau::jose::{JwkSet, Unverified};
use sceau::keyring::{KeyRecord, KeyState, Purpose};
use sceau::ports::{Cutoff, CutoffScope, PortError, PortResult, Signer};

use super::refresh::tokens;
use crate::support::{CAMILLE, Harness, Relier, Service, SignedIn, bare, machine, reliance};

/// Signs; but before one signature another process replaces the key.
struct Overtaken {
    inner: Arc<dyn Signer>,
    other: OnceLock<Provider>,
    /// Signatures until then.
    before: AtomicUsize,
    then: OnceLock<Then>,
}

/// What comes with the replacement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    Nothing,
    /// The person is locked.
    Locked,
    /// The signer says of every key that it is not the one in use.
    Refuses,
    /// The signer does not answer.
    Silent,
}

const NEVER: usize = usize::MAX;

#[async_trait]
impl Signer for Overtaken {
    async fn sign(&self, kid: &str, input: &[u8]) -> PortResult<Vec<u8>> {
        let next = |left| match left {
            NEVER => None,
            0 => Some(NEVER),
            left => Some(left - 1),
        };
        if self.before.fetch_update(Ordering::SeqCst, Ordering::SeqCst, next) == Ok(0) {
            self.replace().await;
        }
        match self.then.get() {
            Some(Then::Refuses) => Err(PortError::Conflict),
            Some(Then::Silent) => Err(PortError::Unavailable(String::from("no answer"))),
            _ => self.inner.sign(kid, input).await,
        }
    }
}

impl Overtaken {
    async fn replace(&self) {
        let other = self.other.get().unwrap();
        let keys = other.key_records().await.unwrap();
        let standby = keys.iter().find(|key| key.purpose == Purpose::Sign && key.state == KeyState::Staged);
        other.activate_key(&standby.unwrap().kid, &officers()).await.unwrap();
        if self.then.get() == Some(&Then::Locked) {
            let number = NationalId::parse(CAMILLE).unwrap();
            let person = other.ports.persons.find_by_national_id(&number).await.unwrap();
            let scope = CutoffScope::Person(person.unwrap().id);
            let event = AuditEvent::new(
                AuditId::ordered(&*other.ports.entropy, other.now()),
                other.now(),
                EventKind::AdministratorAction,
                Decision::Success,
                "locked",
            );
            other.ports.revocation.revoke(&Cutoff { scope, at: other.now() }, &event).await.unwrap();
        }
    }
}

fn officers() -> KeyOfficers {
    let name = |text: &str| Secret::new(text.to_owned());
    KeyOfficers { first: name("A"), second: Some(name("B")), reason: None }
}

/// A process that signs, and another one over the same stores.
struct Scene {
    harness: Harness,
    signer: Arc<Overtaken>,
}

async fn scene() -> Scene {
    let mut signer = None;
    let harness = Harness::over(
        |_| (),
        |mut ports| {
            let inner = ports.signer.clone();
            let before = AtomicUsize::new(NEVER);
            let made = Arc::new(Overtaken { inner, other: OnceLock::new(), before, then: OnceLock::new() });
            ports.signer = made.clone();
            signer = Some(made);
            ports
        },
    )
    .await;
    let signer = signer.unwrap();
    let inner = signer.inner.clone();
    assert!(signer.other.set(harness.replica(|ports| ports.signer = inner).await).is_ok());
    Scene { harness, signer }
}

impl Scene {
    /// The key is replaced before the signature after `passed` others.
    fn arm(&self, passed: usize, then: Then) {
        self.signer.then.set(then).unwrap();
        self.signer.before.store(passed, Ordering::SeqCst);
    }

    async fn in_use(&self) -> String {
        let keys = self.harness.provider.key_records().await.unwrap();
        let active = |key: &&KeyRecord| key.purpose == Purpose::Sign && key.state == KeyState::Active;
        keys.iter().find(active).unwrap().kid.clone()
    }

    /// The kid of a token that verifies with the published key.
    async fn verified(&self, token: &str) -> String {
        let published = self.harness.exchange(bare(&http::Method::GET, "/jwks", &[])).await.json();
        let published = JwkSet::parse(&published).unwrap();
        let unverified = Unverified::parse(token, 8192).unwrap();
        let header = unverified.header().clone();
        let key = published.find(header.kid.as_deref(), header.alg).expect("a published key");
        unverified.verify(&key.key, &[header.alg]).unwrap();
        header.kid.unwrap()
    }

    async fn camille(&self) -> (Relier, SignedIn) {
        let service = Relier::register(&self.harness, reliance("dmp")).await;
        let mut phone = self.harness.enrolled("camille", CAMILLE).await;
        let signed_in = service.sign_in(&self.harness, &mut phone).await;
        (service, signed_in)
    }
}

#[tokio::test]
async fn a_code_gives_tokens_of_the_new_key_and_one_family() {
    // Before the access token is signed, and between it and the ID token.
    for passed in [0, 1] {
        let scene = scene().await;
        let harness = &scene.harness;
        let (service, signed_in) = scene.camille().await;
        let location = service.silent(harness, &signed_in.browser()).await;
        let old = scene.in_use().await;
        let issued = harness.audited("tokens.issued code").await;
        scene.arm(passed, Then::Nothing);
        let answer = service.redeem(harness, &location).await;
        assert_eq!(answer.status, 200, "{:?}", answer.body);
        let new = scene.in_use().await;
        assert_ne!(old, new);
        let text = |name: &str| answer.body[name].as_str().unwrap().to_owned();
        for token in ["access_token", "id_token"] {
            assert_eq!(scene.verified(&text(token)).await, new, "{token}");
        }
        assert_eq!(service.introspect(harness, &text("access_token")).await["active"], true);
        assert_eq!(harness.audited("tokens.issued code").await, issued + 1, "one grant");
        assert_eq!(harness.audited("tokens.issued key_replaced").await, 1);
        assert_eq!(service.refresh(harness, &text("refresh_token")).await.status, 200, "its family lives");
        // The code stays spent: again, it ends what it gave.
        assert_eq!(service.redeem(harness, &location).await.refusal(), (400, "invalid_grant"));
        let ended = service.refresh(harness, &text("refresh_token")).await;
        assert_eq!(ended.refusal(), (400, "invalid_grant"), "there was no other family");
    }
}

/// The token of the new key has a record of its own, durably: it is what an emergency ends sessions by.
#[tokio::test]
async fn the_new_key_is_on_record() {
    let scene = scene().await;
    let (service, signed_in) = scene.camille().await;
    let location = service.silent(&scene.harness, &signed_in.browser()).await;
    scene.arm(0, Then::Nothing);
    let answer = service.redeem(&scene.harness, &location).await;
    let new = scene.verified(answer.body["access_token"].as_str().unwrap()).await;
    let officer = KeyOfficers { second: None, ..officers() };
    let done = scene.harness.provider.revoke_key(&new, Some(UnixTime::from_secs(0)), &officer).await.unwrap();
    assert_eq!(done.sessions, 1, "nothing else was signed with it");
}

#[tokio::test]
async fn refreshes_of_both_kinds_give_tokens_of_the_new_key() {
    let kept = scene().await;
    let (service, signed_in) = kept.camille().await;
    kept.arm(0, Then::Nothing);
    let answer = service.refresh(&kept.harness, signed_in.token("refresh_token")).await;
    assert_eq!(answer.status, 200, "{:?}", answer.body);
    let token = answer.body["access_token"].as_str().unwrap();
    assert_eq!(kept.verified(token).await, kept.in_use().await);
    assert_eq!(service.introspect(&kept.harness, token).await["active"], true);
    assert_eq!(kept.harness.audited("tokens.refreshed key_replaced").await, 1);

    let rotates = scene().await;
    let native = Service::native(&rotates.harness, "native").await;
    let first = tokens(&rotates.harness, &native, "openid offline_access").await.text_of("refresh_token");
    rotates.arm(0, Then::Nothing);
    let answer = native.refresh(&first).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(rotates.verified(&answer.text_of("access_token")).await, rotates.in_use().await);
    assert_eq!(native.userinfo(&answer.text_of("access_token")).await.status, 200);
    // Rotated once, not twice: the new token is current, and the one before it is answered with it again.
    let again = native.refresh(&first).await;
    assert_eq!(again.text_of("refresh_token"), answer.text_of("refresh_token"));
    assert_eq!(native.refresh(&answer.text_of("refresh_token")).await.status, 200);
}

#[tokio::test]
async fn a_machine_gets_a_token_of_the_new_key() {
    let scene = scene().await;
    let robot = Relier::register(&scene.harness, machine("robot", "registre")).await;
    scene.arm(0, Then::Nothing);
    let answer = robot.post(&scene.harness, "/token", &[("grant_type", "client_credentials")]).await;
    assert_eq!(answer.status, 200, "{:?}", answer.body);
    let token = answer.body["access_token"].as_str().unwrap();
    let kid = scene.verified(token).await;
    assert_eq!(kid, scene.in_use().await);
    assert_eq!(robot.introspect(&scene.harness, token).await["active"], true);
    let audit = scene.harness.audit().await;
    let issued = audit.iter().filter(|row| row.starts_with("tokens.issued ")).cloned().collect::<Vec<_>>();
    assert_eq!(issued, ["tokens.issued client_credentials", "tokens.issued key_replaced"]);
    // The issuance record of such a token is its row, by kid and jti.
    let jti = robot.introspect(&scene.harness, token).await["jti"].as_str().unwrap().to_owned();
    let rows = scene.harness.provider.ports.audit.rows(None, 10_000).await.unwrap();
    let named = format!("\"{kid}.{jti}\"");
    assert!(rows.iter().any(|row| String::from_utf8_lossy(&row.record).contains(&named)), "{named}");
}

#[tokio::test]
async fn what_ended_meanwhile_gives_nothing() {
    let scene = scene().await;
    let (service, signed_in) = scene.camille().await;
    let location = service.silent(&scene.harness, &signed_in.browser()).await;
    scene.arm(0, Then::Locked);
    assert_eq!(service.redeem(&scene.harness, &location).await.refusal(), (400, "invalid_grant"));
    assert_eq!(scene.harness.audited("tokens.issued key_replaced").await, 0);
    assert_eq!(scene.harness.audited("tokens.issued person_inactive").await, 1);
}

#[tokio::test]
async fn it_is_planned_again_once_and_for_no_other_failure() {
    for (then, again) in [(Then::Refuses, 1), (Then::Silent, 0)] {
        let scene = scene().await;
        let robot = Relier::register(&scene.harness, machine("robot", "registre")).await;
        let (service, signed_in) = scene.camille().await;
        let location = service.silent(&scene.harness, &signed_in.browser()).await;
        scene.arm(0, then);
        let answer = service.redeem(&scene.harness, &location).await;
        assert_eq!(answer.refusal(), (503, "temporarily_unavailable"), "{then:?}");
        assert_eq!(scene.harness.audited("tokens.issued key_replaced").await, again, "{then:?}");
        // The key that is refused is still the one in use: there is nothing to plan again.
        let fields = [("grant_type", "client_credentials")];
        let answer = robot.post(&scene.harness, "/token", &fields).await;
        assert_eq!(answer.refusal(), (503, "temporarily_unavailable"), "{then:?}");
        assert_eq!(scene.harness.audited("tokens.issued key_replaced").await, again, "{then:?}");
    }
}
