//! Messages to a collector: syslog over TLS (RFC 5425), or the socket of this machine.
//!
//! One connection for each batch: the collector's end of it is the only answer there is. TLS 1.2 or later, verified
//! against the authorities given and the name in the address. No plain TCP or UDP.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, UnixDatagram};
use tokio_rustls::TlsConnector;

use crate::audit::{Severity, SyslogSender, framed, one_line};
use crate::ports::{CheckpointSink, PortError, PortResult, StoredCheckpoint};

/// Where messages go.
#[derive(Clone, Debug)]
pub enum SyslogTo {
    /// A collector, over TLS.
    Tls {
        /// Its name, as in its certificate, or its address.
        host: String,
        /// Its port, usually 6514.
        port: u16,
        /// PEM of the authorities that may have signed its certificate.
        authorities: String,
    },
    /// The socket of a collector on this machine, `/dev/log`.
    Unix(PathBuf),
}

/// A collector that cannot be used as described.
#[derive(Debug, thiserror::Error)]
pub enum SyslogError {
    /// No certificate in PEM, or a broken one.
    #[error("the authorities of the collector hold no usable certificate")]
    Authorities,
    /// Not a name or an address.
    #[error("the collector's name is neither a name nor an address")]
    Name,
    /// TLS cannot be set up.
    #[error(transparent)]
    Tls(#[from] rustls::Error),
}

/// Sends to one collector.
pub struct Syslog {
    to: Connect,
    sender: SyslogSender,
}

enum Connect {
    Tls { connector: TlsConnector, name: ServerName<'static>, host: String, port: u16 },
    Unix(PathBuf),
}

impl Syslog {
    /// A sender to `to`; nothing is connected yet.
    ///
    /// # Errors
    /// [`SyslogError`]
    pub fn new(to: SyslogTo, sender: SyslogSender) -> Result<Self, SyslogError> {
        let to = match to {
            SyslogTo::Unix(path) => Connect::Unix(path),
            SyslogTo::Tls { host, port, authorities } => Connect::Tls {
                connector: connector(&authorities)?,
                name: ServerName::try_from(host.clone()).map_err(|_| SyslogError::Name)?,
                host,
                port,
            },
        };
        Ok(Self { to, sender })
    }

    /// Who speaks.
    #[must_use]
    pub const fn sender(&self) -> &SyslogSender {
        &self.sender
    }

    /// Sends messages, in order; returns when the collector has taken them all.
    ///
    /// # Errors
    /// [`PortError::Unavailable`]: any number of them may have arrived.
    pub async fn send(&self, messages: &[String]) -> PortResult<()> {
        let sent = tokio::time::timeout(PATIENCE, self.try_send(messages)).await;
        let failed = |why: &dyn std::fmt::Display| PortError::Unavailable(format!("syslog: {why}"));
        sent.map_err(|_| failed(&"the collector does not answer"))?.map_err(|error| failed(&error))
    }

    async fn try_send(&self, messages: &[String]) -> io::Result<()> {
        match &self.to {
            Connect::Unix(path) => {
                let socket = UnixDatagram::unbound()?;
                for message in messages {
                    socket.send_to(message.as_bytes(), path).await?;
                }
                Ok(())
            }
            Connect::Tls { connector, name, host, port } => {
                let tcp = TcpStream::connect((host.as_str(), *port)).await?;
                let mut stream = connector.connect(name.clone(), tcp).await?;
                for message in messages {
                    // RFC 5425 4.3
                    stream.write_all(&framed(message)).await?;
                }
                stream.flush().await?;
                // RFC 5425 4.4: close_notify; the collector's own tells that it has read up to ours. Some send none.
                stream.shutdown().await?;
                let mut rest = [0; 64];
                match tokio::time::timeout(LAST_WORD, stream.read(&mut rest)).await {
                    Ok(Err(error)) if error.kind() != io::ErrorKind::UnexpectedEof => Err(error),
                    _ => Ok(()),
                }
            }
        }
    }
}

impl std::fmt::Debug for Syslog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Syslog").finish_non_exhaustive()
    }
}

#[async_trait]
impl CheckpointSink for Syslog {
    fn name(&self) -> &'static str {
        "checkpoint_syslog"
    }

    async fn keep(&self, checkpoint: &StoredCheckpoint) -> PortResult<()> {
        let text = format!(
            "audit checkpoint number={} size={} {}",
            checkpoint.number,
            checkpoint.size,
            one_line(&checkpoint.note)
        );
        let message = self.sender.message(Severity::Notice, checkpoint.at, "audit.checkpoint", &text);
        self.send(&[message]).await
    }
}

fn connector(authorities: &str) -> Result<TlsConnector, SyslogError> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(authorities.as_bytes()) {
        roots.add(certificate.map_err(|_| SyslogError::Authorities)?)?;
    }
    if roots.is_empty() {
        return Err(SyslogError::Authorities);
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

const PATIENCE: Duration = Duration::from_secs(8);
const LAST_WORD: Duration = Duration::from_secs(2);
