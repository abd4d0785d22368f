//! What becomes of a call that an agent hands over, or that is asked for: the gate and the drop, or the reason why there is none.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use serde_json::json;
use tokio::{sync::oneshot, task::JoinHandle, time::sleep};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::{
    drop_order::{DropMessage, SingleDrop, message_of},
    handed_over::{HandedOver, Turned, hang_up, turn_away},
    messages::PlayableMessage,
    open_run::{Reply, carry, carry_with},
    run_of::SharedRun,
};
use crate::{
    ari::{Arrival, Channel, Originate},
    audio::Composer,
    campaign::{
        Decision,
        policy::{Override, Ruling},
    },
    clock,
    config::Config,
    drop::{RefusalKind, Technique},
    error_chain::chain,
    id::{ChannelId, DropId},
    orders::{DropOrder, NotOrdered, OrderedDrop},
    runtime::call::NO_CDR,
    store::{HeldDrop, OrderKeeping, OrderRecord, RefusedDrop, RefusedOrder, SpokenColumns},
    tasks,
    words::Leg,
};

/// What is left on a call, ready before the call is taken from its agent: what cannot be made is no reason to take it.
pub(super) struct ReadyMessage {
    message: DropMessage,
    composer: Composer,
    sound: PlayableMessage,
}

impl ReadyMessage {
    /// The message of an order that names it so, for whoever is called, of whom this is known.
    ///
    /// # Errors
    /// [`NotOrdered::Message`] if the message cannot be used, [`NotOrdered::Fields`] if it cannot be filled in.
    pub(super) async fn make(
        (name, fields): (String, SpokenColumns),
        drop: DropId,
        config: Arc<Config>,
        shared: &SharedRun,
    ) -> Result<Self, NotOrdered> {
        let looking = tasks::blocking(move || message_of(&name, &fields, &config));
        let (message, composer) = looking.await?;
        let run = shared.session.run().clone();
        let sound = PlayableMessage::ready(&message, &composer, drop, run).await;
        let sound = sound.map_err(|error| NotOrdered::Message(chain(&error)))?;
        Ok(Self {
            message,
            composer,
            sound,
        })
    }
}

/// Has the PBX send a call that is up into our app. Returns only if it does not come, and why: either it is certain that it stays
/// where it is, or it has had all its time.
pub(super) async fn fetch(shared: &SharedRun, drop: DropId, channel: &str) -> NotOrdered {
    let session = &shared.session;
    let rest = session.rest();
    match rest.channel(channel).await {
        Ok(Some(found)) if found.state == "Up" => {}
        Ok(_) => return NotOrdered::NoCall,
        Err(failure) => return NotOrdered::Away(failure.detail),
    }
    let variables = [
        ("AFTERTONE_CHANNEL", channel.to_owned()),
        ("AFTERTONE_FETCHED", drop.to_string()),
        (NO_CDR, "1".to_owned()),
    ];
    let originate = Originate {
        // No call of this drop has it: it has one leg.
        channel: ChannelId::leg(session.run().clone(), drop, Leg::Busy),
        endpoint: FETCHER.to_owned(),
        caller_id: String::new(),
        app: session.app().to_owned(),
        app_args: drop.to_string(),
        timeout: FETCH_WITHIN,
        variables: variables
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect::<BTreeMap<_, _>>(),
        by: None,
        unless: CancellationToken::new(),
    };
    let give_up = clock::now() + LONGEST_FETCH;
    let late = "the PBX did not hand the call over: is `aftertone-fetch` in its dialplan?";
    // Whether the PBX has answered, so that it does not begin later on.
    let (has_answered, words) = match rest.originate(&originate).await {
        Ok(()) => (true, late.to_owned()),
        Err(failure) => match failure.kind {
            RefusalKind::NoReply => (false, failure.detail),
            // It may have begun all the same.
            RefusalKind::Failed => (true, failure.detail),
            RefusalKind::NotFound
            | RefusalKind::WrongState
            | RefusalKind::Rejected
            | RefusalKind::NotMade
            | RefusalKind::Unreachable
            | RefusalKind::TooLate => return NotOrdered::Away(failure.detail),
        },
    };
    sleep(FETCH_WITHIN).await;
    loop {
        // What is gone sends nothing here any more.
        let is_ended = rest.hang_up(&originate.channel.to_string()).await.is_ok();
        sleep(LOOK_AGAIN).await;
        match rest.channel(channel).await {
            Ok(None) if is_ended => return NotOrdered::NoCall,
            // Its arrival is about to be heard of if it is on its way.
            Ok(Some(found)) if is_ended && has_answered && !is_on_its_way(&found, drop) => {
                return NotOrdered::Away(words);
            }
            Ok(_) | Err(_) if clock::now() >= give_up => return NotOrdered::Away(words),
            Ok(_) | Err(_) => {}
        }
    }
}

