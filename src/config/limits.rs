//! What clients may take: connections, requests, time.

use std::time::Duration;

use super::error::refuse_if;
use super::raw::RawLimits;
use super::{ConfigError, Issuer, duration};

/// What clients may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Open connections; more wait in the operating system.
    pub max_connections: usize,
    /// From the first wait for a request to the end of its headers; so also the longest idle HTTP/1.1 connection.
    pub header_timeout: Duration,
    /// From accepting to the end of the TLS handshake.
    pub handshake_timeout: Duration,
    /// From the end of the headers to the answer.
    pub request_timeout: Duration,
    /// A connection without any request under way.
    pub idle_timeout: Duration,
    /// Bytes of a request body.
    pub max_body: usize,
    /// How long requests under way may take once the server stops.
    pub drain: Duration,
    /// Before that: how long requests are still taken, while readiness says no and connections end with their next answer.
    pub drain_notice: Duration,
    /// Open connections of one source: an IPv4 address, an IPv6 /64. Trusted proxies are not counted.
    pub max_connections_per_source: usize,
    /// Requests under way at once, status polls and keys apart.
    pub max_requests: usize,
    /// Requests that wait half a second at most for one of these places.
    pub max_queue: usize,
    /// Status polls that wait at once.
    pub max_waits: usize,
    /// Requests of one source a second; 0: no limit.
    pub source_rate: u32,
    /// Requests of one client a second, once it has authenticated; 0: no limit.
    pub client_rate: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_connections: 4096,
            header_timeout: Duration::from_secs(10),
            handshake_timeout: Duration::from_secs(10),
            request_timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_secs(75),
            max_body: 64 * 1024,
            drain: Duration::from_secs(20),
            drain_notice: Duration::from_secs(5),
            max_connections_per_source: 512,
            max_requests: 256,
            max_queue: 256,
            max_waits: 2048,
            source_rate: 2000,
            client_rate: 2000,
        }
    }
}

impl Limits {
    pub(super) fn check(raw: &RawLimits, issuer: &Issuer) -> Result<Self, ConfigError> {
        let usual = Self::default();
        let time = |setting, text: &Option<String>, usual| {
            let time = duration::read(setting, text.as_deref(), usual)?;
            refuse_if(time.is_zero(), setting, "must be longer than zero")?;
            refuse_if(time > LONGEST_WAIT, setting, "must be at most 10m")?;
            Ok::<_, ConfigError>(time)
        };
        Ok(Self {
            max_connections: count(
                "http.limits.max_connections",
                raw.max_connections,
                usual.max_connections,
            )?,
            header_timeout: time("http.limits.header_timeout", &raw.header_timeout, usual.header_timeout)?,
            handshake_timeout: time(
                "http.limits.handshake_timeout",
                &raw.handshake_timeout,
                usual.handshake_timeout,
            )?,
            request_timeout: time(
                "http.limits.request_timeout",
                &raw.request_timeout,
                usual.request_timeout,
            )?,
            idle_timeout: time("http.limits.idle_timeout", &raw.idle_timeout, usual.idle_timeout)?,
            max_body: body(raw.max_body, usual.max_body)?,
            drain: time("http.limits.drain", &raw.drain, usual.drain)?,
            drain_notice: notice(raw.drain_notice.as_deref(), issuer, usual.drain_notice)?,
            max_connections_per_source: count(
                "http.limits.max_connections_per_source",
                raw.max_connections_per_source,
                usual.max_connections_per_source,
            )?,
            max_requests: count("http.limits.max_requests", raw.max_requests, usual.max_requests)?,
            max_queue: count("http.limits.max_queue", raw.max_queue, usual.max_queue)?,
            max_waits: count("http.limits.max_waits", raw.max_waits, usual.max_waits)?,
            source_rate: rate("http.limits.source_rate", raw.source_rate, usual.source_rate)?,
            client_rate: rate("http.limits.client_rate", raw.client_rate, usual.client_rate)?,
        })
    }
}

/// On loopback there is no proxy that would have to notice.
fn notice(text: Option<&str>, issuer: &Issuer, usual: Duration) -> Result<Duration, ConfigError> {
    let setting = "http.limits.drain_notice";
    let usual = if issuer.is_loopback() { Duration::ZERO } else { usual };
    let notice = duration::read(setting, text, usual)?;
    refuse_if(notice > LONGEST_WAIT, setting, "must be at most 10m")?;
    Ok(notice)
}

fn rate(setting: &'static str, given: Option<u32>, usual: u32) -> Result<u32, ConfigError> {
    let rate = given.unwrap_or(usual);
    refuse_if(rate > 100_000, setting, "must be at most 100000, or 0 for no limit")?;
    Ok(rate)
}

fn count(setting: &'static str, given: Option<u32>, usual: usize) -> Result<usize, ConfigError> {
    let count = given.map_or(Ok(usual), usize::try_from);
    let count = count.map_err(|_| ConfigError::refused(setting, "too many"))?;
    refuse_if(count == 0, setting, "must be at least 1")?;
    // The most permits one semaphore can hold is far above; file descriptors end long before.
    refuse_if(count > 1_000_000, setting, "must be at most 1000000")?;
    Ok(count)
}

fn body(given: Option<u32>, usual: usize) -> Result<usize, ConfigError> {
    let bytes = count("http.limits.max_body", given, usual)?;
    refuse_if(
        bytes < SMALLEST_BODY,
        "http.limits.max_body",
        "must be at least 16384: an attestation would not fit",
    )?;
    Ok(bytes)
}

const LONGEST_WAIT: Duration = Duration::from_mins(10);
const SMALLEST_BODY: usize = 16 * 1024;
