//! Attestation certificates: the leaf (`WebAuthn Level 3` 8.2.1) and its path to a root of ours (RFC 5280 6.1).
//!
//! Of path validation: signatures, names, dates, basic constraints with path length, key usage; a critical
//! extension beyond these ends it. Not here: policies, name constraints, revocation.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA384_ASN1, ECDSA_P384_SHA256_ASN1, ECDSA_P384_SHA384_ASN1,
    RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384, UnparsedPublicKey, VerificationAlgorithm,
};
use uuid::Uuid;
use x509_parser::der_parser::oid;
use x509_parser::oid_registry::{
    OID_EC_P256, OID_KEY_TYPE_EC_PUBLIC_KEY, OID_NIST_EC_P384, OID_PKCS1_RSAENCRYPTION,
    OID_PKCS1_SHA256WITHRSA, OID_PKCS1_SHA384WITHRSA, OID_SIG_ECDSA_WITH_SHA256, OID_SIG_ECDSA_WITH_SHA384,
    OID_X509_EXT_BASIC_CONSTRAINTS, OID_X509_EXT_EXTENDED_KEY_USAGE, OID_X509_EXT_KEY_USAGE,
};
use x509_parser::pem::Pem;
use x509_parser::prelude::{AttributeTypeAndValue, FromDer as _, X509Certificate, X509Name, X509Version};
use x509_parser::time::ASN1Time;

use crate::base::UnixTime;
use crate::ports::AuthenticatorError;

/// 8.2.1: what the subject's OU says.
const UNIT: &str = "Authenticator Attestation";

/// The roots under which makers attest their models; never those of the operating system.
pub(super) struct TrustedRoots(Vec<Vec<u8>>);

impl TrustedRoots {
    /// Reads PEM; anything in it but certificates is skipped.
    pub(super) fn from_pem(pem: &[u8]) -> Result<Self, &'static str> {
        let mut roots = Vec::new();
        for block in Pem::iter_from_buffer(pem) {
            let block = block.map_err(|_| "malformed PEM")?;
            if block.label != "CERTIFICATE" {
                continue;
            }
            let root = parse(&block.contents).ok_or("malformed certificate")?;
            if !may_issue(&root, 0) {
                return Err("a certificate that may not issue others");
            }
            roots.push(block.contents);
        }
        Ok(Self(roots))
    }

    /// Whether a throw-away test root is among them.
    pub(super) fn include_test_root(&self) -> bool {
        self.0.iter().any(|root| is_test_root(root))
    }

    /// Whether the chain, leaf first, leads to one of these roots at `now`.
    pub(super) fn certify(&self, chain: &[Vec<u8>], now: UnixTime) -> bool {
        let parsed: Option<Vec<_>> = chain.iter().map(|der| parse(der)).collect();
        let (Some(path), Ok(now)) = (parsed, ASN1Time::from_timestamp(now.secs())) else { return false };
        let Some(last) = path.last() else { return false };
        let mut links = path.iter().zip(path.iter().skip(1)).enumerate();
        let is_linked = links.all(|(below, (child, issuer))| is_issued(child, issuer, below));
        let is_dated = path.iter().all(|certificate| certificate.validity().is_valid_at(now));
        let below = path.len().saturating_sub(1);
        // Several roots may share a name: all are tried.
        let is_anchored = self
            .0
            .iter()
            .filter_map(|der| parse(der))
            .any(|root| root.validity().is_valid_at(now) && is_issued(last, &root, below));
        is_linked && is_dated && is_anchored && !path.iter().any(has_unknown_critical)
    }
}

/// Whether the certificate is a throw-away root of the software phone: refused in production.
#[must_use]
pub fn is_test_root(certificate_der: &[u8]) -> bool {
    let test_root = oid!(1.3.6.1.4.1.32473.711.1);
    parse(certificate_der)
        .is_some_and(|root| root.extensions().iter().any(|extension| extension.oid == test_root))
}

/// Checks the attestation certificate of a model (8.2.1). The AAGUID extension is required: a root may certify
/// several models.
pub(super) fn check_leaf(der: &[u8], aaguid: Uuid) -> Result<(), AuthenticatorError> {
    let leaf = parse(der).ok_or(AuthenticatorError::Refused("attestation_certificate"))?;
    let is_end_entity = matches!(leaf.basic_constraints(), Ok(Some(constraints)) if !constraints.value.ca);
    if leaf.version() != X509Version::V3 || !is_end_entity || !is_attestation_subject(leaf.subject()) {
        return Err(AuthenticatorError::Refused("attestation_certificate"));
    }
    let extension = leaf
        .get_extension_unique(&oid!(1.3.6.1.4.1.45724.1.1.4))
        .map_err(|_| AuthenticatorError::Refused("attestation_aaguid"))?;
    // 8.2.1: not critical; the value is an OCTET STRING of 16 bytes.
    let named = extension
        .filter(|extension| !extension.critical)
        .and_then(|extension| extension.value.strip_prefix(&[0x04, 0x10]));
    if named == Some(aaguid.as_bytes()) {
        Ok(())
    } else {
        Err(AuthenticatorError::Refused("attestation_aaguid"))
    }
}

