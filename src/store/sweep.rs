//! Overwriting all that is free in an SQLite file, step by step, so that whoever writes to it meanwhile hardly waits.
//!
//! SQLite leaves what was deleted, changed or moved in the free parts of its pages until something else comes there. `VACUUM`
//! writes the whole file anew, and nobody else writes to it as long as that takes; `secure_delete` overwrites what it deletes from
//! now on, not what was left before. Here each page is looked at by way of SQLite itself, in transactions of a few hundred.

use std::{collections::HashSet, time::Duration};

use sqlx::{Sqlite, Transaction};

use super::{
    Store, StoreError,
    error::Failure,
    pages::{FileHeader, Rest},
    transaction::Pools,
    turnstile::Writer,
};

/// How far a sweep has come.
enum Step {
    /// This page is the next.
    From(u32),
    /// The last page is done.
    Over,
    /// The file is one that it does not know.
    Unknown,
}

impl Store {
    /// Overwrites all that is free in the file, and empties its write-ahead log. Does nothing on PostgreSQL.
    ///
    /// # Errors
    /// [`StoreError`], refused if somebody reads the database so that the log cannot be emptied.
    pub(super) async fn sweep(&self, doing: &str) -> Result<(), StoreError> {
        if !self.has_one_writer() {
            return Ok(());
        }
        let failed =
            |failure: Failure| StoreError::new(doing.to_owned(), self.place.clone(), failure);
        let mut next = 1;
        loop {
            match self.sweep_some(next).await.map_err(failed)? {
                Step::From(page) => next = page,
                Step::Over => break,
                Step::Unknown => {
                    self.pragma(doing, "VACUUM").await?;
                    break;
                }
            }
        }
        self.empty_log().await.map_err(failed)
    }

    /// The pages from this one on, as many as one transaction is to hold up others for.
    async fn sweep_some(&self, from: u32) -> Result<Step, Failure> {
        let Pools::Sqlite {
            writer, turnstile, ..
        } = &self.pools
        else {
            return Ok(Step::Over);
        };
        let _turn = turnstile.take(Writer::Many).await;
        let mut tx = writer.begin_with("BEGIN IMMEDIATE").await?;
        let (is_there,): (bool,) = sqlx::query_as(HAS_PAGES).fetch_one(&mut *tx).await?;
        if !is_there {
            return Ok(Step::Unknown);
        }
        let step = Sweep { tx, looked_at: 0 }.run(from).await?;
        Ok(step.unwrap_or(Step::Unknown))
    }

    /// Moves all of the log into the file and cuts it off. Whoever reads the database at that moment keeps it from that.
    async fn empty_log(&self) -> Result<(), Failure> {
        let Pools::Sqlite { writer, .. } = &self.pools else {
            return Ok(());
        };
        // While it waits for readers, SQLite lets nobody write.
        sqlx::query(WAIT_LITTLE).execute(writer).await?;
        let mut emptied = Ok(false);
        for _ in 0..LOG_TRIES {
            // The bulk of it, beside others.
            emptied = async {
                sqlx::query(MOVE_LOG).execute(writer).await?;
                let cut: (i64, i64, i64) = sqlx::query_as(CUT_LOG).fetch_one(writer).await?;
                Ok::<_, sqlx::Error>(cut.0 == 0)
            }
            .await;
            if !matches!(emptied, Ok(false)) {
                break;
            }
            tokio::time::sleep(LOG_PAUSE).await;
        }
        sqlx::query(WAIT_AS_USUAL).execute(writer).await?;
        match emptied {
            Ok(true) => Ok(()),
            Ok(false) => Err(Failure::Refused(
                "its rows are gone, but another program reads the database without a break, so that its write-ahead log still \
                 has parts of them; do it again when that has ended"
                    .to_owned(),
            )),
            Err(error) => Err(error.into()),
        }
    }
}

/// One transaction of it.
struct Sweep {
    tx: Transaction<'static, Sqlite>,
    /// Pages, as a measure of how long it takes.
    looked_at: u32,
}

