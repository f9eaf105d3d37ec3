//! Key records from columns to values.

use super::keys::{CUSTODY, PURPOSE, STATE};
use super::row::{corrupt, counter, time, word};
use crate::base::UnixTime;
use crate::keyring::KeyRecord;
use crate::ports::PortResult;

#[derive(sqlx::FromRow)]
pub(super) struct KeyRow {
    kid: String,
    purpose: String,
    algorithm: String,
    state: String,
    custody: String,
    public_jwk: Option<String>,
    staged_at: i64,
    activates_at: Option<i64>,
    activated_at: Option<i64>,
    retired_at: Option<i64>,
    gone_at: Option<i64>,
    revoked_at: Option<i64>,
    revision: i64,
}

pub(super) fn read(row: KeyRow) -> PortResult<KeyRecord> {
    let public_jwk = read_public(row.public_jwk.as_deref())?;
    Ok(KeyRecord {
        kid: row.kid,
        purpose: word(&row.purpose, PURPOSE)?,
        algorithm: row.algorithm,
        state: word(&row.state, STATE)?,
        custody: word(&row.custody, CUSTODY)?,
        public_jwk,
        staged_at: UnixTime::from_millis(row.staged_at),
        activates_at: time(row.activates_at),
        activated_at: time(row.activated_at),
        retired_at: time(row.retired_at),
        gone_at: time(row.gone_at),
        revoked_at: time(row.revoked_at),
        revision: counter(row.revision)?,
        sealed_private: None,
    })
}

pub(super) fn read_public(text: Option<&str>) -> PortResult<Option<serde_json::Value>> {
    let public = text.map(serde_json::from_str).transpose();
    public.map_err(|_| corrupt("a public key is not JSON"))
}
