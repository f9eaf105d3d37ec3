//! What officers may do with keys, what the future holds, and what is found wrong.

use std::time::Duration;

use sceau::base::UnixTime;
use sceau::jose::{Algorithm, Jwk, KeyUse, PrivateKey};
use sceau::keyring::{
    KeyPolicy, KeyRecord, KeyRefusal, KeyState, NoSigner, Purpose, Severity, Step, View, activation,
    findings, known_from, planned_standby, retirement, staging, timeline, withdrawal,
};

const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);
const DAY: Duration = Duration::from_hours(24);
const LEAST: Duration = Duration::from_secs(690);

fn policy() -> KeyPolicy {
    KeyPolicy::default()
}

fn key(kid: &str, state: KeyState, staged_at: UnixTime) -> KeyRecord {
    let key = KeyRecord::staged(kid.to_owned(), Purpose::Sign, String::from("ES256"), staged_at);
    match state {
        KeyState::Staged => key,
        KeyState::Active => key.moved_to(KeyState::Active, staged_at),
        other => key.moved_to(KeyState::Active, staged_at).moved_to(other, staged_at),
    }
}

type Change = fn(&mut Vec<KeyRecord>);

/// An active key of ten days and a standby of `age`.
fn pair(age: Duration) -> [KeyRecord; 2] {
    [key("a", KeyState::Active, NOW.minus(10 * DAY)), key("b", KeyState::Staged, NOW.minus(age))]
}

#[test]
fn a_standby_is_activated_once_caches_know_it() {
    let takeover = activation(&pair(LEAST), &policy(), "b", NOW).unwrap();
    assert_eq!((takeover.next.state, takeover.next.activated_at), (KeyState::Active, Some(NOW)));
    let demoted = takeover.demoted.unwrap();
    assert_eq!((demoted.kid.as_str(), demoted.state), ("a", KeyState::Retiring));
    let second = Duration::from_secs(1);
    let young = activation(&pair(LEAST.saturating_sub(second)), &policy(), "b", NOW).unwrap_err();
    assert_eq!(young, KeyRefusal::TooYoung(NOW.plus(second)));
    assert!(young.to_string().contains("from 2027-01-15T08:00:01Z on"), "{young}");
    assert_eq!(activation(&pair(DAY), &policy(), "a", NOW), Err(KeyRefusal::NotStaged("active")));
    assert_eq!(activation(&pair(DAY), &policy(), "c", NOW), Err(KeyRefusal::Unknown));
}

#[test]
fn the_active_key_retires_only_when_its_standby_is_ready() {
    let takeover = retirement(&pair(LEAST), &policy(), "a", NOW).unwrap();
    assert_eq!((takeover.next.kid.as_str(), takeover.next.state), ("b", KeyState::Active));
    let young = retirement(&pair(Duration::ZERO), &policy(), "a", NOW).unwrap_err();
    assert_eq!(young, KeyRefusal::StandbyTooYoung { kid: String::from("b"), from: NOW.plus(LEAST) });
    assert_eq!(retirement(&pair(DAY)[..1], &policy(), "a", NOW), Err(KeyRefusal::NoStandby));
    assert_eq!(retirement(&pair(DAY), &policy(), "b", NOW), Err(KeyRefusal::NotActive("staged")));
}

#[test]
fn a_revocation_says_whether_anything_is_signed_meanwhile() {
    let smooth = withdrawal(&pair(LEAST), &policy(), "a", NOW).unwrap().unwrap();
    assert_eq!((smooth.revoked.state, smooth.revoked.revoked_at), (KeyState::Revoked, Some(NOW)));
    assert_eq!(smooth.successor.unwrap().1.kid, "b");
    assert_eq!(smooth.signs_from, Some(NOW));
    let gap = withdrawal(&pair(Duration::from_secs(90)), &policy(), "a", NOW).unwrap().unwrap();
    assert_eq!(gap.signs_from, Some(NOW.plus(Duration::from_mins(10))));
    let alone = withdrawal(&pair(DAY)[..1], &policy(), "a", NOW).unwrap().unwrap();
    assert_eq!((alone.successor, alone.signs_from), (None, Some(NOW.plus(LEAST))));
    let standby = withdrawal(&pair(DAY), &policy(), "b", NOW).unwrap().unwrap();
    assert_eq!((standby.successor, standby.signs_from), (None, None));
    let again = [key("a", KeyState::Revoked, NOW)];
    assert_eq!(withdrawal(&again, &policy(), "a", NOW), Ok(None));
    for purpose in [Purpose::Pairwise, Purpose::Seal] {
        let keys = [KeyRecord { purpose, ..key("a", KeyState::Active, NOW) }];
        let refused = Err(KeyRefusal::Irreplaceable(purpose.as_str()));
        assert_eq!(withdrawal(&keys, &policy(), "a", NOW), refused);
    }
}

