//! A professional's sector identity: professions (exercices) and places of work (activités).
//!
//! The model of Pro Santé Connect's `SubjectRefPro`. Absent data is the empty string, as there. The wire
//! names are in `sector_claims`. Codes are carried, not interpreted.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::NationalId;

/// A professional of the directory. Redacted in `Debug` as a whole: it holds the activation contacts.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Professional {
    /// The national identifier: the directory's key.
    pub national_id: NationalId,
    /// Family name.
    pub family_name: String,
    /// First names, in the directory's order.
    pub given_names: Vec<String>,
    /// Identifiers under which the person was known before (ADELI before RPPS, PSI before RPPS).
    pub other_ids: Vec<OtherId>,
    /// `codeCivilite`: `M`, `MME`.
    pub civility: String,
    /// One per profession and category.
    pub exercises: Vec<Exercise>,
    /// Where the activation message goes. Not public.
    pub email: Option<String>,
    /// Where the activation code goes. Not public.
    pub phone: Option<String>,
}

/// An identifier with its origin and quality: a member of `otherIds`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OtherId {
    /// The identifier.
    pub identifiant: NationalId,
    /// The register it comes from: `RPPS`, `PSI`, `EDIT`.
    pub origine: String,
    /// 1 for the main identifier, 2 for another.
    pub qualite: u8,
}

/// The exercise of one profession: an entry of `exercices`.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Exercise {
    /// `codeProfession` (table `TRE_G15`).
    pub profession: String,
    /// `codeCategorieProfessionnelle`: `C` civil, `M` military, `F` civil servant, `E` student.
    pub category: String,
    /// `codeCiviliteDexercice`: `DR`, `PR`.
    pub title: String,
    /// `nomDexercice`.
    pub family_name: String,
    /// `prenomDexercice`.
    pub given_name: String,
    /// `codeTypeSavoirFaire`.
    pub know_how_type: String,
    /// `codeSavoirFaire`.
    pub know_how: String,
    /// One per place of work.
    pub activities: Vec<Activity>,
}

/// The work at one place: an entry of `activities`.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Activity {
    /// `codeModeExercice`: `L` self-employed, `S` salaried, `B` volunteer.
    pub mode: String,
    /// `codeSecteurDactivite` (table `TRE_R02`).
    pub sector: String,
    /// `codeSectionPharmacien`.
    pub pharmacist_section: String,
    /// `codeRole`.
    pub role: String,
    /// `codeGenreActivite`; not in the extract.
    pub genre: String,
    /// `numeroSiretSite`.
    pub siret: String,
    /// `numeroSirenSite`.
    pub siren: String,
    /// `numeroFinessSite`.
    pub finess: String,
    /// `numeroFinessetablissementJuridique`.
    pub legal_finess: String,
    /// `identifiantTechniqueDeLaStructure`.
    pub structure_id: String,
    /// `raisonSocialeSite`.
    pub structure_name: String,
    /// `enseigneCommercialeSite`.
    pub trade_name: String,
    /// `complementDestinataire`.
    pub addressee: String,
    /// `complementPointGeographique`.
    pub place_detail: String,
    /// `numeroVoie`.
    pub street_number: String,
    /// `indiceRepetitionVoie`.
    pub street_number_suffix: String,
    /// `codeTypeDeVoie`.
    pub street_type: String,
    /// `libelleVoie`.
    pub street_name: String,
    /// `mentionDistribution`.
    pub delivery_note: String,
    /// `bureauCedex`.
    pub post_office: String,
    /// `codePostal`.
    pub postal_code: String,
    /// `codeCommune`.
    pub commune_code: String,
    /// `codePays`.
    pub country_code: String,
    /// `telephone`.
    pub phone: String,
    /// `telephone2`.
    pub second_phone: String,
    /// `telecopie`.
    pub fax: String,
    /// `adresseEMail`.
    pub email: String,
    /// `codeDepartement`.
    pub department_code: String,
    /// `ancienIdentifiantDeLaStructure`.
    pub former_structure_id: String,
    /// `autoriteDenregistrement`.
    pub registration_authority: String,
}

impl fmt::Debug for Professional {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Professional([redacted])")
    }
}

impl fmt::Debug for Exercise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Exercise([redacted])")
    }
}

impl fmt::Debug for Activity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Activity([redacted])")
    }
}
