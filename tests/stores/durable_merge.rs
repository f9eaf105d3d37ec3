//! Two identifiers of one person: who stays, what moves, and that nothing is lost (design decision 20).

use sceau::base::PersonId;
use sceau::device::Device;
use sceau::identity::{IdentifierChange, NationalId, Person, PersonStatus};
use sceau::ports::{
    BindOutcome, Consent, ConsentSubject, Cutoff, CutoffScope, IssueOutcome, MergeOutcome, PortError,
};

use super::durable::{START, World, granted, on_every_engine, refused};
use super::durable_samples::{Cast, bind_plan, claim, client, client_id, device, import, person};

const ADELI: &str = "0759901234";
const RPPS: &str = "899700000012";

fn change() -> IdentifierChange {
    IdentifierChange { from: NationalId::parse(ADELI).unwrap(), to: NationalId::parse(RPPS).unwrap() }
}

async fn merge(world: &World) -> MergeOutcome {
    world.stores.directory.merge(&change(), &granted()).await.unwrap()
}

async fn found(world: &World, number: &str) -> Option<Person> {
    world.stores.persons.find_by_national_id(&NationalId::parse(number).unwrap()).await.unwrap()
}

async fn phone(world: &World, person: PersonId) -> Device {
    let device = device(person);
    let bound = world.stores.devices.bind(&bind_plan(&device), &granted(), &refused()).await.unwrap();
    assert_eq!(bound, BindOutcome::Bound);
    device
}

/// Signs the person in with their phone.
async fn used(world: &World, person: &Person, device: &Device) {
    let cast = Cast { person: person.clone(), device: device.clone() };
    let issued = world.stores.issuance.issue(&cast.issue_plan(), &granted(), &refused()).await.unwrap();
    assert_eq!(issued, IssueOutcome::Issued);
}

/// The person of the number: the seed of `kept`, the former identifier among the others.
async fn assert_stays(world: &World, kept: &Person) -> Person {
    let person = found(world, RPPS).await.unwrap();
    assert_eq!(person.id, kept.id);
    assert_eq!(person.subject_seed, kept.subject_seed);
    assert_eq!(person.professional().unwrap().national_id.expose(), RPPS);
    let others: Vec<_> =
        person.professional().unwrap().other_ids.iter().map(|id| id.identifiant.expose()).collect();
    assert_eq!(others, [ADELI]);
    assert!(found(world, ADELI).await.is_none());
    person
}

#[test]
fn a_person_moves_with_phone_and_seed_and_only_once() {
    on_every_engine(async |world| {
        let adeli = person(ADELI);
        import(&world, &adeli).await;
        let device = phone(&world, adeli.id).await;
        assert_eq!(merge(&world).await, MergeOutcome::Moved);
        let moved = assert_stays(&world, &adeli).await;
        assert_eq!(moved.status, PersonStatus::Active);
        assert_eq!(world.stores.devices.list(adeli.id).await.unwrap(), [device]);
        let rows = world.reasons().await;
        assert_eq!(rows.last().unwrap(), "identifier_changed");
        assert_eq!(merge(&world).await, MergeOutcome::Unchanged);
        assert_eq!(world.reasons().await.len(), rows.len());
    });
}

#[test]
fn of_nobody_there_is_nothing_and_a_known_number_notes_the_former_one() {
    on_every_engine(async |world| {
        assert_eq!(merge(&world).await, MergeOutcome::Unknown);
        let rpps = person(RPPS);
        import(&world, &rpps).await;
        assert_eq!(merge(&world).await, MergeOutcome::Noted);
        assert_stays(&world, &rpps).await;
        assert_eq!(merge(&world).await, MergeOutcome::Unchanged);
    });
}

#[test]
fn the_account_of_the_living_phone_stays_and_both_uses_are_told() {
    // Which account has a living phone, which was used, and which of them stays.
    let cases = [
        ((true, true), (false, false), true, MergeOutcome::Merged),
        ((false, false), (true, true), false, MergeOutcome::Merged),
        ((false, false), (false, false), true, MergeOutcome::Merged),
        ((true, true), (true, true), true, MergeOutcome::MergedBothUsed),
        ((false, true), (true, true), false, MergeOutcome::MergedBothUsed),
    ];
    for (from, to, from_stays, expected) in cases {
        on_every_engine(async |world| {
            world.stores.clients.upsert(&client(), &granted()).await.unwrap();
            let people = [person(ADELI), person(RPPS)];
            let mut phones = Vec::new();
            for (person, (living, signed_in)) in people.iter().zip([from, to]) {
                import(&world, person).await;
                if signed_in || living {
                    let phone = phone(&world, person.id).await;
                    if signed_in {
                        used(&world, person, &phone).await;
                    }
                    if !living {
                        let cutoff = Cutoff { scope: CutoffScope::Device(phone.id), at: START };
                        world.stores.revocation.revoke(&cutoff, &granted()).await.unwrap();
                    }
                    phones.push(phone.id);
                }
                let consent = Consent {
                    person: person.id,
                    on_behalf_of: None,
                    kind: None,
                    client: client_id(),
                    scope: sceau::oauth::ScopeSet::parse("openid").unwrap(),
                    at: START,
                };
                world.stores.grants.remember_consent(&consent, &granted()).await.unwrap();
            }
            assert_eq!(merge(&world).await, expected);
            let [kept, other] = if from_stays { [&people[0], &people[1]] } else { [&people[1], &people[0]] };
            assert_stays(&world, kept).await;
            let held: Vec<_> =
                world.stores.devices.list(kept.id).await.unwrap().iter().map(|phone| phone.id).collect();
            assert_eq!(held.len(), phones.len());
            assert!(phones.iter().all(|phone| held.contains(phone)), "no phone is lost");
            assert!(world.stores.devices.list(other.id).await.unwrap().is_empty());
            let own = ConsentSubject { person: kept.id, on_behalf_of: None, client: &client_id() };
            assert!(world.stores.grants.consent(own).await.unwrap().is_some());
            // The other is kept, out of reach, with its seed; what it held ends.
            let retired = world.stores.persons.find(other.id).await.unwrap().unwrap();
            assert_eq!(retired.subject_seed, other.subject_seed);
            assert_eq!(retired.status, PersonStatus::Deactivated);
            let (cutoffs, _) = world.stores.revocation.changes_since(START).await.unwrap();
            assert!(cutoffs.iter().any(|cutoff| cutoff.scope == CutoffScope::Person(other.id)));
            assert!(!cutoffs.iter().any(|cutoff| cutoff.scope == CutoffScope::Person(kept.id)));
            assert_eq!(merge(&world).await, MergeOutcome::Unchanged);
        });
    }
}

#[test]
fn a_lock_survives() {
    on_every_engine(async |world| {
        let people = [person(ADELI), person(RPPS)];
        for person in &people {
            import(&world, person).await;
        }
        let lock = Cutoff { scope: CutoffScope::Person(people[1].id), at: START };
        world.stores.revocation.revoke(&lock, &granted()).await.unwrap();
        merge(&world).await;
        assert_eq!(assert_stays(&world, &people[0]).await.status, PersonStatus::Locked);
    });
}

#[test]
fn not_while_an_import_is_under_way() {
    on_every_engine(async |world| {
        import(&world, &person(ADELI)).await;
        world.stores.directory.begin(claim(), &granted()).await.unwrap();
        let merged = world.stores.directory.merge(&change(), &granted()).await;
        assert!(matches!(merged, Err(PortError::Conflict)), "{merged:?}");
        assert!(found(&world, ADELI).await.is_some());
    });
}
