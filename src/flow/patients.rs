//! Import of the directory of patients, line by line. A rejected line changes nothing and does not stop the rest; a line
//! of another environment does.

use std::collections::HashSet;
use std::io;

use crate::audit::{Decision, EventKind};
use crate::base::{EntropyExt as _, PersonId, RunId};
use crate::identity::{
    Identity, InsEnvironment, Patient, PatientFileError, PatientFileReader, PatientFileReason, PatientRef,
    Person, PersonStatus,
};
use crate::ports::{PatientCounts, PatientRecord, PortError, PortResult};

use super::{LineRead, LineSource, Provider};

/// What an import of patients did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PatientsReport {
    /// Lines read.
    pub lines: u64,
    /// Lines rejected.
    pub rejected: u64,
    /// What changed.
    pub counts: PatientCounts,
}

/// Why an import of patients stopped. Batches before the fault stay.
#[derive(Debug, thiserror::Error)]
pub enum PatientsError {
    /// Numbers of another environment are stored.
    #[error("health numbers of another environment are stored: `patients.ins` does not fit this database")]
    StoredEnvironment,
    /// The file has a number of another environment.
    #[error("{0}: this file is not for this installation (`patients.ins`)")]
    FileEnvironment(PatientFileError),
    /// The file cannot be read to its end.
    #[error("reading the file: {0}")]
    Source(#[from] io::Error),
    /// A port.
    #[error(transparent)]
    Port(#[from] PortError),
}

/// A line that names guardians, until these are known.
struct Waiting {
    line: u64,
    patient: Patient,
}

/// An import under way.
struct Run<'a> {
    provider: &'a Provider,
    id: RunId,
    batch: Vec<PatientRecord>,
    known: HashSet<PatientRef>,
    report: PatientsReport,
}

impl Provider {
    /// Creates and updates patients from a file of JSON Lines. `rejected` hears of each line that is left out. A guardian
    /// is somebody of the file or of the store; lines that name one wait for the end of the file.
    pub async fn import_patients(
        &self,
        source: &mut dyn LineSource,
        rejected: &mut (dyn FnMut(&PatientFileError) + Send),
    ) -> Result<PatientsReport, PatientsError> {
        if self.foreign_ins_stored().await? {
            return Err(PatientsError::StoredEnvironment);
        }
        let mut reader = PatientFileReader::new(self.policy.patients_ins);
        let id = RunId::ordered(&*self.ports.entropy, self.now());
        let mut run = Run {
            provider: self,
            id,
            batch: Vec::new(),
            known: HashSet::new(),
            report: PatientsReport::default(),
        };
        let mut waiting = Vec::new();
        let mut line = Vec::new();
        while source.next_line(&mut line)? != LineRead::Nothing {
            run.report.lines = run.report.lines.saturating_add(1);
            match reader.feed(std::str::from_utf8(&line).unwrap_or(NO_TEXT)) {
                Ok(patient) if patient.guardians.is_empty() => run.take(patient).await?,
                Ok(patient) => waiting.push(Waiting { line: run.report.lines, patient }),
                Err(error) if error.reason == PatientFileReason::InsEnvironment => {
                    return Err(PatientsError::FileEnvironment(error));
                }
                Err(error) => run.reject(&error, rejected),
            }
        }
        run.settle(waiting, rejected).await?;
        run.flush().await?;
        Ok(run.report)
    }

    /// Whether numbers of the environment that is not this installation's are stored.
    pub async fn foreign_ins_stored(&self) -> PortResult<bool> {
        let other = match self.policy.patients_ins {
            InsEnvironment::Production => InsEnvironment::Test,
            InsEnvironment::Test => InsEnvironment::Production,
        };
        self.ports.patients.has_ins_of(other).await
    }
}

impl Run<'_> {
    async fn take(&mut self, patient: Patient) -> Result<(), PatientsError> {
        self.known.insert(patient.reference.clone());
        let record = self.record(patient);
        self.batch.push(record);
        if self.batch.len() >= BATCH { self.flush().await } else { Ok(()) }
    }

