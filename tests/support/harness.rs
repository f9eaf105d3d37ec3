//! The provider, wired as in a process of one replica.

use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use sceau::app::{App, Durable, Ephemeral, Parts, RelyingParty};
use sceau::audit::{AuditEvent, Decision, EventKind};
use sceau::base::{AuditId, Clock, Entropy, PersonId, SeededEntropy, TestClock, UnixTime};
use sceau::device::AttestationPolicy;
use sceau::flow::{
    ActivationPolicy, DirectoryPolicy, ImportOptions, Lifetimes, Policy, Provider, Silent, text_lines,
};
use sceau::http::{AppState, HttpLimits, router};
use sceau::identity::{Acr, AssurancePolicy, InsEnvironment, NationalId, SectorSettings};
use sceau::keyring::{KeyPolicy, SHIPPED_POLICY};
use sceau::phone::{Attestation, Phone, SOFTWARE_PHONE_AAGUID, Surroundings, TestRoot, Transport};
use sceau::ports::{Channel, Cutoff, CutoffScope, Ports};
use serde_json::Value;
use tempfile::TempDir;

use super::{Outbox, RouterTransport};

pub(crate) const ISSUER: &str = "https://sceau.example";
pub(crate) const START: UnixTime = UnixTime::from_secs(1_800_000_000);
pub(crate) const SAMPLE: &str = include_str!("../../src/demo/sample_extract.txt");

/// A provider with the persons of the sample extract, and its router.
pub(crate) struct Harness {
    pub(crate) provider: Arc<Provider>,
    pub(crate) router: Router,
    pub(crate) clock: Arc<TestClock>,
    entropy: Arc<dyn Entropy>,
    directory: TempDir,
    pub(crate) outbox: Arc<Outbox>,
}

impl Harness {
    pub(crate) async fn new() -> Self {
        Self::with(|_| ()).await
    }

    /// The same under a policy changed by `change`.
    pub(crate) async fn with(change: impl FnOnce(&mut Policy)) -> Self {
        Self::over(change, |ports| ports).await
    }

    /// The same with its ports wrapped by `wrap`.
    pub(crate) async fn over(change: impl FnOnce(&mut Policy), wrap: impl FnOnce(Ports) -> Ports) -> Self {
        Self::on(Ephemeral::InProcess, change, wrap).await
    }

    /// The same with what passes kept in `ephemeral`.
    pub(crate) async fn on(
        ephemeral: Ephemeral,
        change: impl FnOnce(&mut Policy),
        wrap: impl FnOnce(Ports) -> Ports,
    ) -> Self {
        let clock = Arc::new(TestClock::at(START));
        let entropy: Arc<dyn Entropy> = Arc::new(SeededEntropy::new(711));
        let directory = tempfile::tempdir().unwrap();
        let root = TestRoot::load_or_make(&directory.path().join("root.pem")).unwrap();
        let outbox = Arc::new(Outbox::default());
        let mut policy = policy();
        change(&mut policy);
        let app = App::assemble(Parts {
            policy,
            durable: Durable::Memory,
            ephemeral,
            key_encryption_key: [7; 32],
            key_token: None,
            relying_party: RelyingParty {
                id: String::from("sceau.example"),
                name: String::from("sceau"),
                allowed_origins: vec!["https://app.example".parse().unwrap()],
                attestation_roots: vec![root.certificate().to_vec()],
            },
            upstreams: Vec::new(),
            code_sender: Arc::<Outbox>::clone(&outbox),
            clock: Arc::<TestClock>::clone(&clock),
            entropy: Arc::clone(&entropy),
        });
        let app = app.await.unwrap();
        let (mut lines, options) = (text_lines(SAMPLE), ImportOptions::default());
        let report = app.provider.import_directory(&mut lines, options, &mut Silent).await.unwrap();
        assert!(report.numbers.done.created > 10, "{report:?}");
        let Ok(mut provider) = Arc::try_unwrap(app.provider) else { panic!("the provider is shared") };
        provider.ports = wrap(provider.ports);
        let provider = Arc::new(provider);
        let state = AppState {
            provider: Arc::clone(&provider),
            trusted_proxies: Arc::new([]),
            leaving: sceau::http::Leaving::default(),
            mobile_origins: Arc::new([String::from("https://app.example")]),
        };
        let router = router(state, &HttpLimits::default());
        Self { provider, router, clock, entropy, directory, outbox }
    }

    /// The codes last sent to a person: by e-mail, by telephone.
    pub(crate) async fn codes(&self, national_id: &str) -> (String, String) {
        let person = self.person(national_id).await;
        let last = |channel| self.outbox.last(person, channel).unwrap();
        (last(Channel::Email), last(Channel::Phone))
    }

