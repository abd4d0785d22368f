//! What was recorded by telephone: fetched from the PBX, prepared as any message, and kept under its name.

use std::{fs, io, sync::Arc, time::Duration};

use futures::future::BoxFuture;
use serde_json::json;
use tempfile::tempdir;
use tracing::{info, warn};

use super::{pin_desk::may_record, record_caller::RecordCaller, run_of::SharedRun};
use crate::{
    ari::Rest,
    audio::{self, Library, Name, Once, Prepared, Refusal, Targets},
    auth::{Action, UserName},
    clock,
    config::Config,
    error_chain::chain,
    id::RunName,
    record::{KeepVerdict, RecordId, TakeVerdict},
    store::AuditEntry,
    tasks,
};

/// A recording that can be a message.
#[derive(Debug)]
pub(super) struct Take {
    /// As the PBX has recorded it. A file of it is there for a moment only.
    bytes: Arc<[u8]>,
    /// As it is played back; its files go with it.
    once: Once,
}

/// Who keeps a message.
pub(super) struct KeptBy {
    pub(super) user: UserName,
    pub(super) caller: RecordCaller,
    pub(super) recording: RecordId,
}

impl Take {
    /// How the PBX plays it, as it was prepared.
    pub(super) fn media(&self) -> &str {
        &self.once.prepared().media
    }

    /// How long it is as it was prepared.
    pub(super) fn length(&self) -> Duration {
        self.once.prepared().duration
    }

    /// Keeps it as a message, if its user still may; with `replace` in the place of one of the same name.
    pub(super) fn keep(
        &self,
        shared: Arc<SharedRun>,
        config: Arc<Config>,
        name: Name,
        by: KeptBy,
        replace: bool,
    ) -> BoxFuture<'static, KeepVerdict> {
        let bytes = Arc::clone(&self.bytes);
        Box::pin(async move {
            let (id, user) = (by.recording, by.user.clone());
            match shared.store.user(&user).await {
                Ok(Some(kept)) if may_record(&kept) => {}
                Ok(_) => {
                    warn!(recording = %id, %user, "a message is not kept: its user may not record any more");
                    return KeepVerdict::Failed;
                }
                Err(error) => {
                    warn!(recording = %id, error = chain(&error), "a message is not kept: the database does not say whether its user may");
                    return KeepVerdict::Failed;
                }
            }
            let added = blocking(config, bytes, {
                let name = name.clone();
                move |library, targets, file| {
                    library.add(&name, file, targets, replace, clock::wall())
                }
            });
            match added.await {
                Ok(prepared) => {
                    info!(recording = %id, %user, %name, replace, "a message was recorded by telephone, and is kept");
                    note(&shared, &prepared, &by, replace).await;
                    KeepVerdict::Kept
                }
                Err(audio::Error::Taken { .. }) => KeepVerdict::Taken,
                Err(error) => {
                    warn!(recording = %id, error = chain(&error), "a message cannot be kept");
                    KeepVerdict::Failed
                }
            }
        })
    }
}

/// Writes into the audit log who has kept what. Messages are files: they cannot be in one transaction with the log.
async fn note(shared: &SharedRun, prepared: &Prepared, by: &KeptBy, replace: bool) {
    let from = by.caller.shown();
    let ms = u64::try_from(prepared.duration.as_millis()).unwrap_or(u64::MAX);
    let entry = AuditEntry {
        at: shared.clock.now(),
        who: format!("user:{}", by.user),
        via: "pbx",
        ip: None,
        request_id: None,
        action: Action::PrepareMessage.slug().to_owned(),
        object: prepared.name.clone(),
        before: None,
        after: Some(
            json!({"recorded_from": from, "duration_ms": ms, "replaced": replace}).to_string(),
        ),
    };
    if let Err(error) = shared.store.note(entry).await {
        warn!(
            recording = %by.recording,
            error = chain(&error),
            "that a message was recorded by telephone is not in the audit log"
        );
    }
}

