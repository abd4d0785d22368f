//! Lets a live leg be heard while it stays in our app, and tells the drop what the ears make of it.
//!
//! ```text
//!  leg ──snoop──> bridge <── tap ──AudioSocket──> Taps ──> Ears ──> events of the drop
//!   └───snoop──> amd ──> dialplan: AMD() ──> its word, one reason among others
//! ```
//!
//! Three channels and a bridge serve the drop and are gone when it is. Each step has a deadline; whatever fails, and
//! whatever stops coming, ends as [`Event::Deaf`], and the dialplan goes on in our place.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use tokio::{
    sync::mpsc,
    task::JoinSet,
    time::{Instant as TokioInstant, sleep, sleep_until},
};
use tokio_util::bytes::Bytes;
use tracing::{Instrument as _, Span, debug, warn};
use uuid::Uuid;

use super::dialler::{NO_CDR, Reports, Sheet, Trunk};
use crate::{
    ari::{Expected, ExternalMedia, Failure, Frames, HangUp, Rest, TapEnd},
    clock,
    drop::{Event, RefusalKind, Sit},
    id::{BridgeId, ChannelId, DropId, Role},
    screen::{Amd, Call, Ears, Heard, Message, Settings, SitClass},
    words::{Leg, Verdict},
};

/// What a listener is given.
#[derive(Debug)]
pub(super) struct ToListener {
    /// What it has to know; closed when the drop has ended.
    pub(super) cues: mpsc::UnboundedReceiver<Cue>,
    /// What the calls tell beside their sound.
    pub(super) call: Call,
}

