//! What an agent's call brings when it is handed over, and what it is told if it gets no message.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};
use tracing::{debug, warn};

use crate::{
    ari::{Arrival, Failure, Rest},
    campaign::{Decision, policy::CampaignKind},
    clock,
    config::DialplanPlace,
    drop::{Adoption, Begin, RefusalKind, WhenHuman},
    id::DropId,
    orders::{AdoptedCall, DropOrder, NotOrdered},
    phone::{PhoneNumber, Rules},
    runtime::executor::STATUS,
    store::{
        AuditEntry, IdempotencyKey, KeptAnswer, KeyedAnswer, OrderKeeping, OrderRecord,
        RequestDigest, SpokenColumns,
    },
};

/// The arguments of `Stasis(app,leave,MESSAGE,WHEN,NUMBER,WHEN_HUMAN,AGENT,CAMPAIGN,CONTACT)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct HandedOver {
    pub(super) message: String,
    pub(super) adoption: Adoption,
    pub(super) number: PhoneNumber,
    pub(super) agent: Option<String>,
    pub(super) campaign: Option<String>,
    pub(super) foreign_id: Option<String>,
}

/// Why a call gets no message, as the dialplan is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turned {
    /// It is not known what it is there for.
    Unknown,
    /// It names no message, or one that is not there.
    Message,
    /// There is no number that the gate could be asked about.
    Number,
    /// The call had its drop before.
    Duplicate,
    /// The gate does not allow it.
    Refused,
    /// The gate does not allow it now.
    Held,
    /// The number is being called by others at this moment.
    Contended,
    /// The program ends, or its database or the PBX is away.
    Away,
}

impl Turned {
    /// The value of `AFTERTONE_STATUS`.
    pub(super) const fn slug(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Message => "no_message",
            Self::Number => "invalid_number",
            Self::Duplicate => "duplicate",
            Self::Refused => "refused",
            Self::Held => "held",
            Self::Contended => "contended",
            Self::Away => "unavailable",
        }
    }

    pub(super) fn of(error: &NotOrdered) -> Self {
        match error {
            NotOrdered::Stopped(ruling) => match ruling.decision {
                Decision::Held { .. } => Self::Held,
                Decision::Refused(_) | Decision::Allowed => Self::Refused,
            },
            NotOrdered::Erased => Self::Refused,
            NotOrdered::KeyTaken => Self::Duplicate,
            NotOrdered::Contended => Self::Contended,
            NotOrdered::Message(_) | NotOrdered::Fields(_) => Self::Message,
            NotOrdered::Expired
            | NotOrdered::NoCall
            | NotOrdered::TrunkFull
            | NotOrdered::Away(_)
            | NotOrdered::Store(_)
            | NotOrdered::Draining => Self::Away,
        }
    }
}

impl HandedOver {
    /// Reads the arguments behind the app.
    ///
    /// # Errors
    /// [`Turned`]: without a message or a number nothing is played.
    pub(super) fn read(arrival: &Arrival, rules: Rules) -> Result<Self, Turned> {
        let arg = |at| arrival.arg(at);
        let kept = |at| arg(at).map(|text| text.chars().take(LONGEST).collect::<String>());
        let message = arg(1).ok_or(Turned::Message)?;
        let number = arg(3).ok_or(Turned::Number)?;
        let number = PhoneNumber::parse(number, rules).map_err(|_| Turned::Number)?;
        Ok(Self {
            message: message.to_owned(),
            adoption: Adoption {
                begin: match arg(2) {
                    Some("now") => Begin::AtOnce,
                    Some(_) | None => Begin::AtReadyPoint,
                },
                when_human: match arg(4) {
                    Some("return") => WhenHuman::GiveBack,
                    Some(_) | None => WhenHuman::HangUp,
                },
            },
            number,
            agent: kept(5),
            campaign: kept(6),
            foreign_id: kept(7),
        })
    }

