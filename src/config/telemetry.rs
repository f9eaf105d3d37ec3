//! Where traces go, and of which requests.

use url::Url;

use super::ConfigError;
use super::error::refuse_if;
use super::raw::RawTelemetry;

/// Checked settings of traces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Telemetry {
    /// The collector: OTLP over HTTP, to `/v1/traces` under this address. None: nothing is traced.
    pub otlp_endpoint: Option<Url>,
    /// Of a million requests, those traced.
    pub trace_sample: u32,
    /// The `traceparent` that a trusted proxy sends decides what is traced, and is the parent. Not where the proxy forwards what
    /// strangers sent.
    pub trust_traceparent: bool,
}

impl Telemetry {
    /// `proxies`: some are trusted.
    pub(super) fn check(raw: &RawTelemetry, proxies: bool) -> Result<Self, ConfigError> {
        let endpoint = raw.otlp_endpoint.as_deref().map(|text| {
            endpoint(text).ok_or_else(|| {
                ConfigError::refused(ENDPOINT, "must be http:// or https://, a host and a port")
            })
        });
        let otlp_endpoint = endpoint.transpose()?;
        refuse_if(
            otlp_endpoint.is_none() && raw.trace_sample.is_some(),
            SAMPLE,
            "is for telemetry.otlp_endpoint",
        )?;
        let share = raw.trace_sample.unwrap_or(USUAL);
        refuse_if(!(0.0..=1.0).contains(&share), SAMPLE, "must be from 0 to 1")?;
        // Rounded as it is written.
        let millionths = format!("{:.0}", share * 1e6).parse();
        let trace_sample = millionths.map_err(|_| ConfigError::refused(SAMPLE, "must be a number"))?;
        let trust_traceparent = raw.trust_traceparent.unwrap_or(false);
        refuse_if(
            trust_traceparent && otlp_endpoint.is_none(),
            TRACEPARENT,
            "is for telemetry.otlp_endpoint",
        )?;
        refuse_if(
            trust_traceparent && !proxies,
            TRACEPARENT,
            "is for http.trusted_proxies: nobody else is believed",
        )?;
        Ok(Self { otlp_endpoint, trace_sample, trust_traceparent })
    }

    /// As written in settings.
    pub(super) fn sample_written(&self) -> String {
        (f64::from(self.trace_sample) / 1e6).to_string()
    }
}

fn endpoint(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
    let bare = url.username().is_empty() && url.password().is_none() && url.query().is_none();
    (bare && url.fragment().is_none() && url.host_str().is_some()).then_some(url)
}

const ENDPOINT: &str = "telemetry.otlp_endpoint";
const SAMPLE: &str = "telemetry.trace_sample";
const TRACEPARENT: &str = "telemetry.trust_traceparent";
/// One in a hundred.
const USUAL: f64 = 0.01;
