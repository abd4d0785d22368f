//! The only place that prints: data on stdout, talk on stderr.

use std::{
    error::Error as StdError,
    io::{self, IsTerminal as _},
};

use serde::Serialize;

/// Where the words of a command go, and how they look there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Printer {
    live: bool,
    colour_out: bool,
    colour_err: bool,
}

impl Printer {
    /// Colours where there is a terminal that wants them (`NO_COLOR` unset, `TERM` not `dumb`).
    pub(super) fn new() -> Self {
        let able = std::env::var_os("TERM").is_none_or(|term| term != "dumb");
        let live = able && io::stdout().is_terminal();
        let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        Self {
            live,
            colour_out: wanted && live,
            colour_err: wanted && able && io::stderr().is_terminal(),
        }
    }

    /// Without colours, whatever the terminal.
    #[cfg(test)]
    pub(super) const fn plain() -> Self {
        Self {
            live: false,
            colour_out: false,
            colour_err: false,
        }
    }

    /// One line of data.
    pub(super) fn line(self, text: &str) {
        self.clear_status();
        write_line(io::stdout().lock(), text);
    }

    /// Whether there is a terminal on which a line can be written over.
    pub(super) const fn is_live(self) -> bool {
        self.live
    }

    /// What is going on just now, on a line of its own until the next line; only where it can be written over.
    pub(super) fn status(self, text: &str) {
        if self.live {
            let text = paint(self.colour_out, Paint::Faint, text);
            write_bare(io::stdout().lock(), &format!("{CLEAR}{text}"));
        }
    }

    fn clear_status(self) {
        if self.live {
            write_bare(io::stdout().lock(), CLEAR);
        }
    }

    /// One JSON value of data, on one line.
    pub(super) fn json(self, value: &impl Serialize) {
        match serde_json::to_string(value) {
            Ok(text) => self.line(&text),
            // Our own types have string keys and finite numbers only; were it otherwise, silence would be worse.
            Err(error) => self.error(&error),
        }
    }

    /// Where data goes, for a command that lays out its own.
    pub(super) fn data(self) -> impl io::Write {
        io::stdout()
    }

    /// One line of talk.
    pub(super) fn talk(self, text: &str) {
        self.clear_status();
        write_line(io::stderr().lock(), text);
    }

    /// An error and its causes, on one line, each told once.
    pub(super) fn error(self, error: &(dyn StdError + 'static)) {
        let label = paint(self.colour_err, Paint::Bad, "error:");
        self.talk(&format!("{label} {}", chain(error)));
    }

    /// Something that went wrong and stops nothing.
    pub(super) fn warning(self, words: &str) {
        let label = paint(self.colour_err, Paint::Warn, "warning:");
        self.talk(&format!("{label} {words}"));
    }

    /// What to do about an error.
    pub(super) fn hint(self, hint: &str) {
        let label = paint(self.colour_err, Paint::Hint, "hint:");
        self.talk(&format!("{label} {hint}"));
    }

    /// Text for stdout in a colour, where there are colours.
    pub(super) fn paint(self, paint_as: Paint, text: &str) -> String {
        paint(self.colour_out, paint_as, text)
    }
}

/// What a colour says. It never says anything that the words do not.
#[derive(Clone, Copy, Debug)]
pub(super) enum Paint {
    /// It went as wanted.
    Good,
    /// It wants a look.
    Warn,
    /// It did not go.
    Bad,
    /// A next step.
    Hint,
    /// It passes.
    Faint,
}

/// An error and its causes on one line. A cause whose words its effect has quoted already is not told again.
pub(super) fn chain(error: &(dyn StdError + 'static)) -> String {
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

fn paint(colours: bool, paint: Paint, text: &str) -> String {
    if !colours {
        return text.to_owned();
    }
    let code = match paint {
        Paint::Good => "1;32",
        Paint::Warn => "1;33",
        Paint::Bad => "1;31",
        Paint::Hint => "1;36",
        Paint::Faint => "2",
    };
    format!("\x1b[{code}m{text}\x1b[0m")
}

fn write_bare(mut out: impl io::Write, text: &str) {
    let _ = write!(out, "{text}").and_then(|()| out.flush());
}

/// Whoever closed the pipe does not want to know the rest; that is no error of ours.
fn write_line(mut out: impl io::Write, text: &str) {
    let _ = writeln!(out, "{text}").and_then(|()| out.flush());
}

/// Back to the start of the line, and nothing on it (ECMA-48, EL).
const CLEAR: &str = "\r\x1b[2K";

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
    fn each_cause_is_told_once() {
        let quoting = said("cannot ring: no line", Some(said("no line", None)));
        assert_eq!(chain(&quoting), "cannot ring: no line");
        let three = said("a", Some(said("b", Some(said("c", None)))));
        assert_eq!(chain(&three), "a: b: c");
    }

    #[test]
    fn without_colours_a_text_is_as_it_was() {
        assert_eq!(paint(false, Paint::Bad, "x"), "x");
        assert_eq!(paint(true, Paint::Bad, "x"), "\x1b[1;31mx\x1b[0m");
    }
}
