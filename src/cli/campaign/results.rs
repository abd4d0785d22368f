//! The results of a campaign, one row per drop, for spreadsheets and programs.

use std::{
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

use anyhow::anyhow;
use clap::{Args, ValueEnum};
use jiff::{Timestamp, civil::DateTime, tz::TimeZone};

use super::{read::delimiter, summary};
use crate::{
    cli::{CliError, Exit, database, printer::Printer},
    config::Config,
    drop::Outcome,
    list::Writer,
    orders::{ChosenValues, ResultColumns, ResultValues},
    phone::{Disclosure, PhoneNumber, Rules},
    store::{Campaign, Filter, Store},
};

/// Show the results of a campaign
///
/// Prints one row per drop; with --undialled also one for each contact without any drop: those that the gate `refused`,
/// which are never dialled, those that it `held`, which are dialled later, and those that wait. Numbers are masked unless
/// --full-number is given. A time given without a zone is in this machine's.
#[derive(Debug, Args)]
pub(super) struct ResultsArgs {
    /// The campaign's name
    name: String,
    /// The format of the rows [default: csv]
    #[arg(long, value_enum)]
    format: Option<RowFormat>,
    /// The same as --format json
    #[arg(long, conflicts_with = "format")]
    json: bool,
    /// Show numbers unmasked
    #[arg(long)]
    full_number: bool,
    /// Print CSV for a spreadsheet: a byte-order mark, the delimiter of the list if its file is in this folder, and times
    /// in the contact's time zone
    #[arg(long, conflicts_with_all = ["format", "json", "summary", "picture"])]
    excel: bool,
    /// The delimiter of CSV: `,` `;` `|` or `tab` [default: `,`]
    #[arg(long, value_name = "DELIMITER", value_parser = delimiter_byte, conflicts_with_all = ["json", "summary", "picture"])]
    delimiter: Option<u8>,
    /// The columns to print, in this order, such as `number,outcome,ended_at` [default: all]
    #[arg(long, value_name = "NAME", value_delimiter = ',', conflicts_with_all = ["summary", "picture"])]
    columns: Vec<String>,
    /// Print counts instead of rows: contacts by last outcome, refusals, cost, and how the variants compare
    #[arg(long, conflicts_with_all = FILTERS)]
    summary: bool,
    /// Draw the outcomes of the drops over time into this file, .svg or .png, and print no rows
    #[arg(long, value_name = "FILE", conflicts_with_all = FILTERS)]
    picture: Option<PathBuf>,
    #[command(flatten)]
    wanted: RowFilter,
}

/// The rows to print.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Only these rows")]
struct RowFilter {
    /// Drops with this outcome; may be given more than once
    #[arg(long, value_name = "OUTCOME", value_parser = outcome, value_delimiter = ',')]
    outcome: Vec<Outcome>,
    /// Drops that began at this time or later: 2026-11-23, 2026-11-23T14:00 or RFC 3339
    #[arg(long, value_name = "TIME", value_parser = moment)]
    since: Option<Timestamp>,
    /// Drops that began before this time
    #[arg(long, value_name = "TIME", value_parser = moment)]
    until: Option<Timestamp>,
    /// Drops to this number
    #[arg(long, value_name = "NUMBER")]
    number: Option<String>,
    /// Drops to the contact with this id in your own system
    #[arg(long, value_name = "ID")]
    foreign_id: Option<String>,
    /// Drops with this variant of the message
    #[arg(long, value_name = "NAME")]
    variant: Option<String>,
    /// Contacts without any drop as well, with the reason
    #[arg(long, conflicts_with_all = ["outcome", "since", "until", "variant"])]
    undialled: bool,
}

impl RowFilter {
    fn filter(&self, rules: Rules) -> Result<Filter, CliError> {
        let number = self.number.as_deref();
        let number = number.map(|number| PhoneNumber::parse(number, rules));
        Ok(Filter {
            outcomes: self.outcome.clone(),
            since: self.since,
            until: self.until,
            number: number.transpose().map_err(CliError::new)?,
            foreign_id: self.foreign_id.clone(),
            variant: self.variant.clone(),
            undialled: self.undialled,
        })
    }
}

/// The format of rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum RowFormat {
    /// A header and one line per row, safe to open in a spreadsheet.
    Csv,
    /// One JSON array.
    Json,
    /// One JSON object per line.
    Jsonl,
}

