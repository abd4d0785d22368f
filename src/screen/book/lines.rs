//! The lines of the plane "place in the book against time in the call": a recording that is played again is a line of landmarks.

/// As many lines as there is room for; one that nothing comes to gives way to others.
pub(super) struct Lines {
    slots: Box<[[Line; WAYS]]>,
}

/// A line, in four bytes. Two lines of one tag are taken for one, which costs a look at a place that is nothing.
#[derive(Clone, Copy, Debug, Default)]
struct Line {
    tag: u16,
    /// The step of its last landmark, of which eight bits are enough: it has faded before they come again.
    step: u8,
    /// What its landmarks say, in quarters of a nat: it grows with each and fades with time. 0 if there is none.
    score: u8,
}

impl Lines {
    pub(super) const BYTES: usize = SETS * WAYS * size_of::<Line>();

    pub(super) fn new() -> Self {
        Self {
            slots: vec![[Line::default(); WAYS]; SETS].into(),
        }
    }

    /// Adds a landmark that says so much to a line, in quarters of a nat, and returns what the line has.
    pub(super) fn vote(&mut self, line: u32, step: u32, quarters: u8) -> u8 {
        let (set, tag) = address(line);
        let step = step as u8;
        let set = &mut self.slots[set];
        let (mut weakest, mut least) = (0, u8::MAX);
        for (nth, own) in set.iter_mut().enumerate() {
            let left = own.left(step);
            if own.tag == tag && left > 0 {
                // Landmarks of one step share peaks.
                let more = if own.step == step {
                    quarters / 2
                } else {
                    quarters
                };
                own.score = left.saturating_add(more);
                own.step = step;
                return own.score;
            }
            if left < least {
                (weakest, least) = (nth, left);
            }
        }
        set[weakest] = Line {
            tag,
            step,
            score: quarters,
        };
        quarters
    }

    /// What the better of a line's neighbours has: a call lies between two windows.
    pub(super) fn beside(&self, line: u32, step: u32) -> u8 {
        let left = |line| self.find(line).map_or(0, |own| own.left(step as u8));
        left(line - 1).max(left(line + 1))
    }

    /// A line leads to nothing: more has to come before it is looked at again.
    pub(super) fn spend(&mut self, line: u32) {
        let (set, tag) = address(line);
        if let Some(own) = self.slots[set].iter_mut().find(|own| own.tag == tag) {
            own.score /= 4;
        }
    }

    fn find(&self, line: u32) -> Option<&Line> {
        let (set, tag) = address(line);
        self.slots[set].iter().find(|own| own.tag == tag)
    }
}

impl Line {
    fn left(self, step: u8) -> u8 {
        self.score
            .saturating_sub(step.wrapping_sub(self.step).saturating_mul(FADES))
    }
}

/// The set in which a line is kept, and its tag there.
const fn address(line: u32) -> (usize, u16) {
    let mixed = line.wrapping_mul(0x9E37_79B1);
    (
        (mixed >> (32 - SETS.trailing_zeros())) as usize,
        (mixed >> 4) as u16,
    )
}

/// What a line loses in a step in which no landmark comes to it, in quarters of a nat.
const FADES: u8 = 1;

const WAYS: usize = 8;
const SETS: usize = 1_024;
