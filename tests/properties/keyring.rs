//! Keys over years of random sweeps and revocations, and from any stored mess.

use std::time::Duration;

use proptest::prelude::*;
use sceau::base::UnixTime;
use sceau::keyring::{Action, Custody, KeyPolicy, KeyRecord, KeyState, Purpose, published, signer, sweep};

const START: UnixTime = UnixTime::from_secs(1_800_000_000);

#[derive(Clone, Copy, Debug)]
enum Event {
    Nothing,
    RevokeActive,
    RevokeStandby,
}

proptest! {
    #[test]
    fn over_years_there_is_one_signer_that_was_published_long_enough(
        steps in proptest::collection::vec((0..40 * 24 * 60_u64, event()), 1..60),
    ) {
        let policy = policy();
        let mut now = START;
        let mut keys = Vec::new();
        settle(&mut keys, &policy, now)?;
        for (minutes, event) in steps {
            now = now.plus(Duration::from_secs(minutes * 60));
            revoke(&mut keys, event, now);
            settle(&mut keys, &policy, now)?;
        }
    }

    #[test]
    fn from_any_stored_state_a_sweep_settles(records in records(), minutes in 0..200 * 24 * 60_u64) {
        let mut keys = records;
        settle(&mut keys, &policy(), START.plus(Duration::from_secs(minutes * 60)))?;
    }

    #[test]
    fn the_order_of_records_does_not_matter(
        (records, shuffled) in records().prop_flat_map(|keys| (Just(keys.clone()), Just(keys).prop_shuffle())),
    ) {
        let now = START.plus(Duration::from_hours(2400));
        prop_assert_eq!(sweep(&records, &policy(), now), sweep(&shuffled, &policy(), now));
    }

    #[test]
    fn the_kept_signing_keys_are_published_and_the_others_are_not(records in records()) {
        for key in &records {
            let shown = published(&records).iter().any(|shown| shown.kid == key.kid);
            let living = matches!(key.state, KeyState::Staged | KeyState::Active | KeyState::Retiring);
            prop_assert_eq!(shown, living && key.purpose == Purpose::Sign);
        }
        if let Some(key) = signer(&records, Purpose::Sign, "ES256") {
            prop_assert!(published(&records).contains(&key));
        }
    }

    #[test]
    fn revoke_wins_merges_in_any_order(
        (views, shuffled) in proptest::collection::vec(state(), 1..8)
            .prop_flat_map(|views| (Just(views.clone()), Just(views).prop_shuffle())),
    ) {
        let merged = views.iter().copied().reduce(KeyState::merge).unwrap();
        prop_assert_eq!(shuffled.into_iter().reduce(KeyState::merge).unwrap(), merged);
        prop_assert_eq!(merged == KeyState::Revoked, views.contains(&KeyState::Revoked));
        for view in views {
            prop_assert!(merged >= view);
            prop_assert_eq!(view.merge(view), view);
        }
    }

    #[test]
    fn a_record_never_goes_back(start in state(), moves in proptest::collection::vec(state(), 0..10)) {
        let mut key = record(0, start, 0);
        for next in moves {
            let moved = key.clone().moved_to(next, START);
            prop_assert_eq!(moved.state, key.state.merge(next));
            prop_assert_eq!(moved.revision > key.revision, moved.state != key.state);
            key = moved;
        }
    }
}

/// Applies sweeps until nothing is left to do, checking every action against the rules.
fn settle(keys: &mut Vec<KeyRecord>, policy: &KeyPolicy, now: UnixTime) -> Result<(), TestCaseError> {
    for _ in 0..4 {
        let actions = sweep(keys, policy, now);
        if actions.is_empty() {
            break;
        }
        let before = keys.clone();
        for action in &actions {
            check(&before, action, policy, now)?;
            apply(keys, action, now);
        }
        let signed = before.iter().any(|key| key.state == KeyState::Active);
        prop_assert!(!signed || signer(keys, Purpose::Sign, "ES256").is_some(), "{:?} {:?}", before, actions);
    }
    prop_assert_eq!(sweep(keys, policy, now), []);
    let count = |state| keys.iter().filter(|key| key.state == state).count();
    prop_assert_eq!(count(KeyState::Active), 1);
    prop_assert!(count(KeyState::Staged) >= 1);
    prop_assert_eq!(signer(keys, Purpose::Sign, "ES256").unwrap().state, KeyState::Active);
    Ok(())
}

