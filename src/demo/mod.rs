//! Layer 9: the demonstration: the provider, a service that relies on it, a phone in a page and a simulated FranceConnect
//! above, in one process on this machine, for who has no phone and no directory.
//!
//! Everything goes the way of production: the directory is imported, clients are registered, the service is an
//! ordinary relying party over HTTP, the phone calls `/mobile/v1`, the bridge has an
//! upstream like any other. What a demonstration loosens is in `stage.rs`.

mod addresses;
mod clients;
mod codes_desk;
mod folder;
mod franceconnect;
mod phone_page;
mod play;
mod service;
mod stage;

pub use addresses::Addresses;
pub use clients::{DemoClient, Proof};
pub use codes_desk::{ActivationCodes, CodesDesk, DemoPerson};
pub use phone_page::phone_page;
pub use play::{Step, play};
pub use stage::{Demo, Settings, Showcase};

use std::sync::Arc;

/// Hears what happens while the demonstration runs, one line at a time.
pub type Announce = Arc<dyn Fn(&str) + Send + Sync>;
