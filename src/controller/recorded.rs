//! Calls by which messages are recorded: each is heard, recorded and answered here, as [`RecordMachine`] decides.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use futures::{FutureExt as _, future::BoxFuture};
use tokio::{sync::mpsc, time::timeout};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use super::{
    handed_over::{Turned, turn_away},
    kept_recording::{self, KeptBy, Take},
    pbx_recordings::{self, TakeName},
    pin_desk::{PinDesk, PinTrouble},
    prompted_line::{PromptedLine, SLACK, until},
    record_caller::RecordCaller,
    run_of::SharedRun,
};
use crate::{
    ari::{Arrival, CallerDid, NewRecording, RECORD_PROMPT},
    audio::Name,
    auth::UserName,
    clock,
    config::Config,
    error_chain::chain,
    record::{
        KeepVerdict, PinVerdict, RecordId, RecordInput, RecordMachine, RecordPrompt, RecordStep,
        TakeVerdict, TypedDigits,
    },
};

/// Follows a call to its end, or sends it on at once if it cannot record. `did` is what happens to it.
pub(super) async fn carry(
    id: RecordId,
    arrival: Arrival,
    (config, shared): (Arc<Config>, Arc<SharedRun>),
    pins: PinDesk,
    did: mpsc::UnboundedReceiver<CallerDid>,
    cancel: CancellationToken,
) {
    let rest = shared.session.rest();
    let channel = arrival.channel.clone();
    let Some(name) = arrival.arg(1).and_then(|name| name.parse::<Name>().ok()) else {
        warn!(
            channel,
            "a call is to record a message, and brings no name for it: it goes on in the dialplan"
        );
        turn_away(&rest, &channel, Turned::Message).await;
        return;
    };
    let takes = TakeName::new(shared.session.app(), shared.session.run(), id);
    match pbx_recordings::claim(&rest, &channel, &takes).await {
        Ok(true) => {}
        // A process that is gone was in the midst of it; what it had recorded is removed with the call.
        Ok(false) => return,
        Err(failure) => {
            warn!(
                channel,
                detail = failure.detail,
                "a call that is to record a message goes on in the dialplan"
            );
            turn_away(&rest, &channel, Turned::Away).await;
            return;
        }
    }
    let caller = RecordCaller::of(arrival.arg(2), config.pbx.rules.with_premium());
    info!(recording = %id, channel, %name, is_known = caller.is_known(), "a call has come to record a message");
    let mut call = RecordCall {
        id,
        line: PromptedLine::new(rest, channel, format!("{RECORD_PROMPT}{id}")),
        name,
        caller,
        user: None,
        machine: RecordMachine::new(config.record.plan.clone()),
        config,
        shared,
        pins,
        takes,
        made: 0,
        recording: None,
        take: None,
        failed: None,
        look: clock::now() + LOOK,
        doing: None,
    };
    call.follow(did, cancel).await;
    info!(recording = %id, outcome = call.machine.outcome().slug(), "a call that recorded a message is over");
    let (rest, takes, made) = (call.line.rest.clone(), call.takes.clone(), call.made);
    // Its files go with it.
    drop(call);
    pbx_recordings::remove(&rest, &takes, made).await;
}

/// A call that is up.
struct RecordCall {
    id: RecordId,
    line: PromptedLine<RecordPrompt>,
    name: Name,
    caller: RecordCaller,
    /// Who records, once that is known.
    user: Option<UserName>,
    machine: RecordMachine,
    config: Arc<Config>,
    shared: Arc<SharedRun>,
    pins: PinDesk,
    takes: TakeName,
    /// How many recordings were begun.
    made: u32,
    /// What is being recorded, by its name.
    recording: Option<String>,
    /// What was recorded last.
    take: Option<Box<Take>>,
    /// What has just failed, if it is not because they have hung up.
    failed: Option<RecordInput>,
    /// When it is looked again whether the call is up.
    look: Instant,
    /// What takes its time.
    doing: Option<BoxFuture<'static, WorkDone>>,
}

/// What came of something that takes its time.
enum WorkDone {
    Pin(PinVerdict, Option<UserName>),
    Take(TakeVerdict, Option<Box<Take>>),
    Kept(KeepVerdict),
}

impl RecordCall {
    async fn follow(
        &mut self,
        mut did: mpsc::UnboundedReceiver<CallerDid>,
        cancel: CancellationToken,
    ) {
        let over = clock::now() + LONGEST;
        let mut next = Some(RecordInput::Answered);
        loop {
            while let Some(input) = next.take() {
                for step in self.machine.on(input) {
                    if let Some(input) = self.carry_out(step).await {
                        next = Some(input);
                    }
                }
            }
            if self.machine.is_over() {
                return;
            }
            next = tokio::select! {
                biased;
                done = until(&mut self.doing) => {
                    self.doing = None;
                    Some(self.done(done))
                }
                moved = did.recv(), if self.line.is_there => self.on_moved(moved),
                () = clock::reach(self.line.timer), if self.line.is_there => {
                    let prompt = self.line.elapsed();
                    Some(match self.failed.take() {
                        Some(what) => self.failed_indeed(what),
                        None => prompt.map_or(RecordInput::Elapsed, RecordInput::Played),
                    })
                }
                () = clock::reach(Some(self.look)), if self.line.is_there => self.look_again().await,
                () = cancel.cancelled(), if self.line.is_there => {
                    self.line.hang_up().await;
                    self.line.is_there = false;
                    Some(RecordInput::Gone)
                }
                () = clock::reach(Some(over)) => {
                    self.line.hang_up().await;
                    return;
                }
            };
        }
    }

