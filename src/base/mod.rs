//! Layer 0: time, entropy, identifiers, secrets and encodings. Imports nothing of this crate.
//!
//! Everything above takes time and randomness from here, as arguments or through a port, so that
//! layers 0 to 3 stay deterministic.

mod clock;
mod digest;
mod encoding;
mod entropy;
mod id;
mod rate;
pub mod sealed_text;
mod secret;

pub use clock::{Clock, SystemClock, TestClock, TimeError, UnixTime};
pub use digest::sha256;
pub use encoding::{Base64UrlError, base64url, from_base64url};
pub use entropy::{Entropy, EntropyExt, OsEntropy, SeededEntropy};
pub use id::{
    ApprovalId, AuditId, ClientId, DeviceId, EnrolmentId, FamilyId, GrantId, IdError, InteractionId, LinkId,
    MessageId, PersonId, RunId, Sid,
};
pub use rate::Rate;
pub use secret::{Secret, TokenHash};
