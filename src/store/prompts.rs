//! The book of prompts: fingerprints, how their prompts end, and in which calls they were heard.
//!
//! A fingerprint is bytes here, and what it means is a slug. A number that is kept with a prompt is forgotten with the person, and a
//! prompt that no other number has played goes with it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::{
    PersonPrompt, Store, StoreError, codec,
    erase::given,
    retry::Attempts,
    sql::{Sql, args, row, rows, sql},
    transaction::Tx,
};
use crate::{phone::PhoneNumber, words::PromptEnd};

/// Where a prompt came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PromptOrigin {
    /// From a call.
    Learnt,
    /// From a file.
    Imported,
    /// With the program; the operator changed it.
    Shipped,
}

impl PromptOrigin {
    /// The slug.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Learnt => "learnt",
            Self::Imported => "imported",
            Self::Shipped => "shipped",
        }
    }

    fn of(slug: &str) -> Option<Self> {
        let all = [Self::Learnt, Self::Imported, Self::Shipped];
        all.into_iter().find(|origin| origin.as_str() == slug)
    }
}

/// A prompt that is put into the book.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewPrompt {
    /// Where it came from.
    pub origin: PromptOrigin,
    /// How it ends.
    pub ends: PromptEnd,
    /// When its beep begins, in milliseconds since the prompt began.
    pub beep_ms: Option<u32>,
    /// How long it is, in milliseconds.
    pub length_ms: u32,
    /// Its fingerprint.
    pub prints: Vec<u8>,
    /// What the operator calls it.
    pub label: Option<String>,
}

/// A call in which a prompt was heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PromptHearing {
    /// The call: a drop, or the name of a recording.
    pub call: String,
    /// The number that was called.
    pub number: PhoneNumber,
    /// When.
    pub at: Timestamp,
    /// How the call ended, if that is beyond doubt.
    pub ends: Option<PromptEnd>,
    /// The campaign.
    pub campaign: Option<i64>,
    /// The PBX that made the call, by its instance.
    pub pbx: Option<String>,
    /// The folder of evidence.
    pub evidence: Option<String>,
}

/// A prompt of the book.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredPrompt {
    /// Its number.
    pub id: u32,
    /// Where it came from.
    pub origin: PromptOrigin,
    /// How it ends.
    pub ends: PromptEnd,
    /// When its beep begins, in milliseconds since the prompt began.
    pub beep_ms: Option<u32>,
    /// How long it is, in milliseconds.
    pub length_ms: u32,
    /// How many bytes its fingerprint has; without any it is not used.
    pub bytes: u64,
    /// The version of its fingerprint: its first byte.
    pub version: Option<u8>,
    /// What the operator calls it.
    pub label: Option<String>,
    /// Whether the operator has said how it ends.
    pub is_labelled: bool,
    /// In how many calls it was heard.
    pub calls: u64,
    /// At how many numbers.
    pub numbers: u64,
    /// When it was first heard.
    pub first_heard: Option<Timestamp>,
    /// When it was last heard.
    pub last_heard: Option<Timestamp>,
    /// How many calls ended otherwise than it says, and how one of them did.
    pub contradicted: Option<(u64, PromptEnd)>,
}

impl StoredPrompt {
    /// Whether calls may be decided by it: it was heard at two numbers, or the operator or a file says how it ends, and no call
    /// has contradicted it.
    pub const fn is_in_use(&self) -> bool {
        let is_known = match self.origin {
            PromptOrigin::Learnt => self.is_labelled || self.numbers >= 2,
            PromptOrigin::Imported | PromptOrigin::Shipped => true,
        };
        is_known && self.contradicted.is_none() && self.bytes > 0
    }
}

