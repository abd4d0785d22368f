//! The gate and the store's intent in front of a single drop: the last two things before its first call.
//!
//! ```text
//!   SingleDropAdmission::open ──> ask ──> (the PBX is reached, the message made ready) ──> admit ──> drop ──> Admitted::end
//! ```
//!
//! It counts for the caps of every campaign, as theirs count for it. [`SingleDropAdmission::admit`] asks the gate once more
//! at the moment of the call and writes the intent, which the store takes only if nothing has happened to the number since:
//! no opt-out and no other drop slips in between. A drop that is killed leaves its intent behind: it counts, and the next
//! drop or controller of the instance has its calls ended on the PBX and ends it as `lost`.
//!
//! A campaign's drops pass the same gate by [`super::gate::CampaignGate`], and their intents go through the store writer.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use backon::{ExponentialBuilder, Retryable as _};
use jiff::Timestamp;
use thiserror::Error;
use tokio::{
    task::AbortHandle,
    time::{MissedTickBehavior, sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::{
    carry_out::{end, lost, trace_lost},
    drop_order::SingleDrop,
    gate::calls,
    launch_pacer::LaunchWindow,
    lease::compare,
    prompts::BookKeeper,
    registration::registration,
    store_writer::StartTiming,
};
use crate::{
    campaign::{
        Decision,
        budget::Calls,
        engine::PbxId,
        policy::{self, Case, Rule, Ruling},
    },
    clock::{self, Doubt, Steady},
    config::{self, Config, StoreUrl},
    drop::{DropRecord, Outcome, Plan, Report, Technique},
    error_chain::chain,
    id::DropId,
    metrics,
    runtime::{Session, prompts::Prompts},
    store::{
        AuditEntry, CONTROLLER_LEASE, ControllerLease, DatabaseAddress, ErrorClass, Facts, Intent,
        Opened, OrderKeeping, OrderWritten, PostgresAddress, StartTerms, Store, StoreError, Write,
        Written,
    },
};

/// The gate and the store, for drops outside any campaign.
#[derive(Debug)]
pub(super) struct SingleDropAdmission {
    store: Store,
    clock: Arc<Steady>,
    gate: policy::Gate,
    config: Config,
}

/// What came of asking for admission.
#[derive(Debug)]
pub(super) enum Admission {
    /// Its intent is committed: it may be dialled.
    Admitted(Box<Admitted>),
    /// The gate does not allow it.
    Stopped(Box<Ruling>),
}

/// A drop whose intent is committed.
#[derive(Debug)]
pub(super) struct Admitted {
    drop: DropId,
    technique: Technique,
    /// Until when it may be dialled: what allowed it does not hold for ever.
    stale_at: Timestamp,
    store: Store,
    clock: Arc<Steady>,
    holder: ControllerLease,
    /// Renews the lease of a run that is this drop's own, and ends with it; `None`: the run has other drops.
    renewing: Option<AbortHandle>,
    /// What goes with the intent if that is taken back.
    taken_back: TakenBack,
    /// By when it has to be dialled, if others share the trunk, or if it expires.
    dial_by: Option<Instant>,
    /// From then on it is not dialled.
    expires_at: Option<Timestamp>,
    steps: AdmissionSteps,
}

/// When a drop was admitted, step by step.
#[derive(Clone, Copy, Debug)]
pub(super) struct AdmissionSteps {
    /// When the gate was asked.
    pub(super) asked_at: Timestamp,
    /// When it had decided, and the intent went to the store.
    pub(super) decided_at: Timestamp,
    /// When the intent was committed.
    pub(super) committed_at: Timestamp,
}

/// What follows for an intent that is taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TakenBack {
    /// It never was.
    Drop,
    /// The order and its key never were.
    Order,
    /// The drop waits again.
    Held,
}

/// Whose run a drop goes by.
#[derive(Clone, Copy)]
pub(super) enum RunOf<'a> {
    /// Its own: it begins with the drop and ends with it.
    Own(&'a Session),
    /// One that others share.
    Shared(&'a ControllerLease),
}

/// What a drop does while the trunk carries no more.
pub(super) struct Patience<'a> {
    /// Ends the waiting.
    pub(super) cancel: &'a CancellationToken,
    /// Is called once when the waiting begins.
    pub(super) waits: &'a (dyn Fn() + Sync),
}

/// Why a drop could not be admitted.
#[derive(Debug, Error)]
pub(super) enum AdmissionError {
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Everything about the person was erased, which no reason sets aside.
    #[error("everything about the person was erased, and they are never called again")]
    Erased,
    /// Others called this number, or changed what is known of it, each time that the gate was asked.
    #[error("the number is being called by others at this moment")]
    Contended,
    /// The clocks cannot be relied on.
    #[error("{0}")]
    Clocks(Doubt),
    /// Others use all that the trunk carries.
    #[error("the trunk carries no more calls at this moment")]
    Full,
    /// It was cancelled while it waited for the trunk.
    #[error("interrupted while it waited for the trunk")]
    Interrupted,
    /// Another process carries the same order out.
    #[error("the key of the order was used meanwhile")]
    KeyTaken,
    /// It has expired.
    #[error("it expired before it could be dialled")]
    Expired,
}

impl SingleDropAdmission {
    /// Opens the store that the configuration names, whose first change leaves this in the audit log.
    ///
    /// # Errors
    /// [`StoreError`]: then nothing may be dialled, since it is not known whether and how often the number may be called.
    pub(super) async fn open(
        config: &Config,
        audit: Option<AuditEntry>,
    ) -> Result<Self, StoreError> {
        config.make_state_dir();
        let store = Store::open(&place(&config.store)).await?;
        if let Opened::Upgraded(upgraded) = store.opened()
            && let Some(copy) = &upgraded.copy
        {
            let (from, to, copy) = (upgraded.from, upgraded.to, copy.path.display());
            warn!(from, to, %copy, "the database was brought to a later schema; as it was before, it is kept in the copy");
        }
        let store = match audit {
            Some(entry) => store.audited_once(entry),
            None => store,
        };
        Ok(Self {
            clock: Arc::new(Steady::start()),
            store,
            gate: policy::Gate::new(config.gate.clone()),
            config: config.clone(),
        })
    }

    /// The same on a store that is open, whose drops share its clock.
    pub(super) fn on(store: Store, clock: Arc<Steady>, config: &Config) -> Self {
        Self {
            clock,
            store,
            gate: policy::Gate::new(config.gate.clone()),
            config: config.clone(),
        }
    }

    /// The book of prompts, and its keeper; `None` if calls are not compared with it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(super) async fn book(&self) -> Result<Option<(BookKeeper, Prompts)>, StoreError> {
        BookKeeper::of(&self.store, &self.config, &self.clock).await
    }

    /// The time that is gone by.
    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// What the gate says to a call at this moment.
    ///
    /// # Errors
    /// [`AdmissionError`].
    pub(super) async fn ask(&self, order: &SingleDrop) -> Result<Ruling, AdmissionError> {
        let (ruling, _) = self.decide(order, false).await?;
        Ok(ruling)
    }

    /// Begins a run in the store, and settles what drops that were killed have left.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(super) async fn begin(&self, session: &Session) -> Result<ControllerLease, StoreError> {
        let (run, identity) = (session.run(), session.identity());
        let registration = registration(&self.config, &self.store, run, identity, true).await?;
        let begun = self.store.begin_controller(&registration, self.clock.now());
        let holder = begun.await?;
        let settled = timeout(SETTLE_WITHIN, self.settle_strays(&holder, session)).await;
        let failed = settled.unwrap_or_else(|_| Err("the PBX does not end their calls".to_owned()));
        if let Err(words) = failed {
            warn!(
                words,
                "drops that were killed are left without an end; the next drop looks again"
            );
        }
        Ok(holder)
    }

    /// Asks the gate at the moment of the call and writes the intent, held by a run.
    ///
    /// # Errors
    /// [`AdmissionError`]; nothing may be dialled then.
    pub(super) async fn admit(
        &self,
        order: &SingleDrop,
        run: RunOf<'_>,
        patience: &Patience<'_>,
    ) -> Result<Admission, AdmissionError> {
        let session = match run {
            RunOf::Own(session) => session,
            RunOf::Shared(holder) => {
                return self.write(order, (holder, false), patience).await;
            }
        };
        let holder = self.begin(session).await?;
        let admission = self.write(order, (&holder, true), patience).await;
        match admission {
            Ok(Admission::Admitted(_)) => {}
            Ok(Admission::Stopped(_)) | Err(_) => {
                let ended = self.store.end_controller(&holder, self.clock.now()).await;
                if let Err(error) = ended {
                    warn!(%error, "the run is left open in the store; its lease ends by itself");
                }
            }
        }
        admission
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
            .adopt_strays(holder, session.dead(), &alive, self.clock.now());
        let strays = strays.await.map_err(|error| chain(&error))?;
        if strays.is_empty() {
            return Ok(());
        }
        let drops = strays.iter().map(|stray| (stray.run.clone(), stray.drop));
        let mut ended = reconciler.end_drops(&drops.collect()).await;
        // What was up when the session began, its own sweep has hung up before.
        ended.alive.extend(session.swept().iter().cloned());
        let mut writes = Vec::with_capacity(strays.len());
        let mut found = Vec::with_capacity(strays.len());
        for stray in strays {
            let id = (stray.run.clone(), stray.drop);
            let was_up = ended.alive.contains(&id);
            let words = ended.words("process", &id);
            warn!(drop = %stray.drop, run = %stray.run, was_up, "an earlier drop is lost: its process died");
            writes.push(Write::EndDrop {
                end: lost(&stray.run, stray.drop, &words),
                calls: Calls::likely(stray.technique, Outcome::Lost, Duration::ZERO),
            });
            found.push((stray, words));
        }
        let now = self.clock.now();
        let written = self.store.commit(holder, &writes, now).await;
        written.map_err(|error| chain(&error))?;
        // Once that is written: whoever finds them again after a fault tells of them.
        for (stray, words) in found {
            trace_lost(&stray, &words, now);
        }
        Ok(())
    }

    /// Decides and writes, until the drop may be dialled or not.
    async fn write(
        &self,
        order: &SingleDrop,
        (holder, is_its_own): (&ControllerLease, bool),
        patience: &Patience<'_>,
    ) -> Result<Admission, AdmissionError> {
        let mut missed = false;
        let by = (holder, is_its_own);
        let admission = self.try_to_write(order, by, patience, &mut missed).await;
        if missed && !matches!(admission, Ok(Admission::Admitted(_))) {
            self.take_back(order, holder).await?;
        }
        admission
    }

    /// The same; `missed` while an intent of the drop is written whose moment has passed.
    async fn try_to_write(
        &self,
        order: &SingleDrop,
        (holder, is_its_own): (&ControllerLease, bool),
        patience: &Patience<'_>,
        missed: &mut bool,
    ) -> Result<Admission, AdmissionError> {
        let (mut tries, mut timing, mut has_waited) = (TRIES, StartTiming::default(), false);
        let give_up = clock::now() + ROOM_WITHIN;
        while tries > 0 {
            if order.has_expired(self.clock.now()) {
                return Err(AdmissionError::Expired);
            }
            let asked_at = self.clock.now();
            let (ruling, facts) = self.decide(order, *missed).await?;
            if !ruling.decision.is_allowed() {
                return Ok(Admission::Stopped(Box::new(ruling)));
            }
            if facts.is_erased {
                return Err(AdmissionError::Erased);
            }
            let terms = timing.terms(StartTerms::default());
            let intent = self.intent(order, &ruling, &facts, terms);
            let now = self.clock.now();
            let written = self.commit(order, holder, intent, now, *missed).await?;
            let steps = AdmissionSteps {
                asked_at,
                decided_at: now,
                committed_at: self.clock.now(),
            };
            compare(&self.store, &self.clock);
            let admitted = |dial_by: Option<Instant>| {
                log_overrides(&ruling, order);
                let expiry = order.expires_at.map(|at| instant_of(at, &self.clock));
                Ok(Admission::Admitted(Box::new(Admitted {
                    drop: order.drop,
                    technique: order.plan.technique,
                    stale_at: self.clock.now() + Plan::DIAL_WITHIN,
                    store: self.store.clone(),
                    clock: Arc::clone(&self.clock),
                    holder: holder.clone(),
                    renewing: is_its_own.then(|| renew(&self.store, &self.clock, holder)),
                    taken_back: TakenBack::of(order),
                    dial_by: dial_by.into_iter().chain(expiry).min(),
                    expires_at: order.expires_at,
                    steps,
                })))
            };
            match written {
                Written::Applied => return admitted(None),
                Written::Scheduled(slot) => {
                    timing.note(now, slot.read_at, self.clock.now());
                    let window = timing.window(slot, terms);
                    if let Some(window) = window
                        && let Some(dial_by) = until(window, &self.clock).await
                        && !order.has_expired(self.clock.now())
                    {
                        return admitted(Some(dial_by));
                    }
                    *missed = true;
                }
                Written::Full(_) if clock::now() >= give_up => {
                    return Err(AdmissionError::Full);
                }
                Written::Full(full) => {
                    if !std::mem::replace(&mut has_waited, true) {
                        (patience.waits)();
                    }
                    let wait = full.wait.unwrap_or(LOOK_FOR_ROOM).min(LOOK_FOR_ROOM);
                    tokio::select! {
                        () = sleep(wait) => continue,
                        () = patience.cancel.cancelled() => return Err(AdmissionError::Interrupted),
                    }
                }
                // Something has happened to the number since its facts were read; the gate knows of it the next time.
                Written::OnDoNotCallList(_) | Written::Conflict => {}
                Written::Fenced => return Err(AdmissionError::Contended),
            }
            tries -= 1;
        }
        Err(AdmissionError::Contended)
    }

    /// Writes an intent, with what is kept of its order.
    async fn commit(
        &self,
        order: &SingleDrop,
        holder: &ControllerLease,
        intent: Intent,
        now: Timestamp,
        is_again: bool,
    ) -> Result<Written, AdmissionError> {
        let began = clock::now();
        let written = match &order.keeping {
            _ if is_again => {
                let written = self.store.write_again(holder, intent, now).await?;
                OrderWritten::Written(written)
            }
            None => {
                let writes = [Write::Start(Box::new(intent))];
                let written = self.store.commit(holder, &writes, now).await?;
                let written = written.into_iter().next();
                OrderWritten::Written(written.unwrap_or(Written::Fenced))
            }
            Some(OrderKeeping::WithIntent(record)) => {
                self.store.commit_order(holder, intent, record, now).await?
            }
            Some(OrderKeeping::Held) => self.store.commit_held(holder, intent, now).await?,
        };
        metrics::committed(clock::now().duration_since(began));
        match written {
            OrderWritten::Written(written) => Ok(written),
            OrderWritten::KeyTaken => Err(AdmissionError::KeyTaken),
        }
    }

    /// Takes an intent back that was written and is not to be dialled.
    async fn take_back(
        &self,
        order: &SingleDrop,
        holder: &ControllerLease,
    ) -> Result<(), StoreError> {
        let (drop, now) = (order.drop, self.clock.now());
        match TakenBack::of(order) {
            TakenBack::Drop => {
                let writes = [Write::TakeBack { drop }];
                let taken = self.store.commit(holder, &writes, now);
                taken.await.map(std::mem::drop)
            }
            TakenBack::Order => self.store.take_back_order(holder, drop, now).await,
            TakenBack::Held => self.store.take_back_held(holder, drop, now).await,
        }
    }

    /// Asks the gate; an intent of the drop that is written already is none of its number's starts.
    async fn decide(
        &self,
        order: &SingleDrop,
        is_again: bool,
    ) -> Result<(Ruling, Facts), AdmissionError> {
        let history = self.gate.settings().history();
        let asked = self.clock.now();
        let but = is_again.then_some(order.drop);
        let facts = self
            .store
            .facts_but(&order.number, history, but, asked)
            .await?;
        compare(&self.store, &self.clock);
        if let Some(doubt) = self.clock.doubt() {
            return Err(AdmissionError::Clocks(doubt));
        }
        let now = self.clock.now();
        let case = Case {
            number: Ok(&order.number),
            zone: None,
            state: None,
            consent: order.consent.as_ref(),
            campaign: order.kind,
            calls: calls(order.plan.technique),
            do_not_call: facts.do_not_call.as_deref(),
            starts: &facts.starts,
            overrides: &order.overrides,
        };
        Ok((self.gate.decide(&case, now), facts))
    }

    fn intent(
        &self,
        order: &SingleDrop,
        ruling: &Ruling,
        facts: &Facts,
        terms: StartTerms,
    ) -> Intent {
        let sets_aside = |rule| order.overrides.iter().any(|o| o.rule() == rule);
        let caps_bind = self.gate.is_on(Rule::FrequencyCap) && !sets_aside(Rule::FrequencyCap);
        Intent {
            drop: order.drop,
            of: None,
            attempt: 1,
            number: order.number.clone(),
            pbx: PbxId(0),
            technique: order.plan.technique,
            message: order.message_name.clone(),
            variant: None,
            // What an agent's call shows is not known here.
            caller_id: order.adopted.is_none().then(|| order.caller_id.clone()),
            ruling: ruling.json(),
            version: caps_bind.then_some(facts.version),
            despite_do_not_call: sets_aside(Rule::DoNotCall),
            terms,
        }
    }
}

