//! The body of an order of a drop.

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use serde_json::{Map, Value};

use crate::{
    campaign::policy::{CampaignKind, Consent, ConsentKind, Override},
    config::Config,
    drop::{Adoption, Begin, Technique},
    http::{fields::Fields, problem::Problem},
    id::{ChannelId, DropId},
    orders::{AdoptedCall, DropOrder},
    phone::{CallerId, PhoneNumber},
    store::{HeldDrop, OrderKeeping, OrderRecord, SpokenColumns},
    traces::TraceParent,
};

/// What is ordered.
#[derive(Debug)]
pub(super) struct DropRequest {
    pub(super) number: PhoneNumber,
    pub(super) message: String,
    /// What the message says of whoever is called.
    pub(super) fields: SpokenColumns,
    pub(super) kind: CampaignKind,
    pub(super) consent: Option<Consent>,
    pub(super) technique: Option<Technique>,
    pub(super) caller_id: Option<CallerId>,
    pub(super) overrides: Vec<Override>,
    /// Whether it waits if the gate holds it.
    pub(super) waits: bool,
    /// From then on it is not dialled.
    pub(super) expires_at: Option<Timestamp>,
    pub(super) foreign_id: Option<String>,
    pub(super) metadata: Option<Map<String, Value>>,
    /// The call that it takes over.
    pub(super) adopted: Option<AdoptedCall>,
}

impl DropRequest {
    /// Reads a body.
    ///
    /// # Errors
    /// [`Problem`] with all that is wrong with it.
    pub(super) fn read(body: &[u8], config: &Config, now: Timestamp) -> Result<Self, Problem> {
        let mut fields = Fields::of(body)?;
        let rules = config.pbx.rules;
        let number = fields.parsed("to", |text| PhoneNumber::parse(text, rules));
        let number = fields.required("to", number, "a number, such as `+12025550101`");
        let message = fields.parsed("message", message);
        let message = fields.required("message", message, "the name of a message");
        let spoken = spoken(&mut fields);
        let kind = fields.parsed("kind", kind);
        let kind = fields.required("kind", kind, "`marketing` or `informational`");
        let consent = fields.within("consent", consent);
        let technique = fields.parsed("technique", technique);
        let caller_id = fields.parsed("caller_id", CallerId::parse);
        let waits = fields.parsed("when_held", |text| match text {
            "refuse" => Ok(false),
            "wait" => Ok(true),
            _ => Err("expected `refuse` or `wait`"),
        });
        let expires_at = fields.parsed("expires_at", |text| expiry(text, now));
        let overrides = fields.within("override", overrides);
        let foreign_id = fields.parsed("foreign_id", foreign_id);
        let metadata = fields.object("metadata");
        if metadata
            .as_ref()
            .is_some_and(|object| Value::Object(object.clone()).to_string().len() > METADATA)
        {
            fields.fault("metadata", format!("expected at most {METADATA} bytes"));
        }
        let adopted = adopted(&mut fields);
        if adopted.is_some() {
            let given = [
                ("technique", technique.is_some()),
                ("caller_id", caller_id.is_some()),
                ("when_held", waits == Some(true)),
                ("expires_at", expires_at.is_some()),
            ];
            for (name, _) in given.into_iter().filter(|(_, is_given)| *is_given) {
                fields.fault(name, "the call is up: it cannot be combined with `channel`");
            }
        }
        let read = number.zip(message).zip(kind);
        let read = read.map(|((number, message), kind)| Self {
            number,
            message,
            fields: spoken,
            kind,
            consent,
            technique,
            caller_id,
            overrides: overrides.unwrap_or_default(),
            waits: waits.unwrap_or(false),
            expires_at,
            foreign_id,
            metadata,
            adopted,
        });
        fields.finish(read)
    }

    /// The order of it.
    pub(super) fn into_order(
        self,
        drop: DropId,
        traceparent: Option<TraceParent>,
        record: OrderRecord,
    ) -> DropOrder {
        DropOrder {
            drop,
            number: self.number,
            kind: self.kind,
            consent: self.consent,
            overrides: self.overrides,
            message: self.message,
            fields: self.fields,
            technique: self.technique,
            caller_id: self.caller_id,
            expires_at: self.expires_at,
            traceparent,
            keeping: OrderKeeping::WithIntent(Box::new(record)),
            adopted: self.adopted,
        }
    }

    /// What is kept of it if the gate holds or refuses it.
    pub(super) fn to_held(&self, drop: DropId, config: &Config) -> HeldDrop {
        HeldDrop {
            drop,
            number: self.number.clone(),
            pbx: config.instance.clone(),
            kind: self.kind,
            consent: self.consent.clone(),
            overrides: self.overrides.clone(),
            message: self.message.clone(),
            fields: self.fields.clone(),
            technique: match (&self.adopted, self.technique) {
                (Some(_), _) => Technique::Adopted,
                (None, given) => given.unwrap_or(config.drop.technique),
            },
            caller_id: self.caller_id.clone(),
            expires_at: self.expires_at,
            // It is with the order.
            traceparent: None,
        }
    }
}

/// Reads what the message says of whoever is called.
fn spoken(fields: &mut Fields) -> SpokenColumns {
    let given = fields.object("fields").unwrap_or_default();
    if given.len() > SPOKEN {
        fields.fault("fields", format!("expected at most {SPOKEN} of them"));
        return SpokenColumns::default();
    }
    let mut texts = Vec::with_capacity(given.len());
    for (name, value) in &given {
        let name = name.as_str();
        match value {
            Value::String(text) if text.chars().count() <= SPOKEN_LENGTH => {
                texts.push((name, text.as_str()));
            }
            Value::String(_) => fields.inner_fault(
                "fields",
                name,
                format!("expected at most {SPOKEN_LENGTH} characters"),
            ),
            Value::Null => {}
            Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
                fields.inner_fault("fields", name, "expected a text");
            }
        }
    }
    SpokenColumns::given(texts)
}

