//! An identity provider on a socket of its own, and a bridge to it: good by default, and wrong in one thing when told.

use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use sceau::adapter::upstream::{Bridge, OwnSide};
use sceau::base::{Clock as _, OsEntropy, Secret, UnixTime, base64url};
use sceau::federation::{Preset, ProviderDraft, ProviderId, UpstreamAuth, UpstreamProvider};
use sceau::jose::{
    Algorithm, DecryptionKey, EncryptionKey, Jwk, JwkSet, KeyManagement, PrivateKey, compact, encrypt,
    hmac_sha256, signing_input,
};
use sceau::oidc::at_hash;
use sceau::ports::{
    Upstream as _, UpstreamAnswer, UpstreamCallback, UpstreamError, UpstreamOutage, UpstreamRefusal,
    UpstreamRequest,
};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::support::Harness;

pub(crate) const CLIENT: &str = "sceau-at-upstream";
pub(crate) const REDIRECT: &str = "https://sceau.example/upstream/fake/callback";
pub(crate) const SECRET: &str = "0123456789abcdef0123456789abcdef";
const ACCESS: &str = "upstream-access-token";
/// Keys of others; an RSA key takes seconds to make.
static OTHERS: LazyLock<(EncryptionKey, EncryptionKey)> = LazyLock::new(|| {
    let public = |alg| DecryptionKey::generate(alg).unwrap().public().clone();
    (public(KeyManagement::EcdhEs), public(KeyManagement::RsaOaep256))
});
/// Shorter than the slowness of a slow answer.
const BUDGET: Duration = Duration::from_millis(2500);

/// Who signs a token.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum By {
    /// The provider, with the key that its set shows.
    Itself,
    /// Somebody else, under the name of that key.
    Impostor,
    /// The same, under a name that no set shows.
    Stranger,
    /// Nobody: `none`.
    Nobody,
    /// Whoever read the public key, with HS256.
    PublicKey,
}

/// How a token leaves.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wrap {
    /// As was agreed.
    Agreed,
    /// In clear.
    Clear,
    /// Encrypted to a key that is not ours.
    OtherKey,
    /// With a key management that was not agreed.
    OtherAlgorithm,
}

/// An answer that is not what was asked for.
#[derive(Clone, Debug)]
pub(crate) enum Instead {
    Status(u16, &'static str, String),
    Header(&'static str, &'static str),
    Redirect,
    Slow,
    Drip,
    Cut,
}

/// One performance.
#[derive(Clone)]
pub(crate) struct Play {
    pub(crate) header: Value,
    pub(crate) claims: Value,
    /// Text of the claims, when it is no JSON of ours.
    pub(crate) claims_text: Option<String>,
    pub(crate) by: By,
    pub(crate) wrap: Wrap,
    pub(crate) token_answer: Value,
    pub(crate) userinfo: Value,
    pub(crate) userinfo_by: By,
    pub(crate) userinfo_wrap: Wrap,
    pub(crate) userinfo_json: bool,
    pub(crate) keys: Option<String>,
    pub(crate) metadata: Value,
    pub(crate) instead: Option<(&'static str, Instead)>,
}

pub(crate) struct Inner {
    pub(crate) play: Mutex<Play>,
    pub(crate) calls: Mutex<Vec<String>>,
    key: Mutex<Arc<PrivateKey>>,
    impostor: PrivateKey,
    /// Our published keys.
    jwks: Value,
    origin: String,
    encrypted: bool,
}

pub(crate) struct Lab {
    pub(crate) harness: Harness,
    pub(crate) inner: Arc<Inner>,
    pub(crate) provider: UpstreamProvider,
    pub(crate) bridge: Bridge,
    _server: JoinSet<()>,
}

impl Lab {
    /// A provider like FranceConnect+ when `encrypted`, and like FranceConnect otherwise.
    pub(crate) async fn new(encrypted: bool) -> Self {
        Self::with(encrypted, |_| ()).await
    }

    pub(crate) async fn with(encrypted: bool, change: impl FnOnce(&mut ProviderDraft)) -> Self {
        LazyLock::force(&OTHERS);
        let decryption = if encrypted { vec![KeyManagement::EcdhEs] } else { Vec::new() };
        let harness = Harness::with(|policy| policy.keys.decryption = decryption).await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let (inner, server) = Inner::serve(listener, &harness, encrypted);
        let mut draft = ProviderDraft {
            id: String::from("fake"),
            name: None,
            preset: if encrypted { Preset::FranceConnectPlus } else { Preset::FranceConnect },
            environment: None,
            issuer: Some(origin),
            client_id: CLIENT.to_owned(),
            auth: UpstreamAuth::ClientSecretPost(Secret::new(SECRET.to_owned())),
            acr_values: None,
            signature_algorithms: None,
            encryption: None,
            scopes: None,
            userinfo: None,
            asks_amr: false,
            timeout: Some(BUDGET),
        };
        change(&mut draft);
        let provider = UpstreamProvider::check(draft).unwrap();
        let bridge = bridge(&harness, &provider);
        Self { harness, inner, provider, bridge, _server: server }
    }

