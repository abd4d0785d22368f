//! Proof by ear: finds a message in what the far end recorded, and says how much of it is missing.
//!
//! The message is cut into pieces, and each piece is looked for around where the whole message fits best. So a slip of a
//! packet shows as pieces that sit elsewhere, a cut as pieces that are nowhere, and neither hides the other.

use std::{ops::Range, path::Path, time::Duration};

use realfft::RealFftPlanner;

/// Samples a second of every recording of the lab.
pub const RATE: usize = 8_000;

/// One frame of telephony: 20 ms.
pub const FRAME: usize = RATE / 50;

/// A frame of the message at least this loud, as a share of its loudest frame, is audible.
const AUDIBLE: f32 = 0.05;

/// Pieces in which the message is looked for, in samples: long enough to be unmistakable, short enough to place a slip.
const PIECE: usize = RATE / 5;

/// How far a piece may sit from where the whole message fits best, in samples: 400 ms.
const DRIFT: usize = RATE * 2 / 5;

/// The least likeness (normalised cross-correlation) at which a piece counts as found. Through two G.711 conversions a
/// piece scores above 0.95 and other speech below 0.5.
const ALIKE: f32 = 0.8;

/// How many packets may be lost or doubled between an end of the message and the piece next to it for that to be a slip.
const SLIPPED_PACKETS: isize = 3;

/// By how much a frame has to be more like one place of the message than like another to come from there.
const CLEARLY: f32 = 0.05;

/// Mono samples, -1.0 to 1.0.
pub type Samples = Vec<f32>;

/// Reads a WAV of 16-bit mono samples at 8 kHz. The recorder may be writing it, so the lengths in its header are not
/// believed.
pub fn read(path: &Path) -> Result<Samples, String> {
    let bytes = std::fs::read(path).map_err(|e| format!("cannot read {}: {e}", path.display()))?;
    let at = bytes
        .windows(4)
        .position(|four| four == b"data")
        .ok_or_else(|| format!("{} has no data chunk", path.display()))?;
    let format = bytes
        .get(20..36)
        .ok_or_else(|| format!("{} is no WAV", path.display()))?;
    let field = |from: usize| u16::from_le_bytes([format[from], format[from + 1]]);
    let (tag, channels, rate, bits) = (field(0), field(2), field(4), field(14));
    if (tag, channels, usize::from(rate), bits) != (1, 1, RATE, 16) {
        return Err(format!("{} is not 8 kHz mono 16-bit PCM", path.display()));
    }
    let data = bytes.get(at + 8..).unwrap_or_default();
    Ok(data
        .chunks_exact(2)
        .map(|pair| f32::from(i16::from_le_bytes([pair[0], pair[1]])) / 32_768.0)
        .collect())
}

/// How a message sits in a recording.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Found {
    /// From the recording's beginning to the message's first audible sample.
    pub silence_before: Duration,
    /// How much of the audible start is not in the recording.
    pub start_missing: Duration,
    /// How much of the audible end is not in the recording.
    pub end_missing: Duration,
    /// How much between the first and the last piece that were found is not in the recording.
    pub inside_missing: Duration,
    /// By how much the last piece sits elsewhere than the first, relative to the message: packets lost or doubled.
    pub slip: Duration,
}

impl Found {
    /// Whether nothing that one frame of telephony could hold is missing at either end, and nothing inside but that one
    /// packet may have been dropped or doubled: PBX and far end share a machine that may pause for a moment.
    pub fn is_whole(&self) -> bool {
        // One that was dropped may go through two of the message's frames.
        let packet = frame() + self.slip;
        self.has_both_ends() && self.inside_missing <= packet && self.slip < frame() * 3 / 2
    }

    /// Whether nothing that one frame of telephony could hold is missing at either end.
    pub fn has_both_ends(&self) -> bool {
        self.start_missing < frame() && self.end_missing < frame()
    }
}

impl std::fmt::Display for Found {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "missing at the start {:.1} ms, at the end {:.1} ms, inside {:.1} ms; slipped {:.1} ms; {:.2} s before it",
            ms(self.start_missing),
            ms(self.end_missing),
            ms(self.inside_missing),
            ms(self.slip),
            self.silence_before.as_secs_f64(),
        )
    }
}

