//! [`Throttle`]: fixed windows, counted in a script that runs even when memory is full.

use async_trait::async_trait;

use super::RedisStore;
use crate::adapter::ephemeral::Place;
use crate::base::UnixTime;
use crate::ports::{PortResult, Throttle, ThrottleRule};

#[async_trait]
impl Throttle for RedisStore {
    async fn hit(&self, rule: ThrottleRule, subject: &[u8], now: UnixTime) -> PortResult<bool> {
        let end = now.plus(rule.window);
        let mut script = self.scripts.hit.key(self.key(&Place::counter(&rule, subject)));
        script.arg(now.millis()).arg(rule.limit).arg(end.millis()).arg(self.time_to_live(end));
        self.link.invoke(&script).await
    }

    async fn allows(&self, rule: ThrottleRule, subject: &[u8], now: UnixTime) -> PortResult<bool> {
        let mut command = redis::cmd("HMGET");
        command.arg(self.key(&Place::counter(&rule, subject))).arg("count").arg("deadline");
        let (count, deadline): (Option<u64>, Option<i64>) = self.link.run(&command).await?;
        let running = deadline.is_some_and(|deadline| now < UnixTime::from_millis(deadline));
        let count = count.filter(|_| running).unwrap_or_default();
        Ok(count < u64::from(rule.limit))
    }
}
