//! Tones: which is a beep, and which are ringback, keys, a busy line, special information tones or a fax.
//!
//! A tone is followed from hop to hop ([`Track`]); when it ends it becomes a [`Tone`], and what it means depends
//! on itself and on the tones just before it.

use super::{
    at::At,
    line_tones::{COUNTRIES, LONGEST_BUSY, SHORTEST_BUSY, SPECIAL_INFORMATION},
    spectrum::{BINS, Look, Spectrum},
    tone_track::{Pitch, Point, QUIETS, Tone, Track, is_cng},
};

/// The tone from which a mailbox records.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Beep {
    /// When it begins.
    pub start: At,
    /// When it ends.
    pub end: At,
    /// Its frequency in Hz; in the middle, if it sweeps.
    pub hz: f32,
    /// The second frequency of a dual tone in Hz.
    pub second_hz: Option<f32>,
    /// Hz a second; 0 unless it sweeps.
    pub sweep: f32,
}

impl Beep {
    /// Whether a calling fax sounds like that.
    pub(super) fn may_call(&self) -> bool {
        is_cng(self.hz, self.end.since(self.start)) && self.second_hz.is_none()
    }
}

/// A tone other than a beep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// It rings at the far end.
    Ringback,
    /// A key was pressed.
    Key(char),
    /// Busy or reorder: the other party is gone.
    Busy,
    /// Special information tones.
    Sit(SitClass),
    /// A fax machine or a modem: its answer tone (CED of ITU-T T.30, ANSam of V.8), its calling tone (CNG of T.30), or its
    /// data (V.21).
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
    /// The class as reasons name it.
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
    /// What was heard of each channel of V.21.
    data: [Data; 2],
    pending: Option<Pending>,
    /// A tone ended with the last hop.
    has_ended: bool,
}

/// One channel of V.21.
#[derive(Clone, Copy, Debug, Default)]
struct Data {
    /// Half hops that sounded like it, less those since that did not.
    heard: u32,
    /// The share of its space frequency in the last hop.
    last: f32,
}

/// A beep, if quiet follows.
#[derive(Clone, Copy, Debug)]
struct Pending {
    beep: Beep,
    level: f32,
    loud: u32,
}

impl Pending {
    /// Whether it may be the first burst of a busy tone; those of America are pairs, and known by that.
    fn of_a_line(&self) -> bool {
        let lasted = self.beep.end.since(self.beep.start);
        self.beep.second_hz.is_none()
            && LINE_TONE.contains(&self.beep.hz)
            && (BUSY_LEAST..BUSY_MOST).contains(&lasted)
    }
}

/// What a tone turned out to be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum ToneSound {
    Beep(Beep),
    Signal { signal: Signal, start: At, end: At },
}

impl Tones {
    /// What its buffers take.
    pub(super) const BYTES: usize = size_of::<[Point; LONGEST]>() + size_of::<[f32; BINS]>();

    pub(super) fn new() -> Self {
        Self {
            track: None,
            points: Box::new([Point::default(); LONGEST]),
            sum: Box::new([0.0; BINS]),
            strays: 0,
            past: [None; 5],
            fax_told: false,
            data: [Data::default(); 2],
            pending: None,
            has_ended: false,
        }
    }

    /// Whether a steady tone sounds that may become a beep.
    pub(super) fn sounding(&self) -> bool {
        self.pending.is_some() || self.track.is_some_and(|track| track.tonal >= 4)
    }

    /// `expected` says that a beep is known to come about now.
    pub(super) fn hop(
        &mut self,
        look: &Look,
        spectrum: &Spectrum,
        expected: bool,
        now: At,
    ) -> Option<ToneSound> {
        let centre = now.before(CENTRE);
        self.has_ended = false;
        let confirmed = self.confirm(look, expected, centre);
        let sound = self.follow(look, spectrum, centre);
        if let Some(fax) = self.modem(look, spectrum, centre) {
            self.pending = None;
            return Some(fax);
        }
        let Some(ToneSound::Beep(beep)) = sound else {
            if let Some(ToneSound::Signal { .. }) = sound {
                self.pending = None;
            }
            return sound.or(confirmed);
        };
        let level = self.past[0].map_or(0.0, |tone| tone.level);
        let replaced = self.pending.replace(Pending {
            beep,
            level,
            loud: 0,
        });
        // The second of a double beep confirms the first; that of a line tone does not.
        let first = replaced.filter(|first| !first.of_a_line());
        confirmed.or(first.map(|first| ToneSound::Beep(first.beep)))
    }

    /// Reports a beep once quiet has followed it, or the second of a double beep sounds.
    fn confirm(&mut self, look: &Look, expected: bool, centre: At) -> Option<ToneSound> {
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
        if again && pending.of_a_line() {
            // The second burst says what the line is.
            self.pending = None;
            return None;
        }
        let quiet = centre.since(pending.beep.end);
        let enough = if expected {
            quiet >= CONFIRM_EXPECTED || again
        } else if pending.of_a_line() {
            quiet >= CONFIRM_LINE
        } else {
            quiet >= CONFIRM || again
        };
        if !enough {
            return None;
        }
        self.pending
            .take()
            .map(|pending| ToneSound::Beep(pending.beep))
    }

