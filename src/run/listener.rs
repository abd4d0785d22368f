//! Lets a live leg be heard while it stays in our app, and tells the drop what the ears make of it.
//!
//! ```text
//!  leg ──snoop──> bridge <── tap ──AudioSocket──> Taps ──> Ears ──> events of the drop
//!   └───snoop──> amd ──> dialplan: AMD() ──> its word, one reason among others
//! ```
//!
//! While nobody plays to it the PBX's own limit of the leg is short, and renewed (see [`leash`]): should we die, nobody
//! who answered has to listen to nothing for long. Three channels and a bridge serve the drop and are gone when it is. Each step has a deadline; whatever fails, and
//! whatever stops coming, ends as [`Event::Deaf`], and the dialplan goes on in our place.

mod leash;
mod rig;

use std::time::{Duration, Instant};

use tokio::{
    sync::{mpsc, oneshot},
    task::JoinSet,
    time::{Instant as TokioInstant, sleep, sleep_until},
};
use tokio_util::bytes::Bytes;
use tracing::{Instrument as _, Span, debug};

pub(super) use self::{leash::LEASH, rig::AMD_CONTEXT};

use self::{leash::Leash, rig::Rig};
use super::dialler::{Reports, Sheet, Trunk};
use crate::{
    ari::{Expected, Failure, Frames, Rest, TapEnd},
    clock,
    drop::{Beeped, Event, Plan, ReadyPoint, Sit},
    evidence::{self, Tape},
    id::{ChannelId, DropId, Play, Role},
    screen::{Amd, At, Beep, Call, Ears, Heard, Message, SitClass},
    words::{Leg, ReadyBy, Verdict},
};

/// What a listener is given.
#[derive(Debug)]
pub(super) struct ToListener {
    /// What it has to know; closed when the drop has ended.
    pub(super) cues: mpsc::UnboundedReceiver<Cue>,
    /// What the calls tell beside their sound.
    pub(super) call: Call,
    /// What takes it down, where evidence is kept.
    pub(super) tape: Option<Tape>,
}

/// Something that whoever listens has to know.
#[derive(Debug)]
pub(super) enum Cue {
    /// A channel that serves the drop waits in our app.
    Entered(Role),
    /// AMD's word, as it stands in AMDSTATUS.
    Judged(String),
    /// The message begins to play, or begins again.
    Playing(Play),
    /// This play of it is over.
    Stopped(Play),
    /// Somebody else is about to set the leg's limit; the sender is told once no renewal is under way.
    LetGo(oneshot::Sender<()>),
    /// The leg is to be listened to again, and its limit is [`LEASH`] since a moment ago.
    TakeUp,
}

/// Has the listener let go of the leg's limit, and waits until it has. A leg without one needs no wait.
pub(super) async fn let_go(listener: Option<&mpsc::UnboundedSender<Cue>>) {
    let Some(cues) = listener else { return };
    let (done, told) = oneshot::channel();
    if cues.send(Cue::LetGo(done)).is_ok() {
        // A listener that is gone had let go before.
        let _ = told.await;
    }
}

/// Has the listener keep the leg's limit short again, which has just been set to [`LEASH`].
pub(super) fn take_up(listener: Option<&mpsc::UnboundedSender<Cue>>) {
    if let Some(cues) = listener {
        // It may have lost its tap meanwhile; the leg's limit is what the PBX has.
        let _ = cues.send(Cue::TakeUp);
    }
}

/// Listens to a leg until its drop has ended, or until it can be heard no more; then takes down all that served it.
pub(super) async fn listen(
    rest: Rest,
    trunk: &Trunk,
    (drop, leg): (DropId, Leg),
    sheet: &Sheet,
    given: ToListener,
    reports: &Reports,
) {
    let Some(taps) = &trunk.taps else {
        let why = "this run does not listen".to_owned();
        return reports.send(Event::Deaf { leg, why }).await;
    };
    let ToListener {
        mut cues,
        call,
        mut tape,
    } = given;
    let expected = taps.expect();
    let rig = Rig {
        rest,
        app: trunk.app.clone(),
        leg: ChannelId::leg(trunk.run.clone(), drop, leg),
        lasts: longest(&sheet.plan),
    };
    let mut ears = Ears::new(trunk.ears);
    ears.note_call(call);
    if let Some(tape) = &mut tape {
        tape.cue(evidence::Cue::Call(call));
    }
    let now = clock::now();
    let mut listener = Listener {
        rig,
        leg,
        echo: sheet.echo.clone(),
        reports,
        ears,
        tape,
        beep: None,
        chores: JoinSet::new(),
        bridging: Bridging::default(),
        leash: Leash::new(sheet.plan.screening_timeout, now),
        again: sheet.plan.ready_timeout,
        began: now,
        deadline: now + OPENING,
        heard: false,
    };
    listener.begin(&expected, taps.address());
    let heard = listener.hear(expected, &mut cues).await;
    if let Some(tape) = listener.tape.take() {
        tape.end(*listener.ears.settings(), heard.clone().err());
    }
    if let Err(why) = heard {
        listener.let_go().await;
        reports.send(Event::Deaf { leg, why }).await;
    }
    // A channel that enters our app from now on comes too late; nobody takes its cue, and the driver hangs it up.
    std::mem::drop(cues);
    listener.take_down().await;
}

