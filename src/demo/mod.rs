//! Layer 9: the demonstration: a phone in a page, for a laptop without a phone.

mod phone_page;

pub use phone_page::phone_page;