impl TakenBack {
    const fn of(order: &SingleDrop) -> Self {
        match &order.keeping {
            None => Self::Drop,
            Some(OrderKeeping::WithIntent(_)) => Self::Order,
            Some(OrderKeeping::Held) => Self::Held,
        }
    }
}

impl Admitted {
    /// The store that has its intent.
    pub(super) const fn store(&self) -> &Store {
        &self.store
    }

    /// When it was admitted.
    pub(super) const fn steps(&self) -> AdmissionSteps {
        self.steps
    }

    /// By when it has to be dialled, if others share the trunk, or if it expires.
    pub(super) const fn dial_by(&self) -> Option<Instant> {
        self.dial_by
    }

    /// Writes how the drop ended, and tries again if the store is away for a moment. `record` is its object with the number
    /// masked, `evidence` the folder of its evidence.
    ///
    /// # Errors
    /// [`StoreError`]; the next drop or controller ends it as `lost` then.
    pub(super) async fn end(
        self,
        report: &Report,
        record: &DropRecord<'_>,
        evidence: Option<String>,
    ) -> Result<(), StoreError> {
        let end = Box::new(end(self.drop, report, record, evidence));
        let calls = match Calls::of(report) {
            // How its legs ended was not heard of, but they were dialled.
            Calls::NONE if !report.timeline.is_empty() => {
                Calls::likely(self.technique, report.outcome, Duration::ZERO)
            }
            calls => calls,
        };
        self.write(&[Write::EndDrop { end, calls }]).await
    }

