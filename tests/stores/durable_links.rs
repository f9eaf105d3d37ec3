//! Links to accounts at other providers: their rules, and fifty at once.

use std::sync::Arc;
use std::time::Duration;

use sceau::adapter::sql::Db;
use sceau::base::{Clock as _, EntropyExt as _, LinkId, OsEntropy, PersonId, Secret};
use sceau::federation::{ProviderId, UpstreamKey};
use sceau::identity::NationalId;
use sceau::ports::{BindOutcome, Cutoff, CutoffScope, IssueOutcome, Link, LinkOutcome, LinkedBy, RefusedBy};

use super::durable::{RACERS, START, World, granted, on_every_engine, race, refused};
use super::durable_samples::{bind_plan, cast, device, import, later, person};

pub(super) fn key(subject: &str) -> UpstreamKey {
    UpstreamKey::new(String::from("https://fc.example"), Secret::new(subject.to_owned()))
}

pub(super) fn link(person: PersonId, subject: &str) -> Link {
    Link {
        id: LinkId::random(&OsEntropy),
        person,
        provider: ProviderId::parse("franceconnect").unwrap(),
        key: key(subject),
        pivot: None,
        linked_at: START,
        by: LinkedBy::FirstMatch,
    }
}

/// A person of an identity number made of `number`, stored.
async fn someone(world: &World, number: usize) -> PersonId {
    let body = format!("8{number:010}");
    let number = (0..10).find_map(|check| NationalId::parse(&format!("{body}{check}")).ok()).unwrap();
    let person = person(number.expose());
    import(world, &person).await;
    person.id
}

#[test]
fn a_first_link_is_found_listed_and_cools() {
    on_every_engine(async |world| {
        let (id, links) = (someone(&world, 1).await, &world.stores.links);
        assert!(links.find(&key("one")).await.unwrap().is_none());
        let made = link(id, "one");
        assert_eq!(links.link_first(&made, later(60), &granted()).await.unwrap(), LinkOutcome::Linked);
        assert_eq!(links.find(&key("one")).await.unwrap().unwrap(), made);
        assert_eq!(links.of(id).await.unwrap(), [made]);
        let elsewhere =
            UpstreamKey::new(String::from("https://pc.example"), Secret::new(String::from("one")));
        assert!(links.find(&elsewhere).await.unwrap().is_none());
        let stored = world.stores.persons.find(id).await.unwrap().unwrap();
        assert_eq!(stored.cooling_until, Some(later(60)));
        assert_eq!(world.verified().await, 2 + 1);
    });
}

#[test]
fn a_first_link_needs_an_account_nobody_ever_held() {
    on_every_engine(async |world| {
        let links = &world.stores.links;
        let holder = cast(&world).await;
        let first = async |person, subject: &str| {
            links.link_first(&link(person, subject), later(60), &granted()).await.unwrap()
        };
        assert_eq!(first(holder.person.id, "a").await, LinkOutcome::Refused);
        let revoked = Cutoff { scope: CutoffScope::Device(holder.device.id), at: START };
        world.stores.revocation.revoke(&revoked, &granted()).await.unwrap();
        assert_eq!(first(holder.person.id, "a").await, LinkOutcome::Refused, "a revoked phone counts");
        let linked = someone(&world, 1).await;
        assert_eq!(first(linked, "b").await, LinkOutcome::Linked);
        assert_eq!(first(linked, "b").await, LinkOutcome::Taken);
        assert_eq!(first(linked, "c").await, LinkOutcome::Refused);
        let id = links.of(linked).await.unwrap()[0].id;
        assert!(links.unlink(linked, id, &granted()).await.unwrap());
        assert_eq!(first(linked, "b").await, LinkOutcome::Refused, "a link that is gone counts");
        let locked = someone(&world, 2).await;
        let cutoff = Cutoff { scope: CutoffScope::Person(locked), at: START };
        world.stores.revocation.revoke(&cutoff, &granted()).await.unwrap();
        assert_eq!(first(locked, "d").await, LinkOutcome::Refused);
        assert_eq!(first(PersonId::random(&OsEntropy), "e").await, LinkOutcome::Refused);
        for subject in ["a", "b", "c", "d", "e"] {
            assert!(links.find(&key(subject)).await.unwrap().is_none(), "{subject}");
        }
        assert_eq!(world.stores.persons.find(locked).await.unwrap().unwrap().cooling_until, None);
    });
}

