//! `sceau audit export`: the log from an index on, to standard output, a file or a collector.
//!
//! Entries leave in order. The position is written after they have left: after a crash some leave twice, none is left
//! out.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use serde_json::{Map, Value, json};

use crate::adapter::checkpoint_sinks::{Syslog, SyslogTo};
use crate::audit::{LogEntry, Severity, cef};
use crate::base::{UnixTime, base64url};
use crate::config::SyslogAddress;

use super::open::Target;
use super::{audit_sinks, output};

#[derive(Clone, Debug, clap::Args)]
pub(super) struct ExportArgs {
    #[command(flatten)]
    target: Target,
    /// JSON lines with each record as it is in the tree, or CEF for a collector
    #[arg(long, value_enum, default_value_t = Format::Jsonl)]
    format: Format,
    /// The first index; without it, the position of --position, or 0
    #[arg(long, value_name = "INDEX")]
    from: Option<u64>,
    /// Go on with what is added, until stopped; what is away is tried again
    #[arg(long)]
    follow: bool,
    /// `-` for standard output, a file to append to, `syslog+tls://host:6514` or `unix:///dev/log`
    #[arg(long, value_name = "WHERE", default_value = "-")]
    to: String,
    /// PEM of the authorities of the collector
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// A file that remembers the next index, so that the next export goes on where this one ended
    #[arg(long, value_name = "FILE")]
    position: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    Jsonl,
    Cef,
}

pub(super) async fn run(args: ExportArgs) -> anyhow::Result<ExitCode> {
    let way = Way::open(&args)?;
    let reader = args.target.open_audit().await?;
    let mut next = match args.from {
        Some(from) => from,
        None => args.position.as_deref().map_or(Ok(0), read_position)?,
    };
    loop {
        let page = match reader.log.entries(next, PAGE).await {
            Ok(page) => page,
            Err(error) if args.follow => {
                wait(&error).await;
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        let Some(last) = page.last() else {
            if !args.follow {
                break;
            }
            tokio::time::sleep(LOOK_EVERY).await;
            continue;
        };
        let after = last.index.saturating_add(1);
        let lines: Vec<Line> =
            page.iter().map(|entry| Line::of(entry, args.format)).collect::<Result<_, _>>()?;
        while let Err(error) = way.send(&lines).await {
            if !args.follow {
                return Err(error);
            }
            wait(&format_args!("{error:#}")).await;
        }
        next = after;
        if let Some(path) = &args.position {
            write_position(path, next)?;
        }
    }
    reader.close().await;
    if !matches!(way, Way::Output) {
        output::line(format_args!("the log was exported up to index {next}, which is the next one"));
    }
    Ok(ExitCode::SUCCESS)
}

async fn wait(why: &dyn std::fmt::Display) {
    output::error(format_args!("{why}; tried again in {} s", AGAIN.as_secs()));
    tokio::time::sleep(AGAIN).await;
}

/// One entry, written.
struct Line {
    at: UnixTime,
    kind: String,
    severity: Severity,
    text: String,
}

impl Line {
    fn of(entry: &LogEntry, format: Format) -> anyhow::Result<Self> {
        let index = entry.index;
        let gone = || format!("log index {index}: the record was taken away; run sceau audit verify");
        let row = entry.row.as_ref().with_context(gone)?;
        let record: BTreeMap<String, String> =
            serde_json::from_slice(&row.record).with_context(|| format!("log index {index}"))?;
        let refused = record.get("decision").is_some_and(|decision| decision != "success");
        let severity = if refused { Severity::Notice } else { Severity::Informational };
        let text = match format {
            Format::Cef => cef(index, &record),
            Format::Jsonl => {
                let record: Map<String, Value> =
                    record.into_iter().map(|(name, text)| (name, Value::String(text))).collect();
                json!({ "index": index, "leaf": base64url(entry.hash), "record": record }).to_string()
            }
        };
        Ok(Self { at: UnixTime::from_millis(row.at), kind: row.kind.clone(), severity, text })
    }
}

/// Where lines go.
enum Way {
    Output,
    File(PathBuf),
    Collector(Box<Syslog>),
}

impl Way {
    fn open(args: &ExportArgs) -> anyhow::Result<Self> {
        let address = args.to.strip_prefix("syslog+").unwrap_or(&args.to);
        let collector = address.starts_with("tls://") || address.starts_with("unix://");
        anyhow::ensure!(collector || args.ca.is_none(), "--ca is for a collector over TLS");
        if args.to == "-" {
            return Ok(Self::Output);
        }
        if !collector {
            anyhow::ensure!(
                !args.to.contains("://"),
                "--to: write syslog+tls://host:6514, unix:///path, a file, or -"
            );
            return Ok(Self::File(PathBuf::from(&args.to)));
        }
        let address =
            SyslogAddress::parse(address).context("--to: write syslog+tls://host:6514 or unix:///path")?;
        let to = match address {
            SyslogAddress::Unix(path) => SyslogTo::Unix(path),
            SyslogAddress::Tls { host, port } => {
                let path = args.ca.as_deref().context("--ca is needed for a collector over TLS")?;
                let authorities =
                    std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
                SyslogTo::Tls { host, port, authorities }
            }
        };
        Ok(Self::Collector(Box::new(Syslog::new(to, audit_sinks::speaker())?)))
    }

    async fn send(&self, lines: &[Line]) -> anyhow::Result<()> {
        match self {
            Self::Output => {
                let mut out = std::io::stdout().lock();
                for line in lines {
                    writeln!(out, "{}", line.text)?;
                }
                Ok(out.flush()?)
            }
            Self::File(path) => append(path, lines).with_context(|| format!("writing {}", path.display())),
            Self::Collector(collector) => {
                let speaker = collector.sender();
                let message = |line: &Line| speaker.message(line.severity, line.at, &line.kind, &line.text);
                Ok(collector.send(&lines.iter().map(message).collect::<Vec<_>>()).await?)
            }
        }
    }
}

fn append(path: &Path, lines: &[Line]) -> std::io::Result<()> {
    let mut file = std::fs::OpenOptions::new().create(true).append(true).open(path)?;
    let text: String = lines.iter().flat_map(|line| [line.text.as_str(), "\n"]).collect();
    file.write_all(text.as_bytes())?;
    file.sync_data()
}

fn read_position(path: &Path) -> anyhow::Result<u64> {
    match std::fs::read_to_string(path) {
        Ok(text) => text.trim().parse().with_context(|| format!("{} holds no index", path.display())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(0),
        Err(error) => Err(error).with_context(|| format!("reading {}", path.display())),
    }
}

/// Whole or not at all.
fn write_position(path: &Path, next: u64) -> anyhow::Result<()> {
    let at = || format!("writing {}", path.display());
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder).with_context(at)?;
    writeln!(file, "{next}").with_context(at)?;
    file.persist(path).with_context(at)?;
    Ok(())
}

const PAGE: u32 = 500;
const LOOK_EVERY: Duration = Duration::from_secs(1);
const AGAIN: Duration = Duration::from_secs(5);