    fn reject(&mut self, error: &PatientFileError, rejected: &mut (dyn FnMut(&PatientFileError) + Send)) {
        self.report.rejected = self.report.rejected.saturating_add(1);
        rejected(error);
    }

    /// Takes the lines whose guardians are known or are taken too; rejects the others.
    async fn settle(
        &mut self,
        mut waiting: Vec<Waiting>,
        rejected: &mut (dyn FnMut(&PatientFileError) + Send),
    ) -> Result<(), PatientsError> {
        let mut known = std::mem::take(&mut self.known);
        known.extend(self.stored(&waiting, &known).await?);
        let mut refused = Vec::new();
        loop {
            let all: HashSet<&PatientRef> = waiting.iter().map(|line| &line.patient.reference).collect();
            let lacks = |line: &Waiting| {
                let mut guardians = line.patient.guardians.iter().map(|guardian| &guardian.guardian_ref);
                !guardians.all(|guardian| known.contains(guardian) || all.contains(guardian))
            };
            let lacking: HashSet<u64> =
                waiting.iter().filter(|line| lacks(line)).map(|line| line.line).collect();
            if lacking.is_empty() {
                break;
            }
            waiting.retain(|line| !lacking.contains(&line.line));
            refused.extend(lacking);
        }
        refused.sort_unstable();
        for line in refused {
            let reason = PatientFileReason::UnknownGuardian;
            self.reject(
                &PatientFileError { line, column: None, member: Some("guardians"), reason },
                rejected,
            );
        }
        for line in waiting {
            self.take(line.patient).await?;
        }
        Ok(())
    }

    /// The guardians named that the store has and the file has not.
    async fn stored(
        &self,
        waiting: &[Waiting],
        known: &HashSet<PatientRef>,
    ) -> Result<HashSet<PatientRef>, PatientsError> {
        let named = waiting.iter().flat_map(|line| &line.patient.guardians).map(|one| &one.guardian_ref);
        let unseen: HashSet<&PatientRef> = named.filter(|reference| !known.contains(*reference)).collect();
        let mut found = HashSet::new();
        for reference in unseen {
            if self.provider.ports.patients.find(reference).await?.is_some() {
                found.insert(reference.clone());
            }
        }
        Ok(found)
    }

    async fn flush(&mut self) -> Result<(), PatientsError> {
        let batch = std::mem::take(&mut self.batch);
        if batch.is_empty() {
            return Ok(());
        }
        let provider = self.provider;
        let event = provider
            .event(EventKind::PatientsImport, Decision::Success, "batch", provider.now())
            .with_actor("operator")
            .with_transaction(self.id.to_string());
        let done = provider.ports.patients.import(&batch, &event).await?;
        let counts = &mut self.report.counts;
        counts.created = counts.created.saturating_add(done.created);
        counts.updated = counts.updated.saturating_add(done.updated);
        counts.unchanged = counts.unchanged.saturating_add(done.unchanged);
        counts.deactivated = counts.deactivated.saturating_add(done.deactivated);
        Ok(())
    }

    fn record(&self, patient: Patient) -> PatientRecord {
        let provider = self.provider;
        let entropy = &*provider.ports.entropy;
        let person = Person {
            id: PersonId::random(entropy),
            subject_seed: entropy.bytes(),
            status: if patient.deceased { PersonStatus::Deactivated } else { PersonStatus::Active },
            identity: Identity::Patient(Box::new(patient)),
            cooling_until: None,
            declared_email: None,
        };
        // The person stored under the reference is named by the store, which knows whether there is one.
        let event = |reason| {
            let event =
                provider.event(EventKind::PersonDeactivated, Decision::Success, reason, provider.now());
            event.with_actor("operator").with_transaction(self.id.to_string())
        };
        PatientRecord { ended: event("deceased"), returned: event("not_deceased"), person }
    }
}

/// In place of a line that is not UTF-8: no JSON either.
const NO_TEXT: &str = "\u{0}";
/// Persons a transaction.
const BATCH: usize = 200;
