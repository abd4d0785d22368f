//! A small PBX: it does what it is asked, or not, and reports it, or not.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use aftertone::{
    drop::{
        Begin, Cause, Command, Event, PbxTime, Plan, PlaybackEnd, ReadyPoint, RefusalKind, Seen,
        Sit, Spoken, SpokenEnd,
    },
    id::{DropId, Play},
    words::{Leg, Verdict},
};

use super::{
    dice::Dice,
    noise,
    world::{Input, World, pass},
};

/// How late a deadline is noticed at most.
pub(super) const LATEST: Duration = Duration::from_millis(700);

pub(super) fn storm(seed: u64, world: &mut World) -> Result<(), String> {
    storm_of(seed, world, Dice::plan)
}

/// A storm of drops with such plans.
pub(super) fn storm_of(
    seed: u64,
    world: &mut World,
    plan: fn(&mut Dice) -> Plan,
) -> Result<(), String> {
    let mut dice = Dice::new(seed);
    let drops = 1 + u128::from(dice.below(3));
    let late = if dice.percent(20) {
        LATEST
    } else {
        Duration::ZERO
    };
    let mut pbx = Pbx {
        chaos: dice.pick(&[0, 0, 3, 20]),
        dice,
        now: world.now(),
        linked: true,
        is_known: true,
        queue: BTreeMap::new(),
        told: 0,
        plans: BTreeMap::new(),
        channels: BTreeMap::new(),
    };
    pbx.prepare(drops, plan);
    while let Some(((at, _), happening)) = pbx.queue.pop_first() {
        for command in pass(world, at, late)? {
            pbx.take(command);
        }
        pbx.now = at.max(world.now());
        for input in pbx.happen(happening) {
            for command in world.apply(pbx.now, &input)? {
                pbx.take(command);
            }
        }
        // Nothing happens any more: what is left are deadlines, and what follows from them.
        while pbx.queue.is_empty() && !world.is_over() {
            let Some(due) = world.next_deadline(pbx.now + Duration::from_secs(100_000)) else {
                return Err("waits for nothing".into());
            };
            pbx.now = due;
            for command in world.apply(due, &Input::Timeout)? {
                pbx.take(command);
            }
        }
    }
    if pbx.chaos == 0 && pbx.channels.values().any(|channel| channel.exists) {
        return Err("a channel is left on an honest PBX".into());
    }
    world.close()
}

struct Pbx {
    dice: Dice,
    /// How many of a hundred messages are lost, doubled or late, and requests refused. An honest PBX has none.
    chaos: u64,
    now: Instant,
    linked: bool,
    /// What there is has been read since the link came back.
    is_known: bool,
    queue: BTreeMap<(Instant, u64), Happening>,
    told: u64,
    plans: BTreeMap<DropId, Plan>,
    channels: BTreeMap<(DropId, Leg), Channel>,
}

/// What happens at a time.
enum Happening {
    Start(DropId),
    Cancel(DropId),
    LinkBreaks,
    LinkComesBack,
    /// The list of channels is read: what it says arrives later.
    Read,
    Restored(BTreeMap<DropId, Seen>),
    Act(DropId, Leg, Act),
    Tell(DropId, Event),
}

/// What a channel does by itself.
#[derive(Clone, Copy)]
enum Act {
    Progress,
    Ring,
    Answer,
    Judge,
    GetReady(bool),
    PlayStarts(Play),
    PlayEnds(Play),
    /// Our ears hear this, as long as the audio connection is up.
    Hear(Sound),
    /// The audio connection ends; with a reason of its own, or because we said goodbye.
    ConnectionEnds {
        lost: bool,
    },
    SpeechStarts(Play),
    SpeechEnds(Play),
    /// Out of our app, and on in the dialplan; whether we are told.
    GoOn {
        told: bool,
    },
    Hold,
    Resume,
    FarEnd(Cause),
    End(Cause),
}

/// What our ears make of what they hear.
#[derive(Clone, Copy)]
enum Sound {
    Judge,
    Ready(ReadyPoint),
    Late(Play),
    Limit(Play),
    Voice(Play),
    /// We were stopped for a while.
    Gap(Play),
    Announcement,
}

