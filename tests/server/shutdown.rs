//! The end: what is under way is finished, nothing new begins, and nobody is waited for without end.

use std::time::Duration;

use sceau::app::server::Drained;
use sceau::config::Limits;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::{LONG, limits, send, start, until_closed};

#[tokio::test]
async fn a_request_under_way_is_answered_and_a_new_one_refused() {
    let server = start(limits(), None).await;
    let mut under_way = send(server.address, "GET /slow HTTP/1.1\r\nHost: a\r\n\r\n").await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    let address = server.address;
    server.stop.cancel();
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(TcpStream::connect(address).await.is_err());
    let answer = until_closed(&mut under_way, LONG).await.unwrap();
    assert!(answer.ends_with("slow") && answer.to_lowercase().contains("connection: close"), "{answer}");
    assert_eq!(server.ended.await.unwrap(), Drained::Whole);
}

#[tokio::test]
async fn an_idle_connection_does_not_hold_the_end_up() {
    let server = start(Limits { header_timeout: LONG, idle_timeout: LONG, ..limits() }, None).await;
    let mut idle = send(server.address, "").await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    let ended = tokio::time::timeout(Duration::from_secs(8), server.stop()).await;
    assert_eq!(ended.unwrap(), Drained::Whole);
    assert!(until_closed(&mut idle, LONG).await.is_some());
}

#[tokio::test]
async fn a_request_that_outlasts_the_draining_is_cut() {
    let server = start(Limits { drain: Duration::from_millis(100), ..limits() }, None).await;
    let mut under_way = send(server.address, "GET /slow HTTP/1.1\r\nHost: a\r\n\r\n").await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(server.stop().await, Drained::Cut(1));
    assert_eq!(until_closed(&mut under_way, LONG).await.unwrap(), "");
}

/// RFC 9112 9.6: what comes while proxies have not noticed yet is answered, on a connection that then ends.
#[tokio::test]
async fn a_server_that_leaves_still_answers_each_connection_once() {
    let server = start(Limits { header_timeout: LONG, idle_timeout: LONG, ..limits() }, None).await;
    let request = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    let mut kept = send(server.address, request).await;
    let mut answer = [0; 4096];
    let length = kept.read(&mut answer).await.unwrap();
    assert!(!String::from_utf8_lossy(&answer[..length]).to_lowercase().contains("connection: close"));
    server.leaving.begin();
    tokio::time::sleep(Duration::from_millis(100)).await;
    kept.write_all(request.as_bytes()).await.unwrap();
    let mut new = send(server.address, request).await;
    for stream in [&mut kept, &mut new] {
        let answer = until_closed(stream, LONG).await.unwrap().to_lowercase();
        assert!(answer.starts_with("http/1.1 200") && answer.contains("connection: close"), "{answer}");
    }
    assert_eq!(server.stop().await, Drained::Whole);
}
