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
    carry_out::{end, lost},
    drop_order::SingleDrop,
    gate::{calls, json},
};
use crate::{
    campaign::{
        Decision,
        budget::Calls,
        engine::PbxId,
        policy::{self, Case, Rule, Ruling},
    },
    clock,
    config::{self, Config, StoreUrl},
    drop::{DropRecord, Outcome, Report, Technique},
    error_chain::chain,
    id::DropId,
    runtime::Session,
    store::{
        CONTROLLER_LEASE, ControllerLease, DatabaseAddress, ErrorClass, Facts, Intent,
        PostgresAddress, Store, StoreError, Write, Written,
    },
};

/// The gate and the store, for drops outside any campaign.
#[derive(Debug)]
pub(super) struct SingleDropAdmission {
    store: Store,
    gate: policy::Gate,
    instance: String,
}

/// What came of asking for admission.
#[derive(Debug)]
pub(super) enum Admission {
    /// Its intent is committed: it may be dialled.
    Admitted(Admitted),
    /// The gate does not allow it.
    Stopped(Box<Ruling>),
}

/// A drop whose intent is committed.
#[derive(Debug)]
pub(super) struct Admitted {
    drop: DropId,
    technique: Technique,
    store: Store,
    holder: ControllerLease,
    renewing: AbortHandle,
}

/// Why a drop could not be admitted.
#[derive(Debug, Error)]
pub(super) enum AdmissionError {
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Others called this number, or changed what is known of it, each time that the gate was asked.
    #[error("the number is being called by others at this moment")]
    Contended,
}

impl SingleDropAdmission {
    /// Opens the store that the configuration names.
    ///
    /// # Errors
    /// [`StoreError`]: then nothing may be dialled, since it is not known whether and how often the number may be called.
    pub(super) async fn open(config: &Config) -> Result<Self, StoreError> {
        config.make_state_dir();
        Ok(Self {
            store: Store::open(&place(&config.store)).await?,
            gate: policy::Gate::new(config.gate.clone()),
            instance: config.instance.clone(),
        })
    }

    /// What the gate says to a call at this moment.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(super) async fn ask(&self, order: &SingleDrop) -> Result<Ruling, StoreError> {
        let (ruling, _) = self.decide(order, now()).await?;
        Ok(ruling)
    }

    /// Asks the gate at the moment of the call and writes the intent, held by this run. Before that it settles what drops
    /// that were killed have left.
    ///
    /// # Errors
    /// [`AdmissionError`]; nothing may be dialled then.
    pub(super) async fn admit(
        &self,
        order: &SingleDrop,
        session: &Session,
    ) -> Result<Admission, AdmissionError> {
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
        let admission = self.write(order, &holder).await;
        match admission {
            Ok(Admission::Admitted(_)) => {}
            Ok(Admission::Stopped(_)) | Err(_) => {
                let ended = self.store.end_controller(&holder, now()).await;
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
                end: lost(&stray.run, stray.drop, &words),
                calls: Calls::likely(stray.technique, Outcome::Lost, Duration::ZERO),
            });
        }
        let written = self.store.commit(holder, &writes, now()).await;
        written.map(|_| ()).map_err(|error| chain(&error))
    }

    async fn write(
        &self,
        order: &SingleDrop,
        holder: &ControllerLease,
    ) -> Result<Admission, AdmissionError> {
        for _ in 0..TRIES {
            let now = now();
            let (ruling, facts) = self.decide(order, now).await?;
            if !ruling.decision.is_allowed() {
                return Ok(Admission::Stopped(Box::new(ruling)));
            }
            let intent = self.intent(order, &ruling, &facts);
            let writes = [Write::Start(Box::new(intent))];
            let written = self.store.commit(holder, &writes, now).await?;
            match written.first() {
                Some(Written::Applied) => {
                    log_overrides(&ruling, order);
                    return Ok(Admission::Admitted(Admitted {
                        drop: order.drop,
                        technique: order.plan.technique,
                        store: self.store.clone(),
                        holder: holder.clone(),
                        renewing: renew(self.store.clone(), holder.clone()),
                    }));
                }
                // Something has happened to the number since its facts were read; the gate knows of it the next time.
                Some(Written::OnDoNotCallList(_) | Written::Conflict) => {}
                Some(Written::Fenced) | None => return Err(AdmissionError::Contended),
            }
        }
        Err(AdmissionError::Contended)
    }

    async fn decide(
        &self,
        order: &SingleDrop,
        now: Timestamp,
    ) -> Result<(Ruling, Facts), StoreError> {
        let history = self.gate.settings().history();
        let facts = self.store.facts(&order.number, history, now).await?;
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

    fn intent(&self, order: &SingleDrop, ruling: &Ruling, facts: &Facts) -> Intent {
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
            caller_id: Some(order.caller_id.clone()),
            ruling: json(ruling),
            version: caps_bind.then_some(facts.version),
            despite_do_not_call: sets_aside(Rule::DoNotCall),
        }
    }
}

impl Admitted {
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

    /// Takes the drop's intent back: nothing was dialled, and it does not count.
    ///
    /// # Errors
    /// [`StoreError`]; the next drop or controller ends it as `lost` then.
    pub(super) async fn take_back(self) -> Result<(), StoreError> {
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
            warn!("another controller has taken the drop over, and has written its end");
        }
        self.renewing.abort();
        self.store.end_controller(&self.holder, now()).await?;
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

/// How often the gate is asked again if something happens to the number at the same moment.
const TRIES: usize = 5;
