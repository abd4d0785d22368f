//! The line of somebody who calls us and hears prompts: what plays, and by when something has to come.

use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use tracing::debug;

use super::handed_over::hang_up;
use crate::{
    ari::{Failure, Rest},
    clock,
};

/// A line. `P` says which prompt plays.
pub(super) struct PromptedLine<P> {
    pub(super) rest: Rest,
    pub(super) channel: String,
    /// What its playbacks are named by: each has a number behind it.
    name: String,
    plays: u32,
    /// What plays, by the id of its playback.
    playing: Option<(String, P)>,
    /// When what is waited for has come at the latest.
    pub(super) timer: Option<Instant>,
    /// Whether they are on the line.
    pub(super) is_there: bool,
}

impl<P> PromptedLine<P> {
    /// A line on which nothing plays.
    pub(super) const fn new(rest: Rest, channel: String, name: String) -> Self {
        Self {
            rest,
            channel,
            name,
            plays: 0,
            playing: None,
            timer: None,
            is_there: true,
        }
    }

    /// Plays a prompt, which counts as over after `longest`.
    ///
    /// # Errors
    /// [`Failure`] of the PBX.
    pub(super) async fn play(
        &mut self,
        prompt: P,
        media: &str,
        longest: Duration,
    ) -> Result<(), Failure> {
        self.plays += 1;
        let playback = format!("{}-{}", self.name, self.plays);
        self.rest
            .play_prompt(&self.channel, &playback, media)
            .await?;
        self.playing = Some((playback, prompt));
        self.wait(longest);
        Ok(())
    }

    /// Ends what plays; nothing is waited for any more.
    pub(super) async fn silence(&mut self) {
        self.timer = None;
        if let Some((playback, _)) = self.playing.take()
            && let Err(failure) = self.rest.stop_prompt(&playback).await
        {
            debug!(playback, detail = failure.detail, "a prompt is not stopped");
        }
    }

    /// Waits for something for so long.
    pub(super) fn wait(&mut self, time: Duration) {
        self.timer = Some(clock::now() + time);
    }

    /// A playback is over; `None` if it is not the one that plays.
    pub(super) fn heard(&mut self, playback: &str) -> Option<P> {
        let (_, prompt) = self.playing.take_if(|(id, _)| id == playback)?;
        self.timer = None;
        Some(prompt)
    }

    /// What was waited for has not come: the prompt of whose end nothing was heard, if one plays.
    pub(super) fn elapsed(&mut self) -> Option<P> {
        self.timer = None;
        self.playing.take().map(|(_, prompt)| prompt)
    }

    pub(super) async fn hang_up(&self) {
        hang_up(&self.rest, &self.channel).await;
    }
}

/// Waits for what is there; for ever if nothing is.
pub(super) async fn until<T>(doing: &mut Option<BoxFuture<'static, T>>) -> T {
    match doing {
        Some(doing) => doing.await,
        None => std::future::pending().await,
    }
}

/// How much longer than its sound a playback may take before it counts as over.
pub(super) const SLACK: Duration = Duration::from_secs(5);
