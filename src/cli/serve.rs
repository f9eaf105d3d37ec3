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
use crate::flow::TrustedKeys;
use crate::http::HttpLimits;
use crate::ports::DeliveryObserver;
use crate::telemetry::Metrics;
use crate::worker::Worker;

use super::config::ConfigFile;
use super::open::Opened;
use super::{audit_sinks, open, output, outside};

/// How long jobs, and messages under way, may take to end.
const PATIENCE: Duration = Duration::from_secs(5);

/// Arguments of `sceau serve`.
#[derive(Clone, Debug, clap::Args)]
pub struct ServeArgs {
    #[command(flatten)]
    config: ConfigFile,
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
    not_behind(&opened).await?;
    commits_survive(&opened).await?;
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
    jobs.extend(app.audit_jobs(audit_sinks::duties(&opened.config, &opened.documents)?));
    let worker = Worker::start(jobs, &entropy);
    let observer: Arc<dyn DeliveryObserver> = app.provider.clone();
    let deliveries = queue.map(|queue| Deliveries::start(queue, observer));
    let stop = CancellationToken::new();
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
    // A database that is gone must not hold the end up.
    if tokio::time::timeout(PATIENCE, app.close()).await.is_err() {
        tracing::warn!("the database was not closed in time");
    }
    Ok(drained)
}

/// Refuses a database that has forgotten what was seen of it, by the ephemeral store or by checkpoints on this machine.
async fn not_behind(opened: &Opened) -> anyhow::Result<()> {
    let provider = &opened.app.provider;
    provider.watch_store().await?;
    let keys = TrustedKeys::OfDatabase(provider.ports.audit_log.audit_keys().await?);
    let audit = &opened.config.audit;
    for path in audit.checkpoint_files.iter().chain(&audit.checkpoint_folders) {
        // A place that is away is told of by the job that writes there.
        if let Ok(seen) = outside::newest(path, &keys) {
            provider.compare_store(seen).await?;
        }
    }
    Ok(())
}

/// Says so when a commit that was acknowledged may be lost, unless the settings say that this is meant.
async fn commits_survive(opened: &Opened) -> anyhow::Result<()> {
    let Some(safety) = opened.app.provider.ports.durable.commits().await? else { return Ok(()) };
    if !safety.disk {
        tracing::warn!(
            "PostgreSQL does not wait for its disk (fsync, full_page_writes): a crash forgets what was used and revoked"
        );
    }
    if !safety.standby && !opened.config.storage.without_standby {
        tracing::warn!(
            "PostgreSQL has no synchronous standby (synchronous_standby_names): a fail-over forgets what was used and revoked; \
             storage.sql_standby = \"none\" says that this is meant"
        );
    }
    Ok(())
}

/// Cancels `stop` at SIGTERM or SIGINT.
pub(crate) async fn stop_on_signal(stop: CancellationToken) {
    match (signal(SignalKind::terminate()), signal(SignalKind::interrupt())) {
        (Ok(mut terminate), Ok(mut interrupt)) => {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        }
        (Err(error), _) | (_, Err(error)) => tracing::error!(reason = %error, "no signal handler: stopping"),
    }
    tracing::info!("stopping");
    stop.cancel();
}
