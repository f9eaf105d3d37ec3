//! The closed loop: each worker has one flow and its connections, and begins the next operation when one is done.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use serde_json::{Value, json};

use crate::args::die;
use crate::clock::{Usage, Watched};
use crate::flow::{Flow, Next, Requests};
use crate::http::{Answer, Response};

/// What comes before the measured window may take so long.
const SETUP: Duration = Duration::from_secs(60);
/// A server may close a connection that has been idle for long: it is made anew before its next request.
const IDLE: Duration = Duration::from_secs(5);
const BUFFER: usize = 64 * 1024;

pub struct Plan {
    /// Processes of one provider; the connections of each worker begin at another one.
    pub addresses: Vec<SocketAddr>,
    pub seconds: f64,
    pub warmup: f64,
    /// Ends after so many operations, counted from the beginning.
    pub count: Option<usize>,
    pub watched: Vec<Watched>,
}

struct Connection {
    stream: TcpStream,
    out: Vec<u8>,
    sent: usize,
    read: Vec<u8>,
    /// Since when it has had nothing to do; none while a request waits for its answer.
    idle: Option<Instant>,
}

struct Worker {
    flow: Box<dyn Flow>,
    first: usize,
    began: Instant,
    /// Has completed what comes before the measured operation.
    ready: bool,
}

#[derive(Default)]
struct Tally {
    latencies: Vec<u32>,
    errors: u64,
    statuses: BTreeMap<u16, u64>,
    first_error: Option<String>,
    reconnected: u64,
}

pub struct Loop {
    plan: Plan,
    poll: Poll,
    workers: Vec<Worker>,
    connections: Vec<Connection>,
    /// The worker of each connection.
    owners: Vec<usize>,
    tally: Tally,
    measuring: bool,
    /// Access tokens, when they are wanted.
    pub tokens: Option<Vec<String>>,
}

impl Loop {
    pub fn new(plan: Plan, flows: Vec<Box<dyn Flow>>) -> Self {
        let poll = Poll::new().unwrap_or_else(|error| die(&format!("epoll: {error}")));
        let mut this = Self {
            plan,
            poll,
            workers: Vec::new(),
            connections: Vec::new(),
            owners: Vec::new(),
            tally: Tally::default(),
            measuring: false,
            tokens: None,
        };
        for (index, flow) in flows.into_iter().enumerate() {
            let (first, channels) = (this.connections.len(), flow.channels());
            this.workers.push(Worker { flow, first, began: Instant::now(), ready: false });
            for _ in 0..channels {
                this.owners.push(index);
                let connection = Connection::new(this.connect(this.connections.len()));
                this.connections.push(connection);
            }
        }
        this
    }

    fn connect(&self, token: usize) -> TcpStream {
        let (owner, addresses) = (self.owners[token], &self.plan.addresses);
        let channel = token - self.workers[owner].first;
        let address = addresses[(owner + channel) % addresses.len()];
        let stream = std::net::TcpStream::connect(address).unwrap_or_else(|error| die(&format!("{address}: {error}")));
        let prepared = stream.set_nonblocking(true).and_then(|()| stream.set_nodelay(true));
        prepared.unwrap_or_else(|error| die(&format!("socket: {error}")));
        let mut stream = TcpStream::from_std(stream);
        let interest = Interest::READABLE | Interest::WRITABLE;
        let registered = self.poll.registry().register(&mut stream, Token(token), interest);
        registered.unwrap_or_else(|error| die(&format!("epoll: {error}")));
        stream
    }

    /// Runs set-up, warm-up and window; what was measured, as JSON.
    pub fn run(&mut self) -> Value {
        let mut events = Events::with_capacity(1024);
        let began = Instant::now();
        for index in 0..self.workers.len() {
            self.begin(index);
        }
        let mut window: Option<(Instant, Instant)> = None;
        let mut before: Vec<Usage> = Vec::new();
        loop {
            let _ = self.poll.poll(&mut events, Some(Duration::from_millis(50)));
            let now = Instant::now();
            match window {
                None if self.workers.iter().all(|worker| worker.ready) => {
                    let start = now + Duration::from_secs_f64(self.plan.warmup);
                    window = Some((start, start + Duration::from_secs_f64(self.plan.seconds)));
                }
                None if now - began > SETUP => self.give_up(),
                None => {}
                Some((start, _)) if !self.measuring && now >= start => {
                    before = self.plan.watched.iter().map(Watched::usage).collect();
                    self.measuring = true;
                    window = Some((now, now + Duration::from_secs_f64(self.plan.seconds)));
                }
                Some((_, end)) if now >= end => break,
                Some(_) => {}
            }
            if let (Some(count), Some(tokens)) = (self.plan.count, &self.tokens)
                && tokens.len() >= count
            {
                break;
            }
            for event in &events {
                self.serve(event.token().0);
            }
        }
        let elapsed = window.map_or(began, |(start, _)| start).elapsed().as_secs_f64();
        self.report(elapsed, &before)
    }

    fn give_up(&self) -> ! {
        let waiting = self.workers.iter().filter(|worker| !worker.ready).count();
        let error = self.tally.first_error.as_deref().unwrap_or("no answer was an error");
        die(&format!("{waiting} connections were not ready after {} s: {error}", SETUP.as_secs()))
    }

    /// Begins the next operation of a worker.
    fn begin(&mut self, worker: usize) {
        let this = &mut self.workers[worker];
        this.began = Instant::now();
        let (first, requests) = (this.first, this.flow.start());
        self.send(first, requests);
    }

