//! How a leg's audio connection comes to be, and what has to be done for as long as it is there.

use std::time::Instant;

use tokio::{
    task::JoinError,
    time::{Instant as TokioInstant, sleep_until},
};
use tokio_util::task::AbortOnDropHandle;
use tracing::Instrument as _;

use super::tap_channels::{RENEWAL, TapChannels};
use crate::{
    ari::{Connection, Expected},
    clock,
};

/// A connection that is to come.
pub(crate) enum Coming {
    /// The PBX connects to us, for as long as the leg is in the dialplan.
    ToUs(Expected),
    /// We connect to the PBX, and the leg stays in our app.
    FromUs(Box<FromUs>),
}

/// A connection that we make.
pub(crate) struct FromUs {
    tap_channels: TapChannels,
    /// `None` until it begins, and when it is done.
    opening: Option<AbortOnDropHandle<Result<Connection, String>>>,
    begun: bool,
    /// When the leg is to be given more time, unless that is under way.
    renew_at: Instant,
    renewal: Option<AbortOnDropHandle<()>>,
}

impl Coming {
    /// A connection that this makes.
    pub(crate) fn from_us(tap_channels: TapChannels) -> Self {
        Self::FromUs(Box::new(FromUs {
            tap_channels,
            opening: None,
            begun: false,
            renew_at: clock::now() + RENEWAL,
            renewal: None,
        }))
    }

    /// Waits for the connection, unless it is `there`, and makes it if it is ours to make. Meanwhile, and for ever after, it does
    /// what keeps the leg alive.
    ///
    /// # Errors
    /// Why there is no connection.
    pub(super) async fn come(&mut self, there: bool) -> Result<Connection, String> {
        match self {
            Self::ToUs(_) if there => std::future::pending().await,
            Self::ToUs(expected) => Ok(expected.come().await),
            Self::FromUs(from_us) => from_us.come().await,
        }
    }

    /// The channel that carries the audio is in our app.
    pub(super) fn entered(&self) {
        if let Self::FromUs(from_us) = self {
            from_us.tap_channels.entered.notify_one();
        }
    }

    /// Takes down what we made; returns whether the leg is in our app and free.
    pub(super) async fn end(self) -> bool {
        match self {
            Self::ToUs(_) => false,
            Self::FromUs(from_us) => from_us.end().await,
        }
    }
}

impl FromUs {
    async fn come(&mut self) -> Result<Connection, String> {
        if !self.begun {
            self.begun = true;
            let tap_channels = self.tap_channels.clone();
            let opening = async move { tap_channels.open().await }.in_current_span();
            self.opening = Some(AbortOnDropHandle::new(tokio::spawn(opening)));
        }
        loop {
            tokio::select! {
                opened = done(&mut self.opening) => {
                    self.opening = None;
                    // A panic is a bug of ours, and has been reported by the runtime.
                    let failed = |_| Err("the audio connection could not be made".to_owned());
                    return opened.unwrap_or_else(failed);
                }
                _ = done(&mut self.renewal) => self.renewal = None,
                () = sleep_until(TokioInstant::from_std(self.renew_at)), if self.renewal.is_none() => {
                    self.renew_at = clock::now() + RENEWAL;
                    let tap_channels = self.tap_channels.clone();
                    let renewal = async move { tap_channels.renew().await }.in_current_span();
                    self.renewal = Some(AbortOnDropHandle::new(tokio::spawn(renewal)));
                }
            }
        }
    }

    async fn end(mut self) -> bool {
        // What is on its way must not come after what ends it.
        if let Some(opening) = self.opening.take() {
            let _ = opening.await;
        }
        if let Some(renewal) = self.renewal.take() {
            let _ = renewal.await;
        }
        self.tap_channels.end().await
    }
}

/// Waits for the end of a task; for ever if there is none.
async fn done<T>(task: &mut Option<AbortOnDropHandle<T>>) -> Result<T, JoinError> {
    match task {
        Some(task) => task.await,
        None => std::future::pending().await,
    }
}
