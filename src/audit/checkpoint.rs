//! Signed checkpoints: what an outside memory keeps of the log.
//!
//! C2SP tlog-checkpoint (origin, size, root, and here one extension line with the time) as a C2SP signed note with
//! Ed25519 (type 0x01). Other signatures on a note, such as those of witnesses, are let be. Nothing else is read.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::Hash;
use crate::base::{UnixTime, sha256};
use crate::jose::{Algorithm, Ed25519Key, Jwk, PublicKey};

/// The tree at one time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which log: the issuer without its scheme, and `/audit`.
    pub origin: String,
    /// Number of leaves.
    pub size: u64,
    /// Root of the tree of these leaves.
    pub root: Hash,
    /// When it was signed.
    pub at: UnixTime,
}

/// Why a note or a key is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// Not text and signatures with an empty line between.
    #[error("not a signed note")]
    Note,
    /// This line of the text is not what it must be.
    #[error("the {0} of the checkpoint is malformed")]
    Text(&'static str),
    /// A signature line is malformed, or there are too many.
    #[error("a signature line is malformed")]
    SignatureLine,
    /// No key given has signed.
    #[error("signed by none of the known keys")]
    UnknownKey,
    /// A known key's signature does not verify.
    #[error("the signature is wrong")]
    Signature,
    /// Not `name+id+key`, or of another kind than Ed25519.
    #[error("not a note key: name+id+base64 with an Ed25519 key")]
    Key,
    /// What follows the key is not a time.
    #[error("after the @ of a key stands the time of its revocation, such as 2027-01-31T09:00:00Z")]
    Until,
    /// Whoever signed it was revoked before the time it says.
    #[error("it was signed with a key that had been revoked by then")]
    Revoked,
}

impl Checkpoint {
    /// The name of the log of `issuer`.
    #[must_use]
    pub fn origin_of(issuer: &str) -> String {
        let host = issuer.split_once("://").map_or(issuer, |(_, host)| host);
        format!("{}/audit", host.trim_end_matches('/'))
    }

    /// The text that is signed.
    #[must_use]
    pub fn text(&self) -> String {
        let root = STANDARD.encode(self.root);
        format!("{}\n{}\n{root}\n{AT}{}\n", self.origin, self.size, self.at.millis())
    }

    /// The note with `signature`, made by `key` over [`Checkpoint::text`].
    #[must_use]
    pub fn signed(&self, key: &NoteKey, signature: &[u8]) -> String {
        let signed = STANDARD.encode([key.id().as_slice(), signature].concat());
        format!("{}\n{SIGNED_BY}{} {signed}\n", self.text(), key.name)
    }

    fn parse(text: &str) -> Result<Self, CheckpointError> {
        let mut lines = text.split('\n');
        let mut line = |what| lines.next().ok_or(CheckpointError::Text(what));
        let (origin, size) = (line("origin")?, line("size")?);
        let (root, at) = (line("root")?, line("time")?);
        if lines.next() != Some("") || lines.next().is_some() {
            return Err(CheckpointError::Text("end"));
        }
        let at = at.strip_prefix(AT).and_then(number).and_then(|at| i64::try_from(at).ok());
        let root = STANDARD.decode(root).ok().and_then(|root| root.try_into().ok());
        Ok(Self {
            origin: is_name(origin).then(|| origin.to_owned()).ok_or(CheckpointError::Text("origin"))?,
            size: number(size).ok_or(CheckpointError::Text("size"))?,
            root: root.ok_or(CheckpointError::Text("root"))?,
            at: UnixTime::from_millis(at.ok_or(CheckpointError::Text("time"))?),
        })
    }
}

/// A note whose signatures nobody has looked at yet.
#[derive(Clone, Debug)]
pub struct SignedCheckpoint {
    checkpoint: Checkpoint,
    text: String,
    signatures: Vec<(String, [u8; 4], Vec<u8>)>,
}

impl SignedCheckpoint {
    /// Reads a note.
    ///
    /// # Errors
    /// [`CheckpointError::Note`], [`CheckpointError::Text`] or [`CheckpointError::SignatureLine`].
    pub fn parse(note: &str) -> Result<Self, CheckpointError> {
        let (text, signatures) = note.split_once("\n\n").ok_or(CheckpointError::Note)?;
        let text = format!("{text}\n");
        let checkpoint = Checkpoint::parse(&text)?;
        let lines = signatures.strip_suffix('\n').ok_or(CheckpointError::SignatureLine)?;
        let signatures: Option<Vec<_>> = lines.split('\n').map(signature_line).collect();
        let signatures = signatures.filter(|all| all.len() <= MOST_SIGNATURES);
        Ok(Self { checkpoint, text, signatures: signatures.ok_or(CheckpointError::SignatureLine)? })
    }

