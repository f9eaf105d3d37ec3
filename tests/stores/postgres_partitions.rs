//! Partitions of PostgreSQL: where a use lands, what is made and dropped, by whom; and the program of the schema before.

use sceau::adapter::sql::Db;
use sceau::base::TokenHash;
use sceau::ports::{Fence, FenceLife, IssueOutcome};
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Executor as _, SqlSafeStr as _};

use super::durable::{World, granted, refused};
use super::durable_samples::{cast, later};
use super::postgres_server::{PATIENT, shared};

const DAY: u64 = 86_400;
/// As `git show 0012d5d` has them: the program of schema 6.
const BEFORE: &str = include_str!("../data/statements_of_schema_6.sql");

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_redemptions_across_a_partition_boundary_have_one_winner() {
    let world = World::in_postgres(PATIENT).await;
    let mut connection = owner(&world).await;
    // What programs of the schema before need: the key alone must be enough.
    run(&mut connection, "DROP TRIGGER single_use_once ON single_use").await;
    let cast = cast(&world).await;
    let first = cast.issue_plan();
    let mut second = cast.issue_plan();
    // The next day, the row would be kept for longer: neither moves the use to another partition.
    second.fence = Fence { life: FenceLife { until: later(2 * DAY), ..first.fence.life }, ..first.fence };
    assert_eq!(issue(&world, &first).await, IssueOutcome::Issued);
    assert_eq!(issue(&world, &second).await, IssueOutcome::Replayed(first.grant.id));
    let kept = "SELECT count(*) FROM single_use WHERE kind = 'code'";
    assert_eq!(number(&mut connection, kept).await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_program_of_the_schema_before_used_is_used() {
    let world = World::in_postgres(PATIENT).await;
    let mut connection = owner(&world).await;
    let insert = statement("fence_insert");
    let cast = cast(&world).await;
    let old = async |connection: &mut PgConnection, hash: &TokenHash| {
        let row: Option<String> = sqlx::query_scalar(AssertSqlSafe(insert.clone()))
            .bind("code")
            .bind(hash.as_bytes().as_slice())
            .bind(later(120).millis())
            .bind(None::<uuid::Uuid>)
            .fetch_optional(connection)
            .await
            .unwrap();
        row.is_some()
    };
    let plan = cast.issue_plan();
    assert_eq!(issue(&world, &plan).await, IssueOutcome::Issued);
    assert!(!old(&mut connection, &plan.fence.hash).await, "used by the new one, then by the old one");
    let other = cast.issue_plan();
    assert!(old(&mut connection, &other.fence.hash).await);
    let again = world.stores.issuance.issue(&other, &granted(), &refused()).await;
    // The old one's row here names no grant.
    assert!(!matches!(again, Ok(IssueOutcome::Issued)), "{again:?}");
}

#[tokio::test]
async fn every_statement_of_the_program_before_prepares_on_this_schema() {
    let world = World::in_postgres(PATIENT).await;
    let mut connection = owner(&world).await;
    let mut prepared = 0;
    for (name, text) in statements() {
        let done = (&mut connection).prepare(AssertSqlSafe(text).into_sql_str()).await;
        assert!(done.is_ok(), "{name}: {:?}", done.err());
        prepared += 1;
    }
    assert!(prepared > 160, "{prepared}");
}

#[tokio::test]
async fn a_newer_schema_says_which_programs_it_serves() {
    let settings = shared().tenant(PATIENT).await;
    let db = Db::connect(&settings).await.unwrap();
    db.migrate().await.unwrap();
    let mut connection = shared().connect(&settings.user).await;
    let newer = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
                 VALUES (9999, 'of a newer program', TRUE, '', 0)";
    run(&mut connection, newer).await;
    assert_eq!(db.schema_unfit().await.unwrap(), None, "the migration says that this program goes on");
    run(&mut connection, "UPDATE schema_support SET compatible_from = 9999").await;
    let unfit = db.schema_unfit().await.unwrap().unwrap().to_string();
    assert!(unfit.contains("version 9999") && unfit.contains("start a newer one"), "{unfit}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn partitions_are_made_ahead_and_dropped_when_nothing_in_them_is_needed() {
    let world = World::in_postgres(PATIENT).await;
    let mut connection = owner(&world).await;
    let kept = world.stores.keep_partitions().await.unwrap();
    assert!(kept.iter().all(|one| (one.made, one.dropped) == (0, 0)), "{kept:?}");
    // Days ago: one over, one with a row that must be kept, one that began yesterday.
    let today = number(&mut connection, "SELECT (extract(epoch FROM now()) * 1000)::bigint / 86400000").await;
    for ago in [9, 8, 1] {
        let day = today - ago;
        let text = format!(
            "CREATE TABLE single_use_p{day} PARTITION OF single_use FOR VALUES FROM ({}) TO ({})",
            day * 86_400_000,
            (day + 1) * 86_400_000
        );
        run(&mut connection, &text).await;
        let until = if ago == 8 { today + 2 } else { day } * 86_400_000;
        let row = format!(
            "INSERT INTO single_use (kind, hash, expires_at, kept_until) VALUES ('code', '\\x0{ago}', {}, {until})",
            day * 86_400_000 + 5
        );
        run(&mut connection, &row).await;
    }
    let kept = world.stores.keep_partitions().await.unwrap();
    assert_eq!(kept[0].dropped, 1, "{kept:?}");
    let left = "SELECT count(*) FROM single_use";
    assert_eq!(number(&mut connection, left).await, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_for_which_no_partition_was_made_moves_to_it_and_stays_used() {
    let world = World::in_postgres(PATIENT).await;
    let mut connection = owner(&world).await;
    let cast = cast(&world).await;
    let today = number(&mut connection, "SELECT (extract(epoch FROM now()) * 1000)::bigint / 86400000").await;
    run(&mut connection, &format!("DROP TABLE single_use_p{}", today + 2)).await;
    let expires = sceau::base::UnixTime::from_millis((today + 2) * 86_400_000 + 7);
    let mut plan = cast.issue_plan();
    plan.fence.life = FenceLife { expires, until: expires };
    assert_eq!(issue(&world, &plan).await, IssueOutcome::Issued);
    let in_default =
        format!("SELECT count(*) FROM single_use_default WHERE expires_at = {}", expires.millis());
    assert_eq!(number(&mut connection, &in_default).await, 1);
    let kept = world.stores.keep_partitions().await.unwrap();
    assert_eq!(kept[0].made, 1, "{kept:?}");
    assert_eq!(number(&mut connection, &in_default).await, 0);
    assert_eq!(issue(&world, &plan).await, IssueOutcome::Replayed(plan.grant.id));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_busy_table_is_left_for_the_next_time_and_holds_up_nobody() {
    let world = World::in_postgres(PATIENT).await;
    let mut connection = owner(&world).await;
    let cast = cast(&world).await;
    let today = number(&mut connection, "SELECT (extract(epoch FROM now()) * 1000)::bigint / 86400000").await;
    run(&mut connection, &format!("DROP TABLE single_use_p{}", today + 2)).await;
    run(&mut connection, "BEGIN").await;
    run(&mut connection, "LOCK TABLE single_use IN ROW EXCLUSIVE MODE").await;
    let kept = world.stores.keep_partitions().await.unwrap();
    assert_eq!(kept.len(), 2, "{kept:?}");
    assert_eq!(issue(&world, &cast.issue_plan()).await, IssueOutcome::Issued);
    run(&mut connection, "COMMIT").await;
    assert_eq!(world.stores.keep_partitions().await.unwrap()[0].made, 1);
}

#[tokio::test]
async fn the_role_that_serves_can_have_partitions_kept_and_nothing_else() {
    let world = World::in_postgres(PATIENT).await;
    let owner = world.tenant.clone().unwrap().user;
    let role = format!("{owner}_serving");
    let mut admin = shared().connect("postgres").await;
    run(&mut admin, &format!("CREATE ROLE {role} LOGIN")).await;
    let mut connection = shared().connect(&owner).await;
    for right in [
        format!("GRANT USAGE ON SCHEMA {owner} TO {role}"),
        format!("GRANT EXECUTE ON FUNCTION sceau_partitions_keep TO {role}"),
    ] {
        run(&mut connection, &right).await;
    }
    let mut serving = shared().connect(&role).await;
    run(&mut serving, &format!("SELECT {owner}.sceau_partitions_keep('single_use')")).await;
    let denied = [
        (format!("SELECT {owner}.sceau_partitions_keep('persons')"), "22023"),
        (format!("DROP TABLE {owner}.single_use_default"), "42501"),
        (format!("TRUNCATE {owner}.single_use"), "42501"),
    ];
    for (text, code) in denied {
        let error = sqlx::query(AssertSqlSafe(text.clone())).execute(&mut serving).await.unwrap_err();
        assert_eq!(error.as_database_error().unwrap().code().unwrap(), code, "{text}");
    }
}

#[tokio::test]
async fn the_migration_keeps_what_is_needed_and_the_rights_of_roles() {
    let settings = shared().tenant(PATIENT).await;
    let mut connection = shared().connect(&settings.user).await;
    let role = format!("{}_before", settings.user);
    run(&mut shared().connect("postgres").await, &format!("CREATE ROLE {role}")).await;
    let mut files = migrations();
    let last = files.pop().unwrap();
    for text in files {
        connection.execute(AssertSqlSafe(text).into_sql_str()).await.unwrap();
    }
    for text in [
        format!("GRANT SELECT, INSERT, DELETE ON single_use TO {role}"),
        format!("GRANT SELECT, INSERT ON issuances TO {role}"),
        String::from(
            "INSERT INTO single_use VALUES ('code', 'over', 5, NULL), ('code', 'kept', 9000000000000, NULL)",
        ),
        String::from(
            "INSERT INTO audit_events VALUES (gen_random_uuid(), 0, gen_random_uuid(), '', 1600000000000, 'k', '', '')",
        ),
        String::from("INSERT INTO audit_payloads SELECT id, at, 'old' FROM audit_events"),
    ] {
        run(&mut connection, &text).await;
    }
    connection.execute(AssertSqlSafe(last).into_sql_str()).await.unwrap();
    for (text, expected) in [
        ("SELECT count(*) FROM single_use WHERE hash = 'kept'", 1),
        ("SELECT count(*) FROM single_use", 1),
        ("SELECT count(*) FROM audit_payloads_default", 0),
        ("SELECT count(*) FROM audit_payloads", 1),
    ] {
        assert_eq!(number(&mut connection, text).await, expected, "{text}");
    }
    for (table, rights) in
        [("single_use", "INSERT, DELETE"), ("issuances", "INSERT"), ("schema_support", "SELECT")]
    {
        let text = format!("SELECT has_table_privilege('{role}', '{table}', '{rights}')::int::bigint");
        assert_eq!(number(&mut connection, &text).await, 1, "{table}");
    }
    let text = format!(
        "SELECT has_function_privilege('{role}', 'sceau_partitions_keep(text)', 'EXECUTE')::int::bigint"
    );
    assert_eq!(number(&mut connection, &text).await, 1);
}

/// Their texts, up to the one that makes partitions.
fn migrations() -> Vec<String> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/adapter/sql/migrations/postgres");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    let last = files.iter().position(|file| file.to_str().unwrap().contains("partitions")).unwrap();
    files.truncate(last + 1);
    files.iter().map(|file| std::fs::read_to_string(file).unwrap()).collect()
}

async fn issue(world: &World, plan: &sceau::ports::IssuePlan) -> IssueOutcome {
    world.stores.issuance.issue(plan, &granted(), &refused()).await.unwrap()
}

async fn owner(world: &World) -> PgConnection {
    shared().connect(&world.tenant.clone().unwrap().user).await
}

async fn run(connection: &mut PgConnection, text: &str) {
    sqlx::query(AssertSqlSafe(text.to_owned())).execute(connection).await.unwrap();
}

async fn number(connection: &mut PgConnection, text: &str) -> i64 {
    sqlx::query_scalar(AssertSqlSafe(text.to_owned())).fetch_one(connection).await.unwrap()
}

/// Names and texts.
fn statements() -> Vec<(String, String)> {
    let pairs = BEFORE.split("\n-- ").skip(1).map(|part| {
        let (name, text) = part.split_once('\n').unwrap();
        (name.to_owned(), text.trim().trim_end_matches(';').to_owned())
    });
    pairs.collect()
}

fn statement(name: &str) -> String {
    statements().into_iter().find(|(one, _)| one == name).unwrap().1
}
