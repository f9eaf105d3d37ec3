//! Sealed values under a new key, on each engine: everything moves, nothing is lost, whenever the job ends.

use std::sync::Arc;
use std::time::Duration;

use sceau::adapter::sql::{
    RESEAL_ONLY_POSTGRES, RESEAL_STATEMENTS, ResealObserver, Resealed, SealKeyReader, SqlStores,
};
use sceau::base::{Clock, Entropy, OsEntropy, Secret, TestClock};
use sceau::identity::NationalId;
use sceau::jose::{SealContext, SealError, Sealer};
use sceau::keyring::{KeyPolicy, KeyRecord, KeyState, Purpose};
use sceau::ports::{Decision, IssuePlan, Keys as _, RunClaim, StagedLine};
use sqlx::Row as _;
use sqlx::postgres::PgConnection;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool};
use sqlx::{AssertSqlSafe, Column as _};
use tokio::sync::Notify;

use super::durable::{World, granted, on_every_engine, path, refused};
use super::durable_links::{key, link};
use super::durable_samples::{Cast, NATIONAL_ID, bind_plan, cast, claim, device, later};
use super::postgres_server::{PATIENT, shared};

/// Every sealed column but that of key records, with the key of its table.
pub(super) const COLUMNS: [(&str, &str, &str); 9] = [
    ("persons", "sealed", "id"),
    ("devices", "sealed", "id"),
    ("links", "sealed", "id"),
    ("grants", "sealed", "id"),
    ("families", "current_sealed", "id"),
    ("decisions", "proof_sealed", "approval"),
    ("decisions", "evidence_sealed", "approval"),
    ("audit_payloads", "sealed", "event"),
    ("directory_blocks", "sealed", "last_index"),
];

/// The stores under their own seal keys, and a value of every kind.
struct Sealed {
    world: World,
    reader: Arc<SealKeyReader>,
    cast: Cast,
    plan: IssuePlan,
    decision: Decision,
    claim: RunClaim,
}

impl Sealed {
    async fn over(world: World) -> Self {
        stage(&world).await;
        activate(&world).await;
        let (world, reader) = replica(&world).await;
        let cast = cast(&world).await;
        let mut plan = cast.issue_plan();
        let family = plan.family.as_mut().unwrap();
        let name = family.id.uuid();
        let context = SealContext { kind: "refresh/current", name: name.as_bytes(), clear: &[] };
        family.current_sealed = reader.sealing().seal(&OsEntropy, &context, b"first");
        let event = granted().with_personal("address", Secret::new(String::from("192.0.2.77")));
        world.stores.issuance.issue(&plan, &event, &refused()).await.unwrap();
        let decision = cast.decision();
        world.stores.decisions.commit(&decision, &granted(), &refused()).await.unwrap();
        let other = device(cast.person.id);
        world.stores.devices.bind(&bind_plan(&other), &granted(), &refused()).await.unwrap();
        let made = link(cast.person.id, "one");
        world.stores.links.link_proved(&made, &granted()).await.unwrap();
        let claim = claim();
        let directory = &world.stores.directory;
        assert!(directory.begin(claim, &granted()).await.unwrap());
        let line = |number| StagedLine {
            national_id: NationalId::parse(&format!("8{number:011}")).unwrap(),
            text: Some(format!("line {number}")),
        };
        for chunk in 0..3 {
            directory.stage(claim, chunk, vec![line(chunk)]).await.unwrap();
        }
        Self { world, reader, cast, plan, decision, claim }
    }

    /// Everything is found and says what it said.
    async fn is_whole(&self) {
        let stores = &self.world.stores;
        let number = NationalId::parse(NATIONAL_ID).unwrap();
        let found = stores.persons.find_by_national_id(&number).await.unwrap().unwrap();
        assert_eq!(found.subject_seed, self.cast.person.subject_seed);
        assert_eq!(stores.devices.list(self.cast.person.id).await.unwrap().len(), 2);
        assert!(stores.links.find(&key("one")).await.unwrap().is_some());
        let family = self.plan.family.as_ref().unwrap().id;
        let kept = stores.grants.family(family).await.unwrap().unwrap();
        assert_eq!(kept.grant.person, self.cast.person.id);
        let name = family.uuid();
        let context = SealContext { kind: "refresh/current", name: name.as_bytes(), clear: &[] };
        assert_eq!(self.reader.sealing().open(&context, &kept.current_sealed).await.unwrap(), b"first");
        assert!(stores.decisions.find(self.decision.approval).await.unwrap().is_some());
        let evidence = stores.decisions.evidence(self.decision.approval).await.unwrap().unwrap();
        assert_eq!(evidence.text, self.decision.evidence.text);
        let run = stores.directory.active().await.unwrap().unwrap();
        assert_eq!(run.id, self.claim.run);
    }

