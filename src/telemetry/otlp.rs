//! Traces of drops, sent to a collector by OTLP over HTTP.
//!
//! [`drop_ended`] takes them from whoever ends a drop, [`delivery_ended`] from whoever tells of it, and neither waits: a collector that is away, or slow, costs traces and nothing
//! else. They wait in a queue of fixed length, and go in batches.

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime},
};

use opentelemetry::{
    InstrumentationScope, KeyValue,
    trace::{Link, SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState},
};
use opentelemetry_otlp::{SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::{
    Resource,
    trace::{SpanData, SpanEvents, SpanExporter as _, SpanLinks},
};
use rustls::{ClientConfig, RootCertStore, crypto::ring};
use thiserror::Error;
use tokio::{sync::mpsc, task::JoinHandle, time::timeout};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use crate::traces::{DeliveryTrace, DropTrace, TraceSpan, TracesKept};

/// Why no traces can be sent.
#[derive(Debug, Error)]
pub enum TraceError {
    /// TLS cannot be set up.
    #[error("cannot set up TLS for traces")]
    Tls(#[source] rustls::Error),
    /// The client cannot be made.
    #[error("cannot make the client that sends traces")]
    Client(#[source] reqwest::Error),
    /// The exporter cannot be made.
    #[error("cannot send traces to `telemetry.otlp`: {0}")]
    Exporter(String),
}

/// Sends traces until it is ended.
#[derive(Debug)]
pub struct TraceSending {
    ending: CancellationToken,
    task: JoinHandle<()>,
}

/// Begins to send traces of this process to a collector; `url` without a path is that of the collector as a whole. A process has
/// one such place.
///
/// # Errors
/// [`TraceError`].
pub fn begin_traces(
    url: &str,
    instance: &str,
    kept: TracesKept,
) -> Result<TraceSending, TraceError> {
    let exporter = exporter(url, instance)?;
    let (traces, ended) = mpsc::channel(QUEUE);
    let ending = CancellationToken::new();
    // A second call finds the first one's place taken, and sends nothing.
    let _ = SENDER.set((kept, traces));
    let task = tokio::spawn(send(exporter, ended, ending.clone()));
    Ok(TraceSending { ending, task })
}

/// Whether traces are sent at all.
pub fn sends_traces() -> bool {
    SENDER.get().is_some()
}

/// A drop has ended: its trace is sent, if it is one that is.
pub fn drop_ended(trace: &DropTrace) {
    let Some((kept, traces)) = SENDER.get() else {
        return;
    };
    if kept.keeps(trace.drop, trace.report.outcome, trace.parent.as_ref()) {
        give(traces, trace.spans());
    }
}

/// A request to a webhook is over: its span is sent, if the trace of a drop is whose end it tells of.
pub fn delivery_ended(trace: DeliveryTrace) {
    let Some((kept, traces)) = SENDER.get() else {
        return;
    };
    if let Some(span) = trace.span(*kept) {
        give(traces, vec![span]);
    }
}

fn give(traces: &mpsc::Sender<Vec<TraceSpan>>, spans: Vec<TraceSpan>) {
    if traces.try_send(spans).is_err() {
        LOST.fetch_add(1, Ordering::Relaxed);
    }
}

impl TraceSending {
    /// Sends what waits, for a moment, and ends.
    pub async fn end(self) {
        self.ending.cancel();
        if timeout(LAST_BATCH, self.task).await.is_err() {
            debug!("traces that waited were not sent");
        }
    }
}

static SENDER: OnceLock<(TracesKept, mpsc::Sender<Vec<TraceSpan>>)> = OnceLock::new();

/// Traces that found the queue full, or were not taken.
static LOST: AtomicU64 = AtomicU64::new(0);

fn exporter(url: &str, instance: &str) -> Result<SpanExporter, TraceError> {
    let mut roots = RootCertStore::empty();
    if url.starts_with("https:") {
        // Those that cannot be read are missed when they are needed.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    }
    let tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(TraceError::Tls)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let client = reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .timeout(ANSWERED_WITHIN)
        .build()
        .map_err(TraceError::Client)?;
    let path = url.splitn(4, '/').nth(3).unwrap_or("");
    let endpoint = if path.is_empty() {
        format!("{}/v1/traces", url.trim_end_matches('/'))
    } else {
        url.to_owned()
    };
    let exporter = SpanExporter::builder()
        .with_http()
        .with_http_client(client)
        .with_endpoint(endpoint)
        .with_timeout(ANSWERED_WITHIN)
        .build();
    let mut exporter = exporter.map_err(|error| TraceError::Exporter(error.to_string()))?;
    let resource = Resource::builder_empty()
        .with_service_name("aftertone")
        .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .with_attribute(KeyValue::new("service.instance.id", instance.to_owned()))
        .build();
    exporter.set_resource(&resource);
    Ok(exporter)
}

async fn send(
    exporter: SpanExporter,
    mut ended: mpsc::Receiver<Vec<TraceSpan>>,
    ending: CancellationToken,
) {
    let mut batch = Vec::with_capacity(BATCH);
    let mut is_away = false;
    loop {
        let is_last = tokio::select! {
            biased;
            () = ending.cancelled() => true,
            taken = ended.recv_many(&mut batch, BATCH) => taken == 0,
        };
        if is_last {
            while batch.len() < QUEUE
                && let Ok(trace) = ended.try_recv()
            {
                batch.push(trace);
            }
        } else if batch.len() < BATCH {
            // Others may end at the same time.
            let more = timeout(LINGER, ended.recv_many(&mut batch, BATCH));
            let _ = more.await;
        }
        if !batch.is_empty() {
            let count = batch.len() as u64;
            let spans = batch.drain(..).flatten();
            let sent = exporter.export(spans.map(data).collect());
            let sent = timeout(ANSWERED_WITHIN, sent).await;
            let is_sent = matches!(sent, Ok(Ok(())));
            if !is_sent {
                LOST.fetch_add(count, Ordering::Relaxed);
            }
            if is_sent == is_away {
                is_away = !is_sent;
                let lost = LOST.load(Ordering::Relaxed);
                if is_away {
                    warn!(lost, ?sent, "the collector of traces does not take them");
                } else {
                    warn!(lost, "the collector of traces takes them again");
                }
            }
        }
        if is_last {
            return;
        }
    }
}

fn data(span: TraceSpan) -> SpanData {
    let context = |trace: u128, id: u64, is_remote| {
        let (trace, id) = (TraceId::from(trace), SpanId::from(id));
        SpanContext::new(trace, id, TraceFlags::SAMPLED, is_remote, TraceState::NONE)
    };
    let mut links = SpanLinks::default();
    let linked = span.links.iter();
    links.links = linked
        .map(|&(trace, id)| Link::with_context(context(trace, id, true)))
        .collect();
    SpanData {
        span_context: context(span.trace, span.id, false),
        parent_span_id: SpanId::from(span.parent),
        parent_span_is_remote: span.is_parent_remote,
        span_kind: match span.is_parent_remote {
            true => SpanKind::Server,
            // What leads elsewhere was sent there.
            false if !span.links.is_empty() => SpanKind::Client,
            false => SpanKind::Internal,
        },
        name: span.name.into(),
        start_time: SystemTime::from(span.from),
        end_time: SystemTime::from(span.to),
        attributes: span
            .attributes
            .into_iter()
            .map(|(key, value)| KeyValue::new(key, value))
            .collect(),
        dropped_attributes_count: 0,
        events: SpanEvents::default(),
        links,
        status: span.failed.map_or(Status::Unset, Status::error),
        instrumentation_scope: InstrumentationScope::builder("aftertone").build(),
    }
}

/// How many traces wait at most; one is about two kilobytes.
const QUEUE: usize = 1_024;

/// How many go at once.
const BATCH: usize = 128;

/// How long a batch waits for more.
const LINGER: Duration = Duration::from_millis(500);

/// How long a collector may take.
const ANSWERED_WITHIN: Duration = Duration::from_secs(10);

/// How long the end of the process waits for the last batch.
const LAST_BATCH: Duration = Duration::from_secs(2);
