//! What is sent: one event, or a batch of them, as bytes that are signed and never written anew.

use serde_json::{Map, Value, json};

use crate::{events::LoggedEvent, store::NewMessage};

/// The messages that tell of these events, in their order: each holds at most so many.
pub(super) fn compose(events: &[LoggedEvent], batch: u32, full_numbers: bool) -> Vec<NewMessage> {
    let batch = usize::try_from(batch).unwrap_or(1).max(1);
    if batch == 1 {
        return events
            .iter()
            .map(|event| single(event, full_numbers))
            .collect();
    }
    let mut messages = Vec::new();
    let mut taken: Vec<(&LoggedEvent, String)> = Vec::new();
    let mut size = 0;
    for event in events {
        let body = body(event, full_numbers);
        if !taken.is_empty() && (taken.len() == batch || size + body.len() > MOST_OF_BATCH) {
            messages.push(together(&std::mem::take(&mut taken)));
            size = 0;
        }
        size += body.len() + 1;
        taken.push((event, body));
    }
    if !taken.is_empty() {
        messages.push(together(&taken));
    }
    messages
}

/// The body of a message of these events under the id that it had.
pub(super) fn compose_again(
    id: &str,
    events: &[LoggedEvent],
    is_batch: bool,
    full_numbers: bool,
) -> Option<String> {
    match events {
        [] => None,
        [event] if !is_batch => Some(body(event, full_numbers)),
        events => {
            let all = events
                .iter()
                .map(|event| (event, body(event, full_numbers)));
            Some(batch_body(id, &all.collect::<Vec<_>>()))
        }
    }
}

/// What is sent to try an endpoint.
pub(super) fn ping(id: &str, webhook: &str, at: jiff::Timestamp) -> String {
    json!({
        "type": "ping", "timestamp": at.to_string(), "id": id, "sequence": null, "data": {"webhook": webhook}
    })
    .to_string()
}

fn single(event: &LoggedEvent, full_numbers: bool) -> NewMessage {
    NewMessage {
        message: event.id(),
        first: event.sequence,
        last: event.sequence,
        events: 1,
        types: vec![event.slug.clone()],
        body: body(event, full_numbers),
    }
}

fn together(taken: &[(&LoggedEvent, String)]) -> NewMessage {
    let first = taken.first().map_or(0, |(event, _)| event.sequence);
    let last = taken.last().map_or(0, |(event, _)| event.sequence);
    let id = format!("evt_{first}-{last}");
    let mut types: Vec<_> = taken.iter().map(|(event, _)| event.slug.clone()).collect();
    types.sort_unstable();
    types.dedup();
    NewMessage {
        first,
        last,
        events: u32::try_from(taken.len()).unwrap_or(u32::MAX),
        types,
        body: batch_body(&id, taken),
        message: id,
    }
}

fn batch_body(id: &str, taken: &[(&LoggedEvent, String)]) -> String {
    let last = taken.last().map(|(event, _)| *event);
    let head = json!({
        "type": "batch",
        "timestamp": last.map(|event| event.at.to_string()),
        "id": id,
        "sequence": last.map(|event| event.sequence),
    });
    let events: Vec<_> = taken.iter().map(|(_, body)| body.as_str()).collect();
    let head = head.to_string();
    let head = head.strip_suffix('}').unwrap_or(&head);
    format!("{head},\"data\":{{\"events\":[{}]}}}}", events.join(","))
}

/// An event as it is sent, of 20 kB at most: one that is longer goes without its report, and then with its ids and words alone.
/// `GET /events` has it whole.
fn body(event: &LoggedEvent, full_numbers: bool) -> String {
    let mut whole = event.to_program(full_numbers);
    let text = whole.to_string();
    if text.len() <= MOST_BYTES {
        return text;
    }
    if let Some(data) = whole["data"].as_object_mut() {
        data.insert("report".to_owned(), Value::Null);
        data.insert("shortened".to_owned(), json!(true));
    }
    let text = whole.to_string();
    if text.len() <= MOST_BYTES {
        return text;
    }
    if let Some(data) = whole["data"].as_object() {
        let kept = data.iter().filter(|(key, value)| {
            KEPT.contains(&key.as_str()) && value.to_string().len() <= MOST_OF_MEMBER
        });
        let mut kept: Map<_, _> = kept
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect();
        kept.insert("shortened".to_owned(), json!(true));
        whole["data"] = Value::Object(kept);
    }
    whole.to_string()
}

/// Bytes of an event.
const MOST_BYTES: usize = 20_000;

