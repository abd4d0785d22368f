//! The order of a single drop: what a caller has to say of it, and nothing that is only known once it is carried out.

use std::path::PathBuf;

use jiff::Timestamp;

use crate::{
    audio::{self, Library, Reference, Targets},
    campaign::policy::{CampaignKind, Consent, Override},
    config::Config,
    drop::{Plan, Technique},
    error_chain::chain,
    id::DropId,
    orders::DropOrder,
    phone::{CallerId, PhoneNumber},
    runtime,
    store::{AuditEntry, OrderKeeping},
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
    pub message: Reference,
    /// The message, as it was named.
    pub message_name: String,
    /// The folder of messages.
    pub library: Library,
    /// What a recording that is prepared for this drop is to be like.
    pub targets: Targets,
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

impl SingleDrop {
    /// The drop of an order.
    ///
    /// # Errors
    /// In words, if the message cannot be used.
    pub(super) fn of(order: DropOrder, config: &Config) -> Result<Self, String> {
        let pbx = &config.pbx;
        let library = Library::new(&pbx.sounds_dir, &pbx.pbx_sounds_dir);
        let library = library.map_err(|error| chain(&error))?;
        let lufs = config.audio.target_lufs.unwrap_or(Targets::LUFS);
        let targets = Targets::new(config.audio.max_length, lufs).map_err(|error| chain(&error))?;
        // Files of this machine are not for whoever asks over HTTP.
        let message = audio::resolve(&order.message, |name| library.holds(name), |_| false);
        let message = match message.map_err(|error| chain(&error))? {
            Reference::File(_) => {
                return Err("expected the name of a prepared message, or a `sound:` URI".to_owned());
            }
            message @ (Reference::Prepared(_) | Reference::OnPbx(_)) => message,
        };
        let mut plan = runtime::plan(config, None);
        plan.technique = order.technique.unwrap_or(plan.technique);
        if let Some(call) = &order.adopted {
            plan.technique = Technique::Adopted;
            plan.adoption = call.adoption;
        }
        Ok(Self {
            drop: order.drop,
            shown_number: order.number.to_string(),
            number: order.number,
            kind: order.kind,
            consent: order.consent,
            overrides: order.overrides,
            plan,
            message,
            message_name: order.message,
            library,
            targets,
            caller_id: order.caller_id.unwrap_or_else(|| pbx.caller_id.clone()),
            evidence: config.evidence.dir.clone(),
            expires_at: order.expires_at,
            traceparent: order.traceparent,
            keeping: Some(order.keeping),
            audit: None,
            adopted: order.adopted.map(|call| call.channel),
        })
    }

    /// Whether it is not dialled any more.
    pub(super) fn has_expired(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|at| at <= now)
    }
}
