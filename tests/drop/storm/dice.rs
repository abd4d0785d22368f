//! Chance that repeats itself: the same seed, the same storm.

use std::time::Duration;

use aftertone::drop::{
    Adoption, Beeped, Begin, Mode, Plan, ReadyPoint, Technique, Voice, WhenBusyLegAnswered,
    WhenHuman, WhenScreened, WhenUnsure,
};

/// SplitMix64 (Steele, Lea and Flood, 2014).
pub(super) struct Dice(u64);

impl Dice {
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15))
    }

    pub(super) const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub(super) const fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    pub(super) const fn percent(&mut self, chance: u64) -> bool {
        self.below(100) < chance
    }

    pub(super) const fn millis(&mut self, from: u64, to: u64) -> Duration {
        Duration::from_millis(from + self.below(to - from + 1))
    }

    pub(super) fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[usize::try_from(self.next() % of.len() as u64).unwrap()]
    }

    /// A ready point after some beep.
    pub(super) const fn beep(&mut self) -> ReadyPoint {
        let ended = self.millis(0, 1_500);
        ReadyPoint::Beep(Beeped {
            hz: 400 + self.below(1_600) as u32,
            began: ended.saturating_add(self.millis(100, 1_000)),
            ended,
        })
    }

    /// The plan of a call that an agent hands over.
    pub(super) fn adopted_plan(&mut self) -> Plan {
        let plan = self.plan();
        Plan {
            technique: Technique::Adopted,
            adoption: Adoption {
                begin: self.pick(&[Begin::AtReadyPoint, Begin::AtOnce]),
                when_human: self.pick(&[WhenHuman::HangUp, WhenHuman::GiveBack]),
            },
            ..plan
        }
    }

    pub(super) fn plan(&mut self) -> Plan {
        Plan {
            technique: self.pick(&[Technique::Double, Technique::Double, Technique::Single]),
            lead: self.millis(0, 4_000),
            answer_timeout: self.millis(3_000, 45_000),
            screening_timeout: self.millis(1_000, 90_000),
            ready_timeout: self.millis(1_000, 60_000),
            release_on_progress: self.pick(&[
                None,
                Some(Duration::ZERO),
                Some(Duration::ZERO),
                Some(Duration::from_millis(1_500)),
            ]),
            release_when_unheard: self.pick(&[
                None,
                Some(Duration::from_secs(1)),
                Some(Duration::from_secs(10)),
            ]),
            when_unsure: self.pick(&[WhenUnsure::HangUp, WhenUnsure::Play]),
            when_screened: self.pick(&[WhenScreened::HangUp, WhenScreened::Say]),
            prompt: self.pick(&[None, Some(Duration::from_secs(3))]),
            when_busy_leg_answered: self.pick(&[
                WhenBusyLegAnswered::Promote,
                WhenBusyLegAnswered::Promote,
                WhenBusyLegAnswered::Continue,
                WhenBusyLegAnswered::GiveUp,
            ]),
            mode: self.pick(&[Mode::Dialplan, Mode::Listen, Mode::Listen]),
            voice: self.pick(&[Voice::Ours, Voice::Ours, Voice::Pbx]),
            max_restarts: self.pick(&[0, 1, 2, 2]),
            message: if self.percent(10) {
                None
            } else {
                Some(self.millis(1_000, 30_000))
            },
            adoption: Adoption::default(),
        }
    }
}