    /// Stages and activates the next key, and lets this replica read it.
    async fn rotate(&self) {
        self.world.clock.advance(Duration::from_secs(1));
        stage(&self.world).await;
        self.reader.refresh().await.unwrap();
        self.world.clock.advance(self.reader.hold());
        activate(&self.world).await;
        self.reader.refresh().await.unwrap();
    }
}

/// The stores as another process would open them.
async fn replica(world: &World) -> (World, Arc<SealKeyReader>) {
    let clock: Arc<dyn Clock> = Arc::<TestClock>::clone(&world.clock);
    let entropy: Arc<dyn Entropy> = Arc::new(OsEntropy);
    let reader = SealKeyReader::open(&world.keys, &KeyPolicy::default(), &clock).await.unwrap();
    let stores = SqlStores::new(&world.db, reader.sealing(), &entropy, &clock);
    (World { stores, ..world.clone() }, reader)
}

async fn stage(world: &World) -> String {
    let record = KeyRecord {
        kid: String::new(),
        purpose: Purpose::Seal,
        algorithm: String::from("A256GCM"),
        state: KeyState::Staged,
        public_jwk: None,
        staged_at: world.clock.now(),
        activates_at: None,
        activated_at: None,
        retired_at: None,
        gone_at: None,
        revoked_at: None,
        custody: sceau::keyring::Custody::Sealed,
        revision: 0,
        sealed_private: None,
    };
    world.keys.stage(&record, &granted()).await.unwrap().unwrap()
}

/// The staged key takes the place of the active one.
async fn activate(world: &World) {
    let records = world.keys.list().await.unwrap();
    let of = |state| records.iter().find(|key| key.purpose == Purpose::Seal && key.state == state);
    let now = world.clock.now();
    let next = of(KeyState::Staged).unwrap();
    let demoted = of(KeyState::Active).map(|key| key.clone().moved_to(KeyState::Retiring, now));
    let activated = next.clone().moved_to(KeyState::Active, now);
    assert!(world.keys.advance(next.revision, &activated, demoted.as_ref(), &granted()).await.unwrap());
}

pub(super) struct Deaf;

impl ResealObserver for Deaf {
    fn walked(&mut self, _: &Resealed) {}
}

/// Ends the job after so many steps.
struct Killer {
    steps: usize,
    kill: Arc<Notify>,
}

impl ResealObserver for Killer {
    fn walked(&mut self, _: &Resealed) {
        self.steps = self.steps.saturating_sub(1);
        if self.steps == 0 {
            self.kill.notify_one();
        }
    }
}

fn sums(columns: &[Resealed]) -> (u64, u64, u64, usize) {
    let sum = |of: fn(&Resealed) -> u64| columns.iter().map(of).sum();
    let refused = columns.iter().map(|column| column.refused.len()).sum();
    (sum(|column| column.total), sum(|column| column.done), sum(|column| column.left), refused)
}

/// The rows of a database as whoever holds a copy of it reads them: table, column, key and value in hexadecimal.
pub(super) enum Raw {
    Sqlite(SqlitePool),
    Postgres(Box<PgConnection>),
}

impl Raw {
    async fn of(world: &World) -> Self {
        match &world.file {
            Some(file) => Self::file(&path(file)).await,
            None => Self::tenant(&world.tenant.as_ref().unwrap().user).await,
        }
    }

    pub(super) async fn file(path: &std::path::Path) -> Self {
        let options = SqliteConnectOptions::new().filename(path);
        Self::Sqlite(SqlitePool::connect_with(options).await.unwrap())
    }

    pub(super) async fn tenant(user: &str) -> Self {
        Self::Postgres(Box::new(shared().connect(user).await))
    }

