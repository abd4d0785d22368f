//! An engine before a store and a network on virtual time, with a log of all it started and checks at each step.

use std::{
    collections::{BTreeMap, BTreeSet, btree_map::Entry},
    time::Duration,
};

use aftertone::{
    campaign::{
        Decision,
        budget::Calls,
        engine::{
            Availability, CampaignId, CampaignSettings, Command, Contact, ContactId, End, Engine,
            Event, InFlight, PauseReason, PbxId, PbxSettings, Start,
        },
        pace::Rate,
        window::Opening,
    },
    drop::{Outcome, Technique},
    phone::PhoneNumber,
};
use jiff::{SignedDuration, Timestamp};

use crate::{
    gate::TestGate,
    network::{Dice, Network},
    store::Store,
};

/// Something the operator does, or that happens to what the engine depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    Pause(CampaignId, InFlight),
    Resume(CampaignId),
    Cancel(CampaignId, InFlight),
    Drain(InFlight),
    Pbx(PbxId, Availability),
    Store(Availability),
    /// A message of the campaign is missing until so many seconds have gone by.
    FilesAway(CampaignId, i64),
    /// The controller dies and another begins.
    Crash,
}

/// A start, as it was seen.
#[derive(Clone, Debug)]
pub(crate) struct Started {
    pub(crate) at: Timestamp,
    pub(crate) campaign: CampaignId,
    pub(crate) pbx: PbxId,
    pub(crate) contact: ContactId,
    pub(crate) number: PhoneNumber,
    pub(crate) technique: Technique,
    pub(crate) variant: Option<String>,
}

/// The engine and all around it.
pub(crate) struct World {
    pub(crate) engine: Engine<TestGate>,
    pub(crate) now: Timestamp,
    pub(crate) store: Store,
    pub(crate) network: Network,
    pub(crate) dice: Dice,
    pub(crate) log: Vec<Started>,
    pub(crate) finished: BTreeMap<CampaignId, End>,
    pub(crate) stopped: BTreeMap<CampaignId, PauseReason>,
    pub(crate) drained: bool,
    /// How long the store takes to answer, at most, in milliseconds.
    pub(crate) latency_ms: u64,
    /// How often in a thousand times the store fails, an intent fails, or an event comes twice.
    pub(crate) trouble: u64,
    /// How long after a campaign has stopped by itself it is resumed.
    pub(crate) resume_after_ms: Option<u64>,
    /// How long it takes to make a contact's message, at most, in milliseconds; `None`: their messages are ready.
    pub(crate) making_ms: Option<u64>,
    /// The contact whose message takes [`SLOW_MS`].
    pub(crate) slow: Option<ContactId>,
    /// When the message of each contact is made.
    pub(crate) making: BTreeMap<(CampaignId, ContactId), Timestamp>,
    pub(crate) pbxs: BTreeMap<PbxId, PbxSettings>,
    pub(crate) campaigns: BTreeMap<CampaignId, CampaignSettings>,
    /// Campaigns that nothing may be started of at this moment.
    still: BTreeMap<CampaignId, &'static str>,
    drops: BTreeMap<(CampaignId, ContactId), Start>,
    /// What is on its way to the engine.
    coming: BTreeMap<(Timestamp, u64), Coming>,
    posted: u64,
    store_is: Availability,
    away: Vec<PbxId>,
}

#[derive(Clone, Debug)]
enum Coming {
    Event(Event),
    Act(Act),
}

impl World {
    pub(crate) fn new(gate: TestGate, network: Network, seed: u64) -> Self {
        let now = BEGIN.parse().unwrap();
        Self {
            engine: Engine::new(gate, now),
            now,
            store: Store::default(),
            network,
            dice: Dice::new(seed),
            log: Vec::new(),
            finished: BTreeMap::new(),
            stopped: BTreeMap::new(),
            drained: false,
            latency_ms: 0,
            trouble: 0,
            resume_after_ms: None,
            making_ms: None,
            slow: None,
            making: BTreeMap::new(),
            pbxs: BTreeMap::new(),
            campaigns: BTreeMap::new(),
            still: BTreeMap::new(),
            drops: BTreeMap::new(),
            coming: BTreeMap::new(),
            posted: 0,
            store_is: Availability::Up,
            away: Vec::new(),
        }
    }

    pub(crate) fn add_pbx(&mut self, id: u32, settings: PbxSettings) {
        self.engine.set_pbx(PbxId(id), &settings, self.now);
        self.pbxs.insert(PbxId(id), settings);
        self.obey();
    }

