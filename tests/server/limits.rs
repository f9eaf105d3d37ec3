//! Connections that dawdle are closed, and too many wait.

use std::time::Duration;

use sceau::app::server::Drained;
use sceau::config::Limits;
use tokio::io::AsyncWriteExt as _;

use super::{LONG, limits, send, start, start_behind, until_closed};

#[tokio::test]
async fn an_answer_knows_its_peer() {
    let server = start(limits(), None).await;
    let mut stream = send(server.address, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
    let peer = stream.local_addr().unwrap().to_string();
    let answer = until_closed(&mut stream, LONG).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with(&peer), "{answer}");
    assert_eq!(server.stop().await, Drained::Whole);
}

#[tokio::test]
async fn a_half_sent_request_is_closed() {
    let server = start(limits(), None).await;
    for half in ["", "P", "GET / HTTP/1.1\r\nHost: a\r\n", "PRI * HTTP/2.0\r\n\r\n"] {
        let mut stream = send(server.address, half).await;
        assert!(until_closed(&mut stream, LONG).await.is_some(), "{half:?}");
    }
    server.stop().await;
}

#[tokio::test]
async fn a_request_sent_byte_by_byte_is_closed() {
    let server = start(limits(), None).await;
    let mut stream = send(server.address, "GET / HTTP/1.1\r\n").await;
    let dripping = async {
        while stream.write_all(b"a: b\r\n").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    assert!(tokio::time::timeout(LONG, dripping).await.is_ok());
    server.stop().await;
}

#[tokio::test]
async fn an_answer_slower_than_the_idle_time_is_finished() {
    let server = start(limits(), None).await;
    let mut stream = send(server.address, "GET /slow HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let answer = until_closed(&mut stream, LONG).await.unwrap();
    assert!(answer.ends_with("slow"), "{answer}");
    server.stop().await;
}

#[tokio::test]
async fn headers_without_end_are_refused() {
    let limits = Limits { header_timeout: LONG * 2, idle_timeout: LONG * 2, ..limits() };
    let server = start(limits, None).await;
    let mut stream = send(server.address, "GET / HTTP/1.1\r\nHost: a\r\na: ").await;
    let pouring = async { while stream.write_all(&[b'a'; 8192]).await.is_ok() {} };
    assert!(tokio::time::timeout(LONG, pouring).await.is_ok());
    server.stop().await;
}

#[tokio::test]
async fn one_too_many_waits_for_a_place() {
    let server = start(Limits { max_connections: 1, ..limits() }, None).await;
    let request = "GET /slow HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    let mut first = send(server.address, request).await;
    let mut second = send(server.address, request).await;
    let answer = until_closed(&mut first, LONG).await.unwrap();
    assert!(answer.ends_with("slow"), "{answer}");
    // Had both been served at once, the second answer would be here too.
    assert!(until_closed(&mut second, Duration::from_millis(200)).await.is_none());
    assert!(until_closed(&mut second, LONG).await.unwrap().ends_with("slow"));
    assert_eq!(server.stop().await, Drained::Whole);
}

#[tokio::test]
async fn a_source_has_so_many_connections_and_a_proxy_as_many_as_it_likes() {
    let one = || Limits { max_connections_per_source: 1, ..limits() };
    let request = "GET /slow HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    for (proxies, second_ends_with) in [(vec![], ""), (vec!["127.0.0.1".parse().unwrap()], "slow")] {
        let server = start_behind(one(), None, proxies).await;
        let mut first = send(server.address, request).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
        let mut second = send(server.address, request).await;
        let answer = until_closed(&mut second, LONG).await.unwrap();
        assert!(
            answer.ends_with(second_ends_with) && answer.is_empty() == second_ends_with.is_empty(),
            "{answer}"
        );
        assert!(until_closed(&mut first, LONG).await.unwrap().ends_with("slow"));
        // The place is free again.
        let mut third = send(server.address, request).await;
        assert!(until_closed(&mut third, LONG).await.unwrap().ends_with("slow"));
        server.stop().await;
    }
}
