//! Limits beyond places: what a source has kept, how often a client comes; that they are counted, and that a browser may read
//! what is refused.

use std::sync::Arc;

use async_trait::async_trait;
use axum::Router;
use http::Method;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use sceau::base::UnixTime;
use sceau::http::{AppState, HttpLimits, Leaving, router};
use sceau::ports::{PortResult, Ports, Throttle, ThrottleRule};

use crate::support::{Harness, Received, Relier, Service, bare, exchange, form, machine};

/// One rule is met by everybody.
struct Met(&'static str);

#[async_trait]
impl Throttle for Met {
    async fn hit(&self, rule: ThrottleRule, _: &[u8], _: UnixTime) -> PortResult<bool> {
        Ok(rule.name != self.0)
    }

    async fn allows(&self, rule: ThrottleRule, subject: &[u8], now: UnixTime) -> PortResult<bool> {
        self.hit(rule, subject, now).await
    }
}

/// What is counted on this thread.
fn counting() -> (metrics::LocalRecorderGuard<'static>, PrometheusHandle) {
    let recorder = Box::leak(Box::new(PrometheusBuilder::new().build_recorder()));
    (metrics::set_default_local_recorder(recorder), recorder.handle())
}

fn shed(counts: &PrometheusHandle, class: &str) -> u32 {
    let line = format!("sceau_http_shed_total{{class=\"{class}\"}} ");
    let rendered = counts.render();
    rendered.lines().find_map(|text| text.strip_prefix(&line)).map_or(0, |count| count.parse().unwrap())
}

fn routes(harness: &Harness, limits: &HttpLimits) -> Router {
    let state = AppState {
        provider: Arc::clone(&harness.provider),
        trusted_proxies: Arc::new([]),
        leaving: Leaving::default(),
        mobile_origins: Arc::new([String::from("https://app.example")]),
    };
    router(state, limits)
}

#[tokio::test]
async fn a_source_with_too_many_requests_kept_is_told_429_on_a_page_in_its_language() {
    let (_recorded, counts) = counting();
    let throttle = |ports| Ports { throttle: Arc::new(Met("requests_kept")), ..ports };
    let harness = Harness::over(|_| (), throttle).await;
    let service = Service::oidc(&harness, "dossier").await;
    let address = service.ask().url();
    let query = address.split_once('?').unwrap().1;
    for (language, words, wait) in [
        ("fr", "Trop de demandes viennent d’être faites", "Patientez une minute,"),
        ("en", "Too many requests were just made", "Wait a minute,"),
    ] {
        let language = [("accept-language", language)];
        let read = harness.exchange(bare(&Method::GET, &address, &language)).await;
        let mut request = form("/authorize", &language, &[]);
        *request.body_mut() = query.to_owned().into();
        let sent = harness.exchange(request).await;
        for (answer, again) in [(read, true), (sent, false)] {
            assert_eq!((answer.status, answer.header("retry-after")), (429, "60"), "{}", answer.text);
            assert_eq!(answer.header("content-language"), language[0].1);
            assert_eq!(answer.header("cache-control"), "no-store");
            assert!(answer.text.contains(words) && answer.text.contains(wait), "{}", answer.text);
            // What was posted cannot be asked for again by a link.
            assert_eq!(answer.text.contains("href=\"\""), again, "{}", answer.text);
        }
    }
    assert_eq!(shed(&counts, "kept"), 4);
}

#[tokio::test]
async fn a_client_that_comes_too_often_is_told_429_and_counted() {
    let (_recorded, counts) = counting();
    let harness = Harness::with(|policy| policy.client_rate = 1).await;
    let client = Relier::register(&harness, machine("machine", "sante")).await;
    let fields = [("grant_type", "client_credentials"), ("scope", "sante"), ("token", "x")];
    for path in ["/token", "/introspect"] {
        let mut refused = None;
        // The clock stands: a few at once are let in, and the next one is not.
        for _ in 0..4 {
            refused = Some(harness.exchange(client.form(path, &fields)).await);
        }
        let refused = refused.unwrap();
        assert_eq!((refused.status, refused.header("retry-after")), (429, "1"), "{path}: {}", refused.text);
        assert_eq!(refused.json()["error"], "slow_down");
    }
    assert!(shed(&counts, "client") >= 5, "{}", counts.render());
    assert_eq!(shed(&counts, "source") + shed(&counts, "kept"), 0);
}

fn readers(answer: &Received) -> (&str, &str) {
    (answer.header("access-control-allow-origin"), answer.header("access-control-expose-headers"))
}

#[tokio::test]
async fn who_may_read_an_answer_may_read_a_refusal() {
    let harness = Harness::new().await;
    let slow = routes(&harness, &HttpLimits { source_rate: 1, ..HttpLimits::default() });
    let full = routes(&harness, &HttpLimits { requests: 0, queue: 0, ..HttpLimits::default() });
    for (origin, allowed) in [("https://app.example", true), ("https://evil.example", false)] {
        let ask = |path: &str| bare(&Method::GET, path, &[("origin", origin)]);
        let phone = if allowed { (origin, "retry-after") } else { ("", "") };
        // A slow machine gives a place back meanwhile.
        let too_early = async |path: &str| loop {
            let answer = exchange(&slow, ask(path)).await;
            if answer.status == 429 {
                return answer;
            }
        };
        for (path, expected) in
            [("/mobile/v1/approvals", phone), ("/token", ("", "")), ("/authorize", ("", ""))]
        {
            assert_eq!(readers(&too_early(path).await), expected, "429 {path} from {origin}");
            let refused = exchange(&full, ask(path)).await;
            assert_eq!((refused.status, readers(&refused)), (503, expected), "{path} from {origin}");
        }
        // The keys and discovery have places to the last: what they refuse is what is no GET.
        for path in ["/jwks", "/.well-known/openid-configuration"] {
            let refused = exchange(&full, bare(&Method::POST, path, &[("origin", origin)])).await;
            assert_eq!((refused.status, readers(&refused)), (405, ("*", "retry-after")), "{path}");
        }
    }
}
