//! Traces of whole sign-ins, as a collector receives them: what is there, what never is, and a collector that fails.
//!
//! Each in a process of its own, with the log and the traces that `sceau serve` installs: a subscriber of one thread
//! is told nothing of the spans that a thread of the database ends.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::middleware::map_request;
use http::{HeaderValue, Method};
use sceau::http::{AppState, HttpLimits, Leaving, Peer, router};
use sceau::telemetry::{LogSettings, Metrics, Traces};
use tokio::net::TcpListener;
use url::Url;

use crate::support::{CAMILLE, Collector, Harness, Service, Spanned, bare, exchange};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN: &str = "00f067aa0ba902b7";
const PROXY: [u8; 4] = [203, 0, 113, 7];
const STRANGER: [u8; 4] = [198, 51, 100, 7];
const LONG: Duration = Duration::from_secs(10);
/// Set in the process that a test starts for itself.
const ALONE: &str = "SCEAU_TEST_ALONE";

/// Does `work` in a process of its own, which runs the test `name` alone; its log. None in that process, when it is done.
fn alone(name: &str, work: impl Future<Output = ()>) -> Option<String> {
    if std::env::var_os(ALONE).is_some() {
        tokio::runtime::Runtime::new().unwrap().block_on(work);
        return None;
    }
    let (_, module) = module_path!().split_once("::").unwrap();
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", &format!("{module}::{name}"), "--nocapture"]).env(ALONE, "1");
    let output = command.output().unwrap();
    let told = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap()).concat();
    assert!(output.status.success() && told.contains("1 passed"), "{told}");
    Some(told)
}

fn installed() -> Traces {
    LogSettings::parse(Some("json,sceau=debug")).install().unwrap()
}

/// The routes of `harness`, called by `peer` with `parents` in `traceparent`; `share` of a million are traced.
fn observed(harness: &Harness, peer: [u8; 4], parents: &[String], share: u32) -> Router {
    let limits = HttpLimits { traced: Some(share), traceparent: true, ..HttpLimits::default() };
    limited(harness, peer, parents, &limits)
}

fn limited(harness: &Harness, peer: [u8; 4], parents: &[String], limits: &HttpLimits) -> Router {
    let state = AppState {
        provider: Arc::clone(&harness.provider),
        trusted_proxies: Arc::new(["203.0.113.0/24".parse().unwrap()]),
        leaving: Leaving::default(),
        mobile_origins: Arc::new([]),
    };
    let parents: Vec<_> = parents.iter().map(|parent| HeaderValue::from_str(parent).unwrap()).collect();
    let marked = move |mut request: Request| {
        for parent in &parents {
            request.headers_mut().append("traceparent", parent.clone());
        }
        request.extensions_mut().insert(Peer(SocketAddr::from((peer, 40000))));
        std::future::ready(request)
    };
    router(state, limits).layer(map_request(marked))
}

/// Every call of `harness` then comes from `peer`, with the parent of a trace, and `share` of a million are traced.
fn traced(harness: &mut Harness, peer: [u8; 4], flags: &str, share: u32) {
    harness.router = observed(harness, peer, &[format!("00-{TRACE}-{SPAN}-{flags}")], share);
}

/// Signs Camille in, redeems the code, and once too often; answers with everything that is nobody else's business.
async fn sign_in(harness: &Harness) -> Vec<String> {
    let mut phone = harness.attested_phone("camille", CAMILLE).await;
    let (email, by_phone) = harness.codes(CAMILLE).await;
    let service = Service::psc(harness, "dossier").await;
    let mut browser = harness.page_browser();
    let ask = service.ask().with("scope", "openid scope_all");
    let answer = browser.sign_in(&ask.url(), &mut phone, CAMILLE).await;
    let tokens = service.redeem(answer.code()).await;
    assert_eq!(tokens.status, 200);
    let access = tokens.text_of("access_token");
    assert_eq!(service.userinfo(&access).await.status, 200);
    assert_eq!(service.token(&service.redemption(answer.code())).await.status, 400);
    // The thread of the database ends a span when it turns to the next statement: this one is in no request.
    harness.audit().await;
    let known =
        [answer.code().to_owned(), browser.session(), tokens.text_of("id_token"), access, email, by_phone];
    let words = ["VERDIER", "Camille", "camille.verdier", "0199000001", "dossier", "203.0.113", "Mozilla"];
    known.into_iter().chain([CAMILLE].into_iter().chain(words).map(String::from)).collect()
}

