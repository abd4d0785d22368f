//! Numbers that must not be called, on lists that have names.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::{
    Operator, Store, StoreError, codec,
    retry::Attempts,
    sql::{Sql, args, row, rows, sql},
    transaction::Tx,
};
use crate::{events::EventKind, phone::PhoneNumber};

/// The name of the operator's own list, which holds opt-outs.
pub const OWN_LIST: &str = "own";

/// The name of a list: `[a-z0-9_-]{1,64}`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ListName(String);

/// An entry of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Barred {
    /// The list.
    pub list: ListName,
    /// When it was added.
    pub at: Timestamp,
    /// The source or the reason, as it was given.
    pub because: Option<String>,
}

impl ListName {
    /// A list's name; `None` unless it is `[a-z0-9_-]{1,64}`.
    pub fn new(name: &str) -> Option<Self> {
        codec::is_word(name).then(|| Self(name.to_owned()))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Store {
    /// Adds numbers to a list, made if it is missing; those that are on it stay as they are. Returns how many were
    /// new. From its return on no intent for them is written. Many are added some thousands at a time: of what was added
    /// before an error came, everything holds, and the same may be asked again.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn bar(
        &self,
        list: &ListName,
        numbers: &[PhoneNumber],
        because: Option<&str>,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        let mut sorted: Vec<i64> = numbers.iter().map(codec::number).collect();
        sorted.sort_unstable();
        sorted.dedup();
        let name = list.as_str();
        let mut new = 0;
        for some in sorted.chunks(AT_A_TIME) {
            let mut attempts = Attempts::default();
            new += loop {
                match self.try_bar(name, some, because, now).await {
                    Err(error) if attempts.again(&error).await => {}
                    done => break done?,
                }
            };
        }
        Ok(new)
    }

    async fn try_bar(
        &self,
        name: &str,
        some: &[i64],
        because: Option<&str>,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        let mut tx = self
            .write(format!("add to the do-not-call list `{name}`"))
            .await?;
        let now = codec::micros(tx.past(now).await?);
        let new = tx.bar(name, some, because, now).await?;
        tx.commit().await?;
        Ok(new)
    }

    /// Takes numbers off a list; returns how many were on it. Who did it, when and why is kept.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn unbar(
        &self,
        list: &ListName,
        numbers: &[PhoneNumber],
        by: Operator<'_>,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        let mut gone = 0;
        for some in numbers.chunks(AT_A_TIME) {
            let mut attempts = Attempts::default();
            gone += loop {
                match self.try_unbar(list, some, by, now).await {
                    Err(error) if attempts.again(&error).await => {}
                    done => break done?,
                }
            };
        }
        Ok(gone)
    }

    async fn try_unbar(
        &self,
        list: &ListName,
        some: &[PhoneNumber],
        by: Operator<'_>,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        let name = list.as_str();
        let mut tx = self
            .write(format!("take off the do-not-call list `{name}`"))
            .await?;
        let given = rows(
            some.iter()
                .map(|number| row! { number: codec::number(number) }),
        );
        let removed: Vec<(i64,)> = tx.all(UNBAR, args![&given, name]).await?;
        let removed: Vec<_> = removed.into_iter().map(|(number,)| number).collect();
        tx.trace_removals(list, &removed, by, now).await?;
        let gone = (removed.len() as u64, only(removed.iter().copied()));
        let at = codec::micros(tx.past(now).await?);
        tx.tell_of_list(EventKind::DoNotCallRemoved, name, gone, at)
            .await?;
        tx.commit().await?;
        Ok(removed.len() as u64)
    }

