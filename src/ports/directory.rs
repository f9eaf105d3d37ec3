//! Changes that the national directory brings: an extract is staged, compared, applied.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::PortResult;
use crate::audit::AuditEvent;
use crate::base::{PersonId, RunId, UnixTime};
use crate::identity::{
    DirectoryCounts, ExtractSize, IdentifierChange, NationalId, Person, PersonStatus, Professional, Wholeness,
};

/// The blind index of an identity number.
pub type PersonIndex = [u8; 32];
/// A keyed hash of a person's record as the directory says it.
pub type RecordDigest = [u8; 32];

/// How far a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunState {
    /// The file is being read.
    Staging,
    /// The file was read to its end.
    Staged,
    /// It would change more than is allowed; nothing was changed.
    Refused,
    /// Persons are being changed.
    Applying,
    /// Done.
    Applied,
    /// Given up. What was applied by then stays.
    Discarded,
}

/// The numbers of a run. No identity data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RunNumbers {
    /// Lines and persons of the file.
    pub size: ExtractSize,
    /// Lines refused.
    pub rejected: u64,
    /// Persons whose RPPS number fails its Luhn key.
    pub luhn_warnings: u64,
    /// Whether the last line had its end.
    pub line_end: bool,
    /// Whether absence from the file means anything.
    pub wholeness: Wholeness,
    /// Persons absent from a file that is not whole, and therefore left alone.
    pub spared: u64,
    /// Persons stored and not deactivated, before.
    pub stored: u64,
    /// Parts the file was staged in.
    pub chunks: u32,
    /// What is to change.
    pub planned: DirectoryCounts,
    /// What was changed so far.
    pub done: DirectoryCounts,
}

/// A run of the import.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirectoryRun {
    /// Its identifier.
    pub id: RunId,
    /// How far it is.
    pub state: RunState,
    /// When it began.
    pub began: UnixTime,
    /// When it ended.
    pub ended: Option<UnixTime>,
    /// Its numbers.
    pub numbers: RunNumbers,
}

/// A run and the process that does it: whoever takes a run over ends the right of the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunClaim {
    /// The run.
    pub run: RunId,
    /// The process, drawn at random.
    pub owner: Uuid,
}

/// A line to stage.
pub struct StagedLine {
    /// Whose it is.
    pub national_id: NationalId,
    /// The line; none when it was refused.
    pub text: Option<String>,
}

/// What is known of one person, in the file and in the store.
#[derive(Debug)]
pub struct DirectoryPair {
    /// Whom it is about.
    pub index: PersonIndex,
    /// Their lines that were read, in the order of their text, whatever that of the file.
    pub lines: Vec<String>,
    /// Whether lines of theirs were refused.
    pub refused: bool,
    /// The person as stored.
    pub stored: Option<StoredRecord>,
}

/// What is read of a stored person without opening them.
#[derive(Clone, Copy, Debug)]
pub struct StoredRecord {
    /// The person.
    pub id: PersonId,
    /// Their status.
    pub status: PersonStatus,
    /// The digest of their record; none when it was not written by an import.
    pub digest: Option<RecordDigest>,
}

/// A change of one person.
pub enum DirectoryChange {
    /// A new person.
    Create(Box<Person>, RecordDigest),
    /// A new record. A deactivated person is active again, with the event.
    Update {
        /// The person.
        id: PersonId,
        /// What the directory says now; other identifiers stay.
        professional: Box<Professional>,
        /// Its digest.
        digest: RecordDigest,
        /// Recorded when the person comes back.
        returned: AuditEvent,
    },
    /// An active person leaves: sessions and tokens of up to the event's time end.
    Deactivate(PersonId, AuditEvent),
}

/// Changes applied together.
pub struct DirectoryBatch {
    /// In the order of their index.
    pub changes: Vec<DirectoryChange>,
    /// The last person seen: the run goes on after them.
    pub upto: PersonIndex,
    /// The numbers with these changes.
    pub numbers: RunNumbers,
}

/// What became of two identifiers of one person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MergeOutcome {
    /// The person has the new identifier; the former is one of the others.
    Moved,
    /// Two persons became one.
    Merged,
    /// Two persons became one, and both had been used: the subject of one is no longer in use.
    MergedBothUsed,
    /// The person of the new identifier keeps the former one too.
    Noted,
    /// It was so already.
    Unchanged,
    /// Nobody has either.
    Unknown,
}

/// Reads a staged file and the store side by side.
#[async_trait]
pub trait DirectoryWalk: Send {
    /// The next persons, at most `limit`, by index; none at the end.
    async fn next(&mut self, limit: usize) -> PortResult<Vec<DirectoryPair>>;
}

/// The directory, durable. One run at a time. A method that takes a claim answers
/// [`PortError::Conflict`](super::PortError::Conflict) once another process took the run over.
#[async_trait]
pub trait Directory: Send + Sync {
    /// Begins a run, in place of one that was refused. False when another is under way.
    async fn begin(&self, claim: RunClaim, event: &AuditEvent) -> PortResult<bool>;
    /// The run under way, or refused.
    async fn active(&self) -> PortResult<Option<DirectoryRun>>;
    /// The run begun last.
    async fn last(&self) -> PortResult<Option<DirectoryRun>>;
    /// The size of the last file applied as a whole one.
    async fn last_whole(&self) -> PortResult<Option<ExtractSize>>;
    /// Takes the run under way over. False when it is not that one.
    async fn take_over(&self, claim: RunClaim, event: &AuditEvent) -> PortResult<bool>;
    /// Keeps a part of the file, sealed. `chunk` counts from 0.
    async fn stage(&self, claim: RunClaim, chunk: u32, lines: Vec<StagedLine>) -> PortResult<()>;
    /// Moves the run to `state`; `Applied` and `Discarded` end it.
    async fn advance(
        &self,
        claim: RunClaim,
        state: RunState,
        numbers: &RunNumbers,
        event: &AuditEvent,
    ) -> PortResult<()>;
    /// Walks the run's persons and those stored, from where it was applied to.
    async fn walk(&self, run: &DirectoryRun) -> PortResult<Box<dyn DirectoryWalk>>;
    /// Applies `batch` in one transaction with its place, its events and its cut-offs.
    async fn apply(&self, claim: RunClaim, batch: &DirectoryBatch) -> PortResult<()>;
    /// Deletes what ended runs staged.
    async fn clear(&self) -> PortResult<()>;
    /// Gives the person of one identifier another, in one transaction with `event`. With a person behind each, that
    /// of a living phone stays (design decision 20): phones and consents move, the other's sessions and tokens end,
    /// their record is kept out of reach.
    async fn merge(&self, change: &IdentifierChange, event: &AuditEvent) -> PortResult<MergeOutcome>;
}

impl RunState {
    const ALL: [Self; 6] =
        [Self::Staging, Self::Staged, Self::Refused, Self::Applying, Self::Applied, Self::Discarded];

    /// The state as stored.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Staging => "staging",
            Self::Staged => "staged",
            Self::Refused => "refused",
            Self::Applying => "applying",
            Self::Applied => "applied",
            Self::Discarded => "discarded",
        }
    }

    /// The state stored as `text`; none when unknown.
    #[must_use]
    pub fn from_stored(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }

    /// Whether the run is over.
    #[must_use]
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Applied | Self::Discarded)
    }
}
