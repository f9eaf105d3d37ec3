//! The sealer of stored values, together with the way to a key that this process has not read yet.

use std::sync::Arc;

use async_trait::async_trait;

use super::PortResult;
use crate::base::Entropy;
use crate::jose::{SealContext, SealError, Sealer};

/// Where the keys of stored values are read.
#[async_trait]
pub trait SealKeySource: Send + Sync {
    /// Reads the keys again, unless that was done a moment ago, and teaches them to the sealer.
    async fn read_again(&self) -> PortResult<()>;
}

/// Seals stored values and keys their hashes. A value under a key that another replica made, and that this one does not
/// know, has the keys read once before it is refused.
#[derive(Clone)]
pub struct Sealing {
    sealer: Sealer,
    source: Option<Arc<dyn SealKeySource>>,
}

impl Sealing {
    /// Seals with `sealer`, whose keys come from `source`.
    #[must_use]
    pub fn new(sealer: Sealer, source: Arc<dyn SealKeySource>) -> Self {
        Self { sealer, source: Some(source) }
    }

    /// The sealer itself.
    #[must_use]
    pub const fn sealer(&self) -> &Sealer {
        &self.sealer
    }

    /// [`Sealer::seal`].
    #[must_use]
    pub fn seal(&self, entropy: &dyn Entropy, context: &SealContext<'_>, plaintext: &[u8]) -> Vec<u8> {
        self.sealer.seal(entropy, context, plaintext)
    }

    /// [`Sealer::mac`].
    #[must_use]
    pub fn mac(&self, label: &'static str, parts: &[&[u8]]) -> [u8; 32] {
        self.sealer.mac(label, parts)
    }

    /// [`Sealer::open`], with a second look at the keys when the value names one that is unknown.
    ///
    /// # Errors
    /// [`SealError`]; keys that cannot be read leave the key unknown.
    pub async fn open(&self, context: &SealContext<'_>, sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        match (self.sealer.open(context, sealed), &self.source) {
            (Err(SealError::UnknownKey), Some(source)) => {
                if let Err(error) = source.read_again().await {
                    tracing::warn!(reason = %error, "the keys of stored values cannot be read");
                }
                self.sealer.open(context, sealed)
            }
            (opened, _) => opened,
        }
    }
}

impl From<&Sealer> for Sealing {
    /// Without a way to other keys.
    fn from(sealer: &Sealer) -> Self {
        Self { sealer: sealer.clone(), source: None }
    }
}

impl From<Sealer> for Sealing {
    /// Without a way to other keys.
    fn from(sealer: Sealer) -> Self {
        Self { sealer, source: None }
    }
}

impl From<&Self> for Sealing {
    fn from(sealing: &Self) -> Self {
        sealing.clone()
    }
}
