//! A service gives tokens back (RV-01 to RV-04; `attacks.md` A-089).

use std::sync::Arc;

use async_trait::async_trait;
use sceau::base::{TokenHash, UnixTime};
use sceau::flow::PresentedCredentials;
use sceau::oauth::{ErrorCode, RawParams};
use sceau::ports::{AccessTokenRecord, AccessTokens, PortError, PortResult};

use crate::support::{CAMILLE, Harness, Relier, SignedIn, form, reliance, send};

struct Scene {
    harness: Harness,
    service: Relier,
    signed_in: SignedIn,
}

async fn scene() -> Scene {
    let harness = Harness::new().await;
    let service = Relier::register(&harness, reliance("dmp")).await;
    let mut phone = harness.enrolled("camille", CAMILLE).await;
    let signed_in = service.sign_in(&harness, &mut phone).await;
    Scene { harness, service, signed_in }
}

impl Scene {
    async fn revoke(&self, token: &str) {
        let reply = self.service.post(&self.harness, "/revoke", &[("token", token)]).await;
        assert_eq!((reply.status, reply.body.is_null()), (200, true), "{:?}", reply.body);
    }

    async fn active(&self, name: &str) -> bool {
        let told = self.service.introspect(&self.harness, self.signed_in.token(name)).await;
        told["active"].as_bool().unwrap()
    }
}

#[tokio::test]
async fn a_refresh_token_takes_its_access_tokens_along() {
    let scene = scene().await;
    let refreshed = scene.service.refresh(&scene.harness, scene.signed_in.token("refresh_token")).await;
    let second = refreshed.body["access_token"].as_str().unwrap();
    scene.revoke(scene.signed_in.token("refresh_token")).await;
    assert!(!scene.active("refresh_token").await);
    assert!(!scene.active("access_token").await);
    assert_eq!(scene.service.introspect(&scene.harness, second).await["active"], false);
    let again = scene.service.refresh(&scene.harness, scene.signed_in.token("refresh_token")).await;
    assert_eq!(again.refusal(), (400, "invalid_grant"));
    assert_eq!(scene.harness.audited("tokens.revoked refresh_token").await, 1);
    // The session goes on: only this grant ended.
    let location = scene.service.silent(&scene.harness, &scene.signed_in.browser()).await;
    assert!(location.contains("code="), "{location}");
    // Once more: nothing changes, and it is no error.
    scene.revoke(scene.signed_in.token("refresh_token")).await;
    assert_eq!(scene.harness.audited("tokens.revoked refresh_token").await, 1);
}

#[tokio::test]
async fn an_access_token_goes_alone() {
    let scene = scene().await;
    scene.revoke(scene.signed_in.token("access_token")).await;
    assert!(!scene.active("access_token").await);
    assert!(scene.active("refresh_token").await);
    assert_eq!(scene.harness.audited("tokens.revoked access_token").await, 1);
}

#[tokio::test]
async fn the_hint_is_only_a_hint() {
    for (token, hint) in
        [("access_token", "refresh_token"), ("refresh_token", "access_token"), ("access_token", "saml")]
    {
        let scene = scene().await;
        let fields = [("token", scene.signed_in.token(token)), ("token_type_hint", hint)];
        assert_eq!(scene.service.post(&scene.harness, "/revoke", &fields).await.status, 200);
        assert!(!scene.active(token).await, "{token} as {hint}");
    }
}

#[tokio::test]
async fn what_is_unknown_is_no_error() {
    let scene = scene().await;
    let refresh = scene.signed_in.token("refresh_token");
    // The family's name with another secret ends nothing.
    let forged = format!("{}{}", &refresh[..22], "A".repeat(43));
    for token in ["x", "a.b.c", &forged, scene.signed_in.token("id_token")] {
        scene.revoke(token).await;
    }
    assert!(scene.active("refresh_token").await && scene.active("access_token").await);
    let none = scene.service.post(&scene.harness, "/revoke", &[]).await;
    assert_eq!(none.refusal(), (400, "invalid_request"));
}

#[tokio::test]
async fn only_the_client_of_a_token_may_end_it() {
    let scene = scene().await;
    let other = Relier::register(&scene.harness, reliance("autre")).await;
    for name in ["access_token", "refresh_token"] {
        let token = scene.signed_in.token(name);
        let reply = other.post(&scene.harness, "/revoke", &[("token", token)]).await;
        assert_eq!((reply.status, reply.body.is_null()), (200, true));
        let nobody = send(&scene.harness.router, form("/revoke", &[], &[("token", token)])).await;
        assert_eq!(nobody.refusal(), (401, "invalid_client"));
        assert!(scene.active(name).await);
    }
    assert_eq!(scene.harness.audited("tokens.revoked token_of_another_client").await, 2);
}

/// A store that reads and does not write.
struct Stuck(Arc<dyn AccessTokens>);

#[async_trait]
impl AccessTokens for Stuck {
    async fn put(&self, _: &TokenHash, _: &AccessTokenRecord) -> PortResult<()> {
        Err(PortError::Unavailable(String::from("stuck")))
    }

    async fn load(&self, token: &TokenHash, now: UnixTime) -> PortResult<Option<AccessTokenRecord>> {
        self.0.load(token, now).await
    }

    async fn take(&self, token: &TokenHash, now: UnixTime) -> PortResult<Option<AccessTokenRecord>> {
        self.0.take(token, now).await
    }

    async fn remove(&self, _: &TokenHash) -> PortResult<()> {
        Err(PortError::Unavailable(String::from("stuck")))
    }
}

#[tokio::test]
async fn a_store_that_fails_is_never_a_success() {
    let scene = scene().await;
    let provider = &scene.harness.provider;
    let access_tokens = Arc::new(Stuck(Arc::clone(&provider.ports.access_tokens)));
    let broken = scene.harness.replica(|ports| ports.access_tokens = access_tokens).await;
    let credentials = PresentedCredentials::Basic {
        client_id: scene.service.id.clone(),
        secret: sceau::base::Secret::new(scene.service.secret.clone()),
    };
    let token = scene.signed_in.token("access_token").to_owned();
    let params = RawParams::from_pairs([(String::from("token"), token)]);
    let refused = broken.revoke_token(credentials, &params, &sceau::flow::Origin::default()).await;
    let error = refused.unwrap_err().into_oauth();
    assert_eq!((error.code, error.code.status()), (ErrorCode::TemporarilyUnavailable, 503));
    assert!(scene.active("access_token").await);
}
