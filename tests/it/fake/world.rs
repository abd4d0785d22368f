//! The fake's PBX: its channels, playbacks and applications, and what each request does to them. What is answered and
//! sent is what Asterisk 22.10.1 was seen to answer and send, field by field.

mod agents;
mod events;
mod hearing;
mod life;
mod requests;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    convert::Infallible,
    sync::{Arc, Weak},
    time::Duration,
};

use aftertone::{
    id::{ChannelId, Role},
    words::Leg,
};
use tokio::{
    sync::{Notify, oneshot},
    time::Instant,
};

use super::{
    Shared,
    audio::Heard,
    fault::{Audio, Fault, Rule, Wire},
    http::Response,
    log::Entry,
    script::{Call, Script},
    wire,
    ws::Sink,
};

/// How the fake is set up.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) user: String,
    pub(crate) password: String,
    /// As `read_only=yes` in ari.conf: anything but GET is 403.
    pub(crate) read_only: bool,
    /// As `sessionlimit` in http.conf: connections beyond it are closed without a word.
    pub(crate) session_limit: usize,
    pub(crate) version: String,
    /// Trunks that exist, as `PJSIP/<trunk>`.
    pub(crate) trunks: Vec<String>,
    /// Whether their far ends do not answer the PBX: no call can be made then.
    pub(crate) offline: bool,
    /// Whether a SIP status is reported if a call has failed, as since 20.17, 22.7 and 23.1.
    pub(crate) tells_status: bool,
    /// Numbers by their last digits; the longest match counts.
    pub(crate) scripts: BTreeMap<String, Script>,
    pub(crate) other_numbers: Script,
    /// Whether a `sound:` with an absolute path must be a file; it then plays as long as that is.
    pub(crate) files: bool,
    /// What GET /sounds knows.
    pub(crate) sounds: Vec<String>,
    pub(crate) context: String,
    /// The context that connects the audio of a call to us.
    pub(crate) listen_context: String,
    /// How far the PBX's clock is ahead of ours, in milliseconds.
    pub(crate) clock_ahead: i64,
    /// Whether its dialplan hands over calls that are asked for.
    pub(crate) hands_over: bool,
    /// Whether calls that are sent on are up in its dialplan from then on; else they end.
    pub(crate) sends_on: bool,
    /// From a DELETE to the channel's end, during which a crossing answer may still come.
    pub(crate) hang_up_takes: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            user: "aftertone".into(),
            password: "correct-horse-battery".into(),
            read_only: false,
            session_limit: 100,
            version: "22.10.1".into(),
            trunks: vec!["carrier".into()],
            offline: false,
            tells_status: true,
            scripts: BTreeMap::new(),
            other_numbers: Script::mailbox(),
            files: true,
            sounds: vec!["hello-world".into()],
            context: "aftertone-screen".into(),
            listen_context: "aftertone-listen".into(),
            clock_ahead: 0,
            hands_over: true,
            sends_on: false,
            hang_up_takes: Duration::ZERO,
        }
    }
}

impl Settings {
    /// Numbers that end in these digits do this.
    #[must_use]
    pub(crate) fn number(mut self, ending: &str, script: Script) -> Self {
        self.scripts.insert(ending.into(), script);
        self
    }
}

/// What becomes of a request.
pub(crate) struct Handled {
    pub(crate) response: Response,
    /// The answer waits for this.
    pub(crate) blocked: Option<oneshot::Receiver<()>>,
    pub(crate) fault: Option<Fault>,
    /// The index of its record in the log.
    pub(crate) entry: usize,
}

/// A channel, between originate and ChannelDestroyed.
#[derive(Debug)]
pub(crate) struct Channel {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) state: State,
    pub(crate) caller: String,
    pub(crate) dialstring: String,
    pub(crate) created: String,
    pub(crate) place: Place,
    pub(crate) variables: BTreeMap<String, String>,
    pub(crate) app: String,
    app_args: String,
    pub(crate) serial: u64,
    call: Arc<Call>,
    within: Within,
    ending: bool,
    playing: VecDeque<String>,
    blocked: Vec<(String, String, oneshot::Sender<()>)>,
    limit: u64,
    /// Whose copy it is.
    copies: Option<String>,
    /// Ends its audio connection, if it has one, when it goes.
    ears: Option<oneshot::Sender<Infallible>>,
}

/// Where in the dialplan a channel is.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) context: String,
    pub(crate) priority: u32,
    pub(crate) app: String,
    pub(crate) data: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Down,
    Ringing,
    Up,
}

/// What runs the channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Within {
    Dial,
    Stasis,
    Detector,
    WaitForSilence,
    /// `AudioSocket()`.
    Ears,
}

/// Why a channel ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// DELETE.
    Asked,
    /// The far end, or the network before the answer.
    Far { q850: u16, sip: Option<u16> },
    /// The originate's timeout.
    Unanswered,
    /// `TIMEOUT(absolute)`, or a place in the dialplan that does not exist: there is no reason.
    Limit,
    /// The dialplan's own Hangup().
    Dialplan,
}

