//! `/events`: what happened, a page or a stream of it.

use std::time::Duration;

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, HeaderName},
    response::{
        IntoResponse as _, Response,
        sse::{Event as Sent, KeepAlive, Sse},
    },
};
use futures::{Stream, stream};
use serde::Serialize;
use serde_json::{Value, json};
use tokio::{sync::mpsc, time::timeout};

use super::campaigns;
use crate::{
    error_chain::chain,
    events::EventFilter,
    http::{
        Api,
        caller::Caller,
        event_feed::{CountedStream, STREAMS_OF_ONE},
        given::Parameters,
        problem::{Problem, ProblemKind},
    },
    store::StoreError,
};

/// Some events, in their order.
#[derive(Debug, Serialize)]
pub(in crate::http) struct EventPage {
    items: Vec<Value>,
    /// The number to go on from.
    next: u64,
    /// Whether there are further events at this moment.
    has_more: bool,
    /// How many events behind `after` are not kept any more.
    missed: u64,
    /// The number of the oldest event that is kept.
    oldest: u64,
    /// The number of the newest event.
    newest: u64,
}

/// What is asked for, whichever way it comes.
struct Wanted {
    after: Option<u64>,
    filter: EventFilter,
    limit: usize,
    full_numbers: bool,
}

/// The events behind a number.
pub(in crate::http) async fn list(
    State(api): State<Api>,
    caller: Caller,
    parameters: Parameters,
) -> Result<Json<EventPage>, Problem> {
    let wanted = Wanted::read(&api, &caller, parameters, true).await?;
    let after = wanted.after.unwrap_or(0);
    let (events, range) = api
        .store
        .events(after, &wanted.filter, wanted.limit)
        .await?;
    let has_more = events.len() == wanted.limit;
    let next = match events.last() {
        Some(last) if has_more => last.sequence,
        // What there is up to the newest was looked through.
        Some(_) | None => range.newest.max(after),
    };
    Ok(Json(EventPage {
        items: events
            .iter()
            .map(|event| event.to_json(wanted.full_numbers))
            .collect(),
        next,
        has_more,
        missed: range.missed(after),
        oldest: range.oldest,
        newest: range.newest,
    }))
}

/// The events behind a number, as they happen: server-sent events.
pub(in crate::http) async fn stream(
    State(api): State<Api>,
    caller: Caller,
    headers: HeaderMap,
    parameters: Parameters,
) -> Result<Response, Problem> {
    let mut wanted = Wanted::read(&api, &caller, parameters, false).await?;
    // Whoever comes back goes on from where they were, whatever they asked for at first.
    if let Some(last) = headers.get(LAST_EVENT_ID) {
        let last = last.to_str().ok().and_then(|last| last.parse().ok());
        let words = "expected the `id` of an event of this stream";
        wanted.after = Some(last.ok_or_else(|| Problem::fault("Last-Event-ID", words))?);
    }
    if api.stopping.is_cancelled() {
        return Err(Problem::new(
            ProblemKind::Draining,
            "this process is about to end",
        ));
    }
    let counted = api.state.feed.stream(&caller.principal.id).ok_or_else(|| {
        let words = format!("there are too many streams; a token has {STREAMS_OF_ONE} at most");
        Problem::new(ProblemKind::TooManyRequests, words)
    })?;
    let (to, sent) = mpsc::channel(QUEUE);
    tokio::spawn(EventStream { api, wanted, to }.run(counted));
    let keep_alive = KeepAlive::new().interval(HEARTBEAT);
    let mut response = Sse::new(received(sent))
        .keep_alive(keep_alive)
        .into_response();
    // A proxy that collects an answer before it passes it on would keep events back.
    let unbuffered = axum::http::HeaderValue::from_static("no");
    response.headers_mut().insert(ACCEL_BUFFERING, unbuffered);
    Ok(response)
}

