//! What a stranger can have written down: so many refusals for each source, and the answers go on.

use std::net::SocketAddr;
use std::time::Duration;

use http::{Method, Request};
use sceau::http::Peer;

use super::federation_stage::Stage;
use crate::support::{Received, Service, bare};

/// As a browser at `address`.
async fn from(stage: &Stage, address: &str, path: &str) -> Received {
    let peer: SocketAddr = address.parse().unwrap();
    let mut request: Request<_> = bare(&Method::GET, path, &[]);
    request.extensions_mut().insert(Peer(peer));
    stage.harness.exchange(request).await
}

#[tokio::test]
async fn refusals_of_one_source_are_written_down_so_often_and_then_counted() {
    let stage = Stage::new().await;
    let service = Service::oidc(&stage.harness, "dossier").await;
    let silent = service.ask().with("prompt", "none").url();
    let wrong = service.ask().with("response_type", "token").url();
    let lost = [
        ("/federation/fc/callback?state=x&code=y", "federation.answer state_unknown", 400),
        ("/federation/fc/logged_out?state=x", "federation.answer state_unknown", 400),
        (silent.as_str(), "authorization.request login_required", 303),
        (wrong.as_str(), "authorization.request unsupported_response_type", 303),
    ];
    for (number, (path, row, status)) in (0..).zip(lost) {
        // Each from a network of its own, from more than one address of it.
        let address = |host: u16| format!("[2001:db8:0:{number}::{host:x}]:49152");
        let (before, dropped) = (stage.harness.audited(row).await, stage.harness.provider.dropped.count());
        let mut first = None;
        for host in 1..=125 {
            let answer = from(&stage, &address(host), path).await;
            assert_eq!(answer.status, status, "{path} {}", answer.text);
            let told = (answer.header("location").to_owned(), answer.text);
            assert_eq!(first.get_or_insert_with(|| told.clone()), &told, "{path}: the answer tells nothing");
        }
        assert_eq!(stage.harness.audited(row).await - before, 120, "{path}");
        assert_eq!(stage.harness.provider.dropped.count() - dropped, 5, "{path}");
        // Another network is heard; and this one again, later.
        from(&stage, &format!("[2001:db8:1:{number}::1]:49152"), path).await;
        stage.harness.clock.advance(Duration::from_mins(10));
        from(&stage, &address(1), path).await;
        assert_eq!(stage.harness.audited(row).await - before, 122, "{path}");
    }
}

#[tokio::test]
async fn an_interaction_without_its_cookie_is_written_down_five_times() {
    let stage = Stage::new().await;
    let service = Service::oidc(&stage.harness, "dossier").await;
    let tab = stage.harness.page_browser().open(&service.ask().url()).await;
    for _ in 0..9 {
        stage.harness.page_browser().get(&tab).await.assert_page(400, "autre navigateur");
    }
    assert_eq!(stage.harness.audited("interaction.opened another_browser").await, 5);
    assert_eq!(stage.harness.provider.dropped.count(), 4);
}
