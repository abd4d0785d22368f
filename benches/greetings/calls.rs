//! Rings: every item is a real call to the lab's carrier by each of the systems that are compared.

use std::{collections::BTreeSet, fs, time::Duration};

use aftertone::{
    config::{self, Config, ScreenMode},
    drop::{Milestone, Outcome, Report},
    id::DropId,
    phone::{PhoneNumber, Rules},
    run::{Job, News, Session, plan},
    screen,
    words::{ReadyBy, Verdict},
};
use anyhow::{Context as _, Result, anyhow, bail};
use futures::{StreamExt as _, stream};
use libtest_mimic::Failed;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::{
    sync::{Mutex, watch},
    time::{Interval, interval, timeout},
};

use crate::{
    corpus::{Corpus, Label},
    dice::Dice,
    network::{Lab, Message, Number, is_area_code},
    recording::RATE,
    voices::pcm,
    watcher::{Load, Watcher},
};

/// What rings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub(crate) enum System {
    /// Aftertone's own ears.
    Listen,
    /// Aftertone with AMD and WaitForSilence in the dialplan.
    Dialplan,
    /// Asterisk's AMD as it comes, WaitForSilence, Playback.
    Amd,
    /// The same with VICIdial's values.
    Vicidial,
    /// Plays back what it hears: what the way and the machine do to a call.
    #[value(skip)]
    Echo,
}

impl System {
    /// Those that are compared.
    pub(crate) const ALL: [Self; 4] = [Self::Listen, Self::Dialplan, Self::Amd, Self::Vicidial];

    /// Its name in the table.
    pub(crate) const fn title(self) -> &'static str {
        match self {
            Self::Listen => "aftertone `listen`",
            Self::Dialplan => "aftertone `dialplan`",
            Self::Amd => "AMD, its defaults",
            Self::Vicidial => "AMD, VICIdial's values",
            Self::Echo => "echo",
        }
    }

    /// The last four digits of the numbers that it rings.
    const fn subscriber(self, double: bool) -> &'static str {
        match (self, double) {
            (Self::Listen, false) => "0190",
            (Self::Dialplan, false) => "0191",
            (Self::Listen, true) => "0195",
            (Self::Dialplan, true) => "0196",
            (Self::Amd, _) => "0192",
            (Self::Vicidial, _) => "0193",
            (Self::Echo, _) => "0194",
        }
    }
}

/// How a run is done.
#[derive(Clone, Debug)]
pub(crate) struct Manner {
    pub(crate) systems: Vec<System>,
    /// Two calls by those that can.
    pub(crate) double: bool,
    /// Calls at once.
    pub(crate) at_once: usize,
}

/// A call that is over.
pub(crate) struct Rung {
    /// The item's place in the corpus.
    pub(crate) item: usize,
    pub(crate) system: System,
    pub(crate) number: Number,
    pub(crate) told: Told,
}

/// What a system said of a call.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct Told {
    pub(crate) outcome: Option<String>,
    pub(crate) verdict: Option<String>,
    /// Its reasons; AMD's cause.
    pub(crate) why: Option<String>,
    pub(crate) ready_by: Option<String>,
    pub(crate) restarts: u32,
    /// From the answer, as the PBX saw it, to the last verdict and the first start of the message (s).
    pub(crate) verdict_s: Option<f64>,
    pub(crate) ready_s: Option<f64>,
    /// Whether its ears failed, and the dialplan helped out.
    pub(crate) deaf: bool,
}

/// Has every item rung by every system, and tells what the machine had to bear meanwhile.
pub(crate) async fn ring(lab: &Lab, corpus: &Corpus, manner: &Manner, message: &Message) -> Result<(Vec<Rung>, Load)> {
    let areas = areas();
    stage(lab, corpus, &areas)?;
    lab.forget_calls().map_err(told)?;
    let peers = lab.folder().join("pbx/peers.log");
    if peers.exists() {
        fs::remove_file(&peers)?;
    }
    let watcher = Watcher::start(&lab.folder().join("calls.log"));
    let desk = Desk::open(lab, manner, message, watcher.gone()).await?;
    let jobs = jobs(corpus.items.len(), manner);
    let calls = stream::iter(jobs).map(|(item, system)| {
        let number = Number::new(areas[item], system.subscriber(manner.double));
        let desk = &desk;
        async move {
            let told = desk.call(system, &number).await;
            told.map(|told| Rung { item, system, number, told })
        }
    });
    let rung: Vec<Result<Rung>> = calls.buffer_unordered(manner.at_once).collect().await;
    let mut rung = rung.into_iter().collect::<Result<Vec<_>>>()?;
    desk.close().await?;
    let load = watcher.stop().await;
    let verdicts = fs::read_to_string(&peers).unwrap_or_default();
    for call in &mut rung {
        if let Some(line) = verdicts.lines().find_map(|line| line.strip_prefix(&format!("{} ", call.number))) {
            let (verdict, cause) = line.split_once(' ').unwrap_or((line, ""));
            call.told.verdict = Some(verdict.to_lowercase());
            call.told.why = Some(cause.to_owned());
        }
    }
    Ok((rung, load))
}

