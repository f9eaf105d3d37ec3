//! The linking table: pairs of an answer and a directory, each bad pair a good one with one trait changed.

use std::collections::{BTreeMap, BTreeSet};

use sceau::base::{PersonId, Secret, SeededEntropy};
use sceau::federation::{
    Candidate, ExistingLink, LinkFacts, LinkVerdict, OtherSide, Standing, UpstreamIdentity, UpstreamKey,
    decide_link,
};
use sceau::identity::{Acr, BirthDate, CogCommune, CogCountry, Pivot, PivotTraits, Sex};

use crate::support::identity;

struct Case {
    upstream: UpstreamIdentity,
    requested: Acr,
    facts: LinkFacts,
}

fn key(issuer: &str, subject: &str) -> UpstreamKey {
    UpstreamKey::new(issuer.to_owned(), Secret::new(subject.to_owned()))
}

fn person(seed: u64) -> PersonId {
    PersonId::random(&SeededEntropy::new(seed))
}

fn candidate(seed: u64, pivot: Pivot) -> Candidate {
    Candidate {
        person: person(seed),
        pivot,
        standing: Standing::Active,
        has_device: false,
        has_link: false,
        has_session: false,
    }
}

fn changed(pivot: &Pivot, change: impl FnOnce(&mut PivotTraits)) -> Pivot {
    let mut traits = pivot.expose().clone();
    change(&mut traits);
    Pivot::new(traits).unwrap()
}

/// The patient with composed names, as the directory and as the register write them; an account that nobody holds.
fn fresh() -> Case {
    let one = identity("p-07");
    let (family_name, given) = one.register.unwrap();
    let register = changed(&one.patient.pivot, |traits| {
        traits.family_name = family_name;
        traits.given_names = serde_json::from_value(given).unwrap();
    });
    Case {
        upstream: UpstreamIdentity {
            key: key("https://fc.example", "0123abcdv1"),
            acr: Some(Acr::Eidas2),
            amr: Vec::new(),
            auth_time: None,
            pivot: Some(register),
            agent: None,
            email: one.patient.email.clone(),
            used_family_name: None,
        },
        requested: Acr::Eidas2,
        facts: LinkFacts { existing: None, candidates: vec![candidate(1, one.patient.pivot)] },
    }
}

/// The same, linked, with a phone and a session.
fn linked() -> Case {
    let mut case = fresh();
    let account = &mut case.facts.candidates[0];
    (account.has_device, account.has_link, account.has_session) = (true, true, true);
    case.facts.existing = Some(ExistingLink {
        key: case.upstream.key.clone(),
        person: account.person,
        pivot: Some(account.pivot.clone()),
        standing: Standing::Active,
    });
    case
}

/// An agent of a provider that gives no traits, linked.
fn agent() -> Case {
    let mut case = linked();
    case.upstream.pivot = None;
    case.link().pivot = None;
    case.facts.candidates.clear();
    case
}

impl Case {
    fn verdict(&self) -> LinkVerdict {
        decide_link(&self.upstream, Some(self.requested), &self.facts)
    }

    fn theirs(&mut self, change: impl FnOnce(&mut PivotTraits)) {
        self.upstream.pivot = self.upstream.pivot.as_ref().map(|pivot| changed(pivot, change));
    }

    fn ours(&mut self) -> &mut Candidate {
        &mut self.facts.candidates[0]
    }

    fn link(&mut self) -> &mut ExistingLink {
        self.facts.existing.as_mut().unwrap()
    }

    fn and_another(&mut self, change: impl FnOnce(&mut Candidate)) {
        let mut other = candidate(2, self.ours().pivot.clone());
        change(&mut other);
        self.facts.candidates.push(other);
    }
}

type Base = fn() -> Case;
type Row = (&'static str, fn(&mut Case), &'static str);

