//! Digests of the numbers of people who had everything about them erased: what is left of them, so that they are never
//! called again.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::{
    StoreError,
    codec::read_time,
    salt::digest,
    sql::{Sql, args, row, rows, sql},
    transaction::Tx,
};

impl Tx {
    /// Whether the schema has a place for erased numbers: one of an earlier version has none erased.
    pub(super) fn knows_erasures(&self) -> bool {
        self.behind.is_none_or(|version| version >= ERASURES_SINCE)
    }

    /// Rows of numbers with their digests, for a statement.
    pub(super) async fn rows_with_digests(
        &mut self,
        numbers: impl Iterator<Item = i64>,
    ) -> Result<String, StoreError> {
        let salt = self.salt().await?;
        Ok(rows(numbers.map(
            |number| row! { number: number, digest: digest(&salt, number) },
        )))
    }

    /// When and why one of these numbers was erased; `None` unless it was.
    pub(super) async fn erasure(
        &mut self,
        numbers: impl Iterator<Item = i64>,
    ) -> Result<Option<(Timestamp, Option<String>)>, StoreError> {
        if !self.knows_erasures() {
            return Ok(None);
        }
        let given = self.rows_with_digests(numbers).await?;
        let found: Option<(i64, Option<String>)> = self.one(ERASURE, args![&given]).await?;
        let Some((at, because)) = found else {
            return Ok(None);
        };
        let at = read_time(at).ok_or_else(|| self.broken("a time is out of range"))?;
        Ok(Some((at, because)))
    }

    /// Whether a number was erased.
    pub(super) async fn is_erased(&mut self, number: i64) -> Result<bool, StoreError> {
        Ok(self.erasure(std::iter::once(number)).await?.is_some())
    }

    /// Those of these numbers that were erased.
    pub(super) async fn erased_among(
        &mut self,
        numbers: &BTreeSet<i64>,
    ) -> Result<BTreeSet<i64>, StoreError> {
        if !self.knows_erasures() {
            return Ok(BTreeSet::new());
        }
        let given = self.rows_with_digests(numbers.iter().copied()).await?;
        let erased: Vec<(i64,)> = self.all(ERASED, args![&given]).await?;
        Ok(erased.into_iter().map(|(number,)| number).collect())
    }

    /// Whether any number was ever erased.
    pub(super) async fn has_erasures(&mut self) -> Result<bool, StoreError> {
        Ok(self.one::<(i64,)>(ANY, &[]).await?.is_some())
    }

    pub(super) async fn salt(&mut self) -> Result<String, StoreError> {
        if let Some(salt) = self.salt.known() {
            return Ok(salt);
        }
        let Some((salt,)) = self.one::<(String,)>(SALT, &[]).await? else {
            return Err(self.broken("the salt of erased numbers is missing"));
        };
        Ok(self.salt.keep(salt))
    }
}

/// The version of the schema that has these tables.
const ERASURES_SINCE: i64 = 7;

const SALT: Sql = sql!("SELECT salt FROM erasure_salt WHERE id = 1");

const ANY: Sql = sql!("SELECT at FROM erased_numbers LIMIT 1");

const ERASED: Sql = sql!(
    "SELECT given.number FROM ",
    { number BIGINT, digest TEXT },
    " CROSS JOIN erased_numbers WHERE erased_numbers.digest = given.digest"
);

const ERASURE: Sql = sql!(
    "SELECT erased_numbers.at, erased_numbers.because FROM ",
    { number BIGINT, digest TEXT },
    " CROSS JOIN erased_numbers WHERE erased_numbers.digest = given.digest ORDER BY erased_numbers.at LIMIT 1"
);
