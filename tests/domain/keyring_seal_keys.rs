//! Which seal key seals, which open, and how values name them.

use std::time::Duration;

use sceau::base::UnixTime;
use sceau::keyring::{KeyRecord, KeyState, Purpose, SealKeys, seal_keys};

const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);
const HOLD: Duration = Duration::from_secs(90);
const HOUR: Duration = Duration::from_hours(1);

fn key(kid: &str, state: KeyState, hours_ago: u32) -> KeyRecord {
    let staged_at = NOW.minus(HOUR * hours_ago);
    KeyRecord {
        kid: kid.to_owned(),
        purpose: Purpose::Seal,
        algorithm: String::from("A256GCM"),
        state,
        public_jwk: None,
        staged_at,
        activates_at: None,
        activated_at: (state != KeyState::Staged).then(|| staged_at.plus(HOUR)),
        retired_at: None,
        gone_at: None,
        revoked_at: None,
        custody: sceau::keyring::Custody::Sealed,
        revision: 0,
        sealed_private: None,
    }
}

fn at(keys: &[KeyRecord]) -> Option<SealKeys> {
    seal_keys(keys, HOLD, NOW)
}

fn openers(keys: &[KeyRecord]) -> Vec<(u32, String)> {
    at(keys).unwrap().openers.into_iter().map(|key| (key.number, key.kid)).collect()
}

#[test]
fn numbers_follow_the_order_of_staging_whatever_became_of_a_key() {
    use KeyState::{Active, Gone, Retiring, Revoked, Staged};
    let sign = KeyRecord { purpose: Purpose::Sign, ..key("other", Active, 90) };
    let keys = [
        sign,
        key("e", Staged, 1),
        key("d", Active, 20),
        key("c", Gone, 30),
        key("b", Revoked, 40),
        key("a", Retiring, 50),
    ];
    let named = |number, kid: &str| (number, kid.to_owned());
    assert_eq!(openers(&keys), [named(1, "a"), named(2, "b"), named(4, "d"), named(5, "e")]);
    assert_eq!(at(&keys).unwrap().current, 4);
    let mut turned = keys.to_vec();
    turned.reverse();
    assert_eq!(at(&turned), at(&keys), "the order in which they are read does not matter");
}

#[test]
fn an_active_key_seals_once_it_was_staged_long_enough() {
    let old = key("a", KeyState::Retiring, 50);
    let young = |seconds| KeyRecord {
        staged_at: NOW.minus(Duration::from_secs(seconds)),
        activated_at: Some(NOW.minus(Duration::from_secs(seconds))),
        ..key("b", KeyState::Active, 0)
    };
    assert_eq!(at(&[old.clone(), young(89)]).unwrap().current, 1);
    assert_eq!(at(&[old.clone(), young(90)]).unwrap().current, 2);
    assert_eq!(at(&[young(0)]).unwrap().current, 1, "the first one has nobody before it");
    // A clock that is behind the record's.
    let ahead = KeyRecord { staged_at: NOW.plus(HOUR), ..young(0) };
    assert_eq!(at(&[old, ahead]).unwrap().current, 1);
}

#[test]
fn a_standby_never_seals_and_a_revoked_key_only_when_there_is_no_other() {
    use KeyState::{Active, Retiring, Revoked, Staged};
    assert_eq!(at(&[key("a", Active, 50), key("b", Staged, 40)]).unwrap().current, 1);
    assert_eq!(at(&[key("a", Retiring, 50), key("b", Revoked, 40)]).unwrap().current, 1);
    assert_eq!(at(&[key("a", Revoked, 50), key("b", Revoked, 40), key("c", Staged, 9)]).unwrap().current, 2);
}

#[test]
fn without_the_first_key_there_is_nothing_to_work_with() {
    use KeyState::{Active, Gone, Staged};
    assert_eq!(at(&[]), None);
    assert_eq!(at(&[key("a", Staged, 50)]), None, "never used");
    assert_eq!(at(&[key("a", Gone, 50), key("b", Active, 40)]), None, "the blind indexes are lost");
}