/// Fetches a recording from the PBX and prepares it for one hearing.
pub(super) async fn prepare(
    rest: &Rest,
    recording: &str,
    config: &Arc<Config>,
    (run, id): (RunName, RecordId),
    name: Name,
) -> (TakeVerdict, Option<Box<Take>>) {
    let bytes: Arc<[u8]> = match rest.recording(recording).await {
        Ok(Some(bytes)) => bytes.into(),
        Ok(None) => {
            warn!(recording = %id, "the pbx does not have what it has recorded");
            return (TakeVerdict::Failed, None);
        }
        Err(failure) => {
            warn!(recording = %id, detail = failure.detail, "what was recorded cannot be fetched");
            return (TakeVerdict::Failed, None);
        }
    };
    let prepared = blocking(
        Arc::clone(config),
        Arc::clone(&bytes),
        move |library, targets, file| {
            let (run, id) = (run.to_string(), id.to_string());
            let once = library.prepare_take((&run, &id), &name, file, targets, clock::wall())?;
            Ok((once, library.holds(&name)))
        },
    );
    match prepared.await {
        Ok((once, is_taken)) => (
            TakeVerdict::Fit { is_taken },
            Some(Box::new(Take { bytes, once })),
        ),
        Err(audio::Error::Refused { why, .. }) => {
            info!(recording = %id, %why, "what was recorded cannot be a message");
            let verdict = match why {
                Refusal::Silent | Refusal::TooShort { .. } | Refusal::Empty => {
                    TakeVerdict::TooShort
                }
                Refusal::Unreadable(_)
                | Refusal::NotAFile
                | Refusal::TooLarge { .. }
                | Refusal::NotAudio
                | Refusal::Foreign { .. }
                | Refusal::Encoding { .. }
                | Refusal::Truncated { .. }
                | Refusal::Damaged { .. }
                | Refusal::TooLong { .. } => TakeVerdict::Unfit,
            };
            (verdict, None)
        }
        Err(error) => {
            warn!(recording = %id, error = chain(&error), "what was recorded cannot be prepared");
            (TakeVerdict::Failed, None)
        }
    }
}

/// Does something with the folder of messages, and the recording as a file, where it may take its time.
async fn blocking<T: Send + 'static>(
    config: Arc<Config>,
    bytes: Arc<[u8]>,
    work: impl FnOnce(&Library, &Targets, &std::path::Path) -> Result<T, audio::Error> + Send + 'static,
) -> Result<T, audio::Error> {
    let done = tasks::blocking(move || {
        let composer = config.messages().composer()?;
        let unwritten = |source: io::Error| audio::Error::Write {
            path: std::env::temp_dir(),
            source,
        };
        let folder = tempdir().map_err(unwritten)?;
        let file = folder.path().join(FILE);
        fs::write(&file, &bytes).map_err(unwritten)?;
        work(composer.library(), composer.targets(), &file)
    });
    done.await
}

/// The best format that the PBX can record a channel in, by what the channel's sound is made of, such as `(ulaw|alaw)`: what is
/// prepared has 16 kHz at most. A recording that would be too large to be fetched is one of 8 kHz.
pub(super) fn format(native: &str, longest: Duration) -> &'static str {
    let is_wide = WIDE.iter().any(|wide| native.contains(wide));
    match is_wide && longest <= LONGEST_WIDE {
        true => "wav16",
        false => "wav",
    }
}

/// Codecs with more than 8 kHz, or parts of their names.
const WIDE: [&str; 8] = ["g722", "g719", "16", "24", "32", "48", "opus", "siren"];

/// 32 KB a second, of 16 MiB that an answer of the PBX may be long.
const LONGEST_WIDE: Duration = Duration::from_secs(480);

/// What reports call the recording.
const FILE: &str = "telephone.wav";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_channel_is_recorded_as_well_as_it_sounds() {
        let two_minutes = Duration::from_secs(120);
        for (native, expected) in [
            ("(ulaw)", "wav"),
            ("(ulaw|alaw)", "wav"),
            ("(gsm)", "wav"),
            ("", "wav"),
            ("(slin)", "wav"),
            ("(g722)", "wav16"),
            ("(opus)", "wav16"),
            ("(slin16)", "wav16"),
            ("(slin48)", "wav16"),
            ("(ulaw|g722)", "wav16"),
        ] {
            assert_eq!(format(native, two_minutes), expected, "{native}");
        }
        assert_eq!(format("(g722)", Duration::from_secs(600)), "wav");
    }
}
