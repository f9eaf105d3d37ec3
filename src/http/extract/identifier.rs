//! An identifier in a path.

use std::convert::Infallible;
use std::str::FromStr;

use axum::extract::{FromRequestParts, Path};
use http::request::Parts;

/// The one identifier of the path; none when it is not spelled like one, which is the same as one nobody has.
pub(crate) struct Identifier<T>(pub Option<T>);

impl<S: Send + Sync, T: FromStr> FromRequestParts<S> for Identifier<T> {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        let segment = Path::<String>::from_request_parts(parts, state).await;
        Ok(Self(segment.ok().and_then(|Path(text)| text.parse().ok())))
    }
}
