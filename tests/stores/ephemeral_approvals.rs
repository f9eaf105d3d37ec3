//! Contract of `Approvals`.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sceau::approval::{Claim, Claimant, StoredApproval};
use sceau::base::{ApprovalId, DeviceId, PersonId};
use sceau::ports::{ClaimOutcome, OpenLimits, OpenOutcome};
use tokio::task::JoinSet;

use super::ephemeral::{Kit, MILLISECOND, RACERS, ROUNDS, is_conflict, race, winners};
use super::ephemeral_samples::{APPROVAL_LIFE, approval, denied, mistyped, recipient, unclaimed};

const FIVE: OpenLimits = OpenLimits { live: 5 };
/// Longer than any test may last.
const LONG: Duration = Duration::from_mins(1);
const PROMPT: Duration = Duration::from_secs(20);

pub(super) async fn what_waits_is_listed_oldest_first(kit: &Kit) {
    let (person, stranger) = (recipient(kit), recipient(kit));
    let mut opened = Vec::new();
    for number in ["11", "22", "33"] {
        let asked = approval(kit, person, number);
        assert_eq!(open(kit, &asked, FIVE).await, OpenOutcome::Opened);
        opened.push(asked);
        kit.clock.advance(MILLISECOND);
    }
    assert_eq!(
        open(kit, &approval(kit, stranger, "11"), FIVE).await,
        OpenOutcome::Opened,
        "another recipient"
    );
    let listed = kit.approvals.list(&person, kit.now()).await.unwrap();
    assert!(listed.iter().all(|stored| stored.version == 0));
    assert_eq!(listed.into_iter().map(|stored| stored.value).collect::<Vec<_>>(), opened);
    assert!(kit.approvals.list(&recipient(kit), kit.now()).await.unwrap().is_empty());

    assert!(kit.approvals.advance(0, &denied(&opened[1], kit.now())).await.unwrap());
    let left: Vec<_> = listed_ids(kit, &opened[0]).await;
    assert_eq!(left, [opened[0].request().id, opened[2].request().id]);
}

pub(super) async fn numbers_of_a_recipient_differ(kit: &Kit) {
    let person = recipient(kit);
    let first = approval(kit, person, "42");
    assert_eq!(open(kit, &first, FIVE).await, OpenOutcome::Opened);
    let second = approval(kit, person, "42");
    assert_eq!(open(kit, &second, FIVE).await, OpenOutcome::NumberTaken);
    assert!(kit.approvals.load(second.request().id, kit.now()).await.unwrap().is_none(), "nothing was kept");
    assert_eq!(listed_ids(kit, &first).await.len(), 1);
    for _ in 0..2 {
        assert_eq!(
            open(kit, &approval(kit, person, ""), FIVE).await,
            OpenOutcome::Opened,
            "no number, no collision"
        );
    }
    assert!(kit.approvals.advance(0, &denied(&first, kit.now())).await.unwrap());
    assert_eq!(open(kit, &second, FIVE).await, OpenOutcome::Opened, "the number is free again");
}

pub(super) async fn a_recipient_has_so_many_and_no_more(kit: &Kit) {
    let person = recipient(kit);
    let first = approval(kit, person, "10");
    assert_eq!(open(kit, &first, FIVE).await, OpenOutcome::Opened);
    kit.clock.advance(MILLISECOND);
    for number in ["11", "12", "13", "14"] {
        assert_eq!(open(kit, &approval(kit, person, number), FIVE).await, OpenOutcome::Opened);
    }
    let sixth = approval(kit, person, "15");
    assert_eq!(open(kit, &sixth, FIVE).await, OpenOutcome::Full);
    assert_eq!(
        open(kit, &approval(kit, person, "10"), FIVE).await,
        OpenOutcome::Full,
        "drawing again is useless"
    );
    assert!(kit.approvals.load(sixth.request().id, kit.now()).await.unwrap().is_none());
    kit.clock.set(first.request().deadline);
    assert_eq!(open(kit, &sixth, FIVE).await, OpenOutcome::Opened, "the first one has expired");
    assert_eq!(open(kit, &approval(kit, person, "16"), FIVE).await, OpenOutcome::Full);
}

