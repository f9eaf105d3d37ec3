//! The layout of the directory extract: its 49 columns, its header, and what can be wrong with a line.
//!
//! Source: `Extraction_ProSanteConnect_Personne_activite_YYYYMMDDhhmm.txt` of the agency's directory.

use std::fmt;

/// The columns, in order.
pub const COLUMNS: [&str; 49] = [
    "Type d'identifiant PP",
    "Identifiant PP",
    "Identification nationale PP",
    "Nom de famille",
    "Prénoms",
    "Date de naissance",
    "Code commune de naissance",
    "Code pays de naissance",
    "Lieu de naissance",
    "Code sexe",
    "Téléphone (coord. correspondance)",
    "Adresse e-mail (coord. correspondance)",
    "Code civilité",
    "Code profession",
    "Code catégorie professionnelle",
    "Code civilité d'exercice",
    "Nom d'exercice",
    "Prénom d'exercice",
    "Code type savoir-faire",
    "Code savoir-faire",
    "Code mode exercice",
    "Code secteur d'activité",
    "Code section tableau pharmaciens",
    "Code rôle",
    "Numéro SIRET site",
    "Numéro SIREN site",
    "Numéro FINESS site",
    "Numéro FINESS établissement juridique",
    "Identifiant technique de la structure",
    "Raison sociale site",
    "Enseigne commerciale site",
    "Complément destinataire (coord. structure)",
    "Complément point géographique (coord. structure)",
    "Numéro Voie (coord. structure)",
    "Indice répétition voie (coord. structure)",
    "Code type de voie (coord. structure)",
    "Libellé Voie (coord. structure)",
    "Mention distribution (coord. structure)",
    "Bureau cedex (coord. structure)",
    "Code postal (coord. structure)",
    "Code commune (coord. structure)",
    "Code pays (coord. structure)",
    "Téléphone (coord. structure)",
    "Téléphone 2 (coord. structure)",
    "Télécopie (coord. structure)",
    "Adresse e-mail (coord. structure)",
    "Code département (coord. structure)",
    "Ancien identifiant de la structure",
    "Autorité d'enregistrement",
];

/// What is wrong with a line, and where. Never the value: the file holds identity data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineError {
    /// Line, from 1; the header is line 1.
    pub line: u64,
    /// Column, from 1; none when the line as a whole is wrong.
    pub column: Option<usize>,
    /// What is wrong.
    pub reason: LineReason,
}

/// What can be wrong with a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LineReason {
    /// Not UTF-8.
    #[error("not UTF-8")]
    Encoding,
    /// Not two columns separated by `;`.
    #[error("not two columns")]
    TwoColumns,
    /// A header column has another name.
    #[error("not the expected column name")]
    Header,
    /// The line does not end with `|`.
    #[error("the final bar is missing")]
    FinalBar,
    /// Not 49 columns.
    #[error("not 49 columns")]
    ColumnCount,
    /// A control character: line end, tabulation, NUL.
    #[error("control character")]
    ControlCharacter,
    /// More than 512 bytes in one column.
    #[error("too long")]
    TooLong,
    /// A required column is empty.
    #[error("missing")]
    Missing,
    /// The identifier type is not one digit known here.
    #[error("unknown identifier type")]
    IdentifierType,
    /// Not a national identifier.
    #[error("malformed national identifier")]
    NationalId,
    /// The national identifier is not the type digit followed by the identifier.
    #[error("does not repeat the identifier type and identifier")]
    IdentifierMismatch,
    /// More than three first names, or a blank before a later one.
    #[error("malformed first names")]
    GivenNames,
    /// Not `DD/MM/YYYY`.
    #[error("malformed date")]
    Date,
    /// Not a telephone number.
    #[error("malformed telephone number")]
    Phone,
    /// Not an e-mail address.
    #[error("malformed e-mail address")]
    Email,
}

impl fmt::Display for LineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.column {
            Some(column) => write!(f, "line {}, column {column}: {}", self.line, self.reason),
            None => write!(f, "line {}: {}", self.line, self.reason),
        }
    }
}

impl std::error::Error for LineError {}

/// The header line, with its final bar and without line end.
#[must_use]
pub fn header() -> String {
    let mut line = COLUMNS.join("|");
    line.push('|');
    line
}

/// Checks the first line of a file; a byte order mark is accepted.
///
/// # Errors
/// [`LineError`] on line 1, naming the first column that differs.
pub fn check_header(line: &str) -> Result<(), LineError> {
    let cells = cells(1, line.strip_prefix('\u{feff}').unwrap_or(line))?;
    match COLUMNS.iter().zip(&cells).position(|(expected, found)| expected != found) {
        Some(place) => Err(LineError { line: 1, column: Some(place + 1), reason: LineReason::Header }),
        None => Ok(()),
    }
}

/// Splits a line into its 49 cells.
pub(super) fn cells(line_number: u64, line: &str) -> Result<[&str; 49], LineError> {
    let whole = |reason| LineError { line: line_number, column: None, reason };
    let body = line.strip_suffix('|').ok_or(whole(LineReason::FinalBar))?;
    let cells: Vec<&str> = body.split('|').collect();
    cells.try_into().map_err(|_| whole(LineReason::ColumnCount))
}
