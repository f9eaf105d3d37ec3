//! Signing keys in a hardware security module, by PKCS #11 v2.40 (OASIS).
//!
//! Keys are made on the token, sensitive and never extractable, and named by their thumbprint in `CKA_ID`. A call that
//! takes longer than its budget is given up, a token that does not answer is asked anew at the next call, a PIN
//! that was refused is not tried again before its file changes: tokens lock after a few wrong ones.

mod keys;
mod pool;
mod settings;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Semaphore;
use tokio::time::Instant;

pub use settings::TokenSettings;

use self::pool::{Pool, Seat};
use crate::jose::{Algorithm, Jwk};
use crate::ports::{KeyToken, PortError, PortResult};

/// Budget of making a key: a large RSA key takes a token many seconds, and one given up would stay on it.
const GENERATION: Duration = Duration::from_mins(1);

/// One token of one PKCS #11 module.
pub struct Pkcs11Token {
    pool: Arc<Pool>,
    seats: Arc<Semaphore>,
}

impl Pkcs11Token {
    /// Loads the module. The token itself is first asked when a key is needed.
    ///
    /// # Errors
    /// The module cannot be loaded or initialised.
    pub fn open(settings: TokenSettings) -> PortResult<Self> {
        let seats = Arc::new(Semaphore::new(settings.sessions));
        Ok(Self { pool: Arc::new(Pool::open(settings)?), seats })
    }

    /// Runs `work` on a session of its own, within its budget. A call that hangs keeps its seat, so that
    /// no more threads than seats can hang.
    async fn on_token<T, Work>(&self, budget: Duration, work: Work) -> PortResult<T>
    where
        T: Send + 'static,
        Work: Fn(&mut Seat<'_>) -> Result<T, TokenError> + Send + 'static,
    {
        let deadline = Instant::now() + budget;
        let seat = tokio::time::timeout_at(deadline, Arc::clone(&self.seats).acquire_owned())
            .await
            .map_err(|_| PortError::Unavailable(String::from("every session of the token is busy")))?
            .map_err(|_| PortError::Unavailable(String::from("the token is closed")))?;
        let pool = Arc::clone(&self.pool);
        let called = tokio::task::spawn_blocking(move || {
            let done = pool.with_session(&work);
            drop(seat);
            done
        });
        let done = tokio::time::timeout_at(deadline, called).await;
        let done =
            done.map_err(|_| PortError::Unavailable(String::from("the token did not answer in time")))?;
        Ok(done.map_err(|_| PortError::Unavailable(String::from("the call to the token broke")))??)
    }
}

#[async_trait]
impl KeyToken for Pkcs11Token {
    async fn generate(&self, algorithm: Algorithm) -> PortResult<Jwk> {
        self.on_token(GENERATION, move |seat| keys::generate(seat, algorithm)).await
    }

    async fn sign(&self, kid: &str, algorithm: Algorithm, input: &[u8]) -> PortResult<Vec<u8>> {
        let (kid, input) = (kid.to_owned(), input.to_vec());
        self.on_token(self.pool.settings.timeout, move |seat| keys::sign(seat, &kid, algorithm, &input)).await
    }

    async fn destroy(&self, kid: &str) -> PortResult<()> {
        let kid = kid.to_owned();
        self.on_token(self.pool.settings.timeout, move |seat| keys::destroy(seat, &kid)).await
    }

    async fn held(&self) -> PortResult<Vec<String>> {
        self.on_token(self.pool.settings.timeout, keys::held).await
    }
}

impl fmt::Debug for Pkcs11Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pkcs11Token").field("settings", &self.pool.settings).finish_non_exhaustive()
    }
}

/// Why the token gave nothing. Fit for the log: no PIN.
#[derive(Debug, thiserror::Error)]
enum TokenError {
    #[error("{0}")]
    Module(#[from] cryptoki::error::Error),
    #[error("no token has the label of the setting keys.pkcs11.token")]
    NoToken,
    #[error("the file of the PIN cannot be read: {0}")]
    PinFile(std::io::Error),
    #[error("the token refused this PIN; it is not tried again before keys.pkcs11.pin_file changes")]
    PinRefused,
    #[error("the token holds no key {0}")]
    NoKey(String),
    #[error("the token cannot make keys for {0}")]
    Algorithm(&'static str),
    #[error("the token made a key that cannot be read")]
    Unreadable,
}

impl From<TokenError> for PortError {
    fn from(error: TokenError) -> Self {
        match error {
            TokenError::NoKey(_) | TokenError::Unreadable => Self::Corrupt(error.to_string()),
            _ => Self::Unavailable(error.to_string()),
        }
    }
}
