//! `aftertone drop`: one drop, watched while it happens.

mod evidence;
mod gate;
mod message;

use std::{path::PathBuf, time::Duration};

use anyhow::anyhow;
use clap::{
    Args as ClapArgs,
    builder::{PossibleValuesParser, TypedValueParser, ValueParser},
};
use jiff::SignedDuration;
use tokio::{
    sync::mpsc,
    time::{MissedTickBehavior, interval},
};

use self::{
    gate::GateArgs,
    message::{Message, meant},
};
use super::{
    Exit, Trouble, library,
    printer::{Paint, Printer, chain},
    report::{NotDialled, moment_line, outcome_words, proof_words, status_line},
    stop::Stop,
};
use crate::{
    clock,
    config::{Config, ScreenMode},
    drop::{Ended, Outcome, Plan, Report, Technique, WhenBusyLegAnswered, WhenUnsure},
    evidence::Folder,
    id::{DropId, RunName},
    phone::{CallerId, CallerIdError, PhoneNumber},
    run::{
        self, Job, News, Session, SessionError, Unended,
        single::{Counter, Entered, Entry, Wanted},
    },
};

/// Leave a message at one number
///
/// Calls the number as the settings under [drop] say, leaves the message if a mailbox answers, and shows what happens
/// as it happens. The gate is asked before: whether the number is on a do-not-call list, whether consent is on record, how
/// often it was called, and the time of the day there. The exit status is 0 where the message was delivered, 1 for every other end, and 2 where no drop was
/// started. Ctrl-C cancels the drop and hangs up; a second one quits at once.
#[derive(Debug, ClapArgs)]
pub(super) struct Args {
    /// The number: E.164 (+12025550101), or as it is dialled in the default region
    number: String,
    /// A prepared message's name, a `sound:` URI of the PBX, or a recording's path (`./name` for one in this folder)
    #[arg(long, short, value_name = "MESSAGE")]
    message: String,
    /// Print one JSON object when the drop has ended, and nothing before
    #[arg(long)]
    json: bool,
    /// Show the number unmasked
    #[arg(long)]
    full_number: bool,
    /// Keep what was heard and played, and the account of it, in a folder of its own in this one
    #[arg(long, value_name = "DIR")]
    evidence: Option<PathBuf>,
    #[command(flatten)]
    gate: GateArgs,
    #[command(flatten)]
    overrides: Overrides,
}

/// What is other for this drop than the configuration has it.
#[derive(Debug, ClapArgs)]
#[command(next_help_heading = "Settings for this drop alone")]
struct Overrides {
    /// Two calls, or the drop leg only
    #[arg(long, value_parser = technique())]
    technique: Option<Technique>,
    /// From the first call to the second: 0s to 60s
    #[arg(long, value_name = "DURATION", value_parser = lead)]
    lead: Option<Duration>,
    /// Who finds out who answered: our own ears, or the PBX's dialplan
    #[arg(long, value_parser = mode())]
    mode: Option<ScreenMode>,
    /// What to do where it cannot be told who answered
    #[arg(long, value_name = "POLICY", value_parser = when_unsure())]
    when_unsure: Option<WhenUnsure>,
    /// What to do where the first call is answered before the second
    #[arg(long, value_name = "POLICY", value_parser = when_busy_leg_answered())]
    when_busy_leg_answered: Option<WhenBusyLegAnswered>,
    /// The number that the callee sees
    #[arg(long, value_name = "NUMBER", value_parser = caller_id)]
    caller_id: Option<CallerId>,
}

impl Overrides {
    fn apply(&self, plan: &mut Plan) {
        plan.technique = self.technique.unwrap_or(plan.technique);
        plan.lead = self.lead.unwrap_or(plan.lead);
        plan.when_unsure = self.when_unsure.unwrap_or(plan.when_unsure);
        plan.when_busy_leg_answered = self
            .when_busy_leg_answered
            .unwrap_or(plan.when_busy_leg_answered);
    }
}

