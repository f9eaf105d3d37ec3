//! One connection: its requests, its idle time, its end.

use std::convert::Infallible;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use ::http::{HeaderValue, Request, Response, header};
use axum::Router;
use axum::body::Body;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use hyper::body::{Bytes, Frame, Incoming, SizeHint};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulConnection;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use crate::config::Limits;
use crate::http::{Leaving, Peer};

/// How connections learn that the server ends.
#[derive(Clone)]
pub(super) struct Ending {
    /// The next answer is the last of its connection.
    pub(super) leaving: Leaving,
    /// So is the one under way, and idle connections are closed.
    pub(super) stop: CancellationToken,
    /// After `stop`: what is left is given up.
    pub(super) cut: CancellationToken,
}

/// HTTP/1.1 until the client leaves, dawdles, or the server stops.
pub(super) async fn http1(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    router: &Router,
    peer: Peer,
    limits: &Limits,
    ending: &Ending,
) {
    let under_way = UnderWay::new();
    let mut builder = hyper::server::conn::http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(limits.header_timeout).max_buf_size(HEADERS);
    let service = service_fn(|request| {
        let (answering, leaving) =
            (answer(router.clone(), request, peer, under_way.begin()), &ending.leaving);
        async move { answering.await.map(|response| parting(response, leaving)) }
    });
    let serving = builder.serve_connection(TokioIo::new(stream), service);
    finish(serving, &under_way, limits.idle_timeout, (ending.stop.cancelled(), &ending.cut)).await;
}

/// HTTP/2 until the client leaves, is idle or dead, or the server stops.
pub(super) async fn http2(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    router: &Router,
    peer: Peer,
    limits: &Limits,
    ending: &Ending,
) {
    let under_way = UnderWay::new();
    let mut builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .max_header_list_size(HEADER_LIST)
        .max_concurrent_streams(STREAMS)
        .keep_alive_interval(Some(limits.header_timeout))
        .keep_alive_timeout(limits.header_timeout);
    let service = service_fn(|request| answer(router.clone(), request, peer, under_way.begin()));
    let serving = builder.serve_connection(TokioIo::new(stream), service);
    let end = async {
        tokio::select! {
            // RFC 9113 6.8: a client that has just connected is served once before it is told to go.
            () = async { ending.leaving.begun().await; under_way.used().await } => {}
            () = ending.stop.cancelled() => {}
        }
    };
    finish(serving, &under_way, limits.idle_timeout, (end, &ending.cut)).await;
}

async fn answer(
    router: Router,
    request: Request<Incoming>,
    peer: Peer,
    begun: Begun,
) -> Result<Response<Counted>, Infallible> {
    let mut request = request.map(Body::new);
    request.extensions_mut().insert(peer);
    let response = router.oneshot(request).await?;
    Ok(response.map(|body| Counted { body, _begun: begun }))
}

/// RFC 9112 9.6: while the server leaves, an answer says that it is the last of its connection.
fn parting(mut response: Response<Counted>, leaving: &Leaving) -> Response<Counted> {
    if leaving.has_begun() {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// Serves until the connection ends by itself, or asks it to once it is idle or `end` has come; `cut` ends it then.
async fn finish<C: GracefulConnection>(
    serving: C,
    under_way: &UnderWay,
    idle_timeout: Duration,
    (end, cut): (impl Future<Output = ()>, &CancellationToken),
) {
    let mut serving = pin!(serving);
    // Within a set it is looked at when it is woken itself, and not at each step of a request.
    let over = async {
        tokio::select! {
            () = under_way.idle(idle_timeout) => {}
            () = end => {}
        }
    };
    let mut over: FuturesUnordered<_> = std::iter::once(over).collect();
    tokio::select! {
        biased;
        // What fails here fails for its client alone, who knows.
        _ = serving.as_mut() => return,
        _ = over.next() => {}
    }
    serving.as_mut().graceful_shutdown();
    tokio::select! {
        _ = serving => {}
        () = under_way.idle(PARTING) => {}
        () = cut.cancelled() => {}
    }
}

/// How many requests of one connection are under way, and whether there ever was one. Only the first one wakes anybody:
/// who waits for the connection to be idle looks when it may be.
#[derive(Clone)]
struct UnderWay(Arc<Activity>);

struct Activity {
    opened: Instant,
    count: AtomicUsize,
    /// When the last request ended, in microseconds after `opened`.
    ended: AtomicU64,
    used: watch::Sender<bool>,
}

impl UnderWay {
    fn new() -> Self {
        let (count, ended) = (AtomicUsize::new(0), AtomicU64::new(0));
        Self(Arc::new(Activity { opened: Instant::now(), count, ended, used: watch::Sender::new(false) }))
    }

    fn begin(&self) -> Begun {
        self.0.count.fetch_add(1, Ordering::AcqRel);
        self.0.used.send_if_modified(|used| !std::mem::replace(used, true));
        Begun(self.clone())
    }

    /// Waits until there has been a request.
    async fn used(&self) {
        // `self` keeps the sender alive.
        let _ = self.0.used.subscribe().wait_for(|used| *used).await;
    }

    /// Waits until nothing has been under way for `patience`, from now on.
    async fn idle(&self, patience: Duration) {
        let mut wait = patience;
        while wait > Duration::ZERO {
            tokio::time::sleep(wait).await;
            // The count first: a request that ends in between has then said when.
            let quiet = match self.0.count.load(Ordering::Acquire) {
                0 => {
                    let ended = Duration::from_micros(self.0.ended.load(Ordering::Acquire));
                    self.0.opened.elapsed().saturating_sub(ended)
                }
                _ => Duration::ZERO,
            };
            wait = patience.saturating_sub(quiet);
        }
    }
}

/// A request that is under way until this is dropped, with the last byte of its answer.
struct Begun(UnderWay);

impl Drop for Begun {
    fn drop(&mut self) {
        let activity = &self.0.0;
        let ended = u64::try_from(activity.opened.elapsed().as_micros()).unwrap_or(u64::MAX);
        activity.ended.store(ended, Ordering::Release);
        activity.count.fetch_sub(1, Ordering::AcqRel);
    }
}

/// The body of an answer, which is under way until it is sent or given up.
struct Counted {
    body: Body,
    _begun: Begun,
}

impl hyper::body::Body for Counted {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Bytes of an HTTP/1.1 request line and its headers, and of what is read ahead.
const HEADERS: usize = 32 * 1024;
/// Bytes of the header list of an HTTP/2 request (RFC 9113 10.5.1).
const HEADER_LIST: u32 = 32 * 1024;
/// Requests at once on one HTTP/2 connection (RFC 9113 5.1.2).
const STREAMS: u32 = 100;
/// Between the last word and closing.
const PARTING: Duration = Duration::from_secs(5);
