//! The calls of others that are in hand: whose each is, by its channel.

use std::collections::{BTreeMap, BTreeSet};

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::{
    ari::{Arrival, CallerDid},
    id::DropId,
};

/// All of them.
#[derive(Debug, Default)]
pub(super) struct CallsInHand(BTreeMap<String, Visited>);

/// A call that is in our app, or was a moment ago.
#[derive(Debug)]
struct Visited {
    call: CallInHand,
    /// A list of channels told of it, and its own event may follow.
    is_listed: bool,
    has_left: bool,
    /// It has left, and came again before all was done about its first visit.
    again: Option<Arrival>,
}

#[derive(Debug)]
enum CallInHand {
    /// An agent's, of which a drop is made, or may be.
    Drop {
        drop: DropId,
        cancel: CancellationToken,
        /// Says that it has left before it was a drop's.
        gone: CancellationToken,
    },
    /// Of somebody who calls back, or records a message.
    Caller {
        /// What prompts and recordings are named by.
        id: String,
        did: mpsc::UnboundedSender<CallerDid>,
    },
}

impl CallsInHand {
    /// Whether a call is among them.
    pub(super) fn holds(&self, channel: &str) -> bool {
        self.0.contains_key(channel)
    }

    /// Takes the call of a drop, which `cancel` ends; what is returned is cancelled if the call leaves before it is a drop's.
    pub(super) fn take_drop(
        &mut self,
        arrival: &Arrival,
        drop: DropId,
        cancel: CancellationToken,
    ) -> CancellationToken {
        let gone = CancellationToken::new();
        let call = CallInHand::Drop {
            drop,
            cancel,
            gone: gone.clone(),
        };
        self.take(arrival, call);
        gone
    }

    /// Takes the call of somebody who calls back or records a message, whose prompts and recordings have this in their names;
    /// returns what happens to it.
    pub(super) fn take_caller(
        &mut self,
        arrival: &Arrival,
        id: String,
    ) -> mpsc::UnboundedReceiver<CallerDid> {
        let (did, doing) = mpsc::unbounded_channel();
        let call = CallInHand::Caller { id, did };
        self.take(arrival, call);
        doing
    }

    fn take(&mut self, arrival: &Arrival, call: CallInHand) {
        let visited = Visited {
            call,
            is_listed: arrival.is_late,
            has_left: false,
            again: None,
        };
        self.0.insert(arrival.channel.clone(), visited);
    }

    /// A call came that is in hand. It is kept if it came again; `false` if it has never left, and was only told of once more: by a
    /// list of channels, or, if that was first, by its event.
    pub(super) fn keep(&mut self, arrival: Arrival) -> bool {
        let Some(visited) = self.0.get_mut(&arrival.channel) else {
            return false;
        };
        if arrival.is_late && (!visited.has_left || visited.again.is_some()) {
            return false;
        }
        if std::mem::take(&mut visited.is_listed) && !visited.has_left {
            return false;
        }
        visited.leave(&arrival.channel);
        visited.again = Some(arrival);
        true
    }

    /// What prompts and recordings of calls that are in hand have in their names.
    pub(super) fn callers(&self) -> BTreeSet<String> {
        let ids = self.0.values().filter_map(|visited| match &visited.call {
            CallInHand::Caller { id, .. } => Some(id.clone()),
            CallInHand::Drop { .. } => None,
        });
        ids.collect()
    }

    /// Nothing more becomes of a call here; returns how it came again, if it did meanwhile.
    pub(super) fn let_go(&mut self, channel: &str) -> Option<Arrival> {
        self.0.remove(channel)?.again
    }

    /// Cancels a drop; `false` if none of this id is in hand.
    pub(super) fn cancel(&self, wanted: DropId) -> bool {
        let mut cancels = self.0.values().filter_map(|visited| match &visited.call {
            CallInHand::Drop { drop, cancel, .. } => (*drop == wanted).then_some(cancel),
            CallInHand::Caller { .. } => None,
        });
        let found = cancels.next();
        if let Some(cancel) = found {
            cancel.cancel();
        }
        found.is_some()
    }

    /// Tells somebody's call what happened to it, if it is not over.
    pub(super) fn tell(&mut self, did: CallerDid) {
        let found = match &did {
            CallerDid::Left { channel } => {
                if let Some(visited) = self.0.get_mut(channel)
                    && visited.again.take().is_none()
                {
                    visited.leave(channel);
                }
                return;
            }
            CallerDid::Pressed { channel, .. } => self.0.get(channel),
            CallerDid::Heard { playback: name, .. }
            | CallerDid::Recorded {
                recording: name, ..
            } => self
                .0
                .values()
                .find(|visited| visited.call.is_named_in(name)),
        };
        if let Some(CallInHand::Caller { did: caller, .. }) = found.map(|visited| &visited.call) {
            // It may end at this moment.
            let _ = caller.send(did);
        }
    }
}