#[test]
fn a_standby_is_planned_not_before_caches_know_it() {
    let at = NOW.plus(DAY);
    let of_use = (Purpose::Sign, "ES256");
    let planned = planned_standby(&pair(DAY), &policy(), of_use, (at, NOW)).unwrap().unwrap();
    assert_eq!((planned.kid.as_str(), planned.activates_at, planned.revision), ("b", Some(at), 1));
    let early = planned_standby(&pair(Duration::ZERO), &policy(), of_use, (NOW.plus(DAY / 1440), NOW));
    assert_eq!(early, Err(KeyRefusal::TooEarly(NOW.plus(LEAST))));
    let past = planned_standby(&pair(DAY), &policy(), of_use, (NOW.minus(DAY), NOW));
    assert_eq!(past, Err(KeyRefusal::TooEarly(NOW)));
    assert_eq!(planned_standby(&pair(DAY)[..1], &policy(), of_use, (at, NOW)), Ok(None));
    let not_kept = planned_standby(&[], &policy(), (Purpose::Sign, "PS256"), (at, NOW));
    assert_eq!(not_kept, Err(KeyRefusal::NotKept(String::from("PS256"))));
    let exists = KeyRefusal::StandbyExists { kid: String::from("b"), since: NOW.minus(DAY) };
    assert_eq!(staging(&pair(DAY), &policy(), Purpose::Sign, "ES256"), Err(exists));
    assert_eq!(staging(&pair(DAY)[..1], &policy(), Purpose::Sign, "ES256"), Ok(()));
    assert_eq!(
        staging(&[], &policy(), Purpose::Pairwise, "HS256"),
        Err(KeyRefusal::Irreplaceable("pairwise"))
    );
}

#[test]
fn the_time_line_is_what_the_sweeps_will_do() {
    let told = |steps: Vec<Step>| -> Vec<(u64, String, &str)> {
        let told = |step: &Step| (step.at.since(NOW).as_secs() / 3600, step.kid.clone(), step.to.as_str());
        steps.iter().map(told).collect()
    };
    let row = |hours: u64, kid: &str, to: &'static str| (hours, kid.to_owned(), to);
    let until = NOW.plus(82 * DAY);
    let expected = [
        row(80 * 24, "b", "active"),
        row(80 * 24, "a", "retiring"),
        row(80 * 24, "next-1", "staged"),
        row(80 * 24 + 26, "a", "gone"),
    ];
    assert_eq!(told(timeline(&pair(DAY), &policy(), NOW, until)), expected);
    // Officers planned it for tomorrow.
    let mut planned = pair(DAY);
    planned[1].activates_at = Some(NOW.plus(DAY));
    let steps = told(timeline(&planned, &policy(), NOW, NOW.plus(3 * DAY)));
    assert_eq!(steps[0], row(24, "b", "active"));
    assert_eq!(steps[3], row(50, "a", "gone"));
    assert_eq!(timeline(&pair(DAY), &policy(), NOW, NOW.plus(DAY)), []);
}

#[test]
fn a_replica_signs_with_what_it_served_long_enough_and_read_of_late() {
    let policy = policy();
    let [first, second] = pair(10 * DAY);
    let mut view = View::at_start(vec![first.clone(), second.clone()], NOW);
    let signs = |view: &View, now| view.signer("ES256", &policy, now).map(|key| key.kid.clone());
    assert_eq!(signs(&view, NOW.plus(policy.poll)).unwrap(), "a");
    let stale = NOW.plus(policy.poll).plus(Duration::from_millis(1));
    assert_eq!(signs(&view, stale), Err(NoSigner::Stale));
    assert_eq!(signs(&view, NOW.minus(Duration::from_secs(1))), Err(NoSigner::Stale), "the clock went back");

    // The emergency, and another within the lead: the key made meanwhile waits until every copy without it is over.
    let third = key("c", KeyState::Staged, NOW);
    assert!(view.withdraw("a", NOW) && !view.withdraw("a", NOW));
    assert_eq!(signs(&view, NOW), Err(NoSigner::Missing));
    let second = second.moved_to(KeyState::Active, NOW).moved_to(KeyState::Revoked, NOW);
    let records = vec![first, second, third.moved_to(KeyState::Active, NOW)];
    view.read(records.clone(), NOW, NOW);
    assert_eq!(view.records()[0].state, KeyState::Revoked, "an older answer brings no key back");
    let until = NOW.plus(LEAST);
    let waiting = Err(NoSigner::Waiting { kid: String::from("c"), until, everywhere: true });
    assert_eq!(signs(&view, NOW), waiting);
    view.read(records.clone(), until, until);
    assert_eq!(signs(&view, until).unwrap(), "c");
    // A replica that came to know it late waits for its own copies.
    let mut late = View::at_start(records[..2].to_vec(), NOW);
    let late_by = NOW.plus(Duration::from_mins(5));
    late.read(records, late_by, late_by);
    let own = Err(NoSigner::Waiting {
        kid: String::from("c"),
        until: late_by.plus(policy.jwks_max_age),
        everywhere: false,
    });
    late.read(Vec::new(), until, until);
    assert_eq!(signs(&late, until), own);
}

