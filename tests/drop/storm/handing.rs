//! What must hold of a call that an agent has made and hands over, beside what holds of every drop: it is hung up or handed back,
//! one of the two and once.

use aftertone::{
    drop::{Command, Event, Plan, WhenHuman},
    words::{Leg, Verdict},
};

use super::oracle::Step;

/// Watches one such call.
pub(super) struct Handing {
    may_give_back: bool,
    /// Somebody may have spoken.
    voice: bool,
    /// The dialplan was asked to take it.
    asked: bool,
    /// It has.
    given_back: bool,
    /// It was hung up.
    hung_up: bool,
    /// It has gone by itself.
    gone: bool,
    ended: bool,
}

impl Handing {
    /// The call of a plan; `None` if it is one that we make.
    pub(super) fn of(plan: &Plan) -> Option<Self> {
        plan.technique.is_adopted().then(|| Self {
            may_give_back: plan.adoption.when_human == WhenHuman::GiveBack,
            voice: false,
            asked: false,
            given_back: false,
            hung_up: false,
            gone: false,
            ended: false,
        })
    }

    /// Whether the dialplan has it.
    pub(super) const fn is_given_back(&self) -> bool {
        self.given_back
    }

    pub(super) fn see(&mut self, step: &Step<'_>) -> Result<(), String> {
        for event in step.events {
            self.voice |= matches!(
                event,
                Event::Interrupted(_)
                    | Event::Screened {
                        verdict: Verdict::Human,
                        ..
                    }
            );
            if matches!(event, Event::GivenBack(Leg::Drop)) {
                self.given_back |= self.asked && !self.hung_up && !self.gone && !self.ended;
            }
            let goes = matches!(
                event,
                Event::Gone { leg: Leg::Drop, .. } | Event::FarEndHungUp { leg: Leg::Drop, .. }
            );
            self.gone |= goes && !self.given_back;
        }
        let is_over = self.given_back || self.ended;
        for command in step.commands {
            match command {
                Command::GiveBack(leg) => {
                    ensure(
                        *leg == Leg::Drop,
                        "another leg than the agent's is given back",
                    )?;
                    ensure(
                        self.may_give_back,
                        "an agent gets a call who does not want it",
                    )?;
                    ensure(self.voice, "a call in which nobody spoke is given back")?;
                    ensure(!self.asked, "a call is given back twice")?;
                    ensure(!self.hung_up, "a call is given back that was hung up")?;
                    ensure(!self.gone, "a call is given back that has gone")?;
                    self.asked = true;
                }
                // Whatever comes after the end hangs up, and finds no call: its name is forgotten by then.
                Command::HangUp(_) if self.ended => {}
                Command::HangUp(leg) => {
                    ensure(*leg == Leg::Drop, "a leg is hung up that never was")?;
                    ensure(!self.given_back, "the agent's call is hung up")?;
                    // It insists until the call is gone.
                    self.hung_up = true;
                }
                Command::Dial(_) => return Err("a call that is up is dialled".to_owned()),
                Command::Hush(_) | Command::StopPlay(_) => {}
                Command::Screen(_)
                | Command::Listen(_)
                | Command::AwaitReady(_)
                | Command::Speak(..)
                | Command::Say(_)
                | Command::Release(_)
                | Command::Play(..) => {
                    ensure(!is_over, "something is asked of a call that is not ours")?;
                }
            }
        }
        if !step.ended.is_empty() {
            self.ended = true;
        }
        ensure(
            !self.given_back || self.ended,
            "the agent has the call, and the drop goes on",
        )
    }
}

fn ensure(holds: bool, fault: &str) -> Result<(), String> {
    if holds { Ok(()) } else { Err(fault.to_owned()) }
}
