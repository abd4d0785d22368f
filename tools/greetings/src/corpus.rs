//! Labelled calls: what is heard of each from the moment of answer on, and what is true of it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};
use serde::{Deserialize, Serialize};

use crate::{
    channel,
    compose::{self, Call, Chance, PLAN},
    dice::{BASIS, Dice, digest},
    recording::RATE,
    ring::RINGING,
    script::Pool,
    shaping::pcm,
    tones::Shape,
    voices::{Sounds, VOICES, Voice},
};

/// A folder of recordings and its `manifest.json`.
pub(crate) struct Corpus {
    pub(crate) name: String,
    /// The share of mailboxes that was to have no beep, in percent; `None` if that is not known.
    pub(crate) no_beep: Option<f64>,
    pub(crate) folder: PathBuf,
    pub(crate) items: Vec<Item>,
}

/// What the manifest says.
#[derive(Deserialize, Serialize)]
struct Manifest {
    seed: u64,
    /// The share of mailboxes that was to have no beep, in percent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    no_beep: Option<f64>,
    items: Vec<Item>,
    /// Of all samples; two that were made alike are alike.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    digest: Option<String>,
}

/// One call. Times are in seconds since answer.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub(crate) struct Item {
    pub(crate) id: String,
    /// The recording, below the corpus' folder.
    pub(crate) file: String,
    pub(crate) label: Label,
    pub(crate) kind: String,
    /// The first and the last word of the greeting; of a person, of the first turn.
    pub(crate) greeting_start_s: Option<f64>,
    pub(crate) greeting_end_s: Option<f64>,
    /// From when a machine records: the end of its beep, or of its greeting if there is none.
    pub(crate) ready_s: Option<f64>,
    pub(crate) beep: Option<BeepLabel>,
    pub(crate) duration_s: f64,
    pub(crate) voice: Option<String>,
    pub(crate) package: Option<String>,
    pub(crate) licence: Option<String>,
    pub(crate) level_dbfs: f64,
    pub(crate) noise: String,
    pub(crate) snr_db: Option<f64>,
    pub(crate) codec: String,
    pub(crate) loss_pct: f64,
    /// Tones that are no beep.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) tones: Vec<ToneLabel>,
    /// The recordings and texts that are heard: of whom, and which.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) clips: Vec<String>,
    /// The item that has the same prompt, in an earlier call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) prompt_of: Option<String>,
    /// Whether an earlier call has had the same prompt.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) heard_before: bool,
}

/// A tone of the network, or of somebody's recorder.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub(crate) struct ToneLabel {
    pub(crate) kind: ToneKind,
    /// ISO 3166.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) country: Option<String>,
    pub(crate) hz: Vec<f64>,
    pub(crate) start_s: f64,
    pub(crate) end_s: f64,
}

/// What a tone says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ToneKind {
    /// It rings somewhere.
    Ringback,
    /// The call is recorded.
    Recorder,
}

impl Item {
    /// Whether it is a fax, or an announcement behind intercept tones.
    pub(crate) fn is_tones(&self) -> bool {
        matches!(self.kind.as_str(), "s_sit" | "s_fax")
    }

    /// Whether it rings on behind an announcement.
    pub(crate) fn is_ringback(&self) -> bool {
        self.kind == "s_ringback"
    }

    /// How long the second of two calls alerts (s), if this is the nth item: a mailbox takes it after a second, a person lifts it
    /// after 2 to 8.
    pub(crate) fn alerts(&self, nth: usize) -> f32 {
        match self.label {
            Label::Human => Dice::of(0, "alerts", nth).between(2.0, 8.0),
            Label::Machine | Label::Other => 1.0,
        }
    }
}

/// Who answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Label {
    /// A person.
    Human,
    /// A mailbox.
    Machine,
    /// Neither, and nothing records there.
    Other,
}

/// The beep after which a mailbox records.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
pub(crate) struct BeepLabel {
    pub(crate) kind: Shape,
    pub(crate) f_hz: f64,
    pub(crate) f2_hz: Option<f64>,
    pub(crate) start_s: f64,
    pub(crate) end_s: f64,
    pub(crate) level_rel_speech_db: f64,
}