#[test]
fn the_first_key_of_a_use_waits_for_nobody() {
    let first = key("a", KeyState::Active, NOW);
    let standby = key("b", KeyState::Staged, NOW);
    let keys = [first, standby, key("c", KeyState::Staged, NOW.plus(Duration::from_secs(1)))];
    let from = |at: usize| known_from(&keys, &keys[at], &policy());
    assert_eq!((from(0), from(1)), (NOW, NOW));
    assert_eq!(from(2), NOW.plus(Duration::from_secs(691)));
}

#[test]
fn what_is_wrong_is_found_and_said() {
    let other = |purpose, algorithm: &str, name: &str| {
        let staged = KeyRecord::staged(name.to_owned(), purpose, algorithm.to_owned(), NOW.minus(DAY));
        let standby = KeyRecord { kid: format!("{name}-next"), ..staged.clone() };
        [staged.moved_to(KeyState::Active, NOW.minus(DAY)), standby]
    };
    let asymmetric = |mut key: KeyRecord| {
        let algorithm = if key.purpose == Purpose::Sign { Algorithm::Es256 } else { Algorithm::EdDsa };
        let made = PrivateKey::generate(algorithm).unwrap();
        key.kid = made.public().thumbprint().to_string();
        let jwk = Jwk {
            key: made.public().clone(),
            kid: Some(key.kid.clone()),
            alg: Some(algorithm),
            key_use: Some(KeyUse::Sig),
        };
        key.public_jwk = Some(jwk.to_json());
        key
    };
    let mut keys: Vec<KeyRecord> = pair(2 * DAY).into_iter().map(asymmetric).collect();
    keys.extend(other(Purpose::Audit, "EdDSA", "audit").map(asymmetric));
    keys.extend(other(Purpose::Nonce, "HS256", "nonce"));
    keys.extend(
        [Purpose::Pairwise, Purpose::Seal]
            .map(|purpose| other(purpose, "HS256", purpose.as_str())[0].clone()),
    );
    assert_eq!(findings(&keys, &policy(), NOW), []);

    let table: [(Change, &str); 10] = [
        (|keys| drop(keys.remove(1)), "sign ES256: no standby"),
        (|keys| keys[0].state = KeyState::Gone, "sign ES256: no key is active"),
        (|keys| keys[1].state = KeyState::Active, "sign ES256: 2 keys are active"),
        (|keys| keys[0].activated_at = None, "the record does not say since when"),
        (|keys| keys[0].retired_at = Some(NOW.minus(100 * DAY)), "not in the order"),
        (|keys| keys[0].activated_at = Some(NOW.minus(92 * DAY)), "should have been replaced by"),
        (|keys| keys[0].public_jwk = None, "its public part is missing"),
        (|keys| keys[0].kid = String::from("x"), "its public part has another kid"),
        (
            |keys| {
                let other = keys[1].public_jwk.clone().unwrap();
                keys[0].public_jwk = Some(other);
                keys[0].public_jwk.as_mut().unwrap()["kid"] = keys[0].kid.clone().into();
            },
            "the thumbprint of its public part",
        ),
        (|keys| keys.retain(|key| key.purpose != Purpose::Pairwise), "no pairwise key is active"),
    ];
    for (change, sentence) in table {
        let mut changed = keys.clone();
        change(&mut changed);
        let found = findings(&changed, &policy(), NOW);
        let fault = found.iter().find(|finding| finding.sentence.contains(sentence));
        assert_eq!(fault.map(|fault| fault.severity), Some(Severity::Fault), "{sentence}: {found:?}");
    }
    keys[1].staged_at = NOW;
    let notices = findings(&keys, &policy(), NOW);
    assert_eq!(notices.len(), 1, "{notices:?}");
    assert_eq!(notices[0].severity, Severity::Notice);
}
