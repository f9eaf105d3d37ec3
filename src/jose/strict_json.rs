//! JSON (RFC 8259) read under the restrictions of RFC 7493: one meaning per document, bounded work.
//!
//! Duplicate members are refused at every level after unescaping (RFC 7493 2.3), as RFC 7515 4 and RFC 7519 4 allow.

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// Bounds on a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JsonCaps {
    /// Length of the text, in bytes.
    pub bytes: usize,
    /// Members of any one object.
    pub members: usize,
    /// Nested objects and arrays; a flat object has depth 1.
    pub depth: usize,
}

impl JsonCaps {
    /// Bounds for a JOSE header or a single key.
    pub const JOSE: Self = Self { bytes: 8 * 1024, members: 32, depth: 8 };
    /// Bounds for a claims set, whose length the caller of the token parser chooses.
    pub const CLAIMS: Self = Self { bytes: usize::MAX, members: 128, depth: 12 };
}

/// Why a document is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StrictJsonError {
    /// Longer than the cap.
    #[error("JSON text too long")]
    TooLong,
    /// Begins with a byte order mark (RFC 8259 8.1).
    #[error("JSON text begins with a byte order mark")]
    ByteOrderMark,
    /// Not JSON, or not UTF-8.
    #[error("malformed JSON")]
    Syntax,
    /// Something follows the value.
    #[error("data after the JSON value")]
    Trailing,
    /// A name occurs twice in one object (RFC 7493 2.3).
    #[error("duplicate member in JSON object")]
    Duplicate,
    /// An object has too many members.
    #[error("too many members in JSON object")]
    TooManyMembers,
    /// Nested too deep.
    #[error("JSON nested too deep")]
    TooDeep,
}

/// Reads one JSON value and nothing else.
///
/// # Errors
/// A [`StrictJsonError`] naming the first restriction broken.
pub fn parse_strict(bytes: &[u8], caps: JsonCaps) -> Result<Value, StrictJsonError> {
    if bytes.len() > caps.bytes {
        return Err(StrictJsonError::TooLong);
    }
    if bytes.starts_with(b"\xEF\xBB\xBF") {
        return Err(StrictJsonError::ByteOrderMark);
    }
    let fault = Cell::new(None);
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = Strict { caps, depth: 0, fault: &fault }
        .deserialize(&mut deserializer)
        .map_err(|_| fault.get().unwrap_or(StrictJsonError::Syntax))?;
    deserializer.end().map_err(|_| StrictJsonError::Trailing)?;
    Ok(value)
}

/// Reads a value at `depth`; the reason of a refusal is left in `fault`, since the JSON reader only carries text.
#[derive(Clone, Copy)]
struct Strict<'a> {
    caps: JsonCaps,
    depth: usize,
    fault: &'a Cell<Option<StrictJsonError>>,
}

impl Strict<'_> {
    fn refuse<E: serde::de::Error>(self, reason: StrictJsonError) -> E {
        self.fault.set(Some(reason));
        E::custom(reason)
    }

    fn inner<E: serde::de::Error>(self) -> Result<Self, E> {
        if self.depth >= self.caps.depth {
            return Err(self.refuse(StrictJsonError::TooDeep));
        }
        Ok(Self { depth: self.depth.saturating_add(1), ..self })
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("number out of range"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let inner = self.inner()?;
        let mut array = Vec::new();
        while let Some(item) = items.next_element_seed(inner)? {
            array.push(item);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let inner = self.inner()?;
        let mut object = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            if object.contains_key(&name) {
                return Err(self.refuse(StrictJsonError::Duplicate));
            }
            if object.len() >= self.caps.members {
                return Err(self.refuse(StrictJsonError::TooManyMembers));
            }
            object.insert(name, members.next_value_seed(inner)?);
        }
        Ok(Value::Object(object))
    }
}