#[test]
fn a_link_proved_on_both_sides_needs_an_active_person_and_a_free_account() {
    on_every_engine(async |world| {
        let links = &world.stores.links;
        let holder = cast(&world).await;
        let proved = async |person, subject: &str| {
            links.link_proved(&link(person, subject), &granted()).await.unwrap()
        };
        assert_eq!(proved(holder.person.id, "a").await, LinkOutcome::Linked);
        assert_eq!(proved(holder.person.id, "b").await, LinkOutcome::Linked);
        let other = someone(&world, 1).await;
        assert_eq!(proved(other, "a").await, LinkOutcome::Taken);
        let cutoff = Cutoff { scope: CutoffScope::Person(other), at: START };
        world.stores.revocation.revoke(&cutoff, &granted()).await.unwrap();
        assert_eq!(proved(other, "c").await, LinkOutcome::Refused);
        assert_eq!(links.of(holder.person.id).await.unwrap().len(), 2);
        assert_eq!(world.stores.persons.find(holder.person.id).await.unwrap().unwrap().cooling_until, None);
    });
}

#[test]
fn an_unlinked_account_is_free_and_what_the_person_began_ends() {
    on_every_engine(async |world| {
        let links = &world.stores.links;
        let holder = cast(&world).await;
        let made = link(holder.person.id, "a");
        links.link_proved(&made, &granted()).await.unwrap();
        let other = someone(&world, 1).await;
        assert!(!links.unlink(other, made.id, &granted()).await.unwrap(), "not this person's");
        let before = world.verified().await;
        assert!(links.unlink(holder.person.id, made.id, &granted()).await.unwrap());
        assert!(!links.unlink(holder.person.id, made.id, &granted()).await.unwrap());
        assert_eq!(world.verified().await, before + 1);
        assert!(links.of(holder.person.id).await.unwrap().is_empty());
        let (cutoffs, _) = world.stores.revocation.changes_since(START).await.unwrap();
        assert!(cutoffs.iter().any(|cutoff| cutoff.scope == CutoffScope::Person(holder.person.id)));
        let issued = world.stores.issuance.issue(&holder.issue_plan(), &granted(), &refused()).await.unwrap();
        assert_eq!(issued, IssueOutcome::Refused(RefusedBy::Session));
        assert_eq!(links.link_proved(&link(other, "a"), &granted()).await.unwrap(), LinkOutcome::Linked);
    });
}

#[test]
fn of_fifty_first_links_of_one_account_there_one_is_made() {
    on_every_engine(async |world| {
        let mut persons = Vec::new();
        for number in 0..RACERS {
            persons.push(someone(&world, number).await);
        }
        let persons = Arc::new(persons);
        let outcomes = race(|number| {
            let (world, persons) = (world.clone(), Arc::clone(&persons));
            async move {
                let link = link(persons[number], "the same");
                world.stores.links.link_first(&link, later(60), &granted()).await.unwrap()
            }
        });
        let outcomes = outcomes.await;
        assert_eq!(outcomes.iter().filter(|outcome| **outcome == LinkOutcome::Linked).count(), 1);
        assert_eq!(outcomes.iter().filter(|outcome| **outcome == LinkOutcome::Taken).count(), RACERS - 1);
        let mut cooling = 0;
        for id in persons.iter() {
            cooling +=
                usize::from(world.stores.persons.find(*id).await.unwrap().unwrap().cooling_until.is_some());
        }
        assert_eq!(cooling, 1, "who was refused is as before");
    });
}

