//! The layers of the design, enforced: who may import whom, and what may lie in this repository.
//!
//! Reads sources as text with the standard library alone, so that it runs in a second and before anything
//! else compiles. What is allowed is the data of `architecture/rules.rs`; the rest is how to look.

mod architecture {
    pub(crate) mod imports;
    pub(crate) mod lexer;
    pub(crate) mod paths;
    pub(crate) mod repository;
    pub(crate) mod rules;

    mod snippets;
    mod snippets_repository;
    mod whole;
}
