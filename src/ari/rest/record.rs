//! The requests by which a call is recorded, and what was recorded is fetched and removed.

use std::time::Duration;

use reqwest::Method;
use serde::Serialize;

use super::{HangUp, Rest, complaint, done, whole_seconds};
use crate::ari::{failure::Failure, wire::PbxRecording};

/// A recording of what a caller says.
#[derive(Clone, Debug)]
pub struct NewRecording {
    /// The name that it is to have.
    pub name: String,
    /// Asterisk's name of its format, such as `wav`.
    pub format: &'static str,
    /// How long it may be; whole seconds, at least one.
    pub longest: Duration,
    /// How long it may be silent until it ends; whole seconds, at least one.
    pub silence: Duration,
}

/// What it takes to record a call.
impl Rest {
    /// Begins to record what comes from a channel, until `#` is pressed, it is silent, or it is too long.
    ///
    /// # Errors
    /// [`Failure`]; 409 if there is a recording of this name.
    pub async fn record(&self, channel: &str, recording: &NewRecording) -> Result<(), Failure> {
        let body = RecordBody {
            name: &recording.name,
            format: recording.format,
            max_duration_seconds: whole_seconds(recording.longest),
            max_silence_seconds: whole_seconds(recording.silence),
            if_exists: "fail",
            beep: false,
            terminate_on: "#",
        };
        done(self.post(&["channels", channel, "record"], &body).await?)
    }

    /// A recording that is being made; `None` if there is none of this name.
    ///
    /// # Errors
    /// [`Failure`], never [`crate::drop::RefusalKind::NotFound`].
    pub async fn live_recording(&self, name: &str) -> Result<Option<PbxRecording>, Failure> {
        self.find(&["recordings", "live", name], &[]).await
    }

    /// Ends a recording that is being made, and keeps nothing of it.
    ///
    /// # Errors
    /// [`Failure`], never [`crate::drop::RefusalKind::NotFound`].
    pub async fn cancel_recording(&self, name: &str) -> Result<HangUp, Failure> {
        self.end(&["recordings", "live", name]).await
    }

    /// All recordings that the PBX has.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn recordings(&self) -> Result<Vec<PbxRecording>, Failure> {
        self.get(&["recordings", "stored"], &[]).await
    }

    /// The bytes of a recording; `None` if there is none of this name.
    ///
    /// # Errors
    /// [`Failure`], never [`crate::drop::RefusalKind::NotFound`].
    pub async fn recording(&self, name: &str) -> Result<Option<Vec<u8>>, Failure> {
        let path = ["recordings", "stored", name, "file"];
        let reply = self.send(Method::GET, &path, &[], None).await?;
        match reply.status {
            200..=299 => Ok(Some(reply.body)),
            404 => Ok(None),
            status => Err(complaint(status, &reply.body)),
        }
    }

    /// Removes a recording.
    ///
    /// # Errors
    /// [`Failure`], never [`crate::drop::RefusalKind::NotFound`].
    pub async fn remove_recording(&self, name: &str) -> Result<HangUp, Failure> {
        self.end(&["recordings", "stored", name]).await
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RecordBody<'a> {
    name: &'a str,
    format: &'a str,
    max_duration_seconds: u64,
    max_silence_seconds: u64,
    if_exists: &'a str,
    beep: bool,
    terminate_on: &'a str,
}