impl Corpus {
    /// One that was made elsewhere.
    pub(crate) fn load(folder: &Path) -> Result<Self> {
        let path = folder.join("manifest.json");
        let text = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let manifest: Manifest = serde_json::from_slice(&text)
            .with_context(|| format!("{} is no manifest", path.display()))?;
        let name = folder
            .file_name()
            .map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        Ok(Self {
            name,
            no_beep: manifest.no_beep,
            folder: folder.to_owned(),
            items: manifest.items,
        })
    }

    /// Makes about `count` first calls from a seed into `folder`, each kind's share as in [`PLAN`], and those whose prompts come
    /// again; this share of the mailboxes has no beep, in percent.
    ///
    /// # Errors
    /// If there are not enough words for so many calls, or the folder cannot be written.
    pub(crate) fn make(
        sounds: &dyn Sounds,
        folder: &Path,
        seed: u64,
        count: usize,
        no_beep: f64,
    ) -> Result<Self> {
        let mut maker = Maker::open(sounds, folder)?;
        let mut used = BTreeSet::new();
        let mut firsts = Vec::new();
        for (kind, nth) in planned(count, |kind| kind.first) {
            let has_beep = !lacks_beep(seed, kind, nth, no_beep);
            let (attempt, call, chance) = fresh(sounds, seed, kind, nth, has_beep, &mut used)?;
            firsts.push((kind, nth, attempt, maker.items.len()));
            maker.add(kind, call, chance)?;
        }
        for (kind, nth) in planned_again(count) {
            let of: Vec<_> = firsts.iter().filter(|first| first.0 == kind).collect();
            if of.is_empty() {
                continue;
            }
            let &(_, prompt, attempt, item) = of[nth % of.len()];
            let has_beep = !lacks_beep(seed, kind, prompt, no_beep);
            let mut chance = chance(
                seed,
                kind,
                prompt,
                attempt,
                Dice::of(seed, &format!("{kind}/again"), nth),
            );
            let voice = choose(&mut chance.words, attempt);
            let call = compose::call(sounds, kind, voice, has_beep, &mut chance)?;
            maker.add(kind, call, chance)?;
            let id = maker.items[item].id.clone();
            if let Some(again) = maker.items.last_mut() {
                again.heard_before = true;
                again.prompt_of = Some(id);
            }
        }
        maker.close(format!("seed{seed}"), seed, Some(no_beep))
    }

    /// Four announcements, behind each of which it rings as in each of fifteen countries; the first `count` of these calls.
    ///
    /// # Errors
    /// If the folder cannot be written.
    pub(crate) fn ringback(
        sounds: &dyn Sounds,
        folder: &Path,
        seed: u64,
        count: usize,
    ) -> Result<Self> {
        let mut maker = Maker::open(sounds, folder)?;
        let all = (0..ANNOUNCEMENTS).flat_map(|said| {
            RINGING
                .iter()
                .enumerate()
                .map(move |(at, ring)| (said, at, ring))
        });
        for (said, at, ringing) in all.take(count) {
            let call = Dice::of(seed, "s_ringback/call", said * RINGING.len() + at);
            let mut chance = chance(seed, "s_ringback", said, 0, call);
            // Two recorded ones, two synthetic ones.
            let voice = voice(&mut chance.words, said % 2 == 0);
            let call = compose::ringback(sounds, voice, ringing, &mut chance)?;
            maker.add("s_ringback", call, chance)?;
        }
        maker.close("ringback".to_owned(), seed, None)
    }

    /// Every nth item, so that at most `count` are left and every kind keeps its share.
    pub(crate) fn thin(&mut self, count: usize) {
        let all = self.items.len();
        let mut nth = 0;
        self.items.retain(|_| {
            let kept = nth * count / all != (nth + 1) * count / all;
            nth += 1;
            kept
        });
    }

    /// The sound of an item.
    pub(crate) fn path(&self, item: &Item) -> PathBuf {
        self.folder.join(&item.file)
    }

