//! [`Approvals`]: opened one at a time per recipient, advanced by compare-and-set, watched by a bell.
//!
//! The list of a recipient holds identifiers only; whether one waits is read from the approval itself.

use std::sync::PoisonError;
use std::time::Duration;

use async_trait::async_trait;

use super::InProcess;
use crate::adapter::ephemeral::{Place, approval_head, is_waiting};
use crate::adapter::sealed_value::{Head, State};
use crate::approval::{ClaimVerdict, Claimant, Recipient, StoredApproval};
use crate::base::{ApprovalId, UnixTime};
use crate::ports::{Approvals, ClaimOutcome, OpenLimits, OpenOutcome, PortResult, Versioned};

#[async_trait]
impl Approvals for InProcess {
    async fn open(
        &self,
        approval: &StoredApproval,
        limits: OpenLimits,
        now: UnixTime,
    ) -> PortResult<OpenOutcome> {
        self.open_in_turn(approval, limits, now)
    }

    async fn list(&self, recipient: &Recipient, now: UnixTime) -> PortResult<Vec<Versioned<StoredApproval>>> {
        let mut waiting = self.waiting(recipient, now)?;
        waiting.sort_by_key(|stored| stored.value.request().created);
        Ok(waiting)
    }

    async fn load(&self, id: ApprovalId, now: UnixTime) -> PortResult<Option<Versioned<StoredApproval>>> {
        self.load_value(&Place::approval(id), now)
    }

    async fn advance(&self, expected: u64, next: &StoredApproval) -> PortResult<bool> {
        let id = next.request().id;
        let head = approval_head(expected.saturating_add(1), next);
        let replaced = self.replace_value(&Place::approval(id), expected, head, next)?;
        if replaced {
            self.bells.of(&id).notify_waiters();
        }
        Ok(replaced)
    }

    async fn claim(&self, id: ApprovalId, claimant: &Claimant, now: UnixTime) -> PortResult<ClaimOutcome> {
        // A step lost to another phone is judged again on what that one left.
        loop {
            let Some(stored) = self.load(id, now).await? else { return Ok(ClaimOutcome::Gone) };
            match stored.value.claim(claimant, now) {
                ClaimVerdict::Claimed(next) => {
                    if self.advance(stored.version, &next).await? {
                        self.enlist(&next, now)?;
                        return Ok(ClaimOutcome::Claimed(next));
                    }
                }
                ClaimVerdict::Own(own) => {
                    self.enlist(&own, now)?;
                    return Ok(ClaimOutcome::Own(own));
                }
                ClaimVerdict::Taken => return Ok(ClaimOutcome::Taken),
                ClaimVerdict::Gone => return Ok(ClaimOutcome::Gone),
            }
        }
    }

    /// Returns at once for an approval that is settled or gone: it has changed since anybody saw it waiting.
    async fn changed(&self, id: ApprovalId, patience: Duration) {
        let place = Place::approval(id);
        let Some(before) = self.open_version(&place) else {
            return;
        };
        let bell = self.bells.of(&id);
        let moved = async {
            loop {
                // Made before the look: it hears every ring from here on, awaited or not.
                let rung = bell.notified();
                if self.open_version(&place) != Some(before) {
                    return;
                }
                rung.await;
            }
        };
        // Patience ran out: the caller reads again all the same.
        let _ = tokio::time::timeout(patience, moved).await;
    }
}

impl InProcess {
    /// Steps: 1. wait for the recipient's turn; 2. read what waits; 3. judge limit, then number; 4. keep the approval,
    /// then list it.
    fn open_in_turn(
        &self,
        approval: &StoredApproval,
        limits: OpenLimits,
        now: UnixTime,
    ) -> PortResult<OpenOutcome> {
        let request = approval.request();
        let _turn = self.turns.of(&request.recipient).lock().unwrap_or_else(PoisonError::into_inner);
        let waiting = self.waiting(&request.recipient, now)?;
        if waiting.len() >= limits.live {
            return Ok(OpenOutcome::Full);
        }
        let number = request.number.number();
        if number.is_some() && waiting.iter().any(|other| other.value.request().number.number() == number) {
            return Ok(OpenOutcome::NumberTaken);
        }
        let place = Place::approval(request.id);
        let head = approval_head(0, approval);
        self.insert_value(&place, head, approval)?;
        self.relist(&waiting, approval, head).inspect_err(|_| {
            // Not listed, so nobody could answer it: as if it had never been.
            let _ = self.remove_value(&place);
        })?;
        Ok(OpenOutcome::Opened)
    }

    /// Lists what a phone has claimed, once.
    fn enlist(&self, claimed: &StoredApproval, now: UnixTime) -> PortResult<()> {
        let request = claimed.request();
        let _turn = self.turns.of(&request.recipient).lock().unwrap_or_else(PoisonError::into_inner);
        let waiting = self.waiting(&request.recipient, now)?;
        if waiting.iter().any(|listed| listed.value.request().id == request.id) {
            return Ok(());
        }
        self.relist(&waiting, claimed, approval_head(0, claimed))
    }

    fn relist(
        &self,
        waiting: &[Versioned<StoredApproval>],
        opened: &StoredApproval,
        head: Head,
    ) -> PortResult<()> {
        let others = waiting.iter().map(|stored| &stored.value);
        let deadline =
            others.clone().map(|other| approval_head(0, other).deadline).fold(head.deadline, Ord::max);
        let ids: Vec<ApprovalId> = others.chain([opened]).map(|listed| listed.request().id).collect();
        self.put_value(&Place::recipient(&opened.request().recipient), Head::whole(deadline), &ids)
    }

    fn waiting(&self, recipient: &Recipient, now: UnixTime) -> PortResult<Vec<Versioned<StoredApproval>>> {
        let listed = self.load_value::<Vec<ApprovalId>>(&Place::recipient(recipient), now)?;
        let mut waiting = Vec::new();
        for id in listed.map(|listed| listed.value).unwrap_or_default() {
            let stored = self.load_value::<StoredApproval>(&Place::approval(id), now)?;
            waiting.extend(stored.filter(|stored| is_waiting(&stored.value, now)));
        }
        Ok(waiting)
    }

    /// The version of an approval that may still change.
    fn open_version(&self, place: &Place) -> Option<u64> {
        let value = self.values.get(place, self.clock.now())?;
        (value.head.state == State::Open).then_some(value.head.version)
    }
}
