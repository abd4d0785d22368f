//! One drop outside any campaign, before the gate and in the store's books.
//!
//! ```text
//!   Counter::open ──> ask ──> (the PBX is reached, the message made ready) ──> enter ──> drop ──> Entry::end
//! ```
//!
//! It counts for the caps of every campaign, as theirs count for it. [`Counter::enter`] asks the gate once more at the
//! moment of the call and writes the intent, which the store takes only if nothing has happened to the number since: no
//! opt-out and no other drop slips in between. A drop that is killed leaves its intent behind: it counts, and the next
//! drop or controller of the instance has its calls ended on the PBX and ends it as `lost`.

use std::time::Duration;

use backon::{ExponentialBuilder, Retryable as _};
use jiff::Timestamp;
use thiserror::Error;
use tokio::{
    task::AbortHandle,
    time::{MissedTickBehavior, sleep, timeout},
};
use tracing::warn;

use super::{
    gate::{calls, json},
    worker,
};
use crate::{
    campaign::{
        budget::Calls,
        engine::PbxId,
        policy::{self, CampaignKind, Case, Consent, Override, Rule, Ruling},
    },
    clock,
    config::{Config, StoreUrl},
    drop::{DropRecord, Milestone, Moment, Outcome, Report, Technique},
    error_chain::chain,
    id::DropId,
    phone::{CallerId, PhoneNumber},
    runtime::Session,
    store::{
        CONTROLLER_LEASE, ControllerLease, DatabaseAddress, ErrorClass, Facts, Intent, Store,
        StoreError, Write, Written,
    },
};

/// A call that somebody wants to make.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// The drop's id.
    pub drop: DropId,
    /// Whom to call.
    pub number: PhoneNumber,
    /// What the call is for.
    pub kind: CampaignKind,
    /// The consent that is on record.
    pub consent: Option<Consent>,
    /// The rules that are set aside, and why.
    pub overrides: Vec<Override>,
    /// One call or two.
    pub technique: Technique,
    /// The message.
    pub message: String,
    /// The number shown.
    pub caller_id: CallerId,
}

/// The gate and the store, for drops outside any campaign.
#[derive(Debug)]
pub struct Counter {
    store: Store,
    gate: policy::Gate,
    instance: String,
}

/// What came of entering a drop.
#[derive(Debug)]
pub enum Entered {
    /// Its intent is written, with this ruling: it may be dialled.
    Allowed(Entry, Box<Ruling>),
    /// The gate stands against it.
    Stopped(Box<Ruling>),
}

/// A drop whose intent is written.
#[derive(Debug)]
pub struct Entry {
    drop: DropId,
    technique: Technique,
    store: Store,
    holder: ControllerLease,
    renewing: AbortHandle,
}

/// Why a drop could not be entered.
#[derive(Debug, Error)]
pub enum CounterError {
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Others called this number, or changed what is known of it, each time that the gate was asked.
    #[error("the number is being called by others at this moment")]
    Contended,
}

impl Counter {
    /// Opens the store that the configuration names.
    ///
    /// # Errors
    /// [`StoreError`]: then nothing may be dialled, since nobody knows how often and whether the number may be called.
    pub async fn open(config: &Config) -> Result<Self, StoreError> {
        config.make_state_dir();
        Ok(Self {
            store: Store::open(&place(&config.store.url)).await?,
            gate: policy::Gate::new(config.gate.clone()),
            instance: config.instance.clone(),
        })
    }

