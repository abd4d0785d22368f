//! Who calls to record a message: a number, or an extension of the PBX's own, which is none that could be dialled.

use crate::phone::{PhoneNumber, Rules};

/// Who calls.
#[derive(Clone, Debug)]
pub(super) struct RecordCaller {
    number: Option<PhoneNumber>,
    /// What the PBX says of them, in plain characters; empty if it says nothing.
    text: String,
}

impl RecordCaller {
    /// What the PBX says of whoever calls; `None`: nothing.
    pub(super) fn of(said: Option<&str>, rules: Rules) -> Self {
        let said = said.unwrap_or_default();
        let is_plain = |c: &char| c.is_ascii_alphanumeric() || "+*#-_.@".contains(*c);
        Self {
            number: PhoneNumber::parse(said, rules).ok(),
            text: said.chars().filter(is_plain).take(LONGEST).collect(),
        }
    }

    /// Whether they say who they are.
    pub(super) const fn is_known(&self) -> bool {
        !self.text.is_empty()
    }

    /// What their tries are counted under: however a number is written, it is one.
    pub(super) fn key(&self) -> &str {
        match &self.number {
            Some(number) => number.digits(),
            None if self.text.is_empty() => WITHHELD,
            None => &self.text,
        }
    }

    /// For people: a number is masked, and so is what may be one. `None` if they do not say who they are.
    pub(super) fn shown(&self) -> Option<String> {
        if let Some(number) = &self.number {
            return Some(number.to_string());
        }
        let text = self.is_known().then_some(&self.text)?;
        Some(if text.len() > LONGEST_EXTENSION {
            format!("•••{}", &text[text.len() - SHOWN..])
        } else {
            text.clone()
        })
    }
}

/// What those are counted under who do not say who they are.
const WITHHELD: &str = "withheld";

/// Most characters that callers are told apart by.
const LONGEST: usize = 32;

/// Most characters of an extension of the PBX's own. What is longer may be somebody's number.
const LONGEST_EXTENSION: usize = 6;

/// How much is shown of what is longer.
const SHOWN: usize = 2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extensions_are_callers_of_their_own_and_only_who_says_nothing_withholds_it() {
        let long = "9".repeat(100);
        for (said, key, shown) in [
            (Some("101"), "101", Some("101")),
            (Some("102"), "102", Some("102")),
            (Some("ann-2"), "ann-2", Some("ann-2")),
            (Some("+1 202 555 0101"), "12025550101", Some("+1202•••0101")),
            (Some("(202) 555-0101"), "12025550101", Some("+1202•••0101")),
            (Some("5550101"), "5550101", Some("•••01")),
            (Some("10\n1\u{1b}[31m"), "10131m", Some("10131m")),
            (Some(long.as_str()), &long[..LONGEST], Some("•••99")),
            (Some("\u{e4}"), "withheld", None),
            (Some(""), "withheld", None),
            (None, "withheld", None),
        ] {
            let caller = RecordCaller::of(said, Rules::default());
            assert_eq!(caller.key(), key, "{said:?}");
            assert_eq!(caller.shown().as_deref(), shown, "{said:?}");
            assert_eq!(caller.is_known(), shown.is_some(), "{said:?}");
        }
    }
}
