//! Ports with their times and outcomes told: histograms, counters and spans around whatever answers.
//!
//! The meters are made once, for closed sets of labels: looking one up by its labels costs more than counting. Says
//! nothing of whom or what a call is about.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use metrics::{Counter, Histogram};
use tracing::{Instrument as _, info_span};
use url::Url;

use crate::approval::{Claimant, Recipient, StoredApproval};
use crate::base::{ApprovalId, UnixTime};
use crate::federation::{ProviderId, UpstreamProvider};
use crate::ports::{
    Approvals, ClaimOutcome, OpenLimits, OpenOutcome, PortResult, SPANS, Signer, Upstream, UpstreamAnswer,
    UpstreamCallback, UpstreamError, UpstreamLogout, UpstreamRequest, Versioned,
};

/// A signer whose time is told: `sceau_signer_seconds`.
pub struct MeasuredSigner {
    signer: Arc<dyn Signer>,
    seconds: Histogram,
}

impl MeasuredSigner {
    /// Tells of `signer`.
    pub fn new(signer: Arc<dyn Signer>) -> Self {
        Self { signer, seconds: metrics::histogram!("sceau_signer_seconds") }
    }
}

#[async_trait]
impl Signer for MeasuredSigner {
    async fn sign(&self, kid: &str, input: &[u8]) -> PortResult<Vec<u8>> {
        let started = Instant::now();
        let signed = self.signer.sign(kid, input).instrument(info_span!(target: SPANS, "signer")).await;
        self.seconds.record(started.elapsed());
        signed
    }

    fn is_remote(&self) -> bool {
        self.signer.is_remote()
    }
}

/// Approvals whose ends are counted: `sceau_approvals_total`. What was opened and did not end expired.
pub struct MeasuredApprovals {
    approvals: Arc<dyn Approvals>,
    opened: Counter,
    approved: Counter,
    denied: Counter,
    reported: Counter,
    locked: Counter,
}

impl MeasuredApprovals {
    /// Tells of `approvals`.
    pub fn new(approvals: Arc<dyn Approvals>) -> Self {
        let counter = |outcome| metrics::counter!("sceau_approvals_total", "outcome" => outcome);
        Self {
            approvals,
            opened: counter("opened"),
            approved: counter("approved"),
            denied: counter("denied"),
            reported: counter("reported"),
            locked: counter("locked"),
        }
    }

    fn ended(&self, next: &StoredApproval) -> Option<&Counter> {
        match next {
            StoredApproval::Pending(_) | StoredApproval::Expired(_) => None,
            StoredApproval::Approved(_) => Some(&self.approved),
            StoredApproval::Denied(denied) if denied.state().reported => Some(&self.reported),
            StoredApproval::Denied(_) => Some(&self.denied),
            StoredApproval::Locked(_) => Some(&self.locked),
        }
    }
}

#[async_trait]
impl Approvals for MeasuredApprovals {
    async fn open(
        &self,
        approval: &StoredApproval,
        limits: OpenLimits,
        now: UnixTime,
    ) -> PortResult<OpenOutcome> {
        let outcome = self.approvals.open(approval, limits, now).await?;
        if outcome == OpenOutcome::Opened {
            self.opened.increment(1);
        }
        Ok(outcome)
    }

    async fn list(&self, recipient: &Recipient, now: UnixTime) -> PortResult<Vec<Versioned<StoredApproval>>> {
        self.approvals.list(recipient, now).await
    }

    async fn load(&self, id: ApprovalId, now: UnixTime) -> PortResult<Option<Versioned<StoredApproval>>> {
        self.approvals.load(id, now).await
    }

    async fn advance(&self, expected: u64, next: &StoredApproval) -> PortResult<bool> {
        let advanced = self.approvals.advance(expected, next).await?;
        if let Some(counter) = self.ended(next).filter(|_| advanced) {
            counter.increment(1);
        }
        Ok(advanced)
    }

    async fn claim(&self, id: ApprovalId, claimant: &Claimant, now: UnixTime) -> PortResult<ClaimOutcome> {
        self.approvals.claim(id, claimant, now).await
    }

    async fn changed(&self, id: ApprovalId, patience: Duration) {
        self.approvals.changed(id, patience).await;
    }
}

/// Identity providers whose time is told: `sceau_upstream_seconds`, by the provider's name in the settings.
pub struct MeasuredUpstream {
    upstream: Arc<dyn Upstream>,
    meters: HashMap<ProviderId, UpstreamMeters>,
}

struct UpstreamMeters {
    leave: Histogram,
    redeem: Histogram,
    logout: Histogram,
}

impl MeasuredUpstream {
    /// Tells of `upstream`.
    pub fn new(upstream: Arc<dyn Upstream>) -> Self {
        let ids = upstream.providers().into_iter().map(|provider| provider.id.clone());
        let meters = ids.map(|id| (id.clone(), UpstreamMeters::of(&id))).collect();
        Self { upstream, meters }
    }

    /// Awaits `call` and records its time; a provider that is not of the settings has no meter.
    async fn timed<T>(
        &self,
        provider: &ProviderId,
        meter: impl FnOnce(&UpstreamMeters) -> &Histogram,
        call: impl Future<Output = T>,
    ) -> T {
        let started = Instant::now();
        let answer = call.await;
        if let Some(meters) = self.meters.get(provider) {
            meter(meters).record(started.elapsed());
        }
        answer
    }
}

impl UpstreamMeters {
    fn of(id: &ProviderId) -> Self {
        let histogram = |step| {
            let provider = id.to_string();
            metrics::histogram!("sceau_upstream_seconds", "provider" => provider, "step" => step)
        };
        Self { leave: histogram("leave"), redeem: histogram("redeem"), logout: histogram("logout") }
    }
}

#[async_trait]
impl Upstream for MeasuredUpstream {
    fn providers(&self) -> Vec<&UpstreamProvider> {
        self.upstream.providers()
    }

    async fn authorization_url(&self, request: &UpstreamRequest) -> Result<Url, UpstreamError> {
        let span = info_span!(target: SPANS, "upstream.leave");
        let call = self.upstream.authorization_url(request).instrument(span);
        self.timed(&request.provider, |meters| &meters.leave, call).await
    }

    async fn redeem(&self, callback: &UpstreamCallback) -> Result<UpstreamAnswer, UpstreamError> {
        let span = info_span!(target: SPANS, "upstream.redeem");
        let call = self.upstream.redeem(callback).instrument(span);
        self.timed(&callback.provider, |meters| &meters.redeem, call).await
    }

    async fn logout_url(&self, logout: &UpstreamLogout) -> Result<Option<Url>, UpstreamError> {
        let span = info_span!(target: SPANS, "upstream.logout");
        let call = self.upstream.logout_url(logout).instrument(span);
        self.timed(&logout.provider, |meters| &meters.logout, call).await
    }
}

impl fmt::Debug for MeasuredSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MeasuredSigner")
    }
}

impl fmt::Debug for MeasuredApprovals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MeasuredApprovals")
    }
}

impl fmt::Debug for MeasuredUpstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MeasuredUpstream")
    }
}