pub(super) async fn an_approval_is_read_two_minutes_longer(kit: &Kit) {
    let asked = approval(kit, recipient(kit), "42");
    let (id, deadline) = (asked.request().id, asked.request().deadline);
    assert_eq!(deadline, kit.now().plus(APPROVAL_LIFE));
    assert_eq!(open(kit, &asked, FIVE).await, OpenOutcome::Opened);
    kit.clock.set(deadline.minus(MILLISECOND));
    assert_eq!(listed_ids(kit, &asked).await, [id]);
    kit.clock.set(deadline);
    assert!(listed_ids(kit, &asked).await.is_empty());
    let retention = deadline.plus(Duration::from_mins(2));
    kit.clock.set(retention.minus(MILLISECOND));
    let stored = kit.approvals.load(id, kit.now()).await.unwrap().unwrap();
    assert!(matches!(stored.value.seen_at(kit.now()), StoredApproval::Expired(_)));
    kit.clock.set(retention);
    assert!(kit.approvals.load(id, kit.now()).await.unwrap().is_none());
    assert!(!kit.approvals.advance(0, &asked).await.unwrap());
}

pub(super) async fn steps_count_up_and_a_late_one_changes_nothing(kit: &Kit) {
    let asked = approval(kit, recipient(kit), "42");
    let id = asked.request().id;
    assert!(!kit.approvals.advance(0, &asked).await.unwrap(), "never opened");
    assert_eq!(open(kit, &asked, FIVE).await, OpenOutcome::Opened);
    let again = kit.approvals.open(&approval_with_other_number(&asked), FIVE, kit.now()).await;
    assert!(is_conflict(&again), "one identifier, one approval");
    let wrong = mistyped(kit, &asked);
    assert!(kit.approvals.advance(0, &wrong).await.unwrap());
    assert!(!kit.approvals.advance(0, &denied(&asked, kit.now())).await.unwrap());
    let stored = kit.approvals.load(id, kit.now()).await.unwrap().unwrap();
    assert_eq!((stored.version, stored.value), (1, wrong));
    assert_eq!(kit.approvals.list(&asked.request().recipient, kit.now()).await.unwrap()[0].version, 1);
}

pub(super) async fn one_racer_advances(kit: &Kit) {
    for _ in 0..ROUNDS {
        let asked = approval(kit, recipient(kit), "42");
        assert_eq!(open(kit, &asked, FIVE).await, OpenOutcome::Opened);
        let advance = |_| {
            let (store, next) = (Arc::clone(&kit.approvals), denied(&asked, kit.now()));
            async move { store.advance(0, &next).await }
        };
        assert_eq!(winners(race(advance).await), 1);
    }
}

/// Racers draw the same numbers, each again when told that its number is taken.
pub(super) async fn racers_open_up_to_the_limit_with_different_numbers(kit: &Kit) {
    let now = kit.now();
    for _ in 0..ROUNDS {
        let person = recipient(kit);
        let open = |_| {
            let draws: Vec<_> = (10..30).map(|number| approval(kit, person, &number.to_string())).collect();
            let store = Arc::clone(&kit.approvals);
            async move {
                for asked in draws {
                    match store.open(&asked, FIVE, now).await? {
                        OpenOutcome::Opened => return Ok(true),
                        OpenOutcome::Full => return Ok(false),
                        OpenOutcome::NumberTaken => {}
                    }
                }
                panic!("neither opened nor full")
            }
        };
        assert_eq!(winners(race(open).await), 5);
        let listed = kit.approvals.list(&person, now).await.unwrap();
        let number = |stored: &StoredApproval| stored.request().number.number().unwrap().expose().to_owned();
        let numbers: BTreeSet<_> = listed.iter().map(|stored| number(&stored.value)).collect();
        assert_eq!((listed.len(), numbers.len()), (5, 5));
    }
}

