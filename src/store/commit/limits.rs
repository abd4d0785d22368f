//! The limits that hold over all controllers: starts and drops in flight of a trunk, and of a campaign.
//!
//! They are held where an intent is written, under a row of `paces` for the trunk and one for the campaign, which let
//! intents through one transaction after the other. Drops in flight are counted as they are: what a dead controller has
//! left counts until it is settled. Starts get a moment each, [`Rate::gap_if_late`] apart by the database's clock, if
//! others share the limit; who is alone keeps the rate by its own pace.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;

use super::Intent;
use crate::{
    campaign::pace::Rate,
    store::{
        ControllerLease, StoreError,
        codec::read_time,
        sql::{Sql, args, row, rows, sql},
        transaction::Tx,
    },
};

/// What an intent is written under, beside the limits of the trunk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StartTerms {
    /// How fast the campaign's drops start; `None`: as fast as the trunk takes them.
    pub rate: Option<Rate>,
    /// Most of the campaign's drops in flight; `None`: as many as the trunk takes.
    pub in_flight: Option<u32>,
    /// How long it takes from here until the drop can be dialled: a commit and its reply.
    pub lead: Duration,
    /// How long after its moment it may be dialled. Longer ones make moments rarer.
    pub late: Duration,
}

/// The moment of a start, by the database's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StartSlot {
    /// From then on it may be dialled, for as long as [`StartTerms::late`] says.
    pub at: Timestamp,
    /// What that clock showed in the transaction.
    pub read_at: Timestamp,
}

/// What carries no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full {
    /// The campaign, not the trunk.
    pub of_campaign: bool,
    /// How long the next moment of a start is away; `None`: too many drops are in flight.
    pub wait: Option<Duration>,
}

/// The limits that the intents of a batch are held to.
#[derive(Debug, Default)]
pub(super) struct Limits {
    /// The database's clock, in microseconds.
    clock: i64,
    trunk: Scope,
    campaigns: BTreeMap<i64, Scope>,
}

/// A trunk or a campaign.
#[derive(Debug, Default)]
struct Scope {
    /// The next moment of a start.
    next_at: i64,
    in_flight: u64,
    most: Option<u64>,
    rate: Option<Rate>,
    is_shared: bool,
    is_changed: bool,
}

impl Limits {
    /// Reads and locks what the intents need; what has no limit is not read.
    pub(super) async fn load(
        tx: &mut Tx,
        holder: &ControllerLease,
        intents: &[&Intent],
        now: i64,
    ) -> Result<Self, StoreError> {
        let mut campaigns: BTreeMap<i64, Scope> = BTreeMap::new();
        for intent in intents {
            let terms = intent.terms;
            if let Some((campaign, _)) = intent.of
                && (terms.rate.is_some() || terms.in_flight.is_some())
            {
                let scope = campaigns.entry(campaign.0).or_default();
                scope.rate = terms.rate;
                scope.most = terms.in_flight.map(u64::from);
            }
        }
        let mut this = Self {
            clock: now,
            trunk: Scope::default(),
            campaigns,
        };
        this.lock(tx, holder).await?;
        this.load_controllers(tx, holder).await?;
        this.load_in_flight(tx, holder).await?;
        this.bound();
        Ok(this)
    }

    /// Moments that were given out by a clock that was wrong do not hold anybody up.
    fn bound(&mut self) {
        let clock = self.clock;
        for scope in self.campaigns.values_mut().chain([&mut self.trunk]) {
            let gap = scope.rate.map_or(Duration::ZERO, |rate| {
                rate.gap_if_late(LONGEST_LATE).saturating_mul(2)
            });
            let furthest = clock
                .saturating_add(whole(FURTHEST))
                .saturating_add(whole(gap));
            scope.next_at = scope.next_at.min(furthest);
        }
    }

    /// Locks the paces, always in the order of their names.
    async fn lock(&mut self, tx: &mut Tx, holder: &ControllerLease) -> Result<(), StoreError> {
        let mut scopes: Vec<String> = self
            .campaigns
            .keys()
            .map(|id| campaign_scope(*id))
            .collect();
        scopes.push(trunk_scope(holder));
        let given = rows(scopes.iter().map(|scope| row! { scope: scope }));
        let mut paces: Vec<(String, i64)> = tx.all(PACES, args![&given]).await?;
        if paces.len() < scopes.len() {
            tx.execute(MAKE_PACES, args![&given]).await?;
            paces = tx.all(PACES, args![&given]).await?;
        }
        for (scope, next_at) in paces {
            if let Some(scope) = self.scope(&scope, holder) {
                scope.next_at = next_at;
            }
        }
        Ok(())
    }