/// Whether the PBX has a call come to us for a drop.
fn is_on_its_way(found: &Channel, drop: DropId) -> bool {
    let dialplan = &found.dialplan;
    let is_for = |arg: &str| arg.parse().ok() == Some(drop);
    dialplan.context == FETCHED
        || (dialplan.app_name == "Stasis" && dialplan.app_data.split(',').any(is_for))
}

/// What an agent's call has that a call of ours would not: what is known of it in the store, and the rules that the agent answers for.
pub(super) fn prepare(order: &mut DropOrder, shared: &SharedRun) {
    if let (OrderKeeping::WithIntent(record), Some(adopted)) = (&mut order.keeping, &order.adopted)
    {
        record.channel = Some(key_of(shared, &adopted.channel));
    }
    let given: BTreeSet<_> = order.overrides.iter().map(Override::rule).collect();
    let agents = AGENTS_RULES
        .iter()
        .filter_map(|rule| Override::new(rule, AGENTS).ok());
    order
        .overrides
        .extend(agents.filter(|each| !given.contains(&each.rule())));
}

/// The name of a channel among those of all PBXes.
fn key_of(shared: &SharedRun, channel: &str) -> String {
    format!("{}/{channel}", shared.session.identity())
}

/// What ends the call of a drop, or says that it has ended.
pub(super) struct CallEnds {
    /// Cancels the drop.
    pub(super) cancel: CancellationToken,
    /// The call has left before it was the drop's.
    pub(super) gone: CancellationToken,
}

/// What goes on of an order whose call is none of ours any more: it is withdrawn, as soon as the database answers.
pub(super) type LeftOver = Option<JoinHandle<()>>;

/// An agent left a call with us.
pub(super) async fn leave(
    arrival: Arrival,
    drop: DropId,
    (config, shared): (Arc<Config>, Arc<SharedRun>),
    ends: CallEnds,
) -> LeftOver {
    let rest = shared.session.rest();
    let channel = arrival.channel.clone();
    let handed = match HandedOver::read(&arrival, config.pbx.rules) {
        Ok(handed) => handed,
        Err(turned) => {
            warn!(%drop, channel, why = turned.slug(), "a call that was handed over is not taken");
            turn_away(&rest, &channel, turned).await;
            return None;
        }
    };
    info!(%drop, channel, number = %handed.number, agent = handed.agent, "a call was handed over");
    let key = key_of(&shared, &channel);
    let mut order = handed.into_order(drop, &channel, &key, shared.clock.now());
    prepare(&mut order, &shared);
    let refused = Refused::of(&order, &config.instance);
    let (reply, replied) = oneshot::channel();
    let (by, cancel) = (Arc::clone(&shared), ends.cancel.clone());
    let carrying = tokio::spawn(async move {
        carry(order, &config, by, cancel, reply).await;
    });
    let error = match answer(replied, &ends).await {
        CallAnswer::Ordered(_) => {
            tasks::join(carrying).await;
            return None;
        }
        CallAnswer::Gone => {
            info!(%drop, channel, "a call that was handed over has ended before its message");
            return Some(carrying);
        }
        CallAnswer::Late => {
            warn!(%drop, channel, "a call that was handed over gets no message: the database or the pbx did not answer in time");
            turn_away(&rest, &channel, Turned::Away).await;
            return Some(carrying);
        }
        CallAnswer::Not(error) => error,
    };
    let turned = Turned::of(&error);
    warn!(%drop, channel, why = turned.slug(), %error, "a call that was handed over gets no message");
    // The process that began with it is gone, and what it played is not known.
    let is_begun = turned == Turned::Duplicate && arrival.is_late;
    if turned == Turned::Refused || is_begun {
        hang_up(&rest, &channel).await;
    } else {
        turn_away(&rest, &channel, turned).await;
    }
    if let NotOrdered::Stopped(ruling) = &error {
        refused.write(&shared, ruling).await;
    }
    Some(carrying)
}

/// Carries out an order whose call has come. One that gets no message goes on in the dialplan, unless the number must not get any:
/// then it is hung up, since the agent has let go of it.
pub(super) async fn take_over(
    order: DropOrder,
    ready: ReadyMessage,
    (config, shared): (Arc<Config>, Arc<SharedRun>),
    ends: CallEnds,
    reply: Reply,
) -> LeftOver {
    let rest = shared.session.rest();
    let ReadyMessage {
        message,
        composer,
        sound,
    } = ready;
    let order = SingleDrop::with(order, (message, composer), &config);
    let (drop, channel) = (order.drop, order.adopted.clone().unwrap_or_default());
    let (inner, replied) = oneshot::channel();
    let cancel = ends.cancel.clone();
    let carrying = tokio::spawn(async move {
        carry_with(order, Some(sound), &config, shared, cancel, inner).await;
    });
    let error = match answer(replied, &ends).await {
        CallAnswer::Ordered(ordered) => {
            // Whoever ordered it may have gone.
            let _ = reply.send(Ok(ordered));
            tasks::join(carrying).await;
            return None;
        }
        CallAnswer::Gone => NotOrdered::NoCall,
        CallAnswer::Late => {
            let words = "the database or the PBX did not answer in time".to_owned();
            NotOrdered::Away(words)
        }
        CallAnswer::Not(error) => error,
    };
    warn!(%drop, channel, %error, "a call that was asked for gets no message");
    let turned = Turned::of(&error);
    if turned == Turned::Refused {
        hang_up(&rest, &channel).await;
    } else if !matches!(error, NotOrdered::NoCall) {
        turn_away(&rest, &channel, turned).await;
    }
    let _ = reply.send(Err(error));
    Some(carrying)
}

