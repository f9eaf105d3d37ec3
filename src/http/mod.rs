//! Layer 7: HTTP. Extractors parse and never decide; responders are the only makers of responses.

pub mod respond;
