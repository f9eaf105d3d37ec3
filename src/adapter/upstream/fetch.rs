//! One HTTP call: no redirection, no compression, a bounded body, and a status and type for the caller to judge.

use std::time::Duration;

use reqwest::dns::Resolve;
use reqwest::header::{ACCEPT, ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap};
use reqwest::{RequestBuilder, Response, StatusCode};
use url::Url;

use crate::base::Secret;
use crate::jose::{JsonCaps, parse_strict};
use crate::ports::{UpstreamError, UpstreamOutage, UpstreamRefusal};
use serde_json::{Map, Value};

/// Bytes of any answer of a provider.
pub(super) const MAX_BODY: usize = 64 * 1024;

/// What came back.
pub(super) struct Reply {
    pub(super) status: StatusCode,
    /// In lower case, without parameters.
    media_type: String,
    /// How long it may be kept (RFC 9111 5.2.2.1).
    pub(super) max_age: Option<Duration>,
    body: Vec<u8>,
}

/// The way out.
#[derive(Clone)]
pub(super) struct Fetcher(reqwest::Client);

impl Fetcher {
    pub(super) fn new() -> Result<Self, reqwest::Error> {
        Ok(Self(plain().build()?))
    }

    /// The same to addresses that `resolver` gives, and through no proxy, which would look names up itself.
    pub(super) fn guarded(resolver: impl Resolve + 'static) -> Result<Self, reqwest::Error> {
        Ok(Self(plain().no_proxy().dns_resolver(resolver).build()?))
    }

    /// GET, with the access token if one is given (RFC 6750 2.1).
    pub(super) async fn get(
        &self,
        url: &Url,
        accept: &str,
        bearer: Option<&Secret>,
    ) -> Result<Reply, UpstreamError> {
        let mut request = self.0.get(url.clone());
        if let Some(token) = bearer {
            request = request.bearer_auth(token.expose());
        }
        send(request, accept).await
    }

    /// POST of a form (RFC 6749 4.1.3).
    pub(super) async fn post(&self, url: &Url, form: &[(&str, &str)]) -> Result<Reply, UpstreamError> {
        send(self.0.post(url.clone()).form(form), JSON).await
    }
}

fn plain() -> reqwest::ClientBuilder {
    // Following redirections would let an answer name another address to call.
    reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).referer(false)
}

impl Reply {
    /// The body, if the status is 200 and the type one of `types`.
    pub(super) fn body_of(&self, types: &[&str]) -> Result<&[u8], UpstreamRefusal> {
        if self.status != StatusCode::OK {
            return Err(UpstreamRefusal::Status);
        }
        if self.is(types) { Ok(&self.body) } else { Err(UpstreamRefusal::ContentType) }
    }

    /// Whether the type is one of `types`.
    pub(super) fn is(&self, types: &[&str]) -> bool {
        types.contains(&self.media_type.as_str())
    }

    /// The body as a JSON object, whatever the status; none if it is something else.
    pub(super) fn object(&self) -> Option<Map<String, Value>> {
        let value = self.is(&[JSON]).then(|| parse_strict(&self.body, CAPS).ok())??;
        if let Value::Object(members) = value { Some(members) } else { None }
    }

    /// The body as text.
    pub(super) fn text(&self) -> Option<&str> {
        std::str::from_utf8(&self.body).ok()
    }
}

/// The text of a member.
pub(super) fn text<'a>(members: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    members.get(name).and_then(Value::as_str)
}

async fn send(request: RequestBuilder, accept: &str) -> Result<Reply, UpstreamError> {
    let request = request.header(ACCEPT, accept).header(ACCEPT_ENCODING, "identity");
    let answer = request.send().await.map_err(|error| outage(&error))?;
    let status = answer.status();
    if status.is_redirection() {
        return Err(UpstreamRefusal::Redirected.into());
    }
    if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
        return Err(UpstreamOutage::ServerError.into());
    }
    // A compressed body could be a thousand times what arrives.
    if header(answer.headers(), CONTENT_ENCODING.as_str()).is_some_and(|encoding| encoding != "identity") {
        return Err(UpstreamRefusal::ContentEncoding.into());
    }
    let media_type = header(answer.headers(), CONTENT_TYPE.as_str()).unwrap_or_default();
    let max_age = max_age(answer.headers());
    let body = read(answer).await?;
    Ok(Reply { status, media_type, max_age, body })
}

async fn read(mut answer: Response) -> Result<Vec<u8>, UpstreamError> {
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(|error| outage(&error))? {
        if body.len().saturating_add(chunk.len()) > MAX_BODY {
            return Err(UpstreamRefusal::TooLong.into());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// The value before any parameter, in lower case.
fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    let value = headers.get(name)?.to_str().ok()?;
    Some(value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase())
}

fn max_age(headers: &HeaderMap) -> Option<Duration> {
    let control = headers.get(CACHE_CONTROL)?.to_str().ok()?.to_ascii_lowercase();
    let seconds = control.split(',').find_map(|directive| directive.trim().strip_prefix("max-age="))?;
    seconds.parse().ok().map(Duration::from_secs)
}

/// The error's own text may name the address; only its kind is kept.
fn outage(error: &reqwest::Error) -> UpstreamError {
    if error.is_timeout() { UpstreamOutage::TimedOut.into() } else { UpstreamOutage::Unreachable.into() }
}

/// The type of JSON (RFC 8259 11).
pub(super) const JSON: &str = "application/json";
/// The type of tokens (RFC 7519 10.3.1).
pub(super) const JWT: &str = "application/jwt";
/// Bounds of a provider's JSON.
pub(super) const CAPS: JsonCaps = JsonCaps { bytes: MAX_BODY, members: 128, depth: 12 };
