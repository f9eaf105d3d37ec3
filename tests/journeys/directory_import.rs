//! The daily extract: who leaves, who comes back, and what an import that is wrong or interrupted does not do.

use std::sync::Arc;
use std::time::Duration;

use sceau::base::{PersonId, from_base64url};
use sceau::flow::{ImportError, ImportObserver, ImportOptions, ImportReport, Provider, Silent, text_lines};
use sceau::identity::{DirectoryCounts, PersonStatus, Wholeness};
use sceau::ports::{CutoffScope, RunState};
use serde_json::Value;
use tokio::sync::Notify;

use crate::support::{CAMILLE, HUGO, Harness, Relier, SAMPLE, SignedIn, reliance};

pub(super) const ALL: ImportOptions = ImportOptions { allow_share: Some(100), accept_shorter: false };

pub(super) async fn import(provider: &Provider, text: &str) -> Result<ImportReport, ImportError> {
    provider.import_directory(&mut text_lines(text), ImportOptions::default(), &mut Silent).await
}

pub(super) fn counts([created, updated, deactivated, unchanged]: [u64; 4]) -> DirectoryCounts {
    DirectoryCounts { created, updated, deactivated, unchanged }
}

/// Lines with their ends.
pub(super) fn ended<'a>(lines: impl Iterator<Item = &'a str>) -> String {
    lines.flat_map(|line| [line, "\n"]).collect()
}

/// The sample without the lines that hold `text`.
fn without(text: &str) -> String {
    ended(SAMPLE.lines().filter(|line| !line.contains(text)))
}

fn subject(signed_in: &SignedIn) -> String {
    let payload = signed_in.token("id_token").split('.').nth(1).unwrap().to_owned();
    let claims: Value = serde_json::from_slice(&from_base64url(&payload).unwrap()).unwrap();
    claims["sub"].as_str().unwrap().to_owned()
}

pub(super) async fn status(harness: &Harness, person: PersonId) -> PersonStatus {
    harness.provider.ports.persons.find(person).await.unwrap().unwrap().status
}

/// 36 persons: one of them is under 5 %.
pub(super) const PERSONS: u64 = 36;

#[tokio::test]
async fn whoever_leaves_is_out_within_five_seconds_and_returns_with_phone_and_subject() {
    let harness = Harness::new().await;
    let service = Relier::register(&harness, reliance("dmp")).await;
    let mut phone = harness.enrolled("camille", CAMILLE).await;
    let signed_in = service.sign_in(&harness, &mut phone).await;
    let command = harness.replica(|_| ()).await;

    let report = import(&command, &without(CAMILLE)).await.unwrap();
    assert_eq!(report.numbers.done, counts([0, 0, 1, PERSONS - 1]));
    harness.clock.advance(Duration::from_secs(4));
    let refreshed = service.refresh(&harness, signed_in.token("refresh_token")).await;
    assert_eq!(refreshed.refusal(), (400, "invalid_grant"));
    assert_eq!(service.introspect(&harness, signed_in.token("access_token")).await["active"], false);
    let location = service.silent(&harness, &signed_in.browser()).await;
    assert!(location.contains("error=login_required"), "{location}");
    let person = harness.person(CAMILLE).await;
    assert_eq!(status(&harness, person).await, PersonStatus::Deactivated);
    assert_eq!(harness.audited("person.deactivated left_directory").await, 1);

    let report = import(&command, SAMPLE).await.unwrap();
    assert_eq!(report.numbers.done, counts([0, 1, 0, PERSONS - 1]));
    assert_eq!(harness.audited("person.deactivated returned_to_directory").await, 1);
    harness.clock.advance(Duration::from_secs(4));
    let anew = service.sign_in(&harness, &mut phone).await;
    assert_eq!(subject(&anew), subject(&signed_in));
    // What ended stays ended.
    assert_eq!(service.introspect(&harness, signed_in.token("access_token")).await["active"], false);
}

