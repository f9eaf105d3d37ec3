//! The files that the settings name, read and checked together with them.

use std::path::Path;

use x509_parser::pem::Pem;
use zeroize::Zeroizing;

use crate::base::Secret;
use crate::federation::UpstreamProvider;
use crate::keyring::{KeyPolicy, SHIPPED_POLICY};

use super::error::refuse_if;
use super::redis::{CA_FILE, PASSWORD_FILE, SENTINEL_PASSWORD_FILE};
use super::storage::PASSWORD_FILE as SQL_PASSWORD_FILE;
use super::upstreams::SECRET_FILE as UPSTREAM_SECRET;
use super::{Config, ConfigError, SenderDocuments, Sql, Strings, Upstream};

/// Says of a certificate (DER) that it is a root of tests, whose private key everybody may have.
pub type TestRootMark = fn(&[u8]) -> bool;

/// What the named files hold.
#[derive(Debug)]
pub struct Documents {
    /// When signing keys are replaced.
    pub policy: KeyPolicy,
    /// The certificates of `mobile.attestation_roots`, DER.
    pub attestation_roots: Vec<Vec<u8>>,
    /// TLS of the listener.
    pub tls: Option<TlsDocuments>,
    /// The password of `storage.redis`, without the end of its line.
    pub redis_password: Option<Secret>,
    /// The password of its sentinels.
    pub redis_sentinel_password: Option<Secret>,
    /// The authorities of `storage.redis`, PEM.
    pub redis_authorities: Option<String>,
    /// Password of the database.
    pub sql_password: Option<Secret>,
    /// The files of the senders.
    pub senders: Option<SenderDocuments>,
    /// The authorities of `audit.syslog`, PEM.
    pub syslog_authorities: Option<String>,
    /// The sections `upstream`, with their secrets.
    pub upstreams: Vec<UpstreamProvider>,
}

/// A certificate chain and its key.
pub struct TlsDocuments {
    /// PEM, own certificate first.
    pub cert: String,
    /// PEM; wiped when dropped.
    pub key: Zeroizing<String>,
}

impl std::fmt::Debug for TlsDocuments {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TlsDocuments([redacted])")
    }
}

impl Config {
    /// Reads the files that the settings name, but not the key-encryption key.
    ///
    /// # Errors
    /// A file that cannot be read, or whose content the settings do not allow.
    pub fn documents(&self, strings: &dyn Strings, mark: TestRootMark) -> Result<Documents, ConfigError> {
        Ok(Documents {
            policy: self.policy(strings)?,
            attestation_roots: self.attestation_roots(strings, mark)?,
            tls: self.tls(strings)?,
            redis_password: self.redis_password(strings)?,
            redis_sentinel_password: self.redis_sentinel_password(strings)?,
            redis_authorities: self.redis_authorities(strings)?,
            sql_password: self.sql_password(strings)?,
            senders: self.senders(strings)?,
            syslog_authorities: self.audit.authorities(strings)?,
            upstreams: self.upstreams(strings)?,
        })
    }

    fn policy(&self, strings: &dyn Strings) -> Result<KeyPolicy, ConfigError> {
        let setting = "keys.policy_file";
        let text = match &self.keys.policy_file {
            Some(path) => read(setting, path, strings)?,
            None => String::from(SHIPPED_POLICY),
        };
        let policy =
            KeyPolicy::parse(&text).map_err(|error| ConfigError::refused(setting, error.to_string()))?;
        refuse_if(
            self.tokens.access_token > policy.longest_token_life,
            "tokens.access_token",
            "must not be longer than longest_token_life of the key policy: its key would leave before it",
        )?;
        Ok(policy)
    }

    fn attestation_roots(
        &self,
        strings: &dyn Strings,
        mark: TestRootMark,
    ) -> Result<Vec<Vec<u8>>, ConfigError> {
        let mut roots = Vec::new();
        let mut subjects = Vec::new();
        for path in &self.mobile.attestation_roots {
            let text = read(ROOTS, path, strings)?;
            let certificates = certificates(&text).ok_or_else(|| {
                ConfigError::refused(ROOTS, format!("{} holds no certificate in PEM", path.display()))
            })?;
            for der in certificates {
                subjects.push(authority_subject(&der, path)?);
                refuse_if(
                    mark(&der) && !self.issuer.is_loopback(),
                    ROOTS,
                    "holds the root of the tests: anybody's program would pass for a phone",
                )?;
                roots.push(der);
            }
        }
        // The chain is looked up by subject, and the first one found wins.
        let count = subjects.len();
        subjects.sort_unstable();
        subjects.dedup();
        refuse_if(
            subjects.len() != count,
            ROOTS,
            "holds two certificates of the same subject: keep the current one",
        )?;
        Ok(roots)
    }

    fn redis_password(&self, strings: &dyn Strings) -> Result<Option<Secret>, ConfigError> {
        let file = self.storage.redis.as_ref().and_then(|redis| redis.password_file.as_ref());
        file.map(|path| password(PASSWORD_FILE, path, strings)).transpose()
    }

