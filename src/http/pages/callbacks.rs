//! What pages show of calls that came back.

use serde_json::Value;

use super::{
    shell::Moment,
    values::{number, text},
};
use crate::{
    orders::{
        callback_outcome_words,
        figures::{count, tenths},
    },
    store::PersonCallback,
};

/// Contacts of a campaign that called back, and did the same.
pub(super) struct CallbackRow {
    pub(super) slug: &'static str,
    pub(super) words: &'static str,
    pub(super) count: String,
    /// Of those who have the message; empty if none has.
    pub(super) share: String,
    pub(super) interval: String,
    /// The interval in thousandths: where it begins, and how wide it is.
    pub(super) from: u64,
    pub(super) width: u64,
}

/// What those did who were left a variant and called back.
pub(super) struct VariantCallbacks {
    pub(super) variant: String,
    /// By the titles of their columns.
    pub(super) cells: Vec<(&'static str, String)>,
}

/// A call that came back.
pub(super) struct ShownCallback {
    pub(super) at: Moment,
    pub(super) called: String,
    pub(super) drop: Option<String>,
    pub(super) slug: &'static str,
    pub(super) words: &'static str,
}

/// What a summary of the API counts of a campaign's or a variant's; none if nobody has called back.
pub(super) fn callback_rows(callbacks: &Value) -> Vec<CallbackRow> {
    if number(callbacks, "/contacts") == 0 {
        return Vec::new();
    }
    let rows = COUNTED.into_iter();
    rows.map(|counted| counted.row(callbacks)).collect()
}

/// The same for each variant of a summary; none if nobody has called back.
pub(super) fn variant_callbacks(variants: &[Value]) -> Vec<VariantCallbacks> {
    let called = |variant: &Value| number(variant, "/callbacks/contacts") > 0;
    if !variants.iter().any(called) {
        return Vec::new();
    }
    let row = |variant: &Value| {
        let cells = COUNTED.into_iter().map(|counted| {
            let row = counted.row(&variant["callbacks"]);
            let share = match row.share.is_empty() {
                true => row.count,
                false => format!("{} ({}, {})", row.count, row.share, row.interval),
            };
            (counted.title, share)
        });
        VariantCallbacks {
            variant: text(variant, "/variant"),
            cells: cells.collect(),
        }
    };
    variants.iter().map(row).collect()
}

/// Calls as they are shown of a contact or a drop.
pub(super) fn shown(calls: Vec<PersonCallback>) -> Vec<ShownCallback> {
    let shown = calls.into_iter().map(|call| ShownCallback {
        at: Moment(call.at),
        called: call.called.unwrap_or_default(),
        drop: call.drop.map(|drop| drop.to_string()),
        slug: call.outcome.map_or("in_flight", |outcome| outcome.slug()),
        words: callback_outcome_words(call.outcome),
    });
    shown.collect()
}

/// Something that is counted of those who called back.
#[derive(Clone, Copy)]
struct CountedCallbacks {
    slug: &'static str,
    words: &'static str,
    title: &'static str,
    /// The keys of the count, its share and the interval of that.
    keys: [&'static str; 3],
}

impl CountedCallbacks {
    const fn new(
        slug: &'static str,
        words: &'static str,
        title: &'static str,
        keys: [&'static str; 3],
    ) -> Self {
        Self {
            slug,
            words,
            title,
            keys,
        }
    }

    fn row(self, callbacks: &Value) -> CallbackRow {
        let [key, share, interval] = self.keys;
        let thousandths = |share: f64| (share.clamp(0.0, 1.0) * 1_000.0).round() as u64;
        let share = callbacks[share].as_f64().map(thousandths);
        let end = |nth: usize| callbacks[interval][nth].as_f64().map(thousandths);
        let ends = end(0).zip(end(1));
        let (from, to) = ends.unwrap_or_default();
        CallbackRow {
            slug: self.slug,
            words: self.words,
            count: count(callbacks[key].as_u64().unwrap_or(0)),
            share: share.map_or_else(String::new, tenths),
            interval: ends.map_or_else(String::new, |(low, high)| {
                format!("{} to {}", tenths(low), tenths(high))
            }),
            from,
            width: to - from,
        }
    }
}

const COUNTED: [CountedCallbacks; 5] = [
    CountedCallbacks::new(
        "called_back",
        "called back",
        "Called back",
        ["contacts", "response_share", "response_95"],
    ),
    CountedCallbacks::new(
        "listened",
        "listened",
        "Listened",
        ["listened", "listened_share", "listened_95"],
    ),
    CountedCallbacks::new(
        "connected",
        "connected",
        "Connected",
        ["connected", "connected_share", "connected_95"],
    ),
    CountedCallbacks::new(
        "opted_out",
        "opted out",
        "Opted out",
        ["opted_out", "opt_out_share", "opt_out_95"],
    ),
    CountedCallbacks::new(
        "hung_up",
        "hung up",
        "Hung up",
        ["hung_up", "hung_up_share", "hung_up_95"],
    ),
];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn those_who_called_back_are_shown_as_shares_of_those_with_the_message() {
        let callbacks = json!({
            "contacts": 1_200, "listened": 0, "connected": 5, "opted_out": 2, "hung_up": 4,
            "response_share": 0.08, "response_95": [0.041, 0.15],
            "listened_share": 0.0, "listened_95": [0.0, 0.037],
            "connected_share": 0.05, "connected_95": [0.0215, 0.112],
            "opt_out_share": 0.02, "opt_out_95": [0.0055, 0.07],
            "hung_up_share": null, "hung_up_95": null,
        });
        let rows = callback_rows(&callbacks);
        let shown: Vec<_> = rows
            .iter()
            .map(|row| format!("{} {} {} {}", row.slug, row.count, row.share, row.interval))
            .collect();
        assert_eq!(
            shown,
            [
                "called_back 1,200 8.0 % 4.1 % to 15.0 %",
                "listened 0 0.0 % 0.0 % to 3.7 %",
                "connected 5 5.0 % 2.2 % to 11.2 %",
                "opted_out 2 2.0 % 0.6 % to 7.0 %",
                "hung_up 4  ",
            ]
        );
        assert_eq!((rows[0].from, rows[0].width), (41, 109));
        assert!(callback_rows(&json!({"contacts": 0})).is_empty());
        let variants = [
            json!({"variant": "a", "callbacks": callbacks}),
            json!({"variant": "<b>", "callbacks": {"contacts": 0}}),
        ];
        let rows = variant_callbacks(&variants);
        assert_eq!(rows[0].cells[3].1, "2 (2.0 %, 0.6 % to 7.0 %)");
        assert_eq!(rows[1].cells[0], ("Called back", "0".to_owned()));
        assert!(variant_callbacks(&variants[1..]).is_empty());
    }
}
