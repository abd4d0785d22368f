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
    prompts::{self, Prompt},
    recording::{RATE, Samples},
    script::{ENGLISH, FRENCH, GERMAN, ITALIAN, POLISH, Part, Pool, SPANISH, Texts},
    shaping::{levelled, pcm, resampled, telephone, trimmed},
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

/// A sentence, and which recordings or texts it is made of.
#[derive(Clone, Debug)]
pub(crate) struct Sentence {
    pub(crate) clips: Vec<String>,
    pub(crate) samples: Samples,
}

/// What calls are made of.
pub(crate) trait Sounds {
    /// What a voice says on an occasion: sentences, each trimmed and of the same loudness (root mean square 1.0 while it
    /// is loud). Two calls that have the same `words` have the same recording, but for the `digits` in it.
    fn say(
        &self,
        voice: &Voice,
        part: Part,
        words: &mut Dice,
        digits: &mut Dice,
    ) -> Result<Vec<Sentence>>;

    /// So many people who talk at once, of that length in samples: recorded voices, with words that no speaker says.
    fn babble(&self, talkers: usize, length: usize, dice: &mut Dice) -> Result<Samples>;

    /// A piece of music of that length (s), of the telephone's band and that loudness.
    fn music(&self, seconds: f32, dice: &mut Dice) -> Result<Samples>;

    /// Puts samples through GSM 06.10 and back.
    fn gsm(&self, samples: &[f32]) -> Result<Samples>;
}

/// All speakers, and what they have said so far.
pub(crate) struct Bank {
    folder: PathBuf,
    said: RefCell<BTreeMap<PathBuf, Rc<Samples>>>,
    prompts: RefCell<BTreeMap<PathBuf, Rc<Vec<Prompt>>>>,
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
            prompts: RefCell::default(),
        })
    }
}

impl Sounds for Bank {
    fn say(
        &self,
        voice: &Voice,
        part: Part,
        words: &mut Dice,
        digits: &mut Dice,
    ) -> Result<Vec<Sentence>> {
        match voice.source {
            Source::Prompts(folder) => self.play(voice, folder, part, words, digits),
            Source::Espeak(_, _, _, texts) => self.read(voice, texts, part, words, digits),
            Source::Flite(_) => self.read(voice, &ENGLISH, part, words, digits),
        }
    }

    fn babble(&self, talkers: usize, length: usize, dice: &mut Dice) -> Result<Samples> {
        let mut room = vec![0.0; length];
        let recorded = VOICES
            .iter()
            .take_while(|voice| voice.is_recorded())
            .count();
        for nth in 0..talkers {
            let Source::Prompts(folder) = VOICES[nth % recorded].source else {
                continue;
            };
            let folder = self.prompts_of(&VOICES[nth % recorded], folder);
            let own = self.fitting(&folder, Pool::Babble, (0.8, 6.0))?;
            let gain = dice.between(0.5, 1.0);
            let mut at = dice.index(2 * RATE);
            while at < length {
                let name = &dice.pick(&own).name;
                let clip = self.clip(&folder.join(format!("{name}.wav")))?;
                for (sample, said) in room.iter_mut().skip(at).zip(clip.iter()) {
                    *sample += gain * said;
                }
                at += clip.len() + dice.index(RATE);
            }
        }
        Ok(room)
    }

    fn music(&self, seconds: f32, dice: &mut Dice) -> Result<Samples> {
        let piece = dice.pick(MUSIC);
        let path = format!("asterisk-moh-opsound-wav/usr/share/asterisk/moh/{piece}.wav");
        let whole = self.clip(&self.folder.join(path))?;
        let length = (seconds * RATE as f32) as usize;
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
    /// The folder of a voice's prompts.
    fn prompts_of(&self, voice: &Voice, folder: &str) -> PathBuf {
        self.folder
            .join(voice.package)
            .join("usr/share/asterisk/sounds")
            .join(folder)
    }

    /// The prompts of a folder that are of a pool, and of some length (s).
    fn fitting(&self, folder: &Path, pool: Pool, seconds: (f32, f32)) -> Result<Vec<Prompt>> {
        let known = self.prompts.borrow().get(folder).map(Rc::clone);
        let all = match known {
            Some(all) => all,
            None => {
                let all = Rc::new(prompts::prompts(folder)?);
                self.prompts
                    .borrow_mut()
                    .insert(folder.to_owned(), Rc::clone(&all));
                all
            }
        };
        let fits = |prompt: &&Prompt| {
            (seconds.0..=seconds.1).contains(&prompt.seconds) && prompts::pool(&prompt.name) == pool
        };
        let fitting: Vec<_> = all.iter().filter(fits).cloned().collect();
        if fitting.is_empty() {
            bail!("{} has no prompt for {pool:?}", folder.display());
        }
        Ok(fitting)
    }

    fn play(
        &self,
        voice: &Voice,
        folder: &str,
        part: Part,
        words: &mut Dice,
        digits: &mut Dice,
    ) -> Result<Vec<Sentence>> {
        let folder = self.prompts_of(voice, folder);
        let (sentences, pieces, seconds) = prompts::shape(part);
        let choice = self.fitting(&folder, part.pool(), seconds)?;
        let count = sentences.0 + words.index(sentences.1 - sentences.0 + 1);
        // The network says which number it is that cannot be reached.
        let numbered = (part == Part::Carrier && words.chance(0.5)).then(|| words.index(count));
        let mut said = Vec::new();
        for nth in 0..count {
            let mut sentence = Sentence {
                clips: Vec::new(),
                samples: Vec::new(),
            };
            for piece in 0..pieces.0 + words.index(pieces.1 - pieces.0 + 1) {
                if piece > 0 {
                    let pause = quiet(words.between(0.05, 0.35));
                    sentence.samples.extend(pause);
                }
                let name = &words.pick(&choice).name;
                let clip = self.clip(&folder.join(format!("{name}.wav")))?;
                sentence.samples.extend_from_slice(&clip);
                sentence.clips.push(format!("{}/{name}", voice.name));
            }
            if numbered == Some(nth) {
                for _ in 0..*words.pick(&[3, 4, 7, 10]) {
                    sentence.samples.extend(quiet(words.between(0.02, 0.15)));
                    let digit =
                        self.clip(&folder.join(format!("digits/{}.wav", digits.index(10))))?;
                    sentence.samples.extend_from_slice(&digit);
                }
            }
            said.push(sentence);
        }
        Ok(said)
    }

    fn read(
        &self,
        voice: &Voice,
        texts: &Texts,
        part: Part,
        words: &mut Dice,
        digits: &mut Dice,
    ) -> Result<Vec<Sentence>> {
        let mut said = Vec::new();
        for sentence in words.pick(texts.of(part)).iter() {
            let number: Vec<_> = (0..*words.pick(&[4, 7, 10]))
                .map(|_| digits.index(10).to_string())
                .collect();
            let text = sentence
                .replace("{n}", words.pick::<&str>(texts.names))
                .replace("{c}", words.pick::<&str>(texts.companies))
                .replace("{d}", &number.join(" "));
            said.push(Sentence {
                clips: vec![format!("{}/{sentence}", voice.name)],
                samples: self.spoken(voice, &text)?.to_vec(),
            });
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