    pub(super) async fn values(
        &mut self,
        (table, column, key): (&str, &str, &str),
    ) -> Vec<(Vec<u8>, Vec<u8>)> {
        match self {
            Self::Sqlite(pool) => {
                let text = format!("SELECT {key}, {column} FROM {table} ORDER BY {key}");
                let rows = sqlx::query(AssertSqlSafe(text)).fetch_all(&*pool).await.unwrap();
                rows.iter().map(|row| (row.get(0), row.get(1))).collect()
            }
            Self::Postgres(connection) => {
                let bytes = if key == "last_index" { key.to_owned() } else { format!("uuid_send({key})") };
                let text = format!("SELECT {bytes}, {column} FROM {table} ORDER BY {key}");
                let rows = sqlx::query(AssertSqlSafe(text)).fetch_all(&mut **connection).await.unwrap();
                rows.iter()
                    .map(|row| {
                        assert_eq!(row.columns()[1].name(), column);
                        (row.get(0), row.get(1))
                    })
                    .collect()
            }
        }
    }

    async fn put(&mut self, (table, column, key): (&str, &str, &str), row: &[u8], value: &[u8]) {
        let hex = |bytes: &[u8]| -> Vec<String> { bytes.iter().map(|byte| format!("{byte:02x}")).collect() };
        let (row, value) = (hex(row).concat(), hex(value).concat());
        match self {
            Self::Sqlite(pool) => {
                let text = format!("UPDATE {table} SET {column} = x'{value}' WHERE {key} = x'{row}'");
                sqlx::query(AssertSqlSafe(text)).execute(&*pool).await.unwrap();
            }
            Self::Postgres(connection) => {
                let text = format!(
                    "UPDATE {table} SET {column} = decode('{value}', 'hex') WHERE uuid_send({key}) = decode('{row}', 'hex')"
                );
                sqlx::query(AssertSqlSafe(text)).execute(&mut **connection).await.unwrap();
            }
        }
    }

    /// Whether a statement of the catalogue finds the row with the value read.
    async fn run(&mut self, text: &'static str, (row, read, sealed): (&[u8], &[u8], &[u8])) -> bool {
        let id = uuid::Uuid::from_slice(row).unwrap();
        match self {
            Self::Sqlite(pool) => {
                let query = sqlx::query(text).bind(id).bind(read).bind(sealed);
                query.fetch_optional(&*pool).await.unwrap().is_some()
            }
            Self::Postgres(connection) => {
                let query = sqlx::query(text).bind(id).bind(read).bind(sealed);
                query.fetch_optional(&mut **connection).await.unwrap().is_some()
            }
        }
    }

    /// Key identifiers of every sealed value but those of key records.
    pub(super) async fn key_ids(&mut self) -> Vec<(&'static str, Option<u32>)> {
        let mut ids = Vec::new();
        for column in COLUMNS {
            let values = self.values(column).await;
            assert!(!values.is_empty(), "{column:?} has a sample");
            ids.extend(values.iter().map(|(_, value)| (column.0, Sealer::key_id(value))));
        }
        ids
    }
}

/// The engines that can be read from outside.
fn on_engines_with_a_back_door(test: impl AsyncFn(World)) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        for world in [World::in_file().await, World::in_postgres(PATIENT).await] {
            test(world.clone()).await;
            world.verified().await;
            world.db.close().await;
        }
    });
}

#[test]
fn everything_moves_to_the_new_key_and_the_blind_indexes_still_find() {
    on_engines_with_a_back_door(async |world| {
        let sealed = Sealed::over(world).await;
        let stores = &sealed.world.stores;
        let mut raw = Raw::of(&sealed.world).await;
        let (total, done, ..) = sums(&stores.reseal(2, &mut Deaf).await.unwrap());
        assert_eq!(done, 0, "the first key is the one in use");
        sealed.rotate().await;
        sealed.is_whole().await;
        assert!(raw.key_ids().await.iter().all(|(_, id)| *id == Some(1)));

        let columns = stores.reseal(2, &mut Deaf).await.unwrap();
        assert!(columns.iter().all(|column| column.done > 0), "{columns:?}");
        assert_eq!(sums(&columns), (total, total, 0, 0));
        assert!(raw.key_ids().await.iter().all(|(_, id)| *id == Some(2)), "{:?}", raw.key_ids().await);
        sealed.is_whole().await;
        assert_eq!(sums(&stores.reseal(1000, &mut Deaf).await.unwrap()), (total, 0, 0, 0));
        // A process that starts now, and one more key.
        let (restarted, _) = replica(&sealed.world).await;
        let number = NationalId::parse(NATIONAL_ID).unwrap();
        assert!(restarted.stores.persons.find_by_national_id(&number).await.unwrap().is_some());
        sealed.rotate().await;
        assert_eq!(sums(&stores.reseal(1, &mut Deaf).await.unwrap()), (total, total, 0, 0));
        assert!(raw.key_ids().await.iter().all(|(_, id)| *id == Some(3)));
        sealed.is_whole().await;
    });
}

