//! `sceau phone`: the software phone on the command line, for demonstrations and scripts.
//!
//! Exit codes: 0 done, 1 fault, 2 refused by the server or by the phone, 3 nothing pending, 64 usage.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use url::Url;

use super::output;
use crate::base::UnixTime;
use crate::phone::{
    Attestation, Decided, EnrolledDevice, HttpTransport, PendingApproval, Phone, PhoneError, Refusal,
    Surroundings, TransportError,
};

const FAULT: u8 = 1;
const REFUSED: u8 = 2;
const NOTHING_PENDING: u8 = 3;
const USAGE: u8 = 64;

/// A phone in software: enrol it, then approve or refuse what services ask.
#[derive(Debug, Args)]
pub struct PhoneArgs {
    /// Answer in JSON, one document
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: PhoneCommand,
}

#[derive(Debug, Subcommand)]
enum PhoneCommand {
    /// Enrol a new phone with the two activation codes, or with a ticket
    Enrol(EnrolArgs),
    /// Claim the request of a QR code; approve it then with the number that the page shows
    Claim(ClaimArgs),
    /// List what waits for an approval
    Pending(StateArgs),
    /// Approve a request with the number that the asking screen shows
    Approve(ApproveArgs),
    /// Refuse a request
    Deny(DenyArgs),
    /// List the enrolled phones of the same person
    Devices(StateArgs),
    /// Revoke an enrolled phone of the same person
    Revoke(RevokeArgs),
}

#[derive(Debug, Args)]
struct StateArgs {
    /// The phone's file
    #[arg(long, value_name = "FILE")]
    state: PathBuf,
}

#[derive(Debug, Args)]
struct EnrolArgs {
    /// The server's address
    #[arg(long, value_name = "URL")]
    server: Url,
    /// The phone's new file: it will hold private keys
    #[arg(long, value_name = "FILE")]
    state: PathBuf,
    /// The person's national identifier
    #[arg(long, value_name = "ID", required_unless_present = "ticket")]
    person: Option<String>,
    /// The code received by electronic mail
    #[arg(long, value_name = "CODE", required_unless_present = "ticket")]
    code_email: Option<String>,
    /// The code received by telephone
    #[arg(long, value_name = "CODE", required_unless_present = "ticket")]
    code_phone: Option<String>,
    /// The ticket that a page of the account shows, or the address of its QR code
    #[arg(long, value_name = "TICKET", conflicts_with_all = ["person", "code_email", "code_phone"])]
    ticket: Option<String>,
    /// Attest under the throw-away root in this file, made when missing; without it the phone attests itself
    #[arg(long, value_name = "FILE")]
    attest_root: Option<PathBuf>,
    /// The phone's name
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
}

#[derive(Debug, Args)]
struct ClaimArgs {
    #[command(flatten)]
    state: StateArgs,
    /// What the QR code says, or the identifier at its end
    #[arg(value_name = "URL")]
    address: String,
}

#[derive(Debug, Args)]
struct ApproveArgs {
    #[command(flatten)]
    state: StateArgs,
    /// The number shown by the asking screen
    #[arg(long, value_name = "NN")]
    number: Option<String>,
    /// Which request, when there are several
    #[arg(long, value_name = "ID")]
    id: Option<String>,
}

#[derive(Debug, Args)]
struct DenyArgs {
    #[command(flatten)]
    state: StateArgs,
    /// Which request, when there are several
    #[arg(long, value_name = "ID")]
    id: Option<String>,
    /// The person did not ask for it
    #[arg(long)]
    report: bool,
}

#[derive(Debug, Args)]
struct RevokeArgs {
    #[command(flatten)]
    state: StateArgs,
    /// The phone to revoke; this one when not given
    #[arg(long, value_name = "ID")]
    id: Option<String>,
}

/// What a command has to say, in both forms.
struct Said {
    lines: Vec<String>,
    json: Value,
}

/// Runs `sceau phone …`.
pub async fn run(args: PhoneArgs) -> ExitCode {
    let as_json = args.json;
    match execute(args.command).await {
        Ok(said) if as_json => {
            output::json(&said.json);
            ExitCode::SUCCESS
        }
        Ok(said) => {
            said.lines.iter().for_each(output::line);
            ExitCode::SUCCESS
        }
        Err(error) => {
            if as_json {
                output::json(&failure(&error));
            } else {
                output::error(explain(&error));
            }
            ExitCode::from(exit_code(&error))
        }
    }
}

