//! How a call reaches the server: over HTTP, or straight into a router in a test.

use async_trait::async_trait;
use serde_json::Value;

/// One call of `/mobile/v1`.
#[derive(Clone, Debug)]
pub struct Call {
    /// HTTP method.
    pub method: reqwest::Method,
    /// Path from the server's root, beginning with `/`.
    pub path: String,
    /// The one `DPoP` header (RFC 9449 4.1), absent on calls that need none.
    pub dpop: Option<String>,
    /// JSON body.
    pub body: Option<Value>,
}

/// The server's answer.
#[derive(Clone, Debug)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// The `DPoP-Nonce` header (RFC 9449 8.2).
    pub dpop_nonce: Option<String>,
    /// JSON body; null when there is none.
    pub body: Value,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TransportError {
    /// Only https, or http to this machine.
    #[error("the server's URL is neither https nor a loopback address")]
    Insecure,
    /// The call failed; it may have had its effect.
    #[error("the server was not reached: {0}")]
    Unreachable(String),
    /// The answer is too long, or no JSON.
    #[error("the answer is not usable JSON")]
    NotJson,
}

/// The way to the server.
#[async_trait]
pub trait Transport: Send + Sync {
    /// Sends `call`, once, without following redirects.
    async fn send(&self, call: Call) -> Result<Reply, TransportError>;
}