#[test]
fn a_job_ended_after_any_step_goes_on_where_it_was() {
    on_every_engine(async |world| {
        let sealed = Sealed::over(world).await;
        let stores = &sealed.world.stores;
        let (total, ..) = sums(&stores.reseal(100, &mut Deaf).await.unwrap());
        sealed.rotate().await;
        let mut killed = 0;
        for steps in 1.. {
            let kill = Arc::new(Notify::new());
            let mut observer = Killer { steps, kill: Arc::clone(&kill) };
            let ended = tokio::select! {
                biased;
                columns = stores.reseal(1, &mut observer) => Some(columns.unwrap()),
                () = kill.notified() => None,
            };
            sealed.is_whole().await;
            if let Some(columns) = ended {
                assert_eq!(sums(&columns).2, 0);
                break;
            }
            killed += 1;
        }
        assert!(killed > 9, "{killed}");
        assert_eq!(sums(&stores.reseal(100, &mut Deaf).await.unwrap()), (total, 0, 0, 0));
        sealed.is_whole().await;
    });
}

#[test]
fn a_replica_that_has_not_read_the_new_key_reads_it_when_it_meets_it() {
    on_every_engine(async |world| {
        let sealed = Sealed::over(world).await;
        let (behind, reader) = replica(&sealed.world).await;
        sealed.rotate().await;
        sealed.world.stores.reseal(10, &mut Deaf).await.unwrap();
        assert!(!reader.sealing().sealer().knows(2));
        let found = behind.stores.persons.find(sealed.cast.person.id).await.unwrap().unwrap();
        assert_eq!(found.subject_seed, sealed.cast.person.subject_seed);
        assert_eq!(reader.sealing().sealer().current_id(), 2, "it seals with it from now on");
        // A key that nobody made is refused.
        let context = SealContext { kind: "persons/sealed", name: b"x", clear: &[] };
        let foreign = Sealer::new(77, &[7; 32]).seal(&OsEntropy, &context, b"x");
        assert_eq!(reader.sealing().open(&context, &foreign).await, Err(SealError::UnknownKey));
    });
}

#[test]
fn a_key_seals_only_once_every_replica_had_the_time_to_read_it() {
    on_every_engine(async |world| {
        stage(&world).await;
        activate(&world).await;
        let (_, reader) = replica(&world).await;
        world.clock.advance(Duration::from_secs(1));
        stage(&world).await;
        activate(&world).await;
        reader.refresh().await.unwrap();
        let sealing = reader.sealing();
        assert!(sealing.sealer().knows(2));
        assert_eq!(sealing.sealer().current_id(), 1, "activated at once: the one before goes on");
        world.clock.advance(reader.hold());
        reader.refresh().await.unwrap();
        assert_eq!(sealing.sealer().current_id(), 2);
        // By a clock that is behind no key is made: it would take another's number.
        let late = KeyRecord {
            kid: String::new(),
            state: KeyState::Staged,
            staged_at: later(1),
            ..first(&world).await
        };
        assert!(world.keys.stage(&late, &granted()).await.unwrap().is_none());
    });
}

async fn first(world: &World) -> KeyRecord {
    world.keys.list().await.unwrap().into_iter().find(|key| key.purpose == Purpose::Seal).unwrap()
}

