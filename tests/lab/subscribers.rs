//! Every number of the lab ends as it should if the dialplan decides, and what the far end recorded says the same.

use std::{sync::Arc, time::Duration};

use libtest_mimic::{Failed, Trial};

use crate::{
    Bench, check,
    network::{Dropped, Dropping, Number, Recording, wait_for},
    recording::{self, Found, find, likeness},
};

/// One drop to one subscriber, and what must come of it.
#[derive(Clone, Copy)]
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) subscriber: &'static str,
    /// `screen.mode`.
    mode: &'static str,
    /// Settings, as a user would put them into the environment.
    settings: &'static [(&'static str, &'static str)],
    outcome: &'static str,
    /// What else `--json` says.
    says: &'static [(&'static str, &'static str)],
    promoted: bool,
    /// How often the number rings.
    calls: usize,
    left: Left,
}

/// What the drop leaves at the far end.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Left {
    /// The whole message in the mailbox.
    Message,
    /// The same, begun within [`AT_ONCE`] of the mailbox's recording.
    MessageAtOnce,
    /// A person or a machine answered, and heard nothing of it.
    Silence,
    /// Some of the message.
    Part,
    /// There was no answer.
    Nothing,
}

const SHORT_RING: (&str, &str) = ("AFTERTONE__DROP__ANSWER_TIMEOUT", "4s");
const PLAY_WHEN_UNSURE: (&str, &str) = ("AFTERTONE__DROP__WHEN_UNSURE", "play");
const CONTINUE: (&str, &str) = ("AFTERTONE__DROP__WHEN_BUSY_LEG_ANSWERED", "continue");
const GIVE_UP: (&str, &str) = ("AFTERTONE__DROP__WHEN_BUSY_LEG_ANSWERED", "give_up");
const SINGLE: (&str, &str) = ("AFTERTONE__DROP__TECHNIQUE", "single");
const RELEASE_SOON: (&str, &str) = ("AFTERTONE__DROP__RELEASE_WHEN_UNHEARD", "3s");
const ONLY_RINGING_RELEASES: (&str, &str) = ("AFTERTONE__DROP__RELEASE_ON_PROGRESS", "never");

/// A case of the `dialplan` mode.
pub(crate) const fn case(
    name: &'static str,
    subscriber: &'static str,
    outcome: &'static str,
    promoted: bool,
    calls: usize,
    left: Left,
) -> Case {
    Case {
        name,
        subscriber,
        mode: "dialplan",
        settings: &[],
        outcome,
        says: &[],
        promoted,
        calls,
        left,
    }
}

impl Case {
    const fn with(self, settings: &'static [(&'static str, &'static str)]) -> Self {
        Self { settings, ..self }
    }

    const fn saying(self, says: &'static [(&'static str, &'static str)]) -> Self {
        Self { says, ..self }
    }

    /// The same case if we listen for ourselves, and what `--json` says of that.
    pub(crate) const fn listening(self, says: &'static [(&'static str, &'static str)]) -> Self {
        Self {
            mode: "listen",
            says,
            ..self
        }
    }
}

