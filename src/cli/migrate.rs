//! `sceau migrate`: the schema of the database, brought to what this program needs.

use std::process::ExitCode;

use crate::adapter::webauthn::is_test_root;
use crate::base::OsEntropy;
use crate::config::{Config, ProcessStrings, Sql};

use super::config::ConfigFile;
use super::{open, output};

/// Arguments of `sceau migrate`.
#[derive(Clone, Debug, clap::Args)]
pub struct MigrateArgs {
    #[command(flatten)]
    config: ConfigFile,
}

/// Runs `sceau migrate`.
pub async fn run(args: MigrateArgs) -> ExitCode {
    match migrate(&args).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => output::failed(&error),
    }
}

async fn migrate(args: &MigrateArgs) -> anyhow::Result<()> {
    let config = Config::load(args.config.path.as_deref(), &ProcessStrings)?;
    let documents = config.documents(&ProcessStrings, is_test_root)?;
    if matches!(config.storage.sql, Sql::Sqlite(_)) {
        // A file that exists is taken for one in use: its key is made first.
        config.keys.kek(&config.storage, &OsEntropy)?;
    }
    let migrated = open::durable(&config, &documents).migrate().await?;
    if migrated.from == migrated.to {
        output::line(format_args!("The schema is at version {} already.", migrated.to));
    } else {
        output::line(format_args!("The schema went from version {} to {}.", migrated.from, migrated.to));
    }
    Ok(())
}
