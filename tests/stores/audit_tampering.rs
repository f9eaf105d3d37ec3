//! What an intruder with write access to the database can do to the log, on a real file, and what verification says.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use sceau::app::AuditDuties;
use sceau::audit::{
    ChainBreak, Checkpoint, EventKind, HistoryBreak, LogBreak, NoteKey, RememberedCheckpoint, Retention,
    SignedCheckpoint, TrustedKey,
};
use sceau::flow::{TrustedKeys, VerifyError, verify_log};
use sceau::ports::{AuditKey, CheckpointSink, PortResult, StoredCheckpoint};

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

/// The second checkpoint is dated a little more than a minute after this.
const REVOKED: &str = "UPDATE key_records SET revoked_at = (SELECT at - 60001 FROM audit_checkpoints WHERE number = 1) \
                       WHERE purpose = 'audit' AND state = 'active'";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_checkpoint_dated_after_the_revocation_of_its_key_is_not_believed() {
    let stage = stage().await;
    let given: Vec<TrustedKey> = stage.given_keys().await;
    let stage = stage.tampered(&[REVOKED]).await;
    let error = stage.verify(Vec::new()).await.unwrap_err().to_string();
    assert!(
        error.contains("checkpoint 1 of the database: it was signed with a key that had been revoked"),
        "{error}"
    );
    let log = &*stage.app.provider.ports.audit_log;
    let known = log.audit_keys().await.unwrap();
    // A key given is narrowed by what the database knows, and by what the caller knows when the database keeps silent.
    let narrowed = TrustedKeys::given(given.clone(), &known);
    let error = verify_log(log, &narrowed, Vec::new(), &mut |_| ()).await.unwrap_err();
    assert!(matches!(error, VerifyError::Stored { number: 1, .. }), "{error}");
    let until = log.checkpoints(None, 10).await.unwrap()[0].at;
    let silent: Vec<AuditKey> = known.into_iter().map(|key| AuditKey { revoked: None, ..key }).collect();
    let believed = TrustedKeys::given(given.clone(), &silent);
    assert_eq!(verify_log(log, &believed, Vec::new(), &mut |_| ()).await.unwrap().stored, 3);
    let told = given.into_iter().map(|key| key.until(Some(until.minus(Duration::from_secs(50)))));
    let told = TrustedKeys::given(told.collect(), &silent);
    let error = verify_log(log, &told, Vec::new(), &mut |_| ()).await.unwrap_err();
    assert!(matches!(error, VerifyError::Stored { number: 1, .. }), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_checkpoint_that_a_thief_dates_back_is_named() {
    let stage = stage().await;
    let ports = &stage.app.provider.ports;
    let last = ports.audit_log.last_checkpoint().await.unwrap().unwrap();
    ports.audit.append(&event(&stage.clock, EventKind::TokensIssued)).await.unwrap();
    while ports.audit_log.sequence(100).await.unwrap().unwrap().entered > 0 {}
    let tree = ports.audit_log.tree().await.unwrap();
    let said = SignedCheckpoint::parse(&last.note).unwrap();
    let note_key = |key: &AuditKey| NoteKey::from_jwk(said.origin(), &key.jwk).unwrap();
    // The one in use, not its successor.
    let mut keys = ports.audit_log.audit_keys().await.unwrap();
    keys.retain(|key| said.verify(&[note_key(key)]).is_ok());
    let (key, note_key) = (&keys[0], note_key(&keys[0]));
    let at = last.at.minus(Duration::from_millis(1));
    let origin = said.origin().to_owned();
    let dated = Checkpoint { origin, size: tree.size(), root: tree.root(), at };
    let signature = ports.signer.sign(&key.kid, dated.text().as_bytes()).await.unwrap();
    let note = dated.signed(&note_key, &signature);
    let (number, size, root) = (last.number + 1, dated.size, dated.root);
    // Outside first, then in the database too.
    let mut outside = stage.remembered().await;
    outside.push(RememberedCheckpoint { size, root, at, found: (3, 9) });
    let error = stage.verify(outside).await.unwrap_err();
    let VerifyError::History(HistoryBreak::Backwards { before, found, .. }) = error else {
        panic!("{error}")
    };
    assert_eq!((before, found), (last.at, (3, 9)));
    let kept = StoredCheckpoint { number, size, root, at, note };
    assert!(ports.audit_log.keep_checkpoint(&kept).await.unwrap());
    let error = stage.verify(Vec::new()).await.unwrap_err();
    let VerifyError::StoredHistory { number: 3, what: HistoryBreak::Backwards { before, .. } } = error else {
        panic!("{error}")
    };
    assert_eq!(before, last.at);
}

/// Remembers what it was given.
#[derive(Default)]
struct Memory(Mutex<Vec<StoredCheckpoint>>);

#[async_trait]
impl CheckpointSink for Memory {
    fn name(&self) -> &'static str {
        "memory"
    }
    async fn keep(&self, checkpoint: &StoredCheckpoint) -> PortResult<()> {
        self.0.lock().unwrap().push(checkpoint.clone());
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_seconds_before_the_end_are_in_a_checkpoint_that_left() {
    let stage = stage().await;
    let ports = &stage.app.provider.ports;
    let memory = Arc::new(Memory::default());
    let duties = AuditDuties { sinks: vec![memory.clone()], retention: Retention::default() };
    let end = stage.app.audit_work(duties).end;
    let patience = Duration::from_secs(5);
    ports.audit.append(&event(&stage.clock, EventKind::TokensIssued)).await.unwrap();
    // Ten seconds have not passed: none would be signed while it goes on.
    stage.app.provider.sequence_audit().await.unwrap();
    let before = ports.audit_log.last_checkpoint().await.unwrap().unwrap();
    assert!(end.leave(patience).await);
    let last = ports.audit_log.last_checkpoint().await.unwrap().unwrap();
    assert_eq!((last.number, last.size), (before.number + 1, before.size + 1));
    assert_eq!(last.size, ports.audit_log.tree().await.unwrap().size());
    assert_eq!(memory.0.lock().unwrap().as_slice(), std::slice::from_ref(&last));
    // Nothing was added since: nothing more is signed.
    assert!(end.leave(patience).await);
    assert_eq!(memory.0.lock().unwrap().len(), 1);
    assert_eq!(stage.verify(Vec::new()).await.unwrap().stored, 4);
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
    let retention = Retention::default();
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