#[tokio::test]
async fn a_locked_person_stays_locked_gone_or_not() {
    let harness = Harness::new().await;
    let person = harness.person(CAMILLE).await;
    harness.revoke(CutoffScope::Person(person)).await;
    for text in [&without(CAMILLE), SAMPLE] {
        assert_eq!(import(&harness.provider, text).await.unwrap().numbers.done.changed(), 0);
        assert_eq!(status(&harness, person).await, PersonStatus::Locked);
    }
}

#[tokio::test]
async fn the_same_file_in_any_order_changes_nothing() {
    let harness = Harness::new().await;
    let mut lines: Vec<&str> = SAMPLE.lines().collect();
    let header = lines.remove(0);
    lines.reverse();
    let reversed = format!("{header}\r\n{}\r\n", lines.join("\r\n"));
    for text in [SAMPLE, &reversed] {
        let report = import(&harness.provider, text).await.unwrap();
        assert_eq!(report.numbers.done, counts([0, 0, 0, PERSONS]));
        assert_eq!(report.numbers.rejected, 0);
    }
    assert_eq!(harness.audited("directory.import applied").await, 3);
}

#[tokio::test]
async fn a_file_that_was_cut_deactivates_nobody() {
    let harness = Harness::new().await;
    let person = harness.person(CAMILLE).await;
    let cut = without(CAMILLE).trim_end().to_owned();
    let tenth = ended(SAMPLE.lines().take(38).filter(|line| !line.contains(CAMILLE)));
    // The same short file again: it is not what the next one is measured by.
    for (text, verdict) in
        [(&cut, Wholeness::NoLastLineEnd), (&tenth, Wholeness::Shorter), (&tenth, Wholeness::Shorter)]
    {
        let report = import(&harness.provider, text).await.unwrap();
        assert_eq!(report.numbers.wholeness, verdict);
        assert_eq!(report.numbers.done.deactivated, 0);
        assert!(report.numbers.spared > 0);
        assert_eq!(status(&harness, person).await, PersonStatus::Active);
    }
    assert_eq!(harness.audited("directory.import applied_without_deactivation").await, 3);
    let whole = ImportOptions { accept_shorter: true, ..ALL };
    let text = &mut text_lines(&tenth);
    let report = harness.provider.import_directory(text, whole, &mut Silent).await.unwrap();
    assert!(report.numbers.done.deactivated > 3);
    // A line that was cut cannot be accepted.
    let text = &mut text_lines(&cut);
    let report = harness.provider.import_directory(text, whole, &mut Silent).await.unwrap();
    assert_eq!(report.numbers.wholeness, Wholeness::NoLastLineEnd);
}

#[tokio::test]
async fn too_large_a_change_is_refused_until_it_is_allowed() {
    let harness = Harness::new().await;
    let renamed = SAMPLE.replace("|VERDIER|", "|VERDIER-A|").replace("|LAMBERTIN|", "|LAMBERTIN-B|");
    let refused = import(&harness.provider, &renamed).await;
    let Err(ImportError::Refused { percent: 5, numbers }) = refused else { panic!("{refused:?}") };
    assert_eq!(numbers.planned, counts([0, 2, 0, PERSONS - 2]));
    assert_eq!(numbers.done, counts([0; 4]));
    let person = harness.person(CAMILLE).await;
    let name = async || {
        harness
            .provider
            .ports
            .persons
            .find(person)
            .await
            .unwrap()
            .unwrap()
            .professional()
            .unwrap()
            .family_name
            .clone()
    };
    assert_eq!(name().await, "VERDIER");
    assert_eq!(harness.audited("directory.import change_share_exceeded").await, 1);
    assert_eq!(harness.provider.directory_run().await.unwrap().unwrap().state, RunState::Refused);
    let allowed = ImportOptions { allow_share: Some(6), ..ImportOptions::default() };
    let report = harness.provider.resume_directory(allowed, &mut Silent).await.unwrap();
    assert_eq!(report.numbers.done, counts([0, 2, 0, PERSONS - 2]));
    assert_eq!(name().await, "VERDIER-A");
    let over = harness.provider.resume_directory(allowed, &mut Silent).await;
    assert!(matches!(over, Err(ImportError::NothingToResume)), "{over:?}");
}

