//! What officers do with keys from the command line (design decisions 16 and 17).
//!
//! One officer reduces trust: retires, revokes. Two add it: plan or order an activation, make a standby. Until officers
//! authenticate, their names are only said, which the audit log says too; each change raises an alarm.

use std::time::Duration;

use crate::audit::{AuditEvent, EventKind};
use crate::base::{Secret, Sid, UnixTime};
use crate::keyring::{
    Finding, KeyPolicy, KeyRecord, KeyRefusal, KeyState, Purpose, Takeover, Withdrawal, activation, findings,
    planned_standby, retirement, staging, withdrawal,
};
use crate::ports::{Cutoff, CutoffScope, Keys, PortError, PortResult, PrivatePart, SignedSince};

use super::Provider;

/// Nothing of a session is older: sessions and refresh families are bounded well below.
const LONGEST_SESSION: Duration = Duration::from_hours(24);
/// Sessions ended in one transaction.
const BATCH: u32 = 200;

/// Who changes a key, as they say.
#[derive(Clone, Debug)]
pub struct KeyOfficers {
    /// The officer at the keyboard.
    pub first: Secret,
    /// The officer who agrees, where trust is added.
    pub second: Option<Secret>,
    /// Why, in their words.
    pub reason: Option<Secret>,
}

/// Why a change was not made.
#[derive(Debug, thiserror::Error)]
pub enum KeyChangeError {
    /// The rules of keys forbid it.
    #[error(transparent)]
    Refused(#[from] KeyRefusal),
    /// Another process changed the key meanwhile.
    #[error("the keys changed meanwhile: look at `sceau keys status`, and try again")]
    Overtaken,
    /// The store.
    #[error(transparent)]
    Port(#[from] PortError),
}

/// What a revocation did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revoked {
    /// Whether the key was not revoked before.
    pub changed: bool,
    /// The key in use in its place, when it was in use itself.
    pub successor: Option<String>,
    /// The standby after it.
    pub standby: Option<String>,
    /// From when something is signed again.
    pub signs_from: Option<UnixTime>,
    /// Sessions ended, with their refresh tokens.
    pub sessions: u64,
}

impl Provider {
    /// The records of all keys, as stored now.
    pub async fn key_records(&self) -> PortResult<Vec<KeyRecord>> {
        self.ports.keys.list().await
    }

    /// What is wrong with the keys of the store, private parts included.
    pub async fn verify_keys(&self) -> PortResult<Vec<Finding>> {
        let records = self.ports.keys.list().await?;
        verify_key_records(&*self.ports.keys, &records, &self.policy.keys, self.now()).await
    }

    /// Makes the standby of a use that has none. Takes two officers.
    pub async fn stage_key(
        &self,
        (purpose, algorithm): (Purpose, &str),
        officers: &KeyOfficers,
    ) -> Result<String, KeyChangeError> {
        let now = self.now();
        staging(&self.ports.keys.list().await?, &self.policy.keys, purpose, algorithm)?;
        let record = KeyRecord::staged(String::new(), purpose, algorithm.to_owned(), now);
        let event = self.by_officers((EventKind::KeyStaged, "officers_unverified"), officers, now);
        self.ports.keys.stage(&record, &event).await?.ok_or(KeyChangeError::Overtaken)
    }

    /// Plans the activation of the standby of a use at `at`, making one where there is none. Takes two officers.
    pub async fn plan_key(
        &self,
        (purpose, algorithm): (Purpose, &str),
        at: UnixTime,
        officers: &KeyOfficers,
    ) -> Result<KeyRecord, KeyChangeError> {
        let now = self.now();
        let keys = &*self.ports.keys;
        let of_use = (purpose, algorithm);
        let mut planned = planned_standby(&keys.list().await?, &self.policy.keys, of_use, (at, now))?;
        if planned.is_none() {
            self.stage_key(of_use, officers).await?;
            planned = planned_standby(&keys.list().await?, &self.policy.keys, of_use, (at, now))?;
        }
        let planned = planned.ok_or(KeyChangeError::Overtaken)?;
        let event = self
            .by_officers((EventKind::KeyStaged, "planned_officers_unverified"), officers, now)
            .with_transaction(planned.kid.clone());
        let done = keys.advance(planned.revision.saturating_sub(1), &planned, None, &event).await?;
        if done { Ok(planned) } else { Err(KeyChangeError::Overtaken) }
    }

    /// Puts a standby in use now. Takes two officers.
    pub async fn activate_key(&self, kid: &str, officers: &KeyOfficers) -> Result<Takeover, KeyChangeError> {
        let now = self.now();
        let takeover = activation(&self.ports.keys.list().await?, &self.policy.keys, kid, now)?;
        let event = self.by_officers((EventKind::KeyActivated, "officers_unverified"), officers, now);
        self.take_over(takeover, event).await
    }

    /// Takes the active key out of use now; its standby takes over. Takes one officer.
    pub async fn retire_key(&self, kid: &str, officers: &KeyOfficers) -> Result<Takeover, KeyChangeError> {
        let now = self.now();
        let takeover = retirement(&self.ports.keys.list().await?, &self.policy.keys, kid, now)?;
        let event = self.by_officers((EventKind::KeyRetired, "officer_unverified"), officers, now);
        self.take_over(takeover, event).await
    }

