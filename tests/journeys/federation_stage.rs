//! A provider above us, at a socket of its own, and patients whom it identifies.

use std::collections::BTreeMap;
use std::sync::Arc;

use sceau::adapter::upstream::{Bridge, OwnSide};
use sceau::base::{PersonId, Secret};
use sceau::federation::{Preset, ProviderDraft, ProviderId, UpstreamAuth, UpstreamKey, UpstreamProvider};
use sceau::flow::text_lines;
use sceau::identity::InsEnvironment;
use sceau::ports::Ports;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::adapters::upstream_fake::{CLIENT, Inner, Play, SECRET};
use crate::support::{Harness, PageBrowser, Received, identity};

/// A provider with two others above it, of which one is played.
pub(super) struct Stage {
    pub(super) harness: Harness,
    pub(super) inner: Arc<Inner>,
    pub(super) issuer: String,
    _server: JoinSet<()>,
}

/// A browser sent away: what it must bring back.
pub(super) struct Away {
    pub(super) sent: BTreeMap<String, String>,
}

impl Stage {
    pub(super) async fn new() -> Self {
        Self::with(|_| (), |ports| ports).await
    }

    /// With the settings of the played provider changed, and the ports wrapped.
    pub(super) async fn with(
        change: impl FnOnce(&mut ProviderDraft),
        wrap: impl FnOnce(Ports) -> Ports,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer = format!("http://{}", listener.local_addr().unwrap());
        let mut played = draft("fc", "FranceConnect+", &issuer);
        change(&mut played);
        let providers = vec![
            UpstreamProvider::check(played).unwrap(),
            UpstreamProvider::check(draft("autre", "Autre", "http://127.0.0.1:9")).unwrap(),
        ];
        let over = |ports: Ports| {
            let own = OwnSide {
                keys: ports.keys.clone(),
                signer: ports.signer.clone(),
                decrypter: ports.decrypter.clone(),
                clock: ports.clock.clone(),
                entropy: ports.entropy.clone(),
            };
            wrap(Ports { upstream: Arc::new(Bridge::new(providers, &own).unwrap()), ..ports })
        };
        let harness = Harness::over(|policy| policy.patients_ins = InsEnvironment::Test, over).await;
        let (inner, server) = Inner::serve(listener, &harness, false);
        let lines: Vec<String> = patients().iter().map(Value::to_string).collect();
        let lines = lines.join("\n");
        let (mut lines, mut nothing) = (text_lines(&lines), |error: &_| panic!("{error}"));
        let report = harness.provider.import_patients(&mut lines, &mut nothing).await.unwrap();
        assert_eq!((report.lines, report.rejected), (u64::try_from(patients().len()).unwrap(), 0));
        let stage = Self { harness, inner, issuer, _server: server };
        stage.plays("p-01", |_| ());
        stage
    }

    /// The provider answers as the patient of `reference`, with one thing changed.
    pub(super) fn plays(&self, reference: &str, change: impl FnOnce(&mut Play)) {
        let userinfo = userinfo(reference);
        let subject = format!("sub-of-{reference}");
        self.inner.play(|play| {
            play.claims = json!({ "sub": subject, "amr": ["fc", "pwd", "mfa"], "auth_time": "+0" });
            play.userinfo = userinfo;
            play.userinfo["sub"] = json!(subject);
            change(play);
        });
    }

    /// The account of a patient there.
    pub(super) fn key(&self, reference: &str) -> UpstreamKey {
        UpstreamKey::new(self.issuer.clone(), Secret::new(format!("sub-of-{reference}")))
    }

    pub(super) async fn patient(&self, reference: &str) -> PersonId {
        let reference = identity(reference).patient.reference;
        self.harness.provider.ports.patients.find(&reference).await.unwrap().unwrap().id
    }

    /// Whose account the one of a patient there opens.
    pub(super) async fn linked(&self, reference: &str) -> Option<PersonId> {
        let found = self.harness.provider.ports.links.find(&self.key(reference)).await.unwrap();
        found.map(|link| link.person)
    }

    /// The person chooses the provider on the page at `tab`.
    pub(super) async fn leave(&self, browser: &mut PageBrowser, tab: &str) -> Away {
        let sent = browser.submit(tab, "federate", &[("provider", "fc")]).await;
        assert_eq!(sent.status, 303, "{}", sent.text);
        self.away(sent.header("location"))
    }

    pub(super) fn away(&self, location: &str) -> Away {
        let url: url::Url = location.parse().unwrap();
        assert!(location.starts_with(&format!("{}/authorize?", self.issuer)), "{location}");
        Away { sent: url.query_pairs().into_owned().collect() }
    }

    /// The browser comes back with a code.
    pub(super) async fn back(&self, browser: &mut PageBrowser, away: &Away) -> Received {
        browser.get(&away.callback()).await
    }

    /// From the page at `tab` to the provider and back.
    pub(super) async fn federate(&self, browser: &mut PageBrowser, tab: &str) -> Received {
        let away = self.leave(browser, tab).await;
        self.back(browser, &away).await
    }

    /// The same, which must lead back to the interaction.
    pub(super) async fn federated(&self, browser: &mut PageBrowser, tab: &str) {
        let back = self.federate(browser, tab).await;
        assert_eq!((back.status, back.header("location")), (303, tab), "{}", back.text);
    }

    /// No call for tokens was made.
    pub(super) fn redeemed(&self) -> usize {
        self.inner.calls.lock().unwrap().iter().filter(|call| call.starts_with("/token")).count()
    }
}

impl Away {
    pub(super) fn state(&self) -> &str {
        &self.sent["state"]
    }

    pub(super) fn callback(&self) -> String {
        format!("/federation/fc/callback?code=for-{}&state={}", self.sent["nonce"], self.state())
    }
}

fn draft(id: &str, name: &str, issuer: &str) -> ProviderDraft {
    ProviderDraft {
        id: id.to_owned(),
        name: Some(name.to_owned()),
        preset: Preset::Custom,
        environment: None,
        issuer: Some(issuer.to_owned()),
        client_id: CLIENT.to_owned(),
        auth: UpstreamAuth::ClientSecretPost(Secret::new(SECRET.to_owned())),
        acr_values: Some(["eidas2", "eidas3"].map(str::to_owned).to_vec()),
        signature_algorithms: None,
        encryption: Some(Vec::new()),
        scopes: None,
        userinfo: Some(sceau::federation::UserinfoForm::Jwt),
        asks_amr: false,
        timeout: Some(std::time::Duration::from_millis(1500)),
    }
}

/// The traits of a patient as `FranceConnect` tells them.
fn userinfo(reference: &str) -> Value {
    let told = patients().into_iter().find(|patient| patient["reference"] == reference).unwrap();
    let given: Vec<&str> =
        told["given_names"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    json!({
        "family_name": told["family_name"], "given_name": given.join(" "), "given_name_array": given,
        "gender": told["sex"], "birthdate": told["birth_date"],
        "birthplace": told.get("birth_place").unwrap_or(&json!("")), "birthcountry": told["birth_country"],
    })
}

/// The patients of the file, as they are imported.
fn patients() -> Vec<Value> {
    let entries: Vec<Value> = serde_json::from_str(include_str!("../data/identities.json")).unwrap();
    entries.into_iter().map(|entry| entry["patient"].clone()).collect()
}

pub(super) fn provider(id: &str) -> ProviderId {
    ProviderId::parse(id).unwrap()
}
