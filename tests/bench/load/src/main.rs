//! Closed-loop load for OpenID Connect providers. See `args.rs` for the command line.

mod after_login;
mod args;
mod client;
mod clock;
mod drive;
mod enrol;
mod flow;
mod http;
mod keys;
mod login;
mod phone;

use std::cell::{Cell, RefCell};
use std::fs;
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::rc::Rc;

use serde_json::json;

use after_login::{BoundUserInfo, Poll, Refresh};
use args::{Args, die};
use client::{Client, Endpoints};
use clock::Watched;
use drive::{Loop, Plan};
use flow::{Asserted, Each, Flow, Needle, Same};
use http::{Host, authority_of};
use login::{Login, Options};
use phone::Phone;

const DISCOVERY: &str = "/.well-known/openid-configuration";

fn main() {
    let args = Args::read();
    let issuer = args.required("issuer").trim_end_matches('/').to_owned();
    let authority = authority_of(&issuer).unwrap_or_else(|| die("--issuer is not an absolute address"));
    let addresses: Vec<_> = match args.all("connect") {
        [] => vec![loopback(&authority)],
        named => named.iter().map(|authority| loopback(authority)).collect(),
    };
    let address = addresses[0];
    if args.op == "enrol" {
        return enrol::enrol(&args, address, &issuer, authority);
    }
    let host = Host { authority, extra: String::new() };
    let mut wire = enrol::Wire::new(address, host);
    let discovery = wire.host.get(DISCOVERY, "");
    let metadata = wire.expect(&discovery, 200);
    let client = Client::from_args(&args, &issuer, Endpoints::of(DISCOVERY.to_owned(), &metadata));
    drop(wire);

    let late = Rc::new(Cell::new(0));
    let flows = flows(&args, &client, &late);
    let mut watched = vec![Watched::own()];
    let parse = |text: &String| Watched::parse(text).unwrap_or_else(|| die("--watch NAME:PID"));
    watched.extend(args.all("watch").iter().map(parse));
    let count = args.get("count").map(|_| args.number("count", 0.0) as usize);
    let seconds = args.number("secs", if count.is_some() { 600.0 } else { 5.0 });
    let plan = Plan { addresses, seconds, warmup: args.number("warmup", 1.0), count, watched };
    let mut driven = Loop::new(plan, flows);
    driven.tokens = args.get("save").map(|_| Vec::new());
    let mut report = driven.run();
    report["op"] = json!(args.op);
    if client.is_signing() {
        report["signed_late"] = json!(late.get());
    }
    if let (Some(file), Some(tokens)) = (args.get("save"), &driven.tokens) {
        fs::write(file, tokens.join("\n")).unwrap_or_else(|error| die(&format!("{file}: {error}")));
        report["saved"] = json!(tokens.len());
    }
    println!("{report}");
}

fn loopback(authority: &str) -> SocketAddr {
    let all = authority.to_socket_addrs().unwrap_or_else(|error| die(&format!("{authority}: {error}")));
    let found = all.filter(|address| address.ip().is_loopback()).min_by_key(SocketAddr::is_ipv6);
    found.unwrap_or_else(|| die("only loopback addresses are driven"))
}

/// A flow for each worker.
fn flows(args: &Args, client: &Rc<Client>, late: &Rc<Cell<u64>>) -> Vec<Box<dyn Flow>> {
    let workers = args.number("conns", 50.0) as usize;
    let host = client.host();
    let many = |make: &mut dyn FnMut() -> Box<dyn Flow>| (0..workers).map(|_| make()).collect();
    let same = |request: Vec<u8>, needle: Needle| {
        let request: Rc<[u8]> = request.into();
        many(&mut || Box::new(Same(Rc::clone(&request), needle)))
    };
    match args.op.as_str() {
        "discovery" => same(host.get(&client.endpoints.discovery, ""), b"\"issuer\""),
        "jwks" => same(host.get(&client.endpoints.jwks, ""), b"\"keys\""),
        "cc" if client.is_signing() => {
            let seconds = args.number("secs", 5.0) + args.number("warmup", 1.0);
            let count = args.number("presign", 20_000.0 * seconds) as usize;
            let signed: Vec<_> = (0..count).map(|_| client.credentials_request()).collect();
            let signed = Rc::new(RefCell::new(signed));
            let clones = || (Rc::clone(client), Rc::clone(&signed), Rc::clone(late));
            many(&mut || {
                let (client, signed, signed_late) = clones();
                Box::new(Asserted { client, signed, signed_late })
            })
        }
        "cc" => same(client.credentials_request(), b"\"access_token\""),
        "introspect" => each(args, |token| client.introspection_request(token), b"\"active\":true", workers),
        "userinfo" => each(args, |token| client.userinfo_request(&host, token), b"\"sub\"", workers),
        "code" | "login" | "refresh" | "userinfo-bound" | "poll" => {
            let mut hands = deal(args, workers);
            many(&mut || after_phones(args, client, hands.pop().unwrap_or_default()))
        }
        other => die(&format!("{other}: no such operation\n{}", args::HELP)),
    }
}

fn each(args: &Args, request: impl Fn(&str) -> Vec<u8>, needle: Needle, workers: usize) -> Vec<Box<dyn Flow>> {
    let file = args.required("tokens");
    let text = fs::read_to_string(file).unwrap_or_else(|error| die(&format!("{file}: {error}")));
    let requests: Rc<Vec<_>> = Rc::new(text.lines().map(request).collect());
    let next = Rc::new(Cell::new(0));
    let one = || Each { requests: Rc::clone(&requests), next: Rc::clone(&next), needle };
    (0..workers).map(|_| Box::new(one()) as Box<dyn Flow>).collect()
}

fn after_phones(args: &Args, client: &Rc<Client>, phones: Vec<Phone>) -> Box<dyn Flow> {
    let op = args.op.as_str();
    let options = Options {
        keeps_session: args.has("sso"),
        asks_userinfo: op == "login",
        forwarded: args.has("forwarded"),
        stops_waiting: op == "poll",
    };
    let login = Login::new(Rc::clone(client), phones, options);
    match op {
        "refresh" => Box::new(Refresh::new(login)),
        "userinfo-bound" => Box::new(BoundUserInfo::new(login)),
        "poll" => Box::new(Poll::new(login)),
        _ => Box::new(login),
    }
}

/// The phones, dealt out: no two workers sign in the same person.
fn deal(args: &Args, workers: usize) -> Vec<Vec<Phone>> {
    let mut hands: Vec<Vec<Phone>> = (0..workers).map(|_| Vec::new()).collect();
    let Some(file) = args.get("phones") else { return hands };
    let text = fs::read_to_string(file).unwrap_or_else(|error| die(&format!("{file}: {error}")));
    let phones = text.lines().filter_map(|line| serde_json::from_str(line).ok());
    for (index, phone) in phones.enumerate() {
        hands[index % workers].push(Phone::from_json(&phone));
    }
    if hands.iter().any(Vec::is_empty) {
        die(&format!("{file} has fewer phones than there are connections"));
    }
    hands
}
