//! The voice of the party that answered, apart from others behind it: people, a television, a call centre.
//!
//! Two things show who speaks into the telephone: how loud it is over a third of a second, which a voice 10 dB below never
//! reaches, and how far it rises over what each band has held for seconds. [`Speech`](super::speech::Speech) hears everybody; this only the nearest.

use super::{
    at::At,
    spectrum::{BANDS, Look, SILENT},
};

/// Follows the nearest voice.
pub(super) struct Speaker {
    /// The power of each of the last hops.
    powers: [f32; SPAN],
    next: usize,
    /// How loud the nearest voice is over [`SPAN`], in dB; fades slowly.
    loud: f32,
    /// What each band holds without the nearest voice, in dB: it rises slowly, and falls faster.
    floor: [f32; BANDS],
    /// Hops of the line so far, as far as the first matter.
    hops: u32,
    /// Which of the last hops were the nearest voice's, the newest in the lowest bit.
    recent: u32,
    last: Option<At>,
    speaking: bool,
    /// How loud it was when the turn began, in dB.
    began_at: f32,
    /// Hops of the nearest voice and of others in this turn.
    own: u32,
    others: u32,
    /// The last of any voice that rises over the floor, and which of the last hops were.
    any: Option<At>,
    any_recent: u32,
    /// When another voice was heard last.
    other: Option<At>,
    /// Whether the hop before was digital silence, and its level.
    before: (bool, f32),
}

/// The nearest voice begins or ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum SpeakerEdge {
    Began {
        start: At,
        /// What spoke before was so much softer that it was somebody else.
        anew: bool,
    },
    Ended(At),
}

impl Speaker {
    pub(super) const fn new() -> Self {
        Self {
            powers: [0.0; SPAN],
            next: 0,
            loud: LOUD_AT_FIRST,
            floor: [SILENT; BANDS],
            hops: 0,
            recent: 0,
            last: None,
            speaking: false,
            began_at: SILENT,
            own: 0,
            others: 0,
            any: None,
            any_recent: 0,
            other: None,
            before: (true, SILENT),
        }
    }

    /// `active` says whether anybody speaks in this hop.
    pub(super) fn hop(&mut self, look: &Look, active: bool, now: At) -> Option<SpeakerEdge> {
        self.powers[self.next] = if look.level <= SILENT {
            0.0
        } else {
            10.0_f32.powf(look.level / 10.0)
        };
        self.next = (self.next + 1) % SPAN;
        let mean = self.powers.iter().sum::<f32>() / SPAN as f32;
        let mean = 10.0 * (mean + 1e-9).log10();
        if active {
            self.loud += (mean - self.loud).max(0.0) * LEARN;
        }
        self.loud = (self.loud - FADE).max(LOUD_AT_FIRST);
        let strong = look.level >= self.loud - WEAKEST && mean >= self.loud - BELOW;
        let heard = active && self.stands_out(look);
        let near = heard && strong;
        self.follow(look, near);
        self.recent = (self.recent << 1) | u32::from(near);
        self.own += u32::from(near);
        self.any_recent = (self.any_recent << 1) | u32::from(heard);
        if heard && (self.any_recent & RECENT).count_ones() >= DENSE {
            self.any = Some(now.before(CENTRE));
        }
        let apart = self.last.is_some_and(|last| now.since(last) > HANGOVER);
        let soft = look.level >= self.loud - SOFTEST && self.stands_out(look);
        if !near && soft && apart {
            self.others += 1;
            self.other = Some(now.before(CENTRE));
        }
        let dense = (self.recent & RECENT).count_ones() >= DENSE;
        if near && dense {
            self.last = Some(now.before(CENTRE));
        }
        if dense && !self.speaking {
            self.speaking = true;
            let hops = 32 - (self.recent & RECENT).leading_zeros();
            let start = now.before(CENTRE + hops as f32 * 0.01);
            return Some(SpeakerEdge::Began {
                start,
                anew: self.is_anew(),
            });
        }
        if self.speaking && self.last.is_some() && self.is_anew() {
            // A louder voice came in without a pause.
            return Some(SpeakerEdge::Began {
                start: now.before(SPAN as f32 * 0.01),
                anew: true,
            });
        }
        let last = self.last?;
        if self.speaking && now.since(last) > HANGOVER {
            self.speaking = false;
            return Some(SpeakerEdge::Ended(last));
        }
        None
    }

    /// Whether the sound stops with this hop, within a word: a voice fades before a pause, and a lost connection does not.
    pub(super) fn stops(&mut self, look: &Look, now: At) -> bool {
        let before = std::mem::replace(&mut self.before, (look.void, look.level));
        let (void, level) = before;
        look.void
            && !void
            && self.speaking
            && self.last.is_some_and(|last| now.since(last) <= JUST_NOW)
            && level >= self.loud - FULL
    }

