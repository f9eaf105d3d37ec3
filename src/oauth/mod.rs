//! OAuth 2.0: the rules of requests, codes and tokens, as pure functions.
//!
//! One file per document. Knows no HTTP framework, no storage and no clock.

mod client;
mod client_responses;
mod error;
mod params;
mod profile;
mod redirect_uri;
mod response_mode;
mod rfc6749_authorize;
mod rfc6749_client_credentials;
mod rfc6749_refresh;
mod rfc6749_token;
mod rfc6750_bearer;
mod rfc7009_revocation;
mod rfc7523_private_key_jwt;
mod rfc7636_pkce;
mod rfc7662_introspection;
mod rfc9068_access_token;
mod rfc9126_par;
mod rfc9207_issuer;
mod rfc9449_dpop;
mod rfc9449_nonce;
mod scope;

pub use client::{Client, ClientMetadataError, ConsentPolicy, REPRESENTATION};
pub use client_responses::{
    ContentEncryption, ResponseProtection, ResponsesError, is_loopback, is_public, key_address,
};
pub use error::{ErrorCode, LoadLimit, OAuthError};
pub use params::RawParams;
pub use profile::{ClientAuthMethod, GrantType, NameError, Profile};
pub use redirect_uri::{RedirectUri, RedirectUriError};
pub use response_mode::{AuthorizationResponse, ResponseMode, authorization_response};
pub use rfc6749_authorize::{AuthorizationRequest, AuthorizeError, RedirectError, authorization_request};
pub use rfc6749_client_credentials::client_scope;
pub use rfc6749_refresh::{Family, FamilyVerdict, RefreshToken, judge_refresh, narrowed_scope};
pub use rfc6749_token::{
    CodeBinding, CodePresented, TokenRequest, TokenResponse, TokenType, judge_code, token_request,
};
pub use rfc6750_bearer::{BearerError, Challenge, PresentedToken, Scheme};
pub use rfc7009_revocation::{RevocationRequest, TokenTypeHint, revocation_request};
pub use rfc7523_private_key_jwt::{
    ASSERTION_ALGORITHMS, ASSERTION_TYPE, AcceptedAssertion, AssertionError, AssertionPolicy, claimed_client,
    validate_assertion,
};
pub use rfc7636_pkce::{CodeChallenge, PkceError};
pub use rfc7662_introspection::{
    ActiveKind, ActiveToken, IntrospectionRequest, PersonalClaims, inactive, introspection_request,
};
pub use rfc9068_access_token::{
    ACCESS_TOKEN_TYP, AccessTokenContent, access_token_claims, access_token_header,
};
pub use rfc9126_par::{PushedAnswer, RequestUri, bound_to_key, pushed_parameters};
pub use rfc9207_issuer::{ResponseParams, error_params, success_params, with_issuer};
pub use rfc9449_dpop::{
    DPOP_ALGORITHMS, DpopError, DpopExpectation, DpopProof, claimed_nonce, validate_proof,
};
pub use rfc9449_nonce::{NonceClass, NonceIssuer};
pub use scope::{Scope, ScopeError, ScopeSet};
