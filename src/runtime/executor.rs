//! Carries out what drops want: each command becomes requests, sent in a task of its own in one round or two. Those of a round go
//! out side by side, since each reply of a PBX far away is waited for; the second round is the step that the first one prepares.
//!
//! What a command becomes is decided by `steps` alone, without a network; the fail-safes of the PBX are set there,
//! each in the round before the step that it guards. Every failure comes back to the drop as an event.
//!
//! The commands about one leg are carried out one after the other, in their order; only a hang-up and the stop of a play
//! overtake.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

use futures::future::join_all;
use tokio::{sync::mpsc, task::JoinHandle};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{Instrument as _, Span, debug};

use super::{
    call::{CallSpec, LIMIT, NO_CDR, NO_LIMIT, Reports, Trunk},
    carrier::Carrier,
    listener::{self, Coming, DEAD_MAN_LIMIT, TapChannels, ToListener},
};
use crate::{
    ari::{Failure, HangUp, Originate, Rest, all_done, whole_seconds},
    drop::{Command, Event, Mode, Refusal, RefusalKind, Technique, WhenUnsure},
    id::{ChannelId, DropId, PlaybackId},
    words::Leg,
};

/// Something to carry out.
#[derive(Debug)]
pub(crate) struct CommandContext {
    /// The drop that wants it.
    pub(crate) drop: DropId,
    /// What the drop wants.
    pub(crate) command: Command,
    /// Its particulars; `None` for a drop that has ended, of which only a leg can be hung up.
    pub(crate) spec: Option<Arc<CallSpec>>,
    /// What goes with [`Command::Listen`].
    pub(crate) listen: Option<ToListener>,
    /// The span of its log lines.
    pub(crate) span: Span,
}

/// Carries out commands until their sender is gone, then sees the last ones through. Reports go to `reports`, a bounded
/// channel whose receiver must never wait for this task.
pub(crate) async fn run(
    rest: Rest,
    trunk: Arc<Trunk>,
    mut commands: mpsc::UnboundedReceiver<CommandContext>,
    reports: mpsc::Sender<(DropId, Event)>,
) {
    let tracker = TaskTracker::new();
    let mut last: HashMap<(DropId, Leg), JoinHandle<()>> = HashMap::new();
    let mut dials = Dials::default();
    while let Some(context) = commands.recv().await {
        let unless = dials.note(context.drop, context.command);
        let (rest, trunk) = (rest.clone(), Arc::clone(&trunk));
        let reports = Reports::new(context.drop, reports.clone());
        let span = context.span.clone();
        let turn = turn_of(context.command).map(|leg| (context.drop, leg));
        let before = turn.and_then(|turn| last.remove(&turn));
        let tasks = tracker.clone();
        let task = async move {
            if let Some(before) = before {
                // One that panicked is a bug of ours, and is over.
                let _ = before.await;
            }
            carry_out_all(rest, trunk, context, (reports, unless), &tasks).await;
        };
        let task = tracker.spawn(task.instrument(span));
        if let Some(turn) = turn {
            if last.len() >= LOOK_THROUGH {
                last.retain(|_, task| !task.is_finished());
            }
            last.insert(turn, task);
        }
    }
    tracker.close();
    tracker.wait().await;
}

/// The leg whose earlier commands have to be carried out before this one; `None` for one that overtakes.
const fn turn_of(command: Command) -> Option<Leg> {
    match command {
        Command::Dial(leg)
        | Command::Screen(leg)
        | Command::Listen(leg)
        | Command::AwaitReady(leg)
        | Command::GiveBack(leg)
        | Command::Play(leg, _) => Some(leg),
        Command::Speak(..)
        | Command::Say(_)
        | Command::Hush(_)
        | Command::Release(_)
        | Command::StopPlay(_)
        | Command::HangUp(_) => None,
    }
}

