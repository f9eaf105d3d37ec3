//! Operations that need a login first: refresh, UserInfo with a bound token, and the poll of a page that waits.

use crate::flow::{Flow, Next, Requests};
use crate::http::Answer;
use crate::keys::Key;
use crate::login::Login;

/// The refresh grant of one login.
pub struct Refresh {
    login: Login,
    token: Option<String>,
}

impl Refresh {
    pub fn new(login: Login) -> Self {
        Self { login, token: None }
    }

    fn request(&self) -> Vec<u8> {
        let token = self.token.as_deref().unwrap_or("");
        let fields = [("grant_type", "refresh_token"), ("refresh_token", token)];
        self.login.client.token_request(&self.login.host, &fields, &self.login.proof())
    }

    fn keep(&mut self, tokens: &serde_json::Value) {
        if let Some(token) = tokens["refresh_token"].as_str() {
            self.token = Some(token.to_owned());
        }
    }
}

impl Flow for Refresh {
    fn channels(&self) -> usize {
        self.login.channels()
    }

    fn start(&mut self) -> Requests {
        if self.token.is_none() { self.login.start() } else { vec![(0, self.request())] }
    }

    fn answered(&mut self, channel: usize, answer: Answer<'_>) -> Next {
        if self.token.is_none() {
            let next = self.login.answered(channel, answer);
            if matches!(next, Next::Done(true)) {
                let tokens = self.login.tokens.take();
                self.keep(&tokens);
                return Next::Done(self.token.is_some());
            }
            return next;
        }
        if self.login.wants_nonce(answer) {
            return Next::Send(vec![(0, self.request())]);
        }
        let tokens = answer.json();
        self.keep(&tokens);
        Next::Done(answer.is_good() && tokens["access_token"].is_string() && tokens["id_token"].is_string())
    }

    fn is_ready(&self) -> bool {
        self.token.is_some()
    }
}

/// UserInfo with a token bound to a key: each request proves it (RFC 9449 7.1).
pub struct BoundUserInfo {
    login: Login,
    token: Option<String>,
}

impl BoundUserInfo {
    pub fn new(login: Login) -> Self {
        Self { login, token: None }
    }

    fn request(&self) -> Vec<u8> {
        let (client, token) = (&self.login.client, self.token.as_deref().unwrap_or(""));
        let path = &client.endpoints.userinfo;
        let address = format!("{}{path}", client.issuer);
        let nonce = self.login.nonce.as_deref();
        let prove = |key: &Key| key.proof("GET", &address, nonce, Some(token));
        let proof = self.login.key.as_ref().map(prove).unwrap_or_default();
        self.login.host.get(path, &format!("Authorization: DPoP {token}\r\n{proof}"))
    }
}

impl Flow for BoundUserInfo {
    fn channels(&self) -> usize {
        self.login.channels()
    }

    fn start(&mut self) -> Requests {
        if self.token.is_none() { self.login.start() } else { vec![(0, self.request())] }
    }

    fn answered(&mut self, channel: usize, answer: Answer<'_>) -> Next {
        if self.token.is_some() {
            if self.login.wants_nonce(answer) {
                return Next::Send(vec![(0, self.request())]);
            }
            return Next::Done(answer.is_good() && answer.json()["sub"].is_string());
        }
        let next = self.login.answered(channel, answer);
        if matches!(next, Next::Done(true)) {
            self.token = self.login.tokens["access_token"].as_str().map(str::to_owned);
            // A nonce is good for one kind of endpoint.
            self.login.nonce = None;
        }
        next
    }

    fn is_ready(&self) -> bool {
        self.token.is_some()
    }
}

/// Requests that wait for one page at the same time, before the next one is answered at once.
const WAITING: usize = 3;

/// The status of a page that waits. Of four requests three are held, whichever came first, so that the fourth is
/// answered at once: what a long poll costs besides waiting.
pub struct Poll {
    login: Login,
    /// The connection whose request was answered last; none before the page waits.
    answered: Option<usize>,
}

impl Poll {
    pub fn new(login: Login) -> Self {
        Self { login, answered: None }
    }

    fn request(&self) -> Vec<u8> {
        let path = self.login.waits_at.as_deref().unwrap_or("");
        self.login.host.get(path, &self.login.jar.header())
    }
}

impl Flow for Poll {
    fn channels(&self) -> usize {
        1 + WAITING + 1
    }

    fn start(&mut self) -> Requests {
        match self.answered {
            Some(channel) => vec![(channel, self.request())],
            None => self.login.start(),
        }
    }

    fn answered(&mut self, channel: usize, answer: Answer<'_>) -> Next {
        if channel > 0 {
            let waits = answer.is_good() && answer.json()["status"] == "waiting";
            // After a failure every connection is made anew, and nothing is held: another login, or the next request waits.
            self.answered = waits.then_some(channel);
            return Next::Done(waits);
        }
        match self.login.answered(channel, answer) {
            Next::Done(true) => Next::Send((1..=WAITING + 1).map(|channel| (channel, self.request())).collect()),
            next => next,
        }
    }

    fn is_ready(&self) -> bool {
        self.answered.is_some()
    }
}
