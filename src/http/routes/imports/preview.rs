//! `/imports/{import}/preview`: the first rows of a list, with what each column is taken for and what would become of each row.

use std::{collections::BTreeSet, sync::Arc};

use axum::{
    Json,
    extract::{Path, State},
};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use super::{blocking, find};
use crate::{
    campaign::{
        budget::TechniqueRule,
        policy::{Case, Consent, ConsentKind, Gate},
    },
    http::{
        Api,
        caller::now,
        given::Parameters,
        problem::{Problem, ProblemKind},
        routes::campaigns,
    },
    list::{
        ColumnUse, ContactRules, DateOrder, Field, ListError, ListPreview, Mapping, NewRow, Reason,
        title_note,
    },
    orders::Spec,
    phone::{PhoneNumber, masked_text},
    store::StoredUpload,
};

/// The first rows of a list.
#[derive(Debug, Serialize)]
pub(in crate::http) struct ImportPreview {
    import: String,
    campaign: String,
    /// Its columns, in their order.
    columns: Vec<PreviewColumn>,
    /// Why it cannot be taken in as it is read, for people: it does not say which column is what.
    fault: Option<String>,
    /// What was understood otherwise than it is written.
    notes: Vec<String>,
    /// The moment for which the gate was asked.
    at: Timestamp,
    rows: Vec<PreviewRow>,
}

/// A column.
#[derive(Debug, Serialize)]
struct PreviewColumn {
    name: String,
    /// The field that it is taken for; `None` if it is none.
    field: Option<&'static str>,
    /// `field`, `kept` by its name, or `left_out`.
    taken: &'static str,
}

/// A row.
#[derive(Debug, Serialize)]
struct PreviewRow {
    /// The line on which it begins.
    line: u64,
    /// Its cells, with whole numbers masked.
    cells: Vec<String>,
    /// What was read of it; `None` if it is rejected, or nothing is read.
    contact: Option<PreviewContact>,
    /// `allowed`, `held`, `refused` or `rejected`; `None` if nothing is read.
    decision: Option<&'static str>,
    reason: Option<&'static str>,
    rule: Option<&'static str>,
    until: Option<Timestamp>,
    /// The same for people.
    words: String,
}

/// A row as it is read.
#[derive(Debug, Serialize)]
struct PreviewContact {
    /// Its middle masked.
    number: String,
    /// The time zones by which it is called.
    zones: Vec<String>,
    consent: Option<&'static str>,
    consent_at: Option<Timestamp>,
}