/// One leg that is listened to.
struct Listener<'a> {
    rig: Rig,
    leg: Leg,
    echo: Option<Message>,
    reports: &'a Reports,
    ears: Ears,
    tape: Option<Tape>,
    /// The last beep.
    beep: Option<Beep>,
    /// Requests under way. They are never given up half-way: what they make has to be known to be taken down.
    chores: JoinSet<Chore>,
    bridging: Bridging,
    leash: Leash,
    /// How long at most the leg is listened to once the message has begun.
    again: Duration,
    began: Instant,
    /// When the tap counts as dead, unless audio comes before.
    deadline: Instant,
    /// Whether any audio came.
    heard: bool,
}

/// A request that is done.
enum Chore {
    /// Snoop, tap and bridge are made, or not.
    Made(Result<(), Failure>),
    /// Both channels should have entered our app by now.
    Waited,
    /// They are in the bridge, or not.
    Bridged(Result<(), Failure>),
    /// The PBX has given the leg more time, or not.
    Renewed(bool),
    /// Something that nothing depends on.
    Aside,
}

/// What has to be there before the two channels can be joined.
#[derive(Default)]
struct Bridging {
    made: bool,
    waited: bool,
    snoop: bool,
    tap: bool,
    begun: bool,
}

impl Listener<'_> {
    fn begin(&mut self, expected: &Expected, host: &str) {
        let (rig, host, uuid) = (self.rig.clone(), host.to_owned(), expected.uuid);
        self.chore(async move { Chore::Made(rig.make(host, uuid).await) });
        let rig = self.rig.clone();
        self.chore(async move {
            if let Err(failure) = rig.snoop(Role::Amd).await {
                debug!(words = failure.words, "no copy for amd");
            }
            Chore::Aside
        });
    }

    /// Listens until the drop has ended.
    ///
    /// # Errors
    /// Why the leg can be heard no more.
    async fn hear(
        &mut self,
        mut expected: Expected,
        cues: &mut mpsc::UnboundedReceiver<Cue>,
    ) -> Result<(), String> {
        let mut frames = None;
        loop {
            tokio::select! {
                biased;
                cue = cues.recv() => match cue {
                    Some(cue) => self.on_cue(cue),
                    None => return Ok(()),
                },
                Some(done) = self.chores.join_next() => {
                    // A chore that panicked is a bug of ours, and the tap fails by its deadline.
                    self.on_chore(done.unwrap_or(Chore::Aside))?;
                }
                audio = next(&mut frames) => {
                    let audio = audio.map_err(|end| end.to_string())?;
                    self.on_audio(&audio).await;
                }
                come = expected.come(), if frames.is_none() => frames = Some(come),
                () = sleep_until(TokioInstant::from_std(self.deadline)) => {
                    let now = clock::now();
                    if now < self.deadline + STALL {
                        return Err(self.silence());
                    }
                    // It was us who stood still, or the whole machine: the audio may only be on its way.
                    self.deadline = now + GAP;
                }
                () = at(self.leash.due()) => self.renew(),
            }
        }
    }

    fn on_cue(&mut self, cue: Cue) {
        match cue {
            Cue::Entered(Role::Snoop) => self.bridging.snoop = true,
            Cue::Entered(Role::Tap) => self.bridging.tap = true,
            Cue::Entered(Role::Amd) => {
                let rig = self.rig.clone();
                self.chore(async move {
                    if let Err(failure) = rig.run_amd().await {
                        debug!(words = failure.words, "amd does not listen");
                    }
                    Chore::Aside
                });
            }
            Cue::Entered(Role::Leg(_)) => {}
            Cue::Judged(status) => {
                debug!(status, "the word of amd");
                let word = match status.as_str() {
                    "MACHINE" => Amd::Machine,
                    "HUMAN" => Amd::Human,
                    _ => Amd::Unsure,
                };
                self.note(evidence::Cue::Amd(word));
                self.ears.note_amd(word);
                let rig = self.rig.clone();
                self.chore(async move {
                    rig.end(Role::Amd).await;
                    Chore::Aside
                });
            }
            Cue::Playing(play) => {
                self.note(evidence::Cue::Playing(play));
                self.ears.playing(self.echo.clone());
            }
            Cue::Stopped(play) => self.note(evidence::Cue::Stopped(play)),
            Cue::LetGo(done) => self.leash.let_go(done),
            Cue::TakeUp => self.leash.take_up(self.again, clock::now()),
        }
        self.bridge_when_ready();
    }

    /// Takes down what the ears are told, where evidence is kept.
    fn note(&mut self, cue: evidence::Cue) {
        if let Some(tape) = &mut self.tape {
            tape.cue(cue);
        }
    }

    fn on_chore(&mut self, chore: Chore) -> Result<(), String> {
        match chore {
            Chore::Made(Ok(())) => {
                self.bridging.made = true;
                self.chore(async {
                    sleep(ENTERING).await;
                    Chore::Waited
                });
            }
            Chore::Waited => self.bridging.waited = true,
            Chore::Bridged(Ok(())) if !self.heard => self.deadline = clock::now() + GAP,
            Chore::Bridged(Ok(())) | Chore::Aside => {}
            Chore::Renewed(done) => self.leash.renewed(done, clock::now()),
            Chore::Made(Err(failure)) => {
                return Err(format!("the PBX made no tap: {}", failure.words));
            }
            Chore::Bridged(Err(failure)) => {
                return Err(format!("the PBX did not join the tap: {}", failure.words));
            }
        }
        self.bridge_when_ready();
        Ok(())
    }

    /// Asks the PBX for more time for the leg.
    fn renew(&mut self) {
        let (rig, limit) = (self.rig.clone(), self.leash.renew(clock::now()));
        self.chore(async move { Chore::Renewed(rig.renew(limit).await) });
    }

    /// Leaves the leg's limit to others: waits until no renewal is under way.
    async fn let_go(&mut self) {
        while self.leash.is_pulling() {
            match self.chores.join_next().await {
                Some(Ok(Chore::Renewed(done))) => self.leash.renewed(done, clock::now()),
                Some(_) => {}
                None => return,
            }
        }
    }

    /// Joins the two channels once both are in our app; or without having heard of it, as when the event link is down.
    fn bridge_when_ready(&mut self) {
        let Bridging {
            made,
            waited,
            snoop,
            tap,
            begun,
        } = self.bridging;
        if made && !begun && (waited || (snoop && tap)) {
            self.bridging.begun = true;
            let rig = self.rig.clone();
            self.chore(async move { Chore::Bridged(rig.bridge().await) });
        }
    }

    async fn on_audio(&mut self, audio: &[u8]) {
        let now = clock::now();
        self.deadline = now + GAP;
        if !std::mem::replace(&mut self.heard, true) {
            let after = (now - self.began).as_millis();
            debug!(
                ms = u64::try_from(after).unwrap_or(u64::MAX),
                "the first audio came"
            );
        }
        let mut told = Vec::new();
        let mut samples = [0; PIECE];
        for bytes in audio.chunks(PIECE * 2) {
            let pairs = bytes.as_chunks::<2>().0;
            for (sample, pair) in samples.iter_mut().zip(pairs) {
                *sample = i16::from_le_bytes(*pair);
            }
            let samples = &samples[..pairs.len()];
            if let Some(tape) = &mut self.tape {
                tape.sound(samples);
            }
            self.ears.hear(samples, &mut |heard| told.push(heard));
        }
        let now = self.ears.now();
        for heard in told {
            debug!(?heard, "heard");
            if let Some(tape) = &mut self.tape {
                tape.told(&heard);
            }
            if let Heard::Beep(beep) | Heard::LateBeep(beep) = heard {
                self.beep = Some(beep);
            }
            let beeped = self.beep.map(|beep| ago(beep, now));
            if let Some(event) = meaning(self.leg, &heard, beeped) {
                self.reports.send(event).await;
            }
        }
    }

    fn silence(&self) -> String {
        if self.bridging.begun {
            format!("no audio came for {} ms", GAP.as_millis())
        } else {
            format!("the PBX made no tap within {} s", OPENING.as_secs())
        }
    }

    fn chore(&mut self, chore: impl Future<Output = Chore> + Send + 'static) {
        self.chores.spawn(chore.instrument(Span::current()));
    }

    /// Takes down all that served the drop, once nothing more of it can come into being.
    async fn take_down(mut self) {
        while self.chores.join_next().await.is_some() {}
        let rig = &self.rig;
        tokio::join!(
            rig.end(Role::Tap),
            rig.end(Role::Snoop),
            rig.end(Role::Amd),
            rig.end_bridge(),
        );
    }
}

