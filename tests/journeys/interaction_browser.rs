//! An authorization in progress belongs to the browser that began it (design decision 11).

use crate::support::{CAMILLE, HUGO, Harness, PageBrowser, Received, Service, csrf};

const OTHER_BROWSER: &str = "appartient à un autre navigateur";
const OVER: &str = "a expiré";

/// `attacks.md` A-007.
#[tokio::test]
async fn two_tabs_finish_in_reverse_order() {
    let harness = Harness::new().await;
    let mut phone = harness.enrolled("camille", CAMILLE).await;
    let (one, two) = (Service::oidc(&harness, "one").await, Service::psc(&harness, "two").await);
    let mut browser = harness.page_browser();
    let first = browser.open(&one.ask().with("state", "first").url()).await;
    let second = browser.open(&two.ask().with("state", "second").url()).await;
    let number = browser.identify(&first, CAMILLE).await;
    let other = browser.identify(&second, CAMILLE).await;
    assert_ne!(number, other);
    let pending = phone.pending().await.unwrap();
    let id = |service: &str| pending.iter().find(|one| one.text.service == service).unwrap().id.clone();
    let (first_id, second_id) = (id("Service one"), id("Service two"));
    phone.approve(Some(&second_id), Some(&other)).await.unwrap();
    phone.approve(Some(&first_id), Some(&number)).await.unwrap();
    let answer = browser.finish(&second).await;
    assert_eq!((answer.get("state"), answer.address.as_str()), ("second", two.redirect_uri()));
    let late = browser.finish(&first).await;
    assert_eq!((late.get("state"), late.address.as_str()), ("first", one.redirect_uri()));
    let claims = two.verified(&two.redeem(answer.code()).await.text_of("id_token")).await;
    let late = one.verified(&one.redeem(late.code()).await.text_of("id_token")).await;
    assert_eq!(claims["sid"], late["sid"], "one person, one session");
}

/// The second tab of a browser that signs in in the first has nothing left to ask.
#[tokio::test]
async fn a_tab_left_open_finishes_with_the_session_of_the_other() {
    let harness = Harness::new().await;
    let mut phone = harness.enrolled("camille", CAMILLE).await;
    let service = Service::oidc(&harness, "dossier").await;
    let mut browser = harness.page_browser();
    let left = browser.open(&service.ask().with("state", "left").url()).await;
    browser.sign_in(&service.ask().url(), &mut phone, CAMILLE).await.code();
    assert_eq!(browser.finish(&left).await.get("state"), "left");
}

async fn everything(browser: &mut PageBrowser, tab: &str, csrf: &str) -> Vec<Received> {
    let fields = [("identifier", CAMILLE), ("decision", "allow"), ("csrf", csrf)];
    let mut seen = vec![browser.get(tab).await, browser.get(&format!("{tab}?ui_locales=en")).await];
    for form in ["identify", "consent", "cancel"] {
        seen.push(browser.post(&format!("{tab}/{form}"), &fields).await);
    }
    seen
}

/// `attacks.md`: the address of an interaction is never enough.
#[tokio::test]
async fn another_browser_can_do_nothing_with_the_address() {
    let harness = Harness::new().await;
    let mut phone = harness.enrolled("camille", CAMILLE).await;
    let service = Service::oidc(&harness, "dossier").await;
    let mut browser = harness.page_browser();
    let tab = browser.open(&service.ask().url()).await;
    let csrf = csrf(&browser.get(&tab).await.text);
    // Without cookies; with a session and an interaction of one's own; with a cookie that was guessed.
    let stranger = harness.page_browser();
    let mut other_person = harness.page_browser();
    let mut hugo = harness.enrolled("hugo", HUGO).await;
    other_person.sign_in(&service.ask().url(), &mut hugo, HUGO).await.code();
    other_person.open(&service.ask().with("prompt", "login").with("max_age", "0").url()).await;
    let mut guessing = harness.page_browser();
    let name = browser.cookies.keys().next().unwrap().clone();
    guessing.cookies.insert(name, String::from("guessed"));
    // What the log is told of one interaction is bounded; the answers are not.
    for (mut other, told) in [(stranger, 5), (other_person, 0), (guessing, 0)] {
        let ((), rows) = harness
            .audited_during(async {
                for page in everything(&mut other, &tab, &csrf).await {
                    page.assert_page(400, OTHER_BROWSER);
                    assert!(!page.text.contains("Service dossier"));
                }
            })
            .await;
        assert_eq!(rows, vec!["interaction.opened another_browser"; told]);
    }
    let number = browser.identify(&tab, CAMILLE).await;
    phone.approve(None, Some(&number)).await.unwrap();
    harness.page_browser().get(&tab).await.assert_page(400, OTHER_BROWSER);
    browser.finish(&tab).await.code();
}