/// Carries out one command, and what lasts as long as the call beside it.
async fn carry_out_all(
    rest: Rest,
    trunk: Arc<Trunk>,
    context: CommandContext,
    (reports, unless): (Reports, CancellationToken),
    tasks: &TaskTracker,
) {
    // Before the PBX is asked to connect.
    let coming = coming(&rest, &trunk, &context);
    if let Some(event) = carry_out(&rest, &trunk, &context, &unless).await {
        return reports.send(event).await;
    }
    let (drop, command) = (context.drop, context.command);
    if let (Command::Listen(leg), Some(spec), Some(given)) = (command, context.spec, context.listen)
    {
        let Some(coming) = coming else {
            let why = "this run does not listen".to_owned();
            return reports.send(Event::TapLost { leg, why }).await;
        };
        let listening = async move {
            let leg = (drop, leg);
            listener::listen(rest, &trunk, leg, &spec, coming, given, &reports).await;
        };
        tasks.spawn(listening.instrument(Span::current()));
    }
}

/// The audio connection that comes of a command.
fn coming(rest: &Rest, trunk: &Trunk, context: &CommandContext) -> Option<Coming> {
    let (Command::Listen(leg), Some(spec)) = (context.command, &context.spec) else {
        return None;
    };
    Some(match trunk.media.as_ref()? {
        Carrier::AudioSocket(media) => Coming::ToUs(media.expect(spec.connections.of(leg))),
        Carrier::WebSocket(sockets) => Coming::from_us(TapChannels {
            rest: rest.clone(),
            sockets: sockets.clone(),
            app: trunk.app.clone(),
            leg: ChannelId::leg(trunk.run.clone(), context.drop, leg),
            lasts: spec.plan.longest_listening() + PLAY_GRACE,
            entered: Arc::default(),
        }),
    })
}

/// Calls that may still wait to be sent, behind others: one that is to be hung up before it was sent is not sent at all.
#[derive(Default)]
struct Dials(BTreeMap<(DropId, Leg), CancellationToken>);

impl Dials {
    /// Takes note of a command; the token that it returns ends the command if it has not been sent.
    fn note(&mut self, drop: DropId, command: Command) -> CancellationToken {
        let unless = CancellationToken::new();
        match command {
            Command::Dial(leg) => {
                if self.0.len() >= DIALS_KEPT {
                    // The oldest drop's was sent, or refused, long ago.
                    self.0.pop_first();
                }
                self.0.insert((drop, leg), unless.clone());
            }
            Command::HangUp(leg) => {
                if let Some(dial) = self.0.remove(&(drop, leg)) {
                    dial.cancel();
                }
            }
            Command::Screen(_)
            | Command::Listen(_)
            | Command::AwaitReady(_)
            | Command::GiveBack(_)
            | Command::Play(..)
            | Command::Speak(..)
            | Command::Say(_)
            | Command::Hush(_)
            | Command::Release(_)
            | Command::StopPlay(_) => {}
        }
        unless
    }
}

/// Carries out one command; the answer is what the drop must hear of it.
async fn carry_out(
    rest: &Rest,
    trunk: &Trunk,
    context: &CommandContext,
    unless: &CancellationToken,
) -> Option<Event> {
    let command = context.command;
    debug!(?command, "asked of the pbx");
    for round in steps(trunk, context.drop, command, context.spec.as_deref()) {
        let round = round.into_iter().map(|step| take(rest, unless, step));
        match all_done(join_all(round).await) {
            Ok(taken) => {
                if let Command::HangUp(leg) = command
                    && taken.contains(&Taken::NotThere)
                {
                    return Some(Event::Absent(leg));
                }
            }
            Err(failure) => {
                let failure = match taken_over(trunk, context) {
                    Some(channel) => found_out(rest, &channel, failure).await,
                    None => failure,
                };
                debug!(?command, kind = ?failure.kind, detail = failure.detail, "refused by the pbx");
                let why = Refusal::from(failure);
                return Some(Event::Refused { command, why });
            }
        }
    }
    match command {
        Command::Dial(leg) => Some(Event::Accepted(leg)),
        Command::GiveBack(leg) => Some(Event::GivenBack(leg)),
        Command::Screen(_)
        | Command::Listen(_)
        | Command::AwaitReady(_)
        | Command::Speak(..)
        | Command::Say(_)
        | Command::Hush(_)
        | Command::Release(_)
        | Command::Play(..)
        | Command::StopPlay(_)
        | Command::HangUp(_) => None,
    }
}

