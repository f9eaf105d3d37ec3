//! A request for approval on a phone: what is shown, the number to type, what the phone signs, and the
//! states it goes through.
//!
//! Used unchanged by the web page and by CIBA (`OpenID Connect CIBA Core 1.0`, section 7). It does not judge
//! assertions (`device` does), nor store or send anything.

mod binding;
mod claim;
mod number;
mod state;
mod text;

pub use binding::{BindingError, challenge, enrolment_challenge};
pub use claim::{Claim, ClaimVerdict, Claimant};
pub use number::{Number, NumberSource};
pub use state::{
    Approval, ApprovalRequest, Approved, Denied, Expired, Judged, Locked, MAX_TRIES, Pending, Recipient,
    StoredApproval,
};
pub use text::ApprovalText;