impl Store {
    /// A number that changes with the book.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn prompt_generation(&self) -> Result<i64, StoreError> {
        let mut tx = self.read(READING).await?;
        if !tx.has_step(PROMPTS_SINCE) {
            return Ok(0);
        }
        let found: Option<(i64,)> = tx.one(GENERATION, &[]).await?;
        Ok(found.map_or(0, |(generation,)| generation))
    }

    /// All prompts, by their numbers.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn prompts(&self) -> Result<Vec<StoredPrompt>, StoreError> {
        let mut all: Vec<StoredPrompt> = Vec::new();
        loop {
            let after = all.last().map(|prompt| prompt.id);
            let page = self.prompts_after(after, PAGE).await?;
            let is_last = page.len() < PAGE;
            all.extend(page);
            if is_last {
                return Ok(all);
            }
        }
    }

    /// So many prompts behind one, by their numbers.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn prompts_after(
        &self,
        after: Option<u32>,
        limit: usize,
    ) -> Result<Vec<StoredPrompt>, StoreError> {
        let mut tx = self.read(READING).await?;
        if !tx.has_step(PROMPTS_SINCE) {
            return Ok(Vec::new());
        }
        let after = after.map_or(-1, i64::from);
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows: Vec<PromptRow> = tx.all(PROMPTS, args![after, limit]).await?;
        tx.with_counts(rows).await
    }

    /// A prompt, by its number.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn prompt(&self, prompt: u32) -> Result<Option<StoredPrompt>, StoreError> {
        let page = self.prompts_after(prompt.checked_sub(1), 1).await?;
        Ok(page.into_iter().find(|found| found.id == prompt))
    }

    /// A prompt that comes with the program and that nobody has changed, with what is known of the calls in which it was heard.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn unchanged_prompt(
        &self,
        prompt: u32,
        shipped: &NewPrompt,
    ) -> Result<StoredPrompt, StoreError> {
        let id = i64::from(prompt);
        let mut tx = self.read(READING).await?;
        let mut counts = BTreeMap::new();
        if tx.has_step(PROMPTS_SINCE) {
            counts = tx.counts(id, id).await?;
            let mut ends: Vec<(String, i64)> = tx.all(ENDS, args![id]).await?;
            if tx.has_step(PRUNED_SINCE) {
                ends.extend(tx.all::<(String, i64)>(PRUNED_ENDS, args![id]).await?);
            }
            for (ends, calls) in ends {
                if ends != shipped.ends.as_str() {
                    add_contradiction(&mut counts, id, calls, ends);
                }
            }
        }
        let row = (
            id,
            shipped.origin.as_str().to_owned(),
            shipped.ends.as_str().to_owned(),
            shipped.beep_ms.map(i64::from),
            i64::from(shipped.length_ms),
            i64::try_from(shipped.prints.len()).unwrap_or(i64::MAX),
            shipped.prints.iter().take(1).copied().collect(),
            shipped.label.clone(),
            None,
        );
        let read = read_prompt(row, counts.get(&id));
        read.ok_or_else(|| tx.broken(format!("the calls of prompt {prompt} cannot be read")))
    }

    /// Prompts that calls have contradicted, by their numbers: so many at most.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn contradicted_prompts(
        &self,
        limit: usize,
    ) -> Result<Vec<StoredPrompt>, StoreError> {
        let mut tx = self.read(READING).await?;
        if !tx.has_step(PROMPTS_SINCE) {
            return Ok(Vec::new());
        }
        let found: Vec<(i64,)> = tx.all(CONTRADICTED, &[]).await?;
        let mut ids: BTreeSet<i64> = found.into_iter().map(|(id,)| id).collect();
        if tx.has_step(PRUNED_SINCE) {
            let found: Vec<(i64,)> = tx.all(CONTRADICTED_BEFORE, &[]).await?;
            ids.extend(found.into_iter().map(|(id,)| id));
        }
        let mut prompts = Vec::new();
        for id in ids.into_iter().take(limit) {
            let rows: Vec<PromptRow> = tx.all(PROMPTS, args![id - 1, 1]).await?;
            prompts.extend(tx.with_counts(rows).await?);
        }
        Ok(prompts)
    }

    /// The fingerprints of prompts by their numbers, behind `after` and up to `last`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn prompt_prints(
        &self,
        after: Option<u32>,
        last: u32,
    ) -> Result<Vec<(u32, Vec<u8>)>, StoreError> {
        let mut tx = self.read(READING).await?;
        if !tx.has_step(PROMPTS_SINCE) {
            return Ok(Vec::new());
        }
        let after = after.map_or(-1, i64::from);
        let rows: Vec<(i64, Vec<u8>)> = tx.all(PRINTS, args![after, i64::from(last)]).await?;
        let read = rows
            .into_iter()
            .map(|(id, prints)| Some((u32::try_from(id).ok()?, prints)));
        let read: Option<Vec<_>> = read.collect();
        read.ok_or_else(|| tx.broken("the number of a prompt is out of range"))
    }

    /// The calls in which a prompt was heard, the last first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn prompt_hearings(&self, prompt: u32) -> Result<Vec<PromptHearing>, StoreError> {
        self.last_hearings(prompt, usize::MAX).await
    }

    /// The last calls in which a prompt was heard, the last first: so many at most.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn last_hearings(
        &self,
        prompt: u32,
        limit: usize,
    ) -> Result<Vec<PromptHearing>, StoreError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let mut tx = self.read(READING).await?;
        if !tx.has_step(PROMPTS_SINCE) {
            return Ok(Vec::new());
        }
        let rows: Vec<HearingRow> = tx.all(HEARINGS, args![i64::from(prompt), limit]).await?;
        let read = rows.into_iter().map(read_hearing);
        let read: Option<Vec<_>> = read.collect();
        read.ok_or_else(|| tx.broken(format!("a call of prompt {prompt} cannot be read")))
    }

    /// The number, the time, the campaign and the PBX of a drop, by its id.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn call_of_prompt(
        &self,
        drop: &str,
    ) -> Result<Option<(PhoneNumber, Timestamp, Option<i64>, String)>, StoreError> {
        let mut tx = self.read(READING).await?;
        let found: Option<(i64, i64, Option<i64>, String)> = tx.one(CALL, args![drop]).await?;
        Ok(found.and_then(|(number, at, campaign, pbx)| {
            // The number of a drop whose person is erased is none.
            Some((
                codec::read_number(number)?,
                codec::read_time(at)?,
                campaign,
                pbx,
            ))
        }))
    }

    /// Puts a prompt into the book, with the call in which it was heard; returns its number. A number that is erased is not
    /// learnt from: `None`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn add_prompt(
        &self,
        new: &NewPrompt,
        heard: Option<&PromptHearing>,
        now: Timestamp,
    ) -> Result<Option<u32>, StoreError> {
        let mut tx = self.write(LEARNING).await?;
        if tx.is_of_erased(heard).await? {
            return Ok(None);
        }
        let number = heard.map(|heard| codec::number(&heard.number));
        let prints = hex(&new.prints);
        let made: Option<(i64,)> = tx
            .one(
                ADD,
                args![
                    new.origin.as_str(),
                    new.ends.as_str(),
                    new.beep_ms.map(i64::from),
                    i64::from(new.length_ms),
                    &prints,
                    new.label.as_deref(),
                    number,
                    codec::micros(now),
                ],
            )
            .await?;
        let id = made.and_then(|(id,)| u32::try_from(id).ok());
        let id = id.ok_or_else(|| tx.broken("the number of a prompt is out of range"))?;
        if let Some(heard) = heard {
            tx.write_hearing(id, heard).await?;
        }
        tx.execute(CHANGED, &[]).await?;
        tx.commit().await?;
        Ok(Some(id))
    }

    /// Notes in which calls prompts were heard; each once for each call.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn hear_prompts(&self, heard: &[(u32, PromptHearing)]) -> Result<(), StoreError> {
        let mut tx = self.write(LEARNING).await?;
        for (prompt, heard) in heard {
            if !tx.is_of_erased(Some(heard)).await? {
                tx.write_hearing(*prompt, heard).await?;
            }
        }
        tx.execute(CHANGED, &[]).await?;
        tx.commit().await
    }

    /// Forgets when a prompt's beep comes: calls differ in that.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn forget_beep(&self, prompt: u32) -> Result<(), StoreError> {
        let mut tx = self.write(LEARNING).await?;
        tx.execute(FORGET_BEEP, args![i64::from(prompt)]).await?;
        tx.execute(CHANGED, &[]).await?;
        tx.commit().await
    }

    /// Says how a prompt ends, and what it is called: from now on it is in use, and ends that were heard before count no more.
    /// A prompt that comes with the program is given whole. Returns whether there is one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn label_prompt(
        &self,
        prompt: u32,
        ends: PromptEnd,
        label: Option<&str>,
        shipped: Option<&NewPrompt>,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut tx = self.write("label a prompt").await?;
        tx.override_shipped(prompt, shipped, now).await?;
        let args = args![i64::from(prompt), ends.as_str(), label, codec::micros(now)];
        let found = tx.execute(LABEL, args).await?;
        tx.execute(CHANGED, &[]).await?;
        tx.commit().await?;
        Ok(found > 0)
    }

    /// Forgets a prompt and where it was heard. One that comes with the program is given whole, and is not used any more.
    /// Returns whether there was one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn forget_prompt(
        &self,
        prompt: u32,
        shipped: Option<&NewPrompt>,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut tx = self.write("forget a prompt").await?;
        let id = i64::from(prompt);
        tx.execute(FORGET_HEARINGS, args![id]).await?;
        tx.execute(FORGET_PRUNED, args![id]).await?;
        let found = if shipped.is_some() {
            tx.override_shipped(prompt, shipped, now).await?;
            tx.execute(EMPTY, args![id]).await?
        } else {
            tx.execute(FORGET, args![id]).await?
        };
        tx.execute(CHANGED, &[]).await?;
        tx.commit().await?;
        Ok(found > 0)
    }

    /// Counts where prompts were heard in calls of before whose drops are not kept any more, and forgets it. Returns how many
    /// calls.
    pub(super) async fn prune_hearings(&self, before: Timestamp) -> Result<u64, StoreError> {
        let before = codec::micros(before);
        let mut from = i64::MIN;
        let mut all = 0;
        loop {
            let mut tx = self.read(PRUNING).await?;
            if !tx.has_step(PRUNED_SINCE) {
                return Ok(all);
            }
            let found: Vec<(i64, String, i64, i64)> =
                tx.all(SOME_HEARINGS, args![from, before]).await?;
            drop(tx);
            let Some((.., last)) = found.last() else {
                return Ok(all);
            };
            from = *last;
            let given = rows(
                found
                    .iter()
                    .map(|(prompt, call, ..)| row! { prompt: prompt, call: call }),
            );
            let numbers = found
                .iter()
                .map(|(_, _, number, _)| row! { number: number });
            let numbers = rows(numbers);
            let mut attempts = Attempts::default();
            let gone = loop {
                match self.prune_these_hearings(&given, &numbers).await {
                    Err(error) if attempts.again(&error).await => {}
                    done => break done?,
                }
            };
            all += gone;
            // Another may have been quicker.
            if gone == 0 {
                from = from.saturating_add(1);
            }
            self.give_way().await;
        }
    }

    async fn prune_these_hearings(&self, given: &str, numbers: &str) -> Result<u64, StoreError> {
        let mut tx = self.write(PRUNING).await?;
        tx.execute(COUNT_HEARINGS, args![given]).await?;
        let gone = tx.execute(DELETE_HEARINGS, args![given]).await?;
        tx.execute(FORGET_LEARNT_FROM, args![numbers]).await?;
        tx.commit().await?;
        Ok(gone)
    }

    /// Forgets personal greetings: prompts that were learnt, are of one number alone, and were last heard before, or are not among
    /// the last `MOST_GREETINGS` that were learnt. Returns how many.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn forget_greetings(&self, before: Timestamp) -> Result<u64, StoreError> {
        let mut tx = self.write("forget old greetings").await?;
        if !tx.has_step(PROMPTS_SINCE) {
            return Ok(0);
        }
        let gone = tx
            .execute(
                FORGET_GREETINGS,
                args![codec::micros(before), MOST_GREETINGS],
            )
            .await?;
        if gone > 0 {
            tx.forget_orphans().await?;
            tx.execute(CHANGED, &[]).await?;
        }
        tx.commit().await?;
        Ok(gone)
    }

    /// How many greetings [`Self::forget_greetings`] would forget.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn old_greetings(&self, before: Timestamp) -> Result<u64, StoreError> {
        let mut tx = self.read(READING).await?;
        if !tx.has_step(PROMPTS_SINCE) {
            return Ok(0);
        }
        let found: Option<(i64,)> = tx
            .one(OLD_GREETINGS, args![codec::micros(before), MOST_GREETINGS])
            .await?;
        Ok(found.map_or(0, |(count,)| count.unsigned_abs()))
    }
}

