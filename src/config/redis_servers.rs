//! The address of Redis: one server, sentinels with the name of a primary, or nodes of a cluster.

use url::Url;

use super::ConfigError;
use super::error::refuse_if;

/// Where Redis is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RedisServers {
    /// `redis://`, `rediss://` or `redis+unix://`, as it is written.
    One(String),
    /// `redis+sentinel://` or `rediss+sentinel://`.
    Sentinel {
        /// Host and port of each sentinel.
        sentinels: Vec<(String, u16)>,
        /// The name of the primary.
        name: String,
        /// Number of the database.
        database: u16,
        /// Who logs in to the primary.
        user: Option<String>,
        /// Who logs in to the sentinels.
        sentinel_user: Option<String>,
    },
    /// `redis+cluster://` or `rediss+cluster://`.
    Cluster {
        /// Host and port of some nodes.
        seeds: Vec<(String, u16)>,
        /// Who logs in.
        user: Option<String>,
    },
}

impl RedisServers {
    pub(super) fn read(text: &str) -> Result<Self, ConfigError> {
        let rest = |schemes: [&str; 2]| schemes.iter().find_map(|scheme| text.strip_prefix(scheme));
        if let Some(rest) = rest(["redis+sentinel://", "rediss+sentinel://"]) {
            return sentinel(rest);
        }
        if let Some(rest) = rest(["redis+cluster://", "rediss+cluster://"]) {
            return cluster(rest);
        }
        check_one(text)?;
        Ok(Self::One(text.to_owned()))
    }
}

fn sentinel(rest: &str) -> Result<RedisServers, ConfigError> {
    let (rest, query) = rest.split_once('?').map_or((rest, None), |(rest, query)| (rest, Some(query)));
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let (user, sentinels) = authority_of(authority, 26_379)?;
    let (name, database) = path.split_once('/').unwrap_or((path, ""));
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    refuse_if(name.is_empty() || !name.bytes().all(plain), REDIS, NAME)?;
    let database = if database.is_empty() { Ok(0) } else { database.parse() };
    let database = database.map_err(|_| ConfigError::refused(REDIS, DATABASE))?;
    let sentinel_user = match query.map(|query| query.strip_prefix("sentinel_user=")) {
        None => None,
        Some(Some(user)) => Some(user_of(user)?),
        Some(None) => {
            return Err(ConfigError::refused(REDIS, "may have the parameter sentinel_user only"));
        }
    };
    Ok(RedisServers::Sentinel { sentinels, name: name.to_owned(), database, user, sentinel_user })
}

fn cluster(rest: &str) -> Result<RedisServers, ConfigError> {
    let authority = rest.strip_suffix('/').unwrap_or(rest);
    let alone = "names hosts only: a cluster has one database and no parameters";
    refuse_if(authority.contains(['/', '?']), REDIS, alone)?;
    let (user, seeds) = authority_of(authority, 6379)?;
    Ok(RedisServers::Cluster { seeds, user })
}

type Nodes = Vec<(String, u16)>;

/// `user@host:port,host:port`.
fn authority_of(text: &str, usual: u16) -> Result<(Option<String>, Nodes), ConfigError> {
    refuse_if(text.contains('#'), REDIS, "has a fragment, which means nothing here")?;
    let (user, hosts) = match text.rsplit_once('@') {
        Some((user, hosts)) => (Some(user_of(user)?), hosts),
        None => (None, text),
    };
    let nodes = hosts.split(',').map(|host| node(host, usual)).collect::<Option<Nodes>>();
    let nodes = nodes.ok_or_else(|| ConfigError::refused(REDIS, HOSTS))?;
    Ok((user, nodes))
}

fn user_of(text: &str) -> Result<String, ConfigError> {
    refuse_if(text.contains(':'), REDIS, PASSWORD)?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    refuse_if(
        text.is_empty() || !text.bytes().all(plain),
        REDIS,
        "has a user name of other than a-z, 0-9, . _ -",
    )?;
    Ok(text.to_owned())
}

fn node(text: &str, usual: u16) -> Option<(String, u16)> {
    // Checked as any address is: names, IPv4, IPv6 in brackets.
    let url = Url::parse(&format!("redis://{text}")).ok()?;
    let alone = url.path().is_empty() && url.query().is_none() && url.username().is_empty();
    let host = url.host_str().filter(|_| alone)?.trim_matches(['[', ']']);
    let named = !host.is_empty() && !host.contains('%');
    named.then(|| (host.to_owned(), url.port().unwrap_or(usual)))
}

fn check_one(text: &str) -> Result<(), ConfigError> {
    let url = Url::parse(text).map_err(|_| ConfigError::refused(REDIS, "is not an address"))?;
    refuse_if(url.fragment().is_some(), REDIS, "has a fragment, which means nothing here")?;
    match url.scheme() {
        "redis" | "rediss" => {
            refuse_if(url.host().is_none(), REDIS, "names no host: use redis://host:port/db")?;
            refuse_if(url.query().is_some(), REDIS, "has parameters: use redis://host:port/db")?;
            let database = url.path().strip_prefix('/').unwrap_or_default();
            refuse_if(!database.is_empty() && database.parse::<u16>().is_err(), REDIS, DATABASE)
        }
        "redis+unix" => {
            let named = url.host().is_none() && url.path().len() > 1;
            refuse_if(!named, REDIS, "names no socket: use redis+unix:///path")?;
            let strange = url.query_pairs().any(|(name, _)| name != "db" && name != "user");
            refuse_if(strange, REDIS, "may have the parameters db and user only")
        }
        _ => Err(ConfigError::refused(
            REDIS,
            "must be redis://, redis+sentinel://, redis+cluster://, the same with rediss, or redis+unix://",
        )),
    }
}

pub(super) const PASSWORD: &str = "carries a password: use storage.redis_password_file";
const REDIS: &str = super::redis::REDIS;
const DATABASE: &str = "must end in the number of a database, or in nothing";
const HOSTS: &str = "must name hosts as host:port,host:port,host:port";
const NAME: &str = "must name its primary: use redis+sentinel://host:26379,host:26379,host:26379/name/0";
