//! The language of the ladders: events, commands and plans as words, read and written.
//!
//! ```text
//! plan          [double|single|adopted [now] [give_back]] [listen [sound]] [KEY=VALUE ..]
//!               keys are the fields of a plan, times in seconds; `sound`: only the PBX has the message
//! ready point   beep [HZ BEGAN ENDED]|silence|dialplan|agent   how long ago in seconds; 1004 Hz 0.62 to 0.2 unless given
//! event         accepted|progress|ringing|redirected|answered|entered|not_ready|absent|interrupted|late_beep|limit_beep|deaf LEG
//!               returned|given_back|held|resumed LEG  no_audio LEG [pbx_silent]
//!               speaking N  stumbled N GAP  spoken N whole|unconfirmed|stopped|lost SENT [UNHEARD]
//!               sit LEG invalid|congestion|other
//!               screened LEG VERDICT [CAUSE]  ready LEG POINT  far_end|gone LEG Q850[/SIP]
//!               play_started|play_done|play_failed N [@PBX MILLISECONDS]  refused COMMAND KIND
//! command       dial|screen|listen|await_ready|release|say|give_back|hang_up LEG  play|speak LEG N  stop_play|hush N
//! what is seen  LEG EVENT; LEG EVENT; LEG exists; play N
//! ```

use std::{fmt::Write as _, time::Duration};

use aftertone::{
    drop::{
        Adoption, Beeped, Begin, Cause, Command, Event, Mode, PbxTime, Plan, PlaybackEnd,
        ReadyPoint, Refusal, RefusalKind, Seen, Sit, Spoken, SpokenEnd, Technique, Voice,
        WhenBusyLegAnswered, WhenHuman, WhenScreened, WhenUnsure,
    },
    id::Play,
    words::{Leg, Verdict},
};

/// The defaults of the configuration, and a message of 7.24 s.
pub(crate) fn default_plan() -> Plan {
    Plan {
        technique: Technique::Double,
        lead: Duration::from_secs(2),
        answer_timeout: Duration::from_secs(45),
        screening_timeout: Duration::from_secs(90),
        ready_timeout: Duration::from_secs(60),
        release_on_progress: Some(Duration::ZERO),
        release_when_unheard: None,
        when_unsure: WhenUnsure::HangUp,
        when_screened: WhenScreened::HangUp,
        prompt: None,
        when_busy_leg_answered: WhenBusyLegAnswered::Promote,
        mode: Mode::Dialplan,
        voice: Voice::Ours,
        max_restarts: 2,
        message: Some(Duration::from_millis(7_240)),
        adoption: Adoption::default(),
    }
}

pub(crate) fn plan(text: &str) -> Plan {
    let mut plan = default_plan();
    for word in text.split_whitespace() {
        match word.split_once('=') {
            None if word == "double" => plan.technique = Technique::Double,
            None if word == "single" => plan.technique = Technique::Single,
            None if word == "adopted" => plan.technique = Technique::Adopted,
            None if word == "now" => plan.adoption.begin = Begin::AtOnce,
            None if word == "give_back" => plan.adoption.when_human = WhenHuman::GiveBack,
            None if word == "listen" => plan.mode = Mode::Listen,
            None if word == "sound" => plan.voice = Voice::Pbx,
            Some(("max_restarts", value)) => plan.max_restarts = value.parse().unwrap(),
            Some(("lead", value)) => plan.lead = seconds(value),
            Some(("answer_timeout", value)) => plan.answer_timeout = seconds(value),
            Some(("screening_timeout", value)) => plan.screening_timeout = seconds(value),
            Some(("ready_timeout", value)) => plan.ready_timeout = seconds(value),
            Some(("message", value)) => {
                plan.message = (value != "unknown").then(|| seconds(value));
            }
            Some(("release_on_progress", value)) => {
                plan.release_on_progress = (value != "never").then(|| seconds(value));
            }
            Some(("release_when_unheard", value)) => {
                plan.release_when_unheard = (value != "never").then(|| seconds(value));
            }
            Some(("when_screened", "say")) => plan.when_screened = WhenScreened::Say,
            Some(("prompt", value)) => plan.prompt = Some(seconds(value)),
            Some(("when_unsure", "play")) => plan.when_unsure = WhenUnsure::Play,
            Some(("when_busy_leg_answered", "continue")) => {
                plan.when_busy_leg_answered = WhenBusyLegAnswered::Continue;
            }
            Some(("when_busy_leg_answered", "give_up")) => {
                plan.when_busy_leg_answered = WhenBusyLegAnswered::GiveUp;
            }
            Some(_) | None => panic!("no such setting: {word}"),
        }
    }
    plan
}

