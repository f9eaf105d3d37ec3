//! `sceau keys`: what keys there are, what becomes of them, and what officers do about it.

use std::process::ExitCode;
use std::time::Duration;

use serde_json::{Value, json};

use crate::base::UnixTime;
use crate::keyring::{Finding, KeyRecord, KeyState, Purpose, Severity, Step, standby_ready, timeline};

use super::keys_change::{ActivateArgs, RetireArgs, RevokeArgs, StageArgs};
use super::keys_drill::{self, DrillArgs};
use super::keys_reseal::{self, ResealArgs};
use super::keys_words::{since, spoken};
use super::open::Target;
use super::{keys_change, output};

/// Arguments of `sceau keys`.
#[derive(Clone, Debug, clap::Args)]
pub struct KeysArgs {
    #[command(subcommand)]
    command: KeysCommand,
}

#[derive(Clone, Debug, clap::Subcommand)]
enum KeysCommand {
    /// List the keys: what each is for, its state and since when, and whether a standby could take over now
    Status(StatusArgs),
    /// Print the time line: what will happen to which key, and when, if nobody intervenes
    Plan(PlanArgs),
    /// Make the standby of a use that has none, or plan when the standby begins to sign; takes two officers
    Stage(StageArgs),
    /// Put a standby in use now, once relying parties know it; takes two officers
    Activate(ActivateArgs),
    /// Take the active key out of use now: its standby takes over, what it signed stays good
    Retire(RetireArgs),
    /// Emergency: withdraw a key at once; what it signed is refused everywhere within five seconds
    Revoke(RevokeArgs),
    /// Print the JWK Set that /jwks answers with
    ExportJwks(ExportArgs),
    /// Check every key of the store: times, names, private parts, standbys; ends with 2 when something is wrong
    Verify(ReadArgs),
    /// Seal stored values and private keys anew under the keys in use, so that earlier ones are no longer needed
    ///
    /// Runs beside replicas that serve; ended at any point and run again, it does what is left. Ends with 2 when values
    /// do not open: they are named and stay as they are. On PostgreSQL, with the role that owns the tables.
    #[command(verbatim_doc_comment)]
    Reseal(ResealArgs),
    /// Rehearse the loss of a key on a throw-away provider and print the seconds until each replica is safe
    ///
    /// Runs three processes of this program over one database in a temporary folder, on free ports of this machine,
    /// revokes their key by the command of an officer and asks each process about a token until it is refused. Reads no
    /// settings and touches no other provider; nothing is left, but after a failure the logs of the processes. Ends with
    /// 1 when a process takes longer than 60 s, accepts what it must not, or does not sign again.
    Drill(DrillArgs),
}

#[derive(Clone, Debug, clap::Args)]
struct ReadArgs {
    #[command(flatten)]
    target: Target,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Debug, clap::Args)]
struct StatusArgs {
    #[command(flatten)]
    read: ReadArgs,
    /// Keys that are gone or revoked too
    #[arg(long)]
    all: bool,
}

#[derive(Clone, Debug, clap::Args)]
struct PlanArgs {
    #[command(flatten)]
    read: ReadArgs,
    /// How far to look ahead; without it, past the next rotation
    #[arg(long, value_name = "DAYS")]
    days: Option<u32>,
}

#[derive(Clone, Debug, clap::Args)]
struct ExportArgs {
    #[command(flatten)]
    read: ReadArgs,
    /// The public parts of all signing keys there ever were, for an archive that must verify old signatures
    #[arg(long)]
    all: bool,
}

/// Runs `sceau keys`.
pub async fn run(args: KeysArgs) -> ExitCode {
    let done = match args.command {
        KeysCommand::Status(args) => status(args).await,
        KeysCommand::Plan(args) => plan(args).await,
        KeysCommand::Stage(args) => Box::pin(keys_change::stage(args)).await,
        KeysCommand::Activate(args) => Box::pin(keys_change::activate(args)).await,
        KeysCommand::Retire(args) => Box::pin(keys_change::retire(args)).await,
        KeysCommand::Revoke(args) => Box::pin(keys_change::revoke(args)).await,
        KeysCommand::ExportJwks(args) => export(args).await,
        KeysCommand::Verify(args) => verify(args).await,
        KeysCommand::Drill(args) => Box::pin(keys_drill::run(args)).await,
        KeysCommand::Reseal(args) => Ok(Box::pin(keys_reseal::run(args)).await),
    };
    done.unwrap_or_else(|error| output::failed(&error))
}

async fn status(args: StatusArgs) -> anyhow::Result<ExitCode> {
    let app = args.read.target.open_keys().await?;
    let mut keys = app.provider.key_records().await?;
    keys.retain(|key| args.all || !matches!(key.state, KeyState::Gone | KeyState::Revoked));
    keys.sort_by_key(|key| (key.purpose, key.algorithm.clone(), key.state, key.staged_at));
    let ready = |algorithm: &String| {
        standby_ready(&keys, &app.provider.policy.keys, (Purpose::Sign, algorithm), app.provider.now())
    };
    let algorithms = &app.provider.policy.keys.algorithms;
    if args.read.json {
        let ready: Vec<_> = algorithms
            .iter()
            .map(|name| json!({ "algorithm": name, "standby_ready": ready(name) }))
            .collect();
        output::json(&json!({ "keys": keys.iter().map(described).collect::<Vec<_>>(), "signing": ready }));
        return Ok(ExitCode::SUCCESS);
    }
    output::line("use       algorithm  state     since                 kid");
    for key in &keys {
        let (of, algorithm, state, since) =
            (key.purpose.as_str(), &key.algorithm, key.state.as_str(), since(key));
        output::line(format_args!("{of:<9} {algorithm:<10} {state:<9} {:<21} {}", since.rfc3339(), key.kid));
    }
    for algorithm in algorithms {
        let could = if ready(algorithm) {
            "a standby is ready: it signs at once when the active key is revoked"
        } else {
            "no standby is ready: were the active key revoked now, nothing would be signed for a while"
        };
        output::line(format_args!("{algorithm}: {could}"));
    }
    Ok(ExitCode::SUCCESS)
}

