//! What ends acting for somebody: each case is a good one with one thing changed, after which nothing is answered on
//! behalf of that person, and the log names both.

use std::time::Duration;

use sceau::base::Secret;
use sceau::flow::{Officers, OperatorOutcome};
use serde_json::{Value, json};

use super::patients::{loaded, patient, signed_in};
use super::representation::{CLAIRE, HUGO, SCOPE, acting, change, choose, introspected, portal, rows_for};
use crate::support::{Harness, Received, Service};

/// Claire's tokens about Hugo.
struct Scene<'a> {
    harness: &'a Harness,
    service: Service<'a>,
    tokens: Received,
}

impl<'a> Scene<'a> {
    async fn of(harness: &'a Harness) -> Self {
        let (claire, hugo) = (patient(harness, CLAIRE).await, patient(harness, HUGO).await);
        let service = Service::register(harness, portal("portail")).await;
        let mut browser = signed_in(harness, claire.id).await;
        let tokens = acting(&mut browser, &service, &hugo.id.to_string()).await;
        let scene = Self { harness, service, tokens };
        assert_eq!(scene.answers().await, (200, 200, true, true), "good before");
        scene
    }

    /// Status of a refresh and of userinfo; whether access and refresh token are active.
    async fn answers(&self) -> (u16, u16, bool, bool) {
        let (access, refresh) = (self.tokens.text_of("access_token"), self.tokens.text_of("refresh_token"));
        let active =
            async |token: &str| introspected(self.harness, &self.service, token).await["active"] == true;
        let told = (active(&access).await, active(&refresh).await);
        let userinfo = self.service.userinfo(&access).await.status;
        (self.service.refresh(&refresh).await.status, userinfo, told.0, told.1)
    }

    async fn is_over(&self, reason: &str) {
        assert_eq!(self.answers().await, (400, 401, false, false), "{reason}");
        let refused = self.service.refresh(&self.tokens.text_of("refresh_token")).await;
        assert_eq!(refused.error(), (400, "invalid_grant".to_owned()));
        let (claire, hugo) = (patient(self.harness, CLAIRE).await.id, patient(self.harness, HUGO).await.id);
        let rows = rows_for(self.harness, hugo).await;
        let said = |row: &&(String, _)| row.0.ends_with(&format!(" {reason}"));
        let named: Vec<_> = rows.iter().filter(said).collect();
        assert!(!named.is_empty() && named.iter().all(|row| row.1 == claire), "{reason}: {rows:?}");
    }
}

#[tokio::test]
async fn a_tie_that_the_directory_takes_back_or_changes_ends_it() {
    let other = json!([{ "reference": "p-02", "kind": "parent" }]);
    let quality = json!([{ "reference": CLAIRE, "kind": "legal_guardian", "until": "2030-01-01" }]);
    let term = json!([{ "reference": CLAIRE, "kind": "parent", "until": "2027-01-14" }]);
    let cases = [
        (json!([]), "not_guardian"),
        (other, "not_guardian"),
        (quality, "another_quality"),
        (term, "term_over"),
    ];
    for (guardians, reason) in cases {
        let reason = if reason == "term_over" { "expired" } else { reason };
        let harness = loaded().await;
        let scene = Scene::of(&harness).await;
        change(&harness, HUGO, |line| line["guardians"] = guardians).await;
        scene.is_over(reason).await;
    }
}

#[tokio::test]
async fn a_16th_birthday_between_consent_and_refresh_ends_it() {
    let harness = loaded().await;
    // The clock stands at 2027-01-15T08:00Z; days are those of UTC+2.
    change(&harness, HUGO, |line| {
        line["birth_date"] = json!("2011-01-16");
    })
    .await;
    harness.clock.advance(Duration::from_mins(13 * 60 + 59));
    let scene = Scene::of(&harness).await;
    harness.clock.advance(Duration::from_secs(59));
    assert_eq!(scene.answers().await, (200, 200, true, true));
    harness.clock.advance(Duration::from_secs(1));
    scene.is_over("not_a_child").await;
}

#[tokio::test]
async fn a_death_of_the_one_acted_for_ends_it() {
    let harness = loaded().await;
    let scene = Scene::of(&harness).await;
    harness.clock.advance(Duration::from_secs(10));
    change(&harness, HUGO, |line| line["deceased"] = json!(true)).await;
    harness.clock.advance(Duration::from_secs(2));
    scene.is_over("represented_inactive").await;
}

