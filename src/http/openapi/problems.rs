//! Problems in the OpenAPI document: their schema, as types that are nothing else.

#![expect(dead_code, reason = "only their schemas are used")]

use utoipa::ToSchema;

use super::Schemas;
use crate::http::problem::{ProblemKind, problem_type};

pub(super) fn add_schemas(all: &mut Schemas) {
    all.add::<Problem>();
    let types: Vec<_> = ProblemKind::ALL.into_iter().map(problem_type).collect();
    all.of("Problem")["properties"]["type"]["examples"] = types.into();
}

/// Why a request was not carried out, after RFC 9457. Kinds have members of their own beside these.
#[derive(ToSchema)]
struct Problem {
    /// Its kind: a page of the documentation.
    #[schema(rename = "type")]
    kind: String,
    /// What it is, the same for each of its kind.
    title: String,
    /// The status.
    status: u16,
    /// What is particular about this one.
    detail: String,
    /// The path that was asked.
    instance: String,
    /// The request, by which the log of the server has it.
    request_id: String,
    /// All that is wrong, if what was given is not valid.
    errors: Option<Vec<Fault>>,
}

/// One thing that is wrong with what was given.
#[derive(ToSchema)]
struct Fault {
    /// A JSON pointer into the body, or `?` and a parameter's name.
    pointer: String,
    /// What is wrong, and what was expected.
    detail: String,
}