    /// A bridge that has seen nothing yet.
    pub(crate) fn fresh(&self) -> Bridge {
        bridge(&self.harness, &self.provider)
    }

    pub(crate) fn reset(&self) {
        *self.inner.play.lock().unwrap() = good(&self.inner.origin);
        self.inner.calls.lock().unwrap().clear();
    }

    pub(crate) fn play(&self, change: impl FnOnce(&mut Play)) {
        self.reset();
        change(&mut self.inner.play.lock().unwrap());
    }

    /// The provider takes another signing key.
    pub(crate) fn rotate(&self) {
        *self.inner.key.lock().unwrap() = Arc::new(PrivateKey::generate(Algorithm::Es256).unwrap());
    }

    pub(crate) async fn login(&self) -> Result<UpstreamAnswer, UpstreamError> {
        self.bridge.redeem(&callback()).await
    }

    pub(crate) fn calls(&self, path: &str) -> usize {
        self.inner.calls.lock().unwrap().iter().filter(|call| call.starts_with(path)).count()
    }

    /// A good login, whatever happened before.
    pub(crate) async fn works(&self, after: &str) {
        self.reset();
        let answer = self.login().await.unwrap_or_else(|error| panic!("after {after}: {error}"));
        assert_eq!(answer.userinfo["family_name"], "DUBOIS", "after {after}");
        self.harness.clock.advance(Duration::from_secs(61));
    }
}

pub(crate) fn id() -> ProviderId {
    ProviderId::parse("fake").unwrap()
}

pub(crate) fn request() -> UpstreamRequest {
    UpstreamRequest {
        provider: id(),
        redirect_uri: REDIRECT.to_owned(),
        state: Secret::new("5".repeat(64)),
        nonce: Secret::new("7".repeat(64)),
        code_verifier: Secret::new("v".repeat(43)),
        acr_values: Vec::new(),
        login: false,
        ui_locale: None,
    }
}

pub(crate) fn callback() -> UpstreamCallback {
    UpstreamCallback {
        provider: id(),
        redirect_uri: REDIRECT.to_owned(),
        code: Secret::new(String::from("the-code")),
        iss: None,
        nonce: Secret::new("7".repeat(64)),
        code_verifier: Secret::new("v".repeat(43)),
    }
}

fn bridge(harness: &Harness, provider: &UpstreamProvider) -> Bridge {
    let ports = &harness.provider.ports;
    let own = OwnSide {
        keys: ports.keys.clone(),
        signer: ports.signer.clone(),
        decrypter: ports.decrypter.clone(),
        clock: ports.clock.clone(),
        entropy: ports.entropy.clone(),
    };
    Bridge::new(vec![provider.clone()], &own).unwrap()
}

fn good(origin: &str) -> Play {
    Play {
        header: json!({}),
        claims: json!({}),
        claims_text: None,
        by: By::Itself,
        wrap: Wrap::Agreed,
        token_answer: json!({}),
        userinfo: json!({}),
        userinfo_by: By::Itself,
        userinfo_wrap: Wrap::Agreed,
        userinfo_json: false,
        keys: None,
        metadata: json!({
            "issuer": origin,
            "authorization_endpoint": format!("{origin}/authorize"),
            "token_endpoint": format!("{origin}/token"),
            "userinfo_endpoint": format!("{origin}/userinfo"),
            "jwks_uri": format!("{origin}/jwks"),
            "end_session_endpoint": format!("{origin}/session/end"),
            "id_token_signing_alg_values_supported": ["none", "HS256", "ES256"],
        }),
        instead: None,
    }
}

type Stage = (Arc<Inner>, Arc<sceau::base::TestClock>);

async fn answer(State((inner, clock)): State<Stage>, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let path = uri.path().to_owned();
    let said =
        headers.get("authorization").map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default();
    let call = format!("{path} {said} {}", String::from_utf8_lossy(&body));
    inner.calls.lock().unwrap().push(call);
    let play = inner.play.lock().unwrap().clone();
    let usual = inner.usual(&path, &play, clock.now(), &body);
    match &play.instead {
        Some((place, instead)) if *place == path => wrong(instead, usual).await,
        _ => usual,
    }
}

async fn wrong(instead: &Instead, usual: Response) -> Response {
    let response = Response::builder();
    match instead {
        Instead::Status(status, kind, body) => {
            response.status(*status).header("content-type", *kind).body(Body::from(body.clone())).unwrap()
        }
        Instead::Header(name, value) => {
            let mut usual = usual;
            usual.headers_mut().insert(*name, value.parse().unwrap());
            usual
        }
        Instead::Redirect => response.status(302).header("location", "/canary").body(Body::empty()).unwrap(),
        Instead::Slow => {
            tokio::time::sleep(BUDGET * 4).await;
            usual
        }
        Instead::Drip => {
            let drops = futures_util::stream::unfold((), |()| async {
                tokio::time::sleep(Duration::from_millis(100)).await;
                Some((Ok::<_, std::io::Error>(Bytes::from_static(b" ")), ()))
            });
            response.header("content-type", "application/json").body(Body::from_stream(drops)).unwrap()
        }
        Instead::Cut => {
            let parts = [Ok(Bytes::from_static(b"{\"acc")), Err(std::io::Error::other("cut"))];
            let parts = futures_util::stream::iter(parts);
            response.header("content-type", "application/json").body(Body::from_stream(parts)).unwrap()
        }
    }
}

impl Inner {
    /// A provider at `listener`, which knows the keys of `harness` and shares its clock.
    pub(crate) fn serve(
        listener: TcpListener,
        harness: &Harness,
        encrypted: bool,
    ) -> (Arc<Self>, JoinSet<()>) {
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let inner = Arc::new(Self {
            play: Mutex::new(good(&origin)),
            calls: Mutex::default(),
            key: Mutex::new(Arc::new(PrivateKey::generate(Algorithm::Es256).unwrap())),
            impostor: PrivateKey::generate(Algorithm::Es256).unwrap(),
            jwks: (*harness.provider.jwks()).clone(),
            origin,
            encrypted,
        });
        let stage = (Arc::clone(&inner), Arc::clone(&harness.clock));
        let router = Router::new().fallback(answer).with_state(stage);
        let mut server = JoinSet::new();
        server.spawn(async move { axum::serve(listener, router).await.unwrap() });
        (inner, server)
    }

