//! `aftertone campaign simulate`: how long a campaign would take, without dialling.

mod assume;
mod stored;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    time::Duration,
};

use anyhow::anyhow;
use clap::Args;
use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use serde_json::{Value, json};

use super::{
    board::REFUSED,
    import::ListOptions,
    options::{self, Options},
    read::rows,
    words::{clock, count, counted, percent, span},
};
use crate::{
    campaign::{
        budget::{BudgetLimits, Gauge, Share, TechniqueRule},
        engine::{Contact, ContactId, End, PauseReason},
        policy::{CampaignKind, Gate, Rule},
        retry::{LateRetry, RetryRules},
        simulate::{
            Assumptions, DueContact, Forecast, LONGEST, Scenario, Surroundings, simulate_among,
        },
    },
    cli::{CliError, Exit, database, printer::Printer},
    config::Config,
    controller::gate::CampaignGate,
    error_chain::chain,
    orders::{SimulationOrder, Spec, fraction, gauge_slug},
    store::{Facts, Leased},
};

/// Estimate how long a campaign would take, its calls per hour and its use of the trunk's limits, dialling nothing
///
/// Runs the campaign on virtual time, with the gate and the trunk as configured, over a list or over the contacts that a
/// campaign still has: from when they are due, with the calls that were made before, and beside the other campaigns that
/// run on the trunk. The mix of outcomes is assumed: give that of your own results with --assume. Settings given here
/// apply to the simulation alone. For a list that is not imported, do-not-call lists and earlier drops are not considered.
#[derive(Debug, Args)]
pub(super) struct SimulateArgs {
    /// A campaign's name, or a CSV file
    what: String,
    /// The assumed outcomes with their shares, `delivered=72,no_answer=20,human=8`, or a TOML file
    #[arg(long, value_name = "OUTCOMES|FILE")]
    assume: Option<String>,
    /// The start of the simulation, in RFC 3339 [default: now]
    #[arg(long, value_name = "TIME")]
    begins: Option<Timestamp>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    options: Options,
    #[command(flatten)]
    list: ListOptions,
}

/// Simulates a campaign.
///
/// # Errors
/// [`CliError`] if there is nothing to simulate.
pub(super) async fn run(
    args: &SimulateArgs,
    config: &Config,
    printer: Printer,
) -> Result<Exit, CliError> {
    let assumptions = match &args.assume {
        Some(text) => assume::read(text)?,
        None => Assumptions::default(),
    };
    let now = args.begins.unwrap_or_else(database::now);
    let given = args.options.keys()?;
    let path = Path::new(&args.what);
    let is_name = options::name(&args.what).is_ok();
    let (spec, simulated) = if is_name && !path.is_file() {
        stored::campaign(&args.what, given, now, config).await?
    } else {
        let mut keys = given;
        if !keys.contains_key("message") && !keys.contains_key("variants") {
            keys.insert("message".to_owned(), json!("simulated"));
        }
        let spec = Spec::from_keys(&keys).map_err(options::wrong)?;
        let (people, list) = people(path, args, config)?;
        let simulated = Simulated::list(people, list, spec.kind, now, config);
        (spec, simulated)
    };
    let Simulated {
        contacts,
        around,
        gate,
        list,
    } = simulated;
    if contacts.is_empty() {
        return Err(CliError::new(anyhow!(
            "`{}` has no contact to dial",
            args.what.escape_debug()
        )));
    }
    options::advise(None, &spec, config, printer);
    let scenario = Scenario {
        campaign: spec.settings().map_err(options::wrong)?,
        pbx: config.trunk.clone(),
        assumptions,
        begins: now,
        seed: spec.seed,
    };
    let others: Vec<u64> = around
        .others
        .iter()
        .map(|other| other.contacts.len() as u64)
        .collect();
    let forecast = simulate_among(&scenario, contacts, around, gate);
    let report = ForecastReport {
        what: &args.what,
        scenario: &scenario,
        forecast: &forecast,
        list,
        others,
        late: late(
            &scenario.campaign.retry,
            scenario.campaign.technique,
            config,
        ),
        is_assumed_by_us: args.assume.is_none(),
    };
    if args.json {
        printer.json(&report.object());
    } else {
        for line in report.lines(&TimeZone::system()) {
            printer.line(&line);
        }
    }
    Ok(Exit::Success)
}

