//! The scheduled moves, one by one.

use std::time::Duration;

use sceau::base::UnixTime;
use sceau::jose::KeyManagement;
use sceau::keyring::{
    Action, Custody, KeyPolicy, KeyRecord, KeyState, Purpose, openers, published, signer, standby_ready,
    sweep,
};

const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);
const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

#[test]
fn the_first_key_is_staged_then_used_at_once_with_a_standby() {
    assert_eq!(sweep(&[], &policy(), NOW), [stage(Purpose::Sign, "ES256")]);
    let first = [key("a", KeyState::Staged, NOW)];
    assert_eq!(sweep(&first, &policy(), NOW), [activate("a"), stage(Purpose::Sign, "ES256")]);
    let settled = [key("a", KeyState::Active, NOW), key("b", KeyState::Staged, NOW)];
    assert_eq!(sweep(&settled, &policy(), NOW), []);
}

#[test]
fn a_key_due_is_replaced_by_the_standby_published_longest() {
    let keys = [
        key("a", KeyState::Active, NOW.minus(90 * DAY)),
        key("c", KeyState::Staged, NOW.minus(26 * HOUR)),
        key("b", KeyState::Staged, NOW.minus(27 * HOUR)),
    ];
    assert_eq!(sweep(&keys, &policy(), NOW), [activate("b"), retire("a")]);
    assert_eq!(sweep(&keys, &policy(), NOW.minus(Duration::from_secs(1))), []);
}

#[test]
fn a_standby_neither_signs_before_its_lead_nor_before_its_plan() {
    let young = NOW.minus(26 * HOUR).plus(Duration::from_secs(1));
    let keys = [key("a", KeyState::Active, NOW.minus(100 * DAY)), key("b", KeyState::Staged, young)];
    assert_eq!(sweep(&keys, &policy(), NOW), []);
    let mut planned = keys;
    planned[1].staged_at = NOW.minus(50 * DAY);
    planned[1].activates_at = Some(NOW.plus(HOUR));
    assert_eq!(sweep(&planned, &policy(), NOW), []);
    assert_eq!(
        sweep(&planned, &policy(), NOW.plus(HOUR)),
        [activate("b"), retire("a"), stage(Purpose::Sign, "ES256")]
    );
}

#[test]
fn when_the_active_key_is_revoked_the_standby_takes_over_at_once() {
    let keys = [
        key("a", KeyState::Active, NOW.minus(DAY)).moved_to(KeyState::Revoked, NOW),
        key("b", KeyState::Staged, NOW.minus(HOUR)),
    ];
    assert_eq!(sweep(&keys, &policy(), NOW), [activate("b"), stage(Purpose::Sign, "ES256")]);
}

#[test]
fn of_two_active_keys_the_latest_stays() {
    let keys = [
        key("b", KeyState::Active, NOW.minus(HOUR)),
        key("a", KeyState::Active, NOW.minus(2 * HOUR)),
        key("c", KeyState::Staged, NOW),
    ];
    assert_eq!(sweep(&keys, &policy(), NOW), [retire("a")]);
    assert_eq!(signer(&keys, Purpose::Sign, "ES256").unwrap().kid, "b");
}

#[test]
fn a_retired_key_is_forgotten_after_its_retirement() {
    let keys = [
        key("a", KeyState::Active, NOW.minus(100 * DAY)).moved_to(KeyState::Retiring, NOW),
        key("b", KeyState::Active, NOW),
        key("c", KeyState::Staged, NOW),
    ];
    assert_eq!(sweep(&keys, &policy(), NOW.plus(26 * HOUR).minus(Duration::from_secs(1))), []);
    assert_eq!(sweep(&keys, &policy(), NOW.plus(26 * HOUR)), [Action::Forget { kid: String::from("a") }]);
}

#[test]
fn an_algorithm_dropped_from_the_policy_winds_down() {
    let mut keys = [
        key("a", KeyState::Active, NOW),
        key("b", KeyState::Staged, NOW),
        key("c", KeyState::Active, NOW),
        key("d", KeyState::Staged, NOW),
    ];
    keys[0].algorithm = String::from("PS256");
    keys[1].algorithm = String::from("PS256");
    assert_eq!(sweep(&keys, &policy(), NOW), [retire("a"), retire("b")]);
}

