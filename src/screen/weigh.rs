//! The evidence of who answered, and the reasons to play without a beep: what each piece weighs.

use super::{
    at::At,
    background::NoiseCue,
    classifier::{Classifier, SURE},
    hint::{Hint, HintSays, HintSource, WORDS_MOST},
    reason::{Amd, PlayGround, Reason, Reasons},
};

impl Classifier {
    /// Sums the evidence so far.
    pub(super) fn weigh(&self, now: At) -> (f32, Reasons) {
        let mut sum = 0.0;
        let mut reasons = Reasons::default();
        let mut add = |weight: f32, reason| {
            sum += weight;
            reasons.push(reason);
        };
        if let Some((beep, _)) = self.beep {
            add(BEEP, Reason::Beep(beep));
        }
        if let Some(began) = self.first_turn.began {
            let lasted = self.first_turn.last.since(began);
            let end = self.first_turn.last;
            if lasted >= self.settings.machine_turn {
                add(LONG_TURN, Reason::FirstTurn { lasted, end });
            } else if lasted <= self.settings.short_turn {
                add(SHORT_TURN, Reason::FirstTurn { lasted, end });
            } else if self.first_turn.are_calls() {
                add(
                    SHORT_TURN,
                    Reason::Calls {
                        count: self.first_turn.utterances,
                    },
                );
            } else {
                add(OPEN_TURN, Reason::FirstTurn { lasted, end });
            }
        }
        // A beep is not background.
        let noise = self.noise.cue(now.since(self.last_of_all));
        match noise.filter(|_| self.beep.is_none()) {
            Some(NoiseCue::Came(by)) => add(NOISE_CAME, Reason::NoiseCame { by }),
            Some(NoiseCue::Stopped(by)) => add(NOISE_STOPPED, Reason::NoiseStopped { by }),
            Some(NoiseCue::GoesOn) => add(NOISE_GOES_ON, Reason::NoiseGoesOn),
            None => {}
        }
        match self.amd {
            Some(Amd::Machine) => add(AMD, Reason::Amd(Amd::Machine)),
            Some(Amd::Human) => add(-AMD, Reason::Amd(Amd::Human)),
            Some(Amd::Unsure) | None => {}
        }
        // A time that is not known is evidence of nothing.
        if let Some(call) = self.call
            && let Some(alerted) = call.alerted
        {
            if call.other_rang && alerted <= DIVERTED_AT_MOST {
                add(DIVERTED, Reason::Diverted { alerted });
            } else if self.was_lifted() {
                add(LIFTED, Reason::RangLong { alerted });
            } else if alerted >= LIFTED_AT_LEAST {
                add(RANG_LONG, Reason::RangLong { alerted });
            }
        }
        // Who connects a person may connect their mailbox, and then its beep says so.
        let refuted = |hint: &Hint| self.beep.is_some() && hint.connects();
        for hint in self.hints.iter().filter(|hint| !refuted(hint)) {
            add(hint.weight(), Reason::Hint(hint));
        }
        (sum, reasons)
    }
    /// What speaks for playing without a beep: its sum in nats, and the reasons.
    pub(super) fn reasons_to_play(&self, now: At) -> (f32, Reasons) {
        let settings = &self.settings;
        let (mut sum, mut reasons) = (0.0, Reasons::default());
        if let Some(began) = self.first_turn.began {
            let end = self.first_turn.last;
            let lasted = end.since(began);
            reasons.push(Reason::FirstTurn { lasted, end });
        }
        let mut add = |nats: f32, ground| {
            if nats != 0.0 {
                sum += nats;
                reasons.push(Reason::ToPlay { ground, nats });
            }
        };
        for hint in self.hints.iter() {
            let (ground, most) = match hint.source {
                HintSource::Prompt => (PlayGround::Prompt, settings.reason_prompt),
                HintSource::Words => (PlayGround::Words, settings.reason_words),
            };
            match hint.says {
                HintSays::Records { .. } | HintSays::BeepComes => add(hint.nats.min(most), ground),
                HintSays::Person
                | HintSays::Menu
                | HintSays::Full
                | HintSays::OutOfService
                | HintSays::Screening
                | HintSays::Connects => add(-hint.nats, PlayGround::Against),
                HintSays::Withdrawn => {}
            }
        }
        let long = self
            .first_turn
            .began
            .is_some_and(|began| self.first_turn.last.since(began) >= settings.machine_turn);
        if long && self.is_steady {
            add(settings.reason_turn, PlayGround::SteadyTurn);
        }
        if self.was_lifted() {
            add(LIFTED, PlayGround::Against);
        }
        if self.was_diverted() {
            add(settings.reason_diverted, PlayGround::Diverted);
        }
        if let Some(NoiseCue::Stopped(_)) = self.noise.cue(now.since(self.last_of_all)) {
            add(settings.reason_background, PlayGround::Background);
        }
        reasons.push(Reason::PlaySum {
            nats: sum,
            least: settings.reason_least,
        });
        (sum, reasons)
    }

