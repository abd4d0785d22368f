//! What came of a campaign, a row a drop, for spreadsheets and programs.

use std::{
    io::{self, BufWriter, Write},
    path::PathBuf,
};

use anyhow::anyhow;
use clap::{Args as ClapArgs, ValueEnum};
use jiff::{Timestamp, civil::DateTime, tz::TimeZone};

use super::{
    result_columns::{Cells, Named},
    summary,
};
use crate::{
    cli::{CliError, Exit, database, printer::Printer},
    config::Config,
    drop::Outcome,
    list::Writer,
    phone::{PhoneNumber, Rules},
    store::{Campaign, Filter, Store},
};

/// Show what came of a campaign
///
/// Prints one row a drop; with --undialled also one for each contact that was refused, or waits, without any drop.
/// Numbers are masked unless --full-number is given. Times without a zone are this machine's.
#[derive(Debug, ClapArgs)]
pub(super) struct Args {
    /// The campaign's name
    name: String,
    /// How to print it: for spreadsheets, as one JSON array, or as a JSON object a line [default: csv]
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// The same as --format json
    #[arg(long, conflicts_with = "format")]
    json: bool,
    /// Show numbers unmasked
    #[arg(long)]
    full_number: bool,
    #[command(flatten)]
    wanted: Wanted,
    /// Print counts instead of rows: outcomes, refusals, cost, and how the variants compare
    #[arg(long, conflicts_with_all = FILTERS)]
    summary: bool,
    /// Draw the outcomes over time into this file, .svg or .png, and print no rows
    #[arg(long, value_name = "FILE", conflicts_with_all = FILTERS)]
    picture: Option<PathBuf>,
}

/// Which rows are wanted.
#[derive(Debug, Default, ClapArgs)]
#[command(next_help_heading = "Only these rows")]
struct Wanted {
    /// Drops that ended so; may be given more than once
    #[arg(long, value_name = "OUTCOME", value_parser = outcome, value_delimiter = ',')]
    outcome: Vec<Outcome>,
    /// Drops that began at this moment or later: 2026-11-23, 2026-11-23T14:00 or RFC 3339
    #[arg(long, value_name = "TIME", value_parser = moment)]
    since: Option<Timestamp>,
    /// Drops that began before this moment
    #[arg(long, value_name = "TIME", value_parser = moment)]
    until: Option<Timestamp>,
    /// Drops to this number
    #[arg(long, value_name = "NUMBER")]
    number: Option<String>,
    /// The contact of this id
    #[arg(long, value_name = "ID")]
    foreign_id: Option<String>,
    /// Drops with this variant of the message
    #[arg(long, value_name = "NAME")]
    variant: Option<String>,
    /// Contacts without any drop, too, with the reason
    #[arg(long, conflicts_with_all = ["outcome", "since", "until", "variant"])]
    undialled: bool,
}

impl Wanted {
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

/// How rows are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// A header and a line a row, safe against formulas.
    Csv,
    /// One array.
    Json,
    /// An object a line.
    Jsonl,
}

/// Prints the results of a campaign, or its summary and picture.
///
/// # Errors
/// [`CliError`] where there is no such campaign, or it cannot be read.
pub(super) async fn run(args: &Args, config: &Config, printer: Printer) -> Result<Exit, CliError> {
    let filter = args.wanted.filter(config.pbx.rules)?;
    let store = database::open(config).await?;
    let campaign = campaign(&store, &args.name).await?;
    let format = args.format.or(args.json.then_some(Format::Json));
    if let Some(path) = &args.picture {
        summary::draw(&store, &campaign, path, printer).await?;
    }
    if args.summary {
        let json = format.is_some_and(|format| format != Format::Csv);
        summary::print(&store, &campaign, config.price.as_ref(), json, printer).await?;
    }
    if args.summary || args.picture.is_some() {
        return Ok(Exit::Success);
    }
    let result_columns = Cells {
        campaign: &campaign.name,
        price: config.price.as_ref(),
        full_number: args.full_number,
    };
    let out = BufWriter::new(printer.data());
    let mut rows = Rows::begin(format.unwrap_or(Format::Csv), out).map_err(gone)?;
    let mut after = None;
    loop {
        let page = store.results(campaign.id, &filter, after, PAGE).await;
        let (page, next) = page.map_err(database::trouble)?;
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
        Ok(()) => Ok(Exit::Success),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Exit::Success),
        Err(error) => Err(gone(error)),
    }
}

async fn campaign(store: &Store, name: &str) -> Result<Campaign, CliError> {
    let found = store.campaign(name).await.map_err(database::trouble)?;
    found.ok_or_else(|| {
        CliError::new(anyhow!("there is no campaign `{}`", name.escape_debug()))
            .hint("`aftertone campaign status` lists the campaigns")
    })
}

/// Rows on their way out.
enum Rows<W: Write> {
    Csv(Writer<W>),
    Json { out: W, any: bool },
    Jsonl(W),
}

impl<W: Write> Rows<W> {
    fn begin(format: Format, mut out: W) -> io::Result<Self> {
        Ok(match format {
            Format::Csv => {
                let mut writer = Writer::new(out);
                writer.record(&Cells::NAMES)?;
                Self::Csv(writer)
            }
            Format::Json => {
                out.write_all(b"[")?;
                Self::Json { out, any: false }
            }
            Format::Jsonl => Self::Jsonl(out),
        })
    }

    fn write(&mut self, row: &Named<'_>) -> io::Result<()> {
        match self {
            Self::Csv(writer) => {
                let fields = row.texts();
                writer.record(&fields.each_ref().map(AsRef::as_ref))
            }
            Self::Json { out, any } => {
                out.write_all(if *any { b",\n" } else { b"\n" })?;
                *any = true;
                Ok(serde_json::to_writer(out, row)?)
            }
            Self::Jsonl(out) => {
                serde_json::to_writer(&mut *out, row)?;
                out.write_all(b"\n")
            }
        }
    }

    fn end(self) -> io::Result<()> {
        match self {
            Self::Csv(writer) => writer.finish().and_then(|mut out| out.flush()),
            Self::Json { mut out, .. } => {
                out.write_all(b"\n]\n")?;
                out.flush()
            }
            Self::Jsonl(mut out) => out.flush(),
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

fn moment(text: &str) -> Result<Timestamp, String> {
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

/// Rows that are held at a time.
const PAGE: usize = 1_000;

/// What chooses rows, which counts and pictures do without.
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
    struct Line {
        #[command(flatten)]
        args: Args,
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
        ] {
            assert!(parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn no_rows_are_a_header_an_empty_array_or_nothing() {
        for (format, text) in [
            (Format::Csv, Cells::NAMES.join(",") + "\r\n"),
            (Format::Json, "[\n]\n".to_owned()),
            (Format::Jsonl, String::new()),
        ] {
            let mut out = Vec::new();
            Rows::begin(format, &mut out).unwrap().end().unwrap();
            assert_eq!(String::from_utf8(out).unwrap(), text);
        }
    }

    fn parse(args: &[&str]) -> Result<Args, clap::Error> {
        let line = [&["results", "spring"], args].concat();
        Line::try_parse_from(line).map(|line| line.args)
    }
}
