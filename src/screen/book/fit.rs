//! How well a call fits a prompt at a place: the signs of both, window by window.

use super::signs::Signs;

/// The last signs of a call.
#[derive(Debug)]
pub(super) struct HeardSigns {
    /// As a ring.
    rises: [u32; KEPT],
    /// Windows so far.
    windows: u32,
}

impl HeardSigns {
    pub(super) const fn new() -> Self {
        Self {
            rises: [0; KEPT],
            windows: 0,
        }
    }

    pub(super) const fn hear(&mut self, rises: u32) {
        self.rises[self.windows as usize % KEPT] = rises;
        self.windows += 1;
    }

    /// The last window.
    pub(super) const fn last(&self) -> u32 {
        self.windows.saturating_sub(1)
    }

    /// Compares the call with a prompt, from the last window back; `offset` is the place in the prompt, in half steps, of the
    /// window 0 of the call.
    pub(super) fn fit(&self, prompt: &[Signs], offset: i32) -> Fit {
        let mut fit = Fit {
            offset,
            nats: 0.0,
            sounding: 0,
            latest: 0.0,
            parts: [0.0; PARTS],
        };
        let (mut at, mut sum, mut sounding) = (offset, 0.0, 0);
        for nth in 0..PARTS {
            let Some(mut part) = self.part(prompt, at, nth * EACH, EACH) else {
                break;
            };
            // The clocks of two calls jump: a buffer of the network holds a little more or less from here on.
            if part.nats < 0.0 {
                for jump in JUMPS {
                    let jumped = self.part(prompt, at + jump, nth * EACH, EACH);
                    if let Some(jumped) = jumped.filter(|jumped| jumped.nats > JUMPED) {
                        part = jumped;
                        at += jump;
                        break;
                    }
                }
            }
            if nth == 0 {
                fit.offset = at;
                let latest = self.part(prompt, at, 0, LATEST);
                fit.latest = latest.map_or(0.0, |latest| latest.nats);
            }
            fit.parts[nth] = part.nats;
            sum += part.nats;
            sounding += part.sounding;
            if sum > fit.nats {
                (fit.nats, fit.sounding) = (sum, sounding);
            }
            if sum < fit.nats - LOST {
                break;
            }
        }
        fit
    }

    /// What the last three parts say for a place, in nats.
    pub(super) fn recent(&self, prompt: &[Signs], offset: i32) -> f32 {
        (0..3)
            .map_while(|nth| self.part(prompt, offset, nth * EACH, EACH))
            .map(|part| part.nats)
            .sum()
    }

    /// What the last part says for a place among the signs of all prompts, in nats: `offset` is that of the window 0 of the call.
    pub(super) fn glance(&self, all: &[Signs], offset: i64) -> f32 {
        let last = i64::from(self.last());
        let (mut sure, mut wrong) = (0, 0);
        for window in last - EACH as i64 + 1..=last {
            let place = usize::try_from(2 * window + offset).unwrap_or(usize::MAX);
            if let Some(signs) = all.get(place) {
                let heard = self.rises[window as usize % KEPT];
                sure += signs.sure.count_ones();
                wrong += ((signs.rises ^ heard) & signs.sure).count_ones();
            }
        }
        said(sure, wrong)
    }

    /// What so many windows say that end so many before the last; `None` if they were before the prompt or the call.
    fn part(
        &self,
        prompt: &[Signs],
        offset: i32,
        before: usize,
        windows: usize,
    ) -> Option<PromptPart> {
        let last = self.last() as i32 - before as i32;
        if last < 0 || 2 * last + offset < 0 {
            return None;
        }
        let (mut sure, mut wrong, mut sounding) = (0, 0, 0);
        for window in ((last - windows as i32 + 1).max(0)..=last).rev() {
            let place = 2 * window + offset;
            if place < 0 {
                break;
            }
            // Behind its end it says nothing.
            let Some(signs) = prompt.get(place as usize) else {
                continue;
            };
            let heard = self.rises[window as usize % KEPT];
            sure += signs.sure.count_ones();
            wrong += ((signs.rises ^ heard) & signs.sure).count_ones();
            sounding += u32::from(signs.sure != 0);
        }
        Some(PromptPart {
            nats: said(sure, wrong),
            sounding,
        })
    }
}

/// What signs say of which so many differ, in nats.
fn said(sure: u32, wrong: u32) -> f32 {
    (sure - wrong) as f32 * SAME - wrong as f32 * OTHER
}

/// How well a call fits a prompt.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Fit {
    /// The place in the prompt of the window 0 of the call, in half steps, as it is in the last windows.
    pub(super) offset: i32,
    /// What the signs say for it, in nats, from the last window back as far as they do.
    pub(super) nats: f32,
    /// In how many of these windows the prompt is no pause.
    pub(super) sounding: u32,
    /// What the last windows say.
    latest: f32,
    /// What each part says, the last first.
    parts: [f32; PARTS],
}

impl Fit {
    /// Whether what was heard last is no other sound.
    pub(super) fn goes_on(&self) -> bool {
        self.parts[0] >= 0.0 && self.latest >= 0.0
    }

    /// Whether the call goes on with something else where the prompt has sound: most of a second speaks against the prompt.
    pub(super) fn has_left(&self) -> bool {
        let against = self.parts.iter().take_while(|part| **part < 0.0);
        let (parts, sum) = against.fold((0, 0.0), |(parts, sum), part| (parts + 1, sum + part));
        // What differs that much is not looked at further back.
        sum <= -LOST || parts >= LEFT_PARTS && sum <= -LEFT
    }

    /// By how much it is ahead of another, in nats, since some moment of late: two prompts with the same words part where the
    /// words do.
    pub(super) fn ahead_of(&self, other: &Self) -> f32 {
        let mut ahead = 0.0_f32;
        let mut sum = 0.0;
        for (own, other) in self.parts.iter().zip(&other.parts) {
            sum += own - other;
            ahead = ahead.max(sum);
        }
        ahead
    }
}

/// A part of a call that is compared.
struct PromptPart {
    nats: f32,
    sounding: u32,
}

/// Windows of a part, 0.26 s.
const EACH: usize = 8;

/// Windows that are the last: other words than the prompt's are noticed in them, 0.13 s.
const LATEST: usize = 4;

/// Parts that are compared: 2 s.
const PARTS: usize = 8;

/// Windows of a call that are kept.
const KEPT: usize = EACH * PARTS;

/// By how many half steps the clock may jump.
const JUMPS: [i32; 4] = [-1, 1, -2, 2];

/// A part that says so much for another place is there, in nats.
const JUMPED: f32 = 6.0;

/// What a sign that is the same says for a prompt, and one that is not against it, in nats. In noise 10 dB below the voice, a quarter of the
/// signs that are sure differ; elsewhere half do. Neighbours in time and frequency are not independent, so that each says less
/// than one alone would.
const SAME: f32 = 0.203;
const OTHER: f32 = 0.322;

/// Where the sum has fallen by so much nothing before counts, in nats.
const LOST: f32 = 30.0;

/// A call that has left a prompt differs from it for so many parts, 0.8 s, and by that much, in nats.
const LEFT_PARTS: u32 = 3;
const LEFT: f32 = 10.0;
