//! The messages of drops, ready for the PBX. A campaign's is read once and shared by all drops that leave it, until another has its
//! name. What the PBX plays is kept aside as `once-<run>-…`, so that it is the recording that was read.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use futures::{
    FutureExt as _,
    future::{BoxFuture, Shared, ready},
};
use tokio::task::spawn_blocking;
use tracing::warn;

use super::{
    drop_order::{DropMessage, SingleDrop},
    made_message::{Made, NoMessage},
};
use crate::{
    audio::{self, Composed, Composer, Library, MessageStamp, Name, Once, Prepared, Reference},
    clock,
    error_chain::chain,
    evidence::MessageParts,
    id::{DropId, RunName},
    screen, tasks,
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
    /// Removes the files of a message that is for one drop, or those that keep a prepared one for the drops which play it, when
    /// that has ended.
    once: Option<Once>,
    /// Which recording a prepared message was when it was read.
    stamp: Option<MessageStamp>,
    /// The same of one that was made for one person, and what it is made of.
    made: Option<Composed>,
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
            stamp: None,
            made: None,
        }
    }

    /// A prepared message, kept as it is for the drops that play it: another may take its name before the PBX reads it.
    ///
    /// # Errors
    /// [`audio::Error`] if there is none, or it cannot be played.
    fn kept(
        library: &Library,
        name: &Name,
        (run, kept): (&RunName, &str),
        uses: Uses,
    ) -> Result<Self, audio::Error> {
        let stamp = library.stamp(name)?;
        let once = match library.keep_once(run.as_str(), kept, name) {
            Ok(once) => once,
            // It can be read: whoever may not write there replaces nothing either.
            Err(audio::Error::Write { path, source }) => {
                warn!(message = %name, path = %path.display(), error = %source, "a message is played as it is when its turn comes: it cannot be kept aside");
                let prepared = library.show(name)?;
                let sound = Self::prepared(library, &prepared, uses);
                return Ok(Self {
                    stamp: Some(stamp),
                    ..sound
                });
            }
            Err(error) => return Err(error),
        };
        let sound = Self::prepared(library, once.prepared(), uses);
        Ok(Self {
            once: Some(once),
            stamp: Some(stamp),
            ..sound
        })
    }

    /// A message that only the PBX has.
    fn on_pbx(media: String) -> Self {
        Self {
            media,
            length: None,
            echo: None,
            samples: None,
            once: None,
            stamp: None,
            made: None,
        }
    }

    /// A message that was made for one person.
    fn made(library: &Library, made: Composed, uses: Uses) -> Self {
        let sound = Self::prepared(library, &made.prepared, uses);
        Self {
            made: Some(made),
            ..sound
        }
    }

    /// What it is made of, if it was made for one person.
    pub(super) fn parts(&self) -> Option<MessageParts> {
        let made = self.made.as_ref();
        made.map(|made| MessageParts::of(made.left.clone()))
    }

    /// The message of a single drop. A recording is prepared for this drop alone, and so is what is made for whoever is called.
    ///
    /// # Errors
    /// [`audio::Error`] if there is none of this name, or it cannot be prepared or made.
    pub(super) async fn for_one_drop(
        order: &SingleDrop,
        run: RunName,
    ) -> Result<Self, audio::Error> {
        Self::ready(&order.message, &order.composer, order.drop, run).await
    }

    /// The same of a drop of which no more is known.
    ///
    /// # Errors
    /// As [`Self::for_one_drop`].
    pub(super) async fn ready(
        message: &DropMessage,
        composer: &Composer,
        drop: DropId,
        run: RunName,
    ) -> Result<Self, audio::Error> {
        let library = composer.library().clone();
        let preparing = match message.clone() {
            DropMessage::OnPbx(uri) => return Ok(Self::on_pbx(uri.to_string())),
            DropMessage::Prepared(name) => {
                let drop = drop.to_string();
                spawn_blocking(move || Self::kept(&library, &name, (&run, &drop), Uses::ALL))
            }
            DropMessage::File(file) => {
                let (run, drop) = (run.to_string(), drop.to_string());
                let targets = composer.targets().clone();
                spawn_blocking(move || {
                    let once = library.prepare_once(&run, &drop, &file, &targets, clock::wall())?;
                    let mut sound = Self::prepared(&library, once.prepared(), Uses::ALL);
                    sound.once = Some(once);
                    Ok(sound)
                })
            }
            DropMessage::ForOne(filled) => {
                let made = composer
                    .compose(&filled, run.as_str(), clock::wall())
                    .await?;
                spawn_blocking(move || Ok(Self::made(&library, made, Uses::ALL)))
            }
        };
        tasks::join(preparing).await
    }
}

