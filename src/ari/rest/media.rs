//! The request that finds out whether the PBX can play something, without playing it.

use super::{PlayBody, Rest, done};
use crate::{
    ari::failure::Failure,
    id::{ChannelId, PlaybackId},
};

impl Rest {
    /// Opens media on a channel and ends at once: how the playback ends says whether it can be played.
    ///
    /// # Errors
    /// [`Failure`], as [`Rest::play`].
    pub async fn try_media(
        &self,
        channel: &ChannelId,
        playback: &PlaybackId,
        media: &str,
    ) -> Result<(), Failure> {
        let channel = channel.to_string();
        let playback = playback.to_string();
        let path = ["channels", &channel, "play", &playback];
        let body = PlayBody {
            media,
            offsetms: Some(BEHIND_ALL_MS),
        };
        done(self.post(&path, &body).await?)
    }
}

/// Later than any message ends.
const BEHIND_ALL_MS: u32 = 36_000_000;
