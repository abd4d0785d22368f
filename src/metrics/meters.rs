//! The meters themselves, and what each is called.

use std::sync::{LazyLock, OnceLock};

use prometheus::{
    Counter, Gauge, GaugeVec, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec,
    IntGauge, IntGaugeVec, Opts, Registry, core::Collector,
};

/// Those of this process.
pub(super) static METERS: LazyLock<Meters> = LazyLock::new(Meters::new);

/// All meters.
pub(super) struct Meters {
    pub(super) registry: Registry,
    pub(super) build_info: IntGaugeVec,
    pub(super) drops_started: IntCounterVec,
    pub(super) drops: IntCounterVec,
    pub(super) proofs: IntCounterVec,
    pub(super) drops_in_flight: IntGauge,
    pub(super) heard_by_person: IntCounter,
    pub(super) refused: IntCounterVec,
    pub(super) legs: IntCounterVec,
    pub(super) verdicts: IntCounterVec,
    pub(super) beeps: IntCounter,
    pub(super) restarts: IntCounter,
    pub(super) taps_lost: IntCounter,
    pub(super) alerting_to_hangup: Histogram,
    pub(super) to_verdict: Histogram,
    pub(super) ready_to_play: Histogram,
    pub(super) dead_air: Histogram,
    pub(super) pbx_reconnects: IntCounter,
    pub(super) ari_requests: IntCounterVec,
    pub(super) ari_request_seconds: Histogram,
    pub(super) store_up: IntGauge,
    pub(super) store_commit_seconds: Histogram,
    pub(super) http_requests: IntCounterVec,
    pub(super) http_request_seconds: HistogramVec,
    pub(super) sse_streams: IntGauge,
    pub(super) idempotent_replays: IntCounter,
    pub(super) auth_failures: IntCounterVec,
    pub(super) free_disk: GaugeVec,
    pub(super) process: ProcessMeters,
    pbx_connected: OnceLock<IntGauge>,
    store_queue: OnceLock<IntGauge>,
    controller: OnceLock<ControllerMeters>,
}

/// What every process that Prometheus looks at gives under the same names.
pub(super) struct ProcessMeters {
    pub(super) cpu_seconds: Counter,
    pub(super) open_fds: IntGauge,
    pub(super) max_fds: IntGauge,
    pub(super) resident_bytes: IntGauge,
    pub(super) virtual_bytes: IntGauge,
    pub(super) threads: IntGauge,
    pub(super) start_time: Gauge,
}

/// What only a controller has: it is there from its first state on.
pub(super) struct ControllerMeters {
    pub(super) campaigns: IntGaugeVec,
    pub(super) contacts: IntGaugeVec,
    pub(super) idle_expected: IntGauge,
    pub(super) clocks_right: IntGauge,
    pub(super) starts_limit: Gauge,
    pub(super) budget: GaugeVec,
    pub(super) budget_limit: GaugeVec,
}

