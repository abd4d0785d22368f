//! Keeps the book of a run: reads it from the store, gives it to calls, and writes what they teach.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use jiff::SignedDuration;
use tokio::{
    sync::{mpsc, watch},
    task::spawn_blocking,
    time::{MissedTickBehavior, interval, timeout},
};
use tracing::{debug, warn};

use super::{FIRST_SHIPPED, PromptEntry, same_prompt, shipped};
use crate::{
    clock::Steady,
    config::{Config, ScreenMode},
    error_chain::chain,
    runtime::prompts::{HeardPrompt, Prompts, TaughtPrompt},
    screen::book::{Book, KnownPrompt, Prints},
    store::{PromptHearing, PromptOrigin, Store, StoreError, StoredPrompt},
    words::PromptEnd,
};

/// The book of a run, and the task that keeps it.
pub struct BookKeeper {
    store: Store,
    clock: Arc<Steady>,
    instance: String,
    /// How long personal greetings are kept.
    greetings: Option<SignedDuration>,
    heard: mpsc::UnboundedReceiver<HeardPrompt>,
    book: watch::Sender<Arc<Book>>,
    generation: i64,
    /// Fingerprints that were read.
    prints: BTreeMap<u32, Arc<Prints>>,
    /// What is in use, as calls have it.
    in_use: Vec<KnownPrompt>,
    /// All that is known, in use or not, and what each ends in and how long it is.
    all: Arc<AllPrompts>,
}

/// All prompts, to find one that was heard before.
#[derive(Default)]
struct AllPrompts {
    book: Option<Arc<Book>>,
    ends: BTreeMap<u32, (PromptEnd, f32)>,
    beeps: BTreeMap<u32, Option<f32>>,
}

