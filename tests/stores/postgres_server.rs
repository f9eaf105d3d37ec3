//! A PostgreSQL server for tests: in a temporary folder, on a socket, gone with the process that started it.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use sceau::adapter::sql::PostgresSettings;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, ConnectOptions as _};

/// Contracts are about who wins, not about how fast: a loaded machine gets its time.
pub(super) const PATIENT: Duration = Duration::from_secs(20);

pub(super) struct Server {
    bin: PathBuf,
    folder: PathBuf,
    keeper: Child,
}

/// Waits at its standard input, which closes with the tests however they end.
const KEEPER: &str = r#"
"$1/postgres" -D "$2/data" -k "$2" -h "" -c fsync=off -c full_page_writes=off -c max_connections=300 \
    -c shared_buffers=32MB >>"$2/log" 2>&1 &
server=$!
read -r order
kill -QUIT $server
wait $server
if [ "$order" != keep ]; then rm -rf "$2"; fi
"#;

/// The server that all contracts share.
pub(super) fn shared() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(Server::start)
}

impl Server {
    pub(super) fn start() -> Self {
        let bin = programs();
        let folder = tempfile::Builder::new().prefix("sceau-postgres-").tempdir().unwrap().keep();
        std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o755)).unwrap();
        if is_root() {
            done(Command::new("chown").arg("postgres").arg(&folder));
        }
        let mut made = as_owner(&bin.join("initdb"));
        made.arg("-D").arg(folder.join("data"));
        done(made.args([
            "-U",
            "postgres",
            "--auth=trust",
            "--no-sync",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
        ]));
        let keeper = keep(&bin, &folder);
        let server = Self { bin, folder, keeper };
        server.wait_until_ready();
        server
    }

    /// As a crash of the machine's power would, but for the disk's cache.
    pub(super) fn kill(&mut self) {
        let pid = std::fs::read_to_string(self.folder.join("data/postmaster.pid")).unwrap();
        done(Command::new("kill").args(["-9", pid.lines().next().unwrap()]));
    }

    pub(super) fn start_again(&mut self) {
        self.release("keep");
        self.keeper = keep(&self.bin, &self.folder);
        self.wait_until_ready();
    }

    pub(super) fn stop(mut self) {
        self.release("remove");
    }

    fn release(&mut self, order: &str) {
        use std::io::Write as _;
        let mut input = self.keeper.stdin.take().unwrap();
        writeln!(input, "{order}").unwrap();
        self.keeper.wait().unwrap();
    }

    fn wait_until_ready(&self) {
        let begun = Instant::now();
        loop {
            let asked =
                Command::new(self.bin.join("pg_isready")).arg("-q").arg("-h").arg(&self.folder).status();
            if asked.unwrap().success() {
                return;
            }
            let log = || std::fs::read_to_string(self.folder.join("log")).unwrap_or_default();
            assert!(begun.elapsed() < Duration::from_mins(1), "PostgreSQL does not start: {}", log());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// A role with a schema of its own: a fresh database as far as a test can see.
    pub(super) async fn tenant(&self, patience: Duration) -> PostgresSettings {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let user = format!("tenant_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        let mut admin = self.connect("postgres").await;
        for text in
            [format!("CREATE ROLE {user} LOGIN"), format!("CREATE SCHEMA {user} AUTHORIZATION {user}")]
        {
            sqlx::query(AssertSqlSafe(text)).execute(&mut admin).await.unwrap();
        }
        PostgresSettings {
            host: self.folder.to_str().unwrap().to_owned(),
            port: 5432,
            standbys: Vec::new(),
            user,
            password: None,
            database: String::from("postgres"),
            root_cert: None,
            patience,
        }
    }

    /// The folder of its socket.
    pub(super) fn tenant_host(&self) -> String {
        self.folder.to_str().unwrap().to_owned()
    }

    /// A plain connection of a role.
    pub(super) async fn connect(&self, user: &str) -> PgConnection {
        let options = PgConnectOptions::new_without_pgpass().socket(&self.folder).username(user);
        options.database("postgres").connect().await.unwrap()
    }
}

fn keep(bin: &Path, folder: &Path) -> Child {
    let mut keeper = as_owner(Path::new("/bin/sh"));
    keeper.arg("-c").arg(KEEPER).arg("keeper").arg(bin).arg(folder);
    keeper.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// PostgreSQL refuses to run as root.
fn as_owner(program: &Path) -> Command {
    let mut command = if is_root() { Command::new("runuser") } else { Command::new(program) };
    if is_root() {
        command.args(["-u", "postgres", "--"]).arg(program);
    }
    command.current_dir("/");
    command
}

fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt as _;
    std::fs::metadata("/proc/self").unwrap().uid() == 0
}

/// The newest programs of Debian's layout.
fn programs() -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let found =
        versions.map(|version| version.path().join("bin")).filter(|bin| bin.join("initdb").exists()).max();
    found.expect("PostgreSQL is not here: install the Debian package `postgresql`, as `tests/run` does")
}

fn done(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}
