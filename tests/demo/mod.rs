//! The demonstration, whole: over HTTP, on free ports of this machine.

mod folder;
mod franceconnect;
mod franceconnect_refused;
mod journey;
mod service;
mod visitor;

use std::future::Future;
use std::path::Path;
use std::sync::Arc;

use sceau::demo::{Demo, Settings, Showcase};
use tokio_util::sync::CancellationToken;

/// Starts a demonstration, lets `visitor` have it, stops it.
async fn visited<Visit: Future<Output = T>, T>(
    data: Option<&Path>,
    visitor: impl FnOnce(Arc<Showcase>) -> Visit,
) -> T {
    let demo = started(data).await.unwrap();
    let showcase = Arc::clone(&demo.showcase);
    let stop = CancellationToken::new();
    let visit = async {
        let _stop = stop.clone().drop_guard();
        visitor(showcase).await
    };
    let (seen, served) = tokio::join!(visit, demo.serve(stop.clone()));
    served.unwrap();
    seen
}

async fn started(data: Option<&Path>) -> anyhow::Result<Demo> {
    Demo::start(Settings { port: 0, data: data.map(Path::to_path_buf), announce: Arc::new(|_| ()) }).await
}
