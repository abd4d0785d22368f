//! Calls that others have made: an agent talks on one, until the dialplan hands its far end over to us; somebody calls back.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use super::{Channel, Due, End, Place, State, Within, World};
use crate::fake::script::{Call, Far};

impl World {
    /// The far end of a call that an agent has made. What it does is in the call's script.
    pub(crate) fn agent_calls(&mut self, id: &str, is_answered: bool, call: Call) {
        self.serial += 1;
        let serial = self.serial;
        let first = call.steps.first().map(|&(after, _)| after);
        let channel = Channel {
            id: id.to_owned(),
            name: format!("PJSIP/carrier-{serial:08x}"),
            state: if is_answered {
                State::Up
            } else {
                State::Ringing
            },
            caller: "+12025550101".to_owned(),
            dialstring: String::new(),
            created: self.clock.stamp(),
            place: Place {
                context: "agents".into(),
                priority: 1,
                app: "AppDial".into(),
                data: "(Outgoing Line)".into(),
            },
            variables: BTreeMap::new(),
            // It is in nobody's app.
            app: String::new(),
            app_args: String::new(),
            serial,
            call: Arc::new(call),
            within: Within::Dial,
            ending: false,
            playing: VecDeque::new(),
            blocked: Vec::new(),
            limit: 0,
            copies: None,
            ears: None,
        };
        self.channels.insert(id.to_owned(), channel);
        if let Some(after) = first {
            self.later(after, Due::Step(id.to_owned(), serial, 0));
        }
    }

    /// Somebody calls, and the dialplan sends the call into the app `app` with these arguments.
    pub(crate) fn calls_back(&mut self, id: &str, app: &str, args: &str, call: Call) {
        self.agent_calls(id, true, call);
        if let Some(channel) = self.channels.get_mut(id) {
            channel.app = app.to_owned();
        }
        self.enter_stasis(id, args);
    }

    /// The call has ended, and nobody hears of it.
    pub(crate) fn vanishes(&mut self, id: &str) {
        self.channels.remove(id);
    }

    /// A call of others enters an app, and says what for.
    pub(crate) fn visits(&mut self, id: &str, app: &str, args: &str) {
        if let Some(channel) = self.channels.get_mut(id) {
            channel.app = app.to_owned();
            self.enter_stasis(id, args);
        }
    }

    /// Whoever is on it presses a key.
    pub(crate) fn presses(&mut self, id: &str, key: char) {
        let foot = format!(",\"digit\":\"{key}\",\"duration_ms\":120");
        self.emit(id, "ChannelDtmfReceived", "", "", &foot);
    }

    /// Whoever is on it hangs up.
    pub(crate) fn hangs_up(&mut self, id: &str) {
        let (q850, sip) = (16, None);
        self.end(id, End::Far { q850, sip });
    }

    /// It is in the dialplan again, and no app hears of it.
    pub(super) fn lives_on(&mut self, id: &str, context: &str) {
        if let Some(channel) = self.channels.get_mut(id) {
            channel.within = Within::Dial;
            channel.app = String::new();
            channel.place.app = "Wait".into();
            channel.place.data = String::new();
            if !context.is_empty() {
                channel.place.context = context.to_owned();
            }
        }
    }

    /// What a Local channel does whose far side is `aftertone-fetch`: it sends the call that is named into the app, and hangs up.
    pub(super) fn fetcher() -> Arc<Call> {
        Arc::new(Call::of(&[(5, Far::HandOver)]))
    }

    pub(super) fn hand_over(&mut self, fetcher: &str) {
        let Some(channel) = self.channels.get(fetcher) else {
            return;
        };
        let variable = |name: &str| channel.variables.get(name).cloned().unwrap_or_default();
        let (wanted, drop) = (variable("AFTERTONE_CHANNEL"), variable("AFTERTONE_FETCHED"));
        let app = channel.app.clone();
        let serial = channel.serial;
        let hang_up = End::Dialplan;
        self.later(
            Duration::from_millis(1),
            Due::End(fetcher.to_owned(), serial, hang_up),
        );
        if !self.settings.hands_over {
            return;
        }
        if let Some(channel) = self.channels.get_mut(&wanted) {
            channel.app = app;
            self.enter_stasis(&wanted, &format!("fetched,{drop}"));
        }
    }
}
