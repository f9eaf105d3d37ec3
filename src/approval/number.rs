//! The two-digit number shown where a person signs in and typed on the phone.
//!
//! Number matching against push fatigue and relayed requests (NIST SP 800-63B-4 3.1.3). It is never part of
//! what the phone receives or signs, and it is compared here, on the server.

use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;

use crate::base::{Entropy, EntropyExt, Secret};

/// A number from `00` to `99`. Redacted in `Debug`; serialized only into sealed values.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Number(Secret);

impl Number {
    /// Draws uniformly among the numbers not in `taken`; none when all are taken.
    #[must_use]
    pub fn draw(entropy: &dyn Entropy, taken: &[Self]) -> Option<Self> {
        let free: Vec<Self> = (0..100)
            .map(|number| Self(Secret::new(format!("{number:02}"))))
            .filter(|number| !taken.contains(number))
            .collect();
        let count = u8::try_from(free.len()).ok().filter(|count| *count > 0)?;
        // Bytes from the last, incomplete run are drawn again: the remainder would favour small numbers.
        let fair = u8::MAX - (u8::MAX % count + 1) % count;
        loop {
            let [byte] = entropy.bytes::<1>();
            if byte <= fair {
                return free.into_iter().nth(usize::from(byte % count));
            }
        }
    }

    /// Reads exactly two ASCII digits (`^[0-9]{2}$`).
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| Self(Secret::new(text.to_owned())))
    }

    /// Whether `typed` is this number, in constant time for two characters.
    #[must_use]
    pub fn matches(&self, typed: &str) -> bool {
        self.0.expose().as_bytes().ct_eq(typed.as_bytes()).into()
    }

    /// The two digits, for the screen that asks.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

impl Serialize for Number {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.expose())
    }
}

impl TryFrom<String> for Number {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or("not a number of two digits")
    }
}

/// Where the number of an approval comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "source", content = "number", rename_all = "lowercase")]
pub enum NumberSource {
    /// Drawn by us and shown on our page.
    Ours(Number),
    /// Chosen by the client: a `binding_message` of two digits (`CIBA Core 7.1`), not sent to the phone.
    Client(Number),
    /// Drawn by us and returned to the client in the acknowledgement (`CIBA Core 7.3`).
    Returned(Number),
    /// None: the text is shown and confirmed, which proves least.
    None,
}

impl NumberSource {
    /// The number to type, if one is wanted.
    #[must_use]
    pub const fn number(&self) -> Option<&Number> {
        match self {
            Self::Ours(number) | Self::Client(number) | Self::Returned(number) => Some(number),
            Self::None => None,
        }
    }
}
