//! Words, from a program of the user's own: it hears the calls, and says which phrases it heard.
//!
//! ```text
//!  listener ── pieces of 100 ms, as many as there is room for ──> supervisor ──stdin──> recogniser
//!     ^                                                              │ ^──stdout── words, pongs
//!     └──────────── phrases of the call (bounded) ───────────────────┘ ^──stderr── our log
//! ```
//!
//! One process serves all calls of a run. It is never in the way of a call: sound for which there is no room, and sound that
//! has waited for too long, is dropped; phrases that the listener has no room for, too. One that dies, or does not answer a
//! ping in time, or floods us, is ended and started again after a pause that grows. It ends with us: its input is closed.

mod process;
mod protocol;
mod supervisor;
#[cfg(test)]
mod tests;
mod trial;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, mpsc},
    task::JoinHandle,
};

pub(crate) use self::{
    protocol::Phrase,
    trial::{Trial, trial},
};
use crate::clock;

#[cfg(test)]
use self::protocol::PhraseClass;

/// The way to the recogniser of a run. It ends when the last clone and the last `CallWords` are gone.
#[derive(Clone, Debug)]
pub struct Recogniser {
    orders: mpsc::UnboundedSender<ToSupervisor>,
    /// Room for pieces of sound on their way.
    room: Arc<Semaphore>,
    calls: Arc<AtomicU64>,
}

/// What the supervisor is to pass on. Only sound is bounded; of the rest there are two for each call.
#[derive(Debug)]
enum ToSupervisor {
    Begin {
        call: u64,
        phrases: mpsc::Sender<Phrase>,
    },
    Sound {
        call: u64,
        at: u64,
        samples: Vec<i16>,
        queued: Instant,
        _room: OwnedSemaphorePermit,
    },
    End {
        call: u64,
    },
}

impl Recogniser {
    /// Starts the command, and again whenever it ends.
    pub(crate) fn start(command: Vec<String>) -> (Self, JoinHandle<()>) {
        let (orders, taken) = mpsc::unbounded_channel();
        let supervisor = tokio::spawn(supervisor::supervise(command, taken));
        let recogniser = Self {
            orders,
            room: Arc::new(Semaphore::new(ON_THEIR_WAY)),
            calls: Arc::default(),
        };
        (recogniser, supervisor)
    }

    /// Lets it hear a call, from its answer on.
    pub(crate) fn hear(&self) -> CallWords {
        let call = self.calls.fetch_add(1, Ordering::Relaxed) + 1;
        let (phrases, come) = mpsc::channel(PHRASES);
        // The supervisor ends only once nothing can order any more.
        let _ = self.orders.send(ToSupervisor::Begin { call, phrases });
        CallWords {
            recogniser: self.clone(),
            call,
            piece: Vec::with_capacity(PIECE),
            heard: 0,
            phrases: come,
        }
    }
}

/// One call that the recogniser hears.
#[derive(Debug)]
pub(crate) struct CallWords {
    recogniser: Recogniser,
    call: u64,
    piece: Vec<i16>,
    /// Samples since the answer.
    heard: u64,
    phrases: mpsc::Receiver<Phrase>,
}

impl CallWords {
    /// Passes on samples, if there is room. Never waits.
    pub(crate) fn sound(&mut self, samples: &[i16]) {
        for part in samples.chunks(PIECE) {
            let room = PIECE - self.piece.len();
            let (now, later) = part.split_at(part.len().min(room));
            self.piece.extend_from_slice(now);
            self.heard += now.len() as u64;
            if self.piece.len() == PIECE {
                self.send();
            }
            self.piece.extend_from_slice(later);
            self.heard += later.len() as u64;
        }
    }

    /// Leaves samples out: what the far end says while our message plays is not for the recogniser.
    pub(crate) fn skip(&mut self, samples: usize) {
        if !self.piece.is_empty() {
            self.send();
        }
        self.heard += samples as u64;
    }

    /// The next phrase; waits for ever if there is none.
    pub(crate) async fn next(&mut self) -> Phrase {
        match self.phrases.recv().await {
            Some(phrase) => phrase,
            None => std::future::pending().await,
        }
    }

    fn send(&mut self) {
        let samples = std::mem::replace(&mut self.piece, Vec::with_capacity(PIECE));
        let Ok(room) = Arc::clone(&self.recogniser.room).try_acquire_owned() else {
            return;
        };
        let order = ToSupervisor::Sound {
            call: self.call,
            at: self.heard - samples.len() as u64,
            samples,
            queued: clock::now(),
            _room: room,
        };
        let _ = self.recogniser.orders.send(order);
    }
}

impl Drop for CallWords {
    fn drop(&mut self) {
        let _ = self
            .recogniser
            .orders
            .send(ToSupervisor::End { call: self.call });
    }
}

/// Samples that are passed on at once: 100 ms.
const PIECE: usize = 800;

/// Pieces on their way, of all calls together: 200 s of sound, or 3.3 MB.
const ON_THEIR_WAY: usize = 2_000;

/// Phrases of a call that wait for its listener.
const PHRASES: usize = 32;