impl Visited {
    /// It has left our app, or is gone.
    fn leave(&mut self, channel: &str) {
        self.has_left = true;
        match &self.call {
            CallInHand::Drop { gone, .. } => gone.cancel(),
            CallInHand::Caller { did, .. } => {
                let channel = channel.to_owned();
                // It may end at this moment.
                let _ = did.send(CallerDid::Left { channel });
            }
        }
    }
}

impl CallInHand {
    /// Whether a prompt or a recording of this name is its own.
    fn is_named_in(&self, name: &str) -> bool {
        match self {
            Self::Caller { id, .. } => name.contains(id),
            Self::Drop { .. } => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::callback::CallbackId;

    #[test]
    fn each_call_is_told_what_happened_to_it_and_no_other() {
        let mut calls = CallsInHand::default();
        let (one, two) = (CallbackId::generate(), CallbackId::generate());
        let mut first = calls.take_caller(&came("1.1", false), one.to_string());
        let mut second = calls.take_caller(&came("1.2", false), two.to_string());
        assert_eq!(
            calls.callers(),
            BTreeSet::from([one.to_string(), two.to_string()])
        );
        let (drop, cancel) = (DropId::generate(), CancellationToken::new());
        let gone = calls.take_drop(&came("1.3", false), drop, cancel.clone());
        for channel in ["1.1", "1.3", "1.4"] {
            let key = '9';
            let channel = channel.to_owned();
            calls.tell(CallerDid::Pressed { channel, key });
        }
        let playback = format!("prompt-{two}-1");
        let is_whole = true;
        calls.tell(CallerDid::Heard { playback, is_whole });
        assert!(matches!(first.try_recv(), Ok(CallerDid::Pressed { .. })));
        assert!(first.try_recv().is_err());
        assert!(matches!(second.try_recv(), Ok(CallerDid::Heard { .. })));
        assert!(second.try_recv().is_err());

        // A call back is no drop that could be cancelled.
        assert!(!calls.cancel(DropId::generate()));
        assert!(!cancel.is_cancelled());
        assert!(calls.cancel(drop));
        assert!(cancel.is_cancelled());
        assert!(calls.holds("1.3") && !gone.is_cancelled());
        calls.tell(left("1.3"));
        assert!(gone.is_cancelled());
        assert_eq!(calls.let_go("1.3"), None);
        assert!(!calls.holds("1.3") && !calls.cancel(drop));
        assert!(calls.holds("1.1"));
    }

    #[test]
    fn a_call_that_comes_again_is_kept_until_it_is_let_go_and_one_that_never_left_is_not() {
        let mut calls = CallsInHand::default();
        let again = |is_late| came("1.1", is_late);
        assert!(!calls.keep(again(false)), "it is not in hand");
        let mut first = calls.take_caller(&again(false), "one".to_owned());
        // Found once more by a list of channels.
        assert!(!calls.keep(again(true)));
        assert!(first.try_recv().is_err());
        calls.tell(left("1.1"));
        assert!(matches!(first.try_recv(), Ok(CallerDid::Left { .. })));
        assert!(calls.keep(again(false)));
        assert_eq!(calls.let_go("1.1"), Some(again(false)));

        // The event that it had left was lost; it came all the same, and then it is gone.
        let mut first = calls.take_caller(&again(false), "two".to_owned());
        assert!(calls.keep(again(false)));
        assert!(matches!(first.try_recv(), Ok(CallerDid::Left { .. })));
        assert!(!calls.keep(again(true)));
        calls.tell(left("1.1"));
        assert_eq!(calls.let_go("1.1"), None);

        // Only the list knows of it.
        calls.take_caller(&again(false), "three".to_owned());
        calls.tell(left("1.1"));
        assert!(calls.keep(again(true)));
        assert_eq!(calls.let_go("1.1"), Some(again(true)));

        // The list knew of it before its event was read, and that says nothing new; the next one does.
        let mut first = calls.take_caller(&again(true), "four".to_owned());
        assert!(!calls.keep(again(false)));
        assert!(first.try_recv().is_err());
        assert!(calls.keep(again(false)));
        assert!(matches!(first.try_recv(), Ok(CallerDid::Left { .. })));
        calls.let_go("1.1");

        // Its event was lost, and it has left before it came again.
        calls.take_caller(&again(true), "five".to_owned());
        calls.tell(left("1.1"));
        assert!(calls.keep(again(false)));
        assert_eq!(calls.let_go("1.1"), Some(again(false)));
    }

    fn came(channel: &str, is_late: bool) -> Arrival {
        Arrival {
            channel: channel.to_owned(),
            args: vec!["leave".to_owned()],
            is_late,
        }
    }

    fn left(channel: &str) -> CallerDid {
        CallerDid::Left {
            channel: channel.to_owned(),
        }
    }
}
