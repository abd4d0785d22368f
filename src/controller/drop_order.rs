//! The order of a single drop: what a caller has to say of it, and nothing that is only known once it is carried out.

use std::path::PathBuf;

use jiff::Timestamp;

use crate::{
    audio::{
        self, Composer, Name, Reference, SoundUri,
        template::{Filled, Unfilled},
    },
    campaign::policy::{CampaignKind, Consent, Override},
    config::Config,
    drop::{Plan, Technique},
    error_chain::chain,
    id::DropId,
    orders::{DropOrder, NotOrdered},
    phone::{CallerId, PhoneNumber},
    runtime,
    store::{AuditEntry, OrderKeeping, SpokenColumns},
    traces::TraceParent,
};

/// A drop outside any campaign, as it is ordered.
#[derive(Debug)]
pub struct SingleDrop {
    /// The drop's id.
    pub drop: DropId,
    /// The number to call.
    pub number: PhoneNumber,
    /// What the call is for.
    pub kind: CampaignKind,
    /// The consent that is on record.
    pub consent: Option<Consent>,
    /// The rules that are set aside, and why.
    pub overrides: Vec<Override>,
    /// How it is called. The message's length is found out.
    pub plan: Plan,
    /// The message.
    pub message: DropMessage,
    /// The message, as it was named.
    pub message_name: String,
    /// The folder of messages, what a recording that is prepared for this drop is to be like, and what makes a message for
    /// whoever is called.
    pub composer: Composer,
    /// The number shown.
    pub caller_id: CallerId,
    /// The folder of all evidence; `None` if none is kept.
    pub evidence: Option<PathBuf>,
    /// The number as the evidence shows it.
    pub shown_number: String,
    /// From then on it is not dialled.
    pub expires_at: Option<Timestamp>,
    /// Where it belongs in the trace of whoever ordered it.
    pub traceparent: Option<TraceParent>,
    /// Where the order is kept, if it was ordered over HTTP.
    pub keeping: Option<OrderKeeping>,
    /// What the audit log says of it if it was not.
    pub audit: Option<AuditEntry>,
    /// The channel of the call that it takes over; `None`: it makes its own.
    pub adopted: Option<String>,
}

/// What is left, with all that is known of whoever is called.
#[derive(Clone, Debug)]
pub enum DropMessage {
    /// A prepared message.
    Prepared(Name),
    /// A sound that the PBX has of its own.
    OnPbx(SoundUri),
    /// A recording that has to be prepared.
    File(PathBuf),
    /// A message that is made for whoever is called.
    ForOne(Filled),
}

impl DropMessage {
    /// The message of a reference; `fields` is what a template says of whoever is called.
    ///
    /// # Errors
    /// [`Unfilled`] if a template cannot be filled in with these.
    pub fn of(reference: Reference, fields: &SpokenColumns) -> Result<Self, Unfilled> {
        Ok(match reference {
            Reference::Prepared(name) => Self::Prepared(name),
            Reference::OnPbx(uri) => Self::OnPbx(uri),
            Reference::File(file) => Self::File(file),
            Reference::Template(template) => {
                Self::ForOne(template.fill(|column| fields.get(column))?)
            }
        })
    }
}

impl SingleDrop {
    /// The drop of an order.
    ///
    /// # Errors
    /// [`NotOrdered::Message`] if the message cannot be used, [`NotOrdered::Fields`] if it cannot be filled in.
    pub(super) fn of(order: DropOrder, config: &Config) -> Result<Self, NotOrdered> {
        let message = message_of(&order.message, &order.fields, config)?;
        Ok(Self::with(order, message, config))
    }

    /// The same with its message, and what makes one.
    pub(super) fn with(
        order: DropOrder,
        (message, composer): (DropMessage, Composer),
        config: &Config,
    ) -> Self {
        let pbx = &config.pbx;
        let mut plan = runtime::plan(config, None);
        plan.technique = order.technique.unwrap_or(plan.technique);
        if let Some(call) = &order.adopted {
            plan.technique = Technique::Adopted;
            plan.adoption = call.adoption;
        }
        Self {
            drop: order.drop,
            shown_number: order.number.to_string(),
            number: order.number,
            kind: order.kind,
            consent: order.consent,
            overrides: order.overrides,
            plan,
            message,
            message_name: order.message,
            composer,
            caller_id: order.caller_id.unwrap_or_else(|| pbx.caller_id.clone()),
            evidence: config.evidence.dir.clone(),
            expires_at: order.expires_at,
            traceparent: order.traceparent,
            keeping: Some(order.keeping),
            audit: None,
            adopted: order.adopted.map(|call| call.channel),
        }
    }

    /// Whether it is not dialled any more.
    pub(super) fn has_expired(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|at| at <= now)
    }
}

/// The message of an order that names it so, and what makes one for whoever is called, of whom this is known. Blocks.
///
/// # Errors
/// [`NotOrdered::Message`] if the message cannot be used, [`NotOrdered::Fields`] if it cannot be filled in.
pub(super) fn message_of(
    message: &str,
    fields: &SpokenColumns,
    config: &Config,
) -> Result<(DropMessage, Composer), NotOrdered> {
    let unusable = NotOrdered::Message;
    let composer = config.messages().composer();
    let composer = composer.map_err(|error| unusable(chain(&error)))?;
    let library = composer.library();
    // Files of this machine are not for whoever asks over HTTP.
    let message = audio::resolve(message, |name| library.holds(name), |_| false);
    let message = match message.map_err(|error| unusable(chain(&error)))? {
        Reference::File(_) => {
            let words = "expected the name of a prepared message, a `sound:` URI, or a template";
            return Err(unusable(words.to_owned()));
        }
        Reference::Template(template) => {
            let checked = composer.check(&template);
            checked.map_err(|error| unusable(chain(&error)))?;
            Reference::Template(template)
        }
        message @ (Reference::Prepared(_) | Reference::OnPbx(_)) => message,
    };
    let message = DropMessage::of(message, fields);
    let message = message.map_err(|error| NotOrdered::Fields(error.to_string()))?;
    Ok((message, composer))
}
