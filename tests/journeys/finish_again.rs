//! A store fails while an authorization is answered (`security.md` 4.4, S): the browser is told to come again, does,
//! and is answered once.

use std::time::Duration;

use sceau::app::Ephemeral;

use crate::stores::redis_server::shared;
use crate::support::{CAMILLE, Fails, Harness, Outage, Service};

const AGAIN: &str = "momentanément indisponible";
const TICK: Duration = Duration::from_secs(10);

#[tokio::test]
async fn any_call_may_fail_in_this_process() {
    a_login_goes_on(Ephemeral::InProcess).await;
    a_session_answers_again(Ephemeral::InProcess).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn any_call_may_fail_with_redis() {
    let on = |prefix: &str| {
        Ephemeral::Redis(sceau::adapter::redis::RedisSettings {
            prefix: prefix.to_owned(),
            ..shared().settings()
        })
    };
    a_login_goes_on(on("finish-login")).await;
    a_session_answers_again(on("finish-session")).await;
}

/// The person has approved; the page that answers the client fails at each of its calls in turn.
async fn a_login_goes_on(ephemeral: Ephemeral) {
    let outage = Outage::none();
    let harness = Harness::on(ephemeral, |_| (), |ports| outage.of(ports)).await;
    let mut phone = harness.enrolled("camille", CAMILLE).await;
    let service = Service::oidc(&harness, "dossier").await;
    let mut browser = harness.page_browser();
    let mut sid = None;
    let mut told = Vec::new();
    for place in 0..60 {
        let mut whole = false;
        for fails in [Fails::Before, Fails::After] {
            harness.clock.advance(TICK);
            let url = service.pushed(&service.ask().with("prompt", "login")).await;
            let tab = browser.open(&url).await;
            let number = browser.identify(&tab, CAMILLE).await;
            phone.approve(None, Some(&number)).await.unwrap();
            outage.begin(move |at, _| (at == place).then_some(fails));
            let mut answer = browser.get(&tab).await;
            let calls = outage.end();
            let failed = calls.get(place).copied();
            // The answer was given already.
            if failed.is_some_and(|name| name != "sessions.remove") {
                answer.assert_page(503, AGAIN);
                assert!(answer.text.contains(&format!("href=\"{tab}\"")), "{}", answer.text);
                assert_eq!(answer.header("retry-after"), "2", "{failed:?}");
                assert_eq!(answer.cookies(), Vec::<String>::new(), "{failed:?}");
                answer = browser.get(&tab).await;
            }
            if (failed, fails) == (Some("interactions.advance"), Fails::After) {
                // Nobody can tell whether the answer was given.
                answer.assert_page(400, "a expiré");
                continue;
            }
            let code = answer.to_client().code().to_owned();
            let tokens = service.redeem(&code).await;
            assert_eq!(service.token(&service.redemption(&code)).await.error().1, "invalid_grant");
            let claims = service.verified(&tokens.text_of("id_token")).await;
            let first = sid.get_or_insert_with(|| claims["sid"].clone());
            assert_eq!(first, &claims["sid"], "one session all along ({failed:?})");
            browser.get(&url).await.assert_page(400, "pas valable");
            browser.get(&tab).await.assert_page(400, "a expiré");
            told.extend(failed);
            whole = failed.is_none();
        }
        if whole {
            break;
        }
    }
    for name in
        ["one_shot.put_code", "one_shot.finish_pushed", "sessions.insert", "audit.append", "persons.find"]
    {
        assert!(told.contains(&name), "{name} is not among {told:?}");
    }
}

/// A session answers at once: the client is told; until its request is finished the same address is good for another
/// try.
async fn a_session_answers_again(ephemeral: Ephemeral) {
    let outage = Outage::none();
    let harness = Harness::on(ephemeral, |_| (), |ports| outage.of(ports)).await;
    let mut phone = harness.enrolled("camille", CAMILLE).await;
    let service = Service::oidc(&harness, "dossier").await;
    let mut browser = harness.page_browser();
    let url = service.pushed(&service.ask()).await;
    browser.sign_in(&url, &mut phone, CAMILLE).await.code();
    let mut told = Vec::new();
    for place in 0..40 {
        let url = service.pushed(&service.ask()).await;
        outage.begin(move |at, _| (at == place).then_some(Fails::Before));
        let first = browser.get(&url).await;
        let calls = outage.end();
        let Some(name) = calls.get(place) else { break };
        if told.contains(&"one_shot.load_pushed") {
            let answer = first.to_client();
            assert_eq!(answer.error(), "temporarily_unavailable", "{name}");
            assert_eq!((answer.get("state"), answer.get("iss")), ("état=1&2", "https://sceau.example"));
        } else {
            // Nobody knows yet where to send it.
            first.assert_page(503, AGAIN);
            assert!(first.text.contains("href=\"\""), "{}", first.text);
            assert_eq!(first.header("retry-after"), "2");
        }
        // The client was told after the `request_uri` was finished: it begins again with another.
        if told.contains(&"one_shot.finish_pushed") {
            browser.get(&url).await.assert_page(400, "pas valable");
        } else {
            let code = browser.answered(&url).await.code().to_owned();
            service.redeem(&code).await;
            browser.get(&url).await.assert_page(400, "pas valable");
        }
        told.push(name);
    }
    assert!(told.contains(&"one_shot.finish_pushed"), "{told:?}");
}
