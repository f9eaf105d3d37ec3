//! Professionals who went from the ADELI register to the RPPS: one person, another identifier (design decision 20).

use crate::audit::EventKind;
use crate::identity::{LineError, LineReason, parse_adeli_change};
use crate::ports::MergeOutcome;

use super::{ImportError, ImportObserver, LineRead, LineSource, Provider};

/// What a file of identifier changes did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MergeReport {
    /// Lines read, header left out.
    pub lines: u64,
    /// Lines refused.
    pub rejected: u64,
    /// Persons who have another identifier now.
    pub moved: u64,
    /// Accounts that were made one with another.
    pub merged: u64,
    /// Of them, those where both had been used: services of one no longer know the subject.
    pub both_used: u64,
    /// Persons whose former identifier was noted.
    pub noted: u64,
    /// Lines that changed nothing: done before, or of nobody stored.
    pub unchanged: u64,
}

impl Provider {
    /// Applies a file `N° ADELI;N° RPPS`, a line in a transaction. A second time it changes nothing.
    pub async fn merge_directory(
        &self,
        source: &mut dyn LineSource,
        observer: &mut dyn ImportObserver,
    ) -> Result<MergeReport, ImportError> {
        let mut report = MergeReport::default();
        let mut line = Vec::new();
        let mut number: u64 = 0;
        loop {
            let read = source.next_line(&mut line)?;
            if read == LineRead::Nothing && number > 0 {
                return Ok(report);
            }
            number = number.saturating_add(1);
            report.lines = number.saturating_sub(1);
            let encoding = LineError { line: number, column: None, reason: LineReason::Encoding };
            let text = std::str::from_utf8(&line).map_err(|_| encoding);
            match text.and_then(|text| parse_adeli_change(number, text)) {
                Ok(None) => {}
                Ok(Some(change)) => {
                    let event = self.succeeded(EventKind::PersonMerged, "merged", self.now());
                    let event = event.with_actor("operator");
                    let outcome = self.ports.directory.merge(&change, &event).await;
                    report.count(outcome.map_err(|error| match ImportError::from(error) {
                        ImportError::TakenOver => ImportError::Busy,
                        error => error,
                    })?);
                }
                Err(error) if number == 1 => return Err(ImportError::Layout(error)),
                Err(error) => {
                    report.rejected = report.rejected.saturating_add(1);
                    observer.rejected(&error);
                }
            }
            observer.read(report.lines, 0);
        }
    }
}

impl MergeReport {
    const fn count(&mut self, outcome: MergeOutcome) {
        if matches!(outcome, MergeOutcome::MergedBothUsed) {
            self.both_used = self.both_used.saturating_add(1);
        }
        let count = match outcome {
            MergeOutcome::Moved => &mut self.moved,
            MergeOutcome::Merged | MergeOutcome::MergedBothUsed => &mut self.merged,
            MergeOutcome::Noted => &mut self.noted,
            MergeOutcome::Unchanged | MergeOutcome::Unknown => &mut self.unchanged,
        };
        *count = count.saturating_add(1);
    }
}
