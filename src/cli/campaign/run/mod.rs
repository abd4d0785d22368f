//! `aftertone campaign run`: runs campaigns and shows their progress.

mod progress_reporter;
mod startup_wait;

use std::{path::Path, sync::Arc, time::Duration};

use anyhow::anyhow;
use clap::Args;
use jiff::SignedDuration;
use serde_json::{Map, Value};
use tokio::{
    sync::watch,
    task::JoinHandle,
    time::{MissedTickBehavior, interval},
};
use tokio_util::sync::CancellationToken;

use self::{progress_reporter::ProgressReporter, startup_wait::StartupWait};
use super::{
    create::{self, find, ordered},
    hear,
    import::{self, ImportOptions},
    needs::{refuse_lacking, warn_of_empty},
    options::{self, Options},
};
use crate::{
    campaign::engine::Why,
    cli::{CliError, Exit, database, operator::by_user, printer::Printer, stop::Stop},
    config::Config,
    controller::{Controller, ControllerError, Ended, Orders, Selection, incoming::IncomingCalls},
    import::NeededColumns,
    orders::{Spec, View, unfinished_import},
    store::{Campaign, ErrorClass::Away, Status, Store},
    tasks,
};

/// Run campaigns until every contact has its final outcome
///
/// Runs the campaigns that are named; creates one from each list that is named, under the list's own name; without a name,
/// runs all campaigns that are started and not over. To name a campaign is to start it: a draft runs from then on, and so does
/// one that was complete or over by its dates. Start it again to resume where it left off. It keeps running, and says so, while
/// contacts wait for their calling hours or their next attempt. The first Ctrl-C lets drops in flight finish, the second
/// hangs them up, the third quits at once; a terminal that closes lets them finish.
///
/// If the database or the PBX is unavailable at startup, waits for it, up to --wait.
///
/// The exit status is 0 if all its campaigns are over, 1 if it ended otherwise, and 2 if nothing was started.
#[derive(Debug, Args)]
pub(super) struct RunArgs {
    /// Names of campaigns, or CSV files [default: every campaign that is started and not over]
    what: Vec<String>,
    /// Print JSON, one object per line: views, notes, and how it ended
    #[arg(long)]
    json: bool,
    /// How often to print the state of a campaign if stdout is not a terminal: 1s to 1h
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = every)]
    every: Duration,
    /// How long to wait for a database or a PBX that is unavailable at startup: 0s to 1h
    #[arg(long, value_name = "DURATION", default_value = "1m", value_parser = wait)]
    wait: Duration,
    /// End, with status 0, as soon as nothing is in flight and nothing can be started now
    #[arg(long)]
    until_idle: bool,
    #[command(flatten)]
    options: Options,
    #[command(flatten)]
    import: ImportOptions,
}

/// Runs campaigns.
///
/// # Errors
/// [`CliError`] if nothing was started.
pub(super) async fn run(
    args: &RunArgs,
    config: &Config,
    printer: Printer,
) -> Result<Exit, CliError> {
    let mut startup_wait = StartupWait::new(args.wait, printer);
    let store = loop {
        match database::try_open(config).await {
            Ok(store) => break store,
            Err(error) if error.class == Away && startup_wait.is_left() => {
                let mut stop = Stop::new().map_err(CliError::new)?;
                startup_wait.wait(&error, &mut stop).await?;
            }
            Err(error) => return Err(database::trouble(error)),
        }
    };
    startup_wait.over();
    let what = match args.what.as_slice() {
        [] => "all campaigns".to_owned(),
        names => names.join(" "),
    };
    let store = store.audited_once(by_user("campaign.run", what));
    let Some(which) = which(args, &store, config, printer).await? else {
        return Ok(Exit::Failure);
    };
    advise_of(&which, &store, config, printer).await?;
    let mut stop = Stop::new().map_err(CliError::new)?;
    loop {
        let mut startup_wait = StartupWait::new(args.wait, printer);
        let controller = loop {
            let opened = tokio::select! {
                opened = Controller::open(config, store.clone(), which.clone()) => opened,
                () = stop.requested() => return Err(interrupted()),
            };
            match opened {
                Ok(controller) => break controller,
                Err(error) if error.is_away() && startup_wait.is_left() => {
                    startup_wait.wait(&error, &mut stop).await?;
                }
                Err(error) => return Err(advise(error)),
            }
        };
        startup_wait.over();
        let taking = TakingCalls::begin(config, &store);
        let exit = watch(args, controller, &mut stop, printer).await;
        taking.end(exit == Some(Exit::Failure)).await;
        if let Some(exit) = exit {
            return Ok(exit);
        }
    }
}

