//! The rate of each subject.

use std::time::Duration;

use sceau::base::Rate;

const SECOND: u64 = 1_000_000;

#[test]
fn a_rate_of_none_is_no_limit() {
    assert!(Rate::per_second(0).is_none());
}

#[test]
fn twice_the_rate_at_once_then_the_rate() {
    let rate = Rate::per_second(10).unwrap();
    let passed = |now| (0..100).filter(|_| rate.admit("a", now).is_ok()).count();
    // One more than two seconds' worth: the cell is filled up to its brim, not up to the drop before.
    assert_eq!(passed(50 * SECOND), 21);
    assert_eq!(rate.admit("a", 50 * SECOND), Err(Duration::from_millis(100)));
    assert_eq!(passed(51 * SECOND), 10);
    assert_eq!(passed(53 * SECOND), 20);
}

#[test]
fn who_is_refused_is_not_counted() {
    let rate = Rate::per_second(1).unwrap();
    let now = 50 * SECOND;
    assert_eq!((0..1000).filter(|_| rate.admit("a", now).is_ok()).count(), 3);
    assert!(rate.admit("a", now + SECOND).is_ok());
}

#[test]
fn one_subject_does_not_spend_what_another_may() {
    let rate = Rate::per_second(1).unwrap();
    while rate.admit("a", 0).is_ok() {}
    let refused = (0..1000).filter(|subject: &u32| rate.admit(subject, 0).is_err()).count();
    assert_eq!(refused, 0);
}

#[test]
fn a_clock_that_goes_back_shuts_nobody_out() {
    let rate = Rate::per_second(1).unwrap();
    while rate.admit("a", 1000 * SECOND).is_ok() {}
    assert!(rate.admit("a", 10 * SECOND).is_ok());
}
