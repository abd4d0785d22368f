//! While the message plays: is that a voice of the far end, or our own message coming back?

use std::sync::Arc;

use super::{
    at::{At, HOP},
    settings::Settings,
    spectrum::{BANDS, Look, SILENT, Spectrum},
};

/// A message as its echo would look: its bands, hop by hop. Made once, shared by all drops that play it.
#[derive(Clone)]
pub struct Message {
    bands: Arc<[[f32; BANDS]]>,
}

impl Message {
    /// Looks at a message of 8 kHz samples.
    pub fn new(samples: &[i16]) -> Self {
        let mut spectrum = Spectrum::new();
        let hops = samples.as_chunks::<HOP>().0;
        Self {
            bands: hops.iter().map(|hop| spectrum.hop(hop).bands).collect(),
        }
    }
}

impl std::fmt::Debug for Message {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Message({} hops)", self.bands.len())
    }
}

/// Listens for a voice while the message plays.
pub(super) struct BargeIn {
    playing: bool,
    message: Option<Message>,
    /// Hops since the message began.
    hops: usize,
    /// What was heard in each of the last hops, by hop modulo [`KEPT`].
    heard: Box<[HeardHop; KEPT]>,
    reported: bool,
    /// The delay of the echo that was heard last, in hops; an echo keeps its delay, mostly.
    delay: isize,
}

#[derive(Clone, Copy)]
struct HeardHop {
    bands: [f32; BANDS],
    active: bool,
}

impl BargeIn {
    /// What its buffer takes.
    pub(super) const BYTES: usize = size_of::<[HeardHop; KEPT]>();

    pub(super) fn new() -> Self {
        let nothing = HeardHop {
            bands: [SILENT; BANDS],
            active: false,
        };
        Self {
            playing: false,
            message: None,
            hops: 0,
            heard: Box::new([nothing; KEPT]),
            reported: false,
            delay: 0,
        }
    }

    /// The message starts, or starts again.
    pub(super) fn start(&mut self, message: Option<Message>) {
        self.playing = true;
        self.message = message;
        self.hops = 0;
        self.reported = false;
        for seen in self.heard.iter_mut() {
            seen.active = false;
        }
    }

    /// Returns, once, when a voice began.
    pub(super) fn hop(
        &mut self,
        look: &Look,
        active: bool,
        now: At,
        settings: &Settings,
    ) -> Option<At> {
        if !self.playing || self.reported {
            return None;
        }
        self.heard[self.hops % KEPT] = HeardHop {
            bands: look.bands,
            active,
        };
        self.hops += 1;
        let enough = (settings.live_voice * 100.0) as usize;
        if !self.hops.is_multiple_of(LOOK_EVERY) || self.active() < enough || self.is_echo() {
            return None;
        }
        self.reported = true;
        let first = self.window().find(|hop| self.heard[hop % KEPT].active)?;
        Some(At(now.0 - ((self.hops - first) * HOP) as u64))
    }

    fn window(&self) -> std::ops::Range<usize> {
        self.hops.saturating_sub(KEPT)..self.hops
    }

    fn active(&self) -> usize {
        self.window()
            .filter(|hop| self.heard[hop % KEPT].active)
            .count()
    }

    /// Whether the active hops look like the message some time before, or a little after: it may have begun before the ears
    /// knew.
    fn is_echo(&mut self) -> bool {
        let Some(message) = &self.message else {
            return false;
        };
        let delays = (EARLIEST..LATEST).step_by(2);
        let found = [self.delay]
            .into_iter()
            .chain(delays)
            .find(|delay| self.likeness(message, *delay) >= ALIKE);
        self.delay = found.unwrap_or(self.delay);
        found.is_some()
    }

    /// The correlation of the active hops' bands with those of the message `delay` hops before.
    fn likeness(&self, message: &Message, delay: isize) -> f32 {
        let pairs = self
            .window()
            .filter(|hop| self.heard[hop % KEPT].active)
            .filter_map(|hop| {
                let played = message.bands.get(hop.checked_add_signed(-delay)?)?;
                Some(self.heard[hop % KEPT].bands.iter().zip(played))
            })
            .flatten();
        let (mut n, mut x, mut y, mut xx, mut xy, mut yy) = (0.0, 0.0, 0.0, 1e-3, 0.0, 1e-3);
        for (a, b) in pairs {
            // Near nothing, so that the squares stay small and single precision will do.
            let (a, b) = (a - MIDDLE, b - MIDDLE);
            n += 1.0;
            x += a;
            y += b;
            xx += a * a;
            xy += a * b;
            yy += b * b;
        }
        if n < 1.0 {
            return 0.0;
        }
        (xy - x * y / n) / ((xx - x * x / n) * (yy - y * y / n)).max(1e-6).sqrt()
    }
}

/// Hops kept: 1 s.
const KEPT: usize = 100;

/// Hops from one look to the next.
const LOOK_EVERY: usize = 10;

/// The earliest echo, in hops: 0.5 s before its message. Word that the PBX plays travels to us, and frames that are lost
/// after it make the count of hops lag.
const EARLIEST: isize = -50;

/// The latest echo, in hops: 0.8 s, a satellite's and the time until the PBX really plays.
const LATEST: isize = 80;

/// About the middle of the levels of speech (dB).
const MIDDLE: f32 = -50.0;

/// Correlation from which it is our message. Two voices reach 0.6, an echo through two codecs stays above 0.85.
const ALIKE: f32 = 0.75;