pub(crate) fn event(text: &str) -> Event {
    let words: Vec<_> = text.split_whitespace().collect();
    match words[..] {
        ["accepted", l] => Event::Accepted(leg(l)),
        ["progress", l] => Event::Progress(leg(l)),
        ["ringing", l] => Event::Ringing(leg(l)),
        ["redirected", l] => Event::Redirected(leg(l)),
        ["answered", l] => Event::Answered(leg(l)),
        ["entered", l] => Event::Entered(leg(l)),
        ["screened", l, verdict] => screened(l, verdict, ""),
        ["screened", l, verdict, cause] => screened(l, verdict, cause),
        ["ready", l, ref point @ ..] => Event::Ready(leg(l), ready_point(point)),
        ["not_ready", l] => Event::NotReady(leg(l)),
        ["sit", l, which] => Event::Intercepted {
            leg: leg(l),
            sit: sit(which),
            cause: String::new(),
        },
        ["interrupted", l] => Event::Interrupted(leg(l)),
        ["late_beep", l] => Event::LateBeep(leg(l)),
        ["limit_beep", l] => Event::LimitBeep(leg(l)),
        ["beep_was_ring", l] => Event::BeepWasRing(leg(l)),
        ["no_reason", l] => Event::NoReason {
            leg: leg(l),
            cause: "no beep".into(),
        },
        ["deaf", l] => Event::TapLost {
            leg: leg(l),
            why: "so the tap said".into(),
        },
        ["returned", l] => Event::Returned(leg(l)),
        ["given_back", l] => Event::GivenBack(leg(l)),
        ["held", l] => Event::Held(leg(l)),
        ["resumed", l] => Event::Resumed(leg(l)),
        ["no_audio", l, ref silent @ ..] => Event::NoAudio {
            leg: leg(l),
            pbx_answers: silent.is_empty(),
        },
        ["speaking", n] => Event::Speaking(play(n)),
        ["stumbled", n, gap] => Event::Stumbled {
            play: play(n),
            gap: seconds(gap),
        },
        ["spoken", n, end, sent] => spoken(n, end, sent, "0"),
        ["spoken", n, end, sent, unheard] => spoken(n, end, sent, unheard),
        ["play_started", n] => started(n, None),
        ["play_started", n, at] => started(n, Some(at)),
        ["play_done", n] => finished(n, PlaybackEnd::Done, None),
        ["play_done", n, at] => finished(n, PlaybackEnd::Done, Some(at)),
        ["play_failed", n] => finished(n, PlaybackEnd::Failed, None),
        ["play_failed", n, at] => finished(n, PlaybackEnd::Failed, Some(at)),
        ["far_end", l, why] => Event::FarEndHungUp {
            leg: leg(l),
            cause: cause(why),
        },
        ["gone", l, why] => Event::Gone {
            leg: leg(l),
            cause: cause(why),
        },
        ["absent", l] => Event::Absent(leg(l)),
        ["refused", ref command @ .., kind] => Event::Refused {
            command: read_command(command),
            why: Refusal {
                kind: refusal_kind(kind),
                words: "so the PBX said".into(),
            },
        },
        _ => panic!("no such event: {text}"),
    }
}

