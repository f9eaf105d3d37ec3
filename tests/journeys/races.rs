//! Fifty at once: single use is decided by one of them (`security.md` D6, `attacks.md` A-077).

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::body::Body;
use http::{Method, Request};
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::support::{CAMILLE, Gate, Harness, Received, Service, bare, exchange};

const RACERS: usize = 50;

/// Sends all `requests` in the same moment.
async fn race(harness: &Harness, requests: Vec<Request<Body>>) -> Vec<Received> {
    let barrier = Arc::new(Barrier::new(requests.len()));
    let mut tasks = JoinSet::new();
    for request in requests {
        let (router, barrier) = (harness.router.clone(), Arc::clone(&barrier));
        tasks.spawn(async move {
            barrier.wait().await;
            exchange(&router, request).await
        });
    }
    tasks.join_all().await
}

fn with_status(answers: &[Received], status: u16) -> Vec<&Received> {
    answers.iter().filter(|answer| answer.status == status).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_code_gives_tokens_once_and_they_are_dead() {
    let harness = Harness::new().await;
    let service = Service::psc(&harness, "dossier").await;
    let mut phone = harness.enrolled("camille", CAMILLE).await;
    let mut browser = harness.page_browser();
    browser.sign_in(&service.ask().url(), &mut phone, CAMILLE).await.code();
    for round in 0..3 {
        let code = browser.answered(&service.ask().url()).await.code().to_owned();
        let requests = (0..RACERS).map(|_| service.authenticated("/token", &service.redemption(&code), None));
        let (answers, rows) = harness.audited_during(race(&harness, requests.collect())).await;
        let winners = with_status(&answers, 200);
        assert_eq!(winners.len(), 1, "round {round}");
        let losers = with_status(&answers, 400);
        assert_eq!(losers.len(), RACERS - 1, "round {round}");
        assert!(losers.iter().all(|answer| answer.error().1 == "invalid_grant"));
        assert_eq!(rows.iter().filter(|row| *row == "tokens.issued code").count(), 1, "{rows:?}");
        // One row each, and one more when every second use came before the commit of the first.
        assert!((RACERS..=RACERS + 1).contains(&rows.len()), "{rows:?}");
        let access = winners[0].text_of("access_token");
        assert_eq!(
            service.userinfo(&access).await.error(),
            (401, String::from("invalid_token")),
            "round {round}"
        );
        assert_eq!(service.refresh(&winners[0].text_of("refresh_token")).await.error().1, "invalid_grant");
    }
}

/// The second use comes when the code is taken and the grant is not yet written: there is nothing to end, then.
#[tokio::test]
async fn a_second_use_before_the_commit_ends_what_the_first_gives() {
    let gate = Gate::closed();
    let harness = Harness::over(|_| (), |ports| gate.before(ports)).await;
    let service = Service::psc(&harness, "dossier").await;
    let other = Service::psc(&harness, "other").await;
    let mut phone = harness.enrolled("camille", CAMILLE).await;
    let mut browser = harness.page_browser();
    let first = browser.sign_in(&service.ask().url(), &mut phone, CAMILLE).await.code().to_owned();
    let second = browser.answered(&service.ask().url()).await.code().to_owned();
    // Another client that presents a code ends nothing: that would be a lever.
    for (code, replaying, alive) in [(first, &service, false), (second, &other, true)] {
        let (answer, ()) = tokio::join!(service.redeem(&code), async {
            gate.arrival().await;
            assert_eq!(replaying.token(&service.redemption(&code)).await.error().1, "invalid_grant");
            gate.open_once();
        });
        let status = service.userinfo(&answer.text_of("access_token")).await.status;
        assert_eq!(status, if alive { 200 } else { 401 });
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_pushed_request_is_answered_once() {
    let harness = Harness::new().await;
    let service = Service::psc(&harness, "dossier").await;
    let mut phone = harness.enrolled("camille", CAMILLE).await;
    let mut browser = harness.page_browser();
    browser.sign_in(&service.ask().url(), &mut phone, CAMILLE).await.code();
    for round in 0..3 {
        let url = service.pushed(&service.ask()).await;
        let requests = (0..RACERS).map(|_| browser.dressed(bare(&Method::GET, &url, &[])));
        let (answers, rows) = harness.audited_during(race(&harness, requests.collect())).await;
        let winners = with_status(&answers, 303);
        assert_eq!(winners.len(), 1, "round {round}");
        winners[0].to_client().code();
        for loser in with_status(&answers, 400) {
            loser.assert_page(400, "request_uri is unknown or expired");
        }
        assert_eq!(rows.iter().filter(|row| *row == "code.issued session").count(), 1, "{rows:?}");
        // A row for each of the others: beaten at the end, or come when it was over.
        let refused = rows.iter().filter(|row| row.starts_with("authorization.request request_uri_")).count();
        assert_eq!((refused, rows.len()), (RACERS - 1, RACERS), "{rows:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_interaction_is_answered_once() {
    let harness = Harness::new().await;
    let service = Service::psc(&harness, "dossier").await;
    let mut phone = harness.enrolled("camille", CAMILLE).await;
    let mut browser = harness.page_browser();
    let tab = browser.open(&service.ask().url()).await;
    let number = browser.identify(&tab, CAMILLE).await;
    phone.approve(None, Some(&number)).await.unwrap();
    let requests = (0..RACERS).map(|_| browser.dressed(bare(&Method::GET, &tab, &[])));
    let answers = race(&harness, requests.collect()).await;
    let winners = with_status(&answers, 303);
    assert_eq!(winners.len(), 1);
    service.redeem(winners[0].to_client().code()).await;
    assert_eq!(with_status(&answers, 400).len(), RACERS - 1);
    assert_eq!(harness.audited("code.issued authenticated").await, 1);
    assert_eq!(harness.audited("session.started authenticated").await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_decision_is_taken_once() {
    let harness = Harness::new().await;
    let service = Service::psc(&harness, "dossier").await;
    let first = harness.enrolled("one", CAMILLE).await;
    drop(first);
    let mut browser = harness.page_browser();
    let tab = browser.open(&service.ask().url()).await;
    let number = browser.identify(&tab, CAMILLE).await;
    let mut tasks = JoinSet::new();
    let barrier = Arc::new(Barrier::new(RACERS));
    for _ in 0..RACERS {
        let mut phone = harness.reopened("one", harness.transport());
        let (barrier, number) = (Arc::clone(&barrier), number.clone());
        tasks.spawn(async move {
            barrier.wait().await;
            phone.approve(None, Some(&number)).await.is_ok()
        });
    }
    let accepted = tasks.join_all().await.into_iter().filter(|accepted| *accepted).count();
    assert!(accepted <= 1, "{accepted} phones were told that they decided");
    assert_eq!(harness.audited("approval.decision approved").await, accepted);
    if accepted == 0 {
        // Each challenge replaced the one before: nobody's was left, and nothing was decided.
        let mut phone = harness.reopened("one", harness.transport());
        phone.approve(None, Some(&number)).await.unwrap();
    }
    browser.finish(&tab).await.code();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_rotation_gives_everybody_the_same_token() {
    let harness = Harness::new().await;
    let service = Service::native(&harness, "native").await;
    let mut current =
        super::refresh::tokens(&harness, &service, "openid offline_access").await.text_of("refresh_token");
    let key = service.dpop.as_ref().unwrap();
    let mut slowed_down = 0;
    for round in 0..3 {
        harness.clock.advance(std::time::Duration::from_secs(61));
        let fields = [("grant_type", "refresh_token"), ("refresh_token", current.as_str())];
        let first = service.authenticated("/token", &fields, Some(&key.for_token(&harness, None)));
        let nonce = harness.exchange(first).await.header("dpop-nonce").to_owned();
        let requests = (0..RACERS)
            .map(|_| service.authenticated("/token", &fields, Some(&key.for_token(&harness, Some(&nonce)))));
        let answers = race(&harness, requests.collect()).await;
        let winners = with_status(&answers, 200);
        let tokens: BTreeSet<String> = winners.iter().map(|answer| answer.text_of("refresh_token")).collect();
        assert_eq!(tokens.len(), 1, "round {round}: {} winners", winners.len());
        let slowed = answers.iter().filter(|answer| answer.status != 200);
        for answer in slowed {
            let told = answer.error().1;
            assert!(told == "slow_down" || told == "temporarily_unavailable", "{told}");
            slowed_down += usize::from(told == "slow_down");
        }
        let next = tokens.into_iter().next().unwrap();
        assert_ne!(next, current);
        assert_eq!(
            service.userinfo(&winners[0].text_of("access_token")).await.status,
            200,
            "the family lives"
        );
        current = next;
    }
    assert_eq!(harness.audited("tokens.refreshed refreshed").await, 3);
    assert_eq!(harness.audited("tokens.refreshed repeated_too_often").await, slowed_down);
}
