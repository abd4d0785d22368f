//! When which frame of a message goes out. Pure: time is an argument.
//!
//! A frame of 20 ms is due every 20 ms from the first on. Frames that are a little late are sent at once: the far end's
//! jitter buffer bridges that. After a longer stall the rest of the message continues from there, later by as much, and the
//! gap is reported.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use super::frame::{HEAD, head};

/// A message that is being sent.
#[derive(Debug)]
pub(super) struct Pacer {
    sound: Arc<[i16]>,
    /// Frames that were taken to be sent.
    taken: usize,
    /// When the next one is due; after the last one, when that has been heard.
    due: Instant,
}

/// Frames that are to be sent now, each whole with its head, and the gap that came before them.
#[derive(Debug, Default)]
pub(super) struct Due {
    pub(super) frames: Vec<[u8; BYTES]>,
    /// The gap, if it is longer than the far end bridges.
    pub(super) gap: Option<Duration>,
}

impl Pacer {
    /// A message whose first frame is due now.
    pub(super) const fn new(sound: Arc<[i16]>, now: Instant) -> Self {
        Self {
            sound,
            taken: 0,
            due: now,
        }
    }

    /// When something is due next.
    pub(super) const fn due(&self) -> Instant {
        self.due
    }

    /// Whether all of it was sent, and its last frame has been heard.
    pub(super) fn is_over(&self, now: Instant) -> bool {
        self.taken >= self.frames() && now >= self.due
    }

    /// Takes what is due.
    pub(super) fn take(&mut self, now: Instant) -> Due {
        let mut due = Due::default();
        let late = now.saturating_duration_since(self.due);
        if late > BRIDGED {
            let inside = self.taken > 0 && self.taken < self.frames();
            due.gap = inside.then_some(late);
            self.due = now;
        }
        while self.due <= now && self.taken < self.frames() {
            due.frames.push(self.frame(self.taken));
            self.taken += 1;
            self.due += FRAME;
        }
        due
    }

    fn frames(&self) -> usize {
        self.sound.len().div_ceil(SAMPLES)
    }

    fn frame(&self, which: usize) -> [u8; BYTES] {
        let mut bytes = SILENCE;
        let samples = self.sound.iter().skip(which * SAMPLES).take(SAMPLES);
        for (pair, sample) in bytes[HEAD..].chunks_exact_mut(2).zip(samples) {
            pair.copy_from_slice(&sample.to_le_bytes());
        }
        bytes
    }
}

/// The length of a frame.
pub(super) const FRAME: Duration = Duration::from_millis(20);

/// Samples of a frame.
pub(super) const SAMPLES: usize = 160;

/// A frame with its head.
pub(super) const BYTES: usize = HEAD + SAMPLES * 2;

/// A frame of silence.
pub(super) const SILENCE: [u8; BYTES] = {
    let mut silence = [0; BYTES];
    [silence[0], silence[1], silence[2]] = head((SAMPLES * 2) as u16);
    silence
};

/// How late a frame may be without a gap: 60 ms lie between it and the one before it then. Common jitter
/// buffers hold 40 to 200 ms.
pub(super) const BRIDGED: Duration = Duration::from_millis(40);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_frame_goes_at_once_and_each_other_20_ms_later() {
        let begin = crate::clock::now();
        let at = |millis| begin + Duration::from_millis(millis);
        let mut pacer = Pacer::new(sound(3), begin);
        assert_eq!(numbers(&pacer.take(at(0))), [1]);
        assert_eq!(pacer.due(), at(20));
        assert_eq!(numbers(&pacer.take(at(19))), [0; 0]);
        assert_eq!(numbers(&pacer.take(at(21))), [2]);
        assert_eq!(pacer.due(), at(40), "a late frame does not delay the next");
        assert_eq!(numbers(&pacer.take(at(40))), [3]);
        assert!(
            !pacer.is_over(at(59)),
            "the last frame is still being heard"
        );
        assert!(pacer.is_over(at(60)));
    }

    #[test]
    fn frames_a_little_late_are_sent_at_once_and_a_stall_is_a_gap() {
        let begin = crate::clock::now();
        let at = |millis| begin + Duration::from_millis(millis);
        let mut pacer = Pacer::new(sound(10), begin);
        pacer.take(at(0));
        let late = pacer.take(at(60));
        assert_eq!((numbers(&late), late.gap), (vec![2, 3, 4], None));
        assert_eq!(pacer.due(), at(80));
        let stalled = pacer.take(at(4_080));
        assert_eq!(numbers(&stalled), [5]);
        assert_eq!(stalled.gap, Some(Duration::from_secs(4)));
        assert_eq!(pacer.due(), at(4_100), "and goes on from there");
        assert_eq!(numbers(&pacer.take(at(4_100))), [6]);
    }

    #[test]
    fn a_stall_before_the_first_frame_or_after_the_last_is_not_a_gap() {
        let begin = crate::clock::now();
        let at = |millis| begin + Duration::from_millis(millis);
        let mut pacer = Pacer::new(sound(1), begin);
        let first = pacer.take(at(500));
        assert_eq!((numbers(&first), first.gap), (vec![1], None));
        let after = pacer.take(at(9_000));
        assert_eq!((numbers(&after), after.gap), (vec![], None));
        assert!(pacer.is_over(at(9_000)));
    }

    #[test]
    fn a_frame_is_whole_and_the_last_one_is_filled_with_silence() {
        let begin = crate::clock::now();
        let samples: Vec<i16> = (0..200).collect();
        let mut pacer = Pacer::new(samples.into(), begin);
        let due = pacer.take(begin + FRAME);
        let [first, second] = due.frames.try_into().unwrap();
        assert_eq!(first[..7], [0x10, 1, 64, 0, 0, 1, 0]);
        assert_eq!(second[..5], [0x10, 1, 64, 160, 0]);
        assert_eq!(second[HEAD + 78..HEAD + 82], [199, 0, 0, 0]);
    }

    /// So many frames, each of whose samples is its number.
    fn sound(frames: i16) -> Arc<[i16]> {
        (1..=frames).flat_map(|n| [n; SAMPLES]).collect()
    }

    fn numbers(due: &Due) -> Vec<u8> {
        due.frames.iter().map(|frame| frame[HEAD]).collect()
    }
}
