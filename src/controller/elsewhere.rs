//! What other controllers do, for limits that hold over all of them: each few seconds the store is read for what has come
//! since the last time, and that goes to the engine. What this controller does itself the engine knows at once.
//!
//! Rows come late: a transaction may take its time, and clocks differ a little. So each read goes back [`OVERLAP`] behind
//! the last one, sums what it finds by the second, and what a second holds more than before is news.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use jiff::Timestamp;

use super::PBX;
use crate::{
    campaign::{
        budget::Calls,
        caller::CallerIds,
        engine::{CampaignId, CampaignSettings, Event},
    },
    drop::Outcome,
    phone::CallerId,
    store::{ControllerLease, EndsElsewhere, RecentCalls, ShownElsewhere, Store, StoreError},
};

/// What was read of other controllers so far.
pub(super) struct Elsewhere {
    holder: ControllerLease,
    /// Up to when the trunk's calls were read.
    calls_to: Timestamp,
    calls: BySecond<(), Calls>,
    campaigns: BTreeMap<CampaignId, CampaignElsewhere>,
    ends: BySecond<(CampaignId, Outcome), u64>,
    shown: BySecond<(CampaignId, String), u64>,
    is_reading: bool,
    last_read: Option<Instant>,
}

/// The same of one campaign.
struct CampaignElsewhere {
    /// Whether it stops by its outcomes, and chooses caller ids by their use.
    stops: bool,
    chooses: bool,
    /// Up to when it was read.
    ends_to: Timestamp,
    shown_to: Timestamp,
    /// Up to when its caller ids were counted otherwise.
    counted_to: Timestamp,
}

/// What is to be read.
#[derive(Clone, Debug)]
pub(super) struct Question {
    holder: ControllerLease,
    at: Timestamp,
    calls_since: Timestamp,
    ends_since: Vec<(CampaignId, Timestamp)>,
    shown_since: Vec<(CampaignId, Timestamp)>,
}

/// What was read.
#[derive(Debug)]
pub(super) struct Answer {
    question: Question,
    calls: Vec<RecentCalls>,
    ends: Vec<EndsElsewhere>,
    shown: Vec<ShownElsewhere>,
}

/// The sums of each second, by what they are sums of.
struct BySecond<K, V>(BTreeMap<(i64, K), V>);

impl Elsewhere {
    /// Of a controller; calls of its trunk count for its budget that ended after `since`.
    pub(super) fn new(holder: ControllerLease, since: Timestamp) -> Self {
        Self {
            holder,
            calls_to: since,
            calls: BySecond(BTreeMap::new()),
            campaigns: BTreeMap::new(),
            ends: BySecond(BTreeMap::new()),
            shown: BySecond(BTreeMap::new()),
            is_reading: false,
            last_read: None,
        }
    }

    /// A campaign is run from here on, or in another way; the uses of its caller ids were counted at `counted`.
    pub(super) fn take_up(
        &mut self,
        id: CampaignId,
        settings: &CampaignSettings,
        counted: Timestamp,
    ) {
        let window = settings.stop_on.map_or(Duration::ZERO, |stop| stop.window);
        let campaign = self.campaigns.entry(id).or_insert(CampaignElsewhere {
            stops: false,
            chooses: false,
            ends_to: before(counted, window) + OVERLAP,
            shown_to: counted,
            counted_to: counted,
        });
        campaign.stops = settings.stop_on.is_some();
        campaign.chooses = match settings.caller_ids {
            CallerIds::Fixed(_) => false,
            CallerIds::ByAreaCode(_) | CallerIds::LeastUsed(_) => true,
        };
        campaign.counted_to = counted;
    }

