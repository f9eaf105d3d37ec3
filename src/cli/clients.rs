//! `sceau clients`: register, list, show and disable relying parties.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use serde_json::{Value, json};

use crate::base::{ClientId, Secret};
use crate::flow::{NewClient, OperatorOutcome};
use crate::identity::PatientClaim;
use crate::jose::{Algorithm, JsonCaps, JwkSet, KeyManagement, parse_strict};
use crate::oauth::{
    Client, ClientAuthMethod, ConsentPolicy, ErrorCode, GrantType, Profile, RedirectUri, ResponseProtection,
    ScopeSet,
};

use super::clients_release::{Released, accepted_by_hub, released};
use super::open::Target;
use super::{EX_USAGE, output};

/// Arguments of `sceau clients`.
#[derive(Clone, Debug, clap::Args)]
pub struct ClientsArgs {
    #[command(subcommand)]
    command: ClientsCommand,
}

#[derive(Clone, Debug, clap::Subcommand)]
enum ClientsCommand {
    /// Register a client; its secret, if it has one, is printed once and kept only as a hash
    Add(Box<AddArgs>),
    /// List every client
    List(ListArgs),
    /// Show one client
    Show(OneArgs),
    /// Disable a client at once: it authenticates no more and its tokens end within five seconds
    Disable(OneArgs),
}

#[derive(Clone, Debug, clap::Args)]
struct AddArgs {
    #[command(flatten)]
    target: Target,
    /// Name shown to persons
    #[arg(long)]
    name: String,
    /// Identifier; drawn at random when left out. A client of this identifier is replaced
    #[arg(long, value_name = "ID")]
    client_id: Option<String>,
    /// Profile: `oidc`, `psc`, `fapi2`, `fapi_ciba`, `france_connect`
    #[arg(long, default_value = "oidc")]
    profile: Profile,
    /// How it authenticates: `client_secret_basic`, `client_secret_post`, `private_key_jwt`, `none`
    #[arg(long, value_name = "METHOD", default_value = "client_secret_basic")]
    auth: ClientAuthMethod,
    /// Its public keys (JWK Set), for `private_key_jwt`
    #[arg(long, value_name = "FILE")]
    jwks: Option<PathBuf>,
    /// A redirect URI, needed for `authorization_code`; may be repeated
    #[arg(long = "redirect-uri", value_name = "URI")]
    redirect_uris: Vec<String>,
    /// A post-logout redirect URI; may be repeated
    #[arg(long = "post-logout-redirect-uri", value_name = "URI")]
    post_logout_redirect_uris: Vec<String>,
    /// Scope it may ask for; `openid scope_all` when left out, for `france_connect` what it asks
    #[arg(long)]
    scope: Option<String>,
    /// Sector of its subjects, when its redirect URIs have several hosts
    #[arg(long)]
    sector: Option<String>,
    /// Algorithm of its ID tokens
    #[arg(long, default_value = "ES256")]
    id_token_alg: Algorithm,
    /// Ask persons for consent: always asked by native clients and by those with `--release`, but not by `france_connect`, a
    /// hub that asks for itself
    #[arg(long)]
    ask_consent: bool,
    /// A grant it may use: `authorization_code`, `refresh_token`, `client_credentials`; may be repeated.
    /// The first two when left out, for `france_connect` the first
    #[arg(long = "grant", value_name = "GRANT")]
    grants: Vec<GrantType>,
    /// It is a protected resource: it may introspect every access token meant for it
    #[arg(long)]
    resource_server: bool,
    /// What it may learn of patients, within its scope: claims or `profile`, `birth`, `identite_pivot`; `france_connect`
    /// for what FranceConnect accepts; `representation`: for which child under 16 or protected person they act. Nothing
    /// beyond `sub` when left out; may be repeated. Persons are then asked for consent
    #[arg(long, value_name = "CLAIM", value_parser = released)]
    release: Vec<Released>,
    /// Where its encryption keys are published
    #[arg(long, value_name = "URI", requires = "encryption")]
    jwks_uri: Option<String>,
    /// Sign with ES256, then encrypt to its key, ID tokens and userinfo: `RSA-OAEP`, `RSA-OAEP-256`, `ECDH-ES`
    #[arg(long, value_name = "ALG", requires = "jwks_uri")]
    encryption: Option<KeyManagement>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Debug, clap::Args)]
struct ListArgs {
    #[command(flatten)]
    target: Target,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Debug, clap::Args)]