/// Carries out one drop.
///
/// # Errors
/// [`Trouble`] where no drop was started.
pub(super) async fn run(
    args: &Args,
    mut config: Config,
    printer: Printer,
) -> Result<Exit, Trouble> {
    let id = DropId::generate();
    let number = match PhoneNumber::parse(&args.number, config.pbx.rules) {
        Ok(number) => number,
        Err(error) => {
            let slug = error.slug();
            if args.json {
                printer.json(&NotDialled::refused(id, slug));
            }
            return Err(Trouble::new(anyhow!("refused ({slug}): {error}")));
        }
    };
    config.screen.mode = args.overrides.mode.unwrap_or(config.screen.mode);
    if let Some(caller_id) = &args.overrides.caller_id {
        config.pbx.caller_id = caller_id.clone();
    }
    let mut stop = Stop::new().map_err(Trouble::new)?;
    let (library, targets) = library(&config)?;
    let reference = meant(&args.message, &library)?;
    let wanted = wanted(args, &config, id, number)?;
    run::gate::warn_of_what_is_off(&config.gate);
    let counter = Counter::open(&config).await.map_err(gate::no_store)?;
    let ruling = counter.ask(&wanted).await.map_err(gate::no_store)?;
    if !ruling.decision.is_allowed() {
        return Err(gate::stopped(id, &ruling, args.json, printer));
    }
    let archive = match args.evidence.as_ref().or(config.evidence.dir.as_ref()) {
        Some(dir) => Some(evidence::open(dir.clone(), &config).await?),
        None => None,
    };
    let session = tokio::select! {
        session = Session::open(&config) => session.map_err(|error| advise(error, &config))?,
        () = stop.wish() => return Err(interrupted()),
    };
    let message = tokio::select! {
        message = Message::ready(reference, library, targets, session.run().clone(), id) => message,
        () = stop.wish() => Err(interrupted()),
    };
    let ready = match (message, archive) {
        (Ok(message), Some(archive)) => {
            let folder = evidence::begin(archive, id).await;
            folder.map(|folder| (message, Some(folder)))
        }
        (message, _) => message.map(|message| (message, None)),
    };
    let ready = match ready {
        Ok((message, folder)) => {
            let entry = enter(&counter, &wanted, &session, args.json, printer).await;
            entry.map(|entry| (message, folder, entry))
        }
        Err(trouble) => Err(trouble),
    };
    let (message, mut folder, entry) = match ready {
        Ok(ready) => ready,
        Err(trouble) => {
            // It is told by what went wrong first.
            let _ = session.close().await;
            return Err(trouble);
        }
    };
    let mut plan = run::plan(&config, message.length);
    args.overrides.apply(&mut plan);
    let masked = wanted.number.to_string();
    let shown = if args.full_number {
        wanted.number.full().to_string()
    } else {
        masked.clone()
    };
    let job = Job {
        id,
        number: wanted.number,
        plan,
        media: message.media.clone(),
        echo: message.echo(),
        tape: folder.as_mut().and_then(Folder::tape),
        caller_id: None,
        campaign: None,
    };
    if !args.json {
        let name = args.message.as_str();
        printer.line(&format!("drop {id}: {name} to {shown}"));
    }
    let news = session.start(job).await;
    let report = match watch(&session, news, &mut stop, args.json, printer).await {
        Watched::Ended(report) => Some(report),
        Watched::Abandoned => None,
        Watched::Quit => return Ok(quit(printer)),
    };
    let run = session.run().clone();
    let closed = tokio::select! {
        closed = session.close() => closed,
        () = stop.wish() => {
            settle(entry, &run, id, masked, report.as_deref(), None, printer).await;
            return Ok(quit(printer));
        }
    };
    let mut evidence = None;
    if let Some(report) = &report {
        let ended = Ended::new(&run, id, shown, report);
        let kept = folder
            .map(|folder| evidence::keep(folder, id, &ended, report, message.samples.as_deref()));
        if let Some(Err(words)) = &kept {
            printer.warning(words);
        }
        if let Some(Ok(path)) = &kept {
            evidence = Some(path.display().to_string());
        }
        if args.json {
            printer.json(&match kept {
                Some(kept) => ended.with_evidence(kept),
                None => ended,
            });
        } else {
            printer.line(&last_line(report, printer));
            printer.line(&proof_words(report));
            if let Some(Ok(path)) = kept {
                printer.line(&format!("evidence: {}", path.display()));
            }
        }
    }
    settle(
        entry,
        &run,
        id,
        masked,
        report.as_deref(),
        evidence,
        printer,
    )
    .await;
    if closed == Err(Unended::Replaced) {
        printer.error(
            anyhow!("another program registered the Stasis app of this drop, and took its events")
                .as_ref(),
        );
        printer
            .hint("every call was hung up; give each program on this PBX a `pbx.app` of its own");
        return Ok(Exit::Otherwise);
    }
    Ok(match report {
        Some(report) if report.outcome == Outcome::Delivered => Exit::Done,
        Some(_) | None => Exit::Otherwise,
    })
}