    pub(crate) fn add_campaign(
        &mut self,
        id: i64,
        settings: CampaignSettings,
        contacts: impl IntoIterator<Item = Contact>,
    ) {
        for contact in contacts {
            self.store.add(CampaignId(id), contact, self.now);
        }
        self.campaigns.insert(CampaignId(id), settings.clone());
        self.engine.set_campaign(CampaignId(id), settings, self.now);
        self.obey();
    }

    /// Runs a campaign in another way from here on.
    pub(crate) fn change_campaign(&mut self, id: i64, settings: CampaignSettings) {
        self.add_campaign(id, settings, []);
    }

    /// Hands the engine an event at once.
    pub(crate) fn tell(&mut self, event: Event) {
        self.engine.handle_event(event, self.now);
        self.obey();
    }

    /// Has something done after so many milliseconds from here.
    pub(crate) fn later(&mut self, millis: u64, act: Act) {
        let at = self.now + Duration::from_millis(millis);
        self.post(at, Coming::Act(act));
    }

    /// Runs until nothing is left to happen, for a time at most.
    pub(crate) fn run(&mut self, at_most: Duration) {
        let end = self.now + at_most;
        while let Some(next) = self.next()
            && next <= end
        {
            self.step(next);
        }
        if self.now < end && self.next().is_some() {
            self.step(end);
        }
    }

    /// Runs until a moment, and acts on it.
    pub(crate) fn run_for(&mut self, span: Duration) {
        let end = self.now + span;
        self.run(span);
        if self.now < end {
            self.step(end);
        }
    }

    fn next(&self) -> Option<Timestamp> {
        let coming = self.coming.first_key_value().map(|(&(at, _), _)| at);
        let timeout = self.engine.poll_timeout();
        [coming, timeout].into_iter().flatten().min()
    }

    fn step(&mut self, next: Timestamp) {
        assert!(next >= self.now);
        self.now = next;
        match self.coming.first_entry() {
            Some(first) if first.key().0 <= next => match first.remove() {
                Coming::Event(event) => {
                    self.land(&event);
                    self.engine.handle_event(event, next);
                }
                Coming::Act(act) => self.act(act),
            },
            Some(_) | None => self.engine.handle_timeout(next),
        }
        self.obey();
        let timeout = self.engine.poll_timeout();
        assert!(timeout.is_none_or(|at| at > self.now), "{timeout:?}");
    }

    /// A drop that ends is in flight no more.
    fn land(&mut self, event: &Event) {
        if let Event::Ended {
            campaign,
            contact,
            attempt,
            ..
        }
        | Event::NotDialled {
            campaign,
            contact,
            attempt,
        } = event
            && let Entry::Occupied(drop) = self.drops.entry((*campaign, *contact))
            && drop.get().attempt == *attempt
        {
            drop.remove();
        }
    }

    fn post(&mut self, at: Timestamp, coming: Coming) {
        self.posted += 1;
        self.coming.insert((at, self.posted), coming);
    }

    pub(crate) fn act(&mut self, act: Act) {
        let now = self.now;
        match act {
            Act::Pause(id, in_flight) => {
                self.engine.pause(id, in_flight, now);
                self.still.entry(id).or_insert("paused");
            }
            Act::Resume(id) => {
                self.engine.resume(id, now);
                if self.still.get(&id) == Some(&"paused") {
                    self.still.remove(&id);
                }
            }
            Act::Cancel(id, in_flight) => {
                self.engine.cancel(id, in_flight, now);
                self.still.insert(id, "cancelled");
            }
            Act::Drain(in_flight) => {
                self.engine.drain(in_flight, now);
                let all = self.campaigns.keys().map(|&id| (id, "draining"));
                self.still.extend(all);
            }
            Act::Pbx(id, reach) => {
                self.engine.handle_event(Event::Pbx(id, reach), now);
                self.away.retain(|&other| other != id);
                if reach == Availability::Away {
                    self.away.push(id);
                }
            }
            Act::Store(reach) => {
                self.engine.handle_event(Event::Store(reach), now);
                self.store_is = reach;
            }
            Act::FilesAway(id, seconds) => {
                let event = Event::FilesAway {
                    campaign: id,
                    why: "there is no message called `promo`".to_owned(),
                    until: now + SignedDuration::from_secs(seconds),
                };
                self.engine.handle_event(event, now);
            }
            Act::Crash => self.crash(),
        }
        self.obey();
    }

