//! `aftertone campaign check`: what would happen to each row of a list, dialling nothing.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use clap::Args;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{
    import::ListOptions,
    needs::{check_templates, refuse_lacking},
    options::{self, Options},
    read::{ListRow, rows},
    simulate::{calls_of, late, late_line, texts},
    words::{count, counted},
};
use crate::{
    campaign::{
        Decision, RefusedReason,
        policy::{CampaignKind, Case, Gate},
    },
    cli::{CliError, Exit, database, library, printer::Printer},
    config::Config,
    import::NeededColumns,
    list::{NewRow, Reject},
    orders::{Spec, overlay},
    phone::PhoneNumber,
    store::{Facts, Store},
};

/// Show what would happen to each row of a list, dialling nothing
///
/// Asks the gate about each contact as `campaign run` would at this moment: with the do-not-call lists, the drops of the
/// last days, and the contact's own consent and time zone. Prints the rows that may not be dialled at this moment, and the
/// counts: `held` may be dialled later, `refused` is never dialled by such a campaign, `rejected` cannot be imported. A
/// campaign asks the gate again at the moment of each call.
///
/// Takes the settings that `campaign create` takes, of which the kind is required, and says what of them the trunk does not
/// carry. The campaign's own hours and dates are not considered.
#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    /// A CSV file with a row for each contact
    list: PathBuf,
    /// The moment to check for, in RFC 3339 [default: now]
    #[arg(long, value_name = "TIME")]
    at: Option<Timestamp>,
    /// Count a drop as one call instead of two: the same as `--technique single`
    #[arg(long, conflicts_with = "technique")]
    single: bool,
    /// Print the rows that may be dialled, too
    #[arg(long, conflicts_with = "summary")]
    all: bool,
    /// Print counts only
    #[arg(long)]
    summary: bool,
    /// Print one JSON object for every row, and one with the counts
    #[arg(long)]
    json: bool,
    /// Show numbers unmasked
    #[arg(long)]
    full_number: bool,
    #[command(flatten)]
    options: Options,
    #[command(flatten)]
    list_options: ListOptions,
}

/// Checks a list.
///
/// # Errors
/// [`CliError`] if it cannot be read, or the database cannot be asked.
pub(super) async fn run(
    args: &CheckArgs,
    config: &Config,
    printer: Printer,
) -> Result<Exit, CliError> {
    let spec = spec(args, config)?;
    let mapping = args.list_options.mapping()?;
    let dates = args.list_options.dates();
    let (columns, rows) = rows(&args.list, &mapping, dates, config.pbx.rules)?;
    if !args.json {
        printer.line(&columns.line());
        if let Some(skipped) = &columns.skipped {
            printer.line(skipped);
        }
    }
    let needed = NeededColumns::of(&spec);
    refuse_lacking(&needed, &args.list, &columns)?;
    options::advise(None, &spec, config, printer);
    options::warn_of_double_calls(&spec, config, printer);
    let store = database::open_to_read(config).await?;
    let mut check = ListCheck {
        needed,
        gate: Gate::new(config.gate.clone()),
        kind: spec.kind,
        calls: calls_of(spec.technique),
        at: args.at.unwrap_or_else(database::now),
        seen: BTreeSet::new(),
        counts: BTreeMap::new(),
    };
    for batch in rows {
        for row in check.rows(batch?, &store).await? {
            if args.summary {
                continue;
            }
            let number = row.number.as_ref();
            let number = number.map(|number| number.shown(args.full_number));
            if args.json {
                printer.json(&row.object(number));
            } else if args.all || row.what != ALLOWED {
                printer.line(&row.line(number));
            }
        }
    }
    let late = late(&spec.retry, spec.technique, config);
    if args.json {
        printer.json(&json!({
            "counts": check.counts,
            "columns": columns.object(),
            "unused_columns": columns.unused,
            "notes": Vec::from_iter(&columns.skipped),
            "late_retries": texts(&late),
            "empty_columns": check.needed.counts(),
        }));
    } else {
        for line in check.summary() {
            printer.line(&line);
        }
        if let Some(line) = late_line(&late) {
            printer.line(&line);
        }
        for line in check.needed.lines() {
            printer.warning(&line);
        }
    }
    Ok(Exit::Success)
}

/// The settings that are given, of a campaign whose messages exist. A list may be checked before there is a message.
fn spec(args: &CheckArgs, config: &Config) -> Result<Spec, CliError> {
    let mut keys = args.options.keys()?;
    if args.single {
        let single = Map::from_iter([("technique".to_owned(), json!("single"))]);
        overlay(&mut keys, single);
    }
    let has_message = keys.contains_key("message") || keys.contains_key("variants");
    if !has_message {
        keys.insert("message".to_owned(), json!("checked"));
    }
    let mut spec = Spec::from_keys(&keys).map_err(options::wrong)?;
    if has_message {
        let (library, _) = library(config)?;
        options::foresee(&mut spec, "checked", &library)?;
        check_templates(&spec, config)?;
    }
    Ok(spec)
}

/// The check of a list: what the gate is asked of each row, and the counts so far.
struct ListCheck {
    /// The columns that the message needs.
    needed: NeededColumns,
    gate: Gate,
    kind: CampaignKind,
    calls: u32,
    at: Timestamp,
    seen: BTreeSet<PhoneNumber>,
    counts: BTreeMap<&'static str, BTreeMap<&'static str, u64>>,
}

