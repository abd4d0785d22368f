//! The registry of PBXes: which there are, their trunks and controllers, and what is left of one that does not come back.

use std::{collections::BTreeMap, num::NonZeroU32, time::Duration};

use jiff::{SignedDuration, Timestamp};

use super::{
    ControllerLease, Orphan, Registration, Store, StoreError,
    codec::{micros, read_time},
    controllers::{END_LEASES, FORGET, read_orphan},
    sql::{Sql, args, row, rows, sql},
    tally::{known, time},
    transaction::Tx,
};
use crate::{
    campaign::{engine::CampaignId, pace::Rate},
    id::RunName,
};

/// All PBXes and controllers of this database.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fleet {
    /// By their names.
    pub pbxes: Vec<FleetPbx>,
    /// Those that are alive, and those that are gone and have left something; by PBX, the oldest first.
    pub controllers: Vec<FleetController>,
}

/// A PBX.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FleetPbx {
    /// The instance's name.
    pub name: String,
    /// What it was registered as; `None`: only a program of version 0.1.0 has used it.
    pub registered: Option<RegisteredPbx>,
    /// Drops in flight.
    pub in_flight: u64,
    /// Drops started within the last minute.
    pub starts: u64,
}

/// What a PBX is registered as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegisteredPbx {
    /// Which PBX it is.
    pub identity: String,
    /// The trunk behind it.
    pub trunk: String,
    /// When a controller of it last began.
    pub seen_at: Timestamp,
}

/// A controller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FleetController {
    /// Its run.
    pub run: RunName,
    /// Its PBX, by the instance's name.
    pub pbx: String,
    /// What it was started with; `None`: it is of version 0.1.0.
    pub stated: Option<Stated>,
    /// When it began.
    pub began_at: Timestamp,
    /// When its lease ends, or ended.
    pub lease_ends: Timestamp,
    /// Whether its lease has not ended.
    pub is_alive: bool,
    /// Its drops in flight.
    pub in_flight: u64,
    /// Contacts that are leased to it.
    pub leased: u64,
}

/// What a controller was started with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stated {
    /// The trunk.
    pub trunk: String,
    /// How fast the trunk takes starts.
    pub rate: Rate,
    /// Most drops in flight on the trunk.
    pub in_flight: u32,
    /// Whether it is for one drop outside any campaign.
    pub is_single: bool,
}

/// Controllers that are gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gone<'a> {
    /// Those whose lease had ended by then.
    By(Timestamp),
    /// Those of this PBX whose lease has ended.
    Of(&'a str),
}

/// A drop without an outcome whose controller is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GoneDrop {
    /// The drop.
    pub orphan: Orphan,
    /// The controller that would have settled it.
    pub holder: ControllerLease,
}

/// The drops of a campaign in flight.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InFlightOf {
    /// Those of controllers that are alive.
    pub alive: u64,
    /// Those whose controllers are gone, by PBX.
    pub gone: BTreeMap<String, u64>,
}

impl InFlightOf {
    /// All of them.
    pub fn total(&self) -> u64 {
        self.alive + self.gone.values().sum::<u64>()
    }
}

impl Fleet {
    /// The trunks, each with the controllers alive that state limits for it.
    pub fn trunks(&self) -> BTreeMap<&str, Vec<(&FleetController, &Stated)>> {
        let registered = self.pbxes.iter().filter_map(|pbx| pbx.registered.as_ref());
        let mut trunks: BTreeMap<&str, Vec<_>> = registered
            .map(|registered| (registered.trunk.as_str(), Vec::new()))
            .collect();
        for controller in self.controllers.iter().filter(|each| each.is_alive) {
            if let Some(stated) = &controller.stated {
                let those = trunks.entry(stated.trunk.as_str()).or_default();
                those.push((controller, stated));
            }
        }
        trunks
    }

    /// What to say of a trunk for which its controllers state different limits: the strictest hold. `None` if they agree.
    pub fn disagreement(&self, trunk: &str) -> Option<String> {
        let trunks = self.trunks();
        let stated = trunks.get(trunk)?;
        let limits = |stated: &Stated| (stated.rate, stated.in_flight);
        let (_, first) = stated.first()?;
        if stated.iter().all(|(_, each)| limits(each) == limits(first)) {
            return None;
        }
        let each = stated.iter().map(|(controller, stated)| {
            format!(
                "`{}` {}, {} in flight",
                controller.run, stated.rate, stated.in_flight
            )
        });
        let each: Vec<String> = each.collect();
        Some(format!(
            "the controllers of the trunk `{trunk}` state different limits, of which the strictest hold: {}",
            each.join("; ")
        ))
    }
}