/// How many items fit into one run.
pub(crate) fn numbers() -> usize {
    areas().len()
}

/// The systems take turns in going first; every twentieth item is echoed, too.
fn jobs(items: usize, manner: &Manner) -> Vec<(usize, System)> {
    let count = manner.systems.len();
    let mut jobs = Vec::new();
    for item in 0..items {
        jobs.extend((0..count).map(|nth| (item, manner.systems[(item + nth) % count])));
        if item % 20 == 10 {
            jobs.push((item, System::Echo));
        }
    }
    jobs
}

/// The area codes under which numbers can be called.
fn areas() -> Vec<u16> {
    let rules = Rules::default();
    (201..900)
        .filter(|&area| is_area_code(area))
        .filter(|&area| PhoneNumber::parse(&Number::new(area, "0190").e164(), rules).is_ok())
        .collect()
}

/// Gives the carrier what it is to play, and how long a second call alerts: a mailbox takes it after a second, a person
/// lifts it after 2 to 8.
fn stage(lab: &Lab, corpus: &Corpus, areas: &[u16]) -> Result<()> {
    let folder = lab.folder().join("items");
    fs::create_dir_all(&folder)?;
    for (nth, (item, area)) in corpus.items.iter().zip(areas).enumerate() {
        let path = corpus.path(item);
        fs::copy(&path, folder.join(format!("{area}.wav")))
            .with_context(|| format!("cannot copy {}", path.display()))?;
        let alerts = match item.label {
            Label::Human => Dice::of(0, "alerts", nth).between(2.0, 8.0),
            Label::Machine | Label::Other => 1.0,
        };
        fs::write(folder.join(format!("{area}.ring")), format!("{alerts:.2}"))?;
    }
    Ok(())
}

/// Whence all calls go out.
struct Desk<'a> {
    lab: &'a Lab,
    config: Config,
    listen: Option<Session>,
    dialplan: Option<Session>,
    media: String,
    length: Duration,
    echo: screen::Message,
    client: reqwest::Client,
    pace: Mutex<Interval>,
    gone: watch::Receiver<BTreeSet<String>>,
}

impl<'a> Desk<'a> {
    async fn open(lab: &'a Lab, manner: &Manner, message: &Message, gone: watch::Receiver<BTreeSet<String>>) -> Result<Self> {
        let mut config = Config::load(Some(lab.config()))?;
        config.drop.technique = if manner.double { config::Technique::Double } else { config::Technique::Single };
        let session = async |system, mode| -> Result<Option<Session>> {
            if !manner.systems.contains(&system) {
                return Ok(None);
            }
            let mut config = config.clone();
            config.screen.mode = mode;
            Ok(Some(Session::open(&config).await?))
        };
        let samples: Vec<i16> = message.samples.iter().copied().map(pcm).collect();
        Ok(Self {
            listen: session(System::Listen, ScreenMode::Listen).await?,
            dialplan: session(System::Dialplan, ScreenMode::Dialplan).await?,
            lab,
            media: format!("{}/{}", config.pbx.pbx_sounds_dir.display(), message.name),
            length: Duration::from_secs_f64(message.samples.len() as f64 / RATE as f64),
            echo: screen::Message::new(&samples),
            client: reqwest::Client::new(),
            pace: Mutex::new(interval(PACE)),
            config,
            gone,
        })
    }

    async fn close(self) -> Result<()> {
        for session in [self.listen, self.dialplan].into_iter().flatten() {
            session.close().await.map_err(|why| anyhow!("{why:?}"))?;
        }
        Ok(())
    }