impl Meters {
    fn new() -> Self {
        let registry = Registry::new();
        let r = &registry;
        Self {
            build_info: gauges(
                r,
                "aftertone_build_info",
                "The version that runs.",
                &["version"],
            ),
            drops_started: counters(
                r,
                "aftertone_drops_started_total",
                "Drops that this process began to call.",
                &["technique"],
            ),
            drops: counters(
                r,
                "aftertone_drops_total",
                "Drops whose end this process has written, by outcome.",
                &["outcome"],
            ),
            proofs: counters(
                r,
                "aftertone_proofs_total",
                "Drops whose end this process has written, by how sure it is that the message was left.",
                &["proof"],
            ),
            drops_in_flight: gauge(r, "aftertone_drops_in_flight", "Drops in flight."),
            heard_by_person: counter(
                r,
                "aftertone_message_heard_by_person_total",
                "Drops of which a person heard part of the message.",
            ),
            refused: counters(
                r,
                "aftertone_refused_total",
                "Contacts and orders that the gate refused for good.",
                &["reason"],
            ),
            legs: counters(
                r,
                "aftertone_legs_total",
                "Legs that have ended, by the Q.850 cause that the PBX reported.",
                &["leg", "q850"],
            ),
            verdicts: counters(
                r,
                "aftertone_verdicts_total",
                "Calls that were answered, by who answered.",
                &["verdict"],
            ),
            beeps: counter(
                r,
                "aftertone_beeps_total",
                "Drops whose message began behind a beep that was heard.",
            ),
            restarts: counter(
                r,
                "aftertone_restarts_total",
                "How often a message started again.",
            ),
            taps_lost: counter(
                r,
                "aftertone_taps_lost_total",
                "How often the audio of a call was lost while it was listened to.",
            ),
            alerting_to_hangup: histogram(
                r,
                "aftertone_alerting_to_hangup_seconds",
                "From the alerting of a drop leg to the end of its busy leg.",
                REACTIONS,
            ),
            to_verdict: histogram(
                r,
                "aftertone_verdict_seconds",
                "From the answer to the verdict.",
                CALLS,
            ),
            ready_to_play: histogram(
                r,
                "aftertone_ready_to_play_seconds",
                "From the ready point to the start of the message.",
                REACTIONS,
            ),
            dead_air: histogram(
                r,
                "aftertone_dead_air_seconds",
                "From the answer to the start of the message.",
                CALLS,
            ),
            pbx_reconnects: counter(
                r,
                "aftertone_pbx_reconnects_total",
                "How often the event link to the PBX came back.",
            ),
            ari_requests: counters(
                r,
                "aftertone_ari_requests_total",
                "Requests to the PBX, by the status of their answer.",
                &["method", "code"],
            ),
            ari_request_seconds: histogram(
                r,
                "aftertone_ari_request_seconds",
                "How long requests to the PBX took.",
                REACTIONS,
            ),
            store_up: gauge(
                r,
                "aftertone_store_up",
                "Whether the database can be written.",
            ),
            store_commit_seconds: histogram(
                r,
                "aftertone_store_commit_seconds",
                "How long transactions of controllers and single drops took.",
                REACTIONS,
            ),
            http_requests: counters(
                r,
                "aftertone_http_requests_total",
                "Requests that were answered.",
                &["route", "method", "code"],
            ),
            http_request_seconds: histograms(
                r,
                "aftertone_http_request_duration_seconds",
                "How long it took until a request was answered; of a stream, until it began.",
                &["route"],
            ),
            sse_streams: gauge(
                r,
                "aftertone_sse_streams",
                "Streams of events that are open.",
            ),
            idempotent_replays: counter(
                r,
                "aftertone_idempotent_replays_total",
                "Answers that were given again to an idempotency key.",
            ),
            auth_failures: counters(
                r,
                "aftertone_auth_failures_total",
                "Requests that were not let in.",
                &["kind"],
            ),
            free_disk: {
                let name = "aftertone_disk_free_ratio";
                let help = "What is free of the disk that a folder is on, from 0 to 1.";
                added(r, GaugeVec::new(Opts::new(name, help), &["folder"]))
            },
            process: ProcessMeters::new(r),
            pbx_connected: OnceLock::new(),
            store_queue: OnceLock::new(),
            controller: OnceLock::new(),
            registry,
        }
    }

    /// Whether the event link is up, of a process that has a PBX.
    pub(super) fn pbx_connected(&self) -> &IntGauge {
        self.pbx_connected.get_or_init(|| {
            let help = "Whether the event link to the PBX is up.";
            gauge(&self.registry, "aftertone_pbx_connected", help)
        })
    }

    /// What waits for the database, of a process that has a controller.
    pub(super) fn store_queue(&self) -> &IntGauge {
        self.store_queue.get_or_init(|| {
            let help = "Requests of the controller that wait for the database.";
            gauge(&self.registry, "aftertone_store_queue_depth", help)
        })
    }

    /// What only a controller has.
    pub(super) fn controller(&self) -> &ControllerMeters {
        self.controller
            .get_or_init(|| ControllerMeters::new(&self.registry))
    }
}

