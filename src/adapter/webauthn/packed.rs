//! The packed attestation statement (`WebAuthn Level 3` 8.2), ES256 only.

use serde_cbor_2::Value as Cbor;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::authenticator_data::{AttestationObject, canonical};
use super::certificate::check_leaf;
use crate::base::sha256;
use crate::jose::{Algorithm, PublicKey};
use crate::ports::AuthenticatorError;

/// COSE algorithm ES256 (RFC 9053 2.1).
const ES256: i128 = -7;
/// More certificates than any maker's chain has.
const MAX_CHAIN: usize = 4;

/// Verifies the statement. Certified: the certificates, leaf first, to be led to a root. Self: none.
pub(super) fn verify(
    object: &AttestationObject,
    client_data: &[u8],
) -> Result<Option<Vec<Vec<u8>>>, AuthenticatorError> {
    let mut members = object.statement.clone();
    let mut take = |name: &str| members.remove(&Cbor::Text(String::from(name)));
    let (Some(Cbor::Integer(ES256)), Some(Cbor::Bytes(signature))) = (take("alg"), take("sig")) else {
        return Err(AuthenticatorError::Refused("attestation_statement"));
    };
    let chain = take("x5c");
    // 8.2: no other member is defined; ecdaaKeyId no longer is.
    if !members.is_empty() {
        return Err(AuthenticatorError::Refused("attestation_statement"));
    }
    let message = [object.raw_data.as_slice(), &sha256(&[client_data])].concat();
    let Some(chain) = chain else {
        // 8.2, self attestation: alg is that of the credential, whose key signed.
        let key = credential_key(&object.attested.key)?;
        return check_signature(&key, &message, &signature).map(|()| None);
    };
    let chain = certificates(chain).ok_or(AuthenticatorError::Refused("attestation_certificate"))?;
    let leaf = chain.first().ok_or(AuthenticatorError::Refused("attestation_certificate"))?;
    check_signature(&leaf_key(leaf)?, &message, &signature)?;
    check_leaf(leaf, object.attested.aaguid)?; // 8.2.1
    Ok(Some(chain))
}

/// 8.2: an array of byte strings, the leaf first.
fn certificates(value: Cbor) -> Option<Vec<Vec<u8>>> {
    let Cbor::Array(items) = value else { return None };
    if items.len() > MAX_CHAIN {
        return None;
    }
    items.into_iter().map(|item| if let Cbor::Bytes(der) = item { Some(der) } else { None }).collect()
}

fn leaf_key(der: &[u8]) -> Result<PublicKey, AuthenticatorError> {
    let refused = || AuthenticatorError::Refused("attestation_certificate");
    let (rest, leaf) = X509Certificate::from_der(der).map_err(|_| refused())?;
    if !rest.is_empty() {
        return Err(refused());
    }
    PublicKey::p256_from_sec1(&leaf.public_key().subject_public_key.data).map_err(|_| refused())
}

/// RFC 9053 7.1.1: exactly kty EC2, alg ES256, crv P-256, x and y; a point of the curve.
fn credential_key(cose: &[u8]) -> Result<PublicKey, AuthenticatorError> {
    parse_cose(cose).ok_or(AuthenticatorError::Refused("credential_key"))
}

fn parse_cose(cose: &[u8]) -> Option<PublicKey> {
    let (Cbor::Map(mut members), _) = canonical(cose)? else { return None };
    let mut take = |label: i128| members.remove(&Cbor::Integer(label));
    let kind = (take(1)?, take(3)?, take(-1)?);
    let (Cbor::Bytes(x), Cbor::Bytes(y)) = (take(-2)?, take(-3)?) else { return None };
    if kind != (Cbor::Integer(2), Cbor::Integer(ES256), Cbor::Integer(1)) || !members.is_empty() {
        return None;
    }
    PublicKey::p256(x.as_slice().try_into().ok()?, y.as_slice().try_into().ok()?).ok()
}

/// 6.5.5: an ES256 signature is the DER form of r and s, both in range, nothing behind it.
fn check_signature(key: &PublicKey, message: &[u8], der: &[u8]) -> Result<(), AuthenticatorError> {
    let refused = || AuthenticatorError::Refused("attestation_signature");
    let signature = p256::ecdsa::Signature::from_der(der).map_err(|_| refused())?;
    key.verify(Algorithm::Es256, message, &signature.to_bytes()).map_err(|_| refused())
}