fn check(
    before: &[KeyRecord],
    action: &Action,
    policy: &KeyPolicy,
    now: UnixTime,
) -> Result<(), TestCaseError> {
    let find = |kid: &String| before.iter().find(|key| &key.kid == kid).unwrap();
    match action {
        Action::Stage { purpose, algorithm } => {
            prop_assert_eq!((*purpose, algorithm.as_str()), (Purpose::Sign, "ES256"));
        }
        Action::Activate { kid } => {
            let key = find(kid);
            prop_assert_eq!(key.state, KeyState::Staged);
            let nobody_signs = before.iter().all(|key| key.state != KeyState::Active);
            prop_assert!(nobody_signs || now.since(key.staged_at) >= policy.lead);
        }
        Action::Retire { kid } => prop_assert_eq!(find(kid).state, KeyState::Active),
        Action::Forget { kid } => {
            let key = find(kid);
            prop_assert_eq!(key.state, KeyState::Retiring);
            prop_assert!(now.since(key.retired_at.unwrap()) >= policy.retirement);
        }
    }
    Ok(())
}

fn apply(keys: &mut Vec<KeyRecord>, action: &Action, now: UnixTime) {
    let (kid, state) = match action {
        Action::Stage { .. } => {
            let mut fresh = record(keys.len(), KeyState::Staged, 0);
            fresh.staged_at = now;
            return keys.push(fresh);
        }
        Action::Activate { kid } => (kid, KeyState::Active),
        Action::Retire { kid } => (kid, KeyState::Retiring),
        Action::Forget { kid } => (kid, KeyState::Gone),
    };
    let key = keys.iter_mut().find(|key| &key.kid == kid).unwrap();
    *key = key.clone().moved_to(state, now);
}

fn revoke(keys: &mut [KeyRecord], event: Event, now: UnixTime) {
    let state = match event {
        Event::Nothing => return,
        Event::RevokeActive => KeyState::Active,
        Event::RevokeStandby => KeyState::Staged,
    };
    if let Some(key) = keys.iter_mut().find(|key| key.state == state) {
        *key = key.clone().moved_to(KeyState::Revoked, now);
    }
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![8 => Just(Event::Nothing), 1 => Just(Event::RevokeActive), 1 => Just(Event::RevokeStandby)]
}

fn state() -> impl Strategy<Value = KeyState> {
    proptest::sample::select(KeyState::ALL.to_vec())
}

fn records() -> impl Strategy<Value = Vec<KeyRecord>> {
    proptest::collection::vec((state(), 0..100 * 24 * 60_u64), 0..8).prop_map(|states| {
        states
            .into_iter()
            .enumerate()
            .map(|(index, (state, minutes))| record(index, state, minutes))
            .collect()
    })
}

fn record(index: usize, state: KeyState, minutes: u64) -> KeyRecord {
    let at = START.plus(Duration::from_secs(minutes * 60));
    let used = matches!(state, KeyState::Active | KeyState::Retiring | KeyState::Gone);
    KeyRecord {
        kid: format!("key-{index}"),
        purpose: Purpose::Sign,
        algorithm: String::from("ES256"),
        state,
        public_jwk: None,
        staged_at: at,
        activates_at: None,
        activated_at: used.then_some(at),
        retired_at: (state == KeyState::Retiring).then_some(at),
        gone_at: None,
        revoked_at: None,
        custody: Custody::Sealed,
        revision: 0,
        sealed_private: None,
    }
}

fn policy() -> KeyPolicy {
    KeyPolicy::default()
}
