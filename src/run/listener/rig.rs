//! The requests that make and end what serves a leg that is listened to.

use std::{collections::BTreeMap, time::Duration};

use tokio::time::{error::Elapsed, sleep, timeout};
use tracing::{debug, warn};
use uuid::Uuid;

use super::leash::{PATIENCE, STRAY};
use crate::{
    ari::{ExternalMedia, Failure, HangUp, Rest},
    drop::RefusalKind,
    id::{BridgeId, ChannelId, Role},
    run::dialler::{LIMIT, NO_CDR, whole_seconds},
};

/// The requests that make and end what serves the drop.
#[derive(Clone)]
pub(super) struct Rig {
    pub(super) rest: Rest,
    pub(super) app: String,
    pub(super) leg: ChannelId,
    /// How long the drop can last at most. The copies of the leg end with it, and the tap with its connection; after
    /// this even where the network went without a word.
    pub(super) lasts: Duration,
}

impl Rig {
    pub(super) async fn make(&self, host: String, uuid: Uuid) -> Result<(), Failure> {
        let media = ExternalMedia {
            channel: self.channel(Role::Tap),
            app: self.app.clone(),
            host,
            uuid,
            variables: BTreeMap::from([
                (NO_CDR.to_owned(), "1".to_owned()),
                (LIMIT.to_owned(), self.lasts.as_secs().to_string()),
            ]),
        };
        let bridge = self.bridge_id();
        let (snooped, tapped, bridged) = tokio::join!(
            self.snoop(Role::Snoop),
            self.rest.external_media(&media),
            self.rest.create_bridge(&bridge),
        );
        snooped.and(tapped).and(bridged)
    }

    pub(super) async fn snoop(&self, role: Role) -> Result<(), Failure> {
        let args = self.leg.drop.to_string();
        self.rest
            .snoop(&self.leg, &self.channel(role), &self.app, &args)
            .await
    }

    pub(super) async fn bridge(&self) -> Result<(), Failure> {
        let (snoop, tap) = (self.channel(Role::Snoop), self.channel(Role::Tap));
        let bridge = self.bridge_id();
        // A copy of a call is no call, and has no place in the PBX's call records.
        if let Err(failure) = self.rest.set_variable(&snoop, NO_CDR, "1").await {
            debug!(words = failure.words, "the copy stays in the call records");
        }
        let mut tries = ADD_TRIES;
        loop {
            let added = self.rest.add_to_bridge(&bridge, &[&snoop, &tap]).await;
            tries -= 1;
            match added {
                // The PBX has told that they entered, and may still not have written it down.
                Err(failure) if failure.kind == RefusalKind::WrongState && tries > 0 => {
                    sleep(ADD_AGAIN).await;
                }
                done => return done,
            }
        }
    }

    /// Has the PBX end the leg this long from now, should we ask for no more; returns whether it will. Where no reply
    /// came, returns only when the request can reach the PBX no more.
    pub(super) async fn renew(&self, after: Duration) -> bool {
        let seconds = whole_seconds(after).as_secs().to_string();
        let request = self.rest.set_variable(&self.leg, LIMIT, &seconds);
        let words = match timeout(PATIENCE, request).await {
            Ok(Ok(())) => return true,
            Ok(Err(failure)) => {
                if failure.kind == RefusalKind::NoReply {
                    sleep(STRAY).await;
                }
                failure.words
            }
            Err(Elapsed { .. }) => {
                sleep(STRAY).await;
                format!("no reply within {} s", PATIENCE.as_secs())
            }
        };
        warn!(words, "the pbx gave the call no more time");
        false
    }

    pub(super) async fn run_amd(&self) -> Result<(), Failure> {
        let amd = self.channel(Role::Amd);
        let back = format!("{},{}", self.app, self.leg.drop);
        self.rest.set_variable(&amd, AMD_RETURN, &back).await?;
        self.rest.continue_in(&amd, AMD_CONTEXT, "s", 1).await
    }

    pub(super) async fn end(&self, role: Role) {
        let channel = self.channel(role).to_string();
        insist(&channel, || self.rest.hang_up(&channel)).await;
    }

    pub(super) async fn end_bridge(&self) {
        let bridge = self.bridge_id();
        insist("the bridge", || self.rest.end_bridge(&bridge)).await;
    }

    fn channel(&self, role: Role) -> ChannelId {
        ChannelId {
            role,
            ..self.leg.clone()
        }
    }

    fn bridge_id(&self) -> BridgeId {
        BridgeId {
            run: self.leg.run.clone(),
            drop: self.leg.drop,
        }
    }
}

/// Asks a few times for the end of something; what is left then is the sweep's.
async fn insist<F>(what: &str, mut ask: impl FnMut() -> F)
where
    F: Future<Output = Result<HangUp, Failure>>,
{
    for pause in END_AGAIN {
        match ask().await {
            Ok(HangUp::Done | HangUp::NotThere) => return,
            Err(failure) => {
                debug!(what, words = failure.words, "cannot be ended yet");
                sleep(pause).await;
            }
        }
    }
    warn!(
        what,
        "cannot be ended; the sweep at the end of the run does"
    );
}

/// Tries to join the channels, and the pause between two.
const ADD_TRIES: u32 = 10;
const ADD_AGAIN: Duration = Duration::from_millis(40);

/// Pauses after each failed try to end something.
const END_AGAIN: [Duration; 3] = [
    Duration::from_millis(200),
    Duration::from_secs(1),
    Duration::from_secs(3),
];

/// Where AMD listens to its copy, and the variable that names the way back.
pub(in crate::run) const AMD_CONTEXT: &str = "aftertone-amd";
const AMD_RETURN: &str = "AFTERTONE_RETURN";
