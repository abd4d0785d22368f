//! What a database's schema is to this program: the steps that were applied, beside those that it knows.

use sqlx::{PgConnection, Row as _, SqliteConnection, migrate::Migration};

use super::super::error::Failure;

/// What a database says of its own schema.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct AppliedSteps {
    /// Version and digest of each step that was applied, in ascending order.
    pub(super) steps: Vec<(i64, Vec<u8>)>,
    /// The lowest schema whose programs may work on it; `None` if it does not say.
    pub(super) programs_from: Option<i64>,
    /// How many tables it has.
    pub(super) tables: i64,
}

/// What follows for this program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SchemaState {
    /// It has no tables yet.
    Empty,
    /// It is what this program makes of it.
    Current,
    /// An earlier version made it.
    Behind {
        /// The version of its last step.
        version: i64,
    },
    /// A later version made it, and says that programs such as this one may go on.
    Ahead {
        /// The version of its last step.
        version: i64,
    },
}

impl AppliedSteps {
    /// What this program may do with it.
    ///
    /// # Errors
    /// [`Failure`] if it may do nothing: it is another program's, was never released, or is too new.
    pub(super) fn judge(&self, known: &[Migration]) -> Result<SchemaState, Failure> {
        let Some(version) = self.version() else {
            if self.tables > 0 {
                return Err(Failure::NotOurs(format!(
                    "it has {} tables of another program",
                    self.tables
                )));
            }
            return Ok(SchemaState::Empty);
        };
        for (version, digest) in &self.steps {
            let ours = known.iter().find(|step| step.version == *version);
            if ours.is_some_and(|ours| ours.checksum[..] != digest[..]) {
                return Err(Failure::Unreleased(*version));
            }
        }
        let newest = known.iter().map(|step| step.version).max().unwrap_or(0);
        if version > newest {
            return match self.programs_from {
                Some(from) if from <= newest => Ok(SchemaState::Ahead { version }),
                Some(from) => Err(Failure::Later(format!(
                    "its schema has version {version}, which works with programs of schema {from} and later; \
                     this program has schema {newest}"
                ))),
                None => Err(Failure::Later(format!(
                    "its schema has version {version}, which this program does not know; it has schema {newest}"
                ))),
            };
        }
        if self.missing(known).next().is_none() {
            return Ok(SchemaState::Current);
        }
        Ok(SchemaState::Behind { version })
    }

    /// The steps that were not applied yet, in their order.
    pub(super) fn missing<'a>(
        &'a self,
        known: &'a [Migration],
    ) -> impl Iterator<Item = &'a Migration> {
        let is_there = |version| self.steps.iter().any(|(applied, _)| *applied == version);
        known.iter().filter(move |step| !is_there(step.version))
    }

    /// The version of the last step; `None` if none was applied.
    pub(super) fn version(&self) -> Option<i64> {
        self.steps.iter().map(|(version, _)| *version).max()
    }

    /// Reads it from an SQLite database.
    pub(super) async fn of_sqlite(connection: &mut SqliteConnection) -> Result<Self, sqlx::Error> {
        let found = sqlx::query_as(SQLITE_TABLES).fetch_one(&mut *connection);
        let (tables, ours, says): (i64, i64, i64) = found.await?;
        let mut applied = Self {
            tables,
            ..Self::default()
        };
        if ours > 0 {
            let steps = sqlx::query_as(STEPS).fetch_all(&mut *connection);
            applied.steps = steps.await?;
        }
        if says > 0 {
            let said = sqlx::query_scalar(PROGRAMS_FROM).fetch_one(connection);
            applied.programs_from = said.await?;
        }
        Ok(applied)
    }

    /// Reads it from a PostgreSQL database. Tables of other programs are no matter there: a database may be shared.
    pub(super) async fn of_postgres(connection: &mut PgConnection) -> Result<Self, sqlx::Error> {
        // Not prepared: a pooler may give the next statement another session.
        let found = sqlx::raw_sql(POSTGRES_TABLES)
            .fetch_one(&mut *connection)
            .await?;
        let (ours, says): (bool, bool) = (found.try_get(0)?, found.try_get(1)?);
        let mut applied = Self::default();
        if ours {
            let steps = sqlx::raw_sql(STEPS).fetch_all(&mut *connection).await?;
            let steps = steps
                .iter()
                .map(|step| Ok((step.try_get(0)?, step.try_get(1)?)));
            applied.steps = steps.collect::<Result<_, sqlx::Error>>()?;
        }
        if says {
            let said = sqlx::raw_sql(PROGRAMS_FROM).fetch_one(connection).await?;
            applied.programs_from = said.try_get(0)?;
        }
        Ok(applied)
    }
}