    async fn take_over(&self, takeover: Takeover, event: AuditEvent) -> Result<Takeover, KeyChangeError> {
        let event = event.with_transaction(takeover.next.kid.clone());
        let keys = &*self.ports.keys;
        let done = keys.advance(takeover.expected, &takeover.next, takeover.demoted.as_ref(), &event).await?;
        if !done {
            return Err(KeyChangeError::Overtaken);
        }
        self.sweep_keys().await?;
        Ok(takeover)
    }

    /// Revokes a key at once: it leaves `/jwks`, what it signed is refused by every process within five seconds, the
    /// standby takes over and another is made. With `since`, the sessions in which it signed something from then on
    /// end too. Takes one officer; again, it ends what it had not ended before.
    pub async fn revoke_key(
        &self,
        kid: &str,
        since: Option<UnixTime>,
        officers: &KeyOfficers,
    ) -> Result<Revoked, KeyChangeError> {
        let now = self.now();
        let withdrawn = withdrawal(&self.ports.keys.list().await?, &self.policy.keys, kid, now)?;
        if let Some(withdrawn) = &withdrawn {
            self.withdraw(withdrawn, officers, now).await?;
        }
        // Said before the sessions end, which may take long.
        self.cutoffs.note(&Cutoff { scope: CutoffScope::Key(kid.to_owned()), at: now });
        self.sweep_keys().await?;
        let sessions = match since {
            Some(since) => self.end_signed(kid, since, officers, now).await?,
            None => 0,
        };
        let records = self.keyring.records();
        let key = records.iter().find(|key| key.kid == kid).ok_or(KeyRefusal::Unknown)?;
        let of = |state| {
            let same_use = |other: &&KeyRecord| {
                other.purpose == key.purpose && other.algorithm == key.algorithm && other.state == state
            };
            records.iter().find(same_use).map(|key| key.kid.clone())
        };
        Ok(Revoked {
            changed: withdrawn.is_some(),
            successor: of(KeyState::Active),
            standby: of(KeyState::Staged),
            signs_from: withdrawn.and_then(|withdrawn| withdrawn.signs_from),
            sessions,
        })
    }

    async fn withdraw(
        &self,
        withdrawn: &Withdrawal,
        officers: &KeyOfficers,
        now: UnixTime,
    ) -> Result<(), KeyChangeError> {
        let revoked = self
            .by_officers((EventKind::KeyRevoked, "officer_unverified"), officers, now)
            .with_transaction(withdrawn.revoked.kid.clone());
        let mut events = vec![revoked];
        if let Some((_, successor)) = &withdrawn.successor {
            let event = self.succeeded(EventKind::KeyActivated, "takes_over", now);
            events.push(event.with_transaction(successor.kid.clone()));
        }
        let done = self.ports.keys.revoke(withdrawn, &events).await?;
        if done { Ok(()) } else { Err(KeyChangeError::Overtaken) }
    }

    async fn end_signed(
        &self,
        kid: &str,
        since: UnixTime,
        officers: &KeyOfficers,
        now: UnixTime,
    ) -> PortResult<u64> {
        let since = since.max(now.minus(LONGEST_SESSION));
        let signed = SignedSince { kid, since, at: now };
        let (mut after, mut sessions): (Option<Sid>, u64) = (None, 0);
        loop {
            let event = self
                .by_officers((EventKind::KeyRevoked, "sessions_ended"), officers, now)
                .with_transaction(kid);
            let batch = self.ports.revocation.end_signed(&signed, after, BATCH, &event).await?;
            let Some((last, ended)) = batch else { return Ok(sessions) };
            sessions = sessions.saturating_add(ended);
            after = Some(last);
        }
    }

    /// The officers' words are personal values of the record: their names are not in the log.
    fn by_officers(
        &self,
        (kind, reason): (EventKind, &'static str),
        officers: &KeyOfficers,
        now: UnixTime,
    ) -> AuditEvent {
        tracing::warn!(alarm = true, event = kind.as_str(), reason, "officers change a key, unverified");
        let mut event = self
            .succeeded(kind, reason, now)
            .with_actor("officer")
            .with_personal("officer", officers.first.clone());
        if let Some(second) = &officers.second {
            event = event.with_personal("second_officer", second.clone());
        }
        match &officers.reason {
            Some(words) => event.with_personal("reason", words.clone()),
            None => event,
        }
    }
}

/// What is wrong with `records` of `keys`, private parts included.
pub async fn verify_key_records(
    keys: &dyn Keys,
    records: &[KeyRecord],
    policy: &KeyPolicy,
    now: UnixTime,
) -> PortResult<Vec<Finding>> {
    let mut found = findings(records, policy, now);
    for key in records {
        let sentence = match keys.inspect(&key.kid).await? {
            PrivatePart::Whole if key.keeps_private() => continue,
            PrivatePart::Absent if !key.keeps_private() => continue,
            PrivatePart::Whole => "its private part should have been destroyed, and is there",
            PrivatePart::Absent => "its private part is missing",
            PrivatePart::Sealed => {
                "its private part does not open: another key-encryption key, or a changed row"
            }
            PrivatePart::Another => "its private part belongs to another public part",
        };
        found.push(Finding::fault(&key.kid, sentence));
    }
    Ok(found)
}
