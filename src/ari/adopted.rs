//! Channels that the PBX, or somebody else, has made, and that are legs of drops of ours all the same.
//!
//! All that names a channel passes here on its way to the PBX and from it: on this side such a channel has the id that it would have
//! if we had made it.

use std::{
    borrow::Cow,
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock},
};

use super::wire::{Object, Text, WireEvent};
use crate::id::ChannelId;

/// The channels that were taken over. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct AdoptedChannels(Arc<RwLock<Names>>);

#[derive(Debug, Default)]
struct Names {
    /// The ids that they have here, by those of the PBX.
    ours: BTreeMap<String, String>,
    /// The reverse.
    theirs: BTreeMap<String, String>,
}

impl AdoptedChannels {
    /// From here on `channel` is this leg. `false` if it is one already: it stays that one.
    pub fn adopt(&self, channel: &str, leg: &ChannelId) -> bool {
        let mut names = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if names.ours.contains_key(channel) {
            return false;
        }
        let leg = leg.to_string();
        names.ours.insert(channel.to_owned(), leg.clone());
        names.theirs.insert(leg, channel.to_owned());
        true
    }

    /// It has ended, or is none of ours any more.
    pub fn forget(&self, leg: &ChannelId) {
        let mut names = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(channel) = names.theirs.remove(&leg.to_string()) {
            names.ours.remove(&channel);
        }
    }

    /// The id that the PBX knows a channel by.
    pub(super) fn theirs<'a>(&self, id: &'a str) -> Cow<'a, str> {
        let names = self.0.read().unwrap_or_else(PoisonError::into_inner);
        match names.theirs.get(id) {
            Some(channel) => Cow::Owned(channel.clone()),
            None => Cow::Borrowed(id),
        }
    }

    /// The id that a channel of the PBX has here, if it was taken over.
    pub(super) fn ours(&self, channel: &str) -> Option<String> {
        let names = self.0.read().unwrap_or_else(PoisonError::into_inner);
        names.ours.get(channel).cloned()
    }

    /// The same for the channels that an event names.
    pub(super) fn rename(&self, event: &mut WireEvent<'_>) {
        for Object(part) in [&mut event.channel, &mut event.peer] {
            if let Some(part) = part
                && let Some(ours) = self.ours(part.id.as_str())
            {
                part.id = Text(Cow::Owned(ours));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        id::{DropId, RunName},
        words::Leg,
    };

    #[test]
    fn a_channel_has_our_id_here_and_its_own_at_the_pbx_until_it_is_forgotten() {
        let adopted = AdoptedChannels::default();
        let leg = |drop| {
            ChannelId::leg(
                RunName::new("run").unwrap(),
                DropId::from_u128(drop),
                Leg::Drop,
            )
        };
        let (one, two) = (leg(1), leg(2));
        assert!(adopted.adopt("1700000000.5", &one));
        // A channel is one leg, whoever asks again.
        assert!(!adopted.adopt("1700000000.5", &two));
        assert_eq!(adopted.theirs(&one.to_string()), "1700000000.5");
        assert_eq!(adopted.theirs(&two.to_string()), two.to_string());
        assert_eq!(adopted.ours("1700000000.5"), Some(one.to_string()));
        let text = r#"{"type":"StasisStart","channel":{"id":"1700000000.5"},"peer":{"id":"1700000000.50"}}"#;
        let mut event = WireEvent::parse(text).unwrap();
        adopted.rename(&mut event);
        assert_eq!(event.channel.0.unwrap().id.as_str(), one.to_string());
        assert_eq!(event.peer.0.unwrap().id.as_str(), "1700000000.50");
        adopted.forget(&one);
        assert_eq!(adopted.ours("1700000000.5"), None);
        assert!(adopted.adopt("1700000000.5", &two));
    }
}
