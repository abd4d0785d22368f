//! `/campaigns/{campaign}/results`: a row for each drop, and for each contact that was never dialled, as they are read.

use axum::{
    body::Bytes,
    extract::{Path, State},
    http::{HeaderMap, header},
    response::{IntoResponse as _, Response},
};
use futures::stream;
use jiff::Timestamp;
use serde_json::json;

use super::campaigns;
use crate::{
    auth::Action,
    campaign::{cost::Price, engine::CampaignId},
    drop::Outcome,
    http::{
        Api,
        caller::{Caller, now},
        given::Parameters,
        outflow::body_of,
        problem::{Problem, ProblemKind},
        timely::LONGEST_SILENCE,
    },
    list::Writer,
    orders::{ChosenValues, ResultColumns},
    phone::{Disclosure, PhoneNumber},
    store::{AuditEntry, Cursor, Filter, ResultRow, Store, StoreError},
};

/// The format of rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum RowFormat {
    Csv,
    Json,
    Ndjson,
}

/// Gives the rows, ordered by contact and attempt, with the columns of `aftertone campaign results`. That they were taken is in the audit
/// log before the first of them.
pub(in crate::http) async fn export(
    State(api): State<Api>,
    caller: Caller,
    Path(name): Path<String>,
    mut parameters: Parameters,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let rules = api.config.borrow().pbx.rules.with_premium();
    let outcomes = parameters.texts("outcome");
    let outcomes: Vec<Outcome> = outcomes
        .iter()
        .filter_map(|text| {
            let found = Outcome::ALL
                .into_iter()
                .find(|outcome| outcome.slug() == text);
            if found.is_none() {
                parameters.fault(
                    "outcome",
                    format!("`{}` is not an outcome", text.escape_debug()),
                );
            }
            found
        })
        .collect();
    let filter = Filter {
        outcomes,
        since: parameters.parsed("since", str::parse::<Timestamp>),
        until: parameters.parsed("until", str::parse::<Timestamp>),
        number: parameters.parsed("number", |text| PhoneNumber::parse(text, rules)),
        foreign_id: parameters.text("foreign_id"),
        variant: parameters.text("variant"),
        undialled: parameters.flag("undialled"),
    };
    let fields = parameters.text("fields");
    let columns = match &fields {
        None => (0..ResultColumns::NAMES.len()).collect(),
        Some(fields) => {
            let names: Vec<_> = fields
                .split(',')
                .map(|name| name.trim().to_owned())
                .collect();
            ResultColumns::places(&names).unwrap_or_else(|name| {
                let (name, all) = (name.escape_debug(), ResultColumns::NAMES.join(", "));
                parameters.fault(
                    "fields",
                    format!("there is no column `{name}`; the columns are {all}"),
                );
                Vec::new()
            })
        }
    };
    let in_full = parameters.flag("full_numbers");
    parameters.finish()?;
    let format = format_of(&headers)?;
    let campaign = campaigns::find(&api, &name).await?;
    let place = api.state.exports.place()?;
    let object = format!("results of {name}");
    let entry = AuditEntry {
        after: Some(json!({"format": format.slug(), "full_numbers": in_full}).to_string()),
        ..caller.audit(now(), Action::ReadResults, &object)
    };
    if in_full {
        caller.may_read_in_full()?;
    }
    api.store.note(entry).await?;
    if in_full {
        caller.read_in_full(&api, object).await?;
    }
    let price = api.config.borrow().price;
    let export = Export {
        store: api.store.clone(),
        campaign: campaign.id,
        name: campaign.name,
        filter,
        price,
        shown: caller.disclosure(&api, in_full),
        columns,
        format,
        at: ExportStep::Begin,
        is_first: true,
    };
    // Whoever stops reading drops the stream, and nothing more is asked for.
    let rows = stream::try_unfold(export, Export::next);
    let kind = [(header::CONTENT_TYPE, format.media_type())];
    Ok((kind, body_of(rows, place, LONGEST_SILENCE)).into_response())
}

/// An export on its way.
struct Export {
    store: Store,
    campaign: CampaignId,
    name: String,
    filter: Filter,
    price: Option<Price>,
    shown: Disclosure,
    columns: Vec<usize>,
    format: RowFormat,
    at: ExportStep,
    /// Whether no row was written.
    is_first: bool,
}

/// What comes next.
enum ExportStep {
    Begin,
    Rows(Option<Cursor>),
    End,
    Over,
}

