//! The board in a storm, beside a lone machine and an oracle for each of its drops.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    time::{Duration, Instant},
};

use aftertone::{
    clock,
    drop::{Board, Command, Event, Moment, Outcome, Plan, Report, Seen, VoicemailDrop},
    id::DropId,
};

use super::oracle::{Oracle, Step};
use crate::script;

/// What can be done to a board.
#[derive(Clone)]
pub(super) enum Input {
    Start(DropId, Plan),
    Event(DropId, Event),
    Timeout,
    Cancel(DropId),
    LinkLost,
    LinkRestored(BTreeMap<DropId, Seen>),
}

pub(super) struct World {
    start: Instant,
    now: Instant,
    linked: bool,
    board: Board,
    /// Lone machines that get the same events: what they want and wait for is what the board must.
    lone: BTreeMap<DropId, VoicemailDrop>,
    oracles: BTreeMap<DropId, Oracle>,
    outcomes: BTreeSet<Outcome>,
    ladder: Option<String>,
}

impl World {
    pub(super) fn new() -> Self {
        let now = clock::now();
        Self {
            start: now,
            now,
            linked: true,
            board: Board::new(),
            lone: BTreeMap::new(),
            oracles: BTreeMap::new(),
            outcomes: BTreeSet::new(),
            ladder: None,
        }
    }

    pub(super) fn with_ladder() -> Self {
        Self {
            ladder: Some(String::new()),
            ..Self::new()
        }
    }

    pub(super) fn ladder(&self) -> &str {
        self.ladder.as_deref().unwrap_or_default()
    }

    /// How the drops have ended.
    pub(super) const fn outcomes(&self) -> &BTreeSet<Outcome> {
        &self.outcomes
    }

    pub(super) const fn now(&self) -> Instant {
        self.now
    }

    pub(super) fn is_over(&self) -> bool {
        self.board.is_empty()
    }

    /// The next deadline, or `until` if that is earlier.
    pub(super) fn next_deadline(&self, until: Instant) -> Option<Instant> {
        self.board.poll_timeout().filter(|&at| at <= until)
    }

    /// Does something at `at`. Returns what the drops want, or the invariant that broke.
    pub(super) fn apply(
        &mut self,
        at: Instant,
        input: &Input,
    ) -> Result<Vec<(DropId, Command)>, String> {
        self.now = self.now.max(at);
        let now = self.now;
        match input {
            Input::Start(id, plan) => {
                self.oracles.insert(*id, Oracle::new(plan.clone()));
                self.board.start(*id, plan.clone(), now);
            }
            Input::Event(id, event) => self.board.handle_event(*id, event.clone(), now),
            Input::Timeout => self.board.handle_timeout(now),
            Input::Cancel(id) => self.board.cancel(*id, now),
            Input::LinkLost => self.board.link_lost(now),
            Input::LinkRestored(seen) => self.board.link_restored(seen, now),
        }
        let commands: Vec<_> = std::iter::from_fn(|| self.board.poll_command()).collect();
        let moments: Vec<_> = std::iter::from_fn(|| self.board.poll_moment()).collect();
        let ended: Vec<_> = std::iter::from_fn(|| self.board.poll_ended()).collect();
        self.outcomes
            .extend(ended.iter().map(|(_, report)| report.outcome));
        self.write(input, &commands, &moments, &ended);
        match input {
            Input::LinkLost => self.linked = false,
            Input::LinkRestored(_) => self.linked = true,
            Input::Start(..) | Input::Event(..) | Input::Timeout | Input::Cancel(_) => {}
        }
        self.compare(input, &commands, &ended)?;
        for (&id, oracle) in &mut self.oracles {
            let commands = of(id, &commands);
            let moments = of(id, &moments);
            let ended = of(id, &ended);
            let events: &[Event] = match input {
                Input::Event(other, event) if *other == id => std::slice::from_ref(event),
                Input::LinkRestored(seen) if self.board.owns(id) || !ended.is_empty() => {
                    &seen.get(&id).map(flat).unwrap_or_default()
                }
                Input::Start(..)
                | Input::Event(..)
                | Input::Timeout
                | Input::Cancel(_)
                | Input::LinkLost
                | Input::LinkRestored(_) => &[],
            };
            let step = Step {
                now,
                linked: self.linked,
                events,
                commands: &commands,
                moments: &moments,
                ended: &ended,
            };
            oracle
                .see(&step)
                .map_err(|fault| format!("{}: {fault}", short(id)))?;
        }
        Ok(commands)
    }

    /// Nothing may be left when all is over.
    pub(super) fn close(&self) -> Result<(), String> {
        if !self.board.is_empty() || self.board.poll_timeout().is_some() {
            return Err("the board is not empty".into());
        }
        for (&id, oracle) in &self.oracles {
            oracle
                .close()
                .map_err(|fault| format!("{}: {fault}", short(id)))?;
        }
        Ok(())
    }

