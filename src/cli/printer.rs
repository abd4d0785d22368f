//! The only place that prints: data on stdout, talk on stderr.

use std::{
    error::Error as StdError,
    io::{self, IsTerminal as _},
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;

/// Prints the output of a command.
#[derive(Clone, Copy, Debug)]
pub(super) struct Printer {
    live: bool,
    live_err: bool,
    colour_out: bool,
    colour_err: bool,
}

impl Printer {
    /// With colours if there is a terminal that wants them (`NO_COLOR` unset, `TERM` not `dumb`).
    pub(super) fn new() -> Self {
        let able = std::env::var_os("TERM").is_none_or(|term| term != "dumb");
        let live = able && io::stdout().is_terminal();
        let live_err = able && io::stderr().is_terminal();
        let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        Self {
            live,
            live_err,
            colour_out: wanted && live,
            colour_err: wanted && live_err,
        }
    }

    /// Without colours, whatever the terminal.
    #[cfg(test)]
    pub(super) const fn plain() -> Self {
        Self {
            live: false,
            live_err: false,
            colour_out: false,
            colour_err: false,
        }
    }

    /// One line of data.
    pub(super) fn line(self, text: &str) {
        self.clear_status();
        write_line(io::stdout().lock(), text);
    }

    /// Whether there is a terminal on which a line can be overwritten.
    pub(super) const fn is_live(self) -> bool {
        self.live
    }

    /// What is happening, on a line of its own that the next line replaces; only on a terminal.
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

    /// Lines that are redrawn in place; `None` if there is no terminal.
    pub(super) fn live(self) -> Option<Live> {
        self.live.then(|| Live { lines: Vec::new() })
    }

    /// A progress bar on stderr, if that is a terminal.
    pub(super) fn progress(self, all: u64) -> Progress {
        let target = if self.live_err {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        let bar = ProgressBar::with_draw_target(Some(all), target);
        if let Ok(style) = ProgressStyle::with_template(PROGRESS) {
            bar.set_style(style.progress_chars("## "));
        }
        Progress { bar }
    }

    /// One JSON value of data, on one line.
    pub(super) fn json(self, value: &impl Serialize) {
        match serde_json::to_string(value) {
            Ok(text) => self.line(&text),
            // Our own types have string keys and finite numbers only; were it otherwise, silence would be worse.
            Err(error) => self.error(&error),
        }
    }

    /// The output for data, for a command that formats its own.
    pub(super) fn data(self) -> impl io::Write {
        io::stdout()
    }

    /// One line of talk.
    pub(super) fn talk(self, text: &str) {
        self.clear_status();
        write_line(io::stderr().lock(), text);
    }

    /// An error and its causes, each once, on one line.
    pub(super) fn error(self, error: &(dyn StdError + 'static)) {
        let label = paint(self.colour_err, Paint::Bad, "error:");
        self.talk(&format!("{label} {}", crate::error_chain::chain(error)));
    }

    /// A problem that does not end the command.
    pub(super) fn warning(self, words: &str) {
        let label = paint(self.colour_err, Paint::Warn, "warning:");
        self.talk(&format!("{label} {words}"));
    }

    /// What the user should know, and need do nothing about.
    pub(super) fn note(self, words: &str) {
        let label = paint(self.colour_err, Paint::Hint, "note:");
        self.talk(&format!("{label} {words}"));
    }

    /// What to do about an error.
    pub(super) fn hint(self, hint: &str) {
        let label = paint(self.colour_err, Paint::Hint, "hint:");
        self.talk(&format!("{label} {hint}"));
    }

    /// Text for stdout in a colour, if there are colours.
    pub(super) fn paint(self, paint_as: Paint, text: &str) -> String {
        paint(self.colour_out, paint_as, text)
    }
}

/// Lines at the end of a terminal that are redrawn, with others printed above them.
///
/// The cursor rests on an empty line above them: what others write there, such as the log, stays above, and a terminal
/// that changes its width takes the cursor along.
#[derive(Debug)]
pub(super) struct Live {
    lines: Vec<String>,
}

impl Live {
    /// How many characters fit on a line; the last column stays free, because terminals delay the wrap there.
    pub(super) fn width() -> usize {
        size().0.saturating_sub(1)
    }

    /// Draws these lines in place of those drawn before.
    pub(super) fn draw(&mut self, lines: Vec<String>) {
        self.lines = lines;
        self.lines.truncate(size().1.saturating_sub(1).max(1));
        write_bare(io::stdout().lock(), &frame(&self.lines));
    }

    /// One line that stays, above those that are drawn over.
    pub(super) fn line(&self, text: &str) {
        let above = format!("\r{CLEAR_BELOW}{text}\n{}", frame(&self.lines));
        write_bare(io::stdout().lock(), &above);
    }
}

impl Drop for Live {
    /// They stay as they were drawn last, and what comes next comes below them.
    fn drop(&mut self) {
        if !self.lines.is_empty() {
            let below = format!("\x1b[{}B\r\n", self.lines.len());
            write_bare(io::stdout().lock(), &below);
        }
    }
}

/// Lines as they are drawn from an empty line on, to which the cursor returns. Each is written over what was there, and
/// what is left below is cleared: nothing is empty in between.
fn frame(lines: &[String]) -> String {
    let mut text = format!("\r{CLEAR_REST}");
    for line in lines {
        text.push('\n');
        text.push_str(line);
        text.push_str(CLEAR_REST);
    }
    text.push_str(CLEAR_BELOW);
    if !lines.is_empty() {
        text.push_str(&format!("\x1b[{}A", lines.len()));
    }
    text.push('\r');
    text
}

/// Columns and lines of the terminal.
fn size() -> (usize, usize) {
    let size = terminal_size::terminal_size();
    size.map_or((80, 24), |(width, height)| {
        (width.0.into(), height.0.into())
    })
}

/// How far something is that takes a while.
#[derive(Debug)]
pub(super) struct Progress {
    bar: ProgressBar,
}

impl Progress {
    /// So far, of so much, with words.
    pub(super) fn at(&self, done: u64, all: u64, words: String) {
        self.bar.set_length(all);
        self.bar.set_position(done);
        self.bar.set_message(words);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
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

/// A closed pipe is not an error: the reader has seen enough.
fn write_line(mut out: impl io::Write, text: &str) {
    let _ = writeln!(out, "{text}").and_then(|()| out.flush());
}

/// How a progress looks.
const PROGRESS: &str = "[{bar:30}] {percent:>3} %  {msg}";

/// Back to the start of the line, and nothing on it (ECMA-48, EL).
const CLEAR: &str = "\r\x1b[2K";

/// From the cursor to the end of its line (ECMA-48, EL).
const CLEAR_REST: &str = "\x1b[K";

/// From the cursor to the end of the screen (ECMA-48, ED).
const CLEAR_BELOW: &str = "\x1b[J";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_drawn_over_from_where_the_cursor_rests() {
        let lines = ["one".to_owned(), "two".to_owned()];
        let expected = "\r\x1b[K\none\x1b[K\ntwo\x1b[K\x1b[J\x1b[2A\r";
        assert_eq!(frame(&lines), expected);
        assert_eq!(frame(&[]), "\r\x1b[K\x1b[J\r");
    }

    #[test]
    fn without_colours_a_text_is_as_it_was() {
        assert_eq!(paint(false, Paint::Bad, "x"), "x");
        assert_eq!(paint(true, Paint::Bad, "x"), "\x1b[1;31mx\x1b[0m");
    }
}
