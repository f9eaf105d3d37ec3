//! Layer 3: an authorization request in progress in one browser, and the one decision about what comes next.

mod next_step;
mod state;

pub use next_step::{ApprovalProgress, ConsentProgress, NextStep, Situation, decide};
pub use state::{Interaction, Locale, Refusal, Step};
