//! What is committed in groups (design decision 5): events that stand alone, refreshes that keep their token, and what
//! passes the gate.
//!
//! Each waits in a bounded queue for one of a few groups, which commits all that wait in one transaction. Alone, it waits
//! for nobody; under load the groups grow, and each costs less. When the queue is full it is refused and counted (security
//! 4.4): its caller fails rather than go on without a record.

use tokio::sync::oneshot;

use super::gate::{Passing, pass};
use super::groups::{Full, GroupPlace, Groups, again};
use super::kept::{Kept as KeptToken, keep_alive};
use super::kept_connection::Kept;
use super::store::Store;
use super::write::Write;
use crate::audit::AuditEvent;
use crate::ports::{PortError, PortResult};

/// Of a group, those that pass the gate: each is a transaction within a transaction, of which PostgreSQL remembers 64 of a
/// connection cheaply, and holds its locks until the group commits.
const PASSING: usize = 50;

/// The groups of one process.
#[derive(Clone)]
pub(super) struct GroupCommit {
    store: Store,
    groups: Groups<Waiting>,
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
    Keep(Box<KeptToken>),
    /// Something passes the gate.
    Pass(Passing),
}

/// All that wait, but so many that pass the gate; and those who wait on. Who has given up and left nothing to record is
/// let go.
fn next_group(waiting: Vec<Waiting>) -> (Vec<Waiting>, Vec<Waiting>) {
    let mut passing = 0_usize;
    let waiting = waiting.into_iter();
    let waiting = waiting.filter(|one| matches!(one.work, Work::Nothing) || !one.done.is_closed());
    waiting.partition(|one| {
        passing = passing.saturating_add(usize::from(one.work.passing().is_some()));
        one.work.passing().is_none() || passing <= PASSING
    })
}

impl Work {
    fn kept(&self) -> Option<&KeptToken> {
        if let Self::Keep(kept) = self { Some(kept) } else { None }
    }

    const fn passing(&self) -> Option<&Passing> {
        if let Self::Pass(passing) = self { Some(passing) } else { None }
    }
}

impl GroupCommit {
    pub(super) fn new(store: Store) -> Self {
        Self { store, groups: Groups::default() }
    }

    /// Records `event`.
    pub(super) async fn append(&self, event: &AuditEvent) -> PortResult<()> {
        self.wait_for(event, Work::Nothing).await.map(drop)
    }

    /// Records a refresh that keeps its token, with `event`; false when its family has died, and its refusal is recorded.
    pub(super) async fn keep(&self, kept: KeptToken, event: &AuditEvent) -> PortResult<bool> {
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
        match self.groups.join(Waiting { event: event.clone(), work, done }) {
            Ok(Some(place)) => self.start_group(place),
            Ok(None) => {}
            Err(Full) => {
                metrics::counter!("sceau_audit_dropped_total", "decision" => event.decision.as_str())
                    .increment(1);
                return Err(PortError::Unavailable(String::from("the audit queue is full")));
            }
        }
        Ok(outcome)
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "a group outlives the request that began it, and ends by itself within the writer's patience"
    )]
    fn start_group(&self, place: GroupPlace<Waiting>) {
        // Boxed: what is spawned is moved several times.
        tokio::spawn(Box::pin(commit_groups(self.store.clone(), place)));
    }
}

/// Commits groups until nothing waits for this one.
async fn commit_groups(store: Store, mut place: GroupPlace<Waiting>) {
    let mut kept = store.db.keep();
    loop {
        commit_group(&store, &mut place, kept.as_mut()).await;
        if !place.comes_again() {
            if let Some(kept) = kept {
                kept.leave();
            }
            return;
        }
    }
}

/// Waits for the writer's turn, then commits all that waits by then.
async fn commit_group(store: &Store, place: &mut GroupPlace<Waiting>, mut kept: Option<&mut Kept>) {
    let write = store.write_on(kept.as_deref_mut()).await;
    let begun = write.is_ok();
    let group = place.take(next_group);
    if group.is_empty() {
        // Its transaction was begun for nobody: the pool ends it.
        drop(write);
        return part_with(kept, begun);
    }
    let committed = commit(write, &group).await;
    if committed.is_err() {
        part_with(kept, begun);
    }
    match committed {
        Ok(done) => tell(group, done.into_iter().map(Ok)),
        // A rival holds a family. Nothing was written, and the others do not pay for it.
        Err(PortError::Conflict) if group.len() > 1 => commit_one_by_one(store, group).await,
        Err(error) => tell(group, std::iter::repeat_with(|| Err(again(&error)))),
    }
}

/// The next group takes another connection.
fn part_with(kept: Option<&mut Kept>, begun: bool) {
    match kept {
        Some(kept) if begun => kept.give_back(),
        Some(kept) => kept.close(),
        None => {}
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