const CASES: &[Case] = &[
    case(
        "a_second_call_is_diverted_to_the_mailbox",
        "0101",
        "delivered",
        false,
        2,
        Left::Message,
    ),
    case(
        "a_person_lifts_the_second_call",
        "0102",
        "human",
        false,
        2,
        Left::Silence,
    ),
    case(
        "a_person_lifts_the_first_call",
        "0103",
        "human",
        true,
        1,
        Left::Silence,
    ),
    case(
        "a_person_lifts_the_first_call_and_again_the_second",
        "0103",
        "human",
        false,
        2,
        Left::Silence,
    )
    .with(&[CONTINUE]),
    case(
        "a_person_lifts_the_first_call_and_all_is_given_up",
        "0103",
        "unsure",
        false,
        1,
        Left::Silence,
    )
    .with(&[GIVE_UP]),
    case(
        "a_phone_is_off",
        "0104",
        "delivered",
        true,
        1,
        Left::Message,
    ),
    case(
        "a_phone_is_off_and_the_second_call_is_used",
        "0104",
        "delivered",
        false,
        2,
        Left::Message,
    )
    .with(&[CONTINUE]),
    case(
        "a_phone_is_off_and_all_is_given_up",
        "0104",
        "unsure",
        false,
        1,
        Left::Silence,
    )
    .with(&[GIVE_UP]),
    case(
        "a_network_sends_only_183",
        "0105",
        "delivered",
        false,
        2,
        Left::Message,
    ),
    case(
        "a_183_releases_nothing_if_set_so",
        "0105",
        "delivered",
        false,
        2,
        Left::Message,
    )
    .with(&[ONLY_RINGING_RELEASES]),
    case("a_number_is_busy", "0106", "busy", false, 1, Left::Nothing),
    case(
        "a_number_is_unallocated",
        "0107",
        "invalid_number",
        false,
        1,
        Left::Nothing,
    ),
    case(
        "both_calls_ring_for_ever",
        "0108",
        "no_answer",
        false,
        2,
        Left::Nothing,
    )
    .with(&[SHORT_RING]),
    case(
        "a_callee_declines",
        "0109",
        "rejected",
        false,
        1,
        Left::Nothing,
    ),
    case(
        "a_network_is_congested",
        "0110",
        "congestion",
        false,
        1,
        Left::Nothing,
    ),
    case(
        "a_trunk_is_refused",
        "0135",
        "failed",
        false,
        1,
        Left::Nothing,
    )
    .saying(&[("reason", "trunk_refused")]),
    case(
        "a_callee_is_unavailable_and_nothing_alerts",
        "0136",
        "congestion",
        false,
        1,
        Left::Nothing,
    )
    .saying(&[("reason", "not_reached")]),
    case(
        "a_callee_is_unavailable_after_a_ring",
        "0139",
        "no_answer",
        false,
        1,
        Left::Nothing,
    ),
    case(
        "a_network_queues_the_second_call",
        "0137",
        "delivered",
        false,
        2,
        Left::Message,
    )
    .with(&[RELEASE_SOON]),
    case(
        "our_own_call_makes_a_number_busy",
        "0138",
        "busy",
        false,
        2,
        Left::Nothing,
    )
    .saying(&[("reason", "own_busy_leg")]),
    case(
        "a_mailbox_hangs_up_in_the_message",
        "0111",
        "cut_off",
        false,
        2,
        Left::Part,
    ),
    case(
        "a_network_is_slow_to_ring",
        "0112",
        "delivered",
        false,
        2,
        Left::Message,
    ),
    case(
        "a_greeting_pauses",
        "0113",
        "delivered",
        false,
        2,
        Left::Message,
    ),
    case(
        "a_mailbox_does_not_beep",
        "0114",
        "delivered",
        false,
        2,
        Left::Message,
    ),
    case(
        "a_silent_far_end_answers",
        "0115",
        "unsure",
        false,
        2,
        Left::Silence,
    ),
    case(
        "a_silent_answer_is_played_to_if_set_so",
        "0115",
        "delivered",
        false,
        2,
        Left::Part,
    )
    .with(&[PLAY_WHEN_UNSURE]),
    case(
        "a_greeting_is_short",
        "0116",
        "delivered",
        false,
        2,
        Left::Message,
    ),
    case(
        "the_far_end_answers_and_hangs_up",
        "0117",
        "hung_up",
        false,
        2,
        Left::Silence,
    ),
    case(
        "a_single_call_waits_for_the_mailbox",
        "0101",
        "delivered",
        false,
        1,
        Left::Message,
    )
    .with(&[SINGLE]),
    case(
        "a_single_call_is_busy",
        "0106",
        "busy",
        false,
        1,
        Left::Nothing,
    )
    .with(&[SINGLE]),
];

