//! What is counted of the work beside the calls: webhooks, lists that come in, evidence, and what the service stands on.

use std::{
    collections::BTreeSet,
    sync::{LazyLock, Mutex, OnceLock, PoisonError},
};

use prometheus::{GaugeVec, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry};

use super::{
    gauge as whole,
    meters::{METERS, added, counters, gauge, gauges},
};

/// Those of this process.
static SERVICE: LazyLock<ServiceMeters> = LazyLock::new(|| ServiceMeters::new(&METERS.registry));

/// The meters of it.
struct ServiceMeters {
    webhook_attempts: IntCounterVec,
    webhook_oldest: GaugeVec,
    webhook_dead: IntCounterVec,
    webhook_disabled: IntGaugeVec,
    import_rows: IntCounterVec,
    imports_waiting: IntGauge,
    held_contacts: IntGaugeVec,
    killed_before: IntGauge,
    retention_failing: IntGauge,
    retention_done: OnceLock<IntGauge>,
    evidence_bytes: OnceLock<IntGauge>,
    certificate_expires: OnceLock<IntGauge>,
    /// The endpoints that have series of their own.
    endpoints: Mutex<BTreeSet<String>>,
    registry: Registry,
}

impl ServiceMeters {
    fn new(r: &Registry) -> Self {
        Self {
            webhook_attempts: counters(
                r,
                "aftertone_webhook_attempts_total",
                "Requests to endpoints of webhooks, by what came of them.",
                &["endpoint", "result"],
            ),
            webhook_oldest: {
                let name = "aftertone_webhook_oldest_pending_seconds";
                let help =
                    "For how long the oldest message of an endpoint has waited; 0: none waits.";
                added(r, GaugeVec::new(Opts::new(name, help), &["endpoint"]))
            },
            webhook_dead: counters(
                r,
                "aftertone_webhook_dead_total",
                "Messages that were given up.",
                &["endpoint"],
            ),
            webhook_disabled: gauges(
                r,
                "aftertone_webhook_disabled",
                "Whether an endpoint is disabled by its answers: nothing is sent to it.",
                &["endpoint"],
            ),
            import_rows: counters(
                r,
                "aftertone_import_rows_total",
                "Rows of lists that were taken in.",
                &["result"],
            ),
            imports_waiting: gauge(
                r,
                "aftertone_imports_waiting",
                "Lists that were sent whole and are not taken in yet.",
            ),
            held_contacts: gauges(
                r,
                "aftertone_held_contacts",
                "Contacts of campaigns that are not over, by what holds them.",
                &["reason"],
            ),
            killed_before: gauge(
                r,
                "aftertone_killed_before",
                "Whether the service that had this address before did not end by itself.",
            ),
            retention_failing: gauge(
                r,
                "aftertone_retention_failing",
                "Whether what is too old was not deleted when it was last tried.",
            ),
            retention_done: OnceLock::new(),
            evidence_bytes: OnceLock::new(),
            certificate_expires: OnceLock::new(),
            endpoints: Mutex::default(),
            registry: r.clone(),
        }
    }

    /// The label of an endpoint, which has series of its own unless too many have.
    fn endpoint<'a>(&self, endpoint: &'a str) -> &'a str {
        let mut known = self
            .endpoints
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if known.contains(endpoint) {
            endpoint
        } else if known.len() < MOST_ENDPOINTS {
            known.insert(endpoint.to_owned());
            endpoint
        } else {
            OTHER
        }
    }
}

/// Series that are there from the beginning.
pub(super) fn begin() {
    for result in ["added", "updated", "unchanged", "rejected"] {
        SERVICE.import_rows.with_label_values(&[result]).inc_by(0);
    }
}

/// This process begins to send to an endpoint: an increase from none to one is not seen.
pub fn webhook_begins(endpoint: &str) {
    let meters = &*SERVICE;
    let label = meters.endpoint(endpoint);
    meters.webhook_dead.with_label_values(&[label]);
    for result in ["success", "status"] {
        meters.webhook_attempts.with_label_values(&[label, result]);
    }
}

/// A request to an endpoint has come to its end: `success`, `status` for one that was answered otherwise, or the fault.
pub fn webhook_attempt(endpoint: &str, result: &'static str) {
    let meters = &*SERVICE;
    let labels = [meters.endpoint(endpoint), result];
    meters.webhook_attempts.with_label_values(&labels).inc();
}

/// Messages of an endpoint were given up.
pub fn webhook_dead(endpoint: &str, messages: u64) {
    let meters = &*SERVICE;
    let label = [meters.endpoint(endpoint)];
    meters
        .webhook_dead
        .with_label_values(&label)
        .inc_by(messages);
}

/// Takes over which endpoints there are that something is sent to, and for how many seconds the oldest message of each has
/// waited. Those that are not among them have no series of it any more.
pub fn webhooks(waits: &[(String, f64)]) {
    let meters = &*SERVICE;
    let mut oldest = std::collections::BTreeMap::<&str, f64>::new();
    for (endpoint, seconds) in waits {
        let longest = oldest.entry(meters.endpoint(endpoint)).or_default();
        *longest = longest.max(*seconds);
    }
    meters.webhook_oldest.reset();
    for (endpoint, seconds) in oldest {
        let labels = [endpoint];
        meters
            .webhook_oldest
            .with_label_values(&labels)
            .set(seconds);
    }
}

