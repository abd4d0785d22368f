//! `/webhooks`: endpoints, whether they answer, and what was sent to each.

use askama::Template;
use axum::{
    extract::{Path, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::Response,
};
use serde_json::{Map, Value, json};

use super::{
    PageRoute,
    fields::{FormField, fill, tell},
    form::PageForm,
    page, pages, see,
    shell::{Moment, PageShell},
    shown_once::ShownOnce,
    signing_in::url_query,
    values::{flag, items, joined, moment, number, text, told},
};
use crate::{
    auth::Action,
    http::{
        Api,
        caller::Caller,
        given::{Body, Parameters},
        problem::{Problem, ProblemKind},
        routes::webhooks,
    },
    orders::figures::count,
};

pub(super) fn routes() -> Vec<PageRoute> {
    use Action as A;
    pages![
        GET "/webhooks" Some(A::ReadWebhooks) => list,
        POST "/webhooks" Some(A::AddWebhook) => create,
        GET "/webhooks/{webhook}" Some(A::ReadWebhooks) => show,
        POST "/webhooks/{webhook}/ping" Some(A::PingWebhook) => ping,
        POST "/webhooks/{webhook}/secret" Some(A::RotateWebhookSecret) => rotate,
        POST "/webhooks/{webhook}/replays" Some(A::ReplayWebhook) => replay,
        POST "/webhooks/{webhook}/state" Some(A::ChangeWebhook) => change,
        POST "/webhooks/{webhook}/removal" Some(A::RemoveWebhook) => remove,
        POST "/webhooks/{webhook}/deliveries/{delivery}/replays" Some(A::ReplayWebhook) => replay_delivery,
    ]
}

#[derive(Template)]
#[template(path = "webhooks.html")]
struct WebhooksPage {
    shell: PageShell,
    rows: Vec<WebhookCard>,
    fields: Vec<FormField>,
    faults: Vec<String>,
    has_faults: bool,
}

#[derive(Template)]
#[template(path = "webhook.html")]
struct WebhookPage {
    shell: PageShell,
    card: WebhookCard,
    deliveries: Vec<DeliveryRow>,
    next: Option<String>,
    /// What came of a ping.
    pinged: Option<String>,
}

/// An endpoint.
struct WebhookCard {
    id: String,
    url: String,
    description: String,
    types: String,
    campaign: String,
    state: &'static str,
    why: String,
    since: Option<Moment>,
    is_enabled: bool,
    full_numbers: bool,
    pending: String,
    oldest: Option<Moment>,
    dead: u64,
    missed: u64,
    failures: u64,
    last_success: Option<Moment>,
    last_failure: Option<Moment>,
}

/// A message to an endpoint.
struct DeliveryRow {
    id: String,
    state: String,
    types: String,
    events: String,
    created: Option<Moment>,
    due: Option<Moment>,
    attempts: Vec<String>,
}

async fn list(
    State(api): State<Api>,
    caller: Caller,
    mut parameters: Parameters,
) -> Result<Response, Problem> {
    let done = parameters.text("done");
    parameters.finish()?;
    shown(
        &api,
        &caller,
        fields(),
        Vec::new(),
        done.as_deref(),
        StatusCode::OK,
    )
    .await
}

async fn shown(
    api: &Api,
    caller: &Caller,
    fields: Vec<FormField>,
    faults: Vec<String>,
    done: Option<&str>,
    status: StatusCode,
) -> Result<Response, Problem> {
    let all = Parameters::of(&[("limit", "1000")]);
    let all = webhooks::list(State(api.clone()), all).await?;
    let all = told(all).await?;
    let shell = PageShell::of(api, caller, "Webhooks", "/webhooks").await;
    let shown = WebhooksPage {
        shell: shell.having_done(done),
        rows: items(&all, "/items").iter().map(card).collect(),
        has_faults: status != StatusCode::OK,
        fields,
        faults,
    };
    page(status, &shown)
}

async fn create(
    State(api): State<Api>,
    caller: Caller,
    form: PageForm,
) -> Result<Response, Problem> {
    let mut body = Map::new();
    for name in ["url", "description", "campaign"] {
        if let Some(text) = form.text(name) {
            body.insert(name.to_owned(), json!(text));
        }
    }
    let types = form.text("types").unwrap_or_default().split([',', ' ']);
    let types: Vec<_> = types.filter(|kind| !kind.is_empty()).collect();
    if !types.is_empty() {
        body.insert("types".to_owned(), json!(types));
    }
    for name in ["ordered", "full_numbers"] {
        if form.is_set(name) {
            body.insert(name.to_owned(), json!(true));
        }
    }
    let body = Body::of_json(&Value::Object(body));
    let (state, by) = (State(api.clone()), caller.clone());
    match webhooks::create(state, by, Parameters::none(), body).await {
        Ok(made) => {
            let made = told(made).await?;
            once(&api, &caller, &made).await
        }
        Err(problem) if problem.kind() == ProblemKind::Invalid => {
            let mut fields = fields();
            fill(&mut fields, &form);
            let faults = tell(&mut fields, &problem);
            let status = problem.kind().status();
            shown(&api, &caller, fields, faults, None, status).await
        }
        Err(problem) => Err(problem),
    }
}

/// Shows the secret of an endpoint, this once.
async fn once(api: &Api, caller: &Caller, made: &Value) -> Result<Response, Problem> {
    let id = text(made, "/id");
    ShownOnce {
        shell: PageShell::of(api, caller, "Secret of a webhook", "/webhooks").await,
        words: format!(
            "The secret by which {} knows what is ours:",
            text(made, "/url")
        ),
        secret: text(made, "/secret"),
        back: format!("/webhooks/{id}"),
    }
    .page()
}

async fn show(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
    mut parameters: Parameters,
) -> Result<Response, Problem> {
    let (cursor, done) = (parameters.text("cursor"), parameters.text("done"));
    parameters.finish()?;
    detail(&api, &caller, &id, cursor, None, done.as_deref()).await
}

async fn detail(
    api: &Api,
    caller: &Caller,
    id: &str,
    cursor: Option<String>,
    pinged: Option<String>,
    done: Option<&str>,
) -> Result<Response, Problem> {
    let (state, path) = (State(api.clone()), Path(id.to_owned()));
    let webhook = webhooks::show(state, path, Parameters::none()).await?;
    let webhook = told(webhook).await?;
    let mut asked = vec![("limit", "50")];
    asked.extend(cursor.as_deref().map(|cursor| ("cursor", cursor)));
    let (state, path) = (State(api.clone()), Path(id.to_owned()));
    let sent = webhooks::deliveries(state, path, Parameters::of(&asked)).await?;
    let sent = told(sent).await?;
    let next = sent.pointer("/next").and_then(Value::as_str);
    let shell = PageShell::of(api, caller, "Webhook", "/webhooks").await;
    let shown = WebhookPage {
        shell: shell.having_done(done),
        card: card(&webhook),
        deliveries: items(&sent, "/items").iter().map(delivery).collect(),
        next: next.map(|cursor| format!("/webhooks/{id}?{}", url_query("cursor", cursor))),
        pinged,
    };
    page(StatusCode::OK, &shown)
}

async fn ping(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
    _form: PageForm,
) -> Result<Response, Problem> {
    let (state, path) = (State(api.clone()), Path(id.clone()));
    let pinged = told(webhooks::ping(state, path, Parameters::none()).await?).await?;
    let took = number(&pinged, "/took_ms");
    let words = match (flag(&pinged, "/delivered"), text(&pinged, "/words")) {
        (true, _) => format!("It answered {} in {took} ms.", text(&pinged, "/status")),
        (false, words) if words.is_empty() => {
            format!(
                "It answered {} in {took} ms, which is no success.",
                text(&pinged, "/status")
            )
        }
        (false, words) => format!("It was not reached: {words} ({took} ms)."),
    };
    detail(&api, &caller, &id, None, Some(words), None).await
}

async fn rotate(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
    _form: PageForm,
) -> Result<Response, Problem> {
    let (state, by, path) = (State(api.clone()), caller.clone(), Path(id));
    let none = Body::of_json(&json!({}));
    let made = webhooks::rotate(state, by, path, Parameters::none(), none).await?;
    let made = told(made).await?;
    once(&api, &caller, &made).await
}

async fn replay(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
    form: PageForm,
) -> Result<Response, Problem> {
    let only = form.text("only").unwrap_or("dead");
    let mut body = json!({"only": only});
    if let Some(from) = form.text("from") {
        body["from"] = from.into();
    }
    let body = Body::of_json(&body);
    let _ = webhooks::replay(
        State(api),
        caller,
        Path(id.clone()),
        Parameters::none(),
        body,
    )
    .await?;
    Ok(see(&format!("/webhooks/{id}?done=replaying")))
}

async fn replay_delivery(
    State(api): State<Api>,
    caller: Caller,
    Path((id, delivery)): Path<(String, String)>,
    _form: PageForm,
) -> Result<Response, Problem> {
    let path = Path((id.clone(), delivery));
    let _ = webhooks::replay_delivery(State(api), caller, path, Parameters::none()).await?;
    Ok(see(&format!("/webhooks/{id}?done=replaying")))
}

async fn change(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
    form: PageForm,
) -> Result<Response, Problem> {
    let enabled = form.text("enabled") == Some("true");
    let body = Body::of_json(&json!({"enabled": enabled}));
    let mut headers = HeaderMap::new();
    headers.insert(header::IF_MATCH, HeaderValue::from_static("*"));
    let path = Path(id.clone());
    webhooks::change(State(api), caller, path, Parameters::none(), headers, body).await?;
    let done = if enabled { "enabled" } else { "disabled" };
    Ok(see(&format!("/webhooks/{id}?done={done}")))
}

async fn remove(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
    _form: PageForm,
) -> Result<Response, Problem> {
    webhooks::remove(State(api), caller, Path(id), Parameters::none()).await?;
    Ok(see("/webhooks?done=removed"))
}

fn fields() -> Vec<FormField> {
    vec![
        FormField::new("url", "URL", "such as https://crm.example/hooks").required(),
        FormField::new("description", "What it is for", "at most 200 bytes"),
        FormField::new(
            "types",
            "Types of events",
            "such as drop.ended, campaign.*; empty: all",
        ),
        FormField::new("campaign", "Campaign", "empty: all"),
    ]
}

fn card(of: &Value) -> WebhookCard {
    let is_enabled = flag(of, "/enabled");
    let failures = number(of, "/failures");
    let types = joined(of, "/types");
    WebhookCard {
        id: text(of, "/id"),
        url: text(of, "/url"),
        description: text(of, "/description"),
        types: if types.is_empty() {
            "all".to_owned()
        } else {
            types
        },
        campaign: text(of, "/campaign"),
        state: match (is_enabled, failures) {
            (false, _) => "disabled",
            (true, 0) => "answers",
            (true, _) => "fails",
        },
        why: text(of, "/disabled_because"),
        since: moment(of, "/disabled_at").or_else(|| moment(of, "/failing_since")),
        is_enabled,
        full_numbers: flag(of, "/full_numbers"),
        pending: count(number(of, "/pending")),
        oldest: moment(of, "/oldest_pending_at"),
        dead: number(of, "/dead"),
        missed: number(of, "/missed"),
        failures,
        last_success: moment(of, "/last_success_at"),
        last_failure: moment(of, "/last_failure_at"),
    }
}

fn delivery(of: &Value) -> DeliveryRow {
    let attempt = |of: &Value| {
        let parts = [text(of, "/status"), text(of, "/fault")];
        let parts: Vec<_> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        format!("{} in {} ms", parts.join(", "), number(of, "/took_ms"))
    };
    DeliveryRow {
        id: text(of, "/id"),
        state: text(of, "/state"),
        types: joined(of, "/types"),
        events: count(number(of, "/events")),
        created: moment(of, "/created_at"),
        due: moment(of, "/due_at"),
        attempts: items(of, "/attempts").iter().map(attempt).collect(),
    }
}
