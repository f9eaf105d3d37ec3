//! The challenges a phone signs: one commits to the approved text, the other to the request key.
//!
//! They are WebAuthn challenges (`WebAuthn Level 3, 13.4.3`): 32 bytes, random in part, used once. Comparing
//! them with the signed client data is the authenticator port's work.

use super::ApprovalText;
use crate::base::sha256;
use crate::jose::Thumbprint;

/// The text has no canonical form, so nothing can be bound to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the approval text has no canonical form")]
pub struct BindingError;

/// The challenge of an approval: SHA-256(`sceau/approval/1` ‖ `random` ‖ SHA-256(JCS(`text`))), raw bytes, the
/// label without terminator.
///
/// # Errors
/// [`BindingError`] when the text has no canonical form (RFC 8785).
pub fn challenge(text: &ApprovalText, random: &[u8; 32]) -> Result<[u8; 32], BindingError> {
    let text = sha256(&[&text.canonical()?]);
    Ok(sha256(&[APPROVAL_LABEL, random, &text]))
}

/// The challenge of an enrolment: SHA-256(`server` ‖ RFC 7638 thumbprint of the request key), so that the
/// approval key is created for this request key only.
#[must_use]
pub fn enrolment_challenge(server: &[u8; 32], jkt: &Thumbprint) -> [u8; 32] {
    sha256(&[server, jkt.as_bytes()])
}

const APPROVAL_LABEL: &[u8] = b"sceau/approval/1";
