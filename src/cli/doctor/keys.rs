//! The keys: that they open, that each algorithm has its signer, and that a standby could take over.

use super::super::keys_words::{since, spoken};
use super::Diagnosis;
use super::outside::Expected;
use crate::app::examined::Examined;
use crate::base::{Clock as _, SystemClock, UnixTime};
use crate::flow::verify_key_records;
use crate::keyring::{KeyPolicy, KeyRecord, KeyState, Purpose, Severity, standby_ready};

/// The keys of a store, and those that `/jwks` must show.
pub(super) async fn examine(
    examined: &Examined,
    policy: &KeyPolicy,
) -> anyhow::Result<(Vec<Diagnosis>, Expected)> {
    let (keys, now) = (examined.keys().list().await?, SystemClock.now());
    if keys.is_empty() {
        let sentence = "there is none yet: start `sceau serve` once, which makes them, then ask again";
        return Ok((vec![Diagnosis::wrong("keys", sentence)], Expected::default()));
    }
    if let Err(error) = examined.kek_fits().await {
        return Ok((vec![Diagnosis::wrong("key-encryption key", format!("{error:#}"))], Expected::default()));
    }
    let mut told = vec![Diagnosis::ok("key-encryption key", "it opens the keys of this database")];
    for finding in verify_key_records(examined.keys(), &keys, policy, now).await? {
        let about = finding.kid.as_ref().map(|kid| format!("{kid}: ")).unwrap_or_default();
        told.push(match finding.severity {
            Severity::Notice => Diagnosis::warn("keys", format!("{about}{}", finding.sentence)),
            Severity::Fault => {
                let sentence = format!(
                    "{about}{}; see keys/README.md, \"When `verify` finds something\"",
                    finding.sentence
                );
                Diagnosis::wrong("keys", sentence)
            }
        });
    }
    told.extend(policy.algorithms.iter().filter_map(|algorithm| of_algorithm(&keys, policy, algorithm, now)));
    let published = |state| {
        let of_state = keys.iter().filter(move |key| key.purpose == Purpose::Sign && key.state == state);
        of_state.map(|key| key.kid.clone()).collect::<Vec<_>>()
    };
    let expected = Expected { active: published(KeyState::Active), standby: published(KeyState::Staged) };
    Ok((told, expected))
}

/// None without a signer, which the findings tell.
fn of_algorithm(keys: &[KeyRecord], policy: &KeyPolicy, algorithm: &str, now: UnixTime) -> Option<Diagnosis> {
    let of = |key: &&KeyRecord| key.purpose == Purpose::Sign && key.algorithm == algorithm;
    let signer = keys.iter().filter(of).find(|key| key.state == KeyState::Active)?;
    let age = spoken(now.since(since(signer)));
    Some(if standby_ready(keys, policy, (Purpose::Sign, algorithm), now) {
        let sentence = format!("{algorithm}: {} has signed for {age}, and a standby is ready", signer.kid);
        Diagnosis::ok("signing key", sentence)
    } else {
        let sentence = format!(
            "{algorithm}: {} has signed for {age}, and no standby is ready: were it revoked now, nothing would be signed for a while; `sceau keys plan` says when one is, shortly after a first start that is usual",
            signer.kid
        );
        Diagnosis::warn("signing key", sentence)
    })
}
