//! All that is known of a person, over all campaigns, lists and calls.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{
    Barred, ListName, PersonCallback, PersonHold, Status, Store, StoreError,
    campaigns::DRAFTS_SINCE,
    codec,
    erase::given,
    sql::{Sql, args, sql},
    tally::{known, time},
    transaction::Tx,
};
use crate::{
    campaign::{HeldReason, RefusedReason, policy::Consent},
    drop::{Outcome, Proof, Technique},
    id::DropId,
    phone::PhoneNumber,
    words::PromptEnd,
};

/// All that is known of a person.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PersonRecord {
    /// As contacts of campaigns, in the order in which they came in.
    pub contacts: Vec<PersonContact>,
    /// Calls to them, of campaigns and single ones, oldest first.
    pub calls: Vec<PersonCall>,
    /// Drops to them that the gate held and that were not dialled, oldest first.
    pub held: Vec<PersonHold>,
    /// Calls that they made back, oldest first.
    pub callbacks: Vec<PersonCallback>,
    /// Entries of do-not-call lists, by the names of the lists.
    pub do_not_call: Vec<Barred>,
    /// What was removed from such lists, oldest first.
    pub removals: Vec<PersonRemoval>,
    /// Prompts of the book that were heard in calls to them, by their numbers.
    pub prompts: Vec<PersonPrompt>,
    /// When everything about them was erased, and why.
    pub erased: Option<(Timestamp, Option<String>)>,
}

/// A person as the contact of a campaign.
#[derive(Clone, Debug, PartialEq)]
pub struct PersonContact {
    /// The campaign's name.
    pub campaign: String,
    /// The campaign's status.
    pub status: Status,
    /// The name of the list that they came from.
    pub list: Option<String>,
    /// Its line.
    pub line: Option<u64>,
    /// The number, as the list has it.
    pub number: PhoneNumber,
    /// The contact's name.
    pub name: Option<String>,
    /// The time zone, as the list has it.
    pub zone: Option<String>,
    /// The state, as the list has it.
    pub state: Option<String>,
    /// The consent on record.
    pub consent: Option<Consent>,
    /// The message for this contact.
    pub message: Option<String>,
    /// The id under which the user's own system knows the contact.
    pub foreign_id: Option<String>,
    /// All other columns of the list.
    pub others: BTreeMap<String, String>,
    /// Drops so far.
    pub attempts: u64,
    /// Where the contact is on its way.
    pub step: ContactStep,
    /// What the gate held or refused, oldest first, as far as it is kept.
    pub decisions: Vec<PersonDecision>,
}

/// Where a contact is on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ContactStep {
    /// Their next attempt is due at this time.
    Due {
        /// The time.
        at: Timestamp,
        /// Why they wait until then; `None`: their place in the queue, or the time of a retry.
        held: Option<HeldReason>,
        /// The zone whose hours hold them.
        zone: Option<String>,
    },
    /// A controller has them, and is about to ask the gate.
    Leased,
    /// A call to them is in flight.
    Dialling,
    /// Nothing follows: this is how they ended.
    Ended(Outcome),
    /// Nothing follows: the gate refused them.
    Refused(RefusedReason),
}

/// A decision of the gate that dialled nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonDecision {
    /// When it was made.
    pub at: Timestamp,
    /// `held` or `refused`.
    pub decision: String,
    /// The reason's slug.
    pub reason: String,
    /// Until when it holds.
    pub until: Option<Timestamp>,
    /// The zone whose hours hold it.
    pub zone: Option<String>,
    /// The gate's ruling, as JSON.
    pub ruling: Option<String>,
    /// How often the contact was held, this time included, if that is counted.
    pub times_held: Option<u64>,
}

/// A call to a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonCall {
    /// The drop.
    pub drop: DropId,
    /// The campaign's name; `None` outside campaigns.
    pub campaign: Option<String>,
    /// The number of the attempt.
    pub attempt: u64,
    /// The number called.
    pub number: PhoneNumber,
    /// The PBX, by its controller's instance.
    pub pbx: String,
    /// One call or two.
    pub technique: Technique,
    /// The message.
    pub message: String,
    /// The number shown.
    pub caller_id: Option<String>,
    /// The gate's ruling, as JSON.
    pub ruling: String,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// How it ended.
    pub outcome: Option<Outcome>,
    /// How sure it is that the message was left.
    pub proof: Option<Proof>,
    /// The folder of its evidence.
    pub evidence: Option<String>,
}

