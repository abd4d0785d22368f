//! What the PBX has of us: read when the event link comes back, and swept of what no living process owns.
//!
//! A channel is ours to end if its id, parsed whole, names a run that is our own (and its drop is not on the board),
//! or one whose lock is free. The channels of a run that has no lock file here belong to another machine, or to
//! none that is known, and are left alone.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use backon::{BackoffBuilder as _, ExponentialBuilder};
use futures::{StreamExt as _, stream};
use tokio::{
    task::JoinHandle,
    time::{sleep, timeout},
};
use tokio_util::task::TaskTracker;
use tracing::{debug, info, warn};

use super::run_locks::{DeadRun, Runs, RunsError};
use crate::{
    ari::{self, Arrival, Bridge, Channel, Failure, Rest},
    audio::Library,
    drop::{RefusalKind, Seen},
    id::{BridgeId, ChannelId, DropId, Play, PlaybackId, RunName},
    words::Leg,
};

/// Finds out what the PBX has of us after the event link was down.
#[derive(Clone)]
pub(crate) struct Reconciler {
    inner: Arc<Inner>,
}

struct Inner {
    rest: Rest,
    run: RunName,
    app: String,
    remains: Remains,
    /// Hang-ups of channels whose id is none of ours: no sweep finds them.
    strangers: TaskTracker,
}

/// The places where runs leave something behind on this machine.
#[derive(Clone)]
pub(crate) struct Remains {
    /// Their locks.
    pub(crate) runs: Runs,
    /// Their messages.
    pub(crate) library: Library,
}

impl Remains {
    /// Forgets a run of which the PBX has nothing left.
    fn release(&self, dead: DeadRun) {
        if let Err(error) = self.library.remove_leftovers(dead.run.as_str()) {
            warn!(run = %dead.run, %error, "messages of a run that died stay behind");
            return;
        }
        dead.release();
    }
}

/// What is asked about.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    /// The legs that were dialled.
    pub(crate) legs: Vec<(DropId, Leg)>,
    /// Those of them whose originate has had no reply yet.
    pub(crate) unanswered: Vec<(DropId, Leg)>,
    /// The plays that were asked for.
    pub(crate) plays: Vec<(DropId, Play)>,
}

/// What the PBX has of us, read while events flowed.
#[derive(Debug, Default)]
pub(crate) struct Reconciled {
    /// As it was asked.
    pub(crate) unanswered: Vec<(DropId, Leg)>,
    /// What there is of each drop of this run.
    pub(crate) seen: BTreeMap<DropId, Seen>,
    /// Every channel of this run.
    pub(crate) channels: Vec<ChannelId>,
    /// The calls of others that wait in our app.
    pub(crate) waiting: Vec<Arrival>,
}

/// What came of ending the channels of drops.
#[derive(Debug, Default)]
pub(crate) struct EndedDrops {
    /// The drops that had a channel.
    pub(crate) alive: BTreeSet<(RunName, DropId)>,
    /// Those that may still have one.
    pub(crate) stuck: BTreeSet<(RunName, DropId)>,
}

impl EndedDrops {
    /// What there is to say of a drop without an end whose controller, or process, died.
    pub(crate) fn words(&self, whose: &str, drop: &(RunName, DropId)) -> String {
        let up = if self.stuck.contains(drop) {
            "the PBX did not end its call, which may still be up"
        } else if self.alive.contains(drop) {
            "its call was still up and was hung up"
        } else {
            "nothing of it was up any more when it was looked for"
        };
        format!("its {whose} died; {up}")
    }
}

impl Reconciler {
    pub(crate) fn new(rest: Rest, run: RunName, app: String, remains: Remains) -> Self {
        let inner = Inner {
            rest,
            run,
            app,
            remains,
            strangers: TaskTracker::new(),
        };
        Self {
            inner: Arc::new(inner),
        }
    }

    /// The app name under which events reach us.
    pub(crate) fn app(&self) -> &str {
        &self.inner.app
    }

    /// The names of the runs of this machine that died and that no sweep has looked after.
    ///
    /// # Errors
    /// [`RunsError`] if the locks cannot be read.
    pub(crate) fn dead(&self) -> Result<Vec<RunName>, RunsError> {
        let dead = self.inner.remains.runs.dead()?;
        Ok(dead.into_iter().map(|dead| dead.run).collect())
    }

    /// The runs of this machine that have not died, this one included.
    ///
    /// # Errors
    /// [`RunsError`] if the locks cannot be read.
    pub(crate) fn alive(&self) -> Result<Vec<RunName>, RunsError> {
        self.inner.remains.runs.alive()
    }

