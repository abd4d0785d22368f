//! `/trunk`: what the trunk carries and tolerates, the causes with which calls ended, and the PBXes and controllers before it.

use std::collections::BTreeMap;

use askama::Template;
use axum::{extract::State, http::StatusCode, response::Response};
use jiff::{SignedDuration, Timestamp};

use super::{
    PageRoute,
    live_picture::{TrunkCard, trunks},
    page, pages,
    q850::words_of,
    shell::{Moment, PageShell},
    trunk_prefixes::PrefixRow,
};
use crate::{
    auth::Action,
    http::{
        Api,
        caller::{Caller, now},
        given::Parameters,
        problem::Problem,
    },
    metrics,
    orders::{
        ControllerView, PbxView,
        figures::{count, percent},
        fleet_view,
    },
    store::TrunkTalk,
};

pub(super) fn routes() -> Vec<PageRoute> {
    pages![GET "/trunk" Some(Action::ReadFleet) => show]
}

#[derive(Template)]
#[template(path = "trunk.html")]
struct TrunkPage {
    shell: PageShell,
    trunks: Vec<TrunkOfPage>,
    pbxes: Vec<PbxCard>,
    causes: Vec<CauseRow>,
}

/// A trunk, with what its calls were like.
struct TrunkOfPage {
    card: TrunkCard,
    facts: Vec<(&'static str, &'static str, String)>,
    /// How many drops the two tables are of.
    sampled: String,
    prefixes: Vec<PrefixRow>,
    caller_ids: Vec<PrefixRow>,
}

/// A PBX.
struct PbxCard {
    name: String,
    identity: String,
    trunk: String,
    in_flight: String,
    seen: Option<Moment>,
    controllers: Vec<ControllerRow>,
}

/// A controller.
struct ControllerRow {
    run: String,
    is_alive: bool,
    runs: &'static str,
    rate: String,
    most: String,
    in_flight: String,
    leased: String,
    began: Moment,
    lease_ends: Moment,
}

/// Calls that ended with a cause.
#[derive(Debug, PartialEq, Eq)]
struct CauseRow {
    q850: String,
    words: &'static str,
    busy: u64,
    drop: u64,
}

async fn show(
    State(api): State<Api>,
    caller: Caller,
    parameters: Parameters,
) -> Result<Response, Problem> {
    parameters.finish()?;
    let limits = api.config.borrow().trunk.limits;
    let at = now();
    let fleet = fleet_view(&api.store, &limits, at).await?;
    let since = SignedDuration::try_from(limits.window).unwrap_or_default();
    let since = at.checked_sub(since).unwrap_or(Timestamp::MIN);
    let mut shown = Vec::new();
    for card in trunks(Some(&fleet)) {
        let figures = api.state.pages.trunk(&api, &card.name, since, at).await?;
        shown.push(TrunkOfPage {
            facts: facts(&figures.talk),
            sampled: count(figures.sampled),
            prefixes: figures.prefixes.clone(),
            caller_ids: figures.caller_ids.clone(),
            card,
        });
    }
    let shown = TrunkPage {
        shell: PageShell::of(&api, &caller, "Trunk", "/trunk").await,
        trunks: shown,
        pbxes: fleet.pbxes.iter().map(pbx).collect(),
        causes: causes(&metrics::text()),
    };
    page(StatusCode::OK, &shown)
}

/// What the field calls these shares, each with what it is.
fn facts(talk: &TrunkTalk) -> Vec<(&'static str, &'static str, String)> {
    let mean = talk.talked_ms.checked_div(talk.answered).unwrap_or(0);
    vec![
        ("Calls", "legs that were dialled", count(talk.legs)),
        (
            "ASR",
            "share that was answered",
            percent(talk.answered, talk.legs),
        ),
        (
            "ACD",
            "how long an answered call lasted on average",
            format!("{}.{} s", mean / 1_000, mean % 1_000 / 100),
        ),
        (
            "NER",
            "share of the drops that the network carried, whatever became of them there",
            percent(talk.reached, talk.drops),
        ),
    ]
}

fn pbx(view: &PbxView) -> PbxCard {
    PbxCard {
        name: view.name.clone(),
        identity: view.identity.clone().unwrap_or_default(),
        trunk: view.trunk.clone().unwrap_or_default(),
        in_flight: count(view.in_flight),
        seen: view.seen_at.map(Moment),
        controllers: view.controllers.iter().map(controller).collect(),
    }
}

fn controller(view: &ControllerView) -> ControllerRow {
    let most = view.most_in_flight.map(|most| count(most.into()));
    ControllerRow {
        run: view.run.clone(),
        is_alive: view.alive,
        runs: view.runs.unwrap_or_default(),
        rate: view.rate.clone().unwrap_or_default(),
        most: most.unwrap_or_default(),
        in_flight: count(view.in_flight),
        leased: count(view.leased),
        began: Moment(view.began_at),
        lease_ends: Moment(view.lease_ends),
    }
}

/// The causes that this process has counted since it began.
fn causes(counted: &str) -> Vec<CauseRow> {
    let mut rows: BTreeMap<(u32, String), (u64, u64)> = BTreeMap::new();
    for line in counted.lines() {
        let Some(rest) = line.strip_prefix("aftertone_legs_total{leg=\"") else {
            continue;
        };
        let read = || -> Option<(&str, &str, u64)> {
            let (leg, rest) = rest.split_once("\",q850=\"")?;
            let (cause, number) = rest.split_once("\"} ")?;
            Some((leg, cause, number.trim().parse().ok()?))
        };
        let Some((leg, cause, number)) = read() else {
            continue;
        };
        let key = (cause.parse().unwrap_or(u32::MAX), cause.to_owned());
        let row = rows.entry(key).or_default();
        if leg == "busy" {
            row.0 += number;
        } else {
            row.1 += number;
        }
    }
    rows.into_iter()
        .filter(|(_, (busy, drop))| busy + drop > 0)
        .map(|((code, q850), (busy, drop))| CauseRow {
            words: words_of(code),
            q850,
            busy,
            drop,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_are_read_as_they_are_counted() {
        let counted = "# HELP aftertone_legs_total x\n\
                       aftertone_legs_total{leg=\"busy\",q850=\"17\"} 3\n\
                       aftertone_legs_total{leg=\"drop\",q850=\"17\"} 1\n\
                       aftertone_legs_total{leg=\"drop\",q850=\"other\"} 2\n\
                       aftertone_legs_total{leg=\"drop\",q850=\"16\"} 0\n";
        let rows = causes(counted);
        let shown: Vec<_> = rows
            .iter()
            .map(|row| (row.q850.as_str(), row.words, row.busy, row.drop))
            .collect();
        assert_eq!(shown, [("17", "user busy", 3, 1), ("other", "", 0, 2)]);
    }

    #[test]
    fn nothing_of_nothing_is_no_fault() {
        let facts = facts(&TrunkTalk::default());
        assert_eq!(facts[1].2, "0.0 %");
        assert_eq!(facts[2].2, "0.0 s");
    }
}
