//! `aftertone drop`: one drop, watched while it happens.

mod gate;
mod overrides;
mod watch;

use std::path::{Path, PathBuf};

use anyhow::anyhow;
use clap::Args as ClapArgs;
use serde_json::json;

use self::{gate::GateArgs, overrides::Overrides, watch::watch};
use super::{
    CliError, Exit, composer, database,
    operator::by_user,
    printer::{Paint, Printer},
    report::{NotDialled, outcome_words},
    stop::Stop,
    traced::traced,
};
use crate::{
    audio::{self, Reference},
    config::Config,
    controller::{
        EvidenceError,
        single_drop::{
            DropMessage, SingleDrop, SingleDropEnd, SingleDropEnding, SingleDropError, Unwritten,
        },
    },
    drop::{Outcome, Report, WhenScreened},
    error_chain::chain,
    id::DropId,
    phone::PhoneNumber,
    runtime::{self, SessionError},
    store::{AuditEntry, SpokenColumns},
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
    /// A prepared message's name, a `sound:` URI of the PBX, a recording's path (`./name` for one in this folder), or a
    /// template such as `intro + names/{first_name} + "on {date}"`
    #[arg(long, short, value_name = "MESSAGE")]
    message: String,
    /// What a template says of whoever is called, such as `first_name=Ann`; may be given more than once
    #[arg(long = "field", value_name = "NAME=VALUE", value_parser = field)]
    fields: Vec<(String, String)>,
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
/// [`CliError`] if no drop was started.
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
    database::warn_of_exposure(&database::address(&config), printer);
    let mut stop = Stop::new().map_err(CliError::new)?;
    let order = order(args, &config, id, number)?;
    let shown = order.shown_number.clone();
    let mut handle = order.start(config.clone());
    let watching = async {
        watch(args, (id, &shown), &mut handle, &mut stop, printer).await;
        Ok(handle.end().await)
    };
    match traced(&config, watching).await? {
        Ok(ended) => Ok(exit(ended, printer)),
        Err(error) => Err(not_dialled(error, args, (id, &config), printer)),
    }
}

/// The drop that is ordered. Nothing is prepared yet.
///
/// # Errors
/// [`CliError`] if the order is not sound.
fn order(
    args: &Args,
    config: &Config,
    drop: DropId,
    number: PhoneNumber,
) -> Result<SingleDrop, CliError> {
    let composer = composer(config)?;
    let library = composer.library();
    let message = audio::resolve(&args.message, |name| library.holds(name), Path::is_file);
    let message = message.map_err(|error| {
        let hint = error.hint();
        CliError::new(error).hint(hint)
    })?;
    if let Reference::Template(template) = &message {
        composer.check(template).map_err(unusable)?;
    }
    let fields = args
        .fields
        .iter()
        .map(|(name, text)| (name.as_str(), text.as_str()));
    let message = DropMessage::of(message, &SpokenColumns::given(fields)).map_err(|error| {
        CliError::new(anyhow!("the message cannot be made: {error}"))
            .hint("give what it says of whoever is called with `--field NAME=VALUE`")
    })?;
    let mut plan = runtime::plan(config, None);
    args.overrides.apply(&mut plan);
    if plan.when_screened == WhenScreened::Say && config.drop.screening_prompt.is_none() {
        let problem = anyhow!("`--when-screened say` needs a prompt to say");
        return Err(CliError::new(problem)
            .hint("set `drop.screening_prompt` to the name of a prepared message"));
    }
    Ok(SingleDrop {
        drop,
        shown_number: number.shown(args.full_number),
        number,
        kind: args.gate.kind(),
        consent: args.gate.consent(),
        overrides: args.gate.overrides().map_err(CliError::new)?,
        plan,
        message,
        message_name: args.message.clone(),
        composer,
        caller_id: config.pbx.caller_id.clone(),
        evidence: args
            .evidence
            .clone()
            .or_else(|| config.evidence.dir.clone()),
        expires_at: None,
        traceparent: None,
        keeping: None,
        audit: Some(AuditEntry {
            after: Some(json!({"message": args.message}).to_string()),
            ..by_user("drop.order", drop.to_string())
        }),
        adopted: None,
    })
}

/// Reads `NAME=VALUE`.
fn field(text: &str) -> Result<(String, String), &'static str> {
    let expected = "expected NAME=VALUE, such as `first_name=Ann`";
    let (name, value) = text.split_once('=').ok_or(expected)?;
    let name = name.trim();
    if !name.chars().any(char::is_alphanumeric) {
        return Err(expected);
    }
    Ok((name.to_owned(), value.to_owned()))
}

