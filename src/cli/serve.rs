//! `sceau serve`: the provider, until it is told to stop.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::app::Deliveries;
use crate::app::server::{Drained, Server};
use crate::app::tls;
use crate::base::{Entropy, OsEntropy};
use crate::http::HttpLimits;
use crate::ports::DeliveryObserver;
use crate::telemetry::Metrics;
use crate::worker::Worker;

use super::config::ConfigFile;
use super::{audit_sinks, open, output};

/// How long jobs, and messages under way, may take to end.
const PATIENCE: Duration = Duration::from_secs(5);

/// Arguments of `sceau serve`.
#[derive(Clone, Debug, clap::Args)]
pub struct ServeArgs {
    #[command(flatten)]
    config: ConfigFile,
    /// Stop also when standard input ends: with whoever began this process and holds the other end, however they end
    #[arg(long, hide = true)]
    while_input: bool,
}

/// Runs `sceau serve`.
pub async fn run(args: ServeArgs) -> ExitCode {
    match Box::pin(serve(args)).await {
        Ok(Drained::Whole) => ExitCode::SUCCESS,
        Ok(Drained::Cut(left)) => {
            output::error(format_args!("stopped with {left} requests under way"));
            ExitCode::FAILURE
        }
        Err(error) => output::failed(&error),
    }
}

async fn serve(args: ServeArgs) -> anyhow::Result<Drained> {
    let metrics = Metrics::install()?;
    let mut opened = open::open(&args.config).await?;
    let queue = opened.worker.take();
    let (app, http) = (&opened.app, &opened.config.http);
    let limits = HttpLimits {
        request: http.limits.request_timeout,
        body: http.limits.max_body,
        hsts: opened.config.issuer.is_https(),
    };
    let render = metrics.clone();
    let admin_routes = app.admin_router(Arc::new(move || render.render()));
    let mut public = Server::bind(http.listen).await?;
    if let Some(documents) = &opened.documents.tls {
        public = public.with_tls(tls::server_config(documents)?);
    }
    let admin = Server::bind(http.admin_listen).await?;
    let entropy: Arc<dyn Entropy> = Arc::new(OsEntropy);
    let mut jobs = app.jobs(Some(metrics));
    let audit = app.audit_work(audit_sinks::duties(&opened.config, &opened.documents)?);
    jobs.extend(audit.jobs);
    let worker = Worker::start(jobs, &entropy);
    let observer: Arc<dyn DeliveryObserver> = app.provider.clone();
    let deliveries = queue.map(|queue| Deliveries::start(queue, observer));
    let stop = CancellationToken::new();
    if args.while_input {
        stop_with_input(stop.clone());
    }
    tracing::info!(issuer = opened.config.issuer.as_str(), listen = %public.local_addr(), admin = %admin.local_addr(), "ready");
    let routes = app.router(http.trusted_proxies.clone(), &limits);
    let (drained, _, ()) = tokio::join!(
        public.serve(routes, http.limits, stop.clone()),
        admin.serve(admin_routes, http.limits, stop.clone()),
        stop_on_signal(stop.clone()),
    );
    if let Some(deliveries) = deliveries {
        deliveries.stop(PATIENCE).await;
    }
    worker.stop(PATIENCE).await;
    // Nothing writes any more: the last seconds are covered too.
    if !audit.end.leave(PATIENCE).await {
        tracing::warn!("the last checkpoint of the audit log was not given to every place");
    }
    // A database that is gone must not hold the end up.
    if tokio::time::timeout(PATIENCE, app.close()).await.is_err() {
        tracing::warn!("the database was not closed in time");
    }
    Ok(drained)
}

/// Cancels `stop` at the end of standard input. A thread, which nothing waits for.
fn stop_with_input(stop: CancellationToken) {
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
        stop.cancel();
    });
}

/// Cancels `stop` at SIGTERM or SIGINT, unless something else did.
pub(crate) async fn stop_on_signal(stop: CancellationToken) {
    match (signal(SignalKind::terminate()), signal(SignalKind::interrupt())) {
        (Ok(mut terminate), Ok(mut interrupt)) => {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
                () = stop.cancelled() => {}
            }
        }
        (Err(error), _) | (_, Err(error)) => tracing::error!(reason = %error, "no signal handler: stopping"),
    }
    tracing::info!("stopping");
    stop.cancel();
}