/// Shows the first rows of a list that is here.
pub(in crate::http) async fn show(
    State(api): State<Api>,
    Path(id): Path<String>,
    parameters: Parameters,
) -> Result<Json<ImportPreview>, Problem> {
    parameters.finish()?;
    let upload = find(&api, &id).await?;
    let campaign = campaigns::find(&api, &upload.campaign_name).await?;
    let spec = Spec::from_json(&campaign.spec);
    let spec = spec.map_err(|_| unreadable("the settings of its campaign"))?;
    let (mapping, dates) = reading(&upload)?;
    let (uploads, of) = (Arc::clone(&api.uploads), id.clone());
    let read = blocking(move || {
        let Some(file) = uploads.kept(&of) else {
            return Ok(None);
        };
        match ListPreview::read(file, &mapping, ROWS) {
            Ok(preview) => Ok(Some(Ok(preview))),
            Err(ListError::Read(error)) => Err(ListError::Read(error)),
            Err(error) => Ok(Some(Err(error))),
        }
    });
    let preview = read.await?.ok_or_else(not_kept)?;
    let preview = preview.map_err(|error| Problem::fault("", error.to_string()))?;
    let config = Arc::clone(&api.config.borrow());
    let rules = ContactRules {
        phone: config.pbx.rules,
        dates,
        message: |_| Ok(()),
    };
    let (gate, at) = (Gate::new(config.gate.clone()), now());
    let read = |row| {
        preview
            .fault
            .is_none()
            .then(|| preview.columns.contact(row, &rules))
    };
    let read: Vec<_> = preview.rows.rows().map(read).collect();
    let numbers = read.iter().flatten().flatten();
    let numbers: Vec<PhoneNumber> = numbers.map(|row| row.number.clone()).collect();
    let history = gate.settings().history();
    let mut facts = api.store.facts_of(&numbers, history, at).await?.into_iter();
    let uses = preview.uses();
    let mut seen = BTreeSet::new();
    let mut rows = Vec::with_capacity(read.len());
    for (row, read) in preview.rows.rows().zip(read) {
        let cells = row.fields().zip(&uses);
        let cells = cells
            .map(|(cell, taken)| shown_cell(cell, *taken))
            .collect();
        let asked = read.map(|read| read.map(|row| (row, facts.next().unwrap_or_default())));
        let empty = PreviewRow {
            line: row.line,
            cells,
            contact: None,
            decision: None,
            reason: None,
            rule: None,
            until: None,
            words: String::new(),
        };
        rows.push(match asked {
            None => empty,
            Some(Err(reject)) => PreviewRow {
                decision: Some("rejected"),
                reason: Some(reject.reason.slug()),
                words: reject.reason.to_string(),
                ..empty
            },
            Some(Ok((contact, _))) if !seen.insert(contact.number.clone()) => PreviewRow {
                decision: Some("rejected"),
                reason: Some(Reason::Duplicate.slug()),
                words: Reason::Duplicate.to_string(),
                contact: Some(shown_contact(&contact)),
                ..empty
            },
            Some(Ok((contact, facts))) => {
                let case = Case {
                    number: Ok(&contact.number),
                    zone: contact.zone.as_deref(),
                    state: contact.state.as_deref(),
                    consent: contact.consent.as_ref(),
                    campaign: spec.kind,
                    calls: match spec.technique {
                        TechniqueRule::Single => 1,
                        TechniqueRule::Double | TechniqueRule::ByShare => 2,
                    },
                    do_not_call: facts.do_not_call.as_deref(),
                    starts: &facts.starts,
                    overrides: &[],
                };
                let ruling = gate.decide(&case, at);
                let (decision, reason, until) = ruling.decision.told();
                PreviewRow {
                    decision: Some(decision),
                    reason,
                    rule: ruling.rule().map(|rule| rule.slug()),
                    until,
                    words: ruling.words(),
                    contact: Some(shown_contact(&contact)),
                    ..empty
                }
            }
        });
    }
    let columns = preview.columns.names().iter().zip(uses);
    Ok(Json(ImportPreview {
        import: id,
        campaign: upload.campaign_name,
        columns: columns
            .map(|(name, taken)| PreviewColumn {
                name: name.clone(),
                field: match taken {
                    ColumnUse::Field(field) => Some(field.slug()),
                    ColumnUse::Kept | ColumnUse::LeftOut => None,
                },
                taken: match taken {
                    ColumnUse::Field(_) => "field",
                    ColumnUse::Kept => "kept",
                    ColumnUse::LeftOut => "left_out",
                },
            })
            .collect(),
        fault: preview.fault.map(|error| error.to_string()),
        notes: title_note(preview.title_rows).into_iter().collect(),
        at,
        rows,
    }))
}

/// A cell as it is written; whole numbers are masked, but a moment of consent is none.
fn shown_cell(cell: &str, taken: ColumnUse) -> String {
    let cell: String = cell.chars().take(LONGEST_CELL).collect();
    match taken {
        ColumnUse::Field(Field::ConsentAt) => cell,
        ColumnUse::Field(_) | ColumnUse::Kept | ColumnUse::LeftOut => {
            masked_text(&cell).into_owned()
        }
    }
}

fn shown_contact(row: &NewRow) -> PreviewContact {
    let consent = row.consent.as_ref();
    PreviewContact {
        number: row.number.to_string(),
        zones: match &row.zone {
            Some(zone) => vec![zone.clone()],
            None => row.number.zones().into_iter().map(str::to_owned).collect(),
        },
        consent: consent.map(|Consent { kind, .. }| match kind {
            ConsentKind::Written => "written",
            ConsentKind::Verbal => "verbal",
        }),
        consent_at: consent.and_then(|consent| consent.at),
    }
}

/// How a list is read, as it is kept with its upload.
fn reading(upload: &StoredUpload) -> Result<(Mapping, Option<DateOrder>), Problem> {
    let reading: Value = serde_json::from_str(&upload.new.reading).unwrap_or_default();
    let mut mapping = Mapping::default();
    for text in reading["map"].as_array().into_iter().flatten() {
        let added = text.as_str().map(|text| mapping.add(text));
        if !matches!(added, Some(Ok(()))) {
            return Err(unreadable("how it is read"));
        }
    }
    Ok((
        mapping,
        reading["date_order"].as_str().and_then(DateOrder::parse),
    ))
}

fn unreadable(what: &str) -> Problem {
    tracing::error!(what, "a list cannot be shown");
    Problem::new(ProblemKind::Internal, "the list cannot be shown")
}

fn not_kept() -> Problem {
    let words =
        "rows of this list on this server: one that is read only is kept for a day, with `keep`";
    Problem::not_found(words)
}

/// Rows that are shown, and characters of a cell.
const ROWS: usize = 20;
const LONGEST_CELL: usize = 200;
