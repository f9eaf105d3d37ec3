//! The proof of a phone's request key (RFC 9449 4.1, 4.3), as presented and as accepted.

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::{FromRef, FromRequestParts, OriginalUri};
use http::request::Parts;

use super::presented_proof;
use crate::flow::{AuthenticatedDevice, PresentedProof, Provider};
use crate::http::mobile::MobileError;
use crate::oauth::NonceClass;

/// The `DPoP` headers of a phone's request, not judged.
pub(crate) struct DeviceProof(pub PresentedProof);

impl DeviceProof {
    fn read(parts: &Parts) -> Self {
        let uri = parts.extensions.get::<OriginalUri>().map_or(&parts.uri, |original| &original.0);
        Self(presented_proof(&parts.headers, parts.method.as_str(), uri.path(), NonceClass::Phone))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for DeviceProof {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        Ok(Self::read(parts))
    }
}

/// A request of an enrolled, active phone.
pub(crate) struct PhoneRequest(pub AuthenticatedDevice);

impl<S> FromRequestParts<S> for PhoneRequest
where
    S: Send + Sync,
    Arc<Provider>: FromRef<S>,
{
    type Rejection = MobileError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, MobileError> {
        let DeviceProof(proof) = DeviceProof::read(parts);
        let provider = Arc::<Provider>::from_ref(state);
        Ok(Self(provider.authenticate_device(&proof).await?))
    }
}
