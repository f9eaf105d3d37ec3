//! Every endpoint with each call to its stores failing in turn (`security.md` 4.4, 4.5): 503, when to come again, and
//! nothing given.

use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::atomic::{AtomicBool, AtomicUsize};

use axum::body::Body;
use http::{Method, Request};
use sceau::oauth::{ClientAuthMethod, GrantType, Profile, ScopeSet};
use serde_json::{Value, json};

use crate::support::{
    CAMILLE, Caller, Fails, Harness, Outage, PageBrowser, Received, Relier, Service, bare, csrf, form,
    registration, reliance,
};

const UNAVAILABLE: &str = "momentanément indisponible";
/// What fails after the answer was given; knowledge of keys that is good for a while.
const HARMLESS: [&str; 2] = ["sessions.remove", "keys.list"];

/// How an endpoint says that it cannot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    /// RFC 6749 5.2.
    Json,
    /// A page, in French.
    Page,
    /// A page until the request is read, the client from then on (RFC 6749 4.1.2.1).
    Client,
    /// `{"status": "unavailable"}`.
    Status,
}

struct Lab {
    harness: Harness,
    outage: Outage,
}

impl Lab {
    async fn new() -> Self {
        let outage = Outage::none();
        let harness = Harness::over(|policy| policy.live_approvals = 1000, |ports| outage.of(ports)).await;
        Self { harness, outage }
    }

    /// Makes a request once, then again for each call to a store that it made, with that call failing. The names of
    /// the calls.
    async fn survey(
        &self,
        what: &str,
        told: Told,
        make: impl AsyncFn() -> Request<Body>,
    ) -> Vec<&'static str> {
        let request = make().await;
        self.outage.begin(|_, _| None);
        let answer = self.harness.exchange(request).await;
        let calls = self.outage.end();
        assert!(answer.status < 400, "{what}: {} {}", answer.status, answer.text);
        for (at, name) in calls.iter().copied().enumerate() {
            let nth = calls[..at].iter().filter(|one| **one == name).count();
            self.harness.clock.advance(std::time::Duration::from_secs(2));
            let request = make().await;
            let (seen, failed) = (AtomicUsize::new(0), Arc::new(AtomicBool::new(false)));
            let noted = Arc::clone(&failed);
            self.outage.begin(move |_, one| {
                let hit = one == name && seen.fetch_add(1, SeqCst) == nth;
                noted.fetch_or(hit, SeqCst);
                hit.then_some(Fails::Before)
            });
            let answer = self.harness.exchange(request).await;
            self.outage.end();
            // What was ended for good the first time makes fewer calls.
            if failed.load(SeqCst) && !HARMLESS.contains(&name) {
                judge(&format!("{what}: {name}"), told, &answer);
            }
        }
        calls
    }
}

fn judge(what: &str, told: Told, answer: &Received) {
    if told == Told::Client && answer.status == 303 {
        let answer = answer.to_client();
        assert_eq!(answer.error(), "temporarily_unavailable", "{what}");
        assert_eq!((answer.get("state"), answer.get("iss")), ("état=1&2", "https://sceau.example"), "{what}");
        return;
    }
    assert_eq!(answer.status, 503, "{what}: {}", answer.text);
    assert_eq!(answer.header("retry-after"), "2", "{what}");
    assert_eq!(answer.header("cache-control"), "no-store", "{what}");
    assert_eq!(answer.cookies(), Vec::<String>::new(), "{what}");
    match told {
        Told::Json => {
            let body = answer.json();
            assert_eq!(body["error"], json!("temporarily_unavailable"), "{what}");
            assert!(body["error_description"].is_string());
            assert_eq!(body.as_object().map(serde_json::Map::len), Some(2), "{what}: nothing else is told");
        }
        Told::Status => assert_eq!(answer.json(), json!({ "status": "unavailable" }), "{what}"),
        Told::Page | Told::Client => answer.assert_page(503, UNAVAILABLE),
    }
}

#[tokio::test]
async fn documents_need_no_store() {
    let lab = Lab::new().await;
    lab.outage.begin(|_, _| Some(Fails::Before));
    for path in ["/jwks", "/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"] {
        assert_eq!(lab.harness.get(path).await.status, 200, "{path}");
    }
    assert_eq!(lab.outage.end(), Vec::<&str>::new());
}