/// The channel that a command is the first to ask something of, and that somebody else has made.
fn taken_over(trunk: &Trunk, context: &CommandContext) -> Option<ChannelId> {
    let (Command::Listen(leg) | Command::AwaitReady(leg) | Command::Play(leg, _)) = context.command
    else {
        return None;
    };
    let is_adopted = context.spec.as_ref()?.adopted.is_some();
    is_adopted.then(|| ChannelId::leg(trunk.run.clone(), context.drop, leg))
}

/// Why a channel could not be taken over. One that has ended since it was handed over is refused in many ways, and the event of its
/// end may have come before it was ours: so it is asked for.
async fn found_out(rest: &Rest, channel: &ChannelId, failure: Failure) -> Failure {
    match failure.kind {
        RefusalKind::WrongState | RefusalKind::Rejected | RefusalKind::Failed => {
            match rest.channel(&channel.to_string()).await {
                Ok(None) => Failure {
                    kind: RefusalKind::NotFound,
                    ..failure
                },
                Ok(Some(_)) | Err(_) => failure,
            }
        }
        // That is so already, or the PBX does not answer.
        RefusalKind::NotFound
        | RefusalKind::NotMade
        | RefusalKind::Unreachable
        | RefusalKind::TooLate
        | RefusalKind::NoReply => failure,
    }
}

/// The requests that carry out a command, by round. None for a command of a drop that has ended, but for a hang-up.
fn steps(trunk: &Trunk, drop: DropId, command: Command, spec: Option<&CallSpec>) -> [Vec<Step>; 2] {
    let Rounds {
        mut variables,
        mut beside,
        then,
    } = own_steps(trunk, drop, command, spec);
    if let (Command::Listen(leg) | Command::AwaitReady(leg) | Command::Play(leg, _), Some(spec)) =
        (command, spec)
        && spec.adopted.is_some()
    {
        // What a call needs that somebody else has made before it goes where one of ours would: its events, a limit, and the
        // variables that ours have since their originate.
        let channel = ChannelId::leg(trunk.run.clone(), drop, leg);
        beside.push(Step::Subscribe(trunk.app.clone(), channel));
        if !variables.iter().any(|(name, _)| *name == LIMIT) {
            variables.push(limit(spec.plan.screening_timeout));
        }
        if !matches!(command, Command::Play(..)) {
            variables.extend(self::variables(trunk, drop, leg, spec));
        }
    }
    if let (false, Some(leg)) = (variables.is_empty(), turn_of(command)) {
        let channel = ChannelId::leg(trunk.run.clone(), drop, leg);
        beside.push(Step::SetVariables(channel, variables));
    }
    [beside, then.into_iter().collect()]
}