/// Prints the results of a campaign, or its summary and picture.
///
/// # Errors
/// [`CliError`] if there is no such campaign, or it cannot be read.
pub(super) async fn run(
    args: &ResultsArgs,
    config: &Config,
    printer: Printer,
) -> Result<Exit, CliError> {
    let filter = args.wanted.filter(config.pbx.rules.with_premium())?;
    let store = database::open_to_read(config).await?;
    let campaign = campaign(&store, &args.name).await?;
    let format = args.format.or(args.json.then_some(RowFormat::Json));
    if let Some(path) = &args.picture {
        summary::draw(&store, &campaign, path, printer).await?;
    }
    if args.summary {
        let json = format.is_some_and(|format| format != RowFormat::Csv);
        summary::print(&store, &campaign, config.price.as_ref(), json, printer).await?;
    }
    if args.summary || args.picture.is_some() {
        return Ok(Exit::Success);
    }
    let columns = if args.columns.is_empty() {
        (0..ResultColumns::NAMES.len()).collect()
    } else {
        ResultColumns::places(&args.columns).map_err(|name| {
            let error = anyhow!("there is no column `{}`", name.escape_debug());
            CliError::new(error).hint(format!(
                "the columns are {}",
                ResultColumns::NAMES.join(", ")
            ))
        })?
    };
    let result_columns = ResultColumns {
        campaign: &campaign.name,
        price: config.price.as_ref(),
        shown: Disclosure::of_program(args.full_number),
        local_times: args.excel,
    };
    let delimiter = match (args.delimiter, args.excel) {
        (Some(delimiter), _) => delimiter,
        (None, true) => delimiter_of_lists(&store, &campaign).await?,
        (None, false) => b',',
    };
    let pruned = store.pruned(campaign.id).await.map_err(database::trouble)?;
    if let Some(words) = summary::pruned_words(pruned) {
        printer.warning(&words);
    }
    let mut out = BufWriter::new(printer.data());
    if args.excel {
        out.write_all(BYTE_ORDER_MARK).map_err(gone)?;
    }
    let format = format.unwrap_or(RowFormat::Csv);
    let mut rows = RowWriter::begin(format, delimiter, columns, out).map_err(gone)?;
    let mut after = None;
    let mut is_empty = true;
    loop {
        let page = store.results(campaign.id, &filter, after, PAGE).await;
        let (page, next) = page.map_err(database::trouble)?;
        is_empty &= page.is_empty();
        let written = page
            .iter()
            .try_for_each(|row| rows.write(&result_columns.of(row)));
        match written {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(Exit::Success),
            Err(error) => return Err(gone(error)),
        }
        let Some(next) = next else { break };
        after = Some(next);
    }
    match rows.end() {
        Ok(()) => {
            if is_empty && let Some(number) = filter.number.as_ref() {
                printer.note(&unknown(&store, &campaign, number).await?);
            }
            Ok(Exit::Success)
        }
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Exit::Success),
        Err(error) => Err(gone(error)),
    }
}

/// Why there is no row of a number: the campaign does not have it, or has not called it.
async fn unknown(
    store: &Store,
    campaign: &Campaign,
    number: &PhoneNumber,
) -> Result<String, CliError> {
    let name = &campaign.name;
    let of_number = Filter {
        number: Some(number.clone()),
        undialled: true,
        ..Filter::default()
    };
    let found = store.results(campaign.id, &of_number, None, 1).await;
    let (rows, _) = found.map_err(database::trouble)?;
    let Some(row) = rows.first() else {
        return Ok(format!(
            "{number} is not a contact of campaign `{name}`; `aftertone contact show` looks in all campaigns"
        ));
    };
    Ok(if row.drop.is_some() {
        format!("no drop to {number} in campaign `{name}` is of that kind")
    } else {
        format!("{number} was not called in campaign `{name}` yet; `--undialled` shows why")
    })
}

