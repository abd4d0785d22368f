//! Seeded random days of several controllers against a small model: who has which contact, and what was written.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use aftertone::{
    campaign::{
        HeldReason, RefusedReason,
        budget::Calls,
        engine::{CampaignId, ContactId, InFlight, Next, Settlement},
    },
    drop::Outcome,
    store::{ControllerLease, OperatorCommand, Write, Written},
};
use libtest_mimic::Trial;

use crate::{
    base::{Base, Kind, Server},
    fixture::{Fixture, campaign, controller_at, end, intent, lease, number, settle},
};

pub(crate) fn trials(server: &Arc<Server>) -> Vec<Trial> {
    crate::trials!(
        server,
        Kind::BOTH,
        what_is_kept_is_what_the_model_says,
        what_is_kept_is_what_the_model_says_of_another_day,
    )
}

async fn what_is_kept_is_what_the_model_says(base: &Base) {
    storm(base, 1).await;
}

async fn what_is_kept_is_what_the_model_says_of_another_day(base: &Base) {
    storm(base, 2).await;
}

/// Two campaigns of the same numbers, three controllers, and everything that they may do or should not.
async fn storm(base: &Base, seed: u64) {
    let fixture = Fixture::of(base, NUMBERS).await;
    let two = campaign(&fixture.store, "two", fixture.start).await;
    fixture.add(base, two, 0..NUMBERS).await;
    base.run("INSERT INTO lists (name, created_at) VALUES ('own', 0)")
        .await;
    let mut world = World {
        base,
        campaigns: [fixture.campaign, two],
        dice: Dice(seed),
        model: Model::default(),
        controllers: Vec::new(),
        begun: 0,
        seconds: 0,
        drops: 0,
        fixture,
    };
    for which in 0..2 * NUMBERS {
        world
            .model
            .contacts
            .insert(which as i64 + 1, Row::default());
    }
    for _ in 0..3 {
        world.begin().await;
    }
    for step in 0..STEPS {
        let what = world.step().await;
        let kept = world.kept().await;
        let expected = world.model.lines();
        assert_eq!(kept, expected, "seed {seed}, step {step}: {what}");
        let wrong = world.fixture.store.recount().await.unwrap();
        assert_eq!(wrong, 0, "counts, seed {seed}, step {step}: {what}");
    }
    // Something has happened.
    assert!(
        world
            .model
            .contacts
            .values()
            .any(|row| row.stage == "ended")
    );
}

struct World<'a> {
    base: &'a Base,
    fixture: Fixture,
    campaigns: [CampaignId; 2],
    dice: Dice,
    model: Model,
    controllers: Vec<ControllerLease>,
    begun: u32,
    seconds: i64,
    drops: u128,
}

#[derive(Default)]
struct Model {
    contacts: BTreeMap<i64, Row>,
    drops: BTreeMap<u128, Drop>,
    versions: BTreeMap<usize, i64>,
    barred: BTreeSet<usize>,
    paused: BTreeSet<CampaignId>,
}

#[derive(Clone, Default)]
struct Row {
    stage: &'static str,
    attempts: u32,
    holder: String,
    /// When its lease ends, in seconds.
    until: i64,
    /// When it is due, in seconds; the first contacts were before the start.
    due: i64,
}

struct Drop {
    contact: i64,
    attempt: u32,
    holder: String,
    outcome: Option<Outcome>,
}

