//! What a process counts of itself, as Prometheus reads it: the names, their labels, and the text that `/metrics` gives.
//!
//! Everything is counted from the start of the process on. A label has a fixed set of values, so that the number of series
//! does not grow with what is called: no label holds a contact, a number, a drop or a campaign. To count costs a few atomic
//! additions.
//!
//! What a process does not do has no series: one without a PBX says nothing of one.

mod meters;
mod process;
mod service;

use std::time::Duration;

use meters::METERS;
use prometheus::TextEncoder;

pub use service::{
    certificate_expires, evidence_bytes, held_contacts, import_rows, imports_waiting,
    killed_before, retention, webhook_attempt, webhook_begins, webhook_dead, webhooks,
    webhooks_disabled,
};

/// The words of labels whose series are there from the beginning: an increase from none to one is not seen.
#[derive(Clone, Debug, Default)]
pub struct Labels {
    /// `technique` of drops that began.
    pub techniques: Vec<&'static str>,
    /// `outcome` of drops that ended.
    pub outcomes: Vec<&'static str>,
    /// `proof` of drops that ended.
    pub proofs: Vec<&'static str>,
    /// `verdict` of calls that were answered.
    pub verdicts: Vec<&'static str>,
    /// `reason` of what the gate refused.
    pub refused: Vec<&'static str>,
}

/// What is known of a drop whose calls have ended.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EndedCalls {
    /// Who answered.
    pub verdict: Option<&'static str>,
    /// Whether a beep was heard.
    pub has_beep: bool,
    /// Whether a person heard part of the message.
    pub heard_by_person: bool,
    /// How often the message started again.
    pub restarts: u32,
    /// How often the audio of a call was lost.
    pub taps_lost: u32,
    /// Each leg that was dialled, and the Q.850 cause of its end.
    pub legs: Vec<(&'static str, Option<u16>)>,
    /// From the drop leg's alerting to the end of the busy leg.
    pub alerting_to_hangup: Option<Duration>,
    /// From the answer to the verdict.
    pub to_verdict: Option<Duration>,
    /// From the ready point to the first sample of the message.
    pub ready_to_play: Option<Duration>,
    /// From the answer to the first sample of the message.
    pub dead_air: Option<Duration>,
}

