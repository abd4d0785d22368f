//! One row of results as names and values, from which each format is made.

use std::borrow::Cow;

use jiff::{Timestamp, tz::TimeZone};
use serde::{Deserialize, Serialize, Serializer, ser::SerializeMap as _};

use crate::{
    callback::CallbackOutcome,
    campaign::{
        cost::{Money, Price},
        policy::{Inputs, Outcome as Finding, Ruling},
    },
    drop::{Milestone, Technique},
    phone::Disclosure,
    store::ResultRow,
};

/// How rows are shown.
#[derive(Clone, Copy, Debug)]
pub struct ResultColumns<'a> {
    /// The campaign's name.
    pub campaign: &'a str,
    /// What the trunk charges, if that is known.
    pub price: Option<&'a Price>,
    /// What of people is shown.
    pub shown: Disclosure,
    /// Whether times are the local ones of the contact, as a spreadsheet reads them; otherwise RFC 3339 in UTC.
    pub local_times: bool,
}

/// A row's values, in the order of [`ResultColumns::NAMES`].
#[derive(Clone, Debug, PartialEq)]
pub struct ResultValues<'a>([Cell<'a>; COUNT]);

/// A value.
#[derive(Clone, Debug, PartialEq)]
enum Cell<'a> {
    Nothing,
    Text(Cow<'a, str>),
    Count(u64),
    Flag(bool),
    Amount(Money),
    List(Vec<String>),
}

impl ResultColumns<'_> {
    /// The names of the columns.
    pub const NAMES: [&'static str; COUNT] = [
        "campaign",
        "line",
        "number",
        "name",
        "foreign_id",
        "drop",
        "attempt",
        "started_at",
        "ended_at",
        "outcome",
        "final",
        "proof",
        "proof_reasons",
        "refused",
        "held",
        "until",
        "reason",
        "verdict",
        "ready_by",
        "ended_by",
        "alerted_ms",
        "answered_ms",
        "ready_ms",
        "played_ms",
        "heard_ms",
        "busy_up_ms",
        "drop_up_ms",
        "technique",
        "message",
        "variant",
        "cost",
        "cost_busy",
        "currency",
        "evidence",
        "time_zone",
        "called_back_at",
        "callback",
    ];

    /// The columns of these names, by their places.
    ///
    /// # Errors
    /// The first name that is not a column.
    pub fn places(names: &[String]) -> Result<Vec<usize>, String> {
        let places = names.iter().map(|name| {
            let place = Self::NAMES.iter().position(|known| known == name);
            place.ok_or_else(|| name.clone())
        });
        places.collect()
    }

    /// A row's values.
    pub fn of<'r>(&self, row: &'r ResultRow) -> ResultValues<'r>
    where
        Self: 'r,
    {
        let report = row
            .report
            .as_deref()
            .map(ReportFields::read)
            .unwrap_or_default();
        let number = row.number.as_ref();
        let number = number.map(|number| self.shown.number(number));
        let dialled = row.drop.is_some();
        let ended = dialled && row.outcome.is_some();
        let price = self.price.filter(|_| ended);
        let cost = price.map(|price| price.drop(&row.calls, row.busy_up_ms, row.drop_up_ms));
        let ruling = row.ruling.as_deref();
        let ruling = ruling.and_then(|ruling| serde_json::from_str::<Ruling>(ruling).ok());
        let zone = ruling.as_ref().and_then(zone);
        let reason = reason(row, ruling, &report);
        let reason = reason.map(|reason| self.shown.text(&reason).into_owned());
        let local = self.local_times.then(|| {
            let zone = zone.as_deref().and_then(|name| TimeZone::get(name).ok());
            zone.unwrap_or_else(TimeZone::system)
        });
        let time = |at: Timestamp| match &local {
            Some(zone) => {
                let at = at.to_zoned(zone.clone());
                at.strftime("%Y-%m-%d %H:%M:%S").to_string()
            }
            None => at.to_string(),
        };
        let has_time =
            row.started_at.is_some() || row.held.is_some() || row.called_back_at.is_some();
        let zone = match local.as_ref().filter(|_| has_time) {
            Some(zone) => zone.iana_name().map(str::to_owned),
            None => zone,
        };
        let count = |count| {
            if dialled {
                Cell::Count(count)
            } else {
                Cell::Nothing
            }
        };
        let slug = |slug: Option<&'static str>| Cell::text(slug);
        ResultValues([
            Cell::Text(self.campaign.to_owned().into()),
            Cell::count(row.line),
            Cell::owned(number),
            Cell::shown(row.name.as_deref().map(|name| self.shown.text(name))),
            Cell::shown(row.foreign_id.as_deref().map(|id| self.shown.id(id))),
            Cell::owned(row.drop.map(|drop| drop.to_string())),
            count(u64::from(row.attempt)),
            Cell::owned(row.started_at.map(time)),
            Cell::owned(row.ended_at.map(time)),
            slug(row.outcome.map(|outcome| outcome.slug())),
            Cell::Flag(row.is_final),
            slug(row.proof.map(|proof| proof.slug())),
            Cell::List(report.proof_reasons),
            slug(row.refused.map(|refused| refused.slug())),
            slug(row.held.map(|(held, _)| held.slug())),
            Cell::owned(row.held.map(|(_, until)| time(until))),
            Cell::owned(reason),
            Cell::owned(report.verdict),
            Cell::owned(report.ready_by),
            Cell::owned(report.ended_by),
            Cell::count(report.alerted_ms),
            Cell::count(report.answered_ms),
            Cell::count(report.ready_at_ms),
            Cell::count(report.played_ms),
            Cell::count(report.heard_ms),
            count(row.busy_up_ms),
            count(row.drop_up_ms),
            slug(row.technique.map(Technique::slug)),
            Cell::text(row.message.as_deref()),
            Cell::text(row.variant.as_deref()),
            cost.map_or(Cell::Nothing, |cost| Cell::Amount(cost.total())),
            cost.map_or(Cell::Nothing, |cost| Cell::Amount(cost.busy)),
            Cell::owned(price.map(|price| price.currency.to_string())),
            Cell::text(row.evidence.as_deref()),
            Cell::owned(zone),
            Cell::owned(row.called_back_at.map(time)),
            slug(row.callback.map(CallbackOutcome::slug)),
        ])
    }
}

