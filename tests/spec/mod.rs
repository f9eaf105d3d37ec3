//! One module per specification, named as the file that implements it; test names begin with the section.

mod rfc7515_jws;
mod rfc7517_jwk;
mod rfc7518_algorithms;
mod rfc7519_jwt;
mod rfc7638_thumbprint;
mod rfc8785_jcs;
mod seal;
mod strict_json;
mod wycheproof;