/// Simulates a campaign as the database has it, for programs.
///
/// # Errors
/// Why it cannot be simulated, for people.
pub(in crate::cli) async fn forecast(
    order: SimulationOrder,
    config: &Config,
) -> Result<Value, String> {
    let words = |error: CliError| chain(error.cause());
    let is_assumed_by_us = order.assume.is_empty();
    let assumptions = if is_assumed_by_us {
        Assumptions::default()
    } else {
        assume::assumptions(&order.assume).map_err(|error| format!("{error:#}"))?
    };
    let now = order.begins;
    let (spec, simulated) = stored::campaign(&order.campaign, order.settings, now, config)
        .await
        .map_err(words)?;
    let count = simulated.contacts.len();
    if count == 0 {
        return Err("it has no contact to dial".to_owned());
    }
    if count > MOST_OVER_HTTP {
        return Err(format!(
            "it has {count} contacts to dial, and {MOST_OVER_HTTP} at most are simulated by a server: use `aftertone campaign \
             simulate`"
        ));
    }
    let scenario = Scenario {
        campaign: spec.settings().map_err(|error| error.to_string())?,
        pbx: config.trunk.clone(),
        assumptions,
        begins: now,
        seed: spec.seed,
    };
    let late = late(
        &scenario.campaign.retry,
        scenario.campaign.technique,
        config,
    );
    let others: Vec<u64> = simulated
        .around
        .others
        .iter()
        .map(|other| other.contacts.len() as u64)
        .collect();
    let Simulated {
        contacts,
        around,
        gate,
        list,
    } = simulated;
    let simulating = tokio::task::spawn_blocking(move || {
        let forecast = simulate_among(&scenario, contacts, around, gate);
        ForecastReport {
            what: &order.campaign,
            scenario: &scenario,
            forecast: &forecast,
            list,
            others,
            late,
            is_assumed_by_us,
        }
        .object()
    });
    simulating
        .await
        .map_err(|error| format!("the simulation has failed: {error}"))
}

/// Most contacts that a server simulates: they are all in its memory.
const MOST_OVER_HTTP: usize = 50_000;

/// The retries of a campaign that the configured caps do not let happen when they are due.
pub(super) fn late(
    rules: &RetryRules,
    technique: TechniqueRule,
    config: &Config,
) -> Vec<LateRetry> {
    let gate = Gate::new(config.gate.clone());
    if !gate.is_on(Rule::FrequencyCap) {
        return Vec::new();
    }
    rules.late(&config.gate.limits, calls_of(technique))
}

/// How many calls a drop makes at most.
pub(super) const fn calls_of(technique: TechniqueRule) -> u32 {
    match technique {
        TechniqueRule::Single => 1,
        TechniqueRule::Double | TechniqueRule::ByShare => 2,
    }
}

/// One line on such retries, if there are any.
pub(super) fn late_line(late: &[LateRetry]) -> Option<String> {
    (!late.is_empty()).then(|| format!("retries:  {}", texts(late).join("; ")))
}

/// Each of them in words.
pub(super) fn texts(late: &[LateRetry]) -> Vec<String> {
    late.iter().map(LateRetry::to_string).collect()
}

/// What of a list is not simulated.
#[derive(Default)]
struct ListRead {
    /// Rows that would be rejected.
    left_out: u64,
    /// What was left out above the header, in words.
    skipped: Option<String>,
}

/// The contacts of a list.
fn people(
    list: &Path,
    args: &SimulateArgs,
    config: &Config,
) -> Result<(Vec<Leased>, ListRead), CliError> {
    let (mut people, mut left_out) = (Vec::new(), 0);
    let mut seen = BTreeSet::new();
    let mapping = args.list.mapping()?;
    let (columns, batches) = rows(list, &mapping, args.list.dates(), config.pbx.rules)?;
    for batch in batches {
        for row in batch? {
            let Some(row) = row.read.ok().filter(|row| seen.insert(row.number.clone())) else {
                left_out += 1;
                continue;
            };
            let id = i64::try_from(people.len()).unwrap_or(i64::MAX);
            people.push(Leased {
                contact: Contact {
                    id: ContactId(id),
                    number: row.number,
                    attempts: 0,
                    message: row.message,
                    only_single: false,
                },
                facts: Facts {
                    zone: row.zone,
                    state: row.state,
                    consent: row.consent,
                    ..Facts::default()
                },
            });
        }
    }
    let skipped = columns.skipped;
    Ok((people, ListRead { left_out, skipped }))
}

/// Who is simulated, and beside what.
struct Simulated {
    contacts: Vec<DueContact>,
    around: Surroundings,
    /// The configured gate, which knows all contacts.
    gate: CampaignGate,
    /// What of a list is not simulated.
    list: ListRead,
}

