//! `/drops`: one message to one number.

use std::time::Duration;

use axum::{
    Json,
    extract::{Path, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use futures::FutureExt as _;
use serde::Serialize;
use serde_json::{Value, json};
use tokio::{
    task::JoinHandle,
    time::{sleep, timeout},
};

use super::{BASE, drop_request::DropRequest};
use crate::{
    auth::{Action, Object},
    campaign::{Decision, policy::Ruling},
    events::EventKind,
    http::{
        Api,
        caller::{Caller, now},
        given::{Body, Parameters, SMALL},
        idempotency::{self, KeyRuling, key_of},
        pagination::{Page, Paging},
        problem::{Problem, ProblemKind},
    },
    id::DropId,
    metrics,
    orders::{DropView, NotOrdered, OrderedDrop},
    phone::PhoneNumber,
    store::{
        AuditEntry, DropFilter, GateHold, HeldDrop, HeldEnd, HeldState, IdempotencyKey, KeptAnswer,
        KeyedAnswer, OrderRecord, RefusedDrop, RefusedOrder, RequestDigest, StoreError, StoredDrop,
    },
    tasks,
    traces::TraceParent,
};

/// Orders a drop. What follows for its key is in [`idempotency`].
pub(in crate::http) async fn order(
    State(api): State<Api>,
    caller: Caller,
    headers: HeaderMap,
    body: Body<SMALL>,
) -> Result<Response, Problem> {
    let wait = wait_of(&headers);
    let key = IdempotencyKey {
        principal: caller.principal.id.clone(),
        route: format!("POST {BASE}/drops"),
        key: key_of(&headers)?,
    };
    let request = digest(body.json()?)?;
    let traceparent = traceparent_of(&headers);
    let in_use = api.state.keys.take(&key, &request);
    let in_use = in_use.map_err(idempotency::refusal)?;
    // What is begun is carried out whether it is waited for or not: its key must not be free before.
    let carrying_out = {
        let (api, caller) = (api.clone(), caller.clone());
        tokio::spawn(async move {
            let asked = (request, traceparent);
            let answered = carry_out(&api, &caller, key, asked, &body).await;
            drop(in_use);
            answered
        })
    };
    let (answer, ordered) = known_within(api.state.longest_request, carrying_out).await?;
    respond(&api, &caller, answer, (ordered, wait)).await
}

/// What came of an order that is being carried out, if that is known in time. It may have to wait for room on the trunk; whoever
/// sends it again is answered as it will be.
async fn known_within<T>(
    limit: Duration,
    carrying_out: JoinHandle<Result<T, Problem>>,
) -> Result<T, Problem> {
    match timeout(limit, carrying_out).await {
        Ok(joined) => tasks::outcome(joined),
        Err(_) => Err(idempotency::refusal(ProblemKind::IdempotencyInProgress)),
    }
}

/// What is answered, and whether it was answered before.
struct Answer {
    kept: KeptAnswer,
    is_replayed: bool,
}

async fn carry_out(
    api: &Api,
    caller: &Caller,
    key: IdempotencyKey,
    (request, traceparent): (RequestDigest, Option<TraceParent>),
    body: &Body<SMALL>,
) -> Result<(Answer, Option<OrderedDrop>), Problem> {
    let oldest = idempotency::oldest(now(), idempotency::KEPT_FOR);
    let kept = api.store.kept_answer(&key, &request, oldest).await?;
    if let Some(answer) = replayed(kept, &request)? {
        return Ok((answer, None));
    }
    let config = std::sync::Arc::clone(&api.config.borrow());
    let wanted = DropRequest::read(body.json()?, &config, now())?;
    if !wanted.overrides.is_empty() {
        caller.may(Action::OrderDrop, Object::DespiteGate)?;
    }
    let Some(drops) = &api.drops else {
        let words = "ask a server that has one: `[pbx]` is set in its configuration";
        return Err(Problem::new(ProblemKind::NoPbx, words));
    };
    let drop = DropId::generate();
    let number = wanted.number.to_string();
    let accepted = json!({
        "drop": drop,
        "status": "queued",
        "number": number,
        "message": wanted.message,
        "held": null,
        "until": null,
        "expires_at": wanted.expires_at.map(|at| at.to_string()),
        "foreign_id": wanted.foreign_id,
        "metadata": wanted.metadata,
    });
    let answer = KeptAnswer {
        request: request.clone(),
        status: StatusCode::ACCEPTED.as_u16(),
        body: accepted.to_string(),
        drop,
    };
    let audit = caller.audit(now(), Action::OrderDrop, drop.to_string());
    let record = OrderRecord {
        keyed: KeyedAnswer {
            key: key.clone(),
            answer: answer.clone(),
            oldest,
        },
        foreign_id: wanted.foreign_id.clone(),
        metadata: wanted
            .metadata
            .as_ref()
            .map(|object| Value::Object(object.clone()).to_string()),
        expires_at: wanted.expires_at,
        traceparent: traceparent.as_ref().map(TraceParent::to_string),
        // Whoever takes it over knows the PBX.
        channel: None,
        audit: AuditEntry {
            after: Some(json!({"number": number, "message": wanted.message}).to_string()),
            ..audit
        },
    };
    // One that is not dialled now has an id of its own: an intent of the other may have been written and withdrawn, which ended that.
    let undialled = DropId::generate();
    let (held, waits) = (wanted.to_held(undialled, &config), wanted.waits);
    let mut kept_order = record.clone();
    kept_order.keyed.answer.drop = undialled;
    kept_order.audit.object = undialled.to_string();
    let ordered = drops
        .order(wanted.into_order(drop, traceparent.clone(), record))
        .await;
    let (problem, ruling) = match ordered {
        Ok(ordered) => {
            let is_replayed = false;
            return Ok((
                Answer {
                    kept: answer,
                    is_replayed,
                },
                Some(ordered),
            ));
        }
        Err(NotOrdered::KeyTaken) => {
            let kept = api.store.kept_answer(&key, &request, oldest).await?;
            return match replayed(kept, &request)? {
                Some(answer) => Ok((answer, None)),
                None => Err(idempotency::refusal(ProblemKind::IdempotencyInProgress)),
            };
        }
        Err(NotOrdered::Stopped(ruling)) => {
            if let Decision::Held { reason, until } = ruling.decision
                && waits
            {
                let hold = GateHold {
                    reason,
                    until,
                    ruling: ruling.json(),
                };
                return hold_order(api, &held, &hold, kept_order, accepted).await;
            }
            (stopped(&ruling), Some(ruling))
        }
        Err(NotOrdered::Expired) => {
            let words = "it expired before it could be dialled";
            let problem = Problem::new(ProblemKind::Expired, words);
            (problem.with("reason", ProblemKind::Expired.slug()), None)
        }
        Err(NotOrdered::Erased) => {
            let words = "everything about the person was erased, and they are never called again";
            (Problem::new(ProblemKind::Erased, words), None)
        }
        Err(error) => return Err(not_ordered(error)),
    };
    // A refusal stays with its key, so that the same request, sent again later, cannot dial.
    let problem = problem.with("drop", undialled.to_string());
    let answer = &mut kept_order.keyed.answer;
    answer.status = problem.kind().status().as_u16();
    answer.body = Value::Object(problem.body()).to_string();
    let refusal = json!({"number": number, "refused": problem.kind().slug()});
    kept_order.audit.after = Some(refusal.to_string());
    let mut refused = refused_order(&problem, held, ruling, kept_order.foreign_id.as_deref());
    if let Some(traceparent) = traceparent {
        refused.detail["traceparent"] = traceparent.as_str().into();
    }
    let is_kept = api.store.keep_refused(&kept_order, &refused, now()).await?;
    if !is_kept {
        let kept = api.store.kept_answer(&key, &request, oldest).await?;
        if let Some(answer) = replayed(kept, &request)? {
            return Ok((answer, None));
        }
    }
    let is_replayed = false;
    let kept = kept_order.keyed.answer;
    Ok((Answer { kept, is_replayed }, None))
}

/// Keeps a drop that waits until the gate allows it. `accepted` is what would have been answered if it were on its way.
async fn hold_order(
    api: &Api,
    held: &HeldDrop,
    hold: &GateHold,
    mut record: OrderRecord,
    mut accepted: Value,
) -> Result<(Answer, Option<OrderedDrop>), Problem> {
    accepted["drop"] = held.drop.to_string().into();
    accepted["status"] = HELD.into();
    accepted["held"] = hold.reason.slug().into();
    accepted["until"] = hold.until.to_string().into();
    record.keyed.answer.body = accepted.to_string();
    let KeyedAnswer {
        key,
        answer,
        oldest,
    } = &record.keyed;
    if !api.store.hold_order(held, hold, &record, now()).await? {
        let kept = api.store.kept_answer(key, &answer.request, *oldest).await?;
        return match replayed(kept, &answer.request)? {
            Some(answer) => Ok((answer, None)),
            None => Err(idempotency::refusal(ProblemKind::IdempotencyInProgress)),
        };
    }
    if let Some(drops) = &api.drops {
        drops.look_at_held();
    }
    let (store, drop) = (api.store.clone(), held.drop);
    let ended = async move {
        // It may end in another process, so that only the store knows.
        while !has_ended(store.drop_of(drop).await) {
            sleep(HELD_LOOK).await;
        }
    };
    let is_replayed = false;
    let kept = record.keyed.answer;
    let ended = ended.boxed();
    Ok((Answer { kept, is_replayed }, Some(OrderedDrop { ended })))
}

/// Whether nothing more comes of a drop that was held.
fn has_ended(found: Result<Option<StoredDrop>, StoreError>) -> bool {
    match found {
        Ok(Some(drop)) => {
            let is_refused = drop
                .hold
                .is_some_and(|hold| hold.state == HeldState::Refused);
            drop.outcome.is_some() || is_refused
        }
        Ok(None) => true,
        Err(_) => false,
    }
}

/// What is kept of an order of which nothing is dialled, and what the log of events tells of it; of somebody who was erased only that.
fn refused_order(
    problem: &Problem,
    held: HeldDrop,
    ruling: Option<Box<Ruling>>,
    foreign_id: Option<&str>,
) -> RefusedOrder {
    let body = problem.body();
    let why = ["rule", "reason", "until"].into_iter();
    let why = why.filter_map(|name| Some((name.to_owned(), body.get(name)?.clone())));
    let mut detail: serde_json::Map<_, _> = why.collect();
    let is_erased = problem.kind() == ProblemKind::Erased;
    if is_erased {
        detail.insert("reason".to_owned(), problem.kind().slug().into());
    } else {
        detail.insert("foreign_id".to_owned(), json!(foreign_id));
    }
    let (reason, until) = match ruling.as_ref().map(|ruling| ruling.decision) {
        Some(Decision::Refused(reason)) => (reason.slug(), None),
        Some(Decision::Held { reason, until }) => (reason.slug(), Some(until)),
        Some(Decision::Allowed) | None => (problem.kind().slug(), None),
    };
    let drop = RefusedDrop {
        held,
        reason,
        words: problem.detail().to_owned(),
        ruling: ruling.map_or_else(|| "{}".to_owned(), |ruling| ruling.json()),
        until,
    };
    RefusedOrder {
        kind: if problem.kind() == ProblemKind::Held {
            EventKind::DropHeld
        } else {
            EventKind::DropRefused
        },
        detail: Value::Object(detail),
        drop: (!is_erased).then(|| Box::new(drop)),
    }
}

/// The answer that was given before, if there is one.
fn replayed(kept: Option<KeptAnswer>, request: &RequestDigest) -> Result<Option<Answer>, Problem> {
    match idempotency::judge(kept, request) {
        KeyRuling::CarryOut => Ok(None),
        KeyRuling::Replay(kept) => {
            let is_replayed = true;
            Ok(Some(Answer { kept, is_replayed }))
        }
        KeyRuling::Refuse(kind) => Err(idempotency::refusal(kind)),
    }
}

/// Makes a response of an answer; of a drop that has just been ordered, once it has ended if that is wanted.
async fn respond(
    api: &Api,
    caller: &Caller,
    Answer { kept, is_replayed }: Answer,
    (ordered, wait): (Option<OrderedDrop>, Option<Duration>),
) -> Result<Response, Problem> {
    if let (Some(wait), Some(ordered)) = (wait, ordered)
        && ends_within(api, wait, ordered, &kept).await
        // It was ordered, whether its end can be read or not.
        && let Ok(Some(stored)) = api.store.drop_of(kept.drop).await
    {
        let view = DropView::of(&stored, caller.disclosure(api, false));
        let mut response = Json(view).into_response();
        let applied = format!("wait={}", wait.as_secs());
        if let Ok(applied) = HeaderValue::from_str(&applied) {
            response.headers_mut().insert("preference-applied", applied);
        }
        return Ok(response);
    }
    let status = StatusCode::from_u16(kept.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = if status.is_success() {
        let json = [(header::CONTENT_TYPE, "application/json")];
        let location = [(header::LOCATION, format!("{BASE}/drops/{}", kept.drop))];
        (status, json, location, kept.body).into_response()
    } else {
        let problem = serde_json::from_str(&kept.body).ok();
        let problem = problem.and_then(|body| Problem::kept(&body));
        let unread = || {
            Problem::new(
                ProblemKind::Internal,
                "the answer that was kept cannot be read",
            )
        };
        problem.unwrap_or_else(unread).into_response()
    };
    if is_replayed {
        let yes = HeaderValue::from_static("true");
        metrics::idempotent_replay();
        response.headers_mut().insert(idempotency::REPLAYED, yes);
    }
    Ok(response)
}

/// Whether a drop ends in time. One that is held outlives this server.
async fn ends_within(
    api: &Api,
    wait: Duration,
    ordered: OrderedDrop,
    accepted: &KeptAnswer,
) -> bool {
    let body: Option<Value> = serde_json::from_str(&accepted.body).ok();
    let is_held = body.is_some_and(|body| body["status"] == HELD);
    tokio::select! {
        ended = timeout(wait, ordered.ended) => ended.is_ok(),
        () = api.stopping.cancelled(), if is_held => false,
    }
}

/// The drops, the latest first.
pub(in crate::http) async fn list(
    State(api): State<Api>,
    caller: Caller,
    mut parameters: Parameters,
) -> Result<Json<Page<DropView>>, Problem> {
    let (limit, cursor) = (parameters.text("limit"), parameters.text("cursor"));
    let rules = api.config.borrow().pbx.rules.with_premium();
    let number = parameters.parsed("number", |text| PhoneNumber::parse(text, rules));
    let foreign_id = parameters.text("foreign_id");
    let is_held = parameters.parsed("status", |text| match text {
        HELD => Ok(true),
        _ => Err("expected `held`: by no other status are drops found"),
    });
    let is_full = parameters.flag("full_numbers");
    if number.is_some() && foreign_id.is_some() {
        parameters.fault("foreign_id", "it cannot be combined with `number`");
    }
    if is_held.is_some() && (number.is_some() || foreign_id.is_some()) {
        parameters.fault(
            "status",
            "it cannot be combined with `number` or `foreign_id`",
        );
    }
    parameters.finish()?;
    let digits = number.as_ref().map_or("", PhoneNumber::digits).to_owned();
    let filters = [
        ("number", digits.as_str()),
        ("foreign_id", foreign_id.as_deref().unwrap_or("")),
        ("status", if is_held.is_some() { HELD } else { "" }),
    ];
    let paging = Paging::new(api.seal().await?, "drops", &filters);
    let asked = paging.request(limit.as_deref(), cursor.as_deref())?;
    let filter = match (number, foreign_id) {
        (Some(number), _) => DropFilter::Number(number),
        (None, Some(id)) => DropFilter::ForeignId(id),
        (None, None) if is_held.is_some() => DropFilter::Held,
        (None, None) => DropFilter::All,
    };
    // The list begins with the latest, so that what is behind a drop is before it.
    let found = api
        .store
        .drops(&filter, asked.key(), !asked.is_back(), asked.limit + 1)
        .await?;
    let page = paging.page(&asked, found, |drop| drop.id.to_string());
    if is_full {
        caller.read_in_full(&api, "drops").await?;
    }
    let shown = caller.disclosure(&api, is_full);
    Ok(Json(page.map(|drop| DropView::of(&drop, shown))))
}

/// One drop.
pub(in crate::http) async fn show(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
    mut parameters: Parameters,
) -> Result<Json<DropView>, Problem> {
    let is_full = parameters.flag("full_numbers");
    parameters.finish()?;
    let drop = find(&api, &id).await?;
    if is_full {
        caller.read_in_full(&api, &id).await?;
    }
    let shown = caller.disclosure(&api, is_full);
    Ok(Json(DropView::of(&drop, shown)))
}

/// What happened to a drop, and why it was allowed.
#[derive(Debug, Serialize)]
pub(in crate::http) struct DropTimeline {
    drop: DropId,
    /// What happened, since the first call was asked for; empty while it is in flight.
    timeline: Value,
    /// What the gate looked at and found.
    ruling: Value,
}

/// What happened to a drop.
pub(in crate::http) async fn timeline(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
    parameters: Parameters,
) -> Result<Json<DropTimeline>, Problem> {
    parameters.finish()?;
    let drop = find(&api, &id).await?;
    let report: Option<Value> = drop
        .report
        .as_deref()
        .and_then(|text| serde_json::from_str(text).ok());
    let timeline = report.and_then(|mut report| report.get_mut("timeline").map(Value::take));
    let ruling = serde_json::from_str(&drop.ruling).unwrap_or(Value::Null);
    Ok(Json(DropTimeline {
        drop: drop.id,
        timeline: timeline.unwrap_or_else(|| json!([])),
        ruling: caller.disclosure(&api, false).ruling(ruling),
    }))
}

/// Cancels a drop that is held or in flight.
pub(in crate::http) async fn cancel(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
    parameters: Parameters,
) -> Result<Response, Problem> {
    parameters.finish()?;
    let drop = find(&api, &id).await?;
    let conflict = |words: &str| Problem::new(ProblemKind::Conflict, words);
    let shown = caller.disclosure(&api, false);
    if has_ended(Ok(Some(drop.clone()))) {
        return Err(conflict("it has ended"));
    }
    if drop.hold.is_some() {
        let entry = caller.audit(now(), Action::CancelDrop, drop.id.to_string());
        let store = api.store.audited(entry);
        if store
            .settle_held(drop.id, &HeldEnd::Cancelled, now())
            .await?
        {
            if let Some(drops) = &api.drops {
                // It may be on its way to the gate.
                drops.cancel(drop.id).await;
            }
            let ended = find(&api, &id).await?;
            return Ok((StatusCode::ACCEPTED, Json(DropView::of(&ended, shown))).into_response());
        }
        // It is dialled meanwhile.
    }
    if drop.campaign.is_some() {
        return Err(conflict(
            "it is a campaign's: pause or cancel that, with `in_flight` as `hang_up`",
        ));
    }
    let is_ours = match &api.drops {
        Some(drops) => drops.cancel(drop.id).await,
        None => false,
    };
    if !is_ours {
        return Err(conflict("another process has it in flight"));
    }
    let entry = caller.audit(now(), Action::CancelDrop, drop.id.to_string());
    api.store.note(entry).await?;
    Ok((StatusCode::ACCEPTED, Json(DropView::of(&drop, shown))).into_response())
}

pub(in crate::http) async fn find(api: &Api, id: &str) -> Result<StoredDrop, Problem> {
    let id: Option<DropId> = id.parse().ok();
    let found = match id {
        Some(id) => api.store.drop_of(id).await?,
        None => None,
    };
    found.ok_or_else(|| Problem::not_found("drop"))
}

/// The gate's ruling as a problem.
fn stopped(ruling: &Ruling) -> Problem {
    let last = ruling.findings.last();
    let words = last.map_or_else(String::new, |finding| finding.words.clone());
    let rule = last.map_or(Value::Null, |finding| finding.rule.slug().into());
    match ruling.decision {
        Decision::Refused(reason) => Problem::new(ProblemKind::Refused, words)
            .with("rule", rule)
            .with("reason", reason.slug()),
        Decision::Held { reason, until } => Problem::new(ProblemKind::Held, words)
            .with("rule", rule)
            .with("reason", reason.slug())
            .with("until", until.to_string()),
        Decision::Allowed => Problem::new(
            ProblemKind::Internal,
            "the gate allowed it, and it was stopped",
        ),
    }
}

/// Why nothing is dialled, for reasons that pass or that are the request's own: the key may be used again.
fn not_ordered(error: NotOrdered) -> Problem {
    let words = error.to_string();
    match error {
        NotOrdered::Store(error) => error.into(),
        NotOrdered::Message(words) => Problem::fault("/message", words),
        NotOrdered::Fields(words) => Problem::fault("/fields", words),
        NotOrdered::NoCall => Problem::fault("/channel", words),
        NotOrdered::Contended => Problem::new(ProblemKind::Contended, words),
        NotOrdered::TrunkFull => Problem::new(ProblemKind::TrunkFull, words),
        NotOrdered::Away(words) => Problem::new(ProblemKind::PbxAway, words),
        NotOrdered::Draining => Problem::new(ProblemKind::Draining, words),
        NotOrdered::Stopped(_)
        | NotOrdered::Erased
        | NotOrdered::Expired
        | NotOrdered::KeyTaken => Problem::new(ProblemKind::Internal, words),
    }
}

/// The digest of a body, however its members are ordered and spaced.
fn digest(body: &[u8]) -> Result<RequestDigest, Problem> {
    let value: Value = serde_json::from_slice(body).map_err(|error| {
        Problem::new(
            ProblemKind::Malformed,
            format!("the body is not JSON: {error}"),
        )
    })?;
    Ok(RequestDigest::of(value.to_string().as_bytes()))
}

/// The caller's trace; what is none is left out, as W3C Trace Context has it.
fn traceparent_of(headers: &HeaderMap) -> Option<TraceParent> {
    let mut given = headers.get_all("traceparent").iter();
    let (Some(value), None) = (given.next(), given.next()) else {
        return None;
    };
    TraceParent::parse(value.to_str().ok()?)
}

/// For how long the answer may wait for the drop's end: `Prefer: wait=60` of RFC 7240, at most 300 s.
fn wait_of(headers: &HeaderMap) -> Option<Duration> {
    let given = headers.get_all("prefer").iter();
    let mut given = given
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','));
    let seconds = given.find_map(|part| {
        let (name, seconds) = part.trim().split_once('=')?;
        let seconds: u64 = seconds.trim().parse().ok()?;
        name.trim().eq_ignore_ascii_case("wait").then_some(seconds)
    })?;
    Some(Duration::from_secs(seconds.min(LONGEST_WAIT)))
}

/// The status of a drop that waits until the gate allows it.
const HELD: &str = "held";

/// How often it is looked whether a drop that was held has ended, for whoever waits for that.
const HELD_LOOK: Duration = Duration::from_millis(250);

/// How long an answer waits for a drop's end at most, in seconds: a drop takes no longer, by and large.
const LONGEST_WAIT: u64 = 300;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_has_one_digest_however_it_is_written() {
        let one = digest(br#"{"to": "1", "message": "m"}"#).unwrap();
        assert_eq!(digest(br#"{"message":"m","to":"1"}"#).unwrap(), one);
        assert_ne!(digest(br#"{"message":"m","to":"2"}"#).unwrap(), one);
        assert_eq!(digest(b"{").unwrap_err().kind(), ProblemKind::Malformed);
    }

    #[tokio::test]
    async fn an_order_that_takes_too_long_is_carried_out_and_its_key_is_in_use() {
        let key = IdempotencyKey {
            principal: "token:abcdefgh".to_owned(),
            route: "POST /api/v1/drops".to_owned(),
            key: "k1".to_owned(),
        };
        let request = RequestDigest::of(b"1");
        let keys = idempotency::KeysInUse::default();
        let in_use = keys.take(&key, &request).unwrap();
        let (room, has_room) = tokio::sync::oneshot::channel::<()>();
        let (dialled, is_dialled) = tokio::sync::oneshot::channel();
        let carrying_out = tokio::spawn(async move {
            has_room.await.unwrap();
            drop(in_use);
            dialled.send(()).unwrap();
            Ok(())
        });
        let late = known_within(Duration::from_millis(30), carrying_out).await;
        assert_eq!(late.unwrap_err().kind(), ProblemKind::IdempotencyInProgress);
        assert!(keys.take(&key, &request).is_err());
        room.send(()).unwrap();
        is_dialled.await.unwrap();
        assert!(keys.take(&key, &request).is_ok());
        let soon = known_within(Duration::from_secs(30), tokio::spawn(async { Ok(1) })).await;
        assert_eq!(soon.unwrap(), 1);
    }

    #[test]
    fn a_client_says_how_long_it_waits() {
        let wait = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert("prefer", HeaderValue::from_static(value));
            wait_of(&headers).map(|wait| wait.as_secs())
        };
        assert_eq!(wait("wait=60"), Some(60));
        assert_eq!(wait("respond-async, Wait = 5"), Some(5));
        assert_eq!(wait("wait=100000"), Some(300));
        assert_eq!(wait("wait=soon"), None);
        assert_eq!(wait("respond-async"), None);
    }
}
