//! Who speaks: Asterisk's recorded prompts, and programs that read texts aloud.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{self, Command, Stdio},
    rc::Rc,
};

use anyhow::{Context as _, Result, bail};

use crate::{
    dice::{BASIS, Dice, digest},
    recording::{FRAME, RATE, Samples},
    script::{ENGLISH, FRENCH, GERMAN, ITALIAN, POLISH, Part, SPANISH, Texts, prompts},
    tones::quiet,
};

/// A speaker.
pub(crate) struct Voice {
    pub(crate) name: &'static str,
    /// The Debian package that it comes from.
    pub(crate) package: &'static str,
    pub(crate) licence: &'static str,
    source: Source,
}

enum Source {
    /// A folder of prompts.
    Prompts(&'static str),
    /// espeak-ng: voice, pitch (0 to 99), words a minute.
    Espeak(&'static str, u32, u32, &'static Texts),
    /// flite, which speaks English.
    Flite(&'static str),
}

impl Voice {
    /// Whether it is a person's.
    pub(crate) const fn is_recorded(&self) -> bool {
        matches!(self.source, Source::Prompts(_))
    }
}

/// What calls are made of.
pub(crate) trait Sounds {
    /// What a voice says on an occasion: sentences, each trimmed and of the same loudness (root mean square 1.0 while it
    /// is loud).
    fn say(&self, voice: &Voice, part: Part, dice: &mut Dice) -> Result<Vec<Samples>>;

    /// A piece of music, of the telephone's band and that loudness.
    fn music(&self, dice: &mut Dice) -> Result<Samples>;

    /// Puts samples through GSM 06.10 and back.
    fn gsm(&self, samples: &[f32]) -> Result<Samples>;
}

/// All speakers, and what they have said so far.
pub(crate) struct Bank {
    folder: PathBuf,
    said: RefCell<BTreeMap<PathBuf, Rc<Samples>>>,
}

impl Bank {
    /// Fetches what is missing.
    ///
    /// # Errors
    /// If the packages cannot be fetched; the script has said why.
    pub(crate) fn open() -> Result<Self> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("voices.sh");
        let out = Command::new(&script)
            .stdin(Stdio::null())
            .stderr(Stdio::inherit())
            .output()?;
        if !out.status.success() {
            bail!("{} did not fetch the voices", script.display());
        }
        let folder = PathBuf::from(String::from_utf8(out.stdout)?.trim());
        fs::create_dir_all(folder.join("spoken"))?;
        Ok(Self {
            folder,
            said: RefCell::default(),
        })
    }
}

impl Sounds for Bank {
    fn say(&self, voice: &Voice, part: Part, dice: &mut Dice) -> Result<Vec<Samples>> {
        match voice.source {
            Source::Prompts(folder) => self.play(voice, folder, part, dice),
            Source::Espeak(_, _, _, texts) => self.read(voice, texts, part, dice),
            Source::Flite(_) => self.read(voice, &ENGLISH, part, dice),
        }
    }

    fn music(&self, dice: &mut Dice) -> Result<Samples> {
        let piece = dice.pick(MUSIC);
        let path = format!("asterisk-moh-opsound-wav/usr/share/asterisk/moh/{piece}.wav");
        let whole = self.clip(&self.folder.join(path))?;
        let length = (dice.between(2.5, 6.0) * RATE as f32) as usize;
        let from = dice.index(whole.len() - length);
        let mut music = levelled(whole[from..from + length].to_vec());
        let fade = RATE / 5;
        for index in 0..fade {
            let gain = index as f32 / fade as f32;
            music[length - 1 - index] *= gain;
        }
        Ok(music)
    }

