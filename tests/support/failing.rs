//! Ports that fail when told, before they do anything or after they have done it: a store that is gone, and an answer
//! that is lost.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use sceau::approval::{Claimant, Recipient, StoredApproval};
use sceau::audit::AuditEvent;
use sceau::base::{
    ApprovalId, ClientId, DeviceId, EnrolmentId, FamilyId, GrantId, InteractionId, LinkId, PersonId, Sid,
    TokenHash, UnixTime,
};
use sceau::device::{ActivationCodes, Device, PendingEnrolment};
use sceau::federation::FederationTicket;
use sceau::federation::UpstreamKey;
use sceau::identity::{NationalId, Person, Pivot};
use sceau::interaction::Interaction;
use sceau::jose::Thumbprint;
use sceau::keyring::{KeyRecord, Purpose, Withdrawal};
use sceau::oauth::Client;
use sceau::ports::{
    AccessTokenRecord, AccessTokens, ApprovalDecision, Approvals, Audit, AuditRow, BindOutcome, BindPlan,
    Ceremony, ClaimOutcome, Clients, CodePayload, CommitOutcome, CommitSafety, CommittedDecision, Consent,
    ConsentSubject, Cutoff, Decision, Devices, DurableHealth, DurableState, EnrolmentTicket, Evidence,
    FenceKind, FenceLife, Generation, Grant, Grants, Interactions, Issuance, IssuanceRecord, IssueOutcome,
    IssuePlan, KeepPlan, Keys, Link, LinkCandidate, LinkOutcome, Links, OneShot, OpenLimits, OpenOutcome,
    Persons, PortError, PortResult, Ports, PrivatePart, PushedRequest, Replay, ReplayKind, Revocation,
    RotateOutcome, RotatePlan, Session, Sessions, Sighting, SignedSince, Signer, StoredFamily, Throttle,
    ThrottleRule, Versioned,
};
use uuid::Uuid;

/// When a call fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fails {
    /// Nothing is done.
    Before,
    /// All is done, and nobody is told.
    After,
}

