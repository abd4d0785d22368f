//! The state of a campaign as the database has it.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::view::{CampaignView, StoredView, WaitingView};
use crate::store::{Campaign, Store, StoreError, WaitingGroup};

/// The state of a campaign, whether a controller runs it or not.
///
/// # Errors
/// [`StoreError`].
pub async fn stored_view(
    campaign: Campaign,
    store: &Store,
    now: Timestamp,
) -> Result<CampaignView, StoreError> {
    let tally = store.tally(campaign.id).await?;
    let waiting = store.waiting(campaign.id, now).await?.into_iter();
    let has_controller = store.has_controller(now).await?;
    Ok(CampaignView {
        id: campaign.id,
        standing: campaign.status.slug(),
        contacts: tally.contacts,
        done: tally.outcomes.values().sum::<u64>() + tally.refused.values().sum::<u64>(),
        in_flight: tally.in_flight,
        outcomes: tally.outcomes,
        refused: tally.refused,
        stored: Some(StoredView {
            interrupted_import: unfinished_import(&campaign, store).await?,
            why: campaign.why,
            created_at: campaign.created_at,
            has_controller,
            waiting: tally.waiting,
            drops: tally.drops,
            waiting_for: waiting_for(waiting),
        }),
        name: campaign.name,
        run: None,
    })
}

/// The list of a campaign whose import was interrupted and not repeated.
///
/// # Errors
/// [`StoreError`].
pub async fn unfinished_import(
    campaign: &Campaign,
    store: &Store,
) -> Result<Option<String>, StoreError> {
    let imports = store.imports(campaign.id).await?;
    // A list may have changed and been imported whole since.
    let last: BTreeMap<_, _> = imports
        .into_iter()
        .map(|(source, importing)| (source.name, importing.is_complete))
        .collect();
    Ok(last
        .into_iter()
        .find_map(|(name, is_complete)| (!is_complete).then_some(name)))
}

/// What contacts wait for, the soonest first; those that hours hold, whether by themselves or with their place, together.
fn waiting_for(groups: impl Iterator<Item = WaitingGroup>) -> Vec<WaitingView> {
    let mut all: BTreeMap<_, u64> = BTreeMap::new();
    for group in groups {
        let key = (group.until, group.reason, group.zone);
        *all.entry(key).or_default() += group.contacts;
    }
    let view = |((until, reason, zone), contacts)| WaitingView {
        reason,
        until,
        zone,
        contacts,
    };
    all.into_iter().map(view).collect()
}
