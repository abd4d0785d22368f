//! Pure noise: any event at any time, in any order.

use std::{collections::BTreeMap, time::Duration};

use aftertone::{
    drop::{
        Cause, Command, Event, Mode, PbxTime, Plan, PlaybackEnd, ReadyPoint, Refusal, RefusalKind,
        Seen, Sit, Spoken, SpokenEnd, Technique, Voice,
    },
    id::{DropId, Play},
    words::{Leg, Verdict},
};

use super::{
    dice::Dice,
    pbx::LATEST,
    world::{Input, World, pass},
};

pub(super) fn storm(seed: u64, world: &mut World) -> Result<(), String> {
    storm_of(seed, world, Dice::plan)
}

/// A storm of drops with such plans.
pub(super) fn storm_of(
    seed: u64,
    world: &mut World,
    plan: fn(&mut Dice) -> Plan,
) -> Result<(), String> {
    let mut dice = Dice::new(seed ^ 0xA5A5);
    let mut technique = Technique::Double;
    let drops = 1 + u128::from(dice.below(2));
    let late = if dice.percent(20) {
        LATEST
    } else {
        Duration::ZERO
    };
    let mut lost = false;
    for id in (1..=drops).map(DropId::from_u128) {
        let plan = plan(&mut dice);
        technique = plan.technique;
        let live = match plan.technique {
            Technique::Double => Leg::Busy,
            Technique::Single | Technique::Adopted => Leg::Drop,
        };
        let point = match plan.mode {
            Mode::Dialplan => ReadyPoint::Dialplan,
            Mode::Listen => dice.beep(),
        };
        let plan_of = plan.clone();
        world.apply(world.now(), &Input::Start(id, plan))?;
        // Noise alone seldom gets as far as a message.
        let ahead = usize::try_from(dice.below(10)).unwrap();
        let voice = voice_of(&plan_of);
        for event in way_to_the_message(live, point, voice)
            .into_iter()
            .take(ahead)
        {
            world.apply(world.now(), &Input::Event(id, event))?;
        }
    }
    for _ in 0..20 + dice.below(40) {
        let pause = match dice.below(8) {
            0..4 => Duration::ZERO,
            4..6 => dice.millis(1, 200),
            6 => dice.millis(1, 3_000),
            _ => dice.millis(1, 20_000),
        };
        let at = world.now() + pause;
        pass(world, at, late)?;
        let id = DropId::from_u128(1 + u128::from(dice.next()) % drops);
        let input = match dice.below(200) {
            0..3 => Input::Cancel(id),
            3..12 => {
                lost = true;
                Input::LinkLost
            }
            12..36 if lost => {
                lost = false;
                Input::LinkRestored(seen(&mut dice, drops))
            }
            _ if technique.is_adopted() && dice.percent(25) => {
                Input::Event(id, of_handing(&mut dice))
            }
            _ => Input::Event(id, event(&mut dice)),
        };
        world.apply(at, &input)?;
    }
    if lost && dice.percent(50) {
        let seen = seen(&mut dice, drops);
        world.apply(world.now(), &Input::LinkRestored(seen))?;
    }
    while !world.is_over() {
        let Some(due) = world.next_deadline(world.now() + Duration::from_secs(100_000)) else {
            return Err("waits for nothing".into());
        };
        world.apply(due + late, &Input::Timeout)?;
    }
    // Whatever comes after the end finds no drop.
    for _ in 0..5 {
        let id = DropId::from_u128(1);
        world.apply(world.now(), &Input::Event(id, event(&mut dice)))?;
    }
    world.close()
}

fn voice_of(plan: &Plan) -> Voice {
    match plan.mode {
        Mode::Dialplan => Voice::Pbx,
        Mode::Listen => plan.voice,
    }
}

fn way_to_the_message(live: Leg, point: ReadyPoint, voice: Voice) -> [Event; 7] {
    [
        Event::Accepted(live),
        Event::Answered(live),
        Event::Entered(live),
        Event::Screened {
            leg: live,
            verdict: Verdict::Machine,
            cause: String::new(),
        },
        Event::Ready(live, point),
        match voice {
            Voice::Ours => Event::Speaking(Play(1)),
            Voice::Pbx => Event::Returned(live),
        },
        Event::PlaybackStarted {
            play: Play(1),
            at: None,
        },
    ]
}

