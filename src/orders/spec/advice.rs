//! What an operator should know of a campaign's settings before it dials: where they meet what the trunk carries and
//! tolerates.

use std::time::Duration;

use super::{Spec, text};
use crate::campaign::{
    budget::{Share, TechniqueRule},
    engine::PbxSettings,
    pace::Rate,
};

/// What double calls cost on a trunk, for an operator who has not said what theirs tolerates.
pub const DOUBLE_CALL: &str = "a double drop is two calls, and one of them is cancelled before an answer by design, so half of \
    the calls of double drops are; trunks may charge for calls that are short, or if few calls are answered, or end the \
    contract: read yours. `trunk.cancelled` and `trunk.short` hold to its limits (`none`: it has none, and this is not \
    said again), `technique = \"by_share\"` mixes double and single calls to keep to `trunk.cancelled`, and `technique = \
    \"single\"` makes one call";

/// The same of a campaign's settings on a trunk, one text each; none if there is nothing to say.
pub fn advice(spec: &Spec, trunk: &PbxSettings) -> Vec<String> {
    let mut texts = Vec::new();
    if let Some(rate) = spec.rate.filter(|rate| is_beyond(*rate, trunk.rate)) {
        texts.push(format!(
            "`rate` {} is beyond `trunk.starts_per_second` {}, which holds",
            text::write_rate(rate),
            per_second(trunk.rate),
        ));
    }
    if let Some(most) = spec.in_flight.filter(|most| *most > trunk.in_flight) {
        texts.push(format!(
            "`in_flight` {most} is beyond `trunk.in_flight` {}, which holds",
            trunk.in_flight
        ));
    }
    let limits = &trunk.limits;
    match (spec.technique, limits.cancelled) {
        (TechniqueRule::Double, Some(limit)) if limit <= HALF => texts.push(format!(
            "`technique = \"double\"` cancels half of its calls before an answer, and `trunk.cancelled` is {}: dialling pauses \
             as soon as {} calls are counted (`trunk.at_least`), until they are older than {} (`trunk.window`); \
             `technique = \"by_share\"` mixes double and single calls to keep to the limit without a pause",
            text::write_share(limit),
            limits.at_least,
            text::write_duration(limits.window),
        )),
        (TechniqueRule::ByShare, None) => texts.push(
            "`technique = \"by_share\"` keeps to `trunk.cancelled`, which has no limit: every drop makes two calls"
                .to_owned(),
        ),
        (TechniqueRule::Double | TechniqueRule::ByShare, Some(_))
        | (TechniqueRule::Double, None)
        | (TechniqueRule::Single, _) => {}
    }
    texts
}

fn is_beyond(rate: Rate, trunk: Rate) -> bool {
    let (mine, theirs) = (rate.per().as_nanos(), trunk.per().as_nanos());
    u128::from(rate.starts()) * theirs > u128::from(trunk.starts()) * mine
}

/// Starts a second, as `trunk.starts_per_second` has them.
fn per_second(rate: Rate) -> String {
    if rate.per() == Duration::from_secs(1) {
        return rate.starts().to_string();
    }
    let number = f64::from(rate.starts()) / rate.per().as_secs_f64();
    let text = format!("{number:.3}");
    text.trim_end_matches('0').to_owned()
}

/// The least share of its calls that a campaign of double drops has cancelled.
const HALF: Share = Share::percent(50);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::campaign::{budget::BudgetLimits, policy::CampaignKind};

    #[test]
    fn settings_beyond_the_trunk_are_named_with_both_keys() {
        let rows = [
            ((1, 1_000), (1, 1_000), None),
            ((300, 60_000), (5, 1_000), None),
            (
                (301, 60_000),
                (5, 1_000),
                Some("`rate` 301/m is beyond `trunk.starts_per_second` 5, which holds"),
            ),
            ((1, 2_000), (1, 2_000), None),
            (
                (1, 1_000),
                (1, 2_000),
                Some("`rate` 1/s is beyond `trunk.starts_per_second` 0.5, which holds"),
            ),
        ];
        let rate = |(starts, ms)| Rate::new(starts, Duration::from_millis(ms)).unwrap();
        for (own, of_trunk, expected) in rows {
            let mut spec = spec(TechniqueRule::Double);
            spec.rate = Some(rate(own));
            let mut trunk = trunk(None);
            trunk.rate = rate(of_trunk);
            let texts = advice(&spec, &trunk);
            assert_eq!(texts.first().map(String::as_str), expected, "{own:?}");
        }
        let mut spec = spec(TechniqueRule::Double);
        spec.in_flight = Some(10);
        assert!(advice(&spec, &trunk(None)).is_empty());
        spec.in_flight = Some(11);
        assert_eq!(
            advice(&spec, &trunk(None)),
            ["`in_flight` 11 is beyond `trunk.in_flight` 10, which holds"]
        );
    }

    #[test]
    fn a_pause_is_said_before_it_happens_and_by_share_without_a_limit_is_double() {
        use TechniqueRule::{ByShare, Double, Single};
        let rows = [
            (Double, None, None),
            (
                Double,
                Some(20),
                Some("`trunk.cancelled` is 20%: dialling pauses as soon as 100 calls"),
            ),
            (Double, Some(50), Some("dialling pauses")),
            (Double, Some(51), None),
            (ByShare, None, Some("every drop makes two calls")),
            (ByShare, Some(20), None),
            (Single, None, None),
            (Single, Some(20), None),
        ];
        for (technique, limit, expected) in rows {
            let texts = advice(&spec(technique), &trunk(limit));
            assert_eq!(
                texts.len(),
                usize::from(expected.is_some()),
                "{technique:?} {texts:?}"
            );
            assert!(
                texts.iter().all(|text| text.contains(expected.unwrap())),
                "{texts:?}"
            );
        }
    }

    fn spec(technique: TechniqueRule) -> Spec {
        Spec {
            technique,
            ..Spec::new(CampaignKind::Marketing, "promo")
        }
    }

    fn trunk(cancelled: Option<u32>) -> PbxSettings {
        PbxSettings {
            rate: Rate::new(1, Duration::from_secs(1)).unwrap(),
            in_flight: 10,
            limits: BudgetLimits {
                cancelled: cancelled.map(Share::percent),
                ..BudgetLimits::default()
            },
        }
    }
}