    /// How long all greetings of machines are together, in minutes; how long all items are.
    pub(crate) fn minutes(&self) -> (f64, f64) {
        // The sum of nothing is less than zero by a sign.
        let greetings: f64 = 0.0
            + self
                .items
                .iter()
                .filter_map(|item| item.ready_s)
                .sum::<f64>();
        let all: f64 = self.items.iter().map(|item| item.duration_s).sum();
        (greetings / 60.0, all / 60.0)
    }
}

/// A corpus that grows.
struct Maker<'a> {
    sounds: &'a dyn Sounds,
    folder: PathBuf,
    items: Vec<Item>,
    sum: u64,
}

impl<'a> Maker<'a> {
    fn open(sounds: &'a dyn Sounds, folder: &Path) -> Result<Self> {
        fs::create_dir_all(folder.join("wav"))?;
        Ok(Self {
            sounds,
            folder: folder.to_owned(),
            items: Vec::new(),
            sum: BASIS,
        })
    }

    /// Puts a call through a channel and adds it.
    fn add(&mut self, kind: &str, mut call: Call, mut chance: Chance) -> Result<()> {
        let channel = channel::through(self.sounds, &mut call, &mut chance.call)?;
        let samples: Vec<i16> = call.samples.iter().copied().map(pcm).collect();
        for sample in &samples {
            self.sum = digest(&sample.to_le_bytes(), self.sum);
        }
        let id = format!("{:04}", self.items.len() + 1);
        let file = format!("wav/{id}.wav");
        write(&self.folder.join(&file), &samples)?;
        self.items.push(Item {
            id,
            file,
            label: call.label,
            kind: kind.to_owned(),
            greeting_start_s: call.greeting.map(|(start, _)| rounded(start)),
            greeting_end_s: call.greeting.map(|(_, end)| rounded(end)),
            ready_s: call.ready.map(rounded),
            beep: call.beep,
            duration_s: rounded(samples.len() as f64 / RATE as f64),
            voice: call.voice.map(|voice| voice.name.to_owned()),
            package: call.voice.map(|voice| voice.package.to_owned()),
            licence: call.voice.map(|voice| voice.licence.to_owned()),
            level_dbfs: channel.level_dbfs,
            noise: channel.noise.to_owned(),
            snr_db: channel.snr_db,
            codec: channel.codec.to_owned(),
            loss_pct: channel.loss_pct,
            tones: call.tones,
            clips: call.clips.into_iter().map(|(clip, _)| clip).collect(),
            prompt_of: None,
            heard_before: false,
        });
        Ok(())
    }

    fn close(self, name: String, seed: u64, no_beep: Option<f64>) -> Result<Corpus> {
        no_clip_in_two_labels(&self.items)?;
        let manifest = Manifest {
            seed,
            no_beep,
            items: self.items,
            digest: Some(format!("{:016x}", self.sum)),
        };
        fs::write(
            self.folder.join("manifest.json"),
            serde_json::to_vec_pretty(&manifest)?,
        )?;
        Ok(Corpus {
            name,
            no_beep,
            folder: self.folder,
            items: manifest.items,
        })
    }
}

/// What is known from a person must never be known from a machine, nor the other way round.
pub(crate) fn no_clip_in_two_labels(items: &[Item]) -> Result<()> {
    let mut heard_of = BTreeMap::new();
    for item in items {
        for clip in &item.clips {
            let label = *heard_of.entry(clip).or_insert(item.label);
            if label != item.label {
                bail!(
                    "{clip} is heard of {label:?} and, in item {}, of {:?}",
                    item.id,
                    item.label
                );
            }
        }
    }
    Ok(())
}

/// A call whose prompt no earlier one has had, not even in part; people may say what others said. With the number of the attempt
/// that made it.
fn fresh(
    sounds: &dyn Sounds,
    seed: u64,
    kind: &str,
    nth: usize,
    has_beep: bool,
    used: &mut BTreeSet<String>,
) -> Result<(usize, Call, Chance)> {
    for attempt in 0..ATTEMPTS {
        let call = Dice::of(seed, &format!("{kind}/call"), nth);
        let mut chance = chance(seed, kind, nth, attempt, call);
        let voice = choose(&mut chance.words, attempt);
        let call = compose::call(sounds, kind, voice, has_beep, &mut chance)?;
        let prompts: BTreeSet<String> = call
            .clips
            .iter()
            .filter(|(_, pool)| *pool != Pool::Person)
            .map(|(clip, _)| clip.clone())
            .collect();
        if prompts.is_disjoint(used) {
            used.extend(prompts);
            return Ok((attempt, call, chance));
        }
    }
    bail!(
        "there are not enough prompts for call {nth} of {kind}; make fewer items of more seeds (ITEMS=, SEED=)"
    )
}

