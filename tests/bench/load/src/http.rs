//! Just enough HTTP/1.1: requests as bytes, responses recognised in a buffer once they are whole.

use std::fmt::Write as _;
use std::ops::Range;

/// Where the parts of a whole response are in its buffer.
#[derive(Default, Clone)]
pub struct Response {
    pub status: u16,
    pub total: usize,
    pub closes: bool,
    head: usize,
    body: Range<usize>,
    chunked: bool,
}

/// A whole response, with the buffer that holds it.
#[derive(Clone, Copy)]
pub struct Answer<'a> {
    pub bytes: &'a [u8],
    pub response: &'a Response,
}

impl Response {
    /// The response at the beginning of `bytes`, once it is whole.
    pub fn find(bytes: &[u8]) -> Option<Self> {
        let head = position(bytes, b"\r\n\r\n")? + 4;
        let status = std::str::from_utf8(bytes.get(9..12)?).ok()?.parse().ok()?;
        let mut found = Self { status, head, ..Self::default() };
        let mut length = 0;
        for (name, value) in lines(&bytes[..head]) {
            if name.eq_ignore_ascii_case("content-length") {
                length = value.parse().ok()?;
            } else if name.eq_ignore_ascii_case("transfer-encoding") {
                found.chunked = value.eq_ignore_ascii_case("chunked");
            } else if name.eq_ignore_ascii_case("connection") {
                found.closes = value.eq_ignore_ascii_case("close");
            }
        }
        if status == 204 || status == 304 {
            length = 0;
        }
        found.total = if found.chunked { end_of_chunks(bytes, head)? } else { head + length };
        found.body = head..found.total;
        (bytes.len() >= found.total).then_some(found)
    }
}

impl<'a> Answer<'a> {
    pub fn status(&self) -> u16 {
        self.response.status
    }

    pub fn is_good(&self) -> bool {
        (200..300).contains(&self.response.status)
    }

