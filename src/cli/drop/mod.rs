//! `aftertone drop`: one drop, watched while it happens.

mod evidence;
mod gate;
mod message;
mod overrides;
mod watch;

use std::{path::PathBuf, time::Duration};

use anyhow::anyhow;
use clap::Args as ClapArgs;
use tokio::time::timeout;

use self::{
    gate::GateArgs,
    message::{Message, meant},
    overrides::Overrides,
    watch::{Watched, watch},
};
use super::{
    CliError, Exit, library,
    printer::{Paint, Printer},
    report::{NotDialled, outcome_words, proof_words},
    stop::Stop,
};
use crate::{
    clock,
    config::Config,
    controller::admission::{Counter, Entered, Entry, Wanted, untold},
    drop::{DropRecord, Outcome, Plan, Report},
    error_chain::chain,
    evidence::Folder,
    id::{DropId, RunName},
    phone::PhoneNumber,
    runtime::{self, DriverError, Job, PbxLink, Session, SessionError},
    store::StoreError,
};

/// Leave a message at one number
///
/// Calls the number as the settings under [drop] say, leaves the message if a mailbox answers, and shows what happens
/// as it happens. The gate is asked first: whether the number is on a do-not-call list, whether consent is on record, how
/// often it was called, and the time of day there. It may allow the call, refuse it, which means never, or hold it until a
/// time that it names. The exit status is 0 if the message was delivered, 1 for every other end, and 2 if no drop was
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
    /// Keep evidence in a new folder within this one: what was heard and played, and the drop's record
    #[arg(long, value_name = "DIR")]
    evidence: Option<PathBuf>,
    #[command(flatten)]
    gate: GateArgs,
    #[command(flatten)]
    overrides: Overrides,
}

