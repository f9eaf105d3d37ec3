//! Layer 3: an authorization request in progress in one browser, and the one decision about what comes next.

mod next_step;
mod pending_link;
mod state;

pub use next_step::{
    ApprovalProgress, ConsentProgress, NextStep, RepresentationProgress, Situation, decide, required_acr,
};
pub use pending_link::PendingLink;
pub use state::{Acting, Interaction, Locale, Refusal, Step};