/// Rows of a list were taken in, by what became of each.
pub fn import_rows(result: &'static str, rows: u64) {
    let labels = [result];
    SERVICE.import_rows.with_label_values(&labels).inc_by(rows);
}

/// So many lists are here whole and not taken in yet.
pub fn imports_waiting(lists: usize) {
    SERVICE.imports_waiting.set(whole(lists as u64));
}

/// Takes over how many contacts each reason holds; every reason is named.
pub fn held_contacts(held: &[(&'static str, u64)]) {
    for (reason, contacts) in held {
        let labels = [*reason];
        let held = SERVICE.held_contacts.with_label_values(&labels);
        held.set(whole(*contacts));
    }
}

/// What the evidence that is kept takes.
pub fn evidence_bytes(bytes: u64) {
    let meters = &*SERVICE;
    let meter = meters.evidence_bytes.get_or_init(|| {
        let help = "Bytes of the evidence that is kept.";
        gauge(&meters.registry, "aftertone_evidence_bytes", help)
    });
    meter.set(whole(bytes));
}

/// When what is too old was last deleted, in seconds since 1970, if ever, and whether it failed since.
pub fn retention(done_at: Option<i64>, is_failing: bool) {
    let meters = &*SERVICE;
    meters.retention_failing.set(i64::from(is_failing));
    if let Some(done_at) = done_at {
        let meter = meters.retention_done.get_or_init(|| {
            let name = "aftertone_retention_done_timestamp_seconds";
            let help = "When what is too old was last deleted.";
            gauge(&meters.registry, name, help)
        });
        meter.set(done_at);
    }
}

/// When the certificate that the server shows ends, in seconds since 1970.
pub fn certificate_expires(at: i64) {
    let meters = &*SERVICE;
    let meter = meters.certificate_expires.get_or_init(|| {
        let name = "aftertone_certificate_expires_timestamp_seconds";
        let help = "When the certificate that the server shows ends.";
        gauge(&meters.registry, name, help)
    });
    meter.set(at);
}

/// Takes over which endpoints there are, and whether each is disabled by what it answered, or that it did not. Those that are not
/// among them have no series of it any more.
pub fn webhooks_disabled(endpoints: &[(String, bool)]) {
    let meters = &*SERVICE;
    let mut disabled = std::collections::BTreeMap::<&str, bool>::new();
    for (endpoint, is_disabled) in endpoints {
        *disabled.entry(meters.endpoint(endpoint)).or_default() |= is_disabled;
    }
    meters.webhook_disabled.reset();
    for (endpoint, is_disabled) in disabled {
        let labels = [endpoint];
        meters
            .webhook_disabled
            .with_label_values(&labels)
            .set(i64::from(is_disabled));
    }
}

/// Whether the service before this one was killed: by the watchdog, for want of memory, with its machine, or by hand.
pub fn killed_before(was_killed: bool) {
    SERVICE.killed_before.set(i64::from(was_killed));
}

/// Endpoints with series of their own.
const MOST_ENDPOINTS: usize = 100;

/// The label of the rest.
const OTHER: &str = "other";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::text;

    #[test]
    fn endpoints_have_series_of_their_own_up_to_a_hundred() {
        let waits: Vec<_> = (0..300).map(|nth| (format!("wh_{nth}"), 7.0)).collect();
        webhooks(&waits);
        for (endpoint, _) in &waits {
            webhook_begins(endpoint);
            webhook_attempt(endpoint, "timeout");
            webhook_dead(endpoint, 1);
        }
        let shown = text();
        let count = |name: &str| {
            let series = shown.lines().filter(|line| line.starts_with(name));
            series.count()
        };
        assert_eq!(count("aftertone_webhook_oldest_pending_seconds{"), 101);
        assert_eq!(count("aftertone_webhook_dead_total{"), 101);
        assert_eq!(count("aftertone_webhook_attempts_total{"), 303);
        let other = "\naftertone_webhook_dead_total{endpoint=\"other\"} 200\n";
        assert!(shown.contains(other), "{shown}");
        // One that is gone waits for nothing.
        webhooks(&waits[..1]);
        let shown = text();
        let waiting = shown
            .lines()
            .filter(|line| line.contains("oldest_pending_seconds{"));
        let waiting: Vec<_> = waiting.collect();
        assert_eq!(
            waiting,
            ["aftertone_webhook_oldest_pending_seconds{endpoint=\"wh_0\"} 7"]
        );
        // One of those that share a series is disabled, and then none is there.
        let disabled: Vec<_> = (0..300)
            .map(|nth| (format!("wh_{nth}"), nth == 1 || nth == 250))
            .collect();
        webhooks_disabled(&disabled);
        let shown = text();
        for (endpoint, is_disabled) in [("wh_0", 0), ("wh_1", 1), ("other", 1)] {
            let line =
                format!("\naftertone_webhook_disabled{{endpoint=\"{endpoint}\"}} {is_disabled}\n");
            assert!(shown.contains(&line), "{shown}");
        }
        webhooks_disabled(&[]);
        assert!(!text().contains("aftertone_webhook_disabled{"));
    }
}