impl Tx {
    /// Forgets what was learnt from these numbers: where their prompts were heard, and those that no two other numbers have
    /// played.
    pub(super) async fn forget_prompts_of(
        &mut self,
        numbers: &[PhoneNumber],
    ) -> Result<u64, StoreError> {
        if !self.has_step(PROMPTS_SINCE) {
            return Ok(0);
        }
        let given = given(numbers);
        let unheard = self.execute(FORGET_HEARINGS_OF, args![&given]).await?;
        let gone = self.execute(FORGET_PROMPTS_OF, args![&given]).await?;
        let kept = self.execute(FORGET_NUMBERS_OF, args![&given]).await?;
        if unheard + gone + kept > 0 {
            self.forget_orphans().await?;
            self.execute(CHANGED, &[]).await?;
        }
        Ok(gone)
    }

    /// Forgets where prompts were heard that are gone.
    async fn forget_orphans(&mut self) -> Result<(), StoreError> {
        self.execute(FORGET_ORPHANS, &[]).await?;
        self.execute(FORGET_PRUNED_ORPHANS, &[]).await.map(drop)
    }

    /// In how many calls prompts were heard, by their numbers from the first to the last.
    async fn counts(
        &mut self,
        first: i64,
        last: i64,
    ) -> Result<BTreeMap<i64, HeardCount>, StoreError> {
        let mut counts: BTreeMap<i64, HeardCount> = BTreeMap::new();
        let live: Vec<CountRow> = self.all(COUNTS, args![first, last]).await?;
        let pruned: Vec<CountRow> = if self.has_step(PRUNED_SINCE) {
            self.all(PRUNED_COUNTS, args![first, last]).await?
        } else {
            Vec::new()
        };
        for (id, calls, numbers, from, to) in live.into_iter().chain(pruned) {
            let count = counts.entry(id).or_insert(HeardCount {
                first: from,
                last: to,
                ..HeardCount::default()
            });
            count.calls += calls.unsigned_abs();
            // Who was called before and who is called now may be the same.
            count.numbers = count.numbers.max(numbers.unsigned_abs());
            count.first = count.first.min(from);
            count.last = count.last.max(to);
        }
        Ok(counts)
    }