impl ResultValues<'_> {
    /// The values as text; what is not there is empty.
    pub fn texts(&self) -> [Cow<'_, str>; COUNT] {
        self.0.each_ref().map(|cell| match cell {
            Cell::Nothing => Cow::Borrowed(""),
            Cell::Text(text) => Cow::Borrowed(text.as_ref()),
            Cell::Count(count) => Cow::Owned(count.to_string()),
            Cell::Flag(flag) => Cow::Borrowed(if *flag { "yes" } else { "no" }),
            Cell::Amount(amount) => Cow::Owned(amount.to_string()),
            Cell::List(list) => Cow::Owned(list.join("; ")),
        })
    }
}

/// A row's values in some columns, with their names.
#[derive(Clone, Copy, Debug)]
pub struct ChosenValues<'a, 'r>(pub &'a ResultValues<'r>, pub &'a [usize]);

impl Serialize for ChosenValues<'_, '_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(values, places) = self;
        let mut map = serializer.serialize_map(Some(places.len()))?;
        for place in *places {
            let (Some(name), Some(cell)) = (ResultColumns::NAMES.get(*place), values.0.get(*place))
            else {
                continue;
            };
            match cell {
                Cell::Nothing => map.serialize_entry(name, &()),
                Cell::Text(text) => map.serialize_entry(name, text),
                Cell::Count(count) => map.serialize_entry(name, count),
                Cell::Flag(flag) => map.serialize_entry(name, flag),
                Cell::Amount(amount) => map.serialize_entry(name, &units(*amount)),
                Cell::List(list) => map.serialize_entry(name, list),
            }?;
        }
        map.end()
    }
}

impl<'a> Cell<'a> {
    fn text(text: Option<&'a str>) -> Self {
        text.map_or(Self::Nothing, |text| Self::Text(text.into()))
    }

    fn shown(text: Option<Cow<'a, str>>) -> Self {
        text.map_or(Self::Nothing, Self::Text)
    }

    fn owned(text: Option<String>) -> Self {
        text.map_or(Self::Nothing, |text| Self::Text(text.into()))
    }

    fn count(count: Option<u64>) -> Self {
        count.map_or(Self::Nothing, Self::Count)
    }
}

/// An amount as a JSON number; exact to the millionth below nine thousand millions.
pub fn units(amount: Money) -> f64 {
    amount.millionths() as f64 / 1e6
}

