//! What the PBX has recorded for us: by whom, and that nothing of it stays.
//!
//! A recording is named `aftertone-record-APP-RUN-ID-TAKE`. Of all programs on a PBX one has the app, so that what is named by it and
//! belongs to none of its calls was left by a process that is gone.

use std::{collections::BTreeSet, fmt, time::Duration};

use tokio::time::sleep;
use tracing::{debug, info, warn};

use crate::{
    ari::{Failure, HangUp, Rest},
    id::RunName,
    record::RecordId,
};

/// What all recordings of one call are named by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TakeName {
    app: String,
    run: RunName,
    id: RecordId,
}

impl TakeName {
    pub(super) fn new(app: &str, run: &RunName, id: RecordId) -> Self {
        Self {
            app: app.to_owned(),
            run: run.clone(),
            id,
        }
    }

    /// The name of one of them.
    pub(super) fn of(&self, take: u32) -> String {
        format!("{self}-{take}")
    }

    /// Reads what [`fmt::Display`] writes, of an app.
    fn parse(text: &str, app: &str) -> Option<Self> {
        let mut parts = text.rsplitn(3, '-');
        let (id, run, rest) = (parts.next()?, parts.next()?, parts.next()?);
        let of_app = rest.strip_prefix(PREFIX).is_some_and(|of| of == app);
        Some(Self {
            app: of_app.then(|| app.to_owned())?,
            run: RunName::new(run).ok()?,
            id: id.parse().ok()?,
        })
    }
}

impl fmt::Display for TakeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}-{}-{}", self.app, self.run, self.id)
    }
}

/// Marks a call as one that this process records by; `false` if another has begun with it, which is gone: then the call is hung up, and
/// nothing that was recorded of it stays.
///
/// # Errors
/// [`Failure`] if the PBX does not mark it.
pub(super) async fn claim(rest: &Rest, channel: &str, takes: &TakeName) -> Result<bool, Failure> {
    let before = rest.variable(channel, MARK).await?;
    if let Some(before) = before.as_deref().filter(|before| !before.is_empty())
        && let Some(before) = TakeName::parse(before, &takes.app)
    {
        warn!(channel, recording = %before.id, "a call is hung up that a process recorded by which is gone");
        rest.hang_up(channel).await?;
        remove(rest, &before, MOST_TAKES).await;
        return Ok(false);
    }
    rest.set_variable_of(channel, MARK, &takes.to_string())
        .await?;
    Ok(true)
}

/// Removes the first `made` recordings of a call, those that are being made included; what cannot be removed now is by [`sweep`].
pub(super) async fn remove(rest: &Rest, takes: &TakeName, made: u32) {
    for take in 1..=made {
        let name = takes.of(take);
        for again in 0..TRIES {
            match remove_one(rest, &name).await {
                Ok(()) => break,
                Err(failure) if again + 1 == TRIES => {
                    warn!(
                        name,
                        detail = failure.detail,
                        "a recording stays on the pbx; it is removed when the link is back, or at the next start"
                    );
                }
                Err(_) => sleep(PAUSE).await,
            }
        }
    }
}

async fn remove_one(rest: &Rest, name: &str) -> Result<(), Failure> {
    if rest.cancel_recording(name).await? == HangUp::Done {
        // It is written to its end first.
        for _ in 0..TRIES {
            if rest.live_recording(name).await?.is_none() {
                break;
            }
            sleep(PAUSE).await;
        }
    }
    if rest.remove_recording(name).await? == HangUp::Done {
        debug!(name, "a recording is removed from the pbx");
    }
    Ok(())
}

/// Removes the recordings of an app that belong to no call at hand.
///
/// # Errors
/// [`Failure`] if the PBX does not list them.
pub(super) async fn sweep(
    rest: &Rest,
    app: &str,
    at_hand: &BTreeSet<String>,
) -> Result<(), Failure> {
    for found in rest.recordings().await? {
        let Some((call, _)) = found.name.rsplit_once('-') else {
            continue;
        };
        let Some(takes) = TakeName::parse(call, app) else {
            continue;
        };
        if at_hand.contains(&takes.id.to_string()) {
            continue;
        }
        match remove_one(rest, &found.name).await {
            Ok(()) => info!(
                name = found.name,
                "a recording is removed from the pbx that a call has left which is over"
            ),
            Err(failure) => warn!(
                name = found.name,
                detail = failure.detail,
                "a recording stays on the pbx"
            ),
        }
    }
    Ok(())
}

/// How the names of all our recordings begin.
const PREFIX: &str = "aftertone-record-";

/// The variable of a channel by which it is known that a process has begun to record by it.
const MARK: &str = "AFTERTONE_RECORDING";

/// As many recordings as a call can have.
const MOST_TAKES: u32 = 10;

/// How often something is tried.
const TRIES: u32 = 5;

/// How long in between.
const PAUSE: Duration = Duration::from_millis(500);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recording_says_whose_it_is() {
        let (run, id) = (RunName::new("run1").unwrap(), RecordId::generate());
        let takes = TakeName::new("after-tone", &run, id);
        let name = takes.of(2);
        assert_eq!(name, format!("aftertone-record-after-tone-run1-{id}-2"));
        let (call, _) = name.rsplit_once('-').unwrap();
        assert_eq!(TakeName::parse(call, "after-tone"), Some(takes));
        for (text, app) in [
            (call, "tone"),
            (call, "after"),
            ("aftertone-record-after-tone", "after-tone"),
            ("somebody-s", "somebody"),
            ("", ""),
        ] {
            assert_eq!(TakeName::parse(text, app), None, "{text} {app}");
        }
    }
}
