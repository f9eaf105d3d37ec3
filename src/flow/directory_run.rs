//! Comparing a staged extract with the store, and applying it.

use crate::audit::{Decision, EventKind};
use crate::base::{EntropyExt as _, PersonId};
use crate::identity::{
    Identity, InExtract, Person, PersonChange, PersonStatus, Professional, Wholeness, fold, parse_line,
    person_change, without_professions,
};
use crate::ports::{
    DirectoryBatch, DirectoryChange, DirectoryPair, DirectoryRun, PersonIndex, PortResult, RecordDigest,
    RunClaim, RunNumbers, RunState, StoredRecord,
};

use super::directory::counted;
use super::{ImportError, ImportObserver, ImportOptions, ImportReport, Provider};

/// Persons read at a time.
const PAGE: usize = 100;
/// Persons changed in one transaction, some milliseconds: from this number on, and fewer than a page more.
const BATCH: usize = 100;
/// Lines of one person that are believed; what is beyond counts as refused.
const LINES_OF_ONE: usize = 1000;

/// A person after comparison.
struct Judged {
    change: PersonChange,
    record: Option<(Professional, RecordDigest)>,
}

impl Provider {
    /// Compares unless that was done, then applies what is left.
    pub(super) async fn go_on(
        &self,
        claim: RunClaim,
        options: ImportOptions,
        observer: &mut dyn ImportObserver,
    ) -> Result<ImportReport, ImportError> {
        let directory = &self.ports.directory;
        let mut run =
            directory.active().await?.filter(|run| run.id == claim.run).ok_or(ImportError::TakenOver)?;
        if run.state != RunState::Applying {
            run.numbers = self.compare(&run, options, observer).await?;
            self.check_share(claim, &run.numbers, options).await?;
            let event = counted(self.run_event(claim.run, "accepted"), &run.numbers.planned);
            directory.advance(claim, RunState::Applying, &run.numbers, &event).await?;
        }
        self.apply_run(claim, &mut run, observer).await?;
        run.numbers.done.unchanged = run.numbers.planned.unchanged;
        let reason = match run.numbers.wholeness {
            Wholeness::Whole => "applied",
            Wholeness::NoLastLineEnd | Wholeness::Shorter => "applied_without_deactivation",
        };
        let event = counted(self.run_event(claim.run, reason), &run.numbers.done);
        let event =
            event.with_count("rejected", run.numbers.rejected).with_count("spared", run.numbers.spared);
        directory.advance(claim, RunState::Applied, &run.numbers, &event).await?;
        directory.clear().await?;
        Ok(ImportReport { run: claim.run, numbers: run.numbers })
    }

    /// Counts what would change. Changes nothing.
    async fn compare(
        &self,
        run: &DirectoryRun,
        options: ImportOptions,
        observer: &mut dyn ImportObserver,
    ) -> Result<RunNumbers, ImportError> {
        let mut numbers = RunNumbers {
            size: crate::identity::ExtractSize { persons: 0, ..run.numbers.size },
            luhn_warnings: 0,
            stored: 0,
            planned: crate::identity::DirectoryCounts::default(),
            spared: 0,
            ..run.numbers
        };
        let mut walk = self.ports.directory.walk(run).await?;
        let mut compared: u64 = 0;
        loop {
            let pairs = walk.next(PAGE).await?;
            if pairs.is_empty() {
                break;
            }
            for pair in &pairs {
                let judged = self.judge(pair).await?;
                numbers.planned.add(judged.change);
                count(&mut numbers, pair, &judged);
                compared = compared.saturating_add(1);
            }
            observer.compared(compared);
        }
        let last = self.ports.directory.last_whole().await?;
        numbers.wholeness = Wholeness::judge(numbers.size, numbers.line_end, last, options.accept_shorter);
        if numbers.wholeness != Wholeness::Whole {
            numbers.spared = std::mem::take(&mut numbers.planned.deactivated);
        }
        Ok(numbers)
    }

    async fn check_share(
        &self,
        claim: RunClaim,
        numbers: &RunNumbers,
        options: ImportOptions,
    ) -> Result<(), ImportError> {
        let percent = options.allow_share.unwrap_or(self.policy.directory.max_change_share);
        if !numbers.planned.exceeds(numbers.stored, percent) {
            return Ok(());
        }
        let event = counted(self.run_refusal(claim.run, "change_share_exceeded"), &numbers.planned);
        let event = event.with_count("stored", numbers.stored);
        self.ports.directory.advance(claim, RunState::Refused, numbers, &event).await?;
        Err(ImportError::Refused { percent, numbers: Box::new(*numbers) })
    }

