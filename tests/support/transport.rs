//! Ways of a phone to the server: straight into the router, or through somebody who reads along.

use std::sync::Mutex;

use async_trait::async_trait;
use axum::Router;
use sceau::phone::{Call, Reply, Transport, TransportError};
use serde_json::Value;

use super::caller;

/// Straight into the router.
pub(crate) struct RouterTransport(pub(crate) Router);

#[async_trait]
impl Transport for RouterTransport {
    async fn send(&self, call: Call) -> Result<Reply, TransportError> {
        let headers: Vec<(&str, &str)> = call.dpop.iter().map(|proof| ("DPoP", proof.as_str())).collect();
        let request = caller::request(&call.method, &call.path, &headers, call.body.as_ref());
        let reply = caller::send(&self.0, request).await;
        let dpop_nonce = reply.header("dpop-nonce").map(str::to_owned);
        Ok(Reply { status: reply.status, dpop_nonce, body: reply.body })
    }
}

/// Keeps the body of the first call whose path ends in `suffix`, instead of passing it on.
pub(crate) struct Intercept {
    router: RouterTransport,
    suffix: &'static str,
    kept: Mutex<Option<(String, Value)>>,
}

impl Intercept {
    pub(crate) fn new(router: &Router, suffix: &'static str) -> Self {
        Self { router: RouterTransport(router.clone()), suffix, kept: Mutex::default() }
    }

    /// Path and body of the call kept.
    pub(crate) fn kept(&self) -> (String, Value) {
        self.kept.lock().unwrap().clone().unwrap()
    }
}

#[async_trait]
impl Transport for Intercept {
    async fn send(&self, call: Call) -> Result<Reply, TransportError> {
        if call.path.ends_with(self.suffix) {
            *self.kept.lock().unwrap() = Some((call.path, call.body.unwrap_or_default()));
            return Err(TransportError::Unreachable(String::from("intercepted")));
        }
        self.router.send(call).await
    }
}
