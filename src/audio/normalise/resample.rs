//! Changes the rate of a stream of samples.

use rubato::{
    Fft, FixedSync, Indexing, Resampler as _, WindowFunction,
    audioadapter_buffers::direct::InterleavedSlice,
};

/// Changes the rate of one channel, fed piece by piece. The output is aligned with the input: no delay, no padding.
pub(in crate::audio) struct Resampler {
    /// `None` if the rates are the same.
    inner: Option<Fft<f32>>,
    ratio: f64,
    waiting: Vec<f32>,
    consumed: u64,
    to_drop: usize,
    scratch: Vec<f32>,
    out: Vec<f32>,
}

impl Resampler {
    /// A resampler between two rates in Hz; both are above zero.
    pub(in crate::audio) fn new(from: u32, to: u32) -> Self {
        let inner = (from != to).then(|| {
            let (from, to) = (from as usize, to as usize);
            let chunk = block(from, to);
            // One long block a chunk puts the anti-aliasing filter's edge close to the lower rate's half.
            Fft::new_custom(
                from,
                to,
                chunk,
                1,
                1,
                WindowFunction::BlackmanHarris2,
                FixedSync::Both,
            )
            .expect("both rates and the chunk are above zero")
        });
        Self {
            ratio: f64::from(to) / f64::from(from),
            waiting: Vec::new(),
            consumed: 0,
            to_drop: inner.as_ref().map_or(0, |fft| fft.output_delay()),
            scratch: vec![0.0; inner.as_ref().map_or(0, |fft| fft.output_frames_max())],
            out: Vec::new(),
            inner,
        }
    }

    /// Takes the next samples, which are finite.
    pub(in crate::audio) fn push(&mut self, samples: &[f32]) {
        self.consumed += samples.len() as u64;
        let Some(need) = self.inner.as_ref().map(|fft| fft.input_frames_next()) else {
            self.out.extend_from_slice(samples);
            return;
        };
        self.waiting.extend_from_slice(samples);
        let mut at = 0;
        while self.waiting.len() - at >= need {
            self.turn(at, need);
            at += need;
        }
        self.waiting.drain(..at);
    }

    /// All of the output: as long as the input was, to the sample.
    pub(in crate::audio) fn finish(mut self) -> Vec<f32> {
        let Some(need) = self.inner.as_ref().map(|fft| fft.input_frames_next()) else {
            return self.out;
        };
        let whole = (self.consumed as f64 * self.ratio).ceil() as usize;
        while self.out.len() < whole {
            self.waiting.resize(need, 0.0);
            self.turn(0, need);
            self.waiting.clear();
        }
        self.out.truncate(whole);
        self.out
    }

    fn turn(&mut self, at: usize, need: usize) {
        let Some(fft) = &mut self.inner else { return };
        let room = self.scratch.len();
        let input = InterleavedSlice::new(&self.waiting[at..at + need], 1, need)
            .expect("the slice holds one channel of that length");
        let mut output = InterleavedSlice::new_mut(&mut self.scratch, 1, room)
            .expect("the slice holds one channel of that length");
        let (_, written) = fft
            .process_into_buffer(&input, &mut output, None::<&Indexing>)
            .expect("both buffers are as long as the resampler asked for");
        let dropped = self.to_drop.min(written);
        self.to_drop -= dropped;
        self.out.extend_from_slice(&self.scratch[dropped..written]);
    }
}

/// The whole of `samples` at another rate, both in Hz.
pub(in crate::audio) fn resample(samples: &[f32], from: u32, to: u32) -> Vec<f32> {
    let mut resampler = Resampler::new(from, to);
    resampler.push(samples);
    resampler.finish()
}

/// Frames of input a block. Even on both sides: half of it is the filter's delay, and half a sample of it could not be
/// taken off.
fn block(from: usize, to: usize) -> usize {
    let common = gcd(from, to);
    let times = BLOCK.div_ceil(from.min(to) / common).next_multiple_of(2);
    from / common * times
}

const fn gcd(a: usize, b: usize) -> usize {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// Least frames a block on the side with the lower rate.
const BLOCK: usize = 1_024;
