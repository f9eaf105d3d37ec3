//! Rotation under load (`attacks.md` A-215): two processes sign without pause while keys are replaced ten times, and
//! relying parties verify with copies of `/jwks` as old as they may be, never asking again for a key they lack.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sceau::base::UnixTime;
use sceau::jose::{JwkSet, Unverified};
use sceau::keyring::KeyPolicy;

use crate::support::{CAMILLE, Harness, Relier, bare, exchange, form, machine, reliance, routes};

const LEAD: Duration = Duration::from_secs(2000);
const STEP: Duration = Duration::from_secs(20);

/// Whoever keeps a copy for a time of its own.
struct Verifier {
    keeps: Duration,
    asks: usize,
    held: Option<(UnixTime, JwkSet)>,
}

#[tokio::test]
async fn ten_rotations_under_load_fail_no_verification() {
    let keys = KeyPolicy {
        lead: LEAD,
        rotation: Duration::from_mins(35),
        retirement: Duration::from_secs(1900),
        ..KeyPolicy::default()
    };
    let harness = Harness::with(|policy| policy.keys = keys).await;
    let other = Arc::new(harness.replica(|_| ()).await);
    let routes = [harness.router.clone(), routes(Arc::clone(&other))];
    let robot = Relier::register(&harness, machine("robot", "registre")).await;
    let service = Relier::register(&harness, reliance("dmp")).await;
    let mut phone = harness.enrolled("camille", CAMILLE).await;
    let mut refresh = service.sign_in(&harness, &mut phone).await.token("refresh_token").to_owned();
    // Nimbus and Spring keep it for 5 minutes, panva/jose for 10; many once a day, which is what the lead is for.
    let keeps =
        [Duration::from_mins(5), Duration::from_mins(10), LEAD.saturating_sub(Duration::from_mins(2))];
    let verifier = |(at, keeps): (usize, Duration)| Verifier { keeps, asks: at % 2, held: None };
    let mut verifiers: Vec<Verifier> = keeps.into_iter().cycle().take(6).enumerate().map(verifier).collect();
    let mut signers = BTreeSet::new();
    for step in 0..1100_u32 {
        harness.clock.advance(STEP);
        // The second process comes late each time.
        harness.provider.sweep_keys().await.unwrap();
        if step % 2 == 0 {
            other.sweep_keys().await.unwrap();
        }
        let mut tokens = Vec::new();
        for routes in &routes {
            let basic = format!("Basic {}", STANDARD.encode(format!("{}:{}", robot.id, robot.secret)));
            let ask = form("/token", &[("authorization", &basic)], &[("grant_type", "client_credentials")]);
            let answer = exchange(routes, ask).await;
            assert_eq!(answer.status, 200, "{}", answer.text);
            tokens.push(answer.text_of("access_token"));
        }
        if step % 20 == 0 && step < 100 {
            let refreshed = service.refresh(&harness, &refresh).await;
            let text = |name: &str| refreshed.body[name].as_str().unwrap().to_owned();
            tokens.extend([text("access_token"), text("id_token")]);
            refresh = text("refresh_token");
        }
        for verifier in &mut verifiers {
            let now = harness.provider.now();
            if verifier.held.as_ref().is_none_or(|(at, _)| now.since(*at) > verifier.keeps) {
                let answer = exchange(&routes[verifier.asks], bare(&http::Method::GET, "/jwks", &[])).await;
                verifier.held = Some((now, JwkSet::parse(&answer.json()).unwrap()));
            }
            let held = &verifier.held.as_ref().unwrap().1;
            for token in &tokens {
                let unverified = Unverified::parse(token, 8192).unwrap();
                let header = unverified.header().clone();
                let found = held.find(header.kid.as_deref(), header.alg);
                let key = found
                    .unwrap_or_else(|| panic!("step {step}: a copy kept for {:?} lacks it", verifier.keeps));
                assert!(unverified.verify(&key.key, &[header.alg]).is_ok());
                signers.extend(header.kid);
            }
        }
    }
    assert!(signers.len() > 10, "{} keys signed", signers.len());
}