/// A message, or why there is none, once that is known. Clones share it.
pub(super) type Awaited = Shared<BoxFuture<'static, Result<Arc<PlayableMessage>, NoMessage>>>;

/// What is kept of messages in memory beside their media.
#[derive(Clone, Copy, Debug)]
pub(super) struct Uses {
    /// Whether our own ears listen to the calls.
    pub(super) echo: bool,
    /// Whether we send them ourselves, or evidence is kept.
    pub(super) samples: bool,
}

impl Uses {
    /// All of it.
    const ALL: Self = Self {
        echo: true,
        samples: true,
    };
}

/// All messages that were asked for.
pub(super) struct Messages {
    library: Library,
    run: RunName,
    uses: Uses,
    known: BTreeMap<String, (Awaited, Instant)>,
}

impl Messages {
    pub(super) const fn new(library: Library, run: RunName, uses: Uses) -> Self {
        Self {
            library,
            run,
            uses,
            known: BTreeMap::new(),
        }
    }

    /// The message of a name: a prepared one's, or a `sound:` URI. Its files are looked at each time, for they may have been
    /// replaced, and read again only if they were.
    pub(super) fn get(&mut self, name: &str, now: Instant) -> Awaited {
        if self.known.len() >= MOST && !self.known.contains_key(name) {
            let asked_for = |since: Instant| now.duration_since(since) < FORGOTTEN_AFTER;
            self.known.retain(|_, (_, since)| asked_for(*since));
        }
        let before = self.known.get(name).map(|(awaited, _)| awaited.clone());
        let (library, uses, wanted) = (self.library.clone(), self.uses, name.to_owned());
        let run = self.run.clone();
        // Whether anybody waits for it or not: those that are asked for after it do.
        let looking = tokio::spawn(async move {
            let known = match before {
                Some(before) => before.await.ok(),
                None => None,
            };
            tasks::blocking(move || look(&library, &run, uses, &wanted, known)).await
        });
        let awaited = async move {
            looking.await.unwrap_or_else(|error| {
                let words = format!("the message was not looked at: {error}");
                Err(NoMessage::of_contact(words))
            })
        };
        let awaited = awaited.boxed().shared();
        let known = (awaited.clone(), now);
        self.known.insert(name.to_owned(), known);
        awaited
    }

    /// The message that was made for one contact.
    pub(super) fn made(&self, made: Made) -> Awaited {
        let made = match made.message {
            Ok(made) => made,
            Err(why) => return ready(Err(why)).boxed().shared(),
        };
        let (library, uses) = (self.library.clone(), self.uses);
        let loading = spawn_blocking(move || PlayableMessage::made(&library, made, uses));
        let awaited = async move {
            match loading.await {
                Ok(sound) => Ok(Arc::new(sound)),
                Err(error) => {
                    let words = format!("the message was not looked at: {error}");
                    Err(NoMessage::of_contact(words))
                }
            }
        };
        awaited.boxed().shared()
    }
}

/// Looks at a message; `known` is what was read of it before.
fn look(
    library: &Library,
    run: &RunName,
    uses: Uses,
    name: &str,
    known: Option<Arc<PlayableMessage>>,
) -> Result<Arc<PlayableMessage>, NoMessage> {
    // A campaign's messages are named; files are prepared before.
    let meant = audio::resolve(name, |name| library.holds(name), |_| false);
    let sound = match meant.map_err(|error| NoMessage::of_message(chain(&error)))? {
        Reference::Prepared(name) => {
            let stamp = library.stamp(&name);
            let stamp = stamp.map_err(|error| NoMessage::of_message(chain(&error)))?;
            if let Some(known) = known.filter(|known| known.stamp == Some(stamp)) {
                return Ok(known);
            }
            // Drops may still play what had the name before.
            let kept = format!("kept{}", KEPT.fetch_add(1, Ordering::Relaxed));
            let sound = PlayableMessage::kept(library, &name, (run, &kept), uses);
            sound.map_err(|error| NoMessage::of_message(chain(&error)))?
        }
        Reference::OnPbx(uri) => PlayableMessage::on_pbx(uri.to_string()),
        // It is made before its contact is decided on.
        Reference::Template(_) => return Err(NoMessage::of_contact("the message was not made")),
        Reference::File(path) => {
            let words = format!("`{}` is not a prepared message", path.display());
            return Err(NoMessage::of_contact(words));
        }
    };
    Ok(Arc::new(sound))
}

