//! [`AccessTokens`]: records until their token expires.

use async_trait::async_trait;

use super::InProcess;
use crate::adapter::ephemeral::Place;
use crate::adapter::sealed_value::Head;
use crate::base::{TokenHash, UnixTime};
use crate::ports::{AccessTokenRecord, AccessTokens, PortResult};

#[async_trait]
impl AccessTokens for InProcess {
    async fn put(&self, token: &TokenHash, record: &AccessTokenRecord) -> PortResult<()> {
        self.put_value(&Place::access_token(token), Head::whole(record.expires_at), record)
    }

    async fn load(&self, token: &TokenHash, now: UnixTime) -> PortResult<Option<AccessTokenRecord>> {
        Ok(self.load_value(&Place::access_token(token), now)?.map(|stored| stored.value))
    }

    async fn take(&self, token: &TokenHash, now: UnixTime) -> PortResult<Option<AccessTokenRecord>> {
        self.take_value(&Place::access_token(token), now)
    }

    async fn remove(&self, token: &TokenHash) -> PortResult<()> {
        self.remove_value(&Place::access_token(token))
    }
}
