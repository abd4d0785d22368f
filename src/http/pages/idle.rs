//! Why nothing of a campaign is dialled, and until when: the sentence that stands where people look first.

use jiff::Timestamp;

use crate::orders::{CampaignView, RunView, figures::counted};

/// What is known beyond a campaign itself.
#[derive(Clone, Debug, Default)]
pub(super) struct AroundCampaigns {
    /// The failure of the database or the PBX that this process's controller waits for.
    pub(super) trouble: Option<String>,
    /// Why the PBX of this process cannot be reached.
    pub(super) pbx_away: Option<String>,
    /// Whether this process has no PBX, and dials nothing itself.
    pub(super) has_no_pbx: bool,
    /// Whether this process is about to end.
    pub(super) is_ending: bool,
}

/// What a campaign does at this moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Doing {
    /// `dialling`, or why it is not.
    pub(super) words: String,
    /// When dialling resumes, if that is known.
    pub(super) until: Option<Timestamp>,
    pub(super) is_dialling: bool,
}

impl Doing {
    /// Of a campaign as the database has it, and as this process's controller runs it, if it does.
    pub(super) fn of(view: &CampaignView, run: Option<&RunView>, around: &AroundCampaigns) -> Self {
        let idle = |words: String, until| Self {
            words,
            until,
            is_dialling: false,
        };
        let stored = view.stored.as_ref();
        let has_controller = stored.is_some_and(|stored| stored.has_controller);
        match view.standing {
            "draft" => {
                let words = "a draft: nothing of it is dialled before somebody says run";
                return idle(words.to_owned(), None);
            }
            "complete" => return idle("complete: every contact has its outcome".to_owned(), None),
            "cancelled" => return idle("cancelled".to_owned(), None),
            "dates_over" => return idle("its last date is over".to_owned(), None),
            _ => {}
        }
        let is_to_run = view.standing == "running";
        if is_to_run && around.is_ending {
            return idle("this server is about to end".to_owned(), None);
        }
        if let Some(trouble) = around.trouble.as_ref().filter(|_| is_to_run) {
            return idle(trouble.clone(), None);
        }
        if let Some(run) = run {
            return match &run.idle_words {
                Some(words) => idle(words.clone(), run.idle_until),
                None => Self {
                    words: "dialling".to_owned(),
                    until: None,
                    is_dialling: true,
                },
            };
        }
        if !is_to_run {
            let why = stored.and_then(|stored| stored.why.as_deref());
            let state = view.standing.replace('_', " ");
            return idle(why.map_or(state, str::to_owned), None);
        }
        if !has_controller {
            let words = match (&around.pbx_away, around.has_no_pbx) {
                (Some(why), _) => format!("no controller runs it: {why}"),
                (None, true) => "no controller runs it, and this server has no PBX: start \
                                 `aftertone serve` with a `[pbx]`"
                    .to_owned(),
                (None, false) => "waiting for a controller".to_owned(),
            };
            return idle(words, None);
        }
        // A controller elsewhere runs it; what its contacts wait for is in the database.
        let waiting = stored.map_or(&[][..], |stored| &stored.waiting_for);
        let next = waiting.first().filter(|_| view.in_flight == 0);
        match next {
            Some(group) => {
                let what = match (group.reason, &group.zone) {
                    (None, _) => "their next attempt".to_owned(),
                    (Some(reason), None) => reason.slug().replace('_', " "),
                    (Some(reason), Some(zone)) => {
                        format!("{} in {zone}", reason.slug().replace('_', " "))
                    }
                };
                let contacts = counted(group.contacts, "contact");
                let wait = if group.contacts == 1 { "waits" } else { "wait" };
                idle(format!("{contacts} {wait} for {what}"), Some(group.until))
            }
            None => Self {
                words: "run by another controller".to_owned(),
                until: None,
                is_dialling: view.in_flight > 0,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::{
        campaign::{
            HeldReason,
            engine::{CampaignId, Phase, Why},
        },
        orders::{StoredView, WaitingView},
    };

    #[test]
    fn a_campaign_says_what_it_does_and_why_not() {
        let around = AroundCampaigns::default();
        let away = AroundCampaigns {
            pbx_away: Some("connection refused".to_owned()),
            ..AroundCampaigns::default()
        };
        let slow = AroundCampaigns {
            trouble: Some("the database is unavailable".to_owned()),
            ..AroundCampaigns::default()
        };
        let none = AroundCampaigns {
            has_no_pbx: true,
            ..AroundCampaigns::default()
        };
        let ending = AroundCampaigns {
            is_ending: true,
            ..AroundCampaigns::default()
        };
        let idle = run(Some("campaign hours: Tue 09:00"), Some(at(9)));
        let busy = run(None, None);
        for (standing, has_controller, run, around, words, until) in [
            (
                "draft",
                true,
                None,
                &around,
                "a draft: nothing of it is dialled before somebody says run",
                None,
            ),
            (
                "running",
                true,
                Some(&idle),
                &around,
                "campaign hours: Tue 09:00",
                Some(at(9)),
            ),
            ("running", true, Some(&busy), &around, "dialling", None),
            (
                "running",
                true,
                Some(&busy),
                &slow,
                "the database is unavailable",
                None,
            ),
            (
                "running",
                true,
                Some(&busy),
                &ending,
                "this server is about to end",
                None,
            ),
            (
                "running",
                false,
                None,
                &away,
                "no controller runs it: connection refused",
                None,
            ),
            (
                "running",
                false,
                None,
                &around,
                "waiting for a controller",
                None,
            ),
            (
                "running",
                true,
                None,
                &around,
                "3 contacts wait for calling hours in America/Denver",
                Some(at(10)),
            ),
            ("paused", true, None, &away, "by ann", None),
            (
                "complete",
                true,
                None,
                &around,
                "complete: every contact has its outcome",
                None,
            ),
        ] {
            let doing = Doing::of(&view(standing, has_controller), run, around);
            assert_eq!(
                (doing.words.as_str(), doing.until),
                (words, until),
                "{standing}"
            );
            assert_eq!(doing.is_dialling, words == "dialling");
        }
        let doing = Doing::of(&view("running", false), None, &none);
        assert!(doing.words.contains("has no PBX"), "{doing:?}");
    }

    fn view(standing: &'static str, has_controller: bool) -> CampaignView {
        CampaignView {
            id: CampaignId(1),
            name: "spring".to_owned(),
            standing,
            contacts: 4,
            done: 1,
            in_flight: 0,
            outcomes: BTreeMap::new(),
            refused: BTreeMap::new(),
            stored: Some(StoredView {
                why: Some("by ann".to_owned()),
                created_at: at(0),
                has_controller,
                waiting: 3,
                drops: 1,
                waiting_for: vec![WaitingView {
                    reason: Some(HeldReason::CallingHours),
                    until: at(10),
                    zone: Some("America/Denver".to_owned()),
                    contacts: 3,
                }],
                interrupted_import: None,
            }),
            run: None,
        }
    }

    fn run(words: Option<&str>, until: Option<Timestamp>) -> RunView {
        RunView {
            phase: Phase::Running,
            started: 3,
            starts_a_minute: 1,
            ends_at: None,
            idle: words.map(|_| Why::Asking),
            idle_words: words.map(str::to_owned),
            idle_until: until,
        }
    }

    fn at(hour: i64) -> Timestamp {
        Timestamp::from_second(hour * 3_600).unwrap()
    }
}