/// What a command asks for, and what has to be so before it.
#[derive(Default)]
struct Rounds {
    /// Variables and functions of the leg's channel.
    variables: Vec<(&'static str, String)>,
    /// What is asked for beside them.
    beside: Vec<Step>,
    then: Option<Step>,
}

impl From<Step> for Rounds {
    fn from(then: Step) -> Self {
        Self {
            then: Some(then),
            ..Self::default()
        }
    }
}

/// What carries out a command on a leg that is in our hands.
fn own_steps(trunk: &Trunk, drop: DropId, command: Command, spec: Option<&CallSpec>) -> Rounds {
    let channel = |leg| ChannelId::leg(trunk.run.clone(), drop, leg);
    let playback = |play| PlaybackId {
        run: trunk.run.clone(),
        drop,
        play,
    };
    let set = |variables: Vec<_>, then| Rounds {
        variables,
        beside: Vec::new(),
        then,
    };
    match (command, spec) {
        (Command::HangUp(leg), _) => Step::HangUp(channel(leg)).into(),
        (Command::StopPlay(play), _) => Step::StopPlay(playback(play)).into(),
        (Command::Dial(leg), Some(spec)) => {
            Step::Originate(Box::new(originate(trunk, drop, leg, spec))).into()
        }
        (Command::Screen(leg), Some(spec)) => {
            let screening = Step::Continue(channel(leg), trunk.context.clone(), "s");
            set(answered(leg, spec.plan.screening_timeout), Some(screening))
        }
        (Command::Listen(leg), Some(_)) => match trunk.media {
            // It stays in our app.
            Some(Carrier::WebSocket(_)) => set(answered(leg, DEAD_MAN_LIMIT), None),
            // Its limit and its place in the call records are the dialplan's to set: all it needs, it has since the originate.
            Some(Carrier::AudioSocket(_)) | None => {
                Step::Continue(channel(leg), LISTEN_CONTEXT.to_owned(), "s").into()
            }
        },
        (Command::AwaitReady(leg), Some(spec)) => {
            let waiting = Step::Continue(channel(leg), trunk.context.clone(), "wait");
            set(
                vec![limit(spec.plan.ready_timeout + PLAY_GRACE)],
                Some(waiting),
            )
        }
        (Command::Play(leg, play), Some(spec)) => {
            let playing = Step::Play(channel(leg), playback(play), spec.media.clone());
            // Before the play: during it the request would wait until it has ended.
            set(
                vec![limit(spec.plan.message_limit() + PLAY_GRACE)],
                Some(playing),
            )
        }
        (Command::GiveBack(leg), Some(_)) => {
            let back = Step::Continue(channel(leg), BACK_CONTEXT.to_owned(), "s");
            Rounds {
                variables: vec![(LIMIT, NO_LIMIT.to_owned()), (STATUS, HUMAN.to_owned())],
                // What it does from there on is none of ours.
                beside: vec![Step::Unsubscribe(trunk.app.clone(), channel(leg))],
                then: Some(back),
            }
        }
        // The listener's, who has the connection.
        (Command::Speak(..) | Command::Say(_) | Command::Hush(_) | Command::Release(_), _)
        | (
            Command::Dial(_)
            | Command::Screen(_)
            | Command::Listen(_)
            | Command::AwaitReady(_)
            | Command::GiveBack(_)
            | Command::Play(..),
            None,
        ) => Rounds::default(),
    }
}

/// What an answered leg needs, by either way of detection.
fn answered(leg: Leg, after: Duration) -> Vec<(&'static str, String)> {
    let mut variables = vec![limit(after)];
    if leg == Leg::Busy {
        // From here on it is a call like any other, and belongs in the books.
        variables.push((NO_CDR, "0".into()));
    }
    variables
}

/// What the dialplan has to know of a leg.
fn variables(
    trunk: &Trunk,
    drop: DropId,
    leg: Leg,
    spec: &CallSpec,
) -> Vec<(&'static str, String)> {
    let unsure = match spec.plan.when_unsure {
        WhenUnsure::HangUp => "hang_up",
        WhenUnsure::Play => "play",
    };
    let ready = whole_seconds(spec.plan.ready_timeout);
    let mut variables = vec![
        ("AFTERTONE_APP", trunk.app.clone()),
        ("AFTERTONE_DROP", drop.to_string()),
        ("AFTERTONE_READY_TIMEOUT", ready.to_string()),
        ("AFTERTONE_WHEN_UNSURE", unsure.to_owned()),
    ];
    let server = trunk.media.as_ref().and_then(Carrier::server);
    if let (Mode::Listen, Some(media)) = (spec.plan.mode, server) {
        let limit = whole_seconds(spec.plan.longest_listening() + PLAY_GRACE);
        variables.extend([
            ("AFTERTONE_LIMIT", limit.to_string()),
            ("AFTERTONE_EARS", media.address().to_owned()),
            ("AFTERTONE_UUID", spec.connections.of(leg).to_string()),
        ]);
    }
    variables
}

fn originate(trunk: &Trunk, drop: DropId, leg: Leg, spec: &CallSpec) -> Originate {
    let ring = Duration::from_secs(whole_seconds(spec.plan.ring_timeout(leg)));
    let limit = (ring + RING_GRACE).as_secs();
    let mut variables: BTreeMap<String, String> = variables(trunk, drop, leg, spec)
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
    variables.extend([
        (FORWARD_CONTEXT.to_owned(), NO_CONTEXT.to_owned()),
        (LIMIT.to_owned(), limit.to_string()),
    ]);
    if leg == Leg::Busy {
        variables.insert(NO_CDR.to_owned(), "1".to_owned());
    }
    let caller_id = spec.caller_id.as_ref().unwrap_or(&trunk.caller_id);
    Originate {
        channel: ChannelId::leg(trunk.run.clone(), drop, leg),
        endpoint: trunk.endpoint.dial_string(&spec.number),
        caller_id: caller_id.as_str().to_owned(),
        app: trunk.app.clone(),
        app_args: drop.to_string(),
        timeout: ring,
        variables,
        by: match (leg, spec.plan.technique) {
            (Leg::Busy, _) | (Leg::Drop, Technique::Single) => Some(spec.dial_by),
            // The first call is up, or this one is.
            (Leg::Drop, Technique::Double | Technique::Adopted) => None,
        },
        unless: CancellationToken::new(),
    }
}

/// The PBX's own time limit of a channel, counted from when it is set.
fn limit(after: Duration) -> (&'static str, String) {
    (LIMIT, whole_seconds(after).to_string())
}

#[derive(Clone, Debug)]
enum Step {
    Originate(Box<Originate>),
    SetVariables(ChannelId, Vec<(&'static str, String)>),
    Continue(ChannelId, String, &'static str),
    Subscribe(String, ChannelId),
    Unsubscribe(String, ChannelId),
    Play(ChannelId, PlaybackId, String),
    StopPlay(PlaybackId),
    HangUp(ChannelId),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Taken {
    Done,
    NotThere,
}

async fn take(rest: &Rest, unless: &CancellationToken, step: Step) -> Result<Taken, Failure> {
    match step {
        Step::Originate(mut originate) => {
            originate.unless = unless.clone();
            rest.originate(&originate).await?;
        }
        Step::SetVariables(channel, variables) => {
            rest.set_variables_of(&channel.to_string(), &variables)
                .await?;
        }
        Step::Continue(channel, context, extension) => {
            rest.continue_in(&channel, &context, extension, 1).await?;
        }
        Step::Subscribe(app, channel) => {
            rest.subscribe(&app, &[format!("channel:{channel}")])
                .await?;
        }
        Step::Unsubscribe(app, channel) => {
            rest.unsubscribe(&app, &[format!("channel:{channel}")])
                .await?;
        }
        Step::Play(channel, playback, media) => rest.play(&channel, &playback, &media).await?,
        Step::StopPlay(playback) => {
            rest.stop_play(&playback).await?;
        }
        Step::HangUp(channel) => {
            return Ok(match rest.hang_up(&channel.to_string()).await? {
                HangUp::Done => Taken::Done,
                HangUp::NotThere => Taken::NotThere,
            });
        }
    }
    Ok(Taken::Done)
}

/// The dialplan context in which an answered leg connects its audio to us.
pub(crate) const LISTEN_CONTEXT: &str = "aftertone-listen";

/// The dialplan context that sends a call on in which a person is, to whoever the dialplan says.
const BACK_CONTEXT: &str = "aftertone-left";

/// The variable that says to the dialplan what became of a call that was handed over.
pub(crate) const STATUS: &str = "AFTERTONE_STATUS";

/// Its value if a person was on the line.
const HUMAN: &str = "human";

/// From how many legs on those whose commands are carried out are forgotten.
const LOOK_THROUGH: usize = 1_024;

/// The variable that names the context in which Asterisk looks for the number that the network redirects a call to; unset, it
/// is the context of the trunk.
const FORWARD_CONTEXT: &str = "FORWARD_CONTEXT";

/// A context that no dialplan has: a call that is redirected into it ends, and rings no telephone that the gate was not
/// asked about.
const NO_CONTEXT: &str = "aftertone-redirects-nowhere";

/// What the limit at originate grants beyond the ring time: until the answered leg is in our hands.
const RING_GRACE: Duration = Duration::from_secs(10);

/// What the limit of a play grants beyond the message's length.
const PLAY_GRACE: Duration = Duration::from_secs(5);

/// How many calls are remembered that may still wait: more than can be begun while one waits.
const DIALS_KEPT: usize = 4_096;

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use secrecy::SecretString;

    use super::*;
    use crate::{
        ari::{Access, MediaServer, MediaSettings, Pbx, PbxSettings, WebSockets},
        clock,
        config::Endpoint,
        drop::{Adoption, Plan, Voice, WhenBusyLegAnswered, WhenScreened},
        id::{Play, RunName},
        phone::{CallerId, PhoneNumber, Rules},
        screen::Settings,
    };

    #[test]
    fn each_command_becomes_its_requests_in_two_rounds_at_most() {
        use Command as C;
        use Leg::{Busy, Drop};
        let rows = [
            (
                C::Screen(Drop),
                "drop TIMEOUT(absolute)=90; drop continue aftertone-screen,s",
            ),
            (
                C::Screen(Busy),
                "busy TIMEOUT(absolute)=90, CDR_PROP(disable)=0; busy continue aftertone-screen,s",
            ),
            (C::Listen(Drop), "drop continue aftertone-listen,s"),
            (C::Listen(Busy), "busy continue aftertone-listen,s"),
            (
                C::AwaitReady(Drop),
                "drop TIMEOUT(absolute)=65; drop continue aftertone-screen,wait",
            ),
            (
                C::Play(Drop, Play(2)),
                "drop TIMEOUT(absolute)=13; drop play2 sound:/x/spring",
            ),
            (C::Speak(Drop, Play(1)), ""),
            (C::Say(Drop), ""),
            (C::Hush(Play(1)), ""),
            (C::Release(Drop), ""),
            (C::StopPlay(Play(2)), "stop play2"),
            (C::HangUp(Busy), "busy hang up"),
        ];
        for (command, expected) in rows {
            assert_eq!(told(command, Some(&spec())), expected);
        }
    }

    #[test]
    fn a_call_that_is_taken_over_gets_a_limit_before_it_goes_anywhere_and_none_when_it_goes_back() {
        use Command as C;
        let mut adopted = spec();
        adopted.plan.technique = Technique::Adopted;
        adopted.adopted = Some("1700000000.42".to_owned());
        let begins = |limit: u32| {
            format!(
                "drop heard by aftertone-run1 + drop TIMEOUT(absolute)={limit}, AFTERTONE_APP=aftertone-run1, \
                 AFTERTONE_DROP=00000000000000000000000000000007, AFTERTONE_READY_TIMEOUT=60, \
                 AFTERTONE_WHEN_UNSURE=hang_up; "
            )
        };
        assert_eq!(
            told(C::Listen(Leg::Drop), Some(&adopted)),
            format!("{}drop continue aftertone-listen,s", begins(90))
        );
        // One limit: two would be set in no certain order.
        assert_eq!(
            told(C::AwaitReady(Leg::Drop), Some(&adopted)),
            format!("{}drop continue aftertone-screen,wait", begins(65))
        );
        assert_eq!(
            told(C::Play(Leg::Drop, Play(1)), Some(&adopted)),
            "drop heard by aftertone-run1 + drop TIMEOUT(absolute)=13; drop play1 sound:/x/spring"
        );
        assert_eq!(
            told(C::GiveBack(Leg::Drop), Some(&adopted)),
            "drop unheard by aftertone-run1 + drop TIMEOUT(absolute)=0, AFTERTONE_STATUS=human; \
             drop continue aftertone-left,s"
        );
        assert_eq!(told(C::HangUp(Leg::Drop), Some(&adopted)), "drop hang up");
        assert_eq!(told(C::GiveBack(Leg::Drop), None), "");
    }

    #[test]
    fn a_leg_that_we_connect_to_stays_in_our_app_on_a_short_limit() {
        let pbx = PbxSettings {
            url: "http://127.0.0.1:1".into(),
            username: "me".into(),
            password: SecretString::from("secret"),
            ca_file: None,
            request_timeout: Duration::from_secs(1),
        };
        let sockets = WebSockets::new(&Pbx::new(&pbx).unwrap(), None).unwrap();
        let trunk = Trunk {
            media: Some(Carrier::WebSocket(sockets)),
            ..trunk()
        };
        let told = |leg| {
            let command = Command::Listen(leg);
            told_on(&trunk, command, Some(&spec()))
        };
        assert_eq!(told(Leg::Drop), "drop TIMEOUT(absolute)=10");
        assert_eq!(
            told(Leg::Busy),
            "busy TIMEOUT(absolute)=10, CDR_PROP(disable)=0"
        );
        let mut spec = spec();
        spec.plan.mode = Mode::Listen;
        let call = originate(&trunk, DropId::from_u128(7), Leg::Drop, &spec);
        assert!(!call.variables.contains_key("AFTERTONE_EARS"));
    }

    #[test]
    fn a_hang_up_takes_back_the_call_of_its_leg_alone() {
        use Command as C;
        let mut dials = Dials::default();
        let (one, two) = (DropId::from_u128(1), DropId::from_u128(2));
        let calls = [(one, Leg::Busy), (one, Leg::Drop), (two, Leg::Drop)];
        let calls = calls.map(|(drop, leg)| dials.note(drop, C::Dial(leg)));
        let stop = dials.note(one, C::HangUp(Leg::Drop));
        assert!(!stop.is_cancelled());
        let ended = calls.iter().map(CancellationToken::is_cancelled);
        assert_eq!(ended.collect::<Vec<_>>(), [false, true, false]);
        for nth in 0..2 * DIALS_KEPT {
            dials.note(DropId::from_u128(nth as u128), C::Dial(Leg::Drop));
        }
        assert!(dials.0.len() <= DIALS_KEPT);
    }

    #[test]
    fn a_drop_that_has_ended_can_only_be_let_go() {
        use Command as C;
        for leg in Leg::BOTH {
            for command in [
                C::Dial(leg),
                C::Screen(leg),
                C::Listen(leg),
                C::AwaitReady(leg),
                C::Play(leg, Play(1)),
            ] {
                assert_eq!(told(command, None), "", "{command:?}");
            }
            assert_eq!(told(C::HangUp(leg), None), format!("{leg} hang up"));
        }
    }

    #[test]
    fn an_originate_carries_the_limits_that_outlive_us() {
        let call = |leg| originate(&trunk(), DropId::from_u128(7), leg, &spec());
        let (busy, drop) = (call(Leg::Busy), call(Leg::Drop));
        assert_eq!(
            busy.timeout,
            Duration::from_secs(48),
            "lead and answer timeout, rounded up"
        );
        assert_eq!(drop.timeout, Duration::from_secs(45));
        assert_eq!(busy.variables[LIMIT], "58");
        assert_eq!(drop.variables[LIMIT], "55");
        assert_eq!(busy.variables[NO_CDR], "1");
        assert!(!drop.variables.contains_key(NO_CDR));
        assert_eq!(drop.endpoint, "PJSIP/+12025550101@trunk");
        assert_eq!(drop.app_args, DropId::from_u128(7).to_string());
        assert_eq!(drop.variables["AFTERTONE_APP"], "aftertone-run1");
        assert_eq!(drop.variables["AFTERTONE_DROP"], drop.app_args);
        assert_eq!(drop.variables["AFTERTONE_READY_TIMEOUT"], "60");
        assert_eq!(drop.variables["AFTERTONE_WHEN_UNSURE"], "hang_up");
        for leg in [&busy, &drop] {
            assert_eq!(leg.variables[FORWARD_CONTEXT], NO_CONTEXT);
        }
    }

    #[test]
    fn a_leg_that_is_to_be_listened_to_knows_where_to_connect_and_until_when() {
        let listening = MediaSettings {
            host: Ipv4Addr::LOCALHOST.into(),
            ports: 0..=0,
            advertise: Some("ears.example:9092".into()),
            access: Access::default(),
        };
        let trunk = Trunk {
            media: Some(Carrier::AudioSocket(
                MediaServer::bind(&listening, None).unwrap(),
            )),
            ..trunk()
        };
        let mut spec = spec();
        let of =
            |spec: &CallSpec, leg| originate(&trunk, DropId::from_u128(7), leg, spec).variables;
        assert!(!of(&spec, Leg::Drop).contains_key("AFTERTONE_EARS"));
        spec.plan.mode = Mode::Listen;
        let (busy, drop) = (of(&spec, Leg::Busy), of(&spec, Leg::Drop));
        assert_eq!(drop["AFTERTONE_EARS"], "ears.example:9092");
        assert_ne!(busy["AFTERTONE_UUID"], drop["AFTERTONE_UUID"]);
        assert_eq!(
            drop["AFTERTONE_LIMIT"], "237",
            "90 s of screening, three times the message, twice 60 s of waiting, and 5 s"
        );
    }

    #[test]
    fn what_ends_a_call_or_a_play_overtakes_and_all_else_about_a_leg_goes_in_order() {
        use Command as C;
        let drop = Leg::Drop;
        for command in [
            C::Dial(drop),
            C::Screen(drop),
            C::Listen(drop),
            C::AwaitReady(drop),
            C::GiveBack(drop),
            C::Play(drop, Play(1)),
        ] {
            assert_eq!(turn_of(command), Some(drop), "{command:?}");
        }
        for command in [C::HangUp(drop), C::StopPlay(Play(1))] {
            assert_eq!(turn_of(command), None, "{command:?}");
        }
    }

    #[test]
    fn a_drop_may_show_a_number_of_its_own() {
        let shown = |caller_id: Option<&str>| {
            let spec = CallSpec {
                caller_id: caller_id.map(|number| CallerId::parse(number).unwrap()),
                ..spec()
            };
            originate(&trunk(), DropId::from_u128(7), Leg::Drop, &spec).caller_id
        };
        assert_eq!(shown(None), "+12025550100");
        assert_eq!(shown(Some("+12025550199")), "+12025550199");
    }

    fn told(command: Command, spec: Option<&CallSpec>) -> String {
        told_on(&trunk(), command, spec)
    }

    /// The requests of a command: `;` between two rounds, `+` between those that go out side by side.
    fn told_on(trunk: &Trunk, command: Command, spec: Option<&CallSpec>) -> String {
        let rounds = steps(trunk, DropId::from_u128(7), command, spec);
        let rounds = rounds.iter().filter(|round| !round.is_empty());
        let told = rounds.map(|round| {
            let told: Vec<_> = round.iter().map(tell).collect();
            told.join(" + ")
        });
        told.collect::<Vec<_>>().join("; ")
    }

    fn tell(step: &Step) -> String {
        let role = |channel: &ChannelId| channel.to_string().rsplit('-').next().unwrap().to_owned();
        match step {
            Step::Originate(call) => format!("{} originate", role(&call.channel)),
            Step::SetVariables(channel, variables) => {
                let set = variables
                    .iter()
                    .map(|(name, value)| format!("{name}={value}"));
                format!("{} {}", role(channel), set.collect::<Vec<_>>().join(", "))
            }
            Step::Continue(channel, context, extension) => {
                format!("{} continue {context},{extension}", role(channel))
            }
            Step::Play(channel, playback, media) => {
                format!("{} play{} {media}", role(channel), playback.play.0)
            }
            Step::Subscribe(app, channel) => format!("{} heard by {app}", role(channel)),
            Step::Unsubscribe(app, channel) => format!("{} unheard by {app}", role(channel)),
            Step::StopPlay(playback) => format!("stop play{}", playback.play.0),
            Step::HangUp(channel) => format!("{} hang up", role(channel)),
        }
    }

    fn trunk() -> Trunk {
        Trunk {
            run: RunName::new("run1").unwrap(),
            app: "aftertone-run1".into(),
            context: "aftertone-screen".into(),
            endpoint: Endpoint::parse("PJSIP/{number}@trunk").unwrap(),
            caller_id: CallerId::parse("+12025550100").unwrap(),
            media: None,
            amd: true,
            ears: Settings::default(),
            prompt: None,
            recogniser: None,
            prompts: None,
        }
    }

    fn spec() -> CallSpec {
        CallSpec::new(
            DropId::from_u128(7),
            PhoneNumber::parse("+12025550101", Rules::default()).unwrap(),
            Plan {
                technique: Technique::Double,
                lead: Duration::from_millis(2_500),
                answer_timeout: Duration::from_secs(45),
                screening_timeout: Duration::from_secs(90),
                ready_timeout: Duration::from_secs(60),
                release_on_progress: None,
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
            },
            "sound:/x/spring".into(),
            clock::now() + Plan::DIAL_WITHIN,
        )
    }
}
