//! An error in one line, with what was behind it.

use std::error::Error;

/// The error and its sources, each once.
pub(in crate::run) fn chain(error: &(dyn Error + 'static)) -> String {
    let mut told = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        let words = source.to_string();
        if !told.contains(&words) {
            told = format!("{told}: {words}");
        }
        next = source.source();
    }
    told
}