    /// What the gate says to a call at this moment.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn ask(&self, wanted: &Wanted) -> Result<Ruling, StoreError> {
        let (ruling, _) = self.decide(wanted, now()).await?;
        Ok(ruling)
    }

    /// Asks the gate at the moment of the call and writes the intent, held by this run. Before that it settles what drops
    /// that were killed have left.
    ///
    /// # Errors
    /// [`CounterError`]; nothing may be dialled then.
    pub async fn enter(&self, wanted: &Wanted, session: &Session) -> Result<Entered, CounterError> {
        let holder = self
            .store
            .begin_controller(session.run(), &self.instance, now())
            .await?;
        let settled = timeout(SETTLE_WITHIN, self.settle_strays(&holder, session)).await;
        let failed = settled.unwrap_or_else(|_| Err("the PBX does not end their calls".to_owned()));
        if let Err(words) = failed {
            warn!(
                words,
                "drops that were killed are left without an end; the next drop looks again"
            );
        }
        let entered = self.write(wanted, &holder).await;
        match entered {
            Ok(Entered::Allowed(..)) => {}
            Ok(Entered::Stopped(_)) | Err(_) => {
                let ended = self.store.end_controller(&holder, now()).await;
                if let Err(error) = ended {
                    warn!(%error, "the run is left open in the store; its lease ends by itself");
                }
            }
        }
        entered
    }

    /// Ends as `lost` the drops outside any campaign whose process is gone, once nothing of them is up on the PBX. Who
    /// dies in between leaves them to the next, as its own.
    async fn settle_strays(
        &self,
        holder: &ControllerLease,
        session: &Session,
    ) -> Result<(), String> {
        let reconciler = session.reconciler();
        let alive = reconciler.alive().map_err(|error| chain(&error))?;
        let strays = self
            .store
            .adopt_strays(holder, session.dead(), &alive, now());
        let strays = strays.await.map_err(|error| chain(&error))?;
        if strays.is_empty() {
            return Ok(());
        }
        let drops = strays.iter().map(|stray| (stray.run.clone(), stray.drop));
        let mut ended = reconciler.end_drops(&drops.collect()).await;
        // What was up when the session began, its own sweep has hung up before.
        ended.alive.extend(session.swept().iter().cloned());
        let mut writes = Vec::with_capacity(strays.len());
        for stray in strays {
            let id = (stray.run.clone(), stray.drop);
            let was_up = ended.alive.contains(&id);
            let words = ended.words("process", &id);
            warn!(drop = %stray.drop, run = %stray.run, was_up, "an earlier drop is lost: its process died");
            writes.push(Write::EndDrop {
                end: worker::lost(&stray.run, stray.drop, &words),
                calls: Calls::likely(stray.technique, Outcome::Lost, Duration::ZERO),
            });
        }
        let written = self.store.commit(holder, &writes, now()).await;
        written.map(|_| ()).map_err(|error| chain(&error))
    }

    async fn write(
        &self,
        wanted: &Wanted,
        holder: &ControllerLease,
    ) -> Result<Entered, CounterError> {
        for _ in 0..TRIES {
            let now = now();
            let (ruling, facts) = self.decide(wanted, now).await?;
            if !ruling.decision.is_allowed() {
                return Ok(Entered::Stopped(Box::new(ruling)));
            }
            let intent = self.intent(wanted, &ruling, &facts);
            let writes = [Write::Start(Box::new(intent))];
            let written = self.store.commit(holder, &writes, now).await?;
            match written.first() {
                Some(Written::Applied) => {
                    let entry = Entry {
                        drop: wanted.drop,
                        technique: wanted.technique,
                        store: self.store.clone(),
                        holder: holder.clone(),
                        renewing: renew(self.store.clone(), holder.clone()),
                    };
                    return Ok(Entered::Allowed(entry, Box::new(ruling)));
                }
                // Something has happened to the number since its facts were read; the gate knows of it the next time.
                Some(Written::OnDoNotCallList(_) | Written::Conflict) => {}
                Some(Written::Fenced) | None => return Err(CounterError::Contended),
            }
        }
        Err(CounterError::Contended)
    }

    async fn decide(&self, wanted: &Wanted, now: Timestamp) -> Result<(Ruling, Facts), StoreError> {
        let history = self.gate.settings().history();
        let facts = self.store.facts(&wanted.number, history, now).await?;
        let case = Case {
            number: Ok(&wanted.number),
            zone: None,
            state: None,
            consent: wanted.consent.as_ref(),
            campaign: wanted.kind,
            calls: calls(wanted.technique),
            do_not_call: facts.do_not_call.as_deref(),
            starts: &facts.starts,
            overrides: &wanted.overrides,
        };
        Ok((self.gate.decide(&case, now), facts))
    }

    fn intent(&self, wanted: &Wanted, ruling: &Ruling, facts: &Facts) -> Intent {
        let sets_aside = |rule| wanted.overrides.iter().any(|o| o.rule() == rule);
        let caps_bind = self.gate.is_on(Rule::FrequencyCap) && !sets_aside(Rule::FrequencyCap);
        Intent {
            drop: wanted.drop,
            of: None,
            attempt: 1,
            number: wanted.number.clone(),
            pbx: PbxId(0),
            technique: wanted.technique,
            message: wanted.message.clone(),
            variant: None,
            caller_id: Some(wanted.caller_id.clone()),
            ruling: json(ruling),
            version: caps_bind.then_some(facts.version),
            despite_do_not_call: sets_aside(Rule::DoNotCall),
        }
    }
}