const FRESH: &[Row] = &[
    ("first link", |_| {}, "first_link"),
    ("a stronger level", |c| c.upstream.acr = Some(Acr::Eidas3), "first_link"),
    (
        "a stronger level asked and given",
        |c| (c.requested, c.upstream.acr) = (Acr::Eidas3, Some(Acr::Eidas3)),
        "first_link",
    ),
    ("no level", |c| c.upstream.acr = None, "level_too_low"),
    ("no level, little asked", |c| (c.requested, c.upstream.acr) = (Acr::Eidas1, None), "level_too_low"),
    ("level below the one asked", |c| c.requested = Acr::Eidas3, "level_too_low"),
    (
        "level asked too low for a link",
        |c| (c.requested, c.upstream.acr) = (Acr::Eidas1, Some(Acr::Eidas1)),
        "level_too_low",
    ),
    ("no traits", |c| c.upstream.pivot = None, "no_pivot"),
    ("nobody", |c| c.facts.candidates.clear(), "no_account"),
    ("other family name", |c| c.theirs(|t| t.family_name = "HOTE".to_owned()), "no_account"),
    ("particle left out", |c| c.theirs(|t| t.family_name = "L HOTE TOUR DESIREE".to_owned()), "no_account"),
    (
        "a prefix of the family name",
        |c| c.theirs(|t| t.family_name = "L HOTE DE LA TOUR".to_owned()),
        "no_account",
    ),
    (
        "fewer first names",
        |c| {
            c.theirs(|t| {
                t.given_names.pop();
            });
        },
        "no_account",
    ),
    ("more first names", |c| c.theirs(|t| t.given_names.push("EVE".to_owned())), "no_account"),
    ("first names in another order", |c| c.theirs(|t| t.given_names.reverse()), "no_account"),
    (
        "first names cut elsewhere",
        |c| c.theirs(|t| t.given_names = ["ANNE", "SOPHIE ZOE"].map(str::to_owned).to_vec()),
        "no_account",
    ),
    ("other sex", |c| c.theirs(|t| t.sex = Sex::Male), "no_account"),
    ("sex unspecified", |c| c.theirs(|t| t.sex = Sex::Unspecified), "no_account"),
    ("other birth date", |c| c.theirs(|t| t.birth_date = date("1999-12-30")), "no_account"),
    ("presumed birth date", |c| c.theirs(|t| t.birth_date = date("1999-12-00")), "no_account"),
    ("other birth place", |c| c.theirs(|t| t.birth_place = CogCommune::parse("97107").ok()), "no_account"),
    (
        "born abroad",
        |c| c.theirs(|t| (t.birth_place, t.birth_country) = (None, CogCountry::parse("99101").unwrap())),
        "no_account",
    ),
    ("same e-mail, other person", |c| c.theirs(|t| t.family_name = "MARCHAND".to_owned()), "no_account"),
    ("two with these traits", |c| c.and_another(|_| {}), "ambiguous"),
    (
        "two with these traits, one locked",
        |c| c.and_another(|other| other.standing = Standing::Locked),
        "ambiguous",
    ),
    (
        "two with these traits, the first one dead",
        |c| {
            c.ours().standing = Standing::Deceased;
            c.and_another(|_| {});
        },
        "ambiguous",
    ),
    (
        "a homonym of another date",
        |c| c.and_another(|other| other.pivot = changed(&other.pivot, |t| t.birth_date = date("1979-12-31"))),
        "first_link",
    ),
    ("locked", |c| c.ours().standing = Standing::Locked, "locked"),
    ("deactivated", |c| c.ours().standing = Standing::Deactivated, "deactivated"),
    ("excluded", |c| c.ours().standing = Standing::Excluded, "excluded"),
    ("deceased", |c| c.ours().standing = Standing::Deceased, "deceased"),
    ("a phone", |c| c.ours().has_device = true, "has_device"),
    ("a link", |c| c.ours().has_link = true, "has_link"),
    ("a session", |c| c.ours().has_session = true, "has_session"),
    (
        "same subject, other issuer",
        |c| {
            c.facts.existing = linked().facts.existing;
            c.link().key = key("https://other.example", "0123abcdv1");
            c.link().person = person(9);
        },
        "first_link",
    ),
];

