//! [`HighWaterMark`]: as long as the process lives.

use std::sync::PoisonError;

use async_trait::async_trait;

use super::InProcess;
use crate::ports::{HighWater, HighWaterMark, PortResult};

#[async_trait]
impl HighWaterMark for InProcess {
    async fn read(&self) -> PortResult<Option<HighWater>> {
        Ok(*self.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }

    async fn write(&self, mark: HighWater) -> PortResult<()> {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(mark);
        Ok(())
    }
}
