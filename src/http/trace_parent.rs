//! W3C Trace Context (<https://www.w3.org/TR/trace-context/>), 3.2: the `traceparent` of a request, from a trusted
//! proxy alone, and only where the settings say that it lets none of a stranger pass. Does not read `tracestate` (3.3 allows to drop it).

use std::net::{IpAddr, Ipv4Addr};

use axum::extract::Request;
use opentelemetry::trace::{SpanContext, SpanId, TraceFlags, TraceId, TraceState};

use super::extract::{Network, Peer};

/// Where the request stands in a trace that somebody in front of us began. A stranger's word is not taken: anybody
/// could have every request of theirs traced, or write into the traces of others. Nor is that of a proxy by default: most
/// forward the header as it came.
pub(super) fn trace_parent(request: &Request, trusted: &[Network]) -> Option<SpanContext> {
    let mut values = request.headers().get_all("traceparent").iter();
    // 3.2: once, or not at all.
    let (Some(value), None) = (values.next(), values.next()) else { return None };
    let peer = request.extensions().get::<Peer>();
    let peer = peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.0.ip());
    trusted.iter().any(|network| network.contains(peer)).then(|| parse(value.to_str().ok()?)).flatten()
}

fn parse(text: &str) -> Option<SpanContext> {
    let mut parts = text.split('-');
    let (version, trace) = (hexadecimal(parts.next()?, 2)?, hexadecimal(parts.next()?, 32)?);
    let (span, flags) = (hexadecimal(parts.next()?, 16)?, hexadecimal(parts.next()?, 2)?);
    // 3.2.2.1 and 3.2.2.2: `ff` is no version; version 00 ends here, a later one may go on.
    if version == "ff" || (version == "00" && parts.next().is_some()) {
        return None;
    }
    let flags = TraceFlags::new(u8::from_str_radix(flags, 16).ok()?) & TraceFlags::SAMPLED;
    let (trace, span) = (TraceId::from_hex(trace).ok()?, SpanId::from_hex(span).ok()?);
    let context = SpanContext::new(trace, span, flags, true, TraceState::NONE);
    // 3.2.2.3: all zeros is none.
    context.is_valid().then_some(context)
}

/// 3.2.2: so many digits, in lower case.
fn hexadecimal(text: &str, digits: usize) -> Option<&str> {
    let fits = text.len() == digits && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    fits.then_some(text)
}
