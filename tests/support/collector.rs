//! A collector of traces: it takes OTLP over HTTP, in protobuf, and reads the spans.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::routing::post;
use bytes::Bytes;
use tokio::net::TcpListener;
use url::Url;

/// A collector on a port of its own.
pub(crate) struct Collector {
    pub(crate) address: Url,
    bodies: Bodies,
}

/// A span as it came in; identifiers in hexadecimal.
#[derive(Debug)]
pub(crate) struct Spanned {
    pub(crate) trace: String,
    pub(crate) id: String,
    /// Empty: none.
    pub(crate) parent: String,
    pub(crate) name: String,
    /// Numbers as they are written.
    pub(crate) attributes: BTreeMap<String, String>,
}

type Bodies = Arc<Mutex<Vec<Bytes>>>;

impl Collector {
    pub(crate) async fn open() -> Self {
        let bodies = Bodies::default();
        let take =
            |State(bodies): State<Bodies>, body: Bytes| async move { bodies.lock().unwrap().push(body) };
        let routes = Router::new().route("/v1/traces", post(take)).with_state(Arc::clone(&bodies));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
        tokio::runtime::Handle::current().spawn(async move { axum::serve(listener, routes).await });
        Self { address, bodies }
    }

    /// All that came in.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.bodies.lock().unwrap().concat()
    }

    /// `ExportTraceServiceRequest.resource_spans.scope_spans.spans`, all of them.
    pub(crate) fn spans(&self) -> Vec<Spanned> {
        let bodies = self.bodies.lock().unwrap().clone();
        let within = |parts: Vec<Part>, number| {
            let chosen = parts.into_iter().filter(move |part| part.number == number);
            chosen.flat_map(|part| parts_of(&part.bytes)).collect::<Vec<_>>()
        };
        let requests = bodies.iter().flat_map(|body| parts_of(body)).collect();
        let scopes = within(within(requests, 1), 2);
        let spans = scopes.into_iter().filter(|part| part.number == 2);
        spans.map(|span| Spanned::read(&span.bytes)).collect()
    }
}

impl Spanned {
    fn read(bytes: &[u8]) -> Self {
        let parts = parts_of(bytes);
        let of = |number| parts.iter().find(|part| part.number == number).map(|part| part.bytes.clone());
        let hexadecimal = |number| {
            let digits = of(number).unwrap_or_default().into_iter().map(|byte| format!("{byte:02x}"));
            digits.collect::<Vec<_>>().concat()
        };
        Self {
            trace: hexadecimal(1),
            id: hexadecimal(2),
            parent: hexadecimal(4),
            name: String::from_utf8(of(5).unwrap()).unwrap(),
            attributes: parts.iter().filter(|p| p.number == 9).map(|p| attribute(&p.bytes)).collect(),
        }
    }
}

/// One field of a message: its number, and what it carries.
struct Part {
    number: u64,
    scalar: u64,
    bytes: Vec<u8>,
}

fn attribute(bytes: &[u8]) -> (String, String) {
    let parts = parts_of(bytes);
    let value = parts_of(&parts[1].bytes).remove(0);
    let written = match value.number {
        1 => String::from_utf8(value.bytes).unwrap(),
        3 => value.scalar.to_string(),
        other => panic!("an attribute of kind {other}"),
    };
    (String::from_utf8(parts[0].bytes.clone()).unwrap(), written)
}

fn parts_of(mut bytes: &[u8]) -> Vec<Part> {
    let mut parts = Vec::new();
    while !bytes.is_empty() {
        let key = varint(&mut bytes);
        let (scalar, length) = match key & 7 {
            0 => (varint(&mut bytes), 0),
            1 => (0, 8),
            2 => (0, varint(&mut bytes)),
            5 => (0, 4),
            other => panic!("a field of kind {other}"),
        };
        let (taken, rest) = bytes.split_at(usize::try_from(length).unwrap());
        bytes = rest;
        parts.push(Part { number: key >> 3, scalar, bytes: taken.to_vec() });
    }
    parts
}

fn varint(bytes: &mut &[u8]) -> u64 {
    let mut value = 0;
    for shift in (0..).step_by(7) {
        let (first, rest) = bytes.split_first().unwrap();
        *bytes = rest;
        value |= u64::from(first & 0x7f) << shift;
        if first & 0x80 == 0 {
            break;
        }
    }
    value
}