#[test]
fn a_sign_in_is_traced_and_nothing_personal_leaves() {
    let log = alone("a_sign_in_is_traced_and_nothing_personal_leaves", async {
        let (collector, traces) = (Collector::open().await, installed());
        traces.start(&collector.address, Traces::QUEUE).unwrap();
        let mut harness = Harness::new().await;
        traced(&mut harness, PROXY, "01", 0);
        let secrets = sign_in(&harness).await;
        assert!(traces.stop(LONG).await);
        let heard = collector.bytes();
        let has = |words: &str| heard.windows(words.len()).any(|window| window == words.as_bytes());
        assert!(has("service.version"));
        for secret in secrets {
            assert!(!has(&secret), "{secret}");
        }
        whole(&collector.spans());
    });
    let Some(log) = log else { return };
    let line = log.lines().find(|line| line.contains("refused")).unwrap();
    assert!(
        line.contains(&format!("\"trace.id\":\"{TRACE}\"")) && line.contains("\"request.id\":\""),
        "{line}"
    );
    for absent in [CAMILLE, "VERDIER", "sql.statement"] {
        assert!(!log.contains(absent), "{absent} in {log}");
    }
}

/// Every span there is has its parent, and says what it may and no more.
fn whole(spans: &[Spanned]) {
    let ids: HashSet<_> = spans.iter().map(|span| span.id.as_str()).collect();
    let mut names: Vec<_> = spans.iter().map(|span| span.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names, ["http.request", "signer", "sql.commit", "sql.statement", "sql.turn", "token"]);
    for span in spans {
        assert_eq!(span.trace, TRACE, "{span:?}");
        // The parent of each request is the proxy's span; those within a request have one of ours.
        let known =
            if span.name == "http.request" { span.parent == SPAN } else { ids.contains(&*span.parent) };
        assert!(known, "{span:?}");
        for (key, value) in &span.attributes {
            let expected = match key.as_str() {
                "http.request.method" => matches!(value.as_str(), "GET" | "POST"),
                "http.route" => value.starts_with('/') && !value.contains('?') && !value.contains('='),
                "http.response.status_code" => value.len() == 3,
                "grant" => value == "authorization_code",
                _ => false,
            };
            assert!(expected, "{key} of {span:?}");
        }
    }
    let tokens: Vec<_> = spans.iter().filter(|span| span.name == "token").collect();
    assert_eq!(tokens.len(), 2);
    for token in tokens {
        let request = spans.iter().find(|span| span.id == token.parent).unwrap();
        assert_eq!(request.attributes["http.route"], "/token");
        assert!(spans.iter().any(|span| span.parent == token.id));
    }
}

#[test]
fn the_parent_of_a_stranger_is_not_taken() {
    alone("the_parent_of_a_stranger_is_not_taken", async {
        let (collector, traces) = (Collector::open().await, installed());
        traces.start(&collector.address, Traces::QUEUE).unwrap();
        let mut harness = Harness::new().await;
        traced(&mut harness, STRANGER, "01", 1_000_000);
        sign_in(&harness).await;
        assert!(traces.stop(LONG).await);
        let spans = collector.spans();
        assert!(spans.iter().any(|span| span.name == "http.request" && span.parent.is_empty()));
        assert!(spans.iter().all(|span| span.trace != TRACE && span.parent != SPAN));
    });
}

#[test]
fn a_proxy_that_may_forward_what_strangers_sent_has_no_say_by_default() {
    alone("a_proxy_that_may_forward_what_strangers_sent_has_no_say_by_default", async {
        let (collector, traces) = (Collector::open().await, installed());
        traces.start(&collector.address, Traces::QUEUE).unwrap();
        let harness = Harness::new().await;
        // Neither to have all traced, nor to have nothing traced, nor as the parent.
        for (flags, share) in [("01", 0), ("00", 1_000_000)] {
            let limits = HttpLimits { traced: Some(share), ..HttpLimits::default() };
            let parents = [format!("00-{TRACE}-{SPAN}-{flags}")];
            let router = limited(&harness, PROXY, &parents, &limits);
            let asked = bare(&Method::GET, "/.well-known/openid-configuration", &[]);
            assert_eq!(exchange(&router, asked).await.status, 200);
        }
        assert!(traces.stop(LONG).await);
        let mut spans = collector.spans();
        spans.retain(|span| span.name == "http.request");
        assert_eq!(spans.len(), 1, "{spans:?}");
        assert!(spans.iter().all(|span| span.trace != TRACE && span.parent.is_empty()), "{spans:?}");
    });
}

