//! Keys on several replicas that read at different times, whose reads arrive late, and who hear of revocations before
//! they read the records: over any interleaving, the rules of `security.md` 5.6 hold.

use std::collections::BTreeSet;
use std::time::Duration;

use proptest::prelude::*;
use sceau::base::UnixTime;
use sceau::keyring::{
    Action, KeyPolicy, KeyRecord, KeyState, NoSigner, Purpose, View, published, signer, sweep, withdrawal,
};

const START: UnixTime = UnixTime::from_secs(1_800_000_000);
const REPLICAS: usize = 3;

#[derive(Clone, Copy, Debug)]
enum Event {
    /// Time passes, in seconds; replicas in reach read as often as they must.
    Pass(u64),
    /// A replica loses the store, or reaches it again.
    Cut(usize),
    /// A replica asks for the records, and gets them later.
    Ask(usize),
    /// The late answer arrives.
    Hear(usize),
    /// A replica is started anew.
    Restart(usize),
    /// An officer revokes the active key, or the standby.
    Revoke(KeyState),
    /// A replica hears of the revoked keys by the cut-offs.
    Withdraw(usize),
    /// A relying party reads `/jwks` of a replica.
    Fetch(usize),
    /// A replica is asked to sign.
    Sign(usize),
}

struct Replica {
    view: View,
    cut_off: bool,
    asked: Option<(UnixTime, Vec<KeyRecord>)>,
}

struct Copy {
    from: usize,
    /// Whether the replica was in time when it gave it.
    in_time: bool,
    good_until: UnixTime,
    kids: BTreeSet<String>,
}

struct World {
    policy: KeyPolicy,
    now: UnixTime,
    store: Vec<KeyRecord>,
    replicas: Vec<Replica>,
    copies: Vec<Copy>,
    /// Ever seen revoked by this replica.
    seen_revoked: Vec<BTreeSet<String>>,
    last_revocation: Option<UnixTime>,
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(160))]

    #[test]
    fn no_interleaving_breaks_a_rule(events in proptest::collection::vec(event(), 1..120)) {
        let mut world = World::new();
        for event in events {
            world.happens(event)?;
            world.check_everything()?;
        }
    }
}

impl World {
    fn new() -> Self {
        let policy = policy();
        let mut world = Self {
            policy,
            now: START,
            store: Vec::new(),
            replicas: Vec::new(),
            copies: Vec::new(),
            seen_revoked: vec![BTreeSet::new(); REPLICAS],
            last_revocation: None,
        };
        world.sweep_from(&[]);
        for _ in 0..REPLICAS {
            let view = View::at_start(world.store.clone(), world.now);
            world.replicas.push(Replica { view, cut_off: false, asked: None });
        }
        world
    }

    fn happens(&mut self, event: Event) -> Result<(), TestCaseError> {
        match event {
            Event::Pass(seconds) => self.pass(seconds),
            Event::Cut(at) => self.replicas[at].cut_off ^= true,
            Event::Ask(at) => self.replicas[at].asked = Some((self.now, self.store.clone())),
            Event::Hear(at) => self.hear(at),
            Event::Restart(at) => {
                // Another process: what the one before gave is not its own.
                self.copies.iter_mut().filter(|copy| copy.from == at).for_each(|copy| copy.from = REPLICAS);
                // Without the store nothing starts.
                if !self.replicas[at].cut_off {
                    let view = View::at_start(self.store.clone(), self.now);
                    self.replicas[at] = Replica { view, cut_off: false, asked: None };
                    self.seen_revoked[at].clear();
                }
            }
            Event::Revoke(state) => self.revoke(state),
            Event::Withdraw(at) => self.withdraw(at),
            Event::Fetch(at) => self.fetch(at),
            Event::Sign(at) => self.sign(at)?,
        }
        Ok(())
    }

