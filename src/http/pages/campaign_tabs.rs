//! What the tabs of a campaign's page show.

use std::collections::BTreeMap;

use axum::extract::{Path, State};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{
    callbacks::{CallbackRow, VariantCallbacks, callback_rows, variant_callbacks},
    fields::Choice,
    import_rows::{ImportRow, import_row},
    list_look::ListLook,
    pace::{PaceField, TriedPace},
    shell::Moment,
    signing_in::url_query,
    values::{counts, items, moment, number, text, told},
};
use crate::{
    drop::{Outcome, Proof},
    http::{
        Api,
        caller::{Caller, now},
        given::Parameters,
        problem::Problem,
        routes::{campaigns, contacts, imports, simulations},
    },
    orders::{
        CampaignSummary, CampaignView,
        figures::{count, percent, span, tenths},
        units,
    },
    store::Campaign,
};

/// A count and what share of all it is.
pub(super) struct CountRow {
    pub(super) slug: String,
    pub(super) words: String,
    pub(super) count: String,
    pub(super) share: String,
}

/// What came of it.
pub(super) struct OverviewTab {
    pub(super) facts: Vec<(&'static str, String)>,
    pub(super) outcomes: Vec<CountRow>,
    pub(super) refused: Vec<CountRow>,
    /// How sure it is that messages were left.
    pub(super) proofs: Vec<ProofRow>,
    /// Who called back.
    pub(super) callbacks: Vec<CallbackRow>,
    /// Whether they are told by variant, too.
    pub(super) has_variants: bool,
    /// For each hour: its beginning, drops that were delivered, and all others that ended.
    pub(super) hours: Vec<HourRow>,
}

/// Drops that left their message, by how sure that is.
pub(super) struct ProofRow {
    pub(super) slug: &'static str,
    pub(super) count: String,
    pub(super) share: String,
    /// What it takes.
    pub(super) words: &'static str,
    /// In thousandths of all of them: where it begins, and how wide it is.
    pub(super) from: u64,
    pub(super) width: u64,
}

/// All of them, the surest first; none if no message was left.
fn proof_rows(proofs: &BTreeMap<Proof, u64>) -> Vec<ProofRow> {
    let all: u64 = proofs.values().sum();
    if all == 0 {
        return Vec::new();
    }
    let mut before = 0;
    let rows = [Proof::Proven, Proof::Probable, Proof::Unproven].into_iter();
    let rows = rows.map(|proof| {
        let number = proofs.get(&proof).copied().unwrap_or(0);
        let from = before * 1_000 / all;
        before += number;
        ProofRow {
            slug: proof.slug(),
            count: count(number),
            share: percent(number, all),
            words: match proof {
                Proof::Proven => {
                    "our own ears heard the beep, the message played whole behind it, no voice was heard over it, and the line was up to its end"
                }
                Proof::Probable => "it was left, and something of this is missing: a beep, our ears to the end, the line",
                Proof::Unproven => "that it was left whole is not known",
            },
            from,
            width: before * 1_000 / all - from,
        }
    });
    rows.collect()
}

/// The drops that ended in an hour.
pub(super) struct HourRow {
    pub(super) at: Moment,
    pub(super) delivered: u64,
    pub(super) others: u64,
}

impl HourRow {
    pub(super) fn second(&self) -> i64 {
        self.at.0.as_second()
    }
}

impl OverviewTab {
    pub(super) async fn read(api: &Api, campaign: &Campaign) -> Result<Self, Problem> {
        let price = api.config.borrow().price;
        let summary = CampaignSummary::of(&api.store, campaign, price.as_ref(), now()).await?;
        let over_time = api.store.outcomes_over_time(campaign.id, 3_600).await?;
        Ok(Self::of(&summary, &over_time, now()))
    }

