//! Tones: which of them is a beep, and which are ringback, keys, a busy line, special information tones or a fax.
//!
//! A tone is followed from hop to hop ([`Track`]); when it ends it becomes a [`Tone`], and what a tone is depends on
//! itself and on the tones just before it.

use super::{
    At,
    spectrum::{BINS, Look, Spectrum, decibels},
    track::{Pitch, Point, QUIETS, Tone, Track},
};

/// The tone from which a mailbox records.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Beep {
    /// Where it begins.
    pub start: At,
    /// Where it ends.
    pub end: At,
    /// Its frequency in Hz; where it sweeps, that in the middle.
    pub hz: f32,
    /// The second frequency of a dual tone in Hz.
    pub second_hz: Option<f32>,
    /// Hz a second; 0 unless it sweeps.
    pub sweep: f32,
}

/// A tone that is no beep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// It rings at the far end.
    Ringback,
    /// Somebody pressed a key.
    Key(char),
    /// Busy or reorder: nobody is there any more.
    Busy,
    /// Special information tones.
    Sit(SitClass),
    /// A fax machine answers (CED, ITU-T T.30).
    Fax,
}

/// What special information tones say (Telcordia SR-2275; ITU-T E.180 for the one class of other countries).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SitClass {
    /// The number is not in use.
    Vacant,
    /// The number was changed or disconnected.
    Intercept,
    /// The network could not complete the call.
    Reorder,
    /// All circuits are busy.
    NoCircuit,
    /// The tones say no more than that an announcement follows.
    Other,
}

impl SitClass {
    /// The class as it stands in reasons.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Vacant => "vacant code",
            Self::Intercept => "intercept",
            Self::Reorder => "reorder",
            Self::NoCircuit => "no circuit",
            Self::Other => "no class",
        }
    }
}

/// Finds tones.
pub(super) struct Tones {
    track: Option<Track>,
    /// Hops of the track.
    points: Box<[Point; LONGEST]>,
    /// Its spectrum, summed over its tonal hops.
    sum: Box<[f32; BINS]>,
    /// Consecutive hops that belong to another tone.
    strays: usize,
    /// Tones before this one, the latest first.
    past: [Option<Tone>; 5],
    fax_told: bool,
    pending: Option<Pending>,
}

/// A beep, if quiet follows.
#[derive(Clone, Copy, Debug)]
struct Pending {
    beep: Beep,
    level: f32,
    loud: u32,
}

/// What a tone turned out to be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Sound {
    Beep(Beep),
    Signal { signal: Signal, start: At, end: At },
}

impl Tones {
    /// What its buffer takes.
    pub(super) const BYTES: usize = size_of::<[Point; LONGEST]>();

    pub(super) fn new() -> Self {
        Self {
            track: None,
            points: Box::new([Point::default(); LONGEST]),
            sum: Box::new([0.0; BINS]),
            strays: 0,
            past: [None; 5],
            fax_told: false,
            pending: None,
        }
    }

    /// Whether a steady tone sounds that may become a beep.
    pub(super) fn sounding(&self) -> bool {
        self.pending.is_some() || self.track.is_some_and(|track| track.tonal >= 4)
    }

    pub(super) fn hop(&mut self, look: &Look, spectrum: &Spectrum, now: At) -> Option<Sound> {
        let centre = now.before(CENTRE);
        let confirmed = self.confirm(look, centre);
        let sound = self.follow(look, spectrum, centre);
        let Some(Sound::Beep(beep)) = sound else {
            return sound.or(confirmed);
        };
        let level = self.past[0].map_or(0.0, |tone| tone.level);
        self.pending = Some(Pending {
            beep,
            level,
            loud: 0,
        });
        confirmed
    }

    /// Tells a beep once it has been quiet after it, or the second of a double beep sounds.
    fn confirm(&mut self, look: &Look, centre: At) -> Option<Sound> {
        let pending = self.pending.as_mut()?;
        let again = self.track.is_some_and(|track| {
            track.tonal >= 4 && (track.pitch.low - pending.beep.hz).abs() < SAME_HZ
        });
        if look.level > pending.level - QUIETS
            && self
                .track
                .is_none_or(|track| (track.pitch.low - pending.beep.hz).abs() > SAME_HZ)
        {
            pending.loud += 1;
        }
        if pending.loud > CLICK {
            self.pending = None;
            return None;
        }
        if !again && centre.since(pending.beep.end) < CONFIRM {
            return None;
        }
        self.pending.take().map(|pending| Sound::Beep(pending.beep))
    }

