//! The messages of drops, ready for the PBX. A campaign's is read once and shared by all drops that leave it.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use futures::{
    FutureExt as _,
    future::{BoxFuture, Shared},
};
use tokio::task::spawn_blocking;

use crate::{
    audio::{self, Library, Once, Prepared, Reference, Targets},
    clock,
    error_chain::chain,
    id::{DropId, RunName},
    screen,
};

/// A message that the PBX can play.
#[derive(Debug)]
pub(super) struct PlayableMessage {
    /// Its media URI.
    pub(super) media: String,
    /// `None` if only the PBX knows.
    pub(super) length: Option<Duration>,
    /// As its echo would sound, for our own detection.
    pub(super) echo: Option<screen::Message>,
    /// Its samples, to send them ourselves and for the evidence.
    pub(super) samples: Option<Arc<[i16]>>,
    /// Removes the files of a message that is for one drop, when that has ended.
    once: Option<Once>,
}

impl PlayableMessage {
    /// A message that is prepared; `uses` says what is kept of it in memory.
    fn prepared(library: &Library, prepared: &Prepared, uses: Uses) -> Self {
        let samples = if uses.echo || uses.samples {
            library.samples(prepared)
        } else {
            None
        };
        let heard = samples.as_deref().filter(|_| uses.echo);
        Self {
            echo: heard.map(screen::Message::new),
            media: prepared.media.clone(),
            length: Some(prepared.duration),
            samples: samples.filter(|_| uses.samples).map(Arc::from),
            once: None,
        }
    }

    /// A message that only the PBX has.
    fn on_pbx(media: String) -> Self {
        Self {
            media,
            length: None,
            echo: None,
            samples: None,
            once: None,
        }
    }

    /// The message of a single drop. A recording is prepared for this drop alone.
    ///
    /// # Errors
    /// [`audio::Error`] if there is none of this name, or a recording cannot be prepared.
    pub(super) fn for_one_drop(
        reference: Reference,
        library: &Library,
        targets: &Targets,
        run: &RunName,
        drop: DropId,
    ) -> Result<Self, audio::Error> {
        let uses = Uses {
            echo: true,
            samples: true,
        };
        Ok(match reference {
            Reference::Prepared(name) => Self::prepared(library, &library.show(&name)?, uses),
            Reference::OnPbx(uri) => Self::on_pbx(uri.to_string()),
            Reference::File(file) => {
                let (run, drop) = (run.to_string(), drop.to_string());
                let once = library.prepare_once(&run, &drop, &file, targets, clock::wall())?;
                let mut sound = Self::prepared(library, once.prepared(), uses);
                sound.once = Some(once);
                sound
            }
        })
    }
}

/// A message, or in words why there is none, once that is known. Clones share it.
pub(super) type Awaited = Shared<BoxFuture<'static, Result<Arc<PlayableMessage>, Arc<str>>>>;

/// What is kept of messages in memory beside their media.
#[derive(Clone, Copy, Debug)]
pub(super) struct Uses {
    /// Whether our own ears listen to the calls.
    pub(super) echo: bool,
    /// Whether we send them ourselves, or evidence is kept.
    pub(super) samples: bool,
}

/// All messages that were asked for.
pub(super) struct Messages {
    library: Library,
    uses: Uses,
    known: BTreeMap<String, (Awaited, Instant)>,
}

impl Messages {
    pub(super) const fn new(library: Library, uses: Uses) -> Self {
        Self {
            library,
            uses,
            known: BTreeMap::new(),
        }
    }

    /// The message of a name: a prepared one's, or a `sound:` URI. It is looked at again after a minute, for it may have
    /// been replaced, or be there by then.
    pub(super) fn get(&mut self, name: &str, now: Instant) -> Awaited {
        let fresh = |since: Instant| now.duration_since(since) < LOOK_AGAIN;
        if let Some((awaited, since)) = self.known.get(name)
            && fresh(*since)
        {
            return awaited.clone();
        }
        if self.known.len() >= MOST {
            self.known.retain(|_, (_, since)| fresh(*since));
        }
        let (library, uses, wanted) = (self.library.clone(), self.uses, name.to_owned());
        let looking = spawn_blocking(move || look(&library, uses, &wanted));
        let awaited = async move {
            match looking.await {
                Ok(found) => found,
                Err(error) => Err(format!("the message was not looked at: {error}").into()),
            }
        };
        let awaited = awaited.boxed().shared();
        let known = (awaited.clone(), now);
        self.known.insert(name.to_owned(), known);
        awaited
    }
}

fn look(library: &Library, uses: Uses, name: &str) -> Result<Arc<PlayableMessage>, Arc<str>> {
    // A campaign's messages are named; files are prepared before.
    let meant = audio::resolve(name, |name| library.holds(name), |_| false);
    let sound = match meant.map_err(|error| Arc::from(chain(&error)))? {
        Reference::Prepared(name) => {
            let prepared = library.show(&name);
            let prepared = prepared.map_err(|error| Arc::from(chain(&error)))?;
            PlayableMessage::prepared(library, &prepared, uses)
        }
        Reference::OnPbx(uri) => PlayableMessage::on_pbx(uri.to_string()),
        Reference::File(path) => {
            let words = format!("`{}` is not a prepared message", path.display());
            return Err(words.into());
        }
    };
    Ok(Arc::new(sound))
}

/// After which time a message is looked at again.
const LOOK_AGAIN: Duration = Duration::from_secs(60);

/// From how many messages on those that were not looked at lately are forgotten.
const MOST: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;

    #[tokio::test]
    async fn a_message_is_looked_at_once_a_minute_and_its_absence_is_told_in_words() {
        let folder = tempfile::tempdir().unwrap();
        let library = Library::new(folder.path(), folder.path()).unwrap();
        let uses = Uses {
            echo: true,
            samples: true,
        };
        let mut messages = Messages::new(library, uses);
        let now = clock::now();
        let missing = messages.get("promo", now).await.unwrap_err();
        assert!(missing.contains("promo"), "{missing}");
        let on_pbx = messages.get("sound:hello-world", now).await.unwrap();
        assert_eq!(on_pbx.media, "sound:hello-world");
        assert!(messages.get("./promo.wav", now).await.is_err());

        let spec = hound::WavSpec {
            channels: 1,
            sample_rate: 8_000,
            bits_per_sample: 16,
            sample_format: hound::SampleFormat::Int,
        };
        let mut file = hound::WavWriter::create(folder.path().join("promo.wav"), spec).unwrap();
        for _ in 0..1_600 {
            file.write_sample(100_i16).unwrap();
        }
        file.finalize().unwrap();
        assert!(
            messages.get("promo", now).await.is_err(),
            "it is remembered"
        );
        let later = now + LOOK_AGAIN;
        let promo = messages.get("promo", later).await.unwrap();
        assert_eq!(promo.length, Some(Duration::from_millis(200)));
        assert_eq!(promo.samples.as_ref().unwrap().len(), 1_600);
        let again = messages.get("promo", later).await.unwrap();
        assert!(Arc::ptr_eq(&promo, &again));
    }
}