    fn gsm(&self, samples: &[f32]) -> Result<Samples> {
        let bytes: Vec<u8> = samples
            .iter()
            .flat_map(|sample| pcm(*sample).to_le_bytes())
            .collect();
        let coded = self.pipe("toast", &bytes)?;
        let decoded = self.pipe("untoast", &coded)?;
        let mut heard: Samples = decoded
            .chunks_exact(2)
            .map(|pair| f32::from(i16::from_le_bytes([pair[0], pair[1]])) / 32_768.0)
            .collect();
        heard.resize(samples.len(), 0.0);
        Ok(heard)
    }
}

impl Bank {
    fn play(
        &self,
        voice: &Voice,
        folder: &str,
        part: Part,
        dice: &mut Dice,
    ) -> Result<Vec<Samples>> {
        let folder = self
            .folder
            .join(voice.package)
            .join("usr/share/asterisk/sounds")
            .join(folder);
        let there = |name: &&str| *name == "#" || folder.join(format!("{name}.wav")).exists();
        // Sayings of which this language has nothing are no choice.
        let choice: Vec<_> = prompts(part)
            .iter()
            .filter(|sentences| {
                sentences
                    .iter()
                    .all(|sentence| sentence.split(' ').any(|name| name != "#" && there(&name)))
            })
            .collect();
        let mut said = Vec::new();
        for sentence in dice.pick(&choice).iter() {
            let mut samples = Vec::new();
            for name in sentence.split(' ').filter(there) {
                if !samples.is_empty() {
                    samples.extend(quiet(dice.between(0.05, 0.35)));
                }
                if name == "#" {
                    for nth in 0..*dice.pick(&[3, 4, 7, 10]) {
                        if nth > 0 {
                            samples.extend(quiet(dice.between(0.02, 0.15)));
                        }
                        let digit = dice.index(10);
                        samples.extend_from_slice(
                            &self.clip(&folder.join(format!("digits/{digit}.wav")))?,
                        );
                    }
                } else {
                    samples.extend_from_slice(&self.clip(&folder.join(format!("{name}.wav")))?);
                }
            }
            said.push(samples);
        }
        Ok(said)
    }

    fn read(
        &self,
        voice: &Voice,
        texts: &Texts,
        part: Part,
        dice: &mut Dice,
    ) -> Result<Vec<Samples>> {
        let mut said = Vec::new();
        for sentence in dice.pick(texts.of(part)).iter() {
            let digits: Vec<_> = (0..*dice.pick(&[4, 7, 10]))
                .map(|_| dice.index(10).to_string())
                .collect();
            let text = sentence
                .replace("{n}", dice.pick::<&str>(texts.names))
                .replace("{c}", dice.pick::<&str>(texts.companies))
                .replace("{d}", &digits.join(" "));
            said.push(self.spoken(voice, &text)?.to_vec());
        }
        Ok(said)
    }

    fn spoken(&self, voice: &Voice, text: &str) -> Result<Rc<Samples>> {
        let name = digest(text.as_bytes(), digest(voice.name.as_bytes(), BASIS));
        let path = self.folder.join(format!("spoken/{name:016x}.wav"));
        if !path.exists() {
            // Another run may make the same.
            let new = path.with_extension(format!("{}.new", process::id()));
            let mut command = match voice.source {
                Source::Prompts(_) => bail!("{} reads no texts", voice.name),
                Source::Espeak(name, pitch, speed, _) => {
                    let mut espeak = Command::new("espeak-ng");
                    let (pitch, speed) = (pitch.to_string(), speed.to_string());
                    espeak
                        .args(["-v", name, "-p", &pitch, "-s", &speed, "-w"])
                        .arg(&new)
                        .arg(text);
                    espeak
                }
                Source::Flite(name) => {
                    let mut flite = Command::new(self.folder.join("flite/usr/bin/flite"));
                    flite.env("LD_LIBRARY_PATH", self.libraries("libflite1")?);
                    flite.args(["-voice", name, "-t", text, "-o"]).arg(&new);
                    flite
                }
            };
            let status = command.stdin(Stdio::null()).stdout(Stdio::null()).status();
            let status =
                status.with_context(|| format!("cannot run {:?}", command.get_program()))?;
            if !status.success() {
                bail!("{} said nothing: {text}", voice.name);
            }
            fs::rename(&new, &path)?;
        }
        self.clip(&path)
    }

