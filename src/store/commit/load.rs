//! Reads, and locks, the rows that a batch touches.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::{
    Write,
    batch::{Batch, CampaignRow, ContactRow, DropRow, Version},
    limits::Limits,
};
use crate::{
    campaign::engine::Settlement,
    store::{
        ControllerLease, Status, StoreError,
        codec::{ContactStage, held, micros, number, outcome},
        intent_locks,
        sql::{Sql, args, row, rows, sql},
        transaction::Tx,
    },
};

impl<'a> Batch<'a> {
    pub(super) async fn load(
        tx: &mut Tx,
        holder: &'a ControllerLease,
        writes: &'a [Write],
        now: Timestamp,
    ) -> Result<Self, StoreError> {
        let touched = Touched::of(writes);
        if touched.changes_campaigns {
            tx.next_version().await?;
        }
        let mut batch = Self {
            holder,
            alive: tx.is_alive(holder).await?,
            now: micros(tx.past(now).await?),
            campaigns: BTreeMap::new(),
            contacts: BTreeMap::new(),
            drops: BTreeMap::new(),
            barred: BTreeMap::new(),
            erased: BTreeSet::new(),
            numbers: BTreeMap::new(),
            decisions: Vec::new(),
            limits: Limits::default(),
            places: BTreeMap::new(),
        };
        intent_locks::take(
            tx,
            &touched.campaigns,
            touched.changes_campaigns,
            !touched.numbers.is_empty(),
        )
        .await?;
        batch.load_campaigns(tx, &touched).await?;
        batch.load_numbers(tx, &touched).await?;
        batch.load_contacts(tx, &touched).await?;
        batch.load_drops(tx, &touched).await?;
        let intents = writes.iter().filter_map(|write| match write {
            Write::Start(intent) => Some(&**intent),
            Write::Settle { .. }
            | Write::EndDrop { .. }
            | Write::TakeBack { .. }
            | Write::Release { .. }
            | Write::Paused { .. }
            | Write::Finished { .. } => None,
        });
        let intents: Vec<_> = intents.collect();
        if !intents.is_empty() {
            batch.limits = Limits::load(tx, holder, &intents, batch.now).await?;
        }
        Ok(batch)
    }

    async fn load_campaigns(&mut self, tx: &mut Tx, touched: &Touched) -> Result<(), StoreError> {
        if touched.campaigns.is_empty() {
            return Ok(());
        }
        let given = rows(touched.campaigns.iter().map(|id| row! { id: id }));
        let sql = if touched.changes_campaigns {
            CAMPAIGNS_TO_CHANGE
        } else {
            CAMPAIGNS
        };
        let stored: Vec<(i64, String)> = tx.all(sql, args![&given]).await?;
        for (id, status) in stored {
            let Some(status) = Status::read(&status) else {
                return Err(tx.broken(format!("the row of campaign {id} cannot be read")));
            };
            let pauses = None;
            self.campaigns.insert(id, CampaignRow { status, pauses });
        }
        Ok(())
    }

    async fn load_numbers(&mut self, tx: &mut Tx, touched: &Touched) -> Result<(), StoreError> {
        if touched.numbers.is_empty() {
            return Ok(());
        }
        for (number, list, is_erased) in tx.barred_among(touched.numbers.iter().copied()).await? {
            self.barred.insert(number, list);
            if is_erased {
                self.erased.insert(number);
            }
        }
        // An erased number is written nowhere again.
        let numbers = touched.numbers.difference(&self.erased);
        let given = rows(numbers.map(|number| row! { number: number }));
        let stored: Vec<(i64, i64)> = tx.all(NUMBERS, args![&given]).await?;
        let version = |(number, version)| {
            let is_changed = false;
            (
                number,
                Version {
                    version,
                    is_changed,
                },
            )
        };
        self.numbers = stored.into_iter().map(version).collect();
        Ok(())
    }

    async fn load_contacts(&mut self, tx: &mut Tx, touched: &Touched) -> Result<(), StoreError> {
        if touched.contacts.is_empty() {
            return Ok(());
        }
        let given = rows(touched.contacts.iter().map(|id| row! { id: id }));
        let stored: Vec<LoadedContact> = tx.all(CONTACTS, args![&given]).await?;
        for stored in stored {
            let id = stored.0;
            let Some(row) = read_contact(stored) else {
                return Err(tx.broken(format!("the row of contact {id} cannot be read")));
            };
            self.contacts.insert(id, row);
        }
        Ok(())
    }

    async fn load_drops(&mut self, tx: &mut Tx, touched: &Touched) -> Result<(), StoreError> {
        let mut stored: Vec<LoadedDrop> = Vec::new();
        if !touched.drops.is_empty() {
            let given = rows(touched.drops.iter().map(|id| row! { id: id }));
            stored = tx.all(DROPS, args![&given]).await?;
        }
        if !touched.attempts.is_empty() {
            let pair =
                |(contact, attempt): &(i64, i64)| row! { contact: contact, attempt: attempt };
            let given = rows(touched.attempts.iter().map(pair));
            stored.append(&mut tx.all(DROPS_OF_ATTEMPTS, args![&given]).await?);
        }
        for (id, contact, attempt, holder, slug, pbx) in stored {
            let ended = match slug {
                None => None,
                Some(slug) => match outcome(&slug) {
                    None => return Err(tx.broken(format!("the row of drop {id} cannot be read"))),
                    ended => ended,
                },
            };
            let row = DropRow {
                contact,
                attempt,
                holder,
                is_on_trunk: pbx == self.holder.pbx,
                outcome: ended,
                intent: None,
                end: None,
                is_taken_back: false,
                is_again: false,
            };
            self.drops.insert(id, row);
        }
        Ok(())
    }
}

