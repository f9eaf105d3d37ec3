//! `sceau directory`: the extract of the national directory, imported, and what became of it.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::adapter::extract_file::{ExtractFile, ExtractFileError};
use crate::app::App;
use crate::flow::{BufferedLines, ImportError, ImportOptions};

use super::directory_report::{self as report, Watcher};
use super::open::Target;
use super::output;

/// Arguments of `sceau directory`.
#[derive(Clone, Debug, clap::Args)]
pub struct DirectoryArgs {
    #[command(subcommand)]
    command: DirectoryCommand,
}

#[derive(Clone, Debug, clap::Subcommand)]
enum DirectoryCommand {
    /// Import an extract (`Extraction_ProSanteConnect_Personne_activite_….txt`, or the ZIP archive of it): new persons
    /// are created, known ones updated, those who left deactivated
    ///
    /// Everything is counted before anything changes. An import that would change too many persons is refused until it
    /// is allowed (--allow-share). A file that was cut, or is much shorter than the last one, deactivates nobody.
    /// Logins go on meanwhile; an import that was interrupted goes on with --resume.
    #[command(verbatim_doc_comment)]
    Import(ImportArgs),
    /// Show the import under way, or the last one
    Status(OneArgs),
    /// Give up an import that is under way or was refused; what it has applied stays
    Discard(OneArgs),
    /// Give persons of the former ADELI register their RPPS number, from a file `N° ADELI;N° RPPS`; phones and subjects
    /// stay, two accounts of one person become one
    Merge(MergeArgs),
}

#[derive(Clone, Debug, clap::Args)]
struct ImportArgs {
    #[command(flatten)]
    one: OneArgs,
    /// The extract: UTF-8 text, or a ZIP archive that holds it alone
    #[arg(required_unless_present = "resume")]
    file: Option<PathBuf>,
    /// Go on with the import that was interrupted or refused; FILE is read only if it had not been read to the end
    #[arg(long)]
    resume: bool,
    /// Allow this many percent of the persons stored to change, in place of `directory.max_change_share`
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(0..=100))]
    allow_share: Option<u8>,
    /// The file is whole though it is shorter than the last one: persons who are not in it are deactivated
    #[arg(long)]
    accept_shorter: bool,
}

#[derive(Clone, Debug, clap::Args)]
struct OneArgs {
    #[command(flatten)]
    target: Target,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Debug, clap::Args)]
struct MergeArgs {
    #[command(flatten)]
    one: OneArgs,
    /// The file: UTF-8 text, or a ZIP archive that holds it alone
    file: PathBuf,
}

/// Runs `sceau directory`.
pub async fn run(args: DirectoryArgs) -> ExitCode {
    let done = match args.command {
        DirectoryCommand::Import(args) => Box::pin(import(args)).await,
        DirectoryCommand::Status(args) => status(args).await,
        DirectoryCommand::Discard(args) => discard(args).await,
        DirectoryCommand::Merge(args) => merge(args).await,
    };
    done.unwrap_or_else(|error| output::failed(&error))
}

async fn import(args: ImportArgs) -> anyhow::Result<ExitCode> {
    let options = ImportOptions { allow_share: args.allow_share, accept_shorter: args.accept_shorter };
    let app = args.one.target.open().await?;
    if args.resume {
        let mut watcher = Watcher::new(args.one.json, 0);
        match (app.provider.resume_directory(options, &mut watcher).await, &args.file) {
            (Err(ImportError::NotStaged), Some(_)) => {
                drop(watcher);
                app.provider.discard_directory().await?;
            }
            (outcome, _) => return watcher.finish(outcome),
        }
    }
    let path = args.file.unwrap_or_default();
    let file = match ExtractFile::open(&path) {
        Ok(file) => file,
        Err(error) => return unreadable(&path, error),
    };
    let mut watcher = Watcher::new(args.one.json, file.size);
    let mut lines = BufferedLines(file.reader);
    let outcome = app.provider.import_directory(&mut lines, options, &mut watcher).await;
    watcher.finish(outcome)
}

async fn status(args: OneArgs) -> anyhow::Result<ExitCode> {
    let app = args.target.open().await?;
    match app.provider.directory_run().await? {
        Some(run) => report::run(&run, args.json),
        None => report::nothing(args.json),
    }
    Ok(ExitCode::SUCCESS)
}

async fn discard(args: OneArgs) -> anyhow::Result<ExitCode> {
    let app = args.target.open().await?;
    match app.provider.discard_directory().await {
        Ok(run) => {
            report::discarded(&run, args.json);
            Ok(ExitCode::SUCCESS)
        }
        Err(error @ ImportError::NothingToResume) => {
            output::error(error);
            Ok(ExitCode::from(2))
        }
        Err(error) => Err(error.into()),
    }
}

async fn merge(args: MergeArgs) -> anyhow::Result<ExitCode> {
    let app: App = args.one.target.open().await?;
    let file = match ExtractFile::open(&args.file) {
        Ok(file) => file,
        Err(error) => return unreadable(&args.file, error),
    };
    let mut watcher = Watcher::new(args.one.json, 0);
    let mut lines = BufferedLines(file.reader);
    let outcome = app.provider.merge_directory(&mut lines, &mut watcher).await;
    watcher.finish_merge(outcome)
}

/// A file that is not there is a failure; one that is not what it should be is refused.
fn unreadable(path: &Path, error: ExtractFileError) -> anyhow::Result<ExitCode> {
    let path = path.display();
    match error {
        ExtractFileError::Io(error) => Err(anyhow::Error::new(error).context(format!("reading {path}"))),
        error => {
            output::error(format_args!("{path}: {error}; nothing was changed"));
            Ok(ExitCode::from(2))
        }
    }
}
