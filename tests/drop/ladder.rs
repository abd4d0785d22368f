//! A ladder: the whole exchange of one drop as text, which is its own script.
//!
//! ```text
//! plan single
//!     0.0 (start)                                 dial drop                     [drop_dialled]
//!     1.0 ringing drop                            -                             [drop_alerting]
//!    45.0 (Answer)                                hang_up drop                  [drop_hung_up]
//!    45.2 gone drop 16                            -                             [drop_gone]
//! => no_answer by us; drop 16
//! ```
//!
//! What happens is on the left, what the drop wants in the middle, its milestones on the right. Lines in
//! parentheses are deadlines that pass by themselves. The script ends with its last event; `wait` lets time pass.

use std::{
    fmt::Write as _,
    time::{Duration, Instant},
};

use aftertone::drop::{Command, EndedBy, Proof, Report, VoicemailDrop};

use crate::script;

/// Plays the script in `text` (its left column, if the rest is missing) and compares the whole ladder with it.
#[track_caller]
pub(crate) fn ladder(text: &str) {
    let expected = unindent(text);
    let actual = play(&expected);
    assert!(
        actual == expected,
        "the ladder is\n<<<\n{actual}>>>\nbut was written as\n{expected}"
    );
}

/// Plays a script, and returns its ladder.
pub(crate) fn play(text: &str) -> String {
    let mut lines = text.lines();
    let settings = lines.next().unwrap_or_default();
    let mut run = Run::new(settings);
    for line in lines {
        let line = line.trim();
        let Some((at, rest)) = line.split_once(' ') else {
            continue;
        };
        let input = rest.trim().split("  ").next().unwrap();
        if at != "=>" && !input.starts_with('(') {
            run.step(script::seconds(at), input);
        }
    }
    run.finish()
}

/// A drop in the middle of its script.
pub(crate) struct Run {
    start: Instant,
    drop: VoicemailDrop,
    text: String,
}

impl Run {
    pub(crate) fn new(settings: &str) -> Self {
        let start = aftertone::clock::now();
        let words = settings.strip_prefix("plan").unwrap();
        let mut this = Self {
            start,
            drop: VoicemailDrop::new(script::plan(words), start),
            text: format!("{settings}\n"),
        };
        this.write(Duration::ZERO, "(start)");
        this
    }

    /// Lets time pass until `at`, then does what `input` says. Returns the commands that followed from it.
    pub(crate) fn step(&mut self, at: Duration, input: &str) -> Vec<Command> {
        self.pass(at);
        let now = self.start + at;
        match input.split_once(' ').unwrap_or((input, "")) {
            ("wait", _) => {}
            ("cancel", _) => self.drop.cancel(now),
            ("link_lost", _) => self.drop.link_lost(now),
            ("link_restored", seen) => self.drop.link_restored(&script::seen(seen), now),
            _ => self.drop.handle_event(script::event(input), now),
        }
        self.write(at, input)
    }

    /// The report, if the drop has ended.
    pub(crate) fn report(&self) -> Option<Report> {
        self.drop.report()
    }

    /// Lets time pass until `until`. Returns the commands that followed from that.
    pub(crate) fn pass(&mut self, until: Duration) -> Vec<Command> {
        let mut commands = Vec::new();
        while let Some((due, timer)) = self.drop.poll_timeout() {
            let at = due - self.start;
            if at >= until {
                break;
            }
            self.drop.handle_timeout(due);
            commands.extend(self.write(at, &format!("({timer:?})")));
        }
        commands
    }

    fn write(&mut self, at: Duration, what: &str) -> Vec<Command> {
        let commands: Vec<_> = std::iter::from_fn(|| self.drop.poll_command()).collect();
        let moments = std::iter::from_fn(|| self.drop.poll_moment());
        let told: Vec<_> = moments.map(|moment| moment.event.as_str()).collect();
        let wanted: Vec<_> = commands.iter().map(|&c| script::command_words(c)).collect();
        let wanted = if wanted.is_empty() {
            "-".into()
        } else {
            wanted.join(", ")
        };
        let at = script::seconds_words(at);
        let told = if told.is_empty() {
            String::new()
        } else {
            format!("[{}]", told.join(" "))
        };
        let line = format!("{at:>7} {what:<38}  {wanted:<28}  {told}");
        let _ = writeln!(self.text, "{}", line.trim_end());
        commands
    }

    pub(crate) fn finish(mut self) -> String {
        let end = match self.drop.report() {
            Some(report) => report_words(&report),
            None => {
                let (due, timer) = self
                    .drop
                    .poll_timeout()
                    .expect("a drop waits for something");
                let at = script::seconds_words(due - self.start);
                format!("in flight until {at} ({timer:?})")
            }
        };
        let _ = writeln!(self.text, "=> {end}");
        self.text
    }
}

fn report_words(report: &Report) -> String {
    let mut text = report.outcome.slug().to_owned();
    if let Some(by) = report.ended_by {
        let by = match by {
            EndedBy::Us => "us",
            EndedBy::FarEnd => "the far end",
            EndedBy::Limit => "the limit",
        };
        let _ = write!(text, " by {by}");
    }
    if report.promoted {
        text += "; promoted";
    }
    if let Some(verdict) = report.verdict {
        let _ = write!(text, "; {verdict}");
    }
    if let Some(cause) = &report.amd_cause {
        let _ = write!(text, " ({cause})");
    }
    if let Some(reasons) = &report.reasons {
        let _ = write!(text, " ({reasons})");
    }
    if let Some(by) = report.ready_by {
        let _ = write!(text, "; ready by {}", by.as_str());
    }
    if !report.played.is_zero() {
        let _ = write!(text, "; played {}", script::seconds_words(report.played));
    }
    if report.restarts > 0 {
        let _ = write!(text, "; restarts {}", report.restarts);
    }
    for (name, cause) in [("busy", report.busy), ("drop", report.drop)] {
        if let Some(cause) = cause {
            let _ = write!(text, "; {name} {}", script::cause_words(cause));
        }
    }
    if let Some(words) = &report.words {
        let _ = write!(text, "; {words}");
    }
    if report.proof != Proof::Unproven {
        let _ = write!(text, "; {}", report.proof);
    }
    text
}

fn unindent(text: &str) -> String {
    let lines: Vec<_> = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .collect();
    let indent = lines
        .iter()
        .map(|line| line.len() - line.trim_start().len());
    let indent = indent.min().unwrap_or(0);
    lines
        .iter()
        .map(|line| format!("{}\n", &line[indent..]))
        .collect()
}