impl BookKeeper {
    /// The keeper of a run, and what its calls have of the book; `None` if they are not compared with it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(in crate::controller) async fn of(
        store: &Store,
        config: &Config,
        clock: &Arc<Steady>,
    ) -> Result<Option<(Self, Prompts)>, StoreError> {
        if !config.screen.book || config.screen.mode != ScreenMode::Listen {
            return Ok(None);
        }
        Self::open(store.clone(), config, Arc::clone(clock))
            .await
            .map(Some)
    }

    /// Reads the book.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn open(
        store: Store,
        config: &Config,
        clock: Arc<Steady>,
    ) -> Result<(Self, Prompts), StoreError> {
        let (to_keeper, heard) = mpsc::unbounded_channel();
        let (book, for_calls) = watch::channel(Arc::new(Book::new([])));
        let greetings = config.retention.greetings;
        let mut keeper = Self {
            store,
            clock,
            instance: config.instance.clone(),
            greetings: greetings
                .map(|age| SignedDuration::try_from(age).unwrap_or(SignedDuration::MAX)),
            heard,
            book,
            generation: -1,
            prints: BTreeMap::new(),
            in_use: Vec::new(),
            all: Arc::default(),
        };
        keeper.refresh().await?;
        let prompts = Prompts {
            book: for_calls,
            heard: to_keeper,
        };
        Ok((keeper, prompts))
    }

    /// Keeps it until no call can be heard any more.
    pub async fn keep(mut self) {
        let mut looks = interval(LOOK_AGAIN);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        looks.tick().await;
        loop {
            let mut some = Vec::new();
            tokio::select! {
                count = self.heard.recv_many(&mut some, AT_ONCE) => {
                    if count == 0 {
                        return;
                    }
                    // Others may have heard something at the same time.
                    let more = self.heard.recv_many(&mut some, AT_ONCE);
                    let _ = timeout(GATHER, more).await;
                    if let Err(error) = self.learn(some).await {
                        warn!(error = chain(&error), "what calls teach of prompts was not kept");
                    }
                }
                _ = looks.tick() => {
                    if let Err(error) = self.refresh().await {
                        debug!(error = chain(&error), "the book of prompts was not read again");
                    }
                }
            }
        }
    }

    /// Forgets what is too old, and reads what has changed.
    async fn refresh(&mut self) -> Result<(), StoreError> {
        if let Some(age) = self.greetings {
            let before = self.clock.now() - age;
            self.store.forget_greetings(before).await?;
        }
        let generation = self.store.prompt_generation().await?;
        if generation == self.generation {
            return Ok(());
        }
        let stored = self.store.prompts().await?;
        let last = self.prints.last_key_value().map(|(id, _)| *id);
        let fresh = self.store.prompt_prints(last, FIRST_SHIPPED - 1).await?;
        self.prints.extend(read_prints(fresh));
        let kept = |id: &u32| stored.iter().any(|prompt| prompt.id == *id);
        self.prints.retain(|id, _| kept(id));
        self.generation = generation;
        let prompts = with_shipped(&stored, &self.prints);
        let in_use: Vec<_> = prompts.iter().filter(|prompt| prompt.is_in_use).collect();
        let known: Vec<_> = in_use.iter().map(|prompt| prompt.known).collect();
        if known != self.in_use || self.book.borrow().is_empty() {
            let of_use: Vec<_> = in_use
                .iter()
                .map(|prompt| (prompt.known, Arc::clone(&prompt.prints)))
                .collect();
            let book = spawn_blocking(move || {
                Book::new(of_use.iter().map(|(known, prints)| (*known, &**prints)))
            });
            if let Ok(book) = book.await {
                debug!(?book, "the book of prompts");
                self.book.send_replace(Arc::new(book));
                self.in_use = known;
            }
        }
        let all = spawn_blocking(move || AllPrompts::new(&prompts));
        if let Ok(all) = all.await {
            self.all = Arc::new(all);
        }
        Ok(())
    }

    async fn learn(&mut self, heard: Vec<HeardPrompt>) -> Result<(), StoreError> {
        let mut again = Vec::new();
        let now = self.clock.now();
        for call in heard {
            let mut hearing = PromptHearing {
                call: call.drop.to_string(),
                number: call.number,
                at: now,
                ends: None,
                campaign: call.campaign.map(|campaign| campaign.0),
                pbx: Some(self.instance.clone()),
                evidence: None,
            };
            let Some(taught) = call.taught else {
                let Some(prompt) = call.recognised else {
                    continue;
                };
                hearing.ends = call.is_person.then_some(PromptEnd::Connects);
                again.push((prompt, hearing));
                continue;
            };
            hearing.ends = Some(taught.ends);
            let lesson = self.compare(taught).await;
            let Some((known, entry, beep)) = lesson else {
                continue;
            };
            match known {
                Some(prompt) => {
                    if self.all.beep_differs(prompt, beep) {
                        self.store.forget_beep(prompt).await?;
                    }
                    again.push((prompt, hearing));
                }
                None => {
                    let new = entry.stored(PromptOrigin::Learnt);
                    let id = self.store.add_prompt(&new, Some(&hearing), now).await?;
                    debug!(drop = hearing.call, id, ends = %entry.ends, "a prompt was learnt");
                }
            }
        }
        if again.is_empty() {
            return Ok(());
        }
        self.store.hear_prompts(&again).await
    }

    /// Which prompt it is, if it was heard before, and its fingerprint.
    async fn compare(
        &self,
        taught: TaughtPrompt,
    ) -> Option<(Option<u32>, PromptEntry, Option<f32>)> {
        let all = Arc::clone(&self.all);
        let compared = spawn_blocking(move || {
            let known = all.find(&taught);
            let entry = entry(&taught);
            (known, entry, taught.beep)
        });
        compared.await.ok()
    }
}

/// A prompt with its fingerprint, from the store or with the program.
struct PromptInBook {
    known: KnownPrompt,
    prints: Arc<Prints>,
    is_in_use: bool,
}

/// The fingerprints of the store that this program reads. One of another version is not recognised, and nothing else is harmed:
/// `prompts list` shows it, and a call that hears the prompt teaches it anew.
fn read_prints(stored: Vec<(u32, Vec<u8>)>) -> BTreeMap<u32, Arc<Prints>> {
    let mut read = BTreeMap::new();
    let mut other = 0;
    for (id, bytes) in stored.into_iter().filter(|(_, bytes)| !bytes.is_empty()) {
        match Prints::from_bytes(&bytes) {
            Ok(prints) => drop(read.insert(id, Arc::new(prints))),
            Err(error) => {
                debug!(id, %error, "a fingerprint is not used");
                other += 1;
            }
        }
    }
    if other > 0 {
        warn!(
            prompts = other,
            "prompts are not used: their fingerprints are of another version; `aftertone prompts list` shows them"
        );
    }
    read
}