/// A test for each row.
pub(crate) fn trials(bench: &Arc<Bench>) -> Vec<Trial> {
    CASES
        .iter()
        .map(|case| {
            let bench = Arc::clone(bench);
            let name = format!("subscribers::{}_{}", case.subscriber, case.name);
            Trial::test(name, move || bench.shared(|| case.run(&bench)))
        })
        .collect()
}

impl Case {
    pub(crate) fn run(&self, bench: &Bench) -> Result<(), Failed> {
        let lab = bench.lab();
        let number = lab.number(self.subscriber);
        let mut program = lab.aftertone();
        program.env("AFTERTONE__SCREEN__MODE", self.mode);
        program.env("AFTERTONE__SCREEN__NO_BEEP", "play");
        program.envs(self.settings.iter().copied());
        let dropped =
            Dropping::start(program, &number, &bench.message().name, &[])?.finish(PATIENCE)?;
        let json = &dropped.json;

        check!(
            dropped.outcome() == self.outcome,
            "{json:#}\n{}",
            dropped.talk
        );
        check!(
            dropped.status == Some(i32::from(self.outcome != "delivered")),
            "{:?}",
            dropped.status
        );
        check!(json["promoted"] == self.promoted, "{json:#}");
        for (field, value) in self.says {
            check!(json[field] == *value, "{field} is not {value}: {json:#}");
        }
        lab.wait_for_silence_of(dropped.id(), Duration::from_secs(2))?;
        check!(
            lab.times_called(&number)? == self.calls,
            "{:#?}",
            lab.calls(&number)?
        );
        self.check_what_is_left(bench, &number, &dropped)
    }

    fn check_what_is_left(
        &self,
        bench: &Bench,
        number: &Number,
        dropped: &Dropped,
    ) -> Result<(), Failed> {
        let message = &bench.message().samples;
        match self.left {
            Left::Message | Left::MessageAtOnce => {
                let found = delivered(bench, number)?;
                check!(found.is_whole(), "{found}\n{:#}", dropped.json);
                check!(
                    self.left == Left::Message || found.silence_before <= AT_ONCE,
                    "{found}\n{:#}",
                    dropped.json
                );
            }
            Left::Part => {
                let heard = bench.lab().recordings(number, Recording::Heard)?;
                let heard = heard.last().ok_or("nobody answered")?;
                check!(likeness(message, heard) > 0.9);
            }
            Left::Silence => {
                let heard = bench.lab().recordings(number, Recording::Heard)?;
                check!(!heard.is_empty(), "nobody answered");
                for heard in heard {
                    let alike = likeness(message, &heard);
                    check!(
                        alike < 0.5,
                        "the person heard something like the message: {alike}"
                    );
                    let loudest = recording::peak(&heard);
                    check!(loudest < 0.01, "the person heard something: peak {loudest}");
                }
            }
            Left::Nothing => {
                check!(
                    bench.lab().recordings(number, Recording::Heard)?.is_empty(),
                    "somebody answered"
                );
            }
        }
        Ok(())
    }
}

/// How the message sits in the mailbox that got it. The recorder may still be writing.
pub(crate) fn delivered(bench: &Bench, number: &Number) -> Result<Found, Failed> {
    wait_for(Duration::from_secs(3), || {
        let ended = bench
            .lab()
            .calls(number)?
            .iter()
            .filter(|seen| seen.event == "hangup")
            .count();
        let made = bench.lab().times_called(number)?;
        check!(ended == made, "{ended} of {made} calls have ended");
        let recorded = bench.lab().recordings(number, Recording::Mailbox)?;
        let last = recorded.last().ok_or("no mailbox recorded anything")?;
        find(&bench.message().samples, last)
            .ok_or_else(|| "the message is not in the mailbox".into())
    })
}

/// Longer than any drop of the lab: a greeting of ten seconds, fifteen of ringing, the message, and a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(90);

/// From the mailbox's recording to the message: the guard after a beep, and what a machine under the load of many tests may
/// add to it.
const AT_ONCE: Duration = Duration::from_millis(600);