    fn done(&mut self, done: WorkDone) -> RecordInput {
        match done {
            WorkDone::Pin(verdict, user) => {
                self.user = user;
                RecordInput::Checked(verdict)
            }
            WorkDone::Take(verdict, take) => {
                self.take = take;
                RecordInput::Prepared(verdict)
            }
            WorkDone::Kept(verdict) => RecordInput::Kept(verdict),
        }
    }

    fn on_moved(&mut self, moved: Option<CallerDid>) -> Option<RecordInput> {
        match moved {
            Some(CallerDid::Pressed { key, .. }) => Some(RecordInput::Key(key)),
            Some(CallerDid::Heard { playback, is_whole }) => self.heard(&playback, is_whole),
            Some(CallerDid::Recorded {
                recording,
                is_there,
            }) => {
                self.recording.take_if(|name| *name == recording)?;
                info!(recording = %self.id, is_there, "a recording has ended");
                if is_there {
                    return Some(RecordInput::Recorded(true));
                }
                self.fails(RecordInput::Recorded(false));
                None
            }
            Some(CallerDid::Left { .. }) | None => {
                self.line.is_there = false;
                Some(RecordInput::Gone)
            }
        }
    }

    /// A playback is over; nothing if it is not the one that plays.
    fn heard(&mut self, playback: &str, is_whole: bool) -> Option<RecordInput> {
        let prompt = self.line.heard(playback)?;
        if is_whole {
            return Some(RecordInput::Played(prompt));
        }
        self.fails(RecordInput::NotPlayed(prompt));
        None
    }

    /// Something did not come about; if that is because they have hung up, it is heard of within a moment.
    fn fails(&mut self, what: RecordInput) {
        self.failed = Some(what);
        self.line.wait(GRACE);
    }

    /// It is because of something else.
    fn failed_indeed(&self, what: RecordInput) -> RecordInput {
        if what == RecordInput::NotPlayed(RecordPrompt::Prepared) {
            debug!(recording = %self.id, "the pbx does not see what was prepared; it plays what it has recorded");
        } else {
            warn!(
                recording = %self.id,
                what = ?what,
                "a prompt was not played to its end, or nothing was recorded: `aftertone doctor` says what the pbx lacks"
            );
        }
        what
    }

    /// Asks the PBX for what an event would have said, which may have been lost with the link.
    async fn look_again(&mut self) -> Option<RecordInput> {
        self.look = clock::now() + LOOK;
        if let Ok(None) = self.line.rest.channel(&self.line.channel).await {
            self.line.is_there = false;
            return Some(RecordInput::Gone);
        }
        let name = self.recording.clone()?;
        if let Ok(None) = self.line.rest.live_recording(&name).await {
            self.recording = None;
            return Some(RecordInput::Recorded(true));
        }
        None
    }

    /// Does what the machine wants; returns what that led to at once.
    async fn carry_out(&mut self, step: RecordStep) -> Option<RecordInput> {
        match step {
            RecordStep::Play(prompt) if !self.line.is_there => {
                return Some(RecordInput::NotPlayed(prompt));
            }
            RecordStep::Silence | RecordStep::HangUp | RecordStep::Record(_)
                if !self.line.is_there => {}
            RecordStep::Play(prompt) => self.play(prompt).await,
            RecordStep::Silence => self.silence().await,
            RecordStep::Wait(time) => self.line.wait(time),
            RecordStep::CheckPin(typed) => {
                self.line.timer = None;
                self.doing = Some(self.check(typed));
            }
            RecordStep::Record(take) => self.record(take).await,
            RecordStep::Prepare => self.doing = Some(self.prepare()),
            RecordStep::Keep { replace } => {
                self.line.timer = None;
                self.doing = Some(self.keep(replace));
            }
            RecordStep::HangUp => self.line.hang_up().await,
        }
        None
    }

