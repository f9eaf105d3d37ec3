//! Requests for approval, ephemeral, advanced by compare-and-set.

use std::time::Duration;

use async_trait::async_trait;

use super::{PortResult, Versioned};
use crate::approval::{Claimant, Recipient, StoredApproval};
use crate::base::{ApprovalId, UnixTime};

/// How many approvals one recipient may have waiting (design decision 12).
#[derive(Clone, Copy, Debug)]
pub struct OpenLimits {
    /// Live approvals at most.
    pub live: usize,
}

/// What became of a new approval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenOutcome {
    /// It waits for the phone.
    Opened,
    /// Its number is shown by another live approval of the same recipient: draw again.
    NumberTaken,
    /// The recipient has as many live approvals as allowed.
    Full,
}

/// What became of a claim.
#[derive(Clone, Debug, PartialEq)]
pub enum ClaimOutcome {
    /// It is this phone's from now on.
    Claimed(Box<StoredApproval>),
    /// It was this phone's before.
    Own(Box<StoredApproval>),
    /// Another phone was faster.
    Taken,
    /// It is over, or not one that is claimed, or was never opened.
    Gone,
}

/// Store of approvals.
#[async_trait]
pub trait Approvals: Send + Sync {
    /// Adds a pending approval, deciding number and limit in one step. Version 0.
    async fn open(
        &self,
        approval: &StoredApproval,
        limits: OpenLimits,
        now: UnixTime,
    ) -> PortResult<OpenOutcome>;
    /// Approvals of a recipient that are pending and in time, oldest first.
    async fn list(&self, recipient: &Recipient, now: UnixTime) -> PortResult<Vec<Versioned<StoredApproval>>>;
    /// An approval that has not passed its retention (deadline plus two minutes).
    async fn load(&self, id: ApprovalId, now: UnixTime) -> PortResult<Option<Versioned<StoredApproval>>>;
    /// Replaces version `expected` by `next`; false when another writer was faster or it is gone. Wakes waiters.
    async fn advance(&self, expected: u64, next: &StoredApproval) -> PortResult<bool>;
    /// Gives an approval of a QR code to the first phone that claims it, in one compare-and-set, and lists it under the
    /// recipient of that phone. Wakes waiters.
    async fn claim(&self, id: ApprovalId, claimant: &Claimant, now: UnixTime) -> PortResult<ClaimOutcome>;
    /// Returns when the approval may have changed, or after `patience`. The caller reads again.
    async fn changed(&self, id: ApprovalId, patience: Duration);
}