#[test]
fn an_altered_or_moved_value_is_named_and_left_untouched() {
    on_engines_with_a_back_door(async |world| {
        let sealed = Sealed::over(world).await;
        let mut raw = Raw::of(&sealed.world).await;
        let (devices, grants) = (COLUMNS[1], COLUMNS[3]);
        let phones = raw.values(devices).await;
        assert_eq!(phones.len(), 2);
        // Two values in each other's place, and one bit of a third.
        raw.put(devices, &phones[0].0, &phones[1].1).await;
        raw.put(devices, &phones[1].0, &phones[0].1).await;
        let (row, mut grant) = raw.values(grants).await.remove(0);
        *grant.last_mut().unwrap() ^= 1;
        raw.put(grants, &row, &grant).await;
        sealed.rotate().await;
        let columns = sealed.world.stores.reseal(1, &mut Deaf).await.unwrap();
        let refused: Vec<_> = columns
            .iter()
            .flat_map(|column| column.refused.iter().map(|(row, why)| (column.place, row.clone(), *why)))
            .collect();
        let uuid = |row: &[u8]| uuid::Uuid::from_slice(row).unwrap().to_string();
        assert_eq!(
            refused,
            [
                ("devices.sealed", uuid(&phones[0].0), SealError::Refused),
                ("devices.sealed", uuid(&phones[1].0), SealError::Refused),
                ("grants.sealed", uuid(&row), SealError::Refused),
            ]
        );
        let after = raw.values(devices).await;
        assert_eq!((&after[0].1, &after[1].1), (&phones[1].1, &phones[0].1));
        assert_eq!(raw.values(grants).await[0].1, grant);
        let others = raw.key_ids().await.into_iter().filter(|(_, id)| *id == Some(1)).count();
        assert_eq!(others, 3, "the rest has moved");
    });
}

#[tokio::test]
async fn no_sealed_column_is_forgotten() {
    let world = World::in_file().await;
    let Raw::Sqlite(pool) = Raw::of(&world).await else { panic!("a file") };
    let text = "SELECT m.name || '.' || c.name FROM sqlite_master m JOIN pragma_table_info(m.name) c \
         WHERE m.type = 'table' AND c.name LIKE '%sealed%' ORDER BY 1";
    let stored: Vec<String> = sqlx::query_scalar(text).fetch_all(&pool).await.unwrap();
    let mut moved: Vec<String> =
        COLUMNS.iter().map(|(table, column, _)| format!("{table}.{column}")).collect();
    let columns = world.stores.reseal(1, &mut Deaf).await.unwrap();
    let mut told: Vec<String> = columns.iter().map(|column| column.place.to_owned()).collect();
    told.sort();
    moved.sort();
    assert_eq!(told, moved);
    moved.push(world.keys.reseal().await.unwrap().place.to_owned());
    moved.sort();
    assert_eq!(stored, moved, "a column that `keys reseal` must learn");
}

#[test]
fn a_value_is_replaced_only_while_it_is_the_one_read() {
    on_engines_with_a_back_door(async |world| {
        let sealed = Sealed::over(world).await;
        let mut raw = Raw::of(&sealed.world).await;
        let free = if sealed.world.file.is_some() { &[][..] } else { &RESEAL_ONLY_POSTGRES[..] };
        let names = ["person", "device", "link", "grant", "family", "proof", "evidence", "payload"];
        for (name, column) in names.into_iter().zip(COLUMNS) {
            let texts = RESEAL_STATEMENTS.iter().chain(free);
            let puts = texts.filter(|(put, _)| put.starts_with(&format!("{name}_reseal")));
            let puts: Vec<_> = puts.map(|(_, text)| *text).collect();
            assert_eq!(puts.len(), 1 + usize::from(!free.is_empty()), "{name}");
            for text in puts {
                let (row, value) = raw.values(column).await.remove(0);
                assert!(!raw.run(text, (&row, b"what was read", b"x")).await, "{name}");
                assert_eq!(raw.values(column).await[0].1, value, "{name}: somebody else's stays");
                assert!(raw.run(text, (&row, &value, &value)).await, "{name}");
            }
        }
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_that_somebody_holds_is_left_and_done_the_next_time() {
    let sealed = Sealed::over(World::in_postgres(PATIENT).await).await;
    let stores = &sealed.world.stores;
    sealed.rotate().await;
    let mut holder = shared().connect(&sealed.world.tenant.as_ref().unwrap().user).await;
    sqlx::query("BEGIN").execute(&mut holder).await.unwrap();
    sqlx::query("SELECT id FROM persons FOR SHARE").execute(&mut holder).await.unwrap();
    let columns = tokio::time::timeout(Duration::from_secs(15), stores.reseal(10, &mut Deaf)).await;
    let columns = columns.expect("nobody is waited for").unwrap();
    assert_eq!((columns[0].left, columns[0].done), (1, 0));
    assert!(columns[1..].iter().all(|column| column.left == 0 && column.done > 0), "{columns:?}");
    sqlx::query("COMMIT").execute(&mut holder).await.unwrap();
    let columns = stores.reseal(10, &mut Deaf).await.unwrap();
    assert_eq!((columns[0].left, columns[0].done), (0, 1));
    sealed.is_whole().await;
}
