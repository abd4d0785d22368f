//! Rings: every item is a real call to the lab's carrier by each of the systems that are compared.

use std::{fs, path::PathBuf};

use aftertone::phone::{PhoneNumber, Rules};
use anyhow::{Context as _, Result, anyhow};
use futures::{StreamExt as _, stream};
use libtest_mimic::Failed;

use crate::{
    caller::Caller,
    corpus::{Corpus, Item, Label},
    learning::{PromptsLearnt, Teacher},
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
    pub(crate) teacher: Teacher,
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
    let mut caller = Caller::open(lab, message, watcher.gone()).await?;
    let mut rung = Vec::new();
    for jobs in rounds(&corpus.items, manner) {
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
        let over: Vec<Result<Rung>> = calls.buffer_unordered(manner.at_once).collect().await;
        rung.extend(over.into_iter().collect::<Result<Vec<_>>>()?);
        let taught = caller.taught();
        let known = match manner.teacher {
            Teacher::Nobody => PromptsLearnt::default(),
            Teacher::Calls => taught,
            Teacher::Operator => PromptsLearnt::labelled(corpus)?,
        };
        println!("{}: {known}", corpus.name);
        caller.know(&known);
    }
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

/// All first calls, and when they are over those whose prompts come again: a system without ears of its own remembers none, and
/// does not ring these. The systems take turns in going first; every twentieth item is echoed, too.
pub(crate) fn rounds(items: &[Item], manner: &Manner) -> [Vec<(usize, System)>; 2] {
    let count = manner.systems.len();
    let (mut first, mut again) = (Vec::new(), Vec::new());
    for (item, what) in items.iter().enumerate() {
        let turns = (0..count).map(|nth| (item, manner.systems[(item + nth) % count]));
        if what.heard_before {
            again.extend(turns.filter(|(_, system)| system.has_ears()));
            continue;
        }
        first.extend(turns);
        if item % 20 == 10 {
            first.push((item, System::Echo));
        }
    }
    [first, again]
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
