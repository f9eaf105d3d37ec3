//! Import of the national directory: stage, compare, and, when the change is believable, apply.
//!
//! Nothing changes before everything was compared. A run goes on where it was when its process is killed.

use std::io;

use crate::audit::{AuditEvent, Decision, EventKind};
use crate::base::RunId;
use crate::identity::{DirectoryCounts, LineError};
use crate::ports::{DirectoryRun, PortError, PortResult, RunClaim, RunNumbers, RunState};

use super::{LineSource, Provider};

/// What an operator allows.
#[derive(Clone, Copy, Debug, Default)]
pub struct ImportOptions {
    /// Persons that may change, in percent of those stored, in place of the setting.
    pub allow_share: Option<u8>,
    /// The file is whole though it is shorter than the last one.
    pub accept_shorter: bool,
}

/// Hears how an import goes on.
pub trait ImportObserver: Send {
    /// `lines` were read so far, of `bytes`.
    fn read(&mut self, _lines: u64, _bytes: u64) {}
    /// A line was refused.
    fn rejected(&mut self, _error: &LineError) {}
    /// `persons` were compared so far.
    fn compared(&mut self, _persons: u64) {}
    /// Of `planned` changes, `done` are made.
    fn applied(&mut self, _done: DirectoryCounts, _planned: DirectoryCounts) {}
}

/// Nobody listens.
pub struct Silent;

impl ImportObserver for Silent {}

/// What an import did.
#[derive(Clone, Copy, Debug)]
pub struct ImportReport {
    /// The run.
    pub run: RunId,
    /// Its numbers; `done` is what changed.
    pub numbers: RunNumbers,
}

/// Why an import stopped.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The file is not what it should be.
    #[error("{0}")]
    Layout(LineError),
    /// The file cannot be read to its end.
    #[error("reading the file: {0}")]
    Source(#[from] io::Error),
    /// Another run is under way.
    #[error("another import is under way")]
    Busy,
    /// There is no run under way.
    #[error("no import is under way")]
    NothingToResume,
    /// The run had not read its file to the end.
    #[error("the import was stopped before it had read its file to the end")]
    NotStaged,
    /// It would change too much; nothing was changed.
    #[error("the import would change more than {percent} % of the persons stored")]
    Refused {
        /// What is allowed.
        percent: u8,
        /// What it would do.
        numbers: Box<RunNumbers>,
    },
    /// Another process goes on with the run, or gave it up.
    #[error("another process has taken this import over, or given it up")]
    TakenOver,
    /// A port.
    #[error(transparent)]
    Port(PortError),
}

impl From<PortError> for ImportError {
    fn from(error: PortError) -> Self {
        match error {
            PortError::Conflict => Self::TakenOver,
            error => Self::Port(error),
        }
    }
}

impl Provider {
    /// Imports an extract. A refused line is told to `observer` and does not stop the rest.
    pub async fn import_directory(
        &self,
        source: &mut dyn LineSource,
        options: ImportOptions,
        observer: &mut dyn ImportObserver,
    ) -> Result<ImportReport, ImportError> {
        let claim = self.new_claim(RunId::ordered(&*self.ports.entropy, self.now()));
        if !self.ports.directory.begin(claim, &self.run_event(claim.run, "begun")).await? {
            return Err(ImportError::Busy);
        }
        self.ports.directory.clear().await?;
        let numbers = match self.stage_extract(claim, source, observer).await {
            Ok(numbers) => numbers,
            Err(error @ (ImportError::Layout(_) | ImportError::Source(_))) => {
                let event = self.run_refusal(claim.run, "file_unreadable");
                let nothing = RunNumbers::default();
                self.ports.directory.advance(claim, RunState::Discarded, &nothing, &event).await?;
                self.ports.directory.clear().await?;
                return Err(error);
            }
            Err(error) => return Err(error),
        };
        let event = self.run_event(claim.run, "staged").with_count("lines", numbers.size.lines);
        let event = event.with_count("rejected", numbers.rejected);
        self.ports.directory.advance(claim, RunState::Staged, &numbers, &event).await?;
        self.go_on(claim, options, observer).await
    }

    /// Goes on with the run under way, or refused, in place of the process that did it.
    pub async fn resume_directory(
        &self,
        options: ImportOptions,
        observer: &mut dyn ImportObserver,
    ) -> Result<ImportReport, ImportError> {
        let run = self.ports.directory.active().await?.ok_or(ImportError::NothingToResume)?;
        if run.state == RunState::Staging {
            return Err(ImportError::NotStaged);
        }
        let claim = self.new_claim(run.id);
        if !self.ports.directory.take_over(claim, &self.run_event(run.id, "resumed")).await? {
            return Err(ImportError::NothingToResume);
        }
        self.go_on(claim, options, observer).await
    }

    /// Gives up the run under way, or refused. What it applied stays.
    pub async fn discard_directory(&self) -> Result<DirectoryRun, ImportError> {
        let run = self.ports.directory.active().await?.ok_or(ImportError::NothingToResume)?;
        let claim = self.new_claim(run.id);
        if !self.ports.directory.take_over(claim, &self.run_event(run.id, "taken_over")).await? {
            return Err(ImportError::NothingToResume);
        }
        // The numbers may have gone on until the claim changed hands.
        let run = self.ports.directory.active().await?.ok_or(ImportError::NothingToResume)?;
        let event = counted(self.run_event(run.id, "discarded"), &run.numbers.done);
        self.ports.directory.advance(claim, RunState::Discarded, &run.numbers, &event).await?;
        self.ports.directory.clear().await?;
        Ok(run)
    }

    /// The run under way or refused, or else the last one.
    pub async fn directory_run(&self) -> PortResult<Option<DirectoryRun>> {
        match self.ports.directory.active().await? {
            Some(run) => Ok(Some(run)),
            None => self.ports.directory.last().await,
        }
    }

    fn new_claim(&self, run: RunId) -> RunClaim {
        RunClaim { run, owner: RunId::random(&*self.ports.entropy).uuid() }
    }

    pub(super) fn run_event(&self, run: RunId, reason: &'static str) -> AuditEvent {
        self.by_import(run, Decision::Success, reason)
    }

    pub(super) fn run_refusal(&self, run: RunId, reason: &'static str) -> AuditEvent {
        self.by_import(run, Decision::Refusal, reason)
    }

    fn by_import(&self, run: RunId, decision: Decision, reason: &'static str) -> AuditEvent {
        self.event(EventKind::DirectoryImport, decision, reason, self.now())
            .with_actor("operator")
            .with_transaction(run.to_string())
    }
}

/// Adds what changed to an event.
pub(super) fn counted(event: AuditEvent, counts: &DirectoryCounts) -> AuditEvent {
    event
        .with_count("created", counts.created)
        .with_count("updated", counts.updated)
        .with_count("deactivated", counts.deactivated)
        .with_count("unchanged", counts.unchanged)
}
