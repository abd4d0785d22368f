//! `/events`: what happened, a page or a stream of it.

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, HeaderName},
    response::Response,
};
use serde::Serialize;
use serde_json::{Value, json};

use super::campaigns;
use crate::{
    error_chain::chain,
    events::EventFilter,
    http::{
        Api,
        caller::Caller,
        given::Parameters,
        problem::Problem,
        streams::{self, StreamReader},
    },
    phone::Disclosure,
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
    disclosure: Disclosure,
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
            .map(|event| event.to_json(wanted.disclosure))
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
    let telling = api.clone();
    streams::open(&api, &caller, QUEUE, move |reader| {
        let stream = EventStream {
            api: telling,
            wanted,
            reader,
        };
        async move { stream.tell().await }
    })
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
            disclosure: caller.disclosure(api, full_numbers),
        })
    }
}

/// Reads the log for one stream, as fast as its reader takes it.
struct EventStream {
    api: Api,
    wanted: Wanted,
    reader: StreamReader,
}

impl EventStream {
    async fn tell(&self) {
        if let Err(error) = self.try_tell().await {
            // The reader comes back, and goes on from the last event that it has.
            tracing::info!(error = chain(&error), "a stream of events has ended");
        }
    }

    /// Ends if the reader takes nothing for a while.
    async fn try_tell(&self) -> Result<(), StoreError> {
        let store = &self.api.store;
        let mut last = match self.wanted.after {
            Some(after) => after,
            None => store.event_range().await?.newest,
        };
        if !self.reader.greet("events").await {
            return Ok(());
        }
        loop {
            let (events, range) = store.events(last, &self.wanted.filter, AT_A_TIME).await?;
            // Their retention may pass a reader at any time, also one that is slow.
            if range.missed(last) > 0 {
                let reset = json!({"oldest": range.oldest, "newest": range.newest});
                if !self.reader.tell("reset", &reset).await {
                    return Ok(());
                }
            }
            let is_all = events.len() < AT_A_TIME;
            for event in events {
                last = event.sequence;
                let body = event.to_json(self.wanted.disclosure);
                if !self.reader.tell_numbered(last, &event.slug, &body).await {
                    return Ok(());
                }
            }
            if is_all {
                last = last.max(range.newest);
                self.api.state.feed.behind(last, store).await?;
            }
        }
    }
}

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// Most events of a page.
const MOST: usize = 1_000;

/// How many events a stream reads at a time.
const AT_A_TIME: usize = 250;

/// How many events wait for their reader at most.
const QUEUE: usize = 1_000;
