//! One file for each checkpoint, in a folder: a mounted object store, with its own rule that nothing is overwritten.
//!
//! A file is made, never replaced. Another checkpoint under the same number means that the database was put back to an
//! earlier state, or that there are two: it is told and nothing is written over.

use std::fs::OpenOptions;
use std::io::{Error, ErrorKind, Result, Write as _};
use std::path::{Path, PathBuf};

use async_trait::async_trait;

use super::file::written;
use crate::ports::{CheckpointSink, PortResult, StoredCheckpoint};

/// One folder.
#[derive(Clone, Debug)]
pub struct CheckpointFolder {
    folder: PathBuf,
}

impl CheckpointFolder {
    /// The folder `folder`, which must exist.
    #[must_use]
    pub const fn new(folder: PathBuf) -> Self {
        Self { folder }
    }
}

#[async_trait]
impl CheckpointSink for CheckpointFolder {
    fn name(&self) -> &'static str {
        "checkpoint_folder"
    }

    async fn keep(&self, checkpoint: &StoredCheckpoint) -> PortResult<()> {
        let path = self.folder.join(format!("{:012}.checkpoint", checkpoint.number));
        let (place, note) = (path.clone(), checkpoint.note.clone());
        written(&path, tokio::task::spawn_blocking(move || create(&place, &note)).await)
    }
}

fn create(path: &Path, note: &str) -> Result<()> {
    let mut options = OpenOptions::new();
    options.write(true);
    let mut file = match options.clone().create_new(true).open(path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            let kept = std::fs::read_to_string(path)?;
            if kept == note {
                return Ok(());
            }
            // A crash may have cut our own short; anything else is another history.
            if !note.starts_with(&kept) {
                return Err(Error::other(OTHER_HISTORY));
            }
            options.open(path)?
        }
        opened => opened?,
    };
    file.write_all(note.as_bytes())?;
    file.sync_data()
}

const OTHER_HISTORY: &str = "another checkpoint of this number is kept there: the database was put back, or there are two; sceau audit verify";
