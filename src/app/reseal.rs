//! Stored values and private keys, sealed anew under the keys in use; and what the earlier keys are still needed for.

use anyhow::Context as _;

use super::App;
use crate::adapter::sql::{KekCensus, ResealObserver, Resealed};
use crate::audit::{AuditEvent, Decision, EventKind};
use crate::base::{AuditId, UnixTime};
use crate::keyring::{INDEX_KEY, SealKey, SealKeys};

/// What became of everything that is sealed in the database.
#[derive(Clone, Debug)]
pub struct ResealReport {
    /// Private keys first, then stored values, by column.
    pub columns: Vec<Resealed>,
    /// Every seal key, with what it is needed for.
    pub seal_keys: Vec<(SealKey, SealKeyNeed)>,
    /// Until then a replica may still seal under the key before the one in use: the job is to be run again.
    pub settles_at: Option<UnixTime>,
    /// Which key-encryption key the private keys need.
    pub kek: KekCensus,
}

/// What a seal key is needed for. Values that pass may need any of them until they end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SealKeyNeed {
    /// It seals.
    Seals,
    /// It will seal.
    Ahead,
    /// Values may be under it.
    Values,
    /// The blind indexes are made with it; no value is under it.
    Indexes,
    /// Nothing that lasts.
    Nothing,
}

impl SealKeyNeed {
    /// One word for programs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Seals => "seals",
            Self::Ahead => "ahead",
            Self::Values => "values",
            Self::Indexes => "indexes",
            Self::Nothing => "nothing",
        }
    }
}

impl ResealReport {
    /// Values that do not open.
    #[must_use]
    pub fn refused(&self) -> usize {
        self.columns.iter().map(|column| column.refused.len()).sum()
    }

    /// Values that others kept writing or holding.
    #[must_use]
    pub fn left(&self) -> u64 {
        self.columns.iter().map(|column| column.left).sum()
    }
}

impl App {
    /// Seals anew what is not under the keys in use, `batch` rows in a transaction, beside replicas that serve. Ended
    /// at any point and begun again, it does what is left.
    pub async fn reseal(
        &self,
        batch: u32,
        observer: &mut dyn ResealObserver,
    ) -> anyhow::Result<ResealReport> {
        self.seal_keys.refresh().await.context("reading the seal keys")?;
        self.resealing("begun", |event| event).await?;
        let keys = self.keys.reseal().await.context("sealing private keys anew")?;
        observer.walked(&keys);
        let values = self.durable.reseal(batch, observer).await.context("sealing stored values anew")?;
        let found = self.seal_keys.list().await.context("reading the seal keys")?;
        let settles_at = self.settles_at(&found);
        let whole = values.iter().all(|column| column.left == 0 && column.refused.is_empty());
        let free = whole && settles_at.is_none();
        let need = |key: SealKey| {
            let need = need(&key, found.current, free);
            (key, need)
        };
        let report = ResealReport {
            columns: std::iter::once(keys).chain(values).collect(),
            seal_keys: found.openers.iter().cloned().map(need).collect(),
            settles_at,
            kek: self.keys.kek_census(&self.own_kek).await.context("reading the keys")?,
        };
        let done: u64 = report.columns.iter().map(|column| column.done).sum();
        let refused = u64::try_from(report.refused()).unwrap_or(u64::MAX);
        let reason = if refused == 0 && report.left() == 0 { "done" } else { "some_left" };
        self.resealing(reason, |event| event.with_count("resealed", done).with_count("refused", refused))
            .await?;
        Ok(report)
    }

    /// When every replica has ceased to seal under the key before the one in use, unless that was before now.
    fn settles_at(&self, found: &SealKeys) -> Option<UnixTime> {
        let used = found.openers.iter().filter(|key| key.activated_at.is_some());
        if used.count() < 2 {
            return None;
        }
        let newest = found.openers.iter().filter_map(|key| Some((key.activated_at?, key.staged_at))).max()?;
        let hold = self.seal_keys.hold();
        let settled = newest.0.max(newest.1.plus(hold)).plus(hold);
        (self.provider.now() < settled).then_some(settled)
    }

    async fn resealing(
        &self,
        reason: &'static str,
        detail: impl FnOnce(AuditEvent) -> AuditEvent,
    ) -> anyhow::Result<()> {
        let (ports, now) = (&self.provider.ports, self.provider.now());
        let id = AuditId::ordered(&*ports.entropy, now);
        let event = AuditEvent::new(id, now, EventKind::KeysResealed, Decision::Success, reason);
        let recorded = ports.audit.append(&detail(event)).await;
        recorded.context("recording what is done")
    }
}

fn need(key: &SealKey, current: u32, free: bool) -> SealKeyNeed {
    if key.number == current {
        SealKeyNeed::Seals
    } else if key.activated_at.is_none() {
        SealKeyNeed::Ahead
    } else if !free {
        SealKeyNeed::Values
    } else if key.number == INDEX_KEY {
        SealKeyNeed::Indexes
    } else {
        SealKeyNeed::Nothing
    }
}
