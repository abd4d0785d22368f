//! `aftertone dnc`: numbers that must not be called.

mod removed;

use std::{
    collections::BTreeSet,
    fs::File,
    io,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, anyhow};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{
    CliError, Exit, database,
    operator::{Because, by_user, of_numbers},
    patience::{open_patiently, patiently},
    printer::Printer,
};
use crate::{
    clock,
    config::Config,
    import::check_rejects,
    list::{DoNotCall, LeftOut, ListError, Rejects},
    phone::{Barring, NotBarred, PhoneNumber, Rules},
    store::{AuditEntry, Barred, ListName, OWN_LIST, Removal, Store},
};
use removed::{by_whom, removal, remove, remove_list, removed_lists};

/// Keep lists of numbers that must not be called
///
/// An addition takes effect at once: for every campaign, including those that run, and for `aftertone drop`.
#[derive(Debug, Args)]
pub(super) struct DncArgs {
    #[command(subcommand)]
    command: DncCommand,
}

#[derive(Debug, Subcommand)]
enum DncCommand {
    /// Add numbers
    Add {
        /// The numbers: E.164 (+12025550101), or as they are dialled in the default region
        #[arg(required = true, value_name = "NUMBER")]
        numbers: Vec<String>,
        /// The list, created if it is missing
        #[arg(long, value_name = "NAME", value_parser = list, default_value = OWN_LIST)]
        list: ListName,
        /// The reason, kept with the numbers
        #[arg(long, value_name = "TEXT")]
        because: Option<String>,
    },
    Import(Import),
    /// Take numbers off a list, or remove a whole list; who did it, when and why is kept
    Remove {
        /// The numbers
        #[arg(required_unless_present = "all", value_name = "NUMBER")]
        numbers: Vec<String>,
        /// The list
        #[arg(long, value_name = "NAME", value_parser = list, default_value = OWN_LIST)]
        list: ListName,
        /// Remove the whole list, which must be named with --list
        #[arg(long, requires = "list", conflicts_with = "numbers")]
        all: bool,
        #[command(flatten)]
        because: Because,
    },
    /// Check whether numbers are on a list: the exit status is 0 if none is, 1 if any is
    Check {
        /// The numbers
        #[arg(required = true, value_name = "NUMBER")]
        numbers: Vec<String>,
        /// Print one JSON array
        #[arg(long)]
        json: bool,
        /// Show numbers unmasked
        #[arg(long)]
        full_number: bool,
    },
    /// Show the lists with their sizes
    Lists {
        /// Show the lists that were removed as a whole: by whom, when and why
        #[arg(long)]
        removed: bool,
        /// Print one JSON array
        #[arg(long)]
        json: bool,
    },
}

/// Add the numbers of a file
///
/// The file is a list of numbers, one a line, or CSV with a header: E.164, or as numbers are dialled in the default region,
/// or area code and number in columns of their own, as authorities hand them out. It is read generously: extensions are
/// dropped, several numbers in a cell are all taken, and so is every column that holds numbers. Rows that cannot be read,
/// or not wholly, go to a file of rejects, and the exit status is 1. It may be interrupted, and imported again: what is on
/// the list already stays as it is.
#[derive(Debug, Args)]
struct Import {
    /// The file
    file: PathBuf,
    /// The list, created if it is missing
    #[arg(long, value_name = "NAME", value_parser = list, default_value = OWN_LIST)]
    list: ListName,
    /// The column that holds the number, by its name or its position, if the header does not say; may be given more than
    /// once
    #[arg(long, value_name = "COLUMN")]
    column: Vec<String>,
    /// The reason, kept with the numbers [default: the file's name]
    #[arg(long, value_name = "TEXT")]
    because: Option<String>,
    /// Where rows go that cannot be read [default: the file's name, ending in .rejects.csv]
    #[arg(long, value_name = "FILE")]
    rejects: Option<PathBuf>,
}

