//! Import of the national directory: parse, fold, apply.

use crate::audit::EventKind;
use crate::base::{EntropyExt, PersonId};
use crate::identity::{ExtractLine, ExtractReader, LineError, Person, PersonStatus, Professional, fold};
use crate::ports::{DirectoryCounts, PortError};

use super::Provider;

/// Persons applied in one transaction.
const BATCH: usize = 500;

/// What an import did.
#[derive(Debug, Default)]
pub struct ImportReport {
    /// Lines read, header left out.
    pub lines: u64,
    /// Lines refused, with their place and reason.
    pub rejected: Vec<LineError>,
    /// What changed.
    pub counts: DirectoryCounts,
}

/// Why an import stopped.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The file is not an extract.
    #[error("not a directory extract: {0}")]
    Layout(LineError),
    /// A port.
    #[error(transparent)]
    Port(#[from] PortError),
}

impl Provider {
    /// Imports the lines of an extract. A refused line is reported and does not stop the rest.
    pub async fn import_directory<'a>(
        &self,
        lines: impl IntoIterator<Item = &'a str>,
    ) -> Result<ImportReport, ImportError> {
        let mut report = ImportReport::default();
        let mut reader = ExtractReader::new();
        let mut accepted: Vec<ExtractLine> = Vec::new();
        for (index, line) in lines.into_iter().enumerate() {
            if index > 0 {
                report.lines += 1;
            }
            match reader.feed(line) {
                Ok(Some(line)) => accepted.push(line),
                Ok(None) => {}
                Err(error) if index == 0 => return Err(ImportError::Layout(error)),
                Err(error) => report.rejected.push(error),
            }
        }
        for batch in fold(accepted).chunks(BATCH) {
            let counts = self.apply_batch(batch).await?;
            report.counts.created += counts.created;
            report.counts.updated += counts.updated;
            report.counts.unchanged += counts.unchanged;
        }
        Ok(report)
    }

    async fn apply_batch(&self, professionals: &[Professional]) -> Result<DirectoryCounts, PortError> {
        let now = self.now();
        let drawn = |professional: &Professional| Person {
            id: PersonId::random(&*self.ports.entropy),
            subject_seed: self.ports.entropy.bytes(),
            professional: professional.clone(),
            status: PersonStatus::Active,
        };
        let persons: Vec<Person> = professionals.iter().map(drawn).collect();
        let event = self.succeeded(EventKind::DirectoryImport, "batch", now);
        self.ports.directory.apply(&persons, &event).await
    }
}