    /// A file of sound: of the telephone's rate and band, trimmed, levelled.
    fn clip(&self, path: &Path) -> Result<Rc<Samples>> {
        if let Some(clip) = self.said.borrow().get(path) {
            return Ok(Rc::clone(clip));
        }
        let mut reader = hound::WavReader::open(path)
            .with_context(|| format!("cannot read {}", path.display()))?;
        let spec = reader.spec();
        if spec.channels != 1 || spec.bits_per_sample != 16 {
            bail!("{} is not mono of 16 bits", path.display());
        }
        let samples = reader
            .samples::<i16>()
            .map(|sample| Ok(f32::from(sample?) / 32_768.0));
        let samples = samples.collect::<Result<Samples>>()?;
        let clip = Rc::new(levelled(trimmed(&telephone(resampled(
            &samples,
            spec.sample_rate as usize,
        )))));
        self.said
            .borrow_mut()
            .insert(path.to_owned(), Rc::clone(&clip));
        Ok(clip)
    }

    fn pipe(&self, program: &str, input: &[u8]) -> Result<Vec<u8>> {
        // Files, not pipes: both ends of a pipe at once would need a second thread.
        let (given, taken) = (
            tempfile::NamedTempFile::new()?,
            tempfile::NamedTempFile::new()?,
        );
        fs::write(given.path(), input)?;
        let status = Command::new(self.folder.join("libgsm-tools/usr/bin").join(program))
            .env("LD_LIBRARY_PATH", self.libraries("libgsm1")?)
            .args(["-l", "-c"])
            .stdin(given.reopen()?)
            .stdout(taken.reopen()?)
            .status()?;
        if !status.success() {
            bail!("{program} failed");
        }
        Ok(fs::read(taken.path())?)
    }

