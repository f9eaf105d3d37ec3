//! A throw-away attestation root, so that a demonstration can show an attested phone without a maker's.
//!
//! Its certificate carries a private extension by which a server in production recognises and refuses it. Leaf
//! certificates follow `WebAuthn Level 3` 8.2.1.

use std::fs;
use std::path::Path;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, CustomExtension, DistinguishedName, DnType, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, date_time_ymd,
};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use uuid::Uuid;

use super::PhoneError;
use super::state::write_private;
use crate::jose::{Algorithm, PrivateKey};

/// Common name of every throw-away root.
pub const TEST_ROOT_NAME: &str = "sceau throw-away test root";

/// The extension that marks a throw-away root, under the enterprise number for examples (RFC 5612).
pub const TEST_ROOT_OID: &[u64] = &[1, 3, 6, 1, 4, 1, 32473, 711, 1];

/// id-fido-gen-ce-aaguid (`WebAuthn L3` 8.2.1).
const AAGUID_OID: &[u64] = &[1, 3, 6, 1, 4, 1, 45724, 1, 1, 4];

/// A throw-away attestation root with its private key.
pub struct TestRoot {
    certificate: Vec<u8>,
    key: KeyPair,
}

/// An attestation key and its certificates, leaf first.
pub(super) struct AttestationKey {
    pub key: PrivateKey,
    pub chain: Vec<Vec<u8>>,
}

impl TestRoot {
    /// The root kept at `path` (certificate and key, PEM, mode 0600); made when there is none.
    ///
    /// # Errors
    /// [`PhoneError::State`] when the file cannot be read or written.
    pub fn load_or_make(path: &Path) -> Result<Self, PhoneError> {
        let unreadable = |_| PhoneError::State(format!("{}: not a test root", path.display()));
        match fs::read(path) {
            Ok(pem) => {
                let certificate = CertificateDer::from_pem_slice(&pem).map_err(unreadable)?;
                let key = PrivatePkcs8KeyDer::from_pem_slice(&pem).map_err(unreadable)?;
                let key = KeyPair::from_pkcs8_der_and_sign_algo(&key, &PKCS_ECDSA_P256_SHA256)
                    .map_err(|_| PhoneError::State(format!("{}: not a test root", path.display())))?;
                Ok(Self { certificate: certificate.to_vec(), key })
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let (root, pem) = Self::make()?;
                write_private(path, pem.as_bytes())?;
                Ok(root)
            }
            Err(error) => Err(PhoneError::State(format!("{}: {error}", path.display()))),
        }
    }

    /// The certificate, DER.
    #[must_use]
    pub fn certificate(&self) -> &[u8] {
        &self.certificate
    }

    fn make() -> Result<(Self, zeroize::Zeroizing<String>), PhoneError> {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(crypto)?;
        let secret = zeroize::Zeroizing::new(key.serialize_pem());
        let issuer = CertifiedIssuer::self_signed(root_params(), key).map_err(crypto)?;
        let pem = zeroize::Zeroizing::new(format!("{}{}", issuer.pem(), *secret));
        let key = KeyPair::from_pem(&secret).map_err(crypto)?;
        Ok((Self { certificate: issuer.der().to_vec(), key }, pem))
    }

    /// A fresh attestation key certified for the model `aaguid`.
    pub(super) fn attest(&self, aaguid: Uuid) -> Result<AttestationKey, PhoneError> {
        let key =
            PrivateKey::generate(Algorithm::Es256).map_err(|_| PhoneError::Crypto("attestation key"))?;
        let der = PrivatePkcs8KeyDer::from(key.to_pkcs8());
        let pair = KeyPair::from_pkcs8_der_and_sign_algo(&der, &PKCS_ECDSA_P256_SHA256).map_err(crypto)?;
        let leaf =
            leaf_params(aaguid).signed_by(&pair, &Issuer::new(root_params(), &self.key)).map_err(crypto)?;
        Ok(AttestationKey { key, chain: vec![leaf.der().to_vec()] })
    }
}

fn root_params() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, TEST_ROOT_NAME);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params.custom_extensions = vec![CustomExtension::from_oid_content(TEST_ROOT_OID, vec![0x05, 0x00])]; // NULL
    params.not_before = date_time_ymd(2025, 1, 1);
    params.not_after = date_time_ymd(2049, 1, 1);
    params
}

fn leaf_params(aaguid: Uuid) -> CertificateParams {
    let mut params = CertificateParams::default();
    // WebAuthn L3 8.2.1: country, maker, this unit exactly, and a name of the maker's choice.
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CountryName, "FR");
    params.distinguished_name.push(DnType::OrganizationName, "sceau");
    params.distinguished_name.push(DnType::OrganizationalUnitName, "Authenticator Attestation");
    params.distinguished_name.push(DnType::CommonName, "sceau software phone");
    params.is_ca = IsCa::ExplicitNoCa;
    // The value is an OCTET STRING inside that of the extension.
    let value = [&[0x04, 0x10], aaguid.as_bytes().as_slice()].concat();
    params.custom_extensions = vec![CustomExtension::from_oid_content(AAGUID_OID, value)];
    params.not_before = date_time_ymd(2025, 1, 1);
    params.not_after = date_time_ymd(2049, 1, 1);
    params
}

fn crypto(_: rcgen::Error) -> PhoneError {
    PhoneError::Crypto("certificate")
}
