//! Places: how many requests are under way at once, and how often one source may come.
//!
//! Short requests share places, with a short queue. Long polls have their own, so that waiting pages never stop a sign-in; the keys
//! and discovery have a reserve, so that services verify tokens to the last, and so have the files of pages: also the page of a
//! refusal is to be seen as it is meant. Who finds no place is refused at once with
//! `Retry-After` (RFC 9110 15.6.4, RFC 6585 4): answers that come too late help nobody.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::{MatchedPath, Request, State};
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use tokio::sync::{Semaphore, SemaphorePermit};

use super::extract::{Network, Peer, Source, client_address};
use super::layers::HttpLimits;
use super::received::received;
use super::respond;
use crate::base::Rate;

/// What a request waits for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Short,
    /// The status of a page, which waits for a phone.
    Wait,
    /// The keys and discovery.
    Keys,
    /// The files of pages.
    Files,
}

impl Class {
    fn of(request: &Request) -> Self {
        let route = request.extensions().get::<MatchedPath>().map_or("", MatchedPath::as_str);
        match (request.method(), route) {
            (_, "/interaction/{id}/status") => Self::Wait,
            (_, "/jwks") => Self::Keys,
            (_, route) if route.starts_with("/.well-known/") => Self::Keys,
            (&Method::GET | &Method::HEAD, route) if route.starts_with("/assets/") => Self::Files,
            _ => Self::Short,
        }
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::Short => "short",
            Self::Wait => "wait",
            Self::Keys => "keys",
            Self::Files => "files",
        }
    }

    /// Costs next to nothing, and others depend on it: no source comes too often for it.
    const fn is_from_memory(self) -> bool {
        matches!(self, Self::Keys | Self::Files)
    }
}

/// The places of one process.
pub(super) struct Guard {
    short: Semaphore,
    queue: Semaphore,
    waits: Semaphore,
    memory: Semaphore,
    pace: Option<Rate>,
    /// Bytes a body may have.
    body: usize,
    began: Instant,
    trusted_proxies: Arc<[Network]>,
}

impl Guard {
    pub(super) fn new(limits: &HttpLimits, trusted_proxies: Arc<[Network]>) -> Self {
        Self {
            short: Semaphore::new(limits.requests),
            queue: Semaphore::new(limits.queue),
            waits: Semaphore::new(limits.waits),
            memory: Semaphore::new(RESERVE),
            pace: Rate::per_second(limits.source_rate),
            body: limits.body,
            began: begun(),
            trusted_proxies,
        }
    }

    /// A place; none: all are taken, and the queue is full or too slow.
    async fn place(&self, class: Class) -> Option<SemaphorePermit<'_>> {
        if class == Class::Wait {
            return self.waits.try_acquire().ok();
        }
        if class.is_from_memory()
            && let Ok(place) = self.memory.try_acquire()
        {
            return Some(place);
        }
        if let Ok(place) = self.short.try_acquire() {
            return Some(place);
        }
        let _queued = self.queue.try_acquire().ok()?;
        tokio::time::timeout(IN_QUEUE, self.short.acquire()).await.ok()?.ok()
    }

    /// How long the source of a request has to wait.
    fn too_early(&self, request: &Request) -> Option<Duration> {
        let pace = self.pace.as_ref()?;
        let peer = request.extensions().get::<Peer>();
        let peer = peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.0.ip());
        let source = Source::of(client_address(peer, request.headers(), &self.trusted_proxies));
        let now = u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX);
        pace.admit(source, now).err()
    }
}

/// Lets a request in, or refuses it.
pub(super) async fn guard(State(guard): State<Arc<Guard>>, request: Request, next: Next) -> Response {
    let class = Class::of(&request);
    if !class.is_from_memory()
        && let Some(wait) = guard.too_early(&request)
    {
        metrics::counter!("sceau_http_shed_total", "class" => "source").increment(1);
        return respond::try_later(&request, StatusCode::TOO_MANY_REQUESTS, wait);
    }
    let request = received(request, guard.body).await;
    let Some(_place) = guard.place(class).await else {
        metrics::counter!("sceau_http_shed_total", "class" => class.as_str()).increment(1);
        return respond::try_later(&request, StatusCode::SERVICE_UNAVAILABLE, SOON);
    };
    next.run(request).await
}

fn begun() -> Instant {
    Instant::now()
}

/// Places that only what is answered from memory has.
const RESERVE: usize = 64;
/// Longer in the queue, and the answer would come too late.
const IN_QUEUE: Duration = Duration::from_millis(500);
const SOON: Duration = Duration::from_secs(1);