/// The fields of a drop's report that have columns.
#[derive(Debug, Default)]
struct ReportFields {
    verdict: Option<String>,
    ready_by: Option<String>,
    ended_by: Option<String>,
    alerted_ms: Option<u64>,
    answered_ms: Option<u64>,
    ready_at_ms: Option<u64>,
    played_ms: Option<u64>,
    heard_ms: Option<u64>,
    proof_reasons: Vec<String>,
    words: Option<String>,
}

impl ReportFields {
    /// Reads a report as `drop --json` prints it. One that cannot be read gives no fields; the outcome is known without it.
    fn read(report: &str) -> Self {
        let report: StoredReport = serde_json::from_str(report).unwrap_or_default();
        // The live leg's, which is the busy leg if that was promoted.
        let (alerting, answered) = if report.promoted {
            (Milestone::BusyAlerting, Milestone::BusyAnswered)
        } else {
            (Milestone::DropAlerting, Milestone::DropAnswered)
        };
        let at = |milestone: Milestone| {
            let happened = report.timeline.iter();
            let found = happened
                .clone()
                .find(|moment| moment.event == milestone.as_str());
            found.map(|moment| moment.at_ms)
        };
        Self {
            alerted_ms: at(alerting),
            answered_ms: at(answered),
            verdict: report.verdict,
            ready_by: report.ready_by,
            ended_by: report.ended_by,
            ready_at_ms: report.ready_at_ms,
            played_ms: report.played_ms,
            heard_ms: report.heard_ms,
            proof_reasons: report.proof_reasons,
            words: report.words,
        }
    }
}

/// The part of a report that is read; any of it may be missing in one that an earlier version wrote.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct StoredReport {
    verdict: Option<String>,
    ready_by: Option<String>,
    ended_by: Option<String>,
    promoted: bool,
    ready_at_ms: Option<u64>,
    played_ms: Option<u64>,
    heard_ms: Option<u64>,
    proof_reasons: Vec<String>,
    words: Option<String>,
    timeline: Vec<StoredMoment>,
}

#[derive(Debug, Deserialize)]
struct StoredMoment {
    at_ms: u64,
    event: String,
}

/// Why the gate refuses or holds the contact; otherwise the rules that were set aside for the drop, and the words of the
/// PBX.
fn reason(row: &ResultRow, ruling: Option<Ruling>, report: &ReportFields) -> Option<String> {
    let decides = row.refused.is_some() || row.held.is_some();
    let ruling = ruling.filter(|ruling| decides || is_special(ruling));
    let said = ruling.map(|ruling| ruling.words());
    let parts: Vec<_> = said.into_iter().chain(report.words.clone()).collect();
    (!parts.is_empty()).then(|| parts.join("; "))
}

/// The contact's time zone: the first that the gate found for them.
fn zone(ruling: &Ruling) -> Option<String> {
    ruling
        .findings
        .iter()
        .find_map(|finding| match &finding.inputs {
            Inputs::Hours(seen) => seen.zones.first().map(|seen| seen.zone.clone()),
            Inputs::Number { .. }
            | Inputs::DoNotCall { .. }
            | Inputs::Consent { .. }
            | Inputs::Caps(_) => None,
        })
}

/// Whether a rule was set aside for it.
fn is_special(ruling: &Ruling) -> bool {
    ruling.findings.iter().any(|finding| match finding.outcome {
        Finding::SetAside { .. } => true,
        Finding::Met | Finding::Failed(_) | Finding::SwitchedOff => false,
    })
}