    async fn play(&mut self, prompt: RecordPrompt) {
        self.silence().await;
        let sound = self.config.record.sounds.of(prompt);
        let (media, length) = match (sound, &self.take) {
            (Some(sound), _) => (format!("sound:{sound}"), LONGEST_SOUND),
            (None, Some(take)) if prompt == RecordPrompt::Prepared => {
                (take.media().to_owned(), take.length() + SLACK)
            }
            // With the silence that preparing has cut off.
            (None, _) => {
                let longest = self.config.audio.max_length + SLACK;
                (format!("recording:{}", self.takes.of(self.made)), longest)
            }
        };
        match self.line.play(prompt, &media, length).await {
            Ok(()) => debug!(recording = %self.id, ?prompt, "a prompt begins"),
            Err(failure) => {
                debug!(recording = %self.id, ?prompt, detail = failure.detail, "a prompt is not played");
                self.fails(RecordInput::NotPlayed(prompt));
            }
        }
    }

    async fn silence(&mut self) {
        self.failed = None;
        self.line.silence().await;
    }

    fn check(&self, typed: TypedDigits) -> BoxFuture<'static, WorkDone> {
        let (shared, pins, id) = (Arc::clone(&self.shared), self.pins.clone(), self.id);
        let caller = self.caller.key().to_owned();
        async move {
            let looked = pins.look(&shared, typed, &caller);
            let (verdict, user) = match timeout(STORE_WITHIN, looked).await {
                Ok(Ok(Some(user))) => {
                    info!(recording = %id, user = %user.name, "whoever calls has shown who they are");
                    (PinVerdict::Right, Some(user.name))
                }
                Ok(Ok(None)) => {
                    warn!(recording = %id, "a pin was wrong");
                    (PinVerdict::Wrong, None)
                }
                Ok(Err(PinTrouble::Barred)) => {
                    warn!(recording = %id, "a pin is not looked at: the caller was wrong too often");
                    (PinVerdict::Barred, None)
                }
                Ok(Err(PinTrouble::Store(error))) => {
                    warn!(recording = %id, error = chain(&error), "a pin cannot be looked at");
                    (PinVerdict::Unknown, None)
                }
                Err(_) => {
                    warn!(recording = %id, "a pin cannot be looked at: the database did not answer in time");
                    (PinVerdict::Unknown, None)
                }
            };
            WorkDone::Pin(verdict, user)
        }
        .boxed()
    }

    async fn record(&mut self, take: u32) {
        // Its files make room for those of the next one.
        self.take = None;
        self.made = take;
        let native = self
            .line
            .rest
            .variable(&self.line.channel, NATIVE_FORMAT)
            .await;
        let native = native.ok().flatten().unwrap_or_default();
        let longest = self.config.audio.max_length;
        let recording = NewRecording {
            name: self.takes.of(take),
            format: kept_recording::format(&native, longest),
            // What is a frame too long would be refused.
            longest: longest.saturating_sub(Duration::from_secs(1)),
            silence: self.config.record.silence,
        };
        match self.line.rest.record(&self.line.channel, &recording).await {
            Ok(()) => {
                info!(recording = %self.id, take, format = recording.format, "a recording begins");
                self.recording = Some(recording.name);
            }
            Err(failure) => {
                info!(recording = %self.id, detail = failure.detail, "a call is not recorded");
                self.fails(RecordInput::Recorded(false));
            }
        }
    }

    fn prepare(&self) -> BoxFuture<'static, WorkDone> {
        let (rest, config, id) = (self.line.rest.clone(), Arc::clone(&self.config), self.id);
        let (recording, name) = (self.takes.of(self.made), self.name.clone());
        let run = self.shared.session.run().clone();
        async move {
            let (verdict, take) = kept_recording::prepare(&rest, &recording, &config, (run, id), name).await;
            info!(recording = %id, ?verdict, ms = take.as_ref().map(|take| take.length().as_millis()), "a recording is prepared");
            WorkDone::Take(verdict, take)
        }
        .boxed()
    }

    fn keep(&self, replace: bool) -> BoxFuture<'static, WorkDone> {
        let (Some(take), Some(user)) = (&self.take, self.user.clone()) else {
            return async { WorkDone::Kept(KeepVerdict::Failed) }.boxed();
        };
        let by = KeptBy {
            user,
            caller: self.caller.clone(),
            recording: self.id,
        };
        let keeping = take.keep(
            Arc::clone(&self.shared),
            Arc::clone(&self.config),
            self.name.clone(),
            by,
            replace,
        );
        keeping.map(WorkDone::Kept).boxed()
    }
}

/// What a channel's sound is made of.
const NATIVE_FORMAT: &str = "CHANNEL(audionativeformat)";

/// How long the database may take until a caller hears something.
const STORE_WITHIN: Duration = Duration::from_secs(10);

/// The longest prompt.
const LONGEST_SOUND: Duration = Duration::from_secs(60);

/// Within which it is heard of that they have hung up, if what they heard ends for that.
const GRACE: Duration = Duration::from_millis(300);

/// How often the PBX is asked for what may have been missed.
const LOOK: Duration = Duration::from_secs(5);

/// The longest that a call is kept; `aftertone-record` in the dialplan has the same limit, and a little more.
const LONGEST: Duration = Duration::from_secs(1_800);
