//! What most tests begin with: a campaign with contacts, a controller, and short words for what is written.

use std::time::Duration;

use aftertone::{
    campaign::{
        budget::Calls,
        engine::{CampaignId, Contact, ContactId, Next, PbxId, Settlement},
        pace::Rate,
        policy::Gate,
    },
    drop::{Outcome, Proof, Technique},
    id::{DropId, RunName},
    phone::PhoneNumber,
    store::{
        ControllerLease, DropEnd, DueQueue, Intent, Leased, NewCampaign, OperatorCommand,
        Registration, StartTerms, Store, Write, Written,
    },
};
use jiff::{SignedDuration, Timestamp, ToSpan as _};
use tokio::sync::Mutex;

use crate::base::Base;

/// Far enough back for every drop of a test.
pub(crate) const HISTORY: SignedDuration = SignedDuration::from_hours(7 * 24);

pub(crate) struct Fixture {
    pub(crate) store: Store,
    pub(crate) campaign: CampaignId,
    pub(crate) holder: ControllerLease,
    /// What the controller remembers of the campaign's queue.
    pub(crate) queue: Mutex<DueQueue>,
    /// When it began, by the wall clock unless the test says otherwise: a server compares it with its own.
    pub(crate) start: Timestamp,
}

impl Fixture {
    /// A campaign of so many contacts, due one after the other in the last seconds, and a controller.
    pub(crate) async fn of(base: &Base, contacts: usize) -> Self {
        // What is kept are microseconds.
        let start = Timestamp::from_microsecond(Timestamp::now().as_microsecond()).unwrap();
        Self::begun(base, contacts, start).await
    }

    /// The same, begun at another moment: for what the hour decides.
    pub(crate) async fn begun(base: &Base, contacts: usize, start: Timestamp) -> Self {
        let store = base.open().await;
        let campaign = campaign(&store, "one", start).await;
        let fixture = Self {
            holder: controller(&store, "here").await,
            queue: Mutex::new(queue()),
            store,
            campaign,
            start,
        };
        fixture.add(base, campaign, 0..contacts).await;
        fixture
    }

    /// Another campaign of the same store and controller, with contacts of its own.
    pub(crate) async fn other(
        base: &Base,
        fixture: &Self,
        name: &str,
        which: std::ops::Range<usize>,
    ) -> Self {
        let other = Self {
            store: fixture.store.clone(),
            campaign: campaign(&fixture.store, name, fixture.start).await,
            holder: fixture.holder.clone(),
            queue: Mutex::new(queue()),
            start: fixture.start,
        };
        other.add(base, other.campaign, which).await;
        other
    }

    /// Adds contacts to a campaign, the first due first, the last a millisecond ago.
    pub(crate) async fn add(
        &self,
        base: &Base,
        campaign: CampaignId,
        which: std::ops::Range<usize>,
    ) {
        let count = which.len() as i64;
        let begin = self.start.as_microsecond() - 1_000 * count;
        let values: Vec<_> = which
            .zip(0..)
            .map(|(which, nth): (_, i64)| {
                let number = digits(which);
                format!("({campaign}, {number}, {})", begin + 1_000 * nth)
            })
            .collect();
        for values in values.chunks(1_000) {
            base.run(format!(
                "INSERT INTO contacts (campaign, number, due_at) VALUES {}",
                values.join(", ")
            ))
            .await;
        }
    }

    /// The moment so many seconds after the start.
    pub(crate) fn at(&self, seconds: i64) -> Timestamp {
        self.start + seconds.seconds()
    }

    pub(crate) async fn lease(&self, at_most: usize, seconds: i64) -> (Vec<Contact>, Next) {
        self.lease_at(at_most, self.at(seconds)).await
    }

    pub(crate) async fn lease_at(&self, at_most: usize, now: Timestamp) -> (Vec<Contact>, Next) {
        let mut queue = self.queue.lock().await;
        lease_from(
            &self.store,
            &self.holder,
            self.campaign,
            at_most,
            &mut queue,
            now,
        )
        .await
    }

    pub(crate) async fn commit(&self, writes: &[Write], seconds: i64) -> Vec<Written> {
        let now = self.at(seconds);
        self.store.commit(&self.holder, writes, now).await.unwrap()
    }

    pub(crate) fn start_of(&self, contact: &Contact, drop: u128) -> Write {
        start(self.campaign, contact, drop)
    }

    pub(crate) fn settle(&self, contact: &Contact, settlement: Settlement) -> Write {
        settle(self.campaign, contact.id, settlement)
    }

    pub(crate) fn ended(
        &self,
        contact: &Contact,
        drop: u128,
        outcome: Outcome,
        again: Option<Timestamp>,
    ) -> Write {
        let settlement = Settlement::Ended {
            attempt: contact.attempts + 1,
            outcome,
            calls: Calls::at_least(Technique::Double),
            again,
        };
        match self.settle(contact, settlement) {
            Write::Settle {
                campaign,
                contact,
                settlement,
                ..
            } => Write::Settle {
                campaign,
                contact,
                settlement,
                ruling: None,
                zone: None,
                place: None,
                end: Some(Box::new(end(drop, outcome))),
            },
            other @ (Write::Start(_)
            | Write::EndDrop { .. }
            | Write::TakeBack { .. }
            | Write::Release { .. }
            | Write::Paused { .. }
            | Write::Finished { .. }) => other,
        }
    }