    /// Whether it is time to read, and no read is under way.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        let is_old = |last| now.duration_since(last) >= READ_EVERY;
        !self.is_reading && self.last_read.is_none_or(is_old)
    }

    /// Begins to read; `runs` says of which campaigns.
    pub(super) fn ask(
        &mut self,
        runs: impl Fn(CampaignId) -> bool,
        now: Timestamp,
        began: Instant,
    ) -> Question {
        self.is_reading = true;
        self.last_read = Some(began);
        let campaigns = || self.campaigns.iter().filter(|(id, _)| runs(**id));
        let ends = campaigns().filter(|(_, campaign)| campaign.stops);
        let shown = campaigns().filter(|(_, campaign)| campaign.chooses);
        Question {
            holder: self.holder.clone(),
            at: now,
            calls_since: before(self.calls_to, OVERLAP),
            ends_since: ends
                .map(|(&id, campaign)| (id, before(campaign.ends_to, OVERLAP)))
                .collect(),
            shown_since: shown
                .map(|(&id, campaign)| (id, before(campaign.shown_to, OVERLAP)))
                .collect(),
        }
    }

    /// The read has ended: what is new, for the engine, earlier times first.
    pub(super) fn take(&mut self, answer: Result<Answer, StoreError>) -> Vec<Event> {
        self.is_reading = false;
        let Ok(answer) = answer else {
            // The next read goes back as far as this one.
            return Vec::new();
        };
        let Answer {
            question,
            calls,
            ends,
            shown,
        } = answer;
        let mut events = Vec::new();
        for RecentCalls { calls, at } in calls {
            let new = self.calls.news(at, (), calls, |mut all, seen| {
                all -= seen;
                all
            });
            if new != Calls::NONE {
                events.push(Event::Called {
                    pbx: PBX,
                    calls: new,
                    at,
                });
            }
        }
        for row in ends {
            let key = (row.campaign, row.outcome);
            let drops = self.ends.news(row.at, key, row.drops, u64::saturating_sub);
            if drops > 0 {
                events.push(Event::EndedElsewhere {
                    campaign: row.campaign,
                    outcome: row.outcome,
                    drops,
                    at: row.at,
                });
            }
        }
        for row in shown {
            let key = (row.campaign, row.caller_id.as_str().to_owned());
            let calls = self.shown.news(row.at, key, row.calls, u64::saturating_sub);
            let campaign = self.campaigns.get(&row.campaign);
            let counts = campaign.is_some_and(|campaign| row.at > campaign.counted_to);
            if counts && calls > 0 {
                events.push(shown_event(row.campaign, row.caller_id, calls));
            }
        }
        self.note_read(&question);
        events
    }

    fn note_read(&mut self, question: &Question) {
        self.calls_to = question.at;
        for (id, _) in &question.ends_since {
            if let Some(campaign) = self.campaigns.get_mut(id) {
                campaign.ends_to = question.at;
            }
        }
        for (id, _) in &question.shown_since {
            if let Some(campaign) = self.campaigns.get_mut(id) {
                campaign.shown_to = question.at;
            }
        }
        // Those of a campaign that was not read this time are read from its own moment on.
        let ends = self.campaigns.values().map(|campaign| campaign.ends_to);
        let shown = self.campaigns.values().map(|campaign| campaign.shown_to);
        let oldest = |times: &mut dyn Iterator<Item = Timestamp>| {
            before(times.min().unwrap_or(question.at), OVERLAP)
        };
        self.calls.let_go_of(before(self.calls_to, OVERLAP));
        self.ends.let_go_of(oldest(&mut { ends }));
        self.shown.let_go_of(oldest(&mut { shown }));
    }
}

impl Question {
    /// Reads what is asked.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(super) async fn read(self, store: &Store) -> Result<Answer, StoreError> {
        let but = &self.holder;
        Ok(Answer {
            calls: store
                .recent_calls(&but.trunk, self.calls_since, Some(but))
                .await?,
            ends: store.ends_elsewhere(but, &self.ends_since).await?,
            shown: store.shown_elsewhere(but, &self.shown_since).await?,
            question: self,
        })
    }
}

impl<K: Ord, V: Copy + Default> BySecond<K, V> {
    /// A second holds this much in all by now: how much of it is new.
    fn news(&mut self, at: Timestamp, key: K, all: V, minus: impl Fn(V, V) -> V) -> V {
        let seen = self.0.entry((at.as_second(), key)).or_default();
        let new = minus(all, *seen);
        *seen = all;
        new
    }

    /// Lets go of what is not read again.
    fn let_go_of(&mut self, until: Timestamp) {
        // A second may be read in part.
        let until = until.as_second() - 1;
        self.0.retain(|(second, _), _| *second >= until);
    }
}

const fn shown_event(campaign: CampaignId, caller_id: CallerId, calls: u64) -> Event {
    Event::ShownElsewhere {
        campaign,
        caller_id,
        calls,
    }
}

fn before(at: Timestamp, span: Duration) -> Timestamp {
    at.checked_sub(span).unwrap_or(Timestamp::MIN)
}

/// From one read to the next: what others do is known here within five seconds.
const READ_EVERY: Duration = Duration::from_secs(3);

