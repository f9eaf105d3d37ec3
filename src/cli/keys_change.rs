//! What officers change about keys. Each command says what will happen and when before it does it.

use std::process::ExitCode;

use anyhow::Context as _;
use serde_json::{Value, json};

use crate::app::App;
use crate::base::{Secret, UnixTime};
use crate::flow::{KeyChangeError, KeyOfficers};
use crate::keyring::{
    KeyRecord, Purpose, Takeover, activation, planned_standby, retirement, staging, withdrawal,
};

use super::asking::Asking;
use super::keys::described;
use super::keys_words::{revoked_json, revoked_lines, revoked_words, session_words, spoken, taken_over};
use super::open::Target;
use super::output;

#[derive(Clone, Debug, clap::Args)]
struct Common {
    #[command(flatten)]
    target: Target,
    /// Who does this; kept in the audit log as a personal value
    #[arg(long, value_name = "NAME")]
    officer: String,
    /// Why; kept in the audit log as a personal value
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    #[command(flatten)]
    asking: Asking,
}

#[derive(Clone, Debug, clap::Args)]
struct Second {
    /// Nobody checks the officers: the record says so
    #[arg(long, required = true)]
    offline: bool,
    /// The officer who agrees
    #[arg(long, value_name = "NAME")]
    second_officer: String,
}

#[derive(Clone, Debug, clap::Args)]
pub(super) struct StageArgs {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    second: Second,
    /// What the key is for: sign, decrypt, nonce or audit
    #[arg(long = "use", value_name = "USE", default_value = "sign")]
    purpose: Purpose,
    /// Its algorithm: one that the key policy keeps
    #[arg(long, value_name = "ALG", default_value = "ES256")]
    algorithm: String,
    /// When the standby begins to sign, such as 2027-01-31T09:00:00Z; without it, when the active key is due
    #[arg(long, value_name = "TIME")]
    activate_at: Option<UnixTime>,
}

#[derive(Clone, Debug, clap::Args)]
pub(super) struct ActivateArgs {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    second: Second,
    /// The standby
    // Base64url: one in 64 begins with a hyphen.
    #[arg(value_name = "KID", allow_hyphen_values = true)]
    kid: String,
}

#[derive(Clone, Debug, clap::Args)]
pub(super) struct RetireArgs {
    #[command(flatten)]
    common: Common,
    /// The active key
    #[arg(value_name = "KID", allow_hyphen_values = true)]
    kid: String,
}

#[derive(Clone, Debug, clap::Args)]
pub(super) struct RevokeArgs {
    #[command(flatten)]
    common: Common,
    /// The key
    #[arg(value_name = "KID", allow_hyphen_values = true)]
    kid: String,
    /// End the sessions, with their refresh tokens, in which the key signed something from this time on, such as
    /// 2027-01-31T09:00:00Z. Whatever the key signed is refused with or without it
    #[arg(long, value_name = "TIME")]
    since: Option<UnixTime>,
}