    fn pass(&mut self, seconds: u64) {
        let until = self.now.plus(Duration::from_secs(seconds));
        while self.now < until {
            self.now = self.now.plus(Duration::from_secs(20)).min(until);
            for at in 0..REPLICAS {
                if !self.replicas[at].cut_off {
                    // What it decided on may be older than what is stored.
                    let seen = self.replicas[at].view.records().to_vec();
                    self.sweep_from(&seen);
                    self.sweep_from(&self.store.clone());
                    let (records, now) = (self.store.clone(), self.now);
                    self.replicas[at].view.read(records, now, now);
                }
            }
        }
    }

    fn hear(&mut self, at: usize) {
        let now = self.now;
        if let Some((asked, records)) = self.replicas[at].asked.take() {
            self.replicas[at].view.read(records, asked, now);
        }
    }

    fn revoke(&mut self, state: KeyState) {
        let Some(key) = self.store.iter().find(|key| key.state == state) else { return };
        let kid = key.kid.clone();
        let withdrawn = withdrawal(&self.store, &self.policy, &kid, self.now).unwrap().unwrap();
        put(&mut self.store, withdrawn.revoked);
        if let Some((_, successor)) = withdrawn.successor {
            put(&mut self.store, successor);
        }
        self.last_revocation = Some(self.now);
    }

    fn withdraw(&mut self, at: usize) {
        let revoked: Vec<String> = self.revoked().collect();
        for kid in revoked {
            self.replicas[at].view.withdraw(&kid, self.now);
        }
    }

    fn fetch(&mut self, at: usize) {
        let replica = &self.replicas[at];
        let kids = published(replica.view.records()).into_iter().map(|key| key.kid.clone()).collect();
        let in_time = self.now.since(replica.view.read_at()) <= self.policy.poll;
        let good_until = self.now.plus(self.policy.jwks_max_age);
        self.copies.push(Copy { from: at, in_time, good_until, kids });
    }

    /// As `SealedSigner` does: the store must say that the key is active.
    fn sign(&self, at: usize) -> Result<(), TestCaseError> {
        let view = &self.replicas[at].view;
        let Ok(key) = view.signer("ES256", &self.policy, self.now) else { return Ok(()) };
        prop_assert_eq!(key.state, KeyState::Active, "staged or revoked");
        prop_assert!(self.now.since(view.read_at()) <= self.policy.poll, "stale");
        prop_assert!(!self.seen_revoked[at].contains(&key.kid), "known to be revoked");
        prop_assert!(published(view.records()).iter().any(|shown| shown.kid == key.kid), "not served");
        if stored(&self.store, &key.kid).state != KeyState::Active {
            return Ok(());
        }
        for copy in self.copies.iter().filter(|copy| self.now < copy.good_until) {
            if copy.in_time || copy.from == at {
                prop_assert!(
                    copy.kids.contains(&key.kid),
                    "{} is not in a good copy of {}",
                    key.kid,
                    copy.from
                );
            }
        }
        Ok(())
    }

    fn check_everything(&mut self) -> Result<(), TestCaseError> {
        for at in 0..REPLICAS {
            let view = &self.replicas[at].view;
            for key in view.records() {
                let seen = self.seen_revoked[at].contains(&key.kid);
                prop_assert!(!seen || key.state == KeyState::Revoked, "a revoked key came back");
            }
            let revoked = view.records().iter().filter(|key| key.state == KeyState::Revoked);
            let revoked: Vec<String> = revoked.map(|key| key.kid.clone()).collect();
            self.seen_revoked[at].extend(revoked);
            self.sign(at)?;
            self.never_without_signer(at)?;
        }
        Ok(())
    }

    /// A replica that reads in time and has never been cut off for a lead signs; only a revocation makes it wait.
    fn never_without_signer(&self, at: usize) -> Result<(), TestCaseError> {
        let replica = &self.replicas[at];
        let settled = replica.view.records() == self.store && replica.view.read_at() == self.now;
        if !settled || !sweep(&self.store, &self.policy, self.now).is_empty() {
            return Ok(());
        }
        match replica.view.signer("ES256", &self.policy, self.now) {
            Ok(_) => {}
            Err(NoSigner::Waiting { everywhere: true, until, .. }) => {
                prop_assert!(self.last_revocation.is_some(), "it waits, and nothing was revoked");
                prop_assert!(until <= self.now.plus(self.policy.least_lead()), "it waits for ever");
            }
            Err(NoSigner::Waiting { until, .. }) => {
                prop_assert!(until <= self.now.plus(self.policy.jwks_max_age), "it waits for ever");
            }
            Err(none) => prop_assert!(false, "nothing signs: {:?}", none),
        }
        Ok(())
    }

