//! `DPoP` headers as presented (RFC 9449 4.3).

use axum::http::HeaderMap;

use crate::flow::PresentedProof;
use crate::oauth::NonceClass;

/// Collects the `DPoP` headers of a request to `path`.
pub(crate) fn presented_proof(
    headers: &HeaderMap,
    method: &str,
    path: &str,
    class: NonceClass,
) -> PresentedProof {
    // A value that is not text is kept as an empty one: it is refused as a proof, not overlooked.
    let values = headers.get_all("dpop").iter().map(|value| value.to_str().unwrap_or_default().to_owned());
    PresentedProof { headers: values.collect(), method: method.to_owned(), path: path.to_owned(), class }
}