async fn campaign(store: &Store, name: &str) -> Result<Campaign, CliError> {
    let found = store.campaign(name).await.map_err(database::trouble)?;
    found.ok_or_else(|| {
        CliError::new(anyhow!("there is no campaign `{}`", name.escape_debug()))
            .hint("`aftertone campaign status` lists the campaigns")
    })
}

/// The delimiter of the list that was imported last, if a file of its name is in this folder; else a comma.
async fn delimiter_of_lists(store: &Store, campaign: &Campaign) -> Result<u8, CliError> {
    let imports = store.imports(campaign.id).await;
    let imports = imports.map_err(database::trouble)?;
    let mut names = imports.iter().rev().map(|(source, _)| &source.name);
    Ok(names
        .find_map(|name| delimiter(Path::new(name)))
        .unwrap_or(b','))
}

/// Writes rows, in some of the columns.
struct RowWriter<W: Write> {
    columns: Vec<usize>,
    output: RowOutput<W>,
}

/// The output of rows, by its format.
enum RowOutput<W: Write> {
    Csv(Writer<W>),
    Json { out: W, any: bool },
    Jsonl(W),
}

impl<W: Write> RowWriter<W> {
    fn begin(
        format: RowFormat,
        delimiter: u8,
        columns: Vec<usize>,
        mut out: W,
    ) -> io::Result<Self> {
        let output = match format {
            RowFormat::Csv => {
                let mut writer = Writer::with_delimiter(out, delimiter);
                let names = columns.iter().map(|place| ResultColumns::NAMES[*place]);
                writer.record(&names.collect::<Vec<_>>())?;
                RowOutput::Csv(writer)
            }
            RowFormat::Json => {
                out.write_all(b"[")?;
                RowOutput::Json { out, any: false }
            }
            RowFormat::Jsonl => RowOutput::Jsonl(out),
        };
        Ok(Self { columns, output })
    }

    fn write(&mut self, row: &ResultValues<'_>) -> io::Result<()> {
        let values = ChosenValues(row, &self.columns);
        match &mut self.output {
            RowOutput::Csv(writer) => {
                let fields = row.texts();
                let fields = self.columns.iter().map(|place| fields[*place].as_ref());
                writer.record(&fields.collect::<Vec<_>>())
            }
            RowOutput::Json { out, any } => {
                out.write_all(if *any { b",\n" } else { b"\n" })?;
                *any = true;
                Ok(serde_json::to_writer(out, &values)?)
            }
            RowOutput::Jsonl(out) => {
                serde_json::to_writer(&mut *out, &values)?;
                out.write_all(b"\n")
            }
        }
    }

    fn end(self) -> io::Result<()> {
        match self.output {
            RowOutput::Csv(writer) => writer.finish().and_then(|mut out| out.flush()),
            RowOutput::Json { mut out, .. } => {
                out.write_all(b"\n]\n")?;
                out.flush()
            }
            RowOutput::Jsonl(mut out) => out.flush(),
        }
    }
}

fn gone(error: io::Error) -> CliError {
    CliError::new(anyhow!(error).context("cannot write the results"))
}

fn outcome(text: &str) -> Result<Outcome, String> {
    let known = Outcome::ALL.into_iter();
    known
        .clone()
        .find(|outcome| outcome.slug() == text)
        .ok_or_else(|| {
            let slugs: Vec<_> = known.map(Outcome::slug).collect();
            format!("expected one of {}", slugs.join(", "))
        })
}

/// A moment that was given, in this machine's time zone if it says none.
///
/// # Errors
/// What was expected.
pub(in crate::cli) fn moment(text: &str) -> Result<Timestamp, String> {
    if let Ok(moment) = text.parse() {
        return Ok(moment);
    }
    let local: DateTime = text
        .parse()
        .map_err(|_| "expected 2026-11-23, 2026-11-23T14:00 or 2026-11-23T14:00:00Z")?;
    let zoned = local.to_zoned(TimeZone::system());
    zoned
        .map(|zoned| zoned.timestamp())
        .map_err(|error| error.to_string())
}

