//! TLS of the listener: 1.3 and 1.2, HTTP/2 and HTTP/1.1 by ALPN (RFC 7301), no client certificates.

use std::sync::Arc;

use rustls::ServerConfig;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use crate::config::TlsDocuments;

/// A certificate or key that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// No certificate in PEM, or a broken one.
    #[error("http.tls.cert_file: {0}")]
    Certificate(rustls_pki_types::pem::Error),
    /// No private key in PEM, or a broken one.
    #[error("http.tls.key_file: {0}")]
    Key(rustls_pki_types::pem::Error),
    /// The two do not belong together, or the key is of an unknown kind.
    #[error("http.tls: {0}")]
    Pair(#[from] rustls::Error),
}

/// What the handshake needs.
///
/// # Errors
/// [`TlsError`]
pub fn server_config(documents: &TlsDocuments) -> Result<Arc<ServerConfig>, TlsError> {
    let chain = CertificateDer::pem_slice_iter(documents.cert.as_bytes())
        .collect::<Result<Vec<_>, _>>()
        .map_err(TlsError::Certificate)?;
    let key = PrivateKeyDer::from_pem_slice(documents.key.as_bytes()).map_err(TlsError::Key)?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    config.alpn_protocols = vec![H2.to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// The name of HTTP/2 over TLS (RFC 9113 3.1).
pub(super) const H2: &[u8] = b"h2";
