//! The import file of patients: JSON Lines, one patient a line.
//!
//! UTF-8, no byte order mark, no blank line. Faults are named by line, and by column or member; a value is never
//! repeated. Not here: what is stored, and whether a guardian is known.

use std::collections::HashSet;
use std::fmt;

use serde::de::IgnoredAny;

use super::patient_line::{LineFault, read_patient};
use super::{InsEnvironment, Patient, PatientRef};
use crate::base::sha256;
use crate::jose::{JsonCaps, StrictJsonError, parse_strict};

/// The longest line, in bytes.
const LINE: JsonCaps = JsonCaps { bytes: 16 * 1024, members: 32, depth: 4 };

/// What is wrong with a line, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PatientFileError {
    /// Line, from 1.
    pub line: u64,
    /// Column in bytes, from 1, where one can be told.
    pub column: Option<usize>,
    /// Member of the object, where one can be told.
    pub member: Option<&'static str>,
    /// What is wrong.
    pub reason: PatientFileReason,
}

/// What can be wrong with a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatientFileReason {
    /// Not strict JSON.
    #[error(transparent)]
    Json(StrictJsonError),
    /// Not an object.
    #[error("not an object")]
    NotObject,
    /// A member that this format does not have.
    #[error("unknown member")]
    UnknownMember,
    /// A required member is missing.
    #[error("missing")]
    Missing,
    /// A member has another type.
    #[error("wrong type")]
    WrongType,
    /// A value has not the form of its member.
    #[error("malformed")]
    Malformed,
    /// The key of the matricule is wrong.
    #[error("wrong key of the matricule")]
    InsKey,
    /// A production number in a test installation, or the reverse.
    #[error("OID of another environment")]
    InsEnvironment,
    /// The status says that the register gave a matricule, and there is none.
    #[error("a retrieved or qualified identity needs its matricule")]
    InsMissing,
    /// Born in France without a commune.
    #[error("missing for a birth in France")]
    BirthPlaceMissing,
    /// Born abroad with a commune.
    #[error("present for a birth abroad")]
    BirthPlaceAbroad,
    /// The reference of an earlier line, or a guardian named twice.
    #[error("occurs twice")]
    Duplicate,
    /// A guardian who is neither in the file, nor rejected there, nor known already.
    #[error("names somebody unknown")]
    UnknownGuardian,
    /// The patient is named as their own guardian.
    #[error("names the patient")]
    Oneself,
}

impl fmt::Display for PatientFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}", self.line)?;
        if let Some(column) = self.column {
            write!(f, ", column {column}")?;
        }
        if let Some(member) = self.member {
            write!(f, ", {member}")?;
        }
        write!(f, ": {}", self.reason)
    }
}

impl std::error::Error for PatientFileError {}

/// Reads an import file line by line.
#[derive(Debug)]
pub struct PatientFileReader {
    environment: InsEnvironment,
    lines_read: u64,
    references: HashSet<PatientRef>,
    matricules: HashSet<[u8; 32]>,
}

impl PatientFileReader {
    /// A reader at the start of a file, for an installation of `environment`.
    #[must_use]
    pub fn new(environment: InsEnvironment) -> Self {
        Self { environment, lines_read: 0, references: HashSet::new(), matricules: HashSet::new() }
    }

    /// Reads the next line, given without its line end. After an error the reader can go on, so that all errors of a
    /// file can be told at once.
    ///
    /// # Errors
    /// [`PatientFileError`] with the number of this line.
    pub fn feed(&mut self, line: &str) -> Result<Patient, PatientFileError> {
        self.lines_read = self.lines_read.saturating_add(1);
        let patient = self.read(line).map_err(|(fault, column)| PatientFileError {
            line: self.lines_read,
            column,
            member: fault.member,
            reason: fault.reason,
        })?;
        self.once(&patient).map_err(|fault| PatientFileError {
            line: self.lines_read,
            column: None,
            member: fault.member,
            reason: fault.reason,
        })?;
        Ok(patient)
    }

    fn read(&self, line: &str) -> Result<Patient, (LineFault, Option<usize>)> {
        let value = parse_strict(line.as_bytes(), LINE)
            .map_err(|error| (LineFault::whole(PatientFileReason::Json(error)), column_of_syntax(line)))?;
        read_patient(value, self.environment).map_err(|unread| {
            let column = unread.unknown.and_then(|name| column_of_member(line, &name));
            (unread.fault, column)
        })
    }

    /// A reference and a matricule stand for one patient each.
    fn once(&mut self, patient: &Patient) -> Result<(), LineFault> {
        if self.references.contains(&patient.reference) {
            return Err(LineFault::at("reference", PatientFileReason::Duplicate));
        }
        if let Some(ins) = &patient.ins {
            let digest = sha256(&[ins.oid().as_str().as_bytes(), b" ", ins.expose().as_bytes()]);
            if !self.matricules.insert(digest) {
                return Err(LineFault::at("ins.matricule", PatientFileReason::Duplicate));
            }
        }
        self.references.insert(patient.reference.clone());
        Ok(())
    }
}

fn column_of_syntax(line: &str) -> Option<usize> {
    serde_json::from_str::<IgnoredAny>(line).err().map(|error| error.column())
}

/// None when the name is written with escapes.
fn column_of_member(line: &str, name: &str) -> Option<usize> {
    line.find(&format!("\"{name}\"")).map(|before| before + 1)
}
