//! The log of a campaign: what was told of it, and who changed what, by time, a page at a time.

use serde_json::Value;

use super::{
    shell::Moment,
    values::{moment, text},
};
use crate::{
    auth::{Action, Object},
    http::{Api, caller::Caller, given::Parameters, problem::Problem},
    store::{AuditRow, Campaign},
};

/// What happened to it.
pub(super) struct LogTab {
    pub(super) rows: Vec<LogRow>,
    /// Whether there are changes that are for auditors only.
    pub(super) may_see_audit: bool,
    /// The way to what happened before.
    pub(super) next: Option<String>,
}

/// Something that happened.
pub(super) struct LogRow {
    pub(super) at: Option<Moment>,
    pub(super) what: String,
    pub(super) who: String,
    pub(super) detail: String,
    /// Where it is in its own log.
    place: LogPlace,
}

/// A row of one of the two logs, by its number there.
#[derive(Clone, Copy)]
enum LogPlace {
    Audit(i64),
    Event(u64),
}

impl LogTab {
    /// Reads a page of it; each of the two logs is gone on with where the page before has ended.
    pub(super) async fn read(
        api: &Api,
        caller: &Caller,
        campaign: &Campaign,
        mut parameters: Parameters,
    ) -> Result<Self, Problem> {
        let mut audit_before = parameters.parsed("audit", str::parse::<i64>);
        let mut events_before = parameters.parsed("event", str::parse::<u64>);
        parameters.finish()?;
        let may_see_audit = caller.may(Action::ReadAudit, Object::Any).is_ok();
        let at_most = LOG_ROWS + 1;
        let audit = if may_see_audit {
            let rows = api
                .store
                .audit_rows_of(&campaign.name, audit_before, true, at_most);
            rows.await?.into_iter().map(LogRow::of_audit).collect()
        } else {
            Vec::new()
        };
        let events = api
            .store
            .events_of_campaign(campaign.id, events_before, at_most);
        let events = events.await?.into_iter();
        let shown = caller.disclosure(api, false);
        let events = events.map(|event| LogRow::of_event(&event.to_json(shown), event.sequence));
        let mut rows = merged(audit, events.collect());
        let has_more = rows.len() > LOG_ROWS;
        rows.truncate(LOG_ROWS);
        for row in &rows {
            match row.place {
                LogPlace::Audit(id) => {
                    audit_before = Some(audit_before.map_or(id, |at| at.min(id)))
                }
                LogPlace::Event(id) => {
                    events_before = Some(events_before.map_or(id, |at| at.min(id)))
                }
            }
        }
        let next = has_more.then(|| {
            let mut next = format!("/campaigns/{}?tab=log", campaign.name);
            if let Some(audit) = audit_before {
                next.push_str(&format!("&audit={audit}"));
            }
            if let Some(event) = events_before {
                next.push_str(&format!("&event={event}"));
            }
            next
        });
        Ok(Self {
            rows,
            may_see_audit,
            next,
        })
    }
}

/// Two logs as one, the latest first. The order within each stays, so that where it has ended is where it goes on.
fn merged(first: Vec<LogRow>, second: Vec<LogRow>) -> Vec<LogRow> {
    let (mut first, mut second) = (first.into_iter().peekable(), second.into_iter().peekable());
    let mut rows = Vec::new();
    loop {
        let is_first = match (first.peek(), second.peek()) {
            (None, None) => return rows,
            (Some(_), None) => true,
            (None, Some(_)) => false,
            (Some(one), Some(other)) => one.at.map(|at| at.0) >= other.at.map(|at| at.0),
        };
        rows.extend(if is_first {
            first.next()
        } else {
            second.next()
        });
    }
}

impl LogRow {
    fn of_audit(row: AuditRow) -> Self {
        Self {
            at: Some(Moment(row.at)),
            what: row.action,
            who: row.who,
            detail: row.after.unwrap_or_default(),
            place: LogPlace::Audit(row.id),
        }
    }

    fn of_event(of: &Value, sequence: u64) -> Self {
        Self {
            at: moment(of, "/timestamp").or_else(|| moment(of, "/at")),
            what: text(of, "/type"),
            who: text(of, "/data/who"),
            detail: detail(of),
            place: LogPlace::Event(sequence),
        }
    }
}

/// What an event says beside who and of which campaign: why, or its members by their names.
fn detail(of: &Value) -> String {
    let members = of.pointer("/data").and_then(Value::as_object);
    let members = members.into_iter().flatten();
    let shown = members.filter_map(|(name, value)| {
        let is_told = !SHOWN_ELSEWHERE.contains(&name.as_str());
        let value = text(value, "");
        (is_told && !value.is_empty()).then(|| match name.as_str() {
            "why" => value,
            name => format!("{}: {value}", name.replace('_', " ")),
        })
    });
    shown.collect::<Vec<_>>().join(", ")
}

/// Members of an event that a page of its campaign shows otherwise.
const SHOWN_ELSEWHERE: [&str; 3] = ["campaign", "campaign_id", "who"];

/// Rows of a page.
const LOG_ROWS: usize = 100;

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use serde_json::json;

    use super::*;

    #[test]
    fn an_event_says_why_and_what_it_is_about() {
        for (data, expected) in [
            (
                json!({"campaign": "spring", "campaign_id": 1, "why": "9 of 9 calls failed"}),
                "9 of 9 calls failed",
            ),
            (
                json!({"campaign": "spring", "campaign_id": 1, "why": null}),
                "",
            ),
            (
                json!({"campaign": "spring", "campaign_id": 1, "import": 7, "list": "a.csv", "rows": 12, "rejected": 0}),
                "import: 7, list: a.csv, rejected: 0, rows: 12",
            ),
            (json!({"standing": "draft"}), "standing: draft"),
            (json!(null), ""),
        ] {
            let event = json!({"type": "campaign.paused", "timestamp": "2026-12-01T09:00:00Z", "data": data});
            let row = LogRow::of_event(&event, 1);
            assert_eq!(
                (row.detail.as_str(), row.what.as_str()),
                (expected, "campaign.paused")
            );
        }
    }

    #[test]
    fn two_logs_are_one_and_each_keeps_its_order() {
        let row = |second, place| LogRow {
            at: Timestamp::from_second(second).ok().map(Moment),
            what: String::new(),
            who: String::new(),
            detail: String::new(),
            place,
        };
        // The second row of the first log was written behind the first one, and says that it was before.
        let audit = vec![
            row(9, LogPlace::Audit(3)),
            row(4, LogPlace::Audit(2)),
            row(5, LogPlace::Audit(1)),
        ];
        let events = vec![row(8, LogPlace::Event(8)), row(3, LogPlace::Event(7))];
        let shown: Vec<_> = merged(audit, events)
            .iter()
            .map(|row| match row.place {
                LogPlace::Audit(id) => format!("a{id}"),
                LogPlace::Event(id) => format!("e{id}"),
            })
            .collect();
        assert_eq!(shown, ["a3", "e8", "a2", "a1", "e7"]);
    }
}
