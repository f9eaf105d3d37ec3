//! Order of lanes, verification of the log, remembered checkpoints, retention.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;
use sceau::audit::{
    AuditEvent, ChainBreak, Decision, EventKind, Forward, Frontier, HistoryBreak, Lane, LaneHead, LogBreak,
    LogEntry, LogVerifier, Remembered, RememberedCheckpoint, Retention, StoredRow, WaitingRow, leaf,
    sequence,
};
use sceau::base::{AuditId, SeededEntropy, UnixTime, base64url, sha256};
use uuid::Uuid;

const NOON: UnixTime = UnixTime::from_secs(1_800_000_000);

/// Rows of a lane, `step` seconds apart.
fn lane(number: u128, count: u64, step: u64) -> Vec<StoredRow> {
    let entropy = SeededEntropy::new(u64::try_from(number).unwrap());
    let mut lane = Lane::open(Uuid::from_u128(number));
    (0..count)
        .map(|place| {
            let at = NOON.plus(Duration::from_secs(place * step));
            let id = AuditId::ordered(&entropy, at);
            let event = AuditEvent::new(id, at, EventKind::TokensIssued, Decision::Success, "granted");
            let place = lane.place();
            let leaf = leaf(&event, &place, &entropy);
            lane.advance(&leaf);
            StoredRow {
                id,
                writer: place.writer,
                sequence: place.sequence,
                previous: place.previous,
                at: at.millis(),
                kind: String::from("tokens.issued"),
                record: leaf.record,
                hash: leaf.hash,
            }
        })
        .collect()
}

fn waits(row: &StoredRow) -> WaitingRow {
    WaitingRow {
        writer: row.writer,
        sequence: row.sequence,
        previous: row.previous,
        at: UnixTime::from_millis(row.at),
        hash: row.hash,
    }
}

/// The log of two lanes.
fn log() -> Vec<LogEntry> {
    let rows: Vec<_> = lane(7, 5, 10).into_iter().chain(lane(8, 5, 7)).collect();
    let mut tree = Frontier::default();
    let entering = sequence(&mut tree, &mut BTreeMap::new(), rows.iter().map(waits).collect());
    assert_eq!(entering.held, []);
    let row = |entered: &WaitingRow| {
        let same = |row: &&StoredRow| (row.writer, row.sequence) == (entered.writer, entered.sequence);
        rows.iter().find(same).cloned()
    };
    let entry = |(index, entered): &(u64, WaitingRow)| LogEntry {
        index: *index,
        writer: entered.writer,
        sequence: entered.sequence,
        hash: entered.hash,
        row: row(entered),
    };
    entering.rows.iter().map(entry).collect()
}

/// Where verification stops: log index, record, and why.
fn broken(entries: &[LogEntry]) -> Option<(Option<u64>, Option<AuditId>, LogBreak)> {
    let mut verifier = LogVerifier::default();
    let error = entries.iter().find_map(|entry| verifier.entry(entry).err())?;
    Some((error.index, error.record, error.what))
}

#[test]
fn lanes_are_merged_by_time_and_each_keeps_its_order() {
    let log = log();
    assert_eq!(broken(&log), None);
    let places: Vec<_> = log.iter().map(|entry| (entry.writer.as_u128(), entry.sequence)).collect();
    let expected = [(7, 0), (8, 0), (8, 1), (7, 1), (8, 2), (7, 2), (8, 3), (8, 4), (7, 3), (7, 4)];
    assert_eq!(places, expected);
}

