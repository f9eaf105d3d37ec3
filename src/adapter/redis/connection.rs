//! What is asked of Redis, on lines that are opened again when they are lost.
//!
//! A line is used only once it was checked: a primary of Redis 7 or later that evicts nothing (read from `INFO`, never
//! `CONFIG`), its generation known, the bells subscribed (RESP3). A call on a lost line fails at once or after
//! [`PATIENCE`]; the next one finds out where the primary is and opens a new line. In a cluster a key is followed to
//! where it has moved. Whatever happens, a call ends within two seconds.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use metrics::Histogram;
use redis::{Cmd, ErrorKind, FromRedisValue, RedisError, RedisResult, ServerErrorKind};
use tokio::sync::Mutex;
use tokio::time::{Instant as Deadline, timeout_at};
use tracing::Instrument as _;

use super::address::{Node, RedisSettings};
use super::bells::Bells;
use super::gather::Gathering;
use super::generation::StoreGeneration;
use super::lines::{Lines, Shard};
use super::opener::Opener;
use super::script::{Call, Script};
use crate::base::Clock;
use crate::ports::{PortError, PortResult, SPANS};

/// The lines of this process.
pub(super) struct Link {
    opener: Arc<Opener>,
    /// Held while lines are opened, so that one caller does it for all.
    opening: Mutex<()>,
    failures: AtomicU64,
    seconds: Histogram,
    gathering: Gathering,
}

/// What is asked of the shard that has a key.
struct Wish<'a> {
    key: &'a [u8],
    command: &'a Cmd,
    script: Option<&'a Script>,
    /// Whether the number of the shard's witness is read after it.
    witnessed: bool,
}

/// Where a cluster says that a key is.
enum Elsewhere {
    /// There from now on.
    Moved,
    /// There for this once.
    Ask(Node),
}

impl Link {
    pub(super) fn new(settings: &RedisSettings, clock: Arc<dyn Clock>, untouched: bool) -> PortResult<Self> {
        let opener = Opener::new(settings, clock, untouched);
        Ok(Self {
            opener: opener.map_err(|error| PortError::Unavailable(error.to_string()))?,
            opening: Mutex::new(()),
            failures: AtomicU64::new(0),
            seconds: metrics::histogram!("sceau_redis_seconds"),
            gathering: Gathering::new(),
        })
    }

    pub(super) fn bells(&self) -> &Bells {
        &self.opener.shared().bells
    }

    pub(super) fn generation(&self) -> &StoreGeneration {
        self.opener.generation()
    }

    /// Where changes of approvals are told.
    pub(super) fn channel(&self) -> &str {
        self.opener.channel()
    }

    /// Runs a command whose first argument is its key.
    pub(super) async fn run<T: FromRedisValue>(&self, command: &Cmd) -> PortResult<T> {
        let wish = Wish { key: key_of(command), command, script: None, witnessed: false };
        self.within_bound(wish).await.map(|(answer, _)| answer)
    }

    /// Runs a command and reads the number of the witness of its shard after it; on which lines.
    pub(super) async fn run_witnessed<T: FromRedisValue>(
        &self,
        command: &Cmd,
    ) -> PortResult<(T, Option<u64>, Arc<Lines>)> {
        let wish = Wish { key: key_of(command), command, script: None, witnessed: true };
        let ((answer, number), lines) = self.within_bound(wish).await?;
        Ok((answer, number, lines))
    }

    /// Runs a script, loading it where Redis does not know it (yet, or any more).
    pub(super) async fn invoke<T: FromRedisValue>(&self, call: &Call<'_>) -> PortResult<T> {
        let (key, command, script) = (call.key.as_bytes(), &call.command, Some(call.script));
        let wish = Wish { key, command, script, witnessed: false };
        self.within_bound(wish).await.map(|(answer, _)| answer)
    }

    /// The open lines, or new ones. Callers that waited for an attempt in vain do not try again each in turn.
    pub(super) async fn lines(&self) -> PortResult<Arc<Lines>> {
        let shared = self.opener.shared();
        if let Some(lines) = shared.current() {
            return Ok(lines);
        }
        let failures = self.failures.load(Ordering::SeqCst);
        let _turn = self.opening.lock().await;
        if let Some(lines) = shared.current() {
            return Ok(lines);
        }
        if self.failures.load(Ordering::SeqCst) != failures {
            return Err(PortError::Unavailable(String::from("redis: no connection")));
        }
        let opened = tokio::time::timeout(OPENING, self.opener.open()).await;
        let opened = opened.unwrap_or_else(|_| Err(unavailable(&late())));
        if opened.is_err() {
            self.failures.fetch_add(1, Ordering::SeqCst);
        }
        opened
    }

    /// Finds out again where `lines` lead, and checks them.
    pub(super) fn renew(&self, lines: &Arc<Lines>) {
        self.opener.shared().renew(lines);
    }

    async fn within_bound<T: FromRedisValue>(&self, wish: Wish<'_>) -> PortResult<(T, Arc<Lines>)> {
        let started = Instant::now();
        let asked = self.follow(wish, Deadline::now() + BOUND);
        let answer = asked.instrument(tracing::info_span!(target: SPANS, "redis")).await;
        self.seconds.record(started.elapsed());
        answer
    }