struct OneArgs {
    #[command(flatten)]
    target: Target,
    /// The client
    #[arg(value_name = "ID")]
    client_id: ClientId,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Runs `sceau clients`.
pub async fn run(args: ClientsArgs) -> ExitCode {
    let done = match args.command {
        ClientsCommand::Add(args) => Box::pin(add(*args)).await,
        ClientsCommand::List(args) => list(args).await,
        ClientsCommand::Show(args) => show(args).await,
        ClientsCommand::Disable(args) => disable(args).await,
    };
    done.unwrap_or_else(|error| output::failed(&error))
}

async fn add(args: AddArgs) -> anyhow::Result<ExitCode> {
    let json_wanted = args.json;
    let app = args.target.open().await?;
    let registered = match app.provider.register_client(new_client(args)?).await {
        Ok(registered) => registered,
        Err(error) => {
            let error = error.into_oauth();
            if error.code.status() < 500 || error.code == ErrorCode::InvalidRedirectUri {
                output::error(format_args!("client refused: {}", error.internal));
                return Ok(ExitCode::from(EX_USAGE));
            }
            anyhow::bail!("{error}: {}", error.internal);
        }
    };
    let client = &registered.client;
    let secret = registered.secret.as_ref().map(Secret::expose);
    if json_wanted {
        let mut value = described(client);
        if let (Value::Object(members), Some(secret)) = (&mut value, secret) {
            members.insert(String::from("client_secret"), json!(secret));
        }
        output::json(&value);
    } else {
        output::line(format_args!("client_id      {}", client.client_id));
        if let Some(secret) = secret {
            output::line(format_args!("client_secret  {secret}"));
            output::line("The secret is shown this once; only its hash is kept.");
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn new_client(args: AddArgs) -> anyhow::Result<NewClient> {
    let hub = args.profile == Profile::FranceConnect;
    let scope = args.scope.as_deref().unwrap_or(if hub { HUB_SCOPE } else { "openid scope_all" });
    let mut grant_types = args.grants;
    if grant_types.is_empty() {
        grant_types.push(GrantType::AuthorizationCode);
        grant_types.extend((!hub).then_some(GrantType::RefreshToken));
    }
    let representation = args.release.contains(&Released::Representation);
    let mut release: BTreeSet<PatientClaim> = args.release.into_iter().flat_map(Released::claims).collect();
    if hub && release.is_empty() {
        release = accepted_by_hub();
    }
    let responses = args.jwks_uri.zip(args.encryption);
    let client_id = args.client_id.map(|id| id.parse::<ClientId>()).transpose();
    Ok(NewClient {
        client_id: client_id.context("--client-id: 1 to 128 of A-Z a-z 0-9 . _ ~ -, not a UUID")?,
        name: args.name,
        profile: args.profile,
        auth: args.auth,
        jwks: args.jwks.as_deref().map(read_jwks).transpose()?,
        redirect_uris: args.redirect_uris,
        post_logout_redirect_uris: args.post_logout_redirect_uris,
        scope: ScopeSet::parse(scope).context("--scope")?,
        sector: args.sector,
        id_token_alg: args.id_token_alg,
        ask_consent: args.ask_consent,
        grant_types,
        resource_server: args.resource_server,
        representation,
        release,
        responses: responses
            .map_or_else(ResponseProtection::default, |(uri, alg)| ResponseProtection::encrypted(uri, alg)),
    })
}

/// What `FranceConnect+` asks of an identity provider.
const HUB_SCOPE: &str = "openid profile email preferred_username birthplace birthcountry";

fn read_jwks(path: &Path) -> anyhow::Result<JwkSet> {
    let bytes = std::fs::read(path).with_context(|| format!("reading {}", path.display()))?;
    let caps = JsonCaps { bytes: 64 * 1024, members: 32, depth: 8 };
    let value =
        parse_strict(&bytes, caps).with_context(|| format!("{} is not strict JSON", path.display()))?;
    JwkSet::parse(&value).with_context(|| format!("{} is not a public JWK Set", path.display()))
}

async fn list(args: ListArgs) -> anyhow::Result<ExitCode> {
    let app = args.target.open().await?;
    let clients = app.provider.ports.clients.list().await?;
    if args.json {
        output::json(&Value::Array(clients.iter().map(described).collect()));
        return Ok(ExitCode::SUCCESS);
    }
    if clients.is_empty() {
        output::line("No client yet: see `sceau clients add --help`.");
    }
    for client in clients {
        let state = if client.enabled { "" } else { "  (disabled)" };
        output::line(format_args!(
            "{:<28} {:<9} {:<20} {}{state}",
            client.client_id.as_str(),
            client.profile.as_str(),
            client.auth.as_str(),
            client.name
        ));
    }
    Ok(ExitCode::SUCCESS)
}

async fn show(args: OneArgs) -> anyhow::Result<ExitCode> {
    let app = args.target.open().await?;
    let Some(client) = app.provider.ports.clients.find(&args.client_id).await? else {
        return Ok(output::not_found("client"));
    };
    let described = described(&client);
    if args.json {
        output::json(&described);
    } else {
        output::members(&described);
    }
    Ok(ExitCode::SUCCESS)
}

async fn disable(args: OneArgs) -> anyhow::Result<ExitCode> {
    let app = args.target.open().await?;
    let outcome = app.provider.disable_client(&args.client_id).await?;
    if outcome == OperatorOutcome::NotFound {
        return Ok(output::not_found("client"));
    }
    output::changed(args.json, ("client_id", args.client_id.as_str()), ("disabled", outcome));
    Ok(ExitCode::SUCCESS)
}

/// A client under the names of RFC 7591 2, without its secret.
fn described(client: &Client) -> Value {
    let uris: Vec<&str> = client.redirect_uris.iter().map(RedirectUri::as_str).collect();
    let mut described = json!({
        "client_id": client.client_id.as_str(),
        "client_name": client.name,
        "profile": client.profile.as_str(),
        "token_endpoint_auth_method": client.auth.as_str(),
        "grant_types": client.grant_types.iter().map(|grant| grant.as_str()).collect::<Vec<_>>(),
        "redirect_uris": uris,
        "post_logout_redirect_uris": client.post_logout_redirect_uris,
        "scope": client.scopes.to_string(),
        "id_token_signed_response_alg": client.id_token_alg.as_str(),
        "resource_server": client.resource_server,
        "ask_consent": client.consent == ConsentPolicy::Ask,
        "release": client.release.to_string(),
        "enabled": client.enabled,
    });
    let responses = serde_json::to_value(&client.responses).unwrap_or_default();
    if let (Some(members), Value::Object(responses)) = (described.as_object_mut(), responses) {
        members.extend(responses);
    }
    described
}
