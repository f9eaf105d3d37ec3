//! `sceau keys`: the keys of this provider.

use std::process::ExitCode;

use super::keys_reseal::{self, ResealArgs};

/// Arguments of `sceau keys`.
#[derive(Clone, Debug, clap::Args)]
pub struct KeysArgs {
    #[command(subcommand)]
    command: KeysCommand,
}

#[derive(Clone, Debug, clap::Subcommand)]
enum KeysCommand {
    /// Seal stored values and private keys anew under the keys in use, so that earlier ones are no longer needed
    ///
    /// Runs beside replicas that serve; ended at any point and run again, it does what is left. Ends with 2 when values
    /// do not open: they are named and stay as they are. On PostgreSQL, with the role that owns the tables.
    #[command(verbatim_doc_comment)]
    Reseal(ResealArgs),
}

/// Runs `sceau keys`.
pub async fn run(args: KeysArgs) -> ExitCode {
    match args.command {
        KeysCommand::Reseal(args) => keys_reseal::run(args).await,
    }
}
