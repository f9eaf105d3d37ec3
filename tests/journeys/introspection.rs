//! A service asks what a token is worth (IN-01 to IN-03; `attacks.md` ).

use std::time::Duration;

use http::Method;
use sceau::base::PersonId;
use sceau::oauth::ClientAuthMethod;
use sceau::ports::{Cutoff, CutoffScope};
use serde_json::{Value, json};

use crate::support::{
    CAMILLE, Caller, Harness, ISSUER, Relier, SignedIn, form, machine, plain, reliance, send,
};

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
    /// What the service is told about its access and its refresh token.
    async fn told(&self) -> [Value; 2] {
        let access = self.service.introspect(&self.harness, self.signed_in.token("access_token")).await;
        let refresh = self.service.introspect(&self.harness, self.signed_in.token("refresh_token")).await;
        [access, refresh]
    }

    async fn cut(&self, scope: CutoffScope) {
        let (provider, now) = (&self.harness.provider, self.harness.provider.now());
        let event = sceau::audit::AuditEvent::new(
            sceau::base::AuditId::ordered(&*provider.ports.entropy, now),
            now,
            sceau::audit::EventKind::AdministratorAction,
            sceau::audit::Decision::Success,
            "test",
        );
        provider.ports.revocation.revoke(&Cutoff { scope, at: now }, &event).await.unwrap();
        // Not noted by hand: the replica reads it.
        self.harness.clock.advance(Duration::from_secs(2));
    }
}

fn inactive() -> Value {
    json!({ "active": false })
}

#[tokio::test]
async fn a_service_reads_its_own_tokens_in_the_words_of_the_sector() {
    let scene = scene().await;
    let [access, refresh] = scene.told().await;
    for told in [&access, &refresh] {
        assert_eq!(told["active"], true);
        assert_eq!(told["iss"], ISSUER);
        assert_eq!(told["client_id"], "dmp");
        assert_eq!(told["azp"], "dmp");
        assert_eq!(told["acr"], "eidas1");
        assert_eq!(told["scope"], "openid scope_all");
        assert_eq!(told["nonce"], "nonce-of-the-client");
        assert_eq!(told["authMode"], "MOBILE");
        assert_eq!(told["username"], CAMILLE);
        assert_eq!(told["preferred_username"], CAMILLE);
        assert_eq!(told["otherIds"][0]["identifiant"], CAMILLE);
        assert_eq!(told["sid"], told["session_state"]);
    }
    assert_eq!(access["sub"], refresh["sub"]);
    assert_eq!(access["sid"], refresh["sid"]);
    assert_eq!(access["typ"], "Bearer");
    assert_eq!(access["token_type"], "Bearer");
    assert_eq!(access["SubjectNameID"], CAMILLE);
    assert_eq!(access["exp"].as_i64().unwrap() - access["iat"].as_i64().unwrap(), 120);
    assert_eq!(refresh["typ"], "Refresh");
    assert_eq!(refresh.get("SubjectNameID"), None);
}

#[tokio::test]
async fn a_token_says_only_what_its_scope_releases() {
    let harness = Harness::new().await;
    let mut new = reliance("sobre");
    new.profile = sceau::oauth::Profile::Oidc;
    new.scope = sceau::oauth::ScopeSet::parse("openid").unwrap();
    let service = Relier::register(&harness, new).await;
    let mut phone = harness.enrolled("camille", CAMILLE).await;
    let signed_in = service.sign_in(&harness, &mut phone).await;
    let told = service.introspect(&harness, signed_in.token("access_token")).await;
    assert_eq!(told["active"], true);
    assert!(!told.to_string().contains(CAMILLE), "{told}");
}

#[tokio::test]
async fn who_may_ask() {
    let scene = scene().await;
    let token = scene.signed_in.token("access_token");
    let router = &scene.harness.router;
    // IN-01: no credentials, wrong ones, a public client.
    let nobody = send(router, form("/introspect", &[], &[("token", token)])).await;
    assert_eq!(nobody.refusal(), (401, "invalid_client"));
    let wrong = Relier { id: scene.service.id.clone(), secret: String::from("wrong") };
    let refused = wrong.post(&scene.harness, "/introspect", &[("token", token)]).await;
    assert_eq!(refused.refusal(), (401, "invalid_client"));
    assert!(refused.header("www-authenticate").unwrap().starts_with("Basic "));
    let mut native = reliance("native");
    native.auth = ClientAuthMethod::None;
    native.profile = sceau::oauth::Profile::Oidc;
    Relier::register(&scene.harness, native).await;
    let public = form("/introspect", &[], &[("token", token), ("client_id", "native")]);
    assert_eq!(send(router, public).await.refusal(), (401, "invalid_client"));
    assert_eq!(scene.harness.audited("client.authentication public_client").await, 1);
    // A GET has no such address.
    assert_eq!(plain(&scene.harness, &Method::DELETE, "/introspect").await.status, 405);
}