#[derive(Default)]
struct Channel {
    exists: bool,
    /// Its audio connection is up.
    connected: bool,
    /// What is sent to it by us, since when.
    speech: Option<(Play, Instant)>,
    /// What its state implies, if it is asked.
    state: Vec<Event>,
    plays: Vec<Play>,
}

impl Pbx {
    fn prepare(&mut self, drops: u128, plan: fn(&mut Dice) -> Plan) {
        for id in 1..=drops {
            let id = DropId::from_u128(id);
            let plan = plan(&mut self.dice);
            self.plans.insert(id, plan);
            let at = self.dice.millis(0, 3_000);
            self.at(at, Happening::Start(id));
            if self.dice.percent(15) {
                let at = self.dice.millis(0, 60_000);
                self.at(at, Happening::Cancel(id));
            }
        }
        let mut at = Duration::ZERO;
        while self.dice.percent(30) {
            at += self.dice.millis(0, 40_000);
            self.at(at, Happening::LinkBreaks);
            at += self.dice.millis(0, 20_000);
            if self.dice.percent(10) {
                at += Duration::from_secs(300);
            }
            self.at(at, Happening::LinkComesBack);
            at += Duration::from_secs(1);
        }
    }

    fn at(&mut self, after: Duration, happening: Happening) {
        self.told += 1;
        self.queue.insert((self.now + after, self.told), happening);
    }

    fn happen(&mut self, happening: Happening) -> Vec<Input> {
        match happening {
            Happening::Start(id) => {
                let plan = self.plans[&id].clone();
                // Without the link it is not taken over.
                if plan.technique.is_adopted() && self.is_known {
                    self.bring(id);
                }
                vec![Input::Start(id, plan)]
            }
            Happening::Cancel(id) => vec![Input::Cancel(id)],
            Happening::LinkBreaks => {
                self.linked = false;
                self.is_known = false;
                vec![Input::LinkLost]
            }
            Happening::LinkComesBack => {
                self.linked = true;
                self.is_known = false;
                let read = self.dice.millis(0, 200);
                self.at(read, Happening::Read);
                vec![Input::LinkLost]
            }
            Happening::Read => {
                let told = self.dice.millis(0, 400);
                let seen = self.list();
                self.at(told, Happening::Restored(seen));
                vec![]
            }
            Happening::Restored(seen) => {
                self.is_known = true;
                vec![Input::LinkRestored(seen)]
            }
            Happening::Tell(id, event) => vec![Input::Event(id, event)],
            Happening::Act(id, leg, act) => {
                self.act(id, leg, act);
                vec![]
            }
        }
    }

    /// What the PBX has, or, rarely, anything.
    fn list(&mut self) -> BTreeMap<DropId, Seen> {
        if self.dice.percent(self.chaos / 2) {
            return noise::seen(&mut self.dice, self.plans.len() as u128);
        }
        let mut all: BTreeMap<DropId, Seen> = BTreeMap::new();
        for (&(id, leg), channel) in &self.channels {
            if channel.exists {
                let seen = all.entry(id).or_default();
                seen.legs.insert(leg, channel.state.clone());
                seen.plays.extend(&channel.plays);
            }
        }
        all
    }

