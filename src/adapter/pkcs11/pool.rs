//! Sessions on the token, opened when needed and kept (PKCS #11 v2.40, 5.6).
//!
//! A login is of the whole process, not of one session. A session that failed is dropped with every idle one: they may
//! all be of a token that left. Some modules never see a token again that left: when a new session fails too, the
//! module is initialised anew as soon as no call is under way (5.4: `C_Finalize`, `C_Initialize`).

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock, TryLockError};
use std::time::{Duration, Instant};

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error, RvError};
use cryptoki::object::ObjectHandle;
use cryptoki::session::{Session, UserType};
use cryptoki::slot::Slot;
use cryptoki::types::AuthPin;
use zeroize::Zeroizing;

use super::{TokenError, TokenSettings};
use crate::base::sha256;

/// The sessions of one token.
pub(super) struct Pool {
    pub(super) settings: TokenSettings,
    module: Pkcs11,
    idle: Mutex<Vec<Seated>>,
    /// Hash of the PIN that the token refused.
    refused_pin: Mutex<Option<[u8; 32]>>,
    /// When a new session failed; read by every call under way, written alone.
    failed: RwLock<Option<Instant>>,
}

/// Between a failure and the initialisation that follows it, so that the module is not worn out while the token is away.
const RESPITE: Duration = Duration::from_millis(500);

/// A session and where the keys are in it.
struct Seated {
    session: Session,
    handles: HashMap<String, ObjectHandle>,
}

/// A session lent for one call.
pub(super) struct Seat<'a> {
    pub(super) session: &'a Session,
    pub(super) handles: &'a mut HashMap<String, ObjectHandle>,
}

impl Pool {
    /// Loads and initialises the module.
    pub(super) fn open(settings: TokenSettings) -> Result<Self, TokenError> {
        let module = Pkcs11::new(&settings.module)?;
        initialise(&module)?;
        let (idle, refused_pin, failed) = (Mutex::default(), Mutex::default(), RwLock::default());
        Ok(Self { settings, module, idle, refused_pin, failed })
    }

    /// Runs `work` on a session. A kept session may have died with its token unnoticed: then `work` is done again on
    /// a new one, once.
    pub(super) fn with_session<T>(
        &self,
        work: &impl Fn(&mut Seat<'_>) -> Result<T, TokenError>,
    ) -> Result<T, TokenError> {
        self.begin_anew()?;
        let done = {
            let _under_way = self.failed.read().unwrap_or_else(PoisonError::into_inner);
            self.try_session(work)
        };
        if done.as_ref().err().is_some_and(is_stale)
            && let Ok(mut failed) = self.failed.try_write()
        {
            failed.get_or_insert_with(Instant::now);
        }
        done
    }

    fn try_session<T>(
        &self,
        work: &impl Fn(&mut Seat<'_>) -> Result<T, TokenError>,
    ) -> Result<T, TokenError> {
        let kept = self.idle().pop();
        if let Some(seated) = kept {
            match self.run(seated, work) {
                Err(error) if is_stale(&error) => {}
                done => return done,
            }
        }
        self.run(self.seat()?, work)
    }

    /// Initialises the module anew after a failure, unless a call is under way, which this would break.
    fn begin_anew(&self) -> Result<(), TokenError> {
        let mut failed = match self.failed.try_write() {
            Ok(failed) => failed,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return Ok(()),
        };
        if failed.is_none_or(|at| at.elapsed() < RESPITE) {
            return Ok(());
        }
        self.idle().clear();
        // One that says it was not initialised is as good.
        let _ = self.module.clone().finalize();
        initialise(&self.module)?;
        *failed = None;
        Ok(())
    }

    fn run<T>(
        &self,
        mut seated: Seated,
        work: &impl Fn(&mut Seat<'_>) -> Result<T, TokenError>,
    ) -> Result<T, TokenError> {
        let done = work(&mut Seat { session: &seated.session, handles: &mut seated.handles });
        if done.as_ref().err().is_some_and(is_stale) {
            self.idle().clear();
        } else {
            self.idle().push(seated);
        }
        done
    }

    fn seat(&self) -> Result<Seated, TokenError> {
        let session = self.module.open_rw_session(self.slot()?)?;
        self.log_in(&session)?;
        Ok(Seated { session, handles: HashMap::new() })
    }

    fn slot(&self) -> Result<Slot, TokenError> {
        for slot in self.module.get_slots_with_initialized_token()? {
            if self.module.get_token_info(slot)?.label() == self.settings.label {
                return Ok(slot);
            }
        }
        Err(TokenError::NoToken)
    }

    fn log_in(&self, session: &Session) -> Result<(), TokenError> {
        let text = std::fs::read_to_string(&self.settings.pin_file).map_err(TokenError::PinFile)?;
        let text = Zeroizing::new(text);
        let pin = text.lines().next().unwrap_or_default();
        let mut refused = self.refused_pin.lock().unwrap_or_else(PoisonError::into_inner);
        let hash = sha256(&[pin.as_bytes()]);
        if *refused == Some(hash) {
            return Err(TokenError::PinRefused);
        }
        match session.login(UserType::User, Some(&AuthPin::new(pin.into()))) {
            Ok(()) | Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => Ok(()),
            Err(Error::Pkcs11(
                RvError::PinIncorrect | RvError::PinLocked | RvError::PinInvalid | RvError::PinLenRange,
                _,
            )) => {
                *refused = Some(hash);
                Err(TokenError::PinRefused)
            }
            Err(error) => Err(error.into()),
        }
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Seated>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn initialise(module: &Pkcs11) -> Result<(), TokenError> {
    match module.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
        Ok(()) | Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Whether the session, or what it knew of the token, is of no use any more.
fn is_stale(error: &TokenError) -> bool {
    matches!(error, TokenError::Module(_) | TokenError::NoKey(_) | TokenError::NoToken)
}
