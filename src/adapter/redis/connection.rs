//! One connection to Redis for the whole process, opened again when it is lost.
//!
//! A connection is used only once it was checked: a primary of Redis 7 or later that evicts nothing (read from `INFO`,
//! never `CONFIG`), its generation known, the bells subscribed (RESP3). A call on a lost connection fails at once or
//! after [`PATIENCE`]; the next one opens a new connection. Whatever happens, a call ends within two seconds.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{
    AsyncConnectionConfig, Client, Cmd, ErrorKind, FromRedisValue, IntoConnectionInfo as _, Pipeline,
    ProtocolVersion, PushInfo, PushKind, RedisError, RedisResult, ScriptInvocation, TlsCertificates, Value,
};
use tokio::sync::Mutex;

use super::bells::Bells;
use super::generation::StoreGeneration;
use super::server::Server;
use crate::base::{Clock, Secret};
use crate::ports::{PortError, PortResult};

/// Which Redis, and how to get in.
#[derive(Clone, Debug)]
pub struct RedisSettings {
    /// `redis://host:port/db`, `rediss://…` or `redis+unix:///path`; with a user name at most.
    pub url: String,
    /// The password of the user.
    pub password: Option<Secret>,
    /// PEM of the authorities to trust instead of the system's.
    pub authorities: Option<String>,
    /// Every key begins with it.
    pub prefix: String,
}

impl RedisSettings {
    fn client(&self) -> RedisResult<Client> {
        let info = self.url.as_str().into_connection_info()?;
        let mut redis = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
        if let Some(password) = &self.password {
            redis = redis.set_password(password.expose());
        }
        let info = info.set_redis_settings(redis);
        match &self.authorities {
            None => Client::open(info),
            Some(pem) => {
                let tls = TlsCertificates { client_tls: None, root_cert: Some(pem.as_bytes().to_vec()) };
                Client::build_with_tls(info, tls)
            }
        }
    }
}

/// The connection of this process.
pub(super) struct Link {
    client: Client,
    channel: String,
    shared: Arc<Shared>,
    generation: StoreGeneration,
    clock: Arc<dyn Clock>,
    /// Held while a connection is opened, so that one caller does it for all.
    opening: Mutex<()>,
    failures: AtomicU64,
    opened: AtomicU64,
    untouched: AtomicBool,
}

/// What the reader of the connection touches.
struct Shared {
    line: RwLock<Option<Line>>,
    bells: Bells,
}

/// An open connection.
#[derive(Clone)]
pub(super) struct Line {
    serial: u64,
    connection: MultiplexedConnection,
}

impl Link {
    pub(super) fn new(settings: &RedisSettings, clock: Arc<dyn Clock>, untouched: bool) -> PortResult<Self> {
        Ok(Self {
            client: settings.client().map_err(|error| PortError::Unavailable(error.to_string()))?,
            channel: format!("{}:bells", settings.prefix),
            shared: Arc::new(Shared { line: RwLock::new(None), bells: Bells::new() }),
            generation: StoreGeneration::new(&settings.prefix),
            clock,
            opening: Mutex::new(()),
            failures: AtomicU64::new(0),
            opened: AtomicU64::new(0),
            untouched: AtomicBool::new(untouched),
        })
    }

    pub(super) fn bells(&self) -> &Bells {
        &self.shared.bells
    }

    pub(super) const fn generation(&self) -> &StoreGeneration {
        &self.generation
    }

    /// Where changes of approvals are told.
    pub(super) fn channel(&self) -> &str {
        &self.channel
    }

    pub(super) async fn run<T: FromRedisValue>(&self, command: &Cmd) -> PortResult<T> {
        let mut line = self.line().await?;
        let answer = tokio::time::timeout(PATIENCE, command.query_async(&mut line.connection)).await;
        self.judge(&line, answer.unwrap_or_else(|_| Err(late())))
    }

    pub(super) async fn run_all<T: FromRedisValue>(&self, line: &Line, commands: &Pipeline) -> PortResult<T> {
        let mut connection = line.connection.clone();
        let answer = tokio::time::timeout(PATIENCE, commands.query_async(&mut connection)).await;
        self.judge(line, answer.unwrap_or_else(|_| Err(late())))
    }

    /// Runs a script, loading it where Redis does not know it (yet, or any more).
    pub(super) async fn invoke<T: FromRedisValue>(&self, script: &ScriptInvocation<'_>) -> PortResult<T> {
        let mut line = self.line().await?;
        let answer = tokio::time::timeout(PATIENCE, script.invoke_async(&mut line.connection)).await;
        self.judge(&line, answer.unwrap_or_else(|_| Err(late())))
    }

