//! A confidential service at the endpoints it calls by itself, and the people who sign in to it.

use axum::body::Body;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{Method, Request};
use http_body_util::BodyExt as _;
use sceau::base::Secret;
use sceau::flow::{Begun, BrowserState, Identified, NewClient, Origin, Screen, Turn};
use sceau::jose::Algorithm;
use sceau::oauth::{AuthorizationResponse, ClientAuthMethod, GrantType, Profile, RawParams, ScopeSet};
use sceau::phone::Phone;
use serde_json::Value;
use tower::ServiceExt as _;

use super::caller::{self, Reply};
use super::{CAMILLE, Harness, form};

/// A service with a secret.
pub(crate) struct Relier {
    pub(crate) id: String,
    pub(crate) secret: String,
}

/// A page as a browser gets it.
pub(crate) struct Shown {
    pub(crate) status: u16,
    pub(crate) location: Option<String>,
    pub(crate) cookies: Vec<String>,
    pub(crate) html: String,
}

impl Shown {
    /// The value of a hidden field.
    pub(crate) fn field(&self, name: &str) -> String {
        let before = format!("name=\"{name}\" value=\"");
        let rest = self.html.split(&before).nth(1).unwrap_or_else(|| panic!("no {name}: {}", self.html));
        rest.split('"').next().unwrap().to_owned()
    }
}

/// A person signed in.
pub(crate) struct SignedIn {
    /// The token answer.
    pub(crate) tokens: Value,
    /// The session cookie of the browser.
    pub(crate) session: Secret,
}

impl SignedIn {
    pub(crate) fn token(&self, name: &str) -> &str {
        self.tokens.get(name).and_then(Value::as_str).unwrap_or_else(|| panic!("no {name}: {}", self.tokens))
    }

    pub(crate) fn browser(&self) -> BrowserState {
        BrowserState { session: Some(self.session.clone()), ..BrowserState::default() }
    }

    /// The session cookie as a header.
    pub(crate) fn cookie(&self) -> String {
        format!("__Host-sceau-session={}", self.session.expose())
    }
}

/// What a service registers, before it is changed: every claim, a refresh token, a way back after logout.
pub(crate) fn reliance(id: &str) -> NewClient {
    NewClient {
        client_id: Some(id.parse().unwrap()),
        name: format!("Service {id}"),
        profile: Profile::Psc,
        auth: ClientAuthMethod::SecretBasic,
        jwks: None,
        redirect_uris: vec![format!("https://{id}.example/retour")],
        post_logout_redirect_uris: vec![format!("https://{id}.example/adieu")],
        scope: ScopeSet::parse("openid scope_all").unwrap(),
        sector: None,
        id_token_alg: Algorithm::Es256,
        ask_consent: false,
        grant_types: vec![GrantType::AuthorizationCode, GrantType::RefreshToken],
        resource_server: false,
        release: std::collections::BTreeSet::new(),
        responses: sceau::oauth::ResponseProtection::default(),
        representation: false,
    }
}

/// What a machine registers: the client credentials grant alone.
pub(crate) fn machine(id: &str, scope: &str) -> NewClient {
    NewClient {
        profile: Profile::Oidc,
        redirect_uris: Vec::new(),
        post_logout_redirect_uris: Vec::new(),
        scope: ScopeSet::parse(scope).unwrap(),
        grant_types: vec![GrantType::ClientCredentials],
        ..reliance(id)
    }
}

impl Relier {
    pub(crate) async fn register(harness: &Harness, new: NewClient) -> Self {
        let registered = harness.provider.register_client(new).await.unwrap();
        let secret = registered.secret.map(|secret| secret.expose().to_owned()).unwrap_or_default();
        Self { id: registered.client.client_id.to_string(), secret }
    }

    /// A form with this service's own authentication.
    pub(crate) async fn post(&self, harness: &Harness, path: &str, fields: &[(&str, &str)]) -> Reply {
        self.post_with(harness, path, fields, &[]).await
    }

    /// The same before it is sent.
    pub(crate) fn form(&self, path: &str, fields: &[(&str, &str)]) -> Request<Body> {
        let basic = format!("Basic {}", STANDARD.encode(format!("{}:{}", self.id, self.secret)));
        form(path, &[("authorization", &basic)], fields)
    }

    pub(crate) async fn post_with(
        &self,
        harness: &Harness,
        path: &str,
        fields: &[(&str, &str)],
        headers: &[(&str, &str)],
    ) -> Reply {
        let basic = format!("Basic {}", STANDARD.encode(format!("{}:{}", self.id, self.secret)));
        let headers = [&[("authorization", basic.as_str())], headers].concat();
        caller::send(&harness.router, form(path, &headers, fields)).await
    }

    pub(crate) async fn introspect(&self, harness: &Harness, token: &str) -> Value {
        let reply = self.post(harness, "/introspect", &[("token", token)]).await;
        assert_eq!(reply.status, 200, "{:?}", reply.body);
        assert_eq!(reply.header("cache-control"), Some("no-store"));
        reply.body
    }

    pub(crate) async fn refresh(&self, harness: &Harness, token: &str) -> Reply {
        let fields = [("grant_type", "refresh_token"), ("refresh_token", token)];
        self.post(harness, "/token", &fields).await
    }