#[tokio::test]
async fn the_cookie_of_one_interaction_does_not_open_another() {
    let harness = Harness::new().await;
    let service = Service::oidc(&harness, "dossier").await;
    let mut browser = harness.page_browser();
    let first = browser.open(&service.ask().url()).await;
    let cookie = browser.cookies.values().next().unwrap().clone();
    let mut second = harness.page_browser();
    let tab = second.open(&service.ask().url()).await;
    let name = second.cookies.keys().next().unwrap().clone();
    browser.cookies.insert(name, cookie);
    browser.get(&tab).await.assert_page(400, OTHER_BROWSER);
    browser.get(&first).await.assert_page(200, "Qui êtes-vous");
}

/// `attacks.md` A-209: the value in the forms is neither the cookie nor the address.
#[tokio::test]
async fn forms_need_the_value_of_their_own_page() {
    let harness = Harness::new().await;
    let service = Service::oidc(&harness, "dossier").await;
    let mut browser = harness.page_browser();
    let first = browser.open(&service.ask().url()).await;
    let second = browser.open(&service.ask().url()).await;
    let page = browser.get(&first).await;
    let own = csrf(&page.text);
    assert!(browser.cookies.values().all(|cookie| !page.text.contains(cookie.as_str())));
    assert!(!second.contains(&own) && !first.contains(&own));
    let path = format!("{second}/identify");
    for value in [own.as_str(), "", "x"] {
        let ((), rows) = harness
            .audited_during(async {
                let page = browser.post(&path, &[("identifier", CAMILLE), ("csrf", value)]).await;
                page.assert_page(400, OTHER_BROWSER);
            })
            .await;
        assert_eq!(rows, ["interaction.opened form_value_wrong"]);
    }
    assert_eq!(harness.audited("approval.opened opened").await, 0);
}

/// `attacks.md` A-011: the back button after success.
#[tokio::test]
async fn an_interaction_answered_is_over() {
    let harness = Harness::new().await;
    let mut phone = harness.enrolled("camille", CAMILLE).await;
    let service = Service::oidc(&harness, "dossier").await;
    let mut browser = harness.page_browser();
    let tab = browser.open(&service.ask().url()).await;
    let token = csrf(&browser.get(&tab).await.text);
    let number = browser.identify(&tab, CAMILLE).await;
    let before = browser.clone();
    phone.approve(None, Some(&number)).await.unwrap();
    browser.finish(&tab).await.code();
    let cookie = browser.session();
    // With the interaction's cookie gone, and with one that a browser restored.
    let mut restored = before.clone();
    for again in [&mut browser, &mut restored] {
        let ((), rows) = harness
            .audited_during(async {
                for page in everything(again, &tab, &token).await {
                    page.assert_page(400, OVER);
                }
            })
            .await;
        assert_eq!(rows, Vec::<String>::new());
        assert_eq!(again.get(&format!("{tab}/status")).await.text, "{\"status\":\"done\"}");
    }
    assert_eq!(browser.session(), cookie, "the session is untouched");
    browser.answered(&service.ask().url()).await.code();
    assert_eq!(harness.audited("code.issued authenticated").await, 1);
}

#[tokio::test]
async fn an_address_that_names_no_interaction_is_over_too() {
    let harness = Harness::new().await;
    let mut browser = harness.page_browser();
    for id in ["0197c2a0-0000-7000-8000-000000000000", "x", "..%2f..", "%00", "0"] {
        browser.get(&format!("/interaction/{id}")).await.assert_page(400, OVER);
        let status = browser.get(&format!("/interaction/{id}/status")).await;
        assert_eq!((status.status, status.text.as_str()), (200, "{\"status\":\"done\"}"));
    }
}