/// How far a read goes back behind the last one: a transaction may take a minute, and clocks differ by some seconds.
const OVERLAP: Duration = Duration::from_secs(70);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        campaign::{caller::Pool, engine::StopOn},
        id::RunName,
    };

    #[test]
    fn what_comes_late_is_news_once_and_what_is_read_again_is_none() {
        let mut elsewhere = of_one();
        let answers = [
            // Seconds, and calls in them by now.
            (100, vec![(40, 2), (41, 1)], vec![(40, 2), (41, 1)]),
            (103, vec![(40, 2), (41, 1), (102, 5)], vec![(102, 5)]),
            // One of second 41 and one of second 102 were committed late.
            (106, vec![(41, 2), (102, 6)], vec![(41, 1), (102, 1)]),
            (170, vec![(102, 6), (168, 1)], vec![(168, 1)]),
        ];
        for (at, found, expected) in answers {
            let question = ask(&mut elsewhere, at);
            let calls = found.into_iter().map(|(second, legs)| RecentCalls {
                calls: calls(legs),
                at: seconds(second),
            });
            let answer = Answer {
                calls: calls.collect(),
                ends: Vec::new(),
                shown: Vec::new(),
                question,
            };
            let new = elsewhere.take(Ok(answer)).into_iter().filter_map(|event| {
                let Event::Called { calls, at, .. } = event else {
                    return None;
                };
                Some((at.as_second(), calls.drop_legs))
            });
            assert_eq!(new.collect::<Vec<_>>(), expected, "at {at}");
        }
        // What cannot come any more is not kept.
        assert!(elsewhere.calls.0.len() <= 3);
    }

    #[test]
    fn a_campaign_is_read_over_its_window_first_and_its_caller_ids_from_when_they_were_counted() {
        let mut elsewhere = of_one();
        let question = ask(&mut elsewhere, 1_003);
        assert_eq!(question.ends_since, [(ONE, seconds(400))]);
        assert_eq!(question.shown_since, [(ONE, seconds(930))]);
        let answer = Answer {
            calls: Vec::new(),
            ends: vec![EndsElsewhere {
                campaign: ONE,
                outcome: Outcome::Failed,
                drops: 7,
                at: seconds(500),
            }],
            shown: [(990, 4), (1_002, 2)]
                .map(|(at, calls)| ShownElsewhere {
                    campaign: ONE,
                    caller_id: caller(),
                    calls,
                    at: seconds(at),
                })
                .into(),
            question,
        };
        let expected = [
            Event::EndedElsewhere {
                campaign: ONE,
                outcome: Outcome::Failed,
                drops: 7,
                at: seconds(500),
            },
            shown_event(ONE, caller(), 2),
        ];
        assert_eq!(elsewhere.take(Ok(answer)), expected);
        let question = ask(&mut elsewhere, 1_006);
        assert_eq!(question.ends_since, [(ONE, seconds(933))]);
        assert_eq!(question.calls_since, seconds(933));
    }

    const ONE: CampaignId = CampaignId(1);

    /// What a controller knows that began at second 1000, with a campaign that stops within ten minutes.
    fn of_one() -> Elsewhere {
        let holder = ControllerLease {
            run: RunName::new("run1").unwrap(),
            pbx: "pbx".to_owned(),
            trunk: "trunk".to_owned(),
        };
        let mut elsewhere = Elsewhere::new(holder, seconds(0));
        let mut settings = CampaignSettings::new("promo");
        settings.stop_on = Some(StopOn::default());
        settings.caller_ids = CallerIds::LeastUsed(Pool::new([caller()]).unwrap());
        elsewhere.take_up(ONE, &settings, seconds(1_000));
        elsewhere
    }

    fn ask(elsewhere: &mut Elsewhere, at: i64) -> Question {
        assert!(elsewhere.is_due(crate::clock::now() + 2 * READ_EVERY));
        let question = elsewhere.ask(|_| true, seconds(at), crate::clock::now());
        assert!(!elsewhere.is_due(crate::clock::now() + 2 * READ_EVERY));
        question
    }

    fn calls(drop_legs: u64) -> Calls {
        Calls {
            drop_legs,
            ..Calls::NONE
        }
    }

    fn caller() -> CallerId {
        CallerId::parse("+12025550100").unwrap()
    }

    fn seconds(at: i64) -> Timestamp {
        Timestamp::from_second(at).unwrap()
    }
}