/// What a batch touches.
#[derive(Debug, Default)]
struct Touched {
    campaigns: BTreeSet<i64>,
    changes_campaigns: bool,
    numbers: BTreeSet<i64>,
    contacts: BTreeSet<i64>,
    drops: BTreeSet<String>,
    attempts: BTreeSet<(i64, i64)>,
}

impl Touched {
    fn of(writes: &[Write]) -> Self {
        let mut all = Self::default();
        for write in writes {
            all.add(write);
        }
        all
    }

    fn add(&mut self, write: &Write) {
        match write {
            Write::Start(intent) => {
                self.drops.insert(intent.drop.to_string());
                self.numbers.insert(number(&intent.number));
                if let Some((campaign, contact)) = intent.of {
                    self.campaigns.insert(campaign.0);
                    self.contacts.insert(contact.0);
                }
            }
            Write::Settle {
                contact,
                settlement,
                end,
                ..
            } => {
                self.contacts.insert(contact.0);
                match *settlement {
                    Settlement::Refused(_) | Settlement::Held { .. } => {}
                    Settlement::Ended { attempt, .. } => match end {
                        Some(end) => {
                            self.drops.insert(end.drop.to_string());
                        }
                        None => {
                            self.attempts.insert((contact.0, attempt.into()));
                        }
                    },
                    Settlement::NotDialled { attempt } => {
                        self.attempts.insert((contact.0, attempt.into()));
                    }
                }
            }
            Write::EndDrop { end, .. } => {
                self.drops.insert(end.drop.to_string());
            }
            Write::TakeBack { drop } => {
                self.drops.insert(drop.to_string());
            }
            Write::Release { contacts, .. } => {
                self.contacts
                    .extend(contacts.iter().map(|contact| contact.0));
            }
            Write::Paused { campaign, .. } | Write::Finished { campaign, .. } => {
                self.campaigns.insert(campaign.0);
                self.changes_campaigns = true;
            }
        }
    }
}

/// The columns of [`CONTACTS`].
type LoadedContact = (
    i64,
    i64,
    i64,
    String,
    Option<String>,
    i64,
    Option<i64>,
    Option<i64>,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<i64>,
    Option<i64>,
);

/// The columns of [`DROPS`].
type LoadedDrop = (String, Option<i64>, i64, String, Option<String>, String);

fn read_contact(stored: LoadedContact) -> Option<ContactRow> {
    let (
        _,
        campaign,
        number,
        stage,
        holder,
        attempts,
        due_at,
        was_due,
        why,
        held_zone,
        end,
        refused,
        ended_at,
        called_back_at,
    ) = stored;
    let held = match why {
        Some(slug) => Some(held(&slug)?.slug()),
        None => None,
    };
    let outcome = match end {
        Some(slug) => Some(outcome(&slug)?),
        None => None,
    };
    Some(ContactRow {
        campaign,
        number,
        stage: ContactStage::read(&stage)?,
        holder,
        attempts,
        due_at,
        was_due,
        held,
        held_zone,
        outcome,
        refused,
        ended_at,
        place: None,
        has_called_back: called_back_at.is_some(),
        is_changed: false,
    })
}

/// None of them stops running until the batch is written: their locks are held.
const CAMPAIGNS: Sql = sql!(
    "SELECT campaigns.id, campaigns.standing FROM ",
    { id BIGINT },
    " CROSS JOIN campaigns WHERE campaigns.id = given.id ORDER BY campaigns.id"
);

/// Intents of earlier versions of the program share the rows instead.
const CAMPAIGNS_TO_CHANGE: Sql = sql!(
    "SELECT campaigns.id, campaigns.standing FROM ",
    { id BIGINT },
    " CROSS JOIN campaigns WHERE campaigns.id = given.id ORDER BY campaigns.id",
    ["", " FOR NO KEY UPDATE OF campaigns"]
);

/// One that is not there is made, so that it can be held.
const NUMBERS: Sql = sql!(
    [
        "SELECT numbers.number, numbers.version FROM ",
        "INSERT INTO numbers (number, version) SELECT given.number, 0 FROM "
    ],
    { number BIGINT },
    [
        " CROSS JOIN numbers WHERE numbers.number = given.number",
        " ORDER BY given.number ON CONFLICT (number) DO UPDATE SET version = numbers.version \
          RETURNING number, version"
    ]
);

const CONTACTS: Sql = sql!(
    "SELECT contacts.id, campaign, number, stage, holder, attempts, due_at, was_due, held, held_zone, \
     outcome, refused, ended_at, called_back_at FROM ",
    { id BIGINT },
    " CROSS JOIN contacts WHERE contacts.id = given.id ORDER BY contacts.id",
    ["", " FOR UPDATE OF contacts"]
);

const DROPS: Sql = sql!(
    "SELECT drops.id, contact, attempt, holder, outcome, pbx FROM ",
    { id TEXT },
    " CROSS JOIN drops WHERE drops.id = given.id ORDER BY drops.id",
    ["", " FOR UPDATE OF drops"]
);

const DROPS_OF_ATTEMPTS: Sql = sql!(
    "SELECT drops.id, drops.contact, drops.attempt, holder, outcome, pbx FROM ",
    { contact BIGINT, attempt BIGINT },
    " CROSS JOIN drops WHERE drops.contact = given.contact AND drops.attempt = given.attempt \
     ORDER BY drops.id",
    ["", " FOR UPDATE OF drops"]
);
