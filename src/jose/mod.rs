//! Layer 1: signed and encrypted tokens, keys, canonical and strict JSON, and sealed values. Imports `base` only.
//!
//! One decoder reads every token: compact form, no duplicate member, no header extension, algorithm pinned by
//! the key and by the caller.

mod encryption_key;
mod hmac;
mod jwe_header;
mod private_key;
mod rfc7515_jws;
mod rfc7516_jwe;
mod rfc7517_jwk;
mod rfc7518_algorithms;
mod rfc7518_key_agreement;
mod rfc7519_jwt;
mod rfc7638_thumbprint;
mod rfc8785_jcs;
mod roca;
mod seal;
mod strict_json;

pub use encryption_key::{DecryptionKey, EncryptionKey, KeyManagement, UnknownKeyManagement};
pub use hmac::{hmac_sha256, verify_hmac_sha256};
pub use jwe_header::JweHeader;
pub use private_key::PrivateKey;
pub use rfc7515_jws::{CompactJws, Header, JwsError, Unverified, Verified, compact, signing_input};
pub use rfc7516_jwe::{CompactJwe, JweError, encrypt};
pub use rfc7517_jwk::{Jwk, JwkError, JwkSet, KeyUse};
pub use rfc7518_algorithms::{
    Algorithm, Ed25519Key, KeyError, P256Key, PublicKey, RsaKey, SignatureError, UnknownAlgorithm,
};
pub use rfc7518_key_agreement::{PartyInfo, agree, concat_kdf};
pub use rfc7519_jwt::{Audience, JwtError, RegisteredClaims, TypRule, check_typ};
pub use rfc7638_thumbprint::{Thumbprint, ThumbprintError};
pub use rfc8785_jcs::{JcsError, canonicalise};
pub use seal::{SealContext, SealError, Sealer};
pub use strict_json::{JsonCaps, StrictJsonError, parse_strict};
