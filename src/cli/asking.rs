//! What is asked before a change that cannot be taken back: each command says first what will happen.

use std::io::{BufRead as _, IsTerminal as _, Write as _};

use anyhow::Context as _;

use super::output;

/// How a command asks and answers.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Asking {
    /// Do it without asking; needed where there is no terminal to ask on
    #[arg(long)]
    yes: bool,
    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
}

impl Asking {
    /// Says what will happen, and whether it is agreed to.
    ///
    /// # Errors
    /// Nobody can be asked.
    pub(super) fn agreed(&self, told: &[String]) -> anyhow::Result<bool> {
        for line in told {
            if self.json {
                output::note(line);
            } else {
                output::line(line);
            }
        }
        if self.yes {
            return Ok(true);
        }
        let input = std::io::stdin();
        anyhow::ensure!(
            input.is_terminal(),
            "nothing was changed: there is no terminal to ask on, and --yes was not given"
        );
        let _ = write!(std::io::stderr(), "Continue? Type yes: ");
        let mut answer = String::new();
        input.lock().read_line(&mut answer).context("reading the answer")?;
        let agreed = answer.trim().eq_ignore_ascii_case("yes");
        if !agreed {
            output::error("nothing was changed");
        }
        Ok(agreed)
    }
}
