//! The database itself: statements, restart, and what a thief of the file reads.

use std::sync::Arc;
use std::time::Instant;

use sceau::adapter::sql::{
    AUDIT_ONLY_POSTGRES, AUDIT_STATEMENTS, DIRECTORY_ONLY_POSTGRES, DIRECTORY_STATEMENTS, Db,
    GATE_ONLY_POSTGRES, GROUPS_ONLY_POSTGRES, ONLY_POSTGRES, ONLY_SQLITE, PEOPLE_ONLY_POSTGRES,
    PEOPLE_STATEMENTS, REPRESENTATION_STATEMENTS, RESEAL_ONLY_POSTGRES, RESEAL_STATEMENTS, STATEMENTS,
};
use sceau::base::{OsEntropy, Secret};
use sceau::identity::NationalId;
use sceau::keyring::{KeyRecord, KeyState, Purpose};
use sceau::ports::{IssueOutcome, Keys as _, RotateOutcome, Signer as _};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool};
use sqlx::{AssertSqlSafe, Executor as _, SqlSafeStr as _};

use super::durable::{START, World, granted, path, refused};
use super::durable_samples::{NATIONAL_ID, NONCE, bind_plan, cast, device, rotate_plan};

#[tokio::test]
async fn every_statement_of_the_catalogue_prepares() {
    let world = World::in_file().await;
    let file = path(world.file.as_ref().unwrap());
    let pool = SqlitePool::connect_with(SqliteConnectOptions::new().filename(file)).await.unwrap();
    let both = STATEMENTS.into_iter().chain(DIRECTORY_STATEMENTS).chain(PEOPLE_STATEMENTS);
    let both = both.chain(REPRESENTATION_STATEMENTS).chain(AUDIT_STATEMENTS).chain(RESEAL_STATEMENTS);
    for (name, statement) in both.chain(ONLY_SQLITE) {
        let prepared = pool.prepare(statement.into_sql_str()).await;
        assert!(prepared.is_ok(), "{name}: {:?}", prepared.err());
        if name != "begin_immediate" {
            // A statement that no index serves would read a whole table at each login.
            let plan = pool.prepare(AssertSqlSafe(format!("EXPLAIN QUERY PLAN {statement}")).into_sql_str());
            assert!(plan.await.is_ok(), "{name}");
        }
    }
}

#[test]
fn no_statement_is_outside_the_catalogue() {
    let source = include_str!("../../src/adapter/sql/statements.rs");
    let listed = STATEMENTS.len() + ONLY_SQLITE.len() + ONLY_POSTGRES.len();
    assert_eq!(source.matches("pub(super) const ").count(), listed);
    let source = include_str!("../../src/adapter/sql/statements_directory.rs");
    let listed = DIRECTORY_STATEMENTS.len() + DIRECTORY_ONLY_POSTGRES.len();
    assert_eq!(source.matches("pub(super) const ").count(), listed);
    let source = include_str!("../../src/adapter/sql/statements_gate.rs");
    assert_eq!(source.matches("pub(super) const ").count(), GATE_ONLY_POSTGRES.len());
    let source = include_str!("../../src/adapter/sql/statements_groups.rs");
    assert_eq!(source.matches("pub(super) const ").count(), 2 * GROUPS_ONLY_POSTGRES.len());
    let source = include_str!("../../src/adapter/sql/statements_people.rs");
    let listed = PEOPLE_STATEMENTS.len() + PEOPLE_ONLY_POSTGRES.len();
    assert_eq!(source.matches("pub(super) const ").count(), listed);
    let source = include_str!("../../src/adapter/sql/statements_representation.rs");
    assert_eq!(source.matches("pub(super) const ").count(), REPRESENTATION_STATEMENTS.len());
    let source = include_str!("../../src/adapter/sql/statements_audit.rs");
    let listed = AUDIT_STATEMENTS.len() + AUDIT_ONLY_POSTGRES.len();
    assert_eq!(source.matches("pub(super) const ").count(), listed);
    let source = include_str!("../../src/adapter/sql/statements_reseal.rs");
    let listed = RESEAL_STATEMENTS.len() + RESEAL_ONLY_POSTGRES.len();
    assert_eq!(source.matches("pub(super) const ").count(), listed);
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/src/adapter/sql");
    for entry in std::fs::read_dir(directory).unwrap() {
        let file = entry.unwrap().path();
        let name = file.file_name().unwrap().to_str().unwrap();
        if file.is_dir() || name.starts_with("statements") {
            continue;
        }
        let text = std::fs::read_to_string(&file).unwrap();
        for verb in ["\"SELECT", "\"INSERT", "\"UPDATE", "\"DELETE"] {
            assert!(!text.contains(verb), "{verb} in {}", file.display());
        }
    }
}