    fn send(&mut self, first: usize, requests: Requests) {
        for (channel, request) in requests {
            if self.connections[first + channel].idle.is_some_and(|since| since.elapsed() > IDLE) {
                self.reconnect(first + channel);
            }
            let connection = &mut self.connections[first + channel];
            (connection.out, connection.sent, connection.idle) = (request, 0, None);
            connection.write();
        }
    }

    /// Serves one connection until it would wait.
    fn serve(&mut self, index: usize) {
        loop {
            let connection = &mut self.connections[index];
            connection.write();
            let (response, closed) = connection.read();
            let Some(response) = response else {
                if closed && self.connections[index].idle.is_some() {
                    self.reconnect(index);
                } else if closed {
                    self.failed(index, 0, "the connection was closed");
                }
                return;
            };
            connection.idle = Some(Instant::now());
            let answered = std::mem::take(&mut connection.read);
            self.answered(index, &answered, &response);
            // The buffer is used again unless the connection was made anew.
            let connection = &mut self.connections[index];
            if connection.read.is_empty() {
                connection.read = answered;
                connection.read.clear();
            }
            if response.closes {
                return;
            }
        }
    }

    fn answered(&mut self, index: usize, bytes: &[u8], response: &Response) {
        let worker = self.owners[index];
        let answer = Answer { bytes, response };
        let this = &mut self.workers[worker];
        let (first, next) = (this.first, this.flow.answered(index - this.first, answer));
        if response.closes {
            self.reconnect(index);
        }
        match next {
            Next::Send(requests) => self.send(first, requests),
            Next::Done(true) => {
                self.succeeded(worker, answer);
                self.begin(worker);
            }
            Next::Done(false) => {
                let asked = String::from_utf8_lossy(&self.connections[index].out);
                let asked = asked.lines().next().and_then(|line| line.split([' ', '?']).nth(1)).unwrap_or("");
                let reason = format!("{asked}: {}", answer.summary());
                self.failed(index, answer.status(), &reason);
            }
        }
    }

    fn succeeded(&mut self, worker: usize, answer: Answer<'_>) {
        let this = &mut self.workers[worker];
        if self.measuring {
            let latency = this.began.elapsed().as_micros();
            self.tally.latencies.push(u32::try_from(latency).unwrap_or(u32::MAX));
        }
        this.ready = this.ready || this.flow.is_ready();
        if let Some(tokens) = &mut self.tokens
            && let Some(token) = answer.json()["access_token"].as_str()
        {
            tokens.push(token.to_owned());
        }
    }

    /// An operation has failed: other answers to it may be under way, so all of its connections are made anew.
    fn failed(&mut self, index: usize, status: u16, reason: &str) {
        if self.measuring {
            self.tally.errors += 1;
            *self.tally.statuses.entry(status).or_default() += 1;
        }
        self.tally.first_error.get_or_insert_with(|| reason.to_owned());
        let worker = self.owners[index];
        let (first, channels) = (self.workers[worker].first, self.workers[worker].flow.channels());
        for index in first..first + channels {
            self.reconnect(index);
        }
        if !self.measuring {
            std::thread::sleep(Duration::from_millis(1));
        }
        self.begin(worker);
    }

    fn reconnect(&mut self, index: usize) {
        let _ = self.poll.registry().deregister(&mut self.connections[index].stream);
        let stream = self.connect(index);
        self.connections[index] = Connection::new(stream);
        self.tally.reconnected += 1;
    }

    fn report(&mut self, elapsed: f64, before: &[Usage]) -> Value {
        let tally = &mut self.tally;
        tally.latencies.sort_unstable();
        let done = tally.latencies.len();
        let quantile = |part: f64| {
            let at = ((done as f64 * part) as usize).min(done.saturating_sub(1));
            tally.latencies.get(at).copied().unwrap_or_default()
        };
        let mut report = json!({
            "ok": done, "errors": tally.errors, "seconds": round(elapsed, 3), "per_second": round(done as f64 / elapsed, 1),
            "p50_us": quantile(0.5), "p90_us": quantile(0.9), "p99_us": quantile(0.99),
            "reconnected": tally.reconnected,
        });
        for (watched, before) in self.plan.watched.iter().zip(before) {
            let usage = watched.usage();
            let used = usage.seconds - before.seconds;
            report[&watched.name] = json!({
                "cpu": round(used / elapsed, 3), "us_per_op": round(used * 1e6 / done.max(1) as f64, 2),
                "resident_kib": usage.resident_kib,
            });
        }
        if let Some(error) = &tally.first_error {
            report["first_error"] = json!(error);
            report["error_statuses"] = json!(tally.statuses);
        }
        report
    }
}

impl Connection {
    fn new(stream: TcpStream) -> Self {
        Self { stream, out: Vec::new(), sent: 0, read: Vec::with_capacity(BUFFER), idle: Some(Instant::now()) }
    }

    fn write(&mut self) {
        while self.sent < self.out.len() {
            match self.stream.write(&self.out[self.sent..]) {
                Ok(0) => return,
                Ok(written) => self.sent += written,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // Not now; or never, which the next read tells.
                Err(_) => return,
            }
        }
    }

    /// The whole response, once there is one, and whether the connection has ended.
    fn read(&mut self) -> (Option<Response>, bool) {
        let mut part = [0; BUFFER];
        loop {
            match self.stream.read(&mut part) {
                Ok(0) => return (None, true),
                Ok(length) => {
                    self.read.extend_from_slice(&part[..length]);
                    if let Some(response) = Response::find(&self.read) {
                        return (Some(response), false);
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return (None, false),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return (None, true),
            }
        }
    }
}

fn round(value: f64, digits: i32) -> f64 {
    let scale = 10f64.powi(digits);
    (value * scale).round() / scale
}
