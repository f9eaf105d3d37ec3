//! Calls written by hand, with or without a proof of a request key (RFC 9449 4.2).

use std::net::SocketAddr;
use std::path::Path;

use axum::Router;
use axum::body::Body;
use http::{HeaderMap, Method, Request};
use http_body_util::BodyExt as _;
use sceau::base::{Clock as _, EntropyExt as _, OsEntropy, base64url, from_base64url};
use sceau::http::extract::Peer;
use sceau::jose::{Algorithm, Jwk, PrivateKey, compact, signing_input};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use super::{Harness, ISSUER};

/// An answer with its headers.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// Status and error code.
    pub(crate) fn refusal(&self) -> (u16, &str) {
        (self.status, self.body.get("error").and_then(Value::as_str).unwrap_or("no error"))
    }
}

/// A request from an address of the documentation range (RFC 5737).
pub(crate) fn request(
    method: &Method,
    path: &str,
    headers: &[(&str, &str)],
    body: Option<&Value>,
) -> Request<Body> {
    let mut request = Request::builder()
        .method(method)
        .uri(path)
        .extension(Peer(SocketAddr::from(([203, 0, 113, 7], 49152))))
        .header("user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    match body {
        Some(body) => {
            request.header("content-type", "application/json").body(Body::from(body.to_string())).unwrap()
        }
        None => request.body(Body::empty()).unwrap(),
    }
}

pub(crate) async fn send(router: &Router, request: Request<Body>) -> Reply {
    let response = router.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    let body = if bytes.is_empty() { Value::Null } else { serde_json::from_slice(&bytes).unwrap() };
    Reply { status: parts.status.as_u16(), headers: parts.headers, body }
}

/// A call without body or proof.
pub(crate) async fn plain(harness: &Harness, method: &Method, path: &str) -> Reply {
    send(&harness.router, request(method, path, &[], None)).await
}

/// Whoever holds a request key.
pub(crate) struct Caller<'a> {
    harness: &'a Harness,
    key: PrivateKey,
}

impl<'a> Caller<'a> {
    /// With a key of its own.
    pub(crate) fn stranger(harness: &'a Harness) -> Self {
        Self { harness, key: PrivateKey::generate(Algorithm::Es256).unwrap() }
    }

    /// With the request key of a phone in software.
    pub(crate) fn with_key_of(harness: &'a Harness, state: &Path) -> Self {
        let state: Value = serde_json::from_slice(&std::fs::read(state).unwrap()).unwrap();
        let key = state.get("request_key").and_then(Value::as_str).unwrap();
        let key = PrivateKey::from_pkcs8(Algorithm::Es256, &from_base64url(key).unwrap()).unwrap();
        Self { harness, key }
    }

    /// A fresh proof with a current nonce.
    pub(crate) async fn proof(&self, method: &Method, path: &str) -> String {
        let first = send(&self.harness.router, request(&Method::GET, "/mobile/v1/nowhere", &[], None)).await;
        self.proof_with(method, path, first.header("dpop-nonce"))
    }

    pub(crate) fn proof_with(&self, method: &Method, path: &str, nonce: Option<&str>) -> String {
        let jwk = Jwk { key: self.key.public().clone(), kid: None, alg: None, key_use: None };
        let header = json!({ "typ": "dpop+jwt", "alg": "ES256", "jwk": jwk.to_json() });
        let mut claims = json!({
            "htm": method.as_str(),
            "htu": format!("{ISSUER}{path}"),
            "iat": self.harness.clock.now().secs(),
            "jti": base64url(OsEntropy.bytes::<16>()),
        });
        if let (Some(nonce), Some(members)) = (nonce, claims.as_object_mut()) {
            members.insert(String::from("nonce"), json!(nonce));
        }
        let input = signing_input(&header, &claims);
        let signature = self.key.sign(input.as_bytes()).unwrap();
        compact(input, &signature)
    }

    /// Calls with a fresh proof.
    pub(crate) async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Reply {
        let proof = self.proof(&method, path).await;
        self.call_with(&[("DPoP", &proof)], &method, path, body.as_ref()).await
    }

    /// Calls with these headers.
    pub(crate) async fn call_with(
        &self,
        headers: &[(&str, &str)],
        method: &Method,
        path: &str,
        body: Option<&Value>,
    ) -> Reply {
        send(&self.harness.router, request(method, path, headers, body)).await
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.call(Method::GET, path, None).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Reply {
        self.call(Method::POST, path, Some(body)).await
    }
}
