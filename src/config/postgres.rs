//! A PostgreSQL URL: where the database is. The password comes by file, and TLS is not a choice.

use std::path::PathBuf;

use url::Url;

use super::ConfigError;
use super::error::refuse_if;
use super::storage::has_password;

/// Where a PostgreSQL database is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Postgres {
    /// Host name or address; a folder, absolute, for a socket.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Host and port of other servers of the same cluster.
    pub standbys: Vec<(String, u16)>,
    /// Role.
    pub user: String,
    /// Database.
    pub database: String,
    /// Certificates (PEM) that may have signed the server's.
    pub root_cert: Option<PathBuf>,
    /// File of the password.
    pub password_file: Option<PathBuf>,
}

impl Postgres {
    /// `postgres://user@host[:port][,host[:port]]/database`, a socket's folder as `%2Ffolder`, `?sslrootcert=FILE`.
    pub(super) fn check(text: &str, password_file: Option<PathBuf>) -> Result<Self, ConfigError> {
        let (first, others) = hosts(text);
        let url = parsed(&first)?;
        refuse_if(has_password(&first), SQL, "carries a password: secrets come by file, never in a setting")?;
        let (host, port) = host(&url)?;
        let standbys =
            others.iter().map(|other| self::host(&parsed(other)?)).collect::<Result<Vec<_>, _>>()?;
        refuse_if(standbys.iter().any(|(host, _)| host.is_empty()), SQL, "names no host between two commas")?;
        let mut postgres = Self {
            host,
            port,
            standbys,
            user: decoded(url.username())?,
            database: decoded(url.path().trim_start_matches('/'))?,
            root_cert: None,
            password_file,
        };
        for (name, value) in url.query_pairs() {
            match &*name {
                "sslrootcert" => postgres.root_cert = Some(PathBuf::from(value.into_owned())),
                // Whatever is written: it is what is done.
                "target_session_attrs" if matches!(&*value, "read-write" | "primary") => {}
                "sslmode" => {
                    let reason =
                        "sslmode is not a choice: the server's certificate is verified, but on this machine";
                    return Err(ConfigError::refused(SQL, reason));
                }
                _ => {
                    return Err(ConfigError::refused(
                        SQL,
                        "has a parameter other than sslrootcert and target_session_attrs=read-write",
                    ));
                }
            }
        }
        refuse_if(postgres.host.is_empty(), SQL, "names no host: use postgres://user@host/database")?;
        refuse_if(postgres.user.is_empty(), SQL, "names no user: use postgres://user@host/database")?;
        let one_name = !postgres.database.is_empty() && !postgres.database.contains('/');
        refuse_if(!one_name, SQL, "names no database: use postgres://user@host/database")?;
        refuse_if(url.fragment().is_some(), SQL, "has a fragment")?;
        Ok(postgres)
    }

    /// The URL as it is understood.
    pub(super) fn display(&self) -> String {
        let Self { user, database, .. } = self;
        let first = std::iter::once((&self.host, &self.port));
        let others = self.standbys.iter().map(|(host, port)| (host, port));
        let places: Vec<String> = first.chain(others).map(|(host, port)| place(host, *port)).collect();
        let places = places.join(",");
        let parameter = self.root_cert.iter().map(|path| format!("?sslrootcert={}", path.display()));
        let parameter: String = parameter.collect();
        format!("postgres://{user}@{places}/{database}{parameter}")
    }
}

fn place(host: &str, port: u16) -> String {
    let host = if host.contains(':') { format!("[{host}]") } else { host.replace('/', "%2F") };
    format!("{host}:{port}")
}

/// The URL with its first host alone, and one for each other host. No URL has several; libpq's has.
fn hosts(text: &str) -> (String, Vec<String>) {
    let begin = text.find("://").map_or(0, |at| at.saturating_add(3));
    let (scheme, rest) = text.split_at_checked(begin).unwrap_or((text, ""));
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at_checked(end).unwrap_or((rest, ""));
    let (user, places) = authority.rsplit_once('@').unwrap_or(("", authority));
    let at = if authority.contains('@') { "@" } else { "" };
    let mut urls = places.split(',').map(|place| format!("{scheme}{user}{at}{place}{path}"));
    (urls.next().unwrap_or_default(), urls.collect())
}

fn parsed(text: &str) -> Result<Url, ConfigError> {
    Url::parse(text).map_err(|error| ConfigError::refused(SQL, format!("not a URL: {error}")))
}

fn host(url: &Url) -> Result<(String, u16), ConfigError> {
    let host = url.host_str().map(decoded).transpose()?.unwrap_or_default();
    let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    Ok((host, url.port().unwrap_or(USUAL_PORT)))
}

/// RFC 3986 2.1. A part of a URL where `+` is itself.
fn decoded(part: &str) -> Result<String, ConfigError> {
    let kept = part.replace('+', "%2B").replace('&', "%26");
    let pair = format!("part={kept}");
    let text = url::form_urlencoded::parse(pair.as_bytes()).next().map(|(_, text)| text.into_owned());
    let text = text.filter(|text| !text.contains(['\0', '\u{FFFD}']));
    text.ok_or_else(|| ConfigError::refused(SQL, "holds what is not text"))
}

const SQL: &str = "storage.sql";
const USUAL_PORT: u16 = 5432;