/// Carries out one drop.
///
/// # Errors
/// [`CliError`] where no drop was started.
pub(super) async fn run(
    args: &Args,
    mut config: Config,
    printer: Printer,
) -> Result<Exit, CliError> {
    let id = DropId::generate();
    let number = match PhoneNumber::parse(&args.number, config.pbx.rules) {
        Ok(number) => number,
        Err(error) => {
            let slug = error.slug();
            if args.json {
                printer.json(&NotDialled::refused(id, slug));
            }
            return Err(CliError::new(anyhow!("refused ({slug}): {error}")));
        }
    };
    config.screen.mode = args.overrides.mode.unwrap_or(config.screen.mode);
    if let Some(caller_id) = &args.overrides.caller_id {
        config.pbx.caller_id = caller_id.clone();
    }
    let mut stop = Stop::new().map_err(CliError::new)?;
    let (library, targets) = library(&config)?;
    let reference = meant(&args.message, &library)?;
    let wanted = wanted(args, &config, id, number)?;
    crate::controller::gate::warn_of_what_is_off(&config.gate);
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
        () = stop.requested() => return Err(interrupted()),
    };
    let trunk = session.trunk();
    let is_offline = tokio::select! {
        is_offline = trunk.is_offline() => is_offline,
        () = stop.requested() => false,
    };
    if is_offline {
        let _ = session.close().await;
        return Err(offline(&trunk.name()));
    }
    let message = tokio::select! {
        message = Message::ready(reference, library, targets, session.run().clone(), id) => message,
        () = stop.requested() => Err(interrupted()),
    };
    let ready = match (message, archive) {
        (Ok(message), Some(archive)) => {
            let folder = evidence::begin(archive, id).await;
            folder.map(|folder| (message, Some(folder)))
        }
        (message, _) => message.map(|message| (message, None)),
    };
    let ready = match ready {
        // The gate is asked last: what it allows does not hold while the PBX is waited for.
        Ok((message, folder)) => match linked(&session, &mut stop, printer).await {
            Ok(()) => {
                let entry = enter(&counter, &wanted, &session, args.json, printer).await;
                entry.map(|entry| (message, folder, entry))
            }
            Err(trouble) => Err(trouble),
        },
        Err(trouble) => Err(trouble),
    };
    let dial_by = clock::now() + Plan::DIAL_WITHIN;
    // It may have gone down meanwhile. What was allowed holds for as long as this waits, and without it nothing is dialled.
    session.link_within(Plan::DIAL_WITHIN).await;
    let (message, mut folder, entry) = match ready {
        Ok(ready) => ready,
        Err(trouble) => {
            // It is told by what went wrong first.
            let _ = session.close().await;
            return Err(trouble);
        }
    };
    let mut plan = runtime::plan(&config, message.length);
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
        sound: message.samples.clone(),
        echo: message.echo(),
        tape: folder.as_mut().and_then(Folder::tape),
        caller_id: None,
        campaign: None,
        dial_by,
    };
    if !args.json {
        let name = args.message.as_str();
        printer.line(&format!("drop {id}: {name} to {shown}"));
    }
    let news = session.start(job).await;
    let run = session.run().clone();
    let report = match watch(&session, news, &mut stop, args.json, printer).await {
        Watched::Ended(report) if report.is_not_dialled() => {
            let taken_back = entry.take_back().await;
            let _ = session.close().await;
            if args.json {
                printer.json(&NotDialled::for_other_reasons(id));
            }
            return Err(not_dialled(&report, taken_back.err(), printer));
        }
        Watched::Ended(report) => *report,
        Watched::Abandoned(heard) => untold(heard, false),
        Watched::Quit(heard) => {
            let report = untold(heard, true);
            if args.json {
                printer.json(&DropRecord::new(&run, id, shown, &report));
            }
            let settling = settle(entry, &run, id, masked, &report, None, printer);
            if timeout(SETTLE_WITHIN, settling).await.is_err() {
                printer.warning(UNSETTLED);
            }
            return Ok(quit(printer));
        }
    };
    let closed = tokio::select! {
        closed = session.close() => closed,
        () = stop.requested() => {
            settle(entry, &run, id, masked, &report, None, printer).await;
            return Ok(quit(printer));
        }
    };
    let ended = DropRecord::new(&run, id, shown, &report);
    let kept = folder
        .map(|folder| evidence::keep(folder, id, &ended, &report, message.samples.as_deref()));
    if let Some(Err(words)) = &kept {
        printer.warning(words);
    }
    let path = kept.as_ref().and_then(|kept| kept.as_ref().ok());
    let evidence = path.map(|path| path.display().to_string());
    if args.json {
        printer.json(&match kept {
            Some(kept) => ended.with_evidence(kept),
            None => ended,
        });
    } else {
        printer.line(&last_line(&report, printer));
        printer.line(&proof_words(&report));
        if let Some(path) = &evidence {
            printer.line(&format!("evidence: {path}"));
        }
    }
    settle(entry, &run, id, masked, &report, evidence, printer).await;
    if closed == Err(DriverError::Replaced) {
        printer.error(
            anyhow!("another program registered the Stasis app of this drop, and took its events")
                .as_ref(),
        );
        printer.hint(APP_OF_ITS_OWN);
        return Ok(Exit::Failure);
    }
    Ok(if report.outcome == Outcome::Delivered {
        Exit::Success
    } else {
        Exit::Failure
    })
}

/// The call that is wanted, for the gate and the store.
fn wanted(
    args: &Args,
    config: &Config,
    drop: DropId,
    number: PhoneNumber,
) -> Result<Wanted, CliError> {
    let configured = runtime::plan(config, None).technique;
    Ok(Wanted {
        drop,
        number,
        kind: args.gate.kind(),
        consent: args.gate.consent(),
        overrides: args.gate.overrides().map_err(CliError::new)?,
        technique: args.overrides.technique.unwrap_or(configured),
        message: args.message.clone(),
        caller_id: config.pbx.caller_id.clone(),
    })
}

/// Waits until the PBX's events flow, where they do not: without them nothing is dialled.
///
/// # Errors
/// [`CliError`] where they do not come, or the operator does not want to wait.
async fn linked(session: &Session, stop: &mut Stop, printer: Printer) -> Result<(), CliError> {
    if session.link_within(Duration::ZERO).await == PbxLink::Away {
        let seconds = LINK_WITHIN.as_secs();
        printer.warning(&format!(
            "the event link to the PBX is down; waiting for it, {seconds} s at most"
        ));
    }
    let link = tokio::select! {
        link = session.link_within(LINK_WITHIN) => link,
        () = stop.requested() => return Err(interrupted()),
    };
    match link {
        PbxLink::Up => Ok(()),
        PbxLink::Away => {
            let words = anyhow!("nothing was dialled: the event link to the PBX is down");
            Err(CliError::new(words).hint("`aftertone doctor` tells whether the PBX is back"))
        }
        PbxLink::Taken => {
            let words = anyhow!(
                "nothing was dialled: another program registered the Stasis app of this drop"
            );
            Err(CliError::new(words).hint(APP_OF_ITS_OWN))
        }
    }
}

