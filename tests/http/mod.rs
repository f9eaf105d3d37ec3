//! Layer 7 by itself: what pages and their files look like on the wire.

mod mobile;
mod origin;
mod pages;
mod phone_page;
mod visits_review;
