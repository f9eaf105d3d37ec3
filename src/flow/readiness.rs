//! Whether requests can be served (`security.md` 4.5): one check for each thing they need, named without secrets.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::base::{EntropyExt, UnixTime};
use crate::jose::{Algorithm, Jwk};
use crate::keyring::NoSigner;
use crate::ports::{DurableState, PortError, ThrottleRule};

use super::{FlowError, Provider};

/// A clock farther than this from that of SQL is wrong, here or there.
const SKEW: Duration = Duration::from_secs(2);
/// Redis may be gone so long: a blip must not take every replica out of service.
const BLIP: Duration = Duration::from_secs(10);
/// Asks the ephemeral store something that changes nothing.
const PROBE: ThrottleRule = ThrottleRule { name: "readiness", limit: 1, window: Duration::from_secs(1) };

/// Partitions are made some days ahead; with less than this the job that makes them has been failing.
const AHEAD: Duration = Duration::from_hours(24);

const SIGNING_KEY: &str = "signing_key";

/// One thing that requests need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Check {
    /// Its name, also the label of its metric.
    pub name: &'static str,
    /// How it fails.
    pub failure: Option<&'static str>,
    /// Whether requests go elsewhere while it fails.
    pub decides: bool,
}

impl Check {
    const fn of(name: &'static str, failure: Option<&'static str>) -> Self {
        Self { name, failure, decides: true }
    }
}

/// Since when the ephemeral store has been failing.
#[derive(Default)]
pub struct HealthMemory(Mutex<Option<UnixTime>>);

impl Provider {
    /// The durable store, its schema and clock, and the signing key.
    pub async fn durable_checks(&self) -> Vec<Check> {
        let asked = self.now();
        let state = match self.ports.durable.state().await {
            Ok(state) => state,
            Err(error) => {
                tracing::warn!(reason = %error, "not ready: sql");
                // The rest would only wait for the same.
                let rest = ["schema", "clock", SIGNING_KEY].map(|name| Check::of(name, Some("not known")));
                return [Check::of("sql", Some("does not answer"))].into_iter().chain(rest).collect();
            }
        };
        let schema = (!state.schema_fits)
            .then_some("not one for this program: run sceau migrate, or start a newer one");
        let behind = self.cutoffs.is_behind().then_some("older than what was seen of it: run sceau restore");
        let clock = skewed(state, asked, self.now()).then_some("2 s or more from the clock of sql");
        let mut checks =
            vec![Check::of("sql", behind), Check::of("schema", schema), Check::of("clock", clock)];
        checks.extend(state.partitions_end.map(|end| partitions_check(end, self.now())));
        checks.push(self.signing_check().await);
        checks
    }

    /// The ephemeral store: it decides once it has been gone for ten seconds.
    pub async fn ephemeral_check(&self) -> Check {
        let answer = self.ports.throttle.allows(PROBE, b"", self.now()).await;
        let now = self.now();
        let mut since = self.health.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Err(error) = answer else {
            *since = None;
            return Check::of("redis", None);
        };
        tracing::warn!(reason = %error, "the ephemeral store fails");
        let gone_for = now.since(*since.get_or_insert(now));
        Check { name: "redis", failure: Some("does not answer"), decides: gone_for > BLIP }
    }

    /// Signs with the active key and verifies with the published one. A key that no replica may sign with yet sends
    /// nobody elsewhere: there is no better replica, and `/jwks` must go on telling of it.
    async fn signing_check(&self) -> Check {
        let algorithm = Algorithm::Es256.as_str();
        if let Ok(Err(NoSigner::Waiting { everywhere: true, .. })) = self.signer_of(algorithm).await {
            let failure = Some("the key in use is not known everywhere yet");
            return Check { name: SIGNING_KEY, failure, decides: false };
        }
        match self.try_signing().await {
            Ok(true) => Check::of(SIGNING_KEY, None),
            Ok(false) => Check::of(SIGNING_KEY, Some("its signature does not verify")),
            Err(error) => {
                let error = error.into_oauth();
                tracing::warn!(reason = error.internal, "not ready: signing key");
                Check::of(SIGNING_KEY, Some("no active key can sign"))
            }
        }
    }

    async fn try_signing(&self) -> Result<bool, FlowError> {
        let kid = self.planned_kid(Algorithm::Es256.as_str()).await?;
        // No token begins like this: the signature is good for nothing.
        let input = [b"sceau/readiness\0".as_slice(), &self.ports.entropy.bytes::<16>()].concat();
        let signature = self.ports.signer.sign(&kid, &input).await?;
        let published = self.keyring.published_key(&kid);
        let unknown = || PortError::Corrupt(String::from("the active key is not published"));
        let jwk = Jwk::parse(&published.ok_or_else(unknown)?).map_err(|_| unknown())?;
        Ok(jwk.key.verify(Algorithm::Es256, &input, &signature).is_ok())
    }
}

/// Sends nobody elsewhere: rows go to the default partition, on every replica alike.
fn partitions_check(end: UnixTime, now: UnixTime) -> Check {
    let failure = (end < now.plus(AHEAD)).then_some("not made ahead: look at the job partitions");
    Check { name: "partitions", failure, decides: false }
}

/// The answer was made at some time between question and answer.
fn skewed(state: DurableState, asked: UnixTime, answered: UnixTime) -> bool {
    state.clock.is_some_and(|there| there.plus(SKEW) <= asked || answered.plus(SKEW) <= there)
}