const LINKED: &[Row] = &[
    ("known", |_| {}, "known"),
    (
        "known, sign-in at a low level",
        |c| (c.requested, c.upstream.acr) = (Acr::Eidas1, Some(Acr::Eidas1)),
        "known",
    ),
    ("known, traits shared with another", |c| c.and_another(|_| {}), "known"),
    ("known, no level", |c| c.upstream.acr = None, "level_too_low"),
    ("known, level below the one asked", |c| c.requested = Acr::Eidas3, "level_too_low"),
    (
        "recycled subject",
        |c| c.theirs(|t| (t.family_name, t.birth_date) = ("MARTIN".to_owned(), date("1961-03-21"))),
        "pivot_changed",
    ),
    (
        "civil status changed, same subject",
        |c| c.theirs(|t| t.family_name = "MARCHAND".to_owned()),
        "pivot_changed",
    ),
    ("known, no traits any more", |c| c.upstream.pivot = None, "no_pivot"),
    ("known, locked", |c| c.link().standing = Standing::Locked, "locked"),
    ("known, deactivated", |c| c.link().standing = Standing::Deactivated, "deactivated"),
    ("known, excluded", |c| c.link().standing = Standing::Excluded, "excluded"),
    ("known, deceased", |c| c.link().standing = Standing::Deceased, "deceased"),
    // The directory has the new name; the link is that of the old subject.
    (
        "civil status changed, new subject",
        |c| {
            let theirs = c.upstream.pivot.clone().unwrap();
            let new = changed(&theirs, |t| t.family_name = "MARCHAND".to_owned());
            c.upstream.pivot = Some(new.clone());
            c.upstream.key = key("https://fc.example", "4567abcdv1");
            c.ours().pivot = new;
            c.ours().has_device = false;
        },
        "has_link",
    ),
];

const AGENT: &[Row] = &[
    ("agent", |_| {}, "known"),
    ("agent, locked", |c| c.link().standing = Standing::Locked, "locked"),
    (
        "agent, subject of another issuer",
        |c| c.link().key = key("https://other.example", "0123abcdv1"),
        "no_pivot",
    ),
    (
        "agent, traits from nowhere",
        |c| c.upstream.pivot = Some(identity("p-01").patient.pivot),
        "pivot_changed",
    ),
];

/// Each check of the decision, and the rows that fail when it is taken out.
const CHECKS: &[(&str, &[&str])] = &[
    (
        "level asked for",
        &["level below the one asked", "known, no level", "known, level below the one asked"],
    ),
    ("level of a first link", &["level asked too low for a link"]),
    (
        "issuer with subject",
        &[
            "same subject, other issuer",
            "agent, subject of another issuer",
            "civil status changed, new subject",
        ],
    ),
    (
        "standing of a linked person",
        &["known, locked", "known, deactivated", "known, excluded", "known, deceased", "agent, locked"],
    ),
    (
        "traits of a linked person",
        &["recycled subject", "civil status changed, same subject", "agent, traits from nowhere"],
    ),
    ("traits missing of a linked person", &["known, no traits any more"]),
    ("traits missing", &["no traits", "agent, subject of another issuer"]),
    (
        "traits of a candidate",
        &[
            "other family name",
            "particle left out",
            "a prefix of the family name",
            "fewer first names",
            "more first names",
            "first names in another order",
            "first names cut elsewhere",
            "other sex",
            "sex unspecified",
            "other birth date",
            "presumed birth date",
            "other birth place",
            "born abroad",
            "same e-mail, other person",
            "a homonym of another date",
        ],
    ),
    (
        "one candidate only",
        &[
            "two with these traits",
            "two with these traits, one locked",
            "two with these traits, the first one dead",
        ],
    ),
    ("standing of a candidate", &["locked", "deactivated", "excluded", "deceased"]),
    ("phone", &["a phone"]),
    ("link", &["a link", "civil status changed, new subject"]),
    ("session", &["a session"]),
];