/// Carries out what is asked.
///
/// # Errors
/// [`CliError`] if it could not be done, or not wholly.
pub(super) async fn run(
    args: &DncArgs,
    config: &Config,
    printer: Printer,
) -> Result<Exit, CliError> {
    // A do-not-call list may hold premium numbers.
    let rules = config.pbx.rules.with_premium();
    // What bars somebody must not fail because the database is busy.
    let store = || open_patiently(config, printer);
    let to_read = || database::open_to_read(config);
    match &args.command {
        DncCommand::Add {
            numbers,
            list,
            because,
        } => {
            let numbers = with_spellings(&parse(numbers, rules)?);
            add(&store().await?, list, &numbers, because.as_deref(), printer).await
        }
        DncCommand::Import(import) => import.run(&store().await?, rules, printer).await,
        DncCommand::Remove {
            list,
            all: true,
            because,
            ..
        } => remove_list(&store().await?, list, because, printer).await,
        DncCommand::Remove {
            numbers,
            list,
            because,
            ..
        } => {
            let numbers = with_spellings(&parse(numbers, rules)?);
            remove(&store().await?, list, &numbers, because, printer).await
        }
        DncCommand::Check {
            numbers,
            json,
            full_number,
        } => {
            let numbers = parse(numbers, rules)?;
            let shown = Shown {
                json: *json,
                full_number: *full_number,
            };
            check(&to_read().await?, &numbers, shown, printer).await
        }
        DncCommand::Lists {
            removed: true,
            json,
        } => removed_lists(&to_read().await?, *json, printer).await,
        DncCommand::Lists { json, .. } => lists(&to_read().await?, *json, printer).await,
    }
}

async fn add(
    store: &Store,
    list: &ListName,
    numbers: &[PhoneNumber],
    because: Option<&str>,
    printer: Printer,
) -> Result<Exit, CliError> {
    let audited = store.audited(AuditEntry {
        after: Some(json!({"numbers": numbers.len(), "because": because}).to_string()),
        ..by_user("do_not_call.add", of_numbers(list.as_str(), numbers))
    });
    let bar = || audited.bar(list, numbers, because, database::now());
    let added = patiently(printer, bar).await?;
    let unique = BTreeSet::from_iter(numbers).len() as u64;
    let list = list.as_str();
    printer.line(&match unique - added.min(unique) {
        0 => format!("{} added to `{list}`", count(added)),
        there => format!("{} added to `{list}`; {there} already listed", count(added)),
    });
    Ok(Exit::Success)
}

impl Import {
    async fn run(&self, store: &Store, rules: Rules, printer: Printer) -> Result<Exit, CliError> {
        let path = self.file.display();
        let opened = File::open(&self.file).and_then(|file| Ok((file.metadata()?.len(), file)));
        let (size, file) = opened
            .with_context(|| format!("cannot read {path}"))
            .map_err(CliError::new)?;
        let source = self.file.file_name().unwrap_or_default().to_string_lossy();
        let because = self.because.clone().unwrap_or_else(|| source.into_owned());
        let mut numbers = DoNotCall::open(file, &self.column, rules)
            .map_err(|error| unreadable(error, &self.file))?;
        for warning in warnings(&numbers) {
            printer.warning(&warning);
        }
        let mut rejects = RejectsFile::new(self.rejects.as_deref(), &self.file);
        check_rejects(&self.file, &rejects.path).map_err(|error| {
            CliError::new(error).hint("name another file with `--rejects FILE`")
        })?;
        let mut done = Imported::default();
        let begun = clock::now();
        let failed = loop {
            let some = match numbers.batch(BATCH) {
                Ok(Some(some)) => some,
                Ok(None) => break None,
                Err(error) => break Some(unreadable(error, &self.file)),
            };
            // A row for each transaction.
            let audited = store.audited(AuditEntry {
                after: Some(json!({"numbers": some.numbers.len(), "because": because}).to_string()),
                ..by_user("do_not_call.add", self.list.as_str())
            });
            let bar = || audited.bar(&self.list, &some.numbers, Some(&because), database::now());
            match patiently(printer, bar).await {
                Ok(added) => done.added += added,
                Err(trouble) => break Some(trouble),
            }
            done.numbers += some.numbers.len() as u64;
            done.spellings += some.numbers.len() as u64 - some.listed;
            done.rejected += some.rejects.len() as u64;
            rejects.add(&numbers, &some.rejects)?;
            let passed = clock::now().duration_since(begun);
            printer.status(&progress(&done, some.bytes, size, passed));
        };
        let rejects = rejects.finish()?;
        printer.line(&done.words(self.list.as_str()));
        if let Some(rejects) = rejects {
            let (rows, path) = (done.rejected, rejects.display());
            let warning = match rows {
                1 => format!("1 row could not be read, or not wholly; see {path}"),
                rows => format!("{rows} rows could not be read, or not wholly; see {path}"),
            };
            printer.warning(&warning);
        }
        match failed {
            Some(trouble) => Err(trouble),
            None if done.rejected > 0 => Ok(Exit::Failure),
            None => Ok(Exit::Success),
        }
    }
}