    /// Carries out a command, or does not.
    fn take(&mut self, (id, command): (DropId, Command)) {
        let refused = self.dice.percent(self.chaos);
        if refused {
            let kind = self.dice.pick(&RefusalKind::ALL);
            let wait = match kind {
                RefusalKind::NoReply => Duration::from_secs(10),
                RefusalKind::NotFound
                | RefusalKind::WrongState
                | RefusalKind::Rejected
                | RefusalKind::NotMade
                | RefusalKind::Failed
                | RefusalKind::Unreachable
                | RefusalKind::TooLate => self.dice.millis(1, 300),
            };
            let why = noise::refusal(kind);
            self.at(wait, Happening::Tell(id, Event::Refused { command, why }));
            let done = match kind {
                RefusalKind::Failed | RefusalKind::NoReply => self.dice.percent(50),
                RefusalKind::NotFound
                | RefusalKind::WrongState
                | RefusalKind::Rejected
                | RefusalKind::NotMade
                | RefusalKind::Unreachable
                | RefusalKind::TooLate => false,
            };
            if !done {
                return;
            }
        }
        match command {
            Command::Dial(leg) => self.dial(id, leg, refused),
            Command::Screen(leg) => {
                let after = self.dice.millis(500, 6_000);
                self.at(after, Happening::Act(id, leg, Act::Judge));
            }
            Command::Listen(leg) => {
                if let Some(channel) = self.channels.get_mut(&(id, leg)) {
                    channel.connected = true;
                    channel.state = vec![Event::Answered(leg)];
                }
                let plan = &self.plans[&id];
                if plan.technique.is_adopted() && plan.adoption.begin == Begin::AtOnce {
                    let ready = Act::Hear(Sound::Ready(ReadyPoint::Agent));
                    let after = self.dice.millis(10, 60);
                    self.at(after, Happening::Act(id, leg, ready));
                }
                let after = self.dice.millis(500, 6_000);
                self.at(after, Happening::Act(id, leg, Act::Hear(Sound::Judge)));
                if self.dice.percent(20) {
                    let after = self.dice.millis(0, 20_000);
                    let ends = Act::ConnectionEnds { lost: true };
                    self.at(after, Happening::Act(id, leg, ends));
                }
            }
            Command::AwaitReady(leg) => {
                let after = self.dice.millis(100, 10_000);
                let found = self.dice.percent(90);
                self.at(after, Happening::Act(id, leg, Act::GetReady(found)));
            }
            Command::Speak(leg, play) => {
                let begin = self.dice.millis(0, 40);
                let length = self.plans[&id].message.unwrap_or(Duration::from_secs(20));
                self.at(begin, Happening::Act(id, leg, Act::SpeechStarts(play)));
                self.at(
                    begin + length,
                    Happening::Act(id, leg, Act::SpeechEnds(play)),
                );
                self.hear_in_message(id, leg, play, begin);
            }
            Command::Say(leg) => {
                let begin = self.dice.millis(0, 40);
                let length = self.plans[&id].prompt.expect("there is something to say");
                let play = Play::PROMPT;
                self.at(begin, Happening::Tell(id, Event::Speaking(play)));
                let spoken = Spoken {
                    end: SpokenEnd::Whole,
                    sent: length,
                    unheard: Duration::ZERO,
                };
                let said = Event::Spoken { play, spoken };
                self.at(begin + length, Happening::Tell(id, said));
                let after = begin + length + self.dice.millis(500, 20_000);
                self.at(after, Happening::Act(id, leg, Act::Hear(Sound::Judge)));
            }
            Command::Hush(play) => {
                for leg in Leg::BOTH {
                    self.stop_speech(id, leg, play);
                }
            }
            Command::Release(leg) => {
                let after = self.dice.millis(1, 50);
                let ends = Act::ConnectionEnds { lost: false };
                self.at(after, Happening::Act(id, leg, ends));
            }
            Command::Play(leg, play) => {
                let begin = self.dice.millis(5, 300);
                let length = self.plans[&id].message.unwrap_or(Duration::from_secs(20));
                self.at(begin, Happening::Act(id, leg, Act::PlayStarts(play)));
                self.at(begin + length, Happening::Act(id, leg, Act::PlayEnds(play)));
            }
            Command::StopPlay(play) => {
                let stopped = self.dice.millis(1, 100);
                for leg in Leg::BOTH {
                    self.at(stopped, Happening::Act(id, leg, Act::PlayEnds(play)));
                }
            }
            Command::GiveBack(leg) => {
                let after = self.dice.millis(1, 300);
                let told = !refused;
                self.at(after, Happening::Act(id, leg, Act::GoOn { told }));
            }
            Command::HangUp(leg) => {
                let exists = self.channels.get(&(id, leg)).is_some_and(|c| c.exists);
                let after = self.dice.millis(1, 100);
                if exists {
                    self.at(after, Happening::Act(id, leg, Act::End(Cause::q850(16))));
                } else if !refused {
                    self.at(after, Happening::Tell(id, Event::Absent(leg)));
                }
            }
        }
    }

    /// What comes while our message goes out.
    fn hear_in_message(&mut self, id: DropId, leg: Leg, play: Play, begin: Duration) {
        let heard = match self.dice.below(10) {
            0..3 => Some(Act::Hear(Sound::Late(play))),
            3 => Some(Act::Hear(Sound::Limit(play))),
            4 => Some(Act::Hear(Sound::Voice(play))),
            5 => Some(Act::Hear(Sound::Gap(play))),
            6 => Some(Act::Hold),
            _ => None,
        };
        if let Some(act) = heard {
            let after = begin + self.dice.millis(0, 9_000);
            self.at(after, Happening::Act(id, leg, act));
        }
    }

