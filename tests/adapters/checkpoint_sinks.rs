//! Places outside the database: a file, a folder.

use sceau::adapter::checkpoint_sinks::{CheckpointFile, CheckpointFolder};
use sceau::audit::NoteLines;
use sceau::base::UnixTime;
use sceau::ports::{CheckpointSink as _, StoredCheckpoint};

fn checkpoint(number: u64, root: &str) -> StoredCheckpoint {
    StoredCheckpoint {
        number,
        size: number,
        root: [0; 32],
        at: UnixTime::from_secs(1),
        note: format!("o\n{number}\n{root}\nat 1\n\n\u{2014} o s\n"),
    }
}

fn notes(path: &std::path::Path) -> Vec<String> {
    let mut lines = NoteLines::default();
    let bytes = std::fs::read(path).unwrap();
    let text = String::from_utf8_lossy(&bytes);
    let mut notes: Vec<_> = text.lines().filter_map(|line| lines.line(line)).map(|(_, note)| note).collect();
    notes.extend(lines.end().map(|(_, note)| note));
    notes
}

#[tokio::test]
async fn a_file_grows_and_what_a_crash_cut_short_stays_apart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("checkpoints");
    let sink = CheckpointFile::new(path.clone());
    sink.keep(&checkpoint(1, "r")).await.unwrap();
    sink.keep(&checkpoint(2, "r")).await.unwrap();
    assert_eq!(notes(&path), [checkpoint(1, "r").note, checkpoint(2, "r").note]);
    let whole = std::fs::read(&path).unwrap();
    for length in 0..whole.len() {
        std::fs::write(&path, &whole[..length]).unwrap();
        sink.keep(&checkpoint(3, "r")).await.unwrap();
        assert_eq!(notes(&path).last(), Some(&checkpoint(3, "r").note), "cut at {length}");
    }
}

#[tokio::test]
async fn a_folder_keeps_each_once_and_overwrites_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let sink = CheckpointFolder::new(folder.path().to_owned());
    sink.keep(&checkpoint(1, "r")).await.unwrap();
    sink.keep(&checkpoint(1, "r")).await.unwrap();
    let path = folder.path().join("000000000001.checkpoint");
    let other = sink.keep(&checkpoint(1, "x")).await.unwrap_err().to_string();
    assert!(other.contains("000000000001.checkpoint") && other.contains("there are two"), "{other}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), checkpoint(1, "r").note);
    // Its own, cut short by a crash, is completed.
    std::fs::write(&path, &checkpoint(1, "r").note[..6]).unwrap();
    sink.keep(&checkpoint(1, "r")).await.unwrap();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), checkpoint(1, "r").note);
}

#[tokio::test]
async fn a_place_that_is_not_there_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let away = folder.path().join("away");
    let file = CheckpointFile::new(away.join("checkpoints")).keep(&checkpoint(1, "r")).await.unwrap_err();
    assert!(file.to_string().contains("away/checkpoints"), "{file}");
    assert!(CheckpointFolder::new(away).keep(&checkpoint(1, "r")).await.is_err());
}
