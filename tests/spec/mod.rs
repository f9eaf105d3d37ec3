//! One module per specification, named as the file that implements it; test names begin with the section.

mod core_id_token;
mod core_request;
mod core_subject;
mod core_userinfo;
mod discovery;
mod rfc7515_jws;
mod rfc7517_jwk;
mod rfc7518_algorithms;
mod rfc7519_jwt;
mod rfc7523_private_key_jwt;
mod rfc7638_thumbprint;
mod rfc8785_jcs;
mod rfc9068_access_token;
mod rfc9449_dpop;
mod rfc9449_nonce;
mod seal;
mod strict_json;
mod wycheproof;