type Rule = Box<dyn Fn(usize, &'static str) -> Option<Fails> + Send>;

/// What is out of order, and what was called meanwhile.
#[derive(Clone)]
pub(crate) struct Outage(Arc<Mutex<State>>);

struct State {
    rule: Rule,
    calls: Vec<&'static str>,
}

impl Outage {
    /// None yet.
    pub(crate) fn none() -> Self {
        Self(Arc::new(Mutex::new(State { rule: Box::new(|_, _| None), calls: Vec::new() })))
    }

    /// From now on calls fail as `rule` says of their place, counted from now, and name.
    pub(crate) fn begin(&self, rule: impl Fn(usize, &'static str) -> Option<Fails> + Send + 'static) {
        *self.0.lock().unwrap() = State { rule: Box::new(rule), calls: Vec::new() };
    }

    /// All works again; the calls since the beginning.
    pub(crate) fn end(&self) -> Vec<&'static str> {
        let none = State { rule: Box::new(|_, _| None), calls: Vec::new() };
        std::mem::replace(&mut *self.0.lock().unwrap(), none).calls
    }

    /// `ports`, out of order when this says so.
    pub(crate) fn of(&self, ports: Ports) -> Ports {
        Ports {
            clients: self.wrap(ports.clients),
            persons: self.wrap(ports.persons),
            durable: self.wrap(ports.durable),
            // No request comes to it: the import has tests of its own.
            directory: ports.directory,
            links: self.wrap(ports.links),
            devices: self.wrap(ports.devices),
            grants: self.wrap(ports.grants),
            issuance: self.wrap(ports.issuance),
            decisions: self.wrap(ports.decisions),
            revocation: self.wrap(ports.revocation),
            keys: self.wrap(ports.keys),
            signer: self.wrap(ports.signer),
            audit: self.wrap(ports.audit),
            one_shot: self.wrap(ports.one_shot),
            interactions: self.wrap(ports.interactions),
            approvals: self.wrap(ports.approvals),
            sessions: self.wrap(ports.sessions),
            access_tokens: self.wrap(ports.access_tokens),
            replay: self.wrap(ports.replay),
            throttle: self.wrap(ports.throttle),
            ..ports
        }
    }

    fn wrap<T: ?Sized>(&self, inner: Arc<T>) -> Arc<Failing<T>> {
        Arc::new(Failing { inner, outage: self.clone() })
    }

    async fn around<T>(
        &self,
        name: &'static str,
        call: impl Future<Output = PortResult<T>>,
    ) -> PortResult<T> {
        let fails = {
            let mut state = self.0.lock().unwrap();
            let place = state.calls.len();
            state.calls.push(name);
            (state.rule)(place, name)
        };
        let broken = || Err(PortError::Unavailable(String::from("out of order")));
        match fails {
            None => call.await,
            Some(Fails::Before) => broken(),
            Some(Fails::After) => {
                call.await?;
                broken()
            }
        }
    }
}

struct Failing<T: ?Sized> {
    inner: Arc<T>,
    outage: Outage,
}

#[async_trait]
impl Clients for Failing<dyn Clients> {
    async fn find(&self, id: &ClientId) -> PortResult<Option<Client>> {
        self.outage.around("clients.find", self.inner.find(id)).await
    }
    async fn upsert(&self, client: &Client, event: &AuditEvent) -> PortResult<()> {
        self.outage.around("clients.upsert", self.inner.upsert(client, event)).await
    }
    async fn list(&self) -> PortResult<Vec<Client>> {
        self.outage.around("clients.list", self.inner.list()).await
    }
}

#[async_trait]
impl Persons for Failing<dyn Persons> {
    async fn find(&self, id: PersonId) -> PortResult<Option<Person>> {
        self.outage.around("persons.find", self.inner.find(id)).await
    }
    async fn find_by_national_id(&self, national_id: &NationalId) -> PortResult<Option<Person>> {
        self.outage.around("persons.find_by_national_id", self.inner.find_by_national_id(national_id)).await
    }
}

#[async_trait]
impl Links for Failing<dyn Links> {
    async fn find(&self, key: &UpstreamKey) -> PortResult<Option<Link>> {
        self.outage.around("links.find", self.inner.find(key)).await
    }
    async fn stands(&self, key: &UpstreamKey, person: PersonId) -> PortResult<bool> {
        self.outage.around("links.stands", self.inner.stands(key, person)).await
    }
    async fn of(&self, person: PersonId) -> PortResult<Vec<Link>> {
        self.outage.around("links.of", self.inner.of(person)).await
    }
    async fn candidates(&self, pivot: &Pivot) -> PortResult<Vec<LinkCandidate>> {
        self.outage.around("links.candidates", self.inner.candidates(pivot)).await
    }
    async fn link_first(
        &self,
        link: &Link,
        cooling_until: UnixTime,
        event: &AuditEvent,
    ) -> PortResult<LinkOutcome> {
        self.outage.around("links.link_first", self.inner.link_first(link, cooling_until, event)).await
    }
    async fn link_proved(&self, link: &Link, event: &AuditEvent) -> PortResult<LinkOutcome> {
        self.outage.around("links.link_proved", self.inner.link_proved(link, event)).await
    }
    async fn unlink(&self, person: PersonId, link: LinkId, event: &AuditEvent) -> PortResult<bool> {
        self.outage.around("links.unlink", self.inner.unlink(person, link, event)).await
    }
}

#[async_trait]
impl Devices for Failing<dyn Devices> {
    async fn bind(
        &self,
        plan: &BindPlan,
        granted: &AuditEvent,
        refused: &AuditEvent,
    ) -> PortResult<BindOutcome> {
        self.outage.around("devices.bind", self.inner.bind(plan, granted, refused)).await
    }
    async fn find(&self, id: DeviceId) -> PortResult<Option<Device>> {
        self.outage.around("devices.find", self.inner.find(id)).await
    }
    async fn find_by_key(&self, jkt: &Thumbprint) -> PortResult<Option<Device>> {
        self.outage.around("devices.find_by_key", self.inner.find_by_key(jkt)).await
    }
    async fn list(&self, person: PersonId) -> PortResult<Vec<Device>> {
        self.outage.around("devices.list", self.inner.list(person)).await
    }
}

#[async_trait]
impl Grants for Failing<dyn Grants> {
    async fn family(&self, id: FamilyId) -> PortResult<Option<StoredFamily>> {
        self.outage.around("grants.family", self.inner.family(id)).await
    }
    async fn consent(&self, subject: ConsentSubject<'_>) -> PortResult<Option<Consent>> {
        self.outage.around("grants.consent", self.inner.consent(subject)).await
    }
    async fn remember_consent(&self, consent: &Consent, event: &AuditEvent) -> PortResult<()> {
        self.outage.around("grants.remember_consent", self.inner.remember_consent(consent, event)).await
    }
    async fn consents_of(&self, person: PersonId) -> PortResult<Vec<Consent>> {
        self.outage.around("grants.consents_of", self.inner.consents_of(person)).await
    }
    async fn withdraw_consent(
        &self,
        subject: ConsentSubject<'_>,
        since: UnixTime,
        event: &AuditEvent,
    ) -> PortResult<Option<Vec<GrantId>>> {
        self.outage
            .around("grants.withdraw_consent", self.inner.withdraw_consent(subject, since, event))
            .await
    }
}

#[async_trait]
impl Issuance for Failing<dyn Issuance> {
    async fn issue(
        &self,
        plan: &IssuePlan,
        granted: &AuditEvent,
        refused: &AuditEvent,
    ) -> PortResult<IssueOutcome> {
        self.outage.around("issuance.issue", self.inner.issue(plan, granted, refused)).await
    }
    async fn replayed(
        &self,
        kind: FenceKind,
        hash: &TokenHash,
        client: &ClientId,
        event: &AuditEvent,
    ) -> PortResult<Option<GrantId>> {
        self.outage.around("issuance.replayed", self.inner.replayed(kind, hash, client, event)).await
    }
    async fn rotate(
        &self,
        plan: &RotatePlan,
        granted: &AuditEvent,
        refused: &AuditEvent,
    ) -> PortResult<RotateOutcome> {
        self.outage.around("issuance.rotate", self.inner.rotate(plan, granted, refused)).await
    }
    async fn keep(&self, plan: KeepPlan, granted: &AuditEvent, refused: AuditEvent) -> PortResult<bool> {
        self.outage.around("issuance.keep", self.inner.keep(plan, granted, refused)).await
    }
    async fn repeat(
        &self,
        grant: &Grant,
        family: Option<FamilyId>,
        record: &IssuanceRecord,
        granted: &AuditEvent,
        refused: &AuditEvent,
    ) -> PortResult<RotateOutcome> {
        self.outage
            .around("issuance.repeat", self.inner.repeat(grant, family, record, granted, refused))
            .await
    }
    async fn end_family(&self, family: FamilyId, event: &AuditEvent) -> PortResult<()> {
        self.outage.around("issuance.end_family", self.inner.end_family(family, event)).await
    }
    async fn device_of(&self, grant: GrantId) -> PortResult<Option<DeviceId>> {
        self.outage.around("issuance.device_of", self.inner.device_of(grant)).await
    }
}

#[async_trait]
impl ApprovalDecision for Failing<dyn ApprovalDecision> {
    async fn commit(
        &self,
        decision: &Decision,
        granted: &AuditEvent,
        refused: &AuditEvent,
    ) -> PortResult<CommitOutcome> {
        self.outage.around("decisions.commit", self.inner.commit(decision, granted, refused)).await
    }
    async fn deny(
        &self,
        approval: ApprovalId,
        life: FenceLife,
        denied: &AuditEvent,
        refused: &AuditEvent,
    ) -> PortResult<bool> {
        self.outage.around("decisions.deny", self.inner.deny(approval, life, denied, refused)).await
    }
    async fn find(&self, approval: ApprovalId) -> PortResult<Option<CommittedDecision>> {
        self.outage.around("decisions.find", self.inner.find(approval)).await
    }
    async fn evidence(&self, approval: ApprovalId) -> PortResult<Option<Evidence>> {
        self.outage.around("decisions.evidence", self.inner.evidence(approval)).await
    }
}

#[async_trait]
impl Revocation for Failing<dyn Revocation> {
    async fn revoke(&self, cutoff: &Cutoff, event: &AuditEvent) -> PortResult<bool> {
        self.outage.around("revocation.revoke", self.inner.revoke(cutoff, event)).await
    }
    async fn unlock(&self, person: PersonId, event: &AuditEvent) -> PortResult<bool> {
        self.outage.around("revocation.unlock", self.inner.unlock(person, event)).await
    }
    async fn end_signed(
        &self,
        signed: &SignedSince<'_>,
        after: Option<Sid>,
        limit: u32,
        event: &AuditEvent,
    ) -> PortResult<Option<(Sid, u64)>> {
        let call = self.inner.end_signed(signed, after, limit, event);
        self.outage.around("revocation.end_signed", call).await
    }
    async fn changes_since(&self, since: UnixTime) -> PortResult<(Vec<Cutoff>, UnixTime)> {
        self.outage.around("revocation.changes_since", self.inner.changes_since(since)).await
    }
}

#[async_trait]
impl Keys for Failing<dyn Keys> {
    async fn list(&self) -> PortResult<Vec<KeyRecord>> {
        self.outage.around("keys.list", self.inner.list()).await
    }
    async fn stage(&self, record: &KeyRecord, event: &AuditEvent) -> PortResult<Option<String>> {
        self.outage.around("keys.stage", self.inner.stage(record, event)).await
    }
    async fn advance(
        &self,
        expected: u64,
        next: &KeyRecord,
        demoted: Option<&KeyRecord>,
        event: &AuditEvent,
    ) -> PortResult<bool> {
        self.outage.around("keys.advance", self.inner.advance(expected, next, demoted, event)).await
    }
    async fn revoke(&self, withdrawal: &Withdrawal, events: &[AuditEvent]) -> PortResult<bool> {
        self.outage.around("keys.revoke", self.inner.revoke(withdrawal, events)).await
    }
    async fn inspect(&self, kid: &str) -> PortResult<PrivatePart> {
        self.outage.around("keys.inspect", self.inner.inspect(kid)).await
    }
    async fn symmetric(&self, kid: &str, purpose: Purpose) -> PortResult<Option<[u8; 32]>> {
        self.outage.around("keys.symmetric", self.inner.symmetric(kid, purpose)).await
    }
}

#[async_trait]
impl Signer for Failing<dyn Signer> {
    async fn sign(&self, kid: &str, input: &[u8]) -> PortResult<Vec<u8>> {
        self.outage.around("signer.sign", self.inner.sign(kid, input)).await
    }
    fn is_remote(&self) -> bool {
        self.inner.is_remote()
    }
}

#[async_trait]
impl Audit for Failing<dyn Audit> {
    async fn append(&self, event: &AuditEvent) -> PortResult<()> {
        self.outage.around("audit.append", self.inner.append(event)).await
    }
    async fn rows(&self, after: Option<(Uuid, u64)>, limit: u32) -> PortResult<Vec<AuditRow>> {
        self.outage.around("audit.rows", self.inner.rows(after, limit)).await
    }
}

#[async_trait]
impl OneShot for Failing<dyn OneShot> {
    async fn put_code(&self, code: &TokenHash, payload: &CodePayload) -> PortResult<()> {
        self.outage.around("one_shot.put_code", self.inner.put_code(code, payload)).await
    }
    async fn take_code(&self, code: &TokenHash, now: UnixTime) -> PortResult<Option<CodePayload>> {
        self.outage.around("one_shot.take_code", self.inner.take_code(code, now)).await
    }
    async fn put_pushed(&self, uri: &TokenHash, request: &PushedRequest) -> PortResult<()> {
        self.outage.around("one_shot.put_pushed", self.inner.put_pushed(uri, request)).await
    }
    async fn load_pushed(&self, uri: &TokenHash, now: UnixTime) -> PortResult<Option<PushedRequest>> {
        self.outage.around("one_shot.load_pushed", self.inner.load_pushed(uri, now)).await
    }
    async fn finish_pushed(&self, uri: &TokenHash, by: InteractionId, now: UnixTime) -> PortResult<bool> {
        self.outage.around("one_shot.finish_pushed", self.inner.finish_pushed(uri, by, now)).await
    }
    async fn put_ceremony(&self, ceremony: &Ceremony) -> PortResult<()> {
        self.outage.around("one_shot.put_ceremony", self.inner.put_ceremony(ceremony)).await
    }
    async fn take_ceremony(
        &self,
        approval: ApprovalId,
        device: DeviceId,
        now: UnixTime,
    ) -> PortResult<Option<Ceremony>> {
        self.outage.around("one_shot.take_ceremony", self.inner.take_ceremony(approval, device, now)).await
    }
    async fn put_enrolment(&self, enrolment: &PendingEnrolment) -> PortResult<()> {
        self.outage.around("one_shot.put_enrolment", self.inner.put_enrolment(enrolment)).await
    }
    async fn take_enrolment(&self, id: EnrolmentId, now: UnixTime) -> PortResult<Option<PendingEnrolment>> {
        self.outage.around("one_shot.take_enrolment", self.inner.take_enrolment(id, now)).await
    }
    async fn put_enrolment_ticket(&self, hash: &TokenHash, ticket: &EnrolmentTicket) -> PortResult<()> {
        self.outage
            .around("one_shot.put_enrolment_ticket", self.inner.put_enrolment_ticket(hash, ticket))
            .await
    }
    async fn take_enrolment_ticket(
        &self,
        hash: &TokenHash,
        now: UnixTime,
    ) -> PortResult<Option<EnrolmentTicket>> {
        self.outage
            .around("one_shot.take_enrolment_ticket", self.inner.take_enrolment_ticket(hash, now))
            .await
    }
    async fn put_activation(&self, codes: &ActivationCodes) -> PortResult<()> {
        self.outage.around("one_shot.put_activation", self.inner.put_activation(codes)).await
    }
    async fn put_back_activation(&self, codes: &ActivationCodes) -> PortResult<()> {
        self.outage.around("one_shot.put_back_activation", self.inner.put_back_activation(codes)).await
    }
    async fn take_activation(&self, person: PersonId, now: UnixTime) -> PortResult<Option<ActivationCodes>> {
        self.outage.around("one_shot.take_activation", self.inner.take_activation(person, now)).await
    }
    async fn put_federation(&self, state: &TokenHash, ticket: &FederationTicket) -> PortResult<()> {
        self.outage.around("one_shot.put_federation", self.inner.put_federation(state, ticket)).await
    }
    async fn take_federation(
        &self,
        state: &TokenHash,
        now: UnixTime,
    ) -> PortResult<Option<FederationTicket>> {
        self.outage.around("one_shot.take_federation", self.inner.take_federation(state, now)).await
    }
}

#[async_trait]
impl Interactions for Failing<dyn Interactions> {
    async fn insert(&self, interaction: &Interaction) -> PortResult<()> {
        self.outage.around("interactions.insert", self.inner.insert(interaction)).await
    }
    async fn load(&self, id: InteractionId, now: UnixTime) -> PortResult<Option<Versioned<Interaction>>> {
        self.outage.around("interactions.load", self.inner.load(id, now)).await
    }
    async fn advance(&self, expected: u64, next: &Interaction) -> PortResult<bool> {
        self.outage.around("interactions.advance", self.inner.advance(expected, next)).await
    }
}

#[async_trait]
impl Approvals for Failing<dyn Approvals> {
    async fn open(
        &self,
        approval: &StoredApproval,
        limits: OpenLimits,
        now: UnixTime,
    ) -> PortResult<OpenOutcome> {
        self.outage.around("approvals.open", self.inner.open(approval, limits, now)).await
    }
    async fn list(&self, recipient: &Recipient, now: UnixTime) -> PortResult<Vec<Versioned<StoredApproval>>> {
        self.outage.around("approvals.list", self.inner.list(recipient, now)).await
    }
    async fn load(&self, id: ApprovalId, now: UnixTime) -> PortResult<Option<Versioned<StoredApproval>>> {
        self.outage.around("approvals.load", self.inner.load(id, now)).await
    }
    async fn advance(&self, expected: u64, next: &StoredApproval) -> PortResult<bool> {
        self.outage.around("approvals.advance", self.inner.advance(expected, next)).await
    }
    async fn claim(&self, id: ApprovalId, claimant: &Claimant, now: UnixTime) -> PortResult<ClaimOutcome> {
        self.outage.around("approvals.claim", self.inner.claim(id, claimant, now)).await
    }
    async fn changed(&self, id: ApprovalId, patience: Duration) {
        self.inner.changed(id, patience).await;
    }
}

#[async_trait]
impl Sessions for Failing<dyn Sessions> {
    async fn insert(&self, cookie: &TokenHash, session: &Session) -> PortResult<()> {
        self.outage.around("sessions.insert", self.inner.insert(cookie, session)).await
    }
    async fn load(&self, cookie: &TokenHash, now: UnixTime) -> PortResult<Option<Session>> {
        self.outage.around("sessions.load", self.inner.load(cookie, now)).await
    }
    async fn touch(&self, cookie: &TokenHash, idle_end: UnixTime, now: UnixTime) -> PortResult<bool> {
        self.outage.around("sessions.touch", self.inner.touch(cookie, idle_end, now)).await
    }
    async fn remove(&self, cookie: &TokenHash) -> PortResult<()> {
        self.outage.around("sessions.remove", self.inner.remove(cookie)).await
    }
}

#[async_trait]
impl AccessTokens for Failing<dyn AccessTokens> {
    async fn put(&self, token: &TokenHash, record: &AccessTokenRecord) -> PortResult<()> {
        self.outage.around("access_tokens.put", self.inner.put(token, record)).await
    }
    async fn load(&self, token: &TokenHash, now: UnixTime) -> PortResult<Option<AccessTokenRecord>> {
        self.outage.around("access_tokens.load", self.inner.load(token, now)).await
    }
    async fn take(&self, token: &TokenHash, now: UnixTime) -> PortResult<Option<AccessTokenRecord>> {
        self.outage.around("access_tokens.take", self.inner.take(token, now)).await
    }
    async fn remove(&self, token: &TokenHash) -> PortResult<()> {
        self.outage.around("access_tokens.remove", self.inner.remove(token)).await
    }
}

#[async_trait]
impl Replay for Failing<dyn Replay> {
    async fn generation(&self) -> PortResult<Generation> {
        self.outage.around("replay.generation", self.inner.generation()).await
    }
    fn known_generation(&self) -> Generation {
        self.inner.known_generation()
    }
    async fn first_seen(
        &self,
        kind: ReplayKind,
        hash: &TokenHash,
        until: UnixTime,
        now: UnixTime,
    ) -> PortResult<Sighting> {
        self.outage.around("replay.first_seen", self.inner.first_seen(kind, hash, until, now)).await
    }
}

#[async_trait]
impl Throttle for Failing<dyn Throttle> {
    async fn hit(&self, rule: ThrottleRule, subject: &[u8], now: UnixTime) -> PortResult<bool> {
        self.outage.around("throttle.hit", self.inner.hit(rule, subject, now)).await
    }
    async fn allows(&self, rule: ThrottleRule, subject: &[u8], now: UnixTime) -> PortResult<bool> {
        self.outage.around("throttle.allows", self.inner.allows(rule, subject, now)).await
    }
}

#[async_trait]
impl DurableHealth for Failing<dyn DurableHealth> {
    async fn state(&self) -> PortResult<DurableState> {
        self.outage.around("durable.state", self.inner.state()).await
    }

    async fn commits(&self) -> PortResult<Option<CommitSafety>> {
        self.outage.around("durable.commits", self.inner.commits()).await
    }

    async fn connections(&self) -> PortResult<Option<u32>> {
        self.outage.around("durable.connections", self.inner.connections()).await
    }
}