#[tokio::test]
async fn what_services_call() {
    let lab = Lab::new().await;
    let harness = &lab.harness;
    let service = Service::fapi2(harness, "fapi").await;
    let mut phone = harness.enrolled("camille", CAMILLE).await;
    let par = async || service.authenticated("/par", &service.ask().pairs(), None);
    let calls = lab.survey("par", Told::Json, par).await;
    assert!(calls.contains(&"one_shot.put_pushed") && calls.contains(&"replay.first_seen"), "{calls:?}");

    let mut browser = harness.page_browser();
    let url = service.pushed(&service.ask()).await;
    let code = browser.sign_in(&url, &mut phone, CAMILLE).await.code().to_owned();
    let key = service.dpop.as_ref().unwrap();
    let nonce = async || {
        let asked = service.authenticated(
            "/token",
            &[("grant_type", "refresh_token"), ("refresh_token", "x")],
            Some(&key.for_token(harness, None)),
        );
        harness.exchange(asked).await.header("dpop-nonce").to_owned()
    };
    let tokens = service.redeem(&code).await;
    let browser = tokio::sync::Mutex::new(browser);
    let redeem = async || {
        let url = service.pushed(&service.ask()).await;
        let code = browser.lock().await.answered(&url).await.code().to_owned();
        let proof = key.for_token(harness, Some(&nonce().await));
        service.authenticated("/token", &service.redemption(&code), Some(&proof))
    };
    let calls = lab.survey("token, code", Told::Json, redeem).await;
    for name in
        ["one_shot.take_code", "issuance.issue", "signer.sign", "access_tokens.put", "replay.generation"]
    {
        assert!(calls.contains(&name), "{name}: {calls:?}");
    }
    let refresh = tokens.json()["refresh_token"].as_str().map(str::to_owned);
    if let Some(refresh) = refresh {
        let fields = [("grant_type", "refresh_token"), ("refresh_token", refresh.as_str())];
        let again = async || {
            let proof = key.for_token(harness, Some(&nonce().await));
            service.authenticated("/token", &fields, Some(&proof))
        };
        let calls = lab.survey("token, refresh", Told::Json, again).await;
        assert!(calls.contains(&"grants.family"), "{calls:?}");
    }
}

#[tokio::test]
async fn what_machines_and_resources_call() {
    let lab = Lab::new().await;
    let harness = &lab.harness;
    let mut new = registration("machine", Profile::Oidc, ClientAuthMethod::PrivateKeyJwt);
    new.grant_types = vec![GrantType::ClientCredentials];
    new.redirect_uris = Vec::new();
    new.scope = ScopeSet::parse("registre").unwrap();
    let machine = Service::register(harness, new).await;
    let issue = async || machine.authenticated("/token", &[("grant_type", "client_credentials")], None);
    let calls = lab.survey("token, client credentials", Told::Json, issue).await;
    assert!(calls.contains(&"audit.append") && calls.contains(&"signer.sign"), "{calls:?}");

    let relier = Relier::register(harness, reliance("dossier")).await;
    let mut phone = harness.enrolled("camille", CAMILLE).await;
    let signed_in = relier.sign_in(harness, &mut phone).await;
    let token = signed_in.token("access_token").to_owned();
    let refresh = signed_in.token("refresh_token").to_owned();
    let bearer = format!("Bearer {token}");
    let claims = async || bare(&Method::GET, "/userinfo", &[("authorization", &bearer)]);
    let calls = lab.survey("userinfo", Told::Json, claims).await;
    assert_eq!(calls, ["access_tokens.load"]);
    for (what, shown, asked) in [
        ("introspect, access", &token, "access_tokens.load"),
        ("introspect, refresh", &refresh, "grants.family"),
    ] {
        let ask = async || relier.form("/introspect", &[("token", shown)]);
        let calls = lab.survey(what, Told::Json, ask).await;
        assert!(calls.contains(&asked), "{calls:?}");
    }
    let rotate = [("grant_type", "refresh_token"), ("refresh_token", refresh.as_str())];
    lab.survey("token, refresh", Told::Json, async || relier.form("/token", &rotate)).await;
    for (what, shown) in [("revoke, refresh", &refresh), ("revoke, access", &token)] {
        let ask = async || relier.form("/revoke", &[("token", shown)]);
        lab.survey(what, Told::Json, ask).await;
    }
}