/// What is to be said of a list before it is read.
fn warnings(numbers: &DoNotCall<File>) -> Vec<String> {
    let mut warnings = Vec::new();
    match numbers.title_rows() {
        0 => {}
        1 => warnings.push("skipped 1 row above the header".to_owned()),
        rows => warnings.push(format!("skipped {rows} rows above the header")),
    }
    for name in numbers.not_taken() {
        let name: String = name.chars().flat_map(char::escape_debug).collect();
        warnings.push(format!(
            "the column `{name}` is not read; if it holds numbers, name it and the others with `--column`"
        ));
    }
    warnings
}

/// What an import has done so far.
#[derive(Debug, Default)]
struct Imported {
    numbers: u64,
    added: u64,
    /// How many of the numbers are not in the file, but dial the same telephone as one that is.
    spellings: u64,
    rejected: u64,
}

impl Imported {
    fn words(&self, list: &str) -> String {
        let mut line = match self.numbers - self.added.min(self.numbers) {
            0 => format!("{} added to `{list}`", count(self.added)),
            there => format!(
                "{} added to `{list}`; {there} already listed",
                count(self.added)
            ),
        };
        if self.spellings > 0 {
            let spellings = self.spellings;
            line.push_str(&format!(
                " ({spellings} are other spellings that dial the same telephones)"
            ));
        }
        line
    }
}

/// The file of rejects, made with the first of them.
struct RejectsFile {
    path: PathBuf,
    writer: Option<Rejects<File>>,
}

impl RejectsFile {
    fn new(given: Option<&Path>, beside: &Path) -> Self {
        let path = given.map_or_else(|| beside.with_extension("rejects.csv"), Path::to_owned);
        Self { path, writer: None }
    }

    fn add(&mut self, of: &DoNotCall<File>, rejects: &[LeftOut]) -> Result<(), CliError> {
        self.write(of, rejects)
            .map_err(|error| self.unwritable(error))
    }

    fn write(&mut self, of: &DoNotCall<File>, rejects: &[LeftOut]) -> io::Result<()> {
        if rejects.is_empty() {
            return Ok(());
        }
        let writer = match &mut self.writer {
            Some(writer) => writer,
            none => {
                let mut options = File::options();
                let file = options.write(true).create(true).truncate(true).mode(0o600);
                let file = file.open(&self.path)?;
                none.insert(Rejects::begin(file, of.delimiter(), of.names())?)
            }
        };
        rejects
            .iter()
            .try_for_each(|reject| writer.add_left_out(reject))
    }

    /// Where the rejects are, if there are any.
    fn finish(mut self) -> Result<Option<PathBuf>, CliError> {
        let Some(writer) = self.writer.take() else {
            return Ok(None);
        };
        let finished = writer.finish();
        finished.map_err(|error| self.unwritable(error))?;
        Ok(Some(self.path))
    }

    fn unwritable(&self, error: io::Error) -> CliError {
        let path = self.path.display();
        CliError::new(anyhow!(error).context(format!("cannot write the rejects to {path}")))
            .hint("name another file with `--rejects FILE`")
    }
}

/// How a number is shown.
#[derive(Clone, Copy, Debug)]
struct Shown {
    json: bool,
    full_number: bool,
}