    /// Gives leased contacts back.
    pub(crate) async fn release_all(&self, leased: &[Leased]) {
        let contacts = leased.iter().map(|leased| leased.contact.id);
        let release = Write::Release {
            campaign: self.campaign,
            contacts: contacts.collect(),
        };
        self.commit(&[release], 0).await;
    }

    /// The state of a contact: its stage, attempts, and outcome or reason.
    pub(crate) async fn state(&self, base: &Base, contact: ContactId) -> String {
        let sql = format!(
            "SELECT stage || ' ' || attempts || coalesce(' ' || outcome, '') || coalesce(' ' || refused, '') \
             || coalesce(' ' || held, '') FROM contacts WHERE id = {contact}"
        );
        base.texts(sql).await.remove(0)
    }
}

pub(crate) async fn lease(
    store: &Store,
    holder: &ControllerLease,
    campaign: CampaignId,
    at_most: usize,
    now: Timestamp,
) -> (Vec<Contact>, Next) {
    lease_from(store, holder, campaign, at_most, &mut queue(), now).await
}

/// As a controller has it that has just begun, under the rules that hold by default.
pub(crate) fn queue() -> DueQueue {
    DueQueue::new(Gate::default())
}

async fn lease_from(
    store: &Store,
    holder: &ControllerLease,
    campaign: CampaignId,
    at_most: usize,
    queue: &mut DueQueue,
    now: Timestamp,
) -> (Vec<Contact>, Next) {
    let (leased, next) = store
        .lease(holder, campaign, at_most, HISTORY, queue, now)
        .await
        .unwrap();
    let contacts = leased.into_iter().map(|leased| leased.contact);
    (contacts.collect(), next)
}

/// A campaign that is started.
pub(crate) async fn campaign(store: &Store, name: &str, now: Timestamp) -> CampaignId {
    let new = NewCampaign {
        name: name.to_owned(),
        spec: "{}".to_owned(),
    };
    let id = store.create_campaign(&new, now).await.unwrap().id;
    store.order(id, OperatorCommand::Resume, now).await.unwrap();
    id
}

pub(crate) async fn controller(store: &Store, run: &str) -> ControllerLease {
    controller_at(store, run, Timestamp::now()).await
}

/// A controller that begins at this moment.
pub(crate) async fn controller_at(store: &Store, run: &str, now: Timestamp) -> ControllerLease {
    let run = RunName::new(run).unwrap();
    store
        .begin_controller(&registration(&run, "pbx"), now)
        .await
        .unwrap()
}

/// A controller of this PBX, with a trunk of its own.
pub(crate) fn registration(run: &RunName, pbx: &str) -> Registration {
    Registration {
        run: run.clone(),
        pbx: pbx.to_owned(),
        identity: pbx.to_owned(),
        marker: None,
        trunk: run.to_string(),
        rate: Rate::new(1_000, Duration::from_secs(1)).unwrap(),
        in_flight: 10_000,
        is_single: false,
    }
}

pub(crate) fn digits(which: usize) -> u64 {
    12_025_550_000 + which as u64
}

pub(crate) fn number(which: usize) -> PhoneNumber {
    PhoneNumber::from_digits(digits(which)).unwrap()
}

pub(crate) fn intent(
    of: Option<(CampaignId, ContactId)>,
    number: PhoneNumber,
    drop: u128,
) -> Intent {
    Intent {
        drop: DropId::from_u128(drop),
        of,
        attempt: 1,
        number,
        pbx: PbxId(0),
        technique: Technique::Double,
        message: "promo".to_owned(),
        variant: None,
        caller_id: None,
        ruling: "{}".to_owned(),
        version: None,
        despite_do_not_call: false,
        terms: StartTerms::default(),
    }
}

pub(crate) fn start(campaign: CampaignId, contact: &Contact, drop: u128) -> Write {
    let mut intent = intent(Some((campaign, contact.id)), contact.number.clone(), drop);
    intent.attempt = contact.attempts + 1;
    Write::Start(Box::new(intent))
}

pub(crate) fn settle(campaign: CampaignId, contact: ContactId, settlement: Settlement) -> Write {
    Write::Settle {
        campaign,
        contact,
        settlement,
        ruling: Some(r#"{"rule":"it"}"#.to_owned()),
        zone: None,
        place: None,
        end: None,
    }
}

pub(crate) fn end(drop: u128, outcome: Outcome) -> DropEnd {
    DropEnd {
        drop: DropId::from_u128(drop),
        outcome,
        proof: Proof::Unproven,
        busy_up_ms: 0,
        drop_up_ms: 7_000,
        report: "{}".to_owned(),
        evidence: None,
    }
}

pub(crate) fn ids(contacts: &[Contact]) -> Vec<i64> {
    contacts.iter().map(|contact| contact.id.0).collect()
}
