//! `/audit`: who changed what.

use axum::{Json, extract::State};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use crate::{
    http::{
        Api,
        given::Parameters,
        pagination::{Page, Paging},
        problem::Problem,
    },
    store::AuditRow,
};

/// A row of the audit log.
#[derive(Debug, Serialize)]
pub(in crate::http) struct AuditView {
    /// Its number, in the order of the changes.
    id: i64,
    at: Timestamp,
    who: String,
    via: String,
    ip: Option<String>,
    request_id: Option<String>,
    action: String,
    object: String,
    before: Option<Value>,
    after: Option<Value>,
}

impl From<AuditRow> for AuditView {
    fn from(row: AuditRow) -> Self {
        let read = |text: Option<String>| {
            text.map(|text| serde_json::from_str(&text).unwrap_or(Value::String(text)))
        };
        Self {
            id: row.id,
            at: row.at,
            who: row.who,
            via: row.via,
            ip: row.ip,
            request_id: row.request_id,
            action: row.action,
            object: row.object,
            before: read(row.before),
            after: read(row.after),
        }
    }
}

/// The rows, the latest first: all, or those of one object.
pub(in crate::http) async fn list(
    State(api): State<Api>,
    mut parameters: Parameters,
) -> Result<Json<Page<AuditView>>, Problem> {
    let (limit, cursor) = (parameters.text("limit"), parameters.text("cursor"));
    let object = parameters.text("object");
    parameters.finish()?;
    let filter = object.as_deref().map(|object| ("object", object));
    let paging = Paging::new(api.seal().await?, "audit", filter.as_slice());
    let asked = paging.request(limit.as_deref(), cursor.as_deref())?;
    // The list begins with the latest, so that what is behind a row is before it.
    let (from, is_backward, at_most) = (asked.key(), !asked.is_back(), asked.limit + 1);
    let rows = match &object {
        None => api.store.audit_rows(from, is_backward, at_most).await?,
        Some(object) => {
            let rows = api.store.audit_rows_of(object, from, is_backward, at_most);
            rows.await?
        }
    };
    let page = paging.page(&asked, rows, |row| row.id.to_string());
    Ok(Json(page.map(AuditView::from)))
}