/// The calls of others that are taken while campaigns run.
struct TakingCalls {
    task: JoinHandle<()>,
    stopping: CancellationToken,
    hang_up: CancellationToken,
    /// It is as it was at the start.
    _config: watch::Sender<Arc<Config>>,
    /// Nobody orders any; the task ends with the last who could.
    _calls: IncomingCalls,
}

impl TakingCalls {
    fn begin(config: &Config, store: &Store) -> Self {
        let (config, seen) = watch::channel(Arc::new(config.clone()));
        let (stopping, hang_up) = (CancellationToken::new(), CancellationToken::new());
        let ends = (stopping.clone(), hang_up.clone());
        let (calls, task) = IncomingCalls::begin(store.clone(), seen, ends.0, ends.1);
        Self {
            task,
            stopping,
            hang_up,
            _config: config,
            _calls: calls,
        }
    }

    /// Takes no more; those that were taken over go on to their end, unless they are to be hung up.
    async fn end(self, is_stopped: bool) {
        self.stopping.cancel();
        if is_stopped {
            self.hang_up.cancel();
        }
        tasks::join(self.task).await;
    }
}

/// The campaigns to run, created from lists if necessary; `None` if an import was interrupted.
async fn which(
    args: &RunArgs,
    store: &Store,
    config: &Config,
    printer: Printer,
) -> Result<Option<Selection>, CliError> {
    let given = args.options.keys()?;
    let mut names = Vec::with_capacity(args.what.len());
    let mut lists = 0;
    for what in &args.what {
        let path = Path::new(what);
        let is_name = options::name(what).is_ok();
        let campaign = if is_name {
            store.campaign(what).await.map_err(database::trouble)?
        } else {
            None
        };
        if let Some(campaign) = campaign {
            let unfinished = unfinished_import(&campaign, store).await;
            if let Some(list) = unfinished.map_err(database::trouble)? {
                printer.warning(&import::unfinished_words(what, &list));
            }
            names.push(what.clone());
        } else if path.is_file() || !is_name {
            lists += 1;
            if !path.is_file() {
                let error = anyhow!("there is no list `{}`", path.display());
                return Err(CliError::new(error).hint("name a CSV file, or a campaign"));
            }
            let columns = import::look(path, &args.import)?;
            if let Ok(spec) = Spec::from_keys(&given) {
                refuse_lacking(&NeededColumns::of(&spec), path, &columns)?;
            }
            let campaign = of_list(path, &given, store, config).await?;
            let spec = ordered(&campaign)?;
            let duplicates = spec.duplicates;
            let how = &args.import;
            warn_of_empty(&spec, path, &how.list, config, printer)?;
            if !args.json {
                printer.line(&format!("{}: {}", campaign.name, columns.line()));
            }
            let imported =
                import::import(path, &campaign, duplicates, how, store, config, printer).await?;
            if !args.json {
                for line in import::lines(&campaign.name, path, &imported) {
                    printer.line(&line);
                }
            }
            if !imported.is_complete {
                printer.hint("the same command resumes it");
                return Ok(None);
            }
            names.push(campaign.name);
        } else {
            find(what, store).await?;
        }
    }
    if !given.is_empty() && lists == 0 {
        let hint = "`aftertone campaign set NAME` changes the settings of a campaign";
        return Err(CliError::new(anyhow!(
            "settings are for new campaigns, and no list is named"
        ))
        .hint(hint));
    }
    if !names.is_empty() {
        return Ok(Some(Selection::Names(names)));
    }
    let all = store.campaigns(0).await.map_err(database::trouble)?;
    if let Some(draft) = all.iter().find(|campaign| campaign.status == Status::Draft)
        && !all.iter().any(|campaign| campaign.status.is_started())
    {
        let hint = format!("`aftertone campaign run {}` starts one", draft.name);
        return Err(CliError::new(anyhow!("no campaign is started")).hint(hint));
    }
    if !all.iter().any(|campaign| campaign.status.is_started()) {
        let hint = "`aftertone campaign create NAME --message M --kind KIND LIST.csv` makes one";
        return Err(CliError::new(anyhow!("there is no campaign to run")).hint(hint));
    }
    Ok(Some(Selection::All))
}