    fn of(
        summary: &CampaignSummary,
        over_time: &BTreeMap<(Timestamp, Outcome), u64>,
        now: Timestamp,
    ) -> Self {
        let mut facts = vec![
            ("Contacts", count(summary.contacts)),
            (
                "Message left",
                format!(
                    "{} ({})",
                    count(summary.contacts_delivered),
                    percent(summary.contacts_delivered, summary.contacts)
                ),
            ),
            ("Waiting", count(summary.waiting)),
            ("In flight", count(summary.in_flight)),
            ("Drops", count(summary.drops)),
        ];
        if let Some(cost) = &summary.cost {
            let amount = |money| format!("{} {}", units(money), cost.currency);
            facts.push(("Cost", amount(cost.total)));
            facts.push(("Of that, second calls", amount(cost.busy_legs)));
        }
        let all: u64 = summary.outcomes.values().sum();
        let refused: u64 = summary.refused.values().sum();
        let row = |slug: &str, number: u64, all| CountRow {
            slug: slug.to_owned(),
            words: slug.replace('_', " "),
            count: count(number),
            share: percent(number, all),
        };
        let outcomes = summary.outcomes.iter().filter(|(_, n)| **n > 0);
        let refusals = summary.refused.iter().filter(|(_, n)| **n > 0);
        let since = now.checked_sub(HOURS).unwrap_or(now);
        let mut hours: BTreeMap<Timestamp, (u64, u64)> = BTreeMap::new();
        for ((at, outcome), number) in over_time.range((since, Outcome::Delivered)..) {
            let hour = hours.entry(*at).or_default();
            if *outcome == Outcome::Delivered {
                hour.0 += number;
            } else {
                hour.1 += number;
            }
        }
        Self {
            facts,
            outcomes: outcomes.map(|(o, n)| row(o.slug(), *n, all)).collect(),
            refused: refusals.map(|(r, n)| row(r.slug(), *n, refused)).collect(),
            proofs: proof_rows(&summary.proofs),
            callbacks: callback_rows(&json!(summary.callbacks)),
            has_variants: !summary.variants.is_empty(),
            hours: hours
                .into_iter()
                .map(|(at, (delivered, others))| HourRow {
                    at: Moment(at),
                    delivered,
                    others,
                })
                .collect(),
        }
    }
}

/// Contacts that wait for the same thing.
pub(super) struct WaitingRow {
    pub(super) contacts: String,
    pub(super) what: String,
    pub(super) until: Moment,
    /// The same in the contacts' own zone.
    pub(super) local: String,
}

pub(super) fn waiting_rows(view: &CampaignView) -> Vec<WaitingRow> {
    let groups = view.stored.iter().flat_map(|stored| &stored.waiting_for);
    let row = |group: &crate::orders::WaitingView| WaitingRow {
        contacts: count(group.contacts),
        what: match group.reason {
            Some(reason) => reason.slug().replace('_', " "),
            None => "their next attempt".to_owned(),
        },
        until: Moment(group.until),
        local: group
            .zone
            .as_deref()
            .and_then(|zone| local(group.until, zone))
            .unwrap_or_default(),
    };
    groups.map(row).collect()
}

/// A moment by the clock of a zone.
pub(super) fn local(at: Timestamp, zone: &str) -> Option<String> {
    let at = at.in_tz(zone).ok()?;
    Some(format!("{} {zone}", at.strftime("%Y-%m-%d %H:%M")))
}

/// Contacts as they were read.
pub(super) struct ContactsTab {
    pub(super) rows: Vec<ContactRow>,
    pub(super) next: Option<String>,
    pub(super) previous: Option<String>,
    pub(super) outcomes: Vec<Choice>,
}

/// A contact.
pub(super) struct ContactRow {
    pub(super) id: String,
    pub(super) number: String,
    pub(super) name: String,
    pub(super) foreign_id: String,
    pub(super) zone: String,
    pub(super) consent: String,
    pub(super) stage: String,
    pub(super) outcome: String,
    pub(super) due: Option<Moment>,
    pub(super) list: String,
}

impl ContactsTab {
    pub(super) async fn read(
        api: &Api,
        caller: &Caller,
        name: &str,
        mut parameters: Parameters,
    ) -> Result<Self, Problem> {
        let outcome = parameters.text("outcome").unwrap_or_default();
        let cursor = parameters.text("cursor");
        parameters.finish()?;
        let mut asked = vec![("limit", "20")];
        if !outcome.is_empty() {
            asked.push(("outcome", &outcome));
        }
        asked.extend(cursor.as_deref().map(|cursor| ("cursor", cursor)));
        let asked = Parameters::of(&asked);
        let (state, path) = (State(api.clone()), Path(name.to_owned()));
        let list = told(contacts::list(state, caller.clone(), path, asked).await?).await?;
        let link = |pointer| {
            let cursor = list.pointer(pointer)?.as_str()?;
            let cursor = url_query("cursor", cursor);
            Some(format!(
                "/campaigns/{name}?tab=contacts&outcome={outcome}&{cursor}"
            ))
        };
        Ok(Self {
            rows: items(&list, "/items").iter().map(contact_row).collect(),
            next: link("/next"),
            previous: link("/previous"),
            outcomes: Outcome::ALL
                .into_iter()
                .map(|one| Choice {
                    value: one.slug().to_owned(),
                    label: one.slug().replace('_', " "),
                    is_chosen: one.slug() == outcome,
                })
                .collect(),
        })
    }
}

fn contact_row(of: &Value) -> ContactRow {
    let words = |pointer| text(of, pointer).replace('_', " ");
    let consent = [words("/consent/level"), text(of, "/consent/source")];
    let consent: Vec<_> = consent
        .into_iter()
        .filter(|part| !part.is_empty())
        .collect();
    let zone = [text(of, "/timezone"), text(of, "/state")];
    let zone: Vec<_> = zone.into_iter().filter(|part| !part.is_empty()).collect();
    let outcome = [words("/outcome"), words("/refused"), words("/held")];
    ContactRow {
        id: text(of, "/contact"),
        number: match text(of, "/number") {
            number if number.is_empty() => "erased".to_owned(),
            number => number,
        },
        name: text(of, "/name"),
        foreign_id: text(of, "/foreign_id"),
        zone: zone.join(", "),
        consent: consent.join(", "),
        stage: words("/stage"),
        outcome: outcome
            .into_iter()
            .find(|part| !part.is_empty())
            .unwrap_or_default(),
        due: moment(of, "/due_at"),
        list: text(of, "/list"),
    }
}

/// Lists that were sent.
pub(super) struct ImportsTab {
    pub(super) rows: Vec<ImportRow>,
    pub(super) next: Option<String>,
    /// Whether any is not through, so that it is worth looking again.
    pub(super) is_moving: bool,
    /// Why a list was not taken.
    pub(super) fault: Option<String>,
    /// A list that is looked at before its rows are taken in.
    pub(super) look: Option<Box<ListLook>>,
}

impl ImportsTab {
    pub(super) async fn read(
        api: &Api,
        name: &str,
        mut parameters: Parameters,
    ) -> Result<Self, Problem> {
        let cursor = parameters.text("cursor");
        let look = parameters.text("import");
        parameters.finish()?;
        let mut asked = vec![("limit", "20")];
        asked.extend(cursor.as_deref().map(|cursor| ("cursor", cursor)));
        let (state, path) = (State(api.clone()), Path(name.to_owned()));
        let list = told(imports::list(state, path, Parameters::of(&asked)).await?).await?;
        let next = list.pointer("/next").and_then(Value::as_str);
        let rows = items(&list, "/items").iter().map(import_row);
        // One that is looked at is above the others.
        let rows: Vec<_> = rows
            .filter(|row| look.as_deref() != Some(&row.id))
            .collect();
        let moves = ["receiving", "checking", "importing"];
        Ok(Self {
            is_moving: look.is_none() && rows.iter().any(|row| moves.contains(&row.state.as_str())),
            rows,
            fault: None,
            look: match look {
                Some(id) => Some(Box::new(ListLook::read(api, name, &id).await?)),
                None => None,
            },
            next: next.map(|cursor| {
                let cursor = url_query("cursor", cursor);
                format!("/campaigns/{name}?tab=imports&{cursor}")
            }),
        })
    }
}

/// Variants of the message, compared.
pub(super) struct VariantsTab {
    pub(super) rows: Vec<VariantRow>,
    pub(super) words: String,
    pub(super) callbacks: Vec<VariantCallbacks>,
}

/// A variant.
pub(super) struct VariantRow {
    pub(super) name: String,
    pub(super) ended: String,
    pub(super) delivered: String,
    pub(super) share: String,
    pub(super) interval: String,
    /// The interval in thousandths: where it begins, and how wide it is.
    pub(super) from: u64,
    pub(super) width: u64,
}

impl VariantsTab {
    pub(super) async fn read(api: &Api, name: &str) -> Result<Self, Problem> {
        let (state, path) = (State(api.clone()), Path(name.to_owned()));
        let summary = told(campaigns::summary(state, path, Parameters::none()).await?).await?;
        Ok(Self::of(&summary))
    }