pub(crate) fn event_words(event: &Event) -> String {
    match event {
        Event::Accepted(leg) => format!("accepted {leg}"),
        Event::Progress(leg) => format!("progress {leg}"),
        Event::Ringing(leg) => format!("ringing {leg}"),
        Event::Redirected(leg) => format!("redirected {leg}"),
        Event::Answered(leg) => format!("answered {leg}"),
        Event::Entered(leg) => format!("entered {leg}"),
        Event::Screened {
            leg,
            verdict,
            cause,
        } => format!("screened {leg} {verdict} {cause}"),
        Event::Ready(leg, ReadyPoint::Beep(beeped)) => {
            let (began, ended) = (seconds_words(beeped.began), seconds_words(beeped.ended));
            format!("ready {leg} beep {} {began} {ended}", beeped.hz)
        }
        Event::Ready(leg, point) => format!("ready {leg} {}", point.by().as_str()),
        Event::NotReady(leg) => format!("not_ready {leg}"),
        Event::Intercepted { leg, sit, .. } => format!("sit {leg} {}", sit_word(*sit)),
        Event::Interrupted(leg) => format!("interrupted {leg}"),
        Event::LateBeep(leg) => format!("late_beep {leg}"),
        Event::LimitBeep(leg) => format!("limit_beep {leg}"),
        Event::BeepWasRing(leg) => format!("beep_was_ring {leg}"),
        Event::NoReason { leg, .. } => format!("no_reason {leg}"),
        Event::TapLost { leg, .. } => format!("deaf {leg}"),
        Event::Returned(leg) => format!("returned {leg}"),
        Event::Held(leg) => format!("held {leg}"),
        Event::Resumed(leg) => format!("resumed {leg}"),
        Event::NoAudio { leg, pbx_answers } => {
            let silent = if *pbx_answers { "" } else { " pbx_silent" };
            format!("no_audio {leg}{silent}")
        }
        Event::Speaking(play) => format!("speaking {}", play.0),
        Event::Stumbled { play, gap } => format!("stumbled {} {}", play.0, seconds_words(*gap)),
        Event::Spoken { play, spoken } => {
            let (sent, unheard) = (seconds_words(spoken.sent), seconds_words(spoken.unheard));
            let end = end_word(spoken.end);
            format!("spoken {} {end} {sent} {unheard}", play.0)
        }
        Event::PlaybackStarted { play, at } => format!("play_started {}{}", play.0, pbx_words(*at)),
        Event::PlaybackFinished { play, end, at } => {
            let end = match end {
                PlaybackEnd::Done => "done",
                PlaybackEnd::Failed => "failed",
            };
            format!("play_{end} {}{}", play.0, pbx_words(*at))
        }
        Event::FarEndHungUp { leg, cause } => format!("far_end {leg} {}", cause_words(*cause)),
        Event::Gone { leg, cause } => format!("gone {leg} {}", cause_words(*cause)),
        Event::Absent(leg) => format!("absent {leg}"),
        Event::GivenBack(leg) => format!("given_back {leg}"),
        Event::Refused { command, why } => {
            format!(
                "refused {} {}",
                command_words(*command),
                kind_word(why.kind)
            )
        }
    }
}

pub(crate) fn command_words(command: Command) -> String {
    match command {
        Command::Dial(leg) => format!("dial {leg}"),
        Command::Screen(leg) => format!("screen {leg}"),
        Command::Listen(leg) => format!("listen {leg}"),
        Command::AwaitReady(leg) => format!("await_ready {leg}"),
        Command::Speak(leg, play) => format!("speak {leg} {}", play.0),
        Command::Say(leg) => format!("say {leg}"),
        Command::Hush(play) => format!("hush {}", play.0),
        Command::Release(leg) => format!("release {leg}"),
        Command::Play(leg, play) => format!("play {leg} {}", play.0),
        Command::StopPlay(play) => format!("stop_play {}", play.0),
        Command::GiveBack(leg) => format!("give_back {leg}"),
        Command::HangUp(leg) => format!("hang_up {leg}"),
    }
}

pub(crate) fn seen(text: &str) -> Seen {
    let mut seen = Seen::default();
    for item in text
        .split(';')
        .map(str::trim)
        .filter(|item| !item.is_empty())
    {
        let words: Vec<_> = item.split_whitespace().collect();
        match words[..] {
            ["play", n] => seen.plays.push(play(n)),
            [l, "exists"] => {
                seen.legs.entry(leg(l)).or_default();
            }
            [l, what, ref rest @ ..] => {
                let told = event(&format!("{what} {l} {}", rest.join(" ")));
                seen.legs.entry(leg(l)).or_default().push(told);
            }
            _ => panic!("cannot be seen: {item}"),
        }
    }
    seen
}

pub(crate) fn seen_words(seen: &Seen) -> String {
    let mut text = String::new();
    for (leg, events) in &seen.legs {
        let _ = write!(text, " {leg} exists;");
        for event in events {
            let _ = write!(text, " [{}];", event_words(event));
        }
    }
    for play in &seen.plays {
        let _ = write!(text, " play {};", play.0);
    }
    text
}

pub(crate) fn cause_words(cause: Cause) -> String {
    let q850 = cause.q850.map_or("-".into(), |code| code.to_string());
    match cause.sip {
        Some(sip) => format!("{q850}/{sip}"),
        None => q850,
    }
}

pub(crate) fn seconds(text: &str) -> Duration {
    Duration::from_secs_f64(text.parse().unwrap())
}

/// Seconds with as many decimals as they need, at least one.
pub(crate) fn seconds_words(duration: Duration) -> String {
    let text = format!("{:.3}", duration.as_secs_f64());
    let short = text.trim_end_matches('0');
    if short.ends_with('.') {
        format!("{short}0")
    } else {
        short.to_owned()
    }
}