/// Finds `message` in `recording`; `None` if no piece of it is there.
pub fn find(message: &[f32], recording: &[f32]) -> Option<Found> {
    let audible = audible(message);
    let pieces = pieces(message);
    let (whole, _) = best_fit(&message[audible.clone()], recording)?;
    let origin = whole - signed(audible.start);
    let places: Vec<Option<isize>> = pieces
        .iter()
        .map(|piece| {
            place(
                &message[piece.clone()],
                recording,
                origin + signed(piece.start),
            )
        })
        .collect();
    let first = places.iter().position(Option::is_some)?;
    let last = places.iter().rposition(Option::is_some)?;
    // Where the message would begin and end if it were all there, judged by the pieces next to either end.
    let offset = |index: usize| places[index].map(|at| at - signed(pieces[index].start));
    let (mut begin, mut end) = (offset(first)?, offset(last)?);
    let heard_from = |offset: isize| move |index: usize| sample(recording, offset + signed(index));
    let mut start_missing = followed(message, audible.start..pieces[first].end, heard_from(begin))
        .start
        - audible.start;
    let mut end_missing =
        audible.end - followed(message, pieces[last].start..audible.end, heard_from(end)).end;
    // A packet lost within the piece at an end moves what is beyond it, which is there all the same.
    let first_frame = audible.start..(audible.start + FRAME).min(audible.end);
    let last_frame = audible.end.saturating_sub(FRAME).max(audible.start)..audible.end;
    if start_missing > 0
        && let Some(offset) = slipped(message, recording, &first_frame, begin)
    {
        (begin, start_missing) = (offset, 0);
    }
    if end_missing > 0
        && let Some(offset) = slipped(message, recording, &last_frame, end)
    {
        (end, end_missing) = (offset, 0);
    }
    // A piece that a lost packet goes through is like nothing as a whole; frame by frame it follows one neighbour or the
    // other, but for what was lost.
    let inside: usize = (first..last)
        .filter(|&index| places[index].is_none())
        .map(|index| {
            let before = (first..index).rev().find_map(&offset);
            let after = (index..=last).find_map(&offset);
            let near = [before, after].into_iter().flatten();
            lost_frames(
                message,
                recording,
                &pieces[index],
                &near.collect::<Vec<_>>(),
            )
        })
        .sum();
    Some(Found {
        silence_before: seconds(usize::try_from(begin + signed(audible.start)).unwrap_or(0)),
        start_missing: seconds(start_missing),
        end_missing: seconds(end_missing),
        inside_missing: seconds(inside),
        slip: seconds(begin.abs_diff(end)),
    })
}

/// How alike `recording` is to any part of `message` that is a piece long, 0.0 to 1.0, wherever it sits: whether somebody
/// heard any of it.
pub fn likeness(message: &[f32], recording: &[f32]) -> f32 {
    pieces(message)
        .into_iter()
        .filter_map(|piece| best_fit(&message[piece], recording))
        .map(|(_, likeness)| likeness)
        .fold(0.0, f32::max)
}

/// The loudest sample, 0.0 to 1.0.
pub fn peak(samples: &[f32]) -> f32 {
    samples
        .iter()
        .fold(0.0, |peak, sample| sample.abs().max(peak))
}

/// From the first to the last frame that can be heard.
pub fn audible(message: &[f32]) -> Range<usize> {
    let quiet = quiet(message);
    let loudness: Vec<f32> = message.chunks(FRAME).map(power).collect();
    let heard = |loud: &f32| *loud > quiet;
    let first = loudness.iter().position(heard).unwrap_or(0);
    let last = loudness
        .iter()
        .rposition(heard)
        .map_or(0, |index| index + 1);
    first * FRAME..(last * FRAME).min(message.len())
}

/// The power below which a frame of the message cannot be heard.
fn quiet(message: &[f32]) -> f32 {
    message.chunks(FRAME).map(power).fold(0.0, f32::max) * AUDIBLE * AUDIBLE
}

