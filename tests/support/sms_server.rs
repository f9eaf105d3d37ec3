//! A small SMS gateway over a real socket, that reacts as told and keeps what it is asked.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::post;
use http::{HeaderMap, StatusCode, header};
use sceau::adapter::sms_gateway::GatewaySettings;
use sceau::base::Secret;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// What the gateway does with a request.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Reaction {
    /// This status, and a body that would be right.
    Status(u16),
    /// 429, to be asked again after so many seconds.
    TooMany(&'static str),
    /// 200 with a page.
    Page,
    /// 200 with another reference.
    OtherReference,
    /// 200 without end.
    Endless,
    /// A redirect to where it would be taken.
    Redirect,
    /// Silence.
    Silence,
}

/// The gateway.
pub(crate) struct SmsServer {
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
    _tasks: JoinSet<()>,
}

struct Shared {
    script: Mutex<VecDeque<Reaction>>,
    asked: Mutex<Vec<Value>>,
    taken: Semaphore,
}

impl SmsServer {
    pub(crate) async fn open() -> Self {
        let shared =
            Arc::new(Shared { script: Mutex::default(), asked: Mutex::default(), taken: Semaphore::new(0) });
        let routes = Router::new()
            .route("/messages", post(take))
            .route("/elsewhere", post(take))
            .with_state(Arc::clone(&shared));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut tasks = JoinSet::new();
        tasks.spawn(async move { axum::serve(listener, routes).await.unwrap() });
        Self { address, shared, _tasks: tasks }
    }

    pub(crate) fn settings(&self) -> GatewaySettings {
        GatewaySettings {
            url: format!("http://{}/messages", self.address).parse().unwrap(),
            token: Secret::new(String::from("gateway-token")),
            authorities: None,
        }
    }

    /// Reacts so to the next request; without a word it takes it.
    pub(crate) fn react(&self, reaction: Reaction) {
        self.shared.script.lock().unwrap().push_back(reaction);
    }

    /// Every request so far: its body, with the header `authorization`.
    pub(crate) fn asked(&self) -> Vec<Value> {
        self.shared.asked.lock().unwrap().clone()
    }

    /// Waits for the next message that it takes.
    pub(crate) async fn taken(&self) -> Value {
        self.shared.taken.acquire().await.unwrap().forget();
        self.asked().last().unwrap().clone()
    }
}

async fn take(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    let mut asked: Value = serde_json::from_slice(&body).unwrap();
    let reference = asked["reference"].clone();
    asked["authorization"] = json!(headers[header::AUTHORIZATION].to_str().unwrap());
    shared.asked.lock().unwrap().push(asked);
    let reaction = shared.script.lock().unwrap().pop_front();
    let right = axum::Json(json!({ "reference": reference, "status": "queued" }));
    match reaction {
        None => {
            shared.taken.add_permits(1);
            (StatusCode::ACCEPTED, right).into_response()
        }
        Some(Reaction::Status(status)) => (StatusCode::from_u16(status).unwrap(), right).into_response(),
        Some(Reaction::TooMany(after)) => {
            (StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, after)], right).into_response()
        }
        Some(Reaction::Page) => Html("<!doctype html><title>Welcome</title>").into_response(),
        Some(Reaction::OtherReference) => axum::Json(json!({ "reference": "another" })).into_response(),
        Some(Reaction::Endless) => " ".repeat(1024 * 1024).into_response(),
        Some(Reaction::Redirect) => {
            (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, "/elsewhere")]).into_response()
        }
        Some(Reaction::Silence) => std::future::pending().await,
    }
}