    /// Ends what runs that died have left on the PBX, and forgets those of which nothing is left.
    ///
    /// # Errors
    /// [`Failure`] if the PBX does not list what it has.
    pub(crate) async fn sweep(&self) -> Result<(), Failure> {
        let channels = self.inner.rest.channels().await?;
        sweep(&self.inner.rest, &self.inner.remains, &channels).await;
        Ok(())
    }

    /// Ends every channel of these drops, which are of any run, and returns once none is left, or after
    /// [`END_WITHIN`]: a channel that the PBX cannot end must not hold up everything else.
    pub(crate) async fn end_drops(&self, drops: &BTreeSet<(RunName, DropId)>) -> EndedDrops {
        let mut ended = EndedDrops {
            alive: BTreeSet::new(),
            // Until the PBX has listed what there is.
            stuck: drops.clone(),
        };
        let ending = async {
            loop {
                let rest = &self.inner.rest;
                let channels = insist("listing the channels", || rest.channels()).await;
                let left = of_drops(drops, &channels);
                let those = left.iter().map(|id| (id.run.clone(), id.drop));
                ended.stuck = those.collect();
                ended.alive.extend(ended.stuck.iter().cloned());
                if left.is_empty() {
                    return;
                }
                for channel in left {
                    info!(%channel, "a channel of a drop whose controller died is hung up");
                    hang_up(rest, &channel).await;
                }
                sleep(GRACE).await;
            }
        };
        if timeout(END_WITHIN, ending).await.is_err() && !ended.stuck.is_empty() {
            warn!(
                drops = ended.stuck.len(),
                "the PBX does not end calls of drops whose controller died; to be tried again"
            );
        }
        ended
    }

    /// Ends a channel, in a task of its own.
    pub(crate) fn hang_up(&self, channel: ChannelId) {
        let this = Arc::clone(&self.inner);
        tokio::spawn(async move { this.hang_up(&channel).await });
    }

    /// Ends a channel whose id is none of ours, in a task of its own, which asks until the PBX has heard it.
    pub(crate) fn hang_up_stranger(&self, channel: String) {
        let this = Arc::clone(&self.inner);
        let hang_up = async move { end_stranger(&this.rest, &channel).await };
        self.inner.strangers.spawn(hang_up);
    }

    /// Returns once every such request was heard.
    pub(crate) async fn strangers_gone(&self) {
        self.inner.strangers.close();
        self.inner.strangers.wait().await;
    }

    /// Begins to ask, in a task of its own: subscribes to the legs once more, then reads what exists of them and of
    /// the plays. It asks until it is answered, or aborted because the link went down again.
    pub(crate) fn begin(&self, asked: Asked) -> JoinHandle<Reconciled> {
        let this = Arc::clone(&self.inner);
        tokio::spawn(async move { this.reconcile(asked).await })
    }
}

impl Inner {
    async fn reconcile(&self, asked: Asked) -> Reconciled {
        let subscribing = asked
            .legs
            .into_iter()
            .map(|(drop, leg)| self.subscribe(drop, leg));
        stream::iter(subscribing)
            .buffer_unordered(AT_ONCE)
            .collect::<()>()
            .await;
        let channels = insist("listing the channels", || self.rest.channels()).await;
        let playing = asked
            .plays
            .into_iter()
            .map(|(drop, play)| self.is_known(drop, play));
        let known: Vec<_> = stream::iter(playing)
            .buffer_unordered(AT_ONCE)
            .filter_map(|found| async move { found })
            .collect()
            .await;
        sweep(&self.rest, &self.remains, &channels).await;
        for channel in ari::in_place_of_ours(&self.app, &channels) {
            warn!(channel, "a call that the network redirected is hung up");
            end_stranger(&self.rest, &channel).await;
        }
        // What ended between the socket's opening and the list has been reported; let the report arrive first.
        sleep(GRACE).await;
        let mut seen = ari::seen(&self.run, &channels);
        for (drop, play) in known {
            seen.entry(drop).or_default().plays.push(play);
        }
        let waiting = ari::waiting(&self.app, &channels);
        let channels = of_run(&self.run, &channels);
        Reconciled {
            waiting,
            unanswered: asked.unanswered,
            seen,
            channels,
        }
    }

    /// Asks for the events of a leg until the PBX has answered: a leg that lives on unheard would be lost in silence.
    async fn subscribe(&self, drop: DropId, leg: Leg) {
        let channel = ChannelId::leg(self.run.clone(), drop, leg);
        let source = [format!("channel:{channel}")];
        insist("subscribing to a leg", || async {
            let answer = self.rest.subscribe(&self.app, &source).await;
            let Err(failure) = answer else {
                return Ok(());
            };
            match failure.kind {
                RefusalKind::Unreachable
                | RefusalKind::TooLate
                | RefusalKind::NoReply
                | RefusalKind::Failed => Err(failure),
                RefusalKind::NotFound
                | RefusalKind::WrongState
                | RefusalKind::Rejected
                | RefusalKind::NotMade => {
                    // Most often the leg is gone, which the list will show.
                    debug!(%channel, detail = failure.detail, "not subscribed again");
                    Ok(())
                }
            }
        })
        .await;
    }