    fn of(summary: &Value) -> Self {
        let thousandths = |share: f64| (share.clamp(0.0, 1.0) * 1_000.0).round() as u64;
        let share = |of: &Value, pointer: &str| of.pointer(pointer).and_then(Value::as_f64);
        let mut intervals = Vec::new();
        let mut rows = Vec::new();
        for of in items(summary, "/variants") {
            let interval = share(of, "/confidence_95/0").zip(share(of, "/confidence_95/1"));
            let (low, high) = interval.map_or((0, 0), |(l, h)| (thousandths(l), thousandths(h)));
            let name = text(of, "/variant");
            if interval.is_some() {
                intervals.push((name.clone(), low, high));
            }
            rows.push(VariantRow {
                name,
                ended: count(number(of, "/ended")),
                delivered: count(number(of, "/delivered")),
                share: share(of, "/delivered_share").map_or_else(
                    || "nothing has ended".to_owned(),
                    |share| tenths(thousandths(share)),
                ),
                interval: interval.map_or_else(String::new, |_| {
                    format!("{} to {}", tenths(low), tenths(high))
                }),
                from: low,
                width: high - low,
            });
        }
        let words = match rows.len() {
            0 => String::new(),
            _ => verdict(&intervals),
        };
        let callbacks = variant_callbacks(items(summary, "/variants"));
        Self {
            rows,
            words,
            callbacks,
        }
    }
}

/// Which variant is better than all others, if it is certain enough: its interval touches none of theirs.
fn verdict(intervals: &[(String, u64, u64)]) -> String {
    let none = || "No winner yet: the intervals overlap.".to_owned();
    if intervals.len() < 2 {
        return none();
    }
    let best = intervals.iter().max_by_key(|(_, low, _)| *low);
    let Some((name, low, _)) = best else {
        return none();
    };
    let others = intervals.iter().filter(|(other, ..)| other != name);
    if others.clone().all(|(_, _, high)| high < low) {
        format!("{name} is left more often than all others, with 95 % confidence.")
    } else {
        none()
    }
}

/// What a simulation gave.
pub(super) struct SimulationTab {
    pub(super) shown: Option<Forecast>,
    /// Whether it is running at this moment, under which id.
    pub(super) running: Option<String>,
    pub(super) failed: Option<String>,
    pub(super) pace: PaceField,
    /// What came of each pace that was tried, the latest first.
    pub(super) tried: Vec<TriedPace>,
    /// The version of the settings that a pace is saved over.
    pub(super) version: i64,
}

/// What would come of the campaign.
pub(super) struct Forecast {
    pub(super) begins: Option<Moment>,
    pub(super) facts: Vec<(&'static str, String)>,
    pub(super) outcomes: Vec<CountRow>,
    pub(super) refused: Vec<CountRow>,
    pub(super) left_out: Vec<CountRow>,
    pub(super) idle: Vec<(String, String)>,
    pub(super) notes: Vec<String>,
    /// Calls in each hour.
    pub(super) hours: Vec<(u64, u64)>,
}

impl SimulationTab {
    pub(super) async fn read(
        api: &Api,
        campaign: &Campaign,
        id: Option<String>,
    ) -> Result<Self, Problem> {
        let list = simulations::list(State(api.clone()), Parameters::none()).await?;
        let list = told(list).await?;
        let of_it = items(&list, "/items").iter();
        let of_it = of_it.filter(|one| text(one, "/campaign") == campaign.name);
        let of_it: Vec<_> = of_it.collect();
        let mut asked = of_it.iter();
        let found = asked.find(|one| id.as_ref().is_none_or(|id| text(one, "/id") == *id));
        let state = found.map(|found| text(found, "/state")).unwrap_or_default();
        let tried = found.map(|found| text(found, "/settings/rate"));
        let shown = found.and_then(|found| found.pointer("/forecast"));
        let most = api.config.borrow().trunk.rate;
        Ok(Self {
            shown: shown.filter(|forecast| forecast.is_object()).map(forecast),
            running: found
                .filter(|_| state == "running")
                .map(|found| text(found, "/id")),
            failed: found
                .filter(|_| state == "failed")
                .map(|found| text(found, "/why")),
            pace: PaceField::of(campaign, tried.as_deref(), most),
            tried: of_it.iter().filter_map(|one| TriedPace::of(one)).collect(),
            version: campaign.version,
        })
    }
}

fn forecast(of: &Value) -> Forecast {
    let seconds = |pointer| span(std::time::Duration::from_secs(number(of, pointer)));
    let rows = |pointer: &str| {
        let all = counts(of, pointer);
        let sum: u64 = all.iter().map(|(_, n)| *n).sum();
        all.into_iter()
            .filter(|(_, n)| *n > 0)
            .map(|(slug, n)| CountRow {
                words: slug.replace('_', " "),
                slug,
                count: count(n),
                share: percent(n, sum),
            })
            .collect::<Vec<_>>()
    };
    Forecast {
        begins: moment(of, "/begins"),
        facts: vec![
            ("It ends", text(of, "/end").replace('_', " ")),
            ("It takes", seconds("/took_s")),
            ("Contacts", count(number(of, "/contacts"))),
            ("Drops", count(number(of, "/drops"))),
            ("Calls", count(number(of, "/calls"))),
            (
                "Calls in the busiest hour",
                count(number(of, "/busiest_hour")),
            ),
            ("Most in flight", count(number(of, "/most_in_flight"))),
        ],
        outcomes: rows("/outcomes"),
        refused: rows("/refused"),
        left_out: rows("/left_out"),
        idle: counts(of, "/idle_s")
            .into_iter()
            .map(|(why, seconds)| {
                let time = span(std::time::Duration::from_secs(seconds));
                (why.replace('_', " "), time)
            })
            .collect(),
        notes: items(of, "/notes")
            .iter()
            .map(|note| text(note, ""))
            .collect(),
        hours: items(of, "/hours")
            .iter()
            .zip(0..)
            .map(|(calls, hour)| (hour, calls.as_u64().unwrap_or(0)))
            .collect(),
    }
}

/// Hours of the chart.
const HOURS: SignedDuration = SignedDuration::from_hours(48);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proofs_are_shown_as_shares_of_what_was_left() {
        let rows = proof_rows(&BTreeMap::from([(Proof::Proven, 2), (Proof::Unproven, 1)]));
        let shown: Vec<_> = rows
            .iter()
            .map(|row| {
                (
                    row.slug,
                    row.count.as_str(),
                    row.share.as_str(),
                    row.from,
                    row.width,
                )
            })
            .collect();
        assert_eq!(
            shown,
            [
                ("proven", "2", "66.7 %", 0, 666),
                ("probable", "0", "0.0 %", 666, 0),
                ("unproven", "1", "33.3 %", 666, 334),
            ]
        );
        assert!(proof_rows(&BTreeMap::new()).is_empty());
    }

