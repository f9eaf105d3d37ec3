//! The headers of every page: RFC 9700 4.16 (framing), 4.2.4 (referrer, third parties), 4.12 (no caching of
//! what a form holds), Content Security Policy Level 3.

use axum::http::header::{
    CACHE_CONTROL, CONTENT_LANGUAGE, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use url::Url;

use crate::interaction::Locale;

const CROSS_ORIGIN_OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");

/// The headers of a page whose forms may end at `form_targets`.
pub(super) fn page_headers<'a>(locale: Locale, form_targets: impl IntoIterator<Item = &'a str>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let mut set = |name, value| headers.insert(name, HeaderValue::from_static(value));
    set(CONTENT_TYPE, "text/html; charset=utf-8");
    set(CONTENT_LANGUAGE, locale.as_str());
    set(CACHE_CONTROL, "no-store");
    set(REFERRER_POLICY, "no-referrer");
    set(X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(X_FRAME_OPTIONS, "DENY");
    set(CROSS_ORIGIN_OPENER_POLICY, "same-origin");
    headers.insert(CONTENT_SECURITY_POLICY, content_security_policy(form_targets));
    headers
}

/// Chromium applies `form-action` to the redirects that follow a form, so the service's origin is named too.
fn content_security_policy<'a>(form_targets: impl IntoIterator<Item = &'a str>) -> HeaderValue {
    let mut policy = POLICY.to_owned();
    for source in form_targets.into_iter().filter_map(csp_source) {
        policy.push(' ');
        policy.push_str(&source);
    }
    HeaderValue::try_from(policy).unwrap_or(HeaderValue::from_static(POLICY))
}

/// `form-action` comes last: its sources are appended.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; \
    img-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'";

/// The source expression of a URL: its origin, or its scheme where there is none (RFC 8252 7.1). What could
/// change the meaning of the policy gives nothing.
fn csp_source(target: &str) -> Option<String> {
    let url = Url::parse(target).ok()?;
    let source = match url.scheme() {
        "http" | "https" => url.origin().ascii_serialization(),
        "javascript" | "data" | "blob" | "file" => return None,
        private => format!("{private}:"),
    };
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, ':' | '/' | '.' | '-' | '+' | '[' | ']');
    source.chars().all(plain).then_some(source)
}
