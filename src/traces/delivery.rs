//! The span of a request to a webhook.

use jiff::Timestamp;
use serde_json::Value;

use super::{TraceParent, TraceSpan, TracesKept, sample::random, spans::root};
use crate::{drop::Outcome, id::DropId};

/// A request to a webhook that is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryTrace {
    /// An id that no other request has; it becomes that of the trace.
    pub id: DropId,
    /// The endpoint.
    pub webhook: String,
    /// The message.
    pub message: String,
    /// When it began.
    pub from: Timestamp,
    /// When it was over.
    pub to: Timestamp,
    /// The status of the answer; `None` if there was none.
    pub status: Option<u16>,
    /// Why it was not taken; `None` if it was.
    pub failed: Option<String>,
    /// The drops whose ends it tells of.
    pub told: Vec<ToldDrop>,
}

/// A drop whose end a message tells of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToldDrop {
    drop: DropId,
    outcome: Outcome,
    parent: Option<TraceParent>,
}

impl ToldDrop {
    /// Those that the body of a message tells of, which is one event or a batch of them.
    pub fn all(body: &str) -> Vec<Self> {
        let Ok(body) = serde_json::from_str::<Value>(body) else {
            return Vec::new();
        };
        match body["data"]["events"].as_array() {
            Some(events) => events.iter().filter_map(Self::of).collect(),
            None => Self::of(&body).into_iter().collect(),
        }
    }

    fn of(event: &Value) -> Option<Self> {
        let data = &event["data"];
        if event["type"] != "drop.ended" {
            return None;
        }
        Some(Self {
            drop: data["drop"].as_str()?.parse().ok()?,
            outcome: Outcome::ALL
                .into_iter()
                .find(|outcome| data["outcome"] == outcome.slug())?,
            parent: data["traceparent"].as_str().and_then(TraceParent::parse),
        })
    }
}

impl DeliveryTrace {
    /// Its span, with a link to each drop whose trace is sent; `None` if it tells of none.
    pub fn span(self, kept: TracesKept) -> Option<TraceSpan> {
        let is_kept = |told: &&ToldDrop| kept.keeps(told.drop, told.outcome, told.parent.as_ref());
        let told = self.told.iter().filter(is_kept);
        let links: Vec<_> = told
            .map(|told| root(told.drop, told.parent.as_ref()))
            .collect();
        if links.is_empty() {
            return None;
        }
        let mut attributes = vec![
            ("aftertone.webhook", self.webhook),
            ("aftertone.message", self.message),
        ];
        if let Some(status) = self.status {
            attributes.push(("http.response.status_code", status.to_string()));
        }
        Some(TraceSpan {
            trace: self.id.as_u128().max(1),
            id: random(self.id).max(1),
            parent: 0,
            is_parent_remote: false,
            name: "webhook",
            from: self.from,
            to: self.to.max(self.from),
            attributes,
            failed: self.failed,
            links,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const CALLER: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    fn ended(drop: u128, outcome: &str, traceparent: Option<&str>) -> Value {
        let data = json!({
            "drop": DropId::from_u128(drop).to_string(), "outcome": outcome, "traceparent": traceparent
        });
        json!({"type": "drop.ended", "data": data})
    }

    fn span(body: &Value, percent: u32) -> Option<TraceSpan> {
        let trace = DeliveryTrace {
            id: DropId::from_u128(0xabcd_0000_0000_0000_1234),
            webhook: "w1".to_owned(),
            message: "evt_1".to_owned(),
            from: Timestamp::UNIX_EPOCH,
            to: Timestamp::UNIX_EPOCH,
            status: Some(503),
            failed: Some("status".to_owned()),
            told: ToldDrop::all(&body.to_string()),
        };
        trace.span(TracesKept { percent })
    }

    #[test]
    fn a_delivery_is_linked_to_the_drops_that_it_tells_of() {
        let lost = span(&ended(7, "lost", None), 0).unwrap();
        assert_eq!(lost.links, [(7, 7)]);
        assert_eq!((lost.trace, lost.id), (0xabcd_0000_0000_0000_1234, 0x1234));
        assert_eq!(lost.failed.as_deref(), Some("status"));
        assert!(
            lost.attributes
                .contains(&("http.response.status_code", "503".to_owned()))
        );
        let ordered = span(&ended(7, "delivered", Some(CALLER)), 0).unwrap();
        let theirs = 0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c;
        assert_eq!(ordered.links, [(theirs, 7)]);

        // Those whose traces are not sent are left out.
        let batch = json!({"type": "batch", "data": {"events": [
            ended(1, "error", None), ended(2, "delivered", None), {"type": "drop.started", "data": {}},
        ]}});
        assert_eq!(span(&batch, 0).unwrap().links, [(1, 1)]);
        assert_eq!(span(&batch, 100).unwrap().links, [(1, 1), (2, 2)]);
    }

    #[test]
    fn a_delivery_that_tells_of_no_drop_is_no_trace() {
        let ping = json!({"type": "ping", "data": {"webhook": "w1"}});
        assert_eq!(span(&ping, 100), None);
        assert_eq!(span(&ended(7, "delivered", None), 0), None);
        assert_eq!(ToldDrop::all("not JSON"), []);
    }
}
