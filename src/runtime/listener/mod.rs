//! Hears a live leg over its audio connection, says to the drop what the ears make of it, and speaks for the drop.
//!
//! ```text
//!  leg in AudioSocket() <──tcp──> Connection ── sound ──> Ears ──> events of the drop
//!                                     ^ └── what became of ours ──────^
//!                                     └── speak, hush, goodbye <── cues of the drop
//!  leg ──snoop──> copy ──> dialplan: AMD() ──> its word, one reason among others
//! ```
//!
//! If we connect to the PBX, the leg stays in our app, in a bridge with the channel of the connection (`tap_channels`, `coming`); after
//! that, this says itself that the leg is free, once nothing of ours is on its way to it any more.
//!
//! Sound and what became of ours come by one queue, so that the ears know to the sample when the message began. Whatever
//! ends the connection ends as [`Event::TapLost`], unless the drop asked for it.

mod amd;
mod coming;
mod tap_channels;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{
    sync::mpsc,
    task::JoinSet,
    time::{Instant as TokioInstant, sleep_until, timeout},
};
use tracing::{Instrument as _, Span, debug};

pub(crate) use self::{
    amd::AMD_CONTEXT,
    coming::Coming,
    tap_channels::{DEAD_MAN_LIMIT, TapChannels},
};

use self::amd::AmdCopy;
use super::{
    call::{CallSpec, Reports, Trunk},
    prompts::CallPrompts,
    recogniser::{CallWords, Phrase, Recogniser},
};
use crate::{
    ari::{Connection, FromCall, Order, Rest},
    clock,
    drop::{Beeped, Begin, Event, ReadyPoint, Sit, SpokenEnd},
    evidence::{self, Recorder},
    id::{ChannelId, DropId, Play, Role},
    screen::{Amd, At, Beep, Call, Ears, Heard, Hint, HintSource, Message, Reason, SitClass},
    words::{Leg, ReadyBy, Verdict},
};

/// What a listener is given.
#[derive(Debug)]
pub(crate) struct ToListener {
    /// What it has to know; closed when the drop has ended.
    pub(crate) cues: mpsc::UnboundedReceiver<Cue>,
    /// What the calls show beside their sound.
    pub(crate) call: Call,
    /// What takes it down, if evidence is kept.
    pub(crate) tape: Option<Recorder>,
}

/// Something that a listener has to know or to do.
#[derive(Clone, Debug)]
pub(crate) enum Cue {
    /// A channel that serves the drop waits in our app.
    Entered(Role),
    /// AMD's word, as AMDSTATUS has it.
    Judged(String),
    /// Send the message.
    Speak(Play),
    /// Send the prompt that answers a call screener.
    Say,
    /// Send no more of it.
    Hush(Play),
    /// End the connection in an orderly way.
    Goodbye,
    /// The leg is not in `AudioSocket()` any more.
    Returned,
}

