//! Which PostgreSQL server is used: never one that takes no writes, and soon not one that takes them no longer.

use std::time::{Duration, Instant};

use sceau::adapter::sql::{Db, PostgresSettings};
use sceau::ports::PortError;
use sqlx::AssertSqlSafe;

use super::durable::{World, granted};
use super::postgres_server::{PATIENT, Server};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_takes_no_writes_is_refused_then_dropped_then_taken_back() {
    let server = Server::start();
    let settings = server.tenant(PostgresSettings::PATIENCE).await;
    let world = World::over_postgres(settings.clone()).await;
    world.stores.audit.append(&granted()).await.unwrap();

    // Demoted under open connections, which still read.
    demote(&server, "on").await;
    let begun = Instant::now();
    while world.stores.clients.list().await.is_ok() {
        assert!(begun.elapsed() < Duration::from_secs(10), "a demoted server is still read");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(matches!(world.stores.audit.append(&granted()).await, Err(PortError::Unavailable(_))));
    let refused = Db::connect(&settings).await.err().unwrap().to_string();
    assert!(refused.contains("standby"), "{refused}");

    demote(&server, "off").await;
    let begun = Instant::now();
    while world.stores.audit.append(&granted()).await.is_err() {
        assert!(begun.elapsed() < Duration::from_secs(10), "does not come back");
    }
    world.db.close().await;
    server.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_several_servers_the_one_that_takes_writes_is_used() {
    let (first, second) = (Server::start(), Server::start());
    demote(&first, "on").await;
    let there = second.tenant(PATIENT).await;
    let absent = PostgresSettings { host: String::from("/nowhere"), ..there.clone() };
    let settings = PostgresSettings {
        host: first.tenant_host(),
        standbys: vec![(absent.host, 5432), (there.host.clone(), 5432)],
        ..there
    };
    let db = Db::connect(&settings).await.unwrap();
    db.migrate().await.unwrap();
    assert_eq!(db.schema_version().await.unwrap(), db.schema_needed());
    db.close().await;
    first.stop();
    second.stop();
}

async fn demote(server: &Server, on: &str) {
    let mut admin = server.connect("postgres").await;
    for text in [
        String::from("SET default_transaction_read_only = off"),
        format!("ALTER SYSTEM SET default_transaction_read_only = {on}"),
        String::from("SELECT pg_reload_conf()"),
    ] {
        sqlx::query(AssertSqlSafe(text)).execute(&mut admin).await.unwrap();
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
}