pub(super) async fn one_racer_gets_a_number(kit: &Kit) {
    let now = kit.now();
    let limits = OpenLimits { live: RACERS };
    for _ in 0..ROUNDS {
        let person = recipient(kit);
        let open = |_| {
            let (store, asked) = (Arc::clone(&kit.approvals), approval(kit, person, "42"));
            async move { Ok(store.open(&asked, limits, now).await? == OpenOutcome::Opened) }
        };
        assert_eq!(winners(race(open).await), 1);
    }
}

/// A wrong number leaves the approval pending: only the bell tells.
pub(super) async fn a_change_wakes_every_waiter(kit: &Kit) {
    let asked = approval(kit, recipient(kit), "42");
    assert_eq!(open(kit, &asked, FIVE).await, OpenOutcome::Opened);
    let begun = Instant::now();
    let mut waiters = waiters(kit, asked.request().id);
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(waiters.try_join_next().is_none(), "nothing has changed yet");
    assert!(kit.approvals.advance(0, &mistyped(kit, &asked)).await.unwrap());
    waiters.join_all().await;
    assert!(begun.elapsed() < PROMPT);
}

/// However a waiter and the decision meet, the waiter returns: a settled approval is not waited for.
pub(super) async fn no_wake_up_is_lost(kit: &Kit) {
    let begun = Instant::now();
    for _ in 0..ROUNDS {
        let asked = approval(kit, recipient(kit), "42");
        assert_eq!(open(kit, &asked, FIVE).await, OpenOutcome::Opened);
        let waiters = waiters(kit, asked.request().id);
        assert!(kit.approvals.advance(0, &denied(&asked, kit.now())).await.unwrap());
        waiters.join_all().await;
        kit.approvals.changed(asked.request().id, LONG).await;
    }
    kit.approvals.changed(ApprovalId::random(&*kit.entropy), LONG).await;
    assert!(begun.elapsed() < PROMPT);
}

pub(super) async fn patience_ends(kit: &Kit) {
    let (asked, other) = (approval(kit, recipient(kit), "42"), approval(kit, recipient(kit), "42"));
    assert_eq!(open(kit, &asked, FIVE).await, OpenOutcome::Opened);
    assert_eq!(open(kit, &other, FIVE).await, OpenOutcome::Opened);
    let (begun, patience) = (Instant::now(), Duration::from_millis(100));
    kit.approvals.changed(asked.request().id, patience).await;
    assert!(begun.elapsed() >= patience && begun.elapsed() < PROMPT);
}

fn waiters(kit: &Kit, id: ApprovalId) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    for _ in 0..RACERS {
        let store = Arc::clone(&kit.approvals);
        tasks.spawn(async move { store.changed(id, LONG).await });
    }
    tasks
}

async fn open(kit: &Kit, asked: &StoredApproval, limits: OpenLimits) -> OpenOutcome {
    kit.approvals.open(asked, limits, kit.now()).await.unwrap()
}

async fn listed_ids(kit: &Kit, asked: &StoredApproval) -> Vec<ApprovalId> {
    let listed = kit.approvals.list(&asked.request().recipient, kit.now()).await.unwrap();
    listed.iter().map(|stored| stored.value.request().id).collect()
}

/// The same identifier with a number nobody has.
fn approval_with_other_number(asked: &StoredApproval) -> StoredApproval {
    let mut request = asked.request().clone();
    request.number = sceau::approval::NumberSource::None;
    StoredApproval::Pending(sceau::approval::Approval::open(request))
}

