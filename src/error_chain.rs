//! An error in one line, with its causes.

use std::error::Error;

/// The error and its sources, each once.
pub(crate) fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        let words = source.to_string();
        if !text.contains(&words) {
            text = format!("{text}: {words}");
        }
        next = source.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use thiserror::Error;

    use super::*;

    #[derive(Debug, Error)]
    #[error("{words}")]
    struct Said {
        words: &'static str,
        source: Option<Box<Self>>,
    }

    fn said(words: &'static str, source: Option<Said>) -> Said {
        let source = source.map(Box::new);
        Said { words, source }
    }

    #[test]
    fn each_cause_is_given_once() {
        let quoting = said("cannot ring: no line", Some(said("no line", None)));
        assert_eq!(chain(&quoting), "cannot ring: no line");
        let three = said("a", Some(said("b", Some(said("c", None)))));
        assert_eq!(chain(&three), "a: b: c");
    }
}
