//! `sceau persons`: show, lock and unlock, for an operator.

use std::process::ExitCode;

use serde_json::json;

use crate::base::Secret;
use crate::flow::Officers;
use crate::identity::{Identity, Person, PersonStatus};

use super::open::Target;
use super::{devices, output};

/// Arguments of `sceau persons`.
#[derive(Clone, Debug, clap::Args)]
pub struct PersonsArgs {
    #[command(subcommand)]
    command: PersonsCommand,
}

#[derive(Clone, Debug, clap::Subcommand)]
enum PersonsCommand {
    /// Show a person and their phones; the reading is recorded
    Show(OneArgs),
    /// Lock a person at once: sessions and tokens end within five seconds, phones answer nothing
    Lock(OneArgs),
    /// Unlock a person: takes two officers, the second of whom is not verified yet
    Unlock(UnlockArgs),
}

#[derive(Clone, Debug, clap::Args)]
struct OneArgs {
    #[command(flatten)]
    target: Target,
    /// The person: identifier of ours, or national identifier
    #[arg(value_name = "ID")]
    person: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Debug, clap::Args)]
struct UnlockArgs {
    #[command(flatten)]
    one: OneArgs,
    /// Nobody checks the second officer: the record says so
    #[arg(long, required = true)]
    offline: bool,
    /// The second officer
    #[arg(long, value_name = "NAME")]
    second_officer: String,
}

/// Runs `sceau persons`.
pub async fn run(args: PersonsArgs) -> ExitCode {
    let done = match args.command {
        PersonsCommand::Show(args) => show(args).await,
        PersonsCommand::Lock(args) => lock(args).await,
        PersonsCommand::Unlock(args) => unlock(args).await,
    };
    done.unwrap_or_else(|error| output::failed(&error))
}

async fn show(args: OneArgs) -> anyhow::Result<ExitCode> {
    let app = args.target.open().await?;
    let Some((person, phones)) = app.provider.operator_person(&args.person).await? else {
        return Ok(output::not_found("person"));
    };
    if args.json {
        let phones: Vec<_> = phones.iter().map(|device| devices::described(&app.provider, device)).collect();
        output::json(&json!({
            "person": person.id.to_string(),
            "status": person.status.as_str(),
            "kind": kind(&person),
            "name": person.spoken_name(),
            "devices": phones,
        }));
        return Ok(ExitCode::SUCCESS);
    }
    output::line(format_args!("person  {}", person.id));
    output::line(format_args!("status  {}", person.status.as_str()));
    output::line(format_args!("kind    {}", kind(&person)));
    output::line(format_args!("name    {}", person.spoken_name()));
    for device in &phones {
        devices::lines(device);
    }
    Ok(ExitCode::SUCCESS)
}

const fn kind(person: &Person) -> &'static str {
    match person.identity {
        Identity::Professional(_) => "professional",
        Identity::Patient(_) => "patient",
    }
}

async fn lock(args: OneArgs) -> anyhow::Result<ExitCode> {
    let app = args.target.open().await?;
    let Some((person, _)) = app.provider.operator_person(&args.person).await? else {
        return Ok(output::not_found("person"));
    };
    if person.status == PersonStatus::Deactivated {
        anyhow::bail!("the person has left the directory: there is nothing to lock");
    }
    let outcome = app.provider.lock_person(&person).await?;
    output::changed(args.json, ("person", &person.id.to_string()), ("locked", outcome));
    Ok(ExitCode::SUCCESS)
}

async fn unlock(args: UnlockArgs) -> anyhow::Result<ExitCode> {
    let name = args.second_officer.trim();
    if !args.offline || name.is_empty() || name.len() > 200 {
        anyhow::bail!("--second-officer: the name of the officer who agrees, at most 200 bytes");
    }
    let app = args.one.target.open().await?;
    let Some((person, _)) = app.provider.operator_person(&args.one.person).await? else {
        return Ok(output::not_found("person"));
    };
    if person.status == PersonStatus::Deactivated {
        anyhow::bail!("the person has left the directory: only the directory brings them back");
    }
    let officers = Officers { second: Secret::new(name.to_owned()) };
    let outcome = app.provider.unlock_person(person.id, officers).await?;
    output::changed(args.one.json, ("person", &person.id.to_string()), ("unlocked", outcome));
    Ok(ExitCode::SUCCESS)
}
