//! Makers of responses: the pages people see, with their texts, headers and assets.

mod asset;
mod page;
mod page_headers;
mod page_text;

pub use asset::assets;
pub use page::{ErrorTitle, IdentifyNotice, Page, PageFrame};
