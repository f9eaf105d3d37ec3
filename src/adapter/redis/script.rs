//! Scripts, each of one key, sent whole where Redis does not know them (yet, or any more).

use redis::aio::MultiplexedConnection;
use redis::{Cmd, RedisResult, ToRedisArgs};

/// A script of one key.
pub(super) struct Script(redis::Script);

impl Script {
    pub(super) fn new(text: &str) -> Self {
        Self(redis::Script::new(text))
    }

    /// A call for `key`; its arguments are added to it.
    pub(super) fn key(&self, key: String) -> Call<'_> {
        let mut command = redis::cmd("EVALSHA");
        command.arg(self.0.get_hash()).arg(1).arg(&key);
        Call { script: self, key, command }
    }

    /// Makes it known to a server.
    pub(super) async fn load(&self, connection: &mut MultiplexedConnection) -> RedisResult<()> {
        self.0.load_async(connection).await.map(drop)
    }
}

/// A script with its key and arguments.
pub(super) struct Call<'a> {
    pub(super) script: &'a Script,
    pub(super) key: String,
    pub(super) command: Cmd,
}

impl Call<'_> {
    pub(super) fn arg<T: ToRedisArgs>(&mut self, argument: T) -> &mut Self {
        self.command.arg(argument);
        self
    }
}
