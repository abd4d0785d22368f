//! Makes single calls, by each of the systems.

use std::{collections::BTreeSet, fs, path::PathBuf, sync::Arc, time::Duration};

use aftertone::{
    clock,
    config::{Config, ScreenMode},
    drop::{Milestone, Plan, Report, Technique},
    evidence::{Archive, Folder, RetentionLimits},
    id::DropId,
    phone::{PhoneNumber, Rules},
    runtime::{
        CallSpec, DropUpdate, Session, plan,
        prompts::{HeardPrompt, Prompts},
    },
    screen::{self, book::Book},
    words::{ReadyBy, Verdict},
};
use anyhow::{Context as _, Result, anyhow};
use serde_json::json;
use tokio::{
    sync::{Mutex, mpsc, watch},
    task::spawn_blocking,
    time::{Interval, interval, timeout},
};

use crate::{
    learning::PromptsLearnt,
    network::{Lab, Message, Number},
    recording::RATE,
    shaping::pcm,
    system::{System, Told},
};

/// Makes calls by each of the systems.
pub(crate) struct Caller<'a> {
    lab: &'a Lab,
    listen: Line,
    dialplan: Line,
    media: String,
    message: Arc<Vec<i16>>,
    length: Duration,
    archive: Archive,
    client: reqwest::Client,
    pace: Mutex<Interval>,
    gone: watch::Receiver<BTreeSet<String>>,
    book: watch::Sender<Arc<Book>>,
    prompts_heard: mpsc::UnboundedReceiver<HeardPrompt>,
}

/// What a system said of a call, and the folder of its evidence.
type Said = (Told, Option<PathBuf>);

/// Aftertone in one of its modes.
struct Line {
    config: Config,
    session: Session,
}

impl Line {
    async fn open(lab: &Lab, mode: ScreenMode, prompts: Option<Prompts>) -> Result<Self> {
        let mut config = Config::load(Some(lab.config()))?;
        config.screen.mode = mode;
        let session = Session::open(&config, prompts).await?;
        Ok(Self { config, session })
    }
}

impl<'a> Caller<'a> {
    pub(crate) async fn open(
        lab: &'a Lab,
        message: &Message,
        gone: watch::Receiver<BTreeSet<String>>,
    ) -> Result<Self> {
        let (book, for_calls) = watch::channel(PromptsLearnt::default().book());
        let (heard, prompts_heard) = mpsc::unbounded_channel();
        let prompts = Prompts {
            book: for_calls,
            heard,
        };
        let listen = Line::open(lab, ScreenMode::Listen, Some(prompts)).await?;
        let evidence = lab.folder().join("evidence");
        if evidence.exists() {
            fs::remove_dir_all(&evidence)?;
        }
        let limits = RetentionLimits {
            max_age: None,
            max_size: u64::MAX,
        };
        let samples: Vec<i16> = message.samples.iter().copied().map(pcm).collect();
        Ok(Self {
            lab,
            media: format!(
                "{}/{}",
                listen.config.pbx.pbx_sounds_dir.display(),
                message.name
            ),
            length: Duration::from_secs_f64(message.samples.len() as f64 / RATE as f64),
            message: Arc::new(samples),
            archive: Archive::open(&evidence, limits, clock::wall())?,
            client: reqwest::Client::new(),
            pace: Mutex::new(interval(PACE)),
            dialplan: Line::open(lab, ScreenMode::Dialplan, None).await?,
            listen,
            gone,
            book,
            prompts_heard,
        })
    }

    /// What calls have taught since it was asked.
    pub(crate) fn taught(&mut self) -> PromptsLearnt {
        let mut learnt = PromptsLearnt::default();
        while let Ok(heard) = self.prompts_heard.try_recv() {
            if let Some(taught) = heard.taught {
                learnt.add(&taught.samples, taught.ends, taught.beep);
            }
        }
        learnt
    }

    /// Calls that begin now know these prompts.
    pub(crate) fn know(&self, prompts: &PromptsLearnt) {
        self.book.send_replace(prompts.book());
    }

    pub(crate) async fn close(self) -> Result<()> {
        for line in [self.listen, self.dialplan] {
            line.session
                .close()
                .await
                .map_err(|why| anyhow!("{why:?}"))?;
        }
        Ok(())
    }

    /// One call, until the carrier has seen its end.
    pub(crate) async fn call(&self, system: System, number: &Number) -> Result<Said> {
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

    async fn drop(&self, line: &Line, technique: Technique, number: &Number) -> Result<Said> {
        let id = DropId::generate();
        let mut folder = match line.config.screen.mode {
            ScreenMode::Listen => Some(self.archive.begin(id, clock::wall())?),
            ScreenMode::Dialplan => None,
        };
        let spec = CallSpec {
            sound: Some(self.message.as_slice().into()),
            echo: Some(screen::Message::new(&self.message)),
            ..CallSpec::new(
                id,
                PhoneNumber::parse(&number.e164(), Rules::default())?,
                Plan {
                    technique,
                    ..plan(&line.config, Some(self.length))
                },
                format!("sound:{}", self.media),
                clock::now() + Plan::DIAL_WITHIN,
            )
        };
        let tape = folder.as_mut().and_then(Folder::recorder);
        let mut news = line.session.start(spec, tape).await;
        let ended = async {
            let mut deaf = None;
            while let Some(heard) = news.recv().await {
                match heard {
                    DropUpdate::Moment(moment, words) if moment.event == Milestone::TapLost => {
                        deaf = words.or_else(|| Some(String::new()));
                    }
                    DropUpdate::Moment(..) => {}
                    DropUpdate::Ended(report) => return Some((report, deaf)),
                }
            }
            None
        };
        let ended = timeout(PATIENCE, ended)
            .await
            .with_context(|| format!("the drop to {number} does not end"))?;
        let (report, deaf) =
            ended.with_context(|| format!("the run ended before the drop to {number}"))?;
        if answered(&report).is_some() {
            self.seen_out(number).await?;
        }
        let told = Told {
            deaf,
            ..told_by(&report)
        };
        let evidence = match folder {
            Some(folder) => Some(self.keep(folder, told.clone()).await?),
            None => None,
        };
        Ok((told, evidence))
    }

    async fn keep(&self, folder: Folder, told: Told) -> Result<PathBuf> {
        let message = Arc::clone(&self.message);
        let keep = move || folder.keep(&told, "", Some(&message), clock::wall());
        Ok(spawn_blocking(keep).await??)
    }

    async fn originate(&self, peer: &str, number: &Number) -> Result<Said> {
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
        Ok((Told::default(), None))
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
        deaf: None,
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

/// From one call's start to the next's.
const PACE: Duration = Duration::from_millis(150);

/// The longest that a call may take: the longest item, the longest wait and the message.
const PATIENCE: Duration = Duration::from_secs(240);