#[test]
fn other_purposes_are_kept_once_begun() {
    let of = |kid, purpose, state, since| KeyRecord { purpose, ..key(kid, state, since) };
    let signing = [key("a", KeyState::Active, NOW), key("b", KeyState::Staged, NOW)];
    let mut keys = signing.to_vec();
    keys.push(of("n", Purpose::Nonce, KeyState::Active, NOW.minus(90 * DAY)));
    keys.push(of("o", Purpose::Nonce, KeyState::Staged, NOW.minus(26 * HOUR)));
    assert_eq!(sweep(&keys, &policy(), NOW), [activate("o"), retire("n"), stage(Purpose::Nonce, "ES256")]);
}

#[test]
fn cookie_keys_of_earlier_versions_leave() {
    let of = |kid, state, since| KeyRecord { purpose: Purpose::Cookie, ..key(kid, state, since) };
    let signing = [key("a", KeyState::Active, NOW), key("b", KeyState::Staged, NOW)];
    let with = |records: Vec<KeyRecord>| [signing.to_vec(), records].concat();
    let keys = with(vec![of("c", KeyState::Active, NOW), of("d", KeyState::Staged, NOW)]);
    assert_eq!(sweep(&keys, &policy(), NOW), [retire("c"), retire("d")]);
    let retired = |kid| of(kid, KeyState::Active, NOW).moved_to(KeyState::Retiring, NOW);
    let keys = with(vec![retired("c"), retired("d")]);
    assert_eq!(sweep(&keys, &policy(), NOW), []);
    let late = NOW.plus(policy().retirement);
    let forgotten = ["c", "d"].map(|kid| Action::Forget { kid: String::from(kid) });
    assert_eq!(sweep(&keys, &policy(), late), forgotten);
    let gone = retired("c").moved_to(KeyState::Gone, late);
    assert_eq!(sweep(&with(vec![gone]), &policy(), late), [], "and none is made");
}

#[test]
fn the_pairwise_key_is_used_and_never_replaced_by_time() {
    let of = |kid, state, since| KeyRecord { purpose: Purpose::Pairwise, ..key(kid, state, since) };
    let signing = [key("a", KeyState::Active, NOW), key("b", KeyState::Staged, NOW)];
    let with = |record| [signing.to_vec(), vec![record]].concat();
    assert_eq!(sweep(&with(of("p", KeyState::Staged, NOW)), &policy(), NOW), [activate("p")]);
    let old = of("p", KeyState::Active, NOW.minus(4000 * DAY));
    let fresh = signing.clone().map(|key| KeyRecord { staged_at: NOW, ..key });
    assert_eq!(sweep(&[fresh.to_vec(), vec![old.clone()]].concat(), &policy(), NOW), []);
    let revoked = old.moved_to(KeyState::Revoked, NOW);
    assert_eq!(sweep(&with(revoked), &policy(), NOW), []);
}

#[test]
fn what_sealed_stored_values_is_never_forgotten_by_time() {
    let mut seal = key("s", KeyState::Active, NOW.minus(90 * DAY)).moved_to(KeyState::Retiring, NOW);
    seal.purpose = Purpose::Seal;
    let actions = sweep(&[seal], &policy(), NOW.plus(1000 * DAY));
    assert!(!actions.contains(&Action::Forget { kid: String::from("s") }));
}

#[test]
fn published_keys_are_the_living_signing_keys_with_the_active_first() {
    let mut keys: Vec<_> = KeyState::ALL.into_iter().map(|state| key(state.as_str(), state, NOW)).collect();
    for (kid, state) in [("d1", KeyState::Staged), ("d2", KeyState::Active), ("d3", KeyState::Retiring)] {
        keys.push(KeyRecord { purpose: Purpose::Decrypt, ..key(kid, state, NOW) });
    }
    keys.push(KeyRecord { purpose: Purpose::Audit, ..key("audit", KeyState::Active, NOW) });
    let kids: Vec<_> = published(&keys).into_iter().map(|key| key.kid.as_str()).collect();
    assert_eq!(kids, ["active", "retiring", "staged", "d2"], "one key to encrypt to, and signing keys first");
    assert_eq!(signer(&keys, Purpose::Sign, "ES256").unwrap().kid, "active");
    assert_eq!(signer(&keys, Purpose::Sign, "PS256"), None);
}

