//! `sceau audit verify`: the log as it is against itself, and against what was remembered elsewhere.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use serde_json::{Map, Value, json};

use crate::audit::{CheckpointError, NoteLines, PlacedNote, RememberedCheckpoint, TrustedKey};
use crate::flow::{TrustedKeys, Verified, VerifyError, revoked_in, verify_log};
use crate::ports::AuditKey;

use super::open::Target;
use super::output;

#[derive(Clone, Debug, clap::Args)]
pub(super) struct VerifyArgs {
    #[command(flatten)]
    target: Target,
    /// Checkpoints kept outside the database: a file that `serve` appended to, a folder of them, or lines of syslog;
    /// may be given several times
    #[arg(long, value_name = "FILE")]
    checkpoints: Vec<PathBuf>,
    /// A key that signs checkpoints, kept from `sceau audit keys`, with the time of its revocation once it was revoked;
    /// may be given several times. Without it the keys of the database are believed
    #[arg(long, value_name = "NAME+ID+KEY[@UNTIL]")]
    key: Vec<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(args: VerifyArgs) -> anyhow::Result<ExitCode> {
    let reader = args.target.open_audit().await?;
    let of_database = reader.log.audit_keys().await?;
    let given: Result<Vec<TrustedKey>, _> = args.key.iter().map(|key| key.parse()).collect();
    let (keys, warnings) = trusted(given.context("--key")?, of_database);
    let mut outside = Outside::default();
    for path in &args.checkpoints {
        if let Err(broken) = outside.read(path, &keys)? {
            return Ok(not_intact(args.json, Map::new(), &broken));
        }
    }
    let (sources, unreadable) = (outside.sources, outside.unreadable);
    let count = outside.remembered.len();
    let verified = verify_log(&*reader.log, &keys, outside.remembered, &mut |_| ()).await;
    reader.close().await;
    match verified {
        Ok(verified) => {
            let asked = !args.checkpoints.is_empty();
            let told = Told { verified, count, unreadable, keys: &keys, asked, warnings };
            if args.json {
                output::json(&told.json());
            } else {
                told.lines();
            }
            Ok(ExitCode::SUCCESS)
        }
        Err(VerifyError::Port(error)) => Err(error.into()),
        Err(error) => {
            let (place, found) = place(&error, &sources);
            let text = found.map_or_else(|| error.to_string(), |found| format!("{found}: {error}"));
            Ok(not_intact(args.json, place, &text))
        }
    }
}

/// The keys that are believed, and what is to be known of them.
fn trusted(given: Vec<TrustedKey>, of_database: Vec<AuditKey>) -> (TrustedKeys, Vec<String>) {
    if given.is_empty() {
        let revoked = of_database.iter().filter_map(|key| Some((&key.kid, key.revoked?)));
        let warnings = revoked.map(|(kid, at)| {
            format!(
                "the audit key {kid} was revoked on {}: what it signed after that is not believed, and whoever has stolen it \
                 may have signed under an earlier date",
                at.rfc3339()
            )
        });
        let warnings = warnings.collect();
        return (TrustedKeys::OfDatabase(of_database), warnings);
    }
    let unaware = given.iter().filter(|trusted| trusted.until.is_none());
    let warnings = unaware.filter_map(|trusted| {
        let until = revoked_in(&trusted.key, &of_database)?;
        let revoked = trusted.clone().until(Some(until));
        Some(format!(
            "a key given was revoked, says the database, which could also keep silent: give --key '{revoked}'"
        ))
    });
    let warnings = warnings.collect();
    (TrustedKeys::given(given, &of_database), warnings)
}

/// Checkpoints read from files.
#[derive(Default)]
struct Outside {
    remembered: Vec<RememberedCheckpoint>,
    sources: Vec<PathBuf>,
    /// Notes cut short by a crash, or damaged.
    unreadable: Vec<String>,
}

impl Outside {
    /// Reads a file, or those of a folder. The inner error is a checkpoint that is not ours.
    fn read(&mut self, path: &Path, keys: &TrustedKeys) -> anyhow::Result<Result<(), String>> {
        let at = || format!("reading {}", path.display());
        if path.is_dir() {
            let entries = std::fs::read_dir(path).with_context(at)?;
            let mut files: Vec<PathBuf> =
                entries.map(|entry| Ok(entry?.path())).collect::<std::io::Result<_>>().with_context(at)?;
            files.sort();
            for file in files.iter().filter(|file| file.is_file()) {
                if let Err(broken) = self.read_file(file, keys).with_context(at)? {
                    return Ok(Err(broken));
                }
            }
            return Ok(Ok(()));
        }
        self.read_file(path, keys).with_context(at)
    }

    fn read_file(&mut self, path: &Path, keys: &TrustedKeys) -> anyhow::Result<Result<(), String>> {
        let source = u32::try_from(self.sources.len())?;
        self.sources.push(path.to_owned());
        let mut notes = NoteLines::default();
        for line in BufReader::new(File::open(path)?).split(b'\n') {
            let line = String::from_utf8_lossy(&line?).into_owned();
            if let Some(note) = notes.line(&line)
                && let Err(broken) = self.note(note, keys, source)
            {
                return Ok(Err(broken));
            }
        }
        Ok(notes.end().map_or(Ok(()), |note| self.note(note, keys, source)))
    }

