//! The layers of the design, enforced.
