//! The login page tells nobody who has an account (`security.md` D10): known, unknown, locked and phone-less persons
//! look the same, and cost the same.

use sceau::ports::CutoffScope;

use crate::support::{CAMILLE, Calls, HUGO, Harness, NOBODY, Service, counted, csrf, number};

/// Somebody of the sample who has no phone.
const MARIE: &str = "899700000039";

struct Seen {
    answer: (u16, String, Vec<String>),
    page: String,
    headers: Vec<String>,
    calls: Vec<&'static str>,
    rows: Vec<String>,
}

async fn probe(harness: &Harness, calls: &Calls, url: &str, national_id: &str) -> Seen {
    let mut browser = harness.page_browser();
    let tab = browser.open(url).await;
    let token = csrf(&browser.get(&tab).await.text);
    let before = harness.audit().await.len();
    calls.take();
    let fields = [("identifier", national_id), ("csrf", &token)];
    let answer = browser.post(&format!("{tab}/identify"), &fields).await;
    let page = browser.get(&tab).await;
    let calls = calls.take();
    let names = |headers: &http::HeaderMap| headers.keys().map(ToString::to_string).collect::<Vec<_>>();
    let id = tab.rsplit('/').next().unwrap();
    let plain = |text: &str| text.replace(id, "ID").replace(&token, "CSRF");
    let shown = format!(">{}</output>", number(&page.text));
    Seen {
        answer: (
            answer.status,
            plain(&answer.text) + &plain(answer.header("location")),
            names(&answer.headers),
        ),
        headers: names(&page.headers),
        page: plain(&page.text).replace(&shown, ">NN</output>"),
        calls,
        rows: harness.audit().await.split_off(before),
    }
}

#[tokio::test]
async fn nobody_can_be_told_from_somebody() {
    let calls = Calls::default();
    let harness = Harness::over(|_| (), |ports| counted(ports, &calls)).await;
    let _known = harness.enrolled("camille", CAMILLE).await;
    let _locked = harness.enrolled("hugo", HUGO).await;
    harness.revoke(CutoffScope::Person(harness.person(HUGO).await)).await;
    let service = Service::oidc(&harness, "dossier").await;
    let url = service.ask().url();
    let known = probe(&harness, &calls, &url, CAMILLE).await;
    assert_eq!(known.answer.0, 303);
    assert!(known.calls.contains(&"persons.find_by_national_id"), "{:?}", known.calls);
    assert!(known.calls.contains(&"devices.list"), "{:?}", known.calls);
    assert_eq!(known.rows, ["approval.opened opened"]);
    for other in [NOBODY, HUGO, MARIE] {
        let seen = probe(&harness, &calls, &url, other).await;
        assert_eq!(seen.answer, known.answer, "{other}");
        assert_eq!(seen.page, known.page, "{other}");
        assert_eq!(seen.headers, known.headers, "{other}");
        assert_eq!(seen.calls, known.calls, "{other}");
        assert_eq!(seen.rows, known.rows, "{other}");
    }
}

/// The limit of requests that wait is that of an identifier, whoever has it.
#[tokio::test]
async fn limits_count_for_nobody_as_for_somebody() {
    let harness = Harness::new().await;
    let _known = harness.enrolled("camille", CAMILLE).await;
    let service = Service::oidc(&harness, "dossier").await;
    for national_id in [CAMILLE, NOBODY, MARIE] {
        for place in 0..4 {
            let mut browser = harness.page_browser();
            let tab = browser.open(&service.ask().url()).await;
            let sent = browser.submit(&tab, "identify", &[("identifier", national_id)]).await;
            if place < 3 {
                assert_eq!(sent.status, 303, "{national_id} {place}");
            } else {
                sent.assert_page(200, "Trop de demandes viennent d’être faites");
            }
        }
    }
}

/// An approval that nobody can answer dies as one that nobody did answer.
#[tokio::test]
async fn waiting_for_nobody_ends_as_waiting_for_somebody() {
    let harness = Harness::new().await;
    let _known = harness.enrolled("camille", CAMILLE).await;
    let service = Service::oidc(&harness, "dossier").await;
    let mut pages = Vec::new();
    for national_id in [CAMILLE, NOBODY] {
        let mut browser = harness.page_browser();
        let tab = browser.open(&service.ask().url()).await;
        browser.identify(&tab, national_id).await;
        harness.clock.advance(std::time::Duration::from_secs(91));
        let status = browser.get(&format!("{tab}/status")).await;
        let page = browser.get(&tab).await;
        let token = csrf(&page.text);
        let id = tab.rsplit('/').next().unwrap();
        pages.push((status.text, page.text.replace(id, "ID").replace(&token, "CSRF")));
    }
    assert_eq!(pages[0], pages[1]);
}
