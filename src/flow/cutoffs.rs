//! Revocation cut-offs as this replica knows them (design decision 15): read again every second, and nothing is
//! accepted on knowledge older than five.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use crate::base::{ClientId, DeviceId, GrantId, PersonId, Sid, UnixTime};
use crate::identity::OnBehalf;
use crate::ports::{Cutoff, CutoffScope, PortError, PortResult, RefusedBy, Revocation};

/// Knowledge older than this is read again.
const FRESH: Duration = Duration::from_secs(1);
/// Knowledge older than this is not enough to accept anything.
const USABLE: Duration = Duration::from_secs(5);
/// Nothing lives longer than this on a cut-off's account: sessions and families are bounded well below.
const MEMORY: Duration = Duration::from_hours(24);

/// What a token or session depends on.
#[derive(Clone, Copy, Debug, Default)]
pub struct Subject<'a> {
    /// Client.
    pub client: Option<&'a ClientId>,
    /// Person.
    pub person: Option<PersonId>,
    /// For whom that person acts.
    pub on_behalf_of: Option<OnBehalf>,
    /// Phone that authenticated.
    pub device: Option<DeviceId>,
    /// Session.
    pub sid: Option<Sid>,
    /// Grant.
    pub grant: Option<GrantId>,
    /// Key that signed.
    pub kid: Option<&'a str>,
}

#[derive(Default)]
struct Known {
    cutoffs: HashMap<CutoffScope, UnixTime>,
    /// Revoked keys, for good.
    keys: BTreeMap<String, UnixTime>,
    next: Option<UnixTime>,
    read_at: Option<UnixTime>,
}

/// The cache of cut-offs.
#[derive(Default)]
pub struct Cutoffs {
    known: RwLock<Known>,
    reading: AtomicBool,
    /// The store has forgotten what was seen of it.
    behind: AtomicBool,
}

impl Cutoffs {
    /// Tells whether anything in `subject` was revoked at or after `since`, the time it was authenticated or issued.
    /// Reads the store again when the knowledge is no longer fresh.
    pub async fn check(
        &self,
        store: &dyn Revocation,
        subject: Subject<'_>,
        since: UnixTime,
        now: UnixTime,
    ) -> PortResult<Result<(), RefusedBy>> {
        self.keep_fresh(store, now).await?;
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let hit = |scope: &CutoffScope| known.cutoffs.get(scope).is_some_and(|at| *at >= since);
        let gone = |scope: &CutoffScope| known.cutoffs.contains_key(scope);
        // Whoever holds the key dates what it signs as they like.
        if subject.kid.is_some_and(|kid| known.keys.contains_key(kid)) {
            return Ok(Err(RefusedBy::Key));
        }
        if hit(&CutoffScope::Global) || subject.sid.is_some_and(|sid| gone(&CutoffScope::Session(sid))) {
            return Ok(Err(RefusedBy::Session));
        }
        if subject.grant.is_some_and(|grant| gone(&CutoffScope::Grant(grant))) {
            return Ok(Err(RefusedBy::Grant));
        }
        if subject.client.is_some_and(|client| hit(&CutoffScope::Client(client.clone()))) {
            return Ok(Err(RefusedBy::Client));
        }
        if subject.person.is_some_and(|person| hit(&CutoffScope::Person(person))) {
            return Ok(Err(RefusedBy::Person));
        }
        // Who is acted for is ended from the choice on.
        let represented =
            subject.on_behalf_of.map(|behalf| (CutoffScope::Person(behalf.person), behalf.since));
        if represented.is_some_and(|(scope, since)| known.cutoffs.get(&scope).is_some_and(|at| *at >= since))
        {
            return Ok(Err(RefusedBy::Represented));
        }
        if subject.device.is_some_and(|device| hit(&CutoffScope::Device(device))) {
            return Ok(Err(RefusedBy::Device));
        }
        Ok(Ok(()))
    }

    /// Adds a cut-off that this replica has just written.
    pub fn note(&self, cutoff: &Cutoff) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        add(&mut known, cutoff);
    }

    /// The keys revoked as far as this replica knows from cut-offs.
    pub(super) fn revoked_keys(&self) -> Vec<(String, UnixTime)> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.keys.iter().map(|(kid, at)| (kid.clone(), *at)).collect()
    }

    /// Whether the store has forgotten what was seen of it: then nothing is known well enough.
    #[must_use]
    pub fn is_behind(&self) -> bool {
        self.behind.load(Ordering::Acquire)
    }

    pub(super) fn set_behind(&self, behind: bool) {
        self.behind.store(behind, Ordering::Release);
    }

    /// Reads the store when the knowledge is older than a second.
    pub async fn keep_fresh(&self, store: &dyn Revocation, now: UnixTime) -> PortResult<()> {
        if self.is_behind() {
            return Err(PortError::Unavailable(String::from(
                "the database is older than what was seen of it",
            )));
        }
        let age = self.age(now);
        if age.is_some_and(|age| age <= FRESH) {
            return Ok(());
        }
        let usable = age.is_some_and(|age| age <= USABLE);
        if usable && self.reading.swap(true, Ordering::AcqRel) {
            return Ok(()); // another request is reading
        }
        let read = self.read(store, now).await;
        self.reading.store(false, Ordering::Release);
        // Whoever waited in vain for SQL would only wait again for the next thing it needs from there.
        read
    }

    async fn read(&self, store: &dyn Revocation, now: UnixTime) -> PortResult<()> {
        let since = self.known.read().unwrap_or_else(PoisonError::into_inner).next;
        let (changes, next) = store.changes_since(since.unwrap_or_else(|| now.minus(MEMORY))).await?;
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        for cutoff in &changes {
            add(&mut known, cutoff);
        }
        let horizon = now.minus(MEMORY);
        known.cutoffs.retain(|_, at| *at > horizon);
        known.next = Some(next);
        known.read_at = Some(now);
        Ok(())
    }

    fn age(&self, now: UnixTime) -> Option<Duration> {
        let read_at = self.known.read().unwrap_or_else(PoisonError::into_inner).read_at?;
        // A clock that went back makes the age unknown: read again.
        (now >= read_at).then(|| now.since(read_at))
    }
}

fn add(known: &mut Known, cutoff: &Cutoff) {
    if let CutoffScope::Key(kid) = &cutoff.scope {
        known.keys.entry(kid.clone()).or_insert(cutoff.at);
        return;
    }
    let at = known.cutoffs.entry(cutoff.scope.clone()).or_insert(cutoff.at);
    *at = (*at).max(cutoff.at);
}
