//! The userinfo payload of Pro Santé Connect, golden.

use sceau::identity::{
    AuthMode, NationalId, OtherId, Professional, SectorSettings, fold, parse_line, sector_claims,
};
use serde_json::{Value, json};

const PRACTICE: &str = "8|99700427885|899700427885|DOC0042788|KIT''|01/01/1970|75056|99100|PARIS|M|||M|10|C|DR|\
DOC0042788|KIT|S|SM26|L|SA07|||||||R102671|CABINET M DOC0042788||CABINET M DOC||1||R|NOIR||75009 PARIS|75009||\
99000||||||499700427885006|CNOM/CNOM/CNOM|";

const HOSPITAL: &str = "8|99700427885|899700427885|DOC0042788|KIT''|01/01/1970|75056|99100|PARIS|M|||M|10|C|DR|\
DOC0042788|KIT|S|SM26|S|SA01|||||0B0193488|1B0064166|F0B0193488|HOPITAL GENERIQUE FIN VARI||||||||||||||||||\
10B0193488|CNOM/CNOM/ARS|";

fn professional(lines: &[&str]) -> Professional {
    fold(lines.iter().map(|line| parse_line(2, line).unwrap())).remove(0)
}

fn claims(professional: &Professional) -> Value {
    Value::Object(sector_claims(professional, AuthMode::Card, &SectorSettings::default()))
}

fn first_activity() -> Value {
    json!({
        "codeModeExercice": "L", "codeSecteurDactivite": "SA07", "codeSectionPharmacien": "", "codeRole": "",
        "codeGenreActivite": "", "numeroSiretSite": "", "numeroSirenSite": "", "numeroFinessSite": "",
        "numeroFinessetablissementJuridique": "", "identifiantTechniqueDeLaStructure": "R102671",
        "raisonSocialeSite": "CABINET M DOC0042788", "enseigneCommercialeSite": "",
        "complementDestinataire": "CABINET M DOC", "complementPointGeographique": "", "numeroVoie": "1",
        "indiceRepetitionVoie": "", "codeTypeDeVoie": "R", "libelleVoie": "NOIR", "mentionDistribution": "",
        "bureauCedex": "75009 PARIS", "codePostal": "75009", "codeCommune": "", "codePays": "99000",
        "telephone": "", "telephone2": "", "telecopie": "", "adresseEMail": "", "codeDepartement": "",
        "ancienIdentifiantDeLaStructure": "499700427885006", "autoriteDenregistrement": "CNOM/CNOM/CNOM"
    })
}

fn second_activity() -> Value {
    json!({
        "codeModeExercice": "S", "codeSecteurDactivite": "SA01", "codeSectionPharmacien": "", "codeRole": "",
        "codeGenreActivite": "", "numeroSiretSite": "", "numeroSirenSite": "",
        "numeroFinessSite": "0B0193488", "numeroFinessetablissementJuridique": "1B0064166",
        "identifiantTechniqueDeLaStructure": "F0B0193488",
        "raisonSocialeSite": "HOPITAL GENERIQUE FIN VARI", "enseigneCommercialeSite": "",
        "complementDestinataire": "", "complementPointGeographique": "", "numeroVoie": "",
        "indiceRepetitionVoie": "", "codeTypeDeVoie": "", "libelleVoie": "", "mentionDistribution": "",
        "bureauCedex": "", "codePostal": "", "codeCommune": "", "codePays": "", "telephone": "",
        "telephone2": "", "telecopie": "", "adresseEMail": "", "codeDepartement": "",
        "ancienIdentifiantDeLaStructure": "10B0193488", "autoriteDenregistrement": "CNOM/CNOM/ARS"
    })
}

#[test]
fn sandbox_doctor_gives_the_known_payload() {
    let expected = json!({
        "SubjectNameID": "899700427885",
        "preferred_username": "899700427885",
        "given_name": "KIT",
        "family_name": "DOC0042788",
        "otherIds": [{"identifiant": "899700427885", "origine": "RPPS", "qualite": 1}],
        "authMode": "CARD",
        "Palier_Authentification": "APPPRIP3^1.2.250.1.213.1.5.1.1.1",
        "PSI_Locale": "1.2.250.1.213.1.3.1.1",
        "UITVersion": "1.0",
        "Mode_Acces_Raison": "",
        "Acces_Regulation_Medicale": "FAUX",
        "Secteur_Activite": "SA07^1.2.250.1.71.4.2.4",
        "SubjectRole": ["10^1.2.250.1.213.1.1.5.5"],
        "SubjectOrganization": "CABINET M DOC0042788",
        "SubjectOrganizationID": "R102671",
        "SubjectRefPro": {
            "codeCivilite": "M",
            "exercices": [{
                "codeProfession": "10",
                "codeCategorieProfessionnelle": "C",
                "codeCiviliteDexercice": "DR",
                "nomDexercice": "DOC0042788",
                "prenomDexercice": "KIT",
                "codeTypeSavoirFaire": "S",
                "codeSavoirFaire": "SM26",
                "activities": [first_activity(), second_activity()]
            }]
        }
    });
    assert_eq!(claims(&professional(&[PRACTICE, HOSPITAL])), expected);
}

