//! The sector identity as Pro Santé Connect's userinfo gives it, byte-exact in names and values.
//!
//! Source: userinfo answers of the Pro Santé Connect sandbox; the mixed languages and odd capitals are
//! theirs. `sub` is not made here (`OpenID` Connect Core 8.1), nor is any `email`: none is invented.

use serde_json::{Map, Value, json};

use super::{Activity, AuthMode, Exercise, NationalId, Professional};

/// Profession codes (`SubjectRole`).
const ROLE_OID: &str = "1.2.250.1.213.1.1.5.5";
/// Sectors of activity, table `TRE_R02` (`Secteur_Activite`).
const SECTOR_OID: &str = "1.2.250.1.71.4.2.4";
const LOCALE: &str = "1.2.250.1.213.1.3.1.1";
const UIT_VERSION: &str = "1.0";

/// What an operator may set about the claims.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SectorSettings {
    /// `Palier_Authentification`: a code of table `TRE_R231` and its OID.
    pub palier: String,
}

impl Default for SectorSettings {
    fn default() -> Self {
        Self { palier: String::from("APPPRIP3^1.2.250.1.213.1.5.1.1.1") }
    }
}

/// The userinfo claims of `professional`, all but `sub`.
///
/// Every exercise and activity is given: no profile is chosen. The three claims that name one structure
/// take the first activity.
#[must_use]
pub fn sector_claims(
    professional: &Professional,
    auth_mode: AuthMode,
    settings: &SectorSettings,
) -> Map<String, Value> {
    let first = professional.exercises.iter().flat_map(|exercise| &exercise.activities).next();
    let of_first = |field: fn(&Activity) -> &str| first.map_or("", field);
    object([
        ("SubjectNameID", text(professional.national_id.expose())),
        ("preferred_username", text(professional.national_id.expose())),
        // OpenID Connect Core 5.1: several given names are separated by spaces.
        ("given_name", Value::String(professional.given_names.join(" "))),
        ("family_name", text(&professional.family_name)),
        ("otherIds", other_ids(professional)),
        ("authMode", text(auth_mode.as_str())),
        ("Palier_Authentification", text(&settings.palier)),
        ("PSI_Locale", text(LOCALE)),
        ("UITVersion", text(UIT_VERSION)),
        ("Mode_Acces_Raison", text("")),
        ("Acces_Regulation_Medicale", text("FAUX")),
        ("Secteur_Activite", coded(of_first(|activity| &activity.sector), SECTOR_OID)),
        ("SubjectRole", roles(professional)),
        ("SubjectOrganization", text(of_first(|activity| &activity.structure_name))),
        ("SubjectOrganizationID", text(of_first(|activity| &activity.structure_id))),
        ("SubjectRefPro", reference(professional)),
    ])
}

/// The main identifier with quality 1, then the others.
fn other_ids(professional: &Professional) -> Value {
    let main = &professional.national_id;
    let others = professional
        .other_ids
        .iter()
        .filter(|other| other.identifiant != *main)
        .map(|other| other_id(&other.identifiant, &other.origine, other.qualite));
    std::iter::once(other_id(main, main.kind().origin(), 1)).chain(others).collect()
}

fn other_id(id: &NationalId, origin: &str, quality: u8) -> Value {
    json!({ "identifiant": id.expose(), "origine": origin, "qualite": quality })
}

/// One role per profession, in order, each once.
fn roles(professional: &Professional) -> Value {
    let mut codes: Vec<&str> = Vec::new();
    for code in professional.exercises.iter().map(|exercise| exercise.profession.as_str()) {
        if !code.is_empty() && !codes.contains(&code) {
            codes.push(code);
        }
    }
    codes.into_iter().map(|code| coded(code, ROLE_OID)).collect()
}

fn reference(professional: &Professional) -> Value {
    let exercises: Value = professional.exercises.iter().map(exercise_claim).collect();
    json!({ "codeCivilite": professional.civility, "exercices": exercises })
}

fn exercise_claim(exercise: &Exercise) -> Value {
    let activities: Value = exercise.activities.iter().map(activity_claim).collect();
    Value::Object(object([
        ("codeProfession", text(&exercise.profession)),
        ("codeCategorieProfessionnelle", text(&exercise.category)),
        ("codeCiviliteDexercice", text(&exercise.title)),
        ("nomDexercice", text(&exercise.family_name)),
        ("prenomDexercice", text(&exercise.given_name)),
        ("codeTypeSavoirFaire", text(&exercise.know_how_type)),
        ("codeSavoirFaire", text(&exercise.know_how)),
        ("activities", activities),
    ]))
}

fn activity_claim(activity: &Activity) -> Value {
    Value::Object(object([
        ("codeModeExercice", text(&activity.mode)),
        ("codeSecteurDactivite", text(&activity.sector)),
        ("codeSectionPharmacien", text(&activity.pharmacist_section)),
        ("codeRole", text(&activity.role)),
        ("codeGenreActivite", text(&activity.genre)),
        ("numeroSiretSite", text(&activity.siret)),
        ("numeroSirenSite", text(&activity.siren)),
        ("numeroFinessSite", text(&activity.finess)),
        ("numeroFinessetablissementJuridique", text(&activity.legal_finess)),
        ("identifiantTechniqueDeLaStructure", text(&activity.structure_id)),
        ("raisonSocialeSite", text(&activity.structure_name)),
        ("enseigneCommercialeSite", text(&activity.trade_name)),
        ("complementDestinataire", text(&activity.addressee)),
        ("complementPointGeographique", text(&activity.place_detail)),
        ("numeroVoie", text(&activity.street_number)),
        ("indiceRepetitionVoie", text(&activity.street_number_suffix)),
        ("codeTypeDeVoie", text(&activity.street_type)),
        ("libelleVoie", text(&activity.street_name)),
        ("mentionDistribution", text(&activity.delivery_note)),
        ("bureauCedex", text(&activity.post_office)),
        ("codePostal", text(&activity.postal_code)),
        ("codeCommune", text(&activity.commune_code)),
        ("codePays", text(&activity.country_code)),
        ("telephone", text(&activity.phone)),
        ("telephone2", text(&activity.second_phone)),
        ("telecopie", text(&activity.fax)),
        ("adresseEMail", text(&activity.email)),
        ("codeDepartement", text(&activity.department_code)),
        ("ancienIdentifiantDeLaStructure", text(&activity.former_structure_id)),
        ("autoriteDenregistrement", text(&activity.registration_authority)),
    ]))
}

/// `code^OID`; a missing code stays the empty string.
fn coded(code: &str, oid: &str) -> Value {
    if code.is_empty() { text("") } else { Value::String(format!("{code}^{oid}")) }
}

fn text(value: &str) -> Value {
    Value::String(value.to_owned())
}

fn object<const N: usize>(members: [(&str, Value); N]) -> Map<String, Value> {
    members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}
