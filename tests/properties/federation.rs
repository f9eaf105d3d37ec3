//! No two different identities link to one account, whatever the directory holds.

use proptest::prelude::*;
use sceau::base::{PersonId, Secret, SeededEntropy};
use sceau::federation::{
    Candidate, LinkFacts, LinkVerdict, Standing, UpstreamIdentity, UpstreamKey, decide_link, index_material,
    normalise_name,
};
use sceau::identity::{Acr, BirthDate, CogCommune, CogCountry, Pivot, PivotTraits, Sex};

/// What makes an identity, written a second time without lengths or bytes.
fn identity_of(pivot: &Pivot) -> (String, Vec<String>, &'static str, String, String, String) {
    let traits = pivot.expose();
    (
        normalise_name(&traits.family_name),
        traits.given_names.iter().map(|name| normalise_name(name)).collect(),
        traits.sex.as_str(),
        traits.birth_date.to_string(),
        traits.birth_place.as_ref().map(|place| place.as_str().to_owned()).unwrap_or_default(),
        traits.birth_country.as_str().to_owned(),
    )
}

/// Few values, cut at every place, so that identities nearly collide often.
fn pivot() -> impl Strategy<Value = Pivot> {
    let name = prop::sample::select(vec![
        "LOU",
        "ISEMARTIN",
        "LOUISE",
        "MARTIN",
        "Loû-Ise",
        "LOU ISE",
        "ISE",
        "female",
        "1999-12-31",
    ])
    .prop_filter("a name has a letter", |name| name.contains(char::is_alphabetic));
    let sex = prop::sample::select(vec![Sex::Female, Sex::Male, Sex::Unspecified]);
    let birth_date = prop::sample::select(vec!["1999-12-31", "1999-12-00", "1999-00-00", "1999-12-30"]);
    let place =
        prop::sample::select(vec![("97105", "99100"), ("2A004", "99100"), ("", "99351"), ("", "99352")]);
    (name.clone(), prop::collection::vec(name, 1..4), sex, birth_date, place).prop_map(
        |(family_name, given_names, sex, birth_date, (place, country))| {
            Pivot::new(PivotTraits {
                family_name: family_name.to_owned(),
                given_names: given_names.into_iter().map(str::to_owned).collect(),
                sex,
                birth_date: BirthDate::parse(birth_date).unwrap(),
                birth_place: CogCommune::parse(place).ok(),
                birth_country: CogCountry::parse(country).unwrap(),
            })
            .unwrap()
        },
    )
}

fn verdict(pivot: &Pivot, subject: &str, directory: &[Candidate]) -> LinkVerdict {
    let upstream = UpstreamIdentity {
        key: UpstreamKey::new(String::from("https://fc.example"), Secret::new(subject.to_owned())),
        acr: Some(Acr::Eidas2),
        amr: Vec::new(),
        auth_time: None,
        pivot: Some(pivot.clone()),
        agent: None,
        email: None,
        used_family_name: None,
    };
    // The whole directory: the decision itself tells who is who, not the look-up.
    decide_link(&upstream, Some(Acr::Eidas2), &LinkFacts { existing: None, candidates: directory.to_vec() })
}

fn person_of(verdict: LinkVerdict) -> Option<PersonId> {
    match verdict {
        LinkVerdict::Known(person)
        | LinkVerdict::FirstLink(person)
        | LinkVerdict::ProveBothSides(person, _) => Some(person),
        LinkVerdict::Refused(_) => None,
    }
}

proptest! {
    #[test]
    fn two_identities_never_reach_one_account(
        one in pivot(),
        other in pivot(),
        directory in prop::collection::vec((pivot(), any::<[bool; 3]>()), 0..12),
    ) {
        let seeded = (1..).zip(directory);
        let candidates: Vec<_> = seeded
            .map(|(seed, (pivot, [has_device, has_link, has_session]))| Candidate {
                person: PersonId::random(&SeededEntropy::new(seed)),
                pivot,
                standing: Standing::Active,
                has_device,
                has_link,
                has_session,
            })
            .collect();
        let (first, second) = (verdict(&one, "a", &candidates), verdict(&other, "b", &candidates));
        if let (Some(first), Some(second)) = (person_of(first), person_of(second)) {
            prop_assert_eq!(first == second, identity_of(&one) == identity_of(&other));
        }
        if let Some(person) = person_of(first) {
            let account = candidates.iter().find(|candidate| candidate.person == person).unwrap();
            prop_assert_eq!(identity_of(&account.pivot), identity_of(&one));
            if let LinkVerdict::FirstLink(_) = first {
                prop_assert!(!account.has_device && !account.has_link && !account.has_session);
            }
        }
    }

    #[test]
    fn index_material_is_equal_exactly_for_one_identity(one in pivot(), other in pivot()) {
        prop_assert_eq!(index_material(&one) == index_material(&other), identity_of(&one) == identity_of(&other));
    }

    #[test]
    fn normalising_twice_is_normalising_once(name in "\\PC{0,40}") {
        let once = normalise_name(&name);
        prop_assert_eq!(normalise_name(&once), once);
    }
}
