//! The pace of a campaign as a slider with its field, and what the simulation says of each pace that was tried.

use serde_json::Value;

use super::{
    campaign_settings::keys_of,
    form::PageForm,
    values::{number, text},
};
use crate::{
    campaign::pace::Rate,
    orders::{
        Spec,
        figures::{count, span},
    },
    store::Campaign,
};

/// A pace in drops a minute.
pub(super) struct PaceField {
    pub(super) value: u32,
    /// What the trunk allows over all campaigns, if that is more than what is shown.
    pub(super) most: u32,
    /// The same as the configuration has it.
    pub(super) trunk: String,
    /// The campaign's own as it is saved; empty: as fast as the trunk allows.
    pub(super) saved: String,
}

/// What the simulation said of a pace.
pub(super) struct TriedPace {
    pub(super) id: String,
    pub(super) pace: String,
    pub(super) takes: String,
    pub(super) busiest: String,
    pub(super) in_flight: String,
}

impl PaceField {
    /// That of a campaign, or the one that was tried last.
    pub(super) fn of(campaign: &Campaign, tried: Option<&str>, trunk: Rate) -> Self {
        let keys = keys_of(campaign).unwrap_or_default();
        let saved = keys.get("rate").and_then(Value::as_str).unwrap_or_default();
        let shown = tried.filter(|tried| !tried.is_empty()).unwrap_or(saved);
        let most = a_minute(trunk).max(1);
        let value = Spec::read_rate(shown).map_or(most, a_minute).max(1);
        Self {
            value,
            most: most.max(value),
            trunk: trunk.to_string(),
            saved: saved.to_owned(),
        }
    }
}

impl TriedPace {
    /// `None` unless the simulation is complete.
    pub(super) fn of(simulation: &Value) -> Option<Self> {
        let forecast = simulation
            .pointer("/forecast")
            .filter(|it| it.is_object())?;
        let pace = text(simulation, "/settings/rate");
        Some(Self {
            id: text(simulation, "/id"),
            pace: match Spec::read_rate(&pace).map(a_minute) {
                Some(starts) => format!("{} a minute", count(starts.into())),
                None => "as it is saved".to_owned(),
            },
            takes: span(std::time::Duration::from_secs(number(forecast, "/took_s"))),
            busiest: count(number(forecast, "/busiest_hour")),
            in_flight: count(number(forecast, "/most_in_flight")),
        })
    }
}

/// The pace that a form gives: the field, unless only the slider was moved, which without a script does not move the field.
pub(super) fn given_pace(form: &PageForm) -> Option<String> {
    let given = |name| form.text(name).and_then(|text| text.parse::<u32>().ok());
    let (field, slider, shown) = (given("pace"), given("pace_slider"), given("pace_shown"));
    let starts = if field.is_none() || field == shown {
        slider.or(field)
    } else {
        field
    };
    starts
        .filter(|starts| *starts > 0)
        .map(|starts| format!("{starts}/m"))
}

fn a_minute(rate: Rate) -> u32 {
    let millis = rate.per().as_millis().max(1);
    let starts = u128::from(rate.starts()) * 60_000 / millis;
    u32::try_from(starts).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whichever_of_slider_and_field_was_moved_is_the_pace() {
        let given = |field: &str, slider: &str| {
            let fields = [
                ("pace", field),
                ("pace_slider", slider),
                ("pace_shown", "60"),
            ];
            given_pace(&PageForm::of(&fields))
        };
        assert_eq!(given("60", "60").unwrap(), "60/m");
        assert_eq!(given("90", "60").unwrap(), "90/m");
        assert_eq!(given("60", "120").unwrap(), "120/m");
        assert_eq!(given("90", "90").unwrap(), "90/m");
        assert_eq!(given("", "120").unwrap(), "120/m");
        assert_eq!(given("0", "60"), None);
        assert_eq!(given_pace(&PageForm::default()), None);
    }

    #[test]
    fn a_pace_is_told_by_the_minute() {
        let of = |text: &str| a_minute(Spec::read_rate(text).unwrap());
        assert_eq!((of("5/s"), of("90/m"), of("20/10s")), (300, 90, 120));
    }
}
