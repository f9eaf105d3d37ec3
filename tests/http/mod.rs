//! Layer 7 by itself: what pages and their files look like on the wire.

mod pages;
mod phone_page;
