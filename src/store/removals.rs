//! What was taken off do-not-call lists, by whom, when and why.

use jiff::Timestamp;

use super::{
    ListName, Operator, Store, StoreError, codec,
    sql::{Sql, args, row, rows, sql},
    tally::time,
    transaction::Tx,
};
use crate::phone::PhoneNumber;

/// A number, or a list as a whole, that was taken off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Removal {
    /// The list.
    pub list: ListName,
    /// When.
    pub at: Timestamp,
    /// Who did it.
    pub who: String,
    /// Why.
    pub because: Option<String>,
    /// How many numbers went: 1, or all of a list.
    pub numbers: u64,
}

impl Store {
    /// Each time that a number was taken off a list, the earliest first. A long list that was removed as a whole leaves no
    /// trace for each of its numbers: see [`Self::list_removals`].
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn removals(&self, number: &PhoneNumber) -> Result<Vec<Removal>, StoreError> {
        let mut tx = self
            .read("read what was taken off do-not-call lists")
            .await?;
        tx.removals(OF_NUMBER, Some(codec::number(number))).await
    }

    /// Each list that was removed as a whole, the earliest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn list_removals(&self) -> Result<Vec<Removal>, StoreError> {
        let mut tx = self
            .read("read which do-not-call lists were removed")
            .await?;
        tx.removals(OF_LISTS, None).await
    }

    /// The names of the campaigns that refused any of these numbers because it was on a do-not-call list.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn refused_as_barred(
        &self,
        numbers: &[PhoneNumber],
    ) -> Result<Vec<String>, StoreError> {
        let mut tx = self.read("read which campaigns refused numbers").await?;
        let given = rows(
            numbers
                .iter()
                .map(|number| row! { number: codec::number(number) }),
        );
        let names: Vec<(String,)> = tx.all(REFUSED, args![&given]).await?;
        Ok(names.into_iter().map(|(name,)| name).collect())
    }
}

impl Tx {
    /// Keeps that these numbers were taken off a list.
    pub(super) async fn trace_removals(
        &mut self,
        list: &ListName,
        numbers: &[i64],
        by: Operator<'_>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        if numbers.is_empty() {
            return Ok(());
        }
        let given = rows(numbers.iter().map(|number| row! { number: number }));
        let now = codec::micros(now);
        let given = args![&given, list.as_str(), now, by.who, by.because];
        self.execute(TRACE, given).await?;
        Ok(())
    }

    /// Keeps that numbers of a list went that is removed as a whole; `noted` is the row in which those before are counted.
    /// Returns the row.
    pub(super) async fn trace_list(
        &mut self,
        list: &ListName,
        (noted, numbers): (Option<i64>, u64),
        by: Operator<'_>,
        now: Timestamp,
    ) -> Result<i64, StoreError> {
        let numbers = i64::try_from(numbers).unwrap_or(i64::MAX);
        if let Some(id) = noted {
            self.execute(COUNT_UP, args![id, numbers]).await?;
            return Ok(id);
        }
        let now = codec::micros(now);
        let given = args![list.as_str(), numbers, now, by.who, by.because];
        let noted = self.one(TRACE_LIST, given).await?;
        noted
            .map(|(id,)| id)
            .ok_or_else(|| self.broken("the row of the removal is missing"))
    }

    async fn removals(
        &mut self,
        sql: Sql,
        number: Option<i64>,
    ) -> Result<Vec<Removal>, StoreError> {
        let given = args![number];
        let given = if number.is_some() { &given[..] } else { &[] };
        let stored: Vec<(String, i64, String, Option<String>, i64)> = self.all(sql, given).await?;
        let read = |(list, at, who, because, numbers): (String, i64, _, _, i64)| {
            let Some(list) = ListName::new(&list) else {
                return Err(self.broken("the name of a list cannot be read"));
            };
            Ok(Removal {
                list,
                at: time(self, at)?,
                who,
                because,
                numbers: numbers.unsigned_abs(),
            })
        };
        stored.into_iter().map(read).collect()
    }
}

const OF_NUMBER: Sql =
    sql!("SELECT list, at, who, because, numbers FROM removals WHERE number = $1 ORDER BY id");

const OF_LISTS: Sql =
    sql!("SELECT list, at, who, because, numbers FROM removals WHERE number IS NULL ORDER BY id");

const TRACE: Sql = sql!(
    "INSERT INTO removals (list, number, numbers, at, who, because) SELECT $2, given.number, 1, $3, $4, $5 FROM ",
    { number BIGINT }
);

const TRACE_LIST: Sql = sql!(
    "INSERT INTO removals (list, numbers, at, who, because) VALUES ($1, $2, $3, $4, $5) RETURNING id"
);

const COUNT_UP: Sql = sql!("UPDATE removals SET numbers = numbers + $2 WHERE id = $1");

const REFUSED: Sql = sql!(
    "SELECT DISTINCT campaigns.name FROM ",
    { number BIGINT },
    " CROSS JOIN contacts CROSS JOIN campaigns WHERE contacts.number = given.number \
     AND contacts.refused = 'do_not_call' AND campaigns.id = contacts.campaign ORDER BY campaigns.name"
);
