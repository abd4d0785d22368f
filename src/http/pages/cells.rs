//! What of a page changes while it is looked at: each is under a key in the page, and under the same key in the feed.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::shell::Moment;

/// A text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LiveText {
    pub(super) key: String,
    pub(super) text: String,
}

/// A number of many, as a bar or a gauge shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LiveNumber {
    pub(super) key: String,
    pub(super) value: u64,
    pub(super) max: u64,
}

/// A moment, which may be unknown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LiveTime {
    pub(super) key: String,
    pub(super) at: Option<Moment>,
}

/// A way to another page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LiveLink {
    pub(super) key: String,
    pub(super) href: String,
}

/// Something that is shown or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LiveHidden {
    pub(super) key: String,
    pub(super) is_hidden: bool,
}

/// A bar of parts, by their names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LiveBar {
    pub(super) key: String,
    /// In thousandths of the whole.
    pub(super) parts: Vec<BarPart>,
}

/// A part of a bar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct BarPart {
    pub(super) name: &'static str,
    /// Where it begins.
    pub(super) from: u64,
    pub(super) width: u64,
}

/// All of a page that changes, as the feed tells it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct FeedCells {
    cells: BTreeMap<String, String>,
    values: BTreeMap<String, (u64, u64)>,
    times: BTreeMap<String, Option<Timestamp>>,
    links: BTreeMap<String, String>,
    hidden: BTreeMap<String, bool>,
    bars: BTreeMap<String, Vec<(&'static str, u64)>>,
}

impl LiveText {
    pub(super) fn new(key: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            key: key.into(),
            text: text.into(),
        }
    }
}

impl LiveBar {
    /// A bar of these counts, of so many in all.
    pub(super) fn of(
        key: String,
        counts: impl Iterator<Item = (&'static str, u64)>,
        all: u64,
    ) -> Self {
        let mut sum = 0;
        let thousandths = |count: u64| {
            let share = u128::from(count) * 1_000 / u128::from(all.max(1));
            u64::try_from(share.min(1_000)).unwrap_or(1_000)
        };
        let parts = counts.map(|(name, count)| {
            let from = thousandths(sum);
            sum += count;
            BarPart {
                name,
                from,
                width: thousandths(sum) - from,
            }
        });
        Self {
            key,
            parts: parts.collect(),
        }
    }
}

impl FeedCells {
    pub(super) fn text(&mut self, text: &LiveText) {
        self.cells.insert(text.key.clone(), text.text.clone());
    }

    pub(super) fn number(&mut self, number: &LiveNumber) {
        let (key, value) = (number.key.clone(), (number.value, number.max));
        self.values.insert(key, value);
    }

    pub(super) fn time(&mut self, time: &LiveTime) {
        let at = time.at.map(|Moment(at)| at);
        self.times.insert(time.key.clone(), at);
    }

    pub(super) fn link(&mut self, link: &LiveLink) {
        self.links.insert(link.key.clone(), link.href.clone());
    }

    pub(super) fn hidden(&mut self, hidden: &LiveHidden) {
        self.hidden.insert(hidden.key.clone(), hidden.is_hidden);
    }

    pub(super) fn bar(&mut self, bar: &LiveBar) {
        let parts = bar.parts.iter().map(|part| (part.name, part.width));
        self.bars.insert(bar.key.clone(), parts.collect());
    }

    /// What is other than before: all of it, without a before.
    pub(super) fn told(&self, before: Option<&Self>) -> Map<String, Value> {
        let mut told = Map::new();
        let mut put = |name: &str, members: Map<String, Value>| {
            if !members.is_empty() {
                told.insert(name.to_owned(), members.into());
            }
        };
        let text = |text: &String| json!(text);
        put("cells", other(&self.cells, before.map(|b| &b.cells), text));
        let values = before.map(|b| &b.values);
        put("values", other(&self.values, values, |v| json!(v.0)));
        put("max", other(&self.values, values, |v| json!(v.1)));
        let times = before.map(|b| &b.times);
        put(
            "times",
            other(&self.times, times, |at| {
                json!(at.map(|at| Moment(at).utc()))
            }),
        );
        put("hrefs", other(&self.links, before.map(|b| &b.links), text));
        let hidden = before.map(|b| &b.hidden);
        put("hidden", other(&self.hidden, hidden, |is| json!(is)));
        let bars = before.map(|b| &b.bars);
        put("bars", other(&self.bars, bars, |parts| json!(parts)));
        told
    }
}

fn other<T: PartialEq>(
    now: &BTreeMap<String, T>,
    before: Option<&BTreeMap<String, T>>,
    told: impl Fn(&T) -> Value,
) -> Map<String, Value> {
    let is_other = |key: &String, value: &T| {
        let was = before.and_then(|before| before.get(key));
        was != Some(value)
    };
    now.iter()
        .filter(|(key, value)| is_other(key, value))
        .map(|(key, value)| (key.clone(), told(value)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_as_it_was_is_not_told_again() {
        let mut before = FeedCells::default();
        before.text(&LiveText::new("a", "1"));
        before.text(&LiveText::new("b", "1"));
        before.number(&LiveNumber {
            key: "n".to_owned(),
            value: 1,
            max: 2,
        });
        let mut now = before.clone();
        assert!(now.told(Some(&before)).is_empty());
        now.text(&LiveText::new("b", "2"));
        assert_eq!(json!(now.told(Some(&before))), json!({"cells": {"b": "2"}}));
        assert_eq!(
            json!(before.told(None)),
            json!({"cells": {"a": "1", "b": "1"}, "values": {"n": 1}, "max": {"n": 2}})
        );
    }

    #[test]
    fn the_parts_of_a_bar_leave_no_gap() {
        let counts = [("a", 1), ("b", 1), ("c", 1)];
        let bar = LiveBar::of("bar".to_owned(), counts.into_iter(), 3);
        let parts: Vec<_> = bar.parts.iter().map(|p| (p.from, p.width)).collect();
        assert_eq!(parts, [(0, 333), (333, 333), (666, 334)]);
        let none = LiveBar::of("bar".to_owned(), counts.into_iter(), 0);
        assert!(
            none.parts
                .iter()
                .all(|part| part.from + part.width <= 1_000)
        );
    }
}
