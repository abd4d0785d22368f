//! What a person states to the gate for one drop, and what the gate answers.

use anyhow::anyhow;
use clap::{Args as ClapArgs, builder::ValueParser};
use jiff::{RoundMode, Timestamp, TimestampRound, Unit, civil::Date, tz::TimeZone};

use super::{super::CliError, NotDialled, Printer, overrides::word};
use crate::{
    campaign::{
        Decision, HeldReason, RefusedReason,
        policy::{CampaignKind, Consent, ConsentKind, Override, OverrideError, Rule, Ruling},
    },
    id::DropId,
    store::StoreError,
};

/// What the gate has to know of this call.
#[derive(Debug, ClapArgs)]
#[command(next_help_heading = "Whether the number may be called")]
pub(super) struct GateArgs {
    /// What the message is for; one that sells, if only in part, is marketing
    #[arg(long, value_parser = kind(), default_value = "marketing")]
    kind: CampaignKind,
    /// How the callee agreed to such calls; marketing needs it in writing
    #[arg(long, value_parser = consent(), requires_all = ["consent_at", "consent_source"])]
    consent: Option<ConsentKind>,
    /// When they agreed: 2026-03-01, or a moment such as 2026-03-01T14:30:00Z
    #[arg(long, value_name = "DATE", value_parser = consent_at, requires = "consent")]
    consent_at: Option<Timestamp>,
    /// Where that is recorded, such as `web form 2026-03`
    #[arg(long, value_name = "TEXT", requires = "consent")]
    consent_source: Option<String>,
    /// Set a rule aside for this drop: do_not_call, consent, frequency_cap or calling_hours; may be given several times
    #[arg(long = "override", value_name = "RULE", value_parser = rule, requires = "because")]
    rules: Vec<Rule>,
    /// Why; it is logged, and kept with the drop
    #[arg(long, value_name = "TEXT", requires = "rules")]
    because: Option<String>,
}

impl GateArgs {
    pub(super) const fn kind(&self) -> CampaignKind {
        self.kind
    }

    /// The consent that is on record, as it was given.
    pub(super) fn consent(&self) -> Option<Consent> {
        self.consent.map(|kind| Consent {
            kind,
            at: self.consent_at,
            source: self.consent_source.clone(),
        })
    }

    /// The rules that are set aside, all for the one reason that was given.
    ///
    /// # Errors
    /// [`OverrideError`] if the reason is empty.
    pub(super) fn overrides(&self) -> Result<Vec<Override>, OverrideError> {
        let because = without_numbers(self.because.as_deref().unwrap_or_default());
        let aside = self.rules.iter();
        aside
            .map(|rule| Override::new(rule.slug(), &because))
            .collect()
    }
}

/// What is said of a drop that the gate does not allow: the object on stdout if it is wanted, and the rest for stderr.
pub(super) fn stopped(drop: DropId, ruling: &Ruling, json: bool, printer: Printer) -> CliError {
    let said = ruling.findings.last().map_or("", |f| f.words.as_str());
    match ruling.decision {
        Decision::Refused(reason) => {
            if json {
                printer.json(&NotDialled::refused(drop, reason.slug()));
            }
            let trouble = CliError::new(anyhow!("refused ({reason}): {said}"));
            trouble.maybe_hint(refused_hint(reason).map(str::to_owned))
        }
        Decision::Held { reason, until } => {
            if json {
                printer.json(&NotDialled::held(drop, reason.slug(), until.to_string()));
            }
            let here = moment(until, &TimeZone::system());
            let trouble = CliError::new(anyhow!("held ({reason}) until {here}: {said}"));
            trouble.maybe_hint(held_hint(reason))
        }
        // The reason why something is allowed is of no interest.
        Decision::Allowed => CliError::new(anyhow!("nothing stands against this drop")),
    }
}

/// A store without which nothing is dialled.
pub(super) fn no_store(error: StoreError) -> CliError {
    let hint = error.hint().unwrap_or(
        "without it nobody knows whether and how often the number may be called; see `store.url`",
    );
    CliError::new(error).hint(hint)
}

const fn refused_hint(reason: RefusedReason) -> Option<&'static str> {
    match reason {
        RefusedReason::DoNotCall => Some(
            "`aftertone dnc check` tells since when and why it stands there; who asked not to be called is not called",
        ),
        RefusedReason::NoConsent => Some(
            "tell the consent you have: `--consent written --consent-at 2026-03-01 --consent-source \"web form\"`; for a telephone of your own: `--override consent --because \"my own telephone\"`",
        ),
        RefusedReason::BlockedPrefix => Some("see `gate.blocked_prefixes` in the configuration"),
        RefusedReason::InvalidNumber
        | RefusedReason::EmergencyNumber
        | RefusedReason::Duplicate => None,
    }
}

