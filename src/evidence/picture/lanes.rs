//! What happened in a recording, as its picture shows it: the headline, the reasons, and a lane for each kind of event.

use super::{recording::Recording, shape::Colour, title::drawable};
use crate::screen::{At, Beep, Heard, Replay};

/// What a picture shows.
pub(super) struct Lanes {
    /// Who answered and when the message may start.
    pub(super) headline: String,
    pub(super) reasons: Vec<String>,
    /// What followed, in words that can be drawn.
    pub(super) later: Vec<String>,
    /// Each lane by its name, with what is in it in order of time.
    pub(super) lanes: Vec<(&'static str, Vec<Interval>)>,
    /// Moments that are ruled through the waveform.
    pub(super) marks: Vec<RuledMoment>,
    /// Begin and end of each beep.
    pub(super) beeps: Vec<(At, At)>,
}

/// Something that lasted, or a moment, if `until` is missing.
#[derive(Clone, Debug)]
pub(super) struct Interval {
    pub(super) from: At,
    pub(super) until: Option<At>,
    /// Its labels, the most detailed first.
    pub(super) labels: Vec<String>,
    /// Whether a label may be beside it.
    pub(super) beside: bool,
    pub(super) colour: Colour,
    pub(super) fill: Colour,
}

/// A moment to be ruled from the waveform down to its lane.
pub(super) struct RuledMoment {
    pub(super) lane: &'static str,
    pub(super) at: At,
    pub(super) colour: Colour,
    pub(super) dashed: bool,
}

impl Lanes {
    /// What was heard, and what played.
    pub(super) fn of(recording: &Recording<'_>) -> Self {
        let replay = recording.replay;
        let mut lanes = vec![
            ("speech", speech(replay)),
            ("tones", tones(replay)),
            ("verdict", verdicts(replay)),
            ("ready", ready(replay)),
        ];
        let mut played = match recording.plays {
            Some(plays) => really_played(plays, recording.message),
            None => played(replay, recording.message),
        };
        played.extend(voices(replay));
        played.sort_by_key(|interval| interval.from);
        if !played.is_empty() {
            lanes.push(("message", played));
        }
        let marks = lanes.iter().flat_map(|(name, intervals)| {
            let dashed = match *name {
                "verdict" => Some(true),
                "ready" => Some(false),
                _ => None,
            };
            let marks = intervals
                .iter()
                .map(|interval| (interval.from, interval.colour));
            dashed.into_iter().flat_map(move |dashed| {
                marks.clone().map(move |(at, colour)| RuledMoment {
                    lane: name,
                    at,
                    colour,
                    dashed,
                })
            })
        });
        let reasons = replay.verdict.iter();
        let later = recording.later.iter().zip(0..);
        let later = later.map(|(line, nth)| {
            let before = if nth == 0 { "Later: " } else { "" };
            before.chars().chain(line.chars().map(drawable)).collect()
        });
        Self {
            later: later.collect(),
            headline: headline(replay),
            reasons: reasons
                .flat_map(|(.., reasons)| reasons.iter())
                .map(|reason| reason.to_string())
                .collect(),
            marks: marks.collect(),
            beeps: replay.beeps.iter().map(|b| (b.start, b.end)).collect(),
            lanes,
        }
    }