    /// One call, until the carrier has seen its end.
    async fn call(&self, system: System, number: &Number) -> Result<Told> {
        self.pace.lock().await.tick().await;
        match system {
            System::Listen => self.drop(self.listen.as_ref(), ScreenMode::Listen, number).await,
            System::Dialplan => self.drop(self.dialplan.as_ref(), ScreenMode::Dialplan, number).await,
            System::Amd => self.originate("amd", number).await,
            System::Vicidial => self.originate("vicidial", number).await,
            System::Echo => self.originate("echo", number).await,
        }
    }

    async fn drop(&self, session: Option<&Session>, mode: ScreenMode, number: &Number) -> Result<Told> {
        let session = session.context("this system was not asked for")?;
        let mut config = self.config.clone();
        config.screen.mode = mode;
        let job = Job {
            id: DropId::generate(),
            number: PhoneNumber::parse(&number.e164(), Rules::default())?,
            plan: plan(&config, Some(self.length)),
            media: format!("sound:{}", self.media),
            echo: Some(self.echo.clone()),
        };
        let mut news = session.start(job).await;
        let ended = async {
            while let Some(heard) = news.recv().await {
                if let News::Ended(report) = heard {
                    return Some(report);
                }
            }
            None
        };
        let report = timeout(PATIENCE, ended).await.with_context(|| format!("the drop to {number} does not end"))?;
        let report = report.with_context(|| format!("the run ended before the drop to {number}"))?;
        if report.outcome == Outcome::Error || report.outcome == Outcome::Lost {
            bail!("the drop to {number} failed: {report:#?}");
        }
        if answered(&report).is_some() {
            self.seen_out(number).await?;
        }
        Ok(Told::of(&report))
    }

    async fn originate(&self, peer: &str, number: &Number) -> Result<Told> {
        let (user, password) = self.lab.login();
        let url = format!(
            "{}/ari/channels?endpoint=PJSIP/%2B{number}@carrier&context=peers&extension={peer}&priority=1&timeout=30",
            self.lab.pbx_url()
        );
        let variables = json!({"variables": {"MESSAGE": self.media, "PEER": number.to_string()}});
        let request = self.client.post(url).basic_auth(user, Some(password)).timeout(PATIENCE);
        let request = request.header("Content-Type", "application/json").body(variables.to_string());
        request.send().await?.error_for_status()?;
        self.seen_out(number).await?;
        Ok(Told::default())
    }

    /// Waits until the carrier has seen an answered call to the number end.
    async fn seen_out(&self, number: &Number) -> Result<()> {
        let mut gone = self.gone.clone();
        let number = number.to_string();
        let seen = gone.wait_for(|gone| gone.contains(&number));
        timeout(PATIENCE, seen).await.with_context(|| format!("the call to {number} does not end"))??;
        Ok(())
    }
}

impl Told {
    fn of(report: &Report) -> Self {
        let since_answer = |event| {
            let at = report.timeline.iter().rfind(|moment| moment.event == event)?.at;
            Some(at.saturating_sub(answered(report)?).as_secs_f64())
        };
        Self {
            outcome: Some(report.outcome.slug().to_owned()),
            verdict: report.verdict.map(|verdict: Verdict| verdict.as_str().to_owned()),
            why: report.reasons.clone().or_else(|| report.amd_cause.clone()),
            ready_by: report.ready_by.map(|by: ReadyBy| by.as_str().to_owned()),
            restarts: report.restarts,
            verdict_s: since_answer(Milestone::Verdict),
            ready_s: since_answer(Milestone::PlayStarted),
            deaf: report.timeline.iter().any(|moment| moment.event == Milestone::TapLost),
        }
    }
}

/// When the live leg was answered.
fn answered(report: &Report) -> Option<Duration> {
    let leg = if report.promoted { Milestone::BusyAnswered } else { Milestone::DropAnswered };
    report.timeline.iter().find(|moment| moment.event == leg).map(|moment| moment.at)
}

/// The lab's own errors.
pub(crate) fn told(failed: Failed) -> anyhow::Error {
    anyhow!("{}", failed.message().unwrap_or("the lab failed"))
}

/// From one call's start to the next's.
const PACE: Duration = Duration::from_millis(150);

/// The longest that a call may take: the longest item, the longest wait and the message.
const PATIENCE: Duration = Duration::from_secs(240);
