//! The requests that make and end what carries a leg's audio by chan_websocket: a channel to us, and a bridge with the leg.
//!
//! The leg stays in our app, so that nothing of it ends with the connection: it is given a short limit, again and again, for as
//! long as we listen.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use tokio::{
    sync::Notify,
    time::{sleep, timeout},
};
use tracing::{debug, warn};

use crate::{
    ari::{Connection, ExternalMedia, Failure, HangUp, Rest, WebSockets, whole_seconds},
    drop::RefusalKind,
    id::{BridgeId, ChannelId, Role},
    runtime::call::{LIMIT, NO_CDR},
};

/// What carries one leg's audio.
#[derive(Clone)]
pub(crate) struct TapChannels {
    pub(crate) rest: Rest,
    pub(crate) sockets: WebSockets,
    pub(crate) app: String,
    pub(crate) leg: ChannelId,
    /// How long the drop can last at most; our channel ends then, if it is not ended before.
    pub(crate) lasts: Duration,
    /// Our channel is in our app.
    pub(crate) entered: Arc<Notify>,
}

impl TapChannels {
    /// Makes the channel and the bridge, connects, and joins the leg.
    ///
    /// # Errors
    /// Why the leg cannot be heard.
    pub(crate) async fn open(&self) -> Result<Connection, String> {
        let opened = timeout(OPENING, self.make()).await;
        opened.unwrap_or_else(|_| {
            let seconds = OPENING.as_secs();
            Err(format!(
                "the PBX's websocket did not connect within {seconds} s"
            ))
        })
    }

    async fn make(&self) -> Result<Connection, String> {
        let words = |failure: Failure| failure.detail;
        let media = ExternalMedia {
            channel: self.tap(),
            app: self.app.clone(),
            variables: BTreeMap::from([
                (NO_CDR.to_owned(), "1".to_owned()),
                (LIMIT.to_owned(), whole_seconds(self.lasts).to_string()),
            ]),
        };
        let bridge = self.bridge();
        let (id, bridged) = tokio::join!(
            self.rest.external_media(&media),
            self.rest.create_bridge(&bridge)
        );
        let id = id.map_err(words)?;
        let id = id.ok_or("the PBX names no websocket to connect to")?;
        bridged.map_err(words)?;
        let connection = self.sockets.connect(&id).await;
        let connection =
            connection.map_err(|error| format!("the PBX's media websocket: {error}"))?;
        // It enters when we have connected.
        self.entered.notified().await;
        self.join().await.map_err(words)?;
        Ok(connection)
    }

    async fn join(&self) -> Result<(), Failure> {
        let (bridge, tap) = (self.bridge(), self.tap());
        let mut tries = ADD_TRIES;
        loop {
            let added = self.rest.add_to_bridge(&bridge, &[&self.leg, &tap]).await;
            tries -= 1;
            match added {
                // The PBX has said that it entered, and may still not have written it down.
                Err(failure) if failure.kind == RefusalKind::WrongState && tries > 0 => {
                    sleep(ADD_AGAIN).await;
                }
                done => return done,
            }
        }
    }

    /// Ends the channel and the bridge; returns whether both are gone. What is left is the sweep's.
    pub(crate) async fn end(&self) -> bool {
        let (tap, bridge) = (self.tap().to_string(), self.bridge());
        let (channel, bridge) = tokio::join!(
            insist(|| self.rest.hang_up(&tap)),
            insist(|| self.rest.end_bridge(&bridge)),
        );
        channel && bridge
    }

    /// Has the PBX end the leg [`DEAD_MAN_LIMIT`] from now, should we ask for no more.
    pub(super) async fn renew(&self) {
        let seconds = DEAD_MAN_LIMIT.as_secs().to_string();
        let request = self.rest.set_variable(&self.leg, LIMIT, &seconds);
        match timeout(PATIENCE, request).await {
            Ok(Ok(())) => {}
            Ok(Err(failure)) => {
                debug!(
                    detail = failure.detail,
                    "the pbx gave the call no more time"
                );
            }
            Err(_) => {
                warn!("the pbx does not say whether it gave the call more time");
                // It may still be on its way, and must not come after another limit.
                sleep(STRAY).await;
            }
        }
    }

    fn tap(&self) -> ChannelId {
        ChannelId {
            role: Role::Tap,
            ..self.leg.clone()
        }
    }

    fn bridge(&self) -> BridgeId {
        BridgeId {
            run: self.leg.run.clone(),
            drop: self.leg.drop,
        }
    }
}

/// Asks a few times for the end of something; returns whether it is gone.
async fn insist<F>(mut ask: impl FnMut() -> F) -> bool
where
    F: Future<Output = Result<HangUp, Failure>>,
{
    for pause in END_AGAIN {
        match timeout(PATIENCE, ask()).await {
            Ok(Ok(HangUp::Done | HangUp::NotThere)) => return true,
            Ok(Err(failure)) => debug!(detail = failure.detail, "it cannot be ended yet"),
            Err(_) => debug!("no reply to a request to end it"),
        }
        sleep(pause).await;
    }
    warn!("what carried a call's audio cannot be ended; the sweep at the end of the run does");
    false
}

/// How long the PBX keeps a leg in a bridge with us, should we be gone: longer than two renewals that get lost and a third.
pub(crate) const DEAD_MAN_LIMIT: Duration = Duration::from_secs(10);

/// From one renewal to the next.
pub(super) const RENEWAL: Duration = Duration::from_secs(3);

/// Until the connection is there.
const OPENING: Duration = Duration::from_secs(5);

/// How long one request may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// How long a renewal without a reply may still be on its way.
const STRAY: Duration = Duration::from_secs(1);

/// Tries to join the channels, and the pause between two.
const ADD_TRIES: u32 = 10;
const ADD_AGAIN: Duration = Duration::from_millis(40);

/// Pauses after each failed try to end something.
const END_AGAIN: [Duration; 3] = [
    Duration::from_millis(200),
    Duration::from_secs(1),
    Duration::from_secs(3),
];
