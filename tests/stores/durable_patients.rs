//! The directory of patients: stored, changed, ended, and unreadable at rest.

use sceau::base::{EntropyExt as _, OsEntropy, PersonId};
use sceau::identity::{Identity, InsEnvironment, NationalId, Patient, Person, PersonStatus};
use sceau::ports::{CutoffScope, LinkOutcome, PatientCounts, PatientRecord};

use sqlx::SqlitePool;
use sqlx::sqlite::SqliteConnectOptions;

use super::durable::{START, World, granted, on_every_engine, path};
use super::durable_links::link;
use super::durable_samples::{NATIONAL_ID, cast, claim, later};
use crate::support::identity;

fn record(patient: &Patient) -> PatientRecord {
    let person = Person {
        id: PersonId::random(&OsEntropy),
        subject_seed: OsEntropy.bytes(),
        status: if patient.deceased { PersonStatus::Deactivated } else { PersonStatus::Active },
        identity: Identity::Patient(Box::new(patient.clone())),
        cooling_until: None,
        declared_email: None,
    };
    PatientRecord { person, ended: granted(), returned: granted() }
}

async fn import(world: &World, patient: &Patient) -> PatientCounts {
    world.stores.patients.import(&[record(patient)], &granted()).await.unwrap()
}

async fn stored(world: &World, patient: &Patient) -> Person {
    world.stores.patients.find(&patient.reference).await.unwrap().unwrap()
}

#[test]
fn a_patient_is_created_once_and_then_updated() {
    on_every_engine(async |world| {
        let mut claire = identity("p-01").patient;
        assert!(world.stores.patients.find(&claire.reference).await.unwrap().is_none());
        let created = PatientCounts { created: 1, ..PatientCounts::default() };
        assert_eq!(import(&world, &claire).await, created);
        let first = stored(&world, &claire).await;
        let unchanged = PatientCounts { unchanged: 1, ..PatientCounts::default() };
        assert_eq!(import(&world, &claire).await, unchanged);
        claire.email = Some(String::from("claire@elsewhere.example"));
        let updated = PatientCounts { updated: 1, ..PatientCounts::default() };
        assert_eq!(import(&world, &claire).await, updated);
        let second = stored(&world, &claire).await;
        assert_eq!((second.id, second.subject_seed), (first.id, first.subject_seed));
        assert_eq!(second.contacts().email, claire.email);
        assert_eq!(world.verified().await, 3);
    });
}

#[test]
fn the_dead_are_deactivated_and_what_they_began_ends() {
    on_every_engine(async |world| {
        let mut claire = identity("p-01").patient;
        import(&world, &claire).await;
        let id = stored(&world, &claire).await.id;
        claire.deceased = true;
        assert_eq!(import(&world, &claire).await.deactivated, 1);
        assert_eq!(stored(&world, &claire).await.status, PersonStatus::Deactivated);
        let (cutoffs, _) = world.stores.revocation.changes_since(START).await.unwrap();
        assert!(cutoffs.iter().any(|cutoff| cutoff.scope == CutoffScope::Person(id)));
        let refused = world.stores.links.link_first(&link(id, "a"), later(9), &granted()).await.unwrap();
        assert_eq!(refused, LinkOutcome::Refused);
        claire.deceased = false;
        assert_eq!(import(&world, &claire).await.updated, 1);
        assert_eq!(stored(&world, &claire).await.status, PersonStatus::Active);
    });
}

#[test]
fn an_import_keeps_an_officers_lock_a_link_and_the_cooling_period() {
    on_every_engine(async |world| {
        let mut claire = identity("p-01").patient;
        import(&world, &claire).await;
        let id = stored(&world, &claire).await.id;
        let linked = world.stores.links.link_first(&link(id, "a"), later(60), &granted()).await.unwrap();
        assert_eq!(linked, LinkOutcome::Linked);
        let lock = sceau::ports::Cutoff { scope: CutoffScope::Person(id), at: START };
        world.stores.revocation.revoke(&lock, &granted()).await.unwrap();
        claire.phone = None;
        import(&world, &claire).await;
        let after = stored(&world, &claire).await;
        assert_eq!((after.status, after.cooling_until), (PersonStatus::Locked, Some(later(60))));
        let candidates = world.stores.links.candidates(&claire.pivot).await.unwrap();
        assert!(candidates.len() == 1 && candidates[0].has_link && !candidates[0].has_device);
    });
}

