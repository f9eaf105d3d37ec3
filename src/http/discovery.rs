//! Discovery (OpenID Connect Discovery 1.0 4, RFC 8414 3) and the JWK Set. Public, cacheable, open to browsers.

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::state::AppState;
use crate::flow::Document;

/// Provider metadata.
pub(super) async fn metadata(State(state): State<AppState>, headers: HeaderMap) -> Response {
    cacheable(&headers, &state.provider.metadata_document(), 600)
}

/// The published keys; the cache time is that of the key policy (`security.md` 5.6).
pub(super) async fn jwks(State(state): State<AppState>, headers: HeaderMap) -> Response {
    let max_age = state.provider.policy.keys.jwks_max_age.as_secs();
    cacheable(&headers, &state.provider.jwks_document(), max_age)
}

fn cacheable(headers: &HeaderMap, document: &Document, max_age: u64) -> Response {
    let known = headers.get_all(header::IF_NONE_MATCH).iter().any(|sent| names(sent, &document.etag));
    let mut response = if known {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let json = [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))];
        (json, Body::from(document.text.clone())).into_response()
    };
    let answer = response.headers_mut();
    if let Ok(value) = HeaderValue::from_str(&format!("public, max-age={max_age}")) {
        answer.insert(header::CACHE_CONTROL, value);
    }
    if let Ok(value) = HeaderValue::from_str(&document.etag) {
        answer.insert(header::ETAG, value);
    }
    answer.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    response
}

/// RFC 9110 13.1.2: any, or one of a list by weak comparison.
fn names(sent: &HeaderValue, etag: &str) -> bool {
    let listed = sent.to_str().unwrap_or_default().split(',').map(str::trim);
    listed.map(|one| one.strip_prefix("W/").unwrap_or(one)).any(|one| one == "*" || one == etag)
}
