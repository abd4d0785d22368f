//! Deletes what is too old, as `[retention]` says: once a day, by one controller of the database.

use std::{sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};
use tokio::{
    sync::{mpsc, watch},
    task::spawn_blocking,
    time::sleep,
};
use tracing::{debug, info, warn};

use super::Input;
use crate::{
    audio::SpeechSettings,
    clock::Steady,
    config::Config,
    error_chain::chain,
    store::{ControllerLease, Prunable, Store},
};

/// What is too old by now.
pub fn prunable(config: &Config, now: Timestamp) -> Prunable {
    let retention = config.retention;
    let before = |age| {
        let age = SignedDuration::try_from(age).unwrap_or(SignedDuration::MAX);
        now.checked_sub(age).unwrap_or(Timestamp::MIN)
    };
    // Clocks of controllers differ a little, and a cap counts from the start of a drop.
    let history = config.gate.history() + SignedDuration::from_hours(24);
    let history = now.checked_sub(history).unwrap_or(Timestamp::MIN);
    Prunable {
        drops_before: retention.drops.map(|age| before(age).min(history)),
        decisions_before: retention.decisions.map(before),
        campaigns_before: retention.campaigns.map(|age| before(age).min(history)),
        events_before: retention.events.map(before),
        events_at_most: Some(retention.events_at_most),
    }
}

/// Looks whether it is this controller's turn, over and over.
pub(super) struct Pruner {
    /// The configuration in force.
    pub(super) config: watch::Receiver<Config>,
    pub(super) store: Store,
    pub(super) holder: ControllerLease,
    pub(super) clock: Arc<Steady>,
    pub(super) inputs: mpsc::UnboundedSender<Input>,
}

impl Pruner {
    pub(super) async fn work(self) {
        loop {
            if let Err(words) = self.look().await {
                warn!(error = words.as_str(), "what is too old was not deleted");
                // First for those who look later: a controller that has said it may end at once.
                let noted = self.store.end_prune_turn(Some(&words), self.clock.now());
                if let Err(error) = noted.await {
                    debug!(error = chain(&error), "that cannot be noted");
                }
                let _ = self.inputs.send(Input::NotPruned(words));
            }
            sleep(LOOK_EVERY).await;
        }
    }

    /// Deletes what is too old, if it is this controller's turn.
    async fn look(&self) -> Result<(), String> {
        // What is deleted by a wrong clock does not come back.
        if !self.clock.is_certain() {
            return Ok(());
        }
        let now = self.clock.now();
        let what = prunable(&self.config.borrow(), now);
        match self.store.take_prune_turn(&self.holder, now).await {
            Ok(true) => {}
            Ok(false) => return Ok(()),
            // It is asked again in a minute: nothing was begun.
            Err(error) => {
                debug!(
                    error = chain(&error),
                    "whose turn it is to delete is not known"
                );
                return Ok(());
            }
        }
        let pruned = self.store.prune(&what, |_| self.clock.is_certain());
        let pruned = pruned.await.map_err(|error| chain(&error))?;
        if let Some(doubt) = self.clock.doubt() {
            return Err(doubt.to_string());
        }
        let ended = self.store.end_prune_turn(None, self.clock.now());
        ended.await.map_err(|error| chain(&error))?;
        info!(
            campaigns = pruned.campaigns,
            contacts = pruned.contacts,
            drops = pruned.drops,
            decisions = pruned.decisions,
            events = pruned.events,
            "what was too old is deleted"
        );
        Ok(())
    }
}

/// Removes what a command has spoken on this machine and nobody has used lately, over and over.
pub(super) async fn prune_speech(config: watch::Receiver<Config>, clock: Arc<Steady>) {
    loop {
        let (library, keep) = {
            let config = config.borrow();
            (config.messages().library(), speech_kept(&config))
        };
        let now = clock.now();
        if let Ok(library) = library {
            let pruned = spawn_blocking(move || library.prune_speech(keep, now.into()));
            match pruned.await {
                Ok(Ok(0)) => {}
                Ok(Ok(files)) => info!(files, "speech that was not used is removed"),
                Ok(Err(error)) => warn!(%error, "speech that was not used is not removed"),
                Err(error) => warn!(%error, "speech that was not used is not removed"),
            }
        }
        sleep(SPEECH_EVERY).await;
    }
}

/// How long speech is kept without use.
pub fn speech_kept(config: &Config) -> Duration {
    let speech = config.speech.as_ref();
    speech.map_or(SpeechSettings::KEEP, |speech| speech.keep)
}

/// How often speech is looked through: ten contacts a second bring half a gigabyte by then.
const SPEECH_EVERY: Duration = Duration::from_secs(600);

/// How often it is looked at whose turn it is.
const LOOK_EVERY: Duration = Duration::from_secs(60);
