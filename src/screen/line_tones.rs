//! The tones of the world's telephone networks: what rings, is busy, or only warns is no beep.
//!
//! Source: ITU-T E.180/Q.35 (03/98) and its Supplement 2 (01/94), "Various tones used in national networks", as far as the
//! countries still use them; Australia, New Zealand and Singapore by their network operators' later papers. Times in seconds.

/// The tones of one country.
#[derive(Clone, Copy, Debug)]
pub(super) struct Country {
    /// ISO 3166-1 alpha-2; `EU` stands for the European countries that share one table.
    #[cfg_attr(not(test), expect(dead_code, reason = "for readers and for tests"))]
    pub(super) name: &'static str,
    pub(super) ringing: Cadence,
    pub(super) busy: Cadence,
    pub(super) congestion: Cadence,
    pub(super) call_waiting: Cadence,
}

/// A tone that is on and off by turns.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cadence {
    pub(super) pitch: Pitches,
    /// On, off, on, off and so on.
    pub(super) times: &'static [f32],
}

/// What sounds.
#[derive(Clone, Copy, Debug)]
pub(super) enum Pitches {
    One(f32),
    /// Two at once.
    Two(f32, f32),
    /// The first, swelling at the rate of the second: its side lines are as far from it as the rate.
    Modulated(f32, f32),
}

impl Cadence {
    /// The longest of its bursts (from 0) or of its pauses (from 1).
    const fn longest(&self, from: usize) -> f32 {
        let mut longest = 0.0;
        let mut n = from;
        while n < self.times.len() {
            if self.times[n] > longest {
                longest = self.times[n];
            }
            n += 2;
        }
        longest
    }

    /// The shortest of its bursts.
    const fn shortest_burst(&self) -> f32 {
        let mut shortest = f32::INFINITY;
        let mut n = 0;
        while n < self.times.len() {
            if self.times[n] < shortest {
                shortest = self.times[n];
            }
            n += 2;
        }
        shortest
    }

    /// Whether one burst of this pitch and length may be its.
    pub(super) fn has(&self, hz: f32, second: Option<f32>, lasted: f32) -> bool {
        let near = |hz: f32, of: f32| (hz - of).abs() <= PITCH;
        let pitch = match (self.pitch, second) {
            (Pitches::One(one), None) => near(hz, one),
            (Pitches::Modulated(one, rate), None) => (hz - one).abs() <= PITCH + rate / 2.0,
            (Pitches::Two(low, high), Some(second)) => near(hz, low) && near(second, high),
            // Two that are too close to be told apart look like the one between them.
            (Pitches::Two(low, high), None) => {
                high - low < APART && (low - PITCH..=high + PITCH).contains(&hz)
            }
            (Pitches::One(_) | Pitches::Modulated(..), Some(_)) => false,
        };
        let bursts = self.times.iter().step_by(2);
        pitch
            && bursts
                .into_iter()
                .any(|on| (lasted - on).abs() <= on * LENGTH + EDGES)
    }
}

impl Cadence {
    /// Whether one steady burst is its, as exact as digital exchanges make them. Two that are too close to be told apart beat, and
    /// are steady only half-way between them.
    pub(super) fn is(&self, hz: f32, second: Option<f32>, lasted: f32) -> bool {
        let near = |hz: f32, of: f32| (hz - of).abs() <= EXACT;
        let pitch = match (self.pitch, second) {
            (Pitches::One(one), None) => near(hz, one),
            (Pitches::Modulated(one, rate), None) => (hz - one).abs() <= EXACT + rate / 2.0,
            (Pitches::Two(low, high), Some(second)) => near(hz, low) && near(second, high),
            (Pitches::Two(low, high), None) => {
                high - low < APART && near(hz, f32::midpoint(low, high))
            }
            (Pitches::One(_) | Pitches::Modulated(..), Some(_)) => false,
        };
        let mut bursts = self.times.iter().step_by(2);
        pitch && bursts.any(|on| (lasted - on).abs() <= on * EXACT_LENGTH + EXACT_EDGES)
    }
}

