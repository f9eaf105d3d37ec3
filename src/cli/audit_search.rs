//! `sceau audit search`: records by pseudonymous identifiers. Personal values are shown only when asked for, which is
//! recorded first.

use std::collections::BTreeMap;
use std::process::ExitCode;

use anyhow::Context as _;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::app::App;
use crate::audit::{EventKind, StoredRow};
use crate::base::{AuditId, UnixTime};
use crate::ports::AuditLog;

use super::open::Target;
use super::output;

#[derive(Clone, Debug, clap::Args)]
pub(super) struct SearchArgs {
    #[command(flatten)]
    target: Target,
    /// Whom it concerns: the identifier of `sceau persons show`, never a national number
    #[arg(long, value_name = "ID")]
    person: Option<String>,
    /// For which client
    #[arg(long, value_name = "ID")]
    client: Option<String>,
    /// What happened, such as device.enrolled; or all of a subject: device
    #[arg(long)]
    kind: Option<String>,
    /// Not before: 2026-11-22 or 2026-11-22T08:00:00Z
    #[arg(long, value_name = "TIME", value_parser = time)]
    from: Option<UnixTime>,
    /// Before
    #[arg(long, value_name = "TIME", value_parser = time)]
    to: Option<UnixTime>,
    /// The record of this identifier, or the records of this transaction
    #[arg(long)]
    id: Option<String>,
    /// At most so many
    #[arg(long, default_value_t = 1000)]
    limit: u64,
    /// Show personal values that are not erased yet; each reading is recorded
    #[arg(long)]
    reveal: bool,
    /// Print JSON, one object a line
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(args: SearchArgs) -> anyhow::Result<ExitCode> {
    if let Some(kind) = args.kind.as_deref()
        && !EventKind::ALL.iter().any(|known| is_of(known.as_str(), kind))
    {
        let all: Vec<_> = EventKind::ALL.iter().map(|kind| kind.as_str()).collect();
        anyhow::bail!("no such kind; there are: {}", all.join(", "));
    }
    // Only whoever may read personal values needs the keys.
    let app = if args.reveal { Some(args.target.open().await?) } else { None };
    let found = if let Some(app) = &app {
        search(&*app.provider.ports.audit_log, Some(app), &args).await?
    } else {
        let reader = args.target.open_audit().await?;
        let found = search(&*reader.log, None, &args).await?;
        reader.close().await;
        found
    };
    if found == 0 {
        output::error("no record was found");
        return Ok(ExitCode::from(2));
    }
    if found >= args.limit {
        output::error(format_args!(
            "there may be more than these {found}: narrow the search, or raise --limit"
        ));
    }
    Ok(ExitCode::SUCCESS)
}

async fn search(log: &dyn AuditLog, app: Option<&App>, args: &SearchArgs) -> anyhow::Result<u64> {
    let (mut after, last) = bounds(args);
    let mut found: u64 = 0;
    loop {
        let page = log.rows_between(after, last, PAGE).await?;
        let Some((_, row)) = page.last() else { return Ok(found) };
        after = row.id;
        for (index, row) in &page {
            let members: BTreeMap<String, String> =
                serde_json::from_slice(&row.record).with_context(|| format!("record {}", row.id))?;
            if !is_wanted(row, &members, args) {
                continue;
            }
            if found >= args.limit {
                return Ok(found);
            }
            found = found.saturating_add(1);
            let personal = match app {
                Some(app) => personal(app, row.id, &members).await?,
                None => None,
            };
            print(*index, &members, personal, args.json);
        }
    }
}

/// Identifiers begin with their time; the time of a record may be a little before that of its identifier.
fn bounds(args: &SearchArgs) -> (AuditId, AuditId) {
    if let Some(id) = args.id.as_deref().and_then(|id| id.parse::<AuditId>().ok())
        && id.uuid().get_version_num() == 7
        && args.from.is_none()
    {
        let before = Uuid::from_u128(id.uuid().as_u128().saturating_sub(1));
        return (AuditId::from_uuid(before), id);
    }
    let first = args.from.map_or(0, |from| identifier(from.minus(NEAR)));
    let last = args.to.map_or(u128::MAX, |to| identifier(to.plus(NEAR)));
    (AuditId::from_uuid(Uuid::from_u128(first)), AuditId::from_uuid(Uuid::from_u128(last)))
}

/// RFC 9562 5.7: 48 bits of milliseconds first.
fn identifier(at: UnixTime) -> u128 {
    u128::try_from(at.millis()).unwrap_or(0) << 80
}

fn is_wanted(row: &StoredRow, members: &BTreeMap<String, String>, args: &SearchArgs) -> bool {
    let says = |name: &str, wanted: &Option<String>| {
        wanted.as_ref().is_none_or(|wanted| members.get(name) == Some(wanted))
    };
    let at = UnixTime::from_millis(row.at);
    says("person", &args.person)
        && says("client", &args.client)
        && args.kind.as_deref().is_none_or(|kind| is_of(&row.kind, kind))
        && args.from.is_none_or(|from| at >= from)
        && args.to.is_none_or(|to| at < to)
        && (says("id", &args.id) || says("txn", &args.id))
}

fn is_of(kind: &str, wanted: &str) -> bool {
    kind == wanted || kind.split_once('.').is_some_and(|(subject, _)| subject == wanted)
}

/// The values of a record that had any: each with its text, or null once erased.
async fn personal(
    app: &App,
    id: AuditId,
    members: &BTreeMap<String, String>,
) -> anyhow::Result<Option<Map<String, Value>>> {
    let names: Vec<&str> = members.keys().filter_map(|name| name.strip_prefix(PERSONAL)).collect();
    if names.is_empty() {
        return Ok(None);
    }
    let kept = app.provider.reveal_personal(id).await?.unwrap_or_default();
    let value = |name: &str| kept.iter().find(|field| field.name == name).map(|field| field.value.expose());
    Ok(Some(names.into_iter().map(|name| (name.to_owned(), json!(value(name)))).collect()))
}

fn print(
    index: Option<u64>,
    members: &BTreeMap<String, String>,
    personal: Option<Map<String, Value>>,
    as_json: bool,
) {
    let shown = members.iter().filter(|(name, _)| {
        !name.starts_with(PERSONAL) && !["v", "writer", "seq", "prev"].contains(&name.as_str())
    });
    if as_json {
        let mut told: Map<String, Value> = shown.map(|(name, text)| (name.clone(), json!(text))).collect();
        told.insert(String::from("index"), json!(index));
        if let Some(personal) = personal {
            told.insert(String::from("personal"), Value::Object(personal));
        }
        return output::json(&Value::Object(told));
    }
    let member = |name: &str| members.get(name).map_or("", String::as_str);
    let at =
        member("at").parse().map_or_else(|_| String::from("?"), |at| UnixTime::from_millis(at).rfc3339());
    let index = index.map_or_else(|| String::from("-"), |index| index.to_string());
    let mut line = format!("{index:>8} {at} {} {} {}", member("kind"), member("decision"), member("reason"));
    for (name, text) in
        shown.filter(|(name, _)| !["at", "kind", "decision", "reason"].contains(&name.as_str()))
    {
        line.extend([" ", name.as_str(), "=", text.as_str()]);
    }
    for (name, value) in personal.iter().flatten() {
        line.extend([" ", name.as_str(), "=", value.as_str().unwrap_or("(erased)")]);
    }
    output::line(line);
}

/// RFC 3339, or a day in UTC.
fn time(text: &str) -> Result<UnixTime, String> {
    let whole = if text.len() == "2026-11-22".len() { format!("{text}T00:00:00Z") } else { text.to_owned() };
    let at: jiff::Timestamp =
        whole.parse().map_err(|_| String::from("write a time as 2026-11-22 or 2026-11-22T08:00:00Z"))?;
    Ok(UnixTime::from_millis(at.as_millisecond()))
}

const PERSONAL: &str = "personal.";
const PAGE: u32 = 1000;
const NEAR: std::time::Duration = std::time::Duration::from_hours(1);