impl Store {
    /// Which PBX is registered under an instance's name, and its mark.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn known_pbx(
        &self,
        pbx: &str,
    ) -> Result<Option<(String, Option<String>)>, StoreError> {
        let mut tx = self.read(format!("read which PBX `{pbx}` is")).await?;
        tx.one(KNOWN_PBX, args![pbx]).await
    }

    /// All PBXes and controllers.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn fleet(&self, now: Timestamp) -> Result<Fleet, StoreError> {
        let mut tx = self.read("read the registry of PBXes").await?;
        let mut pbxes: BTreeMap<String, FleetPbx> = BTreeMap::new();
        let named = |name: &str| FleetPbx {
            name: name.to_owned(),
            registered: None,
            in_flight: 0,
            starts: 0,
        };
        let stored: Vec<(String, String, String, i64)> = tx.all(PBXES, args![]).await?;
        for (name, identity, trunk, seen_at) in stored {
            let registered = RegisteredPbx {
                identity,
                trunk,
                seen_at: time(&tx, seen_at)?,
            };
            let pbx = pbxes.entry(name.clone()).or_insert_with(|| named(&name));
            pbx.registered = Some(registered);
        }
        let mut controllers = Vec::new();
        for stored in tx
            .all::<StoredController>(CONTROLLERS, args![micros(now)])
            .await?
        {
            let controller = read_controller(&tx, stored, now)?;
            let name = &controller.pbx;
            pbxes.entry(name.clone()).or_insert_with(|| named(name));
            controllers.push(controller);
        }
        let open: Vec<(String, i64)> = tx.all(OPEN_DROPS, args![]).await?;
        for (name, drops) in open {
            let pbx = pbxes.entry(name.clone()).or_insert_with(|| named(&name));
            pbx.in_flight = drops.unsigned_abs();
        }
        let names = rows(pbxes.keys().map(|name| row! { pbx: name }));
        let since = micros(now - SignedDuration::from_mins(1));
        let starts: Vec<(String, i64)> = tx.all(STARTS, args![&names, since]).await?;
        for (name, starts) in starts {
            if let Some(pbx) = pbxes.get_mut(&name) {
                pbx.starts = starts.unsigned_abs();
            }
        }
        Ok(Fleet {
            pbxes: pbxes.into_values().collect(),
            controllers,
        })
    }

    /// The trunk that an instance was last registered with; `None` if it never was.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn trunk_of(&self, instance: &str) -> Result<Option<String>, StoreError> {
        let mut tx = self.read("read the registry of PBXes").await?;
        let trunk: Option<(String,)> = tx.one(TRUNK_OF, args![instance]).await?;
        Ok(trunk.map(|(trunk,)| trunk))
    }

    /// Drops without an outcome whose controllers are gone, in the order in which they began.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn gone_drops(
        &self,
        gone: Gone<'_>,
        now: Timestamp,
    ) -> Result<Vec<GoneDrop>, StoreError> {
        let mut tx = self
            .read("look for drops whose controllers are gone")
            .await?;
        let (by, pbx) = gone.terms(now, tx.lease_time(now).await?);
        let stored: Vec<StoredGone> = tx.all(GONE_DROPS, args![by, pbx]).await?;
        let mut drops = Vec::with_capacity(stored.len());
        for (id, run, campaign, contact, attempt, pbx, slug, at, name, trace, holder, of, trunk) in
            stored
        {
            let stored = (
                id, run, campaign, contact, attempt, pbx, slug, at, name, trace,
            );
            let orphan = known(&tx, read_orphan(stored), "drop")?;
            let run = known(&tx, RunName::new(&holder).ok(), "run")?;
            let pbx = of.unwrap_or_else(|| orphan.pbx.clone());
            let trunk = trunk.unwrap_or_default();
            drops.push(GoneDrop {
                orphan,
                holder: ControllerLease { run, pbx, trunk },
            });
        }
        Ok(drops)
    }

    /// The drops of a campaign that are in flight.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn in_flight_of(
        &self,
        campaign: CampaignId,
        now: Timestamp,
    ) -> Result<InFlightOf, StoreError> {
        let doing = format!("count the drops of campaign {campaign} in flight");
        let mut tx = self.read(doing).await?;
        let args = args![campaign.0, micros(now)];
        let stored: Vec<(String, i64, i64)> = tx.all(IN_FLIGHT_OF, args).await?;
        let mut in_flight = InFlightOf::default();
        for (pbx, is_gone, drops) in stored {
            let drops = drops.unsigned_abs();
            if is_gone == 0 {
                in_flight.alive += drops;
            } else {
                *in_flight.gone.entry(pbx).or_default() += drops;
            }
        }
        Ok(in_flight)
    }

    /// Gives the contacts back, untouched, that are leased to controllers whose own lease has ended: they are due as
    /// before. Returns how many these were.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn give_back_leases(&self, now: Timestamp) -> Result<u64, StoreError> {
        const DOING: &str = "give back contacts of controllers that are gone";
        let mut tx = self.read(DOING).await?;
        let at = tx.lease_time(now).await?;
        let any: Option<(i64,)> = tx.one(ANY_LAPSED_LEASE, args![at]).await?;
        drop(tx);
        if any.is_none() {
            return Ok(0);
        }
        let mut tx = self.write(DOING).await?;
        let given_back = tx.execute(GIVE_BACK, args![at]).await?;
        tx.commit().await?;
        Ok(given_back)
    }

    /// Gives a PBX up of which every drop is settled: its controllers are ended, and it is listed no more until a controller
    /// of it begins. Returns how many contacts were given back.
    ///
    /// # Errors
    /// [`StoreError`], refused if there is no such PBX, or a controller of it is alive, or drops of it are not settled.
    pub async fn forget_pbx(&self, name: &str, now: Timestamp) -> Result<u64, StoreError> {
        let mut tx = self.write(format!("forget the PBX `{name}`")).await?;
        let is_there = tx.one::<(String,)>(LOCK_PBX, args![name]).await?.is_some()
            || tx.one::<(String,)>(ANY_OF, args![name]).await?.is_some()
            || tx.one::<(i64,)>(UNSETTLED, args![name]).await?.is_some();
        if !is_there {
            return Err(tx.refuse("there is no PBX of this name"));
        }
        let now = tx.lease_time(now).await?;
        if let Some(run) = tx.alive_on(name, now).await? {
            return Err(tx.refuse(format!("its controller `{run}` is alive")));
        }
        if tx.one::<(i64,)>(UNSETTLED, args![name]).await?.is_some() {
            return Err(tx.refuse("drops of it are not settled"));
        }
        let ended: Vec<(String,)> = tx.all(END_ALL, args![name, now]).await?;
        let ended = rows(ended.iter().map(|(run,)| row! { run: run }));
        let given_back = tx.execute(END_LEASES, args![&ended]).await?;
        tx.execute(FORGET, args![name]).await?;
        tx.execute(FORGET_PBX, args![name, now]).await?;
        tx.commit().await?;
        Ok(given_back)
    }
}

