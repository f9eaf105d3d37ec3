//! Several Redis servers: a primary with a replica and sentinels, or a cluster.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use sceau::adapter::redis::{Node, RedisSettings, Servers, Watched};

use super::redis_server::{Server, WATCH};

/// A server and the port at which the others find it.
pub(super) struct Listening {
    pub(super) server: Server,
    pub(super) port: u16,
}

impl Listening {
    fn start(options: &[&str]) -> Self {
        let port = free_port();
        let text = port.to_string();
        let listening = ["--port", &text, "--bind", "127.0.0.1", "--repl-diskless-sync-delay", "0"];
        Self { server: Server::start(&[listening.as_slice(), options].concat()), port }
    }

    pub(super) fn node(&self) -> Node {
        Node { host: String::from("127.0.0.1"), port: self.port }
    }

    /// Until `INFO` has every one of `lines`.
    pub(super) async fn says(&self, lines: &[&str]) {
        patiently(async || {
            let info: String = self.server.ask(&["INFO"]).await;
            lines.iter().all(|wanted| info.lines().any(|line| line == *wanted))
        })
        .await;
    }
}

/// Servers of which sentinels know the primary.
pub(super) struct Group {
    pub(super) servers: Vec<Listening>,
    sentinels: Vec<Sentinel>,
}

impl Group {
    /// A primary, a replica, and three sentinels.
    pub(super) async fn start() -> Self {
        let primary = Listening::start(&[]);
        let replica = Listening::start(&["--replicaof", "127.0.0.1", &primary.port.to_string()]);
        replica.says(&["master_link_status:up"]).await;
        let sentinels: Vec<Sentinel> = (0..3).map(|_| Sentinel::start(primary.port)).collect();
        let group = Self { servers: vec![primary, replica], sentinels };
        for sentinel in &group.sentinels {
            patiently(async || {
                let facts = sentinel.ask(&["MASTER", NAME]).await;
                let fact =
                    |name| facts.iter().position(|field| field == name).map(|at| facts[at + 1].as_str());
                fact("num-slaves") == Some("1") && fact("num-other-sentinels") == Some("2")
            })
            .await;
        }
        group
    }

    pub(super) fn settings(&self, prefix: &str) -> RedisSettings {
        let node = |sentinel: &Sentinel| Node { host: String::from("127.0.0.1"), port: sentinel.port };
        let servers = Servers::Sentinel(Box::new(Watched {
            sentinels: self.sentinels.iter().map(node).collect(),
            name: String::from(NAME),
            database: 0,
            user: None,
            sentinel_user: None,
            tls: false,
        }));
        RedisSettings { servers, prefix: prefix.to_owned(), ..self.servers[0].server.settings() }
    }

    /// Every sentinel takes the server at `port` for the primary from now on.
    pub(super) async fn name(&self, port: u16) {
        for sentinel in &self.sentinels {
            sentinel.ask(&["REMOVE", NAME]).await;
            sentinel.ask(&["MONITOR", NAME, "127.0.0.1", &port.to_string(), "2"]).await;
        }
    }
}

struct Sentinel {
    port: u16,
    watched: Child,
    _folder: tempfile::TempDir,
}

impl Sentinel {
    fn start(primary: u16) -> Self {
        let (folder, port) = (tempfile::tempdir().unwrap(), free_port());
        let file = folder.path().join("sentinel.conf");
        let text = format!(
            "port {port}\nbind 127.0.0.1\ndir {}\nsentinel monitor {NAME} 127.0.0.1 {primary} 2\n\
             sentinel down-after-milliseconds {NAME} 1000\nsentinel failover-timeout {NAME} 5000\n",
            folder.path().display()
        );
        std::fs::write(&file, text).unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", WATCH, "sh"]).arg(file).arg("--sentinel");
        let watched =
            command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        Self { port, watched, _folder: folder }
    }

    /// A command of `SENTINEL`; its answer as words, none while it does not answer.
    async fn ask(&self, words: &[&str]) -> Vec<String> {
        let client = redis::Client::open(format!("redis://127.0.0.1:{}", self.port)).unwrap();
        let Ok(mut connection) = client.get_multiplexed_async_connection().await else { return Vec::new() };
        let mut command = redis::cmd("SENTINEL");
        command.arg(words).query_async(&mut connection).await.unwrap_or_default()
    }
}

impl Drop for Sentinel {
    fn drop(&mut self) {
        drop(self.watched.stdin.take());
        let _ = self.watched.wait();
    }
}

/// Three masters, each with a replica: 0 to 2, then 3 to 5.
pub(super) struct Cluster {
    pub(super) nodes: Vec<Listening>,
}

impl Cluster {
    pub(super) async fn start() -> Self {
        let options =
            ["--cluster-enabled", "yes", "--cluster-node-timeout", "1000", "--cluster-config-file", "n"];
        // The ports on which nodes speak to each other are not asked for: one may be taken.
        let made = || {
            let nodes: Vec<Listening> = (0..6).map(|_| Listening::start(&options)).collect();
            let mut create = Command::new("redis-cli");
            create.args(["--cluster", "create"]);
            create.args(nodes.iter().map(|node| node.node().to_string()));
            create.args(["--cluster-replicas", "1", "--cluster-yes"]).stdout(Stdio::null());
            create.status().unwrap().success().then_some(nodes)
        };
        let nodes = (0..3).find_map(|_| made()).expect("redis-cli --cluster create");
        for node in &nodes {
            patiently(async || {
                let info: String = node.server.ask(&["CLUSTER", "INFO"]).await;
                info.contains("cluster_state:ok") && info.contains("cluster_known_nodes:6")
            })
            .await;
        }
        for replica in &nodes[3..] {
            replica.says(&["master_link_status:up"]).await;
        }
        Self { nodes }
    }

    pub(super) fn settings(&self, prefix: &str) -> RedisSettings {
        let seeds = vec![self.nodes[1].node(), self.nodes[4].node()];
        let servers = Servers::Cluster { seeds, user: None, tls: false };
        RedisSettings { servers, prefix: prefix.to_owned(), ..self.nodes[0].server.settings() }
    }
}

/// Until `test` is true.
pub(super) async fn patiently(test: impl AsyncFn() -> bool) {
    let begun = Instant::now();
    while !test().await {
        assert!(begun.elapsed() < Duration::from_secs(30), "not within 30 s");
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
}

/// One that nobody had a moment ago; the bus of a cluster is 10 000 higher.
fn free_port() -> u16 {
    loop {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        if port < 55_000 {
            return port;
        }
    }
}

const NAME: &str = "mymaster";
