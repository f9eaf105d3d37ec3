//! A browser at the login page, without the pages: it signs in with the sample client up to the number.

use sceau::base::InteractionId;
use sceau::flow::{Begun, BrowserState, Identified, NewClient, Origin, Screen, Turn};
use sceau::jose::Algorithm;
use sceau::oauth::{ClientAuthMethod, GrantType, Profile, RawParams, ScopeSet};

use super::Harness;

pub(crate) const CLIENT: &str = "dossier-patient";
pub(crate) const REDIRECT_URI: &str = "https://dossier.example/retour";

/// A sign-in that waits for the phone.
pub(crate) struct Waiting {
    pub(crate) id: InteractionId,
    pub(crate) browser: BrowserState,
    /// The number on the screen.
    pub(crate) number: String,
}

impl Waiting {
    /// A number that is not the one on the screen.
    pub(crate) fn wrong_number(&self) -> String {
        let number: u8 = self.number.parse().unwrap();
        format!("{:02}", (number + 1) % 100)
    }
}

impl Harness {
    /// A person types an identifier and is shown a number.
    pub(crate) async fn sign_in(&self, national_id: &str) -> Waiting {
        self.register_sample_client().await;
        let params = RawParams::from_pairs(
            [
                ("client_id", CLIENT),
                ("response_type", "code"),
                ("redirect_uri", REDIRECT_URI),
                ("scope", "openid"),
                ("state", "state-of-the-client"),
                ("nonce", "nonce-of-the-client"),
            ]
            .map(|(name, value)| (name.to_owned(), value.to_owned())),
        );
        let begun = self.provider.begin(&params, &BrowserState::default()).await.unwrap();
        let Begun::Opened(opened) = begun else { panic!("answered at once") };
        let browser = BrowserState { interaction: Some(opened.cookie), ..BrowserState::default() };
        let origin = Origin { address: String::from("192.0.2.44"), agent: String::from("Firefox · Linux") };
        let csrf = self.csrf(opened.id, &browser).await;
        let typed = (national_id, csrf.as_str());
        let identified = self.provider.identify(opened.id, &browser, typed, &origin).await.unwrap();
        assert_eq!(identified, Identified::Accepted);
        let number = self.number(opened.id, &browser).await;
        Waiting { id: opened.id, browser, number }
    }

    /// The page after the phone has spoken.
    pub(crate) async fn resume(&self, waiting: &Waiting) -> Turn {
        self.provider.resume(waiting.id, &waiting.browser).await.unwrap()
    }

    async fn csrf(&self, id: InteractionId, browser: &BrowserState) -> String {
        let Turn::Page { csrf, .. } = self.provider.resume(id, browser).await.unwrap() else {
            panic!("no page")
        };
        csrf
    }

    async fn number(&self, id: InteractionId, browser: &BrowserState) -> String {
        let turn = self.provider.resume(id, browser).await.unwrap();
        let Turn::Page { screen: Screen::Number { number: Some(number), .. }, .. } = turn else {
            panic!("no number")
        };
        number.expose().to_owned()
    }

    async fn register_sample_client(&self) {
        let client = NewClient {
            client_id: Some(CLIENT.parse().unwrap()),
            name: String::from("Dossier patient"),
            profile: Profile::Oidc,
            auth: ClientAuthMethod::SecretBasic,
            jwks: None,
            redirect_uris: vec![REDIRECT_URI.to_owned()],
            post_logout_redirect_uris: Vec::new(),
            scope: ScopeSet::parse("openid").unwrap(),
            sector: None,
            id_token_alg: Algorithm::Es256,
            ask_consent: false,
            grant_types: vec![GrantType::AuthorizationCode, GrantType::RefreshToken],
            resource_server: false,
            release: std::collections::BTreeSet::new(),
            responses: sceau::oauth::ResponseProtection::default(),
            representation: false,
        };
        self.provider.register_client(client).await.unwrap();
    }
}
