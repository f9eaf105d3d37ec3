//! Sessions of the sample service, in memory: a cookie holds an identifier, nothing else.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::relying_party::Pending;
use super::signed_in::SignedIn;
use crate::base::{Entropy, EntropyExt as _};

/// Sessions kept; the oldest goes first.
const MOST: usize = 1000;

/// What the service knows of one browser.
#[derive(Clone, Default)]
pub(super) struct Session {
    /// A login under way.
    pub(super) pending: Option<Arc<Pending>>,
    /// Who is signed in.
    pub(super) person: Option<Arc<SignedIn>>,
    /// Why the last login failed: an error code.
    pub(super) error: Option<String>,
}

/// The sessions of all browsers.
pub(super) struct Sessions {
    kept: Mutex<VecDeque<(String, Session)>>,
    entropy: Arc<dyn Entropy>,
}

impl Sessions {
    /// No sessions.
    pub(super) fn new(entropy: Arc<dyn Entropy>) -> Self {
        Self { kept: Mutex::default(), entropy }
    }

    /// The session called `id`.
    pub(super) fn get(&self, id: Option<&str>) -> Option<Session> {
        let kept = self.lock();
        kept.iter().find(|(known, _)| Some(known.as_str()) == id).map(|(_, session)| session.clone())
    }

    /// The login under way in the session called `id`, which forgets it.
    pub(super) fn take_pending(&self, id: Option<&str>) -> Option<Arc<Pending>> {
        let mut kept = self.lock();
        kept.iter_mut().find(|(known, _)| Some(known.as_str()) == id)?.1.pending.take()
    }

    /// Puts `session` in the place of the one called `old`, under a new identifier.
    pub(super) fn replace(&self, old: Option<&str>, session: Session) -> String {
        let id = self.entropy.token().expose().to_owned();
        let mut kept = self.lock();
        kept.retain(|(known, _)| Some(known.as_str()) != old);
        if kept.len() >= MOST {
            kept.pop_front();
        }
        kept.push_back((id.clone(), session));
        id
    }

    /// Forgets the session called `id`.
    pub(super) fn remove(&self, id: Option<&str>) {
        self.lock().retain(|(known, _)| Some(known.as_str()) != id);
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<(String, Session)>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