/// The state of campaigns that a controller runs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CampaignGauges {
    /// How many are in each phase; every phase is named.
    pub phases: Vec<(&'static str, u64)>,
    /// How many contacts are in each stage; every stage is named.
    pub contacts: Vec<(&'static str, u64)>,
    /// Whether all that wait for something wait for what comes by itself.
    pub is_idle_expected: bool,
    /// Whether the clocks can be relied on, as far as a campaign that runs needs them.
    pub are_clocks_right: bool,
    /// Shares of the trunk's calls, with their limits.
    pub budget: Vec<(&'static str, f64, Option<f64>)>,
}

/// The state of a process as it is looked at.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sample {
    /// Whether the database can be written.
    pub is_store_up: bool,
    /// Drops a second that the trunk takes; `None` without a PBX.
    pub starts_limit: Option<f64>,
    /// Open streams.
    pub streams: usize,
    /// What is free of the disk that each of these is on, from 0 to 1.
    pub free_disk: Vec<(&'static str, f64)>,
}

/// Begins to count, with these series at zero.
pub fn begin(version: &str, labels: &Labels) {
    let meters = &*METERS;
    meters.build_info.with_label_values(&[version]).set(1);
    for word in &labels.techniques {
        meters.drops_started.with_label_values(&[word]);
    }
    for word in &labels.outcomes {
        meters.drops.with_label_values(&[word]);
    }
    for word in &labels.proofs {
        meters.proofs.with_label_values(&[word]);
    }
    for word in &labels.verdicts {
        meters.verdicts.with_label_values(&[word]);
    }
    for word in &labels.refused {
        meters.refused.with_label_values(&[word]);
    }
    for kind in AuthFailure::ALL {
        meters.auth_failures.with_label_values(&[kind.slug()]);
    }
    service::begin();
    process::note_start();
}

/// The text that Prometheus reads.
pub fn text() -> String {
    process::look(&METERS);
    let families = METERS.registry.gather();
    // It fails only if a family is empty, and those are left out.
    TextEncoder::new()
        .encode_to_string(&families)
        .unwrap_or_default()
}

/// The driver has begun a drop.
pub fn drop_began(technique: &'static str) {
    METERS.drops_started.with_label_values(&[technique]).inc();
    METERS.drops_in_flight.inc();
}

/// The driver has ended a drop.
pub fn calls_ended(ended: &EndedCalls) {
    let meters = &*METERS;
    meters.drops_in_flight.dec();
    if let Some(verdict) = ended.verdict {
        meters.verdicts.with_label_values(&[verdict]).inc();
    }
    if ended.has_beep {
        meters.beeps.inc();
    }
    if ended.heard_by_person {
        meters.heard_by_person.inc();
    }
    meters.restarts.inc_by(u64::from(ended.restarts));
    meters.taps_lost.inc_by(u64::from(ended.taps_lost));
    for (leg, cause) in &ended.legs {
        let cause = match cause {
            Some(cause @ ..=127) => cause.to_string(),
            Some(_) => "other".to_owned(),
            None => "none".to_owned(),
        };
        meters.legs.with_label_values(&[*leg, &cause]).inc();
    }
    for (histogram, took) in [
        (&meters.alerting_to_hangup, ended.alerting_to_hangup),
        (&meters.to_verdict, ended.to_verdict),
        (&meters.ready_to_play, ended.ready_to_play),
        (&meters.dead_air, ended.dead_air),
    ] {
        if let Some(took) = took {
            histogram.observe(took.as_secs_f64());
        }
    }
}

/// The end of a drop is written.
pub fn drop_written(outcome: &'static str, proof: &'static str) {
    METERS.drops.with_label_values(&[outcome]).inc();
    METERS.proofs.with_label_values(&[proof]).inc();
}

/// The gate has refused a contact or an order.
pub fn refused(reason: &'static str) {
    METERS.refused.with_label_values(&[reason]).inc();
}

/// The event link to the PBX is up, or not.
pub fn pbx_connected(is_up: bool) {
    METERS.pbx_connected().set(i64::from(is_up));
}

/// The event link to the PBX is back.
pub fn pbx_reconnected() {
    METERS.pbx_reconnects.inc();
}

/// A request to the PBX has come to its end: the status of its answer, unless there was none.
pub fn ari_request(method: &str, status: Option<u16>, took: Duration) {
    let code = status.map_or_else(|| "none".to_owned(), |status| status.to_string());
    let labels = [known_method(method), &code];
    METERS.ari_requests.with_label_values(&labels).inc();
    METERS.ari_request_seconds.observe(took.as_secs_f64());
}

/// A transaction of a controller was committed.
pub fn committed(took: Duration) {
    METERS.store_commit_seconds.observe(took.as_secs_f64());
}

/// So many requests of a controller wait for the database.
pub fn store_queue(depth: usize) {
    METERS.store_queue().set(gauge(depth as u64));
}

/// A request was answered. The route is its pattern, never its path.
pub fn http_request(route: &str, method: &str, status: u16, took: Duration) {
    let labels = [route, known_method(method), &status.to_string()];
    METERS.http_requests.with_label_values(&labels).inc();
    METERS
        .http_request_seconds
        .with_label_values(&[route])
        .observe(took.as_secs_f64());
}

/// An answer was given again to an idempotency key.
pub fn idempotent_replay() {
    METERS.idempotent_replays.inc();
}

/// Why somebody was not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthFailure {
    /// The token is none, or is not good.
    Token,
    /// The session is none, or is over.
    Session,
    /// The name or the password is wrong.
    Password,
    /// The scope or the role does not suffice.
    Scope,
    /// Too many requests.
    Limited,
}

impl AuthFailure {
    const ALL: [Self; 5] = [
        Self::Token,
        Self::Session,
        Self::Password,
        Self::Scope,
        Self::Limited,
    ];

    const fn slug(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Session => "session",
            Self::Password => "password",
            Self::Scope => "scope",
            Self::Limited => "limited",
        }
    }
}

/// Somebody was not let in.
pub fn auth_failure(kind: AuthFailure) {
    METERS.auth_failures.with_label_values(&[kind.slug()]).inc();
}

