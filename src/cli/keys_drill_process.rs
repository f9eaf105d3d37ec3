//! Processes of this program for `sceau keys drill`: in its folder, without the settings of its environment, and none
//! outlives it.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use serde_json::Value;
use tokio::time::Instant;

use crate::telemetry::LOG_VARIABLE;

/// Between two looks at a process.
const LOOK: Duration = Duration::from_millis(5);
/// A process that opens a new database on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);
/// A process told to stop.
const PARTING: Duration = Duration::from_secs(5);
/// Every setting of this program in the environment begins with it.
const SETTINGS: &str = "SCEAU";

/// A process that ends with this value.
pub(super) struct Process {
    child: Child,
    said: PathBuf,
    log: PathBuf,
}

impl Process {
    /// Runs `words` in `folder`. Its log is a file named after `name` in `logs`.
    pub(super) fn spawn(words: &[&str], folder: &Path, (logs, name): (&Path, &str)) -> anyhow::Result<Self> {
        let program = std::env::current_exe().context("the path of this program")?;
        let (said, log) = (folder.join(format!("{name}.out")), logs.join(format!("{name}.log")));
        let mut command = Command::new(program);
        for (variable, _) in std::env::vars_os() {
            if variable.to_string_lossy().starts_with(SETTINGS) {
                command.env_remove(variable);
            }
        }
        command.args(words).current_dir(folder).env(LOG_VARIABLE, "json");
        command.stdin(Stdio::piped());
        command.stdout(File::create(&said).context("a temporary file")?);
        command.stderr(File::create(&log).context("a temporary file")?);
        let child = command.spawn().context("another process of this program")?;
        Ok(Self { child, said, log })
    }

    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it printed, once it has ended well.
    pub(super) async fn said(mut self) -> anyhow::Result<Value> {
        let status = self.ended(PATIENCE).await?.context("a command did not end in time")?;
        ensure!(status.success(), "a command failed: {}", self.last_words());
        serde_json::from_slice(&std::fs::read(&self.said)?).context("what a command printed")
    }

    /// The port of a process that serves, from the line of its log that says it is ready.
    pub(super) async fn port(&mut self) -> anyhow::Result<u16> {
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until {
            if let Some(port) = std::fs::read_to_string(&self.log)?.lines().find_map(ready) {
                return Ok(port);
            }
            if self.child.try_wait()?.is_some() {
                bail!("a replica did not start: {}", self.last_words());
            }
            tokio::time::sleep(LOOK).await;
        }
        bail!("a replica was not ready in time")
    }

    /// Lets a process that serves go as it would in service: its input ends.
    pub(super) async fn dismiss(&mut self) -> anyhow::Result<()> {
        drop(self.child.stdin.take());
        let status = self.ended(PARTING).await?.context("a process did not stop")?;
        ensure!(status.success(), "a process did not stop well: {}", self.last_words());
        Ok(())
    }

    async fn ended(&mut self, patience: Duration) -> anyhow::Result<Option<ExitStatus>> {
        let until = Instant::now() + patience;
        loop {
            let status = self.child.try_wait()?;
            if status.is_some() || Instant::now() >= until {
                return Ok(status);
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    fn last_words(&self) -> String {
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        log.lines().last().unwrap_or("it said nothing").to_owned()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both are nothing to a process that has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The public port in the line `ready` of `sceau serve`.
fn ready(line: &str) -> Option<u16> {
    let line: Value = serde_json::from_str(line).ok()?;
    if line.get("message")?.as_str()? != "ready" {
        return None;
    }
    line.get("listen")?.as_str()?.rsplit_once(':')?.1.parse().ok()
}
