//! `sceau doctor`: a deployment examined from inside and from outside, and what is wrong with it said in words.
//!
//! From inside with the settings, changing nothing; from outside as the machine of a service would. What cannot be
//! reached is one diagnosis, and the rest goes on.

mod audit;
mod certificate;
mod diagnosis;
mod files;
mod keys;
mod outside;
mod probe;
mod redis;
mod sql;
mod upstreams;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use serde_json::Value;

pub use diagnosis::{Diagnosis, Verdict};

use super::config::{ConfigFile, EX_CONFIG};
use super::output;
use crate::adapter::webauthn::is_test_root;
use crate::config::{Config, ConfigError, Documents, ProcessStrings};
use outside::{Expected, Place};

/// Arguments of `sceau doctor`.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct DoctorArgs {
    /// The settings
    #[command(flatten)]
    pub config: ConfigFile,
    /// Print a JSON array of {"check", "verdict", "sentence"}
    #[arg(long)]
    pub json: bool,
    /// Leave the outside out: before `serve` runs, or where this machine does not reach the public address
    #[arg(long, conflicts_with_all = ["from_outside", "outside_only"])]
    pub inside_only: bool,
    /// Where to ask for the outside, when this machine meets the public side at another address than the issuer
    #[arg(long, value_name = "URL", conflicts_with = "outside_only")]
    pub from_outside: Option<String>,
    /// Only ask as a service would, without settings: from any machine that has this program
    #[arg(long, value_name = "ISSUER", conflicts_with = "path")]
    pub outside_only: Option<String>,
    /// A PEM file of authorities to believe besides those of the system, for a certificate of a private authority
    #[arg(long, value_name = "FILE")]
    pub authorities: Option<PathBuf>,
}

/// Runs `sceau doctor`.
pub async fn run(args: DoctorArgs) -> ExitCode {
    match Box::pin(examine(&args)).await {
        Ok(told) => {
            say(&told, args.json);
            let wrong = told.iter().any(|told| told.verdict == Verdict::Wrong);
            if wrong { ExitCode::FAILURE } else { ExitCode::SUCCESS }
        }
        Err(error) => {
            let told = Diagnosis::wrong("settings", format!("{error}: nothing else can be looked at"));
            say(&[told], args.json);
            ExitCode::from(EX_CONFIG)
        }
    }
}

/// Everything that was looked at, in order.
///
/// # Errors
/// Settings, or files they name, that cannot be used.
pub async fn examine(args: &DoctorArgs) -> Result<Vec<Diagnosis>, ConfigError> {
    if let Some(issuer) = &args.outside_only {
        let issuer = issuer.trim_end_matches('/');
        let place = Place { issuer, at: issuer, authorities: args.authorities.as_deref() };
        return Ok(outside::examine(&place, &Expected::default()).await);
    }
    let config = Config::load(args.config.path.as_deref(), &ProcessStrings)?;
    let documents = config.documents(&ProcessStrings, is_test_root)?;
    let mut told = vec![Diagnosis::ok("settings", "they can be used, and the files they name can be read")];
    told.extend(files::examine(&config));
    told.extend(certificate::of_settings(&documents));
    told.extend(around(&config, &documents));
    let (mut sql, redis, upstreams) = tokio::join!(
        Box::pin(sql::examine(&config, &documents)),
        redis::examine(&config, &documents),
        upstreams::examine(&documents),
    );
    told.append(&mut sql.told);
    told.extend(redis);
    told.extend(upstreams);
    if !args.inside_only {
        let issuer = config.issuer.as_str();
        let at = args.from_outside.as_deref().unwrap_or(issuer).trim_end_matches('/');
        let place = Place { issuer, at, authorities: args.authorities.as_deref() };
        told.extend(outside::examine(&place, &sql.expected).await);
    }
    Ok(told)
}

/// What people and collectors need of the settings.
fn around(config: &Config, documents: &Documents) -> Vec<Diagnosis> {
    let mobile = &config.mobile;
    let (roots, models) = (documents.attestation_roots.len(), mobile.aaguids.len());
    let phones = if mobile.allow_self_attestation {
        Diagnosis::ok("phones", "any can be enrolled, by its own word, as for trying out on this machine")
    } else if roots > 0 && models > 0 {
        Diagnosis::ok(
            "phones",
            format!("those of {models} models under {roots} attestation roots can be enrolled"),
        )
    } else {
        Diagnosis::warn(
            "phones",
            "no phone can be enrolled: set mobile.attestation_roots and mobile.aaguids to the makers and models you accept",
        )
    };
    let messages = if mobile.senders.is_some() {
        Diagnosis::ok("messages", "e-mail and short messages have a sender")
    } else if mobile.activation_codes_file.is_some() {
        Diagnosis::warn(
            "messages",
            "activation codes go to a file and reach nobody: set mobile.smtp and mobile.sms before people enrol",
        )
    } else {
        Diagnosis::warn(
            "messages",
            "activation codes and notices reach nobody, so nobody can enrol a phone: set mobile.smtp and mobile.sms",
        )
    };
    let sinks = if config.audit.remembers_outside() {
        Diagnosis::ok("checkpoint places", "checkpoints of the audit log leave the database")
    } else {
        Diagnosis::warn(
            "checkpoint places",
            "checkpoints of the audit log stay in the database: nobody could tell that it was cut or put back; set audit.checkpoint_files, audit.checkpoint_folders or audit.syslog",
        )
    };
    vec![phones, messages, sinks]
}

fn say(told: &[Diagnosis], json: bool) {
    if json {
        output::json(&Value::Array(told.iter().map(Diagnosis::json).collect()));
        return;
    }
    told.iter().for_each(output::line);
    let count = |verdict| told.iter().filter(|told| told.verdict == verdict).count();
    output::note(format_args!(
        "{} ok, {} to look at, {} wrong",
        count(Verdict::Ok),
        count(Verdict::Warn),
        count(Verdict::Wrong)
    ));
}

/// How long anything may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);