    /// The values of a header.
    pub fn headers(&self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let head = &self.bytes[..self.response.head];
        lines(head).filter(move |(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    pub fn header(&self, name: &'a str) -> Option<&'a str> {
        self.headers(name).next()
    }

    /// The body as it came: with the sizes of its chunks, if it has any.
    pub fn raw_body(&self) -> &'a [u8] {
        &self.bytes[self.response.body.clone()]
    }

    pub fn body(&self) -> Vec<u8> {
        let raw = self.raw_body();
        if !self.response.chunked {
            return raw.to_vec();
        }
        let (mut whole, mut at) = (Vec::new(), 0);
        while let Some((size, begin)) = chunk(raw, at).filter(|(size, _)| *size > 0) {
            whole.extend_from_slice(&raw[begin..begin + size]);
            at = begin + size + 2;
        }
        whole
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body()).into_owned()
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body()).unwrap_or_default()
    }

    /// Status and what the body says, of a page its words alone, for a message.
    pub fn summary(&self) -> String {
        let head = String::from_utf8_lossy(&self.bytes[..self.response.head]);
        let status = head.lines().next().unwrap_or("");
        let text = self.text();
        let body = text.split_once("<body").map_or(text.as_str(), |(_, body)| body);
        let words = body.split('<').map(|part| part.split_once('>').map_or(part, |(_, words)| words).trim());
        let said: String = words.filter(|words| !words.is_empty()).collect::<Vec<_>>().join(" | ");
        format!("{status}: {}", said.chars().take(500).collect::<String>())
    }
}

fn lines(head: &[u8]) -> impl Iterator<Item = (&str, &str)> {
    let text = std::str::from_utf8(head).unwrap_or("");
    text.split("\r\n").skip(1).filter_map(|line| line.split_once(':')).map(|(key, value)| (key, value.trim()))
}

/// Size and beginning of the chunk at `at`.
fn chunk(bytes: &[u8], at: usize) -> Option<(usize, usize)> {
    let end = at + position(bytes.get(at..)?, b"\r\n")?;
    let size = std::str::from_utf8(&bytes[at..end]).ok()?.split(';').next()?.trim();
    Some((usize::from_str_radix(size, 16).ok()?, end + 2))
}

fn end_of_chunks(bytes: &[u8], mut at: usize) -> Option<usize> {
    loop {
        let (size, begin) = chunk(bytes, at)?;
        at = begin + size + 2;
        if size == 0 || at > bytes.len() {
            return (at <= bytes.len()).then_some(at);
        }
    }
}

pub fn position(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

/// What every request to one server says.
#[derive(Clone)]
pub struct Host {
    pub authority: String,
    /// Further lines of every head, each with its end.
    pub extra: String,
}

impl Host {
    pub fn get(&self, path: &str, more: &str) -> Vec<u8> {
        let Self { authority, extra } = self;
        format!("GET {path} HTTP/1.1\r\nHost: {authority}\r\nUser-Agent: load/0.1\r\n{extra}{more}\r\n").into()
    }

    pub fn form(&self, path: &str, more: &str, fields: &Fields) -> Vec<u8> {
        self.post(path, "application/x-www-form-urlencoded", more, &fields.0)
    }

    pub fn json(&self, path: &str, more: &str, body: &serde_json::Value) -> Vec<u8> {
        self.post(path, "application/json", more, &body.to_string())
    }

    fn post(&self, path: &str, media: &str, more: &str, body: &str) -> Vec<u8> {
        let Self { authority, extra } = self;
        let length = body.len();
        format!(
            "POST {path} HTTP/1.1\r\nHost: {authority}\r\nUser-Agent: load/0.1\r\nContent-Type: {media}\r\n\
             Content-Length: {length}\r\n{extra}{more}\r\n{body}"
        )
        .into()
    }
}

/// Parameters, encoded as a form or a query.
#[derive(Default, Clone)]
pub struct Fields(pub String);

impl Fields {
    pub fn of(pairs: &[(&str, &str)]) -> Self {
        pairs.iter().fold(Self::default(), |fields, (name, value)| fields.with(name, value))
    }

    pub fn with(mut self, name: &str, value: &str) -> Self {
        if !self.0.is_empty() {
            self.0.push('&');
        }
        self.0.push_str(name);
        self.0.push('=');
        encode_into(&mut self.0, value);
        self
    }
}

pub fn encoded(value: &str) -> String {
    let mut text = String::with_capacity(value.len() + 8);
    encode_into(&mut text, value);
    text
}

fn encode_into(text: &mut String, value: &str) {
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            text.push(char::from(byte));
        } else {
            let _ = write!(text, "%{byte:02X}");
        }
    }
}

/// Path and query of an address, absolute or not.
pub fn path_of(address: &str) -> String {
    let address = address.split('#').next().unwrap_or("");
    let Some((_, rest)) = address.split_once("://") else { return address.to_owned() };
    match rest.find(['/', '?']) {
        Some(at) if rest[at..].starts_with('/') => rest[at..].to_owned(),
        Some(at) => format!("/{}", &rest[at..]),
        None => "/".to_owned(),
    }
}

/// Host and port of an absolute address.
pub fn authority_of(address: &str) -> Option<String> {
    let (_, rest) = address.split_once("://")?;
    Some(rest[..rest.find(['/', '?']).unwrap_or(rest.len())].to_owned())
}

/// The cookies of one browser.
#[derive(Default, Clone)]
pub struct Jar(std::collections::BTreeMap<String, String>);

impl Jar {
    pub fn keep(&mut self, answer: Answer<'_>) {
        for line in answer.headers("set-cookie") {
            let (pair, attributes) = line.split_once(';').unwrap_or((line, ""));
            let Some((name, value)) = pair.split_once('=') else { continue };
            // Of the attributes alone: a name holds hexadecimal digits, and so `1970` one time in two thousand.
            if value.is_empty() || attributes.contains("Max-Age=0") || attributes.contains("1970") {
                self.0.remove(name);
            } else {
                self.0.insert(name.to_owned(), value.to_owned());
            }
        }
    }

    /// The header, with its end; nothing without cookies.
    pub fn header(&self) -> String {
        if self.0.is_empty() {
            return String::new();
        }
        let pairs: Vec<String> = self.0.iter().map(|(name, value)| format!("{name}={value}")).collect();
        format!("Cookie: {}\r\n", pairs.join("; "))
    }
}
