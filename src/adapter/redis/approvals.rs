//! [`Approvals`]: opened within limits per recipient, advanced by compare-and-set, watched by bells.
//!
//! The list of a recipient is a hash, one entry for each approval that waits: keyed hash of its number, then its
//! sealed identifier with its deadline in clear. One script gives out places in it; the approval itself lives in a
//! slot of its own, is added after its place and gives it back when settled. A place whose approval was never added
//! or whose return was lost ends at the deadline: it can only make the limit stricter.

use std::time::Duration;

use async_trait::async_trait;

use super::steps::Bell;
use super::{RedisStore, SLACK};
use crate::adapter::ephemeral::{Place, approval_head, is_waiting};
use crate::adapter::sealed_value::{Head, SealedValue, State};
use crate::approval::{ApprovalRequest, ClaimVerdict, Claimant, Recipient, StoredApproval};
use crate::base::{ApprovalId, UnixTime};
use crate::ports::{Approvals, ClaimOutcome, OpenLimits, OpenOutcome, PortError, PortResult, Versioned};

#[async_trait]
impl Approvals for RedisStore {
    async fn open(
        &self,
        approval: &StoredApproval,
        limits: OpenLimits,
        now: UnixTime,
    ) -> PortResult<OpenOutcome> {
        let request = approval.request();
        let outcome = self.reserve(request, self.number_hash(request), limits, now).await?;
        if outcome == OpenOutcome::Opened {
            let place = Place::approval(request.id);
            let added = self.insert_steps(&place, approval_head(0, approval), approval).await;
            if let Err(error) = added {
                // Not added, as far as we know: its place ends at its deadline if this fails too.
                let _ = self.release(request).await;
                return Err(error);
            }
        }
        Ok(outcome)
    }

    async fn list(&self, recipient: &Recipient, now: UnixTime) -> PortResult<Vec<Versioned<StoredApproval>>> {
        let place = Place::recipient(recipient);
        let entries: Vec<Vec<u8>> = self.link.run(redis::cmd("HVALS").arg(self.key(&place))).await?;
        let mut waiting = Vec::new();
        for entry in entries {
            let (_, sealed) = entry.split_at_checked(NUMBER).unwrap_or_default();
            let sealed = SealedValue::from_bytes(sealed)?;
            if sealed.head.is_dead(now) {
                continue;
            }
            let id: ApprovalId = self.seal.open_shared(&place, &sealed).await?;
            let stored = self.load_steps::<StoredApproval>(&Place::approval(id), now).await?;
            waiting.extend(stored.filter(|stored| is_waiting(&stored.value, now)));
        }
        waiting.sort_by_key(|stored| stored.value.request().created);
        Ok(waiting)
    }

    async fn load(&self, id: ApprovalId, now: UnixTime) -> PortResult<Option<Versioned<StoredApproval>>> {
        self.load_steps(&Place::approval(id), now).await
    }

    async fn advance(&self, expected: u64, next: &StoredApproval) -> PortResult<bool> {
        let request = next.request();
        let head = approval_head(expected.saturating_add(1), next);
        let place = Place::approval(request.id);
        let advanced = self.advance_steps(&place, expected, (head, next), Bell::Rung).await?;
        if advanced && head.state == State::Closed {
            // The step is made whatever becomes of the place.
            let _ = self.release(request).await;
        }
        Ok(advanced)
    }

    async fn claim(&self, id: ApprovalId, claimant: &Claimant, now: UnixTime) -> PortResult<ClaimOutcome> {
        // A step lost to another phone is judged again on what that one left.
        loop {
            let Some(stored) = self.load(id, now).await? else { return Ok(ClaimOutcome::Gone) };
            match stored.value.claim(claimant, now) {
                ClaimVerdict::Claimed(next) => {
                    if self.advance(stored.version, &next).await? {
                        self.enlist(&next, now).await?;
                        return Ok(ClaimOutcome::Claimed(next));
                    }
                }
                // What broke off between the step and the list is made whole.
                ClaimVerdict::Own(own) => {
                    self.enlist(&own, now).await?;
                    return Ok(ClaimOutcome::Own(own));
                }
                ClaimVerdict::Taken => return Ok(ClaimOutcome::Taken),
                ClaimVerdict::Gone => return Ok(ClaimOutcome::Gone),
            }
        }
    }