    /// All of it in one text, for those who cannot see the picture.
    pub(super) fn describe(&self) -> String {
        let mut parts = vec![self.headline.clone()];
        parts.extend(self.reasons.iter().cloned());
        parts.extend(self.later.iter().cloned());
        for (name, intervals) in &self.lanes {
            for interval in intervals {
                let label = interval.labels.first().map_or("", String::as_str);
                parts.push(match interval.until {
                    Some(until) => format!("{name} {} to {until}: {label}", interval.from),
                    None => format!("{name}: {label}"),
                });
            }
        }
        parts.join("; ")
    }
}

fn headline(replay: &Replay) -> String {
    let verdict = replay.verdict.as_ref().map_or_else(
        || "No verdict".to_owned(),
        |(verdict, at, _)| format!("Verdict: {verdict} at {at}"),
    );
    let ready = replay.ready.map_or_else(
        || "never ready: nothing to play".to_owned(),
        |(by, at)| format!("ready at {at}, by {}", by.as_str()),
    );
    let again = match replay.restarts.as_slice() {
        [] => String::new(),
        [at] => format!(", again at {at}"),
        [.., at] => format!(", again {} times, last at {at}", replay.restarts.len()),
    };
    format!("{verdict}; {ready}{again}")
}

fn speech(replay: &Replay) -> Vec<Interval> {
    let mut intervals = Vec::new();
    let mut began = None;
    for heard in &replay.heard {
        match heard {
            Heard::SpeechBegan { start } => began = Some(*start),
            Heard::SpeechEnded { end } => {
                intervals.extend(began.take().map(|start| spoken(start, *end)));
            }
            Heard::Signal { .. }
            | Heard::Beep(_)
            | Heard::Verdict { .. }
            | Heard::Ready { .. }
            | Heard::LateBeep(_)
            | Heard::LimitBeep(_)
            | Heard::BeepWasRing { .. }
            | Heard::Voice { .. } => {}
        }
    }
    intervals.extend(began.map(|start| spoken(start, replay.end)));
    intervals
}

fn spoken(start: At, end: At) -> Interval {
    let lasted = end.since(start);
    Interval {
        from: start,
        until: Some(end),
        labels: vec![format!("{lasted:.2} s"), format!("{lasted:.1} s")],
        beside: false,
        colour: Colour::Speech,
        fill: Colour::SpeechPale,
    }
}

fn tones(replay: &Replay) -> Vec<Interval> {
    let mut intervals: Vec<_> = replay.heard.iter().filter_map(tone).collect();
    intervals.sort_by_key(|interval| interval.from);
    intervals
}

fn tone(heard: &Heard) -> Option<Interval> {
    let beep = |beep: &Beep, what: &str| {
        let pitch = pitch(beep);
        let (start, end) = (beep.start.seconds(), beep.end.seconds());
        let long = format!("{what} {pitch}, {start:.2} to {end:.2} s");
        let short = format!("{what} {:.0} Hz", beep.hz);
        tone_interval(beep.start, beep.end, vec![long, short], Colour::Beep)
    };
    match heard {
        Heard::Beep(heard) => Some(beep(heard, "beep")),
        Heard::LateBeep(heard) => Some(beep(heard, "late beep")),
        Heard::LimitBeep(heard) => Some(beep(heard, "limit beep")),
        Heard::BeepWasRing { again, .. } => Some(beep(again, "ring again")),
        Heard::Signal { signal, start, end } => {
            let (from, to) = (start.seconds(), end.seconds());
            let labels = vec![
                format!("{signal}, {from:.2} to {to:.2} s"),
                signal.to_string(),
            ];
            Some(tone_interval(*start, *end, labels, Colour::Signal))
        }
        Heard::SpeechBegan { .. }
        | Heard::SpeechEnded { .. }
        | Heard::Verdict { .. }
        | Heard::Ready { .. }
        | Heard::Voice { .. } => None,
    }
}

fn tone_interval(from: At, until: At, labels: Vec<String>, colour: Colour) -> Interval {
    Interval {
        from,
        until: Some(until),
        labels,
        beside: true,
        colour,
        fill: if colour == Colour::Beep {
            Colour::BeepPale
        } else {
            Colour::SignalPale
        },
    }
}

fn pitch(beep: &Beep) -> String {
    let second = beep.second_hz.map(|hz| format!("+{hz:.0}"));
    let sweeps = if beep.sweep == 0.0 { "" } else { " (sweep)" };
    format!("{:.0}{} Hz{sweeps}", beep.hz, second.unwrap_or_default())
}

/// Each verdict that differs from the one before.
fn verdicts(replay: &Replay) -> Vec<Interval> {
    let heard = replay.heard.iter().filter_map(|heard| match heard {
        Heard::Verdict { verdict, at, .. } => Some((*verdict, *at)),
        Heard::SpeechBegan { .. }
        | Heard::SpeechEnded { .. }
        | Heard::Signal { .. }
        | Heard::Beep(_)
        | Heard::Ready { .. }
        | Heard::LateBeep(_)
        | Heard::LimitBeep(_)
        | Heard::BeepWasRing { .. }
        | Heard::Voice { .. } => None,
    });
    let mut intervals = Vec::new();
    let mut before = None;
    for (verdict, at) in heard {
        if before.replace(verdict) != Some(verdict) {
            let labels = vec![format!("{verdict} at {at}"), verdict.to_string()];
            intervals.push(moment(at, labels, Colour::Verdict));
        }
    }
    intervals
}

fn ready(replay: &Replay) -> Vec<Interval> {
    let first = replay.ready.iter().map(|(by, at)| {
        let by = by.as_str();
        let labels = vec![
            format!("by {by} at {at}: the message starts"),
            by.to_owned(),
        ];
        moment(*at, labels, Colour::Ready)
    });
    let again = replay.restarts.iter().map(|at| {
        let labels = vec![format!("at {at}: it starts again"), "again".to_owned()];
        moment(*at, labels, Colour::Ready)
    });
    first.chain(again).collect()
}

fn moment(at: At, labels: Vec<String>, colour: Colour) -> Interval {
    Interval {
        from: at,
        until: None,
        labels,
        beside: true,
        colour,
        fill: colour,
    }
}

/// When the message played, as it was recorded.
fn really_played(plays: &[(At, At)], message: Option<f32>) -> Vec<Interval> {
    let interval = |&(from, until): &(At, At)| {
        let lasted = until.since(from);
        let why = match message {
            Some(message) if lasted + SILENT_END >= message => "whole",
            Some(_) => "not to its end",
            None => "of the PBX's own",
        };
        Interval {
            from,
            until: Some(until),
            labels: vec![format!("message, {lasted:.2} s: {why}"), why.to_owned()],
            beside: true,
            colour: Colour::Message,
            fill: Colour::MessagePale,
        }
    };
    plays.iter().map(interval).collect()
}

/// When the message played: from each ready point until it was over, or something stopped it.
fn played(replay: &Replay, message: Option<f32>) -> Vec<Interval> {
    let mut intervals = Vec::new();
    let mut since = None;
    let mut stop = |since: &mut Option<At>, at: At, why: &str| {
        let (Some(start), Some(length)) = (since.take(), message) else {
            return;
        };
        let whole = start + length;
        let (end, why) = if whole <= at {
            (whole, "whole")
        } else {
            (at, why)
        };
        let end = end.max(start);
        let lasted = end.since(start);
        intervals.push(Interval {
            from: start,
            until: Some(end),
            labels: vec![format!("message, {lasted:.2} s: {why}"), why.to_owned()],
            beside: true,
            colour: Colour::Message,
            fill: Colour::MessagePale,
        });
    };
    for heard in &replay.heard {
        match heard {
            Heard::Ready { at, .. } => {
                stop(&mut since, *at, "started again");
                since = Some(*at);
            }
            Heard::LateBeep(beep) => stop(&mut since, beep.end, "stopped by a late beep"),
            Heard::LimitBeep(beep) => stop(&mut since, beep.end, "cut by the mailbox's limit"),
            Heard::BeepWasRing { again, .. } => {
                stop(&mut since, again.end, "stopped by a ring");
            }
            Heard::Voice { at, .. } => stop(&mut since, *at, "stopped by a voice"),
            Heard::SpeechBegan { .. }
            | Heard::SpeechEnded { .. }
            | Heard::Signal { .. }
            | Heard::Beep(_)
            | Heard::Verdict { .. } => {}
        }
    }
    stop(&mut since, replay.end, "until the recording ends");
    intervals
}

/// When a voice over the message was recognised.
fn voices(replay: &Replay) -> Vec<Interval> {
    let at = replay.heard.iter().filter_map(|heard| match heard {
        Heard::Voice { at, .. } => Some(*at),
        Heard::SpeechBegan { .. }
        | Heard::SpeechEnded { .. }
        | Heard::Signal { .. }
        | Heard::Beep(_)
        | Heard::Verdict { .. }
        | Heard::Ready { .. }
        | Heard::LateBeep(_)
        | Heard::LimitBeep(_)
        | Heard::BeepWasRing { .. } => None,
    });
    let voice = |at| {
        let long = format!("a voice over it, known at {at}");
        moment(at, vec![long, "voice".to_owned()], Colour::Voice)
    };
    at.map(voice).collect()
}

/// A message may end this much before the last of its samples and still count as whole (s): the silence at its end.
const SILENT_END: f32 = 0.2;
