//! When a provider is not asked any more: after five failures in a row, for five seconds, then one login tries.
//!
//! Only logins that begin are turned away. One that comes back is always redeemed, and counts.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::base::UnixTime;

const FAILURES: u32 = 5;
const PAUSE: Duration = Duration::from_secs(5);

/// What a login that begins may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Admission {
    /// Go on.
    Pass,
    /// Go on, and ask the provider first.
    Probe,
    /// Turn away.
    Refuse,
}

#[derive(Default)]
pub(super) struct Breaker(Mutex<State>);

#[derive(Default)]
struct State {
    failures: u32,
    refuses_until: Option<UnixTime>,
}

impl Breaker {
    pub(super) fn admit(&self, now: UnixTime) -> Admission {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match state.refuses_until {
            None => Admission::Pass,
            Some(until) if now < until => Admission::Refuse,
            Some(_) => {
                // One at a time: the others wait for what this one learns.
                state.refuses_until = Some(now.plus(PAUSE));
                Admission::Probe
            }
        }
    }

    pub(super) fn failed(&self, now: UnixTime) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.failures = state.failures.saturating_add(1);
        if state.failures >= FAILURES {
            state.refuses_until = Some(now.plus(PAUSE));
        }
    }

    pub(super) fn answered(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = State::default();
    }
}