    /// How many codes were sent to anybody.
    pub(crate) fn sent(&self) -> usize {
        self.outbox.len()
    }

    pub(crate) async fn person(&self, national_id: &str) -> PersonId {
        let national_id = NationalId::parse(national_id).unwrap();
        self.provider.ports.persons.find_by_national_id(&national_id).await.unwrap().unwrap().id
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(format!("{name}.json"))
    }

    /// Attested under the root that the provider trusts.
    pub(crate) fn attested(&self) -> Attestation {
        Attestation::Root(self.directory.path().join("root.pem"))
    }

    /// A phone that is not enrolled.
    pub(crate) fn phone(&self, name: &str) -> Phone {
        self.phone_over(name, self.transport())
    }

    /// The way to the router.
    pub(crate) fn transport(&self) -> Arc<dyn Transport> {
        Arc::new(RouterTransport(self.router.clone()))
    }

    pub(crate) fn phone_over(&self, name: &str, transport: Arc<dyn Transport>) -> Phone {
        let surroundings = self.surroundings(transport);
        Phone::create(&self.path(name), &ISSUER.parse().unwrap(), surroundings).unwrap()
    }

    /// The phone `name` again, by another way to the server.
    pub(crate) fn reopened(&self, name: &str, transport: Arc<dyn Transport>) -> Phone {
        Phone::open(&self.path(name), self.surroundings(transport)).unwrap()
    }

    fn surroundings(&self, transport: Arc<dyn Transport>) -> Surroundings {
        let clock: Arc<dyn Clock> = Arc::<TestClock>::clone(&self.clock);
        Surroundings { transport, clock, entropy: Arc::clone(&self.entropy) }
    }

    /// A phone enrolled with self attestation: it reaches `eidas1`.
    pub(crate) async fn enrolled(&self, name: &str, national_id: &str) -> Phone {
        self.enrolled_as(name, national_id, &Attestation::SelfSigned).await
    }

    /// A phone enrolled with the attestation of its maker: it reaches `eidas2`.
    pub(crate) async fn attested_phone(&self, name: &str, national_id: &str) -> Phone {
        self.enrolled_as(name, national_id, &self.attested()).await
    }

    async fn enrolled_as(&self, name: &str, national_id: &str, attestation: &Attestation) -> Phone {
        let mut phone = self.phone(name);
        phone.request_codes(national_id).await.unwrap();
        let (email, by_phone) = self.codes(national_id).await;
        phone.enrol(national_id, &email, &by_phone, attestation).await.unwrap();
        phone
    }

    /// Ends what `scope` names, as an officer does.
    pub(crate) async fn revoke(&self, scope: CutoffScope) {
        let cutoff = self.revoke_elsewhere(scope).await;
        self.provider.cutoffs.note(&cutoff);
    }

    /// By another process: this one has not read of it yet.
    pub(crate) async fn revoke_elsewhere(&self, scope: CutoffScope) -> Cutoff {
        let now = self.provider.now();
        let id = AuditId::ordered(&*self.entropy, now);
        let event = AuditEvent::new(id, now, EventKind::AdministratorAction, Decision::Success, "revoked");
        let cutoff = Cutoff { scope, at: now };
        assert!(self.provider.ports.revocation.revoke(&cutoff, &event).await.unwrap());
        cutoff
    }

    /// `kind reason` of every row of the audit log, oldest first.
    pub(crate) async fn audit(&self) -> Vec<String> {
        let rows = self.provider.ports.audit.rows(None, 10_000).await.unwrap();
        let text = |record: &[u8]| {
            let record: Value = serde_json::from_slice(record).unwrap();
            let member = |name: &str| record.get(name).and_then(Value::as_str).unwrap().to_owned();
            format!("{} {}", member("kind"), member("reason"))
        };
        rows.iter().map(|row| text(&row.record)).collect()
    }

    /// How often `row` stands in the audit log.
    pub(crate) async fn audited(&self, row: &str) -> usize {
        self.audit().await.iter().filter(|one| *one == row).count()
    }
}

pub(crate) fn policy() -> Policy {
    Policy {
        issuer: ISSUER.to_owned(),
        lifetimes: Lifetimes::default(),
        assurance: AssurancePolicy { ceiling: Acr::Eidas2 },
        attestation: AttestationPolicy { allow_self: true, aaguids: vec![SOFTWARE_PHONE_AAGUID] },
        sector: SectorSettings::default(),
        keys: KeyPolicy::parse(SHIPPED_POLICY).unwrap(),
        client_rate: 0,
        devices_per_person: 2,
        live_approvals: 3,
        activation: ActivationPolicy::Limited,
        codes_per_hour: 1000,
        directory: DirectoryPolicy::default(),
        patients_ins: InsEnvironment::Test,
    }
}
