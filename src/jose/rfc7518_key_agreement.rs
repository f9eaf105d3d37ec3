//! Key agreement of encrypted tokens: ECDH-ES on P-256 (RFC 7518 4.6, NIST SP 800-56A) and its key derivation (4.6.2).
//!
//! Agreement is direct: the derived key encrypts the content. Key wrapping with an agreed key is not here.

use aws_lc_rs::kdf::{
    SskdfDigestAlgorithm, SskdfDigestAlgorithmId, get_sskdf_digest_algorithm, sskdf_digest,
};
use p256::ecdh::diffie_hellman;
use zeroize::Zeroizing;

use super::{KeyError, P256Key};

/// What the two parties say about themselves (RFC 7518 4.6.1.2, 4.6.1.3); empty when the header says nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PartyInfo<'a> {
    /// `apu`: the producer.
    pub producer: &'a [u8],
    /// `apv`: the recipient.
    pub recipient: &'a [u8],
}

/// The secret Z that the holder of the private scalar `own` shares with the holder of `peer` (NIST SP 800-56A 5.7.1.2).
/// `peer` lies on the curve: a [`P256Key`] always does, and P-256 has no small subgroup.
///
/// # Errors
/// [`KeyError::Malformed`] if `own` is no scalar of the curve.
pub fn agree(own: &[u8; 32], peer: &P256Key) -> Result<Zeroizing<[u8; 32]>, KeyError> {
    let own = p256::SecretKey::from_slice(own).map_err(|_| KeyError::Malformed)?;
    let peer = p256::PublicKey::from_sec1_bytes(peer.as_sec1()).map_err(|_| KeyError::OffCurve)?;
    let shared = diffie_hellman(own.to_nonzero_scalar(), peer.as_affine());
    let mut bytes = Zeroizing::new([0; 32]);
    bytes.copy_from_slice(shared.raw_secret_bytes());
    Ok(bytes)
}

/// Fills `output` with the key that the secret `z` gives for `algorithm`: its name is that of the content encryption
/// when the agreement is direct (RFC 7518 4.6.2).
///
/// # Errors
/// [`KeyError::Failed`] for an empty secret or output, or lengths beyond 32 bits.
pub fn concat_kdf(
    z: &[u8],
    algorithm: &str,
    parties: PartyInfo<'_>,
    output: &mut [u8],
) -> Result<(), KeyError> {
    let bits =
        output.len().checked_mul(8).and_then(|bits| u32::try_from(bits).ok()).ok_or(KeyError::Failed)?;
    let mut info = Vec::new();
    for part in [algorithm.as_bytes(), parties.producer, parties.recipient] {
        let length = u32::try_from(part.len()).map_err(|_| KeyError::Failed)?;
        info.extend_from_slice(&length.to_be_bytes());
        info.extend_from_slice(part);
    }
    info.extend_from_slice(&bits.to_be_bytes()); // SuppPubInfo
    let digest: &'static SskdfDigestAlgorithm =
        get_sskdf_digest_algorithm(SskdfDigestAlgorithmId::Sha256).ok_or(KeyError::Failed)?;
    sskdf_digest(digest, z, &info, output).map_err(|_| KeyError::Failed)
}
