//! How names are compared: the written rules, one table each.

use sceau::federation::{index_material, normalise_name, same_identity};
use sceau::identity::{Pivot, PivotTraits};

use crate::support::{identities, identity};

#[test]
fn spellings_of_one_name_are_one() {
    let rows = [
        ("FRANÇOIS", "Francois"),
        ("Zoë", "ZOE"),
        ("Zoe\u{308}", "Zoë"),
        ("Émile", "emile"),
        ("L'Hôte", "L HOTE"),
        ("L’Hôte", "L'HOTE"),
        ("D\u{2BC}Arc", "D`Arc"),
        ("Jean-Pierre", "JEAN PIERRE"),
        ("Jean\u{2011}Pierre", "Jean – Pierre"),
        ("Le  Goff", "LE GOFF"),
        ("Le\u{a0}Goff", "LE GOFF"),
        ("Lebœuf", "LEBOEUF"),
        ("Lætitia", "LAETITIA"),
        ("Straße", "STRASSE"),
        ("Łukasz", "LUKASZ"),
        ("Østergård", "OSTERGARD"),
        ("Đặng", "DANG"),
        ("Nguyễn", "NGUYEN"),
        ("ﬁlip", "FILIP"),
        ("ＭＡＲＴＩＮ", "Martin"),
        ("de la Tour", "DE LA TOUR"),
    ];
    for (one, other) in rows {
        assert_eq!(normalise_name(one), normalise_name(other), "{one} {other}");
    }
    assert_eq!(normalise_name("L'Hôte de la Tour-Désirée"), "L HOTE DE LA TOUR DESIREE");
    assert_eq!(normalise_name(" -Anne--Sophie' "), "ANNE SOPHIE");
}

/// No stem, no sound, no prefix, no particle left out.
#[test]
fn other_names_stay_other_names() {
    let rows = [
        ("Martin", "Martins"),
        ("Jean", "Jean-Pierre"),
        ("De La Tour", "La Tour"),
        ("De La Tour", "Delatour"),
        ("D'Arc", "Darc"),
        ("Dupont", "Dupond"),
        ("Catherine", "Katherine"),
        ("Saint-Jean", "St-Jean"),
        ("Pierre Jean", "Jean Pierre"),
        ("Muller", "Mueller"),
        ("Martin", "Martin."),
        ("Martin", "Martin2"),
        ("Martin", "M\u{430}rtin"),
        ("Martin", "Mar\u{ad}tin"),
        ("Martin", "Mar\u{200d}tin"),
    ];
    for (one, other) in rows {
        assert_ne!(normalise_name(one), normalise_name(other), "{one} {other}");
    }
}

#[test]
fn every_character_normalises_to_itself_at_last() {
    for c in '\0'..='\u{1FFFF}' {
        let once = normalise_name(&format!("a{c}b"));
        assert_eq!(normalise_name(&once), once, "U+{:04X}", u32::from(c));
    }
}

#[test]
fn fields_cannot_run_into_each_other() {
    let named = |family: &str, given: &[&str]| {
        let given_names = given.iter().map(|&name| name.to_owned()).collect();
        let traits = identity("p-01").patient.pivot.expose().clone();
        Pivot::new(PivotTraits { family_name: family.to_owned(), given_names, ..traits }).unwrap()
    };
    let rows = [
        (named("ISEMARTIN", &["LOU"]), named("MARTIN", &["LOUISE"])),
        (named("MARTIN", &["LOU", "ISE"]), named("MARTIN", &["LOUISE"])),
        (named("MARTIN", &["LOU", "ISE"]), named("MARTIN", &["LO", "UISE"])),
        (named("MARTIN", &["LOU", "ISE"]), named("MARTIN", &["LOU ISE"])),
        (named("MARTIN", &["LOU", "ISE"]), named("MARTIN", &["ISE", "LOU"])),
        (named("MARTIN", &["LOU", "ISE"]), named("MARTIN", &["LOU"])),
        (named("MARTIN", &["LOU", "FEMALE"]), named("MARTIN", &["LOU"])),
        (named("MARTIN LOU", &["ISE"]), named("MARTIN", &["LOU ISE"])),
    ];
    for (one, other) in rows {
        assert_ne!(index_material(&one), index_material(&other), "{:?}", one.expose().given_names);
        assert!(!same_identity(&one, &other));
    }
    assert!(same_identity(&named("MARTIN", &["Loû"]), &named("Martin", &["LOU"])));
}

/// Kept in indexes: a change of rule must change the label too.
#[test]
fn the_index_material_is_as_stored() {
    let material = index_material(&identity("p-08").patient.pivot);
    let mut wanted = Vec::new();
    for part in
        ["pivot 1", "LEBOEUF", "\0\0\0\0\0\0\0\u{1}", "LAETITIA", "female", "1972-08-09", "13055", "99100"]
    {
        wanted.extend(u64::try_from(part.len()).unwrap().to_be_bytes());
        wanted.extend(part.as_bytes());
    }
    assert_eq!(material.expose(), wanted);
    assert_eq!(format!("{material:?}"), "IndexMaterial([redacted])");
}

#[test]
fn the_register_writes_the_invented_patients_its_own_way() {
    let mut odd = 0;
    for one in identities() {
        let Some((family_name, given)) = one.register else { continue };
        odd += 1;
        let given_names = serde_json::from_value(given).unwrap();
        let traits = one.patient.pivot.expose().clone();
        assert!(traits.family_name != family_name || traits.given_names != given_names, "{}", one.case);
        let register = Pivot::new(PivotTraits { family_name, given_names, ..traits }).unwrap();
        assert!(same_identity(&register, &one.patient.pivot), "{}", one.case);
    }
    assert!(odd >= 5);
}