async fn execute(command: PhoneCommand) -> Result<Said, PhoneError> {
    match command {
        PhoneCommand::Enrol(args) => enrol(args).await,
        PhoneCommand::Pending(args) => {
            let pending = open(&args.state)?.pending().await?;
            if pending.is_empty() { Err(PhoneError::NothingPending) } else { Ok(say_pending(&pending)) }
        }
        PhoneCommand::Claim(args) => {
            let claimed = open(&args.state.state)?.claim(&args.address).await?;
            Ok(say_pending(&[claimed]))
        }
        PhoneCommand::Approve(args) => {
            let mut phone = open(&args.state.state)?;
            Ok(say_decided(&phone.approve(args.id.as_deref(), args.number.as_deref()).await?))
        }
        PhoneCommand::Deny(args) => {
            let mut phone = open(&args.state.state)?;
            Ok(say_decided(&phone.deny(args.id.as_deref(), args.report).await?))
        }
        PhoneCommand::Devices(args) => Ok(say_devices(&open(&args.state)?.devices().await?)),
        PhoneCommand::Revoke(args) => {
            let mut phone = open(&args.state.state)?;
            let own = phone.device_id().map(str::to_owned);
            let id = args.id.or(own).ok_or(PhoneError::NotEnrolled)?;
            phone.revoke(&id).await?;
            Ok(Said { lines: vec![format!("revoked {id}")], json: json!({ "revoked": id }) })
        }
    }
}

async fn enrol(args: EnrolArgs) -> Result<Said, PhoneError> {
    let surroundings = Surroundings::over(Arc::new(HttpTransport::new(&args.server)?));
    // A file left by an attempt that failed is taken up again.
    let mut phone = if args.state.exists() {
        if Phone::server_of(&args.state)? != args.server {
            return Err(PhoneError::State(format!("{}: of another server", args.state.display())));
        }
        Phone::open(&args.state, surroundings)?
    } else {
        Phone::create(&args.state, &args.server, surroundings)?
    };
    if let Some(name) = &args.name {
        phone.set_name(name)?;
    }
    let attestation = args.attest_root.map_or(Attestation::SelfSigned, Attestation::Root);
    let device = match (&args.ticket, &args.person, &args.code_email, &args.code_phone) {
        (Some(ticket), ..) => phone.enrol_with_ticket(ticket, &attestation).await?,
        (None, Some(person), Some(email), Some(by_phone)) => {
            phone.enrol(person, email, by_phone, &attestation).await?
        }
        // The command line asks for all three, or for a ticket.
        _ => return Err(PhoneError::NotEnrolled),
    };
    Ok(Said {
        lines: vec![format!("enrolled {}: {}, level {}", device.id, device.name, device.acr)],
        json: json!({ "device": device }),
    })
}

fn open(path: &Path) -> Result<Phone, PhoneError> {
    let server = Phone::server_of(path)?;
    Phone::open(path, Surroundings::over(Arc::new(HttpTransport::new(&server)?)))
}

fn say_pending(pending: &[PendingApproval]) -> Said {
    let lines = pending.iter().flat_map(|one| {
        let text = &one.text;
        let head = format!("{}  {}: {}", one.id, text.service, text.purpose);
        let from = format!("    {}, {}", text.origin, text.at);
        let details = text.details.iter().map(|detail| format!("    {detail}"));
        let until = format!("    until {}", UnixTime::from_secs(one.expires_at));
        [head, from].into_iter().chain(details).chain([until])
    });
    Said { lines: lines.collect(), json: json!({ "approvals": pending }) }
}

fn say_decided(decided: &Decided) -> Said {
    Said {
        lines: vec![format!("{} {}: {}", decided.status, decided.text.service, decided.text.purpose)],
        json: json!({ "id": decided.id, "status": decided.status, "text": decided.text }),
    }
}

fn say_devices(devices: &[EnrolledDevice]) -> Said {
    let line = |one: &EnrolledDevice| {
        let own = if one.current { " (this phone)" } else { "" };
        let until = UnixTime::from_secs(one.valid_until);
        format!("{}  {}, {}, {}, until {until}{own}", one.id, one.name, one.acr, one.status)
    };
    Said { lines: devices.iter().map(line).collect(), json: json!({ "devices": devices }) }
}

fn exit_code(error: &PhoneError) -> u8 {
    match error {
        PhoneError::Refused(_) | PhoneError::NotWhatIsShown(_) | PhoneError::OtherServer => REFUSED,
        PhoneError::NothingPending => NOTHING_PENDING,
        PhoneError::NotEnrolled
        | PhoneError::AlreadyEnrolled
        | PhoneError::SeveralPending
        | PhoneError::Transport(TransportError::Insecure) => USAGE,
        PhoneError::State(_) | PhoneError::Transport(_) | PhoneError::Answer(_) | PhoneError::Crypto(_) => {
            FAULT
        }
    }
}

fn failure(error: &PhoneError) -> Value {
    match error {
        PhoneError::Refused(Refusal { status, error, tries_left, approval }) => json!({
            "error": error, "http_status": status, "tries_left": tries_left, "status": approval,
        }),
        PhoneError::NothingPending => json!({ "error": "nothing_pending", "approvals": [] }),
        other => json!({ "error": other.to_string() }),
    }
}

fn explain(error: &PhoneError) -> String {
    match error {
        PhoneError::Refused(Refusal { tries_left: Some(left), error, .. }) => {
            format!("refused: {error}, tries left: {left}")
        }
        PhoneError::Refused(Refusal { approval: Some(status), error, .. }) => {
            format!("refused: {error} ({status})")
        }
        other => other.to_string(),
    }
}