/// Bytes of the events of a batch, unless one alone is longer.
const MOST_OF_BATCH: usize = 256_000;

/// Bytes of a member of an event that is much too long.
const MOST_OF_MEMBER: usize = 1_000;

const KEPT: [&str; 10] = [
    "campaign",
    "campaign_id",
    "contact",
    "foreign_id",
    "number",
    "drop",
    "attempt",
    "outcome",
    "proof",
    "is_final",
];

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::{
        campaign::engine::{CampaignId, ContactId},
        events::{EventContact, EventKind},
        phone::PhoneNumber,
    };

    #[test]
    fn a_message_is_its_event_with_its_number_masked() {
        let messages = compose(&[event(42, json!({}))], 1, false);
        assert_eq!(messages.len(), 1);
        let message = &messages[0];
        assert_eq!(message.message, "evt_42");
        assert_eq!((message.first, message.last, message.events), (42, 42, 1));
        assert_eq!(
            message.body,
            "{\"data\":{\"campaign\":\"spring\",\"campaign_id\":3,\"contact\":7,\"foreign_id\":\"C-1\",\
             \"number\":\"+1202•••0101\"},\"id\":\"evt_42\",\"sequence\":42,\"timestamp\":\"2026-09-21T14:13:20Z\",\
             \"type\":\"contact.ended\"}"
        );
        let full = &compose(&[event(42, json!({}))], 1, true)[0];
        assert!(full.body.contains("\"+12025550101\""), "{}", full.body);
        let again = compose_again("evt_42", &[event(42, json!({}))], false, false);
        assert_eq!(again.as_ref(), Some(&message.body));
        assert_eq!(compose_again("evt_42", &[], false, false), None);
    }

    #[test]
    fn a_batch_holds_so_many_events_and_so_many_bytes() {
        let events: Vec<_> = (1..=7).map(|nth| event(nth, json!({}))).collect();
        let messages = compose(&events, 3, false);
        let ids: Vec<_> = messages
            .iter()
            .map(|message| message.message.as_str())
            .collect();
        assert_eq!(ids, ["evt_1-3", "evt_4-6", "evt_7-7"]);
        let body: Value = serde_json::from_str(&messages[1].body).unwrap();
        assert_eq!(body["type"], "batch");
        assert_eq!(body["id"], "evt_4-6");
        assert_eq!(body["sequence"], 6);
        let within = body["data"]["events"].as_array().unwrap();
        let within: Vec<_> = within.iter().map(|event| event["id"].clone()).collect();
        assert_eq!(within, ["evt_4", "evt_5", "evt_6"]);
        let again = compose_again("evt_4-6", &events[3..6], true, false);
        assert_eq!(again.as_ref(), Some(&messages[1].body));
        let long = json!({"words": "x".repeat(19_000)});
        let events: Vec<_> = (1..=30).map(|nth| event(nth, long.clone())).collect();
        let messages = compose(&events, 500, false);
        assert!(messages.len() > 1);
        assert!(messages.iter().all(|message| message.body.len() < 260_000));
        let all: u32 = messages.iter().map(|message| message.events).sum();
        assert_eq!(all, 30);
    }

    #[test]
    fn an_event_has_at_most_20_kb() {
        let report = json!({"report": {"words": "x".repeat(30_000)}, "outcome": "delivered"});
        let message = &compose(&[event(1, report)], 1, false)[0];
        let body: Value = serde_json::from_str(&message.body).unwrap();
        assert_eq!(body["data"]["report"], Value::Null);
        assert_eq!(body["data"]["outcome"], "delivered");
        assert_eq!(body["data"]["shortened"], true);
        let other = json!({"words": "x".repeat(30_000), "outcome": "delivered"});
        let message = &compose(&[event(1, other)], 1, false)[0];
        assert!(message.body.len() < 1_000, "{}", message.body);
        let body: Value = serde_json::from_str(&message.body).unwrap();
        assert_eq!(body["data"]["foreign_id"], "C-1");
        assert_eq!(body["data"]["words"], Value::Null);
    }

    fn event(sequence: u64, detail: Value) -> LoggedEvent {
        LoggedEvent {
            sequence,
            at: Timestamp::from_second(1_790_000_000).unwrap(),
            kind: Some(EventKind::ContactEnded),
            slug: "contact.ended".to_owned(),
            campaign: Some((CampaignId(3), Some("spring".to_owned()))),
            contact: Some(EventContact {
                id: ContactId(7),
                number: PhoneNumber::from_digits(12_025_550_101),
                foreign_id: Some("C-1".to_owned()),
            }),
            drop: None,
            number: None,
            detail,
        }
    }
}
