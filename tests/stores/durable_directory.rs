//! The contract of the directory import: one run at a time, claims, staging in any order, batches.

use std::sync::Arc;

use sceau::audit::AuditEvent;
use sceau::identity::{DirectoryCounts, ExtractSize, NationalId, PersonStatus, Wholeness};
use sceau::ports::{
    Cutoff, CutoffScope, DirectoryBatch, DirectoryChange, DirectoryPair, PortError, RunClaim, RunNumbers,
    RunState, StagedLine,
};
use uuid::Uuid;

use super::durable::{START, World, granted, on_every_engine, race};
use super::durable_samples::{NATIONAL_ID, cast, claim, import, later, person};

fn line(number: u32, text: Option<&str>) -> StagedLine {
    let national_id = NationalId::parse(&format!("8{number:011}")).unwrap();
    StagedLine { national_id, text: text.map(str::to_owned) }
}

fn at(event: AuditEvent, second: u64) -> AuditEvent {
    AuditEvent { at: later(second), ..event }
}

/// Every pair of the run under way.
async fn pairs(world: &World, page: usize) -> Vec<DirectoryPair> {
    let run = world.stores.directory.active().await.unwrap().unwrap();
    let mut walk = world.stores.directory.walk(&run).await.unwrap();
    let mut pairs = Vec::new();
    loop {
        let next = walk.next(page).await.unwrap();
        assert!(next.len() <= page);
        if next.is_empty() {
            return pairs;
        }
        pairs.extend(next);
    }
}

async fn staged(world: &World, claim: RunClaim, chunks: u32) {
    let numbers = RunNumbers { chunks, ..RunNumbers::default() };
    world.stores.directory.advance(claim, RunState::Staged, &numbers, &granted()).await.unwrap();
}

#[test]
fn of_fifty_that_begin_one_does() {
    on_every_engine(async |world| {
        let begun = race(|_| {
            let directory = Arc::clone(&world.stores.directory);
            async move { directory.begin(claim(), &granted()).await.unwrap() }
        })
        .await;
        assert_eq!(begun.into_iter().filter(|begun| *begun).count(), 1);
        assert_eq!(world.reasons().await.len(), 1, "the others left no trace");
    });
}

#[test]
fn a_refused_run_gives_way_and_another_does_not() {
    on_every_engine(async |world| {
        let directory = &world.stores.directory;
        let first = claim();
        assert!(directory.begin(first, &granted()).await.unwrap());
        for state in [RunState::Staging, RunState::Staged, RunState::Applying] {
            directory.advance(first, state, &RunNumbers::default(), &granted()).await.unwrap();
            assert!(!directory.begin(claim(), &granted()).await.unwrap(), "{state:?}");
        }
        directory.advance(first, RunState::Refused, &RunNumbers::default(), &granted()).await.unwrap();
        let second = claim();
        assert!(directory.begin(second, &granted()).await.unwrap());
        let stale = directory.advance(first, RunState::Applied, &RunNumbers::default(), &granted()).await;
        assert!(matches!(stale, Err(PortError::Conflict)), "{stale:?}");
        assert_eq!(directory.active().await.unwrap().unwrap().id, second.run);
    });
}

#[test]
fn a_run_taken_over_is_lost_to_whoever_had_it() {
    on_every_engine(async |world| {
        let directory = &world.stores.directory;
        let first = claim();
        directory.begin(first, &granted()).await.unwrap();
        directory.stage(first, 0, vec![line(1, Some("a"))]).await.unwrap();
        let second = RunClaim { owner: Uuid::from_u128(7), ..first };
        assert!(directory.take_over(second, &granted()).await.unwrap());
        let stage = directory.stage(first, 1, vec![line(2, Some("b"))]).await;
        assert!(matches!(stage, Err(PortError::Conflict)), "{stage:?}");
        let created = DirectoryChange::Create(Box::new(person(NATIONAL_ID)), [1; 32]);
        let batch = DirectoryBatch { changes: vec![created], upto: [9; 32], numbers: RunNumbers::default() };
        let apply = directory.apply(first, &batch).await;
        assert!(matches!(apply, Err(PortError::Conflict)), "{apply:?}");
        let number = NationalId::parse(NATIONAL_ID).unwrap();
        assert!(world.stores.persons.find_by_national_id(&number).await.unwrap().is_none());
        directory.apply(second, &batch).await.unwrap();
        assert!(world.stores.persons.find_by_national_id(&number).await.unwrap().is_some());
        directory.advance(second, RunState::Discarded, &batch.numbers, &granted()).await.unwrap();
        assert!(!directory.take_over(first, &granted()).await.unwrap(), "it is over");
    });
}

