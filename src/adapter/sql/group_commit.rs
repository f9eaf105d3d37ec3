//! What is committed in groups (design decision 5): events that stand alone, refreshes that keep their token, and what
//! passes the gate.
//!
//! Each waits in a bounded queue for one of a few groups, which commits all that wait in one transaction. Alone, it waits
//! for nobody; under load the groups grow, and each costs less. When the queue is full it is refused and counted (security
//! 4.4): its caller fails rather than go on without a record.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use super::gate::{Passing, pass};
use super::kept::{Kept, keep_alive};
use super::store::Store;
use super::write::Write;
use crate::audit::AuditEvent;
use crate::ports::{PortError, PortResult};

/// Those that may wait; some seconds of a flood.
pub(super) const QUEUE: usize = 1024;
/// Groups at a time: while one waits for the disk, another gathers.
const GROUPS: usize = 2;

/// Of a group, those that pass the gate: each is a transaction within a transaction, of which PostgreSQL remembers 64 of a
/// connection cheaply, and holds its locks until the group commits.
const PASSING: usize = 50;

/// The groups of one process.
#[derive(Clone)]
pub(super) struct GroupCommit {
    store: Store,
    queue: Arc<Mutex<Queue>>,
}

#[derive(Default)]
struct Queue {
    waiting: Vec<Waiting>,
    /// Groups under way.
    groups: usize,
    /// One of them has not taken its members yet: it will take all that wait.
    coming: bool,
}

struct Waiting {
    event: AuditEvent,
    work: Work,
    done: oneshot::Sender<PortResult<bool>>,
}

/// What becomes true with an event.
enum Work {
    /// Nothing else.
    Nothing,
    /// A refresh that keeps its token.
    Keep(Box<Kept>),
    /// Something passes the gate.
    Pass(Passing),
}

impl Queue {
    /// All that wait, but so many that pass the gate. Who has given up and left nothing to record is let go.
    fn next_group(&mut self) -> Vec<Waiting> {
        let mut passing = 0_usize;
        let waiting = std::mem::take(&mut self.waiting).into_iter();
        let waiting = waiting.filter(|one| matches!(one.work, Work::Nothing) || !one.done.is_closed());
        let (group, left) = waiting.partition(|one| {
            passing = passing.saturating_add(usize::from(one.work.passing().is_some()));
            one.work.passing().is_none() || passing <= PASSING
        });
        self.waiting = left;
        group
    }
}

impl Work {
    fn kept(&self) -> Option<&Kept> {
        if let Self::Keep(kept) = self { Some(kept) } else { None }
    }

    const fn passing(&self) -> Option<&Passing> {
        if let Self::Pass(passing) = self { Some(passing) } else { None }
    }
}

impl GroupCommit {
    pub(super) fn new(store: Store) -> Self {
        Self { store, queue: Arc::default() }
    }

    /// Records `event`.
    pub(super) async fn append(&self, event: &AuditEvent) -> PortResult<()> {
        self.wait_for(event, Work::Nothing).await.map(drop)
    }

    /// Records a refresh that keeps its token, with `event`; false when its family has died, and its refusal is recorded.
    pub(super) async fn keep(&self, kept: Kept, event: &AuditEvent) -> PortResult<bool> {
        self.wait_for(event, Work::Keep(Box::new(kept))).await
    }

    /// Lets something pass the gate, with `event`; false when it did not, and nothing was done.
    pub(super) async fn pass(&self, passing: Passing, event: &AuditEvent) -> PortResult<bool> {
        self.wait_for(event, Work::Pass(passing)).await
    }

    async fn wait_for(&self, event: &AuditEvent, work: Work) -> PortResult<bool> {
        let outcome = self.enqueue(event, work)?;
        // Behind a group that is on its way and hears nothing.
        let patience = self.store.db.patience().mul_f32(1.5);
        let answer = tokio::time::timeout(patience, outcome).await;
        let lost = |why: &str| Err(PortError::Unavailable(why.to_owned()));
        match answer {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) => lost("the group was lost"),
            Err(_) => lost("the group did not commit in time"),
        }
    }

    /// Takes a place in the queue, and begins a group when there is room for one.
    fn enqueue(&self, event: &AuditEvent, work: Work) -> PortResult<oneshot::Receiver<PortResult<bool>>> {
        let (done, outcome) = oneshot::channel();
        let mut queue = lock(&self.queue);
        if queue.waiting.len() >= QUEUE {
            metrics::counter!("sceau_audit_dropped_total", "decision" => event.decision.as_str())
                .increment(1);
            return Err(PortError::Unavailable(String::from("the audit queue is full")));
        }
        queue.waiting.push(Waiting { event: event.clone(), work, done });
        if !queue.coming && queue.groups < GROUPS {
            queue.groups = queue.groups.saturating_add(1);
            queue.coming = true;
            self.start_group();
        }
        Ok(outcome)
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "a group outlives the request that began it, and ends by itself within the writer's patience"
    )]
    fn start_group(&self) {
        tokio::spawn(commit_groups(self.store.clone(), Arc::clone(&self.queue)));
    }
}

