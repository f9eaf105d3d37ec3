//! Which Redis, and how to get in: one server, the primary that sentinels name, or the masters of a cluster.

use std::fmt;

use redis::{
    Client, ConnectionAddr, ConnectionInfo, IntoConnectionInfo as _, ProtocolVersion, RedisConnectionInfo,
    RedisResult, TlsCertificates,
};

use crate::base::Secret;

/// A server of several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Name or address, without brackets.
    pub host: String,
    /// Port.
    pub port: u16,
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

/// The servers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Servers {
    /// `redis://host:port/db`, `rediss://…` or `redis+unix:///path`; with a user name at most.
    One(String),
    /// The primary of a name, which sentinels know.
    Sentinel(Box<Watched>),
    /// The masters of a cluster, which its nodes know.
    Cluster {
        /// Some of its nodes.
        seeds: Vec<Node>,
        /// Who logs in; none: the default user.
        user: Option<String>,
        /// Whether every line is encrypted.
        tls: bool,
    },
}

/// A primary that sentinels watch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watched {
    /// The sentinels.
    pub sentinels: Vec<Node>,
    /// Its name among them.
    pub name: String,
    /// Number of the database.
    pub database: i64,
    /// Who logs in to the primary; none: the default user.
    pub user: Option<String>,
    /// Who logs in to the sentinels; none: the default user.
    pub sentinel_user: Option<String>,
    /// Whether every line is encrypted, to the sentinels too.
    pub tls: bool,
}

/// Which Redis, and how to get in.
#[derive(Clone, Debug)]
pub struct RedisSettings {
    /// Where it is.
    pub servers: Servers,
    /// The password of the user.
    pub password: Option<Secret>,
    /// The password of the sentinels.
    pub sentinel_password: Option<Secret>,
    /// PEM of the authorities to trust instead of the system's.
    pub authorities: Option<String>,
    /// Every key begins with it.
    pub prefix: String,
}

impl RedisSettings {
    /// The way to the only server, at `url`.
    pub(super) fn to_one(&self, url: &str) -> RedisResult<Client> {
        let info = url.into_connection_info()?;
        let login = login(info.redis_settings().clone(), self.password.as_ref());
        self.client(info.set_redis_settings(login))
    }

    /// The way to a primary or a master.
    pub(super) fn to_node(&self, node: &Node) -> RedisResult<Client> {
        let (user, database, tls) = match &self.servers {
            Servers::One(_) => (None, 0, false),
            Servers::Sentinel(watched) => (watched.user.as_ref(), watched.database, watched.tls),
            Servers::Cluster { user, tls, .. } => (user.as_ref(), 0, *tls),
        };
        let plain = RedisConnectionInfo::default().set_db(database);
        let login = login(named(plain, user), self.password.as_ref());
        self.client(address(node, tls).into_connection_info()?.set_redis_settings(login))
    }

    /// The way to a sentinel.
    pub(super) fn to_sentinel(&self, node: &Node, watched: &Watched) -> RedisResult<Client> {
        let plain = named(RedisConnectionInfo::default(), watched.sentinel_user.as_ref());
        let login = login(plain, self.sentinel_password.as_ref());
        self.client(address(node, watched.tls).into_connection_info()?.set_redis_settings(login))
    }

    fn client(&self, info: ConnectionInfo) -> RedisResult<Client> {
        match &self.authorities {
            None => Client::open(info),
            Some(pem) => {
                let tls = TlsCertificates { client_tls: None, root_cert: Some(pem.as_bytes().to_vec()) };
                Client::build_with_tls(info, tls)
            }
        }
    }
}

fn address(node: &Node, tls: bool) -> ConnectionAddr {
    let (host, port) = (node.host.clone(), node.port);
    if tls {
        ConnectionAddr::TcpTls { host, port, insecure: false, tls_params: None }
    } else {
        ConnectionAddr::Tcp(host, port)
    }
}

fn named(login: RedisConnectionInfo, user: Option<&String>) -> RedisConnectionInfo {
    match user {
        Some(user) => login.set_username(user),
        None => login,
    }
}

fn login(login: RedisConnectionInfo, password: Option<&Secret>) -> RedisConnectionInfo {
    // Bells are heard on the same connection (RESP3).
    let login = login.set_protocol(ProtocolVersion::RESP3);
    match password {
        Some(password) => login.set_password(password.expose()),
        None => login,
    }
}
