//! Keys on the token: made, found, used and destroyed there (PKCS #11 v2.40, 5.7, 5.11, 5.14).
//!
//! RFC 7518 3.3 to 3.5: the mechanisms of RS256, ES256 and PS256.

use cryptoki::mechanism::rsa::{PkcsMgfType, PkcsPssParams};
use cryptoki::mechanism::{Mechanism, MechanismType};
use cryptoki::object::{Attribute, AttributeType, ObjectClass, ObjectHandle};

use super::TokenError;
use super::pool::Seat;
use crate::base::sha256;
use crate::jose::{Algorithm, Jwk, KeyUse, PublicKey};

/// Bits of an RSA key (RFC 7518 3.3 asks 2048 at least).
const RSA_BITS: u64 = 3072;
/// OID of P-256, 1.2.840.10045.3.1.7 (RFC 5480 2.1.1.1), DER.
const P256: [u8; 10] = [0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
/// OCTET STRING of 65 bytes, as the point of a P-256 key is wrapped (PKCS #11 v2.40 mechanisms, 2.3.3).
const POINT: [u8; 2] = [0x04, 0x41];
/// 65537
const EXPONENT: [u8; 3] = [1, 0, 1];

/// Makes a key pair, then names it: the name is the hash of what was made.
pub(super) fn generate(seat: &mut Seat<'_>, algorithm: Algorithm) -> Result<Jwk, TokenError> {
    let public = vec![Attribute::Token(true), Attribute::Private(false), Attribute::Verify(true)];
    let (mechanism, public) = match algorithm {
        Algorithm::Es256 => {
            (Mechanism::EccKeyPairGen, [public, vec![Attribute::EcParams(P256.to_vec())]].concat())
        }
        Algorithm::Rs256 | Algorithm::Ps256 => {
            let size =
                [Attribute::ModulusBits(RSA_BITS.into()), Attribute::PublicExponent(EXPONENT.to_vec())];
            (Mechanism::RsaPkcsKeyPairGen, [public, size.to_vec()].concat())
        }
        other @ Algorithm::EdDsa => return Err(TokenError::Algorithm(other.as_str())),
    };
    let private = [
        Attribute::Token(true),
        Attribute::Private(true),
        Attribute::Sensitive(true),
        Attribute::Extractable(false),
        Attribute::Sign(true),
        Attribute::Decrypt(false),
    ];
    let (public, private) = seat.session.generate_key_pair(&mechanism, &public, &private)?;
    let named = read(seat, public, algorithm).and_then(|key| name(seat, [public, private], key, algorithm));
    if named.is_err() {
        // Nobody would find it again.
        for object in [public, private] {
            let _ = seat.session.destroy_object(object);
        }
    }
    named
}

/// The JWS signature of `input`.
pub(super) fn sign(
    seat: &mut Seat<'_>,
    kid: &str,
    algorithm: Algorithm,
    input: &[u8],
) -> Result<Vec<u8>, TokenError> {
    let key = private_key(seat, kid)?;
    let signature = match algorithm {
        // RFC 7518 3.4: R and S, as CKM_ECDSA gives them.
        Algorithm::Es256 => seat.session.sign(&Mechanism::Ecdsa, key, &sha256(&[input])),
        Algorithm::Rs256 => seat.session.sign(&Mechanism::Sha256RsaPkcs, key, input),
        Algorithm::Ps256 => {
            // RFC 7518 3.5
            let parameters = PkcsPssParams {
                hash_alg: MechanismType::SHA256,
                mgf: PkcsMgfType::MGF1_SHA256,
                s_len: 32.into(),
            };
            seat.session.sign(&Mechanism::Sha256RsaPkcsPss(parameters), key, input)
        }
        other @ Algorithm::EdDsa => return Err(TokenError::Algorithm(other.as_str())),
    };
    Ok(signature?)
}

/// Destroys both halves.
pub(super) fn destroy(seat: &mut Seat<'_>, kid: &str) -> Result<(), TokenError> {
    seat.handles.remove(kid);
    for object in seat.session.find_objects(&[Attribute::Id(kid.as_bytes().to_vec())])? {
        seat.session.destroy_object(object)?;
    }
    Ok(())
}

/// The names of the private keys.
pub(super) fn held(seat: &mut Seat<'_>) -> Result<Vec<String>, TokenError> {
    let objects = seat.session.find_objects(&[Attribute::Class(ObjectClass::PRIVATE_KEY)])?;
    let mut names = Vec::new();
    for object in objects {
        for attribute in seat.session.get_attributes(object, &[AttributeType::Id])? {
            if let Attribute::Id(id) = attribute
                && let Ok(kid) = String::from_utf8(id)
            {
                names.push(kid);
            }
        }
    }
    Ok(names)
}

fn private_key(seat: &mut Seat<'_>, kid: &str) -> Result<ObjectHandle, TokenError> {
    if let Some(found) = seat.handles.get(kid) {
        return Ok(*found);
    }
    let named = [Attribute::Class(ObjectClass::PRIVATE_KEY), Attribute::Id(kid.as_bytes().to_vec())];
    let found = seat.session.find_objects(&named)?.first().copied();
    let found = found.ok_or_else(|| TokenError::NoKey(kid.to_owned()))?;
    seat.handles.insert(kid.to_owned(), found);
    Ok(found)
}

fn name(
    seat: &Seat<'_>,
    objects: [ObjectHandle; 2],
    key: PublicKey,
    algorithm: Algorithm,
) -> Result<Jwk, TokenError> {
    let kid = key.thumbprint().to_string();
    for object in objects {
        let label = Attribute::Label(format!("sceau {kid}").into_bytes());
        seat.session.update_attributes(object, &[Attribute::Id(kid.as_bytes().to_vec()), label])?;
    }
    Ok(Jwk { key, kid: Some(kid), alg: Some(algorithm), key_use: Some(KeyUse::Sig) })
}

fn read(seat: &Seat<'_>, public: ObjectHandle, algorithm: Algorithm) -> Result<PublicKey, TokenError> {
    let wanted = [AttributeType::EcPoint, AttributeType::Modulus, AttributeType::PublicExponent];
    let wanted = if algorithm == Algorithm::Es256 { &wanted[..1] } else { &wanted[1..] };
    let read = seat.session.get_attributes(public, wanted)?;
    let key = match read.as_slice() {
        [Attribute::EcPoint(wrapped)] => {
            let point = wrapped.strip_prefix(&POINT).ok_or(TokenError::Unreadable)?;
            PublicKey::p256_from_sec1(point)
        }
        [Attribute::Modulus(n), Attribute::PublicExponent(e)] => PublicKey::rsa(n, e),
        _ => return Err(TokenError::Unreadable),
    };
    key.map_err(|_| TokenError::Unreadable)
}
