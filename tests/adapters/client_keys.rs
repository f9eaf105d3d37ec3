//! The key sets of clients: a hub that rotates its keys, fails, and poisons.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse as _;
use axum::routing::get;
use sceau::adapter::upstream::ClientKeySets;
use sceau::base::TestClock;
use sceau::jose::{DecryptionKey, KeyManagement};
use sceau::ports::{ClientKeys as _, PortError};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::support::START;

const ALG: KeyManagement = KeyManagement::EcdhEs;

/// A hub that publishes what it is told, and counts who reads.
struct Hub {
    uri: String,
    published: Arc<Mutex<(u16, String, usize)>>,
    clock: Arc<TestClock>,
    keys: ClientKeySets,
    _server: JoinSet<()>,
}

impl Hub {
    async fn new(loopback: bool) -> Self {
        let published = Arc::new(Mutex::new((200, String::from("{\"keys\":[]}"), 0)));
        let shown = Arc::clone(&published);
        let answer = move || async move {
            let mut shown = shown.lock().unwrap();
            shown.2 += 1;
            let status = StatusCode::from_u16(shown.0).unwrap();
            let away = (header::LOCATION, "/elsewhere");
            (status, [(header::CONTENT_TYPE, "application/json"), away], shown.1.clone()).into_response()
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let uri = format!("http://127.0.0.1:{}/keys", listener.local_addr().unwrap().port());
        let mut server = JoinSet::new();
        server.spawn(async move {
            axum::serve(listener, Router::new().route("/keys", get(answer))).await.unwrap();
        });
        let clock = Arc::new(TestClock::at(START));
        let keys = ClientKeySets::new(loopback, Arc::<TestClock>::clone(&clock)).unwrap();
        Self { uri, published, clock, keys, _server: server }
    }

    fn publish(&self, status: u16, body: &str) {
        let mut published = self.published.lock().unwrap();
        (published.0, published.1) = (status, body.to_owned());
    }

    fn reads(&self) -> usize {
        self.published.lock().unwrap().2
    }

    async fn kid(&self) -> Result<String, PortError> {
        let key = self.keys.encryption_key(&self.uri, ALG).await?;
        Ok(key.kid().unwrap_or_default().to_owned())
    }
}

fn set(keys: &[&DecryptionKey]) -> String {
    json!({ "keys": keys.iter().map(|key| key.public().to_json()).collect::<Vec<Value>>() }).to_string()
}

fn kid(key: &DecryptionKey) -> String {
    key.public().kid().unwrap().to_owned()
}

#[tokio::test]
async fn the_rotation_of_a_hub_is_followed_and_its_last_good_set_kept_for_a_day() {
    let (old, new) = (DecryptionKey::generate(ALG).unwrap(), DecryptionKey::generate(ALG).unwrap());
    let hub = Hub::new(true).await;
    hub.publish(200, &set(&[&old]));
    assert_eq!(hub.kid().await.unwrap(), kid(&old));
    hub.publish(200, &set(&[&new, &old]));
    assert_eq!((hub.kid().await.unwrap(), hub.reads()), (kid(&old), 1));
    hub.clock.advance(Duration::from_secs(601));
    assert_eq!((hub.kid().await.unwrap(), hub.reads()), (kid(&new), 2));
    for (status, body) in
        [(503, "{}"), (302, "{}"), (200, "<html>"), (200, "{\"keys\":[{\"kty\":\"oct\",\"k\":\"AA\"}]}")]
    {
        hub.publish(status, body);
        hub.clock.advance(Duration::from_secs(601));
        let before = hub.reads();
        assert_eq!(hub.kid().await.unwrap(), kid(&new), "{status} {body}");
        // At most once a minute.
        assert_eq!(hub.kid().await.unwrap(), kid(&new));
        assert_eq!(hub.reads(), before + 1);
    }
    hub.clock.advance(Duration::from_hours(24));
    assert!(matches!(hub.kid().await, Err(PortError::Unavailable(_))));
}

#[tokio::test]
async fn too_much_is_refused_and_a_private_host_is_never_called() {
    let key = DecryptionKey::generate(ALG).unwrap();
    let hub = Hub::new(true).await;
    hub.publish(200, &format!("{}{}", set(&[&key]), " ".repeat(65 * 1024)));
    assert!(matches!(hub.kid().await, Err(PortError::Unavailable(_))));
    let hub = Hub::new(false).await;
    hub.publish(200, &set(&[&key]));
    assert!(matches!(hub.kid().await, Err(PortError::Unavailable(_))));
    // A name that leads to this machine, too.
    let named = hub.uri.replace("http://127.0.0.1", "https://localhost.localdomain");
    assert!(matches!(hub.keys.encryption_key(&named, ALG).await, Err(PortError::Unavailable(_))));
    assert_eq!(hub.reads(), 0);
}
