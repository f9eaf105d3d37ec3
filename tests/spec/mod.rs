//! One file per implementing file of `src`: the sections it covers, behaviour by behaviour.

mod client;
mod error;
mod params;
mod redirect_uri;
mod response_mode;
mod rfc6749_authorize;
mod rfc6749_refresh;
mod rfc6749_token;
mod rfc6750_bearer;
mod rfc7636_pkce;
mod rfc9126_par;
mod rfc9207_issuer;
mod scope;
