//! A service that signs people in with this provider: it asks, redeems, refreshes, and verifies what it gets.

use axum::body::Body;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{Method, Request};
use sceau::base::{Clock as _, EntropyExt as _, OsEntropy, base64url, sha256};
use sceau::flow::NewClient;
use sceau::jose::{Algorithm, Jwk, JwkSet, PrivateKey, Unverified, compact, signing_input};
use sceau::oauth::{ASSERTION_TYPE, Client, ClientAuthMethod, GrantType, Profile, ScopeSet};
use serde_json::{Map, Value, json};

use super::dpop::DpopKey;
use super::wire::{self, Received};
use super::{Harness, ISSUER};

/// The `code_verifier` of every request (RFC 7636 4.1).
pub(crate) const VERIFIER: &str = "the-verifier-of-the-sample-service-43-characters";

/// A service of the tests.
pub(crate) struct Service<'a> {
    harness: &'a Harness,
    pub(crate) client: Client,
    pub(crate) secret: Option<String>,
    pub(crate) key: Option<PrivateKey>,
    pub(crate) dpop: Option<DpopKey>,
}

/// What a sample service registers, before it is changed.
pub(crate) fn registration(id: &str, profile: Profile, auth: ClientAuthMethod) -> NewClient {
    let native = auth == ClientAuthMethod::None;
    let redirect =
        if native { String::from("http://127.0.0.1/retour") } else { format!("https://{id}.example/retour") };
    NewClient {
        client_id: Some(id.parse().unwrap()),
        name: format!("Service {id}"),
        profile,
        auth,
        grant_types: vec![GrantType::AuthorizationCode, GrantType::RefreshToken],
        jwks: None,
        redirect_uris: vec![redirect],
        post_logout_redirect_uris: Vec::new(),
        scope: ScopeSet::parse("openid profile rpps offline_access").unwrap(),
        sector: native.then(|| String::from("native.example")),
        id_token_alg: Algorithm::Es256,
        ask_consent: false,
        resource_server: false,
        release: std::collections::BTreeSet::new(),
        responses: sceau::oauth::ResponseProtection::default(),
        representation: false,
    }
}

impl<'a> Service<'a> {
    /// Registers a service.
    pub(crate) async fn register(harness: &'a Harness, mut new: NewClient) -> Self {
        let key = (new.auth == ClientAuthMethod::PrivateKeyJwt)
            .then(|| PrivateKey::generate(Algorithm::Es256).unwrap());
        if let Some(key) = &key {
            let jwk = Jwk { kid: Some("k1".to_owned()), ..Jwk::from(key.public().clone()) };
            new.jwks = Some(JwkSet { keys: vec![jwk] });
        }
        let registered = harness.provider.register_client(new).await.unwrap();
        let dpop = registered.client.dpop_bound_access_tokens.then(DpopKey::generate);
        let secret = registered.secret.map(|secret| secret.expose().to_owned());
        Self { harness, client: registered.client, secret, key, dpop }
    }

    /// An `oidc` service with a secret in the header.
    pub(crate) async fn oidc(harness: &'a Harness, id: &str) -> Self {
        Self::register(harness, registration(id, Profile::Oidc, ClientAuthMethod::SecretBasic)).await
    }

    /// A service of the sector, with a secret in the form.
    pub(crate) async fn psc(harness: &'a Harness, id: &str) -> Self {
        let mut new = registration(id, Profile::Psc, ClientAuthMethod::SecretPost);
        new.scope = ScopeSet::parse("openid scope_all").unwrap();
        Self::register(harness, new).await
    }

    /// A FAPI 2.0 service.
    pub(crate) async fn fapi2(harness: &'a Harness, id: &str) -> Self {
        Self::register(harness, registration(id, Profile::Fapi2, ClientAuthMethod::PrivateKeyJwt)).await
    }

