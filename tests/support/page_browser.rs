//! A browser at the pages: it keeps cookies, follows our own redirects, fills in forms and reads the number.

use std::collections::BTreeMap;

use axum::Router;
use axum::body::Body;
use http::{HeaderValue, Method, Request};
use sceau::phone::Phone;

use super::Harness;
use super::wire::{self, ClientAnswer, Received};

pub(crate) const SESSION: &str = "__Host-sceau-session";

/// A browser with its cookies.
#[derive(Clone)]
pub(crate) struct PageBrowser {
    router: Router,
    pub(crate) cookies: BTreeMap<String, String>,
    /// `Accept-Language`.
    pub(crate) languages: &'static str,
}

impl Harness {
    pub(crate) fn page_browser(&self) -> PageBrowser {
        PageBrowser { router: self.router.clone(), cookies: BTreeMap::new(), languages: "fr-FR,fr;q=0.9" }
    }
}

impl PageBrowser {
    pub(crate) async fn get(&mut self, path: &str) -> Received {
        self.send(wire::bare(&Method::GET, path, &[])).await
    }

    pub(crate) async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Received {
        self.send(wire::form(path, &[], fields)).await
    }

    pub(crate) async fn send(&mut self, request: Request<Body>) -> Received {
        let request = self.dressed(request);
        let received = wire::exchange(&self.router, request).await;
        for line in received.cookies() {
            let (pair, attributes) = line.split_once(';').unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            if attributes.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        received
    }

    /// `request` with the cookies of this browser.
    pub(crate) fn dressed(&self, mut request: Request<Body>) -> Request<Body> {
        let jar: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        if !jar.is_empty() {
            request.headers_mut().insert("cookie", HeaderValue::try_from(jar.join("; ")).unwrap());
        }
        request.headers_mut().insert("accept-language", HeaderValue::from_static(self.languages));
        request
    }

    /// The session cookie; empty when there is none.
    pub(crate) fn session(&self) -> String {
        self.cookies.get(SESSION).cloned().unwrap_or_default()
    }

    /// Opens an authorization request that needs the person: the address of its page.
    pub(crate) async fn open(&mut self, url: &str) -> String {
        let opened = self.get(url).await;
        let address = opened.header("location").to_owned();
        assert_eq!(opened.status, 303, "{}", opened.text);
        assert!(address.starts_with("/interaction/"), "{address}");
        address
    }

    /// Opens an authorization request that is answered at once.
    pub(crate) async fn answered(&mut self, url: &str) -> ClientAnswer {
        self.get(url).await.to_client()
    }

    /// Fills in a form of the page at `tab`.
    pub(crate) async fn submit(&mut self, tab: &str, form: &str, fields: &[(&str, &str)]) -> Received {
        let csrf = csrf(&self.get(tab).await.text);
        let mut fields = fields.to_vec();
        fields.push(("csrf", &csrf));
        let sent = self.post(&format!("{tab}/{form}"), &fields).await;
        // Consent and cancel lead back to the page, which answers the client.
        let back =
            !["identify", "qr"].contains(&form) && sent.status == 303 && sent.header("location") == tab;
        if back { self.get(tab).await } else { sent }
    }

    /// Types an identifier: the number shown.
    pub(crate) async fn identify(&mut self, tab: &str, national_id: &str) -> String {
        let sent = self.submit(tab, "identify", &[("identifier", national_id)]).await;
        assert_eq!((sent.status, sent.header("location")), (303, tab), "{}", sent.text);
        number(&self.get(tab).await.text)
    }

    /// What the page at `tab` tells the client when it is looked at again.
    pub(crate) async fn finish(&mut self, tab: &str) -> ClientAnswer {
        self.get(tab).await.to_client()
    }

    /// From a request to its answer, with an identifier, a number and a phone.
    pub(crate) async fn sign_in(&mut self, url: &str, phone: &mut Phone, national_id: &str) -> ClientAnswer {
        let tab = self.open(url).await;
        let number = self.identify(&tab, national_id).await;
        phone.approve(None, Some(&number)).await.unwrap();
        self.finish(&tab).await
    }

    /// The same where the person is asked for consent.
    pub(crate) async fn sign_in_and_allow(
        &mut self,
        url: &str,
        phone: &mut Phone,
        national_id: &str,
    ) -> ClientAnswer {
        let tab = self.open(url).await;
        let number = self.identify(&tab, national_id).await;
        phone.approve(None, Some(&number)).await.unwrap();
        self.submit(&tab, "consent", &[("decision", "allow")]).await.to_client()
    }
}

/// What stands between `before` and `after`.
pub(crate) fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    text.split_once(before)?.1.split_once(after).map(|(found, _)| found)
}

pub(crate) fn csrf(page: &str) -> String {
    let found = between(page, "name=\"csrf\" value=\"", "\"");
    found.unwrap_or_else(|| panic!("no form: {page}")).to_owned()
}

/// The number on a page.
pub(crate) fn number(page: &str) -> String {
    let found = between(page, "<output id=\"number\">", "</output>");
    found.unwrap_or_else(|| panic!("no number: {page}")).to_owned()
}

/// A number that is not this one.
pub(crate) fn other_number(number: &str) -> String {
    let number: u8 = number.parse().unwrap();
    format!("{:02}", (number + 1) % 100)
}
