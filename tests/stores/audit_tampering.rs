//! What an intruder with write access to the database can do to the log, on a real file, and what verification says.

use std::time::Duration;

use sceau::audit::{ChainBreak, EventKind, HistoryBreak, LogBreak};
use sceau::flow::VerifyError;

use super::audit_stage::{Stage, event};

/// A log of thirty events of three days and the rows of the first start, with three checkpoints.
async fn stage() -> Stage {
    let stage = Stage::in_file().await;
    for _ in 0..3 {
        stage.day(10).await;
    }
    stage
}

/// The index of an entry, by its place counted from the end.
async fn index(stage: &Stage, from_end: u64) -> u64 {
    stage.app.provider.ports.audit_log.tree().await.unwrap().size() - from_end
}

fn log_break(error: &VerifyError) -> (Option<u64>, LogBreak) {
    let VerifyError::Log(error) = error else { panic!("{error}") };
    (error.index, error.what)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_left_alone_is_whole() {
    let stage = stage().await;
    let verified = stage.verify(Vec::new()).await.unwrap();
    assert_eq!((verified.outside, verified.waiting, verified.stored), (None, 0, 3));
    assert!(verified.entries >= 30);
    let outside = stage.remembered().await;
    let verified = stage.verify(outside).await.unwrap();
    assert_eq!(verified.outside.map(|(size, _)| size), Some(verified.entries));
    let provider = &stage.app.provider;
    provider.ports.audit.append(&event(&stage.clock, EventKind::TokensIssued)).await.unwrap();
    assert_eq!(stage.verify(Vec::new()).await.unwrap().waiting, 1);
}

/// Each change of the fifth entry from the end, in SQL, and the break that verification names there without outside
/// checkpoints.
fn changes() -> [(&'static str, String, LogBreak); 9] {
    let row = "(SELECT rowid FROM audit_events e WHERE (e.writer, e.sequence) = \
               (SELECT writer, sequence FROM audit_log WHERE log_index = (SELECT max(log_index) - 4 FROM audit_log)))";
    let entry = "(SELECT max(log_index) - 4 FROM audit_log)";
    let lane = LogBreak::Lane;
    [
        (
            "a byte flipped in a record",
            format!(
                "UPDATE audit_events SET record = CAST(replace(CAST(record AS text), 'granted', 'grantee') AS blob) WHERE rowid = {row}"
            ),
            lane(ChainBreak::Altered),
        ),
        (
            "a leaf hash changed",
            format!("UPDATE audit_events SET leaf_hash = zeroblob(32) WHERE rowid = {row}"),
            lane(ChainBreak::Altered),
        ),
        (
            "a hash of the log changed",
            format!("UPDATE audit_log SET leaf_hash = zeroblob(32) WHERE log_index = {entry}"),
            LogBreak::Replaced,
        ),
        ("a record taken away", format!("DELETE FROM audit_events WHERE rowid = {row}"), LogBreak::Gone),
        (
            "a record said to be of another kind",
            format!("UPDATE audit_events SET kind = 'session.ended' WHERE rowid = {row}"),
            LogBreak::Mislabelled,
        ),
        (
            "a record dated otherwise",
            format!("UPDATE audit_events SET at = at + 1 WHERE rowid = {row}"),
            LogBreak::Mislabelled,
        ),
        (
            "a link changed",
            format!("UPDATE audit_events SET previous_hash = leaf_hash WHERE rowid = {row}"),
            lane(ChainBreak::Misplaced),
        ),
        (
            "two records reordered in their lane",
            format!(
                "UPDATE audit_events SET sequence = -1 WHERE rowid = {row}; \
                 UPDATE audit_events SET sequence = sequence - 1 WHERE (writer, sequence) = \
                 (SELECT writer, sequence + 1 FROM audit_log WHERE log_index = {entry}); \
                 UPDATE audit_events SET sequence = (SELECT sequence + 1 FROM audit_log WHERE log_index = {entry}) WHERE sequence = -1"
            ),
            lane(ChainBreak::Misplaced),
        ),
        (
            "two entries of the log reordered",
            format!(
                "UPDATE audit_log SET log_index = -1 WHERE log_index = {entry}; \
                 UPDATE audit_log SET log_index = log_index - 1 WHERE log_index = (SELECT max(log_index) - 3 FROM audit_log); \
                 UPDATE audit_log SET log_index = (SELECT max(log_index) - 3 FROM audit_log) WHERE log_index = -1"
            ),
            lane(ChainBreak::Missing),
        ),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_changed_inside_is_found_at_its_place() {
    for (name, statements, what) in changes() {
        let stage = stage().await;
        let place = index(&stage, 5).await;
        let statements: Vec<&str> = statements.split("; ").collect();
        let stage = stage.tampered(&statements).await;
        let found = log_break(&stage.verify(Vec::new()).await.expect_err(name));
        assert_eq!(found, (Some(place), what), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_entry_and_its_record_taken_away_leave_a_gap() {
    let stage = stage().await;
    let place = index(&stage, 5).await;
    let stage = stage
        .tampered(&[
            "DELETE FROM audit_events WHERE (writer, sequence) = (SELECT writer, sequence FROM audit_log \
             WHERE log_index = (SELECT max(log_index) - 4 FROM audit_log))",
            "DELETE FROM audit_log WHERE log_index = (SELECT max(log_index) - 4 FROM audit_log)",
        ])
        .await;
    let found = log_break(&stage.verify(Vec::new()).await.unwrap_err());
    assert_eq!(found, (Some(place + 1), LogBreak::Index { expected: place }));
}

/// An intruder who knows the schema cuts the last day everywhere: inside the database nothing shows it.
const CUT: [&str; 6] = [
    "DELETE FROM audit_checkpoints WHERE number > 1",
    "DELETE FROM audit_payloads WHERE event IN (SELECT id FROM audit_events e JOIN audit_log g \
     ON e.writer = g.writer AND e.sequence = g.sequence WHERE g.log_index >= (SELECT max(size) FROM audit_checkpoints))",
    "DELETE FROM audit_events WHERE id IN (SELECT e.id FROM audit_events e JOIN audit_log g \
     ON e.writer = g.writer AND e.sequence = g.sequence WHERE g.log_index >= (SELECT max(size) FROM audit_checkpoints))",
    "DELETE FROM audit_log WHERE log_index >= (SELECT max(size) FROM audit_checkpoints)",
    "UPDATE audit_lanes SET next_sequence = (SELECT max(sequence) + 1 FROM audit_events e WHERE e.writer = audit_lanes.writer), \
     head = (SELECT leaf_hash FROM audit_events e WHERE e.writer = audit_lanes.writer ORDER BY sequence DESC LIMIT 1)",
    "",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tail_cut_off_with_everything_of_it_is_found_by_outside_checkpoints_alone() {
    let stage = Stage::in_file().await;
    stage.day(10).await;
    stage.day(10).await;
    let tree = stage.app.provider.ports.audit_log.tree().await.unwrap();
    stage.day(10).await;
    let outside = stage.remembered().await;
    let newest = outside.last().unwrap().size;
    let peaks: String =
        tree.peaks().concat().iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
    let tree_row = format!("UPDATE audit_tree SET size = {}, peaks = x'{peaks}'", tree.size());
    let mut cut = CUT;
    cut[5] = &tree_row;
    let stage = stage.tampered(&cut).await;
    let verified = stage.verify(Vec::new()).await.unwrap();
    assert_eq!((verified.entries, verified.outside), (tree.size(), None), "nothing inside shows it");
    let Err(VerifyError::History(error)) = stage.verify(outside).await else { panic!("not found") };
    let HistoryBreak::Shortened { end, size, found, .. } = &error else { panic!("{error}") };
    assert_eq!((*end, *size, *found), (tree.size(), newest, (0, 2)));
    let sentence = error.to_string();
    assert!(sentence.contains(&format!("entries {end} to {} were cut off", size - 1)), "{sentence}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tail_cut_off_carelessly_is_found_without_outside_checkpoints() {
    let cut = "DELETE FROM audit_log WHERE log_index > (SELECT max(log_index) - 3 FROM audit_log)";
    let stage = stage().await.tampered(&[cut]).await;
    assert!(matches!(stage.verify(Vec::new()).await, Err(VerifyError::StoredHistory { number: 2, .. })));
    let checkpoints = "DELETE FROM audit_checkpoints WHERE number > 1";
    let stage = stage.tampered(&[checkpoints]).await;
    assert!(matches!(stage.verify(Vec::new()).await, Err(VerifyError::Tree { .. })));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_old_copy_put_back_is_found_whether_it_goes_on_or_not() {
    let (stage, yesterday) = stage().await.copied().await;
    let end = stage.app.provider.ports.audit_log.tree().await.unwrap().size();
    stage.day(10).await;
    let outside = stage.remembered().await;
    stage.verify(outside.clone()).await.unwrap();
    let stage = stage.put_back(&yesterday).await;
    stage.verify(Vec::new()).await.expect("nothing inside shows it");
    let still = stage.verify(outside.clone()).await.unwrap_err();
    assert!(
        matches!(still, VerifyError::History(HistoryBreak::Shortened { end: cut, .. }) if cut == end),
        "{still}"
    );
    // It goes on, longer than it was: now it has two heads.
    stage.day(20).await;
    stage.verify(Vec::new()).await.expect("nothing inside shows it");
    let forked = stage.verify(outside).await.unwrap_err();
    let VerifyError::History(HistoryBreak::Rewritten { since, size, .. }) = forked else {
        panic!("{forked}")
    };
    assert_eq!((since, size > since), (end, true));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_provider_over_a_log_shorter_than_its_checkpoint_signs_no_second_head() {
    let stage = stage().await;
    let stage = stage
        .tampered(&[
            "DELETE FROM audit_log WHERE log_index > (SELECT max(log_index) - 3 FROM audit_log)",
            "UPDATE audit_tree SET size = 0, peaks = x''",
        ])
        .await;
    stage.clock.advance(Duration::from_mins(1));
    assert!(stage.app.provider.sequence_audit().await.is_err());
    let last = stage.app.provider.ports.audit_log.last_checkpoint().await.unwrap().unwrap();
    assert_eq!(last.number, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_checkpoint_of_the_database_that_was_touched_is_named() {
    let table = [
        ("UPDATE audit_checkpoints SET size = size - 1 WHERE number = 1", "not those that were signed"),
        ("UPDATE audit_checkpoints SET at = at + 1 WHERE number = 1", "not those that were signed"),
        (
            "UPDATE audit_checkpoints SET note = replace(note, 'at 18', 'at 19') WHERE number = 1",
            "signature is wrong",
        ),
        ("DELETE FROM audit_checkpoints WHERE number = 1", "before this one were taken away"),
        ("UPDATE audit_checkpoints SET note = 'x' WHERE number = 1", "signature is wrong"),
    ];
    for (statement, words) in table {
        let stage = stage().await.tampered(&[statement]).await;
        let error = stage.verify(Vec::new()).await.unwrap_err().to_string();
        assert!(error.contains(words), "{statement}: {error}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn erased_personal_values_leave_a_log_that_verifies() {
    let stage = stage().await;
    stage.day(0).await;
    let kept = event(&stage.clock, EventKind::DeviceEnrolled);
    let kept = kept.with_personal("address", sceau::base::Secret::new(String::from("192.0.2.8")));
    stage.app.provider.ports.audit.append(&kept).await.unwrap();
    stage.order().await;
    let outside = stage.remembered().await;
    let provider = &stage.app.provider;
    let retention = sceau::audit::Retention::default();
    assert_eq!(provider.erase_expired(&retention).await.unwrap(), 0);
    stage.clock.advance(retention.usual);
    assert_eq!(provider.erase_expired(&retention).await.unwrap(), 30);
    assert_eq!(provider.erase_expired(&retention).await.unwrap(), 0, "a second run finds nothing");
    let personal = provider.ports.audit_payloads.personal(kept.id).await.unwrap().unwrap();
    assert_eq!(personal[0].value.expose(), "192.0.2.8", "kept longer");
    stage.order().await;
    let verified = stage.verify(outside.clone()).await.unwrap();
    assert!(verified.outside.is_some());
    stage.clock.advance(retention.long);
    assert_eq!(provider.erase_expired(&retention).await.unwrap(), 1);
    assert_eq!(provider.ports.audit_payloads.personal(kept.id).await.unwrap(), None);
    stage.order().await;
    stage.verify(outside).await.unwrap();
    // What was erased is not in the file any more.
    let path = stage.file();
    stage.app.close().await;
    let (mut erasures, mut after) = (0, None);
    let stage = Stage {
        app: super::audit_stage::assemble(&sceau::app::Durable::File(path), &stage.clock).await,
        ..stage
    };
    loop {
        let page = stage.app.provider.ports.audit.rows(after, 1000).await.unwrap();
        let Some(last) = page.last() else { break };
        after = Some((last.writer, last.sequence));
        erasures +=
            page.iter().filter(|row| String::from_utf8_lossy(&row.record).contains("audit.erased")).count();
    }
    assert_eq!(erasures, 2, "each erasure is a record");
}