/// Something that whoever listens has to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Cue {
    /// A channel that serves the drop waits in our app.
    Entered(Role),
    /// AMD's word, as it stands in AMDSTATUS.
    Judged(String),
    /// The message begins to play, or begins again.
    Playing,
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
    let ToListener { mut cues, call } = given;
    let expected = taps.expect();
    let rig = Rig {
        rest,
        app: trunk.app.clone(),
        leg: ChannelId::leg(trunk.run.clone(), drop, leg),
    };
    let mut ears = Ears::new(Settings::default());
    ears.note_call(call);
    let now = clock::now();
    let mut listener = Listener {
        rig,
        leg,
        echo: sheet.echo.clone(),
        reports,
        ears,
        chores: JoinSet::new(),
        bridging: Bridging::default(),
        began: now,
        deadline: now + OPENING,
        heard: false,
    };
    listener.begin(&expected, taps.address());
    if let Err(why) = listener.hear(expected, &mut cues).await {
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
    /// Requests under way. They are never given up half-way: what they make has to be known to be taken down.
    chores: JoinSet<Chore>,
    bridging: Bridging,
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
                () = sleep_until(TokioInstant::from_std(self.deadline)) => return Err(self.silence()),
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
                self.ears.note_amd(match status.as_str() {
                    "MACHINE" => Amd::Machine,
                    "HUMAN" => Amd::Human,
                    _ => Amd::Unsure,
                });
                let rig = self.rig.clone();
                self.chore(async move {
                    rig.end(Role::Amd).await;
                    Chore::Aside
                });
            }
            Cue::Playing => self.ears.playing(self.echo.clone()),
        }
        self.bridge_when_ready();
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
            self.ears
                .hear(&samples[..pairs.len()], &mut |heard| told.push(heard));
        }
        for heard in told {
            debug!(?heard, "heard");
            if let Some(event) = meaning(self.leg, &heard) {
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

/// The next piece of audio; waits for ever where there is no tap yet.
async fn next(frames: &mut Option<Frames>) -> Result<Bytes, TapEnd> {
    match frames {
        Some(frames) => frames.next().await,
        None => std::future::pending().await,
    }
}

/// What something heard means to the drop.
fn meaning(leg: Leg, heard: &Heard) -> Option<Event> {
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
        Heard::Ready { by, .. } => Some(Event::Ready(leg, *by)),
        Heard::LateBeep(_) => Some(Event::LateBeep(leg)),
        Heard::LimitBeep(_) => Some(Event::LimitBeep(leg)),
        // Perhaps the greeting goes on; what follows tells.
        Heard::Voice { answers: false, .. } => Some(Event::LateBeep(leg)),
        Heard::Voice {
            start,
            answers: true,
            ..
        } => Some(Event::Screened {
            leg,
            verdict: Verdict::Human,
            cause: format!("a voice answered the message at {start}"),
        }),
        Heard::SpeechBegan { .. }
        | Heard::SpeechEnded { .. }
        | Heard::Signal { .. }
        | Heard::Beep(_) => None,
    }
}

/// The requests that make and end what serves the drop.
#[derive(Clone)]
struct Rig {
    rest: Rest,
    app: String,
    leg: ChannelId,
}

impl Rig {
    async fn make(&self, host: String, uuid: Uuid) -> Result<(), Failure> {
        let media = ExternalMedia {
            channel: self.channel(Role::Tap),
            app: self.app.clone(),
            host,
            uuid,
            variables: BTreeMap::from([(NO_CDR.to_owned(), "1".to_owned())]),
        };
        let bridge = self.bridge_id();
        let (snooped, tapped, bridged) = tokio::join!(
            self.snoop(Role::Snoop),
            self.rest.external_media(&media),
            self.rest.create_bridge(&bridge),
        );
        snooped.and(tapped).and(bridged)
    }

    async fn snoop(&self, role: Role) -> Result<(), Failure> {
        let args = self.leg.drop.to_string();
        self.rest
            .snoop(&self.leg, &self.channel(role), &self.app, &args)
            .await
    }

    async fn bridge(&self) -> Result<(), Failure> {
        let (snoop, tap) = (self.channel(Role::Snoop), self.channel(Role::Tap));
        let bridge = self.bridge_id();
        // A copy of a call is no call, and has no place in the PBX's call records.
        if let Err(failure) = self.rest.set_variable(&snoop, NO_CDR, "1").await {
            debug!(words = failure.words, "the copy stays in the call records");
        }
        let mut tries = ADD_TRIES;
        loop {
            let added = self.rest.add_to_bridge(&bridge, &[&snoop, &tap]).await;
            tries -= 1;
            match added {
                // The PBX has told that they entered, and may still not have written it down.
                Err(failure) if failure.kind == RefusalKind::WrongState && tries > 0 => {
                    sleep(ADD_AGAIN).await;
                }
                done => return done,
            }
        }
    }

    async fn run_amd(&self) -> Result<(), Failure> {
        let amd = self.channel(Role::Amd);
        let back = format!("{},{}", self.app, self.leg.drop);
        self.rest.set_variable(&amd, AMD_RETURN, &back).await?;
        self.rest.continue_in(&amd, AMD_CONTEXT, "s", 1).await
    }

    async fn end(&self, role: Role) {
        let channel = self.channel(role).to_string();
        insist(&channel, || self.rest.hang_up(&channel)).await;
    }

    async fn end_bridge(&self) {
        let bridge = self.bridge_id();
        insist("the bridge", || self.rest.end_bridge(&bridge)).await;
    }

    fn channel(&self, role: Role) -> ChannelId {
        ChannelId {
            role,
            ..self.leg.clone()
        }
    }

    fn bridge_id(&self) -> BridgeId {
        BridgeId {
            run: self.leg.run.clone(),
            drop: self.leg.drop,
        }
    }
}

/// Asks a few times for the end of something; what is left then is the sweep's.
async fn insist<F>(what: &str, mut ask: impl FnMut() -> F)
where
    F: Future<Output = Result<HangUp, Failure>>,
{
    for pause in END_AGAIN {
        match ask().await {
            Ok(HangUp::Done | HangUp::NotThere) => return,
            Err(failure) => {
                debug!(what, words = failure.words, "cannot be ended yet");
                sleep(pause).await;
            }
        }
    }
    warn!(
        what,
        "cannot be ended; the sweep at the end of the run does"
    );
}

/// Until snoop, tap and bridge are there and joined. Measured: 25 ms on an idle PBX, and under 100 at once 1 s.
const OPENING: Duration = Duration::from_secs(2);

/// Without audio for so long the tap is dead: the snoop sends 20 ms every 20 ms, silence included.
const GAP: Duration = Duration::from_millis(500);

/// How long after they were made both channels should have entered our app, should their telling be lost.
const ENTERING: Duration = Duration::from_millis(400);

/// Tries to join the channels, and the pause between two.
const ADD_TRIES: u32 = 10;
const ADD_AGAIN: Duration = Duration::from_millis(40);

/// Pauses after each failed try to end something.
const END_AGAIN: [Duration; 3] = [
    Duration::from_millis(200),
    Duration::from_secs(1),
    Duration::from_secs(3),
];

/// Where AMD listens to its copy, and the variable that names the way back.
const AMD_CONTEXT: &str = "aftertone-amd";
const AMD_RETURN: &str = "AFTERTONE_RETURN";

/// Samples handed to the ears at once: one frame of Asterisk's.
const PIECE: usize = 160;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        screen::{At, Beep, Reasons},
        words::ReadyBy,
    };

    #[test]
    fn what_is_heard_means_what_the_drop_can_act_on() {
        let leg = Leg::Drop;
        let verdict = |verdict, sit| Heard::Verdict {
            verdict,
            sit,
            revised: false,
            at: At(800),
            reasons: Reasons::default(),
        };
        let announced = |sit| Event::Intercepted {
            leg,
            sit,
            cause: String::new(),
        };
        let screened = |verdict, cause: &str| Event::Screened {
            leg,
            verdict,
            cause: cause.to_owned(),
        };
        let beep = Beep {
            start: At(0),
            end: At(3_200),
            hz: 1_004.0,
            second_hz: None,
            sweep: 0.0,
        };
        let (by, at) = (ReadyBy::Silence, At(800));
        let start = At(8_000);
        let rows = [
            (
                verdict(Verdict::Machine, None),
                Some(screened(Verdict::Machine, "")),
            ),
            (
                verdict(Verdict::Fax, None),
                Some(screened(Verdict::Fax, "")),
            ),
            (
                verdict(Verdict::Sit, Some(SitClass::Vacant)),
                Some(announced(Sit::Invalid)),
            ),
            (
                verdict(Verdict::Sit, Some(SitClass::Intercept)),
                Some(announced(Sit::Invalid)),
            ),
            (
                verdict(Verdict::Sit, Some(SitClass::Reorder)),
                Some(announced(Sit::Congestion)),
            ),
            (
                verdict(Verdict::Sit, Some(SitClass::NoCircuit)),
                Some(announced(Sit::Congestion)),
            ),
            (
                verdict(Verdict::Sit, Some(SitClass::Other)),
                Some(announced(Sit::Other)),
            ),
            (verdict(Verdict::Sit, None), Some(announced(Sit::Other))),
            (Heard::Ready { by, at }, Some(Event::Ready(leg, by))),
            (Heard::LateBeep(beep), Some(Event::LateBeep(leg))),
            (Heard::LimitBeep(beep), Some(Event::LimitBeep(leg))),
            (
                Heard::Voice {
                    start,
                    at,
                    answers: true,
                },
                Some(screened(
                    Verdict::Human,
                    "a voice answered the message at 1.00 s",
                )),
            ),
            (
                Heard::Voice {
                    start,
                    at,
                    answers: false,
                },
                Some(Event::LateBeep(leg)),
            ),
            (
                verdict(Verdict::Menu, None),
                Some(screened(Verdict::Menu, "")),
            ),
            (Heard::Beep(beep), None),
            (Heard::SpeechBegan { start }, None),
            (Heard::SpeechEnded { end: at }, None),
        ];
        for (heard, event) in rows {
            assert_eq!(meaning(leg, &heard), event, "{heard:?}");
        }
    }
}