#[test]
fn a_declared_address_is_kept_beside_what_the_directory_tells() {
    on_every_engine(async |world| {
        let mut claire = identity("p-01").patient;
        claire.email = None;
        import(&world, &claire).await;
        let (id, patients) = (stored(&world, &claire).await.id, &world.stores.patients);
        let audited = world.verified().await;
        assert!(patients.declare_email(id, "first@declared.example", &granted()).await.unwrap());
        assert!(patients.declare_email(id, "second@declared.example", &granted()).await.unwrap());
        let known = stored(&world, &claire).await;
        assert_eq!(known.declared_email.as_deref(), Some("second@declared.example"));
        // No code and no notice goes there.
        assert_eq!(known.contacts().email, None);
        assert_eq!(known.clone().with_declared_email().contacts().email, known.declared_email);
        claire.email = Some(String::from("claire@directory.example"));
        import(&world, &claire).await;
        let after = stored(&world, &claire).await;
        assert_eq!(after.declared_email, known.declared_email);
        assert_eq!(after.with_declared_email().contacts().email, claire.email);
        let links = world.stores.links.candidates(&claire.pivot).await.unwrap();
        assert_eq!(links.len(), 1, "still found by the traits");
        assert_eq!(world.verified().await, audited + 3);
    });
}

#[test]
fn nobody_but_an_active_patient_declares_an_address() {
    on_every_engine(async |world| {
        cast(&world).await;
        let number = NationalId::parse(NATIONAL_ID).unwrap();
        let professional = world.stores.persons.find_by_national_id(&number).await.unwrap().unwrap();
        let claire = identity("p-01").patient;
        import(&world, &claire).await;
        let locked = stored(&world, &claire).await.id;
        let lock = sceau::ports::Cutoff { scope: CutoffScope::Person(locked), at: START };
        world.stores.revocation.revoke(&lock, &granted()).await.unwrap();
        let audited = world.verified().await;
        for person in [professional.id, locked, PersonId::random(&OsEntropy)] {
            let patients = &world.stores.patients;
            assert!(!patients.declare_email(person, "a@declared.example", &granted()).await.unwrap());
        }
        assert_eq!(stored(&world, &claire).await.declared_email, None);
        assert_eq!(world.stores.persons.find(professional.id).await.unwrap(), Some(professional));
        assert_eq!(world.verified().await, audited);
    });
}

#[test]
fn candidates_are_found_by_their_present_traits() {
    on_every_engine(async |world| {
        let (one, other) = (identity("p-11").patient, identity("p-12").patient);
        import(&world, &one).await;
        import(&world, &other).await;
        let links = &world.stores.links;
        assert_eq!(links.candidates(&one.pivot).await.unwrap().len(), 2);
        let changed = Patient { pivot: identity("p-01").patient.pivot, ..other };
        import(&world, &changed).await;
        assert_eq!(links.candidates(&one.pivot).await.unwrap().len(), 1);
        assert_eq!(links.candidates(&changed.pivot).await.unwrap().len(), 1);
    });
}

#[test]
fn a_patient_is_no_professional_to_any_walk() {
    on_every_engine(async |world| {
        cast(&world).await;
        let claire = identity("p-01").patient;
        import(&world, &claire).await;
        let (directory, claim) = (&world.stores.directory, claim());
        assert!(directory.begin(claim, &granted()).await.unwrap());
        let run = directory.active().await.unwrap().unwrap();
        let mut walk = directory.walk(&run).await.unwrap();
        let seen = walk.next(100).await.unwrap();
        let persons: Vec<_> = seen.iter().filter_map(|pair| pair.stored.as_ref()).collect();
        let number = NationalId::parse(NATIONAL_ID).unwrap();
        let professional = world.stores.persons.find_by_national_id(&number).await.unwrap().unwrap();
        assert_eq!(persons.iter().map(|one| one.id).collect::<Vec<_>>(), [professional.id]);
    });
}

/// The references of those whose record names `guardian`.
async fn represented(world: &World, guardian: &Patient) -> Vec<String> {
    let found = world.stores.patients.represented_by(&guardian.reference).await.unwrap();
    let mut names: Vec<_> =
        found.iter().map(|person| person.patient().unwrap().reference.expose().to_owned()).collect();
    names.sort();
    names
}

