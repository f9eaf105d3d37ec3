//! The form in which both ephemeral adapters keep a value (design decision 18): sealed, with its version, state and
//! deadline beside it in clear and authenticated with it.
//!
//! As one string: `schema (1) ‖ state (1) ‖ version (u64 BE) ‖ deadline (i64 BE, milliseconds) ‖ sealed body`. A value put in
//! another place, or beside another version, state or deadline, does not open. Going back to an older value of the
//! same place is not detected: what a rollback must not defeat has its fence in SQL (design decision 4).
//!
//! While replicas are replaced one by one, versions `n - 1` and `n` read each other's values: a version reads the schema
//! that it writes and the next one, so that a schema is read everywhere before anybody writes it, and what `n - 1` has
//! written is still read by `n`. Within a schema a value may gain optional fields: unknown ones are ignored.

use std::ops::RangeInclusive;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use super::ephemeral::Place;
use crate::base::{Entropy, UnixTime};
use crate::jose::{SealContext, SealError};
use crate::ports::{PortError, PortResult, Sealing};

/// Whether something more may happen to a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It may be taken, or go on.
    Open,
    /// It is settled and only read.
    Closed,
}

/// What lies in clear beside a sealed value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Steps made since the value was added; of a counter, the events counted.
    pub version: u64,
    /// Whether it may go on.
    pub state: State,
    /// From this instant on the value is dead.
    pub deadline: UnixTime,
}

impl Head {
    /// The head of a value without steps.
    #[must_use]
    pub const fn whole(deadline: UnixTime) -> Self {
        Self { version: 0, state: State::Open, deadline }
    }

    /// Whether the value is dead at `now`.
    #[must_use]
    pub fn is_dead(&self, now: UnixTime) -> bool {
        now >= self.deadline
    }

    fn bytes(self, schema: u8) -> [u8; HEAD] {
        let state = match self.state {
            State::Open => OPEN,
            State::Closed => CLOSED,
        };
        let mut bytes = [0; HEAD];
        let parts = [schema, state].into_iter().chain(self.version.to_be_bytes());
        for (byte, part) in bytes.iter_mut().zip(parts.chain(self.deadline.millis().to_be_bytes())) {
            *byte = part;
        }
        bytes
    }
}

/// A value as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedValue {
    /// What the value looks like inside.
    pub schema: u8,
    /// In clear.
    pub head: Head,
    /// Sealed.
    pub body: Vec<u8>,
}

impl SealedValue {
    /// The value as one string of bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        [self.head.bytes(self.schema).as_slice(), &self.body].concat()
    }

    /// Reads what [`SealedValue::to_bytes`] wrote.
    ///
    /// # Errors
    /// [`PortError::Corrupt`] for an unknown schema, another state or length.
    pub fn from_bytes(bytes: &[u8]) -> PortResult<Self> {
        let truncated = || PortError::Corrupt(String::from("a sealed value is truncated"));
        let ([schema, state], rest) = bytes.split_first_chunk::<2>().ok_or_else(truncated)?;
        let (version, rest) = rest.split_first_chunk::<8>().ok_or_else(truncated)?;
        let (deadline, body) = rest.split_first_chunk::<8>().ok_or_else(truncated)?;
        let state = match *state {
            OPEN => State::Open,
            CLOSED => State::Closed,
            _ => return Err(PortError::Corrupt(String::from("a sealed value has an unknown state"))),
        };
        let schema = known(*schema)?;
        let version = u64::from_be_bytes(*version);
        let deadline = UnixTime::from_millis(i64::from_be_bytes(*deadline));
        Ok(Self { schema, head: Head { version, state, deadline }, body: body.to_vec() })
    }
}

/// Seals and opens the values of an ephemeral store.
#[derive(Clone)]
pub struct ValueSealer {
    sealer: Sealing,
    entropy: Arc<dyn Entropy>,
}

impl ValueSealer {
    /// Seals with `sealer`, drawing salts and nonces from `entropy`.
    #[must_use]
    pub fn new(sealer: Sealing, entropy: Arc<dyn Entropy>) -> Self {
        Self { sealer, entropy }
    }

    /// Seals `value` for `place`, beside `head`.
    ///
    /// # Errors
    /// [`PortError::Corrupt`] when `value` has no JSON form.
    pub fn seal<T: Serialize>(&self, place: &Place, head: Head, value: &T) -> PortResult<SealedValue> {
        let plain =
            serde_json::to_vec(value).map(Zeroizing::new).map_err(|_| corrupt(place, "has no JSON form"))?;
        let clear = head.bytes(WRITTEN);
        let body = self.sealer.seal(self.entropy.as_ref(), &context(place, &clear), &plain);
        Ok(SealedValue { schema: WRITTEN, head, body })
    }

    /// Opens a value that this process has sealed, found at `place`.
    ///
    /// # Errors
    /// [`PortError::Corrupt`] when it was altered, moved, or is not a `T`.
    pub fn open<T: DeserializeOwned>(&self, place: &Place, value: &SealedValue) -> PortResult<T> {
        let clear = value.head.bytes(value.schema);
        read(place, self.sealer.sealer().open(&context(place, &clear), &value.body))
    }

    /// Opens a value that any replica may have sealed.
    ///
    /// # Errors
    /// Those of [`ValueSealer::open`].
    pub async fn open_shared<T: DeserializeOwned>(
        &self,
        place: &Place,
        value: &SealedValue,
    ) -> PortResult<T> {
        let clear = value.head.bytes(value.schema);
        read(place, self.sealer.open(&context(place, &clear), &value.body).await)
    }
}

/// Refuses a schema that this version cannot read.
///
/// # Errors
/// [`PortError::Corrupt`].
pub fn known(schema: u8) -> PortResult<u8> {
    if READ.contains(&schema) {
        return Ok(schema);
    }
    Err(PortError::Corrupt(String::from("a sealed value has a schema that this version cannot read")))
}

fn read<T: DeserializeOwned>(place: &Place, opened: Result<Vec<u8>, SealError>) -> PortResult<T> {
    let plain = opened.map(Zeroizing::new).map_err(|error| corrupt(place, &error.to_string()))?;
    // The parser's own message may repeat the value.
    serde_json::from_slice(&plain).map_err(|_| corrupt(place, "has another shape"))
}

fn context<'a>(place: &'a Place, clear: &'a [u8]) -> SealContext<'a> {
    SealContext { kind: place.kind(), name: place.key().as_bytes(), clear }
}

fn corrupt(place: &Place, why: &str) -> PortError {
    PortError::Corrupt(format!("{}: {why}", place.kind()))
}

/// The schema of what this version writes.
pub const WRITTEN: u8 = 1;
/// What it reads: the schema before the next version's, and that one. Raised with [`WRITTEN`], a version later.
const READ: RangeInclusive<u8> = WRITTEN..=WRITTEN + 1;
const OPEN: u8 = 1;
const CLOSED: u8 = 2;
const HEAD: usize = 18;
