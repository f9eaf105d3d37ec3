//! Enrols a phone for each of many persons, one after the other.

use std::collections::HashMap;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::{Value, json};

use crate::args::{Args, die};
use crate::http::{Answer, Host, Response};
use crate::phone::Phone;

struct Person {
    id: String,
    email: String,
    telephone: String,
}

/// Enrols the phones and keeps them in a file.
pub fn enrol(args: &Args, address: SocketAddr, issuer: &str, authority: String) {
    let persons = read_persons(args.required("persons"));
    let mut wire = Wire { stream: connect(address), address, host: Host { authority, extra: String::new() } };
    for (index, person) in persons.iter().enumerate() {
        wire.from(index);
        let request = wire.host.json("/mobile/v1/enrolments/codes", "", &json!({ "national_id": person.id }));
        wire.expect(&request, 202);
    }
    let codes = await_codes(args.required("codes"), &persons);
    let phones = persons.iter().enumerate().map(|(index, person)| {
        wire.from(persons.len() + index);
        wire.enrol(person, &codes, issuer).to_json().to_string()
    });
    let text = phones.collect::<Vec<_>>().join("\n");
    fs::write(args.required("phones"), text).unwrap_or_else(|error| die(&format!("phones: {error}")));
    println!("{}", json!({ "phones": persons.len() }));
}

fn read_persons(file: &str) -> Vec<Person> {
    let text = fs::read_to_string(file).unwrap_or_else(|error| die(&format!("{file}: {error}")));
    let person = |line: &str| {
        let mut fields = line.split('|').map(str::to_owned);
        Some(Person { id: fields.next()?, email: fields.next()?, telephone: fields.next()? })
    };
    text.lines().filter_map(person).collect()
}

/// The last code of each contact, once everybody has theirs: they are sent after the answer.
fn await_codes(file: &str, persons: &[Person]) -> HashMap<String, String> {
    for _ in 0..600 {
        let text = fs::read_to_string(file).unwrap_or_default();
        let messages = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let codes: HashMap<String, String> = messages
            .filter_map(|message| Some((message["to"].as_str()?.to_owned(), message["code"].as_str()?.to_owned())))
            .collect();
        let has = |contact: &String| codes.contains_key(contact);
        if persons.iter().all(|person| has(&person.email) && has(&person.telephone)) {
            return codes;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    die(&format!("{file}: not every code was sent"))
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap_or_else(|error| die(&format!("{address}: {error}")));
    let prepared = stream.set_nodelay(true).and_then(|()| stream.set_read_timeout(Some(Duration::from_secs(20))));
    prepared.unwrap_or_else(|error| die(&format!("socket: {error}")));
    stream
}

/// One connection, one request after the other.
pub struct Wire {
    stream: TcpStream,
    address: SocketAddr,
    pub host: Host,
}

impl Wire {
    pub fn new(address: SocketAddr, host: Host) -> Self {
        Self { stream: connect(address), address, host }
    }

    /// An address of their own for each, as the limits by source count it.
    fn from(&mut self, index: usize) {
        let [_, _, b, c] = u32::try_from(index).unwrap_or_default().to_be_bytes();
        self.host.extra = format!("X-Forwarded-For: 198.18.{b}.{c}\r\n");
    }

    pub fn call(&mut self, request: &[u8]) -> (Vec<u8>, Response) {
        let (mut read, mut part) = (Vec::new(), [0; 16 * 1024]);
        self.stream.write_all(request).unwrap_or_else(|error| die(&format!("write: {error}")));
        loop {
            let length = self.stream.read(&mut part).unwrap_or_else(|error| die(&format!("read: {error}")));
            if length == 0 {
                die(&format!("closed within an answer: {}", String::from_utf8_lossy(&read)));
            }
            read.extend_from_slice(&part[..length]);
            if let Some(response) = Response::find(&read) {
                if response.closes {
                    self.stream = connect(self.address);
                }
                return (read, response);
            }
        }
    }

    pub fn expect(&mut self, request: &[u8], status: u16) -> Value {
        let (bytes, response) = self.call(request);
        let answer = Answer { bytes: &bytes, response: &response };
        if answer.status() != status {
            die(&format!("{status} was expected: {}", answer.summary()));
        }
        answer.json()
    }

    fn enrol(&mut self, person: &Person, codes: &HashMap<String, String>, issuer: &str) -> Phone {
        let mut phone = Phone::new(&person.id, issuer);
        let proof = json!({
            "type": "contact_codes", "email": codes[&person.email], "phone": codes[&person.telephone],
        });
        let body = json!({ "national_id": person.id, "proof": proof });
        let start = self.proved(&mut phone, "/mobile/v1/enrolments", &body);
        let Some(body) = phone.registration(&start) else { die(&format!("not what a phone signs: {start}")) };
        let enrolment = start["enrolment_id"].as_str().unwrap_or("");
        self.proved(&mut phone, &format!("/mobile/v1/enrolments/{enrolment}/credential"), &body);
        phone
    }

    /// A call with a proof, and once more with the nonce it lacked.
    fn proved(&mut self, phone: &mut Phone, path: &str, body: &Value) -> Value {
        let (bytes, response) = self.call(&phone.post(&self.host, path, body));
        let answer = Answer { bytes: &bytes, response: &response };
        if phone.wants_again(answer) {
            return self.expect(&phone.post(&self.host, path, body), 201);
        }
        if answer.status() != 201 {
            die(&format!("201 was expected: {}", answer.summary()));
        }
        answer.json()
    }
}