    async fn is_known(&self, drop: DropId, play: Play) -> Option<(DropId, Play)> {
        let id = PlaybackId {
            run: self.run.clone(),
            drop,
            play,
        };
        let found = insist("asking for a playback", || self.rest.playback(&id)).await;
        found.map(|_| (drop, play))
    }

    async fn hang_up(&self, channel: &ChannelId) {
        hang_up(&self.rest, channel).await;
    }
}

/// Ends what runs that died have left on the PBX, given its list of channels, and forgets those of which nothing is
/// left; returns the drops that had a channel. Whatever cannot be done now is left to the next sweep.
pub(crate) async fn sweep(
    rest: &Rest,
    remains: &Remains,
    channels: &[Channel],
) -> BTreeSet<(RunName, DropId)> {
    let dead = match remains.runs.dead() {
        Ok(dead) => dead,
        Err(error) => {
            warn!(%error, "no sweep: the locks of runs cannot be read");
            return BTreeSet::new();
        }
    };
    if dead.is_empty() {
        return BTreeSet::new();
    }
    let bridges = match rest.bridges().await {
        Ok(bridges) => bridges,
        Err(failure) => {
            warn!(
                detail = failure.detail,
                "no sweep: the pbx does not list its bridges"
            );
            return BTreeSet::new();
        }
    };
    let runs = || dead.iter().map(|dead| &dead.run);
    let left: Vec<ChannelId> = runs().flat_map(|run| of_run(run, channels)).collect();
    let joined: Vec<BridgeId> = runs().flat_map(|run| bridges_of(run, &bridges)).collect();
    if left.is_empty() && joined.is_empty() {
        dead.into_iter().for_each(|dead| remains.release(dead));
        return BTreeSet::new();
    }
    let ended = left.iter();
    let ended = ended.map(|channel| (channel.run.clone(), channel.drop));
    let ended = ended.collect();
    for channel in &left {
        info!(%channel, "a channel of a run that died is hung up");
        hang_up(rest, channel).await;
    }
    for bridge in &joined {
        info!(%bridge, "a bridge of a run that died is ended");
        end_bridge(rest, bridge).await;
    }
    sleep(GRACE).await;
    let (Ok(channels), Ok(bridges)) = (rest.channels().await, rest.bridges().await) else {
        return ended;
    };
    let bridges = bridges.iter().filter_map(|bridge| {
        let id: BridgeId = bridge.id.parse().ok()?;
        Some(id.run)
    });
    let still: BTreeSet<RunName> = channels.iter().filter_map(run_of).chain(bridges).collect();
    for dead in dead {
        if !still.contains(&dead.run) {
            remains.release(dead);
        }
    }
    ended
}

/// Ends every channel of `run`, and every bridge if it listened to calls; returns the channels.
///
/// # Errors
/// [`Failure`] if the PBX does not list what it has.
pub(crate) async fn clear(
    rest: &Rest,
    run: &RunName,
    listened: bool,
) -> Result<Vec<ChannelId>, Failure> {
    let mut left = of_run(run, &rest.channels().await?);
    if !left.is_empty() {
        // What was asked to end may be on its way out.
        sleep(GRACE).await;
        left = of_run(run, &rest.channels().await?);
    }
    for channel in &left {
        hang_up(rest, channel).await;
    }
    if !listened {
        return Ok(left);
    }
    for bridge in bridges_of(run, &rest.bridges().await?) {
        warn!(%bridge, "a bridge that no drop owns is ended");
        end_bridge(rest, &bridge).await;
    }
    Ok(left)
}

async fn hang_up(rest: &Rest, channel: &ChannelId) {
    if let Err(failure) = rest.hang_up(&channel.to_string()).await {
        warn!(%channel, detail = failure.detail, "cannot hang up; the pbx ends it at its time limit");
    }
}

pub(crate) async fn end_stranger(rest: &Rest, channel: &str) {
    insist("hanging up a call to another number", || {
        rest.hang_up(channel)
    })
    .await;
}

async fn end_bridge(rest: &Rest, bridge: &BridgeId) {
    if let Err(failure) = rest.end_bridge(bridge).await {
        warn!(%bridge, detail = failure.detail, "cannot end the bridge; the next sweep does");
    }
}

