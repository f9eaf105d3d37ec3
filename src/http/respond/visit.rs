//! Pages whose GET goes on with a login: a request that nobody will see the answer of takes no step.

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

/// Answers `HEAD` and prefetching 503: a browser then asks again when the person really goes there.
pub(crate) async fn only_visits(request: Request, next: Next) -> Response {
    if request.method() != Method::HEAD && !is_prefetch(request.headers()) {
        return next.run(request).await;
    }
    let no_store = [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    // The type keeps this answer as it is: a page would be thrown away.
    let kind = [(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"))];
    (StatusCode::SERVICE_UNAVAILABLE, no_store, kind).into_response()
}

/// `Sec-Purpose: prefetch` (Fetch 3.2.3), and its older spellings.
fn is_prefetch(headers: &HeaderMap) -> bool {
    let says = |name| {
        let value = headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
        value.is_some_and(|value| value.trim_start().starts_with("prefetch"))
    };
    says("sec-purpose") || says("purpose") || says("x-moz")
}
