//! Clients, persons and consents.

use sceau::base::PersonId;
use sceau::identity::NationalId;
use sceau::oauth::ScopeSet;
use sceau::ports::{Consent, Cutoff, CutoffScope};

use super::durable::{START, granted, on_every_engine};
use super::durable_samples::{NATIONAL_ID, cast, client, client_id, later};

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
        assert!(persons.find(PersonId::random(&sceau::base::OsEntropy)).await.unwrap().is_none());
    });
}

#[test]
fn a_consent_is_remembered_and_replaced() {
    on_every_engine(async |world| {
        let cast = cast(&world).await;
        let grants = &world.stores.grants;
        assert!(grants.consent(cast.person.id, &client_id()).await.unwrap().is_none());
        for (scope, at) in [("openid", START), ("openid scope_all", later(9))] {
            let consent = Consent {
                person: cast.person.id,
                client: client_id(),
                scope: ScopeSet::parse(scope).unwrap(),
                at,
            };
            grants.remember_consent(&consent, &granted()).await.unwrap();
            let found = grants.consent(cast.person.id, &client_id()).await.unwrap().unwrap();
            assert_eq!((found.scope, found.at), (consent.scope, at));
        }
    });
}