    /// The time that is gone by.
    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Whether what allowed the drop still holds.
    pub(super) fn is_stale(&self) -> bool {
        let now = self.clock.now();
        let has_expired = self.expires_at.is_some_and(|at| at <= now);
        now > self.stale_at || has_expired || !self.clock.is_certain()
    }

    /// Takes the drop's intent back: nothing was dialled, and it does not count.
    ///
    /// # Errors
    /// [`StoreError`]; the next drop or controller ends it as `lost` then.
    pub(super) async fn take_back(self) -> Result<(), StoreError> {
        let (drop, now) = (self.drop, self.clock.now());
        match self.taken_back {
            TakenBack::Drop => return self.write(&[Write::TakeBack { drop }]).await,
            TakenBack::Order => self.store.take_back_order(&self.holder, drop, now).await?,
            TakenBack::Held => self.store.take_back_held(&self.holder, drop, now).await?,
        }
        self.leave().await
    }

    /// Writes the last that is to be written of the drop, and ends its run in the store if it is its own.
    async fn write(self, writes: &[Write]) -> Result<(), StoreError> {
        let commit = || self.store.commit(&self.holder, writes, self.clock.now());
        let commit = commit.retry(pauses()).sleep(sleep);
        let commit = commit.when(|error| error.class == ErrorClass::Away);
        let commit = commit.notify(|error, _| {
            warn!(%error, "the store is away; how the drop ended is written when it is back");
        });
        let written = commit.await?;
        if written != [Written::Applied] {
            warn!("another controller has taken the drop over, and has written its end");
        }
        self.leave().await
    }

