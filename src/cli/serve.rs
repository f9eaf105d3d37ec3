//! `sceau serve`: the provider, until it is told to stop.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio_util::sync::CancellationToken;

use crate::app::Deliveries;
use crate::app::server::{Drained, Server};
use crate::app::tls::{self, Certificates, Renewal};
use crate::base::{Entropy, OsEntropy, SystemClock};
use crate::config::{Config, Limits, ProcessStrings, TlsDocuments};
use crate::flow::TrustedKeys;
use crate::http::HttpLimits;
use crate::ports::DeliveryObserver;
use crate::telemetry::{Metrics, Traces};
use crate::worker::Worker;

use super::config::ConfigFile;
use super::ending::{Signals, end, on_hangup};
use super::open::{Opened, open};
use super::{audit_sinks, output, outside};

/// How long jobs, and messages under way, may take to end.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long the collector of traces may take for the last ones.
const PARTING: Duration = Duration::from_secs(2);

/// Arguments of `sceau serve`.
#[derive(Clone, Debug, clap::Args)]
pub struct ServeArgs {
    #[command(flatten)]
    config: ConfigFile,
    /// Stop also when standard input ends: with whoever began this process and holds the other end, however they end
    #[arg(long, hide = true)]
    while_input: bool,
}

/// How serving ended.
enum Ended {
    Drained(Drained),
    /// It was told twice.
    AtOnce,
}

/// Runs `sceau serve`.
pub async fn run(args: ServeArgs, traces: Traces) -> ExitCode {
    match Box::pin(serve(args, traces)).await {
        Ok(Ended::Drained(Drained::Whole)) => ExitCode::SUCCESS,
        Ok(Ended::Drained(Drained::Cut(left))) => {
            output::error(format_args!("stopped with {left} requests under way"));
            ExitCode::FAILURE
        }
        Ok(Ended::AtOnce) => {
            output::error(format_args!("told twice: stopped at once, whatever was under way"));
            ExitCode::FAILURE
        }
        Err(error) => output::failed(&error),
    }
}

async fn serve(args: ServeArgs, traces: Traces) -> anyhow::Result<Ended> {
    let metrics = Metrics::install()?;
    let mut opened = open(&args.config).await?;
    let queue = opened.worker.take();
    not_behind(&opened).await?;
    commits_survive(&opened).await?;
    let listening = Listening::bind(&opened).await?;
    if let Some(endpoint) = &opened.config.telemetry.otlp_endpoint {
        traces.start(endpoint, Traces::QUEUE)?;
    }
    let entropy: Arc<dyn Entropy> = Arc::new(OsEntropy);
    let (app, limits) = (&opened.app, opened.config.http.limits);
    let mut jobs = app.jobs(Some(metrics.clone()));
    let audit = app.audit_work(audit_sinks::duties(&opened.config, &opened.documents)?);
    jobs.extend(audit.jobs);
    jobs.extend(listening.renewal.as_ref().map(Renewal::job));
    let worker = Worker::start(jobs, &entropy);
    let observer: Arc<dyn DeliveryObserver> = app.provider.clone();
    let deliveries = queue.map(|queue| Deliveries::start(queue, observer));
    let (stop, renewal) = (CancellationToken::new(), listening.renewal.clone());
    if args.while_input {
        stop_with_input(stop.clone());
    }
    let serving = async {
        let drained = listening.serve(&opened, metrics, &stop).await;
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
        // Last: the threads of the database end spans too.
        if !traces.stop(PARTING).await {
            tracing::warn!("the last traces were not taken by the collector");
        }
        drained
    };
    let signals = Signals::listen()?;
    tokio::select! {
        drained = serving => Ok(Ended::Drained(drained)),
        () = end(signals, &app.leaving, limits.drain_notice, &stop) => Ok(Ended::AtOnce),
        () = on_hangup(|| hang_up(renewal.as_deref())) => Ok(Ended::AtOnce),
    }
}

/// Cancels `stop` at the end of standard input. A thread, which nothing waits for.
fn stop_with_input(stop: CancellationToken) {
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
        stop.cancel();
    });
}

type TlsRenewal = Renewal<Box<dyn Fn() -> anyhow::Result<TlsDocuments> + Send + Sync>>;

/// Both listeners, bound, and what renews the certificate of the public one.
struct Listening {
    public: Server,
    admin: Server,
    renewal: Option<Arc<TlsRenewal>>,
}

impl Listening {
    async fn bind(opened: &Opened) -> anyhow::Result<Self> {
        let http = &opened.config.http;
        let public = Server::bind(http.listen).await?;
        let mut public =
            public.with_leaving(opened.app.leaving.clone()).with_proxies(http.trusted_proxies.clone());
        let mut renewal = None;
        if let Some(documents) = &opened.documents.tls {
            let certificates = Certificates::new(documents)?;
            public = public.with_tls(tls::server_config(&certificates)?);
            let read = reader(opened.config.clone());
            renewal = Some(Arc::new(Renewal { certificates, read, clock: Arc::new(SystemClock) }));
        }
        Ok(Self { public, admin: Server::bind(http.admin_listen).await?, renewal })
    }

    /// Serves both until `stop`, the operator's until the public one has ended.
    async fn serve(self, opened: &Opened, metrics: Metrics, stop: &CancellationToken) -> Drained {
        let (app, config) = (&opened.app, &opened.config);
        let http = &config.http;
        let routes = app.router(http.trusted_proxies.clone(), &http_limits(config));
        let admin_routes = app.admin_router(Arc::new(move || metrics.render()));
        let admin_limits = Limits { max_connections_per_source: usize::MAX, drain: PATIENCE, ..http.limits };
        let (listen, admin) = (self.public.local_addr(), self.admin.local_addr());
        tracing::info!(issuer = config.issuer.as_str(), %listen, %admin, "ready");
        let admin_stop = CancellationToken::new();
        let public = async {
            let drained = self.public.serve(routes, http.limits, stop.clone()).await;
            admin_stop.cancel();
            drained
        };
        let (drained, _) =
            tokio::join!(public, self.admin.serve(admin_routes, admin_limits, admin_stop.clone()));
        drained
    }
}

fn http_limits(config: &Config) -> HttpLimits {
    let limits = &config.http.limits;
    HttpLimits {
        request: limits.request_timeout,
        body: limits.max_body,
        hsts: config.issuer.is_https(),
        requests: limits.max_requests,
        queue: limits.max_queue,
        waits: limits.max_waits,
        source_rate: limits.source_rate,
        traced: config.telemetry.otlp_endpoint.is_some().then_some(config.telemetry.trace_sample),
        traceparent: config.telemetry.trust_traceparent,
    }
}

/// Reads the certificate and its key again.
fn reader(config: Config) -> Box<dyn Fn() -> anyhow::Result<TlsDocuments> + Send + Sync> {
    Box::new(move || config.tls(&ProcessStrings)?.context("http.tls: no longer set"))
}

fn hang_up(renewal: Option<&TlsRenewal>) {
    if let Some(Err(reason)) = renewal.map(Renewal::run) {
        tracing::error!(reason, "the certificate of before is served");
    }
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