#[tokio::test]
async fn a_restart_keeps_what_was_committed_and_what_was_used_up() {
    let world = World::in_file().await;
    let cast = cast(&world).await;
    let plan = cast.issue_plan();
    world.stores.issuance.issue(&plan, &granted(), &refused()).await.unwrap();
    let kid = active_key(&world).await;
    let rows = world.verified().await;
    let directory = Arc::clone(world.file.as_ref().unwrap());
    world.db.close().await;
    drop(world);

    let world = World::in_directory(directory).await;
    assert_eq!(world.verified().await, rows);
    let again = world.stores.issuance.issue(&plan, &granted(), &refused()).await.unwrap();
    assert_eq!(again, IssueOutcome::Replayed(plan.grant.id));
    let rotated =
        world.stores.issuance.rotate(&rotate_plan(&plan, "second"), &granted(), &refused()).await.unwrap();
    assert_eq!(rotated, RotateOutcome::Rotated);
    let number = NationalId::parse(NATIONAL_ID).unwrap();
    let found = world.stores.persons.find_by_national_id(&number).await.unwrap().unwrap();
    assert_eq!(found.id, cast.person.id);
    assert!(world.signer.sign(&kid, b"input").await.is_ok());
    assert_eq!(world.verified().await, rows + 2);
}

#[tokio::test]
async fn a_thief_of_the_file_reads_no_number_name_contact_token_or_key() {
    let world = World::in_file().await;
    let cast = cast(&world).await;
    let second = device(cast.person.id);
    let event = granted().with_personal("address", Secret::new(String::from("192.0.2.77")));
    world.stores.devices.bind(&bind_plan(&second), &event, &refused()).await.unwrap();
    let plan = cast.issue_plan();
    world.stores.issuance.issue(&plan, &granted(), &refused()).await.unwrap();
    world.stores.issuance.rotate(&rotate_plan(&plan, "second"), &granted(), &refused()).await.unwrap();
    world.stores.decisions.commit(&cast.decision(), &granted(), &refused()).await.unwrap();
    let kid = world.keys.stage(&key(Purpose::Nonce), &granted()).await.unwrap().unwrap();
    let material = world.keys.symmetric(&kid, Purpose::Nonce).await.unwrap().unwrap();
    let dump = everything(&world);

    // What is looked for would be found: these two stand in clear.
    assert!(contains(&dump, b"dossier-pharmaceutique"));
    assert!(contains(&dump, cast.device.jkt.as_bytes()));
    let texts = [
        NATIONAL_ID,
        &NATIONAL_ID[1..],
        "MERCIER-LACOMBE",
        "Apolline",
        "apolline@cabinet.example",
        "+33600000042",
        "192.0.2.77",
        NONCE,
        "opaque-credential-of-the-phone",
        "text-shown-on-the-phone",
        "a secret of the client",
        "contact_codes",
    ];
    for text in texts {
        assert!(!contains(&dump, text.as_bytes()), "{text}");
    }
    for bytes in [&cast.person.subject_seed, &material] {
        assert!(!contains(&dump, bytes));
    }
    assert!(!contains(&dump, &second.credential_id));
}

#[tokio::test]
async fn another_storage_key_finds_and_opens_nothing() {
    let world = World::in_file().await;
    let cast = cast(&world).await;
    let entropy: Arc<dyn sceau::base::Entropy> = Arc::new(OsEntropy);
    let clock: Arc<dyn sceau::base::Clock> = Arc::<sceau::base::TestClock>::clone(&world.clock);
    let other = sceau::jose::Sealer::new(2, &[99; 32]);
    let stores = sceau::adapter::sql::SqlStores::new(&world.db, &other, &entropy, &clock);
    let number = NationalId::parse(NATIONAL_ID).unwrap();
    assert!(stores.persons.find_by_national_id(&number).await.unwrap().is_none());
    assert!(matches!(stores.persons.find(cast.person.id).await, Err(sceau::ports::PortError::Corrupt(_))));
}

#[tokio::test]
async fn a_database_in_memory_is_ready_quickly() {
    let begun = Instant::now();
    for _ in 0..10 {
        Db::in_memory().await.unwrap().migrate().await.unwrap();
    }
    // Generous: a few milliseconds each on an idle machine.
    assert!(begun.elapsed().as_millis() < 5_000);
}

#[cfg(unix)]
#[tokio::test]
async fn the_file_is_readable_by_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let world = World::in_file().await;
    let mode = std::fs::metadata(path(world.file.as_ref().unwrap())).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

async fn active_key(world: &World) -> String {
    let kid = world.keys.stage(&key(Purpose::Sign), &granted()).await.unwrap().unwrap();
    let next = KeyRecord { kid: kid.clone(), ..key(Purpose::Sign) }.moved_to(KeyState::Active, START);
    assert!(world.keys.advance(0, &next, None, &granted()).await.unwrap());
    kid
}

fn key(purpose: Purpose) -> KeyRecord {
    KeyRecord::staged(String::new(), purpose, String::from("ES256"), START)
}

/// The database file and its write-ahead log.
fn everything(world: &World) -> Vec<u8> {
    let directory = world.file.as_ref().unwrap().path();
    let files = std::fs::read_dir(directory).unwrap();
    files.flat_map(|file| std::fs::read(file.unwrap().path()).unwrap()).collect()
}

fn contains(dump: &[u8], wanted: &[u8]) -> bool {
    dump.windows(wanted.len()).any(|window| window == wanted)
}
