//! What came of a campaign, as counts.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Serialize, Serializer};

use super::units;
use crate::{
    callback::CallbackOutcome,
    campaign::{
        RefusedReason,
        confidence::wilson,
        cost::{Cost, Money, Price},
    },
    drop::{Outcome, Proof},
    store::{CalledBack, CallsOfLength, Campaign, Store, StoreError},
    words::Leg,
};

/// The counts of a campaign. It serializes with the keys that programs read.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CampaignSummary {
    /// Its name.
    pub campaign: String,
    /// The word that the database has for its state.
    pub standing: &'static str,
    /// Whether any controller is alive that could run it.
    pub has_controller: bool,
    /// Contacts whose last outcome is that the message was left.
    pub contacts_delivered: u64,
    /// All of its contacts.
    pub contacts: u64,
    /// Contacts that wait to be dialled.
    pub waiting: u64,
    /// Drops in flight.
    pub in_flight: u64,
    /// Drops, those in flight included.
    pub drops: u64,
    /// Drops that are counted, and gone.
    pub drops_pruned: u64,
    /// Contacts by their last outcome.
    pub outcomes: BTreeMap<Outcome, u64>,
    /// Contacts that the gate refused, by reason.
    pub refused: BTreeMap<RefusedReason, u64>,
    /// Drops that left their message, by how sure that is; those that an earlier version has pruned are not among them.
    pub proofs: BTreeMap<Proof, u64>,
    /// What its calls cost; `None` without a price.
    pub cost: Option<CostSummary>,
    /// Who called back.
    pub callbacks: CallbackSummary,
    /// Its variants, by name.
    pub variants: Vec<VariantSummary>,
}

/// Contacts that called back, by what came of their last call.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct CallbackSummary {
    /// All of them.
    pub contacts: u64,
    /// Those who want no more calls.
    pub opted_out: u64,
    /// Those whose call was sent on.
    pub connected: u64,
    /// Those who heard the prompt to its end.
    pub listened: u64,
    /// Those who hung up before.
    pub hung_up: u64,
    /// The share of contacts with the message that called back, from 0 to 1.
    pub response_share: Option<f64>,
    /// The interval that holds it with 95 % confidence.
    pub response_95: Option<[f64; 2]>,
    /// The share of contacts with the message that want no more calls, from 0 to 1.
    pub opt_out_share: Option<f64>,
    /// The interval that holds it with 95 % confidence.
    pub opt_out_95: Option<[f64; 2]>,
    /// The share of contacts with the message whose call was sent on, from 0 to 1.
    pub connected_share: Option<f64>,
    /// The interval that holds it with 95 % confidence.
    pub connected_95: Option<[f64; 2]>,
    /// The share of contacts with the message that called back and heard the prompt to its end, from 0 to 1.
    pub listened_share: Option<f64>,
    /// The interval that holds it with 95 % confidence.
    pub listened_95: Option<[f64; 2]>,
    /// The share of contacts with the message that called back and hung up before, from 0 to 1.
    pub hung_up_share: Option<f64>,
    /// The interval that holds it with 95 % confidence.
    pub hung_up_95: Option<[f64; 2]>,
}

/// What calls cost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CostSummary {
    /// All of them.
    #[serde(serialize_with = "amount")]
    pub total: Money,
    /// The drop legs.
    #[serde(serialize_with = "amount")]
    pub drop_legs: Money,
    /// The busy legs.
    #[serde(serialize_with = "amount")]
    pub busy_legs: Money,
    /// The currency's code.
    pub currency: String,
}

/// What came of a variant of the message.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct VariantSummary {
    /// Its name.
    pub variant: String,
    /// Drops that ended.
    pub drops_ended: u64,
    /// Those that left the message.
    pub drops_delivered: u64,
    /// Drops by their outcome.
    pub outcomes: BTreeMap<Outcome, u64>,
    /// As `drops_ended`.
    pub ended: u64,
    /// As `drops_delivered`.
    pub delivered: u64,
    /// The share of these, from 0 to 1.
    pub delivered_share: Option<f64>,
    /// The interval that holds it with 95 % confidence.
    pub confidence_95: Option<[f64; 2]>,
    /// Who called back.
    pub callbacks: CallbackSummary,
}

impl CampaignSummary {
    /// Counts a campaign.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn of(
        store: &Store,
        campaign: &Campaign,
        price: Option<&Price>,
        now: Timestamp,
    ) -> Result<Self, StoreError> {
        let tally = store.tally(campaign.id).await?;
        let variants = store.variants(campaign.id).await?;
        let called_back = store.called_back(campaign.id).await?;
        let all_delivered = delivered(&tally.outcomes).0;
        let cost = match price {
            Some(price) => {
                let calls = store.calls_by_length(campaign.id).await?;
                Some(CostSummary::of(price, &calls))
            }
            None => None,
        };
        Ok(Self {
            campaign: campaign.name.clone(),
            standing: campaign.status.slug(),
            has_controller: store.has_controller(now).await?,
            contacts_delivered: all_delivered,
            contacts: tally.contacts,
            waiting: tally.waiting,
            in_flight: tally.in_flight,
            drops: tally.drops,
            drops_pruned: store.pruned(campaign.id).await?,
            outcomes: tally.outcomes,
            refused: tally.refused,
            proofs: store.proofs(campaign.id).await?,
            cost,
            callbacks: CallbackSummary::of(called_back.iter(), all_delivered),
            variants: variants
                .into_iter()
                .map(|(name, outcomes)| VariantSummary::of(name, outcomes, &called_back))
                .collect(),
        })
    }
}

