//! Headers of every endpoint: framing, referrer, caching, other origins (`security.md` AZ-08 to AZ-10, UI-04;
//! `attacks.md` ).

use axum::Router;
use http::Method;
use sceau::http::{AppState, HttpLimits, router};
use std::sync::Arc;

use crate::support::{CAMILLE, Harness, Received, Service, bare, csrf, exchange, form};

fn assert_is_a_page_of_ours(page: &Received, name: &str) {
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8", "{name}");
    let policy = page.header("content-security-policy");
    for directive in ["default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"]
    {
        assert!(policy.contains(directive), "{name}: {policy}");
    }
    assert!(!policy.contains("unsafe") && !policy.contains('*'), "{name}: {policy}");
    let expected = [
        ("x-frame-options", "DENY"),
        ("referrer-policy", "no-referrer"),
        ("cache-control", "no-store"),
        ("x-content-type-options", "nosniff"),
        ("cross-origin-opener-policy", "same-origin"),
    ];
    for (header, value) in expected {
        assert_eq!(page.header(header), value, "{name}: {header}");
    }
    for outside in ["src=\"http", "href=\"http", "src=\"//", "href=\"//"] {
        assert!(!page.text.contains(outside), "{name}: {}", page.text);
    }
}

/// AZ-06, AZ-09, AZ-10 on every page that the router shows, and on the redirects between them.
#[tokio::test]
async fn every_page_on_the_way() {
    let harness = Harness::new().await;
    let mut phone = harness.enrolled("camille", CAMILLE).await;
    let service = Service::oidc(&harness, "dossier").await;
    let mut browser = harness.page_browser();
    let opened = browser.get(&service.ask().with("prompt", "consent").url()).await;
    let tab = opened.header("location").to_owned();
    let identify = browser.get(&tab).await;
    let fields = [("identifier", CAMILLE), ("csrf", &csrf(&identify.text))];
    let identified = browser.post(&format!("{tab}/identify"), &fields).await;
    let number = browser.get(&tab).await;
    phone.approve(None, Some(&crate::support::number(&number.text))).await.unwrap();
    let consent = browser.get(&tab).await;
    let allowed = browser.submit(&tab, "consent", &[("decision", "allow")]).await;
    for redirect in [&opened, &identified, &allowed] {
        assert_eq!((redirect.status, redirect.text.as_str()), (303, ""));
        assert_eq!(redirect.header("referrer-policy"), "no-referrer");
        assert_eq!(redirect.header("cache-control"), "no-store");
    }
    let over = browser.get(&tab).await;
    let lost = browser.get("/nowhere").await;
    let refused = browser.get("/authorize").await;
    let posted = browser.get(&service.ask().with("response_mode", "form_post").url()).await;
    let pages = [
        ("identify", &identify, 200),
        ("number", &number, 200),
        ("consent", &consent, 200),
        ("over", &over, 400),
        ("lost", &lost, 404),
        ("refused", &refused, 400),
        ("form_post", &posted, 200),
    ];
    for (name, page, status) in pages {
        assert_eq!(page.status, status, "{name}: {}", page.text);
        assert_is_a_page_of_ours(page, name);
    }
}