#[tokio::test]
async fn a_lock_of_the_one_acted_for_ends_it_for_good() {
    let harness = loaded().await;
    let scene = Scene::of(&harness).await;
    harness.clock.advance(Duration::from_secs(10));
    let hugo = patient(&harness, HUGO).await;
    assert_eq!(harness.provider.lock_person(&hugo).await.unwrap(), OperatorOutcome::Done);
    scene.is_over("represented_inactive").await;
    let officers = Officers { second: Secret::new("Dominique".to_owned()) };
    harness.provider.unlock_person(hugo.id, officers).await.unwrap();
    scene.is_over("represented_inactive").await;
    // The parent's session lives on, and acts again when asked again.
    harness.clock.advance(Duration::from_secs(1));
    let mut browser = signed_in(&harness, patient(&harness, CLAIRE).await.id).await;
    let again = acting(&mut browser, &scene.service, &hugo.id.to_string()).await;
    assert_eq!(scene.service.refresh(&again.text_of("refresh_token")).await.status, 200);
}

#[tokio::test]
async fn a_lock_of_the_actor_ends_it() {
    let harness = loaded().await;
    let scene = Scene::of(&harness).await;
    harness.clock.advance(Duration::from_secs(10));
    harness.provider.lock_person(&patient(&harness, CLAIRE).await).await.unwrap();
    scene.is_over("person_inactive").await;
}

#[tokio::test]
async fn a_permission_withdrawn_from_the_client_ends_it() {
    let harness = loaded().await;
    let scene = Scene::of(&harness).await;
    let mut client = scene.service.client.clone();
    client.release = client.release.without(&["representation"]);
    let event = sceau::audit::AuditEvent::new(
        sceau::base::AuditId::ordered(&sceau::base::OsEntropy, harness.provider.now()),
        harness.provider.now(),
        sceau::audit::EventKind::ClientRegistered,
        sceau::audit::Decision::Success,
        "changed",
    );
    harness.provider.ports.clients.upsert(&client, &event).await.unwrap();
    // By another process: known here within a second.
    harness.clock.advance(Duration::from_secs(2));
    scene.is_over("client_not_permitted").await;
}

#[tokio::test]
async fn a_choice_that_is_no_longer_true_gives_nothing() {
    for at in ["before the choice", "before the consent", "before the code", "before the token"] {
        let harness = loaded().await;
        let (claire, hugo) = (patient(&harness, CLAIRE).await, patient(&harness, HUGO).await);
        let service = Service::register(&harness, portal("portail")).await;
        let mut browser = signed_in(&harness, claire.id).await;
        let end = async || change(&harness, HUGO, |line| line["guardians"] = json!([])).await;
        let tab = browser.open(&service.ask().with("scope", SCOPE).url()).await;
        browser.get(&tab).await;
        let who = hugo.id.to_string();
        let last = "representation.decision not_guardian".to_owned();
        if at == "before the choice" {
            end().await;
            browser.submit(&tab, "represent", &[("who", &who)]).await.assert_page(400, "may not act");
            // Nobody goes on as themself without saying so.
            browser.get(&tab).await.assert_page(200, "Moi-même");
            assert!(rows_for(&harness, hugo.id).await.contains(&(last, claire.id)));
            continue;
        }
        let page = choose(&mut browser, &tab, &who).await;
        let csrf = crate::support::csrf(&page.text);
        if at == "before the consent" {
            end().await;
        }
        let fields = [("decision", "allow"), ("csrf", csrf.as_str())];
        assert_eq!(browser.post(&format!("{tab}/consent"), &fields).await.status, 303);
        if at == "before the code" {
            end().await;
        }
        let answer = browser.finish(&tab).await;
        if at == "before the token" {
            end().await;
            let refused = service.token(&service.redemption(answer.code())).await;
            assert_eq!(refused.error(), (400, "invalid_grant".to_owned()));
        } else {
            assert_eq!(answer.error(), "access_denied", "{at}");
        }
        assert!(rows_for(&harness, hugo.id).await.contains(&(last, claire.id)), "{at}");
    }
}

#[tokio::test]
async fn the_birthday_is_that_of_the_one_acted_for_and_others_go_on() {
    let harness = loaded().await;
    let tie = json!([{ "reference": CLAIRE, "kind": "legal_guardian", "until": "2030-01-01" }]);
    change(&harness, "p-06", |line| line["guardians"] = tie).await;
    let scene = Scene::of(&harness).await;
    let farid = patient(&harness, "p-06").await;
    let mut browser = signed_in(&harness, patient(&harness, CLAIRE).await.id).await;
    let other = acting(&mut browser, &scene.service, &farid.id.to_string()).await;
    change(&harness, HUGO, |line| line["guardians"] = Value::Array(Vec::new())).await;
    scene.is_over("not_guardian").await;
    assert_eq!(scene.service.refresh(&other.text_of("refresh_token")).await.status, 200);
}