/// How long a drop can last from answer on.
fn longest(plan: &Plan) -> Duration {
    let plays = plan.max_restarts + 1;
    plan.screening_timeout + (plan.message_limit() + plan.ready_timeout) * plays + CLEARING
}

async fn at(due: Option<Instant>) {
    match due {
        Some(due) => sleep_until(TokioInstant::from_std(due)).await,
        None => std::future::pending().await,
    }
}

/// The next piece of audio; waits for ever where there is no tap yet.
async fn next(frames: &mut Option<Frames>) -> Result<Bytes, TapEnd> {
    match frames {
        Some(frames) => frames.next().await,
        None => std::future::pending().await,
    }
}

/// A beep by how long ago it was, in steps of the ears' samples.
fn ago(beep: Beep, now: At) -> Beeped {
    let since = |at: At| Duration::from_secs_f64(now.seconds() - at.min(now).seconds());
    Beeped {
        hz: beep.hz.round() as u32,
        began: since(beep.start),
        ended: since(beep.end),
    }
}

/// What something heard means to the drop; `beeped` is the last beep before it.
fn meaning(leg: Leg, heard: &Heard, beeped: Option<Beeped>) -> Option<Event> {
    match heard {
        Heard::Verdict {
            verdict: Verdict::Sit,
            sit,
            reasons,
            ..
        } => Some(Event::Intercepted {
            leg,
            sit: match sit {
                Some(SitClass::Vacant | SitClass::Intercept) => Sit::Invalid,
                Some(SitClass::Reorder | SitClass::NoCircuit) => Sit::Congestion,
                Some(SitClass::Other) | None => Sit::Other,
            },
            cause: reasons.to_string(),
        }),
        Heard::Verdict {
            verdict, reasons, ..
        } => Some(Event::Screened {
            leg,
            verdict: *verdict,
            cause: reasons.to_string(),
        }),
        Heard::Ready { by, .. } => {
            let point = match (by, beeped) {
                (ReadyBy::Beep, Some(beeped)) => ReadyPoint::Beep(beeped),
                // A beep that was not told of proves nothing.
                (ReadyBy::Beep | ReadyBy::Silence, _) => ReadyPoint::Silence,
                (ReadyBy::Dialplan, _) => ReadyPoint::Dialplan,
            };
            Some(Event::Ready(leg, point))
        }
        Heard::LateBeep(_) => Some(Event::LateBeep(leg)),
        Heard::LimitBeep(_) => Some(Event::LimitBeep(leg)),
        Heard::Voice { answers: false, .. } => Some(Event::Interrupted(leg)),
        // The verdict that it is a person comes with it.
        Heard::Voice { answers: true, .. }
        | Heard::SpeechBegan { .. }
        | Heard::SpeechEnded { .. }
        | Heard::Signal { .. }
        | Heard::Beep(_) => None,
    }
}

/// Until snoop, tap and bridge are there and joined. Measured: 25 ms on an idle PBX, and under 100 at once 1 s.
const OPENING: Duration = Duration::from_secs(2);

/// Without audio for so long the tap is dead: the snoop sends 20 ms every 20 ms, silence included. A PBX that is killed, or
/// ends the tap, is heard of at once by the socket; one that stood still for a moment, as a virtual machine that shares its
/// cores does, still has the rest of the greeting to tell. The dialplan's AMD would hear a piece of it and call that a person's.
const GAP: Duration = Duration::from_secs(2);

/// A deadline that is seen so much later was slept through.
const STALL: Duration = Duration::from_millis(100);

/// How long after they were made both channels should have entered our app, should their telling be lost.
const ENTERING: Duration = Duration::from_millis(400);

/// What a drop may need beyond its deadlines until its legs are gone and all is taken down.
const CLEARING: Duration = Duration::from_secs(60);

/// Samples handed to the ears at once: one frame of Asterisk's.
const PIECE: usize = 160;

#[cfg(test)]
mod tests;