impl Sweep {
    /// `None`: the file is not as expected, and nothing was done.
    async fn run(mut self, from: u32) -> Result<Option<Step>, Failure> {
        let first = self.page(1).await?;
        let Some(header) = first.and_then(|page| FileHeader::read(&page)) else {
            return Ok(None);
        };
        let Some(free) = self.free_pages(header, from == 1).await? else {
            return Ok(None);
        };
        self.looked_at = 0;
        let mut number = from;
        while number <= header.pages && self.looked_at < PAGES_AT_ONCE {
            if !header.is_for_locks(number) && !free.trunks.contains(&number) {
                let Some(mut page) = self.page(number).await? else {
                    return Ok(None);
                };
                let changed = if free.named.contains(&number) {
                    FileHeader::clean_free_page(&mut page)
                } else {
                    let Some((changed, rests)) = header.clean_tree_page(number, &mut page) else {
                        return Ok(None);
                    };
                    for rest in rests {
                        if self.clean_rest(header, rest).await?.is_none() {
                            return Ok(None);
                        }
                    }
                    changed
                };
                if changed {
                    self.put(number, &page).await?;
                }
            }
            number += 1;
        }
        self.tx.commit().await?;
        let is_over = number > header.pages;
        Ok(Some(if is_over {
            Step::Over
        } else {
            Step::From(number)
        }))
    }

    /// The free list; what is free in its trunks is overwritten if so wanted.
    async fn free_pages(
        &mut self,
        header: FileHeader,
        clean: bool,
    ) -> Result<Option<FreePages>, Failure> {
        let mut free = FreePages::default();
        let mut number = header.trunk;
        while number != 0 {
            // Each once, whatever they say.
            if !free.trunks.insert(number) {
                return Ok(None);
            }
            let Some(mut page) = self.page(number).await? else {
                return Ok(None);
            };
            let Some((next, named, changed)) = header.clean_trunk(&mut page) else {
                return Ok(None);
            };
            if changed && clean {
                self.put(number, &page).await?;
            }
            free.named.extend(named);
            number = next;
        }
        Ok(Some(free))
    }

    /// What is behind the rest of a cell, in the last page of its chain.
    async fn clean_rest(&mut self, header: FileHeader, rest: Rest) -> Result<Option<()>, Failure> {
        let mut number = rest.first;
        for nth in 1..=rest.pages {
            let Some(mut page) = self.page(number).await? else {
                return Ok(None);
            };
            if nth < rest.pages {
                let Some(next) = FileHeader::next_of(&page) else {
                    return Ok(None);
                };
                number = next;
                continue;
            }
            match header.clean_last_page(&mut page, rest) {
                Some(true) => self.put(number, &page).await?,
                Some(false) => {}
                None => return Ok(None),
            }
        }
        Ok(Some(()))
    }

    async fn page(&mut self, number: u32) -> Result<Option<Vec<u8>>, Failure> {
        self.looked_at += 1;
        let page = sqlx::query_as(READ_PAGE).bind(number);
        let page: Option<(Vec<u8>,)> = page.fetch_optional(&mut *self.tx).await?;
        Ok(page.map(|(page,)| page))
    }

    async fn put(&mut self, number: u32, page: &[u8]) -> Result<(), Failure> {
        let put = sqlx::query(WRITE_PAGE).bind(number).bind(page);
        put.execute(&mut *self.tx).await?;
        Ok(())
    }
}

#[derive(Debug, Default)]
struct FreePages {
    trunks: HashSet<u32>,
    named: HashSet<u32>,
}

/// Pages of one transaction: some tens of milliseconds.
const PAGES_AT_ONCE: u32 = 512;

/// Whether SQLite was built with access to pages: .cargo/config.toml.
const HAS_PAGES: &str = "SELECT count(*) > 0 FROM pragma_module_list WHERE name = 'sqlite_dbpage'";
const READ_PAGE: &str = "SELECT data FROM sqlite_dbpage WHERE pgno = $1";
const WRITE_PAGE: &str = "UPDATE sqlite_dbpage SET data = $2 WHERE pgno = $1";

const MOVE_LOG: &str = "PRAGMA wal_checkpoint(PASSIVE)";
const CUT_LOG: &str = "PRAGMA wal_checkpoint(TRUNCATE)";
const WAIT_LITTLE: &str = "PRAGMA busy_timeout = 100";
/// As `sqlite_options` has it.
const WAIT_AS_USUAL: &str = "PRAGMA busy_timeout = 5000";

/// For about half a minute.
const LOG_TRIES: u32 = 100;
const LOG_PAUSE: Duration = Duration::from_millis(200);
