//! `sceau directory import`: the extract of the national directory.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use serde_json::json;

use crate::flow::ImportError;

use super::open::Target;
use super::output;

/// Rejected lines printed before the rest is only counted.
const SHOWN: usize = 20;

/// Arguments of `sceau directory`.
#[derive(Clone, Debug, clap::Args)]
pub struct DirectoryArgs {
    #[command(subcommand)]
    command: DirectoryCommand,
}

#[derive(Clone, Debug, clap::Subcommand)]
enum DirectoryCommand {
    /// Import an extract (`Extraction_ProSanteConnect_Personne_activite_….txt`): new persons are created, known ones
    /// updated, nobody is removed
    Import(ImportArgs),
}

#[derive(Clone, Debug, clap::Args)]
struct ImportArgs {
    #[command(flatten)]
    target: Target,
    /// The extract, UTF-8 text
    file: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Runs `sceau directory`.
pub async fn run(args: DirectoryArgs) -> ExitCode {
    let DirectoryCommand::Import(args) = args.command;
    import(args).await.unwrap_or_else(|error| output::failed(&error))
}

async fn import(args: ImportArgs) -> anyhow::Result<ExitCode> {
    let text =
        std::fs::read_to_string(&args.file).with_context(|| format!("reading {}", args.file.display()))?;
    let app = args.target.open().await?;
    let report = match app.provider.import_directory(text.lines()).await {
        Ok(report) => report,
        Err(ImportError::Layout(error)) => {
            output::error(format_args!("{}: {error}; nothing was changed", args.file.display()));
            return Ok(ExitCode::from(2));
        }
        Err(error) => return Err(error.into()),
    };
    let counts = report.counts;
    if args.json {
        let rejected: Vec<String> = report.rejected.iter().map(ToString::to_string).collect();
        output::json(&json!({
            "lines": report.lines,
            "created": counts.created,
            "updated": counts.updated,
            "unchanged": counts.unchanged,
            "rejected": rejected,
        }));
    } else {
        for error in report.rejected.iter().take(SHOWN) {
            output::error(error);
        }
        output::line(format_args!(
            "{} lines: {} persons created, {} updated, {} unchanged, {} lines rejected",
            report.lines,
            counts.created,
            counts.updated,
            counts.unchanged,
            report.rejected.len()
        ));
    }
    Ok(if report.rejected.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(2) })
}
