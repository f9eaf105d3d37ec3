//! Asks over HTTP as the machine of a service would: no cookie, no redirect followed, 5 s at most.

use std::error::Error as _;
use std::path::Path;

use anyhow::Context as _;
use reqwest::header::{HeaderMap, HeaderName};
use reqwest::redirect::Policy;
use reqwest::tls::TlsInfo;
use reqwest::{Certificate, Client};
use serde_json::Value;

use super::PATIENCE;

/// More is no answer of ours.
const LONGEST: usize = 1024 * 1024;

/// Who asks.
pub(super) struct Prober(Client);

/// What was answered.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: String,
    /// The certificate shown, DER.
    pub(super) certificate: Option<Vec<u8>>,
}

impl Prober {
    /// Believes also the authorities of the file `authorities`.
    pub(super) fn new(authorities: Option<&Path>) -> anyhow::Result<Self> {
        let mut builder = Client::builder()
            .timeout(PATIENCE)
            .redirect(Policy::none())
            .referer(false)
            .no_proxy()
            .tls_info(true);
        if let Some(path) = authorities {
            let pem = std::fs::read(path).with_context(|| path.display().to_string())?;
            builder = builder.tls_certs_merge(Certificate::from_pem_bundle(&pem)?);
        }
        Ok(Self(builder.build()?))
    }

    pub(super) async fn get(&self, url: &str) -> Result<Answer, reqwest::Error> {
        let mut response = self.0.get(url).send().await?;
        let certificate = response.extensions().get::<TlsInfo>().and_then(TlsInfo::peer_certificate);
        let certificate = certificate.map(<[u8]>::to_vec);
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            body.extend_from_slice(&chunk);
            if body.len() > LONGEST {
                break;
            }
        }
        let body = String::from_utf8_lossy(&body).into_owned();
        Ok(Answer { status, headers, body, certificate })
    }
}

impl Answer {
    pub(super) fn json(&self) -> Option<Value> {
        serde_json::from_str(&self.body).ok()
    }

    pub(super) fn header(&self, name: &HeaderName) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

/// The innermost cause in its own words: what is around it repeats the address.
pub(super) fn reason(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return String::from("no answer within 5 s");
    }
    let mut cause = error.source();
    let mut text = error.to_string();
    while let Some(inner) = cause {
        text = inner.to_string();
        cause = inner.source();
    }
    text
}
