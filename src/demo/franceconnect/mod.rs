//! "FranceConnect (simulé)": a provider above ours with the published settings of FranceConnect+ and invented people, so
//! that the bridge can be tried without the network.
//!
//! OpenID Connect Core 3.1, 5.3, 5.4; Discovery 3; RP-Initiated Logout 2; RFC 6749 4.1; RFC 7636 4.6; RFC 9207 2; values
//! and refusals of FranceConnect's published code (`core-fcp-high`). One client, the demonstration's own. Not here:
//! sessions (each sign-in asks anew), `private_key_jwt`, request objects, `rnipp_*`, revocation.
//!
//! It is private to the demonstration: no setting of `sceau serve` starts it, and it listens on the loopback only.

mod authorize;
mod documents;
mod held;
mod logout;
mod page;
mod people;
mod redeem;
mod signed;
mod userinfo;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use axum::routing::{get, post};

use super::Addresses;
use crate::base::{Clock, Entropy, EntropyExt as _, Secret, SystemClock, UnixTime};
use crate::federation::{Preset, ProviderDraft, UpstreamAuth, UpstreamProvider};
use crate::jose::{Algorithm, PrivateKey};
use authorize::Asked;
use held::Held;
use people::{Individual, individuals};
use redeem::Granted;

/// Its name for persons.
const NAME: &str = "FranceConnect (simulé)";
/// Its name in the settings of the bridge and in addresses.
const ID: &str = "franceconnect";
/// The bridge's identifier here.
const CLIENT_ID: &str = "sceau-demonstration";
/// What the bridge is called on the page.
const CLIENT_NAME: &str = "sceau (démonstration)";
/// Where FranceConnect has everything.
const PREFIX: &str = "/api/v2";
/// For the bridge's key set, less than the bridge waits for us.
const TIMEOUT: Duration = Duration::from_secs(4);

/// The provider.
pub(super) struct FranceConnect {
    issuer: String,
    client: Registered,
    key: PrivateKey,
    people: Vec<Individual>,
    http: reqwest::Client,
    entropy: Arc<dyn Entropy>,
    clock: Arc<dyn Clock>,
    /// Requests that wait for a person, by the name in the page's address.
    waiting: Held<Asked>,
    /// By code.
    codes: Held<Granted>,
    /// The access token of each code that was used, to be ended with it (RFC 6749 4.1.2).
    used_codes: Held<String>,
    /// By access token.
    tokens: Held<Granted>,
}

/// The one client.
struct Registered {
    secret: Secret,
    redirect_uri: String,
    post_logout_redirect_uri: String,
    jwks_uri: String,
}

impl FranceConnect {
    /// The provider above the issuer of `addresses`, with a key and a client secret of its own.
    pub(super) fn new(
        addresses: &Addresses,
        patients: &str,
        entropy: &Arc<dyn Entropy>,
    ) -> anyhow::Result<Arc<Self>> {
        let issuer = &addresses.issuer;
        let http =
            reqwest::Client::builder().timeout(TIMEOUT).redirect(reqwest::redirect::Policy::none()).build();
        Ok(Arc::new(Self {
            issuer: format!("{}{PREFIX}", addresses.franceconnect),
            client: Registered {
                secret: entropy.token(),
                redirect_uri: format!("{issuer}/federation/{ID}/callback"),
                post_logout_redirect_uri: format!("{issuer}/federation/{ID}/logged_out"),
                jwks_uri: format!("{issuer}/jwks"),
            },
            key: PrivateKey::generate(Algorithm::Es256)?,
            people: individuals(patients)?,
            http: http.context("setting up HTTP")?,
            entropy: Arc::clone(entropy),
            clock: Arc::new(SystemClock),
            waiting: Held::default(),
            codes: Held::default(),
            used_codes: Held::default(),
            tokens: Held::default(),
        }))
    }

    /// What an operator would write in `[[upstream]]`, checked in the same way.
    pub(super) fn upstream(&self) -> anyhow::Result<UpstreamProvider> {
        let draft = ProviderDraft {
            id: String::from(ID),
            name: Some(String::from(NAME)),
            preset: Preset::FranceConnectPlus,
            environment: None,
            issuer: Some(self.issuer.clone()),
            client_id: String::from(CLIENT_ID),
            auth: UpstreamAuth::ClientSecretPost(self.client.secret.clone()),
            acr_values: None,
            signature_algorithms: None,
            encryption: None,
            scopes: None,
            userinfo: None,
            asks_amr: true,
            timeout: None,
        };
        UpstreamProvider::check(draft).context("the settings of the simulated FranceConnect")
    }

    /// The client's secret, for programs that play the bridge.
    pub(super) const fn client_secret(&self) -> &Secret {
        &self.client.secret
    }

    fn now(&self) -> UnixTime {
        self.clock.now()
    }

    /// A name that nobody guesses.
    fn draw(&self) -> String {
        self.entropy.token().expose().to_owned()
    }
}

/// The routes of the provider.
pub(super) fn franceconnect_router(provider: Arc<FranceConnect>) -> Router {
    let routes = Router::new()
        .route("/.well-known/openid-configuration", get(documents::discovery))
        .route("/jwks", get(documents::jwks))
        .route("/authorize", get(authorize::by_query).post(authorize::by_form))
        .route("/interaction/{id}", post(authorize::chosen))
        .route("/token", post(redeem::token))
        .route("/userinfo", get(userinfo::userinfo))
        .route("/session/end", get(logout::end_session))
        .route("/style.css", get(page::style));
    Router::new().nest(PREFIX, routes).with_state(provider)
}
