//! Layer 7: HTTP. Extractors parse and never decide; responders are the only makers of responses.

pub mod extract;
pub mod mobile;
pub mod respond;
mod state;

pub use state::AppState;
