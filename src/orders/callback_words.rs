//! What is said of calls that came back.

use crate::{callback::CallbackOutcome, store::PersonCallback};

/// What came of a call, for people; `None`: it is up.
pub const fn callback_outcome_words(outcome: Option<CallbackOutcome>) -> &'static str {
    match outcome {
        Some(CallbackOutcome::OptedOut) => "opted out",
        Some(CallbackOutcome::Connected) => "connected",
        Some(CallbackOutcome::Listened) => "listened",
        Some(CallbackOutcome::HungUp) => "hung up",
        None => "on the line",
    }
}

/// Calls, the oldest first, in a line each: the latest few of them.
pub fn callback_lines(calls: &[PersonCallback]) -> Vec<String> {
    let left_out = calls.len().saturating_sub(MOST);
    let words = || format!("called back {} times; the latest {MOST}:", calls.len());
    let lines = calls.iter().skip(left_out).map(callback_line);
    (left_out > 0)
        .then(words)
        .into_iter()
        .chain(lines)
        .collect()
}

/// How many calls are told one by one.
const MOST: usize = 5;

fn callback_line(call: &PersonCallback) -> String {
    let at = call.at.strftime("%Y-%m-%d %H:%M:%S UTC");
    let outcome = callback_outcome_words(call.outcome);
    format!("called back {at}, {outcome}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::callback::CallbackId;

    #[test]
    fn a_line_says_when_and_what_came_of_it() {
        let call = |outcome| PersonCallback {
            id: CallbackId::generate(),
            at: "2026-12-01T14:05:03.7Z".parse().unwrap(),
            // What others write is not in it.
            called: Some("<b>".to_owned()),
            drop: None,
            outcome,
        };
        let line = callback_line(&call(Some(CallbackOutcome::OptedOut)));
        assert_eq!(line, "called back 2026-12-01 14:05:03 UTC, opted out");
        assert!(callback_line(&call(None)).ends_with(", on the line"));
        let seven: Vec<_> = (0..7).map(|_| call(None)).collect();
        assert_eq!(callback_lines(&seven[..5]).len(), 5);
        let lines = callback_lines(&seven);
        assert_eq!(lines.len(), 6);
        assert_eq!(lines[0], "called back 7 times; the latest 5:");
    }
}
