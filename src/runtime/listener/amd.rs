//! The dialplan's AMD on a copy of the leg (a snoop channel): its word is one reason among others.

use std::time::Duration;

use tokio::time::sleep;
use tracing::{debug, warn};

use crate::{
    ari::{Failure, HangUp, Rest},
    id::{ChannelId, Role},
};

/// The requests that make and end the copy.
#[derive(Clone)]
pub(super) struct AmdCopy {
    rest: Rest,
    app: String,
    leg: ChannelId,
}

impl AmdCopy {
    pub(super) const fn new(rest: Rest, app: String, leg: ChannelId) -> Self {
        Self { rest, app, leg }
    }

    /// Makes the copy. It ends with the leg.
    pub(super) async fn make(&self) {
        let args = self.leg.drop.to_string();
        let copy = self.channel();
        let made = self.rest.snoop(&self.leg, &copy, &self.app, &args).await;
        if let Err(failure) = made {
            debug!(detail = failure.detail, "no copy of the call for AMD");
        }
    }

    /// Sends the copy, which has entered our app, into the dialplan's AMD.
    pub(super) async fn run(&self) {
        let run = async {
            let copy = self.channel();
            let back = format!("{},{}", self.app, self.leg.drop);
            self.rest.set_variable(&copy, RETURN, &back).await?;
            self.rest.continue_in(&copy, AMD_CONTEXT, "s", 1).await
        };
        let done: Result<(), Failure> = run.await;
        if let Err(failure) = done {
            debug!(detail = failure.detail, "AMD does not hear the call");
        }
    }

    /// Ends the copy.
    pub(super) async fn end(&self) {
        let copy = self.channel().to_string();
        for pause in AGAIN {
            match self.rest.hang_up(&copy).await {
                Ok(HangUp::Done | HangUp::NotThere) => return,
                Err(failure) => {
                    debug!(
                        detail = failure.detail,
                        "the copy for AMD cannot be ended yet"
                    );
                    sleep(pause).await;
                }
            }
        }
        warn!("the copy of a call for AMD cannot be ended; it ends with the call");
    }

    fn channel(&self) -> ChannelId {
        ChannelId {
            role: Role::Amd,
            ..self.leg.clone()
        }
    }
}

/// Pauses after each failed try to end the copy.
const AGAIN: [Duration; 3] = [
    Duration::from_millis(200),
    Duration::from_secs(1),
    Duration::from_secs(3),
];

/// The dialplan context in which AMD hears the copy.
pub(crate) const AMD_CONTEXT: &str = "aftertone-amd";

/// The variable that names the copy's way back.
const RETURN: &str = "AFTERTONE_RETURN";