    /// The order of it. `key` is the channel among those of all PBXes: a call has one drop.
    pub(super) fn into_order(
        self,
        drop: DropId,
        channel: &str,
        key: &str,
        now: Timestamp,
    ) -> DropOrder {
        let masked = self.number.to_string();
        let body = json!({
            "drop": drop, "status": "queued", "number": masked, "message": self.message,
        });
        let metadata = json!({
            "agent": self.agent, "campaign": self.campaign, "channel": channel,
        });
        let record = OrderRecord {
            keyed: KeyedAnswer {
                key: IdempotencyKey {
                    principal: PRINCIPAL.to_owned(),
                    route: ROUTE.to_owned(),
                    key: key.to_owned(),
                },
                answer: KeptAnswer {
                    request: RequestDigest::of(key.as_bytes()),
                    status: 202,
                    body: body.to_string(),
                    drop,
                },
                oldest: now.saturating_sub(KEPT_FOR).unwrap_or(now),
            },
            foreign_id: self.foreign_id,
            metadata: Some(Value::to_string(&metadata)),
            expires_at: None,
            traceparent: None,
            channel: Some(key.to_owned()),
            audit: AuditEntry {
                at: now,
                who: match &self.agent {
                    Some(agent) => format!("agent:{agent}"),
                    None => PRINCIPAL.to_owned(),
                },
                via: "pbx",
                ip: None,
                request_id: None,
                action: "drop.order".to_owned(),
                object: drop.to_string(),
                before: None,
                after: Some(json!({"number": masked, "message": self.message}).to_string()),
            },
        };
        DropOrder {
            drop,
            number: self.number,
            // The stricter of the two, for what the record of the decision says.
            kind: CampaignKind::Marketing,
            consent: None,
            overrides: Vec::new(),
            message: self.message,
            fields: SpokenColumns::default(),
            technique: None,
            caller_id: None,
            expires_at: None,
            traceparent: None,
            keeping: OrderKeeping::WithIntent(Box::new(record)),
            adopted: Some(AdoptedCall {
                channel: channel.to_owned(),
                adoption: self.adoption,
            }),
        }
    }
}

/// Who orders a drop by the dialplan.
const PRINCIPAL: &str = "dialplan";

/// By what.
const ROUTE: &str = "Stasis leave";

/// How long a channel's name is one that had its drop: longer than any call.
const KEPT_FOR: SignedDuration = SignedDuration::from_hours(72);

/// Most characters that are kept of what an agent's call says of itself.
const LONGEST: usize = 200;

/// Sends a call on into the dialplan, which is told why.
pub(super) async fn turn_away(rest: &Rest, channel: &str, turned: Turned) {
    let variables = [(STATUS, turned.slug().to_owned())];
    // Its limit is lifted there.
    send_on(rest, channel, &variables, None).await;
}

/// Sends a call on into the dialplan with these variables: behind the place where it came to us, or to another one. What fails is
/// tried again for some seconds; then the call is hung up, since nobody is on its other end. `false` if it has not gone on.
pub(super) async fn send_on(
    rest: &Rest,
    channel: &str,
    variables: &[(&str, String)],
    to: Option<&DialplanPlace>,
) -> bool {
    let until = clock::now() + GO_ON_WITHIN;
    let mut is_sent = false;
    loop {
        let trying = try_to_send_on(rest, channel, variables, to, &mut is_sent);
        let detail = match timeout(TRY_WITHIN, trying).await {
            Ok(Ok(())) => return true,
            Ok(Err(failure)) => match failure.kind {
                RefusalKind::NotFound => return false,
                // It is in our app no more: by this, or because somebody else has taken it.
                RefusalKind::WrongState => return is_sent,
                RefusalKind::Rejected
                | RefusalKind::NotMade
                | RefusalKind::Failed
                | RefusalKind::Unreachable
                | RefusalKind::TooLate
                | RefusalKind::NoReply => failure.detail,
            },
            Err(_) => "the PBX does not answer".to_owned(),
        };
        if clock::now() >= until {
            warn!(channel, detail, "a call cannot be sent on, and is hung up");
            hang_up(rest, channel).await;
            return false;
        }
        debug!(channel, detail, "a call is sent on once more");
        sleep(PAUSE).await;
    }
}