    /// Ends our message, if it is this one.
    fn stop_speech(&mut self, id: DropId, leg: Leg, play: Play) {
        let now = self.now;
        let Some(channel) = self.channels.get_mut(&(id, leg)) else {
            return;
        };
        if let Some((_, since)) = channel.speech.take_if(|(other, _)| *other == play) {
            self.end_speech(id, play, SpokenEnd::Stopped, now - since);
        }
    }

    /// What became of our message comes by no link.
    fn end_speech(&mut self, id: DropId, play: Play, end: SpokenEnd, sent: Duration) {
        let spoken = Spoken {
            end,
            sent,
            unheard: self.dice.pick(&[Duration::ZERO, Duration::from_secs(2)]),
        };
        let event = Event::Spoken { play, spoken };
        self.at(Duration::ZERO, Happening::Tell(id, event));
    }

    /// An agent hands over a call, which is answered.
    fn bring(&mut self, id: DropId) {
        let leg = Leg::Drop;
        let channel = Channel {
            exists: true,
            state: vec![Event::Answered(leg)],
            ..Channel::default()
        };
        self.channels.insert((id, leg), channel);
        if self.dice.percent(25) {
            let after = self.dice.millis(0, 40_000);
            self.at(after, Happening::Act(id, leg, Act::FarEnd(Cause::q850(16))));
        }
        let limit = Duration::from_secs(400);
        self.at(limit, Happening::Act(id, leg, Act::End(Cause::q850(0))));
    }

    /// Makes a channel, and decides what it will do unless something comes between.
    fn dial(&mut self, id: DropId, leg: Leg, refused: bool) {
        let channel = Channel {
            exists: true,
            ..Channel::default()
        };
        self.channels.insert((id, leg), channel);
        if !refused {
            let reply = self.dice.millis(1, 400);
            self.at(reply, Happening::Tell(id, Event::Accepted(leg)));
        }
        let mut after = self.dice.millis(20, 5_000);
        if self.dice.percent(40) {
            self.at(after, Happening::Act(id, leg, Act::Progress));
            after += self.dice.millis(0, 3_000);
        }
        if self.dice.percent(80) {
            self.at(after, Happening::Act(id, leg, Act::Ring));
            after += self.dice.millis(0, 15_000);
        }
        let answers = match leg {
            Leg::Busy => 25,
            Leg::Drop => 75,
        };
        if self.dice.percent(answers) {
            self.at(after, Happening::Act(id, leg, Act::Answer));
        } else if self.dice.percent(60) {
            let cause = noise::cause(&mut self.dice);
            self.at(after, Happening::Act(id, leg, Act::FarEnd(cause)));
        }
        if self.dice.percent(15) {
            let after = self.dice.millis(0, 60_000);
            self.at(after, Happening::Act(id, leg, Act::FarEnd(Cause::q850(16))));
        }
        let ring = self.plans[&id].ring_timeout(leg);
        let limit = ring + Duration::from_secs(200);
        self.at(limit, Happening::Act(id, leg, Act::End(Cause::q850(0))));
    }

