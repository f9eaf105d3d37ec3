//! [`HighWaterMark`]: one hash, shared by the replicas.

use async_trait::async_trait;

use super::RedisStore;
use crate::base::UnixTime;
use crate::ports::{HighWater, HighWaterMark, PortResult};

#[async_trait]
impl HighWaterMark for RedisStore {
    async fn read(&self) -> PortResult<Option<HighWater>> {
        let mut command = redis::cmd("HMGET");
        command.arg(self.mark()).arg("entries").arg("at");
        let (entries, at): (Option<u64>, Option<i64>) = self.link.run(&command).await?;
        Ok(entries.zip(at).map(|(entries, at)| HighWater { entries, at: UnixTime::from_millis(at) }))
    }

    async fn write(&self, mark: HighWater) -> PortResult<()> {
        let mut command = redis::cmd("HSET");
        command.arg(self.mark()).arg("entries").arg(mark.entries).arg("at").arg(mark.at.millis());
        self.link.run::<()>(&command).await
    }
}

impl RedisStore {
    fn mark(&self) -> String {
        format!("{}:sec:seen", self.prefix)
    }
}
