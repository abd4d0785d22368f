//! The drop's end of one call's audio connection, whichever carrier serves it: what comes, and what it is ordered to do.

use std::{sync::Arc, time::Duration};

use tokio::sync::mpsc;
use tokio_util::bytes::Bytes;

use crate::{drop::Spoken, id::Play};

/// The audio of one call. Dropping it closes it at once.
#[derive(Debug)]
pub struct Connection {
    come: mpsc::Receiver<FromCall>,
    orders: mpsc::UnboundedSender<Order>,
}

/// What a connection reports, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FromCall {
    /// Sound of the far end: 8 kHz samples of 16 bits, little-endian, an even number of bytes.
    Sound(Bytes),
    /// The first frame of this play went out.
    Speaking(Play),
    /// A frame in the middle of this play was late by so much that the far end hears a gap.
    Stumbled(Play, Duration),
    /// This play has ended.
    Spoken(Play, Spoken),
    /// The connection has ended; nothing follows.
    Ended(ConnectionEnd),
}

/// What a connection is to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// Send these samples from now on, then say goodbye. A message that is being sent stops.
    Speak(Play, Arc<[i16]>),
    /// Send these samples from now on, and stay connected. A message that is being sent stops.
    Say(Play, Arc<[i16]>),
    /// Send no more of this play.
    Hush(Play),
    /// Say goodbye, and wait until the PBX closes the connection.
    Goodbye,
}

/// Why a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConnectionEnd {
    /// The PBX closed it after our goodbye.
    #[error("the audio connection ended as requested")]
    Parted,
    /// The PBX ended the call, or the application that carries its audio.
    #[error("the PBX ended the audio connection")]
    HungUp,
    /// The connection broke.
    #[error("the audio connection broke")]
    Closed,
    /// It carried something that is not AudioSocket.
    #[error("the audio connection carried something that is not AudioSocket")]
    Garbage,
    /// It announced a frame that is too large.
    #[error("the audio connection announced a frame that is too large")]
    Oversized,
    /// The drop did not take the sound in time.
    #[error("the sound came faster than it was processed")]
    Slow,
    /// The PBX accepts no sound.
    #[error("the PBX accepts no sound on the audio connection")]
    Stuck,
    /// The PBX did not close it after our goodbye.
    #[error("the PBX did not answer the goodbye")]
    Unanswered,
    /// The driver of this program stalled, and every call was ended.
    #[error("this program stalled, and ended the call")]
    Standstill,
}

impl Connection {
    /// The drop's end of a connection that is served elsewhere.
    pub(super) const fn new(
        come: mpsc::Receiver<FromCall>,
        orders: mpsc::UnboundedSender<Order>,
    ) -> Self {
        Self { come, orders }
    }

    /// What comes next. [`FromCall::Ended`] comes last.
    pub async fn next(&mut self) -> FromCall {
        let next = self.come.recv().await;
        next.unwrap_or(FromCall::Ended(ConnectionEnd::Closed))
    }

    /// Orders something. The result comes by [`Self::next`], unless the connection has ended.
    pub fn order(&self, order: Order) {
        // The connection's end says why it takes no more.
        let _ = self.orders.send(order);
    }
}

/// From one frame of silence to the next while no message is sent. Without any frame from either side for 2 s Asterisk ends the
/// call; and some networks open the way for sound only when they have heard us.
pub(super) const SILENCE_EVERY: Duration = Duration::from_millis(200);

/// How long the PBX may take to close the connection after our goodbye: all that we sent is in front of it.
pub(super) const GOODBYE_WAIT: Duration = Duration::from_secs(2);
