//! Groups: whoever waits is taken by one of a few groups at a time, with all who wait by then. Alone, one waits for
//! nobody; under load the groups grow, and each of a group costs less.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::ports::PortError;

/// Those that may wait; some seconds of a flood.
pub(super) const QUEUE: usize = 1024;
/// Groups at a time: while one waits for its answer, another gathers.
const AT_A_TIME: usize = 2;

/// Who waits for a group, and the groups under way. Cheap to clone.
pub(super) struct Groups<Member> {
    gathering: Arc<Mutex<Gathering<Member>>>,
}

struct Gathering<Member> {
    waiting: Vec<Member>,
    under_way: usize,
    /// One of them has not taken its members yet: it will take all that wait.
    coming: bool,
}

/// As many wait as may.
pub(super) struct Full;

impl<Member> Groups<Member> {
    /// Lets `member` wait. A place, with which the caller begins a group, when no other one will take it.
    pub(super) fn join(&self, member: Member) -> Result<Option<GroupPlace<Member>>, Full> {
        let mut gathering = lock(&self.gathering);
        if gathering.waiting.len() >= QUEUE {
            return Err(Full);
        }
        gathering.waiting.push(member);
        if gathering.coming || gathering.under_way >= AT_A_TIME {
            return Ok(None);
        }
        gathering.under_way = gathering.under_way.saturating_add(1);
        gathering.coming = true;
        Ok(Some(GroupPlace { gathering: Arc::clone(&self.gathering), coming: true, held: true }))
    }
}

impl<Member> Clone for Groups<Member> {
    fn clone(&self) -> Self {
        Self { gathering: Arc::clone(&self.gathering) }
    }
}

impl<Member> Default for Groups<Member> {
    fn default() -> Self {
        let gathering = Gathering { waiting: Vec::new(), under_way: 0, coming: false };
        Self { gathering: Arc::new(Mutex::new(gathering)) }
    }
}

/// One of the places for groups, given back however the group ends: a panic must not leave it taken.
pub(super) struct GroupPlace<Member> {
    gathering: Arc<Mutex<Gathering<Member>>>,
    /// Its group has not taken its members yet.
    coming: bool,
    /// It was not given back.
    held: bool,
}

impl<Member> GroupPlace<Member> {
    /// The members of its group: those that `choose` keeps of all who wait. It gives them and those who wait on.
    pub(super) fn take(
        &mut self,
        choose: impl FnOnce(Vec<Member>) -> (Vec<Member>, Vec<Member>),
    ) -> Vec<Member> {
        let mut gathering = lock(&self.gathering);
        self.coming = false;
        gathering.coming = false;
        let (group, left) = choose(std::mem::take(&mut gathering.waiting));
        gathering.waiting = left;
        group
    }

    /// Whether there is another group to do: somebody waits whom no other one will take. Else the place is given back,
    /// under the lock under which they come: nobody is left to a group that has ended.
    pub(super) fn comes_again(&mut self) -> bool {
        let mut gathering = lock(&self.gathering);
        if gathering.waiting.is_empty() || gathering.coming {
            gathering.under_way = gathering.under_way.saturating_sub(1);
            self.held = false;
        } else {
            gathering.coming = true;
            self.coming = true;
        }
        self.held
    }
}

impl<Member> Drop for GroupPlace<Member> {
    fn drop(&mut self) {
        if self.held {
            let mut gathering = lock(&self.gathering);
            gathering.under_way = gathering.under_way.saturating_sub(1);
            gathering.coming &= !self.coming;
        }
    }
}

/// The same failure for another member.
pub(super) fn again(error: &PortError) -> PortError {
    match error {
        PortError::Unavailable(text) => PortError::Unavailable(text.clone()),
        PortError::Conflict => PortError::Conflict,
        PortError::Corrupt(text) => PortError::Corrupt(text.clone()),
    }
}

/// A panic elsewhere leaves it whole: every change is one call.
fn lock<Member>(gathering: &Mutex<Gathering<Member>>) -> MutexGuard<'_, Gathering<Member>> {
    gathering.lock().unwrap_or_else(PoisonError::into_inner)
}
