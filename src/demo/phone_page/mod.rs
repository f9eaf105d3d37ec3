//! The demonstration phone as a page: plain modules, keys in the browser (Web Cryptography), speaking `/mobile/v1` of the
//! issuer across origins. It plays the app; it holds nothing of this process.

use axum::Router;
use axum::http::HeaderName;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::routing::get;
use url::Url;

const JAVASCRIPT: &str = "text/javascript; charset=utf-8";

/// Path, content type and text of each file beside the page.
const FILES: [(&str, &str, &str); 8] = [
    ("/phone.css", "text/css; charset=utf-8", include_str!("phone.css")),
    ("/phone.js", JAVASCRIPT, include_str!("phone.js")),
    ("/activation.js", JAVASCRIPT, include_str!("activation.js")),
    ("/screens.js", JAVASCRIPT, include_str!("screens.js")),
    ("/authenticator.js", JAVASCRIPT, include_str!("authenticator.js")),
    ("/issuer.js", JAVASCRIPT, include_str!("issuer.js")),
    ("/store.js", JAVASCRIPT, include_str!("store.js")),
    ("/texts.js", JAVASCRIPT, include_str!("texts.js")),
];

/// The routes of the phone of `issuer`: the page at `/`, its files, the seal.
pub fn phone_page<S: Clone + Send + Sync + 'static>(issuer: &Url) -> Router<S> {
    // The serialisation of a URL has no character that HTML or a policy would read otherwise.
    let address = issuer.as_str().trim_end_matches('/');
    let html = include_str!("index.html").replace("{{issuer}}", address);
    let policy = format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self' {}; \
         form-action 'none'; base-uri 'none'; frame-ancestors 'none'",
        issuer.origin().ascii_serialization()
    );
    let page = get(move || async move {
        let headers = [(CONTENT_SECURITY_POLICY, policy), (CACHE_CONTROL, "no-store".to_owned())];
        (headers, file("text/html; charset=utf-8", html))
    });
    let seal = include_str!("../../http/assets/seal.svg");
    let files = FILES.into_iter().chain([("/seal.svg", "image/svg+xml", seal)]);
    files.fold(Router::new().route("/", page), |router, (path, content_type, text)| {
        router.route(path, get(move || async move { file(content_type, text) }))
    })
}

fn file<T>(content_type: &'static str, text: T) -> ([(HeaderName, &'static str); 3], T) {
    let headers =
        [(CONTENT_TYPE, content_type), (X_CONTENT_TYPE_OPTIONS, "nosniff"), (REFERRER_POLICY, "no-referrer")];
    (headers, text)
}
