//! Layer 7 by itself: what pages and their files look like on the wire, and what endpoints refuse.

mod authorize_endpoint;
mod client_authentication;
mod dpop;
mod headers;
mod limits;
mod load;
mod meters;
mod mobile;
mod origin;
mod outage;
mod pages;
mod phone_page;
mod readiness;
mod token_endpoint;
mod userinfo;
mod visits_review;
