//! Labelled calls: what is heard of each from the moment of answer on, and what is true of it.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};
use serde::{Deserialize, Serialize};

use crate::{
    channel,
    compose::{self, PLAN},
    dice::{BASIS, Dice, digest},
    recording::RATE,
    tones::Shape,
    voices::{Sounds, VOICES, pcm},
};

/// A folder of recordings and its `manifest.json`.
pub(crate) struct Corpus {
    pub(crate) name: String,
    pub(crate) folder: PathBuf,
    pub(crate) items: Vec<Item>,
}

/// What the manifest says.
#[derive(Deserialize, Serialize)]
struct Manifest {
    seed: u64,
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
    /// Whether an earlier call has had the same prompt.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) heard_before: bool,
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
            folder: folder.to_owned(),
            items: manifest.items,
        })
    }

    /// Makes about `count` items from a seed into `folder`, each kind's share as in [`PLAN`].
    pub(crate) fn make(
        sounds: &dyn Sounds,
        folder: &Path,
        seed: u64,
        count: usize,
    ) -> Result<Self> {
        fs::create_dir_all(folder.join("wav"))?;
        let mut items = Vec::new();
        let mut sum = BASIS;
        for (kind, nth) in planned(count) {
            let mut dice = Dice::of(seed, kind, nth);
            let voice = choose(&mut dice);
            let mut call = compose::call(sounds, VOICES[voice].name, kind, &mut dice)?;
            let channel = channel::through(sounds, &mut call, &mut dice)?;
            let samples: Vec<i16> = call.samples.iter().copied().map(pcm).collect();
            for sample in &samples {
                sum = digest(&sample.to_le_bytes(), sum);
            }
            let id = format!("{:04}", items.len() + 1);
            let file = format!("wav/{id}.wav");
            write(&folder.join(&file), &samples)?;
            let speaks = call.speaks.then_some(&VOICES[voice]);
            items.push(Item {
                id,
                file,
                label: call.label,
                kind: kind.to_owned(),
                greeting_start_s: call.greeting.map(|(start, _)| rounded(start)),
                greeting_end_s: call.greeting.map(|(_, end)| rounded(end)),
                ready_s: call.ready.map(rounded),
                beep: call.beep,
                duration_s: rounded(samples.len() as f64 / RATE as f64),
                voice: speaks.map(|voice| voice.name.to_owned()),
                package: speaks.map(|voice| voice.package.to_owned()),
                licence: speaks.map(|voice| voice.licence.to_owned()),
                level_dbfs: channel.level_dbfs,
                noise: channel.noise.to_owned(),
                snr_db: channel.snr_db,
                codec: channel.codec.to_owned(),
                loss_pct: channel.loss_pct,
                heard_before: false,
            });
        }
        let manifest = Manifest {
            seed,
            items,
            digest: Some(format!("{sum:016x}")),
        };
        fs::write(
            folder.join("manifest.json"),
            serde_json::to_vec_pretty(&manifest)?,
        )?;
        Ok(Self {
            name: format!("seed{seed}"),
            folder: folder.to_owned(),
            items: manifest.items,
        })
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
        let greetings: f64 = self.items.iter().filter_map(|item| item.ready_s).sum();
        let all: f64 = self.items.iter().map(|item| item.duration_s).sum();
        (greetings / 60.0, all / 60.0)
    }
}

/// Kind by kind, with the number of an item among its kind: the largest remainders get what rounding leaves.
fn planned(count: usize) -> Vec<(&'static str, usize)> {
    let whole: usize = PLAN.iter().map(|(_, share)| share).sum();
    let mut counts: Vec<usize> = PLAN
        .iter()
        .map(|(_, share)| share * count / whole)
        .collect();
    let mut order: Vec<usize> = (0..PLAN.len()).collect();
    order.sort_by_key(|&at| std::cmp::Reverse(PLAN[at].1 * count % whole));
    for &at in order.iter().take(count - counts.iter().sum::<usize>()) {
        counts[at] += 1;
    }
    PLAN.iter()
        .zip(counts)
        .flat_map(|(&(kind, _), count)| (0..count).map(move |nth| (kind, nth)))
        .collect()
}

/// Half of all speakers are recorded.
fn choose(dice: &mut Dice) -> usize {
    let recorded = VOICES
        .iter()
        .take_while(|voice| voice.is_recorded())
        .count();
    if dice.chance(0.5) {
        dice.index(recorded)
    } else {
        recorded + dice.index(VOICES.len() - recorded)
    }
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
