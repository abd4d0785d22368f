//! One tone from its first hop to its last: how it is followed, and what is measured when it has ended.

use super::{
    at::{At, HOP, RATE},
    spectrum::{BINS, Look, bin_of, decibels},
};

/// The pitch of a hop.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pitch {
    pub(super) low: f32,
    /// The other frequency of a dual tone.
    pub(super) high: Option<f32>,
}

impl Pitch {
    pub(super) fn of(look: &Look, least: f32) -> Option<Self> {
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

    /// Whether a hop whose purity suffers still has its strongest peak at the track's pitch.
    pub(super) fn holds(look: &Look, last: Self) -> Option<Self> {
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

    pub(super) fn is_of(look: &Look, last: Self) -> bool {
        let near = |hz: f32| (look.first.hz - hz).abs() <= HOLDS;
        near(last.low) || last.high.is_some_and(near)
    }

    pub(super) fn follows(self, last: Self) -> bool {
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
pub(super) struct Track {
    pub(super) start: At,
    pub(super) pitch: Pitch,
    /// Hops kept.
    pub(super) len: usize,
    pub(super) tonal: usize,
    pub(super) missed: usize,
    pub(super) too_long: bool,
}

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Point {
    pub(super) low: f32,
    pub(super) high: Option<f32>,
    /// Power at the pitch, as it was last known.
    pub(super) power: f32,
    pub(super) level: f32,
    pub(super) tonal: bool,
}

/// A tone that has ended.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tone {
    pub(super) start: At,
    pub(super) end: At,
    pub(super) low: f32,
    pub(super) high: Option<f32>,
    /// Hz a second.
    pub(super) sweep: f32,
    pub(super) sweeps: bool,
    /// How far its own power fell within 50 ms of its end, in dB.
    pub(super) fall: f32,
    /// How far the whole level fell, in dB.
    pub(super) quiets: f32,
    /// The whole level while it sounded, in dB.
    pub(super) level: f32,
    /// How unsteady it is in pitch and level: 0 not at all, 1 as much as a quiet beep through GSM.
    pub(super) rough: f32,
    /// Another line sounds with it, as with a voice's harmonic.
    pub(super) company: bool,
}

impl Tone {
    pub(super) fn measure(track: &Track, points: &[Point]) -> Option<Self> {
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
            let fit = StraightLine::robust(body.clone().map(low));
            if fit.error <= STEADY_ERROR || skip * 3 >= count || take <= FEWEST {
                break Fit {
                    low: fit,
                    high: StraightLine::robust(
                        body.clone()
                            .map(|(n, point)| (n as f32, point.high.unwrap_or_default())),
                    ),
                    level: StraightLine::through(
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
            level,
            rough,
            company: false,
        })
    }

    pub(super) fn lasted(&self) -> f32 {
        self.end.since(self.start)
    }

    /// Whether it lies in the range of a voice's pitch.
    fn voiced(&self) -> bool {
        self.low < VOICED && self.high.is_none()
    }

    pub(super) fn may_be_rough(&self) -> f32 {
        if self.voiced() {
            ROUGH_VOICED
        } else if self.low >= WHISTLED && self.high.is_none() {
            ROUGH_WHISTLED
        } else if self.low >= UNVOICED && self.high.is_none() {
            ROUGH_UNVOICED
        } else {
            ROUGH
        }
    }

    pub(super) fn is_beep(&self, rough: f32) -> bool {
        let least = if self.high.is_some() && self.low < VOICED {
            PAIR_LEAST
        } else {
            BEEP_LEAST
        };
        let most = if self.low > RINGS_AT_MOST {
            HIGH_BEEP_MOST
        } else {
            BEEP_MOST
        };
        (least..=most).contains(&self.lasted())
            && self.rough <= rough
            && self.fall >= FALL
            && self.quiets >= QUIETS
            && self.low >= BEEP_LOWEST
    }

    /// Whether it may be the calling tone of a fax.
    pub(super) fn is_cng(&self) -> bool {
        self.high.is_none() && is_cng(self.low, self.lasted())
    }

    /// Whether it is a ring longer than any beep, of 400 to 480 Hz.
    pub(super) fn rings(&self) -> bool {
        let pitch = |hz: f32| RING.contains(&hz);
        self.lasted() > BEEP_MOST && pitch(self.low) && self.high.is_none_or(pitch)
    }

    /// Whether another line sounds with it, up to its octave: then it is a harmonic of a voice, made strong by a formant.
    /// `sum` is the sum of its spectra.
    pub(super) fn has_company(&self, sum: &[f32; BINS]) -> bool {
        if self.high.is_some() || self.low >= UNVOICED {
            return false;
        }
        let reach = if self.sweeps {
            self.sweep.abs() * self.lasted() / 2.0
        } else {
            0.0
        };
        let (from, to) = (bin_of(self.low - reach), bin_of(self.low + reach));
        let own: f32 = sum[from - 2..=to + 2].iter().sum();
        let apart = |k: &usize| *k + LINE_APART < from || *k > to + LINE_APART;
        let others = (LINE_LOW..2 * from - LINE_LOW).filter(apart);
        let most = others
            .map(|k| sum[k - 1..=k + 1].iter().sum::<f32>())
            .fold(0.0, f32::max);
        decibels(most) - decibels(own) > COMPANY
    }

    /// Whether it is the octave of a note that others go before.
    pub(super) fn is_note_after(&self, before: &Self) -> bool {
        let octave = |high: f32| (high / self.low - 2.0).abs() <= OCTAVE;
        self.high.is_some_and(octave) && self.start.since(before.end) <= AT_THE_HEELS
    }

    pub(super) fn key(&self) -> Option<char> {
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

    /// The pairs of dial tone, ringback and busy tone that can be distinguished from a beep by pitch alone.
    pub(super) fn progress(&self) -> bool {
        let near = |hz: f32, of: f32| (hz - of).abs() < 12.0;
        self.high.is_some_and(|high| {
            near(self.low, 480.0) && near(high, 620.0) || near(self.low, 350.0) && near(high, 440.0)
        })
    }
}

/// Whether a tone of this pitch and length may be the calling tone of a fax.
pub(super) fn is_cng(hz: f32, lasted: f32) -> bool {
    (hz - CNG).abs() <= CNG_WIDTH && (lasted - CNG_LASTS).abs() <= CNG_LASTS_WIDTH
}

struct Fit {
    low: StraightLine,
    high: StraightLine,
    level: StraightLine,
    hops: usize,
}

/// A straight line through points.
struct StraightLine {
    slope: f32,
    /// The mean of the points; the line passes `middle` there.
    centre: f32,
    middle: f32,
    /// Root mean square distance of the points.
    error: f32,
}

impl StraightLine {
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

/// When the tone begins: it comes out of quiet, or of what was before it.
fn begin(first: At, points: &[Point], level: f32) -> At {
    let loud = |point: &Point| decibels(point.power) > level - THIRD;
    match points.iter().position(loud) {
        None | Some(0) => first.before(EDGE),
        Some(n) => first + (n as f32 - 0.25) / HOPS_A_SECOND,
    }
}

/// When the tone ends, in seconds after its first hop: a third of its amplitude is left in the window then.
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

const HOPS_A_SECOND: f32 = (RATE / HOP) as f32;
/// From the middle of the first tonal window back to the tone's begin (s).
const EDGE: f32 = 0.008;
/// Tones below this level are not looked at (dB of full scale).
const FAINTEST: f32 = -58.0;
/// A pair has to be purer than a single tone: two harmonics of a voice make a pair, too.
const DUAL_EXTRA: f32 = 0.07;
/// A second peak that explains this much more of the power is one of its own, not the noise beside the first.
const PAIR_EXPLAINS: f32 = 0.1;
/// The weaker of a pair is at most 10 dB weaker.
const DUAL_BALANCE: f32 = 0.1;
/// Hz: as far as noise and codecs move a peak.
const HOLDS: f32 = 15.0;
/// And how much of the power is left in it.
const HOLDS_SHARE: f32 = 0.5;
/// Hz a hop: a sweep from 2200 to 1320 Hz in 0.2 s, and some.
const FASTEST_SWEEP: f32 = 60.0;
/// Hz a hop.
const DUAL_STEADY: f32 = 12.0;
/// Hops of a tone at least: a beep of 0.1 s has seven whole windows.
const FEWEST: usize = 5;
/// A tone ends when a third of its amplitude is left (dB): GSM shakes the level of high tones by 7 dB.
const THIRD: f32 = 10.0;
/// Hz; G.711 stays under 0.2 Hz, GSM under 2.5 Hz unless the tone is high and faint.
const STEADY_ERROR: f32 = 2.5;
/// A long tone may be rougher: no voice holds its pitch that long.
const STEADY_MORE: f32 = 0.12;
const STEADY_MORE_AT_MOST: f32 = 5.0;
/// Hz from first to last.
const STEADY_BEND: f32 = 5.0;
/// The same above 800 Hz: GSM bends a tone's ends more there.
const STEADY_BEND_HIGH: f32 = 8.0;
/// GSM shakes a high tone more.
const STEADY_ERROR_HIGH: f32 = 5.0;
/// Hz from first to last: a sweep, not a steady tone that codecs bent.
const SWEEP_BEND: f32 = 12.0;
/// A sweep's error in parts of the way it goes.
const SWEEP_STRAIGHT: f32 = 0.05;
/// A sweep lasts at least this long (s): a syllable's glide is shorter, or bent.
const SWEEP_LEAST: f32 = 0.14;
/// Hz: 400, and what the estimate takes off.
const BEEP_LOWEST: f32 = 385.0;
/// Below this a voice has its pitch and its first formant, and may sing (Hz).
const VOICED: f32 = 800.0;
/// Above this no voice makes a single pure tone, and GSM is worst (Hz).
const UNVOICED: f32 = 1_200.0;
/// Above this the strongest line is never a voice's, and GSM has hardly enough samples a period (Hz).
const WHISTLED: f32 = 1_800.0;
/// How rough a beep may be. All through GSM are under 1 above 900 Hz, and nearly all under 0.5 below.
const ROUGH: f32 = 1.2;
const ROUGH_UNVOICED: f32 = 2.0;
const ROUGH_WHISTLED: f32 = 4.5;
const ROUGH_VOICED: f32 = 0.6;
/// From 0.1 s, less what the edges take (s).
const BEEP_LEAST: f32 = 0.09;
/// A pair that low may be two formants (s).
const PAIR_LEAST: f32 = 0.12;
/// To 1 s, and half more for the odd one (s); dial tones and fax answers go on.
const BEEP_MOST: f32 = 1.6;
/// The same above all that rings (s; Hz).
const HIGH_BEEP_MOST: f32 = 2.1;
const RINGS_AT_MOST: f32 = 505.0;
/// The strongest other line up to the octave, relative to a tone below [`UNVOICED`] (dB). Beeps of the development corpus have
/// at most -21, vowels taken for beeps had at least -13.6.
const COMPANY: f32 = -16.0;
/// Bins, 31 Hz each: from 125 Hz, and as far from the tone as its own skirt reaches.
const LINE_LOW: usize = 4;
const LINE_APART: usize = 3;
/// Hz: the calling tone of T.30, and seconds: 0.5 +- 15 %.
const CNG: f32 = 1_100.0;
const CNG_WIDTH: f32 = 38.0;
const CNG_LASTS: f32 = 0.5;
const CNG_LASTS_WIDTH: f32 = 0.09;
/// Hz: from 400, less the estimate's error, to 480.
pub(super) const RING: std::ops::RangeInclusive<f32> = 385.0..=490.0;
/// dB from first to last: a bell or a plucked string fades faster.
const FLAT: f32 = 5.0;
/// How far its own power falls within 50 ms (dB). Beeps fall 33 dB and more, notes and vowels fade.
const FALL: f32 = 15.0;
/// How far the whole line gets quieter after it (dB): a note is followed by the next, a vowel by its word.
pub(super) const QUIETS: f32 = 9.0;
/// A note's second harmonic is as exact as this, in parts of it, and the next note comes so soon (s).
const OCTAVE: f32 = 0.02;
const AT_THE_HEELS: f32 = 0.1;
/// Keys are made digitally and are exact; ITU-T Q.23 allows 1.8 %, which would take dual beeps for keys.
const KEY_WIDTH: f32 = 0.008;