impl World<'_> {
    async fn step(&mut self) -> String {
        self.seconds += self.dice.below(4);
        match self.dice.below(20) {
            0 => self.begin_anew().await,
            1 => self.bar().await,
            2 => self.pause_or_resume().await,
            3 => {
                self.seconds += 60;
                "time passes".to_owned()
            }
            4..=9 => self.lease().await,
            _ => self.commit().await,
        }
    }

    async fn begin(&mut self) {
        self.begun += 1;
        let run = format!("run{}", self.begun);
        self.controllers
            .push(controller_at(&self.fixture.store, &run, self.fixture.at(self.seconds)).await);
    }

    /// A controller dies, and another takes over what it had.
    async fn begin_anew(&mut self) -> String {
        let which = self.dice.below(self.controllers.len() as i64) as usize;
        let dead = self.controllers.remove(which).run;
        for holder in &self.controllers {
            // Those that live have renewed their leases.
            let now = self.fixture.at(self.seconds);
            assert!(self.fixture.store.renew(holder, now).await.unwrap());
        }
        self.begin().await;
        let heir = self.controllers.last().unwrap();
        let now = self.fixture.at(self.seconds);
        let orphans = self
            .fixture
            .store
            .adopt(heir, std::slice::from_ref(&dead), now)
            .await
            .unwrap();
        let mut expected = BTreeSet::new();
        for (id, drop) in &mut self.model.drops {
            if drop.holder == dead.as_str() && drop.outcome.is_none() {
                drop.holder = heir.run.to_string();
                expected.insert(aftertone::id::DropId::from_u128(*id));
            }
        }
        let orphans: BTreeSet<_> = orphans.iter().map(|orphan| orphan.drop).collect();
        assert_eq!(orphans, expected);
        for row in self.model.contacts.values_mut() {
            if row.holder == dead.as_str() {
                match row.stage {
                    "dialling" => row.holder = heir.run.to_string(),
                    _ => row.give_back(),
                }
            }
        }
        format!("{dead} dies")
    }

    async fn bar(&mut self) -> String {
        let which = self.dice.below(NUMBERS as i64) as usize;
        let digits = crate::fixture::digits(which);
        if self.model.barred.remove(&which) {
            let sql = format!("DELETE FROM do_not_call WHERE number = {digits}");
            self.base.run(sql).await;
        } else {
            self.model.barred.insert(which);
            let sql = format!("INSERT INTO do_not_call (number, list, at) VALUES ({digits}, 1, 0)");
            self.base.run(sql).await;
        }
        format!("number {which} is barred or not")
    }

    async fn pause_or_resume(&mut self) -> String {
        let campaign = self.campaigns[self.dice.below(2) as usize];
        let wish = if self.model.paused.remove(&campaign) {
            OperatorCommand::Resume
        } else {
            self.model.paused.insert(campaign);
            OperatorCommand::Pause(InFlight::Finish)
        };
        let now = self.fixture.at(self.seconds);
        self.fixture.store.order(campaign, wish, now).await.unwrap();
        format!("campaign {campaign}: {wish:?}")
    }

    async fn lease(&mut self) -> String {
        let holder = self.any_controller();
        let campaign = self.campaigns[self.dice.below(2) as usize];
        let at_most = self.dice.below(4) as usize;
        let now = self.seconds;
        let got = lease(
            &self.fixture.store,
            &holder,
            campaign,
            at_most,
            self.fixture.at(now),
        )
        .await;
        let mut due: Vec<_> = self
            .model
            .contacts
            .iter()
            .filter(|(id, row)| {
                self.campaign_of(**id) == campaign && row.due_at().is_some_and(|at| at <= now)
            })
            .map(|(id, row)| (row.due_at(), *id))
            .collect();
        due.sort_unstable();
        due.truncate(at_most);
        if self.model.paused.contains(&campaign) {
            due.clear();
        }
        let due: Vec<_> = due.into_iter().map(|(_, id)| id).collect();
        let ids: Vec<_> = got.0.iter().map(|contact| contact.id.0).collect();
        assert_eq!(ids, due);
        for id in &due {
            let row = self.model.contacts.get_mut(id).unwrap();
            row.stage = "leased";
            row.holder = holder.run.to_string();
            row.until = now + 90;
        }
        let next = self
            .model
            .contacts
            .iter()
            .filter(|(id, _)| self.campaign_of(**id) == campaign && !due.contains(id))
            .filter_map(|(_, row)| row.due_at())
            .min();
        match (got.1, next) {
            (Next::Never, None) => {}
            (Next::At(at), Some(next)) if next > 0 => assert_eq!(at, self.fixture.at(next)),
            (Next::At(at), Some(_)) => assert!(at < self.fixture.start),
            (told, next) => panic!("{told:?} in place of {next:?}"),
        }
        format!("{} leases {due:?}", holder.run)
    }

    async fn commit(&mut self) -> String {
        let holder = self.any_controller();
        let count = 1 + self.dice.below(4);
        let mut writes = Vec::new();
        let mut expected = Vec::new();
        for _ in 0..count {
            let (write, written) = self.any_write(holder.run.as_str());
            writes.push(write);
            expected.push(written);
        }
        let now = self.fixture.at(self.seconds);
        let store = &self.fixture.store;
        let written = store.commit(&holder, &writes, now).await.unwrap();
        let what = format!("{} writes {writes:#?}", holder.run);
        assert_eq!(written, expected, "{what}");
        if self.dice.below(3) == 0 {
            let before = self.base.dump().await;
            store.commit(&holder, &writes, now).await.unwrap();
            assert_eq!(self.base.dump().await, before, "twice: {what}");
        }
        what
    }

    /// Something to be written of any contact, and what has to come of it.
    fn any_write(&mut self, run: &str) -> (Write, Written) {
        // Mostly one that it has, now and then any.
        let contacts = self.model.contacts.iter();
        let own: Vec<_> = contacts
            .filter(|(_, row)| row.holder == run)
            .map(|(id, _)| *id)
            .collect();
        let id = if own.is_empty() || self.dice.below(4) == 0 {
            1 + self.dice.below(2 * NUMBERS as i64)
        } else {
            own[self.dice.below(own.len() as i64) as usize]
        };
        let campaign = self.campaign_of(id);
        let which = (id as usize - 1) % NUMBERS;
        let now = self.seconds;
        let mut row = self.model.contacts[&id].clone();
        let is_leased = row.stage == "leased" && row.holder == run;
        let is_dialling = row.stage == "dialling" && row.holder == run;
        let contact = ContactId(id);
        let result = match self.dice.below(6) {
            0 | 1 => {
                self.drops += 1;
                let attempt = row.attempts + 1;
                let mut intent = intent(Some((campaign, contact)), number(which), self.drops);
                intent.attempt = attempt;
                let version = self.model.versions.entry(which).or_default();
                // Now and then its facts are old.
                let seen = *version - i64::from(self.dice.below(5) == 0);
                intent.version = Some(seen);
                let written = if !is_leased || self.model.paused.contains(&campaign) {
                    Written::Fenced
                } else if self.model.barred.contains(&which) {
                    Written::OnDoNotCallList("own".to_owned())
                } else if seen != *version {
                    Written::Conflict
                } else {
                    *version += 1;
                    row.stage = "dialling";
                    row.attempts = attempt;
                    let drop = Drop {
                        contact: id,
                        attempt,
                        holder: run.to_owned(),
                        outcome: None,
                    };
                    self.model.drops.insert(self.drops, drop);
                    Written::Applied
                };
                (Write::Start(Box::new(intent)), written)
            }
            2 => {
                let until = now + 1 + self.dice.below(100);
                let reason = HeldReason::CallingHours;
                let at = self.fixture.at(until);
                let held = Settlement::Held { reason, until: at };
                let stands = row.stage == "due" && row.due == until;
                if is_leased {
                    row.open(until);
                }
                let written = done_where(is_leased || stands);
                (settle(campaign, contact, held), written)
            }
            3 if self.dice.below(6) == 0 => {
                let refused = Settlement::Refused(RefusedReason::NoConsent);
                let stands = row.stage == "refused";
                if is_leased {
                    row.close("refused");
                }
                let written = done_where(is_leased || stands);
                (settle(campaign, contact, refused), written)
            }
            3 => {
                let release = Write::Release {
                    campaign,
                    contacts: vec![contact],
                };
                if is_leased {
                    row.give_back();
                }
                (release, Written::Applied)
            }
            4 => {
                let attempt = row.attempts.max(1);
                let found = self.model.drop_of(id, attempt);
                let written = match found {
                    Some(drop) if is_dialling && self.model.drops[&drop].outcome.is_none() => {
                        self.model.drops.remove(&drop);
                        row.attempts -= 1;
                        row.give_back();
                        Written::Applied
                    }
                    Some(_) => Written::Fenced,
                    None => {
                        if is_leased {
                            row.give_back();
                        }
                        done_where(row.holder.is_empty())
                    }
                };
                let back = Settlement::NotDialled { attempt };
                (settle(campaign, contact, back), written)
            }
            _ => {
                let attempt = row.attempts.max(1);
                let (outcome, again) = match self.dice.below(3) {
                    0 => (Outcome::Busy, Some(now + 5)),
                    1 => (Outcome::Delivered, None),
                    _ => (Outcome::Lost, None),
                };
                let found = self.model.drop_of(id, attempt);
                let mut told = None;
                let written = match found {
                    None => Written::Fenced,
                    Some(key) => {
                        // Those that were found have no report.
                        told = (outcome != Outcome::Lost).then(|| Box::new(end(key, outcome)));
                        let drop = self.model.drops.get_mut(&key).unwrap();
                        if drop.holder != run {
                            Written::Fenced
                        } else if let Some(before) = drop.outcome {
                            done_where(before == outcome)
                        } else {
                            drop.outcome = Some(outcome);
                            match again {
                                Some(again) => row.open(again),
                                None => row.close("ended"),
                            }
                            Written::Applied
                        }
                    }
                };
                let settlement = Settlement::Ended {
                    attempt,
                    outcome,
                    calls: Calls::NONE,
                    again: again.map(|again| self.fixture.at(again)),
                };
                let write = Write::Settle {
                    campaign,
                    contact,
                    settlement,
                    ruling: None,
                    zone: None,
                    place: None,
                    end: told,
                };
                (write, written)
            }
        };
        self.model.contacts.insert(id, row);
        result
    }

    fn any_controller(&mut self) -> ControllerLease {
        let which = self.dice.below(self.controllers.len() as i64) as usize;
        self.controllers[which].clone()
    }

    fn campaign_of(&self, contact: i64) -> CampaignId {
        self.campaigns[(contact as usize - 1) / NUMBERS]
    }

    async fn kept(&self) -> Vec<String> {
        self.base
            .texts(
                "SELECT id || ' ' || stage || ' ' || attempts || ' ' || coalesce(holder, '') FROM contacts ORDER BY id",
            )
            .await
    }
}

