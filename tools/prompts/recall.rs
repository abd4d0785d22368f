//! How many prompts of a book are known again, and how many people are taken for one; see `recall.sh`, which makes its corpus.

#![expect(clippy::print_stdout, reason = "the table is what this program is for")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
};

use aftertone::{
    screen::{
        RATE,
        book::{Book, KnownPrompt, Matcher, Prints, PromptNews},
    },
    words::PromptEnd,
};
use anyhow::{Context as _, Result, ensure};

fn main() -> Result<()> {
    let folder = PathBuf::from(
        std::env::args()
            .nth(1)
            .context("name the folder of the corpus")?,
    );
    let mut prompts: Vec<Vec<i16>> = sounds(&folder.join("prompts"))?;
    prompts.iter_mut().for_each(trim);
    prompts.retain(|prompt| prompt.len() >= 2 * RATE);
    prompts.sort();
    prompts.dedup();
    let prints: Vec<_> = prompts.iter().map(|prompt| Prints::of(prompt)).collect();
    let seconds: f32 = prints.iter().map(Prints::seconds).sum();
    let bytes: usize = prints.iter().map(|prints| prints.to_bytes().len()).sum();
    println!(
        "{} prompts of {seconds:.0} s, {:.0} bytes a second\n",
        prompts.len(),
        bytes as f32 / seconds
    );
    // Others like them, to make the book larger: the same prompts, each time at another pitch and speed.
    let copies = match std::env::args().nth(2) {
        Some(copies) => copies
            .parse()
            .context("the number of copies is no number")?,
        None => 0,
    };
    let others: Vec<_> = (0..copies)
        .flat_map(|nth| prompts.iter().map(move |prompt| (nth, prompt)))
        .map(|(nth, prompt)| Prints::of(&at_another_pitch(prompt, nth)))
        .collect();
    // All end alike, so that one that shares its words with another is no rival: what is asked is whether it is known.
    let known = prints.iter().chain(&others).zip(0..).map(|(prints, id)| {
        let ends = PromptEnd::Records;
        (
            KnownPrompt {
                id,
                ends,
                beep: None,
            },
            prints,
        )
    });
    let book = Arc::new(Book::new(known));
    println!(
        "a book of {} prompts, {} MB; {} bytes a call\n",
        book.len(),
        book.bytes() / 1_000_000,
        Matcher::BYTES
    );
    println!(
        "| line | 1 s | 1.5 s | 2 s | 3 s | another first | left |\n|---|---:|---:|---:|---:|---:|---:|"
    );
    let mut dice = Dice(1);
    let calls = calls(&prompts, &mut dice);
    for (name, line) in LINES {
        let sound = line(&calls, &folder, &mut dice)?;
        let recall = recall(&book, &calls, &sound);
        let share = |count: usize| 100.0 * count as f32 / prompts.len() as f32;
        let after =
            |limit: f32| share(recall.after.iter().filter(|after| **after <= limit).count());
        println!(
            "| {name} | {:.1} % | {:.1} % | {:.1} % | {:.1} % | {:.1} % | {:.1} % |",
            after(1.0),
            after(1.5),
            after(2.0),
            after(3.0),
            share(recall.another),
            share(recall.left)
        );
    }
    people(&book, &folder)
}

/// A prompt that is played faster or slower; another for each number.
fn at_another_pitch(prompt: &[i16], nth: usize) -> Vec<i16> {
    let pace = [0.84, 1.15, 0.9, 1.23, 0.78, 1.08, 1.3][nth % 7] * (1.0 + 0.02 * (nth / 7) as f32);
    let length = (prompt.len().saturating_sub(2) as f32 / pace) as usize;
    let sample = |n: usize| {
        let at = n as f32 * pace;
        let (before, part) = (at as usize, at.fract());
        let of = |n: usize| f32::from(prompt[n]);
        (of(before) * (1.0 - part) + of(before + 1) * part) as i16
    };
    (0..length).map(sample).collect()
}

/// Every prompt as a call hears it, one after another, each behind a silence.
struct RecordedCalls {
    samples: Vec<i16>,
    /// Of each: where the call begins, where the prompt does, and where both end.
    places: Vec<(usize, usize, usize)>,
}