    /// What it says of which log it is: to choose keys by.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.checkpoint.origin
    }

    /// The checkpoint, once one of `keys` is seen to have signed it and none of them wrongly.
    ///
    /// # Errors
    /// [`CheckpointError::UnknownKey`] or [`CheckpointError::Signature`].
    pub fn verify(&self, keys: &[NoteKey]) -> Result<&Checkpoint, CheckpointError> {
        let mut known = false;
        for (name, id, signature) in &self.signatures {
            for key in keys.iter().filter(|key| key.name == *name && key.id() == *id) {
                let verified = key.public().verify(Algorithm::EdDsa, self.text.as_bytes(), signature);
                verified.map_err(|_| CheckpointError::Signature)?;
                known = true;
            }
        }
        if known { Ok(&self.checkpoint) } else { Err(CheckpointError::UnknownKey) }
    }
}

/// A public key that signs notes under a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoteKey {
    name: String,
    key: Ed25519Key,
}

impl NoteKey {
    /// The Ed25519 key of a JWK under `name`.
    ///
    /// # Errors
    /// [`CheckpointError::Key`]
    pub fn from_jwk(name: &str, jwk: &Value) -> Result<Self, CheckpointError> {
        match Jwk::parse(jwk).map(|jwk| jwk.key) {
            Ok(PublicKey::Ed25519(key)) if is_name(name) => Ok(Self { name: name.to_owned(), key }),
            _ => Err(CheckpointError::Key),
        }
    }

    /// Reads a key written as [`NoteKey::encoded`].
    ///
    /// # Errors
    /// [`CheckpointError::Key`]
    pub fn parse(text: &str) -> Result<Self, CheckpointError> {
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(CheckpointError::Key);
        };
        let bytes = STANDARD.decode(key).map_err(|_| CheckpointError::Key)?;
        let (kind, bytes) = bytes.split_first().ok_or(CheckpointError::Key)?;
        let bytes: [u8; 32] = bytes.try_into().map_err(|_| CheckpointError::Key)?;
        let Ok(PublicKey::Ed25519(key)) = PublicKey::ed25519(bytes) else { return Err(CheckpointError::Key) };
        let key = Self { name: name.to_owned(), key };
        let sound = *kind == ED25519 && is_name(name) && hexadecimal(key.id()) == id;
        sound.then_some(key).ok_or(CheckpointError::Key)
    }

    /// `name+id+base64(0x01 ‖ key)`, as tools of transparency logs write it.
    #[must_use]
    pub fn encoded(&self) -> String {
        let key = STANDARD.encode([&[ED25519], self.key.as_bytes().as_slice()].concat());
        format!("{}+{}+{key}", self.name, hexadecimal(self.id()))
    }

    /// First four bytes of SHA-256(name ‖ newline ‖ 0x01 ‖ key).
    #[must_use]
    pub fn id(&self) -> [u8; 4] {
        let [a, b, c, d, ..] = sha256(&[self.name.as_bytes(), b"\n", &[ED25519], self.key.as_bytes()]);
        [a, b, c, d]
    }

    /// The name it signs under.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    const fn public(&self) -> PublicKey {
        PublicKey::Ed25519(self.key)
    }
}

fn signature_line(line: &str) -> Option<(String, [u8; 4], Vec<u8>)> {
    let (name, signed) = line.strip_prefix(SIGNED_BY)?.split_once(' ')?;
    let signed = STANDARD.decode(signed).ok()?;
    let (id, signature) = signed.split_first_chunk::<4>()?;
    is_name(name).then(|| (name.to_owned(), *id, signature.to_vec()))
}

/// Key names hold no space and no plus; control characters are nowhere in a note.
fn is_name(text: &str) -> bool {
    !text.is_empty() && !text.contains(|c: char| c.is_whitespace() || c.is_control() || c == '+')
}

/// Digits without a leading zero.
fn number(text: &str) -> Option<u64> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    if plain { text.parse().ok() } else { None }
}

fn hexadecimal(id: [u8; 4]) -> String {
    format!("{:08x}", u32::from_be_bytes(id))
}

const AT: &str = "at ";
const SIGNED_BY: &str = "\u{2014} ";
const ED25519: u8 = 1;
const MOST_SIGNATURES: usize = 32;
