//! What each request does, and how it is answered.

use std::{
    collections::{BTreeMap, VecDeque},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use tokio::sync::oneshot;

use super::{Channel, Due, End, Handled, Place, Played, State, Within, World, leg_of};
use crate::fake::{
    fault::{Fault, Kind},
    http::{Request, Response},
    log::{Entry, What},
    script::{Call, Far, Playback},
    wire,
};

impl World {
    /// Takes in a request: writes it down, finds its fault, carries it out unless the fault forbids.
    pub(crate) fn handle(&mut self, request: &Request) -> Handled {
        let (kind, channel) = self.classify(request);
        let entry = self.note(Entry {
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
            | Some(
                Fault::DoneBut(_)
                | Fault::Garbage
                | Fault::GarbageBody
                | Fault::Slow(_)
                | Fault::Late(_),
            ) => true,
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

    pub(super) fn classify(&self, request: &Request) -> (Kind, Option<String>) {
        let path: Vec<&str> = request.path.iter().map(String::as_str).collect();
        let owned = |id: &str| Some(id.to_owned());
        match (request.method.as_str(), path.as_slice()) {
            ("GET", ["events"]) => (Kind::Events, None),
            ("GET", ["channels"]) => (Kind::ListChannels, None),
            ("POST", ["channels"]) => (Kind::Originate, request.parameter("channelId")),
            ("POST", ["channels", id, "snoop", ..]) => (Kind::Snoop, owned(id)),
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
            ("GET", ["asterisk", "variable"]) => (Kind::GetGlobal, None),
            ("GET", ["asterisk", ..]) => (Kind::Asterisk, None),
            ("POST", ["asterisk", "variable"]) => (Kind::SetGlobal, None),
            ("GET", ["endpoints", ..]) => (Kind::Endpoints, None),
            ("GET", ["sounds", ..]) => (Kind::Sounds, None),
            _ => (Kind::Other, None),
        }
    }

    /// After how long a request is to be carried out.
    pub(crate) fn comes_late(&self, request: &Request) -> Option<Duration> {
        let (kind, channel) = self.classify(request);
        let leg = channel.as_deref().and_then(leg_of);
        let rule = self.rules.iter().find(|rule| rule.befalls(kind, leg))?;
        match rule.fault {
            Fault::Late(time) => Some(time),
            Fault::Refuse(_)
            | Fault::DoneBut(_)
            | Fault::Silence { .. }
            | Fault::Hang { .. }
            | Fault::Garbage
            | Fault::GarbageBody
            | Fault::Slow(_) => None,
        }
    }

    pub(super) fn fault_of(&mut self, kind: Kind, channel: Option<&str>) -> Option<Fault> {
        let leg = channel.and_then(leg_of);
        let mut rules = self.rules.iter_mut();
        let rule = rules.find(|rule| rule.befalls(kind, leg))?;
        rule.times -= 1;
        Some(rule.fault.clone())
    }

    pub(super) fn carry_out(
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
            Kind::SetGlobal => self.asterisk(request),
            Kind::Play => self.play(id, request),
            Kind::Snoop => self.snoop(id, request),
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
            Kind::Asterisk | Kind::GetGlobal => self.asterisk(request),
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

    pub(super) fn originate(&mut self, id: &str, request: &Request) -> Response {
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
            copies: None,
            ears: None,
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

    /// The dial string after the technology, and what its far end does; `None` if there is no such endpoint.
    pub(super) fn route(&mut self, endpoint: &str) -> Option<(String, Arc<Call>)> {
        if endpoint.contains("@aftertone-fetch") {
            return Some((endpoint.to_owned(), Self::fetcher()));
        }
        if let Some(local) = endpoint.strip_prefix("Local/") {
            return Some((local.to_owned(), Arc::new(Call::of(&[(1, Far::Answer)]))));
        }
        let dialled = endpoint.strip_prefix("PJSIP/")?;
        let (number, trunk) = dialled.split_once('@')?;
        let exists = self.settings.trunks.iter().any(|known| known == trunk);
        if !exists || self.settings.offline {
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

    pub(super) fn hang_up(&mut self, id: &str) -> Response {
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
    pub(super) fn in_stasis(&self, id: &str) -> Result<(), Response> {
        match self.channels.get(id) {
            None => Err(Response::message(404, "Channel not found")),
            Some(channel) if channel.within != Within::Stasis => {
                Err(Response::message(409, "Channel not in Stasis application"))
            }
            Some(_) => Ok(()),
        }
    }

    pub(super) fn go_on(&mut self, id: &str, request: &Request) -> Response {
        if let Err(response) = self.in_stasis(id) {
            return response;
        }
        self.emit(id, "StasisEnd", "", "", "");
        let context = request.parameter("context").unwrap_or_default();
        if context == self.settings.listen_context {
            self.listen(id);
            return Response::nothing();
        }
        if context == AMD_CONTEXT {
            self.judge(id);
            return Response::nothing();
        }
        if context != self.settings.context && self.settings.sends_on {
            self.lives_on(id, &context);
            return Response::nothing();
        }
        if context != self.settings.context {
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
        if request
            .parameter("extension")
            .is_some_and(|at| at == "wait")
        {
            channel.within = Within::WaitForSilence;
            let (serial, after) = (channel.serial, channel.call.detector.wait);
            self.dialplan(id, 1, "WaitForSilence", "2000,1,60");
            self.later(after, Due::WaitAlone(id.to_owned(), serial));
            return Response::nothing();
        }
        channel.within = Within::Detector;
        let (serial, after) = (channel.serial, channel.call.detector.verdict_after);
        self.dialplan(id, 1, "AMD", "2500,1500,1000,5000,100,50,4,256,5000");
        self.later(after, Due::Verdict(id.to_owned(), serial));
        Response::nothing()
    }

    pub(super) fn set_variable(
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

    pub(super) fn assign(&mut self, id: &str, name: &str, value: &str) {
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
    pub(super) fn limit(&mut self, id: &str, seconds: &str) {
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

    pub(super) fn get_variable(&self, id: &str, request: &Request) -> Response {
        let Some(channel) = self.channels.get(id) else {
            return Response::message(404, "Provided channel was not found");
        };
        let name = request.parameter("variable").unwrap_or_default();
        match channel.variables.get(&name) {
            Some(value) => Response::json(200, format!("{{\"value\":{}}}", wire::quoted(value))),
            None => Response::message(404, "Provided variable was not found"),
        }
    }

    pub(super) fn play(&mut self, id: &str, request: &Request) -> Response {
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

    pub(super) fn start_playing(&mut self, id: &str) {
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
    pub(super) fn played(&mut self, id: &str, serial: u64, playback: &str) {
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

    pub(super) fn playback(&mut self, request: &Request) -> Response {
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

    pub(super) fn application(&mut self, request: &Request) -> Response {
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

    pub(super) fn application_json(&self, name: &str) -> String {
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

    pub(super) fn asterisk(&mut self, request: &Request) -> Response {
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
            ["variable"] if request.method == "POST" => {
                let name = request.parameter("variable").unwrap_or_default();
                let value = request.parameter("value").unwrap_or_default();
                self.globals.insert(name, value);
                Response::nothing()
            }
            ["variable"] => {
                let name = request.parameter("variable").unwrap_or_default();
                let value = match name.as_str() {
                    "EPOCH" => self.clock.epoch().to_string(),
                    _ => self.globals.get(&name).cloned().unwrap_or_default(),
                };
                Response::json(200, format!("{{\"value\":{}}}", wire::quoted(&value)))
            }
            _ => Response::message(404, "Resource not found"),
        }
    }

    pub(super) fn endpoints(&self, request: &Request) -> Response {
        let state = if self.settings.offline {
            "offline"
        } else {
            "online"
        };
        let one = |trunk: &String| {
            format!(
                "{{\"technology\":\"PJSIP\",\"resource\":\"{trunk}\",\"state\":\"{state}\",\"channel_ids\":[]}}"
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
}

/// The context that lets AMD hear a copy of a call.
const AMD_CONTEXT: &str = "aftertone-amd";

/// How long the sound file of this name (without extension) plays; `None` if there is none.
fn length_of(path: &Path) -> Option<Duration> {
    let mut name = path.as_os_str().to_owned();
    name.push(".wav");
    let reader = hound::WavReader::open(PathBuf::from(name)).ok()?;
    let rate = f64::from(reader.spec().sample_rate);
    Some(Duration::from_secs_f64(f64::from(reader.duration()) / rate))
}