/// The call that is wanted, for the gate and the store.
fn wanted(
    args: &Args,
    config: &Config,
    drop: DropId,
    number: PhoneNumber,
) -> Result<Wanted, Trouble> {
    let configured = run::plan(config, None).technique;
    Ok(Wanted {
        drop,
        number,
        kind: args.gate.kind(),
        consent: args.gate.consent(),
        overrides: args.gate.overrides().map_err(Trouble::new)?,
        technique: args.overrides.technique.unwrap_or(configured),
        message: args.message.clone(),
        caller_id: config.pbx.caller_id.clone(),
    })
}

/// Passes the gate at the moment of the call, and writes the drop's intent.
///
/// # Errors
/// [`Trouble`] where it may not be dialled, or not be written.
async fn enter(
    counter: &Counter,
    wanted: &Wanted,
    session: &Session,
    json: bool,
    printer: Printer,
) -> Result<Entry, Trouble> {
    let entered = counter.enter(wanted, session.run()).await;
    match entered.map_err(gate::not_entered)? {
        Entered::Allowed(entry, ruling) => {
            gate::log_overrides(&ruling, wanted.drop, &wanted.number);
            Ok(entry)
        }
        Entered::Stopped(ruling) => Err(gate::stopped(wanted.drop, &ruling, json, printer)),
    }
}

/// Writes what became of the drop into the store, where it is known.
async fn settle(
    entry: Entry,
    run: &RunName,
    drop: DropId,
    masked: String,
    report: Option<&Report>,
    evidence: Option<String>,
    printer: Printer,
) {
    let settled = match report {
        Some(report) => {
            let ended = Ended::new(run, drop, masked, report);
            entry.end(report, &ended, evidence).await
        }
        None => entry.leave().await,
    };
    if let Err(error) = settled {
        printer.warning(&format!(
            "the end of this drop is not in the store, where it will be `lost`: {}",
            chain(&error)
        ));
    }
}

/// How the watching of a drop ended.
enum Watched {
    /// The drop has ended.
    Ended(Box<Report>),
    /// The run has ended before it.
    Abandoned,
    /// The operator does not want to wait for its end.
    Quit,
}

/// Follows the drop to its end. The first wish to stop cancels it; the second is granted at once.
async fn watch(
    session: &Session,
    mut news: mpsc::UnboundedReceiver<News>,
    stop: &mut Stop,
    quiet: bool,
    printer: Printer,
) -> Watched {
    let mut wishes = 0;
    let mut last = None;
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        tokio::select! {
            heard = news.recv() => match heard {
                Some(News::Moment(moment, note)) if !quiet => {
                    printer.line(&moment_line(moment, note.as_deref()));
                    last = Some((moment, clock::now()));
                }
                Some(News::Moment(..)) => {}
                Some(News::Ended(report)) => return Watched::Ended(report),
                None => return Watched::Abandoned,
            },
            _ = ticks.tick(), if printer.is_live() => {
                if let Some((moment, heard)) = last {
                    let since_start = moment.at + clock::now().duration_since(heard);
                    printer.status(&status_line(since_start, moment.event));
                }
            }
            () = stop.wish() => {
                wishes += 1;
                if wishes > 1 {
                    return Watched::Quit;
                }
                printer.talk("cancelling; once more to quit at once");
                session.cancel_all().await;
            }
        }
    }
}

fn last_line(report: &Report, printer: Printer) -> String {
    let paint = match report.outcome {
        Outcome::Delivered => Paint::Good,
        Outcome::Lost | Outcome::Error | Outcome::Failed | Outcome::Congestion => Paint::Bad,
        Outcome::Human
        | Outcome::HungUp
        | Outcome::NotVoicemail
        | Outcome::Unsure
        | Outcome::CutOff
        | Outcome::NoAnswer
        | Outcome::Busy
        | Outcome::Rejected
        | Outcome::InvalidNumber
        | Outcome::Cancelled => Paint::Warn,
    };
    let slug = printer.paint(paint, report.outcome.slug());
    format!("{slug}: {}", outcome_words(report))
}

fn interrupted() -> Trouble {
    Trouble::new(anyhow!("interrupted before a call was made"))
}

/// What to do where a run could not begin.
fn advise(error: SessionError, config: &Config) -> Trouble {
    let hint = match &error {
        SessionError::Instance(_) => "set `instance` to `[a-z0-9]{1,32}`".to_owned(),
        SessionError::Runs(_) => {
            format!(
                "make {} writable, or set `state_dir`",
                config.state_dir.display()
            )
        }
        SessionError::Tap { .. } => {
            "set `screen.listen` to an address of this machine, or `screen.mode` to `dialplan`"
                .to_owned()
        }
        SessionError::Settings(_) | SessionError::Library(_) => {
            "look at the `[pbx]` section of the configuration".to_owned()
        }
        SessionError::Pbx { .. } | SessionError::Link { .. } => {
            let doctor = "`aftertone doctor` tells what is missing";
            error.hint().unwrap_or(doctor).to_owned()
        }
    };
    Trouble::new(error).hint(hint)
}

