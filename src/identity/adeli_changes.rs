//! The file of professionals who went from the ADELI register to the RPPS: `N° ADELI;N° RPPS`.
//!
//! One line per person, `;` between two columns, no quoting.

use super::directory_layout::{LineError, LineReason};
use super::{NationalId, NationalIdKind, OtherId};

const HEADER: &str = "N° ADELI;N° RPPS";

/// A professional who has another identifier now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentifierChange {
    /// The ADELI identifier.
    pub from: NationalId,
    /// The RPPS identifier.
    pub to: NationalId,
}

impl IdentifierChange {
    /// The former identifier as a member of `otherIds`.
    #[must_use]
    pub fn former(&self) -> OtherId {
        let origine = self.from.kind().origin().to_owned();
        OtherId { identifiant: self.from.clone(), origine, qualite: 2 }
    }
}

/// Reads one line, given without its line end. `line_number` counts from 1. The header gives none.
///
/// # Errors
/// [`LineError`], without the value. On line 1 the file is not one of these.
pub fn parse_adeli_change(line_number: u64, line: &str) -> Result<Option<IdentifierChange>, LineError> {
    let error = |column, reason| LineError { line: line_number, column, reason };
    if line_number == 1 {
        let header = line.strip_prefix('\u{feff}').unwrap_or(line);
        return if header == HEADER { Ok(None) } else { Err(error(None, LineReason::Header)) };
    }
    let (adeli, rpps) = line.split_once(';').ok_or(error(None, LineReason::TwoColumns))?;
    let read = |column, text: String, kind| {
        let id = NationalId::parse(&text).ok().filter(|id| id.kind() == kind);
        id.ok_or(error(Some(column), LineReason::NationalId))
    };
    let from = read(1, format!("0{adeli}"), NationalIdKind::Adeli)?;
    let to = read(2, format!("8{rpps}"), NationalIdKind::Rpps)?;
    Ok(Some(IdentifierChange { from, to }))
}
