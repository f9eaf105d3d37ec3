//! TLS of the listener: 1.3, and of 1.2 what FAPI 2.0 Security Profile 5.2.2 leaves (the suites that RFC 9325 4.2
//! recommends); HTTP/2 and HTTP/1.1 by ALPN (RFC 7301), no client certificates. A renewed certificate is served without a
//! restart.

use std::fmt::{self, Display};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use rustls::crypto::CryptoProvider;
use rustls::crypto::aws_lc_rs::{cipher_suite, default_provider};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{ServerConfig, SupportedCipherSuite};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use x509_parser::error::X509Error;

use crate::base::{Clock, UnixTime};
use crate::config::TlsDocuments;
use crate::worker::Job;

/// A certificate or key that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// No certificate in PEM, or a broken one.
    #[error("http.tls.cert_file: {0}")]
    Certificate(rustls_pki_types::pem::Error),
    /// The PEM holds something else than an X.509 certificate.
    #[error("http.tls.cert_file: {0}")]
    Unreadable(#[from] x509_parser::nom::Err<X509Error>),
    /// No private key in PEM, or a broken one.
    #[error("http.tls.key_file: {0}")]
    Key(rustls_pki_types::pem::Error),
    /// The two do not belong together, or the key is of an unknown kind.
    #[error("http.tls: {0}")]
    Pair(#[from] rustls::Error),
}

/// The suites of TLS 1.3 (RFC 8446 9.1), and of 1.2 those of RFC 9325 4.2 with their versions with AES-256; no other, so no CBC,
/// no RSA key transport, and of 1.2 nothing but AES-GCM.
const SUITES: [SupportedCipherSuite; 7] = [
    cipher_suite::TLS13_AES_256_GCM_SHA384,
    cipher_suite::TLS13_AES_128_GCM_SHA256,
    cipher_suite::TLS13_CHACHA20_POLY1305_SHA256,
    cipher_suite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    cipher_suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    cipher_suite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
    cipher_suite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
];

/// What the handshake needs.
///
/// # Errors
/// The protocol versions and suites do not fit each other.
pub fn server_config(certificates: &Arc<Certificates>) -> Result<Arc<ServerConfig>, TlsError> {
    let mut config = ServerConfig::builder_with_provider(Arc::new(provider()))
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?
        .with_no_client_auth()
        .with_cert_resolver(certificates.clone());
    config.alpn_protocols = vec![H2.to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

fn provider() -> CryptoProvider {
    CryptoProvider { cipher_suites: SUITES.to_vec(), ..default_provider() }
}

/// The certificate in use, for every handshake from now on.
pub struct Certificates(RwLock<InUse>);

struct InUse {
    key: Arc<CertifiedKey>,
    expires: UnixTime,
}

impl InUse {
    fn read(documents: &TlsDocuments) -> Result<Self, TlsError> {
        let chain = CertificateDer::pem_slice_iter(documents.cert.as_bytes())
            .collect::<Result<Vec<_>, _>>()
            .map_err(TlsError::Certificate)?;
        let own = chain.first().map_or(&[][..], |own| own.as_ref());
        let (_, own) = x509_parser::parse_x509_certificate(own)?;
        let expires = UnixTime::from_secs(own.validity().not_after.timestamp());
        let key = PrivateKeyDer::from_pem_slice(documents.key.as_bytes()).map_err(TlsError::Key)?;
        let key = Arc::new(CertifiedKey::from_der(chain, key, &provider())?);
        Ok(Self { key, expires })
    }
}

impl Certificates {
    /// # Errors
    /// [`TlsError`]
    pub fn new(documents: &TlsDocuments) -> Result<Arc<Self>, TlsError> {
        Ok(Arc::new(Self(RwLock::new(InUse::read(documents)?))))
    }

    /// Serves `documents` from now on; tells whether they are others than before.
    ///
    /// # Errors
    /// [`TlsError`]: those of before are served.
    pub fn replace(&self, documents: &TlsDocuments) -> Result<bool, TlsError> {
        let new = InUse::read(documents)?;
        let mut in_use = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let is_other = new.key.cert != in_use.key.cert;
        *in_use = new;
        Ok(is_other)
    }

    /// When the certificate in use ends.
    #[must_use]
    pub fn expires(&self) -> UnixTime {
        self.0.read().unwrap_or_else(PoisonError::into_inner).expires
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner).key))
    }
}

impl fmt::Debug for Certificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Certificates")
    }
}

/// Looks at the files again.
pub struct Renewal<Read> {
    /// What they prove to clients.
    pub certificates: Arc<Certificates>,
    /// Reads both files.
    pub read: Read,
    /// Clock.
    pub clock: Arc<dyn Clock>,
}

impl<Read, Failure> Renewal<Read>
where
    Read: Fn() -> Result<TlsDocuments, Failure> + Send + Sync + 'static,
    Failure: Display,
{
    /// Serves what the files hold now. What cannot be used is told, and changes nothing.
    ///
    /// # Errors
    /// Fit for the log.
    pub fn run(&self) -> Result<(), String> {
        let read = (self.read)().map_err(|error| error.to_string());
        let replaced = read
            .and_then(|documents| self.certificates.replace(&documents).map_err(|error| error.to_string()));
        let (now, expires) = (self.clock.now(), self.certificates.expires());
        let left =
            if expires < now { -now.since(expires).as_secs_f64() } else { expires.since(now).as_secs_f64() };
        metrics::gauge!("sceau_tls_certificate_expires_seconds").set(left);
        if replaced? {
            tracing::info!(seconds = left, "another certificate is served");
        }
        Ok(())
    }

    /// The same every minute.
    pub fn job(self: &Arc<Self>) -> Job {
        let renewal = Arc::clone(self);
        Job::new("certificate", Duration::from_mins(1), move || {
            let renewal = Arc::clone(&renewal);
            async move { renewal.run() }
        })
    }
}

/// The name of HTTP/2 over TLS (RFC 9113 3.1).
pub(super) const H2: &[u8] = b"h2";