/// How many columns there are.
const COUNT: usize = 37;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        campaign::{
            HeldReason, RefusedReason,
            budget::Calls,
            cost::{Currency, Increment},
        },
        drop::{Outcome, Proof},
        id::DropId,
        phone::{PhoneNumber, Rules},
    };

    #[test]
    fn a_drop_has_its_times_its_proof_and_its_cost() {
        let price = Price {
            per_minute: Money::parse("0.0085").unwrap(),
            per_attempt: Money::parse("0.001").unwrap(),
            increment: Increment::parse("6/6").unwrap(),
            currency: Currency::default(),
        };
        let result_columns = ResultColumns {
            campaign: "spring",
            price: Some(&price),
            shown: Disclosure::Programs,
            local_times: false,
        };
        let row = dropped();
        insta::assert_snapshot!(shown(&result_columns, &row), @r#"
        campaign: spring "spring"
        line: 12 12
        number: +1202•••0101 "+1202•••0101"
        name: =HYPERLINK("http://x") "=HYPERLINK(\"http://x\")"
        foreign_id: crm-7 "crm-7"
        drop: 00000000000000000000000000000007 "00000000000000000000000000000007"
        attempt: 2 2
        started_at: 2026-11-23T20:00:00Z "2026-11-23T20:00:00Z"
        ended_at: 2026-11-23T20:00:31.5Z "2026-11-23T20:00:31.5Z"
        outcome: delivered "delivered"
        final: yes true
        proof: proven "proven"
        proof_reasons: beep 1000 Hz; played whole ["beep 1000 Hz","played whole"]
        verdict: machine "machine"
        ready_by: beep "beep"
        ended_by: us "us"
        alerted_ms: 3120 3120
        answered_ms: 5000 5000
        ready_ms: 13000 13000
        played_ms: 7240 7240
        heard_ms: 0 0
        busy_up_ms: 0 0
        drop_up_ms: 21000 21000
        technique: double "double"
        message: spring-a "spring-a"
        variant: A "A"
        cost: 0.0054 0.0054
        cost_busy: 0.001 0.001
        currency: USD "USD"
        evidence: evidence/2026-11-23/7 "evidence/2026-11-23/7"
        "#);
        // In the line above it is masked.
        let whole = ResultColumns {
            shown: Disclosure::Full,
            price: None,
            ..result_columns
        };
        let json = object(&whole.of(&row));
        assert_eq!(json["number"], "+12025550101");
        assert_eq!((&json["cost"], &json["currency"]), (&().into(), &().into()));
    }

    #[test]
    fn a_promoted_leg_s_times_are_the_drop_s() {
        let row = ResultRow {
            report: Some(
                r#"{"promoted":true,"timeline":[{"at_ms":0,"event":"busy_dialled"},{"at_ms":900,"event":"busy_alerting"},
                {"at_ms":1500,"event":"busy_answered"},{"at_ms":1501,"event":"drop_alerting"}],"later":[1]}"#
                    .to_owned(),
            ),
            ..dropped()
        };
        let json = object(&plain().of(&row));
        assert_eq!(
            (&json["alerted_ms"], &json["answered_ms"]),
            (&900.into(), &1500.into())
        );
        let torn = ResultRow {
            report: Some("{\"verdict\":".to_owned()),
            ..row
        };
        let json = object(&plain().of(&torn));
        assert_eq!(
            (&json["verdict"], &json["outcome"]),
            (&().into(), &"delivered".into())
        );
    }

    #[test]
    fn a_contact_that_was_never_dialled_has_the_words_of_the_gate() {
        let refused = ResultRow {
            refused: Some(RefusedReason::DoNotCall),
            ruling: Some(
                r#"{"decision":"refused","of":"do_not_call","at":"2026-11-23T20:00:00Z","findings":[{"rule":"do_not_call",
                "outcome":{"failed":{"decision":"refused","of":"do_not_call"}},"inputs":{"do_not_call":{"list":"own"}},
                "words":"+1202•••0101 is on the do-not-call list own"}]}"#
                    .to_owned(),
            ),
            is_final: true,
            ..undialled()
        };
        insta::assert_snapshot!(shown(&plain(), &refused), @r#"
        campaign: spring "spring"
        line: 12 12
        number: +1202•••0101 "+1202•••0101"
        name: =HYPERLINK("http://x") "=HYPERLINK(\"http://x\")"
        foreign_id: crm-7 "crm-7"
        final: yes true
        refused: do_not_call "do_not_call"
        reason: refused (do_not_call): +1202•••0101 is on the do-not-call list own "refused (do_not_call): +1202•••0101 is on the do-not-call list own"
        "#);
        let held = ResultRow {
            held: Some((
                HeldReason::CallingHours,
                "2026-11-24T13:00:00Z".parse().unwrap(),
            )),
            ..undialled()
        };
        insta::assert_snapshot!(shown(&plain(), &held), @r#"
        campaign: spring "spring"
        line: 12 12
        number: +1202•••0101 "+1202•••0101"
        name: =HYPERLINK("http://x") "=HYPERLINK(\"http://x\")"
        foreign_id: crm-7 "crm-7"
        final: no false
        held: calling_hours "calling_hours"
        until: 2026-11-24T13:00:00Z "2026-11-24T13:00:00Z"
        "#);
    }

    /// The values of a row, after a check that both forms have the same.
    fn shown(result_columns: &ResultColumns<'_>, row: &ResultRow) -> String {
        let named = result_columns.of(row);
        let json: serde_json::Value = object(&named);
        assert_eq!(
            json.as_object().unwrap().len(),
            ResultColumns::NAMES.len(),
            "a name comes twice"
        );
        let texts = named.texts();
        let both = ResultColumns::NAMES.into_iter().zip(texts);
        let lines = both.filter(|(name, text)| {
            assert_eq!(
                json[name].is_null(),
                text.is_empty() && !json[name].is_array(),
                "{name}"
            );
            !text.is_empty()
        });
        lines
            .map(|(name, text)| format!("{name}: {text} {}\n", json[name]))
            .collect()
    }

    fn object(values: &ResultValues<'_>) -> serde_json::Value {
        let all: Vec<_> = (0..COUNT).collect();
        serde_json::to_value(ChosenValues(values, &all)).unwrap()
    }

    #[test]
    fn a_spreadsheet_gets_the_contact_s_local_times() {
        let ruling = r#"{"decision":"allowed","at":"2026-11-23T20:00:00Z","findings":[{"rule":"calling_hours","outcome":"met",
            "inputs":{"hours":{"zones_by":"number","zones":[{"zone":"America/Denver","local":"2026-11-23T13:00:00","hours":null,
            "open":true}],"places":[],"rules":[],"notes":[],"opens":null}},"words":""}]}"#;
        let row = ResultRow {
            ruling: Some(ruling.to_owned()),
            ..dropped()
        };
        assert!(serde_json::from_str::<Ruling>(ruling).is_ok());
        let utc = object(&plain().of(&row));
        assert_eq!(utc["started_at"], "2026-11-23T20:00:00Z");
        assert_eq!(utc["time_zone"], "America/Denver");
        let local = ResultColumns {
            local_times: true,
            ..plain()
        };
        let local = object(&local.of(&row));
        assert_eq!(local["started_at"], "2026-11-23 13:00:00");
        assert_eq!(local["time_zone"], "America/Denver");
    }

    const fn plain() -> ResultColumns<'static> {
        ResultColumns {
            campaign: "spring",
            price: None,
            shown: Disclosure::Programs,
            local_times: false,
        }
    }

    fn dropped() -> ResultRow {
        ResultRow {
            drop: Some(DropId::from_u128(7)),
            attempt: 2,
            started_at: Some("2026-11-23T20:00:00Z".parse().unwrap()),
            ended_at: Some("2026-11-23T20:00:31.5Z".parse().unwrap()),
            outcome: Some(Outcome::Delivered),
            is_final: true,
            proof: Some(Proof::Proven),
            technique: Some(Technique::Double),
            message: Some("spring-a".into()),
            variant: Some("A".into()),
            calls: Calls {
                busy_legs: 1,
                drop_legs: 1,
                released: 1,
                answered: 1,
                ..Calls::NONE
            },
            drop_up_ms: 21_000,
            report: Some(
                r#"{"drop":"x","number":"+1202•••0101","outcome":"delivered","verdict":"machine","promoted":false,"ready_by":"beep",
                "ready_at_ms":13000,"played_ms":7240,"heard_ms":0,"ended_by":"us","proof_reasons":["beep 1000 Hz","played whole"],
                "timeline":[{"at_ms":0,"event":"busy_dialled"},{"at_ms":3120,"event":"drop_alerting"},{"at_ms":5000,"event":"drop_answered"}]}"#
                    .to_owned(),
            ),
            evidence: Some("evidence/2026-11-23/7".into()),
            ..undialled()
        }
    }

    fn undialled() -> ResultRow {
        ResultRow {
            line: Some(12),
            number: Some(PhoneNumber::parse("+12025550101", Rules::default()).unwrap()),
            name: Some("=HYPERLINK(\"http://x\")".into()),
            foreign_id: Some("crm-7".into()),
            drop: None,
            attempt: 0,
            started_at: None,
            ended_at: None,
            outcome: None,
            is_final: false,
            proof: None,
            refused: None,
            held: None,
            ruling: None,
            technique: None,
            message: None,
            variant: None,
            calls: Calls::NONE,
            busy_up_ms: 0,
            drop_up_ms: 0,
            report: None,
            evidence: None,
            called_back_at: None,
            callback: None,
        }
    }
}