#[tokio::test]
async fn the_pages() {
    let lab = Lab::new().await;
    let harness = &lab.harness;
    harness.enrolled("camille", CAMILLE).await;
    let service = Service::oidc(harness, "dossier").await;
    let ask = service.ask().with("prompt", "login");
    let opened = async || {
        let mut browser = harness.page_browser();
        let tab = browser.open(&ask.url()).await;
        (browser, tab)
    };
    let begin = async || bare(&Method::GET, &ask.url(), &[]);
    let calls = lab.survey("authorize", Told::Client, begin).await;
    assert!(calls.contains(&"interactions.insert") && calls.contains(&"audit.append"), "{calls:?}");
    let stash = async || form("/authorize", &[], &ask.pairs());
    lab.survey("authorize, posted", Told::Page, stash).await;
    let silent = service.ask().with("prompt", "none").url();
    lab.survey("authorize, silent", Told::Client, async || bare(&Method::GET, &silent, &[])).await;

    let page = async || {
        let (browser, tab) = opened().await;
        browser.dressed(bare(&Method::GET, &tab, &[]))
    };
    lab.survey("identifier page", Told::Page, page).await;
    let identify = async || filled(opened().await, "identify", ("identifier", CAMILLE)).await;
    let calls = lab.survey("identify", Told::Page, identify).await;
    assert!(calls.contains(&"approvals.open") && calls.contains(&"throttle.hit"), "{calls:?}");
    let cancel = async || filled(opened().await, "cancel", ("x", "x")).await;
    lab.survey("cancel", Told::Page, cancel).await;
    for (what, end, told) in [("number page", "", Told::Page), ("language", "?ui_locales=en", Told::Page)] {
        let waiting = async || {
            let (mut browser, tab) = opened().await;
            browser.identify(&tab, CAMILLE).await;
            browser.dressed(bare(&Method::GET, &format!("{tab}{end}"), &[]))
        };
        lab.survey(what, told, waiting).await;
    }
    let status = async || {
        let (mut browser, tab) = opened().await;
        browser.get(&tab).await;
        browser.dressed(bare(&Method::GET, &format!("{tab}/status"), &[]))
    };
    lab.survey("status", Told::Status, status).await;
}

/// The phone's approval, from its challenge on.
#[tokio::test]
async fn an_approval() {
    let lab = Lab::new().await;
    let harness = &lab.harness;
    let mut phone = harness.enrolled("camille", CAMILLE).await;
    let service = Service::oidc(harness, "dossier").await;
    let ask = service.ask().with("prompt", "login");
    for place in 0..40 {
        // What waited before is over.
        harness.clock.advance(std::time::Duration::from_secs(95));
        let mut browser = harness.page_browser();
        let tab = browser.open(&ask.url()).await;
        let number = browser.identify(&tab, CAMILLE).await;
        let from_there = AtomicUsize::new(usize::MAX);
        lab.outage.begin(move |at, name| {
            let from = from_there.load(SeqCst);
            if name == "one_shot.put_ceremony" {
                from_there.store(at + 1, SeqCst);
            }
            (from != usize::MAX && at == from + place).then_some(Fails::Before)
        });
        let approved = phone.approve(None, Some(&number)).await;
        let calls = lab.outage.end();
        let from = calls.iter().position(|name| *name == "one_shot.put_ceremony").unwrap() + 1;
        let Some(name) = calls.get(from + place) else {
            approved.unwrap();
            assert!(calls.contains(&"decisions.commit"), "{calls:?}");
            browser.finish(&tab).await.code();
            break;
        };
        // The row is the truth: once it is written, the approval that follows it may come late.
        if approved.is_err() && !calls[..from + place].contains(&"decisions.commit") {
            assert!(browser.get(&tab).await.text.contains(&number), "{name}: nothing was decided");
        }
    }
}

/// A form of the page at `tab`, filled in.
async fn filled((mut browser, tab): (PageBrowser, String), name: &str, field: (&str, &str)) -> Request<Body> {
    let csrf = csrf(&browser.get(&tab).await.text);
    browser.dressed(form(&format!("{tab}/{name}"), &[], &[field, ("csrf", &csrf)]))
}

#[tokio::test]
async fn consent_and_logout() {
    let lab = Lab::new().await;
    let harness = &lab.harness;
    let mut phone = harness.enrolled("camille", CAMILLE).await;
    let mut new = registration("dossier", Profile::Oidc, ClientAuthMethod::SecretBasic);
    new.ask_consent = true;
    let service = Service::register(harness, new).await;
    let mut browser = harness.page_browser();
    let plain = Service::oidc(harness, "simple").await;
    browser.sign_in(&plain.ask().url(), &mut phone, CAMILLE).await.code();
    let browser = tokio::sync::Mutex::new(browser);
    let phone = tokio::sync::Mutex::new(phone);
    let ask = service.ask().with("prompt", "consent");
    for decision in ["allow", "deny"] {
        let consent = async || {
            let mut browser = browser.lock().await;
            let tab = browser.open(&ask.url()).await;
            let csrf = csrf(&browser.get(&tab).await.text);
            let fields = [("decision", decision), ("csrf", csrf.as_str())];
            browser.dressed(form(&format!("{tab}/consent"), &[], &fields))
        };
        let calls = lab.survey("consent", Told::Page, consent).await;
        assert!(calls.contains(&"interactions.advance"), "{calls:?}");
    }
    let page = async || browser.lock().await.dressed(bare(&Method::GET, "/end_session", &[]));
    lab.survey("logout page", Told::Page, page).await;
    let answer = async || {
        let mut browser = browser.lock().await;
        let again = plain.ask().with("prompt", "login").url();
        browser.sign_in(&again, &mut *phone.lock().await, CAMILLE).await.code();
        let page = browser.get("/end_session").await.text;
        let ticket = crate::support::between(&page, "name=\"ticket\" value=\"", "\"").unwrap().to_owned();
        let csrf = csrf(&page);
        let fields = [("decision", "logout"), ("ticket", ticket.as_str()), ("csrf", csrf.as_str())];
        browser.dressed(form("/end_session", &[], &fields))
    };
    let calls = lab.survey("logout", Told::Page, answer).await;
    assert!(calls.contains(&"revocation.revoke"), "{calls:?}");
}

