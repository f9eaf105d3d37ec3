//! Whether the key-encryption keys that were given fit this database, said in words.

use anyhow::Context as _;

use crate::adapter::sql::{KekCensus, SqlKeys};
use crate::jose::{SealError, Sealer};

/// Refuses keys that open nothing, or a record sealed under a third one; says when the other key is no longer needed.
pub(super) async fn check(keys: &SqlKeys, own: &Sealer, two: bool) -> anyhow::Result<()> {
    let census = keys.kek_census(own).await.context("reading the keys")?;
    if let Some(kid) = strange(&census) {
        let which =
            if two { "neither keys.kek_file nor keys.kek_previous_file" } else { "not keys.kek_file" };
        anyhow::bail!(
            "reading the keys: is this the key-encryption key of this database? {which} opens the key record {kid}; \
             put the right one back, or name the one before it in keys.kek_previous_file"
        );
    }
    for (kid, reason) in &census.closed {
        tracing::error!(kid, %reason, "a stored key was altered: it does not open");
    }
    if two && census.other > 0 {
        tracing::info!(
            records = census.other,
            "keys.kek_previous_file still opens stored keys: run `sceau keys reseal`"
        );
    } else if two {
        tracing::warn!(
            "keys.kek_previous_file opens no stored key: leave it out, unless it is the next key, handed out ahead"
        );
    }
    Ok(())
}

/// A record under a key-encryption key that was not given. A part that was altered names a key that was.
fn strange(census: &KekCensus) -> Option<&str> {
    let none_opens = census.current == 0 && census.other == 0;
    let foreign = |(_, reason): &&(String, SealError)| none_opens || *reason == SealError::UnknownKey;
    census.closed.iter().find(foreign).map(|(kid, _)| kid.as_str())
}