impl Tx {
    /// Registers the PBX of a controller that begins at this lease time. Its row is held until the transaction is over.
    pub(super) async fn register(
        &mut self,
        given: &Registration,
        at: i64,
    ) -> Result<(), StoreError> {
        let pbx = &given.pbx;
        let args = args![pbx, &given.identity, &given.trunk, at];
        let before: Option<(String,)> = self.one(HOLD_PBX, args).await?;
        let before = before.map_or_else(|| given.identity.clone(), |(identity,)| identity);
        if before != given.identity {
            let run = self.alive_on(pbx, at).await?;
            let drops: Option<(i64,)> = self.one(UNSETTLED, args![pbx]).await?;
            let used = match (run, drops) {
                (Some(run), _) => format!("whose controller `{run}` is alive"),
                (None, Some(_)) => "of which drops are not settled".to_owned(),
                (None, None) => String::new(),
            };
            if !used.is_empty() {
                let identity = &given.identity;
                return Err(self.refuse_other_pbx(format!(
                    "the instance `{pbx}` is the PBX {before}, {used}, and this one is the PBX {identity}"
                )));
            }
        }
        let marker = given.marker.as_deref();
        let args = args![pbx, &given.identity, &given.trunk, at, marker];
        self.execute(REGISTER, args).await?;
        Ok(())
    }

