//! `aftertone campaign check`: what would happen to each row of a list, dialling nothing.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use clap::Args as ClapArgs;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    import::ListOptions,
    options::kind,
    read::rows,
    simulate::{late, late_line, texts},
    words::{count, counted},
};
use crate::{
    audio,
    campaign::{
        Decision, RefusedReason,
        budget::TechniqueRule,
        policy::{CampaignKind, Case, Gate},
        retry::RetryRules,
    },
    cli::{CliError, Exit, database, library, printer::Printer},
    config::Config,
    list::{NewRow, Reject},
    phone::PhoneNumber,
    store::{Facts, Store},
};

/// Tell what would happen to each row of a list, dialling nothing
///
/// Asks the gate about each contact as `campaign run` would at this moment: with the do-not-call lists, the drops of the
/// last days, and the contact's own consent and clocks. A campaign asks it again at the moment of each call.
#[derive(Debug, ClapArgs)]
pub(super) struct Args {
    /// A CSV file with a row for each contact
    list: PathBuf,
    /// What the campaign is for: `informational` or `marketing`
    #[arg(long, value_parser = kind)]
    kind: CampaignKind,
    /// A message whose being there is looked at, too
    #[arg(long, short)]
    message: Option<String>,
    /// The moment that is asked about, in RFC 3339 [default: this one]
    #[arg(long, value_name = "TIME")]
    at: Option<Timestamp>,
    /// A drop is one call, and not two, where calls are counted
    #[arg(long)]
    single: bool,
    /// Print counts only
    #[arg(long)]
    summary: bool,
    /// Print a JSON object a row, and one with the counts
    #[arg(long)]
    json: bool,
    /// Show numbers unmasked
    #[arg(long)]
    full_number: bool,
    #[command(flatten)]
    options: ListOptions,
}

/// Checks a list.
///
/// # Errors
/// [`CliError`] where it cannot be read, or the database cannot be asked.
pub(super) async fn run(args: &Args, config: &Config, printer: Printer) -> Result<Exit, CliError> {
    if let Some(message) = &args.message {
        let (library, _) = library(config)?;
        let meant = audio::resolve(
            message,
            |name| library.holds(name),
            std::path::Path::is_file,
        );
        meant.map_err(|error| {
            let hint = error.hint();
            CliError::new(error).hint(hint)
        })?;
    }
    let mapping = args.options.mapping()?;
    let rows = rows(&args.list, &mapping, args.options.dates(), config.pbx.rules)?;
    let store = database::open(config).await?;
    let mut check = Check {
        gate: Gate::new(config.gate.clone()),
        kind: args.kind,
        calls: if args.single { 1 } else { 2 },
        at: args.at.unwrap_or_else(database::now),
        seen: BTreeSet::new(),
        counts: BTreeMap::new(),
    };
    for batch in rows {
        for told in check.rows(batch?, &store).await? {
            if args.summary {
                continue;
            }
            let number = told.number.as_ref().map(|number| {
                if args.full_number {
                    number.full().to_string()
                } else {
                    number.to_string()
                }
            });
            if args.json {
                printer.json(&told.object(number));
            } else {
                printer.line(&told.line(number));
            }
        }
    }
    let technique = if args.single {
        TechniqueRule::Single
    } else {
        TechniqueRule::Double
    };
    // A list names no campaign, so that the retries are those of one without settings of its own.
    let late = late(&RetryRules::default(), technique, config);
    if args.json {
        printer.json(&json!({"counts": check.counts, "late_retries": texts(&late)}));
    } else {
        printer.line(&check.summary());
        if let Some(line) = late_line(&late) {
            printer.line(&line);
        }
    }
    Ok(Exit::Success)
}

/// What is asked of each row.
struct Check {
    gate: Gate,
    kind: CampaignKind,
    calls: u32,
    at: Timestamp,
    seen: BTreeSet<PhoneNumber>,
    counts: BTreeMap<&'static str, BTreeMap<&'static str, u64>>,
}

