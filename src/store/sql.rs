//! One statement for both databases, and what goes into it.

use serde_json::Value;

/// A statement: its text for SQLite and for PostgreSQL, made by [`sql!`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Sql {
    pub(super) sqlite: &'static str,
    pub(super) postgres: &'static str,
}

/// A statement for both databases, from parts:
///
/// - a text that both share;
/// - `[sqlite, postgres]`, if they differ;
/// - `STANDING`: the slug of a campaign's status; `draft` is a `standing` that earlier versions know, and a column of its own;
/// - `SERVER_TIME`: what the server's clock shows, in microseconds; NULL on SQLite, which has none;
/// - `CONTROLLERS`: controllers with their PBX in `pbxes`, and `TRUNK`: the trunk of one. The program of schema 0001 says
///   nothing of a controller's trunk: it is that of its PBX;
/// - `{ name TYPE, .. }`: the rows that the first argument holds, as [`rows`] makes them, under the name `given`.
macro_rules! sql {
    ($($part:tt),+ $(,)?) => {
        $crate::store::sql::Sql {
            sqlite: concat!($($crate::store::sql::sql_part!(sqlite $part)),+),
            postgres: concat!($($crate::store::sql::sql_part!(postgres $part)),+),
        }
    };
}

macro_rules! sql_part {
    ($database:ident $text:literal) => {
        $text
    };
    (sqlite SERVER_TIME) => {
        "CAST(NULL AS BIGINT)"
    };
    (postgres SERVER_TIME) => {
        "CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT)"
    };
    ($database:ident STANDING) => {
        "CASE WHEN campaigns.draft = 1 THEN 'draft' ELSE campaigns.standing END"
    };
    ($database:ident CONTROLLERS) => {
        "controllers LEFT JOIN pbxes ON pbxes.name = controllers.pbx"
    };
    ($database:ident TRUNK) => {
        "COALESCE(controllers.trunk, pbxes.trunk)"
    };
    (sqlite [$sqlite:literal, $postgres:literal $(,)?]) => {
        $sqlite
    };
    (postgres [$sqlite:literal, $postgres:literal $(,)?]) => {
        $postgres
    };
    (sqlite { $($name:ident $type:ident),+ $(,)? }) => {
        concat!(
            "(SELECT each.key AS nth",
            $(", each.value ->> '", stringify!($name), "' AS ", stringify!($name),)+
            // Not `json_each`: that would write each row out as text, to be parsed again for each of its columns.
            " FROM jsonb_each($1) AS each) AS given"
        )
    };
    (postgres { $($name:ident $type:ident),+ $(,)? }) => {
        concat!(
            "(SELECT * FROM ROWS FROM (jsonb_to_recordset($1::jsonb) AS (",
            $crate::store::sql::columns!($($name $type),+),
            ")) WITH ORDINALITY AS given (",
            $(stringify!($name), ", ",)+
            "nth)) AS given"
        )
    };
}

macro_rules! columns {
    ($name:ident $type:ident $(, $names:ident $types:ident)*) => {
        concat!(
            stringify!($name), " ", stringify!($type)
            $(, ", ", stringify!($names), " ", stringify!($types))*
        )
    };
}

pub(super) use {columns, sql, sql_part};

/// An argument of a statement: a whole number or a text, or none of its kind.
#[derive(Clone, Copy, Debug)]
pub(super) enum Arg<'a> {
    Int(Option<i64>),
    Text(Option<&'a str>),
}

impl From<i64> for Arg<'_> {
    fn from(value: i64) -> Self {
        Self::Int(Some(value))
    }
}

impl From<Option<i64>> for Arg<'_> {
    fn from(value: Option<i64>) -> Self {
        Self::Int(value)
    }
}

impl<'a> From<&'a str> for Arg<'a> {
    fn from(value: &'a str) -> Self {
        Self::Text(Some(value))
    }
}

impl<'a> From<&'a String> for Arg<'a> {
    fn from(value: &'a String) -> Self {
        Self::Text(Some(value))
    }
}

impl<'a> From<Option<&'a str>> for Arg<'a> {
    fn from(value: Option<&'a str>) -> Self {
        Self::Text(value)
    }
}

/// The arguments of a statement, in the order of their numbers.
macro_rules! args {
    ($($value:expr),* $(,)?) => {
        &[$($crate::store::sql::Arg::from($value)),*]
    };
}

pub(super) use args;

/// Rows that are given to a statement as its first argument: a JSON array of objects, made by [`row!`].
pub(super) fn rows(rows: impl IntoIterator<Item = Value>) -> String {
    Value::Array(rows.into_iter().collect()).to_string()
}

/// One row: the columns that the statement names, each a whole number, a text, or none.
macro_rules! row {
    ($($name:ident : $value:expr),+ $(,)?) => {
        serde_json::json!({ $(stringify!($name): $value),+ })
    };
}

pub(super) use row;
