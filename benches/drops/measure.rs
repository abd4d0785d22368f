//! The fake PBX's process: what numbers do under load, and what its log says about the program that dialled them.

use std::{collections::BTreeMap, time::Duration};

use aftertone::{
    id::{ChannelId, Role},
    words::Leg,
};
use anyhow::Result;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::{
    LEAD, child,
    fake::{
        Fake, Settings,
        fault::Kind,
        log::{Entry, What},
        script::{Call, Detector, Far, Playback, Script},
    },
};

/// What the PBX saw of a subject. Pairs are median and 99th percentile, in milliseconds.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Seen {
    pub(crate) delivered: u32,
    pub(crate) in_flight: u32,
    /// From the first alerting event of the drop leg, written, to the busy leg's hang-up, read.
    pub(crate) hang_up: (f64, f64),
    /// From the StasisStart that brings the machine's ready point, written, to the play, read.
    pub(crate) play: (f64, f64),
    /// How far the time between the two originates, both read, is from the lead.
    pub(crate) lead: (f64, f64),
}

/// Runs the PBX: prints its address, and what it saw whenever it is asked.
pub(crate) async fn serve() -> Result<()> {
    let fake = Fake::start(Settings {
        session_limit: 1_000,
        files: false,
        other_numbers: number(),
        ..Settings::default()
    })
    .await;
    println!("{}", fake.url());
    while child::told().await?.is_some() {
        let seen = fake.with(|world| seen(&world.log));
        println!("{}", serde_json::to_string(&seen)?);
    }
    Ok(())
}

/// A drop of 2.25 s: 200 a second make 450 in flight.
fn number() -> Script {
    let mut mailbox = Call::of(&[(100, Far::Ringing), (200, Far::Answer)]);
    mailbox.detector = Detector {
        verdict_after: Duration::from_millis(300),
        wait: Duration::from_millis(150),
        ..mailbox.detector
    };
    mailbox.playback = Playback::Whole(Duration::from_millis(200));
    Script(vec![Call::of(&[(100, Far::Ringing)]), mailbox])
}

fn seen(log: &[Entry]) -> Seen {
    let mut drops: BTreeMap<String, Times> = BTreeMap::new();
    let (mut open, mut in_flight) = (0_u32, 0);
    for entry in log {
        let (What::Request { channel, .. } | What::Event { channel, .. }) = &entry.what;
        let Some(id) = channel.as_ref().and_then(|id| id.parse::<ChannelId>().ok()) else {
            continue;
        };
        let Role::Leg(leg) = id.role else {
            continue;
        };
        let times = drops.entry(id.drop.to_string()).or_default();
        match times.take(leg, entry) {
            Change::Began => open += 1,
            Change::Ended => open = open.saturating_sub(1),
            Change::None => {}
        }
        in_flight = in_flight.max(open);
    }
    let spans = |span: fn(&Times) -> Option<f64>| percentiles(drops.values().filter_map(span));
    Seen {
        delivered: u32::try_from(drops.values().filter(|t| t.played && t.ended).count())
            .unwrap_or(u32::MAX),
        in_flight,
        hang_up: spans(|t| Some(between(t.alerting?, t.hung_up?))),
        play: spans(|t| Some(between(t.ready?, t.play?))),
        lead: spans(|t| {
            let lead = between(t.busy_dialled?, t.drop_dialled?);
            Some((lead - LEAD.as_secs_f64() * 1_000.0).abs())
        }),
    }
}

/// When what happened to one drop: the first time of each.
#[derive(Default)]
struct Times {
    busy_dialled: Option<Instant>,
    drop_dialled: Option<Instant>,
    alerting: Option<Instant>,
    hung_up: Option<Instant>,
    ready: Option<Instant>,
    play: Option<Instant>,
    played: bool,
    ended: bool,
}

enum Change {
    Began,
    Ended,
    None,
}

impl Times {
    fn take(&mut self, leg: Leg, entry: &Entry) -> Change {
        let at = entry.at;
        match (&entry.what, leg) {
            (What::Request { kind, .. }, leg) => match (kind, leg) {
                (Kind::Originate, Leg::Busy) => {
                    self.busy_dialled.get_or_insert(at);
                    return Change::Began;
                }
                (Kind::Originate, Leg::Drop) => {
                    self.drop_dialled.get_or_insert(at);
                }
                (Kind::HangUp, Leg::Busy) => {
                    self.hung_up.get_or_insert(at);
                }
                (Kind::Play, Leg::Drop) => {
                    self.play.get_or_insert(at);
                }
                _ => {}
            },
            (What::Event { kind, detail, .. }, Leg::Drop) => match (*kind, detail.as_str()) {
                ("ChannelStateChange", "Ringing") | ("Dial", "RINGING") => {
                    self.alerting.get_or_insert(at);
                }
                ("StasisStart", detail) if detail.contains(",MACHINE,") => {
                    self.ready.get_or_insert(at);
                }
                ("PlaybackFinished", _) => self.played = true,
                ("ChannelDestroyed", _) => {
                    self.ended = true;
                    return Change::Ended;
                }
                _ => {}
            },
            (What::Event { .. }, Leg::Busy) => {}
        }
        Change::None
    }
}

fn between(from: Instant, to: Instant) -> f64 {
    to.saturating_duration_since(from).as_secs_f64() * 1_000.0
}

/// Median and 99th percentile.
fn percentiles(all: impl Iterator<Item = f64>) -> (f64, f64) {
    let mut all: Vec<f64> = all.collect();
    all.sort_by(f64::total_cmp);
    let at = |hundredths: usize| {
        let place = all.len() * hundredths / 100;
        let place = place.min(all.len().saturating_sub(1));
        all.get(place).copied().unwrap_or(f64::NAN)
    };
    (at(50), at(99))
}