/// How often a prepared message was kept for drops.
static KEPT: AtomicU64 = AtomicU64::new(0);

/// After which time a message that nobody asks for is forgotten, if there are many.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(60);

/// From how many messages on those that were not asked for lately are forgotten.
const MOST: usize = 256;

#[cfg(test)]
mod tests {
    use std::{
        fs::{self, Permissions},
        os::unix::fs::PermissionsExt as _,
        path::Path,
    };

    use super::*;
    use crate::clock;

    #[tokio::test]
    async fn a_message_is_read_once_until_it_is_replaced_and_its_absence_is_not_remembered() {
        let folder = tempfile::tempdir().unwrap();
        let mut messages = messages(folder.path());
        let now = clock::now();
        let missing = messages.get("promo", now).await.unwrap_err();
        assert!(missing.words.contains("promo"), "{missing:?}");
        assert!(missing.is_passing(true) && !missing.is_passing(false));
        let on_pbx = messages.get("sound:hello-world", now).await.unwrap();
        assert_eq!(on_pbx.media, "sound:hello-world");
        let file = messages.get("./promo.wav", now).await.unwrap_err();
        assert!(!file.is_passing(true), "{file:?}");

        put(folder.path(), 200);
        let promo = messages.get("promo", now).await.unwrap();
        assert_eq!(promo.length, Some(Duration::from_millis(200)));
        assert_eq!(promo.samples.as_ref().unwrap().len(), 1_600);
        let again = messages.get("promo", now).await.unwrap();
        assert!(Arc::ptr_eq(&promo, &again));

        put(folder.path(), 400);
        let other = messages.get("promo", now).await.unwrap();
        assert_eq!(other.length, Some(Duration::from_millis(400)));
        assert_ne!(promo.media, other.media);
        fs::remove_file(folder.path().join("promo.wav")).unwrap();
        assert!(messages.get("promo", now).await.is_err());
    }

    #[tokio::test]
    async fn what_the_pbx_plays_is_what_was_measured_whatever_has_its_name_meanwhile() {
        let folder = tempfile::tempdir().unwrap();
        let mut messages = messages(folder.path());
        put(folder.path(), 200);
        let promo = messages.get("promo", clock::now()).await.unwrap();
        put(folder.path(), 400);
        let played = format!("{}.wav", promo.media.strip_prefix("sound:").unwrap());
        let reader = hound::WavReader::open(&played).unwrap();
        assert_eq!(reader.duration(), 1_600);

        let other = messages.get("promo", clock::now()).await.unwrap();
        drop((promo, messages));
        assert!(
            !Path::new(&played).exists(),
            "its files go with the last drop"
        );
        let played = format!("{}.wav", other.media.strip_prefix("sound:").unwrap());
        assert_eq!(hound::WavReader::open(played).unwrap().duration(), 3_200);
    }

    #[tokio::test]
    async fn a_message_in_a_folder_that_cannot_be_written_is_played_by_its_name() {
        let folder = tempfile::tempdir().unwrap();
        put(folder.path(), 200);
        fs::set_permissions(folder.path(), Permissions::from_mode(0o555)).unwrap();
        let is_root = fs::write(folder.path().join("probe"), "").is_ok();
        let promo = messages(folder.path()).get("promo", clock::now()).await;
        let media = format!("sound:{}/promo", folder.path().display());
        assert!(is_root || promo.unwrap().media == media);
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
    }

    fn messages(folder: &Path) -> Messages {
        let library = Library::new(folder, folder).unwrap();
        let uses = Uses {
            echo: true,
            samples: true,
        };
        Messages::new(library, RunName::new("run1").unwrap(), uses)
    }

    /// Puts a message of this length in the place of what is there.
    fn put(folder: &Path, milliseconds: u32) {
        let spec = hound::WavSpec {
            channels: 1,
            sample_rate: 8_000,
            bits_per_sample: 16,
            sample_format: hound::SampleFormat::Int,
        };
        let part = folder.join(".promo.part");
        let mut file = hound::WavWriter::create(&part, spec).unwrap();
        for _ in 0..milliseconds * 8 {
            file.write_sample(100_i16).unwrap();
        }
        file.finalize().unwrap();
        fs::rename(part, folder.join("promo.wav")).unwrap();
    }
}
