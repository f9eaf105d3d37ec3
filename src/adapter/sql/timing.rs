//! How long the database takes: a histogram and a span for each kind of step. Never what was asked, nor with what.

use std::sync::LazyLock;
use std::time::Instant;

use metrics::Histogram;
use tracing::{Span, info_span};

use crate::ports::SPANS;

/// What is waited for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    /// One statement, or the taking back of a transaction.
    Statement,
    /// A place among the writers, and the beginning of a transaction.
    Turn,
    /// The commit: the disk, and a standby.
    Commit,
}

impl Step {
    /// What is entered while it is waited for.
    pub(super) fn span(self) -> Span {
        match self {
            Self::Statement => info_span!(target: SPANS, "sql.statement"),
            Self::Turn => info_span!(target: SPANS, "sql.turn"),
            Self::Commit => info_span!(target: SPANS, "sql.commit"),
        }
    }

    /// Records how long it took when what this gives is dropped, be there an answer or none.
    pub(super) fn begun(self) -> Begun {
        Begun { step: self, started: Instant::now() }
    }
}

/// A step under way.
pub(super) struct Begun {
    step: Step,
    started: Instant,
}

impl Drop for Begun {
    fn drop(&mut self) {
        METERS.of(self.step).record(self.started.elapsed());
    }
}

/// Kept: looking a histogram up by its label costs more than recording.
static METERS: LazyLock<Meters> = LazyLock::new(|| Meters {
    statement: metrics::histogram!("sceau_sql_seconds", "kind" => "statement"),
    turn: metrics::histogram!("sceau_sql_seconds", "kind" => "turn"),
    commit: metrics::histogram!("sceau_sql_seconds", "kind" => "commit"),
});

struct Meters {
    statement: Histogram,
    turn: Histogram,
    commit: Histogram,
}

impl Meters {
    const fn of(&self, step: Step) -> &Histogram {
        match step {
            Step::Statement => &self.statement,
            Step::Turn => &self.turn,
            Step::Commit => &self.commit,
        }
    }
}