impl Simulated {
    /// A list that is not imported: on a trunk that is idle.
    fn list(
        people: Vec<Leased>,
        list: ListRead,
        kind: CampaignKind,
        due: Timestamp,
        config: &Config,
    ) -> Self {
        let around = Surroundings::none();
        let mut gate = CampaignGate::new(config.gate.clone());
        gate.set_campaign(around.campaign, kind);
        let contacts = people.into_iter().map(|leased| DueContact {
            contact: gate.remember(leased),
            due,
        });
        Self {
            contacts: contacts.collect(),
            around,
            gate,
            list,
        }
    }
}

/// A forecast on its way to the user.
struct ForecastReport<'a> {
    what: &'a str,
    scenario: &'a Scenario,
    forecast: &'a Forecast,
    list: ListRead,
    /// The campaigns that run on the same trunk, by how many contacts they have left.
    others: Vec<u64>,
    /// Retries that the caps do not let happen when they are due.
    late: Vec<LateRetry>,
    is_assumed_by_us: bool,
}

impl ForecastReport<'_> {
    fn lines(&self, zone: &TimeZone) -> Vec<String> {
        let Forecast {
            took,
            contacts,
            refused,
            outcomes,
            calls,
            doubles,
            most_in_flight,
            idle,
            ..
        } = self.forecast;
        let begins = self.scenario.begins;
        let ends = begins + SignedDuration::try_from(*took).unwrap_or(SignedDuration::ZERO);
        let drops: u64 = self.forecast.attempts.values().sum();
        let mut lines = vec![
            format!(
                "{}: {}, seed {}",
                self.what,
                counted(*contacts, "contact"),
                self.scenario.seed
            ),
            format!(
                "time:     {}, until {}: {}",
                span(*took),
                clock(ends, begins, zone),
                self.end()
            ),
            format!(
                "drops:    {}: {} double (two calls), {} single (one call); at most {} in flight",
                count(drops),
                percent(*doubles, drops),
                percent(drops.saturating_sub(*doubles), drops),
                count(*most_in_flight)
            ),
            format!(
                "calls:    {}; {} per hour, {} in the busiest hour",
                count(calls.all()),
                count(self.forecast.calls_per_hour()),
                count(self.forecast.busiest_hour())
            ),
        ];
        if self.list.left_out > 0 {
            let left_out = format!(
                "rejected: {}; `aftertone campaign check` shows them",
                counted(self.list.left_out, "row")
            );
            lines.insert(1, left_out);
        }
        if let Some(skipped) = &self.list.skipped {
            lines.insert(1, format!("list:     {skipped}"));
        }
        if !self.others.is_empty() {
            lines.insert(
                1,
                format!(
                    "beside:   {} on the same trunk, with {}",
                    counted(self.others.len() as u64, "running campaign"),
                    counted(self.others.iter().sum(), "contact")
                ),
            );
        }
        let done: u64 = outcomes.values().sum();
        if done > 0 {
            let counts = outcomes.iter().map(|(outcome, n)| {
                format!(
                    "{} {} ({})",
                    outcome.slug(),
                    count(*n),
                    percent(*n, *contacts)
                )
            });
            let counts = counts.collect::<Vec<_>>().join(", ");
            lines.push(format!("contacts by last outcome: {counts}"));
        }
        if *refused > 0 {
            lines.push(format!(
                "{REFUSED}: {} ({})",
                counted(*refused, "contact"),
                percent(*refused, *contacts)
            ));
        }
        let left = contacts.saturating_sub(done + refused);
        if left > 0 {
            lines.push(format!("left:     {}", counted(left, "contact")));
        }
        let limits = self.scenario.limits();
        let trunk = gauges(&limits).into_iter().filter_map(|(gauge, limit)| {
            let peak = self.forecast.peaks.get(&gauge)?;
            let (words, key) = (gauge.words(), gauge.key());
            Some(format!("at most {peak} {words}, limit {limit} (`{key}`)"))
        });
        let trunk: Vec<_> = trunk.collect();
        if gauges(&limits).is_empty() {
            lines.push(
                "trunk:    no limits: neither `trunk.cancelled` nor `trunk.short` is set"
                    .to_owned(),
            );
        } else if trunk.is_empty() {
            let needed = limits.at_least;
            lines.push(format!(
                "trunk:    too few calls to compare with its limits: {} in all, `trunk.at_least` is {needed}",
                count(calls.all())
            ));
        }
        lines.extend(labelled("trunk:", trunk));
        let mut idle: Vec<_> = idle.iter().collect();
        idle.sort_by_key(|(_, time)| std::cmp::Reverse(**time));
        let idle = idle
            .into_iter()
            .map(|(why, time)| format!("{} {}", span(*time), idle_words(why)));
        lines.extend(labelled("waited:", idle.collect()));
        if let Some(line) = late_line(&self.late) {
            lines.push(line);
        }
        if self.is_assumed_by_us {
            lines.push(
                "assumed:  the default mix of outcomes; give your own results with `--assume`"
                    .to_owned(),
            );
        }
        lines
    }

    fn object(&self) -> Value {
        let forecast = self.forecast;
        let limits: BTreeMap<_, _> = gauges(&self.scenario.limits()).into_iter().collect();
        let peaks: Vec<Value> = forecast
            .peaks
            .iter()
            .map(|(gauge, share)| {
                json!({"gauge": gauge_slug(*gauge), "share": fraction(*share), "limit": limits.get(gauge).map(|l| fraction(*l))})
            })
            .collect();
        let slugs = |counts: &BTreeMap<crate::drop::Outcome, u64>| -> BTreeMap<&'static str, u64> {
            counts
                .iter()
                .map(|(outcome, n)| (outcome.slug(), *n))
                .collect()
        };
        let idle: BTreeMap<_, _> = forecast
            .idle
            .iter()
            .map(|(why, time)| (why, time.as_secs()))
            .collect();
        json!({
            "what": self.what,
            "seed": self.scenario.seed,
            "begins": self.scenario.begins,
            "took_s": forecast.took.as_secs(),
            "end": self.end_slug(),
            "contacts": forecast.contacts,
            "left_out": self.list.left_out,
            "notes": Vec::from_iter(&self.list.skipped),
            "other_campaigns": self.others.len(),
            "other_contacts": self.others.iter().sum::<u64>(),
            "refused": forecast.refused,
            "outcomes": slugs(&forecast.outcomes),
            "attempts": slugs(&forecast.attempts),
            "drops": forecast.attempts.values().sum::<u64>(),
            "doubles": forecast.doubles,
            "calls": forecast.calls.all(),
            "calls_per_hour": forecast.calls_per_hour(),
            "busiest_hour": forecast.busiest_hour(),
            "hours": forecast.hours,
            "most_in_flight": forecast.most_in_flight,
            "budget": peaks,
            "idle_s": idle,
            "late_retries": texts(&self.late),
        })
    }

    fn end(&self) -> String {
        match (&self.forecast.stopped, self.forecast.end) {
            (Some(why), _) => why.to_string(),
            (None, Some(End::Complete)) => "every contact has its outcome".to_owned(),
            (None, Some(End::Cancelled)) => "cancelled".to_owned(),
            (None, Some(End::DatesOver)) => "its last date is over".to_owned(),
            (None, None) if self.forecast.took + Duration::from_secs(1) < LONGEST => {
                "it would go no further".to_owned()
            }
            (None, None) => "not at its end after a year".to_owned(),
        }
    }

    fn end_slug(&self) -> Option<&'static str> {
        match (&self.forecast.stopped, self.forecast.end) {
            (Some(PauseReason::Errors { .. }), _) => Some("stopped_on_errors"),
            (Some(PauseReason::Refusals { .. }), _) => Some("stopped_on_refusals"),
            (Some(PauseReason::Operator), _) => Some("paused"),
            (None, Some(End::Complete)) => Some("complete"),
            (None, Some(End::Cancelled)) => Some("cancelled"),
            (None, Some(End::DatesOver)) => Some("dates_over"),
            (None, None) => None,
        }
    }
}

fn gauges(limits: &BudgetLimits) -> Vec<(Gauge, Share)> {
    Gauge::ALL
        .into_iter()
        .filter_map(|gauge| Some((gauge, gauge.limit(limits)?)))
        .collect()
}

/// Lines below each other, the first after a label.
fn labelled(label: &str, lines: Vec<String>) -> Vec<String> {
    let lines = lines.into_iter().enumerate();
    lines
        .map(|(at, line)| format!("{:10}{line}", if at == 0 { label } else { "" }))
        .collect()
}

/// Why no drop was started for a while, with the key that changes it.
fn idle_words(slug: &str) -> String {
    let words = match slug {
        "full" => {
            "with as many drops in flight as `trunk.in_flight` or the campaign's `in_flight` allow"
        }
        "pace" => "between two starts, by `trunk.starts_per_second` or the campaign's `rate`",
        "trunk_budget" => "because of the trunk's limits",
        "campaign_hours" => "outside the campaign's `hours`",
        "waiting" => "until a contact may be dialled: calling hours, frequency cap or next attempt",
        "finishing" => "while the last drops finished",
        other => return format!("({})", other.replace('_', " ")),
    };
    words.to_owned()
}