/// Whether a burst of this pitch and length is a warning that a live call may carry: the recorder's, or call waiting.
pub(super) fn warns(hz: f32, second: Option<f32>, lasted: f32) -> bool {
    RECORDER.has(hz, second, lasted)
        || COUNTRIES
            .iter()
            .any(|country| country.call_waiting.has(hz, second, lasted))
}

/// Hz around a table's pitch: its tolerance (E.180: 2 %, here also of older exchanges) and the estimate's error.
const PITCH: f32 = 14.0;
/// Two that are closer are one peak to a window of 32 ms (Hz).
const APART: f32 = 80.0;
/// The same of a digital exchange, which is exact: what the estimate, a codec and lost packets add (Hz; of a length; s).
const EXACT: f32 = 8.0;
const EXACT_LENGTH: f32 = 0.05;
const EXACT_EDGES: f32 = 0.02;
/// Of a burst's length (E.180: 10 %), and seconds that the edges add.
const LENGTH: f32 = 0.12;
const EDGES: f32 = 0.04;

/// The longest pause between two rings anywhere, with what an exchange may be late (s).
pub(super) const LONGEST_PAUSE: f32 = {
    let (mut longest, mut n) = (0.0, 0);
    while n < COUNTRIES.len() {
        let pause = COUNTRIES[n].ringing.longest(1);
        if pause > longest {
            longest = pause;
        }
        n += 1;
    }
    longest
};

/// The shortest ring (s).
pub(super) const SHORTEST_RING: f32 = {
    let (mut shortest, mut n) = (f32::INFINITY, 0);
    while n < COUNTRIES.len() {
        let burst = COUNTRIES[n].ringing.shortest_burst();
        if burst < shortest {
            shortest = burst;
        }
        n += 1;
    }
    shortest
};

/// The longest and the shortest burst of a busy or congestion tone (s).
pub(super) const LONGEST_BUSY: f32 = {
    let (mut longest, mut n) = (0.0, 0);
    while n < COUNTRIES.len() {
        let burst = COUNTRIES[n]
            .busy
            .longest(0)
            .max(COUNTRIES[n].congestion.longest(0));
        if burst > longest {
            longest = burst;
        }
        n += 1;
    }
    longest
};
pub(super) const SHORTEST_BUSY: f32 = {
    let (mut shortest, mut n) = (f32::INFINITY, 0);
    while n < COUNTRIES.len() {
        let (busy, congestion) = (COUNTRIES[n].busy, COUNTRIES[n].congestion);
        let burst = busy.shortest_burst().min(congestion.shortest_burst());
        if burst < shortest {
            shortest = burst;
        }
        n += 1;
    }
    shortest
};

const fn one(hz: f32, times: &'static [f32]) -> Cadence {
    Cadence {
        pitch: Pitches::One(hz),
        times,
    }
}

const fn two(low: f32, high: f32, times: &'static [f32]) -> Cadence {
    Cadence {
        pitch: Pitches::Two(low, high),
        times,
    }
}

const fn modulated(hz: f32, by: f32, times: &'static [f32]) -> Cadence {
    Cadence {
        pitch: Pitches::Modulated(hz, by),
        times,
    }
}

/// The tone that tells a party that it is recorded: 1400 Hz, half a second each 15 s.
pub(super) const RECORDER: Cadence = one(1_400.0, &[0.5, 14.5]);