/// Listens to a leg until its drop has ended, or until the connection has.
pub(super) async fn listen(
    rest: Rest,
    trunk: &Trunk,
    (drop, leg): (DropId, Leg),
    spec: &CallSpec,
    mut coming: Coming,
    given: ToListener,
    reports: &Reports,
) {
    let ToListener {
        mut cues,
        call,
        mut tape,
    } = given;
    let mut ears = Ears::new(trunk.ears);
    ears.note_call(call);
    if let Some(tape) = &mut tape {
        tape.cue(evidence::RecordedCue::Call(call));
    }
    let prompts = trunk.prompts.as_ref().map(CallPrompts::new);
    let now = clock::now();
    let channel = ChannelId::leg(trunk.run.clone(), drop, leg);
    let mut listener = Listener {
        amd: AmdCopy::new(rest.clone(), trunk.app.clone(), channel),
        // AMD goes by how a call begins, and the beginning of one that is taken over was not heard.
        wants_amd: trunk.amd && spec.adopted.is_none(),
        at_once: spec.adopted.is_some() && spec.plan.adoption.begin == Begin::AtOnce,
        rest,
        leg,
        sound: spec.sound.clone(),
        echo: spec.echo.clone(),
        prompt: trunk.prompt.clone(),
        words: trunk.recogniser.as_ref().map(Recogniser::hear),
        words_from: 0,
        phrases: 0,
        reports,
        ears,
        prompts,
        tape,
        beep: None,
        connection: None,
        tasks: JoinSet::new(),
        speaks: false,
        parting: false,
        released: false,
        began: now,
        deadline: now + OPENING,
        bridge: None,
        bridged: 0,
    };
    let heard = listener.hear(&mut coming, &mut cues).await;
    if let Some(tape) = listener.tape.take() {
        tape.end(*listener.ears.settings(), heard.clone().err());
    }
    if let Some(prompts) = listener.prompts.take() {
        prompts.end(drop, spec.number.clone(), spec.campaign);
    }
    // From here on the PBX sees that the connection is closed.
    listener.connection = None;
    let is_left = heard.is_err() || listener.released;
    if let Err(why) = heard {
        reports.send(Event::TapLost { leg, why }).await;
    }
    if coming.end().await && is_left && !cues.is_closed() {
        // It has been in our app all along, and nothing of ours is on its way to it any more.
        reports.send(Event::Returned(leg)).await;
    }
    // A copy that enters our app from now on comes too late; the driver hangs it up.
    std::mem::drop(cues);
    while listener.tasks.join_next().await.is_some() {}
}

/// One leg that is listened to.
struct Listener<'a> {
    rest: Rest,
    amd: AmdCopy,
    wants_amd: bool,
    /// The message begins as soon as there is a connection.
    at_once: bool,
    leg: Leg,
    sound: Option<Arc<[i16]>>,
    echo: Option<Message>,
    prompt: Option<Arc<[i16]>>,
    /// What hears the words of this call.
    words: Option<CallWords>,
    /// What was said before this sample counts no more.
    words_from: u64,
    /// Phrases that were recognised.
    phrases: u32,
    reports: &'a Reports,
    ears: Ears,
    /// The book of prompts, if calls are compared with it.
    prompts: Option<CallPrompts>,
    tape: Option<Recorder>,
    /// The last beep.
    beep: Option<Beep>,
    /// `None` until it comes.
    connection: Option<Connection>,
    /// Requests under way.
    tasks: JoinSet<Task>,
    /// The message is being sent.
    speaks: bool,
    /// The connection is to end.
    parting: bool,
    /// It is to end before the drop does.
    released: bool,
    began: Instant,
    /// When the connection counts as missing, or the far end as silent.
    deadline: Instant,
    /// When the ears are given silence next, in place of sound that does not come; `None` if they are given none.
    bridge: Option<Instant>,
    /// How often they were since sound came.
    bridged: u32,
}

/// A request that is done.
enum Task {
    /// Something that nothing depends on.
    Aside,
    /// Whether the PBX answers.
    Asked(bool),
}