    fn crash(&mut self) {
        // What the old engine learnt counts for the gate of the next: the calls were made.
        let gate = self.engine.gate().clone();
        self.engine = Engine::new(gate, self.now);
        self.coming
            .retain(|_, coming| matches!(coming, Coming::Act(_)));
        for (&id, settings) in &self.pbxs {
            self.engine.set_pbx(id, settings, self.now);
        }
        self.drops.clear();
        self.making.clear();
        for &id in &self.away {
            self.engine
                .handle_event(Event::Pbx(id, Availability::Away), self.now);
        }
        self.engine
            .handle_event(Event::Store(self.store_is), self.now);
        for (&id, settings) in &self.campaigns {
            if self.finished.contains_key(&id) {
                continue;
            }
            self.engine.set_campaign(id, settings.clone(), self.now);
            match self.still.get(&id) {
                Some(&"paused") => self.engine.pause(id, InFlight::Finish, self.now),
                Some(&"cancelled") => self.engine.cancel(id, InFlight::Finish, self.now),
                Some(_) | None => {}
            }
        }
        for (campaign, contact, attempt) in self.store.recover(self.now) {
            let found = Event::Found {
                campaign,
                contact,
                attempt,
                pbx: PbxId(1),
                outcome: Outcome::Lost,
                calls: Calls::NONE,
            };
            self.engine.handle_event(found, self.now);
        }
        // The longest span of a rate here is 20 seconds.
        let recent = |started: &&Started| self.now.duration_since(started.at).as_secs() <= 20;
        for started in self.log.iter().filter(recent) {
            let event = Event::Started {
                campaign: started.campaign,
                pbx: started.pbx,
                at: started.at,
            };
            self.engine.handle_event(event, self.now);
        }
    }

    fn obey(&mut self) {
        while let Some(command) = self.engine.poll_command() {
            match command {
                Command::Fetch { campaign, at_most } => self.fetch(campaign, at_most),
                Command::Start(start) => self.start(start),
                Command::Settle {
                    campaign,
                    contact,
                    settlement,
                } => self.store.settle(campaign, contact, settlement, self.now),
                Command::Release { campaign, contacts } => {
                    self.store.release(campaign, &contacts, self.now);
                }
                Command::HangUp { campaign, contact } => self.hang_up(campaign, contact),
                Command::Paused { campaign, why } => {
                    self.stopped.insert(campaign, why);
                    self.still.insert(campaign, "paused");
                    if let Some(millis) = self.resume_after_ms {
                        self.later(millis, Act::Resume(campaign));
                    }
                }
                Command::Finished { campaign, end } => {
                    let before = self.finished.insert(campaign, end);
                    assert_eq!(before, None, "finished twice");
                    assert!(!self.drops.keys().any(|(of, _)| *of == campaign));
                }
                Command::Drained => {
                    assert!(self.drops.is_empty() && !self.drained);
                    self.drained = true;
                }
            }
        }
    }

    fn fetch(&mut self, campaign: CampaignId, at_most: usize) {
        assert!((1..=1_000).contains(&at_most));
        let delay = Duration::from_millis(self.dice.below(self.latency_ms + 1));
        let at = self.now + delay;
        if self.dice.permille(self.trouble) {
            self.post(at, Coming::Event(Event::FetchFailed { campaign }));
            return;
        }
        let (contacts, next) = self.store.fetch(campaign, at_most, self.now);
        // An answer may be lost after the leases were taken, and its failure may be reported or not.
        if self.dice.permille(self.trouble) {
            if self.dice.permille(500) {
                self.post(at, Coming::Event(Event::FetchFailed { campaign }));
            }
            return;
        }
        let unready: BTreeSet<ContactId> = match self.making_ms {
            Some(_) => contacts.iter().map(|contact| contact.id).collect(),
            None => BTreeSet::new(),
        };
        let due = Event::Due {
            campaign,
            contacts,
            unready: unready.clone(),
            next,
        };
        self.post(at, Coming::Event(due));
        for contact in unready {
            let takes = match self.slow {
                Some(slow) if slow == contact => SLOW_MS,
                Some(_) | None => self.dice.below(self.making_ms.unwrap_or(0) + 1),
            };
            let ready = Event::MessageReady { campaign, contact };
            let made_at = at + Duration::from_millis(takes);
            self.post(made_at, Coming::Event(ready));
            // Of one that is given back and leased again it is told twice.
            let first = self.making.entry((campaign, contact)).or_insert(made_at);
            *first = made_at.min(*first);
        }
    }