    async fn apply_run(
        &self,
        claim: RunClaim,
        run: &mut DirectoryRun,
        observer: &mut dyn ImportObserver,
    ) -> Result<(), ImportError> {
        let mut walk = self.ports.directory.walk(run).await?;
        let mut changes = Vec::new();
        let mut upto: Option<PersonIndex> = None;
        loop {
            let pairs = walk.next(PAGE).await?;
            let ended = pairs.is_empty();
            upto = pairs.last().map(|pair| pair.index).or(upto);
            for pair in pairs {
                let judged = self.judge(&pair).await?;
                let spared =
                    judged.change == PersonChange::Deactivate && run.numbers.wholeness != Wholeness::Whole;
                if !spared && let Some(change) = self.change_of(pair.stored, &judged) {
                    run.numbers.done.add(judged.change);
                    changes.push(change);
                }
            }
            if let Some(upto) = upto.filter(|_| changes.len() >= BATCH || (ended && !changes.is_empty())) {
                let changes = std::mem::take(&mut changes);
                let batch = DirectoryBatch { changes, upto, numbers: run.numbers };
                self.ports.directory.apply(claim, &batch).await?;
                observer.applied(run.numbers.done, run.numbers.planned);
            }
            if ended {
                return Ok(());
            }
        }
    }

    async fn judge(&self, pair: &DirectoryPair) -> PortResult<Judged> {
        let record = record_of(&pair.lines)
            .and_then(|record| without_professions(record, &self.policy.directory.excluded_professions))
            .map(|record| (self.digest_of(&record), record))
            .map(|(digest, record)| (record, digest));
        let extract = match &record {
            Some((record, digest)) => {
                InExtract::Record { same: self.is_stored(record, digest, pair.stored).await? }
            }
            None if pair.refused => InExtract::Refused,
            None => InExtract::Absent,
        };
        Ok(Judged { change: person_change(extract, pair.stored.map(|stored| stored.status)), record })
    }

    /// Whether a record is the one stored. A person whom no import has written is opened.
    async fn is_stored(
        &self,
        record: &Professional,
        digest: &RecordDigest,
        stored: Option<StoredRecord>,
    ) -> PortResult<bool> {
        let Some(stored) = stored else { return Ok(false) };
        if let Some(known) = stored.digest {
            return Ok(known == *digest);
        }
        let Some(person) = self.ports.persons.find(stored.id).await? else { return Ok(false) };
        let Identity::Professional(professional) = person.identity else { return Ok(false) };
        Ok(Professional { other_ids: Vec::new(), ..*professional } == *record)
    }

    fn digest_of(&self, record: &Professional) -> RecordDigest {
        let plain = zeroize::Zeroizing::new(serde_json::to_vec(record).unwrap_or_default());
        self.storage.mac("directory_record", &[&plain])
    }

    fn change_of(&self, stored: Option<StoredRecord>, judged: &Judged) -> Option<DirectoryChange> {
        let now = self.now();
        let event = |id, reason| {
            self.event(EventKind::PersonDeactivated, Decision::Success, reason, now).with_person(id)
        };
        match (judged.change, &judged.record, stored) {
            (PersonChange::Create, Some((professional, digest)), _) => {
                let person = Person {
                    id: PersonId::random(&*self.ports.entropy),
                    subject_seed: self.ports.entropy.bytes(),
                    identity: Identity::Professional(Box::new(professional.clone())),
                    status: PersonStatus::Active,
                    cooling_until: None,
                    declared_email: None,
                };
                Some(DirectoryChange::Create(Box::new(person), *digest))
            }
            (PersonChange::Update | PersonChange::Reactivate, Some((professional, digest)), Some(stored)) => {
                Some(DirectoryChange::Update {
                    id: stored.id,
                    professional: Box::new(professional.clone()),
                    digest: *digest,
                    returned: event(stored.id, "returned_to_directory"),
                })
            }
            (PersonChange::Deactivate, _, Some(stored)) => {
                Some(DirectoryChange::Deactivate(stored.id, event(stored.id, "left_directory")))
            }
            _ => None,
        }
    }
}

fn record_of(lines: &[String]) -> Option<Professional> {
    // Read before: no line is refused here.
    let lines = lines.iter().take(LINES_OF_ONE).filter_map(|line| parse_line(2, line).ok());
    fold(lines).into_iter().next()
}

fn count(numbers: &mut RunNumbers, pair: &DirectoryPair, judged: &Judged) {
    let beyond = pair.lines.len().saturating_sub(LINES_OF_ONE);
    numbers.rejected = numbers.rejected.saturating_add(u64::try_from(beyond).unwrap_or(u64::MAX));
    let in_file = pair.refused || !pair.lines.is_empty();
    numbers.size.persons = numbers.size.persons.saturating_add(u64::from(in_file));
    let warned = judged.record.as_ref().is_some_and(|(record, _)| record.national_id.luhn_warning());
    numbers.luhn_warnings = numbers.luhn_warnings.saturating_add(u64::from(warned));
    let stored = pair.stored.is_some_and(|stored| stored.status != PersonStatus::Deactivated);
    numbers.stored = numbers.stored.saturating_add(u64::from(stored));
}
