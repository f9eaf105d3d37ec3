//! One module per implemented document, named as its source.

mod core_id_token;
mod core_request;
mod core_subject;
mod core_userinfo;
mod discovery;
mod rfc7523_private_key_jwt;
mod rfc9068_access_token;
mod rfc9449_dpop;
mod rfc9449_nonce;