/// What would happen to a row.
struct CheckedRow {
    line: u64,
    row: u64,
    number: Option<PhoneNumber>,
    foreign_id: Option<String>,
    what: &'static str,
    why: Option<&'static str>,
    until: Option<Timestamp>,
    words: String,
}

impl ListCheck {
    async fn rows(
        &mut self,
        rows: Vec<ListRow>,
        store: &Store,
    ) -> Result<Vec<CheckedRow>, CliError> {
        let read = rows.iter().flat_map(|row| &row.read);
        let numbers: Vec<_> = read.map(|row| row.number.clone()).collect();
        let history = self.gate.settings().history();
        let facts = store.facts_of(&numbers, history, self.at).await;
        let mut facts = facts.map_err(database::trouble)?.into_iter();
        let mut checked = Vec::with_capacity(rows.len());
        for ListRow { row, read } in rows {
            let read = read.map(|contact| (contact, facts.next().unwrap_or_default()));
            checked.push(self.row(row, read));
        }
        Ok(checked)
    }

    fn row(&mut self, row: u64, read: Result<(NewRow, Facts), Reject>) -> CheckedRow {
        let checked = match read {
            Err(reject) => CheckedRow {
                line: reject.line,
                row,
                number: None,
                foreign_id: None,
                what: REJECTED,
                why: Some(reject.reason.slug()),
                until: None,
                words: format!("rejected ({}): {}", reject.reason.slug(), reject.reason),
            },
            Ok((contact, _)) if !self.seen.insert(contact.number.clone()) => {
                let why = RefusedReason::Duplicate.slug();
                let words = format!("rejected ({why}): an earlier row has the same number");
                CheckedRow {
                    what: REJECTED,
                    why: Some(why),
                    words,
                    ..CheckedRow::of(row, contact)
                }
            }
            Ok((contact, facts)) => {
                self.needed.count(&contact);
                self.ask(row, contact, &facts)
            }
        };
        let whys = self.counts.entry(checked.what).or_default();
        *whys.entry(checked.why.unwrap_or("all")).or_default() += 1;
        checked
    }

    fn ask(&self, row: u64, contact: NewRow, facts: &Facts) -> CheckedRow {
        let case = Case {
            number: Ok(&contact.number),
            zone: contact.zone.as_deref(),
            state: contact.state.as_deref(),
            consent: contact.consent.as_ref(),
            campaign: self.kind,
            calls: self.calls,
            do_not_call: facts.do_not_call.as_deref(),
            starts: &facts.starts,
            overrides: &[],
        };
        let ruling = self.gate.decide(&case, self.at);
        let (what, why, until) = match ruling.decision {
            Decision::Allowed => (ALLOWED, None, None),
            Decision::Held { reason, until } => (HELD, Some(reason.slug()), Some(until)),
            Decision::Refused(reason) => (REFUSED, Some(reason.slug()), None),
        };
        CheckedRow {
            what,
            why,
            until,
            words: ruling.words(),
            ..CheckedRow::of(row, contact)
        }
    }

    /// The counts, and what each word means.
    fn summary(&self) -> Vec<String> {
        let all: u64 = self.counts.values().flat_map(BTreeMap::values).sum();
        let counts = self.counts.iter().map(|(what, whys)| {
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
        let counts: Vec<_> = counts.collect();
        let mut lines = vec![format!("{}: {}", counted(all, "row"), counts.join(", "))];
        let meanings = MEANINGS.into_iter();
        let meanings = meanings.filter(|(what, _)| self.counts.contains_key(what));
        lines.extend(meanings.map(|(what, meaning)| format!("  {what:8}  {meaning}")));
        lines
    }
}

impl CheckedRow {
    fn of(row: u64, contact: NewRow) -> Self {
        Self {
            line: contact.line,
            row,
            number: Some(contact.number),
            foreign_id: contact.foreign_id,
            what: ALLOWED,
            why: None,
            until: None,
            words: String::new(),
        }
    }

    fn line(&self, number: Option<String>) -> String {
        let number = number.unwrap_or_default();
        let (line, row) = (self.line, self.row);
        let row = if row == line {
            String::new()
        } else {
            format!(" (row {row} of a spreadsheet)")
        };
        format!("line {line}{row}: {number:12}  {}", self.words)
    }

    fn object(&self, number: Option<String>) -> Value {
        json!({
            "line": self.line,
            "row": self.row,
            "number": number,
            "foreign_id": self.foreign_id,
            "decision": self.what,
            "reason": self.why,
            "until": self.until,
            "words": self.words,
        })
    }
}

const ALLOWED: &str = "allowed";
const HELD: &str = "held";
const REFUSED: &str = "refused";
const REJECTED: &str = "rejected";

/// What each decision means for the contact.
const MEANINGS: [(&str, &str); 4] = [
    (ALLOWED, "may be dialled at this moment"),
    (
        HELD,
        "may be dialled later; a campaign waits until then by itself",
    ),
    (REFUSED, "is never dialled by such a campaign"),
    (
        REJECTED,
        "cannot be imported; correct the row and import it again",
    ),
];
