//! The audit catalogue, leaves and chain.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use sceau::audit::{
    AuditEvent, ChainBreak, ChainError, ChainRow, Decision, EventKind, Lane, Leaf, leaf, salted_hash,
    verify_chain,
};
use sceau::base::{
    AuditId, ClientId, DeviceId, PersonId, Secret, SeededEntropy, UnixTime, base64url, sha256,
};
use uuid::Uuid;

const NOON: UnixTime = UnixTime::from_secs(1_800_000_000);
const WRITER: Uuid = Uuid::from_u128(7);

fn event(entropy: &SeededEntropy) -> AuditEvent {
    let id = AuditId::ordered(entropy, NOON);
    AuditEvent::new(id, NOON, EventKind::ApprovalDecision, Decision::Success, "approved")
}

/// Rows of `count` events of one writer.
fn lane_rows(writer: Uuid, count: usize) -> Vec<ChainRow> {
    let entropy = SeededEntropy::new(1);
    let mut lane = Lane::open(writer);
    (0..count)
        .map(|_| {
            let place = lane.place();
            let leaf = leaf(&event(&entropy), &place, &entropy);
            lane.advance(&leaf);
            (place.writer, place.sequence, place.previous, leaf.record, leaf.hash)
        })
        .collect()
}

fn members(leaf: &Leaf) -> BTreeMap<String, String> {
    serde_json::from_slice(&leaf.record).unwrap()
}

fn broken_at(sequence: u64, what: ChainBreak) -> Result<u64, ChainError> {
    Err(ChainError { writer: WRITER, sequence, what })
}

#[test]
fn catalogue_is_closed() {
    let mut catalogue = String::new();
    for kind in EventKind::ALL {
        writeln!(catalogue, "{}", kind.as_str()).unwrap();
        assert_eq!(EventKind::from_stored(kind.as_str()), Some(kind));
    }
    assert_eq!(EventKind::from_stored("approval"), None);
    insta::assert_snapshot!(catalogue);
}

#[test]
#[expect(clippy::as_conversions, reason = "the discriminant is what is tested")]
fn catalogue_lists_every_kind_in_order() {
    for (place, kind) in EventKind::ALL.into_iter().enumerate() {
        assert_eq!(kind as usize, place, "{kind:?}");
    }
}

