//! Calls that come back: each is heard, answered and ended here, as [`CallbackMachine`] decides.

use std::{sync::Arc, time::Duration};

use futures::{FutureExt as _, future::BoxFuture};
use tokio::{
    sync::mpsc,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use super::{
    handed_over::{Turned, send_on, turn_away},
    prompted_line::{PromptedLine, SLACK, until},
    run_of::SharedRun,
};
use crate::{
    ari::{Arrival, CallerDid, PROMPT},
    audio::{self, Reference},
    callback::{CallbackId, CallbackInput, CallbackMachine, CallbackPrompt, CallbackStep},
    clock,
    config::{CallbackConfig, Config},
    drop::Plan,
    error_chain::chain,
    orders::Spec,
    phone::PhoneNumber,
    runtime::{
        call::{LIMIT, NO_LIMIT},
        plan,
    },
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
    // A premium-rate number is not dialled by default, but its owner can call and opt out.
    let rules = config.pbx.rules.with_premium();
    let caller = arrival.arg(1);
    let caller = caller.and_then(|text| PhoneNumber::parse(text, rules).ok());
    let call = NewCallback {
        id,
        caller: caller.clone(),
        called: arrival.arg(2).map(str::to_owned),
        rules,
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
    let machine = CallbackMachine::new(settings.plan.clone(), caller, rules);
    let mut call = CallBack {
        id,
        line: PromptedLine::new(rest, arrival.channel, format!("{PROMPT}{id}")),
        prompt: prompt_of(answered.as_ref(), &settings),
        answered,
        settings,
        config,
        shared,
        machine,
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
    line: PromptedLine<CallbackPrompt>,
    answered: Option<AnsweredDrop>,
    prompt: String,
    settings: CallbackConfig,
    config: Arc<Config>,
    shared: Arc<SharedRun>,
    machine: CallbackMachine,
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
                for step in self.machine.on(input, clock::now()) {
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
                moved = did.recv(), if self.line.is_there => match moved {
                    Some(CallerDid::Pressed { key, .. }) => Some(CallbackInput::Key(key)),
                    Some(CallerDid::Heard { playback, is_whole }) => self.heard(&playback, is_whole),
                    // Nothing of these calls is recorded.
                    Some(CallerDid::Recorded { .. }) => None,
                    Some(CallerDid::Left { .. }) | None => {
                        self.line.is_there = false;
                        Some(CallbackInput::Gone)
                    }
                },
                () = clock::reach(self.line.timer), if self.line.is_there => self.elapsed(&did).await,
                () = cancel.cancelled(), if self.line.is_there => {
                    self.line.hang_up().await;
                    self.line.is_there = false;
                    Some(CallbackInput::Gone)
                }
                () = clock::reach(Some(over)) => {
                    self.line.hang_up().await;
                    return;
                }
            };
        }
    }

    /// A playback is over; nothing if it is not the one that plays.
    fn heard(&mut self, playback: &str, is_whole: bool) -> Option<CallbackInput> {
        let prompt = self.line.heard(playback)?;
        if is_whole {
            return Some(CallbackInput::Played(prompt));
        }
        warn!(callback = %self.id, ?prompt, "a prompt was not played to its end: does the pbx have its file?");
        Some(CallbackInput::NotPlayed(prompt))
    }

    /// What was waited for has not come. If it is because they have hung up, the event of that may have been lost with the link.
    async fn elapsed(&mut self, did: &mpsc::UnboundedReceiver<CallerDid>) -> Option<CallbackInput> {
        if let Ok(None) = self.line.rest.channel(&self.line.channel).await {
            self.line.is_there = false;
            return Some(CallbackInput::Gone);
        }
        if !did.is_empty() {
            // It came while the PBX was asked, and counts before.
            return None;
        }
        let prompt = self.line.elapsed();
        Some(prompt.map_or(CallbackInput::Elapsed, CallbackInput::Played))
    }

    /// Does what the machine wants; returns what that led to at once.
    async fn carry_out(&mut self, step: CallbackStep) -> Option<CallbackInput> {
        match step {
            // What is written counts, also if nobody hears of it any more.
            CallbackStep::Play(prompt) if !self.line.is_there => {
                return Some(CallbackInput::NotPlayed(prompt));
            }
            CallbackStep::Silence | CallbackStep::HangUp if !self.line.is_there => {}
            CallbackStep::Play(prompt) => return self.play(prompt).await,
            CallbackStep::Silence => self.line.silence().await,
            CallbackStep::Wait(time) => self.line.wait(time),
            CallbackStep::OptOut(number) => {
                self.line.timer = None;
                self.opting = Some(self.opt_out(number));
            }
            CallbackStep::Connect => {
                let is_done = self.line.is_there && self.connect().await;
                return Some(CallbackInput::Connected(is_done));
            }
            CallbackStep::HangUp => self.line.hang_up().await,
        }
        None
    }

    async fn play(&mut self, prompt: CallbackPrompt) -> Option<CallbackInput> {
        self.line.silence().await;
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
        let sound = match self.sound(&name) {
            // Better another prompt than none.
            Err(words) if prompt == CallbackPrompt::Menu && name != self.settings.prompt => {
                warn!(callback = %self.id, prompt = name, error = words, "the prompt of a campaign cannot be played, and the usual one is");
                self.prompt.clone_from(&self.settings.prompt);
                self.sound(&self.prompt)
            }
            sound => sound,
        };
        let (media, length) = match sound {
            Ok(sound) => sound,
            Err(words) => {
                warn!(callback = %self.id, prompt = name, error = words, "a prompt cannot be played");
                return not_played;
            }
        };
        match self.line.play(prompt, &media, length + SLACK).await {
            Ok(()) => Some(CallbackInput::Began(prompt)),
            Err(failure) => {
                warn!(callback = %self.id, prompt = name, detail = failure.detail, "a prompt is not played");
                not_played
            }
        }
    }

    /// The media of a prepared message, and how long it lasts.
    fn sound(&self, name: &str) -> Result<(String, Duration), String> {
        let library = self.config.messages().library();
        let library = library.map_err(|error| chain(&error))?;
        let found = audio::resolve(name, |name| library.holds(name), |_| false);
        match found.map_err(|error| chain(&error))? {
            Reference::Prepared(name) => {
                let prepared = library.show(&name).map_err(|error| chain(&error))?;
                Ok((prepared.media, prepared.duration))
            }
            Reference::OnPbx(_) | Reference::File(_) | Reference::Template(_) => {
                Err(format!("there is no prepared message `{name}`"))
            }
        }
    }

    fn opt_out(&self, number: PhoneNumber) -> BoxFuture<'static, bool> {
        let (shared, id) = (Arc::clone(&self.shared), self.id);
        let list = self.settings.list.clone();
        let lead = plan(&self.config, None).lead;
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
                    until_no_call_follows(&shared, &number, lead).await;
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

    /// Sends the call on; `false` if it has not gone on.
    async fn connect(&mut self) -> bool {
        let Some(place) = &self.settings.goes_to else {
            return false;
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
            // Where it goes it may last as long as it wants.
            (LIMIT, Some(NO_LIMIT.to_owned())),
        ];
        let variables = variables.map(|(name, value)| (name, value.unwrap_or_default()));
        send_on(&self.line.rest, &self.line.channel, &variables, Some(place)).await
    }

    async fn end(&mut self) {
        let outcome = self.machine.outcome();
        let store = &self.shared.store;
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

/// Waits until no call to a number follows any more whose intent was written before the number was put on a list. This process ends
/// its drops at once; others dial theirs within the time that an intent holds for, and the second call the lead later, or not at all.
async fn until_no_call_follows(shared: &SharedRun, number: &PhoneNumber, lead: Duration) {
    let follows = Plan::DIAL_WITHIN + lead + DIALLING;
    let until = clock::now() + follows;
    loop {
        let left = until.saturating_duration_since(clock::now());
        let since = shared.clock.now() - follows;
        match timeout(left, shared.store.is_being_called(number, since)).await {
            Ok(Ok(false)) => return,
            Ok(Ok(true)) => {}
            Ok(Err(error)) => debug!(error = chain(&error), "whether a call follows is not known"),
            // None does by then.
            Err(_) => return,
        }
        sleep(LOOK_AGAIN.min(left)).await;
    }
}

/// How long the database may take until a caller hears something.
const STORE_WITHIN: Duration = Duration::from_secs(5);

/// How long it may take to put a number on the list; whoever waits hears nothing meanwhile.
const OPT_OUT_WITHIN: Duration = Duration::from_secs(15);

/// How long the requests may take by which a call is made.
const DIALLING: Duration = Duration::from_secs(1);

/// How often it is looked whether a call still follows.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// The longest that a call is kept, whatever is pressed; `aftertone-callback` in the dialplan has the same limit, and a little more.
const LONGEST: Duration = Duration::from_secs(600);
