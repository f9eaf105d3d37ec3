//! The authentication request: what OpenID Connect adds to the OAuth authorization request.
//!
//! Spec: <https://openid.net/specs/openid-connect-core-1_0.html>. Covers 3.1.2.1 (parameters), 3.1.2.6 (errors) and
//! 5.5 (the `claims` parameter). Unknown parameters are ignored, `display` and the sector's habit of sending `acr`
//! among them. What the parameters ask for is decided elsewhere; nothing here looks at a session.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::base::Secret;
use crate::jose::{JsonCaps, parse_strict};
use crate::oauth::{
    AuthorizationRequest, AuthorizeError, Client, ErrorCode, OAuthError, RawParams, RedirectError,
    authorization_request,
};

/// A valid authentication request (OpenID Connect Core 3.1.2.1), as it is kept while the person signs in.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AuthenticationRequest {
    /// The OAuth part.
    pub oauth: AuthorizationRequest,
    /// Returned intact in the ID token; at most 512 bytes.
    pub nonce: Option<String>,
    /// Which pages must or must not be shown.
    pub prompt: Prompts,
    /// Oldest acceptable sign-in, in seconds.
    pub max_age: Option<u64>,
    /// Voluntary levels in order of preference, as sent: unknown ones are ignored later.
    pub acr_values: Option<String>,
    /// Claims asked for one by one.
    pub claims: ClaimsRequest,
    /// Who is expected: may be an identity number.
    #[serde(with = "sealed_text", default)]
    pub login_hint: Option<Secret>,
    /// Languages in order of preference; only well-formed tags (RFC 5646 2.1).
    pub ui_locales: Vec<String>,
    /// An earlier ID token, not yet verified.
    #[serde(with = "sealed_text", default)]
    pub id_token_hint: Option<Secret>,
}

/// Checks an authentication request: first the OAuth part, then these, in this order.
///
/// | check | section | error |
/// |---|---|---|
/// | `prompt` known, `none` alone | Core 3.1.2.1 | `invalid_request` |
/// | `max_age` a plain number of seconds | Core 3.1.2.1 | `invalid_request` |
/// | `claims` a JSON object of the stated shape | Core 5.5 | `invalid_request` |
/// | `nonce`, `acr_values`, `login_hint`, `ui_locales`, `id_token_hint` not too long | – | `invalid_request` |
pub fn authentication_request(
    params: &RawParams,
    client: &Client,
) -> Result<AuthenticationRequest, AuthorizeError> {
    let oauth = authorization_request(params, client)?;
    match openid_part(params, &oauth) {
        Ok(request) => Ok(request),
        // 3.1.2.6: the redirect URI is known to be the client's, so the error goes there.
        Err(error) => Err(AuthorizeError::Redirect(Box::new(RedirectError {
            redirect_uri: oauth.redirect_uri,
            response_mode: oauth.response_mode,
            state: oauth.state,
            error,
        }))),
    }
}

fn openid_part(
    params: &RawParams,
    oauth: &AuthorizationRequest,
) -> Result<AuthenticationRequest, OAuthError> {
    let prompt = params.get("prompt")?.map_or(Ok(Prompts::default()), Prompts::parse)?;
    let max_age = params.get("max_age")?.map(max_age).transpose()?;
    let claims = params.get("claims")?.map_or(Ok(ClaimsRequest::default()), ClaimsRequest::parse)?;
    Ok(AuthenticationRequest {
        oauth: oauth.clone(),
        nonce: bounded(params, "nonce", MAX_NONCE)?.map(str::to_owned),
        prompt,
        max_age,
        acr_values: bounded(params, "acr_values", MAX_LIST)?.map(str::to_owned),
        claims,
        login_hint: bounded(params, "login_hint", MAX_LOGIN_HINT)?.map(secret),
        ui_locales: bounded(params, "ui_locales", MAX_LIST)?.map(locales).unwrap_or_default(),
        id_token_hint: bounded(params, "id_token_hint", MAX_ID_TOKEN_HINT)?.map(secret),
    })
}

/// A value of `prompt` (OpenID Connect Core 3.1.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Prompt {
    /// Show nothing: answer at once or fail.
    None,
    /// Sign in again, session or not.
    Login,
    /// Ask for consent again.
    Consent,
    /// Let the person choose who signs in.
    SelectAccount,
}

impl FromStr for Prompt {
    type Err = OAuthError;

    fn from_str(text: &str) -> Result<Self, OAuthError> {
        match text {
            "none" => Ok(Self::None),
            "login" => Ok(Self::Login),
            "consent" => Ok(Self::Consent),
            "select_account" => Ok(Self::SelectAccount),
            _ => Err(invalid("prompt has an unknown value")),
        }
    }
}

/// The set of `prompt` values; empty when the parameter was absent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Prompts(BTreeSet<Prompt>);

impl Prompts {
    /// Reads the space separated values.
    pub fn parse(text: &str) -> Result<Self, OAuthError> {
        let set: BTreeSet<Prompt> = words(text).map(str::parse).collect::<Result<_, _>>()?;
        // 3.1.2.1: `none` with any other value is an error.
        if set.contains(&Prompt::None) && set.len() > 1 {
            return Err(invalid("prompt none stands alone"));
        }
        Ok(Self(set))
    }

    /// Whether `prompt` was asked for.
    #[must_use]
    pub fn contains(&self, prompt: Prompt) -> bool {
        self.0.contains(&prompt)
    }