#[test]
fn a_lane_that_does_not_follow_is_held_and_the_others_go_on() {
    let (good, mut cut) = (lane(7, 3, 1), lane(8, 3, 1));
    cut.remove(1);
    let (mut tree, mut heads) = (Frontier::default(), BTreeMap::new());
    let rows = good.iter().chain(&cut).map(waits).collect();
    let entering = sequence(&mut tree, &mut heads, rows);
    assert_eq!((entering.rows.len(), tree.size()), (4, 4));
    assert_eq!(entering.held[0].what, ChainBreak::Missing);
    assert_eq!((entering.held[0].writer.as_u128(), entering.held[0].sequence), (8, 2));
    let mut forked = lane(7, 4, 1)[3].clone();
    forked.previous = [9; 32];
    let entering = sequence(&mut tree, &mut heads, vec![waits(&forked), waits(&good[2])]);
    assert_eq!(entering.rows, []);
    assert_eq!(entering.held[0].what, ChainBreak::OutOfOrder);
    let entering = sequence(&mut tree, &mut heads, vec![waits(&forked)]);
    assert_eq!(entering.held[0].what, ChainBreak::Unlinked);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever the batches are cut into, and in whatever order rows are read: every row once, lanes in order.
    #[test]
    fn any_batches_enter_every_row_once(
        steps in prop::collection::vec(0..20_u64, 1..5),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
        turned in any::<bool>(),
    ) {
        let lanes: Vec<Vec<StoredRow>> =
            steps.iter().zip(1..).map(|(step, number)| lane(number, 6, *step)).collect();
        let mut rows: Vec<_> = lanes.concat().iter().map(waits).collect();
        // Each batch has a beginning of what is left of each lane.
        rows.sort_by_key(|row| (row.sequence, row.writer));
        let mut ends: Vec<usize> = cuts.iter().map(|cut| cut.index(rows.len())).chain([0, rows.len()]).collect();
        ends.sort_unstable();
        let (mut tree, mut heads, mut entered) = (Frontier::default(), BTreeMap::new(), Vec::new());
        for ends in ends.windows(2) {
            let mut batch = rows[ends[0]..ends[1]].to_vec();
            if turned {
                batch.reverse();
            }
            let entering = sequence(&mut tree, &mut heads, batch);
            prop_assert!(entering.held.is_empty());
            entered.extend(entering.rows);
        }
        prop_assert_eq!(entered.len(), rows.len());
        let mut next: BTreeMap<Uuid, u64> = BTreeMap::new();
        for ((index, row), expected) in entered.iter().zip(0..) {
            prop_assert_eq!(*index, expected);
            let next = next.entry(row.writer).or_default();
            prop_assert_eq!(row.sequence, *next);
            *next += 1;
        }
        prop_assert!(heads.values().all(|head: &LaneHead| head.next == 6));
    }
}

#[test]
fn every_way_of_changing_an_entry_is_seen_at_its_place() {
    let good = log();
    let id = |place: usize| good[place].row.as_ref().map(|row| row.id);
    let changed = |change: &dyn Fn(&mut Vec<LogEntry>)| {
        let mut log = good.clone();
        change(&mut log);
        broken(&log)
    };
    let row = |change: fn(&mut StoredRow)| changed(&|log| change(log[4].row.as_mut().unwrap()));
    let lane = |what| LogBreak::Lane(what);
    let at4 = |what| Some((Some(4), id(4), what));
    assert_eq!(row(|row| row.record[3] ^= 1), at4(lane(ChainBreak::Altered)));
    assert_eq!(row(|row| row.hash[0] ^= 1), at4(lane(ChainBreak::Altered)));
    assert_eq!(row(|row| row.sequence += 1), at4(lane(ChainBreak::Misplaced)));
    assert_eq!(row(|row| row.previous[0] ^= 1), at4(lane(ChainBreak::Misplaced)));
    assert_eq!(row(|row| row.at += 1), at4(LogBreak::Mislabelled));
    assert_eq!(row(|row| row.kind = String::from("tokens.revoked")), at4(LogBreak::Mislabelled));
    let other = AuditId::random(&SeededEntropy::new(4));
    let mislabelled = changed(&|log| log[4].row.as_mut().unwrap().id = other);
    assert_eq!(mislabelled, Some((Some(4), Some(other), LogBreak::Mislabelled)));
    assert_eq!(changed(&|log| log[4].row = None), Some((Some(4), None, LogBreak::Gone)));
    assert_eq!(changed(&|log| log[4].hash[0] ^= 1), at4(LogBreak::Replaced));
    let index = LogBreak::Index { expected: 4 };
    assert_eq!(changed(&|log| drop(log.remove(4))), Some((Some(5), id(5), index)));
    assert_eq!(changed(&|log| log.swap(4, 5)), Some((Some(5), id(5), index)));
    // Reordered with new indexes: the lane of the two tells.
    let swapped = changed(&|log| {
        log.swap(1, 2);
        for (entry, index) in log.iter_mut().zip(0..) {
            entry.index = index;
        }
    });
    assert_eq!(swapped, Some((Some(1), id(2), lane(ChainBreak::Missing))));
}

