//! A [`Carrier`] that posts short messages to an HTTP gateway as JSON.
//!
//! `POST` to one URL with `Authorization: Bearer …` (RFC 6750 2.1) and `{"to", "text", "reference"}`. The gateway takes
//! a message by answering 200, 201 or 202 with a JSON object whose `reference` is the one sent; it must send a message
//! once however often it gets its reference. 401, 403, 408, 429 (RFC 6585 4), 5xx, silence and a 2xx that is not that
//! answer are tried again; other statuses are final. No redirect is followed and no proxy used.

use std::time::Duration;

use async_trait::async_trait;
use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::{Certificate, Client, Response};
use serde::Deserialize;
use serde_json::json;
use url::Url;

use crate::base::Secret;
use crate::ports::{Carrier, CarrierError, Message};

/// Where a gateway is.
#[derive(Clone, Debug)]
pub struct GatewaySettings {
    /// Its address.
    pub url: Url,
    /// Its bearer token.
    pub token: Secret,
    /// PEM of the authorities of its certificate; none: the system's.
    pub authorities: Option<String>,
}

/// Settings that no gateway can be reached with.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    /// TLS cannot be set up.
    #[error("the SMS gateway: {0}")]
    Client(#[from] reqwest::Error),
    /// The token does not fit a header (RFC 9110 5.5).
    #[error("the token of the SMS gateway holds what no header may hold")]
    Token,
}

/// Sends short messages through one gateway.
pub struct SmsGateway {
    client: Client,
    url: Url,
}

impl SmsGateway {
    /// A sender through the gateway of `settings`; nothing is connected yet.
    ///
    /// # Errors
    /// [`GatewayError`]
    pub fn new(settings: &GatewaySettings) -> Result<Self, GatewayError> {
        let bearer = format!("Bearer {}", settings.token.expose());
        let mut bearer = HeaderValue::from_str(&bearer).map_err(|_| GatewayError::Token)?;
        bearer.set_sensitive(true);
        let json = HeaderValue::from_static("application/json");
        let headers = HeaderMap::from_iter([(AUTHORIZATION, bearer), (ACCEPT, json)]);
        let mut builder = Client::builder()
            .timeout(TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .default_headers(headers);
        if let Some(pem) = &settings.authorities {
            builder = builder.tls_certs_only(Certificate::from_pem_bundle(pem.as_bytes())?);
        }
        Ok(Self { client: builder.build()?, url: settings.url.clone() })
    }
}

#[async_trait]
impl Carrier for SmsGateway {
    async fn carry(&self, message: &Message) -> Result<(), CarrierError> {
        let to = number(message.contact.expose())
            .ok_or(CarrierError::Permanent { reason: "contact_not_a_number" })?;
        let (text, reference) = (message.content.short(), message.id.to_string());
        let body = json!({ "to": to, "text": text.expose(), "reference": reference });
        let sent = self.client.post(self.url.clone()).json(&body).send().await;
        let response = sent.map_err(|error| unanswered(&error))?;
        judge_status(&response)?;
        let taken = read(response).await?;
        if taken.reference != reference {
            return Err(temporary("gateway_answers_otherwise"));
        }
        Ok(())
    }
}

/// The answer of a gateway that took a message; it may say more.
#[derive(Deserialize)]
struct Taken {
    reference: String,
}

fn judge_status(response: &Response) -> Result<(), CarrierError> {
    match response.status().as_u16() {
        200..=202 => Ok(()),
        408 | 429 | 500.. => {
            Err(CarrierError::Temporary { reason: "gateway_asks_to_wait", after: retry_after(response) })
        }
        // For the operator to mend: the token, not the person's number.
        401 | 403 => Err(temporary("gateway_refuses_authentication")),
        _ => Err(CarrierError::Permanent { reason: "gateway_refuses" }),
    }
}

async fn read(mut response: Response) -> Result<Taken, CarrierError> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| unanswered(&error))? {
        if bytes.len().saturating_add(chunk.len()) > MAX_ANSWER {
            return Err(temporary("gateway_answers_otherwise"));
        }
        bytes.extend_from_slice(&chunk);
    }
    serde_json::from_slice(&bytes).map_err(|_| temporary("gateway_answers_otherwise"))
}

/// RFC 9110 10.2.3, in seconds; a date is not read.
fn retry_after(response: &Response) -> Option<Duration> {
    let seconds = response.headers().get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

/// The digits of a number, with `+` before them if there is one (ITU-T E.164: 15 at most); none when it is no number.
fn number(contact: &str) -> Option<String> {
    let (sign, rest) = contact.strip_prefix('+').map_or(("", contact), |rest| ("+", rest));
    let digits: String = rest.chars().filter(|c| !matches!(c, ' ' | '.' | '-' | '(' | ')')).collect();
    let plain = (4..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| format!("{sign}{digits}"))
}

fn unanswered(error: &reqwest::Error) -> CarrierError {
    temporary(if error.is_timeout() { "timeout" } else { "gateway_not_reached" })
}

const fn temporary(reason: &'static str) -> CarrierError {
    CarrierError::Temporary { reason, after: None }
}

/// From connecting to the end of the answer.
const TIMEOUT: Duration = Duration::from_secs(5);
const MAX_ANSWER: usize = 64 * 1024;