    /// Prompts with what is known of the calls in which they were heard; they are in the order of their numbers.
    async fn with_counts(&mut self, rows: Vec<PromptRow>) -> Result<Vec<StoredPrompt>, StoreError> {
        let (Some(first), Some(last)) = (rows.first(), rows.last()) else {
            return Ok(Vec::new());
        };
        let (first, last) = (first.0, last.0);
        let mut counts = self.counts(first, last).await?;
        let live: Vec<(i64, i64, String)> = self.all(CONTRADICTIONS, args![first, last]).await?;
        let pruned: Vec<(i64, i64, String)> = if self.has_step(PRUNED_SINCE) {
            self.all(PRUNED_CONTRADICTIONS, args![first, last]).await?
        } else {
            Vec::new()
        };
        for (id, calls, ends) in live.into_iter().chain(pruned) {
            add_contradiction(&mut counts, id, calls, ends);
        }
        let mut prompts = Vec::with_capacity(rows.len());
        for row in rows {
            let id = row.0;
            let read = read_prompt(row, counts.get(&id));
            prompts.push(
                read.ok_or_else(|| self.broken(format!("the row of prompt {id} cannot be read")))?,
            );
        }
        Ok(prompts)
    }

    /// Prompts that were heard at these numbers.
    pub(super) async fn prompts_of(
        &mut self,
        given: &str,
    ) -> Result<Vec<PersonPrompt>, StoreError> {
        if !self.has_step(PROMPTS_SINCE) {
            return Ok(Vec::new());
        }
        let rows: Vec<(i64, Option<String>, i64, i64, i64)> =
            self.all(PROMPTS_OF, args![given]).await?;
        let read = rows.into_iter().map(|(prompt, ends, calls, last, learnt)| {
            Some(PersonPrompt {
                prompt: u32::try_from(prompt).ok()?,
                ends: match ends {
                    Some(slug) => Some(PromptEnd::of(&slug)?),
                    None => None,
                },
                calls: calls.unsigned_abs(),
                last_heard: codec::read_time(last)?,
                is_learnt: learnt > 0,
            })
        });
        let read: Option<Vec<_>> = read.collect();
        read.ok_or_else(|| self.broken("the prompt of a person cannot be read"))
    }

