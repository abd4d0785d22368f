//! The fake's PBX: its channels, playbacks and applications, and what each request does to them. What is answered and
//! sent is what Asterisk 22.10.1 was seen to answer and send, field by field.

use std::{
    collections::{BTreeMap, VecDeque},
    path::{Path, PathBuf},
    sync::Arc,
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
    fault::{Cut, Fault, Kind, Rule, Wire},
    http::{Request, Response},
    log::{Entry, What},
    script::{Call, Far, Playback, Script},
    wire,
    ws::{Outgoing, Sink},
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
    /// Numbers by their last digits; the longest match counts.
    pub(crate) scripts: BTreeMap<String, Script>,
    pub(crate) other_numbers: Script,
    /// Whether a `sound:` with an absolute path must be a file; it then plays as long as that is.
    pub(crate) files: bool,
    /// What GET /sounds knows.
    pub(crate) sounds: Vec<String>,
    pub(crate) context: String,
    /// How far the PBX's clock is ahead of ours, in milliseconds.
    pub(crate) clock_ahead: i64,
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
            scripts: BTreeMap::new(),
            other_numbers: Script::mailbox(),
            files: true,
            sounds: vec!["hello-world".into()],
            context: "aftertone-screen".into(),
            clock_ahead: 0,
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
    /// Where its record stands in the log.
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
    /// `TIMEOUT(absolute)`, or a place in the dialplan that does not exist: nobody said why.
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
    Silence(String, u64),
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

/// All of it.
pub(crate) struct World {
    pub(crate) settings: Settings,
    pub(crate) rules: Vec<Rule>,
    pub(crate) wire: Wire,
    pub(crate) log: Vec<Entry>,
    pub(crate) channels: BTreeMap<String, Channel>,
    playbacks: BTreeMap<String, Played>,
    apps: BTreeMap<String, App>,
    calls: BTreeMap<String, usize>,
    agenda: BTreeMap<(Instant, u64), Due>,
    serial: u64,
    random: u64,
    authorization: String,
    wake: Arc<Notify>,
    clock: wire::Clock,
}

impl World {
    pub(crate) fn new(settings: Settings, wake: Arc<Notify>) -> Self {
        let authorization = wire::basic(&settings.user, &settings.password);
        let clock = wire::Clock::new(settings.clock_ahead);
        Self {
            settings,
            rules: Vec::new(),
            wire: Wire::default(),
            log: Vec::new(),
            channels: BTreeMap::new(),
            playbacks: BTreeMap::new(),
            apps: BTreeMap::new(),
            calls: BTreeMap::new(),
            agenda: BTreeMap::new(),
            serial: 0,
            random: 1,
            authorization,
            wake,
            clock,
        }
    }

    // ---- the passing of time ----

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
            Due::Silence(id, serial) => {
                if let Some(call) = self.alive(&id, serial).map(|c| Arc::clone(&c.call)) {
                    let status = call.detector.wait_status;
                    self.varset(&id, "WAITSTATUS", status);
                    let found = call.detector.clone();
                    self.stasis_again(&id, &[found.status, found.cause, status]);
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

    // ---- requests ----

    /// Takes in a request: writes it down, finds its fault, carries it out unless the fault forbids.
    pub(crate) fn handle(&mut self, request: &Request) -> Handled {
        let (kind, channel) = self.classify(request);
        let entry = self.log.len();
        self.log.push(Entry {
            at: request.at,
            what: What::Request {
                kind,
                channel: channel.clone(),
                line: format!(
                    "{} /{}?{}",
                    request.method,
                    request.path.join("/"),
                    request.raw_query
                ),
                body: String::from_utf8_lossy(&request.body).into_owned(),
                status: None,
            },
        });
        let mut handled = Handled {
            response: Response::nothing(),
            blocked: None,
            fault: None,
            entry,
        };
        if request.authorization.as_ref() != Some(&self.authorization) {
            handled.response = Response::message(401, "Authentication required");
            return handled;
        }
        if self.settings.read_only && request.method != "GET" {
            handled.response = Response::message(403, "Write access denied");
            return handled;
        }
        handled.fault = self.fault_of(kind, channel.as_deref());
        let done = match &handled.fault {
            Some(Fault::Refuse(status)) => {
                handled.response = Response::message(*status, "Fault on purpose");
                false
            }
            Some(Fault::Silence { done } | Fault::Hang { done }) => *done,
            None
            | Some(Fault::DoneBut(_) | Fault::Garbage | Fault::GarbageBody | Fault::Slow(_)) => {
                true
            }
        };
        if done {
            let (response, blocked) = self.carry_out(kind, channel.as_deref(), request);
            handled.response = response;
            handled.blocked = blocked;
            if let Some(Fault::DoneBut(status)) = handled.fault {
                handled.response = Response::message(status, "Fault on purpose");
            }
        }
        handled
    }

    fn classify(&self, request: &Request) -> (Kind, Option<String>) {
        let path: Vec<&str> = request.path.iter().map(String::as_str).collect();
        let owned = |id: &str| Some(id.to_owned());
        match (request.method.as_str(), path.as_slice()) {
            ("GET", ["events"]) => (Kind::Events, None),
            ("GET", ["channels"]) => (Kind::ListChannels, None),
            ("POST", ["channels"]) => (Kind::Originate, request.parameter("channelId")),
            ("POST", ["channels", id]) => (Kind::Originate, owned(id)),
            ("GET", ["channels", id]) => (Kind::GetChannel, owned(id)),
            ("DELETE", ["channels", id]) => (Kind::HangUp, owned(id)),
            ("POST", ["channels", id, "continue"]) => (Kind::Continue, owned(id)),
            ("POST", ["channels", id, "variable"]) => (Kind::SetVariable, owned(id)),
            ("GET", ["channels", id, "variable"]) => (Kind::GetVariable, owned(id)),
            ("POST", ["channels", id, "play", ..]) => (Kind::Play, owned(id)),
            (method, ["playbacks", id]) => {
                let kind = if method == "DELETE" {
                    Kind::StopPlay
                } else {
                    Kind::GetPlayback
                };
                (kind, self.playbacks.get(*id).map(|p| p.channel.clone()))
            }
            (_, ["applications", ..]) => (Kind::Applications, None),
            ("GET", ["asterisk", ..]) => (Kind::Asterisk, None),
            ("GET", ["endpoints", ..]) => (Kind::Endpoints, None),
            ("GET", ["sounds", ..]) => (Kind::Sounds, None),
            _ => (Kind::Other, None),
        }
    }

    fn fault_of(&mut self, kind: Kind, channel: Option<&str>) -> Option<Fault> {
        let leg = channel.and_then(leg_of);
        for rule in &mut self.rules {
            let about = rule.kind == kind && (rule.leg.is_none() || rule.leg == leg);
            if !about || rule.times == 0 {
                continue;
            }
            rule.times -= 1;
            return Some(rule.fault.clone());
        }
        None
    }

    fn carry_out(
        &mut self,
        kind: Kind,
        channel: Option<&str>,
        request: &Request,
    ) -> (Response, Option<oneshot::Receiver<()>>) {
        let id = channel.unwrap_or_default();
        let response = match kind {
            Kind::Originate => self.originate(id, request),
            Kind::HangUp => self.hang_up(id),
            Kind::Continue => self.go_on(id, request),
            Kind::SetVariable => return self.set_variable(id, request),
            Kind::GetVariable => self.get_variable(id, request),
            Kind::Play => self.play(id, request),
            Kind::StopPlay | Kind::GetPlayback => self.playback(request),
            Kind::ListChannels => {
                let all: Vec<_> = self.channels.values().map(wire::channel).collect();
                Response::json(200, format!("[{}]", all.join(",")))
            }
            Kind::GetChannel => match self.channels.get(id) {
                Some(channel) => Response::json(200, wire::channel(channel)),
                None => Response::message(404, "Channel not found"),
            },
            Kind::Applications => self.application(request),
            Kind::Asterisk => self.asterisk(request),
            Kind::Endpoints => self.endpoints(request),
            Kind::Sounds => match request.path.get(1) {
                Some(sound) if self.settings.sounds.contains(sound) => Response::json(
                    200,
                    format!(
                        "{{\"id\":\"{sound}\",\"formats\":[{{\"language\":\"en\",\"format\":\"slin\"}}]}}"
                    ),
                ),
                _ => Response::message(404, "Sound not found"),
            },
            Kind::Events | Kind::Other => Response::message(404, "Resource not found"),
        };
        (response, None)
    }

    fn originate(&mut self, id: &str, request: &Request) -> Response {
        if !request.body.is_empty()
            && serde_json::from_slice::<serde_json::Value>(&request.body).is_err()
        {
            return Response::message(400, "Error parsing request body");
        }
        let Some(endpoint) = request.parameter("endpoint") else {
            return Response::message(400, "Endpoint must be specified");
        };
        let Some(app) = request.parameter("app") else {
            return Response::message(400, "Application or extension must be specified");
        };
        if id.len() > 149 {
            return Response::message(400, "Uniqueid length exceeds maximum of 149");
        }
        if self.channels.contains_key(id) {
            return Response::message(409, "Channel with given unique ID already exists");
        }
        let Some((dialled, call)) = self.route(&endpoint) else {
            return Response::json(500, "{\"error\":\"Allocation failed\"}");
        };
        self.serial += 1;
        let serial = self.serial;
        let body: serde_json::Value = serde_json::from_slice(&request.body).unwrap_or_default();
        let variables: BTreeMap<String, String> = body
            .get("variables")
            .and_then(|v| serde_json::from_value(v.clone()).ok())
            .unwrap_or_default();
        let channel = Channel {
            id: id.to_owned(),
            name: format!("PJSIP/carrier-{serial:08x}"),
            state: State::Down,
            caller: request.parameter("callerId").unwrap_or_default(),
            dialstring: dialled,
            created: self.clock.stamp(),
            place: Place {
                context: "from-trunk".into(),
                priority: 1,
                app: "AppDial2".into(),
                data: "(Outgoing Line)".into(),
            },
            variables,
            app,
            app_args: request.parameter("appArgs").unwrap_or_default(),
            serial,
            call: Arc::clone(&call),
            within: Within::Dial,
            ending: false,
            playing: VecDeque::new(),
            blocked: Vec::new(),
            limit: 0,
        };
        let json = wire::channel(&channel);
        let limit = channel.variables.get("TIMEOUT(absolute)").cloned();
        self.channels.insert(id.to_owned(), channel);
        self.dial(id, "");
        if let Some(&(after, _)) = call.steps.first() {
            self.later(after, Due::Step(id.to_owned(), serial, 0));
        }
        let timeout: i64 = request
            .parameter("timeout")
            .and_then(|t| t.parse().ok())
            .unwrap_or(30);
        if let Ok(seconds) = u64::try_from(timeout) {
            let after = Duration::from_secs(seconds);
            self.later(after, Due::Unanswered(id.to_owned(), serial));
        }
        if let Some(limit) = limit {
            self.limit(id, &limit);
        }
        Response::json(200, json)
    }

    /// The dial string after the technology, and what its far end does; `None` where there is no such endpoint.
    fn route(&mut self, endpoint: &str) -> Option<(String, Arc<Call>)> {
        if let Some(local) = endpoint.strip_prefix("Local/") {
            return Some((local.to_owned(), Arc::new(Call::of(&[(1, Far::Answer)]))));
        }
        let dialled = endpoint.strip_prefix("PJSIP/")?;
        let (number, trunk) = dialled.split_once('@')?;
        if !self.settings.trunks.iter().any(|known| known == trunk) {
            return None;
        }
        let script = (0..number.len())
            .find_map(|from| self.settings.scripts.get(number.get(from..)?))
            .unwrap_or(&self.settings.other_numbers);
        let nth = self.calls.entry(number.to_owned()).or_default();
        let call = script.0.get(*nth).or(script.0.last())?.clone();
        *nth += 1;
        Some((dialled.to_owned(), Arc::new(call)))
    }

    fn hang_up(&mut self, id: &str) -> Response {
        let Some(channel) = self.channels.get_mut(id) else {
            return Response::message(404, "Channel not found");
        };
        if !channel.ending {
            channel.ending = true;
            let serial = channel.serial;
            self.emit(
                id,
                "ChannelHangupRequest",
                "soft",
                "\"cause\":32,\"soft\":true,",
                "",
            );
            if self.settings.hang_up_takes.is_zero() {
                self.end(id, End::Asked);
            } else {
                let due = Due::End(id.to_owned(), serial, End::Asked);
                self.later(self.settings.hang_up_takes, due);
            }
        }
        Response::nothing()
    }

    /// Answers a request that only a channel in Stasis takes.
    fn in_stasis(&self, id: &str) -> Result<(), Response> {
        match self.channels.get(id) {
            None => Err(Response::message(404, "Channel not found")),
            Some(channel) if channel.within != Within::Stasis => {
                Err(Response::message(409, "Channel not in Stasis application"))
            }
            Some(_) => Ok(()),
        }
    }

    fn go_on(&mut self, id: &str, request: &Request) -> Response {
        if let Err(response) = self.in_stasis(id) {
            return response;
        }
        self.emit(id, "StasisEnd", "", "", "");
        if request.parameter("context").as_ref() != Some(&self.settings.context) {
            if let Some(channel) = self.channels.get_mut(id) {
                channel.within = Within::Dial;
            }
            self.varset(id, "STASISSTATUS", "SUCCESS");
            self.end(id, End::Limit);
            return Response::nothing();
        }
        let Some(channel) = self.channels.get_mut(id) else {
            return Response::nothing();
        };
        channel.within = Within::Detector;
        let (serial, after) = (channel.serial, channel.call.detector.verdict_after);
        self.dialplan(id, 1, "AMD", "2500,1500,1000,5000,100,50,4,256,5000");
        self.later(after, Due::Verdict(id.to_owned(), serial));
        Response::nothing()
    }

    fn set_variable(
        &mut self,
        id: &str,
        request: &Request,
    ) -> (Response, Option<oneshot::Receiver<()>>) {
        if let Err(response) = self.in_stasis(id) {
            return (response, None);
        }
        let Some(name) = request.parameter("variable") else {
            return (Response::message(400, "Variable name is required"), None);
        };
        let value = request.parameter("value").unwrap_or_default();
        let Some(channel) = self.channels.get_mut(id) else {
            return (Response::message(404, "Channel not found"), None);
        };
        // The channel's thread is busy playing and takes the command only when it has done so.
        if !channel.playing.is_empty() {
            let (tell, told) = oneshot::channel();
            channel.blocked.push((name, value, tell));
            return (Response::nothing(), Some(told));
        }
        self.assign(id, &name, &value);
        (Response::nothing(), None)
    }

    fn assign(&mut self, id: &str, name: &str, value: &str) {
        if name == "TIMEOUT(absolute)" {
            self.limit(id, value);
        } else {
            self.varset(id, name, value);
        }
        if let Some(channel) = self.channels.get_mut(id) {
            channel.variables.insert(name.into(), value.into());
        }
    }

    /// Arms the time after which the PBX itself ends the channel; 0 disarms it.
    fn limit(&mut self, id: &str, seconds: &str) {
        let Some(channel) = self.channels.get_mut(id) else {
            return;
        };
        channel.limit += 1;
        let (serial, limit) = (channel.serial, channel.limit);
        if let Ok(seconds) = seconds.parse::<f64>()
            && seconds > 0.0
        {
            let after = Duration::from_secs_f64(seconds);
            self.later(after, Due::Limit(id.to_owned(), serial, limit));
        }
    }

    fn get_variable(&self, id: &str, request: &Request) -> Response {
        let Some(channel) = self.channels.get(id) else {
            return Response::message(404, "Provided channel was not found");
        };
        let name = request.parameter("variable").unwrap_or_default();
        match channel.variables.get(&name) {
            Some(value) => Response::json(200, format!("{{\"value\":{}}}", wire::quoted(value))),
            None => Response::message(404, "Provided variable was not found"),
        }
    }

    fn play(&mut self, id: &str, request: &Request) -> Response {
        if let Err(response) = self.in_stasis(id) {
            return response;
        }
        let Some(media) = request.parameter("media") else {
            return Response::message(400, "Media is required");
        };
        self.serial += 1;
        let playback = request
            .path
            .get(3)
            .cloned()
            .or_else(|| request.parameter("playbackId"))
            .unwrap_or_else(|| format!("fake-{}", self.serial));
        if self.playbacks.contains_key(&playback) {
            return Response::message(409, "Playback with given ID already exists");
        }
        let json = wire::playback(&playback, &media, id, "queued");
        self.playbacks.insert(
            playback.clone(),
            Played {
                channel: id.to_owned(),
                media,
                state: "queued",
            },
        );
        let Some(channel) = self.channels.get_mut(id) else {
            return Response::message(404, "Channel not found");
        };
        channel.playing.push_back(playback);
        if channel.playing.len() == 1 {
            self.start_playing(id);
        }
        Response::json(201, json)
    }

    fn start_playing(&mut self, id: &str) {
        let Some(channel) = self.channels.get(id) else {
            return;
        };
        let Some(playback) = channel.playing.front().cloned() else {
            return;
        };
        let (serial, mut how) = (channel.serial, channel.call.playback);
        let Some(played) = self.playbacks.get_mut(&playback) else {
            return;
        };
        played.state = "playing";
        if let Some(file) = played.media.strip_prefix("sound:")
            && file.starts_with('/')
            && self.settings.files
        {
            how = match (how, length_of(Path::new(file))) {
                (_, None) => Playback::Failed,
                (Playback::Whole(_), Some(length)) => Playback::Whole(length),
                (other, Some(_)) => other,
            };
        }
        self.playback_event(&playback, "PlaybackStarted");
        let played = |after| (after, Due::Played(id.to_owned(), serial, playback.clone()));
        let (after, due) = match how {
            Playback::Whole(length) | Playback::Early(length) => played(length),
            Playback::Failed => {
                if let Some(played) = self.playbacks.get_mut(&playback) {
                    played.state = "failed";
                }
                played(Duration::ZERO)
            }
            Playback::Endless => return,
            Playback::HungUp(after) => {
                let end = End::Far {
                    q850: 16,
                    sip: None,
                };
                (after, Due::End(id.to_owned(), serial, end))
            }
        };
        self.later(after, due);
    }

    /// A playback has come to its end, or was stopped.
    fn played(&mut self, id: &str, serial: u64, playback: &str) {
        let current = self
            .alive(id, serial)
            .is_some_and(|c| c.playing.front().is_some_and(|front| front == playback));
        if !current {
            return;
        }
        if let Some(played) = self.playbacks.get_mut(playback)
            && played.state == "playing"
        {
            played.state = "done";
        }
        self.playback_event(playback, "PlaybackFinished");
        self.playbacks.remove(playback);
        let Some(channel) = self.channels.get_mut(id) else {
            return;
        };
        channel.playing.pop_front();
        for (name, value, tell) in std::mem::take(&mut channel.blocked) {
            self.assign(id, &name, &value);
            let _ = tell.send(());
        }
        self.start_playing(id);
    }

    fn playback(&mut self, request: &Request) -> Response {
        let id = request.path.get(1).cloned().unwrap_or_default();
        let Some(played) = self.playbacks.get(&id) else {
            return Response::message(404, "Playback not found");
        };
        if request.method != "DELETE" {
            let json = wire::playback(&id, &played.media, &played.channel, played.state);
            return Response::json(200, json);
        }
        let channel = played.channel.clone();
        if let Some(serial) = self.channels.get(&channel).map(|c| c.serial) {
            self.played(&channel, serial, &id);
        }
        Response::nothing()
    }

    fn application(&mut self, request: &Request) -> Response {
        let Some(name) = request.path.get(1) else {
            let active = self.apps.iter().filter(|(_, app)| app.sink.is_some());
            let all: Vec<_> = active
                .map(|(name, _)| self.application_json(name))
                .collect();
            return Response::json(200, format!("[{}]", all.join(",")));
        };
        let Some(app) = self.apps.get_mut(name) else {
            return Response::message(404, "Application not found");
        };
        if request
            .path
            .get(2)
            .is_some_and(|part| part == "eventFilter")
        {
            let body: serde_json::Value = serde_json::from_slice(&request.body).unwrap_or_default();
            let types = body.get("disallowed").and_then(|list| list.as_array());
            app.disallowed = types
                .into_iter()
                .flatten()
                .filter_map(|one| one.get("type")?.as_str().map(str::to_owned))
                .collect();
        }
        let source = request.parameter("eventSource").unwrap_or_default();
        let unknown = source
            .split(',')
            .filter_map(|one| one.strip_prefix("channel:"))
            .any(|id| !self.channels.contains_key(id));
        if unknown {
            return Response::message(422, "Event source does not exist");
        }
        Response::json(200, self.application_json(name))
    }

    fn application_json(&self, name: &str) -> String {
        let ids: Vec<_> = self
            .channels
            .values()
            .filter(|c| c.app == name)
            .map(|c| wire::quoted(&c.id))
            .collect();
        format!(
            "{{\"name\":\"{name}\",\"channel_ids\":[{}],\"bridge_ids\":[],\"endpoint_ids\":[],\"device_names\":[],\
             \"events_allowed\":[],\"events_disallowed\":[]}}",
            ids.join(",")
        )
    }

    fn asterisk(&mut self, request: &Request) -> Response {
        let rest: Vec<&str> = request.path.iter().skip(1).map(String::as_str).collect();
        match rest.as_slice() {
            ["info"] => {
                Response::json(200, wire::info(&self.settings.version, &self.clock.stamp()))
            }
            ["ping"] => Response::json(200, wire::ping(&self.clock.stamp())),
            ["modules"] => {
                let all: Vec<_> = wire::MODULES
                    .iter()
                    .map(|name| wire::module(name))
                    .collect();
                Response::json(200, format!("[{}]", all.join(",")))
            }
            ["modules", name] if wire::MODULES.contains(name) => {
                Response::json(200, wire::module(name))
            }
            ["modules", _] => {
                Response::message(404, "Module could not be found in running modules")
            }
            ["variable"] => {
                let name = request.parameter("variable").unwrap_or_default();
                let value = match name.as_str() {
                    "EPOCH" => self.clock.epoch().to_string(),
                    _ => String::new(),
                };
                Response::json(200, format!("{{\"value\":\"{value}\"}}"))
            }
            _ => Response::message(404, "Resource not found"),
        }
    }

    fn endpoints(&self, request: &Request) -> Response {
        let one = |trunk: &String| {
            format!(
                "{{\"technology\":\"PJSIP\",\"resource\":\"{trunk}\",\"state\":\"online\",\"channel_ids\":[]}}"
            )
        };
        match request.path.get(2) {
            Some(resource) if self.settings.trunks.contains(resource) => {
                Response::json(200, one(resource))
            }
            Some(_) => Response::message(404, "Endpoint not found"),
            None => {
                let all: Vec<_> = self.settings.trunks.iter().map(one).collect();
                Response::json(200, format!("[{}]", all.join(",")))
            }
        }
    }

    // ---- the life of a channel ----

    fn step(&mut self, id: &str, serial: u64, index: usize) {
        let Some(channel) = self.channels.get_mut(id).filter(|c| c.serial == serial) else {
            return;
        };
        let call = Arc::clone(&channel.call);
        if let Some(&(after, _)) = call.steps.get(index + 1) {
            self.later(after, Due::Step(id.to_owned(), serial, index + 1));
        }
        let Some(&(_, far)) = call.steps.get(index) else {
            return;
        };
        match far {
            Far::Ringing => self.ringing(id, serial),
            Far::Progress => self.dial(id, "PROGRESS"),
            Far::Answer => self.answered(id),
            Far::Refuse { q850, sip } => self.end(
                id,
                End::Far {
                    q850,
                    sip: Some(sip),
                },
            ),
            Far::HangUp => self.end(
                id,
                End::Far {
                    q850: 16,
                    sip: None,
                },
            ),
        }
    }

    /// The state change comes from the SIP stack and the Dial event from the dialling thread: in either order.
    fn ringing(&mut self, id: &str, serial: u64) {
        if serial.is_multiple_of(2) {
            self.dial(id, "RINGING");
        }
        self.change_state(id, State::Ringing);
        if !serial.is_multiple_of(2) {
            self.dial(id, "RINGING");
        }
    }

    fn change_state(&mut self, id: &str, state: State) {
        let Some(channel) = self.channels.get_mut(id) else {
            return;
        };
        channel.state = state;
        self.emit(id, "ChannelStateChange", wire::state(state), "", "");
    }

    fn answered(&mut self, id: &str) {
        self.change_state(id, State::Up);
        self.dial(id, "ANSWER");
        let Some(channel) = self.channels.get_mut(id) else {
            return;
        };
        if channel.ending {
            return;
        }
        let args = channel.app_args.clone();
        self.enter_stasis(id, &args);
    }

    /// Runs Stasis(); where nobody listens to the app it fails, and the call ends.
    fn enter_stasis(&mut self, id: &str, args: &str) {
        let Some(channel) = self.channels.get_mut(id) else {
            return;
        };
        let active = self
            .apps
            .get(&channel.app)
            .is_some_and(|a| a.sink.is_some());
        if !active {
            self.end(id, End::Dialplan);
            return;
        }
        channel.within = Within::Stasis;
        channel.place.app = "Stasis".into();
        channel.place.data = format!("{},{args}", channel.app);
        self.varset(id, "STASISSTATUS", "");
        let list: Vec<_> = args.split(',').map(wire::quoted).collect();
        let list = format!(",\"args\":[{}]", list.join(","));
        self.emit(id, "StasisStart", args, "", &list);
    }

    fn leave_stasis(&mut self, id: &str) {
        self.emit(id, "StasisEnd", "", "", "");
        self.varset(id, "STASISSTATUS", "SUCCESS");
    }

    fn verdict(&mut self, id: &str, serial: u64) {
        let Some(channel) = self.alive(id, serial) else {
            return;
        };
        let found = channel.call.detector.clone();
        let play_anyway = channel
            .variables
            .get("AFTERTONE_WHEN_UNSURE")
            .is_some_and(|policy| policy == "play");
        self.varset(id, "AMDSTATUS", found.status);
        self.varset(id, "AMDCAUSE", found.cause);
        let both = format!("{},{}", found.status, found.cause);
        self.dialplan(id, 2, "Set", &format!("AFTERTONE_VERDICT={both}"));
        self.varset(id, "AFTERTONE_VERDICT", &both);
        self.dialplan(id, 3, "GotoIf", "0?let-go");
        let machine = found.status == "MACHINE" && !found.cause.starts_with("INITIALSILENCE");
        if machine || (play_anyway && found.status != "HUMAN") {
            self.dialplan(id, 9, "WaitForSilence", "2000,1,60");
            if let Some(channel) = self.channels.get_mut(id) {
                channel.within = Within::WaitForSilence;
            }
            self.later(found.wait, Due::Silence(id.to_owned(), serial));
        } else {
            self.limit(id, "2");
            self.stasis_again(id, &[found.status, found.cause]);
        }
    }

    /// The dialplan gives the channel back, with what it found.
    fn stasis_again(&mut self, id: &str, found: &[&str]) {
        let Some(channel) = self.channels.get(id) else {
            return;
        };
        let variable = |name: &str| channel.variables.get(name).cloned().unwrap_or_default();
        let args = format!("{},{}", variable("AFTERTONE_DROP"), found.join(","));
        let data = format!("{},{args}", variable("AFTERTONE_APP"));
        self.dialplan(id, 10, "Stasis", &data);
        self.enter_stasis(id, &args);
    }

    fn end(&mut self, id: &str, end: End) {
        let Some(channel) = self.channels.get(id) else {
            return;
        };
        let (state, within) = (channel.state, channel.within);
        let tech = |sip: Option<u16>| {
            sip.map(|sip| format!(",\"tech_cause\":{sip}"))
                .unwrap_or_default()
        };
        let (q850, sip) = match end {
            End::Asked | End::Dialplan => (16, None),
            End::Far { q850, sip } => (q850, sip),
            End::Unanswered => (19, Some(480)),
            End::Limit => (0, None),
        };
        if let End::Far { q850, sip } = end {
            let head = format!("\"cause\":{q850}{},", tech(sip));
            self.emit(id, "ChannelHangupRequest", "far", &head, "");
            if within == Within::Detector {
                self.varset(id, "AMDSTATUS", "HANGUP");
            }
        }
        self.stop_playing(id);
        if state != State::Up && matches!(end, End::Asked | End::Far { .. }) {
            self.dial(id, wire::dial_status(q850));
        }
        if within == Within::Stasis {
            self.leave_stasis(id);
        }
        if state == State::Up {
            for (name, value) in wire::RTP_STATISTICS {
                self.varset(id, name, value);
            }
        }
        let foot = format!(
            ",\"cause\":{q850},\"cause_txt\":\"{}\"{}",
            wire::cause_text(q850),
            tech(sip)
        );
        if let Some(channel) = self.channels.get_mut(id) {
            channel.place.app = "AppDial2".into();
            channel.place.data = "(Outgoing Line)".into();
        }
        self.emit(id, "ChannelDestroyed", &q850.to_string(), "", &foot);
        self.channels.remove(id);
    }

    fn stop_playing(&mut self, id: &str) {
        let Some(channel) = self.channels.get_mut(id) else {
            return;
        };
        let queued = std::mem::take(&mut channel.playing);
        for (nth, playback) in queued.into_iter().enumerate() {
            if let Some(played) = self.playbacks.get_mut(&playback) {
                played.state = "failed";
            }
            if nth == 0 {
                self.playback_event(&playback, "PlaybackFinished");
            }
            self.playbacks.remove(&playback);
        }
    }

    // ---- events ----

    fn dial(&mut self, id: &str, status: &str) {
        let Some(channel) = self.channels.get(id) else {
            return;
        };
        let foot = format!(
            ",\"dialstatus\":\"{status}\",\"forward\":\"\",\"dialstring\":{}",
            wire::quoted(&channel.dialstring)
        );
        self.emit(id, "Dial", status, "", &foot);
    }

    fn varset(&mut self, id: &str, name: &str, value: &str) {
        let head = format!(
            "\"variable\":{},\"value\":{},",
            wire::quoted(name),
            wire::quoted(value)
        );
        if let Some(channel) = self.channels.get_mut(id) {
            channel.variables.insert(name.into(), value.into());
        }
        self.emit(id, "ChannelVarset", name, &head, "");
    }

    fn dialplan(&mut self, id: &str, priority: u32, app: &str, data: &str) {
        let Some(channel) = self.channels.get_mut(id) else {
            return;
        };
        channel.place = Place {
            context: self.settings.context.clone(),
            priority,
            app: app.into(),
            data: data.into(),
        };
        let foot = format!(
            ",\"dialplan_app\":\"{app}\",\"dialplan_app_data\":{}",
            wire::quoted(data)
        );
        self.emit(id, "ChannelDialplan", app, "", &foot);
    }

    fn playback_event(&mut self, playback: &str, kind: &'static str) {
        let Some(played) = self.playbacks.get(playback) else {
            return;
        };
        let Some(channel) = self.channels.get(&played.channel) else {
            return;
        };
        let json = format!(
            "{{\"type\":\"{kind}\",\"timestamp\":\"{}\",\"playback\":{},\"asterisk_id\":\"{}\",\"application\":\"{}\"}}",
            self.clock.stamp(),
            wire::playback(playback, &played.media, &played.channel, played.state),
            wire::ASTERISK_ID,
            channel.app
        );
        let (app, id) = (channel.app.clone(), played.channel.clone());
        self.send(&app, kind, Some(&id), playback, json);
    }

    /// Sends an event about a channel: `head` stands before its type, `foot` after its time.
    fn emit(&mut self, id: &str, kind: &'static str, detail: &str, head: &str, foot: &str) {
        let Some(channel) = self.channels.get(id) else {
            return;
        };
        let json = format!(
            "{{{head}\"type\":\"{kind}\",\"timestamp\":\"{}\"{foot},\"{}\":{},\"asterisk_id\":\"{}\",\"application\":\"{}\"}}",
            self.clock.stamp(),
            if kind == "Dial" { "peer" } else { "channel" },
            wire::channel(channel),
            wire::ASTERISK_ID,
            channel.app
        );
        let app = channel.app.clone();
        self.send(&app, kind, Some(id), detail, json);
    }

    fn send(
        &mut self,
        app: &str,
        kind: &'static str,
        channel: Option<&str>,
        detail: &str,
        json: String,
    ) {
        let number = self.log.len();
        let leg = channel.and_then(leg_of);
        self.log.push(Entry {
            at: Instant::now(),
            what: What::Event {
                kind,
                channel: channel.map(str::to_owned),
                detail: detail.to_owned(),
                sent: false,
            },
        });
        let about = |cut: &Option<Cut>, before: bool| match cut {
            Some(Cut::Before(type_, of)) => before && *type_ == kind && Some(*of) == leg,
            Some(Cut::After(type_, of)) => !before && *type_ == kind && Some(*of) == leg,
            Some(Cut::AtByte(_)) | None => false,
        };
        if about(&self.wire.cut, true) {
            self.wire.cut = None;
            self.cut(app);
            return;
        }
        let cut_after = about(&self.wire.cut, false);
        let Some(App {
            sink: Some(sink),
            held,
            disallowed,
        }) = self.apps.get_mut(app)
        else {
            return;
        };
        if disallowed.iter().any(|one| one == kind) {
            return;
        }
        if !self.wire.lost.contains(&kind) {
            if let Some(noise) = self.wire.noise {
                sink.push(Outgoing::Text(noise.to_owned(), None));
            }
            for _ in 0..self.wire.repeats {
                sink.push(Outgoing::Text(json.clone(), None));
            }
            let overtaken = self.wire.shuffle.is_some() && {
                // Knuth's MMIX generator; its highest bit is the best one.
                let step = self.wire.shuffle.unwrap_or_default() | 1;
                self.random = self
                    .random
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(step);
                self.random >> 63 == 1
            };
            if overtaken && held.is_none() {
                *held = Some((json, number));
                self.later(Duration::from_millis(15), Due::Release(app.to_owned()));
            } else {
                sink.push(Outgoing::Text(json, Some(number)));
                if let Some((json, number)) = held.take() {
                    sink.push(Outgoing::Text(json, Some(number)));
                }
            }
        }
        if cut_after {
            self.wire.cut = None;
            self.cut(app);
        }
    }

    /// Sends the event that waited to be overtaken, where none came.
    fn release(&mut self, app: &str) {
        if let Some(App {
            sink: Some(sink),
            held,
            ..
        }) = self.apps.get_mut(app)
            && let Some((json, number)) = held.take()
        {
            sink.push(Outgoing::Text(json, Some(number)));
        }
    }

    /// The events with these numbers were written at this time.
    pub(crate) fn sent(&mut self, numbers: &[usize], at: Instant) {
        for &number in numbers {
            if let Some(entry) = self.log.get_mut(number)
                && let What::Event { sent, .. } = &mut entry.what
            {
                *sent = true;
                entry.at = at;
            }
        }
    }

    // ---- event connections ----

    /// An event websocket has been opened for an app; who had it before is told, and hears nothing more.
    pub(crate) fn connected(&mut self, app: &str, sink: &Arc<Sink>) {
        let stamp = self.clock.stamp();
        let slot = self.apps.entry(app.to_owned()).or_default();
        slot.held = None;
        if let Some(old) = slot.sink.replace(Arc::clone(sink)) {
            old.push(Outgoing::Text(wire::replaced(app, &stamp), None));
        }
    }

    /// An event websocket has ended: the app is inactive, unless another has taken it.
    pub(crate) fn disconnected(&mut self, app: &str, sink: &Arc<Sink>) {
        if let Some(slot) = self.apps.get_mut(app)
            && slot.sink.as_ref().is_some_and(|s| Arc::ptr_eq(s, sink))
        {
            slot.sink = None;
            slot.held = None;
        }
    }

    /// Ends an app's event connection without a word.
    pub(crate) fn cut(&mut self, app: &str) {
        if let Some(slot) = self.apps.get_mut(app)
            && let Some(sink) = slot.sink.take()
        {
            slot.held = None;
            sink.push(Outgoing::Cut);
        }
    }

    /// Tells every app that another program has taken its name.
    pub(crate) fn replace_all(&mut self) {
        let names: Vec<String> = self.apps.keys().cloned().collect();
        for name in names {
            self.connected(&name, &Arc::default());
        }
    }

    /// The apps that are listened to.
    pub(crate) fn active_apps(&self) -> Vec<String> {
        let active = self.apps.iter().filter(|(_, app)| app.sink.is_some());
        active.map(|(name, _)| name.clone()).collect()
    }

    /// The PBX stops: every channel is gone, and nobody is told.
    pub(crate) fn forget(&mut self) {
        self.channels.clear();
        self.playbacks.clear();
        self.apps.clear();
        self.agenda.clear();
    }
}

/// The leg that a channel of ours is.
pub(crate) fn leg_of(channel: &str) -> Option<Leg> {
    match channel.parse::<ChannelId>().ok()?.role {
        Role::Leg(leg) => Some(leg),
        Role::Snoop | Role::Tap | Role::Amd => None,
    }
}

/// How long the sound file of this name (without extension) plays; `None` where there is none.
fn length_of(path: &Path) -> Option<Duration> {
    let mut name = path.as_os_str().to_owned();
    name.push(".wav");
    let reader = hound::WavReader::open(PathBuf::from(name)).ok()?;
    let rate = f64::from(reader.spec().sample_rate);
    Some(Duration::from_secs_f64(f64::from(reader.duration()) / rate))
}
