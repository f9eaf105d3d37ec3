//! Health and metrics, on the listener of the operator.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Map, Value, json};

use super::leaving::Leaving;
use crate::flow::Provider;

/// What the operator's listener tells.
#[derive(Clone)]
pub struct Health {
    provider: Arc<Provider>,
    metrics: Arc<dyn Fn() -> String + Send + Sync>,
    leaving: Leaving,
    started: Arc<AtomicBool>,
}

impl Health {
    /// Of `provider`, until `leaving`; `metrics` renders the metrics in the Prometheus text format.
    #[must_use]
    pub fn new(
        provider: Arc<Provider>,
        metrics: Arc<dyn Fn() -> String + Send + Sync>,
        leaving: Leaving,
    ) -> Self {
        Self { provider, metrics, leaving, started: Arc::default() }
    }
}

/// Routes of the operator's listener.
pub fn admin_router(health: Health) -> Router {
    Router::new()
        .route("/health/live", get(async || "live\n"))
        .route("/health/ready", get(ready))
        .route("/health/started", get(started))
        .route("/metrics", get(metrics))
        .with_state(health)
}

/// Ready when everything that requests need is there (`security.md` 4.5); the body names what is not.
async fn ready(State(health): State<Health>) -> Response {
    if health.leaving.has_begun() {
        let told = json!({ "ready": false, "checks": { "leaving": "this process is about to end" } });
        return (StatusCode::SERVICE_UNAVAILABLE, Json(told)).into_response();
    }
    let provider = &health.provider;
    let (mut checks, redis) = futures_util::join!(provider.durable_checks(), provider.ephemeral_check());
    checks.push(redis);
    for check in &checks {
        metrics::gauge!("sceau_ready", "check" => check.name).set(if check.failure.is_none() {
            1.0
        } else {
            0.0
        });
    }
    let is_ready = checks.iter().all(|check| check.failure.is_none() || !check.decides);
    if is_ready {
        health.started.store(true, Ordering::Relaxed);
    }
    let told: Map<String, Value> =
        checks.iter().map(|check| (check.name.to_owned(), json!(check.failure.unwrap_or("ok")))).collect();
    let status = if is_ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(json!({ "ready": is_ready, "checks": told }))).into_response()
}

/// 200 for good once the process was ready: from then on liveness and readiness are asked.
async fn started(health: State<Health>) -> Response {
    if health.started.load(Ordering::Relaxed) {
        return "started\n".into_response();
    }
    ready(health).await
}

async fn metrics(State(health): State<Health>) -> String {
    (health.metrics)()
}
