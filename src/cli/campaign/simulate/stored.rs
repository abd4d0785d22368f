//! A campaign as the database has it, for a simulation.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value};

use super::{
    super::{
        create::{find, ordered},
        options,
    },
    ListRead, Simulated,
};
use crate::{
    campaign::{
        engine::CampaignId,
        pace::Rate,
        simulate::{DueContact, OtherCampaign, Surroundings},
    },
    cli::{CliError, database},
    config::Config,
    controller::gate::{CampaignGate, rules_digest},
    orders::{Spec, overlay},
    store::{OpenContact, Status, Store},
};

/// A campaign with its contacts and all that runs beside it. `given` are settings that hold for the simulation alone.
///
/// # Errors
/// [`CliError`] if there is no such campaign, or the database fails.
pub(super) async fn campaign(
    name: &str,
    given: Map<String, Value>,
    now: Timestamp,
    config: &Config,
) -> Result<(Spec, Simulated), CliError> {
    let store = database::open_to_read(config).await?;
    let own = find(name, &store).await?;
    let mut keys = ordered(&own)?.to_keys();
    overlay(&mut keys, given);
    let spec = Spec::from_keys(&keys).map_err(options::wrong)?;
    let mut reader = Reader {
        gate: CampaignGate::new(config.gate.clone()),
        store: &store,
        config,
        now,
    };
    let contacts = reader.contacts(own.id, &spec).await?;
    let mut rates: Vec<Rate> = spec.rate.into_iter().chain([config.trunk.rate]).collect();
    let mut others = Vec::new();
    let all = store.campaigns(0).await.map_err(database::trouble)?;
    for other in all {
        if other.id == own.id || other.status != Status::Running {
            continue;
        }
        let spec = ordered(&other)?;
        rates.extend(spec.rate);
        others.push(OtherCampaign {
            id: other.id,
            settings: spec.settings().map_err(options::wrong)?,
            contacts: reader.contacts(other.id, &spec).await?,
        });
    }
    let since = |span| now.checked_sub(span).unwrap_or(Timestamp::MIN);
    let span = rates.into_iter().map(Rate::per).max().unwrap_or_default();
    let trunk = match &config.trunk_name {
        Some(name) => name.clone(),
        None => {
            let registered = store.trunk_of(&config.instance).await;
            registered.map_err(database::trouble)?.unwrap_or_default()
        }
    };
    let starts = store.recent_starts(&trunk, since(span)).await;
    let starts = starts.map_err(database::trouble)?.into_iter();
    let starts = starts.map(|start| (start.campaign.unwrap_or(OF_NO_CAMPAIGN), start.at));
    let window = since(config.trunk.limits.window);
    let calls = store.recent_calls(&trunk, window, None).await;
    let calls = calls.map_err(database::trouble)?.into_iter();
    let around = Surroundings {
        campaign: own.id,
        others,
        starts: starts.collect(),
        calls: calls.map(|called| (called.calls, called.at)).collect(),
    };
    let simulated = Simulated {
        contacts,
        around,
        gate: reader.gate,
        list: ListRead::default(),
    };
    Ok((spec, simulated))
}

/// Reads contacts, and has the gate remember them.
struct Reader<'a> {
    gate: CampaignGate,
    store: &'a Store,
    config: &'a Config,
    now: Timestamp,
}

impl Reader<'_> {
    async fn contacts(
        &mut self,
        campaign: CampaignId,
        spec: &Spec,
    ) -> Result<Vec<DueContact>, CliError> {
        self.gate.set_campaign(campaign, spec.kind);
        let (store, now) = (self.store, self.now);
        let rules = rules_digest(&self.config.gate, spec);
        let asks_again = store.is_held_otherwise(campaign, &rules, now).await;
        let asks_again = asks_again.map_err(database::trouble)?;
        let history: SignedDuration = self.gate.history();
        let mut contacts = Vec::new();
        let mut after = None;
        loop {
            let more = store.peek(campaign, after, BATCH, history, now).await;
            let more: Vec<OpenContact> = more.map_err(database::trouble)?;
            let Some(last) = more.last() else {
                return Ok(contacts);
            };
            after = Some(last.leased.contact.id);
            for open in more {
                // A controller that comes with other rules than those it is held under asks the gate at once.
                let due = if open.is_held && asks_again {
                    now
                } else {
                    open.due_at
                };
                let contact = self.gate.remember(open.leased);
                contacts.push(DueContact { contact, due });
            }
        }
    }
}

/// The campaign of drops that belong to none: they count for the trunk alone.
const OF_NO_CAMPAIGN: CampaignId = CampaignId(i64::MIN);

/// Contacts that are read at a time.
const BATCH: usize = 1_000;
