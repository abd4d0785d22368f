//! `/webhooks`: endpoints that are told what happens, their secrets, and what was sent to them.

mod settings;
mod view;

use axum::{
    Json,
    extract::{Path, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde_json::json;

use self::{
    settings::{GivenSettings, duration_ms, read_signature, read_types},
    view::{DeliveryView, PingView, SettingsView, WebhookResource, name_of},
};
use super::BASE;
use crate::{
    auth::{Action, Object},
    error_chain::chain,
    events::EventFilter,
    hooks::{KeyFileError, SignatureKind, shown},
    http::{
        Api,
        caller::{Caller, now},
        etag::{is_made_from, stale, tagged},
        fields::Fields,
        given::{Body, Parameters, SMALL},
        pagination::{Page, Paging},
        problem::{Problem, ProblemKind},
    },
    store::{
        DeliveryState, ReplayRequest, Replayed, RotatedSecret, Webhook, WebhookId, WebhookSettings,
    },
};

/// What is to be sent again.
#[derive(Debug, Serialize)]
pub(in crate::http) struct ReplayView {
    only: &'static str,
    from: Option<Timestamp>,
    to: Option<Timestamp>,
    types: Vec<String>,
    /// How many messages are due now; null if the log of events is gone through.
    messages: Option<u64>,
    /// Behind which event the log is gone through.
    after: Option<u64>,
    /// Up to which event.
    up_to: Option<u64>,
}

/// Makes an endpoint. Its secret is shown once, with the answer.
pub(in crate::http) async fn create(
    State(api): State<Api>,
    caller: Caller,
    parameters: Parameters,
    body: Body<SMALL>,
) -> Result<Response, Problem> {
    parameters.finish()?;
    let given = GivenSettings::of_new(&api, Fields::of(body.json()?)?).await?;
    let settings = given.settings;
    if settings.full_numbers {
        may_have_full_numbers(&caller)?;
    }
    let range = api.store.event_range().await?;
    // From the oldest that is kept, if it is asked for what is gone.
    let position = given.after.map_or(range.newest, |after| {
        u64::from(after).clamp(range.oldest - 1, range.newest)
    });
    let kind = given.signature.unwrap_or_default();
    let (secret, seal) = api.webhooks.new_secret(kind).map_err(no_key)?;
    let mut audit = caller.audit(now(), Action::AddWebhook, "webhook");
    audit.after = Some(audited(&api, &settings, true).await?);
    let webhook = api
        .store
        .add_webhook(&settings, position, audit, seal)
        .await?;
    let location = [(header::LOCATION, format!("{BASE}/webhooks/{}", webhook.id))];
    let resource = WebhookResource::read(&api, webhook, now()).await?;
    let resource = resource.with_secret(&secret);
    Ok((
        StatusCode::CREATED,
        location,
        tagged(resource.version, resource),
    )
        .into_response())
}

/// Whether somebody may have whole numbers sent somewhere.
fn may_have_full_numbers(caller: &Caller) -> Result<(), Problem> {
    caller.may(Action::ReadFullNumbers, Object::Any)?;
    caller.has_just_signed_in(now())
}

/// The endpoints, the latest first.
pub(in crate::http) async fn list(
    State(api): State<Api>,
    mut parameters: Parameters,
) -> Result<Json<Page<WebhookResource>>, Problem> {
    let (limit, cursor) = (parameters.text("limit"), parameters.text("cursor"));
    parameters.finish()?;
    let paging = Paging::new(api.seal().await?, "webhooks", &[]);
    let asked = paging.request(limit.as_deref(), cursor.as_deref())?;
    // The list begins with the latest, so that what is behind an endpoint is before it.
    let found = api.store.webhooks(
        asked.key().map(WebhookId),
        !asked.is_back(),
        asked.limit + 1,
    );
    let page = paging.page(&asked, found.await?, |webhook| webhook.id.0.to_string());
    let mut items = Vec::with_capacity(page.items.len());
    for webhook in page.items {
        items.push(WebhookResource::read(&api, webhook, now()).await?);
    }
    Ok(Json(Page {
        items,
        next: page.next,
        previous: page.previous,
    }))
}

/// One endpoint.
pub(in crate::http) async fn show(
    State(api): State<Api>,
    Path(id): Path<String>,
    parameters: Parameters,
) -> Result<Response, Problem> {
    parameters.finish()?;
    let webhook = find(&api, &id).await?;
    let resource = WebhookResource::read(&api, webhook, now()).await?;
    Ok(tagged(resource.version, resource).into_response())
}

/// Changes an endpoint: what is given, all else stays.
pub(in crate::http) async fn change(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
    parameters: Parameters,
    headers: HeaderMap,
    body: Body<SMALL>,
) -> Result<Response, Problem> {
    parameters.finish()?;
    let fields = Fields::of(body.json()?)?;
    let webhook = find(&api, &id).await?;
    is_made_from(&headers, webhook.version, &id)?;
    let before = webhook.settings.clone();
    let given = GivenSettings::of_change(&api, fields, before.clone()).await?;
    let settings = given.settings;
    // Whoever may not read numbers does not have them sent to another place either.
    if settings.full_numbers && (!before.full_numbers || settings.url != before.url) {
        may_have_full_numbers(&caller)?;
    }
    let was_enabled = webhook.disabled.is_none();
    let enabled = given.enabled.unwrap_or(was_enabled);
    let mut audit = caller.audit(now(), Action::ChangeWebhook, &id);
    audit.before = Some(audited(&api, &before, was_enabled).await?);
    audit.after = Some(audited(&api, &settings, enabled).await?);
    let changed = api
        .store
        .audited(audit)
        .change_webhook((webhook.id, webhook.version), &settings, enabled, now())
        .await?;
    let changed = changed.ok_or_else(|| stale(&id))?;
    let resource = WebhookResource::read(&api, changed, now()).await?;
    Ok(tagged(resource.version, resource).into_response())
}

/// Removes an endpoint, with all that was and was not sent to it.
pub(in crate::http) async fn remove(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
    parameters: Parameters,
) -> Result<StatusCode, Problem> {
    parameters.finish()?;
    let webhook = find(&api, &id).await?;
    let mut audit = caller.audit(now(), Action::RemoveWebhook, &id);
    audit.before = Some(audited(&api, &webhook.settings, webhook.disabled.is_none()).await?);
    let store = api.store.audited(audit);
    if !store.begin_webhook_removal(webhook.id, now()).await? {
        return Err(Problem::not_found("webhook"));
    }
    // From here on nothing is sent to it, and who removes it again goes on.
    while !api.store.remove_some_of_webhook(webhook.id).await? {}
    Ok(StatusCode::NO_CONTENT)
}

/// Gives an endpoint another secret, beside those that it has, for a while.
pub(in crate::http) async fn rotate(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
    parameters: Parameters,
    body: Body<SMALL>,
) -> Result<Response, Problem> {
    parameters.finish()?;
    let (overlap, kind) = if body.bytes.is_empty() {
        (None, None)
    } else {
        let mut fields = Fields::of(body.json()?)?;
        let overlap = fields.parsed("overlap", |text| duration_ms(text, WEEK_MS));
        let kind = fields.parsed("signature", read_signature);
        fields.finish(Some((overlap, kind)))?
    };
    let overlap = overlap.map_or(OVERLAP, |ms| SignedDuration::from_millis(ms.into()));
    let webhook = find(&api, &id).await?;
    let at = now();
    let kind = match kind {
        Some(kind) => kind,
        // As the one that counts.
        None => {
            let secrets = api.store.webhook_secrets(webhook.id, at).await?;
            let last = secrets.first();
            last.map_or_else(SignatureKind::default, |last| shown(&last.sealed).kind)
        }
    };
    let (secret, seal) = api.webhooks.new_secret(kind).map_err(no_key)?;
    let until = at.checked_add(overlap).unwrap_or(at);
    let mut audit = caller.audit(at, Action::RotateWebhookSecret, &id);
    audit.after =
        Some(json!({"earlier_secrets_until": until, "signature": kind.slug()}).to_string());
    let rotated = api
        .store
        .audited(audit)
        .rotate_webhook_secret(webhook.id, &seal(webhook.id), until, at)
        .await?;
    let rotated = match rotated {
        RotatedSecret::Done(webhook) => *webhook,
        RotatedSecret::Unknown => return Err(Problem::not_found("webhook")),
        RotatedSecret::TooMany => {
            let words = "four secrets count already: wait until one of them ends, or end them with `\"overlap\": \"0s\"`";
            return Err(Problem::new(ProblemKind::Conflict, words));
        }
    };
    let resource = WebhookResource::read(&api, rotated, now()).await?;
    Ok(tagged(resource.version, resource.with_secret(&secret)).into_response())
}

/// Sends a message that tries an endpoint, and answers with what came of it.
pub(in crate::http) async fn ping(
    State(api): State<Api>,
    Path(id): Path<String>,
    parameters: Parameters,
) -> Result<Json<PingView>, Problem> {
    parameters.finish()?;
    let webhook = find(&api, &id).await?;
    let sealed = api.store.webhook_secrets(webhook.id, now()).await?;
    let pinged = api.webhooks.ping(&webhook, &sealed).await;
    let pinged = pinged.map_err(no_key)?.ok_or_else(|| {
        let words =
            "its secret was sealed by another key than that of this server (`webhooks.key_file`)";
        Problem::new(ProblemKind::Conflict, words)
    })?;
    Ok(Json(PingView::from(pinged)))
}

/// What was sent to an endpoint, the latest first.
pub(in crate::http) async fn deliveries(
    State(api): State<Api>,
    Path(id): Path<String>,
    mut parameters: Parameters,
) -> Result<Json<Page<DeliveryView>>, Problem> {
    let (limit, cursor) = (parameters.text("limit"), parameters.text("cursor"));
    let state = parameters.parsed("state", |text| {
        let mut all = DeliveryState::ALL.into_iter();
        all.find(|state| state.slug() == text)
            .ok_or("expected `pending`, `delivered` or `dead`")
    });
    parameters.finish()?;
    let webhook = find(&api, &id).await?;
    let filter = state.map_or("", DeliveryState::slug);
    let filters = [("webhook", id.as_str()), ("state", filter)];
    let paging = Paging::new(api.seal().await?, "deliveries", &filters);
    let asked = paging.request(limit.as_deref(), cursor.as_deref())?;
    let from = (asked.key(), !asked.is_back());
    let found = api
        .store
        .webhook_deliveries(webhook.id, state, from, asked.limit + 1);
    let page = paging.page(&asked, found.await?, |delivery| delivery.id.to_string());
    Ok(Json(page.map(DeliveryView::from)))
}

/// Sends one message again, with the same id.
pub(in crate::http) async fn replay_delivery(
    State(api): State<Api>,
    caller: Caller,
    Path((id, delivery)): Path<(String, String)>,
    parameters: Parameters,
) -> Result<(StatusCode, Json<DeliveryView>), Problem> {
    parameters.finish()?;
    let webhook = find(&api, &id).await?;
    let number = delivery.strip_prefix("dlv_").and_then(|id| id.parse().ok());
    let number = number.ok_or_else(|| Problem::not_found("delivery"))?;
    let object = format!("{id}/{delivery}");
    let audit = caller.audit(now(), Action::ReplayWebhook, object);
    let store = api.store.audited(audit);
    match store.replay_delivery(webhook.id, number, now()).await? {
        Replayed::Unknown => return Err(Problem::not_found("delivery")),
        Replayed::Disabled => return Err(disabled()),
        Replayed::Due(_) | Replayed::From { .. } => {}
    }
    let shown = api.store.webhook_delivery(webhook.id, number).await?;
    let shown = shown.ok_or_else(|| Problem::not_found("delivery"))?;
    Ok((StatusCode::ACCEPTED, Json(DeliveryView::from(shown))))
}

/// Sends messages again: what was given up, or all events of a time.
pub(in crate::http) async fn replay(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
    parameters: Parameters,
    body: Body<SMALL>,
) -> Result<(StatusCode, Json<ReplayView>), Problem> {
    parameters.finish()?;
    let mut fields = Fields::of(body.json()?)?;
    let moment = |text: &str| {
        text.parse::<Timestamp>()
            .map_err(|_| "expected a moment such as `2026-11-30T15:04:05Z`")
    };
    let (since, until) = (fields.parsed("from", moment), fields.parsed("to", moment));
    let types = fields.list("types").unwrap_or_default();
    let types = read_types(&mut fields, &types);
    let only_dead = fields.parsed("only", |text| match text {
        "dead" => Ok(true),
        "all" => Ok(false),
        _ => Err("expected `dead` or `all`"),
    });
    let only_dead = fields.required("only", only_dead, "`dead` or `all`");
    let only_dead = fields.finish(only_dead)?;
    let kinds = EventFilter::kinds(types.iter().map(String::as_str)).unwrap_or_default();
    let request = ReplayRequest {
        since,
        until,
        kinds: kinds.iter().map(|kind| kind.slug().to_owned()).collect(),
        types,
        only_dead,
    };
    let only = if only_dead { "dead" } else { "all" };
    let webhook = find(&api, &id).await?;
    let mut audit = caller.audit(now(), Action::ReplayWebhook, &id);
    let said = json!({"only": only, "from": since, "to": until, "types": request.types});
    audit.after = Some(said.to_string());
    let store = api.store.audited(audit);
    let replayed = store.replay_webhook(webhook.id, &request, now()).await?;
    let (messages, span) = match replayed {
        Replayed::Unknown => return Err(Problem::not_found("webhook")),
        Replayed::Disabled => return Err(disabled()),
        Replayed::Due(messages) => (Some(messages), None),
        Replayed::From { after, up_to } => (None, Some((after, up_to))),
    };
    Ok((
        StatusCode::ACCEPTED,
        Json(ReplayView {
            only,
            from: since,
            to: until,
            types: request.types,
            messages,
            after: span.map(|(after, _)| after),
            up_to: span.map(|(_, up_to)| up_to),
        }),
    ))
}

async fn find(api: &Api, id: &str) -> Result<Webhook, Problem> {
    let found = match id.parse::<WebhookId>() {
        Ok(id) => api.store.webhook(id).await?,
        Err(()) => None,
    };
    found.ok_or_else(|| Problem::not_found("webhook"))
}

/// Settings as the audit log has them; of the URL, which may hold a secret, only where it is.
async fn audited(api: &Api, settings: &WebhookSettings, enabled: bool) -> Result<String, Problem> {
    let campaign = match settings.campaign {
        Some(id) => name_of(api, id).await?,
        None => None,
    };
    let place = settings.url.splitn(4, '/').take(3);
    let shown = WebhookSettings {
        url: place.collect::<Vec<_>>().join("/"),
        ..settings.clone()
    };
    let mut shown = serde_json::to_value(SettingsView::of(&shown, campaign)).unwrap_or_default();
    shown["enabled"] = enabled.into();
    Ok(shown.to_string())
}

fn disabled() -> Problem {
    let words = "nothing is sent to it: enable it first (`\"enabled\": true`)";
    Problem::new(ProblemKind::Conflict, words)
}

fn no_key(error: KeyFileError) -> Problem {
    tracing::error!(error = chain(&error), "the key of webhooks cannot be had");
    Problem::new(
        ProblemKind::Internal,
        "the key of webhooks cannot be had; the log of the server says why",
    )
}

/// How long earlier secrets count once there is a new one.
const OVERLAP: SignedDuration = SignedDuration::from_hours(24);

/// How long they may at most.
const WEEK_MS: u32 = 7 * 24 * 3_600_000;