#[test]
fn lines_of_a_person_meet_whatever_lies_between_them() {
    on_every_engine(async |world| {
        let directory = &world.stores.directory;
        let claim = claim();
        directory.begin(claim, &granted()).await.unwrap();
        let long = "x".repeat(900);
        for chunk in 0..3 {
            // Several blocks in a part, and every person in every part.
            let lines = (0..300).map(|number| line(number, Some(&format!("{}{long}", 2 - chunk))));
            directory.stage(claim, chunk, lines.collect()).await.unwrap();
        }
        directory.stage(claim, 3, vec![line(5, None), line(1000, None)]).await.unwrap();
        staged(&world, claim, 4).await;
        let stored = cast_beside(&world).await;
        for page in [1, 7, 1000] {
            let pairs = pairs(&world, page).await;
            assert!(pairs.is_sorted_by_key(|pair| pair.index));
            assert_eq!(pairs.len(), 302);
            let whole = pairs.iter().filter(|pair| pair.lines.len() == 3).count();
            assert_eq!(whole, 300);
            for pair in pairs.iter().filter(|pair| pair.lines.len() == 3) {
                let first: Vec<&str> = pair.lines.iter().map(|line| &line[..1]).collect();
                assert_eq!(first, ["0", "1", "2"], "the order of the text, not of the file");
            }
            assert_eq!(pairs.iter().filter(|pair| pair.refused).count(), 2);
            let alone: Vec<_> = pairs.iter().filter_map(|pair| pair.stored).collect();
            assert_eq!(alone.len(), 1);
            assert_eq!(alone[0].id, stored);
        }
    });
}

/// A stored person whom the file does not have, written while a run is under way.
async fn cast_beside(world: &World) -> sceau::base::PersonId {
    let run = world.stores.directory.active().await.unwrap().unwrap();
    let owner = RunClaim { run: run.id, owner: Uuid::from_u128(1) };
    world.stores.directory.take_over(owner, &granted()).await.unwrap();
    let person = person("899700000012");
    let batch = DirectoryBatch {
        changes: vec![DirectoryChange::Create(Box::new(person.clone()), [1; 32])],
        upto: [0; 32],
        numbers: run.numbers,
    };
    world.stores.directory.apply(owner, &batch).await.unwrap();
    person.id
}

#[test]
fn a_walk_goes_on_after_the_last_batch() {
    on_every_engine(async |world| {
        let directory = &world.stores.directory;
        let claim = claim();
        directory.begin(claim, &granted()).await.unwrap();
        let lines = (0..50).map(|number| line(number, Some("text")));
        directory.stage(claim, 0, lines.collect()).await.unwrap();
        staged(&world, claim, 1).await;
        let all = pairs(&world, 10).await;
        let upto = all[19].index;
        let done = DirectoryCounts { created: 3, ..DirectoryCounts::default() };
        let numbers = RunNumbers { chunks: 1, done, ..RunNumbers::default() };
        directory.apply(claim, &DirectoryBatch { changes: vec![], upto, numbers }).await.unwrap();
        let rest = pairs(&world, 10).await;
        assert_eq!(
            rest.iter().map(|pair| pair.index).collect::<Vec<_>>(),
            all[20..].iter().map(|pair| pair.index).collect::<Vec<_>>()
        );
        assert_eq!(directory.active().await.unwrap().unwrap().numbers, numbers);
    });
}