/// Tries it once; `is_sent` says whether the PBX was asked to let the call go by now.
async fn try_to_send_on(
    rest: &Rest,
    channel: &str,
    variables: &[(&str, String)],
    to: Option<&DialplanPlace>,
    is_sent: &mut bool,
) -> Result<(), Failure> {
    if *is_sent && has_left(rest, channel).await? {
        return Ok(());
    }
    rest.set_variables_of(channel, variables).await?;
    *is_sent = true;
    match to {
        Some(place) => {
            let (context, extension) = (&place.context, &place.extension);
            rest.send_to(channel, context, extension, place.priority)
                .await
        }
        None => rest.go_on(channel).await,
    }
}

/// Whether a call is up and in no app, so that what it was asked before was done.
async fn has_left(rest: &Rest, channel: &str) -> Result<bool, Failure> {
    let found = rest.channel(channel).await?;
    Ok(found.is_some_and(|found| {
        let app = &found.dialplan.app_name;
        // Before Asterisk 18 it is not said.
        !app.is_empty() && app != "Stasis"
    }))
}

/// Ends a call of somebody else's.
pub(super) async fn hang_up(rest: &Rest, channel: &str) {
    if let Err(failure) = rest.hang_up(channel).await {
        warn!(
            channel,
            detail = failure.detail,
            "cannot hang up; the pbx ends it at its time limit"
        );
    }
}

/// How long it is tried to send a call on.
const GO_ON_WITHIN: Duration = Duration::from_secs(8);

/// How long one attempt may take.
const TRY_WITHIN: Duration = Duration::from_secs(3);

/// Between two attempts.
const PAUSE: Duration = Duration::from_millis(250);

#[cfg(test)]
mod tests {
    use super::*;

    fn read(args: &str) -> Result<HandedOver, Turned> {
        let arrival = Arrival {
            channel: "1.1".to_owned(),
            args: args.split(',').map(str::to_owned).collect(),
            is_late: false,
        };
        HandedOver::read(&arrival, Rules::default())
    }

    #[test]
    fn the_arguments_say_what_is_played_and_when() {
        let handed = read("leave,spring,now,+12025550101,return,ann,web,C-1").unwrap();
        assert_eq!(handed.message, "spring");
        assert_eq!(handed.adoption.begin, Begin::AtOnce);
        assert_eq!(handed.adoption.when_human, WhenHuman::GiveBack);
        assert_eq!(handed.number.digits(), "12025550101");
        assert_eq!(handed.agent.as_deref(), Some("ann"));
        assert_eq!(handed.campaign.as_deref(), Some("web"));
        assert_eq!(handed.foreign_id.as_deref(), Some("C-1"));
        let least = read("leave,spring,,2025550101").unwrap();
        assert_eq!(least.adoption, Adoption::default());
        assert_eq!(least.number.digits(), "12025550101");
        assert_eq!((least.agent, least.foreign_id), (None, None));
    }

    #[test]
    fn a_call_without_a_message_or_a_number_is_turned_away() {
        for (args, turned) in [
            ("leave", Turned::Message),
            ("leave,,now,+12025550101", Turned::Message),
            ("leave,spring", Turned::Number),
            ("leave,spring,now,anonymous", Turned::Number),
            ("leave,spring,now,101", Turned::Number),
        ] {
            assert_eq!(read(args).unwrap_err(), turned, "{args}");
        }
    }

    #[test]
    fn a_call_has_one_key_whatever_it_asks_for() {
        let order = |args| {
            let now = Timestamp::UNIX_EPOCH + SignedDuration::from_hours(500_000);
            let drop = DropId::generate();
            read(args)
                .unwrap()
                .into_order(drop, "17.4", "pbx/17.4", now)
        };
        let (one, two) = (
            order("leave,spring,,+12025550101"),
            order("leave,autumn,now,+12025550102"),
        );
        let key = |order: &DropOrder| match &order.keeping {
            OrderKeeping::WithIntent(record) => record.keyed.key.clone(),
            OrderKeeping::Held => panic!("not held"),
        };
        assert_eq!(key(&one), key(&two));
    }
}