    /// Every entry of a number, by the names of the lists.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn barred(&self, number: &PhoneNumber) -> Result<Vec<Barred>, StoreError> {
        let mut tx = self
            .read("look a number up on the do-not-call lists")
            .await?;
        let entries: Vec<(String, i64, Option<String>)> =
            tx.all(BARRED, args![codec::number(number)]).await?;
        let mut barred = Vec::new();
        for (list, at, because) in entries {
            let at = codec::read_time(at).ok_or_else(|| tx.broken("a time is out of range"))?;
            let list = ListName(list);
            barred.push(Barred { list, at, because });
        }
        let own = ListName(OWN_LIST.to_owned());
        if !barred.iter().any(|entry| entry.list == own)
            && let Some((at, because)) = tx.erasure(std::iter::once(codec::number(number))).await?
        {
            barred.push(Barred {
                list: own,
                at,
                because,
            });
        }
        // Databases differ in how they order texts.
        barred.sort_by(|a, b| a.list.cmp(&b.list));
        Ok(barred)
    }

    /// The lists by their names, each with its number of entries.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn lists(&self) -> Result<Vec<(ListName, u64)>, StoreError> {
        let mut tx = self.read("read the do-not-call lists").await?;
        let lists: Vec<(String, i64)> = tx.all(LISTS, &[]).await?;
        let lists = lists.into_iter();
        let mut lists: Vec<_> = lists
            .map(|(name, entries)| (ListName(name), entries.unsigned_abs()))
            .collect();
        lists.sort();
        Ok(lists)
    }

    /// Removes a list as a whole; returns how many entries it had. A long one goes in parts: until its end others can write,
    /// and if an error comes in between the rest stays. Who did it, when and why is kept, for each number if they are few.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn drop_list(
        &self,
        list: &ListName,
        by: Operator<'_>,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        let name = list.as_str();
        let (mut gone, mut after, mut noted) = (0, -1, None);
        loop {
            let mut tx = self
                .write(format!("remove the do-not-call list `{name}`"))
                .await?;
            let at_most = AT_A_TIME as i64;
            let last: Option<(Option<i64>,)> = tx.one(NEXT, args![name, after, at_most]).await?;
            let Some((Some(last),)) = last else {
                if tx.execute(DROP_LIST, args![name]).await? > 0 && noted.is_none() {
                    tx.trace_list(list, (noted, 0), by, now).await?;
                }
                tx.commit().await?;
                return Ok(gone);
            };
            let removed: Vec<(i64,)> = tx.all(DROP_SOME, args![name, after, last]).await?;
            let removed: Vec<_> = removed.into_iter().map(|(number,)| number).collect();
            let some = removed.len() as u64;
            noted = Some(tx.trace_list(list, (noted, some), by, now).await?);
            if gone == 0 && removed.len() <= FEW {
                tx.trace_removals(list, &removed, by, now).await?;
            }
            let at = codec::micros(tx.past(now).await?);
            let told = (some, only(removed.iter().copied()));
            tx.tell_of_list(EventKind::DoNotCallRemoved, name, told, at)
                .await?;
            tx.commit().await?;
            gone += some;
            after = last;
        }
    }
}

/// The number, if it is one.
fn only(mut numbers: impl Iterator<Item = i64>) -> Option<i64> {
    let first = numbers.next()?;
    numbers.next().is_none().then_some(first)
}

impl Tx {
    /// Adds numbers to a list, which is made if it is not there, and tells of it; returns how many were not on it.
    pub(super) async fn bar(
        &mut self,
        list: &str,
        some: &[i64],
        because: Option<&str>,
        now: i64,
    ) -> Result<u64, StoreError> {
        self.execute(MAKE_LIST, args![list, now]).await?;
        let given = rows(some.iter().map(|number| row! { number: number }));
        let new = self.execute(BAR, args![&given, list, now, because]).await?;
        // Waits for intents that are being written; the next one sees what was added.
        self.execute(HOLD_INTENTS, &[]).await?;
        let one = only(some.iter().copied());
        self.tell_of_list(EventKind::DoNotCallAdded, list, (new, one), now)
            .await?;
        Ok(new)
    }