fn calls(prompts: &[Vec<i16>], dice: &mut Dice) -> RecordedCalls {
    let mut calls = RecordedCalls {
        samples: Vec::new(),
        places: Vec::new(),
    };
    for prompt in prompts {
        let from = calls.samples.len();
        let lead = 1_600 + (dice.roll() * 4_000.0) as usize;
        calls.samples.extend(std::iter::repeat_n(0, lead));
        calls.samples.extend(prompt.iter().take(6 * RATE));
        calls.places.push((from, from + lead, calls.samples.len()));
    }
    calls
}

struct Recall {
    /// How long each prompt that was known had been heard, in seconds.
    after: Vec<f32>,
    /// How often another was named before it.
    another: usize,
    /// How many were left although they went on.
    left: usize,
}

fn recall(book: &Arc<Book>, calls: &RecordedCalls, sound: &[i16]) -> Recall {
    let mut recall = Recall {
        after: Vec::new(),
        another: 0,
        left: 0,
    };
    for (id, (from, begins, until)) in (0_u32..).zip(&calls.places) {
        let (mut first, mut is_left) = (None, false);
        Matcher::new(Arc::clone(book)).hear(&sound[*from..*until], &mut |news| match news {
            PromptNews::Recognised(found) => first = first.or(Some(found)),
            PromptNews::Left { prompt } => is_left |= prompt == id,
        });
        recall.left += usize::from(is_left);
        match first {
            Some(found) if found.prompt.id == id => {
                let heard = found.at.seconds() as f32 - (begins - from) as f32 / RATE as f32;
                recall.after.push(heard);
            }
            Some(_) => recall.another += 1,
            None => {}
        }
    }
    recall
}

fn people(book: &Arc<Book>, folder: &Path) -> Result<()> {
    let (mut calls, mut falsely, mut to_the_end, mut samples) = (0, 0, 0, 0);
    for person in sounds(&folder.join("people"))? {
        let call = [&[0; 2_400][..], &person].concat();
        let call: Vec<_> = call.into_iter().take(30 * RATE).map(mu_law).collect();
        let (mut is_known, mut at_last) = (false, false);
        Matcher::new(Arc::clone(book)).hear(&call, &mut |news| {
            at_last = matches!(news, PromptNews::Recognised(_));
            is_known |= at_last;
        });
        calls += 1;
        falsely += u32::from(is_known);
        to_the_end += u32::from(at_last);
        samples += call.len();
    }
    let minutes = samples / (60 * RATE);
    println!(
        "\npeople: {falsely} of {calls} taken for a prompt, {to_the_end} of them to the end ({minutes} min)"
    );
    Ok(())
}

type LineBetween = fn(&RecordedCalls, &Path, &mut Dice) -> Result<Vec<i16>>;

/// What may lie between who plays and who hears.
const LINES: [(&str, LineBetween); 8] = [
    ("mu-law", |calls, _, _| {
        Ok(calls.samples.iter().copied().map(mu_law).collect())
    }),
    ("mu-law, 12 dB softer", |calls, _, _| {
        Ok(calls.samples.iter().map(|s| mu_law(s / 4)).collect())
    }),
    (
        "mu-law, clock jumps by 10 to 30 ms each second",
        |calls, _, dice| Ok(jumping(calls, dice)),
    ),
    ("mu-law, noise 20 dB below", |calls, _, dice| {
        Ok(noisy(calls, 20.0, dice))
    }),
    ("mu-law, noise 10 dB below", |calls, _, dice| {
        Ok(noisy(calls, 10.0, dice))
    }),
    ("GSM, 3 % of the packets lost", |calls, folder, dice| {
        let mut sound = coded(calls, folder, &["-t", "gsm"])?;
        for packet in sound.chunks_mut(160).filter(|_| dice.roll() < 0.03) {
            packet.fill(0);
        }
        Ok(sound)
    }),
    ("AMR 12.2", |calls, folder, _| {
        coded(calls, folder, &["-t", "amr-nb", "-C", "7"])
    }),
    ("AMR 4.75", |calls, folder, _| {
        coded(calls, folder, &["-t", "amr-nb", "-C", "0"])
    }),
];