    /// A native application.
    pub(crate) async fn native(harness: &'a Harness, id: &str) -> Self {
        Self::register(harness, registration(id, Profile::Oidc, ClientAuthMethod::None)).await
    }

    pub(crate) fn id(&self) -> &str {
        self.client.client_id.as_str()
    }

    pub(crate) fn redirect_uri(&self) -> &str {
        self.client.redirect_uris[0].as_str()
    }

    /// An authorization request as this service makes it.
    pub(crate) fn ask(&self) -> Ask {
        let challenge = base64url(sha256(&[VERIFIER.as_bytes()]));
        Ask(Vec::new())
            .with("client_id", self.id())
            .with("response_type", "code")
            .with("redirect_uri", self.redirect_uri())
            .with("scope", "openid")
            .with("state", "état=1&2")
            .with("nonce", "nonce-of-the-client")
            .with("code_challenge", &challenge)
            .with("code_challenge_method", "S256")
    }

    /// Pushes `ask` and gives the address to send the browser to (RFC 9126 4).
    pub(crate) async fn pushed(&self, ask: &Ask) -> String {
        let answer = self.harness.exchange(self.authenticated("/par", &ask.pairs(), None)).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
        wire_url(self.id(), &answer.text_of("request_uri"))
    }

    /// A call with this service's own authentication.
    pub(crate) fn authenticated(
        &self,
        path: &str,
        fields: &[(&str, &str)],
        proof: Option<&str>,
    ) -> Request<Body> {
        let mut fields = fields.to_vec();
        let basic = self.basic();
        let assertion = self.assertion(&self.assertion_claims());
        let secret = self.secret.clone().unwrap_or_default();
        let mut headers: Vec<(&str, &str)> = proof.iter().map(|proof| ("DPoP", *proof)).collect();
        match self.client.auth {
            ClientAuthMethod::SecretBasic => headers.push(("authorization", &basic)),
            ClientAuthMethod::SecretPost => fields.push(("client_secret", &secret)),
            ClientAuthMethod::PrivateKeyJwt => {
                fields.extend([("client_assertion_type", ASSERTION_TYPE), ("client_assertion", &assertion)]);
            }
            ClientAuthMethod::None => {}
        }
        // RFC 6749 3.2.1: who has no header or assertion to be named by.
        let named =
            matches!(self.client.auth, ClientAuthMethod::SecretBasic | ClientAuthMethod::PrivateKeyJwt);
        if !named && fields.iter().all(|(name, _)| *name != "client_id") {
            fields.push(("client_id", self.id()));
        }
        wire::form(path, &headers, &fields)
    }

    pub(crate) fn basic(&self) -> String {
        let pair = format!("{}:{}", self.id(), self.secret.as_deref().unwrap_or_default());
        format!("Basic {}", STANDARD.encode(pair))
    }

    pub(crate) fn assertion_claims(&self) -> Value {
        let now = self.harness.clock.now().secs();
        let jti = base64url(OsEntropy.bytes::<16>());
        json!({ "iss": self.id(), "sub": self.id(), "aud": ISSUER, "iat": now, "exp": now + 60, "jti": jti })
    }

    pub(crate) fn assertion(&self, claims: &Value) -> String {
        let Some(key) = &self.key else { return String::new() };
        let input = signing_input(&json!({ "alg": "ES256", "kid": "k1" }), claims);
        let signature = key.sign(input.as_bytes()).unwrap();
        compact(input, &signature)
    }

    /// Calls the token endpoint; with a key, after having been given a nonce (RFC 9449 8).
    pub(crate) async fn token(&self, fields: &[(&str, &str)]) -> Received {
        match &self.dpop {
            None => self.harness.exchange(self.authenticated("/token", fields, None)).await,
            Some(key) => self.token_with(key, fields).await,
        }
    }

