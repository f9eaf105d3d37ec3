//! TLS: both versions of HTTP, and clients that never finish the handshake.

use std::sync::Arc;
use std::time::Duration;

use rustls::crypto::CryptoProvider;
use rustls::crypto::aws_lc_rs::{ALL_CIPHER_SUITES, cipher_suite, default_provider};
use rustls::{ClientConfig, RootCertStore, ServerConfig, SupportedCipherSuite};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, ServerName};
use sceau::app::tls::{Certificates, Renewal, TlsError, server_config};
use sceau::base::SystemClock;
use sceau::config::TlsDocuments;
use tokio::io::AsyncReadExt as _;
use tokio_rustls::TlsConnector;
use zeroize::Zeroizing;

use super::{LONG, limits, send, start, until_closed};

fn documents() -> TlsDocuments {
    let made = rcgen::generate_simple_self_signed([String::from("localhost")]).unwrap();
    TlsDocuments { cert: made.cert.pem(), key: Zeroizing::new(made.signing_key.serialize_pem()) }
}

fn served(documents: &TlsDocuments) -> Arc<ServerConfig> {
    server_config(&Certificates::new(documents).unwrap()).unwrap()
}

fn client(documents: &TlsDocuments) -> reqwest::ClientBuilder {
    let _ = default_provider().install_default();
    let root = reqwest::Certificate::from_pem(documents.cert.as_bytes()).unwrap();
    reqwest::Client::builder().tls_certs_only([root]).no_proxy()
}

#[tokio::test]
async fn both_versions_of_http_are_spoken() {
    let documents = documents();
    let server = start(limits(), Some(served(&documents))).await;
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
    let server = start(limits(), Some(served(&documents))).await;
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
    let server = start(limits(), Some(served(&documents()))).await;
    for half in ["", "\u{16}\u{3}\u{1}"] {
        let mut stream = send(server.address, half).await;
        assert!(until_closed(&mut stream, LONG).await.is_some());
    }
    server.stop().await;
}

#[tokio::test]
async fn a_silent_http_2_connection_is_closed() {
    let documents = documents();
    let server = start(limits(), Some(served(&documents))).await;
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(documents.cert.as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(default_provider());
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
    assert!(matches!(Certificates::new(&mixed), Err(TlsError::Pair(_))));
    let empty = TlsDocuments { cert: one.cert, key: Zeroizing::new(String::new()) };
    assert!(matches!(Certificates::new(&empty), Err(TlsError::Key(_))));
}

/// The first certificate that the server shows to a client of these suites; none: they do not come together.
async fn shown(
    address: std::net::SocketAddr,
    trusted: &[&TlsDocuments],
    suites: &[SupportedCipherSuite],
) -> Option<Vec<u8>> {
    let mut roots = RootCertStore::empty();
    for documents in trusted {
        roots.add(CertificateDer::from_pem_slice(documents.cert.as_bytes()).unwrap()).unwrap();
    }
    let provider = CryptoProvider { cipher_suites: suites.to_vec(), ..default_provider() };
    let versions: &[_] = if suites.iter().all(|suite| suite.tls13().is_none()) {
        &[&rustls::version::TLS12]
    } else {
        &[&rustls::version::TLS13]
    };
    let client = ClientConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(versions)
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = send(address, "").await;
    let name = ServerName::try_from("localhost").unwrap();
    let stream = TlsConnector::from(Arc::new(client)).connect(name, stream).await.ok()?;
    let certificates = stream.get_ref().1.peer_certificates().unwrap();
    Some(certificates[0].as_ref().to_vec())
}

/// FAPI 2.0 Security Profile 5.2.2 and RFC 9325 4.2: of TLS 1.2 the ECDHE suites with AES-GCM and no other.
#[tokio::test]
async fn of_tls_1_2_only_the_recommended_suites_are_spoken() {
    let documents = documents();
    let server = start(limits(), Some(served(&documents))).await;
    let gcm = [
        cipher_suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
        cipher_suite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    ];
    let of_the_key = |suite: &&SupportedCipherSuite| {
        suite.tls13().is_some() || format!("{:?}", suite.suite()).contains("ECDSA")
    };
    let mut spoken = 0;
    for suite in ALL_CIPHER_SUITES.iter().filter(of_the_key) {
        let expected = suite.tls13().is_some() || gcm.contains(suite);
        let met = shown(server.address, &[&documents], &[*suite]).await;
        assert_eq!(met.is_some(), expected, "{suite:?}");
        spoken += usize::from(expected);
    }
    assert_eq!(spoken, 5);
    server.stop().await;
}

#[tokio::test]
async fn a_renewed_certificate_is_served_and_a_broken_one_is_not() {
    let (old, new) = (documents(), documents());
    let certificates = Certificates::new(&old).unwrap();
    let server = start(limits(), Some(server_config(&certificates).unwrap())).await;
    let der = |documents: &TlsDocuments| {
        CertificateDer::from_pem_slice(documents.cert.as_bytes()).unwrap().as_ref().to_vec()
    };
    let now_shown = async || shown(server.address, &[&old, &new], ALL_CIPHER_SUITES).await.unwrap();
    assert_eq!(now_shown().await, der(&old));
    let file = Arc::new(std::sync::Mutex::new((new.cert.clone(), old.key.to_string())));
    let read = Arc::clone(&file);
    let renewal = Renewal {
        certificates,
        read: move || {
            let (cert, key) = read.lock().unwrap().clone();
            Ok::<_, TlsError>(TlsDocuments { cert, key: Zeroizing::new(key) })
        },
        clock: Arc::new(SystemClock),
    };
    // The key of another, half a file, nothing: what is in use stays.
    for broken in [old.key.to_string(), new.key[..40].to_owned(), String::new()] {
        file.lock().unwrap().1 = broken;
        assert!(renewal.run().is_err());
        assert_eq!(now_shown().await, der(&old));
    }
    file.lock().unwrap().1 = new.key.to_string();
    renewal.run().unwrap();
    assert_eq!(now_shown().await, der(&new));
    server.stop().await;
}

/// RFC 9113 6.8: every connection is told to go after an answer, and no request is lost by it.
#[tokio::test]
async fn over_http_2_a_server_that_leaves_sends_clients_away_without_losing_a_request() {
    let documents = documents();
    let quiet = sceau::config::Limits { header_timeout: LONG, idle_timeout: LONG, ..limits() };
    let server = start(quiet, Some(served(&documents))).await;
    let client = client(&documents).resolve("localhost", server.address).build().unwrap();
    let url = format!("https://localhost:{}/", server.address.port());
    let peer = async || client.get(&url).send().await.unwrap().text().await.unwrap();
    let first = peer().await;
    assert_eq!(peer().await, first, "one connection");
    server.leaving.begin();
    let mut peers = std::collections::BTreeSet::new();
    for _ in 0..4 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        peers.insert(peer().await);
    }
    assert!(peers.len() >= 3 && !peers.contains(&first), "{first}: {peers:?}");
    assert_eq!(server.stop().await, sceau::app::server::Drained::Whole);
}