/// Takes over what a controller shows of its campaigns.
pub fn campaigns(state: &CampaignGauges) {
    let meters = METERS.controller();
    for (phase, count) in &state.phases {
        meters
            .campaigns
            .with_label_values(&[phase])
            .set(gauge(*count));
    }
    for (stage, count) in &state.contacts {
        meters
            .contacts
            .with_label_values(&[stage])
            .set(gauge(*count));
    }
    meters.idle_expected.set(i64::from(state.is_idle_expected));
    meters.clocks_right.set(i64::from(state.are_clocks_right));
    for (name, share, limit) in &state.budget {
        meters.budget.with_label_values(&[name]).set(*share);
        match limit {
            Some(limit) => meters.budget_limit.with_label_values(&[name]).set(*limit),
            // There is none any more; it is no fault if there was none.
            None => {
                let _ = meters.budget_limit.remove_label_values(&[name]);
            }
        }
    }
}

/// Takes over the state of the process.
pub fn sample(sample: &Sample) {
    let meters = &*METERS;
    meters.store_up.set(i64::from(sample.is_store_up));
    if let Some(limit) = sample.starts_limit {
        METERS.controller().starts_limit.set(limit);
    }
    meters.sse_streams.set(gauge(sample.streams as u64));
    for (folder, free) in &sample.free_disk {
        meters.free_disk.with_label_values(&[folder]).set(*free);
    }
}

/// A method, if it is one of those that are used: others could be any word.
fn known_method(method: &str) -> &'static str {
    const KNOWN: [&str; 7] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];
    let known = KNOWN.into_iter().find(|known| *known == method);
    known.unwrap_or("other")
}

fn gauge(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::clock;

    #[test]
    fn what_is_counted_is_in_the_text_under_labels_that_are_bounded() {
        begin(
            "0.0.0",
            &Labels {
                outcomes: vec!["lost"],
                ..Labels::default()
            },
        );
        let series = || {
            let text = text();
            // Other tests of this process may count other things meanwhile.
            let is_ours = |line: &&str| {
                ["probe", "code=\"none\""]
                    .iter()
                    .any(|part| line.contains(part))
            };
            let lines = text.lines().filter(|line| !line.starts_with('#'));
            let lines = lines.filter(is_ours);
            let names = lines.map(|line| line.rsplit_once(' ').unwrap().0.to_owned());
            names.collect::<BTreeSet<_>>()
        };
        let text = text();
        assert!(
            text.contains("\naftertone_drops_total{outcome=\"lost\"} 0\n"),
            "{text}"
        );
        assert!(
            text.contains("\naftertone_build_info{version=\"0.0.0\"} 1\n"),
            "{text}"
        );
        assert!(text.contains("\nprocess_start_time_seconds "), "{text}");
        let one = |cause| {
            drop_began("probe");
            calls_ended(&EndedCalls {
                verdict: Some("probe"),
                legs: vec![("probe", Some(cause)), ("probe", None)],
                to_verdict: Some(Duration::from_millis(1_500)),
                ..EndedCalls::default()
            });
            drop_written("probe", "probe");
            ari_request("POST", Some(200), Duration::from_millis(3));
            ari_request("BREW", None, Duration::from_millis(3));
            http_request("/probe/{probe}", "GET", 200, Duration::from_millis(1));
        };
        for cause in 0..200 {
            one(cause);
        }
        let before = series();
        for cause in 0..20_000 {
            one(cause);
        }
        assert_eq!(series(), before);
        assert!(before.contains("aftertone_legs_total{leg=\"probe\",q850=\"other\"}"));
        assert!(before.contains("aftertone_ari_requests_total{code=\"none\",method=\"other\"}"));
    }

    /// At 500 drops a second, a drop may take no more than a thousandth of a core to be counted; a program that is not
    /// optimised gets ten times that.
    #[test]
    #[expect(clippy::print_stderr, reason = "the figure is what the test is for")]
    fn to_count_a_drop_costs_microseconds() {
        const DROPS: u32 = 20_000;
        let began = clock::now();
        for _ in 0..DROPS {
            drop_began("double");
            calls_ended(&EndedCalls {
                verdict: Some("machine"),
                legs: vec![("drop", Some(16)), ("busy", Some(16))],
                to_verdict: Some(Duration::from_secs(1)),
                ready_to_play: Some(Duration::from_millis(5)),
                dead_air: Some(Duration::from_secs(3)),
                ..EndedCalls::default()
            });
            drop_written("delivered", "proven");
            for _ in 0..8 {
                ari_request("POST", Some(200), Duration::from_millis(3));
            }
        }
        let each = clock::now().duration_since(began) / DROPS;
        eprintln!("to count a drop takes {each:?}");
        assert!(each < Duration::from_micros(200), "{each:?}");
    }
}