/// Says what an operator should know of the settings of the campaigns to run.
async fn advise_of(
    which: &Selection,
    store: &Store,
    config: &Config,
    printer: Printer,
) -> Result<(), CliError> {
    let campaigns = store.campaigns(0).await.map_err(database::trouble)?;
    let is_meant = |campaign: &&Campaign| match which {
        Selection::Names(names) => names.contains(&campaign.name),
        Selection::All | Selection::Service => campaign.status.is_started(),
    };
    let campaigns = campaigns.iter().filter(is_meant);
    for campaign in campaigns.filter(|campaign| !campaign.status.is_over()) {
        // Settings that cannot be read are the controller's to report.
        if let Ok(spec) = ordered(campaign) {
            options::advise(Some(&campaign.name), &spec, config, printer);
            hear::warn_of_unmade(campaign, &spec, store, config, printer).await?;
        }
    }
    Ok(())
}

/// The campaign named after a list, created if there is none.
async fn of_list(
    list: &Path,
    given: &Map<String, Value>,
    store: &Store,
    config: &Config,
) -> Result<Campaign, CliError> {
    let stem = list.file_stem().unwrap_or_default().to_string_lossy();
    let name = options::name(&stem).map_err(|expected| {
        let error = anyhow!(
            "no campaign can be named after `{}`: {expected}",
            list.display()
        );
        CliError::new(error)
            .hint("`aftertone campaign create NAME ... LIST.csv` gives it another name")
    })?;
    let Some(campaign) = store.campaign(&name).await.map_err(database::trouble)? else {
        return create::make(&name, given, store, config).await;
    };
    // The same command again changes nothing; other settings are not silently dropped.
    if !create::is_as_ordered(&campaign, given, config)? {
        let hint = format!("`aftertone campaign set {name}` changes them");
        let error = anyhow!("the campaign `{name}` already exists, with other settings");
        return Err(CliError::new(error).hint(hint));
    }
    Ok(campaign)
}