impl Export {
    /// The next part, as large as a page of the database; `None` at the end.
    async fn next(mut self) -> Result<Option<(Bytes, Self)>, StoreError> {
        let bytes = match self.at {
            ExportStep::Begin => {
                self.at = ExportStep::Rows(None);
                self.head()
            }
            ExportStep::Rows(after) => {
                let page = self
                    .store
                    .results(self.campaign, &self.filter, after, PAGE)
                    .await;
                let (rows, next) = page?;
                self.at = match next {
                    Some(next) => ExportStep::Rows(Some(next)),
                    None => ExportStep::End,
                };
                self.rows(&rows)
            }
            ExportStep::End => {
                self.at = ExportStep::Over;
                match self.format {
                    RowFormat::Json => b"\n]\n".to_vec(),
                    RowFormat::Csv | RowFormat::Ndjson => Vec::new(),
                }
            }
            ExportStep::Over => return Ok(None),
        };
        Ok(Some((bytes.into(), self)))
    }

    fn head(&self) -> Vec<u8> {
        match self.format {
            RowFormat::Csv => {
                let names = self
                    .columns
                    .iter()
                    .map(|place| ResultColumns::NAMES[*place]);
                csv(|writer| writer.record(&names.collect::<Vec<_>>()))
            }
            RowFormat::Json => b"[".to_vec(),
            RowFormat::Ndjson => Vec::new(),
        }
    }

    fn rows(&mut self, rows: &[ResultRow]) -> Vec<u8> {
        let shown = ResultColumns {
            campaign: &self.name,
            price: self.price.as_ref(),
            shown: self.shown,
            local_times: false,
        };
        if self.format == RowFormat::Csv {
            return csv(|writer| {
                rows.iter().try_for_each(|row| {
                    let values = shown.of(row);
                    let texts = values.texts();
                    let texts = self.columns.iter().map(|place| texts[*place].as_ref());
                    writer.record(&texts.collect::<Vec<_>>())
                })
            });
        }
        let mut bytes = Vec::new();
        for row in rows {
            let values = shown.of(row);
            let object = serde_json::to_vec(&ChosenValues(&values, &self.columns));
            // It is made of texts, numbers and lists, all of which JSON has.
            let object = object.unwrap_or_default();
            if self.format == RowFormat::Json {
                bytes.extend_from_slice(if self.is_first { b"\n" } else { b",\n" });
            }
            bytes.extend_from_slice(&object);
            if self.format == RowFormat::Ndjson {
                bytes.push(b'\n');
            }
            self.is_first = false;
        }
        bytes
    }
}

impl RowFormat {
    /// Its name in the audit log.
    const fn slug(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Json => "json",
            Self::Ndjson => "ndjson",
        }
    }

    const fn media_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8",
            Self::Json => "application/json",
            Self::Ndjson => "application/x-ndjson",
        }
    }
}

/// What is written to memory cannot fail.
fn csv(write: impl FnOnce(&mut Writer<Vec<u8>>) -> std::io::Result<()>) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new());
    let written = write(&mut writer);
    written.and_then(|()| writer.finish()).unwrap_or_default()
}

/// The first format of `Accept` that can be given; CSV if anything is accepted.
fn format_of(headers: &HeaderMap) -> Result<RowFormat, Problem> {
    let accepted = headers.get_all(header::ACCEPT).iter();
    let accepted: Vec<_> = accepted.filter_map(|value| value.to_str().ok()).collect();
    if accepted.is_empty() {
        return Ok(RowFormat::Csv);
    }
    let kinds = accepted.iter().flat_map(|value| value.split(','));
    let mut kinds = kinds.map(|kind| kind.split(';').next().unwrap_or("").trim());
    let found = kinds.find_map(|kind| match kind {
        "text/csv" | "text/*" | "*/*" => Some(RowFormat::Csv),
        "application/json" | "application/*" => Some(RowFormat::Json),
        "application/x-ndjson" => Some(RowFormat::Ndjson),
        _ => None,
    });
    found.ok_or_else(|| {
        let words = "accept `text/csv`, `application/x-ndjson` or `application/json`";
        Problem::new(ProblemKind::NotAcceptable, words)
    })
}

/// Rows that are read at a time.
const PAGE: usize = 500;

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn the_first_format_that_can_be_given_is_given() {
        let format = |accept: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, HeaderValue::from_static(accept));
            format_of(&headers).ok()
        };
        assert_eq!(format_of(&HeaderMap::new()).unwrap(), RowFormat::Csv);
        assert_eq!(format("*/*"), Some(RowFormat::Csv));
        assert_eq!(
            format("image/png, application/json;q=0.5"),
            Some(RowFormat::Json)
        );
        assert_eq!(format("application/x-ndjson"), Some(RowFormat::Ndjson));
        assert_eq!(format("image/png"), None);
    }
}