    fn start(&mut self, start: Start) {
        self.check(&start);
        let made_at = self.making.get(&(start.campaign, start.contact.id));
        assert!(made_at.is_none_or(|at| *at <= self.now), "{start:?}");
        self.store.start(&start);
        self.log.push(Started {
            at: self.now,
            campaign: start.campaign,
            pbx: start.pbx,
            contact: start.contact.id,
            number: start.contact.number.clone(),
            technique: start.technique,
            variant: start.variant.clone(),
        });
        let (outcome, lasts, calls) = self.network.drop(start.technique, &mut self.dice);
        let (campaign, contact, attempt) = (start.campaign, start.contact.id, start.attempt);
        let event = if self.dice.permille(self.trouble) {
            Event::NotDialled {
                campaign,
                contact,
                attempt,
            }
        } else {
            Event::Ended {
                campaign,
                contact,
                attempt,
                outcome,
                reason: None,
                calls,
            }
        };
        let ends = self.now + lasts;
        let may_come_twice = matches!(event, Event::Ended { .. });
        if may_come_twice && self.dice.permille(self.trouble) {
            let again = ends + Duration::from_millis(self.dice.below(100_000));
            self.post(again, Coming::Event(event.clone()));
        }
        self.post(ends, Coming::Event(event));
        self.drops.insert((campaign, contact), start);
    }

    /// Holds a start against every rule there is at this moment.
    fn check(&self, start: &Start) {
        let still = self.still.get(&start.campaign);
        assert_eq!(still, None, "a start while nothing may start");
        assert_eq!(self.store_is, Availability::Up, "a start without a store");
        assert!(!self.away.contains(&start.pbx), "a start without a PBX");
        let gate = self.engine.gate();
        let asked = gate.made.get(&(start.campaign, start.contact.id));
        assert_eq!(asked, Some(&self.now), "the gate was not asked");
        let decision = gate.rule_but_for_caps(&start.contact, self.now);
        assert_eq!(decision, Decision::Allowed, "{start:?}");
        let settings = &self.campaigns[&start.campaign];
        if let Some(window) = &settings.window {
            let opening = window.opening(self.now);
            assert!(matches!(opening, Opening::Open { .. }), "{opening:?}");
        }
        // The engine reports several starts at once: those of before are in `drops` already.
        let flying = |fits: &dyn Fn(&Start) -> bool| {
            u32::try_from(self.drops.values().filter(|drop| fits(drop)).count()).unwrap()
        };
        let of_campaign = flying(&|drop| drop.campaign == start.campaign);
        assert!(settings.in_flight.is_none_or(|most| of_campaign < most));
        let of_pbx = flying(&|drop| drop.pbx == start.pbx);
        assert!(of_pbx < self.pbxs[&start.pbx].in_flight);
        let same_line = flying(&|drop| drop.contact.number == start.contact.number);
        assert_eq!(same_line, 0, "the line is in use");
    }

    fn hang_up(&mut self, campaign: CampaignId, contact: ContactId) {
        let start = &self.drops[&(campaign, contact)];
        let event = Event::Ended {
            campaign,
            contact,
            attempt: start.attempt,
            outcome: Outcome::Cancelled,
            reason: None,
            calls: Calls::likely(start.technique, Outcome::Cancelled, Duration::ZERO),
        };
        let at = self.now + Duration::from_millis(200);
        self.post(at, Coming::Event(event));
    }

    /// How many starts a campaign had.
    pub(crate) fn starts(&self, id: i64) -> usize {
        let of = self.log.iter().filter(|s| s.campaign == CampaignId(id));
        of.count()
    }
}

/// When every world begins: a Tuesday, at four in the morning in New York.
pub(crate) const BEGIN: &str = "2026-11-24T09:00:00Z";

/// A PBX without limits to its trunk.
pub(crate) fn pbx(starts: u32, millis: u64, in_flight: u32) -> PbxSettings {
    PbxSettings {
        rate: Rate::new(starts, Duration::from_millis(millis)).unwrap(),
        in_flight,
        limits: aftertone::campaign::budget::BudgetLimits::none(),
    }
}

/// A campaign that nothing stops, with all else by default.
pub(crate) fn campaign() -> CampaignSettings {
    CampaignSettings {
        stop_on: None,
        ..CampaignSettings::new("promo")
    }
}

pub(crate) const HOUR: Duration = Duration::from_secs(3_600);

pub(crate) const DAY: Duration = Duration::from_secs(86_400);

/// How long the message of the slow contact takes, in milliseconds.
pub(crate) const SLOW_MS: u64 = 20_000;
