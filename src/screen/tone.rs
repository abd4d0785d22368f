//! Tones: which of them is a beep, and which are ringback, keys, a busy line, special information tones or a fax.
//!
//! A tone is followed from hop to hop ([`Track`]); when it ends it becomes a [`Tone`], and what a tone is depends on
//! itself and on the tones just before it.

use super::{
    At, RATE,
    spectrum::{Look, Spectrum, decibels},
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
            let ended = if steps { Ended::Step } else { Ended::Quiet };
            return self.close(ended, look, spectrum, centre);
        }
        self.long_tone(centre)
    }

    fn begin(&mut self, look: &Look, spectrum: &Spectrum, centre: At) {
        self.strays = 0;
        let Some(pitch) = Pitch::of(look, LEAST_SHARE) else {
            return;
        };
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

    fn close(
        &mut self,
        ended: Ended,
        look: &Look,
        spectrum: &Spectrum,
        centre: At,
    ) -> Option<Sound> {
        let track = self.track.take()?;
        let tone = (!track.too_long)
            .then(|| Tone::measure(&track, &self.points[..track.len], ended))
            .flatten();
        if ended == Ended::Step {
            self.begin(look, spectrum, centre);
        }
        let tone = tone?;
        let sound = self.name(tone);
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
        if tone.progress() || !tone.is_beep(rough) {
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

/// The pitch of a hop.
#[derive(Clone, Copy, Debug)]
struct Pitch {
    low: f32,
    /// The other frequency of a dual tone.
    high: Option<f32>,
}

impl Pitch {
    fn of(look: &Look, least: f32) -> Option<Self> {
        if look.level < FAINTEST {
            return None;
        }
        let (a, b) = (look.first, look.second);
        let pair = look.two - look.one > PAIR_EXPLAINS && b.power > a.power * DUAL_BALANCE;
        if look.one >= least && !pair {
            return Some(Self {
                low: a.hz,
                high: None,
            });
        }
        (pair && look.two >= least + DUAL_EXTRA).then(|| Self {
            low: a.hz.min(b.hz),
            high: Some(a.hz.max(b.hz)),
        })
    }

    /// Whether a hop whose purity suffers still has its strongest peak where the track is.
    fn holds(look: &Look, last: Self) -> Option<Self> {
        let near = |hz: f32| (look.first.hz - hz).abs() <= HOLDS;
        let single = last.high.is_none()
            && look.level >= FAINTEST
            && look.one >= HOLDS_SHARE
            && near(last.low);
        single.then_some(Self {
            low: look.first.hz,
            high: None,
        })
    }

    fn is_of(look: &Look, last: Self) -> bool {
        let near = |hz: f32| (look.first.hz - hz).abs() <= HOLDS;
        near(last.low) || last.high.is_some_and(near)
    }

    fn follows(self, last: Self) -> bool {
        match (last.high, self.high) {
            (None, None) => (self.low - last.low).abs() <= FASTEST_SWEEP,
            (Some(was), Some(is)) => {
                (self.low - last.low).abs() <= DUAL_STEADY && (is - was).abs() <= DUAL_STEADY
            }
            (None, Some(_)) | (Some(_), None) => false,
        }
    }
}

/// A tone that sounds.
#[derive(Clone, Copy, Debug)]
struct Track {
    start: At,
    pitch: Pitch,
    /// Hops kept.
    len: usize,
    tonal: usize,
    missed: usize,
    too_long: bool,
    /// Level at its pitch before it began, in dB.
    before: f32,
}

#[derive(Clone, Copy, Debug, Default)]
struct Point {
    low: f32,
    high: Option<f32>,
    /// Power at the pitch, as it was last known.
    power: f32,
    level: f32,
    tonal: bool,
}

/// How a tone ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ended {
    /// It faded or stopped.
    Quiet,
    /// Another tone took its place.
    Step,
}

/// A tone that has ended.
#[derive(Clone, Copy, Debug)]
struct Tone {
    start: At,
    end: At,
    low: f32,
    high: Option<f32>,
    /// Hz a second.
    sweep: f32,
    sweeps: bool,
    /// How far its own power fell within 50 ms of its end, in dB.
    fall: f32,
    /// How far the whole level fell, in dB.
    quiets: f32,
    /// How far its own power rose at its begin, in dB.
    rise: f32,
    /// The whole level while it sounded, in dB.
    level: f32,
    /// How unsteady it is in pitch and level: 0 not at all, 1 as much as a quiet beep through GSM.
    rough: f32,
    ended: Ended,
}

impl Tone {
    fn measure(track: &Track, points: &[Point], ended: Ended) -> Option<Self> {
        let body_level = body_level(points)?;
        // What lies under a third of the amplitude is a hole (a lost frame) or the end.
        let sounds = |point: &Point| decibels(point.power) > body_level - THIRD;
        let last = points.iter().rposition(sounds)?;
        let whole = |(_, point): &(usize, &Point)| point.tonal && sounds(point);
        let count = points.iter().enumerate().filter(whole).count();
        if count < FEWEST {
            return None;
        }
        // Its first hops may hold the end of a word, its last ones its own end.
        let mut skip = usize::from(count > FEWEST);
        let fit = loop {
            let take = count.saturating_sub(skip + usize::from(count > FEWEST + 1));
            let body = points
                .iter()
                .enumerate()
                .filter(whole)
                .skip(skip)
                .take(take);
            let low = |(n, point): (usize, &Point)| (n as f32, point.low);
            let fit = Line::robust(body.clone().map(low));
            if fit.error <= STEADY_ERROR || skip * 3 >= count || take <= FEWEST {
                break Fit {
                    low: fit,
                    high: Line::robust(
                        body.clone()
                            .map(|(n, point)| (n as f32, point.high.unwrap_or_default())),
                    ),
                    level: Line::through(
                        body.clone()
                            .map(|(n, point)| (n as f32, decibels(point.power))),
                    ),
                    hops: take,
                };
            }
            skip += 1;
        };
        let tail = &points[last + 1..];
        let least = |read: fn(&Point) -> f32| tail.iter().map(read).fold(f32::INFINITY, f32::min);
        let fall = body_level - least(|point| decibels(point.power));
        let after = tail.iter().rev().take(2).map(|point| point.level);
        let loudest_after = after.fold(f32::NEG_INFINITY, f32::max);
        let before = points[..=last].iter().filter(|point| sounds(point));
        let level = before.clone().map(|point| point.level).sum::<f32>() / before.count() as f32;
        let sweep = fit.low.slope * HOPS_A_SECOND;
        let bend = (fit.low.slope * fit.hops as f32).abs();
        let pair_bend = (fit.high.slope * fit.hops as f32).abs();
        let high = fit.low.middle >= VOICED;
        let may_err = if high {
            STEADY_ERROR_HIGH
        } else {
            STEADY_ERROR
        } + (fit.hops as f32 * STEADY_MORE).min(STEADY_MORE_AT_MOST);
        let change = fit.level.slope * fit.hops as f32;
        let sweeps = track.pitch.high.is_none()
            && bend >= SWEEP_BEND
            && fit.low.error <= bend * SWEEP_STRAIGHT
            && (fit.hops as f32 / HOPS_A_SECOND) >= SWEEP_LEAST;
        let bends = if sweeps { 0.0 } else { bend.max(pair_bend) };
        let error = fit.low.error.max(if track.pitch.high.is_some() {
            fit.high.error
        } else {
            0.0
        });
        let rough = (error / may_err).powi(2)
            + (bends / if high { STEADY_BEND_HIGH } else { STEADY_BEND }).powi(2)
            + (change / FLAT).powi(2);
        Some(Self {
            start: begin(track.start, points, body_level),
            end: track.start + edge(points, last, body_level),
            low: fit.low.middle,
            high: track.pitch.high.map(|_| fit.high.middle),
            sweep,
            sweeps,
            fall,
            quiets: level - loudest_after,
            rise: body_level - track.before,
            level,
            rough,
            ended,
        })
    }

    fn lasted(&self) -> f32 {
        self.end.since(self.start)
    }

    /// Whether it lies where a voice has its pitch.
    fn voiced(&self) -> bool {
        self.low < VOICED && self.high.is_none()
    }

    fn may_be_rough(&self) -> f32 {
        if self.voiced() { ROUGH_VOICED } else { ROUGH }
    }

    fn is_beep(&self, rough: f32) -> bool {
        let least = if self.high.is_some() && self.low < VOICED {
            PAIR_LEAST
        } else {
            BEEP_LEAST
        };
        self.ended == Ended::Quiet
            && (least..=BEEP_MOST).contains(&self.lasted())
            && self.rough <= rough
            && (!self.voiced() || self.rise >= RISE)
            && self.fall >= FALL
            && self.quiets >= QUIETS
            && self.low >= BEEP_LOWEST
    }

    fn key(&self) -> Option<char> {
        let high = self.high?;
        if self.rough > 1.0 {
            return None;
        }
        let near = |hz: f32, of: &[f32; 4]| of.iter().position(|f| (hz - f).abs() < f * KEY_WIDTH);
        let row = near(self.low, &[697.0, 770.0, 852.0, 941.0])?;
        let column = near(high, &[1_209.0, 1_336.0, 1_477.0, 1_633.0])?;
        let keys = [
            ['1', '2', '3', 'A'],
            ['4', '5', '6', 'B'],
            ['7', '8', '9', 'C'],
            ['*', '0', '#', 'D'],
        ];
        Some(keys[row][column])
    }

    /// The pairs of dial tone, ringback and busy tone that can be told from a beep by pitch alone.
    fn progress(&self) -> bool {
        let near = |hz: f32, of: f32| (hz - of).abs() < 12.0;
        self.high.is_some_and(|high| {
            near(self.low, 480.0) && near(high, 620.0) || near(self.low, 350.0) && near(high, 440.0)
        })
    }
}

struct Fit {
    low: Line,
    high: Line,
    level: Line,
    hops: usize,
}

/// A straight line through points.
struct Line {
    slope: f32,
    /// Where the points are on average: there it passes `middle`.
    centre: f32,
    middle: f32,
    /// Root mean square distance of the points.
    error: f32,
}

impl Line {
    /// A line through the points, without the fifth of them that may lie far off: lost frames bend a hop's pitch.
    fn robust(points: impl Iterator<Item = (f32, f32)> + Clone) -> Self {
        let all = Self::through(points.clone());
        let reach = 2.0 * all.error.max(1.0);
        let near = points
            .clone()
            .filter(|(x, y)| (all.at(*x) - y).abs() <= reach);
        if near.clone().count() * 5 < points.count() * 4 {
            return all;
        }
        Self::through(near)
    }

    fn at(&self, x: f32) -> f32 {
        self.middle + self.slope * (x - self.centre)
    }

    fn through(points: impl Iterator<Item = (f32, f32)> + Clone) -> Self {
        let n = points.clone().count().max(1) as f32;
        let (sx, sy) = points
            .clone()
            .fold((0.0, 0.0), |(a, b), (x, y)| (a + x, b + y));
        let (mx, my) = (sx / n, sy / n);
        let (mut xx, mut xy, mut yy) = (0.0, 0.0, 0.0);
        for (x, y) in points {
            xx += (x - mx) * (x - mx);
            xy += (x - mx) * (y - my);
            yy += (y - my) * (y - my);
        }
        let slope = if xx > 0.0 { xy / xx } else { 0.0 };
        Self {
            slope,
            centre: mx,
            middle: my,
            error: ((yy - slope * xy).max(0.0) / n).sqrt(),
        }
    }
}

/// The level that at most a quarter of the tonal hops exceed: holes and edges are in the rest.
fn body_level(points: &[Point]) -> Option<f32> {
    let tonal = || points.iter().filter(|point| point.tonal);
    let quarter = tonal().count() / 4;
    let louder = |power: f32| tonal().filter(|point| point.power > power).count();
    let as_loud = |power: f32| tonal().filter(|point| point.power >= power).count();
    let body =
        tonal().find(|point| louder(point.power) <= quarter && as_loud(point.power) > quarter)?;
    Some(decibels(body.power))
}

/// Where the tone begins: where it comes out of quiet, or of what was before it.
fn begin(first: At, points: &[Point], level: f32) -> At {
    let loud = |point: &Point| decibels(point.power) > level - THIRD;
    match points.iter().position(loud) {
        None | Some(0) => first.before(EDGE),
        Some(n) => first + (n as f32 - 0.25) / HOPS_A_SECOND,
    }
}

/// Where the tone ends, in seconds after its first hop: where a third of its amplitude is left in the window.
fn edge(points: &[Point], last: usize, level: f32) -> f32 {
    let third = level - THIRD;
    let at = decibels(points[last].power);
    let part = points.get(last + 1).map_or(0.0, |next| {
        let next = decibels(next.power);
        if at > next {
            ((at - third) / (at - next)).clamp(0.0, 1.0)
        } else {
            0.0
        }
    });
    (last as f32 + part) / HOPS_A_SECOND
}

const HOPS_A_SECOND: f32 = (RATE / super::HOP) as f32;

/// From the end of a window back to its middle (s).
const CENTRE: f32 = 0.016;

/// From the middle of the first tonal window back to the tone's begin (s).
const EDGE: f32 = 0.008;

/// Hops of a tone that are kept: 2.2 s.
const LONGEST: usize = 220;

/// A lost frame of 20 ms spoils five windows.
const BRIDGE: usize = 5;

/// Tones below this level are not looked at (dB of full scale).
const FAINTEST: f32 = -58.0;

/// Share of the power in one peak with which a tone begins. White noise 10 dB below the tone takes a tenth.
const LEAST_SHARE: f32 = 0.80;

/// Share with which it goes on.
const LEAST_SHARE_KEEP: f32 = 0.65;

/// A pair has to be purer than a single tone: two harmonics of a voice make a pair, too.
const DUAL_EXTRA: f32 = 0.07;

/// A second peak that explains this much more of the power is one of its own, not the noise beside the first.
const PAIR_EXPLAINS: f32 = 0.1;

/// The weaker of a pair is at most 10 dB weaker.
const DUAL_BALANCE: f32 = 0.1;

/// Hz: as far as noise and codecs move a peak.
const HOLDS: f32 = 15.0;
const HOLDS_SHARE: f32 = 0.5;

/// Hz a hop: a sweep from 2200 to 1320 Hz in 0.2 s, and some.
const FASTEST_SWEEP: f32 = 60.0;

/// Hz a hop.
const DUAL_STEADY: f32 = 12.0;

/// Hops of a tone at least: a beep of 0.1 s has seven whole windows.
const FEWEST: usize = 5;

/// A tone ends where a third of its amplitude is left (dB): GSM shakes the level of high tones by 7 dB.
const THIRD: f32 = 10.0;

/// Hz; G.711 stays under 0.2 Hz, GSM under 2.5 Hz unless the tone is high and faint.
const STEADY_ERROR: f32 = 2.5;
/// A long tone may be rougher: no voice holds its pitch that long.
const STEADY_MORE: f32 = 0.12;
const STEADY_MORE_AT_MOST: f32 = 5.0;
/// Hz from first to last.
const STEADY_BEND: f32 = 5.0;
const STEADY_BEND_HIGH: f32 = 8.0;
/// GSM shakes a high tone more.
const STEADY_ERROR_HIGH: f32 = 5.0;
const SWEEP_BEND: f32 = 12.0;
/// A sweep's error in parts of the way it goes.
const SWEEP_STRAIGHT: f32 = 0.05;
const SWEEP_LEAST: f32 = 0.14;

const BEEP_LOWEST: f32 = 385.0;
/// Below this a voice has its pitch and its first formant, and may sing (Hz).
const VOICED: f32 = 800.0;
/// How rough a beep may be. All through GSM are under 1 above 900 Hz, and under 0.2 below.
const ROUGH: f32 = 1.2;
const ROUGH_VOICED: f32 = 0.3;
/// The second of a double beep need not prove so much.
const ROUGH_AGAIN: f32 = 4.0;
/// From one beep to the second (s).
const AGAIN: f32 = 0.4;
/// How far a beep below 800 Hz rises out of what was before it (dB): a vowel grows out of its syllable.
const RISE: f32 = 8.0;
const BEEP_LEAST: f32 = 0.09;
/// A pair that low may be two formants (s).
const PAIR_LEAST: f32 = 0.12;
const BEEP_MOST: f32 = 1.6;
/// dB from first to last: a bell or a plucked string fades faster.
const FLAT: f32 = 5.0;
const FALL: f32 = 15.0;
const QUIETS: f32 = 9.0;
/// Quiet after a beep until it is one (s): a vowel is followed by its word, a note by the next.
const CONFIRM: f32 = 0.15;
/// Hops in that time that may be loud: a click.
const CLICK: u32 = 3;

/// Hz: 2100 +- 15 (T.30), and what the estimate adds.
const CED: f32 = 2_100.0;
const CED_WIDTH: f32 = 22.0;
/// CED lasts 2.6 to 4 s; no beep lasts this long.
const CED_LEAST: f32 = 1.3;

const SIT_GAP: f32 = 0.07;
const SIT_WIDTH: f32 = 55.0;
const SIT_EXACT: f32 = 12.0;
/// Between the short (276 ms) and the long (380 ms) segment.
const SIT_LONG: f32 = 0.328;

/// Keys are made digitally and are exact; ITU-T Q.23 allows 1.8 %, which would take dual beeps for keys.
const KEY_WIDTH: f32 = 0.008;

const SAME_HZ: f32 = 10.0;
const SAME_TIME: f32 = 0.05;
/// Busy and reorder tones are on and off for 0.2 to 0.75 s.
const BUSY_LEAST: f32 = 0.12;
const BUSY_MOST: f32 = 0.8;
