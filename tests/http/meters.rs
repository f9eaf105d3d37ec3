//! What is counted of tokens, approvals and the signer, over a whole sign-in.

use sceau::telemetry::Metrics;

use crate::support::{CAMILLE, Harness, Service};

/// The value of `series`, whole with its labels.
fn value(text: &str, series: &str) -> f64 {
    let line = text.lines().find_map(|line| line.strip_prefix(series));
    line.map_or(0.0, |value| value.trim().parse().unwrap())
}

#[tokio::test]
async fn tokens_and_approvals_are_counted_by_grant_and_outcome() {
    // Meters are found when the provider is put together.
    let metrics = Metrics::install().unwrap();
    let harness = Harness::new().await;
    let mut phone = harness.attested_phone("camille", CAMILLE).await;
    let service = Service::psc(&harness, "dossier").await;
    let watched = [
        "sceau_tokens_total{grant=\"authorization_code\",outcome=\"issued\"}",
        "sceau_tokens_total{grant=\"authorization_code\",outcome=\"refused\"}",
        "sceau_token_seconds_count{grant=\"authorization_code\"}",
        "sceau_approvals_total{outcome=\"opened\"}",
        "sceau_approvals_total{outcome=\"approved\"}",
        "sceau_signer_seconds_count",
    ];
    let before = metrics.render();
    let answer = harness.page_browser().sign_in(&service.ask().url(), &mut phone, CAMILLE).await;
    service.redeem(answer.code()).await;
    assert_eq!(service.token(&service.redemption(answer.code())).await.status, 400);
    let after = metrics.render();
    // Other tests of this process sign in at the same time.
    for series in watched {
        assert!(value(&after, series) > value(&before, series), "{series}\n{after}");
    }
    assert!(after.contains("sceau_signer_seconds_bucket{le=\"0.00025\"}"), "{after}");
}