    /// Ends a controller if it is gone, so that it can write nothing any more; returns whether it is.
    pub(super) async fn end_gone(
        &mut self,
        holder: &ControllerLease,
        gone: Gone<'_>,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let run = holder.run.as_str();
        let lease_time = self.lease_time(now).await?;
        let (by, _) = gone.terms(now, lease_time);
        let args = args![run, by, lease_time];
        if self.execute(END_IF_GONE, args).await? == 0 {
            // One that is not there has been gone for long.
            return Ok(self.one::<(String,)>(IS_THERE, args![run]).await?.is_none());
        }
        let runs = rows([row! { run: run }]);
        self.execute(END_LEASES, args![&runs]).await?;
        Ok(true)
    }

    /// Forgets controllers of a PBX that have left nothing.
    pub(super) async fn forget_ended(&mut self, pbx: &str) -> Result<(), StoreError> {
        self.execute(FORGET, args![pbx]).await?;
        Ok(())
    }

    async fn alive_on(&mut self, pbx: &str, now: i64) -> Result<Option<String>, StoreError> {
        let alive: Option<(String,)> = self.one(ALIVE_ON, args![pbx, now]).await?;
        Ok(alive.map(|(run,)| run))
    }
}

impl<'a> Gone<'a> {
    /// Before when their leases must have ended, and of which PBX they are; none: of any.
    /// `now` is the caller's time, and `lease_time` the same moment by the clock that leases go by.
    fn terms(self, now: Timestamp, lease_time: i64) -> (i64, &'a str) {
        match self {
            Self::By(by) => (lease_time - (micros(now) - micros(by)), ""),
            Self::Of(pbx) => (lease_time, pbx),
        }
    }
}

/// The columns of [`CONTROLLERS`].
type StoredController = (
    String,
    String,
    Option<String>,
    Option<i64>,
    Option<i64>,
    Option<i64>,
    Option<i64>,
    i64,
    i64,
    Option<i64>,
    i64,
    i64,
);

/// The columns of [`GONE_DROPS`].
type StoredGone = (
    String,
    String,
    Option<i64>,
    Option<i64>,
    i64,
    String,
    String,
    i64,
    Option<String>,
    Option<String>,
    String,
    Option<String>,
    Option<String>,
);

fn read_controller(
    tx: &Tx,
    stored: StoredController,
    now: Timestamp,
) -> Result<FleetController, StoreError> {
    let (
        run,
        pbx,
        trunk,
        is_single,
        starts,
        per_us,
        most,
        began_at,
        lease_ends,
        ended_at,
        drops,
        leased,
    ) = stored;
    let stated = || {
        let starts = u32::try_from(starts?).ok().and_then(NonZeroU32::new)?;
        let per = Duration::from_micros(u64::try_from(per_us?).ok()?);
        Some(Stated {
            trunk: trunk?,
            rate: Rate::new(starts.get(), per)?,
            in_flight: u32::try_from(most?).ok()?,
            is_single: is_single? != 0,
        })
    };
    let lease_ends = time(tx, lease_ends)?;
    Ok(FleetController {
        stated: stated(),
        run: known(tx, RunName::new(&run).ok(), "run")?,
        pbx,
        began_at: known(tx, read_time(began_at), "time")?,
        is_alive: ended_at.is_none() && lease_ends > now,
        lease_ends,
        in_flight: drops.unsigned_abs(),
        leased: leased.unsigned_abs(),
    })
}

const TRUNK_OF: Sql = sql!("SELECT trunk FROM pbxes WHERE name = $1");

const PBXES: Sql = sql!(
    "SELECT name, identity, trunk, seen_at FROM pbxes WHERE forgotten_at IS NULL ORDER BY name"
);

const CONTROLLERS: Sql = sql!(
    "SELECT run, pbx, trunk, is_single, starts, per_us, in_flight, began_at, lease_ends, ended_at, drops, leased FROM \
     (SELECT controllers.*, \
     (SELECT count(*) FROM drops WHERE drops.holder = controllers.run AND drops.outcome IS NULL) AS drops, \
     (SELECT count(*) FROM contacts WHERE contacts.holder = controllers.run AND contacts.stage = 'leased') AS leased \
     FROM controllers) AS each \
     WHERE (ended_at IS NULL AND lease_ends > $1) OR drops > 0 OR leased > 0 ORDER BY pbx, began_at, run"
);

