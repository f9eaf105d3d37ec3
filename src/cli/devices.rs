//! `sceau devices`: a person's enrolled phones, for an operator.

use std::process::ExitCode;

use serde_json::{Value, json};

use crate::base::DeviceId;
use crate::device::{Device, DeviceStatus};
use crate::flow::{OperatorOutcome, Provider};

use super::open::Target;
use super::output;

/// Arguments of `sceau devices`.
#[derive(Clone, Debug, clap::Args)]
pub struct DevicesArgs {
    #[command(subcommand)]
    command: DevicesCommand,
}

#[derive(Clone, Debug, clap::Subcommand)]
enum DevicesCommand {
    /// List the phones of a person, revoked ones too
    List(ListArgs),
    /// Revoke a phone for good: what it signed in ends within five seconds
    Revoke(RevokeArgs),
}

#[derive(Clone, Debug, clap::Args)]
struct ListArgs {
    #[command(flatten)]
    target: Target,
    /// The person: identifier of ours, or national identifier
    #[arg(long, value_name = "ID")]
    person: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Debug, clap::Args)]
struct RevokeArgs {
    #[command(flatten)]
    target: Target,
    /// The phone
    #[arg(value_name = "ID")]
    device: DeviceId,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Runs `sceau devices`.
pub async fn run(args: DevicesArgs) -> ExitCode {
    let done = match args.command {
        DevicesCommand::List(args) => list(args).await,
        DevicesCommand::Revoke(args) => revoke(args).await,
    };
    done.unwrap_or_else(|error| output::failed(&error))
}

async fn list(args: ListArgs) -> anyhow::Result<ExitCode> {
    let app = args.target.open().await?;
    let Some((_, devices)) = app.provider.operator_person(&args.person).await? else {
        return Ok(output::not_found("person"));
    };
    if args.json {
        output::json(&devices.iter().map(|device| described(&app.provider, device)).collect());
        return Ok(ExitCode::SUCCESS);
    }
    if devices.is_empty() {
        output::line("No phone.");
    }
    for device in &devices {
        lines(device);
    }
    Ok(ExitCode::SUCCESS)
}

async fn revoke(args: RevokeArgs) -> anyhow::Result<ExitCode> {
    let app = args.target.open().await?;
    let outcome = app.provider.revoke_device(args.device).await?;
    if outcome == OperatorOutcome::NotFound {
        return Ok(output::not_found("phone"));
    }
    output::changed(args.json, ("device", &args.device.to_string()), ("revoked", outcome));
    Ok(ExitCode::SUCCESS)
}

/// A phone in one line: what its holder and support call it by.
pub(super) fn lines(device: &Device) {
    output::line(format_args!(
        "{}  {:<8} {}  {} ({})",
        device.id,
        status(device),
        device.created.rfc3339(),
        device.facts.name,
        device.facts.model
    ));
}

/// A phone for programs.
pub(super) fn described(provider: &Provider, device: &Device) -> Value {
    json!({
        "device": device.id.to_string(),
        "status": status(device),
        "name": device.facts.name,
        "model": device.facts.model,
        "operating_system": device.facts.operating_system,
        "app_version": device.facts.app_version,
        "serial": device.serial,
        "enrolled_at": device.created.rfc3339(),
        "valid_until": device.valid_until.rfc3339(),
        "acr": provider.reach(device).as_str(),
    })
}

const fn status(device: &Device) -> &'static str {
    match device.status {
        DeviceStatus::Active => "active",
        DeviceStatus::Revoked => "revoked",
    }
}
