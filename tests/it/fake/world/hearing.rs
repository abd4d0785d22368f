//! What lets a call be heard: `AudioSocket()` on the call itself, and its copy for AMD.

use std::{collections::VecDeque, sync::Weak, time::Duration};

use tokio::sync::oneshot;

use super::{Channel, Due, Place, State, Within, World};
use crate::fake::{
    audio::{self, FAILED, Line},
    fault::Opening,
    http::{Request, Response},
    wire,
};

impl World {
    /// Runs the context that connects the audio of a call to the address that its variables name.
    pub(super) fn listen(&mut self, id: &str) {
        let Some(channel) = self.channels.get_mut(id) else {
            return;
        };
        let variable = |name: &str| channel.variables.get(name).cloned().unwrap_or_default();
        let (limit, host, uuid) = (
            variable("AFTERTONE_LIMIT"),
            variable("AFTERTONE_EARS"),
            variable("AFTERTONE_UUID"),
        );
        channel.within = Within::Ears;
        let serial = channel.serial;
        self.dialplan(id, 1, "Set", &format!("TIMEOUT(absolute)={limit}"));
        self.limit(id, &limit);
        self.dialplan(id, 2, "Set", "CDR_PROP(disable)=0");
        let data = format!("AudioSocket({uuid},{host})");
        self.dialplan(id, 3, "TryExec", &data);
        let known = uuid.parse::<uuid::Uuid>().ok();
        let (Some(uuid), Some(channel)) = (known, self.channels.get_mut(id)) else {
            return self.audio_over(id, serial, FAILED);
        };
        if self.audio.opening == Opening::Missing {
            return self.audio_over(id, serial, FAILED);
        }
        let (ears, ended) = oneshot::channel();
        channel.ears = Some(ears);
        let line = Line {
            shared: Weak::clone(&self.shared),
            channel: id.to_owned(),
            serial,
            sound: channel.call.sound.clone(),
            reply: channel.call.reply.clone(),
            audio: self.audio,
        };
        tokio::spawn(audio::carry(line, host, uuid, ended));
    }

    /// The audio connection is over, and the dialplan goes on: after a moment in which the death of a program shows.
    pub(crate) fn audio_over(&mut self, id: &str, serial: u64, status: &'static str) {
        self.later(NOTICE, Due::Back(id.to_owned(), serial, status));
    }

    pub(super) fn back(&mut self, id: &str, serial: u64, status: &'static str) {
        let Some(channel) = self.channels.get_mut(id).filter(|c| c.serial == serial) else {
            return;
        };
        channel.ears = None;
        self.varset(id, "TRYSTATUS", status);
        self.limit(id, "3");
        self.stasis_again(id, &["EARS", status]);
    }

    /// A copy of what a channel receives, which ends with it.
    pub(super) fn snoop(&mut self, of: &str, request: &Request) -> Response {
        let Some(call) = self.channels.get(of).map(|c| c.call.clone()) else {
            return Response::message(404, "Channel not found");
        };
        let Some(id) = request.path.get(3).cloned() else {
            return Response::message(400, "Snoop ID is missing");
        };
        if self.channels.contains_key(&id) {
            return Response::message(409, "Channel with given unique ID already exists");
        }
        self.serial += 1;
        let parameter = |name: &str| request.parameter(name).unwrap_or_default();
        let channel = Channel {
            id: id.clone(),
            name: format!("Snoop/{of}-{:08x}", self.serial),
            state: State::Up,
            caller: String::new(),
            dialstring: String::new(),
            created: self.clock.stamp(),
            place: Place {
                context: "default".into(),
                priority: 1,
                app: "Stasis".into(),
                data: String::new(),
            },
            variables: std::collections::BTreeMap::new(),
            app: parameter("app"),
            app_args: parameter("appArgs"),
            serial: self.serial,
            call,
            within: Within::Stasis,
            ending: false,
            playing: VecDeque::new(),
            blocked: Vec::new(),
            limit: 0,
            copies: Some(of.to_owned()),
            ears: None,
        };
        let (json, args) = (wire::channel(&channel), channel.app_args.clone());
        self.channels.insert(id.clone(), channel);
        self.enter_stasis(&id, &args);
        Response::json(200, json)
    }

    /// Runs AMD on a copy.
    pub(super) fn judge(&mut self, id: &str) {
        let Some(channel) = self.channels.get_mut(id) else {
            return;
        };
        channel.within = Within::Detector;
        let (serial, after) = (channel.serial, channel.call.detector.verdict_after);
        self.dialplan(id, 1, "AMD", "2500,1500,1000,5000,100,50,4,256,5000");
        self.later(after, Due::Word(id.to_owned(), serial));
    }

    /// AMD has its word on a copy.
    pub(super) fn word(&mut self, id: &str, serial: u64) {
        let Some(channel) = self.alive(id, serial) else {
            return;
        };
        let (status, cause) = (channel.call.detector.status, channel.call.detector.cause);
        let back = channel.variables.get("AFTERTONE_RETURN").cloned();
        let (_, args) = back
            .as_deref()
            .and_then(|back| back.split_once(','))
            .unwrap_or_default();
        let args = format!("{args},{status},{cause}");
        self.varset(id, "AMDSTATUS", status);
        self.enter_stasis(id, &args);
    }
}

/// How long the dialplan waits when the connection is over.
const NOTICE: Duration = Duration::from_millis(200);
