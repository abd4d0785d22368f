//! The second table: what becomes of each kind of call, and of people and machines in each kind of noise.

use std::collections::BTreeSet;

use super::{figure::of, head, line};
use crate::{
    corpus::{Item, Label},
    score::{Column, Record, Share},
};

/// What counts.
type Holds = fn(&Record) -> bool;

/// What is counted of the calls with a label: what it is called, of whom, and what counts.
#[rustfmt::skip]
const COUNTS: &[(&str, Label, Holds)] = &[
    ("people who hear any of it", Label::Human, Record::is_played_to),
    ("people taken for machines", Label::Human, Record::is_taken_for_a_machine),
    ("machines with an intact message", Label::Machine, Record::is_intact),
    ("others played to", Label::Other, Record::is_played_to),
];

/// Of first calls, but for the rows that say otherwise.
pub(super) fn markdown(records: &[Record], columns: &[Column]) -> String {
    let mut text = head(columns, false);
    for (what, label, holds) in COUNTS {
        let of_label: Vec<&Record> = records
            .iter()
            .filter(|record| record.item.label == *label)
            .collect();
        let mut row = |name: String, belongs: &dyn Fn(&Item) -> bool| {
            let cells: Vec<String> = columns
                .iter()
                .map(|column| {
                    let own = of_label
                        .iter()
                        .copied()
                        .filter(|record| record.column() == *column && belongs(&record.item));
                    of(Share::count(own, holds))
                })
                .collect();
            line(&mut text, &format!("{what}: {name}"), &cells, None);
        };
        let kinds: BTreeSet<&str> = of_label
            .iter()
            .map(|record| record.item.kind.as_str())
            .collect();
        for kind in kinds {
            row(kind.to_owned(), &|item| {
                item.kind == kind && !item.heard_before
            });
            let heard_before =
                |record: &&Record| record.item.kind == kind && record.item.heard_before;
            if of_label.iter().any(heard_before) {
                row(format!("{kind}, prompt heard before"), &|item| {
                    item.kind == kind && item.heard_before
                });
            }
        }
        let noises: BTreeSet<&str> = of_label
            .iter()
            .map(|record| record.item.noise.as_str())
            .collect();
        // Neither fax nor menu comes with noise.
        for noise in noises
            .iter()
            .filter(|_| noises.len() > 1 && *label != Label::Other)
        {
            row(format!("in {noise} noise"), &|item| {
                item.noise == *noise && !item.heard_before
            });
        }
    }
    text
}
