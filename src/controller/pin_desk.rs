//! The one place that looks at PINs which were typed at a telephone.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Semaphore;

use super::run_of::SharedRun;
use crate::{
    auth::{Action, KeptUser, Object, PasswordDigest, Pin, allows},
    clock,
    record::{CallerTries, TypedDigits},
    store::StoreError,
    tasks,
};

/// Looks at PINs, one at a time: that takes tens of milliseconds of a core. Clones are the same.
#[derive(Clone, Debug)]
pub(super) struct PinDesk {
    callers: Arc<Mutex<CallerTries>>,
    turn: Arc<Semaphore>,
}

impl Default for PinDesk {
    fn default() -> Self {
        Self {
            callers: Arc::default(),
            turn: Arc::new(Semaphore::new(1)),
        }
    }
}

impl PinDesk {
    /// Whose PIN it is, if that user may record; `None` if it is nobody's who may.
    ///
    /// # Errors
    /// [`PinTrouble`]: it was not looked at.
    pub(super) async fn look(
        self,
        shared: &SharedRun,
        typed: TypedDigits,
        caller: &str,
    ) -> Result<Option<KeptUser>, PinTrouble> {
        let may_try = self
            .callers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .may_try(caller, clock::now());
        if !may_try {
            return Err(PinTrouble::Barred);
        }
        let found = self.compare(shared, typed).await?;
        let mut callers = self.callers.lock().unwrap_or_else(PoisonError::into_inner);
        match &found {
            Some(_) => callers.note_right(caller),
            None => callers.note_wrong(caller, clock::now()),
        }
        Ok(found)
    }

    async fn compare(
        &self,
        shared: &SharedRun,
        typed: TypedDigits,
    ) -> Result<Option<KeptUser>, PinTrouble> {
        let pin = Pin::parse(typed.expose());
        let tried = match &pin {
            Some(pin) => {
                shared
                    .store
                    .try_pin(pin.number(), shared.clock.now())
                    .await?
            }
            None => None,
        };
        let (user, digest) = tried.unzip();
        let user = user.filter(may_record);
        // As long for a number that nobody has, and for somebody who may not.
        let digest = digest
            .filter(|_| user.is_some())
            .unwrap_or_else(PasswordDigest::of_nobody);
        let given = pin.clone().unwrap_or_else(|| Pin::of(&[0; 8]));
        let turn = self.turn.acquire().await;
        let fits = tasks::blocking(move || given.fits(&digest)).await;
        drop(turn);
        let (Some(pin), true) = (pin, fits) else {
            return Ok(None);
        };
        shared.store.pin_was_right(pin.number()).await?;
        Ok(user)
    }
}

/// Why it is not known whose PIN it is.
pub(super) enum PinTrouble {
    /// The caller was wrong too often.
    Barred,
    /// The database does not say.
    Store(StoreError),
}

impl From<StoreError> for PinTrouble {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Whether a user may record at this moment.
pub(super) fn may_record(user: &KeptUser) -> bool {
    let may = allows(&user.principal(), Action::PrepareMessage, Object::Any);
    user.disabled_at.is_none() && may.is_ok()
}
