//! The authorization code flow with PKCE as a browser and its client walk it; with a phone, when the provider asks.
//!
//! Two connections: that of browser and client, and that of the phone. While the phone decides the browser waits for
//! the status of its page, as the real page does.

use std::rc::Rc;

use serde_json::{Value, json};

use crate::client::Client;
use crate::flow::{Flow, Next, Requests};
use crate::http::{Answer, Fields, Host, Jar, path_of};
use crate::keys::{Key, base64url, random, random_text, sha256};
use crate::phone::Phone;

pub const BROWSER: usize = 0;
pub const PHONE: usize = 1;
const HOPS: u8 = 12;

#[derive(Default)]
pub struct Options {
    /// Keep the cookies: every operation but the first has a session.
    pub keeps_session: bool,
    /// End with a call of the UserInfo endpoint.
    pub asks_userinfo: bool,
    /// Other source addresses for each operation, of browser and phone, as a proxy names them.
    pub forwarded: bool,
    /// Stop at the page that waits for the phone.
    pub stops_waiting: bool,
}

#[derive(PartialEq)]
enum Stage {
    Walking,
    Token,
    UserInfo,
}

#[derive(PartialEq)]
enum PhoneStage {
    Listing,
    Challenge,
    Decision,
}

pub struct Login {
    pub client: Rc<Client>,
    pub options: Options,
    pub host: Host,
    /// The same from the address of the phone.
    phone_host: Host,
    pub jar: Jar,
    /// The last answer of the token endpoint.
    pub tokens: Value,
    /// Where the status of the waiting page is, once there is one.
    pub waits_at: Option<String>,
    /// What tokens are bound to, and the nonce for its next proof.
    pub key: Option<Key>,
    pub nonce: Option<String>,
    phones: Vec<Phone>,
    turn: usize,
    stage: Stage,
    phone_stage: PhoneStage,
    verifier: String,
    code: String,
    page: String,
    number: String,
    approval: String,
    challenge: Value,
    hops: u8,
    completed: u64,
}

impl Login {
    pub fn new(client: Rc<Client>, phones: Vec<Phone>, options: Options) -> Self {
        let key = client.bound.then(Key::generate);
        let host = client.host();
        Self {
            client,
            options,
            phone_host: host.clone(),
            host,
            jar: Jar::default(),
            tokens: Value::Null,
            waits_at: None,
            key,
            nonce: None,
            phones,
            turn: 0,
            stage: Stage::Walking,
            phone_stage: PhoneStage::Listing,
            verifier: String::new(),
            code: String::new(),
            page: String::new(),
            number: String::new(),
            approval: String::new(),
            challenge: Value::Null,
            hops: 0,
            completed: 0,
        }
    }

    fn authorization(&mut self) -> Vec<u8> {
        let client = &self.client;
        let challenge = base64url(sha256(&[self.verifier.as_bytes()]));
        let state = random_text();
        let query = Fields::of(&[
            ("response_type", "code"),
            ("client_id", &client.id),
            ("redirect_uri", &client.redirect_uri),
            ("scope", &client.scope),
            ("state", &state),
            ("nonce", &state),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ]);
        self.get(&format!("{}?{}", client.endpoints.authorization, query.0))
    }

    fn get(&self, path: &str) -> Vec<u8> {
        self.host.get(path, &self.jar.header())
    }

    fn post(&self, path: &str, fields: &Fields) -> Vec<u8> {
        self.host.form(path, &self.jar.header(), fields)
    }

    /// The header that proves the key, when tokens are bound to one.
    pub fn proof(&self) -> String {
        let address = format!("{}{}", self.client.issuer, self.client.endpoints.token);
        self.key.as_ref().map(|key| key.proof("POST", &address, self.nonce.as_deref(), None)).unwrap_or_default()
    }

    /// Keeps the nonce of an answer, and says whether the request must be made again with it.
    pub fn wants_nonce(&mut self, answer: Answer<'_>) -> bool {
        if self.key.is_none() {
            return false;
        }
        if let Some(nonce) = answer.header("dpop-nonce") {
            self.nonce = Some(nonce.to_owned());
        }
        !answer.is_good() && answer.json()["error"] == "use_dpop_nonce"
    }

    fn token(&self) -> Vec<u8> {
        let fields = [
            ("grant_type", "authorization_code"),
            ("code", &self.code),
            ("redirect_uri", &self.client.redirect_uri),
            ("code_verifier", &self.verifier),
        ];
        self.client.token_request(&self.host, &fields, &self.proof())
    }

    fn browser(&mut self, answer: Answer<'_>) -> Next {
        match self.stage {
            Stage::Walking => self.walk(answer),
            Stage::Token => {
                if self.wants_nonce(answer) {
                    return Next::Send(vec![(BROWSER, self.token())]);
                }
                self.tokens = answer.json();
                let Some(token) = self.tokens["access_token"].as_str() else { return Next::Done(false) };
                if !answer.is_good() || !self.tokens["id_token"].is_string() {
                    return Next::Done(false);
                }
                if !self.options.asks_userinfo {
                    return self.done();
                }
                self.stage = Stage::UserInfo;
                Next::Send(vec![(BROWSER, self.client.userinfo_request(&self.host, token))])
            }
            Stage::UserInfo if answer.is_good() && answer.json()["sub"].is_string() => self.done(),
            Stage::UserInfo => Next::Done(false),
        }
    }

    fn done(&mut self) -> Next {
        self.completed += 1;
        Next::Done(true)
    }

