//! `/drops/{drop}`: one call as it went: its picture, which is the scrubber of its sound, what happened at which millisecond, why it
//! was judged so, and the same call heard again with other settings.

use askama::Template;
use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::Response,
};
use serde_json::{Map, Value, json};

use super::{
    PageRoute,
    callbacks::{ShownCallback, shown as shown_callbacks},
    contact::{zone_of, zone_of_number},
    contacts::{masked, spaced},
    form::PageForm,
    page, pages,
    ruling::{ShownFinding, stored},
    shell::{Moment, PageShell},
    stored_drop::{moment_of, outcome_of},
};
use crate::{
    auth::{Action, Object},
    campaign::engine::ContactId,
    evidence::{Layout, hearing_settings},
    http::{
        Api,
        caller::Caller,
        given::{Body, Parameters},
        problem::{Problem, ProblemKind},
        routes::{self, drops::find},
    },
    phone::Disclosure,
    store::StoredDrop,
    traces::{TraceParent, trace_of},
};

pub(super) fn routes() -> Vec<PageRoute> {
    pages![
        GET "/drops/{drop}" Some(Action::ReadDrops) => show,
        POST "/drops/{drop}/replay" Some(Action::ReadEvidence) => hear_again,
    ]
}

#[derive(Template)]
#[template(path = "drop.html")]
struct DropPage {
    shell: PageShell,
    id: String,
    number: String,
    outcome: Option<&'static str>,
    proof: Option<&'static str>,
    campaign: Option<String>,
    contact: Option<i64>,
    facts: Vec<(&'static str, String)>,
    started_at: Moment,
    ended_at: Option<Moment>,
    legs: Vec<ShownLeg>,
    timeline: Vec<(String, String)>,
    /// The callee's own zone, if it is known.
    zone: Option<String>,
    may_export: bool,
    may_erase: bool,
    /// Calls that came back, the oldest first.
    callbacks: Vec<ShownCallback>,
    verdict: Option<String>,
    reasons: Vec<String>,
    proof_reasons: Vec<String>,
    findings: Vec<ShownFinding>,
    sound: Option<ShownSound>,
    /// Why there is no sound, if there is none.
    no_sound: &'static str,
    settings: Vec<ShownSetting>,
    /// The setting that it was heard again with.
    chosen: (String, String),
    again: Option<HeardAgain>,
    /// What was wrong with the setting.
    faults: Vec<String>,
}

/// One of the two calls.
struct ShownLeg {
    name: &'static str,
    q850: String,
    sip: String,
    channel: String,
}

/// What can be heard.
struct ShownSound {
    seconds: String,
    left: String,
    right: String,
    files: Vec<ShownFile>,
    has_played: bool,
}

/// A file of evidence.
struct ShownFile {
    name: &'static str,
    href: String,
    size: String,
}

/// A setting with which the call can be heard again.
struct ShownSetting {
    name: &'static str,
    words: String,
}

/// What would have been decided.
struct HeardAgain {
    verdict: String,
    ready: String,
    reasons: Vec<String>,
    differences: Vec<String>,
}

async fn show(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
    parameters: Parameters,
) -> Result<Response, Problem> {
    parameters.finish()?;
    let drop = find(&api, &id).await?;
    page(StatusCode::OK, &made(&api, &caller, drop).await?)
}

async fn hear_again(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
    form: PageForm,
) -> Result<Response, Problem> {
    let drop = find(&api, &id).await?;
    let name = form.text("setting").unwrap_or("").to_owned();
    let value = form.text("value").unwrap_or("").to_owned();
    let mut set = Map::new();
    if !value.is_empty() {
        set.insert(name.clone(), Value::from(value.clone()));
    }
    let body = Body::of_json(&json!({ "set": set }));
    let (state, path) = (State(api.clone()), Path(id));
    let heard =
        routes::evidence::replay(state, caller.clone(), path, Parameters::none(), body).await;
    let mut shown = made(&api, &caller, drop).await?;
    shown.chosen = (name, value);
    let status = match heard {
        Ok(heard) => {
            shown.again = Some(HeardAgain::of(&heard.0));
            StatusCode::OK
        }
        Err(problem) if problem.kind() == ProblemKind::Invalid => {
            let faults = problem.faults().into_iter();
            shown.faults = faults.map(|fault| fault.detail).collect();
            StatusCode::UNPROCESSABLE_ENTITY
        }
        Err(problem) => return Err(problem),
    };
    page(status, &shown)
}

async fn made(api: &Api, caller: &Caller, drop: StoredDrop) -> Result<DropPage, Problem> {
    let report: Option<Value> = drop
        .report
        .as_deref()
        .and_then(|text| serde_json::from_str(text).ok());
    let report = report.unwrap_or_default();
    let may_hear = caller.may(Action::ReadEvidence, Object::Any).is_ok();
    let sound = if may_hear && drop.evidence.is_some() {
        sound(api, &drop).await?
    } else {
        None
    };
    let no_sound = match (&sound, may_hear, &drop.evidence) {
        (Some(_), ..) => "",
        (None, false, Some(_)) => "What was heard is kept. Your role may not listen to it.",
        (None, true, Some(_)) => {
            "What was heard was kept, and is on another machine, or was removed when it was old enough."
        }
        (None, _, None) => "Nothing of what was heard is kept of this call.",
    };
    let callbacks = shown_callbacks(api.store.callbacks_of_drop(&drop).await?);
    let contact = match drop.contact {
        Some(contact) => api.store.contact(ContactId(contact)).await?,
        None => None,
    };
    let zone = contact.as_ref().and_then(zone_of);
    let zone = zone.or_else(|| zone_of_number(drop.number.as_ref()?));
    let may = |action| caller.may(action, Object::Any).is_ok();
    let shown = caller.disclosure(api, false);
    let title = format!("Drop {}", &drop.id.to_string()[..8]);
    Ok(DropPage {
        shell: PageShell::of(api, caller, title, "/contacts").await,
        id: drop.id.to_string(),
        number: masked(drop.number.as_ref()),
        outcome: outcome_of(&drop),
        proof: drop.proof.map(|proof| proof.slug()),
        facts: facts(&drop, &report, (trace(api, &drop), shown)),
        started_at: moment_of(&drop),
        ended_at: drop.ended_at.map(Moment),
        legs: [("Busy leg", "busy"), ("Drop leg", "drop")]
            .into_iter()
            .filter_map(|(name, key)| leg(name, &report["legs"][key]))
            .collect(),
        timeline: timeline(&report),
        callbacks,
        zone,
        may_export: may(Action::ExportPerson) && drop.number.is_some(),
        may_erase: may(Action::Erase),
        verdict: report["verdict"].as_str().map(spaced),
        reasons: report["reasons"]
            .as_str()
            .map(|reasons| reasons.split("; ").map(str::to_owned).collect())
            .unwrap_or_default(),
        proof_reasons: texts(&report["proof_reasons"]),
        findings: stored(&drop.ruling),
        sound,
        no_sound,
        settings: hearing_settings()
            .map(|setting| ShownSetting {
                name: setting.name,
                words: format!(
                    "{} ({} to {} {}, else {})",
                    setting.name, setting.range.0, setting.range.1, setting.unit, setting.default
                ),
            })
            .collect(),
        chosen: (String::new(), String::new()),
        again: None,
        faults: Vec::new(),
        campaign: drop.campaign,
        contact: drop.contact,
    })
}

/// Its trace, where traces are sent, or whoever ordered it has one.
fn trace(api: &Api, drop: &StoredDrop) -> Option<String> {
    let parent = drop.traceparent.as_deref().and_then(TraceParent::parse);
    let is_on = api.config.borrow().telemetry.otlp.is_some();
    (is_on || parent.is_some()).then(|| format!("{:032x}", trace_of(drop.id, parent.as_ref())))
}

/// What is said of the drop beside how it ended.
fn facts(
    drop: &StoredDrop,
    report: &Value,
    (trace, shown): (Option<String>, Disclosure),
) -> Vec<(&'static str, String)> {
    let foreign_id = drop.foreign_id.as_deref();
    let text = |key: &str| report[key].as_str().map(spaced);
    let ms = |key: &str| report[key].as_u64().map(|ms| format!("{ms} ms"));
    let held = drop.hold.as_ref();
    let beep = report["beep"]["hz"].as_f64().map(|hz| format!("{hz} Hz"));
    let all = [
        ("Message", Some(drop.message.clone())),
        ("Variant", drop.variant.clone()),
        ("Calls", Some(drop.technique.slug().to_owned())),
        ("Shown number", drop.caller_id.clone()),
        ("PBX", Some(drop.pbx.clone())),
        ("Foreign id", foreign_id.map(|id| shown.id(id).into_owned())),
        ("Ordered by", drop.ordered_by.clone()),
        ("Trace", trace),
        ("Ready by", text("ready_by")),
        ("Ready at", ms("ready_at_ms")),
        ("Beep", beep),
        ("Played", ms("played_ms")),
        (
            "Heard by somebody",
            ms("heard_ms").filter(|ms| ms != "0 ms"),
        ),
        ("Ended by", text("ended_by")),
        (
            "Why",
            text("reason").or_else(|| held.map(|hold| spaced(&hold.reason))),
        ),
        (
            "In words",
            held.and_then(|hold| hold.words.clone())
                .or_else(|| report["words"].as_str().map(str::to_owned)),
        ),
    ];
    let all = all.into_iter();
    all.filter_map(|(name, value)| Some((name, value?)))
        .collect()
}

fn leg(name: &'static str, leg: &Value) -> Option<ShownLeg> {
    let number = |key: &str| {
        let found = leg[key].as_u64();
        found.map_or_else(|| "–".to_owned(), |number| number.to_string())
    };
    leg.is_object().then(|| ShownLeg {
        name,
        q850: number("q850"),
        sip: number("sip"),
        channel: leg["channel"].as_str().unwrap_or("").to_owned(),
    })
}

fn timeline(report: &Value) -> Vec<(String, String)> {
    let events = report["timeline"].as_array().into_iter().flatten();
    let shown = events.filter_map(|event| {
        let at = event["at_ms"].as_u64()?;
        let what = event["event"].as_str()?;
        Some((format!("{}.{:03} s", at / 1_000, at % 1_000), spaced(what)))
    });
    shown.collect()
}

fn texts(value: &Value) -> Vec<String> {
    let texts = value.as_array().into_iter().flatten();
    texts
        .filter_map(|text| text.as_str().map(str::to_owned))
        .collect()
}

/// What can be heard of a drop on this machine.
async fn sound(api: &Api, drop: &StoredDrop) -> Result<Option<ShownSound>, Problem> {
    let path = Path(drop.id.to_string());
    let listed = routes::evidence::list(State(api.clone()), path, Parameters::none()).await;
    let listed = match listed {
        Ok(listed) => listed.0,
        Err(problem) if problem.kind() == ProblemKind::NotFound => return Ok(None),
        Err(problem) => return Err(problem),
    };
    let incoming = listed.items.iter().find(|item| item.file == "incoming.wav");
    let Some(incoming) = incoming else {
        return Ok(None);
    };
    // Samples of 16 bits, behind a header.
    let samples = incoming.bytes.saturating_sub(WAV_HEADER) / 2;
    let milliseconds = samples * 1_000 / SAMPLES_PER_SECOND;
    let (left, right) = Layout::TIME;
    Ok(Some(ShownSound {
        seconds: format!("{}.{:03}", milliseconds / 1_000, milliseconds % 1_000),
        left: format!("{left:.5}"),
        right: format!("{right:.5}"),
        has_played: listed.items.iter().any(|item| item.file == "played.wav"),
        files: listed
            .items
            .iter()
            .map(|item| ShownFile {
                name: item.file,
                href: item.href.clone(),
                size: format!("{} kB", item.bytes.div_ceil(1_000)),
            })
            .collect(),
    }))
}

impl HeardAgain {
    fn of(heard: &Value) -> Self {
        let at = |what: &str, at: &str| match (heard[what].as_str(), heard[at].as_f64()) {
            (Some(what), Some(at)) => format!("{} at {at:.2} s", spaced(what)),
            (Some(what), None) => spaced(what),
            (None, _) => "none".to_owned(),
        };
        Self {
            verdict: at("verdict", "verdict_s"),
            ready: at("ready_by", "ready_s"),
            reasons: texts(&heard["reasons"]),
            differences: texts(&heard["differences"]),
        }
    }
}

/// Bytes of a WAV file before its samples.
const WAV_HEADER: u64 = 44;

/// Of the telephone.
const SAMPLES_PER_SECOND: u64 = 8_000;