#[test]
fn a_batch_changes_records_and_keeps_what_is_ours() {
    on_every_engine(async |world| {
        let cast = cast(&world).await;
        let directory = &world.stores.directory;
        let claim = claim();
        directory.begin(claim, &granted()).await.unwrap();
        let mut renamed = cast.person.professional().unwrap().clone();
        renamed.family_name = String::from("LACOMBE");
        let update = || DirectoryChange::Update {
            id: cast.person.id,
            professional: Box::new(renamed.clone()),
            digest: [5; 32],
            returned: granted(),
        };
        let batch =
            |change| DirectoryBatch { changes: vec![change], upto: [9; 32], numbers: RunNumbers::default() };
        let persons = &world.stores.persons;
        let before = world.reasons().await.len();
        directory.apply(claim, &batch(update())).await.unwrap();
        let known = persons.find(cast.person.id).await.unwrap().unwrap();
        assert!(*known.professional().unwrap() == renamed && known.subject_seed == cast.person.subject_seed);
        assert_eq!(world.reasons().await.len(), before, "an update alone is the run's affair");

        directory
            .apply(claim, &batch(DirectoryChange::Deactivate(cast.person.id, at(granted(), 5))))
            .await
            .unwrap();
        let gone = persons.find(cast.person.id).await.unwrap().unwrap();
        assert_eq!(gone.status, PersonStatus::Deactivated);
        let (cutoffs, _) = world.stores.revocation.changes_since(START).await.unwrap();
        assert_eq!(cutoffs, [Cutoff { scope: CutoffScope::Person(cast.person.id), at: later(5) }]);
        assert_eq!(world.stores.devices.list(cast.person.id).await.unwrap().len(), 1);
        assert_eq!(world.reasons().await.len(), before + 1);

        directory.apply(claim, &batch(update())).await.unwrap();
        let back = persons.find(cast.person.id).await.unwrap().unwrap();
        assert!(back.status == PersonStatus::Active && back.subject_seed == cast.person.subject_seed);
        assert_eq!(world.reasons().await.len(), before + 2);

        let lock = Cutoff { scope: CutoffScope::Person(cast.person.id), at: later(9) };
        world.stores.revocation.revoke(&lock, &granted()).await.unwrap();
        let rows = world.reasons().await.len();
        directory.apply(claim, &batch(update())).await.unwrap();
        directory
            .apply(claim, &batch(DirectoryChange::Deactivate(cast.person.id, at(granted(), 12))))
            .await
            .unwrap();
        let locked = persons.find(cast.person.id).await.unwrap().unwrap();
        assert_eq!(locked.status, PersonStatus::Locked);
        assert_eq!(world.reasons().await.len(), rows, "neither brings back nor ends");
    });
}

#[test]
fn a_batch_that_fails_changes_nothing() {
    on_every_engine(async |world| {
        let known = person(NATIONAL_ID);
        import(&world, &known).await;
        let directory = &world.stores.directory;
        let claim = claim();
        directory.begin(claim, &granted()).await.unwrap();
        let newcomer = person("899700000020");
        let create =
            |person: &sceau::identity::Person| DirectoryChange::Create(Box::new(person.clone()), [1; 32]);
        let changes = vec![create(&newcomer), create(&person(NATIONAL_ID))];
        let batch = DirectoryBatch { changes, upto: [9; 32], numbers: RunNumbers::default() };
        assert!(directory.apply(claim, &batch).await.is_err());
        assert!(world.stores.persons.find(newcomer.id).await.unwrap().is_none());
    });
}

#[test]
fn the_size_of_the_last_whole_file_is_known() {
    on_every_engine(async |world| {
        let directory = &world.stores.directory;
        assert!(directory.last_whole().await.unwrap().is_none());
        let size = |lines| ExtractSize { lines, persons: lines };
        let runs = [
            (100, Wholeness::Whole, RunState::Applied),
            (60, Wholeness::Shorter, RunState::Applied),
            (70, Wholeness::Whole, RunState::Discarded),
        ];
        for (lines, wholeness, state) in runs {
            let claim = claim();
            directory.begin(claim, &granted()).await.unwrap();
            let numbers = RunNumbers { size: size(lines), wholeness, ..RunNumbers::default() };
            directory.advance(claim, state, &numbers, &granted()).await.unwrap();
            world.clock.advance(std::time::Duration::from_secs(1));
        }
        assert_eq!(directory.last_whole().await.unwrap(), Some(size(100)));
        assert_eq!(directory.last().await.unwrap().unwrap().numbers.size, size(70));
    });
}

#[test]
fn what_was_staged_is_sealed_and_goes_with_its_run() {
    on_every_engine(async |world| {
        let directory = &world.stores.directory;
        let claim = claim();
        directory.begin(claim, &granted()).await.unwrap();
        let secret = "family-name-in-a-staged-line";
        directory.stage(claim, 0, (0..200).map(|number| line(number, Some(secret))).collect()).await.unwrap();
        if let Some(folder) = &world.file {
            for entry in std::fs::read_dir(folder.path()).unwrap() {
                let bytes = std::fs::read(entry.unwrap().path()).unwrap();
                assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()));
            }
        }
        directory.clear().await.unwrap();
        staged(&world, claim, 1).await;
        assert_eq!(pairs(&world, 100).await.len(), 200, "not while the run is under way");
        directory.advance(claim, RunState::Discarded, &RunNumbers::default(), &granted()).await.unwrap();
        let run = directory.last().await.unwrap().unwrap();
        directory.clear().await.unwrap();
        let run = sceau::ports::DirectoryRun { numbers: RunNumbers { chunks: 1, ..run.numbers }, ..run };
        assert!(directory.walk(&run).await.unwrap().next(10).await.unwrap().is_empty());
        assert_eq!(world.reasons().await.len(), 3, "begun, staged, discarded");
    });
}