fn quit(printer: Printer) -> Exit {
    printer.talk("quit; the next run, or the PBX's own time limits, end what is left");
    Exit::Otherwise
}

fn technique() -> ValueParser {
    word(&[("double", Technique::Double), ("single", Technique::Single)])
}

fn mode() -> ValueParser {
    word(&[
        ("listen", ScreenMode::Listen),
        ("dialplan", ScreenMode::Dialplan),
    ])
}

fn when_unsure() -> ValueParser {
    word(&[("hang_up", WhenUnsure::HangUp), ("play", WhenUnsure::Play)])
}

fn when_busy_leg_answered() -> ValueParser {
    word(&[
        ("promote", WhenBusyLegAnswered::Promote),
        ("continue", WhenBusyLegAnswered::Continue),
        ("give_up", WhenBusyLegAnswered::GiveUp),
    ])
}

/// Parses one of a few words, which `--help` lists.
fn word<T: Copy + Send + Sync>(words: &'static [(&'static str, T)]) -> ValueParser {
    let possible = PossibleValuesParser::new(words.iter().map(|(word, _)| *word));
    let meaning = |given: String| {
        let found = words.iter().find(|(word, _)| *word == given);
        found
            .map(|&(_, meaning)| meaning)
            .ok_or("not one of the words")
    };
    possible.try_map(meaning).into()
}

fn lead(text: &str) -> Result<Duration, String> {
    let expected = "expected 0s to 60s, such as `2s` or `500ms`";
    let parsed = text.parse::<SignedDuration>().ok();
    let lead = parsed.and_then(|lead| Duration::try_from(lead).ok());
    lead.filter(|lead| *lead <= LONGEST_LEAD)
        .ok_or_else(|| expected.to_owned())
}

fn caller_id(text: &str) -> Result<CallerId, CallerIdError> {
    CallerId::parse(text)
}

/// From one look at a live status line to the next.
const TICK: Duration = Duration::from_millis(100);

/// As `drop.lead` in the configuration.
const LONGEST_LEAD: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::drop::Mode;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        args: Args,
    }

    #[test]
    fn what_is_given_for_one_drop_overrides_the_configuration() {
        let mut plan = plan();
        let given = overrides(&[
            "--technique=single",
            "--lead=500ms",
            "--when-unsure=play",
            "--when-busy-leg-answered=give_up",
            "--caller-id=+12025550199",
        ]);
        let given = given.unwrap();
        given.apply(&mut plan);
        assert_eq!(plan.technique, Technique::Single);
        assert_eq!(plan.lead, Duration::from_millis(500));
        assert_eq!(plan.when_unsure, WhenUnsure::Play);
        assert_eq!(plan.when_busy_leg_answered, WhenBusyLegAnswered::GiveUp);
        assert_eq!(given.caller_id.unwrap().as_str(), "+12025550199");
    }

    #[test]
    fn what_is_not_given_is_as_configured() {
        let mut applied = plan();
        overrides(&[]).unwrap().apply(&mut applied);
        assert_eq!(applied, plan());
    }

    #[test]
    fn a_bad_override_is_a_usage_error() {
        for bad in [
            "--technique=triple",
            "--lead=-1s",
            "--lead=61s",
            "--lead=2",
            "--lead=",
            "--mode=ears",
            "--when-unsure=PLAY",
            "--when-busy-leg-answered=never",
            "--caller-id=\"A\" <+12025550199>",
        ] {
            assert!(overrides(&[bad]).is_err(), "{bad}");
        }
    }

    fn overrides(args: &[&str]) -> Result<Overrides, clap::Error> {
        let line = [&["drop", "+12025550101", "-m", "spring"], args].concat();
        Line::try_parse_from(line).map(|line| line.args.overrides)
    }

    fn plan() -> Plan {
        Plan {
            technique: Technique::Double,
            lead: Duration::from_secs(2),
            answer_timeout: Duration::from_secs(45),
            screening_timeout: Duration::from_secs(90),
            ready_timeout: Duration::from_secs(60),
            release_on_progress: Some(Duration::ZERO),
            when_unsure: WhenUnsure::HangUp,
            when_busy_leg_answered: WhenBusyLegAnswered::Promote,
            mode: Mode::Dialplan,
            max_restarts: 2,
            message: None,
        }
    }
}