/// The dice of a prompt, and of a call that has it.
fn chance(seed: u64, kind: &str, prompt: usize, attempt: usize, call: Dice) -> Chance {
    Chance {
        words: Dice::of(seed, kind, prompt * ATTEMPTS + attempt),
        call,
    }
}

/// Whether a mailbox is one of the share that has no beep. The calls of a kind fall evenly on the share, and those of a smaller
/// share are among those of a larger one.
pub(crate) fn lacks_beep(seed: u64, kind: &str, nth: usize, percent: f64) -> bool {
    const GOLDEN: f64 = 0.618_033_988_749_895;
    let from = f64::from(Dice::of(seed, kind, usize::MAX).between(0.0, 1.0));
    100.0 * (from + nth as f64 * GOLDEN).fract() < percent
}

/// Kind by kind, with the number of an item among its kind: the largest remainders get what rounding leaves.
fn planned(count: usize, share: impl Fn(&compose::Kind) -> usize) -> Vec<(&'static str, usize)> {
    let whole: usize = PLAN.iter().map(&share).sum();
    let mut counts: Vec<usize> = PLAN
        .iter()
        .map(|kind| share(kind) * count / whole)
        .collect();
    let mut order: Vec<usize> = (0..PLAN.len()).collect();
    order.sort_by_key(|&at| std::cmp::Reverse(share(&PLAN[at]) * count % whole));
    for &at in order.iter().take(count - counts.iter().sum::<usize>()) {
        counts[at] += 1;
    }
    PLAN.iter()
        .zip(counts)
        .flat_map(|(kind, count)| (0..count).map(move |nth| (kind.name, nth)))
        .collect()
}

/// Those whose prompts come again, if there are `count` first calls.
fn planned_again(count: usize) -> Vec<(&'static str, usize)> {
    let first: usize = PLAN.iter().map(|kind| kind.first).sum();
    let again: usize = PLAN.iter().map(|kind| kind.again).sum();
    planned(count * again / first, |kind| kind.again)
}

/// Half of all speakers are recorded; all are if others have said all that they can say.
fn choose(dice: &mut Dice, attempt: usize) -> &'static Voice {
    let recorded = dice.chance(0.5) || attempt >= ATTEMPTS / 4;
    voice(dice, recorded)
}

fn voice(dice: &mut Dice, recorded: bool) -> &'static Voice {
    let count = VOICES
        .iter()
        .take_while(|voice| voice.is_recorded())
        .count();
    let (persons, programs) = VOICES.split_at(count);
    dice.pick(if recorded { persons } else { programs })
}

fn write(path: &Path, samples: &[i16]) -> Result<()> {
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: u32::try_from(RATE).expect("8,000 fits"),
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut writer = hound::WavWriter::create(path, spec)?;
    for sample in samples {
        writer.write_sample(*sample)?;
    }
    writer.finalize()?;
    Ok(())
}

/// To a tenth of a millisecond: no sample is finer.
pub(crate) fn rounded(seconds: f64) -> f64 {
    (seconds * 1e4).round() / 1e4
}

/// Fails if a corpus would not fit the lab's numbers.
pub(crate) fn check_size(corpus: &Corpus, numbers: usize) -> Result<()> {
    if corpus.items.is_empty() || corpus.items.len() > numbers {
        bail!(
            "{} has {} items; 1 to {numbers} fit into one run (ITEMS=)",
            corpus.name,
            corpus.items.len()
        );
    }
    Ok(())
}

/// How often other words are looked for, until none are left.
const ATTEMPTS: usize = 200;

/// Announcements before ringback.
const ANNOUNCEMENTS: usize = 4;

/// First calls of a corpus by default.
pub(crate) const ITEMS: usize = 170;
