//! A database that has forgotten what was seen of it, and what `sceau restore` ends (`security.md` EXP-20).

use std::time::Duration;

use sceau::flow::StoreBehind;
use sceau::ports::HighWater;

use crate::support::{CAMILLE, Harness, Relier, machine, reliance};

#[tokio::test]
async fn a_database_older_than_what_was_seen_serves_nothing_until_everything_older_is_ended() {
    let harness = Harness::new().await;
    let mut phone = harness.enrolled("camille", CAMILLE).await;
    let relier = Relier::register(&harness, reliance("dossier")).await;
    let robot = Relier::register(&harness, machine("robot", "registre")).await;
    let signed_in = relier.sign_in(&harness, &mut phone).await;
    let (token, refresh) = (signed_in.token("access_token"), signed_in.token("refresh_token"));
    let bearer = format!("Bearer {token}");
    let kept = relier.silent(&harness, &signed_in.browser()).await;
    let grant = [("grant_type", "client_credentials")];
    let machine_token = robot.post(&harness, "/token", &grant).await.body["access_token"].clone();
    let provider = &harness.provider;
    provider.sequence_audit().await.unwrap();
    provider.watch_store().await.unwrap();
    assert_eq!(harness.userinfo(&bearer, None).await.status, 200);

    // As if a backup had been put back under a store that remembers.
    let seen = provider.ports.high_water.read().await.unwrap().unwrap();
    assert!(seen.entries > 0);
    let ahead = HighWater { entries: seen.entries + 40, at: provider.now() };
    provider.ports.high_water.write(ahead).await.unwrap();
    let refused = provider.watch_store().await.unwrap_err();
    assert!(matches!(&refused, StoreBehind::Older { seen, .. } if *seen == ahead), "{refused}");
    assert!(refused.to_string().contains("sceau restore"), "{refused}");
    assert_eq!(harness.userinfo(&bearer, None).await.status, 503);
    assert_eq!(relier.refresh(&harness, refresh).await.status, 503);
    assert_eq!(robot.post(&harness, "/token", &grant).await.status, 503);
    assert_eq!(relier.redeem(&harness, &kept).await.status, 503);
    let checks = provider.durable_checks().await;
    assert!(checks.iter().any(|check| check.name == "sql" && check.failure.is_some() && check.decides));

    let restored = provider.end_before_restore().await.unwrap();
    assert_eq!((restored.entries, restored.seen), (seen.entries, Some(ahead)));
    provider.watch_store().await.unwrap();
    assert_eq!(harness.userinfo(&bearer, None).await.status, 401);
    assert_eq!(relier.refresh(&harness, refresh).await.status, 400);
    let told = robot.introspect(&harness, machine_token.as_str().unwrap()).await;
    assert_eq!(told["active"], false);
    harness.clock.advance(Duration::from_secs(1));
    let again = relier.sign_in(&harness, &mut phone).await;
    let bearer = format!("Bearer {}", again.token("access_token"));
    assert_eq!(harness.userinfo(&bearer, None).await.status, 200, "phones stay");
    assert_eq!(harness.audited("database.restored everything_ended").await, 1);
}

#[tokio::test]
async fn a_cut_off_older_than_what_was_seen_ends_not_enough() {
    let harness = Harness::new().await;
    let provider = &harness.provider;
    provider.sequence_audit().await.unwrap();
    provider.end_before_restore().await.unwrap();
    harness.clock.advance(Duration::from_mins(1));
    provider.ports.high_water.write(HighWater { entries: 1_000_000, at: provider.now() }).await.unwrap();
    assert!(provider.watch_store().await.is_err());
    provider.end_before_restore().await.unwrap();
    provider.watch_store().await.unwrap();
}