fn date(text: &str) -> BirthDate {
    BirthDate::parse(text).unwrap()
}

fn outcomes() -> BTreeMap<&'static str, (&'static str, &'static str)> {
    let tables: [(Base, &[Row]); 3] = [(fresh, FRESH), (linked, LINKED), (agent, AGENT)];
    let mut outcomes = BTreeMap::new();
    for (base, rows) in tables {
        for (name, change, reason) in rows {
            let mut case = base();
            change(&mut case);
            assert!(outcomes.insert(*name, (case.verdict().reason(), *reason)).is_none(), "{name} twice");
        }
    }
    outcomes
}

#[test]
fn each_pair_has_its_verdict() {
    let wrong: Vec<_> = outcomes().into_iter().filter(|(_, (found, wanted))| found != wanted).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn no_check_is_without_rows() {
    let named: BTreeSet<_> = CHECKS.iter().flat_map(|(_, rows)| rows.iter().copied()).collect();
    let outcomes = outcomes();
    for (check, rows) in CHECKS {
        assert!(!rows.is_empty(), "{check}");
        assert!(rows.iter().all(|row| outcomes.contains_key(row)), "{check}");
    }
    let good = ["known", "first_link"];
    for (row, (_, wanted)) in &outcomes {
        // With nobody there, and without a level where none was linked, several checks refuse.
        let several = ["nobody", "no level", "no level, little asked"].contains(row);
        assert!(good.contains(wanted) || several || named.contains(row), "{row} shows no check");
    }
}

#[test]
fn verdicts_name_the_person() {
    assert_eq!(fresh().verdict(), LinkVerdict::FirstLink(person(1)));
    assert_eq!(linked().verdict(), LinkVerdict::Known(person(1)));
    let mut held = fresh();
    held.ours().has_session = true;
    assert_eq!(held.verdict(), LinkVerdict::ProveBothSides(person(1), OtherSide::Session));
    held.ours().has_device = true;
    assert_eq!(held.verdict(), LinkVerdict::ProveBothSides(person(1), OtherSide::Device));
    let mut other = fresh();
    other.facts.existing = linked().facts.existing;
    other.link().key = key("https://other.example", "0123abcdv1");
    other.link().person = person(9);
    assert_eq!(
        other.verdict(),
        LinkVerdict::FirstLink(person(1)),
        "not the person of the other issuer's link"
    );
}

#[test]
fn equal_subjects_of_two_issuers_are_two_accounts() {
    let one = key("https://a.example", "sub");
    for other in
        [key("https://b.example", "sub"), key("https://a.example", "Sub"), key("https://a.examples", "ub")]
    {
        assert_ne!(one, other);
        assert_ne!(one.index_material(), other.index_material());
    }
    assert_eq!(one.index_material(), key("https://a.example", "sub").index_material());
    assert!(!format!("{one:?}").contains("sub\""), "{one:?}");
}

#[test]
fn homonyms_of_the_invented_patients() {
    let directory: Vec<_> = [9, 10, 11, 12]
        .map(|number: u64| candidate(number, identity(&format!("p-{number:02}")).patient.pivot))
        .to_vec();
    for (reference, wanted) in [
        ("p-09", LinkVerdict::FirstLink(person(9))),
        ("p-10", LinkVerdict::FirstLink(person(10))),
        ("p-11", LinkVerdict::Refused(sceau::federation::LinkRefusal::Ambiguous)),
        ("p-01", LinkVerdict::Refused(sceau::federation::LinkRefusal::NoAccount)),
    ] {
        let mut case = fresh();
        case.facts.candidates.clone_from(&directory);
        case.upstream.pivot = Some(identity(reference).patient.pivot);
        assert_eq!(case.verdict(), wanted, "{reference}");
    }
}