    /// Who shares the limits, and the strictest that any of them knows for the trunk.
    async fn load_controllers(
        &mut self,
        tx: &mut Tx,
        holder: &ControllerLease,
    ) -> Result<(), StoreError> {
        let run = holder.run.as_str();
        let alive: Vec<LiveController> = tx.all(ALIVE, args![self.clock - GONE_AFTER]).await?;
        if let Some(&(.., Some(clock))) = alive.first() {
            self.clock = clock;
        }
        for (other, trunk, is_single, starts, per_us, most, _) in alive {
            let is_other = other != run;
            if is_other && is_single == 0 {
                for campaign in self.campaigns.values_mut() {
                    campaign.is_shared = true;
                }
            }
            if trunk.as_deref() != Some(&*holder.trunk) {
                continue;
            }
            self.trunk.is_shared |= is_other;
            if let Some(rate) = read_rate(starts, per_us) {
                let slower = self.trunk.rate.map_or(rate, |known| known.slower(rate));
                self.trunk.rate = Some(slower);
            }
            if let Some(most) = most.map(i64::unsigned_abs) {
                let fewer = self.trunk.most.map_or(most, |known| known.min(most));
                self.trunk.most = Some(fewer);
            }
        }
        Ok(())
    }

    async fn load_in_flight(
        &mut self,
        tx: &mut Tx,
        holder: &ControllerLease,
    ) -> Result<(), StoreError> {
        let count: Option<(i64,)> = tx.one(ON_TRUNK, args![&holder.trunk]).await?;
        self.trunk.in_flight = count.map_or(0, |(count,)| count.unsigned_abs());
        if self.campaigns.values().any(|scope| scope.most.is_some()) {
            let given = rows(self.campaigns.keys().map(|id| row! { id: id }));
            let counts: Vec<(i64, i64)> = tx.all(OF_CAMPAIGNS, args![&given]).await?;
            for (campaign, count) in counts {
                if let Some(scope) = self.campaigns.get_mut(&campaign) {
                    scope.in_flight = count.unsigned_abs();
                }
            }
        }
        Ok(())
    }

    /// Takes a start: its moment, if it has one of its own.
    ///
    /// # Errors
    /// What carries no more.
    pub(super) fn take(&mut self, intent: &Intent) -> Result<Option<StartSlot>, Full> {
        if intent.technique.is_adopted() {
            // It is up already, whatever the trunk carries.
            self.trunk.in_flight += 1;
            return Ok(None);
        }
        let StartTerms { lead, late, .. } = intent.terms;
        let campaign = intent.of.map(|(campaign, _)| campaign.0);
        let campaign = campaign.and_then(|id| self.campaigns.get_mut(&id));
        let mut scopes = vec![(false, &mut self.trunk)];
        scopes.extend(campaign.map(|scope| (true, scope)));
        for (of_campaign, scope) in &scopes {
            if scope.most.is_some_and(|most| scope.in_flight >= most) {
                return Err(Full {
                    of_campaign: *of_campaign,
                    wait: None,
                });
            }
        }
        let clock = self.clock;
        let is_shared = scopes.iter().any(|(_, scope)| scope.is_shared);
        let earliest = if is_shared {
            clock + whole(lead)
        } else {
            clock
        };
        let next = |scope: &Scope| {
            if scope.is_paced() {
                scope.next_at
            } else {
                i64::MIN
            }
        };
        let latest = scopes.iter().max_by_key(|(_, scope)| next(scope));
        let (of_campaign, at) = latest.map_or((false, earliest), |(of_campaign, scope)| {
            (*of_campaign, next(scope).max(earliest))
        });
        if at > earliest + whole(AHEAD) {
            let wait = u64::try_from(at - earliest).map(Duration::from_micros);
            return Err(Full {
                of_campaign,
                wait: wait.ok(),
            });
        }
        for (_, scope) in &mut scopes {
            scope.note(at, late, clock);
        }
        let (Some(at), Some(read_at)) = (read_time(at), read_time(clock)) else {
            return Err(Full {
                of_campaign: false,
                wait: None,
            });
        };
        Ok(is_shared.then_some(StartSlot { at, read_at }))
    }

    /// A drop that counted is over, or was not dialled.
    pub(super) fn leave(&mut self, campaign: Option<i64>) {
        self.trunk.in_flight = self.trunk.in_flight.saturating_sub(1);
        if let Some(scope) = campaign.and_then(|id| self.campaigns.get_mut(&id)) {
            scope.in_flight = scope.in_flight.saturating_sub(1);
        }
    }

