//! What browsers and services send, and what they get back.

use std::collections::BTreeMap;

use axum::Router;
use axum::body::Body;
use http::{HeaderMap, Method, Request};
use http_body_util::BodyExt as _;
use sceau::oauth::RawParams;
use serde_json::Value;
use tower::ServiceExt as _;

use super::caller;

/// An answer as it came.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Received {
    /// A header; empty when absent.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The body as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("not JSON: {} {}", self.status, self.text))
    }

    /// A text member of the JSON body.
    pub(crate) fn text_of(&self, name: &str) -> String {
        let body = self.json();
        body[name].as_str().unwrap_or_else(|| panic!("no {name} in {body}")).to_owned()
    }

    /// Status and error code of a JSON refusal.
    pub(crate) fn error(&self) -> (u16, String) {
        (self.status, self.text_of("error"))
    }

    /// Asserts a page that redirects nowhere.
    pub(crate) fn assert_page(&self, status: u16, told: &str) {
        assert_eq!((self.status, self.header("location")), (status, ""), "{}", self.text);
        assert_eq!(self.header("content-type"), "text/html; charset=utf-8");
        assert!(self.text.contains(told), "{told}: {}", self.text);
    }

    /// `Set-Cookie` lines.
    pub(crate) fn cookies(&self) -> Vec<String> {
        let lines = self.headers.get_all("set-cookie").iter();
        lines.map(|line| line.to_str().unwrap().to_owned()).collect()
    }

    /// The answer to the client that this redirect carries.
    pub(crate) fn to_client(&self) -> ClientAnswer {
        assert_eq!(self.status, 303, "{}", self.text);
        ClientAnswer::parse(self.header("location"))
    }
}

/// An authorization response as the client sees it.
#[derive(Clone, Debug)]
pub(crate) struct ClientAnswer {
    pub(crate) address: String,
    pub(crate) params: BTreeMap<String, String>,
}

impl ClientAnswer {
    pub(crate) fn parse(location: &str) -> Self {
        let (address, query) = location.split_once('?').unwrap_or_else(|| panic!("no answer: {location}"));
        let params = RawParams::parse(query.as_bytes()).unwrap();
        params.check_unique().unwrap();
        let params = params.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        Self { address: address.to_owned(), params }
    }

    pub(crate) fn get(&self, name: &str) -> &str {
        self.params.get(name).map_or("", String::as_str)
    }

    pub(crate) fn code(&self) -> &str {
        assert!(self.params.contains_key("code"), "{self:?}");
        self.get("code")
    }

    pub(crate) fn error(&self) -> &str {
        assert!(!self.params.contains_key("code"), "{self:?}");
        self.get("error")
    }
}

/// A form body.
pub(crate) fn encoded(fields: &[(&str, &str)]) -> String {
    let owned = fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    RawParams::from_pairs(owned).encode()
}

/// A request without body.
pub(crate) fn bare(method: &Method, path: &str, headers: &[(&str, &str)]) -> Request<Body> {
    caller::request(method, path, headers, None)
}

/// A form sent by POST.
pub(crate) fn form(path: &str, headers: &[(&str, &str)], fields: &[(&str, &str)]) -> Request<Body> {
    let mut request = bare(&Method::POST, path, headers);
    let kind = "application/x-www-form-urlencoded".parse().unwrap();
    request.headers_mut().entry("content-type").or_insert(kind);
    *request.body_mut() = Body::from(encoded(fields));
    request
}

pub(crate) async fn exchange(router: &Router, request: Request<Body>) -> Received {
    let response = router.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    Received { status: parts.status.as_u16(), headers: parts.headers, text }
}

impl super::Harness {
    pub(crate) async fn exchange(&self, request: Request<Body>) -> Received {
        exchange(&self.router, request).await
    }

    pub(crate) async fn get(&self, path: &str) -> Received {
        self.exchange(bare(&Method::GET, path, &[])).await
    }

    /// Rows of the audit log written while `work` runs.
    pub(crate) async fn audited_during<T>(&self, work: impl Future<Output = T>) -> (T, Vec<String>) {
        let before = self.audit().await.len();
        let done = work.await;
        let rows = self.audit().await.split_off(before);
        (done, rows)
    }
}
