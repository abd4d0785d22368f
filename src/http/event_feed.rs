//! What streams of events share: who is told that there are further events, and how many streams there are.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{sync::watch, time::sleep};

use crate::store::{Store, StoreError};

/// Clones are the same.
#[derive(Clone, Debug)]
pub(super) struct EventFeed {
    /// The number of the newest event that is known of.
    newest: watch::Sender<u64>,
    /// Held by the stream that looks for all of them.
    turn: Arc<tokio::sync::Mutex<()>>,
    /// How many streams each principal has.
    streams: Arc<Mutex<BTreeMap<String, usize>>>,
}

impl Default for EventFeed {
    fn default() -> Self {
        Self {
            newest: watch::Sender::new(0),
            turn: Arc::default(),
            streams: Arc::default(),
        }
    }
}

impl EventFeed {
    /// Waits until there is an event behind this number. However many wait, one of them looks.
    ///
    /// # Errors
    /// [`StoreError`] if this one looked, and the database failed.
    pub(super) async fn behind(&self, last: u64, store: &Store) -> Result<(), StoreError> {
        let mut newest = self.newest.subscribe();
        loop {
            if *newest.borrow_and_update() > last {
                return Ok(());
            }
            tokio::select! {
                _ = newest.changed() => {}
                _turn = self.turn.lock() => {
                    sleep(LOOK_EVERY).await;
                    let range = store.event_range().await?;
                    self.newest.send_if_modified(|newest| {
                        let is_news = range.newest != *newest;
                        *newest = range.newest;
                        is_news
                    });
                }
            }
        }
    }

    /// How many streams are open.
    pub(super) fn open(&self) -> usize {
        let streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        streams.values().sum()
    }

    /// Counts a stream of a principal, until what is returned is dropped; `None` if there are too many.
    pub(super) fn stream(&self, principal: &str) -> Option<CountedStream> {
        let mut streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        let all: usize = streams.values().sum();
        let own = streams.get(principal).copied().unwrap_or(0);
        if all >= STREAMS || own >= STREAMS_OF_ONE {
            return None;
        }
        streams.insert(principal.to_owned(), own + 1);
        Some(CountedStream {
            streams: Arc::clone(&self.streams),
            principal: principal.to_owned(),
        })
    }
}

/// A stream that counts.
#[derive(Debug)]
pub(super) struct CountedStream {
    streams: Arc<Mutex<BTreeMap<String, usize>>>,
    principal: String,
}

impl Drop for CountedStream {
    fn drop(&mut self) {
        let mut streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = streams.get_mut(&self.principal) {
            *own -= 1;
            if *own == 0 {
                streams.remove(&self.principal);
            }
        }
    }
}

/// How often it is looked for further events, while anybody waits for some.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Most streams at a time.
pub(super) const STREAMS: usize = 200;

/// Most streams of one principal.
pub(super) const STREAMS_OF_ONE: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_are_counted_while_they_are_there() {
        let feed = EventFeed::default();
        let mut own: Vec<_> = (0..STREAMS_OF_ONE)
            .map(|_| feed.stream("a").unwrap())
            .collect();
        assert!(feed.stream("a").is_none());
        assert!(feed.stream("b").is_some());
        own.pop();
        let again = feed.stream("a");
        assert!(again.is_some());
        assert!(feed.stream("a").is_none());
        drop((own, again));
        let names = || (0..).map(|nth: usize| (nth / STREAMS_OF_ONE).to_string());
        let all: Vec<_> = names().map_while(|name| feed.stream(&name)).collect();
        assert_eq!(all.len(), STREAMS);
    }
}