#[test]
fn a_guardian_is_found_by_the_records_that_name_them_now() {
    on_every_engine(async |world| {
        let (claire, louis) = (identity("p-01").patient, identity("p-09").patient);
        let (mut hugo, odile) = (identity("p-13").patient, identity("p-15").patient);
        // Whoever is named need not be there, nor the term be running: that is judged later.
        for patient in [&hugo, &odile, &claire, &louis] {
            import(&world, patient).await;
            import(&world, patient).await;
        }
        assert_eq!(represented(&world, &claire).await, ["p-13"]);
        assert_eq!(represented(&world, &louis).await, ["p-15"]);
        assert!(represented(&world, &hugo).await.is_empty(), "a child represents no parent");
        let mut both = odile.guardians.clone();
        both.extend(hugo.guardians.clone());
        hugo.guardians = both;
        import(&world, &hugo).await;
        assert_eq!(represented(&world, &louis).await, ["p-13", "p-15"]);
        hugo.guardians.remove(1);
        import(&world, &hugo).await;
        assert!(represented(&world, &claire).await.is_empty());
        assert_eq!(represented(&world, &louis).await, ["p-13", "p-15"]);
        hugo.guardians.clear();
        hugo.deceased = true;
        import(&world, &hugo).await;
        assert_eq!(represented(&world, &louis).await, ["p-15"]);
    });
}

#[tokio::test]
async fn ties_stored_before_the_index_are_found_after_the_next_import() {
    let world = World::in_file().await;
    let (claire, hugo) = (identity("p-01").patient, identity("p-13").patient);
    import(&world, &hugo).await;
    let file = path(world.file.as_ref().unwrap());
    let pool = SqlitePool::connect_with(SqliteConnectOptions::new().filename(file)).await.unwrap();
    sqlx::query("DELETE FROM guardianships").execute(&pool).await.unwrap();
    assert!(represented(&world, &claire).await.is_empty());
    assert_eq!(import(&world, &hugo).await.unchanged, 1);
    assert_eq!(represented(&world, &claire).await, ["p-13"]);
}

#[test]
fn numbers_of_each_environment_are_known() {
    on_every_engine(async |world| {
        let patients = &world.stores.patients;
        import(&world, &identity("p-16").patient).await;
        assert!(!patients.has_ins_of(InsEnvironment::Test).await.unwrap(), "no matricule");
        import(&world, &identity("p-01").patient).await;
        assert!(patients.has_ins_of(InsEnvironment::Test).await.unwrap());
        assert!(!patients.has_ins_of(InsEnvironment::Production).await.unwrap());
    });
}

#[tokio::test]
async fn a_thief_of_the_file_reads_no_trait_matricule_reference_or_upstream_subject() {
    let world = World::in_file().await;
    let lucia = identity("p-02").patient;
    import(&world, &lucia).await;
    import(&world, &identity("p-13").patient).await;
    let id = stored(&world, &lucia).await.id;
    let mut made = link(id, "subject-of-lucia-at-franceconnect");
    made.pivot = Some(lucia.pivot.clone());
    assert_eq!(
        world.stores.links.link_first(&made, later(60), &granted()).await.unwrap(),
        LinkOutcome::Linked
    );
    let declared = "typed-by-lucia@declared.example";
    assert!(world.stores.patients.declare_email(id, declared, &granted()).await.unwrap());
    let folder = path(world.file.as_ref().unwrap()).parent().unwrap().to_owned();
    let files = std::fs::read_dir(folder).unwrap();
    let dump: Vec<u8> = files.flat_map(|file| std::fs::read(file.unwrap().path()).unwrap()).collect();
    let contains = |wanted: &[u8]| dump.windows(wanted.len()).any(|window| window == wanted);
    // What is looked for would be found: this stands in clear.
    assert!(contains(b"patient"));
    let ins = lucia.ins.as_ref().unwrap().expose().to_owned();
    let texts = [
        ins.as_str(),
        &ins[..13],
        "p-02",
        "p-01",
        "Colonna",
        "COLONNA",
        "Lucia",
        "Ferrandi",
        "1969-05-02",
        "2A004",
        "l.ferrandi@example.org",
        "+33639980002",
        declared,
        "subject-of-lucia-at-franceconnect",
        "fc.example",
    ];
    for text in texts {
        assert!(!contains(text.as_bytes()), "{text}");
    }
    assert!(!contains(&stored(&world, &lucia).await.subject_seed));
}