/// Follows a controller to its end; `None` if another run is to begin, because the clock was set back.
async fn watch(
    args: &RunArgs,
    mut controller: Controller,
    stop: &mut Stop,
    printer: Printer,
) -> Option<Exit> {
    let mut views = controller.watch();
    let mut notes = controller.notes();
    let orders = controller.orders();
    let mut progress_reporter = ProgressReporter::new(printer, args.json, args.every);
    let mut ticks = interval(progress_reporter.every());
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let running = controller.run();
    tokio::pin!(running);
    let mut requests = 0;
    let mut is_enough = false;
    let mut are_notes_over = false;
    let mut are_views_over = false;
    let ended = loop {
        tokio::select! {
            ended = &mut running => break ended,
            note = notes.recv(), if !are_notes_over => match note {
                Some(note) => progress_reporter.note(&note),
                None => are_notes_over = true,
            },
            changed = views.changed(), if !are_views_over => {
                are_views_over = changed.is_err();
                let view = views.borrow_and_update().clone();
                progress_reporter.look(&view);
                if args.until_idle && !is_enough && is_idle(&view) {
                    is_enough = true;
                    orders.finish();
                }
            }
            _ = ticks.tick() => progress_reporter.tick(&views.borrow().clone()),
            () = stop.requested() => {
                requests += 1;
                if follow(requests, &orders, &mut progress_reporter) {
                    return Some(Exit::Failure);
                }
            }
        }
    };
    while let Ok(note) = notes.try_recv() {
        progress_reporter.note(&note);
    }
    if let Err(ControllerError::ClockSetBack) = ended {
        progress_reporter.say("the run begins anew: the clock was set back");
        return None;
    }
    let view = views.borrow().clone();
    let how = match &ended {
        Ok(Ended::Over) => "over",
        Ok(Ended::Drained) if is_enough && requests == 0 => "idle",
        Ok(Ended::Drained) => "stopped",
        Err(_) => "failed",
    };
    progress_reporter.end(&view, how);
    Some(match ended {
        Ok(Ended::Over) => Exit::Success,
        Ok(Ended::Drained) if is_enough && requests == 0 => Exit::Success,
        Ok(Ended::Drained) => Exit::Failure,
        Err(error) => {
            advise(error).print(printer);
            Exit::Failure
        }
    })
}

/// Carries out a request to stop; whether to quit at once.
fn follow(requests: u32, orders: &Orders, progress_reporter: &mut ProgressReporter) -> bool {
    match requests {
        1 => {
            progress_reporter
                .say("stopping: drops in flight finish; press Ctrl-C again to hang them up");
            orders.finish();
            false
        }
        2 => {
            progress_reporter.say("hanging up; press Ctrl-C again to quit at once");
            orders.hang_up();
            false
        }
        _ => {
            progress_reporter.say(
                "quit; the next run, or the PBX's own time limits, end the calls that are left",
            );
            true
        }
    }
}

/// Whether nothing is in flight, and nothing can be started until time passes or the operator acts.
fn is_idle(view: &View) -> bool {
    let waits = |why: &Why| match why {
        Why::Waiting(_)
        | Why::Hours(_)
        | Why::Budget(_)
        | Why::Paused(_)
        | Why::Over(_)
        | Why::DatesOver => true,
        Why::Draining { .. }
        | Why::Cancelling { .. }
        | Why::StoreAway
        | Why::ClocksApart
        | Why::PbxAway
        | Why::TrunkOffline
        | Why::FilesAway(_)
        | Why::Full { .. }
        | Why::Pace { .. }
        | Why::Asking
        | Why::MakingMessages { .. }
        | Why::Finishing { .. } => false,
    };
    !view.campaigns.is_empty()
        && view.trouble.is_none()
        && view.campaigns.iter().all(|campaign| {
            let idle = campaign.run.as_ref().and_then(|run| run.idle.as_ref());
            campaign.in_flight == 0 && idle.is_some_and(waits)
        })
}

fn advise(error: ControllerError) -> CliError {
    let hint = error.hint();
    CliError::new(error).maybe_hint(hint)
}

fn interrupted() -> CliError {
    CliError::new(anyhow!("interrupted before a call was made"))
}

fn every(text: &str) -> Result<Duration, String> {
    within(text, 1).ok_or_else(|| "expected 1s to 1h, such as `30s`".to_owned())
}

pub(in crate::cli) fn wait(text: &str) -> Result<Duration, String> {
    within(text, 0).ok_or_else(|| "expected 0s to 1h, such as `30s`".to_owned())
}

/// A duration of so many seconds to an hour.
fn within(text: &str, least: u64) -> Option<Duration> {
    let parsed = text.parse::<SignedDuration>().ok()?;
    let given = Duration::try_from(parsed).ok()?;
    let allowed = Duration::from_secs(least)..=Duration::from_secs(3_600);
    allowed.contains(&given).then_some(given)
}
