//! The files the pages need, compiled in: style, scripts, seal. Nothing comes from another origin
//! (RFC 9700 4.2.4).

use axum::Router;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, X_CONTENT_TYPE_OPTIONS};
use axum::routing::get;

/// Path, content type and bytes of each file.
const FILES: [(&str, &str, &str); 5] = [
    ("/assets/style.css", "text/css; charset=utf-8", include_str!("../assets/style.css")),
    ("/assets/number.js", "text/javascript; charset=utf-8", include_str!("../assets/number.js")),
    ("/assets/submit.js", "text/javascript; charset=utf-8", include_str!("../assets/submit.js")),
    ("/assets/seal.svg", "image/svg+xml", include_str!("../assets/seal.svg")),
    ("/assets/stamp.svg", "image/svg+xml", include_str!("../assets/stamp.svg")),
];

/// The routes `/assets/…`, for a router of any state.
pub fn assets<S: Clone + Send + Sync + 'static>() -> Router<S> {
    FILES.into_iter().fold(Router::new(), |router, (path, content_type, bytes)| {
        let headers: [(HeaderName, &'static str); 3] = [
            (CONTENT_TYPE, content_type),
            (CACHE_CONTROL, "public, max-age=3600"),
            (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        ];
        router.route(path, get(move || async move { (headers, bytes) }))
    })
}
