//! Rings: every item is a real call to the lab's carrier by each of the systems that are compared.

use std::{fs, path::PathBuf};

use aftertone::phone::{PhoneNumber, Rules};
use anyhow::{Context as _, Result, anyhow};
use futures::{StreamExt as _, stream};
use libtest_mimic::Failed;

use crate::{
    caller::Caller,
    corpus::{Corpus, Label},
    network::{Lab, Message, Number, is_area_code},
    system::{System, Told},
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
#[derive(Debug)]
pub(crate) struct Rung {
    /// The item's place in the corpus.
    pub(crate) item: usize,
    pub(crate) system: System,
    pub(crate) number: Number,
    pub(crate) told: Told,
    /// The folder of its evidence, if the system keeps any.
    pub(crate) evidence: Option<PathBuf>,
}

/// Has every item rung by every system, and returns the load of the machine meanwhile.
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
    let caller = Caller::open(lab, message, watcher.gone()).await?;
    let jobs = jobs(corpus.items.len(), manner);
    let calls = stream::iter(jobs).map(|(item, system)| {
        let number = Number::new(areas[item], system.subscriber());
        let caller = &caller;
        async move {
            let told = caller.call(system, &number).await;
            told.map(|(told, evidence)| Rung {
                item,
                system,
                number,
                told,
                evidence,
            })
        }
    });
    let rung: Vec<Result<Rung>> = calls.buffer_unordered(manner.at_once).collect().await;
    let mut rung = rung.into_iter().collect::<Result<Vec<_>>>()?;
    caller.close().await?;
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

/// Gives the carrier what it is to play, how long a second call alerts, and how long the far end stays when it has nothing
/// more to say: only a mailbox does.
fn stage(lab: &Lab, corpus: &Corpus, areas: &[u16]) -> Result<()> {
    let folder = lab.folder().join("items");
    fs::create_dir_all(&folder)?;
    for (nth, (item, area)) in corpus.items.iter().zip(areas).enumerate() {
        let path = corpus.path(item);
        fs::copy(&path, folder.join(format!("{area}.wav")))
            .with_context(|| format!("cannot copy {}", path.display()))?;
        let stays = match item.label {
            Label::Machine => 60,
            Label::Human | Label::Other => 0,
        };
        let alerts = item.alerts(nth);
        fs::write(folder.join(format!("{area}.ring")), format!("{alerts:.2}"))?;
        fs::write(folder.join(format!("{area}.stay")), format!("{stays:02}"))?;
    }
    Ok(())
}

/// The lab's own errors.
pub(crate) fn told(failed: Failed) -> anyhow::Error {
    anyhow!("{}", failed.message().unwrap_or("the lab failed"))
}
