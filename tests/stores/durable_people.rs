//! Clients, persons and consents.

use sceau::base::{EntropyExt as _, OsEntropy, PersonId};
use sceau::identity::{GuardianKind, Identity, NationalId, OnBehalf, Person, PersonStatus};
use sceau::oauth::ScopeSet;
use sceau::ports::{
    Consent, ConsentSubject, Cutoff, CutoffScope, IssueOutcome, IssuePlan, PatientRecord, RefusedBy,
};

use super::durable::{START, World, granted, on_every_engine, refused};
use super::durable_samples::{NATIONAL_ID, cast, client, client_id, later};
use crate::support::identity;

#[test]
fn a_client_is_replaced_whole_and_listed_by_identifier() {
    on_every_engine(async |world| {
        let clients = &world.stores.clients;
        assert!(clients.find(&client_id()).await.unwrap().is_none());
        clients.upsert(&client(), &granted()).await.unwrap();
        assert_eq!(clients.find(&client_id()).await.unwrap().unwrap(), client());
        let mut other = client();
        other.client_id = "a-first-one".parse().unwrap();
        clients.upsert(&other, &granted()).await.unwrap();
        let mut renamed = client();
        renamed.name = String::from("DP");
        clients.upsert(&renamed, &granted()).await.unwrap();
        assert_eq!(clients.list().await.unwrap(), [other, renamed]);
    });
}

#[test]
fn a_disabled_client_is_found_disabled() {
    on_every_engine(async |world| {
        cast(&world).await;
        let cutoff = Cutoff { scope: CutoffScope::Client(client_id()), at: START };
        world.stores.revocation.revoke(&cutoff, &granted()).await.unwrap();
        assert!(!world.stores.clients.find(&client_id()).await.unwrap().unwrap().enabled);
        assert!(!world.stores.clients.list().await.unwrap()[0].enabled);
    });
}

#[test]
fn a_person_is_found_by_id_and_identity_number() {
    on_every_engine(async |world| {
        let cast = cast(&world).await;
        let persons = &world.stores.persons;
        assert!(persons.find(cast.person.id).await.unwrap().unwrap() == cast.person);
        let number = NationalId::parse(NATIONAL_ID).unwrap();
        assert!(persons.find_by_national_id(&number).await.unwrap().unwrap() == cast.person);
        let other = NationalId::parse("899700000020").unwrap();
        assert!(persons.find_by_national_id(&other).await.unwrap().is_none());
        assert!(persons.find(PersonId::random(&OsEntropy)).await.unwrap().is_none());
    });
}

#[test]
fn a_consent_is_remembered_and_replaced() {
    on_every_engine(async |world| {
        let cast = cast(&world).await;
        let grants = &world.stores.grants;
        let client = client_id();
        let own = ConsentSubject { person: cast.person.id, on_behalf_of: None, client: &client };
        assert!(grants.consent(own).await.unwrap().is_none());
        for (scope, at) in [("openid", START), ("openid scope_all", later(9))] {
            let consent = Consent {
                person: cast.person.id,
                on_behalf_of: None,
                client: client_id(),
                scope: ScopeSet::parse(scope).unwrap(),
                at,
            };
            grants.remember_consent(&consent, &granted()).await.unwrap();
            let found = grants.consent(own).await.unwrap().unwrap();
            assert_eq!((found.scope, found.at), (consent.scope, at));
        }
    });
}