/// What is heard of an order while its call waits.
enum CallAnswer {
    /// Its intent is committed, and the call is the drop's.
    Ordered(OrderedDrop),
    /// It gets no message, for certain.
    Not(NotOrdered),
    /// The call has ended; nothing is played to it.
    Gone,
    /// It has taken too long; nothing is played to the call.
    Late,
}

/// Waits for the answer to an order, and withdraws the order if its call ends, or has waited too long.
async fn answer(
    mut replied: oneshot::Receiver<Result<OrderedDrop, NotOrdered>>,
    ends: &CallEnds,
) -> CallAnswer {
    let of = |answer: Result<OrderedDrop, NotOrdered>| match answer {
        Ok(ordered) => CallAnswer::Ordered(ordered),
        Err(error) => CallAnswer::Not(error),
    };
    let unanswered = tokio::select! {
        biased;
        answered = &mut replied => return of(answered.unwrap_or(Err(NotOrdered::Draining))),
        () = ends.gone.cancelled() => CallAnswer::Gone,
        () = sleep(INTENT_WITHIN) => CallAnswer::Late,
    };
    ends.cancel.cancel();
    // It may have come at this moment.
    replied.try_recv().map_or(unanswered, of)
}

/// What is kept of a call that the gate does not allow a message.
struct Refused {
    record: Option<Box<OrderRecord>>,
    drop: HeldDrop,
}

impl Refused {
    fn of(order: &DropOrder, pbx: &str) -> Self {
        let record = match &order.keeping {
            // The call stays with its key alone: no drop has taken it over.
            OrderKeeping::WithIntent(record) => Some(Box::new(OrderRecord {
                channel: None,
                ..(**record).clone()
            })),
            OrderKeeping::Held => None,
        };
        let drop = HeldDrop {
            drop: order.drop,
            number: order.number.clone(),
            pbx: pbx.to_owned(),
            kind: order.kind,
            consent: order.consent.clone(),
            overrides: order.overrides.clone(),
            message: order.message.clone(),
            fields: SpokenColumns::default(),
            technique: Technique::Adopted,
            caller_id: None,
            expires_at: None,
            traceparent: None,
        };
        Self { record, drop }
    }

    async fn write(self, shared: &SharedRun, ruling: &Ruling) {
        let (Some(record), Decision::Refused(reason)) = (self.record, &ruling.decision) else {
            return;
        };
        let last = ruling.findings.last();
        let detail = json!({
            "foreign_id": record.foreign_id,
            "rule": last.map(|finding| finding.rule.slug()),
            "reason": reason.slug(),
        });
        let drop = RefusedDrop {
            held: self.drop,
            reason: reason.slug(),
            words: last.map_or_else(String::new, |finding| finding.words.clone()),
            ruling: ruling.json(),
            until: None,
        };
        let refused = RefusedOrder::refused(drop, detail);
        let now = shared.clock.now();
        let kept = shared.store.keep_refused(&record, &refused, now);
        if let Err(error) = kept.await {
            warn!(
                error = chain(&error),
                "that a call was refused a message is not in the store"
            );
        }
    }
}

/// The rules that the agent answers for, who has called already. What they would have said is logged, and kept with the drop.
const AGENTS_RULES: [&str; 3] = ["consent", "frequency_cap", "calling_hours"];

/// Why they are set aside.
const AGENTS: &str = "an agent has made the call";

/// The Local channel whose far side sends a call that is up into our app.
const FETCHER: &str = "Local/s@aftertone-fetch/n";

/// The context that it sends the call to.
const FETCHED: &str = "aftertone-fetched";

/// How long that may take.
const FETCH_WITHIN: Duration = Duration::from_secs(5);

/// How long an order waits for its call while it is not certain that the call stays where it is: less than a request may take.
const LONGEST_FETCH: Duration = Duration::from_secs(20);

/// How long the PBX has for what is on its way, and between two looks at the call.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// How long a call may wait for its intent. The dialplan ends it after 30 s.
const INTENT_WITHIN: Duration = Duration::from_secs(15);