/// The prompts that are in use, of a store and of the program, as calls are compared with them.
///
/// # Errors
/// [`StoreError`].
pub async fn book_in_use(store: &Store) -> Result<Book, StoreError> {
    let stored = store.prompts().await?;
    let prints = store.prompt_prints(None, FIRST_SHIPPED - 1).await?;
    let prompts = with_shipped(&stored, &read_prints(prints));
    let in_use = prompts.iter().filter(|prompt| prompt.is_in_use);
    Ok(Book::new(
        in_use.map(|prompt| (prompt.known, &*prompt.prints)),
    ))
}

/// The prompts of the store, and those that come with the program as the operator has left them.
fn with_shipped(stored: &[StoredPrompt], prints: &BTreeMap<u32, Arc<Prints>>) -> Vec<PromptInBook> {
    let mut prompts = Vec::with_capacity(stored.len() + shipped().len());
    for prompt in stored {
        if let Some(prints) = prints.get(&prompt.id) {
            prompts.push(PromptInBook {
                known: KnownPrompt {
                    id: prompt.id,
                    ends: prompt.ends,
                    beep: prompt.beep_ms.map(|ms| ms as f32 / 1_000.0),
                },
                prints: Arc::clone(prints),
                is_in_use: prompt.is_in_use(),
            });
        }
    }
    for (id, prompt) in (FIRST_SHIPPED..).zip(shipped()) {
        let changed = stored.iter().find(|stored| stored.id == id);
        prompts.push(PromptInBook {
            known: KnownPrompt {
                id,
                ends: changed.map_or(prompt.ends, |changed| changed.ends),
                beep: prompt.beep_ms.map(|ms| ms as f32 / 1_000.0),
            },
            prints: Arc::new(prompt.prints.clone()),
            is_in_use: changed.is_none_or(StoredPrompt::is_in_use),
        });
    }
    prompts
}

impl AllPrompts {
    fn new(prompts: &[PromptInBook]) -> Self {
        // Whatever they end in, none is another's rival: it is only asked whether it was heard before.
        let alike = |known: KnownPrompt| KnownPrompt {
            ends: PromptEnd::Records,
            ..known
        };
        let book = Book::new(
            prompts
                .iter()
                .map(|prompt| (alike(prompt.known), &*prompt.prints)),
        );
        let ends = prompts.iter();
        Self {
            book: Some(Arc::new(book)),
            ends: ends
                .map(|prompt| {
                    (
                        prompt.known.id,
                        (prompt.known.ends, prompt.prints.seconds()),
                    )
                })
                .collect(),
            beeps: prompts
                .iter()
                .map(|prompt| (prompt.known.id, prompt.known.beep))
                .collect(),
        }
    }

    fn find(&self, taught: &TaughtPrompt) -> Option<u32> {
        let book = self.book.as_ref()?;
        let lengths = |id: u32| self.ends.get(&id).copied();
        same_prompt(book, lengths, &taught.samples, taught.ends)
    }

    /// Whether the beep of a prompt came at another moment than it says.
    fn beep_differs(&self, prompt: u32, beep: Option<f32>) -> bool {
        let known = self.beeps.get(&prompt).copied().flatten();
        known.is_some_and(|known| beep.is_some_and(|beep| (beep - known).abs() > SAME_BEEP))
    }
}

fn entry(taught: &TaughtPrompt) -> PromptEntry {
    PromptEntry {
        ends: taught.ends,
        beep_ms: taught.beep.map(|beep| (beep * 1_000.0) as u32),
        label: None,
        prints: Prints::of(&taught.samples),
    }
}

/// How often it is looked whether the book has changed.
const LOOK_AGAIN: Duration = Duration::from_secs(60);

/// How many calls are written at once, and how long the first of them waits for others.
const AT_ONCE: usize = 200;
const GATHER: Duration = Duration::from_millis(500);

/// A beep that comes within so much of where it came before is at the same place, in seconds.
const SAME_BEEP: f32 = 0.5;
