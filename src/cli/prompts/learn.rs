//! `aftertone prompts learn`: from evidence, or from a recording of which the operator says how it ends.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context as _, anyhow};
use clap::Args;
use serde_json::json;

use super::{
    super::{CliError, Exit, database, printer::Printer},
    ends_parser,
};
use crate::{
    controller::prompts::{FIRST_SHIPPED, PromptEntry, same_prompt, shipped},
    evidence::{CallSound, EvidenceReader},
    screen::{
        RATE,
        book::{Book, KnownPrompt, Lesson, Prints},
    },
    store::{NewPrompt, PromptHearing, PromptOrigin, Store},
    words::PromptEnd,
};

/// Learn prompts from the evidence of drops, or from a recording
///
/// From evidence it learns only what is beyond doubt: what came before a beep and a whole message, before special information
/// tones or a fax, or what came again. A call in which there may have been a person teaches nothing. A recording is learnt if
/// you say how it ends.
#[derive(Debug, Args)]
pub(super) struct LearnArgs {
    /// The evidence of a drop, a folder of such, or with `--ends` a recording (WAV, 8 kHz, one channel, 16 bit)
    #[arg(required = true, value_name = "FOLDER")]
    paths: Vec<PathBuf>,
    /// How the recordings end
    #[arg(long, value_name = "END", value_parser = ends_parser())]
    ends: Option<String>,
    /// When their beep begins, in seconds since the first sample
    #[arg(long, value_name = "SECONDS", requires = "ends")]
    beep: Option<f32>,
    /// What to call them
    #[arg(long, value_name = "TEXT", requires = "ends")]
    label: Option<String>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// What was done.
#[derive(Default)]
struct LearnCounts {
    learnt: u64,
    heard_again: u64,
    nothing: u64,
    unread: u64,
}

pub(super) async fn run(
    args: &LearnArgs,
    store: &Store,
    printer: Printer,
) -> Result<Exit, CliError> {
    let mut counts = LearnCounts::default();
    if let Some(slug) = &args.ends {
        let ends = PromptEnd::of(slug).ok_or_else(|| CliError::new(anyhow!("no such end")))?;
        for path in &args.paths {
            recording(args, ends, path, store).await?;
            counts.learnt += 1;
        }
    } else {
        let mut known = KnownPrompts::read(store).await?;
        for folder in folders(&args.paths)? {
            match known.learn(&folder, store).await {
                Ok(Some(LearntFrom::New)) => counts.learnt += 1,
                Ok(Some(LearntFrom::Known)) => counts.heard_again += 1,
                Ok(None) => counts.nothing += 1,
                Err(error) => {
                    counts.unread += 1;
                    error.print(printer);
                }
            }
        }
    }
    if args.json {
        printer.json(&json!({
            "learnt": counts.learnt,
            "heard_again": counts.heard_again,
            "nothing": counts.nothing,
            "unread": counts.unread,
        }));
    } else {
        printer.line(&format!(
            "{} prompts learnt, {} heard again; {} calls taught nothing",
            counts.learnt, counts.heard_again, counts.nothing
        ));
    }
    Ok(if counts.unread == 0 {
        Exit::Success
    } else {
        Exit::Failure
    })
}

/// A recording, of which the operator says how it ends.
async fn recording(
    args: &LearnArgs,
    ends: PromptEnd,
    path: &Path,
    store: &Store,
) -> Result<(), CliError> {
    let shown = path.display();
    let read = || -> anyhow::Result<Vec<i16>> {
        let mut wav = hound::WavReader::open(path)?;
        let spec = wav.spec();
        if spec.sample_rate != RATE as u32 || spec.channels != 1 || spec.bits_per_sample != 16 {
            return Err(anyhow!("it is not 8000 Hz, 1 channel, 16 bit"));
        }
        Ok(wav.samples().collect::<Result<_, _>>()?)
    };
    let samples = read().with_context(|| format!("cannot read {shown}"));
    let samples = samples.map_err(CliError::new)?;
    let prints = Prints::of(&samples);
    if prints.is_empty() {
        return Err(CliError::new(anyhow!(
            "{shown} has nothing to be recognised by"
        )));
    }
    let entry = PromptEntry {
        ends,
        beep_ms: args.beep.map(|beep| (beep * 1_000.0) as u32),
        label: args.label.clone(),
        prints,
    };
    let new = entry.stored(PromptOrigin::Imported);
    let added = store.add_prompt(&new, None, database::now()).await;
    added.map(drop).map_err(database::trouble)
}

/// The folders of evidence among the paths and in them.
fn folders(paths: &[PathBuf]) -> Result<Vec<PathBuf>, CliError> {
    let mut folders = Vec::new();
    for path in paths {
        if EvidenceReader::is_at(path) {
            folders.push(path.clone());
            continue;
        }
        let entries = fs::read_dir(path)
            .with_context(|| format!("{} is neither evidence nor a folder of it", path.display()));
        let entries = entries.map_err(|error| {
            CliError::new(error).hint("say how a recording ends, such as `--ends records`")
        })?;
        let mut inside: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
        inside.retain(|path| EvidenceReader::is_at(path));
        inside.sort();
        folders.extend(inside);
    }
    Ok(folders)
}

/// All that is known, to see what was heard before.
struct KnownPrompts {
    prompts: Vec<(u32, PromptEnd, Prints)>,
    book: Arc<Book>,
}

enum LearntFrom {
    New,
    Known,
}

impl KnownPrompts {
    async fn read(store: &Store) -> Result<Self, CliError> {
        let stored = store.prompts().await.map_err(database::trouble)?;
        let found = store.prompt_prints(None, FIRST_SHIPPED - 1).await;
        let found = found.map_err(database::trouble)?;
        let mut prompts = Vec::new();
        for (id, bytes) in found {
            let ends = stored.iter().find(|prompt| prompt.id == id);
            if let (Some(prompt), Ok(prints)) = (ends, Prints::from_bytes(&bytes)) {
                prompts.push((id, prompt.ends, prints));
            }
        }
        for (id, prompt) in (FIRST_SHIPPED..).zip(shipped()) {
            prompts.push((id, prompt.ends, prompt.prints.clone()));
        }
        let book = Arc::new(Self::book(&prompts));
        Ok(Self { prompts, book })
    }

