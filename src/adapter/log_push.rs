//! A [`Push`] without a push service: it only notes which phone would be woken. The phone asks by itself.

use async_trait::async_trait;

use crate::base::DeviceId;
use crate::ports::Push;

/// Notes wake-ups in the log.
#[derive(Clone, Copy, Debug, Default)]
pub struct LogPush;

#[async_trait]
impl Push for LogPush {
    async fn notify(&self, device: DeviceId) {
        tracing::info!(device.id = %device, "no push service: the phone is not woken");
    }
}
