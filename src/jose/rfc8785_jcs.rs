//! JSON Canonicalization Scheme (RFC 8785) for strings, arrays of strings, and objects of these.
//!
//! Covers 3.2.1 to 3.2.4. Numbers (3.2.2.3), booleans and null are refused: what is signed here has none, and no
//! two readers can then differ about them.

use serde_json::{Map, Value};

/// Objects within objects beyond this are refused.
const MAX_DEPTH: usize = 8;

/// Why a value has no canonical form here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JcsError {
    /// A number, a boolean, null, or an array of anything but strings.
    #[error("value of a type that is not canonicalised")]
    Type,
    /// Objects nested more than eight deep.
    #[error("value nested too deep")]
    TooDeep,
}

/// The canonical UTF-8 bytes of `value` (RFC 8785 3.2.4).
///
/// # Errors
/// [`JcsError`] for a type or a depth not covered.
pub fn canonicalise(value: &Value) -> Result<Vec<u8>, JcsError> {
    let mut out = String::new();
    write_value(&mut out, value, 0)?;
    Ok(out.into_bytes())
}

fn write_value(out: &mut String, value: &Value, depth: usize) -> Result<(), JcsError> {
    match value {
        Value::String(text) => write_string(out, text),
        Value::Array(items) => write_array(out, items)?,
        Value::Object(members) => write_object(out, members, depth)?,
        Value::Null | Value::Bool(_) | Value::Number(_) => return Err(JcsError::Type),
    }
    Ok(())
}

fn write_array(out: &mut String, items: &[Value]) -> Result<(), JcsError> {
    out.push('[');
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        write_string(out, item.as_str().ok_or(JcsError::Type)?);
    }
    out.push(']');
    Ok(())
}

fn write_object(out: &mut String, members: &Map<String, Value>, depth: usize) -> Result<(), JcsError> {
    if depth >= MAX_DEPTH {
        return Err(JcsError::TooDeep);
    }
    let mut sorted: Vec<(&String, &Value)> = members.iter().collect();
    sorted.sort_by(|(a, _), (b, _)| a.encode_utf16().cmp(b.encode_utf16())); // RFC 8785 3.2.3
    out.push('{');
    for (index, (name, value)) in sorted.into_iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        write_string(out, name);
        out.push(':');
        write_value(out, value, depth.saturating_add(1))?;
    }
    out.push('}');
    Ok(())
}

/// RFC 8785 3.2.2.2: the short escapes, lower-case `\u00xx` for other controls, all else as it is.
fn write_string(out: &mut String, text: &str) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{8}' => out.push_str("\\b"),
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\u{c}' => out.push_str("\\f"),
            '\r' => out.push_str("\\r"),
            '\0'..='\u{1f}' => {
                let code = u32::from(character);
                out.push_str("\\u00");
                out.extend(char::from_digit(code / 16, 16));
                out.extend(char::from_digit(code % 16, 16));
            }
            _ => out.push(character),
        }
    }
    out.push('"');
}
