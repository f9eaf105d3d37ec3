//! How a secret that must be kept is written: only inside values that are sealed as a whole.

use serde::{Deserialize, Deserializer, Serializer};

use super::Secret;

/// Writes the text.
///
/// # Errors
/// Those of the format.
pub fn serialize<S: Serializer>(secret: &Secret, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(secret.expose())
}

/// Reads it.
///
/// # Errors
/// Those of the format.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Secret, D::Error> {
    String::deserialize(deserializer).map(Secret::new)
}