async fn check(
    store: &Store,
    numbers: &[PhoneNumber],
    shown: Shown,
    printer: Printer,
) -> Result<Exit, CliError> {
    let mut objects = Vec::new();
    let mut exit = Exit::Success;
    for number in numbers {
        let mut barred = Vec::<Barred>::new();
        let mut removals = Vec::<Removal>::new();
        for spelling in number.spellings() {
            let more = store.barred(&spelling).await.map_err(database::trouble)?;
            let lists: BTreeSet<_> = barred.iter().map(|on| on.list.clone()).collect();
            barred.extend(more.into_iter().filter(|on| !lists.contains(&on.list)));
            let more = store.removals(&spelling).await.map_err(database::trouble)?;
            removals.extend(more);
        }
        removals.sort_by_key(|removal| removal.at);
        // Its spellings went together.
        removals.dedup();
        if !barred.is_empty() {
            exit = Exit::Failure;
        }
        let number = number.shown(shown.full_number);
        if shown.json {
            let entries: Vec<_> = barred.iter().map(entry).collect();
            let removed: Vec<_> = removals.iter().map(removal).collect();
            objects.push(json!({ "number": number, "barred": entries, "removed": removed }));
            continue;
        }
        if barred.is_empty() {
            printer.line(&format!("{number}: on no list"));
        } else {
            for on in &barred {
                let because = on.because.as_deref().unwrap_or_default();
                let because: String = because.chars().flat_map(char::escape_debug).collect();
                let told = if because.is_empty() { "" } else { ": " };
                let (list, at) = (on.list.as_str(), on.at);
                printer.line(&format!("{number}: on `{list}` since {at}{told}{because}"));
            }
        }
        for removed in &removals {
            let list = removed.list.as_str();
            let by = by_whom(removed);
            printer.line(&format!("{number}: taken off `{list}` {by}"));
        }
    }
    if shown.json {
        printer.json(&objects);
    }
    Ok(exit)
}

async fn lists(store: &Store, json: bool, printer: Printer) -> Result<Exit, CliError> {
    let lists = store.lists().await.map_err(database::trouble)?;
    if json {
        let objects = lists
            .iter()
            .map(|(list, numbers)| json!({ "list": list.as_str(), "numbers": numbers }));
        printer.json(&objects.collect::<Vec<_>>());
        return Ok(Exit::Success);
    }
    for (list, numbers) in lists {
        printer.line(&format!("{:20} {numbers:>10}", list.as_str()));
    }
    Ok(Exit::Success)
}

fn entry(barred: &Barred) -> Value {
    json!({
        "list": barred.list.as_str(),
        "at": barred.at.to_string(),
        "because": barred.because,
    })
}

/// Reads numbers as a do-not-call list is read, for what was barred can be asked for and removed.
fn parse(texts: &[String], rules: Rules) -> Result<Vec<PhoneNumber>, CliError> {
    let mut numbers = Vec::new();
    for text in texts {
        let found = Barring::read(text, rules);
        match found.left_out {
            Some(NotBarred::Number(error)) => return Err(CliError::new(error)),
            Some(NotBarred::Rounded) => {
                return Err(CliError::new(anyhow!(
                    "a spreadsheet has shortened the number (`1.2E+10`)"
                )));
            }
            None => numbers.extend(found.numbers),
        }
    }
    Ok(numbers)
}

/// Numbers with every spelling that dials the same telephone.
fn with_spellings(numbers: &[PhoneNumber]) -> Vec<PhoneNumber> {
    numbers.iter().flat_map(PhoneNumber::spellings).collect()
}

fn list(name: &str) -> Result<ListName, String> {
    ListName::new(name)
        .ok_or_else(|| "expected a list's name: 1 to 64 of a-z, 0-9, `_` and `-`".to_owned())
}

fn names(barred: &[Barred]) -> String {
    let names = barred.iter().map(|on| format!("`{}`", on.list.as_str()));
    names.collect::<Vec<_>>().join(", ")
}

fn count(numbers: u64) -> String {
    match numbers {
        1 => "1 number".to_owned(),
        more => format!("{more} numbers"),
    }
}

fn unreadable(error: ListError, path: &Path) -> CliError {
    let is_about_columns = matches!(
        error,
        ListError::NoNumber { .. } | ListError::NoHeader { .. } | ListError::Ambiguous { .. }
    );
    let hint = if is_about_columns {
        let words =
            "name the column of the number, `--column NAME`, or give its position, `--column 1`";
        Some(words.to_owned())
    } else {
        error.hint()
    };
    let context = format!("cannot import {}", path.display());
    CliError::new(anyhow!(error).context(context)).maybe_hint(hint)
}

/// How far it is, and how long it will take at the pace so far.
fn progress(done: &Imported, bytes: u64, size: u64, passed: Duration) -> String {
    let share = bytes as f64 / size.max(1) as f64;
    let left = passed.as_secs_f64() * (1.0 / share.max(1e-9) - 1.0).max(0.0);
    let percent = (share * 100.0).min(100.0);
    format!("{} numbers, {percent:.0} %, {left:.0} s left", done.numbers)
}

/// Numbers that are added at a time.
const BATCH: usize = 10_000;