/// What would happen to a row.
struct Told {
    line: u64,
    number: Option<PhoneNumber>,
    foreign_id: Option<String>,
    what: &'static str,
    why: Option<&'static str>,
    until: Option<Timestamp>,
    words: String,
}

impl Check {
    async fn rows(
        &mut self,
        rows: Vec<Result<NewRow, Reject>>,
        store: &Store,
    ) -> Result<Vec<Told>, CliError> {
        let read = rows.iter().flatten();
        let numbers: Vec<_> = read.map(|row| row.number.clone()).collect();
        let history = self.gate.settings().history();
        let facts = store.facts_of(&numbers, history, self.at).await;
        let mut facts = facts.map_err(database::trouble)?.into_iter();
        let mut told = Vec::with_capacity(rows.len());
        for row in rows {
            let row = row.map(|row| (row, facts.next().unwrap_or_default()));
            told.push(self.row(row));
        }
        Ok(told)
    }

    fn row(&mut self, row: Result<(NewRow, Facts), Reject>) -> Told {
        let told = match row {
            Err(reject) => Told {
                line: reject.line,
                number: None,
                foreign_id: None,
                what: "rejected",
                why: Some(reject.reason.slug()),
                until: None,
                words: format!("rejected ({}): {}", reject.reason.slug(), reject.reason),
            },
            Ok((row, _)) if !self.seen.insert(row.number.clone()) => {
                let why = RefusedReason::Duplicate.slug();
                let words = format!("rejected ({why}): the number stands in this list already");
                Told {
                    what: "rejected",
                    why: Some(why),
                    words,
                    ..Told::of(row)
                }
            }
            Ok((row, facts)) => self.ask(row, &facts),
        };
        let whys = self.counts.entry(told.what).or_default();
        *whys.entry(told.why.unwrap_or("all")).or_default() += 1;
        told
    }

    fn ask(&self, row: NewRow, facts: &Facts) -> Told {
        let case = Case {
            number: Ok(&row.number),
            zone: row.zone.as_deref(),
            state: row.state.as_deref(),
            consent: row.consent.as_ref(),
            campaign: self.kind,
            calls: self.calls,
            do_not_call: facts.do_not_call.as_deref(),
            starts: &facts.starts,
            overrides: &[],
        };
        let ruling = self.gate.decide(&case, self.at);
        let (what, why, until) = match ruling.decision {
            Decision::Allowed => ("allowed", None, None),
            Decision::Held { reason, until } => ("held", Some(reason.slug()), Some(until)),
            Decision::Refused(reason) => ("refused", Some(reason.slug()), None),
        };
        Told {
            what,
            why,
            until,
            words: ruling.words(),
            ..Told::of(row)
        }
    }

    fn summary(&self) -> String {
        let all: u64 = self.counts.values().flat_map(BTreeMap::values).sum();
        let told = self.counts.iter().map(|(what, whys)| {
            let sum: u64 = whys.values().sum();
            let whys: Vec<_> = whys
                .iter()
                .filter(|(why, _)| **why != "all")
                .map(|(why, n)| format!("{why} {}", count(*n)))
                .collect();
            if whys.is_empty() {
                format!("{what} {}", count(sum))
            } else {
                format!("{what} {} ({})", count(sum), whys.join(", "))
            }
        });
        let told: Vec<_> = told.collect();
        format!("{}: {}", counted(all, "row"), told.join(", "))
    }
}

impl Told {
    fn of(row: NewRow) -> Self {
        Self {
            line: row.line,
            number: Some(row.number),
            foreign_id: row.foreign_id,
            what: "allowed",
            why: None,
            until: None,
            words: String::new(),
        }
    }

    fn line(&self, number: Option<String>) -> String {
        let number = number.unwrap_or_default();
        format!("line {}: {number:12}  {}", self.line, self.words)
    }

    fn object(&self, number: Option<String>) -> Value {
        json!({
            "line": self.line,
            "number": number,
            "foreign_id": self.foreign_id,
            "decision": self.what,
            "reason": self.why,
            "until": self.until,
            "words": self.words,
        })
    }
}
