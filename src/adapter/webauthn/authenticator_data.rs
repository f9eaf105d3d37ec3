//! Authenticator data (`WebAuthn Level 3` 6.1) and attestation objects (6.5.4), to the last byte.
//!
//! CBOR must be in the canonical form of CTAP2 (6, message encoding): one encoding of each value, so no
//! duplicate key, no indefinite length, nothing behind the end.

use serde::Deserialize as _;
use serde_cbor_2::Value as Cbor;
use uuid::Uuid;

use crate::ports::AuthenticatorError;

const UP: u8 = 0x01;
const UV: u8 = 0x04;
const BE: u8 = 0x08;
const BS: u8 = 0x10;
const AT: u8 = 0x40;
const ED: u8 = 0x80;

/// Flags and counter. The RP ID hash is compared by webauthn-rs.
pub(super) struct AuthenticatorData {
    flags: u8,
    pub sign_count: u32,
}

/// Attested credential data (6.5.2).
pub(super) struct AttestedCredential {
    pub aaguid: Uuid,
    pub credential_id: Vec<u8>,
    /// The COSE key as sent.
    pub key: Vec<u8>,
}

/// An attestation object.
pub(super) struct AttestationObject {
    pub format: String,
    pub statement: std::collections::BTreeMap<Cbor, Cbor>,
    pub data: AuthenticatorData,
    pub attested: AttestedCredential,
    /// Authenticator data as sent.
    pub raw_data: Vec<u8>,
}

impl AttestationObject {
    /// Reads an attestation object: exactly `fmt`, `attStmt`, `authData`.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, AuthenticatorError> {
        let (value, rest) = canonical(bytes).ok_or(malformed())?;
        let Cbor::Map(mut members) = value else { return Err(malformed()) };
        let mut take = |name: &str| members.remove(&Cbor::Text(String::from(name)));
        let (Some(Cbor::Text(format)), Some(Cbor::Map(statement)), Some(Cbor::Bytes(raw_data))) =
            (take("fmt"), take("attStmt"), take("authData"))
        else {
            return Err(malformed());
        };
        if !rest.is_empty() || !members.is_empty() {
            return Err(malformed());
        }
        let (data, attested) = parse_data(&raw_data).ok_or(malformed())?;
        let attested = attested.ok_or(malformed())?;
        Ok(Self { format, statement, data, attested, raw_data })
    }

    /// 8.7: the statement of `none` is an empty map.
    pub(super) fn is_statement_empty(&self) -> bool {
        self.statement.is_empty()
    }
}

impl AuthenticatorData {
    /// Flag UP.
    pub(super) const fn user_present(&self) -> bool {
        self.flags & UP != 0
    }

    /// Flag UV.
    pub(super) const fn user_verified(&self) -> bool {
        self.flags & UV != 0
    }

    /// Flag BE.
    pub(super) const fn backup_eligible(&self) -> bool {
        self.flags & BE != 0
    }

    /// Flag BS.
    pub(super) const fn backup_state(&self) -> bool {
        self.flags & BS != 0
    }

    /// Reads the authenticator data of an assertion: no attested credential data (6.1).
    pub(super) fn parse_assertion(bytes: &[u8]) -> Result<Self, AuthenticatorError> {
        match parse_data(bytes) {
            Some((data, None)) => Ok(data),
            _ => Err(malformed()),
        }
    }
}

fn parse_data(bytes: &[u8]) -> Option<(AuthenticatorData, Option<AttestedCredential>)> {
    let (_rp_id_hash, rest) = bytes.split_first_chunk::<32>()?;
    let (&[flags], rest) = rest.split_first_chunk::<1>()?;
    let (counter, rest) = rest.split_first_chunk::<4>()?;
    let (attested, rest) = if flags & AT != 0 {
        let (attested, rest) = parse_attested(rest)?;
        (Some(attested), rest)
    } else {
        (None, rest)
    };
    let rest = if flags & ED != 0 { skip_extensions(rest)? } else { rest };
    let data = AuthenticatorData { flags, sign_count: u32::from_be_bytes(*counter) };
    rest.is_empty().then_some((data, attested))
}

/// 6.5.2: AAGUID, length, id, COSE key.
fn parse_attested(bytes: &[u8]) -> Option<(AttestedCredential, &[u8])> {
    let (aaguid, rest) = bytes.split_first_chunk::<16>()?;
    let (length, rest) = rest.split_first_chunk::<2>()?;
    let (id, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
    let (_, behind) = canonical(rest)?;
    let key = rest.strip_suffix(behind)?;
    let attested = AttestedCredential {
        aaguid: Uuid::from_bytes(*aaguid),
        credential_id: id.to_vec(),
        key: key.to_vec(),
    };
    Some((attested, behind))
}

/// 6.1: a map, of which nothing was asked and nothing is trusted.
fn skip_extensions(bytes: &[u8]) -> Option<&[u8]> {
    match canonical(bytes)? {
        (Cbor::Map(_), rest) => Some(rest),
        _ => None,
    }
}

/// The first CBOR value of `bytes`, if it is encoded canonically, and what follows it.
pub(super) fn canonical(bytes: &[u8]) -> Option<(Cbor, &[u8])> {
    let mut deserializer = serde_cbor_2::Deserializer::from_slice(bytes);
    let value = Cbor::deserialize(&mut deserializer).ok()?;
    let (own, rest) = bytes.split_at_checked(deserializer.byte_offset())?;
    (serde_cbor_2::to_vec(&value).ok()? == own).then_some((value, rest))
}

const fn malformed() -> AuthenticatorError {
    AuthenticatorError::Refused("authenticator_data")
}