impl Model {
    fn lines(&self) -> Vec<String> {
        let line = |(id, row): (&i64, &Row)| {
            let stage = if row.stage.is_empty() {
                "due"
            } else {
                row.stage
            };
            format!("{id} {stage} {} {}", row.attempts, row.holder)
        };
        self.contacts.iter().map(line).collect()
    }

    fn drop_of(&self, contact: i64, attempt: u32) -> Option<u128> {
        let is_it = |drop: &Drop| drop.contact == contact && drop.attempt == attempt;
        let found = self.drops.iter().find(|(_, drop)| is_it(drop));
        found.map(|(id, _)| *id)
    }
}

impl Row {
    fn due_at(&self) -> Option<i64> {
        match self.stage {
            "" | "due" => Some(self.due),
            "leased" => Some(self.until),
            _ => None,
        }
    }

    fn open(&mut self, at: i64) {
        self.stage = "due";
        self.holder.clear();
        self.due = at;
    }

    fn give_back(&mut self) {
        self.open(self.due);
    }

    fn close(&mut self, stage: &'static str) {
        self.stage = stage;
        self.holder.clear();
    }
}

fn done_where(stands: bool) -> Written {
    if stands {
        Written::Applied
    } else {
        Written::Fenced
    }
}

struct Dice(u64);

impl Dice {
    /// SplitMix64.
    fn below(&mut self, limit: i64) -> i64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % limit as u64) as i64
    }
}

const NUMBERS: usize = 8;
const STEPS: usize = 400;
