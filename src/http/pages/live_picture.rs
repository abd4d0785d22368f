//! What is dialled at this moment, as the page shows it and the feed tells it: one picture for both, made of what was read.

use std::collections::BTreeMap;

use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

use super::{
    banner::Banner,
    cells::{FeedCells, LiveBar, LiveHidden, LiveLink, LiveNumber, LiveText, LiveTime},
    idle::{AroundCampaigns, Doing},
    shell::Moment,
    surroundings::{EndedDrop, EndedLately, MOST_ENDED},
};
use crate::{
    campaign::budget::Share,
    drop::Outcome,
    orders::{
        CampaignView, FleetView, GaugeView, RunView, TrunkView, View,
        figures::{count, counted, percent, tenths},
        gauge_slug, standing_words,
    },
    store::CallbackCount,
};

/// All of it.
#[derive(Clone, Debug)]
pub(super) struct LivePicture {
    pub(super) at: LiveTime,
    /// Other than that of a page that would show other rows or other buttons.
    pub(super) shape: String,
    pub(super) facts: Vec<Fact>,
    pub(super) cards: Vec<CampaignCard>,
    pub(super) drafts: Vec<String>,
    pub(super) trunks: Vec<TrunkCard>,
    pub(super) ended: Vec<EndedRow>,
    pub(super) has_ended: bool,
    /// The starts of each minute.
    pub(super) starts: Vec<StartsOfMinute>,
    pub(super) banners: Vec<Banner>,
}

/// A figure with its name.
#[derive(Clone, Debug)]
pub(super) struct Fact {
    pub(super) label: &'static str,
    pub(super) text: LiveText,
}

/// A campaign that is started, paused or being cancelled.
#[derive(Clone, Debug)]
pub(super) struct CampaignCard {
    pub(super) name: String,
    pub(super) standing: LiveText,
    pub(super) doing: LiveText,
    pub(super) is_dialling: LiveHidden,
    /// The parts of the sentence that has a time: hidden while there is none.
    pub(super) until: LiveTime,
    pub(super) has_until: LiveHidden,
    pub(super) progress: LiveNumber,
    pub(super) progress_text: LiveText,
    pub(super) bar: LiveBar,
    pub(super) in_flight: LiveText,
    pub(super) pace: LiveText,
    pub(super) ends: LiveTime,
    pub(super) has_end: LiveHidden,
    pub(super) outcomes: Vec<OutcomeCount>,
    pub(super) is_paused: bool,
    pub(super) is_running: bool,
    /// The way to hang up the calls of one of which no other begins: hidden while none is in flight.
    pub(super) hang_up: Option<HangUpForm>,
}

/// What ends the calls in flight of a campaign that is paused or being cancelled.
#[derive(Clone, Debug)]
pub(super) struct HangUpForm {
    /// What the campaign is told to be: what it is already.
    pub(super) standing: &'static str,
    pub(super) hidden: LiveHidden,
}

/// Contacts of an outcome, or refused.
#[derive(Clone, Debug)]
pub(super) struct OutcomeCount {
    pub(super) slug: &'static str,
    pub(super) words: String,
    pub(super) text: LiveText,
    pub(super) hidden: LiveHidden,
}

/// A trunk and its budget.
#[derive(Clone, Debug)]
pub(super) struct TrunkCard {
    pub(super) name: String,
    pub(super) pbxes: String,
    pub(super) pace: LiveText,
    pub(super) in_flight: LiveText,
    pub(super) gauges: Vec<GaugeRow>,
    pub(super) window: String,
    pub(super) disagreement: Option<String>,
}

/// A share of a trunk's calls.
#[derive(Clone, Debug)]
pub(super) struct GaugeRow {
    pub(super) slug: &'static str,
    pub(super) words: &'static str,
    pub(super) share: LiveText,
    pub(super) value: LiveNumber,
    /// In thousandths; `None`: the trunk tolerates any.
    pub(super) limit: Option<u64>,
    pub(super) limit_words: String,
}

/// A drop that ended lately.
#[derive(Clone, Debug)]
pub(super) struct EndedRow {
    pub(super) hidden: LiveHidden,
    pub(super) at: LiveTime,
    pub(super) number: LiveText,
    pub(super) campaign: LiveText,
    pub(super) outcome: LiveText,
    pub(super) proof: LiveText,
    pub(super) link: LiveLink,
}

/// How many drops began in a minute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct StartsOfMinute {
    pub(super) at: Moment,
    pub(super) starts: u64,
}

impl StartsOfMinute {
    /// The beginning of the minute, for a chart.
    pub(super) fn second(&self) -> i64 {
        self.at.0.as_second()
    }
}