/// The pieces of a message in which there is something to be heard: silence is found everywhere and nowhere.
fn pieces(message: &[f32]) -> Vec<Range<usize>> {
    let audible = audible(message);
    let mut pieces: Vec<_> = (audible.start..audible.end)
        .step_by(PIECE)
        .map(|start| start..(start + PIECE).min(audible.end))
        .collect();
    // A remainder that is too short to be unmistakable belongs to the piece before it.
    if let [.., before, last] = pieces.as_mut_slice()
        && last.len() < PIECE
    {
        before.end = last.end;
        pieces.pop();
    }
    let quiet = quiet(message);
    pieces.retain(|piece| {
        message[piece.clone()]
            .chunks(FRAME)
            .any(|frame| power(frame) > quiet)
    });
    pieces
}

/// Where near `expected` the piece sits, if it does. What lies outside the recording counts as silence, so that a piece
/// that is half there is still found there.
fn place(piece: &[f32], recording: &[f32], expected: isize) -> Option<isize> {
    let from = expected - signed(DRIFT);
    let window: Samples = (from..expected + signed(piece.len() + DRIFT))
        .map(|at| sample(recording, at))
        .collect();
    let (at, likeness) = best_fit(piece, &window)?;
    // A piece that the recording's edge cuts is judged by the part that is there.
    (likeness >= ALIKE || likeness_of_overlap(piece, recording, from + at) >= ALIKE)
        .then_some(from + at)
}

fn likeness_of_overlap(piece: &[f32], recording: &[f32], at: isize) -> f32 {
    let skip = usize::try_from(-at).unwrap_or(0).min(piece.len());
    let start = usize::try_from(at).unwrap_or(0).min(recording.len());
    let length = (piece.len() - skip).min(recording.len() - start);
    if length < FRAME {
        return 0.0;
    }
    let (a, b) = (
        &piece[skip..skip + length],
        &recording[start..start + length],
    );
    normalised(dot(a, b), power_sum(a), power_sum(b))
}

/// Where a frame of the message is that is not at `offset`, if whole packets were lost or doubled before or behind it. What
/// is found there must be clearly more like it than like what belongs there: else a vowel that goes on would be taken for its
/// end. Where the two sound the same, that is a cut.
fn slipped(
    message: &[f32],
    recording: &[f32],
    frame: &Range<usize>,
    offset: isize,
) -> Option<isize> {
    let alike = |moved: isize, got: &[f32]| {
        let belongs: Samples = frame
            .clone()
            .map(|index| sample(message, signed(index) + moved))
            .collect();
        normalised(dot(&belongs, got), power_sum(&belongs), power_sum(got))
    };
    (1..=SLIPPED_PACKETS)
        .flat_map(|packets| [-packets, packets])
        .map(|packets| packets * signed(FRAME))
        .find(|&slip| {
            let got: Samples = frame
                .clone()
                .map(|index| sample(recording, offset + slip + signed(index)))
                .collect();
            let likeness = alike(0, &got);
            likeness >= ALIKE && likeness > alike(slip, &got) + CLEARLY
        })
        .map(|slip| offset + slip)
}

/// How many samples of a piece are in frames that the recording has at none of these offsets.
fn lost_frames(
    message: &[f32],
    recording: &[f32],
    piece: &Range<usize>,
    offsets: &[isize],
) -> usize {
    let quiet = quiet(message);
    let frames = piece
        .clone()
        .step_by(FRAME)
        .map(|start| start..(start + FRAME).min(piece.end));
    let lost = frames.filter(|frame| {
        let said = &message[frame.clone()];
        let is_there = |offset: &isize| {
            let got: Samples = frame
                .clone()
                .map(|index| sample(recording, offset + signed(index)))
                .collect();
            normalised(dot(said, &got), power_sum(said), power_sum(&got)) >= ALIKE
        };
        power(said) > quiet && !offsets.iter().any(is_there)
    });
    lost.map(|frame| frame.len()).sum()
}