    /// Of numbers, by their digits, those that are on a do-not-call list, each with the name of one, and whether the person
    /// was erased. An entry bars its telephone in every spelling, whether the other ones were written beside it or not.
    pub(super) async fn barred_among(
        &mut self,
        numbers: impl IntoIterator<Item = i64>,
    ) -> Result<Vec<(i64, String, bool)>, StoreError> {
        let spelt = |digits: i64| {
            let number = codec::read_number(digits);
            let spellings = number.iter().flat_map(PhoneNumber::spellings);
            let others = spellings.map(|spelling| codec::number(&spelling));
            let all = BTreeSet::from_iter(others.chain([digits]));
            (digits, all)
        };
        let numbers: Vec<(i64, BTreeSet<i64>)> = numbers.into_iter().map(spelt).collect();
        let asked: BTreeSet<i64> = numbers.iter().flat_map(|(_, all)| all).copied().collect();
        let given = rows(asked.iter().map(|number| row! { number: number }));
        let on_lists: Vec<(i64, String)> = self.all(ON_LISTS, args![&given]).await?;
        let on_lists: BTreeMap<i64, String> = on_lists.into_iter().collect();
        let erased = self.erased_among(&asked).await?;
        let mut barred = Vec::new();
        for (digits, all) in numbers {
            let is_erased = !all.is_disjoint(&erased);
            let lists = all.iter().filter_map(|spelling| on_lists.get(spelling));
            let own = OWN_LIST.to_owned();
            let list = lists.chain(is_erased.then_some(&own)).min();
            if let Some(list) = list {
                barred.push((digits, list.clone(), is_erased));
            }
        }
        Ok(barred)
    }
}

/// Entries that are written in one transaction: so few that no other writer waits for long.
const AT_A_TIME: usize = 10_000;

/// Most numbers of a list that leave a trace each when the list is removed.
const FEW: usize = 1_000;

pub(super) const HOLD_INTENTS: Sql =
    sql!("UPDATE counters SET value = value + 1 WHERE name = 'do_not_call'");

pub(super) const MAKE_LIST: Sql =
    sql!("INSERT INTO lists (name, created_at) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING");

const BAR: Sql = sql!(
    "INSERT INTO do_not_call (number, list, at, because) SELECT given.number, lists.id, $3, $4 FROM ",
    { number BIGINT },
    " CROSS JOIN lists WHERE lists.name = $2 ON CONFLICT (number, list) DO NOTHING"
);

const UNBAR: Sql = sql!(
    "DELETE FROM do_not_call WHERE list = (SELECT id FROM lists WHERE name = $2) \
     AND number IN (SELECT given.number FROM ",
    { number BIGINT },
    ") RETURNING number"
);

const ON_LISTS: Sql = sql!(
    "SELECT do_not_call.number, min(lists.name) FROM ",
    { number BIGINT },
    " CROSS JOIN do_not_call CROSS JOIN lists WHERE do_not_call.number = given.number \
     AND lists.id = do_not_call.list GROUP BY do_not_call.number"
);

const BARRED: Sql = sql!(
    "SELECT lists.name, do_not_call.at, do_not_call.because FROM do_not_call JOIN lists ON lists.id = do_not_call.list \
     WHERE do_not_call.number = $1"
);

const LISTS: Sql = sql!(
    "SELECT lists.name, (SELECT count(*) FROM do_not_call WHERE do_not_call.list = lists.id) FROM lists"
);

const NEXT: Sql = sql!(
    "SELECT max(number) FROM (SELECT number FROM do_not_call WHERE list = (SELECT id FROM lists WHERE name = $1) \
     AND number > $2 ORDER BY number LIMIT $3) AS next"
);

const DROP_SOME: Sql = sql!(
    "DELETE FROM do_not_call WHERE list = (SELECT id FROM lists WHERE name = $1) AND number > $2 AND number <= $3 \
     RETURNING number"
);

const DROP_LIST: Sql = sql!(
    "DELETE FROM lists WHERE name = $1 \
     AND NOT EXISTS (SELECT 1 FROM do_not_call WHERE do_not_call.list = lists.id)"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_s_name_is_a_word() {
        for good in ["own", "federal-2026_11", &"a".repeat(64)] {
            assert_eq!(ListName::new(good).unwrap().as_str(), good);
        }
        for bad in [
            "",
            "Own",
            "a b",
            "a;b",
            "'",
            "\u{e4}",
            "..",
            &"a".repeat(65),
        ] {
            assert_eq!(ListName::new(bad), None, "{bad}");
        }
    }
}