/// The bridges that belong to a run.
fn bridges_of(run: &RunName, bridges: &[Bridge]) -> Vec<BridgeId> {
    let ids = bridges.iter().filter_map(|bridge| bridge.id.parse().ok());
    ids.filter(|id: &BridgeId| id.run == *run).collect()
}

/// The channels that belong to a run.
fn of_run(run: &RunName, channels: &[Channel]) -> Vec<ChannelId> {
    let ids = channels
        .iter()
        .filter_map(|channel| channel.id.parse().ok());
    ids.filter(|id: &ChannelId| id.run == *run).collect()
}

/// The channels that belong to one of these drops.
fn of_drops(drops: &BTreeSet<(RunName, DropId)>, channels: &[Channel]) -> Vec<ChannelId> {
    let ids = channels
        .iter()
        .filter_map(|channel| channel.id.parse().ok());
    ids.filter(|id: &ChannelId| drops.contains(&(id.run.clone(), id.drop)))
        .collect()
}

fn run_of(channel: &Channel) -> Option<RunName> {
    Some(channel.id.parse::<ChannelId>().ok()?.run)
}

/// Asks until it is answered, less and less often.
async fn insist<T, F>(what: &str, mut ask: impl FnMut() -> F) -> T
where
    F: Future<Output = Result<T, Failure>>,
{
    let mut pauses = ExponentialBuilder::default()
        .with_min_delay(FIRST_PAUSE)
        .with_max_delay(LAST_PAUSE)
        .with_jitter()
        .without_max_times()
        .build();
    loop {
        let failure = match ask().await {
            Ok(answer) => return answer,
            Err(failure) => failure,
        };
        match failure.kind {
            RefusalKind::Unreachable
            | RefusalKind::TooLate
            | RefusalKind::NoReply
            | RefusalKind::Failed => {
                debug!(what, detail = failure.detail, "to be asked again");
            }
            RefusalKind::NotFound
            | RefusalKind::WrongState
            | RefusalKind::Rejected
            | RefusalKind::NotMade => {
                warn!(
                    what,
                    detail = failure.detail,
                    "refused by the pbx; to be asked again"
                );
            }
        }
        sleep(pauses.next().unwrap_or(LAST_PAUSE)).await;
    }
}

/// Requests sent at once: a part of the 100 sessions that Asterisk grants by default.
const AT_ONCE: usize = 8;

/// How long what was said before an answer may take to arrive after it, by the other connection.
const GRACE: Duration = Duration::from_millis(250);

/// How long it is tried to end the channels of drops whose controllers died, before everything else goes on.
const END_WITHIN: Duration = Duration::from_secs(4);

const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LAST_PAUSE: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_channels_whose_id_is_ours_as_a_whole_belong_to_a_run() {
        let run = RunName::new("run1").unwrap();
        let drop = DropId::from_u128(7);
        let other = DropId::from_u128(8);
        let channels = [
            format!("run1-{drop}-busy"),
            format!("run1-{other}-drop"),
            format!("run1-{drop}-snoop"),
            format!("run12-{drop}-busy"),
            format!("run-{drop}-busy"),
            format!("run1-{drop}-busy;2"),
            format!("run1-{drop}"),
            "1699999999.17".into(),
        ]
        .map(channel);
        let found: Vec<_> = of_run(&run, &channels)
            .iter()
            .map(ToString::to_string)
            .collect();
        let expected = [
            format!("run1-{drop}-busy"),
            format!("run1-{other}-drop"),
            format!("run1-{drop}-snoop"),
        ];
        assert_eq!(found, expected);
        assert_eq!(run_of(&channels[3]).unwrap().as_str(), "run12");
        assert_eq!(run_of(&channels[7]), None);
    }

    #[test]
    fn a_dead_run_takes_its_messages_with_it_and_no_other_s() {
        let folder = tempfile::tempdir().unwrap();
        let remains = Remains {
            runs: Runs::open(folder.path(), "one:8088").unwrap(),
            library: Library::new(folder.path(), folder.path()).unwrap(),
        };
        let file = |name: &str| folder.path().join(name);
        let files = ["once-dead-7.wav", "once-alive-7.wav", "spring.wav"];
        for name in files {
            std::fs::write(file(name), "x").unwrap();
        }
        drop(remains.runs.begin(&RunName::new("dead").unwrap()).unwrap());
        for dead in remains.runs.dead().unwrap() {
            remains.release(dead);
        }
        assert_eq!(files.map(|name| file(name).exists()), [false, true, true]);
        assert!(remains.runs.dead().unwrap().is_empty());
    }

    fn channel(id: String) -> Channel {
        Channel {
            id,
            ..Channel::default()
        }
    }
}
