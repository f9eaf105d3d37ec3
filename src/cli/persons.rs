//! `sceau persons`: show, lock, unlock and unlink, for an operator.

use std::process::ExitCode;

use anyhow::Context as _;
use serde_json::{Value, json};

use crate::app::App;
use crate::base::{LinkId, Secret};
use crate::device::Device;
use crate::flow::{Officers, OperatorOutcome, Requester};
use crate::identity::{Identity, PatientRef, Person, PersonStatus};
use crate::ports::{Consent, Link, LinkedBy};

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
    /// Remove a person's link to an account at another provider: their sessions and tokens end within five seconds
    Unlink(UnlinkArgs),
}

#[derive(Clone, Debug, clap::Args)]
struct UnlinkArgs {
    #[command(flatten)]
    one: OneArgs,
    /// The link, as `show` lists it
    #[arg(long, value_name = "ID")]
    link: LinkId,
}

#[derive(Clone, Debug, clap::Args)]
struct OneArgs {
    #[command(flatten)]
    target: Target,
    /// The person: identifier of ours, or national identifier
    #[arg(value_name = "ID", required_unless_present = "reference")]
    person: Option<String>,
    /// The patient of this reference in the directory of patients
    #[arg(long, value_name = "REFERENCE", conflicts_with = "person")]
    reference: Option<String>,
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
        PersonsCommand::Unlink(args) => unlink(args).await,
    };
    done.unwrap_or_else(|error| output::failed(&error))
}

async fn show(args: OneArgs) -> anyhow::Result<ExitCode> {
    let app = args.target.open().await?;
    let Some((person, phones)) = args.find(&app).await? else { return Ok(output::not_found("person")) };
    let links = app.provider.links_of(person.id).await?;
    let consents = app.provider.consents_of(person.id).await?;
    if args.json {
        let phones: Vec<_> = phones.iter().map(|device| devices::described(&app.provider, device)).collect();
        output::json(&json!({
            "person": person.id.to_string(),
            "status": person.status.as_str(),
            "kind": kind(&person),
            "name": person.spoken_name(),
            "devices": phones,
            "cooling_until": person.cooling_until.map(|until| until.to_string()),
            "links": links.iter().map(link_described).collect::<Vec<_>>(),
            "consents": consents.iter().map(consent_described).collect::<Vec<_>>(),
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
    for link in &links {
        let (provider, at, by) = (&link.provider, link.linked_at, linked_by(link.by));
        output::line(format_args!("link    {}  {provider} since {at} ({by})", link.id));
    }
    for consent in &consents {
        let behalf = consent.on_behalf_of.map(|person| format!(" for {person}")).unwrap_or_default();
        output::line(format_args!(
            "consent {}{behalf} since {}: {}",
            consent.client, consent.at, consent.scope
        ));
    }
    Ok(ExitCode::SUCCESS)
}

impl OneArgs {
    async fn find(&self, app: &App) -> anyhow::Result<Option<(Person, Vec<Device>)>> {
        let Some(reference) = &self.reference else {
            return Ok(app.provider.operator_person(self.person.as_deref().unwrap_or_default()).await?);
        };
        let reference = PatientRef::parse(reference).context("--reference")?;
        Ok(app.provider.operator_patient(&reference).await?)
    }
}

/// The subject at the provider is not shown: nobody needs it here.
fn link_described(link: &Link) -> Value {
    json!({
        "link": link.id.to_string(),
        "provider": link.provider.as_str(),
        "since": link.linked_at.to_string(),
        "by": linked_by(link.by),
    })
}

fn consent_described(consent: &Consent) -> Value {
    json!({
        "client_id": consent.client.as_str(),
        "on_behalf_of": consent.on_behalf_of.map(|person| person.to_string()),
        "scope": consent.scope.to_string(),
        "since": consent.at.to_string(),
    })
}

const fn linked_by(by: LinkedBy) -> &'static str {
    match by {
        LinkedBy::FirstMatch => "first_match",
        LinkedBy::BothSides => "both_sides",
    }
}

async fn unlink(args: UnlinkArgs) -> anyhow::Result<ExitCode> {
    let app = args.one.target.open().await?;
    let Some((person, _)) = args.one.find(&app).await? else { return Ok(output::not_found("person")) };
    let outcome = app.provider.unlink(person.id, args.link, Requester::Operator).await?;
    if outcome == OperatorOutcome::NotFound {
        return Ok(output::not_found("link of this person"));
    }
    output::changed(args.one.json, ("link", &args.link.to_string()), ("removed", outcome));
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
    let Some((person, _)) = args.find(&app).await? else { return Ok(output::not_found("person")) };
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
    let Some((person, _)) = args.one.find(&app).await? else { return Ok(output::not_found("person")) };
    if person.status == PersonStatus::Deactivated {
        anyhow::bail!("the person has left the directory: only the directory brings them back");
    }
    let officers = Officers { second: Secret::new(name.to_owned()) };
    let outcome = app.provider.unlock_person(person.id, officers).await?;
    output::changed(args.one.json, ("person", &person.id.to_string()), ("unlocked", outcome));
    Ok(ExitCode::SUCCESS)
}
