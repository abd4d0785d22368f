//! What can be ordered otherwise for a single drop.

use std::time::Duration;

use clap::{
    Args as ClapArgs,
    builder::{PossibleValuesParser, TypedValueParser, ValueParser},
};
use jiff::SignedDuration;

use crate::{
    config::ScreenMode,
    drop::{Plan, Technique, WhenBusyLegAnswered, WhenScreened, WhenUnsure},
    phone::{CallerId, CallerIdError},
};

/// Settings that override the configuration for this drop.
#[derive(Debug, ClapArgs)]
#[command(next_help_heading = "Settings for this drop alone")]
pub(super) struct Overrides {
    /// Two calls, or the second only
    #[arg(long, value_parser = technique())]
    pub(super) technique: Option<Technique>,
    /// From the first call to the second: 0s to 60s
    #[arg(long, value_name = "DURATION", value_parser = lead)]
    pub(super) lead: Option<Duration>,
    /// Who detects the answering party: Aftertone, or the PBX's dialplan
    #[arg(long, value_parser = mode())]
    pub(super) mode: Option<ScreenMode>,
    /// What to do if it is not clear who answered
    #[arg(long, value_name = "POLICY", value_parser = when_unsure())]
    pub(super) when_unsure: Option<WhenUnsure>,
    /// What to do if a machine asks who calls and why: `say` plays the prompt that the configuration names
    #[arg(long, value_name = "POLICY", value_parser = when_screened())]
    pub(super) when_screened: Option<WhenScreened>,
    /// What to do if the first call is answered before the second
    #[arg(long, value_name = "POLICY", value_parser = when_busy_leg_answered())]
    pub(super) when_busy_leg_answered: Option<WhenBusyLegAnswered>,
    /// The caller ID
    #[arg(long, value_name = "NUMBER", value_parser = caller_id)]
    pub(super) caller_id: Option<CallerId>,
}

impl Overrides {
    /// Changes the plan as it was ordered.
    pub(super) fn apply(&self, plan: &mut Plan) {
        plan.technique = self.technique.unwrap_or(plan.technique);
        plan.lead = self.lead.unwrap_or(plan.lead);
        plan.when_unsure = self.when_unsure.unwrap_or(plan.when_unsure);
        plan.when_screened = self.when_screened.unwrap_or(plan.when_screened);
        plan.when_busy_leg_answered = self
            .when_busy_leg_answered
            .unwrap_or(plan.when_busy_leg_answered);
    }
}

fn technique() -> ValueParser {
    word(&[("double", Technique::Double), ("single", Technique::Single)])
}

fn mode() -> ValueParser {
    word(&[
        ("listen", ScreenMode::Listen),
        ("dialplan", ScreenMode::Dialplan),
    ])
}

fn when_unsure() -> ValueParser {
    word(&[("hang_up", WhenUnsure::HangUp), ("play", WhenUnsure::Play)])
}

fn when_screened() -> ValueParser {
    word(&[
        ("hang_up", WhenScreened::HangUp),
        ("say", WhenScreened::Say),
    ])
}

fn when_busy_leg_answered() -> ValueParser {
    word(&[
        ("promote", WhenBusyLegAnswered::Promote),
        ("continue", WhenBusyLegAnswered::Continue),
        ("give_up", WhenBusyLegAnswered::GiveUp),
    ])
}

/// Parses one of a few words, which `--help` lists.
pub(super) fn word<T: Copy + Send + Sync>(words: &'static [(&'static str, T)]) -> ValueParser {
    let possible = PossibleValuesParser::new(words.iter().map(|(word, _)| *word));
    let meaning = |given: String| {
        let found = words.iter().find(|(word, _)| *word == given);
        found
            .map(|&(_, meaning)| meaning)
            .ok_or("not one of the words")
    };
    possible.try_map(meaning).into()
}

fn lead(text: &str) -> Result<Duration, String> {
    let expected = "expected 0s to 60s, such as `2s` or `500ms`";
    let parsed = text.parse::<SignedDuration>().ok();
    let lead = parsed.and_then(|lead| Duration::try_from(lead).ok());
    lead.filter(|lead| *lead <= LONGEST_LEAD)
        .ok_or_else(|| expected.to_owned())
}

fn caller_id(text: &str) -> Result<CallerId, CallerIdError> {
    CallerId::parse(text)
}

/// As `drop.lead` in the configuration.
const LONGEST_LEAD: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::drop::Mode;

    #[derive(Debug, Parser)]
    struct OverridesLine {
        #[command(flatten)]
        overrides: Overrides,
    }

    #[test]
    fn what_is_given_for_one_drop_overrides_the_configuration() {
        let mut plan = plan();
        let given = overrides(&[
            "--technique=single",
            "--lead=500ms",
            "--when-unsure=play",
            "--when-screened=say",
            "--when-busy-leg-answered=give_up",
            "--caller-id=+12025550199",
        ]);
        let given = given.unwrap();
        given.apply(&mut plan);
        assert_eq!(plan.technique, Technique::Single);
        assert_eq!(plan.lead, Duration::from_millis(500));
        assert_eq!(plan.when_unsure, WhenUnsure::Play);
        assert_eq!(plan.when_screened, WhenScreened::Say);
        assert_eq!(plan.when_busy_leg_answered, WhenBusyLegAnswered::GiveUp);
        assert_eq!(given.caller_id.unwrap().as_str(), "+12025550199");
    }

    #[test]
    fn what_is_not_given_is_as_configured() {
        let mut applied = plan();
        overrides(&[]).unwrap().apply(&mut applied);
        assert_eq!(applied, plan());
    }

    #[test]
    fn a_bad_override_is_a_usage_error() {
        for bad in [
            "--technique=triple",
            "--lead=-1s",
            "--lead=61s",
            "--lead=2",
            "--lead=",
            "--mode=ears",
            "--when-unsure=PLAY",
            "--when-busy-leg-answered=never",
            "--caller-id=\"A\" <+12025550199>",
        ] {
            assert!(overrides(&[bad]).is_err(), "{bad}");
        }
    }

    fn overrides(args: &[&str]) -> Result<Overrides, clap::Error> {
        let line = [&["drop"], args].concat();
        OverridesLine::try_parse_from(line).map(|line| line.overrides)
    }

    fn plan() -> Plan {
        Plan {
            technique: Technique::Double,
            lead: Duration::from_secs(2),
            answer_timeout: Duration::from_secs(45),
            screening_timeout: Duration::from_secs(90),
            ready_timeout: Duration::from_secs(60),
            release_on_progress: Some(Duration::ZERO),
            release_when_unheard: None,
            when_unsure: WhenUnsure::HangUp,
            when_screened: WhenScreened::HangUp,
            prompt: None,
            when_busy_leg_answered: WhenBusyLegAnswered::Promote,
            mode: Mode::Dialplan,
            voice: crate::drop::Voice::Ours,
            max_restarts: 2,
            message: None,
            adoption: crate::drop::Adoption::default(),
        }
    }
}