/// By country.
pub(super) const COUNTRIES: &[Country] = &[
    country(
        "AR",
        one(425.0, &[1.0, 4.5]),
        one(425.0, &[0.3, 0.2]),
        one(425.0, &[0.3, 0.4]),
        one(425.0, &[0.4, 10.0]),
    ),
    country(
        "AT",
        one(420.0, &[1.0, 5.0]),
        one(420.0, &[0.4, 0.4]),
        one(420.0, &[0.2, 0.2]),
        one(420.0, &[0.04, 1.95]),
    ),
    country(
        "AU",
        two(413.0, 438.0, &[0.4, 0.2, 0.4, 2.0]),
        one(425.0, &[0.375, 0.375]),
        one(425.0, &[0.375, 0.375]),
        one(425.0, &[0.2, 0.2, 0.2, 4.4]),
    ),
    country(
        "BE",
        one(425.0, &[1.0, 3.0]),
        one(425.0, &[0.5, 0.5]),
        one(425.0, &[0.167, 0.167]),
        one(1_400.0, &[0.175, 0.175, 0.175, 3.5]),
    ),
    country(
        "BR",
        one(425.0, &[1.0, 4.0]),
        one(425.0, &[0.25, 0.25]),
        one(425.0, &[0.25, 0.25, 0.75, 0.25]),
        one(425.0, &[0.05, 1.0]),
    ),
    country(
        "CH",
        one(425.0, &[1.0, 4.0]),
        one(425.0, &[0.5, 0.5]),
        one(425.0, &[0.2, 0.2]),
        one(425.0, &[0.2, 0.2, 0.2, 4.0]),
    ),
    country(
        "CL",
        one(400.0, &[1.0, 3.0]),
        one(400.0, &[0.5, 0.5]),
        one(400.0, &[0.2, 0.2]),
        one(400.0, &[0.25, 8.75]),
    ),
    country(
        "CN",
        one(450.0, &[1.0, 4.0]),
        one(450.0, &[0.35, 0.35]),
        one(450.0, &[0.7, 0.7]),
        one(450.0, &[0.4, 4.0]),
    ),
    country(
        "DE",
        one(425.0, &[1.0, 4.0]),
        one(425.0, &[0.48, 0.48]),
        one(425.0, &[0.24, 0.24]),
        one(425.0, &[0.2, 0.2, 0.2, 5.0]),
    ),
    country(
        "DK",
        one(425.0, &[1.0, 4.0]),
        one(425.0, &[0.5, 0.5]),
        one(425.0, &[0.2, 0.2]),
        one(425.0, &[0.2, 0.6, 0.2, 3.0]),
    ),
    country(
        "ES",
        one(425.0, &[1.5, 3.0]),
        one(425.0, &[0.2, 0.2]),
        one(425.0, &[0.2, 0.2, 0.2, 0.6]),
        one(425.0, &[0.175, 0.175, 0.175, 3.5]),
    ),
    country(
        "EU",
        one(425.0, &[1.0, 5.0]),
        one(425.0, &[0.5, 0.5]),
        one(425.0, &[0.25, 0.25]),
        one(425.0, &[0.2, 0.5, 0.2, 4.0]),
    ),
    country(
        "FR",
        one(440.0, &[1.5, 3.5]),
        one(440.0, &[0.5, 0.5]),
        one(440.0, &[0.25, 0.25]),
        one(440.0, &[0.3, 10.0]),
    ),
    country(
        "GB",
        two(400.0, 450.0, &[0.4, 0.2, 0.4, 2.0]),
        one(400.0, &[0.375, 0.375]),
        one(400.0, &[0.4, 0.35, 0.225, 0.525]),
        one(400.0, &[0.1, 4.0]),
    ),
    country(
        "HK",
        two(440.0, 480.0, &[0.4, 0.2, 0.4, 3.0]),
        two(480.0, 620.0, &[0.5, 0.5]),
        two(480.0, 620.0, &[0.25, 0.25]),
        one(440.0, &[0.5, 10.0]),
    ),
    country(
        "HU",
        one(425.0, &[1.25, 3.75]),
        one(425.0, &[0.3, 0.3]),
        one(425.0, &[0.3, 0.3]),
        one(425.0, &[0.04, 1.96]),
    ),
    country(
        "IL",
        one(400.0, &[1.0, 3.0]),
        one(400.0, &[0.5, 0.5]),
        one(400.0, &[0.25, 0.25]),
        one(400.0, &[0.15, 10.0]),
    ),
    country(
        "IN",
        modulated(400.0, 25.0, &[0.4, 0.2, 0.4, 2.0]),
        one(400.0, &[0.75, 0.75]),
        one(400.0, &[0.25, 0.25]),
        one(400.0, &[0.2, 0.1, 0.2, 7.5]),
    ),
    country(
        "IT",
        one(425.0, &[1.0, 4.0]),
        one(425.0, &[0.5, 0.5]),
        one(425.0, &[0.2, 0.2]),
        one(425.0, &[0.4, 0.1, 0.25, 0.1]),
    ),
    country(
        "JP",
        modulated(400.0, 16.0, &[1.0, 2.0]),
        one(400.0, &[0.5, 0.5]),
        one(400.0, &[0.5, 0.5]),
        one(400.0, &[0.5, 4.0]),
    ),
    country(
        "KR",
        two(440.0, 480.0, &[1.0, 2.0]),
        two(480.0, 620.0, &[0.5, 0.5]),
        two(480.0, 620.0, &[0.3, 0.2]),
        one(440.0, &[0.25, 5.0]),
    ),
    country(
        "MX",
        one(425.0, &[1.0, 4.0]),
        one(425.0, &[0.25, 0.25]),
        one(425.0, &[0.25, 0.25]),
        one(425.0, &[0.2, 0.6, 0.2, 10.0]),
    ),
    country(
        "MY",
        one(425.0, &[0.4, 0.2, 0.4, 2.0]),
        one(425.0, &[0.5, 0.5]),
        one(425.0, &[0.5, 0.5]),
        one(425.0, &[1.0, 10.0]),
    ),
    country(
        "NZ",
        two(400.0, 450.0, &[0.4, 0.2, 0.4, 2.0]),
        one(400.0, &[0.5, 0.5]),
        one(400.0, &[0.25, 0.25]),
        one(400.0, &[0.2, 3.0]),
    ),
    country(
        "PT",
        one(425.0, &[1.0, 5.0]),
        one(425.0, &[0.5, 0.5]),
        one(425.0, &[0.2, 0.2]),
        one(425.0, &[0.2, 0.2, 0.2, 5.0]),
    ),
    country(
        "RU",
        one(425.0, &[0.8, 3.2]),
        one(425.0, &[0.35, 0.35]),
        one(425.0, &[0.175, 0.175]),
        one(425.0, &[0.2, 5.0]),
    ),
    country(
        "SE",
        one(425.0, &[1.0, 5.0]),
        one(425.0, &[0.25, 0.25]),
        one(425.0, &[0.25, 0.75]),
        one(425.0, &[0.2, 0.5, 0.2, 5.0]),
    ),
    country(
        "SG",
        modulated(425.0, 24.0, &[0.4, 0.2, 0.4, 2.0]),
        one(425.0, &[0.75, 0.75]),
        one(425.0, &[0.25, 0.25]),
        one(425.0, &[0.3, 0.2, 0.3, 3.2]),
    ),
    country(
        "TR",
        one(450.0, &[2.0, 4.0]),
        one(450.0, &[0.5, 0.5]),
        one(450.0, &[0.2, 0.2, 0.6, 0.2]),
        one(450.0, &[0.2, 0.6, 0.2, 8.0]),
    ),
    country(
        "US",
        two(440.0, 480.0, &[2.0, 4.0]),
        two(480.0, 620.0, &[0.5, 0.5]),
        two(480.0, 620.0, &[0.25, 0.25]),
        one(440.0, &[0.3, 10.0]),
    ),
    country(
        "ZA",
        modulated(400.0, 33.0, &[0.4, 0.2, 0.4, 2.0]),
        one(400.0, &[0.5, 0.5]),
        one(400.0, &[0.25, 0.25]),
        modulated(400.0, 33.0, &[0.4, 4.0]),
    ),
];

const fn country(
    name: &'static str,
    ringing: Cadence,
    busy: Cadence,
    congestion: Cadence,
    call_waiting: Cadence,
) -> Country {
    Country {
        name,
        ringing,
        busy,
        congestion,
        call_waiting,
    }
}

/// Special information tones, the same everywhere (E.180): Hz, each for a third of a second, close to each other. Recordings
/// and American exchanges have the last at 1777 Hz.
pub(super) const SPECIAL_INFORMATION: [f32; 3] = [950.0, 1_400.0, 1_800.0];