#[test]
fn a_record_altered_with_all_its_hashes_breaks_its_lane() {
    let mut log = log();
    let row = log[4].row.as_mut().unwrap();
    let record = String::from_utf8(row.record.clone()).unwrap().replace("success", "refusal");
    row.hash = sha256(&[&[0], record.as_bytes()]);
    row.record = record.into_bytes();
    log[4].hash = log[4].row.as_ref().unwrap().hash;
    let (index, _, what) = broken(&log).unwrap();
    assert_eq!((index, what), (Some(6), LogBreak::Lane(ChainBreak::Unlinked)));
}

#[test]
fn rows_not_in_the_log_yet_go_on_in_their_lanes() {
    let (rows, mut verifier) = (lane(9, 3, 1), LogVerifier::default());
    for entry in log() {
        verifier.entry(&entry).unwrap();
    }
    verifier.row(&rows[0]).unwrap();
    let error = verifier.row(&rows[2]).unwrap_err();
    assert_eq!((error.index, error.what), (None, LogBreak::Lane(ChainBreak::Missing)));
    assert!(error.to_string().starts_with("not in the log yet, lane 0000"), "{error}");
    verifier.row(&rows[1]).unwrap();
    assert_eq!((verifier.waiting(), verifier.tree().size()), (2, 10));
}

#[test]
fn an_error_names_index_lane_place_and_identifier() {
    let mut log = log();
    let id = log[4].row.as_ref().unwrap().id;
    log[4].row.as_mut().unwrap().record[3] ^= 1;
    let mut verifier = LogVerifier::default();
    let error = log.iter().find_map(|entry| verifier.entry(entry).err()).unwrap();
    let lane = Uuid::from_u128(8);
    assert_eq!(
        error.to_string(),
        format!("log index 4, lane {lane}, record 2, id {id}: the record was altered")
    );
}

/// Checkpoints at some sizes, then the verdict over a log of `length` entries whose history differs from `fork` on.
fn remembered(sizes: &[u64], length: u64, fork: u64) -> Result<(), HistoryBreak> {
    let leaf = |index: u64, fork: u64| sha256(&[&[u8::from(index >= fork)], &index.to_be_bytes()]);
    let mut tree = Frontier::default();
    let mut checkpoints = Vec::new();
    for index in 0..=20 {
        if sizes.contains(&index) {
            let found = (1, index);
            checkpoints.push(RememberedCheckpoint { size: index, root: tree.root(), at: NOON, found });
        }
        tree.append(leaf(index, u64::MAX));
    }
    let mut remembered = Remembered::new(checkpoints);
    let (mut tree, mut forward) = (Frontier::default(), Forward::default());
    remembered.at(&tree, &mut forward)?;
    for index in 0..length {
        tree.append(leaf(index, fork));
        remembered.at(&tree, &mut forward)?;
    }
    remembered.end(length)
}