    /// [`Link::lines`], until `bound`; what is open needs no timer.
    async fn lines_until(&self, bound: Deadline) -> PortResult<Arc<Lines>> {
        match self.opener.shared().current() {
            Some(lines) => Ok(lines),
            None => timeout_at(bound, self.lines()).await.unwrap_or_else(|_| Err(unavailable(&late()))),
        }
    }

    /// Asks the shard of the key, and where the cluster sends it from there, until `bound`.
    async fn follow<T: FromRedisValue>(
        &self,
        wish: Wish<'_>,
        bound: Deadline,
    ) -> PortResult<(T, Arc<Lines>)> {
        let mut lines = self.lines_until(bound).await?;
        let mut shard = lines.of(wish.key).cloned();
        let mut asking = false;
        for _ in 0..HOPS {
            let Some(target) = &shard else { break };
            let until = bound.min(Deadline::now() + PATIENCE);
            let asked = self.gathering.hand_over(wish.ask(target, asking));
            let error = match timeout_at(until, asked).await {
                Ok(Ok(answer)) => return Ok((answer, lines)),
                Ok(Err(error)) => error,
                // What was left of the time was too short to say anything of the line.
                Err(_) if until == bound => return Err(unavailable(&late())),
                Err(_) => late(),
            };
            match elsewhere(&error, target) {
                None => return Err(self.judge(&lines, target, &error)),
                Some(Elsewhere::Ask(node)) => (shard, asking) = (lines.at(&node).cloned(), true),
                Some(Elsewhere::Moved) => {
                    self.renew(&lines);
                    lines = self.lines_until(bound).await?;
                    (shard, asking) = (lines.of(wish.key).cloned(), false);
                }
            }
        }
        Err(PortError::Unavailable(String::from("redis: the cluster is moving this key")))
    }

    fn judge(&self, lines: &Arc<Lines>, shard: &Shard, error: &RedisError) -> PortError {
        let refused = matches!(error.code(), Some("READONLY" | "LOADING" | "MASTERDOWN" | "NOAUTH"));
        if error.is_unrecoverable_error() || error.is_io_error() || refused {
            self.opener.shared().lose(shard.line.serial);
        }
        if error.code() == Some("CLUSTERDOWN") {
            self.renew(lines);
        }
        // These texts repeat what was read.
        let shape = matches!(error.kind(), ErrorKind::UnexpectedReturnType | ErrorKind::Parse);
        if shape || error.code() == Some("WRONGTYPE") {
            return PortError::Corrupt(String::from("a value in redis has another shape"));
        }
        unavailable(error)
    }
}

impl Wish<'_> {
    async fn ask<T: FromRedisValue>(&self, shard: &Shard, asking: bool) -> RedisResult<T> {
        let answer = self.send(shard, asking).await;
        match (answer, self.script) {
            (Err(error), Some(script)) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
                script.load(&mut shard.line.connection.clone()).await?;
                self.send(shard, asking).await
            }
            (answer, _) => answer,
        }
    }

    async fn send<T: FromRedisValue>(&self, shard: &Shard, asking: bool) -> RedisResult<T> {
        let mut connection = shard.line.connection.clone();
        if !asking && !self.witnessed {
            return self.command.query_async(&mut connection).await;
        }
        let mut commands = redis::pipe();
        if asking {
            commands.cmd("ASKING").ignore();
        }
        commands.add_command(self.command.clone());
        if self.witnessed {
            commands.cmd("HGET").arg(&shard.witness).arg("number");
            return commands.query_async(&mut connection).await;
        }
        let (answer,) = commands.query_async(&mut connection).await?;
        Ok(answer)
    }
}

/// Where `error` of `shard` sends; a host left out is the same.
fn elsewhere(error: &RedisError, shard: &Shard) -> Option<Elsewhere> {
    let moved = ErrorKind::Server(ServerErrorKind::Moved);
    if error.kind() == moved {
        return Some(Elsewhere::Moved);
    }
    if error.kind() != ErrorKind::Server(ServerErrorKind::Ask) {
        return None;
    }
    let errors = error.clone().into_server_errors()?;
    let (_, told) = errors.first()?;
    let (host, port) = told.details()?.split_ascii_whitespace().nth(1)?.rsplit_once(':')?;
    let same = shard.line.node.as_ref().map(|node| node.host.as_str()).unwrap_or_default();
    let host = if host.is_empty() { same } else { host };
    Some(Elsewhere::Ask(Node { host: host.to_owned(), port: port.parse().ok()? }))
}

/// The first argument.
fn key_of(command: &Cmd) -> &[u8] {
    match command.args_iter().nth(1) {
        Some(redis::Arg::Simple(key)) => key,
        _ => &[],
    }
}

pub(super) fn late() -> RedisError {
    RedisError::from(std::io::Error::from(std::io::ErrorKind::TimedOut))
}

pub(super) fn unavailable(error: &RedisError) -> PortError {
    PortError::Unavailable(format!("redis: {error}"))
}

/// How long an answer may take. With the time of opening, a call ends within two seconds.
pub(super) const PATIENCE: Duration = Duration::from_millis(900);
/// How long opening and checking lines may take.
pub(super) const OPENING: Duration = Duration::from_secs(1);
/// How long a call may take that is sent elsewhere.
const BOUND: Duration = Duration::from_millis(1900);
/// How often a key is followed.
const HOPS: usize = 4;