/// Commits groups until nothing waits for this one.
async fn commit_groups(store: Store, queue: Arc<Mutex<Queue>>) {
    let mut place = GroupPlace { queue, coming: true, held: true };
    while place.held {
        commit_group(&store, &mut place).await;
        place.come_again();
    }
}

/// One of the places for groups, given back however the group ends: a panic must not leave it taken.
struct GroupPlace {
    queue: Arc<Mutex<Queue>>,
    /// Its group has not taken its members yet.
    coming: bool,
    /// It was not given back.
    held: bool,
}

impl GroupPlace {
    /// The members of its group.
    fn take(&mut self) -> Vec<Waiting> {
        let mut queue = lock(&self.queue);
        self.coming = false;
        queue.coming = false;
        queue.next_group()
    }

    /// For another group when somebody waits whom no other group will take; else the place is given back. Under the lock
    /// under which they come: nobody is left to a group that has ended.
    fn come_again(&mut self) {
        let mut queue = lock(&self.queue);
        if queue.waiting.is_empty() || queue.coming {
            queue.groups = queue.groups.saturating_sub(1);
            self.held = false;
        } else {
            queue.coming = true;
            self.coming = true;
        }
    }
}

impl Drop for GroupPlace {
    fn drop(&mut self) {
        if self.held {
            let mut queue = lock(&self.queue);
            queue.groups = queue.groups.saturating_sub(1);
            queue.coming &= !self.coming;
        }
    }
}

/// Waits for the writer's turn, then commits all that waits by then.
async fn commit_group(store: &Store, place: &mut GroupPlace) {
    let write = store.write().await;
    let group = place.take();
    if group.is_empty() {
        return;
    }
    match commit(write, &group).await {
        Ok(done) => tell(group, done.into_iter().map(Ok)),
        // A rival holds a family. Nothing was written, and the others do not pay for it.
        Err(PortError::Conflict) if group.len() > 1 => commit_one_by_one(store, group).await,
        Err(error) => tell(group, std::iter::repeat_with(|| Err(again(&error)))),
    }
}

/// What would pass the gate is left to its callers, who take it step by step; of the rest, each alone, until the database
/// is gone.
async fn commit_one_by_one(store: &Store, group: Vec<Waiting>) {
    let (passing, rest): (Vec<_>, Vec<_>) = group.into_iter().partition(|one| one.work.passing().is_some());
    tell(passing, std::iter::repeat_with(|| Ok(false)));
    let mut gone = None;
    for one in rest {
        let alone = [one];
        let done = match &gone {
            Some(error) => Err(again(error)),
            None => commit(store.write().await, &alone).await,
        };
        if let Err(error @ PortError::Unavailable(_)) = &done {
            gone = Some(again(error));
        }
        tell(alone, std::iter::once(done.map(|done| done.first().is_some_and(|done| *done))));
    }
}

/// For each of `group`, whether it was done.
async fn commit(write: PortResult<Write<'_>>, group: &[Waiting]) -> PortResult<Vec<bool>> {
    let mut write = write?;
    // First: it waits for families that others hold, and what passes the gate holds much, and waits for nobody.
    let kept: Vec<_> = group.iter().map(|one| one.work.kept()).collect();
    let stands = keep_alive(&mut write, &kept).await?;
    let passing: Vec<_> = group.iter().map(|one| one.work.passing()).collect();
    let passed = pass(&mut write, &passing).await?;
    let done: Vec<_> = stands.iter().zip(&passed).map(|(stands, passed)| *stands && *passed).collect();
    write.commit_all(events(group, &done)).await?;
    Ok(done)
}

/// What is recorded of each: of a refresh whose family had died, the refusal; of what did not pass the gate, nothing.
fn events<'a>(group: &'a [Waiting], done: &'a [bool]) -> impl Iterator<Item = &'a AuditEvent> {
    group.iter().zip(done).filter_map(|(one, done)| match &one.work {
        Work::Keep(kept) if !done => Some(&kept.refused),
        _ => done.then_some(&one.event),
    })
}

fn tell(group: impl IntoIterator<Item = Waiting>, outcomes: impl Iterator<Item = PortResult<bool>>) {
    for (one, outcome) in group.into_iter().zip(outcomes) {
        // A caller that has given up hears nothing; its row stands.
        let _ = one.done.send(outcome);
    }
}

/// The same failure for another caller.
fn again(error: &PortError) -> PortError {
    match error {
        PortError::Unavailable(text) => PortError::Unavailable(text.clone()),
        PortError::Conflict => PortError::Conflict,
        PortError::Corrupt(text) => PortError::Corrupt(text.clone()),
    }
}

/// A panic elsewhere leaves the queue whole: every change is one call.
fn lock(queue: &Mutex<Queue>) -> MutexGuard<'_, Queue> {
    queue.lock().unwrap_or_else(PoisonError::into_inner)
}