/// What is said of a drop that ended before anything was dialled.
fn not_dialled(report: &Report, unwritten: Option<StoreError>, printer: Printer) -> CliError {
    if let Some(error) = unwritten {
        printer.warning(&format!("{UNSETTLED}: {}", chain(&error)));
    }
    match &report.words {
        Some(words) => {
            let told = CliError::new(anyhow!("nothing was dialled: {words}"));
            told.hint("run it again: the gate is asked anew")
        }
        None => interrupted(),
    }
}

/// Passes the gate at the moment of the call, and writes the drop's intent.
///
/// # Errors
/// [`CliError`] where it may not be dialled, or not be written.
async fn enter(
    counter: &Counter,
    wanted: &Wanted,
    session: &Session,
    json: bool,
    printer: Printer,
) -> Result<Entry, CliError> {
    let entered = counter.enter(wanted, session).await;
    match entered.map_err(gate::not_entered)? {
        Entered::Allowed(entry, ruling) => {
            gate::log_overrides(&ruling, wanted.drop, &wanted.number);
            Ok(entry)
        }
        Entered::Stopped(ruling) => Err(gate::stopped(wanted.drop, &ruling, json, printer)),
    }
}

/// Writes what became of the drop into the store.
async fn settle(
    entry: Entry,
    run: &RunName,
    drop: DropId,
    masked: String,
    report: &Report,
    evidence: Option<String>,
    printer: Printer,
) {
    let ended = DropRecord::new(run, drop, masked, report);
    if let Err(error) = entry.end(report, &ended, evidence).await {
        printer.warning(&format!("{UNSETTLED}: {}", chain(&error)));
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

fn interrupted() -> CliError {
    CliError::new(anyhow!("interrupted before a call was made"))
}

/// What to do where a run could not begin.
fn advise(error: SessionError, config: &Config) -> CliError {
    let hint = match &error {
        SessionError::Instance(_) => "set `instance` to `[a-z0-9]{1,32}`".to_owned(),
        SessionError::Runs(_) => {
            format!(
                "make {} writable, or set `state_dir`",
                config.state_dir.display()
            )
        }
        SessionError::Media { .. } => {
            "set `screen.listen` to an address of this machine, or `screen.mode` to `dialplan`"
                .to_owned()
        }
        SessionError::Settings(_) | SessionError::Library(_) => {
            "look at the `[pbx]` section of the configuration".to_owned()
        }
        SessionError::Pbx { .. } | SessionError::Link { .. } | SessionError::Taken { .. } => {
            let doctor = "`aftertone doctor` tells what is missing";
            error.hint().unwrap_or(doctor).to_owned()
        }
    };
    CliError::new(error).hint(hint)
}

/// The far end of the trunk does not answer the PBX, which would refuse every call.
fn offline(trunk: &str) -> CliError {
    let error = anyhow!(
        "nothing was dialled: the trunk {trunk} is offline, its far end does not answer the PBX"
    );
    CliError::new(error).hint(
        "look at it on the PBX's console with `pjsip show endpoint` and `pjsip show contacts`, and try again when it is online",
    )
}

fn quit(printer: Printer) -> Exit {
    printer.talk("quit; the next run, or the PBX's own time limits, end what is left");
    Exit::Failure
}

/// What to do where another program took the app.
const APP_OF_ITS_OWN: &str =
    "every call was hung up; give each program on this PBX a `pbx.app` of its own";

/// How long the event link may stay away before a drop that has not been dialled is given up.
const LINK_WITHIN: Duration = Duration::from_secs(15);

/// What is said where the end of a drop could not be written.
const UNSETTLED: &str = "the end of this drop is not in the store, where it will be `lost`";

/// How long the end of a drop may take to be written where the operator has quit.
const SETTLE_WITHIN: Duration = Duration::from_secs(2);
