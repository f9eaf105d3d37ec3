//! Limits that strangers push against, and what is counted as one source.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use sceau::base::UnixTime;
use sceau::flow::{BrowserState, EnrolError, FlowError, Identified, Progress, TurnError};
use sceau::oauth::{ErrorCode, LoadLimit};
use sceau::ports::{PortError, PortResult, Ports, Throttle, ThrottleRule};

use super::review::{csrf, from, opened, params, registered};
use crate::support::{CAMILLE, HUGO, Harness, NOBODY};

#[test]
fn one_subscriber_of_ipv6_is_one_source() {
    let source = |address: &str| from(address).source();
    assert_eq!(source("2001:db8:1:2::7"), source("2001:db8:1:2:ffff::9"));
    assert_ne!(source("2001:db8:1:2::7"), source("2001:db8:1:3::7"));
    assert_ne!(source("192.0.2.1"), source("192.0.2.2"));
}

#[tokio::test]
async fn a_person_has_three_pairs_of_codes_a_day_whoever_asks() {
    let harness = Harness::new().await;
    let send = async |address: &str| {
        harness.provider.send_activation_codes(CAMILLE, &from(address)).await.unwrap();
        harness.sent()
    };
    for (source, sent) in [2, 4, 6, 6, 6].into_iter().enumerate() {
        assert_eq!(send(&format!("198.51.100.{source}")).await, sent);
    }
    harness.provider.send_activation_codes(HUGO, &from("198.51.100.9")).await.unwrap();
    assert_eq!(harness.sent(), 8, "of one person only");
    harness.clock.advance(Duration::from_hours(24));
    assert_eq!(send("198.51.100.1").await, 10);
}

#[tokio::test]
async fn everybody_together_is_limited_for_known_and_unknown_alike() {
    let harness = Harness::with(|policy| policy.codes_per_hour = 5).await;
    let send =
        async |who: &str, address: &str| harness.provider.send_activation_codes(who, &from(address)).await;
    for source in 0..5 {
        send(NOBODY, &format!("198.51.100.{source}")).await.unwrap();
    }
    for who in [CAMILLE, NOBODY, "x"] {
        let answer = send(who, "192.0.2.44").await;
        assert!(matches!(answer, Err(EnrolError::Throttled)), "{who}: {answer:?}");
    }
    assert_eq!(harness.sent(), 0);
    harness.clock.advance(Duration::from_hours(1));
    send(CAMILLE, "192.0.2.44").await.unwrap();
    assert_eq!(harness.sent(), 2);
}

#[tokio::test]
async fn a_source_over_its_own_limit_does_not_use_up_everybody_s() {
    let harness = Harness::with(|policy| policy.codes_per_hour = 32).await;
    for _ in 0..50 {
        let _ = harness.provider.send_activation_codes(NOBODY, &from("203.0.113.99")).await;
    }
    harness.provider.send_activation_codes(CAMILLE, &from("192.0.2.44")).await.unwrap();
    assert_eq!(harness.sent(), 2);
}

#[tokio::test]
async fn without_counters_no_code_is_sent() {
    let harness = Harness::over(|_| (), |ports| Ports { throttle: Arc::new(Broken), ..ports }).await;
    for who in [CAMILLE, NOBODY] {
        let answer = harness.provider.send_activation_codes(who, &from("192.0.2.44")).await;
        let Err(EnrolError::Flow(FlowError::Port(PortError::Unavailable(_)))) = answer else {
            panic!("{who}: {answer:?}")
        };
    }
    assert_eq!(harness.sent(), 0);
}

/// Counters that cannot count.
struct Broken;

#[async_trait]
impl Throttle for Broken {
    async fn hit(&self, _: ThrottleRule, _: &[u8], _: UnixTime) -> PortResult<bool> {
        Err(PortError::Unavailable(String::from("the counters are broken")))
    }

    async fn allows(&self, rule: ThrottleRule, subject: &[u8], now: UnixTime) -> PortResult<bool> {
        self.hit(rule, subject, now).await
    }
}

#[tokio::test]
async fn a_page_waits_with_three_requests_at_most() {
    let harness = Harness::new().await;
    let waiting = harness.sign_in(CAMILLE).await;
    let ask = || harness.provider.await_progress(waiting.id, &waiting.browser);
    let held = async { tokio::join!(ask(), ask(), ask()) };
    let (patience, moment) = (Duration::from_secs(10), Duration::from_millis(300));
    tokio::select! {
        _ = held => panic!("nothing has changed"),
        fourth = async {
            tokio::time::sleep(moment).await;
            tokio::time::timeout(patience, ask()).await
        } => assert_eq!(fourth.unwrap().unwrap(), Progress::Waiting, "answered at once"),
    }
    // Those that were given up have left their places.
    assert!(tokio::time::timeout(moment, ask()).await.is_err(), "it waits again");
}

#[tokio::test]
async fn one_source_does_not_fill_the_store_with_interactions() {
    let harness = Harness::new().await;
    registered(&harness, |_| ()).await;
    let at = |address| BrowserState { origin: from(address), ..BrowserState::default() };
    for _ in 0..1200 {
        opened(&harness, &params(&[]), at("2001:db8::1")).await;
    }
    let refused = harness.provider.begin(&params(&[]), &at("2001:db8::2")).await.err().unwrap();
    let TurnError::Request(FlowError::Protocol(refused)) = refused else { panic!("{refused}") };
    assert_eq!((refused.code, refused.limit), (ErrorCode::SlowDown, Some(LoadLimit::Kept)));
    assert_eq!(refused.retry_after, Some(Duration::from_mins(1)));
    let elsewhere = opened(&harness, &params(&[]), at("192.0.2.44")).await;
    let token = csrf(&harness.provider.resume(elsewhere.0, &elsewhere.1).await.unwrap());
    let typed = (CAMILLE, token.as_str());
    let identified = harness.provider.identify(elsewhere.0, &elsewhere.1, typed, &from("192.0.2.44")).await;
    assert_eq!(identified.unwrap(), Identified::Accepted);
}
