//! The processes: this program started once more in another role, and what is measured of it.

use std::time::Duration;

use anyhow::{Context, Result};

use crate::{Load, aftertone_driver, child::Started, floor, measure, measure::Seen};

/// What this process is to be.
pub(crate) enum Role {
    Pbx,
    Floor(String, Load),
    Aftertone(String, Load),
}

/// The role that the arguments give; `None` for the one that compares.
pub(crate) fn role(arguments: &[String]) -> Option<Role> {
    let at = arguments.iter().position(|argument| argument == "--role")?;
    let rest: Vec<&str> = arguments.iter().skip(at + 1).map(String::as_str).collect();
    match rest.as_slice() {
        ["pbx"] => Some(Role::Pbx),
        [subject, url, rate, drops] => {
            let load = Load {
                rate: rate.parse().ok()?,
                drops: drops.parse().ok()?,
            };
            let url = (*url).to_owned();
            match *subject {
                "floor" => Some(Role::Floor(url, load)),
                "aftertone" => Some(Role::Aftertone(url, load)),
                _ => None,
            }
        }
        _ => None,
    }
}

impl Role {
    pub(crate) fn play(self) -> Result<()> {
        // The PBX gets one thread: half of the smallest machine. The subjects get what the program gives itself.
        let mut builder = match self {
            Self::Pbx => tokio::runtime::Builder::new_current_thread(),
            Self::Floor(..) | Self::Aftertone(..) => tokio::runtime::Builder::new_multi_thread(),
        };
        let runtime = builder.worker_threads(2).enable_all().build()?;
        runtime.block_on(async {
            match self {
                Self::Pbx => measure::serve().await,
                Self::Floor(url, load) => in_time(load, floor::run(&url, load)).await,
                Self::Aftertone(url, load) => {
                    in_time(load, aftertone_driver::run(&url, load, "double")).await
                }
            }
        })
    }
}

/// A subject that hangs ends with an error, and so does the comparison.
async fn in_time(load: Load, work: impl Future<Output = Result<()>>) -> Result<()> {
    let limit = load.begin(load.drops) + Duration::from_secs(60);
    let done = tokio::time::timeout(limit, work).await;
    done.with_context(|| format!("not done within {} s", limit.as_secs()))?
}

/// What one round says about one subject. Times in milliseconds, memory in MB.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Figures {
    pub(crate) delivered: u32,
    pub(crate) in_flight: u32,
    pub(crate) hang_up: (f64, f64),
    pub(crate) play: (f64, f64),
    pub(crate) lead: (f64, f64),
    /// Processor seconds per 1,000 drops.
    pub(crate) cpu: f64,
    /// Those of the fake PBX.
    pub(crate) pbx_cpu: f64,
    pub(crate) memory_at_start: f64,
    pub(crate) memory_at_peak: f64,
}

impl Figures {
    /// Each figure's median over the rounds.
    pub(crate) fn median(rounds: &[Self]) -> Self {
        let of = |figure: fn(&Self) -> f64| {
            let mut all: Vec<f64> = rounds.iter().map(figure).collect();
            all.sort_by(f64::total_cmp);
            all.get(all.len() / 2).copied().unwrap_or_default()
        };
        let most = |figure: fn(&Self) -> u32| rounds.iter().map(figure).max().unwrap_or_default();
        Self {
            delivered: most(|f| f.delivered),
            in_flight: most(|f| f.in_flight),
            hang_up: (of(|f| f.hang_up.0), of(|f| f.hang_up.1)),
            play: (of(|f| f.play.0), of(|f| f.play.1)),
            lead: (of(|f| f.lead.0), of(|f| f.lead.1)),
            cpu: of(|f| f.cpu),
            pbx_cpu: of(|f| f.pbx_cpu),
            memory_at_start: of(|f| f.memory_at_start),
            memory_at_peak: of(|f| f.memory_at_peak),
        }
    }
}

/// The fake PBX in a process of its own.
pub(crate) struct Pbx {
    process: Started,
    url: String,
}

impl Pbx {
    pub(crate) fn start() -> Result<Self> {
        let mut process = Started::new(&["pbx".into()])?;
        let url = process.line().context("the fake PBX does not start")?;
        Ok(Self { process, url })
    }

    /// Lets a subject work, and asks the PBX what it saw.
    pub(crate) fn measure(mut self, subject: &str, load: Load) -> Result<Figures> {
        let mut process = Started::new(&[
            subject.to_owned(),
            self.url.clone(),
            load.rate.to_string(),
            load.drops.to_string(),
        ])?;
        process.expect("ready")?;
        let (cpu, pbx_cpu) = (process.cpu()?, self.process.cpu()?);
        let memory_at_start = process.memory("VmRSS")?;
        process.say("go")?;
        process.expect("done")?;
        let thousands = f64::from(load.drops) / 1_000.0;
        let cpu = (process.cpu()? - cpu) / thousands;
        let pbx_cpu = (self.process.cpu()? - pbx_cpu) / thousands;
        let memory_at_peak = process.memory("VmHWM")?;
        drop(process);
        self.process.say("report")?;
        let seen: Seen = serde_json::from_str(&self.process.line()?)?;
        Ok(Figures {
            delivered: seen.delivered,
            in_flight: seen.in_flight,
            hang_up: seen.hang_up,
            play: seen.play,
            lead: seen.lead,
            cpu,
            pbx_cpu,
            memory_at_start,
            memory_at_peak,
        })
    }
}