pub(super) async fn stage(args: StageArgs) -> anyhow::Result<ExitCode> {
    let officers = args.common.officers(Some(&args.second))?;
    let app = args.common.target.open_keys().await?;
    let (keys, now) = seen(&app).await?;
    let (policy, of) = (&app.provider.policy.keys, (args.purpose, args.algorithm.as_str()));
    let name = format!("{} {}", args.purpose.as_str(), args.algorithm);
    let Some(at) = args.activate_at else {
        staging(&keys, policy, args.purpose, &args.algorithm)?;
        let told =
            format!("A {name} key is made and published now. It is put in use when the active key is due.");
        if !args.common.asking.agreed(&[told])? {
            return Ok(ExitCode::FAILURE);
        }
        let kid = app.provider.stage_key(of, &officers).await?;
        args.common.tell(&json!({ "staged": kid }), &[format!("staged   {kid}")]);
        return Ok(ExitCode::SUCCESS);
    };
    let planned = planned_standby(&keys, policy, of, (at, now))?;
    let standby = planned.map_or_else(
        || format!("A {name} key is made now, published, and"),
        |key| format!("The standby {} ({name}, published since {}) is", key.kid, key.staged_at),
    );
    let when = spoken(at.since(now));
    let told = [
        format!("{standby} put in use at {at}, in {when}."),
        String::from("The active key retires at that time: what it signed stays good."),
    ];
    if !args.common.asking.agreed(&told)? {
        return Ok(ExitCode::FAILURE);
    }
    let key = app.provider.plan_key(of, at, &officers).await?;
    args.common.tell(&described(&key), &[format!("planned  {} at {at}", key.kid)]);
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn activate(args: ActivateArgs) -> anyhow::Result<ExitCode> {
    let officers = args.common.officers(Some(&args.second))?;
    let app = args.common.target.open_keys().await?;
    let (keys, now) = seen(&app).await?;
    let takeover = activation(&keys, &app.provider.policy.keys, &args.kid, now)?;
    if !args.common.asking.agreed(&taken_over(&takeover, now.plus(app.provider.policy.keys.retirement)))? {
        return Ok(ExitCode::FAILURE);
    }
    let done = app.provider.activate_key(&args.kid, &officers).await?;
    args.common.taken_over(&done);
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn retire(args: RetireArgs) -> anyhow::Result<ExitCode> {
    let officers = args.common.officers(None)?;
    let app = args.common.target.open_keys().await?;
    let (keys, now) = seen(&app).await?;
    let takeover = retirement(&keys, &app.provider.policy.keys, &args.kid, now)?;
    if !args.common.asking.agreed(&taken_over(&takeover, now.plus(app.provider.policy.keys.retirement)))? {
        return Ok(ExitCode::FAILURE);
    }
    let done = app.provider.retire_key(&args.kid, &officers).await?;
    args.common.taken_over(&done);
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn revoke(args: RevokeArgs) -> anyhow::Result<ExitCode> {
    let officers = args.common.officers(None)?;
    let app = args.common.target.open_keys().await?;
    let (keys, now) = seen(&app).await?;
    if args.since.is_some_and(|since| since > now) {
        anyhow::bail!("--since is in the future: it is the time from which the key may have been misused");
    }
    let withdrawn = withdrawal(&keys, &app.provider.policy.keys, &args.kid, now)?;
    let told = withdrawn.as_ref().map_or_else(
        || vec![format!("{} is revoked already.", args.kid)],
        |withdrawn| revoked_words(&keys, withdrawn, now),
    );
    let told: Vec<String> = told.into_iter().chain([session_words(args.since)]).collect();
    if !args.common.asking.agreed(&told)? {
        return Ok(ExitCode::FAILURE);
    }
    let done = match app.provider.revoke_key(&args.kid, args.since, &officers).await {
        // A scheduled move came between: what is revoked is still this key.
        Err(KeyChangeError::Overtaken) => app.provider.revoke_key(&args.kid, args.since, &officers).await,
        done => done,
    }?;
    args.common.tell(&revoked_json(&args.kid, &done), &revoked_lines(&args.kid, &done));
    Ok(ExitCode::SUCCESS)
}

impl Common {
    /// The officers as they say.
    fn officers(&self, second: Option<&Second>) -> anyhow::Result<KeyOfficers> {
        let first = named(&self.officer).context("--officer")?;
        let second = match second {
            Some(Second { offline: true, second_officer }) => {
                anyhow::ensure!(
                    second_officer.trim() != self.officer.trim(),
                    "--second-officer is the officer of --officer: it takes two persons"
                );
                Some(named(second_officer).context("--second-officer")?)
            }
            Some(Second { offline: false, .. }) => anyhow::bail!("--offline is missing"),
            None => None,
        };
        let reason = self.reason.as_deref().map(named).transpose().context("--reason")?;
        Ok(KeyOfficers { first, second, reason })
    }

    fn tell(&self, value: &Value, lines: &[String]) {
        if self.asking.json {
            output::json(value);
        } else {
            lines.iter().for_each(output::line);
        }
    }

    fn taken_over(&self, done: &Takeover) {
        let old = done.demoted.as_ref().map(|key| &key.kid);
        let mut lines = vec![format!("active   {}", done.next.kid)];
        lines.extend(old.map(|kid| format!("retired  {kid}")));
        self.tell(&json!({ "active": done.next.kid, "retired": old }), &lines);
    }
}

fn named(text: &str) -> anyhow::Result<Secret> {
    let text = text.trim();
    anyhow::ensure!(!text.is_empty() && text.len() <= 200, "must be said, in at most 200 bytes");
    Ok(Secret::new(text.to_owned()))
}

/// The records, and the time of what is about to be decided.
async fn seen(app: &App) -> anyhow::Result<(Vec<KeyRecord>, UnixTime)> {
    Ok((app.provider.key_records().await?, app.provider.now()))
}
