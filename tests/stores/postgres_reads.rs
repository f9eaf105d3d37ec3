//! Reads in groups: two statements at most for all who ask, each of whom gets its own rows, as they are when it asks.

use std::time::Duration;

use futures_util::future::join_all;
use sceau::base::{OsEntropy, PersonId};
use sceau::identity::{Person, PersonStatus};
use sceau::ports::{BindOutcome, PortError};
use sqlx::PgConnection;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::durable::{World, granted, refused};
use super::durable_samples::{bind_plan, cast, device, import, person};
use super::postgres_server::{PATIENT, shared};

/// Holds the table, so that nobody reads it.
async fn hold(world: &World, table: &str) -> PgConnection {
    let mut holder = shared().connect(&world.tenant.as_ref().unwrap().user).await;
    sqlx::query("BEGIN").execute(&mut holder).await.unwrap();
    let text = sqlx::AssertSqlSafe(format!("LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE"));
    sqlx::query(text).execute(&mut holder).await.unwrap();
    holder
}

async fn release(mut holder: PgConnection) {
    sqlx::query("COMMIT").execute(&mut holder).await.unwrap();
}

/// How many statements wait for a lock in the database of `world`.
async fn waiting(world: &World) -> i64 {
    let mut admin = shared().connect("postgres").await;
    let text = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND usename = $1";
    let user = &world.tenant.as_ref().unwrap().user;
    sqlx::query_scalar(text).bind(user).fetch_one(&mut admin).await.unwrap()
}

async fn three_persons(world: &World) -> Vec<Person> {
    let persons = ["899700000019", "899700000027", "899700000035"].map(person).to_vec();
    for person in &persons {
        import(world, person).await;
    }
    persons
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_who_ask_at_once_take_two_statements_and_each_gets_its_own() {
    let world = World::in_postgres(PATIENT).await;
    let persons = three_persons(&world).await;
    let holder = hold(&world, "persons").await;
    let unknown = PersonId::random(&OsEntropy);
    let ids: Vec<_> = persons.iter().map(|person| person.id).chain([unknown]).cycle().take(200).collect();
    let ask = async |world: World, ids: Vec<PersonId>| {
        let answers = join_all(ids.iter().map(|id| world.stores.persons.find(*id))).await;
        ids.into_iter().zip(answers).collect::<Vec<_>>()
    };
    let mut asked = JoinSet::new();
    // The first is asked for alone; then all who come meanwhile; then whoever comes has to wait.
    for (wave, statements) in [(&ids[..1], 1), (&ids[1..100], 2), (&ids[100..], 2)] {
        asked.spawn(ask(world.clone(), wave.to_vec()));
        let begun = async {
            while waiting(&world).await < statements {
                sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(PATIENT, begun).await.expect("the statements begin");
        sleep(Duration::from_millis(100)).await;
        assert_eq!(waiting(&world).await, statements);
    }
    release(holder).await;
    for (id, answer) in asked.join_all().await.into_iter().flatten() {
        let expected = persons.iter().find(|person| person.id == id);
        assert!(answer.unwrap().as_ref() == expected);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn phones_of_many_persons_come_to_each_of_them_in_order() {
    let world = World::in_postgres(PATIENT).await;
    let persons = three_persons(&world).await;
    let mut all = Vec::new();
    for person in &persons {
        let mut phones = vec![device(person.id), device(person.id)];
        for (phone, seconds) in phones.iter_mut().zip([20, 10]) {
            phone.created = phone.created.plus(Duration::from_secs(seconds));
            let bound = world.stores.devices.bind(&bind_plan(phone), &granted(), &refused()).await.unwrap();
            assert_eq!(bound, BindOutcome::Bound);
        }
        phones.reverse();
        all.push((person.id, phones));
    }
    let asked: Vec<_> = all.iter().cycle().take(60).collect();
    let lists = join_all(asked.iter().map(|(id, _)| world.stores.devices.list(*id))).await;
    for ((_, expected), list) in asked.iter().zip(lists) {
        assert!(list.unwrap() == *expected);
    }
    let keys: Vec<_> = all.iter().flat_map(|(_, phones)| phones).collect();
    let found = join_all(keys.iter().map(|phone| world.stores.devices.find_by_key(&phone.jkt))).await;
    for (expected, found) in keys.into_iter().zip(found) {
        assert!(found.unwrap().as_ref() == Some(expected));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_changed_elsewhere_is_told_at_once() {
    let world = World::in_postgres(PATIENT).await;
    let cast = cast(&world).await;
    let mut other = shared().connect(&world.tenant.as_ref().unwrap().user).await;
    for (word, status) in [("locked", PersonStatus::Locked), ("active", PersonStatus::Active)].repeat(10) {
        let text = "UPDATE persons SET status = $2 WHERE id = $1";
        sqlx::query(text).bind(cast.person.id.uuid()).bind(word).execute(&mut other).await.unwrap();
        let found = world.stores.persons.find(cast.person.id).await.unwrap().unwrap();
        assert_eq!(found.status, status);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_answered_in_time_fails_for_all_who_asked_and_for_nobody_later() {
    const PATIENCE: Duration = Duration::from_millis(600);
    let world = World::in_postgres(PATIENCE).await;
    let persons = three_persons(&world).await;
    let holder = hold(&world, "persons").await;
    let find = async |person: &Person| timeout(PATIENCE * 3, world.stores.persons.find(person.id)).await;
    for answer in join_all(persons.iter().cycle().take(30).map(find)).await {
        let answer = answer.expect("nobody waits longer than for two reads");
        assert!(matches!(answer, Err(PortError::Unavailable(_) | PortError::Conflict)), "{answer:?}");
    }
    release(holder).await;
    for person in &persons {
        assert!(find(person).await.unwrap().unwrap().as_ref() == Some(person));
    }
}
