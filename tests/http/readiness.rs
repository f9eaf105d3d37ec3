//! `/health/ready` and `/health/live` (`security.md` 4.5): what is checked, what decides, what is told.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use http::Method;
use sceau::base::{Clock as _, UnixTime};
use sceau::http::{Health, Leaving, admin_router};
use sceau::ports::{CommitSafety, DurableHealth, DurableState, PortResult, Ports};
use serde_json::{Value, json};

use crate::support::{Fails, Harness, Outage, Received, START, bare, exchange};

fn health(harness: &Harness, leaving: &Leaving) -> Router {
    admin_router(Health::new(Arc::clone(&harness.provider), Arc::new(String::new), leaving.clone()))
}

async fn asked(harness: &Harness, path: &str) -> Received {
    let routes = health(harness, &Leaving::default());
    exchange(&routes, bare(&Method::GET, path, &[])).await
}

fn all_well() -> Value {
    json!({ "sql": "ok", "schema": "ok", "clock": "ok", "signing_key": "ok", "redis": "ok" })
}

#[tokio::test]
async fn each_check_is_named() {
    let outage = Outage::none();
    let harness = Harness::over(|_| (), |ports| outage.of(ports)).await;
    let well = asked(&harness, "/health/ready").await;
    assert_eq!((well.status, well.json()), (200, json!({ "ready": true, "checks": all_well() })));
    let table = [
        ("durable.state", "sql", "does not answer"),
        ("signer.sign", "signing_key", "no active key can sign"),
    ];
    for (call, check, told) in table {
        outage.begin(move |_, name| (name == call).then_some(Fails::Before));
        let answer = asked(&harness, "/health/ready").await;
        outage.end();
        assert_eq!(answer.status, 503, "{call}");
        assert_eq!((&answer.json()["ready"], &answer.json()["checks"][check]), (&json!(false), &json!(told)));
        assert!(!answer.text.contains("out of order"), "what the store said is for the log");
    }
    assert_eq!(asked(&harness, "/health/ready").await.status, 200);
}

/// A key that signs what its published half does not verify.
#[tokio::test]
async fn a_signature_that_does_not_verify_is_noticed() {
    struct Wrong;
    #[async_trait]
    impl sceau::ports::Signer for Wrong {
        async fn sign(&self, _: &str, _: &[u8]) -> PortResult<Vec<u8>> {
            Ok(vec![1; 64])
        }
    }
    let harness = Harness::over(|_| (), |ports| Ports { signer: Arc::new(Wrong), ..ports }).await;
    let answer = asked(&harness, "/health/ready").await;
    assert_eq!(answer.status, 503);
    assert_eq!(answer.json()["checks"]["signing_key"], json!("its signature does not verify"));
}

/// A blip of Redis takes no replica out of service.
#[tokio::test]
async fn redis_decides_after_ten_seconds() {
    let outage = Outage::none();
    let harness = Harness::over(|_| (), |ports| outage.of(ports)).await;
    outage.begin(|_, name| name.starts_with("throttle").then_some(Fails::Before));
    for (after, status) in [(0, 200), (10, 200), (1, 503), (60, 503)] {
        harness.clock.advance(Duration::from_secs(after));
        let answer = asked(&harness, "/health/ready").await;
        assert_eq!(answer.status, status, "{}", answer.text);
        assert_eq!(answer.json()["checks"]["redis"], json!("does not answer"));
    }
    outage.end();
    assert_eq!(asked(&harness, "/health/ready").await.json()["checks"], all_well());
    // What failed before does not count.
    outage.begin(|_, name| name.starts_with("throttle").then_some(Fails::Before));
    assert_eq!(asked(&harness, "/health/ready").await.status, 200);
}

#[tokio::test]
async fn schema_and_clock_of_sql() {
    struct Told(DurableState);
    #[async_trait]
    impl DurableHealth for Told {
        async fn state(&self) -> PortResult<DurableState> {
            Ok(self.0)
        }

        async fn commits(&self) -> PortResult<Option<CommitSafety>> {
            Ok(None)
        }

        async fn connections(&self) -> PortResult<Option<u32>> {
            Ok(None)
        }
    }
    let at = |millis: i64| Some(UnixTime::from_millis(START.millis() + millis));
    let table = [
        (true, None, "ok"),
        (true, at(1999), "ok"),
        (true, at(-1999), "ok"),
        (true, at(2000), "clock"),
        (true, at(-2000), "clock"),
        (false, at(0), "schema"),
    ];
    for (schema_fits, clock, failing) in table {
        let told = Told(DurableState { schema_fits, clock, partitions_end: None });
        let harness = Harness::over(|_| (), |ports| Ports { durable: Arc::new(told), ..ports }).await;
        assert_eq!(harness.clock.now(), START);
        let answer = asked(&harness, "/health/ready").await;
        assert_eq!(answer.status, if failing == "ok" { 200 } else { 503 }, "{}", answer.text);
        let mut expected = all_well();
        if failing != "ok" {
            expected[failing] = answer.json()["checks"][failing].clone();
            assert_ne!(expected[failing], json!("ok"), "{failing}");
        }
        assert_eq!(answer.json()["checks"], expected);
    }
}

#[tokio::test]
async fn life_depends_on_nothing() {
    let outage = Outage::none();
    let harness = Harness::over(|_| (), |ports| outage.of(ports)).await;
    outage.begin(|_, _| Some(Fails::Before));
    assert_eq!(asked(&harness, "/health/live").await.status, 200);
    assert_eq!(outage.end(), Vec::<&str>::new());
}

#[tokio::test]
async fn a_process_that_leaves_is_not_ready_and_lives() {
    let harness = Harness::new().await;
    let leaving = Leaving::default();
    let routes = health(&harness, &leaving);
    let ask = |path: &str| exchange(&routes, bare(&Method::GET, path, &[]));
    assert_eq!(ask("/health/ready").await.status, 200);
    leaving.begin();
    let answer = ask("/health/ready").await;
    assert_eq!((answer.status, &answer.json()["ready"]), (503, &json!(false)));
    assert_eq!(ask("/health/live").await.status, 200);
    assert_eq!(ask("/health/started").await.status, 200);
}

#[tokio::test]
async fn a_start_is_over_once_everything_was_there() {
    let outage = Outage::none();
    let harness = Harness::over(|_| (), |ports| outage.of(ports)).await;
    let routes = health(&harness, &Leaving::default());
    let ask = |path: &str| exchange(&routes, bare(&Method::GET, path, &[]));
    outage.begin(|_, name| (name == "durable.state").then_some(Fails::Before));
    assert_eq!(ask("/health/started").await.status, 503);
    outage.end();
    assert_eq!(ask("/health/started").await.status, 200);
    outage.begin(|_, name| (name == "durable.state").then_some(Fails::Before));
    assert_eq!(ask("/health/started").await.status, 200);
    assert_eq!(ask("/health/ready").await.status, 503);
}
