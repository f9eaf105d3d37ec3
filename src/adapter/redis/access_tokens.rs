//! [`AccessTokens`]: records until their token expires.

use async_trait::async_trait;

use super::RedisStore;
use crate::adapter::ephemeral::Place;
use crate::adapter::sealed_value::Head;
use crate::base::{TokenHash, UnixTime};
use crate::ports::{AccessTokenRecord, AccessTokens, PortResult};

#[async_trait]
impl AccessTokens for RedisStore {
    async fn put(&self, token: &TokenHash, record: &AccessTokenRecord) -> PortResult<()> {
        // The code is spent, the grant written: it is answered.
        self.put_begun(&Place::access_token(token), Head::whole(record.expires_at), record).await
    }

    async fn load(&self, token: &TokenHash, now: UnixTime) -> PortResult<Option<AccessTokenRecord>> {
        self.load_whole(&Place::access_token(token), now).await
    }

    async fn take(&self, token: &TokenHash, now: UnixTime) -> PortResult<Option<AccessTokenRecord>> {
        self.take_whole(&Place::access_token(token), now).await
    }

    async fn remove(&self, token: &TokenHash) -> PortResult<()> {
        self.forget(&Place::access_token(token)).await
    }
}
