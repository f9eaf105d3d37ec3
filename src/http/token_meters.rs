//! What is told of the token endpoint: outcomes and times by grant, and a span.

use std::sync::Arc;
use std::time::Instant;

use metrics::{Counter, Histogram};
use tracing::{Span, info_span};

use crate::flow::FlowError;
use crate::oauth::{RawParams, TokenResponse};
use crate::ports::SPANS;

/// The meters of every grant, made once: looking one up by its labels costs more than the count itself.
#[derive(Clone)]
pub(super) struct TokenMeters(Arc<Grants>);

struct Grants {
    code: GrantMeters,
    refresh: GrantMeters,
    client: GrantMeters,
    other: GrantMeters,
}

struct GrantMeters {
    grant: &'static str,
    seconds: Histogram,
    issued: Counter,
    refused: Counter,
    failed: Counter,
}

impl TokenMeters {
    pub(super) fn new() -> Self {
        Self(Arc::new(Grants {
            code: GrantMeters::new("authorization_code"),
            refresh: GrantMeters::new("refresh_token"),
            client: GrantMeters::new("client_credentials"),
            other: GrantMeters::new("other"),
        }))
    }

    /// The meters of the grant that is asked for: what a caller invents is `other`.
    pub(super) fn of(&self, params: &RawParams) -> GrantOf<'_> {
        let Grants { code, refresh, client, other } = &*self.0;
        let asked = params.get("grant_type").ok().flatten().unwrap_or_default();
        GrantOf([code, refresh, client].into_iter().find(|meters| meters.grant == asked).unwrap_or(other))
    }
}

/// The meters of one grant.
pub(super) struct GrantOf<'a>(&'a GrantMeters);

impl GrantOf<'_> {
    /// What is entered while the grant is exchanged.
    pub(super) fn span(&self) -> Span {
        info_span!(target: SPANS, "token", grant = self.0.grant)
    }

    /// Counts what became of a call that began at `started`.
    pub(super) fn tell(&self, started: Instant, answer: &Result<TokenResponse, FlowError>) {
        self.0.seconds.record(started.elapsed());
        match answer {
            Ok(_) => self.0.issued.increment(1),
            Err(FlowError::Protocol(_)) => self.0.refused.increment(1),
            Err(FlowError::Port(_)) => self.0.failed.increment(1),
        }
    }
}

impl GrantMeters {
    fn new(grant: &'static str) -> Self {
        let counter =
            |outcome| metrics::counter!("sceau_tokens_total", "grant" => grant, "outcome" => outcome);
        Self {
            grant,
            seconds: metrics::histogram!("sceau_token_seconds", "grant" => grant),
            issued: counter("issued"),
            refused: counter("refused"),
            failed: counter("failed"),
        }
    }
}
