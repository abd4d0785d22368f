//! Calls that come back: each is heard, answered and ended here, as [`CallbackMachine`] decides.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use futures::{FutureExt as _, future::BoxFuture};
use tokio::{sync::mpsc, time::timeout};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use super::{
    handed_over::{GO_ON_WITHIN, Turned, turn_away},
    run_of::SharedRun,
};
use crate::{
    ari::{Arrival, CallerDid, PROMPT, Rest},
    audio::{self, Library, Reference},
    callback::{CallbackId, CallbackInput, CallbackMachine, CallbackPrompt, CallbackStep},
    clock,
    config::{CallbackConfig, Config},
    error_chain::chain,
    orders::Spec,
    phone::PhoneNumber,
    store::{AnsweredDrop, ListName, NewCallback},
};

/// Follows a call to its end, or sends it on at once if calls that come back are not taken. `did` is what happens to it.
pub(super) async fn carry(
    id: CallbackId,
    arrival: Arrival,
    (config, shared): (Arc<Config>, Arc<SharedRun>),
    did: mpsc::UnboundedReceiver<CallerDid>,
    cancel: CancellationToken,
) {
    let rest = shared.session.rest();
    let Some(settings) = config.callback.clone() else {
        warn!(
            channel = arrival.channel,
            "a call came back, and `callback.prompt` is not set: it goes on in the dialplan"
        );
        turn_away(&rest, &arrival.channel, Turned::Unknown).await;
        return;
    };
    let arg = |at: usize| {
        let text = arrival.args.get(at).map(|text| text.trim());
        text.filter(|text| !text.is_empty()).map(str::to_owned)
    };
    let caller = arg(1).and_then(|text| PhoneNumber::parse(&text, config.pbx.rules).ok());
    let call = NewCallback {
        id,
        caller: caller.clone(),
        called: arg(2),
        rules: config.pbx.rules,
        pbx: config.instance.clone(),
    };
    let begun = shared.store.begin_callback(&call, shared.clock.now());
    let answered = match timeout(STORE_WITHIN, begun).await {
        Ok(Ok(answered)) => answered,
        failed => {
            // Whoever calls hears a prompt all the same; what they want may work by then.
            let error = failed.map(|begun| begun.err().map(|error| chain(&error)));
            warn!(callback = %id, ?error, "what a call answers that came back is not known: the database did not say");
            None
        }
    };
    info!(
        callback = %id,
        channel = arrival.channel,
        is_known = caller.is_some(),
        drop = answered.as_ref().map(|found| found.drop.to_string()),
        "a call came back"
    );
    let machine = CallbackMachine::new(settings.plan.clone(), caller, config.pbx.rules);
    let mut call = CallBack {
        id,
        channel: arrival.channel,
        prompt: prompt_of(answered.as_ref(), &settings),
        answered,
        settings,
        config,
        shared,
        rest,
        machine,
        plays: 0,
        playing: None,
        timer: None,
        is_there: true,
        opting: None,
    };
    call.follow(did, cancel).await;
    call.end().await;
}

/// What is heard first: the variant's own, the campaign's, or the usual one.
fn prompt_of(answered: Option<&AnsweredDrop>, settings: &CallbackConfig) -> String {
    let own = answered.and_then(|found| {
        let spec = serde_json::from_str(found.spec.as_deref()?).ok()?;
        let spec = Spec::from_keys(&spec).ok()?;
        let prompt = spec.callback_prompts.of(found.variant.as_deref());
        prompt.map(str::to_owned)
    });
    own.unwrap_or_else(|| settings.prompt.clone())
}

/// A call that is up.
struct CallBack {
    id: CallbackId,
    channel: String,
    answered: Option<AnsweredDrop>,
    prompt: String,
    settings: CallbackConfig,
    config: Arc<Config>,
    shared: Arc<SharedRun>,
    rest: Rest,
    machine: CallbackMachine,
    plays: u32,
    /// What plays, by the id of its playback.
    playing: Option<(String, CallbackPrompt)>,
    /// When what is waited for has come at the latest.
    timer: Option<Instant>,
    /// Whether they are on the line.
    is_there: bool,
    /// A number is being put on the list.
    opting: Option<BoxFuture<'static, bool>>,
}