    fn note(&mut self, (line, note): PlacedNote, keys: &TrustedKeys, source: u32) -> Result<(), String> {
        let place = self.place((source, line));
        match keys.verified(&note) {
            Ok(checkpoint) => {
                let (size, root, at) = (checkpoint.size, checkpoint.root, checkpoint.at);
                self.remembered.push(RememberedCheckpoint { size, root, at, found: (source, line) });
                Ok(())
            }
            Err(
                error @ (CheckpointError::UnknownKey | CheckpointError::Signature | CheckpointError::Revoked),
            ) => Err(format!("{place}: the checkpoint cannot be believed: {error}")),
            Err(_) => {
                self.unreadable.push(place);
                Ok(())
            }
        }
    }

    fn place(&self, found: (u32, u64)) -> String {
        written_place(&self.sources, found)
    }
}

fn written_place(sources: &[PathBuf], (source, line): (u32, u64)) -> String {
    let path = usize::try_from(source).ok().and_then(|source| sources.get(source));
    let path = path.map_or_else(|| String::from("?"), |path| path.display().to_string());
    format!("{path}, line {line}")
}

/// Where the log breaks, for programs, and by which checkpoint, for people.
fn place(error: &VerifyError, sources: &[PathBuf]) -> (Map<String, Value>, Option<String>) {
    use crate::audit::HistoryBreak::{Backwards, Rewritten, Shortened};
    let (told, found) = match error {
        VerifyError::Log(error) => {
            let told = vec![
                ("index", json!(error.index)),
                ("lane", json!(error.writer.to_string())),
                ("sequence", json!(error.sequence)),
                ("id", json!(error.record.map(|id| id.to_string()))),
            ];
            (told, None)
        }
        VerifyError::History(error) => {
            let (first, found) = match error {
                Rewritten { since, found, .. } => (since, found),
                Shortened { end, found, .. } => (end, found),
                Backwards { size, found, .. } => (size, found),
            };
            let found = written_place(sources, *found);
            (vec![("index", json!(first)), ("checkpoint", json!(found))], Some(found))
        }
        VerifyError::StoredHistory { number, .. } | VerifyError::Stored { number, .. } => {
            (vec![("stored_checkpoint", json!(number))], None)
        }
        VerifyError::Tree { .. } | VerifyError::Port(_) => (Vec::new(), None),
    };
    (told.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(), found)
}

fn not_intact(as_json: bool, place: Map<String, Value>, text: &str) -> ExitCode {
    if as_json {
        let mut told = place;
        told.insert(String::from("intact"), json!(false));
        told.insert(String::from("error"), json!(text));
        output::json(&Value::Object(told));
    }
    output::error(text);
    ExitCode::from(2)
}

/// What is said of a log that is whole.
struct Told<'a> {
    verified: Verified,
    count: usize,
    unreadable: Vec<String>,
    keys: &'a TrustedKeys,
    asked: bool,
    warnings: Vec<String>,
}

impl Told<'_> {
    fn json(&self) -> Value {
        let Verified { entries, waiting, stored, outside } = self.verified;
        json!({
            "intact": true,
            "rows": entries.saturating_add(waiting),
            "entries": entries,
            "waiting": waiting,
            "stored_checkpoints": stored,
            "outside_checkpoints": self.count,
            "unreadable_checkpoints": self.unreadable,
            "truncation_excluded": outside.is_some(),
            "truncation_excluded_up_to": outside.map(|(size, _)| size),
            "keys_from_database": matches!(self.keys, TrustedKeys::OfDatabase(_)),
            "warnings": self.warnings,
        })
    }

    fn lines(&self) {
        let Verified { entries, waiting, stored, outside } = self.verified;
        let rows = entries.saturating_add(waiting);
        output::line(format_args!(
            "{rows} rows, every leaf and chain intact: {entries} in the log, {waiting} not yet; {stored} checkpoints of \
             the database hold"
        ));
        for warning in &self.warnings {
            output::error(warning);
        }
        for place in &self.unreadable {
            output::error(format_args!("{place}: not a whole checkpoint; left out"));
        }
        let Some((size, at)) = outside else {
            if self.asked {
                output::error("the files given hold no checkpoint");
            }
            output::line("Without checkpoints kept elsewhere, truncation and rollback cannot be excluded.");
            return;
        };
        output::line(format_args!(
            "{} checkpoints kept elsewhere hold, up to {size} entries on {}: until then nothing was cut off, put back \
             or rewritten.",
            self.count,
            at.rfc3339()
        ));
        if rows > size {
            let later = rows.saturating_sub(size);
            output::line(format_args!(
                "Of the {later} rows after it, truncation and rollback cannot be excluded."
            ));
        }
        if let TrustedKeys::OfDatabase(_) = self.keys {
            output::line(
                "The audit keys came from the database itself, which whoever writes there may replace: give --key.",
            );
        }
    }
}
