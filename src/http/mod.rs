//! Layer 7: HTTP. Extractors parse and never decide; responders are the only makers of responses; every route is
//! in this file or, for phones, in `mobile`, and the order of the layers in [`layers`].

mod account;
mod account_links;
mod around;
mod authorize;
mod discovery;
mod end_session;
pub mod extract;
mod federation;
mod guard;
mod interaction;
mod interaction_page;
mod introspect;
mod layers;
mod leaving;
pub mod mobile;
mod observe;
mod ops;
mod par;
mod received;
pub mod respond;
mod revoke;
mod state;
mod token;
mod token_meters;
mod trace_parent;
mod userinfo;

use std::sync::Arc;

use axum::routing::{get, post};
use axum::{Router, middleware};

pub use extract::{Network, NetworkError, Peer, Source};
pub use layers::HttpLimits;
pub use leaving::Leaving;
pub use ops::{Health, admin_router};
pub use state::AppState;

use token_meters::TokenMeters;

/// The public routes of the provider.
pub fn router(state: AppState, limits: &HttpLimits) -> Router {
    let meters = TokenMeters::new();
    let backchannel = Router::new()
        .route("/par", post(par::push))
        .route(
            "/token",
            post(move |state, headers, origin, form| {
                token::token(meters.clone(), state, headers, origin, form)
            }),
        )
        .route("/introspect", post(introspect::introspect))
        .route("/revoke", post(revoke::revoke))
        .route("/userinfo", get(userinfo::get).post(userinfo::post))
        .route("/jwks", get(discovery::jwks))
        .route("/.well-known/openid-configuration", get(discovery::metadata))
        .route("/.well-known/oauth-authorization-server", get(discovery::metadata))
        .route("/.well-known/wallet-openid-configuration", get(discovery::metadata));
    let pages = Router::new()
        .route("/authorize", get(authorize::get).post(authorize::post))
        .route("/end_session", get(end_session::get).post(end_session::post))
        .route("/interaction/{id}", get(interaction::show))
        .route("/interaction/{id}/identify", post(interaction::identify))
        .route("/interaction/{id}/qr", post(interaction::qr))
        .route("/interaction/{id}/email", post(interaction::email))
        .route("/interaction/{id}/represent", post(interaction::represent))
        .route("/interaction/{id}/consent", post(interaction::consent))
        .route("/interaction/{id}/cancel", post(interaction::cancel))
        .route("/interaction/{id}/status", get(interaction::status))
        .route("/interaction/{id}/federate", post(federation::leave))
        .route("/federation/{provider}/callback", get(federation::callback))
        .route("/federation/{provider}/logged_out", get(federation::logged_out))
        .route("/account", get(account::show))
        .route("/account/sign-in", get(account::sign_in))
        .route("/account/phones/new", get(account::new_phone))
        .route("/account/phones/{id}/revoke", post(account::revoke_phone))
        .route("/account/links", get(account_links::show).post(account_links::begin))
        .route("/account/links/sign-out", post(account_links::sign_out))
        .route("/account/links/{id}/revoke", post(account_links::unlink))
        .route("/account/consents/revoke", post(account_links::withdraw))
        .route("/q/{id}", get(account::open_app))
        .route("/e", get(account::open_app))
        .layer(middleware::from_fn(respond::only_visits));
    let phones = mobile::router(&state);
    let (proxies, origins) = (state.trusted_proxies.clone(), Arc::clone(&state.mobile_origins));
    let routes = backchannel.merge(pages).merge(phones).fallback(respond::not_found).with_state(state);
    layers::around(routes.merge(respond::assets()), limits, proxies, origins)
}
