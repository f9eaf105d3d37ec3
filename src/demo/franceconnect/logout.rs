//! Logout (RP-Initiated Logout 2, 3), with the decrypted ID token as hint. There is no session to end: the browser goes
//! back at once.

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::http::HeaderMap;
use axum::response::Response;
use url::Url;

use super::authorize::{locale, redirect};
use super::page::{Failure, error_page};
use super::{CLIENT_ID, FranceConnect};
use crate::oauth::RawParams;

pub(super) async fn end_session(
    State(provider): State<Arc<FranceConnect>>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Response {
    let params = RawParams::parse(query.unwrap_or_default().as_bytes()).ok();
    match params.and_then(|params| provider.way_back(&params)) {
        Some(url) => redirect(url.as_str()),
        None => error_page(Failure::Logout, locale(None, &headers)),
    }
}

impl FranceConnect {
    /// Where a logout of our client goes on; none when it is not one.
    fn way_back(&self, params: &RawParams) -> Option<Url> {
        let hint = self.own_token(params.get("id_token_hint").ok()??)?.claims;
        // FranceConnect refuses a hint without `at_hash`.
        let ours = hint.get("aud")? == CLIENT_ID && hint.contains_key("at_hash");
        let back = params.get("post_logout_redirect_uri").ok()??;
        if !ours || back != self.client.post_logout_redirect_uri {
            return None;
        }
        let mut url = Url::parse(back).ok()?;
        if let Some(state) = params.get("state").ok()? {
            url.query_pairs_mut().append_pair("state", state);
        }
        Some(url)
    }
}