#[test]
fn every_activity_has_the_30_keys() {
    let claims = claims(&professional(&[PRACTICE, HOSPITAL]));
    let activities = claims["SubjectRefPro"]["exercices"][0]["activities"].as_array().unwrap();
    assert_eq!(activities.len(), 2);
    for activity in activities {
        assert_eq!(activity.as_object().unwrap().len(), 30);
        assert!(activity.as_object().unwrap().values().all(Value::is_string));
    }
}

#[test]
fn phone_and_palier_are_told() {
    let settings = SectorSettings { palier: String::from("APPPRIP2^1.2.250.1.213.1.5.1.1.1") };
    let claims = sector_claims(&professional(&[PRACTICE]), AuthMode::Mobile, &settings);
    assert_eq!(claims["authMode"], "MOBILE");
    assert_eq!(claims["Palier_Authentification"], "APPPRIP2^1.2.250.1.213.1.5.1.1.1");
}

#[test]
fn two_professions_give_two_exercises_and_two_roles() {
    let midwife = PRACTICE.replace("|M|10|C|DR|", "|M|50|C||");
    let claims = claims(&professional(&[PRACTICE, &midwife]));
    assert_eq!(claims["SubjectRole"], json!(["10^1.2.250.1.213.1.1.5.5", "50^1.2.250.1.213.1.1.5.5"]));
    assert_eq!(claims["SubjectRefPro"]["exercices"].as_array().unwrap().len(), 2);
}

#[test]
fn same_profession_in_two_categories_gives_one_role() {
    let military = PRACTICE.replace("|M|10|C|DR|", "|M|10|M|DR|");
    let claims = claims(&professional(&[PRACTICE, &military]));
    assert_eq!(claims["SubjectRole"], json!(["10^1.2.250.1.213.1.1.5.5"]));
    assert_eq!(claims["SubjectRefPro"]["exercices"].as_array().unwrap().len(), 2);
}

#[test]
fn no_exercise_gives_empty_strings_not_missing_keys() {
    let mut person = professional(&[PRACTICE]);
    person.exercises.clear();
    let claims = claims(&person);
    for name in ["Secteur_Activite", "SubjectOrganization", "SubjectOrganizationID"] {
        assert_eq!(claims[name], "", "{name}");
    }
    assert_eq!(claims["SubjectRole"], json!([]));
    assert_eq!(claims["SubjectRefPro"], json!({"codeCivilite": "M", "exercices": []}));
}

#[test]
fn merged_account_shows_both_identifiers_once() {
    let mut person = professional(&[PRACTICE]);
    let other = |text: &str, origine: &str, qualite| OtherId {
        identifiant: NationalId::parse(text).unwrap(),
        origine: origine.to_owned(),
        qualite,
    };
    person.other_ids =
        vec![other("899700427885", "RPPS", 1), other("550dc1c8-d97b-4b1e-ac8c-8eb4471cf9dd", "PSI", 2)];
    assert_eq!(
        claims(&person)["otherIds"],
        json!([
            {"identifiant": "899700427885", "origine": "RPPS", "qualite": 1},
            {"identifiant": "550dc1c8-d97b-4b1e-ac8c-8eb4471cf9dd", "origine": "PSI", "qualite": 2}
        ])
    );
}

#[test]
fn contacts_are_never_claimed() {
    let line = PRACTICE.replace("|M|||M|", "|M|0199000001|kit@example.org|M|");
    let person = professional(&[&line]);
    assert!(person.email.is_some() && person.phone.is_some());
    let text = claims(&person).to_string();
    assert!(!text.contains("kit@example.org") && !text.contains("0199000001"));
    assert_eq!(format!("{person:?}"), "Professional([redacted])");
}