#[test]
fn of_fifty_first_links_of_one_person_one_is_made() {
    on_every_engine(async |world| {
        let person = someone(&world, 1).await;
        let outcomes = race(|number| {
            let world = world.clone();
            async move {
                let link = link(person, &format!("subject {number}"));
                world.stores.links.link_first(&link, later(60), &granted()).await.unwrap()
            }
        });
        let outcomes = outcomes.await;
        assert_eq!(outcomes.iter().filter(|outcome| **outcome == LinkOutcome::Linked).count(), 1);
        assert_eq!(outcomes.iter().filter(|outcome| **outcome == LinkOutcome::Refused).count(), RACERS - 1);
        assert_eq!(world.stores.links.of(person).await.unwrap().len(), 1);
    });
}

#[test]
fn a_first_phone_and_a_first_link_at_once_never_find_the_account_free_both() {
    on_every_engine(async |world| {
        for turn in 0..5 {
            let person = someone(&world, turn).await;
            let answers = race(|number| {
                let world = world.clone();
                async move {
                    if number % 2 == 0 {
                        let link = link(person, &format!("subject {turn} {number}"));
                        let made = world.stores.links.link_first(&link, later(60), &granted()).await.unwrap();
                        (made == LinkOutcome::Linked).then_some("link")
                    } else {
                        let plan = bind_plan(&device(person));
                        let bound = world.stores.devices.bind(&plan, &granted(), &refused()).await.unwrap();
                        (bound == BindOutcome::Bound).then_some("phone")
                    }
                }
            });
            let made = answers.await.into_iter().flatten().filter(|made| *made == "link").count();
            assert!(made <= 1);
            let phones = world.stores.devices.list(person).await.unwrap();
            assert!(!phones.is_empty(), "a link does not hinder a phone");
        }
    });
}

#[tokio::test]
async fn a_key_of_another_storage_finds_no_link() {
    let world = World::in_file().await;
    let id = someone(&world, 1).await;
    world.stores.links.link_first(&link(id, "one"), later(60), &granted()).await.unwrap();
    let entropy: Arc<dyn sceau::base::Entropy> = Arc::new(OsEntropy);
    let clock: Arc<dyn sceau::base::Clock> = Arc::<sceau::base::TestClock>::clone(&world.clock);
    let other = sceau::jose::Sealer::new(2, &OsEntropy.bytes());
    let db: &Db = &world.db;
    let stores = sceau::adapter::sql::SqlStores::new(db, &other, &entropy, &clock);
    assert!(stores.links.find(&key("one")).await.unwrap().is_none());
}

/// Whoever was told that a link stands has begun before the cut-off of its removal, whenever that was asked for.
#[test]
fn a_sign_in_by_a_link_that_goes_ends_with_it_or_does_not_begin() {
    on_every_engine(async |world| {
        let mut both = (false, false);
        let mut turn = 0;
        // On some machines a race always ends one way: more of them, until it ended both ways.
        while turn < 4 || both != (true, true) {
            assert!(turn < 100, "nobody came in time, or too late: {both:?}");
            let person = someone(&world, turn).await;
            let subject = format!("subject {turn}");
            let made = link(person, &subject);
            assert_eq!(world.stores.links.link_proved(&made, &granted()).await.unwrap(), LinkOutcome::Linked);
            let begun = race(|number| {
                let (world, made) = (world.clone(), made.clone());
                async move {
                    let links = &world.stores.links;
                    // Asked for long ago.
                    if number == RACERS / 2 {
                        assert!(links.unlink(person, made.id, &granted()).await.unwrap());
                        return None;
                    }
                    if number % 5 == 0 {
                        tokio::time::sleep(Duration::from_millis(2)).await;
                    }
                    world.clock.advance(Duration::from_millis(1));
                    let began = world.clock.now();
                    Some((began, links.stands(&made.key, person).await.unwrap()))
                }
            });
            let begun: Vec<_> = begun.await.into_iter().flatten().collect();
            let (cutoffs, _) = world.stores.revocation.changes_since(START).await.unwrap();
            let cut = cutoffs.iter().find(|cutoff| cutoff.scope == CutoffScope::Person(person)).unwrap().at;
            for (began, stands) in begun {
                assert!(!stands || began <= cut, "begun at {began:?}, cut at {cut:?}");
                both = (both.0 || stands, both.1 || !stands);
            }
            assert!(!world.stores.links.stands(&made.key, person).await.unwrap());
            turn += 1;
        }
    });
}