    /// Writes the paces that have changed.
    pub(super) async fn flush(
        &self,
        tx: &mut Tx,
        holder: &ControllerLease,
    ) -> Result<(), StoreError> {
        let campaigns = self.campaigns.iter();
        let campaigns = campaigns.map(|(id, scope)| (campaign_scope(*id), scope));
        let all = campaigns.chain([(trunk_scope(holder), &self.trunk)]);
        let changed: Vec<_> = all
            .filter(|(_, scope)| scope.is_changed)
            .map(|(name, scope)| row! { scope: name, next_at: scope.next_at })
            .collect();
        if !changed.is_empty() {
            tx.execute(UPDATE_PACES, args![&rows(changed)]).await?;
        }
        Ok(())
    }

    fn scope(&mut self, name: &str, holder: &ControllerLease) -> Option<&mut Scope> {
        if name == trunk_scope(holder) {
            return Some(&mut self.trunk);
        }
        let id = name.strip_prefix(CAMPAIGN)?.parse().ok()?;
        self.campaigns.get_mut(&id)
    }
}

impl Scope {
    /// Whether starts have moments here.
    const fn is_paced(&self) -> bool {
        self.is_shared && self.rate.is_some()
    }

    /// A start takes the moment `at`.
    fn note(&mut self, at: i64, late: Duration, clock: i64) {
        self.in_flight += 1;
        self.is_changed = true;
        let Some(rate) = self.rate else {
            return;
        };
        self.next_at = if self.is_shared {
            at + whole(rate.gap_if_late(late))
        } else {
            // Who is alone paces by itself; this is for those who come next.
            let next = self.next_at.max(clock) + whole(rate.gap());
            next.min(clock + whole(AHEAD).max(whole(rate.gap())))
        };
    }
}

/// The columns of [`ALIVE`].
type LiveController = (
    String,
    Option<String>,
    i64,
    Option<i64>,
    Option<i64>,
    Option<i64>,
    Option<i64>,
);

/// A rate as it is stored.
pub(in crate::store) fn read_rate(starts: Option<i64>, per_us: Option<i64>) -> Option<Rate> {
    let starts = u32::try_from(starts?).ok()?;
    Rate::new(starts, Duration::from_micros(u64::try_from(per_us?).ok()?))
}

fn trunk_scope(holder: &ControllerLease) -> String {
    format!("trunk:{}", holder.trunk)
}

fn campaign_scope(id: i64) -> String {
    format!("{CAMPAIGN}{id}")
}

fn whole(time: Duration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX / 4)
}

const CAMPAIGN: &str = "campaign:";

/// How far ahead moments are given out: what was decided on has to hold at its moment.
const AHEAD: Duration = Duration::from_secs(1);

/// How far ahead a moment can be by a right clock, beside the distance to the one before it; and how late its start.
const FURTHEST: Duration = Duration::from_secs(10);
const LONGEST_LATE: Duration = Duration::from_secs(1);

/// For how long after the end of its lease a controller counts, unless another has ended it, in microseconds.
const GONE_AFTER: i64 = 60_000_000;

const PACES: Sql = sql!(
    "SELECT paces.scope, paces.next_at FROM ",
    { scope TEXT },
    " CROSS JOIN paces WHERE paces.scope = given.scope ORDER BY paces.scope",
    ["", " FOR UPDATE OF paces"]
);

const MAKE_PACES: Sql = sql!(
    "INSERT INTO paces (scope, next_at) SELECT given.scope, 0 FROM ",
    { scope TEXT },
    " WHERE true ORDER BY given.scope ON CONFLICT (scope) DO NOTHING"
);

const UPDATE_PACES: Sql = sql!(
    "UPDATE paces SET next_at = given.next_at FROM ",
    { scope TEXT, next_at BIGINT },
    " WHERE paces.scope = given.scope"
);

/// Controllers that are alive, with the database's clock if it has one.
const ALIVE: Sql = sql!(
    "SELECT controllers.run, ",
    TRUNK,
    ", CAST(COALESCE(controllers.is_single, 0) AS BIGINT), \
     controllers.starts, controllers.per_us, controllers.in_flight, ",
    SERVER_TIME,
    " FROM ",
    CONTROLLERS,
    " WHERE controllers.ended_at IS NULL AND controllers.lease_ends > $1"
);

const ON_TRUNK: Sql = sql!(
    "SELECT count(*) FROM drops WHERE outcome IS NULL AND pbx IN (SELECT name FROM pbxes WHERE trunk = $1)"
);