async fn plan(args: PlanArgs) -> anyhow::Result<ExitCode> {
    let app = args.read.target.open_keys().await?;
    let (now, policy) = (app.provider.now(), &app.provider.policy.keys);
    let ahead = args.days.map_or_else(
        || policy.rotation.saturating_add(policy.retirement).saturating_add(policy.lead),
        |days| Duration::from_hours(24).saturating_mul(days),
    );
    let steps = timeline(&app.provider.key_records().await?, policy, now, now.plus(ahead));
    if args.read.json {
        let steps: Vec<_> = steps.iter().map(|step| foretold(step, now)).collect();
        output::json(&json!({ "now": now.rfc3339(), "until": now.plus(ahead).rfc3339(), "steps": steps }));
        return Ok(ExitCode::SUCCESS);
    }
    output::line(format_args!("now {now}; what comes by itself until {}:", now.plus(ahead)));
    for step in &steps {
        let (of, algorithm, kid) = (step.purpose.as_str(), &step.algorithm, &step.kid);
        let when = spoken(step.at.since(now));
        output::line(format_args!(
            "{}  in {when:<12} {of} {algorithm} {kid} {}",
            step.at,
            becomes(step.purpose, step.to)
        ));
    }
    if steps.is_empty() {
        output::line("nothing");
    }
    output::line("Each comes within ten seconds of its time, while `sceau serve` runs.");
    Ok(ExitCode::SUCCESS)
}

async fn export(args: ExportArgs) -> anyhow::Result<ExitCode> {
    let app = args.read.target.open_keys().await?;
    if !args.all {
        output::json(&app.provider.jwks());
        return Ok(ExitCode::SUCCESS);
    }
    let keys = app.provider.key_records().await?;
    let public = keys.iter().filter(|key| key.purpose == Purpose::Sign).filter_map(|key| {
        let mut jwk = key.public_jwk.clone()?;
        jwk.as_object_mut()?.insert(String::from("sceau_state"), key.state.as_str().into());
        Some(jwk)
    });
    output::json(&json!({ "keys": public.collect::<Vec<_>>() }));
    Ok(ExitCode::SUCCESS)
}

async fn verify(args: ReadArgs) -> anyhow::Result<ExitCode> {
    let app = args.target.open_keys().await?;
    let found = app.provider.verify_keys().await?;
    let count = app.provider.key_records().await?.len();
    let wrong = found.iter().any(|finding| finding.severity == Severity::Fault);
    if args.json {
        let found: Vec<_> = found.iter().map(finding).collect();
        output::json(&json!({ "keys": count, "intact": !wrong, "findings": found }));
    } else {
        for finding in &found {
            let about = finding.kid.as_ref().map(|kid| format!("{kid}: ")).unwrap_or_default();
            output::line(format_args!("{:<7} {about}{}", severity(finding), finding.sentence));
        }
        let verdict = if wrong { "something is wrong" } else { "every rule holds" };
        output::line(format_args!("{count} keys, {verdict}: {}", verified(wrong)));
    }
    Ok(if wrong { ExitCode::from(2) } else { ExitCode::SUCCESS })
}

const fn verified(wrong: bool) -> &'static str {
    if wrong {
        "see keys/README.md, \"When `verify` finds something\""
    } else {
        "private parts open and match, names are thumbprints, standbys are published"
    }
}

fn finding(finding: &Finding) -> Value {
    json!({ "severity": severity(finding), "kid": finding.kid, "finding": finding.sentence })
}

const fn severity(finding: &Finding) -> &'static str {
    match finding.severity {
        Severity::Notice => "notice",
        Severity::Fault => "fault",
    }
}

fn foretold(step: &Step, now: UnixTime) -> Value {
    json!({
        "at": step.at.rfc3339(),
        "in_seconds": step.at.since(now).as_secs(),
        "kid": step.kid,
        "use": step.purpose.as_str(),
        "algorithm": step.algorithm,
        "to": step.to.as_str(),
    })
}

/// What a state means for a key that comes to it: only signing keys are published ahead of their use and after it.
const fn becomes(purpose: Purpose, state: KeyState) -> &'static str {
    let is_shown = matches!(purpose, Purpose::Sign);
    match state {
        KeyState::Staged if is_shown => "is made and published",
        KeyState::Staged => "is made",
        KeyState::Active => "is put in use",
        KeyState::Retiring if is_shown => "is taken out of use, and stays published",
        KeyState::Retiring => "is taken out of use, and stays readable",
        KeyState::Gone if is_shown => "leaves publication",
        KeyState::Gone => "is destroyed",
        KeyState::Revoked => "is revoked",
    }
}

/// A key for programs.
pub(super) fn described(key: &KeyRecord) -> Value {
    let time = |at: Option<UnixTime>| at.map(UnixTime::rfc3339);
    json!({
        "kid": key.kid,
        "use": key.purpose.as_str(),
        "algorithm": key.algorithm,
        "state": key.state.as_str(),
        "staged_at": key.staged_at.rfc3339(),
        "planned_at": time(key.activates_at),
        "activated_at": time(key.activated_at),
        "retired_at": time(key.retired_at),
        "gone_at": time(key.gone_at),
        "revoked_at": time(key.revoked_at),
    })
}