/// The exit status of a drop that has ended.
fn exit(ended: SingleDropEnd, printer: Printer) -> Exit {
    match ended.unwritten {
        Some(Unwritten::Store(error)) => {
            printer.warning(&format!("{UNSETTLED}: {}", chain(&error)));
        }
        Some(Unwritten::TooLate) => printer.warning(UNSETTLED),
        None => {}
    }
    match ended.ending {
        SingleDropEnding::Orderly if ended.report.outcome == Outcome::Delivered => Exit::Success,
        SingleDropEnding::Orderly => Exit::Failure,
        SingleDropEnding::Quit => {
            printer.talk("quit; the next run, or the PBX's own time limits, end what is left");
            Exit::Failure
        }
        SingleDropEnding::Replaced => {
            let words =
                "another program registered the Stasis app of this drop, and took its events";
            printer.error(anyhow!(words).as_ref());
            printer.hint(APP_OF_ITS_OWN);
            Exit::Failure
        }
    }
}

/// What is said of a drop of which nothing was dialled.
fn not_dialled(
    error: SingleDropError,
    args: &Args,
    (drop, config): (DropId, &Config),
    printer: Printer,
) -> CliError {
    if let SingleDropError::NotDialled { unwritten, .. }
    | SingleDropError::Cancelled { unwritten } = &error
    {
        if args.json {
            printer.json(&NotDialled::for_other_reasons(drop));
        }
        if let Some(error) = unwritten {
            printer.warning(&format!("{UNSETTLED}: {}", chain(error)));
        }
    }
    match error {
        SingleDropError::Store(error) => gate::no_store(error),
        SingleDropError::Stopped(ruling) => gate::stopped(drop, &ruling, args.json, printer),
        SingleDropError::Clocks(_) => CliError::new(error).hint(CLOCKS_HINT),
        SingleDropError::Erased => CliError::new(error),
        SingleDropError::Contended => CliError::new(error).hint("run it again in a moment"),
        SingleDropError::TrunkFull => CliError::new(error).hint(
            "run it again later, or raise `trunk.in_flight` and `trunk.starts_per_second` to what the trunk carries",
        ),
        SingleDropError::Evidence(EvidenceError::Archive(error)) => {
            let dir = error.dir.display();
            let hint = format!(
                "make {dir} writable, or name another folder (`--evidence`, `evidence.dir`)"
            );
            CliError::new(error).hint(hint)
        }
        SingleDropError::Session(error) => advise(error, config),
        SingleDropError::TrunkOffline { .. } => CliError::new(error).hint(
            "look at it on the PBX's console with `pjsip show endpoint` and `pjsip show contacts`, and try again when it is online",
        ),
        SingleDropError::Message(error) => unusable(error),
        SingleDropError::LinkDown => {
            CliError::new(error).hint("`aftertone doctor` tells whether the PBX is back")
        }
        SingleDropError::Replaced => CliError::new(error).hint(APP_OF_ITS_OWN),
        SingleDropError::NotDialled { .. } => {
            CliError::new(error).hint("run it again: the gate is asked anew")
        }
        SingleDropError::Evidence(EvidenceError::Task(_))
        | SingleDropError::Interrupted
        | SingleDropError::KeyTaken
        | SingleDropError::Cancelled { .. }
        | SingleDropError::Expired => CliError::new(error),
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

/// What to do if a message cannot be used.
fn unusable(error: audio::Error) -> CliError {
    let hint = error.hint();
    CliError::new(error).maybe_hint(hint)
}

/// What to do if a run could not begin.
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
        SessionError::Prompt { .. } => {
            "prepare it with `aftertone message add`, or set `drop.when_screened` to \"hang_up\""
                .to_owned()
        }
        SessionError::Pbx { .. } | SessionError::Link { .. } | SessionError::Taken { .. } => {
            let doctor = "`aftertone doctor` tells what is missing";
            error.hint().unwrap_or(doctor).to_owned()
        }
    };
    CliError::new(error).hint(hint)
}

/// What to do about clocks that differ.
const CLOCKS_HINT: &str = "let this machine and the database server keep their clocks by NTP: `timedatectl` shows whether they do";

/// What to do if another program took the app.
const APP_OF_ITS_OWN: &str =
    "every call was hung up; give each program on this PBX a `pbx.app` of its own";

/// What is said if the end of a drop could not be written.
const UNSETTLED: &str = "the end of this drop is not in the store, where it will be `lost`";