/// What a picture is made of.
pub(super) struct Seen<'a> {
    pub(super) at: Timestamp,
    pub(super) campaigns: Vec<&'a CampaignView>,
    pub(super) fleet: Option<&'a FleetView>,
    /// What this process's controller shows.
    pub(super) run: Option<&'a View>,
    pub(super) around: AroundCampaigns,
    pub(super) ended: &'a EndedLately,
    pub(super) banners: Vec<Banner>,
    /// Most starts, as it is configured.
    pub(super) rate: String,
    /// Who called back in the last 24 hours; `None` if nobody takes such calls.
    pub(super) callbacks: Option<CallbackCount>,
}

impl LivePicture {
    /// The picture of what was seen.
    pub(super) fn of(seen: Seen<'_>) -> Self {
        let run_of = |view: &CampaignView| {
            let running = seen.run.into_iter().flat_map(|view| &view.campaigns);
            let mut of_it = running.filter(|running| running.id == view.id);
            of_it.find_map(|running| running.run.as_ref())
        };
        let is_shown =
            |view: &&&CampaignView| ["running", "paused", "cancelling"].contains(&view.standing);
        let mut shown: Vec<_> = seen.campaigns.iter().filter(is_shown).collect();
        // What runs comes first.
        shown.sort_by_key(|view| (view.standing != "running", std::cmp::Reverse(view.id)));
        let cards: Vec<_> = shown
            .into_iter()
            .map(|view| CampaignCard::of(view, run_of(view), &seen.around))
            .collect();
        let drafts = seen.campaigns.iter();
        let drafts = drafts.filter(|view| view.standing == "draft");
        let mut picture = Self {
            at: LiveTime {
                key: "at".to_owned(),
                at: Some(Moment(seen.at)),
            },
            shape: String::new(),
            facts: facts(&seen),
            drafts: drafts.map(|view| view.name.clone()).collect(),
            trunks: trunks(seen.fleet),
            ended: (0..MOST_ENDED)
                .map(|nth| EndedRow::of(nth, seen.ended.drops.get(nth)))
                .collect(),
            has_ended: !seen.ended.drops.is_empty(),
            starts: starts(&seen.ended.starts, seen.at),
            banners: seen.banners,
            cards,
        };
        picture.shape = picture.shape();
        picture
    }

    /// What of it changes.
    pub(super) fn cells(&self) -> FeedCells {
        let mut cells = FeedCells::default();
        cells.time(&self.at);
        for fact in &self.facts {
            cells.text(&fact.text);
        }
        for card in &self.cards {
            for text in [
                &card.standing,
                &card.doing,
                &card.progress_text,
                &card.in_flight,
                &card.pace,
            ] {
                cells.text(text);
            }
            for hidden in [&card.is_dialling, &card.has_until, &card.has_end] {
                cells.hidden(hidden);
            }
            if let Some(hang_up) = &card.hang_up {
                cells.hidden(&hang_up.hidden);
            }
            cells.time(&card.until);
            cells.time(&card.ends);
            cells.number(&card.progress);
            cells.bar(&card.bar);
            for outcome in &card.outcomes {
                cells.text(&outcome.text);
                cells.hidden(&outcome.hidden);
            }
        }
        for trunk in &self.trunks {
            cells.text(&trunk.pace);
            cells.text(&trunk.in_flight);
            for gauge in &trunk.gauges {
                cells.text(&gauge.share);
                cells.number(&gauge.value);
            }
        }
        // Without a drop the table is not there.
        for row in self.ended.iter().filter(|_| self.has_ended) {
            cells.hidden(&row.hidden);
            cells.time(&row.at);
            cells.link(&row.link);
            for text in [&row.number, &row.campaign, &row.outcome, &row.proof] {
                cells.text(text);
            }
        }
        for banner in &self.banners {
            cells.text(&LiveText::new(
                format!("banner.{}", banner.key),
                banner.words.as_str(),
            ));
        }
        cells
    }

    fn shape(&self) -> String {
        let mut digest = Sha256::new();
        let mut add = |text: &str| {
            digest.update(text.len().to_le_bytes());
            digest.update(text);
        };
        for fact in &self.facts {
            add(fact.label);
        }
        for card in &self.cards {
            add(&card.name);
            add(&card.standing.text);
        }
        add("drafts");
        self.drafts.iter().for_each(|draft| add(draft));
        for trunk in &self.trunks {
            add(&trunk.name);
            trunk
                .gauges
                .iter()
                .for_each(|gauge| add(&gauge.limit_words));
        }
        add(if self.has_ended { "ended" } else { "none" });
        self.banners.iter().for_each(|banner| add(banner.key));
        let digest = digest.finalize();
        digest[..8]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }
}

