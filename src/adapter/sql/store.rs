//! What every port of this adapter holds: the database, a sealer, entropy and time.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Db;
use super::row::corrupt;
use crate::audit::Lane;
use crate::base::{AuditId, Clock, Entropy};
use crate::jose::SealContext;
use crate::ports::{PortResult, Sealing};

/// The database with what is needed to write in it.
#[derive(Clone)]
pub(super) struct Store {
    pub(super) db: Db,
    pub(super) sealer: Sealing,
    pub(super) entropy: Arc<dyn Entropy>,
    pub(super) clock: Arc<dyn Clock>,
}

impl Store {
    /// The JSON form of `value`, sealed for the row `name` of the column `kind`.
    pub(super) fn seal(&self, kind: &str, name: &[u8], value: &impl Serialize) -> PortResult<Vec<u8>> {
        let plain = serde_json::to_vec(value).map_err(|_| corrupt("a value has no JSON form"))?;
        let plain = zeroize::Zeroizing::new(plain);
        Ok(self.sealer.seal(self.entropy.as_ref(), &SealContext { kind, name, clear: &[] }, &plain))
    }

    /// What [`Store::seal`] sealed for the same place.
    pub(super) async fn open<T: DeserializeOwned>(
        &self,
        kind: &str,
        name: &[u8],
        sealed: &[u8],
    ) -> PortResult<T> {
        let plain = self.sealer.open(&SealContext { kind, name, clear: &[] }, sealed).await?;
        let plain = zeroize::Zeroizing::new(plain);
        serde_json::from_slice(&plain).map_err(|_| corrupt("a sealed value has another shape"))
    }

    /// A lane that no other writer has had.
    pub(super) fn open_lane(&self) -> Lane {
        Lane::open(AuditId::ordered(self.entropy.as_ref(), self.clock.now()).uuid())
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").finish_non_exhaustive()
    }
}
