//! Logs: lines on stderr, with values as fields.
//!
//! `AFTERTONE_LOG` chooses what is logged, in the form of [`EnvFilter`] (`info`, `aftertone::ari=trace`), beside
//! warnings, which always are unless it says `off`. `AFTERTONE_LOG_FORMAT=json` makes every line a JSON object.
//!
//! No line ever holds a full phone number: numbers show masked, and what holds them whole is never logged.
//!
//! And traces of drops, sent to a collector if one is configured: see [`begin_traces`].

mod otlp;

use std::{
    env,
    io::{self, IsTerminal as _},
    sync::OnceLock,
};

use tracing::{Subscriber, warn};
use tracing_subscriber::{EnvFilter, fmt::MakeWriter};

pub use otlp::{TraceError, TraceSending, begin_traces, delivery_ended, drop_ended, sends_traces};

/// Starts logging for the whole process. A second call has no effect.
pub fn init() {
    let setting = |name| env::var(name).ok().filter(|value| !value.is_empty());
    let filter = setting(FILTER);
    let format = setting("AFTERTONE_LOG_FORMAT");
    let colour = io::stderr().is_terminal() && setting("NO_COLOR").is_none();
    let (chosen, problems) = choose(filter.as_deref(), format.as_deref());

    let logging = subscriber(chosen, colour, io::stderr);
    if tracing::subscriber::set_global_default(logging).is_ok() {
        for problem in problems {
            warn!("{problem}");
        }
    }
}

/// The same, for a process that lives long: [`set_filter`] changes what is logged.
pub fn init_with_changes() {
    let setting = |name| env::var(name).ok().filter(|value| !value.is_empty());
    let (filter, format) = (setting(FILTER), setting("AFTERTONE_LOG_FORMAT"));
    let colour = io::stderr().is_terminal() && setting("NO_COLOR").is_none();
    let (chosen, problems) = choose(filter.as_deref(), format.as_deref());
    let lines = tracing_subscriber::fmt()
        .log_internal_errors(false)
        .with_writer(io::stderr)
        .with_env_filter(chosen.filter);
    let (is_set, change): (_, ChangeFilter) = if chosen.json {
        let lines = lines.json().flatten_event(true).with_filter_reloading();
        let handle = lines.reload_handle();
        let is_set = tracing::subscriber::set_global_default(lines.finish());
        (
            is_set,
            Box::new(move |filter| handle.reload(filter).is_ok()),
        )
    } else {
        let lines = lines.with_ansi(colour).with_filter_reloading();
        let handle = lines.reload_handle();
        let is_set = tracing::subscriber::set_global_default(lines.finish());
        (
            is_set,
            Box::new(move |filter| handle.reload(filter).is_ok()),
        )
    };
    if is_set.is_ok() {
        // A second call has no effect.
        let _ = CHANGE.set(change);
        for problem in problems {
            warn!("{problem}");
        }
    }
}

/// Changes what is logged, beside warnings, in the form of `AFTERTONE_LOG`; `None`: as that says.
///
/// # Errors
/// In words, if it is not understood; what is logged stays as it was. If [`init_with_changes`] was not called nothing changes.
pub fn set_filter(filter: Option<&str>) -> Result<(), String> {
    let of_environment = || env::var(FILTER).ok();
    let (chosen, problems) = choose(
        filter.map(str::to_owned).or_else(of_environment).as_deref(),
        None,
    );
    if let Some(problem) = problems.into_iter().next() {
        return Err(problem);
    }
    if let Some(change) = CHANGE.get() {
        change(chosen.filter);
    }
    Ok(())
}

type ChangeFilter = Box<dyn Fn(EnvFilter) -> bool + Send + Sync>;

/// What changes the filter of this process, if it can be changed.
static CHANGE: OnceLock<ChangeFilter> = OnceLock::new();

/// The variable that chooses what is logged.
const FILTER: &str = "AFTERTONE_LOG";