    fn redis_sentinel_password(&self, strings: &dyn Strings) -> Result<Option<Secret>, ConfigError> {
        let file = self.storage.redis.as_ref().and_then(|redis| redis.sentinel_password_file.as_ref());
        file.map(|path| password(SENTINEL_PASSWORD_FILE, path, strings)).transpose()
    }

    fn redis_authorities(&self, strings: &dyn Strings) -> Result<Option<String>, ConfigError> {
        let file = self.storage.redis.as_ref().and_then(|redis| redis.ca_file.as_ref());
        let Some(path) = file else { return Ok(None) };
        let pem = read(CA_FILE, path, strings)?;
        refuse_if(certificates(&pem).is_none(), CA_FILE, "holds no certificate in PEM")?;
        Ok(Some(pem))
    }

    /// Reads the certificate of the listener and its key; none where a proxy ends TLS.
    ///
    /// # Errors
    /// A file that cannot be read, or holds something else.
    pub fn tls(&self, strings: &dyn Strings) -> Result<Option<TlsDocuments>, ConfigError> {
        let Some(files) = &self.http.tls else { return Ok(None) };
        let cert = read("http.tls.cert_file", &files.cert_file, strings)?;
        refuse_if(certificates(&cert).is_none(), "http.tls.cert_file", "holds no certificate in PEM")?;
        let key = Zeroizing::new(read("http.tls.key_file", &files.key_file, strings)?);
        refuse_if(!key.contains("PRIVATE KEY-----"), "http.tls.key_file", "holds no private key in PEM")?;
        Ok(Some(TlsDocuments { cert, key }))
    }
}

impl Config {
    fn senders(&self, strings: &dyn Strings) -> Result<Option<SenderDocuments>, ConfigError> {
        self.mobile.senders.as_ref().map(|senders| SenderDocuments::read(senders, strings)).transpose()
    }

    fn sql_password(&self, strings: &dyn Strings) -> Result<Option<Secret>, ConfigError> {
        let Sql::Postgres(postgres) = &self.storage.sql else { return Ok(None) };
        let Some(path) = &postgres.password_file else { return Ok(None) };
        let text = Zeroizing::new(read(SQL_PASSWORD_FILE, path, strings)?);
        let line = text.strip_suffix('\n').unwrap_or(&text);
        refuse_if(line.is_empty() || line.contains('\n'), SQL_PASSWORD_FILE, "does not hold one line")?;
        Ok(Some(Secret::new(line.to_owned())))
    }

    fn upstreams(&self, strings: &dyn Strings) -> Result<Vec<UpstreamProvider>, ConfigError> {
        let read_one = |upstream: &Upstream| {
            let Some(path) = &upstream.client_secret_file else {
                return upstream.settings(String::from("-"));
            };
            let text = Zeroizing::new(read(UPSTREAM_SECRET, path, strings)?);
            upstream.settings(text.strip_suffix('\n').unwrap_or(&text).to_owned())
        };
        self.upstreams.iter().map(read_one).collect()
    }
}

pub(super) fn read(setting: &'static str, path: &Path, strings: &dyn Strings) -> Result<String, ConfigError> {
    strings
        .file(path)
        .map_err(|error| ConfigError::refused(setting, format!("{} cannot be read: {error}", path.display())))
}

/// All certificates of a PEM text; none when there is none, or one is broken.
pub(super) fn certificates(text: &str) -> Option<Vec<Vec<u8>>> {
    let blocks: Vec<Pem> = Pem::iter_from_buffer(text.as_bytes()).collect::<Result<_, _>>().ok()?;
    let certificates: Vec<_> =
        blocks.into_iter().filter(|block| block.label == "CERTIFICATE").map(|block| block.contents).collect();
    (!certificates.is_empty()).then_some(certificates)
}

/// The subject of a certificate that may sign others.
fn authority_subject(der: &[u8], path: &Path) -> Result<Vec<u8>, ConfigError> {
    let refused = |what: &str| ConfigError::refused(ROOTS, format!("{} holds {what}", path.display()));
    let (_, certificate) =
        x509_parser::parse_x509_certificate(der).map_err(|_| refused("a certificate that cannot be read"))?;
    // RFC 5280 4.2.1.9 and 4.2.1.3: without these no chain is accepted.
    let signs = certificate.key_usage().ok().flatten().is_some_and(|usage| usage.value.key_cert_sign());
    if !certificate.is_ca() || !signs {
        return Err(refused("a certificate that is not an authority (CA, keyCertSign)"));
    }
    Ok(certificate.subject().as_raw().to_vec())
}

/// A password in a file, without the end of its line.
fn password(setting: &'static str, path: &Path, strings: &dyn Strings) -> Result<Secret, ConfigError> {
    let text = Zeroizing::new(read(setting, path, strings)?);
    let password = text.trim_end_matches(['\r', '\n']);
    refuse_if(password.is_empty(), setting, "is empty")?;
    refuse_if(password.contains(['\r', '\n']), setting, "holds more than one line")?;
    Ok(Secret::new(password.to_owned()))
}

const ROOTS: &str = "mobile.attestation_roots";