    /// Whether nothing was asked for.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The `claims` parameter (OpenID Connect Core 5.5).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimsRequest {
    /// Claims wanted at the `UserInfo` endpoint.
    pub userinfo: BTreeMap<String, ClaimSpec>,
    /// Claims wanted in the ID token.
    pub id_token: BTreeMap<String, ClaimSpec>,
}

/// How one claim is wanted (OpenID Connect Core 5.5.1).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimSpec {
    /// Whether the client says that it cannot do without.
    pub essential: bool,
    /// Acceptable values in order of preference, from `value` and `values`; empty for any. Numbers and booleans are
    /// kept in their JSON spelling.
    pub values: Vec<String>,
}

impl ClaimsRequest {
    /// Reads the JSON text of the parameter. Members that are not understood are ignored, as 5.5 and 5.5.1 ask.
    pub fn parse(text: &str) -> Result<Self, OAuthError> {
        let value = parse_strict(text.as_bytes(), CLAIMS_CAPS)
            .map_err(|error| invalid("claims is not JSON").with_internal(error.to_string()))?;
        let members = value.as_object().ok_or(invalid("claims is not a JSON object"))?;
        Ok(Self { userinfo: claims_at(members, "userinfo")?, id_token: claims_at(members, "id_token")? })
    }
}

fn claims_at(members: &Map<String, Value>, place: &str) -> Result<BTreeMap<String, ClaimSpec>, OAuthError> {
    let wanted = match members.get(place) {
        None => return Ok(BTreeMap::new()),
        Some(Value::Object(wanted)) => wanted,
        Some(_) => return Err(invalid("claims has a member that is not an object")),
    };
    wanted.iter().map(|(name, spec)| Ok((name.clone(), claim_spec(spec)?))).collect()
}

fn claim_spec(value: &Value) -> Result<ClaimSpec, OAuthError> {
    // 5.5.1: null asks for the claim in the default manner.
    let members = match value {
        Value::Null => return Ok(ClaimSpec::default()),
        Value::Object(members) => members,
        _ => return Err(invalid("claims asks for a claim with neither null nor an object")),
    };
    let essential = match members.get("essential") {
        None => false,
        Some(Value::Bool(essential)) => *essential,
        Some(_) => return Err(invalid("claims has an essential that is not a boolean")),
    };
    let one = members.get("value").map(std::slice::from_ref).unwrap_or_default();
    let many = match members.get("values") {
        None => &[],
        Some(Value::Array(many)) => many.as_slice(),
        Some(_) => return Err(invalid("claims has values that is not an array")),
    };
    let values = one.iter().chain(many).map(scalar).collect::<Result<_, _>>()?;
    Ok(ClaimSpec { essential, values })
}

fn scalar(value: &Value) -> Result<String, OAuthError> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(_) | Value::Bool(_) => Ok(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => {
            Err(invalid("claims has a value that is not a scalar"))
        }
    }
}

fn max_age(text: &str) -> Result<u64, OAuthError> {
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    let seconds = if digits { text.parse().ok() } else { None };
    seconds.ok_or(invalid("max_age is not a number of seconds"))
}

fn locales(text: &str) -> Vec<String> {
    words(text).filter(|tag| is_language_tag(tag)).take(MAX_LOCALES).map(str::to_owned).collect()
}

/// RFC 5646 2.1, loosely: subtags of 1 to 8 letters or digits, the first of letters.
fn is_language_tag(tag: &str) -> bool {
    let sized = |subtag: &str| (1..=8).contains(&subtag.len());
    let legal = |subtag: &str| subtag.bytes().all(|b| b.is_ascii_alphanumeric());
    let language = tag.split('-').next().unwrap_or_default();
    language.bytes().all(|b| b.is_ascii_alphabetic()) && tag.split('-').all(|one| sized(one) && legal(one))
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(' ').filter(|word| !word.is_empty())
}

fn bounded<'a>(params: &'a RawParams, name: &str, max: usize) -> Result<Option<&'a str>, OAuthError> {
    match params.get(name)? {
        Some(value) if value.len() > max => {
            Err(invalid("a parameter is too long").with_internal(format!("{name} is too long")))
        }
        value => Ok(value),
    }
}

fn secret(text: &str) -> Secret {
    Secret::new(text.to_owned())
}

const fn invalid(public: &'static str) -> OAuthError {
    OAuthError::new(ErrorCode::InvalidRequest, public)
}

/// Writes secret parameters out with the request they belong to: the stored form of a request is always sealed.
mod sealed_text {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::base::Secret;

    #[expect(clippy::ref_option, reason = "the signature that serde calls")]
    pub(super) fn serialize<S: Serializer>(value: &Option<Secret>, serializer: S) -> Result<S::Ok, S::Error> {
        value.as_ref().map(Secret::expose).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Secret>, D::Error> {
        Ok(Option::<String>::deserialize(deserializer)?.map(Secret::new))
    }
}

/// Longest `nonce`, in bytes: longer is refused, never cut (FAPI 2.0 Security Profile 5.3.2.2).
const MAX_NONCE: usize = 512;
/// Longest `acr_values` and `ui_locales`, in bytes.
const MAX_LIST: usize = 1024;
/// Longest `login_hint`, in bytes.
const MAX_LOGIN_HINT: usize = 512;
/// Longest `id_token_hint`, in bytes.
const MAX_ID_TOKEN_HINT: usize = 8 * 1024;
/// Bounds on the `claims` parameter; the number of claims is that of members.
const CLAIMS_CAPS: JsonCaps = JsonCaps { bytes: 8 * 1024, members: 64, depth: 6 };
/// Most languages kept.
const MAX_LOCALES: usize = 8;
