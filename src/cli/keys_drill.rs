//! `sceau keys drill`: a key is lost, on a provider made for it. How long does each replica still accept what it signed?

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use futures_util::future::try_join_all;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::base::{Secret, from_base64url};

use super::ending::Signals;
use super::keys_drill_stage::Stage;
use super::output;

/// Every replica must be safe within this time.
const TARGET: Duration = Duration::from_mins(1);
const EVERY: Duration = Duration::from_millis(50);
/// A replica that has refused for so long has ceased to accept.
const QUIET: Duration = Duration::from_secs(2);

#[derive(Clone, Debug, clap::Args)]
pub(super) struct DrillArgs {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What was found.
struct Rehearsed {
    revoked: String,
    signer: String,
    processes: Vec<u32>,
    /// By replica: from the beginning of the command to the last acceptance.
    accepted: Vec<Duration>,
}

/// Whether interrupted or failed: no process and no folder is left but, after a failure, that of the logs.
pub(super) async fn run(args: DrillArgs) -> anyhow::Result<ExitCode> {
    let mut signals = Signals::listen()?;
    let rehearsed = tokio::select! {
        rehearsed = staged(args.json) => rehearsed,
        () = signals.told() => bail!("interrupted: nothing was found out, and everything was removed"),
    };
    let rehearsed = rehearsed?;
    let slowest = rehearsed.accepted.iter().max().copied().unwrap_or_default();
    let passed = slowest <= TARGET;
    if args.json {
        output::json(&rehearsed.to_json(slowest, passed));
    } else {
        rehearsed.lines(slowest, passed).iter().for_each(output::line);
    }
    Ok(if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn staged(json: bool) -> anyhow::Result<Rehearsed> {
    let say = |text: String| if json { output::note(text) } else { output::line(text) };
    let mut stage = Stage::set().await?;
    let count = stage.replicas();
    say(format!(
        "A throw-away provider of {count} processes runs in a temporary folder; no other provider is touched."
    ));
    let rehearsed = match rehearse(&stage, &say).await {
        Ok(rehearsed) => stage.dismiss().await.map(|()| rehearsed),
        Err(error) => Err(error),
    };
    rehearsed.map_err(|error| stage.keeping_logs(error))
}

async fn rehearse(stage: &Stage, say: &impl Fn(String)) -> anyhow::Result<Rehearsed> {
    let tokens = try_join_all((0..stage.replicas()).map(|at| stage.token(at))).await?;
    let revoked = kid_of(tokens.first().context("no replica")?)?;
    for (at, token) in tokens.iter().enumerate() {
        ensure!(kid_of(token)? == revoked, "replica {} signs with another key", at.saturating_add(1));
        ensure!(stage.accepts(at, token).await?, "replica {} refused a good token", at.saturating_add(1));
    }
    say(format!("{revoked} signs in every process. Each has given an access token, and accepts it."));
    say(format!(
        "{revoked} is revoked by `sceau keys revoke`, another process; each is asked about its token."
    ));
    let began = Instant::now();
    let watches = tokens.iter().enumerate().map(|(at, token)| last_acceptance(stage, at, token, began));
    let (done, accepted) = tokio::join!(stage.revoke(&revoked), try_join_all(watches));
    let (signer, accepted) = (done?, accepted?);
    safe_again(stage, &revoked, &signer).await?;
    Ok(Rehearsed { revoked, signer, processes: stage.processes(), accepted })
}

/// The key has left every /jwks, and each replica signs with the standby.
async fn safe_again(stage: &Stage, revoked: &str, signer: &str) -> anyhow::Result<()> {
    for at in 0..stage.replicas() {
        let name = at.saturating_add(1);
        let kids = stage.published(at).await?;
        ensure!(kids.iter().all(|kid| kid != revoked), "/jwks of replica {name} still has the revoked key");
        ensure!(kids.iter().any(|kid| kid == signer), "/jwks of replica {name} lacks the key that signs");
        let token = stage.token(at).await?;
        ensure!(kid_of(&token)? == signer, "replica {name} does not sign with the standby");
        ensure!(stage.accepts(at, &token).await?, "replica {name} refuses what it signs");
    }
    Ok(())
}

/// Asks one replica until it has refused for a while. Until the target is missed for sure.
async fn last_acceptance(
    stage: &Stage,
    at: usize,
    token: &Secret,
    began: Instant,
) -> anyhow::Result<Duration> {
    let mut last = Duration::ZERO;
    let mut refuses_since = None;
    loop {
        if stage.accepts(at, token).await? {
            last = began.elapsed();
            refuses_since = None;
        }
        let refused = refuses_since.get_or_insert_with(Instant::now).elapsed();
        if refused >= QUIET || last > TARGET {
            return Ok(last);
        }
        tokio::time::sleep(EVERY).await;
    }
}

impl Rehearsed {
    fn lines(&self, slowest: Duration, passed: bool) -> Vec<String> {
        let replicas = self.accepted.iter().zip(&self.processes).enumerate().map(|(at, (last, process))| {
            let (name, last) = (at.saturating_add(1), last.as_secs_f64());
            format!("replica {name}, process {process}: {last:.2} s from the start of the command to the last acceptance")
        });
        let verdict = if passed { "safe" } else { "NOT SAFE" };
        let (slowest, target) = (slowest.as_secs_f64(), TARGET.as_secs());
        let after = [
            format!("/jwks of every process lacks the revoked key; {} signs in every process.", self.signer),
            format!("{verdict} after {slowest:.2} s; the target is {target} s"),
        ];
        replicas.chain(after).collect()
    }

    fn to_json(&self, slowest: Duration, passed: bool) -> Value {
        let seconds: Vec<_> = self.accepted.iter().map(Duration::as_secs_f64).collect();
        json!({
            "revoked": self.revoked,
            "active": self.signer,
            "processes": self.processes,
            "seconds_to_last_acceptance": seconds,
            "seconds_to_safety": slowest.as_secs_f64(),
            "target_seconds": TARGET.as_secs(),
            "safe": passed,
        })
    }
}

/// RFC 7515 4.1.4
fn kid_of(token: &Secret) -> anyhow::Result<String> {
    let header = token.expose().split('.').next().unwrap_or_default();
    let header: Value = serde_json::from_slice(&from_base64url(header)?)?;
    header.get("kid").and_then(Value::as_str).map(str::to_owned).context("a token without kid")
}
