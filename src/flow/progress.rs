//! What the phone has done, as the browser's page follows it.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::approval::{Claim, StoredApproval};
use crate::base::{ApprovalId, InteractionId, Secret, UnixTime};
use crate::interaction::{ApprovalProgress, Interaction, Step};

use super::{BrowserState, FlowError, Provider, Screen, TurnError};

/// A status request waits this long at most.
const PATIENCE: Duration = Duration::from_secs(20);
/// A status request looks again so often: at each try of a number, and at the end.
const WAKE_UPS: usize = 8;

/// Status requests that wait for one approval: a page reloaded leaves one behind.
const PER_APPROVAL: u8 = 3;

/// How many status requests wait for each approval in this process.
#[derive(Default)]
pub struct Watchers(Mutex<HashMap<ApprovalId, u8>>);

impl Watchers {
    fn enter(&self, approval: ApprovalId) -> Option<Watching<'_>> {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = waiting.entry(approval).or_default();
        if *count >= PER_APPROVAL {
            return None;
        }
        *count += 1;
        Some(Watching { watchers: self, approval })
    }
}

/// A place, given back when the request ends or is given up.
struct Watching<'a> {
    watchers: &'a Watchers,
    approval: ApprovalId,
}

impl Drop for Watching<'_> {
    fn drop(&mut self) {
        let mut waiting = self.watchers.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Entry::Occupied(mut count) = waiting.entry(self.approval) {
            *count.get_mut() = count.get().saturating_sub(1);
            if *count.get() == 0 {
                count.remove();
            }
        }
    }
}

/// Whether a page still has to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Wait.
    Waiting,
    /// Resume.
    Done,
}

/// What a page that waits shows.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shown {
    Number,
    Code,
}

impl Provider {
    /// Waits until the page has something new to show, twenty seconds at most.
    pub async fn await_progress(
        &self,
        id: InteractionId,
        browser: &BrowserState,
    ) -> Result<Progress, TurnError> {
        self.await_change(id, browser, Shown::Number).await
    }

    /// The same for a page that shows a QR code: a phone that claims it is something new.
    pub async fn await_claim(
        &self,
        id: InteractionId,
        browser: &BrowserState,
    ) -> Result<Progress, TurnError> {
        self.await_change(id, browser, Shown::Code).await
    }

    async fn await_change(
        &self,
        id: InteractionId,
        browser: &BrowserState,
        shown: Shown,
    ) -> Result<Progress, TurnError> {
        let interaction = self.own_interaction(id, browser, self.now()).await?.value;
        let Step::Approve { approval } = interaction.step else { return Ok(Progress::Done) };
        if !self.is_as_shown(approval, shown, self.now()).await? {
            return Ok(Progress::Done);
        }
        // A page waits once; who asks more often is answered at once.
        let Some(_place) = self.watchers.enter(approval) else { return Ok(Progress::Waiting) };
        let end = self.now().plus(PATIENCE);
        // A try that is judged wakes the page too, before its outcome is known.
        for _ in 0..WAKE_UPS {
            self.ports.approvals.changed(approval, end.since(self.now())).await;
            let now = self.now();
            if !self.is_as_shown(approval, shown, now).await? {
                return Ok(Progress::Done);
            }
            if now >= end {
                break;
            }
        }
        Ok(Progress::Waiting)
    }

    /// Whether a page that shows `shown` of an approval has nothing else to show.
    async fn is_as_shown(&self, id: ApprovalId, shown: Shown, now: UnixTime) -> Result<bool, FlowError> {
        let stored = self.ports.approvals.load(id, now).await?;
        Ok(match stored.map(|stored| stored.value.seen_at(now)) {
            Some(StoredApproval::Pending(pending)) => {
                shown == Shown::Number || pending.request().claim == Claim::Open
            }
            _ => false,
        })
    }

    /// Reads what the phone did, and takes its proof into the interaction. The committed decision is the truth; the
    /// ephemeral approval, given with it, only says when to look.
    pub(super) async fn follow_approval(
        &self,
        interaction: &mut Interaction,
        now: UnixTime,
    ) -> Result<(ApprovalProgress, Option<StoredApproval>), FlowError> {
        let Step::Approve { approval } = interaction.step else { return Ok((ApprovalProgress::None, None)) };
        let stored = self.ports.approvals.load(approval, now).await?.map(|stored| stored.value.seen_at(now));
        let progress = match &stored {
            Some(StoredApproval::Pending(_)) => return Ok((ApprovalProgress::Waiting, stored)),
            Some(StoredApproval::Denied(_)) => ApprovalProgress::Denied,
            Some(StoredApproval::Locked(_)) => ApprovalProgress::Locked,
            // Approved, or gone: the decision tells.
            Some(StoredApproval::Expired(_) | StoredApproval::Approved(_)) | None => {
                ApprovalProgress::Expired
            }
        };
        if let Some(decision) = self.ports.decisions.find(approval).await? {
            interaction.proof = Some(decision.proof);
            return Ok((ApprovalProgress::None, stored));
        }
        Ok((progress, stored))
    }

    /// The page that waits for `approval`.
    pub(super) fn number_screen(
        &self,
        approval: Option<&StoredApproval>,
        service: String,
        now: UnixTime,
    ) -> Result<Screen, TurnError> {
        let request = approval.ok_or(TurnError::Gone)?.request();
        // The number belongs to the phone that claims the code: there is none to show before.
        if request.claim == Claim::Open {
            return Ok(Screen::Qr {
                service,
                address: self.claim_address(request.id),
                expires_in: request.deadline.since(now).as_secs(),
            });
        }
        Ok(Screen::Number {
            service,
            number: request.number.number().map(|number| Secret::new(number.expose().to_owned())),
            expires_in: request.deadline.since(now).as_secs(),
        })
    }
}