impl Listener<'_> {
    /// Listens until the drop has ended, or the connection as it was asked to.
    ///
    /// # Errors
    /// Why the leg can be heard no more.
    async fn hear(
        &mut self,
        coming: &mut Coming,
        cues: &mut mpsc::UnboundedReceiver<Cue>,
    ) -> Result<(), String> {
        loop {
            let there = self.connection.is_some();
            tokio::select! {
                biased;
                cue = cues.recv() => match cue {
                    Some(Cue::Returned) if self.connection.is_none() => {
                        return Err("the PBX's AudioSocket() made no connection".to_owned());
                    }
                    Some(Cue::Entered(Role::Tap)) => coming.entered(),
                    Some(cue) => self.on_cue(cue),
                    None => return Ok(()),
                },
                Some(done) = self.tasks.join_next() => {
                    // A chore that panicked is a bug of ours, and nothing depends on it.
                    if let Ok(Task::Asked(pbx_answers)) = done {
                        let leg = self.leg;
                        self.reports.send(Event::NoAudio { leg, pbx_answers }).await;
                    }
                }
                from_call = next(&mut self.connection) => match from_call {
                    FromCall::Ended(_) if self.parting => return Ok(()),
                    FromCall::Ended(end) => return Err(end.to_string()),
                    from_call @ (FromCall::Sound(_)
                    | FromCall::Speaking(_)
                    | FromCall::Stumbled(..)
                    | FromCall::Spoken(..)) => self.on_call(from_call).await,
                },
                connection = coming.come(there) => {
                    self.on_connection(connection?);
                    if self.at_once {
                        let ready = Event::Ready(self.leg, ReadyPoint::Agent);
                        self.reports.send(ready).await;
                    }
                }
                phrase = next_phrase(&mut self.words) => self.on_phrase(&phrase),
                () = clock::reach(self.bridge), if !self.speaks => self.bridge_silence().await,
                () = sleep_until(TokioInstant::from_std(self.deadline)) => {
                    let now = clock::now();
                    if now > self.deadline + STALL {
                        // This program was halted, or the whole machine: the sound may only be on its way.
                        self.deadline = now + GRACE;
                    } else if self.connection.is_none() {
                        return Err(format!(
                            "the PBX made no connection within {} s",
                            OPENING.as_secs()
                        ));
                    } else {
                        self.deadline = now + GAP;
                        self.on_silence();
                    }
                }
            }
        }
    }

    fn on_connection(&mut self, connection: Connection) {
        let now = clock::now();
        let after = now.saturating_duration_since(self.began).as_millis();
        let ms = u64::try_from(after).unwrap_or(u64::MAX);
        debug!(ms, "the audio connection is up");
        self.connection = Some(connection);
        self.deadline = now + FIRST_SOUND;
        if self.wants_amd {
            let amd = self.amd.clone();
            self.aside(async move { amd.make().await });
        }
    }

    fn on_cue(&mut self, cue: Cue) {
        match cue {
            Cue::Entered(Role::Amd) => {
                let amd = self.amd.clone();
                self.aside(async move { amd.run().await });
            }
            Cue::Entered(Role::Leg(_) | Role::Snoop | Role::Tap) => {}
            Cue::Judged(status) => {
                debug!(status, "the word of AMD");
                let word = match status.as_str() {
                    "MACHINE" => Amd::Machine,
                    "HUMAN" => Amd::Human,
                    _ => Amd::Unsure,
                };
                self.note(evidence::RecordedCue::Amd(word));
                self.ears.note_amd(word);
                let amd = self.amd.clone();
                self.aside(async move { amd.end().await });
            }
            Cue::Speak(play) => {
                if let Some(sound) = self.sound.clone() {
                    self.order(Order::Speak(play, sound));
                }
            }
            Cue::Say => {
                if let Some(prompt) = self.prompt.clone() {
                    self.order(Order::Say(Play::PROMPT, prompt));
                }
            }
            Cue::Hush(play) => self.order(Order::Hush(play)),
            Cue::Goodbye => {
                self.parting = true;
                self.released = true;
                self.order(Order::Goodbye);
            }
            // The connection says so itself.
            Cue::Returned => {}
        }
    }

    fn order(&self, order: Order) {
        if let Some(connection) = &self.connection {
            connection.order(order);
        }
    }

    async fn on_call(&mut self, from_call: FromCall) {
        match from_call {
            FromCall::Sound(sound) => self.on_sound(&sound).await,
            FromCall::Speaking(Play::PROMPT) => {
                self.speaks = true;
                self.reports.send(Event::Speaking(Play::PROMPT)).await;
            }
            FromCall::Speaking(play) => {
                self.speaks = true;
                if let Some(prompts) = &mut self.prompts {
                    prompts.playing();
                }
                self.note(evidence::RecordedCue::Playing(play));
                self.ears.playing(self.echo.clone());
                self.reports.send(Event::Speaking(play)).await;
            }
            FromCall::Stumbled(play, gap) => {
                self.reports.send(Event::Stumbled { play, gap }).await;
            }
            FromCall::Spoken(Play::PROMPT, spoken) => {
                self.speaks = false;
                self.deadline = clock::now() + GAP;
                self.note(evidence::RecordedCue::Anew);
                self.ears.listen_anew();
                self.words_from = self.ears.now().0;
                let play = Play::PROMPT;
                self.reports.send(Event::Spoken { play, spoken }).await;
            }
            FromCall::Spoken(play, spoken) => {
                self.speaks = false;
                self.deadline = clock::now() + GAP;
                // After the whole message goodbye was said.
                self.parting |= spoken.end == SpokenEnd::Whole;
                if let Some(prompts) = &mut self.prompts
                    && spoken.end == SpokenEnd::Whole
                {
                    prompts.played_whole();
                }
                self.note(evidence::RecordedCue::Stopped(play));
                self.reports.send(Event::Spoken { play, spoken }).await;
            }
            FromCall::Ended(_) => {}
        }
    }

    /// Takes down what happens, if evidence is kept.
    fn note(&mut self, cue: evidence::RecordedCue) {
        if let Some(tape) = &mut self.tape {
            tape.cue(cue);
        }
    }

    async fn on_sound(&mut self, sound: &[u8]) {
        let now = clock::now();
        self.deadline = now + GAP;
        self.bridge = Some(now + BRIDGE);
        self.bridged = 0;
        self.hear_samples(sound).await;
    }

    /// Networks that send nothing in a silence end it with the next sound. The silence behind a beep is heard all the same;
    /// nothing longer is taken for one, since a call whose sound has stopped says nothing of who is there.
    async fn bridge_silence(&mut self) {
        let now = clock::now();
        if self.bridge.is_some_and(|due| now > due + STALL) {
            // This program was halted: the sound may only be on its way.
            self.bridge = Some(now + BRIDGE);
            return;
        }
        self.bridged += 1;
        self.bridge = (self.bridged < BRIDGES).then_some(now + BRIDGE);
        self.hear_samples(&[0; BRIDGE_BYTES]).await;
    }

    async fn hear_samples(&mut self, sound: &[u8]) {
        let mut told = Vec::new();
        let mut samples = [0; PIECE];
        for bytes in sound.chunks(PIECE * 2) {
            let pairs = bytes.as_chunks::<2>().0;
            for (sample, pair) in samples.iter_mut().zip(pairs) {
                *sample = i16::from_le_bytes(*pair);
            }
            let samples = &samples[..pairs.len()];
            let now = self.ears.now();
            let prompts = self.prompts.as_mut();
            if let Some(hint) = prompts.and_then(|prompts| prompts.hear(samples, now)) {
                debug!(?hint, "a prompt of the book");
                self.note(evidence::RecordedCue::Hint(hint));
                self.ears.note_hint(hint);
            }
            if let Some(tape) = &mut self.tape {
                tape.sound(samples);
            }
            match &mut self.words {
                Some(words) if self.speaks => words.skip(samples.len()),
                Some(words) => words.sound(samples),
                None => {}
            }
            self.ears.hear(samples, &mut |heard| told.push(heard));
        }
        let now = self.ears.now();
        for heard in told {
            debug!(?heard, "heard");
            if let Some(tape) = &mut self.tape {
                tape.heard(&heard);
            }
            if let Some(prompts) = &mut self.prompts {
                prompts.note(&heard);
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

    /// A phrase was recognised: it is a reason among others, unless it comes too late to be one.
    fn on_phrase(&mut self, phrase: &Phrase) {
        let now = self.ears.now();
        let is_old = now.seconds() - At(phrase.until).seconds() > WORDS_LATE;
        if self.speaks || is_old || phrase.from < self.words_from || phrase.until > now.0 {
            debug!(
                says = phrase.says.slug(),
                "words that came too late, or of no moment of the call"
            );
            return;
        }
        self.phrases += 1;
        let hint = Hint {
            source: HintSource::Words,
            says: phrase.says.hint(phrase.beep_in),
            nats: phrase.nats,
            detail: self.phrases,
        };
        debug!(%hint, "words");
        self.note(evidence::RecordedCue::Hint(hint));
        if let Some(tape) = &mut self.tape {
            let span = (phrase.from, phrase.until);
            tape.phrase(span, phrase.says.slug(), phrase.nats, &phrase.text);
        }
        self.ears.note_hint(hint);
    }

    /// No sound has come for a while: is it the far end that is silent, or the PBX?
    fn on_silence(&mut self) {
        // What is sent goes on: many far ends send nothing while they record.
        if self.speaks || self.parting {
            return;
        }
        let rest = self.rest.clone();
        self.task(async move {
            let answered = timeout(PING, rest.ping()).await;
            Task::Asked(matches!(answered, Ok(Ok(_))))
        });
    }

    fn aside(&mut self, task: impl Future<Output = ()> + Send + 'static) {
        self.task(async move {
            task.await;
            Task::Aside
        });
    }

    fn task(&mut self, task: impl Future<Output = Task> + Send + 'static) {
        self.tasks.spawn(task.instrument(Span::current()));
    }
}

/// What comes next of a connection; waits for ever if there is none yet.
async fn next(connection: &mut Option<Connection>) -> FromCall {
    match connection {
        Some(connection) => connection.next().await,
        None => std::future::pending().await,
    }
}

/// The next phrase that is recognised; waits for ever if nothing hears them.
async fn next_phrase(words: &mut Option<CallWords>) -> Phrase {
    match words {
        Some(words) => words.next().await,
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
            verdict: Verdict::Unsure,
            reasons,
            ..
        } if reasons.iter().any(is_for_want_of_a_beep) => Some(Event::NoReason {
            leg,
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
                // A beep that was not reported proves nothing.
                (ReadyBy::Beep | ReadyBy::Silence, _) => ReadyPoint::Silence,
                (ReadyBy::Dialplan, _) => ReadyPoint::Dialplan,
                (ReadyBy::Agent, _) => ReadyPoint::Agent,
            };
            Some(Event::Ready(leg, point))
        }
        Heard::LateBeep(_) => Some(Event::LateBeep(leg)),
        Heard::LimitBeep(_) => Some(Event::LimitBeep(leg)),
        Heard::BeepWasRing { .. } => Some(Event::BeepWasRing(leg)),
        Heard::Voice { answers: false, .. } => Some(Event::Interrupted(leg)),
        // The verdict that it is a person comes with it.
        Heard::Voice { answers: true, .. }
        | Heard::SpeechBegan { .. }
        | Heard::SpeechEnded { .. }
        | Heard::Signal { .. }
        | Heard::Beep(_) => None,
    }
}

/// Words that are reported so long after they were said are no reason any more (s).
const WORDS_LATE: f64 = 5.0;

/// Whether a verdict of `unsure` says that no ready point was found, and not that nothing records.
const fn is_for_want_of_a_beep(reason: Reason) -> bool {
    matches!(reason, Reason::NoBeep(_) | Reason::SoundStopped)
}

/// Until the connection is up. Asterisk gives up one that it cannot make after 2 s, and comes back then.
const OPENING: Duration = Duration::from_secs(5);

/// Until the first sound comes.
const FIRST_SOUND: Duration = Duration::from_secs(4);

/// Without sound for so long the far end is silent as no network is: a live call brings 20 ms every 20 ms. A PBX that is
/// killed, or ends the call, is heard of at once by the connection.
const GAP: Duration = Duration::from_secs(2);

/// Without sound for so long the ears are given as much silence: a beep wants 0.2 s of it, and no network delays sound by more.
const BRIDGE: Duration = Duration::from_millis(250);

/// The samples of that time, in bytes.
const BRIDGE_BYTES: usize = 8 * 250 * 2;

/// How often silence is given: less of it than lets a person go, or makes a ready point.
const BRIDGES: u32 = 2;

/// A deadline that is seen so much later was slept through.
const STALL: Duration = Duration::from_millis(100);

/// How long what was held up by a standstill may take to come.
const GRACE: Duration = Duration::from_secs(1);

/// How long the PBX may take to answer a ping.
const PING: Duration = Duration::from_secs(3);

/// Samples handed to the ears at once: one frame of Asterisk's.
const PIECE: usize = 160;

#[cfg(test)]
mod tests;