pub(super) async fn a_claimed_approval_is_its_first_phones_and_listed_there(kit: &Kit) {
    let asked = unclaimed(kit, "42");
    let id = asked.request().id;
    let (first, second) = (claimant(kit), claimant(kit));
    assert_eq!(kit.approvals.claim(id, &first, kit.now()).await.unwrap(), ClaimOutcome::Gone, "never opened");
    assert_eq!(open(kit, &asked, FIVE).await, OpenOutcome::Opened);
    let ClaimOutcome::Claimed(claimed) = kit.approvals.claim(id, &first, kit.now()).await.unwrap() else {
        panic!("not claimed")
    };
    let request = claimed.request();
    assert_eq!((request.person, request.claim), (Some(first.person), Claim::By(first.device)));
    assert_eq!(
        (request.number.clone(), request.deadline),
        (asked.request().number.clone(), asked.request().deadline)
    );
    let stored = kit.approvals.load(id, kit.now()).await.unwrap().unwrap();
    assert_eq!((stored.version, &stored.value), (1, &*claimed));
    assert_eq!(kit.approvals.claim(id, &second, kit.now()).await.unwrap(), ClaimOutcome::Taken);
    for _ in 0..2 {
        let again = kit.approvals.claim(id, &first, kit.now()).await.unwrap();
        assert_eq!(again, ClaimOutcome::Own(claimed.clone()), "the same phone is answered the same");
    }
    assert_eq!(listed_ids(kit, &claimed).await, [id], "once, however often it asked");
    assert!(kit.approvals.list(&second.recipient, kit.now()).await.unwrap().is_empty());

    // Numbers were given out before: two claims of a phone may show the same one.
    let other = unclaimed(kit, "42");
    assert_eq!(open(kit, &other, FIVE).await, OpenOutcome::Opened);
    kit.approvals.claim(other.request().id, &first, kit.now()).await.unwrap();
    assert_eq!(listed_ids(kit, &claimed).await.len(), 2);

    assert!(kit.approvals.advance(1, &denied(&claimed, kit.now())).await.unwrap());
    assert_eq!(kit.approvals.claim(id, &first, kit.now()).await.unwrap(), ClaimOutcome::Gone, "it is over");
    assert_eq!(listed_ids(kit, &claimed).await, [other.request().id]);
}

pub(super) async fn only_an_unclaimed_approval_in_time_is_claimed(kit: &Kit) {
    let addressed = approval(kit, recipient(kit), "42");
    assert_eq!(open(kit, &addressed, FIVE).await, OpenOutcome::Opened);
    let claim = kit.approvals.claim(addressed.request().id, &claimant(kit), kit.now()).await.unwrap();
    assert_eq!(claim, ClaimOutcome::Gone, "it names somebody");
    let deadline = kit.now().plus(APPROVAL_LIFE);
    for (now, alive) in [(deadline.minus(MILLISECOND), true), (deadline, false)] {
        let asked = unclaimed(kit, "42");
        assert_eq!(open(kit, &asked, FIVE).await, OpenOutcome::Opened);
        let claim = kit.approvals.claim(asked.request().id, &claimant(kit), now).await.unwrap();
        assert_eq!(matches!(claim, ClaimOutcome::Claimed(_)), alive, "{claim:?}");
    }
}

pub(super) async fn one_racer_claims(kit: &Kit) {
    let now = kit.now();
    for _ in 0..ROUNDS {
        let asked = unclaimed(kit, "42");
        assert_eq!(open(kit, &asked, FIVE).await, OpenOutcome::Opened);
        let id = asked.request().id;
        let claim = |_| {
            let (store, claimant) = (Arc::clone(&kit.approvals), claimant(kit));
            async move {
                match store.claim(id, &claimant, now).await? {
                    ClaimOutcome::Claimed(_) => Ok(true),
                    ClaimOutcome::Taken => Ok(false),
                    other => panic!("{other:?}"),
                }
            }
        };
        assert_eq!(winners(race(claim).await), 1);
    }
}

pub(super) async fn a_claim_wakes_every_waiter(kit: &Kit) {
    let asked = unclaimed(kit, "42");
    assert_eq!(open(kit, &asked, FIVE).await, OpenOutcome::Opened);
    let begun = Instant::now();
    let mut waiters = waiters(kit, asked.request().id);
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(waiters.try_join_next().is_none(), "nothing has changed yet");
    kit.approvals.claim(asked.request().id, &claimant(kit), kit.now()).await.unwrap();
    waiters.join_all().await;
    assert!(begun.elapsed() < PROMPT);
}

fn claimant(kit: &Kit) -> Claimant {
    Claimant {
        device: DeviceId::random(&*kit.entropy),
        person: PersonId::random(&*kit.entropy),
        recipient: recipient(kit),
    }
}
