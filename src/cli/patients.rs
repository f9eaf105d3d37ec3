//! `sceau patients`: the directory of patients, imported.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use serde_json::json;

use crate::adapter::extract_file::ExtractFile;
use crate::flow::{BufferedLines, PatientsError, PatientsReport};
use crate::identity::PatientFileError;

use super::open::Target;
use super::output;

/// Arguments of `sceau patients`.
#[derive(Clone, Debug, clap::Args)]
pub struct PatientsArgs {
    #[command(subcommand)]
    command: PatientsCommand,
}

#[derive(Clone, Debug, clap::Subcommand)]
enum PatientsCommand {
    /// Create and update patients from a file of JSON Lines (docs/patients.md); nobody is removed
    ///
    /// A rejected line is named on standard error by line, column and member, and changes nothing; the rest is
    /// imported. A health number of another environment (`patients.ins`) stops the import.
    #[command(verbatim_doc_comment)]
    Import(ImportArgs),
}

#[derive(Clone, Debug, clap::Args)]
struct ImportArgs {
    #[command(flatten)]
    target: Target,
    /// The file: UTF-8 text, or a ZIP archive that holds it alone
    file: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Runs `sceau patients`.
pub async fn run(args: PatientsArgs) -> ExitCode {
    let PatientsCommand::Import(args) = args.command;
    Box::pin(import(args)).await.unwrap_or_else(|error| output::failed(&error))
}

async fn import(args: ImportArgs) -> anyhow::Result<ExitCode> {
    let file = ExtractFile::open(&args.file).with_context(|| format!("reading {}", args.file.display()))?;
    let app = args.target.open().await?;
    let mut lines = BufferedLines(file.reader);
    let mut rejected = |error: &PatientFileError| output::error(error);
    match app.provider.import_patients(&mut lines, &mut rejected).await {
        Ok(report) => {
            tell(&report, args.json);
            Ok(if report.rejected == 0 { ExitCode::SUCCESS } else { ExitCode::from(2) })
        }
        Err(error @ (PatientsError::StoredEnvironment | PatientsError::FileEnvironment(_))) => {
            output::error(error);
            Ok(ExitCode::from(2))
        }
        Err(error) => Err(error.into()),
    }
}

fn tell(report: &PatientsReport, as_json: bool) {
    let PatientsReport { lines, rejected, counts } = report;
    if as_json {
        output::json(&json!({
            "lines": lines,
            "rejected": rejected,
            "created": counts.created,
            "updated": counts.updated,
            "unchanged": counts.unchanged,
            "deactivated": counts.deactivated,
        }));
        return;
    }
    output::line(format_args!("lines        {lines}"));
    output::line(format_args!("rejected     {rejected}"));
    output::line(format_args!("created      {}", counts.created));
    output::line(format_args!("updated      {}", counts.updated));
    output::line(format_args!("unchanged    {}", counts.unchanged));
    output::line(format_args!("deactivated  {}", counts.deactivated));
}