    fn follow(&mut self, look: &Look, spectrum: &Spectrum, centre: At) -> Option<Sound> {
        let Some(track) = &mut self.track else {
            self.begin(look, spectrum, centre);
            return None;
        };
        let follows = |pitch: &Pitch| pitch.follows(track.pitch);
        let pitch = Pitch::of(look, LEAST_SHARE_KEEP)
            .filter(follows)
            .or_else(|| Pitch::holds(look, track.pitch));
        let fits = pitch.is_some();
        if let Some(pitch) = pitch {
            track.pitch = pitch;
            track.tonal += 1;
            track.missed = 0;
            self.strays = 0;
            spectrum.add_to(&mut self.sum);
        } else {
            track.missed += 1;
            let stray = Pitch::of(look, LEAST_SHARE).is_some() && !Pitch::is_of(look, track.pitch);
            self.strays = if stray { self.strays + 1 } else { 0 };
        }
        let pitch = track.pitch;
        let point = Point {
            low: pitch.low,
            high: pitch.high,
            power: spectrum.near(pitch.low) + pitch.high.map_or(0.0, |hz| spectrum.near(hz)),
            level: look.level,
            tonal: fits,
        };
        if let Some(slot) = self.points.get_mut(track.len) {
            *slot = point;
            track.len += 1;
        } else if track.missed == 0 {
            track.too_long = true;
        }
        let (steps, gone) = (self.strays >= 2, track.missed > BRIDGE);
        if steps || gone {
            return self.close(steps, look, spectrum, centre);
        }
        self.long_tone(centre)
    }

    fn begin(&mut self, look: &Look, spectrum: &Spectrum, centre: At) {
        self.strays = 0;
        let Some(pitch) = Pitch::of(look, LEAST_SHARE) else {
            return;
        };
        self.sum.fill(0.0);
        spectrum.add_to(&mut self.sum);
        self.points[0] = Point {
            low: pitch.low,
            high: pitch.high,
            power: look.first.power + pitch.high.map_or(0.0, |_| look.second.power),
            level: look.level,
            tonal: true,
        };
        self.track = Some(Track {
            start: centre,
            pitch,
            len: 1,
            tonal: 1,
            missed: 0,
            too_long: false,
            before: decibels(spectrum.least_before(pitch.low)),
        });
    }

    /// A fax is known before its tone ends.
    fn long_tone(&mut self, centre: At) -> Option<Sound> {
        let track = self.track.as_ref()?;
        let lasted = centre.since(track.start);
        let fax = track.pitch.high.is_none() && (track.pitch.low - CED).abs() <= CED_WIDTH;
        if !fax || lasted < CED_LEAST || self.fax_told || track.tonal * 4 < track.len * 3 {
            return None;
        }
        self.fax_told = true;
        Some(Sound::Signal {
            signal: Signal::Fax,
            start: track.start,
            end: centre,
        })
    }

    /// The tone is over; where it `steps`, another takes its place.
    fn close(
        &mut self,
        steps: bool,
        look: &Look,
        spectrum: &Spectrum,
        centre: At,
    ) -> Option<Sound> {
        let track = self.track.take()?;
        let tone = (!track.too_long)
            .then(|| Tone::measure(&track, &self.points[..track.len]))
            .flatten();
        let sound = tone.and_then(|tone| self.name(tone));
        if steps {
            self.begin(look, spectrum, centre);
        }
        let tone = tone?;
        self.past.rotate_right(1);
        self.past[0] = Some(tone);
        sound
    }

    fn name(&self, tone: Tone) -> Option<Sound> {
        let signal = |signal, start| {
            Some(Sound::Signal {
                signal,
                start,
                end: tone.end,
            })
        };
        if let Some((class, start)) = self.sit(&tone) {
            return signal(Signal::Sit(class), start);
        }
        if let Some(start) = self.busy(&tone) {
            return signal(Signal::Busy, start);
        }
        if let Some(key) = tone.key() {
            return signal(Signal::Key(key), tone.start);
        }
        let rough = if self.repeats(&tone) {
            ROUGH_AGAIN
        } else {
            tone.may_be_rough()
        };
        if tone.progress() || !tone.is_beep(rough) || tone.has_company(&self.sum) {
            return None;
        }
        Some(Sound::Beep(Beep {
            start: tone.start,
            end: tone.end,
            hz: tone.low,
            second_hz: tone.high,
            sweep: if tone.sweeps { tone.sweep } else { 0.0 },
        }))
    }

    /// Whether it is the second of a double beep.
    fn repeats(&self, tone: &Tone) -> bool {
        self.past[0].is_some_and(|first| {
            (first.low - tone.low).abs() < SAME_HZ
                && tone.start.since(first.end) < AGAIN
                && first.is_beep(first.may_be_rough())
        })
    }