    async fn is_of_erased(&mut self, heard: Option<&PromptHearing>) -> Result<bool, StoreError> {
        let numbers = heard.map(|heard| codec::number(&heard.number));
        Ok(self.erasure(numbers.into_iter()).await?.is_some())
    }

    async fn write_hearing(
        &mut self,
        prompt: u32,
        heard: &PromptHearing,
    ) -> Result<(), StoreError> {
        let args = args![
            i64::from(prompt),
            &heard.call,
            codec::number(&heard.number),
            codec::micros(heard.at),
            heard.ends.map(PromptEnd::as_str),
            heard.campaign,
            heard.pbx.as_deref(),
            heard.evidence.as_deref(),
        ];
        self.execute(HEAR, args).await.map(drop)
    }

    /// Makes a row of a prompt that comes with the program, unless there is one.
    async fn override_shipped(
        &mut self,
        prompt: u32,
        shipped: Option<&NewPrompt>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let Some(shipped) = shipped else {
            return Ok(());
        };
        let prints = hex(&shipped.prints);
        let args = args![
            i64::from(prompt),
            shipped.ends.as_str(),
            shipped.beep_ms.map(i64::from),
            i64::from(shipped.length_ms),
            &prints,
            shipped.label.as_deref(),
            codec::micros(now),
        ];
        self.execute(OVERRIDE, args).await.map(drop)
    }
}

type PromptRow = (
    i64,
    String,
    String,
    Option<i64>,
    i64,
    i64,
    Vec<u8>,
    Option<String>,
    Option<i64>,
);

/// A prompt, its calls, its numbers, the first and the last.
type CountRow = (i64, i64, i64, i64, i64);

/// What is known of the calls in which a prompt was heard.
#[derive(Clone, Debug, Default)]
struct HeardCount {
    calls: u64,
    numbers: u64,
    first: i64,
    last: i64,
    /// How many ended otherwise than the prompt says, and how.
    against: Option<(u64, String)>,
}

type HearingRow = (
    String,
    i64,
    i64,
    Option<String>,
    Option<i64>,
    Option<String>,
    Option<String>,
);