#[tokio::test]
async fn what_phones_call() {
    let lab = Lab::new().await;
    let harness = &lab.harness;
    let mut phone = harness.enrolled("camille", CAMILLE).await;
    let service = Service::oidc(harness, "dossier").await;
    let caller = Caller::with_key_of(harness, &harness.path("camille"));
    let call = async |method: Method, path: &str, body: Option<Value>| {
        let proof = caller.proof(&method, path).await;
        let mut request = bare(&method, path, &[("dpop", &proof)]);
        if let Some(body) = body {
            request.headers_mut().insert("content-type", "application/json".parse().unwrap());
            *request.body_mut() = Body::from(body.to_string());
        }
        request
    };
    for path in ["/mobile/v1/devices", "/mobile/v1/approvals"] {
        let list = async || call(Method::GET, path, None).await;
        let calls = lab.survey(path, Told::Json, list).await;
        assert!(calls.contains(&"replay.first_seen") && calls.contains(&"devices.find_by_key"), "{calls:?}");
    }
    let ask = service.ask().with("prompt", "login").url();
    let waiting = async || {
        let mut browser = harness.page_browser();
        let tab = browser.open(&ask).await;
        browser.identify(&tab, CAMILLE).await;
        let answer = harness.exchange(call(Method::GET, "/mobile/v1/approvals", None).await).await;
        let approvals = answer.json()["approvals"].as_array().cloned().unwrap_or_default();
        approvals.last().unwrap()["id"].as_str().unwrap().to_owned()
    };
    let challenge = async || {
        let id = waiting().await;
        call(Method::POST, &format!("/mobile/v1/approvals/{id}/challenge"), Some(json!({}))).await
    };
    let calls = lab.survey("challenge", Told::Json, challenge).await;
    assert!(calls.contains(&"one_shot.put_ceremony"), "{calls:?}");
    let deny = async || {
        let id = waiting().await;
        call(
            Method::POST,
            &format!("/mobile/v1/approvals/{id}/decision"),
            Some(json!({ "decision": "deny" })),
        )
        .await
    };
    let calls = lab.survey("deny", Told::Json, deny).await;
    assert!(calls.contains(&"decisions.deny"), "{calls:?}");
    let codes = json!({ "national_id": CAMILLE });
    let request = async || call(Method::POST, "/mobile/v1/enrolments/codes", Some(codes.clone())).await;
    lab.survey("activation codes", Told::Json, request).await;
    assert_eq!(phone.devices().await.unwrap().len(), 1);
    let id = phone.device_id().unwrap().to_owned();
    lab.outage.begin(|_, name| (name == "revocation.revoke").then_some(Fails::Before));
    let path = format!("/mobile/v1/devices/{id}");
    let answer = harness.exchange(call(Method::DELETE, &path, None).await).await;
    lab.outage.end();
    judge("revoke a phone", Told::Json, &answer);
    assert_eq!(phone.devices().await.unwrap().len(), 1, "still there");
    phone.revoke(&id).await.unwrap();
}

/// A fault of ours is one request's alone, and answered in the form of its endpoint.
#[tokio::test]
async fn what_panics_is_answered_and_tells_nothing() {
    let lab = Lab::new().await;
    lab.outage.begin(|_, _| panic!("told to"));
    let request =
        Request::get("/userinfo").header("authorization", "Bearer any").body(Body::empty()).unwrap();
    let answer = lab.harness.exchange(request).await;
    assert_eq!((answer.status, &answer.json()["error"]), (500, &json!("server_error")), "{}", answer.text);
    assert!(!answer.text.contains("told to"), "{}", answer.text);
    assert_eq!(
        (answer.header("x-content-type-options"), answer.header("x-request-id").len()),
        ("nosniff", 33)
    );
    assert_eq!(lab.harness.get("/jwks").await.status, 200);
}
