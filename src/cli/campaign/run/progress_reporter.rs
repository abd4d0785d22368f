//! Shows what a controller does: on a board, in lines, or as JSON.

use std::{collections::BTreeMap, time::Duration};

use jiff::tz::TimeZone;
use serde_json::json;

use super::super::board::{board, json, line, note_json, note_line};
use crate::{
    campaign::engine::Why,
    cli::printer::{Live, Printer},
    orders::{CampaignView, Note, NoteLevel, View, phase_slug},
};

/// Shows what a controller does.
pub(super) struct ProgressReporter {
    printer: Printer,
    way: Output,
}

/// How it is shown.
enum Output {
    /// On a terminal, redrawn in place.
    Board { live: Live, zone: TimeZone },
    /// A line for each campaign, when it does something else and at intervals.
    Lines {
        /// What each campaign was doing.
        doing: BTreeMap<String, String>,
        /// The last line of each campaign.
        said: BTreeMap<String, String>,
        trouble: Option<String>,
        every: Duration,
    },
    /// Objects.
    Json {
        /// What each campaign was doing, and the trouble.
        doing: Vec<String>,
        /// The last object, without its time.
        said: String,
        every: Duration,
    },
}

impl ProgressReporter {
    pub(super) fn new(printer: Printer, as_json: bool, every: Duration) -> Self {
        let way = match printer.live() {
            _ if as_json => Output::Json {
                doing: Vec::new(),
                said: String::new(),
                every,
            },
            Some(live) => Output::Board {
                live,
                zone: TimeZone::system(),
            },
            None => Output::Lines {
                doing: BTreeMap::new(),
                said: BTreeMap::new(),
                trouble: None,
                every,
            },
        };
        Self { printer, way }
    }

    /// The interval between two ticks.
    pub(super) const fn every(&self) -> Duration {
        match &self.way {
            Output::Board { .. } => FRAME,
            Output::Lines { every, .. } | Output::Json { every, .. } => *every,
        }
    }

    /// Takes in a view that has changed, and prints at once what must not wait.
    pub(super) fn look(&mut self, view: &View) {
        match &mut self.way {
            Output::Board { .. } => {}
            Output::Lines {
                doing,
                said,
                trouble,
                ..
            } => {
                if *trouble != view.trouble {
                    match (&view.trouble, &trouble) {
                        (Some(words), _) => self.printer.warning(words),
                        (None, _) => self.printer.line("the problem is over"),
                    }
                    trouble.clone_from(&view.trouble);
                }
                for campaign in &view.campaigns {
                    let does = activity(campaign);
                    if doing.get(&campaign.name) != Some(&does) {
                        doing.insert(campaign.name.clone(), does);
                        say_line(campaign, said, self.printer);
                    }
                }
            }
            Output::Json { doing, said, .. } => {
                let mut does: Vec<_> = view.campaigns.iter().map(activity).collect();
                does.extend(view.trouble.clone());
                if *doing != does {
                    *doing = does;
                    say_json(view, said, self.printer);
                }
            }
        }
    }

    /// Shows the state of all campaigns.
    pub(super) fn tick(&mut self, view: &View) {
        match &mut self.way {
            Output::Board { live, zone } => live.draw(board(view, zone, Live::width())),
            Output::Lines { said, .. } => {
                for campaign in &view.campaigns {
                    say_line(campaign, said, self.printer);
                }
            }
            Output::Json { said, .. } => say_json(view, said, self.printer),
        }
    }

    /// Prints a note.
    pub(super) fn note(&mut self, note: &Note) {
        let words = note_line(note);
        match (&self.way, note.level) {
            (Output::Board { live, .. }, NoteLevel::Said) => live.line(&words),
            (Output::Board { live, .. }, NoteLevel::Warned) => {
                live.line(&format!("warning: {words}"))
            }
            (Output::Lines { .. }, NoteLevel::Said) => self.printer.line(&words),
            (Output::Lines { .. }, NoteLevel::Warned) => self.printer.warning(&words),
            (Output::Json { .. }, NoteLevel::Said | NoteLevel::Warned) => {
                self.printer.json(&note_json(note));
            }
        }
    }

    /// Prints a message for the operator.
    pub(super) fn say(&mut self, words: &str) {
        match &self.way {
            Output::Board { live, .. } => live.line(words),
            Output::Lines { .. } | Output::Json { .. } => self.printer.talk(words),
        }
    }

    /// Shows how it ended: `over`, `idle`, `stopped` or `failed`.
    pub(super) fn end(self, view: &View, how: &str) {
        let printer = self.printer;
        let view = at_the_end(view, how);
        match self.way {
            Output::Board { mut live, zone } => {
                live.draw(board(&view, &zone, Live::width()));
                drop(live);
            }
            Output::Lines { .. } => {
                for campaign in &view.campaigns {
                    printer.line(&line(campaign));
                }
            }
            Output::Json { .. } => {
                let mut object = json(&view);
                object["event"] = json!("ended");
                object["ended"] = json!(how);
                printer.json(&object);
                return;
            }
        }
        if let [campaign] = view.campaigns.as_slice() {
            let name = &campaign.name;
            printer.hint(&format!(
                "`aftertone campaign results {name}` shows each drop, with --summary the counts"
            ));
        }
    }
}

/// The last view: a campaign that is not over says how to resume it.
fn at_the_end(view: &View, how: &str) -> View {
    let mut view = view.clone();
    view.draining = false;
    for campaign in &mut view.campaigns {
        let Some(run) = &mut campaign.run else {
            continue;
        };
        run.ends_at = None;
        let is_left = matches!(run.idle, Some(Why::Draining { .. }));
        if is_left && how == "stopped" {
            run.idle_words = Some(format!(
                "stopped; to resume: `aftertone campaign run {}`",
                campaign.name
            ));
        }
    }
    view
}

/// What a campaign is doing, without what changes with every drop.
fn activity(campaign: &CampaignView) -> String {
    let Some(run) = &campaign.run else {
        return campaign.standing.to_owned();
    };
    match &run.idle {
        Some(
            Why::Pace { .. }
            | Why::Asking
            | Why::MakingMessages { .. }
            | Why::Full { .. }
            | Why::Finishing { .. },
        ) => "dialling".to_owned(),
        Some(why) => why.slug().to_owned(),
        None => phase_slug(run.phase).to_owned(),
    }
}

fn say_line(campaign: &CampaignView, said: &mut BTreeMap<String, String>, printer: Printer) {
    let line = line(campaign);
    if said.get(&campaign.name) != Some(&line) {
        printer.line(&line);
        said.insert(campaign.name.clone(), line);
    }
}

fn say_json(view: &View, said: &mut String, printer: Printer) {
    let mut object = json(view);
    let at = object["at"].take();
    let text = object.to_string();
    if *said != text {
        *said = text;
        object["at"] = at;
        printer.json(&object);
    }
}

/// From one drawing of the board to the next.
const FRAME: Duration = Duration::from_millis(250);
