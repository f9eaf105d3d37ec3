//! Values with steps: hashes of version, state, deadline and sealed body, advanced by compare-and-set.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::RedisStore;
use super::script::Call;
use crate::adapter::ephemeral::Place;
use crate::adapter::sealed_value::{Head, SealedValue, State, known};
use crate::base::UnixTime;
use crate::ports::{PortError, PortResult, Versioned};

/// The fields of a value, each missing when nothing is kept.
type Fields = (Option<u64>, Option<String>, Option<i64>, Option<Vec<u8>>, Option<u8>);

/// Whether a step is told to who waits for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bell {
    Silent,
    Rung,
}

impl RedisStore {
    /// Adds a value where none lives.
    pub(super) async fn insert_steps<T: Serialize>(
        &self,
        place: &Place,
        head: Head,
        value: &T,
    ) -> PortResult<()> {
        let value = self.seal.seal(place, head, value)?;
        let mut script = self.scripts.insert.key(self.key(place));
        self.write(&mut script, &value);
        if self.link.invoke(&script).await? { Ok(()) } else { Err(PortError::Conflict) }
    }

    /// Replaces version `expected` by `next`, whose head carries the version after it.
    pub(super) async fn advance_steps<T: Serialize>(
        &self,
        place: &Place,
        expected: u64,
        (head, next): (Head, &T),
        bell: Bell,
    ) -> PortResult<bool> {
        let value = self.seal.seal(place, head, next)?;
        let mut script = self.scripts.advance.key(self.key(place));
        self.write(&mut script, &value);
        script.arg(expected);
        match bell {
            Bell::Silent => script.arg("").arg(""),
            Bell::Rung => script.arg(self.link.channel()).arg(place.key()),
        };
        self.link.invoke(&script).await
    }

    pub(super) async fn load_steps<T: DeserializeOwned>(
        &self,
        place: &Place,
        now: UnixTime,
    ) -> PortResult<Option<Versioned<T>>> {
        let mut command = redis::cmd("HMGET");
        command.arg(self.key(place)).arg("version").arg("state").arg("deadline").arg("body").arg("schema");
        let value = match self.link.run::<Fields>(&command).await? {
            (None, None, None, None, _) => return Ok(None),
            (Some(version), Some(state), Some(deadline), Some(body), schema) => {
                let deadline = UnixTime::from_millis(deadline);
                let head = Head { version, state: state_of(&state)?, deadline };
                // The first schema had no name.
                SealedValue { schema: known(schema.unwrap_or(FIRST))?, head, body }
            }
            _ => return Err(PortError::Corrupt(String::from("a value with steps is incomplete"))),
        };
        if value.head.is_dead(now) {
            return Ok(None);
        }
        let version = value.head.version;
        Ok(Some(Versioned { version, value: self.seal.open_shared(place, &value).await? }))
    }

    /// The version of a value that lives and may still go on.
    pub(super) async fn open_version(&self, place: &Place) -> PortResult<Option<u64>> {
        let mut command = redis::cmd("HMGET");
        command.arg(self.key(place)).arg("version").arg("state").arg("deadline");
        let (version, state, deadline): (Option<u64>, Option<String>, Option<i64>) =
            self.link.run(&command).await?;
        let alive = deadline.is_some_and(|deadline| self.clock.now() < UnixTime::from_millis(deadline));
        Ok(version.filter(|_| alive && state.as_deref() == Some(OPEN)))
    }

    /// The arguments that both scripts begin with.
    fn write(&self, script: &mut Call<'_>, value: &SealedValue) {
        let Head { version, state, deadline } = value.head;
        let state = match state {
            State::Open => OPEN,
            State::Closed => CLOSED,
        };
        script.arg(self.clock.now().millis()).arg(version).arg(state).arg(deadline.millis());
        script.arg(value.body.as_slice()).arg(self.time_to_live(deadline)).arg(value.schema);
    }
}

fn state_of(word: &str) -> PortResult<State> {
    match word {
        OPEN => Ok(State::Open),
        CLOSED => Ok(State::Closed),
        _ => Err(PortError::Corrupt(String::from("a value with steps has an unknown state"))),
    }
}

const FIRST: u8 = 1;
const OPEN: &str = "open";
const CLOSED: &str = "closed";