    fn revoked(&self) -> impl Iterator<Item = String> {
        let revoked = self.store.iter().filter(|key| key.state == KeyState::Revoked);
        revoked.map(|key| key.kid.clone()).collect::<Vec<_>>().into_iter()
    }

    /// What a replica that saw `seen` stores, guarded by revisions and by the places of active and staged keys.
    fn sweep_from(&mut self, seen: &[KeyRecord]) {
        let mut seen = seen.to_vec();
        for _ in 0..4 {
            let actions = sweep(&seen, &self.policy, self.now);
            if actions.is_empty() {
                return;
            }
            for action in actions {
                self.store_action(&seen, action);
            }
            seen.clone_from(&self.store);
        }
    }

    fn store_action(&mut self, seen: &[KeyRecord], action: Action) {
        let (kid, to) = match action {
            Action::Stage { purpose, algorithm } => {
                if self.store.iter().all(|key| key.state != KeyState::Staged) {
                    let kid = format!("key-{}", self.store.len());
                    self.store.push(KeyRecord::staged(kid, purpose, algorithm, self.now));
                }
                return;
            }
            Action::Activate { kid } => (kid, KeyState::Active),
            Action::Retire { kid } => (kid, KeyState::Retiring),
            Action::Forget { kid } => (kid, KeyState::Gone),
        };
        let before = stored(seen, &kid);
        if stored(&self.store, &kid).revision != before.revision {
            return;
        }
        assert!(!(before.state == KeyState::Active && to == KeyState::Gone), "an active key is deleted");
        if to == KeyState::Active {
            let demoted = signer(seen, Purpose::Sign, "ES256").cloned();
            if let Some(demoted) = demoted {
                if stored(&self.store, &demoted.kid).revision != demoted.revision {
                    return;
                }
                put(&mut self.store, demoted.moved_to(KeyState::Retiring, self.now));
            }
            if self.store.iter().any(|key| key.state == KeyState::Active) {
                return;
            }
        }
        put(&mut self.store, before.clone().moved_to(to, self.now));
    }
}

fn stored<'a>(keys: &'a [KeyRecord], kid: &str) -> &'a KeyRecord {
    keys.iter().find(|key| key.kid == kid).unwrap()
}

fn put(keys: &mut [KeyRecord], next: KeyRecord) {
    let held = keys.iter_mut().find(|key| key.kid == next.kid).unwrap();
    assert!(held.state != KeyState::Revoked || next.state == KeyState::Revoked, "a revoked key is moved");
    *held = next;
}

fn event() -> impl Strategy<Value = Event> {
    let at = || 0..REPLICAS;
    prop_oneof![
        6 => (1_u64..120).prop_map(Event::Pass),
        3 => (120_u64..4000).prop_map(Event::Pass),
        1 => at().prop_map(Event::Cut),
        2 => at().prop_map(Event::Ask),
        2 => at().prop_map(Event::Hear),
        1 => at().prop_map(Event::Restart),
        2 => prop_oneof![Just(KeyState::Active), Just(KeyState::Staged)].prop_map(Event::Revoke),
        3 => at().prop_map(Event::Withdraw),
        4 => at().prop_map(Event::Fetch),
        4 => at().prop_map(Event::Sign),
    ]
}

/// Days made minutes, in the proportions that the policy demands.
fn policy() -> KeyPolicy {
    KeyPolicy {
        lead: Duration::from_mins(15),
        rotation: Duration::from_secs(2000),
        retirement: Duration::from_mins(15),
        ..KeyPolicy::default()
    }
}