/// A prompt of the book that was heard in calls to a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonPrompt {
    /// Its number.
    pub prompt: u32,
    /// How it ends; `None` of one that comes with the program.
    pub ends: Option<PromptEnd>,
    /// In how many of these calls.
    pub calls: u64,
    /// In which last.
    pub last_heard: Timestamp,
    /// Whether the book learnt it from the person.
    pub is_learnt: bool,
}

/// A removal from a do-not-call list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonRemoval {
    /// The list's name.
    pub list: String,
    /// When.
    pub at: Timestamp,
    /// Who did it.
    pub who: String,
    /// Why.
    pub because: Option<String>,
}

impl Store {
    /// All that is known of a person, by the spellings of their number.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn person(&self, numbers: &[PhoneNumber]) -> Result<PersonRecord, StoreError> {
        let mut tx = self.read("read what is known of a person").await?;
        let given = given(numbers);
        let digits = numbers.iter().map(codec::number);
        let record = PersonRecord {
            contacts: contacts(&mut tx, &given).await?,
            calls: calls(&mut tx, &given).await?,
            held: tx.holds_of(&given).await?,
            callbacks: tx.callbacks_of(&given).await?,
            do_not_call: entries(&mut tx, &given).await?,
            removals: removals(&mut tx, &given).await?,
            prompts: tx.prompts_of(&given).await?,
            erased: tx.erasure(digits).await?,
        };
        Ok(record)
    }
}

async fn contacts(tx: &mut Tx, given: &str) -> Result<Vec<PersonContact>, StoreError> {
    let people: Vec<StoredPerson> = tx.all(PEOPLE, args![given]).await?;
    let sql = if tx.has_step(DRAFTS_SINCE) {
        STEPS
    } else {
        STEPS_OF_EARLIER
    };
    let steps: Vec<StoredStep> = tx.all(sql, args![given]).await?;
    let mut decisions = decisions(tx, given).await?;
    let places = held_places(tx, given).await?;
    let mut all = Vec::with_capacity(people.len());
    for (person, stored) in people.into_iter().zip(steps) {
        let (
            id,
            number,
            list,
            line,
            name,
            zone,
            state,
            kind,
            at,
            source,
            message,
            foreign_id,
            others,
        ) = person;
        let (campaign, standing, attempts, ..) = &stored;
        let consent = match kind {
            Some(slug) => Some(Consent {
                kind: known(tx, codec::consent(&slug), "kind of consent")?,
                at: at.map(|at| time(tx, at)).transpose()?,
                source,
            }),
            None => None,
        };
        let others = others.map(|others| serde_json::from_str(&others).ok());
        let others = others.map(|others| known(tx, others, "column"));
        all.push(PersonContact {
            campaign: campaign.clone(),
            status: known(tx, Status::read(standing), "status")?,
            list,
            line: line.map(i64::unsigned_abs),
            number: known(tx, codec::read_number(number), "number")?,
            name,
            zone,
            state,
            consent,
            message,
            foreign_id,
            others: others.transpose()?.unwrap_or_default(),
            attempts: attempts.unsigned_abs(),
            step: step(tx, &stored, places.get(&id))?,
            decisions: decisions.remove(&id).unwrap_or_default(),
        });
    }
    Ok(all)
}

/// Where a contact is; `place` says until when hours hold the place that it is in, if they do.
pub(super) fn step(
    tx: &Tx,
    stored: &StoredStep,
    place: Option<&(i64, Option<String>)>,
) -> Result<ContactStep, StoreError> {
    let (_, _, _, stage, due_at, held, held_zone, outcome, refused) = stored;
    Ok(match (stage.as_str(), due_at, outcome, refused) {
        ("due", Some(due), ..) => match place.filter(|(until, _)| until > due) {
            Some((until, zone)) => ContactStep::Due {
                at: time(tx, *until)?,
                held: Some(HeldReason::CallingHours),
                zone: zone.clone(),
            },
            None => {
                let held = held
                    .as_deref()
                    .map(|slug| known(tx, codec::held(slug), "reason"));
                ContactStep::Due {
                    at: time(tx, *due)?,
                    held: held.transpose()?,
                    zone: held_zone.clone(),
                }
            }
        },
        ("leased", ..) => ContactStep::Leased,
        ("dialling", ..) => ContactStep::Dialling,
        ("ended", _, Some(slug), _) => {
            ContactStep::Ended(known(tx, codec::outcome(slug), "outcome")?)
        }
        ("refused", _, _, Some(slug)) => {
            ContactStep::Refused(known(tx, codec::refused(slug), "reason")?)
        }
        _ => return Err(tx.broken("there is an unknown stage in it")),
    })
}

