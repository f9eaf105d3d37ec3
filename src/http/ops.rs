//! Health and metrics, on the listener of the operator.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;

use crate::flow::Provider;

/// What the operator's listener tells.
#[derive(Clone)]
pub struct Health {
    /// The use cases, asked whether they can be served.
    pub provider: Arc<Provider>,
    /// Renders the metrics in the Prometheus text format.
    pub metrics: Arc<dyn Fn() -> String + Send + Sync>,
}

/// Routes of the operator's listener.
pub fn admin_router(health: Health) -> Router {
    Router::new()
        .route("/health/live", get(async || "live\n"))
        .route("/health/ready", get(ready))
        .route("/metrics", get(metrics))
        .with_state(health)
}

/// Ready when SQL answers and a signing key is active (`security.md` 4.5).
async fn ready(State(health): State<Health>) -> (StatusCode, &'static str) {
    match health.provider.ready().await {
        Ok(()) => (StatusCode::OK, "ready\n"),
        Err(error) => {
            tracing::warn!(reason = %error, "not ready");
            (StatusCode::SERVICE_UNAVAILABLE, "not ready\n")
        }
    }
}

async fn metrics(State(health): State<Health>) -> String {
    (health.metrics)()
}