/// As if a buffer of the network held more or less sound from each second on, and held it all again at the next.
fn jumping(calls: &RecordedCalls, dice: &mut Dice) -> Vec<i16> {
    let mut sound = calls.samples.clone();
    for (_, begins, until) in &calls.places {
        let mut late = 0;
        for second in (*begins..*until).step_by(RATE) {
            let part = second..(second + RATE).min(*until);
            for n in part {
                sound[n] = mu_law(calls.samples[n.saturating_sub(late).max(*begins)]);
            }
            late = if late == 0 {
                80 + (dice.roll() * 160.0) as usize
            } else {
                0
            };
        }
    }
    sound
}

fn noisy(calls: &RecordedCalls, below: f32, dice: &mut Dice) -> Vec<i16> {
    let mut sound = calls.samples.clone();
    for (from, begins, until) in &calls.places {
        let powers = sound[*begins..*until].chunks(160).map(|part| {
            part.iter()
                .map(|sample| f32::from(*sample).powi(2))
                .sum::<f32>()
                / part.len() as f32
        });
        let spoken: Vec<f32> = powers.filter(|power| *power > 1e4).collect();
        let power = spoken.iter().sum::<f32>() / spoken.len().max(1) as f32;
        let size = (power / 10_f32.powf(below / 10.0)).sqrt();
        for sample in &mut sound[*from..*until] {
            *sample = mu_law((f32::from(*sample) + size * dice.normal()) as i16);
        }
    }
    sound
}

/// Through a codec of sox, and back.
fn coded(calls: &RecordedCalls, folder: &Path, codec: &[&str]) -> Result<Vec<i16>> {
    let [plain, small] = ["line.raw", "line.coded"].map(|name| folder.join(name));
    let bytes: Vec<u8> = calls
        .samples
        .iter()
        .flat_map(|sample| sample.to_le_bytes())
        .collect();
    fs::write(&plain, bytes)?;
    let raw = [
        "-t", "raw", "-r", "8000", "-e", "signed", "-b", "16", "-c", "1",
    ];
    let there = Command::new("sox")
        .arg("-V1")
        .args(raw)
        .arg(&plain)
        .args(codec)
        .arg(&small)
        .status()?;
    let back = Command::new("sox")
        .args(["-V1"])
        .args(&codec[..2])
        .arg(&small)
        .args(raw)
        .arg(&plain)
        .status()?;
    ensure!(
        there.success() && back.success(),
        "sox failed; has it the codec {codec:?}?"
    );
    let mut sound = read(&plain)?;
    sound.resize(calls.samples.len(), 0);
    Ok(sound)
}

fn sounds(folder: &Path) -> Result<Vec<Vec<i16>>> {
    let mut paths: Vec<_> = fs::read_dir(folder)?
        .flatten()
        .map(|entry| entry.path())
        .collect();
    paths.sort();
    paths.iter().map(|path| read(path)).collect()
}

fn read(path: &Path) -> Result<Vec<i16>> {
    let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(bytes
        .as_chunks::<2>()
        .0
        .iter()
        .map(|pair| i16::from_le_bytes(*pair))
        .collect())
}

/// Leaves the silence before and behind a prompt out.
fn trim(prompt: &mut Vec<i16>) {
    let loud = |sample: &i16| sample.unsigned_abs() > 400;
    let from = prompt.iter().position(loud).unwrap_or(0);
    let until = prompt.iter().rposition(loud).map_or(0, |last| last + 1);
    prompt.truncate(until);
    prompt.drain(..from.min(until));
}

/// As mu-law has it.
fn mu_law(sample: i16) -> i16 {
    let loud = i32::from(sample.unsigned_abs()).min(32_635) + 132;
    let step = loud.ilog2().saturating_sub(4);
    let coded = ((loud >> step << step) + (1 << step) / 2 - 132).min(i32::from(i16::MAX));
    (coded * i32::from(sample.signum())) as i16
}

/// Chances that are the same in each run.
struct Dice(u64);

impl Dice {
    /// From 0 to 1.
    fn roll(&mut self) -> f32 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 40) as f32 / (1_u64 << 24) as f32
    }

    /// About normal, of variance 1.
    fn normal(&mut self) -> f32 {
        (0..12).map(|_| self.roll()).sum::<f32>() - 6.0
    }
}