    #[test]
    fn a_variant_wins_if_its_interval_touches_no_other() {
        let tab = |a: [f64; 2], b: [f64; 2]| {
            let variant = |name: &str, interval: [f64; 2]| json!({"variant": name, "ended": 10, "delivered": 5, "delivered_share": 0.5, "confidence_95": interval});
            VariantsTab::of(&json!({"variants": [variant("a", a), variant("b", b)]}))
        };
        let won = tab([0.6, 0.8], [0.3, 0.5]);
        assert!(
            won.words.starts_with("a is left more often"),
            "{}",
            won.words
        );
        assert_eq!(won.rows[0].interval, "60.0 % to 80.0 %");
        assert_eq!((won.rows[0].from, won.rows[0].width), (600, 200));
        let open = tab([0.5, 0.8], [0.3, 0.5]);
        assert!(open.words.starts_with("No winner yet"), "{}", open.words);
        assert_eq!(VariantsTab::of(&json!({"variants": []})).words, "");
    }

    #[test]
    fn a_moment_is_told_by_the_clock_of_a_zone() {
        let at = "2026-12-01T16:00:00Z".parse().unwrap();
        assert_eq!(
            local(at, "America/Denver").unwrap(),
            "2026-12-01 09:00 America/Denver"
        );
        assert_eq!(local(at, "Nowhere/None"), None);
    }
}