    /// A turn begins: what is counted, is counted for it.
    pub(super) fn begin_turn(&mut self) {
        self.own = 0;
        self.others = 0;
        self.began_at = self.loud;
    }

    /// The last of it so far.
    pub(super) const fn last_voice(&self) -> Option<At> {
        self.last
    }

    /// The last of any voice that rises over what is heard all the time.
    pub(super) const fn last_of_any(&self) -> Option<At> {
        self.any
    }

    /// Whether it may be about to speak: some hops of the last few were its own.
    pub(super) const fn rises(&self) -> bool {
        self.recent & 0x1f != 0 && !self.speaking
    }

    /// Whether others were heard in this turn for more than a moment.
    pub(super) fn has_others(&self) -> bool {
        self.others as f32 > OTHERS * self.own as f32
    }

    /// Whether somebody else spoke a moment ago.
    pub(super) fn others_speak(&self, now: At) -> bool {
        self.other.is_some_and(|other| now.since(other) <= MURMUR)
    }

    /// Whether it is so much louder than when the turn began that it is not the same voice. The level of a turn is learnt in
    /// its first half second, so that an onset is none.
    fn is_anew(&mut self) -> bool {
        if self.own < LEARNT {
            self.began_at = self.loud;
        }
        let anew = self.loud - self.began_at >= ANEW;
        if anew {
            self.began_at = self.loud;
        }
        anew
    }

    fn stands_out(&self, look: &Look) -> bool {
        let over = |(band, floor): &(&f32, &f32)| **band >= **floor + STANDS_OUT;
        look.bands.iter().zip(&self.floor).filter(over).count() >= BANDS_OUT
    }

    fn follow(&mut self, look: &Look, near: bool) {
        if look.void {
            return;
        }
        if self.hops < FIRST_HOPS {
            // What sounds in the first tenth of a second is the line.
            self.hops += 1;
            let part = 1.0 / self.hops as f32;
            for (floor, band) in self.floor.iter_mut().zip(&look.bands) {
                *floor += (band.min(LOUDEST_FLOOR) - *floor) * part;
            }
            return;
        }
        let rise = if near { RISES_IN_SPEECH } else { RISES };
        for (floor, band) in self.floor.iter_mut().zip(&look.bands) {
            let way = *band - *floor;
            *floor += way.clamp(-FALLS, rise);
            *floor = floor.min(LOUDEST_FLOOR);
        }
    }
}

/// Hops over which loudness is measured: 0.3 s, a syllable and a half.
const SPAN: usize = 30;
/// Before the first voice (dB): the quietest callers are near -35, and what is far below that is not who answered.
const LOUD_AT_FIRST: f32 = -40.0;
/// Of the way up in each louder hop.
const LEARN: f32 = 0.2;
/// dB a hop: 0.5 dB a second.
const FADE: f32 = 0.005;
/// What is this far below the nearest voice over [`SPAN`] is somebody else's (dB).
const BELOW: f32 = 8.0;
/// The weakest hop of it (dB below its loudness).
const WEAKEST: f32 = 16.0;
/// The softest of others that matter (dB below the nearest voice).
const SOFTEST: f32 = 24.0;
/// How much louder another voice is than the one before it (dB).
const ANEW: f32 = 9.0;
/// A word that is not over is at most this far below the voice's loudness (dB), and was heard until so long ago (s).
const FULL: f32 = 5.0;
const JUST_NOW: f32 = 0.06;
/// Hops of a turn in which its level is learnt.
const LEARNT: u32 = 45;
/// dB over the floor in as many bands as [`BANDS_OUT`].
const STANDS_OUT: f32 = 8.0;
const BANDS_OUT: usize = 3;
/// dB a hop: 3 dB a second, a fifth of it in speech, and 12 dB a second down.
const RISES: f32 = 0.03;
const RISES_IN_SPEECH: f32 = 0.003;
const FALLS: f32 = 0.12;
/// Louder is no floor (dB).
const LOUDEST_FLOOR: f32 = -35.0;
/// 90 ms, and the 30 ms of the first window.
const FIRST_HOPS: u32 = 9;
/// The last 120 ms, and how many hops of them make a voice.
const RECENT: u32 = 0xfff;
const DENSE: u32 = 6;
/// Quiet of this length ends an utterance (s).
const HANGOVER: f32 = 0.2;
/// From the end of a window back to its middle (s).
const CENTRE: f32 = 0.016;
/// Others are heard in a turn if they have more than this share of it.
const OTHERS: f32 = 0.12;
/// Somebody who was silent for this long does not speak at the moment (s).
const MURMUR: f32 = 0.5;
