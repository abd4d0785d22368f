//! The requests by which a channel is heard without leaving its place in the dialplan.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{HangUp, Rest, done, read};
use crate::{
    ari::{failure::Failure, wire::Bridge},
    id::{BridgeId, ChannelId},
};

/// A channel of chan_websocket that waits until we connect to it.
#[derive(Clone, Debug)]
pub struct ExternalMedia {
    /// The id that the channel is to have.
    pub channel: ChannelId,
    /// The app that it enters when we have connected.
    pub app: String,
    /// Channel variables and functions, set before it enters.
    pub variables: BTreeMap<String, String>,
}

/// What it takes to hear a channel.
impl Rest {
    /// Makes a channel that carries a copy of what another one receives, and enters an app.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn snoop(
        &self,
        of: &ChannelId,
        snoop: &ChannelId,
        app: &str,
        app_args: &str,
    ) -> Result<(), Failure> {
        let (of, snoop) = (of.to_string(), snoop.to_string());
        let body = SnoopBody {
            spy: "in",
            app,
            app_args,
        };
        done(
            self.post(&["channels", &of, "snoop", &snoop], &body)
                .await?,
        )
    }

    /// Makes a channel that carries μ-law both ways once we have connected to it; returns the id under which it waits for us,
    /// `None` if the PBX has none.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn external_media(&self, media: &ExternalMedia) -> Result<Option<String>, Failure> {
        let channel = media.channel.to_string();
        let body = MediaBody {
            channel_id: &channel,
            app: &media.app,
            external_host: "INCOMING",
            encapsulation: "none",
            transport: "websocket",
            connection_type: "server",
            format: "ulaw",
            variables: &media.variables,
        };
        let made: Made = read(self.post(&["channels", "externalMedia"], &body).await?)?;
        let connection_id = made.channelvars.connection_id;
        if connection_id.as_ref().is_some_and(|id| !id.is_empty()) {
            return Ok(connection_id);
        }
        let found = self.variable(&channel, CONNECTION_ID).await?;
        Ok(found.filter(|id| !id.is_empty()))
    }

    /// Makes a bridge that mixes.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn create_bridge(&self, bridge: &BridgeId) -> Result<(), Failure> {
        let id = bridge.to_string();
        let body = BridgeBody { r#type: "mixing" };
        done(self.post(&["bridges", &id], &body).await?)
    }

    /// Brings channels into a bridge.
    ///
    /// # Errors
    /// [`Failure`]; 422 ([`crate::drop::RefusalKind::WrongState`]) if one of them has not entered the app yet.
    pub async fn add_to_bridge(
        &self,
        bridge: &BridgeId,
        channels: &[&ChannelId],
    ) -> Result<(), Failure> {
        let id = bridge.to_string();
        // A list here: what is between commas in a body is one id.
        let body = AddBody {
            channel: channels
                .iter()
                .map(|channel| self.adopted.theirs(&channel.to_string()).into_owned())
                .collect(),
        };
        done(self.post(&["bridges", &id, "addChannel"], &body).await?)
    }

    /// Ends a bridge; the channels in it live on.
    ///
    /// # Errors
    /// [`Failure`], never [`crate::drop::RefusalKind::NotFound`].
    pub async fn end_bridge(&self, bridge: &BridgeId) -> Result<HangUp, Failure> {
        self.end(&["bridges", &bridge.to_string()]).await
    }

    /// All bridges of the PBX; none if it cannot make any.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn bridges(&self) -> Result<Vec<Bridge>, Failure> {
        let found = self.find(&["bridges"], &[]).await?;
        Ok(found.unwrap_or_default())
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SnoopBody<'a> {
    spy: &'a str,
    app: &'a str,
    app_args: &'a str,
}

#[derive(Serialize)]
struct MediaBody<'a> {
    #[serde(rename = "channelId")]
    channel_id: &'a str,
    app: &'a str,
    external_host: &'a str,
    encapsulation: &'a str,
    transport: &'a str,
    connection_type: &'a str,
    format: &'a str,
    variables: &'a BTreeMap<String, String>,
}

#[derive(Serialize)]
struct BridgeBody {
    r#type: &'static str,
}

#[derive(Serialize)]
struct AddBody {
    channel: Vec<String>,
}

/// The part of a new channel that holds the id under which it waits for us.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Made {
    channelvars: Variables,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Variables {
    #[serde(rename = "MEDIA_WEBSOCKET_CONNECTION_ID")]
    connection_id: Option<String>,
}

const CONNECTION_ID: &str = "MEDIA_WEBSOCKET_CONNECTION_ID";
