//! Real Redis servers: one that all tests share, and others to be killed.

use std::io::Read as _;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use sceau::adapter::redis::{RedisSettings, Servers};

/// A server on a socket in a folder of its own. It ends with this value or with this process, whichever is first.
pub(crate) struct Server {
    folder: tempfile::TempDir,
    options: Vec<String>,
    watched: Option<Child>,
}

/// The server of all tests.
pub(crate) fn shared() -> &'static Server {
    static SHARED: OnceLock<Server> = OnceLock::new();
    SHARED.get_or_init(|| Server::start(&[]))
}

impl Server {
    pub(crate) fn start(options: &[&str]) -> Self {
        let found = Command::new("redis-server").arg("--version").stdout(Stdio::null()).status();
        assert!(found.is_ok(), "redis-server is missing: on Debian, apt-get install redis-server");
        let folder = tempfile::tempdir().unwrap();
        let options = options.iter().map(|&option| option.to_owned()).collect();
        let mut server = Self { folder, options, watched: None };
        server.start_again();
        server
    }

    /// Starts it where it was, without its data.
    pub(crate) fn start_again(&mut self) {
        let mut watched = Command::new("sh")
            .args(["-c", WATCH, "sh"])
            .args(["--port", "0", "--save", "", "--daemonize", "no", "--dir"])
            .arg(self.folder.path())
            .arg("--unixsocket")
            .arg(self.socket())
            .args(["--maxmemory-policy", "noeviction"])
            .args(&self.options)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            // The shell tells of the kill.
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let begun = Instant::now();
        while UnixStream::connect(self.socket()).is_err() {
            assert!(watched.try_wait().unwrap().is_none(), "redis-server did not start");
            assert!(begun.elapsed() < Duration::from_secs(30), "redis-server does not answer");
            std::thread::sleep(Duration::from_millis(10));
        }
        self.watched = Some(watched);
    }

    /// Kills it (SIGKILL).
    pub(crate) fn kill(&mut self) {
        let Some(mut watched) = self.watched.take() else { return };
        drop(watched.stdin.take());
        watched.wait().unwrap();
        // The socket is left behind, as after any kill.
        let gone = UnixStream::connect(self.socket()).and_then(|mut socket| socket.read(&mut [0]));
        assert!(gone.is_err(), "still there");
    }

    pub(crate) fn settings(&self) -> RedisSettings {
        RedisSettings {
            servers: Servers::One(self.url()),
            password: None,
            sentinel_password: None,
            authorities: None,
            prefix: String::from("sceau"),
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("redis+unix://{}", self.socket().display())
    }

    /// Sends a command as an operator.
    pub(crate) async fn command(&self, words: &[&str]) {
        let client = redis::Client::open(self.url()).unwrap();
        let mut connection = client.get_multiplexed_async_connection().await.unwrap();
        let mut command = redis::cmd(words[0]);
        command.arg(&words[1..]);
        command.exec_async(&mut connection).await.unwrap();
    }

    /// Sends a command as an operator; its answer.
    pub(crate) async fn ask<T: redis::FromRedisValue>(&self, words: &[&str]) -> T {
        let client = redis::Client::open(self.url()).unwrap();
        let mut connection = client.get_multiplexed_async_connection().await.unwrap();
        let mut command = redis::cmd(words[0]);
        command.arg(&words[1..]);
        command.query_async(&mut connection).await.unwrap()
    }

    pub(super) fn socket(&self) -> PathBuf {
        self.folder.path().join("r.sock")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Kills the server when its own input ends: when this process closes the pipe, or is no more.
pub(super) const WATCH: &str = "redis-server \"$@\" </dev/null & server=$!; cat >/dev/null; kill -9 $server 2>/dev/null; wait $server; exit 0";
