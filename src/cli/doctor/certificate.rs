//! How long a certificate still counts.

use std::time::Duration;

use x509_parser::pem::Pem;

use super::Diagnosis;
use crate::base::{Clock as _, SystemClock, UnixTime};
use crate::config::Documents;

/// Less than this is too little for anybody to notice and act.
const ENOUGH: Duration = Duration::from_hours(14 * 24);

/// The certificate of the listener; a proxy's is looked at from outside.
pub(super) fn of_settings(documents: &Documents) -> Option<Diagnosis> {
    let tls = documents.tls.as_ref()?;
    let first =
        Pem::iter_from_buffer(tls.cert.as_bytes()).flatten().find(|block| block.label == "CERTIFICATE");
    Some(match first {
        Some(block) => left("certificate file", &block.contents),
        None => Diagnosis::wrong("certificate file", "http.tls.cert_file holds no certificate"),
    })
}

/// What is left of the certificate `der`.
pub(super) fn left(check: &'static str, der: &[u8]) -> Diagnosis {
    let Ok((_, certificate)) = x509_parser::parse_x509_certificate(der) else {
        return Diagnosis::wrong(check, "the certificate cannot be read: have it issued again");
    };
    let validity = certificate.validity();
    let (begins, ends) = (
        UnixTime::from_secs(validity.not_before.timestamp()),
        UnixTime::from_secs(validity.not_after.timestamp()),
    );
    let now = SystemClock.now();
    let days = ends.since(now).as_secs() / 86_400;
    if ends <= now {
        let sentence = format!(
            "the certificate expired at {ends}: every browser, phone and service refuses this address; renew it now, `serve` reads it again within a minute"
        );
        return Diagnosis::wrong(check, sentence);
    }
    if now < begins {
        let sentence = format!(
            "the certificate counts from {begins} on only: until then everybody refuses it; look at the clocks"
        );
        return Diagnosis::wrong(check, sentence);
    }
    if ends.since(now) < ENOUGH {
        let sentence = format!(
            "the certificate expires in {days} days, at {ends}, after which everybody refuses this address: renew it, and look why that did not happen by itself"
        );
        return Diagnosis::warn(check, sentence);
    }
    Diagnosis::ok(check, format!("the certificate counts for {days} more days"))
}