/// what may be kept is named; everything else is not.
#[tokio::test]
async fn what_may_be_kept() {
    let harness = Harness::new().await;
    let cacheable = [
        ("/jwks", "public, max-age=600"),
        ("/.well-known/openid-configuration", "public, max-age=600"),
        ("/assets/style.css", "public, max-age=3600"),
    ];
    for (path, expected) in cacheable {
        let answer = harness.get(path).await;
        assert_eq!((answer.status, answer.header("cache-control")), (200, expected), "{path}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert!(answer.cookies().is_empty());
    }
    for path in ["/userinfo", "/authorize", "/interaction/x", "/interaction/x/status", "/mobile/v1/approvals"]
    {
        let answer = harness.get(path).await;
        assert_eq!(answer.header("cache-control"), "no-store", "{path}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
    }
    for path in ["/token", "/par", "/userinfo", "/authorize"] {
        let answer = harness.exchange(form(path, &[], &[])).await;
        assert_eq!(answer.header("cache-control"), "no-store", "{path}");
    }
}

fn cors(answer: &Received) -> Vec<(String, String)> {
    let headers = answer.headers.iter();
    let cors = headers.filter(|(name, _)| name.as_str().starts_with("access-control-"));
    cors.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect()
}

/// AZ-08, UI-04, A-199: endpoint by origin by kind of request.
#[tokio::test]
async fn which_origin_may_read_which_answer() {
    let harness = Harness::new().await;
    let closed = [
        "/authorize",
        "/par",
        "/token",
        "/userinfo",
        "/interaction/x",
        "/interaction/x/identify",
        "/interaction/x/status",
        "/assets/style.css",
        "/nowhere",
    ];
    let open = ["/jwks", "/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"];
    let phones = "/mobile/v1/approvals";
    for origin in ["https://app.example", "https://dossier.example", "https://evil.example", "null"] {
        let simple = [("origin", origin), ("cookie", "__Host-sceau-session=x")];
        let preflight = [
            ("origin", origin),
            ("access-control-request-method", "POST"),
            ("access-control-request-headers", "authorization, dpop"),
        ];
        for path in closed {
            for (method, headers) in
                [(Method::GET, &simple[..]), (Method::POST, &simple[..]), (Method::OPTIONS, &preflight[..])]
            {
                let answer = harness.exchange(bare(&method, path, headers)).await;
                assert_eq!(cors(&answer), [], "{method} {path} from {origin}");
            }
        }
        for path in open {
            let answer = harness.exchange(bare(&Method::GET, path, &simple)).await;
            let any = [(String::from("access-control-allow-origin"), String::from("*"))];
            assert_eq!(cors(&answer), any, "{path} from {origin}");
        }
        for (method, headers) in [(Method::GET, &simple[..]), (Method::OPTIONS, &preflight[..])] {
            let answer = harness.exchange(bare(&method, phones, headers)).await;
            let allowed = answer.header("access-control-allow-origin");
            let expected = if origin == "https://app.example" { origin } else { "" };
            assert_eq!(allowed, expected, "{method} {phones} from {origin}");
            assert_eq!(answer.header("access-control-allow-credentials"), "");
        }
    }
}

fn strict(harness: &Harness) -> Router {
    let state = AppState {
        provider: Arc::clone(&harness.provider),
        trusted_proxies: Arc::new([]),
        leaving: sceau::http::Leaving::default(),
        mobile_origins: Arc::new([]),
    };
    router(state, &HttpLimits { hsts: true, ..HttpLimits::default() })
}

#[tokio::test]
async fn transport_security_is_told_with_every_answer() {
    let harness = Harness::new().await;
    let router = strict(&harness);
    for path in ["/jwks", "/authorize", "/nowhere", "/userinfo", "/assets/style.css", "/mobile/v1/approvals"]
    {
        let answer = exchange(&router, bare(&Method::GET, path, &[])).await;
        let told = answer.header("strict-transport-security");
        assert_eq!(told, "max-age=63072000; includeSubDomains", "{path}");
        assert_eq!(harness.get(path).await.header("strict-transport-security"), "", "{path}");
    }
}

/// a cookie that a neighbour set under a name without prefix is not ours.
#[tokio::test]
async fn a_cookie_without_its_prefix_is_ignored() {
    let harness = Harness::new().await;
    let mut phone = harness.enrolled("camille", CAMILLE).await;
    let service = Service::oidc(&harness, "dossier").await;
    let mut browser = harness.page_browser();
    browser.sign_in(&service.ask().url(), &mut phone, CAMILLE).await.code();
    let session = browser.session();
    let mut tossed = harness.page_browser();
    for name in ["sceau-session", "__Secure-sceau-session", "__host-sceau-session", " __Host-sceau-sessio"] {
        tossed.cookies.insert(name.to_owned(), session.clone());
    }
    let answer = tossed.answered(&service.ask().with("prompt", "none").url()).await;
    assert_eq!(answer.error(), "login_required");
}

/// Every answer can be found again in the log.
#[tokio::test]
async fn every_answer_has_a_request_id() {
    let harness = Harness::new().await;
    let (one, two) = (harness.get("/jwks").await, harness.get("/nowhere").await);
    let (process, number) = one.header("x-request-id").split_once('-').unwrap();
    assert_eq!((process.len(), number.is_empty()), (16, false));
    assert_ne!(one.header("x-request-id"), two.header("x-request-id"));
}
