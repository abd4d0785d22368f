//! How long a playback has lasted, by two clocks: the PBX's own, which may be stepped, and ours, which may learn of an event late.

use std::time::Duration;

/// What is known of how long a playback lasted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Elapsed {
    /// By the PBX's clock, from its start to its end; `None` if either is not known, zero if the clock went back.
    pub(super) pbx: Option<Duration>,
    /// By ours, from when we heard of its start to when we heard of its end.
    pub(super) ours: Duration,
    /// By ours, since it was asked for: it cannot have lasted longer.
    pub(super) asked: Duration,
    /// Whether the far end has hung up, so that it may have ended at any moment.
    pub(super) far_end_hung_up: bool,
}

impl Elapsed {
    /// How long it lasted.
    ///
    /// The PBX's clock is right as long as the two agree. If it says more than could have passed, it was set forward
    /// meanwhile, and ours counts. If it says more than we measured but not more than could have passed, we heard of the
    /// start late, and it is right. If it says less than we measured, it was set back, or we heard of the end late:
    /// ours counts unless the far end hung up, when the shorter of the two claims the least.
    pub(super) fn lasted(self) -> Duration {
        let Some(pbx) = self.pbx else {
            return self.ours;
        };
        let says_too_much = pbx >= self.asked + STEP;
        let says_too_little = self.ours >= pbx + STEP && !self.far_end_hung_up;
        if says_too_much || says_too_little {
            self.ours
        } else {
            pbx.min(self.asked)
        }
    }
}

/// The smallest difference at which two clocks disagree: an event hardly takes that long, and a clock that is set by
/// less does not affect whether a message was played whole.
const STEP: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_pair_of_clocks_has_its_answer() {
        // In ms: the PBX's, ours, since it was asked for, whether the far end hung up, how long it lasted.
        let rows = [
            ("they agree", Some(7_240), 7_250, 7_300, false, 7_240),
            (
                "an event was a little late",
                Some(7_240),
                7_900,
                8_000,
                false,
                7_240,
            ),
            (
                "the PBX did not say when it began",
                None,
                7_250,
                7_300,
                false,
                7_250,
            ),
            (
                "the clock went back in a whole play",
                Some(0),
                7_250,
                7_300,
                false,
                7_250,
            ),
            (
                "it went back by two seconds",
                Some(5_240),
                7_250,
                7_300,
                false,
                7_250,
            ),
            (
                "it went forward in a short play",
                Some(7_240),
                3_000,
                3_050,
                false,
                3_000,
            ),
            (
                "it went forward by an hour",
                Some(3_607_240),
                7_250,
                7_300,
                false,
                7_250,
            ),
            (
                "the start was heard of late",
                Some(7_240),
                1_200,
                7_300,
                false,
                7_240,
            ),
            (
                "the end was heard of late",
                Some(7_240),
                11_000,
                11_050,
                false,
                11_000,
            ),
            (
                "the far end hung up and the end was heard of late",
                Some(3_000),
                7_250,
                7_300,
                true,
                3_000,
            ),
            (
                "the far end hung up and the clock went forward",
                Some(7_240),
                3_000,
                3_050,
                true,
                3_000,
            ),
            (
                "a difference just below a step",
                Some(4_049),
                3_000,
                3_050,
                false,
                3_050,
            ),
        ];
        for (name, pbx, ours, asked, far_end_hung_up, lasted) in rows {
            let elapsed = Elapsed {
                pbx: pbx.map(Duration::from_millis),
                ours: Duration::from_millis(ours),
                asked: Duration::from_millis(asked),
                far_end_hung_up,
            };
            assert_eq!(elapsed.lasted(), Duration::from_millis(lasted), "{name}");
        }
    }

    #[test]
    fn nothing_lasts_longer_than_since_it_was_asked_for() {
        for pbx in (0..20_000).step_by(250) {
            for ours in (0..9_000).step_by(250) {
                let asked = Duration::from_millis(ours + 100);
                let elapsed = Elapsed {
                    pbx: Some(Duration::from_millis(pbx)),
                    ours: Duration::from_millis(ours),
                    asked,
                    far_end_hung_up: false,
                };
                assert!(elapsed.lasted() <= asked, "{elapsed:?}");
            }
        }
    }
}