    fn walk(&mut self, answer: Answer<'_>) -> Next {
        self.jar.keep(answer);
        self.hops += 1;
        if self.hops > HOPS {
            return Next::Done(false);
        }
        match answer.status() {
            300..=399 => self.follow(answer.header("location").unwrap_or("")),
            200 if self.waits_at.is_some() => match answer.json()["status"].as_str() {
                Some("done") => {
                    self.waits_at = None;
                    Next::Send(vec![(BROWSER, self.get(&self.page))])
                }
                // Patience is at its end before the phone's.
                Some("waiting") => Next::Send(vec![(BROWSER, self.get(self.waits_at.as_deref().unwrap_or("")))]),
                _ => Next::Done(false),
            },
            200 => self.answer_page(&answer.text()),
            _ => Next::Done(false),
        }
    }

    fn follow(&mut self, location: &str) -> Next {
        if !location.starts_with(&self.client.redirect_uri) {
            let path = path_of(location);
            self.page = path.split('?').next().unwrap_or("").to_owned();
            return Next::Send(vec![(BROWSER, self.get(&path))]);
        }
        let Some(code) = location.split(['?', '&']).find_map(|part| part.strip_prefix("code=")) else {
            return Next::Done(false);
        };
        self.code = code.to_owned();
        self.stage = Stage::Token;
        Next::Send(vec![(BROWSER, self.token())])
    }

    /// Fills in the form of a page, or waits beside the phone.
    fn answer_page(&mut self, page: &str) -> Next {
        let csrf = between(page, "name=\"csrf\" value=\"", "\"").unwrap_or("");
        if let Some(number) = between(page, "<output id=\"number\">", "<") {
            return self.wait(number.to_owned(), between(page, "data-status=\"", "\"").map(str::to_owned));
        }
        if page.contains("name=\"identifier\"") {
            let Some(phone) = self.phones.get(self.turn) else { return Next::Done(false) };
            let fields = Fields::of(&[("csrf", csrf), ("identifier", &phone.person)]);
            return Next::Send(vec![(BROWSER, self.post(&format!("{}/identify", self.page), &fields))]);
        }
        if page.contains("name=\"decision\"") {
            let fields = Fields::of(&[("csrf", csrf), ("decision", "allow")]);
            return Next::Send(vec![(BROWSER, self.post(&format!("{}/consent", self.page), &fields))]);
        }
        Next::Done(false)
    }

    fn wait(&mut self, number: String, status: Option<String>) -> Next {
        let Some(status) = status else { return Next::Done(false) };
        self.number = number;
        self.waits_at = Some(status.clone());
        if self.options.stops_waiting {
            return self.done();
        }
        self.phone_stage = PhoneStage::Listing;
        let listing = self.phones[self.turn].list(&self.phone_host);
        Next::Send(vec![(BROWSER, self.get(&status)), (PHONE, listing)])
    }

    fn phone(&mut self, answer: Answer<'_>) -> Next {
        let again = self.phones[self.turn].wants_again(answer);
        if !again {
            let body = answer.json();
            match self.phone_stage {
                PhoneStage::Listing => {
                    // An approval of a run that was cut off may still wait: the newest is ours.
                    let all = body["approvals"].as_array().map(Vec::as_slice).unwrap_or(&[]);
                    let Some(id) = all.last().and_then(|one| one["id"].as_str()) else { return Next::Done(false) };
                    self.approval = id.to_owned();
                    self.phone_stage = PhoneStage::Challenge;
                }
                PhoneStage::Challenge => self.phone_stage = PhoneStage::Decision,
                PhoneStage::Decision if body["status"] == "approved" => return Next::Send(Vec::new()),
                PhoneStage::Decision => return Next::Done(false),
            }
            self.challenge = body;
        }
        let (host, approval) = (self.phone_host.clone(), self.approval.clone());
        let phone = &mut self.phones[self.turn];
        let request = match self.phone_stage {
            PhoneStage::Listing => phone.list(&host),
            PhoneStage::Challenge => {
                phone.post(&host, &format!("/mobile/v1/approvals/{approval}/challenge"), &json!({}))
            }
            PhoneStage::Decision => {
                let Some(decision) = phone.decision(&self.challenge, &self.number) else { return Next::Done(false) };
                phone.post(&host, &format!("/mobile/v1/approvals/{approval}/decision"), &decision)
            }
        };
        Next::Send(vec![(PHONE, request)])
    }
}

impl Flow for Login {
    fn channels(&self) -> usize {
        if self.phones.is_empty() { 1 } else { 2 }
    }

    fn start(&mut self) -> Requests {
        if !self.options.keeps_session {
            self.jar = Jar::default();
        }
        if self.options.forwarded {
            (self.host.extra, self.phone_host.extra) = (forwarded(), forwarded());
        }
        self.turn = (self.turn + 1) % self.phones.len().max(1);
        self.verifier = base64url(random::<32>());
        (self.stage, self.hops, self.waits_at) = (Stage::Walking, 0, None);
        vec![(BROWSER, self.authorization())]
    }

    fn answered(&mut self, channel: usize, answer: Answer<'_>) -> Next {
        if channel == PHONE { self.phone(answer) } else { self.browser(answer) }
    }

    fn is_ready(&self) -> bool {
        !self.options.keeps_session || self.completed > 0
    }
}

/// The header of a proxy that names any address.
fn forwarded() -> String {
    let [a, b, c] = random::<3>();
    format!("X-Forwarded-For: 10.{a}.{b}.{c}\r\n")
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    let begin = text.find(before)? + before.len();
    let length = text[begin..].find(after)?;
    Some(&text[begin..begin + length])
}
