//! Settings of identity providers above us: the presets, and each setting that cannot be followed.

use std::time::Duration;

use sceau::base::Secret;
use sceau::federation::{
    Encryption, Environment, Preset, ProviderDraft, ProviderId, UpstreamAuth, UpstreamProvider, UserinfoForm,
    is_callable,
};
use sceau::jose::{Algorithm, KeyManagement};

fn draft(preset: Preset) -> ProviderDraft {
    ProviderDraft {
        id: String::from("one"),
        name: (preset == Preset::Custom).then(|| String::from("Un")),
        preset,
        environment: None,
        issuer: matches!(preset, Preset::Custom | Preset::ProConnect)
            .then(|| String::from("https://idp.example/api/v2")),
        client_id: String::from("client"),
        auth: UpstreamAuth::ClientSecretPost(Secret::new(String::from("secret"))),
        acr_values: None,
        signature_algorithms: None,
        encryption: None,
        scopes: None,
        userinfo: None,
        asks_amr: false,
        timeout: None,
    }
}

#[test]
fn the_presets_are_as_published() {
    let low = UpstreamProvider::check(draft(Preset::FranceConnect)).unwrap();
    assert_eq!(low.issuer, "https://app.franceconnect.gouv.fr/api/v2");
    assert_eq!(
        low.discovery_url(),
        "https://app.franceconnect.gouv.fr/api/v2/.well-known/openid-configuration"
    );
    assert_eq!(
        (low.acr_values.as_slice(), &low.encryption),
        (&[String::from("eidas1")][..], &Encryption::None)
    );
    assert_eq!(low.signature_algorithms, [Algorithm::Es256, Algorithm::Rs256]);
    assert_eq!((low.userinfo, low.timeout), (UserinfoForm::Jwt, Duration::from_secs(6)));

    let plus = UpstreamProvider::check(draft(Preset::FranceConnectPlus)).unwrap();
    assert_eq!(plus.issuer, "https://auth.franceconnect.gouv.fr/api/v2");
    assert_eq!(plus.acr_values, ["eidas2", "eidas3"]);
    assert_eq!(plus.signature_algorithms, [Algorithm::Es256]);
    assert_eq!(plus.encryption, Encryption::Required(vec![KeyManagement::EcdhEs]));
    assert_eq!(plus.scopes, ["openid", "identite_pivot", "preferred_username", "email"]);

    let integration = |preset| ProviderDraft { environment: Some(Environment::Integration), ..draft(preset) };
    for (preset, host) in [
        (Preset::FranceConnect, "fcp-low.integ01.dev-franceconnect.fr"),
        (Preset::FranceConnectPlus, "auth.integ01.dev-franceconnect.fr"),
    ] {
        let issuer = UpstreamProvider::check(integration(preset)).unwrap().issuer;
        assert_eq!(issuer, format!("https://{host}/api/v2"));
    }
    let pro = UpstreamProvider::check(draft(Preset::ProConnect)).unwrap();
    assert_eq!((pro.acr_values, pro.userinfo), (vec![String::from("eidas1")], UserinfoForm::Jwt));
    assert_eq!(pro.scopes, ["openid", "uid", "given_name", "usual_name", "email", "siret"]);
}

#[test]
fn each_setting_that_cannot_be_followed_is_named() {
    type Row = (Preset, fn(&mut ProviderDraft), &'static str);
    use Preset::{Custom, FranceConnect, FranceConnectPlus, ProConnect};
    let table: [Row; 24] = [
        (Custom, |d| d.id = String::from("Bad Id"), "id"),
        (Custom, |d| d.id = "x".repeat(33), "id"),
        (Custom, |d| d.name = None, "name"),
        (Custom, |d| d.client_id.clear(), "client_id"),
        (
            Custom,
            |d| d.auth = UpstreamAuth::ClientSecretPost(Secret::new(String::new())),
            "client_secret_file",
        ),
        (
            Custom,
            |d| d.auth = UpstreamAuth::ClientSecretPost(Secret::new(String::from("a\nb"))),
            "client_secret_file",
        ),
        (Custom, |d| d.issuer = None, "issuer"),
        (ProConnect, |d| d.issuer = None, "issuer"),
        (Custom, |d| d.issuer = Some(String::from("http://idp.example")), "issuer"),
        (Custom, |d| d.issuer = Some(String::from("https://a@idp.example")), "issuer"),
        (Custom, |d| d.issuer = Some(String::from("https://idp.example/?a=b")), "issuer"),
        (Custom, |d| d.issuer = Some(String::from("idp.example")), "issuer"),
        (Custom, |d| d.environment = Some(Environment::Production), "environment"),
        (FranceConnect, |d| d.acr_values = Some(vec![String::from("eidas2")]), "acr_values"),
        (FranceConnectPlus, |d| d.acr_values = Some(Vec::new()), "acr_values"),
        (Custom, |d| d.acr_values = Some(vec![String::from("a b")]), "acr_values"),
        (
            FranceConnectPlus,
            |d| d.signature_algorithms = Some(vec![Algorithm::Rs256]),
            "signature_algorithms",
        ),
        (Custom, |d| d.signature_algorithms = Some(Vec::new()), "signature_algorithms"),
        (FranceConnectPlus, |d| d.encryption = Some(Vec::new()), "encryption"),
        (FranceConnect, |d| d.encryption = Some(vec![KeyManagement::EcdhEs]), "encryption"),
        (Custom, |d| d.encryption = Some(vec![KeyManagement::EcdhEs; 2]), "encryption"),
        (Custom, |d| d.scopes = Some(vec![String::from("email")]), "scopes"),
        (FranceConnect, |d| d.userinfo = Some(UserinfoForm::Json), "userinfo"),
        (Custom, |d| d.timeout = Some(Duration::from_secs(11)), "timeout"),
    ];
    for (at, (preset, change, setting)) in table.into_iter().enumerate() {
        assert!(UpstreamProvider::check(draft(preset)).is_ok());
        let mut bad = draft(preset);
        change(&mut bad);
        assert_eq!(UpstreamProvider::check(bad).unwrap_err().setting, setting, "row {at}");
    }
}

#[test]
fn only_https_and_this_machine_are_called() {
    for (url, callable) in [
        ("https://idp.example/token", true),
        ("http://127.0.0.1:3000/token", true),
        ("http://[::1]/token", true),
        ("http://localhost:3000/token", true),
        ("http://localhost./token", false),
        ("http://169.254.169.254/", false),
        ("http://[::ffff:127.0.0.1]/", false),
        ("http://10.0.0.1/", false),
        ("file:///etc/passwd", false),
        ("gopher://localhost/", false),
        ("https://a@idp.example/", false),
        ("https://idp.example/#a", false),
    ] {
        assert_eq!(is_callable(&url.parse().unwrap()), callable, "{url}");
    }
}

#[test]
fn an_identifier_is_read_back() {
    let id = ProviderId::parse("franceconnect-plus").unwrap();
    let json = serde_json::to_string(&id).unwrap();
    assert_eq!(serde_json::from_str::<ProviderId>(&json).unwrap(), id);
    assert!(serde_json::from_str::<ProviderId>("\"A\"").is_err());
}
