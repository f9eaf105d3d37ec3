//! Commands. Each is a file; results go to standard output, what is wrong to standard error.

mod asking;
pub mod audit;
mod audit_export;
mod audit_search;
mod audit_sinks;
mod audit_verify;
pub mod clients;
mod clients_release;
pub mod config;
pub mod demo;
pub mod devices;
pub mod directory;
mod directory_report;
pub mod doctor;
mod ending;
pub mod keys;
mod keys_change;
mod keys_drill;
mod keys_drill_process;
mod keys_drill_stage;
pub mod keys_reseal;
mod keys_words;
pub mod migrate;
pub mod open;
pub mod output;
mod outside;
pub mod patients;
pub mod persons;
pub mod phone;
pub mod restore;
mod senders;
pub mod serve;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::adapter::webauthn::is_test_root;
use crate::config::{ProcessStrings, Strings};
use crate::telemetry::{LOG_VARIABLE, LogSettings, Traces};

/// Exit status of a wrong command line (sysexits `EX_USAGE`).
pub const EX_USAGE: u8 = 64;

/// OpenID Connect provider and WebAuthn relying party behind the phones that replace the CPS and the carte Vitale.
#[derive(Debug, Parser)]
#[command(name = "sceau", version, arg_required_else_help = true, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the provider until it is told to stop
    Serve(serve::ServeArgs),
    /// Bring the schema of the database to what this program needs
    Migrate(migrate::MigrateArgs),
    /// Once after a backup of the database was put back: end everything that was signed in or issued before
    Restore(restore::RestoreArgs),
    /// Check or show settings
    Config(config::ConfigArgs),
    /// Examine a deployment from inside and outside, and say in words what is wrong and what to do
    ///
    /// Reads the settings, the files they name, the stores, the keys and the audit log, then asks the public address what
    /// a service would ask. Changes nothing, may run at any time beside `serve`, and waits at most 5 s for each answer.
    /// One line for each thing: `ok`, `warn` (works, but will hurt) or `wrong` (repair it). Ends with 0 when nothing is
    /// wrong, 1 when something is, 78 when the settings cannot be used.
    Doctor(doctor::DoctorArgs),
    /// Register, list, show and disable client applications
    Clients(clients::ClientsArgs),
    /// List and revoke enrolled phones
    Devices(devices::DevicesArgs),
    /// Show, lock and unlock persons
    Persons(persons::PersonsArgs),
    /// Import the directory of patients
    Patients(patients::PatientsArgs),
    /// Import the national directory, show or give up an import
    Directory(directory::DirectoryArgs),
    /// Keys: look, plan, rotate, seal anew, and the emergency
    Keys(keys::KeysArgs),
    /// Verify, search and pass on the audit log; export the evidence of an approval
    Audit(audit::AuditArgs),
    /// Try everything on this machine: provider, sample service and phone page
    Demo(demo::DemoArgs),
    /// A software phone: enrol, list, approve, deny
    Phone(phone::PhoneArgs),
}

/// Reads the command line and runs one command.
#[must_use]
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let wrong = error.use_stderr();
            let _ = error.print();
            return if wrong { ExitCode::from(EX_USAGE) } else { ExitCode::SUCCESS };
        }
    };
    let wish = ProcessStrings.variable(LOG_VARIABLE).or_else(|| cli.command.usual_log());
    let traces = match LogSettings::parse(wish.as_deref()).install() {
        Ok(traces) => traces,
        Err(error) => {
            output::error(error);
            return ExitCode::from(config::EX_CONFIG);
        }
    };
    // redis, sqlx and reqwest all take the process's provider.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(Box::pin(run(cli.command, traces))),
        Err(error) => {
            output::error(error);
            ExitCode::FAILURE
        }
    }
}

impl Command {
    /// What is logged when nothing is asked for, if not what is usual: some terminals are for a text.
    fn usual_log(&self) -> Option<String> {
        match self {
            Self::Demo(_) => Some(String::from("warn")),
            // Its lines say what the log would.
            Self::Doctor(_) => Some(String::from("off")),
            _ => None,
        }
    }
}

async fn run(command: Command, traces: Traces) -> ExitCode {
    match command {
        Command::Serve(args) => serve::run(args, traces).await,
        Command::Migrate(args) => migrate::run(args).await,
        Command::Restore(args) => restore::run(args).await,
        Command::Config(args) => config::run(&args, is_test_root),
        Command::Doctor(args) => doctor::run(args).await,
        Command::Clients(args) => clients::run(args).await,
        Command::Devices(args) => devices::run(args).await,
        Command::Persons(args) => persons::run(args).await,
        Command::Patients(args) => patients::run(args).await,
        Command::Directory(args) => directory::run(args).await,
        Command::Keys(args) => keys::run(args).await,
        Command::Audit(args) => audit::run(args).await,
        Command::Demo(args) => demo::run(args).await,
        Command::Phone(args) => phone::run(args).await,
    }
}