    /// Good again, then changed.
    pub(crate) fn play(&self, change: impl FnOnce(&mut Play)) {
        let mut play = good(&self.origin);
        change(&mut play);
        *self.play.lock().unwrap() = play;
    }

    fn usual(&self, path: &str, play: &Play, now: UnixTime, body: &[u8]) -> Response {
        match path {
            "/.well-known/openid-configuration" => typed("application/json", play.metadata.to_string()),
            "/jwks" => {
                let keys = play.keys.clone().unwrap_or_else(|| self.key_set().to_string());
                typed("application/json; charset=utf-8", keys)
            }
            "/token" => typed("application/json", self.token_answer(play, now, body).to_string()),
            "/userinfo" => self.userinfo(play, now),
            _ => Response::builder().status(404).body(Body::empty()).unwrap(),
        }
    }

    pub(crate) fn key_set(&self) -> Value {
        let key = Arc::clone(&self.key.lock().unwrap());
        let kid = Some(key.public().thumbprint().to_string());
        JwkSet { keys: vec![Jwk { kid, alg: Some(Algorithm::Es256), ..Jwk::from(key.public().clone()) }] }
            .to_json()
    }

    fn token_answer(&self, play: &Play, now: UnixTime, body: &[u8]) -> Value {
        let access = Secret::new(ACCESS.to_owned());
        let mut claims = json!({
            "iss": self.origin, "sub": "f".repeat(64), "aud": CLIENT, "nonce": "7".repeat(64), "acr": "eidas2",
            "iat": now.secs(), "exp": now.secs() + 60, "auth_time": now.secs() - 5,
            "at_hash": at_hash(Algorithm::Es256, &access),
        });
        // A code of the journeys tells the nonce it was given for.
        let code = url::form_urlencoded::parse(body).find(|(name, _)| name == "code");
        if let Some(nonce) = code.as_ref().and_then(|(_, code)| code.strip_prefix("for-")) {
            claims["nonce"] = json!(nonce);
        }
        merge(&mut claims, &play.claims);
        shift(&mut claims, now);
        let text = play.claims_text.clone().unwrap_or_else(|| claims.to_string());
        let signed = self.sign(play.by, &play.header, &text);
        let mut answer = json!({
            "access_token": ACCESS, "token_type": "Bearer", "expires_in": 60, "scope": "openid",
            "id_token": self.wrap(play.wrap, signed),
        });
        merge(&mut answer, &play.token_answer);
        answer
    }

