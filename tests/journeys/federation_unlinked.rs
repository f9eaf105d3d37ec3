//! A link that is removed while somebody signs in by it: no session begins, or it ends.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use sceau::audit::{AuditEvent, Decision, EventKind};
use sceau::base::{AuditId, Clock as _, LinkId, OsEntropy, PersonId, TestClock, UnixTime};
use sceau::federation::UpstreamKey;
use sceau::identity::Pivot;
use sceau::ports::{Link, LinkCandidate, LinkOutcome, Links, PortResult, Ports};

use super::federation_stage::Stage;
use crate::support::{SESSION, Service};

/// When the link is removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum When {
    /// After it was found.
    Found,
    /// After it was seen to stand, by a request from before.
    Stood,
}

type Dated = (When, Arc<TestClock>);

/// Links of which the one looked for is removed at a moment of the sign-in.
struct Removing {
    inner: Arc<dyn Links>,
    when: Arc<Mutex<Option<Dated>>>,
}

impl Removing {
    async fn removed(&self, now: When, key: &UpstreamKey) {
        let armed = self.when.lock().unwrap().clone().filter(|(when, _)| *when == now);
        let Some((_, clock)) = armed else { return };
        let Some(link) = self.inner.find(key).await.unwrap() else { return };
        let asked = clock.now().minus(Duration::from_secs(2));
        let id = AuditId::ordered(&OsEntropy, asked);
        let event = AuditEvent::new(id, asked, EventKind::UpstreamUnlinked, Decision::Success, "test");
        assert!(self.inner.unlink(link.person, link.id, &event).await.unwrap());
        clock.advance(Duration::from_secs(2));
    }
}

#[async_trait]
impl Links for Removing {
    async fn find(&self, key: &UpstreamKey) -> PortResult<Option<Link>> {
        let found = self.inner.find(key).await?;
        self.removed(When::Found, key).await;
        Ok(found)
    }
    async fn stands(&self, key: &UpstreamKey, person: PersonId) -> PortResult<bool> {
        let stands = self.inner.stands(key, person).await?;
        self.removed(When::Stood, key).await;
        Ok(stands)
    }
    async fn of(&self, person: PersonId) -> PortResult<Vec<Link>> {
        self.inner.of(person).await
    }
    async fn candidates(&self, pivot: &Pivot) -> PortResult<Vec<LinkCandidate>> {
        self.inner.candidates(pivot).await
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

#[tokio::test]
async fn no_session_outlives_the_link_it_began_by() {
    for when in [When::Found, When::Stood] {
        let armed = Arc::new(Mutex::new(None));
        let shared = Arc::clone(&armed);
        let wrap = |ports: Ports| Ports {
            links: Arc::new(Removing { inner: Arc::clone(&ports.links), when: shared }),
            ..ports
        };
        let stage = Stage::with(|_| (), wrap).await;
        let service = Service::oidc(&stage.harness, "dossier").await;
        let mut first = stage.harness.page_browser();
        let tab = first.open(&service.ask().url()).await;
        stage.federated(&mut first, &tab).await;
        first.finish(&tab).await.code();
        stage.harness.clock.advance(Duration::from_secs(10));

        *armed.lock().unwrap() = Some((when, Arc::clone(&stage.harness.clock)));
        let mut browser = stage.harness.page_browser();
        let tab = browser.open(&service.ask().url()).await;
        let back = stage.federate(&mut browser, &tab).await;
        *armed.lock().unwrap() = None;
        assert_eq!(stage.linked("p-01").await, None, "{when:?}");
        if when == When::Found {
            back.assert_page(403, "Aucun compte ne correspond");
            assert_eq!(stage.harness.audited("federation.answer link_removed").await, 1);
        }
        // The replicas hear of it within a second.
        stage.harness.clock.advance(Duration::from_secs(2));
        let page = browser.get(&tab).await;
        page.assert_page(200, "S’identifier avec FranceConnect+");
        assert!(!browser.session().contains(SESSION), "{when:?}");
        let silent = browser.answered(&service.ask().with("prompt", "none").url()).await;
        assert_eq!(silent.error(), "login_required", "{when:?}");
    }
}

/// A code that the link gave dies with it.
#[tokio::test]
async fn a_code_in_flight_dies_with_the_link() {
    let stage = Stage::new().await;
    let service = Service::oidc(&stage.harness, "dossier").await;
    let mut browser = stage.harness.page_browser();
    let tab = browser.open(&service.ask().url()).await;
    stage.federated(&mut browser, &tab).await;
    let answer = browser.finish(&tab).await;
    let person = stage.patient("p-01").await;
    let link = stage.harness.provider.links_of(person).await.unwrap()[0].id;
    stage.harness.clock.advance(Duration::from_secs(1));
    let by = sceau::flow::Requester::Person;
    stage.harness.provider.unlink(person, link, by).await.unwrap();
    let refused = service.token(&service.redemption(answer.code())).await;
    assert_eq!((refused.status, refused.json()["error"].as_str()), (400, Some("invalid_grant")));
    assert_eq!(stage.harness.audited("tokens.issued session_ended").await, 1);
}
