//! Redis loses its memory between two calls (`security.md` 4.4 X, 5.4): what was shown before is refused, what is new
//! is taken at once.

use std::time::Duration;

use http::Method;
use sceau::app::Ephemeral;
use sceau::oauth::{ClientAuthMethod, GrantType, Profile, ScopeSet};
use serde_json::json;

use crate::stores::redis_server::Server;
use crate::support::{CAMILLE, Caller, Harness, Service, plain, registration};

const SECOND: Duration = Duration::from_secs(1);
const CREDENTIALS: [(&str, &str); 1] = [("grant_type", "client_credentials")];

async fn on(server: &Server) -> Harness {
    Harness::on(Ephemeral::Redis(server.settings()), |_| (), |ports| ports).await
}

/// A machine that proves its requests and authenticates by assertions.
async fn machine(harness: &Harness) -> Service<'_> {
    let mut new = registration("machine", Profile::Fapi2, ClientAuthMethod::PrivateKeyJwt);
    new.grant_types = vec![GrantType::ClientCredentials];
    new.redirect_uris = Vec::new();
    new.scope = ScopeSet::parse("registre").unwrap();
    Service::register(harness, new).await
}

#[derive(Clone, Copy, Debug)]
enum Loss {
    /// The connection stands.
    Flush,
    /// Killed, and started again without data.
    Restart,
}