async fn decisions(
    tx: &mut Tx,
    given: &str,
) -> Result<BTreeMap<i64, Vec<PersonDecision>>, StoreError> {
    let mut stored: Vec<StoredDecision> = tx.all(DECISIONS, args![given]).await?;
    if tx.has_table("last_decisions").await? {
        stored.append(&mut tx.all(LAST_DECISIONS, args![given]).await?);
        stored.sort_by_key(|decision| decision.1);
    }
    let mut all: BTreeMap<i64, Vec<PersonDecision>> = BTreeMap::new();
    for (contact, at, decision, reason, until, zone, ruling, times) in stored {
        all.entry(contact).or_default().push(PersonDecision {
            at: time(tx, at)?,
            decision,
            reason,
            until: until.map(|until| time(tx, until)).transpose()?,
            zone,
            ruling,
            times_held: times.map(i64::unsigned_abs),
        });
    }
    Ok(all)
}

/// Until when hours hold the places of contacts, and the zone that is closed, by contact.
async fn held_places(
    tx: &mut Tx,
    given: &str,
) -> Result<BTreeMap<i64, (i64, Option<String>)>, StoreError> {
    if !tx.has_table("campaign_places").await? {
        return Ok(BTreeMap::new());
    }
    let stored: Vec<(i64, i64, Option<String>)> = tx.all(HELD_PLACES, args![given]).await?;
    let stored = stored.into_iter();
    Ok(stored
        .map(|(contact, until, zone)| (contact, (until, zone)))
        .collect())
}

async fn calls(tx: &mut Tx, given: &str) -> Result<Vec<PersonCall>, StoreError> {
    let stored: Vec<StoredCall> = tx.all(CALLS, args![given]).await?;
    let mut all = Vec::with_capacity(stored.len());
    for stored in stored {
        let (
            id,
            campaign,
            attempt,
            number,
            pbx,
            slug,
            message,
            caller_id,
            ruling,
            started,
            ended,
            how,
            proof,
            evidence,
        ) = stored;
        let outcome = how.map(|slug| known(tx, codec::outcome(&slug), "outcome"));
        let proof = proof.map(|slug| known(tx, codec::proof(&slug), "proof"));
        all.push(PersonCall {
            drop: known(tx, id.parse().ok(), "drop's id")?,
            campaign,
            attempt: attempt.unsigned_abs(),
            number: known(tx, codec::read_number(number), "number")?,
            pbx,
            technique: known(tx, codec::technique(&slug), "technique")?,
            message,
            caller_id,
            ruling,
            started_at: time(tx, started)?,
            ended_at: ended.map(|ended| time(tx, ended)).transpose()?,
            outcome: outcome.transpose()?,
            proof: proof.transpose()?,
            evidence,
        });
    }
    Ok(all)
}

async fn entries(tx: &mut Tx, given: &str) -> Result<Vec<Barred>, StoreError> {
    let stored: Vec<(String, i64, Option<String>)> = tx.all(ENTRIES, args![given]).await?;
    let mut entries = BTreeMap::new();
    for (name, at, because) in stored {
        let list = known(tx, ListName::new(&name), "list")?;
        let at = time(tx, at)?;
        // Spellings of one number are on a list together.
        entries.entry(name).or_insert(Barred { list, at, because });
    }
    Ok(entries.into_values().collect())
}

async fn removals(tx: &mut Tx, given: &str) -> Result<Vec<PersonRemoval>, StoreError> {
    if !tx.has_table("removals").await? {
        return Ok(Vec::new());
    }
    let stored: Vec<(String, i64, String, Option<String>)> = tx.all(REMOVALS, args![given]).await?;
    let mut all = Vec::with_capacity(stored.len());
    for (list, at, who, because) in stored {
        let at = time(tx, at)?;
        let removal = PersonRemoval {
            list,
            at,
            who,
            because,
        };
        // Spellings of one number go together.
        if all.last() != Some(&removal) {
            all.push(removal);
        }
    }
    Ok(all)
}

/// The columns of [`PEOPLE`].
type StoredPerson = (
    i64,
    i64,
    Option<String>,
    Option<i64>,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<i64>,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<String>,
);

/// The columns of [`STEPS`].
pub(super) type StoredStep = (
    String,
    String,
    i64,
    String,
    Option<i64>,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<String>,
);