fn delimiter_byte(text: &str) -> Result<u8, String> {
    match text {
        "," => Ok(b','),
        ";" => Ok(b';'),
        "|" => Ok(b'|'),
        "tab" | "\t" => Ok(b'\t'),
        _ => Err("expected `,`, `;`, `|` or `tab`".to_owned()),
    }
}

/// By which spreadsheets know UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Rows per page.
const PAGE: usize = 1_000;

/// Options that choose rows, which counts and pictures cannot take.
const FILTERS: [&str; 8] = [
    "outcome",
    "since",
    "until",
    "number",
    "foreign_id",
    "variant",
    "undialled",
    "full_number",
];

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct ResultsLine {
        #[command(flatten)]
        args: ResultsArgs,
    }

    #[test]
    fn what_chooses_rows_is_read() {
        let args = parse(&[
            "--outcome=delivered,busy",
            "--outcome=lost",
            "--since=2026-11-23T14:00:00-05:00",
            "--until=2026-11-24T14:00:00Z",
            "--number=(202) 555-0101",
            "--foreign-id=' OR 1=1 --",
            "--variant=A",
        ]);
        let filter = args.unwrap().wanted.filter(Rules::default()).unwrap();
        let outcomes = [Outcome::Delivered, Outcome::Busy, Outcome::Lost];
        assert_eq!(filter.outcomes, outcomes);
        assert_eq!(filter.since.unwrap().to_string(), "2026-11-23T19:00:00Z");
        assert_eq!(filter.number.unwrap().digits(), "12025550101");
        assert_eq!(filter.foreign_id.unwrap(), "' OR 1=1 --");
        assert!(!filter.undialled);
        let day = parse(&["--since=2026-11-23"])
            .unwrap()
            .wanted
            .since
            .unwrap();
        let local = day.to_zoned(TimeZone::system()).datetime();
        assert_eq!(local.to_string(), "2026-11-23T00:00:00");
    }

    #[test]
    fn what_makes_no_sense_is_a_usage_error() {
        for bad in [
            &["--outcome=deliverd"][..],
            &["--since=yesterday"],
            &["--format=xml"],
            &["--json", "--format=csv"],
            &["--undialled", "--outcome=busy"],
            &["--summary", "--variant=A"],
            &["--picture=x.svg", "--undialled"],
            &["--excel", "--json"],
            &["--delimiter=x"],
            &["--summary", "--columns=number"],
        ] {
            assert!(parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn no_rows_are_a_header_an_empty_array_or_nothing() {
        for (format, text) in [
            (RowFormat::Csv, ResultColumns::NAMES.join(",") + "\r\n"),
            (RowFormat::Json, "[\n]\n".to_owned()),
            (RowFormat::Jsonl, String::new()),
        ] {
            let mut out = Vec::new();
            let all = (0..ResultColumns::NAMES.len()).collect();
            let writer = RowWriter::begin(format, b',', all, &mut out).unwrap();
            writer.end().unwrap();
            assert_eq!(String::from_utf8(out).unwrap(), text);
        }
    }

    #[test]
    fn chosen_columns_come_in_their_order_with_the_delimiter() {
        let places = |names: &[&str]| {
            let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
            ResultColumns::places(&names)
        };
        let mut out = Vec::new();
        let columns = places(&["outcome", "number"]).unwrap();
        let writer = RowWriter::begin(RowFormat::Csv, b';', columns, &mut out).unwrap();
        writer.end().unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "outcome;number\r\n");
        assert_eq!(places(&["number", "phone"]), Err("phone".to_owned()));
    }

    fn parse(args: &[&str]) -> Result<ResultsArgs, clap::Error> {
        let line = [&["results", "spring"], args].concat();
        ResultsLine::try_parse_from(line).map(|line| line.args)
    }
}