#[test]
fn trace_context_3_2_a_parent_is_well_formed_and_the_only_one_or_not_taken() {
    alone("trace_context_3_2_a_parent_is_well_formed_and_the_only_one_or_not_taken", async {
        let (collector, traces) = (Collector::open().await, installed());
        traces.start(&collector.address, Traces::QUEUE).unwrap();
        let harness = Harness::new().await;
        let (no_trace, no_span, upper) = ("0".repeat(32), "0".repeat(16), TRACE.to_uppercase());
        let taken = [format!("00-{TRACE}-{SPAN}-03"), format!("01-{TRACE}-{SPAN}-01-later-versions-go-on")];
        let not_taken = [
            String::new(),
            format!("00-{TRACE}-{SPAN}"),
            format!("00-{TRACE}-{SPAN}-1"),
            format!("00-{TRACE}-{SPAN}-0g"),
            format!("00-{TRACE}-{SPAN}-01-more"),
            format!("ff-{TRACE}-{SPAN}-01"),
            format!("00-{no_trace}-{SPAN}-01"),
            format!("00-{TRACE}-{no_span}-01"),
            format!("00-{upper}-{SPAN}-01"),
            format!("00-{TRACE}0-{SPAN}-01"),
        ];
        let twice = vec![taken[0].clone(), taken[0].clone()];
        let each = taken.iter().chain(&not_taken).map(|parent| vec![parent.clone()]).chain([twice]);
        for parents in each {
            let router = observed(&harness, PROXY, &parents, 0);
            let asked = bare(&Method::GET, "/.well-known/openid-configuration", &[]);
            assert_eq!(exchange(&router, asked).await.status, 200);
        }
        assert!(traces.stop(LONG).await);
        let mut spans = collector.spans();
        spans.retain(|span| span.name == "http.request");
        // What is not taken has no say in what is traced either.
        assert_eq!(spans.len(), taken.len(), "{spans:?}");
        assert!(spans.iter().all(|span| span.parent == SPAN && span.trace == TRACE), "{spans:?}");
    });
}

#[test]
fn what_is_not_chosen_is_not_traced() {
    alone("what_is_not_chosen_is_not_traced", async {
        let (collector, traces) = (Collector::open().await, installed());
        traces.start(&collector.address, Traces::QUEUE).unwrap();
        // By the proxy's word, and by the share.
        for (peer, flags, share) in [(PROXY, "00", 1_000_000), (STRANGER, "01", 0)] {
            let mut harness = Harness::new().await;
            traced(&mut harness, peer, flags, share);
            sign_in(&harness).await;
        }
        assert!(traces.stop(LONG).await);
        assert!(collector.bytes().is_empty());
    });
}

/// Signs in with a collector at `address` that takes nothing; the metrics afterwards.
async fn without_collector(address: &Url, queue: usize) -> String {
    let (metrics, traces) = (Metrics::install().unwrap(), installed());
    traces.start(address, queue).unwrap();
    let mut harness = Harness::new().await;
    traced(&mut harness, PROXY, "01", 0);
    tokio::time::timeout(LONG, sign_in(&harness)).await.unwrap();
    assert!(!tokio::time::timeout(LONG, traces.stop(Duration::from_secs(2))).await.unwrap());
    metrics.render()
}

fn spans_that(outcome: &str, metrics: &str) -> u32 {
    let series = format!("sceau_trace_spans_total{{outcome=\"{outcome}\"}} ");
    metrics.lines().find_map(|line| line.strip_prefix(&series)).unwrap().parse().unwrap()
}

#[test]
fn a_collector_that_is_away_holds_nothing_up_and_its_spans_are_counted() {
    let log = alone("a_collector_that_is_away_holds_nothing_up_and_its_spans_are_counted", async {
        let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let metrics = without_collector(&format!("http://{closed}").parse().unwrap(), Traces::QUEUE).await;
        assert!(spans_that("failed", &metrics) > 20, "{metrics}");
        assert_eq!((spans_that("sent", &metrics), spans_that("dropped", &metrics)), (0, 0));
    });
    assert!(log.is_none_or(|log| log.contains("the collector of traces takes nothing")));
}

#[test]
fn a_collector_that_does_not_answer_holds_nothing_up_and_its_spans_are_counted() {
    alone("a_collector_that_does_not_answer_holds_nothing_up_and_its_spans_are_counted", async {
        let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", silent.local_addr().unwrap()).parse().unwrap();
        let metrics = without_collector(&address, 8).await;
        assert!(spans_that("dropped", &metrics) > 20, "{metrics}");
        assert_eq!(spans_that("sent", &metrics), 0);
    });
}