#[test]
fn a_consent_on_behalf_of_another_is_one_of_its_own() {
    on_every_engine(async |world| {
        let cast = cast(&world).await;
        let (grants, client) = (&world.stores.grants, client_id());
        let child = patient(&world, "p-13").await;
        let other = patient(&world, "p-15").await;
        let subject = |on_behalf_of| ConsentSubject { person: cast.person.id, on_behalf_of, client: &client };
        let given = |on_behalf_of, scope: &str, at| Consent {
            person: cast.person.id,
            on_behalf_of,
            client: client_id(),
            scope: ScopeSet::parse(scope).unwrap(),
            at,
        };
        for consent in [
            given(Some(child), "openid ins", later(1)),
            given(None, "openid", later(2)),
            given(Some(child), "openid", later(3)),
        ] {
            grants.remember_consent(&consent, &granted()).await.unwrap();
        }
        assert_eq!(grants.consent(subject(Some(child))).await.unwrap().unwrap().at, later(3));
        assert_eq!(grants.consent(subject(None)).await.unwrap().unwrap().at, later(2));
        assert!(grants.consent(subject(Some(other))).await.unwrap().is_none());
        let all = grants.consents_of(cast.person.id).await.unwrap();
        let told: Vec<_> = all.iter().map(|consent| (consent.on_behalf_of, consent.at)).collect();
        assert_eq!(told, [(None, later(2)), (Some(child), later(3))]);

        let mut ids = Vec::new();
        for on_behalf_of in [None, Some(child)] {
            let mut plan = cast.issue_plan();
            let kind = GuardianKind::Parent;
            plan.grant.on_behalf_of = on_behalf_of.map(|person| OnBehalf { person, kind, since: START });
            ids.push(plan.grant.id);
            let issued = world.stores.issuance.issue(&plan, &granted(), &refused()).await.unwrap();
            assert_eq!(issued, IssueOutcome::Issued);
            let family = grants.family(plan.family.unwrap().id).await.unwrap().unwrap();
            assert_eq!(family.grant.on_behalf_of, plan.grant.on_behalf_of);
        }
        let withdraw = async |on_behalf_of| {
            grants.withdraw_consent(subject(on_behalf_of), START, &granted()).await.unwrap()
        };
        assert_eq!(withdraw(Some(other)).await, None);
        assert_eq!(withdraw(Some(child)).await, Some(vec![ids[1]]));
        assert!(grants.consent(subject(Some(child))).await.unwrap().is_none());
        assert_eq!(withdraw(None).await, Some(vec![ids[0]]));
        assert!(grants.consents_of(cast.person.id).await.unwrap().is_empty());
    });
}

#[test]
fn a_grant_ends_with_the_one_it_is_on_behalf_of() {
    on_every_engine(async |world| {
        let cast = cast(&world).await;
        let child = patient(&world, "p-13").await;
        let plan = |since| {
            let mut plan = cast.issue_plan();
            let kind = GuardianKind::Parent;
            plan.grant.on_behalf_of = Some(OnBehalf { person: child, kind, since });
            plan
        };
        let issue =
            async |plan: IssuePlan| world.stores.issuance.issue(&plan, &granted(), &refused()).await.unwrap();
        assert_eq!(issue(plan(START)).await, IssueOutcome::Issued);
        let cutoff = Cutoff { scope: CutoffScope::Person(child), at: later(5) };
        world.stores.revocation.revoke(&cutoff, &granted()).await.unwrap();
        assert_eq!(issue(plan(later(6))).await, IssueOutcome::Refused(RefusedBy::Represented));
        world.stores.revocation.unlock(child, &granted()).await.unwrap();
        // What was chosen before the end stays ended; what is chosen after it is new.
        assert_eq!(issue(plan(later(5))).await, IssueOutcome::Refused(RefusedBy::Session));
        assert_eq!(issue(plan(later(6))).await, IssueOutcome::Issued);
    });
}

async fn patient(world: &World, reference: &str) -> PersonId {
    let patient = identity(reference).patient;
    let person = Person {
        id: PersonId::random(&OsEntropy),
        subject_seed: OsEntropy.bytes(),
        status: PersonStatus::Active,
        identity: Identity::Patient(Box::new(patient)),
        declared_email: None,
        cooling_until: None,
    };
    let id = person.id;
    let record = PatientRecord { person, ended: granted(), returned: granted() };
    world.stores.patients.import(&[record], &granted()).await.unwrap();
    id
}