const STEPS: &str =
    "SELECT version, checksum FROM aftertone_migrations WHERE success ORDER BY version";

const PROGRAMS_FROM: &str = "SELECT max(programs_from) FROM schema_compatibility";

const SQLITE_TABLES: &str = "SELECT count(*) FILTER (WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\'), \
    count(*) FILTER (WHERE name = 'aftertone_migrations'), \
    count(*) FILTER (WHERE name = 'schema_compatibility') FROM sqlite_schema WHERE type = 'table'";

const POSTGRES_TABLES: &str = "SELECT to_regclass('aftertone_migrations') IS NOT NULL, \
    to_regclass('schema_compatibility') IS NOT NULL";

#[cfg(test)]
mod tests {
    use sqlx::{SqlSafeStr as _, migrate::MigrationType};

    use super::*;

    #[test]
    fn a_schema_is_judged_by_its_steps_and_by_what_it_says() {
        let known = [step(1, "a"), step(2, "b"), step(3, "c")];
        let state = |versions: &[i64], from| {
            let applied = applied(&known, versions, from);
            applied
                .judge(&known)
                .map_err(|failure| failure_words(&failure))
        };
        assert_eq!(state(&[], None), Ok(SchemaState::Empty));
        assert_eq!(state(&[1, 2, 3], None), Ok(SchemaState::Current));
        assert_eq!(state(&[1], None), Ok(SchemaState::Behind { version: 1 }));
        assert_eq!(
            state(&[1, 3], Some(1)),
            Ok(SchemaState::Behind { version: 3 })
        );
        let later = [1, 2, 3, 5];
        assert_eq!(
            state(&later, Some(3)),
            Ok(SchemaState::Ahead { version: 5 })
        );
        assert_eq!(
            state(&later, Some(1)),
            Ok(SchemaState::Ahead { version: 5 })
        );
        assert!(
            state(&later, Some(4))
                .unwrap_err()
                .contains("schema 4 and later")
        );
        assert!(state(&later, Some(4)).unwrap_err().contains("has schema 3"));
        assert!(state(&later, None).unwrap_err().contains("does not know"));
    }

    #[test]
    fn a_step_of_another_text_was_never_released() {
        let known = [step(1, "a"), step(2, "b")];
        let other = applied(&[step(1, "a"), step(2, "B")], &[1, 2], Some(1));
        let failure = other.judge(&known).unwrap_err();
        assert!(matches!(failure, Failure::Unreleased(2)), "{failure:?}");
    }

    #[test]
    fn tables_of_another_program_are_not_ours() {
        let applied = AppliedSteps {
            tables: 3,
            ..AppliedSteps::default()
        };
        let failure = applied.judge(&[step(1, "a")]).unwrap_err();
        assert!(matches!(failure, Failure::NotOurs(_)), "{failure:?}");
    }

    fn failure_words(failure: &Failure) -> String {
        if let Failure::Later(words) = failure {
            return words.clone();
        }
        format!("{failure:?}")
    }

    fn applied(all: &[Migration], versions: &[i64], programs_from: Option<i64>) -> AppliedSteps {
        let digest = |version: i64| {
            let found = all.iter().find(|step| step.version == version);
            found.map_or_else(Vec::new, |step| step.checksum.to_vec())
        };
        AppliedSteps {
            steps: versions.iter().map(|v| (*v, digest(*v))).collect(),
            programs_from,
            tables: versions.len() as i64,
        }
    }

    fn step(version: i64, text: &'static str) -> Migration {
        let kind = MigrationType::Simple;
        Migration::new(version, "step".into(), kind, text.into_sql_str(), false)
    }
}