    fn book(prompts: &[(u32, PromptEnd, Prints)]) -> Book {
        Book::new(prompts.iter().map(|(id, _, prints)| {
            let known = KnownPrompt {
                id: *id,
                ends: PromptEnd::Records,
                beep: None,
            };
            (known, prints)
        }))
    }

    /// What the evidence of a drop teaches.
    async fn learn(
        &mut self,
        folder: &Path,
        store: &Store,
    ) -> Result<Option<LearntFrom>, CliError> {
        let evidence = EvidenceReader::read(folder).map_err(CliError::new)?;
        let is_whole = evidence.word("outcome") == "delivered";
        let is_person = evidence.word("outcome") == "human";
        let Some(sound) = evidence.sound().filter(|_| !is_person) else {
            return Ok(None);
        };
        let Some(lesson) = Lesson::of(&sound.again().heard, is_whole) else {
            return Ok(None);
        };
        let call = evidence.word("drop").to_owned();
        let drop = store.call_of_prompt(&call).await;
        let Some((number, at, campaign, pbx)) = drop.map_err(database::trouble)? else {
            let error = anyhow!("the drop of {} is not in this database", folder.display());
            return Err(CliError::new(error).hint(
                "what is learnt of a call is forgotten with its number, which has to be known",
            ));
        };
        let samples = part(sound, &lesson);
        let hearing = PromptHearing {
            call,
            number,
            at,
            ends: Some(lesson.ends),
            campaign,
            pbx: Some(pbx),
            evidence: Some(folder.display().to_string()),
        };
        let of = |id: u32| {
            let found = self.prompts.iter().find(|(known, ..)| *known == id);
            found.map(|(_, ends, prints)| (*ends, prints.seconds()))
        };
        if let Some(id) = same_prompt(&self.book, of, samples, lesson.ends) {
            store
                .hear_prompts(&[(id, hearing)])
                .await
                .map_err(database::trouble)?;
            return Ok(Some(LearntFrom::Known));
        }
        let prints = Prints::of(samples);
        let beep = lesson.beep.map(|beep| beep.since(lesson.from));
        let new: NewPrompt = PromptEntry {
            ends: lesson.ends,
            beep_ms: beep.map(|beep| (beep * 1_000.0) as u32),
            label: None,
            prints: prints.clone(),
        }
        .stored(PromptOrigin::Learnt);
        let added = store
            .add_prompt(&new, Some(&hearing), database::now())
            .await;
        let Some(id) = added.map_err(database::trouble)? else {
            return Ok(None);
        };
        self.prompts.push((id, lesson.ends, prints));
        self.book = Arc::new(Self::book(&self.prompts));
        Ok(Some(LearntFrom::New))
    }
}

/// The sound of a lesson.
fn part<'a>(sound: &'a CallSound, lesson: &Lesson) -> &'a [i16] {
    let (from, until) = (lesson.from.0 as usize, lesson.until.0 as usize);
    sound.samples().get(from..until).unwrap_or_default()
}