impl CostSummary {
    /// What all calls cost. Each is charged on its own, so that the sum is that of the rows.
    fn of(price: &Price, calls: &[CallsOfLength]) -> Self {
        let each = calls.iter().map(|of| {
            let mut cost = Cost::default();
            let money = price.calls(of.seconds.saturating_mul(1_000), of.calls);
            match of.leg {
                Leg::Busy => cost.busy = money,
                Leg::Drop => cost.drop = money,
            }
            cost
        });
        let cost: Cost = each.sum();
        Self {
            total: cost.total(),
            drop_legs: cost.drop,
            busy_legs: cost.busy,
            currency: price.currency.to_string(),
        }
    }
}

impl CallbackSummary {
    /// Counts them; so many contacts have the message.
    fn of<'a>(called_back: impl Iterator<Item = &'a CalledBack>, delivered: u64) -> Self {
        let mut summary = Self::default();
        // Of those who have the message.
        let mut responses = 0;
        let mut by_outcome = BTreeMap::new();
        for each in called_back {
            let contacts = each.contacts;
            summary.contacts += contacts;
            match each.outcome {
                Some(CallbackOutcome::OptedOut) => summary.opted_out += contacts,
                Some(CallbackOutcome::Connected) => summary.connected += contacts,
                Some(CallbackOutcome::Listened) => summary.listened += contacts,
                Some(CallbackOutcome::HungUp) => summary.hung_up += contacts,
                None => {}
            }
            if each.is_delivered {
                responses += contacts;
                if let Some(outcome) = each.outcome {
                    *by_outcome.entry(outcome).or_insert(0) += contacts;
                }
            }
        }
        let share = |counted: u64| (delivered > 0).then(|| counted as f64 / delivered as f64);
        let interval = |counted| wilson(counted, delivered).map(|(low, high)| [low, high]);
        let of = |outcome| by_outcome.get(&outcome).copied().unwrap_or(0);
        let [opt_outs, connected, listened, hung_up] = CallbackOutcome::ALL.map(of);
        Self {
            response_share: share(responses),
            response_95: interval(responses),
            opt_out_share: share(opt_outs),
            opt_out_95: interval(opt_outs),
            connected_share: share(connected),
            connected_95: interval(connected),
            listened_share: share(listened),
            listened_95: interval(listened),
            hung_up_share: share(hung_up),
            hung_up_95: interval(hung_up),
            ..summary
        }
    }
}

impl VariantSummary {
    fn of(variant: String, outcomes: BTreeMap<Outcome, u64>, called_back: &[CalledBack]) -> Self {
        let (delivered, all) = delivered(&outcomes);
        let of_it = called_back
            .iter()
            .filter(|each| each.variant.as_deref() == Some(&variant));
        Self {
            callbacks: CallbackSummary::of(of_it, delivered),
            variant,
            drops_ended: all,
            drops_delivered: delivered,
            outcomes,
            ended: all,
            delivered,
            delivered_share: (all > 0).then(|| delivered as f64 / all as f64),
            confidence_95: wilson(delivered, all).map(|(low, high)| [low, high]),
        }
    }
}

fn delivered(outcomes: &BTreeMap<Outcome, u64>) -> (u64, u64) {
    let delivered = outcomes.get(&Outcome::Delivered).copied();
    (delivered.unwrap_or(0), outcomes.values().sum())
}

fn amount<S: Serializer>(amount: &Money, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_f64(units(*amount))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_of_those_who_have_the_message() {
        let of = |outcome, is_delivered, contacts| CalledBack {
            variant: None,
            is_delivered,
            outcome,
            contacts,
        };
        let called_back = [
            of(Some(CallbackOutcome::OptedOut), true, 2),
            of(Some(CallbackOutcome::Connected), true, 5),
            of(Some(CallbackOutcome::HungUp), false, 4),
            of(None, true, 1),
        ];
        let summary = CallbackSummary::of(called_back.iter(), 100);
        assert_eq!(
            (summary.contacts, summary.opted_out, summary.hung_up),
            (12, 2, 4)
        );
        assert_eq!(summary.response_share, Some(0.08));
        assert_eq!(summary.opt_out_share, Some(0.02));
        assert_eq!(summary.connected_share, Some(0.05));
        assert_eq!(summary.listened_share, Some(0.0));
        // Those who hung up have no message.
        assert_eq!(summary.hung_up_share, Some(0.0));
        assert!(summary.response_95.unwrap()[0] < 0.08);
        let none = CallbackSummary::of(std::iter::empty(), 0);
        assert_eq!(none, CallbackSummary::default());
    }
    use crate::campaign::cost::{Currency, Increment};

    #[test]
    fn the_sum_is_that_of_calls_charged_one_by_one() {
        let price = Price {
            per_minute: Money::parse("0.0085").unwrap(),
            per_attempt: Money::parse("0.001").unwrap(),
            increment: Increment::parse("6/6").unwrap(),
            currency: Currency::default(),
        };
        let of = |leg, seconds, calls| CallsOfLength {
            leg,
            seconds,
            calls,
        };
        let cost = CostSummary::of(
            &price,
            &[
                of(Leg::Busy, 0, 1_000),
                of(Leg::Drop, 7, 3),
                of(Leg::Drop, 0, 1),
            ],
        );
        assert_eq!(cost.busy_legs.to_string(), "1.00");
        // Three of twelve seconds at 0.0017, four attempts.
        assert_eq!(cost.drop_legs.to_string(), "0.0091");
    }
}