    /// The same with another key.
    pub(crate) async fn token_with(&self, key: &DpopKey, fields: &[(&str, &str)]) -> Received {
        let proof = key.for_token(self.harness, None);
        let first = self.harness.exchange(self.authenticated("/token", fields, Some(&proof))).await;
        assert_eq!(first.error(), (400, String::from("use_dpop_nonce")));
        let proof = key.for_token(self.harness, Some(first.header("dpop-nonce")));
        self.harness.exchange(self.authenticated("/token", fields, Some(&proof))).await
    }

    /// The form that redeems `code`.
    pub(crate) fn redemption<'b>(&'b self, code: &'b str) -> [(&'b str, &'b str); 4] {
        [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", self.redirect_uri()),
            ("code_verifier", VERIFIER),
        ]
    }

    /// Redeems `code`, which must be good.
    pub(crate) async fn redeem(&self, code: &str) -> Received {
        let answer = self.token(&self.redemption(code)).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer
    }

    pub(crate) async fn refresh(&self, token: &str) -> Received {
        self.token(&[("grant_type", "refresh_token"), ("refresh_token", token)]).await
    }

    /// Asks userinfo with `token` as a bearer token, or with a proof of this service's key.
    pub(crate) async fn userinfo(&self, token: &str) -> Received {
        let Some(key) = &self.dpop else {
            return self.harness.userinfo(&format!("Bearer {token}"), None).await;
        };
        let scheme = format!("DPoP {token}");
        let proof = key.for_userinfo(self.harness, token, None);
        let first = self.harness.userinfo(&scheme, Some(&proof)).await;
        let proof = key.for_userinfo(self.harness, token, Some(first.header("dpop-nonce")));
        self.harness.userinfo(&scheme, Some(&proof)).await
    }

    /// The claims of an ID token, verified as a service does (OpenID Connect Core 3.1.3.7).
    pub(crate) async fn verified(&self, id_token: &str) -> Map<String, Value> {
        let published = JwkSet::parse(&self.harness.get("/jwks").await.json()).unwrap();
        let unverified = Unverified::parse(id_token, 8192).unwrap();
        let header = unverified.header().clone();
        assert_eq!((header.alg, header.typ.as_deref()), (self.client.id_token_alg, Some("JWT")));
        let jwk = published.find(header.kid.as_deref(), header.alg).expect("a published key");
        let claims = unverified.verify(&jwk.key, &[header.alg]).unwrap().claims;
        let now = self.harness.clock.now().secs();
        assert_eq!((&claims["iss"], &claims["aud"]), (&json!(ISSUER), &json!(self.id())));
        assert!(claims["iat"].as_i64().unwrap() <= now && now < claims["exp"].as_i64().unwrap());
        claims
    }
}

impl Harness {
    /// `GET /userinfo` with this `Authorization` and proof.
    pub(crate) async fn userinfo(&self, authorization: &str, proof: Option<&str>) -> Received {
        let mut headers = vec![("authorization", authorization)];
        headers.extend(proof.map(|proof| ("dpop", proof)));
        self.exchange(wire::bare(&Method::GET, "/userinfo", &headers)).await
    }
}

/// The address that names a pushed request.
pub(crate) fn wire_url(client_id: &str, request_uri: &str) -> String {
    format!("/authorize?{}", wire::encoded(&[("client_id", client_id), ("request_uri", request_uri)]))
}

/// An authorization request.
#[derive(Clone)]
pub(crate) struct Ask(Vec<(String, String)>);

impl Ask {
    /// With `name` set to `value` in place of what it was.
    pub(crate) fn with(self, name: &str, value: &str) -> Self {
        let mut ask = self.without(name);
        ask.0.push((name.to_owned(), value.to_owned()));
        ask
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.0.retain(|(one, _)| one != name);
        self
    }

    /// With `name` once more.
    pub(crate) fn and(mut self, name: &str, value: &str) -> Self {
        self.0.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn pairs(&self) -> Vec<(&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
    }

    /// The address to send the browser to.
    pub(crate) fn url(&self) -> String {
        format!("/authorize?{}", wire::encoded(&self.pairs()))
    }
}
