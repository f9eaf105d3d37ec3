//! TLS: both versions of HTTP, and clients that never finish the handshake.

use std::sync::Arc;
use std::time::Duration;

use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, ServerName};
use sceau::app::tls::{TlsError, server_config};
use sceau::config::TlsDocuments;
use tokio::io::AsyncReadExt as _;
use tokio_rustls::TlsConnector;
use zeroize::Zeroizing;

use super::{LONG, limits, send, start, until_closed};

fn documents() -> TlsDocuments {
    let made = rcgen::generate_simple_self_signed([String::from("localhost")]).unwrap();
    TlsDocuments { cert: made.cert.pem(), key: Zeroizing::new(made.signing_key.serialize_pem()) }
}

fn client(documents: &TlsDocuments) -> reqwest::ClientBuilder {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let root = reqwest::Certificate::from_pem(documents.cert.as_bytes()).unwrap();
    reqwest::Client::builder().tls_certs_only([root]).no_proxy()
}

#[tokio::test]
async fn both_versions_of_http_are_spoken() {
    let documents = documents();
    let server = start(limits(), Some(server_config(&documents).unwrap())).await;
    let url = format!("https://localhost:{}/", server.address.port());
    let table = [
        (client(&documents), reqwest::Version::HTTP_2),
        (client(&documents).http1_only(), reqwest::Version::HTTP_11),
    ];
    for (client, version) in table {
        let client = client.resolve("localhost", server.address).build().unwrap();
        let answer = client.get(&url).send().await.unwrap();
        assert_eq!((answer.status(), answer.version()), (reqwest::StatusCode::OK, version));
        assert!(answer.text().await.unwrap().starts_with("127.0.0.1:"));
    }
    server.stop().await;
}

#[tokio::test]
async fn over_http_2_a_request_under_way_is_answered() {
    let documents = documents();
    let server = start(limits(), Some(server_config(&documents).unwrap())).await;
    let client = client(&documents).resolve("localhost", server.address).build().unwrap();
    let url = format!("https://localhost:{}/slow", server.address.port());
    let stop = server.stop.clone();
    let (answer, ()) = tokio::join!(client.get(url).send(), async move {
        tokio::time::sleep(Duration::from_millis(300)).await;
        stop.cancel();
    });
    assert_eq!(answer.unwrap().text().await.unwrap(), "slow");
    assert_eq!(server.ended.await.unwrap(), sceau::app::server::Drained::Whole);
}

#[tokio::test]
async fn a_handshake_that_dawdles_is_closed() {
    let server = start(limits(), Some(server_config(&documents()).unwrap())).await;
    for half in ["", "\u{16}\u{3}\u{1}"] {
        let mut stream = send(server.address, half).await;
        assert!(until_closed(&mut stream, LONG).await.is_some());
    }
    server.stop().await;
}

#[tokio::test]
async fn a_silent_http_2_connection_is_closed() {
    let documents = documents();
    let server = start(limits(), Some(server_config(&documents).unwrap())).await;
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(documents.cert.as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut client = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    client.alpn_protocols = vec![b"h2".to_vec()];
    let stream = send(server.address, "").await;
    let name = ServerName::try_from("localhost").unwrap();
    let mut stream = TlsConnector::from(Arc::new(client)).connect(name, stream).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(b"h2".as_slice()));
    let mut said = Vec::new();
    let closed = tokio::time::timeout(LONG, stream.read_to_end(&mut said)).await;
    assert!(closed.is_ok());
    server.stop().await;
}

#[test]
fn a_pair_that_does_not_belong_together_is_refused() {
    let (one, two) = (documents(), documents());
    let mixed = TlsDocuments { cert: one.cert.clone(), key: two.key };
    assert!(matches!(server_config(&mixed), Err(TlsError::Pair(_))));
    let empty = TlsDocuments { cert: one.cert, key: Zeroizing::new(String::new()) };
    assert!(matches!(server_config(&empty), Err(TlsError::Key(_))));
}
