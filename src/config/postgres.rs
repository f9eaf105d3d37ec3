//! A PostgreSQL URL: where the database is. The password comes by file, and TLS is not a choice.

use std::path::PathBuf;

use url::Url;

use super::ConfigError;
use super::error::refuse_if;

/// Where a PostgreSQL database is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Postgres {
    /// Host name or address; a folder, absolute, for a socket.
    pub host: String,
    /// Port.
    pub port: u16,
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
    /// `postgres://user@host[:port]/database`, a socket's folder as `%2Ffolder`, `?sslrootcert=FILE`.
    pub(super) fn check(text: &str, password_file: Option<PathBuf>) -> Result<Self, ConfigError> {
        let url =
            Url::parse(text).map_err(|error| ConfigError::refused(SQL, format!("not a URL: {error}")))?;
        let host = url.host_str().map(decoded).transpose()?.unwrap_or_default();
        let mut postgres = Self {
            host: host.trim_start_matches('[').trim_end_matches(']').to_owned(),
            port: url.port().unwrap_or(USUAL_PORT),
            user: decoded(url.username())?,
            database: decoded(url.path().trim_start_matches('/'))?,
            root_cert: None,
            password_file,
        };
        for (name, value) in url.query_pairs() {
            match &*name {
                "sslrootcert" => postgres.root_cert = Some(PathBuf::from(value.into_owned())),
                "sslmode" => {
                    let reason =
                        "sslmode is not a choice: the server's certificate is verified, but on this machine";
                    return Err(ConfigError::refused(SQL, reason));
                }
                _ => {
                    return Err(ConfigError::refused(SQL, "has a parameter other than sslrootcert"));
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
        let Self { host, port, user, database, .. } = self;
        let place = if host.contains(':') { format!("[{host}]") } else { host.replace('/', "%2F") };
        let parameter = self.root_cert.iter().map(|path| format!("?sslrootcert={}", path.display()));
        let parameter: String = parameter.collect();
        format!("postgres://{user}@{place}:{port}/{database}{parameter}")
    }
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
