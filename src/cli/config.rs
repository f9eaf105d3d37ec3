//! `sceau config`: what a settings file means, before it is used.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::config::{Config, ConfigError, ProcessStrings, Strings, TestRootMark};

use super::output;

/// The settings file of commands that read it.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct ConfigFile {
    /// The settings file (TOML); settings of the environment (SCEAU__…) win over it
    #[arg(long = "config", env = "SCEAU_CONFIG", value_name = "FILE")]
    pub path: Option<PathBuf>,
}

/// Arguments of `sceau config`.
#[derive(Clone, Debug, clap::Args)]
pub struct ConfigArgs {
    #[command(subcommand)]
    command: ConfigCommand,
}

#[derive(Clone, Debug, clap::Subcommand)]
enum ConfigCommand {
    /// Read the settings as `serve` would and print what was understood; ends with 78 when they cannot be used
    Check {
        /// The settings file (TOML); without it, the environment alone
        #[arg(env = "SCEAU_CONFIG", value_name = "FILE")]
        file: Option<PathBuf>,
    },
    /// Print a settings file with every setting, its default and what it is for
    Example,
}

/// Runs `sceau config`.
#[must_use]
pub fn run(args: &ConfigArgs, mark: TestRootMark) -> ExitCode {
    match &args.command {
        ConfigCommand::Check { file } => match check(file.as_deref(), &ProcessStrings, mark) {
            Ok(lines) => {
                lines.iter().for_each(output::line);
                ExitCode::SUCCESS
            }
            Err(error) => {
                output::error(error);
                ExitCode::from(EX_CONFIG)
            }
        },
        ConfigCommand::Example => {
            output::line(Config::example().trim_end());
            ExitCode::SUCCESS
        }
    }
}

/// What was understood, a line per setting, then what an operator may not expect.
///
/// # Errors
/// Settings, or files they name, that cannot be used.
pub fn check(
    file: Option<&Path>,
    strings: &dyn Strings,
    mark: TestRootMark,
) -> Result<Vec<String>, ConfigError> {
    let config = Config::load(file, strings)?;
    let documents = config.documents(strings, mark)?;
    let mut lines: Vec<_> =
        config.summary().into_iter().map(|(setting, value)| format!("{setting} = {value}")).collect();
    lines.push(format!("# signing keys: {}", documents.policy.algorithms.join(", ")));
    if config.keys.kek_previous_file.is_some() {
        lines.push(String::from(
            "# two key-encryption keys: leave keys.kek_previous_file out once `sceau keys reseal` says that it is not needed",
        ));
    }
    if !config.mobile.can_enrol() {
        lines.push(String::from(
            "# no phone can be enrolled: mobile.attestation_roots and mobile.aaguids are empty",
        ));
    }
    if config.issuer.is_https() && config.http.tls.is_none() {
        lines.push(String::from("# plain HTTP: a proxy must end TLS before http.listen"));
    }
    Ok(lines)
}

/// The exit code of a configuration error (sysexits.h).
pub const EX_CONFIG: u8 = 78;