/// The columns of [`DECISIONS`] and of [`LAST_DECISIONS`].
type StoredDecision = (
    i64,
    i64,
    String,
    String,
    Option<i64>,
    Option<String>,
    Option<String>,
    Option<i64>,
);

/// The columns of [`CALLS`].
type StoredCall = (
    String,
    Option<String>,
    i64,
    i64,
    String,
    String,
    String,
    Option<String>,
    String,
    i64,
    Option<i64>,
    Option<String>,
    Option<String>,
    Option<String>,
);

const PEOPLE: Sql = sql!(
    "SELECT contacts.id, contacts.number, imports.name, contacts.line, contacts.name, contacts.zone, contacts.state, \
     contacts.consent, contacts.consent_at, contacts.consent_source, contacts.message, contacts.foreign_id, \
     contacts.others FROM ",
    { number BIGINT },
    " JOIN contacts ON contacts.number = given.number LEFT JOIN imports ON imports.id = contacts.import \
     ORDER BY contacts.id"
);

const STEPS: Sql = sql!(
    "SELECT campaigns.name, ",
    STANDING,
    ", contacts.attempts, contacts.stage, contacts.due_at, contacts.held, \
     contacts.held_zone, contacts.outcome, contacts.refused FROM ",
    { number BIGINT },
    " JOIN contacts ON contacts.number = given.number JOIN campaigns ON campaigns.id = contacts.campaign \
     ORDER BY contacts.id"
);

/// The same of a schema that knows no drafts.
const STEPS_OF_EARLIER: Sql = sql!(
    "SELECT campaigns.name, campaigns.standing, contacts.attempts, contacts.stage, contacts.due_at, contacts.held, \
     contacts.held_zone, contacts.outcome, contacts.refused FROM ",
    { number BIGINT },
    " JOIN contacts ON contacts.number = given.number JOIN campaigns ON campaigns.id = contacts.campaign \
     ORDER BY contacts.id"
);

const DECISIONS: Sql = sql!(
    "SELECT decisions.contact, decisions.at, decisions.decision, decisions.reason, decisions.until, decisions.zone, \
     decisions.ruling, CAST(NULL AS BIGINT) FROM ",
    { number BIGINT },
    " JOIN contacts ON contacts.number = given.number JOIN decisions ON decisions.contact = contacts.id \
     ORDER BY decisions.id"
);

/// Only a schema of its own version has the table.
const LAST_DECISIONS: Sql = sql!(
    "SELECT last_decisions.contact, last_decisions.at, last_decisions.decision, last_decisions.reason, \
     last_decisions.until, last_decisions.zone, last_decisions.ruling, last_decisions.times_held FROM ",
    { number BIGINT },
    " JOIN contacts ON contacts.number = given.number JOIN last_decisions ON last_decisions.contact = contacts.id"
);

/// Only a schema of its own version has the table.
const HELD_PLACES: Sql = sql!(
    "SELECT contacts.id, campaign_places.held_until, campaign_places.held_zone FROM ",
    { number BIGINT },
    " JOIN contacts ON contacts.number = given.number JOIN campaign_places \
     ON campaign_places.campaign = contacts.campaign AND campaign_places.place = contacts.place \
     WHERE campaign_places.held_until IS NOT NULL"
);

const CALLS: Sql = sql!(
    "SELECT drops.id, campaigns.name, drops.attempt, drops.number, drops.pbx, \
     CASE WHEN EXISTS (SELECT 1 FROM ordered_drops WHERE drop_id = drops.id AND channel IS NOT NULL) \
     THEN 'adopted' ELSE drops.technique END, drops.message, \
     drops.caller_id, drops.ruling, drops.started_at, drops.ended_at, drops.outcome, drops.proof, drops.evidence FROM ",
    { number BIGINT },
    " JOIN drops ON drops.number = given.number LEFT JOIN campaigns ON campaigns.id = drops.campaign \
     ORDER BY drops.started_at, drops.id"
);

const ENTRIES: Sql = sql!(
    "SELECT lists.name, do_not_call.at, do_not_call.because FROM ",
    { number BIGINT },
    " JOIN do_not_call ON do_not_call.number = given.number JOIN lists ON lists.id = do_not_call.list \
     ORDER BY lists.name, do_not_call.at"
);

/// Only a schema of its own version has the table.
const REMOVALS: Sql = sql!(
    "SELECT removals.list, removals.at, removals.who, removals.because FROM ",
    { number BIGINT },
    " JOIN removals ON removals.number = given.number ORDER BY removals.at, removals.id"
);
