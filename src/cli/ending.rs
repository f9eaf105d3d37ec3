//! The end of `sceau serve`: told first, then carried out, and at once when it is told twice.

use std::io;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::http::Leaving;

/// SIGTERM and SIGINT of this process.
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// From now on they no longer end the process by themselves.
    ///
    /// # Errors
    /// There can be no handler.
    pub(super) fn listen() -> io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Waits for one of them.
    pub(super) async fn told(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Waits for a signal, lets proxies notice for as long as `notice`, and cancels `stop`. Returns when it is told again.
pub(super) async fn end(mut signals: Signals, leaving: &Leaving, notice: Duration, stop: &CancellationToken) {
    signals.told().await;
    leaving.begin();
    tracing::info!(?notice, "leaving: not ready any more");
    tokio::select! {
        () = tokio::time::sleep(notice) => {}
        () = signals.told() => return,
    }
    tracing::info!("stopping");
    stop.cancel();
    signals.told().await;
}

/// Runs `renew` at each SIGHUP, which ends nothing. Never returns.
pub(super) async fn on_hangup(renew: impl Fn()) {
    match signal(SignalKind::hangup()) {
        Ok(mut hangups) => {
            while hangups.recv().await.is_some() {
                renew();
            }
        }
        Err(error) => tracing::warn!(reason = %error, "no handler of SIGHUP"),
    }
    std::future::pending::<()>().await;
}