    /// The folder of a package's shared libraries, which is named after the machine's kind.
    fn libraries(&self, package: &str) -> Result<PathBuf> {
        let lib = self.folder.join(package).join("usr/lib");
        let inside = fs::read_dir(&lib)?.next();
        Ok(inside
            .with_context(|| format!("{} is empty", lib.display()))??
            .path())
    }
}

/// A sample as 16 bits.
pub(crate) fn pcm(sample: f32) -> i16 {
    (sample * 32_768.0).round().clamp(-32_768.0, 32_767.0) as i16
}

/// Only what a telephone passes: 250 to 3,400 Hz.
pub(crate) fn telephone(samples: Samples) -> Samples {
    biquad(&biquad(&samples, 250.0, true), 3_400.0, false)
}

/// Scaled to root mean square 1.0 over the frames within 25 dB of the loudest.
pub(crate) fn levelled(mut samples: Samples) -> Samples {
    let powers: Vec<f32> = samples.chunks(FRAME).map(power).collect();
    let loudest = powers.iter().copied().fold(0.0, f32::max);
    let loud: Vec<f32> = powers
        .into_iter()
        .filter(|power| *power > loudest / 316.0)
        .collect();
    let mean = loud.iter().sum::<f32>() / loud.len().max(1) as f32;
    let gain = 1.0 / mean.sqrt().max(1e-6);
    samples.iter_mut().for_each(|sample| *sample *= gain);
    samples
}

/// Without the silence before and after: frames of 10 ms more than 38 dB below the loudest.
fn trimmed(samples: &[f32]) -> Samples {
    const SHORT: usize = FRAME / 2;
    let powers: Vec<f32> = samples.chunks(SHORT).map(power).collect();
    let quiet = powers.iter().copied().fold(0.0, f32::max) / 6_310.0;
    let loud = |power: &f32| *power > quiet;
    let first = powers.iter().position(loud).unwrap_or(0) * SHORT;
    let last = powers
        .iter()
        .rposition(loud)
        .map_or(0, |at| (at + 1) * SHORT);
    samples[first..last.min(samples.len()).max(first)].to_vec()
}

fn power(samples: &[f32]) -> f32 {
    samples.iter().map(|sample| sample * sample).sum::<f32>() / samples.len().max(1) as f32
}

/// At the telephone's rate: a windowed sinc that passes up to nine tenths of the band.
fn resampled(samples: &[f32], rate: usize) -> Samples {
    const REACH: f32 = 32.0;
    if rate == RATE {
        return samples.to_vec();
    }
    let step = rate as f32 / RATE as f32;
    let cutoff = 0.9 * (RATE as f32 / rate as f32).min(1.0);
    let reach = REACH / cutoff;
    let sinc = |x: f32| {
        if x == 0.0 {
            1.0
        } else {
            (std::f32::consts::PI * x).sin() / (std::f32::consts::PI * x)
        }
    };
    (0..(samples.len() as f32 / step) as usize)
        .map(|index| {
            let centre = index as f32 * step;
            let from = (centre - reach).ceil().max(0.0) as usize;
            let to = ((centre + reach) as usize + 1).min(samples.len());
            (from..to)
                .map(|at| {
                    let off = at as f32 - centre;
                    let window = 0.5 + 0.5 * (std::f32::consts::PI * off / reach).cos();
                    samples[at] * cutoff * sinc(cutoff * off) * window
                })
                .sum()
        })
        .collect()
}

/// A Butterworth filter of second order (R. Bristow-Johnson's cookbook), high or low pass.
fn biquad(samples: &[f32], hz: f32, high: bool) -> Samples {
    let omega = std::f32::consts::TAU * hz / RATE as f32;
    let alpha = omega.sin() / std::f32::consts::SQRT_2;
    let (a0, a1, a2) = (1.0 + alpha, -2.0 * omega.cos(), 1.0 - alpha);
    let (b0, b1) = if high {
        (0.5 * (1.0 + omega.cos()), -(1.0 + omega.cos()))
    } else {
        (0.5 * (1.0 - omega.cos()), 1.0 - omega.cos())
    };
    let (mut x1, mut x2, mut y1, mut y2) = (0.0, 0.0, 0.0, 0.0);
    samples
        .iter()
        .map(|&x| {
            let y = (b0 * x + b1 * x1 + b0 * x2 - a1 * y1 - a2 * y2) / a0;
            (x2, x1, y2, y1) = (x1, x, y1, y);
            y
        })
        .collect()
}

const CORE: &str = "CC-BY-SA-3.0";
const FLITE: &str = "BSD-like (CMU)";
const ESPEAK: &str = "GPL-3+ (the program)";

const MUSIC: &[&str] = &[
    "macroform-cold_day",
    "macroform-robot_dity",
    "macroform-the_simplicity",
    "manolo_camp-morning_coffee",
    "reno_project-system",
];

/// Everybody who speaks. The music is CC-BY-SA-3.0, too.
#[rustfmt::skip]
pub(crate) const VOICES: &[Voice] = &[
    recorded("allison-en", "asterisk-core-sounds-en-wav", "en_US_f_Allison"),
    recorded("allison-es", "asterisk-core-sounds-es-wav", "es_MX_f_Allison"),
    recorded("june-fr", "asterisk-core-sounds-fr-wav", "fr_CA_f_June"),
    recorded("carlo-it", "asterisk-core-sounds-it-wav", "it_IT_m_Carlo"),
    recorded("ivrvoice-ru", "asterisk-core-sounds-ru-wav", "ru_RU_f_IvrvoiceRU"),
    flite("flite-kal16", "kal16"),
    flite("flite-awb", "awb"),
    flite("flite-rms", "rms"),
    flite("flite-slt", "slt"),
    espeak("espeak-en-us", "en-us+m2", 40, 165, &ENGLISH),
    espeak("espeak-en-gb", "en-gb+f3", 55, 170, &ENGLISH),
    espeak("espeak-de", "de+f2", 52, 160, &GERMAN),
    espeak("espeak-es", "es+m4", 45, 170, &SPANISH),
    espeak("espeak-fr", "fr-fr+f1", 55, 165, &FRENCH),
    espeak("espeak-it", "it+m6", 40, 170, &ITALIAN),
    espeak("espeak-pl", "pl+m3", 44, 165, &POLISH),
];

const fn recorded(name: &'static str, package: &'static str, folder: &'static str) -> Voice {
    Voice {
        name,
        package,
        licence: CORE,
        source: Source::Prompts(folder),
    }
}

const fn flite(name: &'static str, voice: &'static str) -> Voice {
    Voice {
        name,
        package: "flite",
        licence: FLITE,
        source: Source::Flite(voice),
    }
}

const fn espeak(
    name: &'static str,
    voice: &'static str,
    pitch: u32,
    speed: u32,
    texts: &'static Texts,
) -> Voice {
    Voice {
        name,
        package: "espeak-ng",
        licence: ESPEAK,
        source: Source::Espeak(voice, pitch, speed, texts),
    }
}