/// What happens later.
#[derive(Debug)]
enum Due {
    Step(String, u64, usize),
    Unanswered(String, u64),
    Limit(String, u64, u64),
    Verdict(String, u64),
    /// AMD's word on a copy.
    Word(String, u64),
    /// Back from `AudioSocket()`, with what TRYSTATUS says.
    Back(String, u64, &'static str),
    Silence(String, u64),
    /// The end of a wait for silence of a call of which it is known who answered.
    WaitAlone(String, u64),
    Played(String, u64, String),
    End(String, u64, End),
    Release(String),
}

#[derive(Default)]
struct App {
    sink: Option<Arc<Sink>>,
    /// An event that the next one overtakes.
    held: Option<(String, usize)>,
    /// Event types that its filter keeps back.
    disallowed: Vec<String>,
}

/// A playback that was asked for and has not ended.
#[derive(Debug)]
struct Played {
    channel: String,
    media: String,
    state: &'static str,
}

/// Sees what happens at the moment it does.
pub(crate) type Witness = Box<dyn FnMut(&Entry) + Send>;

/// All of it.
pub(crate) struct World {
    pub(crate) settings: Settings,
    pub(crate) rules: Vec<Rule>,
    pub(crate) wire: Wire,
    pub(crate) audio: Audio,
    /// What came over the audio connections, by channel; kept when the channel has ended.
    pub(crate) heard: BTreeMap<String, Heard>,
    pub(crate) log: Vec<Entry>,
    /// If it is set, it gets what happens, and no log is kept: that of a long run would not fit.
    pub(crate) witness: Option<Witness>,
    pub(crate) channels: BTreeMap<String, Channel>,
    /// Channels that never end: they are on the list and that is all.
    pub(crate) ghosts: BTreeSet<String>,
    /// Global variables.
    pub(crate) globals: BTreeMap<String, String>,
    playbacks: BTreeMap<String, Played>,
    apps: BTreeMap<String, App>,
    /// How often each number was called.
    pub(crate) calls: BTreeMap<String, usize>,
    agenda: BTreeMap<(Instant, u64), Due>,
    serial: u64,
    random: u64,
    authorization: String,
    wake: Arc<Notify>,
    clock: wire::Clock,
    shared: Weak<Shared>,
}

impl World {
    pub(crate) fn new(settings: Settings, wake: Arc<Notify>, shared: Weak<Shared>) -> Self {
        let authorization = wire::basic(&settings.user, &settings.password);
        let clock = wire::Clock::new(settings.clock_ahead);
        Self {
            settings,
            rules: Vec::new(),
            wire: Wire::default(),
            audio: Audio::default(),
            heard: BTreeMap::new(),
            log: Vec::new(),
            witness: None,
            channels: BTreeMap::new(),
            ghosts: BTreeSet::new(),
            globals: BTreeMap::new(),
            playbacks: BTreeMap::new(),
            apps: BTreeMap::new(),
            calls: BTreeMap::new(),
            agenda: BTreeMap::new(),
            serial: 0,
            random: 1,
            authorization,
            wake,
            clock,
            shared,
        }
    }

    /// When something happens next.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        self.agenda.keys().next().map(|&(at, _)| at)
    }

    /// Does all that is due.
    pub(crate) fn advance(&mut self) {
        let now = Instant::now();
        while let Some(entry) = self.agenda.first_entry()
            && entry.key().0 <= now
        {
            let due = entry.remove();
            self.happen(due);
        }
    }

    /// Writes something down; its place in the log, which is none if only a witness gets it.
    fn note(&mut self, entry: Entry) -> usize {
        if let Some(witness) = &mut self.witness {
            witness(&entry);
            return usize::MAX;
        }
        self.log.push(entry);
        self.log.len() - 1
    }

    fn later(&mut self, after: Duration, due: Due) {
        let at = Instant::now() + after;
        let first = self.next_due().is_none_or(|next| at < next);
        self.serial += 1;
        self.agenda.insert((at, self.serial), due);
        if first {
            self.wake.notify_one();
        }
    }

    fn happen(&mut self, due: Due) {
        match due {
            Due::Step(id, serial, index) => self.step(&id, serial, index),
            Due::Unanswered(id, serial) => {
                if self
                    .alive(&id, serial)
                    .is_some_and(|c| c.state != State::Up)
                {
                    self.end(&id, End::Unanswered);
                }
            }
            Due::Limit(id, serial, limit) => {
                if self.alive(&id, serial).is_some_and(|c| c.limit == limit) {
                    self.end(&id, End::Limit);
                }
            }
            Due::Verdict(id, serial) => self.verdict(&id, serial),
            Due::Word(id, serial) => self.word(&id, serial),
            Due::Back(id, serial, status) => self.back(&id, serial, status),
            Due::Silence(id, serial) => {
                if let Some(call) = self.alive(&id, serial).map(|c| Arc::clone(&c.call)) {
                    let status = call.detector.wait_status;
                    self.varset(&id, "WAITSTATUS", status);
                    let found = call.detector.clone();
                    self.stasis_again(&id, &[found.status, found.cause, status]);
                }
            }
            Due::WaitAlone(id, serial) => {
                if let Some(call) = self.alive(&id, serial).map(|c| Arc::clone(&c.call)) {
                    let status = call.detector.wait_status;
                    self.varset(&id, "WAITSTATUS", status);
                    self.stasis_again(&id, &["MACHINE", "", status]);
                }
            }
            Due::Played(id, serial, playback) => self.played(&id, serial, &playback),
            Due::End(id, serial, end) => {
                if self.alive(&id, serial).is_some() {
                    self.end(&id, end);
                }
            }
            Due::Release(app) => self.release(&app),
        }
    }

    fn alive(&self, id: &str, serial: u64) -> Option<&Channel> {
        self.channels.get(id).filter(|c| c.serial == serial)
    }
}

/// The leg that a channel of ours is.
pub(crate) fn leg_of(channel: &str) -> Option<Leg> {
    match channel.parse::<ChannelId>().ok()?.role {
        Role::Leg(leg) => Some(leg),
        Role::Snoop | Role::Tap | Role::Amd => None,
    }
}