impl ControllerMeters {
    fn new(r: &Registry) -> Self {
        let of_gauge =
            |name: &str, help: &str| added(r, GaugeVec::new(Opts::new(name, help), &["gauge"]));
        Self {
            campaigns: gauges(
                r,
                "aftertone_campaigns",
                "Campaigns that this controller runs, by phase.",
                &["phase"],
            ),
            contacts: gauges(
                r,
                "aftertone_contacts",
                "Contacts of these campaigns, by stage.",
                &["stage"],
            ),
            idle_expected: gauge(
                r,
                "aftertone_idle_expected",
                "Whether every running campaign waits for what comes by itself, such as its hours.",
            ),
            clocks_right: gauge(
                r,
                "aftertone_clocks_right",
                "Whether the clocks can be relied on; if not, no campaign dials.",
            ),
            starts_limit: added(
                r,
                Gauge::new(
                    "aftertone_starts_limit_per_second",
                    "Drops a second that the configuration lets the trunk take.",
                ),
            ),
            budget: of_gauge(
                "aftertone_trunk_budget_ratio",
                "Shares of the trunk's calls, from 0 to 1.",
            ),
            budget_limit: of_gauge(
                "aftertone_trunk_budget_limit_ratio",
                "The most that is tolerated of each, from 0 to 1.",
            ),
        }
    }
}

impl ProcessMeters {
    fn new(r: &Registry) -> Self {
        Self {
            cpu_seconds: added(
                r,
                Counter::new(
                    "process_cpu_seconds_total",
                    "Total user and system CPU time spent in seconds.",
                ),
            ),
            open_fds: gauge(r, "process_open_fds", "Number of open file descriptors."),
            max_fds: gauge(
                r,
                "process_max_fds",
                "Maximum number of open file descriptors.",
            ),
            resident_bytes: gauge(
                r,
                "process_resident_memory_bytes",
                "Resident memory size in bytes.",
            ),
            virtual_bytes: gauge(
                r,
                "process_virtual_memory_bytes",
                "Virtual memory size in bytes.",
            ),
            threads: gauge(r, "process_threads", "Number of OS threads in the process."),
            start_time: added(
                r,
                Gauge::new(
                    "process_start_time_seconds",
                    "Start time of the process since unix epoch in seconds.",
                ),
            ),
        }
    }
}

pub(super) fn added<T: Collector + Clone + 'static>(
    registry: &Registry,
    made: prometheus::Result<T>,
) -> T {
    let made = made.expect("its name and labels are written above");
    let clone = Box::new(made.clone());
    registry.register(clone).expect("no name is given twice");
    made
}

fn counter(registry: &Registry, name: &str, help: &str) -> IntCounter {
    added(registry, IntCounter::new(name, help))
}

pub(super) fn counters(
    registry: &Registry,
    name: &str,
    help: &str,
    labels: &[&str],
) -> IntCounterVec {
    added(registry, IntCounterVec::new(Opts::new(name, help), labels))
}

pub(super) fn gauge(registry: &Registry, name: &str, help: &str) -> IntGauge {
    added(registry, IntGauge::new(name, help))
}

pub(super) fn gauges(registry: &Registry, name: &str, help: &str, labels: &[&str]) -> IntGaugeVec {
    added(registry, IntGaugeVec::new(Opts::new(name, help), labels))
}

fn histogram(registry: &Registry, name: &str, help: &str, buckets: &[f64]) -> Histogram {
    let opts = HistogramOpts::new(name, help).buckets(buckets.to_vec());
    added(registry, Histogram::with_opts(opts))
}

fn histograms(registry: &Registry, name: &str, help: &str, labels: &[&str]) -> HistogramVec {
    let opts = HistogramOpts::new(name, help).buckets(REACTIONS.to_vec());
    added(registry, HistogramVec::new(opts, labels))
}

/// Upper bounds in seconds of what should take milliseconds.
const REACTIONS: &[f64] = &[
    0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0,
];

/// Upper bounds in seconds of what a greeting takes.
const CALLS: &[f64] = &[
    0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0, 24.0, 32.0, 48.0, 90.0,
];