    /// Ends a run that is the drop's own.
    async fn leave(self) -> Result<(), StoreError> {
        let Some(renewing) = self.renewing else {
            return Ok(());
        };
        renewing.abort();
        let now = self.clock.now();
        self.store.end_controller(&self.holder, now).await?;
        self.store.close().await;
        Ok(())
    }
}

/// Logs the rules that were set aside for a drop that is about to be dialled.
fn log_overrides(ruling: &Ruling, order: &SingleDrop) {
    for finding in &ruling.findings {
        let policy::Outcome::SetAside {
            because,
            instead_of,
        } = &finding.outcome
        else {
            continue;
        };
        let would = match instead_of {
            None | Some(Decision::Allowed) => "allowed",
            Some(Decision::Held { reason, .. }) => reason.slug(),
            Some(Decision::Refused(reason)) => reason.slug(),
        };
        let (drop, number) = (order.drop, &order.number);
        warn!(%drop, %number, rule = %finding.rule, because, would, "a rule of the gate was set aside");
    }
}

/// The address of the configured database.
pub fn place(store: &config::Store) -> DatabaseAddress {
    match &store.url {
        StoreUrl::Sqlite(file) => DatabaseAddress::Sqlite(file.clone()),
        StoreUrl::Postgres(url) => {
            let address = PostgresAddress::from(url.clone());
            DatabaseAddress::Postgres(address.with_connections(store.connections))
        }
    }
}

