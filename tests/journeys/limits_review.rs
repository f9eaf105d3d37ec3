//! Limits that strangers push against, and what is counted as one source.

use std::time::Duration;

use sceau::flow::{BrowserState, Identified, Progress};

use super::review::{csrf, from, opened, params, registered};
use crate::support::{CAMILLE, Harness};

#[test]
fn one_subscriber_of_ipv6_is_one_source() {
    let source = |address: &str| from(address).source();
    assert_eq!(source("2001:db8:1:2::7"), source("2001:db8:1:2:ffff::9"));
    assert_ne!(source("2001:db8:1:2::7"), source("2001:db8:1:3::7"));
    assert_ne!(source("192.0.2.1"), source("192.0.2.2"));
}

#[tokio::test]
async fn a_stranger_does_not_use_up_the_codes_of_a_person() {
    let harness = Harness::new().await;
    let send = async |address: &str| {
        harness.provider.send_activation_codes(CAMILLE, &from(address)).await.unwrap();
        harness.sent()
    };
    for sent in [2, 4, 6, 6, 6] {
        assert_eq!(send("203.0.113.99").await, sent);
    }
    assert_eq!(send("192.0.2.44").await, 8, "the person asks from elsewhere");
    for source in 0..20 {
        send(&format!("198.51.100.{source}")).await;
    }
    assert_eq!(harness.sent(), 24, "twelve pairs a day, whoever asks");
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
    assert!(harness.provider.begin(&params(&[]), &at("2001:db8::2")).await.is_err());
    let elsewhere = opened(&harness, &params(&[]), at("192.0.2.44")).await;
    let token = csrf(&harness.provider.resume(elsewhere.0, &elsewhere.1).await.unwrap());
    let typed = (CAMILLE, token.as_str());
    let identified = harness.provider.identify(elsewhere.0, &elsewhere.1, typed, &from("192.0.2.44")).await;
    assert_eq!(identified.unwrap(), Identified::Accepted);
}