/// Reads which call is to be taken over, and how.
fn adopted(fields: &mut Fields) -> Option<AdoptedCall> {
    let given = fields.text("channel");
    let is_given = given.is_some();
    let channel = given.and_then(|text| {
        let read = channel(&text);
        read.map_err(|words| fields.fault("channel", words)).ok()
    });
    let begin = fields.parsed("begin", |text| match text {
        "ready" => Ok(Begin::AtReadyPoint),
        "now" => Ok(Begin::AtOnce),
        _ => Err("expected `ready` or `now`"),
    });
    if !is_given && begin.is_some() {
        fields.fault("begin", "it is of use with `channel` alone");
    }
    let adoption = Adoption {
        begin: begin.unwrap_or_default(),
        ..Adoption::default()
    };
    channel.map(|channel| AdoptedCall { channel, adoption })
}

/// Reads a channel's id, as Asterisk makes them or takes them.
fn channel(text: &str) -> Result<String, &'static str> {
    if text.parse::<ChannelId>().is_ok() {
        return Err("it is a call of a drop already");
    }
    let is_one = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-' | b':' | b'@');
    if (1..=149).contains(&text.len()) && text.bytes().all(is_one) {
        Ok(text.to_owned())
    } else {
        Err("expected the id of a channel of the PBX, such as `1700000000.42`")
    }
}

/// Reads a consent: how, when, and where that is recorded.
pub(super) fn consent(fields: &mut Fields) -> Option<Consent> {
    let level = fields.parsed("level", |text| {
        ConsentKind::parse(text).ok_or("expected `written` or `verbal`")
    });
    let level = fields.required("level", level, "`written` or `verbal`");
    let at = fields.parsed("at", moment);
    let at = fields.required("at", at, "a day or a moment");
    let source = fields
        .text("source")
        .filter(|source| !source.trim().is_empty());
    let source = fields.required(
        "source",
        source,
        "where it is recorded, such as `web form 2026-03`",
    );
    level
        .zip(at)
        .zip(source)
        .map(|((kind, at), source)| Consent {
            kind,
            at: Some(at),
            source: Some(source),
        })
}

/// Reads what a call is for.
pub(super) fn kind(text: &str) -> Result<CampaignKind, &'static str> {
    match text {
        "marketing" => Ok(CampaignKind::Marketing),
        "informational" => Ok(CampaignKind::Informational),
        _ => Err("expected `marketing` or `informational`"),
    }
}

/// Reads whether there are two calls or one.
pub(super) fn technique(text: &str) -> Result<Technique, &'static str> {
    match text {
        "double" => Ok(Technique::Double),
        "single" => Ok(Technique::Single),
        _ => Err("expected `double` or `single`"),
    }
}

fn overrides(fields: &mut Fields) -> Option<Vec<Override>> {
    let because = fields.text("because").unwrap_or_default();
    let rules = fields.list("rules");
    let rules = fields.required("rules", rules, "a list of rules, such as `consent`")?;
    let mut overrides = Vec::new();
    for (at, rule) in rules.iter().enumerate() {
        match Override::new(rule.as_str().unwrap_or_default(), &because) {
            Ok(rule) => overrides.push(rule),
            Err(error) => fields.item_fault("rules", at, error.to_string()),
        }
    }
    Some(overrides)
}

fn message(text: &str) -> Result<String, &'static str> {
    match text.trim() {
        "" => Err("expected the name of a message"),
        text if text.len() > MESSAGE => Err("expected at most 4000 bytes"),
        text => Ok(text.to_owned()),
    }
}

fn foreign_id(text: &str) -> Result<String, String> {
    let fits = (1..=FOREIGN_ID).contains(&text.len()) && !text.chars().any(char::is_control);
    if fits {
        Ok(text.to_owned())
    } else {
        Err(format!(
            "expected 1 to {FOREIGN_ID} bytes without control characters"
        ))
    }
}

/// A moment in RFC 3339 that is still to come.
fn expiry(text: &str, now: Timestamp) -> Result<Timestamp, &'static str> {
    let at = text
        .parse::<Timestamp>()
        .map_err(|_| "expected a moment in RFC 3339, such as `2026-03-01T14:30:00Z`")?;
    if at > now {
        Ok(at)
    } else {
        Err("it is over: expected a moment that is still to come")
    }
}

/// A moment, or the beginning of a day in UTC, as lists have it.
fn moment(text: &str) -> Result<Timestamp, &'static str> {
    let moment = text.parse::<Timestamp>().ok();
    let day = || {
        let day = text.parse::<Date>().ok()?;
        Some(day.to_zoned(TimeZone::UTC).ok()?.timestamp())
    };
    moment
        .or_else(day)
        .ok_or("expected a day such as `2026-03-01`, or `2026-03-01T14:30:00Z`")
}

/// Most bytes of a message's name, which may be a template.
const MESSAGE: usize = 4_000;

/// Most fields that a message is given, and most characters of each.
const SPOKEN: usize = 32;
const SPOKEN_LENGTH: usize = 200;

/// Most bytes of what a client wants back with a drop.
const METADATA: usize = 2_048;

/// Most bytes of a foreign id.
const FOREIGN_ID: usize = 200;
