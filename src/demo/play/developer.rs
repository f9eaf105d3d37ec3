//! The service of somebody who develops one, by hand: pushed request (RFC 9126), PKCE (RFC 7636), a signed assertion
//! instead of a secret (RFC 7523), verification of the ID token (OpenID Connect Core 3.1.3.7).

use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde_json::{Map, Value, json};
use url::Url;

use crate::base::{Clock as _, EntropyExt as _, OsEntropy, Secret, SystemClock, base64url, sha256};
use crate::demo::{Proof, Showcase};
use crate::jose::{Algorithm, JwkSet, PrivateKey, Unverified, compact, signing_input};

const SCOPE: &str = "openid scope_all";
const TIMEOUT: Duration = Duration::from_secs(10);
const ASSERTION_LIFE: i64 = 60;
const MAX_TOKEN: usize = 16 * 1024;

/// A service with a key.
pub(super) struct Developer<'a> {
    issuer: &'a str,
    client_id: &'a str,
    redirect_uri: &'a str,
    kid: &'a str,
    key: &'a PrivateKey,
    http: reqwest::Client,
}

/// A login under way.
pub(super) struct Login {
    /// The name of the pushed request.
    pub(super) request_uri: String,
    state: Secret,
    nonce: Secret,
    verifier: Secret,
}

/// What the service learns.
pub(super) struct Claims {
    /// The verified ID token.
    pub(super) id_token: Map<String, Value>,
    /// Userinfo.
    pub(super) userinfo: Map<String, Value>,
}

impl<'a> Developer<'a> {
    /// The service registered as `client_id`.
    pub(super) fn new(showcase: &'a Showcase, client_id: &str) -> anyhow::Result<Self> {
        let client = showcase.client(client_id)?;
        let Proof::Key { kid, key } = &client.proof else { anyhow::bail!("{client_id} has no key") };
        let http = reqwest::Client::builder()
            .timeout(TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .build()?;
        Ok(Self {
            issuer: &showcase.addresses.issuer,
            client_id: &client.client_id,
            redirect_uri: client.redirect_uris.first().context("no redirect URI")?,
            kid,
            key,
            http,
        })
    }

    /// Pushes a request (RFC 9126 2.1).
    pub(super) async fn push(&self) -> anyhow::Result<Login> {
        let (state, nonce, verifier) = (OsEntropy.token(), OsEntropy.token(), OsEntropy.token());
        let challenge = base64url(sha256(&[verifier.expose().as_bytes()]));
        let mut fields = self.credentials()?;
        fields.extend([
            ("response_type", String::from("code")),
            ("redirect_uri", String::from(self.redirect_uri)),
            ("scope", String::from(SCOPE)),
            ("state", state.expose().to_owned()),
            ("nonce", nonce.expose().to_owned()),
            ("code_challenge", challenge),
            ("code_challenge_method", String::from("S256")),
        ]);
        let answer = self.post("par", &fields).await?;
        let request_uri = text(&answer, "request_uri")?.to_owned();
        Ok(Login { request_uri, state, nonce, verifier })
    }

    /// Where the service sends the browser (RFC 9126 4).
    pub(super) fn authorization_address(&self, login: &Login) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.append_pair("client_id", self.client_id).append_pair("request_uri", &login.request_uri);
        format!("/authorize?{}", query.finish())
    }

    /// Checks where the browser came `back` to, exchanges the code, verifies and reads what it gives.
    pub(super) async fn redeem(&self, back: &Url, login: &Login) -> anyhow::Result<Claims> {
        let given = |name: &str| back.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value);
        if let Some(error) = given("error") {
            anyhow::bail!("the provider refused: {error}");
        }
        ensure!(given("state").is_some_and(|state| state == login.state.expose()), "another state");
        ensure!(given("iss").is_some_and(|iss| iss == self.issuer), "another issuer"); // RFC 9207 2.4
        let mut fields = self.credentials()?;
        fields.extend([
            ("grant_type", String::from("authorization_code")),
            ("code", given("code").context("no code")?.into_owned()),
            ("redirect_uri", String::from(self.redirect_uri)),
            ("code_verifier", login.verifier.expose().to_owned()),
        ]);
        let tokens = self.post("token", &fields).await?;
        let id_token = self.verify(text(&tokens, "id_token")?, login).await.context("the ID token")?;
        let request = self.http.get(format!("{}/userinfo", self.issuer));
        let answer = request.bearer_auth(text(&tokens, "access_token")?).send().await?;
        let userinfo: Map<String, Value> = answer.error_for_status()?.json().await?;
        // OpenID Connect Core 5.3.2
        ensure!(userinfo.get("sub") == id_token.get("sub"), "userinfo is about somebody else");
        Ok(Claims { id_token, userinfo })
    }

    async fn verify(&self, token: &str, login: &Login) -> anyhow::Result<Map<String, Value>> {
        let jwks: Value = self.http.get(format!("{}/jwks", self.issuer)).send().await?.json().await?;
        let jwks = JwkSet::parse(&jwks)?;
        let token = Unverified::parse(token, MAX_TOKEN)?;
        let key = jwks.find(token.header().kid.as_deref(), Algorithm::Es256).context("no such key")?;
        let claims = token.verify(&key.key, &[Algorithm::Es256])?.claims;
        let is = |name: &str, value: &str| claims.get(name).and_then(Value::as_str) == Some(value);
        ensure!(is("iss", self.issuer) && is("aud", self.client_id), "it is for somebody else");
        ensure!(is("nonce", login.nonce.expose()), "it answers another request");
        let exp = claims.get("exp").and_then(Value::as_i64);
        ensure!(exp.is_some_and(|exp| exp > SystemClock.now().secs()), "it is too old");
        Ok(claims)
    }

    /// The assertion in place of a secret (RFC 7523 2.2 and 3).
    fn credentials(&self) -> anyhow::Result<Vec<(&'static str, String)>> {
        let now = SystemClock.now().secs();
        let header = json!({ "alg": "ES256", "kid": self.kid });
        let claims = json!({
            "iss": self.client_id,
            "sub": self.client_id,
            "aud": self.issuer,
            "iat": now,
            "exp": now.saturating_add(ASSERTION_LIFE),
            "jti": OsEntropy.token().expose(),
        });
        let input = signing_input(&header, &claims);
        let signature = self.key.sign(input.as_bytes())?;
        Ok(vec![
            ("client_id", String::from(self.client_id)),
            ("client_assertion_type", String::from("urn:ietf:params:oauth:client-assertion-type:jwt-bearer")),
            ("client_assertion", compact(input, &signature)),
        ])
    }

    async fn post(&self, path: &str, fields: &[(&'static str, String)]) -> anyhow::Result<Value> {
        let answer = self.http.post(format!("{}/{path}", self.issuer)).form(fields).send().await?;
        let status = answer.status();
        let body: Value = answer.json().await.with_context(|| format!("/{path} answered {status}"))?;
        ensure!(status.is_success(), "/{path} answered {status}: {body}");
        Ok(body)
    }
}

fn text<'a>(answer: &'a Value, name: &str) -> anyhow::Result<&'a str> {
    answer.get(name).and_then(Value::as_str).with_context(|| format!("the answer has no {name}"))
}
