//! `make bench-screen`: who hears best who answered, and when the mailbox records?
//!
//! ```text
//!   voices, seed ──> corpus of labelled calls ──> carrier ──RTP──> PBX: aftertone, AMD
//!                           │                        │
//!                           └── labels ──> scores <──┘ what the carrier recorded
//! ```
//!
//! Every item is a real call through the lab's two Asterisk servers by each of the systems, in turn and at the same time.
//! Scores come from the carrier's recordings and the labels; a system's own word only says what it named and which beeps
//! it heard.
//!
//! `make bench-screen SEED=1,2,3 ITEMS=170`; `MORE=--help` says more. `MORE=--offline` is the quick form: the ears alone, over the
//! sound of the same calls, without servers and without peers.

#![expect(clippy::print_stdout, reason = "the table is what this program is for")]

mod caller;
mod calls;
mod channel;
mod compose;
mod corpus;
mod dice;
mod judge;
mod learning;
mod offline;
mod prompts;
mod ring;
mod score;
mod script;
mod shaping;
mod system;
mod table;
#[cfg(test)]
mod tests;
mod tones;
mod voices;
mod watcher;

use std::{
    fs::{self, File},
    io::{BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
};

use aftertone_lab::{
    network::{self, Lab, Message},
    own::OwnName,
    recording, test_speech,
};
use anyhow::{Context as _, Result, bail};
use clap::Parser;
use serde::{Deserialize, Serialize};

use crate::{
    calls::Manner, corpus::Corpus, learning::Teacher, offline::Variant, score::Record,
    system::System, table::Sheet, voices::Bank, watcher::Load,
};

/// Rings labelled calls through the lab and scores who hears best.
#[derive(Debug, Parser)]
#[command(name = "greetings")]
struct Arguments {
    /// Seeds of the corpora to make, each rung on its own.
    #[arg(long, value_delimiter = ',', default_value = "1")]
    seed: Vec<u64>,
    /// First calls of each corpus; of a corpus that was made elsewhere all calls, unless given.
    #[arg(long)]
    items: Option<usize>,
    /// Shares of mailboxes that have no beep, in percent; each makes corpora and tables of its own.
    #[arg(long, value_delimiter = ',', value_name = "PERCENT", default_value = "15", value_parser = percent)]
    no_beep: Vec<f64>,
    /// How many of the 60 calls that ring behind an announcement are made.
    #[arg(long, default_value_t = 60)]
    ringback: usize,
    /// Folders with a manifest.json, instead of making any.
    #[arg(long, value_delimiter = ',', value_name = "DIR")]
    corpus: Vec<PathBuf>,
    /// Who rings; offline those with ears.
    #[arg(long, value_delimiter = ',', value_enum)]
    systems: Vec<System>,
    /// Let the ears hear the sound of the calls, without ringing anybody.
    #[arg(long)]
    offline: bool,
    /// Settings of the ears to compare with their own, offline; may be given several times.
    #[arg(long, value_name = "NAME=VALUE,...", value_parser = Variant::parse)]
    curve: Vec<Variant>,
    /// Who fills the book of prompts before those calls whose prompts come again.
    #[arg(long, value_enum, default_value_t = Teacher::Calls)]
    teacher: Teacher,
    /// What `cargo bench --bench ears` printed, for its row of the table.
    #[arg(long, value_name = "FILE")]
    streams: Option<PathBuf>,
    /// Calls at once.
    #[arg(long, default_value_t = 40)]
    at_once: usize,
    /// Length of the message, in seconds.
    #[arg(long, default_value_t = 10.0)]
    message: f32,
    /// Folder of the results.
    #[arg(long, value_name = "DIR", default_value = "target/greetings")]
    out: PathBuf,
    /// Make the corpora and stop.
    #[arg(long)]
    make_only: bool,
    /// Score the results of earlier runs instead of ringing.
    #[arg(long, value_delimiter = ',', value_name = "FILE")]
    results: Vec<PathBuf>,
    /// Name of the lab, if not `greetings`.
    #[arg(long, env = "LAB")]
    lab: Option<String>,
    /// First port of the lab, if not any that are free.
    #[arg(long, env = "PORTS")]
    ports: Option<u16>,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    if !arguments.results.is_empty() {
        let sheets = arguments
            .results
            .iter()
            .map(|path| load(path))
            .collect::<Result<Vec<_>>>()?;
        println!("{}", table::markdown(&sheets, streams(&arguments)?));
        return Ok(());
    }
    // Another run would write the same corpora and results.
    let _alone = OwnName::wait_for(&arguments.out, "greetings")?;
    let sets = corpora(&arguments)?;
    if arguments.make_only {
        return Ok(());
    }
    let offline = arguments.offline || !arguments.curve.is_empty();
    let tables = if offline {
        hear(&arguments, &sets)?
    } else {
        ring(&arguments, &sets)?
    };
    let streams = streams(&arguments)?;
    for (share, sheets) in &tables {
        if let Some(share) = share.filter(|_| tables.len() > 1) {
            println!("\n{share} % of the mailboxes have no beep:");
        }
        println!("\n{}", table::markdown(sheets, streams));
    }
    if offline && (tables.len() > 1 || !arguments.curve.is_empty()) {
        println!("\n{}", table::curve(&tables));
    }
    Ok(())
}

/// Corpora with the same share of mailboxes without a beep, as far as that is known.
type Set<T> = (Option<f64>, Vec<T>);

/// Hears everything offline.
fn hear(arguments: &Arguments, sets: &[Set<Corpus>]) -> Result<Vec<Set<Sheet>>> {
    let systems = arguments.systems_or(&System::EARS);
    let variants: Vec<Variant> = std::iter::once(Variant::own())
        .chain(arguments.curve.iter().cloned())
        .collect();
    each(sets, |corpus| {
        let sheet = Sheet {
            corpus: corpus.name.clone(),
            no_beep: corpus.no_beep,
            records: offline::hear(
                corpus,
                &systems,
                &variants,
                arguments.message,
                arguments.teacher,
            )?,
            load: None,
        };
        let path = save(arguments, &sheet, "offline", None)?;
        println!("{}: {}", corpus.name, path.display());
        Ok(sheet)
    })
}

/// Measures each corpus of each set.
fn each(
    sets: &[Set<Corpus>],
    mut measure: impl FnMut(&Corpus) -> Result<Sheet>,
) -> Result<Vec<Set<Sheet>>> {
    sets.iter()
        .map(|(share, corpora)| {
            let sheets = corpora.iter().map(&mut measure).collect::<Result<_>>()?;
            Ok((*share, sheets))
        })
        .collect()
}

/// Rings everything through the lab.
fn ring(arguments: &Arguments, sets: &[Set<Corpus>]) -> Result<Vec<Set<Sheet>>> {
    rustls::crypto::ring::default_provider()
        .install_default()
        .map_err(|_| anyhow::anyhow!("another provider of TLS is there already"))?;
    let lab = Lab::up_as(
        program()?,
        "greetings",
        arguments.lab.as_deref(),
        arguments.ports,
    );
    let lab = lab.map_err(calls::told)?;
    let message = lab
        .prepare("greetings", arguments.message)
        .map_err(calls::told)?;
    let manner = Manner {
        systems: arguments.systems_or(&System::ALL),
        at_once: arguments.at_once,
        teacher: arguments.teacher,
    };
    let info = lab
        .ask("GET", "asterisk/info?only=system")
        .map_err(calls::told)?;
    let asterisk = info["system"]["version"].as_str().unwrap_or("unknown");
    each(sets, |corpus| {
        let sheet = measure(&lab, corpus, &manner, &message)?;
        let path = save(arguments, &sheet, asterisk, Some(manner.at_once))?;
        println!("{}: {}", corpus.name, path.display());
        Ok(sheet)
    })
}

impl Arguments {
    fn systems_or(&self, usual: &[System]) -> Vec<System> {
        if self.systems.is_empty() {
            usual.to_vec()
        } else {
            self.systems.clone()
        }
    }
}

/// How many streams a core hears, as the benchmark has printed it.
fn streams(arguments: &Arguments) -> Result<Option<u64>> {
    let Some(path) = &arguments.streams else {
        return Ok(None);
    };
    let text =
        fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let count = text
        .lines()
        .find_map(|line| line.strip_prefix("streams per core: ")?.split(' ').next());
    let count = count.with_context(|| format!("{} holds no streams per core", path.display()))?;
    Ok(Some(count.parse()?))
}

/// The program under test, which cargo puts beside this one.
fn program() -> Result<PathBuf> {
    let path = std::env::current_exe()?.with_file_name("aftertone");
    if !path.exists() {
        bail!(
            "{} is not there; `make bench-screen` builds both",
            path.display()
        );
    }
    Ok(path)
}

/// What is to be rung.
fn corpora(arguments: &Arguments) -> Result<Vec<Set<Corpus>>> {
    let mut sets: Vec<Set<Corpus>> = Vec::new();
    if arguments.corpus.is_empty() {
        let bank = Bank::open()?;
        let count = arguments.items.unwrap_or(corpus::ITEMS);
        for &share in &arguments.no_beep {
            let mut corpora = Vec::new();
            for &seed in &arguments.seed {
                let folder = arguments.out.join(format!("seed{seed}-{count}-{share}"));
                corpora.push(Corpus::make(&bank, &folder, seed, count, share)?);
            }
            sets.push((Some(share), corpora));
        }
        if let (Some((_, first)), Some(&seed)) = (sets.first_mut(), arguments.seed.first())
            && arguments.ringback > 0
        {
            let folder = arguments.out.join(format!("ringback{seed}"));
            first.push(Corpus::ringback(&bank, &folder, seed, arguments.ringback)?);
        }
    }
    let mut given = Vec::new();
    for folder in &arguments.corpus {
        let mut corpus = Corpus::load(folder)?;
        if let Some(count) = arguments.items {
            corpus.thin(count);
        }
        given.push(corpus);
    }
    if !given.is_empty() {
        sets.push((None, given));
    }
    for corpus in sets.iter().flat_map(|(_, corpora)| corpora) {
        corpus::check_size(corpus, calls::numbers())?;
        let (greetings, all) = corpus.minutes();
        println!(
            "{}: {} items, {all:.0} minutes, {greetings:.1} of them greetings of machines; {}",
            corpus.name,
            corpus.items.len(),
            corpus.folder.display()
        );
    }
    Ok(sets)
}

/// A share in percent.
fn percent(text: &str) -> Result<f64> {
    let share: f64 = text.parse()?;
    if !(0.0..=100.0).contains(&share) {
        bail!("expected 0 to 100");
    }
    Ok(share)
}

/// Rings one corpus, and judges the calls when all are over.
fn measure(lab: &Lab, corpus: &Corpus, manner: &Manner, message: &Message) -> Result<Sheet> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let (rung, load) = runtime.block_on(calls::ring(lab, corpus, manner, message))?;
    let half = rung.len().div_ceil(2).max(1);
    let judged = std::thread::scope(|scope| {
        let parts: Vec<_> = rung
            .chunks(half)
            .map(|part| {
                scope.spawn(move || {
                    let judged = part
                        .iter()
                        .map(|call| judge::judge(lab, corpus, call, &message.samples));
                    judged.collect::<Result<Vec<Record>>>()
                })
            })
            .collect();
        let joined = parts.into_iter().map(|part| part.join());
        joined.collect::<Vec<_>>()
    });
    let mut records = Vec::new();
    for part in judged {
        match part {
            Ok(part) => records.extend(part?),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }
    records.sort_by(|a, b| (a.system, &a.item.id).cmp(&(b.system, &b.item.id)));
    Ok(Sheet {
        corpus: corpus.name.clone(),
        no_beep: corpus.no_beep,
        records,
        load: Some(load),
    })
}

/// The first line of a file of results; each that follows is a [`Record`].
#[derive(Deserialize, Serialize)]
struct Heading {
    corpus: String,
    aftertone: String,
    /// Its version, or `offline`.
    asterisk: String,
    at_once: Option<usize>,
    message_s: f32,
    #[serde(default)]
    no_beep: Option<f64>,
    load: Option<Load>,
}

fn save(
    arguments: &Arguments,
    sheet: &Sheet,
    asterisk: &str,
    at_once: Option<usize>,
) -> Result<PathBuf> {
    fs::create_dir_all(&arguments.out)?;
    let offline = if sheet.load.is_none() { "-offline" } else { "" };
    let share = match sheet.no_beep {
        Some(share) if arguments.no_beep.len() > 1 => format!("-{share}"),
        Some(_) | None => String::new(),
    };
    let path = arguments
        .out
        .join(format!("{}{share}{offline}.jsonl", sheet.corpus));
    let heading = Heading {
        corpus: sheet.corpus.clone(),
        aftertone: env!("CARGO_PKG_VERSION").to_owned(),
        asterisk: asterisk.to_owned(),
        at_once,
        message_s: arguments.message,
        no_beep: sheet.no_beep,
        load: sheet.load,
    };
    let mut file =
        File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
    writeln!(file, "{}", serde_json::to_string(&heading)?)?;
    for record in &sheet.records {
        writeln!(file, "{}", serde_json::to_string(record)?)?;
    }
    Ok(path)
}

fn load(path: &Path) -> Result<Sheet> {
    let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut lines = BufReader::new(file).lines();
    let Some(first) = lines.next() else {
        bail!("{} is empty", path.display());
    };
    let heading: Heading = serde_json::from_str(&first?)?;
    let records = lines
        .map(|line| Ok(serde_json::from_str(&line?)?))
        .collect::<Result<Vec<_>>>()?;
    Ok(Sheet {
        corpus: heading.corpus,
        no_beep: heading.no_beep,
        records,
        load: heading.load,
    })
}