    fn userinfo(&self, play: &Play, now: UnixTime) -> Response {
        let mut claims = json!({
            "iss": self.origin, "aud": CLIENT, "sub": "f".repeat(64), "family_name": "DUBOIS",
            "given_name": "Angela Claire Louise", "birthdate": "1962-08-24",
        });
        merge(&mut claims, &play.userinfo);
        shift(&mut claims, now);
        if play.userinfo_json {
            return typed("application/json", claims.to_string());
        }
        let signed = self.sign(play.userinfo_by, &json!({}), &claims.to_string());
        typed("application/jwt", self.wrap(play.userinfo_wrap, signed))
    }

    fn sign(&self, by: By, header: &Value, claims: &str) -> String {
        let key = Arc::clone(&self.key.lock().unwrap());
        let mut head = json!({ "alg": "ES256", "kid": key.public().thumbprint().to_string() });
        match by {
            By::Stranger => head["kid"] = json!("nobody-has-this"),
            By::Nobody => head["alg"] = json!("none"),
            By::PublicKey => head["alg"] = json!("HS256"),
            By::Itself | By::Impostor => {}
        }
        merge(&mut head, header);
        let input = signing_input(&head, &json!({}));
        let input = format!("{}.{}", input.split_once('.').unwrap().0, base64url(claims));
        let signature = match by {
            By::Itself => key.sign(input.as_bytes()).unwrap(),
            By::Impostor | By::Stranger => self.impostor.sign(input.as_bytes()).unwrap(),
            By::Nobody => Vec::new(),
            By::PublicKey => {
                let public = self.key_set()["keys"][0].to_string();
                hmac_sha256(public.as_bytes(), &[input.as_bytes()]).to_vec()
            }
        };
        compact(input, &signature)
    }

    fn wrap(&self, wrap: Wrap, signed: String) -> String {
        let ours = || {
            let published = self.jwks["keys"].as_array().unwrap();
            let key = published.iter().find(|key| key["use"] == "enc").expect("an encryption key in /jwks");
            EncryptionKey::parse(key, KeyManagement::EcdhEs).unwrap()
        };
        let key = match (wrap, self.encrypted) {
            (Wrap::Agreed, false) | (Wrap::Clear, _) => return signed,
            (Wrap::Agreed, true) => ours(),
            (Wrap::OtherKey, _) => OTHERS.0.clone(),
            (Wrap::OtherAlgorithm, _) => OTHERS.1.clone(),
        };
        encrypt(signed.as_bytes(), &key, Some("JWT"), &OsEntropy).unwrap()
    }
}

fn typed(kind: &str, body: String) -> Response {
    Response::builder().header("content-type", kind).body(Body::from(body)).unwrap()
}

/// Sets each member of `change`; `null` takes one away.
fn merge(into: &mut Value, change: &Value) {
    for (name, value) in change.as_object().unwrap() {
        if value.is_null() {
            into.as_object_mut().unwrap().remove(name);
        } else {
            into[name] = value.clone();
        }
    }
}

/// `"+61"` is a time from now.
fn shift(claims: &mut Value, now: UnixTime) {
    for value in claims.as_object_mut().unwrap().values_mut() {
        if let Some(seconds) = value.as_str().filter(|text| text.starts_with(['+', '-'])) {
            *value = json!(now.secs() + seconds.parse::<i64>().unwrap());
        }
    }
}

/// What is wrong, how, and the answer.
pub(crate) type Row = (&'static str, fn(&mut Play), UpstreamError);

pub(crate) const fn refused(refusal: UpstreamRefusal) -> UpstreamError {
    UpstreamError::Refused(refusal)
}

pub(crate) const fn outage(outage: UpstreamOutage) -> UpstreamError {
    UpstreamError::Unavailable(outage)
}

pub(crate) fn html() -> Instead {
    Instead::Status(200, "text/html; charset=utf-8", String::from("<html>Y020026</html>"))
}

pub(crate) fn error(status: u16, code: &str) -> Instead {
    Instead::Status(
        status,
        "application/json",
        json!({ "error": code, "error_description": "no" }).to_string(),
    )
}

pub(crate) fn big() -> Instead {
    let body = json!({ "padding": "x".repeat(10 * 1024 * 1024) });
    Instead::Status(200, "application/json", body.to_string())
}