    fn act(&mut self, id: DropId, leg: Leg, act: Act) {
        let at = Some(PbxTime(i64::try_from(self.told).unwrap() * 10));
        let unsure = self.plans[&id].when_unsure == aftertone::drop::WhenUnsure::Play;
        let Some(channel) = self.channels.get_mut(&(id, leg)).filter(|c| c.exists) else {
            return;
        };
        match act {
            Act::Hear(sound) if channel.connected => return self.hear(id, leg, sound),
            Act::Hear(_) => return,
            Act::ConnectionEnds { lost } => {
                if !std::mem::take(&mut channel.connected) {
                    return;
                }
                channel.state = vec![Event::Answered(leg), Event::Returned(leg)];
                self.lose_connection(id, leg, lost);
                let back = self.dice.millis(0, 300);
                return self.at(back, Happening::Tell(id, Event::Returned(leg)));
            }
            Act::SpeechStarts(play) => {
                if channel.connected {
                    channel.speech = Some((play, self.now));
                    self.at(Duration::ZERO, Happening::Tell(id, Event::Speaking(play)));
                }
                return;
            }
            Act::SpeechEnds(play) => {
                if channel
                    .speech
                    .take_if(|(other, _)| *other == play)
                    .is_some()
                {
                    channel.connected = false;
                    channel.state = vec![Event::Answered(leg), Event::Returned(leg)];
                    let length = self.plans[&id].message.unwrap_or(Duration::from_secs(20));
                    self.end_speech(id, play, SpokenEnd::Whole, length);
                    self.at(Duration::ZERO, Happening::Tell(id, Event::Returned(leg)));
                }
                return;
            }
            Act::GoOn { told } => {
                let is_ours = !channel.connected;
                if is_ours {
                    channel.exists = false;
                }
                if told {
                    let event = match is_ours {
                        true => Event::GivenBack(leg),
                        false => Event::Refused {
                            command: Command::GiveBack(leg),
                            why: noise::refusal(RefusalKind::WrongState),
                        },
                    };
                    self.at(Duration::ZERO, Happening::Tell(id, event));
                }
                return;
            }
            Act::PlayEnds(play) if !channel.plays.contains(&play) => return,
            Act::Progress
            | Act::Ring
            | Act::Answer
            | Act::Judge
            | Act::GetReady(_)
            | Act::PlayStarts(_)
            | Act::PlayEnds(_)
            | Act::Hold
            | Act::Resume
            | Act::FarEnd(_)
            | Act::End(_) => {}
        }
        let events = match act {
            Act::Progress => vec![Event::Progress(leg)],
            Act::Ring => {
                channel.state = vec![Event::Ringing(leg)];
                vec![Event::Ringing(leg), Event::Ringing(leg)]
            }
            Act::Answer => {
                channel.state = vec![Event::Answered(leg), Event::Entered(leg)];
                vec![
                    Event::Answered(leg),
                    Event::Answered(leg),
                    Event::Entered(leg),
                ]
            }
            Act::Judge => {
                let verdict = self.dice.pick(&[
                    Verdict::Machine,
                    Verdict::Machine,
                    Verdict::Machine,
                    Verdict::Machine,
                    Verdict::Machine,
                    Verdict::Human,
                    Verdict::Unsure,
                    Verdict::Fax,
                ]);
                let screened = Event::Screened {
                    leg,
                    verdict,
                    cause: String::new(),
                };
                channel.state = vec![Event::Answered(leg), screened.clone()];
                if verdict == Verdict::Machine || (verdict == Verdict::Unsure && unsure) {
                    let after = self.dice.millis(100, 10_000);
                    let found = self.dice.percent(90);
                    self.at(after, Happening::Act(id, leg, Act::GetReady(found)));
                }
                vec![screened]
            }
            Act::GetReady(found) => {
                let event = if found {
                    Event::Ready(leg, ReadyPoint::Dialplan)
                } else {
                    Event::NotReady(leg)
                };
                channel.state.push(event.clone());
                vec![event]
            }
            Act::PlayStarts(play) => {
                channel.plays.push(play);
                vec![Event::PlaybackStarted { play, at: None }]
            }
            Act::PlayEnds(play) => {
                channel.plays.clear();
                let end = PlaybackEnd::Done;
                vec![Event::PlaybackFinished { play, end, at }]
            }
            Act::Hold => {
                if self.dice.percent(80) {
                    let after = self.dice.millis(100, 20_000);
                    self.at(after, Happening::Act(id, leg, Act::Resume));
                }
                vec![Event::Held(leg)]
            }
            Act::Resume => vec![Event::Resumed(leg)],
            Act::FarEnd(cause) => {
                channel.exists = false;
                let mut events = vec![Event::FarEndHungUp { leg, cause }];
                events.extend(channel.plays.drain(..).map(|play| {
                    let end = PlaybackEnd::Failed;
                    Event::PlaybackFinished { play, end, at }
                }));
                events.push(Event::Gone { leg, cause });
                self.disconnect(id, leg);
                events
            }
            Act::End(cause) => {
                channel.exists = false;
                channel.plays.clear();
                self.disconnect(id, leg);
                vec![Event::Gone { leg, cause }]
            }
            Act::Hear(_)
            | Act::ConnectionEnds { .. }
            | Act::SpeechStarts(_)
            | Act::SpeechEnds(_)
            | Act::GoOn { .. } => vec![],
        };
        for event in events {
            self.tell(id, event);
        }
    }

