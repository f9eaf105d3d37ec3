//! One module per specification, named as the file that implements it; test names begin with the section.

mod client;
mod error;
mod params;
mod redirect_uri;
mod response_mode;
mod rfc6749_authorize;
mod rfc6749_refresh;
mod rfc6749_token;
mod rfc6750_bearer;
mod rfc7515_jws;
mod rfc7517_jwk;
mod rfc7518_algorithms;
mod rfc7519_jwt;
mod rfc7636_pkce;
mod rfc7638_thumbprint;
mod rfc8785_jcs;
mod rfc9126_par;
mod rfc9207_issuer;
mod scope;
mod seal;
mod strict_json;
mod wycheproof;