/// Adds calls that ended otherwise than their prompt says.
fn add_contradiction(
    counts: &mut BTreeMap<i64, HeardCount>,
    prompt: i64,
    calls: i64,
    ends: String,
) {
    let count = counts.entry(prompt).or_default();
    let against = count.against.get_or_insert((0, String::new()));
    against.0 += calls.unsigned_abs();
    if ends > against.1 {
        against.1 = ends;
    }
}

fn read_prompt(row: PromptRow, count: Option<&HeardCount>) -> Option<StoredPrompt> {
    let (id, origin, ends, beep_ms, length_ms, bytes, first, label, labelled_at) = row;
    let contradicted = match count.and_then(|count| count.against.as_ref()) {
        Some((calls, ends)) => Some((*calls, PromptEnd::of(ends)?)),
        None => None,
    };
    let beep_ms = match beep_ms {
        Some(ms) => Some(u32::try_from(ms).ok()?),
        None => None,
    };
    Some(StoredPrompt {
        id: u32::try_from(id).ok()?,
        origin: PromptOrigin::of(&origin)?,
        ends: PromptEnd::of(&ends)?,
        beep_ms,
        length_ms: u32::try_from(length_ms).ok()?,
        bytes: bytes.unsigned_abs(),
        version: first.first().copied(),
        label,
        is_labelled: labelled_at.is_some(),
        calls: count.map_or(0, |count| count.calls),
        numbers: count.map_or(0, |count| count.numbers),
        first_heard: count.and_then(|count| codec::read_time(count.first)),
        last_heard: count.and_then(|count| codec::read_time(count.last)),
        contradicted,
    })
}