impl CampaignCard {
    /// A campaign, as the database has it and as this process's controller runs it, if it does.
    pub(super) fn of(view: &CampaignView, run: Option<&RunView>, around: &AroundCampaigns) -> Self {
        let key = |what: &str| format!("campaign.{}.{what}", view.name);
        let text = |what: &str, text: String| LiveText::new(key(what), text);
        let hidden = |what: &str, is_hidden| LiveHidden {
            key: key(what),
            is_hidden,
        };
        let moment = |what: &str, at: Option<Timestamp>| LiveTime {
            key: key(what),
            at: at.map(Moment),
        };
        let doing = Doing::of(view, run, around);
        let stored = view.stored.as_ref();
        let has_controller = stored.is_some_and(|stored| stored.has_controller);
        let refused: u64 = view.refused.values().sum();
        let of_outcome = |outcome: Outcome| view.outcomes.get(&outcome).copied().unwrap_or(0);
        let counts = Outcome::ALL.into_iter();
        let counts = counts.map(|outcome| (outcome.slug(), of_outcome(outcome)));
        let counts: Vec<_> = counts.chain([("refused", refused)]).collect();
        let ends_at = run.and_then(|run| run.ends_at);
        let stopped = match view.standing {
            "paused" => Some("paused"),
            "cancelling" => Some("cancelled"),
            _ => None,
        };
        Self {
            hang_up: stopped.map(|standing| HangUpForm {
                standing,
                hidden: hidden("hang_up", view.in_flight == 0),
            }),
            standing: text("standing", standing_words(view.standing, has_controller)),
            doing: text("doing", doing.words),
            is_dialling: hidden("dialling", !doing.is_dialling),
            until: moment("until", doing.until),
            has_until: hidden("has_until", doing.until.is_none()),
            progress: LiveNumber {
                key: key("progress"),
                value: view.done,
                // A bar of nothing is none.
                max: view.contacts.max(1),
            },
            progress_text: text(
                "done",
                format!(
                    "{} of {} done ({})",
                    count(view.done),
                    counted(view.contacts, "contact"),
                    percent(view.done, view.contacts)
                ),
            ),
            bar: LiveBar::of(key("bar"), counts.iter().copied(), view.contacts),
            in_flight: text("in_flight", count(view.in_flight)),
            pace: text(
                "pace",
                run.map_or_else(
                    || "not known here".to_owned(),
                    |run| format!("{} a minute", count(run.starts_a_minute)),
                ),
            ),
            ends: moment("ends", ends_at),
            has_end: hidden("has_end", ends_at.is_none()),
            outcomes: counts
                .into_iter()
                .map(|(slug, number)| OutcomeCount {
                    slug,
                    words: slug.replace('_', " "),
                    text: text(&format!("outcome.{slug}"), count(number)),
                    hidden: hidden(&format!("has.{slug}"), number == 0),
                })
                .collect(),
            is_paused: view.standing == "paused",
            is_running: view.standing == "running",
            name: view.name.clone(),
        }
    }
}

impl EndedRow {
    fn of(nth: usize, drop: Option<&EndedDrop>) -> Self {
        let key = |what: &str| format!("ended.{nth}.{what}");
        let text =
            |what: &str, text: Option<String>| LiveText::new(key(what), text.unwrap_or_default());
        let slug = |slug: &str| slug.replace('_', " ");
        Self {
            hidden: LiveHidden {
                key: key("row"),
                is_hidden: drop.is_none(),
            },
            at: LiveTime {
                key: key("at"),
                at: drop.and_then(|drop| drop.ended_at).map(Moment),
            },
            number: text(
                "number",
                drop.map(|drop| drop.number.clone().unwrap_or_else(|| "erased".to_owned())),
            ),
            campaign: text(
                "campaign",
                drop.map(|drop| drop.campaign.clone().unwrap_or_else(|| "single".to_owned())),
            ),
            outcome: text(
                "outcome",
                drop.and_then(|drop| drop.outcome)
                    .map(|outcome| slug(outcome.slug())),
            ),
            proof: text(
                "proof",
                drop.and_then(|drop| drop.proof)
                    .map(|proof| slug(proof.slug())),
            ),
            link: LiveLink {
                key: key("link"),
                href: drop.map_or_else(|| "/".to_owned(), |drop| format!("/drops/{}", drop.id)),
            },
        }
    }
}