    /// Special information tones: three that rise, each at the heels of the one before.
    fn sit(&self, third: &Tone) -> Option<(SitClass, At)> {
        let [Some(second), Some(first), ..] = &self.past else {
            return None;
        };
        let close =
            |a: &Tone, b: &Tone| b.start.since(a.end) < SIT_GAP && a.end.since(b.start) < SIT_GAP;
        let near = |tone: &Tone, hz: f32| tone.high.is_none() && (tone.low - hz).abs() < SIT_WIDTH;
        let rises = near(first, 950.0) && near(second, 1_400.0) && near(third, 1_780.0);
        if !rises || !close(first, second) || !close(second, third) {
            return None;
        }
        let low = |tone: &Tone, split: f32| tone.low < split;
        let long = |tone: &Tone| tone.lasted() > SIT_LONG;
        let american = [(first, 913.8, 985.2), (second, 1_370.6, 1_428.5)];
        let exact = american.iter().all(|(tone, a, b)| {
            (tone.low - a).abs() < SIT_EXACT || (tone.low - b).abs() < SIT_EXACT
        });
        let class = if exact {
            match (
                low(first, 949.5),
                long(first),
                low(second, 1_399.5),
                long(second),
            ) {
                (true, false, true, false) => SitClass::Intercept,
                (false, true, true, false) => SitClass::Vacant,
                (true, _, false, true) | (false, false, true, true) => SitClass::Reorder,
                (false, true, false, true) | (true, true, true, true) => SitClass::NoCircuit,
                _ => SitClass::Other,
            }
        } else {
            SitClass::Other
        };
        Some((class, first.start))
    }

    /// A line tone: the third burst of the same pitch, length and distance.
    fn busy(&self, third: &Tone) -> Option<At> {
        let [Some(second), Some(first), ..] = &self.past else {
            return None;
        };
        let same = |a: &Tone, b: &Tone| {
            (a.low - b.low).abs() < SAME_HZ
                && a.high.is_some() == b.high.is_some()
                && (a.lasted() - b.lasted()).abs() < SAME_TIME
        };
        let gaps = [second.start.since(first.end), third.start.since(second.end)];
        let regular = (gaps[0] - gaps[1]).abs() < SAME_TIME;
        let cadence = (BUSY_LEAST..BUSY_MOST).contains(&gaps[1])
            && (BUSY_LEAST..BUSY_MOST).contains(&third.lasted())
            && third.low < 700.0;
        (same(first, second) && same(second, third) && regular && cadence).then_some(first.start)
    }
}

/// From the end of a window back to its middle (s).
const CENTRE: f32 = 0.016;
/// Hops of a tone that are kept: 2.2 s.
const LONGEST: usize = 220;
/// A lost frame of 20 ms spoils five windows.
const BRIDGE: usize = 5;
/// Share of the power in one peak with which a tone begins. White noise 10 dB below the tone takes a tenth.
const LEAST_SHARE: f32 = 0.80;
/// Share with which it goes on.
const LEAST_SHARE_KEEP: f32 = 0.65;
/// The second of a double beep need not prove so much.
const ROUGH_AGAIN: f32 = 4.0;
/// From one beep to the second (s).
const AGAIN: f32 = 0.4;
/// Quiet after a beep until it is one (s): a vowel is followed by its word, a note by the next.
const CONFIRM: f32 = 0.15;
/// Hops in that time that may be loud: a click.
const CLICK: u32 = 3;
/// Hz: 2100 +- 15 (T.30), and what the estimate adds.
const CED: f32 = 2_100.0;
/// Hz on either side.
const CED_WIDTH: f32 = 22.0;
/// CED lasts 2.6 to 4 s; no beep lasts this long.
const CED_LEAST: f32 = 1.3;
/// E.180 allows 30 ms between the tones; the windows add their own (s).
const SIT_GAP: f32 = 0.07;
/// E.180: 950, 1400 and 1800 Hz, each +- 50; and the estimate.
const SIT_WIDTH: f32 = 55.0;
/// SR-2275: within 1 %.
const SIT_EXACT: f32 = 12.0;
/// Between the short (276 ms) and the long (380 ms) segment.
const SIT_LONG: f32 = 0.328;
/// Hz, and seconds, within which two bursts are the same.
const SAME_HZ: f32 = 10.0;
const SAME_TIME: f32 = 0.05;
/// Busy and reorder tones are on and off for 0.2 to 0.75 s.
const BUSY_LEAST: f32 = 0.12;
const BUSY_MOST: f32 = 0.8;
