//! Checkpoints kept outside the database, as far as commands compare the database with the newest of them.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use crate::audit::{CheckpointError, NoteLines, PlacedNote};
use crate::flow::TrustedKeys;
use crate::ports::HighWater;

/// The newest checkpoint at `path`, a file or a folder of them, that one of `keys` signed. None where nothing is yet.
pub(super) fn newest(path: &Path, keys: &TrustedKeys) -> std::io::Result<Option<HighWater>> {
    let Some(path) = last_file(path)? else { return Ok(None) };
    let mut file = File::open(&path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL)))?;
    let (mut notes, mut newest) = (NoteLines::default(), None);
    for line in BufReader::new(file).split(b'\n') {
        let line = String::from_utf8_lossy(&line?).into_owned();
        newest = later(newest, notes.line(&line), keys, &path);
    }
    Ok(later(newest, notes.end(), keys, &path))
}

fn later(
    newest: Option<HighWater>,
    note: Option<PlacedNote>,
    keys: &TrustedKeys,
    path: &Path,
) -> Option<HighWater> {
    let Some((_, note)) = note else { return newest };
    match keys.verified(&note) {
        Ok(found) if newest.is_none_or(|newest| newest.entries <= found.size) => {
            Some(HighWater { entries: found.size, at: found.at })
        }
        Err(CheckpointError::UnknownKey) => {
            tracing::warn!(path = %path.display(), "a checkpoint is signed by a key that the database does not have");
            newest
        }
        // The first one of what is read may be cut.
        _ => newest,
    }
}

/// The file itself; of a folder the last one by name.
fn last_file(path: &Path) -> std::io::Result<Option<PathBuf>> {
    if !path.is_dir() {
        return Ok(path.exists().then(|| path.to_owned()));
    }
    let entries = std::fs::read_dir(path)?;
    let mut files: Vec<PathBuf> = entries.map(|entry| Ok(entry?.path())).collect::<std::io::Result<_>>()?;
    files.retain(|file| file.extension().is_some_and(|extension| extension == "checkpoint"));
    Ok(files.into_iter().max())
}

/// Room for many checkpoints.
const TAIL: u64 = 64 * 1024;
