//! The way to the server over HTTP: limits on time and size, no redirects.

use std::time::Duration;

use async_trait::async_trait;
use reqwest::header::CONTENT_TYPE;
use serde_json::Value;
use url::{Host, Url};

use super::{Call, Reply, Transport, TransportError};

const TIMEOUT: Duration = Duration::from_secs(10);
const MAX_ANSWER: usize = 256 * 1024;

/// HTTP to one server.
pub struct HttpTransport {
    server: Url,
    client: reqwest::Client,
}

impl HttpTransport {
    /// A transport to `server`.
    ///
    /// # Errors
    /// [`TransportError::Insecure`] for plain http to another machine; [`TransportError::Unreachable`] when TLS
    /// cannot be set up.
    pub fn new(server: &Url) -> Result<Self, TransportError> {
        if server.scheme() != "https" && !(server.scheme() == "http" && is_loopback(server)) {
            return Err(TransportError::Insecure);
        }
        let client = reqwest::Client::builder()
            .timeout(TIMEOUT)
            .connect_timeout(TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| TransportError::Unreachable(error.to_string()))?;
        Ok(Self { server: server.clone(), client })
    }
}

#[async_trait]
impl Transport for HttpTransport {
    async fn send(&self, call: Call) -> Result<Reply, TransportError> {
        let url =
            self.server.join(&call.path).map_err(|error| TransportError::Unreachable(error.to_string()))?;
        let mut request = self.client.request(call.method, url);
        if let Some(proof) = call.dpop {
            request = request.header("DPoP", proof);
        }
        if let Some(body) = call.body {
            request = request.header(CONTENT_TYPE, "application/json").body(body.to_string());
        }
        let response = request.send().await.map_err(|error| unreachable_at(&error))?;
        let status = response.status().as_u16();
        let dpop_nonce =
            response.headers().get("DPoP-Nonce").and_then(|nonce| nonce.to_str().ok()).map(str::to_owned);
        let body = read_json(response).await?;
        Ok(Reply { status, dpop_nonce, body })
    }
}

async fn read_json(mut response: reqwest::Response) -> Result<Value, TransportError> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| unreachable_at(&error))? {
        if bytes.len().saturating_add(chunk.len()) > MAX_ANSWER {
            return Err(TransportError::NotJson);
        }
        bytes.extend_from_slice(&chunk);
    }
    if bytes.is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_slice(&bytes).map_err(|_| TransportError::NotJson)
}

fn unreachable_at(error: &reqwest::Error) -> TransportError {
    TransportError::Unreachable(error.to_string())
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}