async fn lose(loss: Loss, server: &mut Server) {
    match loss {
        Loss::Flush => server.command(&["FLUSHALL"]).await,
        Loss::Restart => {
            server.kill();
            server.start_again();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_proof_of_before_is_refused_and_a_fresh_one_taken_at_once() {
    for loss in [Loss::Flush, Loss::Restart] {
        let mut server = Server::start(&[]);
        let harness = on(&server).await;
        let service = machine(&harness).await;
        let key = service.dpop.as_ref().unwrap();
        let token = service.token(&CREDENTIALS).await.text_of("access_token");
        assert!(!token.is_empty());

        // A captured proof, with the nonce it was accepted with.
        let probe = service.authenticated("/token", &CREDENTIALS, Some(&key.for_token(&harness, None)));
        let nonce = harness.exchange(probe).await.header("dpop-nonce").to_owned();
        let captured = key.for_token(&harness, Some(&nonce));
        let used = harness.exchange(service.authenticated("/token", &CREDENTIALS, Some(&captured))).await;
        assert_eq!(used.status, 200, "{}", used.text);

        lose(loss, &mut server).await;
        harness.clock.advance(SECOND);
        // The first call only tells that something is wrong: which, depends on how the store was lost.
        let first = harness.exchange(service.authenticated("/token", &CREDENTIALS, Some(&captured))).await;
        assert_ne!(first.status, 200, "{loss:?}");
        harness.clock.advance(SECOND);
        for _ in 0..2 {
            let again = service.authenticated("/token", &CREDENTIALS, Some(&captured));
            let again = harness.exchange(again).await;
            assert_eq!(again.error(), (400, String::from("use_dpop_nonce")), "{loss:?}");
            assert_ne!(again.header("dpop-nonce"), nonce);
            let old = key.for_token(&harness, Some(&nonce));
            let old = harness.exchange(service.authenticated("/token", &CREDENTIALS, Some(&old))).await;
            assert_eq!(old.error(), (400, String::from("use_dpop_nonce")), "a nonce of before");
            let fresh = key.for_token(&harness, Some(again.header("dpop-nonce")));
            let fresh = harness.exchange(service.authenticated("/token", &CREDENTIALS, Some(&fresh))).await;
            assert_eq!(fresh.status, 200, "{loss:?} {}", fresh.text);
        }
    }
}

/// The nonce of the answer is already that of the new generation, whoever notices the loss.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flush_costs_one_round_trip() {
    let server = Server::start(&[]);
    let harness = on(&server).await;
    let service = Service::native(&harness, "app").await;
    let key = crate::support::DpopKey::generate();
    let form = [("grant_type", "refresh_token"), ("refresh_token", "unknown")];
    let call = async |nonce: Option<&str>| {
        let proof = key.for_token(&harness, nonce);
        harness.exchange(service.authenticated("/token", &form, Some(&proof))).await
    };
    let nonce = call(None).await.header("dpop-nonce").to_owned();
    assert_eq!(call(Some(&nonce)).await.error().1, "invalid_grant");
    server.command(&["FLUSHALL"]).await;
    let told = call(Some(&nonce)).await;
    assert_eq!(told.error(), (400, String::from("use_dpop_nonce")));
    assert_eq!(call(Some(told.header("dpop-nonce"))).await.error().1, "invalid_grant");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_assertion_of_before_is_refused_and_the_next_second_is_good() {
    for loss in [Loss::Flush, Loss::Restart] {
        let mut server = Server::start(&[]);
        let harness = on(&server).await;
        let new = registration("machine", Profile::Oidc, ClientAuthMethod::PrivateKeyJwt);
        let service = Service::register(&harness, new).await;
        let captured = service.assertion_claims();
        let call = async |claims: &serde_json::Value| {
            let assertion = service.assertion(claims);
            let fields = [
                ("client_assertion_type", sceau::oauth::ASSERTION_TYPE),
                ("client_assertion", assertion.as_str()),
                ("token", "unknown"),
            ];
            harness.exchange(crate::support::form("/introspect", &[], &fields)).await
        };
        assert_eq!(call(&captured).await.status, 200);
        lose(loss, &mut server).await;
        // In the second of the loss, nobody can make one that is surely younger.
        let fresh = call(&service.assertion_claims()).await;
        assert_eq!(fresh.error(), (503, String::from("temporarily_unavailable")), "{loss:?}");
        assert_eq!(fresh.header("retry-after"), "2");
        assert_eq!(call(&captured).await.status, 503);
        harness.clock.advance(SECOND);
        assert_eq!(call(&captured).await.error(), (401, String::from("invalid_client")), "{loss:?}");
        assert_eq!(call(&service.assertion_claims()).await.status, 200);
        // Who does not say when it was made is judged by its end.
        let mut undated = service.assertion_claims();
        undated.as_object_mut().unwrap().remove("iat");
        assert_eq!(call(&undated).await.status, 401);
        harness.clock.advance(Duration::from_mins(6));
        let mut undated = service.assertion_claims();
        undated.as_object_mut().unwrap().remove("iat");
        assert_eq!(call(&undated).await.status, 200);
        assert_eq!(call(&undated).await.status, 401, "once");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_phone_goes_on_after_the_loss_and_its_old_proof_is_refused() {
    for loss in [Loss::Flush, Loss::Restart] {
        let mut server = Server::start(&[]);
        let harness = on(&server).await;
        let mut phone = harness.enrolled("camille", CAMILLE).await;
        let caller = Caller::with_key_of(&harness, &harness.path("camille"));
        let path = "/mobile/v1/devices";
        let captured = caller.proof(&Method::GET, path).await;
        let call = async || caller.call_with(&[("DPoP", &captured)], &Method::GET, path, None).await;
        assert_eq!(call().await.status, 200);
        assert_eq!(phone.devices().await.unwrap().len(), 1);
        lose(loss, &mut server).await;
        assert_eq!(call().await.refusal(), (401, "use_dpop_nonce"), "{loss:?}");
        // It tries again by itself, with the nonce it is given.
        assert_eq!(phone.devices().await.unwrap().len(), 1);
        assert_eq!(call().await.refusal(), (401, "use_dpop_nonce"));
    }
}

/// Userinfo is out of reach, since its tokens went with the store; its nonces change all the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nonces_of_userinfo_change_with_the_generation() {
    let server = Server::start(&[]);
    let harness = on(&server).await;
    let service = machine(&harness).await;
    let before = service.userinfo("unknown").await.header("dpop-nonce").to_owned();
    server.command(&["FLUSHALL"]).await;
    let noticed = plain(&harness, &Method::GET, "/mobile/v1/nowhere").await;
    assert_eq!(noticed.body["error"], json!("not_found"));
    service.token(&CREDENTIALS).await;
    let after = service.userinfo("unknown").await.header("dpop-nonce").to_owned();
    assert_ne!(before, after);
}