/// 8.2.1: C of two letters, O, OU as prescribed, CN; each once.
fn is_attestation_subject(subject: &X509Name<'_>) -> bool {
    let country = only(subject.iter_country());
    let maker = only(subject.iter_organization());
    let unit = only(subject.iter_organizational_unit());
    let name = only(subject.iter_common_name());
    country.is_some_and(|code| code.len() == 2)
        && maker.is_some_and(|text| !text.is_empty())
        && unit == Some(UNIT)
        && name.is_some_and(|text| !text.is_empty())
}

/// The text of an attribute that occurs once.
fn only<'a>(mut attributes: impl Iterator<Item = &'a AttributeTypeAndValue<'a>>) -> Option<&'a str> {
    let first = attributes.next()?.as_str().ok()?;
    attributes.next().is_none().then_some(first)
}

fn parse(der: &[u8]) -> Option<X509Certificate<'_>> {
    let (rest, certificate) = X509Certificate::from_der(der).ok()?;
    rest.is_empty().then_some(certificate)
}

/// RFC 5280 6.1.3, 6.1.4: name, right to issue with `below` certificates between, signature.
fn is_issued(child: &X509Certificate<'_>, issuer: &X509Certificate<'_>, below: usize) -> bool {
    child.issuer().as_raw() == issuer.subject().as_raw()
        && may_issue(issuer, below)
        && is_signed(child, issuer)
}

/// RFC 5280 4.2.1.3, 4.2.1.9.
fn may_issue(issuer: &X509Certificate<'_>, below: usize) -> bool {
    let is_authority = match issuer.basic_constraints() {
        Ok(Some(constraints)) => {
            let fits = |longest: u32| usize::try_from(longest).is_ok_and(|longest| below <= longest);
            constraints.value.ca && constraints.value.path_len_constraint.is_none_or(fits)
        }
        _ => false,
    };
    let signs = matches!(issuer.key_usage(), Ok(Some(usage)) if usage.value.key_cert_sign());
    is_authority && signs
}

/// RFC 5280 4.1.1.3: with SHA-256 or SHA-384, and keys of P-256, P-384 or RSA from 2048 bits.
fn is_signed(child: &X509Certificate<'_>, issuer: &X509Certificate<'_>) -> bool {
    let Some(algorithm) = algorithm_of(child, issuer) else { return false };
    let key = UnparsedPublicKey::new(algorithm, &issuer.public_key().subject_public_key.data);
    // RFC 5280 4.1.1.2: named alike outside and inside what is signed.
    child.signature_algorithm == child.tbs_certificate.signature
        && key.verify(child.tbs_certificate.as_ref(), &child.signature_value.data).is_ok()
}

fn algorithm_of(
    child: &X509Certificate<'_>,
    issuer: &X509Certificate<'_>,
) -> Option<&'static dyn VerificationAlgorithm> {
    let signature = &child.signature_algorithm.algorithm;
    let key = &issuer.public_key().algorithm;
    if key.algorithm == OID_PKCS1_RSAENCRYPTION {
        return match signature {
            oid if *oid == OID_PKCS1_SHA256WITHRSA => Some(&RSA_PKCS1_2048_8192_SHA256),
            oid if *oid == OID_PKCS1_SHA384WITHRSA => Some(&RSA_PKCS1_2048_8192_SHA384),
            _ => None,
        };
    }
    if key.algorithm != OID_KEY_TYPE_EC_PUBLIC_KEY {
        return None;
    }
    let curve = key.parameters.as_ref()?.as_oid().ok()?;
    let is_sha256 = *signature == OID_SIG_ECDSA_WITH_SHA256;
    let is_sha384 = *signature == OID_SIG_ECDSA_WITH_SHA384;
    match (curve == OID_EC_P256, curve == OID_NIST_EC_P384) {
        (true, _) if is_sha256 => Some(&ECDSA_P256_SHA256_ASN1),
        (true, _) if is_sha384 => Some(&ECDSA_P256_SHA384_ASN1),
        (_, true) if is_sha256 => Some(&ECDSA_P384_SHA256_ASN1),
        (_, true) if is_sha384 => Some(&ECDSA_P384_SHA384_ASN1),
        _ => None,
    }
}

fn has_unknown_critical(certificate: &X509Certificate<'_>) -> bool {
    let known = [OID_X509_EXT_BASIC_CONSTRAINTS, OID_X509_EXT_KEY_USAGE, OID_X509_EXT_EXTENDED_KEY_USAGE];
    certificate.extensions().iter().any(|extension| extension.critical && !known.contains(&extension.oid))
}