/// Keeps the lease of a run from ending while its drop goes on.
pub(super) fn renew(store: &Store, clock: &Arc<Steady>, holder: &ControllerLease) -> AbortHandle {
    let (store, clock, holder) = (store.clone(), Arc::clone(clock), holder.clone());
    let renewing = tokio::spawn(async move {
        let mut ticks = tokio::time::interval(CONTROLLER_LEASE / 3);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // The first tick comes at once, when the lease is fresh.
        ticks.tick().await;
        loop {
            ticks.tick().await;
            match store.renew(&holder, clock.now()).await {
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

/// The moment at which the clock will show a time, if nobody sets it.
fn instant_of(at: Timestamp, clock: &Steady) -> Instant {
    let left = Duration::try_from(at.duration_since(clock.now()));
    clock::now() + left.unwrap_or_default().min(FAR)
}

/// Waits for the moment of a start; returns until when it may be dialled, or `None` if it has passed.
async fn until(window: LaunchWindow, clock: &Steady) -> Option<Instant> {
    let wait = window.from.duration_since(clock.now());
    sleep(Duration::try_from(wait).unwrap_or_default()).await;
    let left = Duration::try_from(window.dial_by.duration_since(clock.now())).ok()?;
    (clock.now() < window.until).then(|| clock::now() + left)
}

/// How long calls of drops that were killed may take to end; after that the drop that is wanted goes first.
const SETTLE_WITHIN: Duration = Duration::from_secs(5);

/// When the end of a drop is written again, over some 30 s.
fn pauses() -> ExponentialBuilder {
    ExponentialBuilder::new()
        .with_min_delay(Duration::from_millis(200))
        .with_max_delay(Duration::from_secs(5))
        .with_total_delay(Some(Duration::from_secs(30)))
        .without_max_times()
}

/// Further away than any drop is dialled.
const FAR: Duration = Duration::from_secs(24 * 60 * 60);

/// How long to wait for room on the trunk, and how often to look.
const ROOM_WITHIN: Duration = Duration::from_secs(60);
const LOOK_FOR_ROOM: Duration = Duration::from_millis(500);

/// How often the gate is asked again if something happens to the number at the same moment.
const TRIES: usize = 5;