fn facts(seen: &Seen<'_>) -> Vec<Fact> {
    let fact = |label, key: &str, text: String| Fact {
        label,
        text: LiveText::new(format!("total.{key}"), text),
    };
    let around = &seen.around;
    let pbx = match (&around.pbx_away, around.has_no_pbx) {
        (Some(why), _) => format!("away: {why}"),
        (None, true) => "none: this server only answers".to_owned(),
        (None, false) => "connected".to_owned(),
    };
    let pbxes = seen.fleet.map_or(&[][..], |fleet| &fleet.pbxes);
    let in_flight: u64 = pbxes.iter().map(|pbx| pbx.in_flight).sum();
    let starts: u64 = pbxes.iter().map(|pbx| pbx.starts_in_last_minute).sum();
    let controllers = pbxes.iter().flat_map(|pbx| &pbx.controllers);
    let alive = controllers.filter(|controller| controller.alive);
    let alive = u64::try_from(alive.count()).unwrap_or(u64::MAX);
    let controllers = match (alive, seen.run) {
        (0, _) => "none is alive".to_owned(),
        (alive, Some(_)) => format!("{} alive, this one among them", count(alive)),
        (alive, None) => format!("{} alive, elsewhere", count(alive)),
    };
    let called_back = seen.callbacks.map(|counted| {
        let (calls, opted_out) = (count(counted.calls), count(counted.opted_out));
        let words = format!("{calls} in 24 hours, {opted_out} opted out");
        fact("Called back", "called_back", words)
    });
    let facts = [
        fact("PBX", "pbx", pbx),
        fact("Database", "store", "answers".to_owned()),
        fact("Controllers", "controllers", controllers),
        fact("In flight", "in_flight", count(in_flight)),
        fact(
            "Starts",
            "starts",
            format!("{}, limit {}", per_second(starts), seen.rate),
        ),
    ];
    facts.into_iter().chain(called_back).collect()
}

/// All trunks and their budgets.
pub(super) fn trunks(fleet: Option<&FleetView>) -> Vec<TrunkCard> {
    let all = fleet.into_iter().flat_map(|fleet| &fleet.trunks);
    all.enumerate()
        .map(|(nth, trunk)| trunk_card(nth, trunk))
        .collect()
}

fn trunk_card(nth: usize, trunk: &TrunkView) -> TrunkCard {
    let key = |what: &str| format!("trunk.{nth}.{what}");
    let limit = trunk.rate.as_ref();
    let limit = limit.map_or_else(String::new, |rate| format!(", limit {rate}"));
    let most = trunk.most_in_flight;
    let most = most.map_or_else(String::new, |most| format!(" of {}", count(most.into())));
    TrunkCard {
        name: trunk.name.clone(),
        pbxes: trunk.pbxes.join(", "),
        pace: LiveText::new(
            key("pace"),
            format!("{}{limit}", per_second(trunk.starts_in_last_minute)),
        ),
        in_flight: LiveText::new(
            key("in_flight"),
            format!("{}{most} in flight", count(trunk.in_flight)),
        ),
        gauges: trunk
            .budget
            .iter()
            .map(|gauge| gauge_row(&key(gauge_slug(gauge.gauge)), gauge))
            .collect(),
        window: crate::orders::figures::span(std::time::Duration::from_secs(trunk.window_s)),
        disagreement: trunk.disagreement.clone(),
    }
}

/// A share of a trunk's calls, under a key.
pub(super) fn gauge_row(key: &str, gauge: &GaugeView) -> GaugeRow {
    let thousandths = |share: Share| u64::from(share.as_thousandths());
    let share = thousandths(gauge.share);
    let limit = gauge.limit.map(thousandths);
    let over = if limit.is_some_and(|limit| share > limit) {
        ": exceeded"
    } else {
        ""
    };
    GaugeRow {
        slug: gauge_slug(gauge.gauge),
        words: gauge.gauge.words(),
        share: LiveText::new(format!("{key}.share"), format!("{}{over}", tenths(share))),
        value: LiveNumber {
            key: format!("{key}.value"),
            value: share,
            max: 1_000,
        },
        limit,
        limit_words: match limit {
            Some(limit) => format!("limit {} (`{}`)", tenths(limit), gauge.gauge.key()),
            None => format!("no limit (`{}`)", gauge.gauge.key()),
        },
    }
}

/// The minutes of an hour, those without a start included.
fn starts(counted: &BTreeMap<Timestamp, u64>, at: Timestamp) -> Vec<StartsOfMinute> {
    let last = at.as_second().div_euclid(60);
    let minutes = (last - 59)..=last;
    let of = |minute: i64| {
        let at = Timestamp::from_second(minute * 60).ok()?;
        Some(StartsOfMinute {
            at: Moment(at),
            starts: counted.get(&at).copied().unwrap_or(0),
        })
    };
    minutes.filter_map(of).collect()
}

/// Starts in a minute as a rate.
fn per_second(in_minute: u64) -> String {
    let tenths = (in_minute.saturating_mul(10) + 30) / 60;
    format!(
        "{}.{} a second in the last minute",
        tenths / 10,
        tenths % 10
    )
}