/// `count` persons like Hugo.
fn crowd(count: u32) -> String {
    let line = SAMPLE.lines().find(|line| line.contains(HUGO)).unwrap();
    let lines = (0..count).map(|number| {
        line.replace("99700000021", &format!("{:011}", 20_000_000_000_u64 + u64::from(number)))
    });
    SAMPLE.lines().map(str::to_owned).chain(lines).map(|line| line + "\n").collect()
}

/// Tells when the first persons were changed.
struct FirstBatch(Arc<Notify>);

impl ImportObserver for FirstBatch {
    fn applied(&mut self, _done: DirectoryCounts, _planned: DirectoryCounts) {
        self.0.notify_one();
    }
}

#[tokio::test]
async fn an_interrupted_import_goes_on_where_it_was() {
    let harness = Harness::new().await;
    let text = crowd(1000);
    let began = Arc::new(Notify::new());
    let (mut lines, mut observer) = (text_lines(&text), FirstBatch(Arc::clone(&began)));
    tokio::select! {
        biased;
        () = began.notified() => {}
        done = harness.provider.import_directory(&mut lines, ALL, &mut observer) => {
            panic!("not interrupted: {done:?}")
        }
    }
    let run = harness.provider.directory_run().await.unwrap().unwrap();
    assert_eq!(run.state, RunState::Applying);
    assert!((100..900).contains(&run.numbers.done.created), "{run:?}");
    assert!(matches!(import(&harness.provider, SAMPLE).await, Err(ImportError::Busy)));
    let report = harness.provider.resume_directory(ImportOptions::default(), &mut Silent).await.unwrap();
    assert_eq!(report.numbers.done, counts([1000, 0, 0, PERSONS]));
    assert_eq!(
        import(&harness.provider, &text).await.unwrap().numbers.done,
        counts([0, 0, 0, 1000 + PERSONS])
    );
    assert_eq!(harness.audited("directory.import resumed").await, 1);
}

#[tokio::test]
async fn an_import_given_up_leaves_what_it_did_and_room_for_another() {
    let harness = Harness::new().await;
    let text = crowd(400);
    let began = Arc::new(Notify::new());
    let (mut lines, mut observer) = (text_lines(&text), FirstBatch(Arc::clone(&began)));
    tokio::select! {
        biased;
        () = began.notified() => {}
        done = harness.provider.import_directory(&mut lines, ALL, &mut observer) => panic!("{done:?}"),
    }
    let given_up = harness.provider.discard_directory().await.unwrap();
    assert!(given_up.numbers.done.created >= 100);
    let report = harness.provider.import_directory(&mut text_lines(&text), ALL, &mut Silent).await.unwrap();
    assert_eq!(report.numbers.done.created, 400 - given_up.numbers.done.created);
}

#[tokio::test]
async fn an_excluded_profession_is_absent() {
    let harness = Harness::with(|policy| {
        policy.directory.excluded_professions = vec![String::from("21"), String::from("35")];
    })
    .await;
    let find = async |id: &str| {
        let id = sceau::identity::NationalId::parse(id).unwrap();
        harness.provider.ports.persons.find_by_national_id(&id).await.unwrap()
    };
    assert!(find("899700000328").await.is_none(), "has the profession 35 alone");
    let both = find("899700000252").await.unwrap();
    let professions: Vec<_> =
        both.professional().unwrap().exercises.iter().map(|one| one.profession.as_str()).collect();
    assert_eq!(professions, ["10"]);
    // Whoever keeps only an excluded profession leaves.
    let mut command = harness.replica(|_| ()).await;
    command.policy.directory.excluded_professions.push(String::from("91"));
    assert_eq!(import(&command, SAMPLE).await.unwrap().numbers.done.deactivated, 1);
}
