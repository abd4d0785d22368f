//! Watches the carrier's call log, and the machine, while calls are made.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::Read as _,
    path::{Path, PathBuf},
    time::Duration,
};

use serde::{Deserialize, Serialize};
use tokio::{
    sync::{oneshot, watch},
    task::JoinHandle,
    time::interval,
};

/// Follows the log until it is stopped.
pub(crate) struct Watcher {
    gone: watch::Receiver<BTreeSet<String>>,
    stop: oneshot::Sender<()>,
    task: JoinHandle<Load>,
}

/// What the machine had to bear.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
pub(crate) struct Load {
    /// Processors.
    pub(crate) processors: usize,
    /// Their busy share over the whole run, 0.0 to 1.0.
    pub(crate) busy: f64,
    /// The highest load average over a minute.
    pub(crate) load: f64,
    /// How long the run took (s).
    pub(crate) seconds: f64,
}

impl Watcher {
    /// Follows a log from its beginning.
    pub(crate) fn start(log: &Path) -> Self {
        let (told, gone) = watch::channel(BTreeSet::new());
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(follow(log.to_owned(), told, stopped));
        Self { gone, stop, task }
    }

    /// The numbers of which an answered call has ended.
    pub(crate) fn gone(&self) -> watch::Receiver<BTreeSet<String>> {
        self.gone.clone()
    }

    /// Stops, and returns the load.
    pub(crate) async fn stop(self) -> Load {
        // It ends by itself only if the log cannot be read; then there is no load to return.
        let _ = self.stop.send(());
        self.task.await.unwrap_or_default()
    }
}

async fn follow(
    log: PathBuf,
    told: watch::Sender<BTreeSet<String>>,
    mut stopped: oneshot::Receiver<()>,
) -> Load {
    let mut tick = interval(LOOK);
    let mut file = None;
    let mut text = String::new();
    let mut answered = BTreeSet::new();
    let mut load = 0.0_f64;
    let begun = Times::now();
    loop {
        tokio::select! {
            _ = tick.tick() => {}
            _ = &mut stopped => break,
        }
        load = load.max(load_average().unwrap_or(0.0));
        if file.is_none() {
            file = File::open(&log).ok();
        }
        let Some(open) = &mut file else { continue };
        // What is not text yet is half a line; the rest of it comes with the next look.
        if open.read_to_string(&mut text).is_err() {
            continue;
        }
        let whole = text.rfind('\n').map_or(0, |at| at + 1);
        let lines: String = text.drain(..whole).collect();
        for line in lines.lines() {
            let field = |name: &str| line.split(' ').find_map(|word| word.strip_prefix(name));
            let (Some(number), Some(call), Some(event)) =
                (field("number="), field("call="), field("event="))
            else {
                continue;
            };
            let key = (number.to_owned(), call.to_owned());
            if event == "answer" {
                answered.insert(key);
            } else if event == "hangup" && answered.contains(&key) {
                told.send_modify(|gone| {
                    gone.insert(key.0);
                });
            }
        }
    }
    let now = Times::now();
    let spent = (now.total - begun.total).max(1.0);
    Load {
        processors: now.processors,
        busy: (now.busy - begun.busy) / spent,
        load,
        seconds: spent / now.processors.max(1) as f64 / TICKS,
    }
}

/// What /proc/stat says, in ticks since the start of the machine.
struct Times {
    busy: f64,
    total: f64,
    processors: usize,
}

impl Times {
    fn now() -> Self {
        let text = fs::read_to_string("/proc/stat").unwrap_or_default();
        let first = text.lines().next().unwrap_or_default();
        // user nice system idle iowait irq softirq steal; guests are in user already.
        let fields: Vec<f64> = first
            .split_whitespace()
            .skip(1)
            .take(8)
            .filter_map(|field| field.parse().ok())
            .collect();
        let total: f64 = fields.iter().sum();
        let idle: f64 = fields.iter().skip(3).take(2).sum();
        let processors = text
            .lines()
            .filter(|line| line.starts_with("cpu"))
            .count()
            .saturating_sub(1);
        Self {
            busy: total - idle,
            total,
            processors,
        }
    }
}

pub(crate) fn load_average() -> Option<f64> {
    fs::read_to_string("/proc/loadavg")
        .ok()?
        .split(' ')
        .next()?
        .parse()
        .ok()
}

/// From one look at the log to the next.
const LOOK: Duration = Duration::from_millis(50);

/// Ticks of /proc/stat a second, on every Linux that Debian makes.
const TICKS: f64 = 100.0;
