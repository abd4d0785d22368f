//! The requests that let a channel be heard while it stays where it is.

use serde::Serialize;

use super::{HangUp, Rest, done};
use crate::{
    ari::{failure::Failure, wire::Bridge},
    id::{BridgeId, ChannelId},
};

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

    /// Ends a bridge; the channels in it live on.
    ///
    /// # Errors
    /// [`Failure`], never [`crate::drop::RefusalKind::NotFound`].
    pub async fn end_bridge(&self, bridge: &BridgeId) -> Result<HangUp, Failure> {
        self.end(&["bridges", &bridge.to_string()]).await
    }

    /// All bridges of the PBX; none where it cannot make any.
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