/// The stretch of `range` in which the recording follows the message, in steps of a quarter of a frame.
fn followed(message: &[f32], range: Range<usize>, heard: impl Fn(usize) -> f32) -> Range<usize> {
    const STEP: usize = FRAME / 4;
    let mut followed = range
        .clone()
        .step_by(STEP)
        .map(|start| start..(start + STEP).min(range.end))
        .filter(|step| {
            let said = &message[step.clone()];
            let got: Samples = step.clone().map(&heard).collect();
            // Half of the size is a loose test on purpose: it separates sound from none, and coding noise matters little.
            power(&got) > power(said) * 0.25 && power(said) > 0.0
        });
    let Some(first) = followed.next() else {
        return range.end..range.end;
    };
    let last = followed.last().unwrap_or_else(|| first.clone());
    first.start..last.end
}

/// The place where `needle` is most like `hay`, and how alike it is there. The needle may stick out at both ends.
pub fn best_fit(needle: &[f32], hay: &[f32]) -> Option<(isize, f32)> {
    if needle.is_empty() || hay.is_empty() {
        return None;
    }
    let size = (needle.len() + hay.len()).next_power_of_two();
    let mut planner = RealFftPlanner::<f32>::new();
    let (forward, inverse) = (
        planner.plan_fft_forward(size),
        planner.plan_fft_inverse(size),
    );
    let spectrum = |samples: &[f32]| {
        let mut padded = samples.to_vec();
        padded.resize(size, 0.0);
        let mut out = forward.make_output_vec();
        forward.process(&mut padded, &mut out).map(|()| out)
    };
    let (needle_spectrum, mut product) = (spectrum(needle).ok()?, spectrum(hay).ok()?);
    for (bin, other) in product.iter_mut().zip(&needle_spectrum) {
        *bin *= other.conj();
    }
    // The first and last bins of a real signal's spectrum are real; rounding must not make them otherwise.
    if let Some(bin) = product.first_mut() {
        bin.im = 0.0;
    }
    if let Some(bin) = product.last_mut() {
        bin.im = 0.0;
    }
    let mut correlation = inverse.make_output_vec();
    inverse.process(&mut product, &mut correlation).ok()?;
    let running = running_power(hay);
    let power_at = |at: isize| {
        let clamp = |index: isize| usize::try_from(index.max(0)).unwrap_or(0).min(hay.len());
        running[clamp(at + signed(needle.len()))] - running[clamp(at)]
    };
    let needle_power = power_sum(needle);
    (-signed(needle.len()) + 1..signed(hay.len()))
        .map(|at| {
            let index = usize::try_from(at.rem_euclid(signed(size))).unwrap_or(0);
            let sum = correlation[index] / size as f32;
            // Against half of the needle's power at least: a click at the edge is like nothing.
            (
                at,
                normalised(sum, needle_power, power_at(at).max(needle_power * 0.05)),
            )
        })
        .max_by(|a, b| a.1.total_cmp(&b.1))
}

fn running_power(samples: &[f32]) -> Vec<f32> {
    let mut sum = 0.0_f64;
    let mut running = vec![0.0];
    running.extend(samples.iter().map(|sample| {
        sum += f64::from(sample * sample);
        sum as f32
    }));
    running
}

fn normalised(product: f32, a: f32, b: f32) -> f32 {
    if a <= f32::EPSILON || b <= f32::EPSILON {
        0.0
    } else {
        product / (a * b).sqrt()
    }
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn power_sum(samples: &[f32]) -> f32 {
    dot(samples, samples)
}

fn power(samples: &[f32]) -> f32 {
    power_sum(samples) / samples.len().max(1) as f32
}

fn sample(recording: &[f32], at: isize) -> f32 {
    usize::try_from(at)
        .ok()
        .and_then(|index| recording.get(index))
        .copied()
        .unwrap_or(0.0)
}

fn seconds(samples: usize) -> Duration {
    Duration::from_secs_f64(samples as f64 / RATE as f64)
}

fn frame() -> Duration {
    seconds(FRAME)
}

fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1_000.0
}

fn signed(count: usize) -> isize {
    isize::try_from(count).unwrap_or(isize::MAX)
}