    fn follow(&mut self, look: &Look, spectrum: &Spectrum, centre: At) -> Option<ToneSound> {
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
        });
    }

    /// A fax or a modem that sends data at once, without an answer tone: V.21 swings between two tones 200 Hz apart.
    fn modem(&mut self, look: &Look, spectrum: &Spectrum, centre: At) -> Option<ToneSound> {
        for ([mark, space], Data { heard, last }) in V21.iter().zip(&mut self.data) {
            let (mark, space) = (spectrum.share(*mark), spectrum.share(*space));
            let swings = (space - *last).abs() >= DATA_SWINGS;
            *last = space;
            *heard = if look.level >= DATA_FAINTEST && mark + space >= DATA_SHARE && swings {
                *heard + 2
            } else {
                heard.saturating_sub(1)
            };
        }
        if self.fax_told || self.data.iter().all(|data| data.heard < DATA_LEAST) {
            return None;
        }
        self.fax_told = true;
        Some(ToneSound::Signal {
            signal: Signal::Fax,
            start: centre.before(DATA_LEAST as f32 * 0.005),
            end: centre,
        })
    }

    /// A fax that calls: each 3 s half a second of 1100 Hz.
    fn calls(&self, tone: &Tone) -> Option<At> {
        let first = self.past.iter().flatten().find(|past| past.is_cng())?;
        let gap = tone.start.since(first.end);
        (tone.is_cng() && (CNG_GAP_LEAST..CNG_GAP_MOST).contains(&gap)).then_some(first.start)
    }

    /// A fax is known before its tone ends.
    fn long_tone(&mut self, centre: At) -> Option<ToneSound> {
        let track = self.track.as_ref()?;
        let lasted = centre.since(track.start);
        let fax = track.pitch.high.is_none() && (track.pitch.low - CED).abs() <= CED_WIDTH;
        if !fax || lasted < CED_LEAST || self.fax_told || track.tonal * 4 < track.len * 3 {
            return None;
        }
        self.fax_told = true;
        Some(ToneSound::Signal {
            signal: Signal::Fax,
            start: track.start,
            end: centre,
        })
    }

    /// The tone is over; if it `steps`, another takes its place.
    fn close(
        &mut self,
        steps: bool,
        look: &Look,
        spectrum: &Spectrum,
        centre: At,
    ) -> Option<ToneSound> {
        let track = self.track.take()?;
        let tone = (!track.too_long)
            .then(|| Tone::measure(&track, &self.points[..track.len]))
            .flatten()
            .map(|tone| Tone {
                company: tone.has_company(&self.sum),
                ..tone
            });
        let sound = tone.and_then(|tone| self.name(tone));
        if steps {
            self.begin(look, spectrum, centre);
        }
        let tone = tone?;
        self.past.rotate_right(1);
        self.past[0] = Some(tone);
        self.has_ended = true;
        sound
    }

    fn name(&self, tone: Tone) -> Option<ToneSound> {
        let signal = |signal, start| {
            Some(ToneSound::Signal {
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
        if let Some(start) = self.calls(&tone) {
            return signal(Signal::Fax, start);
        }
        if let Some(start) = self.double_ring(&tone) {
            return signal(Signal::Ringback, start);
        }
        if tone.rings() {
            return signal(Signal::Ringback, tone.start);
        }
        if let Some(key) = tone.key() {
            return signal(Signal::Key(key), tone.start);
        }
        let rough = if self.repeats(&tone) {
            ROUGH_AGAIN
        } else {
            tone.may_be_rough()
        };
        let note = self.past[0].is_some_and(|before| tone.is_note_after(&before));
        if tone.progress() || !tone.is_beep(rough) || tone.company || note {
            return None;
        }
        Some(ToneSound::Beep(Beep {
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

    /// Special information tones: three that rise, each at the heels of the one before (E.180: 950, 1400 and 1800 Hz, 0.33 s
    /// each). America codes the class in the first two (SR-2275): each is low (913.8, 1370.6 Hz) or high (985.2, 1428.5 Hz),
    /// and short (274 ms) or long (380 ms); the third is 1776.7 Hz and long.
    ///
    /// ```text
    ///  intercept   low short,  low short       reorder     low short,  high long     high short, low long
    ///  vacant code high long,  low short       no circuit  high long,  high long     low long,   low long
    /// ```
    ///
    /// Low and high, both long, is not a code; it is taken for reorder, as its pitches say. The other two are reserved.
    fn sit(&self, third: &Tone) -> Option<(SitClass, At)> {
        let [Some(second), Some(first), ..] = &self.past else {
            return None;
        };
        let close =
            |a: &Tone, b: &Tone| b.start.since(a.end) < SIT_GAP && a.end.since(b.start) < SIT_GAP;
        let near = |tone: &Tone, hz: f32| tone.high.is_none() && (tone.low - hz).abs() < SIT_WIDTH;
        let [low_hz, middle_hz, high_hz] = SPECIAL_INFORMATION;
        let rises =
            near(first, low_hz) && near(second, middle_hz) && near(third, high_hz - THIRD_LOW);
        if !rises || !close(first, second) || !close(second, third) {
            return None;
        }
        let low = |tone: &Tone, split: f32| tone.low < split;
        let long = |tone: &Tone| tone.lasted() > SIT_LONG;
        let american = [(first, 913.8, 985.2), (second, 1_370.6, 1_428.5)];
        let exact = american.iter().all(|(tone, a, b)| {
            let is = |hz: &f32| (tone.low - hz).abs() < hz * SIT_EXACT + SIT_ESTIMATE;
            is(a) || is(b)
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

    /// The second burst of a double ring. Two that beat make the tone rough; a double beep is shorter.
    fn double_ring(&self, second: &Tone) -> Option<At> {
        let first = self.past[0]?;
        let gap = second.start.since(first.end);
        let mut doubles = COUNTRIES.iter().map(|country| country.ringing);
        let rings = doubles.any(|ring| {
            ring.times.len() > 2
                && !(first.company || second.company)
                && (gap - ring.times[1]).abs() <= SAME_TIME
                && ring.has(first.low, first.high, first.lasted())
                && ring.has(second.low, second.high, second.lasted())
        });
        rings.then_some(first.start)
    }

    /// The tone that ended with the last hop, whatever it is but a voice's harmonic: its begin, its end and its pitch.
    pub(super) fn ended(&self) -> Option<(At, At, f32)> {
        let tone = self.past[0].filter(|tone| self.has_ended && !tone.company)?;
        Some((tone.start, tone.end, tone.low))
    }

    /// A line tone: the third burst of the same pitch, length and distance.
    fn busy(&self, third: &Tone) -> Option<At> {
        let [Some(second), Some(first), ..] = &self.past else {
            return None;
        };
        let same = |a: &Tone, b: &Tone| {
            (a.low - b.low).abs() < SAME_HZ
                && a.high.is_some() == b.high.is_some()
                && !(a.company || b.company)
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
/// The same of a beep that is known to come (s).
const CONFIRM_EXPECTED: f32 = 0.06;
/// The same if the tone may be a busy tone's: its next burst begins within this time (E.180: 0.75 s at most, and 0.6 s in
/// all but a few countries).
const CONFIRM_LINE: f32 = 0.8;
/// Hz: busy and congestion tones of nearly all countries but America are 400 to 450 Hz (E.180, supplement 2).
const LINE_TONE: std::ops::RangeInclusive<f32> = 385.0..=460.0;
/// Hops in that time that may be loud: a click.
const CLICK: u32 = 3;
/// Hz: 2100 +- 15 (T.30), and what the estimate adds.
const CED: f32 = 2_100.0;
/// Hz on either side.
const CED_WIDTH: f32 = 22.0;
/// Hz: mark and space of each channel of V.21.
const V21: [[f32; 2]; 2] = [[980.0, 1_180.0], [1_650.0, 1_850.0]];
/// Share of the power within 63 Hz of either: flags have 0.9, also through GSM.
const DATA_SHARE: f32 = 0.8;
/// How far the share of one of them swings from hop to hop: in flags by 0.29, through GSM by 0.13, in steady tones by 0.02.
const DATA_SWINGS: f32 = 0.06;
/// dB of full scale.
const DATA_FAINTEST: f32 = -50.0;
/// Half hops: 0.3 s of the preamble, which lasts 1 s (T.30).
const DATA_LEAST: u32 = 60;
/// From one calling tone to the next (s): 3 s +- 15 % (T.30).
const CNG_GAP_LEAST: f32 = 2.4;
const CNG_GAP_MOST: f32 = 3.6;
/// CED lasts 2.6 to 4 s; no beep lasts this long.
const CED_LEAST: f32 = 1.3;
/// E.180 allows 30 ms between the tones; the windows add their own (s).
const SIT_GAP: f32 = 0.07;
/// E.180: 950, 1400 and 1800 Hz, each +- 50; and the estimate.
const SIT_WIDTH: f32 = 55.0;
/// SR-2275 wants 0.2 %; recordings played at another rate are 1 % off.
const SIT_EXACT: f32 = 0.01;
/// Hz: what the estimate adds.
const SIT_ESTIMATE: f32 = 4.0;
/// Between the short (276 ms) and the long (380 ms) segment.
const SIT_LONG: f32 = 0.328;
/// Hz, and seconds, within which two bursts are the same.
const SAME_HZ: f32 = 10.0;
const SAME_TIME: f32 = 0.05;
/// Busy and reorder tones are on and off by turns; the windows add to one and take from the other (s).
const BUSY_LEAST: f32 = SHORTEST_BUSY - 0.045;
const BUSY_MOST: f32 = LONGEST_BUSY + 0.05;
/// Hz: between E.180 and what recordings and America have of the third.
const THIRD_LOW: f32 = 20.0;
