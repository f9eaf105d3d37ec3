//! From columns to values and back, and from engine errors to port errors.

use std::str::FromStr;

use sqlx::error::ErrorKind;

use crate::base::{TokenHash, UnixTime};
use crate::jose::{SealError, Thumbprint};
use crate::ports::PortError;

impl From<sqlx::Error> for PortError {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::Database(inner) if inner.code().is_some_and(|code| RIVALS.contains(&&*code)) => {
                Self::Conflict
            }
            sqlx::Error::Database(inner) => match inner.kind() {
                ErrorKind::UniqueViolation => Self::Conflict,
                ErrorKind::Other => Self::Unavailable(inner.message().to_owned()),
                _ => Self::Corrupt(inner.message().to_owned()),
            },
            sqlx::Error::ColumnDecode { .. }
            | sqlx::Error::Decode(_)
            | sqlx::Error::Encode(_)
            | sqlx::Error::ColumnNotFound(_)
            | sqlx::Error::ColumnIndexOutOfBounds { .. }
            | sqlx::Error::TypeNotFound { .. }
            | sqlx::Error::RowNotFound => Self::Corrupt(error.to_string()),
            _ => Self::Unavailable(error.to_string()),
        }
    }
}

/// PostgreSQL, appendix A: serialization failure, deadlock detected, lock not available.
const RIVALS: [&str; 3] = ["40001", "40P01", "55P03"];

impl From<SealError> for PortError {
    fn from(error: SealError) -> Self {
        Self::Corrupt(error.to_string())
    }
}

/// A value that is not what this program writes. `what` names the column, never its content.
pub(super) fn corrupt(what: &'static str) -> PortError {
    PortError::Corrupt(what.to_owned())
}

pub(super) fn hash(bytes: &[u8]) -> Result<TokenHash, PortError> {
    array(bytes).map(TokenHash::from_bytes)
}

pub(super) fn thumbprint(bytes: &[u8]) -> Result<Thumbprint, PortError> {
    array(bytes).map(Thumbprint::from_bytes)
}

pub(super) fn array(bytes: &[u8]) -> Result<[u8; 32], PortError> {
    bytes.try_into().map_err(|_| corrupt("a hash is not 32 bytes"))
}

pub(super) fn word<T: FromStr>(text: &str, what: &'static str) -> Result<T, PortError> {
    text.parse().map_err(|_| corrupt(what))
}

pub(super) fn time(millis: Option<i64>) -> Option<UnixTime> {
    millis.map(UnixTime::from_millis)
}

pub(super) fn millis(time: Option<UnixTime>) -> Option<i64> {
    time.map(UnixTime::millis)
}

pub(super) fn counter(stored: i64) -> Result<u64, PortError> {
    u64::try_from(stored).map_err(|_| corrupt("a counter is negative"))
}

pub(super) fn stored(counter: u64) -> Result<i64, PortError> {
    i64::try_from(counter).map_err(|_| corrupt("a counter is too large"))
}