fn held_hint(reason: HeldReason) -> Option<String> {
    let rule = match reason {
        HeldReason::CallingHours => Rule::CallingHours,
        HeldReason::FrequencyCap => Rule::FrequencyCap,
        HeldReason::Paused => return None,
    };
    Some(format!(
        "run it again then; or, with a reason that is logged and kept: `--override {rule} --because TEXT`"
    ))
}

/// A moment as the clocks of a zone show it, not a second before it.
fn moment(at: Timestamp, zone: &TimeZone) -> String {
    let to_the_minute = TimestampRound::new()
        .smallest(Unit::Minute)
        .mode(RoundMode::Ceil);
    let at = at.round(to_the_minute).unwrap_or(at);
    let at = at.to_zoned(zone.clone());
    at.strftime("%a %Y-%m-%d %H:%M %Z").to_string()
}

/// A text in which what may be a telephone number (seven digits or more, with what people put between them) is masked.
fn without_numbers(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| c.is_ascii_digit()) {
        let (before, from) = rest.split_at(at);
        let between = |c: char| c.is_ascii_digit() || " -./()".contains(c);
        let length = from.find(|c: char| !between(c)).unwrap_or(from.len());
        let (run, after) = from.split_at(length);
        let many = run.bytes().filter(u8::is_ascii_digit).count() >= 7;
        masked.push_str(before);
        masked.extend(run.chars().map(|c| match c {
            '0'..='9' if many => '•',
            c => c,
        }));
        rest = after;
    }
    masked + rest
}

fn kind() -> ValueParser {
    word(&[
        ("marketing", CampaignKind::Marketing),
        ("informational", CampaignKind::Informational),
    ])
}

fn consent() -> ValueParser {
    word(&[
        ("written", ConsentKind::Written),
        ("verbal", ConsentKind::Verbal),
    ])
}

/// A moment, or the beginning of a day where this machine is.
fn consent_at(text: &str) -> Result<Timestamp, String> {
    let moment = text.parse::<Timestamp>().ok();
    let day = || {
        let day = text.parse::<Date>().ok()?;
        // As lists have it: the gate knows a day by its midnight in UTC.
        let midnight = day.to_zoned(TimeZone::UTC).ok()?;
        Some(midnight.timestamp())
    };
    moment
        .or_else(day)
        .ok_or_else(|| "expected a day such as 2026-03-01, or 2026-03-01T14:30:00Z".to_owned())
}

fn rule(text: &str) -> Result<Rule, OverrideError> {
    // The reason is an option of its own.
    Override::new(text, "given beside it").map(|rule| rule.rule())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_holds_no_telephone_number() {
        for (text, masked) in [
            ("he asked for it", "he asked for it"),
            (
                "asked by +12025550101 on the 3rd",
                "asked by +••••••••••• on the 3rd",
            ),
            ("call (202) 555-0101!", "call (•••) •••-••••!"),
            ("ticket 123456", "ticket 123456"),
            ("é 2025550101", "é ••••••••••"),
            ("", ""),
        ] {
            assert_eq!(without_numbers(text), masked);
        }
    }

    #[test]
    fn a_moment_is_never_told_too_early() {
        let zone = TimeZone::get("America/New_York").unwrap();
        let shown = |at: &str| moment(at.parse().unwrap(), &zone);
        assert_eq!(shown("2026-11-24T13:00:00Z"), "Tue 2026-11-24 08:00 EST");
        assert_eq!(
            shown("2026-11-24T13:00:00.000001Z"),
            "Tue 2026-11-24 08:01 EST"
        );
    }

    #[test]
    fn a_day_begins_at_its_midnight() {
        let day = consent_at("2026-03-01")
            .unwrap()
            .to_zoned(TimeZone::system());
        assert_eq!(
            day.strftime("%Y-%m-%d %H:%M").to_string(),
            "2026-03-01 00:00"
        );
        assert!(consent_at("2026-03-01T14:30:00Z").is_ok());
        for bad in ["", "yes", "01.03.2026", "2026-13-01"] {
            assert!(consent_at(bad).is_err(), "{bad}");
        }
    }
}
