//! A channel from its first step to its end.

use std::sync::Arc;

use aftertone::words::Leg;

use super::{Channel, Due, End, State, Within, World, leg_of};
use crate::fake::{script::Far, wire};

impl World {
    pub(super) fn step(&mut self, id: &str, serial: u64, index: usize) {
        let Some(channel) = self.channels.get_mut(id).filter(|c| c.serial == serial) else {
            return;
        };
        let call = Arc::clone(&channel.call);
        if let Some(&(after, _)) = call.steps.get(index + 1) {
            self.later(after, Due::Step(id.to_owned(), serial, index + 1));
        }
        if let Some(&(_, far)) = call.steps.get(index) {
            self.act(id, serial, far);
        }
    }

    fn act(&mut self, id: &str, serial: u64, far: Far) {
        match far {
            Far::Ringing => self.ringing(id, serial),
            Far::Progress => self.dial(id, "PROGRESS"),
            Far::Answer => self.answered(id),
            Far::Redirect { to, told } => self.redirected(id, to, told),
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
            Far::HandOver => self.hand_over(id),
            Far::Hold => self.emit(id, "ChannelHold", "", "", ""),
            Far::Unhold => self.emit(id, "ChannelUnhold", "", "", ""),
        }
    }

    /// The PBX dials another number by a channel of its own, which goes on as the call that it replaces would have.
    fn redirected(&mut self, id: &str, to: &'static str, told: bool) {
        let Some((dialled, call)) = self.route(&format!("PJSIP/{to}@carrier")) else {
            return;
        };
        let Some(channel) = self.channels.get(id) else {
            return;
        };
        self.serial += 1;
        let serial = self.serial;
        let other = format!("1699999999.{serial}");
        let forwarded = Channel {
            id: other.clone(),
            name: format!("PJSIP/carrier-{serial:08x}"),
            state: State::Down,
            caller: channel.caller.clone(),
            dialstring: dialled,
            created: self.clock.stamp(),
            place: channel.place.clone(),
            variables: channel.variables.clone(),
            app: channel.app.clone(),
            app_args: channel.app_args.clone(),
            serial,
            call: Arc::clone(&call),
            within: Within::Dial,
            ending: false,
            playing: std::collections::VecDeque::new(),
            blocked: Vec::new(),
            limit: 0,
            copies: None,
            ears: None,
        };
        let foot = format!(
            ",\"dialstatus\":\"CANCEL\",\"forward\":{},\"dialstring\":\"\",\"forwarded\":{}",
            wire::quoted(&format!("PJSIP/carrier/sip:{to}@127.0.0.1")),
            wire::channel(&forwarded)
        );
        self.channels.insert(other.clone(), forwarded);
        if let Some(&(after, _)) = call.steps.first() {
            self.later(after, Due::Step(other, serial, 0));
        }
        if told {
            self.emit(id, "Dial", "forward", "", &foot);
        }
        let (q850, sip) = (23, Some(302));
        self.end(id, End::Far { q850, sip });
    }

    /// The far end of a leg that is up does something now.
    pub(crate) fn far_end(&mut self, leg: Leg, does: Far) {
        let up =
            |channel: &&Channel| channel.state == State::Up && leg_of(&channel.id) == Some(leg);
        let Some(channel) = self.channels.values().find(up) else {
            return;
        };
        let (id, serial) = (channel.id.clone(), channel.serial);
        self.act(&id, serial, does);
    }

    /// The state change comes from the SIP stack and the Dial event from the dialling thread: in either order.
    pub(super) fn ringing(&mut self, id: &str, serial: u64) {
        if serial.is_multiple_of(2) {
            self.dial(id, "RINGING");
        }
        self.change_state(id, State::Ringing);
        if !serial.is_multiple_of(2) {
            self.dial(id, "RINGING");
        }
    }

    pub(super) fn change_state(&mut self, id: &str, state: State) {
        let Some(channel) = self.channels.get_mut(id) else {
            return;
        };
        channel.state = state;
        self.emit(id, "ChannelStateChange", wire::state(state), "", "");
    }

    pub(super) fn answered(&mut self, id: &str) {
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

    /// Runs Stasis(); if no program listens to the app it fails, and the call ends.
    pub(super) fn enter_stasis(&mut self, id: &str, args: &str) {
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

    pub(super) fn leave_stasis(&mut self, id: &str) {
        self.emit(id, "StasisEnd", "", "", "");
        self.varset(id, "STASISSTATUS", "SUCCESS");
    }

    pub(super) fn verdict(&mut self, id: &str, serial: u64) {
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
    pub(super) fn stasis_again(&mut self, id: &str, found: &[&str]) {
        let Some(channel) = self.channels.get(id) else {
            return;
        };
        let variable = |name: &str| channel.variables.get(name).cloned().unwrap_or_default();
        let args = format!("{},{}", variable("AFTERTONE_DROP"), found.join(","));
        let data = format!("{},{args}", variable("AFTERTONE_APP"));
        self.dialplan(id, 10, "Stasis", &data);
        self.enter_stasis(id, &args);
    }

    pub(super) fn end(&mut self, id: &str, end: End) {
        if self.ghosts.contains(id) {
            return;
        }
        let Some(channel) = self.channels.get(id) else {
            return;
        };
        let (state, within) = (channel.state, channel.within);
        let tells = self.settings.tells_status;
        let tech = |sip: Option<u16>| {
            sip.filter(|_| tells)
                .map(|sip| format!(",\"tech_cause\":{sip}"))
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
        let copies = |channel: &Channel| channel.copies.as_deref() == Some(id);
        let copies = self.channels.values().filter(|channel| copies(channel));
        let copies: Vec<String> = copies.map(|channel| channel.id.clone()).collect();
        for copy in copies {
            self.end(&copy, End::Asked);
        }
    }

    pub(super) fn stop_playing(&mut self, id: &str) {
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
}
