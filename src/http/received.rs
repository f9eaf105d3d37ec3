//! The body of a request, whole, before the request takes a place: who sends it slowly keeps nobody else out.

use axum::body::{Body, Bytes};
use axum::extract::Request;
use futures_util::{StreamExt as _, stream};

/// The request with its body in memory: up to `most` bytes and the rest of one frame, so that a longer one is still seen to be
/// longer. A body that breaks off still breaks off.
pub(super) async fn received(request: Request, most: usize) -> Request {
    use axum::body::HttpBody as _;
    // Most requests have none.
    if request.body().is_end_stream() {
        return request;
    }
    let (parts, body) = request.into_parts();
    let mut frames = body.into_data_stream();
    let (mut first, mut more) = (Bytes::new(), Vec::new());
    while let Some(frame) = frames.next().await {
        match frame {
            Err(error) => {
                return Request::from_parts(parts, Body::from_stream(stream::iter([Err::<Bytes, _>(error)])));
            }
            // Most bodies are one frame, which is not copied.
            Ok(frame) if first.is_empty() => first = frame,
            Ok(frame) => more.extend_from_slice(&frame),
        }
        if first.len().saturating_add(more.len()) > most {
            break;
        }
    }
    let whole = if more.is_empty() { first } else { [&first[..], &more].concat().into() };
    Request::from_parts(parts, Body::from(whole))
}