const OF_CAMPAIGNS: Sql = sql!(
    "SELECT drops.campaign, count(*) FROM ",
    { id BIGINT },
    " CROSS JOIN drops WHERE drops.outcome IS NULL AND drops.campaign = given.id GROUP BY drops.campaign"
);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        campaign::engine::{CampaignId, ContactId, PbxId},
        drop::Technique,
        id::DropId,
        phone::{PhoneNumber, Rules},
    };

    #[test]
    fn who_is_alone_has_no_moments_and_those_who_share_have_them_a_gap_apart() {
        let mut limits = limits(2, 10);
        assert_eq!(limits.take(&intent(None)), Ok(None));
        assert_eq!(limits.take(&intent(None)), Ok(None));
        assert_eq!(limits.trunk.next_at, NOW + 1_000_000);
        limits.trunk.is_shared = true;
        limits.trunk.next_at = 0;
        let waits: Vec<_> = (0..3).map(|_| wait(limits.take(&intent(None)))).collect();
        assert_eq!(waits, [Ok(20), Ok(520), Ok(1_020)]);
        assert_eq!(
            limits.take(&intent(None)),
            Err(Full {
                of_campaign: false,
                wait: Some(Duration::from_millis(1_500))
            })
        );
    }

    #[test]
    fn a_moment_that_a_wrong_clock_gave_out_holds_nobody_up() {
        for (starts, at_most) in [(2, 13), (100, 11)] {
            let mut limits = limits(starts, 10);
            limits.trunk.is_shared = true;
            limits.trunk.next_at = NOW + 36_000_000_000;
            limits.bound();
            assert!(limits.trunk.next_at <= NOW + at_most * 1_000_000);
            // One that is right is left as it is.
            limits.trunk.next_at = NOW + 4_000_000;
            limits.bound();
            assert_eq!(limits.trunk.next_at, NOW + 4_000_000);
        }
    }

    #[test]
    fn what_is_in_flight_is_counted_over_all_and_what_ends_makes_room() {
        let mut limits = limits(100, 3);
        limits.trunk.in_flight = 2;
        assert!(limits.take(&intent(None)).is_ok());
        let full = Err(Full {
            of_campaign: false,
            wait: None,
        });
        assert_eq!(limits.take(&intent(None)), full);
        limits.leave(None);
        assert!(limits.take(&intent(None)).is_ok());
        assert_eq!(limits.take(&intent(None)), full);
    }

    #[test]
    fn a_campaign_s_limits_hold_beside_the_trunk_s() {
        let mut limits = limits(100, 100);
        limits.trunk.is_shared = true;
        let scope = Scope {
            rate: Rate::new(1, Duration::from_secs(10)),
            most: Some(2),
            is_shared: true,
            ..Scope::default()
        };
        limits.campaigns.insert(7, scope);
        assert!(limits.take(&intent(Some(7))).is_ok());
        let full = limits.take(&intent(Some(7))).unwrap_err();
        assert!(full.of_campaign && full.wait.unwrap() > Duration::from_secs(9));
        assert!(
            limits.take(&intent(Some(8))).is_ok(),
            "another campaign goes on"
        );
        limits.campaigns.get_mut(&7).unwrap().in_flight = 2;
        let full = limits.take(&intent(Some(7))).unwrap_err();
        assert_eq!(
            full,
            Full {
                of_campaign: true,
                wait: None
            }
        );
    }

    const NOW: i64 = 1_700_000_000_000_000;

    fn limits(starts: u32, most: u64) -> Limits {
        Limits {
            clock: NOW,
            trunk: Scope {
                rate: Rate::new(starts, Duration::from_secs(1)),
                most: Some(most),
                ..Scope::default()
            },
            campaigns: BTreeMap::new(),
        }
    }

    /// How many ms after the transaction the moment is.
    fn wait(taken: Result<Option<StartSlot>, Full>) -> Result<i128, Full> {
        let slot = taken?.unwrap();
        Ok(slot.at.duration_since(slot.read_at).as_millis())
    }

    fn intent(campaign: Option<i64>) -> Intent {
        Intent {
            drop: DropId::from_u128(1),
            of: campaign.map(|id| (CampaignId(id), ContactId(1))),
            attempt: 1,
            number: PhoneNumber::parse("+12025550101", Rules::default()).unwrap(),
            pbx: PbxId(0),
            technique: Technique::Double,
            message: "promo".to_owned(),
            variant: None,
            caller_id: None,
            ruling: "null".to_owned(),
            version: None,
            despite_do_not_call: false,
            terms: StartTerms {
                lead: Duration::from_millis(20),
                late: Duration::from_millis(100),
                ..StartTerms::default()
            },
        }
    }
}