impl Entry {
    /// Writes how the drop ended, and asks again where the store is away for a moment. `ended` is its object with the number
    /// masked, `evidence` the folder of its evidence.
    ///
    /// # Errors
    /// [`StoreError`]; the next drop or controller ends it as `lost` then.
    pub async fn end(
        self,
        report: &Report,
        ended: &DropRecord<'_>,
        evidence: Option<String>,
    ) -> Result<(), StoreError> {
        let end = Box::new(worker::end(self.drop, report, ended, evidence));
        let calls = match Calls::of(report) {
            // How its legs ended was not told, but they were dialled.
            Calls::NONE if !report.timeline.is_empty() => {
                Calls::likely(self.technique, report.outcome, Duration::ZERO)
            }
            calls => calls,
        };
        self.write(&[Write::EndDrop { end, calls }]).await
    }

    /// Takes the drop's intent back: nothing was dialled, and it does not count.
    ///
    /// # Errors
    /// [`StoreError`]; the next drop or controller ends it as `lost` then.
    pub async fn take_back(self) -> Result<(), StoreError> {
        let drop = self.drop;
        self.write(&[Write::TakeBack { drop }]).await
    }

    /// Writes the last that is to be written of the drop, and ends its run in the store.
    async fn write(self, writes: &[Write]) -> Result<(), StoreError> {
        let commit = || self.store.commit(&self.holder, writes, now());
        let commit = commit.retry(pauses()).sleep(sleep);
        let commit = commit.when(|error| error.class == ErrorClass::Away);
        let commit = commit.notify(|error, _| {
            warn!(%error, "the store is away; how the drop ended is written when it is back");
        });
        let written = commit.await?;
        if written != [Written::Applied] {
            warn!("somebody else has taken the drop over, and has written its end");
        }
        self.renewing.abort();
        self.store.end_controller(&self.holder, now()).await?;
        self.store.close().await;
        Ok(())
    }
}

/// The report of a drop whose end nobody was told, by what was heard of it: `cancelled` where the operator did not wait
/// for it and the message had not begun, else `lost`, for how much was heard is not known.
pub fn untold(heard: Vec<Moment>, by_operator: bool) -> Report {
    let has_played = heard
        .iter()
        .any(|each| each.event == Milestone::PlayStarted);
    let (outcome, words) = match (by_operator, has_played) {
        (true, false) => (
            Outcome::Cancelled,
            "the operator quit before its calls had ended",
        ),
        (true, true) => (
            Outcome::Lost,
            "the operator quit while its message played, or after",
        ),
        (false, _) => (Outcome::Lost, "the run ended before the drop"),
    };
    Report {
        timeline: heard,
        ..worker::unseen(outcome, words)
    }
}

/// Where the configured database is.
pub fn place(url: &StoreUrl) -> DatabaseAddress {
    match url {
        StoreUrl::Sqlite(file) => DatabaseAddress::Sqlite(file.clone()),
        StoreUrl::Postgres(url) => DatabaseAddress::Postgres(url.clone()),
    }
}

/// Keeps the lease of a run from ending while its drop goes on.
fn renew(store: Store, holder: ControllerLease) -> AbortHandle {
    let renewing = tokio::spawn(async move {
        let mut ticks = tokio::time::interval(CONTROLLER_LEASE / 3);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // The first tick comes at once, when the lease is fresh.
        ticks.tick().await;
        loop {
            ticks.tick().await;
            match store.renew(&holder, now()).await {
                Ok(true) => {}
                Ok(false) => {
                    warn!("the lease of this run has ended; another controller ends its drop");
                    return;
                }
                Err(error) => warn!(%error, "the lease of this run could not be renewed"),
            }
        }
    });
    renewing.abort_handle()
}

fn now() -> Timestamp {
    Timestamp::try_from(clock::wall()).unwrap_or(Timestamp::MAX)
}

/// How long calls of drops that were killed may take to end: longer, and the drop that is wanted goes before.
const SETTLE_WITHIN: Duration = Duration::from_secs(5);

/// When the end of a drop is written again, over some 30 s.
fn pauses() -> ExponentialBuilder {
    ExponentialBuilder::new()
        .with_min_delay(Duration::from_millis(200))
        .with_max_delay(Duration::from_secs(5))
        .with_total_delay(Some(Duration::from_secs(30)))
        .without_max_times()
}

/// How often the gate is asked again where something happens to the number at the same moment.
const TRIES: usize = 5;