#[test]
fn record_is_canonical_and_hashed_with_the_leaf_prefix() {
    let entropy = SeededEntropy::new(3);
    let device = DeviceId::random(&entropy);
    let event = event(&entropy)
        .with_person(PersonId::random(&entropy))
        .with_client("clinic".parse::<ClientId>().unwrap())
        .with_device(device)
        .with_transaction("tx\"1\n")
        .with_actor("officer-2")
        .with_acr("eidas2");
    let leaf = leaf(&event, &Lane::open(WRITER).place(), &entropy);
    let text = std::str::from_utf8(&leaf.record).unwrap();
    assert!(
        text.starts_with(r#"{"acr":"eidas2","actor":"officer-2","at":"1800000000000","client":"clinic","#)
    );
    assert!(text.contains(r#""txn":"tx\"1\n""#), "{text}");
    let members = members(&leaf);
    assert_eq!(members["device"], device.to_string());
    assert_eq!(members["seq"], "0");
    assert_eq!(members["prev"], base64url([0; 32]));
    assert_eq!(members["writer"], WRITER.to_string());
    assert_eq!(members["v"], "1");
    // Sorted, strings only: serialising the members again gives the same bytes.
    assert_eq!(serde_json::to_vec(&members).unwrap(), leaf.record);
    assert_eq!(leaf.hash, sha256(&[&[0], &leaf.record]));
}

#[test]
fn absent_details_have_no_member() {
    let entropy = SeededEntropy::new(4);
    let leaf = leaf(&event(&entropy), &Lane::open(WRITER).place(), &entropy);
    let names: Vec<String> = members(&leaf).into_keys().collect();
    assert_eq!(names, ["at", "decision", "id", "kind", "prev", "reason", "seq", "v", "writer"]);
}

#[test]
fn who_is_acted_for_is_one_more_member_and_nothing_else_changes() {
    let entropy = SeededEntropy::new(8);
    let (actor, child) = (PersonId::random(&entropy), PersonId::random(&entropy));
    let alone = event(&entropy).with_person(actor);
    let place = Lane::open(WRITER).place();
    let before = members(&leaf(&alone, &place, &entropy));
    assert_eq!(
        leaf(&alone.clone().with_on_behalf_of(None), &place, &entropy),
        leaf(&alone, &place, &entropy)
    );
    let mut after = members(&leaf(&alone.with_on_behalf_of(Some(child)), &place, &entropy));
    assert_eq!(after.remove("on_behalf_of"), Some(child.to_string()));
    assert_eq!(after, before);
}

#[test]
fn personal_values_are_salted_and_never_in_the_record() {
    let entropy = SeededEntropy::new(5);
    let event = event(&entropy)
        .with_personal("national_id", Secret::new(String::from("899700427885")))
        .with_personal("source", Secret::new(String::from("192.0.2.7")));
    let place = Lane::open(WRITER).place();
    let made = leaf(&event, &place, &entropy);
    let again = leaf(&event, &place, &entropy);
    let text = std::str::from_utf8(&made.record).unwrap();
    assert!(!text.contains("899700427885") && !text.contains("192.0.2.7"));
    assert_eq!(made.salts.len(), 2);
    for field in &made.salts {
        let stands = salted_hash(&field.salt, field.value.expose());
        assert_eq!(members(&made)[&format!("personal.{}", field.name)], stands);
        assert!(!format!("{field:?}").contains(field.value.expose()));
    }
    assert_ne!(made.hash, again.hash, "each record has its own salts");
}

#[test]
fn personal_value_given_twice_is_kept_once() {
    let entropy = SeededEntropy::new(6);
    let event = event(&entropy)
        .with_personal("source", Secret::new(String::from("192.0.2.7")))
        .with_personal("source", Secret::new(String::from("192.0.2.8")));
    let leaf = leaf(&event, &Lane::open(WRITER).place(), &entropy);
    assert_eq!(leaf.salts.len(), 1);
    assert_eq!(leaf.salts[0].value.expose(), "192.0.2.8");
}

#[test]
fn lane_moves_only_when_told() {
    let entropy = SeededEntropy::new(7);
    let mut lane = Lane::open(WRITER);
    let first = lane.place();
    assert_eq!((first.sequence, first.previous), (0, [0; 32]));
    let rolled_back = leaf(&event(&entropy), &first, &entropy);
    assert_eq!(lane.place(), first);
    let committed = leaf(&event(&entropy), &lane.place(), &entropy);
    assert_ne!(rolled_back.hash, committed.hash);
    lane.advance(&committed);
    assert_eq!((lane.place().sequence, lane.place().previous), (1, committed.hash));
}

#[test]
fn whole_chains_verify_even_interleaved() {
    assert_eq!(verify_chain(std::iter::empty()), Ok(0));
    let (one, two) = (lane_rows(WRITER, 5), lane_rows(Uuid::from_u128(8), 5));
    let interleaved = one.into_iter().zip(two).flat_map(|(one, two)| [two, one]);
    assert_eq!(verify_chain(interleaved), Ok(10));
}

#[test]
fn any_flipped_byte_is_seen() {
    let rows = lane_rows(WRITER, 3);
    for place in 0..rows[1].3.len() {
        let mut flipped = rows.clone();
        flipped[1].3[place] ^= 1;
        assert_eq!(verify_chain(flipped.into_iter()), broken_at(1, ChainBreak::Altered), "{place}");
    }
}

#[test]
fn record_altered_with_its_hash_breaks_the_next_link() {
    let mut rows = lane_rows(WRITER, 3);
    let refusal = String::from_utf8(rows[1].3.clone()).unwrap().replace("success", "refusal");
    rows[1].4 = sha256(&[&[0], refusal.as_bytes()]);
    rows[1].3 = refusal.into_bytes();
    assert_eq!(verify_chain(rows.into_iter()), broken_at(2, ChainBreak::Unlinked));
}

#[test]
fn columns_that_contradict_the_record_are_seen() {
    let rows = lane_rows(WRITER, 3);
    let mut sequence = rows.clone();
    sequence[2].1 = 5;
    assert_eq!(verify_chain(sequence.into_iter()), broken_at(5, ChainBreak::Misplaced));
    let mut previous = rows.clone();
    previous[2].2 = [9; 32];
    assert_eq!(verify_chain(previous.into_iter()), broken_at(2, ChainBreak::Misplaced));
    let mut garbage = rows;
    garbage[0].3 = b"{}".to_vec();
    garbage[0].4 = sha256(&[&[0], b"{}"]);
    assert_eq!(verify_chain(garbage.into_iter()), broken_at(0, ChainBreak::Misplaced));
}

#[test]
fn missing_reordered_and_doubled_rows_are_seen() {
    let rows = lane_rows(WRITER, 4);
    let mut missing = rows.clone();
    missing.remove(1);
    assert_eq!(verify_chain(missing.into_iter()), broken_at(2, ChainBreak::Missing));
    assert_eq!(verify_chain(rows.clone().into_iter().skip(1)), broken_at(1, ChainBreak::Missing));
    let mut reordered = rows.clone();
    reordered.swap(1, 2);
    assert_eq!(verify_chain(reordered.into_iter()), broken_at(2, ChainBreak::Missing));
    let mut doubled = rows;
    doubled.insert(2, doubled[1].clone());
    assert_eq!(verify_chain(doubled.into_iter()), broken_at(1, ChainBreak::OutOfOrder));
}

#[test]
fn forked_lane_is_seen() {
    let rows = lane_rows(WRITER, 2);
    let entropy = SeededEntropy::new(99);
    let mut lane = Lane::open(WRITER);
    let fork = leaf(&event(&entropy), &lane.place(), &entropy);
    lane.advance(&fork);
    let place = lane.place();
    let second = leaf(&event(&entropy), &place, &entropy);
    let grafted = [rows[0].clone(), (WRITER, place.sequence, place.previous, second.record, second.hash)];
    assert_eq!(verify_chain(grafted.into_iter()), broken_at(1, ChainBreak::Unlinked));
}

#[test]
fn error_tells_where() {
    let error = ChainError { writer: WRITER, sequence: 4, what: ChainBreak::Missing };
    assert_eq!(
        error.to_string(),
        "lane 00000000-0000-0000-0000-000000000007, record 4: records before this one are missing"
    );
}
