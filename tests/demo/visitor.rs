//! A browser of the demonstration: one jar of cookies for all its addresses, redirections followed one by one.

use reqwest::header::LOCATION;
use reqwest::{Client, RequestBuilder, Response};
use url::Url;

/// A page at the end of redirections.
pub(super) struct Page {
    pub(super) status: u16,
    /// Where it is, and where the browser came through.
    pub(super) way: Vec<Url>,
    pub(super) text: String,
}

/// A browser.
pub(super) struct Visitor(Client);

impl Visitor {
    pub(super) fn new() -> Self {
        let none = reqwest::redirect::Policy::none();
        Self(Client::builder().cookie_store(true).redirect(none).build().unwrap())
    }

    pub(super) async fn open(&self, address: &str) -> Page {
        self.follow(self.0.get(address)).await
    }

    pub(super) async fn post(&self, address: &Url, fields: &[(&str, &str)]) -> Page {
        self.follow(self.0.post(address.clone()).form(fields)).await
    }

    /// Sends the form of `page` whose address ends with `end`, with its token.
    pub(super) async fn submit(&self, page: &Page, end: &str, fields: &[(&str, &str)]) -> Page {
        let csrf = page.between("name=\"csrf\" value=\"", "\"").unwrap_or_default();
        let fields: Vec<_> = std::iter::once(("csrf", csrf)).chain(fields.iter().copied()).collect();
        self.post(&page.action(end), &fields).await
    }

    /// One answer, as it is.
    pub(super) async fn once(&self, address: &str) -> Response {
        self.0.get(address).send().await.unwrap()
    }

    async fn follow(&self, request: RequestBuilder) -> Page {
        let mut answer = request.send().await.unwrap();
        let mut way = Vec::new();
        while let Some(location) = answer.headers().get(LOCATION) {
            assert_eq!(answer.status(), 303, "RFC 9700 4.12");
            assert!(way.len() < 12, "redirections without end: {way:?}");
            let next = answer.url().join(location.to_str().unwrap()).unwrap();
            way.push(next.clone());
            answer = self.0.get(next).send().await.unwrap();
        }
        way.push(answer.url().clone());
        Page { status: answer.status().as_u16(), way, text: answer.text().await.unwrap() }
    }
}

impl Page {
    pub(super) fn address(&self) -> &Url {
        self.way.last().unwrap()
    }

    pub(super) fn between(&self, before: &str, after: &str) -> Option<&str> {
        Some(self.text.split_once(before)?.1.split_once(after)?.0)
    }

    /// The text of the element with this id.
    pub(super) fn at(&self, id: &str) -> &str {
        let found = self.between(&format!("id=\"{id}\">"), "<");
        found.unwrap_or_else(|| panic!("no {id} in {}", self.text))
    }

    fn action(&self, end: &str) -> Url {
        let mut actions = self.text.split("action=\"").skip(1).filter_map(|rest| rest.split('"').next());
        let action = actions.find(|action| action.split('?').next().is_some_and(|path| path.contains(end)));
        self.address().join(action.unwrap_or_else(|| panic!("no form to {end} in {}", self.text))).unwrap()
    }
}
