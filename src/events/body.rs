//! An event as JSON: in the log, in streams and in webhooks alike.

use serde_json::{Map, Value, json};

use super::{DropSnapshot, EventDrop, LoggedEvent};
use crate::phone::{Disclosure, PhoneNumber};

impl LoggedEvent {
    /// Its id: the same in each place where the event is told, and on every repetition.
    pub fn id(&self) -> String {
        format!("evt_{}", self.sequence)
    }

    /// What programs are told of it, [as an object](Self::to_json); numbers are masked unless `in_full`.
    pub fn to_program(&self, in_full: bool) -> Value {
        self.to_json(Disclosure::of_program(in_full))
    }

    /// The event as an object: `id`, `sequence`, `type`, `timestamp` and, in `data`, what it is about. The same event gives the same object until what it is about is deleted or erased.
    pub fn to_json(&self, disclosure: Disclosure) -> Value {
        let shown = |number: &PhoneNumber| disclosure.number(number);
        let mut data = Map::new();
        if let Some((id, name)) = &self.campaign {
            data.insert("campaign".to_owned(), json!(name));
            data.insert("campaign_id".to_owned(), json!(id.0));
        }
        if let Some(contact) = &self.contact {
            data.insert("contact".to_owned(), json!(contact.id.0));
            data.insert("foreign_id".to_owned(), json!(contact.foreign_id));
            data.insert(
                "number".to_owned(),
                json!(contact.number.as_ref().map(shown)),
            );
        }
        if let Some(number) = &self.number {
            data.insert("number".to_owned(), json!(shown(number)));
        }
        if let Some(EventDrop {
            id,
            traceparent,
            stored,
        }) = &self.drop
        {
            data.insert("drop".to_owned(), json!(id.to_string()));
            if let Some(traceparent) = traceparent {
                data.insert("traceparent".to_owned(), json!(traceparent));
            }
            if let Some(stored) = stored {
                insert_drop(&mut data, stored, shown);
            }
        }
        if let Value::Object(detail) = &self.detail {
            for (key, value) in detail {
                data.insert(key.clone(), value.clone());
            }
        }
        for (name, value) in &mut data {
            if let ("foreign_id", Value::String(id)) = (name.as_str(), value) {
                *id = disclosure.id(id).into_owned();
            }
        }
        json!({
            "id": self.id(),
            "sequence": self.sequence,
            "type": self.slug,
            "timestamp": self.at.to_string(),
            "data": data,
        })
    }
}

fn insert_drop(
    data: &mut Map<String, Value>,
    drop: &DropSnapshot,
    shown: impl Fn(&PhoneNumber) -> String,
) {
    let report = drop.report.as_deref();
    let report: Option<Value> = report.and_then(|report| serde_json::from_str(report).ok());
    let fields = [
        ("number", json!(drop.number.as_ref().map(shown))),
        ("attempt", json!(drop.attempt)),
        ("technique", json!(drop.technique.slug())),
        ("message", json!(drop.message)),
        ("variant", json!(drop.variant)),
        ("started_at", json!(drop.started_at.to_string())),
        ("ended_at", json!(drop.ended_at.map(|at| at.to_string()))),
        ("outcome", json!(drop.outcome.map(|outcome| outcome.slug()))),
        ("proof", json!(drop.proof.map(|proof| proof.slug()))),
        ("is_final", json!(drop.is_final)),
        ("has_evidence", json!(drop.has_evidence)),
        ("report", json!(report)),
    ];
    for (key, value) in fields {
        data.insert(key.to_owned(), value);
    }
    // The contact's is there already.
    data.entry("foreign_id")
        .or_insert_with(|| json!(drop.foreign_id));
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::super::{EventContact, EventKind};
    use super::*;
    use crate::{
        campaign::engine::{CampaignId, ContactId},
        drop::{Outcome, Proof, Technique},
        id::DropId,
    };

    #[test]
    fn a_drop_that_has_ended_is_told_as_a_whole_and_masked() {
        let event = ended();
        insta::assert_snapshot!(
            serde_json::to_string_pretty(&event.to_json(Disclosure::Programs)).unwrap()
        );
        let full = event.to_json(Disclosure::Full);
        assert_eq!(full["data"]["number"], "+12025550101");
        assert!(
            !event
                .to_json(Disclosure::Programs)
                .to_string()
                .contains("2025550101")
        );
    }

    #[test]
    fn what_was_erased_or_deleted_since_is_not_told() {
        let mut event = ended();
        event.contact = Some(EventContact {
            id: ContactId(7),
            number: None,
            foreign_id: None,
        });
        event.drop = Some(EventDrop {
            id: DropId::from_u128(5),
            traceparent: None,
            stored: None,
        });
        event.campaign = Some((CampaignId(3), None));
        let told = event.to_json(Disclosure::Full);
        assert_eq!(told["type"], "drop.ended");
        assert_eq!(told["data"]["number"], Value::Null);
        assert_eq!(told["data"]["campaign"], Value::Null);
        assert_eq!(told["data"]["outcome"], Value::Null);
    }

    #[test]
    fn what_it_tells_besides_is_beside_the_rest() {
        let event = LoggedEvent {
            contact: None,
            drop: None,
            number: PhoneNumber::from_digits(12_025_550_199),
            campaign: None,
            detail: json!({"list": "own", "numbers": 1}),
            kind: Some(EventKind::DoNotCallAdded),
            slug: "do_not_call.added".to_owned(),
            ..ended()
        };
        let told = event.to_json(Disclosure::Programs);
        let wanted = json!({"list": "own", "numbers": 1, "number": "+1202•••0199"});
        assert_eq!(told["data"], wanted);
    }

    fn ended() -> LoggedEvent {
        let at = |second: i64| Timestamp::from_second(1_790_000_000 + second).unwrap();
        let number = PhoneNumber::from_digits(12_025_550_101);
        LoggedEvent {
            sequence: 42,
            at: at(31),
            kind: Some(EventKind::DropEnded),
            slug: "drop.ended".to_owned(),
            campaign: Some((CampaignId(3), Some("spring".to_owned()))),
            contact: Some(EventContact {
                id: ContactId(7),
                number: number.clone(),
                foreign_id: Some("C-1001".to_owned()),
            }),
            drop: Some(EventDrop {
                id: DropId::from_u128(5),
                traceparent: None,
                stored: Some(DropSnapshot {
                    number,
                    foreign_id: None,
                    attempt: 1,
                    technique: Technique::Double,
                    message: "spring".to_owned(),
                    variant: None,
                    started_at: at(0),
                    ended_at: Some(at(31)),
                    outcome: Some(Outcome::Delivered),
                    proof: Some(Proof::Proven),
                    is_final: Some(true),
                    has_evidence: true,
                    report: Some(r#"{"outcome":"delivered"}"#.to_owned()),
                }),
            }),
            number: None,
            detail: Value::Null,
        }
    }
}