    /// Whether the call was answered so soon that it was diverted, while the other leg rang.
    pub(super) fn was_diverted(&self) -> bool {
        self.call.is_some_and(|call| {
            let soon = |alerted: f32| alerted <= DIVERTED_AT_MOST;
            call.other_rang && call.alerted.is_some_and(soon)
        })
    }

    /// Whether a hand took the call while the other leg rang: a diversion takes no time, and a mailbox that nobody diverted to takes
    /// it after more rings.
    pub(super) fn was_lifted(&self) -> bool {
        self.call.is_some_and(|call| {
            let in_time = |alerted: f32| LIFTED_AFTER.contains(&alerted);
            call.other_rang && call.alerted.is_some_and(in_time)
        })
    }

    /// Whether another part of the program is sure of something by which nothing is recorded here.
    pub(super) fn sure_hint(&self) -> Option<Hint> {
        let sure = |hint: &Hint| hint.records_nothing() && hint.nats >= SURE;
        self.hints.iter().find(sure)
    }
}

// What each piece of evidence weighs, in nats. Only a beep and a long turn make a machine by themselves; all the rest
// changes how long to wait, and starts a message only if two of them agree with a turn that may be a machine's.

/// Nothing but a mailbox beeps: one false beep in some ten minutes of speech against one in each mailbox.
const BEEP: f32 = 8.0;
const LONG_TURN: f32 = 3.5;
/// Businesses and short greetings are equally long; there are more people who answer so than mailboxes without a beep.
const OPEN_TURN: f32 = -0.5;
const SHORT_TURN: f32 = -2.0;
/// A person's own noise can start after the hello, too (a window, a car).
const NOISE_CAME: f32 = 1.0;
/// Noise suppression in telephones does the same to a person's noise, so it is not enough to play.
const NOISE_STOPPED: f32 = 2.0;
const NOISE_GOES_ON: f32 = -0.5;
/// AMD with its defaults calls 40 % of people a machine: hardly evidence.
const AMD: f32 = 0.5;
/// Measured with the development corpus, machines noted as diverted and people as lifting after 2 to 8 s: of 1092 machines 94
/// in 100 get their message instead of 89, and no more people hear it. It is worth little beside that: a second phone may be
/// lifted just then.
const DIVERTED: f32 = 1.0;
const RANG_LONG: f32 = -0.5;
/// The line was busy with the other leg and yet it rang: hardly a mailbox does that.
const LIFTED: f32 = -2.5;

// What only the calls show never starts a message: not by itself, nor with AMD's answer, nor with a background that came.
const _: () = assert!(OPEN_TURN + DIVERTED + AMD + NOISE_CAME < SURE);
// Nor does a long turn where a hand took the call: a company's recording goes before a person, too.
const _: () = assert!(LONG_TURN + LIFTED + NOISE_CAME + AMD / 2.0 < SURE);
// Nor do words that were recognised, with AMD's answer.
const _: () = assert!(OPEN_TURN + WORDS_MOST + AMD < SURE);
// And a short turn is never a machine's, unless a beep follows.
const _: () = assert!(SHORT_TURN + DIVERTED + AMD + NOISE_STOPPED < SURE);
// With a turn that may be a machine's and a background that stopped with it, it decides.
const _: () = assert!(OPEN_TURN + AMD + NOISE_STOPPED < SURE);
const _: () = assert!(OPEN_TURN + DIVERTED + NOISE_STOPPED >= SURE);

/// A diverted call is answered within this time of alerting (s); a hand needs longer.
const DIVERTED_AT_MOST: f32 = 1.2;
/// How long a hand takes (s).
const LIFTED_AFTER: std::ops::RangeInclusive<f32> = 1.8..=12.0;
/// After this time a person may well have walked to the telephone (s).
const LIFTED_AT_LEAST: f32 = 4.0;