    /// The channel is gone, and its connection with it.
    fn disconnect(&mut self, id: DropId, leg: Leg) {
        let channel = self.channels.get_mut(&(id, leg));
        if channel.is_some_and(|channel| std::mem::take(&mut channel.connected)) {
            self.lose_connection(id, leg, true);
        }
    }

    /// Our end of the connection says what it lost.
    fn lose_connection(&mut self, id: DropId, leg: Leg, lost: bool) {
        let now = self.now;
        let channel = self.channels.get_mut(&(id, leg));
        if let Some((play, since)) = channel.and_then(|channel| channel.speech.take()) {
            self.end_speech(id, play, SpokenEnd::Lost, now - since);
        }
        if lost {
            let why = String::new();
            self.at(
                Duration::ZERO,
                Happening::Tell(id, Event::TapLost { leg, why }),
            );
        }
    }

    /// What our ears say comes by no link.
    fn hear(&mut self, id: DropId, leg: Leg, sound: Sound) {
        let Some(channel) = self.channels.get(&(id, leg)) else {
            return;
        };
        let plays = |play| channel.speech.is_some_and(|(speech, _)| speech == play);
        let screened = |verdict| Event::Screened {
            leg,
            verdict,
            cause: String::new(),
        };
        let event = match sound {
            Sound::Judge => {
                let verdict = self.dice.pick(&[
                    Verdict::Machine,
                    Verdict::Machine,
                    Verdict::Machine,
                    Verdict::Machine,
                    Verdict::Human,
                    Verdict::Silence,
                    Verdict::Menu,
                    Verdict::Screening,
                    Verdict::Sit,
                ]);
                if verdict == Verdict::Sit {
                    return self.hear(id, leg, Sound::Announcement);
                }
                if verdict == Verdict::Machine {
                    let after = self.dice.millis(100, 10_000);
                    let beep = self.dice.beep();
                    let point = self.dice.pick(&[beep, ReadyPoint::Silence]);
                    let ready = Act::Hear(Sound::Ready(point));
                    self.at(after, Happening::Act(id, leg, ready));
                }
                screened(verdict)
            }
            Sound::Ready(point) => Event::Ready(leg, point),
            Sound::Late(play) if plays(play) => {
                if self.dice.percent(90) {
                    let after = self.dice.millis(50, 3_000);
                    let ready = Act::Hear(Sound::Ready(self.dice.beep()));
                    self.at(after, Happening::Act(id, leg, ready));
                }
                Event::LateBeep(leg)
            }
            Sound::Gap(play) if plays(play) => Event::Stumbled {
                play,
                gap: self.dice.millis(61, 2_000),
            },
            Sound::Limit(play) if plays(play) => Event::LimitBeep(leg),
            Sound::Voice(play) if plays(play) => {
                let verdicts = [Verdict::Human, Verdict::Menu, Verdict::Unsure, Verdict::Fax];
                match self.dice.percent(50) {
                    true => Event::Interrupted(leg),
                    false => screened(self.dice.pick(&verdicts)),
                }
            }
            Sound::Late(_) | Sound::Limit(_) | Sound::Voice(_) | Sound::Gap(_) => return,
            Sound::Announcement => Event::Intercepted {
                leg,
                sit: self.dice.pick(&[Sit::Invalid, Sit::Congestion, Sit::Other]),
                cause: String::new(),
            },
        };
        self.at(Duration::ZERO, Happening::Tell(id, event));
    }

    /// Sends an event over the link, if it is there.
    fn tell(&mut self, id: DropId, event: Event) {
        if !self.linked || self.dice.percent(self.chaos) {
            return;
        }
        if self.dice.percent(self.chaos) {
            let again = self.dice.millis(0, 2_000);
            self.at(again, Happening::Tell(id, event.clone()));
        }
        let late = if self.dice.percent(self.chaos) {
            self.dice.millis(0, 500)
        } else {
            Duration::ZERO
        };
        self.at(late, Happening::Tell(id, event));
    }
}