#[test]
fn decryption_keys_are_kept_once_an_upstream_asked_for_them() {
    let asked = KeyPolicy { decryption: vec![KeyManagement::EcdhEs], ..policy() };
    let signing = [key("a", KeyState::Active, NOW), key("b", KeyState::Staged, NOW)];
    assert_eq!(sweep(&signing, &policy(), NOW), []);
    assert_eq!(sweep(&signing, &asked, NOW), [stage(Purpose::Decrypt, "ECDH-ES")]);
    let decrypt = |kid, state, since| KeyRecord {
        purpose: Purpose::Decrypt,
        algorithm: String::from("ECDH-ES"),
        ..key(kid, state, since)
    };
    let old = NOW.minus(90 * DAY);
    let keys = [decrypt("d1", KeyState::Active, old), decrypt("d2", KeyState::Staged, old)];
    for policy in [policy(), asked] {
        let moves = sweep(&keys, &policy, NOW);
        assert!(moves.contains(&activate("d2")) && moves.contains(&retire("d1")), "{moves:?}");
        assert!(moves.contains(&stage(Purpose::Decrypt, "ECDH-ES")));
    }
}

#[test]
fn what_was_encrypted_opens_with_the_key_in_use_and_those_that_retire() {
    let mut keys: Vec<_> = KeyState::ALL
        .into_iter()
        .map(|state| KeyRecord { purpose: Purpose::Decrypt, ..key(state.as_str(), state, NOW) })
        .collect();
    keys.push(key("signing", KeyState::Active, NOW));
    let kids: Vec<_> = openers(&keys, "ES256").into_iter().map(|key| key.kid.as_str()).collect();
    assert_eq!(kids, ["active", "retiring"]);
    assert!(openers(&keys, "ECDH-ES").is_empty());
}

#[test]
fn a_standby_is_ready_to_stand_in_after_caches_replicas_and_clocks() {
    let keys = [key("a", KeyState::Active, NOW.minus(DAY)), key("b", KeyState::Staged, NOW)];
    let ready = |after| standby_ready(&keys, &policy(), (Purpose::Sign, "ES256"), NOW.plus(after));
    assert!(!ready(Duration::from_secs(689)));
    assert!(ready(Duration::from_secs(690)));
}

#[test]
fn a_move_dates_the_record_and_destroys_what_serves_no_more() {
    let active = key("a", KeyState::Staged, NOW).moved_to(KeyState::Active, NOW.plus(HOUR));
    assert_eq!((active.activated_at, active.revision), (Some(NOW.plus(HOUR)), 1));
    assert!(active.sealed_private.is_some());
    // Core 10.1.1: a signing key signs nothing once replaced; a decryption key still opens.
    assert_eq!(active.clone().moved_to(KeyState::Retiring, NOW).sealed_private, None);
    let decrypt = KeyRecord { purpose: Purpose::Decrypt, ..active.clone() };
    assert!(decrypt.clone().moved_to(KeyState::Retiring, NOW).sealed_private.is_some());
    assert_eq!(decrypt.moved_to(KeyState::Gone, NOW).sealed_private, None);
    assert_eq!(active.clone().moved_to(KeyState::Staged, NOW), active);
}

#[test]
fn a_record_is_printed_without_its_private_part() {
    let printed = format!("{:?}", key("a", KeyState::Active, NOW));
    assert!(printed.contains("[redacted]") && !printed.contains("42, 42"));
}

#[test]
fn stored_words_are_read_back() {
    for purpose in Purpose::ALL {
        assert_eq!(purpose.as_str().parse(), Ok(purpose));
        assert_eq!(serde_json::to_value(purpose).unwrap(), purpose.as_str());
    }
    for state in KeyState::ALL {
        assert_eq!(state.as_str().parse(), Ok(state));
        assert_eq!(serde_json::to_value(state).unwrap(), state.as_str());
    }
    assert!("Sign".parse::<Purpose>().is_err() && "".parse::<KeyState>().is_err());
}

fn key(kid: &str, state: KeyState, since: UnixTime) -> KeyRecord {
    KeyRecord {
        kid: kid.to_owned(),
        purpose: Purpose::Sign,
        algorithm: String::from("ES256"),
        state,
        public_jwk: None,
        staged_at: since,
        activates_at: None,
        activated_at: (state == KeyState::Active).then_some(since),
        retired_at: None,
        gone_at: None,
        revoked_at: None,
        custody: Custody::Sealed,
        revision: 0,
        sealed_private: Some(vec![42; 16]),
    }
}

fn policy() -> KeyPolicy {
    KeyPolicy::default()
}

fn stage(purpose: Purpose, algorithm: &str) -> Action {
    Action::Stage { purpose, algorithm: algorithm.to_owned() }
}

fn activate(kid: &str) -> Action {
    Action::Activate { kid: kid.to_owned() }
}

fn retire(kid: &str) -> Action {
    Action::Retire { kid: kid.to_owned() }
}
