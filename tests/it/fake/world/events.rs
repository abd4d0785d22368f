//! Events on their way, with what goes wrong there, and who hears them.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;

use super::{App, Due, Place, World, leg_of};
use crate::fake::{
    fault::Cut,
    log::{Entry, What},
    wire,
    ws::{Outgoing, Sink},
};

impl World {
    pub(super) fn dial(&mut self, id: &str, status: &str) {
        let Some(channel) = self.channels.get(id) else {
            return;
        };
        let foot = format!(
            ",\"dialstatus\":\"{status}\",\"forward\":\"\",\"dialstring\":{}",
            wire::quoted(&channel.dialstring)
        );
        self.emit(id, "Dial", status, "", &foot);
    }

    pub(super) fn varset(&mut self, id: &str, name: &str, value: &str) {
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

    pub(super) fn dialplan(&mut self, id: &str, priority: u32, app: &str, data: &str) {
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

    pub(super) fn playback_event(&mut self, playback: &str, kind: &'static str) {
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

    /// Sends an event about a channel: `head` comes before its type, `foot` after its time.
    pub(super) fn emit(
        &mut self,
        id: &str,
        kind: &'static str,
        detail: &str,
        head: &str,
        foot: &str,
    ) {
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

    pub(super) fn send(
        &mut self,
        app: &str,
        kind: &'static str,
        channel: Option<&str>,
        detail: &str,
        json: String,
    ) {
        let leg = channel.and_then(leg_of);
        let number = self.note(Entry {
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

    /// Sends the event that waited to be overtaken, if none came.
    pub(super) fn release(&mut self, app: &str) {
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

    /// An event websocket has been opened for an app; the one before is informed, and gets nothing more.
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

    /// Has an app's event connection carry nothing more, not even the answer to a ping, as if the network between were gone.
    pub(crate) fn half_open(&mut self, app: &str) {
        if let Some(App {
            sink: Some(sink), ..
        }) = self.apps.get(app)
        {
            sink.push(Outgoing::Stall);
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

    /// Informs every app that another program has taken its name.
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

    /// The PBX stops: every channel is gone, and no event says so.
    pub(crate) fn forget(&mut self) {
        self.channels.clear();
        self.playbacks.clear();
        self.globals.clear();
        self.ghosts.clear();
        self.apps.clear();
        self.agenda.clear();
    }
}
