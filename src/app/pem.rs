//! The text form of certificates, as the relying party of WebAuthn takes its roots: RFC 7468 5. Does not read any.

use base64::Engine as _;

/// Certificates as PEM (RFC 7468 5).
pub(super) fn pem(certificates: &[Vec<u8>]) -> Vec<u8> {
    let mut text = String::new();
    for der in certificates {
        let encoded = base64::engine::general_purpose::STANDARD.encode(der);
        text.push_str("-----BEGIN CERTIFICATE-----\n");
        for line in encoded.as_bytes().chunks(64) {
            text.extend([&*String::from_utf8_lossy(line), "\n"]);
        }
        text.push_str("-----END CERTIFICATE-----\n");
    }
    text.into_bytes()
}
