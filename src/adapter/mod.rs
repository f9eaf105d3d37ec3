//! Layer 6: the ports, answered by engines and services. One port per file; adapters do not know each other.

pub mod sql;
