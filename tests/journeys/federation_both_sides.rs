//! An account that was used before is linked when its phone has approved a text that says so (`attacks.md` ).

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use sceau::audit::AuditEvent;
use sceau::base::{LinkId, PersonId, UnixTime};
use sceau::federation::UpstreamKey;
use sceau::identity::{Identity, Person, Pivot};
use sceau::ports::{Link, LinkCandidate, LinkOutcome, Links, PortResult, Ports};

use super::federation_stage::Stage;
use crate::support::{CAMILLE, SESSION, Service, identity, number};

type Held = Arc<Mutex<Option<PersonId>>>;

/// Links among which one person, who has a phone, is found by the traits of `p-01`.
struct Holder {
    inner: Arc<dyn Links>,
    held: Held,
}

#[async_trait]
impl Links for Holder {
    async fn find(&self, key: &UpstreamKey) -> PortResult<Option<Link>> {
        self.inner.find(key).await
    }
    async fn stands(&self, key: &UpstreamKey, person: PersonId) -> PortResult<bool> {
        self.inner.stands(key, person).await
    }
    async fn of(&self, person: PersonId) -> PortResult<Vec<Link>> {
        self.inner.of(person).await
    }
    async fn candidates(&self, pivot: &Pivot) -> PortResult<Vec<LinkCandidate>> {
        let mut found = self.inner.candidates(pivot).await?;
        if let Some(id) = *self.held.lock().unwrap() {
            let patient = identity("p-01").patient;
            for candidate in &mut found {
                let person = Person {
                    id,
                    identity: Identity::Patient(Box::new(patient.clone())),
                    ..candidate.person.clone()
                };
                *candidate = LinkCandidate { person, has_device: true, has_link: false };
            }
        }
        Ok(found)
    }
    async fn link_first(
        &self,
        link: &Link,
        cooling_until: UnixTime,
        event: &AuditEvent,
    ) -> PortResult<LinkOutcome> {
        self.inner.link_first(link, cooling_until, event).await
    }
    async fn link_proved(&self, link: &Link, event: &AuditEvent) -> PortResult<LinkOutcome> {
        self.inner.link_proved(link, event).await
    }
    async fn unlink(&self, person: PersonId, link: LinkId, event: &AuditEvent) -> PortResult<bool> {
        self.inner.unlink(person, link, event).await
    }
}

async fn stage() -> (Stage, PersonId) {
    let held = Held::default();
    let shared = Arc::clone(&held);
    let wrap = |ports: Ports| Ports {
        links: Arc::new(Holder { inner: Arc::clone(&ports.links), held: shared }),
        ..ports
    };
    let stage = Stage::with(|_| (), wrap).await;
    let camille = stage.harness.person(CAMILLE).await;
    *held.lock().unwrap() = Some(camille);
    (stage, camille)
}

#[tokio::test]
async fn the_phone_approves_the_link_and_the_sign_in() {
    let (stage, camille) = stage().await;
    let service = Service::oidc(&stage.harness, "dossier").await;
    let mut phone = stage.harness.attested_phone("camille", CAMILLE).await;
    let mut browser = stage.harness.page_browser();
    let tab = browser.open(&service.ask().with("acr_values", "eidas2").url()).await;
    stage.federated(&mut browser, &tab).await;
    let shown = number(&browser.get(&tab).await.text);
    assert_eq!(stage.linked("p-01").await, None, "nothing before the phone");
    let asked = phone.pending().await.unwrap();
    let text = &asked[0].text;
    assert!(text.purpose.contains("Relier votre compte à FranceConnect+"), "{}", text.purpose);
    phone.approve(None, Some(&shown)).await.unwrap();
    let tokens = service.redeem(browser.finish(&tab).await.code()).await;
    let claims = service.verified(&tokens.text_of("id_token")).await;
    assert_eq!((claims["acr"].as_str(), claims["amr"][0].as_str()), (Some("eidas2"), Some("hwk")));
    assert_eq!(stage.linked("p-01").await, Some(camille));
    assert_eq!(stage.harness.audited("federation.linked both_sides").await, 1);
    assert_eq!(stage.harness.audited("federation.answer has_device").await, 1);
}

#[tokio::test]
async fn without_a_yes_of_the_phone_there_is_no_link() {
    let (stage, _) = stage().await;
    let service = Service::oidc(&stage.harness, "dossier").await;
    let mut phone = stage.harness.attested_phone("camille", CAMILLE).await;
    let mut browser = stage.harness.page_browser();
    let tab = browser.open(&service.ask().url()).await;
    stage.federated(&mut browser, &tab).await;
    phone.deny(None, false).await.unwrap();
    assert_eq!(browser.finish(&tab).await.error(), "access_denied");
    assert!(!browser.cookies.contains_key(SESSION));
    assert_eq!(stage.linked("p-01").await, None);

    // A number for a plain sign-in, asked for afterwards in the same interaction, links nothing.
    let tab = browser.open(&service.ask().url()).await;
    stage.federated(&mut browser, &tab).await;
    let shown = browser.identify(&tab, CAMILLE).await;
    let asked = phone.pending().await.unwrap();
    let plain = asked.iter().find(|one| one.text.details.is_empty()).unwrap();
    phone.approve(Some(&plain.id), Some(&shown)).await.unwrap();
    browser.finish(&tab).await.code();
    assert_eq!(stage.linked("p-01").await, None);
}
