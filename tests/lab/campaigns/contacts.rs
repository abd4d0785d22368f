//! Contacts of a campaign, the list that a user would have of them, and what must come of each.

use std::{fmt::Write as _, iter};

use aftertone::phone::{PhoneNumber, Rules};

use crate::network::{Number, is_area_code};

/// A contact on a list.
#[derive(Clone, Debug)]
pub(crate) struct Contact {
    /// `foreign_id`.
    pub(crate) id: String,
    pub(crate) number: Number,
    pub(crate) subscriber: &'static str,
    pub(crate) fate: Fate,
}

/// What is to become of a contact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// They are called.
    Called,
    /// Their number is on a do-not-call list before the campaign begins.
    Barred,
    /// They opt out while the campaign runs, before it is their turn.
    OptsOut,
    /// Their number begins with [`BLOCKED`].
    Blocked,
    /// No consent of theirs is on record.
    NoConsent,
}

impl Fate {
    /// The reason for which the gate refuses them.
    pub(crate) const fn refusal(self) -> Option<&'static str> {
        match self {
            Self::Called => None,
            Self::Barred | Self::OptsOut => Some("do_not_call"),
            Self::Blocked => Some("blocked_prefix"),
            Self::NoConsent => Some("no_consent"),
        }
    }
}

/// What must come of a contact who is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Expected {
    pub(crate) outcome: &'static str,
    /// How often the number rings.
    pub(crate) calls: usize,
    pub(crate) left: Left,
}

/// What a drop leaves at the far end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Left {
    /// The whole message in the mailbox.
    Message,
    /// Some of it.
    Part,
    /// A person or a machine answered, and heard nothing of it.
    Silence,
    /// There was no answer.
    Nothing,
}

/// A prefix that the tests block: Grenada's.
pub(crate) const BLOCKED: u16 = 473;

/// What must come of a drop to a subscriber of the carrier's dialplan, made with two calls or with one.
///
/// A single call finds the line free, so it rings as long as the carrier lets it, and then its mailbox answers; at 0102,
/// too, whose person lifts a second call only.
pub(crate) fn expected(subscriber: &str, double: bool) -> Expected {
    let both = if double { 2 } else { 1 };
    let (outcome, calls, left) = match subscriber {
        "0101" | "0105" | "0112" | "0113" | "0114" | "0116" => ("delivered", both, Left::Message),
        "0102" if double => ("human", both, Left::Silence),
        "0102" => ("delivered", both, Left::Message),
        // The first call is answered before it is time for the second.
        "0103" => ("human", 1, Left::Silence),
        "0104" => ("delivered", 1, Left::Message),
        // The first call finds it out.
        "0106" => ("busy", 1, Left::Nothing),
        "0107" => ("invalid_number", 1, Left::Nothing),
        "0109" => ("rejected", 1, Left::Nothing),
        "0110" => ("congestion", 1, Left::Nothing),
        "0108" => ("no_answer", both, Left::Nothing),
        "0111" => ("cut_off", both, Left::Part),
        "0115" => ("unsure", both, Left::Silence),
        "0117" => ("hung_up", both, Left::Silence),
        other => panic!("no expectation of subscriber {other}"),
    };
    Expected {
        outcome,
        calls,
        left,
    }
}

/// So many contacts of each subscriber and fate, spread evenly over the list, each under an area code of its own.
pub(crate) fn contacts(kinds: &[(&'static str, Fate, usize)]) -> Vec<Contact> {
    let mut places: Vec<(f64, usize)> = Vec::new();
    for (kind, &(_, fate, count)) in kinds.iter().enumerate() {
        for index in 0..count {
            let part = (index as f64 + 0.5) / count as f64;
            // Who opts out while the others are called has to come late.
            let late = fate == Fate::OptsOut;
            places.push((if late { 0.85 + 0.15 * part } else { part }, kind));
        }
    }
    places.sort_by(|a, b| a.0.total_cmp(&b.0));
    let areas = areas();
    assert!(places.len() <= areas.len(), "more contacts than area codes");
    let mut blocked = 0;
    places
        .into_iter()
        .zip(areas)
        .enumerate()
        .map(|(index, ((_, kind), area))| {
            let (subscriber, fate, _) = kinds[kind];
            let number = if fate == Fate::Blocked {
                // One area code holds them all, so their subscribers differ.
                blocked += 1;
                Number::new(BLOCKED, &format!("01{blocked:02}"))
            } else {
                Number::new(area, subscriber)
            };
            Contact {
                id: format!("c{index:03}"),
                number,
                subscriber,
                fate,
            }
        })
        .collect()
}

/// The list as a file, written as people write numbers; `more` are rows that hold no contact.
pub(crate) fn list(contacts: &[Contact], more: &[String]) -> String {
    let mut text = "number,name,consent,consent_at,consent_source,foreign_id\n".to_owned();
    for (index, contact) in contacts.iter().enumerate() {
        let digits = contact.number.to_string();
        let (area, office, line) = (&digits[1..4], &digits[4..7], &digits[7..]);
        let number = match index % 3 {
            0 => contact.number.e164(),
            1 => format!("({area}) {office}-{line}"),
            _ => format!("1-{area}-{office}-{line}"),
        };
        let consent = if contact.fate == Fate::NoConsent {
            ",,"
        } else {
            "written,2026-05-01,web form"
        };
        writeln!(
            text,
            "{number},\"Contact, {index}\",{consent},{}",
            contact.id
        )
        .unwrap();
        // The wrong rows are among the right ones.
        if let Some(row) = index
            .checked_sub(20)
            .filter(|at| at % 30 == 0)
            .and_then(|at| more.get(at / 30))
        {
            text.extend(iter::once(row.as_str()).chain(iter::once("\n")));
        }
    }
    text
}

/// Area codes of places in the USA and Canada, no two near ones next to each other.
fn areas() -> Vec<u16> {
    let of_a_place = |area: &u16| {
        let number = Number::new(*area, "0101").e164();
        PhoneNumber::parse(&number, Rules::default()).is_ok_and(|number| {
            let places = number.places();
            !places.is_empty()
                && places
                    .iter()
                    .all(|place| place.starts_with("US-") || place.starts_with("CA-"))
        })
    };
    let all: Vec<u16> = (200..1_000)
        .filter(|&area| is_area_code(area))
        .filter(of_a_place)
        .collect();
    // Any step that shares no factor with the length goes through all of them once.
    let step = [61, 67, 71]
        .into_iter()
        .find(|step| !all.len().is_multiple_of(*step))
        .unwrap_or(1);
    (0..all.len())
        .map(|index| all[index * step % all.len()])
        .collect()
}
