//! [`Throttle`]: fixed windows. The count and the end of the window are the head of an empty sealed value.

use async_trait::async_trait;

use super::InProcess;
use super::shards::Change;
use crate::adapter::ephemeral::Place;
use crate::adapter::sealed_value::{Head, State};
use crate::base::UnixTime;
use crate::ports::{PortResult, Throttle, ThrottleRule};

#[async_trait]
impl Throttle for InProcess {
    async fn hit(&self, rule: ThrottleRule, subject: &[u8], now: UnixTime) -> PortResult<bool> {
        let place = Place::counter(&rule, subject);
        let limit = u64::from(rule.limit);
        self.values.decide(&place, now, |current| {
            let (count, deadline) = match current {
                None => (0, now.plus(rule.window)),
                Some(current) => {
                    self.seal.open::<()>(&place, current)?;
                    (current.head.version, current.head.deadline)
                }
            };
            if count >= limit {
                return Ok((Change::Keep, false));
            }
            let head = Head { version: count + 1, state: State::Open, deadline };
            Ok((Change::Put(self.seal.seal(&place, head, &())?), true))
        })
    }

    async fn allows(&self, rule: ThrottleRule, subject: &[u8], now: UnixTime) -> PortResult<bool> {
        let counted = self.load_value::<()>(&Place::counter(&rule, subject), now)?;
        Ok(counted.map_or(0, |counter| counter.version) < u64::from(rule.limit))
    }
}