const OPEN_DROPS: Sql = sql!("SELECT pbx, count(*) FROM drops WHERE outcome IS NULL GROUP BY pbx");

const STARTS: Sql = sql!(
    "SELECT drops.pbx, count(*) FROM ",
    { pbx TEXT },
    " CROSS JOIN drops WHERE drops.pbx = given.pbx AND drops.started_at > $2 GROUP BY drops.pbx"
);

/// Its row is held from here on, and is as it was unless there was none.
const HOLD_PBX: Sql = sql!(
    "INSERT INTO pbxes (name, identity, trunk, seen_at) VALUES ($1, $2, $3, $4) \
     ON CONFLICT (name) DO UPDATE SET seen_at = excluded.seen_at RETURNING identity"
);

const REGISTER: Sql = sql!(
    "UPDATE pbxes SET identity = $2, trunk = $3, seen_at = $4, marker = $5, forgotten_at = NULL WHERE name = $1"
);

const KNOWN_PBX: Sql = sql!("SELECT identity, marker FROM pbxes WHERE name = $1");

const ALIVE_ON: Sql = sql!(
    "SELECT run FROM controllers WHERE pbx = $1 AND ended_at IS NULL AND lease_ends > $2 \
     ORDER BY run LIMIT 1"
);

const UNSETTLED: Sql = sql!("SELECT attempt FROM drops WHERE pbx = $1 AND outcome IS NULL LIMIT 1");

const LOCK_PBX: Sql = sql!(
    "SELECT name FROM pbxes WHERE name = $1 AND forgotten_at IS NULL",
    ["", " FOR UPDATE"]
);

const ANY_OF: Sql = sql!("SELECT run FROM controllers WHERE pbx = $1 LIMIT 1");

const END_ALL: Sql =
    sql!("UPDATE controllers SET ended_at = COALESCE(ended_at, $2) WHERE pbx = $1 RETURNING run");

const FORGET_PBX: Sql = sql!("UPDATE pbxes SET forgotten_at = $2 WHERE name = $1");

const END_IF_GONE: Sql = sql!(
    "UPDATE controllers SET ended_at = COALESCE(ended_at, $3) WHERE run = $1 AND lease_ends < $2"
);

const IS_THERE: Sql = sql!("SELECT run FROM controllers WHERE run = $1");

const GONE_DROPS: Sql = sql!(
    "SELECT drops.id, drops.run, drops.campaign, drops.contact, drops.attempt, drops.pbx, drops.technique, \
     drops.started_at, (SELECT name FROM campaigns WHERE campaigns.id = drops.campaign), \
     (SELECT traceparent FROM ordered_drops WHERE ordered_drops.drop_id = drops.id), \
     drops.holder, controllers.pbx, controllers.trunk \
     FROM drops LEFT JOIN controllers ON controllers.run = drops.holder \
     WHERE drops.outcome IS NULL AND COALESCE(controllers.lease_ends, drops.started_at) < $1 \
     AND ($2 = '' OR drops.pbx = $2) ORDER BY drops.started_at, drops.id"
);

const IN_FLIGHT_OF: Sql = sql!(
    "SELECT pbx, is_gone, count(*) FROM (SELECT drops.pbx AS pbx, \
     CAST(CASE WHEN controllers.ended_at IS NULL AND controllers.lease_ends > $2 THEN 0 ELSE 1 END AS BIGINT) AS is_gone \
     FROM drops LEFT JOIN controllers ON controllers.run = drops.holder \
     WHERE drops.campaign = $1 AND drops.outcome IS NULL) AS each GROUP BY pbx, is_gone"
);

const ANY_LAPSED_LEASE: Sql = sql!(
    "SELECT contacts.id FROM controllers CROSS JOIN contacts WHERE controllers.lease_ends < $1 \
     AND contacts.holder = controllers.run AND contacts.stage = 'leased' LIMIT 1"
);

/// What another holds at this moment is passed over.
const GIVE_BACK: Sql = sql!(
    "UPDATE contacts SET stage = 'due', due_at = was_due, holder = NULL WHERE id IN \
     (SELECT contacts.id FROM controllers CROSS JOIN contacts WHERE controllers.lease_ends < $1 \
     AND contacts.holder = controllers.run AND contacts.stage = 'leased' ORDER BY contacts.id",
    [")", " FOR UPDATE OF contacts SKIP LOCKED)"]
);