fn read_hearing(row: HearingRow) -> Option<PromptHearing> {
    let (call, number, at, ends, campaign, pbx, evidence) = row;
    let ends = match ends {
        Some(slug) => Some(PromptEnd::of(&slug)?),
        None => None,
    };
    Some(PromptHearing {
        call,
        number: codec::read_number(number)?,
        at: codec::read_time(at)?,
        ends,
        campaign,
        pbx,
        evidence,
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The version of the schema that has these tables.
const PROMPTS_SINCE: i64 = 11;

/// The version of the schema that counts where prompts were heard before it is forgotten.
const PRUNED_SINCE: i64 = 24;

/// How many prompts are read at once.
const PAGE: usize = 500;

/// How many learnt prompts are kept at most of those that one number alone has played.
const MOST_GREETINGS: i64 = 5_000;

const READING: &str = "read the book of prompts";
const LEARNING: &str = "learn a prompt";
const PRUNING: &str = "prune where prompts were heard";

const GENERATION: Sql = sql!("SELECT value FROM counters WHERE name = 'prompts'");

const CHANGED: Sql = sql!("UPDATE counters SET value = value + 1 WHERE name = 'prompts'");

const PROMPTS: Sql = sql!(
    "SELECT id, origin, ends, beep_ms, length_ms, CAST(length(prints) AS BIGINT), \
     substr(prints, 1, 1), label, labelled_at FROM prompts WHERE id > $1 ORDER BY id LIMIT $2"
);

const CALL: Sql = sql!("SELECT number, started_at, campaign, pbx FROM drops WHERE id = $1");

const PRINTS: Sql = sql!("SELECT id, prints FROM prompts WHERE id > $1 AND id <= $2 ORDER BY id");

const COUNTS: Sql = sql!(
    "SELECT prompt, count(*), count(DISTINCT number), min(at), max(at) FROM prompt_hearings \
     WHERE prompt >= $1 AND prompt <= $2 GROUP BY prompt"
);

const PRUNED_COUNTS: Sql = sql!(
    "SELECT prompt, CAST(sum(calls) AS BIGINT), max(numbers), min(first_at), max(last_at) FROM pruned_hearings \
     WHERE prompt >= $1 AND prompt <= $2 GROUP BY prompt"
);

/// The calls that a prompt's label does not overrule.
macro_rules! contradictions {
    ($begin:literal, $table:literal, $at:literal, $end:literal) => {
        sql!(
            $begin,
            " FROM ",
            $table,
            " AS heard JOIN prompts ON prompts.id = heard.prompt WHERE heard.ends IS NOT NULL AND heard.ends <> '' \
             AND heard.ends <> prompts.ends AND (prompts.labelled_at IS NULL OR heard.",
            $at,
            " > prompts.labelled_at) ",
            $end
        )
    };
}

const CONTRADICTIONS: Sql = contradictions!(
    "SELECT heard.prompt, count(*), max(heard.ends)",
    "prompt_hearings",
    "at",
    "AND heard.prompt >= $1 AND heard.prompt <= $2 GROUP BY heard.prompt"
);

const PRUNED_CONTRADICTIONS: Sql = contradictions!(
    "SELECT heard.prompt, CAST(sum(heard.calls) AS BIGINT), max(heard.ends)",
    "pruned_hearings",
    "last_at",
    "AND heard.prompt >= $1 AND heard.prompt <= $2 GROUP BY heard.prompt"
);

const ENDS: Sql = sql!(
    "SELECT ends, count(*) FROM prompt_hearings WHERE prompt = $1 AND ends IS NOT NULL GROUP BY ends"
);

const PRUNED_ENDS: Sql = sql!(
    "SELECT ends, CAST(sum(calls) AS BIGINT) FROM pruned_hearings WHERE prompt = $1 AND ends <> '' GROUP BY ends"
);

const CONTRADICTED: Sql =
    contradictions!("SELECT DISTINCT heard.prompt", "prompt_hearings", "at", "");

const CONTRADICTED_BEFORE: Sql = contradictions!(
    "SELECT DISTINCT heard.prompt",
    "pruned_hearings",
    "last_at",
    ""
);

const HEARINGS: Sql = sql!(
    "SELECT prompt_hearings.call, prompt_hearings.number, prompt_hearings.at, prompt_hearings.ends, \
     prompt_hearings.campaign, prompt_hearings.pbx, coalesce(prompt_hearings.evidence, drops.evidence) \
     FROM prompt_hearings LEFT JOIN drops ON drops.id = prompt_hearings.call WHERE prompt_hearings.prompt = $1 \
     ORDER BY prompt_hearings.at DESC, prompt_hearings.call LIMIT $2"
);

const ADD: Sql = sql!(
    "INSERT INTO prompts (origin, ends, beep_ms, length_ms, prints, label, number, made_at) \
     VALUES ($1, $2, $3, $4, ",
    ["unhex($5)", "decode($5, 'hex')"],
    ", $6, $7, $8) RETURNING id"
);

const OVERRIDE: Sql = sql!(
    "INSERT INTO prompts (id, origin, ends, beep_ms, length_ms, prints, label, made_at) \
     VALUES ($1, 'shipped', $2, $3, $4, ",
    ["unhex($5)", "decode($5, 'hex')"],
    ", $6, $7) ON CONFLICT (id) DO NOTHING"
);

const HEAR: Sql = sql!(
    "INSERT INTO prompt_hearings (prompt, call, number, at, ends, campaign, pbx, evidence) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (prompt, call) DO UPDATE \
     SET ends = coalesce(excluded.ends, prompt_hearings.ends), \
     evidence = coalesce(excluded.evidence, prompt_hearings.evidence)"
);

const LABEL: Sql = sql!(
    "UPDATE prompts SET ends = $2, label = coalesce($3, label), labelled_at = $4, \
     beep_ms = CASE WHEN $2 = 'records' THEN beep_ms ELSE NULL END WHERE id = $1"
);

const EMPTY: Sql = sql!([
    "UPDATE prompts SET prints = x'' WHERE id = $1",
    "UPDATE prompts SET prints = ''::bytea WHERE id = $1"
]);

const FORGET_BEEP: Sql = sql!("UPDATE prompts SET beep_ms = NULL WHERE id = $1");

const FORGET: Sql = sql!("DELETE FROM prompts WHERE id = $1");

const FORGET_HEARINGS: Sql = sql!("DELETE FROM prompt_hearings WHERE prompt = $1");

/// A statement on greetings that go: what is left of their calls that are not kept counts as those that are.
macro_rules! greetings {
    ($begin:literal) => {
        sql!(
            $begin,
            " FROM prompts WHERE origin = 'learnt' AND (SELECT count(DISTINCT prompt_hearings.number) FROM prompt_hearings \
             WHERE prompt_hearings.prompt = prompts.id) < 2 \
             AND coalesce((SELECT max(numbers) FROM pruned_hearings WHERE pruned_hearings.prompt = prompts.id), 0) < 2 \
             AND (coalesce((SELECT max(prompt_hearings.at) FROM prompt_hearings WHERE prompt_hearings.prompt = prompts.id), \
             (SELECT max(last_at) FROM pruned_hearings WHERE pruned_hearings.prompt = prompts.id), made_at) < $1 \
             OR id <= coalesce((SELECT latest.id FROM prompts AS latest \
             WHERE latest.origin = 'learnt' ORDER BY latest.id DESC LIMIT 1 OFFSET $2), 0))"
        )
    };
}

const FORGET_GREETINGS: Sql = greetings!("DELETE");

const OLD_GREETINGS: Sql = greetings!("SELECT count(*)");

const FORGET_HEARINGS_OF: Sql = sql!(
    "DELETE FROM prompt_hearings WHERE number IN (SELECT given.number FROM ",
    { number BIGINT },
    ")"
);

/// One of the numbers at which a prompt was heard in calls that are not kept may be theirs.
const FORGET_PROMPTS_OF: Sql = sql!(
    "DELETE FROM prompts WHERE origin = 'learnt' AND number IN (SELECT given.number FROM ",
    { number BIGINT },
    ") AND (SELECT count(DISTINCT prompt_hearings.number) FROM prompt_hearings WHERE prompt_hearings.prompt = prompts.id) < 2 \
     AND coalesce((SELECT max(numbers) FROM pruned_hearings WHERE pruned_hearings.prompt = prompts.id), 0) < 3"
);

const PROMPTS_OF: Sql = sql!(
    "SELECT prompt_hearings.prompt, prompts.ends, count(*), max(prompt_hearings.at), \
     CAST(max(CASE WHEN prompts.number = prompt_hearings.number THEN 1 ELSE 0 END) AS BIGINT) FROM prompt_hearings \
     LEFT JOIN prompts ON prompts.id = prompt_hearings.prompt WHERE prompt_hearings.number IN (SELECT given.number FROM ",
    { number BIGINT },
    ") GROUP BY prompt_hearings.prompt, prompts.ends ORDER BY prompt_hearings.prompt"
);

const FORGET_NUMBERS_OF: Sql = sql!(
    "UPDATE prompts SET number = NULL WHERE number IN (SELECT given.number FROM ",
    { number BIGINT },
    ")"
);

/// Where prompts were heard that are gone; those that come with the program have no row.
const FORGET_ORPHANS: Sql = sql!(
    "DELETE FROM prompt_hearings WHERE prompt < 1000000 AND prompt NOT IN (SELECT id FROM prompts)"
);

const FORGET_PRUNED_ORPHANS: Sql = sql!(
    "DELETE FROM pruned_hearings WHERE prompt < 1000000 AND prompt NOT IN (SELECT id FROM prompts)"
);

const FORGET_PRUNED: Sql = sql!("DELETE FROM pruned_hearings WHERE prompt = $1");

const SOME_HEARINGS: Sql = sql!(
    "SELECT prompt, call, number, at FROM prompt_hearings WHERE at >= $1 AND at < $2 \
     AND NOT EXISTS (SELECT 1 FROM drops WHERE drops.id = prompt_hearings.call) ORDER BY at LIMIT 500"
);

const COUNT_HEARINGS: Sql = sql!(
    "INSERT INTO pruned_hearings (prompt, ends, calls, numbers, first_at, last_at) \
     SELECT heard.prompt, coalesce(heard.ends, ''), count(*), \
     (SELECT count(DISTINCT others.number) FROM prompt_hearings AS others WHERE others.prompt = heard.prompt), \
     min(heard.at), max(heard.at) FROM ",
    { prompt BIGINT, call TEXT },
    " CROSS JOIN prompt_hearings AS heard WHERE heard.prompt = given.prompt AND heard.call = given.call \
     GROUP BY heard.prompt, coalesce(heard.ends, '') ON CONFLICT (prompt, ends) DO UPDATE \
     SET calls = pruned_hearings.calls + excluded.calls, \
     numbers = CASE WHEN excluded.numbers > pruned_hearings.numbers THEN excluded.numbers ELSE pruned_hearings.numbers END, \
     first_at = CASE WHEN excluded.first_at < pruned_hearings.first_at THEN excluded.first_at ELSE pruned_hearings.first_at END, \
     last_at = CASE WHEN excluded.last_at > pruned_hearings.last_at THEN excluded.last_at ELSE pruned_hearings.last_at END"
);

const DELETE_HEARINGS: Sql = sql!(
    "DELETE FROM prompt_hearings WHERE (prompt, call) IN (SELECT given.prompt, given.call FROM ",
    { prompt BIGINT, call TEXT },
    ")"
);

/// In whose call a prompt was learnt is kept no longer than the call, if the prompt is no one person's: an erasure does not have to
/// find it any more.
const FORGET_LEARNT_FROM: Sql = sql!(
    "UPDATE prompts SET number = NULL WHERE number IN (SELECT given.number FROM ",
    { number BIGINT },
    ") AND NOT EXISTS (SELECT 1 FROM prompt_hearings WHERE prompt_hearings.prompt = prompts.id \
     AND prompt_hearings.number = prompts.number) \
     AND EXISTS (SELECT 1 FROM pruned_hearings WHERE pruned_hearings.prompt = prompts.id AND pruned_hearings.numbers > 2)"
);