#[tokio::test]
async fn whatever_is_not_active_for_the_caller_has_one_answer() {
    let scene = scene().await;
    let (harness, service) = (&scene.harness, &scene.service);
    let other = Relier::register(harness, reliance("autre")).await;
    let [access, refresh] = ["access_token", "refresh_token"].map(|name| scene.signed_in.token(name));
    let id_token = scene.signed_in.token("id_token");
    let (cut, longer) = (&access[..access.len() - 1], format!("{access}A"));
    let forged = format!("{}{}", &refresh[..22], "A".repeat(43));
    for token in ["x", "a.b.c", cut, &longer, id_token, &forged, &refresh[..64], &"9".repeat(60_000)] {
        assert_eq!(service.introspect(harness, token).await, inactive());
    }
    for foreign in [access, refresh] {
        assert_eq!(other.introspect(harness, foreign).await, inactive());
    }
    // 1 MiB.
    let huge = "x".repeat(1024 * 1024);
    let reply = service.post(harness, "/introspect", &[("token", &huge)]).await;
    assert_eq!(reply.status, 413);
    let none = service.post(harness, "/introspect", &[]).await;
    assert_eq!(none.refusal(), (400, "invalid_request"));
    harness.clock.advance(Duration::from_mins(2));
    assert_eq!(service.introspect(harness, access).await, inactive(), "expired");
    assert_eq!(service.introspect(harness, refresh).await["active"], true);
    harness.clock.advance(Duration::from_mins(28));
    assert_eq!(service.introspect(harness, refresh).await, inactive(), "idle");
}

#[tokio::test]
async fn a_wrong_hint_changes_nothing() {
    let scene = scene().await;
    for (token, hint) in [("access_token", "refresh_token"), ("refresh_token", "access_token")] {
        let fields = [("token", scene.signed_in.token(token)), ("token_type_hint", hint)];
        let reply = scene.service.post(&scene.harness, "/introspect", &fields).await;
        assert_eq!(reply.body["active"], true, "{token}");
    }
}

#[tokio::test]
async fn a_resource_server_reads_access_tokens_meant_for_it_and_no_refresh_token() {
    let scene = scene().await;
    let mut new = machine("api-sante", "annuaire");
    new.resource_server = true;
    let api = Relier::register(&scene.harness, new).await;
    let told = api.introspect(&scene.harness, scene.signed_in.token("access_token")).await;
    assert_eq!(told["active"], true);
    assert_eq!(told["client_id"], "dmp");
    assert_eq!(told["SubjectNameID"], CAMILLE);
    let refresh = api.introspect(&scene.harness, scene.signed_in.token("refresh_token")).await;
    assert_eq!(refresh, inactive());
}

#[tokio::test]
async fn every_cut_off_is_obeyed() {
    // any one is enough, a stranger's changes nothing.
    let strangers = [CutoffScope::Person(PersonId::random(&sceau::base::OsEntropy))];
    let quiet = scene().await;
    for scope in strangers {
        quiet.cut(scope).await;
    }
    for told in quiet.told().await {
        assert_eq!(told["active"], true);
    }
    for level in ["global", "client", "person", "device", "session"] {
        let scene = scene().await;
        let [access, _] = scene.told().await;
        let person = scene.harness.person(CAMILLE).await;
        let devices = scene.harness.provider.ports.devices.list(person).await.unwrap();
        let scope = match level {
            "global" => CutoffScope::Global,
            "client" => {
                // The client itself could not ask any more: another one, that is a resource server, does.
                CutoffScope::Client("dmp".parse().unwrap())
            }
            "person" => CutoffScope::Person(person),
            "device" => CutoffScope::Device(devices[0].id),
            _ => CutoffScope::Session(access["sid"].as_str().unwrap().parse().unwrap()),
        };
        let mut new = machine("api-sante", "annuaire");
        new.resource_server = true;
        let api = Relier::register(&scene.harness, new).await;
        scene.cut(scope).await;
        let told = api.introspect(&scene.harness, scene.signed_in.token("access_token")).await;
        assert_eq!(told, inactive(), "{level}");
        if level != "client" {
            assert_eq!(scene.told().await, [inactive(), inactive()], "{level}");
        }
    }
}

#[tokio::test]
async fn a_bound_token_names_its_key() {
    let scene = scene().await;
    let service = Relier::register(&scene.harness, machine("robot", "annuaire")).await;
    let holder = Caller::stranger(&scene.harness);
    let fields = [("grant_type", "client_credentials")];
    let blind = holder.proof_with(&Method::POST, "/token", None);
    let first = service.post_with(&scene.harness, "/token", &fields, &[("dpop", &blind)]).await;
    assert_eq!(first.refusal(), (400, "use_dpop_nonce"));
    let proof = holder.proof_with(&Method::POST, "/token", first.header("dpop-nonce"));
    let tokens = service.post_with(&scene.harness, "/token", &fields, &[("dpop", &proof)]).await;
    assert_eq!(tokens.body["token_type"], "DPoP", "{:?}", tokens.body);
    let told = service.introspect(&scene.harness, tokens.body["access_token"].as_str().unwrap()).await;
    assert_eq!(told["token_type"], "DPoP");
    assert_eq!(told["cnf"]["jkt"].as_str().unwrap().len(), 43);
}
