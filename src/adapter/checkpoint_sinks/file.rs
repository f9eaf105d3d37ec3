//! Checkpoints appended to one file, the notes one after the other with an empty line between.
//!
//! Where the file system can, make it append-only (`chattr +a`), or let it lie on a machine of somebody else.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Result, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use async_trait::async_trait;

use crate::ports::{CheckpointSink, PortError, PortResult, StoredCheckpoint};

/// One file.
#[derive(Clone, Debug)]
pub struct CheckpointFile {
    path: PathBuf,
}

impl CheckpointFile {
    /// The file at `path`, made with mode 0640 when there is none.
    #[must_use]
    pub const fn new(path: PathBuf) -> Self {
        Self { path }
    }
}

#[async_trait]
impl CheckpointSink for CheckpointFile {
    fn name(&self) -> &'static str {
        "checkpoint_file"
    }

    async fn keep(&self, checkpoint: &StoredCheckpoint) -> PortResult<()> {
        let (path, note) = (self.path.clone(), checkpoint.note.clone());
        written(&self.path, tokio::task::spawn_blocking(move || append(&path, &note)).await)
    }
}

fn append(path: &Path, note: &str) -> Result<()> {
    let mut file = OpenOptions::new().create(true).append(true).read(true).mode(0o640).open(path)?;
    // What a crash cut short stays apart from what follows.
    let apart = if ends_whole(&mut file)? { "" } else { "\n\n" };
    file.write_all(format!("{apart}{note}\n").as_bytes())?;
    file.sync_data()
}

fn ends_whole(file: &mut File) -> Result<bool> {
    let mut end = [0; 2];
    let length = file.metadata()?.len();
    if length < 2 {
        return Ok(length == 0);
    }
    file.seek(SeekFrom::End(-2))?;
    file.read_exact(&mut end)?;
    Ok(end == *b"\n\n")
}

/// The outcome of writing at `path`, in words.
pub(super) fn written(
    path: &Path,
    outcome: std::result::Result<Result<()>, tokio::task::JoinError>,
) -> PortResult<()> {
    let failed = |why: String| PortError::Unavailable(format!("{}: {why}", path.display()));
    outcome.map_err(|error| failed(error.to_string()))?.map_err(|error| failed(error.to_string()))
}
