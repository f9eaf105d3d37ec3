//! Clients, persons and consents.

use std::sync::Arc;

use sceau::audit::AuditEvent;
use sceau::base::{EntropyExt as _, OsEntropy, PersonId};
use sceau::identity::{GuardianKind, Identity, NationalId, OnBehalf, Person, PersonStatus};
use sceau::oauth::ScopeSet;
use sceau::ports::{
    Consent, ConsentSubject, Cutoff, CutoffScope, IssueOutcome, IssuePlan, PatientRecord, RefusedBy,
};

use super::audit_stage::intruder;
use super::durable::{START, World, granted, on_every_engine, path, race, refused};
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
                kind: None,
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
            kind: on_behalf_of.map(|_| GuardianKind::Parent),
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

#[test]
fn what_was_agreed_to_before_a_consent_was_taken_back_gives_nothing() {
    on_every_engine(async |world| {
        let cast = cast(&world).await;
        let (grants, client) = (&world.stores.grants, client_id());
        let child = patient(&world, "p-13").await;
        for on_behalf_of in [None, Some(child)] {
            let subject = ConsentSubject { person: cast.person.id, on_behalf_of, client: &client };
            let consent = Consent {
                person: cast.person.id,
                on_behalf_of,
                kind: None,
                client: client_id(),
                scope: ScopeSet::parse("openid").unwrap(),
                at: START,
            };
            grants.remember_consent(&consent, &granted()).await.unwrap();
            let at = later(if on_behalf_of.is_some() { 20 } else { 10 });
            let event = AuditEvent { at, ..granted() };
            assert!(grants.withdraw_consent(subject, START, &event).await.unwrap().is_some());
            let issue = async |agreed, on_behalf_of: Option<PersonId>| {
                let mut plan = IssuePlan { agreed, ..cast.issue_plan() };
                let kind = GuardianKind::Parent;
                plan.grant.on_behalf_of = on_behalf_of.map(|person| OnBehalf { person, kind, since: START });
                world.stores.issuance.issue(&plan, &granted(), &refused()).await.unwrap()
            };
            let withdrawn = IssueOutcome::Refused(RefusedBy::Consent);
            for agreed in [START, at] {
                assert_eq!(issue(agreed, on_behalf_of).await, withdrawn);
            }
            assert_eq!(world.reasons().await.last().unwrap(), "consent_withdrawn");
            // Given anew since, or for somebody else.
            assert_eq!(issue(later(21), on_behalf_of).await, IssueOutcome::Issued);
            if on_behalf_of.is_none() {
                assert_eq!(issue(START, Some(child)).await, IssueOutcome::Issued);
            }
        }
    });
}

#[test]
fn of_fifty_issues_and_withdrawals_at_once_nothing_is_left() {
    on_every_engine(async |world| {
        let cast = Arc::new(cast(&world).await);
        let consent = Consent {
            person: cast.person.id,
            on_behalf_of: None,
            kind: None,
            client: client_id(),
            scope: ScopeSet::parse("openid").unwrap(),
            at: START,
        };
        world.stores.grants.remember_consent(&consent, &granted()).await.unwrap();
        let families = race(|number| {
            let (world, cast) = (world.clone(), Arc::clone(&cast));
            async move {
                if number % 5 == 0 {
                    let client = client_id();
                    let subject =
                        ConsentSubject { person: cast.person.id, on_behalf_of: None, client: &client };
                    world.stores.grants.withdraw_consent(subject, START, &granted()).await.unwrap();
                    return None;
                }
                let plan = cast.issue_plan();
                let issued = world.stores.issuance.issue(&plan, &granted(), &refused()).await.unwrap();
                (issued == IssueOutcome::Issued).then(|| plan.family.unwrap().id)
            }
        });
        for family in families.await.into_iter().flatten() {
            let stored = world.stores.grants.family(family).await.unwrap().unwrap();
            assert!(stored.family.dead, "issued, and not ended by the withdrawal");
        }
    });
}

/// As the version before writes it: the kind stays that of an earlier consent.
#[test]
fn the_kind_of_a_consent_is_that_of_its_own_time() {
    on_every_engine(async |world| {
        let cast = cast(&world).await;
        let (grants, client) = (&world.stores.grants, client_id());
        let child = patient(&world, "p-13").await;
        let subject = ConsentSubject { person: cast.person.id, on_behalf_of: Some(child), client: &client };
        let kinds = async || {
            let found = grants.consent(subject).await.unwrap().unwrap().kind;
            let listed = grants.consents_of(cast.person.id).await.unwrap()[0].kind;
            assert_eq!(found, listed);
            found
        };
        for kind in [Some(GuardianKind::Parent), Some(GuardianKind::LegalGuardian), None] {
            let consent = Consent {
                person: cast.person.id,
                on_behalf_of: Some(child),
                kind,
                client: client_id(),
                scope: ScopeSet::parse("openid").unwrap(),
                at: START,
            };
            grants.remember_consent(&consent, &granted()).await.unwrap();
            assert_eq!(kinds().await, kind);
        }
        let parent = Consent {
            person: cast.person.id,
            on_behalf_of: Some(child),
            kind: Some(GuardianKind::Parent),
            client: client_id(),
            scope: ScopeSet::parse("openid").unwrap(),
            at: later(1),
        };
        grants.remember_consent(&parent, &granted()).await.unwrap();
        assert_eq!(kinds().await, Some(GuardianKind::Parent));
        let Some(folder) = &world.file else { return };
        let mut older = intruder(&path(folder)).await;
        let written = "UPDATE consents_on_behalf SET given_at = given_at + 1";
        sqlx::query(written).execute(&mut older).await.unwrap();
        assert_eq!(kinds().await, None);
    });
}