    /// Gives the lone machines the same, and compares.
    fn compare(
        &mut self,
        input: &Input,
        commands: &[(DropId, Command)],
        ended: &[(DropId, Report)],
    ) -> Result<(), String> {
        let now = self.now;
        let mut ghosts = Vec::new();
        let mut never_started = 0;
        match input {
            Input::Start(id, plan) if self.linked => {
                self.lone.insert(*id, VoicemailDrop::new(plan.clone(), now));
            }
            Input::Start(..) => never_started = 1,
            Input::Event(id, event) => match (self.lone.get_mut(id), event.shows_alive()) {
                (Some(drop), _) => drop.handle_event(event.clone(), now),
                (None, Some(leg)) => ghosts.push((*id, Command::HangUp(leg))),
                (None, None) => {}
            },
            Input::Timeout => {
                for drop in self.lone.values_mut() {
                    drop.handle_timeout(now);
                }
            }
            Input::Cancel(id) => {
                if let Some(drop) = self.lone.get_mut(id) {
                    drop.cancel(now);
                }
            }
            Input::LinkLost => self.lone.values_mut().for_each(|drop| drop.link_lost(now)),
            Input::LinkRestored(seen) => {
                let nothing = Seen::default();
                for (id, drop) in &mut self.lone {
                    drop.link_restored(seen.get(id).unwrap_or(&nothing), now);
                }
            }
        }
        let mut wanted = ghosts;
        let mut reports = Vec::new();
        for (&id, drop) in &mut self.lone {
            wanted.extend(std::iter::from_fn(|| drop.poll_command()).map(|command| (id, command)));
            reports.extend(drop.report().map(|report| (id, report)));
        }
        self.lone.retain(|_, drop| drop.outcome().is_none());
        let mut commands = commands.to_vec();
        // Drops that act at the same time have no order among each other.
        commands.sort_by_key(|&(id, _)| id);
        if commands != wanted {
            return Err(format!(
                "the board wants {commands:?}, its drops {wanted:?}"
            ));
        }
        if ended.len() != reports.len() + never_started
            || !reports.iter().all(|report| ended.contains(report))
        {
            return Err("the board does not report the drops that have ended".into());
        }
        let due = self.lone.values().filter_map(VoicemailDrop::poll_timeout);
        let due = due.map(|(at, _)| at).min();
        if self.board.poll_timeout() != due {
            return Err("the board does not wait for the earliest deadline of its drops".into());
        }
        if self.board.len() != self.lone.len() {
            return Err("the board does not hold the drops that are in flight".into());
        }
        Ok(())
    }

    fn write(
        &mut self,
        input: &Input,
        commands: &[(DropId, Command)],
        moments: &[(DropId, Moment)],
        ended: &[(DropId, Report)],
    ) {
        let Some(ladder) = &mut self.ladder else {
            return;
        };
        let what = match input {
            Input::Start(id, plan) => format!("{} start {plan:?}", short(*id)),
            Input::Event(id, event) => format!("{} {}", short(*id), script::event_words(event)),
            Input::Timeout => "(deadline)".into(),
            Input::Cancel(id) => format!("{} cancel", short(*id)),
            Input::LinkLost => "link_lost".into(),
            Input::LinkRestored(seen) => seen
                .iter()
                .fold("link_restored".into(), |text, (id, seen)| {
                    format!("{text} {}:{}", short(*id), script::seen_words(seen))
                }),
        };
        let mut follows: Vec<_> = commands
            .iter()
            .map(|&(id, command)| format!("{} {}", short(id), script::command_words(command)))
            .collect();
        follows.extend(
            moments
                .iter()
                .map(|(id, moment)| format!("[{} {}]", short(*id), moment.event.as_str())),
        );
        follows.extend(
            ended
                .iter()
                .map(|(id, report)| format!("=> {} {}", short(*id), report.outcome)),
        );
        let at = script::seconds_words(self.now - self.start);
        let _ = writeln!(ladder, "{at:>8} {what:<40} {}", follows.join("  "));
    }
}

/// Lets the deadlines pass that fall before `until`, each at its time or, if `late`, up to so much after it.
pub(super) fn pass(
    world: &mut World,
    until: Instant,
    late: Duration,
) -> Result<Vec<(DropId, Command)>, String> {
    let mut commands = Vec::new();
    while let Some(due) = world.next_deadline(until) {
        commands.extend(world.apply((due + late).min(until).max(due), &Input::Timeout)?);
    }
    Ok(commands)
}

fn of<T: Clone>(id: DropId, all: &[(DropId, T)]) -> Vec<T> {
    let own = all.iter().filter(|(other, _)| *other == id);
    own.map(|(_, item)| item.clone()).collect()
}

/// What was seen, as events: a leg that exists shows as much life as one whose originate was accepted.
fn flat(seen: &Seen) -> Vec<Event> {
    let legs = seen.legs.iter();
    legs.flat_map(|(&leg, events)| [&[Event::Accepted(leg)], events.as_slice()].concat())
        .collect()
}

/// The last digits of an id, which are all that differ in a storm.
fn short(id: DropId) -> String {
    let text = id.to_string();
    text[text.len() - 1..].to_owned()
}