/// What is logged, and how.
struct Chosen {
    filter: EnvFilter,
    json: bool,
}

/// Reads the two settings; what cannot be read falls back to its default and is reported.
fn choose(filter: Option<&str>, format: Option<&str>) -> (Chosen, Vec<String>) {
    let mut problems = Vec::new();
    // What is asked for comes on top of warnings: one part talking more must not silence the others.
    let asked = format!("warn,{}", filter.unwrap_or_default());
    let filter = EnvFilter::builder().parse(asked).unwrap_or_else(|error| {
        problems.push(format!(
            "AFTERTONE_LOG is not understood ({error}), so only warnings are logged; expected a level such as `info` or `aftertone::ari=debug`"
        ));
        EnvFilter::new("warn")
    });
    let json = match format {
        Some("json") => true,
        None | Some("text") => false,
        Some(other) => {
            problems.push(format!(
                "AFTERTONE_LOG_FORMAT is `{}`; expected `text` or `json`",
                other.escape_debug()
            ));
            false
        }
    };
    (Chosen { filter, json }, problems)
}

fn subscriber<W>(
    chosen: Chosen,
    colour: bool,
    writer: W,
) -> Box<dyn Subscriber + Send + Sync + 'static>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let lines = tracing_subscriber::fmt()
        .with_env_filter(chosen.filter)
        // It would say so on stderr, and panic if that is a terminal that was closed.
        .log_internal_errors(false)
        .with_writer(writer);
    if chosen.json {
        Box::new(lines.json().flatten_event(true).finish())
    } else {
        Box::new(lines.with_ansi(colour).finish())
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::Write,
        sync::{Arc, Mutex},
    };

    use tracing::{debug, info, info_span};

    use super::*;

    #[test]
    fn warnings_are_logged_unless_more_is_asked_for() {
        let talk = || {
            warn!("a warning");
            info!("a note");
            debug!("a detail");
        };
        let said = |filter, part: &str| logged(filter, None, talk).contains(part);
        assert!(said(None, "a warning") && !said(None, "a note"));
        assert!(said(Some("info"), "a note") && !said(Some("info"), "a detail"));
        assert!(said(Some("aftertone=debug"), "a detail"));
        assert!(said(Some("other=debug"), "a warning") && !said(Some("other=debug"), "a note"));
        assert!(!said(Some("off"), "a warning"));
    }

    #[test]
    fn a_setting_that_is_not_understood_is_reported_and_warnings_stay() {
        for (filter, format) in [(Some("aftertone=loud"), None), (None, Some("xml"))] {
            let (_, problems) = choose(filter, format);
            assert_eq!(problems.len(), 1);
            let lines = logged(filter, format, || warn!("a warning"));
            assert!(lines.contains("a warning"), "{lines}");
        }
        assert!(choose(Some("info"), Some("json")).1.is_empty());
    }

    #[test]
    fn a_json_line_is_an_object_with_the_fields() {
        let lines = logged(Some("info"), Some("json"), || {
            let _drop = info_span!("drop", id = "1f").entered();
            info!(outcome = "delivered", rang_ms = 1120, "drop ended");
        });
        let line: serde_json::Value = serde_json::from_str(&lines).unwrap();
        assert_eq!(line["outcome"], "delivered");
        assert_eq!(line["rang_ms"], 1120);
        assert_eq!(line["span"]["id"], "1f");
    }

    /// What the closure logs, as lines.
    fn logged(filter: Option<&str>, format: Option<&str>, talk: impl FnOnce()) -> String {
        let page = Page::default();
        let copy = page.clone();
        let logging = subscriber(choose(filter, format).0, false, move || copy.clone());
        tracing::subscriber::with_default(logging, talk);
        let bytes = page.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[derive(Clone, Default)]
    struct Page(Arc<Mutex<Vec<u8>>>);

    impl Write for Page {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
}