    /// The open connection, or a new one. Callers that waited for an attempt in vain do not try again each in turn.
    pub(super) async fn line(&self) -> PortResult<Line> {
        if let Some(line) = self.shared.current() {
            return Ok(line);
        }
        let failures = self.failures.load(Ordering::SeqCst);
        let _turn = self.opening.lock().await;
        if let Some(line) = self.shared.current() {
            return Ok(line);
        }
        if self.failures.load(Ordering::SeqCst) != failures {
            return Err(PortError::Unavailable(String::from("redis: no connection")));
        }
        let opened = tokio::time::timeout(OPENING, self.open()).await;
        let opened = opened.unwrap_or_else(|_| Err(PortError::Unavailable(late().to_string())));
        if opened.is_err() {
            self.failures.fetch_add(1, Ordering::SeqCst);
        }
        opened
    }

    /// No longer uses `line`.
    pub(super) fn give_up(&self, line: &Line) {
        self.shared.lose(line.serial);
    }

    /// Steps: 1. connect; 2. check the server; 3. learn its generation; 4. listen to the bells; 5. let everybody use it.
    async fn open(&self) -> PortResult<Line> {
        let serial = self.opened.fetch_add(1, Ordering::SeqCst);
        let connection = self.client.get_multiplexed_async_connection_with_config(&self.config(serial)).await;
        let mut connection = connection.map_err(|error| unavailable(&error))?;
        let info: String =
            redis::cmd("INFO").query_async(&mut connection).await.map_err(|error| unavailable(&error))?;
        let server = Server::read(&info)?;
        let untouched = self.untouched.load(Ordering::SeqCst);
        self.generation
            .establish(&mut connection, &server.replication_id, self.clock.now(), untouched)
            .await
            .map_err(|error| unavailable(&error))?;
        self.untouched.store(false, Ordering::SeqCst);
        connection.subscribe(&self.channel).await.map_err(|error| unavailable(&error))?;
        let line = Line { serial, connection };
        self.shared.put(line.clone());
        // Whatever was told in between was not heard.
        self.shared.bells.ring_all();
        Ok(line)
    }

    fn config(&self, serial: u64) -> AsyncConnectionConfig {
        // Weak: the connection must not keep itself.
        let shared = Arc::downgrade(&self.shared);
        let hear = move |push: PushInfo| {
            let shared = shared.upgrade().ok_or(())?;
            match push.kind {
                PushKind::Disconnection => {
                    shared.lose(serial);
                    shared.bells.ring_all();
                }
                PushKind::Message => {
                    if let Some(Value::BulkString(key)) = push.data.last() {
                        shared.bells.of(key).notify_waiters();
                    }
                }
                _ => {}
            }
            Ok::<(), ()>(())
        };
        AsyncConnectionConfig::new()
            .set_connection_timeout(Some(OPENING))
            .set_response_timeout(Some(PATIENCE))
            .set_pipeline_buffer_size(PIPELINE)
            .set_push_sender(hear)
    }

    fn judge<T>(&self, line: &Line, answer: RedisResult<T>) -> PortResult<T> {
        let error = match answer {
            Ok(value) => return Ok(value),
            Err(error) => error,
        };
        let moved = matches!(error.code(), Some("READONLY" | "LOADING" | "MASTERDOWN" | "NOAUTH"));
        if error.is_unrecoverable_error() || error.is_io_error() || moved {
            self.give_up(line);
        }
        // These texts repeat what was read.
        let shape = matches!(error.kind(), ErrorKind::UnexpectedReturnType | ErrorKind::Parse);
        if shape || error.code() == Some("WRONGTYPE") {
            return Err(PortError::Corrupt(String::from("a value in redis has another shape")));
        }
        Err(unavailable(&error))
    }
}

impl Shared {
    fn current(&self) -> Option<Line> {
        self.line.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn put(&self, line: Line) {
        *self.line.write().unwrap_or_else(PoisonError::into_inner) = Some(line);
    }

    fn lose(&self, serial: u64) {
        let mut current = self.line.write().unwrap_or_else(PoisonError::into_inner);
        current.take_if(|line| line.serial == serial);
    }
}

fn late() -> RedisError {
    RedisError::from(std::io::Error::from(std::io::ErrorKind::TimedOut))
}

fn unavailable(error: &RedisError) -> PortError {
    PortError::Unavailable(format!("redis: {error}"))
}

/// How long an answer may take. With the time of opening, a call ends within two seconds.
const PATIENCE: Duration = Duration::from_millis(900);
/// How long opening and checking a connection may take.
const OPENING: Duration = Duration::from_secs(1);
/// Commands queued before callers wait.
const PIPELINE: usize = 1024;
