//! Rings: every item is a real call to the lab's carrier by each of the systems that are compared.

use std::{collections::BTreeSet, fs, time::Duration};

use aftertone::{
    config::{Config, ScreenMode},
    drop::{Milestone, Plan, Report, Technique},
    id::DropId,
    phone::{PhoneNumber, Rules},
    run::{Job, News, Session, plan},
    screen,
    words::{ReadyBy, Verdict},
};
use anyhow::{Context as _, Result, anyhow};
use futures::{StreamExt as _, stream};
use libtest_mimic::Failed;
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
    system::{System, Told},
    voices::pcm,
    watcher::{Load, Watcher},
};

/// How a run is done.
#[derive(Clone, Debug)]
pub(crate) struct Manner {
    pub(crate) systems: Vec<System>,
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

/// Has every item rung by every system, and tells what the machine had to bear meanwhile.
pub(crate) async fn ring(
    lab: &Lab,
    corpus: &Corpus,
    manner: &Manner,
    message: &Message,
) -> Result<(Vec<Rung>, Load)> {
    let areas = areas();
    stage(lab, corpus, &areas)?;
    lab.forget_calls().map_err(told)?;
    let peers = lab.folder().join("pbx/peers.log");
    if peers.exists() {
        fs::remove_file(&peers)?;
    }
    let watcher = Watcher::start(&lab.folder().join("calls.log"));
    let desk = Desk::open(lab, message, watcher.gone()).await?;
    let jobs = jobs(corpus.items.len(), manner);
    let calls = stream::iter(jobs).map(|(item, system)| {
        let number = Number::new(areas[item], system.subscriber());
        let desk = &desk;
        async move {
            let told = desk.call(system, &number).await;
            told.map(|told| Rung {
                item,
                system,
                number,
                told,
            })
        }
    });
    let rung: Vec<Result<Rung>> = calls.buffer_unordered(manner.at_once).collect().await;
    let mut rung = rung.into_iter().collect::<Result<Vec<_>>>()?;
    desk.close().await?;
    let load = watcher.stop().await;
    let verdicts = fs::read_to_string(&peers).unwrap_or_default();
    for call in &mut rung {
        if let Some(line) = verdicts
            .lines()
            .find_map(|line| line.strip_prefix(&format!("{} ", call.number)))
        {
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
    listen: Line,
    dialplan: Line,
    media: String,
    length: Duration,
    echo: screen::Message,
    client: reqwest::Client,
    pace: Mutex<Interval>,
    gone: watch::Receiver<BTreeSet<String>>,
}

/// Aftertone in one of its modes.
struct Line {
    config: Config,
    session: Session,
}

impl Line {
    async fn open(lab: &Lab, mode: ScreenMode) -> Result<Self> {
        let mut config = Config::load(Some(lab.config()))?;
        config.screen.mode = mode;
        let session = Session::open(&config).await?;
        Ok(Self { config, session })
    }
}

impl<'a> Desk<'a> {
    async fn open(
        lab: &'a Lab,
        message: &Message,
        gone: watch::Receiver<BTreeSet<String>>,
    ) -> Result<Self> {
        let listen = Line::open(lab, ScreenMode::Listen).await?;
        let samples: Vec<i16> = message.samples.iter().copied().map(pcm).collect();
        Ok(Self {
            lab,
            media: format!(
                "{}/{}",
                listen.config.pbx.pbx_sounds_dir.display(),
                message.name
            ),
            length: Duration::from_secs_f64(message.samples.len() as f64 / RATE as f64),
            echo: screen::Message::new(&samples),
            client: reqwest::Client::new(),
            pace: Mutex::new(interval(PACE)),
            dialplan: Line::open(lab, ScreenMode::Dialplan).await?,
            listen,
            gone,
        })
    }

    async fn close(self) -> Result<()> {
        for line in [self.listen, self.dialplan] {
            line.session
                .close()
                .await
                .map_err(|why| anyhow!("{why:?}"))?;
        }
        Ok(())
    }

    /// One call, until the carrier has seen its end.
    async fn call(&self, system: System, number: &Number) -> Result<Told> {
        self.pace.lock().await.tick().await;
        match system {
            System::Listen => self.drop(&self.listen, Technique::Single, number).await,
            System::Twice => self.drop(&self.listen, Technique::Double, number).await,
            System::Dialplan => self.drop(&self.dialplan, Technique::Single, number).await,
            System::Amd => self.originate("amd", number).await,
            System::Vicidial => self.originate("vicidial", number).await,
            System::Echo => self.originate("echo", number).await,
        }
    }

    async fn drop(&self, line: &Line, technique: Technique, number: &Number) -> Result<Told> {
        let job = Job {
            id: DropId::generate(),
            number: PhoneNumber::parse(&number.e164(), Rules::default())?,
            plan: Plan {
                technique,
                ..plan(&line.config, Some(self.length))
            },
            media: format!("sound:{}", self.media),
            echo: Some(self.echo.clone()),
        };
        let mut news = line.session.start(job).await;
        let ended = async {
            while let Some(heard) = news.recv().await {
                if let News::Ended(report) = heard {
                    return Some(report);
                }
            }
            None
        };
        let report = timeout(PATIENCE, ended)
            .await
            .with_context(|| format!("the drop to {number} does not end"))?;
        let report =
            report.with_context(|| format!("the run ended before the drop to {number}"))?;
        if answered(&report).is_some() {
            self.seen_out(number).await?;
        }
        Ok(told_by(&report))
    }

    async fn originate(&self, peer: &str, number: &Number) -> Result<Told> {
        let (user, password) = self.lab.login();
        let url = format!(
            "{}/ari/channels?endpoint=PJSIP/%2B{number}@carrier&context=peers&extension={peer}&priority=1&timeout=30",
            self.lab.pbx_url()
        );
        let variables = json!({"variables": {"MESSAGE": self.media, "PEER": number.to_string()}});
        let request = self
            .client
            .post(url)
            .basic_auth(user, Some(password))
            .timeout(PATIENCE);
        let request = request
            .header("Content-Type", "application/json")
            .body(variables.to_string());
        request.send().await?.error_for_status()?;
        self.seen_out(number).await?;
        Ok(Told::default())
    }

    /// Waits until the carrier has seen an answered call to the number end.
    async fn seen_out(&self, number: &Number) -> Result<()> {
        let mut gone = self.gone.clone();
        let number = number.to_string();
        let seen = gone.wait_for(|gone| gone.contains(&number));
        timeout(PATIENCE, seen)
            .await
            .with_context(|| format!("the call to {number} does not end"))??;
        Ok(())
    }
}

fn told_by(report: &Report) -> Told {
    let since_answer = |event| {
        let at = report
            .timeline
            .iter()
            .rfind(|moment| moment.event == event)?
            .at;
        Some(at.saturating_sub(answered(report)?).as_secs_f64())
    };
    Told {
        outcome: Some(report.outcome.slug().to_owned()),
        verdict: report
            .verdict
            .map(|verdict: Verdict| verdict.as_str().to_owned()),
        why: report.reasons.clone().or_else(|| report.amd_cause.clone()),
        ready_by: report.ready_by.map(|by: ReadyBy| by.as_str().to_owned()),
        restarts: report.restarts,
        verdict_s: since_answer(Milestone::Verdict),
        ready_s: since_answer(Milestone::PlayStarted),
        deaf: report
            .timeline
            .iter()
            .any(|moment| moment.event == Milestone::TapLost),
    }
}

/// When the live leg was answered.
fn answered(report: &Report) -> Option<Duration> {
    let leg = if report.promoted {
        Milestone::BusyAnswered
    } else {
        Milestone::DropAnswered
    };
    report
        .timeline
        .iter()
        .find(|moment| moment.event == leg)
        .map(|moment| moment.at)
}

/// The lab's own errors.
pub(crate) fn told(failed: Failed) -> anyhow::Error {
    anyhow!("{}", failed.message().unwrap_or("the lab failed"))
}

/// From one call's start to the next's.
const PACE: Duration = Duration::from_millis(150);

/// The longest that a call may take: the longest item, the longest wait and the message.
const PATIENCE: Duration = Duration::from_secs(240);