fn read_command(words: &[&str]) -> Command {
    match *words {
        ["dial", l] => Command::Dial(leg(l)),
        ["screen", l] => Command::Screen(leg(l)),
        ["listen", l] => Command::Listen(leg(l)),
        ["await_ready", l] => Command::AwaitReady(leg(l)),
        ["speak", l, n] => Command::Speak(leg(l), play(n)),
        ["say", l] => Command::Say(leg(l)),
        ["hush", n] => Command::Hush(play(n)),
        ["release", l] => Command::Release(leg(l)),
        ["play", l, n] => Command::Play(leg(l), play(n)),
        ["stop_play", n] => Command::StopPlay(play(n)),
        ["give_back", l] => Command::GiveBack(leg(l)),
        ["hang_up", l] => Command::HangUp(leg(l)),
        _ => panic!("no such command: {words:?}"),
    }
}

fn screened(l: &str, verdict: &str, cause: &str) -> Event {
    let all = [
        Verdict::Machine,
        Verdict::Human,
        Verdict::Unsure,
        Verdict::Fax,
        Verdict::Sit,
        Verdict::Silence,
        Verdict::Menu,
        Verdict::Screening,
    ];
    Event::Screened {
        leg: leg(l),
        verdict: all.into_iter().find(|v| v.as_str() == verdict).unwrap(),
        cause: cause.into(),
    }
}

fn started(n: &str, at: Option<&str>) -> Event {
    Event::PlaybackStarted {
        play: play(n),
        at: at.map(pbx_time),
    }
}

fn finished(n: &str, end: PlaybackEnd, at: Option<&str>) -> Event {
    Event::PlaybackFinished {
        play: play(n),
        end,
        at: at.map(pbx_time),
    }
}

fn spoken(n: &str, end: &str, sent: &str, unheard: &str) -> Event {
    let all = [
        SpokenEnd::Whole,
        SpokenEnd::Unconfirmed,
        SpokenEnd::Stopped,
        SpokenEnd::Lost,
    ];
    Event::Spoken {
        play: play(n),
        spoken: Spoken {
            end: all.into_iter().find(|&e| end_word(e) == end).unwrap(),
            sent: seconds(sent),
            unheard: seconds(unheard),
        },
    }
}

const fn end_word(end: SpokenEnd) -> &'static str {
    match end {
        SpokenEnd::Whole => "whole",
        SpokenEnd::Unconfirmed => "unconfirmed",
        SpokenEnd::Stopped => "stopped",
        SpokenEnd::Lost => "lost",
    }
}

fn leg(text: &str) -> Leg {
    Leg::BOTH.into_iter().find(|l| l.as_str() == text).unwrap()
}

fn ready_point(words: &[&str]) -> ReadyPoint {
    match *words {
        ["beep"] => ready_point(&["beep", "1004", "0.62", "0.2"]),
        ["beep", hz, began, ended] => ReadyPoint::Beep(Beeped {
            hz: hz.parse().unwrap(),
            began: seconds(began),
            ended: seconds(ended),
        }),
        ["silence"] => ReadyPoint::Silence,
        ["dialplan"] => ReadyPoint::Dialplan,
        ["agent"] => ReadyPoint::Agent,
        _ => panic!("no such ready point: {words:?}"),
    }
}

fn sit(text: &str) -> Sit {
    let all = [Sit::Invalid, Sit::Congestion, Sit::Other];
    all.into_iter().find(|&sit| sit_word(sit) == text).unwrap()
}

const fn sit_word(sit: Sit) -> &'static str {
    match sit {
        Sit::Invalid => "invalid",
        Sit::Congestion => "congestion",
        Sit::Other => "other",
    }
}

fn play(text: &str) -> Play {
    Play(text.parse().unwrap())
}

fn pbx_time(text: &str) -> PbxTime {
    PbxTime(text.strip_prefix('@').unwrap().parse().unwrap())
}

fn pbx_words(at: Option<PbxTime>) -> String {
    at.map_or(String::new(), |at| format!(" @{}", at.0))
}

fn cause(text: &str) -> Cause {
    let (q850, sip) = text.split_once('/').unwrap_or((text, ""));
    Cause {
        q850: q850.parse().ok(),
        sip: sip.parse().ok(),
    }
}

fn refusal_kind(text: &str) -> RefusalKind {
    RefusalKind::ALL
        .into_iter()
        .find(|&kind| kind_word(kind) == text)
        .unwrap()
}

pub(crate) const fn kind_word(kind: RefusalKind) -> &'static str {
    match kind {
        RefusalKind::NotFound => "not_found",
        RefusalKind::WrongState => "wrong_state",
        RefusalKind::Rejected => "rejected",
        RefusalKind::NotMade => "not_made",
        RefusalKind::Failed => "failed",
        RefusalKind::Unreachable => "unreachable",
        RefusalKind::TooLate => "too_late",
        RefusalKind::NoReply => "no_reply",
    }
}