    /// Camille signs in with a phone.
    pub(crate) async fn sign_in(&self, harness: &Harness, phone: &mut Phone) -> SignedIn {
        self.sign_in_with(harness, phone, &BrowserState::default()).await
    }

    /// Somebody else does.
    pub(crate) async fn sign_in_as(&self, harness: &Harness, phone: &mut Phone, who: &str) -> SignedIn {
        let (id, browser, number) = self.wait_for(harness, &BrowserState::default(), who).await;
        self.finish(harness, phone, (id, &browser, &number)).await
    }

    pub(crate) async fn sign_in_with(
        &self,
        harness: &Harness,
        phone: &mut Phone,
        browser: &BrowserState,
    ) -> SignedIn {
        let (id, browser, number) = self.wait_for_phone(harness, browser).await;
        self.finish(harness, phone, (id, &browser, &number)).await
    }

    async fn finish(
        &self,
        harness: &Harness,
        phone: &mut Phone,
        (id, browser, number): (sceau::base::InteractionId, &BrowserState, &str),
    ) -> SignedIn {
        phone.approve(None, Some(number)).await.unwrap();
        let Turn::Answer(answer) = harness.provider.resume(id, browser).await.unwrap() else {
            panic!("no answer")
        };
        let session = answer.session.unwrap().cookie;
        let AuthorizationResponse::Redirect(location) = answer.response else { panic!("no redirect") };
        SignedIn { tokens: self.redeem(harness, &location).await.body, session }
    }

    /// A browser up to the number.
    pub(crate) async fn wait_for_phone(
        &self,
        harness: &Harness,
        browser: &BrowserState,
    ) -> (sceau::base::InteractionId, BrowserState, String) {
        self.wait_for(harness, browser, CAMILLE).await
    }

    async fn wait_for(
        &self,
        harness: &Harness,
        browser: &BrowserState,
        who: &str,
    ) -> (sceau::base::InteractionId, BrowserState, String) {
        let begun = harness.provider.begin(&self.request(&[("prompt", "login")]), browser).await.unwrap();
        let Begun::Opened(opened) = begun else { panic!("answered at once") };
        let browser = BrowserState { interaction: Some(opened.cookie), ..browser.clone() };
        let Turn::Page { csrf, .. } = harness.provider.resume(opened.id, &browser).await.unwrap() else {
            panic!("no page")
        };
        let origin = Origin { address: String::from("192.0.2.45"), agent: String::from("Firefox · Linux") };
        let typed = (who, csrf.as_str());
        let identified = harness.provider.identify(opened.id, &browser, typed, &origin).await.unwrap();
        assert_eq!(identified, Identified::Accepted);
        let turn = harness.provider.resume(opened.id, &browser).await.unwrap();
        let Turn::Page { screen: Screen::Number { number: Some(number), .. }, .. } = turn else {
            panic!("no number")
        };
        (opened.id, browser, number.expose().to_owned())
    }

    /// The answer of single sign-on; the location to follow.
    pub(crate) async fn silent(&self, harness: &Harness, browser: &BrowserState) -> String {
        let begun = harness.provider.begin(&self.request(&[("prompt", "none")]), browser).await.unwrap();
        let Begun::Answer(answer) = begun else { panic!("a page") };
        let AuthorizationResponse::Redirect(location) = answer.response else { panic!("no redirect") };
        location
    }

    /// Exchanges the code of a location.
    pub(crate) async fn redeem(&self, harness: &Harness, location: &str) -> Reply {
        let url = url::Url::parse(location).unwrap();
        let code = url.query_pairs().find(|(name, _)| name == "code").map(|(_, code)| code.into_owned());
        let code = code.unwrap_or_else(|| panic!("no code: {location}"));
        let redirect = format!("https://{}.example/retour", self.id);
        let fields = [("grant_type", "authorization_code"), ("code", &*code), ("redirect_uri", &*redirect)];
        self.post(harness, "/token", &fields).await
    }

    fn request(&self, more: &[(&str, &str)]) -> RawParams {
        let redirect = format!("https://{}.example/retour", self.id);
        let fields = [
            ("client_id", self.id.as_str()),
            ("response_type", "code"),
            ("redirect_uri", &redirect),
            ("scope", "openid scope_all"),
            ("state", "s"),
            ("nonce", "nonce-of-the-client"),
        ];
        let all = fields.iter().chain(more);
        RawParams::from_pairs(all.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
    }
}

/// What a browser with `cookies` is shown at `path`.
pub(crate) async fn shown(harness: &Harness, path: &str, cookies: &str) -> Shown {
    page(harness, caller::request(&Method::GET, path, &[("cookie", cookies)], None)).await
}

pub(crate) async fn page(harness: &Harness, request: Request<Body>) -> Shown {
    let response = harness.router.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    let text = |value: &http::HeaderValue| value.to_str().unwrap().to_owned();
    Shown {
        status: parts.status.as_u16(),
        location: parts.headers.get("location").map(text),
        cookies: parts.headers.get_all("set-cookie").iter().map(text).collect(),
        html: String::from_utf8(bytes.to_vec()).unwrap(),
    }
}