#[test]
fn checkpoints_see_a_log_cut_or_rewritten_and_say_where() {
    let never = u64::MAX;
    assert_eq!(remembered(&[0, 3, 8], 10, never), Ok(()));
    assert_eq!(remembered(&[], 0, never), Ok(()));
    let shortened = |end, size| Err(HistoryBreak::Shortened { end, size, at: NOON, found: (1, size) });
    assert_eq!(remembered(&[3, 8, 12], 8, never), shortened(8, 12));
    assert_eq!(remembered(&[3, 8, 12], 0, never), shortened(0, 12));
    let rewritten = |since, size| Err(HistoryBreak::Rewritten { since, size, at: NOON, found: (1, size) });
    assert_eq!(remembered(&[3, 8, 12], 20, 5), rewritten(3, 8));
    assert_eq!(remembered(&[3, 8, 12], 20, 11), rewritten(8, 12));
    // What was rewritten after the last checkpoint cannot be seen.
    assert_eq!(remembered(&[3, 8, 12], 20, 12), Ok(()));
}

#[test]
fn two_checkpoints_of_one_size_show_two_heads() {
    let one = RememberedCheckpoint { size: 0, root: Frontier::default().root(), at: NOON, found: (0, 1) };
    let other = RememberedCheckpoint { root: [1; 32], found: (0, 8), ..one.clone() };
    let mut remembered = Remembered::new(vec![one, other]);
    assert!(matches!(
        remembered.at(&Frontier::default(), &mut Forward::default()),
        Err(HistoryBreak::Rewritten { since: 0, size: 0, found: (0, 8), .. })
    ));
}

#[test]
fn a_checkpoint_dated_before_one_with_fewer_entries_was_signed_later_than_it_says() {
    let second = Duration::from_secs(1);
    let (early, noon, late) = (NOON.minus(second), NOON, NOON.plus(second));
    let mut forward = Forward::default();
    for (size, at) in [(0, noon), (0, early), (3, noon), (3, late), (3, noon), (4, late)] {
        assert_eq!(forward.goes_on(size, at), Ok(()), "{size}");
    }
    // Of one size the order is unknown; of more entries none is older than the latest of fewer.
    assert_eq!(forward.goes_on(5, noon), Err(late));
    let root = Frontier::default().root();
    let one = RememberedCheckpoint { size: 0, root, at: late, found: (0, 1) };
    let mut tree = Frontier::default();
    tree.append([1; 32]);
    let other = RememberedCheckpoint { size: 1, root: tree.root(), at: noon, found: (0, 8) };
    let (mut remembered, mut forward) = (Remembered::new(vec![other, one]), Forward::default());
    assert_eq!(remembered.at(&Frontier::default(), &mut forward), Ok(()));
    let backwards = HistoryBreak::Backwards { size: 1, at: noon, before: late, found: (0, 8) };
    assert_eq!(remembered.at(&tree, &mut forward), Err(backwards));
}

#[test]
fn what_shows_trust_given_or_taken_is_kept_longer() {
    let retention = Retention::default();
    let day = |days: u64| NOON.plus(Duration::from_hours(days * 24));
    let over = |kind: &str, days| retention.is_over(kind, NOON, day(days));
    assert!(!over("tokens.issued", 364) && over("tokens.issued", 365));
    assert!(!over("device.enrolled", 1094) && over("device.enrolled", 1095));
    assert!(!over("of.tomorrow", 1094) && over("of.tomorrow", 1095));
    let long: Vec<_> =
        EventKind::ALL.iter().filter(|kind| kind.is_kept_long()).map(|kind| kind.as_str()).collect();
    for subject in ["enrolment.", "device.", "key.", "person."] {
        let all = EventKind::ALL.iter().filter(|kind| kind.as_str().starts_with(subject));
        let passing = [EventKind::DeviceAuthentication, EventKind::EmailDeclared];
        let kept = all.filter(|kind| !passing.contains(kind));
        assert!(
            kept.clone().count() > 1 && kept.clone().all(|kind| kind.is_kept_long()),
            "{subject} {long:?}"
        );
    }
    assert!(long.contains(&"administrator.action") && !long.contains(&"session.started"));
}

#[test]
fn the_first_previous_hash_is_zeros() {
    assert_eq!(base64url(LaneHead::FIRST.hash), base64url(Lane::open(Uuid::nil()).place().previous));
}