fn event(dice: &mut Dice) -> Event {
    let leg = dice.pick(&[Leg::Busy, Leg::Drop, Leg::Drop]);
    let play = Play(dice.pick(&[1, 1, 1, 1, 2, 2, 3]));
    match dice.below(60) {
        48..50 => Event::Returned(leg),
        50 => Event::Held(leg),
        51..53 => Event::Resumed(leg),
        53 => Event::NoAudio {
            leg,
            pbx_answers: dice.percent(50),
        },
        54..56 => Event::Speaking(play),
        56 => Event::Stumbled {
            play,
            gap: dice.millis(61, 2_000),
        },
        57..60 => Event::Spoken {
            play,
            spoken: Spoken {
                end: dice.pick(&[
                    SpokenEnd::Whole,
                    SpokenEnd::Whole,
                    SpokenEnd::Unconfirmed,
                    SpokenEnd::Stopped,
                    SpokenEnd::Lost,
                ]),
                sent: dice.millis(0, 30_000),
                unheard: dice.millis(0, 1_500),
            },
        },
        0..4 => Event::Accepted(leg),
        4..6 => Event::Progress(leg),
        6..9 => Event::Ringing(leg),
        9..12 => Event::Answered(leg),
        12..16 => Event::Entered(leg),
        16..20 => screened(dice, leg),
        20..22 => Event::Ready(leg, ReadyPoint::Dialplan),
        22 => Event::Ready(leg, dice.beep()),
        23 => Event::Ready(leg, ReadyPoint::Silence),
        24 => Event::NotReady(leg),
        25..28 => Event::PlaybackStarted {
            play,
            at: pbx_time(dice),
        },
        28..31 => Event::PlaybackFinished {
            play,
            end: dice.pick(&[PlaybackEnd::Done, PlaybackEnd::Done, PlaybackEnd::Failed]),
            at: pbx_time(dice),
        },
        31 => Event::FarEndHungUp {
            leg,
            cause: cause(dice),
        },
        32..34 => Event::Gone {
            leg,
            cause: cause(dice),
        },
        34..36 => Event::Absent(leg),
        36..38 => Event::LateBeep(leg),
        38 => Event::Interrupted(leg),
        39 => Event::LimitBeep(leg),
        40..42 => Event::TapLost {
            leg,
            why: String::new(),
        },
        42 => Event::Intercepted {
            leg,
            sit: dice.pick(&[Sit::Invalid, Sit::Congestion, Sit::Other]),
            cause: String::new(),
        },
        43 => Event::Ready(leg, dice.beep()),
        44 => Event::Redirected(leg),
        _ => {
            let command = dice.pick(&[
                Command::Dial(leg),
                Command::Screen(leg),
                Command::Listen(leg),
                Command::AwaitReady(leg),
                Command::StopPlay(play),
                Command::Play(leg, play),
                Command::StopPlay(play),
                Command::HangUp(leg),
                Command::HangUp(leg),
            ]);
            let why = refusal(dice.pick(&RefusalKind::ALL));
            Event::Refused { command, why }
        }
    }
}

/// What only a call has that an agent hands over.
fn of_handing(dice: &mut Dice) -> Event {
    let leg = Leg::Drop;
    match dice.below(8) {
        0..3 => Event::GivenBack(leg),
        3 => Event::Returned(leg),
        4 => Event::Ready(leg, ReadyPoint::Agent),
        5 => Event::Screened {
            leg,
            verdict: Verdict::Human,
            cause: String::new(),
        },
        _ => {
            let command = dice.pick(&[
                Command::GiveBack(leg),
                Command::Release(leg),
                Command::Listen(leg),
                Command::AwaitReady(leg),
                Command::HangUp(leg),
            ]);
            let why = refusal(dice.pick(&RefusalKind::ALL));
            Event::Refused { command, why }
        }
    }
}

/// Some of what a PBX may have, or may not.
pub(super) fn seen(dice: &mut Dice, drops: u128) -> BTreeMap<DropId, Seen> {
    let mut all = BTreeMap::new();
    for id in 1..=drops {
        let mut seen = Seen::default();
        for leg in Leg::BOTH {
            let events = match dice.below(7) {
                0 => vec![],
                1 => vec![Event::Ringing(leg)],
                2 => vec![Event::Answered(leg)],
                3 => vec![
                    Event::Answered(leg),
                    if dice.percent(50) {
                        Event::Entered(leg)
                    } else {
                        Event::Returned(leg)
                    },
                ],
                4 => vec![
                    Event::Answered(leg),
                    screened(dice, leg),
                    Event::Ready(leg, ReadyPoint::Dialplan),
                ],
                _ => continue,
            };
            seen.legs.insert(leg, events);
        }
        if dice.percent(60) {
            seen.plays.push(Play(1));
        }
        all.insert(DropId::from_u128(id), seen);
    }
    all
}

fn screened(dice: &mut Dice, leg: Leg) -> Event {
    Event::Screened {
        leg,
        verdict: dice.pick(&[
            Verdict::Machine,
            Verdict::Machine,
            Verdict::Machine,
            Verdict::Machine,
            Verdict::Human,
            Verdict::Unsure,
            Verdict::Fax,
            Verdict::Sit,
            Verdict::Silence,
            Verdict::Menu,
            Verdict::Screening,
        ]),
        cause: dice.pick(&["", "MAXWORDS-3-2"]).into(),
    }
}

pub(super) fn cause(dice: &mut Dice) -> Cause {
    Cause {
        q850: dice.pick(&[
            None,
            Some(0),
            Some(1),
            Some(16),
            Some(17),
            Some(19),
            Some(21),
            Some(34),
            Some(127),
        ]),
        sip: dice.pick(&[None, None, Some(302), Some(486), Some(503), Some(603)]),
    }
}

pub(super) fn refusal(kind: RefusalKind) -> Refusal {
    Refusal {
        kind,
        words: "so the PBX said".into(),
    }
}

fn pbx_time(dice: &mut Dice) -> Option<PbxTime> {
    let at = i64::try_from(dice.below(40_000)).unwrap();
    dice.percent(70).then_some(PbxTime(at))
}