impl Wanted {
    async fn read(
        api: &Api,
        caller: &Caller,
        mut parameters: Parameters,
        is_page: bool,
    ) -> Result<Self, Problem> {
        let after = parameters.parsed("after", |text| {
            text.parse()
                .map_err(|_| "expected the `sequence` of an event, or 0")
        });
        let kinds = parameters.parsed("types", |text| {
            EventFilter::kinds(text.split(',')).map_err(|wrong| {
                format!("there is no type `{wrong}`; expected one such as `drop.ended` or `drop.*`")
            })
        });
        let campaign = parameters.text("campaign");
        let limit = if is_page {
            parameters.parsed("limit", |text| {
                let limit: Option<usize> = text.parse().ok();
                let limit = limit.filter(|limit| (1..=MOST).contains(limit));
                limit.ok_or("expected a number from 1 to 1000")
            })
        } else {
            None
        };
        let full_numbers = parameters.flag("full_numbers");
        parameters.finish()?;
        if full_numbers {
            caller.read_in_full(api, "events").await?;
        }
        let campaign = match campaign {
            Some(name) => Some(campaigns::find(api, &name).await?.id),
            None => None,
        };
        Ok(Self {
            after,
            filter: EventFilter {
                kinds: kinds.unwrap_or_default(),
                campaign,
            },
            limit: limit.unwrap_or(100),
            full_numbers,
        })
    }
}

/// Reads the log for one stream, as fast as its reader takes it.
struct EventStream {
    api: Api,
    wanted: Wanted,
    to: mpsc::Sender<Sent>,
}

impl EventStream {
    async fn run(self, counted: CountedStream) {
        let stopping = self.api.stopping.clone();
        tokio::select! {
            () = self.tell() => {}
            () = stopping.cancelled() => {
                let _ = timeout(READER_TAKES, self.to.send(named("bye", &json!({})))).await;
            }
            () = self.to.closed() => {}
        }
        drop(counted);
    }

    async fn tell(&self) {
        if let Err(error) = self.try_tell().await {
            // The reader comes back, and goes on from the last event that it has.
            tracing::info!(error = chain(&error), "a stream of events has ended");
        }
    }

    /// Ends if the reader takes nothing for a while.
    async fn try_tell(&self) -> Result<(), StoreError> {
        let store = &self.api.store;
        let range = store.event_range().await?;
        let mut last = self.wanted.after.unwrap_or(range.newest);
        if range.missed(last) > 0 {
            last = range.oldest - 1;
            let reset = json!({"oldest": range.oldest, "newest": range.newest});
            if !self.send(named("reset", &reset)).await {
                return Ok(());
            }
        }
        let hello = Sent::default().retry(RETRY).comment("events");
        if !self.send(hello).await {
            return Ok(());
        }
        loop {
            let (events, range) = store.events(last, &self.wanted.filter, AT_A_TIME).await?;
            let is_all = events.len() < AT_A_TIME;
            for event in events {
                last = event.sequence;
                let body = event.to_json(self.wanted.full_numbers);
                let sent = named(&event.slug, &body).id(last.to_string());
                if !self.send(sent).await {
                    return Ok(());
                }
            }
            if is_all {
                last = last.max(range.newest);
                self.api.state.feed.behind(last, store).await?;
            }
        }
    }

    /// Whether it was taken in time.
    async fn send(&self, sent: Sent) -> bool {
        match timeout(READER_TAKES, self.to.send(sent)).await {
            Ok(sent) => sent.is_ok(),
            Err(_) => {
                tracing::info!("a reader of events took nothing for too long, and is cut off");
                false
            }
        }
    }
}

pub(super) fn named(name: &str, body: &Value) -> Sent {
    Sent::default().event(name).data(body.to_string())
}

pub(super) fn received(
    sent: mpsc::Receiver<Sent>,
) -> impl Stream<Item = Result<Sent, std::convert::Infallible>> {
    stream::unfold(sent, |mut sent| async {
        let next = sent.recv().await?;
        Some((Ok(next), sent))
    })
}

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
const ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// Most events of a page.
const MOST: usize = 1_000;

/// How many events a stream reads at a time.
const AT_A_TIME: usize = 250;

/// How many events wait for their reader at most.
const QUEUE: usize = 1_000;

/// For how long a reader may take nothing while its queue is full.
const READER_TAKES: Duration = Duration::from_secs(30);

const HEARTBEAT: Duration = Duration::from_secs(15);

/// After how long a reader whose stream has ended comes back.
const RETRY: Duration = Duration::from_secs(2);