    /// Returns at once for an approval that is settled or gone: it has changed since anybody saw it waiting.
    async fn changed(&self, id: ApprovalId, patience: Duration) {
        // Patience ran out: the caller reads again all the same.
        let _ = tokio::time::timeout(patience, self.moved(&Place::approval(id))).await;
    }
}

impl RedisStore {
    async fn reserve(
        &self,
        request: &ApprovalRequest,
        number: [u8; NUMBER],
        limits: OpenLimits,
        now: UnixTime,
    ) -> PortResult<OpenOutcome> {
        let place = Place::recipient(&request.recipient);
        let sealed = self.seal.seal(&place, Head::whole(request.deadline), &request.id)?;
        let entry = [number.as_slice(), &sealed.to_bytes()].concat();
        let mut script = self.scripts.reserve.key(self.key(&place));
        script.arg(now.millis()).arg(limits.live).arg(Place::approval(request.id).key());
        script.arg(entry).arg(SLACK.as_millis());
        match self.link.invoke::<String>(&script).await?.as_str() {
            "reserved" => Ok(OpenOutcome::Opened),
            "taken" => Ok(OpenOutcome::NumberTaken),
            "full" => Ok(OpenOutcome::Full),
            _ => Err(PortError::Conflict),
        }
    }

    /// Lists what a phone has claimed, once. Its number was given out before: it takes nobody's.
    async fn enlist(&self, claimed: &StoredApproval, now: UnixTime) -> PortResult<()> {
        let request = claimed.request();
        let unnumbered = self.unnumbered_hash(request);
        match self.reserve(request, unnumbered, OpenLimits { live: usize::MAX }, now).await {
            Ok(_) | Err(PortError::Conflict) => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn release(&self, request: &ApprovalRequest) -> PortResult<()> {
        let list = self.key(&Place::recipient(&request.recipient));
        self.link.run(redis::cmd("HDEL").arg(list).arg(Place::approval(request.id).key())).await
    }

    /// Equal for equal numbers of one recipient; an approval without a number is equal to itself alone.
    fn number_hash(&self, request: &ApprovalRequest) -> [u8; NUMBER] {
        let recipient = request.recipient.as_bytes();
        match request.number.number() {
            Some(number) => self.storage.mac("approval_number", &[recipient, number.expose().as_bytes()]),
            None => self.unnumbered_hash(request),
        }
    }

    fn unnumbered_hash(&self, request: &ApprovalRequest) -> [u8; NUMBER] {
        let recipient = request.recipient.as_bytes();
        self.storage.mac("approval_unnumbered", &[recipient, request.id.uuid().as_bytes()])
    }

    /// Until an approval that waits is not as it was.
    async fn moved(&self, place: &Place) {
        let bell = self.link.bells().of(place.key().as_bytes());
        let mut before = None;
        loop {
            // Made before the look: it hears every ring from here on, awaited or not.
            let rung = bell.notified();
            match self.open_version(place).await {
                Ok(Some(version)) if *before.get_or_insert(version) == version => {
                    let _ = tokio::time::timeout(LOOK_AGAIN, rung).await;
                }
                Ok(_) => return,
                Err(_) => return tokio::time::sleep(BREATH).await,
            }
        }
    }
}

/// Length of the keyed hash of a number.
const NUMBER: usize = 32;
/// A message is told at most once; a connection may be dead without saying so.
const LOOK_AGAIN: Duration = Duration::from_secs(5);
/// Before the caller finds out by itself that Redis is gone.
const BREATH: Duration = Duration::from_secs(1);