impl CallBack {
    async fn follow(
        &mut self,
        mut did: mpsc::UnboundedReceiver<CallerDid>,
        cancel: CancellationToken,
    ) {
        let over = clock::now() + LONGEST;
        let mut next = Some(CallbackInput::Answered);
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
                done = until(&mut self.opting) => {
                    self.opting = None;
                    Some(CallbackInput::OptedOut(done))
                }
                moved = did.recv(), if self.is_there => match moved {
                    Some(CallerDid::Pressed { key, .. }) => Some(CallbackInput::Key(key)),
                    Some(CallerDid::Heard { playback, is_whole }) => self.heard(&playback, is_whole),
                    Some(CallerDid::Left { .. }) | None => {
                        self.is_there = false;
                        Some(CallbackInput::Gone)
                    }
                },
                () = clock::reach(self.timer), if self.is_there => {
                    self.timer = None;
                    Some(match self.playing.take() {
                        // That it ended was not heard of.
                        Some((_, prompt)) => CallbackInput::Played(prompt),
                        None => CallbackInput::Elapsed,
                    })
                }
                () = cancel.cancelled(), if self.is_there => {
                    self.hang_up().await;
                    self.is_there = false;
                    Some(CallbackInput::Gone)
                }
                () = clock::reach(Some(over)) => {
                    self.hang_up().await;
                    return;
                }
            };
        }
    }

    /// A playback is over; nothing if it is not the one that plays.
    fn heard(&mut self, playback: &str, is_whole: bool) -> Option<CallbackInput> {
        let (_, prompt) = self.playing.take_if(|(id, _)| id == playback)?;
        self.timer = None;
        if is_whole {
            return Some(CallbackInput::Played(prompt));
        }
        warn!(callback = %self.id, ?prompt, "a prompt was not played to its end: does the pbx have its file?");
        Some(CallbackInput::NotPlayed(prompt))
    }

    /// Does what the machine wants; returns what that led to at once.
    async fn carry_out(&mut self, step: CallbackStep) -> Option<CallbackInput> {
        match step {
            // What is written counts, also if nobody hears of it any more.
            CallbackStep::Play(prompt) if !self.is_there => {
                return Some(CallbackInput::NotPlayed(prompt));
            }
            CallbackStep::Silence | CallbackStep::Connect | CallbackStep::HangUp
                if !self.is_there => {}
            CallbackStep::Play(prompt) => return self.play(prompt).await,
            CallbackStep::Silence => self.silence().await,
            CallbackStep::Wait(time) => self.timer = Some(clock::now() + time),
            CallbackStep::OptOut(number) => {
                self.timer = None;
                self.opting = Some(self.opt_out(number));
            }
            CallbackStep::Connect => self.connect().await,
            CallbackStep::HangUp => self.hang_up().await,
        }
        None
    }

    async fn play(&mut self, prompt: CallbackPrompt) -> Option<CallbackInput> {
        self.silence().await;
        let name = match prompt {
            CallbackPrompt::Menu => Some(self.prompt.clone()),
            CallbackPrompt::WhichNumber => Some(self.settings.which_number.clone()),
            CallbackPrompt::Removed => Some(self.settings.removed.clone()),
            CallbackPrompt::Failed => self.settings.failed.clone(),
        };
        let not_played = Some(CallbackInput::NotPlayed(prompt));
        let Some(name) = name else {
            return not_played;
        };
        let (media, length) = match self.sound(&name) {
            Ok(sound) => sound,
            Err(words) => {
                warn!(callback = %self.id, prompt = name, error = words, "a prompt cannot be played");
                return not_played;
            }
        };
        self.plays += 1;
        let playback = format!("{PROMPT}{}-{}", self.id, self.plays);
        match self
            .rest
            .play_prompt(&self.channel, &playback, &media)
            .await
        {
            Ok(()) => {
                self.playing = Some((playback, prompt));
                self.timer = Some(clock::now() + length + SLACK);
                None
            }
            Err(failure) => {
                warn!(callback = %self.id, prompt = name, detail = failure.detail, "a prompt is not played");
                not_played
            }
        }
    }

    /// The media of a prepared message, and how long it lasts.
    fn sound(&self, name: &str) -> Result<(String, Duration), String> {
        let pbx = &self.config.pbx;
        let library = Library::new(&pbx.sounds_dir, &pbx.pbx_sounds_dir);
        let library = library.map_err(|error| chain(&error))?;
        let found = audio::resolve(name, |name| library.holds(name), |_| false);
        match found.map_err(|error| chain(&error))? {
            Reference::Prepared(name) => {
                let prepared = library.show(&name).map_err(|error| chain(&error))?;
                Ok((prepared.media, prepared.duration))
            }
            Reference::OnPbx(_) | Reference::File(_) => {
                Err(format!("there is no prepared message `{name}`"))
            }
        }
    }

    async fn silence(&mut self) {
        self.timer = None;
        if let Some((playback, _)) = self.playing.take()
            && let Err(failure) = self.rest.stop_prompt(&playback).await
        {
            debug!(callback = %self.id, detail = failure.detail, "a prompt is not stopped");
        }
    }

    fn opt_out(&self, number: PhoneNumber) -> BoxFuture<'static, bool> {
        let (shared, id) = (Arc::clone(&self.shared), self.id);
        let list = self.settings.list.clone();
        async move {
            let Some(list) = ListName::new(&list) else {
                warn!(callback = %id, list, "the do-not-call list has no name that can be used");
                return false;
            };
            let now = shared.clock.now();
            let done = shared.store.opt_out(id, &number, &list, now);
            match timeout(OPT_OUT_WITHIN, done).await {
                Ok(Ok(())) => {
                    info!(callback = %id, %number, "whoever called back wants no more calls");
                    true
                }
                Ok(Err(error)) => {
                    warn!(callback = %id, error = chain(&error), "a number is not certain to be on the do-not-call list");
                    false
                }
                Err(_) => {
                    warn!(callback = %id, "a number is not certain to be on the do-not-call list: the database did not answer in time");
                    false
                }
            }
        }
        .boxed()
    }

    async fn connect(&mut self) {
        let Some(place) = &self.settings.goes_to else {
            return self.hang_up().await;
        };
        let found = self.answered.as_ref();
        let campaign = found.and_then(|found| found.campaign.as_ref());
        let variables = [
            ("AFTERTONE_CAMPAIGN", campaign.map(|(_, name)| name.clone())),
            (
                "AFTERTONE_CONTACT",
                found.and_then(|found| Some(found.contact?.0.to_string())),
            ),
            (
                "AFTERTONE_FOREIGN_ID",
                found.and_then(|found| found.foreign_id.clone()),
            ),
            ("AFTERTONE_DROP", found.map(|found| found.drop.to_string())),
            (
                "AFTERTONE_VARIANT",
                found.and_then(|found| found.variant.clone()),
            ),
        ];
        let going = async {
            for (name, value) in variables {
                let value = value.unwrap_or_default();
                self.rest
                    .set_variable_of(&self.channel, name, &value)
                    .await?;
            }
            let (context, extension) = (&place.context, &place.extension);
            self.rest
                .send_to(&self.channel, context, extension, place.priority)
                .await
        };
        match timeout(GO_ON_WITHIN, going).await {
            Ok(Ok(())) => {}
            Ok(Err(failure)) => {
                warn!(callback = %self.id, detail = failure.detail, "a call cannot be sent on");
            }
            Err(_) => warn!(callback = %self.id, "a call was not sent on in time"),
        }
    }

    async fn hang_up(&mut self) {
        if let Err(failure) = self.rest.hang_up(&self.channel).await {
            warn!(
                callback = %self.id,
                detail = failure.detail,
                "cannot hang up; the pbx ends it at its time limit"
            );
        }
    }

    async fn end(&mut self) {
        let (store, outcome) = (&self.shared.store, self.machine.outcome());
        let ending = store.end_callback(self.id, outcome, self.shared.clock.now());
        match timeout(STORE_WITHIN, ending).await {
            Ok(Ok(())) => {
                info!(callback = %self.id, outcome = outcome.slug(), "a call that came back is over")
            }
            failed => {
                let error = failed.map(|ended| ended.err().map(|error| chain(&error)));
                warn!(callback = %self.id, ?error, "the end of a call that came back is not in the database");
            }
        }
    }
}

/// Waits for what is there; for ever if nothing is.
async fn until(opting: &mut Option<BoxFuture<'static, bool>>) -> bool {
    match opting {
        Some(opting) => opting.await,
        None => std::future::pending().await,
    }
}

/// How long the database may take until a caller hears something.
const STORE_WITHIN: Duration = Duration::from_secs(5);

/// How long it may take to put a number on the list; whoever waits hears nothing meanwhile.
const OPT_OUT_WITHIN: Duration = Duration::from_secs(15);

/// How much longer than its prompt a playback may take before it counts as over.
const SLACK: Duration = Duration::from_secs(5);

/// The longest that a call is kept, whatever is pressed; `aftertone-callback` in the dialplan has the same limit, and a little more.
const LONGEST: Duration = Duration::from_secs(600);
